/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz-structure.c - the parts of any bytes lie within them, in order, and within the caps
 *
 * The first byte chooses the caps, the rest is the message.
 */
#include "config.h"

#include "mime/header.h"
#include "mime/structure.h"

#include <gmime/gmime.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_within(DsnSpan inner, DsnSpan outer)
{
    return inner.data >= outer.data && inner.data + inner.len <= outer.data + outer.len;
}

/* The fields of a block are the block, and unfolding leaves no line end behind. */
static void
check_header(DsnSpan header)
{
    g_autoptr(GStringChunk) strings = g_string_chunk_new(256);
    const char *at = header.data;
    DsnHeaderField field;

    while (dsn_header_next(&header, &field)) {
        g_assert(field.whole.data == at && field.whole.len > 0);
        g_assert(is_within(field.value, field.whole));
        g_assert(!dsn_span_present(field.name) ||
                 (field.name.data == at && field.name.len > 0 &&
                  field.name.data + field.name.len < field.value.data));
        DsnSpan value = dsn_header_unfold(field.value, strings);
        g_assert(value.len <= field.value.len);
        g_assert(value.len == 0 || memchr(value.data, '\n', value.len) == NULL);
        at += field.whole.len;
    }
    g_assert(header.data == at);
}

static void
check_part(const DsnStructure *structure, guint index, DsnSpan message, const DsnLimits *limits)
{
    const DsnPart *part = &g_array_index(structure->parts, DsnPart, index);

    g_assert(is_within(part->header, message) && is_within(part->body, message));
    g_assert(part->header.len <= limits->header);
    g_assert(part->header.data + part->header.len <= part->body.data);
    check_header(part->header);
    if (index == 0) {
        g_assert(part->parent == -1 && part->depth == 0 && part->order == 0);
        return;
    }

    const DsnPart *before = part - 1;
    g_assert(part->parent >= 0 && (guint)part->parent < index);
    const DsnPart *parent = &g_array_index(structure->parts, DsnPart, part->parent);
    g_assert(dsn_content_type_is(&parent->type, "multipart", NULL));
    g_assert(parent->type.boundary.len > 0);
    g_assert(part->depth == parent->depth + 1 && part->depth <= limits->depth);
    g_assert(is_within(part->header, parent->body) && is_within(part->body, parent->body));
    g_assert(part->header.data > before->body.data);
    g_assert(before == parent || part->header.data > before->body.data + before->body.len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_mime_init(); /* counted; only the first call does something */
    if (size == 0)
        return 0;

    DsnLimits limits = DSN_LIMITS_DEFAULT;
    if (data[0] & 1)
        limits.depth = 2;
    if (data[0] & 2)
        limits.parts = 4;
    if (data[0] & 4)
        limits.header = 64;
    if (data[0] & 8)
        limits.message = 256;
    if (data[0] & 16)
        limits.parameter = 2;

    DsnSpan message = {(const char *)data + 1, size - 1};
    g_autoptr(DsnStructure) structure = dsn_structure_new();
    dsn_structure_scan(structure, message, &limits);
    message.len = MIN(message.len, limits.message);

    guint count = structure->parts->len;
    g_assert(count >= 1 && count <= limits.parts);
    for (guint i = 0; i < count; i++)
        check_part(structure, i, message, &limits);
    g_assert(structure->limit != NULL || limits.message >= size - 1);
    g_assert(!structure->lone_cr || memchr(message.data, '\r', message.len) != NULL);

    /* A second scan with the same structure finds the same. */
    bool mixed = structure->mixed_line_ends;
    dsn_structure_scan(structure, message, &limits);
    g_assert(structure->parts->len == count && structure->mixed_line_ends == mixed);

    DsnSpan body;
    DsnSpan header = dsn_header_split(message, &body);
    check_header(header);
    g_assert(is_within(body, message) && header.data + header.len <= body.data);
    return 0;
}
