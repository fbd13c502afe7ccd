/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * returned-build.h - the third part of a notice: what is returned of the original
 *
 * Purpose:   decide how much of an original can be returned, as which type, and write it.
 * RFC:       6522 section 4, 2046 section 5.2.1, 6533 section 6; rules MIME-05 to MIME-13, MIME-24,
 *            MIME-34, MIME-35, I18N-08 to I18N-14.
 * Ownership: the plan borrows the original.
 * Errors:    none: what cannot be returned whole is reduced, and the plan says why.
 * Threads:   reentrant. GMime must have been initialised.
 */
#ifndef DSN_MIME_RETURNED_BUILD_H
#define DSN_MIME_RETURNED_BUILD_H

#include "mime/span.h"

typedef enum DsnReturn { DSN_RETURN_NOTHING, DSN_RETURN_HEADERS, DSN_RETURN_FULL } DsnReturn;

typedef struct DsnReturnRequest {
    DsnSpan original; /* absent when not at hand; any line ends */
    DsnReturn wanted; /* no more than this is returned */
    size_t limit;     /* bytes of original above which its header is returned, cut at a field */
    bool failed;      /* delivery has failed for a recipient; else the header is enough (MIME-07) */
    bool utf8_path;   /* the notice travels by SMTPUTF8 */
} DsnReturnRequest;

typedef struct DsnReturnedPlan {
    DsnReturn returned;
    const char *reduced;  /* a constant phrase when it is less than was wanted, else NULL */
    const char *type;     /* "message/rfc822" */
    const char *encoding; /* "8bit", "quoted-printable", "base64", or NULL for 7bit */
    DsnSpan header;       /* the header block of the original, whatever is returned */
    DsnSpan content;      /* the bytes of the original that are returned */
    bool repair;          /* their line ends are not all CRLF */
    bool convert;         /* what no mail may hold in its body is encoded there */
} DsnReturnedPlan;

/* Looks at the original once, and decides. */
void dsn_returned_plan(const DsnReturnRequest *request, DsnReturnedPlan *ret_plan);

/* Appends header and body of the part, without the line end that belongs to the next boundary. */
void dsn_returned_append(const DsnReturnedPlan *plan, GString *ret_notice);

#endif
