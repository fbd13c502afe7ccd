/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/notice-context.h"

#include "filter/core/notice-report.h"
#include "mime/header.h"
#include "mime/smtp-reply.h"
#include "mime/text.h"

#define SCREEN 1440 /* three quarters of 24 lines of 80 columns: templates repeat addresses */
#define SUBJECT_MAX 240
#define IDENTITY_MAX 240 /* of a message id or a date */
#define ADDRESS_MAX 254
#define REPLY_MAX 480

/* How many bytes of other people's words may still be said. */
typedef struct Budget {
    size_t left;
    GString *line;
} Budget;

/* @text as one clean line of no more than @max bytes. */
static json_t *
take_line(Budget *budget, DsnSpan text, size_t max)
{
    g_string_truncate(budget->line, 0);
    dsn_text_append_line(text, MIN(max, budget->left), budget->line);
    budget->left -= MIN(budget->left, budget->line->len);
    return json_stringn_nocheck(budget->line->str, budget->line->len);
}

/* null when @text is absent. */
static json_t *
take_optional(Budget *budget, DsnSpan text, size_t max)
{
    return dsn_span_present(text) ? take_line(budget, text, max) : json_null();
}

static json_t *
date_text(int64_t date)
{
    char buffer[DSN_DATE_MAX];

    return date < DSN_TIME_MIN || date > DSN_TIME_MAX
               ? json_null()
               : json_string_nocheck(dsn_date_to_rfc5322(date, buffer));
}

DsnSpan
dsn_notice_field(const DsnNoticeFacts *facts, const char *name)
{
    DsnSpan header = facts->returned->header;

    return header.len > 0 ? dsn_header_find(header, name)
                          : dsn_record_header(facts->request->records[0], name);
}

static json_t *
original_field(Budget *budget, const DsnNoticeFacts *facts, const char *name, size_t max)
{
    g_autoptr(GString) decoded = g_string_new(NULL);
    DsnSpan value = dsn_notice_field(facts, name);

    if (!dsn_span_present(value))
        return json_null();
    dsn_text_decode_header(value, facts->request->options->limits, decoded);
    return take_line(budget, (DsnSpan){decoded->str, decoded->len}, max);
}

static json_t *
original_context(Budget *budget, const DsnNoticeFacts *facts)
{
    static const struct {
        const char *key, *name;
        size_t max;
    } fields[] = {{"subject", "Subject", SUBJECT_MAX},
                  {"message_id", "Message-ID", IDENTITY_MAX},
                  {"date", "Date", IDENTITY_MAX}};
    bool known = facts->returned->header.len > 0;
    json_t *original = json_object();

    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        json_t *value = original_field(budget, facts, fields[i].name, fields[i].max);

        known = known || !json_is_null(value);
        json_object_set_new_nocheck(original, fields[i].key, value);
    }
    if (known)
        return original;
    json_decref(original);
    return json_null();
}

/* The reply for people: of several lines, the codes stand once. Hosts that are confidential have
 * said nothing. */
static json_t *
take_reply(Budget *budget, DsnSpan reply, bool confidential)
{
    g_autoptr(GString) text = NULL;

    if (confidential)
        return json_string_nocheck("");
    if (reply.len > 0 && memchr(reply.data, '\n', reply.len) != NULL) {
        char status[DSN_STATUS_CODE_MAX];
        g_autoptr(GString) lines = g_string_new(NULL);
        DsnSmtpReply parsed = dsn_smtp_reply_parse(reply, lines);

        text = g_string_new(NULL);
        if (parsed.code != 0)
            g_string_append_printf(text, "%u ", parsed.code);
        if (parsed.enhanced.class_ != 0)
            g_string_append_printf(text, "%s ", dsn_status_code_to_string(parsed.enhanced, status));
        g_string_append_len(text, lines->str, (gssize)lines->len);
        reply = (DsnSpan){text->str, text->len};
    }
    return take_line(budget, reply, REPLY_MAX);
}

