/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/policy.h"
#include "tests/support/unit.h"

#include <arpa/inet.h>
#include <glib/gstdio.h>

/* The policy of a file with @text (transfer full), or NULL and @error, which calls the file FILE.
 */
#define WEBHOOK "[webhook.w]\nurl = \"https://x.example/\"\n"

static DsnPolicy *
load_text(const char *text, GError **error)
{
    g_autofree char *file = NULL;
    int descriptor = g_file_open_tmp("dsnarf-policy-XXXXXX", &file, NULL);

    ck_assert_int_ge(descriptor, 0);
    g_close(descriptor, NULL);
    ck_assert(g_file_set_contents(file, text, -1, NULL));
    DsnPolicy *policy = dsn_policy_load(file, error);
    if (error != NULL && *error != NULL) {
        g_autoptr(GString) message = g_string_new((*error)->message);

        g_string_replace(message, file, "FILE", 0);
        g_free((*error)->message);
        (*error)->message = g_strdup(message->str);
    }
    g_remove(file);
    return policy;
}

static DsnPolicy *
policy_of(const char *text)
{
    g_autoptr(GError) error = NULL;
    DsnPolicy *policy = load_text(text, &error);

    ck_assert_msg(policy != NULL, "%s", error == NULL ? "" : error->message);
    return policy;
}

START_TEST(compiles_the_defaults)
{
    g_autoptr(DsnPolicy) policy = dsn_policy_load(NULL, NULL);
    const struct sockaddr_in loopback = {.sin_family = AF_INET,
                                         .sin_addr = {htonl(INADDR_LOOPBACK)}};

    ck_assert_ptr_nonnull(policy);
    const DsnTenant *nobody = dsn_policy_tenant_named(policy, NULL);
    ck_assert(dsn_patterns_empty(policy->senders));
    ck_assert(dsn_patterns_empty(policy->lmtp));
    ck_assert_uint_eq(policy->roles->len, 0);
    ck_assert_uint_eq(nobody->rates.overall, 100000);
    ck_assert_uint_eq(nobody->rates.sender, 1000);
    ck_assert_uint_eq(nobody->rates.domain, 10000);
    ck_assert_uint_eq(nobody->rates.poster, 0);
    ck_assert(dsn_networks_match(policy->trusted, (const struct sockaddr *)&loopback));
    for (int i = 0; i < DSN_N_RECORD_TYPES; i++) {
        ck_assert(!policy->wanted[i]);
        ck_assert(nobody->notice.enable[i] ==
                  (i == DSN_RECORD_BOUNCE || i == DSN_RECORD_EXPIRATION));
    }
}
END_TEST

START_TEST(makes_the_options_of_notices)
{
    g_autoptr(DsnPolicy) policy = policy_of("hostname = \"mta1.example.com\"\n"
                                            "nodes = {n2 = \"mta2.example.com\"}\n"
                                            "[notice]\nenable = [\"Expiration\"]\n"
                                            "from = \"Acme <a@example.com>\"\n"
                                            "include_original = \"full\"\nreturn_limit = 7\n");
    const DsnNoticeOptions *notice = &dsn_policy_tenant_named(policy, NULL)->notice;

    dsn_assert_span(notice->reporting_mta.type, "dns", "type");
    dsn_assert_span(notice->reporting_mta.value, "mta1.example.com", "value");
    dsn_assert_span(notice->from_display, "Acme", "display");
    dsn_assert_span(notice->from, "a@example.com", "from");
    ck_assert_str_eq(g_hash_table_lookup(notice->nodes, "n2"), "mta2.example.com");
    ck_assert(!notice->enable[DSN_RECORD_BOUNCE]);
    ck_assert(notice->enable[DSN_RECORD_EXPIRATION]);
    ck_assert_int_eq(notice->include_original, DSN_RETURN_FULL);
    ck_assert_uint_eq(notice->return_limit, 7);
    ck_assert_ptr_nonnull(notice->catalog);
    ck_assert_ptr_eq(notice->limits, &policy->configuration->limits);
    ck_assert(!notice->stable);

    g_autoptr(DsnPolicy) local = policy_of("hostname = \"localhost\"\n");
    notice = &dsn_policy_tenant_named(local, NULL)->notice;
    dsn_assert_span(notice->reporting_mta.type, "x-local-hostname", "type"); /* rule DSN-08 */
    ck_assert(!dsn_span_present(notice->from));
}
END_TEST

START_TEST(asks_roles_in_order)
{
    g_autoptr(DsnPolicy) policy =
        policy_of("[milter]\nlisten = \"unix:/run/x\"\nreports = [\"c@example.com\"]\n"
                  "consumed = \"accept\"\n"
                  "[milter.role.z]\nreports = [\"a@example.com\"]\ndaemon = \"in\"\n"
                  "[milter.role.a]\nreports = [\"b@example.com\"]\nconsumed = \"tag\"\n"
                  "[file.x]\npath = \"/x\"\ntypes = [\"OOB\", \"Feedback\", \"Delivery\"]\n");
    static const struct {
        const char *daemon, *recipient;
        DsnConsumed consumed;
    } want[] = {{"in", "a@example.com", DSN_CONSUMED_DISCARD},
                {NULL, "b@example.com", DSN_CONSUMED_TAG},
                {NULL, "c@example.com", DSN_CONSUMED_ACCEPT}};

    ck_assert_uint_eq(policy->roles->len, G_N_ELEMENTS(want));
    for (guint i = 0; i < policy->roles->len; i++) {
        const DsnRole *role = &g_array_index(policy->roles, DsnRole, i);

        ck_assert_pstr_eq(role->daemon, want[i].daemon);
        ck_assert_int_eq(role->consumption.all, want[i].consumed);
        for (size_t j = 0; j < G_N_ELEMENTS(want); j++)
            ck_assert(dsn_patterns_match(role->reports, dsn_span(want[j].recipient)) == (i == j));
    }
    for (int i = 0; i < DSN_N_RECORD_TYPES; i++)
        ck_assert(policy->wanted[i] ==
                  (i == DSN_RECORD_OOB || i == DSN_RECORD_FEEDBACK || i == DSN_RECORD_DELIVERY));
}
END_TEST

/* Who may post: "name:token" of each, "-" for none. */
static const struct {
    const char *toml, *posters;
} posts[] = {
    {"listen = \"unix:/run/x\"", "-:- "},
    {"listen = \"unix:/run/x\"\ntoken = \"t\"", "-:t "},
    {"listen = \"unix:/run/x\"\ntoken = \"none\"", "-:- "},
    {"listen = \"unix:/run/x\"\n[http.client.a]\ntoken = \"u\"", "a:u "},
    {"listen = \"127.0.0.1:1\"\ntoken = \"none\"", "-:- "},
    {"listen = \"[::1]:1\"\ntoken = \"none\"", "-:- "},
    {"listen = \"192.0.2.1:1\"\ntoken = \"t\"", "-:t "},
    {"listen = \"192.0.2.1:1\"\n[http.client.a]\ntoken = \"u\"\n[http.client.b]\ntoken = \"v\"",
     "a:u b:v "},
    {"listen = \"127.0.0.1:1\"\ntoken = \"none\"\n[http.client.a]\ntoken = \"u\"", "a:u -:- "},
};

