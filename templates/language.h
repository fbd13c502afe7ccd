/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * language.h - tags of languages, and which one fits
 *
 * Purpose:   read tags, and Accept-Language and Content-Language, and match them.
 * RFC:       5646 section 2.1 (tags), 4647 section 3.4 (lookup), 3282 (the two fields).
 * Ownership: texts go to the caller's buffer.
 * Errors:    false for a text that is no tag.
 * Threads:   reentrant.
 */
#ifndef DSN_TEMPLATES_LANGUAGE_H
#define DSN_TEMPLATES_LANGUAGE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* Bytes of the longest tag that is read (RFC 5646 section 4.4.1), with a NUL. */
#define DSN_LANGUAGE_MAX 36

/* @text as it is usually written, "pt-BR" or "zh-Hans"; Chinese of a region has its script instead,
 * "zh-CN" is "zh-Hans". False when it is no tag. */
bool dsn_language_read(const char *text, size_t length, char ret_tag[DSN_LANGUAGE_MAX]);

/* Takes the last part off @tag, "zh-Hant-HK" becomes "zh-Hant"; false when there was only one. */
bool dsn_language_shorten(char *tag);

/* The one of @known (NULL-terminated) that fits @tag: itself or shortened; else the first that is
 * @tag with something behind it; else NULL (transfer none). */
const char *dsn_language_fit(const char *tag, const char *const *known);

/* The one of @known that fits best what a field says, "de-AT, en;q=0.5"; NULL when none does. */
const char *dsn_language_choose(const char *field, const char *const *known);

#endif
