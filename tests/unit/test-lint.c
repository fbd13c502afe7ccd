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
                           "X-Title: =?utf-8?Q?Hi?=\r\n"
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
    {"SEC-01", "Subject: ", "Subject: \x01 "}, /* 01 is made NUL below */
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
    {"MIME-16", "hello", "--b12"},
    {"MIME-16", "hello", "--b1--x"},
    {"ENV-02", "Date: Tue", "Return-Path: <bounces@mta1.example.com>\r\nDate: Tue"},
    {"ENV-07", "Message-ID: <4711@shop.example>\r\n\r\n",
     "Message-ID: <4711@shop.example>\r\n"
     "Content-Type: multipart/report; report-type=\"delivery-status\"; boundary=b2\r\n\r\n"},
    {"MDN-04", "Message-ID: <4711@shop.example>\r\n\r\n",
     "Message-ID: <4711@shop.example>\r\n"
     "Content-Type: multipart/report; report-type=disposition-notification\r\n\r\n"},
    {"ENV-11", "To: news@shop.example", "To: <@relay.example,@b.example:news@shop.example>"},
    {"RCPT-11",
     "5.1.1 (bad mailbox)\r\nRemote-MTA: dns; mx.customer.example (192.0.2.1)\r\n"
     "Diagnostic-Code: smtp; 550-5.1.1 no such user (really)\r\n 550 5.1.1 go away",
     "5.5.0\r\nRemote-MTA: dns; mx.customer.example (192.0.2.1)\r\n"
     "Diagnostic-Code: smtp; 550 go away"},
    {"MIME-27", "Subject: =?UTF-8?Q?Nicht", "Subject: =?UTF-8?Q?" HUNDRED},
    {"MIME-27", "Subject: =", "Subject: " TEN TEN "12345678 ="},
    {"MIME-28", "To: news@shop.example", "To: =?UTF-8?Q?news?=@shop.example"},
    {"MIME-28", "Auto-Submitted: auto-replied", "Auto-Submitted: auto-replied; x==?UTF-8?Q?y?="},
    {"MIME-28", "=?UTF-8?Q?Nicht_zugestellt:_=C3=9Cber?=", "x=?UTF-8?Q?Nicht?="},
    {"MIME-28", "=?UTF-8?Q?Nicht_zugestellt:_=C3=9Cber?=", "=?UTF-8?Q?a?==?UTF-8?Q?b?="},
    {"MIME-28", "Mail Delivery System <", "\"=?UTF-8?Q?Mail?=\" <"},
    {"MIME-28", "text/plain; charset=utf-8", "text/plain; charset=utf-8; name==?UTF-8?Q?x?="},
    {"MIME-28", "Date: Tue", "Received: from x (=?UTF-8?Q?x?=)\r\nDate: Tue"},
    {"MIME-29", "=C3=9Cber?=", "=C3?= =?UTF-8?Q?=9Cber?="},
    {"MIME-29", "=?UTF-8?Q?Nicht_zugestellt:_=C3=9Cber?=", "=?EUC-JP?B?pA==?="},
    {"MIME-26", "=?UTF-8?Q?Nicht_zugestellt:_=C3=9Cber?=", "=?UTF-8?B?SGk==?="},
    {"MIME-25", "=?UTF-8?Q?Nicht_zugestellt:_=C3=9Cber?=", "=?UTF-8?Q?=ZZ?="},
    {"MIME-35",
     "From: news@shop.example\r\nX-Title: =?utf-8?Q?Hi?=\r\nMessage-ID: <4711@shop.example>\r\n"
     "\r\nhello\r\n",
     "[the message]\r\n"},
    {"MIME-35", "From: news@shop.example\r\nX-Title", "X-From: news@shop.example\r\nX-Title"},
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
    {"DSN-04 DSN-12", "Arrival-Date", "Received-From-MTA: dns; client.example (a\r\nArrival-Date"},
    {"DSN-06", "order-4711", "<4711@shop.example>"},
    {"DSN-06", "order-4711", "4711@shop.example"},
    {"DSN-08", "Reporting-MTA: dns; mta1.example.com\r\n", ""},
    {"DSN-08", "dns; mta1.example.com\r\nArr", "dns; mta1.example.com.\r\nArr"},
    {"DSN-08", "dns; mta1.example.com\r\nArr", "dsn; mta1.example.com\r\nArr"},
    {"DSN-11", "Arrival-Date", "DSN-Gateway: dns; gw.example\r\nArrival-Date"},
    {"DSN-13", "08:52:37 +0000", "08:52:37 UTC"},
    {"DSN-14", "rfc822; jane", "jane"},
    {"DSN-14", "Remote-MTA: dns;", "Remote-MTA: d ns;"},
    {"DSN-14", "x-dsnarf; queue is full", "queue is full"},
    {"DSN-04 RCPT-13", "(192.0.2.1)", "(192.0.2.1"},
    {"RCPT-04", "rfc822; joe@customer.example", "rfc822;"},
    {"RCPT-02", "utf-8; jos\\x{E9}@customer.example", "rfc822;"},
    {"RCPT-13", "mx.customer.example (", "mx.customer.example. ("},
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
    {"RCPT-10", "(bad mailbox)", "(bad) mailbox)"},
    {"RCPT-15", "Diagnostic-Code: smtp; 550-5.1.1 no such user (really)\r\n 550 5.1.1 go away\r\n",
     ""},
    {"RCPT-17", " 550 5.1.1 go away\r\n", " and go away\r\n"},
    {"RCPT-20", "Last-Attempt-Date: Tue, 1 Jul 2003 10:52:37 +0000",
     "Last-Attempt-Date: Tue, 1 Jul 2003 10:52:37 Z"},
    {"RCPT-12 RCPT-22", "Action: delayed", "Action: relayed"},
    {"RCPT-22", "8 Jul 2003 10:52:37 +0000", "8 Jul 2003 10:52:37 GMT"},
    {"RCPT-23", "Action: failed\r\n", ""},
    {"RCPT-23", "Status: 4.2.2\r\n", ""},
    {"STAT-01", "Status: 4.2.2", "Status: 3.2.2"},
    {"I18N-04", "jos\\x{E9}@", "jos\\x{ZZ}@"},
    {"I18N-14", "Subject: =", "Subject: \xff ="},
};

