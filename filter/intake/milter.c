/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/milter.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include <libmilter/mfapi.h>

#include "filter/intake/milter-session.h"
#include "filter/intake/milter-socket.h"

/* Seconds that a connection may be silent: an MTA keeps an SMTP session that long at most (RFC 5321
 * section 4.5.3.2.7 asks for five minutes, Sendmail waits an hour for a command). */
#define SILENCE 7200

/* How long end-of-message work may go on after a stop, which Postfix waits for (five minutes) but
 * a service manager does not. */
#define STOP_TIME (10 * G_TIME_SPAN_SECOND)

struct DsnMilter {
    DsnMilterSocket socket;
    GThread *listener;
    GThread *stopper;
    gint stopping;
    gint closed; /* libmilter has closed the listening socket */
};

/* libmilter goes into a busy loop when it is out of descriptors, and an MTA may open many
 * connections. */
static void
raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* it is as good as before then */
    }
}

static gpointer
listen_on(gpointer data)
{
    DsnMilter *milter = data;

    if (smfi_main() != MI_SUCCESS || g_atomic_int_get(&milter->stopping) == 0)
        dsn_log_event(DSN_LOG_ERROR, "milter: %s: libmilter gave up, restart dsnarf",
                      milter->socket.where);
    return NULL;
}

/* libmilter's threads inherit the mask, so that no signal for the daemon is handled in one of
 * them. */
static GThread *
start_listener(DsnMilter *milter)
{
    sigset_t all, before;
    GThread *thread = NULL;

    (void)sigfillset(&all); /* these cannot fail */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    thread = g_thread_new("milter", listen_on, milter);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return thread;
}

DsnMilter *
dsn_milter_start(DsnPipeline *pipeline, GError **error)
{
    g_autoptr(DsnPolicy) policy = dsn_pipeline_policy(pipeline);
    const DsnConfiguration *configuration = policy->configuration;
    DsnMilter *milter = g_new0(DsnMilter, 1);

    raise_descriptor_limit();
    (void)smfi_settimeout(SILENCE); /* always succeeds */
    if (!dsn_milter_session_begin(pipeline)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                    "milter: this libmilter is not the one that dsnarf was built for");
        g_free(milter);
        return NULL;
    }
    if (!dsn_milter_socket_open(&milter->socket, configuration->milter.listen,
                                (unsigned)configuration->milter.socket_mode,
                                configuration->milter.socket_group, error)) {
        g_free(milter);
        return NULL;
    }
    milter->listener = start_listener(milter);
    return milter;
}

/* Waits for the listener to come back from its wait for connections. */
static gpointer
close_listener(gpointer data)
{
    DsnMilter *milter = data;

    (void)smfi_stop(); /* always succeeds */
    g_atomic_int_set(&milter->closed, 1);
    return NULL;
}

void
dsn_milter_stop(DsnMilter *milter)
{
    if (milter == NULL)
        return;
    g_atomic_int_set(&milter->stopping, 1);
    milter->stopper = g_thread_new("milter-stop", close_listener, milter);
    /* The listener looks only every five seconds whether it is to stop, and after each connection.
     */
    while (g_atomic_int_get(&milter->closed) == 0) {
        dsn_milter_socket_wake(&milter->socket);
        g_usleep(10 * G_TIME_SPAN_MILLISECOND);
    }
    (void)g_thread_join(milter->stopper);
    (void)g_thread_join(milter->listener);
    if (!dsn_milter_session_end(STOP_TIME))
        dsn_log_event(DSN_LOG_WARNING, "milter: %s: stopped before all messages were answered",
                      milter->socket.where);
    dsn_milter_socket_close(&milter->socket);
    g_free(milter);
}
