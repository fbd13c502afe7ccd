/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/taking.h"

#include "filter/core/element-split.h"

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

/* ---- one element ---- */

/* What an expiration says about the last attempts comes from these. */
static bool
is_remembered(const DsnPolicy *policy, DsnRecordType type)
{
    return type == DSN_RECORD_TRANSIENT_FAILURE && policy->noticed[DSN_RECORD_EXPIRATION];
}

static bool
is_wanted(const DsnPolicy *policy, DsnRecordType type)
{
    return policy->noticed[type] || policy->wanted[type] || is_remembered(policy, type);
}

/* Whether notices are made of records of @type, and whether outlets get them. */
static bool
makes_notices(const DsnTaking *taking, DsnRecordType type)
{
    return taking->the_case.policy->noticed[type] &&
           (taking->manner == NULL || taking->manner->notices);
}

static bool
makes_lines(const DsnTaking *taking, DsnRecordType type)
{
    return taking->the_case.policy->wanted[type] &&
           (taking->manner == NULL || taking->manner->records);
}

/* The same as is_wanted(), with what is remembered only of what nobody else has told about. */
static bool
takes(const DsnTaking *taking, DsnRecordType type)
{
    return makes_notices(taking, type) || makes_lines(taking, type) ||
           (taking->manner == NULL && is_remembered(taking->the_case.policy, type));
}

bool
dsn_policy_wants(const DsnPolicy *policy, DsnSpan element)
{
    DsnRecordKeys keys;

    return !dsn_record_scan(element, &keys) || !dsn_span_present(keys.type) ||
           is_wanted(policy, dsn_record_type_from_string(keys.type));
}

static DsnKey
key_of(const DsnTaking *taking, const DsnRecord *record)
{
    return taking->manner == NULL ? dsn_event_key(record) : dsn_single_event_key(record);
}

/* @line (transfer full) as the only one of an item. */
static GArray *
lines_of(const DsnRecord *record, GString *line)
{
    const DsnSpoolLine only = {.type = record->type,
                               .json = g_string_free_to_bytes(line),
                               .subject = g_strdup(record->id)};
    GArray *lines = dsn_lines_new();
    return g_array_append_val(lines, only);
}

static GArray *
make_lines(const DsnRecord *record, size_t *bytes)
{
    GString *line = g_string_sized_new(2048);

    dsn_record_write(record, line);
    *bytes += line->len;
    return lines_of(record, line);
}

bool
dsn_taking_was_seen(const DsnTaking *taking, const DsnKey *event)
{
    return dsn_spool_look_event(taking->the_case.pipeline->spool, event) != DSN_SEEN_NOT;
}

/* Why no notice is due for @element by itself; then pending->known tells whether the event came
 * before. */
static DsnReason
find_reason(DsnTaking *taking, DsnElement *element, const DsnKey *event, DsnPending *pending,
            DsnVerdict *ret_verdict)
{
    const DsnCase *the_case = &taking->the_case;
    int64_t keep = the_case->policy->configuration->dedup.keep / G_TIME_SPAN_SECOND;

    *ret_verdict = (DsnVerdict){.tenant = NULL};
    /* a clock that was set forward makes nothing old */
    int64_t now = MIN(the_case->now, dsn_spool_now(the_case->pipeline->spool) / G_USEC_PER_SEC);
    if (element->record->event_time < now - keep)
        return DSN_REASON_TOO_OLD;
    pending->known = dsn_taking_was_seen(taking, event);
    if (pending->known && !element->has_original)
        return DSN_REASON_DUPLICATE;

    g_string_truncate(taking->sender, 0);
    *ret_verdict = dsn_case_decide(the_case, element, taking->sender);
    if (ret_verdict->reason != DSN_REASON_NONE)
        return ret_verdict->reason;
    if (ret_verdict->decision.late &&
        !dsn_taking_was_delayed(taking, element->record, ret_verdict->tenant))
        return DSN_REASON_NOT_DELAYED;
    return ret_verdict->tenant->policy->dry_run ? DSN_REASON_DRY_RUN : DSN_REASON_NONE;
}

/* So common, and so little to be done about, that only their number is kept. Of a failure it is
 * worth knowing that nobody asked for it. */
