/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/classification.h"

#include "filter/core/classifier.h"

struct DsnClassification {
    DsnClassifier *classifier; /* NULL: there are no files */
    bool types[DSN_N_RECORD_TYPES];
    bool replace;
};

DsnClassification *
dsn_classification_new(const DsnClassificationOptions *options, GError **error)
{
    const DsnClassifierOptions limits = {
        .cache = options->cache_size,
        .uncategorized_cache = options->uncategorized_cache_size,
        .match_limit = (uint32_t)options->match_limit,
    };
    g_autoptr(DsnClassification) classification = g_new0(DsnClassification, 1);

    for (guint i = 0; i < options->types->len; i++)
        classification->types[dsn_record_type_from_string(dsn_span(options->types->pdata[i]))] =
            true;
    classification->replace = options->replace;
    if (options->files->len > 0) {
        classification->classifier = dsn_classifier_load(options->files, &limits, error);
        if (classification->classifier == NULL)
            return NULL;
    }
    return g_steal_pointer(&classification);
}

void
dsn_classification_free(DsnClassification *classification)
{
    if (classification == NULL)
        return;
    dsn_classifier_free(classification->classifier);
    g_free(classification);
}

bool
dsn_classification_has_type(const DsnClassification *classification, DsnRecordType type)
{
    return classification != NULL && classification->classifier != NULL &&
           classification->types[type];
}

const char *
dsn_classification_find(const DsnClassification *classification, DsnRecordType type, unsigned code,
                        DsnStatusCode enhanced, DsnSpan content, DsnMetrics *metrics)
{
    unsigned given_up;

    if (!dsn_classification_has_type(classification, type))
        return DSN_UNCATEGORIZED;
    g_autoptr(GString) line = g_string_sized_new(content.len + 32);
    dsn_classifier_line(code, enhanced, content, line);
    const char *class_ =
        dsn_classifier_find(classification->classifier, (DsnSpan){line->str, line->len}, &given_up);
    if (metrics != NULL) {
        bool none = strcmp(class_, DSN_UNCATEGORIZED) == 0;

        dsn_metrics_add(metrics, none ? DSN_COUNT_UNCATEGORIZED : DSN_COUNT_CLASSIFIED, 1);
        dsn_metrics_add(metrics, DSN_COUNT_RULES_GIVEN_UP, given_up);
    }
    return class_;
}

void
dsn_classification_apply(const DsnClassification *classification, DsnRecord *record,
                         DsnMetrics *metrics)
{
    const char *before = json_string_value(json_object_get(record->json, "bounce_classification"));

    if (!dsn_classification_has_type(classification, record->type) ||
        (!classification->replace && *before != '\0' && strcmp(before, DSN_UNCATEGORIZED) != 0))
        return;
    const char *class_ = dsn_classification_find(classification, record->type, record->code,
                                                 record->enhanced, record->content, metrics);
    (void)json_object_set_new(record->json, "bounce_classification", /* replaces: cannot fail */
                              json_string_nocheck(class_));
}
