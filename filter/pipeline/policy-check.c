/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/policy-check.h"

#include "filter/core/group.h"
#include "filter/core/network.h"
#include "filter/core/record-form.h"
#include "filter/core/relay-host.h"
#include "filter/core/socket-address.h"
#include "filter/core/toml.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <unistd.h>

/* Lines of complaint; what is wrong beyond is counted. */
#define PROBLEMS_MAX 100

DsnChecks *
dsn_checks_new(const DsnConfiguration *configuration)
{
    DsnChecks *checks = g_new0(DsnChecks, 1);

    checks->configuration = configuration;
    checks->problems = g_string_new(NULL);
    return checks;
}

void
dsn_checks_free(DsnChecks *checks)
{
    if (checks == NULL)
        return;
    g_string_free(checks->problems, TRUE);
    g_free(checks);
}

static void G_GNUC_PRINTF(4, 0) append(DsnChecks *checks, const char *place, const char *key,
                                       const char *format, va_list values)
{
    if (++checks->n_problems > PROBLEMS_MAX)
        return;
    if (place != NULL)
        g_string_append_printf(checks->problems, "%s: ", place);
    g_string_append_printf(checks->problems, "%s: ", key);
    g_string_append_vprintf(checks->problems, format, values);
    g_string_append_c(checks->problems, '\n');
}

void
dsn_checks_add(DsnChecks *checks, const char *at, const char *key, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    append(checks, dsn_configuration_place(checks->configuration, at), key, format, values);
    va_end(values);
}

void
dsn_checks_add_at(DsnChecks *checks, const char *place, const char *key, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    append(checks, place, key, format, values);
    va_end(values);
}

DsnPatterns *
dsn_checks_patterns(DsnChecks *checks, const char *key, const GPtrArray *texts)
{
    g_autoptr(GString) faults = g_string_new(NULL);
    DsnPatterns *patterns = dsn_patterns_new(texts, faults);
    g_auto(GStrv) lines = g_strsplit(faults->str, "\n", -1);

    for (size_t i = 0; lines[i] != NULL; i++) {
        if (*lines[i] != '\0')
            dsn_checks_add(checks, key, key, "%s", lines[i]);
    }
    return patterns;
}

bool
dsn_checks_passed(DsnChecks *checks, GError **error)
{
    GString *problems = checks->problems;

    if (checks->n_problems == 0)
        return true;
    if (checks->n_problems > PROBLEMS_MAX)
        g_string_append_printf(problems, "and %u more\n", checks->n_problems - PROBLEMS_MAX);
    g_string_truncate(problems, problems->len - 1);
    g_set_error_literal(error, DSN_CONFIGURATION_ERROR, 0, problems->str);
    return false;
}

char *
dsn_section_key(const char *parent, const char *name)
{
    g_autoptr(GString) key = g_string_new(parent);

    g_string_append_c(key, '.');
    dsn_toml_write_key(key, name);
    return g_string_free(g_steal_pointer(&key), FALSE);
}

/* Complains if a section has no @path, or the same as another; @paths remembers: path -> key. */
static void
check_path(DsnChecks *checks, const char *section, const char *path, GHashTable *paths)
{
    g_autofree char *key = g_strconcat(section, ".path", NULL);
    const char *other = path == NULL ? NULL : g_hash_table_lookup(paths, path);

    if (path == NULL)
        dsn_checks_add(checks, section, key, "is missing");
    else if (other != NULL)
        dsn_checks_add(checks, key, key, "%s has the same path", other);
    else
        g_hash_table_insert(paths, (gpointer)path, g_strdup(section));
}

static void
check_client(DsnChecks *checks, const DsnHttpClient *client, GHashTable *tokens)
{
    g_autofree char *section = dsn_section_key("http.client", client->name);
    g_autofree char *key = g_strconcat(section, ".token", NULL);
    const char *other = client->token == NULL ? NULL : g_hash_table_lookup(tokens, client->token);

    if (client->token == NULL)
        dsn_checks_add(checks, section, key, "is missing");
    else if (strcmp(client->token, DSN_NO_TOKEN) == 0)
        dsn_checks_add(checks, key, key, "only http.token can be \"none\"");
    else if (other != NULL)
        dsn_checks_add(checks, key, key, "%s has the same token", other);
    else
        g_hash_table_insert(tokens, client->token, g_strdup(section));
}

