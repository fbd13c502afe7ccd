/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/program-work.h"

#include "filter/core/json-load.h"
#include "filter/core/json-writer.h"
#include "filter/core/log.h"
#include "filter/core/record-form.h"
#include "filter/outlet/relay-schedule.h"

#include <string.h>

/* Of one read. */
#define BATCH_RECORDS 500
#define BATCH_BYTES ((size_t)4 << 20)
/* Records that were put off: so many at a time, and how often they are looked for. */
#define RETRIES_MAX 100
#define RETRIES_INTERVAL (500 * G_TIME_SPAN_MILLISECOND)
/* What was done is kept once it is so much, or so old. */
#define KEEP_RECORDS 500
#define KEEP_TIME (100 * G_TIME_SPAN_MILLISECOND)
/* After the disk has failed. */
#define KEEP_AGAIN G_TIME_SPAN_SECOND
/* After so many records in a row were put off it is not theirs, and new ones wait. */
#define PUT_OFF_MAX 20
/* Bytes of an answer as it is kept. */
#define TEXT_MAX 500

struct DsnWork {
    DsnSpool *spool;
    DsnMetrics *metrics;
    const DsnProgramOptions *options;
    char *outlet;
    DsnForm *form;
    GRand *rand;
    GQueue items;   /* of DsnWorkItem: not handed out */
    int64_t read;   /* position of the last record that was read */
    int64_t done;   /* of the last that is done, with all before it */
    int64_t kept;   /* of the last that the spool knows is done */
    guint undone;   /* items of the stream */
    guint retrying; /* items that were put off before */
    int64_t look_for_retries;

    unsigned put_off; /* in a row */
    unsigned holds;   /* without an answer between them */
    int64_t hold_until;

    /* what is to be kept */
    GArray *letters;       /* of DsnSpoolLetter, with copies */
    GHashTable *handed_on; /* of GArray of positions, by what was said */
    guint n_results;
    int64_t since; /* when it began, or until when the disk is left alone */
    bool failing;
};

static void
item_free(gpointer data)
{
    DsnWorkItem *item = data;

    g_bytes_unref(item->json);
    g_free(item->line);
    g_free(item->fault);
    g_free(item);
}

static void
clear_letter(gpointer data)
{
    DsnSpoolLetter *letter = data;

    g_free((char *)letter->record_id);
    g_free((char *)letter->reason);
    g_bytes_unref(letter->json);
}

static void
unref_array(gpointer array)
{
    g_array_unref(array);
}

DsnWork *
dsn_work_new(DsnSpool *spool, DsnMetrics *metrics, const DsnProgramOptions *options, GError **error)
{
    DsnForm *form = dsn_form_of("program", options->name, &options->selection, error);

    if (form == NULL)
        return NULL;
    DsnWork *work = g_new0(DsnWork, 1);
    work->spool = spool;
    work->metrics = metrics;
    work->options = options;
    work->outlet = g_strconcat("program:", options->name, NULL);
    work->form = form;
    work->rand = g_rand_new();
    g_queue_init(&work->items);
    work->letters = g_array_new(FALSE, FALSE, sizeof(DsnSpoolLetter));
    g_array_set_clear_func(work->letters, clear_letter);
    work->handed_on = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, unref_array);
    return work;
}

void
dsn_work_free(DsnWork *work)
{
    DsnWorkItem *item;

    while ((item = dsn_work_next(work)) != NULL) {
        if (item->entry != 0)
            dsn_spool_settle(work->spool, item->entry, DSN_SETTLED_BACK, 0, NULL);
        item_free(item);
    }
    g_hash_table_unref(work->handed_on);
    g_array_unref(work->letters);
    g_rand_free(work->rand);
    dsn_form_free(work->form);
    g_free(work->outlet);
    g_free(work);
}

/* ---- what is to do ---- */

