/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * address-pattern.h - lists of addresses and patterns
 *
 * Purpose:   tell whether an address is one of those that the administrator listed.
 * Source:    dsnarf.toml(5), "Patterns".
 * Ownership: the set owns copies.
 * Errors:    a pattern that can never match is refused with a text.
 * Threads:   constant after it was made.
 *
 * A pattern is an address, or has "*" for any number of characters on its side of the "@"
 * ("bounce+*@example.com", "*@*.example.com"); without "@" it is a domain and means all addresses
 * in it; "*" alone is everybody. Letters of ASCII compare in either case, as Postfix compares its
 * own tables.
 */
#ifndef DSN_CORE_ADDRESS_PATTERN_H
#define DSN_CORE_ADDRESS_PATTERN_H

#include "mime/span.h"

typedef struct DsnPatterns DsnPatterns;

/* NULL if @pattern will do, else what is expected (for the option table). */
const char *dsn_pattern_check(const char *pattern);

/* @texts (of char *) were checked before. Exact ones are found by hash. */
DsnPatterns *dsn_patterns_new(const GPtrArray *texts);
void dsn_patterns_free(DsnPatterns *patterns);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnPatterns, dsn_patterns_free)

/* @address without angle brackets. Takes time linear in its length for each pattern. */
bool dsn_patterns_match(const DsnPatterns *patterns, DsnSpan address);
bool dsn_patterns_empty(const DsnPatterns *patterns);

#endif
