/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "tests/support/spool.h"
#include "tests/support/unit.h"

/* More than three steps of a sweep. */
#define MANY 3500
#define DAY ((int64_t)86400)

static DsnTestSpool test;

static void
set_up(void)
{
    dsn_test_spool_init(&test);
}

static void
tear_down(void)
{
    dsn_test_spool_clear(&test);
}

typedef DsnSeen (*Look)(DsnSpool *spool, const DsnKey *key);

/* Counts the keys that are known, of the numbers from 1 to MANY. */
static guint
count_seen(Look look, int64_t time)
{
    guint count = 0;

    for (guint64 i = 1; i <= MANY; i++) {
        DsnKey key = dsn_test_key(i, time);
        count += look(test.spool, &key) != DSN_SEEN_NOT;
    }
    return count;
}

static void
wait_until_gone(Look look, int64_t time)
{
    const int64_t until = g_get_monotonic_time() + 60 * G_TIME_SPAN_SECOND;

    while (count_seen(look, time) > 0 && g_get_monotonic_time() < until)
        g_usleep(50000);
    ck_assert_uint_eq(count_seen(look, time), 0);
}

static void
reopen_keeping(int64_t keep)
{
    test.options.keep = keep;
    dsn_test_spool_reopen(&test);
}

START_TEST(events_go_by_their_own_time)
{
    int64_t now = g_get_real_time() / G_USEC_PER_SEC;
    DsnDeposit *deposit = dsn_deposit_new(false);
    DsnKey young = dsn_test_key(1, now - DAY);

    for (guint64 i = 1; i <= MANY; i++)
        dsn_test_add_event(deposit, i, NULL)->key.time = now - 10 * DAY;
    dsn_test_add_event(deposit, 1, NULL)->key.time = young.time;
    ck_assert_int_eq(dsn_test_store(test.spool, deposit), DSN_ITEM_STORED);
    ck_assert_uint_eq(count_seen(dsn_spool_look_event, now - 10 * DAY), MANY);
    reopen_keeping(9 * DAY);
    wait_until_gone(dsn_spool_look_event, now - 10 * DAY);
    ck_assert_int_eq(dsn_spool_look_event(test.spool, &young), DSN_SEEN_BEFORE);
    reopen_keeping(DAY / 2);
    wait_until_gone(dsn_spool_look_event, young.time);
}
END_TEST

START_TEST(a_bucket_is_five_minutes)
{
    static const struct {
        int64_t time;
        DsnSeen want;
    } times[] = {{1700000100, DSN_SEEN_BEFORE}, {1700000399, DSN_SEEN_BEFORE},
                 {1700000099, DSN_SEEN_NOT},    {1700000400, DSN_SEEN_NOT},
                 {G_MAXINT64, DSN_SEEN_NOT},    {G_MININT64, DSN_SEEN_NOT}};
    DsnDeposit *deposit = dsn_deposit_new(false);

    reopen_keeping(G_MAXINT32);
    dsn_test_add_event(deposit, 1, NULL)->key.time = 1700000200;
    ck_assert_int_eq(dsn_test_store(test.spool, deposit), DSN_ITEM_STORED);
    for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
        DsnKey key = dsn_test_key(1, times[i].time);
        ck_assert_msg(dsn_spool_look_event(test.spool, &key) == times[i].want, "%zu", i);
    }
}
END_TEST

/* The keys of notices and messages, by when they were stored, whatever time stands in them. */
START_TEST(others_go_by_when_they_were_stored)
{
    DsnDeposit *deposit = dsn_deposit_new(false);

    for (guint64 i = 1; i <= MANY; i += 10)
        (void)dsn_test_add_event(deposit, i, dsn_test_notice("x", i, 10));
    for (guint64 i = 1; i <= MANY; i++)
        (void)dsn_test_add_message(deposit, i);
    ck_assert_int_eq(dsn_test_store(test.spool, deposit), DSN_ITEM_STORED);
    ck_assert_uint_eq(count_seen(dsn_spool_look_notice, 0), MANY);
    ck_assert_uint_eq(count_seen(dsn_spool_look_message, 0), MANY);
    reopen_keeping(3600); /* a sweep takes all of them into the hand, and keeps them */
    g_usleep(500000);
    ck_assert_uint_eq(count_seen(dsn_spool_look_notice, 0), MANY);
    ck_assert_uint_eq(count_seen(dsn_spool_look_message, 0), MANY);
    reopen_keeping(1);
    wait_until_gone(dsn_spool_look_notice, 0);
    wait_until_gone(dsn_spool_look_message, 0);

    DsnSpoolState state; /* the notices themselves stay */
    dsn_spool_state(test.spool, &state);
    ck_assert_uint_eq(state.waiting, MANY / 10);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("spool-keys");
    TCase *tcase = tcase_create("keys");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, events_go_by_their_own_time);
    tcase_add_test(tcase, a_bucket_is_five_minutes);
    tcase_add_test(tcase, others_go_by_when_they_were_stored);
    suite_add_tcase(suite, tcase);
    return suite;
}
