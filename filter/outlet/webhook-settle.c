/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/webhook-private.h"

#include "filter/core/json-load.h"
#include "filter/core/json-writer.h"
#include "filter/outlet/relay-schedule.h"

/* A Retry-After is followed so far, or up to max_retry_interval if that is longer. */
#define RETRY_AFTER_MAX G_TIME_SPAN_HOUR
/* For so long at least a server fails before records are given up: the network may come up later
 * than we do, and the clock may have been set. */
#define FAILING_MIN G_TIME_SPAN_HOUR
/* Failures of one batch, while others are accepted, after which it is split. */
#define SPLIT_AFTER 3

/* ---- what the next commit brings ---- */

void
dsn_webhook_add_letter(DsnWebhook *webhook, GBytes *json, const char *reason)
{
    gsize size;
    const char *data = g_bytes_get_data(json, &size);
    json_auto_t *record = dsn_json_load((DsnSpan){data, size}, NULL);
    const char *id = json_string_value(json_object_get(record, "id"));
    DsnSpoolLetter letter = {
        .record_id = g_strdup(id),
        .record_type = g_strdup(json_string_value(json_object_get(record, "type"))),
        .json = g_bytes_ref(json),
        .reason = g_strdup(reason),
    };
    DsnLogLine line;

    g_array_append_val(webhook->letters, letter);
    dsn_metrics_add(webhook->metrics, DSN_COUNT_WEBHOOK_DEAD, 1);
    dsn_log_begin(&line, id);
    dsn_log_text(&line, "to", webhook->label);
    dsn_log_text(&line, "status", "dead");
    dsn_log_text(&line, "reply", reason);
    dsn_log_end(&line, DSN_LOG_WARNING);
}

void
dsn_webhook_add_faults(DsnWebhook *webhook, const DsnWebhookBody *body)
{
    const GArray *faults = dsn_webhook_body_faults(body);

    for (guint i = 0; i < faults->len; i++) {
        const DsnWebhookFault *fault = &g_array_index(faults, DsnWebhookFault, i);

        dsn_webhook_add_letter(webhook, fault->json, fault->reason);
    }
}

static void
add_handed_on(DsnWebhook *webhook, const DsnWebhookBody *body, const DsnWebhookAnswer *answer)
{
    g_autoptr(GString) text = g_string_new(NULL);
    size_t count;
    const int64_t *positions = dsn_webhook_body_positions(body, &count);

    dsn_json_word(text, "event", "sent");
    dsn_json_key(text, "reply");
    (void)dsn_json_string(text, dsn_span(answer->text)); /* valid by then */
    const DsnHandedOn handed_on = {g_memdup2(positions, count * sizeof(*positions)), count,
                                   g_strdup(text->str)};
    g_array_append_val(webhook->handed_on, handed_on);
}

bool
dsn_webhook_commit(DsnWebhook *webhook)
{
    g_autofree char *note = dsn_webhook_batches_note(webhook->batches);
    const DsnAdvance advance = {
        .position = dsn_webhook_batches_place(webhook->batches),
        .note = note,
        .letters = webhook->letters,
        .handed_on = webhook->handed_on,
    };

    /* The spool says what is wrong. */
    if (!dsn_spool_hand_on(webhook->spool, webhook->outlet, &advance, NULL))
        return false;
    g_array_set_size(webhook->letters, 0);
    g_array_set_size(webhook->handed_on, 0);
    webhook->changed = webhook->urgent = false;
    webhook->committed = g_get_monotonic_time();
    return true;
}

void
dsn_webhook_clear_lane(DsnWebhookLane *lane)
{
    g_clear_pointer(&lane->body, dsn_webhook_body_free);
    g_clear_pointer(&lane->letter, dsn_waiting_notice_free);
    g_clear_pointer(&lane->key, g_free);
    lane->batch = NULL;
}

/* ---- how the server does ---- */

static bool
failed(const DsnWebhookAnswer *answer)
{
    return answer->verdict == DSN_WEBHOOK_AGAIN || answer->verdict == DSN_WEBHOOK_LASTING;
}

static GTimeSpan
draw_delay(const DsnWebhook *webhook, unsigned attempt)
{
    GTimeSpan least = webhook->options->retry_interval;

    return dsn_relay_delay(least, MAX(least, webhook->options->max_retry_interval),
                           MIN(attempt, 100), g_random_double());
}

static GTimeSpan
asked_for(const DsnWebhook *webhook, const DsnWebhookAnswer *answer)
{
    return MIN(answer->wait, MAX(RETRY_AFTER_MAX, webhook->options->max_retry_interval));
}

