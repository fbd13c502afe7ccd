/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/webhook-private.h"

#include "filter/core/option-value.h"

#include <gio/gio.h>

/* Batches that wait for another attempt, beside those on their way: what fails must not keep back
 * what does not. */
#define WAITING_MAX 64
/* How long the thread waits for anything at most: a stop by a reload waits no longer. */
#define LOOK_AROUND (500 * G_TIME_SPAN_MILLISECOND)
/* The same for records, while a request is on its way. */
#define LOOK_FOR_RECORDS (100 * G_TIME_SPAN_MILLISECOND)
#define LOOK_FOR_LETTERS G_TIME_SPAN_SECOND
/* Records of small batches that one commit brings, beside those that are sent at once. */
#define FIX_AHEAD 64
/* What was accepted is kept no later: after a crash it would come again. */
#define COMMIT_AFTER (50 * G_TIME_SPAN_MILLISECOND)
/* After the spool has failed. */
#define PAUSE G_TIME_SPAN_SECOND
/* How long a stop waits for requests that are on their way. */
#define STOP_GRACE (10 * G_TIME_SPAN_SECOND)

static bool
is_stopping(DsnWebhook *webhook)
{
    return g_atomic_int_get(&webhook->stopping) != 0;
}

/* ---- lanes ---- */

static void
lane_free(gpointer data)
{
    DsnWebhookLane *lane = data;

    dsn_webhook_link_free(lane->link);
    dsn_webhook_clear_lane(lane);
    g_free(lane);
}

static guint
count_taken(const DsnWebhook *webhook)
{
    guint count = 0;

    for (guint i = 0; i < webhook->lanes->len; i++)
        count += ((const DsnWebhookLane *)webhook->lanes->pdata[i])->body != NULL;
    return count;
}

static bool
is_busy(const DsnWebhook *webhook)
{
    bool busy = false;

    for (guint i = 0; i < webhook->lanes->len; i++)
        busy = busy ||
               dsn_webhook_link_is_busy(((const DsnWebhookLane *)webhook->lanes->pdata[i])->link);
    return busy;
}

/* A lane that may be used now, one that is connected if possible. NULL if there is none, or the
 * server is given a rest; then *@ret_when is not before the next one may be. */
static DsnWebhookLane *
free_lane(DsnWebhook *webhook, int64_t now, int64_t *ret_when)
{
    DsnWebhookLane *found = NULL;

    *ret_when = webhook->closed_until;
    if (now < webhook->closed_until)
        return NULL;
    *ret_when = INT64_MAX; /* a request has to end first; one alone tries whether it works again */
    if (webhook->failures > 0 && count_taken(webhook) > 0)
        return NULL;
    for (guint i = 0; i < webhook->lanes->len; i++) {
        DsnWebhookLane *lane = webhook->lanes->pdata[i];

        if (lane->body != NULL)
            continue;
        if (dsn_webhook_link_is_connected(lane->link))
            return lane;
        found = lane;
    }
    if (found != NULL && now < webhook->next_connect) {
        *ret_when = webhook->next_connect;
        return NULL;
    }
    return found;
}

/* Takes a dead letter that was retried. */
static bool
take_letter(DsnWebhook *webhook, DsnWebhookLane *lane, int64_t now)
{
    g_autoptr(GPtrArray) letters = g_ptr_array_new();

    if (now < webhook->look_for_letters)
        return false;
    webhook->look_for_letters = now + LOOK_FOR_LETTERS;
    (void)dsn_spool_take_notices(webhook->spool, webhook->outlet, 1, 0, letters);
    if (letters->len == 0)
        return false;
    webhook->look_for_letters = 0;

    DsnWaitingNotice *letter = letters->pdata[0];
    const char *type = letter->record_type;
    const DsnStreamRecord record = {
        .position = -letter->entry, /* part of the key: it has none in the stream */
        .type = type == NULL ? DSN_RECORD_OTHER : dsn_record_type_from_string(dsn_span(type)),
        .taken_in = letter->taken_in,
        .json = letter->bytes,
    };
    lane->letter = letter;
    lane->body = dsn_webhook_body_new(webhook->options, webhook->form);
    dsn_webhook_body_add(lane->body, &record);
    return true;
}

