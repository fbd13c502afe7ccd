/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/daemon/ingest-link.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK ((size_t)256 * 1024)

DsnIngestLink *
dsn_ingest_link_new(int fd, int stop)
{
    DsnIngestLink *link = g_new(DsnIngestLink, 1);

    *link = (DsnIngestLink){fd, stop, g_string_new(NULL)};
    return link;
}

void
dsn_ingest_link_free(DsnIngestLink *link)
{
    if (link == NULL)
        return;
    (void)close(link->fd);
    (void)g_string_free(link->in, TRUE);
    g_free(link);
}

static bool
fail(GError **error, int code, const char *what)
{
    g_set_error_literal(error, G_FILE_ERROR, (gint)g_file_error_from_errno(code), what);
    return false;
}

/* Waits until the socket is ready for @events, or broken. */
static bool
wait_for(const DsnIngestLink *link, short events, GError **error)
{
    struct pollfd fds[] = {{.fd = link->fd, .events = events},
                           {.fd = link->stop, .events = POLLIN}};

    for (;;) {
        int n = poll(fds, G_N_ELEMENTS(fds), -1);

        if (n > 0 && fds[1].revents != 0)
            return fail(error, EINTR, "dsnarf stops");
        if (n > 0)
            return true;
        if (errno != EINTR)
            return fail(error, errno, g_strerror(errno));
    }
}

/* Adds up to @max bytes of what comes to @buffer; none: the other side has gone. */
static bool
receive(const DsnIngestLink *link, size_t max, GString *buffer, GError **error)
{
    size_t before = buffer->len;

    g_string_set_size(buffer, before + max);
    for (;;) {
        ssize_t n = recv(link->fd, buffer->str + before, max, MSG_DONTWAIT);

        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            if (wait_for(link, POLLIN, error))
                continue;
            g_string_truncate(buffer, before);
            return false;
        }
        g_string_truncate(buffer, before + (size_t)MAX(n, 0));
        /* One that was killed resets what it had not read. */
        return n >= 0 || errno == ECONNRESET || fail(error, errno, g_strerror(errno));
    }
}

json_t *
dsn_ingest_link_read(DsnIngestLink *link, GError **error)
{
    GString *in = link->in;
    const char *feed;

    while ((feed = memchr(in->str, '\n', in->len)) == NULL) {
        size_t before = in->len;

        if (before > DSN_INGEST_LINE_MAX) {
            (void)fail(error, EMSGSIZE, "a line is too long");
            return NULL;
        }
        if (!receive(link, 64 * 1024, in, error))
            return NULL;
        if (in->len == before) {
            if (before > 0)
                (void)fail(error, EPIPE, "a line is cut short");
            return NULL;
        }
    }
    size_t len = (size_t)(feed - in->str);
    json_t *json = json_loadb(in->str, len, JSON_REJECT_DUPLICATES, NULL);
    g_string_erase(in, 0, (gssize)len + 1);
    if (json_is_object(json))
        return json;
    json_decref(json);
    (void)fail(error, EINVAL, "a line is not as it should be");
    return NULL;
}

bool
dsn_ingest_link_read_body(DsnIngestLink *link, size_t len, GString *body, GError **error)
{
    size_t have = MIN(len, link->in->len);

    g_string_truncate(body, 0);
    g_string_append_len(body, link->in->str, (gssize)have);
    g_string_erase(link->in, 0, (gssize)have);
    while (body->len < len) {
        size_t before = body->len;

        if (!receive(link, MIN(len - before, CHUNK), body, error))
            return false;
        if (body->len == before)
            return fail(error, EPIPE, "what was announced is cut short");
    }
    return true;
}

static bool
send_all(const DsnIngestLink *link, DsnSpan bytes, int flags, GError **error)
{
    while (bytes.len > 0) {
        ssize_t n = send(link->fd, bytes.data, bytes.len, flags | MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n > 0)
            bytes = dsn_span_from(bytes, (size_t)n);
        else if (n < 0 && errno != EAGAIN && errno != EINTR)
            return fail(error, errno, g_strerror(errno));
        else if (!wait_for(link, POLLOUT, error))
            return false;
    }
    return true;
}

bool
dsn_ingest_link_write(DsnIngestLink *link, const GString *line, DsnSpan body, GError **error)
{
    return send_all(link, (DsnSpan){line->str, line->len}, body.len > 0 ? MSG_MORE : 0, error) &&
           send_all(link, body, 0, error);
}
