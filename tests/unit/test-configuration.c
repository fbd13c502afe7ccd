/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/configuration-table.h"
#include "filter/core/configuration.h"
#include "filter/core/record.h"
#include "tests/support/unit.h"

#include <glib/gstdio.h>

/* Loads @text as a file (transfer full), or NULL and @error, which calls the file FILE. */
static DsnConfiguration *
load_text(const char *text, GError **error)
{
    g_autofree char *file = NULL;
    int descriptor = g_file_open_tmp("dsnarf-configuration-XXXXXX", &file, NULL);

    ck_assert_int_ge(descriptor, 0);
    g_close(descriptor, NULL);
    ck_assert(g_file_set_contents(file, text, -1, NULL));
    DsnConfiguration *configuration = dsn_configuration_load(file, error);
    if (error != NULL && *error != NULL) {
        g_autoptr(GString) message = g_string_new((*error)->message);

        g_string_replace(message, file, "FILE", 0);
        g_free((*error)->message);
        (*error)->message = g_strdup(message->str);
    }
    g_remove(file);
    return configuration;
}

static char *
show(const DsnConfiguration *configuration)
{
    g_autoptr(GString) text = g_string_new(NULL);

    dsn_configuration_show(configuration, text);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

START_TEST(has_defaults)
{
    g_autoptr(DsnConfiguration) configuration = dsn_configuration_load(NULL, NULL);

    ck_assert(strcmp(configuration->hostname, g_get_host_name()) == 0 ||
              strcmp(configuration->hostname, "localhost") == 0);
    ck_assert_str_eq(configuration->nodeid, "00000000-0000-0000-0000-000000000000");
    ck_assert_uint_eq(g_hash_table_size(configuration->nodes), 0);
    ck_assert_uint_eq(configuration->policy.enable->len, 2);
    ck_assert_int_eq(configuration->policy.include_original, DSN_RETURN_HEADERS);
    ck_assert_uint_eq(configuration->policy.return_limit, 50 * 1024);
    ck_assert_ptr_null(configuration->policy.from);
    ck_assert_ptr_null(configuration->policy.templates);
    ck_assert_mem_eq(&configuration->limits, &DSN_LIMITS_DEFAULT, sizeof(DsnLimits));
    ck_assert_uint_eq(configuration->intake.record, 40 * 1024 * 1024);
    ck_assert_mem_eq(&configuration->template_limits, &DSN_TEMPLATE_LIMITS_DEFAULT,
                     sizeof(DsnTemplateLimits));
}
END_TEST

static const char everything[] =
    "hostname = \"mta1.example.com\"\nnodeid = \"557f3ad4-2c8c-11ee-976e-782d7e12e173\"\n"
    "[nodes]\nn2 = \"mta2.example.com\"\n"
    "[notice]\nenable = [\"Expiration\"]\n"
    "include_original = \"full\"\nreturn_limit = \"1MB\"\n"
    "from = \"\\\"Acme, Inc.\\\" <postmaster@acme.example>\"\n"
    "templates = \"/etc/dsnarf/texts\"\n"
    "[limits]\nmessage = \"2MiB\"\nrecord = \"3MiB\"\ndepth = 5\n"
    "[template]\nfuel = 2000\n"
    "[log]\ntarget = \"syslog\"\nlevel = \"debug\"\n"
    "[milter]\nlisten = \"inet:8890@127.0.0.1\"\nsocket_mode = \"600\"\n"
    "[milter.role.in]\n"
    "reports = [\"fbl@example.com\", \"file:/etc/./list\", \"/f-[0-9]+@example\\\\.com$/\"]\n"
    "consumed = \"tag\"\n"
    "consumed_oob = \"accept\"\n"
    "[http]\noverload = \"503\"\n"
    "[http.client.kumo]\nsenders = [\"example.com\"]\nhourly_rate = 5\n"
    "[relay.default]\ntls = \"Required\"\nmax_age = \"2 days\"\n"
    "[relay.acme]\nhosts = [\"mx.acme.example:25\", { name = \"b.example\", addr = "
    "\"10.0.0.1\" }]\nconnections = 2\n"
    "[tenant.acme]\nmatch.sender_domain = [\"acme.example\"]\nmatch.client = [\"10.0.0.0/8\"]\n"
    "hostname = \"bounces.acme.example\"\nrelay = \"acme\"\nlanguages = [\"de\", \"pt-BR\"]\n"
    "[tenant.acme.match.meta]\ncustomer = \"17\"\n"
    "[meta]\nnotify = \"n\"\nclient = \"\"\n[history]\nkeep = 0\n"
    "[file.feedback]\npath = \"/var/log/dsnarf/feedback.json\"\n"
    "[maildir.bounces]\npath = \"/var/mail/bounces\"\nconsumed = \"accept\"\n";

START_TEST(reads_every_section)
{
    g_autoptr(DsnConfiguration) configuration = load_text(everything, NULL);

    ck_assert_str_eq(configuration->hostname, "mta1.example.com");
    ck_assert_str_eq(configuration->nodeid, "557f3ad4-2c8c-11ee-976e-782d7e12e173");
    ck_assert_str_eq(g_hash_table_lookup(configuration->nodes, "n2"), "mta2.example.com");
    ck_assert_uint_eq(configuration->policy.enable->len, 1);
    ck_assert_str_eq(configuration->policy.enable->pdata[0], "Expiration");
    ck_assert_int_eq(configuration->policy.include_original, DSN_RETURN_FULL);
    ck_assert_uint_eq(configuration->policy.return_limit, 1000000);
    ck_assert_str_eq(configuration->policy.from, "\"Acme, Inc.\" <postmaster@acme.example>");
    ck_assert_str_eq(configuration->policy.templates, "/etc/dsnarf/texts");
    ck_assert_uint_eq(configuration->limits.message, 2 * 1024 * 1024);
    ck_assert_uint_eq(configuration->intake.record, 3 * 1024 * 1024);
    ck_assert_uint_eq(configuration->limits.depth, 5);
    ck_assert_uint_eq(configuration->template_limits.fuel, 2000);
}
END_TEST

START_TEST(reads_the_options_of_the_daemon)
{
    g_autoptr(DsnConfiguration) configuration = load_text(everything, NULL);

    ck_assert_int_eq(configuration->log.target, DSN_LOG_SYSLOG);
    ck_assert_int_eq(configuration->log.level, DSN_LOG_DEBUG);
    ck_assert_uint_eq(configuration->milter.socket_mode, 0600);
    const DsnMilterRole *role = configuration->milter.roles->pdata[0];
    ck_assert_str_eq(role->name, "in");
    ck_assert_ptr_null(role->daemon);
    ck_assert_str_eq(role->reports->pdata[0], "fbl@example.com");
    ck_assert_str_eq(role->reports->pdata[1], "file:/etc/list");
    ck_assert_str_eq(role->reports->pdata[2], "/f-[0-9]+@example\\.com$/");
    ck_assert_int_eq(role->consumption.all, DSN_CONSUMED_TAG);
    ck_assert_int_eq(role->consumption.feedback, DSN_CONSUMED_AS_ALL);
    ck_assert_int_eq(role->consumption.oob, DSN_CONSUMED_ACCEPT);
    ck_assert_int_eq(configuration->http.overload, DSN_OVERLOAD_503);
    const DsnHttpClient *client = configuration->http.clients->pdata[0];
    ck_assert_str_eq(client->name, "kumo");
    ck_assert_str_eq(client->senders->pdata[0], "example.com");
    ck_assert_uint_eq(client->hourly_rate, 5);
    ck_assert_int_eq(configuration->relay.tls, DSN_TLS_REQUIRED);
    ck_assert_int_eq(configuration->relay.max_age, 2 * G_TIME_SPAN_DAY);
    const DsnFileOutlet *file = configuration->files->pdata[0];
    ck_assert_str_eq(file->name, "feedback");
    ck_assert_str_eq(file->path, "/var/log/dsnarf/feedback.json");
    ck_assert_uint_eq(file->types->len, 2);
    const DsnMaildirIntake *maildir = configuration->maildirs->pdata[0];
    ck_assert_str_eq(maildir->path, "/var/mail/bounces");
    ck_assert_int_eq(maildir->consumed, DSN_CONSUMED_ACCEPT);
}
END_TEST

START_TEST(reads_tenants_and_relays)
{
    g_autoptr(DsnConfiguration) configuration = load_text(everything, NULL);
    const DsnTenantOptions *tenant = configuration->tenants->pdata[0];
    const DsnRelayOptions *relay = configuration->relays->pdata[0];

    ck_assert_str_eq(relay->name, "acme");
    ck_assert_ptr_null(configuration->relay.name);
    ck_assert_str_eq(relay->hosts->pdata[0], "mx.acme.example:25");
    ck_assert_str_eq(relay->hosts->pdata[1], "b.example[10.0.0.1]");
    ck_assert_uint_eq(relay->connections, 2);
    ck_assert_int_eq(relay->max_age, 5 * G_TIME_SPAN_DAY); /* not as [relay.default] */
    ck_assert_str_eq(tenant->name, "acme");
    ck_assert_str_eq(tenant->match.sender_domain->pdata[0], "acme.example");
    ck_assert_str_eq(tenant->match.client->pdata[0], "10.0.0.0/8");
    ck_assert_str_eq(g_hash_table_lookup(tenant->match.meta, "customer"), "17");
    ck_assert_ptr_null(tenant->match.senders_file);
    ck_assert_str_eq(tenant->notice.hostname, "bounces.acme.example");
    ck_assert_str_eq(tenant->notice.relay, "acme");
    ck_assert_str_eq(tenant->notice.from, configuration->policy.from);
    ck_assert_ptr_eq(tenant->notice.enable, configuration->policy.enable);
    ck_assert_uint_eq(tenant->notice.return_limit, 1000000);
    ck_assert_uint_eq(tenant->notice.languages->len, 2);
    ck_assert_str_eq(configuration->meta.notify, "n");
    ck_assert_str_eq(configuration->meta.ret, "dsn_ret");
    ck_assert_ptr_null(configuration->meta.client);
    ck_assert_int_eq(configuration->history.keep, 0);
}
END_TEST

START_TEST(names_trust)
{
    g_autoptr(DsnConfiguration) configuration =
        load_text("notice.trust = [\"spf\", \"any\"]", NULL);
    g_autoptr(DsnConfiguration) defaults = dsn_configuration_load(NULL, NULL);

    ck_assert_uint_eq(dsn_trust_bits(configuration->policy.trust), DSN_TRUST_SPF | DSN_TRUST_ANY);
    ck_assert_uint_eq(dsn_trust_bits(defaults->policy.trust), DSN_TRUST_TOKEN | DSN_TRUST_TENANT |
                                                                  DSN_TRUST_AUTHENTICATED |
                                                                  DSN_TRUST_SPF | DSN_TRUST_DKIM);
}
END_TEST

START_TEST(shows_no_secrets)
{
    g_autoptr(DsnConfiguration) configuration =
        load_text("http.token = \"s3cret\"\nhttp.client.kumo.token = \"s4cret\"\n"
                  "relay.default.password = \"s5cret\"",
                  NULL);
    const DsnHttpClient *client = configuration->http.clients->pdata[0];
    g_autofree char *shown = show(configuration);

    ck_assert_str_eq(configuration->http.token, "s3cret");
    ck_assert_str_eq(client->token, "s4cret");
    ck_assert_str_eq(configuration->relay.password, "s5cret");
    ck_assert_ptr_null(strstr(shown, "cret"));
}
END_TEST

/* Words stand for numbers by their order. */
START_TEST(reads_the_names_of_all_types)
{
    for (int i = 0; i < DSN_RECORD_OTHER; i++) {
        g_autofree char *text = g_strdup_printf("[file.x]\ntypes = [\"%s\"]",
                                                dsn_record_type_to_string((DsnRecordType)i));
        g_autoptr(DsnConfiguration) configuration = load_text(text, NULL);

        ck_assert_msg(configuration != NULL, "%s", text);
    }
}
END_TEST

START_TEST(shows_what_loads_again)
{
    g_autoptr(DsnConfiguration) configuration = load_text(everything, NULL);
    g_autofree char *first = show(configuration);
    g_autoptr(DsnConfiguration) again = load_text(first, NULL);

    ck_assert_msg(again != NULL, "%s", first);
    g_autofree char *second = show(again);
    ck_assert_str_eq(first, second);
    ck_assert_mem_eq(&configuration->limits, &again->limits, sizeof(DsnLimits));
    ck_assert_mem_eq(&configuration->template_limits, &again->template_limits,
                     sizeof(DsnTemplateLimits));
    ck_assert_str_eq(configuration->policy.from, again->policy.from);
    ck_assert_ptr_nonnull(strstr(first, "\nreturn_limit = \"1MB\"\n"));
    ck_assert_ptr_nonnull(strstr(first, "\nparts = 500 # default\n"));
}
END_TEST

static const struct {
    const char *toml, *error;
} faults[] = {
    {"hostname = \"a..b\"", "1: hostname: expected a host name in ASCII such as "
                            "\"mta1.example.com\", got \"a..b\""},
    {"hostname = \"[192.0.2.1]\"", "1: hostname: expected a host name in ASCII such as "
                                   "\"mta1.example.com\", got \"[192.0.2.1]\""},
    {"hostname = \"192.0.2.1\"",
     "1: hostname: expected a host name in ASCII such as \"mta1.example.com\", got \"192.0.2.1\""},
    {"hostname = \"m\xc3\xbcller.example\"",
     "1: hostname: expected a host name in ASCII such as \"mta1.example.com\", "
     "got \"m\xc3\xbcller.example\""},
    {"nodeid = \"n1\"", "1: nodeid: expected a UUID such as "
                        "\"00000000-0000-0000-0000-000000000000\", got \"n1\""},
    {"[nodes]\nx = \"\"",
     "2: nodes.x: expected a host name in ASCII such as \"mta1.example.com\", got \"\""},
    {"notice.from = \"Acme <acme>\"",
     "1: notice.from: expected an address such as \"postmaster@example.com\" or "
     "\"Name <postmaster@example.com>\", got \"Acme <acme>\""},
    {"notice.enable = [\"Bounce\", \"bounce\"]",
     "1: notice.enable: expected a list of \"Bounce\", \"Expiration\", \"AdminBounce\", "
     "\"TransientFailure\", \"Delayed\", \"Delivery\", got \"bounce\", did you mean \"Bounce\"?"},
    {"notice.enable = \"Bounce\"",
     "1: notice.enable: expected a list of \"Bounce\", \"Expiration\", \"AdminBounce\", "
     "\"TransientFailure\", \"Delayed\", \"Delivery\", got \"Bounce\""},
    {"notice.include_original = \"header\"",
     "1: notice.include_original: expected one of \"no\", \"headers\", \"full\", got \"header\", "
     "did you mean \"headers\"?"},
    {"milter.listen = \"inet:8890\"",
     "1: milter.listen: expected \"unix:/path\", \"inet:8890@127.0.0.1\" or \"inet6:8890@::1\", "
     "got \"inet:8890\""},
    {"milter.listen = \"unix:x\"",
     "1: milter.listen: expected \"unix:/path\", \"inet:8890@127.0.0.1\" or \"inet6:8890@::1\", "
     "got \"unix:x\""},
    {"milter.reports = [\"<fbl@example.com>\"]",
     "1: milter.reports: expected an address such as \"user@example.com\", a domain, a pattern "
     "of them with *, a regular expression \"/.../\", or a file \"file:PATH\", got "
     "\"<fbl@example.com>\""},
    {"[milter.meta]\ntenant = \"X Tenant\"",
     "2: milter.meta.tenant: expected the name of a header field such as \"Authorization\", got "
     "\"X Tenant\""},
    {"http.listen = \"localhost:8025\"",
     "1: http.listen: expected \"127.0.0.1:8025\", \"[::1]:8025\" or \"unix:/path\", "
     "got \"localhost:8025\""},
    {"http.token = \"a b\"", "1: http.token: expected a token of visible ASCII characters without "
                             "spaces, got another string"},
    {"http.header = \"X:\"", "1: http.header: expected the name of a header field such as "
                             "\"Authorization\", got \"X:\""},
    {"http.trusted = [\"10.0.0.1/8\"]",
     "1: http.trusted: expected an address that is zero behind the bits of its network, "
     "got \"10.0.0.1/8\""},
    {"relay.default.hosts = [\"2001:db8::1\"]",
     "1: relay.default.hosts: expected brackets around an IPv6 address, as in "
     "\"[2001:db8::1]:25\", got \"2001:db8::1\""},
    {"relay.default.hosts = [\"mx.example.com\", { name = \"mx.example.com\" }]",
     "1: relay.default.hosts: expected a table with the keys name and addr and no others"},
    {"relay.default.hosts = [{ name = \"mx.example.com\", addr = 1 }]",
     "1: relay.default.hosts: expected a table of strings, got 1"},
    {"relay.default.hosts = [{ name = \"mx.example.com\", addr = \"${NO_SUCH_VARIABLE}\" }]",
     "1: relay.default.hosts: the environment variable NO_SUCH_VARIABLE is not set"},
    {"notice.languages = [{ name = \"de\" }]",
     "1: notice.languages: expected a list of strings, got a table"},
    {"relay.default.resolver = \"[::1]:53\"",
     "1: relay.default.resolver: expected an IPv4 address with a port such as "
     "\"127.0.0.1:53\", got \"[::1]:53\""},
    {"relay.default.socks5_proxy_server = \"unix:/x\"",
     "1: relay.default.socks5_proxy_server: expected an address with a port such as "
     "\"192.0.2.1:1080\" or \"[2001:db8::1]:1080\", got \"unix:/x\""},
    {"relay.default.source_address = \"192.0.2.1:25\"",
     "1: relay.default.source_address: expected an address such as \"192.0.2.1\" or "
     "\"2001:db8::1\", got \"192.0.2.1:25\""},
    {"relay.default.tls = \"yes\"",
     "1: relay.default.tls: expected one of \"Disabled\", \"Opportunistic\", "
     "\"OpportunisticInsecure\", \"Required\", \"RequiredInsecure\", got \"yes\""},
    {"relay.default.ehlo = \"a b\"",
     "1: relay.default.ehlo: expected a host name in ASCII or an address in brackets such as "
     "\"[192.0.2.1]\", got \"a b\""},
    {"[file.x]\ntypes = [\"feedback\"]",
     "2: file.x.types: expected a list of \"Reception\", \"Delivery\", \"Bounce\", "
     "\"TransientFailure\", \"Expiration\", \"AdminBounce\", \"OOB\", \"Feedback\", "
     "\"Rejection\", \"AdminRebind\", \"DeferredInjectionRebind\", \"Delayed\", \"XferOut\", "
     "\"XferIn\", got \"feedback\", did you mean \"Feedback\"?"},
    {"[notice]\nenabled = []", "2: notice.enabled: unknown option, did you mean `enable`?"},
    {"[notice]\nnodeid = \"x\"", "2: notice.nodeid: unknown option"},
    {"[tenant.a]\nsenders = []", "2: tenant.a.senders: unknown option"},
    {"notice.delay_after = [\"1s\"]",
     "1: notice.delay_after: expected a duration such as \"4 hours\" "
     "from 1min to 100d, got \"1s\""},
    {"notice.languages = [\"german language\"]",
     "1: notice.languages: expected a language tag such as \"de\" or \"pt-BR\", "
     "got \"german language\""},
    {"notice.languages = [\"1de\"]",
     "1: notice.languages: expected a language tag such as \"de\" or "
     "\"pt-BR\", got \"1de\""},
    {"notice.languages = [\"de-\"]",
     "1: notice.languages: expected a language tag such as \"de\" or "
     "\"pt-BR\", got \"de-\""},
    {"notice.trust = [\"all\"]", "1: notice.trust: expected a list of \"token\", \"tenant\", "
                                 "\"authenticated\", \"spf\", \"dkim\", \"any\", got \"all\""},
    {"[tenant.a]\nmatch.sender = [\"a*@x.example\"]",
     "2: tenant.a.match.sender: expected an address such as \"user@example.com\", got "
     "\"a*@x.example\""},
    {"[tenant.a]\nmatch.sender_domain = [\"a@x.example\"]",
     "2: tenant.a.match.sender_domain: expected a domain such as \"example.com\", or "
     "\"*.example.com\" for those below it, got \"a@x.example\""},
    {"[tenant.a]\nmatch.queue = [\"a@b\"]",
     "2: tenant.a.match.queue: expected a tenant's name, which is never empty and has no \"@\" or "
     "\"!\", got \"a@b\""},
    {"[tenant.a]\nmatch.client = [\"10.0.0.1/8\"]",
     "2: tenant.a.match.client: expected an address that is zero behind the bits of its network, "
     "got \"10.0.0.1/8\""},
    {"[limit]\ndepth = 1", "1: limit: unknown section, did you mean `limits`?"},
    {"[limits]\ndepth = 0", "2: limits.depth: expected a whole number from 1 to 200, got 0"},
};

START_TEST(says_what_is_wrong)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *want = g_strconcat("FILE:", faults[_i].error, NULL);

    ck_assert_ptr_null(load_text(faults[_i].toml, &error));
    ck_assert(error->domain == DSN_CONFIGURATION_ERROR);
    ck_assert_str_eq(error->message, want);
}
END_TEST