static const Edit shoulds[] = {
    {"MIME-21", "mailer-daemon@mta1.example.com", "No-Reply@mta1.example.com"},
    {"MIME-21", "mailer-daemon@mta1.example.com", "mailer-daemon@localhost"},
    {"MIME-22", "Subject: ", "Subject: \x02 "},
    {"MIME-32",
     "text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
     "Nicht zugestellt: =C3=9Cber\r\n",
     "multipart/alternative; boundary=c\r\n\r\n--c\r\nContent-Language: en\r\n\r\nhi\r\n--c\r\n"
     "\r\nmoin\r\n--c--\r\n"},
    {"MIME-31",
     "text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
     "Nicht zugestellt: =C3=9Cber\r\n",
     "multipart/alternative; boundary=c\r\n\r\n--c\r\n\r\nhi\r\n--c\r\nContent-Type: text/html\r\n"
     "Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>=C3=BC\r\n--c--\r\n"},
    {"LOOP-07", "auto-replied", "No (really)"},
    {"LOOP-12", "Nicht zugestellt: =C3=9Cber\r\n\r\n--b1\r\nContent-Type: message/del",
     "Nicht zugestellt: =3D?utf-8?Q?Hi?=3D\r\n\r\n--b1\r\nContent-Type: message/del"},
    {"LOOP-15", "Message-ID: <4711@shop.example>\r\n\r\n",
     "Message-ID: <4711@shop.example>\r\n"
     "Content-Type: multipart/report; report-type=feedback-report\r\n\r\n"},
    {"DSN-12", "Arrival-Date", "Received-From-MTA: dns; client.example\r\nArrival-Date"},
    {"DSN-12", "Arrival-Date", "Received-From-MTA: dns; a client (192.0.2.7)\r\nArrival-Date"},
    {"RCPT-16", "4.2.2\r\n", "4.2.2\r\nRemote-MTA: dns; mx.customer.example\r\n"},
    {"MIME-23", "queue is full", "queue is full " HUNDRED},
    {"MIME-09", "\r\n\r\nhello\r\n", "\r\n"},
    {"MIME-10", "Content-Type: message/rfc822", "Content-Type: text/rfc822-headers"},
    {"MIME-20", "Message-ID: <1@mta1.example.com>\r\n", ""},
    {"MIME-20", "<1@mta1.example.com>", "<1>"},
    {"MIME-20", "<1@mta1.example.com>", "<1@elsewhere.example>"},
    {"MIME-20", "<1@mta1.example.com>", "<1@mta1.anexample.com>"},
    {"MIME-30", "In-Reply-To: <4711@shop.example>\r\n", ""},
    {"MIME-30", "References: <4710@shop.example>\r\n <4711@shop.example>\r\n", ""},
    {"MIME-31", "charset=utf-8", "charset=us-ascii"},
    {"MIME-31", "; charset=utf-8", ""},
    {"MIME-31", "Nicht zugestellt: =C3", "Nicht zugestellt: =C4=C3"},
    {"MIME-07", "Action: failed\r\nStatus: 5.1.1", "Action: delayed\r\nStatus: 4.1.1"},
    {"RCPT-12 STAT-02", "5.1.1 (bad", "2.1.1 (bad"},
    {"RCPT-12", "4.2.2", "5.2.2"},
    {"RCPT-18", "x-dsnarf; queue is full", "smtp; queue is full"},
    {"ENV-20", "joe@customer.example", "jane@customer.example"},
    {"STAT-02", "5.1.1 (bad", "4.1.1 (bad"},
};

