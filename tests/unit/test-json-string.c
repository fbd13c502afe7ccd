/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/json-string.h"
#include "tests/support/unit.h"

static const struct {
    const char *raw;
    const char *text; /* NULL: no string */
    size_t length;
} rows[] = {
    {"", "", 0},
    {"plain", "plain", 5},
    {"a\\r\\n\\tb\\\"\\\\\\/\\b\\f", "a\r\n\tb\"\\/\b\f", 10},
    {"\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac", 6},
    {"\\ud83d\\udE00", "\xf0\x9f\x98\x80", 4},
    {"a\\u0000b", "a\0b", 3},
    {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9},
    {"\x7f", "\x7f", 1},
    {"\n", NULL, 0},
    {"a\x1f", NULL, 0},
    {"a\"b", NULL, 0},
    {"\\", NULL, 0},
    {"abc\\", NULL, 0},
    {"\\x", NULL, 0},
    {"\\u", NULL, 0},
    {"\\u12", NULL, 0},
    {"\\u12g4", NULL, 0},
    {"\\ud83d", NULL, 0},
    {"\\ud83dabcdef", NULL, 0},
    {"\\ud83d\\u0041", NULL, 0},
    {"\\udE00", NULL, 0},
    {"\xff", NULL, 0},
    {"\xc3", NULL, 0},
    {"\xc0\x80", NULL, 0},
    {"\xed\xa0\x80", NULL, 0},
    {"\xc3\\u0041", NULL, 0},
};

START_TEST(reads_strings)
{
    g_autofree char *exact = g_memdup2(rows[_i].raw, strlen(rows[_i].raw));
    g_autoptr(GString) text = g_string_new("before");
    bool good = dsn_json_unescape((DsnSpan){exact, strlen(rows[_i].raw)}, text);

    ck_assert_msg(good == (rows[_i].text != NULL), "%s", rows[_i].raw);
    dsn_test_compare(__FILE__, __LINE__, text->str, strlen("before"), "before", strlen("before"),
                     rows[_i].raw);
    dsn_test_compare(__FILE__, __LINE__, text->str + strlen("before"), text->len - strlen("before"),
                     rows[_i].text == NULL ? "" : rows[_i].text, rows[_i].length, rows[_i].raw);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("json-string");
    TCase *tcase = tcase_create("text");

    tcase_add_loop_test(tcase, reads_strings, 0, G_N_ELEMENTS(rows));
    suite_add_tcase(suite, tcase);
    return suite;
}