static bool
may_gather(const DsnWebhook *webhook)
{
    return dsn_webhook_batches_count(webhook->batches) < WAITING_MAX + webhook->lanes->len;
}

static bool
take_batch(DsnWebhook *webhook, DsnWebhookLane *lane, int64_t now)
{
    return may_gather(webhook) && dsn_webhook_gather(webhook, lane, now);
}

/* Dead letters that were retried, each a request of its own, do not keep back the stream. */
static bool
take_new(DsnWebhook *webhook, DsnWebhookLane *lane, int64_t now)
{
    bool stream_first = webhook->letter_last;

    webhook->letter_last = false;
    if (stream_first && take_batch(webhook, lane, now))
        return true;
    webhook->letter_last = take_letter(webhook, lane, now);
    return webhook->letter_last || (!stream_first && take_batch(webhook, lane, now));
}

/* Finds something to send by @lane. */
static bool
fill_lane(DsnWebhook *webhook, DsnWebhookLane *lane, int64_t now)
{
    DsnWebhookBatch *batch = dsn_webhook_batches_next(webhook->batches, now);

    if (batch == NULL)
        return take_new(webhook, lane, now);
    if (dsn_webhook_load(webhook, lane, batch))
        return true;
    batch->due = now + PAUSE;
    return false;
}

/* Gives all lanes that are free something to send, if there is. */
static void
fill_lanes(DsnWebhook *webhook, int64_t now)
{
    DsnWebhookLane *lane;
    int64_t when;

    while ((lane = free_lane(webhook, now, &when)) != NULL && fill_lane(webhook, lane, now)) {
        if (dsn_webhook_body_count(lane->body) > 0) {
            if (!dsn_webhook_link_is_connected(lane->link))
                webhook->next_connect = MAX(webhook->next_connect, now) + webhook->between_connects;
            continue;
        }
        if (lane->letter != NULL)
            dsn_webhook_settle_letter_empty(webhook, lane);
        else
            dsn_webhook_settle_empty(webhook, lane);
        dsn_webhook_clear_lane(lane);
    }
    for (size_t i = 0; webhook->urgent && i < FIX_AHEAD / webhook->options->batch_size &&
                       may_gather(webhook) && dsn_webhook_gather(webhook, NULL, now);
         i++)
        continue;
}

/* Sends what was filled, once the spool knows of it. */
static void
begin_requests(DsnWebhook *webhook)
{
    for (guint i = 0; i < webhook->lanes->len; i++) {
        DsnWebhookLane *lane = webhook->lanes->pdata[i];

        if (lane->body == NULL || lane->key != NULL)
            continue;
        g_autoptr(GBytes) content = dsn_webhook_body_finish(lane->body, &lane->key);
        dsn_webhook_link_begin(lane->link, content, lane->key, dsn_webhook_body_count(lane->body));
    }
}

static DsnWebhookLane *
find_lane(const DsnWebhook *webhook, CURL *easy)
{
    const DsnWebhookLink *link = dsn_webhook_link_of(easy);

    for (guint i = 0; i < webhook->lanes->len; i++) {
        DsnWebhookLane *lane = webhook->lanes->pdata[i];

        if (lane->link == link)
            return lane;
    }
    g_assert_not_reached();
}

/* Lets requests go on, and settles those that have ended. */
static void
drive(DsnWebhook *webhook)
{
    const CURLMsg *message;
    int running, left;

    (void)curl_multi_perform(webhook->multi, &running);
    while ((message = curl_multi_info_read(webhook->multi, &left)) != NULL) {
        CURLcode code = message->data.result; /* the message goes with its handle */

        dsn_webhook_settle(webhook, find_lane(webhook, message->easy_handle), code);
    }
    for (guint i = 0; i < webhook->lanes->len; i++)
        dsn_webhook_link_tidy(((DsnWebhookLane *)webhook->lanes->pdata[i])->link);
}

/* ---- the thread ---- */

