/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/pipeline-private.h"

#include "filter/core/element-split.h"
#include "filter/pipeline/event-key.h"

/* What is handed to the writer at once, and how much of it waits while we go on. */
#define CHUNK_ITEMS 500
#define CHUNK_BYTES ((size_t)4 << 20)
#define CHUNKS_WAITING 2

/* Of one body. What follows is one dead letter, and can be taken up again. */
#define REJECTED_MAX 1000

/* An event whose recipients got a notice meanwhile is decided again. Each time at least one of them
 * is new among those, so that more than a few times cannot be chance. */
#define TRIES_MAX 10

/* Clocks may differ, but not by more than this. */
#define FUTURE_MAX (24 * 60 * 60)

/* What belongs to an item of a deposit and is not the spool's. */
typedef struct Pending {
    DsnSpan element;
    guint64 index;
    unsigned tries;
    bool notify;      /* its type is one that notices are made for */
    DsnReason reason; /* why it has no notice */
    char *admitted;   /* whom the governor lets have a notice, NULL: it was not asked */
    DsnNotice notice;
    DsnLogLine line; /* without text when it is not wanted */
} Pending;

typedef struct Chunk {
    DsnDeposit *deposit;
    GArray *pending; /* of Pending, one for each item */
    size_t bytes;
} Chunk;

/* An element for which the governor had no room. */
typedef struct Deferred {
    DsnSpan text;
    guint64 index;
} Deferred;

/* One body. */
typedef struct Taking {
    DsnCase the_case;
    bool again; /* the body is a dead letter: what cannot be read stays where it is */
    DsnTally *tally;
    guint64 n_rejected;
    Chunk *chunk;     /* that is being filled */
    GQueue waiting;   /* of Chunk: with the writer */
    GArray *deferred; /* of Deferred; NULL once they are decided for good */
    GString *sender;
    GString *bytes;
    GError *error;
} Taking;

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

/* ---- chunks ---- */

static void
clear_pending(gpointer data)
{
    Pending *pending = data;

    g_free(pending->admitted);
    dsn_notice_clear(&pending->notice);
    if (pending->line.text != NULL)
        (void)g_string_free(pending->line.text, TRUE);
}

static Chunk *
chunk_new(void)
{
    Chunk *chunk = g_new0(Chunk, 1);

    chunk->deposit = dsn_deposit_new(false);
    chunk->pending = g_array_new(FALSE, FALSE, sizeof(Pending));
    g_array_set_clear_func(chunk->pending, clear_pending);
    return chunk;
}

static void
chunk_free(Chunk *chunk)
{
    dsn_deposit_free(chunk->deposit);
    g_array_unref(chunk->pending);
    g_free(chunk);
}

/* Takes over what the item and @pending own. */
static void
add_item(Taking *taking, const DsnItem *item, const Pending *pending, size_t bytes)
{
    if (taking->chunk == NULL)
        taking->chunk = chunk_new();
    g_array_append_vals(taking->chunk->deposit->items, item, 1);
    g_array_append_vals(taking->chunk->pending, pending, 1);
    taking->chunk->bytes += bytes;
}

/* ---- outcomes ---- */

static void
log_reason(Pending *pending, DsnReason reason)
{
    if (pending->line.text == NULL)
        return;
    dsn_log_text(&pending->line, "reason", dsn_reason_to_string(reason));
    dsn_log_end(&pending->line, DSN_LOG_INFO);
}

/* Without a notice, for a reason. */
static void
count_accepted(Taking *taking, Pending *pending)
{
    taking->tally->accepted++;
    taking->tally->reasons[pending->reason]++;
    dsn_metrics_reason(taking->the_case.pipeline->metrics, pending->reason, 1);
    log_reason(pending, pending->reason);
}

static void
count_duplicate(Taking *taking, Pending *pending)
{
    taking->tally->duplicate++;
    if (pending->notify)
        dsn_metrics_reason(taking->the_case.pipeline->metrics, DSN_REASON_DUPLICATE, 1);
    log_reason(pending, DSN_REASON_DUPLICATE);
}

static void
count_notice(Taking *taking, Pending *pending, DsnCounter counter, const char *result)
{
    DsnMetrics *metrics = taking->the_case.pipeline->metrics;

    dsn_metrics_add(metrics, counter, 1);
    dsn_notice_count(&pending->notice, metrics);
    if (pending->line.text == NULL)
        return;
    dsn_log_text(&pending->line, "result", result);
    dsn_log_end(&pending->line, dsn_notice_level(&pending->notice));
}

