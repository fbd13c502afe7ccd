/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * milter-socket.h - where libmilter listens
 *
 * Purpose:   open it with the rights that were asked for, interrupt the wait for connections, and
 *            remove it.
 * Source:    dsnarf.toml(5), milter.listen; libmilter's page smfi_setconn.
 * Ownership: dsn_milter_socket_clear() frees; the descriptor is libmilter's.
 * Errors:    G_FILE_ERROR with the name of the socket.
 * Threads:   start and stop of the daemon.
 */
#ifndef DSN_INTAKE_MILTER_SOCKET_H
#define DSN_INTAKE_MILTER_SOCKET_H

#include <glib.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>

typedef struct DsnMilterSocket {
    char *where;                     /* as the option has it */
    const char *path;                /* of a unix socket, in @where, else NULL */
    struct sockaddr_storage address; /* to connect to it */
    socklen_t length;
    struct stat made; /* the unix socket as it was made */
} DsnMilterSocket;

/* Makes libmilter listen at @where. A unix socket gets @mode and @group (NULL or "": ours), before
 * that nobody but us can connect; one that nobody answers at is replaced.
 * One that the service manager listens on stays as it is. */
bool dsn_milter_socket_open(DsnMilterSocket *ret_socket, const char *where, unsigned mode,
                            const char *group, GError **error);

/* True when libmilter takes a connection and lets go of it again: its threads work. Waits for @time
 * at most. */
bool dsn_milter_socket_answers(const DsnMilterSocket *socket, GTimeSpan time);

/* Connects and hangs up, so that libmilter looks whether there is something to do. Does not when
 * the other end would have no descriptor lower than @max_descriptor. */
void dsn_milter_socket_wake(const DsnMilterSocket *socket, int max_descriptor);

/* Removes a unix socket that is still the one that was made. */
void dsn_milter_socket_remove(const DsnMilterSocket *socket);

void dsn_milter_socket_clear(DsnMilterSocket *socket);

#endif
