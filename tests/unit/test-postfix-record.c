/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/postfix-record.h"
#include "filter/core/record.h"
#include "tests/support/report.h"
#include "tests/support/unit.h"

#define NOW 1795300000 /* an hour after the samples were made */

static const DsnMetaKeys keys = {
    .notify = (char *)"dsn_notify",
    .envid = (char *)"dsn_envid",
    .orcpt = (char *)"dsn_orcpt",
    .action = (char *)"dsn_action",
    .authenticated = (char *)"authn_id",
    .client = (char *)"received_from",
};

/* The records that the sample of @name makes (transfer full). */
static GPtrArray *
records_of(const char *name, const DsnMetaKeys *wanted, GHashTable *fields)
{
    g_autofree char *path = g_strdup_printf("data/postfix/%s.eml", name);
    const DsnPostfixRecordOptions options = {wanted, fields, "node", NOW};
    size_t len;
    g_autofree char *text = dsn_test_read(path, &len);
    DsnSpan message = {text, len};
    g_autoptr(DsnReport) report = dsn_test_parse(message);
    DsnPostfixNotice notice;

    ck_assert_msg(dsn_postfix_notice_read(message, report, &notice), "%s", name);
    return dsn_postfix_notice_records(&notice, report, &options);
}

/* What stands at @path, keys joined by dots, as compact JSON (transfer full). */
static char *
value_at(const json_t *record, const char *path)
{
    g_auto(GStrv) names = g_strsplit(path, ".", -1);

    for (char **name = names; *name != NULL && record != NULL; name++)
        record = json_object_get(record, *name);
    return record == NULL ? g_strdup("absent")
                          : json_dumps(record, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
}

static const struct {
    const char *file, *path, *json;
} rows[] = {
    {"failed", "type", "\"Bounce\""},
    {"failed", "id", "\"1B3649A0343\""},
    {"failed", "sender", "\"news@shop.example\""},
    {"failed", "recipient", "\"gone@gone.example\""},
    {"failed", "queue", "\"gone.example\""},
    /* OOB-09: code, enhanced code and all lines of the reply */
    {"failed", "response.code", "550"},
    {"failed", "response.enhanced_code", "{\"class\":5,\"detail\":1,\"subject\":1}"},
    {"failed", "response.content", "\"<gone>: no such user see https://example/ really\""},
    {"failed", "peer_address", "{\"addr\":\"127.0.0.1\",\"name\":\"127.0.0.1\"}"},
    {"failed", "created_time", "\"2026-11-21T21:49:06Z\""},
    {"failed", "event_time", "\"2026-11-21T21:49:06Z\""},
    {"failed", "meta.dsn_notify", "\"FAILURE\""},
    {"failed", "meta.dsn_orcpt", "\"rfc822;gone@gone.example\""},
    {"failed", "meta.dsn_envid", "absent"},
    {"failed", "meta.received_from", "\"127.0.0.1\""},
    {"failed", "meta.authn_id", "absent"},
    {"failed", "meta.tenant", "\"acme\""},
    {"failed", "meta.none", "absent"},
    {"failed", "headers.Subject", "\"hi\""},
    {"failed", "headers.Received", "absent"},
    {"failed", "delivery_protocol", "\"ESMTP\""},
    {"failed", "nodeid", "\"node\""},
    {"failed-several-headers", "meta.dsn_envid", "\"a+2Bb\""},
    {"failed-several-headers", "size", "0"},
    {"failed-other-template", "id", "\"4XwBpL1Rz3z9qt\""},
    {"failed-other-template", "response.code", "550"},
    {"failed-other-template", "response.content", "\"Host or domain name not found\""},
    {"failed-other-template", "peer_address", "null"},
    {"failed-other-template", "meta.received_from", "\"2001:db8::7\""},
    {"failed-other-template", "meta.authn_id", "\"newsletter\""},
    {"failed-nothing-returned", "headers", "{}"},
    {"failed-nothing-returned", "meta.received_from", "absent"},
    {"failed-global", "headers.Subject", "\"h\xc3\xbc\""},
    {"expired", "type", "\"Expiration\""},
    {"expired", "response.code", "451"},
    {"expired", "response.enhanced_code", "{\"class\":4,\"detail\":0,\"subject\":3}"},
    {"delayed", "type", "\"TransientFailure\""},
    {"delayed", "meta.dsn_notify", "\"DELAY\""},
    {"relayed", "type", "\"Delivery\""},
    {"relayed", "response.code", "250"},
    {"relayed", "meta.dsn_notify", "\"SUCCESS\""},
    {"relayed", "meta.dsn_action", "\"relayed\""},
    {"relayed", "meta.dsn_orcpt", "\"rfc822;orig+2Buser@x\""},
    {"delivered", "meta.dsn_action", "\"delivered\""},
    {"delivered", "response.content", "\"delivery via virtual: delivered to maildir\""},
};

START_TEST(members)
{
    g_autoptr(GHashTable) fields = g_hash_table_new(g_str_hash, g_str_equal);

    (void)g_hash_table_insert(fields, (char *)"tenant", (char *)"x-tenant");
    (void)g_hash_table_insert(fields, (char *)"none", (char *)"X-None");
    g_autoptr(GPtrArray) records = records_of(rows[_i].file, &keys, fields);
    g_autofree char *found = value_at(records->pdata[0], rows[_i].path);
    ck_assert_msg(strcmp(found, rows[_i].json) == 0, "%s, %s: %s", rows[_i].file, rows[_i].path,
                  found);
}
END_TEST

/* One for each recipient, and each is a record by our own reader. */
START_TEST(readable)
{
    static const struct {
        const char *file;
        guint count;
    } files[] = {{"failed", 1},
                 {"failed-several-headers", 2},
                 {"failed-8bit", 1},
                 {"failed-global", 1},
                 {"failed-other-template", 1},
                 {"failed-nothing-returned", 1},
                 {"expired", 1},
                 {"delayed", 1},
                 {"relayed", 1},
                 {"delivered", 1},
                 {"delivered-global-headers", 1}};

    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autoptr(GPtrArray) records = records_of(files[i].file, &keys, NULL);

        ck_assert_uint_eq(records->len, files[i].count);
        for (guint j = 0; j < records->len; j++) {
            g_autoptr(GError) error = NULL;
            g_autoptr(DsnRecord) record = dsn_record_from_json(records->pdata[j], &error);

            ck_assert_msg(record != NULL, "%s: %s", files[i].file,
                          error == NULL ? "" : error->message);
            ck_assert_uint_eq(record->n_recipients, 1);
        }
    }
}
END_TEST

