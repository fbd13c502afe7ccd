/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * captures.h - the store of what was captured
 *
 * Purpose:   keep captures for a time and up to a size, and find them again, without ever making
 *            mail wait.
 * Source:    dsnarf-milter(7), "What senders ask for is remembered".
 * Ownership: the store takes captures over.
 * Errors:    what cannot be kept is counted and dropped, with one line of log a minute; what cannot
 *            be read was not found.
 * Threads:   any. One thread of its own writes.
 *
 * Losing a capture costs a wish and not a message: so a commit waits for no disk, and what waits
 * for the writer is bounded. The file is captures.db in the directory of the spool; it is made with
 * the first capture.
 */
#ifndef DSN_PIPELINE_CAPTURES_H
#define DSN_PIPELINE_CAPTURES_H

#include "filter/core/metrics.h"
#include "filter/pipeline/capture.h"

#include <jansson.h>

#define DSN_CAPTURES_FILE "captures.db"

typedef struct DsnCaptures DsnCaptures;

/* Goes on with what is in @directory. @min_free bytes of its file system are left alone. */
DsnCaptures *dsn_captures_new(const char *directory, size_t min_free,
                              const DsnCaptureOptions *options, DsnMetrics *metrics);

/* Keeps what waits, if that does not take long. NULL is fine. */
void dsn_captures_free(DsnCaptures *captures);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnCaptures, dsn_captures_free)

/* From now on @options are in force. */
void dsn_captures_configure(DsnCaptures *captures, const DsnCaptureOptions *options);

/* What captures for this store take up in memory (transfer none). */
DsnCaptureRoom *dsn_captures_room(DsnCaptures *captures);

/* Takes @capture over and keeps it soon. NULL, or one that is lost, is counted as dropped. */
void dsn_captures_add(DsnCaptures *captures, DsnCapture *capture);

/* True while something may be found. */
bool dsn_captures_in_use(DsnCaptures *captures);

/* By what a message is looked for; absent is what is not known. */
typedef struct DsnSought {
    DsnSpan sender;   /* normalised */
    DsnSpan trace_id; /* queue id that a trace of ours has */
    DsnSpan queue_id;
    DsnSpan message_id; /* with or without angle brackets */
    const char *const *recipients;
    size_t n_recipients;
} DsnSought;

typedef struct DsnFoundCapture {
    const char *by;   /* "trace", "queue-id", "message-id" */
    json_t *about;    /* see capture.h */
    GString *content; /* NULL: none was kept */
    bool whole;
} DsnFoundCapture;

/* In that order. By its Message-ID a message is found only with one of the recipients. */
bool dsn_captures_find(DsnCaptures *captures, const DsnSought *sought, DsnFoundCapture *ret_found);
void dsn_found_capture_clear(DsnFoundCapture *found);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DsnFoundCapture, dsn_found_capture_clear)

/* Removes all that names @address; waits until that is done. */
bool dsn_captures_erase(DsnCaptures *captures, const char *address, guint64 *ret_count,
                        GError **error);

typedef struct DsnCapturesState {
    guint64 bytes;  /* on disk, as of a moment ago */
    int64_t oldest; /* unix seconds, 0: there is none */
} DsnCapturesState;

void dsn_captures_state(DsnCaptures *captures, DsnCapturesState *ret_state);

#endif
