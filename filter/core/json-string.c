/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/json-string.h"

/* What may stand there unescaped; a backslash may not. */
static bool
is_plain(DsnSpan text)
{
    bool plain = true;

    for (size_t i = 0; i < text.len; i++)
        plain &= (unsigned char)text.data[i] >= 0x20 && text.data[i] != '"';
    return plain;
}

static bool
is_utf8(DsnSpan text)
{
    size_t ascii = dsn_span_ascii_prefix(text);

    return ascii == text.len || g_utf8_validate_len(text.data + ascii, text.len - ascii, NULL);
}

/* The four digits of "\uXXXX" at @at, or -1. */
static int
read_unit(DsnSpan raw, size_t at)
{
    int unit = 0;

    if (raw.len - at < 6 || raw.data[at] != '\\' || raw.data[at + 1] != 'u')
        return -1;
    for (size_t i = at + 2; i < at + 6; i++) {
        int digit = g_ascii_xdigit_value(raw.data[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* Reads the "\uXXXX" at @at, or the two that make one character; returns their length, or 0. */
static size_t
append_unicode(DsnSpan raw, size_t at, GString *text)
{
    int unit = read_unit(raw, at);
    size_t len = 6;

    if (unit >= 0xd800 && unit <= 0xdbff) {
        int low = read_unit(raw, at + len);
        if (low < 0xdc00 || low > 0xdfff)
            return 0;
        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        len += 6;
    } else if (unit < 0 || (unit >= 0xdc00 && unit <= 0xdfff)) {
        return 0;
    }
    if (unit == 0)
        g_string_append_c(text, '\0');
    else
        g_string_append_unichar(text, (gunichar)unit);
    return len;
}

/* Reads the escape at @at; returns its length, or 0. */
static size_t
append_escape(DsnSpan raw, size_t at, GString *text)
{
    static const char names[] = "\"\\/bfnrt", characters[] = "\"\\/\b\f\n\r\t";

    if (raw.len - at < 2)
        return 0;
    if (raw.data[at + 1] == 'u')
        return append_unicode(raw, at, text);
    const char *name = memchr(names, raw.data[at + 1], sizeof(names) - 1);
    if (name == NULL)
        return 0;
    g_string_append_c(text, characters[name - names]);
    return 2;
}

bool
dsn_json_unescape(DsnSpan raw, GString *ret_text)
{
    const size_t start = ret_text->len;
    size_t at = 0;
    bool good = is_utf8(raw);

    while (good && at < raw.len) {
        const char *escape = memchr(raw.data + at, '\\', raw.len - at);
        size_t len = escape == NULL ? raw.len - at : (size_t)(escape - raw.data) - at;

        good = is_plain((DsnSpan){raw.data + at, len});
        g_string_append_len(ret_text, raw.data + at, (gssize)len);
        at += len;
        if (good && at < raw.len) {
            len = append_escape(raw, at, ret_text);
            good = len > 0;
            at += len;
        }
    }
    if (!good)
        (void)g_string_truncate(ret_text, start);
    return good;
}
