/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * date.h - dates of messages and reports
 *
 * Purpose:   read the date-time of RFC 5322, obsolete and broken forms too, and write it.
 * RFC:       5322 sections 3.3 and 4.3, 3339; rules OOB-16, ARF-29, QRK-08, DSN-13.
 * Ownership: plain values.
 * Errors:    the parser returns DSN_DATE_NONE; a doubtful date comes with a phrase that says why.
 * Threads:   reentrant, no static state.
 */
#ifndef DSN_MIME_DATE_H
#define DSN_MIME_DATE_H

#include "mime/span.h"

#include <stdint.h>

/* Seconds since 1970-01-01T00:00:00Z; this value stands for "not known". */
#define DSN_TIME_NONE G_MININT64
#define DSN_TIME_MIN G_GINT64_CONSTANT(-62135596800) /* 0001-01-01T00:00:00Z */
#define DSN_TIME_MAX G_GINT64_CONSTANT(253402300799) /* 9999-12-31T23:59:59Z */

#define DSN_DATE_MAX sizeof("Wed, 31 Dec 9999 23:59:59 +0000")

typedef enum DsnDateResult {
    DSN_DATE_NONE,  /* nothing that can be read as a date; *ret_time is left alone */
    DSN_DATE_DOUBT, /* read, with a deviation: *ret_detail says which */
    DSN_DATE_GOOD
} DsnDateResult;

/* Reads @text, comments and folding allowed. On DSN_DATE_DOUBT *ret_detail is a constant English
 * phrase ("weekday does not match", "zone not known, taken as UTC", ...). */
DsnDateResult dsn_date_parse(DsnSpan text, int64_t *ret_time, const char **ret_detail);

/* "Tue, 1 Jul 2003 08:52:37 +0000" and a NUL into @buffer of DSN_DATE_MAX bytes; the day is not
 * padded. @time from DSN_TIME_MIN to DSN_TIME_MAX. Returns @buffer. */
const char *dsn_date_to_rfc5322(int64_t time, char *buffer);

/* "2003-07-01T08:52:37Z", with 3, 6 or 9 digits of fraction as @nanoseconds (0 to 999999999) need
 * them and none for 0, and a NUL, into @buffer of DSN_DATE_MAX bytes. Returns @buffer. */
const char *dsn_date_to_rfc3339(int64_t time, uint32_t nanoseconds, char *buffer);

/* Reads RFC 3339, any number of digits of fraction, "Z" or a numeric zone; false when it is not. */
bool dsn_date_from_rfc3339(DsnSpan text, int64_t *ret_time, uint32_t *ret_nanoseconds);

#endif
