/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/header.h"

/* Length of the line at the start of @text with its line end, or of all when there is none. */
static size_t
line_length(DsnSpan text)
{
    const char *newline = memchr(text.data, '\n', text.len);

    return newline == NULL ? text.len : (size_t)(newline - text.data) + 1;
}

static DsnSpan
without_line_end(DsnSpan line)
{
    if (line.len > 0 && line.data[line.len - 1] == '\n') {
        line.len--;
        if (line.len > 0 && line.data[line.len - 1] == '\r')
            line.len--;
    }
    return line;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The name at the start of @line, printable ASCII (RFC 5322 section 2.2). White space may stand
 * between it and the colon (section 4.5). *@ret_value_at is the place after the colon. */
static DsnSpan
find_name(DsnSpan line, size_t *ret_value_at)
{
    size_t len = 0;

    while (len < line.len && line.data[len] > ' ' && line.data[len] < 0x7f && line.data[len] != ':')
        len++;

    size_t colon = len;
    while (colon < line.len && is_blank(line.data[colon]))
        colon++;
    if (len == 0 || colon == line.len || line.data[colon] != ':')
        return DSN_SPAN_ABSENT;
    *ret_value_at = colon + 1;
    return (DsnSpan){line.data, len};
}

bool
dsn_header_next(DsnSpan *block, DsnHeaderField *ret_field)
{
    if (block->len == 0)
        return false;

    size_t len = line_length(*block);
    DsnSpan line = without_line_end((DsnSpan){block->data, len});
    /* An empty line has no continuation: white space behind it starts a line of its own. */
    while (line.len > 0 && len < block->len && is_blank(block->data[len]))
        len += line_length(dsn_span_from(*block, len));

    size_t value_at = 0;
    DsnSpan whole = {block->data, len};
    *ret_field = (DsnHeaderField){.name = find_name(line, &value_at), .whole = whole};
    ret_field->value = dsn_span_from(without_line_end(whole), value_at);
    *block = dsn_span_from(*block, len);
    return true;
}

DsnSpan
dsn_header_find(DsnSpan block, const char *name)
{
    size_t len = strlen(name);

    /* Lines of other fields are only passed over: a continuation begins with no name. */
    while (block.len > len) {
        DsnHeaderField field;
        DsnSpan here = block;

        if (dsn_same_letters(block.data, name, len) && dsn_header_next(&here, &field) &&
            field.name.len == len)
            return field.value;
        block = dsn_span_from(block, line_length(block));
    }
    return DSN_SPAN_ABSENT;
}

void
dsn_header_append(const char *name, DsnSpan value, GString *ret_header)
{
    g_string_append(ret_header, name);
    g_string_append_len(ret_header, ": ", 2);
    g_string_append_len(ret_header, value.data, (gssize)value.len);
    g_string_append_len(ret_header, "\r\n", 2);
}

DsnSpan
dsn_header_unfold(DsnSpan value, GStringChunk *strings)
{
    value = dsn_span_trim(value);
    if (value.len == 0 || memchr(value.data, '\n', value.len) == NULL)
        return value;

    /* The copy is longer than the result, so the gaps can be closed in place. */
    char *copy = g_string_chunk_insert_len(strings, value.data, (gssize)value.len);
    char *to = copy;
    while (value.len > 0) {
        size_t len = line_length(value);
        DsnSpan line = without_line_end((DsnSpan){value.data, len});

        memcpy(to, line.data, line.len);
        to += line.len;
        value = dsn_span_from(value, len);
    }
    return (DsnSpan){copy, (size_t)(to - copy)};
}

DsnSpan
dsn_header_split(DsnSpan text, DsnSpan *ret_body)
{
    DsnSpan rest = text;

    while (rest.len > 0) {
        size_t len = line_length(rest);

        if (without_line_end((DsnSpan){rest.data, len}).len == 0) {
            *ret_body = dsn_span_from(rest, len);
            return (DsnSpan){text.data, (size_t)(rest.data - text.data)};
        }
        rest = dsn_span_from(rest, len);
    }
    *ret_body = rest;
    return text;
}