/* Who may post can cause mail to be sent. */
static void
check_http(DsnChecks *checks)
{
    const DsnConfiguration *configuration = checks->configuration;
    g_autoptr(GHashTable) tokens = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    const char *token = configuration->http.token;
    const char *listen = configuration->http.listen;
    DsnSocketAddress address = {.len = 0};

    if (token != NULL && strcmp(token, DSN_NO_TOKEN) != 0)
        g_hash_table_insert(tokens, configuration->http.token, g_strdup("http.token"));
    for (guint i = 0; i < configuration->http.clients->len; i++)
        check_client(checks, configuration->http.clients->pdata[i], tokens);
    if (configuration->http.memory < configuration->http.body + configuration->http.inflated)
        dsn_checks_add(checks, "http.memory", "http.memory",
                       "is less than one request, http.body and http.inflated together");
    if (listen == NULL)
        return;

    (void)dsn_socket_address_read(listen, &address); /* checked when it was loaded */
    if (address.any.sa_family != AF_UNIX) {
        if (token == NULL && configuration->http.clients->len == 0)
            dsn_checks_add(checks, "http.listen", "http.token",
                           "is missing: give one, or clients with tokens of their own%s",
                           dsn_address_is_local(&address.any) ? ", or say \"none\"" : "");
        if (configuration->http.trusted->len == 0)
            dsn_checks_add(checks, "http.trusted", "http.trusted", "lists nobody who could post");
    }
    if (g_strcmp0(token, DSN_NO_TOKEN) == 0 && !dsn_address_is_local(&address.any))
        dsn_checks_add(checks, "http.token", "http.token",
                       "\"none\" is for loopback addresses and unix sockets, not for %s", listen);
}

static void
check_group(DsnChecks *checks, const char *key, const char *group)
{
    g_autoptr(GError) error = NULL;
    gid_t id;

    if (group != NULL && !dsn_group_find(group, &id, &error))
        dsn_checks_add(checks, key, key, "%s", error->message);
}

static void
check_groups(DsnChecks *checks)
{
    check_group(checks, "milter.socket_group", checks->configuration->milter.socket_group);
    check_group(checks, "lmtp.socket_group", checks->configuration->lmtp.socket_group);
    check_group(checks, "http.socket_group", checks->configuration->http.socket_group);
}

static bool
enables(const DsnNoticePolicy *policy)
{
    return policy->enable->len > 0;
}

static bool
replaces(const DsnNoticePolicy *policy)
{
    return enables(policy) && policy->postfix_notices == DSN_POSTFIX_REPLACE;
}

/* True if @says holds of [notice] or of a tenant. */
static bool
any_says(const DsnConfiguration *configuration, bool (*says)(const DsnNoticePolicy *policy))
{
    bool any = says(&configuration->policy);

    for (guint i = 0; i < configuration->tenants->len; i++)
        any = any || says(&((const DsnTenantOptions *)configuration->tenants->pdata[i])->notice);
    return any;
}

/* True if somebody could have a notice, by [notice] or as a tenant's sender. */
static bool
makes_notices(const DsnConfiguration *configuration)
{
    bool told = configuration->http.listen != NULL || configuration->tailers->len > 0;

    return (told && any_says(configuration, enables)) ||
           (configuration->milter.listen != NULL && any_says(configuration, replaces));
}

static bool
is_given(DsnChecks *checks, const char *section, const char *option)
{
    g_autofree char *key = g_strconcat(section, ".", option, NULL);

    return dsn_configuration_place(checks->configuration, key) != NULL;
}

/* A complaint about @option of a relay. */
static void
complain_relay(DsnChecks *checks, const char *section, const char *option, const char *text)
{
    g_autofree char *key = g_strconcat(section, ".", option, NULL);

    dsn_checks_add(checks, is_given(checks, section, option) ? key : section, key, "%s", text);
}

