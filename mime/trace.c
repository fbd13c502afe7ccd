/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/trace.h"

#include "mime/transfer.h"

#define COLUMNS 75

/* "{" and a quote or white space in base64: one of "ey" (quote, space), "ew" (tab, line feed). */
static bool
starts_object(DsnSpan value)
{
    return value.len >= 4 && value.data[0] == 'e' && (value.data[1] == 'y' || value.data[1] == 'w');
}

bool
dsn_trace_is_candidate(const DsnHeaderField *field)
{
    return field->name.len > 2 && (field->name.data[0] == 'X' || field->name.data[0] == 'x') &&
           field->name.data[1] == '-' && starts_object(dsn_span_trim(field->value));
}

/* True if @value has nothing but base64, white space, and padding at the end. */
static bool
is_base64(DsnSpan value)
{
    size_t digits = 0;
    size_t pads = 0;

    for (size_t i = 0; i < value.len; i++) {
        char c = value.data[i];

        if (c == '=')
            pads++;
        else if (g_ascii_isalnum(c) || c == '+' || c == '/')
            digits++;
        else if (!dsn_is_space(c))
            return false;
        if (pads > 0 && c != '=' && !dsn_is_space(c))
            return false;
    }
    return digits % 4 != 1 && pads <= 2;
}

bool
dsn_trace_decode(DsnSpan value, GString *ret_json)
{
    size_t before = ret_json->len;

    if (!is_base64(value))
        return false;
    /* What is_base64() let pass decodes; missing padding is all that may be found fault with. */
    (void)dsn_transfer_decode(value, DSN_TRANSFER_BASE64, &DSN_LIMITS_DEFAULT, ret_json);

    size_t len = ret_json->len - before;
    if (len < 2 || ret_json->str[before] != '{' || ret_json->str[ret_json->len - 1] != '}') {
        g_string_truncate(ret_json, before);
        return false;
    }
    return true;
}

void
dsn_trace_encode(DsnSpan json, GString *ret_value)
{
    g_autofree char *base64 = g_base64_encode((const guchar *)json.data, json.len);
    size_t len = strlen(base64);

    for (size_t at = 0; at < len; at += COLUMNS) {
        if (at > 0)
            g_string_append(ret_value, "\r\n\t");
        g_string_append_len(ret_value, base64 + at, (gssize)MIN(COLUMNS, len - at));
    }
}
