/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lines.h - the lines of a text, whatever ends them
 *
 * Purpose:   read text from outside line by line, and write it with the one line end of mail.
 * RFC:       5322 section 2.3; rule MIME-24.
 * Ownership: lines are ranges of the text.
 * Errors:    none.
 * Threads:   reentrant.
 */
#ifndef DSN_MIME_LINES_H
#define DSN_MIME_LINES_H

#include "mime/span.h"

/* CRLF, LF, a lone CR, and the CR CR LF of mail that was converted twice each end a line. */
typedef struct DsnLines {
    DsnSpan rest;     /* what has not been read */
    const char *feed; /* the next LF that was found, so that none is looked for twice */
    bool ended;       /* the line has an end; the last one may lack it */
    bool repaired;    /* a line ended in something other than CRLF */
} DsnLines;

#define DSN_LINES(text) ((DsnLines){.rest = (text)})

/* Takes the next line, without its end, off the front. False at the end. */
bool dsn_lines_next(DsnLines *lines, DsnSpan *ret_line);

/* What decides whether a text can stand as it is, and with which transfer encoding. */
typedef struct DsnLinesSurvey {
    size_t longest; /* line, without its end */
    bool nul;
    bool eight_bit;
    bool repair; /* not all line ends are CRLF */
} DsnLinesSurvey;

DsnLinesSurvey dsn_lines_survey(DsnSpan text);

/* No line may have more (RFC 5322 section 2.1.1). */
#define DSN_LINE_MAX 998

/* Appends @text with CRLF for every line end; a last line without one gets none. */
void dsn_lines_append_repaired(DsnSpan text, GString *ret_text);

#endif
