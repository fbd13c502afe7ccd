/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/field.h"

#include "mime/header.h"

void
dsn_field_add_defect(DsnFieldReader *reader, DsnDefectKind kind, const DsnField *field,
                     const char *detail)
{
    dsn_report_add_defect(reader->report, reader->limits, kind, field->name, field->value, detail);
}

/* A cap may be met again and again; it is said once in a row, so that it does not fill the list. */
void
dsn_field_note_limit(DsnFieldReader *reader, DsnSpan name, const char *limit)
{
    const GArray *defects = reader->report->defects;
    const DsnDefect *last =
        defects->len == 0 ? NULL : &g_array_index(defects, DsnDefect, defects->len - 1);

    if (last == NULL || last->kind != DSN_DEFECT_LIMIT || strcmp(last->detail, limit) != 0)
        dsn_report_add_defect(reader->report, reader->limits, DSN_DEFECT_LIMIT, name,
                              DSN_SPAN_ABSENT, limit);
}

/* Length of the line at the start of @text, with its end, when it is blank; 0 when it is not. A
 * line of white space separates groups too: as a fold it would say nothing (RFC 5322 section 4). */
static size_t
measure_blank_line(DsnSpan text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\n')
            return i + 1;
        if (!dsn_is_space(text.data[i]))
            return 0;
    }
    return text.len;
}

/* Takes the lines before the first blank one off the front of @text. A fold does not go on behind a
 * blank line; to look for one before fields are taken keeps that linear. */
static DsnSpan
take_block(DsnSpan *text)
{
    DsnSpan rest = *text;

    while (rest.len > 0 && measure_blank_line(rest) == 0) {
        const char *newline = memchr(rest.data, '\n', rest.len);
        rest = dsn_span_from(rest, newline == NULL ? rest.len : (size_t)(newline - rest.data) + 1);
    }

    DsnSpan block = {text->data, text->len - rest.len};
    *text = rest;
    return block;
}

/* @value trimmed and cut at the cap. */
static DsnSpan
cut_value(DsnFieldReader *reader, DsnSpan name, DsnSpan value)
{
    value = dsn_span_trim(value);
    if (value.len > reader->limits->field) {
        value.len = reader->limits->field;
        dsn_field_note_limit(reader, name, "field");
    }
    return value;
}

DsnSpan
dsn_field_unfold(DsnFieldReader *reader, DsnSpan name, DsnSpan value)
{
    return dsn_header_unfold(cut_value(reader, name, value), reader->report->strings);
}

/* Adds @field to the last group; false when there may not be more fields. */
static bool
add_field(DsnFieldReader *reader, const DsnHeaderField *field)
{
    DsnReport *report = reader->report;

    if (report->fields->len >= reader->limits->fields) {
        dsn_field_note_limit(reader, field->name, "fields");
        return false;
    }

    DsnSpan raw = cut_value(reader, field->name, field->value);
    DsnField kept = {field->name, dsn_header_unfold(raw, report->strings)};
    g_array_append_val(report->fields, kept);
    g_array_append_val(reader->raw, raw);
    g_array_index(report->groups, DsnFieldGroup, report->groups->len - 1).count++;
    return true;
}

static bool
open_group(DsnFieldReader *reader, DsnSpan name)
{
    GArray *groups = reader->report->groups;
    DsnFieldGroup group = {.first = reader->report->fields->len};

    if (groups->len >= reader->limits->groups) {
        dsn_field_note_limit(reader, name, "groups");
        return false;
    }
    g_array_append_val(groups, group);
    return true;
}

/* A field that follows @blanks blank lines and is not the first: notes what is odd about that. */
static void
check_gap(DsnFieldReader *reader, const DsnHeaderField *field, size_t blanks, bool joined)
{
    const char *detail = NULL;

    if (joined && blanks > 0)
        detail = "a blank line between the fields of one report";
    else if (blanks > 1)
        detail = "more than one blank line between two groups";
    if (detail != NULL)
        dsn_report_add_defect(reader->report, reader->limits, DSN_DEFECT_EMPTY_GROUP, field->name,
                              DSN_SPAN_ABSENT, detail);
}

/* Reads the fields of @block, which follows @blanks blank lines; false when there may not be more.
 * *@any: a field was read. */
