/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/address-pattern.h"
#include "tests/support/unit.h"

#include <glib/gstdio.h>

static DsnPatterns *
patterns_of(const char *text)
{
    g_auto(GStrv) pieces = g_strsplit(text, " ", -1);
    g_autoptr(GPtrArray) texts = g_ptr_array_new();

    for (char **piece = pieces; *piece != NULL; piece++) {
        if (**piece != '\0')
            g_ptr_array_add(texts, *piece);
    }
    return dsn_patterns_new(texts, NULL);
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
    {"abcdefghijklmnopqrstuvwxyz@x.example", "ABCDEFGHIJKLMNOPQRSTUVWXYZ@X.EXAMPLE", true},
    {"{{{{{{{{{@x.example", "[[[[[[[[[@x.example", false},
    {"\xe1\xe1\xe1\xe1\xe1\xe1\xe1\xe1@x.example", "\xc1\xc1\xc1\xc1\xc1\xc1\xc1\xc1@x.example",
     false},
    {"\xc1\xc1\xc1\xc1\xc1\xc1\xc1\xc1@x.example", "\xc1\xc1\xc1\xc1\xc1\xc1\xc1\xc1@x.example",
     true},
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
    /* a domain with nothing in front */
    {"@example.com", "a@example.com", true},
    {"@EXAMPLE.com", "a@example.com", true},
    {"@example.com", "a@b.example.com", false},
    {"@*.example.com", "a@b.example.com", true},
    {"@*.example.com", "a@example.com", false},
    /* what is found by its start, beside others in the domain */
    {"b*@example.com bounce+*@example.com", "bounce+x@example.com", true},
    {"bounce+*@example.com fbl-*@example.com", "fbl-x@example.com", true},
    {"bounce+*@example.com fbl-*@example.org", "fbl-x@example.com", false},
    {"bounce+*@example.com", "bounc@example.com", false},
    {"a*@example.com", "@example.com", false},
    {"ab*@example.com", "a@example.comb", false},
    {"a*@*.example.com", "ab@c.example.com", true},
    {"a*@*.example.com", "b@c.example.com", false},
    {"*a@example.com", "ba@example.com", true},
    {"*@ex*le.com", "b@example.com", true},
    {"*.example.com *.com", "a@b.org", false},
    {"*.example.com *.com", "a@b.com", true},
    /* regular expressions, of the whole address */
    {"/fbl-[0-9]+@example\\.com/", "fbl-17@example.com", true},
    {"/^fbl-[0-9]+@example\\.com$/", "Fbl-17@Example.COM", true},
    {"/Fbl-[0-9]+@example\\.com/", "fbl-17@example.com", true},
    {"/fbl-[0-9]+@example\\.com/", "xfbl-17@example.com", false},
    {"/fbl-[0-9]+@example\\.com/", "fbl-17@example.com.evil.example", false},
    {"/fbl-[0-9]+@example\\.com/", "fbl-17@example.com\n", false},
    {"/^fbl-[0-9]+@example\\.com$/", "fbl-17@example.com\n", false},
    {"/fbl-[0-9]+@example\\.com/", "fbl-x@example.com", false},
    {"/a|b@example\\.com/", "b@example.com", true},
    {"/a|b@example\\.com/", "a@example.com", false}, /* "a" alone is one half of it */
    {"/a|b@example\\.com/", "a", true},
    {"/a@x/ /b@x/", "b@x", true},
    {"/a/b@x/", "a/b@x", true},
    {"/m.ller@x/", "m\xc3\xbcller@x", true},
    {"/m\xc3\x9cller@x/", "m\xc3\xbcller@x", true},
    {"/m.*@x/", "m\xff@x", false}, /* no UTF-8 */
    {"/.*/", "", false},
    {"/postmaster/", "Postmaster", true},
    /* which are none */
    {"/a/@example.com", "/a/@example.com", true},
    {"/a/@example.com", "a@example.com", false},
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

/* Domains of all lengths, so that each part of the address might be one. */
START_TEST(takes_linear_time_below_domains)
{
    g_autoptr(GString) texts = g_string_new(NULL), address = g_string_new("a@");

    for (int labels = 1; labels <= 120; labels++) {
        g_string_append(texts, labels % 2 == 0 ? " *.cc" : " *.c");
        for (int i = 0; i < labels; i++)
            g_string_append(texts, ".d");
    }
    for (int i = 0; i < 1000000; i++)
        g_string_append(address, "b.");
    g_autoptr(DsnPatterns) patterns = patterns_of(texts->str);

    ck_assert(!dsn_patterns_match(patterns, (DsnSpan){address->str, address->len}));
}
END_TEST

START_TEST(finds_one_of_many)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);

    for (int i = 0; i < 10000; i++)
        g_ptr_array_add(texts, g_strdup_printf(i % 2 == 0 ? "u%d@example.com" : "d%d.example", i));
    g_autoptr(DsnPatterns) patterns = dsn_patterns_new(texts, NULL);
    for (int i = 0; i < 10000; i++) {
        g_autofree char *address =
            g_strdup_printf(i % 2 == 0 ? "U%d@example.com" : "x@D%d.example", i);

        ck_assert(dsn_patterns_match(patterns, dsn_span(address)));
    }
    ck_assert(!dsn_patterns_match(patterns, DSN_SPAN_LITERAL("u1@example.com")));
}
END_TEST

