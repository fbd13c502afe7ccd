/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * returned-content.h - what a report returns of the message that it is about
 *
 * Purpose:   the identifiers in the header of the third part.
 * RFC:       6522 section 4, 9477 section 3; rules OOB-14, OOB-15, ARF-29, CFBL-06 to CFBL-10.
 * Ownership: values belong to the report.
 * Errors:    none: what cannot be read is absent.
 * Threads:   as the reader.
 */
#ifndef DSN_MIME_RETURNED_CONTENT_H
#define DSN_MIME_RETURNED_CONTENT_H

#include "mime/field.h"

/* Fills returned from the @bytes of the part, transfer encoding undone. */
void dsn_returned_content_read(DsnFieldReader *reader, DsnReturnedKind kind, DsnSpan bytes);

/* True when @text starts with the header of a message: a field, and From, Date, Subject, Message-ID
 * or Received among those that follow. */
bool dsn_returned_content_is_in(DsnSpan text);

#endif
