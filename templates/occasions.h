/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * occasions.h - the words of a failure in English
 *
 * Purpose:   the texts behind dsn_catalog_render().
 * Source:    "Subject: ..." lines, an empty line, the body.
 * Ownership: occasions own their templates; contexts are borrowed.
 * Errors:    DSN_TEMPLATE_ERROR with file, line and column; G_FILE_ERROR.
 * Threads:   constant after load.
 */
#ifndef DSN_TEMPLATES_OCCASIONS_H
#define DSN_TEMPLATES_OCCASIONS_H

#include "templates/catalog.h"

typedef struct DsnOccasions DsnOccasions;

DsnOccasions *dsn_occasions_new(const char *directory, const DsnTemplateLimits *limits,
                                GError **error);
void dsn_occasions_free(DsnOccasions *occasions);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnOccasions, dsn_occasions_free)

bool dsn_occasions_render(const DsnOccasions *occasions, DsnOccasion occasion,
                          const DsnTemplateInput *input, GString *subject, GString *body,
                          GError **error);
bool dsn_occasions_render_shipped(const DsnOccasions *occasions, DsnOccasion occasion,
                                  const DsnTemplateInput *input, GString *subject, GString *body,
                                  GError **error);

#endif
