/* SPDX-License-Identifier: BSD-2-Clause */
/* Each rule is broken alone: a good notice, one edit, and exactly that rule. */
#include "config.h"

#include "mime/lint.h"
#include "tests/support/notice.h"
#include "tests/support/unit.h"

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define THOUSAND HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED

#define HELLOS "SGVsbG8gSGVsbG8gSGVsbG8gSGVsbG8gSGVsbG8g"

static const char good[] = "Date: Tue, 1 Jul 2003 10:52:37 +0000\r\n"
                           "From: Mail Delivery System <mailer-daemon@mta1.example.com>\r\n"
                           "To: news@shop.example\r\n"
                           "Subject: =?UTF-8?Q?Nicht_zugestellt:_=C3=9Cber?=\r\n"
                           "Message-ID: <1@mta1.example.com>\r\n"
                           "In-Reply-To: <4711@shop.example>\r\n"
                           "References: <4710@shop.example>\r\n"
                           " <4711@shop.example>\r\n"
                           "Auto-Submitted: auto-replied\r\n"
                           "MIME-Version: 1.0\r\n"
                           "Content-Type: multipart/report; report-type=delivery-status;\r\n"
                           "\tboundary=\"b1\"\r\n"
                           "\r\n"
                           "--b1\r\n"
                           "Content-Type: text/plain; charset=utf-8\r\n"
                           "Content-Transfer-Encoding: quoted-printable\r\n"
                           "\r\n"
                           "Nicht zugestellt: =C3=9Cber\r\n"
                           "\r\n"
                           "--b1\r\n"
                           "Content-Type: message/delivery-status\r\n"
                           "\r\n"
                           "Original-Envelope-Id: order-4711\r\n"
                           "Reporting-MTA: dns; mta1.example.com\r\n"
                           "Arrival-Date: Tue, 1 Jul 2003 08:52:37 +0000\r\n"
                           "X-Dsnarf-Tenant: shop\r\n"
                           "\r\n"
                           "Original-Recipient: utf-8; jos\\x{E9}@customer.example\r\n"
                           "Final-Recipient: rfc822; jane@customer.example\r\n"
                           "Action: failed\r\n"
                           "Status: 5.1.1 (bad mailbox)\r\n"
                           "Remote-MTA: dns; mx.customer.example (192.0.2.1)\r\n"
                           "Diagnostic-Code: smtp; 550-5.1.1 no such user (really)\r\n"
                           " 550 5.1.1 go away\r\n"
                           "Last-Attempt-Date: Tue, 1 Jul 2003 10:52:37 +0000\r\n"
                           "Final-Log-ID: d23f0824\r\n"
                           "\r\n"
                           "Final-Recipient: rfc822; joe@customer.example\r\n"
                           "Action: delayed\r\n"
                           "Status: 4.2.2\r\n"
                           "Diagnostic-Code: x-dsnarf; queue is full\r\n"
                           "Will-Retry-Until: Tue, 8 Jul 2003 10:52:37 +0000\r\n"
                           "\r\n"
                           "--b1\r\n"
                           "Content-Type: message/rfc822\r\n"
                           "\r\n"
                           "From: news@shop.example\r\n"
                           "Message-ID: <4711@shop.example>\r\n"
                           "\r\n"
                           "hello\r\n"
                           "\r\n"
                           "--b1--\r\n";

