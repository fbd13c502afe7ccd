/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bounces in plain words, as each program has them, and ordinary mail that looks a little like
 * them.
 */
#include "config.h"

#include "mime/report-parse.h"
#include "tests/support/reading.h"
#include "tests/support/unit.h"

#define DAEMON NULL_SENDER FROM_MTA DATE
#define PERSON "Return-Path: <ann@shop.example>\nFrom: Ann <ann@shop.example>\n" DATE
#define QMAIL                                                  \
    "Hi. This is the qmail-send program at mx.isp.example.\n"  \
    "I'm afraid I wasn't able to deliver your message to the " \
    "following addresses.\nThis is a permanent error; I've given up.\n\n"
#define EXIM                                                                   \
    "This message was created automatically by mail delivery software.\n"      \
    "\nA message that you sent could not be delivered to one or more of its\n" \
    "recipients. This is a permanent error. The following address(es) failed:\n\n"
#define ORIGINAL "From: Shop <news@shop.example>\nMessage-ID: <1@shop.example>\n\nHi.\n"
#define IS_BOUNCE                            \
    {                                        \
        "parse.kind", "\"heuristic-bounce\"" \
    }
#define SECOND "parse.delivery_status.per_recipient.1."
#define THE_ORIGINAL                                        \
    {                                                       \
        "parse.original.message_id", "\"<1@shop.example>\"" \
    }

