/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json-blocks.h - JSON text seen 64 bytes at a time
 *
 * Purpose:   tell brackets and quotes inside of strings from those outside, without a tree.
 * Source:    RFC 8259.
 * Ownership: plain values.
 * Errors:    none: what is no JSON gives masks too.
 * Threads:   reentrant.
 *
 * Most of what is handed in is of no interest, and jansson needs twenty times as long to find out.
 * So a text is looked at in blocks of 64 bytes, each of which becomes one bit in a few masks.
 */
#ifndef DSN_CORE_JSON_BLOCKS_H
#define DSN_CORE_JSON_BLOCKS_H

#include "mime/span.h"

#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define DSN_JSON_BLOCK 64

/* Bit n is about byte n. */
typedef struct DsnJsonBlock {
    uint64_t opening; /* { and [ outside of strings */
    uint64_t closing; /* } and ] outside of strings */
    uint64_t starts;  /* quotes that begin a string */
    uint64_t ends;    /* quotes that end one */
    uint64_t backslashes;
    uint64_t
        strings; /* bytes from a quote that begins a string up to, not with, the one that ends it */
} DsnJsonBlock;

/* What one block leaves to the next; begins as zero. */
typedef struct DsnJsonCarry {
    bool in_string;
    bool escaped; /* the first byte stands behind a backslash */
} DsnJsonCarry;

#ifdef __SSE2__
/* The bytes that are @c when the bits of @fold are set in them. */
static inline uint64_t
dsn_json_matches(const char *bytes, char c, char fold)
{
    const __m128i wanted = _mm_set1_epi8(c), folded = _mm_set1_epi8(fold);
    uint64_t mask = 0;

    for (unsigned i = 0; i < 4; i++) {
        __m128i part = _mm_loadu_si128((const __m128i *)(const void *)(bytes + 16 * i));
        __m128i equal = _mm_cmpeq_epi8(_mm_or_si128(part, folded), wanted);
        mask |= (uint64_t)(unsigned)_mm_movemask_epi8(equal) << 16 * i;
    }
    return mask;
}
#else
static inline uint64_t
dsn_json_matches(const char *bytes, char c, char fold)
{
    uint64_t mask = 0;

    for (unsigned i = 0; i < DSN_JSON_BLOCK; i++)
        mask |= (uint64_t)((bytes[i] | fold) == c) << i;
    return mask;
}
#endif

/* The bits behind a backslash that is not itself behind one. */
static inline uint64_t
dsn_json_escaped(uint64_t backslashes, bool *first_escaped)
{
    uint64_t escaped = *first_escaped ? 1 : 0;

    *first_escaped = false;
    backslashes &= ~escaped;
    while (backslashes != 0) {
        unsigned i = (unsigned)__builtin_ctzll(backslashes);
        if (i == DSN_JSON_BLOCK - 1) {
            *first_escaped = true;
            break;
        }
        escaped |= UINT64_C(2) << i;
        backslashes &= ~(UINT64_C(3) << i);
    }
    return escaped;
}

/* Each bit becomes the parity of itself and those below: from an opening quote up to the byte
 * before its closing one. */
static inline uint64_t
dsn_json_inside(uint64_t quotes)
{
    for (unsigned shift = 1; shift < DSN_JSON_BLOCK; shift *= 2)
        quotes ^= quotes << shift;
    return quotes;
}

/* Looks at the next DSN_JSON_BLOCK bytes of a text. */
static inline DsnJsonBlock
dsn_json_look(const char *bytes, DsnJsonCarry *carry)
{
    const char case_bit = 0x20; /* [ and ] become { and } */
    DsnJsonBlock block = {.backslashes = dsn_json_matches(bytes, '\\', 0)};
    uint64_t escaped = dsn_json_escaped(block.backslashes, &carry->escaped);
    uint64_t quotes = dsn_json_matches(bytes, '"', 0) & ~escaped;

    block.strings = dsn_json_inside(quotes) ^ (carry->in_string ? UINT64_MAX : 0);
    carry->in_string = block.strings >> (DSN_JSON_BLOCK - 1) != 0;
    block.starts = quotes & block.strings;
    block.ends = quotes & ~block.strings;
    block.opening = dsn_json_matches(bytes, '{', case_bit) & ~block.strings;
    block.closing = dsn_json_matches(bytes, '}', case_bit) & ~block.strings;
    return block;
}

/* Calls @visit for block after block of @text, from @start on, until it returns true; the last one
 * is filled up with spaces. True if it did. */
static inline bool
dsn_json_walk(DsnSpan text, size_t start,
              bool (*visit)(gpointer state, const char *bytes, size_t base), gpointer state)
{
    char last[DSN_JSON_BLOCK];

    for (; text.len - start >= DSN_JSON_BLOCK; start += DSN_JSON_BLOCK) {
        if (visit(state, text.data + start, start))
            return true;
    }
    if (start == text.len)
        return false;
    memset(last, ' ', DSN_JSON_BLOCK);
    memcpy(last, text.data + start, text.len - start);
    return visit(state, last, start);
}

#endif
