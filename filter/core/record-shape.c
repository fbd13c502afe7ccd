/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/record-shape.h"

#include "filter/core/json-writer.h"
#include "filter/core/record-members.h"

static DsnSpan
string_span(const json_t *string)
{
    return (DsnSpan){json_string_value(string), json_string_length(string)};
}

static json_t *
string_from_span(DsnSpan text)
{
    return json_stringn(text.data, text.len);
}

static bool
is_empty_object(const json_t *value)
{
    return json_is_object(value) && json_object_size(value) == 0;
}

static bool
is_empty_array(const json_t *value)
{
    return json_is_array(value) && json_array_size(value) == 0;
}

static json_t *
read_any(const DsnMember *member, json_t *value)
{
    (void)member; /* all values will do */
    return json_incref(value);
}

static json_t *
read_text(const DsnMember *member, json_t *value)
{
    (void)member; /* texts have no bounds of their own */
    return json_is_string(value) ? json_incref(value) : NULL;
}

/* Lent as a C string later, so it must not go on behind a NUL. */
static json_t *
read_name(const DsnMember *member, json_t *value)
{
    json_auto_t *text = read_text(member, value);

    if (text == NULL || memchr(json_string_value(text), '\0', json_string_length(text)) != NULL)
        return NULL;
    return g_steal_pointer(&text);
}

DsnSpan
dsn_record_bare_address(DsnSpan address)
{
    while (address.len >= 2 && address.data[0] == '<' && address.data[address.len - 1] == '>')
        address = (DsnSpan){address.data + 1, address.len - 2};
    return address;
}

/* Addresses lost their angle brackets in release 2026.04.09. */
static json_t *
read_address(const DsnMember *member, json_t *value)
{
    json_auto_t *name = read_name(member, value);

    if (name == NULL)
        return NULL;
    DsnSpan text = string_span(name);
    DsnSpan bare = dsn_record_bare_address(text);
    if (bare.len < text.len)
        return string_from_span(bare);
    return g_steal_pointer(&name);
}

/* A list of what @read reads; a list that went through Lua while it was empty is {}. */
static json_t *
read_list(const DsnMember *member, json_t *value,
          json_t *(*read)(const DsnMember *member, json_t *value))
{
    if (is_empty_object(value))
        return json_array();
    if (!json_is_array(value))
        return NULL;

    json_auto_t *list = json_array();
    for (size_t i = 0; i < json_array_size(value); i++) {
        json_t *element = read(member, json_array_get(value, i));
        if (element == NULL)
            return NULL;
        (void)json_array_append_new(list, element); /* fails only for NULL */
    }
    return g_steal_pointer(&list);
}

static json_t *
read_texts(const DsnMember *member, json_t *value)
{
    return read_list(member, value, read_text);
}

static json_t *
read_addresses(const DsnMember *member, json_t *value)
{
    return read_list(member, value, read_address);
}

/* A string when there is exactly one recipient, since 2025.12.02 a list when there are more. */
static json_t *
read_recipients(const DsnMember *member, json_t *value)
{
    if (json_is_string(value))
        return read_address(member, value);
    json_auto_t *list = read_addresses(member, value);
    if (json_array_size(list) == 1)
        return json_incref(json_array_get(list, 0));
    return g_steal_pointer(&list);
}

/* Encoders that know only floating point write 550.0. */
static json_t *
read_number(const DsnMember *member, json_t *value)
{
    double real = json_number_value(value);

    if (json_is_integer(value) && json_integer_value(value) >= member->min &&
        json_integer_value(value) <= member->max)
        return json_incref(value);
    if (json_is_real(value) && real >= (double)member->min && real <= (double)member->max &&
        real == (double)(int64_t)real)
        return json_integer((int64_t)real);
    return NULL;
}

static json_t *
read_bool(const DsnMember *member, json_t *value)
{
    (void)member; /* both values will do */
    return json_is_boolean(value) ? json_incref(value) : NULL;
}

static json_t *
read_time(const DsnMember *member, json_t *value)
{
    char buffer[DSN_DATE_MAX];
    int64_t time;
    uint32_t nanoseconds;

    if (!json_is_string(value) || !dsn_date_from_rfc3339(string_span(value), &time, &nanoseconds) ||
        time < member->min || time > member->max)
        return NULL;
    return json_string(dsn_date_to_rfc3339(time, nanoseconds, buffer));
}

/* Releases 2026.04.09 and 2026.05.12 wrote some texts as arrays of byte numbers; what is not UTF-8
 * still is one (rule QRK-05). */
