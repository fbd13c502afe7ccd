/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/rule-syntax.h"

#include <string.h>

#include "tests/support/unit.h"

#define PLACE (-1) /* none */

/* What is misread, where, and a word of the reason. */
static const struct {
    const char *rule;
    int offset;
    const char *why;
} rows[] = {
    {"", PLACE, NULL},
    {"^5\\d{2} [45]\\.2\\.[0-9]{1,3}(?:x|y)?$", PLACE, NULL},
    {"a{2}b{2,}c{2,3}?", PLACE, NULL},
    {"a{,3}", 1, "plain"},
    {"a{b}", 1, "plain"},
    {"\\b{start}x", 2, "plain"},
    {"\\{x\\}", PLACE, NULL},
    {"[{]}", PLACE, NULL},
    {"\\p{Greek}\\P{Lu}\\x{e9}\\pL", PLACE, NULL},
    {"a+", PLACE, NULL},
    {"a+?", PLACE, NULL},
    {"a++", 2, "possessive"},
    {"a*+", 2, "possessive"},
    {"a?+", 2, "possessive"},
    {"a{2}+", 4, "possessive"},
    {"(a+)+", PLACE, NULL},
    {"[+*]+", PLACE, NULL},
    {"\\++", PLACE, NULL},
    {"(?x)a+ +", 7, "possessive"},
    {"(?x)a+ #+\n+", 10, "possessive"},
    {"(?x)a+ b+", PLACE, NULL},
    {"a+ +", PLACE, NULL}, /* of the space */
    {"\\<x", 0, "\\b"},
    {"x\\>", 1, "\\b"},
    {"[\\<]", 1, "\\b"},
    {"\\v", 0, "vertical"},
    {"\\\\v", PLACE, NULL},
    {"[a[b]]", 2, "classes"},
    {"[a&&b]", 2, "operations"},
    {"[a-z--b]", 4, "operations"},
    {"[a~~b]", 2, "operations"},
    {"[a&b-c~]", PLACE, NULL},
    {"&&--~~", PLACE, NULL},
    {"[]a]", PLACE, NULL},
    {"[^]a]", PLACE, NULL},
    {"[[:alpha:][:^digit:]_]", PLACE, NULL},
    {"[[:a:b]", 1, "classes"},
    {"[[: a:]]", 1, "classes"},
    {"(?i)a(?-i:b)(?P<n>c)(?<m>d)(?s-m)", PLACE, NULL},
    {"(?R)x", 0, "flag R"},
    {"(?iR:x)", 0, "flag R"},
    {"(?x) a b # c [d[e]]\n f", PLACE, NULL},
    {"(?x)[a b]", 6, "white space"},
    {"(?x)[a#]", 6, "white space"},
    {"(?ix)[\\ ]", PLACE, NULL},
    {"[a b#]", PLACE, NULL},
    {"(?x:a)", 0, "flag x"},
    {"(?x)a(?-x)b", 5, "flag x"},
    {"(a(?x)b)", 2, "flag x"},
    {"(a)(?x)b", PLACE, NULL},
    {"(?:a)(?x)b", PLACE, NULL},
    {"a\\", PLACE, NULL},   /* what is incomplete is */
    {"[a", PLACE, NULL},    /* PCRE2's to complain of */
    {"[a\\", PLACE, NULL},  /* and nothing is read */
    {"(?", PLACE, NULL},    /* behind the end */
    {"\\p{L", PLACE, NULL}, /* of the rule */
    {")(?x)", PLACE, NULL},
};

START_TEST(what_is_misread)
{
    const char *why = NULL;
    const char *found = dsn_rule_misread(rows[_i].rule, &why);
    int offset = found == NULL ? PLACE : (int)(found - rows[_i].rule);

    ck_assert_msg(offset == rows[_i].offset, "%s: %d: %s", rows[_i].rule, offset, why);
    if (rows[_i].why != NULL)
        ck_assert_msg(strstr(why, rows[_i].why) != NULL, "%s: %s", rows[_i].rule, why);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("rule-syntax");
    TCase *tcase = tcase_create("rule-syntax");

    tcase_add_loop_test(tcase, what_is_misread, 0, G_N_ELEMENTS(rows));
    suite_add_tcase(suite, tcase);
    return suite;
}