static void
count_rejected(Taking *taking, DsnSpan text, guint64 index, const char *reason)
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

static void
give_back(Taking *taking, Pending *pending)
{
    if (pending->admitted != NULL)
        dsn_case_return(&taking->the_case, pending->admitted);
    g_clear_pointer(&pending->admitted, g_free);
}

/* ---- one element ---- */

static void
reject(Taking *taking, DsnSpan text, guint64 index, const char *reason)
{
    taking->n_rejected++;
    if (taking->again) {
        count_rejected(taking, text, index, reason);
        return;
    }
    const Pending pending = {.element = text, .index = index};
    const DsnItem item = {.kind = DSN_ITEM_REJECTED,
                          .rejected = g_bytes_new(text.data, text.len),
                          .reason = g_strdup(reason)};
    add_item(taking, &item, &pending, text.len);
}

static bool
is_wanted(const DsnPolicy *policy, DsnRecordType type)
{
    return policy->noticed[type] || policy->wanted[type];
}

/* True if a look at the keys is enough to see that nothing here wants the element. */
static bool
is_plainly_ignored(const DsnPolicy *policy, DsnSpan text)
{
    DsnRecordKeys keys;

    return dsn_record_scan(text, &keys) && dsn_span_present(keys.type) &&
           !is_wanted(policy, dsn_record_type_from_string(keys.type));
}

static GArray *
make_lines(const DsnRecord *record, size_t *bytes)
{
    GString *line = g_string_sized_new(2048);

    dsn_record_write(record, line);
    *bytes += line->len;
    const DsnSpoolLine only = {record->type, g_string_free_to_bytes(line)};
    GArray *lines = dsn_lines_new();
    return g_array_append_val(lines, only);
}

/* Takes the recipients out of @record whose notice is not @wanted: has not been made yet, or is
 * still open. False when none is left. */
static bool
keep_recipients(const Taking *taking, DsnRecord *record, DsnSeen wanted)
{
    g_autofree bool *keep = g_new(bool, record->n_recipients);
    size_t count = 0;

    for (size_t i = 0; i < record->n_recipients; i++) {
        DsnKey key = dsn_notice_key(record, record->recipients[i]);

        keep[i] = dsn_spool_look_notice(taking->the_case.pipeline->spool, &key) == wanted;
        count += keep[i];
    }
    if (count < record->n_recipients)
        dsn_record_keep_recipients(record, keep);
    return count > 0;
}

static bool
was_seen(const Taking *taking, const DsnKey *event)
{
    return dsn_spool_look_event(taking->the_case.pipeline->spool, event) != DSN_SEEN_NOT;
}

/* An event that came before makes its notice anew only if that brings the original that was
 * missing, and then the recipients are those of the notice that waits. */
static bool
brings_original(const Taking *taking, DsnElement *element)
{
    return element->has_original &&
           taking->the_case.policy->notice.include_original != DSN_RETURN_NOTHING &&
           keep_recipients(taking, element->record, DSN_SEEN_OPEN);
}

/* Why no notice is due for @element; then *@ret_known tells whether the event came before. */
static DsnReason
find_reason(Taking *taking, DsnElement *element, const DsnKey *event, Pending *pending,
            bool *ret_known)
{
    const DsnCase *the_case = &taking->the_case;
    int64_t keep = the_case->policy->configuration->dedup.keep / G_TIME_SPAN_SECOND;

    *ret_known = false;
    if (element->record->event_time < the_case->now - keep)
        return DSN_REASON_TOO_OLD;
    *ret_known = was_seen(taking, event);
    if (*ret_known && !brings_original(taking, element))
        return DSN_REASON_DUPLICATE;

    g_string_truncate(taking->sender, 0);
    DsnReason reason = dsn_case_reason(the_case, element, taking->sender);
    if (reason != DSN_REASON_NONE || *ret_known)
        return reason;
    if (element->record->n_recipients > 0 &&
        !keep_recipients(taking, element->record, DSN_SEEN_NOT)) {
        /* It may be this very event that somebody else has brought in the meantime. */
        *ret_known = was_seen(taking, event);
        return DSN_REASON_DUPLICATE;
    }
    if (!dsn_case_admit(the_case, taking->sender->str))
        return DSN_REASON_RATE_LIMITED;
    pending->admitted = g_strndup(taking->sender->str, taking->sender->len);
    return DSN_REASON_NONE;
}

