/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jansson takes every byte through several functions. Here are read the texts that programs write;
 * what is rare (reals, numbers of many digits, deep nesting) or wrong makes this reader give up,
 * and jansson read all again: so it alone says what is right, and what is wrong with the rest.
 */
#include "config.h"

#include "filter/core/json-load.h"

#include "filter/core/json-string.h"

#include <stdint.h>

#define DEPTH_MAX 32
#define KEY_MAX 128
#define DIGITS_MAX 18 /* which fit into 63 bits */

typedef struct Reader {
    const char *at;
    const char *end;
    unsigned depth;
    GString *text; /* of a string with escapes; NULL: there was none yet */
} Reader;

static json_t *read_value(Reader *reader);

static void
skip_space(Reader *reader)
{
    while (reader->at < reader->end && dsn_is_space(*reader->at))
        reader->at++;
}

/* Takes @c, and white space before and behind it. */
static bool
take(Reader *reader, char c)
{
    skip_space(reader);
    if (reader->at == reader->end || *reader->at != c)
        return false;
    reader->at++;
    skip_space(reader);
    return true;
}

/* Up to the quote that ends a string; @ret_clean is false if something needs to be looked at. */
static bool
find_quote(Reader *reader, bool *ret_clean)
{
    const char *at = reader->at;

    at += dsn_json_clean_prefix((DsnSpan){at, (size_t)(reader->end - at)});
    *ret_clean = at < reader->end && *at == '"';
    while (at < reader->end && *at != '"')
        at += *at == '\\' && at + 1 < reader->end ? 2 : 1;
    reader->at = at;
    return at < reader->end;
}

/* The string at the cursor, as it is or in the reader's buffer until the next one is read. */
static bool
read_string(Reader *reader, DsnSpan *ret_text)
{
    bool clean;

    if (reader->at == reader->end || *reader->at != '"')
        return false;
    const char *start = ++reader->at;
    if (!find_quote(reader, &clean))
        return false;
    *ret_text = (DsnSpan){start, (size_t)(reader->at - start)};
    reader->at++;
    if (clean)
        return true;

    if (reader->text == NULL)
        reader->text = g_string_new(NULL);
    g_string_truncate(reader->text, 0);
    if (!dsn_json_unescape(*ret_text, reader->text))
        return false;
    *ret_text = (DsnSpan){reader->text->str, reader->text->len};
    return true;
}

/* "key": value; false for a key that is there already, too. */
static bool
read_member(Reader *reader, json_t *object)
{
    char key[KEY_MAX];
    DsnSpan name;
    size_t members = json_object_size(object);

    if (!read_string(reader, &name) || name.len > sizeof(key) ||
        memchr(name.data, '\0', name.len) != NULL || !take(reader, ':'))
        return false;
    memcpy(key, name.data, name.len); /* the value may need the buffer */
    json_t *value = read_value(reader);
    return value != NULL && json_object_setn_new_nocheck(object, key, name.len, value) == 0 &&
           json_object_size(object) > members;
}

static json_t *
read_object(Reader *reader)
{
    json_auto_t *object = json_object();

    reader->at++;
    if (take(reader, '}'))
        return g_steal_pointer(&object);
    do {
        if (!read_member(reader, object))
            return NULL;
    } while (take(reader, ','));
    return take(reader, '}') ? g_steal_pointer(&object) : NULL;
}

static json_t *
read_array(Reader *reader)
{
    json_auto_t *array = json_array();

    reader->at++;
    if (take(reader, ']'))
        return g_steal_pointer(&array);
    do {
        json_t *value = read_value(reader);

        if (value == NULL)
            return NULL;
        (void)json_array_append_new(array, value); /* fails for NULL only */
    } while (take(reader, ','));
    return take(reader, ']') ? g_steal_pointer(&array) : NULL;
}

static json_t *
read_integer(Reader *reader)
{
    bool negative = *reader->at == '-';
    const char *start = reader->at += negative ? 1 : 0;
    json_int_t number = 0;

    while (reader->at < reader->end && g_ascii_isdigit(*reader->at) &&
           reader->at - start < DIGITS_MAX)
        number = number * 10 + (*reader->at++ - '0');

    bool more = reader->at < reader->end && (g_ascii_isalnum(*reader->at) || *reader->at == '.');
    bool none = reader->at == start;
    if (none || more || (*start == '0' && reader->at - start > 1))
        return NULL;
    return json_integer(negative ? -number : number);
}

static json_t *
read_word(Reader *reader)
{
    static const DsnSpan words[] = {DSN_SPAN_LITERAL("null"), DSN_SPAN_LITERAL("true"),
                                    DSN_SPAN_LITERAL("false")};

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if ((size_t)(reader->end - reader->at) <= words[i].len ||
            memcmp(reader->at, words[i].data, words[i].len) != 0)
            continue;
        reader->at += words[i].len;
        if (g_ascii_isalnum(*reader->at))
            return NULL;
        return i == 0 ? json_null() : json_boolean(i == 1);
    }
    return NULL;
}

static json_t *
read_nested(Reader *reader)
{
    if (reader->depth == DEPTH_MAX)
        return NULL;
    reader->depth++;
    json_t *value = *reader->at == '{' ? read_object(reader) : read_array(reader);
    reader->depth--;
    return value;
}

/* NULL when this one, or what is in it, has to be left to jansson. */
static json_t *
read_value(Reader *reader)
{
    DsnSpan text;

    if (reader->at == reader->end)
        return NULL;
    switch (*reader->at) {
    case '"':
        return read_string(reader, &text) ? json_stringn_nocheck(text.data, text.len) : NULL;
    case '{':
    case '[':
        return read_nested(reader);
    case 'n':
    case 't':
    case 'f':
        return read_word(reader);
    default:
        return read_integer(reader);
    }
}

json_t *
dsn_json_load(DsnSpan text, json_error_t *ret_fault)
{
    if (text.data == NULL)
        text = DSN_SPAN_LITERAL("");

    Reader reader = {.at = text.data, .end = text.data + text.len};
    json_t *tree = NULL;

    skip_space(&reader);
    if (reader.at < reader.end && (*reader.at == '{' || *reader.at == '['))
        tree = read_value(&reader);
    if (reader.text != NULL)
        g_string_free(reader.text, TRUE);
    if (tree != NULL && reader.at == reader.end)
        return tree;
    json_decref(tree);
    return json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, ret_fault);
}
