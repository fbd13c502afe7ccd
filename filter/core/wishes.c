/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/wishes.h"

#include "mime/address.h"

/* Characters that a parameter may have (RFC 3461 section 5.4, rules ESMTP-07, ESMTP-10). */
#define ORCPT_MAX 500
#define TYPE_MAX 70

/* Printable ASCII, and not all blank. */
static bool
is_printable(DsnSpan text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!g_ascii_isprint(text.data[i]))
            return false;
    return dsn_span_trim(text).len > 0;
}

bool
dsn_notify_parse(DsnSpan value, unsigned *ret_notify)
{
    static const struct {
        const char *word;
        DsnNotify bit;
    } words[] = {{"SUCCESS", DSN_NOTIFY_SUCCESS},
                 {"FAILURE", DSN_NOTIFY_FAILURE},
                 {"DELAY", DSN_NOTIFY_DELAY}};
    unsigned notify = 0;

    if (dsn_span_is(value, "NEVER")) {
        *ret_notify = DSN_NOTIFY_NEVER;
        return true;
    }
    for (;;) {
        const char *comma = value.len == 0 ? NULL : memchr(value.data, ',', value.len);
        DsnSpan word = {value.data, comma == NULL ? value.len : (size_t)(comma - value.data)};
        size_t i = 0;

        while (i < G_N_ELEMENTS(words) && !dsn_span_is(word, words[i].word))
            i++;
        if (i == G_N_ELEMENTS(words))
            return false;
        notify |= words[i].bit;
        if (comma == NULL)
            break;
        value = dsn_span_from(value, word.len + 1);
    }
    *ret_notify = notify;
    return true;
}

bool
dsn_ret_parse(DsnSpan value, DsnReturn *ret_return)
{
    if (!dsn_span_is(value, "FULL") && !dsn_span_is(value, "HDRS"))
        return false;
    *ret_return = dsn_span_is(value, "FULL") ? DSN_RETURN_FULL : DSN_RETURN_HEADERS;
    return true;
}

bool
dsn_envid_parse(DsnSpan value, GString *ret_envid)
{
    size_t start = ret_envid->len;

    if (value.len > DSN_ENVID_MAX || !dsn_xtext_decode(value, ret_envid))
        return false;
    if (is_printable((DsnSpan){ret_envid->str + start, ret_envid->len - start}))
        return true;
    g_string_truncate(ret_envid, start);
    return false;
}

/* An atom of RFC 5322 without what a parameter's value may not hold. */
static bool
is_address_type(DsnSpan type)
{
    for (size_t i = 0; i < type.len; i++)
        if (!g_ascii_isalnum(type.data[i]) &&
            (type.data[i] == '\0' || strchr("!#$%&'*-/?^_`{|}~", type.data[i]) == NULL))
            return false;
    return type.len > 0 && type.len <= TYPE_MAX;
}

/* Appends one of the three forms decoded, or what is none of them as it is, as long as nothing in
 * it could not stand in a field (rules I18N-02, I18N-07, I18N-16). */
static bool
read_utf8_address(DsnSpan text, GString *ret_address)
{
    if (text.len == 0 || !g_utf8_validate_len(text.data, text.len, NULL))
        return false;
    for (const char *at = text.data; at < text.data + text.len; at = g_utf8_next_char(at))
        if (g_unichar_iscntrl(g_utf8_get_char(at)))
            return false;
    if (!dsn_utf8_address_decode(text, ret_address))
        g_string_append_len(ret_address, text.data, (gssize)text.len);
    return true;
}

bool
dsn_orcpt_parse(DsnSpan value, GString *ret_type, GString *ret_address)
{
    const char *semicolon = value.len == 0 ? NULL : memchr(value.data, ';', value.len);
    DsnSpan type = {value.data, semicolon == NULL ? 0 : (size_t)(semicolon - value.data)};
    size_t start = ret_address->len;

    if (value.len > ORCPT_MAX || !is_address_type(type))
        return false;

    DsnSpan address = dsn_span_from(value, type.len + 1);
    if (dsn_span_is(type, "utf-8")) {
        if (!read_utf8_address(address, ret_address))
            return false;
    } else if (!dsn_xtext_decode(address, ret_address) ||
               !is_printable((DsnSpan){ret_address->str + start, ret_address->len - start})) {
        g_string_truncate(ret_address, start);
        return false;
    }
    g_string_append_len(ret_type, type.data, (gssize)type.len);
    return true;
}

/* ---- from a record ---- */

typedef struct Reader {
    const json_t *meta;
    unsigned broken;
    GString *type;
    GString *text;
} Reader;

static DsnSpan
span_of(const json_t *text)
{
    return (DsnSpan){json_string_value(text), json_string_length(text)};
}