static bool
is_quiet(const DsnVerdict *verdict, DsnReason reason)
{
    return reason == DSN_REASON_NOT_YET || reason == DSN_REASON_NOT_DELAYED ||
           reason == DSN_REASON_DUPLICATE ||
           (reason == DSN_REASON_NOT_ASKED && verdict->decision.action != DSN_ACTION_FAILED);
}

/* The history of a record that only goes to outlets; NULL when none is kept. */
static GArray *
passed_on(const DsnTaking *taking, const DsnRecord *record)
{
    GArray *history = NULL;

    if (dsn_spool_history_keep(taking->the_case.pipeline->spool) > 0) {
        history = dsn_histories_new();
        dsn_history_add_record(history, &taking->the_case, record);
    }
    return history;
}

/* What an element leaves behind that makes no notice: its history, its lines, or but a number. */
static void
finish_without(DsnTaking *taking, const DsnElement *element, DsnPending *pending, DsnItem *item,
               size_t bytes, DsnVerdict *verdict)
{
    if (pending->reason == DSN_REASON_RATE_LIMITED && taking->deferred != NULL) {
        const DsnDeferred deferred = {pending->element, pending->index};
        g_array_append_val(taking->deferred, deferred);
        return;
    }
    if (pending->known) {
        dsn_taking_count_duplicate(taking, pending);
        return;
    }
    if (pending->notify && !is_quiet(verdict, pending->reason)) {
        item->history = dsn_histories_new();
        verdict->reason = pending->reason;
        verdict->rate = pending->rate;
        dsn_history_add_event(item->history, &taking->the_case, element->record, verdict, NULL,
                              DSN_SPAN_ABSENT);
        dsn_history_add_original(item->history, element->record, dsn_element_original(element));
    }
    if (item->lines != NULL && item->history == NULL)
        item->history = passed_on(taking, element->record);
    if (item->lines == NULL && item->history == NULL) {
        dsn_taking_count_accepted(taking, pending);
        return;
    }
    if (item->lines == NULL)
        item->kind = DSN_ITEM_HISTORY;
    dsn_taking_add_item(taking, item, pending, bytes);
    item->lines = NULL;
}

/* Decides about a record that is wanted. */
static void
decide(DsnTaking *taking, DsnElement *element, DsnPending *pending)
{
    DsnRecord *record = element->record;
    const DsnPolicy *policy = taking->the_case.policy;
    DsnItem item = {.kind = DSN_ITEM_EVENT, .key = key_of(taking, record)};
    DsnVerdict verdict = {.tenant = NULL};
    size_t bytes = 0;

    /* After the key, which is that of what was handed in: of a Rejection all of it counts. */
    dsn_classification_apply(policy->classification, record, taking->the_case.pipeline->metrics);
    if (taking->manner == NULL && is_remembered(policy, record->type))
        dsn_taking_add_attempts(taking, record);
    pending->notify = makes_notices(taking, record->type);
    pending->reason = DSN_REASON_TYPE_NOT_ENABLED;
    if (makes_lines(taking, record->type)) /* all of it: recipients may be taken out below */
        item.lines = make_lines(record, &bytes);
    if (pending->notify)
        pending->reason = find_reason(taking, element, &item.key, pending, &verdict);
    pending->capture = verdict.capture;
    if (pending->notify && dsn_log_wanted(DSN_LOG_INFO) &&
        (!is_quiet(&verdict, pending->reason) || dsn_log_wanted(DSN_LOG_DEBUG)))
        dsn_case_log_begin(&taking->the_case, record, &verdict, &pending->line);
    if (record->n_recipients == 0)
        pending->alone = true; /* nothing can be made of it, as will be seen */
    if (pending->reason == DSN_REASON_NONE) {
        g_autofree char *sender = g_strdup(taking->sender->str);
        DsnDue due = {
            .element = element,
            .pending = pending,
            .item = &item,
            .bytes = bytes + pending->element.len,
            .tenant = verdict.tenant,
            .sender = sender,
            .saying = {verdict.decision.action, verdict.decision.late, verdict.decision.threshold}};
        due.group = dsn_group_key(record, sender, verdict.tenant->name, &due.saying);
        pending->reason = dsn_taking_join_notice(taking, &due);
        if (pending->reason == DSN_REASON_NONE)
            return;
    }
    finish_without(taking, element, pending, &item, bytes, &verdict);
    g_clear_pointer(&item.lines, g_array_unref);
}