/* The forms of RFC 6533, to be edited in the same way. */
static const char global[] =
    "Date: Tue, 1 Jul 2003 10:52:37 +0000\r\n"
    "From: mailer-daemon@mta1.example.com\r\n"
    "To: n\xc3\xa9ws@shop.example\r\n"
    "Message-ID: <1@mta1.example.com>\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/report; report-type=global-delivery-status;\r\n"
    " boundary=b1\r\n"
    "Content-Transfer-Encoding: 8bit\r\n"
    "\r\n"
    "--b1\r\n"
    "Content-Type: text/plain\r\n"
    "Content-Transfer-Encoding: base64\r\n"
    "\r\n"
    "SGVsbG8NCg==\r\n"
    "--b1\r\n"
    "Content-Type: message/global-delivery-status\r\n"
    "Content-Transfer-Encoding: 8bit\r\n"
    "\r\n"
    "Reporting-MTA: dns; mta1.example.com\r\n"
    "\r\n"
    "Final-Recipient: utf-8; jos\xc3\xa9@customer.example\r\n"
    "Action: failed\r\n"
    "Status: 5.1.1\r\n"
    "Diagnostic-Code: smtp; 550 usu\xc3\xa1rio\r\n"
    "Localized-Diagnostic: pt; usu\xc3\xa1rio\r\n"
    "\r\n"
    "--b1\r\n"
    "Content-Type: message/global-headers\r\n"
    "Content-Transfer-Encoding: 8bit\r\n"
    "\r\n"
    "Subject: \xc3\xa9t\xc3\xa9\r\n"
    "\r\n"
    "--b1--\r\n";

/* What is replaced by what, and what is then broken. */
typedef struct Edit {
    const char *rule;
    const char *from;
    const char *to;
} Edit;

#define DUPLICATE(rule, line)                      \
    {                                              \
        rule, "\r\n" line, "\r\n" line "\r\n" line \
    }