static bool
read_block(DsnFieldReader *reader, DsnSpan block, size_t blanks, bool joined, bool *any)
{
    DsnHeaderField field;
    bool first = true; /* of the block */

    while (dsn_header_next(&block, &field)) {
        if (!dsn_span_present(field.name)) {
            DsnSpan line = dsn_span_trim(field.value);

            line.len = MIN(line.len, reader->limits->field);
            dsn_report_add_defect(reader->report, reader->limits, DSN_DEFECT_BAD_FIELD,
                                  DSN_SPAN_ABSENT, line, "not a field");
            continue;
        }
        if (first && *any)
            check_gap(reader, &field, blanks, joined);
        bool opens = first && (!*any || !joined);
        if ((opens && !open_group(reader, field.name)) || !add_field(reader, &field))
            return false;
        *any = true;
        first = false;
    }
    return true;
}

void
dsn_field_read_groups(DsnFieldReader *reader, DsnSpan text, bool joined)
{
    bool any = joined && reader->report->groups->len > 0;

    if (dsn_span_starts(text, "\xef\xbb\xbf")) /* a byte order mark is of no field's name */
        text = dsn_span_from(text, 3);
    while (text.len > 0) {
        size_t blanks = 0;
        size_t blank;

        for (; (blank = measure_blank_line(text)) > 0; blanks++)
            text = dsn_span_from(text, blank);
        if (!read_block(reader, take_block(&text), blanks, joined, &any))
            return;
    }
}

static bool
is_mime_field(DsnSpan name)
{
    return dsn_span_starts(name, "Content-") || dsn_span_is(name, "MIME-Version");
}

void
dsn_field_read_header(DsnFieldReader *reader, DsnSpan header)
{
    DsnHeaderField field;
    bool any = false;

    while (dsn_header_next(&header, &field)) {
        if (!dsn_span_present(field.name) || is_mime_field(field.name))
            continue;
        if (!any) {
            dsn_report_add_defect(reader->report, reader->limits, DSN_DEFECT_BAD_FIELD, field.name,
                                  DSN_SPAN_ABSENT, "no blank line before the fields");
            if (!open_group(reader, field.name))
                return;
            any = true;
        }
        if (!add_field(reader, &field))
            return;
    }
}

uint32_t
dsn_field_find(DsnFieldTable table, DsnSpan name)
{
    for (size_t i = 0; i < table.count; i++) {
        if (dsn_span_same(table.rules[i].name, name))
            return UINT32_C(1) << i;
    }
    return 0;
}

bool
dsn_field_is_any_known(DsnSpan text, DsnFieldTable table)
{
    DsnHeaderField field;

    while (dsn_header_next(&text, &field)) {
        if (dsn_span_present(field.name) && dsn_field_find(table, field.name) != 0)
            return true;
    }
    return false;
}

void
dsn_field_store(DsnFieldReader *reader, DsnFieldTable table, uint32_t bit, const DsnField *field,
                void *ret_values, uint32_t *seen)
{
    const DsnFieldRule *rule = &table.rules[g_bit_nth_lsf(bit, -1)];
    void *place = (char *)ret_values + rule->offset;

    if (rule->repeats && (*(GArray **)place)->len >= reader->limits->occurrences) {
        dsn_field_note_limit(reader, field->name, "occurrences");
    } else if (!rule->repeats && (*seen & bit) != 0) {
        dsn_field_add_defect(reader, DSN_DEFECT_DUPLICATE_FIELD, field, "the first one counts");
    } else {
        *seen |= bit;
        rule->set(reader, field, place);
    }
}

void
dsn_field_check_required(DsnFieldReader *reader, DsnFieldTable table, uint32_t seen)
{
    for (size_t i = 0; i < table.count; i++) {
        if (table.rules[i].required && (seen & (UINT32_C(1) << i)) == 0)
            dsn_report_add_defect(reader->report, reader->limits, DSN_DEFECT_MISSING_FIELD,
                                  table.rules[i].name, DSN_SPAN_ABSENT, NULL);
    }
}

DsnSpan
dsn_field_raw(const DsnFieldReader *reader, const DsnField *field)
{
    const DsnField *first = (const DsnField *)(const void *)reader->report->fields->data;

    return g_array_index(reader->raw, DsnSpan, (size_t)(field - first));
}

DsnSpan
dsn_field_strip_comments(DsnSpan text)
{
    size_t depth = 0;
    size_t at = 0;

    for (; at < text.len && (depth > 0 || text.data[at] == '(' || dsn_is_space(text.data[at]));
         at++) {
        if (text.data[at] == '(')
            depth++;
        else if (text.data[at] == ')' && depth > 0)
            depth--;
    }
    if (depth > 0) /* never closed: no comment */
        return dsn_span_trim(text);

    text = dsn_span_from(text, at);
    const char *comment = text.len > 0 ? memchr(text.data, '(', text.len) : NULL;
    if (comment != NULL)
        text.len = (size_t)(comment - text.data);
    return dsn_span_trim(text);
}

