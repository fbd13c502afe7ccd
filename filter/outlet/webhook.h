/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * webhook.h - records to an HTTP server
 *
 * Purpose:   follow the spool's stream of records, and post those that are wanted, in batches,
 *            until the server has accepted them.
 * Source:    KumoMTA's log_hooks:new; dsnarf.toml(5), [webhook.NAME]; dsnarf(8), "Webhooks".
 * Ownership: the outlet borrows spool, metrics and options until it is stopped.
 * Errors:    at the start: what does not compile, or libcurl; after that all ends in the log, the
 *            spool and the metrics.
 * Threads:   one, for all connections; one thread calls these functions, any dsn_webhook_kick().
 *            SIGPIPE must be ignored.
 *
 * A record is accepted once, but for answers that were lost: then the same batch goes again, with
 * the same bytes and the same Idempotency-Key, after a crash, too.
 */
#ifndef DSN_OUTLET_WEBHOOK_H
#define DSN_OUTLET_WEBHOOK_H

#include "filter/core/configuration.h"
#include "filter/pipeline/spool.h"

typedef struct DsnWebhook DsnWebhook;

/* The name that the spool knows the outlet by: "webhook:NAME" (transfer full). */
char *dsn_webhook_outlet_name(const DsnWebhookOptions *options);

/* The spool has to know the outlet (dsn_spool_set_outlets()). */
DsnWebhook *dsn_webhook_start(DsnSpool *spool, DsnMetrics *metrics,
                              const DsnWebhookOptions *options, GError **error);

/* Tries at once what waits. */
void dsn_webhook_kick(DsnWebhook *webhook);

/* Begins to stop, so that several can be stopped in the time of one; no more requests are begun. */
void dsn_webhook_finish(DsnWebhook *webhook);

/* Waits for the requests that are on their way, if that does not take long, and frees. NULL is
 * fine. After dsn_spool_wake() it need not wait for those who wait for records. */
void dsn_webhook_stop(DsnWebhook *webhook);

#endif
