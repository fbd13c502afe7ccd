/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * toml.h - TOML 1.0 into a JSON tree, and text into TOML
 *
 * Purpose:   read configuration files, remember where each key stood, quote what is written.
 * Source:    the TOML 1.0.0 specification, without date-times, infinity and not-a-number, which
 *            the tree cannot hold: each is an error that says so.
 * Ownership: the document owns tree and positions.
 * Errors:    DSN_TOML_ERROR with "file:line:column: what is wrong", the first fault only.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_TOML_H
#define DSN_CORE_TOML_H

#include "mime/span.h"

#include <jansson.h>

/* What one document may hold; more is an error. */
#define DSN_TOML_MAX_BYTES ((size_t)64 * 1024 * 1024)
#define DSN_TOML_MAX_DEPTH 64      /* tables and arrays inside one another */
#define DSN_TOML_MAX_ITEMS 1000000 /* keys and array elements */

typedef struct DsnToml DsnToml;

#define DSN_TOML_ERROR dsn_toml_error_quark()
GQuark dsn_toml_error_quark(void);

/* Reads @text; @file stands in messages. Returns a new document (transfer full) or NULL. */
DsnToml *dsn_toml_parse(const char *file, DsnSpan text, GError **error);
void dsn_toml_free(DsnToml *toml);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnToml, dsn_toml_free)

/* The whole document as an object, keys in the order of the text (transfer none). */
json_t *dsn_toml_tree(const DsnToml *toml);

/* The line, from 1, on which member @key of @table stood. @table is an object of the tree; 0 if
 * there is no such member. */
unsigned dsn_toml_line(const DsnToml *toml, const json_t *table, const char *key);

/* Appends @text (UTF-8) as a basic string, in quotes. */
void dsn_toml_write_string(GString *toml, const char *text);

/* The same for a message: of a text longer than DSN_TOML_QUOTED bytes the start, and "...". */
void dsn_toml_quote(GString *message, const char *text);

#define DSN_TOML_QUOTED 60

/* Appends @key as it stands in a header or before '=': bare if it can be. */
void dsn_toml_write_key(GString *toml, const char *key);

#endif
