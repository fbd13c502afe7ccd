/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/returned-content.h"

#include "mime/header.h"
#include "mime/text.h"
#include "mime/trace.h"

/* @text without the blank lines that it begins with, which some senders put before the header. */
static DsnSpan
skip_blank_lines(DsnSpan text)
{
    size_t start = 0;

    for (size_t i = 0; i < text.len && dsn_is_space(text.data[i]); i++) {
        if (text.data[i] == '\n')
            start = i + 1;
    }
    return dsn_span_from(text, start);
}

/* Stores the first occurrence of a field. */
static void
store(DsnFieldReader *reader, const DsnHeaderField *field, DsnSpan *ret_value)
{
    if (!dsn_span_present(*ret_value))
        *ret_value = dsn_field_unfold(reader, field->name, field->value);
}

/* "<id> (added by postmaster)": a comment is no part of it (RFC 5322 section 3.6.4). */
static void
store_message_id(DsnFieldReader *reader, const DsnHeaderField *field)
{
    DsnSpan *id = &reader->report->returned.message_id;

    if (dsn_span_present(*id))
        return;
    store(reader, field, id);
    const char *close = id->len > 0 && id->data[0] == '<' ? memchr(id->data, '>', id->len) : NULL;
    DsnSpan rest = close == NULL
                       ? DSN_SPAN_ABSENT
                       : dsn_span_trim(dsn_span_from(*id, (size_t)(close + 1 - id->data)));
    if (rest.len > 0 && rest.data[0] == '(')
        id->len = (size_t)(close + 1 - id->data);
}

static void
store_subject(DsnFieldReader *reader, const DsnHeaderField *field)
{
    DsnSpan *subject = &reader->report->returned.subject;

    if (dsn_span_present(*subject))
        return;
    store(reader, field, subject);
    if (dsn_text_is_ascii(*subject) && memmem(subject->data, subject->len, "=?", 2) == NULL)
        return;
    g_string_truncate(reader->scratch, 0);
    dsn_text_decode_header(field->value, reader->limits, reader->scratch);
    *subject =
        dsn_report_keep(reader->report, (DsnSpan){reader->scratch->str, reader->scratch->len});
}

static void
store_return_path(DsnFieldReader *reader, const DsnHeaderField *field)
{
    DsnSpan *return_path = &reader->report->returned.return_path;

    if (dsn_span_present(*return_path))
        return;

    DsnField kept = {field->name, dsn_field_unfold(reader, field->name, field->value)};
    *return_path = dsn_field_read_address(reader, &kept, kept.value);
}

/* RFC 9477 section 5.2: white space in it does not count. */
static void
store_without_space(DsnFieldReader *reader, const DsnHeaderField *field, DsnSpan *ret_value)
{
    if (dsn_span_present(*ret_value))
        return;
    store(reader, field, ret_value);

    GString *text = reader->scratch;
    g_string_truncate(text, 0);
    for (size_t i = 0; i < ret_value->len; i++) {
        if (!dsn_is_space(ret_value->data[i]))
            g_string_append_c(text, ret_value->data[i]);
    }
    if (text->len < ret_value->len)
        *ret_value = dsn_report_keep(reader->report, (DsnSpan){text->str, text->len});
}

static void
store_trace(DsnFieldReader *reader, const DsnHeaderField *field)
{
    GArray *traces = reader->report->returned.traces;
    DsnField trace = {field->name, dsn_span_trim(field->value)};

    if (!dsn_trace_is_candidate(field))
        return;
    if (traces->len < reader->limits->occurrences)
        g_array_append_val(traces, trace);
    else
        dsn_field_note_limit(reader, field->name, "occurrences");
}

