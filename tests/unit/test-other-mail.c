/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a message of kind "none" is.
 */
#include "config.h"

#include "tests/support/reading.h"
#include "tests/support/unit.h"

#define ANN "From: Ann <ann@isp.example>\n"
#define WORDS "\nThank you for your mail.\n"
#define IS(what)                                  \
    {                                             \
        IS_NONE, {"parse.other", what}, NO_RECORD \
    }
#define AUTO_REPLY IS("\"auto-reply\"")
#define TLS_REPORT IS("\"tls-report\"")
#define DMARC_REPORT IS("\"dmarc-report\"")
#define ORDINARY IS("absent")
#define ATTACHED(type, name)                                                        \
    "Content-Type: multipart/mixed; boundary=b\n\n" TEXT "--b\nContent-Type: " type \
    "\nContent-Disposition: attachment; "                                           \
    "filename=\"" name "\"\n\nx\n" END

static const DsnReading rows[] = {
    {"OOB-19", "RFC 3834", ANN "Auto-Submitted: auto-replied\n" WORDS, AUTO_REPLY},
    {"OOB-19", "generated is not replied", ANN "Auto-Submitted: auto-generated\n" WORDS, ORDINARY},
    {"OOB-19", "the second Auto-Submitted counts",
     ANN "Auto-Submitted: no\nAuto-Submitted: auto-replied\n" WORDS, AUTO_REPLY},
    {"OOB-19", "Outlook", ANN "Subject: Automatic reply: offers\n" WORDS, AUTO_REPLY},
    {"OOB-19", "Outlook in German", ANN "Subject: Automatische Antwort: Angebote\n" WORDS,
     AUTO_REPLY},
    {"OOB-19", "an encoded subject",
     ANN "Subject: =?utf-8?q?R=C3=A9ponse_automatique_:_x?=\n" WORDS, AUTO_REPLY},
    {"OOB-19", "a Japanese one", ANN "Subject: =?utf-8?B?6Ieq5YuV6L+U5L+h77yaeA==?=\n" WORDS,
     AUTO_REPLY},
    {"OOB-19", "AOL", ANN "Subject: Re: offers (Automatic Response)\n" WORDS, AUTO_REPLY},
    {"OOB-19", "X-Autoreply", ANN "X-Autoreply: yes\n" WORDS, AUTO_REPLY},
    {"OOB-19", "iCloud", ANN "X-Apple-Action: VACATION\n" WORDS, AUTO_REPLY},
    {"OOB-19", "another action of iCloud", ANN "X-Apple-Action: FORWARD\n" WORDS, ORDINARY},
    {"OOB-19", "Precedence", ANN "Precedence: auto_reply\n" WORDS, AUTO_REPLY},
    {"OOB-19", "bulk from nobody", NULL_SENDER ANN "Precedence: bulk\n" WORDS, AUTO_REPLY},
    {"OOB-19", "bulk from a list",
     "Return-Path: <list@isp.example>\n" ANN "Precedence: bulk\n" WORDS, ORDINARY},
    {"OOB-19", "somebody wants off a list",
     ANN "Auto-Submitted: auto-replied\nX-Apple-Unsubscribe: true\n" WORDS, ORDINARY},
    {"OOB-19", "a person writes about automatic replies",
     ANN "Subject: On automatic reply: how to\n" WORDS, ORDINARY},
    {"OOB-19", "TLS, RFC 8460",
     ANN "Content-Type: multipart/report; report-type=\"tlsrpt\"; boundary=b\n\n" TEXT
         "--b\nContent-Type: application/tlsrpt+gzip\n\nx\n" END,
     TLS_REPORT},
    {"OOB-19", "TLS in a mixed multipart",
     ANN ATTACHED("application/tlsrpt+json", "isp.example!shop.example!1!2.json"), TLS_REPORT},
    {"OOB-19", "TLS by its header", ANN "TLS-Report-Domain: shop.example\n" WORDS, TLS_REPORT},
    {"OOB-19", "DMARC, RFC 7489",
     ANN "Subject: Report Domain: shop.example Submitter: isp.example Report-ID: <1>\n" ATTACHED(
         "application/gzip", "isp.example!shop.example!1782990000!1783076399.xml.gz"),
     DMARC_REPORT},
    {"OOB-19", "DMARC by the subject",
     ANN "Subject: Report domain: shop.example\n Submitter: isp.example Report-ID: 1\n" ATTACHED(
         "application/zip", "report.zip"),
     DMARC_REPORT},
    {"OOB-19", "DMARC by the file, which is the message",
     ANN "Subject: x\nContent-Type: application/zip; "
         "name=\"isp.example!shop.example!1!2!id.zip\"\n\nx\n",
     DMARC_REPORT},
    {"OOB-19", "the subject of DMARC, but no file",
     ANN "Subject: Report Domain: shop.example Submitter: isp.example Report-ID: 1\n" WORDS,
     ORDINARY},
    {"OOB-19", "another file", ANN "Subject: x\n" ATTACHED("application/zip", "wow!1!2.zip"),
     ORDINARY},
    {"OOB-19", "a file of another type",
     ANN "Subject: x\n" ATTACHED("image/png", "isp.example!shop.example!1!2.png"), ORDINARY},
    {"FBL-03", "a complaint in plain words",
     ANN "To: abuse@shop.example\nSubject: spam\n\nPlease stop.\n", ORDINARY},
};

START_TEST(says_what_it_is)
{
    dsn_test_reading(&rows[_i]);
}
END_TEST

/* With the null sender, and without a subject. */
START_TEST(needs_no_field)
{
    static const DsnReading bare = {"OOB-19", "nothing", "\n", ORDINARY};

    dsn_test_reading(&bare);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("other-mail");
    TCase *tcase = tcase_create("messages");

    tcase_add_loop_test(tcase, says_what_it_is, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, needs_no_field);
    suite_add_tcase(suite, tcase);
    return suite;
}
