/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * status-code.h - enhanced mail system status codes
 *
 * Purpose:   read and print "class.subject.detail", and say what a code means.
 * RFC:       3463 section 2 (syntax), 5248 (registry); rules STAT-01 to STAT-07.
 * Ownership: plain values, nothing to free.
 * Errors:    a parse that does not match returns 0 and leaves *ret_code alone.
 * Threads:   reentrant, no static state.
 */
#ifndef DSN_MIME_STATUS_CODE_H
#define DSN_MIME_STATUS_CODE_H

#include "mime/span.h"

#include <stdint.h>

/* @class_ 2, 4 or 5; 0 means that there is no code. @subject and @detail 0 to 999. */
typedef struct DsnStatusCode {
    uint16_t class_;
    uint16_t subject;
    uint16_t detail;
} DsnStatusCode;

#define DSN_STATUS_CODE_MAX sizeof("5.999.999")

/* Reads a code at the start of @text; what follows it is space, the end, or any byte that is
 * neither a digit, a dot nor a letter. Leading zeros are read although nobody may write them (rule
 * STAT-01). Returns its length in bytes, or 0 (RFC 3463 section 2). */
size_t dsn_status_code_parse(DsnSpan text, DsnStatusCode *ret_code);

/* Writes "5.1.1" and a NUL into @buffer of DSN_STATUS_CODE_MAX bytes, and returns @buffer. */
const char *dsn_status_code_to_string(DsnStatusCode code, char *buffer);

/* What the registry says the code means, in a short English phrase (transfer none). An unknown
 * detail means what x.y.0 means, an unknown subject what x.0.0 means (rule STAT-03). It stands in a
 * sentence, as in "because the mailbox does not exist". */
const char *dsn_status_code_meaning(DsnStatusCode code);

#endif
