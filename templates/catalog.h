/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * catalog.h - the words of a notice: which template for which occasion
 *
 * Purpose:   load the texts of notices, the shipped ones or an administrator's, and render them.
 * Source:    file format in dsnarf-templates(7): "Subject: ..." lines, an empty line, the body.
 * Ownership: the catalog owns its templates; contexts are borrowed.
 * Errors:    DSN_TEMPLATE_ERROR with file, line and column; G_FILE_ERROR.
 * Threads:   constant after load.
 */
#ifndef DSN_TEMPLATES_CATALOG_H
#define DSN_TEMPLATES_CATALOG_H

#include "templates/template.h"

typedef enum DsnOccasion {
    DSN_OCCASION_BOUNCE,     /* failed.en.txt: a permanent failure */
    DSN_OCCASION_EXPIRATION, /* expired.en.txt: given up after too long in the queue */
    DSN_N_OCCASIONS
} DsnOccasion;

typedef struct DsnCatalog DsnCatalog;

/* The shipped texts; with @directory not NULL, a file of the same name there takes the place of a
 * shipped one, and a file that is no name of ours is an error (a misspelt name would be ignored
 * silently). All are compiled and rendered once over a sample. NULL and @error on failure. */
DsnCatalog *dsn_catalog_new(const char *directory, const DsnTemplateLimits *limits, GError **error);
void dsn_catalog_free(DsnCatalog *catalog);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnCatalog, dsn_catalog_free)

/* Renders subject (one line) and body for @occasion. @context: see dsnarf-templates(7). On false
 * both buffers are as they were. */
bool dsn_catalog_render(const DsnCatalog *catalog, DsnOccasion occasion,
                        const DsnTemplateInput *input, GString *subject, GString *body,
                        GError **error);

/* The same from the shipped text, whatever the directory holds: the fallback that always works. */
bool dsn_catalog_render_shipped(const DsnCatalog *catalog, DsnOccasion occasion,
                                const DsnTemplateInput *input, GString *subject, GString *body,
                                GError **error);

#endif
