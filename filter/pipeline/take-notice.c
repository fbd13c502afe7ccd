/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/take-notice.h"

#include "filter/core/postfix-notice.h"
#include "filter/core/postfix-record.h"
#include "filter/pipeline/draft.h"
#include "filter/pipeline/pipeline-private.h"
#include "mime/header.h"
#include "mime/report-parse.h"

/* What is known of one notice. */
typedef struct Work {
    DsnPipeline *pipeline;
    const DsnPolicy *policy;
    const DsnNoticeSession *session;
    DsnSpan message;
    DsnReport *report;
    DsnPostfixNotice notice;
    GPtrArray *trees;   /* of json_t */
    GPtrArray *records; /* of DsnRecord, one for each tree */
    const DsnTenant *tenant;
    int64_t now; /* unix seconds */
    DsnNoticeTaken *taken;
} Work;

const char *
dsn_notice_fate_to_string(DsnNoticeFate fate)
{
    static const char *const words[] = {
        [DSN_FATE_FOREIGN] = "foreign",       [DSN_FATE_PASSED] = "passed",
        [DSN_FATE_REWRITTEN] = "rewritten",   [DSN_FATE_REPLACED] = "replaced",
        [DSN_FATE_SUPPRESSED] = "suppressed", [DSN_FATE_FAILED] = "failed",
    };

    return words[fate];
}

void
dsn_notice_taken_clear(DsnNoticeTaken *taken)
{
    g_free(taken->queue_id);
    g_free(taken->sender);
    if (taken->rewritten.message != NULL)
        dsn_rewritten_clear(&taken->rewritten);
    *taken = (DsnNoticeTaken){.reason = DSN_REASON_NONE};
}

static DsnNoticeFate
pass(Work *work, DsnReason reason)
{
    if (reason != DSN_REASON_NONE)
        dsn_metrics_reason(work->pipeline->metrics, reason, 1);
    work->taken->reason = reason;
    return DSN_FATE_PASSED;
}

/* ---- what it is ---- */

/* Whether it was made by the Postfix that hands it over, for whom it goes to. */
static bool
is_at_home(const Work *work)
{
    const DsnNoticeSession *session = work->session;
    g_autoptr(GString) recipient = g_string_new(NULL);
    g_autoptr(GString) sender = g_string_new(NULL);

    return (session->host == NULL || dsn_span_is(work->notice.host, session->host)) &&
           dsn_address_normalise(dsn_span(session->recipient), recipient) &&
           dsn_address_normalise(work->notice.sender, sender) && g_string_equal(recipient, sender);
}

static void
free_record(gpointer record)
{
    dsn_record_free(record);
}

static bool
make_records(Work *work, GError **error)
{
    const DsnConfiguration *configuration = work->policy->configuration;
    const DsnPostfixRecordOptions options = {
        .keys = &configuration->meta,
        .fields = configuration->milter.meta,
        .nodeid = configuration->nodeid,
        .now = work->now,
    };

    work->trees = dsn_postfix_notice_records(&work->notice, work->report, &options);
    work->records = g_ptr_array_new_with_free_func(free_record);
    for (guint i = 0; i < work->trees->len; i++) {
        DsnRecord *record = dsn_record_from_json(work->trees->pdata[i], error);

        if (record == NULL)
            return false;
        g_ptr_array_add(work->records, record);
    }
    return true;
}

static void
describe(Work *work)
{
    DsnNoticeTaken *taken = work->taken;

    taken->action = work->notice.action;
    taken->queue_id = dsn_span_dup(work->notice.queue_id);
    taken->sender = dsn_span_dup(work->notice.sender);
    taken->n_recipients = work->notice.n_recipients;
}

/* ---- records ---- */

/* The original goes with the first record of each notice that can come of them, since they share
 * it; with the others its header, which decides. What is too long for a record has its header, or
 * nothing; and all those others together have no more of it than one. */
static void
add_element(const Work *work, guint index, GString *body)
{
    bool first = index % DSN_DRAFT_RECIPIENTS == 0;
    size_t max = work->policy->configuration->intake.record / 4 / (first ? 1 : work->trees->len);
    DsnSpan original = work->notice.original, rest;
    g_autofree char *record = json_dumps(work->trees->pdata[index], JSON_COMPACT);

    if (!first || original.len > max)
        original = dsn_header_split(original, &rest);
    g_string_append_printf(body, "{\"log_record\":%s", record);
    if (original.len > 0 && original.len <= max) {
        g_autofree char *base64 = g_base64_encode((const guchar *)original.data, original.len);

        g_string_append_printf(body, ",\"message_base64\":\"%s\"", base64);
    }
    g_string_append(body, "}\n");
}