/* Waits until @until for requests, or to be woken. */
static void
poll_until(DsnWebhook *webhook, int64_t until)
{
    int64_t left = CLAMP(until - g_get_monotonic_time(), 0, LOOK_AROUND);

    (void)curl_multi_poll(webhook->multi, NULL, 0, (int)(left / 1000) + 1, NULL);
}

/* Waits until there may be something to do. */
static void
wait_for_something(DsnWebhook *webhook)
{
    int64_t now = g_get_monotonic_time(), until = now + LOOK_AROUND, when;
    bool busy = count_taken(webhook) > 0;

    if (webhook->changed)
        until = MIN(until, webhook->committed + COMMIT_AFTER);
    if (free_lane(webhook, now, &when) == NULL) {
        poll_until(webhook, MIN(until, when));
        return;
    }
    until = MIN(until, dsn_webhook_batches_due(webhook->batches));
    if (webhook->gathering != NULL)
        until = MIN(until, webhook->gather_until);
    if (busy || !may_gather(webhook)) {
        poll_until(webhook, MIN(until, now + LOOK_FOR_RECORDS));
        return;
    }
    if (!dsn_webhook_read(webhook, MAX(until - now, 0)))
        poll_until(webhook, now + PAUSE);
    else if (webhook->n_used == webhook->records->len && g_get_monotonic_time() < until)
        poll_until(webhook, now + LOOK_FOR_RECORDS); /* woken for a stop that is about to come */
}

/* Not every request needs a commit of its own. */
static bool
must_commit(const DsnWebhook *webhook, int64_t now)
{
    return webhook->urgent || (webhook->changed && (count_taken(webhook) == 0 ||
                                                    now >= webhook->committed + COMMIT_AFTER));
}

static void
take_turn(DsnWebhook *webhook)
{
    if (g_atomic_int_compare_and_exchange(&webhook->kicked, 1, 0)) {
        webhook->closed_until = 0;
        webhook->look_for_letters = 0;
        dsn_webhook_batches_hurry(webhook->batches);
    }
    drive(webhook);
    int64_t now = g_get_monotonic_time();
    bool expired = webhook->failures > 0 && dsn_webhook_expire(webhook, now);
    if (!expired)
        fill_lanes(webhook, now);
    if (now < webhook->closed_until)
        dsn_webhook_drop_gathered(webhook); /* many webhooks may have to wait */
    if (must_commit(webhook, now) && !dsn_webhook_commit(webhook)) {
        poll_until(webhook, now + PAUSE);
        return;
    }
    begin_requests(webhook);
    if (!expired)
        wait_for_something(webhook);
}

/* Letters that were not sent are as they were. */
static void
give_back(DsnWebhook *webhook)
{
    for (guint i = 0; i < webhook->lanes->len; i++) {
        const DsnWebhookLane *lane = webhook->lanes->pdata[i];

        if (lane->letter != NULL)
            dsn_spool_settle(webhook->spool, lane->letter->entry, DSN_SETTLED_BACK, 0, NULL);
    }
}

static gpointer
run(gpointer data)
{
    DsnWebhook *webhook = data;

    while (!is_stopping(webhook))
        take_turn(webhook);
    while (is_busy(webhook) && g_get_monotonic_time() < webhook->stop_until) {
        poll_until(webhook, webhook->stop_until);
        drive(webhook);
        if (webhook->changed)
            (void)dsn_webhook_commit(webhook);
    }
    if (webhook->changed)
        (void)dsn_webhook_commit(webhook);
    give_back(webhook);
    return NULL;
}

/* ---- start and stop ---- */

static void
clear_letter(gpointer data)
{
    DsnSpoolLetter *letter = data;

    g_free((char *)letter->record_id);
    g_free((char *)letter->record_type);
    g_free((char *)letter->reason);
    g_bytes_unref(letter->json);
}

static void
clear_handed_on(gpointer data)
{
    DsnHandedOn *handed_on = data;

    g_free((int64_t *)handed_on->positions);
    g_free((char *)handed_on->text);
}

static void
clear_record(gpointer data)
{
    dsn_stream_record_clear(data);
}

