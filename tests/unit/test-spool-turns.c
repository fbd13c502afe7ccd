/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/spool-private.h"
#include "tests/support/spool.h"
#include "tests/support/unit.h"

static DsnTestSpool test;
static guint64 number; /* of the last entry */

static void
set_up(void)
{
    dsn_test_spool_init(&test);
    number = 0;
}

static void
tear_down(void)
{
    dsn_test_spool_clear(&test);
}

static DsnSpoolNotice *
notice_of(const char *tenant)
{
    number++;
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, number);
    DsnSpoolNotice *notice = dsn_test_notice(text, number, 1);

    notice->tenant = g_strdup(tenant);
    return notice;
}

static void
store(const char *tenant, guint count)
{
    DsnDeposit *deposit = dsn_deposit_new(false);

    for (guint i = 0; i < count; i++) {
        DsnSpoolNotice *notice = notice_of(tenant);

        (void)dsn_test_add_event(deposit, number, notice); /* nothing to add to it */
    }
    ck_assert_int_eq(dsn_test_store(test.spool, deposit), DSN_ITEM_STORED);
}

static GPtrArray *
take(unsigned max)
{
    GPtrArray *notices = g_ptr_array_new_with_free_func((GDestroyNotify)dsn_waiting_notice_free);

    ck_assert(dsn_spool_take_notices(test.spool, NULL, max, 0, notices));
    return notices;
}

/* "1-4 21": the entries that are due, up to @max, those in a row together. */
static char *
take_text(unsigned max)
{
    g_autoptr(GPtrArray) notices = take(max);
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < notices->len;) {
        int64_t first = ((const DsnWaitingNotice *)notices->pdata[i++])->entry;
        int64_t last = first;

        while (i < notices->len &&
               ((const DsnWaitingNotice *)notices->pdata[i])->entry == last + 1) {
            last++;
            i++;
        }
        g_string_append_printf(text, "%s%" G_GINT64_FORMAT, text->len == 0 ? "" : " ", first);
        if (last > first)
            g_string_append_printf(text, "-%" G_GINT64_FORMAT, last);
    }
    return g_string_free(text, FALSE);
}

#define ck_assert_taken(max, want)                    \
    do {                                              \
        g_autofree char *taken_text = take_text(max); \
        ck_assert_str_eq(taken_text, want);           \
    } while (0)

static void
settle(int64_t first, int64_t last, DsnSettled how, int64_t when)
{
    static const char *const none[] = {NULL};
    guint64 dropped;

    for (int64_t entry = first; entry <= last; entry++)
        dsn_spool_settle(test.spool, entry, how, when, "450 later");
    /* settling does not wait: another commit behind it does */
    ck_assert(dsn_spool_set_outlets(test.spool, none, &dropped, NULL));
}

/* Who has many does not keep out who came later with a few; inside a tenant the oldest go first. */
START_TEST(each_in_turn)
{
    store("many", 40);
    store(NULL, 3);
    store("few", 10);
    ck_assert_taken(12, "1-4 41-47 5");
    ck_assert_taken(12, "48-51 6-9 52-53 10-11");
    store("few", 1);
    ck_assert_taken(3, "12-14");
    ck_assert_taken(100, "54 15-40");
    ck_assert_taken(100, "");
}
END_TEST

/* One at a time, as for a relay that is slow. */
START_TEST(one_at_a_time)
{
    store("a", 3);
    store("b", 2);
    ck_assert_taken(1, "1");
    ck_assert_taken(1, "4");
    ck_assert_taken(1, "2");
    ck_assert_taken(1, "5");
    ck_assert_taken(1, "3");
    ck_assert_taken(1, "");
}
END_TEST

/* Who waits is found after a start too, whoever it is. */
START_TEST(after_a_start)
{
    store("many", 20);
    store("few", 2);
    store(NULL, 1);
    ck_assert_taken(8, "1-4 21-23 5");
    settle(1, 1, DSN_SETTLED_SENT, 0);
    settle(2, 3, DSN_SETTLED_RETRY, 1);
    dsn_test_spool_reopen(&test);
    ck_assert_taken(8, "2-3 23 21-22 4-6");
    store("later", 1);
    ck_assert_taken(6, "7-10 24 11");
}
END_TEST

