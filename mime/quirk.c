/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/quirk.h"

#include "mime/field.h"
#include "mime/header.h"

/* What the profiles look at. */
typedef struct Subject {
    const DsnReport *report;
    const DsnPart *message; /* as a whole */
    const DsnPart *machine;
    const DsnPart *frame; /* the multipart around it, or the message */
} Subject;

/* The value of the field @name as it stands, absent when there is none. */
static DsnSpan
find_field(const DsnReport *report, const char *name)
{
    for (guint i = 0; i < report->fields->len; i++) {
        const DsnField *field = &g_array_index(report->fields, DsnField, i);

        if (dsn_span_is(field->name, name))
            return field->value;
    }
    return DSN_SPAN_ABSENT;
}

static DsnSpan
envelope_id(const DsnReport *report)
{
    return report->kind == DSN_REPORT_FEEDBACK ? report->feedback.original_envelope_id
                                               : report->per_message.original_envelope_id;
}

/* QRK-06: since 2026 nothing but what RFC 5965 requires; what is known of the message is in its
 * returned header. */
static bool
is_sparse(const Subject *subject)
{
    const DsnFeedback *feedback = &subject->report->feedback;

    return subject->report->kind == DSN_REPORT_FEEDBACK && subject->report->fields->len == 3 &&
           dsn_span_present(feedback->feedback_type) && dsn_span_present(feedback->user_agent) &&
           dsn_span_present(feedback->version);
}

/* QRK-07. */
static bool
has_no_date(const Subject *subject)
{
    return subject->report->kind == DSN_REPORT_FEEDBACK &&
           subject->report->envelope.date == DSN_TIME_NONE &&
           !dsn_span_present(dsn_header_find(subject->message->header, "Date"));
}

/* "2 Jul 26" somewhere in @text. */
static bool
has_short_year(DsnSpan text)
{
    for (size_t i = 0; i + 3 < text.len; i++) {
        if (text.data[i] != ' ' || !g_ascii_isdigit(text.data[i + 1]) ||
            !g_ascii_isdigit(text.data[i + 2]) || text.data[i + 3] != ' ')
            continue;
        if (i > 0 && g_ascii_isalpha(text.data[i - 1])) /* behind a month, not behind a day */
            return true;
    }
    return false;
}

/* QRK-08. */
static bool
has_short_date(const Subject *subject)
{
    return subject->report->kind == DSN_REPORT_FEEDBACK &&
           (has_short_year(find_field(subject->report, "Arrival-Date")) ||
            has_short_year(find_field(subject->report, "Received-Date")));
}

/* QRK-09: the header of the multipart runs into its first delimiter. */
static bool
has_no_blank_line(const Subject *subject)
{
    const DsnPart *frame = subject->frame;

    return subject->report->kind == DSN_REPORT_FEEDBACK && frame != subject->machine &&
           frame->header.data + frame->header.len == frame->body.data;
}

/* QRK-09. */
static bool
has_untyped_mta(const Subject *subject)
{
    DsnTyped mta = subject->report->feedback.reporting_mta;

    return dsn_span_present(mta.value) && !dsn_span_present(mta.type);
}

/* QRK-10, rule OOB-12: it was decoded. */
static bool
had_encoded_envelope_id(const Subject *subject)
{
    DsnSpan id = envelope_id(subject->report);

    return dsn_span_present(id) &&
           !dsn_span_equal(id, find_field(subject->report, "Original-Envelope-Id"));
}

/* QRK-10: the status says nothing, the code in the reply counts where there is one. */
static bool
has_vague_status(const Subject *subject)
{
    const GArray *recipients = subject->report->per_recipient;

    for (guint i = 0; i < recipients->len; i++) {
        DsnStatusCode status = g_array_index(recipients, DsnPerRecipient, i).status;

        if (status.class_ != 0 && status.subject == 0 && status.detail == 0)
            return dsn_span_present(
                dsn_header_find(subject->message->header, "X-Failed-Recipients"));
    }
    return false;
}

static DsnSpan
without_brackets(DsnSpan text)
{
    if (text.len >= 2 && text.data[0] == '<' && text.data[text.len - 1] == '>')
        return (DsnSpan){text.data + 1, text.len - 2};
    return text;
}

/* QRK-12: what stands there was never an envelope id. */
static bool
has_message_id_as_envelope_id(const Subject *subject)
{
    DsnSpan id = without_brackets(envelope_id(subject->report));

    return id.len > 0 && dsn_span_equal(id, without_brackets(subject->report->returned.message_id));
}

/* QRK-12: a header only, under the name of a message. */
static bool
has_cut_message(const Subject *subject)
{
    const DsnReturned *returned = &subject->report->returned;

    return subject->report->kind == DSN_REPORT_DELIVERY_STATUS &&
           returned->kind == DSN_RETURNED_MESSAGE && returned->header.len > 0 &&
           returned->header.data + returned->header.len ==
               returned->bytes.data + returned->bytes.len;
}

/* QRK-13. */
static bool
has_bare_status_text(const Subject *subject)
{
    const GArray *recipients = subject->report->per_recipient;

    for (guint i = 0; i < recipients->len; i++) {
        DsnSpan comment = g_array_index(recipients, DsnPerRecipient, i).status_comment;

        if (comment.len > 0 && comment.data[0] != '(')
            return true;
    }
    return false;
}

/* QRK-13. */
static bool
has_encoded_status(const Subject *subject)
{
    return subject->report->kind == DSN_REPORT_DELIVERY_STATUS && !subject->report->global &&
           subject->machine->transfer == DSN_TRANSFER_QUOTED_PRINTABLE &&
           dsn_span_present(subject->machine->type.charset);
}

/* QRK-11. */
static bool
is_mixed(const Subject *subject)
{
    return subject->report->kind == DSN_REPORT_DELIVERY_STATUS &&
           dsn_content_type_is(&subject->frame->type, "multipart", "mixed") &&
           dsn_span_starts(dsn_span_trim(dsn_header_find(subject->message->header, "Subject")),
                           "Delivery status notification");
}

static const struct {
    const char *name;
    bool (*holds)(const Subject *subject);
} profiles[] = {
    {"jmrp-sparse", is_sparse},
    {"yahoo-no-date", has_no_date},
    {"ses-date", has_short_date},
    {"opendkim-no-blank", has_no_blank_line},
    {"opendkim-untyped-mta", has_untyped_mta},
    {"exim-xtext-envid", had_encoded_envelope_id},
    {"exim-vague-status", has_vague_status},
    {"haraka-message-id-envid", has_message_id_as_envelope_id},
    {"stalwart-cut-message", has_cut_message},
    {"kumomta-status-text", has_bare_status_text},
    {"kumomta-encoded-status", has_encoded_status},
    {"opensmtpd-mixed", is_mixed},
};

void
dsn_quirk_find(DsnReport *report, const DsnLimits *limits, const DsnStructure *structure,
               const DsnPart *machine)
{
    const DsnPart *parts = &g_array_index(structure->parts, DsnPart, 0);
    const Subject subject = {
        .report = report,
        .message = parts,
        .machine = machine,
        .frame = machine->parent < 0 ? parts : &parts[machine->parent],
    };

    for (size_t i = 0; i < G_N_ELEMENTS(profiles); i++) {
        if (profiles[i].holds(&subject))
            dsn_report_add_defect(report, limits, DSN_DEFECT_QUIRK, DSN_SPAN_ABSENT,
                                  DSN_SPAN_ABSENT, profiles[i].name);
    }
}
