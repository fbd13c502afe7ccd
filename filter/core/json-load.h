/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json-load.h - the tree of a JSON text
 *
 * Purpose:   read records and traces as jansson does, in a third of its time.
 * RFC:       8259.
 * Ownership: the caller owns the tree.
 * Errors:    NULL and jansson's fault.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_JSON_LOAD_H
#define DSN_CORE_JSON_LOAD_H

#include "mime/span.h"

#include <jansson.h>

/* As json_loadb() with JSON_REJECT_DUPLICATES and JSON_ALLOW_NUL: the same tree, with its keys in
 * the same order, for the same texts (transfer full). @ret_fault may be NULL. */
json_t *dsn_json_load(DsnSpan text, json_error_t *ret_fault);

#endif
