/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/postfix-record.h"

#include "filter/core/record.h"
#include "filter/core/report-pieces.h"
#include "mime/date.h"
#include "mime/header.h"
#include "mime/smtp-reply.h"
#include "mime/text.h"

/* Of the original's header. */
#define FIELDS_MAX 100
#define FIELD_MAX 2000
#define HEADER_MAX 65536 /* names and values of all of them */

/* What Postfix does not tell; KumoMTA writes the same for peers without an address. */
#define NO_ADDRESS "0.0.0.0"

#define DEFAULT_FAILED 550
#define DEFAULT_EXPIRED 451
#define DEFAULT_DELIVERED 250

/* What all records of one notice share. */
typedef struct Source {
    const DsnPostfixNotice *notice;
    const DsnPostfixRecordOptions *options;
    int64_t time;
    int64_t created;
    json_t *headers;
    json_t *fields; /* those of options->fields, under their keys */
    json_t *submission;
} Source;

/* ---- texts ---- */

static json_t *
new_text(DsnSpan text)
{
    g_autoptr(GString) clean = g_string_sized_new(text.len);

    (void)dsn_text_append_utf8(text, clean);
    return json_stringn(clean->str, clean->len);
}

static json_t *
new_line(DsnSpan text)
{
    g_autoptr(GString) clean = g_string_new(NULL);

    dsn_text_append_line(text, FIELD_MAX, clean);
    return json_stringn(clean->str, clean->len);
}

static void
set(json_t *object, const char *key, json_t *value)
{
    (void)json_object_set_new(object, key, value); /* keys are ours, or were read from JSON */
}

/* ---- the original ---- */

/* What hosts on the way have written, and what signs the rest. */
static bool
is_trace_field(DsnSpan name)
{
    return dsn_span_is(name, "Received") || dsn_span_is(name, "DKIM-Signature") ||
           dsn_span_starts(name, "ARC-") || dsn_span_is(name, "Authentication-Results") ||
           dsn_span_is(name, "Received-SPF");
}

static void
add_header(json_t *headers, const char *name, json_t *value)
{
    json_t *before = json_object_get(headers, name);

    if (before == NULL) {
        set(headers, name, value);
    } else if (json_is_array(before)) {
        (void)json_array_append_new(before, value);
    } else {
        json_t *both = json_array();

        (void)json_array_append(both, before);
        (void)json_array_append_new(both, value);
        set(headers, name, both);
    }
}

static json_t *
read_headers(DsnSpan original)
{
    DsnSpan body, header = dsn_header_split(original, &body);
    json_t *headers = json_object();
    size_t left = HEADER_MAX;
    DsnHeaderField field;

    for (unsigned n = 0; n < FIELDS_MAX && dsn_header_next(&header, &field);) {
        size_t size = field.name.len + MIN(field.value.len, FIELD_MAX);

        if (!dsn_span_is_plain(field.name) || field.name.len == 0 || is_trace_field(field.name) ||
            size > left)
            continue;
        left -= size;
        g_autofree char *name = dsn_span_dup(field.name);
        add_header(headers, name, new_line(field.value));
        n++;
    }
    return headers;
}

static json_t *
read_fields(DsnSpan original, GHashTable *wanted)
{
    DsnSpan body, header = dsn_header_split(original, &body);
    json_t *fields = json_object();
    gpointer key, name;
    GHashTableIter iter;

    if (wanted == NULL)
        return fields;
    g_hash_table_iter_init(&iter, wanted);
    while (g_hash_table_iter_next(&iter, &key, &name)) {
        DsnSpan value = dsn_span_trim(dsn_header_find(header, name));

        if (value.len > 0)
            set(fields, key, new_line(value));
    }
    return fields;
}

/* Between @begin and @end in @text. */
static DsnSpan
between(DsnSpan text, const char *begin, const char *end)
{
    const char *start = text.len == 0 ? NULL : memmem(text.data, text.len, begin, strlen(begin));

    if (start == NULL)
        return DSN_SPAN_ABSENT;
    text = dsn_span_from(text, (size_t)(start - text.data) + strlen(begin));
    const char *stop = text.len == 0 ? NULL : memmem(text.data, text.len, end, strlen(end));
    return stop == NULL ? DSN_SPAN_ABSENT : (DsnSpan){text.data, (size_t)(stop - text.data)};
}

/* The first Received field of the original, if this Postfix has written it: it names its own queue
 * id, which the client cannot know. */
