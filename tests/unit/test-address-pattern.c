/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/address-pattern.h"
#include "tests/support/unit.h"

static DsnPatterns *
patterns_of(const char *text)
{
    g_auto(GStrv) pieces = g_strsplit(text, " ", -1);
    g_autoptr(GPtrArray) texts = g_ptr_array_new();

    for (char **piece = pieces; *piece != NULL; piece++) {
        if (**piece != '\0')
            g_ptr_array_add(texts, *piece);
    }
    return dsn_patterns_new(texts);
}

static const struct {
    const char *patterns, *address;
    bool match;
} rows[] = {
    {"", "a@example.com", false},
    {"*", "a@example.com", true},
    {"*", "", true},
    {"*", "postmaster", true},
    {"a@example.com", "a@example.com", true},
    {"A@Example.COM", "a@eXAMPLE.com", true},
    {"a@example.com", "b@example.com", false},
    {"a@example.com", "a@example.com.", false},
    {"a@example.com", "aa@example.com", false},
    {"a@example.com b@example.com", "b@example.com", true},
    /* a domain */
    {"example.com", "anybody@example.com", true},
    {"Example.com", "anybody@EXAMPLE.COM", true},
    {"example.com", "@example.com", true},
    {"example.com", "anybody@sub.example.com", false},
    {"example.com", "anybody@notexample.com", false},
    {"example.com", "example.com", false},
    {"example.com", "", false},
    {"example.com", "\"x@example.com\"@example.org", false},
    {"example.com", "\"x@example.org\"@example.com", true},
    /* stars */
    {"*.example.com", "a@b.example.com", true},
    {"*.example.com", "a@b.c.example.com", true},
    {"*.example.com", "a@example.com", false},
    {"*.example.com", "a@xexample.com", false},
    {"*@example.com", "a@example.com", true},
    {"*@example.com", "example.com", false},
    {"*@*.example.com", "a@b.example.com", true},
    {"*@*.example.com", "a@example.com", false},
    {"bounce+*@example.com", "bounce+1=2@example.com", true},
    {"bounce+*@example.com", "bounce+@example.com", true},
    {"bounce+*@example.com", "Bounce+A@Example.com", true},
    {"bounce+*@example.com", "bounce@example.com", false},
    {"bounce+*@example.com", "bounce+a@example.org", false},
    {"b*e@example.com", "be@example.com", true},
    {"b*e@example.com", "b@example.com", false},
    {"b*be@example.com", "be@example.com", false},
    {"a*b*c@example.com", "abc@example.com", true},
    {"a*b*c@example.com", "axxbyybzzc@example.com", true},
    {"a*b*c@example.com", "acb@example.com", false},
    {"a**c@example.com", "ac@example.com", true},
    {"*a*@example.com", "bab@example.com", true},
    {"*a*@example.com", "bbb@example.com", false},
    {"a@*", "a@example.com", true},
    /* a star stays on its side */
    {"a@*", "a@evil.example@example.com", false},
    {"a*", "a@b.example", false},
    {"a*", "b@another.example", true},
    {"*@example.com", "a@example.com@example.org", false},
    /* 8-bit and UTF-8 */
    {"m\xc3\xbcller@example.com", "m\xc3\xbcller@example.com", true},
    {"m\xc3\xbcller@example.com", "m\xc3\x9cller@example.com", false},
    {"m*@example.com", "m\xff\xfe@example.com", true},
    {"[192.0.2.1]", "a@[192.0.2.1]", true},
};

START_TEST(matches_what_it_means)
{
    g_autoptr(DsnPatterns) patterns = patterns_of(rows[_i].patterns);

    ck_assert_msg(dsn_patterns_match(patterns, dsn_span(rows[_i].address)) == rows[_i].match,
                  "%s: %s", rows[_i].patterns, rows[_i].address);
    ck_assert(dsn_patterns_empty(patterns) == (*rows[_i].patterns == '\0'));
}
END_TEST