static const struct {
    const char *from, *display, *address; /* @address NULL: not one */
} senders[] = {
    {"a@example.com", NULL, "a@example.com"},
    {"<a@example.com>", NULL, "a@example.com"},
    {" Acme Mail  <a@example.com> ", "Acme Mail", "a@example.com"},
    {"\"Acme, Inc.\" <a@example.com>", "Acme, Inc.", "a@example.com"},
    {"\"\" <a@example.com>", NULL, "a@example.com"},
    {"M\xc3\xbcller <a@example.com>", "M\xc3\xbcller", "a@example.com"},
    {"Acme, Inc. <a@example.com>", "Acme, Inc.", "a@example.com"},
    {"", NULL, NULL},
    {" ", NULL, NULL},
    {"<", NULL, NULL},
    {">", NULL, NULL},
    {"<>", NULL, NULL},
    {"Acme", NULL, NULL},
    {"Acme a@example.com", NULL, NULL},
    {"Acme <a@example.com", NULL, NULL},
    {"Acme <a@example.com> x", NULL, NULL},
    {"a@example.com, b@example.com", NULL, NULL},
    {"Acme <b <a@example.com>", NULL, NULL},
    {"\"a\\\"b\" <a@example.com>", NULL, NULL},
    {"Ac\nme <a@example.com>", NULL, NULL},
    {"Acme\r\nX: y <a@example.com>", NULL, NULL},
};

