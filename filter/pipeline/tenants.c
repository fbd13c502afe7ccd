/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/tenants.h"

#include "filter/core/option-value.h"
#include "filter/core/read-file.h"
#include "filter/core/senders-file.h"
#include "filter/core/tenant-index.h"
#include "filter/core/toml.h"
#include "filter/core/wishes.h"

/* Bytes of one list of senders: several million. */
#define SENDERS_FILE_MAX ((size_t)512 * 1024 * 1024)

/* Different keys of meta that tenants are known by: each is one more look at every record. */
#define META_KEYS_MAX 16

struct DsnTenants {
    const DsnConfiguration *configuration;
    DsnTenant *all; /* that of nobody, and those of the configuration */
    guint n_all;
    DsnTenantIndex *index;
    GHashTable *by_name; /* name -> DsnTenant */

    /* What several have in common is compiled once, as inherited lists are the same list. */
    DsnCatalog *base;
    GHashTable *catalogs;  /* directory -> DsnCatalog * */
    GHashTable *patterns;  /* GPtrArray * -> DsnPatterns * */
    GHashTable *delays;    /* GPtrArray * -> GArray * of int64_t: seconds, rising */
    GHashTable *languages; /* GPtrArray * -> GPtrArray * of char *, ended by NULL */
};

static void
free_catalog(gpointer data)
{
    dsn_catalog_free(data);
}

static void
free_patterns(gpointer data)
{
    dsn_patterns_free(data);
}

static void
free_delays(gpointer data)
{
    g_array_unref(data);
}

static void
free_languages(gpointer data)
{
    g_ptr_array_unref(data);
}

void
dsn_tenants_free(DsnTenants *tenants)
{
    if (tenants == NULL)
        return;
    g_free(tenants->all);
    dsn_tenant_index_free(tenants->index);
    g_hash_table_unref(tenants->by_name);
    g_hash_table_unref(tenants->catalogs);
    dsn_catalog_free(tenants->base);
    g_hash_table_unref(tenants->patterns);
    g_hash_table_unref(tenants->delays);
    g_hash_table_unref(tenants->languages);
    g_free(tenants);
}

/* ---- what is said ---- */

/* A name that is not in DNS has a type of its own (RFC 3464 section 2.2.2, rule DSN-08). */
static DsnTyped
local_mta(const char *hostname)
{
    DsnSpan dns = DSN_SPAN_LITERAL("dns"), local = DSN_SPAN_LITERAL("x-local-hostname");

    return (DsnTyped){strchr(hostname, '.') == NULL ? local : dns, dsn_span(hostname)};
}

static const DsnPatterns *
compile_patterns(DsnTenants *tenants, DsnChecks *checks, const char *key, GPtrArray *texts)
{
    DsnPatterns *patterns = g_hash_table_lookup(tenants->patterns, texts);

    if (patterns == NULL) {
        patterns = dsn_checks_patterns(checks, key, texts);
        (void)g_hash_table_insert(tenants->patterns, texts, patterns); /* it was not there */
    }
    return patterns;
}

static gint
compare_seconds(gconstpointer a, gconstpointer b)
{
    int64_t one = *(const int64_t *)a, other = *(const int64_t *)b;

    return one < other ? -1 : one > other;
}

static const GArray *
compile_delays(DsnTenants *tenants, GPtrArray *texts)
{
    GArray *delays = g_hash_table_lookup(tenants->delays, texts);

    if (delays != NULL)
        return delays;
    delays = g_array_new(FALSE, FALSE, sizeof(int64_t));
    for (guint i = 0; i < texts->len; i++) {
        GTimeSpan span = 0;
        (void)dsn_duration_parse(texts->pdata[i], &span); /* checked when it was loaded */
        int64_t seconds = span / G_TIME_SPAN_SECOND;
        g_array_append_val(delays, seconds);
    }
    g_array_sort(delays, compare_seconds);
    (void)g_hash_table_insert(tenants->delays, texts, delays); /* it was not there */
    return delays;
}

