/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * program-work.h - records that a program is to get, and what came of them
 *
 * Purpose:   take records out of the stream, and those that were put off, form them, and keep in
 *            the spool what the program has said of each.
 * Source:    dsnarf.toml(5), [program.NAME].
 * Ownership: items are the caller's between dsn_work_next() and dsn_work_done(); options are
 *            borrowed.
 * Errors:    of the disk: logged once, and tried again until they are gone.
 * Threads:   one.
 */
#ifndef DSN_OUTLET_PROGRAM_WORK_H
#define DSN_OUTLET_PROGRAM_WORK_H

#include "filter/core/configuration.h"
#include "filter/outlet/program-answer.h"
#include "filter/pipeline/spool.h"

typedef struct DsnWork DsnWork;

typedef struct DsnWorkItem {
    int64_t position;  /* in the stream; 0: it was put off, and is */
    int64_t entry;     /* in the queue */
    unsigned attempts; /* that came to nothing, of one that was put off */
    int64_t taken_in;
    DsnRecordType type;
    GBytes *json;    /* the record */
    char *line;      /* what the program gets, with its line feed; NULL: */
    char *fault;     /* why there is none: it is to be done when its turn comes */
    unsigned faults; /* how often the program failed when it had only this one */
    bool alone;      /* it is only given alone */
    int64_t given;   /* when, monotonic */
} DsnWorkItem;

/* NULL and @error when the form of records does not compile. */
DsnWork *dsn_work_new(DsnSpool *spool, DsnMetrics *metrics, const DsnProgramOptions *options,
                      GError **error);

/* What waits to be kept must be kept by then, or is done again. Items not handed out go back. */
void dsn_work_free(DsnWork *work);

/* Reads what there is, if less than the program's window is at hand; waits up to @wait for the
 * first record. False when it could not wait. */
bool dsn_work_fetch(DsnWork *work, GTimeSpan wait);

/* The next item without taking it (transfer none), and taking it; NULL when there is none. */
DsnWorkItem *dsn_work_look(DsnWork *work);
DsnWorkItem *dsn_work_next(DsnWork *work);

/* Puts an item back in front of all others. */
void dsn_work_return(DsnWork *work, DsnWorkItem *item);

/* What became of an item (transfer full), which is no DSN_ANSWER_NONE. Items are done in the order
 * in which they were handed out. */
void dsn_work_done(DsnWork *work, DsnWorkItem *item, DsnAnswerKind kind, const char *text);

/* Keeps what was done in the spool, if it is much or has waited, or at once with @now. */
void dsn_work_keep(DsnWork *work, bool now);

/* True while there is something to keep. */
bool dsn_work_is_dirty(const DsnWork *work);

#endif
