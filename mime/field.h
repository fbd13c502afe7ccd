/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * field.h - groups of fields in a machine-readable part
 *
 * Purpose:   read "name: value" lines in groups, and put their values where a table says.
 * RFC:       3464 section 2.1, 5965 section 3, 8098 section 3.1; rules OOB-04, OOB-05, OOB-25.
 * Ownership: fields and values belong to the report.
 * Errors:    none: a bad field costs that field and adds a defect.
 * Threads:   a reader is used by one thread at a time.
 */
#ifndef DSN_MIME_FIELD_H
#define DSN_MIME_FIELD_H

#include "mime/report.h"

/* What reading fields needs, from message to message. */
typedef struct DsnFieldReader {
    DsnReport *report;
    const DsnLimits *limits;
    GArray *raw; /* of DsnSpan: the value of each of the report's fields, folding still in it */
    GString *scratch; /* for whoever needs a buffer for the length of a call */
} DsnFieldReader;

/* Stores the value of @field at @ret_value, whose type the setter knows. */
typedef void DsnFieldSetter(DsnFieldReader *reader, const DsnField *field, void *ret_value);

/* A field that has a place in a struct. */
typedef struct DsnFieldRule {
    DsnSpan name;
    DsnFieldSetter *set;
    size_t offset; /* of what @set stores */
    bool required;
    bool repeats; /* what @set stores is a GArray that each occurrence adds to */
} DsnFieldRule;

/* The rules of one struct, and what was seen of them so far: a bit for each rule, in their order.
 */
typedef struct DsnFieldTable {
    const DsnFieldRule *rules;
    size_t count; /* at most 32 */
} DsnFieldTable;

/* Reads the fields of @text, each block between blank lines one group; with @joined all of them are
 * one group, together with what the report has already. */
void dsn_field_read_groups(DsnFieldReader *reader, DsnSpan text, bool joined);

/* Reads the fields in the @header of a part as one group, but not those of MIME: the blank line
 * that ends the header was forgotten. */
void dsn_field_read_header(DsnFieldReader *reader, DsnSpan header);

/* The bit of the rule for @name, 0 when there is none. */
uint32_t dsn_field_find(DsnFieldTable table, DsnSpan name);

/* True when a field of @table is among the lines of @text that are fields. */
bool dsn_field_is_any_known(DsnSpan text, DsnFieldTable table);

/* Stores @field in the struct at @ret_values by the rule that has @bit, and adds @bit to *@seen. Of
 * a field that may stand once the first one counts. */
void dsn_field_store(DsnFieldReader *reader, DsnFieldTable table, uint32_t bit,
                     const DsnField *field, void *ret_values, uint32_t *seen);

/* Notes each required field of @table that is not in @seen. */
void dsn_field_check_required(DsnFieldReader *reader, DsnFieldTable table, uint32_t seen);

void dsn_field_add_defect(DsnFieldReader *reader, DsnDefectKind kind, const DsnField *field,
                          const char *detail);

/* The value of @field, one of the report's, as it stands: folding still in it. */
DsnSpan dsn_field_raw(const DsnFieldReader *reader, const DsnField *field);

/* Notes that the cap @limit (its name in DsnLimits) was met at the field @name. */
void dsn_field_note_limit(DsnFieldReader *reader, DsnSpan name, const char *limit);

/* The raw @value of the field @name trimmed, cut at the cap on values, and unfolded. */
DsnSpan dsn_field_unfold(DsnFieldReader *reader, DsnSpan name, DsnSpan value);

/* @text without comments before and behind it (RFC 5322 section 3.2.2), trimmed. */
DsnSpan dsn_field_strip_comments(DsnSpan text);

/* The envelope address in @text as dsn_address_normalise() has it; as it stands, with a defect,
 * when it is none. */
DsnSpan dsn_field_read_address(DsnFieldReader *reader, const DsnField *field, DsnSpan text);

/* Setters for a DsnSpan, a DsnTyped, an int64_t of seconds, and for GArrays of DsnSpan. */
DsnFieldSetter dsn_field_set_text;
DsnFieldSetter dsn_field_set_token;       /* without comments */
DsnFieldSetter dsn_field_set_envelope_id; /* left-over xtext undone (rule OOB-12) */
DsnFieldSetter dsn_field_set_typed;
DsnFieldSetter dsn_field_set_date;
DsnFieldSetter dsn_field_set_address;
DsnFieldSetter dsn_field_add_text;
DsnFieldSetter dsn_field_add_address;

/* Splits "type; value". What stands before the first ';' is a type only when it is an atom. */
DsnTyped dsn_field_split_typed(DsnSpan text);

/* Undoes xtext that should have been undone before it came into a report, when it cannot be
 * anything else: every '+' starts the escape of a character that xtext cannot hold. False, and
 * *@ret_text as it was, when @text is no such thing. */
bool dsn_field_undo_xtext(DsnFieldReader *reader, DsnSpan text, DsnSpan *ret_text);

#endif
