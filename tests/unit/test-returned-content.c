/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/returned-content.h"
#include "tests/support/report.h"
#include "tests/support/unit.h"

#define ID "Message-ID: <1@a.example>\n"

static const struct {
    const char *label, *text, *message_id, *subject; /* NULL: absent */
    size_t start, len;                               /* of the header */
    const char *defects;
} rows[] = {
    {"a message", ID "Subject: x\n\nbody\n", "<1@a.example>", "x", 0, 37, ""},
    {"headers only", ID "Subject: x\n", "<1@a.example>", "x", 0, 37, ""},
    {"cut in a field", "Subject: x\nMessage-ID: <1@a.ex", "<1@a.ex", "x", 0, 30, ""},
    {"blank lines before it", "\r\n \n" ID "Subject: x\n\n", "<1@a.example>", "x", 4, 37, ""},
    {"a blank line inside", "Received: by x\n\nSubject: x\n" ID "\nTo: y\n", "<1@a.example>", "x",
     0, 53, ""},
    {"a body that looks like a header", "Subject: x\n\nMessage-ID: <2@a.example>\n", NULL, "x", 0,
     11, ""},
    {"no essential field, then a body", ID "\nNote: this\n", "<1@a.example>", NULL, 0, 26, ""},
    {"the first one counts", ID "Message-ID: <2@a.example>\nDate: x\n", "<1@a.example>", NULL, 0,
     60, ""},
    {"left over from an mbox", ">From a@b.example Thu\n" ID "\n", "<1@a.example>", NULL, 0, 48, ""},
    {"no header at all", "Hello,\nit did not arrive.\n", NULL, NULL, 0, 0, ""},
    {"nothing", "", NULL, NULL, 0, 0, ""},
    {"encoded subject", "Subject: =?utf-8?q?=C3=A9?=\n\n", NULL, "\xc3\xa9", 0, 28, ""},
    {"8-bit subject", "Subject: \xe9t\xe9\n\n", NULL, "\xc3\xa9t\xc3\xa9", 0, 13, ""},
    {"folded subject", "Subject: a\n b\n\n", NULL, "a b", 0, 14, ""},
    {"a bad return path", "Return-Path: a b\n\n", NULL, NULL, 0, 17, "bad-address:Return-Path"},
};

static void
assert_text(DsnSpan got, const char *want, const char *label)
{
    if (want == NULL)
        ck_assert_msg(!dsn_span_present(got), "%s", label);
    else
        dsn_assert_span(got, want, label);
}

START_TEST(finds_the_header)
{
    g_autoptr(DsnReport) report = dsn_report_new();
    g_autoptr(GString) scratch = g_string_new(NULL);
    DsnFieldReader reader = {report, &DSN_LIMITS_DEFAULT, NULL, scratch};
    DsnSpan text = dsn_span(rows[_i].text);

    dsn_returned_content_read(&reader, DSN_RETURNED_MESSAGE, text);
    g_autofree char *defects = dsn_test_defects(report);
    assert_text(report->returned.message_id, rows[_i].message_id, rows[_i].label);
    assert_text(report->returned.subject, rows[_i].subject, rows[_i].label);
    ck_assert_msg(report->returned.header.data == text.data + rows[_i].start, "%s: start",
                  rows[_i].label);
    ck_assert_msg(report->returned.header.len == rows[_i].len, "%s: %zu bytes", rows[_i].label,
                  report->returned.header.len);
    ck_assert(report->returned.bytes.data == text.data && report->returned.bytes.len == text.len);
    dsn_assert_span(dsn_span(defects), rows[_i].defects, rows[_i].label);
}
END_TEST

