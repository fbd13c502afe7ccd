/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/record.h"

#include "filter/core/json-blocks.h"
#include "filter/core/json-load.h"
#include "filter/core/json-writer.h"
#include "filter/core/record-shape.h"

/* A tree takes up to a hundred times the memory of its text, "[{},{},...". No honest one is so
 * large, but that of an original in byte numbers, which are not read into one then. */
#define VALUES_MAX ((size_t)1000000)

G_DEFINE_QUARK(dsn - record - error - quark, dsn_record_error)

static const char *const type_names[DSN_N_RECORD_TYPES] = {
    [DSN_RECORD_RECEPTION] = "Reception",
    [DSN_RECORD_DELIVERY] = "Delivery",
    [DSN_RECORD_BOUNCE] = "Bounce",
    [DSN_RECORD_TRANSIENT_FAILURE] = "TransientFailure",
    [DSN_RECORD_EXPIRATION] = "Expiration",
    [DSN_RECORD_ADMIN_BOUNCE] = "AdminBounce",
    [DSN_RECORD_OOB] = "OOB",
    [DSN_RECORD_FEEDBACK] = "Feedback",
    [DSN_RECORD_REJECTION] = "Rejection",
    [DSN_RECORD_ADMIN_REBIND] = "AdminRebind",
    [DSN_RECORD_DEFERRED_INJECTION_REBIND] = "DeferredInjectionRebind",
    [DSN_RECORD_DELAYED] = "Delayed",
    [DSN_RECORD_XFER_OUT] = "XferOut",
    [DSN_RECORD_XFER_IN] = "XferIn",
    [DSN_RECORD_OTHER] = NULL,
};

const char *
dsn_record_type_to_string(DsnRecordType type)
{
    g_assert((size_t)type < DSN_N_RECORD_TYPES);
    return type_names[type];
}

DsnRecordType
dsn_record_type_from_string(DsnSpan name)
{
    for (int type = 0; type < DSN_RECORD_OTHER; type++)
        if (dsn_span_equal(name, dsn_span(type_names[type])))
            return (DsnRecordType)type;
    return DSN_RECORD_OTHER;
}

/* jansson quotes what it stumbled over, which may be anything. */
static void
set_json_error(GError **error, const json_error_t *fault)
{
    g_autofree char *text = g_utf8_make_valid(fault->text, -1);

    for (char *c = text; *c != '\0'; c++)
        if (g_ascii_iscntrl(*c))
            *c = ' ';
    g_set_error(error, DSN_RECORD_ERROR, DSN_RECORD_ERROR_JSON, "line %d, column %d: %s",
                fault->line, MAX(fault->column, 0), text);
}

typedef struct Count {
    DsnJsonCarry carry;
    size_t values; /* lists and objects count twice, and cost more than that */
} Count;

static bool
count_values(gpointer state, const char *bytes, size_t base)
{
    Count *count = state;
    DsnJsonBlock block = dsn_json_look(bytes, &count->carry);
    uint64_t commas = dsn_json_matches(bytes, ',', 0) & ~block.strings;

    (void)base; /* it does not matter where they are */
    count->values += (size_t)__builtin_popcountll(commas | block.opening);
    return count->values > VALUES_MAX;
}

/* A value takes a byte at least, so that only a long text is worth counting. */
static bool
has_too_many_values(DsnSpan text)
{
    Count count = {.values = 0};

    return text.len > VALUES_MAX && dsn_json_walk(text, 0, count_values, &count);
}

static size_t
skip_space(DsnSpan text, size_t at)
{
    while (at < text.len && dsn_is_space(text.data[at]))
        at++;
    return at;
}

/* Reads the array of byte numbers that begins at @at. Returns what follows it, or 0 if it is
 * anything else. */
static size_t
read_byte_numbers(DsnSpan text, size_t at, GString *ret_bytes)
{
    do {
        size_t start = at = skip_space(text, at + 1); /* behind the bracket or comma */
        unsigned byte = 0;

        for (; at < text.len && at < start + 3 && g_ascii_isdigit(text.data[at]); at++)
            byte = 10 * byte + (unsigned)g_ascii_digit_value(text.data[at]);
        if (at == start || byte > UINT8_MAX || (text.data[start] == '0' && at > start + 1))
            return 0;
        g_string_append_c(ret_bytes, (char)byte);
        at = skip_space(text, at);
    } while (at < text.len && text.data[at] == ',');
    return at < text.len && text.data[at] == ']' ? at + 1 : 0;
}

