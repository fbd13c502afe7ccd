/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/suggest.h"
#include "tests/support/unit.h"

static const char *const known[] = {
    "parse",
    "generate",
    "config",
    "include_original",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    NULL};

static const struct {
    const char *label, *word, *want;
} rows[] = {
    {"the word itself", "parse", "parse"},
    {"a letter missing", "prse", "parse"},
    {"a letter too many", "generrate", "generate"},
    {"a wrong letter", "confik", "config"},
    {"neighbours swapped", "prase", "parse"},
    {"two changes in a long word", "gnerat", "generate"},
    {"another separator", "include-original", "include_original"},
    {"two changes in a short word", "prso", NULL},
    {"nothing near", "serve", NULL},
    {"empty", "", NULL},
    {"a long word is not compared",
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL},
};

START_TEST(nearest)
{
    const char *found = dsn_suggest(rows[_i].word, known);

    if (rows[_i].want == NULL)
        ck_assert_msg(found == NULL, "%s: %s", rows[_i].label, found);
    else
        ck_assert_msg(g_strcmp0(found, rows[_i].want) == 0, "%s: %s", rows[_i].label,
                      found == NULL ? "(none)" : found);
}
END_TEST

START_TEST(first_of_two_equally_near)
{
    static const char *const two[] = {"cat", "bat", NULL};

    ck_assert_str_eq(dsn_suggest("rat", two), "cat");
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("suggest");
    TCase *tcase = tcase_create("suggest");

    tcase_add_loop_test(tcase, nearest, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, first_of_two_equally_near);
    suite_add_tcase(suite, tcase);
    return suite;
}
