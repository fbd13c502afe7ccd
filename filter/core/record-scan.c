/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/record.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/*
 * Most records of a stream are of no interest, and jansson needs twenty times as long to find out.
 * So the line is looked at in blocks of 64 bytes, each of which becomes one bit in a few masks;
 * with those, only the brackets outside of strings and the beginnings of strings have to be
 * visited.
 */
#define BLOCK 64

typedef struct Masks {
    uint64_t quotes;
    uint64_t backslashes;
    uint64_t opening; /* { and [ */
    uint64_t closing; /* } and ] */
} Masks;

typedef struct Scan {
    DsnSpan line;
    DsnRecordKeys keys;
    unsigned depth;
    bool in_string; /* the block begins inside of a string */
    bool escaped;   /* the first byte of the block stands behind a backslash */
    size_t end;     /* index behind the object, 0 until it is closed */
} Scan;

#ifdef __SSE2__
static inline uint64_t
matches(const __m128i block[4], char c)
{
    const __m128i wanted = _mm_set1_epi8(c);
    uint64_t mask = 0;

    for (unsigned i = 0; i < 4; i++)
        mask |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(block[i], wanted)) << 16 * i;
    return mask;
}

static inline Masks
classify(const char *bytes)
{
    const __m128i case_bit = _mm_set1_epi8(0x20);
    __m128i block[4], folded[4];

    for (unsigned i = 0; i < 4; i++) {
        block[i] = _mm_loadu_si128((const __m128i *)(const void *)(bytes + 16 * i));
        folded[i] = _mm_or_si128(block[i], case_bit); /* [ and ] become { and } */
    }
    return (Masks){
        .quotes = matches(block, '"'),
        .backslashes = matches(block, '\\'),
        .opening = matches(folded, '{'),
        .closing = matches(folded, '}'),
    };
}
#else
static inline Masks
classify(const char *bytes)
{
    Masks masks = {0};

    for (unsigned i = 0; i < BLOCK; i++) {
        char c = bytes[i];

        masks.quotes |= (uint64_t)(c == '"') << i;
        masks.backslashes |= (uint64_t)(c == '\\') << i;
        masks.opening |= (uint64_t)((c | 0x20) == '{') << i;
        masks.closing |= (uint64_t)((c | 0x20) == '}') << i;
    }
    return masks;
}
#endif

/* The bits behind a backslash that is not itself behind one. */
static inline uint64_t
escaped_bits(uint64_t backslashes, bool *first_escaped)
{
    uint64_t escaped = *first_escaped ? 1 : 0;

    *first_escaped = false;
    backslashes &= ~escaped;
    while (backslashes != 0) {
        unsigned i = (unsigned)__builtin_ctzll(backslashes);
        if (i == BLOCK - 1) {
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
inside(uint64_t quotes)
{
    for (unsigned shift = 1; shift < BLOCK; shift *= 2)
        quotes ^= quotes << shift;
    return quotes;
}

static size_t
skip_space(DsnSpan line, size_t i)
{
    while (i < line.len && dsn_is_space(line.data[i]))
        i++;
    return i;
}

/* If the string whose opening quote is at @start is the key @name, keeps its value. False if that
 * is not a plain string, or if the key stands twice. */
static bool
take_key(DsnSpan line, size_t start, DsnSpan name, DsnSpan *value)
{
    size_t i = start + 1 + name.len;

    if (line.len - start < name.len + 2 || line.data[i] != '"' ||
        memcmp(line.data + start + 1, name.data, name.len) != 0)
        return true;
    i = skip_space(line, i + 1);
    if (i == line.len || line.data[i] != ':')
        return true; /* a value that happens to read like a key */

    i = skip_space(line, i + 1);
    if (dsn_span_present(*value) || i == line.len || line.data[i] != '"')
        return false;
    const char *text = line.data + i + 1;
    const char *end = memchr(text, '"', line.len - i - 1);
    if (end == NULL)
        return false;
    *value = (DsnSpan){text, (size_t)(end - text)};
    return true;
}

/* Looks at one block, which begins at @base. False on anything odd: at depth 1 a backslash may hide
 * a key, and nothing but white space may stand outside of the object. */
static bool
visit_block(Scan *scan, const char *bytes, size_t base)
{
    Masks masks = classify(bytes);
    masks.quotes &= ~escaped_bits(masks.backslashes, &scan->escaped);
    uint64_t strings = inside(masks.quotes) ^ (scan->in_string ? UINT64_MAX : 0);
    scan->in_string = strings >> (BLOCK - 1) != 0;

    uint64_t openings = masks.opening & ~strings;
    uint64_t closings = masks.closing & ~strings;
    uint64_t starts = masks.quotes & strings;
    for (uint64_t rest = openings | closings | starts | masks.backslashes; rest != 0;
         rest &= rest - 1) {
        uint64_t bit = rest & -rest;
        size_t i = base + (size_t)__builtin_ctzll(rest);

        if (scan->end != 0)
            return false;
        if (bit & openings) {
            scan->depth++;
        } else if (bit & closings) {
            if (--scan->depth == 0)
                scan->end = i + 1;
        } else if (scan->depth == 1) {
            if (!(bit & starts) ||
                !take_key(scan->line, i, DSN_SPAN_LITERAL("type"), &scan->keys.type) ||
                !take_key(scan->line, i, DSN_SPAN_LITERAL("id"), &scan->keys.id))
                return false;
        }
    }
    return true;
}

bool
dsn_record_scan(DsnSpan line, DsnRecordKeys *ret_keys)
{
    Scan scan = {.line = line};
    size_t base = skip_space(line, 0);

    if (base == line.len || line.data[base] != '{')
        return false;
    for (; line.len - base >= BLOCK; base += BLOCK)
        if (!visit_block(&scan, line.data + base, base))
            return false;

    char last[BLOCK];
    memset(last, ' ', BLOCK);
    memcpy(last, line.data + base, line.len - base);
    if (!visit_block(&scan, last, base) || scan.end == 0 || skip_space(line, scan.end) != line.len)
        return false;
    *ret_keys = scan.keys;
    return true;
}
