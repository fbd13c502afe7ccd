/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/pipeline-private.h"

#include "filter/core/element-split.h"
#include "mime/header.h"

DsnCase
dsn_case(DsnPipeline *pipeline, const DsnPolicy *policy, const DsnPoster *poster)
{
    return (DsnCase){
        .pipeline = pipeline,
        .policy = policy,
        .poster = poster,
        .now = g_get_real_time() / G_USEC_PER_SEC,
    };
}

DsnSpan
dsn_element_original(const DsnElement *element)
{
    return element->has_original ? (DsnSpan){element->original->str, element->original->len}
                                 : DSN_SPAN_ABSENT;
}

DsnVerdict
dsn_case_decide(const DsnCase *the_case, DsnElement *element, GString *ret_sender)
{
    const DsnPoster *poster = the_case->poster;
    size_t start = ret_sender->len;
    unsigned trust = 0;
    DsnVerdict verdict = {.tenant = dsn_policy_tenant(the_case->policy, element->record, &trust)};

    verdict.capture = dsn_case_recall(the_case, verdict.tenant, element);
    if (verdict.capture != NULL) /* it may know the client */
        verdict.tenant = dsn_policy_tenant(the_case->policy, element->record, &trust);
    trust |= the_case->trust;
    if (dsn_poster_is_bound(poster))
        trust |= DSN_TRUST_TOKEN; /* to this sender, as is checked below */
    dsn_notice_decide(&verdict.tenant->notice, element->record, dsn_element_original(element),
                      trust, ret_sender, &verdict.decision);
    DsnSpan sender = {ret_sender->str + start, ret_sender->len - start};
    verdict.reason = verdict.decision.reason;
    if (verdict.reason != DSN_REASON_NONE)
        return verdict;
    if (!dsn_policy_is_ours(the_case->policy, verdict.tenant, poster, sender))
        verdict.reason = DSN_REASON_SENDER_NOT_OURS;
    else if (!dsn_poster_may(poster, verdict.tenant, sender))
        verdict.reason = DSN_REASON_SENDER_NOT_BOUND;
    return verdict;
}

static DsnRates
rates_of(const DsnCase *the_case, const DsnTenant *tenant)
{
    DsnRates rates = tenant->rates;

    rates.poster = the_case->poster->hourly_rate;
    return rates;
}

const char *
dsn_case_admit(const DsnCase *the_case, const DsnTenant *tenant, const char *sender)
{
    const DsnRates rates = rates_of(the_case, tenant);

    return dsn_governor_admit(the_case->pipeline->governor, &rates, dsn_span(sender),
                              the_case->poster->name, g_get_monotonic_time());
}

void
dsn_case_return(const DsnCase *the_case, const DsnTenant *tenant, const char *sender)
{
    const DsnRates rates = rates_of(the_case, tenant);

    dsn_governor_return(the_case->pipeline->governor, &rates, dsn_span(sender),
                        the_case->poster->name);
}

void
dsn_case_log_begin(const DsnCase *the_case, const DsnRecord *record, const DsnVerdict *verdict,
                   DsnLogLine *ret_line)
{
    dsn_log_begin(ret_line, record->id);
    dsn_log_text(ret_line, "type", record->type_name);
    dsn_log_text(ret_line, "sender", record->sender);
    if (record->n_recipients > 0)
        dsn_log_text(ret_line, "recipient", record->recipients[0]);
    if (record->n_recipients > 1)
        dsn_log_number(ret_line, "recipients", (int64_t)record->n_recipients);
    dsn_log_text(ret_line, "client", the_case->poster->name);
    if (verdict->tenant != NULL)
        dsn_log_text(ret_line, "tenant", verdict->tenant->name);
    dsn_log_text(ret_line, "capture", verdict->capture);
    if (verdict->decision.broken_wishes > 0)
        dsn_log_number(ret_line, "broken_wishes", verdict->decision.broken_wishes);
}

void
dsn_case_log_notice(DsnLogLine *line, DsnSpan bytes, const DsnNotice *notice)
{
    dsn_log_span(line, "message_id", dsn_span_trim(dsn_header_find(bytes, "Message-ID")));
    if (notice->minimal)
        dsn_log_text(line, "minimal", notice->broken == NULL ? "form" : notice->broken);
    dsn_log_text(line, "template_fault", notice->template_fault);
}

DsnLogLevel
dsn_notice_level(const DsnNotice *notice)
{
    return notice->minimal || notice->template_fault != NULL ? DSN_LOG_WARNING : DSN_LOG_INFO;
}

void
dsn_notice_count(const DsnNotice *notice, DsnMetrics *metrics)
{
    if (notice->minimal)
        dsn_metrics_add(metrics, DSN_COUNT_NOTICES_MINIMAL, 1);
    if (notice->template_fault != NULL)
        dsn_metrics_add(metrics, DSN_COUNT_NOTICES_TEMPLATE_FAULT, 1);
}