START_TEST(knows_who_may_post)
{
    g_autofree char *text =
        g_strconcat("[notice]\nsenders = [\"*\"]\n[http]\n", posts[_i].toml, NULL);
    g_autoptr(DsnPolicy) policy = policy_of(text);
    g_autoptr(GString) got = g_string_new(NULL);

    for (guint i = 0; i < policy->posters->len; i++) {
        const DsnPoster *poster = policy->posters->pdata[i];

        g_string_append_printf(got, "%s:%s ", poster->name == NULL ? "-" : poster->name,
                               poster->token == NULL ? "-" : poster->token);
        ck_assert_ptr_null(poster->senders);
    }
    ck_assert_str_eq(got->str, posts[_i].posters);
}
END_TEST

START_TEST(binds_clients)
{
    g_autoptr(DsnPolicy) policy =
        policy_of("notice.senders = [\"*\"]\n[http.client.a]\ntoken = \"u\"\n"
                  "senders = [\"example.com\"]\nhourly_rate = 7\n");
    const DsnPoster *poster = policy->posters->pdata[0];

    ck_assert_uint_eq(poster->hourly_rate, 7);
    ck_assert(dsn_patterns_match(poster->senders, dsn_span("a@example.com")));
    ck_assert(!dsn_patterns_match(poster->senders, dsn_span("a@example.org")));
}
END_TEST

#define OPEN "[notice]\nsenders = [\"*\"]\n"