static const DsnReading bounces[] = {
    {"QRK-11",
     "qmail, two recipients",
     DAEMON "Subject: failure notice\n\n" QMAIL
            "<x@isp.example>:\n192.0.2.1 does not like recipient.\n"
            "Remote host said: 550 5.1.1 no such user\nGiving up on 192.0.2.1.\n\n"
            "<y@isp.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"
            "--- Below this line is a copy of the message.\n\n" ORIGINAL,
     {{RECIPIENT "final_recipient.recipient", ADDRESS},
      {RECIPIENT "status.class", "5"},
      {SECOND "diagnostic_code.diagnostic", "\"Sorry, no mailbox here by that name. (#5.1.1)\""},
      {"defects", "quirk(heuristic:qmail)"},
      THE_ORIGINAL}},
    {"QRK-11",
     "qmail without a null sender",
     "Return-Path: <MAILER-DAEMON@isp.example>\nFrom: MAILER-DAEMON@isp.example\n" DATE
     "Subject: failure notice\n\n" QMAIL "<x@isp.example>:\nSorry.\n",
     {IS_BOUNCE, {RECIPIENT "status", "null"}, {"parse.original.message_id", "null"}}},
    {"QRK-11",
     "qmail in base64",
     DAEMON "Subject: failure notice\nContent-Transfer-Encoding: base64\n\n"
            "SGkuIFRoaXMgaXMgdGhlIHFtYWlsLXNlbmQgcHJvZ3JhbSBhdCBteC4KCjx4QGlzcC5leGFtcGxl\n"
            "PjoKU29ycnkuCg==\n",
     {IS_BOUNCE, {RECIPIENT "final_recipient.recipient", ADDRESS}}},
    {"QRK-11",
     "Exim",
     DAEMON
     "X-Failed-Recipients: x@isp.example, |/bin/filter, y@isp.example\n\n" EXIM
     "  x@isp.example\n    SMTP error from remote mail server after RCPT TO:<x@isp.example>:\n"
     "    host mx.isp.example [192.0.2.1]: 550 5.7.1 no thanks\n"
     "  |/bin/filter\n    (generated from y@isp.example)\n\n"
     "------ This is a copy of the message, including all the headers. ------\n"
     "------ The body of the message is 9000 characters long; only the first\n"
     "------ 1000 or so are included here.\n\n" ORIGINAL,
     {{RECIPIENT "status.subject", "7"},
      {RECIPIENT "diagnostic_code.diagnostic_type", "\"smtp\""},
      {SECOND "final_recipient.recipient", "\"y@isp.example\""},
      {"defects", "quirk(heuristic:exim)"},
      THE_ORIGINAL}},
    {"QRK-11",
     "an Exim of GMX",
     DAEMON "\n" EXIM "\"x@isp.example\":\nSMTP error from remote server after RCPT command:\n"
            "host: mx.isp.example\n5.1.1 <x@isp.example>... User Unknown\n\n"
            "--- The header of the original message is following. ---\n\n" ORIGINAL,
     {{RECIPIENT "final_recipient.recipient", ADDRESS}, THE_ORIGINAL}},
    {"QRK-11",
     "a warning of Exim",
     DAEMON "Subject: Warning: message delayed 24 hours\n\n"
            "This message was created automatically by mail delivery software.\n"
            "A message that you sent has not yet been delivered to one or more of its\n"
            "recipients after more than 24 hours on the queue on mx.example.\n\n"
            "The address to which the message has not yet been delivered is:\n\n"
            "  x@isp.example\n    Delay reason: connection refused\n\n"
            "No action is required on your part.\n",
     {IS_BOUNCE,
      {RECIPIENT "action", "\"delayed\""},
      {RECIPIENT "final_recipient.recipient", ADDRESS},
      {RECIPIENT "diagnostic_code.diagnostic", "\"Delay reason: connection refused\""}}},
    {"QRK-11",
     "Gmail",
     DAEMON "Subject: Delivery Status Notification (Failure)\n\n"
            "This is an automatically generated Delivery Status Notification\n\n"
            "Delivery to the following recipient failed permanently:\n\n     x@isp.example\n\n"
            "Technical details of permanent failure: \nGoogle tried to deliver your message, but "
            "it was rejected by the recipient domain. The error that the other server returned "
            "was: 550 550 5.1.1 <x@isp.example>: no such user (state 14).\n\n"
            "----- Original message -----\n\n" ORIGINAL,
     {{RECIPIENT "final_recipient.recipient", ADDRESS},
      {RECIPIENT "status.detail", "1"},
      {"defects", "quirk(heuristic:gmail)"},
      THE_ORIGINAL}},
    {"QRK-11",
     "Gmail is still trying",
     DAEMON "Subject: Delivery Status Notification (Delay)\n\n"
            "Delivery to the following recipient has been delayed:\n\n     x@isp.example\n\n"
            "Message will be retried for 2 more day(s)\n",
     {{RECIPIENT "action", "\"delayed\""}, {"defects", "quirk(heuristic:gmail)"}}},
    {"QRK-11",
     "Yahoo",
     DAEMON "Subject: Failure Notice\n\n"
            "Sorry, we were unable to deliver your message to the following address.\n\n"
            "<x@isp.example>:\nRemote host said:\n550 5.2.1 closed\n [RCPT_TO]\n\n"
            "--- Below this line is a copy of the message.\n\n" ORIGINAL,
     {{RECIPIENT "final_recipient.recipient", ADDRESS},
      {RECIPIENT "status.subject", "2"},
      {"defects", "quirk(heuristic:yahoo)"},
      THE_ORIGINAL}},
    {"QRK-11",
     "Exchange 5.5",
     NULL_SENDER
     "From: System Administrator <postmaster@isp.example>\n" DATE
     "Subject: Undeliverable: offers\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n"
     "Your message\n\n  To:      x@isp.example\n  Subject: offers\n"
     "  Sent:    Thu, 2 Jul 2026 09:00:00 +0000\n\ndid not reach the following recipient(s):\n\n"
     "x@isp.example on Thu, 2 Jul 2026 09:00:01 +0000\n    The recipient name is not recognized\n"
     "y@isp.example on Thu, 2 Jul 2026 09:00:01 +0000\n    <mx.isp.example #5.1.1>\n\n"
     "--b\nContent-Type: message/rfc822\n\n" ORIGINAL "--b--\n",
     {{RECIPIENT "diagnostic_code.diagnostic", "\"The recipient name is not recognized\""},
      {SECOND "final_recipient.recipient", "\"y@isp.example\""},
      {SECOND "status.detail", "1"},
      {"defects", "quirk(heuristic:exchange)"},
      THE_ORIGINAL}},
    {"QRK-11",
     "Exchange Online without its status part",
     DSN_HEAD "--b\nContent-Type: text/plain\n\nDelivery has failed to these recipients or "
              "groups:\n\nx@isp.example<mailto:x@isp.example>\nThe address was not found.\n\n"
              "Diagnostic information for administrators:\n\nGenerating server: mx.example\n\n"
              "x@isp.example\nRemote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound'\n"
              "\nOriginal message headers:\n\n" ORIGINAL "--b--\n",
     {{RECIPIENT "status.detail", "10"},
      {"parse.delivery_status.per_recipient.1", "absent"},
      {"defects", "missing-part quirk(heuristic:exchange)"},
      THE_ORIGINAL}},
    {"QRK-11",
     "Postfix, taken apart",
     DAEMON "Subject: Undelivered Mail Returned to Sender\n\nThis is the mail system at host "
            "mx.example.\n\nI'm sorry to have to inform you.\n\n"
            "<x@isp.example>: host mx.isp.example[192.0.2.1] said: 550 5.1.1 no such\n"
            "    user (in reply to RCPT TO command)\n\n",
     {{RECIPIENT "final_recipient.recipient", ADDRESS},
      {RECIPIENT "status.subject", "1"},
      {"defects", "quirk(heuristic:postfix)"}}},
    {"QRK-11",
     "OpenSMTPD, taken apart",
     DAEMON "Subject: Delivery status notification: error\n\n    Hi!\n\n    This is the "
            "MAILER-DAEMON, please DO NOT REPLY to this email.\n\n    An error has occurred.\n\n"
            "x@isp.example: 550 5.1.1 no such user\n\n    Below is a copy of the original "
            "message:\n\n" ORIGINAL,
     {{RECIPIENT "status.detail", "1"}, {"defects", "quirk(heuristic:opensmtpd)"}, THE_ORIGINAL}},
    {"QRK-11",
     "Sendmail",
     DAEMON "Subject: Returned mail: see transcript for details\n\nThe original message was "
            "received at Thu, 2 Jul 2026 09:00:00 GMT\nfrom localhost [127.0.0.1]\n\n"
            "   ----- The following addresses had permanent fatal errors -----\n"
            "<x@isp.example>\n    (reason: 550 5.1.1 no such user)\n"
            "\"|/bin/filter\"\n    (expanded from: <y@isp.example>)\n\n"
            "   ----- Transcript of session follows -----\n... while talking to mx.isp.example.:\n"
            ">>> RCPT To:<x@isp.example>\n<<< 550 5.1.1 no such user\n"
            "550 5.1.1 <x@isp.example>... User unknown\n\n"
            "   ----- Original message follows -----\n\n" ORIGINAL,
     {{RECIPIENT "final_recipient.recipient", ADDRESS},
      {RECIPIENT "diagnostic_code.diagnostic", "\"550 5.1.1 no such user\""},
      {SECOND "final_recipient.recipient", "\"y@isp.example\""},
      {"defects", "quirk(heuristic:sendmail)"},
      THE_ORIGINAL}},
    {"QRK-11",
     "Sendmail of the eighties",
     DAEMON "Subject: Returned mail: User unknown\n\n   ----- Transcript of session follows -----\n"
            ">>> RCPT To:<x@isp.example>\n<<< 550 no such user\n"
            "550 x@isp.example... User unknown\n550 <y@isp.example>... Host unknown\n\n"
            "   ----- Unsent message follows -----\n" ORIGINAL,
     {{RECIPIENT "final_recipient.recipient", ADDRESS},
      {SECOND "diagnostic_code.diagnostic", "\"550 <y@isp.example>... Host unknown\""},
      {"defects", "quirk(heuristic:sendmail)"},
      THE_ORIGINAL}},
    {"QRK-11",
     "Sendmail is still trying",
     DAEMON "Subject: Warning: could not send message for past 4 hours\n\n"
            "    **********************************************\n"
            "    **      THIS IS A WARNING MESSAGE ONLY      **\n"
            "    **********************************************\n\n"
            "The original message was received at Thu, 2 Jul 2026 09:00:00 GMT\n\n"
            "   ----- The following addresses had transient non-fatal errors -----\n"
            "x@isp.example\n\n   ----- Transcript of session follows -----\n"
            "451 4.4.1 reply: read error from mx.isp.example.\n",
     {{RECIPIENT "action", "\"delayed\""}, {RECIPIENT "status.class", "4"}}},
    {"QRK-11",
     "Active!hunter",
     DSN_HEAD "--b\nContent-Type: text/plain\n\nThe original message was received at Thu, 2 Jul\n\n"
              "  ----- The following addresses had permanent fatal errors -----\n\n"
              ">>> x@isp.example <x@isp.example>\n\n  ----- Transcript of session follows -----\n"
              "550 sorry, no mailbox here by that name (#5.1.1 - chkusr)\n--b--\n",
     {IS_BOUNCE, {RECIPIENT "final_recipient.recipient", ADDRESS}}},
    {"QRK-11",
     "the fields of a status in the text",
     DAEMON
     "Subject: Undeliverable\n\nYour mail did not arrive.\n\nReporting-MTA: dns; mx.example\n\n"
     "Final-Recipient: rfc822; x@isp.example\nAction: failed\nStatus: 5.1.1\n\n--cut\n",
     {IS_BOUNCE,
      {RECIPIENT "final_recipient.recipient", ADDRESS},
      {RECIPIENT "status.detail", "1"},
      {"defects", "quirk(heuristic:status-fields)"},
      NO_RECORD}},
};

