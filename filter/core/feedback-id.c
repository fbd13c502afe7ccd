/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/feedback-id.h"

#include <string.h>

#define FORM_MAX 200
#define PART_MAX 64
#define COLONS 3

static const char *const names[] = {"{campaign}", "{tenant}", "{trace}"};

/* The number of the placeholder that @text begins with, or that of names. */
static size_t
find_placeholder(const char *text)
{
    size_t i = 0;

    while (i < G_N_ELEMENTS(names) && !g_str_has_prefix(text, names[i]))
        i++;
    return i;
}

const char *
dsn_feedback_id_check(const char *form)
{
    static const char expected[] =
        "a text without spaces such as \"{campaign}:{tenant}:mail:sender\" or \"{trace}\"; the "
        "placeholders are {campaign}, {tenant} and {trace}";
    size_t colons = 0;

    if (strlen(form) > FORM_MAX)
        return expected;
    for (const char *c = form; *c != '\0'; c++) {
        size_t i = find_placeholder(c);

        if (i < G_N_ELEMENTS(names)) {
            c += strlen(names[i]) - 1;
            continue;
        }
        if (!g_ascii_isgraph(*c) || *c == '{' || *c == '}')
            return expected;
        colons += *c == ':' ? 1 : 0;
    }
    return colons == 0 || colons == COLONS ? NULL : "four parts with \":\" between them, or one";
}

/* No part can begin another one, or another line. */
static void
append_part(const char *text, GString *value)
{
    for (size_t i = 0; text != NULL && text[i] != '\0' && i < PART_MAX; i++)
        g_string_append_c(value, g_ascii_isgraph(text[i]) && text[i] != ':' ? text[i] : '_');
}

void
dsn_feedback_id_write(const char *form, const DsnFeedbackIdParts *parts, GString *ret_value)
{
    while (*form != '\0') {
        size_t i = find_placeholder(form);

        if (i == G_N_ELEMENTS(names)) {
            g_string_append_c(ret_value, *form++);
            continue;
        }
        if (i == 0)
            append_part(parts->campaign, ret_value);
        else if (i == 1)
            append_part(parts->tenant, ret_value);
        else
            g_string_append(ret_value, parts->trace);
        form += strlen(names[i]);
    }
}
