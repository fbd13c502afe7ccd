/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * milter-connections.h - the connections that libmilter takes
 *
 * Purpose:   bound them, and end them at the stop.
 * Source:    libmilter 8.17, mi_listener() and mi_signal_thread(); accept(2), sigwait(3).
 * Ownership: descriptors are libmilter's.
 * Errors:    logged, at most once a minute.
 * Threads:   libmilter's, and the one that stops it.
 *
 * libmilter goes into a busy loop when it is out of descriptors, and its signal thread waits for
 * signals that are the daemon's. It finds both functions by their names, as every shared library
 * does: so the program has an accept() and a sigwait() of its own, as ever for all others.
 * A connection whose descriptor is not below max_descriptor is not taken, and none at the stop.
 */
#ifndef DSN_INTAKE_MILTER_CONNECTIONS_H
#define DSN_INTAKE_MILTER_CONNECTIONS_H

#include "filter/intake/milter-work.h"

void dsn_milter_count_refusal(const DsnMilterShared *shared);

/* True if it is time to say something again that was said at *@last. */
bool dsn_milter_may_complain(int64_t *last);

/* Ends all connections that came in over the socket with @address. The MTA sees the end at once. */
void dsn_milter_connections_cut(const struct sockaddr *address, int max_descriptor);

#endif