static const Edit musts[] = {
    {"SEC-01", "Subject: ", "Subject: \x01"}, /* 01 is made NUL below */
    {"MIME-23", "hello", THOUSAND},
    {"MIME-24", "hello\r\n", "hello\n"},
    {"MIME-24", "hello\r\n", "hel\rlo\r\n"},
    {"MIME-01", "multipart/report", "multipart/mixed"},
    {"MIME-01", "=delivery-status", "=feedback-report"},
    {"MIME-02", " report-type=delivery-status;", ""},
    {"MIME-02", "report-type=delivery-status", "report-type=global-delivery-status"},
    {"MIME-03", "\r\n--b1--", "\r\n--b1\r\n\r\nmore\r\n--b1--"},
    {"MIME-03", "text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable",
     "message/x"},
    {"MIME-03", "message/rfc822", "text/plain"},
    {"MIME-11", "message/rfc822", "message/rfc822\r\nContent-Transfer-Encoding: base64"},
    {"MIME-12", "text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable",
     "text/plain; charset=utf-8\r\nContent-Transfer-Encoding: x-none"},
    {"MIME-14", "message/delivery-status", "message/delivery-status; charset=us-ascii"},
    {"MIME-14", "message/delivery-status\r\n",
     "message/delivery-status\r\nContent-Transfer-Encoding: quoted-printable\r\n"},
    {"MIME-15", "Content-Type: multipart",
     "Content-Transfer-Encoding: quoted-printable\r\nContent-Type: multipart"},
    {"MIME-16", "\"b1\"", "\"b2\""},
    {"MIME-17", "\r\n--b1--\r\n", "\r\n"},
    {"MIME-18", "MIME-Version: 1.0\r\n", ""},
    {"MIME-18", "MIME-Version: 1.0", "MIME-Version: 1.00"},
    DUPLICATE("MIME-18", "MIME-Version: 1.0"),
    {"MIME-19", "Date: Tue, 1 Jul 2003 10:52:37 +0000\r\nFrom", "From"},
    {"MIME-19", "10:52:37 +0000\r\nFrom", "10:52:37 GMT\r\nFrom"},
    {"MIME-19", "Date: Tue, 1 Jul 2003 10:52:37 +0000\r\nFrom",
     "Date: Wed, 1 Jul 2003 10:52:37 +0000\r\nFrom"},
    {"MIME-19", "From: Mail Delivery System <mailer-daemon@mta1.example.com>\r\n", ""},
    {"MIME-19", "<mailer-daemon@mta1.example.com>", "<mailer-daemon>"},
    {"MIME-19", "\r\nTo: ", "\r\na line\r\nTo: "},
    DUPLICATE("MIME-19", "To: news@shop.example"),
    DUPLICATE("MIME-19", "Message-ID: <1@mta1.example.com>"),
    DUPLICATE("MIME-19", "In-Reply-To: <4711@shop.example>"),
    DUPLICATE("MIME-19", "Subject: =?UTF-8?Q?Nicht_zugestellt:_=C3=9Cber?="),
    {"MIME-25", "=C3=9Cber\r\n\r\n--b1", "=c3=9cber\r\n\r\n--b1"},
    {"MIME-25", "=C3=9Cber\r\n\r\n--b1", "=C3=9Cber \r\n\r\n--b1"},
    {"MIME-25", "Nicht zugestellt: =", HUNDRED "="},
    {"MIME-25", "=C3=9Cber\r\n\r\n--b1", "=ZZ\r\n\r\n--b1"},
    {"MIME-27", "Subject: =?UTF-8?Q?Nicht", "Subject: =?UTF-8?Q?" HUNDRED},
    {"MIME-27", "Subject: =", "Subject: " TEN TEN TEN TEN "="},
    {"MIME-28", "To: news@shop.example", "To: =?UTF-8?Q?news?=@shop.example"},
    {"MIME-28", "Auto-Submitted: auto-replied", "Auto-Submitted: auto-replied; x==?UTF-8?Q?y?="},
    {"MIME-29", "=C3=9Cber?=", "=C3?= =?UTF-8?Q?=9Cber?="},
    {"MIME-35", "From: news@shop.example\r\nMessage-ID", "X-From: news@shop.example\r\nMessage-ID"},
    {"MDN-03", "MIME-Version", "Disposition-Notification-To: a@b.example\r\nMIME-Version"},
    {"LOOP-04", "To: news@shop.example\r\n", ""},
    {"LOOP-04", "To: news@shop.example", "To: news@shop.example, b@shop.example"},
    {"LOOP-04", "To: news@shop.example", "To: undisclosed-recipients:;"},
    {"LOOP-05", "auto-replied", "auto-generated"},
    {"LOOP-06", "auto-replied", "auto-replied really"},
    DUPLICATE("LOOP-06", "Auto-Submitted: auto-replied"),
    {"DSN-01", "shop\r\n\r\nOriginal", "shop\r\n\r\n\r\nOriginal"},
    {"DSN-01", "X-Dsnarf-Tenant: shop", "X-Dsnarf-Tenant: shop\r\nrubbish"},
    {"DSN-01", "X-Dsnarf-Tenant: shop", "Final-Log-ID: 1"},
    {"DSN-01", "Final-Log-ID: d23f0824", "Arrival-Date: Tue, 1 Jul 2003 08:52:37 +0000"},
    {"DSN-02",
     "Reporting-MTA: dns; mta1.example.com\r\nArrival-Date: Tue, 1 Jul 2003 08:52:37 +0000",
     "Arrival-Date: Tue, 1 Jul 2003 08:52:37 +0000\r\nReporting-MTA: dns; mta1.example.com"},
    DUPLICATE("DSN-03", "Reporting-MTA: dns; mta1.example.com"),
    {"DSN-04", "(really)", "(really"},
    {"DSN-04", "(really)", "really)"},
    {"DSN-06", "order-4711", "<4711@shop.example>"},
    {"DSN-06", "order-4711", "4711@shop.example"},
    {"DSN-08", "Reporting-MTA: dns; mta1.example.com\r\n", ""},
    {"DSN-08", "dns; mta1.example.com\r\nArr", "dns; mta1.example.com.\r\nArr"},
    {"DSN-11", "Arrival-Date", "DSN-Gateway: dns; gw.example\r\nArrival-Date"},
    {"DSN-13", "08:52:37 +0000", "08:52:37 UTC"},
    {"DSN-14", "rfc822; jane", "jane"},
    {"DSN-14", "Remote-MTA: dns;", "Remote-MTA: d ns;"},
    {"DSN-14", "x-dsnarf; queue is full", "x-dsnarf;"},
    {"DSN-15", "X-Dsnarf-Tenant", "Dsnarf-Tenant"},
    {"RCPT-01", "Action: failed\r\nStatus: 5.1.1 (bad mailbox)",
     "Status: 5.1.1 (bad mailbox)\r\nAction: failed"},
    DUPLICATE("RCPT-01", "Action: delayed"),
    {"RCPT-04", "Final-Recipient: rfc822; joe@customer.example\r\n", ""},
    {"RCPT-04", "rfc822; jane", "x400; jane"},
    {"RCPT-06", "Action: failed", "Action: bounced"},
    {"RCPT-09", "5.1.1 (bad", "5.01.1 (bad"},
    {"RCPT-09", "5.1.1 (bad", "5.1 (bad"},
    {"RCPT-10", "(bad mailbox)", "bad mailbox"},
    {"RCPT-15", "Diagnostic-Code: smtp; 550-5.1.1 no such user (really)\r\n 550 5.1.1 go away\r\n",
     ""},
    {"RCPT-17", " 550 5.1.1 go away\r\n", " and go away\r\n"},
    {"RCPT-20", "Last-Attempt-Date: Tue, 1 Jul 2003 10:52:37 +0000",
     "Last-Attempt-Date: Tue, 1 Jul 2003 10:52:37 Z"},
    {"RCPT-22", "Action: delayed", "Action: relayed"},
    {"RCPT-22", "8 Jul 2003 10:52:37 +0000", "8 Jul 2003 10:52:37 GMT"},
    {"RCPT-23", "Action: failed\r\n", ""},
    {"RCPT-23", "Status: 4.2.2\r\n", ""},
    {"STAT-01", "Status: 4.2.2", "Status: 3.2.2"},
    {"I18N-04", "jos\\x{E9}@", "jos\\x{ZZ}@"},
    {"I18N-14", "Subject: =", "Subject: \xff="},
};