/* NULL for none. */
static const char *const *
compile_languages(DsnTenants *tenants, GPtrArray *texts)
{
    GPtrArray *languages = g_hash_table_lookup(tenants->languages, texts);

    if (texts->len == 0)
        return NULL;
    if (languages == NULL) {
        languages = g_ptr_array_new();
        for (guint i = 0; i < texts->len; i++)
            g_ptr_array_add(languages, texts->pdata[i]);
        g_ptr_array_add(languages, NULL);
        (void)g_hash_table_insert(tenants->languages, texts, languages); /* it was not there */
    }
    return (const char *const *)languages->pdata;
}

/* Who it is from, and who can be written to. */
static void
set_identity(DsnNoticeOptions *options, const DsnConfiguration *configuration,
             const DsnNoticePolicy *policy)
{
    options->reporting_mta =
        local_mta(policy->hostname == NULL ? configuration->hostname : policy->hostname);
    /* A tenant's own name is meant for all nodes. */
    options->nodes = policy->hostname == NULL ? configuration->nodes : NULL;
    if (policy->from != NULL)
        (void)dsn_configuration_split(policy->from, &options->from_display,
                                      &options->from); /* checked when it was loaded */
    options->postmaster = policy->postmaster == NULL ? options->from : dsn_span(policy->postmaster);
}

static DsnNoticeOptions
compile(DsnTenants *tenants, DsnChecks *checks, const char *name, const DsnNoticePolicy *policy,
        const DsnCatalog *catalog)
{
    g_autofree char *section = name == NULL ? g_strdup("notice") : dsn_section_key("tenant", name);
    g_autofree char *ignore = g_strconcat(section, ".ignore", NULL);
    const DsnConfiguration *configuration = tenants->configuration;
    const GArray *delays = compile_delays(tenants, policy->delay_after);
    DsnNoticeOptions options = {
        .internal = policy->internal,
        .delivered_late = policy->delivered_late,
        .delay_by_default = policy->delay_by_default,
        .confidential = policy->confidential,
        .all_languages = policy->all_languages,
        .html = policy->html,
        .automatic = policy->automatic,
        .trust = dsn_trust_bits(policy->trust),
        .ignore = compile_patterns(tenants, checks, ignore, policy->ignore),
        .delay_after = (const int64_t *)(const void *)delays->data,
        .n_delay_after = delays->len,
        .lifetime = policy->lifetime / G_TIME_SPAN_SECOND,
        .include_original = policy->include_original,
        .return_limit = policy->return_limit,
        .tenant = dsn_span(name),
        .languages = compile_languages(tenants, policy->languages),
        .meta = &configuration->meta,
        .authentication = &configuration->authentication,
        .catalog = catalog,
        .limits = &configuration->limits,
    };

    for (guint i = 0; i < policy->enable->len; i++)
        options.enable[dsn_record_type_from_string(dsn_span(policy->enable->pdata[i]))] = true;
    set_identity(&options, configuration, policy);
    return options;
}

/* Nothing stands in for the texts that all others fall back on but what the administrator wanted
 * to replace. */
static void
complain_of_texts(DsnChecks *checks, const GString *faults)
{
    g_auto(GStrv) lines = g_strsplit(faults->str, "\n", -1);

    for (size_t i = 0; lines[i] != NULL; i++) {
        if (*lines[i] != '\0')
            dsn_checks_add(checks, "notice.templates", "notice.templates", "%s", lines[i]);
    }
}

/* Each line of @faults by itself. */
static void
warn(GPtrArray *warnings, const char *key, const GString *faults)
{
    g_auto(GStrv) lines = g_strsplit(faults->str, "\n", -1);

    for (size_t i = 0; lines[i] != NULL; i++) {
        if (*lines[i] != '\0')
            g_ptr_array_add(warnings, g_strdup_printf("%s: %s", key, lines[i]));
    }
}

/* The texts of a tenant, over those of [notice] which stand in for what is missing or has faults;
 * without a directory, the shipped ones. */
