/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/spool-private.h"

/* What an item costs in memory besides its bytes. */
#define ITEM_COST 1024

/* ---- values ---- */

DsnSpoolNotice *
dsn_spool_notice_new(void)
{
    DsnSpoolNotice *notice = g_new0(DsnSpoolNotice, 1);

    notice->keys = g_array_new(FALSE, FALSE, sizeof(DsnKey));
    return notice;
}

void
dsn_spool_notice_free(DsnSpoolNotice *notice)
{
    if (notice == NULL)
        return;
    g_free(notice->record_id);
    g_free(notice->record_type);
    g_free(notice->recipient);
    g_clear_pointer(&notice->bytes, g_bytes_unref);
    g_clear_pointer(&notice->keys, g_array_unref);
    g_clear_pointer(&notice->sources, g_bytes_unref);
    g_free(notice->relay);
    g_free(notice->tenant);
    g_free(notice);
}

static void
clear_line(gpointer data)
{
    DsnSpoolLine *line = data;

    g_clear_pointer(&line->subject, g_free);
    g_clear_pointer(&line->json, g_bytes_unref);
}

static void
clear_history(gpointer data)
{
    dsn_history_clear(data);
}

static void
clear_bucket(gpointer data)
{
    dsn_bucket_clear(data);
}

/* Arrays come with whatever clear function their maker has set; from now on they own their
 * elements. */
static void
free_array(GArray *array, GDestroyNotify clear)
{
    if (array == NULL)
        return;
    g_array_set_clear_func(array, clear);
    g_array_unref(array);
}

static void
clear_item(gpointer data)
{
    DsnItem *item = data;

    g_clear_pointer(&item->notice, dsn_spool_notice_free);
    free_array(g_steal_pointer(&item->lines), clear_line);
    free_array(g_steal_pointer(&item->history), clear_history);
    g_clear_pointer(&item->also, g_array_unref);
    g_clear_pointer(&item->rejected, g_bytes_unref);
    g_clear_pointer(&item->attempt, g_bytes_unref);
    g_clear_pointer(&item->reason, g_free);
}

DsnDeposit *
dsn_deposit_new(bool urgent)
{
    DsnDepositJob *deposit = g_new0(DsnDepositJob, 1);

    deposit->deposit.items = g_array_new(FALSE, TRUE, sizeof(DsnItem));
    g_array_set_clear_func(deposit->deposit.items, clear_item);
    deposit->deposit.urgent = urgent;
    deposit->job.run = dsn_deposit_run;
    deposit->job.committed = dsn_deposit_committed;
    deposit->job.failed = dsn_deposit_failed;
    deposit->kept = g_ptr_array_new_with_free_func(g_free);
    deposit->replaced = g_ptr_array_new_with_free_func(g_free);
    g_cond_init(&deposit->job.finished);
    return &deposit->deposit;
}

void
dsn_deposit_free(DsnDeposit *deposit)
{
    DsnDepositJob *own = (DsnDepositJob *)deposit;

    if (deposit == NULL)
        return;
    g_assert(!own->submitted || own->job.done);
    for (guint i = 0; own->files != NULL && i < own->files->len; i++)
        if (own->files->pdata[i] != NULL)
            (void)unlink(own->files->pdata[i]); /* what stays is swept at the next start */
    g_clear_pointer(&own->files, g_ptr_array_unref);
    g_clear_pointer(&own->kept, g_ptr_array_unref);
    g_clear_pointer(&own->replaced, g_ptr_array_unref);
    g_array_unref(deposit->items);
    free_array(deposit->buckets, clear_bucket);
    g_clear_error(&deposit->error);
    g_clear_error(&own->job.error);
    g_cond_clear(&own->job.finished);
    g_free(own);
}

static size_t
size_of(GBytes *bytes)
{
    return bytes == NULL ? 0 : g_bytes_get_size(bytes);
}

static size_t
cost_of(const DsnItem *item)
{
    size_t cost = ITEM_COST + size_of(item->rejected) + size_of(item->attempt);

    if (item->notice != NULL)
        cost += size_of(item->notice->bytes) + size_of(item->notice->sources);
    for (guint i = 0; item->history != NULL && i < item->history->len; i++)
        cost += strlen(g_array_index(item->history, DsnHistory, i).text);
    for (guint i = 0; item->lines != NULL && i < item->lines->len; i++)
        cost += size_of(g_array_index(item->lines, DsnSpoolLine, i).json);
    return cost;
}

/* ---- submitting ---- */

/* Digests cost the writer as much as the rows do: here they cost others. */
static void
prepare_history(DsnItem *item)
{
    for (guint i = 0; item->history != NULL && i < item->history->len; i++) {
        DsnHistory *row = &g_array_index(item->history, DsnHistory, i);

        row->key = dsn_subject_key(row->subject);
    }
    for (guint i = 0; item->lines != NULL && i < item->lines->len; i++) {
        DsnSpoolLine *line = &g_array_index(item->lines, DsnSpoolLine, i);

        if (line->subject != NULL)
            line->key = dsn_subject_key(line->subject);
    }
}

/* Fails a deposit that the writer never sees. */
static void
refuse(DsnSpool *spool, DsnDepositJob *deposit, GError *error)
{
    g_mutex_lock(&spool->lock);
    deposit->deposit.error = error;
    deposit->job.done = true;
    g_mutex_unlock(&spool->lock);
}

/* Before anything is written for a deposit; under the lock. */
static bool
has_room(DsnSpool *spool, GError **error)
{
    if (spool->broken)
        g_set_error_literal(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_DISK, spool->broken_text);
    else if (dsn_spool_is_full(spool))
        g_set_error(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_FULL,
                    "%s has reached spool.max_size, or its file system spool.min_free",
                    spool->directory);
    else
        return true;
    return false;
}