/* ---- expressions that are wrong, or greedy ---- */

static const struct {
    const char *expression, *fault;
} faults[] = {
    {"/a(/", "\"/a(/\": at character 3: missing closing parenthesis\n"},
    {"/[b-a]/", "\"/[b-a]/\": at character 4: range out of order in character class\n"},
    {"/\\C/", "\"/\\\\C/\": at character 3: using \\C is disabled by the application\n"},
    {"/a\n(/", "\"/a\\n(/\": at character 4: missing closing parenthesis\n"},
};

START_TEST(says_where_an_expression_is_wrong)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new();
    g_autoptr(GString) said = g_string_new(NULL);

    ck_assert_ptr_null(dsn_pattern_check(faults[_i].expression));
    g_ptr_array_add(texts, (gpointer)faults[_i].expression);
    g_autoptr(DsnPatterns) patterns = dsn_patterns_new(texts, said);
    ck_assert_str_eq(said->str, faults[_i].fault);
    ck_assert(dsn_patterns_empty(patterns));
}
END_TEST

/* It would try every way to divide the letters. */
START_TEST(gives_up_an_expression_that_takes_too_long)
{
    g_autoptr(GString) address = g_string_new(NULL);
    g_autoptr(DsnPatterns) patterns = patterns_of("/(a|aa)+b@x/ /(aa|a)+c@x/ /.*d@x/");

    for (int i = 0; i < 10000; i++)
        g_string_append_c(address, 'a');
    g_string_append(address, "d@x");
    ck_assert(dsn_patterns_match(patterns, (DsnSpan){address->str, address->len}));
    g_string_append_c(address, 'x');
    ck_assert(!dsn_patterns_match(patterns, (DsnSpan){address->str, address->len}));
}
END_TEST

START_TEST(tries_so_many_and_no_more)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GString) said = g_string_new(NULL);

    for (int i = 0; i < DSN_PATTERNS_TRIED_MAX / 2; i++) {
        g_ptr_array_add(texts, g_strdup_printf("/r%d@example\\.com/", i));
        g_ptr_array_add(texts, g_strdup_printf("*%d@example.com", i));
        g_ptr_array_add(texts, g_strdup_printf("f%d*@example.com", i)); /* found by its start */
    }
    dsn_patterns_free(dsn_patterns_new(texts, said));
    ck_assert_str_eq(said->str, "");
    g_ptr_array_add(texts, g_strdup("*x@example.com"));
    g_ptr_array_add(texts, g_strdup("*y@example.com"));
    dsn_patterns_free(dsn_patterns_new(texts, said));
    ck_assert_str_eq(said->str,
                     "\"*x@example.com\": one more than the 1000 patterns that are tried one by "
                     "one: regular expressions, and those with * elsewhere than in \"*.domain\" or "
                     "\"start*@domain\"\n");
}
END_TEST

/* ---- files ---- */

static char *file;

static void
make_file(void)
{
    int descriptor = g_file_open_tmp("dsnarf-patterns-XXXXXX", &file, NULL);

    ck_assert_int_ge(descriptor, 0);
    g_close(descriptor, NULL);
}

static void
remove_file(void)
{
    ck_assert_int_eq(g_remove(file), 0);
    g_clear_pointer(&file, g_free);
}

/* What is in the file with @text; *@ret_said is what is wrong with it, which is called FILE. */
static DsnPatterns *
patterns_of_file(DsnSpan text, char **ret_said)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GString) said = g_string_new(NULL);

    ck_assert(g_file_set_contents(file, text.data, (gssize)text.len, NULL));
    g_ptr_array_add(texts, g_strconcat(DSN_PATTERN_FILE, file, NULL));
    g_ptr_array_add(texts, g_strdup("beside@example.com"));
    DsnPatterns *patterns = dsn_patterns_new(texts, said);
    g_string_replace(said, file, "FILE", 0);
    *ret_said = g_string_free(g_steal_pointer(&said), FALSE);
    return patterns;
}

