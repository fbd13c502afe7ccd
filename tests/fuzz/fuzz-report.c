/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a message, with the default limits and with small ones. What comes out keeps the
 * limits, its spans can be read, and reading the same again gives the same.
 */
#include "config.h"

#include "mime/report-parse.h"
#include "mime/trace.h"

#include <gmime/gmime.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Small enough to be met by an input of a few hundred bytes. */
static const DsnLimits small_limits = {
    .message = 2000,
    .depth = 2,
    .parts = 4,
    .header = 300,
    .parameter = 2,
    .groups = 2,
    .fields = 7,
    .field = 60,
    .occurrences = 1,
    .defects = 3,
    .decoded = 200,
    .address = 20,
    .encoded = 30,
};

/* Everything that was read, as one text: so each span is read, and two reports can be compared. */
typedef struct Image {
    GString *text;
    const DsnLimits *limits;
} Image;

static void
add_span(Image *image, DsnSpan span)
{
    g_assert(span.data != NULL || span.len == 0);
    g_string_append_printf(image->text, "%d:%zu:", span.data != NULL, span.len);
    g_string_append_len(image->text, span.data == NULL ? "" : span.data, (gssize)span.len);
    g_string_append_c(image->text, '\n');
}

static void
add_number(Image *image, int64_t number)
{
    g_string_append_printf(image->text, "%" G_GINT64_FORMAT "\n", number);
}

static void
add_typed(Image *image, DsnTyped typed)
{
    g_assert(dsn_span_present(typed.value) || !dsn_span_present(typed.type));
    add_span(image, typed.type);
    add_span(image, typed.value);
}

static void
add_fields(Image *image, const GArray *fields)
{
    g_assert(fields->len <= image->limits->fields);
    for (guint i = 0; i < fields->len; i++) {
        const DsnField *field = &g_array_index(fields, DsnField, i);

        g_assert(field->name.len > 0);
        g_assert(field->value.len <= image->limits->field);
        add_span(image, field->name);
        add_span(image, field->value);
    }
}

static void
add_spans(Image *image, const GArray *spans)
{
    g_assert(spans->len <= image->limits->occurrences);
    for (guint i = 0; i < spans->len; i++)
        add_span(image, g_array_index(spans, DsnSpan, i));
}

static void
add_groups(Image *image, const DsnReport *report)
{
    guint next = 0;

    g_assert(report->groups->len <= image->limits->groups);
    for (guint i = 0; i < report->groups->len; i++) {
        const DsnFieldGroup *group = &g_array_index(report->groups, DsnFieldGroup, i);

        g_assert(group->first == next);
        next += group->count;
        add_number(image, group->count);
    }
    g_assert(next == report->fields->len);
    add_fields(image, report->fields);
}

static void
add_recipients(Image *image, const DsnReport *report)
{
    g_assert(report->per_recipient->len <= image->limits->groups);
    for (guint i = 0; i < report->per_recipient->len; i++) {
        const DsnPerRecipient *recipient =
            &g_array_index(report->per_recipient, DsnPerRecipient, i);

        add_typed(image, recipient->original_recipient);
        add_typed(image, recipient->final_recipient);
        add_number(image, recipient->action);
        add_span(image, recipient->action_text);
        add_number(image, recipient->status.class_);
        add_span(image, recipient->status_comment);
        add_typed(image, recipient->remote_mta);
        add_typed(image, recipient->diagnostic_code);
        add_number(image, recipient->last_attempt_date);
        add_span(image, recipient->final_log_id);
        add_number(image, recipient->will_retry_until);
        add_fields(image, recipient->extensions);
    }
}

static void
add_feedback(Image *image, const DsnFeedback *feedback)
{
    g_assert(feedback->incidents >= -1 && feedback->incidents <= G_MAXUINT32);
    add_span(image, feedback->feedback_type);
    add_span(image, feedback->user_agent);
    add_span(image, feedback->version);
    add_number(image, feedback->arrival_date);
    add_number(image, feedback->incidents);
    add_span(image, feedback->original_envelope_id);
    add_span(image, feedback->original_mail_from);
    add_typed(image, feedback->reporting_mta);
    add_span(image, feedback->source_ip);
    add_spans(image, feedback->authentication_results);
    add_spans(image, feedback->original_rcpt_to);
    add_spans(image, feedback->reported_domain);
    add_spans(image, feedback->reported_uri);
    add_fields(image, feedback->extensions);
}

