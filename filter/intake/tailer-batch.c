/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/tailer-batch.h"

#include "filter/core/buffer.h"

#include <string.h>

/* So few that each that cannot be read is a dead letter of its own. */
#define LINES_MAX 1000
#define BYTES_MAX ((size_t)4 << 20)
#define KEEP_ROOM (2 * BYTES_MAX) /* of the buffer, from batch to batch */

/* Where a line comes from. */
typedef struct Origin {
    size_t offset; /* in the batch */
    const char *path;
    uint64_t number;
} Origin;

struct DsnTailerBatch {
    DsnPipeline *pipeline;
    char *place_name;
    DsnPolicy *policy; /* from the first line on */
    GString *lines;
    GArray *origins;     /* of Origin */
    GStringChunk *paths; /* that these name */
    const char *path;    /* the last of them */
    guint64 ignored;
};

DsnTailerBatch *
dsn_tailer_batch_new(DsnPipeline *pipeline, const char *place_name)
{
    DsnTailerBatch *batch = g_new0(DsnTailerBatch, 1);

    batch->pipeline = pipeline;
    batch->place_name = g_strdup(place_name);
    batch->lines = g_string_new(NULL);
    batch->origins = g_array_new(FALSE, FALSE, sizeof(Origin));
    batch->paths = g_string_chunk_new(4096);
    return batch;
}

void
dsn_tailer_batch_free(DsnTailerBatch *batch)
{
    if (batch == NULL)
        return;
    if (batch->policy != NULL)
        dsn_policy_unref(batch->policy);
    (void)g_string_free(batch->lines, TRUE);
    g_array_unref(batch->origins);
    g_string_chunk_free(batch->paths);
    g_free(batch->place_name);
    g_free(batch);
}

static const DsnPolicy *
policy_of(DsnTailerBatch *batch)
{
    if (batch->policy == NULL)
        batch->policy = dsn_pipeline_policy(batch->pipeline);
    return batch->policy;
}

void
dsn_tailer_batch_add(DsnTailerBatch *batch, DsnSpan record, const char *path, uint64_t number)
{
    if (!dsn_policy_wants(policy_of(batch), record)) {
        batch->ignored++;
        return;
    }
    if (batch->path == NULL || strcmp(batch->path, path) != 0)
        batch->path = g_string_chunk_insert(batch->paths, path);
    const Origin origin = {batch->lines->len, batch->path, number};
    g_array_append_val(batch->origins, origin);
    g_string_append_len(batch->lines, record.data, (gssize)record.len);
    g_string_append_c(batch->lines, '\n');
}

bool
dsn_tailer_batch_is_empty(const DsnTailerBatch *batch)
{
    return batch->origins->len == 0;
}

bool
dsn_tailer_batch_is_full(const DsnTailerBatch *batch)
{
    return batch->origins->len >= LINES_MAX || batch->lines->len >= BYTES_MAX;
}

/* For a dead letter: the line that @offset is in. */
static char *
say_where(size_t offset, gpointer user)
{
    const DsnTailerBatch *batch = user;
    guint from = 0, to = batch->origins->len;

    while (to - from > 1) {
        guint middle = from + (to - from) / 2;

        if (g_array_index(batch->origins, Origin, middle).offset <= offset)
            from = middle;
        else
            to = middle;
    }
    const Origin *origin = &g_array_index(batch->origins, Origin, from);
    return g_strdup_printf("%s line %" G_GUINT64_FORMAT, origin->path, origin->number);
}

static void
clear(DsnTailerBatch *batch)
{
    g_clear_pointer(&batch->policy, dsn_policy_unref);
    dsn_buffer_empty(&batch->lines, KEEP_ROOM);
    g_array_set_size(batch->origins, 0);
    g_string_chunk_clear(batch->paths);
    batch->path = NULL;
    batch->ignored = 0;
}

bool
dsn_tailer_batch_flush(DsnTailerBatch *batch, const DsnTailerPlace *place, GError **error)
{
    g_autofree char *text = dsn_tailer_place_to_text(place);
    const DsnFollowed followed = {
        .lines = {batch->lines->str, batch->lines->len},
        .place = {batch->place_name, text},
        .since = place->since,
        .where = say_where,
        .user = batch,
    };
    g_auto(DsnTally) tally;

    dsn_tally_init(&tally);
    if (!dsn_pipeline_follow_records(batch->pipeline, policy_of(batch), &followed, &tally, error))
        return false;
    dsn_metrics_add(dsn_pipeline_metrics(batch->pipeline), DSN_COUNT_RECORDS_IGNORED,
                    batch->ignored);
    clear(batch);
    return true;
}
