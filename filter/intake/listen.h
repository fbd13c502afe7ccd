/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * listen.h - sockets that others connect to
 *
 * Purpose:   open what "listen" options name, with the rights that they ask for.
 * Source:    dsnarf.toml(5).
 * Ownership: the descriptor is the caller's; dsn_listen_close() also removes a unix socket.
 * Errors:    G_FILE_ERROR with the name of the socket.
 * Threads:   start of the daemon.
 */
#ifndef DSN_INTAKE_LISTEN_H
#define DSN_INTAKE_LISTEN_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* Opens @where (see socket-address.h): close-on-exec, non-blocking. A unix socket gets @mode (0660)
 * and @group (NULL: ours); one that nobody answers at is replaced. Returns the descriptor, or -1.
 */
int dsn_listen_open(const char *where, unsigned mode, const char *group, GError **error);

/* @where with the port that the system chose for port 0 (transfer full). */
char *dsn_listen_name(const char *where, int fd);

void dsn_listen_close(const char *where, int fd);

#endif
