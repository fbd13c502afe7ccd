/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/policy.h"

#include "filter/core/socket-address.h"
#include "filter/core/toml.h"

/* Lines of complaint; what is wrong beyond is counted. */
#define PROBLEMS_MAX 100

/* Says that no token is needed. */
#define NO_TOKEN "none"

/* ---- checks ---- */

typedef struct Checks {
    const DsnConfiguration *configuration;
    GString *problems;
    unsigned n_problems;
} Checks;

/* One more thing that is wrong with @key, at the place of @at: a key that is given where @key is
 * missing. */
static void G_GNUC_PRINTF(4, 5)
    complain(Checks *checks, const char *at, const char *key, const char *format, ...)
{
    const char *place = dsn_configuration_place(checks->configuration, at);
    va_list values;

    if (++checks->n_problems > PROBLEMS_MAX)
        return;
    if (place != NULL)
        g_string_append_printf(checks->problems, "%s: ", place);
    g_string_append_printf(checks->problems, "%s: ", key);
    va_start(values, format);
    g_string_append_vprintf(checks->problems, format, values);
    va_end(values);
    g_string_append_c(checks->problems, '\n');
}

/* "file.\"a b\"" (transfer full). */
static char *
section_key(const char *parent, const char *name)
{
    g_autoptr(GString) key = g_string_new(parent);

    g_string_append_c(key, '.');
    dsn_toml_write_key(key, name);
    return g_string_free(g_steal_pointer(&key), FALSE);
}

/* Complains if a section has no @path, or the same as another; @paths remembers: path -> key. */
static void
check_path(Checks *checks, const char *section, const char *path, GHashTable *paths)
{
    g_autofree char *key = g_strconcat(section, ".path", NULL);
    const char *other = path == NULL ? NULL : g_hash_table_lookup(paths, path);

    if (path == NULL)
        complain(checks, section, key, "is missing");
    else if (other != NULL)
        complain(checks, key, key, "%s has the same path", other);
    else
        g_hash_table_insert(paths, (gpointer)path, g_strdup(section));
}

static bool
makes_notices(const DsnConfiguration *configuration)
{
    return configuration->http.listen != NULL && configuration->notice.enable->len > 0;
}

static void
check_client(Checks *checks, const DsnHttpClient *client, GHashTable *tokens)
{
    g_autofree char *section = section_key("http.client", client->name);
    g_autofree char *key = g_strconcat(section, ".token", NULL);
    const char *other = client->token == NULL ? NULL : g_hash_table_lookup(tokens, client->token);

    if (client->token == NULL)
        complain(checks, section, key, "is missing");
    else if (strcmp(client->token, NO_TOKEN) == 0)
        complain(checks, key, key, "only http.token can be \"none\"");
    else if (other != NULL)
        complain(checks, key, key, "%s has the same token", other);
    else
        g_hash_table_insert(tokens, client->token, g_strdup(section));
}

/* Who may post can cause mail to be sent. */
static void
check_http(Checks *checks)
{
    const DsnConfiguration *configuration = checks->configuration;
    g_autoptr(GHashTable) tokens = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    const char *token = configuration->http.token;
    const char *listen = configuration->http.listen;
    DsnSocketAddress address = {.len = 0};

    if (token != NULL && strcmp(token, NO_TOKEN) != 0)
        g_hash_table_insert(tokens, configuration->http.token, g_strdup("http.token"));
    for (guint i = 0; i < configuration->http.clients->len; i++)
        check_client(checks, configuration->http.clients->pdata[i], tokens);
    if (configuration->http.memory < configuration->http.body + configuration->http.inflated)
        complain(checks, "http.memory", "http.memory",
                 "is less than one request, http.body and http.inflated together");
    if (listen == NULL)
        return;

    (void)dsn_socket_address_read(listen, &address); /* checked when it was loaded */
    if (address.any.sa_family != AF_UNIX) {
        if (token == NULL && configuration->http.clients->len == 0)
            complain(checks, "http.listen", "http.token",
                     "is missing: give one, or clients with tokens of their own%s",
                     dsn_address_is_local(&address.any) ? ", or say \"none\"" : "");
        if (configuration->http.trusted->len == 0)
            complain(checks, "http.trusted", "http.trusted", "lists nobody who could post");
    }
    if (g_strcmp0(token, NO_TOKEN) == 0 && !dsn_address_is_local(&address.any))
        complain(checks, "http.token", "http.token",
                 "\"none\" is for loopback addresses and unix sockets, not for %s", listen);
}

