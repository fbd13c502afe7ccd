/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/http-refusal.h"

#include <arpa/inet.h>

#include "filter/core/log.h"

#define INTERVAL G_TIME_SPAN_MINUTE
#define MOST_SOURCES 1000

typedef struct Source {
    int64_t logged;
    guint64 since; /* refusals that were not logged after it */
} Source;

struct DsnHttpRefusals {
    DsnMetrics *metrics;
    GMutex lock;
    GHashTable *sources; /* "cause peer" -> Source */
};

DsnHttpRefusals *
dsn_http_refusals_new(DsnMetrics *metrics)
{
    DsnHttpRefusals *refusals = g_new0(DsnHttpRefusals, 1);

    refusals->metrics = metrics;
    g_mutex_init(&refusals->lock);
    refusals->sources = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return refusals;
}

void
dsn_http_refusals_free(DsnHttpRefusals *refusals)
{
    if (refusals == NULL)
        return;
    g_hash_table_unref(refusals->sources);
    g_mutex_clear(&refusals->lock);
    g_free(refusals);
}

char *
dsn_http_peer_name(const struct sockaddr *peer)
{
    char text[INET6_ADDRSTRLEN] = "unix";

    if (peer->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)peer;

        (void)inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
    } else if (peer->sa_family == AF_INET6) {
        const struct in6_addr *v6 = &((const struct sockaddr_in6 *)peer)->sin6_addr;

        if (IN6_IS_ADDR_V4MAPPED(v6))
            (void)inet_ntop(AF_INET, v6->s6_addr + 12, text, sizeof(text));
        else
            (void)inet_ntop(AF_INET6, v6, text, sizeof(text));
    }
    return g_strdup(text);
}

static const char *
cause_name(DsnCounter cause)
{
    switch ((int)cause) {
    case DSN_COUNT_HTTP_TOKEN:
        return "token";
    case DSN_COUNT_HTTP_NETWORK:
        return "network";
    case DSN_COUNT_HTTP_TOO_LARGE:
        return "too-large";
    case DSN_COUNT_HTTP_OVERLOAD:
        return "overload";
    case DSN_COUNT_HTTP_DEADLINE:
        return "deadline";
    default:
        return "bad-request";
    }
}

static gboolean
is_old(gpointer key, gpointer value, gpointer user)
{
    const Source *source = value;
    const int64_t *now = user;

    (void)key;
    return *now - source->logged >= INTERVAL;
}

/* The source to account to: a remembered one, a new one, or, when all places are taken, that of
 * @cause from everywhere. */
static Source *
find_source(DsnHttpRefusals *refusals, const char *cause, char **peer, int64_t now)
{
    g_autofree char *key = g_strdup_printf("%s %s", cause, *peer);
    Source *source = g_hash_table_lookup(refusals->sources, key);

    if (source != NULL)
        return source;
    if (g_hash_table_size(refusals->sources) >= MOST_SOURCES) {
        (void)g_hash_table_foreach_remove(refusals->sources, is_old, &now);
        if (g_hash_table_size(refusals->sources) >= MOST_SOURCES) {
            g_free(*peer);
            *peer = g_strdup("others");
            g_free(key);
            key = g_strdup(cause);
            source = g_hash_table_lookup(refusals->sources, key);
            if (source != NULL)
                return source;
        }
    }
    source = g_new0(Source, 1);
    source->logged = now - INTERVAL;
    (void)g_hash_table_insert(refusals->sources, g_steal_pointer(&key), source);
    return source;
}

void
dsn_http_refused(DsnHttpRefusals *refusals, DsnCounter cause, const struct sockaddr *peer,
                 const char *detail, int64_t now)
{
    g_autofree char *name = dsn_http_peer_name(peer);
    guint64 since = 0;
    bool due;

    dsn_metrics_add(refusals->metrics, cause, 1);
    g_mutex_lock(&refusals->lock);
    Source *source = find_source(refusals, cause_name(cause), &name, now);
    due = now - source->logged >= INTERVAL;
    if (due) {
        since = source->since;
        source->logged = now;
        source->since = 0;
    } else {
        source->since++;
    }
    g_mutex_unlock(&refusals->lock);

    if (due) {
        DsnLogLine line;

        dsn_log_begin(&line, "http");
        dsn_log_text(&line, "refused", cause_name(cause));
        dsn_log_text(&line, "peer", name);
        dsn_log_text(&line, "detail", detail);
        if (since > 0)
            dsn_log_number(&line, "before", (int64_t)since);
        dsn_log_end(&line, DSN_LOG_WARNING);
    }
}
