/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/samples.h"

#define HOSTILE                                                                             \
    "<script>alert(1)</script> \"'&amp; javascript:alert(1) https://evil.example/?a=1&b=2 " \
    "www.evil.example {{ 7 * 7 }}"

static const char *const record_types[DSN_N_TOPICS] = {
    [DSN_TOPIC_FAILED] = "Bounce",    [DSN_TOPIC_EXPIRED] = "Expiration",
    [DSN_TOPIC_DELAYED] = "Delayed",  [DSN_TOPIC_DELIVERED] = "Delivery",
    [DSN_TOPIC_RELAYED] = "Delivery", [DSN_TOPIC_EXPANDED] = "Delivery",
    [DSN_TOPIC_LATE] = "Delivery",
};

static const char *const actions[DSN_N_TOPICS] = {
    [DSN_TOPIC_FAILED] = "failed",   [DSN_TOPIC_EXPIRED] = "failed",
    [DSN_TOPIC_DELAYED] = "delayed", [DSN_TOPIC_DELIVERED] = "delivered",
    [DSN_TOPIC_RELAYED] = "relayed", [DSN_TOPIC_EXPANDED] = "expanded",
    [DSN_TOPIC_LATE] = "delivered",
};

/* A code of each class, behind the first digit. */
static const char *const codes[DSN_N_FAILURES] = {
    [DSN_FAILURE_OTHER] = "0.0",    [DSN_FAILURE_ADDRESS] = "1.1", [DSN_FAILURE_MAILBOX] = "2.1",
    [DSN_FAILURE_FULL] = "2.2",     [DSN_FAILURE_SYSTEM] = "3.2",  [DSN_FAILURE_NETWORK] = "4.1",
    [DSN_FAILURE_PROTOCOL] = "5.1", [DSN_FAILURE_CONTENT] = "6.1", [DSN_FAILURE_SIZE] = "3.4",
    [DSN_FAILURE_POLICY] = "7.1",
};

static bool
has_failed(DsnTopic topic)
{
    return topic == DSN_TOPIC_FAILED || topic == DSN_TOPIC_EXPIRED;
}

/* What others have put there, @known if they are harmless. */
static const char *
foreign(DsnSampleKind kind, const char *known)
{
    return kind == DSN_SAMPLE_SPARSE ? NULL : kind == DSN_SAMPLE_HOSTILE ? HOSTILE : known;
}

static json_t *
recipient_of(DsnTopic topic, DsnFailureClass failure, DsnSampleKind kind, const char *address)
{
    bool open = has_failed(topic) || topic == DSN_TOPIC_DELAYED;
    int digit = has_failed(topic) ? 5 : open ? 4 : 2;
    g_autofree char *status = g_strdup_printf("%d.%s", digit, open ? codes[failure] : "1.5");
    g_autofree char *reply = g_strdup_printf("%d50 %s %s", digit, status,
                                             kind == DSN_SAMPLE_HOSTILE ? HOSTILE
                                             : open ? "<user@example.net>: this is how the other "
                                                      "mail system has put it"
                                                    : "Ok");

    return json_pack("{s:s, s:s?, s:s, s:s, s:s?, s:s}", "address", address, "original",
                     kind == DSN_SAMPLE_HOSTILE ? HOSTILE : NULL, "status", status, "meaning", "",
                     "remote_mta", foreign(kind, "mx.example.net"), "diagnostic",
                     kind == DSN_SAMPLE_SPARSE ? "" : reply);
}

static json_t *
recipients_of(DsnTopic topic, DsnFailureClass failure, DsnSampleKind kind)
{
    json_t *list = json_array();

    json_array_append_new(list, recipient_of(topic, failure, kind,
                                             kind == DSN_SAMPLE_HOSTILE ? "\"<b>\"@evil.example"
                                                                        : "user@example.net"));
    if (kind == DSN_SAMPLE_FULL)
        json_array_append_new(list, recipient_of(topic, failure, kind, "other@example.net"));
    return list;
}

static json_t *
original_of(DsnSampleKind kind)
{
    if (kind == DSN_SAMPLE_SPARSE)
        return json_null();
    return json_pack("{s:s, s:s, s:s}", "subject",
                     kind == DSN_SAMPLE_HOSTILE ? HOSTILE : "Minutes of the meeting", "message_id",
                     kind == DSN_SAMPLE_HOSTILE ? "<<script>@evil.example>" : "<1@example.com>",
                     "date", "Tue, 1 Jul 2003 08:52:37 +0000");
}