/* The id of a record, "" when it has none (transfer full). */
static char *
id_of(GBytes *record)
{
    gsize size;
    const char *data = g_bytes_get_data(record, &size);
    json_auto_t *json = dsn_json_load((DsnSpan){data, size}, NULL);
    const char *id = json_string_value(json_object_get(json, "id"));

    return g_strdup(id == NULL ? "" : id);
}

/* NULL when the outlet does not want it. */
static DsnWorkItem *
new_item(const DsnWork *work, DsnRecordType type, GBytes *json)
{
    g_autoptr(GString) line = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    gsize size;
    const char *data = g_bytes_get_data(json, &size);
    DsnFormed formed = dsn_form_write(work->form, type, (DsnSpan){data, size}, line, &error);

    if (formed == DSN_FORMED_FILTERED)
        return NULL;
    DsnWorkItem *item = g_new0(DsnWorkItem, 1);
    item->type = type;
    item->json = g_bytes_ref(json);
    if (formed == DSN_FORMED_FAILED)
        item->fault = g_strdup(error->message);
    else if (memchr(line->str, '\n', line->len - 1) != NULL)
        item->fault = g_strdup("its template makes more than one line of it");
    else
        item->line = g_string_free(g_steal_pointer(&line), FALSE);
    return item;
}

static void
add_record(DsnWork *work, const DsnStreamRecord *record)
{
    work->read = record->position;
    DsnWorkItem *item = new_item(work, record->type, record->json);
    if (item == NULL)
        return;
    item->position = record->position;
    item->taken_in = record->taken_in;
    work->undone++;
    g_queue_push_tail(&work->items, item);
}

static void
add_retry(DsnWork *work, const DsnWaitingNotice *letter)
{
    const char *type = letter->record_type == NULL ? "" : letter->record_type;
    DsnWorkItem *item = new_item(work, dsn_record_type_from_string(dsn_span(type)), letter->bytes);

    if (item == NULL) {
        dsn_spool_settle(work->spool, letter->entry, DSN_SETTLED_DEAD, 0,
                         "the outlet does not take such records any more");
        return;
    }
    item->entry = letter->entry;
    item->attempts = letter->attempts;
    item->taken_in = letter->taken_in;
    work->retrying++;
    g_queue_push_tail(&work->items, item);
}

static void
fetch_retries(DsnWork *work)
{
    g_autoptr(GPtrArray) letters =
        g_ptr_array_new_with_free_func((GDestroyNotify)dsn_waiting_notice_free);
    const int64_t now = g_get_monotonic_time();

    if (now < work->look_for_retries || work->retrying > 0)
        return;
    work->look_for_retries = now + RETRIES_INTERVAL;
    /* false: nothing was added, and the spool says why */
    (void)dsn_spool_take_notices(work->spool, work->outlet, RETRIES_MAX, 0, letters);
    for (guint i = 0; i < letters->len; i++)
        add_retry(work, letters->pdata[i]);
}

bool
dsn_work_fetch(DsnWork *work, GTimeSpan wait)
{
    g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(DsnStreamRecord));

    g_array_set_clear_func(records, (GDestroyNotify)(void (*)(void))dsn_stream_record_clear);
    if (work->items.length >= work->options->window)
        return true;
    fetch_retries(work);
    if (work->failing || g_get_monotonic_time() < work->hold_until)
        return false;
    if (work->items.length > 0)
        wait = 0;
    /* false: none were added, and the spool says why */
    (void)dsn_spool_read_records_after(work->spool, work->outlet, work->read, BATCH_RECORDS,
                                       BATCH_BYTES, wait, records);
    for (guint i = 0; i < records->len; i++)
        add_record(work, &g_array_index(records, DsnStreamRecord, i));
    if (work->undone == 0)
        work->done = work->read;
    return true;
}

DsnWorkItem *
dsn_work_look(DsnWork *work)
{
    return g_queue_peek_head(&work->items);
}

DsnWorkItem *
dsn_work_next(DsnWork *work)
{
    return g_queue_pop_head(&work->items);
}