static const Edit shoulds[] = {
    {"MIME-23", "queue is full", "queue is full " HUNDRED},
    {"MIME-09", "\r\n\r\nhello\r\n", "\r\n"},
    {"MIME-10", "Content-Type: message/rfc822", "Content-Type: text/rfc822-headers"},
    {"MIME-20", "Message-ID: <1@mta1.example.com>\r\n", ""},
    {"MIME-20", "<1@mta1.example.com>", "<1>"},
    {"MIME-20", "<1@mta1.example.com>", "<1@elsewhere.example>"},
    {"MIME-20", "<1@mta1.example.com>", "<1@emta1.example.com>"},
    {"MIME-30", "In-Reply-To: <4711@shop.example>\r\n", ""},
    {"MIME-30", "References: <4710@shop.example>\r\n <4711@shop.example>\r\n", ""},
    {"MIME-31", "charset=utf-8", "charset=us-ascii"},
    {"MIME-31", "; charset=utf-8", ""},
    {"MIME-31", "Nicht zugestellt: =C3", "Nicht zugestellt: =C4=C3"},
    {"MIME-07", "Action: failed", "Action: delayed"},
    {"RCPT-12 STAT-02", "5.1.1 (bad", "2.1.1 (bad"},
    {"RCPT-13", "mx.customer.example (", "mx.customer.example. ("},
    {"STAT-02", "5.1.1 (bad", "4.1.1 (bad"},
};

