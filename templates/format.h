/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * format.h - values laid out in a text
 *
 * Purpose:   "%-8s|%05.1f" and "{:<8}|{:05.1f}".
 * Source:    the behaviour of MiniJinja 2.21; Python's printf-style and str.format() formatting.
 * Ownership: the result lies in the run's arena.
 * Errors:    DSN_TEMPLATE_ERROR_OPERATION for a format that is none or a value that does not fit.
 * Threads:   reentrant.
 */
#ifndef DSN_TEMPLATES_FORMAT_H
#define DSN_TEMPLATES_FORMAT_H

#include "templates/builtins.h"

/* The arguments behind the subject, by position or with "%(name)s" by name. */
bool dsn_format_percent(DsnRun *run, DsnValue format, const DsnArguments *arguments, DsnValue *ret);
bool dsn_format_braces(DsnRun *run, DsnValue format, const DsnArguments *arguments, DsnValue *ret);

#endif
