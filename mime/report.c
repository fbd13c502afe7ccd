/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/report.h"

#define STRINGS_BLOCK 4096

const char *
dsn_report_kind_to_string(DsnReportKind kind)
{
    static const char *const names[] = {
        [DSN_REPORT_NONE] = "none",
        [DSN_REPORT_FEEDBACK] = "feedback-report",
        [DSN_REPORT_DELIVERY_STATUS] = "delivery-status",
        [DSN_REPORT_DISPOSITION_NOTIFICATION] = "disposition-notification",
        [DSN_REPORT_HEURISTIC_BOUNCE] = "heuristic-bounce",
    };

    g_assert((size_t)kind < G_N_ELEMENTS(names));
    return names[kind];
}

const char *
dsn_other_mail_to_string(DsnOtherMail other)
{
    static const char *const names[] = {
        [DSN_OTHER_NOTHING] = NULL,
        [DSN_OTHER_AUTO_REPLY] = "auto-reply",
        [DSN_OTHER_TLS_REPORT] = "tls-report",
        [DSN_OTHER_DMARC_REPORT] = "dmarc-report",
    };

    g_assert((size_t)other < G_N_ELEMENTS(names));
    return names[other];
}

const char *
dsn_action_to_string(DsnAction action)
{
    static const char *const names[] = {
        [DSN_ACTION_NONE] = NULL,         [DSN_ACTION_FAILED] = "failed",
        [DSN_ACTION_DELAYED] = "delayed", [DSN_ACTION_DELIVERED] = "delivered",
        [DSN_ACTION_RELAYED] = "relayed", [DSN_ACTION_EXPANDED] = "expanded",
    };

    g_assert((size_t)action < G_N_ELEMENTS(names));
    return names[action];
}

static GArray *
fields_new(void)
{
    return g_array_new(FALSE, FALSE, sizeof(DsnField));
}

static GArray *
spans_new(void)
{
    return g_array_new(FALSE, FALSE, sizeof(DsnSpan));
}

static void
recipient_clear(void *recipient)
{
    g_array_unref(((DsnPerRecipient *)recipient)->extensions);
}

/* Every value absent; the arrays are the ones that @report has, emptied. */
static void
reset(DsnReport *report)
{
    DsnFeedback *feedback = &report->feedback;

    report->kind = DSN_REPORT_NONE;
    report->other = DSN_OTHER_NOTHING;
    report->global = false;
    report->envelope = (DsnEnvelopeHeader){.date = DSN_TIME_NONE};
    report->per_message = (DsnPerMessage){
        .arrival_date = DSN_TIME_NONE,
        .extensions = g_array_set_size(report->per_message.extensions, 0),
    };
    *feedback = (DsnFeedback){
        .arrival_date = DSN_TIME_NONE,
        .incidents = -1,
        .authentication_results = g_array_set_size(feedback->authentication_results, 0),
        .original_rcpt_to = g_array_set_size(feedback->original_rcpt_to, 0),
        .reported_domain = g_array_set_size(feedback->reported_domain, 0),
        .reported_uri = g_array_set_size(feedback->reported_uri, 0),
        .extensions = g_array_set_size(feedback->extensions, 0),
    };
    report->returned = (DsnReturned){
        .kind = DSN_RETURNED_NOTHING,
        .traces = g_array_set_size(report->returned.traces, 0),
    };
    report->defects_unseen = 0;
}

DsnReport *
dsn_report_new(void)
{
    DsnReport *report = g_new0(DsnReport, 1);

    report->fields = fields_new();
    report->groups = g_array_new(FALSE, FALSE, sizeof(DsnFieldGroup));
    report->per_message.extensions = fields_new();
    report->per_recipient = g_array_new(FALSE, FALSE, sizeof(DsnPerRecipient));
    g_array_set_clear_func(report->per_recipient, recipient_clear);
    report->feedback.authentication_results = spans_new();
    report->feedback.original_rcpt_to = spans_new();
    report->feedback.reported_domain = spans_new();
    report->feedback.reported_uri = spans_new();
    report->feedback.extensions = fields_new();
    report->returned.traces = fields_new();
    report->defects = g_array_new(FALSE, FALSE, sizeof(DsnDefect));
    report->strings = g_string_chunk_new(STRINGS_BLOCK);
    reset(report);
    return report;
}

void
dsn_report_free(DsnReport *report)
{
    if (report == NULL)
        return;
    g_array_unref(report->fields);
    g_array_unref(report->groups);
    g_array_unref(report->per_message.extensions);
    g_array_unref(report->per_recipient);
    g_array_unref(report->feedback.authentication_results);
    g_array_unref(report->feedback.original_rcpt_to);
    g_array_unref(report->feedback.reported_domain);
    g_array_unref(report->feedback.reported_uri);
    g_array_unref(report->feedback.extensions);
    g_array_unref(report->returned.traces);
    g_array_unref(report->defects);
    g_string_chunk_free(report->strings);
    g_free(report);
}

void
dsn_report_clear(DsnReport *report)
{
    g_array_set_size(report->fields, 0);
    g_array_set_size(report->groups, 0);
    g_array_set_size(report->per_recipient, 0);
    g_array_set_size(report->defects, 0);
    g_string_chunk_clear(report->strings);
    reset(report);
}

DsnPerRecipient *
dsn_report_add_recipient(DsnReport *report)
{
    DsnPerRecipient recipient = {
        .last_attempt_date = DSN_TIME_NONE,
        .will_retry_until = DSN_TIME_NONE,
        .extensions = fields_new(),
    };

    g_array_append_val(report->per_recipient, recipient);
    return &g_array_index(report->per_recipient, DsnPerRecipient, report->per_recipient->len - 1);
}

DsnSpan
dsn_report_keep(DsnReport *report, DsnSpan text)
{
    if (!dsn_span_present(text))
        return DSN_SPAN_ABSENT;
    return (DsnSpan){g_string_chunk_insert_len(report->strings, text.data, (gssize)text.len),
                     text.len};
}

void
dsn_report_add_defect(DsnReport *report, const DsnLimits *limits, DsnDefectKind kind, DsnSpan field,
                      DsnSpan value, const char *detail)
{
    DsnDefect defect = {.kind = kind, .field = field, .value = value, .detail = detail};

    if (report->defects->len < limits->defects)
        g_array_append_val(report->defects, defect);
    else
        report->defects_unseen++;
}
