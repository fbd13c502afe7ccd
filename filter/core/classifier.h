/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * classifier.h - the class of a failure, by what the other host has said
 *
 * Purpose:   apply KumoMTA's bounce classifier files as they are: the first rule that matches wins,
 *            in the order of the files, of their classes and of the rules of each.
 * Source:    kumo.configure_bounce_classifier; dsnarf.toml(5), [classification].
 * Ownership: the classifier owns its rules and classes; names of classes are borrowed from it.
 * Errors:    DSN_CLASSIFIER_ERROR with "file:line: rules.CLASS[N]: what is wrong".
 * Threads:   a loaded classifier may be asked by any thread.
 */
#ifndef DSN_CORE_CLASSIFIER_H
#define DSN_CORE_CLASSIFIER_H

#include "filter/core/record.h"

/* What the files may hold together; more is an error. */
#define DSN_CLASSIFIER_FILE_MAX ((size_t)16 << 20) /* bytes of one */
#define DSN_CLASSIFIER_RULES_MAX 20000
#define DSN_CLASSIFIER_NAME_MAX 255 /* bytes of the name of a class */

#define DSN_UNCATEGORIZED "Uncategorized"

typedef struct DsnClassifier DsnClassifier;

#define DSN_CLASSIFIER_ERROR dsn_classifier_error_quark()
GQuark dsn_classifier_error_quark(void);

typedef struct DsnClassifierOptions {
    size_t cache;               /* responses remembered with their class, at most; 0: none */
    size_t uncategorized_cache; /* responses remembered as without one */
    uint32_t match_limit; /* steps that one rule may take at one response; then it does not match */
} DsnClassifierOptions;

/* Loads @files (of char *), which end in .toml or .json: in each a table "rules" with a list of
 * regular expressions for each class. They are those of Rust, as far as PCRE2 reads them the same
 * way: a rule that it would misread is an error. Returns a new classifier (transfer full) or NULL.
 */
DsnClassifier *dsn_classifier_load(const GPtrArray *files, const DsnClassifierOptions *options,
                                   GError **error);
void dsn_classifier_free(DsnClassifier *classifier);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnClassifier, dsn_classifier_free)

/* The class of @response, UTF-8 in one line as dsn_classifier_line() writes it, or
 * DSN_UNCATEGORIZED. *@ret_given_up (may be NULL) tells how many rules were given up at the limit;
 * each is logged once. */
const char *dsn_classifier_find(DsnClassifier *classifier, DsnSpan response,
                                unsigned *ret_given_up);

/* Appends "CODE [C.S.D ]content", line breaks and NUL as spaces; a code with class 0 is none. */
void dsn_classifier_line(unsigned code, DsnStatusCode enhanced, DsnSpan content, GString *line);

#endif
