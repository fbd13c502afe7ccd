/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/milter-connections.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* What fails for the lack of something may be tried again then. */
#define PAUSE (100 * G_TIME_SPAN_MILLISECOND)

#define COMPLAINT_INTERVAL G_TIME_SPAN_MINUTE

int dsn_milter_accept(int listener, struct sockaddr *address, socklen_t *length) __asm__("accept");
int dsn_milter_sigwait(const sigset_t *set, int *ret_signal) __asm__("sigwait");

bool
dsn_milter_may_complain(int64_t *last)
{
    int64_t now = g_get_monotonic_time();
    int64_t before = __atomic_load_n(last, __ATOMIC_RELAXED);

    return (before == 0 || now - before >= COMPLAINT_INTERVAL) &&
           __atomic_compare_exchange_n(last, &before, now, false, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED);
}

void
dsn_milter_count_refusal(const DsnMilterShared *shared)
{
    dsn_metrics_add(dsn_pipeline_metrics(shared->pipeline), DSN_COUNT_MILTER_REFUSED, 1);
}

/* libmilter calls again at once. */
static void
wait_for_something(DsnMilterShared *shared, int code)
{
    if (dsn_milter_may_complain(&shared->last_shortage))
        dsn_log_event(DSN_LOG_ERROR, "milter: connections have to wait: %s", g_strerror(code));
    g_usleep(PAUSE);
}

/* Descriptors are given out from below: this one says that so many are in use. */
static void
refuse(DsnMilterShared *shared, int fd)
{
    dsn_milter_count_refusal(shared);
    if (dsn_milter_may_complain(&shared->last_refusal))
        dsn_log_event(DSN_LOG_WARNING,
                      "milter: refused a connection: %d files and connections are open, the rest "
                      "is kept for others",
                      fd);
    (void)close(fd); /* now it is told */
}

/* The listener's. Nothing comes in while the pipeline goes away: see milter.c. */
int
dsn_milter_accept(int listener, struct sockaddr *address, socklen_t *length)
{
    DsnMilterShared *shared = dsn_milter_shared();
    int fd, code;

    if (shared == NULL)
        return accept4(listener, address, length, 0); /* somebody else's */
    if (g_atomic_int_get(&shared->shut) != 0) {
        g_usleep(G_TIME_SPAN_MILLISECOND); /* until libmilter has seen it */
        errno = EAGAIN;
        return -1;
    }
    fd = accept4(listener, address, length, SOCK_CLOEXEC);
    code = errno;
    if (fd < 0 && (code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM)) {
        wait_for_something(shared, code);
    } else if (fd >= shared->max_descriptor) {
        refuse(shared, fd);
        fd = -1;
        code = ECONNABORTED;
    } else if (fd >= 0) {
        g_atomic_int_inc(&shared->taken);
    }
    errno = code;
    return fd;
}

/* As sigwait(3) is for all others. */
static int
wait_for_signal(const sigset_t *set, int *ret_signal)
{
    int found;

    do
        found = sigwaitinfo(set, NULL);
    while (found < 0 && errno == EINTR);
    if (found < 0)
        return errno;
    *ret_signal = found;
    return 0;
}

/* The signal thread's, in which all signals are blocked: it never returns. */
int
dsn_milter_sigwait(const sigset_t *set, int *ret_signal)
{
    if (dsn_milter_shared() == NULL)
        return wait_for_signal(set, ret_signal); /* somebody else's */
    for (;;)
        (void)pause(); /* what it returns says nothing */
}

/* A client of ours has an address of its own, and so has what came in elsewhere. */
static bool
is_ours(int fd, const struct sockaddr *address)
{
    union {
        struct sockaddr any;
        struct sockaddr_un local;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage storage;
    } own = {.storage = {.ss_family = AF_UNSPEC}};
    const void *other = address; /* of its own type below */
    socklen_t len = sizeof(own);

    if (getsockname(fd, &own.any, &len) != 0 || own.any.sa_family != address->sa_family)
        return false;
    switch (address->sa_family) {
    case AF_UNIX:
        return strcmp(own.local.sun_path, ((const struct sockaddr_un *)other)->sun_path) == 0;
    case AF_INET:
        return own.v4.sin_port == ((const struct sockaddr_in *)other)->sin_port;
    case AF_INET6:
        return own.v6.sin6_port == ((const struct sockaddr_in6 *)other)->sin6_port;
    default:
        return false;
    }
}

void
dsn_milter_connections_cut(const struct sockaddr *address, int max_descriptor)
{
    for (int fd = 0; fd < max_descriptor; fd++) {
        int listening = 0;
        socklen_t len = sizeof(listening);

        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening == 0 &&
            is_ours(fd, address))
            (void)shutdown(fd, SHUT_RDWR); /* the other side may have done so before */
    }
}
