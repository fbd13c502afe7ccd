/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/milter.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#include "filter/intake/milter-connections.h"
#include "filter/intake/milter-session.h"
#include "filter/intake/milter-socket.h"

/* Seconds that a connection may be silent: an MTA keeps an SMTP session that long at most (RFC 5321
 * section 4.5.3.2.7 asks for five minutes, Sendmail waits an hour for a command). */
#define SILENCE 7200

/* How long libmilter's threads may take to start. */
#define START_TIME (10 * G_TIME_SPAN_SECOND)

/* How long end-of-message work may go on after a stop, which Postfix waits for (five minutes) but
 * a service manager does not. */
#define STOP_TIME (10 * G_TIME_SPAN_SECOND)

/* libmilter's threads may wait for ever for a lock that another has done away with at the stop. */
#define LISTENER_TIME G_TIME_SPAN_SECOND

/* How long a connection may wait for a worker of libmilter's. */
#define NUDGE_INTERVAL (200 * G_TIME_SPAN_MILLISECOND)

struct DsnMilter {
    DsnMilterSocket socket;
    int max_descriptor;
    GThread *listener;
    GThread *nudger;
    gint stopping;
    gint failed;   /* the listener ended by itself */
    gint closed;   /* libmilter has closed the listening socket */
    gint returned; /* the listener will not touch this any more */
};

/* Without the listener the daemon is of no use to the MTA, and libmilter cannot start it again in
 * this process. The daemon stops in good order, with a status that makes its supervisor start it
 * again. */
static gpointer
listen_on(gpointer data)
{
    DsnMilter *milter = data;

    (void)smfi_main(); /* it returns when something fails, or at the stop */
    if (g_atomic_int_get(&milter->stopping) == 0) {
        dsn_log_event(DSN_LOG_ERROR, "milter: %s: libmilter gave up, dsnarf stops",
                      milter->socket.where);
        g_atomic_int_set(&milter->failed, 1);
        (void)kill(getpid(), SIGTERM); /* to oneself it is allowed */
    }
    g_atomic_int_set(&milter->returned, 1);
    return NULL;
}

/* libmilter may send one idle worker to two connections. When the first keeps it, by half a packet
 * or an end of message that takes its time, the second waits, until a new connection makes
 * libmilter start another worker, which then looks for others that wait. So one comes every now and
 * then while there are connections. */
static gpointer
nudge(gpointer data)
{
    const DsnMilter *milter = data;
    DsnMilterShared *shared = dsn_milter_shared();

    while (g_atomic_int_get(&milter->stopping) == 0) {
        if (g_atomic_int_get(&shared->taken) != g_atomic_int_get(&shared->closed))
            dsn_milter_socket_wake(&milter->socket, shared->max_descriptor);
        g_usleep(NUDGE_INTERVAL);
    }
    return NULL;
}

/* libmilter's threads inherit the mask, so that no signal for the daemon is handled in one of
 * them. */
static void
start_threads(DsnMilter *milter)
{
    sigset_t all, before;

    (void)sigfillset(&all); /* these cannot fail */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    milter->listener = g_thread_new("milter", listen_on, milter);
    milter->nudger = g_thread_new("milter-nudge", nudge, milter);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

DsnMilter *
dsn_milter_start(DsnPipeline *pipeline, int max_descriptor, GError **error)
{
    g_autoptr(DsnPolicy) policy = dsn_pipeline_policy(pipeline);
    const DsnConfiguration *configuration = policy->configuration;
    DsnMilter *milter = g_new0(DsnMilter, 1);

    milter->max_descriptor = max_descriptor;
    (void)smfi_settimeout(SILENCE); /* always succeeds */
    if (!dsn_milter_session_begin(pipeline, configuration->milter.connections, max_descriptor)) {
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
    start_threads(milter);
    if (!dsn_milter_socket_answers(&milter->socket, START_TIME)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                    "milter: %s: libmilter does not start, the system log has its reason",
                    milter->socket.where);
        dsn_milter_stop(milter);
        return NULL;
    }
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

/* The listener looks every five seconds whether it is to stop, and after each connection. */
static void
stop_listening(DsnMilter *milter)
{
    GThread *stopper = NULL;

    g_atomic_int_set(&milter->stopping, 1);
    stopper = g_thread_new("milter-stop", close_listener, milter);
    while (g_atomic_int_get(&milter->closed) == 0) {
        dsn_milter_socket_wake(&milter->socket, G_MAXINT);
        g_usleep(10 * G_TIME_SPAN_MILLISECOND);
    }
    (void)g_thread_join(stopper); /* they return nothing */
    (void)g_thread_join(milter->nudger);
}

static bool
has_returned(const DsnMilter *milter)
{
    int64_t until = g_get_monotonic_time() + LISTENER_TIME;

    while (g_atomic_int_get(&milter->returned) == 0) {
        if (g_get_monotonic_time() >= until)
            return false;
        g_usleep(10 * G_TIME_SPAN_MILLISECOND);
    }
    return true;
}

bool
dsn_milter_has_failed(const DsnMilter *milter)
{
    return milter != NULL && g_atomic_int_get(&milter->failed) != 0;
}

void
dsn_milter_stop(DsnMilter *milter)
{
    if (milter == NULL)
        return;
    dsn_milter_session_shut();
    stop_listening(milter);
    if (!dsn_milter_session_end(STOP_TIME))
        dsn_log_event(DSN_LOG_WARNING, "milter: %s: stopped before all messages were answered",
                      milter->socket.where);
    dsn_milter_connections_cut((const struct sockaddr *)(const void *)&milter->socket.address,
                               milter->max_descriptor);
    dsn_milter_socket_remove(&milter->socket);
    if (has_returned(milter)) { /* else it keeps what it may yet look at until the process ends */
        (void)g_thread_join(milter->listener);
        dsn_milter_socket_clear(&milter->socket);
        g_free(milter);
    }
}
