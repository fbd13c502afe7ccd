/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * network.h - lists of networks
 *
 * Purpose:   tell whether a host is in one of the listed networks.
 * RFC:       4632 section 3.1, 4291 section 2.3.
 * Ownership: the list owns its networks.
 * Errors:    a text that is no network is refused.
 * Threads:   constant after it was made.
 *
 * "10.0.0.0/8", "::1", "2001:db8::/32". An IPv4 address that comes mapped into IPv6 is the IPv4
 * one.
 */
#ifndef DSN_CORE_NETWORK_H
#define DSN_CORE_NETWORK_H

#include <glib.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

typedef struct DsnNetworks DsnNetworks;

/* An IPv4 address is kept as it is mapped into IPv6 (RFC 4291 section 2.5.5.2). */
typedef struct DsnNetwork {
    struct in6_addr address;
    unsigned bits;
} DsnNetwork;

/* NULL if that worked, else what is expected. */
const char *dsn_network_read(const char *text, DsnNetwork *ret_network);

/* NULL if @network will do, else what is expected (for the option table). */
const char *dsn_network_check(const char *network);

/* @texts (of char *) were checked before. */
DsnNetworks *dsn_networks_new(const GPtrArray *texts);
void dsn_networks_free(DsnNetworks *networks);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnNetworks, dsn_networks_free)

/* False for an address of another family than the internet's two. */
bool dsn_networks_match(const DsnNetworks *networks, const struct sockaddr *address);

/* True for 127.0.0.0/8, ::1 and unix sockets. */
bool dsn_address_is_local(const struct sockaddr *address);

#endif