static void
add_returned(Image *image, const DsnReturned *returned)
{
    g_autoptr(GString) json = g_string_new("kept");

    g_assert((returned->kind == DSN_RETURNED_NOTHING) == !dsn_span_present(returned->bytes));
    g_assert(returned->header.len == 0 || (returned->header.data >= returned->bytes.data &&
                                           returned->header.data + returned->header.len <=
                                               returned->bytes.data + returned->bytes.len));
    add_number(image, returned->kind);
    add_span(image, returned->bytes);
    add_span(image, returned->header);
    add_span(image, returned->message_id);
    add_span(image, returned->return_path);
    add_span(image, returned->subject);
    g_assert(g_utf8_validate_len(returned->subject.len == 0 ? "" : returned->subject.data,
                                 returned->subject.len, NULL) ||
             memchr(returned->subject.data, '\0', returned->subject.len) != NULL);
    add_span(image, returned->list_id);
    add_span(image, returned->feedback_id);
    add_span(image, returned->cfbl_feedback_id);
    g_assert(returned->traces->len <= image->limits->occurrences);
    for (guint i = 0; i < returned->traces->len; i++) {
        const DsnField *trace = &g_array_index(returned->traces, DsnField, i);
        size_t before = json->len;

        add_span(image, trace->name);
        add_span(image, trace->value);
        if (dsn_trace_decode(trace->value, json))
            g_assert(json->str[before] == '{' && json->str[json->len - 1] == '}');
        else
            g_assert(json->len == before);
    }
}

static GString *
describe(const DsnReport *report, const DsnLimits *limits)
{
    Image image = {g_string_new(NULL), limits};

    add_number(&image, report->kind);
    add_number(&image, report->global);
    add_span(&image, report->envelope.return_path);
    add_span(&image, report->envelope.message_id);
    add_number(&image, report->envelope.date);
    add_number(&image, report->envelope.auto_submitted);
    add_groups(&image, report);
    add_span(&image, report->per_message.original_envelope_id);
    add_typed(&image, report->per_message.reporting_mta);
    add_typed(&image, report->per_message.dsn_gateway);
    add_typed(&image, report->per_message.received_from_mta);
    add_number(&image, report->per_message.arrival_date);
    add_fields(&image, report->per_message.extensions);
    add_recipients(&image, report);
    add_feedback(&image, &report->feedback);
    add_returned(&image, &report->returned);
    g_assert(report->defects->len <= limits->defects);
    g_assert(report->defects_unseen == 0 || report->defects->len == limits->defects);
    for (guint i = 0; i < report->defects->len; i++) {
        const DsnDefect *defect = &g_array_index(report->defects, DsnDefect, i);

        g_string_append_printf(image.text, "%s %s\n", dsn_defect_kind_to_string(defect->kind),
                               defect->detail == NULL ? "" : defect->detail);
        add_span(&image, defect->field);
        add_span(&image, defect->value);
    }
    return image.text;
}

static void
check(DsnSpan message, const DsnLimits *limits)
{
    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(limits);
    g_autoptr(DsnReport) report = dsn_report_new();

    dsn_report_parse(parser, message, report);
    g_autoptr(GString) first = describe(report, limits);
    g_assert(report->kind != DSN_REPORT_NONE || report->fields->len == 0);

    dsn_report_parse(parser, message, report);
    g_autoptr(GString) second = describe(report, limits);
    g_assert(g_string_equal(first, second));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static gsize initialised = 0;

    if (g_once_init_enter(&initialised)) {
        g_mime_init();
        g_once_init_leave(&initialised, 1);
    }

    DsnSpan message = {(const char *)data, size};
    check(message, &DSN_LIMITS_DEFAULT);
    check(message, &small_limits);
    return 0;
}
