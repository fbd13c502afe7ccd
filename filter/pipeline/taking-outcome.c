/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/taking.h"

/* ---- the tally ---- */

static void
clear_rejection(gpointer data)
{
    g_free(((DsnRejection *)data)->reason);
}

void
dsn_tally_init(DsnTally *tally)
{
    *tally = (DsnTally){.rejected = g_array_new(FALSE, FALSE, sizeof(DsnRejection))};
    g_array_set_clear_func(tally->rejected, clear_rejection);
}

void
dsn_tally_clear(DsnTally *tally)
{
    if (tally->rejected != NULL)
        g_array_unref(tally->rejected);
    *tally = (DsnTally){0};
}

/* ---- units ---- */

void
dsn_pending_clear(gpointer data)
{
    DsnPending *pending = data;

    if (pending->line.text != NULL)
        (void)g_string_free(pending->line.text, TRUE);
}

DsnUnit *
dsn_unit_new(void)
{
    DsnUnit *unit = g_new0(DsnUnit, 1);

    unit->pending = g_array_new(FALSE, FALSE, sizeof(DsnPending));
    g_array_set_clear_func(unit->pending, dsn_pending_clear);
    return unit;
}

void
dsn_unit_free(gpointer data)
{
    DsnUnit *unit = data;

    g_array_unref(unit->pending);
    dsn_draft_free(unit->draft);
    dsn_notice_clear(&unit->notice);
    g_free(unit);
}

guint
dsn_key_hash(gconstpointer data)
{
    guint hash;

    memcpy(&hash, ((const DsnKey *)data)->digest, sizeof(hash));
    return hash;
}

gboolean
dsn_key_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(((const DsnKey *)a)->digest, ((const DsnKey *)b)->digest, 16) == 0;
}

DsnChunk *
dsn_chunk_new(void)
{
    DsnChunk *chunk = g_new0(DsnChunk, 1);

    chunk->deposit = dsn_deposit_new(false);
    chunk->units = g_ptr_array_new_with_free_func(dsn_unit_free);
    chunk->groups = g_hash_table_new(dsn_key_hash, dsn_key_equal);
    return chunk;
}

void
dsn_chunk_free(DsnChunk *chunk)
{
    dsn_deposit_free(chunk->deposit);
    g_hash_table_unref(chunk->groups);
    g_ptr_array_unref(chunk->units);
    g_free(chunk);
}

static void
add_unit(DsnChunk **at, const DsnItem *item, DsnUnit *unit, size_t bytes)
{
    if (*at == NULL)
        *at = dsn_chunk_new();
    DsnChunk *chunk = *at;

    if (unit->draft != NULL) /* in place of one that is full */
        (void)g_hash_table_replace(chunk->groups, &unit->draft->group,
                                   GUINT_TO_POINTER(chunk->units->len));
    g_array_append_vals(chunk->deposit->items, item, 1);
    g_ptr_array_add(chunk->units, unit);
    chunk->bytes += bytes;
}

static void
add_item(DsnChunk **at, const DsnItem *item, DsnPending *pending, size_t bytes)
{
    DsnUnit *unit = dsn_unit_new();

    g_array_append_vals(unit->pending, pending, 1);
    *pending = (DsnPending){.index = 0};
    add_unit(at, item, unit, bytes);
}

void
dsn_taking_add_unit(DsnTaking *taking, const DsnItem *item, DsnUnit *unit, size_t bytes)
{
    add_unit(&taking->chunk, item, unit, bytes);
}

void
dsn_taking_add_item(DsnTaking *taking, const DsnItem *item, DsnPending *pending, size_t bytes)
{
    add_item(&taking->chunk, item, pending, bytes);
}

/* ---- outcomes ---- */

static void
log_reason(DsnPending *pending, DsnReason reason)
{
    if (pending->line.text == NULL)
        return;
    dsn_log_text(&pending->line, "reason", dsn_reason_to_string(reason));
    dsn_log_text(&pending->line, "rate", pending->rate);
    dsn_log_end(&pending->line, DSN_LOG_INFO);
}

