/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json-string.h - the text of a JSON string
 *
 * Purpose:   read what stands between two quotes, as jansson would and ten times as fast; tell
 *            what stands for itself there.
 * RFC:       8259 section 7, 3629.
 * Ownership: appended to the caller's buffer.
 * Errors:    false, and the buffer is as it was.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_JSON_STRING_H
#define DSN_CORE_JSON_STRING_H

#include "mime/span.h"

#include <stdint.h>

/* Appends the text of a string, of which @raw is what stands between the quotes. It may have NUL as
 * "\u0000". False when it is not UTF-8, or has a control character, a quote or half a surrogate
 * pair that no string may have. */
bool dsn_json_unescape(DsnSpan raw, GString *ret_text);

/* Clean is what stands in a string as it is, and is ASCII. */
static inline bool
dsn_json_is_clean(uint8_t c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* How many of the eight bytes at @text are clean, counted from the first. A borrow can only come
 * from a lower byte that counts itself, so the lowest one is always right. */
static inline unsigned
dsn_json_clean_bytes(const uint8_t *text)
{
    const uint64_t each = G_GUINT64_CONSTANT(0x0101010101010101);
    uint64_t word;

    memcpy(&word, text, sizeof(word));
    word = GUINT64_FROM_LE(word);

    uint64_t below_space = word - each * 0x20;
    uint64_t quote = (word ^ each * '"') - each;
    uint64_t backslash = (word ^ each * '\\') - each;
    uint64_t found = (below_space | quote | backslash | word) & each * 0x80;
    return found == 0 ? sizeof(word) : (unsigned)__builtin_ctzll(found) / 8;
}

/* How many bytes at the start of @text are clean. */
static inline size_t
dsn_json_clean_prefix(DsnSpan text)
{
    const uint8_t *bytes = (const uint8_t *)text.data;
    size_t at = 0;

    for (unsigned clean = 8; clean == 8 && text.len - at >= 8; at += clean)
        clean = dsn_json_clean_bytes(bytes + at);
    while (at < text.len && dsn_json_is_clean(bytes[at]))
        at++;
    return at;
}

#endif