static const struct {
    const char *toml, *problems; /* "" for none */
} faults[] = {
    {"", ""},
    {OPEN "[http]\nlisten = \"127.0.0.1:1\"",
     "FILE:4: http.token: is missing: give one, or clients with tokens of their own, or say "
     "\"none\""},
    {OPEN "[http]\nlisten = \"192.0.2.1:1\"",
     "FILE:4: http.token: is missing: give one, or clients with tokens of their own"},
    {OPEN "[http]\nlisten = \"192.0.2.1:1\"\ntoken = \"none\"",
     "FILE:5: http.token: \"none\" is for loopback addresses and unix sockets, not for "
     "192.0.2.1:1"},
    {OPEN "[http]\nlisten = \"[::]:1\"\ntoken = \"none\"",
     "FILE:5: http.token: \"none\" is for loopback addresses and unix sockets, not for [::]:1"},
    {OPEN "[http]\nlisten = \"127.0.0.1:1\"\ntoken = \"t\"\ntrusted = []",
     "FILE:6: http.trusted: lists nobody who could post"},
    {OPEN "[http]\nlisten = \"unix:/run/x\"\ntrusted = []", ""},
    {"[http]\nlisten = \"unix:/run/x\"",
     "FILE:2: notice.senders: lists nobody whom a notice could go to; \"*\" allows everybody, and "
     "notice.enable = [] says that no notices are wanted"},
    {"notice.enable = []\n[http]\nlisten = \"unix:/run/x\"", ""},
    {"http.memory = \"2MiB\"",
     "FILE:1: http.memory: is less than one request, http.body and http.inflated together"},
    {"[http.client.a]", "FILE:1: http.client.a.token: is missing"},
    {"[trace.key.a]", "FILE:1: trace.key.a.secret: is missing"},
    {"[milter]\nlisten = \"unix:/run/x\"\noutgoing = [\"ORIGINATING\"]",
     "FILE:3: trace.sign: is missing: without it anybody could write the traces that are added"},
    {"[milter]\nlisten = \"unix:/run/x\"\noutgoing = [\"ORIGINATING\"]\n[trace]\nsign = \"a\"\n"
     "[trace.key.a]\nsecret = \"0123456789abcdef\"",
     ""}, /* no report is read, so that no file is needed */
    {"[milter]\nlisten = \"unix:/run/x\"\noutgoing = [\"ORIGINATING\"]\n"
     "[capture]\nmail = \"headers\"",
     ""}, /* no mail gets a trace */
    {"[trace]\nsign = \"a\"", "FILE:2: trace.sign: there is no section [trace.key.NAME] for it"},
    {"[authentication]\nreporters = [\"isp.example\"]",
     "FILE:2: authentication.authserv_ids: is missing: without it nobody tells whether SPF or DKIM "
     "passed"},
    {"[http.client.\"a b\"]\ntoken = \"none\"",
     "FILE:2: http.client.\"a b\".token: only http.token can be \"none\""},
    {"http.token = \"t\"\n[http.client.a]\ntoken = \"t\"",
     "FILE:3: http.client.a.token: http.token has the same token"},
    {"[http.client.a]\ntoken = \"t\"\n[http.client.b]\ntoken = \"t\"",
     "FILE:4: http.client.b.token: http.client.a has the same token"},
    {OPEN "[http]\nlisten = \"unix:/run/x\"\n[relay.default]\nhosts = []",
     "FILE:6: relay.default.hosts: lists nobody who would take notices"},
    {"relay.default.hosts = []", ""},
    {"relay.default.user = \"u\"", "FILE:1: relay.default.password: is missing: AUTH takes both"},
    {"relay.default.password = \"p\"", "FILE:1: relay.default.user: is missing: AUTH takes both"},
    {"[relay.default]\nmaildir_path = \"/m\"", ""},
    {"[relay.default]\nmaildir_path = \"/m\"\nhosts = [\"a:1\"]",
     "FILE:2: relay.default.maildir_path: notices go there or to hosts, not both"},
    {"[relay.a]\nmaildir_path = \"/m\"", ""},
    {"[relay.default]\nprotocol = \"lmtp\"\nhosts = [\"unix:/x\", \"mx.example.com\"]", ""},
    {"[relay.default]\nprotocol = \"lmtp\"\nhosts = [\"a:24\", \"mx:example.com\"]",
     "FILE:3: relay.default.hosts: an MX is for SMTP, not for LMTP"},
    {"[relay.default]\nhosts = [\"unix:/x\"]",
     "FILE:2: relay.default.hosts: a unix socket is for protocol = \"lmtp\""},
    {"[relay.default]\nprotocol = \"lmtp\"\ntls = \"RequiredInsecure\"",
     "FILE:3: relay.default.tls: there is no TLS with LMTP"},
    {"[relay.default]\nprotocol = \"lmtp\"\nuser = \"u\"\npassword = \"p\"",
     "FILE:3: relay.default.user: there is no AUTH with LMTP"},
    {"[relay.default]\nsource_address = \"::1\"\nip_lookup_strategy = \"Ipv4Only\"",
     "FILE:2: relay.default.source_address: is not of the family that ip_lookup_strategy asks for"},
    {"[relay.default]\nsource_address = \"::1\"\nip_lookup_strategy = \"Ipv4thenIpv6\"", ""},
    {"[relay.default]\nsource_address = \"::1\"\nsocks5_proxy_server = \"192.0.2.1:1080\"",
     "FILE:2: relay.default.source_address: is not of the family of socks5_proxy_server"},
    {"[relay.default]\nsource_address = \"::1\"\nip_lookup_strategy = \"Ipv4Only\"\n"
     "socks5_proxy_server = \"[::1]:1080\"",
     ""},
    {"[relay.default]\nsocks5_proxy_server = \"192.0.2.1:1080\"\nip_lookup_strategy = "
     "\"Ipv6Only\"\nsocks5_proxy_source_address = \"192.0.2.1\"",
     "FILE:4: relay.default.socks5_proxy_source_address: is not of the family that "
     "ip_lookup_strategy asks for"},
    {"[relay.default]\nsocks5_proxy_source_address = \"192.0.2.1\"",
     "FILE:2: relay.default.socks5_proxy_server: is missing: without a proxy it is source_address"},
    {"[relay.a]\nhosts = [\"a:1\"]\nsocks5_proxy_username = \"u\"",
     "FILE:3: relay.a.socks5_proxy_password: is missing: a proxy takes both"},
    {"relay.default.max_retry_interval = \"59s\"",
     "FILE:1: relay.default.max_retry_interval: is less than relay.default.retry_interval"},
    {"[milter]\nlisten = \"unix:/run/x\"\n[file.x]\npath = \"/x\"",
     "FILE:2: milter.reports: lists nobody whose mail is read as a report; a tenant, "
     "notice.senders or milter.outgoing would give the milter work, too"},
    {"milter.reports = [\"example.com\"]", "FILE:1: milter.listen: is missing"},
    {"capture.mail = \"headers\"\nmilter.outgoing = [\"x\"]", "FILE:2: milter.listen: is missing"},
    {"[milter]\n[milter.role.r]\nreports = [\"example.com\"]", "FILE:2: milter.listen: is missing"},
    {"milter.listen = \"unix:/run/x\"\n[milter.role.r]\n[file.x]\npath = \"/x\"",
     "FILE:2: milter.role.r.reports: lists nobody whose mail is read as a report"},
    {"[lmtp]\nlisten = \"unix:/run/x\"\n[file.x]\npath = \"/x\"",
     "FILE:2: lmtp.reports: lists nobody whose mail is read as a report"},
    {"lmtp.reports = [\"example.com\"]", "FILE:1: lmtp.listen: is missing"},
    {"milter.socket_group = \"no-such-group\"\nlmtp.socket_group = \"no-such-group\"\n"
     "http.socket_group = \"no-such-group\"",
     "FILE:1: milter.socket_group: there is no group \"no-such-group\"\n"
     "FILE:2: lmtp.socket_group: there is no group \"no-such-group\"\n"
     "FILE:3: http.socket_group: there is no group \"no-such-group\""},
    {"[maildir.m]\n[file.x]\npath = \"/x\"", "FILE:1: maildir.m.path: is missing"},
    {"[maildir.m]\npath = \"/m\"\n[maildir.n]\npath = \"/x/../m/\"\n[file.x]\npath = \"/x\"",
     "FILE:4: maildir.n.path: maildir.m has the same path"},
    {"lmtp.others = \"/m\"\n[maildir.m]\npath = \"/m\"\n[file.x]\npath = \"/x\"",
     "FILE:1: lmtp.others: maildir.m reads what is put there"},
    {"notice.enable = []\n[tailer.t]", "FILE:2: tailer.t.directory: is missing"},
    {"notice.enable = []\n[tailer.t]\ndirectory = \"/x\"\n[tailer.u]\ndirectory = \"/y/../x/\"",
     "FILE:5: tailer.u.directory: tailer.t reads the same files"},
    {"notice.enable = []\n[tailer.t]\ndirectory = \"/x\"\n[tailer.u]\ndirectory = \"/x\"\n"
     "pattern = \"*.b\"",
     ""},
    {"notice.enable = []\n[tailer.t]\ndirectory = \"/x\"\n[segments.s]\nlog_dir = \"/x/\"",
     "FILE:3: tailer.t.directory: segments.s writes there, and would be followed"},
    {"[tailer.t]\ndirectory = \"/x\"\n[relay.default]\nhosts = [\"a:25\"]",
     "FILE:1: notice.senders: lists nobody whom a notice could go to; \"*\" allows everybody, and "
     "notice.enable = [] says that no notices are wanted"},
    {"[tailer.t]\ndirectory = \"/x\"\n[notice]\nsenders = [\"*\"]\ntrust = [\"any\"]\n"
     "[relay.default]\nhosts = []",
     "FILE:7: relay.default.hosts: lists nobody who would take notices"},
    {"notice.enable = []\n[tailer.t]\ndirectory = \"/x\"\nstart = \"soon\"",
     "FILE:4: tailer.t.start: expected \"now\", \"beginning\" or a time such as "
     "\"2026-01-31T12:00:00Z\", got \"soon\""},
    {"notice.enable = []\n[tailer.t]\ndirectory = \"/x\"\nstart = \"2026-01-31T12:00:00+01:00\"",
     ""},
    {"spool.directory = \"\"", "FILE:1: spool.directory: is missing"},
    {"[file.x]", "FILE:1: file.x.path: is missing"},
    {"[file.x]\npath = \"/x\"\n[file.y]\npath = \"/x\"",
     "FILE:4: file.y.path: file.x has the same path"},
    {"[segments.a]\nlog_dir = \"/x\"\n[segments.b]\nlog_dir = \"/x/\"",
     "FILE:3: segments.b: segments.a has files with the same log_dir and suffix; give one a "
     "suffix"},
    {"[segments.a]\nlog_dir = \"/x\"\n[segments.b]\nlog_dir = \"/y\"\n"
     "per_record.Bounce.log_dir = \"/x\"\nper_record.Bounce.enable = false",
     ""},
    {"[segments.a]\nlog_dir = \"/x\"\nper_record.OOB.suffix = \"_o\"\n[segments.b]\nlog_dir = "
     "\"/x\"\nper_record.Any.suffix = \"_b\"\nper_record.Bounce.suffix = \"_b\"",
     ""},
    {"[segments.a]\nlog_dir = \"/x\"\nback_pressure = 1",
     "FILE:3: segments.a.back_pressure: unknown option: records wait in the spool, see "
     "spool.max_size"},
    {"classification.files = [\"/none/such.toml\"]",
     "FILE:1: classification.files: /none/such.toml: No such file or directory"},
    {"[file.x]\npath = \"/x\"\ntypes = []", "FILE:3: file.x.types: lists no type of record"},
    {"[maildir.m]\npath = \"/m\"",
     "FILE:1: maildir.m: reports are read, and no outlet takes Feedback and OOB records, so that "
     "they would be lost"},
    {"[lmtp]\nlisten = \"unix:/run/x\"\nreports = [\"example.com\"]\n[file.x]\npath = \"/x\"\n"
     "types = [\"OOB\"]",
     "FILE:2: lmtp.listen: reports are read, and no outlet takes Feedback records, so that they "
     "would be lost"},
    {"[milter]\nlisten = \"unix:/run/x\"\n[milter.role.r]\nreports = [\"example.com\"]",
     "FILE:3: milter.role.r: reports are read, and no outlet takes Feedback and OOB records, so "
     "that they would be lost"},
    {"[maildir.m]\npath = \"/m\"\n[file.x]\npath = \"/x\"\ntypes = [\"Feedback\"]",
     "FILE:1: maildir.m: reports are read, and no outlet takes OOB records, so that they would be "
     "lost"},
    {"[file.x]\npath = \"/x\"\ntypes = [\"Feedback\"]", ""},
    {"[maildir.m]\npath = \"/m\"\n" WEBHOOK, ""},
    {"[maildir.m]\npath = \"/m\"\n" WEBHOOK "per_record.OOB.enable = false",
     "FILE:1: maildir.m: reports are read, and no outlet takes OOB records, so that they would be "
     "lost"},
    {"[webhook.w]", "FILE:1: webhook.w.url: is missing"},
    {WEBHOOK "http_headers.\"A B\" = \"x\"",
     "FILE:3: webhook.w.http_headers.\"A B\": is no name of a header field"},
    {WEBHOOK "http_headers.idempotency-key = \"x\"",
     "FILE:3: webhook.w.http_headers.idempotency-key: is set by dsnarf itself"},
    {WEBHOOK "http_headers.A = \"a\\r\\nB: b\"",
     "FILE:3: webhook.w.http_headers.A: expected visible ASCII characters, and spaces only between "
     "them, got another string"},
    {WEBHOOK "min_batch_size = 2\nmax_batch_latency = 1",
     "FILE:3: webhook.w.min_batch_size: is more than webhook.w.batch_size"},
    {WEBHOOK "retry_interval = \"1h\"",
     "webhook.w.max_retry_interval: is less than webhook.w.retry_interval"},
    {WEBHOOK "log_parameters.headers = [\"Subject\"]",
     "FILE:3: webhook.w.log_parameters: unknown option: its keys stand in the section of the "
     "webhook itself"},
    {WEBHOOK "name = \"w\"",
     "FILE:3: webhook.w.name: unknown option: it is the NAME of [webhook.NAME]"},
    {WEBHOOK "tls_key = \"/dev/null\"",
     "FILE:3: webhook.w.tls_certificate: is missing: a key alone is of no use"},
    {WEBHOOK "tls_ca = \"/none/such\"",
     "FILE:3: webhook.w.tls_ca: /none/such: No such file or directory"},
    {WEBHOOK "per_record.Bounced.enable = true",
     "FILE:3: webhook.w.per_record.Bounced: is no type of record, and not \"Any\""},
    {WEBHOOK "filter = \"type ==\"", "FILE:1: webhook.w: webhook.w.filter:1:8: the template ends "
                                     "here, expected an expression"},
    {"[tenant.acme]", "FILE:1: tenant.acme.match: says nothing of whose mail it is"},
    {"[tenant.\"a b\"]\nhtml = true",
     "FILE:1: tenant.\"a b\".match: says nothing of whose mail it is"},
    {"[tenant.a]\nmatch.queue = [\"x\"]\n[tenant.b]\nmatch.queue = [\"y\", \"x\"]",
     "FILE:4: tenant.b.match.queue: \"x\" is matched by tenant.a, too"},
    {"[tenant.a]\nmatch.meta = {k = \"x\"}\n[tenant.b]\nmatch.meta.k = \"x\"",
     "FILE:4: tenant.b.match.meta.k: \"x\" is matched by tenant.a, too"},
    {"[tenant.a]\nmatch.sender_domain = [\"x.example\"]\n"
     "[tenant.b]\nmatch.sender_domain = [\"X.example\"]",
     "FILE:4: tenant.b.match.sender_domain: \"X.example\" is matched by tenant.a, too"},
    {"[tenant.a]\nmatch.sender = [\"a@x.example\"]\n[tenant.b]\nmatch.sender = [\"A@x.example\"]",
     "FILE:4: tenant.b.match.sender: \"A@x.example\" is matched by tenant.a, too"},
    {"[tenant.a]\nmatch.envid = [\"x\"]\n[tenant.b]\nmatch.envid = [\"xy\", \"x\"]",
     "FILE:4: tenant.b.match.envid: \"x\" is matched by tenant.a, too"},
    {"[tenant.a]\nmatch.client = [\"10.0.0.1\"]\n[tenant.b]\nmatch.client = [\"10.0.0.1/32\"]",
     "FILE:4: tenant.b.match.client: \"10.0.0.1/32\" is matched by tenant.a, too"},
    {"[tenant.a]\nmatch.queue = [\"x\", \"x\"]\nmatch.sender = [\"x@x.example\"]\n"
     "[tenant.b]\nmatch.sender_domain = [\"x.example\"]",
     ""},
    {"[tenant.a]\nmatch.senders_file = \"/none/such\"",
     "FILE:2: tenant.a.match.senders_file: /none/such: No such file or directory"},
    {"[tenant.a]\nmatch.queue = [\"x\"]\nrelay = \"y\"",
     "FILE:3: tenant.a.relay: there is no section [relay.NAME] for \"y\""},
    {"notice.relay = \"y\"\n[tenant.a]\nmatch.queue = [\"x\"]",
     "FILE:1: notice.relay: there is no section [relay.NAME] for \"y\""},
    {"notice.relay = \"y\"\n[relay.y]\nhosts = [\"a:1\"]", ""},
    {"[relay.y]", "FILE:1: relay.y.hosts: lists nobody who would take notices"},
    {"[relay.y]\nhosts = [\"a:1\"]\nuser = \"u\"",
     "FILE:3: relay.y.password: is missing: AUTH takes both"},
    {"[http.client.a]\ntoken = \"t\"\ntenants = [\"x\"]",
     "FILE:3: http.client.a.tenants: there is no section [tenant.NAME] for \"x\""},
    {"[http]\nlisten = \"unix:/run/x\"\n[tenant.a]\nmatch.queue = [\"x\"]", ""},
    {"notice.templates = \"/none/such\"",
     "FILE:1: notice.templates: /none/such: No such file or directory"},
};

