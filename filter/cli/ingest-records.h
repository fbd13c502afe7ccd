/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ingest-records.h - the records in a file, a piece at a time
 *
 * Purpose:   read JSON lines, lists, single objects and log segments in pieces that can be taken
 *            one after another, and know on which line each element stands.
 * Source:    dsnarf(1), "ingest"; dsnarf-records(5).
 * Ownership: the reader borrows the window, which is as far as the reader then.
 * Errors:    G_FILE_ERROR; what costs itself only is a trouble.
 * Threads:   one thread at a time.
 */
#ifndef DSN_CLI_INGEST_RECORDS_H
#define DSN_CLI_INGEST_RECORDS_H

#include "filter/cli/ingest-place.h"
#include "filter/intake/window.h"

/* Something that could not be taken. */
typedef struct DsnTrouble {
    char *text; /* "reports.json, line 12: is longer than ..." */
} DsnTrouble;

void dsn_trouble_clear(gpointer trouble);

typedef struct DsnRecordFile DsnRecordFile;

/* Reads @file, whose start is in @window; @place is where to begin if it is in this file still
 * (then *@ret_resumed). A line may have @line_max bytes. NULL with @error. */
DsnRecordFile *dsn_record_file_open(const char *file, DsnWindow *window, size_t line_max,
                                    const DsnFilePlace *place, bool *ret_resumed, GError **error);
void dsn_record_file_free(DsnRecordFile *records);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnRecordFile, dsn_record_file_free)

/* Puts up to @max elements, or some MiB of them, into @body, and up to @max that cost themselves
 * only into @troubles (of DsnTrouble), which is empty. *@ret_more: that was not all. False with
 * @error: the rest cannot be read. */
bool dsn_record_file_next(DsnRecordFile *records, unsigned max, GString *body, GArray *troubles,
                          bool *ret_more, GError **error);

/* How far the file was read, as it is kept: behind the last piece (transfer full). */
char *dsn_record_file_place(const DsnRecordFile *records);

/* The line of the file with which the last piece begins; each line end in it is one of the file. */
guint64 dsn_record_file_line(const DsnRecordFile *records);

#endif