/* Rules CFBL-06, CFBL-10. */
START_TEST(finds_every_identifier)
{
    static const char text[] = "Return-path: <b@News.A.example>\n"
                               "X-One: eyJ9\n"
                               "X-Mailer: none\n"
                               "List-Id: Offers\n <offers.a.example>\n"
                               "feedback-id: a:b:c\n"
                               "CFBL-Feedback-ID: 1:\n 2 3\n"
                               "x-two: eyJ9\n"
                               "Message-Id: <1@a.example>\n"
                               "Return-Path: <c@a.example>\n"
                               "Subject: first\n"
                               "Subject: second\n"
                               "List-Unsubscribe: <https://a.example/u?1>,\n <mailto:u@a.example>\n"
                               "List-Unsubscribe-Post: List-Unsubscribe=One-Click\n"
                               "CFBL-Feedback-ID: 4\n";
    g_autoptr(DsnReport) report = dsn_report_new();
    g_autoptr(GString) scratch = g_string_new(NULL);
    DsnFieldReader reader = {report, &DSN_LIMITS_DEFAULT, NULL, scratch};
    const DsnReturned *returned = &report->returned;

    dsn_returned_content_read(&reader, DSN_RETURNED_HEADERS, dsn_span(text));
    dsn_assert_span(returned->return_path, "b@news.a.example", NULL);
    dsn_assert_span(returned->list_id, "Offers <offers.a.example>", NULL);
    dsn_assert_span(returned->feedback_id, "a:b:c", NULL);
    dsn_assert_span(returned->cfbl_feedback_id, "1:23", NULL);
    dsn_assert_span(returned->list_unsubscribe, "<https://a.example/u?1>, <mailto:u@a.example>",
                    NULL);
    dsn_assert_span(returned->list_unsubscribe_post, "List-Unsubscribe=One-Click", NULL);
    dsn_assert_span(returned->subject, "first", NULL);
    dsn_assert_span(returned->message_id, "<1@a.example>", NULL);
    ck_assert_uint_eq(returned->traces->len, 2);
    dsn_assert_span(g_array_index(returned->traces, DsnField, 0).name, "X-One", NULL);
    dsn_assert_span(g_array_index(returned->traces, DsnField, 1).name, "x-two", NULL);
}
END_TEST

START_TEST(keeps_the_limits)
{
    static const char text[] = "X-One: eyJ9\nX-Two: eyJ9\nSubject: 12345678901\n" ID;
    g_autoptr(DsnReport) report = dsn_report_new();
    g_autoptr(GString) scratch = g_string_new(NULL);
    DsnLimits limits = {.header = 55, .field = 10, .occurrences = 1, .defects = 9, .address = 9};
    DsnFieldReader reader = {report, &limits, NULL, scratch};

    dsn_returned_content_read(&reader, DSN_RETURNED_MESSAGE, dsn_span(text));
    g_autofree char *defects = dsn_test_defects(report);
    dsn_assert_span(dsn_span(defects),
                    "limit:X-Two(occurrences) limit:Subject(field) limit(header)", NULL);
    ck_assert_uint_eq(report->returned.traces->len, 1);
    dsn_assert_span(report->returned.subject, "1234567890", NULL);
    ck_assert_uint_eq(report->returned.header.len, 55);
}
END_TEST

static const struct {
    const char *label, *text;
    bool want;
} texts[] = {
    {"a header", "X-One: 1\nReceived: by x\n", true},
    {"blank lines first", "\n\nFrom: a@b.example\n", true},
    {"prose", "Hello,\nSubject: x\n", false},
    {"fields of something else", "Name: x\nOrder: 7\n\nFrom: y\n", false},
    {"nothing", "", false},
};

START_TEST(knows_a_message)
{
    ck_assert_msg(dsn_returned_content_is_in(dsn_span(texts[_i].text)) == texts[_i].want, "%s",
                  texts[_i].label);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("returned-content");
    TCase *tcase = tcase_create("header");

    tcase_add_loop_test(tcase, finds_the_header, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, finds_every_identifier);
    tcase_add_test(tcase, keeps_the_limits);
    tcase_add_loop_test(tcase, knows_a_message, 0, G_N_ELEMENTS(texts));
    suite_add_tcase(suite, tcase);
    return suite;
}