static DsnSpan
own_received(const DsnPostfixNotice *notice)
{
    DsnSpan value = dsn_header_find(notice->original, "Received");
    g_autofree char *by = g_strdup_printf("by %.*s (", (int)notice->host.len, notice->host.data);
    g_autofree char *id =
        g_strdup_printf(" id %.*s", (int)notice->queue_id.len, notice->queue_id.data);
    bool own = value.len > 0 && dsn_span_starts(dsn_span_trim(value), "from ") &&
               memmem(value.data, value.len, by, strlen(by)) != NULL &&
               memmem(value.data, value.len, id, strlen(id)) != NULL;

    return own ? value : DSN_SPAN_ABSENT;
}

/* Who has submitted the original, as far as Postfix has written it down. smtpd(8) leaves no blank
 * and no parenthesis in what the client says at HELO, and no line end in the names of its
 * certificate; all else may be in them, and a client may choose both. */
static json_t *
read_submission(const DsnPostfixNotice *notice, const DsnMetaKeys *keys)
{
    DsnSpan received = own_received(notice);
    DsnSpan client = between(between(received, " (", ")"), "[", "]");
    DsnSpan login = dsn_span_trim(between(received, "\n\t(Authenticated sender: ", "\n"));
    json_t *submission = json_object();

    if (dsn_span_starts(client, "IPv6:"))
        client = dsn_span_from(client, strlen("IPv6:"));
    if (keys->client != NULL && client.len > 0)
        set(submission, keys->client, new_line(client));
    if (keys->authenticated != NULL && login.len > 1)
        set(submission, keys->authenticated,
            new_line((DsnSpan){login.data, login.len - strlen(")")}));
    return submission;
}

/* ---- one recipient ---- */

/* Postfix gives up when the lifetime in the queue is over, with the code of the last attempt. */
static DsnRecordType
type_of(const DsnPostfixNotice *notice, const DsnPerRecipient *recipient)
{
    if (notice->action == DSN_ACTION_DELIVERED)
        return DSN_RECORD_DELIVERY;
    if (notice->action == DSN_ACTION_DELAYED)
        return DSN_RECORD_TRANSIENT_FAILURE;
    return recipient->status.class_ == 4 ? DSN_RECORD_EXPIRATION : DSN_RECORD_BOUNCE;
}

static json_t *
new_response(DsnRecordType type, const DsnPerRecipient *recipient)
{
    g_autoptr(GString) text = g_string_new(NULL);
    DsnSmtpReply reply = {.code = 0};
    json_t *response = json_object(), *enhanced = json_null();
    DsnSpan diagnostic = recipient->diagnostic_code.value;

    if (dsn_span_present(diagnostic))
        reply = dsn_smtp_reply_parse(diagnostic, text);
    dsn_pieces_collapse_space(text); /* KumoMTA writes each line break of a response as a space */
    if (reply.code == 0)
        reply.code = type == DSN_RECORD_DELIVERY ? DEFAULT_DELIVERED
                     : type == DSN_RECORD_BOUNCE ? DEFAULT_FAILED
                                                 : DEFAULT_EXPIRED;
    if (recipient->status.class_ != 0)
        enhanced =
            json_pack("{s:i, s:i, s:i}", "class", (int)recipient->status.class_, "subject",
                      (int)recipient->status.subject, "detail", (int)recipient->status.detail);
    set(response, "code", json_integer(reply.code));
    set(response, "enhanced_code", enhanced);
    set(response, "content", new_text((DsnSpan){text->str, text->len}));
    set(response, "command", json_null());
    return response;
}

static json_t *
new_peer(const DsnPerRecipient *recipient)
{
    DsnSpan name = recipient->remote_mta.value;

    if (name.len == 0)
        return json_null();
    g_autofree char *text = dsn_span_dup(name);
    json_t *peer = json_object();
    set(peer, "name", new_line(name));
    set(peer, "addr", g_hostname_is_ip_address(text) ? new_line(name) : json_string(NO_ADDRESS));
    return peer;
}

static void
put_orcpt(json_t *meta, const char *key, const DsnTyped *orcpt)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (key == NULL || orcpt->value.len == 0 || orcpt->type.len == 0)
        return;
    g_string_append_len(text, orcpt->type.data, (gssize)orcpt->type.len);
    g_string_append_c(text, ';');
    if (dsn_span_is(orcpt->type, "utf-8"))
        dsn_utf8_address_encode_xtext(orcpt->value, text);
    else
        dsn_xtext_encode(orcpt->value, text);
    set(meta, key, new_text((DsnSpan){text->str, text->len}));
}