START_TEST(reads_a_file)
{
    static const char *const in[] = {"a@x.example",        "b@y.example",     "c@z.z.example",
                                     "bounce+1@w.example", "Fbl-7@v.example", "d#d@x.example",
                                     "beside@example.com"};
    static const char *const out[] = {"b@x.example",     "c@z.example", "bounce@w.example",
                                      "fbl-x@v.example", "e@x.example", "#@x.example"};
    g_autofree char *said = NULL;
    g_autoptr(DsnPatterns) patterns = patterns_of_file(
        DSN_SPAN_LITERAL("\xef\xbb\xbf# ours\r\nA@x.example\r\n@y.example # all of it\r\n\r\n"
                         "  *.z.example\t\nbounce+*@w.example\n/^fbl-[0-9]+@v\\.example$/\n"
                         "#e@x.example\nd#d@x.example"),
        &said);

    ck_assert_str_eq(said, "");
    for (size_t i = 0; i < G_N_ELEMENTS(in); i++)
        ck_assert_msg(dsn_patterns_match(patterns, dsn_span(in[i])), "%s", in[i]);
    for (size_t i = 0; i < G_N_ELEMENTS(out); i++)
        ck_assert_msg(!dsn_patterns_match(patterns, dsn_span(out[i])), "%s", out[i]);
}
END_TEST

START_TEST(says_which_lines_are_wrong)
{
#define AN                                                                                        \
    "expected an address such as \"user@example.com\", a domain, a pattern of them with *, or a " \
    "regular expression \"/.../\"\n"
    g_autofree char *said = NULL;
    g_autoptr(DsnPatterns) patterns = patterns_of_file(
        DSN_SPAN_LITERAL("a@x.example\n<b@x.example>\n# c\n/d(/\na b@x.example\nfile:/etc/passwd\n"
                         "\xff\0@x.example\n/e #@x.example/\n"),
        &said);

    ck_assert_str_eq(said,
                     "FILE:2: \"<b@x.example>\": " AN
                     "FILE:4: \"/d(/\": at character 3: missing closing parenthesis\n"
                     "FILE:5: \"a b@x.example\": " AN "FILE:6: \"file:/etc/passwd\": " AN
                     "FILE:7: \"\xef\xbf\xbd\xef\xbf\xbd@x.example\": " AN "FILE:8: \"/e\": " AN);
    ck_assert(dsn_patterns_match(patterns, dsn_span("a@x.example")));
    ck_assert(dsn_patterns_match(patterns, dsn_span("beside@example.com")));
}
END_TEST

START_TEST(complains_no_end_of_a_file_that_is_none)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *said = NULL;

    for (int i = 0; i < 100000; i++)
        g_string_append(text, "@\n");
    dsn_patterns_free(patterns_of_file((DsnSpan){text->str, text->len}, &said));
    ck_assert(g_str_has_prefix(said, "FILE:1: \"@\": expected"));
    ck_assert_uint_lt(strlen(said), 100000);
}
END_TEST

START_TEST(needs_the_file)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new();
    g_autoptr(GString) said = g_string_new(NULL);

    g_ptr_array_add(texts, (gpointer) "file:/none/such");
    g_autoptr(DsnPatterns) patterns = dsn_patterns_new(texts, said);
    ck_assert_str_eq(said->str, "\"/none/such\": No such file or directory\n");
    ck_assert(dsn_patterns_empty(patterns));
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
    {"@example.com", true},
    {"@*.example.com", true},
    {"/a/", true},
    {"/(/", true}, /* looked into later */
    {"/^fbl-[0-9]+@example\\.com$/", true},
    {"file:addresses", true},
    {"file:/etc/dsnarf/addresses", true},
    {"file:", false},
    {"//", false},
    {"/", false},
    {"/a", false},
    {"a/", false},
    {"File:x", false},
    {"@@example.com", false},
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
    tcase_add_test(tcase, takes_linear_time_below_domains);
    tcase_add_test(tcase, finds_one_of_many);
    tcase_add_loop_test(tcase, refuses_what_can_never_match, 0, G_N_ELEMENTS(checks));
    suite_add_tcase(suite, tcase);

    tcase = tcase_create("expressions");
    tcase_add_loop_test(tcase, says_where_an_expression_is_wrong, 0, G_N_ELEMENTS(faults));
    tcase_add_test(tcase, gives_up_an_expression_that_takes_too_long);
    tcase_add_test(tcase, tries_so_many_and_no_more);
    suite_add_tcase(suite, tcase);

    tcase = tcase_create("files");
    tcase_add_checked_fixture(tcase, make_file, remove_file);
    tcase_add_test(tcase, reads_a_file);
    tcase_add_test(tcase, says_which_lines_are_wrong);
    tcase_add_test(tcase, complains_no_end_of_a_file_that_is_none);
    tcase_add_test(tcase, needs_the_file);
    suite_add_tcase(suite, tcase);
    return suite;
}