START_TEST(splits_the_sender)
{
    DsnSpan display = DSN_SPAN_ABSENT, address = DSN_SPAN_ABSENT;
    const char *from = senders[_i].from;
    bool split = dsn_configuration_split(from, &display, &address);

    ck_assert_msg(split == (senders[_i].address != NULL), "%s", from);
    ck_assert_msg(dsn_span_present(display) == (senders[_i].display != NULL), "%s", from);
    if (senders[_i].display != NULL)
        dsn_assert_span(display, senders[_i].display, from);
    if (senders[_i].address != NULL)
        dsn_assert_span(address, senders[_i].address, from);
}
END_TEST

/* ---- the table, the manual and the sample agree ---- */

/* The section of @option (transfer full): "" above all sections. */
static char *
section_of(const DsnOption *option)
{
    const char *dot = strrchr(option->path, '.');

    return g_strndup(option->path, dot == NULL ? 0 : (size_t)(dot - option->path));
}

START_TEST(rows_are_in_order)
{
    g_autoptr(GHashTable) done = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) paths = g_hash_table_new(g_str_hash, g_str_equal);
    g_autofree char *last = g_strdup("");

    for (size_t i = 0; i < DSN_CONFIGURATION_TABLE.n_options; i++) {
        const DsnOption *option = &DSN_CONFIGURATION_TABLE.options[i];
        g_autofree char *section = section_of(option);

        ck_assert_msg(g_hash_table_add(paths, (gpointer)option->path), "%s twice", option->path);
        ck_assert_msg(option->help != NULL && *option->help != '\0', "%s: no help", option->path);
        if (strcmp(section, last) != 0) {
            g_hash_table_add(done, g_steal_pointer(&last));
            last = g_strdup(section);
        }
        ck_assert_msg(!g_hash_table_contains(done, section), "%s apart", option->path);
    }
}
END_TEST