static void
note_trouble(DsnWebhook *webhook, const DsnWebhookAnswer *answer)
{
    if (g_strcmp0(webhook->trouble, answer->text) == 0)
        return;
    dsn_log_event(answer->verdict == DSN_WEBHOOK_LASTING ? DSN_LOG_ERROR : DSN_LOG_WARNING,
                  "%s: %s; records wait in the spool%s", webhook->label, answer->text,
                  answer->verdict == DSN_WEBHOOK_LASTING
                      ? ", until the server or the options are changed"
                      : "");
    g_free(webhook->trouble);
    webhook->trouble = g_strdup(answer->text);
}

static void
note_works(DsnWebhook *webhook)
{
    webhook->failures = 0;
    webhook->closed_until = 0;
    webhook->failing_since = 0;
    if (webhook->trouble == NULL || dsn_webhook_batches_have_failed(webhook->batches))
        return;
    dsn_log_event(DSN_LOG_INFO, "%s: records are accepted again", webhook->label);
    g_clear_pointer(&webhook->trouble, g_free);
}

/* After the first failure, which may be for what is in the request, another is tried. Requests that
 * were on their way at the same time fail for the same reason, and count as one. */
static void
note_fails(DsnWebhook *webhook, const DsnWebhookAnswer *answer)
{
    int64_t now = g_get_monotonic_time();
    GTimeSpan wait = asked_for(webhook, answer);

    if (webhook->failures == 0 || now - answer->took >= webhook->failed_at)
        webhook->failures++;
    webhook->failed_at = now;
    if (webhook->failing_since == 0)
        webhook->failing_since = now;
    if (webhook->failures > 1)
        wait = MAX(wait, draw_delay(webhook, webhook->failures - 1));
    webhook->closed_until = now + wait;
    note_trouble(webhook, answer);
}

int64_t
dsn_webhook_too_old(const DsnWebhook *webhook, int64_t failed_since)
{
    GTimeSpan max_age = webhook->options->max_age;

    if (failed_since == 0 || g_get_monotonic_time() - failed_since < MIN(max_age, FAILING_MIN))
        return 0;
    return MAX((dsn_spool_now(webhook->spool) - max_age) / G_TIME_SPAN_SECOND, 1);
}

/* ---- a request of the stream ---- */

static void
write_log(const DsnWebhook *webhook, const DsnWebhookLane *lane, const DsnWebhookAnswer *answer,
          const char *status)
{
    size_t count = dsn_webhook_body_count(lane->body);
    bool more = strcmp(status, "deferred") != 0;
    DsnLogLine line;

    if (!dsn_log_wanted(more ? DSN_LOG_INFO : DSN_LOG_DEBUG))
        return;
    dsn_log_begin(&line, lane->letter == NULL ? NULL : lane->letter->record_id);
    dsn_log_text(&line, "to", webhook->label);
    dsn_log_text(&line, "key", lane->key);
    dsn_log_number(&line, "records", (int64_t)count);
    dsn_log_number(&line, "ms", answer->took / G_TIME_SPAN_MILLISECOND);
    dsn_log_text(&line, "status", status);
    dsn_log_text(&line, "reply", answer->text);
    dsn_log_end(&line, more ? DSN_LOG_INFO : DSN_LOG_DEBUG);
}

static void
settle_sent(DsnWebhook *webhook, DsnWebhookLane *lane, const DsnWebhookAnswer *answer)
{
    dsn_metrics_add(webhook->metrics, DSN_COUNT_WEBHOOK_SENT, dsn_webhook_body_count(lane->body));
    write_log(webhook, lane, answer, "sent");
    add_handed_on(webhook, lane->body, answer);
    dsn_webhook_settle_empty(webhook, lane);
}

static void
split(DsnWebhook *webhook, const DsnWebhookLane *lane, const DsnWebhookAnswer *answer)
{
    size_t count;
    const int64_t *positions = dsn_webhook_body_positions(lane->body, &count);

    write_log(webhook, lane, answer, "split");
    dsn_webhook_batches_split(webhook->batches, lane->batch, positions[count / 2 - 1]);
    webhook->changed = webhook->urgent = true;
}

/* One record that it does not want is a dead letter; among several it is looked for. */
static void
settle_refused(DsnWebhook *webhook, const DsnWebhookLane *lane, const DsnWebhookAnswer *answer)
{
    if (dsn_webhook_body_count(lane->body) > 1)
        split(webhook, lane, answer);
    else if (!dsn_webhook_give_up(webhook, lane->batch, INT64_MAX, answer->text))
        lane->batch->due = g_get_monotonic_time() + webhook->options->retry_interval;
}

