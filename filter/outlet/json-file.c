/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/json-file.h"

#include "filter/core/json-writer.h"
#include "filter/core/retry.h"
#include "filter/outlet/line-file.h"

#include <jansson.h>
#include <sys/stat.h>

/* Of one batch, which costs two writes to the disk. */
#define BATCH_RECORDS 5000
#define BATCH_BYTES ((size_t)4 << 20)
/* How long to wait for a record; a stop waits no longer than this. */
#define WAIT (500 * G_TIME_SPAN_MILLISECOND)
/* After a wait that brought nothing: it may have been cut short. */
#define PAUSE (10 * G_TIME_SPAN_MILLISECOND)

struct DsnJsonFile {
    DsnSpool *spool;
    DsnMetrics *metrics;
    char *name;
    char *outlet;
    bool types[DSN_N_RECORD_TYPES];
    DsnLineFile file;
    char *note; /* that was kept last, NULL: none */
    DsnRetry retry;
    GThread *thread;
    GMutex lock;
    GCond wake;
    bool stopping; /* under @lock */
};

/* Records that are due, as lines. */
typedef struct Batch {
    GArray *records; /* of DsnStreamRecord */
    GString *lines;  /* those of our types */
    GArray *ends;    /* of Line */
} Batch;

typedef struct Line {
    size_t end; /* in the lines */
    int64_t position;
} Line;

/* ---- the note ---- */

static char *
write_note(const DsnLinePlace *place)
{
    return g_strdup_printf("{\"inode\":%" G_GINT64_FORMAT ",\"offset\":%" G_GINT64_FORMAT "}",
                           (gint64)place->inode, place->offset); /* a JSON number has a sign */
}

/* False if there is no note, or none of ours. */
static bool
read_note(const char *note, DsnLinePlace *ret_place)
{
    json_t *json = note == NULL ? NULL : json_loads(note, 0, NULL);
    json_int_t inode, offset;
    bool good =
        json != NULL && json_unpack(json, "{s:I, s:I}", "inode", &inode, "offset", &offset) == 0;

    if (good)
        *ret_place = (DsnLinePlace){(guint64)inode, offset};
    json_decref(json);
    return good;
}

/* Back to what the spool knows. */
static void
return_to_note(DsnJsonFile *outlet)
{
    DsnLinePlace place;
    bool kept = read_note(outlet->note, &place);

    dsn_line_file_return(&outlet->file, kept ? &place : NULL);
}

/* @lines (of Line; may be NULL) are in the file. */
static bool
advance(DsnJsonFile *outlet, int64_t position, const char *note, const GArray *lines,
        GError **error)
{
    g_autoptr(GArray) positions = g_array_new(FALSE, FALSE, sizeof(int64_t));
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(DsnHandedOn));
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; lines != NULL && i < lines->len; i++)
        g_array_append_val(positions, g_array_index(lines, Line, i).position);
    dsn_json_key(text, "event");
    (void)dsn_json_string(text, DSN_SPAN_LITERAL("sent"));
    dsn_json_key(text, "file");
    (void)dsn_json_string(text, dsn_span(outlet->file.path)); /* what is not UTF-8 is replaced */
    const DsnHandedOn one = {(const int64_t *)(const void *)positions->data, positions->len,
                             text->str};
    g_array_append_val(all, one);
    if (dsn_spool_hand_on(outlet->spool, outlet->outlet,
                          &(const DsnAdvance){.position = position, .note = note, .handed_on = all},
                          error))
        return true;
    return_to_note(outlet);
    return false;
}

/* Moves the place in the stream behind @position, and with it that in the file. */
static bool
keep_place(DsnJsonFile *outlet, int64_t position, const GArray *lines, GError **error)
{
    g_autofree char *note = write_note(&outlet->file.place);

    if (!advance(outlet, position, note, lines, error))
        return false;
    g_free(outlet->note);
    outlet->note = g_steal_pointer(&note);
    return true;
}

/* ---- a batch ---- */