/* The complaint that @option is missing, which @given asks for. */
static void
miss_relay(DsnChecks *checks, const char *section, const char *given, const char *option,
           const char *why)
{
    g_autofree char *at = g_strconcat(section, ".", given, NULL);
    g_autofree char *key = g_strconcat(section, ".", option, NULL);

    dsn_checks_add(checks, at, key, "is missing: %s", why);
}

static void
check_relay_hosts(DsnChecks *checks, const char *section, const DsnRelayOptions *relay, bool used)
{
    bool lmtp = relay->protocol == DSN_RELAY_LMTP;
    bool hosts = is_given(checks, section, "hosts") && relay->hosts->len > 0;

    if (used && relay->hosts->len == 0 && relay->maildir_path == NULL)
        complain_relay(checks, section, "hosts", "lists nobody who would take notices");
    if (hosts && relay->maildir_path != NULL)
        complain_relay(checks, section, "maildir_path", "notices go there or to hosts, not both");
    for (guint i = 0; i < relay->hosts->len; i++) {
        DsnRelayHost host;

        (void)dsn_relay_host_read(relay->hosts->pdata[i], &host);
        if (lmtp && host.kind == DSN_RELAY_MX)
            complain_relay(checks, section, "hosts", "an MX is for SMTP, not for LMTP");
        if (!lmtp && host.kind == DSN_RELAY_UNIX)
            complain_relay(checks, section, "hosts", "a unix socket is for protocol = \"lmtp\"");
    }
    if (lmtp && (relay->tls == DSN_TLS_REQUIRED || relay->tls == DSN_TLS_REQUIRED_INSECURE))
        complain_relay(checks, section, "tls", "there is no TLS with LMTP");
    if (lmtp && relay->user != NULL)
        complain_relay(checks, section, "user", "there is no AUTH with LMTP");
}

static void
check_both(DsnChecks *checks, const char *section, const char *one, const char *one_value,
           const char *other, const char *other_value, const char *why)
{
    if (one_value == NULL && other_value != NULL)
        miss_relay(checks, section, other, one, why);
    if (one_value != NULL && other_value == NULL)
        miss_relay(checks, section, one, other, why);
}

/* Whether addresses of that family are never looked up. */
static bool
is_excluded(const DsnRelayOptions *relay, const char *address)
{
    bool v6 = strchr(address, ':') != NULL;

    return relay->lookup == (v6 ? DSN_IP_V4_ONLY : DSN_IP_V6_ONLY);
}

static void
check_relay_route(DsnChecks *checks, const char *section, const DsnRelayOptions *relay)
{
    static const char family[] = "is not of the family that ip_lookup_strategy asks for";
    const char *proxy = relay->socks5_proxy_server;

    if (relay->source_address != NULL && proxy == NULL && is_excluded(relay, relay->source_address))
        complain_relay(checks, section, "source_address", family);
    if (relay->source_address != NULL && proxy != NULL &&
        (strchr(relay->source_address, ':') != NULL) != (*proxy == '['))
        complain_relay(checks, section, "source_address",
                       "is not of the family of socks5_proxy_server");
    if (relay->socks5_proxy_source_address != NULL &&
        is_excluded(relay, relay->socks5_proxy_source_address))
        complain_relay(checks, section, "socks5_proxy_source_address", family);
    if (relay->socks5_proxy_source_address != NULL && proxy == NULL)
        miss_relay(checks, section, "socks5_proxy_source_address", "socks5_proxy_server",
                   "without a proxy it is source_address");
    check_both(checks, section, "socks5_proxy_username", relay->socks5_proxy_username,
               "socks5_proxy_password", relay->socks5_proxy_password, "a proxy takes both");
}

static void
check_relay(DsnChecks *checks, const char *section, const DsnRelayOptions *relay, bool used)
{
    g_autofree char *interval = g_strconcat(section, ".retry_interval", NULL);
    g_autofree char *max_interval = g_strconcat(section, ".max_retry_interval", NULL);

    check_relay_hosts(checks, section, relay, used);
    check_relay_route(checks, section, relay);
    check_both(checks, section, "user", relay->user, "password", relay->password,
               "AUTH takes both");
    if (relay->max_retry_interval < relay->retry_interval)
        dsn_checks_add(checks, max_interval, max_interval, "is less than %s", interval);
}

