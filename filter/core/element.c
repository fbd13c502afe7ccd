/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/record.h"

#include "filter/core/json-blocks.h"
#include "filter/core/json-string.h"
#include "filter/core/record-shape.h"

/* jansson reads a string byte by byte, so that an original takes it longer than its record. A
 * shorter one is not worth a copy of the rest. */
#define LONG_STRING 512

static void
set_key_error(GError **error, const char *text)
{
    g_set_error_literal(error, DSN_RECORD_ERROR, DSN_RECORD_ERROR_KEY, text);
}

/* RFC 4648 section 4, strictly: padded, no line breaks, nothing in the bits left over. */
static bool
is_base64(DsnSpan text)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t digits = strspn(text.data, alphabet);
    size_t padding = text.len - digits;

    if (text.len % 4 != 0 || padding > 2 || memcmp(text.data + digits, "==", padding) != 0)
        return false;
    size_t last = padding == 0 ? 0 : (size_t)(strchr(alphabet, text.data[digits - 1]) - alphabet);
    return padding == 0 || (last & (padding == 1 ? 0x3 : 0xf)) == 0;
}

static GString *
decode_base64(DsnSpan text, GError **error)
{
    if (!is_base64(text)) {
        set_key_error(error, "message_base64: not base64 (padded, without line breaks)");
        return NULL;
    }
    GString *bytes = g_string_new_len(text.data, (gssize)text.len);
    gsize length = 0;
    if (bytes->len > 0)
        g_base64_decode_inplace(bytes->str, &length);
    return g_string_truncate(bytes, length);
}

/* A key that is absent or null gives an absent span. */
static bool
take_string(const json_t *wrapper, const char *key, DsnSpan *ret_text, GError **error)
{
    const json_t *value = json_object_get(wrapper, key);

    *ret_text = DSN_SPAN_ABSENT;
    if (value == NULL || json_is_null(value))
        return true;
    if (!json_is_string(value)) {
        g_set_error(error, DSN_RECORD_ERROR, DSN_RECORD_ERROR_KEY, "%s: expected a string", key);
        return false;
    }
    *ret_text = (DsnSpan){json_string_value(value), json_string_length(value)};
    return true;
}

/* A misspelt "message" must not quietly make a notice without the original. */
static bool
check_keys(json_t *wrapper, GError **error)
{
    const char *key;
    json_t *value;

    json_object_foreach(wrapper, key, value)
    {
        if (strcmp(key, "log_record") != 0 && strcmp(key, "message") != 0 &&
            strcmp(key, "message_base64") != 0) {
            set_key_error(error, "expected log_record with message or message_base64, "
                                 "and no other key beside them");
            return false;
        }
    }
    return true;
}

/* *@ret_original stays NULL when there is none. */
static bool
take_original(json_t *wrapper, GString **ret_original, GError **error)
{
    DsnSpan message, base64;

    if (!check_keys(wrapper, error) || !take_string(wrapper, "message", &message, error) ||
        !take_string(wrapper, "message_base64", &base64, error))
        return false;
    if (dsn_span_present(message) && dsn_span_present(base64)) {
        set_key_error(error, "message: message_base64 is given too");
        return false;
    }
    if (dsn_span_present(base64))
        return (*ret_original = decode_base64(base64, error)) != NULL;
    if (dsn_span_present(message))
        *ret_original = g_string_new_len(message.data, (gssize)message.len);
    return true;
}

/* If the string whose opening quote is at @start is the key of an original, returns the place of
 * the quote that opens its value, else 0. */
static size_t
find_value(DsnSpan text, size_t start, const char **ret_key)
{
    static const char *const keys[] = {"message", "message_base64"};

    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        size_t len = strlen(keys[i]);
        size_t at = start + 1 + len;

        if (text.len - start < len + 2 || text.data[at] != '"' ||
            memcmp(text.data + start + 1, keys[i], len) != 0)
            continue;
        for (at++; at < text.len && (dsn_is_space(text.data[at]) || text.data[at] == ':');)
            at++;
        *ret_key = keys[i];
        return at < text.len && text.data[at] == '"' ? at : 0;
    }
    return 0;
}

/* A look for the original in an element; whether that is JSON at all is left to jansson. */
typedef struct Search {
    DsnSpan text;
    DsnJsonCarry carry;
    size_t depth;
    size_t value; /* where the quote stands that opens it, 0: not yet */
    const char *key;
    DsnSpan raw; /* what stands between its quotes */
} Search;

/* Looks at one block, which begins at @base. True when the original was found. */
static bool
visit_block(gpointer state, const char *bytes, size_t base)
{
    Search *search = state;
    DsnJsonBlock block = dsn_json_look(bytes, &search->carry);

    for (uint64_t rest = block.opening | block.closing | block.starts | block.ends; rest != 0;
         rest &= rest - 1) {
        uint64_t bit = rest & -rest;
        size_t at = base + (size_t)__builtin_ctzll(rest);

        if (search->value != 0 && at > search->value && (bit & block.ends)) {
            search->raw = (DsnSpan){search->text.data + search->value + 1, at - search->value - 1};
            return true;
        }
        if (bit & block.opening)
            search->depth++;
        else if (bit & block.closing)
            search->depth--;
        else if (search->depth == 1 && search->value == 0 && (bit & block.starts))
            search->value = find_value(search->text, at, &search->key);
    }
    return false;
}

/* Reads @text, the original in it without jansson's help. NULL when there is none that is worth it,
 * or anything is odd. */
static json_t *
load_quickly(DsnSpan text, size_t max)
{
    Search search = {.text = text};

    if (text.len > max || !dsn_json_walk(text, 0, visit_block, &search) ||
        search.raw.len < LONG_STRING)
        return NULL;
    size_t start = search.value + 1, end = start + search.raw.len;
    g_autoptr(GString) original = g_string_sized_new(search.raw.len);
    g_autoptr(GString) rest = g_string_sized_new(text.len - search.raw.len);

    if (!dsn_json_unescape(search.raw, original))
        return NULL;
    g_string_append_len(rest, text.data, (gssize)start);
    g_string_append_len(rest, text.data + end, (gssize)(text.len - end));
    json_t *json = dsn_record_load_object((DsnSpan){rest->str, rest->len}, max, NULL);
    if (json != NULL)
        (void)json_object_set_new(json, search.key, /* replaces: cannot fail */
                                  json_stringn_nocheck(original->str, original->len));
    return json;
}

/* What jansson has to say about a broken text is about all of it. */
static json_t *
load_element(DsnSpan text, size_t max, GError **error)
{
    json_t *json = load_quickly(text, max);

    return json == NULL ? dsn_record_load_object(text, max, error) : json;
}

bool
dsn_element_parse(DsnSpan text, size_t max, DsnElement *ret_element, GError **error)
{
    json_auto_t *json = load_element(text, max, error);
    g_auto(DsnElement) element = {0};

    if (json == NULL)
        return false;
    json_t *inner = json_object_get(json, "log_record");
    if (inner != NULL && !take_original(json, &element.original, error))
        return false;
    element.has_original = element.original != NULL;
    element.record = dsn_record_from_json(inner == NULL ? json : inner, error);
    if (element.record == NULL) {
        if (inner != NULL)
            g_prefix_error(error, "log_record: ");
        return false;
    }
    *ret_element = element;
    element = (DsnElement){0};
    return true;
}

void
dsn_element_clear(DsnElement *element)
{
    dsn_record_free(element->record);
    if (element->original != NULL)
        g_string_free(element->original, TRUE);
    *element = (DsnElement){0};
}
