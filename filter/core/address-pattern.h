/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * address-pattern.h - lists of addresses and patterns
 *
 * Purpose:   tell whether an address is one of those that the administrator listed.
 * Source:    dsnarf.toml(5), "Patterns"; pcre2pattern(3).
 * Ownership: the set owns copies.
 * Errors:    a pattern that can never match is refused with a text; what is wrong with an
 *            expression or a file with a line, "file:line: ...".
 * Threads:   constant after it was made.
 *
 * A pattern is an address, or has "*" for any number of characters on its side of the "@"
 * ("bounce+*@example.com", "*@*.example.com"); without "@", or with nothing in front of it, it is a
 * domain and means all addresses in it; "*" alone is everybody. "/.../" is a regular expression for
 * the whole of an address, and "file:PATH" a file of patterns, one a line: an address can be
 * neither, because no domain ends with "/" and nothing in front of "@" has ":". Letters compare in
 * either case, as Postfix compares its own tables; outside of expressions those of ASCII only.
 *
 * Addresses, domains, "*.domain" and "prefix*@domain" are found by hash, however many there are:
 * about 50 bytes and a microsecond each to load. The others are tried one by one, and there can be
 * DSN_PATTERNS_TRIED_MAX of them.
 */
#ifndef DSN_CORE_ADDRESS_PATTERN_H
#define DSN_CORE_ADDRESS_PATTERN_H

#include "mime/span.h"

/* What a pattern begins with that names a file; see DsnOption.paths. */
#define DSN_PATTERN_FILE "file:"

#define DSN_PATTERNS_TRIED_MAX 1000

typedef struct DsnPatterns DsnPatterns;

/* NULL if @pattern will do, else what is expected (for the option table). An expression and a file
 * are not looked into. */
const char *dsn_pattern_check(const char *pattern);

/* @texts (of char *) were checked before. Appends a line with a line feed for each thing that is
 * wrong, until there are too many, to @faults (may be NULL); returns what was right. */
DsnPatterns *dsn_patterns_new(const GPtrArray *texts, GString *faults);
void dsn_patterns_free(DsnPatterns *patterns);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnPatterns, dsn_patterns_free)

/* @address without angle brackets. Takes time linear in its length for each pattern that is tried,
 * but for expressions, which have a limit of steps. */
bool dsn_patterns_match(const DsnPatterns *patterns, DsnSpan address);
bool dsn_patterns_empty(const DsnPatterns *patterns);

#endif