/* Without a notice, for a reason. */
void
dsn_taking_count_accepted(DsnTaking *taking, DsnPending *pending)
{
    taking->tally->accepted++;
    taking->tally->reasons[pending->reason]++;
    dsn_metrics_reason(taking->the_case.pipeline->metrics, pending->reason, 1);
    log_reason(pending, pending->reason);
}

void
dsn_taking_count_duplicate(DsnTaking *taking, DsnPending *pending)
{
    taking->tally->duplicate++;
    if (pending->notify)
        dsn_metrics_reason(taking->the_case.pipeline->metrics, DSN_REASON_DUPLICATE, 1);
    log_reason(pending, DSN_REASON_DUPLICATE);
}

/* With a notice, which several may share. */
void
dsn_taking_count_noticed(DsnTaking *taking, DsnUnit *unit, const DsnItem *item)
{
    DsnMetrics *metrics = taking->the_case.pipeline->metrics;
    bool merged = item->notice->replaces != 0;

    dsn_metrics_add(metrics, merged ? DSN_COUNT_NOTICES_MERGED : DSN_COUNT_NOTICES_MADE, 1);
    dsn_notice_count(&unit->notice, metrics);
    for (guint i = 0; i < unit->pending->len; i++) {
        DsnPending *pending = &g_array_index(unit->pending, DsnPending, i);

        if (pending->known)
            taking->tally->duplicate++;
        else
            taking->tally->accepted++;
        if (pending->line.text == NULL)
            continue;
        dsn_log_text(&pending->line, "result", merged || i > 0 ? "merged" : "notice");
        dsn_log_end(&pending->line, dsn_notice_level(&unit->notice));
    }
}

void
dsn_taking_count_rejected(DsnTaking *taking, DsnSpan text, guint64 index, const char *reason)
{
    const DsnRejection rejection = {index, g_strdup(reason)};
    DsnRecordKeys keys = {.id = DSN_SPAN_ABSENT};
    DsnLogLine line;

    g_array_append_val(taking->tally->rejected, rejection);
    if (!dsn_log_wanted(DSN_LOG_WARNING))
        return;
    (void)dsn_record_scan(text, &keys); /* if there is an id, it is good to know */
    g_autofree char *id = dsn_span_dup(keys.id);
    dsn_log_begin(&line, id);
    dsn_log_text(&line, "result", taking->again ? "rejected-again" : "rejected");
    dsn_log_text(&line, "client", taking->the_case.poster->name);
    dsn_log_number(&line, "index", (int64_t)index);
    dsn_log_text(&line, "reason", reason);
    dsn_log_end(&line, DSN_LOG_WARNING);
}

void
dsn_taking_give_back(DsnTaking *taking, DsnUnit *unit)
{
    if (unit->admitted)
        dsn_case_return(&taking->the_case, unit->draft->tenant, unit->draft->sender);
    unit->admitted = false;
}

/* Of what is followed, the administrator is told where it comes from. */
static char *
make_reason(const DsnTaking *taking, DsnSpan text, const char *reason)
{
    if (taking->followed == NULL)
        return g_strdup(reason);
    g_autofree char *where =
        taking->followed->where((size_t)(text.data - taking->body.data), taking->followed->user);
    return g_strdup_printf("%s: %s", where, reason);
}

/* A dead letter has no key by which it is known when it comes again. So what somebody follows is
 * held until it can be kept together with the place. */
void
dsn_taking_reject(DsnTaking *taking, DsnSpan text, guint64 index, const char *reason)
{
    taking->n_rejected++;
    if (taking->again) {
        dsn_taking_count_rejected(taking, text, index, reason);
        return;
    }
    DsnPending pending = {.element = text, .index = index};
    const DsnItem item = {.kind = DSN_ITEM_REJECTED,
                          .rejected = g_bytes_new(text.data, text.len),
                          .reason = make_reason(taking, text, reason)};
    add_item(taking->followed == NULL ? &taking->chunk : &taking->held, &item, &pending, text.len);
}