static void
check_notices(Checks *checks)
{
    const DsnConfiguration *configuration = checks->configuration;
    const DsnRelayOptions *relay = &configuration->relay;

    if (makes_notices(configuration) && configuration->notice.senders->len == 0)
        complain(
            checks, "http.listen", "notice.senders",
            "lists nobody whom a notice could go to; \"*\" allows everybody, and notice.enable "
            "= [] says that no notices are wanted");
    if (makes_notices(configuration) && relay->hosts->len == 0)
        complain(checks, "relay.default.hosts", "relay.default.hosts",
                 "lists nobody who would take notices");
    if ((relay->user == NULL) != (relay->password == NULL))
        complain(checks, relay->user == NULL ? "relay.default.password" : "relay.default.user",
                 relay->user == NULL ? "relay.default.user" : "relay.default.password",
                 "is missing: AUTH takes both");
    if (relay->max_retry_interval < relay->retry_interval)
        complain(checks, "relay.default.max_retry_interval", "relay.default.max_retry_interval",
                 "is less than relay.default.retry_interval");
}

/* An intake that listens for nobody, or reports without one. */
static void
check_listener(Checks *checks, const char *section, const char *listen, bool reports)
{
    g_autofree char *listen_key = g_strconcat(section, ".listen", NULL);
    g_autofree char *reports_key = g_strconcat(section, ".reports", NULL);

    if (listen != NULL && !reports)
        complain(checks, listen_key, reports_key, "lists nobody whose mail is read as a report");
    if (listen == NULL && reports)
        complain(checks, reports_key, listen_key, "is missing");
}

static void
check_mail(Checks *checks)
{
    const DsnConfiguration *configuration = checks->configuration;
    const char *others = configuration->lmtp.others;
    g_autoptr(GHashTable) paths = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);

    check_listener(checks, "milter", configuration->milter.listen,
                   configuration->milter.reports->len + configuration->milter.roles->len > 0);
    for (guint i = 0; i < configuration->milter.roles->len; i++) {
        const DsnMilterRole *role = configuration->milter.roles->pdata[i];
        g_autofree char *section = section_key("milter.role", role->name);
        g_autofree char *key = g_strconcat(section, ".reports", NULL);

        if (role->reports->len == 0)
            complain(checks, section, key, "lists nobody whose mail is read as a report");
    }
    check_listener(checks, "lmtp", configuration->lmtp.listen,
                   configuration->lmtp.reports->len > 0);
    for (guint i = 0; i < configuration->maildirs->len; i++) {
        const DsnMaildirIntake *maildir = configuration->maildirs->pdata[i];
        g_autofree char *section = section_key("maildir", maildir->name);

        check_path(checks, section, maildir->path, paths);
    }
    if (others != NULL && g_hash_table_contains(paths, others))
        complain(checks, "lmtp.others", "lmtp.others", "%s reads what is put there",
                 (const char *)g_hash_table_lookup(paths, others));
}

static bool
reads_reports(const DsnConfiguration *configuration)
{
    return configuration->milter.listen != NULL || configuration->lmtp.listen != NULL ||
           configuration->maildirs->len > 0;
}

static void
check_outlets(Checks *checks, const bool *wanted)
{
    static const DsnRecordType of_reports[] = {DSN_RECORD_FEEDBACK, DSN_RECORD_OOB};
    const DsnConfiguration *configuration = checks->configuration;
    g_autoptr(GHashTable) paths = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);

    if (configuration->spool.directory == NULL)
        complain(checks, "spool.directory", "spool.directory", "is missing");
    for (guint i = 0; i < configuration->files->len; i++) {
        const DsnFileOutlet *file = configuration->files->pdata[i];
        g_autofree char *section = section_key("file", file->name);
        g_autofree char *key = g_strconcat(section, ".types", NULL);

        check_path(checks, section, file->path, paths);
        if (file->types->len == 0)
            complain(checks, key, key, "lists no type of record");
    }
    /* A report is consumed once its record is kept: without an outlet nobody would see it. */
    for (size_t i = 0; i < G_N_ELEMENTS(of_reports) && reads_reports(configuration); i++) {
        if (!wanted[of_reports[i]])
            complain(checks, "", "file",
                     "reports are read, and no [file.NAME] takes %s records, so that they would be "
                     "lost",
                     dsn_record_type_to_string(of_reports[i]));
    }
}

static void
check_catalog(Checks *checks, DsnPolicy *policy)
{
    const DsnConfiguration *configuration = policy->configuration;
    g_autoptr(GError) error = NULL;

    policy->catalog =
        dsn_catalog_new(configuration->notice.templates, &configuration->template_limits, &error);
    if (policy->catalog == NULL)
        complain(checks, "notice.templates", "notice.templates", "%s", error->message);
}

/* ---- making ---- */

/* A name that is not in DNS has a type of its own (RFC 3464 section 2.2.2, rule DSN-08). */
static DsnTyped
local_mta(const char *hostname)
{
    DsnSpan dns = DSN_SPAN_LITERAL("dns"), local = DSN_SPAN_LITERAL("x-local-hostname");

    return (DsnTyped){strchr(hostname, '.') == NULL ? local : dns, dsn_span(hostname)};
}

/* Sets the flags of the types that are named in @names. */
static void
set_types(const GPtrArray *names, bool *flags)
{
    for (guint i = 0; i < names->len; i++)
        flags[dsn_record_type_from_string(dsn_span(names->pdata[i]))] = true;
}

