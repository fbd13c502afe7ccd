/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * captures-db.h - captures in SQLite
 *
 * Purpose:   the file captures.db: what is put into it, found in it, and removed.
 * Source:    dsnarf-milter(7), "What senders ask for is remembered".
 * Ownership: a connection owns its statements.
 * Errors:    DSN_CAPTURES_ERROR.
 * Threads:   a connection is used by one thread at a time.
 */
#ifndef DSN_PIPELINE_CAPTURES_DB_H
#define DSN_PIPELINE_CAPTURES_DB_H

#include "filter/pipeline/capture.h"

typedef enum DsnCapturesError {
    DSN_CAPTURES_ERROR_DISK,
    DSN_CAPTURES_ERROR_DAMAGED, /* what is in the file is no database, or a broken one */
    DSN_CAPTURES_ERROR_NEWER    /* a newer dsnarf wrote it */
} DsnCapturesError;

#define DSN_CAPTURES_ERROR dsn_captures_error_quark()
GQuark dsn_captures_error_quark(void);

typedef struct DsnCapturesDb DsnCapturesDb;

/* The writer makes the file at @path if need be, readable by its user alone. */
DsnCapturesDb *dsn_captures_db_open(const char *path, bool writer, GError **error);
void dsn_captures_db_close(DsnCapturesDb *db);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnCapturesDb, dsn_captures_db_close)

/* Puts all of @captures (of DsnCapture, finished) into it, or none. */
bool dsn_captures_db_put(DsnCapturesDb *db, const GQueue *captures, GError **error);

/* Removes up to some hundred captures, oldest first: those that are not from between @first and
 * @last, and as many as the database has too much for @max_bytes. *@ret_more: there may be more. */
bool dsn_captures_db_trim(DsnCapturesDb *db, int64_t first, int64_t last, int64_t max_bytes,
                          bool *ret_more, GError **error);

/* Bytes of what is kept, and unix seconds of the oldest capture, 0 if there is none. */
bool dsn_captures_db_measure(DsnCapturesDb *db, int64_t *ret_bytes, int64_t *ret_oldest,
                             GError **error);

/* Looks at some hundred captures behind *@cursor (0 at first) and removes those that name @address
 * so that their bytes are overwritten; *@ret_count grows. *@ret_more: it did not come to the end.
 */
bool dsn_captures_db_erase(DsnCapturesDb *db, const char *address, int64_t *cursor,
                           guint64 *ret_count, bool *ret_more, GError **error);

/* Free pages, with what was removed and not overwritten, go back to the file system. */
bool dsn_captures_db_shrink(DsnCapturesDb *db, GError **error);

/* No byte of what was erased is left in the log. Fails while somebody reads. */
bool dsn_captures_db_empty_log(DsnCapturesDb *db, GError **error);

/* A capture as it was kept; both are borrowed while it is looked at. */
typedef struct DsnKept {
    DsnSpan about;   /* a JSON object */
    DsnSpan content; /* absent: none was kept */
    bool whole;      /* the content is the message, and not its header alone */
} DsnKept;

/* True: it is the one. */
typedef bool (*DsnKeptLook)(const DsnKept *kept, gpointer user);

typedef enum DsnCaptureKey { DSN_CAPTURE_QUEUE, DSN_CAPTURE_MESSAGE } DsnCaptureKey;

/* Shows the captures with @key, newest first, until @look takes one; no more than a few. */
bool dsn_captures_db_find(DsnCapturesDb *db, DsnCaptureKey kind, int64_t key, DsnKeptLook look,
                          gpointer user, bool *ret_found, GError **error);

#endif
