/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * structure.h - the parts of a message as byte ranges
 *
 * Purpose:   find header blocks, boundaries and parts in one walk over the bytes.
 * RFC:       2045, 2046 section 5.1, 6522; rules OOB-20, OOB-23 to OOB-25, ARF-24.
 * Ownership: spans point into the message; the parts belong to the structure.
 * Errors:    none: deviations and met caps are flags.
 * Threads:   reentrant; one structure is used by one thread at a time. GMime must have been
 *            initialised.
 */
#ifndef DSN_MIME_STRUCTURE_H
#define DSN_MIME_STRUCTURE_H

#include "mime/content-type.h"
#include "mime/transfer.h"

typedef struct DsnPart {
    DsnSpan header; /* without the empty line that ends it */
    DsnSpan body;   /* without the line end that belongs to the next boundary */
    DsnContentType type;
    DsnTransfer transfer;
    int parent;          /* index of the multipart that it stands in, -1 for the message itself */
    unsigned depth;      /* 0 for the message itself */
    unsigned order;      /* place among the parts of its parent, from 0 */
    bool closed;         /* a multipart whose closing boundary was found */
    bool wrong_boundary; /* a multipart whose parts were found by a boundary seen in the body */
} DsnPart;

typedef struct DsnStructure {
    GArray *parts; /* of DsnPart, in the order of their first byte; [0] is the message */
    GStringChunk *strings;
    bool mixed_line_ends;
    bool lone_cr;      /* a CR somewhere that no LF follows; it ends no line */
    const char *limit; /* name of the first cap that was met ("depth", "parts", ...), or NULL */
} DsnStructure;

DsnStructure *dsn_structure_new(void);
void dsn_structure_free(DsnStructure *structure);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnStructure, dsn_structure_free)

/* Scans @message, of which no more than @limits->message bytes are looked at; what an earlier scan
 * left in @structure is gone. There is always at least one part. Returned messages are not
 * descended into. */
void dsn_structure_scan(DsnStructure *structure, DsnSpan message, const DsnLimits *limits);

#endif
