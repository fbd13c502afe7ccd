/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/feedback-report.h"

static void
set_incidents(DsnFieldReader *reader, const DsnField *field, void *ret_value)
{
    DsnSpan token = dsn_field_strip_comments(field->value);
    int64_t number = 0;

    for (size_t i = 0; i < token.len && number <= G_MAXUINT32; i++)
        number = g_ascii_isdigit(token.data[i]) ? number * 10 + (token.data[i] - '0') : G_MAXINT64;
    if (token.len == 0 || number > G_MAXUINT32)
        dsn_field_add_defect(reader, DSN_DEFECT_BAD_VALUE, field, "no unsigned 32-bit number");
    else
        *(int64_t *)ret_value = number;
}

static bool
is_ip_address(DsnSpan text)
{
    char buffer[64];

    if (text.len >= sizeof(buffer) || memchr(text.data, '\0', text.len) != NULL)
        return false;
    memcpy(buffer, text.data, text.len);
    buffer[text.len] = '\0';
    return g_hostname_is_ip_address(buffer);
}

/* Brackets and "IPv6:" are how the address stands in mail headers; a name in a comment may follow
 * (rule ARF-13). */
static void
set_source_ip(DsnFieldReader *reader, const DsnField *field, void *ret_value)
{
    DsnSpan address = dsn_field_strip_comments(field->value);

    if (address.len >= 2 && address.data[0] == '[' && address.data[address.len - 1] == ']')
        address = dsn_span_trim((DsnSpan){address.data + 1, address.len - 2});
    if (dsn_span_starts(address, "IPv6:"))
        address = dsn_span_trim(dsn_span_from(address, strlen("IPv6:")));
    if (address.len == 0 || !is_ip_address(address)) {
        dsn_field_add_defect(reader, DSN_DEFECT_BAD_VALUE, field, "not an IP address");
        address = field->value;
    }
    *(DsnSpan *)ret_value = address;
}

/* The field itself: which of two dates counts is decided when all fields are known. */
static void
set_field(DsnFieldReader *reader, const DsnField *field, void *ret_value)
{
    (void)reader; /* nothing to note */
    *(const DsnField **)ret_value = field;
}

/* The values, and what is no value of its own. */
typedef struct FeedbackValues {
    DsnFeedback feedback;
    const DsnField *received_date;
} FeedbackValues;

#define FIELD(name, set, member, required)                                             \
    {                                                                                  \
        DSN_SPAN_LITERAL(name), set, offsetof(FeedbackValues, member), required, false \
    }
#define REPEATED_FIELD(name, set, member)                                          \
    {                                                                              \
        DSN_SPAN_LITERAL(name), set, offsetof(FeedbackValues, member), false, true \
    }

static const DsnFieldRule rules[] = {
    FIELD("Feedback-Type", dsn_field_set_token, feedback.feedback_type, true),
    FIELD("User-Agent", dsn_field_set_text, feedback.user_agent, true),
    FIELD("Version", dsn_field_set_token, feedback.version, true),
    FIELD("Source-IP", set_source_ip, feedback.source_ip, false),
    FIELD("Arrival-Date", dsn_field_set_date, feedback.arrival_date, false),
    FIELD("Received-Date", set_field, received_date, false),
    FIELD("Original-Mail-From", dsn_field_set_address, feedback.original_mail_from, false),
    REPEATED_FIELD("Original-Rcpt-To", dsn_field_add_address, feedback.original_rcpt_to),
    REPEATED_FIELD("Reported-Domain", dsn_field_add_text, feedback.reported_domain),
    REPEATED_FIELD("Authentication-Results", dsn_field_add_text, feedback.authentication_results),
    REPEATED_FIELD("Reported-URI", dsn_field_add_text, feedback.reported_uri),
    FIELD("Incidents", set_incidents, feedback.incidents, false),
    FIELD("Original-Envelope-Id", dsn_field_set_envelope_id, feedback.original_envelope_id, false),
    FIELD("Reporting-MTA", dsn_field_set_typed, feedback.reporting_mta, false),
};

static const DsnFieldTable table = {rules, G_N_ELEMENTS(rules)};

/* Received-Date is an older name of Arrival-Date (rule ARF-11). It counts where the other one says
 * nothing; else it is carried through as any other field. */
static void
use_received_date(DsnFieldReader *reader, FeedbackValues *values)
{
    const DsnField *field = values->received_date;

    if (field == NULL)
        return;
    if (values->feedback.arrival_date == DSN_TIME_NONE) {
        dsn_field_set_date(reader, field, &values->feedback.arrival_date);
        return;
    }
    dsn_field_add_defect(reader, DSN_DEFECT_DUPLICATE_FIELD, field,
                         "stands beside Arrival-Date, which counts");
    g_array_append_val(values->feedback.extensions, *field);
}

void
dsn_feedback_report_read(DsnFieldReader *reader)
{
    DsnReport *report = reader->report;
    FeedbackValues values = {.feedback = report->feedback};
    uint32_t seen = 0;

    for (guint i = 0; i < report->fields->len; i++) {
        const DsnField *field = &g_array_index(report->fields, DsnField, i);
        uint32_t bit = dsn_field_find(table, field->name);

        if (bit != 0)
            dsn_field_store(reader, table, bit, field, &values, &seen);
        else
            g_array_append_val(values.feedback.extensions, *field);
    }
    use_received_date(reader, &values);
    dsn_field_check_required(reader, table, seen);
    report->feedback = values.feedback;
}

bool
dsn_feedback_report_is_in(DsnSpan text)
{
    return dsn_field_is_any_known(text, table);
}