static json_t *
recipient_context(Budget *budget, const DsnPerRecipient *recipient, bool confidential)
{
    char status[DSN_STATUS_CODE_MAX];
    DsnSpan remote = confidential ? DSN_SPAN_ABSENT : recipient->remote_mta.value;
    json_t *context = json_object();

    json_object_set_new_nocheck(context, "address",
                                take_line(budget, recipient->final_recipient.value, ADDRESS_MAX));
    json_object_set_new_nocheck(
        context, "original",
        take_optional(budget, recipient->original_recipient.value, ADDRESS_MAX));
    dsn_status_code_to_string(recipient->status, status);
    json_object_set_new_nocheck(context, "status", json_string_nocheck(status));
    json_object_set_new_nocheck(context, "meaning",
                                json_string_nocheck(dsn_status_code_meaning(recipient->status)));
    json_object_set_new_nocheck(context, "remote_mta", take_optional(budget, remote, ADDRESS_MAX));
    json_object_set_new_nocheck(context, "diagnostic",
                                take_reply(budget, recipient->diagnostic_code.value, confidential));
    return context;
}

/* Bytes that the foreign words of @recipient would take whole. */
static size_t
recipient_cost(const DsnPerRecipient *recipient)
{
    return MIN(recipient->final_recipient.value.len, ADDRESS_MAX) +
           MIN(recipient->original_recipient.value.len, ADDRESS_MAX) +
           MIN(recipient->remote_mta.value.len, ADDRESS_MAX) +
           MIN(recipient->diagnostic_code.value.len, REPLY_MAX);
}

/* The first recipient always, the others as long as they are whole. */
static json_t *
recipients_context(Budget *budget, const GArray *recipients, bool confidential)
{
    json_t *list = json_array();

    for (guint i = 0; i < recipients->len; i++) {
        const DsnPerRecipient *recipient = &g_array_index(recipients, DsnPerRecipient, i);

        if (i > 0 && recipient_cost(recipient) > budget->left)
            break;
        json_array_append_new(list, recipient_context(budget, recipient, confidential));
    }
    return list;
}

/* The last attempt for a message that has expired, or waits. */
static json_t *
failure_context(Budget *budget, const DsnNoticeFacts *facts)
{
    const DsnNoticeRequest *request = facts->request;
    const DsnRecord *failure = dsn_notice_attempt(request, request->records[0]);
    bool confidential = request->options->confidential;
    DsnTyped remote = {DSN_SPAN_ABSENT, DSN_SPAN_ABSENT};
    json_t *context;

    if (failure == request->records[0])
        return json_null();
    if (!confidential)
        remote = dsn_notice_remote_mta(facts->report, failure);
    context = json_object();
    json_object_set_new_nocheck(
        context, "diagnostic",
        take_reply(budget, dsn_notice_diagnostic(facts->report, failure, confidential).value,
                   confidential));
    json_object_set_new_nocheck(context, "remote_mta",
                                take_optional(budget, remote.value, ADDRESS_MAX));
    json_object_set_new_nocheck(context, "date", date_text(failure->event_time));
    return context;
}

/* Whole hours as an integer, others with one decimal. */
static json_t *
hours(int64_t seconds)
{
    int64_t tenths = seconds / 360;

    if (seconds < 0)
        return json_null();
    return tenths % 10 == 0 ? json_integer(tenths / 10) : json_real((double)tenths / 10);
}

/* @record without what tells about remote hosts (rule RCPT-24). */
static json_t *
confidential_record(const json_t *record)
{
    static const char *const keys[] = {"peer_address",         "site",
                                       "provider_name",        "tls_cipher",
                                       "tls_protocol_version", "tls_peer_subject_name"};
    json_t *copy = json_copy((json_t *)record);
    json_t *response = json_copy(json_object_get(record, "response"));

    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
        (void)json_object_del(copy, keys[i]); /* it may be absent */
    json_object_set_new_nocheck(response, "content", json_string_nocheck(""));
    json_object_set_new_nocheck(response, "command", json_null());
    json_object_set_new_nocheck(copy, "response", response);
    return copy;
}