/* ---- a notice for a caller who sends it ---- */

/* An array of one is a batch like any other. */
static bool
parse_one(DsnSpan body, size_t max, DsnElement *ret_element, GError **error)
{
    DsnElements elements = DSN_ELEMENTS(body);
    DsnSpan only, other;

    if (!dsn_elements_next(&elements, &only)) {
        g_set_error_literal(error, DSN_RECORD_ERROR, DSN_RECORD_ERROR_JSON,
                            "expected a record, got nothing");
        return false;
    }
    if (dsn_elements_next(&elements, &other)) {
        g_set_error_literal(error, DSN_RECORD_ERROR, DSN_RECORD_ERROR_JSON,
                            "expected one record, got several");
        return false;
    }
    return dsn_element_parse(only, max, ret_element, error);
}

static void
log_answer(const DsnCase *the_case, const DsnElement *element, const DsnVerdict *verdict,
           DsnSpan bytes, const DsnNotice *notice)
{
    DsnLogLevel level = dsn_notice_level(notice);
    DsnLogLine line;

    if (!dsn_log_wanted(level))
        return;
    dsn_case_log_begin(the_case, element->record, verdict, &line);
    if (verdict->reason == DSN_REASON_NONE) {
        dsn_case_log_notice(&line, bytes, notice);
        dsn_log_text(&line, "result", "answered");
    } else {
        dsn_log_text(&line, "reason", dsn_reason_to_string(verdict->reason));
        dsn_log_text(&line, "rate", verdict->rate);
    }
    dsn_log_end(&line, level);
}

/* Counts and logs a notice that was made, or the reason why none is due. */
static DsnNoticeResult
answer(const DsnCase *the_case, const DsnElement *element, const DsnVerdict *verdict, DsnSpan bytes,
       const DsnNotice *notice)
{
    DsnMetrics *metrics = the_case->pipeline->metrics;

    log_answer(the_case, element, verdict, bytes, notice);
    if (verdict->reason != DSN_REASON_NONE) {
        dsn_metrics_reason(metrics, verdict->reason, 1);
        return DSN_NOTICE_NOT_DUE;
    }
    dsn_metrics_add(metrics, DSN_COUNT_NOTICES_MADE, 1);
    dsn_notice_count(notice, metrics);
    return DSN_NOTICE_MADE;
}

static bool
build(const DsnCase *the_case, const DsnElement *element, const DsnVerdict *verdict,
      GString *ret_bytes, DsnNotice *ret_notice, GError **error)
{
    DsnNoticeOptions options = verdict->tenant->notice;
    const DsnNoticeRequest request = {
        .options = &options,
        .records = (DsnRecord *const *)&element->record,
        .n_records = 1,
        .original = dsn_element_original(element),
        .action = verdict->decision.action,
        .late = verdict->decision.late,
        .threshold = verdict->decision.threshold,
        .now = the_case->now,
    };

    if (element->only_header && element->original->len > 0) /* it never passes for all of it */
        options.return_limit = element->original->len - 1;
    return dsn_notice_build(&request, ret_bytes, ret_notice, error);
}

DsnNoticeResult
dsn_pipeline_make_notice(DsnPipeline *pipeline, const DsnPolicy *policy, const DsnPoster *poster,
                         DsnSpan element, GString *ret_bytes, DsnReason *ret_reason, GError **error)
{
    const DsnCase the_case = dsn_case(pipeline, policy, poster);
    g_autoptr(GString) sender = g_string_new(NULL);
    g_auto(DsnElement) parsed = {.record = NULL};
    g_auto(DsnNotice) notice = {.minimal = false};
    size_t start = ret_bytes->len;

    *ret_reason = DSN_REASON_NONE;
    if (!parse_one(element, policy->configuration->intake.record, &parsed, error))
        return DSN_NOTICE_FAILED;
    dsn_classification_apply(policy->classification, parsed.record, pipeline->metrics);
    DsnVerdict verdict = dsn_case_decide(&the_case, &parsed, sender);
    if (verdict.reason == DSN_REASON_NONE && verdict.tenant->policy->dry_run)
        verdict.reason = DSN_REASON_DRY_RUN;
    if (verdict.reason == DSN_REASON_NONE)
        verdict.rate = dsn_case_admit(&the_case, verdict.tenant, sender->str);
    if (verdict.rate != NULL)
        verdict.reason = DSN_REASON_RATE_LIMITED;
    *ret_reason = verdict.reason;
    if (verdict.reason == DSN_REASON_NONE &&
        !build(&the_case, &parsed, &verdict, ret_bytes, &notice, error)) {
        dsn_case_return(&the_case, verdict.tenant, sender->str);
        return DSN_NOTICE_FAILED;
    }
    return answer(&the_case, &parsed, &verdict,
                  (DsnSpan){ret_bytes->str + start, ret_bytes->len - start}, &notice);
}
