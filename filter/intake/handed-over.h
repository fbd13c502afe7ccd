/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * handed-over.h - sockets that the service manager listens on for us
 *
 * Purpose:   find the one for an address, so that connections wait in it while the daemon restarts.
 * Source:    sd_listen_fds(3), its protocol: $LISTEN_PID and $LISTEN_FDS.
 * Ownership: who takes a socket closes it, and neither shuts it down nor removes its path: it stays
 *            the service manager's, too.
 * Errors:    a socket that is not listening is none.
 * Threads:   start and stop of the daemon.
 *
 * A socket belongs to the option that names its address, so nothing else says that there is one.
 */
#ifndef DSN_INTAKE_HANDED_OVER_H
#define DSN_INTAKE_HANDED_OVER_H

#include <glib.h>
#include <stdbool.h>
#include <sys/socket.h>

/* Takes the socket that listens at @address: from now on it is close-on-exec and non-blocking. -1:
 * there is none. */
int dsn_handed_over_take(const struct sockaddr *address);

/* True if @fd is one of them. */
bool dsn_handed_over_is(int fd);

/* The addresses of those that nobody has taken (of char *, transfer full). */
GPtrArray *dsn_handed_over_left(void);

#endif
