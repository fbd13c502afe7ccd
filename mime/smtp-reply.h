/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * smtp-reply.h - the SMTP reply inside a Diagnostic-Code
 *
 * Purpose:   find basic code, enhanced code and text of a reply as MTAs quote it.
 * RFC:       5321 section 4.2, 3461 section 9.2, 2034 section 4; rules OOB-09, STAT-02, STAT-04.
 * Ownership: the text is a new string.
 * Errors:    a text without a reply gives code 0 and the whole text.
 * Threads:   reentrant, no static state.
 */
#ifndef DSN_MIME_SMTP_REPLY_H
#define DSN_MIME_SMTP_REPLY_H

#include "mime/status-code.h"

typedef struct DsnSmtpReply {
    uint16_t code;          /* 200 to 599, 0 when there is none */
    DsnStatusCode enhanced; /* class_ 0 when there is none */
} DsnSmtpReply;

/* Reads @diagnostic ("550 5.1.1 no such user", "550-5.1.1 no\r\n 550 5.1.1 such user",
 * "host mx.example said: 550 ..."): code and enhanced code of the first line that has them, and
 * appends the text of all lines to @text, joined with '\n', without the codes. @diagnostic may
 * still be folded, or be unfolded with the "550-" of later lines inside the text. */
DsnSmtpReply dsn_smtp_reply_parse(DsnSpan diagnostic, GString *text);

#endif
