/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/webhook-private.h"

/* Of the stream at once. */
#define READ_RECORDS 1000
#define READ_BYTES ((size_t)1 << 20)
/* So many of these, then requests have their turn. */
#define GATHER_PIECES 10
/* While a server fails for long, for records that have become too old since. */
#define LOOK_FOR_OLD G_TIME_SPAN_MINUTE

/* ---- the stream behind the batches ---- */

bool
dsn_webhook_read(DsnWebhook *webhook, GTimeSpan wait)
{
    int64_t after = MAX(webhook->gathered_to, dsn_webhook_batches_end(webhook->batches));

    if (webhook->n_used < webhook->records->len)
        return true;
    g_array_set_size(webhook->records, 0);
    webhook->n_used = 0;
    return dsn_spool_read_records_after(webhook->spool, webhook->outlet, after, READ_RECORDS,
                                        READ_BYTES, wait, webhook->records);
}

void
dsn_webhook_drop_gathered(DsnWebhook *webhook)
{
    g_array_set_size(webhook->records, 0);
    webhook->n_used = 0;
    g_clear_pointer(&webhook->gathering, dsn_webhook_body_free);
    webhook->gathered_to = 0;
}

static bool
is_complete(const DsnWebhook *webhook, int64_t now)
{
    size_t count = dsn_webhook_body_count(webhook->gathering);

    return dsn_webhook_body_is_full(webhook->gathering) ||
           (count > 0 &&
            (count >= webhook->options->min_batch_size || now >= webhook->gather_until));
}

/* Puts what was read into the body until that is full. */
static void
gather_records(DsnWebhook *webhook, int64_t now)
{
    if (webhook->gathering == NULL)
        webhook->gathering = dsn_webhook_body_new(webhook->options, webhook->form);
    while (webhook->n_used < webhook->records->len &&
           !dsn_webhook_body_is_full(webhook->gathering)) {
        const DsnStreamRecord *record =
            &g_array_index(webhook->records, DsnStreamRecord, webhook->n_used++);

        if (dsn_webhook_body_count(webhook->gathering) == 0)
            webhook->gather_until = now + webhook->options->max_batch_latency;
        dsn_webhook_body_add(webhook->gathering, record);
        webhook->gathered_to = record->position;
    }
}

/* What is gathered becomes a batch, in @lane if it is not NULL. */
static DsnWebhookBatch *
make_batch(DsnWebhook *webhook, DsnWebhookLane *lane)
{
    g_autoptr(DsnWebhookBody) body = g_steal_pointer(&webhook->gathering);
    DsnWebhookBatch *batch = dsn_webhook_batches_add(webhook->batches, webhook->gathered_to);

    if (lane != NULL) {
        lane->body = g_steal_pointer(&body);
        lane->batch = batch;
        batch->on_its_way = true;
    }
    webhook->gathered_to = 0;
    webhook->changed = webhook->urgent = true;
    return batch;
}

/* Nothing of what was read so far is wanted. */
static void
pass_over(DsnWebhook *webhook)
{
    dsn_webhook_add_faults(webhook, webhook->gathering);
    g_clear_pointer(&webhook->gathering, dsn_webhook_body_free);
    dsn_webhook_batches_skip(webhook->batches, webhook->gathered_to);
    webhook->gathered_to = 0;
    webhook->changed = true;
}

bool
dsn_webhook_gather(DsnWebhook *webhook, DsnWebhookLane *lane, int64_t now)
{
    for (unsigned i = 0; i < GATHER_PIECES; i++) {
        if (!dsn_webhook_read(webhook, 0))
            return false;
        if (webhook->records->len == 0)
            break;
        gather_records(webhook, now);
        if (dsn_webhook_body_count(webhook->gathering) == 0)
            pass_over(webhook);
        else if (dsn_webhook_body_is_full(webhook->gathering))
            break;
    }
    if (webhook->gathering == NULL || !is_complete(webhook, now))
        return false;
    (void)make_batch(webhook, lane);
    return true;
}

/* ---- batches ---- */