static DsnSpoolNotice *
make_notice(Taking *taking, const DsnElement *element, Pending *pending, GError **error)
{
    const DsnRecord *record = element->record;

    g_string_truncate(taking->bytes, 0);
    if (dsn_case_make(&taking->the_case, element, taking->bytes, &pending->notice, error) !=
        DSN_NOTICE_MADE)
        return NULL;

    DsnSpoolNotice *notice = dsn_spool_notice_new();
    notice->record_id = g_strdup(record->id);
    notice->record_type = g_strdup(record->type_name);
    notice->recipient = g_strndup(taking->sender->str, taking->sender->len);
    notice->bytes = g_bytes_new(taking->bytes->str, taking->bytes->len);
    for (size_t i = 0; i < record->n_recipients; i++) {
        const DsnKey key = dsn_notice_key(record, record->recipients[i]);
        g_array_append_val(notice->keys, key);
    }
    notice->eight_bit = pending->notice.built.eight_bit;
    notice->utf8 = pending->notice.built.utf8;
    notice->has_original = element->has_original;
    if (pending->line.text == NULL && dsn_log_wanted(dsn_notice_level(&pending->notice)))
        dsn_case_log_begin(&taking->the_case, record, &pending->line); /* worth a warning */
    if (pending->line.text != NULL)
        dsn_case_log_notice(&pending->line, (DsnSpan){taking->bytes->str, taking->bytes->len},
                            &pending->notice);
    return notice;
}

/* Decides about a record that is wanted. What it leaves is an item, or nothing but a number. */
static void
decide(Taking *taking, DsnElement *element, Pending *pending)
{
    DsnRecord *record = element->record;
    const DsnPolicy *policy = taking->the_case.policy;
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) lines = NULL;
    DsnItem item = {.kind = DSN_ITEM_EVENT, .key = dsn_event_key(record)};
    bool known = false;
    size_t bytes = 0;

    pending->notify = policy->notice.enable[record->type];
    pending->reason = DSN_REASON_TYPE_NOT_ENABLED;
    if (pending->notify && dsn_log_wanted(DSN_LOG_INFO))
        dsn_case_log_begin(&taking->the_case, record, &pending->line);
    if (policy->wanted[record->type]) /* all of it: recipients may be taken out below */
        lines = make_lines(record, &bytes);
    if (pending->notify)
        pending->reason = find_reason(taking, element, &item.key, pending, &known);
    if (pending->reason == DSN_REASON_NONE)
        item.notice = make_notice(taking, element, pending, &error);

    if (pending->reason == DSN_REASON_RATE_LIMITED && taking->deferred != NULL) {
        const Deferred deferred = {pending->element, pending->index};
        g_array_append_val(taking->deferred, deferred);
    } else if (error != NULL) {
        give_back(taking, pending);
        reject(taking, pending->element, pending->index, error->message);
    } else if (item.notice != NULL || (lines != NULL && !known)) {
        bytes += item.notice == NULL ? 0 : g_bytes_get_size(item.notice->bytes);
        item.lines = g_steal_pointer(&lines);
        add_item(taking, &item, pending, bytes);
        *pending = (Pending){.index = 0}; /* what it had went with the item */
    } else if (known) {
        count_duplicate(taking, pending);
    } else {
        count_accepted(taking, pending);
    }
}

static bool
check_time(const Taking *taking, const DsnRecord *record, GError **error)
{
    char text[DSN_DATE_MAX];

    if (record->event_time <= taking->the_case.now + FUTURE_MAX)
        return true;
    g_set_error(error, DSN_RECORD_ERROR, DSN_RECORD_ERROR_KEY,
                "event_time: %s is more than a day ahead",
                dsn_date_to_rfc3339(record->event_time, record->event_nanoseconds, text));
    return false;
}

static void
take_element(Taking *taking, DsnSpan text, guint64 index, unsigned tries)
{
    const DsnPolicy *policy = taking->the_case.policy;
    g_auto(DsnElement) element = {.record = NULL};
    g_autoptr(GError) error = NULL;

    if (is_plainly_ignored(policy, text)) {
        taking->tally->ignored++;
        return;
    }
    if (!dsn_element_parse(text, policy->configuration->intake.record, &element, &error)) {
        reject(taking, text, index, error->message);
        return;
    }
    if (!is_wanted(policy, element.record->type)) {
        taking->tally->ignored++;
        return;
    }
    if (!check_time(taking, element.record, &error)) {
        reject(taking, text, index, error->message);
        return;
    }
    Pending pending = {.element = text, .index = index, .tries = tries};
    decide(taking, &element, &pending);
    clear_pending(&pending);
}

