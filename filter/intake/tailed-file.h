/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tailed-file.h - one log segment that is followed
 *
 * Purpose:   find the records among the lines of a segment, and tell the administrator of what is
 *            none.
 * Source:    dsnarf(8), "Following log segments"; kumo.configure_local_logs for headers and
 *            templates.
 * Ownership: the file owns its reader.
 * Errors:    G_FILE_ERROR without the name of the file.
 * Threads:   one thread at a time.
 */
#ifndef DSN_INTAKE_TAILED_FILE_H
#define DSN_INTAKE_TAILED_FILE_H

#include "filter/core/metrics.h"
#include "filter/intake/segment-reader.h"

#include <sys/stat.h>

/* What is in a segment and is no record. */
typedef enum DsnFlaw {
    DSN_FLAW_NO_RECORD, /* a line that a template or a header has made */
    DSN_FLAW_TOO_LONG,
    DSN_FLAW_CUT_OFF, /* the last line is not whole */
    DSN_FLAW_DAMAGED,
    DSN_N_FLAWS
} DsnFlaw;

typedef struct DsnTailedFile {
    char *path;
    const char *tailer; /* its name, for the log */
    DsnMetrics *metrics;
    DsnSegmentReader *reader; /* NULL: closed */
    struct stat seen;         /* when it was last read; all zeros: never */
    guint64 flaws[DSN_N_FLAWS];
    uint64_t no_record; /* the first such line */
    bool told;          /* of it */
    guint64 used;       /* when, in the tailer's count */
} DsnTailedFile;

DsnTailedFile *dsn_tailed_file_new(const char *path, const char *tailer, DsnMetrics *metrics);
void dsn_tailed_file_free(DsnTailedFile *file);

/* Closes it: it can be opened again. */
void dsn_tailed_file_close(DsnTailedFile *file);

/* Opens the file, and passes *@lines lines, which become none if there are not so many: then it is
 * another file. It can be stopped by *@stopping. */
bool dsn_tailed_file_open(DsnTailedFile *file, size_t line_max, uint64_t *lines,
                          const gint *stopping, GError **error);

/* The next thing in the file: *@ret_record is the record of a LINE or TAIL, and absent where there
 * is none. What is no record is counted, and logged when it is due. */
DsnSegmentEvent dsn_tailed_file_next(DsnTailedFile *file, DsnSpan *ret_record, GError **error);

/* The number of the line that came last, from 1. */
uint64_t dsn_tailed_file_line(const DsnTailedFile *file);

/* The record in @line, which is the first of a file or not: a header may stand before the first
 * without a line end. Absent if there is none. */
DsnSpan dsn_tailed_record(DsnSpan line, bool first);

#endif