static const Edit global_musts[] = {
    {"I18N-09", "message/global-headers", "message/global-headers; charset=utf-8"},
    {"I18N-09", "message/global-delivery-status", "message/global-delivery-status; charset=utf-8"},
    {"I18N-04", "utf-8; jos", "rfc822; jos"},
    {"I18N-14", "message/global-headers", "text/rfc822-headers"},
    {"I18N-14", "550 usu\xc3\xa1rio", "550 usu\xe1rio"},
    {"I18N-14", "\xc3\xa9t\xc3\xa9", "\xe9t\xe9"},
    {"I18N-14", "text/plain", "text/plain; x=\"\xc3\xa9\""},
    {"RCPT-01",
     "Diagnostic-Code: smtp; 550 usu\xc3\xa1rio\r\nLocalized-Diagnostic: pt; usu\xc3\xa1rio",
     "Localized-Diagnostic: pt; usu\xc3\xa1rio\r\nDiagnostic-Code: smtp; 550 usu\xc3\xa1rio"},
    {"MIME-15", "8bit\r\n\r\n--b1\r\nContent-Type: text", "7bit\r\n\r\n--b1\r\nContent-Type: text"},
    {"MIME-12", "message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit",
     "message/global-delivery-status"},
    {"MIME-16", "boundary=b1", "boundary=b1;;x y"},
    {"MIME-26", "SGVsbG8NCg==", "SGVsbG8NCg="},
    {"MIME-26", "SGVsbG8NCg==", "SGVs*G8NCg=="},
    {"MIME-26", "SGVsbG8NCg==", HELLOS HELLOS},
};

static GString *
apply(const char *text, const Edit *edit)
{
    GString *edited = g_string_new(text);
    char *nul;

    ck_assert_msg(g_string_replace(edited, edit->from, edit->to, 1) == 1, "%s: %s is not there",
                  edit->rule, edit->from);
    if ((nul = strchr(edited->str, '\x01')) != NULL)
        *nul = '\0';
    return edited;
}

static void
expect(const char *text, const Edit *edit, bool must)
{
    g_autoptr(GString) edited = apply(text, edit);
    bool is_good;
    g_autofree char *rules = dsn_test_lint((DsnSpan){edited->str, edited->len}, &is_good);

    ck_assert_msg(strcmp(rules, edit->rule) == 0, "%s instead of %s: broken: %s", edit->to,
                  edit->from, rules);
    ck_assert_msg(is_good == !must, "%s: level", edit->rule);
}

START_TEST(good_notices_break_no_rule)
{
    dsn_test_check_notice(dsn_span(good), NULL, "good");
    dsn_test_check_notice(dsn_span(global), NULL, "global");
}
END_TEST

START_TEST(each_must_alone)
{
    expect(good, &musts[_i], true);
}
END_TEST

START_TEST(each_should_alone)
{
    expect(good, &shoulds[_i], false);
}
END_TEST

START_TEST(each_must_of_the_global_form)
{
    expect(global, &global_musts[_i], true);
}
END_TEST

/* Variations that the grammars allow. */
static const Edit allowed[] = {
    {"", "auto-replied", "Auto-Replied; owner=x (why)"},
    {"", "MIME-Version: 1.0", "MIME-Version: 1.0 (made by hand)"},
    {"", "To: news@shop.example", "To: \"a, b\" (c, d) <news@shop.example>"},
    {"", "+0000\r\nX-Dsnarf", "+0000 (UTC)\r\nX-Dsnarf"},
    {"", "Action: failed", "action: FAILED (at last)"},
    {"", "(really)", "(re(al)ly) \\("},
    {"", "4.2.2\r\n", "4.2.2\r\nRemote-MTA: dns; [192.0.2.1]\r\n"},
    {"", "\r\n\r\n--b1\r\nContent-Type: message/rfc822",
     "\r\n--b1\r\nContent-Type: message/rfc822"},
    {"", "--b1--\r\n", "--b1--"},
    {"",
     "Content-Type: message/rfc822\r\n\r\nFrom: news@shop.example\r\n"
     "Message-ID: <4711@shop.example>\r\n\r\nhello\r\n\r\n--b1--",
     "--b1--"},
    {"",
     "--b1\r\nContent-Type: text/plain; charset=utf-8\r\n"
     "Content-Transfer-Encoding: quoted-printable\r\n\r\nNicht zugestellt: =C3=9Cber\r\n",
     "--b1\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n\r\nhi\r\n--c--\r\n"},
};

