/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/http-auth.h"
#include "tests/support/unit.h"

static DsnPoster acme = {.name = "acme", .token = "of-acme"};
static DsnPoster shop = {.name = "shop", .token = "of:shop="};
static DsnPoster everybody = {.token = "s3cret"};
static DsnPoster local = {.token = NULL};

static DsnHttpKeys *
make_keys(bool with_local)
{
    g_autoptr(GPtrArray) posters = g_ptr_array_new();

    g_ptr_array_add(posters, &acme);
    g_ptr_array_add(posters, &shop);
    g_ptr_array_add(posters, with_local ? &local : &everybody);
    return dsn_http_keys_new(posters);
}

#define AUTHORIZATION "Authorization"

static const struct {
    const char *header, *value;
    const DsnPoster *poster;
} rows[] = {
    {AUTHORIZATION, "s3cret", &everybody},
    {AUTHORIZATION, " s3cret\t", &everybody},
    {AUTHORIZATION, "Bearer s3cret", &everybody},
    {AUTHORIZATION, "BEARER  s3cret", &everybody},
    {"authorization", "bearer of-acme", &acme},
    {AUTHORIZATION, "Bearer of:shop=", &shop},
    {AUTHORIZATION, "Basic OnMzY3JldA==", &everybody},         /* :s3cret */
    {AUTHORIZATION, "Basic czNjcmV0Og==", &everybody},         /* s3cret: */
    {AUTHORIZATION, "basic dXNlcjpvZjpzaG9wPQ==", &shop},      /* user:of:shop= */
    {AUTHORIZATION, "Basic b2YtYWNtZTpzM2NyZXQ=", &everybody}, /* of-acme:s3cret */
    {AUTHORIZATION, "Basic czNjcmV0", NULL},                   /* s3cret */
    {AUTHORIZATION, "Basic Og==", NULL},                       /* : */
    {AUTHORIZATION, "Basic ", NULL},
    {AUTHORIZATION, "Basic", NULL},
    {AUTHORIZATION, "Basic =", NULL},
    {AUTHORIZATION, "Basic \xff\xfe!!", NULL},
    {AUTHORIZATION, "Bearer", NULL},
    {AUTHORIZATION, "Bearer ", NULL},
    {AUTHORIZATION, "Bearers3cret", NULL},
    {AUTHORIZATION, "Bearer s3cret x", NULL},
    {AUTHORIZATION, "Token s3cret", NULL},
    {AUTHORIZATION, "s3cre", NULL},
    {AUTHORIZATION, "s3crets", NULL},
    {AUTHORIZATION, "S3CRET", NULL},
    {AUTHORIZATION, "", NULL},
    {AUTHORIZATION, NULL, NULL},
    {"X-Token", "s3cret", &everybody},
    {"X-Token", "of-acme", &acme},
    {"X-Token", "Bearer s3cret", NULL},
    {"X-Token", "Basic OnMzY3JldA==", NULL},
    {"X-Token", NULL, NULL},
};

START_TEST(finds_the_poster)
{
    g_autoptr(DsnHttpKeys) keys = make_keys(false);

    for (int is_local = 0; is_local < 2; is_local++)
        ck_assert_msg(dsn_http_keys_find(keys, rows[_i].header, dsn_span(rows[_i].value),
                                         is_local != 0) == rows[_i].poster,
                      "%s: %s", rows[_i].header, rows[_i].value);
}
END_TEST

START_TEST(takes_bytes_as_they_are)
{
    g_autoptr(DsnHttpKeys) keys = make_keys(false);

    ck_assert_ptr_null(dsn_http_keys_find(keys, "X-Token", DSN_SPAN_LITERAL("s3cret\0"), false));
    ck_assert_ptr_null(dsn_http_keys_find(keys, "X-Token", DSN_SPAN_LITERAL("s3cret\0x"), false));
    ck_assert_ptr_null(
        dsn_http_keys_find(keys, AUTHORIZATION, DSN_SPAN_LITERAL("Basic OnMzY3Jld\0A=="), false));
}
END_TEST

/* Whoever needs no token needs a local connection; a token that is given is still looked at. */
START_TEST(lets_local_ones_in)
{
    g_autoptr(DsnHttpKeys) keys = make_keys(true);
    DsnSpan none = DSN_SPAN_ABSENT;

    ck_assert_ptr_eq(dsn_http_keys_find(keys, AUTHORIZATION, none, true), &local);
    ck_assert_ptr_eq(dsn_http_keys_find(keys, AUTHORIZATION, dsn_span("any"), true), &local);
    ck_assert_ptr_eq(dsn_http_keys_find(keys, AUTHORIZATION, dsn_span("of-acme"), true), &acme);
    ck_assert_ptr_eq(dsn_http_keys_find(keys, AUTHORIZATION, dsn_span("of-acme"), false), &acme);
    ck_assert_ptr_null(dsn_http_keys_find(keys, AUTHORIZATION, none, false));
    ck_assert_ptr_null(dsn_http_keys_find(keys, AUTHORIZATION, dsn_span(""), false));
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("http-auth");
    TCase *tcase = tcase_create("http-auth");

    tcase_add_loop_test(tcase, finds_the_poster, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, takes_bytes_as_they_are);
    tcase_add_test(tcase, lets_local_ones_in);
    suite_add_tcase(suite, tcase);
    return suite;
}
