/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/spool-private.h"
#include "tests/support/spool.h"
#include "tests/support/unit.h"

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

/* ---- queues ---- */

typedef struct Wanted {
    const char *name;
    guint64 records;
    bool waits; /* something is there, not older than this test */
    bool seen;
} Wanted;

static int64_t begun;
static guint others; /* that nobody has asked for */

static void
compare(const char *name, guint64 records, int64_t oldest, gpointer user)
{
    for (Wanted *wanted = user; wanted->name != NULL; wanted++) {
        if (!g_str_equal(wanted->name, name))
            continue;
        wanted->seen = records == wanted->records && (oldest >= begun) == wanted->waits &&
                       (oldest == 0) == !wanted->waits;
        return;
    }
    others++;
}

/* Polls until what each() tells is what is wanted: the spool looks once a second. */
static void
expect(void (*each)(DsnSpool *spool, DsnSpoolEach each, gpointer user), Wanted *wanted)
{
    const int64_t until = g_get_monotonic_time() + 120 * G_TIME_SPAN_SECOND;
    bool all;

    do {
        others = 0;
        for (Wanted *one = wanted; one->name != NULL; one++)
            one->seen = false;
        each(test.spool, compare, wanted);
        all = others == 0;
        for (const Wanted *one = wanted; one->name != NULL; one++)
            all &= one->seen;
        if (!all)
            g_usleep(20000);
    } while (!all && g_get_monotonic_time() < until);
    ck_assert_uint_eq(others, 0);
    for (const Wanted *one = wanted; one->name != NULL; one++)
        ck_assert_msg(one->seen, "%s", one->name);
}

START_TEST(each_relay)
{
    static const char *const names[] = {"a", "b", NULL};
    DsnSpoolNotice *notice = dsn_test_notice("x", 1, 1);
    guint64 moved;

    begun = g_get_real_time() / G_USEC_PER_SEC;
    notice->relay = g_strdup("a");
    ck_assert(dsn_spool_set_relays(test.spool, names, &moved, NULL));
    ck_assert_int_eq(dsn_test_store_event(test.spool, 1, notice), DSN_ITEM_STORED);
    ck_assert_int_eq(dsn_test_store_event(test.spool, 2, dsn_test_notice("y", 2, 1)),
                     DSN_ITEM_STORED);
    Wanted both[] = {
        {"default", 0, true, false}, {"a", 0, true, false}, {"b", 0, false, false}, {0}};
    expect(dsn_spool_each_relay, both);
    g_autoptr(DsnWaitingNotice) taken = dsn_test_take(test.spool);
    dsn_spool_settle(test.spool, taken->entry, DSN_SETTLED_SENT, 0, "250 ok");
    Wanted one[] = {
        {"default", 0, false, false}, {"a", 0, true, false}, {"b", 0, false, false}, {0}};
    expect(dsn_spool_each_relay, one);
    static const char *const only_b[] = {"b", NULL};
    ck_assert(dsn_spool_set_relays(test.spool, only_b, &moved, NULL));
    Wanted none[] = {{"default", 0, true, false}, {"b", 0, false, false}, {0}};
    expect(dsn_spool_each_relay, none);
}
END_TEST

START_TEST(each_outlet)
{
    static const char *const names[] = {"fast", "slow", NULL};
    DsnDeposit *deposit = dsn_deposit_new(false);
    guint64 dropped;

    begun = g_get_real_time() / G_USEC_PER_SEC;
    ck_assert(dsn_spool_set_outlets(test.spool, names, &dropped, NULL));
    DsnItem *item = dsn_test_add_event(deposit, 1, NULL);
    for (guint i = 0; i < 3; i++)
        dsn_test_add_line(item, DSN_RECORD_BOUNCE, "{}\n");
    ck_assert_int_eq(dsn_test_store(test.spool, deposit), DSN_ITEM_STORED);
    Wanted new[] = {{"fast", 3, true, false}, {"slow", 3, true, false}, {0}};
    expect(dsn_spool_each_outlet, new);
    ck_assert(dsn_spool_advance(test.spool, "fast", 3, NULL, NULL));
    ck_assert(dsn_spool_advance(test.spool, "slow", 1, NULL, NULL));
    Wanted later[] = {{"fast", 0, false, false}, {"slow", 2, true, false}, {0}};
    expect(dsn_spool_each_outlet, later);
}
END_TEST

/* ---- readiness ---- */

