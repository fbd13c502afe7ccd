/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * template.h - the verbs of "dsnarf template"
 *
 * Purpose:   check, preview and import the texts of notices.
 * Source:    dsnarf(1), dsnarf-templates(7).
 * Ownership: arguments are borrowed.
 * Errors:    reported to standard error; the answer is the exit status.
 * Threads:   called once, from main().
 */
#ifndef DSN_CLI_TEMPLATE_H
#define DSN_CLI_TEMPLATE_H

#include "templates/catalog.h"

/* What may be given on the command line; NULL where nothing was. */
typedef struct DsnTemplateArguments {
    const char *config;
    const char *directory; /* of texts, instead of what a configuration says */
    const char *tenant;
    const char *language;
    const char *topic;
    const char *status;
    const char *record;
    const char *original;
    const char *format;
} DsnTemplateArguments;

/* Prints what a sample, or a record, becomes. */
int dsn_template_preview(const DsnTemplateArguments *arguments);

/* Makes texts of @language in @directory from Postfix's @file. */
int dsn_template_import(const char *file, const char *directory, const char *language);

/* The topic of that name; false when there is none. */
bool dsn_topic_from_string(const char *name, DsnTopic *ret_topic);

#endif