/* Retries take turns as first attempts do, and both take turns with the other. */
START_TEST(retries_in_turn)
{
    store("many", 30);
    store("few", 4);
    ck_assert_taken(100, "1-4 31-34 5-30");
    settle(1, 30, DSN_SETTLED_RETRY, 1);
    settle(31, 34, DSN_SETTLED_RETRY, 2);
    store("new", 20);
    ck_assert_taken(16, "1-4 31-42");
    ck_assert_taken(100, "5-30 43-54");
    settle(5, 5, DSN_SETTLED_BACK, 0);
    ck_assert_taken(2, "5");
}
END_TEST

/* A tenant with a notice whose time has not come keeps nobody else. */
START_TEST(held_for_itself)
{
    DsnSpoolNotice *held = notice_of("held");
    const int64_t due = g_get_real_time() + 4 * G_TIME_SPAN_SECOND; /* time for all before it */
    g_autoptr(GPtrArray) notices =
        g_ptr_array_new_with_free_func((GDestroyNotify)dsn_waiting_notice_free);

    held->due = due;
    ck_assert_int_eq(dsn_test_store_event(test.spool, number, held), DSN_ITEM_STORED);
    store("held", 1);
    store("other", 1);
    ck_assert_taken(10, "3");
    ck_assert(dsn_spool_take_notices(test.spool, NULL, 10, 30 * G_TIME_SPAN_SECOND, notices));
    ck_assert_int_ge(g_get_real_time(), due);
    ck_assert_uint_eq(notices->len, 2);
}
END_TEST

static DsnSpoolNotice *
grouped(const char *tenant, guint64 group)
{
    DsnSpoolNotice *notice = notice_of(tenant);

    notice->group = dsn_test_key(group, 0);
    notice->sources = g_bytes_new_static("{}", 2);
    return notice;
}

static bool
is_open(guint64 group)
{
    const DsnKey key = dsn_test_key(group, 0);
    g_auto(DsnOpenNotice) open = {0};

    return dsn_spool_look_open(test.spool, &key, &open);
}

/* What another tenant was handed closes nothing; one's own is closed for good, whatever becomes of
 * it, and so is what lies below it. */
START_TEST(open_for_each)
{
    static const char *const tenants[] = {"a", "b", NULL};
    static const char *const none[] = {NULL};
    guint64 moved;

    for (guint64 i = 1; i <= 9; i++)
        ck_assert_int_eq(dsn_test_store_event(test.spool, i, grouped(tenants[(i - 1) % 3], i)),
                         DSN_ITEM_STORED);
    ck_assert_taken(1, "1");
    ck_assert_taken(1, "2");
    for (guint64 i = 1; i <= 9; i++)
        ck_assert(is_open(i) == (i > 2));
    settle(1, 2, DSN_SETTLED_BACK, 0);
    dsn_test_spool_reopen(&test);
    for (guint64 i = 1; i <= 9; i++)
        ck_assert(is_open(i) == (i > 2));
    /* and not for one relay only */
    ck_assert(dsn_spool_set_relays(test.spool, none, &moved, NULL));
    ck_assert_taken(4, "3 6 9 1"); /* nobody's name sorts first */
    for (guint64 i = 1; i <= 9; i++)
        ck_assert(is_open(i) == (i == 4 || i == 5 || i == 7 || i == 8));
}
END_TEST

