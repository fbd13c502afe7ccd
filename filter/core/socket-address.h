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

/* Reads "192.0.2.1" or "2001:db8::1"; the port is 0. False if it is none. */
bool dsn_ip_address_read(const char *text, DsnSocketAddress *ret_address);

/* NULL if dsn_ip_address_read() can, else what is expected (for the option table). */
const char *dsn_ip_address_check(const char *text);

/* The port of an address of the internet's two families is set, or told; 0 for others. */
void dsn_socket_address_set_port(DsnSocketAddress *address, unsigned port);
unsigned dsn_socket_address_port(const DsnSocketAddress *address);

/* "192.0.2.1", "2001:db8::1" or "/path" (transfer full). */
char *dsn_socket_address_host(const DsnSocketAddress *address);

#endif
