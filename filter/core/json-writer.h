/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json-writer.h - JSON text into a buffer, without a tree
 *
 * Purpose:   write JSON lines as KumoMTA's serialiser does, fast.
 * RFC:       8259; rule SEC-02.
 * Ownership: everything is appended to the caller's buffer.
 * Errors:    none: octets that are not UTF-8 become U+FFFD (or numbers, see below).
 * Threads:   reentrant.
 *
 * The caller writes commas through dsn_json_key() and dsn_json_next(), which put one before every
 * member or element but the first: they look at the last byte of the buffer.
 */
#ifndef DSN_CORE_JSON_WRITER_H
#define DSN_CORE_JSON_WRITER_H

#include "mime/span.h"

#include <jansson.h>
#include <stdint.h>

/* "key": with a comma before it where one is due. @key is plain ASCII. */
void dsn_json_key(GString *json, const char *key);

/* A comma where one is due before the next array element. */
void dsn_json_next(GString *json);

/* A string; an absent span is null. Compact, '/' not escaped, non-ASCII raw, controls as \n, \r,
 * \t, \b, \f or \u00XX in lower case. Returns false if octets had to be replaced. */
bool dsn_json_string(GString *json, DsnSpan text);

/* The same behind @prefix, which has nothing to escape. */
bool dsn_json_prefixed(GString *json, const char *prefix, DsnSpan text);

/* A member; @word (NULL: null) is one of our own that has nothing to escape. */
void dsn_json_word(GString *json, const char *key, const char *word);

/* The same with CRLF written as one line feed; if the text is not UTF-8, an array of byte numbers
 * as KumoMTA writes it. */
void dsn_json_message_text(GString *json, DsnSpan text);

void dsn_json_int(GString *json, int64_t number);
void dsn_json_bool(GString *json, bool truth);
void dsn_json_null(GString *json);

/* A jansson tree, compact, keys in the order of the tree. */
void dsn_json_tree(GString *json, const json_t *tree);

#endif
