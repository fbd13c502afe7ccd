/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/clean-text.h"
#include "tests/support/unit.h"

static const struct {
    const char *label, *text, *want;
} rows[] = {
    {"plain", "mx1: no such file", "mx1: no such file"},
    {"line ends", "a\r\nb", "a\\x0d\\x0ab"},
    {"escape sequence", "\033[2J\007", "\\x1b[2J\\x07"},
    {"delete", "\x7f", "\\x7f"},
    {"UTF-8", "gr\303\274n", "gr\303\274n"},
    {"C1 control", "\302\233x", "\\xc2\\x9bx"},
    {"text direction", "a\342\200\256b", "a\\xe2\\x80\\xaeb"},
    {"line separator", "a\342\200\250b", "a\\xe2\\x80\\xa8b"},
    {"not UTF-8", "\377\303", "\\xff\\xc3"},
    {"overlong", "\300\257", "\\xc0\\xaf"},
    {"backslash", "a\\b", "a\\b"},
};

START_TEST(cleans)
{
    g_autoptr(GString) line = g_string_new(NULL);

    dsn_append_clean(line, dsn_span(rows[_i].text));
    dsn_assert_span(((DsnSpan){line->str, line->len}), rows[_i].want, rows[_i].label);
}
END_TEST

START_TEST(a_span_may_hold_anything)
{
    g_autoptr(GString) line = g_string_new("x=");

    dsn_append_clean(line, DSN_SPAN_LITERAL("a\0b"));
    dsn_append_clean(line, DSN_SPAN_ABSENT);
    ck_assert_str_eq(line->str, "x=a\\x00b");
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("clean-text");
    TCase *tcase = tcase_create("clean-text");

    tcase_add_loop_test(tcase, cleans, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, a_span_may_hold_anything);
    suite_add_tcase(suite, tcase);
    return suite;
}
