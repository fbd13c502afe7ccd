/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * span.h - a range of bytes that somebody else owns
 *
 * Purpose:   name a piece of a message without copying it.
 * RFC:       none.
 * Ownership: a span owns nothing; it lives as long as the bytes that it points into.
 * Errors:    none.
 * Threads:   plain values.
 */
#ifndef DSN_MIME_SPAN_H
#define DSN_MIME_SPAN_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* @data NULL means absent; @len 0 with @data set means present and empty. May hold NUL and 8-bit.
 */
typedef struct DsnSpan {
    const char *data;
    size_t len;
} DsnSpan;

#define DSN_SPAN_ABSENT ((DsnSpan){NULL, 0})
#define DSN_SPAN_LITERAL(text) ((DsnSpan){"" text, sizeof(text) - 1})

static inline DsnSpan
dsn_span(const char *text)
{
    return (DsnSpan){text, text == NULL ? 0 : strlen(text)};
}

static inline bool
dsn_span_present(DsnSpan span)
{
    return span.data != NULL;
}

static inline bool
dsn_span_equal(DsnSpan a, DsnSpan b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* ASCII letters compare in either case (RFC 2045 section 5.1, RFC 5322 section 1.2.2). It stands
 * here, because names are compared some hundred times a message, mostly by their first letter. */
static inline bool
dsn_same_letters(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        int difference = a[i] ^ b[i];

        if (difference != 0 && (difference != ('a' ^ 'A') || !g_ascii_isalpha(a[i])))
            return false;
    }
    return true;
}

static inline bool
dsn_span_same(DsnSpan a, DsnSpan b)
{
    return a.len == b.len && dsn_same_letters(a.data, b.data, a.len);
}

static inline bool
dsn_span_is(DsnSpan span, const char *ascii)
{
    return dsn_span_same(span, (DsnSpan){ascii, strlen(ascii)});
}

static inline bool
dsn_span_starts(DsnSpan span, const char *ascii)
{
    size_t len = strlen(ascii);

    return span.len >= len && dsn_same_letters(span.data, ascii, len);
}

/* The bytes from @from up to the end; @from must not be past it. */
static inline DsnSpan
dsn_span_from(DsnSpan span, size_t from)
{
    g_assert(from <= span.len);
    return (DsnSpan){span.data + from, span.len - from};
}

/* How many bytes at the start of @span are ASCII; eight at a time. */
static inline size_t
dsn_span_ascii_prefix(DsnSpan span)
{
    size_t at = 0;

    for (guint64 eight; span.len - at >= sizeof(eight); at += sizeof(eight)) {
        memcpy(&eight, span.data + at, sizeof(eight));
        if ((eight & G_GUINT64_CONSTANT(0x8080808080808080)) != 0)
            break;
    }
    while (at < span.len && (unsigned char)span.data[at] < 0x80)
        at++;
    return at;
}

/* True if all of @span is printable ASCII; eight bytes at a time. */
static inline bool
dsn_span_is_plain(DsnSpan span)
{
    const guint64 each = G_GUINT64_CONSTANT(0x0101010101010101);
    size_t at = 0;

    for (guint64 eight; span.len - at >= sizeof(eight); at += sizeof(eight)) {
        memcpy(&eight, span.data + at, sizeof(eight));
        if (((eight | (eight - each * ' ') | (eight + each)) & each * 0x80) != 0)
            return false;
    }
    while (at < span.len && g_ascii_isprint(span.data[at]))
        at++;
    return at == span.len;
}

static inline bool
dsn_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Without spaces, tabs, CR and LF at both ends; an absent span stays absent. */
static inline DsnSpan
dsn_span_trim(DsnSpan span)
{
    while (span.len > 0 && dsn_is_space(span.data[0])) {
        span.data++;
        span.len--;
    }
    while (span.len > 0 && dsn_is_space(span.data[span.len - 1]))
        span.len--;
    return span;
}

/* Returns the text (transfer full), NULL when absent. */
static inline char *
dsn_span_dup(DsnSpan span)
{
    return span.data == NULL ? NULL : g_strndup(span.data, span.len);
}

#endif