/* Each of very many gets its turn, whether it came while the spool was open or before. */
START_TEST(very_many)
{
    enum { TENANTS = 10000 };
    DsnDeposit *deposit = dsn_deposit_new(false);

    store("many", 1000);
    for (guint i = 0; i < 2 * TENANTS; i++) {
        g_autofree char *tenant = g_strdup_printf("tenant-%u", i % TENANTS);
        DsnSpoolNotice *notice = notice_of(tenant);

        (void)dsn_test_add_event(deposit, number, notice); /* nothing to add to it */
    }
    ck_assert_int_eq(dsn_test_store(test.spool, deposit), DSN_ITEM_STORED);
    if (_i == 1)
        dsn_test_spool_reopen(&test);
    guint of_many = 0;
    for (guint left = 2 * TENANTS; left > 0;) {
        g_autoptr(GPtrArray) notices = take(500);

        ck_assert_uint_gt(notices->len, 0);
        for (guint i = 0; i < notices->len; i++) {
            bool many = ((const DsnWaitingNotice *)notices->pdata[i])->entry <= 1000;

            of_many += many;
            left -= !many;
        }
    }
    ck_assert_uint_le(of_many, 500); /* all others went before it had its third turn */
}
END_TEST

/* ---- a clock that is wrong ---- */

/* A clock that was ahead for a year, and right again since, keeps back nothing for a year. */
START_TEST(far_ahead)
{
    const int64_t year = 365 * G_TIME_SPAN_DAY;

    store("a", 4);
    ck_assert_taken(10, "1-4");
    settle(1, 1, DSN_SETTLED_RETRY, dsn_spool_now(test.spool) + year);
    settle(2, 2, DSN_SETTLED_RETRY, dsn_spool_now(test.spool) + G_TIME_SPAN_HOUR);
    settle(3, 3, DSN_SETTLED_RETRY, 1);
    settle(4, 4, DSN_SETTLED_RETRY, dsn_spool_now(test.spool) + 2 * year);
    if (_i == 1)
        dsn_test_spool_reopen(&test);
    ck_assert_taken(10, "3 1 4");
    ck_assert_taken(10, "");
}
END_TEST

/* ---- the turns alone ---- */

START_TEST(times_of_turns)
{
    DsnTurns turns;

    dsn_turns_init(&turns);
    ck_assert_int_eq(dsn_turns_next_time(&turns), G_MAXINT64);
    dsn_turn_later(dsn_turn(&turns, "c"), 300);
    dsn_turn_later(dsn_turn(&turns, "a"), 200);
    dsn_turn_later(dsn_turn(&turns, "b"), 100);
    dsn_turn_later(dsn_turn(&turns, "b"), 250); /* the earlier one stays */
    dsn_turn_later(dsn_turn(&turns, "c"), 150);
    ck_assert_int_eq(dsn_turns_next_time(&turns), 100);
    ck_assert_uint_eq(dsn_turns_ready(&turns, 99), 0);
    ck_assert_ptr_null(dsn_turns_next(&turns));
    ck_assert_uint_eq(dsn_turns_ready(&turns, 150), 2);
    ck_assert_int_eq(dsn_turns_next_time(&turns), 0);
    ck_assert_str_eq(dsn_turn_tenant(dsn_turns_next(&turns)), "b");
    dsn_turn_later(dsn_turn(&turns, "c"), 400); /* it has something now */
    dsn_turn_ready(dsn_turn(&turns, "a"));
    dsn_turn_ready(dsn_turn(&turns, "a"));
    ck_assert_str_eq(dsn_turn_tenant(dsn_turns_next(&turns)), "c");
    ck_assert_str_eq(dsn_turn_tenant(dsn_turns_next(&turns)), "a");
    ck_assert_ptr_null(dsn_turns_next(&turns));
    ck_assert_int_eq(dsn_turns_next_time(&turns), G_MAXINT64);
    ck_assert_ptr_eq(dsn_turn(&turns, NULL), dsn_turn(&turns, ""));
    dsn_turns_clear(&turns);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("spool-turns");
    TCase *tcase = tcase_create("turns");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, each_in_turn);
    tcase_add_test(tcase, one_at_a_time);
    tcase_add_test(tcase, after_a_start);
    tcase_add_test(tcase, retries_in_turn);
    tcase_add_test(tcase, held_for_itself);
    tcase_add_test(tcase, open_for_each);
    tcase_add_loop_test(tcase, very_many, 0, 2);
    tcase_add_loop_test(tcase, far_ahead, 0, 2);
    tcase_add_test(tcase, times_of_turns);
    suite_add_tcase(suite, tcase);
    return suite;
}
