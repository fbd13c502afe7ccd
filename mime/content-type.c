/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/content-type.h"

#include "mime/gmime-auto.h"

typedef struct Cursor {
    const char *at;
    const char *end;
} Cursor;

static bool
next_is(const Cursor *cursor, char c)
{
    return cursor->at < cursor->end && *cursor->at == c;
}

/* Skips white space, line breaks and comments; false when a comment is not closed. Nesting is
 * counted, not recursed into: its depth comes from outside. */
static bool
skip_blanks(Cursor *cursor)
{
    size_t nesting = 0;

    for (; cursor->at < cursor->end; cursor->at++) {
        char c = *cursor->at;

        if (c == '(')
            nesting++;
        else if (nesting == 0 && !dsn_is_space(c))
            return true;
        else if (c == ')')
            nesting--;
        else if (c == '\\' && nesting > 0 && cursor->at + 1 < cursor->end)
            cursor->at++;
    }
    return nesting == 0;
}

/* Takes what stands before the next of @stops (white space is always one, letters and digits never
 * are). */
static DsnSpan
take_until(Cursor *cursor, const char *stops)
{
    const char *start = cursor->at;

    while (
        cursor->at < cursor->end && !dsn_is_space(*cursor->at) &&
        (g_ascii_isalnum(*cursor->at) || *cursor->at == '\0' || strchr(stops, *cursor->at) == NULL))
        cursor->at++;
    return (DsnSpan){start, (size_t)(cursor->at - start)};
}

/* RFC 2045 section 5.1: none of the specials, no control and nothing above ASCII. */
static bool
is_token(DsnSpan text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!g_ascii_isalnum(text.data[i]) && (text.data[i] <= ' ' || text.data[i] >= 0x7f ||
                                               strchr("()<>@,;:\\\"/[]?=", text.data[i]) != NULL))
            return false;
    }
    return text.len > 0;
}

/* The quoted string at @cursor without its quotes, backslashes and line breaks (RFC 5322 section
 * 3.2.4). False when it is not closed: the cursor then stands behind the opening quote. */
static bool
take_quoted(Cursor *cursor, GStringChunk *strings, DsnSpan *ret_value)
{
    const char *start = ++cursor->at;
    const char *close = start;
    bool plain = true;

    for (; close < cursor->end && *close != '"'; close++) {
        if (*close == '\\' || *close == '\r' || *close == '\n')
            plain = false;
        if (*close == '\\' && close + 1 < cursor->end)
            close++;
    }
    if (close == cursor->end)
        return false;

    cursor->at = close + 1;
    *ret_value = (DsnSpan){start, (size_t)(close - start)};
    if (plain)
        return true;

    /* The copy is longer than the result, so the gaps can be closed in place. */
    char *copy = g_string_chunk_insert_len(strings, start, close - start);
    char *to = copy;
    for (const char *from = start; from < close; from++) {
        if (*from == '\\' && from + 1 < close)
            from++;
        else if (*from == '\r' || *from == '\n')
            continue;
        *to++ = *from;
    }
    *ret_value = (DsnSpan){copy, (size_t)(to - copy)};
    return true;
}

/* Unquoted values hold specials such as '=', '/' and ':' in practice; they end at ';', at white
 * space and at a comment. */
static DsnSpan
take_value(Cursor *cursor, GStringChunk *strings, DsnContentType *type)
{
    DsnSpan value;

    if (next_is(cursor, '"')) {
        if (take_quoted(cursor, strings, &value))
            return value;
        type->broken = true;
        return take_until(cursor, ";");
    }
    value = take_until(cursor, ";(");
    if (!is_token(value))
        type->broken = true;
    return value;
}

/* Where the value of parameter @name is kept, or NULL for a parameter that nobody asks for. */
static DsnSpan *
find_slot(DsnContentType *type, DsnSpan name)
{
    if (dsn_span_is(name, "boundary"))
        return &type->boundary;
    if (dsn_span_is(name, "charset"))
        return &type->charset;
    if (dsn_span_is(name, "report-type"))
        return &type->report_type;
    return NULL;
}

/* Reads one parameter, or whatever stands in the place of one; at least one byte is taken. Sets
 * *@extended when it is one of ours in an RFC 2231 form. */
