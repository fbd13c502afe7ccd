/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/tenant-index.h"

#include "filter/core/senders-file.h"
#include "tests/support/unit.h"

/* ---- names of queues ---- */

static const struct {
    const char *queue, *tenant; /* NULL: none */
} queues[] = {
    {"", NULL},
    {"@", NULL},
    {"example.com", NULL},
    {"example.com!mx.example.net", NULL},
    {"acme@example.com", "acme"},
    {"acme@example.com!mx.example.net", "acme"},
    {"spring:acme@example.com", "acme"},
    {"spring:acme@example.com!mx.example.net", "acme"},
    {"spring:@example.com", NULL},
    {":acme@example.com", "acme"},
    {":@example.com", NULL},
    {"spring:acme:x@example.com", "acme:x"},
    {"acme@example.com@x", "acme"},
    {"example.com!a@b", NULL}, /* what routes may have an "@" */
    {"spring:acme", NULL},
    {"M\xc3\xbcller@example.com", "M\xc3\xbcller"},
};

START_TEST(finds_the_tenant_of_a_queue)
{
    DsnSpan tenant = dsn_queue_tenant(dsn_span(queues[_i].queue));

    if (queues[_i].tenant == NULL)
        ck_assert_msg(!dsn_span_present(tenant), "%s", queues[_i].queue);
    else
        dsn_assert_span(tenant, queues[_i].tenant, queues[_i].queue);
}
END_TEST

START_TEST(knows_what_can_be_a_tenant_of_a_queue)
{
    static const char *const good[] = {"acme", "a:b", "a b", "17"};
    static const char *const bad[] = {"", "a@b", "a!b", "@", "!"};

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
        ck_assert_msg(dsn_queue_tenant_check(good[i]) == NULL, "%s", good[i]);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        ck_assert_msg(dsn_queue_tenant_check(bad[i]) != NULL, "%s", bad[i]);
    ck_assert_ptr_nonnull(strstr(dsn_queue_tenant_check("a@b"), "never empty"));
}
END_TEST

/* ---- senders ---- */

static const struct {
    const char *claimed;
    uint32_t tenant;
} claims[] = {
    {"acme.example", 1},
    {"*.acme.example", 1},
    {"sales@acme.example", 2},
    {"*.mail.acme.example", 3},
    {"News@Lists.Example", 4},
    {"b\xc3\xbc"
     "cher.example",
     5},
    {"*.xn--bcher-kva.example", 6},
    {"example", 7},
    {"j\xc3\xb6rg@example.org", 8},
    {"a@[192.0.2.1]", 9},
};

static DsnTenantIndex *
index_of_claims(void)
{
    DsnTenantIndex *index = dsn_tenant_index_new();

    for (size_t i = 0; i < G_N_ELEMENTS(claims); i++) {
        DsnSpan sender = dsn_span(claims[i].claimed);

        ck_assert_msg(dsn_sender_check(sender) == NULL, "%s", claims[i].claimed);
        ck_assert_uint_eq(dsn_tenant_index_add_sender(index, sender, claims[i].tenant), 0);
    }
    return index;
}

static const struct {
    const char *address;
    uint32_t tenant;
} found[] = {
    {"anybody@acme.example", 1},
    {"ANYBODY@ACME.Example", 1},
    {"bounce+x=y@acme.example", 1},
    {"\"a b\"@acme.example", 1},
    {"<x@acme.example>", 1},
    {"<@relay.example:x@acme.example>", 1}, /* a source route, RFC 5321 appendix C */
    {"Sales@Acme.example", 2},              /* the address before its domain */
    {"sales@x.acme.example", 1},
    {"a@x.y.acme.example", 1},
    {"a@mail.acme.example", 1}, /* not below itself */
    {"a@x.mail.acme.example", 3},
    {"a@y.x.mail.acme.example", 3}, /* the longest */
    {"a@notacme.example", 0},
    {"a@acme.example.org", 0},
    {"news@lists.example", 4},
    {"other@lists.example", 0},
    {"a@b\xc3\xbc"
     "cher.example",
     5},
    {"a@B\xc3\x9c"
     "cher.example",
     5},
    {"a@xn--bcher-kva.example", 5},
    {"a@shop.xn--bcher-kva.example", 6},
    {"a@shop.b\xc3\xbc"
     "cher.example",
     6},
    {"a@example", 7},
    {"J\xc3\xb6rg@example.org", 8},
    {"a@[192.0.2.1]", 9},
    {"b@[192.0.2.1]", 0},
    {"", 0},
    {"<>", 0},
    {"Postmaster", 0},
    {"acme.example", 0},
    {"@acme.example", 0},
    {"a@", 0},
    {"a b@acme.example", 0},
};

START_TEST(finds_the_tenant_of_a_sender)
{
    g_autoptr(DsnTenantIndex) index = index_of_claims();

    ck_assert_msg(dsn_tenant_index_find_sender(index, dsn_span(found[_i].address)) ==
                      found[_i].tenant,
                  "%s", found[_i].address);
}
END_TEST

