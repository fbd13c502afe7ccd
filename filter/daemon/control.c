/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/daemon/control.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "filter/core/log.h"
#include "filter/intake/listen.h"

/* For a request to arrive, and for each piece of an answer to be taken. */
#define PATIENCE_MS 10000

struct DsnControl {
    const DsnQueue *queue;
    char *where;
    int listener;
    int stop; /* an eventfd that is readable from the stop on */
    GThread *thread;
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

static void
serve(const DsnControl *control, int fd)
{
    g_autoptr(GString) request = g_string_new(NULL);
    Peer peer = {control, fd};

    if (read_request(control, fd, request))
        dsn_queue_run(control->queue, (DsnSpan){request->str, request->len}, write_lines, &peer);
    (void)close(fd);
}

static gpointer
listen_for_requests(gpointer data)
{
    const DsnControl *control = data;

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
    dsn_listen_close(control->where, control->listener);
    (void)close(control->stop);
    g_free(control->where);
    g_free(control);
}