static bool
check_time(const DsnTaking *taking, const DsnRecord *record, GError **error)
{
    char text[DSN_DATE_MAX];

    if (record->event_time <= taking->the_case.now + FUTURE_MAX)
        return true;
    g_set_error(error, DSN_RECORD_ERROR, DSN_RECORD_ERROR_KEY,
                "event_time: %s is more than a day ahead",
                dsn_date_to_rfc3339(record->event_time, record->event_nanoseconds, text));
    return false;
}

static bool
is_early(const DsnTaking *taking, const DsnRecord *record)
{
    return taking->followed != NULL && taking->followed->since != 0 &&
           record->event_time < taking->followed->since;
}

/* Whether only outlets want records of @type, as they are. */
static bool
is_passed_on(const DsnTaking *taking, DsnRecordType type)
{
    const DsnPolicy *policy = taking->the_case.policy;

    return makes_lines(taking, type) && !makes_notices(taking, type) &&
           !is_remembered(policy, type) &&
           type != DSN_RECORD_REJECTION && /* of which all counts for the key */
           !dsn_classification_has_type(policy->classification, type);
}

/* Takes an element that only outlets want and that needs no tree. False, and nothing was done, when
 * it is none. */
static bool
take_plainly(DsnTaking *taking, DsnPending *pending)
{
    size_t max = taking->the_case.policy->configuration->intake.record;
    DsnPlainRecord *plain = &taking->plain;
    const DsnRecord *record = &plain->record;

    if (!dsn_plain_record_read(pending->element, max, plain) ||
        !is_passed_on(taking, record->type) || is_early(taking, record) ||
        !check_time(taking, record, NULL))
        return false;
    GString *line = g_string_sized_new(plain->text.len + 2);
    g_string_append_len(line, plain->text.data, (gssize)plain->text.len);
    g_string_append_c(line, '\n');
    size_t bytes = line->len;
    const DsnItem item = {.kind = DSN_ITEM_EVENT,
                          .key = key_of(taking, record),
                          .lines = lines_of(record, line),
                          .history = passed_on(taking, record)};
    pending->reason = DSN_REASON_TYPE_NOT_ENABLED;
    dsn_taking_add_item(taking, &item, pending, bytes);
    return true;
}

static void
take_element(DsnTaking *taking, DsnPending *pending)
{
    const DsnPolicy *policy = taking->the_case.policy;
    g_auto(DsnElement) element = {.record = NULL};
    g_autoptr(GError) error = NULL;
    DsnSpan text = pending->element;

    if (!dsn_policy_wants(policy, text)) {
        taking->tally->ignored++;
        return;
    }
    if (take_plainly(taking, pending))
        return;
    if (!dsn_element_parse(text, policy->configuration->intake.record, &element, &error)) {
        dsn_taking_reject(taking, text, pending->index, error->message);
        return;
    }
    if (!takes(taking, element.record->type) || is_early(taking, element.record)) {
        taking->tally->ignored++;
        return;
    }
    if (!check_time(taking, element.record, &error)) {
        dsn_taking_reject(taking, text, pending->index, error->message);
        return;
    }
    decide(taking, &element, pending);
    dsn_pending_clear(pending);
}

void
dsn_taking_again(DsnTaking *taking, const DsnPending *before, bool alone)
{
    DsnPending pending = {.element = before->element,
                          .index = before->index,
                          .tries = before->tries + 1,
                          .alone = alone};

    if (pending.tries <= TRIES_MAX)
        take_element(taking, &pending);
    else
        dsn_taking_reject(taking, pending.element, pending.index,
                          "other events make notices for its recipients all the time");
}

/* ---- the body ---- */

/* After the commit. What has to be decided again goes to the chunk that is being filled. */
static void
settle(DsnTaking *taking, const DsnItem *item, DsnUnit *unit)
{
    if (unit->pending->len == 0) /* an attempt */
        return;
    DsnPending *first = &g_array_index(unit->pending, DsnPending, 0);
    if (item->kind == DSN_ITEM_REJECTED) {
        dsn_taking_count_rejected(taking, first->element, first->index, item->reason);
        return;
    }
    switch (item->result) {
    case DSN_ITEM_STORED:
    case DSN_ITEM_MERGED:
        if (item->notice == NULL)
            dsn_taking_count_accepted(taking, first);
        else
            dsn_taking_count_noticed(taking, unit, item);
        break;
    case DSN_ITEM_DUPLICATE:
        dsn_taking_give_back(taking, unit);
        dsn_taking_count_duplicate(taking, first);
        break;
    case DSN_ITEM_CONFLICT:
        dsn_taking_give_back(taking, unit);
        for (guint i = 0; i < unit->pending->len; i++)
            dsn_taking_again(taking, &g_array_index(unit->pending, DsnPending, i), first->alone);
        break;
    }
}

