/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/policy.h"

#include "filter/core/record-form.h"
#include "filter/pipeline/policy-check.h"
#include "filter/pipeline/policy-warnings.h"

/* Sets the flags of the types that are named in @names. */
static void
set_types(const GPtrArray *names, bool *flags)
{
    for (guint i = 0; i < names->len; i++)
        flags[dsn_record_type_from_string(dsn_span(names->pdata[i]))] = true;
}

static void
clear_role(gpointer data)
{
    DsnRole *role = data;

    dsn_patterns_free(role->reports);
}

static void
free_poster(gpointer data)
{
    DsnPoster *poster = data;

    dsn_patterns_free(poster->senders);
    g_clear_pointer(&poster->tenants, g_hash_table_unref);
    g_free(poster);
}

static void
clear_policy(gpointer data)
{
    DsnPolicy *policy = data;

    dsn_tenants_free(policy->tenants);
    dsn_patterns_free(policy->senders);
    g_array_unref(policy->roles);
    dsn_patterns_free(policy->lmtp);
    g_ptr_array_unref(policy->posters);
    dsn_networks_free(policy->trusted);
    dsn_evidence_rules_free(policy->evidence);
    dsn_classification_free(policy->classification);
    g_clear_pointer(&policy->warnings, g_ptr_array_unref);
    dsn_configuration_free((DsnConfiguration *)policy->configuration);
}

/* The patterns of the option @name in @section. */
static DsnPatterns *
compile(DsnChecks *checks, const char *section, const char *name, const GPtrArray *texts)
{
    g_autofree char *key = g_strconcat(section, ".", name, NULL);

    return dsn_checks_patterns(checks, key, texts);
}

static void
add_role(DsnPolicy *policy, const char *daemon, DsnPatterns *reports, DsnConsumption consumption)
{
    const DsnRole role = {daemon, reports, consumption};

    g_array_append_val(policy->roles, role);
}

/* The roles with a name know better than the one without. */
static void
add_roles(DsnPolicy *policy, DsnChecks *checks)
{
    const DsnConfiguration *configuration = policy->configuration;

    for (guint i = 0; i < configuration->milter.roles->len; i++) {
        const DsnMilterRole *role = configuration->milter.roles->pdata[i];

        g_autofree char *section = dsn_section_key("milter.role", role->name);

        add_role(policy, role->daemon, compile(checks, section, "reports", role->reports),
                 role->consumption);
    }
    if (configuration->milter.reports->len > 0)
        add_role(policy, NULL, compile(checks, "milter", "reports", configuration->milter.reports),
                 configuration->milter.consumption);
}

/* NULL for no names: any tenant, and none. */
static GHashTable *
find_tenants(const DsnPolicy *policy, const GPtrArray *names)
{
    g_autoptr(GHashTable) tenants = g_hash_table_new(NULL, NULL);

    for (guint i = 0; i < names->len; i++)
        (void)g_hash_table_add(tenants, (gpointer)dsn_policy_tenant_named(policy, names->pdata[i]));
    return names->len == 0 ? NULL : g_steal_pointer(&tenants);
}

static void
add_client(DsnPolicy *policy, DsnChecks *checks, const DsnHttpClient *client)
{
    DsnPoster *poster = g_new0(DsnPoster, 1);
    g_autofree char *section = dsn_section_key("http.client", client->name);

    poster->name = client->name;
    poster->token = client->token;
    poster->senders =
        client->senders->len == 0 ? NULL : compile(checks, section, "senders", client->senders);
    poster->tenants = find_tenants(policy, client->tenants);
    poster->hourly_rate = client->hourly_rate;
    g_ptr_array_add(policy->posters, poster);
}

static void
add_posters(DsnPolicy *policy, DsnChecks *checks)
{
    const DsnConfiguration *configuration = policy->configuration;
    const char *token = configuration->http.token;

    for (guint i = 0; i < configuration->http.clients->len; i++)
        add_client(policy, checks, configuration->http.clients->pdata[i]);
    /* Where there are clients, nobody gets around them because no token is given beside theirs. */
    if (token != NULL || configuration->http.clients->len == 0) {
        DsnPoster *poster = g_new0(DsnPoster, 1);

        poster->token = g_strcmp0(token, DSN_NO_TOKEN) == 0 ? NULL : token;
        g_ptr_array_add(policy->posters, poster);
    }
}

/* One that does not compile is complained of elsewhere. */
static void
set_wanted_by(const DsnSelection *selection, bool *flags)
{
    g_autoptr(DsnForm) form = dsn_form_of("", "", selection, NULL);

    for (size_t i = 0; form != NULL && i < DSN_N_RECORD_TYPES; i++)
        flags[i] |= dsn_form_has_type(form, (DsnRecordType)i);
}

