/* SPDX-License-Identifier: BSD-2-Clause */
/* The second part of a feedback report, by the grammar of RFC 5965 section 3 and RFC 6591. */
#include "config.h"

#include "mime/linter.h"

#include "mime/address.h"
#include "mime/field.h"

typedef enum FieldId {
    FEEDBACK_TYPE,
    USER_AGENT,
    VERSION,
    ENVELOPE_ID,
    MAIL_FROM,
    ARRIVAL_DATE,
    RECEIVED_DATE,
    REPORTING_MTA,
    SOURCE_IP,
    INCIDENTS,
    SOURCE_PORT,
    AUTH_FAILURE,
    DELIVERY_RESULT,
    DKIM_DOMAIN,
    DKIM_IDENTITY,
    DKIM_SELECTOR,
    CANONICALIZED_HEADER,
    CANONICALIZED_BODY,
    ADSP_DNS,
    SPF_DNS,
    IDENTITY_ALIGNMENT,
    AUTHENTICATION_RESULTS,
    REPORTED_DOMAIN,
    N_FIELDS
} FieldId;

/* Names, and the rule that lets one stand once; NULL: any number of times. */
static const struct {
    DsnSpan name;
    const char *once;
} fields[N_FIELDS] = {
    [FEEDBACK_TYPE] = {DSN_SPAN_LITERAL("Feedback-Type"), "ARF-08"},
    [USER_AGENT] = {DSN_SPAN_LITERAL("User-Agent"), "ARF-08"},
    [VERSION] = {DSN_SPAN_LITERAL("Version"), "ARF-08"},
    [ENVELOPE_ID] = {DSN_SPAN_LITERAL("Original-Envelope-Id"), "ARF-10"},
    [MAIL_FROM] = {DSN_SPAN_LITERAL("Original-Mail-From"), "ARF-10"},
    [ARRIVAL_DATE] = {DSN_SPAN_LITERAL("Arrival-Date"), "ARF-10"},
    [RECEIVED_DATE] = {DSN_SPAN_LITERAL("Received-Date"), "ARF-10"},
    [REPORTING_MTA] = {DSN_SPAN_LITERAL("Reporting-MTA"), "ARF-10"},
    [SOURCE_IP] = {DSN_SPAN_LITERAL("Source-IP"), "ARF-10"},
    [INCIDENTS] = {DSN_SPAN_LITERAL("Incidents"), "ARF-10"},
    [SOURCE_PORT] = {DSN_SPAN_LITERAL("Source-Port"), "ARF-14"},
    [AUTH_FAILURE] = {DSN_SPAN_LITERAL("Auth-Failure"), "AUTHF-02"},
    [DELIVERY_RESULT] = {DSN_SPAN_LITERAL("Delivery-Result"), "AUTHF-05"},
    [DKIM_DOMAIN] = {DSN_SPAN_LITERAL("DKIM-Domain"), NULL},
    [DKIM_IDENTITY] = {DSN_SPAN_LITERAL("DKIM-Identity"), NULL},
    [DKIM_SELECTOR] = {DSN_SPAN_LITERAL("DKIM-Selector"), NULL},
    [CANONICALIZED_HEADER] = {DSN_SPAN_LITERAL("DKIM-Canonicalized-Header"), NULL},
    [CANONICALIZED_BODY] = {DSN_SPAN_LITERAL("DKIM-Canonicalized-Body"), NULL},
    [ADSP_DNS] = {DSN_SPAN_LITERAL("DKIM-ADSP-DNS"), NULL},
    [SPF_DNS] = {DSN_SPAN_LITERAL("SPF-DNS"), NULL},
    [IDENTITY_ALIGNMENT] = {DSN_SPAN_LITERAL("Identity-Alignment"), NULL},
    [AUTHENTICATION_RESULTS] = {DSN_SPAN_LITERAL("Authentication-Results"), NULL},
    [REPORTED_DOMAIN] = {DSN_SPAN_LITERAL("Reported-Domain"), NULL},
};

typedef struct Feedback {
    unsigned counts[N_FIELDS];
    DsnSpan values[N_FIELDS]; /* of the first, without comments; absent when missing */
} Feedback;

static void
take_field(DsnLinter *linter, Feedback *feedback, const DsnHeaderField *field)
{
    for (int id = 0; id < N_FIELDS; id++) {
        if (!dsn_lint_is_name(field->name, fields[id].name))
            continue;
        if (feedback->counts[id]++ == 0) {
            feedback->values[id] = id == AUTHENTICATION_RESULTS
                                       ? field->value /* comments stand in the midst of it */
                                       : dsn_field_strip_comments(field->value);
        } else if (fields[id].once != NULL && feedback->counts[id] == 2) {
            if (id == DELIVERY_RESULT)
                dsn_linter_should(linter, fields[id].once, "a field stands too often",
                                  field->whole);
            else
                dsn_linter_must(linter, fields[id].once, "a field stands too often", field->whole);
        }
    }
}