/* "from 1 to 9" as complaints have it (transfer full), "" where there are no bounds. */
static char *
range_of(const DsnOption *option)
{
    g_autoptr(GString) complaint = g_string_new(NULL);
    json_auto_t *wrong = json_true();

    if (option->min == option->max)
        return g_strdup("");
    ck_assert(!dsn_option_read(option, wrong, "/", NULL, complaint));
    const char *from = strstr(complaint->str, "from ");
    return g_strndup(from, strcspn(from, ","));
}

/* "section.key = default: kind from min to max" of a row, as the manual is read below. */
static char *
row_of(const DsnOption *option)
{
    g_autofree char *range = range_of(option);
    const char *kind = option->type == DSN_OPTION_SIZE       ? "A size "
                       : option->type == DSN_OPTION_NUMBER   ? "A number "
                       : option->type == DSN_OPTION_DURATION ? "A duration "
                                                             : "";

    if (option->type == DSN_OPTION_MAP || option->type == DSN_OPTION_SECTIONS)
        return g_strconcat(option->path, ".", NULL);
    return g_strdup_printf("%s = %s: %s%s%s", option->path, option->fallback, kind, range,
                           option->restart ? " restart" : "");
}

static void
add_manual_option(GHashTable *rows, const char *section, const char *item, char **lines)
{
    const char *text = *lines, *restart = "";

    bool bounded = g_str_has_prefix(text, "A size ") || g_str_has_prefix(text, "A number ") ||
                   g_str_has_prefix(text, "A duration ");

    while (!g_str_has_prefix(*lines, ".It") && !g_str_has_prefix(*lines, ".El")) {
        if (strcmp(*lines++, "Needs a restart.") == 0)
            restart = " restart";
    }
    g_hash_table_add(rows, g_strdup_printf("%s%s: %.*s%s", section, item,
                                           bounded ? (int)strcspn(text, ".:") : 0, text, restart));
}