static void
take_parameter(Cursor *cursor, GStringChunk *strings, DsnContentType *type, bool *extended)
{
    DsnSpan name = take_until(cursor, ";=(");

    type->broken |= !is_token(name);
    type->broken |= !skip_blanks(cursor);
    if (!next_is(cursor, '=')) {
        type->broken = true; /* a word without a value, for example after a value with a space */
        return;
    }
    cursor->at++;
    type->broken |= !skip_blanks(cursor);

    DsnSpan value = take_value(cursor, strings, type);
    DsnSpan *slot = find_slot(type, name);
    if (slot != NULL) {
        if (dsn_span_present(*slot))
            type->broken = true; /* the first one counts */
        else
            *slot = value;
        return;
    }

    const char *star = name.len == 0 ? NULL : memchr(name.data, '*', name.len);
    if (star != NULL && find_slot(type, (DsnSpan){name.data, (size_t)(star - name.data)}) != NULL)
        *extended = true;
}

/* Reads parameters up to the cap, and returns the place behind the last one that was read. */
static const char *
take_parameters(Cursor cursor, const DsnLimits *limits, GStringChunk *strings, DsnContentType *type,
                bool *extended)
{
    for (size_t count = 0;; count++) {
        bool separated = false;

        type->broken |= !skip_blanks(&cursor);
        while (next_is(&cursor, ';')) {
            separated = true;
            cursor.at++;
            type->broken |= !skip_blanks(&cursor);
        }
        if (cursor.at == cursor.end)
            return cursor.at;
        if (count == limits->parameter) {
            type->limited = true;
            return cursor.at;
        }
        type->broken |= !separated;
        take_parameter(&cursor, strings, type, extended);
    }
}

/* RFC 2231 continuations and charset forms. GMime puts them together; as it takes quadratic time
 * over parameters, it gets no more than the capped ones. */
static void
take_extended(DsnSpan value, const DsnLimits *limits, GStringChunk *strings, DsnContentType *type)
{
    static const char *const names[] = {"boundary", "charset", "report-type"};

    if (value.len > limits->encoded) {
        type->limited = true;
        value.len = limits->encoded;
    }
    g_autofree char *text = g_strndup(value.data, value.len);
    g_autoptr(GMimeContentType) content_type = g_mime_content_type_parse(NULL, text);

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *found = g_mime_content_type_get_parameter(content_type, names[i]);
        DsnSpan *slot = find_slot(type, dsn_span(names[i]));

        if (found != NULL && !dsn_span_present(*slot))
            *slot = dsn_span(g_string_chunk_insert(strings, found));
    }
}

/* Reads "type/subtype" into @type, which holds the default already. */
static void
take_media_type(Cursor *cursor, DsnContentType *type)
{
    DsnSpan subtype = DSN_SPAN_ABSENT;

    type->broken |= !skip_blanks(cursor);
    DsnSpan main_type = take_until(cursor, "/;(");
    type->broken |= !skip_blanks(cursor);
    if (next_is(cursor, '/')) {
        cursor->at++;
        type->broken |= !skip_blanks(cursor);
        subtype = take_until(cursor, ";(");
    }

    if (is_token(main_type) && is_token(subtype)) {
        type->type = main_type;
        type->subtype = subtype;
        return;
    }
    type->broken = true;
    if (dsn_span_is(main_type, "multipart")) { /* its parts can be found all the same */
        type->type = main_type;
        type->subtype = DSN_SPAN_LITERAL("mixed");
    }
}

void
dsn_content_type_parse(DsnSpan value, const DsnLimits *limits, GStringChunk *strings,
                       DsnContentType *ret_type)
{
    *ret_type = (DsnContentType){.type = DSN_SPAN_LITERAL("text"),
                                 .subtype = DSN_SPAN_LITERAL("plain"),
                                 .given = dsn_span_present(value)};
    if (!ret_type->given)
        return;

    Cursor cursor = {value.data, value.data + value.len};
    bool extended = false;
    take_media_type(&cursor, ret_type);
    const char *read_to = take_parameters(cursor, limits, strings, ret_type, &extended);
    if (extended)
        take_extended((DsnSpan){value.data, (size_t)(read_to - value.data)}, limits, strings,
                      ret_type);

    /* A boundary does not end in white space, transport may add some (RFC 2046 section 5.1.1). */
    DsnSpan *boundary = &ret_type->boundary;
    while (boundary->len > 0 && dsn_is_space(boundary->data[boundary->len - 1]))
        boundary->len--;
    if (dsn_span_present(*boundary) && boundary->len == 0) {
        ret_type->empty_boundary = true;
        *boundary = DSN_SPAN_ABSENT;
    }
}