static json_t *
read_bytes(const DsnMember *member, json_t *value)
{
    static const DsnMember byte = {.min = 0, .max = UINT8_MAX};

    (void)member; /* a text has no bounds of its own */
    if (json_is_string(value))
        return json_incref(value);
    json_auto_t *list = read_list(&byte, value, read_number);
    if (list == NULL)
        return NULL;

    g_autoptr(GString) text = g_string_sized_new(json_array_size(list));
    for (size_t i = 0; i < json_array_size(list); i++)
        g_string_append_c(text, (char)json_integer_value(json_array_get(list, i)));
    json_t *string = json_stringn(text->str, text->len);
    return string != NULL ? string : g_steal_pointer(&list);
}

/* A number until 2023.12.28 (rule QRK-02). */
static json_t *
read_version(const DsnMember *member, json_t *value)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (!json_is_number(value))
        return read_text(member, value);
    dsn_json_tree(text, value);
    if (g_str_has_suffix(text->str, ".0"))
        g_string_truncate(text, text->len - strlen(".0"));
    return json_stringn(text->str, text->len);
}

/* An empty object that went through an encoder without the notion is []. */
static json_t *
read_object(const DsnMember *member, json_t *value)
{
    (void)member; /* the members are read by the caller */
    if (is_empty_array(value))
        return json_object();
    return json_is_object(value) ? json_incref(value) : NULL;
}

/* A list of texts; one text alone, in either form, is a list of one. */
static json_t *
read_extension(const DsnMember *member, json_t *value)
{
    if (!json_is_string(value) && !json_is_number(json_array_get(value, 0)))
        return read_list(member, value, read_bytes);
    json_t *text = read_bytes(member, value);
    return text == NULL ? NULL : json_pack("[o]", text);
}

/* An object of lists of texts. */
static json_t *
read_extensions(const DsnMember *member, json_t *value)
{
    json_auto_t *object = read_object(member, value);
    const char *key;
    json_t *texts;

    json_object_foreach(object, key, texts)
    {
        json_t *list = read_extension(member, texts);
        if (list == NULL)
            return NULL;
        (void)json_object_set_new(object, key, list); /* replaces, and so keeps the iterator */
    }
    return g_steal_pointer(&object);
}

static const DsnMemberForm FORM_ANY = {"a value", read_any, dsn_plain_skip_any};
static const DsnMemberForm FORM_TEXT = {"a string", read_text, dsn_plain_skip_text};
static const DsnMemberForm FORM_NAME = {"a string without NUL", read_name, dsn_plain_skip_name};
static const DsnMemberForm FORM_ADDRESS = {"an address without NUL", read_address,
                                           dsn_plain_skip_address};
static const DsnMemberForm FORM_TEXTS = {"an array of strings", read_texts, dsn_plain_skip_texts};
static const DsnMemberForm FORM_ADDRESSES = {"an array of addresses", read_addresses,
                                             dsn_plain_skip_addresses};
static const DsnMemberForm FORM_RECIPIENTS = {"an address or an array of addresses",
                                              read_recipients, dsn_plain_skip_recipients};
static const DsnMemberForm FORM_NUMBER = {"an integer", read_number, dsn_plain_skip_number};
static const DsnMemberForm FORM_BOOL = {"true or false", read_bool, dsn_plain_skip_bool};
static const DsnMemberForm FORM_TIME = {"a time in the form of RFC 3339", read_time,
                                        dsn_plain_skip_time};
static const DsnMemberForm FORM_BYTES = {"a string or an array of byte numbers", read_bytes,
                                         dsn_plain_skip_text};
static const DsnMemberForm FORM_VERSION = {"a string or a number", read_version,
                                           dsn_plain_skip_text};
static const DsnMemberForm FORM_EXTENSIONS = {"an object of arrays of strings", read_extensions,
                                              dsn_plain_skip_extensions};
static const DsnMemberForm FORM_OBJECT = {"an object", read_object, dsn_plain_skip_object};

#define WHOLE_MAX (INT64_C(1) << 53) /* up to here floating point has every whole number */

/* clang-format off: one key a line */
#define KEY(key, form, need)        \
    {                               \
        key, form, need, 0, 0, NULL \
    }
#define NUMBER(key, need, max)                \
    {                                         \
        key, &FORM_NUMBER, need, 0, max, NULL \
    }
#define SECONDS(key, form, need)                          \
    {                                                     \
        key, form, need, DSN_TIME_MIN, DSN_TIME_MAX, NULL \
    }
#define NESTED(key, need, members)             \
    {                                          \
        key, &FORM_OBJECT, need, 0, 0, members \
    }
#define END                                      \
    {                                            \
        NULL, NULL, DSN_NEED_OMITTED, 0, 0, NULL \
    }

static const DsnMember STATUS_CODE[] = {
    NUMBER("class", DSN_NEED_REQUIRED, UINT8_MAX),
    NUMBER("subject", DSN_NEED_REQUIRED, UINT16_MAX),
    NUMBER("detail", DSN_NEED_REQUIRED, UINT16_MAX),
    END,
};

