/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * toml.h - TOML 1.0 into a JSON tree
 *
 * Purpose:   read configuration files, and remember where each key stood.
 * Source:    the TOML 1.0.0 specification; date-times are refused with a clear error.
 * Ownership: the document owns tree and positions.
 * Errors:    DSN_TOML_ERROR with "file:line:column: what is wrong".
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_TOML_H
#define DSN_CORE_TOML_H

#include "mime/span.h"

#include <jansson.h>

typedef struct DsnToml DsnToml;

#define DSN_TOML_ERROR dsn_toml_error_quark()
GQuark dsn_toml_error_quark(void);

/* Reads @text; @file stands in messages. Returns a new document (transfer full) or NULL. */
DsnToml *dsn_toml_parse(const char *file, DsnSpan text, GError **error);
void dsn_toml_free(DsnToml *toml);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnToml, dsn_toml_free)

/* The whole document as an object (transfer none). */
json_t *dsn_toml_tree(const DsnToml *toml);

/* The line on which the key at @path stood, from 1, or 0. @path is the keys joined by '\x1f'. */
unsigned dsn_toml_line(const DsnToml *toml, const char *path);

#endif
