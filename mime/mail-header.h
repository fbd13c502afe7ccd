/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mail-header.h - the fields of a message's own header that tell what it is
 *
 * Purpose:   find them in one pass, for the report, for bounces in no standard form, and for other
 *            automatic mail.
 * RFC:       5322 section 3.6, 3834 section 5; rules LOOP-07, OOB-19.
 * Ownership: spans point into the header block.
 * Errors:    none: what is not there is absent.
 * Threads:   reentrant.
 */
#ifndef DSN_MIME_MAIL_HEADER_H
#define DSN_MIME_MAIL_HEADER_H

#include "mime/span.h"

/* Raw values, folding still in them, of the first field of each name. */
typedef struct DsnMailHeader {
    DsnSpan return_path;
    DsnSpan message_id;
    DsnSpan date;
    DsnSpan from;
    DsnSpan subject;
    DsnSpan auto_submitted; /* the first one that is not "no", if there is such */
    DsnSpan precedence;
    DsnSpan failed_recipients; /* X-Failed-Recipients, as Exim and Gmail write it */
    bool responder;            /* a field stands there that only automatic answers have */
    bool unsubscription;       /* Apple Mail asks to be taken off a list */
    bool tls_report;           /* TLS-Report-Domain or TLS-Report-Submitter (RFC 8460) */
} DsnMailHeader;

void dsn_mail_header_read(DsnSpan block, DsnMailHeader *ret_header);

/* True for a value of Auto-Submitted other than "no", comments and parameters apart (rule LOOP-07).
 */
bool dsn_mail_header_is_automatic(DsnSpan auto_submitted);

/* The address of the one author in @from, the raw value of a From field; NULL when there is none,
 * or when there are several (transfer full). GMime must have been initialised. */
char *dsn_mail_header_dup_author(DsnSpan from);

#endif