/* The place in the stream when @done bytes of the lines are done with. */
static int64_t
position_at(const Batch *batch, size_t done)
{
    const DsnStreamRecord *records = (const DsnStreamRecord *)(void *)batch->records->data;
    int64_t position = records[0].position - 1;

    for (guint i = 0; i < batch->ends->len; i++) {
        const Line *line = &g_array_index(batch->ends, Line, i);

        if (line->end > done)
            return position;
        position = line->position;
    }
    return records[batch->records->len - 1].position; /* and the others behind the last line */
}

/* Of Line (transfer full). */
static GArray *
lines_in(const Batch *batch, size_t from, size_t to)
{
    GArray *lines = g_array_new(FALSE, FALSE, sizeof(Line));

    for (guint i = 0; i < batch->ends->len; i++) {
        const Line *line = &g_array_index(batch->ends, Line, i);

        if (line->end > from && line->end <= to)
            g_array_append_vals(lines, line, 1);
    }
    return lines;
}

/* Keeps that the lines up to @to, which @from is before, are in the file. */
static bool
finish_lines(DsnJsonFile *outlet, const Batch *batch, size_t from, size_t to, GError **error)
{
    g_autoptr(GArray) lines = lines_in(batch, from, to);

    if (!keep_place(outlet, position_at(batch, to), lines, error))
        return false;
    dsn_metrics_add(outlet->metrics, DSN_COUNT_FILE_LINES, lines->len);
    return true;
}

/* How many bytes of the batch an earlier attempt, or an earlier run, had written. */
static bool
settle(DsnJsonFile *outlet, const Batch *batch, size_t *ret_done, GError **error)
{
    DsnSpan lines = {batch->lines->str, batch->lines->len};
    bool was_settled = outlet->file.settled;

    if (!dsn_line_file_settle(&outlet->file, lines, ret_done, error))
        return false;
    if (!was_settled && outlet->file.fd < 0)
        dsn_log_event(DSN_LOG_INFO,
                      "file %s: %s: the file that was written last is gone: if the program did not "
                      "end in order, some lines may come twice",
                      outlet->name, outlet->file.path);
    return *ret_done == 0 || finish_lines(outlet, batch, 0, *ret_done, error);
}

static bool
write_batch(DsnJsonFile *outlet, const Batch *batch, GError **error)
{
    size_t done;

    if (batch->lines->len == 0)
        return advance(outlet, position_at(batch, 0), outlet->note, NULL, error);
    if (!settle(outlet, batch, &done, error))
        return false;
    if (done == batch->lines->len)
        return true;
    if (!dsn_line_file_prepare(&outlet->file, error))
        return false;

    /* Bytes of ours may only be behind a place that was kept. */
    g_autofree char *note = write_note(&outlet->file.place);
    if (g_strcmp0(note, outlet->note) != 0 &&
        !keep_place(outlet, position_at(batch, done), NULL, error))
        return false;
    DsnSpan rest = {batch->lines->str + done, batch->lines->len - done};
    return dsn_line_file_append(&outlet->file, rest, error) &&
           finish_lines(outlet, batch, done, batch->lines->len, error);
}

/* Waits for records, and makes lines of them. */
static bool
read_batch(DsnJsonFile *outlet, Batch *batch)
{
    g_array_set_size(batch->records, 0);
    g_array_set_size(batch->ends, 0);
    g_string_truncate(batch->lines, 0);
    if (!dsn_spool_read_records(outlet->spool, outlet->outlet, BATCH_RECORDS, BATCH_BYTES, WAIT,
                                batch->records))
        return false; /* the spool says why */
    for (guint i = 0; i < batch->records->len; i++) {
        const DsnStreamRecord *record = &g_array_index(batch->records, DsnStreamRecord, i);
        gsize size;
        const char *json = g_bytes_get_data(record->json, &size);

        if (!outlet->types[record->type])
            continue;
        g_string_append_len(batch->lines, json, (gssize)size);
        Line line = {batch->lines->len, record->position};
        g_array_append_val(batch->ends, line);
    }
    return batch->records->len > 0;
}

/* ---- the thread ---- */

/* Waits for @span; false when the outlet is to stop. */
static bool
pause_for(DsnJsonFile *outlet, GTimeSpan span)
{
    gint64 until = g_get_monotonic_time() + span;

    g_mutex_lock(&outlet->lock);
    while (!outlet->stopping && g_cond_wait_until(&outlet->wake, &outlet->lock, until))
        continue;
    bool go_on = !outlet->stopping;
    g_mutex_unlock(&outlet->lock);
    return go_on;
}

