/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/pipeline-private.h"

#include "filter/core/message-identity.h"
#include "filter/core/report-record.h"
#include "filter/pipeline/event-key.h"
#include "mime/report-parse.h"

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

/* Each line of @text for itself; their records have the id @id. */
static GArray *
split_lines(DsnSpan text, DsnRecordType type, const char *id)
{
    GArray *lines = dsn_lines_new();

    while (text.len > 0) {
        const char *feed = memchr(text.data, '\n', text.len);
        size_t len = (size_t)(feed - text.data) + 1; /* each has one */
        const DsnSpoolLine line = {
            .type = type, .json = g_bytes_new(text.data, len), .subject = g_strdup(id)};

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
    for (guint i = 0; i < report->defects->len; i++)
        taken->defects |= 1u << g_array_index(report->defects, DsnDefect, i).kind;
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

static void
count_recorded(DsnPipeline *pipeline, const DsnMessageTaken *taken)
{
    dsn_metrics_add(pipeline->metrics, find_kind(taken->kind)->counter, taken->records);
    dsn_metrics_add(pipeline->metrics, (DsnCounter)(DSN_COUNT_TRACES_UNSIGNED + (int)taken->trace),
                    1);
    dsn_metrics_defects(pipeline->metrics, taken->defects);
}

void
dsn_pipeline_wait(DsnPipeline *pipeline, DsnDeposit *deposit, void (*progress)(gpointer user),
                  gpointer user)
{
    while (
        !dsn_spool_wait(pipeline->spool, deposit, g_get_monotonic_time() + DSN_PROGRESS_INTERVAL)) {
        if (progress != NULL)
            progress(user);
    }
}

/* Reads @message. True with a piece of work for the spool; false when @ret_result is known. */
static bool
make_item(DsnPipeline *pipeline, const DsnPolicy *policy, DsnSpan message,
          const DsnSession *session, DsnMessageTaken *ret_taken, DsnItem *ret_item,
          DsnMessageResult *ret_result)
{
    g_autofree char *id = dsn_message_identity(message, dsn_span(session->queue_id));
    DsnKey key = dsn_message_key(id, g_get_real_time() / G_USEC_PER_SEC);
    g_autoptr(GString) lines = g_string_new(NULL);

    *ret_taken = (DsnMessageTaken){.kind = DSN_REPORT_NONE};
    (void)g_strlcpy(ret_taken->id, id, sizeof(ret_taken->id));
    DsnReason reason = read_message(policy, pipeline->metrics, message, session, ret_taken, lines);
    if (dsn_spool_look_message(pipeline->spool, &key) != DSN_SEEN_NOT) {
        *ret_result = was_recorded_before(pipeline, ret_taken);
        return false;
    }
    if (reason != DSN_REASON_NONE) {
        *ret_result = leave_untouched(pipeline, reason, ret_taken);
        return false;
    }
    GArray *history = dsn_histories_new();
    dsn_history_add_report(history, session, ret_taken);
    *ret_item = (DsnItem){
        .kind = DSN_ITEM_MESSAGE,
        .key = key,
        .lines = split_lines((DsnSpan){lines->str, lines->len}, find_kind(ret_taken->kind)->type,
                             ret_taken->id),
        .history = history,
    };
    return true;
}

/* What became of an item that is committed. */
static DsnMessageResult
finish_item(DsnPipeline *pipeline, const DsnItem *item, DsnMessageTaken *taken)
{
    if (item->result == DSN_ITEM_DUPLICATE)
        return was_recorded_before(pipeline, taken);
    count_recorded(pipeline, taken);
    return DSN_MESSAGE_RECORDED;
}

DsnMessageResult
dsn_pipeline_take_message(DsnPipeline *pipeline, const DsnPolicy *policy, DsnSpan message,
                          const DsnSession *session, void (*progress)(gpointer user), gpointer user,
                          DsnMessageTaken *ret_taken, GError **error)
{
    g_autoptr(DsnDeposit) deposit = dsn_deposit_new(true); /* before everything else that waits */
    DsnMessageResult result;
    DsnItem item;

    if (!make_item(pipeline, policy, message, session, ret_taken, &item, &result))
        return result;
    g_array_append_val(deposit->items, item);
    dsn_spool_submit(pipeline->spool, deposit);
    dsn_pipeline_wait(pipeline, deposit, progress, user);
    if (deposit->error != NULL) {
        g_propagate_error(error, g_steal_pointer(&deposit->error));
        return DSN_MESSAGE_FAILED;
    }
    return finish_item(pipeline, &g_array_index(deposit->items, DsnItem, 0), ret_taken);
}

bool
dsn_pipeline_take_mails(DsnPipeline *pipeline, const DsnPolicy *policy, DsnMail *mails,
                        size_t n_mails, GError **error)
{
    g_autoptr(DsnDeposit) deposit = dsn_deposit_new(false);
    g_autoptr(GArray) waiting = g_array_new(FALSE, FALSE, sizeof(DsnMail *));

    for (size_t i = 0; i < n_mails; i++) {
        DsnMail *mail = &mails[i];
        DsnItem item;

        if (!make_item(pipeline, policy, mail->message, &mail->session, &mail->taken, &item,
                       &mail->result))
            continue;
        g_array_append_val(deposit->items, item);
        g_array_append_val(waiting, mail);
    }
    if (waiting->len == 0)
        return true;
    dsn_spool_submit(pipeline->spool, deposit);
    (void)dsn_spool_wait(pipeline->spool, deposit, -1); /* in the end */
    if (deposit->error != NULL) {
        g_propagate_error(error, g_steal_pointer(&deposit->error));
        return false;
    }
    for (guint i = 0; i < waiting->len; i++) {
        DsnMail *mail = g_array_index(waiting, DsnMail *, i);
        mail->result =
            finish_item(pipeline, &g_array_index(deposit->items, DsnItem, i), &mail->taken);
    }
    return true;
}