/* The value under @key; NULL when it was not set, or is nothing. */
static const json_t *
find(const Reader *reader, const char *key)
{
    const json_t *value = key == NULL ? NULL : json_object_get(reader->meta, key);

    return json_is_null(value) ? NULL : value;
}

/* The text in @value that is about @recipient: @value itself, or its member of that name. Absent
 * when nothing was said; what is no text is broken. */
static DsnSpan
text_for(Reader *reader, const json_t *value, const char *recipient)
{
    if (json_is_object(value) && recipient != NULL)
        value = json_object_get(value, recipient);
    if (value == NULL || json_is_null(value))
        return DSN_SPAN_ABSENT;
    if (!json_is_string(value))
        reader->broken++;
    return span_of(value);
}

static void
read_message(Reader *reader, const DsnMetaKeys *keys, DsnWishes *wishes)
{
    DsnSpan ret = text_for(reader, find(reader, keys->ret), NULL);
    DsnSpan envid = text_for(reader, find(reader, keys->envid), NULL);
    const json_t *requiretls = find(reader, keys->requiretls);

    if (dsn_span_present(ret)) {
        wishes->has_ret = dsn_ret_parse(ret, &wishes->ret);
        reader->broken += !wishes->has_ret;
    }
    g_string_truncate(reader->text, 0);
    if (dsn_span_present(envid)) {
        if (dsn_envid_parse(envid, reader->text))
            wishes->envid = g_strndup(reader->text->str, reader->text->len);
        else
            reader->broken++;
    }
    wishes->requiretls = json_is_true(requiretls) || (json_string_length(requiretls) > 0 &&
                                                      !dsn_span_is(span_of(requiretls), "no"));
}

/* @notify is one value for all recipients, or an object: recipient -> value. */
static void
read_notify(Reader *reader, const json_t *notify, const DsnRecord *record, GArray *recipients)
{
    bool each = json_is_object(notify);
    unsigned bits = 0;

    for (guint i = 0; notify != NULL && i < recipients->len; i++) {
        if (each || i == 0) {
            DsnSpan value = text_for(reader, notify, record->recipients[i]);

            bits = 0;
            if (dsn_span_present(value) && !dsn_notify_parse(value, &bits))
                reader->broken++;
        }
        g_array_index(recipients, DsnRecipientWishes, i).notify = bits;
    }
}

/* A text that is not said to be one recipient's is that of none when there are several. */
static void
read_orcpt(Reader *reader, const json_t *orcpt, const DsnRecord *record, GArray *recipients)
{
    if (orcpt == NULL || (!json_is_object(orcpt) && recipients->len != 1))
        return;
    for (guint i = 0; i < recipients->len; i++) {
        DsnRecipientWishes *wishes = &g_array_index(recipients, DsnRecipientWishes, i);
        DsnSpan value = text_for(reader, orcpt, record->recipients[i]);

        if (!dsn_span_present(value))
            continue;
        g_string_truncate(reader->type, 0);
        g_string_truncate(reader->text, 0);
        if (dsn_orcpt_parse(value, reader->type, reader->text)) {
            wishes->orcpt_type = g_strndup(reader->type->str, reader->type->len);
            wishes->orcpt = g_strndup(reader->text->str, reader->text->len);
        } else {
            reader->broken++;
        }
    }
}

static void
clear_recipient(gpointer data)
{
    DsnRecipientWishes *wishes = data;

    g_free(wishes->orcpt_type);
    g_free(wishes->orcpt);
}

void
dsn_wishes_read(const DsnRecord *record, const DsnMetaKeys *keys, DsnWishes *ret_wishes)
{
    const json_t *meta = keys == NULL ? NULL : json_object_get(record->json, "meta");
    guint n_recipients = (guint)record->n_recipients;

    *ret_wishes = (DsnWishes){
        .recipients = g_array_sized_new(FALSE, TRUE, sizeof(DsnRecipientWishes), n_recipients)};
    g_array_set_clear_func(ret_wishes->recipients, clear_recipient);
    g_array_set_size(ret_wishes->recipients, n_recipients);
    if (json_object_size(meta) == 0)
        return;

    g_autoptr(GString) type = g_string_new(NULL);
    g_autoptr(GString) text = g_string_new(NULL);
    Reader reader = {.meta = meta, .type = type, .text = text};

    read_message(&reader, keys, ret_wishes);
    read_notify(&reader, find(&reader, keys->notify), record, ret_wishes->recipients);
    read_orcpt(&reader, find(&reader, keys->orcpt), record, ret_wishes->recipients);
    ret_wishes->broken = reader.broken;
}

void
dsn_wishes_clear(DsnWishes *wishes)
{
    g_free(wishes->envid);
    if (wishes->recipients != NULL)
        g_array_unref(wishes->recipients);
    *wishes = (DsnWishes){.recipients = NULL};
}
