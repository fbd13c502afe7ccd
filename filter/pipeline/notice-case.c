/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/pipeline-private.h"

#include "filter/core/element-split.h"
#include "mime/header.h"

DsnCase
dsn_case(DsnPipeline *pipeline, const DsnPolicy *policy, const DsnPoster *poster)
{
    DsnCase the_case = {
        .pipeline = pipeline,
        .policy = policy,
        .poster = poster,
        .rates = policy->rates,
        .now = g_get_real_time() / G_USEC_PER_SEC,
    };

    the_case.rates.poster = poster->hourly_rate;
    return the_case;
}

static DsnSpan
original_of(const DsnElement *element)
{
    return element->has_original ? (DsnSpan){element->original->str, element->original->len}
                                 : DSN_SPAN_ABSENT;
}

DsnReason
dsn_case_reason(const DsnCase *the_case, const DsnElement *element, GString *ret_sender)
{
    size_t start = ret_sender->len;
    DsnReason reason = dsn_notice_reason(&the_case->policy->notice, element->record,
                                         original_of(element), ret_sender);
    DsnSpan sender = {ret_sender->str + start, ret_sender->len - start};

    if (reason != DSN_REASON_NONE)
        return reason;
    if (!dsn_patterns_match(the_case->policy->senders, sender))
        return DSN_REASON_SENDER_NOT_OURS;
    if (the_case->poster->senders != NULL && !dsn_patterns_match(the_case->poster->senders, sender))
        return DSN_REASON_SENDER_NOT_BOUND;
    return DSN_REASON_NONE;
}

bool
dsn_case_admit(const DsnCase *the_case, const char *sender)
{
    return dsn_governor_admit(the_case->pipeline->governor, &the_case->rates, dsn_span(sender),
                              the_case->poster->name, g_get_monotonic_time());
}

void
dsn_case_return(const DsnCase *the_case, const char *sender)
{
    dsn_governor_return(the_case->pipeline->governor, &the_case->rates, dsn_span(sender),
                        the_case->poster->name);
}

DsnNoticeResult
dsn_case_make(const DsnCase *the_case, const DsnElement *element, GString *ret_bytes,
              DsnNotice *ret_notice, GError **error)
{
    return dsn_notice_make(&the_case->policy->notice, element->record, original_of(element),
                           the_case->now, ret_bytes, ret_notice, error);
}

void
dsn_case_log_begin(const DsnCase *the_case, const DsnRecord *record, DsnLogLine *ret_line)
{
    dsn_log_begin(ret_line, record->id);
    dsn_log_text(ret_line, "type", record->type_name);
    dsn_log_text(ret_line, "sender", record->sender);
    if (record->n_recipients > 0)
        dsn_log_text(ret_line, "recipient", record->recipients[0]);
    if (record->n_recipients > 1)
        dsn_log_number(ret_line, "recipients", (int64_t)record->n_recipients);
    dsn_log_text(ret_line, "client", the_case->poster->name);
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
log_answer(const DsnCase *the_case, const DsnElement *element, DsnSpan bytes,
           const DsnNotice *notice, DsnReason reason)
{
    DsnLogLevel level = dsn_notice_level(notice);
    DsnLogLine line;

    if (!dsn_log_wanted(level))
        return;
    dsn_case_log_begin(the_case, element->record, &line);
    if (reason == DSN_REASON_NONE) {
        dsn_case_log_notice(&line, bytes, notice);
        dsn_log_text(&line, "result", "answered");
    } else {
        dsn_log_text(&line, "reason", dsn_reason_to_string(reason));
    }
    dsn_log_end(&line, level);
}

/* Counts and logs a notice that was made, or the reason why none is due. */
static DsnNoticeResult
answer(const DsnCase *the_case, const DsnElement *element, DsnSpan bytes, const DsnNotice *notice,
       DsnReason reason)
{
    DsnMetrics *metrics = the_case->pipeline->metrics;

    log_answer(the_case, element, bytes, notice, reason);
    if (reason != DSN_REASON_NONE) {
        dsn_metrics_reason(metrics, reason, 1);
        return DSN_NOTICE_NOT_DUE;
    }
    dsn_metrics_add(metrics, DSN_COUNT_NOTICES_MADE, 1);
    dsn_notice_count(notice, metrics);
    return DSN_NOTICE_MADE;
}

DsnNoticeResult
dsn_pipeline_make_notice(DsnPipeline *pipeline, const DsnPolicy *policy, const DsnPoster *poster,
                         DsnSpan element, GString *ret_bytes, DsnReason *ret_reason, GError **error)
{
    const DsnCase the_case = dsn_case(pipeline, policy, poster);
    g_autoptr(GString) sender = g_string_new(NULL);
    g_auto(DsnElement) parsed = {.record = NULL};
    g_auto(DsnNotice) notice = {.reason = DSN_REASON_NONE};
    size_t start = ret_bytes->len;

    *ret_reason = DSN_REASON_NONE;
    if (!parse_one(element, policy->configuration->intake.record, &parsed, error))
        return DSN_NOTICE_FAILED;
    *ret_reason = dsn_case_reason(&the_case, &parsed, sender);
    if (*ret_reason == DSN_REASON_NONE && !dsn_case_admit(&the_case, sender->str))
        *ret_reason = DSN_REASON_RATE_LIMITED;
    if (*ret_reason == DSN_REASON_NONE &&
        dsn_case_make(&the_case, &parsed, ret_bytes, &notice, error) != DSN_NOTICE_MADE) {
        dsn_case_return(&the_case, sender->str);
        return DSN_NOTICE_FAILED;
    }
    return answer(&the_case, &parsed, (DsnSpan){ret_bytes->str + start, ret_bytes->len - start},
                  &notice, *ret_reason);
}
