/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * words-build.h - the first part of a notice
 *
 * Purpose:   write the texts for people as a part, whatever it stands in.
 * RFC:       6522 section 3, 2045, 2046 section 5.1.4; rules MIME-04, MIME-22 to MIME-26, MIME-31,
 *            MIME-32.
 * Ownership: the part is appended to the caller's buffer; inputs are borrowed.
 * Errors:    none: what cannot be sent is cleaned or encoded.
 * Threads:   reentrant.
 */
#ifndef DSN_MIME_WORDS_BUILD_H
#define DSN_MIME_WORDS_BUILD_H

#include "mime/span.h"

/* Part 1 in one language. With HTML or several languages part 1 is a multipart/alternative, its
 * last part the preferred one (RFC 2046 section 5.1.4, rules MIME-04, MIME-32). Text is UTF-8;
 * lines end in LF or CRLF. */
typedef struct DsnWords {
    DsnSpan language; /* a tag; may be absent */
    DsnSpan text;
    DsnSpan html; /* may be absent */
} DsnWords;

/* False if one of their languages is no tag. */
bool dsn_words_have_languages(const DsnWords *words, size_t n_words);

/* How many texts they are. */
size_t dsn_words_count(const DsnWords *words, size_t n_words);

/* About how many bytes the part has. */
size_t dsn_words_room(const DsnWords *words, size_t n_words);

/* Appends header and body of the part, all ASCII, without the line end that belongs to the next
 * boundary. Several texts are told apart by @boundary, which stands once more often in the part
 * than there are texts, and in Content-Type. With @opaque all texts are in base64. */
void dsn_words_append(const DsnWords *words, size_t n_words, DsnSpan boundary, bool opaque,
                      GString *ret_part);

#endif
