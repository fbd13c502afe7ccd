/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/feedback-report.h"

#include "mime/transfer.h"

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

/* Kinds of Auth-Failure (RFC 6591 section 3.3; "dmarc" came with RFC 7489). */
enum { ADSP = 1 << 0, DKIM = 1 << 1, SPF = 1 << 2, DMARC = 1 << 3, ANY = (1 << 4) - 1 };

static const struct {
    const char *word;
    unsigned kind;
} failures[] = {
    {"adsp", ADSP},      {"bodyhash", DKIM}, {"revoked", DKIM},
    {"signature", DKIM}, {"spf", SPF},       {"dmarc", DMARC},
};

/* The fields of RFC 6591 section 3.2, and of which failures they are required. */
static const struct {
    const char *name;
    unsigned required;
    bool repeats;
    bool base64;
} failure_fields[] = {
    {"Auth-Failure", ANY, false, false},
    {"Delivery-Result", 0, false, false},
    {"DKIM-Domain", DKIM, false, false},
    {"DKIM-Identity", DKIM, false, false},
    {"DKIM-Selector", DKIM, false, false},
    {"DKIM-Canonicalized-Header", 0, false, true},
    {"DKIM-Canonicalized-Body", 0, false, true},
    {"DKIM-ADSP-DNS", ADSP, false, false},
    {"SPF-DNS", SPF, true, false},
};

static const DsnField *
find_extension(const DsnFeedback *feedback, const char *name)
{
    for (guint i = 0; i < feedback->extensions->len; i++) {
        const DsnField *field = &g_array_index(feedback->extensions, DsnField, i);

        if (dsn_span_is(field->name, name))
            return field;
    }
    return NULL;
}

/* The kind that the Auth-Failure of a report names, 0 when it is none that is known. */
static unsigned
find_failure(DsnFieldReader *reader, const DsnField *field)
{
    DsnSpan word = dsn_field_strip_comments(field->value);

    for (size_t i = 0; i < G_N_ELEMENTS(failures); i++) {
        if (dsn_span_is(word, failures[i].word))
            return failures[i].kind;
    }
    dsn_field_add_defect(reader, DSN_DEFECT_BAD_VALUE, field, "no failure of RFC 6591 or DMARC");
    return 0;
}

/* Rule AUTHF-05. */
static void
check_delivery_result(DsnFieldReader *reader, const DsnField *field)
{
    static const char *const words[] = {"delivered", "spam", "policy", "reject", "other"};
    DsnSpan word = dsn_field_strip_comments(field->value);

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (dsn_span_is(word, words[i]))
            return;
    }
    dsn_field_add_defect(reader, DSN_DEFECT_BAD_VALUE, field, "no result of RFC 6591");
}

static void
check_base64(DsnFieldReader *reader, const DsnField *field)
{
    g_autoptr(GString) bytes = g_string_new(NULL);

    if (!dsn_transfer_decode(field->value, DSN_TRANSFER_BASE64, reader->limits, bytes))
        dsn_field_add_defect(reader, DSN_DEFECT_BAD_ENCODING, field, "not base64");
}

/* The field in row @row of failure_fields; any further one of a kind that may stand once. */
static void
check_failure_field(DsnFieldReader *reader, size_t row, unsigned failure)
{
    const GArray *extensions = reader->report->feedback.extensions;
    bool found = false;

    for (guint i = 0; i < extensions->len; i++) {
        const DsnField *field = &g_array_index(extensions, DsnField, i);

        if (!dsn_span_is(field->name, failure_fields[row].name))
            continue;
        if (found && !failure_fields[row].repeats)
            dsn_field_add_defect(reader, DSN_DEFECT_DUPLICATE_FIELD, field, "the first one counts");
        else if (failure_fields[row].base64)
            check_base64(reader, field);
        found = true;
    }
    if (!found && (failure_fields[row].required & failure) != 0)
        dsn_report_add_defect(reader->report, reader->limits, DSN_DEFECT_MISSING_FIELD,
                              dsn_span(failure_fields[row].name), DSN_SPAN_ABSENT, NULL);
}

/* What RFC 6591 section 3 demands of a report of failed authentication. */
static void
check_auth_failure(DsnFieldReader *reader)
{
    const DsnFeedback *feedback = &reader->report->feedback;

    if (!dsn_span_is(feedback->feedback_type, "auth-failure"))
        return;
    const DsnField *failure = find_extension(feedback, "Auth-Failure");
    unsigned kind = failure == NULL ? ANY & ~(ADSP | DKIM | SPF) : find_failure(reader, failure);
    const DsnField *result = find_extension(feedback, "Delivery-Result");
    if (result != NULL)
        check_delivery_result(reader, result);
    for (size_t i = 0; i < G_N_ELEMENTS(failure_fields); i++)
        check_failure_field(reader, i, kind);
    if (feedback->authentication_results->len == 0)
        dsn_report_add_defect(reader->report, reader->limits, DSN_DEFECT_MISSING_FIELD,
                              DSN_SPAN_LITERAL("Authentication-Results"), DSN_SPAN_ABSENT, NULL);
}

/* Rules ARF-08 and ARF-09: 1, and 0.1 of before the RFC. */
static void
check_version(DsnFieldReader *reader)
{
    DsnSpan version = reader->report->feedback.version;

    if (version.len > 0 && !dsn_span_is(version, "1") && !dsn_span_is(version, "0.1"))
        dsn_report_add_defect(reader->report, reader->limits, DSN_DEFECT_BAD_VALUE,
                              DSN_SPAN_LITERAL("Version"), version, "not a version that is known");
}

/* RFC 6692 section 2: the port stands among the extensions, as in KumoMTA's object. */
static void
check_source_port(DsnFieldReader *reader)
{
    const DsnField *field = find_extension(&reader->report->feedback, "Source-Port");
    uint16_t port = 0;

    if (field != NULL && !dsn_feedback_port(&reader->report->feedback, &port))
        dsn_field_add_defect(reader, DSN_DEFECT_BAD_VALUE, field, "not a port");
}

bool
dsn_feedback_port(const DsnFeedback *feedback, uint16_t *ret_port)
{
    const DsnField *field = find_extension(feedback, "Source-Port");
    DsnSpan digits = field == NULL ? DSN_SPAN_ABSENT : dsn_field_strip_comments(field->value);
    unsigned port = 0;

    for (size_t i = 0; i < digits.len; i++) {
        if (!g_ascii_isdigit(digits.data[i]) || port > G_MAXUINT16)
            return false;
        port = port * 10 + (unsigned)(digits.data[i] - '0');
    }
    *ret_port = (uint16_t)port;
    return digits.len > 0 && port <= G_MAXUINT16;
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
    check_version(reader);
    check_source_port(reader);
    check_auth_failure(reader);
}

bool
dsn_feedback_report_is_in(DsnSpan text)
{
    return dsn_field_is_any_known(text, table);
}
