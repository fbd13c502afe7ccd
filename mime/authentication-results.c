/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/authentication-results.h"

/* ---- words ---- */

static bool
at_end(const DsnAuthReader *reader)
{
    return reader->rest.len == 0;
}

static char
peek(const DsnAuthReader *reader)
{
    return reader->rest.data[0];
}

static void
skip(DsnAuthReader *reader, size_t len)
{
    reader->rest = dsn_span_from(reader->rest, len);
}

/* Nothing behind a quote or a comment that has no end can be told from what is inside. */
static void
give_up(DsnAuthReader *reader)
{
    skip(reader, reader->rest.len);
}

/* A comment, with those inside of it (RFC 5322 section 3.2.2). */
static void
skip_comment(DsnAuthReader *reader)
{
    size_t depth = 0;

    for (size_t i = 0; i < reader->rest.len; i++) {
        char c = reader->rest.data[i];

        if (c == '\\')
            i++;
        else if (c == '(')
            depth++;
        else if (c == ')' && --depth == 0) {
            skip(reader, i + 1);
            return;
        }
    }
    give_up(reader);
}

static void
skip_blanks(DsnAuthReader *reader)
{
    while (!at_end(reader)) {
        if (dsn_is_space(peek(reader)))
            skip(reader, 1);
        else if (peek(reader) == '(')
            skip_comment(reader);
        else
            return;
    }
}

static bool
skip_char(DsnAuthReader *reader, char c)
{
    skip_blanks(reader);
    if (at_end(reader) || peek(reader) != c)
        return false;
    skip(reader, 1);
    return true;
}

static bool
is_keyword_char(char c)
{
    return g_ascii_isalnum(c) || c == '-' || c == '_';
}

/* Method, result, type and property are all keywords (RFC 8601 section 2.2); "_" is met in foreign
 * ones. */
static DsnSpan
read_keyword(DsnAuthReader *reader)
{
    size_t len = 0;

    skip_blanks(reader);
    while (len < reader->rest.len && is_keyword_char(reader->rest.data[len]))
        len++;

    DsnSpan keyword = {reader->rest.data, len};
    skip(reader, len);
    return keyword;
}

/* The length of the quoted string at the start of @text, 0 when it has no end. */
static size_t
quoted_length(DsnSpan text)
{
    for (size_t i = 1; i < text.len; i++) {
        if (text.data[i] == '\\')
            i++;
        else if (text.data[i] == '"')
            return i + 1;
    }
    return 0;
}

static bool
ends_value(char c)
{
    return dsn_is_space(c) || c == ';' || c == '(';
}

/* The raw value at the start: atoms and quoted strings up to a blank, a comment or a ';'. */
static DsnSpan
read_raw_value(DsnAuthReader *reader, bool *ret_quoted)
{
    size_t len = 0;

    skip_blanks(reader);
    *ret_quoted = false;
    while (len < reader->rest.len && !ends_value(reader->rest.data[len])) {
        size_t step = 1;

        if (reader->rest.data[len] == '"') {
            step = quoted_length(dsn_span_from(reader->rest, len));
            *ret_quoted = true;
        }
        if (step == 0) {
            give_up(reader);
            return DSN_SPAN_ABSENT;
        }
        len += step;
    }

    DsnSpan value = {reader->rest.data, len};
    skip(reader, len);
    return value;
}

/* A token or quoted string, or the local part of an address as one and the domain behind it. */
static DsnSpan
read_value(DsnAuthReader *reader)
{
    bool quoted;
    DsnSpan raw = read_raw_value(reader, &quoted);

    if (!quoted || raw.len == 0)
        return raw;

    char *to = g_string_chunk_insert_len(reader->strings, raw.data, (gssize)raw.len);
    DsnSpan value = {to, 0};
    bool inside = false;

    for (size_t i = 0; i < raw.len; i++) {
        if (raw.data[i] == '"') {
            inside = !inside;
            continue;
        }
        if (inside && raw.data[i] == '\\')
            i++; /* there is one more, or the string would have no end */
        to[value.len++] = raw.data[i];
    }
    return value;
}

/* ---- results ---- */

/* Puts the reader behind the next ';'. False when there is none. */
static bool
skip_to_result(DsnAuthReader *reader)
{
    bool quoted;

    while (!skip_char(reader, ';')) {
        if (at_end(reader))
            return false;
        (void)read_raw_value(reader, &quoted); /* takes a byte at least: no blank, no '(' or ';' */
    }
    return true;
}

/* "method/version=result"; false when it is none ("none", or foreign words). */
static bool
read_method(DsnAuthReader *reader, DsnAuthResult *result)
{
    result->method = read_keyword(reader);
    if (skip_char(reader, '/'))
        (void)read_keyword(reader); /* every version so far means the same */
    if (result->method.len == 0 || !skip_char(reader, '='))
        return false;
    result->result = read_keyword(reader);
    return result->result.len > 0 && (at_end(reader) || ends_value(peek(reader)));
}

/* "type.name=value", or "reason=value", which some write of other names too and which is passed
 * over. */
static void
read_property(DsnAuthReader *reader, DsnAuthResult *result)
{
    DsnAuthProperty property = {.type = read_keyword(reader)};
    bool quoted;
    bool typed = property.type.len > 0 && skip_char(reader, '.');

    if (typed)
        property.name = read_keyword(reader);
    if (property.type.len == 0 || !skip_char(reader, '=')) {
        skip_blanks(reader);
        if (!at_end(reader) && peek(reader) != ';')
            (void)read_raw_value(reader, &quoted);
        return;
    }
    property.value = read_value(reader);
    if (typed && property.name.len > 0 && dsn_span_present(property.value) &&
        result->n_properties < DSN_AUTH_PROPERTIES_MAX)
        result->properties[result->n_properties++] = property;
}

bool
dsn_auth_reader_open(DsnAuthReader *reader, DsnSpan value, GStringChunk *strings,
                     DsnSpan *ret_authserv_id)
{
    *reader = (DsnAuthReader){value, strings};

    DsnSpan id = read_value(reader);
    if (id.len == 0)
        return false;
    skip_blanks(reader);
    if (!at_end(reader) && peek(reader) != ';') {
        DsnSpan version = read_keyword(reader);

        if (!dsn_span_is(version, "1"))
            return false;
    }
    *ret_authserv_id = id;
    return true;
}

bool
dsn_auth_reader_next(DsnAuthReader *reader, DsnAuthResult *ret_result)
{
    while (skip_to_result(reader)) {
        *ret_result = (DsnAuthResult){.n_properties = 0};
        if (!read_method(reader, ret_result))
            continue;
        for (skip_blanks(reader); !at_end(reader) && peek(reader) != ';'; skip_blanks(reader))
            read_property(reader, ret_result);
        return true;
    }
    return false;
}

DsnSpan
dsn_auth_result_property(const DsnAuthResult *result, const char *type, const char *name)
{
    for (size_t i = 0; i < result->n_properties; i++) {
        const DsnAuthProperty *property = &result->properties[i];

        if (dsn_span_is(property->type, type) && dsn_span_is(property->name, name))
            return property->value;
    }
    return DSN_SPAN_ABSENT;
}
