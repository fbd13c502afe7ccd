/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/configuration.h"

#include "filter/core/configuration-table.h"
#include "mime/address.h"

G_DEFINE_QUARK(dsn_configuration_error, dsn_configuration_error)

const char *const DSN_TRUST_WORDS[] = {"token", "tenant", "authenticated", "spf", "dkim",
                                       "any",   NULL};

unsigned
dsn_trust_bits(const GPtrArray *words)
{
    unsigned bits = 0;

    for (guint i = 0; i < words->len; i++) {
        for (unsigned bit = 0; DSN_TRUST_WORDS[bit] != NULL; bit++) {
            if (strcmp(words->pdata[i], DSN_TRUST_WORDS[bit]) == 0)
                bits |= 1U << bit;
        }
    }
    return bits;
}

DsnConfiguration *
dsn_configuration_load(const char *file, GError **error)
{
    g_autofree DsnConfiguration *configuration = g_new0(DsnConfiguration, 1);
    g_autofree char *problems = NULL;

    if (!dsn_option_table_load(&DSN_CONFIGURATION_TABLE, file, configuration,
                               &configuration->places, &problems)) {
        g_set_error_literal(error, DSN_CONFIGURATION_ERROR, 0, problems);
        return NULL;
    }
    for (guint i = 0; i < configuration->segments->len; i++)
        ((DsnSegmentsOptions *)configuration->segments->pdata[i])->selection.limits =
            &configuration->template_limits;
    for (guint i = 0; i < configuration->webhooks->len; i++)
        ((DsnWebhookOptions *)configuration->webhooks->pdata[i])->selection.limits =
            &configuration->template_limits;
    for (guint i = 0; i < configuration->programs->len; i++)
        ((DsnProgramOptions *)configuration->programs->pdata[i])->selection.limits =
            &configuration->template_limits;
    return g_steal_pointer(&configuration);
}

void
dsn_configuration_free(DsnConfiguration *configuration)
{
    if (configuration == NULL)
        return;
    dsn_option_table_clear(&DSN_CONFIGURATION_TABLE, configuration);
    g_hash_table_unref(configuration->places);
    g_free(configuration);
}

const char *
dsn_configuration_place(const DsnConfiguration *configuration, const char *key)
{
    return g_hash_table_lookup(configuration->places, key);
}

void
dsn_configuration_keep(DsnConfiguration *configuration, const DsnConfiguration *before,
                       GString *ret_keys)
{
    dsn_option_table_keep(&DSN_CONFIGURATION_TABLE, configuration, before, ret_keys);
}

bool
dsn_field_name_is_valid(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (!g_ascii_isalnum(*c) && strchr("!#$%&'*+-.^_`|~", *c) == NULL)
            return false;
    }
    return *text != '\0';
}

void
dsn_configuration_show(const DsnConfiguration *configuration, GString *ret_text)
{
    dsn_option_table_show(&DSN_CONFIGURATION_TABLE, configuration, ret_text);
}

/* A name that can be encoded into a header. Quotes are meant to be taken off, not to be escaped. */
static bool
is_display(DsnSpan text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c < ' ' || c == 0x7f || strchr("<>\"\\", c) != NULL)
            return false;
    }
    return true;
}

bool
dsn_configuration_split(const char *from, DsnSpan *ret_display, DsnSpan *ret_address)
{
    DsnSpan text = dsn_span_trim(dsn_span(from));
    DsnSpan display = DSN_SPAN_ABSENT;
    const char *open = strrchr(from, '<');

    if (open != NULL && text.data[text.len - 1] == '>') {
        const char *end = text.data + text.len - 1;

        display = dsn_span_trim((DsnSpan){text.data, (size_t)(open - text.data)});
        text = (DsnSpan){open + 1, (size_t)(end - open - 1)};
    }
    if (display.len >= 2 && display.data[0] == '"' && display.data[display.len - 1] == '"')
        display = (DsnSpan){display.data + 1, display.len - 2};
    if (!is_display(display) || !dsn_address_is_mailbox(text))
        return false;
    *ret_display = display.len == 0 ? DSN_SPAN_ABSENT : display;
    *ret_address = text;
    return true;
}

bool
dsn_configuration_same(const char *section, const void *a, const void *b)
{
    return dsn_option_table_same(&DSN_CONFIGURATION_TABLE, section, a, b);
}