/* "[file.NAME]" as "file.*.", "[segments.NAME.per_record.TYPE]" as "segments.*.per_record.*."
 * (transfer full). */
static char *
section_name(const char *bracket)
{
    g_autoptr(GString) name = g_string_new_len(bracket + 1, (gssize)strcspn(bracket + 1, "]"));

    (void)g_string_replace(name, "NAME", "*", 0);
    (void)g_string_replace(name, "TYPE", "*", 0);
    g_string_append_c(name, '.');
    return g_string_free(g_steal_pointer(&name), FALSE);
}

/* The options of dsnarf.toml(5), in the form of row_of(). */
static GHashTable *
read_manual(void)
{
    g_autofree char *text = dsn_test_read("../packaging/man/dsnarf.toml.5", NULL);
    g_autoptr(GString) plain = g_string_new(text);
    g_autofree char *section = g_strdup("");
    GHashTable *rows = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    bool options = false, empty = false;

    g_string_replace(plain, "\\(dq", "\"", 0);
    g_auto(GStrv) lines = g_strsplit(plain->str, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        bool next = g_str_has_prefix(*line, ".Ss The [");

        if ((next || g_str_has_prefix(*line, ".Sh ")) && empty)
            g_hash_table_add(rows, g_strdup(section)); /* a map: a section without fixed keys */
        if (next) {
            g_free(section);
            section = section_name(strchr(*line, '['));
            if (g_str_has_suffix(section, "*."))
                g_hash_table_add(rows, g_strdup(section));
        }
        empty = next || (empty && !g_str_has_prefix(*line, ".Sh "));
        options = next || g_str_has_prefix(*line, ".Ss Top") ||
                  (options && !g_str_has_prefix(*line, ".Sh "));
        if (options && g_str_has_prefix(*line, ".It Ic ")) {
            add_manual_option(rows, section, *line + strlen(".It Ic "), line + 1);
            empty = false;
        }
    }
    return rows;
}