/* Hands the records on. False with @error when the spool fails. */
static bool
take_records(Work *work, bool notices, DsnTally *tally, GError **error)
{
    const DsnManner manner = {
        .notices = notices,
        .records = work->tenant->policy->postfix_records,
        .progress = work->session->progress,
        .user = work->session->user,
    };
    g_autoptr(GString) body = g_string_new(NULL);

    for (guint i = 0; i < work->trees->len; i++)
        add_element(work, i, body);
    if (!dsn_pipeline_take_in_manner(work->pipeline, work->policy, &manner,
                                     (DsnSpan){body->str, body->len}, tally, error))
        return false;
    if (manner.records)
        work->taken->records = (unsigned)(tally->accepted + tally->duplicate);
    return true;
}

/* For outlets alone, if they are wanted. */
static bool
keep_records(Work *work, GError **error)
{
    g_auto(DsnTally) tally;

    dsn_tally_init(&tally);
    if (!work->tenant->policy->postfix_records)
        return true;
    return take_records(work, false, &tally, error);
}

/* ---- what is done ---- */

static DsnNoticeFate
rewrite(Work *work, GError **error)
{
    const DsnRecord *first = work->records->pdata[0];
    const DsnNoticeRequest request = {
        .options = &work->tenant->notice,
        .records = (DsnRecord *const *)work->records->pdata,
        .n_records = work->records->len,
        .original = work->notice.original,
        .action = work->notice.action,
        .threshold =
            work->notice.action == DSN_ACTION_DELAYED ? first->event_time - first->created : 0,
        .now = work->now,
    };

    if (!work->session->rewritable) {
        g_set_error_literal(error, DSN_BUILD_ERROR, DSN_BUILD_ERROR_REPORT,
                            "the MTA takes no new body");
        return pass(work, DSN_REASON_NOT_REWRITTEN);
    }
    if (!dsn_notice_rewrite(&request, work->report, work->message, work->notice.text,
                            &work->taken->rewritten, error))
        return pass(work, DSN_REASON_NOT_REWRITTEN);
    return DSN_FATE_REWRITTEN;
}

/* Ours are made only of types that are enabled, and of delays that are long enough: else Postfix's
 * stands, or nobody would be told. */
static bool
is_replaceable(const Work *work)
{
    const DsnNoticeOptions *options = &work->tenant->notice;

    for (guint i = 0; i < work->records->len; i++) {
        const DsnRecord *record = work->records->pdata[i];

        if (!options->enable[record->type])
            return false;
        if (record->type == DSN_RECORD_TRANSIENT_FAILURE &&
            (options->n_delay_after == 0 ||
             record->event_time - record->created < options->delay_after[0]))
            return false;
    }
    return true;
}

/* Why there is no notice; NONE if there is one. */
static DsnReason
find_reason(const DsnTally *tally)
{
    guint64 undone = 0;
    DsnReason first = DSN_REASON_NONE;

    for (DsnReason i = DSN_REASON_NONE + 1; i < DSN_N_REASONS; i++) {
        undone += tally->reasons[i];
        if (first == DSN_REASON_NONE && tally->reasons[i] > 0)
            first = i;
    }
    if (tally->accepted > undone)
        return DSN_REASON_NONE;
    return first == DSN_REASON_NONE ? DSN_REASON_DUPLICATE : first;
}

/* True if a notice of ours is left out although Postfix's was due: only what the administrator has
 * limited or excluded, and what was done before, ends without one. */
static bool
leaves_untold(const DsnTally *tally)
{
    static const bool ends[DSN_N_REASONS] = {
        [DSN_REASON_NULL_SENDER] = true,  [DSN_REASON_OWN_TRAFFIC] = true,
        [DSN_REASON_NOTIFICATION] = true, [DSN_REASON_DUPLICATE] = true,
        [DSN_REASON_RATE_LIMITED] = true, [DSN_REASON_NOTIFY_NEVER] = true,
        [DSN_REASON_AUTOMATIC] = true,    [DSN_REASON_SENDER_IGNORED] = true,
    };

    for (DsnReason i = DSN_REASON_NONE + 1; i < DSN_N_REASONS; i++) {
        if (tally->reasons[i] > 0 && !ends[i])
            return true;
    }
    return false;
}

