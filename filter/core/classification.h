/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * classification.h - which records get a class, and which one
 *
 * Purpose:   the class of a failure for records that are made here, and for those that pass.
 * Source:    dsnarf.toml(5), [classification]; kumo.configure_bounce_classifier.
 * Ownership: owns its classifier; names of classes are borrowed from it.
 * Errors:    DSN_CLASSIFIER_ERROR.
 * Threads:   any.
 */
#ifndef DSN_CORE_CLASSIFICATION_H
#define DSN_CORE_CLASSIFICATION_H

#include "filter/core/configuration.h"
#include "filter/core/metrics.h"
#include "filter/core/record.h"

typedef struct DsnClassification DsnClassification;

/* Reads the files. Without any, each failure is as its record has it. Returns a new classification
 * (transfer full) or NULL. */
DsnClassification *dsn_classification_new(const DsnClassificationOptions *options, GError **error);
void dsn_classification_free(DsnClassification *classification);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnClassification, dsn_classification_free)

/* The class of a new record of @type about that response; "Uncategorized" without @classification
 * (may be NULL). What was asked is counted in @metrics (may be NULL). */
const char *dsn_classification_find(const DsnClassification *classification, DsnRecordType type,
                                    unsigned code, DsnStatusCode enhanced, DsnSpan content,
                                    DsnMetrics *metrics);

/* Whether records of @type get a class at all. */
bool dsn_classification_has_type(const DsnClassification *classification, DsnRecordType type);

/* Gives @record the class of its response, if its type is one of those that get one and it has none
 * or loses the one that it has. */
void dsn_classification_apply(const DsnClassification *classification, DsnRecord *record,
                              DsnMetrics *metrics);

#endif
