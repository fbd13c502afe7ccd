/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relay-hosts.h - which relay host may be used now
 *
 * Purpose:   let all connections know of a host that fails, and leave it alone for a while.
 * Source:    dsnarf.toml(5), [relay.default].
 * Ownership: names are copied.
 * Errors:    none.
 * Threads:   any; one lock.
 *
 * A host at fault is paused, longer each time. When a pause is over one thread tries the host, and
 * the others go on without it until that thread knows more.
 */
#ifndef DSN_OUTLET_RELAY_HOSTS_H
#define DSN_OUTLET_RELAY_HOSTS_H

#include <glib.h>
#include <stdbool.h>

typedef struct DsnRelayHosts DsnRelayHosts;

/* Of the relay @name, for the log; NULL: the default one. */
DsnRelayHosts *dsn_relay_hosts_new(const char *name);
void dsn_relay_hosts_free(DsnRelayHosts *hosts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnRelayHosts, dsn_relay_hosts_free)

/* From now on these are the hosts, in this order, and none is paused. @least and @most bound the
 * pauses. */
void dsn_relay_hosts_set(DsnRelayHosts *hosts, const GPtrArray *names, GTimeSpan least,
                         GTimeSpan most);

/* Ends all pauses. */
void dsn_relay_hosts_forget(DsnRelayHosts *hosts);

/* Waits until dsn_relay_hosts_claim() would grant a host to somebody who is connected to @own
 * (NULL: to none), but no longer than until @until (monotonic). False if none would be granted. */
bool dsn_relay_hosts_wait(DsnRelayHosts *hosts, const char *own, gint64 until);

/* Makes waits end at once, for ever. */
void dsn_relay_hosts_close(DsnRelayHosts *hosts);

/* True if @name may be used. Each grant is followed by one of the next three. */
bool dsn_relay_hosts_claim(DsnRelayHosts *hosts, const char *name, const char *own);

void dsn_relay_hosts_works(DsnRelayHosts *hosts, const char *name);
void dsn_relay_hosts_fails(DsnRelayHosts *hosts, const char *name, const char *reason);
void dsn_relay_hosts_unused(DsnRelayHosts *hosts, const char *name); /* nothing was found out */

/* What was wrong with a host the last time, "host: reason", whichever thread found out; the caller
 * frees it. */
char *dsn_relay_hosts_fault(DsnRelayHosts *hosts);

#endif
