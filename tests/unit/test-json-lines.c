/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/json-lines.h"
#include "tests/support/packets.h"
#include "tests/support/unit.h"

#include <unistd.h>

static const struct {
    const char *label, *text, *want; /* "number:line|", "number!|" for one that is too long */
} rows[] = {
    {"empty", "", ""},
    {"one line", "{}\n", "1:{}|"},
    {"no line end", "{}", "1:{}|"},
    {"blank lines count", "{}\n\n \t\r\n{1}\n", "1:{}|4:{1}|"},
    {"CRLF and spaces", " {} \r\n{1}\r\n", "1:{}|2:{1}|"},
    {"at the limit", "0123456789\n{}\n", "1:0123456789|2:{}|"},
    {"over the limit", "01234567890\n{}\n", "1!|2:{}|"},
    {"far over the limit", "0123456789012345678901234567890123456789\n{}\n", "1!|2:{}|"},
    {"over the limit at the end", "{}\n0123456789012345678901234567890123456789", "1:{}|2!|"},
};

START_TEST(reads)
{
    DsnSpan input = dsn_span(rows[_i].text);

    for (size_t size = dsn_packet_min(input.len); size <= input.len; size++) {
        int fd = dsn_packets_open(input, size);
        g_auto(DsnJsonLines) lines = {.max = 10};
        g_autoptr(GString) text = g_string_new(NULL);
        g_autoptr(GError) error = NULL;
        DsnLineResult result;
        DsnSpan line;

        dsn_window_reset(&lines.window, fd, 0);
        while ((result = dsn_json_lines_next(&lines, &line, &error)) < DSN_LINE_END) {
            g_string_append_printf(text, "%u", (unsigned)lines.line);
            if (result == DSN_LINE_TOO_LONG)
                g_string_append(text, "!|");
            else
                g_string_append_printf(text, ":%.*s|", (int)line.len, line.data);
        }
        ck_assert_int_eq(result, DSN_LINE_END);
        dsn_assert_span(((DsnSpan){text->str, text->len}), rows[_i].want, rows[_i].label);
        (void)close(fd);
    }
}
END_TEST

START_TEST(says_why_it_cannot_read)
{
    g_auto(DsnJsonLines) lines = {.max = 10};
    g_autoptr(GError) error = NULL;
    DsnSpan line;

    dsn_window_reset(&lines.window, -1, 0);
    ck_assert_int_eq(dsn_json_lines_next(&lines, &line, &error), DSN_LINE_FAILED);
    ck_assert(g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_BADF));
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("json-lines");
    TCase *tcase = tcase_create("json-lines");

    tcase_add_loop_test(tcase, reads, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, says_why_it_cannot_read);
    suite_add_tcase(suite, tcase);
    return suite;
}