START_TEST(says_what_does_not_fit)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DsnPolicy) policy = load_text(faults[_i].toml, &error);

    ck_assert_str_eq(error == NULL ? "" : error->message, faults[_i].problems);
    ck_assert((policy == NULL) == (error != NULL));
    ck_assert(error == NULL || error->domain == DSN_CONFIGURATION_ERROR);
}
END_TEST

/* ---- tenants ---- */

/* The sample with other @members. */
static DsnRecord *
record_of(const char *members)
{
    g_autofree char *text = dsn_test_read("../packaging/examples/bounce.json", NULL);
    g_autofree char *object = g_strdup_printf("{%s}", members);
    json_auto_t *json = json_loads(text, 0, NULL), *changes = json_loads(object, 0, NULL);
    g_autoptr(GError) error = NULL;

    ck_assert_msg(changes != NULL, "%s", members);
    json_object_set_new(json, "sender", json_string("nobody@nowhere.test"));
    json_object_set_new(json, "queue", json_string("example.org"));
    json_object_set_new(json, "meta", json_object());
    json_object_update(json, changes);
    DsnRecord *record = dsn_record_from_json(json, &error);
    ck_assert_msg(record != NULL, "%s: %s", members, error == NULL ? "" : error->message);
    return record;
}

static const char tenants[] = "[tenant.q]\nmatch.queue = [\"queue\"]\n"
                              "[tenant.m]\nmatch.meta = {customer = \"17\", team = \"red\"}\n"
                              "[tenant.s]\nmatch.sender = [\"s@d.example\"]\n"
                              "[tenant.d]\nmatch.sender_domain = [\"d.example\"]\n"
                              "[tenant.w]\nmatch.sender_domain = [\"*.example\"]\n"
                              "[tenant.c]\nmatch.client = [\"10.0.0.0/8\"]\n"
                              "[tenant.e]\nmatch.envid = [\"e-\", \"a+\"]\n"
                              "[tenant.f]\nmatch.envid = [\"e-f-\"]\n";

