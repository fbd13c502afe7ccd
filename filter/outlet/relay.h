/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relay.h - notices on their way from the spool to an SMTP or LMTP server, or into a Maildir
 *
 * Purpose:   send what is due, retry what fails for now, give up what fails for good or too long.
 * RFC:       5321 sections 4.2.5 and 4.5.4.1; rule ENV-17.
 * Ownership: the relay borrows spool and metrics, and copies its options.
 * Errors:    a start that fails; after that all ends in the log, the spool and the metrics.
 * Threads:   one thread calls these functions, any dsn_relay_kick(). The relay has one for each
 *            connection. SIGPIPE must be ignored.
 *
 * A message that is refused ends or waits alone. A host at fault is paused and another is used;
 * when all are paused, notices stay in the spool as they are.
 */
#ifndef DSN_OUTLET_RELAY_H
#define DSN_OUTLET_RELAY_H

#include "filter/core/configuration.h"
#include "filter/pipeline/spool.h"

typedef struct DsnRelay DsnRelay;

/* Takes the notices of the relay that @options name. @hostname is what hosts are greeted with when
 * the options say nothing else. */
DsnRelay *dsn_relay_start(DsnSpool *spool, DsnMetrics *metrics, const DsnRelayOptions *options,
                          const char *hostname, GError **error);

/* Takes other options for what begins from now on, and tries all hosts again; the number of
 * connections stays. */
void dsn_relay_reconfigure(DsnRelay *relay, const DsnRelayOptions *options, const char *hostname);

/* Tries all hosts again. */
void dsn_relay_kick(DsnRelay *relay);

/* Begins to stop, so that several can be stopped in the time of one; no more notices are taken. */
void dsn_relay_finish(DsnRelay *relay);

/* Finishes the messages that are on their way, if that does not take long, gives the others back,
 * joins all threads and frees. NULL is fine. After dsn_spool_wake() it need not wait for those who
 * wait for notices. */
void dsn_relay_stop(DsnRelay *relay);

#endif