static void
check_relay_name(DsnChecks *checks, GHashTable *names, const char *section, const char *relay)
{
    g_autofree char *key = g_strconcat(section, ".relay", NULL);
    g_autoptr(GString) quoted = g_string_new(NULL);

    if (relay == NULL || g_hash_table_contains(names, relay))
        return;
    dsn_toml_quote(quoted, relay);
    dsn_checks_add(checks, key, key, "there is no section [relay.NAME] for %s", quoted->str);
}

/* That of a tenant who has it from [notice] is spoken of there. */
static void
check_relays(DsnChecks *checks)
{
    const DsnConfiguration *configuration = checks->configuration;
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);

    check_relay(checks, "relay.default", &configuration->relay, makes_notices(configuration));
    (void)g_hash_table_add(names, (gpointer) "default");
    for (guint i = 0; i < configuration->relays->len; i++) {
        const DsnRelayOptions *relay = configuration->relays->pdata[i];
        g_autofree char *section = dsn_section_key("relay", relay->name);

        check_relay(checks, section, relay, true);
        (void)g_hash_table_add(names, relay->name);
    }
    check_relay_name(checks, names, "notice", configuration->policy.relay);
    for (guint i = 0; i < configuration->tenants->len; i++) {
        const DsnTenantOptions *tenant = configuration->tenants->pdata[i];
        g_autofree char *section = dsn_section_key("tenant", tenant->name);

        if (g_strcmp0(tenant->notice.relay, configuration->policy.relay) != 0)
            check_relay_name(checks, names, section, tenant->notice.relay);
    }
}

static void
check_notices(DsnChecks *checks)
{
    const DsnConfiguration *configuration = checks->configuration;
    g_autofree char *from =
        configuration->http.listen != NULL ? g_strdup("http.listen")
        : configuration->tailers->len == 0
            ? g_strdup("milter.listen")
            : dsn_section_key("tailer",
                              ((const DsnTailerOptions *)configuration->tailers->pdata[0])->name);

    if (makes_notices(configuration) && configuration->notice.senders->len == 0 &&
        configuration->tenants->len == 0)
        dsn_checks_add(
            checks, from, "notice.senders",
            "lists nobody whom a notice could go to; \"*\" allows everybody, and notice.enable "
            "= [] says that no notices are wanted");
}

/* A tenant that is never found has a mistake in it. */
static void
check_tenant(DsnChecks *checks, const DsnTenantOptions *tenant)
{
    g_autofree char *section = dsn_section_key("tenant", tenant->name);
    g_autofree char *key = g_strconcat(section, ".match", NULL);

    if (tenant->match.queue->len + tenant->match.sender_domain->len + tenant->match.sender->len +
                tenant->match.client->len + tenant->match.envid->len +
                g_hash_table_size(tenant->match.meta) ==
            0 &&
        tenant->match.senders_file == NULL)
        dsn_checks_add(checks, section, key, "says nothing of whose mail it is");
}

/* What a client is bound to must be there. */
static void
check_bounds(DsnChecks *checks, const DsnHttpClient *client, GHashTable *tenants)
{
    g_autofree char *section = dsn_section_key("http.client", client->name);
    g_autofree char *key = g_strconcat(section, ".tenants", NULL);

    for (guint i = 0; i < client->tenants->len; i++) {
        g_autoptr(GString) quoted = g_string_new(NULL);

        if (g_hash_table_contains(tenants, client->tenants->pdata[i]))
            continue;
        dsn_toml_quote(quoted, client->tenants->pdata[i]);
        dsn_checks_add(checks, key, key, "there is no section [tenant.NAME] for %s", quoted->str);
    }
}

static void
check_tenants(DsnChecks *checks)
{
    const DsnConfiguration *configuration = checks->configuration;
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < configuration->tenants->len; i++) {
        const DsnTenantOptions *tenant = configuration->tenants->pdata[i];

        check_tenant(checks, tenant);
        (void)g_hash_table_add(names, tenant->name);
    }
    for (guint i = 0; i < configuration->http.clients->len; i++)
        check_bounds(checks, configuration->http.clients->pdata[i], names);
}