static GArray *
new_array(guint size, GDestroyNotify clear)
{
    GArray *array = g_array_new(FALSE, FALSE, size);

    g_array_set_clear_func(array, clear);
    return array;
}

char *
dsn_webhook_outlet_name(const DsnWebhookOptions *options)
{
    return g_strconcat("webhook:", options->name, NULL);
}

static void
webhook_free(DsnWebhook *webhook)
{
    g_ptr_array_unref(webhook->lanes);
    (void)curl_multi_cleanup(webhook->multi);
    curl_global_cleanup();
    dsn_webhook_drop_gathered(webhook);
    g_array_unref(webhook->records);
    g_array_unref(webhook->letters);
    g_array_unref(webhook->handed_on);
    dsn_webhook_batches_free(webhook->batches);
    dsn_form_free(webhook->form);
    g_free(webhook->trouble);
    g_free(webhook->label);
    g_free(webhook->outlet);
    g_free(webhook);
}

static DsnWebhook *
webhook_new(DsnSpool *spool, DsnMetrics *metrics, const DsnWebhookOptions *options, CURLM *multi,
            DsnForm *form)
{
    DsnWebhook *webhook = g_new0(DsnWebhook, 1);
    guint64 count = 1;
    GTimeSpan span = 0;

    webhook->spool = spool;
    webhook->metrics = metrics;
    webhook->options = options;
    webhook->outlet = dsn_webhook_outlet_name(options);
    webhook->label = g_strconcat("webhook ", options->name, NULL);
    webhook->form = form;
    webhook->multi = multi;
    webhook->lanes = g_ptr_array_new_with_free_func(lane_free);
    for (size_t i = 0; i < options->connection_limit; i++) {
        DsnWebhookLane *lane = g_new0(DsnWebhookLane, 1);

        lane->link = dsn_webhook_link_new(multi, options);
        g_ptr_array_add(webhook->lanes, lane);
    }
    g_autofree char *note = dsn_spool_outlet_note(spool, webhook->outlet);
    webhook->batches = dsn_webhook_batches_new(note);
    webhook->records = new_array(sizeof(DsnStreamRecord), clear_record);
    webhook->letters = new_array(sizeof(DsnSpoolLetter), clear_letter);
    webhook->handed_on = new_array(sizeof(DsnHandedOn), clear_handed_on);
    if (options->connection_rate != NULL)
        (void)dsn_rate_parse(options->connection_rate, &count, &span); /* checked before */
    webhook->between_connects = span / (GTimeSpan)count;
    return webhook;
}

DsnWebhook *
dsn_webhook_start(DsnSpool *spool, DsnMetrics *metrics, const DsnWebhookOptions *options,
                  GError **error)
{
    g_autoptr(DsnForm) form = dsn_form_of("webhook", options->name, &options->selection, error);

    if (form == NULL)
        return NULL;
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    CURLM *multi = code == CURLE_OK ? curl_multi_init() : NULL;
    if (multi == NULL) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "webhook %s: libcurl: %s", options->name,
                    curl_easy_strerror(code != CURLE_OK ? code : CURLE_OUT_OF_MEMORY));
        return NULL;
    }
    DsnWebhook *webhook = webhook_new(spool, metrics, options, multi, g_steal_pointer(&form));
    webhook->thread = g_thread_try_new("webhook", run, webhook, error);
    if (webhook->thread != NULL)
        return webhook;
    webhook_free(webhook);
    return NULL;
}

void
dsn_webhook_kick(DsnWebhook *webhook)
{
    g_atomic_int_set(&webhook->kicked, 1);
    (void)curl_multi_wakeup(webhook->multi);
}

void
dsn_webhook_finish(DsnWebhook *webhook)
{
    if (is_stopping(webhook))
        return;
    webhook->stop_until = g_get_monotonic_time() + STOP_GRACE;
    g_atomic_int_set(&webhook->stopping, 1);
    (void)curl_multi_wakeup(webhook->multi);
}

void
dsn_webhook_stop(DsnWebhook *webhook)
{
    if (webhook == NULL)
        return;
    dsn_webhook_finish(webhook);
    (void)g_thread_join(webhook->thread);
    webhook_free(webhook);
}