START_TEST(is_not_led_astray_by_bytes)
{
    g_autoptr(DsnTenantIndex) index = index_of_claims();
    g_autoptr(GString) address = g_string_new("a@");
    DsnSpan nul = {"a\0@acme.example", 15};

    ck_assert_uint_eq(dsn_tenant_index_find_sender(index, nul), 0);
    ck_assert_uint_eq(dsn_tenant_index_find_sender(index, DSN_SPAN_ABSENT), 0);
    ck_assert_uint_eq(dsn_tenant_index_find_sender(index, dsn_span("a@\xff.acme.example")), 0);
    for (int i = 0; i < 1000 * 1000; i++)
        g_string_append(address, "a.");
    g_string_append(address, "acme.example");
    ck_assert_uint_eq(dsn_tenant_index_find_sender(index, (DsnSpan){address->str, address->len}),
                      0);
}
END_TEST

START_TEST(knows_what_can_be_a_sender)
{
    static const char *const good[] = {"a@example.com", "example.com", "*.example.com",
                                       "m\xc3\xbcller.example", "example"};
    static const char *const bad[] = {"",
                                      "*",
                                      "*.",
                                      "*.*.example",
                                      "x.*.example",
                                      "a*@example.com",
                                      "@example.com",
                                      "a@",
                                      "[192.0.2.1]",
                                      "a b",
                                      "<a@example.com>",
                                      "example..com",
                                      "\xff.example",
                                      "a@\xff.example"};

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
        ck_assert_msg(dsn_sender_check(dsn_span(good[i])) == NULL, "%s", good[i]);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        ck_assert_msg(dsn_sender_check(dsn_span(bad[i])) != NULL, "%s", bad[i]);
    ck_assert_ptr_null(dsn_sender_domain_check("*.example.com"));
    ck_assert_ptr_nonnull(dsn_sender_domain_check("a@example.com"));
}
END_TEST

START_TEST(says_who_has_it_already)
{
    g_autoptr(DsnTenantIndex) index = index_of_claims();

    ck_assert_uint_eq(dsn_tenant_index_add_sender(index, dsn_span("ACME.example"), 1), 0);
    ck_assert_uint_eq(dsn_tenant_index_add_sender(index, dsn_span("ACME.example"), 2), 1);
    ck_assert_uint_eq(dsn_tenant_index_add_sender(index, dsn_span("*.Acme.example"), 2), 1);
    ck_assert_uint_eq(dsn_tenant_index_add_sender(index, dsn_span("xn--bcher-kva.example"), 1), 5);
    ck_assert_uint_eq(dsn_tenant_index_add_queue(index, "acme.example", 4), 0);
    ck_assert_uint_eq(dsn_tenant_index_add_queue(index, "acme.example", 3), 4);
    ck_assert_uint_eq(dsn_tenant_index_add_queue(index, "Acme.example", 3), 0);
    ck_assert_uint_eq(dsn_tenant_index_add_meta(index, "k", "v", 1), 0);
    ck_assert_uint_eq(dsn_tenant_index_add_meta(index, "k", "v", 2), 1);
    ck_assert_uint_eq(dsn_tenant_index_add_meta(index, "k", "w", 2), 0);
    ck_assert_uint_eq(dsn_tenant_index_add_client(index, "10.0.0.0/8", 1), 0);
    ck_assert_uint_eq(dsn_tenant_index_add_client(index, "::ffff:10.0.0.0/104", 2), 1);
    ck_assert_uint_eq(dsn_tenant_index_add_client(index, "10.0.0.0/9", 2), 0);
}
END_TEST

/* ---- queues, meta and clients ---- */

START_TEST(finds_queues_and_meta)
{
    g_autoptr(DsnTenantIndex) index = dsn_tenant_index_new();

    dsn_tenant_index_add_queue(index, "acme", 1);
    dsn_tenant_index_add_meta(index, "customer", "17", 2);
    dsn_tenant_index_add_meta(index, "tenant", "acme", 3);
    dsn_tenant_index_add_meta(index, "customer", "18", 3);
    ck_assert_uint_eq(dsn_tenant_index_find_queue(index, dsn_span("c:acme@example.com!r")), 1);
    ck_assert_uint_eq(dsn_tenant_index_find_queue(index, dsn_span("c:ACME@example.com!r")), 0);
    ck_assert_uint_eq(dsn_tenant_index_find_queue(index, dsn_span("acme")), 0);
    ck_assert_uint_eq(dsn_tenant_index_find_queue(index, DSN_SPAN_ABSENT), 0);
    const GPtrArray *keys = dsn_tenant_index_meta_keys(index);
    ck_assert_uint_eq(keys->len, 2);
    ck_assert_str_eq(keys->pdata[0], "customer");
    ck_assert_str_eq(keys->pdata[1], "tenant");
    ck_assert_uint_eq(dsn_tenant_index_find_meta(index, "customer", dsn_span("17")), 2);
    ck_assert_uint_eq(dsn_tenant_index_find_meta(index, "customer", dsn_span("acme")), 0);
    ck_assert_uint_eq(dsn_tenant_index_find_meta(index, "tenant", dsn_span("acme")), 3);
    ck_assert_uint_eq(dsn_tenant_index_find_meta(index, "tenant", DSN_SPAN_ABSENT), 0);
}
END_TEST