static const Edit global_shoulds[] = {
    {"I18N-06", "jos\xc3\xa9@", "jos\\x{E9}@"},
    {"I18N-11", "Localized-Diagnostic: pt; usu\xc3\xa1rio",
     "Localized-Diagnostic: pt; a\r\nLocalized-Diagnostic: PT; b"},
};

static const Edit global_musts[] = {
    {"DSN-14", "Localized-Diagnostic: pt; usu\xc3\xa1rio", "Localized-Diagnostic: usu\xc3\xa1rio"},
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

START_TEST(each_should_of_the_global_form)
{
    expect(global, &global_shoulds[_i], false);
}
END_TEST

/* Reports about a message, of a user and of a filter. */
#define FEEDBACK(fields)                                                           \
    "Date: Tue, 1 Jul 2003 10:52:37 +0000\r\n"                                     \
    "From: <fbl@isp.example>\r\n"                                                  \
    "To: abuse@shop.example\r\n"                                                   \
    "Subject: FW: Offers\r\n"                                                      \
    "Message-ID: <2@isp.example>\r\n"                                              \
    "DKIM-Signature: v=1; a=rsa-sha256; d=mail.isp.example; s=a;\r\n"              \
    " h=from:to:subject; bh=YQ==; b=YQ==\r\n"                                      \
    "MIME-Version: 1.0\r\n"                                                        \
    "Content-Type: multipart/report; report-type=feedback-report; boundary=b1\r\n" \
    "\r\n"                                                                         \
    "--b1\r\n"                                                                     \
    "\r\n"                                                                         \
    "This is a complaint.\r\n"                                                     \
    "--b1\r\n"                                                                     \
    "Content-Type: message/feedback-report\r\n"                                    \
    "\r\n" fields "\r\n"                                                           \
    "--b1\r\n"                                                                     \
    "Content-Type: message/rfc822\r\n"                                             \
    "\r\n"                                                                         \
    "From: news@shop.example\r\n"                                                  \
    "Subject: Offers\r\n"                                                          \
    "Message-ID: <4711@shop.example>\r\n"                                          \
    "CFBL-Address: fbl@shop.example; report=arf\r\n"                               \
    "CFBL-Feedback-ID: 1:2:3\r\n"                                                  \
    "\r\n"                                                                         \
    "hello\r\n"                                                                    \
    "--b1--\r\n"

static const char complaint[] = FEEDBACK("Feedback-Type: abuse (pressed a button)\r\n"
                                         "User-Agent: Button/1.0 (by hand)\r\n"
                                         "Version: 1\r\n"
                                         "Original-Mail-From: <news@shop.example>\r\n"
                                         "Original-Rcpt-To: <jane@isp.example>\r\n"
                                         "Original-Rcpt-To: <joe@isp.example>\r\n"
                                         "Arrival-Date: Tue, 1 Jul 2003 08:52:37 +0000\r\n"
                                         "Source-IP: 192.0.2.1\r\n"
                                         "Source-Port: 4711\r\n"
                                         "Incidents: 4294967295\r\n"
                                         "Reporting-MTA: dns; mx.isp.example\r\n"
                                         "X-Own: anything\r\n");

static const char failure[] = FEEDBACK("Feedback-Type: auth-failure\r\n"
                                       "User-Agent: Filter/1.0\r\n"
                                       "Version: 1\r\n"
                                       "Original-Envelope-Id: order-4711\r\n"
                                       "Original-Mail-From: <>\r\n"
                                       "Source-IP: IPv6:2001:db8::1\r\n"
                                       "Reported-Domain: shop.example\r\n"
                                       "Delivery-Result: reject\r\n"
                                       "Authentication-Results: mx.isp.example;\r\n"
                                       " dkim=fail (body hash) header.d=shop.example;\r\n"
                                       " spf=pass smtp.mailfrom=shop.example\r\n"
                                       "DKIM-Domain: shop.example\r\n"
                                       "DKIM-Identity: @shop.example\r\n"
                                       "DKIM-Selector: a\r\n"
                                       "DKIM-Canonicalized-Body: aGVs\r\n"
                                       " bG8=\r\n"
                                       "Auth-Failure: bodyhash\r\n"
                                       "Identity-Alignment: dkim, spf\r\n");

static const Edit complaint_musts[] = {
    {"ARF-01", "multipart/report", "multipart/mixed"},
    {"ARF-01", "=feedback-report", "=delivery-status"},
    {"MIME-02", " report-type=feedback-report;", ""},
    {"ARF-02 FBL-06", "\r\n\r\nThis", "\r\nContent-Type: message/x\r\n\r\nThis"},
    {"ARF-03", "message/feedback-report\r\n\r\nFeed", "text/plain\r\n\r\nFeed"},
    {"ARF-04", "Content-Type: message/rfc822", "Content-Type: text/plain"},
    {"ARF-05", "--b1--",
     "--b1\r\nContent-Type: message/rfc822\r\n\r\nSubject: 2\r\n\r\n\r\n--b1--"},
    {"ARF-08", "Feedback-Type: abuse (pressed a button)\r\n", ""},
    {"ARF-08", "User-Agent: Button/1.0 (by hand)\r\n", ""},
    {"ARF-08", "Version: 1\r\n", ""},
    {"ARF-08", "Version: 1\r\n", "Version: 0.1\r\n"},
    DUPLICATE("ARF-08", "User-Agent: Button/1.0 (by hand)"),
    DUPLICATE("ARF-10", "Original-Mail-From: <news@shop.example>"),
    DUPLICATE("ARF-10", "Source-IP: 192.0.2.1"),
    DUPLICATE("ARF-10", "Incidents: 4294967295"),
    DUPLICATE("ARF-10", "Reporting-MTA: dns; mx.isp.example"),
    {"ARF-12", "4294967295", "4294967296"},
    {"ARF-12", "4294967295", "many"},
    {"ARF-13", "192.0.2.1", "[192.0.2.1]"},
    {"ARF-13", "192.0.2.1", "mx.isp.example"},
    {"ARF-14", "4711\r\n", "65536\r\n"},
    DUPLICATE("ARF-14", "Source-Port: 4711"),
    {"ARF-16", "X-Own: anything", "anything"},
    {"ARF-16", "X-Own", "\r\nX-Own"},
    {"ARF-21", "message/feedback-report\r\n\r\n",
     "message/feedback-report\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"},
    {"ARF-21 MIME-15", "anything", "anyth\xc3\xafng"},
    {"CFBL-05", "d=mail.isp.example", "d=elsewhere.example"},
    {"CFBL-06", "Message-ID: <4711@shop.example>\r\n", ""},
    {"FBL-07", "CFBL-Feedback-ID: 1:2:3\r\n",
     "CFBL-Feedback-ID: 1:2:3\r\nContent-Type: multipart/report; report-type=feedback-report\r\n"},
    {"MDN-03", "MIME-Version", "Disposition-Notification-To: a@b.example\r\nMIME-Version"},
    {"MIME-11", "message/rfc822", "message/rfc822\r\nContent-Transfer-Encoding: base64"},
};

static const Edit complaint_shoulds[] = {
    {"ARF-06", "FW: Offers", "A complaint"},
    {"ARF-11", "Source-IP", "Received-Date: Tue, 1 Jul 2003 08:52:37 +0000\r\nSource-IP"},
    {"FBL-04", "Source-IP: 192.0.2.1\r\n", ""},
    {"FBL-04", "Original-Mail-From: <news@shop.example>\r\n", ""},
    {"FBL-04", "Arrival-Date: Tue, 1 Jul 2003 08:52:37 +0000\r\n", ""},
    {"FBL-06", "\r\n\r\nThis", "\r\nContent-Type: text/html\r\n\r\nThis"},
};

static const Edit complaint_allowed[] = {
    {"", "abuse (pressed a button)", "not-spam"},
    {"", "abuse (pressed a button)", "something-new"},
    {"", "FW: Offers", "=?utf-8?Q?Fwd:_Offers?="},
    {"", "192.0.2.1", "2001:db8::1 (an old client)"},
    {"", "Arrival-Date", "Received-Date"},
    {"", "To: abuse", "Return-Path: <fbl@isp.example>\r\nTo: other@shop.example, abuse"},
    {"", "Content-Type: message/rfc822", "Content-Type: message/rfc822; x=y"},
    {"", "CFBL-Address: fbl@shop.example; report=arf\r\nCFBL-Feedback-ID: 1:2:3\r\n", ""},
};

static const Edit failure_musts[] = {
    {"AUTHF-01", "spf=pass", "spf=softfail"},
    {"AUTHF-01", "dkim=fail", "dkim=none"},
    {"AUTHF-01",
     "Authentication-Results: mx.isp.example;\r\n dkim=fail (body hash) header.d=shop.example;\r\n"
     " spf=pass smtp.mailfrom=shop.example\r\n",
     ""},
    {"AUTHF-02", "Auth-Failure: bodyhash\r\n", ""},
    {"AUTHF-02", "bodyhash", "bodyhashes"},
    DUPLICATE("AUTHF-02", "Auth-Failure: bodyhash"),
    {"AUTHF-03", "Reported-Domain: shop.example\r\n", ""},
    {"AUTHF-06", "DKIM-Domain: shop.example\r\n", ""},
    {"AUTHF-06", "DKIM-Identity: @shop.example\r\n", ""},
    {"AUTHF-06", "DKIM-Selector: a\r\n", ""},
    {"AUTHF-08", "bodyhash", "spf"},
    {"AUTHF-08", "bodyhash", "adsp"},
};

static const Edit failure_shoulds[] = {
    {"AUTHF-04", "Original-Envelope-Id: order-4711\r\n", ""},
    {"AUTHF-04", "Original-Mail-From: <>\r\n", ""},
    {"AUTHF-04", "Source-IP: IPv6:2001:db8::1\r\n", ""},
    DUPLICATE("AUTHF-05", "Delivery-Result: reject"),
    {"AUTHF-05", "reject", "bounced"},
    {"AUTHF-07", " bG8=", " bG8"},
    {"AUTHF-09", "dkim, spf", "dkim, none"},
    {"AUTHF-09", "bodyhash\r\nIdentity-Alignment: dkim, spf", "dmarc"},
};

static const Edit failure_allowed[] = {
    {"", "dkim, spf", "none"},
    {"", "bodyhash", "dmarc"},
    {"", "bodyhash",
     "spf\r\nSPF-DNS: txt : shop.example : \"v=spf1 -all\"\r\n"
     "SPF-DNS: txt : b.shop.example : \"v=spf1 -all\""},
    {"", "bodyhash", "adsp\r\nDKIM-ADSP-DNS: dkim=all"},
    {"", "fail (body hash)", "hardfail"},
};

static void
expect_feedback(const char *text, const Edit *edit, bool must)
{
    g_autoptr(GString) edited = apply(text, edit);
    bool is_good;
    g_autofree char *rules =
        dsn_test_lint_as((DsnSpan){edited->str, edited->len}, DSN_REPORT_FEEDBACK, &is_good);

    ck_assert_msg(strcmp(rules, edit->rule) == 0, "%s instead of %s: broken: %s", edit->to,
                  edit->from, rules);
    ck_assert_msg(is_good == !must, "%s: level", edit->rule);
}

START_TEST(each_must_of_a_complaint)
{
    expect_feedback(complaint, &complaint_musts[_i], true);
}
END_TEST

START_TEST(each_should_of_a_complaint)
{
    expect_feedback(complaint, &complaint_shoulds[_i], false);
}
END_TEST

START_TEST(what_a_complaint_may_be_is_not_found)
{
    expect_feedback(complaint, &complaint_allowed[_i], false);
}
END_TEST

START_TEST(each_must_of_a_failure_report)
{
    expect_feedback(failure, &failure_musts[_i], true);
}
END_TEST

START_TEST(each_should_of_a_failure_report)
{
    expect_feedback(failure, &failure_shoulds[_i], false);
}
END_TEST

START_TEST(what_a_failure_report_may_be_is_not_found)
{
    expect_feedback(failure, &failure_allowed[_i], false);
}
END_TEST

/* AUTHF-03: the third part. */
START_TEST(a_failure_report_has_the_message)
{
    g_autoptr(GString) cut = g_string_new(failure);
    const char *part = g_strrstr(cut->str, "--b1\r\nContent-Type: message/rfc822");
    const char *end = g_strrstr(cut->str, "--b1--");
    bool is_good;

    g_string_erase(cut, part - cut->str, end - part);
    g_autofree char *rules =
        dsn_test_lint_as((DsnSpan){cut->str, cut->len}, DSN_REPORT_FEEDBACK, &is_good);
    ck_assert_str_eq(rules, "AUTHF-03");
    ck_assert(!is_good);
}
END_TEST

/* What every message obeys. */
static const char mail[] = "Date: Tue, 1 Jul 2003 10:52:37 +0000\r\n"
                           "From: Shop <news@shop.example>, other@shop.example\r\n"
                           "Sender: news@shop.example\r\n"
                           "Message-ID: <1@shop.example>\r\n"
                           "DKIM-Signature: v=1; d=shop.example; s=a; h=From : CFBL-Address\r\n"
                           " :cfbl-feedback-id; b=YQ==\r\n"
                           "CFBL-Address: fbl@shop.example\r\n"
                           "CFBL-Feedback-ID: 1:2\r\n"
                           "\r\n"
                           "hello\r\n";

static const Edit mail_musts[] = {
    {"CFBL-01", "fbl@shop.example", "fbl"},
    {"CFBL-01", "fbl@shop.example", "fbl@shop.example; report=pdf"},
    {"CFBL-02", "fbl@shop.example", "fbl@service.example; report=xarf"},
    {"CFBL-02", "d=shop.example", "d=elsewhere.example"},
    {"CFBL-03", " : CFBL-Address", ""},
    {"CFBL-03", ":cfbl-feedback-id", ""},
    {"MIME-18", "Date", "Content-Type: text/plain\r\nDate"},
    {"MIME-19", "Date: Tue, 1 Jul 2003 10:52:37 +0000\r\n", ""},
    {"MIME-24", "hello\r\n", "hello\n"},
    {"MIME-26", "Date", "MIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\nDate"},
    {"MIME-12", "hello", "hell\xf6"},
    {"SEC-01", "hello", "hell\x01"}, /* 01 is made NUL */
};

static const Edit mail_allowed[] = {
    {"", "Date", "Disposition-Notification-To: a@b.example\r\nReturn-Path: <a@b.example>\r\nDate"},
    {"", "Date", "Auto-Submitted: auto-generated\r\nDate"},
    {"", "CFBL-Address: fbl@shop.example", "CFBL-Address: fbl@mail.shop.example; report=arf"},
    {"", "CFBL-Address: fbl@shop.example",
     "DKIM-Signature: d=service.example; h=from:cfbl-address\r\n"
     "CFBL-Address: fbl@service.example"},
};

static void
expect_mail(const Edit *edit)
{
    g_autoptr(GString) edited = apply(mail, edit);
    bool is_good;
    g_autofree char *rules =
        dsn_test_lint_as((DsnSpan){edited->str, edited->len}, DSN_REPORT_NONE, &is_good);

    ck_assert_msg(strcmp(rules, edit->rule) == 0, "%s instead of %s: broken: %s", edit->to,
                  edit->from, rules);
    ck_assert_msg(is_good == (*edit->rule == '\0'), "%s: level", edit->rule);
}

START_TEST(each_must_of_mail)
{
    expect_mail(&mail_musts[_i]);
}
END_TEST

START_TEST(what_mail_may_be_is_not_found)
{
    expect_mail(&mail_allowed[_i]);
}
END_TEST

/* In a file lines may end in LF, all of them (rule MIME-24). */
START_TEST(stored_lines_may_end_in_lf)
{
    g_autoptr(GString) text = g_string_new(good);
    bool is_good;

    g_string_replace(text, "\r\n", "\n", 0);
    g_autofree char *stored =
        dsn_test_lint_as((DsnSpan){text->str, text->len}, DSN_REPORT_DELIVERY_STATUS, &is_good);
    ck_assert_str_eq(stored, "");
    ck_assert(is_good);

    g_autofree char *sent = dsn_test_lint((DsnSpan){text->str, text->len}, &is_good);
    ck_assert_str_eq(sent, "MIME-24");
    ck_assert(!is_good);
}
END_TEST

START_TEST(lines_are_counted)
{
    static const char text[] = "a\nbc\r\n\nd";
    DsnSpan message = dsn_span(text);

    for (size_t at = 0; at < message.len; at++) {
        static const size_t lines[] = {1, 1, 2, 2, 2, 2, 3, 4};

        ck_assert_uint_eq(dsn_lint_line(message, dsn_span_from(message, at)), lines[at]);
    }
    ck_assert_uint_eq(dsn_lint_line(message, DSN_SPAN_ABSENT), 0);
    ck_assert_uint_eq(dsn_lint_line(message, DSN_SPAN_LITERAL("a")), 0);
}
END_TEST

/* What stands in an encoded part is shown by the part. */
START_TEST(findings_point_into_the_message)
{
    g_autoptr(GString) edited = g_string_new(global);
    g_autoptr(GArray) findings = g_array_new(FALSE, FALSE, sizeof(DsnFinding));

    g_string_replace(edited, "delivery-status\r\nContent-Transfer-Encoding: 8bit",
                     "delivery-status\r\nContent-Transfer-Encoding: quoted-printable", 1);
    g_string_replace(edited, "Status: 5.1.1", "Status: 5.01.1", 1);
    g_string_replace(edited, "jos\xc3\xa9", "jose", 1);
    g_string_replace(edited, "usu\xc3\xa1rio", "usuario", 0);

    DsnSpan message = {edited->str, edited->len};
    (void)dsn_lint_notice(message, &DSN_LIMITS_DEFAULT, findings);
    bool is_good;
    g_autofree char *rules = dsn_test_lint(message, &is_good);
    ck_assert_str_eq(rules, "RCPT-09");
    const DsnFinding *finding = &g_array_index(findings, DsnFinding, 0);
    ck_assert_str_eq(finding->rule, "RCPT-09");
    ck_assert_uint_gt(dsn_lint_line(message, finding->where), 10);
    ck_assert(dsn_span_is(finding->where, "message/global-delivery-status"));
}
END_TEST

/* Variations that the grammars allow. */
static const Edit allowed[] = {
    {"", "auto-replied", "Auto-Replied; owner=x (why)"},
    {"", "MIME-Version: 1.0", "MIME-Version: 1.0 (made by hand)"},
    {"", "To: news@shop.example", "To: a=?b?c@shop.example"},
    {"", "To: news@shop.example", "To: \"a, b\" (c, d) <news@shop.example>"},
    {"", "+0000\r\nX-Dsnarf", "+0000 (UTC)\r\nX-Dsnarf"},
    {"", "Action: failed", "action: FAILED (at last)"},
    {"", "(really)", "(re(al)ly) \\("},
    {"", "dns; mx.customer.example (192.0.2.1)", "dns; [192.0.2.1]"},
    {"", "X-Dsnarf-Tenant: shop", "X-Dsnarf-Tenant: shop\r\nDeliver-By-Date: now"},
    {"", "Arrival-Date", "Received-From-MTA: dns; client.example (192.0.2.7)\r\nArrival-Date"},
    {"", "4.2.2\r\n", "4.2.2 (mailbox full)\r\n"},
    {"",
     "Arrival-Date: Tue, 1 Jul 2003 08:52:37 +0000\r\nX-Dsnarf-Tenant: shop\r\n\r\n"
     "Original-Recipient: utf-8; jos\\x{E9}@customer.example",
     "DSN-Gateway: dns; gw.example\r\n\r\nOriginal-Recipient: x400; /C=DE/S=Jose"},
    {"", "<mailer-daemon@mta1.example.com>",
     "<mailer-daemon@mta1.example.com>\r\n (=?utf-8?B?w7w=?=)"},
    {"", "Tue, 1 Jul 2003 10:52:37 +0000\r\nFrom",
     "Tue, 1 Jul 2003 10:52:37 +0000 (=?utf-8?B?w7w=?=)\r\nFrom"},
    {"", "From: Mail Delivery System <mailer-daemon@mta1.example.com>",
     "From: mailer-daemon@mta1.example.com (Mail Delivery System)"},
    {"", "Date: ", "Return-Path: <>\r\nDate: "},
    {"", "Date: ", "Return-Path: <MAILER-DAEMON@mx.shop.example>\r\nDate: "},
    {"", "x-dsnarf; queue is full", "x-dsnarf;"},
    {"", "<1@mta1.example.com>", "<1@mx.example.com>"},
    {"", "In-Reply-To: ", "In-Reply-To: <4710@shop.example> "},
    {"", "X-Title",
     "Resent-From: a@b.example\r\nContent-Type: multipart/report;\r\n"
     " report-type=delivery-status\r\nX-Title"},
    {"", "queue is full", "450-" TEN TEN TEN TEN " 450-5.1.1  " TEN TEN},
    {"", "hello", "--b \r\n--\r\n -- b1x"},
    {"", "\r\n\r\n--b1\r\nContent-Type: message/rfc822",
     "\r\n--b1\r\nContent-Type: message/rfc822"},
    {"", "--b1--\r\n", "--b1--"},
    {"",
     "Content-Type: message/rfc822\r\n\r\nFrom: news@shop.example\r\n"
     "X-Title: =?utf-8?Q?Hi?=\r\n"
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

/* Rule DSN-01; what happened to nobody is not known, so rule MIME-07 is not broken. */
START_TEST(a_notice_is_about_somebody)
{
    g_autoptr(GString) cut = g_string_new(good);
    const char *group = strstr(cut->str, "Original-Recipient: ");
    const char *end = strstr(group, "\r\n--b1");
    bool is_good;

    g_string_erase(cut, group - cut->str, end - group);
    g_autofree char *rules = dsn_test_lint((DsnSpan){cut->str, cut->len}, &is_good);
    ck_assert_str_eq(rules, "DSN-01");
    ck_assert(!is_good);
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

/* A field is read once, however many words it has; reading it for each would take hours. */
START_TEST(long_fields_are_read_once)
{
    g_autoptr(GArray) findings = g_array_new(FALSE, FALSE, sizeof(DsnFinding));
    g_autoptr(GString) message = g_string_new("To: \"");

    for (int i = 0; i < 200000; i++)
        g_string_append(message, "=?utf-8?Q?a?= ");
    ck_assert(
        !dsn_lint_notice((DsnSpan){message->str, message->len}, &DSN_LIMITS_DEFAULT, findings));
    ck_assert_str_eq(g_array_index(findings, DsnFinding, 1).rule, "MIME-28");
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
    tcase_add_loop_test(tcase, each_should_of_the_global_form, 0, G_N_ELEMENTS(global_shoulds));
    tcase_add_loop_test(tcase, what_is_allowed_is_not_found, 0, G_N_ELEMENTS(allowed));
    tcase_add_loop_test(tcase, each_must_of_a_complaint, 0, G_N_ELEMENTS(complaint_musts));
    tcase_add_loop_test(tcase, each_should_of_a_complaint, 0, G_N_ELEMENTS(complaint_shoulds));
    tcase_add_loop_test(tcase, what_a_complaint_may_be_is_not_found, 0,
                        G_N_ELEMENTS(complaint_allowed));
    tcase_add_loop_test(tcase, each_must_of_a_failure_report, 0, G_N_ELEMENTS(failure_musts));
    tcase_add_loop_test(tcase, each_should_of_a_failure_report, 0, G_N_ELEMENTS(failure_shoulds));
    tcase_add_loop_test(tcase, what_a_failure_report_may_be_is_not_found, 0,
                        G_N_ELEMENTS(failure_allowed));
    tcase_add_test(tcase, a_failure_report_has_the_message);
    tcase_add_loop_test(tcase, each_must_of_mail, 0, G_N_ELEMENTS(mail_musts));
    tcase_add_loop_test(tcase, what_mail_may_be_is_not_found, 0, G_N_ELEMENTS(mail_allowed));
    tcase_add_test(tcase, stored_lines_may_end_in_lf);
    tcase_add_test(tcase, lines_are_counted);
    tcase_add_test(tcase, findings_point_into_the_message);
    tcase_add_test(tcase, a_notice_is_about_somebody);
    tcase_add_test(tcase, a_notice_beyond_the_caps_is_not_vouched_for);
    tcase_add_test(tcase, long_fields_are_read_once);
    tcase_add_test(tcase, findings_are_capped);
    tcase_add_test(tcase, anything_can_be_read);
    suite_add_tcase(suite, tcase);
    return suite;
}