void
dsn_taking_finish_chunk(DsnTaking *taking)
{
    DsnChunk *chunk = g_queue_pop_head(&taking->waiting);

    dsn_pipeline_wait(taking->the_case.pipeline, chunk->deposit,
                      taking->manner == NULL ? NULL : taking->manner->progress,
                      taking->manner == NULL ? NULL : taking->manner->user);
    for (guint i = 0; i < chunk->units->len; i++) {
        if (chunk->deposit->error == NULL)
            settle(taking, &g_array_index(chunk->deposit->items, DsnItem, i),
                   chunk->units->pdata[i]);
        else
            dsn_taking_give_back(taking, chunk->units->pdata[i]);
    }
    if (chunk->deposit->error != NULL && taking->error == NULL)
        taking->error = g_steal_pointer(&chunk->deposit->error);
    taking->placed = chunk->deposit->placed;
    dsn_chunk_free(chunk);
}

/* Hands over what was filled; we go on with the next while the writer works. */
static void
submit_chunk(DsnTaking *taking)
{
    DsnChunk *chunk = g_steal_pointer(&taking->chunk);

    dsn_taking_make_notices(taking, chunk);
    chunk->deposit->buckets =
        dsn_governor_changed(taking->the_case.pipeline->governor, G_TIME_SPAN_SECOND);
    dsn_spool_submit(taking->the_case.pipeline->spool, chunk->deposit);
    g_queue_push_tail(&taking->waiting, chunk);
}

/* After a failure nothing more is handed over: all of the body will come again. */
static void
discard_chunk(DsnTaking *taking)
{
    DsnChunk *chunk = g_steal_pointer(&taking->chunk);

    for (guint i = 0; i < chunk->units->len; i++)
        dsn_taking_give_back(taking, chunk->units->pdata[i]);
    dsn_chunk_free(chunk);
}

static bool
is_full(const DsnChunk *chunk)
{
    return chunk != NULL && (chunk->units->len >= CHUNK_ITEMS || chunk->bytes >= CHUNK_BYTES);
}

/* After each element. */
static void
move_on(DsnTaking *taking)
{
    if (is_full(taking->chunk))
        submit_chunk(taking);
    if (taking->waiting.length > CHUNKS_WAITING)
        dsn_taking_finish_chunk(taking);
}

static bool
has_deferred(const DsnTaking *taking)
{
    return taking->deferred != NULL && taking->deferred->len > 0;
}

/* What is with the writer has been charged and may be a duplicate, which costs nothing in the end:
 * so nobody is refused before all of that is known. */
static void
take_deferred(DsnTaking *taking)
{
    g_autoptr(GArray) deferred = g_steal_pointer(&taking->deferred);

    for (guint i = 0; taking->error == NULL && i < deferred->len; i++) {
        const DsnDeferred *again = &g_array_index(deferred, DsnDeferred, i);

        DsnPending pending = {.element = again->text, .index = again->index};
        take_element(taking, &pending);
        move_on(taking);
    }
}

/* The place goes with what is last: nothing else is with the writer, and nothing waits to be
 * decided. What goes with it and is in conflict after all is decided again, and the place goes
 * with that. Dead letters, which nothing can be in conflict with, go alone. */
static void
submit_last(DsnTaking *taking)
{
    if (taking->held != NULL)
        taking->chunk = g_steal_pointer(&taking->held);
    else if (taking->chunk == NULL)
        taking->chunk = dsn_chunk_new();
    taking->chunk->deposit->place = taking->followed->place;
    submit_chunk(taking);
}