#define QUEUE "\"queue\":\"x:queue@example.org\""
#define SENDER(address) "\"sender\":\"" address "\""

static const struct {
    const char *members, *tenant; /* NULL: nobody's */
    unsigned trust;
} matches[] = {
    {QUEUE, "q", DSN_TRUST_TENANT},
    {"\"queue\":\"x:other@example.org\"", NULL, 0},
    {"\"meta\":{\"customer\":\"17\"}", "m", DSN_TRUST_TENANT},
    {"\"meta\":{\"customer\":17}", "m", DSN_TRUST_TENANT},
    {"\"meta\":{\"customer\":17.0}", NULL, 0},
    {"\"meta\":{\"customer\":null,\"team\":\"red\"}", "m", DSN_TRUST_TENANT},
    {"\"meta\":{\"team\":\"17\"}", NULL, 0},
    {SENDER("s@d.example"), "s", 0},
    {SENDER("t@d.example"), "d", 0},
    {SENDER("t@e.d.example"), "w", 0},
    {SENDER("t@example"), NULL, 0},
    {SENDER(""), NULL, 0},
    {"\"meta\":{\"received_from\":\"10.1.2.3:4567\"}", "c", DSN_TRUST_TENANT},
    {"\"meta\":{\"received_from\":\"11.1.2.3:4567\"}", NULL, 0},
    {"\"meta\":{\"received_from\":10}", NULL, 0},
    {"\"meta\":[]", NULL, 0},
    {"\"meta\":{\"dsn_envid\":\"e-\"}", "e", 0},
    {"\"meta\":{\"dsn_envid\":\"e-g\"}", "e", 0},
    {"\"meta\":{\"dsn_envid\":\"e-f-1\"}", "f", 0},
    {"\"meta\":{\"dsn_envid\":\"a+2B1\"}", "e", 0},
    {"\"meta\":{\"dsn_envid\":\"a+1\"}", NULL, 0},
    {"\"meta\":{\"dsn_envid\":\"E-\"}", NULL, 0},
    {"\"meta\":{\"dsn_envid\":\"\"}", NULL, 0},
    {"\"meta\":{\"dsn_envid\":7}", NULL, 0},
    /* In this order. */
    {QUEUE ",\"meta\":{\"team\":\"red\"}," SENDER("s@d.example"), "q", DSN_TRUST_TENANT},
    {"\"meta\":{\"team\":\"red\"}," SENDER("s@d.example"), "m", DSN_TRUST_TENANT},
    {"\"meta\":{\"received_from\":\"10.1.2.3\"}," SENDER("s@d.example"), "s", 0},
    {"\"meta\":{\"received_from\":\"10.1.2.3\",\"dsn_envid\":\"e-\"}", "c", DSN_TRUST_TENANT},
    {"\"meta\":{\"dsn_envid\":\"e-\"}," SENDER("s@d.example"), "s", 0},
};

START_TEST(finds_the_tenant_of_a_record)
{
    g_autoptr(DsnPolicy) policy = policy_of(tenants);
    g_autoptr(DsnRecord) record = record_of(matches[_i].members);
    unsigned trust = 99;
    const DsnTenant *tenant = dsn_policy_tenant(policy, record, &trust);

    ck_assert_pstr_eq(tenant->name, matches[_i].tenant);
    ck_assert_uint_eq(trust, matches[_i].trust);
    ck_assert_ptr_eq(dsn_policy_tenant_named(policy, tenant->name), tenant);
}
END_TEST

START_TEST(asks_another_key_for_the_client)
{
    g_autoptr(DsnPolicy) policy = policy_of("meta.client = \"ip\"\n"
                                            "[tenant.c]\nmatch.client = [\"10.0.0.0/8\"]\n");
    g_autoptr(DsnPolicy) deaf = policy_of("meta.client = \"\"\n"
                                          "[tenant.c]\nmatch.client = [\"10.0.0.0/8\"]\n");
    g_autoptr(DsnRecord) record = record_of("\"meta\":{\"ip\":\"10.1.2.3\"}");
    unsigned trust;

    ck_assert_pstr_eq(dsn_policy_tenant(policy, record, &trust)->name, "c");
    ck_assert_ptr_null(dsn_policy_tenant(deaf, record, &trust)->name);
    ck_assert_ptr_null(dsn_policy_tenant_named(deaf, "x"));
}
END_TEST