DsnNoticeOptions
dsn_policy_notice_options(const DsnConfiguration *configuration, const DsnCatalog *catalog)
{
    DsnNoticeOptions options = {
        .include_original = configuration->notice.include_original,
        .return_limit = configuration->notice.return_limit,
        .reporting_mta = local_mta(configuration->hostname),
        .nodes = configuration->nodes,
        .catalog = catalog,
        .limits = &configuration->limits,
    };

    set_types(configuration->notice.enable, options.enable);
    if (configuration->notice.from != NULL)
        (void)dsn_configuration_split(configuration->notice.from, &options.from_display,
                                      &options.from); /* checked when it was loaded */
    return options;
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
    g_free(poster);
}

static void
clear_policy(gpointer data)
{
    DsnPolicy *policy = data;

    dsn_catalog_free(policy->catalog);
    dsn_patterns_free(policy->senders);
    g_array_unref(policy->roles);
    dsn_patterns_free(policy->lmtp);
    g_ptr_array_unref(policy->posters);
    dsn_networks_free(policy->trusted);
    dsn_configuration_free((DsnConfiguration *)policy->configuration);
}

static void
add_role(DsnPolicy *policy, const char *daemon, const GPtrArray *reports, DsnConsumed consumed)
{
    const DsnRole role = {daemon, dsn_patterns_new(reports), consumed};

    g_array_append_val(policy->roles, role);
}

/* The roles with a name know better than the one without. */
static void
add_roles(DsnPolicy *policy)
{
    const DsnConfiguration *configuration = policy->configuration;

    for (guint i = 0; i < configuration->milter.roles->len; i++) {
        const DsnMilterRole *role = configuration->milter.roles->pdata[i];

        add_role(policy, role->daemon, role->reports, role->consumed);
    }
    if (configuration->milter.reports->len > 0)
        add_role(policy, NULL, configuration->milter.reports, configuration->milter.consumed);
}

static void
add_poster(DsnPolicy *policy, const char *name, const char *token, const GPtrArray *senders,
           size_t hourly_rate)
{
    DsnPoster *poster = g_new0(DsnPoster, 1);

    poster->name = name;
    poster->token = token;
    poster->senders = senders == NULL || senders->len == 0 ? NULL : dsn_patterns_new(senders);
    poster->hourly_rate = hourly_rate;
    g_ptr_array_add(policy->posters, poster);
}

static void
add_posters(DsnPolicy *policy)
{
    const DsnConfiguration *configuration = policy->configuration;
    const char *token = configuration->http.token;

    for (guint i = 0; i < configuration->http.clients->len; i++) {
        const DsnHttpClient *client = configuration->http.clients->pdata[i];

        add_poster(policy, client->name, client->token, client->senders, client->hourly_rate);
    }
    /* Where there are clients, nobody gets around them because no token is given beside theirs. */
    if (token != NULL || configuration->http.clients->len == 0)
        add_poster(policy, NULL, g_strcmp0(token, NO_TOKEN) == 0 ? NULL : token, NULL, 0);
}

DsnPolicy *
dsn_policy_new(DsnConfiguration *configuration, GError **error)
{
    g_autoptr(GString) problems = g_string_new(NULL);
    Checks checks = {configuration, problems, 0};
    g_autoptr(DsnPolicy) policy = g_atomic_rc_box_new0(DsnPolicy);

    policy->configuration = configuration;
    policy->senders = dsn_patterns_new(configuration->notice.senders);
    policy->rates.overall = configuration->notice.hourly_rate;
    policy->rates.sender = configuration->notice.hourly_sender_rate;
    policy->roles = g_array_new(FALSE, FALSE, sizeof(DsnRole));
    g_array_set_clear_func(policy->roles, clear_role);
    policy->lmtp = dsn_patterns_new(configuration->lmtp.reports);
    policy->posters = g_ptr_array_new_with_free_func(free_poster);
    policy->trusted = dsn_networks_new(configuration->http.trusted);
    for (guint i = 0; i < configuration->files->len; i++)
        set_types(((const DsnFileOutlet *)configuration->files->pdata[i])->types, policy->wanted);
    add_roles(policy);
    add_posters(policy);

    check_http(&checks);
    check_notices(&checks);
    check_mail(&checks);
    check_outlets(&checks, policy->wanted);
    check_catalog(&checks, policy);
    if (checks.n_problems == 0) {
        policy->notice = dsn_policy_notice_options(configuration, policy->catalog);
        return g_steal_pointer(&policy);
    }
    if (checks.n_problems > PROBLEMS_MAX)
        g_string_append_printf(problems, "and %u more\n", checks.n_problems - PROBLEMS_MAX);
    g_string_truncate(problems, problems->len - 1);
    g_set_error_literal(error, DSN_CONFIGURATION_ERROR, 0, problems->str);
    return NULL;
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
