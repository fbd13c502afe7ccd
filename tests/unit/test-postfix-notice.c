/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/postfix-notice.h"
#include "mime/report-parse.h"
#include "tests/support/report.h"
#include "tests/support/unit.h"

/* What real ones look like to a milter, and what is read of them. */
static const struct {
    const char *file;
    DsnAction action;
    const char *queue_id, *envid;
    bool whole;
    const char *original; /* what it begins with; NULL: nothing is returned */
} samples[] = {
    {"failed", DSN_ACTION_FAILED, "1B3649A0343", NULL, true, "Received: from client.example"},
    {"failed-several-headers", DSN_ACTION_FAILED, "DEF169A032D", "a+b", false, "Received: "},
    {"failed-8bit", DSN_ACTION_FAILED, NULL, NULL, true, "Received: "},
    {"failed-global", DSN_ACTION_FAILED, NULL, NULL, true, "Received: "},
    {"failed-other-template", DSN_ACTION_FAILED, "4XwBpL1Rz3z9qt", NULL, true, "Received: "},
    {"failed-nothing-returned", DSN_ACTION_FAILED, "1B3649A0343", NULL, false, NULL},
    {"expired", DSN_ACTION_FAILED, "1B3649A0343", NULL, true, "Received: "},
    {"delayed", DSN_ACTION_DELAYED, "1B3649A0343", NULL, false, "Received: "},
    {"relayed", DSN_ACTION_DELIVERED, NULL, NULL, false, "Received: "},
    {"delivered", DSN_ACTION_DELIVERED, NULL, NULL, false, "Received: "},
    {"delivered-global-headers", DSN_ACTION_DELIVERED, NULL, NULL, false, "Received: "},
};

static GString *
read_sample(const char *name)
{
    g_autofree char *path = g_strdup_printf("data/postfix/%s.eml", name);
    size_t len;
    g_autofree char *text = dsn_test_read(path, &len);

    return g_string_new_len(text, (gssize)len);
}

START_TEST(known)
{
    g_autoptr(GString) text = read_sample(samples[_i].file);
    DsnSpan message = {text->str, text->len};
    g_autoptr(DsnReport) report = dsn_test_parse(message);
    DsnPostfixNotice notice;

    ck_assert_msg(dsn_postfix_notice_read(message, report, &notice), "%s", samples[_i].file);
    ck_assert_int_eq(notice.action, samples[_i].action);
    dsn_assert_span(notice.host, "mta1.example.com", samples[_i].file);
    dsn_assert_span(notice.sender, "news@shop.example", samples[_i].file);
    if (samples[_i].queue_id != NULL)
        dsn_assert_span(notice.queue_id, samples[_i].queue_id, samples[_i].file);
    ck_assert_int_eq(dsn_span_present(notice.envid), samples[_i].envid != NULL);
    if (samples[_i].envid != NULL)
        dsn_assert_span(notice.envid, samples[_i].envid, samples[_i].file);
    ck_assert_int_eq(notice.whole, samples[_i].whole);
    ck_assert_int_eq(dsn_span_present(notice.original), samples[_i].original != NULL);
    if (samples[_i].original != NULL)
        ck_assert(dsn_span_starts(notice.original, samples[_i].original));
    /* it lies in the message, between two boundaries */
    ck_assert(dsn_span_starts(notice.text, "Content-Description: Notification\r\n"));
    ck_assert(notice.text.data > text->str && notice.text.data < text->str + text->len);
    ck_assert_int_eq(memcmp(notice.text.data + notice.text.len, "\r\n--", 4), 0);
}
END_TEST