static void
require(DsnLinter *linter, const Feedback *feedback, FieldId id, const char *rule)
{
    if (feedback->counts[id] == 0)
        dsn_linter_must(linter, rule, "a required field is missing", fields[id].name);
}

static void
recommend(DsnLinter *linter, const Feedback *feedback, FieldId id, const char *rule)
{
    if (feedback->counts[id] == 0)
        dsn_linter_should(linter, rule, "a field is missing that should be there", fields[id].name);
}

/* A number of no more than @max. */
static bool
is_number(DsnSpan value, guint64 max)
{
    guint64 number = 0;

    for (size_t i = 0; i < value.len; i++) {
        if (!g_ascii_isdigit(value.data[i]))
            return false;
        number = number * 10 + (guint64)(value.data[i] - '0');
        if (number > max)
            return false;
    }
    return value.len > 0;
}

/* RFC 5965 has the literals of RFC 5321 section 4.1.3; without "IPv6:" an address is as clear. */
static bool
is_ip(DsnSpan value)
{
    if (dsn_span_starts(value, "IPv6:"))
        value = dsn_span_from(value, strlen("IPv6:"));
    if (value.len == 0 || memchr(value.data, '\0', value.len) != NULL ||
        memchr(value.data, '%', value.len) != NULL)
        return false;

    g_autofree char *text = dsn_span_dup(value);
    return g_hostname_is_ip_address(text) != FALSE;
}

static bool
is_among(DsnSpan value, const char *const *words)
{
    for (; *words != NULL; words++)
        if (dsn_span_is(value, *words))
            return true;
    return false;
}

static void
check_common(DsnLinter *linter, const Feedback *feedback)
{
    const DsnSpan *values = feedback->values;

    require(linter, feedback, FEEDBACK_TYPE, "ARF-08");
    require(linter, feedback, USER_AGENT, "ARF-08");
    require(linter, feedback, VERSION, "ARF-08");
    if (feedback->counts[VERSION] > 0 && !dsn_span_is(values[VERSION], "1"))
        dsn_linter_must(linter, "ARF-08", "the version is not 1", values[VERSION]);
    if (feedback->counts[ARRIVAL_DATE] > 0 && feedback->counts[RECEIVED_DATE] > 0)
        dsn_linter_should(linter, "ARF-11", "there are Arrival-Date and Received-Date",
                          values[RECEIVED_DATE]);
    if (feedback->counts[INCIDENTS] > 0 && !is_number(values[INCIDENTS], G_MAXUINT32))
        dsn_linter_must(linter, "ARF-12", "the value is no 32-bit number", values[INCIDENTS]);
    if (feedback->counts[SOURCE_IP] > 0 && !is_ip(values[SOURCE_IP]))
        dsn_linter_must(linter, "ARF-13", "the value is no address", values[SOURCE_IP]);
    if (feedback->counts[SOURCE_PORT] > 0 && !is_number(values[SOURCE_PORT], G_MAXUINT16))
        dsn_linter_must(linter, "ARF-14", "the value is no port", values[SOURCE_PORT]);
}

/* RFC 6650 section 4.3; a receiver knows all of them, but the recipient may be a secret. */
static void
check_abuse(DsnLinter *linter, const Feedback *feedback)
{
    recommend(linter, feedback, MAIL_FROM, "FBL-04");
    recommend(linter, feedback, SOURCE_IP, "FBL-04");
    if (feedback->counts[RECEIVED_DATE] == 0)
        recommend(linter, feedback, ARRIVAL_DATE, "FBL-04");
}

static GString *
without_comments(DsnSpan value)
{
    GString *text = g_string_new(NULL);
    size_t depth = 0;

    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] == '(')
            depth++;
        else if (value.data[i] == ')' && depth > 0)
            depth--;
        else if (depth == 0)
            g_string_append_c(text, value.data[i]);
    }
    return text;
}

/* How many methods in the value of Authentication-Results have failed (RFC 8601 section 2.2). */
static unsigned
count_failures(DsnSpan value)
{
    static const char *const bad[] = {"fail",      "hardfail",  "softfail", "policy",
                                      "permerror", "temperror", NULL};
    g_autoptr(GString) text = without_comments(value);
    DsnSpan results = {text->str, text->len};
    unsigned count = 0;

    while (results.len > 0) {
        const char *end = memchr(results.data, ';', results.len);
        size_t len = end == NULL ? results.len : (size_t)(end - results.data);
        const char *equals = memchr(results.data, '=', len);

        if (equals != NULL) {
            size_t from = (size_t)(equals + 1 - results.data), word = 0;
            DsnSpan result = dsn_span_trim((DsnSpan){equals + 1, len - from});

            while (word < result.len && g_ascii_isalpha(result.data[word]))
                word++;
            count += is_among((DsnSpan){result.data, word}, bad);
        }
        results = dsn_span_from(results, end == NULL ? len : len + 1);
    }
    return count;
}

