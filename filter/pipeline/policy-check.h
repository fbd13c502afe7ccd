/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy-check.h - what one option cannot know of another
 *
 * Purpose:   collect all that is wrong with a configuration as a whole.
 * Source:    dsnarf.toml(5).
 * Ownership: the checks borrow the configuration.
 * Errors:    DSN_CONFIGURATION_ERROR, a line for each thing that is wrong.
 * Threads:   one.
 */
#ifndef DSN_PIPELINE_POLICY_CHECK_H
#define DSN_PIPELINE_POLICY_CHECK_H

#include "filter/core/address-pattern.h"
#include "filter/core/configuration.h"

/* As http.token: none is needed. */
#define DSN_NO_TOKEN "none"

typedef struct DsnChecks {
    const DsnConfiguration *configuration;
    GString *problems;
    unsigned n_problems;
} DsnChecks;

DsnChecks *dsn_checks_new(const DsnConfiguration *configuration);
void dsn_checks_free(DsnChecks *checks);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnChecks, dsn_checks_free)

/* One more thing that is wrong with @key, at the place of @at: a key that is given where @key is
 * missing. */
void dsn_checks_add(DsnChecks *checks, const char *at, const char *key, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/* The same at @place, "file:line" or NULL. */
void dsn_checks_add_at(DsnChecks *checks, const char *place, const char *key, const char *format,
                       ...) G_GNUC_PRINTF(4, 5);

/* The patterns in the list of @key; what is wrong with them is said of that (transfer full). */
DsnPatterns *dsn_checks_patterns(DsnChecks *checks, const char *key, const GPtrArray *texts);

/* @wanted: the types of record that an outlet takes. */
void dsn_check_configuration(DsnChecks *checks, const bool *wanted);

/* False and @error with all that is wrong, if anything is. Once. */
bool dsn_checks_passed(DsnChecks *checks, GError **error);

/* "file.\"a b\"" (transfer full). */
char *dsn_section_key(const char *parent, const char *name);

#endif
