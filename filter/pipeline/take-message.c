/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/pipeline-private.h"

#include "filter/core/message-identity.h"
#include "filter/core/report-record.h"
#include "filter/pipeline/event-key.h"
#include "mime/report-parse.h"

/* How long a caller can go without a sign of life: Postfix gives a milter 300 seconds at the end of
 * a message, and an LMTP client 10 minutes after the dot (RFC 5321 section 4.5.3.2.6). */
#define PROGRESS_INTERVAL (5 * G_TIME_SPAN_SECOND)

G_STATIC_ASSERT(sizeof(((DsnMessageTaken *)NULL)->id) == DSN_IDENTITY_DIGITS + 1);

/* What reports make. */
typedef struct RecordKind {
    DsnReportKind report;
    DsnRecordType type;
    DsnCounter counter;
} RecordKind;

/* NULL for what makes no records. */
static const RecordKind *
find_kind(DsnReportKind report)
{
    static const RecordKind kinds[] = {
        {DSN_REPORT_FEEDBACK, DSN_RECORD_FEEDBACK, DSN_COUNT_REPORTS_FEEDBACK},
        {DSN_REPORT_DELIVERY_STATUS, DSN_RECORD_OOB, DSN_COUNT_REPORTS_OOB},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (kinds[i].report == report)
            return &kinds[i];
    }
    return NULL;
}

/* Each line of @text for itself. */
static GArray *
split_lines(DsnSpan text, DsnRecordType type)
{
    GArray *lines = dsn_lines_new();

    while (text.len > 0) {
        const char *feed = memchr(text.data, '\n', text.len);
        size_t len = (size_t)(feed - text.data) + 1; /* each has one */
        const DsnSpoolLine line = {type, g_bytes_new(text.data, len)};

        g_array_append_val(lines, line);
        text = dsn_span_from(text, len);
    }
    return lines;
}

/* Appends the records that @message makes to @lines, or says why it makes none that anybody gets.
 */
static DsnReason
read_message(const DsnPolicy *policy, DsnMetrics *metrics, DsnSpan message,
             const DsnSession *session, DsnMessageTaken *taken, GString *lines)
{
    const DsnConfiguration *configuration = policy->configuration;
    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&configuration->limits);
    g_autoptr(DsnReport) report = dsn_report_new();
    int64_t now = g_get_real_time();
    const DsnArrival arrival = {
        .message = message,
        .id = dsn_span(taken->id),
        .sender = dsn_span(session->sender),
        .recipient = dsn_span(session->recipient),
        .peer_name = dsn_span(session->peer_name),
        .peer_addr = dsn_span(session->peer_addr),
        .reception_protocol = dsn_span(session->protocol),
        .nodeid = dsn_span(configuration->nodeid),
        .time = now / G_USEC_PER_SEC,
        .nanoseconds = (uint32_t)(now % G_USEC_PER_SEC) * 1000,
        .rules = policy->evidence,
        .classification = policy->classification,
        .metrics = metrics,
    };

    dsn_report_parse(parser, message, report);
    taken->kind = report->kind;
    const RecordKind *kind = find_kind(report->kind);
    if (kind == NULL)
        return DSN_REASON_NOT_A_REPORT;
    taken->records = dsn_report_write_records(report, &arrival, lines, &taken->trace);
    if (taken->records == 0)
        return DSN_REASON_NO_RECORD;
    return policy->wanted[kind->type] ? DSN_REASON_NONE : DSN_REASON_TYPE_NOT_ENABLED;
}

static DsnMessageResult
leave_untouched(DsnPipeline *pipeline, DsnReason reason, DsnMessageTaken *taken)
{
    dsn_metrics_reason(pipeline->metrics, reason, 1);
    taken->reason = reason;
    taken->records = 0;
    return DSN_MESSAGE_UNTOUCHED;
}

static DsnMessageResult
was_recorded_before(DsnPipeline *pipeline, DsnMessageTaken *taken)
{
    dsn_metrics_reason(pipeline->metrics, DSN_REASON_DUPLICATE, 1);
    taken->reason = DSN_REASON_DUPLICATE;
    taken->records = 0;
    return DSN_MESSAGE_RECORDED;
}

/* Keeps @lines and @history (transfer full) before everything else that waits. */
static bool
deposit(DsnPipeline *pipeline, const DsnKey *key, GArray *lines, GArray *history,
        void (*progress)(gpointer user), gpointer user, DsnItemResult *ret_result, GError **error)
{
    g_autoptr(DsnDeposit) only = dsn_deposit_new(true);
    const DsnItem item = {
        .kind = DSN_ITEM_MESSAGE, .key = *key, .lines = lines, .history = history};

    g_array_append_val(only->items, item);
    dsn_spool_submit(pipeline->spool, only);
    while (!dsn_spool_wait(pipeline->spool, only, g_get_monotonic_time() + PROGRESS_INTERVAL)) {
        if (progress != NULL)
            progress(user);
    }
    if (only->error != NULL) {
        g_propagate_error(error, g_steal_pointer(&only->error));
        return false;
    }
    *ret_result = g_array_index(only->items, DsnItem, 0).result;
    return true;
}

DsnMessageResult
dsn_pipeline_take_message(DsnPipeline *pipeline, const DsnPolicy *policy, DsnSpan message,
                          const DsnSession *session, void (*progress)(gpointer user), gpointer user,
                          DsnMessageTaken *ret_taken, GError **error)
{
    g_autofree char *id = dsn_message_identity(message, dsn_span(session->queue_id));
    DsnKey key = dsn_message_key(id, g_get_real_time() / G_USEC_PER_SEC);
    g_autoptr(GString) lines = g_string_new(NULL);
    DsnItemResult result;

    *ret_taken = (DsnMessageTaken){.kind = DSN_REPORT_NONE};
    (void)g_strlcpy(ret_taken->id, id, sizeof(ret_taken->id));
    DsnReason reason = read_message(policy, pipeline->metrics, message, session, ret_taken, lines);
    if (dsn_spool_look_message(pipeline->spool, &key) != DSN_SEEN_NOT)
        return was_recorded_before(pipeline, ret_taken);
    if (reason != DSN_REASON_NONE)
        return leave_untouched(pipeline, reason, ret_taken);

    const RecordKind *kind = find_kind(ret_taken->kind);
    GArray *split = split_lines((DsnSpan){lines->str, lines->len}, kind->type);
    GArray *history = dsn_histories_new();
    dsn_history_add_report(history, session, ret_taken);
    if (!deposit(pipeline, &key, split, history, progress, user, &result, error))
        return DSN_MESSAGE_FAILED;
    if (result == DSN_ITEM_DUPLICATE)
        return was_recorded_before(pipeline, ret_taken);
    dsn_metrics_add(pipeline->metrics, kind->counter, ret_taken->records);
    dsn_metrics_add(pipeline->metrics,
                    (DsnCounter)(DSN_COUNT_TRACES_UNSIGNED + (int)ret_taken->trace), 1);
    return DSN_MESSAGE_RECORDED;
}
