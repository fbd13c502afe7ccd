/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/daemon/control.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "filter/core/log.h"
#include "filter/daemon/ingest-server.h"
#include "filter/intake/listen.h"

/* For a request to arrive, and for each piece of an answer to be taken. */
#define PATIENCE_MS 10000

/* Connections that bring messages at the same time; each holds a few pieces of 4 MiB. */
#define INGESTS_MAX 64

struct DsnControl {
    const DsnQueue *queue;
    char *where;
    int listener;
    int stop; /* an eventfd that is readable from the stop on */
    GThread *thread;
    GMutex lock;
    GCond ended;
    unsigned n_ingests; /* connections that have a thread of their own; under the lock */
};

char *
dsn_control_where(const char *directory)
{
    return g_strdup_printf("unix:%s/control", directory);
}

/* Waits for @fd until it is ready for @events. False after @until (g_get_monotonic_time()) or when
 * the daemon stops. */
static bool
wait_for(const DsnControl *control, int fd, short events, gint64 until)
{
    struct pollfd fds[] = {{.fd = fd, .events = events}, {.fd = control->stop, .events = POLLIN}};

    for (;;) {
        gint64 left = (until - g_get_monotonic_time()) / G_TIME_SPAN_MILLISECOND;
        int n = poll(fds, G_N_ELEMENTS(fds), until < 0 ? -1 : (int)CLAMP(left, 0, PATIENCE_MS));

        if (n > 0)
            return fds[1].revents == 0;
        if (n == 0 || errno != EINTR)
            return false;
    }
}

/* The line up to its line feed. False when it is too long, too slow, or does not come. */
static bool
read_request(const DsnControl *control, int fd, GString *request)
{
    gint64 until = g_get_monotonic_time() + PATIENCE_MS * G_TIME_SPAN_MILLISECOND;
    char buffer[4096];

    while (request->len <= DSN_QUEUE_REQUEST_MAX && wait_for(control, fd, POLLIN, until)) {
        ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);

        if (n > 0)
            g_string_append_len(request, buffer, n);
        else if (n == 0 || (errno != EINTR && errno != EAGAIN))
            return false;
        if (n > 0 && memchr(buffer, '\n', (size_t)n) != NULL)
            return true;
    }
    return false;
}

typedef struct Peer {
    const DsnControl *control;
    int fd;
} Peer;

static bool
write_lines(gpointer user, DsnSpan lines)
{
    const Peer *peer = user;

    while (lines.len > 0) {
        gint64 until = g_get_monotonic_time() + PATIENCE_MS * G_TIME_SPAN_MILLISECOND;

        if (!wait_for(peer->control, peer->fd, POLLOUT, until))
            return false;
        ssize_t n = send(peer->fd, lines.data, lines.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0)
            lines = dsn_span_from(lines, (size_t)n);
        else if (n < 0 && errno != EINTR && errno != EAGAIN)
            return false;
    }
    return true;
}

/* ---- dsnarf ingest ---- */

typedef struct Ingest {
    DsnControl *control;
    int fd;
} Ingest;

static gpointer
run_ingest(gpointer data)
{
    g_autofree Ingest *ingest = data;
    DsnControl *control = ingest->control;
    struct ucred peer = {.uid = 0};
    socklen_t len = sizeof(peer);

    (void)getsockopt(ingest->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len); /* a Unix socket has it */
    g_autofree char *who =
        g_strdup_printf("process %ld of user %lu", (long)peer.pid, (unsigned long)peer.uid);
    dsn_ingest_serve(control->queue->pipeline, ingest->fd, control->stop, who);
    g_mutex_lock(&control->lock);
    control->n_ingests--;
    g_cond_signal(&control->ended);
    g_mutex_unlock(&control->lock);
    return NULL;
}

static bool
is_ingest(const GString *request)
{
    json_auto_t *json = json_loadb(request->str, request->len, 0, NULL);

    return g_strcmp0(json_string_value(json_object_get(json, "command")), "ingest") == 0;
}

/* Hands the connection to a thread of its own: others ask meanwhile. False: there are too many. */
static bool
start_ingest(DsnControl *control, int fd)
{
    bool room;

    g_mutex_lock(&control->lock);
    room = control->n_ingests < INGESTS_MAX;
    if (room)
        control->n_ingests++;
    g_mutex_unlock(&control->lock);
    if (!room)
        return false;
    Ingest *ingest = g_new(Ingest, 1);
    *ingest = (Ingest){control, fd};
    g_thread_unref(g_thread_new("ingest", run_ingest, ingest));
    return true;
}

/* ---- requests ---- */

static void
serve(DsnControl *control, int fd)
{
    static const char too_many[] = "{\"error\":\"too many connections bring something already\"}\n";
    g_autoptr(GString) request = g_string_new(NULL);
    Peer peer = {control, fd};

    if (!read_request(control, fd, request)) {
        (void)close(fd);
        return;
    }
    if (!is_ingest(request))
        dsn_queue_run(control->queue, (DsnSpan){request->str, request->len}, write_lines, &peer);
    else if (start_ingest(control, fd))
        return;
    else
        (void)write_lines(&peer, (DsnSpan){too_many, sizeof(too_many) - 1}); /* or it is gone */
    (void)close(fd);
}

static gpointer
listen_for_requests(gpointer data)
{
    DsnControl *control = data;

    while (wait_for(control, control->listener, POLLIN, -1)) {
        int fd = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd >= 0) {
            serve(control, fd);
        } else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
            dsn_log_event(DSN_LOG_WARNING, "control: %s: %s", control->where, g_strerror(errno));
            /* Out of descriptors: it stays so for a while. */
            (void)wait_for(control, -1, 0, g_get_monotonic_time() + G_TIME_SPAN_SECOND);
        }
    }
    return NULL;
}

DsnControl *
dsn_control_start(const char *directory, const DsnQueue *queue, GError **error)
{
    g_autofree char *where = dsn_control_where(directory);
    int listener = dsn_listen_open(where, 0600, NULL, error);
    int stop = listener < 0 ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (listener >= 0 && stop < 0) {
        g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(errno), "control: %s",
                    g_strerror(errno));
        dsn_listen_close(where, listener);
    }
    if (stop < 0)
        return NULL;
    DsnControl *control = g_new0(DsnControl, 1);
    control->queue = queue;
    control->where = g_steal_pointer(&where);
    control->listener = listener;
    control->stop = stop;
    g_mutex_init(&control->lock);
    g_cond_init(&control->ended);
    control->thread = g_thread_new("control", listen_for_requests, control);
    return control;
}

void
dsn_control_stop(DsnControl *control)
{
    if (control == NULL)
        return;
    (void)eventfd_write(control->stop, 1); /* the counter is far from its end */
    (void)g_thread_join(control->thread);
    g_mutex_lock(&control->lock);
    while (control->n_ingests > 0)
        g_cond_wait(&control->ended, &control->lock);
    g_mutex_unlock(&control->lock);
    g_mutex_clear(&control->lock);
    g_cond_clear(&control->ended);
    dsn_listen_close(control->where, control->listener);
    (void)close(control->stop);
    g_free(control->where);
    g_free(control);
}
