/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dns.h - addresses and mail exchangers of a name
 *
 * Purpose:   ask the DNS, and remember what it said for as long as it said.
 * RFC:       1035, 5321 section 5.1, 7505 (null MX), 8767 (bounds of a TTL).
 * Ownership: the caller owns what is found.
 * Errors:    DSN_SMTP_ERROR: a fault of the host that is asked about.
 * Threads:   any; one lock. A question blocks for some seconds at most.
 */
#ifndef DSN_OUTLET_DNS_H
#define DSN_OUTLET_DNS_H

#include "filter/core/configuration.h"
#include "filter/outlet/dns-answer.h"

typedef struct DsnDns DsnDns;

/* Asks @server, or without one whom the system asks: then its files such as /etc/hosts count for
 * addresses, too. */
DsnDns *dsn_dns_new(const DsnSocketAddress *server);
void dsn_dns_free(DsnDns *dns);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnDns, dsn_dns_free)

/* Appends the addresses of @name to @addresses (of DsnSocketAddress, port 0), those first that are
 * to be tried first. False if there are none. */
bool dsn_dns_addresses(DsnDns *dns, const char *name, DsnIpLookup lookup, GArray *addresses,
                       GError **error);

/* Appends the mail exchangers of @domain to @names (of char *), in the order in which they are to
 * be tried: by preference, at random among equals. Where the domain has none it is its own. False
 * if it takes no mail, or nothing can be found out. */
bool dsn_dns_exchangers(DsnDns *dns, const char *domain, GPtrArray *names, GError **error);

#endif