/* What is not for the sender, and what bounce(8) does not write. */
static const struct {
    const char *label, *file, *find, *put; /* @find NULL: as it is */
} strangers[] = {
    {"a copy for the postmaster", "postmaster-copy", NULL, NULL},
    {"a notice about a notice", "double-bounce", NULL, NULL},
    {"to somebody else", "failed", "To: news@shop.example", "To: else@shop.example"},
    {"two To", "failed", "To: news", "To: news@shop.example\r\nTo: news"},
    {"generated", "failed", "auto-replied", "auto-generated"},
    {"no Auto-Submitted", "failed", "Auto-Submitted:", "X-Was:"},
    {"another type", "failed", "multipart/report", "multipart/mixed"},
    {"another report", "failed", "report-type=delivery", "report-type=disposition"},
    {"another preamble", "failed", "This is a MIME-encap", "This is a mime-encap"},
    {"another boundary", "failed", "boundary=\"1B3", "boundary=\"1B4"},
    {"no seconds", "failed", ".1795297746/", "./"},
    {"another description", "failed", "Description: Notification", "Description: Notice"},
    {"an HTML part", "failed", "Content-Type: text/plain", "Content-Type: text/html"},
    {"another host", "failed", "Reporting-MTA: dns; mta1", "Reporting-MTA: dns; mta2"},
    {"no host", "failed", "Reporting-MTA: dns", "Reporting-MTA: x"},
    {"another queue id", "failed", "Queue-ID: 1B", "Queue-ID: 1C"},
    {"two queue ids", "failed", "X-Postfix-Queue-ID",
     "X-Postfix-Queue-ID: 1B\r\nX-Postfix-Queue-ID"},
    {"no queue id", "failed", "X-Postfix-Queue-ID", "X-Postfix-Queue"},
    {"no sender", "failed", "X-Postfix-Sender", "X-Other-Sender"},
    {"sender of another type", "failed", "Sender: rfc822", "Sender: x400"},
    {"another sender", "failed", "Return-Path: <news", "Return-Path: <other"},
    {"no Return-Path", "failed", "Return-Path: <", "Return: <"},
    {"no recipient", "failed", "Final-Recipient", "X-Recipient"},
    {"tried out", "failed", "Action: failed", "Action: undeliverable"},
    {"this and that", "failed-several-headers", "Action: failed", "Action: delayed"},
    {"a failure as a success", "delivered", "Action: delivered", "Action: failed"},
    {"another returned type", "failed", "Content-Type: message/rfc822", "Content-Type: text/x"},
    {"no end", "failed", "--\r\n", "-\r\n"},
};

/* The last place for the end of all, else the first. */
static void
change(GString *text, const char *find, const char *put)
{
    const char *at = strcmp(find, "--\r\n") == 0 ? g_strrstr_len(text->str, (gssize)text->len, find)
                                                 : strstr(text->str, find);

    ck_assert_msg(at != NULL, "no %s", find);
    gssize offset = at - text->str;
    (void)g_string_erase(text, offset, (gssize)strlen(find));
    (void)g_string_insert(text, offset, put);
}

START_TEST(strange)
{
    g_autoptr(GString) text = read_sample(strangers[_i].file);
    DsnPostfixNotice notice;

    if (strangers[_i].find != NULL)
        change(text, strangers[_i].find, strangers[_i].put);
    DsnSpan message = {text->str, text->len};
    g_autoptr(DsnReport) report = dsn_test_parse(message);
    ck_assert_msg(!dsn_postfix_notice_read(message, report, &notice), "%s", strangers[_i].label);
}
END_TEST

/* It names more recipients than are read. */
START_TEST(cut_by_limits)
{
    g_autoptr(GString) text = read_sample("failed-several-headers");
    DsnSpan message = {text->str, text->len};
    DsnLimits limits = DSN_LIMITS_DEFAULT;
    DsnPostfixNotice notice;

    for (limits.groups = 2; limits.groups <= 3; limits.groups++) {
        g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&limits);
        g_autoptr(DsnReport) report = dsn_report_new();

        dsn_report_parse(parser, message, report);
        ck_assert(dsn_postfix_notice_read(message, report, &notice));
        ck_assert_uint_eq(notice.n_recipients, 2);
        ck_assert_uint_eq(report->per_recipient->len, limits.groups - 1);
    }
}
END_TEST

/* None of its beginnings is one, and what follows the end makes it none. */
START_TEST(cut_anywhere)
{
    g_autoptr(GString) text = read_sample("failed");
    DsnPostfixNotice notice;

    for (size_t len = 0; len < text->len; len += 7) {
        DsnSpan message = {text->str, len};
        g_autoptr(DsnReport) report = dsn_test_parse(message);

        ck_assert(!dsn_postfix_notice_read(message, report, &notice));
    }
    g_string_append(text, "more\r\n");
    DsnSpan message = {text->str, text->len};
    g_autoptr(DsnReport) report = dsn_test_parse(message);
    ck_assert(!dsn_postfix_notice_read(message, report, &notice));
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("postfix-notice");
    TCase *tcase = tcase_create("all");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, known, 0, G_N_ELEMENTS(samples));
    tcase_add_loop_test(tcase, strange, 0, G_N_ELEMENTS(strangers));
    tcase_add_test(tcase, cut_by_limits);
    tcase_add_test(tcase, cut_anywhere);
    suite_add_tcase(suite, tcase);
    return suite;
}