START_TEST(reads_what_programs_write)
{
    dsn_test_reading(&bounces[_i]);
}
END_TEST

static const DsnReading others[] = {
    {"QRK-11",
     "a person asks about a bounce",
     PERSON "Subject: what is this?\n\n" QMAIL "<x@isp.example>:\nSorry.\n",
     {IS_NONE, NO_DEFECT}},
    {"QRK-11",
     "a postmaster answers",
     "From: postmaster@isp.example\nSubject: Re: failure notice\n\n" QMAIL
     "<x@isp.example>:\nSorry.\n",
     {IS_NONE, NO_DEFECT}},
    {"QRK-11",
     "a postmaster forwards",
     "From: postmaster@isp.example\nSubject: Fwd: failure notice\n\n" QMAIL
     "<x@isp.example>:\nSorry.\n",
     {IS_NONE, NO_DEFECT}},
    {"QRK-11",
     "a postmaster quotes",
     "From: postmaster@isp.example\nSubject: your ticket\n\n> Hi. This is the qmail-send program\n"
     "> \n> <x@isp.example>:\n> Sorry.\n",
     {IS_NONE, NO_DEFECT}},
    {"QRK-11",
     "the bounce comes late in a text",
     DAEMON "\na\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\n" QMAIL "<x@isp.example>:\nSorry.\n",
     {IS_NONE, NO_DEFECT}},
    {"QRK-11", "nobody is named", DAEMON "\n" QMAIL "Nobody is named.\n", {IS_NONE, NO_DEFECT}},
    {"QRK-11",
     "a vacation notice with the words in its text",
     NULL_SENDER "From: Ann <ann@shop.example>\nAuto-Submitted: auto-replied\n\nI am away. You "
                 "wrote:\n\n> A message that you sent could not be delivered\n",
     {IS_NONE, {"parse.other", "\"auto-reply\""}, NO_DEFECT}},
    {"QRK-11",
     "half of a status in the text",
     DAEMON "\nFinal-Recipient: rfc822; x@isp.example\n",
     {IS_NONE, NO_DEFECT}},
    {"QRK-11",
     "an attached bounce of somebody",
     "From: list-owner@shop.example\nSubject: Uncaught bounce notification\n"
     "Content-Type: multipart/mixed; boundary=m\n\n--m\n\nThe attached message was received as a "
     "bounce.\n\n--m\nContent-Type: message/rfc822\n\n" DSN(TO("x@isp.example") GONE) "--m--\n",
     {IS_NONE, NO_DEFECT, NO_RECORD}},
    {"OOB-20",
     "nothing but lists",
     DAEMON "\n   ----- Transcript of session follows -----\n550 ...\n<<< \n5\n(reason: )\n...\n",
     {IS_NONE, NO_DEFECT}},
};

