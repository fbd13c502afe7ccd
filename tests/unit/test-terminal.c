/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/cli/terminal.h"
#include "tests/support/unit.h"

static const struct {
    guint64 count;
    const char *want;
} counts[] = {
    {0, "0"},
    {999, "999"},
    {1000, "1,000"},
    {123456, "123,456"},
    {1234567, "1,234,567"},
    {G_MAXUINT64, "18,446,744,073,709,551,615"},
};

START_TEST(groups_digits)
{
    g_autoptr(GString) text = g_string_new("7:");

    dsn_append_count(text, counts[_i].count);
    ck_assert_str_eq(text->str + 2, counts[_i].want);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("terminal");
    TCase *tcase = tcase_create("terminal");

    tcase_add_loop_test(tcase, groups_digits, 0, G_N_ELEMENTS(counts));
    suite_add_tcase(suite, tcase);
    return suite;
}