/* What lets the milter read reports (transfer full), or NULL. */
static char *
milter_reports(const DsnConfiguration *configuration)
{
    const GPtrArray *roles = configuration->milter.roles;

    if (configuration->milter.reports->len > 0)
        return g_strdup("milter.reports");
    return roles->len == 0
               ? NULL
               : dsn_section_key("milter.role", ((const DsnMilterRole *)roles->pdata[0])->name);
}

/* A milter that listens for nobody, or has work and listens nowhere. */
static void
check_milter(DsnChecks *checks)
{
    const DsnConfiguration *configuration = checks->configuration;
    const char *listen = configuration->milter.listen;
    g_autofree char *reports = milter_reports(configuration);
    const char *work = reports != NULL                           ? reports
                       : configuration->milter.outgoing->len > 0 ? "milter.outgoing"
                                                                 : NULL;

    /* senders of ours have their notices from Postfix rewritten */
    if (listen != NULL && work == NULL &&
        configuration->tenants->len + configuration->notice.senders->len == 0)
        dsn_checks_add(checks, "milter.listen", "milter.reports",
                       "lists nobody whose mail is read as a report; a tenant, notice.senders or "
                       "milter.outgoing would give the milter work, too");
    if (listen == NULL && work != NULL)
        dsn_checks_add(checks, work, "milter.listen", "is missing");
    for (guint i = 0; i < configuration->milter.roles->len; i++) {
        const DsnMilterRole *role = configuration->milter.roles->pdata[i];
        g_autofree char *section = dsn_section_key("milter.role", role->name);
        g_autofree char *key = g_strconcat(section, ".reports", NULL);

        if (role->reports->len == 0)
            dsn_checks_add(checks, section, key, "lists nobody whose mail is read as a report");
    }
}

static void
check_lmtp(DsnChecks *checks)
{
    const char *listen = checks->configuration->lmtp.listen;
    bool reports = checks->configuration->lmtp.reports->len > 0;

    if (listen != NULL && !reports)
        dsn_checks_add(checks, "lmtp.listen", "lmtp.reports",
                       "lists nobody whose mail is read as a report");
    if (listen == NULL && reports)
        dsn_checks_add(checks, "lmtp.reports", "lmtp.listen", "is missing");
}

static void
check_mail(DsnChecks *checks)
{
    const DsnConfiguration *configuration = checks->configuration;
    const char *others = configuration->lmtp.others;
    g_autoptr(GHashTable) paths = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);

    check_milter(checks);
    check_lmtp(checks);
    for (guint i = 0; i < configuration->maildirs->len; i++) {
        const DsnMaildirIntake *maildir = configuration->maildirs->pdata[i];
        g_autofree char *section = dsn_section_key("maildir", maildir->name);

        check_path(checks, section, maildir->path, paths);
    }
    if (others != NULL && g_hash_table_contains(paths, others))
        dsn_checks_add(checks, "lmtp.others", "lmtp.others", "%s reads what is put there",
                       (const char *)g_hash_table_lookup(paths, others));
}

/* What we write must not come back. */
static void
check_own_segments(DsnChecks *checks, const char *key, const char *directory)
{
    const GPtrArray *sections = checks->configuration->segments;

    for (guint i = 0; i < sections->len; i++) {
        const DsnSegmentsOptions *segments = sections->pdata[i];
        g_autofree char *path =
            segments->log_dir == NULL ? NULL : g_canonicalize_filename(segments->log_dir, "/");

        if (g_strcmp0(path, directory) == 0)
            dsn_checks_add(checks, key, key, "segments.%s writes there, and would be followed",
                           segments->name);
    }
}

