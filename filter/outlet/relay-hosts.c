/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/relay-hosts.h"

#include "filter/core/log.h"
#include "filter/outlet/relay-schedule.h"

typedef struct Host {
    char *name;
    unsigned faults; /* in a row */
    gint64 until;    /* the end of its pause, monotonic */
    bool tried;      /* by one thread, after a pause */
} Host;

struct DsnRelayHosts {
    char *label; /* in the log */
    GMutex lock;
    GCond changed;
    GArray *hosts; /* of Host */
    GTimeSpan least, most;
    char *fault; /* the last one, "host: reason" */
    bool closed;
};

static void
host_clear(gpointer data)
{
    g_free(((Host *)data)->name);
}

DsnRelayHosts *
dsn_relay_hosts_new(const char *name)
{
    DsnRelayHosts *hosts = g_new0(DsnRelayHosts, 1);

    hosts->label = name == NULL ? g_strdup("relay") : g_strconcat("relay ", name, NULL);
    g_mutex_init(&hosts->lock);
    g_cond_init(&hosts->changed);
    hosts->hosts = g_array_new(FALSE, TRUE, sizeof(Host));
    g_array_set_clear_func(hosts->hosts, host_clear);
    return hosts;
}

void
dsn_relay_hosts_free(DsnRelayHosts *hosts)
{
    if (hosts == NULL)
        return;
    g_mutex_clear(&hosts->lock);
    g_cond_clear(&hosts->changed);
    g_array_unref(hosts->hosts);
    g_free(hosts->label);
    g_free(hosts->fault);
    g_free(hosts);
}

void
dsn_relay_hosts_set(DsnRelayHosts *hosts, const GPtrArray *names, GTimeSpan least, GTimeSpan most)
{
    g_mutex_lock(&hosts->lock);
    g_array_set_size(hosts->hosts, 0);
    for (guint i = 0; i < names->len; i++) {
        Host host = {.name = g_strdup(g_ptr_array_index(names, i))};

        g_array_append_val(hosts->hosts, host);
    }
    hosts->least = least;
    hosts->most = MAX(least, most);
    g_cond_broadcast(&hosts->changed);
    g_mutex_unlock(&hosts->lock);
    if (names->len == 0)
        dsn_log_event(DSN_LOG_WARNING, "%s: no host is configured, notices wait", hosts->label);
}

void
dsn_relay_hosts_forget(DsnRelayHosts *hosts)
{
    g_mutex_lock(&hosts->lock);
    for (guint i = 0; i < hosts->hosts->len; i++) {
        Host *host = &g_array_index(hosts->hosts, Host, i);

        host->faults = 0;
        host->until = 0;
        host->tried = false;
    }
    g_cond_broadcast(&hosts->changed);
    g_mutex_unlock(&hosts->lock);
}

void
dsn_relay_hosts_close(DsnRelayHosts *hosts)
{
    g_mutex_lock(&hosts->lock);
    hosts->closed = true;
    g_cond_broadcast(&hosts->changed);
    g_mutex_unlock(&hosts->lock);
}

/* The host of that name, or NULL if there is none any more. The lock is held. */
static Host *
find(DsnRelayHosts *hosts, const char *name)
{
    for (guint i = 0; i < hosts->hosts->len; i++) {
        Host *host = &g_array_index(hosts->hosts, Host, i);

        if (g_str_equal(host->name, name))
            return host;
    }
    return NULL;
}

/* A connection that works stays in use while others to the same host fail: the host may have as
 * many as it wants. */
static bool
is_granted(const Host *host, const char *own, gint64 now)
{
    if (host->faults == 0 || g_strcmp0(host->name, own) == 0)
        return true;
    return !host->tried && host->until <= now;
}

bool
dsn_relay_hosts_wait(DsnRelayHosts *hosts, const char *own, gint64 until)
{
    bool granted = false;

    g_mutex_lock(&hosts->lock);
    while (!granted && !hosts->closed) {
        gint64 now = g_get_monotonic_time();
        gint64 wake = until;

        for (guint i = 0; i < hosts->hosts->len; i++) {
            const Host *host = &g_array_index(hosts->hosts, Host, i);

            granted = granted || is_granted(host, own, now);
            if (!host->tried)
                wake = MIN(wake, host->until);
        }
        if (granted || now >= until)
            break;
        (void)g_cond_wait_until(&hosts->changed, &hosts->lock, wake);
    }
    g_mutex_unlock(&hosts->lock);
    return granted;
}

bool
dsn_relay_hosts_claim(DsnRelayHosts *hosts, const char *name, const char *own)
{
    g_mutex_lock(&hosts->lock);
    Host *host = find(hosts, name);
    bool granted = host != NULL && is_granted(host, own, g_get_monotonic_time());
    if (granted && host->faults > 0 && g_strcmp0(name, own) != 0)
        host->tried = true;
    g_mutex_unlock(&hosts->lock);
    return granted;
}

/* What a connection that is older than a pause has to tell neither ends nor lengthens the pause. */

void
dsn_relay_hosts_works(DsnRelayHosts *hosts, const char *name)
{
    g_mutex_lock(&hosts->lock);
    Host *host = find(hosts, name);
    if (host != NULL && host->faults > 0 && host->until <= g_get_monotonic_time()) {
        dsn_log_event(DSN_LOG_INFO, "%s: host %s works again", hosts->label, name);
        host->faults = 0;
        host->tried = false;
        g_cond_broadcast(&hosts->changed);
    }
    g_mutex_unlock(&hosts->lock);
}

void
dsn_relay_hosts_fails(DsnRelayHosts *hosts, const char *name, const char *reason)
{
    gint64 now = g_get_monotonic_time();

    g_mutex_lock(&hosts->lock);
    Host *host = find(hosts, name);
    g_free(hosts->fault);
    hosts->fault = g_strdup_printf("%s: %s", name, reason);
    if (host != NULL && host->until <= now) {
        GTimeSpan pause =
            dsn_relay_delay(hosts->least, hosts->most, ++host->faults, g_random_double());

        host->until = now + pause;
        host->tried = false;
        dsn_log_event(DSN_LOG_WARNING, "%s: host %s paused for %.0f s: %s", hosts->label, name,
                      (double)pause / G_TIME_SPAN_SECOND, reason);
        g_cond_broadcast(&hosts->changed);
    }
    g_mutex_unlock(&hosts->lock);
}

void
dsn_relay_hosts_unused(DsnRelayHosts *hosts, const char *name)
{
    g_mutex_lock(&hosts->lock);
    Host *host = find(hosts, name);
    if (host != NULL) {
        host->tried = false;
        g_cond_broadcast(&hosts->changed);
    }
    g_mutex_unlock(&hosts->lock);
}

char *
dsn_relay_hosts_fault(DsnRelayHosts *hosts)
{
    g_mutex_lock(&hosts->lock);
    char *fault = g_strdup(hosts->fault == NULL ? "no host could be used" : hosts->fault);
    g_mutex_unlock(&hosts->lock);
    return fault;
}
