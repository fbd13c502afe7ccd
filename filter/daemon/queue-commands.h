/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue-commands.h - what an administrator asks of the spool
 *
 * Purpose:   carry out one request, whether the daemon runs and takes it over its control socket,
 *            or "dsnarf queue" or "dsnarf why" has opened the spool itself.
 * Source:    dsnarf(8), "The queue".
 * Ownership: borrows all that it works with.
 * Errors:    the last line of the answer says what went wrong.
 * Threads:   any.
 *
 * A request is a JSON object with a "command":
 *   list     "dead", "waiting" (true: only these), "recipient"
 *   show     "entry"
 *   retry    "entries" (of numbers), or all, or with "dead" or "waiting" only these
 *   drop     "entries", or "recipient"
 *   purge    "older_than" (seconds): dead letters that are older
 *   why      "id": a record's or a report's id, or a Message-ID
 *   status
 * The answer to "why" is a line for each thing that happened, oldest first: "time" (RFC 3339),
 * "subject" (the id it is about), and what the spool remembers; then one as for "list" for each
 * notice that they are about, of which there is only "entry" and "state":"gone" when it has left.
 * The answer to the others is a line of JSON for each entry (list, show) or piece of content in
 * base64 (show), and a last one, {"done":{...}} or {"error":"..."}.
 */
#ifndef DSN_DAEMON_QUEUE_COMMANDS_H
#define DSN_DAEMON_QUEUE_COMMANDS_H

#include "filter/pipeline/pipeline.h"

/* Bytes of a request. */
#define DSN_QUEUE_REQUEST_MAX ((size_t)64 * 1024)

/* Bytes of one line of an answer. */
#define DSN_QUEUE_LINE_MAX ((size_t)1024 * 1024)

typedef struct DsnQueue {
    DsnSpool *spool;
    DsnCaptures *captures; /* may be NULL */
    /* NULL where the daemon does not run, and nothing that was rejected can be taken up again. */
    DsnPipeline *pipeline;
    void (*retried)(gpointer user);               /* notices are due now; may be NULL */
    void (*status)(gpointer user, GString *json); /* more members for "status"; may be NULL */
    gpointer user;
} DsnQueue;

/* Takes whole lines. False: nobody wants more of them. */
typedef bool (*DsnQueueWrite)(gpointer user, DsnSpan lines);

void dsn_queue_run(const DsnQueue *queue, DsnSpan request, DsnQueueWrite write, gpointer user);

#endif