/* Calls @each for the records of @batch until it says false. False if the spool fails. */
static bool
go_through(DsnWebhook *webhook, const DsnWebhookBatch *batch,
           bool (*each)(const DsnStreamRecord *record, gpointer user), gpointer user)
{
    g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(DsnStreamRecord));
    int64_t position = batch->first - 1;

    g_array_set_clear_func(records, (GDestroyNotify)(void (*)(void))dsn_stream_record_clear);
    while (position < batch->last) {
        unsigned most = (unsigned)MIN(batch->last - position, READ_RECORDS);

        g_array_set_size(records, 0);
        if (!dsn_spool_read_records_after(webhook->spool, webhook->outlet, position, most,
                                          READ_BYTES, 0, records))
            return false;
        if (records->len == 0) /* there is nothing up to the end of the stream */
            return true;
        for (guint i = 0; i < records->len; i++) {
            const DsnStreamRecord *record = &g_array_index(records, DsnStreamRecord, i);

            position = record->position;
            if (position > batch->last || !each(record, user))
                return true;
        }
    }
    return true;
}

static bool
add_record(const DsnStreamRecord *record, gpointer user)
{
    dsn_webhook_body_add(user, record);
    return true;
}

bool
dsn_webhook_load(DsnWebhook *webhook, DsnWebhookLane *lane, DsnWebhookBatch *batch)
{
    g_autoptr(DsnWebhookBody) body = dsn_webhook_body_new(webhook->options, webhook->form);

    if (!go_through(webhook, batch, add_record, body))
        return false;
    lane->body = g_steal_pointer(&body);
    lane->batch = batch;
    batch->on_its_way = true;
    return true;
}

/* ---- what is given up ---- */

typedef struct GivingUp {
    DsnWebhook *webhook;
    DsnWebhookBody *body; /* tells what is sent at all */
    int64_t before;       /* unix seconds */
    const char *reason;
    int64_t done; /* position */
    bool all;
} GivingUp;

static bool
give_up_record(const DsnStreamRecord *record, gpointer user)
{
    GivingUp *giving = user;
    size_t count = dsn_webhook_body_count(giving->body);

    dsn_webhook_body_add(giving->body, record);
    if (dsn_webhook_body_count(giving->body) > count) {
        giving->all = record->taken_in < giving->before;
        if (!giving->all)
            return false;
        dsn_webhook_add_letter(giving->webhook, record->json, giving->reason);
    }
    giving->done = record->position;
    return true;
}

bool
dsn_webhook_give_up(DsnWebhook *webhook, DsnWebhookBatch *batch, int64_t before, const char *reason)
{
    g_autoptr(DsnWebhookBody) body = dsn_webhook_body_new(webhook->options, webhook->form);
    GivingUp giving = {webhook, body, before, reason, batch->first - 1, true};
    guint n_letters = webhook->letters->len;

    if (!go_through(webhook, batch, give_up_record, &giving)) {
        g_array_set_size(webhook->letters, n_letters);
        return false;
    }
    dsn_webhook_add_faults(webhook, body);
    dsn_webhook_batches_done(webhook->batches, batch, giving.all ? batch->last : giving.done);
    webhook->changed = true;
    return true;
}

bool
dsn_webhook_expire(DsnWebhook *webhook, int64_t now)
{
    int64_t before = dsn_webhook_too_old(webhook, webhook->failing_since);

    if (before == 0 || now < webhook->look_for_old)
        return false;
    webhook->look_for_old = now + LOOK_FOR_OLD;
    if (!dsn_webhook_read(webhook, 0) || webhook->records->len == 0)
        return false;
    gather_records(webhook, now);
    if (dsn_webhook_body_count(webhook->gathering) == 0) {
        pass_over(webhook);
    } else if (dsn_webhook_body_oldest(webhook->gathering) < before) {
        g_autofree char *reason =
            g_strdup_printf("too old, and the server fails: %s", webhook->trouble);

        (void)dsn_webhook_give_up(webhook, make_batch(webhook, NULL), before, reason);
    } else {
        return false;
    }
    webhook->look_for_old = now;
    return true;
}
