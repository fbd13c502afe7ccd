/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/toml.h"
#include "tests/support/unit.h"

static const struct {
    const char *label, *toml, *json;
} trees[] = {
    {"nothing", "", "{}"},
    {"comments and empty lines", "# x\n\n  \t# y", "{}"},
    {"bare keys", "a-b_1 = 1\n2 = 2", "{\"a-b_1\":1,\"2\":2}"},
    {"quoted keys", "\"a b\" = 1\n'c.d' = 2\n\"\" = 3", "{\"a b\":1,\"c.d\":2,\"\":3}"},
    {"dotted keys", "a.b = 1\na . \"c\" = 2", "{\"a\":{\"b\":1,\"c\":2}}"},
    {"basic string", "a = \"\\b\\t\\n\\f\\r\\\"\\\\\\u00e9\\U0001F600\"",
     "{\"a\":\"\\b\\t\\n\\f\\r\\\"\\\\\xc3\xa9\xf0\x9f\x98\x80\"}"},
    {"NUL by escape", "\"k\\u0000\" = \"a\\u0000b\"", "{\"k\\u0000\":\"a\\u0000b\"}"},
    {"literal string", "a = 'C:\\x\\'", "{\"a\":\"C:\\\\x\\\\\"}"},
    {"multi-line string", "a = \"\"\"\nx\\\n   y\n\"z\"\"\"\"", "{\"a\":\"xy\\n\\\"z\\\"\"}"},
    {"multi-line literal", "a = '''\nx\\\n''y'''''", "{\"a\":\"x\\\\\\n''y''\"}"},
    {"CRLF is one line end", "a = \"\"\"x\r\ny\"\"\"\r\nb = 1\r\n", "{\"a\":\"x\\ny\",\"b\":1}"},
    {"integers", "a = [0, -0, +7, 1_000, 0xDEAD_beef, 0o17, 0b1_1]",
     "{\"a\":[0,0,7,1000,3735928559,15,3]}"},
    {"the ends of the range", "a = [9223372036854775807, -9223372036854775808]",
     "{\"a\":[9223372036854775807,-9223372036854775808]}"},
    {"floats", "a = [0.5, -1.5e2, 1e06, 1_0.2_5]", "{\"a\":[0.5,-150.0,1000000.0,10.25]}"},
    {"booleans", "a = true\nb = false", "{\"a\":true,\"b\":false}"},
    {"arrays", "a = [ # one\n 1 , \"x\",\n [], {b = 2}, ]", "{\"a\":[1,\"x\",[],{\"b\":2}]}"},
    {"inline tables", "a = { b.c = 1, b.d = [\n2] }\nb = {}",
     "{\"a\":{\"b\":{\"c\":1,\"d\":[2]}},\"b\":{}}"},
    {"tables", "x = 1\n[a.b]\ny = 2\n[a] # end\nz = 3",
     "{\"x\":1,\"a\":{\"b\":{\"y\":2},\"z\":3}}"},
    {"arrays of tables", "[[a]]\nx = 1\n[a.b]\ny = 2\n[[a]]\nx = 3\n[a.b]",
     "{\"a\":[{\"x\":1,\"b\":{\"y\":2}},{\"x\":3,\"b\":{}}]}"},
};

START_TEST(reads_trees)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DsnToml) toml = dsn_toml_parse("x", dsn_span(trees[_i].toml), &error);

    ck_assert_msg(toml != NULL, "%s: %s", trees[_i].label, error == NULL ? "" : error->message);
    g_autofree char *json = json_dumps(dsn_toml_tree(toml), JSON_COMPACT);
    ck_assert_msg(strcmp(json, trees[_i].json) == 0, "%s: %s", trees[_i].label, json);
}
END_TEST