START_TEST(what_is_allowed_is_not_found)
{
    g_autoptr(GString) edited = apply(good, &allowed[_i]);
    bool is_good;

    if (g_str_has_prefix(allowed[_i].from, "Content-Type: message/rfc822\r\n\r\nFrom"))
        ck_assert_uint_eq(g_string_replace(edited, "--b1\r\n--b1--", "--b1--", 1), 1);
    g_autofree char *rules = dsn_test_lint((DsnSpan){edited->str, edited->len}, &is_good);
    ck_assert_msg(is_good && *rules == '\0', "%s: broken: %s", allowed[_i].to, rules);
}
END_TEST

START_TEST(a_notice_beyond_the_caps_is_not_vouched_for)
{
    g_autoptr(GArray) findings = g_array_new(FALSE, FALSE, sizeof(DsnFinding));
    DsnLimits limits = DSN_LIMITS_DEFAULT;

    limits.parts = 3;
    ck_assert(!dsn_lint_notice(dsn_span(good), &limits, findings));
    bool told = false;
    for (guint i = 0; i < findings->len; i++)
        told |= strcmp(g_array_index(findings, DsnFinding, i).rule, "OOB-20") == 0;
    ck_assert(told);
}
END_TEST

START_TEST(findings_are_capped)
{
    g_autoptr(GArray) findings = g_array_new(FALSE, FALSE, sizeof(DsnFinding));
    g_autoptr(GString) message = g_string_new(NULL);

    for (int i = 0; i < 10000; i++)
        g_string_append(message, "rubbish\r\n");
    ck_assert(
        !dsn_lint_notice((DsnSpan){message->str, message->len}, &DSN_LIMITS_DEFAULT, findings));
    ck_assert_uint_eq(findings->len, DSN_LIMITS_DEFAULT.defects);
}
END_TEST

START_TEST(anything_can_be_read)
{
    static const char *const odd[] = {"",
                                      "\r\n",
                                      "\n",
                                      ":",
                                      "Content-Type: multipart/report",
                                      "Content-Type: multipart/report; boundary=a\r\n\r\n--a\r\n"};
    bool is_good;

    for (size_t i = 0; i < G_N_ELEMENTS(odd); i++)
        g_free(dsn_test_lint(dsn_span(odd[i]), &is_good));
    for (size_t len = 0; len < sizeof(good); len++) { /* cut anywhere */
        g_autofree char *copy = g_memdup2(good, len);
        g_autofree char *rules = dsn_test_lint((DsnSpan){copy, len}, &is_good);

        ck_assert_msg(!is_good || len >= sizeof(good) - sizeof("\r\n"), "cut at %zu: %s", len,
                      rules);
    }
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("lint");
    TCase *tcase = tcase_create("rules");

    tcase_add_test(tcase, good_notices_break_no_rule);
    tcase_add_loop_test(tcase, each_must_alone, 0, G_N_ELEMENTS(musts));
    tcase_add_loop_test(tcase, each_should_alone, 0, G_N_ELEMENTS(shoulds));
    tcase_add_loop_test(tcase, each_must_of_the_global_form, 0, G_N_ELEMENTS(global_musts));
    tcase_add_loop_test(tcase, what_is_allowed_is_not_found, 0, G_N_ELEMENTS(allowed));
    tcase_add_test(tcase, a_notice_beyond_the_caps_is_not_vouched_for);
    tcase_add_test(tcase, findings_are_capped);
    tcase_add_test(tcase, anything_can_be_read);
    suite_add_tcase(suite, tcase);
    return suite;
}
