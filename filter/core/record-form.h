/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record-form.h - which records an outlet gets, and in which form
 *
 * Purpose:   types, filter, selection of headers and meta, masks and templates of one outlet.
 * Source:    kumo.configure_local_logs, kumo.configure_log_hook; dsnarf.toml(5).
 * Ownership: a form owns what it was compiled from; lines are borrowed.
 * Errors:    DSN_TEMPLATE_ERROR when a filter or template fails, at a record or when compiled.
 * Threads:   a form is constant; any thread may write with it.
 */
#ifndef DSN_CORE_RECORD_FORM_H
#define DSN_CORE_RECORD_FORM_H

#include "filter/core/configuration.h"
#include "filter/core/record.h"

typedef struct DsnForm DsnForm;

/* What is given for one type of record. */
typedef struct DsnTypeForm {
    bool enable;
    const char *template_; /* NULL or "": the record itself, as JSON */
} DsnTypeForm;

typedef struct DsnFormOptions {
    const char *name;         /* of the outlet, for messages */
    const GPtrArray *headers; /* of char *: names, which may end in "*", in any case */
    const GPtrArray *meta;    /* the same for keys, as they are spelled; NULL: all, as above */
    const char *filter;       /* an expression over the record; NULL or "": all pass */
    bool mask;                /* local parts of recipients are not told */
    GHashTable *types;        /* of DsnTypeForm by name of a type, or "Any"; may be NULL */
    const DsnTemplateLimits *limits; /* NULL: the defaults */
    bool enable;                     /* where neither the type nor "Any" is there */
} DsnFormOptions;

/* Returns a new form (transfer full), or NULL and @error. */
DsnForm *dsn_form_new(const DsnFormOptions *options, GError **error);
/* The same for the outlet [@section.@name]. */
DsnForm *dsn_form_of(const char *section, const char *name, const DsnSelection *selection,
                     GError **error);

void dsn_form_free(DsnForm *form);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnForm, dsn_form_free)

/* Whether records of @type are written at all. One that "types" names takes nothing from "Any". */
bool dsn_form_has_type(const DsnForm *form, DsnRecordType type);

typedef enum DsnFormed {
    DSN_FORMED,          /* appended, with a line feed */
    DSN_FORMED_FILTERED, /* the type or the filter keeps it out */
    DSN_FORMED_FAILED
} DsnFormed;

/* Appends to @output what the outlet gets of the record in @line (as dsn_record_write() has it).
 * Unless it is formed @output is as it was. */
DsnFormed dsn_form_write(const DsnForm *form, DsnRecordType type, DsnSpan line, GString *output,
                         GError **error);

#endif