static const DsnMember RESPONSE[] = {
    NUMBER("code", DSN_NEED_REQUIRED, UINT16_MAX),
    NESTED("enhanced_code", DSN_NEED_NULL, STATUS_CODE),
    KEY("content", &FORM_TEXT, DSN_NEED_REQUIRED),
    KEY("command", &FORM_TEXT, DSN_NEED_NULL),
    END,
};

static const DsnMember PEER_ADDRESS[] = {
    KEY("name", &FORM_NAME, DSN_NEED_REQUIRED),
    KEY("addr", &FORM_NAME, DSN_NEED_REQUIRED),
    KEY("is_secure", &FORM_BOOL, DSN_NEED_OMITTED),
    END,
};

static const DsnMember SOURCE_ADDRESS[] = {
    KEY("address", &FORM_TEXT, DSN_NEED_REQUIRED),
    KEY("server", &FORM_TEXT, DSN_NEED_OMITTED),
    KEY("protocol", &FORM_TEXT, DSN_NEED_OMITTED),
    END,
};

static const DsnMember REPORTING_MTA[] = {
    KEY("mta_type", &FORM_TEXT, DSN_NEED_NULL),
    KEY("name", &FORM_TEXT, DSN_NEED_REQUIRED),
    END,
};

static const DsnMember FEEDBACK_REPORT[] = {
    KEY("feedback_type", &FORM_TEXT, DSN_NEED_NULL),
    KEY("user_agent", &FORM_TEXT, DSN_NEED_NULL),
    KEY("version", &FORM_VERSION, DSN_NEED_NULL),
    KEY("arrival_date", &FORM_TEXT, DSN_NEED_NULL),
    NUMBER("incidents", DSN_NEED_NULL, UINT32_MAX),
    KEY("original_envelope_id", &FORM_TEXT, DSN_NEED_NULL),
    KEY("original_mail_from", &FORM_ADDRESS, DSN_NEED_NULL),
    NESTED("reporting_mta", DSN_NEED_NULL, REPORTING_MTA),
    KEY("source_ip", &FORM_TEXT, DSN_NEED_NULL),
    KEY("authentication_results", &FORM_TEXTS, DSN_NEED_LIST),
    KEY("original_rcpto_to", &FORM_ADDRESSES, DSN_NEED_LIST),
    KEY("reported_domain", &FORM_TEXTS, DSN_NEED_LIST),
    KEY("reported_uri", &FORM_TEXTS, DSN_NEED_LIST),
    KEY("extensions", &FORM_EXTENSIONS, DSN_NEED_OBJECT),
    KEY("original_message", &FORM_BYTES, DSN_NEED_NULL),
    KEY("supplemental_trace", &FORM_ANY, DSN_NEED_NULL),
    END,
};

const DsnMember DSN_RECORD_MEMBERS[] = {
    KEY("type", &FORM_NAME, DSN_NEED_REQUIRED),
    KEY("id", &FORM_NAME, DSN_NEED_REQUIRED),
    KEY("sender", &FORM_ADDRESS, DSN_NEED_REQUIRED),
    KEY("recipient", &FORM_RECIPIENTS, DSN_NEED_REQUIRED),
    KEY("queue", &FORM_TEXT, DSN_NEED_REQUIRED),
    KEY("site", &FORM_TEXT, DSN_NEED_REQUIRED),
    NUMBER("size", DSN_NEED_REQUIRED, WHOLE_MAX),
    NESTED("response", DSN_NEED_REQUIRED, RESPONSE),
    NESTED("peer_address", DSN_NEED_NULL, PEER_ADDRESS),
    SECONDS("timestamp", &FORM_NUMBER, DSN_NEED_REQUIRED),
    SECONDS("event_time", &FORM_TIME, DSN_NEED_OMITTED),
    SECONDS("created", &FORM_NUMBER, DSN_NEED_REQUIRED),
    SECONDS("created_time", &FORM_TIME, DSN_NEED_OMITTED),
    NUMBER("num_attempts", DSN_NEED_REQUIRED, UINT16_MAX),
    KEY("bounce_classification", &FORM_TEXT, DSN_NEED_REQUIRED),
    KEY("egress_pool", &FORM_TEXT, DSN_NEED_NULL),
    KEY("egress_source", &FORM_TEXT, DSN_NEED_NULL),
    NESTED("source_address", DSN_NEED_NULL, SOURCE_ADDRESS),
    NESTED("feedback_report", DSN_NEED_NULL, FEEDBACK_REPORT),
    KEY("meta", &FORM_OBJECT, DSN_NEED_REQUIRED),
    KEY("headers", &FORM_OBJECT, DSN_NEED_REQUIRED),
    KEY("delivery_protocol", &FORM_NAME, DSN_NEED_NULL),
    KEY("reception_protocol", &FORM_NAME, DSN_NEED_NULL),
    KEY("nodeid", &FORM_NAME, DSN_NEED_OMITTED), /* not before 2023.08.22 */
    KEY("tls_cipher", &FORM_TEXT, DSN_NEED_OMITTED),
    KEY("tls_protocol_version", &FORM_TEXT, DSN_NEED_OMITTED),
    KEY("tls_peer_subject_name", &FORM_TEXTS, DSN_NEED_OMITTED),
    KEY("provider_name", &FORM_TEXT, DSN_NEED_OMITTED),
    KEY("session_id", &FORM_TEXT, DSN_NEED_OMITTED),
    END,
};
/* clang-format on */