/* The text with its original as a string, where it has one in byte numbers that are UTF-8, as two
 * releases of KumoMTA wrote it (rule QRK-05); else NULL. Inside of a string the key would have a
 * backslash before a quote. */
static GString *
shorten(DsnSpan text)
{
    static const char key[] = "\"original_message\"";
    const char *found = memmem(text.data, text.len, key, strlen(key));
    g_autoptr(GString) bytes = g_string_new(NULL);
    g_autoptr(GString) shorter = g_string_new(NULL);

    if (found == NULL || (found > text.data && found[-1] == '\\'))
        return NULL;
    size_t start = skip_space(text, (size_t)(found - text.data) + strlen(key));
    if (start == text.len || text.data[start] != ':')
        return NULL;
    start = skip_space(text, start + 1);
    size_t end =
        start < text.len && text.data[start] == '[' ? read_byte_numbers(text, start, bytes) : 0;
    g_string_append_len(shorter, text.data, (gssize)start);
    if (end == 0 || !dsn_json_string(shorter, (DsnSpan){bytes->str, bytes->len}))
        return NULL;
    g_string_append_len(shorter, text.data + end, (gssize)(text.len - end));
    return g_steal_pointer(&shorter);
}

json_t *
dsn_record_load_object(DsnSpan text, size_t max, GError **error)
{
    g_autoptr(GString) shorter = NULL;
    json_error_t fault;

    if (text.len > max) {
        g_set_error(error, DSN_RECORD_ERROR, DSN_RECORD_ERROR_JSON,
                    "%zu bytes are more than the limit of %zu", text.len, max);
        return NULL;
    }
    bool too_many = has_too_many_values(text);
    if (too_many && (shorter = shorten(text)) != NULL) {
        text = (DsnSpan){shorter->str, shorter->len};
        too_many = has_too_many_values(text);
    }
    if (too_many) {
        g_set_error(error, DSN_RECORD_ERROR, DSN_RECORD_ERROR_JSON,
                    "more than %zu values in one record", VALUES_MAX);
        return NULL;
    }
    json_auto_t *json = dsn_json_load(text, &fault);
    if (json == NULL) {
        set_json_error(error, &fault);
        return NULL;
    }
    if (!json_is_object(json)) {
        g_set_error_literal(error, DSN_RECORD_ERROR, DSN_RECORD_ERROR_JSON,
                            "expected an object, got an array");
        return NULL;
    }
    return g_steal_pointer(&json);
}

/* The time that counts is @precise; where it is absent, it is made of the older @seconds. */
static void
complete_time(json_t *json, const char *precise, const char *seconds, int64_t *ret_time,
              uint32_t *ret_nanoseconds)
{
    const json_t *text = json_object_get(json, precise);
    int64_t time = json_integer_value(json_object_get(json, seconds));
    uint32_t nanoseconds = 0;

    if (json_is_string(text)) {
        bool read = dsn_date_from_rfc3339(
            (DsnSpan){json_string_value(text), json_string_length(text)}, &time, &nanoseconds);
        g_assert(read); /* the shape has been checked */
        (void)json_object_set_new(json, seconds, json_integer(time)); /* replaces: cannot fail */
    } else {
        char buffer[DSN_DATE_MAX];
        dsn_date_to_rfc3339(time, 0, buffer);
        (void)json_object_set_new(json, precise, json_string(buffer)); /* ASCII: cannot fail */
    }
    *ret_time = time;
    *ret_nanoseconds = nanoseconds;
}

static void
take_response(DsnRecord *record, const json_t *response)
{
    const json_t *content = json_object_get(response, "content");
    const json_t *enhanced = json_object_get(response, "enhanced_code");

    record->code = (uint16_t)json_integer_value(json_object_get(response, "code"));
    record->content = (DsnSpan){json_string_value(content), json_string_length(content)};

    int64_t class_ = json_integer_value(json_object_get(enhanced, "class"));
    int64_t subject = json_integer_value(json_object_get(enhanced, "subject"));
    int64_t detail = json_integer_value(json_object_get(enhanced, "detail"));
    if ((class_ == 2 || class_ == 4 || class_ == 5) && subject <= 999 && detail <= 999)
        record->enhanced = (DsnStatusCode){(uint16_t)class_, (uint16_t)subject, (uint16_t)detail};
}

