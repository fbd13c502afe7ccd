/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/json-load.h"
#include "tests/support/unit.h"

/* Compact text of the tree; NULL where jansson's own fault is expected. */
static const struct {
    const char *text, *tree;
} rows[] = {
    {"{}", "{}"},
    {" \t\r\n[ ] \r\n", "[]"},
    {"{\"b\":1,\"a\":[null,true,false],\"c\":{\"d\":\"e\"}}",
     "{\"b\":1,\"a\":[null,true,false],\"c\":{\"d\":\"e\"}}"},
    {"{ \"a\" : [ 1 , -2 , 0 , -0 ] }", "{\"a\":[1,-2,0,0]}"},
    {"[999999999999999999,9223372036854775807,-9223372036854775808]",
     "[999999999999999999,9223372036854775807,-9223372036854775808]"},
    {"[9223372036854775808]", NULL},
    {"[1.5,1e2,0.1]", "[1.5,100.0,0.1]"},
    {"[\"\",\"a\\r\\n\\u0000\\u00e9\",\"\xc3\xa9\"]",
     "[\"\",\"a\\r\\n\\u0000\xc3\xa9\",\"\xc3\xa9\"]"},
    {"{\"k\\u00e9\":\"\\\"\",\"\":2}", "{\"k\xc3\xa9\":\"\\\"\",\"\":2}"},
    {"[\"a longer text, of which the end is \\\"quoted\\\"\"]",
     "[\"a longer text, of which the end is \\\"quoted\\\"\"]"},
    {"{\"a\":1,\"a\":2}", NULL},
    {"{\"a\\u0000b\":1}", NULL},
    {"{\"a\":1,}", NULL},
    {"{\"a\" 1}", NULL},
    {"{a:1}", NULL},
    {"{\"a\":1", NULL},
    {"[1,]", NULL},
    {"[1 2]", NULL},
    {"[01]", NULL},
    {"[-]", NULL},
    {"[-", NULL},
    {"[nul]", NULL},
    {"[nullx]", NULL},
    {"[true1]", NULL},
    {"[tru", NULL},
    {"[\"a]", NULL},
    {"[\"a\\", NULL},
    {"[\"\\x\"]", NULL},
    {"[\"\n\"]", NULL},
    {"[\"\xff\"]", NULL},
    {"{} {}", NULL},
    {"1", NULL},
    {"\"a\"", NULL},
    {"", NULL},
    {"\xef\xbb\xbf{}", NULL},
};

START_TEST(reads_as_jansson)
{
    size_t length = strlen(rows[_i].text);
    g_autofree char *exact = g_memdup2(rows[_i].text, length);
    json_error_t fault, expected;
    json_auto_t *tree = dsn_json_load((DsnSpan){exact, length}, &fault);
    json_auto_t *reference =
        json_loadb(rows[_i].text, length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &expected);

    ck_assert_msg((tree != NULL) == (reference != NULL), "%s", rows[_i].text);
    if (rows[_i].tree == NULL) {
        ck_assert_msg(tree == NULL, "%s", rows[_i].text);
        ck_assert_str_eq(fault.text, expected.text);
        ck_assert_int_eq(fault.position, expected.position);
        return;
    }
    g_autofree char *text = json_dumps(tree, JSON_COMPACT | JSON_REAL_PRECISION(15));
    ck_assert_str_eq(text, rows[_i].tree);
}
END_TEST

START_TEST(reads_what_is_absent_as_nothing)
{
    json_error_t fault;

    ck_assert_ptr_null(dsn_json_load(DSN_SPAN_ABSENT, &fault));
    ck_assert_str_ne(fault.text, "");
}
END_TEST

/* More than this reader nests, and more than jansson does. */
START_TEST(reads_deep_texts)
{
    static const struct {
        size_t depth;
        bool good;
    } depths[] = {{31, true}, {32, true}, {33, true}, {1000, true}, {100000, false}};

    for (size_t i = 0; i < G_N_ELEMENTS(depths); i++) {
        g_autofree char *open = g_strnfill(depths[i].depth, '[');
        g_autofree char *close = g_strnfill(depths[i].depth, ']');
        g_autofree char *text = g_strconcat(open, close, NULL);
        json_auto_t *tree = dsn_json_load(dsn_span(text), NULL);

        ck_assert_msg((tree != NULL) == depths[i].good, "%zu", depths[i].depth);
    }
}
END_TEST

/* Names may be of any length. */
START_TEST(reads_long_names)
{
    for (size_t length = 120; length < 140; length++) {
        g_autofree char *name = g_strnfill(length, 'n');
        g_autofree char *text = g_strdup_printf("{\"%s\":\"%s\"}", name, name);
        json_auto_t *tree = dsn_json_load(dsn_span(text), NULL);

        ck_assert_str_eq(json_string_value(json_object_get(tree, name)), name);
    }
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("json-load");
    TCase *tcase = tcase_create("trees");

    tcase_add_loop_test(tcase, reads_as_jansson, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, reads_what_is_absent_as_nothing);
    tcase_add_test(tcase, reads_deep_texts);
    tcase_add_test(tcase, reads_long_names);
    suite_add_tcase(suite, tcase);
    return suite;
}