/* What somebody wants a notice or a line of. */
static void
set_wanted(DsnPolicy *policy)
{
    const DsnConfiguration *configuration = policy->configuration;

    for (guint i = 0; i < configuration->files->len; i++)
        set_types(((const DsnFileOutlet *)configuration->files->pdata[i])->types, policy->wanted);
    for (guint i = 0; i < configuration->segments->len; i++)
        set_wanted_by(&((const DsnSegmentsOptions *)configuration->segments->pdata[i])->selection,
                      policy->wanted);
    for (guint i = 0; i < configuration->webhooks->len; i++)
        set_wanted_by(&((const DsnWebhookOptions *)configuration->webhooks->pdata[i])->selection,
                      policy->wanted);
    for (guint i = 0; i < configuration->programs->len; i++)
        set_wanted_by(&((const DsnProgramOptions *)configuration->programs->pdata[i])->selection,
                      policy->wanted);
    set_types(configuration->policy.enable, policy->noticed);
    for (guint i = 0; i < configuration->tenants->len; i++)
        set_types(((const DsnTenantOptions *)configuration->tenants->pdata[i])->notice.enable,
                  policy->noticed);
}

static void
load_classification(DsnPolicy *policy, DsnChecks *checks)
{
    static const char key[] = "classification.files";
    g_autoptr(GError) error = NULL;

    policy->classification = dsn_classification_new(&policy->configuration->classification, &error);
    if (policy->classification == NULL)
        dsn_checks_add(checks, key, key, "%s", error->message);
}

DsnPolicy *
dsn_policy_new(DsnConfiguration *configuration, GError **error)
{
    g_autoptr(DsnChecks) checks = dsn_checks_new(configuration);
    g_autoptr(DsnPolicy) policy = g_atomic_rc_box_new0(DsnPolicy);

    policy->configuration = configuration;
    policy->warnings = g_ptr_array_new_with_free_func(g_free);
    policy->senders = compile(checks, "notice", "senders", configuration->notice.senders);
    policy->roles = g_array_new(FALSE, FALSE, sizeof(DsnRole));
    g_array_set_clear_func(policy->roles, clear_role);
    policy->lmtp = compile(checks, "lmtp", "reports", configuration->lmtp.reports);
    policy->posters = g_ptr_array_new_with_free_func(free_poster);
    policy->trusted = dsn_networks_new(configuration->http.trusted);
    policy->evidence = dsn_evidence_rules_new(configuration);
    set_wanted(policy);
    add_roles(policy, checks);

    dsn_check_configuration(checks, policy->wanted);
    load_classification(policy, checks);
    policy->tenants = dsn_tenants_new(checks, policy->warnings);
    add_posters(policy, checks);
    if (!dsn_checks_passed(checks, error))
        return NULL;
    dsn_policy_warn(configuration, policy->tenants, policy->warnings);
    return g_steal_pointer(&policy);
}

DsnPolicy *
dsn_policy_load(const char *file, GError **error)
{
    DsnConfiguration *configuration = dsn_configuration_load(file, error);

    return configuration == NULL ? NULL : dsn_policy_new(configuration, error);
}

DsnPolicy *
dsn_policy_ref(DsnPolicy *policy)
{
    return g_atomic_rc_box_acquire(policy);
}

void
dsn_policy_unref(DsnPolicy *policy)
{
    if (policy != NULL)
        g_atomic_rc_box_release_full(policy, clear_policy);
}

/* ---- whose it is ---- */

const DsnTenant *
dsn_policy_tenant(const DsnPolicy *policy, const DsnRecord *record, unsigned *ret_trust)
{
    return dsn_tenants_find(policy->tenants, record, ret_trust);
}

const DsnTenant *
dsn_policy_tenant_named(const DsnPolicy *policy, const char *name)
{
    return dsn_tenants_named(policy->tenants, name);
}

bool
dsn_policy_is_ours(const DsnPolicy *policy, const DsnTenant *tenant, const DsnPoster *poster,
                   DsnSpan sender)
{
    if (dsn_patterns_match(policy->senders, sender))
        return true;

    uint32_t owner = dsn_tenants_owner(policy->tenants, sender);
    if (owner != 0 || tenant->has_senders)
        return owner != 0 && owner == tenant->number;
    return poster != NULL && poster->tenants != NULL &&
           g_hash_table_contains(poster->tenants, tenant);
}

DsnConsumed
dsn_role_consumed(const DsnRole *role, DsnReportKind kind)
{
    DsnConsumed own = kind == DSN_REPORT_FEEDBACK          ? role->consumption.feedback
                      : kind == DSN_REPORT_DELIVERY_STATUS ? role->consumption.oob
                                                           : DSN_CONSUMED_AS_ALL;

    return own == DSN_CONSUMED_AS_ALL ? role->consumption.all : own;
}

bool
dsn_poster_is_bound(const DsnPoster *poster)
{
    return poster->senders != NULL || poster->tenants != NULL;
}

bool
dsn_poster_may(const DsnPoster *poster, const DsnTenant *tenant, DsnSpan sender)
{
    return (poster->senders == NULL || dsn_patterns_match(poster->senders, sender)) &&
           (poster->tenants == NULL || g_hash_table_contains(poster->tenants, tenant));
}
