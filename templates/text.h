/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.h - characters of a text
 *
 * Purpose:   count, find, change and cut by characters, not bytes.
 * Source:    the behaviour of MiniJinja 2.21.
 * Ownership: results lie in the text that was given or in the run's arena.
 * Errors:    none: all texts are well-formed UTF-8, they may hold NUL.
 * Threads:   reentrant.
 */
#ifndef DSN_TEMPLATES_TEXT_H
#define DSN_TEMPLATES_TEXT_H

#include "templates/run.h"

size_t dsn_text_length(const char *text, size_t size);

/* Where character @index starts; the end of the text when it has no more than that. */
const char *dsn_text_at(const char *text, size_t size, size_t index);

/* Bytes of the character at @text. */
static inline size_t
dsn_text_step(const char *text)
{
    unsigned char c = (unsigned char)*text;

    return c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* Each character as a text of its own. */
const DsnValue *dsn_text_characters(DsnRun *run, const char *text, size_t size, size_t *ret_n);

/* @text as it would be printed, as a string: strings as they are. */
DsnValue dsn_text_of(DsnRun *run, DsnValue value);

DsnValue dsn_text_upper(DsnRun *run, DsnValue text);
DsnValue dsn_text_lower(DsnRun *run, DsnValue text);
DsnValue dsn_text_capitalize(DsnRun *run, DsnValue text);
/* Also what stands after white space or ASCII punctuation begins with a capital. */
DsnValue dsn_text_title(DsnRun *run, DsnValue text);
DsnValue dsn_text_reverse(DsnRun *run, DsnValue text);

typedef enum DsnTrim { DSN_TRIM_START = 1 << 0, DSN_TRIM_END = 1 << 1 } DsnTrim;

/* Without the characters of @set at its ends, or white space when @set is no string. */
DsnValue dsn_text_trim(DsnRun *run, DsnValue text, DsnValue set, DsnTrim ends);

/* @text with @from replaced by @to, at most @most times. */
DsnValue dsn_text_replace(DsnRun *run, DsnValue text, DsnValue from, DsnValue to, size_t most);

/* The pieces between @separator, or between runs of white space when it is no string, of at most
 * @most cuts. */
DsnValue dsn_text_split(DsnRun *run, DsnValue text, DsnValue separator, size_t most);

/* The lines, with their ends when @keep. */
DsnValue dsn_text_lines(DsnRun *run, DsnValue text, bool keep);

typedef enum DsnTextClass {
    DSN_TEXT_LOWER,
    DSN_TEXT_UPPER,
    DSN_TEXT_SPACE,
    DSN_TEXT_NUMERIC,
    DSN_TEXT_ALPHABETIC,
    DSN_TEXT_ALPHANUMERIC,
    DSN_TEXT_ASCII
} DsnTextClass;

/* Whether all characters are of @class; true when there are none. */
bool dsn_text_only(DsnRun *run, DsnValue text, DsnTextClass class);

/* Appends @text as HTML. */
void dsn_text_write_html(DsnRun *run, const char *text, size_t size);

/* The same with <wbr> inside whatever looks like an address, so that no program that shows it finds
 * one to make a link of; who copies the text still gets it as it is. */
void dsn_text_write_inert(DsnRun *run, const char *text, size_t size);

#endif
