/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parts.h - everything that runs in the daemon
 *
 * Purpose:   start the spool, the outlets and the intakes in this order, adapt them to another
 *            policy, and stop them in the opposite order.
 * Source:    dsnarf(8).
 * Ownership: owns all parts; borrows the metrics and what the pages and the queue are made of.
 * Errors:    that of the part which could not be started; nothing runs then.
 * Threads:   that of the daemon.
 */
#ifndef DSN_DAEMON_PARTS_H
#define DSN_DAEMON_PARTS_H

#include "filter/intake/http.h"
#include "filter/daemon/queue-commands.h"

typedef struct DsnParts DsnParts;

/* What the daemon says about itself, from when the parts start. */
typedef struct DsnPages {
    DsnHttpPages http;
    void (*status)(gpointer user, GString *json); /* members for "queue status"; with http.user */
} DsnPages;

/* Starts what the configuration in @policy asks for, but the milter: that comes once the main
 * thread takes signals. */
DsnParts *dsn_parts_start(DsnPolicy *policy, DsnMetrics *metrics, const DsnPages *pages,
                          GError **error);
bool dsn_parts_start_milter(DsnParts *parts, GError **error);

/* The spool as @policy wants it, in @directory, and the captures beside it; and who reads its
 * records. For whoever works on it while no daemon runs. */
DsnSpool *dsn_parts_open_spool(const char *directory, const DsnPolicy *policy, DsnMetrics *metrics,
                               GError **error);
DsnCaptures *dsn_parts_open_captures(const char *directory, const DsnPolicy *policy,
                                     DsnMetrics *metrics);
bool dsn_parts_set_outlets(DsnSpool *spool, const DsnPolicy *policy, GError **error);

/* Puts @policy in force. A part that it adds and that cannot be started is logged and left out. */
void dsn_parts_reload(DsnParts *parts, DsnPolicy *policy);

/* Appends how far the tailers are behind, for Prometheus. */
void dsn_parts_write_lags(DsnParts *parts, GString *text);

/* False if one of them ended by itself. */
bool dsn_parts_are_sound(const DsnParts *parts);

/* Intakes first, so that all they acknowledge is kept; then outlets; then the spool. NULL is fine.
 */
void dsn_parts_stop(DsnParts *parts);

DsnSpool *dsn_parts_spool(DsnParts *parts);       /* (transfer none) */
DsnCaptures *dsn_parts_captures(DsnParts *parts); /* (transfer none) */

#endif