/* Does the next thing that is left to do; false if there is none. */
static bool
finish_step(DsnTaking *taking)
{
    const bool follows = taking->followed != NULL && !taking->placed && taking->error == NULL;
    const bool more = has_deferred(taking) || taking->held != NULL;

    if (taking->chunk != NULL && taking->error != NULL)
        discard_chunk(taking);
    else if (taking->waiting.length > 0 && (taking->chunk == NULL || follows))
        dsn_taking_finish_chunk(taking);
    else if (taking->chunk != NULL && (!follows || more))
        submit_chunk(taking);
    else if (has_deferred(taking) && taking->error == NULL)
        take_deferred(taking);
    else if (follows)
        submit_last(taking);
    else
        return false;
    return true;
}

static void
take_body(DsnTaking *taking)
{
    const DsnSpan body = taking->body;
    DsnElements elements = DSN_ELEMENTS(body);
    DsnSpan text;

    for (guint64 index = 0; taking->error == NULL && dsn_elements_next(&elements, &text); index++) {
        if (taking->n_rejected < REJECTED_MAX) {
            DsnPending pending = {.element = text, .index = index};
            take_element(taking, &pending);
        } else {
            size_t start = (size_t)(text.data - body.data);

            dsn_taking_reject(
                taking, dsn_span_from(body, start), index,
                "too much before it cannot be read: from here on nothing was looked at");
            break;
        }
        move_on(taking);
    }
    while (finish_step(taking))
        continue;
}

static bool
take(DsnTaking *taking, GError **error)
{
    DsnMetrics *metrics = taking->the_case.pipeline->metrics;
    DsnTally *tally = taking->tally;
    g_autoptr(GString) sender = g_string_new(NULL);
    g_autoptr(GHashTable) attempts =
        g_hash_table_new_full(dsn_key_hash, dsn_key_equal, g_free, (GDestroyNotify)g_bytes_unref);

    taking->deferred = g_array_new(FALSE, FALSE, sizeof(DsnDeferred));
    taking->attempts = attempts;
    taking->sender = sender;
    dsn_plain_record_init(&taking->plain);
    take_body(taking);
    dsn_plain_record_clear(&taking->plain);
    g_clear_pointer(&taking->deferred, g_array_unref);
    g_clear_pointer(&taking->held, dsn_chunk_free);
    dsn_metrics_add(metrics, DSN_COUNT_RECORDS_ACCEPTED, tally->accepted);
    dsn_metrics_add(metrics, DSN_COUNT_RECORDS_DUPLICATE, tally->duplicate);
    dsn_metrics_add(metrics, DSN_COUNT_RECORDS_IGNORED, tally->ignored);
    if (!taking->again)
        dsn_metrics_add(metrics, DSN_COUNT_RECORDS_REJECTED, tally->rejected->len);
    if (taking->error == NULL)
        return true;
    g_propagate_error(error, taking->error);
    return false;
}

bool
dsn_pipeline_take_records(DsnPipeline *pipeline, const DsnPolicy *policy, const DsnPoster *poster,
                          DsnSpan body, DsnTally *tally, GError **error)
{
    DsnTaking taking = {
        .the_case = dsn_case(pipeline, policy, poster), .tally = tally, .body = body};

    return take(&taking, error);
}

/* Who writes the files is bound to nothing, for the administrator has named them; and who posted a
 * dead letter is not known any more. */
static const DsnPoster nobody;

bool
dsn_pipeline_follow_records(DsnPipeline *pipeline, const DsnPolicy *policy,
                            const DsnFollowed *followed, DsnTally *tally, GError **error)
{
    DsnTaking taking = {.the_case = dsn_case(pipeline, policy, &nobody),
                        .tally = tally,
                        .body = followed->lines,
                        .followed = followed};

    return take(&taking, error);
}

bool
dsn_pipeline_take_in_manner(DsnPipeline *pipeline, const DsnPolicy *policy, const DsnManner *manner,
                            DsnSpan body, DsnTally *tally, GError **error)
{
    DsnTaking taking = {.the_case = dsn_case(pipeline, policy, &nobody),
                        .manner = manner,
                        .tally = tally,
                        .body = body};

    taking.the_case.trust = DSN_TRUST_ANY; /* who has told the sender before was sure of it */
    return take(&taking, error);
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
    DsnTaking taking = {.the_case = dsn_case(pipeline, policy, &nobody),
                        .again = true,
                        .tally = &tally,
                        .body = {data, len}};
    if (!take(&taking, error))
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