/* Returns how long to wait before the next attempt. */
static GTimeSpan
meet_trouble(DsnJsonFile *outlet, const GError *error)
{
    dsn_metrics_add(outlet->metrics, DSN_COUNT_FILE_ERRORS, 1);
    if (dsn_retry_later(&outlet->retry, error->message))
        dsn_log_event(DSN_LOG_ERROR, "file %s: %s; its records wait in the spool", outlet->name,
                      error->message);
    return outlet->retry.delay;
}

/* Opens the file before there is anything to write: what is wrong with it is said at the start. */
static GTimeSpan
try_file(DsnJsonFile *outlet, const Batch *empty)
{
    g_autoptr(GError) error = NULL;
    size_t done;

    if (settle(outlet, empty, &done, &error) &&
        (!outlet->file.settled || dsn_line_file_prepare(&outlet->file, &error)))
        return 0;
    return meet_trouble(outlet, error);
}

static gpointer
run(gpointer data)
{
    DsnJsonFile *outlet = data;
    Batch batch = {
        .records = g_array_new(FALSE, FALSE, sizeof(DsnStreamRecord)),
        .lines = g_string_new(NULL),
        .ends = g_array_new(FALSE, FALSE, sizeof(Line)),
    };
    GTimeSpan wait = try_file(outlet, &batch);

    g_array_set_clear_func(batch.records, (GDestroyNotify)(void (*)(void))dsn_stream_record_clear);
    while (pause_for(outlet, wait)) {
        g_autoptr(GError) error = NULL;

        wait = PAUSE;
        if (!read_batch(outlet, &batch))
            continue;
        wait = write_batch(outlet, &batch, &error) ? 0 : meet_trouble(outlet, error);
        if (wait == 0 && dsn_retry_end(&outlet->retry))
            dsn_log_event(DSN_LOG_INFO, "file %s: %s: is written again", outlet->name,
                          outlet->file.path);
    }
    g_array_unref(batch.records);
    g_array_unref(batch.ends);
    (void)g_string_free(batch.lines, TRUE);
    return NULL;
}

char *
dsn_json_file_outlet_name(const DsnFileOutlet *options)
{
    return g_strconcat("file:", options->name, NULL);
}

DsnJsonFile *
dsn_json_file_start(DsnSpool *spool, DsnMetrics *metrics, const DsnFileOutlet *options,
                    GError **error)
{
    struct stat status;

    if (stat(options->path, &status) == 0 && !S_ISREG(status.st_mode)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "file %s: %s: is no regular file",
                    options->name, options->path);
        return NULL;
    }

    DsnJsonFile *outlet = g_new0(DsnJsonFile, 1);
    outlet->spool = spool;
    outlet->metrics = metrics;
    outlet->name = g_strdup(options->name);
    outlet->outlet = dsn_json_file_outlet_name(options);
    for (guint i = 0; i < options->types->len; i++)
        outlet->types[dsn_record_type_from_string(dsn_span(options->types->pdata[i]))] = true;
    outlet->note = dsn_spool_outlet_note(spool, outlet->outlet);
    dsn_line_file_init(&outlet->file, options->path, NULL);
    return_to_note(outlet);
    g_mutex_init(&outlet->lock);
    g_cond_init(&outlet->wake);
    outlet->thread = g_thread_new("file", run, outlet);
    return outlet;
}

void
dsn_json_file_stop(DsnJsonFile *outlet)
{
    if (outlet == NULL)
        return;
    g_mutex_lock(&outlet->lock);
    outlet->stopping = true;
    g_cond_signal(&outlet->wake);
    g_mutex_unlock(&outlet->lock);
    (void)g_thread_join(outlet->thread);
    dsn_line_file_clear(&outlet->file);
    g_cond_clear(&outlet->wake);
    g_mutex_clear(&outlet->lock);
    (void)dsn_retry_end(&outlet->retry);
    g_free(outlet->note);
    g_free(outlet->outlet);
    g_free(outlet->name);
    g_free(outlet);
}
