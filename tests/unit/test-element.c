/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/record.h"
#include "tests/support/unit.h"

#define MAX_SIZE 10000
#define RECORD                                                                                \
    "{\"type\":\"Bounce\",\"id\":\"1d98\",\"sender\":\"a@s.example\",\"recipient\":\"b@t."    \
    "example\","                                                                              \
    "\"queue\":\"\",\"site\":\"\",\"size\":0,\"response\":{\"code\":550,\"content\":\"no\"}," \
    "\"timestamp\":1,\"created\":1,\"num_attempts\":2,\"bounce_classification\":\"\","        \
    "\"meta\":{},\"headers\":{}}"

static const struct {
    const char *label;
    const char *text;
    const char *original; /* NULL: none */
    size_t length;
} good[] = {
    {"bare", RECORD, NULL, 0},
    {"no original", "{\"log_record\":" RECORD "}", NULL, 0},
    {"null original", "{\"message\":null,\"message_base64\":null,\"log_record\":" RECORD "}", NULL,
     0},
    {"text", "{\"log_record\":" RECORD ",\"message\":\"A: b\\r\\n\\r\\n\\u00e9\\u0000\"}",
     "A: b\r\n\r\n\xc3\xa9\0", 11},
    {"empty text", "{\"log_record\":" RECORD ",\"message\":\"\"}", "", 0},
    {"base64", "{\"log_record\":" RECORD ",\"message_base64\":\"QTog6Q==\"}", "A: \xe9", 4},
    {"base64 and null",
     "{\"log_record\":" RECORD ",\"message_base64\":\"QTog6QA=\","
     "\"message\":null}",
     "A: \xe9\0", 5},
    {"whole base64", "{\"log_record\":" RECORD ",\"message_base64\":\"++//\"}", "\xfb\xef\xff", 3},
    {"empty base64", "{\"log_record\":" RECORD ",\"message_base64\":\"\"}", "", 0},
};

START_TEST(reads_elements)
{
    g_autoptr(GError) error = NULL;
    g_auto(DsnElement) element = {0};

    ck_assert_msg(dsn_element_parse(dsn_span(good[_i].text), MAX_SIZE, &element, &error), "%s: %s",
                  good[_i].label, error == NULL ? "" : error->message);
    ck_assert_str_eq(element.record->id, "1d98");
    ck_assert_msg(element.has_original == (good[_i].original != NULL), "%s", good[_i].label);
    ck_assert_msg((element.original != NULL) == element.has_original, "%s", good[_i].label);
    if (element.has_original)
        dsn_test_compare(__FILE__, __LINE__, element.original->str, element.original->len,
                         good[_i].original, good[_i].length, good[_i].label);
}
END_TEST

#define NOT_BASE64 "message_base64: not base64 (padded, without line breaks)"

static const struct {
    const char *text;
    const char *message;
} bad[] = {
    {"{}", "type: missing"},
    {"[]", "expected an object, got an array"},
    {"{\"log_record\":null}", "log_record: the record is not an object"},
    {"{\"log_record\":{}}", "log_record: type: missing"},
    {"{\"message\":\"x\"}", "type: missing"},
    {"{\"log_record\":" RECORD ",\"mesage\":\"x\"}",
     "expected log_record with message or message_base64, and no other key beside them"},
    {"{\"log_record\":" RECORD ",\"message\":\"x\",\"message_base64\":\"eA==\"}",
     "message: message_base64 is given too"},
    {"{\"log_record\":" RECORD ",\"message\":1}", "message: expected a string"},
    {"{\"log_record\":" RECORD ",\"message_base64\":[]}", "message_base64: expected a string"},
    {"{\"log_record\":" RECORD ",\"message_base64\":\"QTog6Q\"}", NOT_BASE64},
    {"{\"log_record\":" RECORD ",\"message_base64\":\"QTog6Q=\"}", NOT_BASE64},
    {"{\"log_record\":" RECORD ",\"message_base64\":\"QTog6R==\"}", NOT_BASE64},
    {"{\"log_record\":" RECORD ",\"message_base64\":\"QTog6QB=\"}", NOT_BASE64},
    {"{\"log_record\":" RECORD ",\"message_base64\":\"QTog\\n6Q==\"}", NOT_BASE64},
    {"{\"log_record\":" RECORD ",\"message_base64\":\"QT-_\"}", NOT_BASE64},
    {"{\"log_record\":" RECORD ",\"message_base64\":\"Q===\"}", NOT_BASE64},
    {"{\"log_record\":" RECORD ",\"message_base64\":\"====\"}", NOT_BASE64},
    {"{\"log_record\":" RECORD ",\"message_base64\":\"QQ==QQ==\"}", NOT_BASE64},
    {"{\"log_record\":" RECORD ",\"message_base64\":\"QQ=\\u0000\"}", NOT_BASE64},
};

