/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "tests/support/spool.h"
#include "tests/support/unit.h"

#include <sqlite3.h>

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

/* ---- a writer that has to wait, because somebody else has the database ---- */

static sqlite3 *
hold_writer(void)
{
    g_autofree char *path = g_build_filename(test.directory, "spool.db", NULL);
    sqlite3 *db;

    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    return db;
}

static void
let_go(sqlite3 *db)
{
    ck_assert_int_eq(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

static DsnDeposit *
submit(guint64 first, guint count, const char *text, bool urgent)
{
    DsnDeposit *deposit = dsn_deposit_new(urgent);

    for (guint64 i = first; i < first + count; i++)
        (void)dsn_test_add_event(deposit, i, dsn_test_notice(text, i, 1));
    dsn_spool_submit(test.spool, deposit);
    return deposit;
}

static void
finish(DsnDeposit *deposit)
{
    ck_assert(dsn_spool_wait(test.spool, deposit, -1));
    ck_assert_ptr_null(deposit->error);
    dsn_deposit_free(deposit);
}

START_TEST(urgent_before_bulk)
{
    sqlite3 *db = hold_writer();
    DsnDeposit *first = submit(1, 10, "bulk", false);
    DsnDeposit *second = submit(101, 10, "bulk", false);
    DsnDeposit *urgent = submit(201, 1, "urgent", true);

    ck_assert(!dsn_spool_wait(test.spool, urgent, g_get_monotonic_time() + 20000));
    let_go(db);
    finish(first);
    finish(second);
    finish(urgent);
    g_autoptr(DsnWaitingNotice) notice = dsn_test_take(test.spool);
    dsn_assert_bytes(g_bytes_get_data(notice->bytes, NULL), g_bytes_get_size(notice->bytes),
                     "urgent", 6);
}
END_TEST

/* But bulk is not kept waiting for ever by a stream of urgent work. */
START_TEST(bulk_has_its_turn)
{
    sqlite3 *db = hold_writer();
    DsnDeposit *bulk = submit(1, 1, "bulk", false);
    DsnDeposit *urgent = submit(1000, 1, "urgent", true);
    guint64 number = 1001;

    let_go(db);
    while (!dsn_spool_wait(test.spool, bulk, 0) && number < 1500) {
        DsnDeposit *next = submit(number++, 1, "urgent", true);

        finish(urgent);
        urgent = next;
    }
    finish(urgent);
    ck_assert(dsn_spool_wait(test.spool, bulk, 0));
    ck_assert_uint_lt(number, 1010);
    finish(bulk);
}
END_TEST

typedef struct Submitter {
    guint submitted; /* atomic */
    DsnDeposit *deposits[6];
} Submitter;

static gpointer
submit_in_thread(gpointer data)
{
    Submitter *submitter = data;
    g_autofree char *text = g_strnfill(20 << 20, 'x');

    for (guint i = 0; i < G_N_ELEMENTS(submitter->deposits); i++) {
        submitter->deposits[i] = submit(i + 1, 1, text, false);
        g_atomic_int_inc(&submitter->submitted);
    }
    return NULL;
}

START_TEST(bulk_waits_for_room)
{
    Submitter submitter = {.submitted = 0};

    test.options.large = 1 << 30; /* in the database, and so in memory */
    dsn_test_spool_reopen(&test);
    sqlite3 *db = hold_writer();
    GThread *thread = g_thread_new("submit", submit_in_thread, &submitter);
    const int64_t until = g_get_monotonic_time() + 8 * G_TIME_SPAN_SECOND;
    while (g_atomic_int_get(&submitter.submitted) < 3 && g_get_monotonic_time() < until)
        g_usleep(1000);
    g_usleep(100000);
    ck_assert_int_eq(g_atomic_int_get(&submitter.submitted), 3); /* 60 MiB */
    DsnDeposit *urgent = submit(100, 1, "urgent", true);
    let_go(db);
    finish(urgent);
    (void)g_thread_join(thread); /* it returns nothing */
    for (guint i = 0; i < G_N_ELEMENTS(submitter.deposits); i++)
        finish(submitter.deposits[i]);
}
END_TEST

START_TEST(closing_commits_everything)
{
    sqlite3 *db = hold_writer();
    DsnDeposit *deposits[20];
    DsnSpoolState state;

    for (guint i = 0; i < G_N_ELEMENTS(deposits); i++)
        deposits[i] = submit(1000 * i, 100, "x", i % 2 == 0);
    let_go(db);
    g_clear_pointer(&test.spool, dsn_spool_close);
    dsn_test_spool_reopen(&test);
    dsn_spool_state(test.spool, &state);
    ck_assert_uint_eq(state.waiting, 2000);
    for (guint i = 0; i < G_N_ELEMENTS(deposits); i++) {
        ck_assert_ptr_null(deposits[i]->error);
        dsn_deposit_free(deposits[i]);
    }
}
END_TEST

/* ---- everything at once ---- */

#define DEPOSITORS 4
#define DEPOSITS 60
#define ITEMS 7
#define SENDERS 3

typedef struct Bustle {
    GMutex lock;
    GHashTable *sent; /* texts of notices, each once */
    guint twice;
    int done; /* atomic: all deposits are in */
    gint number;
} Bustle;

static gpointer
deposit_in_thread(gpointer data)
{
    Bustle *bustle = data;
    guint64 base = (guint64)g_atomic_int_add(&bustle->number, 1) * 1000000;

    for (guint i = 0; i < DEPOSITS; i++) {
        DsnDeposit *deposit = dsn_deposit_new(i % 3 == 0);

        for (guint j = 0; j < ITEMS; j++) {
            guint64 number = base + i * 100 + j;
            g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, number);
            DsnItem *item = dsn_test_add_event(deposit, number, dsn_test_notice(text, number, 1));

            dsn_test_add_line(item, DSN_RECORD_BOUNCE, "{}\n");
        }
        ck_assert_int_eq(dsn_test_store(test.spool, deposit), DSN_ITEM_STORED);
    }
    return NULL;
}

static void
settle_one(Bustle *bustle, const DsnWaitingNotice *notice, guint turn)
{
    gsize size;
    const char *text = g_bytes_get_data(notice->bytes, &size);

    if (turn % 5 == 0 && notice->attempts == 0) {
        dsn_spool_settle(test.spool, notice->entry, DSN_SETTLED_RETRY, g_get_real_time() + 1000,
                         "later");
        return;
    }
    if (turn % 7 == 0) {
        dsn_spool_settle(test.spool, notice->entry, DSN_SETTLED_BACK, 0, NULL);
        return;
    }
    g_mutex_lock(&bustle->lock);
    bustle->twice += !g_hash_table_add(bustle->sent, g_strndup(text, size));
    g_mutex_unlock(&bustle->lock);
    dsn_spool_settle(test.spool, notice->entry, DSN_SETTLED_SENT, 0, "sent");
}

static gpointer
send_in_thread(gpointer data)
{
    Bustle *bustle = data;
    guint turn = 0;
    DsnSpoolState state;

    do {
        g_autoptr(GPtrArray) notices =
            g_ptr_array_new_with_free_func((GDestroyNotify)dsn_waiting_notice_free);

        ck_assert(dsn_spool_take_notices(test.spool, NULL, 20, 10000, notices));
        for (guint i = 0; i < notices->len; i++)
            settle_one(bustle, notices->pdata[i], ++turn);
        dsn_spool_state(test.spool, &state);
    } while (state.waiting > 0 || !g_atomic_int_get(&bustle->done));
    return NULL;
}

static gpointer
read_in_thread(gpointer data)
{
    Bustle *bustle = data;
    int64_t last = 0;
    guint count = 0;

    while (count < DEPOSITORS * DEPOSITS * ITEMS) {
        g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(DsnStreamRecord));

        g_array_set_clear_func(records, (GDestroyNotify)dsn_stream_record_clear);
        ck_assert(dsn_spool_read_records(test.spool, "json", 50, 1 << 20, 10000, records));
        for (guint i = 0; i < records->len; i++) {
            int64_t position = g_array_index(records, DsnStreamRecord, i).position;

            ck_assert_int_eq(position, last + 1); /* all of them, in order */
            last = position;
        }
        count += records->len;
        ck_assert(records->len == 0 || dsn_spool_advance(test.spool, "json", last, NULL, NULL));
        ck_assert(count > 0 || !g_atomic_int_get(&bustle->done));
    }
    return NULL;
}