static const struct {
    DsnSpan toml;
    const char *error;
} faults[] = {
#define FAULT(toml, error)            \
    {                                 \
        DSN_SPAN_LITERAL(toml), error \
    }
    FAULT("a", "1:2: expected '=' after the key"),
    FAULT("= 1", "1:1: expected a key: letters, digits, - and _, or a string in quotes"),
    FAULT("x = 1\n\xc3\xa4 = 1",
          "2:1: expected a key: letters, digits, - and _, or a string in quotes"),
    FAULT("a = \n", "1:5: expected a value"),
    FAULT("a = yes", "1:5: expected a value: text stands in \"quotes\""),
    FAULT("a = True", "1:5: expected a value: text stands in \"quotes\""),
    FAULT("a = 1 b = 2", "1:7: expected the end of the line"),
    FAULT("a = \"\xc3\xa4\xc3\xa4\" 1", "1:10: expected the end of the line"),
    FAULT("a = 1\nb = 2\na = 3", "3:1: \"a\" was given on line 1, it cannot be given again"),
    FAULT("\"a\\nb\" = 1\n\"a\\nb\" = 1",
          "2:1: \"a\\nb\" was given on line 1, it cannot be given again"),
    FAULT("a = 1\na.b = 2", "2:1: \"a\" was given on line 1, a dotted key cannot add to it"),
    FAULT("[a]\n[b]\n[a]", "3:2: \"a\" was given on line 1, it cannot be given again"),
    FAULT("a = 1\n[a.b]", "2:2: \"a\" was given on line 1, it is no table"),
    FAULT("a = {}\n[a.b]", "2:2: \"a\" was given on line 1, nothing can be added to it"),
    FAULT("a = []\n[[a]]", "2:3: \"a\" was given on line 1, it is no array of tables"),
    FAULT("[a\nb = 1", "1:3: expected ']' after the name of the table"),
    FAULT("[[a]", "1:4: expected ']]' after the name of the table"),
    FAULT("a = \"x\nb = 1", "1:5: the string that begins here does not end on its line"),
    FAULT("a = '''x\nb = 1\n", "1:5: the string that begins here does not end"),
    FAULT("a = [1,\n2", "1:5: the array that begins here does not end"),
    FAULT("a = [1 2]", "1:8: expected ',' or ']' in the array"),
    FAULT("a = {b = 1\n}", "1:5: the inline table that begins here ends on another line"),
    FAULT("a = {b = 1", "1:5: the inline table that begins here ends on another line"),
    FAULT("a = {b = 1, }", "1:13: no ',' before the '}' of an inline table"),
    FAULT("a = {b = 1 c = 2}", "1:12: expected ',' or '}' in the inline table"),
    FAULT("a = \"x\\yz\"", "1:7: unknown escape: one of \\b \\t \\n \\f \\r \\\" \\\\ \\uXXXX "
                           "\\UXXXXXXXX, or 'single quotes' where \\ is plain"),
    FAULT("a = \"\\u12\"", "1:6: \\u takes 4 hex digits"),
    FAULT("a = \"\\U1234567x\"", "1:6: \\U takes 8 hex digits"),
    FAULT("a = \"\\ud800\"", "1:6: U+D800 is no Unicode character"),
    FAULT("a = \"\\UFFFFFFFF\"", "1:6: U+FFFFFFFF is no Unicode character"),
    FAULT("a = 017", "1:5: a number cannot begin with 0 (octal is 0o17)"),
    FAULT("a = 1__0", "1:5: expected a value"),
    FAULT("a = 9223372036854775808", "1:5: the integer does not fit into 64 bits"),
    FAULT("a = 0x8000000000000000", "1:5: the integer does not fit into 64 bits"),
    FAULT("a = 1e999", "1:5: the number is out of range"),
    FAULT("a = -inf", "1:5: \"-inf\" is not supported, write a finite number"),
    FAULT("a = nan", "1:5: \"nan\" is not supported, write a finite number"),
    FAULT("a = 1979-05-27", "1:5: dates and times are not supported, write a string"),
    FAULT("a = [\n07:32:00]", "2:1: dates and times are not supported, write a string"),
    FAULT("a = 1\n\xff", "2:1: not UTF-8: byte 0xFF"),
    FAULT("a = \"\xed\xa0\x80\"", "1:6: not UTF-8: byte 0xED"),
    FAULT("a = \"\0\"", "1:6: control character U+0000, write \"\\u0000\""),
    FAULT("a = \"\x1b\"", "1:6: control character U+001B, write \"\\u001B\""),
    FAULT("# \x7f", "1:3: control character U+007F, write \"\\u007F\""),
    FAULT("a = 1\rb = 2", "1:6: control character U+000D, write \"\\u000D\""),
    FAULT("a = 1\r", "1:6: control character U+000D, write \"\\u000D\""),
    FAULT("\xef\xbb\xbf"
          "a = 1",
          "1:1: the file begins with a byte order mark (U+FEFF), save it without"),
};