static void
check_tailers(DsnChecks *checks)
{
    const DsnConfiguration *configuration = checks->configuration;
    g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

    for (guint i = 0; i < configuration->tailers->len; i++) {
        const DsnTailerOptions *tailer = configuration->tailers->pdata[i];
        g_autofree char *section = dsn_section_key("tailer", tailer->name);
        g_autofree char *key = g_strconcat(section, ".directory", NULL);
        g_autofree char *path =
            tailer->directory == NULL ? NULL : g_canonicalize_filename(tailer->directory, "/");
        g_autofree char *files = g_strjoin("/", path == NULL ? "" : path, tailer->pattern, NULL);
        const char *other = g_hash_table_lookup(known, files);

        if (path == NULL)
            dsn_checks_add(checks, section, key, "is missing");
        else if (other != NULL)
            dsn_checks_add(checks, key, key, "%s reads the same files", other);
        else
            g_hash_table_insert(known, g_steal_pointer(&files), g_strdup(section));
        if (path != NULL)
            check_own_segments(checks, key, path);
    }
}

/* What lets reports be read (transfer full), or NULL. */
static char *
any_reports(const DsnConfiguration *configuration)
{
    const GPtrArray *maildirs = configuration->maildirs;
    g_autofree char *milter = milter_reports(configuration);

    if (configuration->milter.listen != NULL && milter != NULL)
        return g_steal_pointer(&milter);
    if (configuration->lmtp.listen != NULL)
        return g_strdup("lmtp.listen");
    return maildirs->len == 0
               ? NULL
               : dsn_section_key("maildir", ((const DsnMaildirIntake *)maildirs->pdata[0])->name);
}

/* A report is consumed once its record is kept: without an outlet nobody would see it. */
static void
check_reports(DsnChecks *checks, const bool *wanted)
{
    g_autofree char *key = any_reports(checks->configuration);
    bool feedback = wanted[DSN_RECORD_FEEDBACK], oob = wanted[DSN_RECORD_OOB];

    if (key != NULL && !(feedback && oob))
        dsn_checks_add(checks, key, key,
                       "reports are read, and no outlet takes %s records, so that they would be "
                       "lost",
                       feedback ? "OOB"
                       : oob    ? "Feedback"
                                : "Feedback and OOB");
}

/* The name of a section in @parent. */
static void
check_record_type(DsnChecks *checks, const char *parent, const char *name)
{
    g_autofree char *key = dsn_section_key(parent, name);

    if (strcmp(name, "Any") != 0 && dsn_record_type_from_string(dsn_span(name)) == DSN_RECORD_OTHER)
        dsn_checks_add(checks, key, key, "is no type of record, and not \"Any\"");
}

/* Of the outlet [@kind.@name], which is @section. */
static void
check_selection(DsnChecks *checks, const char *section, const char *kind, const char *name,
                const DsnSelection *selection)
{
    g_autofree char *records = g_strconcat(section, ".per_record", NULL);
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < selection->records->len; i++)
        check_record_type(checks, records,
                          ((const DsnPerRecord *)selection->records->pdata[i])->name);
    g_autoptr(DsnForm) form = dsn_form_of(kind, name, selection, &error);
    if (form == NULL)
        dsn_checks_add(checks, section, section, "%s", error->message);
}

/* Complains if another section writes files of the same directory and suffix: each takes what it
 * finds there for its own. @places remembers: both -> name of the section. */
static void
check_place(DsnChecks *checks, const DsnSegmentsOptions *segments, const DsnPerRecord *record,
            GHashTable *places)
{
    const char *log_dir =
        record == NULL || record->log_dir == NULL ? segments->log_dir : record->log_dir;
    const char *suffix = record == NULL || record->suffix == NULL ? "" : record->suffix;
    g_autofree char *place = g_strconcat(log_dir, "\n", suffix, NULL);
    const char *other = g_hash_table_lookup(places, place);

    if (other == NULL) {
        g_hash_table_insert(places, g_steal_pointer(&place), segments->name);
    } else if (strcmp(other, segments->name) != 0) {
        g_autofree char *section = dsn_section_key("segments", segments->name);
        g_autofree char *others = dsn_section_key("segments", other);

        dsn_checks_add(checks, section, section,
                       "%s has files with the same log_dir and suffix; give one a suffix", others);
    }
}

