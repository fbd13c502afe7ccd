/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/policy-warnings.h"

#include "filter/core/toml.h"
#include "templates/language.h"

typedef struct Section {
    const DsnConfiguration *configuration;
    const char *name;        /* "notice", "tenant.acme", "webhook.w" */
    const DsnTenant *tenant; /* NULL for a webhook */
    GPtrArray *warnings;
} Section;

/* Where the option is given in this section, NULL when it is not. */
static const char *
place_of(const Section *section, const char *option)
{
    g_autofree char *key = g_strconcat(section->name, ".", option, NULL);

    return dsn_configuration_place(section->configuration, key);
}

static void G_GNUC_PRINTF(3, 4)
    warn(const Section *section, const char *option, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    g_autofree char *text = g_strdup_vprintf(format, values);
    va_end(values);
    g_ptr_array_add(section->warnings, g_strdup_printf("%s: %s.%s: %s", place_of(section, option),
                                                       section->name, option, text));
}

static void
look_at_trust(const Section *section)
{
    if (section->tenant->notice.trust == 0 && place_of(section, "trust") != NULL)
        warn(section, "trust", "is empty: no sender is trusted, and no notice is made");
}

/* The longest delay is the last. */
static void
look_at_delays(const Section *section)
{
    const DsnNoticeOptions *notice = &section->tenant->notice;
    bool told = notice->enable[DSN_RECORD_TRANSIENT_FAILURE] || notice->enable[DSN_RECORD_DELAYED];
    const char *option = place_of(section, "delay_after") != NULL ? "delay_after" : "lifetime";

    if (told && notice->n_delay_after == 0 && place_of(section, "delay_after") != NULL)
        warn(section, "delay_after", "is empty: no delay is reported");
    if (notice->n_delay_after > 0 && place_of(section, option) != NULL &&
        notice->delay_after[notice->n_delay_after - 1] >= notice->lifetime)
        warn(section, option, "no message is delayed for so long: lifetime is not longer");
}

static void
look_at_late(const Section *section)
{
    const DsnNoticeOptions *notice = &section->tenant->notice;

    if (!notice->delivered_late || place_of(section, "delivered_late") == NULL)
        return;
    if (!notice->enable[DSN_RECORD_DELIVERY])
        warn(section, "delivered_late", "has no effect: enable does not list \"Delivery\"");
    else if (!notice->enable[DSN_RECORD_TRANSIENT_FAILURE] && !notice->enable[DSN_RECORD_DELAYED])
        warn(section, "delivered_late",
             "has no effect: enable lists neither \"TransientFailure\" nor \"Delayed\"");
}

static void
look_at_languages(const Section *section)
{
    const DsnNoticeOptions *notice = &section->tenant->notice;
    char tag[DSN_LANGUAGE_MAX];

    if (notice->languages == NULL || place_of(section, "languages") == NULL)
        return;
    for (size_t i = 0; notice->languages[i] != NULL; i++) {
        const char *language = notice->languages[i];
        g_autoptr(GString) quoted = g_string_new(NULL);

        if (dsn_language_read(language, strlen(language), tag) &&
            dsn_language_fit(tag, dsn_catalog_languages(notice->catalog)) != NULL)
            continue;
        dsn_toml_quote(quoted, language);
        warn(section, "languages", "there are no words in %s", quoted->str);
    }
}

static void
look_at(const Section *section)
{
    look_at_trust(section);
    look_at_delays(section);
    look_at_late(section);
    look_at_languages(section);
}

/* Whether who listens on the way to @url learns what is sent. */
static bool
is_open(const char *url)
{
    g_autoptr(GUri) parsed = g_uri_parse(url, G_URI_FLAGS_ENCODED, NULL);
    const char *host = g_uri_get_host(parsed);

    return strcmp(g_uri_get_scheme(parsed), "http") == 0 && strcmp(host, "localhost") != 0 &&
           strcmp(host, "::1") != 0 && !g_str_has_prefix(host, "127.");
}

static void
look_at_webhook(const Section *section, const DsnWebhookOptions *webhook)
{
    bool given = place_of(section, "idle_timeout") != NULL;

    if (webhook->idle_timeout < webhook->max_batch_latency)
        warn(
            section, given ? "idle_timeout" : "max_batch_latency",
            "idle_timeout is shorter than max_batch_latency: connections are closed while requests "
            "wait for more records");
    if (webhook->min_batch_size > 1 && webhook->max_batch_latency == 0)
        warn(section, "min_batch_size", "has no effect without max_batch_latency");
    if (is_open(webhook->url))
        warn(section, "url", "is not encrypted: records and secrets can be read on the way");
}

/* Whoever wants traces has named a service for them. */
static void
look_at_outgoing(const Section *section)
{
    const DsnConfiguration *configuration = section->configuration;

    if (configuration->milter.outgoing->len > 0 && configuration->trace.sign != NULL &&
        configuration->tenants->len == 0 && !configuration->trace.without_tenant)
        warn(section, "outgoing",
             "no mail gets a trace: there is no tenant, and trace.without_tenant is false");
}

static void
look_at_capture(const Section *section)
{
    const DsnConfiguration *configuration = section->configuration;

    if (configuration->capture.mail != DSN_CAPTURED_NOTHING &&
        configuration->milter.outgoing->len == 0)
        warn(section, "mail", "nothing is remembered: milter.outgoing names no service");
}

void
dsn_policy_warn(const DsnConfiguration *configuration, const DsnTenants *tenants,
                GPtrArray *warnings)
{
    const Section all = {configuration, "notice", dsn_tenants_named(tenants, NULL), warnings};

    const Section milter = {configuration, "milter", NULL, warnings};
    const Section capture = {configuration, "capture", NULL, warnings};

    look_at(&all);
    look_at_outgoing(&milter);
    look_at_capture(&capture);
    for (guint i = 0; i < configuration->tenants->len; i++) {
        const char *name = ((const DsnTenantOptions *)configuration->tenants->pdata[i])->name;
        g_autofree char *key = dsn_section_key("tenant", name);
        const Section section = {configuration, key, dsn_tenants_named(tenants, name), warnings};

        look_at(&section);
    }
    for (guint i = 0; i < configuration->webhooks->len; i++) {
        const DsnWebhookOptions *webhook = configuration->webhooks->pdata[i];
        g_autofree char *key = dsn_section_key("webhook", webhook->name);
        const Section section = {configuration, key, NULL, warnings};

        look_at_webhook(&section, webhook);
    }
}
