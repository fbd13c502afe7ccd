/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text-table.h - numbers that are found by a text
 *
 * Purpose:   a set or a map of millions of texts, of several kinds, in little memory.
 * RFC:       none.
 * Ownership: the table owns copies of the texts.
 * Errors:    none; a text may have 4 GiB, all texts together 1 TiB.
 * Threads:   constant once all is added.
 *
 * It is one hash table of numbers over one block of bytes: about 25 bytes and the text for each.
 */
#ifndef DSN_CORE_TEXT_TABLE_H
#define DSN_CORE_TEXT_TABLE_H

#include "mime/span.h"

#include <stdint.h>

/* A kind is a number below this. The same text of two kinds is two texts. */
#define DSN_TEXT_KINDS 8

typedef struct DsnTextTable DsnTextTable;

DsnTextTable *dsn_text_table_new(void);
void dsn_text_table_free(DsnTextTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnTextTable, dsn_text_table_free)

/* Gives @text the number @number, from 1, if it has none. Returns the one that it has now. */
uint32_t dsn_text_table_add(DsnTextTable *table, unsigned kind, DsnSpan text, uint32_t number);

/* The number of @text; 0: it was not added. */
uint32_t dsn_text_table_find(const DsnTextTable *table, unsigned kind, DsnSpan text);

/* How many texts of @kind there are. */
size_t dsn_text_table_count(const DsnTextTable *table, unsigned kind);

#endif