void
dsn_spool_submit(DsnSpool *spool, DsnDeposit *deposit)
{
    DsnDepositJob *own = (DsnDepositJob *)deposit;
    GError *error = NULL;

    g_assert(!own->submitted);
    own->submitted = true;
    own->job.items = deposit->items->len;
    own->job.cost = deposit->place.name == NULL ? 0 : strlen(deposit->place.text);
    for (guint i = 0; i < deposit->items->len; i++) {
        prepare_history(&g_array_index(deposit->items, DsnItem, i));
        own->job.cost += cost_of(&g_array_index(deposit->items, DsnItem, i));
    }

    g_mutex_lock(&spool->lock);
    bool room = has_room(spool, &error);
    g_mutex_unlock(&spool->lock);
    if (!room || !dsn_large_write_deposit(spool, own, &error)) {
        refuse(spool, own, error);
        return;
    }
    g_mutex_lock(&spool->lock);
    while (!deposit->urgent && !spool->broken && spool->bulk_cost > 0 &&
           spool->bulk_cost + own->job.cost > DSN_SPOOL_WAITING_BYTES)
        g_cond_wait(&spool->room, &spool->lock);
    dsn_spool_push(spool, deposit->urgent ? DSN_LANE_URGENT : DSN_LANE_BULK, &own->job);
    g_mutex_unlock(&spool->lock);
}

bool
dsn_spool_wait(DsnSpool *spool, DsnDeposit *deposit, int64_t until)
{
    return dsn_spool_wait_job(spool, &((DsnDepositJob *)deposit)->job, until);
}

/* ---- in the writer's thread ---- */

/* Where the follower of what was deposited is now, unless some of that is yet to be done. */
static bool
store_place(DsnSpool *spool, DsnDeposit *deposit, GError **error)
{
    deposit->placed = deposit->place.name != NULL;
    for (guint i = 0; i < deposit->items->len && deposit->placed; i++)
        deposit->placed = g_array_index(deposit->items, DsnItem, i).result != DSN_ITEM_CONFLICT;
    return !deposit->placed ||
           dsn_db_run(spool->writer, DSN_SQL_SET_PLACE,
                      DSN_VALUES(dsn_text(deposit->place.name), dsn_text(deposit->place.text)),
                      error);
}

bool
dsn_deposit_run(DsnSpool *spool, DsnJob *job, GError **error)
{
    DsnDepositJob *deposit = (DsnDepositJob *)((char *)job - offsetof(DsnDepositJob, job));
    int64_t now = dsn_spool_now(spool) / G_USEC_PER_SEC;
    bool good = true;

    for (guint i = 0; i < deposit->deposit.items->len && good; i++)
        good = dsn_item_store(spool, deposit, i, now, error);
    return good && store_place(spool, &deposit->deposit, error) &&
           dsn_buckets_store(spool, deposit->deposit.buckets, error);
}

/* Tells those who take notices, relay by relay. */
static void
tell_relays(DsnSpool *spool, const DsnDepositJob *deposit)
{
    DsnRelayLine *line = NULL;
    guint64 count = 0;

    for (guint i = 0; i < deposit->deposit.items->len; i++) {
        const DsnItem *item = &g_array_index(deposit->deposit.items, DsnItem, i);

        if (item->notice == NULL || item->result != DSN_ITEM_STORED || item->notice->replaces != 0)
            continue;
        DsnRelayLine *own = dsn_spool_line(spool, dsn_spool_relay_of(spool, item->notice->relay));
        if (own != line && line != NULL) {
            dsn_spool_tell_due(line, count);
            count = 0;
        }
        line = own;
        dsn_turn_ready(dsn_turn(&line->fresh, item->notice->tenant));
        count++;
    }
    if (line != NULL)
        dsn_spool_tell_due(line, count);
}

void
dsn_deposit_committed(DsnSpool *spool, DsnJob *job)
{
    DsnDepositJob *deposit = (DsnDepositJob *)((char *)job - offsetof(DsnDepositJob, job));

    spool->waiting += deposit->notices;
    spool->dead += deposit->dead;
    spool->large_bytes += deposit->large;
    g_ptr_array_extend_and_steal(spool->to_remove, g_steal_pointer(&deposit->replaced));
    tell_relays(spool, deposit);
    if (deposit->last_line > 0) {
        spool->last_record = deposit->last_line;
        g_cond_broadcast(&spool->arrived);
    }
}

void
dsn_deposit_failed(DsnSpool *spool, DsnJob *job)
{
    DsnDepositJob *deposit = (DsnDepositJob *)((char *)job - offsetof(DsnDepositJob, job));

    deposit->deposit.error = g_steal_pointer(&job->error);
    deposit->deposit.placed = false;
    /* The commit that failed may still have reached the disk, and a crash now would find it. */
    g_ptr_array_extend_and_steal(spool->doubtful, g_steal_pointer(&deposit->kept));
}

/* ---- places ---- */

char *
dsn_spool_place(DsnSpool *spool, const char *name, GError **error)
{
    g_autoptr(GError) failure = NULL;
    char *text = NULL;
    DsnDb *db = dsn_spool_reader(spool, error);

    if (db == NULL)
        return NULL;
    DsnQuery *query = dsn_db_query(db, DSN_SQL_PLACE, DSN_VALUES(dsn_text(name)));
    if (dsn_query_next(db, query, &failure))
        text = g_strdup((const char *)sqlite3_column_text(query, 0));
    dsn_query_end(query);
    dsn_spool_reader_done(spool, db, failure);
    if (failure != NULL)
        g_propagate_error(error, g_steal_pointer(&failure));
    return text;
}
