/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/element-split.h"
#include "tests/support/unit.h"

/* The elements, each followed by '|'. */
static char *
split(DsnSpan body)
{
    DsnElements elements = DSN_ELEMENTS(body);
    GString *text = g_string_new(NULL);
    DsnSpan element;

    while (dsn_elements_next(&elements, &element)) {
        g_string_append_len(text, element.data, (gssize)element.len);
        g_string_append_c(text, '|');
    }
    return g_string_free(text, FALSE);
}

static const struct {
    const char *body;
    const char *elements;
} rows[] = {
    /* what senders post */
    {"{\"a\":1}", "{\"a\":1}|"},
    {"{\"a\":1}\n", "{\"a\":1}|"},
    {"[{\"a\":1},{\"b\":2}]", "{\"a\":1}|{\"b\":2}|"},
    {"[{\"a\":1}]", "{\"a\":1}|"},
    {"{\"a\":1}\n{\"b\":2}\r\n\r\n{\"c\":3}", "{\"a\":1}|{\"b\":2}|{\"c\":3}|"},
    {"{\"a\":1}{\"b\":2} {\"c\":3}", "{\"a\":1}|{\"b\":2}|{\"c\":3}|"},
    {"\xef\xbb\xbf [ {\"a\" : [ ] } , { } ]\n", "{\"a\" : [ ] }|{ }|"},
    {"{\"a\":1}\n\xef\xbb\xbf{\"b\":2}", "{\"a\":1}|{\"b\":2}|"},
    {"[{\"a\":1}]\n[{\"b\":2},{\"c\":3}]\n", "{\"a\":1}|{\"b\":2}|{\"c\":3}|"},
    {"{\"a\":1},\n{\"b\":2},\n", "{\"a\":1}|{\"b\":2}|"},
    {"", ""},
    {" \t\r\n", ""},
    {"[]", ""},
    {"\xef\xbb\xbf", ""},
    /* strings hide everything */
    {"[{\"a\":\"}]{[,\"},{\"b\":\"\\\"}\\\\\"}]", "{\"a\":\"}]{[,\"}|{\"b\":\"\\\"}\\\\\"}|"},
    {"{\"a\":\"\\\\\"}{\"b\":\"\\\\\\\"}\"}", "{\"a\":\"\\\\\"}|{\"b\":\"\\\\\\\"}\"}|"},
    /* over several lines, with and without indentation */
    {"{\n  \"a\": {\n    \"b\": 1\n  }\n}\n", "{\n  \"a\": {\n    \"b\": 1\n  }\n}|"},
    {"{\n\"a\":\n{\n\"b\": [\n{\n},\n{\n}\n]\n}\n}\n{\"c\":1}",
     "{\n\"a\":\n{\n\"b\": [\n{\n},\n{\n}\n]\n}\n}|{\"c\":1}|"},
    {"[\n{\"a\":\n{}},\n{\"b\":2}\n]", "{\"a\":\n{}}|{\"b\":2}|"},
    /* what is no object */
    {"[null,1,\"a,b]\",true,[1,[2,3]],{\"a\":1}]", "null|1|\"a,b]\"|true|[1,[2,3]]|{\"a\":1}|"},
    {"[\"\\\"\\\\\",{}]", "\"\\\"\\\\\"|{}|"},
    {"[1\n,2]", "1|2|"},
    {"null", "null|"},
    {"]", "]|"},
    {"<html>\n<p>{\n", "<html>|<p>{|"},
    {"[2026-11-20] started\n{\"a\":1}", "2026-11-20|started|{\"a\":1}|"},
    /* lines: the broken one, and only that */
    {"{\"a\":1}\n{\"b\":\n{\"c\":3}\n{\"d\":4}", "{\"a\":1}|{\"b\":|{\"c\":3}|{\"d\":4}|"},
    {"{\"a\":{\n{\"b\":2}\n", "{\"a\":{|{\"b\":2}|"},
    {"{\"a\":{\"x\":1}\n{\"b\":2}\n", "{\"a\":{\"x\":1}|{\"b\":2}|"},
    {"{\"a\":1,\n{\"b\":2}\n{\"c\":3}\n", "{\"a\":1,|{\"b\":2}|{\"c\":3}|"},
    {"{\"a\":[\n{\"b\":2}\n", "{\"a\":[|{\"b\":2}|"},
    {"{\"a\":\"x}\n{\"b\":2}\n", "{\"a\":\"x}|{\"b\":2}|"},
    {"{\"a\":\"x\n{\"b\":\"y\n{\"c\":3}", "{\"a\":\"x|{\"b\":\"y|{\"c\":3}|"},
    {"{\"a\":1}}\n{\"b\":2}\n", "{\"a\":1}|}|{\"b\":2}|"},
    {"a\":1}\n{\"b\":2}\n", "a\":1}|{\"b\":2}|"},
    {"garbage\n{\"b\":2}\nmore, garbage\n", "garbage|{\"b\":2}|more, garbage|"},
    {"{\"a\":1", "{\"a\":1|"},
    {"{", "{|"},
    {"{\"a\\", "{\"a\\|"},
    {"{\"a\":{\n\"b\":[\n{\"c\":3}\n", "{\"a\":{\n\"b\":[|{\"c\":3}|"},
    /* lists */
    {"[{\"a\":1},{\"b\":2},", "{\"a\":1}|{\"b\":2}|"},
    {"[{\"a\":1} {\"b\":2}]", "{\"a\":1}|{\"b\":2}|"},
    {"[{\"a\":1},,{\"b\":2}]", "{\"a\":1}|{\"b\":2}|"},
    {"[{\"a\":1},{\"b\":[},{\"c\":3}]", "{\"a\":1}|{\"b\":[},{\"c\":3}]|"},
    {"[\n{\"a\":1},\n{\"b\":[},\n{\"c\":3}\n]", "{\"a\":1}|{\"b\":[},|{\"c\":3}|"},
    {"[{\"a\":1},{\"b\":\"x},{\"c\":\"y\"}]", "{\"a\":1}|{\"b\":\"x},{\"c\":\"y\"}]|"},
    {"[\n{\"a\":\"x},\n{\"b\":2}]", "{\"a\":\"x},|{\"b\":2}|"},
    {"[[{\"a\":1}]]", "[{\"a\":1}]|"},
    {"[\"a\n,{}]", "\"a|{}|"},
    {"[\"a\\\n,{}]", "\"a\\|{}|"},
};