/* A switch on the first letter, as most fields are of no interest. */
static void
read_field(DsnFieldReader *reader, const DsnHeaderField *field)
{
    DsnReturned *returned = &reader->report->returned;

    switch (field->name.data[0]) {
    case 'C':
    case 'c':
        if (dsn_span_is(field->name, "CFBL-Feedback-ID"))
            store_without_space(reader, field, &returned->cfbl_feedback_id);
        else if (dsn_span_is(field->name, "CFBL-Address"))
            store(reader, field, &returned->cfbl_address);
        return;
    case 'F':
    case 'f':
        if (dsn_span_is(field->name, "Feedback-ID"))
            store(reader, field, &returned->feedback_id);
        return;
    case 'L':
    case 'l':
        if (dsn_span_is(field->name, "List-ID"))
            store(reader, field, &returned->list_id);
        else if (dsn_span_is(field->name, "List-Unsubscribe"))
            store(reader, field, &returned->list_unsubscribe);
        else if (dsn_span_is(field->name, "List-Unsubscribe-Post"))
            store(reader, field, &returned->list_unsubscribe_post);
        return;
    case 'M':
    case 'm':
        if (dsn_span_is(field->name, "Message-ID"))
            store_message_id(reader, field);
        return;
    case 'R':
    case 'r':
        if (dsn_span_is(field->name, "Return-Path"))
            store_return_path(reader, field);
        return;
    case 'S':
    case 's':
        if (dsn_span_is(field->name, "Subject"))
            store_subject(reader, field);
        return;
    case 'X':
    case 'x':
        store_trace(reader, field);
        return;
    default:
        return;
    }
}

/* From, Date, Subject: a message has at least one of them (RFC 2046 section 5.2.1). */
static bool
is_essential(DsnSpan name)
{
    return dsn_span_is(name, "From") || dsn_span_is(name, "Date") || dsn_span_is(name, "Subject");
}

static bool
is_of_message(DsnSpan name)
{
    return is_essential(name) || dsn_span_is(name, "To") || dsn_span_is(name, "Received") ||
           dsn_span_is(name, "Message-ID") || dsn_span_is(name, "MIME-Version");
}

/* Some gateways end lines with CR CR LF. */
static bool
is_blank_line(DsnSpan line)
{
    size_t at = 0;

    while (at < line.len && line.data[at] == '\r')
        at++;
    return at < line.len && line.data[at] == '\n';
}

/* Reads the fields at the start of @text; returns how many bytes they are. A blank line ends them
 * unless none of those that every message has was among them, and one of a message's fields
 * follows: some reports have a blank line inside the header (rule ARF-29). */
static size_t
read_header(DsnFieldReader *reader, DsnSpan text)
{
    DsnHeaderField field;
    DsnSpan rest = {text.data, MIN(text.len, reader->limits->header)};
    size_t len = 0;
    bool any = false;
    bool essential = false;
    bool blank = false;

    while (dsn_header_next(&rest, &field)) {
        if (is_blank_line(field.whole)) {
            if (essential)
                return len;
            blank = true;
            continue;
        }
        if (blank && !is_of_message(field.name))
            return any ? len : 0;
        if (dsn_span_present(field.name)) {
            read_field(reader, &field);
            any = true;
            essential = essential || is_essential(field.name);
        }
        blank = false;
        len = (size_t)(field.whole.data - text.data) + field.whole.len;
    }
    if (text.len > reader->limits->header)
        dsn_field_note_limit(reader, DSN_SPAN_ABSENT, "header");
    return any ? len : 0;
}

void
dsn_returned_content_read(DsnFieldReader *reader, DsnReturnedKind kind, DsnSpan bytes)
{
    DsnReturned *returned = &reader->report->returned;
    DsnSpan text = skip_blank_lines(bytes);

    returned->kind = kind;
    returned->bytes = bytes;
    returned->header = (DsnSpan){text.data, read_header(reader, text)};
}

bool
dsn_returned_content_is_in(DsnSpan text)
{
    DsnHeaderField field;

    text = skip_blank_lines(text);
    while (dsn_header_next(&text, &field) && dsn_span_present(field.name)) {
        if (is_of_message(field.name))
            return true;
    }
    return false;
}