static bool
has_row(const char *section, const char *name)
{
    g_autofree char *path = g_strconcat(section, name, NULL);

    for (size_t i = 0; i < DSN_CONFIGURATION_TABLE.n_options; i++) {
        if (strcmp(DSN_CONFIGURATION_TABLE.options[i].path, path) == 0)
            return true;
    }
    return false;
}

/* What stands in two sections with the same meaning and default is described in one. */
static bool
is_described_elsewhere(const DsnOption *option)
{
    return (g_str_has_prefix(option->path, "tenant.*.") &&
            has_row("notice.", option->path + strlen("tenant.*."))) ||
           (g_str_has_prefix(option->path, "relay.*.") &&
            has_row("relay.default.", option->path + strlen("relay.*.")) &&
            !g_str_has_suffix(option->path, ".hosts"));
}

START_TEST(the_manual_has_the_same_options)
{
    g_autoptr(GHashTable) manual = read_manual();

    for (size_t i = 0; i < DSN_CONFIGURATION_TABLE.n_options; i++) {
        g_autofree char *row = row_of(&DSN_CONFIGURATION_TABLE.options[i]);

        ck_assert_msg(is_described_elsewhere(&DSN_CONFIGURATION_TABLE.options[i]) ==
                          !g_hash_table_remove(manual, row),
                      "not in dsnarf.toml(5), or twice: %s", row);
    }
    GHashTableIter rest;
    gpointer row;
    g_hash_table_iter_init(&rest, manual);
    while (g_hash_table_iter_next(&rest, &row, NULL))
        ck_abort_msg("in dsnarf.toml(5) alone: %s", (const char *)row);
}
END_TEST

