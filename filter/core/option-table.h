/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * option-table.h - a table of options, from files into a structure and back
 *
 * Purpose:   defaults, files, includes, checks and display of everything that a table lists.
 * Source:    dsnarf.toml(5).
 * Ownership: the structure owns its values until dsn_option_table_clear().
 * Errors:    a text with a line for each thing that is wrong, "file:line: key: what is wrong".
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_OPTION_TABLE_H
#define DSN_CORE_OPTION_TABLE_H

#include "filter/core/option-value.h"

/* What other programs have an option for, and what there is instead. */
typedef struct DsnOptionHint {
    const char *path; /* as in DsnOption */
    const char *instead;
} DsnOptionHint;

/* Rows of one section stand together, those outside of sections first. */
typedef struct DsnOptionTable {
    const DsnOption *options;
    size_t n_options;
    const DsnOptionHint *hints; /* NULL: none */
    size_t n_hints;
} DsnOptionTable;

/* Fills the structure @values, zeroed before, with the defaults and then from @file (may be NULL)
 * and what it includes. *@ret_places says where options and named sections were given: key ->
 * "file:line" (transfer full). On false *@ret_problems says all that is wrong (transfer full), and
 * @values and @ret_places hold nothing that needs to be freed. */
bool dsn_option_table_load(const DsnOptionTable *table, const char *file, void *values,
                           GHashTable **ret_places, char **ret_problems);

void dsn_option_table_clear(const DsnOptionTable *table, void *values);

/* Gives @values back what @before has in the options that need a restart, and appends the keys of
 * those that differed to @ret_keys, with ", " between them. */
void dsn_option_table_keep(const DsnOptionTable *table, void *values, const void *before,
                           GString *ret_keys);

/* Whether two structures of the sections @section ("webhook.*") have the same name and values, in
 * sections below, too. */
bool dsn_option_table_same(const DsnOptionTable *table, const char *section, const void *a,
                           const void *b);

/* Appends all options as TOML that loads to the same values: secrets masked, defaults marked. */
void dsn_option_table_show(const DsnOptionTable *table, const void *values, GString *toml);

#endif
