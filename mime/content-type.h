/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * content-type.h - media type and parameters of a part
 *
 * Purpose:   the one place that decides type, boundary, charset and report-type for every caller.
 * RFC:       2045 section 5, 2231, 6522 section 3; rules OOB-02, OOB-25.
 * Ownership: spans point into the header value or into @strings.
 * Errors:    none: what cannot be read is text/plain with @broken set.
 * Threads:   reentrant. GMime must have been initialised (it decodes the RFC 2231 forms).
 */
#ifndef DSN_MIME_CONTENT_TYPE_H
#define DSN_MIME_CONTENT_TYPE_H

#include "mime/limits.h"
#include "mime/span.h"

typedef struct DsnContentType {
    DsnSpan type;    /* "multipart"; "text" when there is no Content-Type */
    DsnSpan subtype; /* "report"; "plain" when there is no Content-Type */
    DsnSpan boundary;
    DsnSpan charset;
    DsnSpan report_type;
    bool given;          /* a Content-Type stands in the header */
    bool broken;         /* it deviates from the grammar */
    bool limited;        /* parameters beyond the cap were not read */
    bool empty_boundary; /* a boundary parameter without a value */
} DsnContentType;

/* Reads the value of a Content-Type field (folded or not); an absent span gives text/plain. Names
 * compare in any case, comments are skipped, RFC 2231 forms are decoded, the first of equal
 * parameters counts; missing or trailing ';' are tolerated. */
void dsn_content_type_parse(DsnSpan value, const DsnLimits *limits, GStringChunk *strings,
                            DsnContentType *ret_type);

/* True for e.g. ("multipart", "report") in any case; @subtype NULL means any. */
static inline bool
dsn_content_type_is(const DsnContentType *type, const char *main_type, const char *subtype)
{
    return dsn_span_is(type->type, main_type) &&
           (subtype == NULL || dsn_span_is(type->subtype, subtype));
}

#endif
