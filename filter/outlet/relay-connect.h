/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relay-connect.h - a connection to a host of a relay
 *
 * Purpose:   find the addresses of an entry in the list of hosts, and try each until one works.
 * RFC:       5321 section 5.1; see relay-host.h.
 * Ownership: the finder copies its options.
 * Errors:    DSN_SMTP_ERROR: what is wrong with the last address that was tried.
 * Threads:   any; one lock.
 *
 * An address that failed is tried behind the others for a while, so that one which takes long to
 * fail does not cost that time with each connection.
 */
#ifndef DSN_OUTLET_RELAY_CONNECT_H
#define DSN_OUTLET_RELAY_CONNECT_H

#include "filter/outlet/smtp-client.h"

/* Addresses of one entry that are tried. */
#define DSN_RELAY_PLACES_MAX 32

typedef struct DsnRelayFinder DsnRelayFinder;

DsnRelayFinder *dsn_relay_finder_new(const DsnRelayOptions *options);
void dsn_relay_finder_free(DsnRelayFinder *finder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnRelayFinder, dsn_relay_finder_free)

/* Connects to @host, an entry as dsn_relay_host_check() lets pass. @target says all but where. */
DsnSmtpClient *dsn_relay_connect(DsnRelayFinder *finder, const char *host, DsnSmtpTarget *target,
                                 GError **error);

/* Tries the address that a connection went to, as dsn_smtp_client_peer() says it, behind the others
 * for a while, too: it was at fault later. */
void dsn_relay_shun(DsnRelayFinder *finder, const char *peer);

#endif