static DsnNoticeFate
replace(Work *work, GError **error)
{
    g_auto(DsnTally) tally;

    dsn_tally_init(&tally);
    if (!take_records(work, true, &tally, error))
        return DSN_FATE_FAILED;
    if (tally.rejected->len > 0) {
        g_set_error_literal(error, DSN_BUILD_ERROR, DSN_BUILD_ERROR_REPORT,
                            g_array_index(tally.rejected, DsnRejection, 0).reason);
        return pass(work, DSN_REASON_NOT_REPLACED);
    }
    if (leaves_untold(&tally))
        return rewrite(work, error);
    work->taken->reason = find_reason(&tally);
    return DSN_FATE_REPLACED;
}

/* So that it can be told why nothing was sent. */
static bool
keep_history(const Work *work, GError **error)
{
    const DsnNoticeSession *session = work->session;
    g_autoptr(DsnDeposit) deposit = dsn_deposit_new(true);
    GArray *history = dsn_histories_new();
    const DsnItem item = {.kind = DSN_ITEM_HISTORY, .history = history};

    dsn_history_add_notice(history, session, work->taken);
    dsn_history_add_original(history, work->records->pdata[0], work->notice.original);
    g_array_append_val(deposit->items, item);
    dsn_spool_submit(work->pipeline->spool, deposit);
    dsn_pipeline_wait(work->pipeline, deposit, session->progress, session->user);
    if (deposit->error == NULL)
        return true;
    g_propagate_error(error, g_steal_pointer(&deposit->error));
    return false;
}

static DsnNoticeFate
suppress(Work *work, GError **error)
{
    work->taken->reason = DSN_REASON_SUPPRESSED;
    if (!keep_records(work, error))
        return DSN_FATE_FAILED;
    if (dsn_spool_history_keep(work->pipeline->spool) > 0 && !keep_history(work, error))
        return DSN_FATE_FAILED;
    dsn_metrics_reason(work->pipeline->metrics, DSN_REASON_SUPPRESSED, 1);
    return DSN_FATE_SUPPRESSED;
}

static DsnNoticeFate
decide(Work *work, GError **error)
{
    const DsnNoticePolicy *options;
    unsigned trust;

    work->tenant = dsn_policy_tenant(work->policy, work->records->pdata[0], &trust);
    options = work->tenant->policy;
    work->taken->tenant = work->tenant->name;
    if (!dsn_policy_is_ours(work->policy, work->tenant, NULL, dsn_span(work->session->recipient)))
        return pass(work, DSN_REASON_SENDER_NOT_OURS);
    if (!options->dry_run && options->postfix_notices == DSN_POSTFIX_SUPPRESS)
        return suppress(work, error);
    if (!options->dry_run && options->postfix_notices == DSN_POSTFIX_REPLACE &&
        is_replaceable(work))
        return replace(work, error);
    if (!keep_records(work, error))
        return DSN_FATE_FAILED;
    if (options->dry_run)
        return pass(work, DSN_REASON_DRY_RUN);
    return options->postfix_notices == DSN_POSTFIX_PASS ? pass(work, DSN_REASON_NONE)
                                                        : rewrite(work, error);
}

static void
clear_work(Work *work)
{
    if (work->records != NULL)
        g_ptr_array_unref(work->records);
    if (work->trees != NULL)
        g_ptr_array_unref(work->trees);
    dsn_report_free(work->report);
}

DsnNoticeFate
dsn_pipeline_take_notice(DsnPipeline *pipeline, const DsnPolicy *policy, DsnSpan message,
                         const DsnNoticeSession *session, DsnNoticeTaken *ret_taken, GError **error)
{
    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&policy->configuration->limits);
    DsnNoticeFate fate = DSN_FATE_FOREIGN;
    Work work = {
        .pipeline = pipeline,
        .policy = policy,
        .session = session,
        .message = message,
        .report = dsn_report_new(),
        .now = g_get_real_time() / G_USEC_PER_SEC,
        .taken = ret_taken,
    };

    *ret_taken = (DsnNoticeTaken){.reason = DSN_REASON_NONE};
    dsn_report_parse(parser, message, work.report);
    if (dsn_postfix_notice_read(message, work.report, &work.notice) && is_at_home(&work)) {
        describe(&work);
        fate = work.notice.n_recipients > work.report->per_recipient->len
                   ? pass(&work, DSN_REASON_TOO_LARGE) /* the others would not be told about */
               : make_records(&work, error) ? decide(&work, error)
                                            : pass(&work, DSN_REASON_NO_RECORD);
    }
    clear_work(&work);
    return fate;
}
