/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * print.h - values as text
 *
 * Purpose:   append a value as {{ }} shows it, as it stands inside a list, or as JSON.
 * Source:    the behaviour of MiniJinja 2.21: keys sorted, none and true in lower case, JSON safe
 *            inside HTML.
 * Ownership: none taken.
 * Errors:    dsn_print_json() alone; a limit shows at the next step.
 * Threads:   reentrant.
 */
#ifndef DSN_TEMPLATES_PRINT_H
#define DSN_TEMPLATES_PRINT_H

#include "templates/run.h"

void dsn_print(DsnRun *run, DsnValue value);

/* Strings quoted and escaped. */
void dsn_print_quoted(DsnRun *run, DsnValue value);

/* One item a line, each level four spaces further in. */
void dsn_print_pretty(DsnRun *run, DsnValue value);

/* With @indent 0 in one line; false when @value has no JSON form. */
bool dsn_print_json(DsnRun *run, DsnValue value, bool lines, size_t indent);

#endif