START_TEST(compiles_tenants)
{
    g_autoptr(DsnPolicy) policy =
        policy_of("hostname = \"mta1.example.com\"\nnodes = {n2 = \"mta2.example.com\"}\n"
                  "[notice]\ndelay_after = [\"1 day\", \"4h\"]\nlifetime = \"2 days\"\n"
                  "from = \"All <all@example.com>\"\ntrust = [\"spf\", \"dkim\"]\n"
                  "ignore = [\"i@example.com\"]\nautomatic = \"ignore\"\nhtml = true\n"
                  "[tenant.a]\nmatch.queue = [\"a\"]\nhostname = \"a.example\"\n"
                  "enable = [\"Delivery\"]\nlanguages = [\"de\", \"en\"]\nhtml = false\n"
                  "postmaster = \"help@a.example\"\ntrust = [\"any\"]\n"
                  "hourly_sender_rate = 5\ndelay_after = []\n"
                  "[tenant.b]\nmatch.queue = [\"b\"]\n");
    const DsnTenant *all = dsn_policy_tenant_named(policy, NULL);
    const DsnTenant *a = dsn_policy_tenant_named(policy, "a");
    const DsnTenant *b = dsn_policy_tenant_named(policy, "b");

    ck_assert(!dsn_span_present(all->notice.tenant));
    dsn_assert_span(all->notice.postmaster, "all@example.com", "from");
    ck_assert_uint_eq(all->notice.n_delay_after, 2);
    ck_assert_int_eq(all->notice.delay_after[0], 4 * 3600); /* rising */
    ck_assert_int_eq(all->notice.delay_after[1], 24 * 3600);
    ck_assert_int_eq(all->notice.lifetime, 48 * 3600);
    ck_assert_int_eq(all->notice.automatic, DSN_AUTOMATIC_IGNORE);
    ck_assert_uint_eq(all->notice.trust, DSN_TRUST_SPF | DSN_TRUST_DKIM);
    ck_assert(dsn_patterns_match(all->notice.ignore, dsn_span("i@example.com")));
    ck_assert_ptr_null(all->notice.languages);
    ck_assert_ptr_nonnull(all->notice.meta);

    dsn_assert_span(a->notice.tenant, "a", "name");
    dsn_assert_span(a->notice.reporting_mta.value, "a.example", "hostname");
    ck_assert_ptr_null(a->notice.nodes);
    ck_assert(a->notice.enable[DSN_RECORD_DELIVERY] && !a->notice.enable[DSN_RECORD_BOUNCE]);
    ck_assert_str_eq(a->notice.languages[0], "de");
    ck_assert_str_eq(a->notice.languages[1], "en");
    ck_assert_ptr_null(a->notice.languages[2]);
    ck_assert(!a->notice.html && all->notice.html && b->notice.html);
    dsn_assert_span(a->notice.postmaster, "help@a.example", "postmaster");
    dsn_assert_span(a->notice.from, "all@example.com", "inherited");
    ck_assert_uint_eq(a->notice.trust, DSN_TRUST_ANY);
    ck_assert_uint_eq(a->rates.sender, 5);
    ck_assert_uint_eq(a->rates.overall, 100000);
    ck_assert_uint_eq(a->notice.n_delay_after, 0);
    ck_assert_str_eq(a->policy->relay, "default");

    dsn_assert_span(b->notice.reporting_mta.value, "mta1.example.com", "hostname");
    ck_assert_ptr_eq(b->notice.nodes, all->notice.nodes);
    ck_assert_ptr_eq(b->notice.catalog, all->notice.catalog); /* shared, not copied */
    ck_assert_ptr_eq(b->notice.ignore, all->notice.ignore);
    ck_assert_ptr_eq(b->notice.delay_after, all->notice.delay_after);
    ck_assert(policy->noticed[DSN_RECORD_DELIVERY] && policy->noticed[DSN_RECORD_BOUNCE]);
    ck_assert(!policy->noticed[DSN_RECORD_ADMIN_BOUNCE]);
    ck_assert_uint_eq(policy->warnings->len, 0);
}
END_TEST

static const struct {
    const char *more, *tenant, *sender;
    bool ours;
} owners[] = {
    {"", NULL, "x@elsewhere.example", false},
    {"notice.senders = [\"elsewhere.example\"]\n", NULL, "x@elsewhere.example", true},
    {"", "with", "a@with.example", true},   /* the tenant's own */
    {"", "with", "a@other.example", false}, /* another's */
    {"", NULL, "a@other.example", false},
    {"notice.senders = [\"*\"]\n", NULL, "a@other.example", true},
    {"", "with", "a@elsewhere.example", false}, /* nobody's, and it has its own */
    {"", "without", "a@elsewhere.example", false},
    {"", "without", "a@other.example", false},
};

#define OWNERS                                                                            \
    "[tenant.with]\nmatch.queue = [\"with\"]\nmatch.sender_domain = [\"with.example\"]\n" \
    "[tenant.other]\nmatch.sender_domain = [\"other.example\"]\n"                         \
    "[tenant.without]\nmatch.queue = [\"without\"]\n"                                     \
    "[http.client.t]\ntoken = \"t\"\ntenants = [\"without\"]\n"                           \
    "[http.client.s]\ntoken = \"s\"\nsenders = [\"*\"]\n"                                 \
    "[http.client.u]\ntoken = \"u\"\n"

START_TEST(knows_whose_senders_they_are)
{
    g_autofree char *text = g_strconcat(owners[_i].more, OWNERS, NULL);
    g_autoptr(DsnPolicy) policy = policy_of(text);

    ck_assert(dsn_policy_is_ours(policy, dsn_policy_tenant_named(policy, owners[_i].tenant), NULL,
                                 dsn_span(owners[_i].sender)) == owners[_i].ours);
}
END_TEST

START_TEST(believes_who_is_bound_to_a_tenant)
{
    g_autoptr(DsnPolicy) policy = policy_of(OWNERS);
    const DsnTenant *without = dsn_policy_tenant_named(policy, "without");
    const DsnTenant *with = dsn_policy_tenant_named(policy, "with");
    const DsnTenant *nobody = dsn_policy_tenant_named(policy, NULL);
    const DsnPoster *bound = policy->posters->pdata[0], *senders = policy->posters->pdata[1],
                    *unbound = policy->posters->pdata[2];
    DsnSpan stranger = dsn_span("a@elsewhere.example"), others = dsn_span("a@other.example");

    ck_assert(dsn_policy_is_ours(policy, without, bound, stranger));
    ck_assert(!dsn_policy_is_ours(policy, without, bound, others)); /* another tenant's */
    ck_assert(!dsn_policy_is_ours(policy, without, senders, stranger));
    ck_assert(!dsn_policy_is_ours(policy, without, unbound, stranger));
    ck_assert(!dsn_policy_is_ours(policy, with, bound, stranger));
    ck_assert(!dsn_policy_is_ours(policy, nobody, bound, stranger));

    ck_assert(dsn_poster_is_bound(bound) && dsn_poster_is_bound(senders));
    ck_assert(!dsn_poster_is_bound(unbound));
    ck_assert(dsn_poster_may(bound, without, stranger));
    ck_assert(!dsn_poster_may(bound, with, stranger));
    ck_assert(!dsn_poster_may(bound, nobody, stranger));
    ck_assert(dsn_poster_may(unbound, nobody, stranger));
}
END_TEST

START_TEST(binds_to_senders_and_tenants)
{
    g_autoptr(DsnPolicy) policy =
        policy_of("[tenant.a]\nmatch.queue = [\"a\"]\n[http.client.a]\ntoken = \"t\"\n"
                  "tenants = [\"a\"]\nsenders = [\"a.example\"]\n");
    const DsnPoster *poster = policy->posters->pdata[0];
    const DsnTenant *a = dsn_policy_tenant_named(policy, "a");

    ck_assert(dsn_poster_may(poster, a, dsn_span("x@a.example")));
    ck_assert(!dsn_poster_may(poster, a, dsn_span("x@b.example")));
    ck_assert(
        !dsn_poster_may(poster, dsn_policy_tenant_named(policy, NULL), dsn_span("x@a.example")));
}
END_TEST

/* ---- files of senders and texts ---- */

static char *folder;

static void
make_folder(void)
{
    folder = g_dir_make_tmp("dsnarf-policy-XXXXXX", NULL);
    ck_assert_ptr_nonnull(folder);
}

static void
remove_folder(void)
{
    const char *name;
    GDir *entries = g_dir_open(folder, 0, NULL);

    while ((name = g_dir_read_name(entries)) != NULL) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        ck_assert_int_eq(g_remove(path), 0);
    }
    g_dir_close(entries);
    ck_assert_int_eq(g_rmdir(folder), 0);
    g_clear_pointer(&folder, g_free);
}

