/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * line-file.h - a file that lines are appended to, each once
 *
 * Purpose:   append durably, follow rotation, and find out what was written before a crash.
 * Source:    open(2), write(2), fdatasync(2); logrotate(8): rename, create, copytruncate.
 * Ownership: the file owns its path and descriptor; lines are borrowed.
 * Errors:    G_FILE_ERROR with the path. Nothing is lost: settle and append again.
 * Threads:   one thread at a time.
 *
 * The place (inode and offset) says where our next byte goes. Its owner keeps it on disk: before
 * the first byte is written to a place, and again, moved on, when lines that were appended are done
 * with. What lies behind the place that was kept last can thus only be what was written and not
 * done with, unless somebody else writes into the file, too.
 */
#ifndef DSN_OUTLET_LINE_FILE_H
#define DSN_OUTLET_LINE_FILE_H

#include "mime/span.h"

#include <stdint.h>

typedef struct DsnLinePlace {
    guint64 inode;
    int64_t offset;
} DsnLinePlace;

typedef struct DsnLineFile {
    char *path;
    int fd; /* -1: not open */
    DsnLinePlace place;
    bool settled; /* nothing of ours lies behind the place */
} DsnLineFile;

/* @place is the one that was kept last, NULL if none was: nothing was written then. */
void dsn_line_file_init(DsnLineFile *file, const char *path, const DsnLinePlace *place);
void dsn_line_file_clear(DsnLineFile *file);

/* Back to @place, the one that was kept last: what was appended since is not done with. */
void dsn_line_file_return(DsnLineFile *file, const DsnLinePlace *place);

/* Unless @file is settled: how many bytes of @lines, which are due, are behind the place; whole
 * lines, because one that is there in part is completed. They are on disk, and the place is moved
 * behind them. A file that was renamed in its directory is found; one that is gone has none of
 * them. */
bool dsn_line_file_settle(DsnLineFile *file, DsnSpan lines, size_t *ret_done, GError **error);

/* Makes @file, which is settled, ready to append: opens it, anew if it was moved away. When the
 * place is another one then, it is to be kept before anything is appended. */
bool dsn_line_file_prepare(DsnLineFile *file, GError **error);

/* Appends @lines to the prepared file in one write, all of it to the disk, and moves the place
 * behind them. On failure @file is not settled any more. */
bool dsn_line_file_append(DsnLineFile *file, DsnSpan lines, GError **error);

#endif
