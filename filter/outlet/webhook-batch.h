/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * webhook-batch.h - which records a webhook sends together
 *
 * Purpose:   know what is not done yet of the stream that was looked at, over a crash, too.
 * Source:    dsnarf(8), "Webhooks".
 * Ownership: the batches are theirs; those that are handed out are lent until they are done.
 * Errors:    none: a note that cannot be read is like none.
 * Threads:   one thread at a time.
 *
 * A batch is a range of the stream, of which those records are sent that the outlet's form lets
 * through: so the same records go again in the same request, and a note of two numbers keeps them.
 * All up to the end that no batch has is done with.
 */
#ifndef DSN_OUTLET_WEBHOOK_BATCH_H
#define DSN_OUTLET_WEBHOOK_BATCH_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct DsnWebhookBatch {
    int64_t first, last; /* positions in the stream */
    bool on_its_way;
    bool unsure;          /* it may have been accepted: it must stay the same */
    unsigned attempts;    /* that failed */
    int64_t due;          /* of the next attempt, g_get_monotonic_time() */
    int64_t failed_since; /* the first that failed, the same; 0: none has */
    guint64 others;       /* requests that had succeeded when it failed first */
} DsnWebhookBatch;

typedef struct DsnWebhookBatches DsnWebhookBatches;

/* As they stand in @note (NULL: none). */
DsnWebhookBatches *dsn_webhook_batches_new(const char *note);
void dsn_webhook_batches_free(DsnWebhookBatches *batches);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnWebhookBatches, dsn_webhook_batches_free)

/* The note for them (transfer full). */
char *dsn_webhook_batches_note(const DsnWebhookBatches *batches);

/* Behind which the stream was not looked at yet. */
int64_t dsn_webhook_batches_end(const DsnWebhookBatches *batches);

/* Up to which all is done with. */
int64_t dsn_webhook_batches_place(const DsnWebhookBatches *batches);

guint dsn_webhook_batches_count(const DsnWebhookBatches *batches);

/* All up to @last was looked at, and nothing needs to be sent. */
void dsn_webhook_batches_skip(DsnWebhookBatches *batches, int64_t last);

/* All up to @last was looked at, and what is new makes a batch. */
DsnWebhookBatch *dsn_webhook_batches_add(DsnWebhookBatches *batches, int64_t last);

/* The batch to be sent now: of those that are due the one that has failed least, NULL if none. */
DsnWebhookBatch *dsn_webhook_batches_next(const DsnWebhookBatches *batches, int64_t now);

/* When the next one is due, INT64_MAX if none will be. */
int64_t dsn_webhook_batches_due(const DsnWebhookBatches *batches);

/* True if one of them has failed. */
bool dsn_webhook_batches_have_failed(const DsnWebhookBatches *batches);

/* All that wait are due now. */
void dsn_webhook_batches_hurry(DsnWebhookBatches *batches);

/* Cuts @batch after @position, which is in it and not its last: what is behind becomes a batch of
 * its own. Both are as if new. */
void dsn_webhook_batches_split(DsnWebhookBatches *batches, DsnWebhookBatch *batch,
                               int64_t position);

/* All of @batch up to @position is done with; with its last it is gone. */
void dsn_webhook_batches_done(DsnWebhookBatches *batches, DsnWebhookBatch *batch, int64_t position);

#endif
