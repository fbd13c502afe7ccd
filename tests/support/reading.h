/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reading.h - small messages, and what is read from them
 *
 * Purpose:   tables of messages with what "parse" prints, the records and the defects.
 * RFC:       none.
 * Ownership: everything is constant.
 * Errors:    a difference fails the running test.
 * Threads:   none.
 */
#ifndef DSN_TESTS_READING_H
#define DSN_TESTS_READING_H

/* A @path begins with "parse", "records" or "defects" and goes on with keys and indexes; @json is
 * what stands there, or "absent". */
typedef struct DsnReading {
    const char *rule;
    const char *label;
    const char *message;
    struct {
        const char *path;
        const char *json;
    } want[5];
} DsnReading;

/* Checks it with LF, and with CRLF unless it has a CR anywhere. */
void dsn_test_reading(const DsnReading *reading);

#define FROM_MTA "From: Mail System <mailer-daemon@mx.example>\n"
#define DATE "Date: Thu, 2 Jul 2026 09:15:01 +0000\n"
#define NULL_SENDER "Return-Path: <>\n"
#define HEAD NULL_SENDER FROM_MTA DATE
#define REPORT(type) HEAD "Content-Type: multipart/report; report-type=" type "; boundary=b\n\n"
#define DSN_HEAD REPORT("delivery-status")
#define ARF_HEAD REPORT("feedback-report")
#define TEXT "--b\nContent-Type: text/plain\n\nWords.\n"
#define PART(type, text) "--b\nContent-Type: " type "\n\n" text
#define STATUS(text) PART("message/delivery-status", text)
#define MTA "Reporting-MTA: dns; mx.example\n\n"
#define TO(address) "Final-Recipient: rfc822; " address "\n"
#define GONE "Action: failed\nStatus: 5.1.1\n"
#define MESSAGE \
    PART("message/rfc822", "From: a@shop.example\nMessage-ID: <1@shop.example>\n\nHi.\n")
#define END "--b--\n"
#define DSN(fields) DSN_HEAD TEXT STATUS(MTA fields) MESSAGE END
#define ABUSE "Feedback-Type: abuse\nUser-Agent: X/1\nVersion: 1\n"
#define ARF(fields)                                       \
    ARF_HEAD TEXT PART("message/feedback-report", fields) \
    MESSAGE END
#define AUTH "Feedback-Type: auth-failure\nUser-Agent: X/1\nVersion: 1\n"
#define RESULTS "Authentication-Results: mx.example; dkim=fail header.d=shop.example\n"
#define KEY "DKIM-Domain: shop.example\nDKIM-Identity: @shop.example\nDKIM-Selector: s1\n"

#define IS_DSN                              \
    {                                       \
        "parse.kind", "\"delivery-status\"" \
    }
#define IS_ARF                              \
    {                                       \
        "parse.kind", "\"feedback-report\"" \
    }
#define IS_NONE                  \
    {                            \
        "parse.kind", "\"none\"" \
    }
#define NO_DEFECT     \
    {                 \
        "defects", "" \
    }
#define NO_RECORD       \
    {                   \
        "records", "[]" \
    }
#define RECIPIENT "parse.delivery_status.per_recipient.0."
#define MESSAGE_FIELDS "parse.delivery_status.per_message."
#define FEEDBACK "parse.feedback_report."
#define ONE_RECORD "records.0."
#define OURS "records.0.dsnarf."
#define FAILURE OURS "authentication_failure."
#define ADDRESS "\"x@isp.example\""

#endif