static void
check_places(DsnChecks *checks, const DsnSegmentsOptions *segments, GHashTable *places)
{
    bool any = false;

    for (guint i = 0; segments->log_dir != NULL && i < segments->selection.records->len; i++) {
        const DsnPerRecord *record = segments->selection.records->pdata[i];

        any |= strcmp(record->name, "Any") == 0;
        if (record->enable)
            check_place(checks, segments, record, places);
    }
    if (segments->log_dir != NULL && !any)
        check_place(checks, segments, NULL, places);
}

static void
check_segments(DsnChecks *checks, const DsnSegmentsOptions *segments)
{
    g_autofree char *section = dsn_section_key("segments", segments->name);
    g_autofree char *log_dir = g_strconcat(section, ".log_dir", NULL);

    if (segments->log_dir == NULL)
        dsn_checks_add(checks, section, log_dir, "is missing");
    check_selection(checks, section, "segments", segments->name, &segments->selection);
}

/* Fields of which each request has its own. */
static void
check_fields(DsnChecks *checks, const char *section, GHashTable *fields)
{
    static const char *const ours[] = {"Content-Encoding", "Content-Length",  "Dsnarf-Signature",
                                       "Expect",           "Idempotency-Key", "Transfer-Encoding"};
    g_autofree char *parent = g_strconcat(section, ".http_headers", NULL);
    GHashTableIter iterator;
    gpointer name;

    g_hash_table_iter_init(&iterator, fields);
    while (g_hash_table_iter_next(&iterator, &name, NULL)) {
        g_autofree char *key = dsn_section_key(parent, name);

        if (!dsn_field_name_is_valid(name))
            dsn_checks_add(checks, key, key, "is no name of a header field");
        for (size_t i = 0; i < G_N_ELEMENTS(ours); i++) {
            if (g_ascii_strcasecmp(name, ours[i]) == 0)
                dsn_checks_add(checks, key, key, "is set by dsnarf itself");
        }
    }
}

static void
check_limits(DsnChecks *checks, const char *section, const DsnWebhookOptions *webhook)
{
    g_autofree char *least = g_strconcat(section, ".min_batch_size", NULL);
    g_autofree char *most = g_strconcat(section, ".batch_size", NULL);
    g_autofree char *interval = g_strconcat(section, ".retry_interval", NULL);
    g_autofree char *max_interval = g_strconcat(section, ".max_retry_interval", NULL);
    g_autofree char *certificate = g_strconcat(section, ".tls_certificate", NULL);
    g_autofree char *key = g_strconcat(section, ".tls_key", NULL);

    if (webhook->min_batch_size > webhook->batch_size)
        dsn_checks_add(checks, least, least, "is more than %s", most);
    if (webhook->max_retry_interval < webhook->retry_interval)
        dsn_checks_add(checks, max_interval, max_interval, "is less than %s", interval);
    if (webhook->tls_key != NULL && webhook->tls_certificate == NULL)
        dsn_checks_add(checks, key, certificate, "is missing: a key alone is of no use");
}

/* Better known now than when the first record is sent. */
static void
check_file(DsnChecks *checks, const char *section, const char *option, const char *path)
{
    g_autofree char *key = g_strdup_printf("%s.%s", section, option);

    if (path != NULL && g_access(path, R_OK) != 0)
        dsn_checks_add(checks, key, key, "%s: %s", path, g_strerror(errno));
}

static void
check_webhook(DsnChecks *checks, const DsnWebhookOptions *webhook)
{
    g_autofree char *section = dsn_section_key("webhook", webhook->name);
    g_autofree char *url = g_strconcat(section, ".url", NULL);

    if (webhook->url == NULL)
        dsn_checks_add(checks, section, url, "is missing");
    check_fields(checks, section, webhook->http_headers);
    check_limits(checks, section, webhook);
    check_file(checks, section, "tls_ca", webhook->tls_ca);
    check_file(checks, section, "tls_certificate", webhook->tls_certificate);
    check_file(checks, section, "tls_key", webhook->tls_key);
    check_selection(checks, section, "webhook", webhook->name, &webhook->selection);
}

