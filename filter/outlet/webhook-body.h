/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * webhook-body.h - records as the content of one request
 *
 * Purpose:   put records together in the shape that is wanted, with the key by which a repetition
 *            is known.
 * Source:    KumoMTA's log_hooks:new and new_json; dsnarf(8), "Webhooks".
 * Ownership: the body owns what was added; the form and options are borrowed.
 * Errors:    a record that cannot be formed is kept with the reason.
 * Threads:   one thread at a time.
 *
 * The same records give the same bytes and the same key, in another process, too, as long as the
 * outlet's options are the same.
 */
#ifndef DSN_OUTLET_WEBHOOK_BODY_H
#define DSN_OUTLET_WEBHOOK_BODY_H

#include "filter/core/record-form.h"
#include "filter/pipeline/spool.h"

/* Bytes after which a request takes no further record. */
#define DSN_WEBHOOK_BODY_FULL ((size_t)8 << 20)

typedef struct DsnWebhookBody DsnWebhookBody;

DsnWebhookBody *dsn_webhook_body_new(const DsnWebhookOptions *options, const DsnForm *form);
void dsn_webhook_body_free(DsnWebhookBody *body);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnWebhookBody, dsn_webhook_body_free)

/* Adds what the outlet gets of @record, if anything. */
void dsn_webhook_body_add(DsnWebhookBody *body, const DsnStreamRecord *record);

/* The records in it: their positions, rising. */
const int64_t *dsn_webhook_body_positions(const DsnWebhookBody *body, size_t *ret_count);
size_t dsn_webhook_body_count(const DsnWebhookBody *body);

/* When the oldest of them came, in unix seconds. */
int64_t dsn_webhook_body_oldest(const DsnWebhookBody *body);

/* True if it takes no further record. */
bool dsn_webhook_body_is_full(const DsnWebhookBody *body);

/* One that could not be formed. */
typedef struct DsnWebhookFault {
    GBytes *json;
    char *reason;
} DsnWebhookFault;

/* Of DsnWebhookFault (transfer none). */
const GArray *dsn_webhook_body_faults(const DsnWebhookBody *body);

/* The content as it is sent, after which nothing is added; @ret_key (transfer full) is what
 * Idempotency-Key says. */
GBytes *dsn_webhook_body_finish(DsnWebhookBody *body, char **ret_key);

/* The value of the field Dsnarf-Signature for @content at @now, in unix seconds (transfer full):
 * "t=1700000000,v1=" and the HMAC-SHA256 of "1700000000." with @content behind it. */
char *dsn_webhook_sign(const char *secret, int64_t now, GBytes *content);

#endif