START_TEST(leaves_ordinary_mail_alone)
{
    dsn_test_reading(&others[_i]);
}
END_TEST

/* Rule OOB-20: no more recipients than the limit, and no endless words. */
START_TEST(keeps_the_limits)
{
    g_autoptr(GString) text = g_string_new(DAEMON "\n" QMAIL);
    DsnLimits limits = DSN_LIMITS_DEFAULT;
    g_autoptr(DsnReport) report = dsn_report_new();

    limits.groups = 3;
    limits.field = 20;
    for (unsigned i = 0; i < 10; i++)
        g_string_append_printf(text, "<u%u@isp.example>:\n0123456789\n0123456789\n\n", i);
    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&limits);
    dsn_report_parse(parser, (DsnSpan){text->str, text->len}, report);
    ck_assert_int_eq(report->kind, DSN_REPORT_HEURISTIC_BOUNCE);
    ck_assert_uint_eq(report->per_recipient->len, 3);
    dsn_assert_span(g_array_index(report->per_recipient, DsnPerRecipient, 2).diagnostic_code.value,
                    "0123456789", NULL);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("heuristic-bounce");
    TCase *tcase = tcase_create("messages");

    tcase_add_loop_test(tcase, reads_what_programs_write, 0, G_N_ELEMENTS(bounces));
    tcase_add_loop_test(tcase, leaves_ordinary_mail_alone, 0, G_N_ELEMENTS(others));
    tcase_add_test(tcase, keeps_the_limits);
    suite_add_tcase(suite, tcase);
    return suite;
}
