/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/dial.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "filter/outlet/smtp-link.h"
#include "filter/outlet/socks5.h"

/* How long a wait goes on before *stopping is looked at. */
#define SLICE_MS 250

typedef struct Dialling {
    int fd;
    int64_t until; /* monotonic */
    GTimeSpan limit;
    const gint *stopping;
} Dialling;

static bool
fail(GError **error, const char *what)
{
    g_set_error_literal(error, DSN_SMTP_ERROR, DSN_SMTP_ERROR_FAULT, what);
    return false;
}

static bool
fail_errno(GError **error, const char *what)
{
    g_set_error(error, DSN_SMTP_ERROR, DSN_SMTP_ERROR_FAULT, "%s: %s", what, g_strerror(errno));
    return false;
}

static bool
wait_for(const Dialling *dialling, short events, const char *what, GError **error)
{
    for (;;) {
        struct pollfd fd = {.fd = dialling->fd, .events = events};
        int64_t left = dialling->until - g_get_monotonic_time();

        if (g_atomic_int_get(dialling->stopping) != DSN_SMTP_GO) {
            g_set_error_literal(error, DSN_SMTP_ERROR, DSN_SMTP_ERROR_STOPPED, "stopping");
            return false;
        }
        if (left <= 0) {
            g_set_error(error, DSN_SMTP_ERROR, DSN_SMTP_ERROR_FAULT, "%s within %g s", what,
                        (double)dialling->limit / G_TIME_SPAN_SECOND);
            return false;
        }
        if (poll(&fd, 1, (int)MIN(left / 1000 + 1, SLICE_MS)) > 0)
            return true;
    }
}

static bool
connect_to(Dialling *dialling, const DsnSocketAddress *to, const DsnSocketAddress *source,
           GError **error)
{
    const int yes = 1;
    int code = 0;
    socklen_t len = sizeof(code);

    dialling->fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (dialling->fd < 0)
        return fail_errno(error, "cannot make a socket");
    if (to->any.sa_family != AF_UNIX) /* a command is not to wait for others; it helps, or not */
        (void)setsockopt(dialling->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    if (source->len > 0 && bind(dialling->fd, &source->any, source->len) != 0)
        return fail_errno(error, "cannot use source_address");
    if (connect(dialling->fd, &to->any, to->len) == 0)
        return true;
    if (errno != EINPROGRESS)
        return fail_errno(error, "cannot connect");
    if (!wait_for(dialling, POLLOUT, "no connection", error))
        return false;
    if (getsockopt(dialling->fd, SOL_SOCKET, SO_ERROR, &code, &len) == 0 && code == 0)
        return true;
    errno = code;
    return fail_errno(error, "cannot connect");
}

/* ---- through a proxy ---- */

static bool
say(const Dialling *dialling, const GString *bytes, GError **error)
{
    size_t at = 0;

    while (at < bytes->len) {
        ssize_t count = send(dialling->fd, bytes->str + at, bytes->len - at, MSG_NOSIGNAL);

        if (count >= 0)
            at += (size_t)count;
        else if (errno != EAGAIN && errno != EINTR)
            return fail_errno(error, "the proxy hung up");
        else if (!wait_for(dialling, POLLOUT, "the proxy takes nothing", error))
            return false;
    }
    return true;
}

static bool
hear(const Dialling *dialling, DsnSocks5Step step, bool *ret_login, GError **error)
{
    char answer[DSN_SOCKS5_ANSWER_MAX];
    const char *problem;
    size_t len = 0, missing;

    while ((missing = dsn_socks5_missing(step, (DsnSpan){answer, len}, &problem, ret_login)) > 0) {
        ssize_t count = recv(dialling->fd, answer + len, missing, 0);

        if (count > 0)
            len += (size_t)count;
        else if (count == 0)
            return fail(error, "the proxy hung up");
        else if (errno != EAGAIN && errno != EINTR)
            return fail_errno(error, "the proxy hung up");
        else if (!wait_for(dialling, POLLIN, "no answer of the proxy", error))
            return false;
    }
    return problem == NULL || fail(error, problem);
}

static bool
log_in(const Dialling *dialling, const DsnRoute *route, GError **error)
{
    g_autoptr(GString) bytes = g_string_new(NULL);
    bool login;

    if (route->proxy_username == NULL)
        return fail(error, "the proxy wants a user name and a password");
    dsn_socks5_log_in(bytes, route->proxy_username, route->proxy_password);
    return say(dialling, bytes, error) && hear(dialling, DSN_SOCKS5_LOGGED_IN, &login, error);
}

static bool
request(const Dialling *dialling, DsnSocks5Command command, const DsnSocketAddress *address,
        GError **error)
{
    g_autoptr(GString) bytes = g_string_new(NULL);
    bool login;

    dsn_socks5_request(bytes, command, address);
    return say(dialling, bytes, error) && hear(dialling, DSN_SOCKS5_REQUESTED, &login, error);
}

static bool
go_through(const Dialling *dialling, const DsnRoute *route, const DsnSocketAddress *to,
           GError **error)
{
    g_autoptr(GString) greeting = g_string_new(NULL);
    bool login;

    dsn_socks5_greet(greeting, route->proxy_username != NULL);
    if (!say(dialling, greeting, error) || !hear(dialling, DSN_SOCKS5_GREETED, &login, error) ||
        (login && !log_in(dialling, route, error)))
        return false;
    if (route->proxy_source.len > 0 &&
        !request(dialling, DSN_SOCKS5_BIND, &route->proxy_source, error)) {
        g_prefix_error(error, "socks5_proxy_source_address: ");
        return false;
    }
    return request(dialling, DSN_SOCKS5_CONNECT, to, error);
}

/* ---- the whole ---- */

bool
dsn_route_fits(const DsnRoute *route, const DsnSocketAddress *to)
{
    const DsnSocketAddress *source = route->proxy.len > 0 ? &route->proxy_source : &route->source;

    return to->any.sa_family == AF_UNIX || source->len == 0 ||
           source->any.sa_family == to->any.sa_family;
}

int
dsn_dial(const DsnSocketAddress *to, const DsnRoute *route, GTimeSpan limit, const gint *stopping,
         GError **error)
{
    static const DsnSocketAddress none;
    bool local = to->any.sa_family == AF_UNIX;
    bool proxied = !local && route->proxy.len > 0;
    Dialling dialling = {
        .fd = -1, .until = g_get_monotonic_time() + limit, .limit = limit, .stopping = stopping};

    if (connect_to(&dialling, proxied ? &route->proxy : to, local ? &none : &route->source,
                   error)) {
        if (!proxied || go_through(&dialling, route, to, error))
            return dialling.fd;
    }
    if (proxied)
        g_prefix_error(error, "SOCKS5: ");
    if (dialling.fd >= 0)
        (void)close(dialling.fd);
    return -1;
}
