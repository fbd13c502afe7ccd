/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz-content-type.c - whatever the value, there is a type, and the rest is no longer than it
 */
#include "config.h"

#include "mime/content-type.h"

#include <gmime/gmime.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A type or subtype is a token: it can be printed anywhere. */
static void
check_token(DsnSpan token)
{
    g_assert(token.len > 0);
    for (size_t i = 0; i < token.len; i++)
        g_assert(g_ascii_isgraph(token.data[i]) &&
                 strchr("()<>@,;:\\\"/[]?=", token.data[i]) == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_mime_init(); /* counted; only the first call does something */
    DsnSpan value = {(const char *)data, size};
    DsnLimits limits = DSN_LIMITS_DEFAULT;
    g_autoptr(GStringChunk) strings = g_string_chunk_new(256);
    DsnContentType type;

    dsn_content_type_parse(value, &limits, strings, &type);
    check_token(type.type);
    check_token(type.subtype);
    g_assert(type.given == dsn_span_present(value));
    g_assert(!type.empty_boundary || !dsn_span_present(type.boundary));
    g_assert(!dsn_span_present(type.boundary) || type.boundary.len > 0);

    /* RFC 2231 text may grow by charset conversion, at most from one byte to three. */
    const DsnSpan values[] = {type.boundary, type.charset, type.report_type};
    for (size_t i = 0; i < G_N_ELEMENTS(values); i++)
        g_assert(values[i].len <= 3 * size);

    /* Fewer parameters change nothing but what they held. */
    DsnContentType less;
    limits.parameter = 1;
    dsn_content_type_parse(value, &limits, strings, &less);
    g_assert(dsn_span_equal(less.type, type.type) && dsn_span_equal(less.subtype, type.subtype));
    g_assert(less.limited || dsn_span_equal(less.boundary, type.boundary));
    g_assert(!type.broken || less.broken || less.limited);
    return 0;
}