void
dsn_work_return(DsnWork *work, DsnWorkItem *item)
{
    g_queue_push_head(&work->items, item);
}

/* ---- what came of it ---- */

static void
add_result(DsnWork *work)
{
    if (work->n_results++ == 0 && !work->failing)
        work->since = g_get_monotonic_time();
}

static void
log_refusal(const DsnWork *work, const DsnWorkItem *item, const char *id, const char *text,
            bool dead)
{
    DsnLogLine line;

    dsn_log_begin(&line, id);
    dsn_log_text(&line, "program", work->options->name);
    dsn_log_text(&line, "result", dead ? "dead" : "retry");
    dsn_log_number(&line, "attempts", (int64_t)item->attempts + 1);
    dsn_log_text(&line, "answer", text);
    dsn_log_end(&line, dead ? DSN_LOG_WARNING : DSN_LOG_INFO);
}

/* Of a record from the stream. */
static void
add_letter(DsnWork *work, const DsnWorkItem *item, const char *id, const char *text,
           int64_t retry_at)
{
    const DsnSpoolLetter letter = {
        .record_id = *id == '\0' ? NULL : g_strdup(id),
        .record_type = dsn_record_type_to_string(item->type),
        .json = g_bytes_ref(item->json),
        .reason = g_strdup(text),
        .retry_at = retry_at,
    };

    g_array_append_val(work->letters, letter);
    add_result(work);
}

static void
refused(DsnWork *work, const DsnWorkItem *item, bool never, const char *text)
{
    const DsnProgramOptions *options = work->options;
    g_autofree char *id = id_of(item->json);
    const int64_t now = dsn_spool_now(work->spool);
    const int64_t retry_at =
        now + dsn_relay_delay(options->retry_interval, options->max_retry_interval,
                              item->attempts + 1, g_rand_double(work->rand));
    const bool old = now / G_USEC_PER_SEC - item->taken_in >= options->max_age / G_TIME_SPAN_SECOND;
    const bool dead = never || old;

    log_refusal(work, item, id, text, dead);
    dsn_metrics_add(work->metrics, dead ? DSN_COUNT_PROGRAM_DEAD : DSN_COUNT_PROGRAM_PUT_OFF, 1);
    if (item->entry == 0)
        add_letter(work, item, id, text, dead ? 0 : retry_at);
    else
        dsn_spool_settle(work->spool, item->entry, dead ? DSN_SETTLED_DEAD : DSN_SETTLED_RETRY,
                         retry_at, text);
}

static void
taken(DsnWork *work, const DsnWorkItem *item, const char *text)
{
    GArray *positions = g_hash_table_lookup(work->handed_on, text);

    dsn_metrics_add(work->metrics, DSN_COUNT_PROGRAM_OK, 1);
    if (item->entry != 0) {
        dsn_spool_settle(work->spool, item->entry, DSN_SETTLED_SENT, 0, text);
        return;
    }
    if (positions == NULL) {
        positions = g_array_new(FALSE, FALSE, sizeof(int64_t));
        (void)g_hash_table_insert(work->handed_on, g_strdup(text), positions);
    }
    g_array_append_val(positions, item->position);
    add_result(work);
}

/* Leaves what was read of the stream and is not given yet for later. */
static void
unread(DsnWork *work)
{
    GList *link = work->items.tail;

    while (link != NULL) {
        DsnWorkItem *item = link->data;
        GList *before = link->prev;

        if (item->alone) /* it was given already, and so were all before it */
            return;
        if (item->entry == 0) {
            work->read = item->position - 1;
            work->undone--;
            g_queue_delete_link(&work->items, link);
            item_free(item);
        }
        link = before;
    }
}

/* When all that comes is put off, new records wait, and those that were put off say when it is
 * over. */