json_t *
dsn_sample_context(DsnTopic topic, DsnFailureClass failure, DsnSampleKind kind)
{
    bool sparse = kind == DSN_SAMPLE_SPARSE, late = topic == DSN_TOPIC_LATE;
    json_t *context = json_pack(
        "{s:s, s:s, s:s, s:s, s:s?, s:s?, s:o, s:i, s:o, s:s, s:s?, s:s?}", "hostname",
        sparse ? "mta.example.com" : foreign(kind, "mta.example.com"), "sender",
        sparse ? "sender@example.com" : foreign(kind, "sender@example.com"), "type",
        record_types[topic], "action", actions[topic], "arrival_date",
        sparse ? NULL : "Tue, 1 Jul 2003 08:52:37 +0000", "event_date",
        sparse ? NULL : "Tue, 1 Jul 2003 12:53:01 +0000", "recipients",
        recipients_of(topic, failure, kind), "more_recipients", sparse ? 0 : 2, "original",
        original_of(kind), "returned",
        sparse              ? "no"
        : has_failed(topic) ? "full"
                            : "headers",
        "postmaster", foreign(kind, "postmaster@example.com"), "tenant", foreign(kind, "example"));

    json_object_set_new(context, "late", json_boolean(late));
    json_object_set_new(context, "delay", json_integer(sparse ? 0 : 4));
    json_object_set_new(context, "threshold",
                        topic == DSN_TOPIC_DELAYED && !sparse ? json_integer(4) : json_null());
    json_object_set_new(context, "records", json_array());
    json_array_append_new(json_object_get(context, "records"),
                          dsn_sample_record(topic, failure, kind));
    json_object_set_new(context, "will_retry_until",
                        topic == DSN_TOPIC_DELAYED && !sparse
                            ? json_string("Sun, 6 Jul 2003 08:52:37 +0000")
                            : json_null());
    json_object_set_new(
        context, "last_failure",
        topic == DSN_TOPIC_EXPIRED && !sparse
            ? json_pack("{s:s, s:s, s:s}", "diagnostic",
                        kind == DSN_SAMPLE_HOSTILE ? HOSTILE
                                                   : "451 4.7.1 Greylisted, please try again later",
                        "remote_mta", "mx.example.net", "date", "Tue, 1 Jul 2003 12:50:00 +0000")
            : json_null());
    return context;
}

json_t *
dsn_sample_record(DsnTopic topic, DsnFailureClass failure, DsnSampleKind kind)
{
    json_t *recipient = recipient_of(topic, failure, kind, "user@example.net");
    const char *status = json_string_value(json_object_get(recipient, "status"));
    int parts[] = {status[0] - '0', status[2] - '0', status[4] - '0'}; /* each of one digit */
    json_t *record = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:{s:i, s:{s:i, s:i, s:i}, s:s, s:n}, s:n, s:i, s:i, "
        "s:i, s:s, s:{}, s:{}, s:s, s:s, s:s}",
        "type", record_types[topic], "id", "0123456789abcdef0123456789abcdef", "sender",
        "sender@example.com", "recipient", json_string_value(json_object_get(recipient, "address")),
        "queue", "example.net", "site", "", "size", 2048, "response", "code", parts[0] * 100 + 50,
        "enhanced_code", "class", parts[0], "subject", parts[1], "detail", parts[2], "content",
        kind == DSN_SAMPLE_HOSTILE ? HOSTILE : "this is how the other mail system has put it",
        "command", "peer_address", "timestamp", 1057063981, "created", 1057049557, "num_attempts",
        0, "bounce_classification", "Uncategorized", "meta", "headers", "delivery_protocol",
        "ESMTP", "reception_protocol", "ESMTP", "nodeid", "00000000-0000-0000-0000-000000000000");

    if (kind != DSN_SAMPLE_SPARSE)
        json_object_set_new(
            record, "peer_address",
            json_pack("{s:s, s:s}", "name", "mx.example.net.", "addr", "192.0.2.25"));
    json_decref(recipient);
    return record;
}
