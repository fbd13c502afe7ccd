/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/authentication.h"
#include "tests/support/unit.h"

#define AR "Authentication-Results: "
#define MX AR "mx.ours.example; "
#define RECEIVED "Received: from a by b; Mon, 1 Jan 2026 00:00:00 +0000\r\n"
#define GOOD_SPF "spf=pass smtp.mailfrom=a@shop.example\r\n"
#define GOOD_DKIM "dkim=pass header.d=shop.example\r\n"

#define SPF DSN_TRUST_SPF
#define DKIM DSN_TRUST_DKIM
#define AUTH DSN_TRUST_AUTHENTICATED

static DsnAuthenticationOptions
make_options(const char *ids, size_t received)
{
    DsnAuthenticationOptions options = {.authserv_ids = g_ptr_array_new_with_free_func(g_free),
                                        .received = received};
    g_auto(GStrv) words = g_strsplit(ids, " ", -1);

    for (char **word = words; *word != NULL; word++)
        g_ptr_array_add(options.authserv_ids, g_strdup(*word));
    return options;
}

static const struct {
    const char *label, *header, *sender;
    size_t received;
    unsigned trust;
} rows[] = {
    {"nothing", "Subject: x\r\n", "a@shop.example", 1, 0},
    {"empty", "", "a@shop.example", 1, 0},
    {"SPF", MX GOOD_SPF, "a@shop.example", 1, SPF},
    {"SPF of a domain alone", MX "spf=pass smtp.mailfrom=shop.example\r\n", "a@SHOP.example", 1,
     SPF},
    {"SPF of a domain above", MX "spf=pass smtp.mailfrom=example\r\n", "a@shop.example", 1, 0},
    {"SPF of a domain below", MX "spf=pass smtp.mailfrom=x.shop.example\r\n", "a@shop.example", 1,
     0},
    {"SPF of the name in HELO", MX "spf=pass smtp.helo=shop.example\r\n", "a@shop.example", 1, 0},
    {"SPF of HELO first", MX "spf=none smtp.helo=x; " GOOD_SPF, "a@shop.example", 1, SPF},
    {"SPF fails", MX "spf=softfail smtp.mailfrom=a@shop.example\r\n", "a@shop.example", 1, 0},
    {"quoted @", MX "spf=pass smtp.mailfrom=\"a@shop.example\"@evil.example\r\n", "a@shop.example",
     1, 0},
    {"DKIM", MX GOOD_DKIM, "a@shop.example", 1, DKIM},
    {"DKIM of the parent", MX GOOD_DKIM, "a@news.shop.example", 1, DKIM},
    {"DKIM of a child", MX "dkim=pass header.d=x.shop.example\r\n", "a@shop.example", 1, 0},
    {"DKIM of a longer name", MX GOOD_DKIM, "a@myshop.example", 1, 0},
    {"DKIM by identity", MX "dkim=pass header.i=x@shop.example\r\n", "a@shop.example", 1, DKIM},
    {"second signature", MX "dkim=fail header.d=shop.example; dkim=pass header.d=shop.example\r\n",
     "a@shop.example", 1, DKIM},
    {"other signature", MX "dkim=fail header.d=shop.example; dkim=pass header.d=b.example\r\n",
     "a@shop.example", 1, 0},
    {"logged in", MX "auth=pass (plain) smtp.auth=ann\r\n", "a@shop.example", 1, AUTH},
    {"not logged in", MX "auth=fail smtp.auth=ann\r\n", "a@shop.example", 1, 0},
    {"all in three fields", MX "auth=pass\r\n" MX GOOD_SPF MX GOOD_DKIM, "a@shop.example", 1,
     SPF | DKIM | AUTH},
    {"folded", MX "\r\n\tspf=pass\r\n smtp.mailfrom=a@shop.example\r\n", "a@shop.example", 1, SPF},
    {"null sender", MX "spf=pass smtp.mailfrom=; dkim=pass header.d=; auth=pass\r\n", "", 1, AUTH},
    /* whom to believe */
    {"another host", AR "mx.evil.example; " GOOD_SPF, "a@shop.example", 1, 0},
    {"no host", AR GOOD_SPF, "a@shop.example", 1, 0},
    {"case of the name", AR "MX.Ours.Example; " GOOD_SPF, "a@shop.example", 1, SPF},
    {"second name", AR "mx2.ours.example 1; " GOOD_SPF, "a@shop.example", 1, SPF},
    {"another version", AR "mx.ours.example 9; " GOOD_SPF, "a@shop.example", 1, 0},
    {"below our Received", RECEIVED MX GOOD_SPF, "a@shop.example", 1, SPF},
    {"above all", RECEIVED MX GOOD_SPF, "a@shop.example", 0, 0},
    {"below two", RECEIVED RECEIVED MX GOOD_SPF, "a@shop.example", 1, 0},
    {"behind an inner host", RECEIVED "X: 1\r\n" RECEIVED MX GOOD_SPF, "a@shop.example", 2, SPF},
    {"forged below Received", MX "spf=none\r\n" RECEIVED MX GOOD_DKIM, "a@shop.example", 1, 0},
    {"forged right below", RECEIVED MX "spf=fail; dkim=none\r\n" MX GOOD_SPF MX GOOD_DKIM,
     "a@shop.example", 1, 0},
    {"foreign above", AR "mx.evil.example; spf=fail\r\n" MX GOOD_SPF, "a@shop.example", 1, SPF},
    /* what a sender chooses stands in quotes or comments of a field that is ours */
    {"in a quoted string",
     MX "spf=fail smtp.mailfrom=\"a; dkim=pass header.d=shop.example\"@evil.example\r\n",
     "a@shop.example", 1, 0},
    {"behind an escaped quote",
     MX "spf=fail smtp.mailfrom=\"a\\\"; dkim=pass header.d=shop.example; \\\"\"@evil.example\r\n",
     "a@shop.example", 1, 0},
    {"in a comment", MX "spf=fail (a; dkim=pass header.d=shop.example) smtp.mailfrom=x\r\n",
     "a@shop.example", 1, 0},
    {"in a comment inside of one",
     MX "spf=fail (a (b) \\) ; dkim=pass header.d=shop.example) smtp.mailfrom=x\r\n",
     "a@shop.example", 1, 0},
    {"in a comment without end", MX "spf=fail (a ; " GOOD_DKIM, "a@shop.example", 1, 0},
    {"in a quoted string without end", MX "spf=fail reason=\"a ; " GOOD_DKIM, "a@shop.example", 1,
     0},
    {"in the reason", MX "spf=fail reason=\"; dkim=pass header.d=shop.example\"\r\n",
     "a@shop.example", 1, 0},
    {"our name in a comment", AR "(mx.ours.example;) mx.evil.example; " GOOD_SPF, "a@shop.example",
     1, 0},
    {"our name as a part", AR "mx.ours.example.evil.example; " GOOD_SPF, "a@shop.example", 1, 0},
    {"our name behind", AR "mx.evil.example mx.ours.example; " GOOD_SPF, "a@shop.example", 1, 0},
    {"our name quoted", AR "\"mx.ours.example\"; " GOOD_SPF, "a@shop.example", 1, SPF},
    {"a name like the field's", "Authentication-Results-X: mx.ours.example; " GOOD_SPF,
     "a@shop.example", 1, 0},
    {"in the body", "Subject: x\r\n\r\n" MX GOOD_SPF, "a@shop.example", 1, 0},
    {"in another field", "Subject: x\r\n " MX GOOD_SPF, "a@shop.example", 1, 0},
};

