/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/socket-address.h"

#include "filter/core/number.h"

#include <arpa/inet.h>

#define UNIX_PREFIX "unix:"
#define EXPECTED "\"127.0.0.1:8025\", \"[::1]:8025\" or \"unix:/path\""

static const char *
read_unix(const char *path, DsnSocketAddress *ret_address)
{
    struct sockaddr_un *local = &ret_address->local;

    if (*path != '/')
        return "a path from the root, as in \"unix:/run/dsnarf/http.sock\"";
    if (strlen(path) >= sizeof(local->sun_path))
        return "a shorter path: that of a unix socket may have 107 bytes";
    local->sun_family = AF_UNIX;
    (void)g_strlcpy(local->sun_path, path, sizeof(local->sun_path));
    ret_address->len = sizeof(*local);
    return NULL;
}

/* "host:port", where brackets are around IPv6. */
static bool
split(const char *where, DsnSpan *ret_host, unsigned *ret_port)
{
    const char *colon = strrchr(where, ':');
    guint64 port;

    if (colon == NULL || !dsn_number_read(colon + 1, 10, 0, 65535, &port))
        return false;
    *ret_host = (DsnSpan){where, (size_t)(colon - where)};
    *ret_port = (unsigned)port;
    return true;
}

/* The IPv6 address between brackets. */
static bool
read_literal(DsnSpan host, struct in6_addr *ret_v6)
{
    if (host.len < 2 || host.data[0] != '[' || host.data[host.len - 1] != ']')
        return false;
    g_autofree char *text = g_strndup(host.data + 1, host.len - 2);
    return inet_pton(AF_INET6, text, ret_v6) == 1;
}

const char *
dsn_socket_address_read(const char *where, DsnSocketAddress *ret_address)
{
    DsnSpan host;
    unsigned port;

    *ret_address = (DsnSocketAddress){.len = 0};
    if (g_str_has_prefix(where, UNIX_PREFIX))
        return read_unix(where + strlen(UNIX_PREFIX), ret_address);
    if (!split(where, &host, &port))
        return EXPECTED;
    if (read_literal(host, &ret_address->v6.sin6_addr)) {
        ret_address->v6.sin6_family = AF_INET6;
        ret_address->v6.sin6_port = htons((guint16)port);
        ret_address->len = sizeof(ret_address->v6);
        return NULL;
    }
    g_autofree char *text = dsn_span_dup(host);
    ret_address->v4.sin_family = AF_INET;
    ret_address->v4.sin_port = htons((guint16)port);
    ret_address->len = sizeof(ret_address->v4);
    return inet_pton(AF_INET, text, &ret_address->v4.sin_addr) == 1 ? NULL : EXPECTED;
}

const char *
dsn_socket_address_check(const char *where)
{
    DsnSocketAddress unused;

    return dsn_socket_address_read(where, &unused);
}

bool
dsn_ip_address_read(const char *text, DsnSocketAddress *ret_address)
{
    *ret_address = (DsnSocketAddress){.len = sizeof(ret_address->v4)};
    ret_address->v4.sin_family = AF_INET;
    if (inet_pton(AF_INET, text, &ret_address->v4.sin_addr) == 1)
        return true;
    *ret_address = (DsnSocketAddress){.len = sizeof(ret_address->v6)};
    ret_address->v6.sin6_family = AF_INET6;
    return inet_pton(AF_INET6, text, &ret_address->v6.sin6_addr) == 1;
}

const char *
dsn_ip_address_check(const char *text)
{
    DsnSocketAddress unused;

    return dsn_ip_address_read(text, &unused)
               ? NULL
               : "an address such as \"192.0.2.1\" or \"2001:db8::1\"";
}

void
dsn_socket_address_set_port(DsnSocketAddress *address, unsigned port)
{
    if (address->any.sa_family == AF_INET)
        address->v4.sin_port = htons((guint16)port);
    else if (address->any.sa_family == AF_INET6)
        address->v6.sin6_port = htons((guint16)port);
}

unsigned
dsn_socket_address_port(const DsnSocketAddress *address)
{
    if (address->any.sa_family == AF_INET)
        return ntohs(address->v4.sin_port);
    return address->any.sa_family == AF_INET6 ? ntohs(address->v6.sin6_port) : 0;
}

char *
dsn_socket_address_host(const DsnSocketAddress *address)
{
    char text[INET6_ADDRSTRLEN] = "";

    if (address->any.sa_family == AF_UNIX)
        return g_strdup(address->local.sun_path);
    if (address->any.sa_family == AF_INET)
        (void)inet_ntop(AF_INET, &address->v4.sin_addr, text, sizeof(text));
    else
        (void)inet_ntop(AF_INET6, &address->v6.sin6_addr, text, sizeof(text));
    return g_strdup(text);
}
