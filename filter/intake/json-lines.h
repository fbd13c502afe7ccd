/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json-lines.h - the lines of a JSON lines file
 *
 * Purpose:   cut a stream into lines, so that a bad one costs only itself (README.md).
 * Source:    jsonlines.org; lines end in LF or CRLF, the last one may have no end.
 * Ownership: the reader owns its buffer and borrows the file descriptor.
 * Errors:    G_FILE_ERROR; a line over the limit is an answer of its own.
 * Threads:   one thread at a time.
 */
#ifndef DSN_INTAKE_JSON_LINES_H
#define DSN_INTAKE_JSON_LINES_H

#include "filter/intake/window.h"

typedef struct DsnJsonLines {
    DsnWindow window;
    size_t max;   /* bytes of one line */
    size_t used;  /* bytes at the start of the window that the last line took */
    guint64 line; /* number of the last line, from 1 */
} DsnJsonLines;

typedef enum DsnLineResult {
    DSN_LINE_READ,
    DSN_LINE_TOO_LONG, /* skipped up to its end */
    DSN_LINE_END,
    DSN_LINE_FAILED
} DsnLineResult;

void dsn_json_lines_clear(DsnJsonLines *lines);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DsnJsonLines, dsn_json_lines_clear)

/* Reads the next line that is not blank, without the white space around it. *@ret_line is valid
 * until the next call. */
DsnLineResult dsn_json_lines_next(DsnJsonLines *lines, DsnSpan *ret_line, GError **error);

#endif