static void
settle_failed(DsnWebhook *webhook, const DsnWebhookLane *lane, const DsnWebhookAnswer *answer)
{
    DsnWebhookBatch *batch = lane->batch;
    int64_t now = g_get_monotonic_time();
    GTimeSpan wait = MAX(draw_delay(webhook, batch->attempts + 1), asked_for(webhook, answer));

    if (batch->attempts++ == 0) {
        batch->failed_since = now;
        batch->others = webhook->successes;
    }
    batch->unsure = batch->unsure || answer->unsure;
    batch->due = now + wait;
    write_log(webhook, lane, answer, "deferred");

    int64_t since = webhook->failing_since == 0 ? now : webhook->failing_since;
    int64_t before = dsn_webhook_too_old(webhook, MIN(since, batch->failed_since));
    if (dsn_webhook_body_oldest(lane->body) < before) {
        g_autofree char *reason =
            g_strdup_printf("too old after %u attempts: %s", batch->attempts, answer->text);
        (void)dsn_webhook_give_up(webhook, batch, INT64_MAX, reason);
    } else if (!batch->unsure && batch->attempts >= SPLIT_AFTER &&
               webhook->successes != batch->others && dsn_webhook_body_count(lane->body) > 1) {
        split(webhook, lane, answer);
    }
}

void
dsn_webhook_settle_empty(DsnWebhook *webhook, DsnWebhookLane *lane)
{
    dsn_webhook_add_faults(webhook, lane->body);
    dsn_webhook_batches_done(webhook->batches, lane->batch, lane->batch->last);
    webhook->changed = true;
}

/* ---- a request of a letter ---- */

static void
settle_letter(DsnWebhook *webhook, const DsnWebhookLane *lane, const DsnWebhookAnswer *answer)
{
    const DsnWaitingNotice *letter = lane->letter;
    int64_t now = dsn_spool_now(webhook->spool);
    int64_t expiry = letter->taken_in * G_TIME_SPAN_SECOND + webhook->options->max_age;
    bool again = failed(answer) && now < expiry;
    DsnSettled how = answer->verdict == DSN_WEBHOOK_DONE ? DSN_SETTLED_SENT
                     : again                             ? DSN_SETTLED_RETRY
                                                         : DSN_SETTLED_DEAD;
    GTimeSpan wait = MAX(draw_delay(webhook, letter->attempts + 1), asked_for(webhook, answer));

    write_log(webhook, lane, answer,
              how == DSN_SETTLED_SENT ? "sent"
              : again                 ? "deferred"
                                      : "dead");
    if (!again)
        dsn_metrics_add(webhook->metrics,
                        how == DSN_SETTLED_SENT ? DSN_COUNT_WEBHOOK_SENT : DSN_COUNT_WEBHOOK_DEAD,
                        1);
    dsn_spool_settle(webhook->spool, letter->entry, how, MIN(now + wait, MAX(expiry, now)),
                     answer->text);
}

void
dsn_webhook_settle_letter_empty(DsnWebhook *webhook, DsnWebhookLane *lane)
{
    const GArray *faults = dsn_webhook_body_faults(lane->body);
    const char *reason = faults->len > 0 ? g_array_index(faults, DsnWebhookFault, 0).reason
                                         : "the options of the webhook do not let it through";

    dsn_metrics_add(webhook->metrics, DSN_COUNT_WEBHOOK_DEAD, 1);
    dsn_spool_settle(webhook->spool, lane->letter->entry, DSN_SETTLED_DEAD, 0, reason);
}

/* ---- all requests ---- */

static void
count_request(DsnWebhook *webhook, const DsnWebhookAnswer *answer)
{
    static const DsnCounter counters[] = {
        [DSN_WEBHOOK_DONE] = DSN_COUNT_WEBHOOK_ACCEPTED,
        [DSN_WEBHOOK_AGAIN] = DSN_COUNT_WEBHOOK_FAILED,
        [DSN_WEBHOOK_LASTING] = DSN_COUNT_WEBHOOK_FAILED,
        [DSN_WEBHOOK_REFUSED] = DSN_COUNT_WEBHOOK_REFUSED,
    };

    dsn_metrics_add(webhook->metrics, counters[answer->verdict], 1);
}

void
dsn_webhook_settle(DsnWebhook *webhook, DsnWebhookLane *lane, CURLcode code)
{
    g_auto(DsnWebhookAnswer) answer = {0};

    dsn_webhook_link_end(lane->link, code, &answer);
    if (answer.verdict == DSN_WEBHOOK_DONE)
        webhook->successes++;
    if (lane->batch != NULL)
        lane->batch->on_its_way = false;
    if (lane->letter != NULL)
        settle_letter(webhook, lane, &answer);
    else if (answer.verdict == DSN_WEBHOOK_DONE)
        settle_sent(webhook, lane, &answer);
    else if (answer.verdict == DSN_WEBHOOK_REFUSED)
        settle_refused(webhook, lane, &answer);
    else
        settle_failed(webhook, lane, &answer);
    if (failed(&answer))
        note_fails(webhook, &answer);
    else
        note_works(webhook);
    count_request(webhook, &answer); /* it has had its effect */
    dsn_webhook_clear_lane(lane);
}
