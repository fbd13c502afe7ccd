/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/http-connections.h"

#include <netinet/in.h>
#include <string.h>

/* A host with more than this part of all connections is the one that has too many. */
#define GOOD_PART 4

struct DsnHttpConnection {
    GList link;
    int fd;
    DsnHttpPhase phase;
    int64_t since, until;
    bool ended; /* shut down, not removed yet */
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } peer;
};

struct DsnHttpConnections {
    DsnHttpRefusals *refusals;
    GMutex lock;
    GCond changed;
    GQueue all; /* by age of the connection */
    size_t n_ended;
    size_t in_phase[DSN_HTTP_N_PHASES];
    bool finished;
};

DsnHttpConnections *
dsn_http_connections_new(DsnHttpRefusals *refusals)
{
    DsnHttpConnections *connections = g_new0(DsnHttpConnections, 1);

    connections->refusals = refusals;
    g_mutex_init(&connections->lock);
    g_cond_init(&connections->changed);
    g_queue_init(&connections->all);
    return connections;
}

void
dsn_http_connections_free(DsnHttpConnections *connections)
{
    if (connections == NULL)
        return;
    g_assert(connections->all.length == 0);
    g_mutex_clear(&connections->lock);
    g_cond_clear(&connections->changed);
    g_free(connections);
}

/* The server sees the end of the stream, and removes the connection. */
static void
end(DsnHttpConnections *connections, DsnHttpConnection *connection)
{
    if (connection->ended)
        return;
    (void)shutdown(connection->fd, SHUT_RDWR); /* it may have gone by itself */
    connection->ended = true;
    connections->n_ended++;
}

static void
end_longest_idle(DsnHttpConnections *connections)
{
    DsnHttpConnection *longest = NULL;

    for (GList *link = connections->all.head; link != NULL; link = link->next) {
        DsnHttpConnection *connection = link->data;

        if (connection->phase == DSN_HTTP_IDLE && !connection->ended &&
            (longest == NULL || connection->since < longest->since))
            longest = connection;
    }
    if (longest != NULL)
        end(connections, longest);
}

DsnHttpConnection *
dsn_http_connections_add(DsnHttpConnections *connections, int fd, const struct sockaddr *peer,
                         int64_t until, size_t most)
{
    DsnHttpConnection *connection = g_new0(DsnHttpConnection, 1);

    connection->link.data = connection;
    connection->fd = fd;
    connection->since = g_get_monotonic_time();
    connection->until = until;
    connection->peer.any.sa_family = peer->sa_family;
    if (peer->sa_family == AF_INET)
        memcpy(&connection->peer.v4, peer, sizeof(connection->peer.v4));
    else if (peer->sa_family == AF_INET6)
        memcpy(&connection->peer.v6, peer, sizeof(connection->peer.v6));

    g_mutex_lock(&connections->lock);
    if (connections->all.length - connections->n_ended >= most)
        end_longest_idle(connections);
    g_queue_push_tail_link(&connections->all, &connection->link);
    connections->in_phase[DSN_HTTP_IDLE]++;
    g_mutex_unlock(&connections->lock);
    return connection;
}

void
dsn_http_connections_remove(DsnHttpConnections *connections, DsnHttpConnection *connection)
{
    g_mutex_lock(&connections->lock);
    g_queue_unlink(&connections->all, &connection->link);
    connections->in_phase[connection->phase]--;
    connections->n_ended -= connection->ended;
    g_cond_broadcast(&connections->changed);
    g_mutex_unlock(&connections->lock);
    g_free(connection);
}

bool
dsn_http_connections_enter(DsnHttpConnections *connections, DsnHttpConnection *connection,
                           DsnHttpPhase phase, int64_t until)
{
    g_mutex_lock(&connections->lock);
    bool entered = phase != DSN_HTTP_WAITING || !connections->finished;
    if (entered) {
        connections->in_phase[connection->phase]--;
        connections->in_phase[phase]++;
        connection->phase = phase;
        connection->since = g_get_monotonic_time();
        connection->until = until;
        g_cond_broadcast(&connections->changed);
    }
    g_mutex_unlock(&connections->lock);
    return entered;
}

static bool
is_same_host(const DsnHttpConnection *a, const DsnHttpConnection *b)
{
    if (a->peer.any.sa_family != b->peer.any.sa_family)
        return false;
    if (a->peer.any.sa_family == AF_INET)
        return a->peer.v4.sin_addr.s_addr == b->peer.v4.sin_addr.s_addr;
    return a->peer.any.sa_family != AF_INET6 ||
           memcmp(&a->peer.v6.sin6_addr, &b->peer.v6.sin6_addr, sizeof(struct in6_addr)) == 0;
}

bool
dsn_http_connections_has_room(DsnHttpConnections *connections, const DsnHttpConnection *connection,
                              size_t most)
{
    size_t own = 0;

    g_mutex_lock(&connections->lock);
    bool room = connections->all.length - connections->n_ended <= most;
    for (GList *link = connections->all.head; link != NULL && !room; link = link->next)
        own += !((DsnHttpConnection *)link->data)->ended && is_same_host(link->data, connection);
    g_mutex_unlock(&connections->lock);
    return room || own <= most / GOOD_PART;
}

size_t
dsn_http_connections_count(DsnHttpConnections *connections)
{
    g_mutex_lock(&connections->lock);
    size_t count = connections->all.length - connections->n_ended;
    g_mutex_unlock(&connections->lock);
    return count;
}

const struct sockaddr *
dsn_http_connection_peer(const DsnHttpConnection *connection)
{
    return &connection->peer.any;
}

void
dsn_http_connections_sweep(DsnHttpConnections *connections, int64_t now)
{
    g_mutex_lock(&connections->lock);
    for (GList *link = connections->all.head; link != NULL; link = link->next) {
        DsnHttpConnection *connection = link->data;

        if (connection->ended || connection->until == 0 || connection->until > now)
            continue;
        end(connections, connection);
        if (connection->phase == DSN_HTTP_RECEIVING)
            dsn_http_refused(connections->refusals, DSN_COUNT_HTTP_DEADLINE, &connection->peer.any,
                             "the body did not come in time", now);
        else if (connection->phase == DSN_HTTP_ANSWERING)
            dsn_http_refused(connections->refusals, DSN_COUNT_HTTP_DEADLINE, &connection->peer.any,
                             "the answer was not read in time", now);
    }
    g_mutex_unlock(&connections->lock);
}

void
dsn_http_connections_finish(DsnHttpConnections *connections, int64_t until)
{
    const size_t *in_phase = connections->in_phase;
    bool in_time = true;

    g_mutex_lock(&connections->lock);
    for (GList *link = connections->all.head; link != NULL; link = link->next) {
        DsnHttpConnection *connection = link->data;

        if (connection->phase == DSN_HTTP_IDLE)
            end(connections, connection);
    }
    while (in_phase[DSN_HTTP_WAITING] > 0 ||
           (in_time && in_phase[DSN_HTTP_RECEIVING] + in_phase[DSN_HTTP_ANSWERING] > 0)) {
        if (in_time)
            in_time = g_cond_wait_until(&connections->changed, &connections->lock, until);
        else
            g_cond_wait(&connections->changed, &connections->lock);
    }
    connections->finished = true;
    g_mutex_unlock(&connections->lock);
}