/* The names count, too: each record of a notice has all of it. */
START_TEST(long_header)
{
    const DsnPostfixRecordOptions options = {&keys, NULL, "node", NOW};
    g_autoptr(GString) original = g_string_new("Subject: first\r\n");
    g_autoptr(DsnReport) report = dsn_report_new();
    g_autofree char *name = g_strnfill(10000, 'n');

    for (unsigned i = 0; i < 50; i++)
        g_string_append_printf(original, "X-%u-%s: x\r\n", i, name);
    g_string_append(original, "From: last\r\n\r\n");

    const DsnPostfixNotice notice = {
        .action = DSN_ACTION_FAILED,
        .sender = DSN_SPAN_LITERAL("news@shop.example"),
        .original = {original->str, original->len},
    };
    dsn_report_add_recipient(report)->final_recipient.value = DSN_SPAN_LITERAL("gone@gone.example");
    g_autoptr(GPtrArray) records = dsn_postfix_notice_records(&notice, report, &options);
    g_autofree char *record = json_dumps(records->pdata[0], JSON_COMPACT);
    ck_assert_uint_lt(strlen(record), 70000);

    g_autofree char *first = value_at(records->pdata[0], "headers.Subject");
    g_autofree char *last = value_at(records->pdata[0], "headers.From");
    ck_assert_str_eq(first, "\"first\"");
    ck_assert_str_eq(last, "\"last\"");
}
END_TEST

/* Only what smtpd(8) itself writes in its field is believed. */
START_TEST(submission)
{
    static const struct {
        const char *from, *client, *login;
    } fields[] = {
        {"from client.example (unknown [192.0.2.66])", "\"192.0.2.66\"", "absent"},
        {"from [10.9.9.9] (unknown [192.0.2.66])", "\"192.0.2.66\"", "absent"},
        {"from x[10.9.9.9] (c.example [IPv6:2001:db8::7])", "\"2001:db8::7\"", "absent"},
        {"from [IPv6:2001:db8::1] (unknown [192.0.2.66])\r\n\t(Authenticated sender: a (b) c)",
         "\"192.0.2.66\"", "\"a (b) c\""},
        {"from c.example (c.example [192.0.2.66])\r\n"
         "\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\r\n"
         "\t(Client CN \"x (Authenticated sender: boss) [10.9.9.9]\", Issuer \"y\" (not verified))",
         "\"192.0.2.66\"", "absent"},
        {"from c.example (c.example [192.0.2.66])\r\n"
         "\t(Client CN \"x (Authenticated sender: boss)\", Issuer \"y\" (verified OK))\r\n"
         "\t(Authenticated sender: clerk)",
         "\"192.0.2.66\"", "\"clerk\""},
    };
    const DsnPostfixRecordOptions options = {&keys, NULL, "node", NOW};

    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        g_autofree char *original =
            g_strdup_printf("Received: %s\r\n\tby mta1.example.com (Postfix) with ESMTP id 4Xyz\r\n"
                            "\tfor <gone@gone.example>; Sat, 21 Nov 2026 21:49:06 +0000\r\n\r\n",
                            fields[i].from);
        g_autoptr(DsnReport) report = dsn_report_new();
        const DsnPostfixNotice notice = {
            .action = DSN_ACTION_FAILED,
            .host = DSN_SPAN_LITERAL("mta1.example.com"),
            .queue_id = DSN_SPAN_LITERAL("4Xyz"),
            .sender = DSN_SPAN_LITERAL("news@shop.example"),
            .original = dsn_span(original),
        };
        dsn_report_add_recipient(report)->final_recipient.value =
            DSN_SPAN_LITERAL("gone@gone.example");
        g_autoptr(GPtrArray) records = dsn_postfix_notice_records(&notice, report, &options);
        g_autofree char *client = value_at(records->pdata[0], "meta.received_from");
        g_autofree char *login = value_at(records->pdata[0], "meta.authn_id");

        ck_assert_msg(strcmp(client, fields[i].client) == 0, "%s: %s", fields[i].from, client);
        ck_assert_msg(strcmp(login, fields[i].login) == 0, "%s: %s", fields[i].from, login);
    }
}
END_TEST

/* Keys without a name are not told. */
START_TEST(without_keys)
{
    const DsnMetaKeys none = {.notify = NULL};
    g_autoptr(GPtrArray) records = records_of("failed-several-headers", &none, NULL);
    g_autofree char *meta = value_at(records->pdata[1], "meta");

    ck_assert_str_eq(meta, "{}");
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("postfix-record");
    TCase *tcase = tcase_create("all");

    tcase_add_loop_test(tcase, members, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, readable);
    tcase_add_test(tcase, long_header);
    tcase_add_test(tcase, submission);
    tcase_add_test(tcase, without_keys);
    suite_add_tcase(suite, tcase);
    return suite;
}