/* ---- the body ---- */

/* After the commit. What has to be decided again goes to the chunk that is being filled. */
static void
settle(Taking *taking, const DsnItem *item, Pending *pending)
{
    if (item->kind == DSN_ITEM_REJECTED) {
        count_rejected(taking, pending->element, pending->index, item->reason);
        return;
    }
    switch (item->result) {
    case DSN_ITEM_STORED:
        if (item->notice == NULL) {
            count_accepted(taking, pending);
            break;
        }
        taking->tally->accepted++;
        count_notice(taking, pending, DSN_COUNT_NOTICES_MADE, "notice");
        break;
    case DSN_ITEM_MERGED:
        taking->tally->duplicate++;
        count_notice(taking, pending, DSN_COUNT_NOTICES_MERGED, "merged");
        break;
    case DSN_ITEM_DUPLICATE:
        give_back(taking, pending);
        count_duplicate(taking, pending);
        break;
    case DSN_ITEM_CONFLICT:
        give_back(taking, pending);
        if (pending->tries < TRIES_MAX)
            take_element(taking, pending->element, pending->index, pending->tries + 1);
        else
            reject(taking, pending->element, pending->index,
                   "other events make notices for its recipients all the time");
        break;
    }
}

/* Waits for the chunk that was handed over first. */
static void
finish_chunk(Taking *taking)
{
    Chunk *chunk = g_queue_pop_head(&taking->waiting);

    (void)dsn_spool_wait(taking->the_case.pipeline->spool, chunk->deposit, -1); /* in the end */
    for (guint i = 0; i < chunk->pending->len; i++) {
        Pending *pending = &g_array_index(chunk->pending, Pending, i);

        if (chunk->deposit->error == NULL)
            settle(taking, &g_array_index(chunk->deposit->items, DsnItem, i), pending);
        else
            give_back(taking, pending);
    }
    if (chunk->deposit->error != NULL && taking->error == NULL)
        taking->error = g_steal_pointer(&chunk->deposit->error);
    chunk_free(chunk);
}

/* Hands over what was filled; we go on with the next while the writer works. */
static void
submit_chunk(Taking *taking)
{
    Chunk *chunk = g_steal_pointer(&taking->chunk);

    dsn_spool_submit(taking->the_case.pipeline->spool, chunk->deposit);
    g_queue_push_tail(&taking->waiting, chunk);
}

/* After a failure nothing more is handed over: all of the body will come again. */
static void
discard_chunk(Taking *taking)
{
    Chunk *chunk = g_steal_pointer(&taking->chunk);

    for (guint i = 0; i < chunk->pending->len; i++)
        give_back(taking, &g_array_index(chunk->pending, Pending, i));
    chunk_free(chunk);
}

static bool
is_full(const Chunk *chunk)
{
    return chunk != NULL && (chunk->pending->len >= CHUNK_ITEMS || chunk->bytes >= CHUNK_BYTES);
}

/* After each element. */
static void
move_on(Taking *taking)
{
    if (is_full(taking->chunk))
        submit_chunk(taking);
    if (taking->waiting.length > CHUNKS_WAITING)
        finish_chunk(taking);
}

static void
finish_all(Taking *taking)
{
    while (taking->chunk != NULL || taking->waiting.length > 0) {
        if (taking->chunk != NULL && taking->error != NULL)
            discard_chunk(taking);
        else if (taking->chunk != NULL)
            submit_chunk(taking);
        else
            finish_chunk(taking);
    }
}

/* What is with the writer has been charged and may be a duplicate, which costs nothing in the end:
 * so nobody is refused before all of that is known. */
static void
take_deferred(Taking *taking)
{
    g_autoptr(GArray) deferred = g_steal_pointer(&taking->deferred);

    for (guint i = 0; taking->error == NULL && i < deferred->len; i++) {
        const Deferred *again = &g_array_index(deferred, Deferred, i);

        take_element(taking, again->text, again->index, 0);
        move_on(taking);
    }
    finish_all(taking);
}

