/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * catalog.h - the words of a notice: which template for which occasion
 *
 * Purpose:   load the texts of notices, the shipped ones and administrators', and render them by
 *            topic, class of failure and language.
 * Source:    names and format of files in dsnarf-templates(7).
 * Ownership: the catalog owns its templates; contexts are borrowed.
 * Errors:    DSN_TEMPLATE_ERROR with file, line and column.
 * Threads:   constant after load.
 */
#ifndef DSN_TEMPLATES_CATALOG_H
#define DSN_TEMPLATES_CATALOG_H

#include "templates/template.h"

/* What a notice is about; the first part of a file's name. */
typedef enum DsnTopic {
    DSN_TOPIC_FAILED,    /* failed: refused for good */
    DSN_TOPIC_EXPIRED,   /* expired: given up after too long in the queue */
    DSN_TOPIC_DELAYED,   /* delayed: not delivered yet */
    DSN_TOPIC_DELIVERED, /* delivered: to the recipient's mailbox */
    DSN_TOPIC_RELAYED,   /* relayed: to a host that reports nothing more */
    DSN_TOPIC_EXPANDED,  /* expanded: to the members of an alias */
    DSN_TOPIC_LATE,      /* late: delivered after a notice of delay */
    DSN_N_TOPICS
} DsnTopic;

/* Why, in a word that a reader can do something with; the second part of a file's name, which may
 * be missing. From the subject and detail of the enhanced status code (RFC 3463 section 3). */
typedef enum DsnFailureClass {
    DSN_FAILURE_OTHER,    /* no second part */
    DSN_FAILURE_ADDRESS,  /* address: X.1.*, the recipient does not exist */
    DSN_FAILURE_MAILBOX,  /* mailbox: X.2.*, it exists and takes nothing */
    DSN_FAILURE_FULL,     /* full: X.2.2 */
    DSN_FAILURE_SYSTEM,   /* system: X.3.* */
    DSN_FAILURE_NETWORK,  /* network: X.4.* */
    DSN_FAILURE_PROTOCOL, /* protocol: X.5.*, and what is wrong on the sender's side */
    DSN_FAILURE_CONTENT,  /* content: X.6.* */
    DSN_FAILURE_SIZE,     /* size: X.2.3, X.3.4 */
    DSN_FAILURE_POLICY,   /* policy: X.7.* */
    DSN_N_FAILURES
} DsnFailureClass;

DsnFailureClass dsn_failure_class(unsigned subject, unsigned detail);

/* "failed", "policy" and so on; "other" for DSN_FAILURE_OTHER (transfer none). */
const char *dsn_topic_to_string(DsnTopic topic);
const char *dsn_failure_to_string(DsnFailureClass failure);

/* The words of one part of a notice in one language. */
typedef struct DsnWording {
    const char *language; /* tag of what was used (transfer none) */
    GString *subject;     /* one line */
    GString *text;
    GString *html; /* empty: there is none */
    char *fault;   /* an administrator's text failed and a shipped one was used: why; else NULL */
} DsnWording;

void dsn_wording_init(DsnWording *wording);
void dsn_wording_clear(DsnWording *wording);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DsnWording, dsn_wording_clear)

typedef struct DsnCatalog DsnCatalog;

void dsn_catalog_free(DsnCatalog *catalog);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnCatalog, dsn_catalog_free)

/* A catalog that inherits from @base (NULL: the shipped texts), which must outlive it. @directory
 * may be NULL. A file that cannot be used is left out, and a line about it is appended to
 * @ret_faults: what is below it in the order tenant, language, shipped default is used instead. */
DsnCatalog *dsn_catalog_new_over(const DsnCatalog *base, const char *directory,
                                 const DsnTemplateLimits *limits, GString *ret_faults);

/* The same over the shipped texts, where any fault is an error that tells of all. */
DsnCatalog *dsn_catalog_new(const char *directory, const DsnTemplateLimits *limits, GError **error);

/* The languages that it has words in, NULL-terminated (transfer none). */
const char *const *dsn_catalog_languages(const DsnCatalog *catalog);

/* The language that fits best (RFC 4647 section 3.4): of @wanted (tags, NULL-terminated, may be
 * NULL) the one that fits best what @spoken says; these are values of Accept-Language and
 * Content-Language of the original (NULL-terminated, may be NULL), of which the first counts that
 * names a language at hand. Else the first of @wanted; without @wanted the best for @spoken among
 * all languages; else "en" (transfer none). */
const char *dsn_catalog_choose_language(const DsnCatalog *catalog, const char *const *wanted,
                                        const char *const *spoken);

/* Renders one wording. @html: the alternative is wanted, too. Fails only when the shipped English
 * words fail; @ret_wording was initialised. With @shipped, administrators' texts are left aside.
 * The context gets what depends on the wording: topic, failure, language, say, and what the status
 * codes of the recipients mean. */
bool dsn_catalog_word(const DsnCatalog *catalog, DsnTopic topic, DsnFailureClass failure,
                      const char *language, bool html, bool shipped, const DsnTemplateInput *input,
                      DsnWording *ret_wording, GError **error);

/* Where that wording would come from, "texts/failed.de.txt" or "layout.txt, de.words" (transfer
 * full). */
char *dsn_catalog_source(const DsnCatalog *catalog, DsnTopic topic, DsnFailureClass failure,
                         const char *language);

#endif