static const DsnCatalog *
find_catalog(DsnTenants *tenants, const DsnTenantOptions *options, GPtrArray *warnings)
{
    const char *directory = options->notice.templates;
    const DsnTemplateLimits *limits = &tenants->configuration->template_limits;
    const char *name = directory == NULL ? "" : directory;

    if (g_strcmp0(directory, tenants->configuration->policy.templates) == 0)
        return tenants->base;

    DsnCatalog *catalog = g_hash_table_lookup(tenants->catalogs, name);
    if (catalog == NULL) {
        g_autofree char *section = dsn_section_key("tenant", options->name);
        g_autofree char *key = g_strconcat(section, ".templates", NULL);
        g_autoptr(GString) faults = g_string_new(NULL);

        catalog = dsn_catalog_new_over(directory == NULL ? NULL : tenants->base, directory, limits,
                                       faults);
        warn(warnings, key, faults);
        (void)g_hash_table_insert(tenants->catalogs, g_strdup(name), catalog); /* was not there */
    }
    return catalog;
}

/* ---- who it is ---- */

/* Complains that @text is claimed twice. */
static void
complain_claimed(DsnChecks *checks, const char *place, const char *key, const char *text,
                 uint32_t other)
{
    const DsnTenantOptions *tenant = checks->configuration->tenants->pdata[other - 1];
    g_autofree char *section = dsn_section_key("tenant", tenant->name);
    g_autoptr(GString) quoted = g_string_new(NULL);

    dsn_toml_quote(quoted, text);
    dsn_checks_add_at(checks, place, key, "%s is matched by %s, too", quoted->str, section);
}

/* A list whose entries were checked one by one. */
static void
claim_list(DsnTenants *tenants, DsnChecks *checks, const char *key, const GPtrArray *texts,
           uint32_t number,
           uint32_t (*add)(DsnTenantIndex *index, const char *text, uint32_t tenant))
{
    for (guint i = 0; i < texts->len; i++) {
        uint32_t other = add(tenants->index, texts->pdata[i], number);

        if (other != 0)
            complain_claimed(checks, dsn_configuration_place(checks->configuration, key), key,
                             texts->pdata[i], other);
    }
}

static uint32_t
add_sender(DsnTenantIndex *index, const char *text, uint32_t tenant)
{
    return dsn_tenant_index_add_sender(index, dsn_span(text), tenant);
}

static void
claim_meta(DsnTenants *tenants, DsnChecks *checks, const char *key, GHashTable *meta,
           uint32_t number)
{
    GHashTableIter iterator;
    gpointer name, value;

    g_hash_table_iter_init(&iterator, meta);
    while (g_hash_table_iter_next(&iterator, &name, &value)) {
        g_autofree char *inner = dsn_section_key(key, name);
        uint32_t other = dsn_tenant_index_add_meta(tenants->index, name, value, number);

        if (other != 0)
            complain_claimed(checks, dsn_configuration_place(checks->configuration, inner), inner,
                             value, other);
    }
}

static void
claim_line(DsnTenants *tenants, DsnChecks *checks, const char *key, const char *place,
           DsnSpan sender, uint32_t number)
{
    const char *expected = dsn_sender_check(sender);
    uint32_t other =
        expected == NULL ? dsn_tenant_index_add_sender(tenants->index, sender, number) : 0;

    if (expected == NULL && other == 0)
        return;
    /* What came out of a file may be anything. */
    g_autofree char *text = g_utf8_make_valid(sender.data, (gssize)MIN(sender.len, 1024));
    g_autoptr(GString) quoted = g_string_new(NULL);
    dsn_toml_quote(quoted, text);
    if (expected != NULL)
        dsn_checks_add_at(checks, place, key, "expected %s, got %s", expected, quoted->str);
    else
        complain_claimed(checks, place, key, text, other);
}

