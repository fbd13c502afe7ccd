/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * milter.h - reports that an MTA shows us while it receives them
 *
 * Purpose:   collect the mail for the addresses of the roles, hand it to the pipeline at its end,
 *            and tell the MTA what becomes of it. All other mail passes unread.
 * Source:    dsnarf-milter(7); protocol version 6 of libmilter, and older ones.
 * Ownership: borrows the pipeline, which must outlive dsn_milter_stop().
 * Errors:    G_FILE_ERROR with the name of the socket.
 * Threads:   libmilter has its own: one that listens and many that work.
 *
 * libmilter keeps its state in globals: there is one milter in a process, and it is started once.
 */
#ifndef DSN_INTAKE_MILTER_H
#define DSN_INTAKE_MILTER_H

#include "filter/pipeline/pipeline.h"

typedef struct DsnMilter DsnMilter;

/* Listens at milter.listen, which must be set, and takes connections with descriptors lower than
 * @max_descriptor, and milter.connections of them. Returns NULL and @error if it cannot. */
DsnMilter *dsn_milter_start(DsnPipeline *pipeline, int max_descriptor, GError **error);

/* True if libmilter gave up by itself; the process has got a SIGTERM then. NULL is fine. */
bool dsn_milter_has_failed(const DsnMilter *milter);

/* Takes no new connection, lets each end of message that is being worked on be answered (for ten
 * seconds), ends all connections, so that the MTA does what it does without a milter, and removes a
 * unix socket. NULL is fine. */
void dsn_milter_stop(DsnMilter *milter);

#endif