static void
put(const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);

    ck_assert(g_file_set_contents(path, text, -1, NULL));
}

/* Wherever patterns stand. A relative name is seen from the file of the configuration. */
static const struct {
    const char *option, *key;
} places[] = {
    {"[milter]\nlisten = \"unix:/tmp/x\"\nreports", "milter.reports"},
    {"[milter.role.r]\nreports", "milter.role.r.reports"},
    {"[lmtp]\nlisten = \"unix:/tmp/x\"\nreports", "lmtp.reports"},
    {"[notice]\nsenders", "notice.senders"},
    {"[notice]\nignore", "notice.ignore"},
    {"[tenant.t]\nignore", "tenant.t.ignore"},
    {"[http.client.c]\ntoken = \"t\"\nsenders", "http.client.c.senders"},
};

START_TEST(reads_files_of_patterns)
{
    g_autofree char *path = g_build_filename(folder, "dsnarf.toml", NULL);
    g_autofree char *text = g_strconcat(places[_i].option,
                                        " = [\"a@example.com\", \"/b(/\", "
                                        "\"file:./list\"]\n",
                                        NULL);
    g_autoptr(GError) error = NULL;

    put("list", "a@example.com\nb\n@\n");
    ck_assert(g_file_set_contents(path, text, -1, NULL));
    ck_assert_ptr_null(dsn_policy_load(path, &error));
    g_autoptr(GString) said = g_string_new(error->message);
    g_string_replace(said, folder, "FOLDER", 0);
    g_autofree char *pattern =
        g_strconcat("*: ", places[_i].key,
                    ": \"/b(/\": at character 3: missing closing parenthesis\n*: ", places[_i].key,
                    ": FOLDER/list:3: \"@\": expected an address *", NULL);
    ck_assert_msg(g_pattern_match_simple(pattern, said->str), "%s\n%s", pattern, said->str);
}
END_TEST

START_TEST(reads_files_of_senders)
{
    g_autofree char *text = g_strdup_printf(
        "[tenant.a]\nmatch.senders_file = \"%s/a\"\n[tenant.b]\nmatch.senders_file = \"%s/b\"\n",
        folder, folder);
    unsigned trust;

    put("a", "# ours\na@x.example\n*.x.example\n\n");
    put("b", "x.example # all the others");
    g_autoptr(DsnPolicy) policy = policy_of(text);
    g_autoptr(DsnRecord) one = record_of(SENDER("A@x.example"));
    g_autoptr(DsnRecord) other = record_of(SENDER("b@x.example"));
    ck_assert_pstr_eq(dsn_policy_tenant(policy, one, &trust)->name, "a");
    ck_assert_pstr_eq(dsn_policy_tenant(policy, other, &trust)->name, "b");
    ck_assert(dsn_policy_is_ours(policy, dsn_policy_tenant_named(policy, "a"), NULL,
                                 dsn_span("c@y.x.example")));
}
END_TEST

START_TEST(names_line_and_tenant_of_faulty_senders)
{
    g_autofree char *text = g_strdup_printf(
        "[tenant.a]\nmatch.senders_file = \"%s/a\"\n[tenant.b]\nmatch.senders_file = \"%s/b\"\n",
        folder, folder);
    g_autoptr(GError) error = NULL;

    put("a", "a@x.example\nb@x.example\n");
    put("b", "\n*@x.example\nA@X.example\nc\xff@x.example\n");
    ck_assert_ptr_null(load_text(text, &error));
    g_autofree char *want = g_strdup_printf(
        "%s/b:2: tenant.b.match.senders_file: expected an address such as \"user@example.com\", a "
        "domain, or \"*.example.com\" for those below it, got \"*@x.example\"\n"
        "%s/b:3: tenant.b.match.senders_file: \"A@X.example\" is matched by tenant.a, too\n"
        "%s/b:4: tenant.b.match.senders_file: expected an address such as \"user@example.com\", a "
        "domain, or \"*.example.com\" for those below it, got \"c\xef\xbf\xbd@x.example\"",
        folder, folder, folder);
    ck_assert_str_eq(error->message, want);
}
END_TEST

START_TEST(goes_on_without_a_faulty_text_of_a_tenant)
{
    g_autofree char *text =
        g_strdup_printf("[tenant.a]\nmatch.queue = [\"a\"]\ntemplates = \"%s\"\n"
                        "[tenant.b]\nmatch.queue = [\"b\"]\ntemplates = \"/none/such\"\n"
                        "[tenant.c]\nmatch.queue = [\"c\"]\ntemplates = \"%s\"\n",
                        folder, folder);

    put("failed.en.txt", "Subject: x\n\n{{ no_such_thing( }}\n");
    g_autoptr(DsnPolicy) policy = policy_of(text);
    ck_assert_uint_eq(policy->warnings->len, 2);
    ck_assert(g_str_has_prefix(policy->warnings->pdata[0], "tenant.a.templates: "));
    ck_assert_ptr_nonnull(strstr(policy->warnings->pdata[0], "failed.en.txt"));
    ck_assert(g_str_has_prefix(policy->warnings->pdata[1], "tenant.b.templates: "));
    ck_assert_ptr_nonnull(strstr(policy->warnings->pdata[1], "/none/such"));
    ck_assert_ptr_eq(dsn_policy_tenant_named(policy, "a")->notice.catalog,
                     dsn_policy_tenant_named(policy, "c")->notice.catalog);
}
END_TEST

#define OUTGOING                                                         \
    "[milter]\nlisten = \"unix:/run/x\"\noutgoing = [\"ORIGINATING\"]\n" \
    "[trace.key.a]\nsecret = \"0123456789abcdef\"\n[trace]\nsign = \"a\"\n"
#define OF_A "[tenant.a]\nmatch.queue = [\"a\"]\n"