static void
claim_file(DsnTenants *tenants, DsnChecks *checks, const char *key, const char *path,
           uint32_t number)
{
    g_autoptr(GError) error = NULL;
    size_t len;
    g_autofree char *text = dsn_read_file(path, SENDERS_FILE_MAX, &len, &error);

    if (text == NULL) {
        dsn_checks_add(checks, key, key, "%s: %s", path, error->message);
        return;
    }
    DsnSendersFile file = dsn_senders_file((DsnSpan){text, len});
    DsnSpan sender;
    while (dsn_senders_file_next(&file, &sender)) {
        if (dsn_sender_check(sender) == NULL &&
            dsn_tenant_index_add_sender(tenants->index, sender, number) == 0)
            continue;
        g_autofree char *place = g_strdup_printf("%s:%" G_GUINT64_FORMAT, path, file.line);
        claim_line(tenants, checks, key, place, sender, number);
    }
}

static void
claim(DsnTenants *tenants, DsnChecks *checks, const DsnTenantOptions *options, uint32_t number)
{
    g_autofree char *section = dsn_section_key("tenant", options->name);
    g_autofree char *queue = g_strconcat(section, ".match.queue", NULL);
    g_autofree char *meta = g_strconcat(section, ".match.meta", NULL);
    g_autofree char *envid = g_strconcat(section, ".match.envid", NULL);
    g_autofree char *domain = g_strconcat(section, ".match.sender_domain", NULL);
    g_autofree char *sender = g_strconcat(section, ".match.sender", NULL);
    g_autofree char *file = g_strconcat(section, ".match.senders_file", NULL);
    g_autofree char *client = g_strconcat(section, ".match.client", NULL);

    claim_list(tenants, checks, queue, options->match.queue, number, dsn_tenant_index_add_queue);
    claim_meta(tenants, checks, meta, options->match.meta, number);
    claim_list(tenants, checks, envid, options->match.envid, number, dsn_tenant_index_add_envid);
    claim_list(tenants, checks, domain, options->match.sender_domain, number, add_sender);
    claim_list(tenants, checks, sender, options->match.sender, number, add_sender);
    if (options->match.senders_file != NULL)
        claim_file(tenants, checks, file, options->match.senders_file, number);
    claim_list(tenants, checks, client, options->match.client, number, dsn_tenant_index_add_client);
}

/* ---- all of them ---- */

static void
set_tenant(DsnTenants *tenants, DsnChecks *checks, DsnTenant *tenant, const DsnNoticePolicy *policy,
           const DsnCatalog *catalog)
{
    tenant->policy = policy;
    tenant->notice = compile(tenants, checks, tenant->name, policy, catalog);
    tenant->rates = (DsnRates){.overall = tenants->configuration->notice.hourly_rate,
                               .sender = policy->hourly_sender_rate,
                               .domain = policy->hourly_domain_rate};
}

static void
add_tenant(DsnTenants *tenants, DsnChecks *checks, uint32_t number, GPtrArray *warnings)
{
    const DsnTenantOptions *options = checks->configuration->tenants->pdata[number - 1];
    DsnTenant *tenant = &tenants->all[number];

    tenant->name = options->name;
    tenant->number = number;
    tenant->stamp = &options->stamp;
    tenant->has_senders = options->match.sender_domain->len + options->match.sender->len > 0 ||
                          options->match.senders_file != NULL;
    (void)g_hash_table_insert(tenants->by_name, options->name, tenant); /* names are different */
    claim(tenants, checks, options, number);
    set_tenant(tenants, checks, tenant, &options->notice, find_catalog(tenants, options, warnings));
}

DsnTenants *
dsn_tenants_new(DsnChecks *checks, GPtrArray *warnings)
{
    const DsnConfiguration *configuration = checks->configuration;
    DsnTenants *tenants = g_new0(DsnTenants, 1);
    g_autoptr(GString) faults = g_string_new(NULL);

    tenants->configuration = configuration;
    tenants->n_all = configuration->tenants->len + 1;
    tenants->all = g_new0(DsnTenant, tenants->n_all);
    tenants->index = dsn_tenant_index_new();
    tenants->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    tenants->catalogs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_catalog);
    tenants->patterns = g_hash_table_new_full(NULL, NULL, NULL, free_patterns);
    tenants->delays = g_hash_table_new_full(NULL, NULL, NULL, free_delays);
    tenants->languages = g_hash_table_new_full(NULL, NULL, NULL, free_languages);
    tenants->base = dsn_catalog_new_over(NULL, configuration->policy.templates,
                                         &configuration->template_limits, faults);
    complain_of_texts(checks, faults);
    tenants->all[0].stamp = &configuration->trace.stamp;
    set_tenant(tenants, checks, &tenants->all[0], &configuration->policy, tenants->base);
    for (guint i = 1; i < tenants->n_all; i++)
        add_tenant(tenants, checks, i, warnings);
    if (dsn_tenant_index_meta_keys(tenants->index)->len > META_KEYS_MAX)
        dsn_checks_add_at(checks, NULL, "tenant", "match.meta has %u different keys, more than %d",
                          dsn_tenant_index_meta_keys(tenants->index)->len, META_KEYS_MAX);
    return tenants;
}

