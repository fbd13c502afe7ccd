/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/clean-text.h"

/* Line and paragraph separators print, but some viewers of logs begin a line there. */
static bool
is_harmless(gunichar c)
{
    return g_unichar_isprint(c) && c != 0x2028 && c != 0x2029;
}

void
dsn_append_clean(GString *line, DsnSpan text)
{
    const char *at = text.data;
    const char *end = text.len == 0 ? at : at + text.len;

    while (at < end) {
        gunichar c = g_utf8_get_char_validated(at, end - at);
        bool valid = c != (gunichar)-1 && c != (gunichar)-2;
        size_t len = valid ? (size_t)(g_utf8_next_char(at) - at) : 1;

        if (valid && is_harmless(c))
            g_string_append_len(line, at, (gssize)len);
        else
            for (size_t i = 0; i < len; i++)
                g_string_append_printf(line, "\\x%02x", (unsigned char)at[i]);
        at += len;
    }
}