static const struct {
    const char *client;
    uint32_t tenant;
} clients[] = {
    {"10.1.2.3", 1},
    {"10.1.2.3:2525", 1},
    {"10.9.0.1", 2}, /* the longest */
    {"10.9.0.7", 3},
    {"11.0.0.1", 0},
    {"::ffff:10.1.2.3", 1},
    {"[::ffff:10.1.2.3]:25", 1},
    {"2001:db8::1", 4},
    {"[2001:db8::1]", 4},
    {"[2001:db8::1]:25", 4},
    {"2001:db9::1", 5}, /* "::/0" is all of IPv6 and no IPv4 */
    {"", 0},
    {"[", 0},
    {"[2001:db8::1", 0},
    {"10.1.2.3/32", 0},
    {"10.1.2", 0},
    {"host.example", 0},
    {"10.1.2.3:2525:1", 0},
};

START_TEST(finds_the_tenant_of_a_client)
{
    g_autoptr(DsnTenantIndex) index = dsn_tenant_index_new();

    dsn_tenant_index_add_client(index, "10.0.0.0/8", 1);
    dsn_tenant_index_add_client(index, "10.9.0.0/16", 2);
    dsn_tenant_index_add_client(index, "10.9.0.7", 3);
    dsn_tenant_index_add_client(index, "2001:db8::/33", 4);
    dsn_tenant_index_add_client(index, "::/0", 5);
    ck_assert_msg(dsn_tenant_index_find_client(index, dsn_span(clients[_i].client)) ==
                      clients[_i].tenant,
                  "%s", clients[_i].client);
}
END_TEST

START_TEST(finds_each_of_many)
{
    g_autoptr(DsnTenantIndex) index = dsn_tenant_index_new();

    for (uint32_t i = 1; i <= 50000; i++) {
        g_autofree char *address = g_strdup_printf("u%u@example.com", i);
        g_autofree char *domain = g_strdup_printf("*.d%u.example", i);

        ck_assert_uint_eq(dsn_tenant_index_add_sender(index, dsn_span(address), i), 0);
        ck_assert_uint_eq(dsn_tenant_index_add_sender(index, dsn_span(domain), i), 0);
    }
    for (uint32_t i = 1; i <= 50000; i++) {
        g_autofree char *address = g_strdup_printf("U%u@example.com", i);
        g_autofree char *below = g_strdup_printf("x@y.d%u.example", i);
        g_autofree char *none = g_strdup_printf("v%u@example.com", i);

        ck_assert_uint_eq(dsn_tenant_index_find_sender(index, dsn_span(address)), i);
        ck_assert_uint_eq(dsn_tenant_index_find_sender(index, dsn_span(below)), i);
        ck_assert_uint_eq(dsn_tenant_index_find_sender(index, dsn_span(none)), 0);
    }
}
END_TEST

/* ---- files of senders ---- */

static const struct {
    const char *text, *found; /* "line:sender " of each */
} files[] = {
    {"", ""},
    {"a@example.com", "1:a@example.com "},
    {"\xef\xbb\xbf"
     "a@example.com\n",
     "1:a@example.com "},
    {"\xef\xbb\xbf", ""},
    {"# all of us\r\n\r\n  example.com \t\r\n*.example.com # below\r\n",
     "3:example.com 4:*.example.com "},
    {"#a@example.com\na#b@example.com\n\n \n#", "2:a#b@example.com "},
    {"a b\n#\nc#", "1:a b 3:c# "},
    {"\n\n\n", ""},
};

START_TEST(walks_over_files)
{
    DsnSendersFile file = dsn_senders_file(dsn_span(files[_i].text));
    g_autoptr(GString) got = g_string_new(NULL);
    DsnSpan sender;

    while (dsn_senders_file_next(&file, &sender))
        g_string_append_printf(got, "%u:%.*s ", (unsigned)file.line, (int)sender.len, sender.data);
    ck_assert_str_eq(got->str, files[_i].found);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("tenant-index");
    TCase *tcase = tcase_create("find");

    tcase_add_loop_test(tcase, finds_the_tenant_of_a_queue, 0, G_N_ELEMENTS(queues));
    tcase_add_test(tcase, knows_what_can_be_a_tenant_of_a_queue);
    tcase_add_loop_test(tcase, finds_the_tenant_of_a_sender, 0, G_N_ELEMENTS(found));
    tcase_add_test(tcase, is_not_led_astray_by_bytes);
    tcase_add_test(tcase, knows_what_can_be_a_sender);
    tcase_add_test(tcase, says_who_has_it_already);
    tcase_add_test(tcase, finds_queues_and_meta);
    tcase_add_loop_test(tcase, finds_the_tenant_of_a_client, 0, G_N_ELEMENTS(clients));
    tcase_add_test(tcase, finds_each_of_many);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("files");
    tcase_add_loop_test(tcase, walks_over_files, 0, G_N_ELEMENTS(files));
    suite_add_tcase(suite, tcase);
    return suite;
}
