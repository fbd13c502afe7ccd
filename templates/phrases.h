/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * phrases.h - what is said in one language
 *
 * Purpose:   read a file of phrases, "key: text", and explain a status code with them.
 * RFC:       5248 (the registry of enhanced status codes); rules STAT-03, STAT-05 to STAT-07.
 * Ownership: phrases own their texts, and share those that they have from others.
 * Errors:    DSN_TEMPLATE_ERROR with file, line and column.
 * Threads:   constant once read.
 */
#ifndef DSN_TEMPLATES_PHRASES_H
#define DSN_TEMPLATES_PHRASES_H

#include "templates/language.h"
#include "templates/template.h"

typedef struct DsnPhrases {
    char tag[DSN_LANGUAGE_MAX];
    char *name;    /* of the file that was read last */
    json_t *say;   /* key -> text, or a list of texts for a key that begins with "do_" */
    json_t *codes; /* "X.1.1" -> a sentence */
} DsnPhrases;

/* Reads @text. What it does not say it has from @under (NULL: it must say all that @model says,
 * except the single codes of a subject). A key that @model does not have is an error, and so is a
 * text with fewer or more places to fill in. Without @model every key is taken. */
DsnPhrases *dsn_phrases_read(const char *name, const char *tag, const char *text, size_t length,
                             const DsnPhrases *model, const DsnPhrases *under, GError **error);
void dsn_phrases_free(DsnPhrases *phrases);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnPhrases, dsn_phrases_free)

/* The sentence that explains @status, "5.1.1"; an unknown detail is explained as x.y.0, an unknown
 * subject and a text that is no code as x.0.0 (rule STAT-03). Transfer none. */
json_t *dsn_phrases_explain(const DsnPhrases *phrases, const char *status);

#endif