/* @section ends in a dot. */
static bool
is_map(const char *section)
{
    for (size_t i = 0; i < DSN_CONFIGURATION_TABLE.n_options; i++) {
        const DsnOption *option = &DSN_CONFIGURATION_TABLE.options[i];
        size_t len = strlen(option->path);

        if (option->type == DSN_OPTION_MAP && strncmp(option->path, section, len) == 0 &&
            strcmp(section + len, ".") == 0)
            return true;
    }
    return false;
}

START_TEST(the_sample_has_the_same_options)
{
    g_autofree char *text = dsn_test_read("../packaging/examples/dsnarf.toml", NULL);
    g_autoptr(GRegex) commented =
        g_regex_new("^#(?=[a-z0-9_]+ = |\\[)", G_REGEX_MULTILINE, 0, NULL);
    /* Up to an empty line. */
    g_autoptr(GRegex) named =
        g_regex_new("^\\[.*\\.(NAME|TYPE)\\]\n(.+\n)+", G_REGEX_MULTILINE, 0, NULL);
    g_autofree char *sample = g_regex_replace_literal(commented, text, -1, 0, "", 0, NULL);
    g_autofree char *unnamed = g_regex_replace_literal(named, sample, -1, 0, "", 0, NULL);
    g_autoptr(DsnConfiguration) defaults = dsn_configuration_load(NULL, NULL);
    g_autofree char *want = show(defaults);
    g_autofree char *section = g_strdup("");
    g_autoptr(GString) keys = g_string_new("\n"), rows = g_string_new("\n");

    for (int i = 0; i < 2; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(DsnConfiguration) configuration = load_text(i == 0 ? text : unnamed, &error);
        ck_assert_msg(configuration != NULL, "%s", error == NULL ? "" : error->message);
        g_autofree char *got = show(configuration);
        ck_assert_str_eq(got, want);
    }

    g_auto(GStrv) lines = g_strsplit(sample, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        if (**line == '[') {
            g_free(section);
            section = section_name(*line);
            if (is_map(section) || g_str_has_suffix(section, "*."))
                g_string_append_printf(keys, "%s\n", section);
        } else if (g_ascii_islower(**line)) {
            g_string_append_printf(keys, "%s%s\n", section, *line);
        }
    }
    for (size_t i = 0; i < DSN_CONFIGURATION_TABLE.n_options; i++) {
        const DsnOption *option = &DSN_CONFIGURATION_TABLE.options[i];

        if (option->type == DSN_OPTION_MAP || option->type == DSN_OPTION_SECTIONS)
            g_string_append_printf(rows, "%s.\n", option->path);
        else
            g_string_append_printf(rows, "%s = %s\n", option->path, option->fallback);
    }
    ck_assert_str_eq(keys->str, rows->str);
}
END_TEST

