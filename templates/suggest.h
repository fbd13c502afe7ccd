/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * suggest.h - "did you mean ...?"
 *
 * Purpose:   find the known word that a misspelt one was probably meant to be.
 * Source:    optimal string alignment: insertions, deletions, substitutions, swapped neighbours.
 * Ownership: the answer is one of the words that were given.
 * Errors:    none: NULL when nothing is near enough.
 * Threads:   reentrant.
 */
#ifndef DSN_TEMPLATES_SUGGEST_H
#define DSN_TEMPLATES_SUGGEST_H

/* The first of @known (ended by NULL) that is nearest to @word, or NULL if it takes more than one
 * change for every three letters (transfer none). */
const char *dsn_suggest(const char *word, const char *const *known);

#endif
