/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules of reading notices, one small message after the other.
 */
#include "config.h"

#include "tests/support/reading.h"
#include "tests/support/unit.h"

static const DsnReading rows[] = {
    /* Inbound DSN. */
    {"OOB-01",
     "in a multipart",
     HEAD "Content-Type: multipart/mixed; boundary=m\n\n--m\n"
          "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n" TEXT STATUS(
              MTA TO("x@isp.example") GONE) MESSAGE END "--m--\n",
     {IS_DSN, NO_DEFECT}},
    {"OOB-01",
     "in the inner of two multiparts, quoted",
     HEAD "Content-Type: multipart/alternative; boundary=m\n\n--m\n\nWords.\n--m\n"
          "Content-Type: multipart/report; report-type=\"DELIVERY-STATUS\"; "
          "boundary=\"b\"\n\n" TEXT STATUS(MTA TO("x@isp.example") GONE) MESSAGE END "--m--\n",
     {IS_DSN, NO_DEFECT}},
    {"OOB-02",
     "any case, unknown parameters, RFC 2231",
     HEAD "CONTENT-type: Multipart/REPORT; Foo=\"x;y\"; "
          "Report-Type*=us-ascii''Delivery%2DStatus;\n"
          " boundary*0=\"b\"; boundary*1=c\n\n--bc\n\nWords.\n--bc\n"
          "content-TYPE: MESSAGE/Delivery-STATUS\n\n" MTA TO("x@isp.example") GONE "--bc--\n",
     {IS_DSN, NO_DEFECT}},
    {"OOB-03",
     "no report-type",
     HEAD "Content-Type: multipart/report; boundary=b\n\n" TEXT STATUS(MTA TO("x@isp.example") GONE)
         MESSAGE END,
     {IS_DSN, {"defects", "inferred-type"}}},
    {"OOB-03",
     "another report-type",
     REPORT("feedback-report") TEXT STATUS(MTA TO("x@isp.example") GONE) MESSAGE END,
     {IS_DSN, {"defects", "inferred-type"}}},
    {"OOB-04",
     "case, folding, comments",
     DSN("FINAL-recipient: rfc822;\n <x@isp.example> (was: (nested) y)\n"
         "action : failed\n\t(gave up)\nStatus: 5.1.1\n"
         "Diagnostic-Code: smtp; 550 no (such) user\n"),
     {{RECIPIENT "final_recipient.recipient", ADDRESS},
      {RECIPIENT "action", "\"failed\""},
      {RECIPIENT "diagnostic_code.diagnostic", "\"550 no (such) user\""},
      NO_DEFECT}},
    {"OOB-05",
     "types in any case",
     DSN_HEAD TEXT STATUS("Reporting-MTA: DNS; mx.example\n\nFinal-Recipient: RFC822; "
                          "x@isp.example\nAction: FaiLed\nStatus: 5.1.1\n"
                          "Diagnostic-Code: SMTP; 550 no\n") MESSAGE END,
     {{RECIPIENT "action", "\"failed\""},
      {RECIPIENT "final_recipient.recipient_type", "\"RFC822\""},
      {RECIPIENT "diagnostic_code.diagnostic_type", "\"SMTP\""},
      {ONE_RECORD "response.code", "550"},
      NO_DEFECT}},
    {"OOB-06",
     "one of two recipients is bad",
     DSN("Final-Recipient: rfc822; nobody here\nAction: failed\nStatus: none\n\n" TO(
         "x@isp.example") GONE),
     {{"records.0.recipient", "\"nobody here\""},
      {"records.1.recipient", ADDRESS},
      {"records.2", "absent"},
      {"defects", "bad-address:Final-Recipient bad-value:Status"}}},
    {"OOB-06",
     "each recipient in a part of its own",
     DSN_HEAD TEXT STATUS(MTA TO("x@isp.example") GONE) STATUS(TO("y@isp.example") GONE)
         STATUS(MTA TO("z@isp.example") GONE) MESSAGE END,
     {{"records.0.recipient", ADDRESS},
      {"records.1.recipient", "\"y@isp.example\""},
      {"records.2.recipient", "\"z@isp.example\""},
      {"defects", "misplaced-part duplicate-field:Reporting-MTA"}}},
    {"OOB-07",
     "what is no failure",
     DSN("Final-Recipient: rfc822; a@isp.example\nAction: delayed\nStatus: 4.4.1\n\n"
         "Final-Recipient: rfc822; b@isp.example\nAction: delivered\nStatus: 2.1.5\n\n"
         "Final-Recipient: rfc822; c@isp.example\nAction: relayed\nStatus: 2.0.0\n\n"
         "Final-Recipient: rfc822; d@isp.example\nAction: expanded\nStatus: 2.0.0\n"),
     {{"parse.delivery_status.per_recipient.0.action", "\"delayed\""},
      {"parse.delivery_status.per_recipient.1.action", "\"delivered\""},
      {"parse.delivery_status.per_recipient.2.action", "\"relayed\""},
      {"parse.delivery_status.per_recipient.3.action", "\"expanded\""},
      NO_RECORD}},
    {"OOB-07",
     "no action, but a status that says so",
     DSN(TO("x@isp.example") "Status: 5.2.2\n"),
     {{RECIPIENT "action", "null"},
      {"records.0.recipient", ADDRESS},
      {"defects", "missing-field:Action"}}},
    {"OOB-07",
     "no action, and a status that does not",
     DSN(TO("x@isp.example") "Status: 4.2.2\n"),
     {NO_RECORD}},
    {"OOB-07",
     "what SendGrid writes when it gives up",
     DSN(TO("x@isp.example") "Action: expired\nStatus:\n"),
     {{RECIPIENT "action", "null"}, {"records.0.recipient", ADDRESS}}},
    {"OOB-08",
     "a comment after the status",
     DSN(TO("x@isp.example") "Action: failed\nStatus: 5.1.1 (bad mailbox)\n"),
     {{RECIPIENT "status.detail", "1"},
      {RECIPIENT "status.comment", "\"(bad mailbox)\""},
      NO_DEFECT}},
    {"OOB-08",
     "text after the status",
     DSN(TO("x@isp.example") "Action: failed\nStatus: 5.1.1 bad mailbox\n"),
     {{RECIPIENT "status.detail", "1"},
      {RECIPIENT "status.comment", "\"bad mailbox\""},
      {"defects", "bad-value:Status quirk(kumomta-status-text)"}}},
    {"OOB-09",
     "several lines with the enhanced code on each",
     DSN(TO("x@isp.example") GONE "Diagnostic-Code: smtp; 550-5.1.1 no\n 550-5.1.1 such\n"
                                  " 550 5.1.1 user\n"),
     {{ONE_RECORD "response.content", "\"no such user\""}, {ONE_RECORD "response.code", "550"}}},
    {"OOB-09",
     "several lines without it",
     DSN(TO("x@isp.example") GONE "Diagnostic-Code: smtp; 550-no\n 550-such\n 550 user\n"),
     {{ONE_RECORD "response.content", "\"no such user\""}, {ONE_RECORD "response.code", "550"}}},
    {"OOB-10",
     "the remote host said it",
     DSN(TO("x@isp.example") GONE "Remote-MTA: dns; mx.isp.example\n"
                                  "Diagnostic-Code: smtp; 550 no\n"),
     {{RECIPIENT "remote_mta.name", "\"mx.isp.example\""},
      {MESSAGE_FIELDS "reporting_mta.name", "\"mx.example\""},
      {OURS "per_recipient.remote_mta.name", "\"mx.isp.example\""}}},
    {"OOB-10",
     "the reporting host said it",
     DSN(TO("x@isp.example") GONE "Diagnostic-Code: smtp; 550 no\n"),
     {{OURS "per_recipient.remote_mta", "null"}, {OURS "reporting_mta.name", "\"mx.example\""}}},
    {"OOB-11",
     "the original recipient goes first",
     DSN("Original-Recipient: rfc822; o@isp.example\n" TO("x@isp.example") GONE),
     {{ONE_RECORD "recipient", "\"o@isp.example\""},
      {OURS "per_recipient.original_recipient.recipient", "\"o@isp.example\""},
      {OURS "per_recipient.final_recipient.recipient", ADDRESS}}},
    {"OOB-12",
     "an envelope id",
     DSN_HEAD TEXT STATUS("Original-Envelope-Id: Abc-1\n" MTA TO("x@isp.example") GONE) MESSAGE END,
     {{MESSAGE_FIELDS "original_envelope_id", "\"Abc-1\""},
      {OURS "original_envelope_id", "\"Abc-1\""},
      NO_DEFECT}},
    {"OOB-12",
     "still xtext",
     DSN_HEAD TEXT STATUS("Original-Envelope-Id: a+2Bb+3Dc\n" MTA TO("x@isp.example") GONE)
         MESSAGE END,
     {{OURS "original_envelope_id", "\"a+b=c\""},
      {"defects", "bad-value:Original-Envelope-Id quirk(exim-xtext-envid)"}}},
    {"OOB-14",
     "identity comes from part 3",
     HEAD "Message-ID: <outer@mx.example>\nX-KumoRef: "
          "eyJfQF8iOiJcXF8vIiwicmVjaXBpZW50IjoiYUBiIn0=\n"
          "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n" TEXT STATUS(
              MTA TO("x@isp.example") GONE) MESSAGE END,
     {{"parse.original.message_id", "\"<1@shop.example>\""}, {"parse.trace", "null"}}},
    {"OOB-15",
     "a message",
     DSN(TO("x@isp.example") GONE),
     {{"parse.original.message_id", "\"<1@shop.example>\""},
      {"parse.delivery_status.original_message",
       "\"From: a@shop.example\\nMessage-ID: <1@shop.example>\\n\\nHi.\""}}},
    {"OOB-15",
     "a header",
     DSN_HEAD TEXT STATUS(MTA TO("x@isp.example") GONE)
         PART("text/rfc822-headers", "Message-ID: <1@shop.example>\n") END,
     {{"parse.original.message_id", "\"<1@shop.example>\""}, NO_DEFECT}},
    {"OOB-15",
     "text by mistake",
     DSN_HEAD TEXT STATUS(MTA TO("x@isp.example") GONE)
         PART("text/plain", "From: a@shop.example\nMessage-ID: <1@shop.example>\n\nHi.\n") END,
     {{"parse.original.message_id", "\"<1@shop.example>\""}, {"defects", "bad-content-type"}}},
    {"OOB-15",
     "cut in a line",
     DSN_HEAD TEXT STATUS(MTA TO("x@isp.example") GONE)
         PART("message/rfc822", "Message-ID: <1@shop.example>\nSubject: wi"),
     {{"parse.original.message_id", "\"<1@shop.example>\""},
      {"parse.original.subject", "\"wi\""},
      {"defects", "missing-boundary quirk(stalwart-cut-message)"}}},
    {"OOB-15",
     "missing",
     DSN_HEAD TEXT STATUS(MTA TO("x@isp.example") GONE) END,
     {IS_DSN, {"parse.delivery_status.original_message", "null"}, NO_DEFECT}},
    {"OOB-16",
     "a named zone and a short year",
     DSN(TO("x@isp.example") GONE "Last-Attempt-Date: Thu, 2 Jul 26 05:00:00 EDT\n"),
     {{RECIPIENT "last_attempt_date", "\"2026-07-02T09:00:00Z\""}, NO_DEFECT}},
    {"OOB-16",
     "a wrong weekday",
     DSN(TO("x@isp.example") GONE "Last-Attempt-Date: Mon, 2 Jul 2026 09:00:00 +0000\n"),
     {{RECIPIENT "last_attempt_date", "\"2026-07-02T09:00:00Z\""},
      {"defects", "bad-date:Last-Attempt-Date"}}},
    {"OOB-16",
     "no date at all",
     DSN(TO("x@isp.example") GONE "Last-Attempt-Date: yesterday\n"),
     {{RECIPIENT "last_attempt_date", "null"},
      {ONE_RECORD "recipient", ADDRESS},
      {"defects", "bad-date:Last-Attempt-Date"}}},
    {"OOB-17",
     "nothing is proved",
     DSN(TO("x@isp.example") GONE),
     {{OURS "verified", "false"}, {OURS "null_sender", "true"}}},
    {"OOB-18",
     "a sender that is not null",
     "Return-Path: <postmaster@mx.example>\n" FROM_MTA DATE
     "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n" TEXT STATUS(
         MTA TO("x@isp.example") GONE) MESSAGE END,
     {IS_DSN, {OURS "null_sender", "false"}}},
    {"OOB-19",
     "a vacation notice",
     HEAD "Auto-Submitted: auto-replied (vacation)\n\nI am away.\n",
     {IS_NONE, {"parse.other", "\"auto-reply\""}, NO_RECORD}},
    {"LOOP-07",
     "Auto-Submitted with a parameter",
     HEAD "Auto-Submitted: Auto-Replied; owner=x\n\nI am away.\n",
     {{"parse.other", "\"auto-reply\""}}},
    {"LOOP-07",
     "Auto-Submitted: no",
     HEAD "Auto-Submitted: no (really)\n\nHello.\n",
     {{"parse.other", "absent"}}},
    {"OOB-21",
     "space before the colon, obsolete date and route",
     HEAD
     "Content-Type : multipart/report; report-type=delivery-status; boundary=b\n\n" TEXT STATUS(
         "Reporting-MTA : dns; mx.example\nArrival-Date: 2 Jul 26 05:00 EDT\n\n"
         "Final-Recipient : rfc822; <@a.example,@b.example:x@isp.example>\n" GONE) MESSAGE END,
     {{RECIPIENT "final_recipient.recipient", ADDRESS},
      {MESSAGE_FIELDS "arrival_date", "\"2026-07-02T09:00:00Z\""}}},
    {"OOB-22",
     "base64 without padding, quoted-printable that ends softly",
     DSN_HEAD TEXT "--b\nContent-Type: message/delivery-status\nContent-Transfer-Encoding: "
                   "quoted-printable\n\n"
                   "Reporting-MTA: dns; mx.exam=\nple\n\nFinal-Recipient: rfc822; "
                   "x=40isp.example\n" GONE "=\n"
                   "--b\nContent-Type: text/rfc822-headers\nContent-Transfer-Encoding: base64\n\n"
                   "TWVzc2FnZS1JRDogPDFAc2hvcC5leGFtcGxlPg\n" END,
     {{RECIPIENT "final_recipient.recipient", ADDRESS},
      {"parse.original.message_id", "\"<1@shop.example>\""}}},
    {"OOB-22",
     "encoded words",
     DSN_HEAD TEXT STATUS(MTA TO("x@isp.example") GONE) PART(
         "text/rfc822-headers", "Subject: =?utf-8?B?R3LDvMOfZQ==?= =?iso-8859-1?q?_f=FCr?=\n") END,
     {{"parse.original.subject", "\"Gr\xc3\xbc\xc3\x9f"
                                 "e f\xc3\xbcr\""}}},
    {"OOB-23",
     "no closing boundary, preamble",
     DSN_HEAD "Preamble.\n" TEXT STATUS(MTA TO("x@isp.example") GONE) MESSAGE,
     {IS_DSN, {"defects", "missing-boundary"}}},
    {"OOB-24",
     "an unknown multipart",
     HEAD "Content-Type: multipart/x-notice; boundary=b\n\n" TEXT STATUS(MTA TO("x@isp.example")
                                                                             GONE) MESSAGE END,
     {IS_DSN, {"defects", "misplaced-part"}}},
    {"OOB-25",
     "a lone CR between fields",
     DSN_HEAD TEXT STATUS(MTA TO("x@isp.example") "Action: failed\rStatus: 5.1.1\n") MESSAGE END,
     {{RECIPIENT "action", "\"failed\""},
      {RECIPIENT "status.subject", "1"},
      {"defects", "line-ends"}}},
    {"OOB-25",
     "8-bit data without a declaration",
     DSN(TO("x@isp.example") GONE "Diagnostic-Code: smtp; 550 bo\xc3\xaete pleine\n"),
     {{ONE_RECORD "response.content", "\"bo\xc3\xaete pleine\""}, NO_DEFECT}},
    {"OOB-25",
     "a field that may stand once",
     DSN(TO("x@isp.example") GONE "Status: 4.0.0\n"),
     {{RECIPIENT "status.class", "5"}, {"defects", "duplicate-field:Status"}}},
    {"OOB-25",
     "lines that end in CR alone",
     "Date: Thu, 2 Jul 2026 09:15:01 +0000\rContent-Type: multipart/report; "
     "report-type=delivery-status; boundary=b\r\r--b\r\rWords.\r--b\r"
     "Content-Type: message/delivery-status\r\rReporting-MTA: dns; mx.example\r\r"
     "Final-Recipient: rfc822; x@isp.example\rAction: failed\rStatus: 5.1.1\r--b--\r",
     {IS_DSN, {RECIPIENT "final_recipient.recipient", ADDRESS}, {"defects", "line-ends"}}},
    {"OOB-25",
     "a multipart that is base64 as a whole",
     HEAD "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n"
          "Content-Transfer-Encoding: base64\n\n"
          "LS1iCgpXb3Jkcy4KLS1iCkNvbnRlbnQtVHlwZTogbWVzc2FnZS9kZWxpdmVyeS1zdGF0dXMKClJl\n"
          "cG9ydGluZy1NVEE6IGRuczsgbXguZXhhbXBsZQoKRmluYWwtUmVjaXBpZW50OiByZmM4MjI7IHhA\n"
          "aXNwLmV4YW1wbGUKQWN0aW9uOiBmYWlsZWQKU3RhdHVzOiA1LjEuMQotLWItLQo=\n",
     {IS_DSN,
      {RECIPIENT "final_recipient.recipient", ADDRESS},
      {"defects", "unexpected-encoding:Content-Transfer-Encoding"}}},
    {"OOB-25",
     "a part in UTF-16",
     DSN_HEAD TEXT "--b\nContent-Type: message/delivery-status; charset=utf-16le\n"
                   "Content-Transfer-Encoding: base64\n\n"
                   "UgBlAHAAbwByAHQAaQBuAGcALQBNAFQAQQA6ACAAZABuAHMAOwAgAG0AeAAuAGUAeABhAG0AcABs\n"
                   "AGUACgAKAEYAaQBuAGEAbAAtAFIAZQBjAGkAcABpAGUAbgB0ADoAIAByAGYAYwA4ADIAMgA7ACAA\n"
                   "eABAAGkAcwBwAC4AZQB4AGEAbQBwAGwAZQAKAEEAYwB0AGkAbwBuADoAIABmAGEAaQBsAGUAZAAK\n"
                   "AFMAdABhAHQAdQBzADoAIAA1AC4AMQAuADEACgA=\n" END,
     {IS_DSN,
      {RECIPIENT "final_recipient.recipient", ADDRESS},
      {"defects", "unexpected-encoding:Content-Transfer-Encoding "
                  "unexpected-encoding:Content-Type"}}},
    {"OOB-26",
     "a report without its machine-readable part",
     DSN_HEAD TEXT MESSAGE END,
     {IS_NONE, {"defects", "missing-part"}, NO_RECORD}},
    {"OOB-26",
     "a machine-readable part without a field",
     DSN_HEAD TEXT STATUS("Sorry, it did not work.\n") MESSAGE END,
     {IS_NONE, {"defects", "missing-part"}, NO_RECORD}},
    {"I18N-12",
     "global status, plain message",
     DSN_HEAD TEXT PART("message/global-delivery-status",
                        MTA "Final-Recipient: utf-8; j\xc3\xbcrgen@isp.example\n" GONE) MESSAGE END,
     {IS_DSN, {RECIPIENT "final_recipient.recipient", "\"j\xc3\xbcrgen@isp.example\""}, NO_DEFECT}},
    {"I18N-12",
     "plain status, global message in quoted-printable",
     DSN_HEAD TEXT STATUS(MTA TO("x@isp.example")
                              GONE) "--b\nContent-Type: message/global\nContent-Transfer-Encoding: "
                                    "quoted-printable\n\n"
                                    "Message-ID: <1@shop.example>\nSubject: "
                                    "Gr=C3=BC=C3=9Fe\n\nHi.\n" END,
     {{"parse.original.subject", "\"Gr\xc3\xbc\xc3\x9f"
                                 "e\""},
      NO_DEFECT}},
    {"I18N-12",
     "global status in base64, global header",
     DSN_HEAD TEXT
     "--b\nContent-Type: message/global-delivery-status\nContent-Transfer-Encoding: "
     "base64\n\n"
     "UmVwb3J0aW5nLU1UQTogZG5zOyBteC5leGFtcGxlCgpGaW5hbC1SZWNpcGllbnQ6IHJmYzgyMjsg\n"
     "eEBpc3AuZXhhbXBsZQpBY3Rpb246IGZhaWxlZApTdGF0dXM6IDUuMS4xCg==\n" PART(
         "message/global-headers", "Message-ID: <1@shop.example>\nSubject: Gr\xc3\xbc\xc3\x9f"
                                   "e\n") END,
     {{RECIPIENT "final_recipient.recipient", ADDRESS},
      {"parse.original.subject", "\"Gr\xc3\xbc\xc3\x9f"
                                 "e\""},
      NO_DEFECT}},
    {"I18N-16",
     "overlong forms and surrogates",
     DSN(TO("x@isp.example") GONE "Diagnostic-Code: smtp; 550 \xc0\xaf \xed\xa0\x80\n"),
     {{RECIPIENT "diagnostic_code.diagnostic",
       "\"550 \xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}}},
    {"SEC-02",
     "controls and octets that are not UTF-8",
     DSN(TO("x@isp.example") GONE "Diagnostic-Code: smtp; 550 \x01\x1b\xff\"\\\n"),
     {{RECIPIENT "diagnostic_code.diagnostic", "\"550 \\u0001\\u001B\xef\xbf\xbd\\\"\\\\\""},
      {"parse.defects.0.kind", "\"invalid-utf8\""}}},
    {"SEC-03",
     "a trace without a signature",
     DSN_HEAD TEXT STATUS(MTA TO("x@isp.example") GONE)
         PART("text/rfc822-headers", "From: a@shop.example\nX-KumoRef: "
                                     "eyJfQF8iOiJcXF8vIiwicmVjaXBpZW50IjoiYUBiIn0=\n") END,
     {{"parse.trace.state", "\"unsigned\""},
      {OURS "trace.state", "\"unsigned\""},
      {OURS "verified", "false"}}},

    /* Status codes. */
    {"STAT-02",
     "the reply and the code disagree",
     DSN(TO("x@isp.example") "Action: failed\nStatus: 4.2.2\nDiagnostic-Code: smtp; "
                             "550 4.2.2 x\n"),
     {{ONE_RECORD "response.code", "550"}, {ONE_RECORD "response.enhanced_code.class", "4"}}},
    {"STAT-03",
     "an unknown code keeps its digits",
     DSN(TO("x@isp.example") "Action: failed\nStatus: 5.9.321\n"),
     {{ONE_RECORD "response.enhanced_code.subject", "9"},
      {ONE_RECORD "response.enhanced_code.detail", "321"},
      NO_DEFECT}},
    {"STAT-04",
     "the code is in front of the text only",
     DSN(TO("x@isp.example") "Action: failed\nStatus: 5.0.0\n"
                             "Diagnostic-Code: smtp; 550 see chapter 5.1.1 of the book\n"),
     {{ONE_RECORD "response.enhanced_code.subject", "0"}}},

    /* MDN. */
    {"MDN-01",
     "no bounce",
     REPORT("disposition-notification")
         TEXT PART("message/disposition-notification",
                   "Reporting-UA: x\nFinal-Recipient: rfc822; x@isp.example\n"
                   "Disposition: automatic-action/MDN-sent-automatically; displayed\n") END,
     {{"parse.kind", "\"disposition-notification\""}, NO_RECORD, NO_DEFECT}},
    {"MDN-02",
     "failed, and yet no bounce",
     REPORT("disposition-notification")
         TEXT PART("message/disposition-notification",
                   "Final-Recipient: rfc822; x@isp.example\nAction: failed\nStatus: 5.0.0\n"
                   "Disposition: automatic-action/MDN-sent-automatically; failed\n") END,
     {{"parse.kind", "\"disposition-notification\""}, NO_RECORD}},
    {"MDN-02",
     "deleted unread",
     REPORT("disposition-notification")
         TEXT PART("message/global-disposition-notification",
                   "Final-Recipient: rfc822; x@isp.example\n"
                   "Disposition: manual-action/MDN-sent-manually; deleted\n") END,
     {{"parse.kind", "\"disposition-notification\""}, NO_RECORD}},
    {"MDN-06",
     "Original-Recipient of the returned message",
     DSN_HEAD TEXT STATUS(MTA TO("x@isp.example") GONE) PART(
         "message/rfc822", "Original-Recipient: rfc822; o@isp.example\nFrom: a@shop.example\n\n"
                           "Hi.\n") END,
     {{RECIPIENT "original_recipient", "null"}, {ONE_RECORD "recipient", ADDRESS}}},

    /* What is known of the field. */
    {"QRK-03",
     "a trace that is folded, under another name",
     DSN_HEAD TEXT STATUS(MTA TO("x@isp.example") GONE)
         PART("text/rfc822-headers", "From: a@shop.example\nX-Track: eyJfQF8iOiJcXF8v\n"
                                     " IiwicmVjaXBpZW50\n\tIjoiYUBiIn0=\n") END,
     {{"parse.trace.supplemental_trace", "{\"recipient\":\"a@b\"}"}}},
    {"QRK-10",
     "Exim's status, and the code of the reply",
     HEAD "X-Failed-Recipients: x@isp.example\n"
          "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n" TEXT STATUS(
              MTA TO("x@isp.example") "Action: failed\nStatus: 5.0.0\n"
                                      "Diagnostic-Code: smtp; 550 5.2.1 closed\n") MESSAGE END,
     {{ONE_RECORD "response.enhanced_code.subject", "2"},
      {RECIPIENT "status.subject", "0"},
      {"defects", "quirk(exim-vague-status)"}}},
    {"QRK-11",
     "OpenSMTPD",
     HEAD "Subject: Delivery status notification: error\n"
          "Content-Type: multipart/mixed; boundary=b\n\n" TEXT STATUS(MTA TO("x@isp.example") GONE)
              MESSAGE END,
     {IS_DSN,
      {ONE_RECORD "recipient", ADDRESS},
      {"defects", "misplaced-part quirk(opensmtpd-mixed)"}}},
    {"QRK-11",
     "qmail",
     HEAD "Subject: failure notice\n\nHi. This is the qmail-send program at mx.example.\n\n"
          "<x@isp.example>:\nSorry. (#5.1.1)\n\n--- Below this line is a copy of the "
          "message.\n\n"
          "Message-ID: <1@shop.example>\n\nHi.\n",
     {{"parse.kind", "\"heuristic-bounce\""},
      {RECIPIENT "final_recipient.recipient", ADDRESS},
      {"defects", "quirk(heuristic:qmail)"},
      NO_RECORD}},
    {"QRK-12",
     "a cut header as a message",
     DSN_HEAD TEXT STATUS(MTA TO("x@isp.example") GONE)
         PART("message/rfc822", "From: a@shop.example\nMessage-ID: <1@shop.example>\n") END,
     {{"parse.original.message_id", "\"<1@shop.example>\""},
      {"defects", "quirk(stalwart-cut-message)"}}},
    {"QRK-12",
     "the Message-ID as envelope id",
     DSN_HEAD TEXT STATUS("Original-Envelope-Id: 1@shop.example\n" MTA TO("x@isp.example") GONE)
         MESSAGE END,
     {{OURS "original_envelope_id", "\"1@shop.example\""},
      {"defects", "quirk(haraka-message-id-envid)"}}},
    {"QRK-13",
     "KumoMTA's status part",
     DSN_HEAD TEXT
     "--b\nContent-Type: message/delivery-status; charset=utf-8\n"
     "Content-Transfer-Encoding: quoted-printable\n\n" MTA TO(
         "x@isp.example") "Action: failed\nStatus: 5.1.1 no such=20user\n" MESSAGE END,
     {{RECIPIENT "status.comment", "\"no such user\""},
      {"defects", "unexpected-encoding:Content-Transfer-Encoding bad-value:Status "
                  "quirk(kumomta-status-text) quirk(kumomta-encoded-status)"}}},
};

START_TEST(reads_by_the_rules)
{
    dsn_test_reading(&rows[_i]);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("oob-rules");
    TCase *tcase = tcase_create("rules");

    tcase_add_loop_test(tcase, reads_by_the_rules, 0, G_N_ELEMENTS(rows));
    suite_add_tcase(suite, tcase);
    return suite;
}