static void
count_put_off(DsnWork *work, bool put_off)
{
    const DsnProgramOptions *options = work->options;

    if (!put_off) {
        if (work->holds > 0)
            dsn_log_event(DSN_LOG_INFO, "program %s: takes records again", options->name);
        work->put_off = work->holds = 0;
        work->hold_until = 0;
        return;
    }
    if (++work->put_off < PUT_OFF_MAX)
        return;
    if (work->holds++ == 0)
        dsn_log_event(DSN_LOG_WARNING,
                      "program %s: has put off %d records in a row; the others wait in the spool",
                      options->name, PUT_OFF_MAX);
    work->put_off = 0;
    unread(work);
    work->hold_until = g_get_monotonic_time() +
                       dsn_relay_delay(options->retry_interval, options->max_retry_interval,
                                       work->holds, g_rand_double(work->rand));
}

void
dsn_work_done(DsnWork *work, DsnWorkItem *item, DsnAnswerKind kind, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, (gssize)MIN(strlen(text), TEXT_MAX));

    if (kind == DSN_ANSWER_OK)
        taken(work, item, valid);
    else
        refused(work, item, kind == DSN_ANSWER_NEVER, valid);
    count_put_off(work, kind == DSN_ANSWER_LATER);
    work->undone -= item->entry == 0;
    work->retrying -= item->entry != 0;
    if (item->entry == 0)
        work->done = work->undone == 0 ? work->read : item->position;
    item_free(item);
}

/* ---- keeping it ---- */

bool
dsn_work_is_dirty(const DsnWork *work)
{
    return work->n_results > 0 || work->done > work->kept;
}

/* What dsn_spool_hand_on() takes (transfer full); the texts are in @texts. */
static GArray *
make_handed_on(const DsnWork *work, GPtrArray *texts)
{
    GArray *all = g_array_new(FALSE, FALSE, sizeof(DsnHandedOn));
    GHashTableIter iter;
    gpointer text, positions;

    g_hash_table_iter_init(&iter, work->handed_on);
    while (g_hash_table_iter_next(&iter, &text, &positions)) {
        const GArray *array = positions;
        GString *members = g_string_new(NULL);

        dsn_json_key(members, "event");
        (void)dsn_json_string(members, DSN_SPAN_LITERAL("sent"));
        dsn_json_key(members, "reply");
        (void)dsn_json_string(members, dsn_span(text)); /* it is UTF-8 */
        g_ptr_array_add(texts, g_string_free(members, FALSE));
        const DsnHandedOn one = {(const int64_t *)(const void *)array->data, array->len,
                                 texts->pdata[texts->len - 1]};
        g_array_append_val(all, one);
    }
    return all;
}

static bool
hand_on(DsnWork *work, GError **error)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GArray) all = make_handed_on(work, texts);
    const DsnAdvance advance = {
        .position = work->done,
        .letters = work->letters,
        .handed_on = all,
    };

    return dsn_spool_hand_on(work->spool, work->outlet, &advance, error);
}

void
dsn_work_keep(DsnWork *work, bool now)
{
    const int64_t time = g_get_monotonic_time();
    g_autoptr(GError) error = NULL;

    if (!dsn_work_is_dirty(work))
        return;
    if (work->since == 0) /* it has only gone on in the stream */
        work->since = time;
    if (!now && (work->failing ? time < work->since
                               : work->n_results < KEEP_RECORDS && time - work->since < KEEP_TIME))
        return;
    if (!hand_on(work, &error)) {
        if (!work->failing)
            dsn_log_event(DSN_LOG_ERROR,
                          "program %s: what it has answered cannot be kept, and nothing more is "
                          "read until it can: %s",
                          work->options->name, error->message);
        work->failing = true;
        work->since = time + KEEP_AGAIN;
        return;
    }
    work->kept = work->done;
    work->n_results = 0;
    work->since = 0;
    work->failing = false;
    g_array_set_size(work->letters, 0);
    g_hash_table_remove_all(work->handed_on);
}