static void
take_recipients(DsnRecord *record, const json_t *recipient)
{
    record->n_recipients = json_is_array(recipient) ? json_array_size(recipient) : 1;
    record->recipients = g_new(const char *, MAX(record->n_recipients, 1));
    record->recipients[0] = json_string_value(recipient);
    for (size_t i = 0; i < json_array_size(recipient); i++)
        record->recipients[i] = json_string_value(json_array_get(recipient, i));
}

/* KumoMTA takes the name of an MX from the DNS, with its trailing dot. */
static void
take_peer(DsnRecord *record, const json_t *peer)
{
    const json_t *name = json_object_get(peer, "name");
    size_t length = json_string_length(name);

    record->peer_addr = json_string_value(json_object_get(peer, "addr"));
    if (json_is_string(name)) {
        const char *text = json_string_value(name);
        record->peer_name =
            g_strndup(text, length > 0 && text[length - 1] == '.' ? length - 1 : length);
    }
}

DsnRecord *
dsn_record_from_json(json_t *json, GError **error)
{
    if (!json_is_object(json)) {
        g_set_error_literal(error, DSN_RECORD_ERROR, DSN_RECORD_ERROR_JSON,
                            "the record is not an object");
        return NULL;
    }
    if (!dsn_record_shape_repair(json, error))
        return NULL;

    DsnRecord *record = g_new0(DsnRecord, 1);
    const json_t *type = json_object_get(json, "type");
    record->json = json_incref(json);
    record->type_name = json_string_value(type);
    record->type =
        dsn_record_type_from_string((DsnSpan){record->type_name, json_string_length(type)});
    record->id = json_string_value(json_object_get(json, "id"));
    record->sender = json_string_value(json_object_get(json, "sender"));
    take_recipients(record, json_object_get(json, "recipient"));
    take_response(record, json_object_get(json, "response"));
    take_peer(record, json_object_get(json, "peer_address"));
    complete_time(json, "event_time", "timestamp", &record->event_time, &record->event_nanoseconds);
    complete_time(json, "created_time", "created", &record->created, &record->created_nanoseconds);
    record->num_attempts = (unsigned)json_integer_value(json_object_get(json, "num_attempts"));
    record->delivery_protocol = json_string_value(json_object_get(json, "delivery_protocol"));
    record->reception_protocol = json_string_value(json_object_get(json, "reception_protocol"));
    record->nodeid = json_string_value(json_object_get(json, "nodeid"));
    return record;
}

DsnRecord *
dsn_record_parse(DsnSpan text, size_t max, GError **error)
{
    json_auto_t *json = dsn_record_load_object(text, max, error);

    return json == NULL ? NULL : dsn_record_from_json(json, error);
}

void
dsn_record_free(DsnRecord *record)
{
    if (record == NULL)
        return;
    json_decref(record->json);
    g_free(record->recipients);
    g_free(record->peer_name);
    g_free(record);
}

DsnSpan
dsn_record_header(const DsnRecord *record, const char *name)
{
    json_t *headers = json_object_get(record->json, "headers"), *value;
    const char *key;

    json_object_foreach(headers, key, value)
    {
        const json_t *text = json_is_array(value) ? json_array_get(value, 0) : value;

        if (g_ascii_strcasecmp(key, name) == 0 && json_is_string(text))
            return (DsnSpan){json_string_value(text), json_string_length(text)};
    }
    return DSN_SPAN_ABSENT;
}

void
dsn_record_keep_recipients(DsnRecord *record, const bool *keep)
{
    json_auto_t *old = json_incref(json_object_get(record->json, "recipient"));
    json_t *kept = json_array();
    size_t n_recipients = 0;

    for (size_t i = 0; i < record->n_recipients; i++) {
        if (!keep[i])
            continue;
        record->recipients[n_recipients++] = record->recipients[i];
        (void)json_array_append(kept, json_is_array(old) ? json_array_get(old, i) : old);
    }
    record->n_recipients = n_recipients;
    if (n_recipients == 1) { /* then it is no list */
        (void)json_object_set(record->json, "recipient", json_array_get(kept, 0));
        json_decref(kept);
    } else {
        (void)json_object_set_new(record->json, "recipient", kept);
    }
}

void
dsn_record_write(const DsnRecord *record, GString *ret_line)
{
    dsn_record_shape_write(record->json, ret_line);
    g_string_append_c(ret_line, '\n');
}