START_TEST(says_what_is_wrong)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *want = g_strconcat("dir/x.toml:", faults[_i].error, NULL);

    ck_assert_ptr_null(dsn_toml_parse("dir/x.toml", faults[_i].toml, &error));
    ck_assert(error->domain == DSN_TOML_ERROR);
    ck_assert_str_eq(error->message, want);
}
END_TEST

START_TEST(knows_the_line_of_each_key)
{
    const char *text = "a = \"\"\"\n\n\"\"\"\n"
                       "b.c = 1\n"
                       "d = [\n{e = 1},\n{e = {f = 1}}]\n"
                       "[[t]]\n"
                       "x = 1\n"
                       "[t.u]\n"
                       "x = 2\n"
                       "[[t]]\n"
                       "\n"
                       "x = 3\n"
                       "[m.n]\n"
                       "[m]\n";
    g_autoptr(DsnToml) toml = dsn_toml_parse("x", dsn_span(text), NULL);
    json_t *tree = dsn_toml_tree(toml);
    json_t *d = json_object_get(tree, "d"), *t = json_object_get(tree, "t");
    const struct {
        const json_t *table;
        const char *key;
        unsigned line;
    } rows[] = {
        {tree, "a", 1},
        {tree, "b", 4},
        {json_object_get(tree, "b"), "c", 4},
        {tree, "d", 5},
        {json_array_get(d, 0), "e", 6},
        {json_array_get(d, 1), "e", 7},
        {json_object_get(json_array_get(d, 1), "e"), "f", 7},
        {tree, "t", 8},
        {json_array_get(t, 0), "x", 9},
        {json_array_get(t, 0), "u", 10},
        {json_object_get(json_array_get(t, 0), "u"), "x", 11},
        {json_array_get(t, 1), "x", 14},
        {json_object_get(tree, "m"), "n", 15},
        {tree, "m", 16},
        {tree, "z", 0},
        {t, "x", 0},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        ck_assert_msg(dsn_toml_line(toml, rows[i].table, rows[i].key) == rows[i].line,
                      "row %zu: line %u", i, dsn_toml_line(toml, rows[i].table, rows[i].key));
}
END_TEST

/* @count times @piece. */
static char *
repeat(const char *before, const char *piece, size_t count, const char *after)
{
    size_t start = strlen(before), len = strlen(piece);
    char *text = g_malloc(start + count * len + strlen(after) + 1);

    memcpy(text, before, start);
    for (size_t i = 0; i < count; i++)
        memcpy(text + start + i * len, piece, len);
    memcpy(text + start + count * len, after, strlen(after) + 1);
    return text;
}

static const struct {
    const char *label, *before, *piece;
    size_t most;
    const char *after, *error;
} caps[] = {
    {"arrays", "a = ", "[", DSN_TOML_MAX_DEPTH, "", "more than 64 tables and arrays inside one"},
    {"inline tables", "x = ", "{a = ", DSN_TOML_MAX_DEPTH, "1", "more than 64 tables and arrays"},
    {"dotted keys", "", "a.", DSN_TOML_MAX_DEPTH, "a = 1", "more than 64 tables and arrays inside"},
    {"headers", "[", "a.", DSN_TOML_MAX_DEPTH - 1, "a]", "more than 64 tables and arrays inside"},
    {"elements", "a = [", "1,", DSN_TOML_MAX_ITEMS - 1, "]", "more than 1000000 keys and values"},
    {"tables", "", "[[a]]\n", DSN_TOML_MAX_ITEMS - 1, "", "more than 1000000 keys and values"},
    {"bytes", "", "#", DSN_TOML_MAX_BYTES, "", "larger than 67108864 bytes"},
};

START_TEST(keeps_the_caps)
{
    for (size_t over = 0; over <= 1; over++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *text =
            repeat(caps[_i].before, caps[_i].piece, caps[_i].most + over, caps[_i].after);
        g_autoptr(DsnToml) toml = dsn_toml_parse("x", dsn_span(text), &error);
        const char *message = error == NULL ? "none" : error->message;
        bool capped = error != NULL && strstr(message, caps[_i].error) != NULL;

        ck_assert_msg(capped == (over == 1), "%s: %s", caps[_i].label, message);
        ck_assert((toml == NULL) == (error != NULL));
    }
}
END_TEST

static const struct {
    const char *before, *piece, *after;
    bool taken;
} long_ones[] = {
    {"a = 1", "_1", "", false},
    {"a = 0x1", "_0", "", false},
    {"a = 1.", "0_0", "1", true},
    {"a = \"", "\\u0041", "\"", true},
    {"a = \"\"\"", "\"\"x", "\"\"\"", true},
    {"", "#\n", "", true},
    {"a = \"\"\"", "\\\n ", "\"\"\"", true},
    {"a = [", "\n", "]", true},
};

#define LONG_BYTES ((size_t)2 * 1024 * 1024)

/* Quadratic work on such a document would run into the time limit of a test. */
START_TEST(takes_time_by_length)
{
    size_t count = LONG_BYTES / strlen(long_ones[_i].piece);
    g_autofree char *text =
        repeat(long_ones[_i].before, long_ones[_i].piece, count, long_ones[_i].after);
    g_autoptr(DsnToml) toml = dsn_toml_parse("x", dsn_span(text), NULL);

    ck_assert_msg((toml != NULL) == long_ones[_i].taken, "row %d", _i);
}
END_TEST

START_TEST(writes_what_it_reads)
{
    static const char *const texts[] = {"",           "plain-KEY_1", "a b",
                                        "\"\\\n\r\t", "a.b",         "\x01\x1f\x7f",
                                        "\xc3\xa4 '", "[x]",         "\x1f=#"};

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GString) text = g_string_new(NULL);

        dsn_toml_write_key(text, texts[i]);
        g_string_append(text, " = ");
        dsn_toml_write_string(text, texts[i]);
        g_autoptr(DsnToml) toml = dsn_toml_parse("x", dsn_span(text->str), NULL);
        ck_assert_msg(toml != NULL, "%s", text->str);
        ck_assert_str_eq(json_string_value(json_object_get(dsn_toml_tree(toml), texts[i])),
                         texts[i]);
    }
    g_autoptr(GString) bare = g_string_new(NULL);
    dsn_toml_write_key(bare, "plain-KEY_1");
    ck_assert_str_eq(bare->str, "plain-KEY_1");
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("toml");
    TCase *tcase = tcase_create("reader");

    tcase_add_loop_test(tcase, reads_trees, 0, G_N_ELEMENTS(trees));
    tcase_add_loop_test(tcase, says_what_is_wrong, 0, G_N_ELEMENTS(faults));
    tcase_add_test(tcase, knows_the_line_of_each_key);
    tcase_add_loop_test(tcase, keeps_the_caps, 0, G_N_ELEMENTS(caps));
    tcase_add_loop_test(tcase, takes_time_by_length, 0, G_N_ELEMENTS(long_ones));
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("writer");
    tcase_add_test(tcase, writes_what_it_reads);
    suite_add_tcase(suite, tcase);
    return suite;
}
