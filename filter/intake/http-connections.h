/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http-connections.h - who is connected, and how long that may last
 *
 * Purpose:   end what is too slow, and make room by ending what is idle.
 * Source:    dsnarf.toml(5), http.connections and http.deadline.
 * Ownership: a connection lives from add to remove; its descriptor is the server's.
 * Errors:    none.
 * Threads:   any. A descriptor is shut down only between add and remove, so never a later one of
 *            the same number.
 *
 * libmicrohttpd's own time-out starts again with every byte, which a slow sender can make use of.
 */
#ifndef DSN_INTAKE_HTTP_CONNECTIONS_H
#define DSN_INTAKE_HTTP_CONNECTIONS_H

#include "filter/intake/http-refusal.h"

#include <stdbool.h>

typedef enum DsnHttpPhase {
    DSN_HTTP_IDLE,      /* no request, or one whose header is not complete */
    DSN_HTTP_RECEIVING, /* a body */
    DSN_HTTP_WAITING,   /* it is we who take the time */
    DSN_HTTP_ANSWERING,
    DSN_HTTP_N_PHASES
} DsnHttpPhase;

typedef struct DsnHttpConnections DsnHttpConnections;
typedef struct DsnHttpConnection DsnHttpConnection;

DsnHttpConnections *dsn_http_connections_new(DsnHttpRefusals *refusals);
void dsn_http_connections_free(DsnHttpConnections *connections);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnHttpConnections, dsn_http_connections_free)

/* A new connection, idle until @until (monotonic microseconds). If that makes more than @most, the
 * one that has been idle for longest is ended. */
DsnHttpConnection *dsn_http_connections_add(DsnHttpConnections *connections, int fd,
                                            const struct sockaddr *peer, int64_t until,
                                            size_t most);
void dsn_http_connections_remove(DsnHttpConnections *connections, DsnHttpConnection *connection);

/* Enters @phase, which is to be left before @until; 0: whenever. False for DSN_HTTP_WAITING after
 * dsn_http_connections_finish(): nobody is there any more to wait for. */
bool dsn_http_connections_enter(DsnHttpConnections *connections, DsnHttpConnection *connection,
                                DsnHttpPhase phase, int64_t until);

/* False if there are more than @most, and a good part of them is of the host of @connection: others
 * still get in, as far as the server lets them. */
bool dsn_http_connections_has_room(DsnHttpConnections *connections,
                                   const DsnHttpConnection *connection, size_t most);

/* Those that were not ended. */
size_t dsn_http_connections_count(DsnHttpConnections *connections);
const struct sockaddr *dsn_http_connection_peer(const DsnHttpConnection *connection);

/* Ends connections that are late at @now. */
void dsn_http_connections_sweep(DsnHttpConnections *connections, int64_t now);

/* Ends the idle ones, and returns when none waits for us and, or after @until, none sends or reads
 * any more. */
void dsn_http_connections_finish(DsnHttpConnections *connections, int64_t until);

#endif