static void
take_body(Taking *taking, DsnSpan body)
{
    DsnElements elements = DSN_ELEMENTS(body);
    DsnSpan text;

    for (guint64 index = 0; taking->error == NULL && dsn_elements_next(&elements, &text); index++) {
        if (taking->n_rejected < REJECTED_MAX) {
            take_element(taking, text, index, 0);
        } else {
            size_t start = (size_t)(text.data - body.data);

            reject(taking, dsn_span_from(body, start), index,
                   "too much before it cannot be read: from here on nothing was looked at");
            break;
        }
        move_on(taking);
    }
    finish_all(taking);
    take_deferred(taking);
}

static bool
take(DsnPipeline *pipeline, const DsnPolicy *policy, const DsnPoster *poster, DsnSpan body,
     bool again, DsnTally *tally, GError **error)
{
    g_autoptr(GString) sender = g_string_new(NULL);
    g_autoptr(GString) bytes = g_string_new(NULL);
    Taking taking = {
        .the_case = dsn_case(pipeline, policy, poster),
        .again = again,
        .tally = tally,
        .waiting = G_QUEUE_INIT,
        .deferred = g_array_new(FALSE, FALSE, sizeof(Deferred)),
        .sender = sender,
        .bytes = bytes,
    };

    take_body(&taking, body);
    dsn_metrics_add(pipeline->metrics, DSN_COUNT_RECORDS_ACCEPTED, tally->accepted);
    dsn_metrics_add(pipeline->metrics, DSN_COUNT_RECORDS_DUPLICATE, tally->duplicate);
    dsn_metrics_add(pipeline->metrics, DSN_COUNT_RECORDS_IGNORED, tally->ignored);
    if (!again)
        dsn_metrics_add(pipeline->metrics, DSN_COUNT_RECORDS_REJECTED, tally->rejected->len);
    if (taking.error == NULL)
        return true;
    g_propagate_error(error, taking.error);
    return false;
}

bool
dsn_pipeline_take_records(DsnPipeline *pipeline, const DsnPolicy *policy, const DsnPoster *poster,
                          DsnSpan body, DsnTally *tally, GError **error)
{
    return take(pipeline, policy, poster, body, false, tally, error);
}

/* ---- dead letters ---- */

static bool
add_entry(const DsnQueueEntry *entry, gpointer user)
{
    if (strcmp(entry->kind, "rejected") == 0)
        g_array_append_val((GArray *)user, entry->entry);
    return true;
}

/* Takes up one dead letter. *@ret_count grows if it leaves. */
static bool
retry_entry(DsnPipeline *pipeline, const DsnPolicy *policy, int64_t entry, int64_t *ret_count,
            GError **error)
{
    static const DsnPoster nobody; /* who posted it is not known any more */
    const DsnQueueFilter filter = {.entry = entry};
    g_autoptr(GError) failure = NULL;
    g_autoptr(GBytes) content = dsn_spool_content(pipeline->spool, entry, &failure);
    g_auto(DsnTally) tally;
    gsize len;

    dsn_tally_init(&tally);
    if (g_error_matches(failure, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_NONE)) {
        dsn_log_event(DSN_LOG_WARNING, "entry %" G_GINT64_FORMAT " is left as it is: %s", entry,
                      failure->message);
        return true;
    }
    if (content == NULL) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
    }
    const char *data = g_bytes_get_data(content, &len);
    if (!take(pipeline, policy, &nobody, (DsnSpan){data, len}, true, &tally, error))
        return false;
    if (tally.rejected->len > 0)
        return true; /* it was logged why */
    int64_t dropped = dsn_spool_drop(pipeline->spool, &filter, error);
    *ret_count += MAX(dropped, 0);
    return dropped >= 0;
}

int64_t
dsn_pipeline_retry_rejected(DsnPipeline *pipeline, const DsnQueueFilter *filter, GError **error)
{
    g_autoptr(DsnPolicy) policy = dsn_pipeline_policy(pipeline);
    g_autoptr(GArray) entries = g_array_new(FALSE, FALSE, sizeof(int64_t));
    int64_t count = 0;

    if (!dsn_spool_list(pipeline->spool, filter, add_entry, entries, error))
        return -1;
    for (guint i = 0; i < entries->len; i++) {
        if (!retry_entry(pipeline, policy, g_array_index(entries, int64_t, i), &count, error))
            return -1;
    }
    return count;
}
