/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/lines.h"
#include "tests/support/unit.h"

/* Rule MIME-24: every line end that mail is met with, and what it becomes. */
static const struct {
    const char *label, *text, *repaired;
    bool was_good;
} rows[] = {
    {"nothing", "", "", true},
    {"no line end", "a", "a", true},
    {"CRLF", "a\r\nb\r\n", "a\r\nb\r\n", true},
    {"empty lines", "\r\n\r\n", "\r\n\r\n", true},
    {"LF", "a\nb\n", "a\r\nb\r\n", false},
    {"mixed", "a\r\nb\nc", "a\r\nb\r\nc", false},
    {"lone CR", "a\rb", "a\r\nb", false},
    {"lone CR at the end", "a\r", "a\r\n", false},
    {"lone CRs", "a\r\rb\r\n", "a\r\n\r\nb\r\n", false},
    {"CR CR LF", "a\r\r\nb", "a\r\nb", false},
    {"CR CR CR LF", "a\r\r\r\nb", "a\r\n\r\nb", false},
    {"LF CR", "a\n\rb", "a\r\n\r\nb", false},
    {"CR before text and LF", "a\rb\nc", "a\r\nb\r\nc", false},
};

START_TEST(every_line_end_becomes_crlf)
{
    g_autoptr(GString) repaired = g_string_new(NULL);
    DsnSpan text = dsn_span(rows[_i].text), line;
    DsnLines lines = DSN_LINES(text);

    dsn_lines_append_repaired(text, repaired);
    dsn_test_compare(__FILE__, __LINE__, repaired->str, repaired->len, rows[_i].repaired,
                     strlen(rows[_i].repaired), rows[_i].label);
    while (dsn_lines_next(&lines, &line))
        ck_assert_msg(line.len <= 1, "%s: a line end is in a line", rows[_i].label);
    ck_assert_msg(lines.repaired != rows[_i].was_good, "%s", rows[_i].label);
}
END_TEST

START_TEST(hostile_line_ends_take_linear_time)
{
    g_autofree char *text = g_malloc(4000000);
    size_t count = 0;

    memset(text, '\r', 4000000);
    DsnLines lines = DSN_LINES(((DsnSpan){text, 4000000}));
    for (DsnSpan line; dsn_lines_next(&lines, &line);)
        count++;
    ck_assert_uint_eq(count, 4000000); /* quadratic, this would take an hour */
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("lines");
    TCase *tcase = tcase_create("line ends");

    tcase_add_loop_test(tcase, every_line_end_becomes_crlf, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, hostile_line_ends_take_linear_time);
    suite_add_tcase(suite, tcase);
    return suite;
}