START_TEST(finds_the_elements)
{
    g_autofree char *exact = g_memdup2(rows[_i].body, strlen(rows[_i].body));
    g_autofree char *text = split((DsnSpan){exact, strlen(rows[_i].body)});

    dsn_assert_span(dsn_span(text), rows[_i].elements, rows[_i].body);
}
END_TEST

/* The body is looked at in blocks: what decides is shifted through all places of two of them. */
START_TEST(blocks_have_no_seams)
{
    for (size_t shift = 0; shift < 140; shift++) {
        g_autofree char *filler = g_strnfill(shift, 'x');
        g_autofree char *body = g_strdup_printf("{\"a\":\"%s\\\"{\",\"b\":{}}\n{\"%s\":\n"
                                                "{\"%s\":[{\"c\":\"\\\\\"}]}\n{\"d\":\"%s\n{}",
                                                filler, filler, filler, filler);
        g_autofree char *expected = g_strdup_printf("{\"a\":\"%s\\\"{\",\"b\":{}}|{\"%s\":|"
                                                    "{\"%s\":[{\"c\":\"\\\\\"}]}|{\"d\":\"%s|{}|",
                                                    filler, filler, filler, filler);
        g_autofree char *exact = g_memdup2(body, strlen(body));
        g_autofree char *text = split((DsnSpan){exact, strlen(body)});

        dsn_assert_span(dsn_span(text), expected, body);
    }
}
END_TEST

/* Each is repeated to eight megabytes: whatever takes more than linear time would take hours. */
static const char *const hostile[] = {
    "{",
    "[",
    "{\n",
    "{[\n",
    "{\"a\":\n",
    "{\"a\":[\n{\n",
    "{\"\n",
    "{\"a\":{}\n",
    "\"\n",
    "]",
    ",",
    "[\"",
    "{\n                                                                                ",
    "{[\n}]\n",
    "\\",
    "{\"\\",
};

START_TEST(takes_linear_time)
{
    DsnSpan unit = dsn_span(hostile[_i]);
    g_autoptr(GString) body = g_string_new(NULL);
    DsnSpan element;
    size_t bytes = 0;

    while (body->len < (size_t)8 << 20)
        g_string_append_len(body, unit.data, (gssize)unit.len);
    for (int in_list = 0; in_list < 2; in_list++) {
        DsnElements elements = DSN_ELEMENTS(((DsnSpan){body->str, body->len}));

        elements.in_list = in_list > 0;
        while (dsn_elements_next(&elements, &element))
            bytes += element.len;
    }
    ck_assert_uint_le(bytes, 2 * body->len);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("element-split");
    TCase *tcase = tcase_create("split");

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, finds_the_elements, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, blocks_have_no_seams);
    tcase_add_loop_test(tcase, takes_linear_time, 0, G_N_ELEMENTS(hostile));
    suite_add_tcase(suite, tcase);
    return suite;
}