static json_t *
records_context(const DsnNoticeRequest *request)
{
    json_t *list = json_array();

    for (size_t i = 0; i < request->n_records; i++) {
        json_t *record = request->records[i]->json;

        json_array_append_new(list, request->options->confidential ? confidential_record(record)
                                                                   : json_incref(record));
    }
    return list;
}

/* What is said of the message and of time. */
static void
add_times(json_t *context, const DsnNoticeRequest *request, int64_t will_retry_until)
{
    const DsnRecord *record = request->records[0];
    int64_t event = record->event_time, delay;

    for (size_t i = 1; i < request->n_records; i++)
        event = MAX(event, request->records[i]->event_time);
    if (__builtin_sub_overflow(event, record->created, &delay))
        delay = -1;
    json_object_set_new_nocheck(context, "arrival_date", date_text(record->created));
    json_object_set_new_nocheck(context, "event_date", date_text(event));
    json_object_set_new_nocheck(context, "delay", hours(delay));
    json_object_set_new_nocheck(context, "threshold",
                                request->threshold > 0 ? hours(request->threshold) : json_null());
    json_object_set_new_nocheck(context, "will_retry_until", date_text(will_retry_until));
}

json_t *
dsn_notice_context_new(const DsnNoticeFacts *facts, json_t **ret_record)
{
    static const char *const words[] = {
        [DSN_RETURN_NOTHING] = "no", [DSN_RETURN_HEADERS] = "headers", [DSN_RETURN_FULL] = "full"};
    g_autoptr(GString) line = g_string_new(NULL);
    Budget budget = {.left = SCREEN, .line = line};
    Budget own = {.left = SCREEN, .line = line}; /* what the sender and we are called */
    const DsnNoticeRequest *request = facts->request;
    const DsnNoticeOptions *options = request->options;
    const GArray *recipients = facts->report->per_recipient;
    json_t *context = json_object(), *list, *records = records_context(request);

    json_object_set_new_nocheck(context, "hostname", take_line(&own, facts->host, ADDRESS_MAX));
    json_object_set_new_nocheck(context, "sender", take_line(&own, facts->sender, ADDRESS_MAX));
    json_object_set_new_nocheck(context, "tenant",
                                take_optional(&own, options->tenant, ADDRESS_MAX));
    json_object_set_new_nocheck(
        context, "type", json_string_nocheck(dsn_record_type_to_string(request->records[0]->type)));
    json_object_set_new_nocheck(context, "action",
                                json_string_nocheck(dsn_action_to_string(request->action)));
    json_object_set_new_nocheck(context, "late", json_boolean(request->late));
    add_times(context, request, g_array_index(recipients, DsnPerRecipient, 0).will_retry_until);
    json_object_set_new_nocheck(context, "original", original_context(&budget, facts));
    list = recipients_context(&budget, recipients, options->confidential);
    json_object_set_new_nocheck(
        context, "more_recipients",
        json_integer((json_int_t)(recipients->len - json_array_size(list))));
    json_object_set_new_nocheck(context, "recipients", list);
    json_object_set_new_nocheck(context, "last_failure", failure_context(&budget, facts));
    json_object_set_new_nocheck(context, "returned",
                                json_string_nocheck(words[facts->returned->returned]));
    json_object_set_new_nocheck(
        context, "postmaster",
        take_optional(&own,
                      dsn_span_present(options->postmaster) ? options->postmaster : options->from,
                      ADDRESS_MAX));
    json_object_set_new_nocheck(context, "records", records);
    *ret_record = json_array_get(records, 0);
    return context;
}
