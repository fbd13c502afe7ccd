/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/record-mask.h"

#include "mime/span.h"

#include <glib.h>

/* More recipients than a record has are not looked for. */
#define ADDRESSES_MAX 100

/* ---- which ---- */

/* The local part of @text, in angle brackets or not; absent when it is no address. */
static DsnSpan
local_part(const json_t *text)
{
    DsnSpan address = {json_string_value(text), json_string_length(text)};
    const char *at =
        address.len == 0 ? NULL : g_strrstr_len(address.data, (gssize)address.len, "@");

    if (at == NULL)
        return DSN_SPAN_ABSENT;
    if (address.data[0] == '<')
        address = dsn_span_from(address, 1);
    return (DsnSpan){address.data, (size_t)(at - address.data)};
}

/* Adds those that @value, an address or a list of addresses, names. */
static void
add_locals(GPtrArray *locals, const json_t *value)
{
    const json_t *element;
    size_t i;

    if (json_is_array(value)) {
        json_array_foreach(value, i, element)
        {
            add_locals(locals, element);
        }
        return;
    }
    DsnSpan local = json_is_string(value) ? local_part(value) : DSN_SPAN_ABSENT;
    if (local.len > 0 && locals->len < ADDRESSES_MAX)
        g_ptr_array_add(locals, g_strndup(local.data, local.len));
}

static GPtrArray *
find_locals(const json_t *record)
{
    GPtrArray *locals = g_ptr_array_new_with_free_func(g_free);
    const json_t *report = json_object_get(record, "feedback_report");
    const json_t *own = json_object_get(record, "dsnarf");

    add_locals(locals, json_object_get(record, "recipient"));
    add_locals(locals, json_object_get(report, "original_rcpt_to"));
    add_locals(locals, json_object_get(json_object_get(report, "supplemental_trace"), "recipient"));
    add_locals(locals, json_object_get(own, "suppress"));
    return locals;
}

/* ---- where ---- */

static bool
is_word(char c)
{
    return g_ascii_isalnum(c) || c == '_' || c == '-' || c == '.' || c == '+' || (c & 0x80) != 0;
}

/* True if @local stands at @at of @text with "@" behind it, or @alone as a word. */
static bool
is_local(DsnSpan text, size_t at, DsnSpan local, bool alone)
{
    size_t end = at + local.len;

    if (end > text.len || (at > 0 && is_word(text.data[at - 1])))
        return false;
    if (end == text.len || text.data[end] != '@')
        if (!alone || (end < text.len && is_word(text.data[end])))
            return false;
    return g_ascii_strncasecmp(text.data + at, local.data, local.len) == 0;
}

static void
append_masked(DsnSpan text, const GPtrArray *locals, bool alone, GString *masked)
{
    for (size_t at = 0; at < text.len;) {
        size_t len = 0;

        for (guint i = 0; len == 0 && i < locals->len; i++)
            if (is_local(text, at, dsn_span(locals->pdata[i]), alone))
                len = strlen(locals->pdata[i]);
        if (len > 0)
            g_string_append(masked, DSN_MASK);
        else
            g_string_append_c(masked, text.data[at]);
        at += MAX(len, 1);
    }
}

static void
mask_text(json_t *value, const GPtrArray *locals, bool alone)
{
    DsnSpan text = {json_string_value(value), json_string_length(value)};
    g_autoptr(GString) masked = g_string_sized_new(text.len);

    append_masked(text, locals, alone, masked);
    (void)json_string_setn_nocheck(value, masked->str, masked->len);
}

/* All texts in @value. Trees that were read are no deeper than jansson lets them be. */
static void
mask_all(json_t *value, const GPtrArray *locals)
{
    const char *key;
    json_t *member;
    size_t i;

    if (json_is_string(value)) {
        mask_text(value, locals, false);
    } else if (json_is_array(value)) {
        json_array_foreach(value, i, member)
        {
            mask_all(member, locals);
        }
    } else if (json_is_object(value)) {
        json_object_foreach(value, key, member)
        {
            mask_all(member, locals);
        }
    }
}

void
dsn_record_mask(json_t *record)
{
    g_autoptr(GPtrArray) locals = find_locals(record);
    json_t *response = json_object_get(json_object_get(record, "response"), "content");

    mask_all(record, locals);
    if (json_is_string(response))
        mask_text(response, locals, true);
}
