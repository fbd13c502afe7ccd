/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * catalog-private.h - what a catalog is made of
 *
 * Purpose:   shared by its loading and its rendering, and by nobody else.
 * Source:    none.
 * Ownership: a catalog owns all that it points to but its base.
 * Errors:    none.
 * Threads:   constant after load.
 */
#ifndef DSN_TEMPLATES_CATALOG_PRIVATE_H
#define DSN_TEMPLATES_CATALOG_PRIVATE_H

#include "templates/catalog.h"
#include "templates/phrases.h"

/* A template, and whether it shows what would have been said without it. */
typedef struct DsnPart {
    DsnTemplate *template_; /* NULL: there is none */
    bool wraps;
} DsnPart;

typedef struct DsnFileKey {
    DsnTopic topic;
    DsnFailureClass failure;
    char tag[DSN_LANGUAGE_MAX];
} DsnFileKey;

/* The files TOPIC[.CLASS].LANG.txt and .html of one directory. */
typedef struct DsnFileWords {
    DsnFileKey key;
    DsnPart subject, text, html;
} DsnFileWords;

/* One level of: tenant, everybody, shipped. */
struct DsnCatalog {
    const DsnCatalog *base; /* the next level; NULL: this is the shipped one */
    DsnCatalog *owned;      /* the same if it is ours, or NULL */
    DsnTemplateLimits limits;
    GHashTable *files;   /* DsnFileKey -> DsnFileWords; NULL: none */
    GHashTable *phrases; /* tag -> DsnPhrases, with those of the base in them; NULL: none */
    DsnPart layout_subject, layout_text, layout_html;
    GPtrArray *languages; /* of char *, NULL-terminated; NULL: those of the base */
};

/* What is used for one wording: a file, or layouts and phrases. */
typedef struct DsnChoice {
    const char *tag;
    const DsnPhrases *phrases;
    const DsnFileWords *file; /* NULL: the layouts */
    const DsnCatalog *text;   /* the level whose layout.txt it is */
    const DsnCatalog *html;
} DsnChoice;

void dsn_catalog_choose(const DsnCatalog *catalog, DsnTopic topic, DsnFailureClass failure,
                        const char *language, bool shipped, DsnChoice *ret_choice);

/* The phrases of @language or of what it begins with, NULL when there are none (transfer none). */
const DsnPhrases *dsn_catalog_phrases(const DsnCatalog *catalog, const char *language);

/* Renders what was chosen; @ret_wording is as it was on false. */
bool dsn_catalog_render_choice(const DsnCatalog *catalog, const DsnChoice *choice, DsnTopic topic,
                               DsnFailureClass failure, bool html, const DsnTemplateInput *input,
                               DsnWording *ret_wording, GError **error);

#endif
