/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * socket-address.h - where a socket is
 *
 * Purpose:   read the addresses that stand in the configuration, without a look into the DNS.
 * Source:    dsnarf.toml(5).
 * Ownership: plain values.
 * Errors:    a text that says what is expected.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_SOCKET_ADDRESS_H
#define DSN_CORE_SOCKET_ADDRESS_H

#include "mime/span.h"

#include <netinet/in.h>
#include <sys/un.h>

typedef struct DsnSocketAddress {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    };
    socklen_t len;
} DsnSocketAddress;

/* Reads "127.0.0.1:8025", "[::1]:8025" or "unix:/path". NULL if that worked, else what is expected.
 * Port 0 is any free one. */
const char *dsn_socket_address_read(const char *where, DsnSocketAddress *ret_address);

/* The same, for the option table. */
const char *dsn_socket_address_check(const char *where);

/* Splits "mx.example.com:25", "192.0.2.1:25" or "[2001:db8::1]:25"; the host is without brackets.
 * False for anything else. */
bool dsn_host_split(const char *where, DsnSpan *ret_host, unsigned *ret_port);

/* NULL if dsn_host_split() can, else what is expected (for the option table). */
const char *dsn_host_check(const char *where);

#endif
