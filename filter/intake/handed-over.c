/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/handed-over.h"

#include <fcntl.h>
#include <unistd.h>

#include "filter/core/number.h"
#include "filter/core/socket-address.h"

#define FIRST 3 /* SD_LISTEN_FDS_START */

/* The descriptor behind the last one. */
static int
get_end(void)
{
    const char *pid = g_getenv("LISTEN_PID"), *count = g_getenv("LISTEN_FDS");
    uint64_t number;

    if (pid == NULL || !dsn_number_read(pid, 10, 1, G_MAXINT, &number) ||
        number != (uint64_t)getpid() || count == NULL ||
        !dsn_number_read(count, 10, 0, 1000, &number))
        return FIRST;
    return FIRST + (int)number;
}

/* Those that are taken have it; the service manager passes them on without. */
static bool
is_taken(int fd)
{
    int flags = fcntl(fd, F_GETFD);

    return flags < 0 || (flags & FD_CLOEXEC) != 0;
}

static bool
is_listening(int fd, DsnSocketAddress *ret_address)
{
    int listening = 0;
    socklen_t len = sizeof(listening);

    *ret_address = (DsnSocketAddress){.len = sizeof(*ret_address) - sizeof(socklen_t)};
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening != 0 &&
           getsockname(fd, &ret_address->any, &ret_address->len) == 0;
}

static bool
is_same(const DsnSocketAddress *a, const struct sockaddr *other)
{
    const void *b = other; /* of its own type below */

    if (a->any.sa_family != other->sa_family)
        return false;
    switch (other->sa_family) {
    case AF_UNIX:
        return strcmp(a->local.sun_path, ((const struct sockaddr_un *)b)->sun_path) == 0;
    case AF_INET:
        return a->v4.sin_port == ((const struct sockaddr_in *)b)->sin_port &&
               a->v4.sin_addr.s_addr == ((const struct sockaddr_in *)b)->sin_addr.s_addr;
    case AF_INET6:
        return a->v6.sin6_port == ((const struct sockaddr_in6 *)b)->sin6_port &&
               IN6_ARE_ADDR_EQUAL(&a->v6.sin6_addr, &((const struct sockaddr_in6 *)b)->sin6_addr);
    default:
        return false;
    }
}

int
dsn_handed_over_take(const struct sockaddr *address)
{
    for (int fd = FIRST; fd < get_end(); fd++) {
        DsnSocketAddress own;

        if (is_taken(fd) || !is_listening(fd, &own) || !is_same(&own, address))
            continue;
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* these fail only without a descriptor */
        (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        return fd;
    }
    return -1;
}

bool
dsn_handed_over_is(int fd)
{
    return fd >= FIRST && fd < get_end();
}

GPtrArray *
dsn_handed_over_left(void)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

    for (int fd = FIRST; fd < get_end(); fd++) {
        DsnSocketAddress own;

        if (is_taken(fd))
            continue;
        if (!is_listening(fd, &own)) {
            g_ptr_array_add(names, g_strdup_printf("descriptor %d", fd));
            continue;
        }
        g_autofree char *host = dsn_socket_address_host(&own);
        unsigned port = dsn_socket_address_port(&own);
        g_ptr_array_add(names, port == 0 ? g_steal_pointer(&host)
                                         : g_strdup_printf("%s port %u", host, port));
    }
    return names;
}