START_TEST(refuses_elements)
{
    g_autoptr(GError) error = NULL;
    DsnElement element = {.record = (DsnRecord *)&element};

    ck_assert_msg(!dsn_element_parse(dsn_span(bad[_i].text), MAX_SIZE, &element, &error), "%s",
                  bad[_i].text);
    ck_assert_int_eq(error->domain, DSN_RECORD_ERROR);
    ck_assert_str_eq(error->message, bad[_i].message);
    ck_assert_ptr_eq(element.record, &element); /* written on success only */
}
END_TEST

/* An original of some length is read without jansson's help: the same must come out. */
START_TEST(long_originals_are_no_different)
{
    static const struct {
        const char *format;
        bool good;
    } forms[] = {
        {"{\"log_record\":" RECORD ",\"message\":\"%s\"}", true},
        {"{\"message\" : \"%s\",\"log_record\":" RECORD "}", true},
        {"{\"x\":1,\"message\":\"%s\",\"log_record\":" RECORD "}", false},
        {"{\"message\":\"%s\",\"log_record\":" RECORD ",\"message\":\"\"}", false},
        {"{\"message\":\"%s\",\"log_record\":" RECORD ",\"mess\\u0061ge\":\"\"}", false},
        {"{\"message\":\"%s\",\"log_record\":" RECORD ",\"message_base64\":\"\"}", false},
        {"{\"message\":\"%s\\x\",\"log_record\":" RECORD "}", false},
        {"{\"message\":\"%s\n\",\"log_record\":" RECORD "}", false},
        {"{\"message\"::\"%s\",\"log_record\":" RECORD "}", false},
        {"{\"message\":[\"%s\"],\"log_record\":" RECORD "}", false},
        {"{\"message_base64\":\"%s\",\"log_record\":" RECORD "}", false},
    };
    g_autoptr(GString) escaped = g_string_new(NULL), plain = g_string_new(NULL);

    for (int i = 0; i < 60; i++) {
        g_string_append(escaped, "Dear \\u00c9milie, \\\"quoted\\\"\\r\\n");
        g_string_append(plain, "Dear \xc3\x89milie, \"quoted\"\r\n");
    }
    for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
        g_auto(GStrv) parts = g_strsplit(forms[i].format, "%s", 2);
        g_autofree char *text = g_strconcat(parts[0], escaped->str, parts[1], NULL);
        g_auto(DsnElement) element = {0};
        bool parsed = dsn_element_parse(dsn_span(text), MAX_SIZE, &element, NULL);

        ck_assert_msg(parsed == forms[i].good, "%s", forms[i].format);
        if (parsed)
            dsn_assert_span(((DsnSpan){element.original->str, element.original->len}), plain->str,
                            forms[i].format);
    }
}
END_TEST

START_TEST(clearing_twice_does_no_harm)
{
    DsnElement element = {0};

    ck_assert(dsn_element_parse(dsn_span(good[3].text), MAX_SIZE, &element, NULL));
    dsn_element_clear(&element);
    ck_assert_ptr_null(element.record);
    ck_assert_ptr_null(element.original);
    dsn_element_clear(&element);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("element");
    TCase *tcase = tcase_create("element");

    tcase_add_loop_test(tcase, reads_elements, 0, G_N_ELEMENTS(good));
    tcase_add_loop_test(tcase, refuses_elements, 0, G_N_ELEMENTS(bad));
    tcase_add_test(tcase, long_originals_are_no_different);
    tcase_add_test(tcase, clearing_twice_does_no_harm);
    suite_add_tcase(suite, tcase);
    return suite;
}
