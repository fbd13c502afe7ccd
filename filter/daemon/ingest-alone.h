/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ingest-alone.h - the owner of a spool for as long as one command lasts
 *
 * Purpose:   open the spool where no daemon runs, in a process of its own, and serve "dsnarf
 *            ingest" as the daemon would.
 * Source:    ingest-server.h.
 * Ownership: said at each function.
 * Errors:    what keeps it from serving is the first thing that it says over its first socket.
 * Threads:   started from a process that has only one.
 *
 * A process of its own can be the user to whom the spool belongs, while its parent reads files that
 * only root may read. It ends when its sockets are closed, also by the death of its parent.
 */
#ifndef DSN_DAEMON_INGEST_ALONE_H
#define DSN_DAEMON_INGEST_ALONE_H

#include "filter/pipeline/policy.h"

/* Starts it with @n sockets, whose other ends go to @ret_fds (transfer full); a spool in @directory
 * is made if there is none. @scratch: it is nobody's, and its outlets do not matter. -1: @error. */
pid_t dsn_ingest_alone_start(DsnPolicy *policy, const char *directory, bool scratch, unsigned n,
                             int *ret_fds, GError **error);

/* Waits until it has ended, all of @ret_fds being closed. */
bool dsn_ingest_alone_wait(pid_t child, GError **error);

#endif
