/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * webhook-private.h - what the files of a webhook share
 *
 * Purpose:   one structure: the thread (webhook.c), reading records (webhook-gather.c), and what
 *            becomes of them (webhook-settle.c).
 * Source:    dsnarf(8), "Webhooks".
 * Ownership: the webhook owns all that it does not borrow.
 * Errors:    logged where they are met.
 * Threads:   the webhook's own.
 */
#ifndef DSN_OUTLET_WEBHOOK_PRIVATE_H
#define DSN_OUTLET_WEBHOOK_PRIVATE_H

#include "filter/outlet/webhook.h"

#include "filter/outlet/webhook-batch.h"
#include "filter/outlet/webhook-body.h"
#include "filter/outlet/webhook-link.h"

/* A connection and what goes over it: a batch of the stream, or a dead letter that was retried. */
typedef struct DsnWebhookLane {
    DsnWebhookLink *link;
    DsnWebhookBody *body; /* NULL: free */
    DsnWebhookBatch *batch;
    DsnWaitingNotice *letter;
    char *key; /* once it is on its way */
} DsnWebhookLane;

struct DsnWebhook {
    DsnSpool *spool;
    DsnMetrics *metrics;
    const DsnWebhookOptions *options;
    char *outlet; /* for the spool */
    char *label;  /* for the log */
    DsnForm *form;
    CURLM *multi;
    GPtrArray *lanes; /* of DsnWebhookLane */
    DsnWebhookBatches *batches;

    /* what was read behind the batches and is in none yet */
    GArray *records; /* of DsnStreamRecord: a piece of the stream */
    guint n_used;    /* of them are in the body, or passed over */
    DsnWebhookBody *gathering;
    int64_t gathered_to;      /* position */
    int64_t gather_until;     /* monotonic: no longer does it wait for more */
    int64_t look_for_letters; /* monotonic: when there may be one */
    bool letter_last;         /* the stream has the next turn */
    int64_t look_for_old;     /* the same for records to give up */

    /* what the next commit brings into the spool */
    bool changed;      /* the batches or what follows have */
    bool urgent;       /* there are batches that may not be sent before it */
    int64_t committed; /* monotonic: when the last one was */
    GArray *letters;   /* of DsnSpoolLetter, owned */
    GArray *handed_on; /* of DsnHandedOn, owned */

    /* the server */
    unsigned failures;     /* requests that failed since one had an answer that decides */
    int64_t failed_at;     /* monotonic: the last of them */
    int64_t closed_until;  /* monotonic: before, nothing is sent */
    int64_t failing_since; /* monotonic; 0: it works */
    guint64 successes;
    char *trouble; /* that was logged, NULL: all is well */
    GTimeSpan between_connects;
    int64_t next_connect; /* monotonic */

    GThread *thread;
    gint kicked;        /* atomic: what waits is to be tried */
    gint stopping;      /* atomic */
    int64_t stop_until; /* monotonic: when the grace ends, once it stops */
};

/* ---- webhook-gather.c ---- */

/* Reads records that follow; waits for them up to @wait. False if the spool fails. */
bool dsn_webhook_read(DsnWebhook *webhook, GTimeSpan wait);

/* Puts what was read into the body that is gathered. True when that is complete: there is a new
 * batch, which @lane has, if it is not NULL. */
bool dsn_webhook_gather(DsnWebhook *webhook, DsnWebhookLane *lane, int64_t now);

/* Forgets what was read: it is in the spool. */
void dsn_webhook_drop_gathered(DsnWebhook *webhook);

/* Makes the body of @batch for @lane. False if the spool fails. */
bool dsn_webhook_load(DsnWebhook *webhook, DsnWebhookLane *lane, DsnWebhookBatch *batch);

/* Makes dead letters of the records of @batch that came before @before, and are sent; the rest, if
 * there is any, stays. False if the spool fails. */
bool dsn_webhook_give_up(DsnWebhook *webhook, DsnWebhookBatch *batch, int64_t before,
                         const char *reason);

/* Makes dead letters of what is too old in the stream behind the batches, after the server has
 * failed for long. Returns true if there may be more. */
bool dsn_webhook_expire(DsnWebhook *webhook, int64_t now);

/* ---- webhook-settle.c ---- */

/* The request in @lane has ended. */
void dsn_webhook_settle(DsnWebhook *webhook, DsnWebhookLane *lane, CURLcode code);

/* A batch of which nothing is sent, in @lane, is done with. */
void dsn_webhook_settle_empty(DsnWebhook *webhook, DsnWebhookLane *lane);

/* The same for a letter: it is dead again. */
void dsn_webhook_settle_letter_empty(DsnWebhook *webhook, DsnWebhookLane *lane);

/* Adds a dead letter to the next commit. */
void dsn_webhook_add_letter(DsnWebhook *webhook, GBytes *json, const char *reason);

/* The records of @body that could not be formed become dead letters. */
void dsn_webhook_add_faults(DsnWebhook *webhook, const DsnWebhookBody *body);

/* Records are given up when they are older than max_age, and the server, or the request that they
 * were in, has failed since @failed_since (0: it has not) for long enough. Returns the time before
 * which they came in unix seconds, 0: none is given up. */
int64_t dsn_webhook_too_old(const DsnWebhook *webhook, int64_t failed_since);

/* Brings all changes into the spool. False if that fails; it can be tried again. */
bool dsn_webhook_commit(DsnWebhook *webhook);

/* @lane is free again. */
void dsn_webhook_clear_lane(DsnWebhookLane *lane);

#endif