const DsnTenant *
dsn_tenants_named(const DsnTenants *tenants, const char *name)
{
    return name == NULL ? &tenants->all[0] : g_hash_table_lookup(tenants->by_name, name);
}

uint32_t
dsn_tenants_owner(const DsnTenants *tenants, DsnSpan sender)
{
    return dsn_tenant_index_find_sender(tenants->index, sender);
}

/* ---- finding one ---- */

/* A string, or a whole number as it is written. */
static uint32_t
find_meta(const DsnTenants *tenants, const char *key, const json_t *value)
{
    if (json_is_integer(value)) {
        g_autofree char *digits =
            g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));

        return dsn_tenant_index_find_meta(tenants->index, key, dsn_span(digits));
    }
    const DsnSpan text = {json_string_value(value), json_string_length(value)};
    return text.data == NULL ? 0 : dsn_tenant_index_find_meta(tenants->index, key, text);
}

/* What the relay itself says: the name of the queue, or the message's meta. */
static uint32_t
find_by_relay(const DsnTenants *tenants, const DsnRecord *record, const json_t *meta)
{
    const GPtrArray *keys = dsn_tenant_index_meta_keys(tenants->index);
    const json_t *queue = json_object_get(record->json, "queue");
    uint32_t number = 0;

    if (json_is_string(queue))
        number = dsn_tenant_index_find_queue(
            tenants->index, (DsnSpan){json_string_value(queue), json_string_length(queue)});
    for (guint i = 0; number == 0 && i < keys->len; i++)
        number = find_meta(tenants, keys->pdata[i], json_object_get(meta, keys->pdata[i]));
    return number;
}

/* Whoever sends a message chooses its envelope id, so that it is asked last and vouches for nobody.
 */
static uint32_t
find_by_envid(const DsnTenants *tenants, const json_t *meta)
{
    const char *key = tenants->configuration->meta.envid;
    const json_t *value = key == NULL ? NULL : json_object_get(meta, key);
    const DsnSpan xtext = {json_string_value(value), json_string_length(value)};
    g_autoptr(GString) envid = g_string_new(NULL);

    if (xtext.data == NULL || !dsn_envid_parse(xtext, envid))
        return 0;
    return dsn_tenant_index_find_envid(tenants->index, (DsnSpan){envid->str, envid->len});
}

static uint32_t
find_by_client(const DsnTenants *tenants, const json_t *meta)
{
    const char *key = tenants->configuration->meta.client;
    const json_t *client = key == NULL ? NULL : json_object_get(meta, key);

    return dsn_tenant_index_find_client(
        tenants->index, (DsnSpan){json_string_value(client), json_string_length(client)});
}

const DsnTenant *
dsn_tenants_find(const DsnTenants *tenants, const DsnRecord *record, unsigned *ret_trust)
{
    const json_t *meta = json_object_get(record->json, "meta");
    uint32_t number = find_by_relay(tenants, record, meta);

    *ret_trust = number == 0 ? 0 : DSN_TRUST_TENANT;
    if (number == 0 && record->sender != NULL)
        number = dsn_tenants_owner(tenants, dsn_span(record->sender));
    if (number == 0) {
        number = find_by_client(tenants, meta);
        *ret_trust = number == 0 ? 0 : DSN_TRUST_TENANT;
    }
    if (number == 0)
        number = find_by_envid(tenants, meta);
    return &tenants->all[number];
}