/* Rule ENV-23. */
START_TEST(believes_its_own_hosts)
{
    DsnAuthenticationOptions options =
        make_options("mx.ours.example mx2.ours.example", rows[_i].received);
    unsigned trust =
        dsn_sender_authentication(&options, dsn_span(rows[_i].header), dsn_span(rows[_i].sender));

    ck_assert_msg(trust == rows[_i].trust, "%s: %u", rows[_i].label, trust);
    g_ptr_array_unref(options.authserv_ids);
}
END_TEST

START_TEST(believes_nobody_unless_told_to)
{
    DsnAuthenticationOptions options = {.authserv_ids = g_ptr_array_new(), .received = 1};

    ck_assert_uint_eq(dsn_sender_authentication(&options, dsn_span(MX GOOD_SPF),
                                                DSN_SPAN_LITERAL("a@shop.example")),
                      0);
    g_ptr_array_unref(options.authserv_ids);
}
END_TEST

/* Rule OOB-17: the results of a report can be told. */
START_TEST(tells_what_was_found)
{
    DsnAuthenticationOptions options = make_options("mx.ours.example", 1);
    g_auto(DsnAuthentication) found;

    dsn_authentication_read(&options,
                            dsn_span(MX "spf=softfail smtp.mailfrom=b@isp.example; dkim=pass "
                                        "header.d=isp.example; dkim=fail header.d=x.example; "
                                        "dmarc=pass header.from=isp.example; iprev=pass\r\n"),
                            &found);
    dsn_assert_span(found.authserv_id, "mx.ours.example", NULL);
    dsn_assert_span(found.spf.result, "softfail", NULL);
    dsn_assert_span(found.spf.domain, "isp.example", NULL);
    ck_assert_uint_eq(found.n_dkim, 2);
    dsn_assert_span(found.dkim[0].result, "pass", NULL);
    dsn_assert_span(found.dkim[0].domain, "isp.example", NULL);
    dsn_assert_span(found.dkim[1].result, "fail", NULL);
    dsn_assert_span(found.dkim[1].domain, "x.example", NULL);
    dsn_assert_span(found.dmarc.result, "pass", NULL);
    dsn_assert_span(found.dmarc.domain, "isp.example", NULL);
    ck_assert(!found.authenticated);
    g_ptr_array_unref(options.authserv_ids);
}
END_TEST

START_TEST(stops_at_caps)
{
    DsnAuthenticationOptions options = make_options("mx.ours.example", 1);
    g_autoptr(GString) many = g_string_new(MX);
    g_autofree char *filler = g_strnfill(16 * 1024, 'x');
    g_autofree char *longer = g_strconcat(MX "x=", filler, "; " GOOD_SPF, NULL);
    g_auto(DsnAuthentication) found;

    for (int i = 0; i <= DSN_SIGNATURES_MAX; i++)
        g_string_append(many, "dkim=none; ");
    dsn_authentication_read(&options, (DsnSpan){many->str, many->len}, &found);
    ck_assert_uint_eq(found.n_dkim, DSN_SIGNATURES_MAX);
    ck_assert_uint_eq(
        dsn_sender_authentication(&options, dsn_span(longer), DSN_SPAN_LITERAL("a@shop.example")),
        0);
    g_ptr_array_unref(options.authserv_ids);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("authentication");
    TCase *tcase = tcase_create("header");

    tcase_add_loop_test(tcase, believes_its_own_hosts, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, believes_nobody_unless_told_to);
    tcase_add_test(tcase, tells_what_was_found);
    tcase_add_test(tcase, stops_at_caps);
    suite_add_tcase(suite, tcase);
    return suite;
}