static const struct {
    const char *text;
    const char *warning; /* NULL: none */
} doubtful[] = {
    {"notice.trust = []",
     "FILE:1: notice.trust: is empty: no sender is trusted, and no notice is made"},
    {"notice.trust = []\n" OF_A "trust = [\"any\"]",
     "FILE:1: notice.trust: is empty: no sender is trusted, and no notice is made"},
    {OF_A "trust = []",
     "FILE:3: tenant.a.trust: is empty: no sender is trusted, and no notice is made"},
    {"notice.delay_after = []", NULL},
    {"[notice]\nenable = [\"Delayed\"]\ndelay_after = []",
     "FILE:3: notice.delay_after: is empty: no delay is reported"},
    {"notice.delay_after = [\"8 days\", \"1h\"]",
     "FILE:1: notice.delay_after: no message is delayed for so long: lifetime is not longer"},
    {"notice.lifetime = \"4 hours\"",
     "FILE:1: notice.lifetime: no message is delayed for so long: lifetime is not longer"},
    {"notice.lifetime = \"5 hours\"", NULL},
    {OF_A "lifetime = \"1 hour\"",
     "FILE:3: tenant.a.lifetime: no message is delayed for so long: lifetime is not longer"},
    {"notice.delivered_late = true",
     "FILE:1: notice.delivered_late: has no effect: enable does not list \"Delivery\""},
    {"[notice]\ndelivered_late = true\nenable = [\"Delivery\"]",
     "FILE:2: notice.delivered_late: has no effect: enable lists neither \"TransientFailure\" nor "
     "\"Delayed\""},
    {"[notice]\ndelivered_late = true\nenable = [\"Delivery\", \"TransientFailure\"]\n" OF_A
     "enable = [\"Bounce\"]",
     NULL},
    {"notice.languages = [\"de-AT\", \"tlh\", \"pt\", \"zh-CN\"]",
     "FILE:1: notice.languages: there are no words in \"tlh\""},
    {OF_A "languages = [\"dk\"]", "FILE:3: tenant.a.languages: there are no words in \"dk\""},
    {WEBHOOK "idle_timeout = \"30s\"\nmax_batch_latency = \"60s\"",
     "FILE:3: webhook.w.idle_timeout: idle_timeout is shorter than max_batch_latency: connections "
     "are closed while requests wait for more records"},
    {WEBHOOK "max_batch_latency = \"61s\"",
     "FILE:3: webhook.w.max_batch_latency: idle_timeout is shorter than max_batch_latency: "
     "connections are closed while requests wait for more records"},
    {WEBHOOK "max_batch_latency = \"60s\"\nbatch_size = 10\nmin_batch_size = 2", NULL},
    {WEBHOOK "batch_size = 10\nmin_batch_size = 2",
     "FILE:4: webhook.w.min_batch_size: has no effect without max_batch_latency"},
    {"webhook.w.url = \"http://x.example/\"",
     "FILE:1: webhook.w.url: is not encrypted: records and secrets can be read on the way"},
    {"webhook.w.url = \"http://localhost:1/\"", NULL},
    {"webhook.w.url = \"http://127.0.0.2/\"", NULL},
    {"webhook.w.url = \"http://[::1]/\"", NULL},
    {OUTGOING, "FILE:3: milter.outgoing: no mail gets a trace: there is no tenant, and "
               "trace.without_tenant is false"},
    {OUTGOING "without_tenant = true", NULL},
    {"capture.mail = \"headers\"",
     "FILE:1: capture.mail: nothing is remembered: milter.outgoing names no service"},
    {"capture.mail = \"off\"", NULL},
    {"[milter]\nlisten = \"unix:/run/x\"\noutgoing = [\"ORIGINATING\"]\n"
     "[capture]\nmail = \"headers\"",
     NULL},
    {OUTGOING OF_A, NULL},
};

START_TEST(warns_of_what_is_hardly_meant)
{
    const char *want = doubtful[_i].warning;
    g_autofree char *file = NULL;
    g_autoptr(GError) error = NULL;
    int descriptor = g_file_open_tmp("dsnarf-policy-XXXXXX", &file, NULL);

    ck_assert_int_ge(descriptor, 0);
    g_close(descriptor, NULL);
    ck_assert(g_file_set_contents(file, doubtful[_i].text, -1, NULL));
    g_autoptr(DsnPolicy) policy = dsn_policy_load(file, &error);
    g_remove(file);
    ck_assert_msg(policy != NULL, "%s", error == NULL ? "" : error->message);
    ck_assert_uint_eq(policy->warnings->len, want == NULL ? 0 : 1);
    if (want != NULL) {
        g_autoptr(GString) said = g_string_new(policy->warnings->pdata[0]);

        g_string_replace(said, file, "FILE", 0);
        ck_assert_str_eq(said->str, want);
    }
}
END_TEST

START_TEST(bounds_the_keys_of_meta)
{
    g_autoptr(GString) text = g_string_new("[tenant.a.match.meta]\n");
    g_autoptr(GError) error = NULL;

    for (int i = 0; i < 16; i++)
        g_string_append_printf(text, "k%d = \"x\"\n", i);
    g_autoptr(DsnPolicy) policy = policy_of(text->str);
    ck_assert_ptr_nonnull(policy);
    g_string_append(text, "[tenant.b.match.meta]\nk16 = \"x\"\n");
    ck_assert_ptr_null(load_text(text->str, &error));
    ck_assert_str_eq(error->message, "tenant: match.meta has 17 different keys, more than 16");
}
END_TEST

START_TEST(bounds_what_it_says)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    for (int i = 0; i < 1000; i++)
        g_string_append_printf(text, "[http.client.c%d]\n", i);
    ck_assert_ptr_null(load_text(text->str, &error));
    g_auto(GStrv) lines = g_strsplit(error->message, "\n", -1);
    ck_assert_uint_eq(g_strv_length(lines), 101);
    ck_assert_str_eq(lines[100], "and 900 more");
}
END_TEST

START_TEST(is_shared)
{
    DsnPolicy *policy = dsn_policy_load(NULL, NULL);

    ck_assert_ptr_eq(dsn_policy_ref(policy), policy);
    dsn_policy_unref(policy);
    ck_assert_uint_eq(policy->roles->len, 0);
    dsn_policy_unref(policy);
    dsn_policy_unref(NULL);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("policy");
    TCase *tcase = tcase_create("policy");

    tcase_add_test(tcase, compiles_the_defaults);
    tcase_add_test(tcase, makes_the_options_of_notices);
    tcase_add_test(tcase, asks_roles_in_order);
    tcase_add_loop_test(tcase, knows_who_may_post, 0, G_N_ELEMENTS(posts));
    tcase_add_test(tcase, binds_clients);
    tcase_add_loop_test(tcase, says_what_does_not_fit, 0, G_N_ELEMENTS(faults));
    tcase_add_test(tcase, bounds_what_it_says);
    tcase_add_test(tcase, is_shared);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("tenants");
    tcase_add_loop_test(tcase, finds_the_tenant_of_a_record, 0, G_N_ELEMENTS(matches));
    tcase_add_test(tcase, asks_another_key_for_the_client);
    tcase_add_test(tcase, compiles_tenants);
    tcase_add_loop_test(tcase, knows_whose_senders_they_are, 0, G_N_ELEMENTS(owners));
    tcase_add_test(tcase, believes_who_is_bound_to_a_tenant);
    tcase_add_test(tcase, binds_to_senders_and_tenants);
    tcase_add_loop_test(tcase, warns_of_what_is_hardly_meant, 0, (int)G_N_ELEMENTS(doubtful));
    tcase_add_test(tcase, bounds_the_keys_of_meta);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("files");
    tcase_add_checked_fixture(tcase, make_folder, remove_folder);
    tcase_add_loop_test(tcase, reads_files_of_patterns, 0, G_N_ELEMENTS(places));
    tcase_add_test(tcase, reads_files_of_senders);
    tcase_add_test(tcase, names_line_and_tenant_of_faulty_senders);
    tcase_add_test(tcase, goes_on_without_a_faulty_text_of_a_tenant);
    suite_add_tcase(suite, tcase);
    return suite;
}
