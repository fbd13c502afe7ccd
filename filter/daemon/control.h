/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control.h - the socket on which the daemon answers the commands
 *
 * Purpose:   carry out the requests of an administrator while the daemon has the spool.
 * Source:    queue-commands.h has requests and answers.
 * Ownership: borrows the queue until it is stopped.
 * Errors:    G_FILE_ERROR with the name of the socket.
 * Threads:   one, for one request at a time; and those of ingest.
 *
 * The socket lies in the directory of the spool, which only the daemon's user may enter, with mode
 * 0600. A connection carries one request, one line, and its answer. Who sends it, or reads the
 * answer, has ten seconds for each piece. The request {"command":"ingest"} turns the connection
 * into one as ingest-server.h has it, with a thread of its own.
 */
#ifndef DSN_DAEMON_CONTROL_H
#define DSN_DAEMON_CONTROL_H

#include "filter/daemon/queue-commands.h"

/* "unix:DIRECTORY/control" (transfer full). */
char *dsn_control_where(const char *directory);

typedef struct DsnControl DsnControl;

DsnControl *dsn_control_start(const char *directory, const DsnQueue *queue, GError **error);

/* Finishes the request that is being carried out; its answer may be cut short. NULL is fine. */
void dsn_control_stop(DsnControl *control);

#endif
