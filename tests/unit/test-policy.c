/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/policy.h"
#include "tests/support/unit.h"

#include <arpa/inet.h>
#include <glib/gstdio.h>

/* The policy of a file with @text (transfer full), or NULL and @error, which calls the file FILE.
 */
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
    ck_assert(dsn_patterns_empty(policy->senders));
    ck_assert(dsn_patterns_empty(policy->lmtp));
    ck_assert_uint_eq(policy->roles->len, 0);
    ck_assert_uint_eq(policy->rates.overall, 100000);
    ck_assert_uint_eq(policy->rates.sender, 1000);
    ck_assert_uint_eq(policy->rates.poster, 0);
    ck_assert(dsn_networks_match(policy->trusted, (const struct sockaddr *)&loopback));
    for (int i = 0; i < DSN_N_RECORD_TYPES; i++) {
        ck_assert(!policy->wanted[i]);
        ck_assert(policy->notice.enable[i] ==
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
    const DsnNoticeOptions *notice = &policy->notice;

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
    dsn_assert_span(local->notice.reporting_mta.type, "x-local-hostname", "type");
    ck_assert(!dsn_span_present(local->notice.from));
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
        ck_assert_int_eq(role->consumed, want[i].consumed);
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
    {"relay.default.max_retry_interval = \"59s\"",
     "FILE:1: relay.default.max_retry_interval: is less than relay.default.retry_interval"},
    {"[milter]\nlisten = \"unix:/run/x\"\n[file.x]\npath = \"/x\"",
     "FILE:2: milter.reports: lists nobody whose mail is read as a report"},
    {"milter.reports = [\"example.com\"]", "FILE:1: milter.listen: is missing"},
    {"milter.listen = \"unix:/run/x\"\n[milter.role.r]\n[file.x]\npath = \"/x\"",
     "FILE:2: milter.role.r.reports: lists nobody whose mail is read as a report"},
    {"[lmtp]\nlisten = \"unix:/run/x\"\n[file.x]\npath = \"/x\"",
     "FILE:2: lmtp.reports: lists nobody whose mail is read as a report"},
    {"lmtp.reports = [\"example.com\"]", "FILE:1: lmtp.listen: is missing"},
    {"[maildir.m]\n[file.x]\npath = \"/x\"", "FILE:1: maildir.m.path: is missing"},
    {"[maildir.m]\npath = \"/m\"\n[maildir.n]\npath = \"/x/../m/\"\n[file.x]\npath = \"/x\"",
     "FILE:4: maildir.n.path: maildir.m has the same path"},
    {"lmtp.others = \"/m\"\n[maildir.m]\npath = \"/m\"\n[file.x]\npath = \"/x\"",
     "FILE:1: lmtp.others: maildir.m reads what is put there"},
    {"spool.directory = \"\"", "FILE:1: spool.directory: is missing"},
    {"[file.x]", "FILE:1: file.x.path: is missing"},
    {"[file.x]\npath = \"/x\"\n[file.y]\npath = \"/x\"",
     "FILE:4: file.y.path: file.x has the same path"},
    {"[file.x]\npath = \"/x\"\ntypes = []", "FILE:3: file.x.types: lists no type of record"},
    {"[maildir.m]\npath = \"/m\"",
     "file: reports are read, and no [file.NAME] takes Feedback records, so that they would be "
     "lost\n"
     "file: reports are read, and no [file.NAME] takes OOB records, so that they would be lost"},
    {"[maildir.m]\npath = \"/m\"\n[file.x]\npath = \"/x\"\ntypes = [\"Feedback\"]",
     "file: reports are read, and no [file.NAME] takes OOB records, so that they would be lost"},
    {"[file.x]\npath = \"/x\"\ntypes = [\"Feedback\"]", ""},
    {"notice.templates = \"/none/such\"", "FILE:1: notice.templates: Error opening directory "
                                          "\xe2\x80\x9c/none/such\xe2\x80\x9d: No such "
                                          "file or directory"},
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
    return suite;
}