DsnSpan
dsn_field_read_address(DsnFieldReader *reader, const DsnField *field, DsnSpan text)
{
    g_string_truncate(reader->scratch, 0);
    if (text.len > reader->limits->address || !dsn_address_normalise(text, reader->scratch)) {
        dsn_field_add_defect(reader, DSN_DEFECT_BAD_ADDRESS, field, "kept as it stands");
        return text;
    }

    /* Most often brackets were all there was to take off. */
    DsnSpan address = {reader->scratch->str, reader->scratch->len};
    DsnSpan bare = text;
    if (bare.len >= 2 && bare.data[0] == '<') {
        bare = dsn_span_from(bare, 1);
        bare.len--;
    }
    return dsn_span_equal(bare, address) ? bare : dsn_report_keep(reader->report, address);
}

bool
dsn_field_undo_xtext(DsnFieldReader *reader, DsnSpan text, DsnSpan *ret_text)
{
    bool escaped = false;

    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '=')
            return false;
        if (text.data[i] != '+')
            continue;
        /* xtext must escape these two; "+41" may well be a part of the name. */
        DsnSpan escape = dsn_span_from(text, i + 1);
        if (escape.len < 2 ||
            (memcmp(escape.data, "2B", 2) != 0 && memcmp(escape.data, "3D", 2) != 0))
            return false;
        escaped = true;
    }

    g_string_truncate(reader->scratch, 0);
    if (!escaped || !dsn_xtext_decode(text, reader->scratch))
        return false;
    *ret_text =
        dsn_report_keep(reader->report, (DsnSpan){reader->scratch->str, reader->scratch->len});
    return true;
}

/* RFC 822 section 3.3: no space, control or special. */
static bool
is_atom(DsnSpan text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] == 0x7f || strchr("()<>@,;:\\\".[]", text.data[i]))
            return false;
    }
    return text.len > 0;
}

DsnTyped
dsn_field_split_typed(DsnSpan text)
{
    DsnTyped typed = dsn_typed_parse(text);

    if (!dsn_span_present(typed.type) || is_atom(typed.type))
        return typed;
    if (typed.type.len > 0)
        typed.value = dsn_span_trim(text);
    typed.type = DSN_SPAN_ABSENT;
    return typed;
}

void
dsn_field_set_text(DsnFieldReader *reader, const DsnField *field, void *ret_value)
{
    (void)reader; /* nothing to note */
    *(DsnSpan *)ret_value = field->value;
}

void
dsn_field_set_token(DsnFieldReader *reader, const DsnField *field, void *ret_value)
{
    DsnSpan token = dsn_field_strip_comments(field->value);

    if (token.len == 0)
        dsn_field_add_defect(reader, DSN_DEFECT_BAD_VALUE, field, "empty");
    *(DsnSpan *)ret_value = token;
}

void
dsn_field_set_envelope_id(DsnFieldReader *reader, const DsnField *field, void *ret_value)
{
    DsnSpan *id = ret_value;

    *id = field->value;
    if (dsn_field_undo_xtext(reader, field->value, id))
        dsn_field_add_defect(reader, DSN_DEFECT_BAD_VALUE, field, "still encoded as xtext");
}

void
dsn_field_set_typed(DsnFieldReader *reader, const DsnField *field, void *ret_value)
{
    DsnTyped typed = dsn_field_split_typed(field->value);

    if (!dsn_span_present(typed.type))
        dsn_field_add_defect(reader, DSN_DEFECT_BAD_VALUE, field, "no type before the value");
    *(DsnTyped *)ret_value = typed;
}

void
dsn_field_set_date(DsnFieldReader *reader, const DsnField *field, void *ret_value)
{
    const char *detail = "not a date";

    if (dsn_date_parse(field->value, ret_value, &detail) != DSN_DATE_GOOD)
        dsn_field_add_defect(reader, DSN_DEFECT_BAD_DATE, field, detail);
}

void
dsn_field_set_address(DsnFieldReader *reader, const DsnField *field, void *ret_value)
{
    *(DsnSpan *)ret_value = dsn_field_read_address(reader, field, field->value);
}

void
dsn_field_add_text(DsnFieldReader *reader, const DsnField *field, void *ret_value)
{
    (void)reader; /* nothing to note */
    g_array_append_val(*(GArray **)ret_value, field->value);
}

void
dsn_field_add_address(DsnFieldReader *reader, const DsnField *field, void *ret_value)
{
    DsnSpan address = dsn_field_read_address(reader, field, field->value);

    g_array_append_val(*(GArray **)ret_value, address);
}