static bool
look_at_entry(const DsnQueueEntry *entry, gpointer user)
{
    (void)user;
    ck_assert_str_eq(entry->recipient, "to@example.com");
    return true;
}

static gpointer
look_in_thread(gpointer data)
{
    Bustle *bustle = data;
    guint64 number = 0;

    while (!g_atomic_int_get(&bustle->done)) {
        DsnKey key = dsn_test_key(number++ % 1000, 0);

        (void)dsn_spool_look_event(test.spool, &key); /* what it says depends on the moment */
        (void)dsn_spool_look_notice(test.spool, &key);
        if (number % 50 == 0)
            ck_assert(dsn_spool_list(test.spool, &(DsnQueueFilter){0}, look_at_entry, NULL, NULL));
        ck_assert(dsn_spool_is_ready(test.spool));
    }
    return NULL;
}

START_TEST(everything_at_once)
{
    static const char *const names[] = {"json", NULL};
    Bustle bustle = {.sent = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
    GThread *depositors[DEPOSITORS];
    GThread *others[SENDERS + 3];
    guint64 dropped;
    DsnSpoolState state;

    ck_assert(dsn_spool_set_outlets(test.spool, names, &dropped, NULL));
    for (guint i = 0; i < SENDERS; i++)
        others[i] = g_thread_new("send", send_in_thread, &bustle);
    others[SENDERS] = g_thread_new("read", read_in_thread, &bustle);
    others[SENDERS + 1] = g_thread_new("look", look_in_thread, &bustle);
    others[SENDERS + 2] = g_thread_new("look", look_in_thread, &bustle);
    for (guint i = 0; i < DEPOSITORS; i++)
        depositors[i] = g_thread_new("deposit", deposit_in_thread, &bustle);
    for (guint i = 0; i < DEPOSITORS; i++)
        (void)g_thread_join(depositors[i]); /* they return nothing */
    g_atomic_int_set(&bustle.done, 1);
    for (guint i = 0; i < G_N_ELEMENTS(others); i++)
        (void)g_thread_join(others[i]);
    ck_assert_uint_eq(g_hash_table_size(bustle.sent), DEPOSITORS * DEPOSITS * ITEMS);
    ck_assert_uint_eq(bustle.twice, 0);
    dsn_spool_state(test.spool, &state);
    ck_assert_uint_eq(state.waiting, 0);
    ck_assert_uint_eq(state.records, 0);
    ck_assert_uint_gt(dsn_metrics_get(&test.metrics, DSN_COUNT_SPOOL_COMMITS), 0);
    ck_assert_uint_eq(dsn_metrics_get(&test.metrics, DSN_COUNT_SPOOL_ERRORS), 0);
    g_hash_table_unref(bustle.sent);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("spool-threads");
    TCase *tcase = tcase_create("threads");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, urgent_before_bulk);
    tcase_add_test(tcase, bulk_has_its_turn);
    tcase_add_test(tcase, bulk_waits_for_room);
    tcase_add_test(tcase, closing_commits_everything);
    tcase_add_test(tcase, everything_at_once);
    suite_add_tcase(suite, tcase);
    return suite;
}