static const char *
describe(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}

static void
set_type_error(GError **error, const char *path, const DsnMember *member, const json_t *value)
{
    g_autoptr(GString) text = g_string_new(path);

    g_string_append_printf(text, "%s: expected %s", member->key, member->form->expected);
    if (member->form == &FORM_NUMBER)
        g_string_append_printf(text, " from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, member->min,
                               member->max);
    g_string_append(text, ", got ");
    if (json_is_number(value))
        dsn_json_tree(text, value);
    else
        g_string_append(text, describe(value));
    g_set_error_literal(error, DSN_RECORD_ERROR, DSN_RECORD_ERROR_KEY, text->str);
}

/* @path is "" or the keys that lead to @object, each followed by a dot. */
static bool
repair_members(const DsnMember *members, json_t *object, const char *path, GError **error)
{
    for (const DsnMember *member = members; member->key != NULL; member++) {
        json_t *value = json_object_get(object, member->key);

        if (value == NULL && member->need == DSN_NEED_REQUIRED) {
            g_set_error(error, DSN_RECORD_ERROR, DSN_RECORD_ERROR_KEY, "%s%s: missing", path,
                        member->key);
            return false;
        }
        if (value == NULL || (json_is_null(value) && member->need != DSN_NEED_REQUIRED))
            continue;

        json_t *newest = member->form->read(member, value);
        if (newest == NULL) {
            set_type_error(error, path, member, value);
            return false;
        }
        if (newest != value)
            (void)json_object_set_new(object, member->key, newest); /* replaces: cannot fail */
        else
            json_decref(newest); /* the object still has it */
        if (member->members != NULL) {
            g_autofree char *below = g_strconcat(path, member->key, ".", NULL);
            if (!repair_members(member->members, newest, below, error))
                return false;
        }
    }
    return true;
}

bool
dsn_record_shape_repair(json_t *record, GError **error)
{
    return repair_members(DSN_RECORD_MEMBERS, record, "", error);
}

static void
write_absent(const DsnMember *member, GString *json)
{
    if (member->need == DSN_NEED_OMITTED)
        return;
    dsn_json_key(json, member->key);
    g_string_append(json, member->need == DSN_NEED_LIST     ? "[]"
                          : member->need == DSN_NEED_OBJECT ? "{}"
                                                            : "null");
}

static bool
is_member(const DsnMember *members, const char *key)
{
    for (; members->key != NULL; members++)
        if (strcmp(members->key, key) == 0)
            return true;
    return false;
}

static void
write_others(const DsnMember *members, const json_t *object, GString *json)
{
    const char *key;
    size_t length;
    json_t *value;

    json_object_keylen_foreach((json_t *)object, key, length, value)
    {
        if (is_member(members, key))
            continue;
        dsn_json_next(json);
        (void)dsn_json_string(json, (DsnSpan){key, length}); /* jansson holds only UTF-8 */
        g_string_append_c(json, ':');
        dsn_json_tree(json, value);
    }
}

static void
write_members(const DsnMember *members, const json_t *object, GString *json)
{
    size_t known = 0;

    g_string_append_c(json, '{');
    for (const DsnMember *member = members; member->key != NULL; member++) {
        const json_t *value = json_object_get(object, member->key);

        known += value != NULL;
        if (value == NULL || json_is_null(value) ||
            (member->need == DSN_NEED_OMITTED && json_is_false(value))) {
            write_absent(member, json);
            continue;
        }
        dsn_json_key(json, member->key);
        if (member->members != NULL)
            write_members(member->members, value, json);
        else
            dsn_json_tree(json, value);
    }
    if (known < json_object_size(object))
        write_others(members, object, json);
    g_string_append_c(json, '}');
}

void
dsn_record_shape_write(const json_t *record, GString *json)
{
    write_members(DSN_RECORD_MEMBERS, record, json);
}
