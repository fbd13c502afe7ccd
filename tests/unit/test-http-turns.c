/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/http-turns.h"
#include "tests/support/unit.h"

/* Who comes late with one request is next, however many another one has before it. */
START_TEST(each_in_turn)
{
    g_autoptr(DsnHttpTurns) turns = dsn_http_turns_new();
    guint64 many[100];

    for (size_t i = 0; i < G_N_ELEMENTS(many); i++) {
        many[i] = dsn_http_turns_enter(turns, "many");
        ck_assert(i == 0 || many[i] > many[i - 1]);
    }
    dsn_http_turns_serve(turns, many[0]);
    dsn_http_turns_serve(turns, many[1]);
    guint64 first = dsn_http_turns_enter(turns, "few");
    guint64 second = dsn_http_turns_enter(turns, "few");
    ck_assert_uint_le(first, many[2]);
    ck_assert_uint_gt(second, many[2]);
    ck_assert_uint_le(second, many[3]);
}
END_TEST

/* Nobody saves turns up by staying away. */
START_TEST(nothing_is_saved)
{
    g_autoptr(DsnHttpTurns) turns = dsn_http_turns_new();

    (void)dsn_http_turns_enter(turns, "away"); /* its number does not matter */
    for (guint i = 0; i < 100; i++)
        dsn_http_turns_serve(turns, dsn_http_turns_enter(turns, "busy"));
    guint64 next = dsn_http_turns_enter(turns, "busy");
    ck_assert_uint_eq(dsn_http_turns_enter(turns, "away"), next);
}
END_TEST

/* Names are not kept for ever. */
START_TEST(forgets)
{
    g_autoptr(DsnHttpTurns) turns = dsn_http_turns_new();

    for (guint i = 0; i < 10000; i++) {
        g_autofree char *name = g_strdup_printf("%u", i);

        dsn_http_turns_serve(turns, dsn_http_turns_enter(turns, name));
    }
    ck_assert_uint_le(dsn_http_turns_count(turns), 64);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("http-turns");
    TCase *tcase = tcase_create("turns");

    tcase_add_test(tcase, each_in_turn);
    tcase_add_test(tcase, nothing_is_saved);
    tcase_add_test(tcase, forgets);
    suite_add_tcase(suite, tcase);
    return suite;
}
