/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * program-answer.h - what a program says of the records that it got
 *
 * Purpose:   take lines out of what a program has written, and understand them.
 * Source:    dsnarf(8), "Programs".
 * Ownership: an answer borrows from the reader until it is fed again.
 * Errors:    DSN_ANSWER_NONE for a line that is no answer, or too long to be one.
 * Threads:   reentrant.
 */
#ifndef DSN_OUTLET_PROGRAM_ANSWER_H
#define DSN_OUTLET_PROGRAM_ANSWER_H

#include "mime/span.h"

#include <glib.h>

/* Bytes of one line without its line feed. */
#define DSN_ANSWER_MAX ((size_t)4096)

typedef enum DsnAnswerKind {
    DSN_ANSWER_OK,    /* "OK", "OK text" */
    DSN_ANSWER_LATER, /* "4xx", "4xx text" */
    DSN_ANSWER_NEVER, /* "5xx", "5xx text" */
    DSN_ANSWER_NONE
} DsnAnswerKind;

typedef struct DsnAnswer {
    DsnAnswerKind kind;
    DsnSpan line; /* all of it, without CR and line feed; of one that is too long its start */
} DsnAnswer;

typedef struct DsnAnswerReader {
    GString *input;
    size_t used; /* bytes of it that were handed out */
} DsnAnswerReader;

void dsn_answer_reader_init(DsnAnswerReader *reader);
void dsn_answer_reader_clear(DsnAnswerReader *reader);

/* Forgets what was fed. */
void dsn_answer_reader_reset(DsnAnswerReader *reader);

void dsn_answer_reader_feed(DsnAnswerReader *reader, DsnSpan bytes);

/* The next whole line; false when there is none yet. */
bool dsn_answer_reader_next(DsnAnswerReader *reader, DsnAnswer *ret_answer);

#endif
