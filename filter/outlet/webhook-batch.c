/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/webhook-batch.h"

#include "filter/core/json-writer.h"

struct DsnWebhookBatches {
    GPtrArray *open; /* of DsnWebhookBatch, in the order of the stream */
    int64_t end;
};

/* Puts @batch where it belongs. */
static DsnWebhookBatch *
insert(DsnWebhookBatches *batches, int64_t first, int64_t last)
{
    DsnWebhookBatch *batch = g_new0(DsnWebhookBatch, 1);
    guint at = batches->open->len;

    batch->first = first;
    batch->last = last;
    while (at > 0 && ((const DsnWebhookBatch *)batches->open->pdata[at - 1])->first > first)
        at--;
    g_ptr_array_insert(batches->open, (int)at, batch);
    return batch;
}

/* ---- the note: {"end":9,"batches":[[3,5],[8,9]]} ---- */

DsnWebhookBatches *
dsn_webhook_batches_new(const char *note)
{
    DsnWebhookBatches *batches = g_new0(DsnWebhookBatches, 1);
    json_auto_t *tree = note == NULL ? NULL : json_loads(note, 0, NULL);
    const json_t *pair;
    json_int_t first, last;
    size_t i;

    batches->open = g_ptr_array_new_with_free_func(g_free);
    batches->end = json_integer_value(json_object_get(tree, "end"));
    json_array_foreach(json_object_get(tree, "batches"), i, pair)
    {
        if (json_unpack((json_t *)pair, "[I, I]", &first, &last) == 0 && first <= last)
            insert(batches, first, last)->unsure = true;
    }
    return batches;
}

void
dsn_webhook_batches_free(DsnWebhookBatches *batches)
{
    if (batches == NULL)
        return;
    g_ptr_array_unref(batches->open);
    g_free(batches);
}

char *
dsn_webhook_batches_note(const DsnWebhookBatches *batches)
{
    GString *note = g_string_new("{");

    dsn_json_key(note, "end");
    dsn_json_int(note, batches->end);
    dsn_json_key(note, "batches");
    g_string_append_c(note, '[');
    for (guint i = 0; i < batches->open->len; i++) {
        const DsnWebhookBatch *batch = batches->open->pdata[i];

        g_string_append_printf(note, "%s[%" G_GINT64_FORMAT ",%" G_GINT64_FORMAT "]",
                               i == 0 ? "" : ",", batch->first, batch->last);
    }
    g_string_append(note, "]}");
    return g_string_free(note, FALSE);
}

/* ---- what there is ---- */

int64_t
dsn_webhook_batches_end(const DsnWebhookBatches *batches)
{
    return batches->end;
}

int64_t
dsn_webhook_batches_place(const DsnWebhookBatches *batches)
{
    return batches->open->len == 0 ? batches->end
                                   : ((const DsnWebhookBatch *)batches->open->pdata[0])->first - 1;
}

guint
dsn_webhook_batches_count(const DsnWebhookBatches *batches)
{
    return batches->open->len;
}

DsnWebhookBatch *
dsn_webhook_batches_next(const DsnWebhookBatches *batches, int64_t now)
{
    DsnWebhookBatch *next = NULL;

    for (guint i = 0; i < batches->open->len; i++) {
        DsnWebhookBatch *batch = batches->open->pdata[i];

        if (!batch->on_its_way && batch->due <= now &&
            (next == NULL || batch->attempts < next->attempts))
            next = batch;
    }
    return next;
}

int64_t
dsn_webhook_batches_due(const DsnWebhookBatches *batches)
{
    int64_t due = INT64_MAX;

    for (guint i = 0; i < batches->open->len; i++) {
        const DsnWebhookBatch *batch = batches->open->pdata[i];

        if (!batch->on_its_way)
            due = MIN(due, batch->due);
    }
    return due;
}

bool
dsn_webhook_batches_have_failed(const DsnWebhookBatches *batches)
{
    for (guint i = 0; i < batches->open->len; i++) {
        if (((const DsnWebhookBatch *)batches->open->pdata[i])->attempts > 0)
            return true;
    }
    return false;
}

/* ---- what becomes of it ---- */

void
dsn_webhook_batches_hurry(DsnWebhookBatches *batches)
{
    for (guint i = 0; i < batches->open->len; i++)
        ((DsnWebhookBatch *)batches->open->pdata[i])->due = 0;
}

void
dsn_webhook_batches_skip(DsnWebhookBatches *batches, int64_t last)
{
    batches->end = MAX(batches->end, last);
}

DsnWebhookBatch *
dsn_webhook_batches_add(DsnWebhookBatches *batches, int64_t last)
{
    int64_t first = batches->end + 1;

    g_assert(last >= first);
    batches->end = last;
    return insert(batches, first, last);
}

void
dsn_webhook_batches_split(DsnWebhookBatches *batches, DsnWebhookBatch *batch, int64_t position)
{
    g_assert(position >= batch->first && position < batch->last);
    (void)insert(batches, position + 1, batch->last);
    *batch = (DsnWebhookBatch){.first = batch->first, .last = position};
}

void
dsn_webhook_batches_done(DsnWebhookBatches *batches, DsnWebhookBatch *batch, int64_t position)
{
    if (position >= batch->last)
        (void)g_ptr_array_remove(batches->open, batch);
    else
        batch->first = MAX(batch->first, position + 1);
}