/* @value, of the option @most of @section, is not to be less than that of the option @least. */
static void
check_most(DsnChecks *checks, const char *section, const char *least, GTimeSpan least_value,
           const char *most, GTimeSpan value)
{
    g_autofree char *least_key = g_strconcat(section, ".", least, NULL);
    g_autofree char *key = g_strconcat(section, ".", most, NULL);

    if (value < least_value)
        dsn_checks_add(checks, key, key, "is less than %s", least_key);
}

static void
check_program(DsnChecks *checks, const DsnProgramOptions *program)
{
    g_autofree char *section = dsn_section_key("program", program->name);
    g_autofree char *command = g_strconcat(section, ".command", NULL);

    if (program->command->len == 0)
        dsn_checks_add(checks, section, command, "is missing");
    else if (!g_path_is_absolute(program->command->pdata[0]))
        dsn_checks_add(checks, command, command,
                       "\"%s\" is no absolute path: the program is not searched for",
                       (const char *)program->command->pdata[0]);
    check_most(checks, section, "restart_delay", program->restart_delay, "max_restart_delay",
               program->max_restart_delay);
    check_most(checks, section, "retry_interval", program->retry_interval, "max_retry_interval",
               program->max_retry_interval);
    check_selection(checks, section, "program", program->name, &program->selection);
}

static void
check_outlets(DsnChecks *checks)
{
    const DsnConfiguration *configuration = checks->configuration;
    g_autoptr(GHashTable) paths = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);

    if (configuration->spool.directory == NULL)
        dsn_checks_add(checks, "spool.directory", "spool.directory", "is missing");
    for (guint i = 0; i < configuration->files->len; i++) {
        const DsnFileOutlet *file = configuration->files->pdata[i];
        g_autofree char *section = dsn_section_key("file", file->name);
        g_autofree char *key = g_strconcat(section, ".types", NULL);

        check_path(checks, section, file->path, paths);
        if (file->types->len == 0)
            dsn_checks_add(checks, key, key, "lists no type of record");
    }
    g_autoptr(GHashTable) places = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < configuration->segments->len; i++) {
        check_segments(checks, configuration->segments->pdata[i]);
        check_places(checks, configuration->segments->pdata[i], places);
    }
    for (guint i = 0; i < configuration->webhooks->len; i++)
        check_webhook(checks, configuration->webhooks->pdata[i]);
    for (guint i = 0; i < configuration->programs->len; i++)
        check_program(checks, configuration->programs->pdata[i]);
}

static void
check_evidence(DsnChecks *checks)
{
    const DsnConfiguration *configuration = checks->configuration;
    const DsnTraceOptions *trace = &configuration->trace;
    bool found = trace->sign == NULL;

    for (guint i = 0; i < trace->keys->len; i++) {
        const DsnTraceKey *key = trace->keys->pdata[i];
        g_autofree char *section = dsn_section_key("trace.key", key->name);
        g_autofree char *secret = g_strconcat(section, ".secret", NULL);

        if (key->secret == NULL)
            dsn_checks_add(checks, section, secret, "is missing");
        found = found || strcmp(key->name, trace->sign) == 0;
    }
    if (!found)
        dsn_checks_add(checks, "trace.sign", "trace.sign",
                       "there is no section [trace.key.NAME] for it");
    if (configuration->milter.outgoing->len > 0 && trace->sign == NULL &&
        configuration->capture.mail == DSN_CAPTURED_NOTHING)
        dsn_checks_add(checks, "milter.outgoing", "trace.sign",
                       "is missing: without it anybody could write the traces that are added");
    if (configuration->authentication.reporters->len > 0 &&
        configuration->authentication.authserv_ids->len == 0)
        dsn_checks_add(checks, "authentication.reporters", "authentication.authserv_ids",
                       "is missing: without it nobody tells whether SPF or DKIM passed");
}

void
dsn_check_configuration(DsnChecks *checks, const bool *wanted)
{
    check_http(checks);
    check_groups(checks);
    check_notices(checks);
    check_relays(checks);
    check_tenants(checks);
    check_mail(checks);
    check_tailers(checks);
    check_outlets(checks);
    check_reports(checks, wanted);
    check_evidence(checks);
}