#define ck_assert_unready(want)                                             \
    do {                                                                    \
        g_autofree char *why = dsn_spool_unready(test.spool);               \
        ck_assert(!dsn_spool_is_ready(test.spool));                         \
        ck_assert_msg(why != NULL && strstr(why, want) != NULL, "%s", why); \
    } while (0)

START_TEST(unready_when_full)
{
    g_clear_pointer(&test.spool, dsn_spool_close);
    test.options.max_size = 1;
    dsn_test_spool_reopen(&test);
    ck_assert_unready("full: spool.max_size is reached");
    g_clear_pointer(&test.spool, dsn_spool_close);
    test.options.max_size = (size_t)1 << 40;
    test.options.min_free = G_MAXSIZE / 4;
    dsn_test_spool_reopen(&test);
    ck_assert_unready("full: less than spool.min_free is left");
    g_clear_pointer(&test.spool, dsn_spool_close);
    test.options.min_free = 0;
    dsn_test_spool_reopen(&test);
    g_autofree char *why = dsn_spool_unready(test.spool);
    ck_assert_ptr_null(why);
    ck_assert(dsn_spool_is_ready(test.spool));
}
END_TEST

typedef struct Stuck {
    DsnJob job;
    GMutex lock;
    GCond go;
    bool may_go;
} Stuck;

/* A disk that does not answer. */
static bool
run_stuck(DsnSpool *spool, DsnJob *job, GError **error)
{
    Stuck *stuck = (Stuck *)job;

    (void)spool;
    (void)error;
    g_mutex_lock(&stuck->lock);
    while (!stuck->may_go)
        g_cond_wait(&stuck->go, &stuck->lock);
    g_mutex_unlock(&stuck->lock);
    return true;
}

START_TEST(unready_when_stuck)
{
    const int64_t until = g_get_monotonic_time() + 120 * G_TIME_SPAN_SECOND;
    Stuck stuck = {.job = {.run = run_stuck, .items = 1}};

    g_mutex_init(&stuck.lock);
    g_cond_init(&stuck.go);
    g_cond_init(&stuck.job.finished);
    g_mutex_lock(&test.spool->lock);
    test.spool->stuck_after = G_TIME_SPAN_SECOND;
    dsn_spool_push(test.spool, DSN_LANE_WORK, &stuck.job);
    g_mutex_unlock(&test.spool->lock);
    while (dsn_spool_is_ready(test.spool) && g_get_monotonic_time() < until)
        g_usleep(10000);
    ck_assert_unready("busy with one commit for");
    g_mutex_lock(&stuck.lock);
    stuck.may_go = true;
    g_cond_signal(&stuck.go);
    g_mutex_unlock(&stuck.lock);
    ck_assert(dsn_spool_wait_job(test.spool, &stuck.job, -1));
    while (!dsn_spool_is_ready(test.spool) && g_get_monotonic_time() < until)
        g_usleep(10000);
    ck_assert(dsn_spool_is_ready(test.spool));
    g_cond_clear(&stuck.job.finished);
    g_cond_clear(&stuck.go);
    g_mutex_clear(&stuck.lock);
}
END_TEST

/* ---- the clock ---- */

static int64_t
clock_off(void)
{
    return g_get_real_time() - dsn_spool_now(test.spool);
}

/* One that was set is not believed at once, but when it has stayed so. */
START_TEST(clock_that_is_set)
{
    const int64_t until = g_get_monotonic_time() + 120 * G_TIME_SPAN_SECOND;

    ck_assert_int_lt(ABS(clock_off()), G_TIME_SPAN_SECOND);
    g_clear_pointer(&test.spool, dsn_spool_close);
    dsn_test_spool_reopen(&test);
    __atomic_store_n(&test.spool->epoch, test.spool->epoch - _i * G_TIME_SPAN_DAY,
                     __ATOMIC_RELAXED);
    g_usleep(2500000); /* it has looked */
    ck_assert_int_lt(ABS(clock_off() - _i * G_TIME_SPAN_DAY), G_TIME_SPAN_SECOND);
    __atomic_store_n(&test.spool->settle_after, 0, __ATOMIC_RELAXED);
    while (ABS(clock_off()) > G_TIME_SPAN_SECOND && g_get_monotonic_time() < until)
        g_usleep(10000);
    ck_assert_int_lt(ABS(clock_off()), G_TIME_SPAN_SECOND);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("spool-state");
    TCase *tcase = tcase_create("state");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, each_relay);
    tcase_add_test(tcase, each_outlet);
    tcase_add_test(tcase, unready_when_full);
    tcase_add_test(tcase, unready_when_stuck);
    tcase_add_loop_test(tcase, clock_that_is_set, -1, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}