START_TEST(bytes_do_not_hide_others)
{
    g_autoptr(DsnPatterns) patterns = patterns_of("a@example.com example.com *@example.net");

    ck_assert(!dsn_patterns_match(patterns, DSN_SPAN_LITERAL("a@example.com\0@example.org")));
    ck_assert(!dsn_patterns_match(patterns, DSN_SPAN_LITERAL("a@example.org\0@example.com")));
    ck_assert(!dsn_patterns_match(patterns, DSN_SPAN_LITERAL("a\0@example.net")));
    ck_assert(!dsn_patterns_match(patterns, DSN_SPAN_ABSENT));
}
END_TEST

/* With backtracking this would take longer than the universe has. */
START_TEST(takes_linear_time)
{
    g_autoptr(GString) pattern = g_string_new(NULL), address = g_string_new(NULL);

    for (int i = 0; i < 60; i++)
        g_string_append(pattern, "a*");
    g_string_append(pattern, "b@example.com");
    for (int i = 0; i < 1000000; i++)
        g_string_append_c(address, 'a');
    g_string_append(address, "@example.com");
    g_autoptr(DsnPatterns) patterns = patterns_of(pattern->str);

    ck_assert(!dsn_patterns_match(patterns, (DsnSpan){address->str, address->len}));
    g_string_insert(address, 1000000, "b");
    ck_assert(dsn_patterns_match(patterns, (DsnSpan){address->str, address->len}));
}
END_TEST

START_TEST(finds_one_of_many)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);

    for (int i = 0; i < 10000; i++)
        g_ptr_array_add(texts, g_strdup_printf(i % 2 == 0 ? "u%d@example.com" : "d%d.example", i));
    g_autoptr(DsnPatterns) patterns = dsn_patterns_new(texts);
    for (int i = 0; i < 10000; i++) {
        g_autofree char *address =
            g_strdup_printf(i % 2 == 0 ? "U%d@example.com" : "x@D%d.example", i);

        ck_assert(dsn_patterns_match(patterns, dsn_span(address)));
    }
    ck_assert(!dsn_patterns_match(patterns, DSN_SPAN_LITERAL("u1@example.com")));
}
END_TEST

static const struct {
    const char *pattern;
    bool good;
} checks[] = {
    {"*", true},
    {"**", true},
    {"a@example.com", true},
    {"*@example.com", true},
    {"*@*", true},
    {"a@*", true},
    {"bounce+*@*.example.com", true},
    {"example.com", true},
    {"*.example.com", true},
    {"localhost", true},
    {"a@[192.0.2.1]", true},
    {"\"a b\"@example.com", true},
    {"m\xc3\xbcller@b\xc3\xbc"
     "cher.example",
     true},
    {"", false},
    {"@", false},
    {"a@", false},
    {"@example.com", false},
    {"<a@example.com>", false},
    {"a@example.com.", false},
    {"example..com", false},
    {".example.com", false},
    {"a b@example.com", false},
    {" a@example.com", false},
    {"a@example.com, b@example.com", false},
    {"a@b@example.com", false},
    {"a\n@example.com", false},
    {"exa mple.com", false},
};

START_TEST(refuses_what_can_never_match)
{
    const char *problem = dsn_pattern_check(checks[_i].pattern);

    ck_assert_msg((problem == NULL) == checks[_i].good, "%s: %s", checks[_i].pattern, problem);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("address-pattern");
    TCase *tcase = tcase_create("match");

    tcase_add_loop_test(tcase, matches_what_it_means, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, bytes_do_not_hide_others);
    tcase_add_test(tcase, takes_linear_time);
    tcase_add_test(tcase, finds_one_of_many);
    tcase_add_loop_test(tcase, refuses_what_can_never_match, 0, G_N_ELEMENTS(checks));
    suite_add_tcase(suite, tcase);
    return suite;
}
