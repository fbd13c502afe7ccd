/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/json-writer.h"
#include "tests/support/unit.h"

#define ROW(text)                 \
    {                             \
        "" text, sizeof(text) - 1 \
    }

static const struct {
    DsnSpan text;
    const char *json;
    bool good;
} strings[] = {
    {ROW(""), "\"\"", true},
    {ROW("plain"), "\"plain\"", true},
    {ROW("a/b \"c\" \\d"), "\"a/b \\\"c\\\" \\\\d\"", true},
    {ROW("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"", true},
    {ROW("\0\x01\x0b\x1b\x1f"), "\"\\u0000\\u0001\\u000b\\u001b\\u001f\"", true},
    {ROW("\x7f"), "\"\x7f\"", true},
    {ROW("line\r\n"), "\"line\\r\\n\"", true},
    {ROW("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x93\xa7"), "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x93\xa7\"",
     true},
    {ROW("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"),
     "\"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\"", true},
    /* Maximal subparts: the examples of Unicode 15, tables 3-8 to 3-11. */
    {ROW("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41"),
     "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
     "\xef\xbf\xbd\x41\"",
     false},
    {ROW("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41"),
     "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
     "\xef\xbf\xbd\x41\"",
     false},
    {ROW("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42"),
     "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\x41\xef\xbf\xbd\xef\xbf\xbd"
     "\x42\"",
     false},
    {ROW("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"),
     "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\x41\"", false},
    {ROW("cut \xf0\x9f\x93"), "\"cut \xef\xbf\xbd\"", false},
    {ROW("cut \xe2"), "\"cut \xef\xbf\xbd\"", false},
    {{NULL, 0}, "null", true},
};

/* SEC-02, I18N-16: whatever the bytes are, the string is JSON in UTF-8. */
START_TEST(writes_strings)
{
    g_autoptr(GString) json = g_string_new(NULL);
    bool good = dsn_json_string(json, strings[_i].text);

    dsn_assert_bytes(json->str, json->len, strings[_i].json, strlen(strings[_i].json));
    ck_assert_msg(good == strings[_i].good, "row %d", _i);
}
END_TEST

/* What the fast loop must come to, byte by byte. */
static void
append_slowly(GString *json, DsnSpan text)
{
    g_string_append_c(json, '"');
    for (size_t i = 0; i < text.len; i++) {
        const char *at = strchr("\"\\\b\f\n\r\t", text.data[i]);

        if (text.data[i] != '\0' && at != NULL)
            g_string_append_printf(json, "\\%c", "\"\\bfnrt"[at - "\"\\\b\f\n\r\t"]);
        else if ((unsigned char)text.data[i] < 0x20)
            g_string_append_printf(json, "\\u%04x", text.data[i]);
        else
            g_string_append_c(json, text.data[i]);
    }
    g_string_append_c(json, '"');
}

/* A byte that needs care, at every place of a word, with every neighbour of interest. */
START_TEST(finds_every_byte_at_every_place)
{
    static const char neighbours[] = {'\0', '\x1f', ' ', '!', '"', '#', '[', '\\', ']', '\x7f'};

    for (size_t place = 0; place < 20; place++) {
        for (int c = 0; c < 0x80; c++) {
            for (size_t n = 0; n < sizeof(neighbours); n++) {
                char text[24];
                memset(text, 'x', sizeof(text));
                text[place] = (char)c;
                text[place + 1] = neighbours[n];
                DsnSpan span = {text, sizeof(text)};
                g_autoptr(GString) fast = g_string_new(NULL);
                g_autoptr(GString) slow = g_string_new(NULL);

                ck_assert(dsn_json_string(fast, span));
                append_slowly(slow, span);
                dsn_assert_bytes(fast->str, fast->len, slow->str, slow->len);
            }
        }
    }
}
END_TEST

/* Characters, CRLF and escapes that lie across the places where long text is cut in pieces. */
START_TEST(long_text_has_no_seams)
{
    static const DsnSpan units[] = {
        ROW("\xc3\xa9"), ROW("\xe2\x82\xac"), ROW("\xf0\x9f\x93\xa7"), ROW("\r\n"), ROW("\x01"),
    };
    DsnSpan unit = units[_i];

    for (size_t shift = 0; shift < 5; shift++) {
        g_autoptr(GString) text = g_string_new(NULL);
        g_autoptr(GString) json = g_string_new(NULL);
        for (size_t i = 0; i < shift; i++)
            g_string_append_c(text, 'x');
        while (text->len < 20000)
            g_string_append_len(text, unit.data, (gssize)unit.len);

        ck_assert(dsn_json_string(json, (DsnSpan){text->str, text->len}));
        json_auto_t *read =
            json_loadb(json->str, json->len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        dsn_assert_bytes(json_string_value(read), json_string_length(read), text->str, text->len);
    }
}
END_TEST

static const struct {
    DsnSpan text;
    const char *json;
} messages[] = {
    {ROW("a\r\nb\nc\rd\r\r\n"), "\"a\\nb\\nc\\rd\\r\\n\""},
    {ROW(""), "\"\""},
    {ROW("\r"), "\"\\r\""},
    {ROW("\xc3\xa9\r\n"), "\"\xc3\xa9\\n\""},
    {ROW("A\r\n\xe9\r"), "[65,10,233,13]"},
    {ROW("\xff"), "[255]"},
    {{NULL, 0}, "null"},
};

START_TEST(writes_messages_as_kumomta)
{
    g_autoptr(GString) json = g_string_new(NULL);

    dsn_json_message_text(json, messages[_i].text);
    dsn_assert_bytes(json->str, json->len, messages[_i].json, strlen(messages[_i].json));
}
END_TEST

/* The fault lies behind several pieces that were good. */
START_TEST(a_late_fault_makes_the_whole_message_numbers)
{
    g_autofree char *text = g_malloc(10001);
    g_autoptr(GString) json = g_string_new("{\"original_message\":");
    size_t start = json->len;

    memset(text, 'A', 10000);
    text[10000] = '\x80';
    dsn_json_message_text(json, (DsnSpan){text, 10001});
    ck_assert(g_str_has_prefix(json->str + start, "[65,65,"));
    ck_assert(g_str_has_suffix(json->str, ",65,128]"));
    ck_assert_uint_eq(json->len - start, 10000 * strlen("65,") + strlen("[128]"));
}
END_TEST

START_TEST(puts_commas_where_they_are_due)
{
    static const char expected[] =
        "{\"a\":1,\"b\":[\"{\",\"[\",[]],\"c\":{},\"d\":null,\"e\":true}\n{}";
    g_autoptr(GString) json = g_string_new("{");

    dsn_json_key(json, "a");
    dsn_json_int(json, 1);
    dsn_json_key(json, "b");
    g_string_append_c(json, '[');
    dsn_json_next(json);
    dsn_json_string(json, dsn_span("{"));
    dsn_json_next(json);
    dsn_json_string(json, dsn_span("["));
    dsn_json_next(json);
    g_string_append(json, "[]]");
    dsn_json_key(json, "c");
    g_string_append(json, "{}");
    dsn_json_key(json, "d");
    dsn_json_null(json);
    dsn_json_key(json, "e");
    dsn_json_bool(json, true);
    g_string_append(json, "}\n");
    dsn_json_next(json);
    g_string_append(json, "{}");
    dsn_assert_bytes(json->str, json->len, expected, strlen(expected));
}
END_TEST

static const struct {
    int64_t number;
    const char *json;
} numbers[] = {
    {0, "0"},
    {7, "7"},
    {-1, "-1"},
    {1057056757, "1057056757"},
    {INT64_MAX, "9223372036854775807"},
    {INT64_MIN, "-9223372036854775808"},
};

START_TEST(writes_words_and_prefixes)
{
    g_autoptr(GString) json = g_string_new("{");

    dsn_json_word(json, "a", "unsigned");
    dsn_json_word(json, "b", "");
    dsn_json_word(json, "c", NULL);
    dsn_json_key(json, "d");
    ck_assert(dsn_json_prefixed(json, "header:", DSN_SPAN_LITERAL("X-\"\\")));
    dsn_json_key(json, "e");
    ck_assert(!dsn_json_prefixed(json, "", DSN_SPAN_LITERAL("\xff")));
    ck_assert_str_eq(json->str, "{\"a\":\"unsigned\",\"b\":\"\",\"c\":null,"
                                "\"d\":\"header:X-\\\"\\\\\",\"e\":\"\xef\xbf\xbd\"");
    ck_assert_uint_eq(json->len, strlen(json->str));
}
END_TEST

START_TEST(writes_integers)
{
    g_autoptr(GString) json = g_string_new(NULL);

    dsn_json_int(json, numbers[_i].number);
    dsn_assert_bytes(json->str, json->len, numbers[_i].json, strlen(numbers[_i].json));
}
END_TEST

/* Each is written as it was read: KumoMTA's own style. */
static const char *const trees[] = {
    "{}",
    "[]",
    "{\"z\":1,\"a\":[true,false,null],\"m\":{\"k\":\"v\"}}",
    "[0.1,1.0,-2.5,1e20,1e-7,123456789.123456,0.1234567890123456,0.30000000000000004]",
    "[9223372036854775807,-1,0]",
    "[\"\\u001b/\\u0000\x7f\xc3\xa9\\n\"]",
    "{\"\\u001bkey\":\"\"}",
};

START_TEST(writes_trees)
{
    json_auto_t *tree = json_loads(trees[_i], JSON_ALLOW_NUL, NULL);
    g_autoptr(GString) json = g_string_new(NULL);

    ck_assert_ptr_nonnull(tree);
    dsn_json_tree(json, tree);
    dsn_assert_bytes(json->str, json->len, trees[_i], strlen(trees[_i]));
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("json-writer");
    TCase *text = tcase_create("text");
    TCase *values = tcase_create("values");

    tcase_add_loop_test(text, writes_strings, 0, G_N_ELEMENTS(strings));
    tcase_add_test(text, finds_every_byte_at_every_place);
    tcase_add_loop_test(text, long_text_has_no_seams, 0, 5);
    tcase_add_loop_test(text, writes_messages_as_kumomta, 0, G_N_ELEMENTS(messages));
    tcase_add_test(text, a_late_fault_makes_the_whole_message_numbers);
    tcase_add_test(values, puts_commas_where_they_are_due);
    tcase_add_test(values, writes_words_and_prefixes);
    tcase_add_loop_test(values, writes_integers, 0, G_N_ELEMENTS(numbers));
    tcase_add_loop_test(values, writes_trees, 0, G_N_ELEMENTS(trees));
    suite_add_tcase(suite, text);
    suite_add_tcase(suite, values);
    return suite;
}