/* ---- the same section again ---- */

#define WEBHOOK "[webhook.a]\nurl = 'http://x/'\nhttp_headers = {X-A = '1'}\n"

/* What makes another webhook of the one above. */
static const char *const others[] = {
    "[webhook.b]\nurl = 'http://x/'\nhttp_headers = {X-A = '1'}\n",
    "[webhook.a]\nurl = 'http://x/y'\nhttp_headers = {X-A = '1'}\n",
    "[webhook.a]\nurl = 'http://x/'\nhttp_headers = {X-A = '2'}\n",
    "[webhook.a]\nurl = 'http://x/'\nhttp_headers = {X-B = '1'}\n",
    "[webhook.a]\nurl = 'http://x/'\n",
    WEBHOOK "secret = 's'\n",
    WEBHOOK "batch_size = 2\n",
    WEBHOOK "max_age = '1 hour'\n",
    WEBHOOK "mask = true\n",
    WEBHOOK "compression = 'gzip'\n",
    WEBHOOK "headers = ['Subject']\n",
    WEBHOOK "headers = ['*', 'Subject']\n",
    WEBHOOK "per_record.Bounce.enable = false\n",
    WEBHOOK "per_record.Any.enable = true\n",
};

static const DsnWebhookOptions *
webhook_of(const DsnConfiguration *configuration)
{
    ck_assert_ptr_nonnull(configuration);
    return configuration->webhooks->pdata[0];
}

START_TEST(tells_whether_a_section_has_changed)
{
    g_autoptr(DsnConfiguration) one = load_text(WEBHOOK, NULL);
    g_autoptr(DsnConfiguration) same = load_text("log.level = 'debug'\n" WEBHOOK, NULL);
    g_autoptr(DsnConfiguration) other = load_text(others[_i], NULL);

    ck_assert(dsn_configuration_same("webhook.*", webhook_of(one), webhook_of(same)));
    ck_assert(!dsn_configuration_same("webhook.*", webhook_of(one), webhook_of(other)));
    ck_assert(!dsn_configuration_same("webhook.*", webhook_of(other), webhook_of(one)));
}
END_TEST

START_TEST(tells_whether_a_section_below_has_changed)
{
    g_autoptr(DsnConfiguration) one = load_text(WEBHOOK "per_record.Bounce.enable = true\n", NULL);
    g_autoptr(DsnConfiguration) same = load_text(WEBHOOK "per_record.Bounce.enable = true\n", NULL);
    g_autoptr(DsnConfiguration) other =
        load_text(WEBHOOK "per_record.Bounce.template = 'x'\n", NULL);

    ck_assert(dsn_configuration_same("webhook.*", webhook_of(one), webhook_of(same)));
    ck_assert(!dsn_configuration_same("webhook.*", webhook_of(one), webhook_of(other)));
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("configuration");
    TCase *tcase = tcase_create("load");

    tcase_add_test(tcase, has_defaults);
    tcase_add_test(tcase, reads_every_section);
    tcase_add_test(tcase, reads_the_options_of_the_daemon);
    tcase_add_test(tcase, reads_tenants_and_relays);
    tcase_add_test(tcase, names_trust);
    tcase_add_test(tcase, reads_the_names_of_all_types);
    tcase_add_test(tcase, shows_no_secrets);
    tcase_add_test(tcase, shows_what_loads_again);
    tcase_add_loop_test(tcase, says_what_is_wrong, 0, G_N_ELEMENTS(faults));
    tcase_add_loop_test(tcase, splits_the_sender, 0, G_N_ELEMENTS(senders));
    tcase_add_loop_test(tcase, tells_whether_a_section_has_changed, 0, G_N_ELEMENTS(others));
    tcase_add_test(tcase, tells_whether_a_section_below_has_changed);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("table");
    tcase_add_test(tcase, rows_are_in_order);
    tcase_add_test(tcase, the_manual_has_the_same_options);
    tcase_add_test(tcase, the_sample_has_the_same_options);
    suite_add_tcase(suite, tcase);
    return suite;
}
