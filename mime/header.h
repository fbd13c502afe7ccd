/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * header.h - the fields of a header block, one after the other, where they lie
 *
 * Purpose:   walk a header block or a group of report fields without copying.
 * RFC:       5322 sections 2.2 and 4.5; rules OOB-04, OOB-21, OOB-25, ARF-29.
 * Ownership: spans point into the block.
 * Errors:    a line that is no field is reported as one with an absent name.
 * Threads:   reentrant.
 */
#ifndef DSN_MIME_HEADER_H
#define DSN_MIME_HEADER_H

#include "mime/span.h"

typedef struct DsnHeaderField {
    DsnSpan name;  /* without white space before the colon; absent for a line that is no field */
    DsnSpan value; /* raw: after the colon up to the last line end, folding still in it */
    DsnSpan whole; /* from the name up to and including the last line end */
} DsnHeaderField;

/* Takes the next field off the front of *@block (CRLF or LF ends a line). False at the end. */
bool dsn_header_next(DsnSpan *block, DsnHeaderField *ret_field);

/* The raw value of the first field @name (any case), absent when there is none. */
DsnSpan dsn_header_find(DsnSpan block, const char *name);

/* Appends a field as it is, without looking at it. */
void dsn_header_append(const char *name, DsnSpan value, GString *ret_header);

/* @value unfolded by dropping the line breaks only, then trimmed; a copy is made in @strings only
 * when there is a fold. */
DsnSpan dsn_header_unfold(DsnSpan value, GStringChunk *strings);

/* The header block at the start of @text: up to, not including, the empty line that ends it, or the
 * whole. *@ret_body is what follows the empty line (present and empty when nothing does). */
DsnSpan dsn_header_split(DsnSpan text, DsnSpan *ret_body);

#endif
