/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * part-text.h - what a part holds, its encodings undone
 *
 * Purpose:   the one place that undoes transfer encodings, and UTF-16 where text is read as fields.
 * RFC:       2045 section 6, 2781; rules OOB-22, OOB-25, QRK-13.
 * Ownership: the text is the part's own bytes, or belongs to the reader's report.
 * Errors:    none: what does not decode is read as far as it does, with a defect.
 * Threads:   as the reader.
 */
#ifndef DSN_MIME_PART_TEXT_H
#define DSN_MIME_PART_TEXT_H

#include "mime/field.h"
#include "mime/structure.h"

/* The body of @part, transfer encoding undone. Where it @may_be_encoded none is a defect. */
DsnSpan dsn_part_bytes(DsnFieldReader *reader, const DsnPart *part, bool may_be_encoded);

/* The same for text that is read line by line: UTF-16, which a byte order mark or the charset and
 * the first bytes tell, becomes UTF-8. */
DsnSpan dsn_part_text(DsnFieldReader *reader, const DsnPart *part, bool may_be_encoded);

#endif
