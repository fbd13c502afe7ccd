/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clean-text.h - text from outside that people will read
 *
 * Purpose:   show any bytes so that they can neither forge a line nor drive a terminal.
 * RFC:       rule SEC-01.
 * Ownership: appended to the caller's buffer.
 * Errors:    none.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_CLEAN_TEXT_H
#define DSN_CORE_CLEAN_TEXT_H

#include "mime/span.h"

/* Appends @text; bytes of characters that do not print, and what is not UTF-8, become \xNN. */
void dsn_append_clean(GString *line, DsnSpan text);

#endif
