/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reply-reader.h - the answers of an SMTP server, as they arrive
 *
 * Purpose:   put one reply together from bytes that come in any pieces.
 * RFC:       5321 sections 4.2 and 4.2.1.
 * Ownership: the reader owns its text.
 * Errors:    DSN_REPLY_BAD: this is no SMTP server, or one that lost its way; nothing that follows
 *            can be trusted.
 * Threads:   one thread at a time.
 */
#ifndef DSN_OUTLET_REPLY_READER_H
#define DSN_OUTLET_REPLY_READER_H

#include "mime/span.h"

/* Bytes of a line that are kept, of a reply that are kept, and that are read; lines of a reply. */
#define DSN_REPLY_LINE_MAX ((size_t)1000)
#define DSN_REPLY_TEXT_MAX ((size_t)2000)
#define DSN_REPLY_BYTES_MAX ((size_t)100000)
#define DSN_REPLY_LINES_MAX 100

typedef enum DsnReplyState {
    DSN_REPLY_MORE, /* the reply goes on */
    DSN_REPLY_DONE,
    DSN_REPLY_BAD
} DsnReplyState;

typedef struct DsnReplyReader {
    unsigned code; /* 200 to 599, 0 before the first line */
    GString *text; /* "550 5.1.1 no such user": the code, then the text of all lines with a space
                      between them, cleaned; after BAD, what is wrong */
    unsigned lines;
    size_t bytes;
    GString *line; /* what is kept of the line that has not ended yet */
} DsnReplyReader;

void dsn_reply_reader_init(DsnReplyReader *reader);
void dsn_reply_reader_clear(DsnReplyReader *reader);

/* Forgets the reply, for the next one. */
void dsn_reply_reader_reset(DsnReplyReader *reader);

/* Reads on and says how far it came: after DONE, what follows in @bytes belongs to the next reply.
 * A line may end in LF alone. */
DsnReplyState dsn_reply_reader_feed(DsnReplyReader *reader, DsnSpan bytes, size_t *ret_used);

#endif