/* RFC 7489 section 7.3: "none", or "dkim" and "spf" with a comma between them. */
static bool
is_alignment(DsnSpan value)
{
    static const char *const words[] = {"dkim", "spf", NULL};

    if (dsn_span_is(value, "none"))
        return true;
    for (;;) {
        const char *comma = value.len == 0 ? NULL : memchr(value.data, ',', value.len);
        size_t len = comma == NULL ? value.len : (size_t)(comma - value.data);

        if (!is_among(dsn_span_trim((DsnSpan){value.data, len}), words))
            return false;
        if (comma == NULL)
            return true;
        value = dsn_span_from(value, len + 1);
    }
}

/* Base64 with white space anywhere (RFC 6591 section 3.2.4). */
static bool
is_base64(DsnSpan value)
{
    size_t digits = 0, pads = 0;

    for (size_t i = 0; i < value.len; i++) {
        char byte = value.data[i];

        if (dsn_is_space(byte))
            continue;
        if (byte == '=')
            pads++;
        else if (pads > 0 || (!g_ascii_isalnum(byte) && byte != '+' && byte != '/'))
            return false;
        digits++;
    }
    return pads <= 2 && digits % 4 == 0;
}

/* What a failure of this kind is explained with (RFC 6591 sections 3.2.3 to 3.2.6). */
static void
check_failure(DsnLinter *linter, const Feedback *feedback)
{
    static const char *const known[] = {"adsp", "bodyhash", "revoked", "signature",
                                        "spf",  "dmarc",    NULL};
    static const char *const of_dkim[] = {"bodyhash", "revoked", "signature", NULL};
    DsnSpan failure = feedback->values[AUTH_FAILURE];

    require(linter, feedback, AUTH_FAILURE, "AUTHF-02");
    if (feedback->counts[AUTH_FAILURE] > 0 && !is_among(failure, known))
        dsn_linter_must(linter, "AUTHF-02", "the failure is none that is registered", failure);
    if (is_among(failure, of_dkim))
        for (int id = DKIM_DOMAIN; id <= DKIM_SELECTOR; id++)
            require(linter, feedback, (FieldId)id, "AUTHF-06");
    if (dsn_span_is(failure, "adsp"))
        require(linter, feedback, ADSP_DNS, "AUTHF-08");
    if (dsn_span_is(failure, "spf"))
        require(linter, feedback, SPF_DNS, "AUTHF-08");
    if (dsn_span_is(failure, "dmarc"))
        recommend(linter, feedback, IDENTITY_ALIGNMENT, "AUTHF-09");
}

static void
check_authentication(DsnLinter *linter, const Feedback *feedback)
{
    static const char *const results[] = {"delivered", "spam", "policy", "reject", "other", NULL};
    const DsnSpan *values = feedback->values;

    require(linter, feedback, AUTHENTICATION_RESULTS, "AUTHF-01");
    if (feedback->counts[AUTHENTICATION_RESULTS] > 0 &&
        count_failures(values[AUTHENTICATION_RESULTS]) != 1)
        dsn_linter_must(linter, "AUTHF-01", "there is not the failure of one method",
                        values[AUTHENTICATION_RESULTS]);
    check_failure(linter, feedback);
    require(linter, feedback, REPORTED_DOMAIN, "AUTHF-03");
    recommend(linter, feedback, ENVELOPE_ID, "AUTHF-04");
    recommend(linter, feedback, MAIL_FROM, "AUTHF-04");
    recommend(linter, feedback, SOURCE_IP, "AUTHF-04");
    if (feedback->counts[DELIVERY_RESULT] > 0 && !is_among(values[DELIVERY_RESULT], results))
        dsn_linter_should(linter, "AUTHF-05", "the result is none that is registered",
                          values[DELIVERY_RESULT]);
    for (int id = CANONICALIZED_HEADER; id <= CANONICALIZED_BODY; id++)
        if (!is_base64(values[id])) /* an absent one is */
            dsn_linter_should(linter, "AUTHF-07", "the value is not base64", values[id]);
    if (feedback->counts[IDENTITY_ALIGNMENT] > 0 && !is_alignment(values[IDENTITY_ALIGNMENT]))
        dsn_linter_should(linter, "AUTHF-09", "the value is neither none nor a list of methods",
                          values[IDENTITY_ALIGNMENT]);
}

void
dsn_lint_feedback_fields(DsnLinter *linter, DsnSpan content)
{
    Feedback feedback = {0};
    DsnHeaderField field;

    for (DsnSpan rest = content; dsn_header_next(&rest, &field);) {
        bool empty = dsn_span_trim(field.whole).len == 0;

        if (empty && dsn_span_trim(rest).len == 0)
            break;
        if (!dsn_span_present(field.name)) {
            dsn_linter_must(linter, "ARF-16", empty ? "an empty line" : "a line is no field",
                            field.whole);
            continue;
        }
        take_field(linter, &feedback, &field);
    }
    check_common(linter, &feedback);
    linter->auth_failure = dsn_span_is(feedback.values[FEEDBACK_TYPE], "auth-failure");
    if (dsn_span_is(feedback.values[FEEDBACK_TYPE], "abuse"))
        check_abuse(linter, &feedback);
    else if (linter->auth_failure)
        check_authentication(linter, &feedback);
}