/* That there is a notice tells that the sender wants it (RFC 3461 section 4.1). */
static json_t *
new_meta(const Source *source, const DsnPerRecipient *recipient)
{
    const DsnMetaKeys *keys = source->options->keys;
    const DsnPostfixNotice *notice = source->notice;
    json_t *meta = json_object();

    (void)json_object_update(meta, source->submission);
    (void)json_object_update(meta, source->fields);
    if (keys->notify != NULL)
        set(meta, keys->notify,
            json_string(notice->action == DSN_ACTION_FAILED    ? "FAILURE"
                        : notice->action == DSN_ACTION_DELAYED ? "DELAY"
                                                               : "SUCCESS"));
    if (keys->envid != NULL && notice->envid.len > 0) {
        g_autoptr(GString) text = g_string_new(NULL);

        dsn_xtext_encode(notice->envid, text);
        set(meta, keys->envid, new_text((DsnSpan){text->str, text->len}));
    }
    put_orcpt(meta, keys->orcpt, &recipient->original_recipient);
    if (keys->action != NULL && notice->action == DSN_ACTION_DELIVERED)
        set(meta, keys->action, json_string(dsn_action_to_string(recipient->action)));
    return meta;
}

static void
put_time(json_t *record, const char *seconds_key, const char *precise_key, int64_t time)
{
    char text[DSN_DATE_MAX];

    set(record, seconds_key, json_integer(time));
    set(record, precise_key, json_string(dsn_date_to_rfc3339(time, 0, text)));
}

/* A queue without tenant and campaign is named after the domain of the recipient. */
static json_t *
new_queue(DsnSpan recipient)
{
    g_autofree char *address = g_strndup(recipient.data, recipient.len);
    const char *at = strrchr(address, '@');
    g_autofree char *domain = g_ascii_strdown(at == NULL ? "" : at + 1, -1);

    return new_line(dsn_span(domain));
}

static json_t *
new_record(const Source *source, const DsnPerRecipient *recipient)
{
    const DsnPostfixNotice *notice = source->notice;
    DsnRecordType type = type_of(notice, recipient);
    DsnSpan address = recipient->final_recipient.value;
    json_t *record = json_object();

    set(record, "type", json_string(dsn_record_type_to_string(type)));
    set(record, "id", new_line(notice->queue_id));
    set(record, "sender", new_text(notice->sender));
    set(record, "recipient", new_text(address));
    set(record, "queue", new_queue(address));
    set(record, "site", json_string(""));
    set(record, "size", json_integer(notice->whole ? (json_int_t)notice->original.len : 0));
    set(record, "response", new_response(type, recipient));
    set(record, "peer_address", new_peer(recipient));
    put_time(record, "timestamp", "event_time", source->time);
    put_time(record, "created", "created_time", source->created);
    set(record, "num_attempts", json_integer(0));
    set(record, "bounce_classification", json_string("Uncategorized"));
    set(record, "egress_pool", json_null());
    set(record, "egress_source", json_null());
    set(record, "source_address", json_null());
    set(record, "feedback_report", json_null());
    set(record, "meta", new_meta(source, recipient));
    set(record, "headers", json_incref(source->headers));
    set(record, "delivery_protocol", json_string("ESMTP"));
    set(record, "reception_protocol", json_string("ESMTP"));
    set(record, "nodeid", json_string(source->options->nodeid));
    return record;
}

static void
free_record(gpointer record)
{
    json_decref(record);
}

GPtrArray *
dsn_postfix_notice_records(const DsnPostfixNotice *notice, const DsnReport *report,
                           const DsnPostfixRecordOptions *options)
{
    GPtrArray *records = g_ptr_array_new_with_free_func(free_record);
    int64_t date = report->envelope.date, arrival = report->per_message.arrival_date;
    bool dated = date != DSN_TIME_NONE && date <= options->now;
    Source source = {
        .notice = notice,
        .options = options,
        .time = dated ? date : options->now,
        .headers = read_headers(notice->original),
        .fields = read_fields(notice->original, options->fields),
        .submission = read_submission(notice, options->keys),
    };

    source.created = arrival == DSN_TIME_NONE ? source.time : MIN(arrival, source.time);
    for (guint i = 0; i < report->per_recipient->len; i++)
        g_ptr_array_add(records, new_record(&source, &g_array_index(report->per_recipient,
                                                                    DsnPerRecipient, i)));
    json_decref(source.headers);
    json_decref(source.fields);
    json_decref(source.submission);
    return records;
}
