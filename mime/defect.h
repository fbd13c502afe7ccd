/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * defect.h - tolerated deviations, as data
 *
 * Purpose:   say what was wrong with something that was read all the same.
 * RFC:       7103 (handling of malformed messages); rules OOB-*, ARF-*, QRK-*.
 * Ownership: spans point into the message or into the report that holds the defect.
 * Errors:    none.
 * Threads:   plain values.
 */
#ifndef DSN_MIME_DEFECT_H
#define DSN_MIME_DEFECT_H

#include "mime/span.h"

typedef enum DsnDefectKind {
    DSN_DEFECT_BAD_ADDRESS,       /* kept as written */
    DSN_DEFECT_BAD_CONTENT_TYPE,  /* Content-Type that has no type/subtype or a broken parameter */
    DSN_DEFECT_BAD_DATE,          /* read as far as possible; the detail says what was wrong */
    DSN_DEFECT_BAD_ENCODING,      /* a transfer encoding or encoded word that does not decode */
    DSN_DEFECT_BAD_FIELD,         /* a line that is not "name: value" */
    DSN_DEFECT_BAD_VALUE,         /* a typed value that does not have its form */
    DSN_DEFECT_BOUNDARY_MISMATCH, /* the body uses another boundary than the header names */
    DSN_DEFECT_DUPLICATE_FIELD,   /* a field that may stand once; the first one counts */
    DSN_DEFECT_EMPTY_GROUP,       /* more than one blank line between two groups of fields */
    DSN_DEFECT_INFERRED_TYPE,     /* report-type absent or other than what the parts are */
    DSN_DEFECT_INVALID_UTF8,      /* octets that were replaced on output */
    DSN_DEFECT_LIMIT,             /* a cap of DsnLimits was met; the detail names it */
    DSN_DEFECT_LINE_ENDS,         /* mixed line ends or a lone CR */
    DSN_DEFECT_MISPLACED_PART,    /* a report outside multipart/report, or its parts out of order */
    DSN_DEFECT_MISSING_BOUNDARY,  /* no boundary parameter, or a multipart that is not closed */
    DSN_DEFECT_MISSING_FIELD,     /* a required field */
    DSN_DEFECT_MISSING_PART,      /* no returned content although the format demands it */
    DSN_DEFECT_QUIRK,             /* a known peculiarity; the detail is its name, see quirk.h */
    DSN_DEFECT_UNEXPECTED_ENCODING /* a transfer encoding where the format has none; undone */
} DsnDefectKind;

#define DSN_N_DEFECT_KINDS (DSN_DEFECT_UNEXPECTED_ENCODING + 1)

typedef struct DsnDefect {
    DsnDefectKind kind;
    DsnSpan field;      /* name of the field, absent where no field is concerned */
    DsnSpan value;      /* its value as it was read, absent where that says nothing */
    const char *detail; /* a constant English phrase, or NULL */
} DsnDefect;

/* The token that stands in JSON, for example "bad-date" (transfer none). */
const char *dsn_defect_kind_to_string(DsnDefectKind kind);

#endif
