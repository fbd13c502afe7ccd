/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "tests/support/spool.h"
#include "tests/support/unit.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

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

static DsnSpoolNotice *
with_original(DsnSpoolNotice *notice)
{
    notice->has_original = true;
    notice->utf8 = true;
    return notice;
}

/* ---- the directory ---- */

START_TEST(everything_is_private)
{
    static const char *const names[] = {"",     "spool.db", "spool.db-wal", "spool.db-shm",
                                        "lock", "large"};

    ck_assert_int_eq(dsn_test_store_event(test.spool, 1, dsn_test_notice("x", 1, 1)),
                     DSN_ITEM_STORED);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(test.directory, names[i], NULL);
        struct stat status;

        ck_assert_msg(stat(path, &status) == 0, "%s", path);
        ck_assert_msg((status.st_mode & 077) == 0, "%s: %o", path, status.st_mode);
    }
}
END_TEST

START_TEST(an_open_directory_is_refused)
{
    g_autoptr(GError) error = NULL;

    g_clear_pointer(&test.spool, dsn_spool_close);
    ck_assert_int_eq(chmod(test.directory, 0750), 0);
    ck_assert_ptr_null(dsn_spool_open(&test.options, &test.metrics, &error));
    ck_assert(g_error_matches(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_DISK));
    ck_assert_ptr_nonnull(strstr(error->message, "with mode 0750"));
    ck_assert_int_eq(chmod(test.directory, 0700), 0);
}
END_TEST

START_TEST(one_process_at_a_time)
{
    pid_t child = fork();

    if (child == 0) {
        g_autoptr(GError) error = NULL;
        g_autofree char *want = g_strdup_printf("in use by process %ld", (long)getppid());
        DsnSpool *second = dsn_spool_open(&test.options, &test.metrics, &error);

        _exit(second == NULL && g_error_matches(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_LOCKED) &&
                      g_str_has_suffix(error->message, want)
                  ? 0
                  : 1);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(a_closed_spool_is_one_file)
{
    g_autofree char *log = g_build_filename(test.directory, "spool.db-wal", NULL);

    ck_assert_int_eq(dsn_test_store_event(test.spool, 1, dsn_test_notice("x", 1, 1)),
                     DSN_ITEM_STORED);
    g_clear_pointer(&test.spool, dsn_spool_close);
    ck_assert(!g_file_test(log, G_FILE_TEST_EXISTS));
}
END_TEST

/* ---- deposits ---- */

START_TEST(an_event_once)
{
    DsnKey event = dsn_test_key(7, g_get_real_time() / G_USEC_PER_SEC / 3600 * 3600);
    DsnKey notice = dsn_test_key(70, 0);

    ck_assert_int_eq(dsn_spool_look_event(test.spool, &event), DSN_SEEN_NOT);
    ck_assert_int_eq(dsn_spool_look_notice(test.spool, &notice), DSN_SEEN_NOT);
    ck_assert_int_eq(dsn_test_store_event(test.spool, 7, dsn_test_notice("first", 70, 2)),
                     DSN_ITEM_STORED);
    ck_assert_int_eq(dsn_spool_look_event(test.spool, &event), DSN_SEEN_BEFORE);
    ck_assert_int_eq(dsn_spool_look_notice(test.spool, &notice), DSN_SEEN_BEFORE);
    ck_assert_int_eq(dsn_test_store_event(test.spool, 7, dsn_test_notice("second", 70, 2)),
                     DSN_ITEM_DUPLICATE);
    ck_assert_int_eq(dsn_test_store_event(test.spool, 7, NULL), DSN_ITEM_DUPLICATE);

    g_autoptr(DsnWaitingNotice) first = dsn_test_take(test.spool);
    ck_assert_ptr_nonnull(first);
    dsn_assert_bytes(g_bytes_get_data(first->bytes, NULL), g_bytes_get_size(first->bytes), "first",
                     5);
    ck_assert_str_eq(first->record_id, "record-70");
    ck_assert_str_eq(first->recipient, "to@example.com");
    ck_assert_uint_eq(first->attempts, 0);
    ck_assert_int_eq(dsn_spool_look_notice(test.spool, &notice), DSN_SEEN_BEFORE);
    ck_assert_ptr_null(dsn_test_take(test.spool));
}
END_TEST

START_TEST(a_message_once)
{
    DsnKey message = dsn_test_key(3, 0);

    for (int i = 0; i < 2; i++) {
        DsnDeposit *deposit = dsn_deposit_new(true);

        (void)dsn_test_add_message(deposit, 3);
        ck_assert_int_eq(dsn_spool_look_message(test.spool, &message),
                         i == 0 ? DSN_SEEN_NOT : DSN_SEEN_BEFORE);
        ck_assert_int_eq(dsn_test_store(test.spool, deposit),
                         i == 0 ? DSN_ITEM_STORED : DSN_ITEM_DUPLICATE);
    }
}
END_TEST

/* What a second item does to the first one. Both are of one event unless said. */
static const struct {
    const char *label;
    bool other_event;
    bool taken;
    guint first, first_n, second, second_n; /* keys */
    bool twice;                             /* the second names its keys twice */
    DsnItemResult want;
} collisions[] = {
    {"again", .first = 1, .first_n = 1, .second = 1, .second_n = 1, .want = DSN_ITEM_DUPLICATE},
    {"was handed out", .taken = true, .first = 1, .first_n = 1, .second = 1, .second_n = 1,
     .want = DSN_ITEM_DUPLICATE},
    {"a recipient less", .first = 1, .first_n = 2, .second = 1, .second_n = 1,
     .want = DSN_ITEM_DUPLICATE},
    {"a recipient more", .first = 1, .first_n = 1, .second = 1, .second_n = 2,
     .want = DSN_ITEM_DUPLICATE},
    {"other keys", .first = 1, .first_n = 1, .second = 5, .second_n = 1,
     .want = DSN_ITEM_DUPLICATE},
    {"another event, a recipient known", .other_event = true, .first = 1, .first_n = 2, .second = 2,
     .second_n = 2, .want = DSN_ITEM_CONFLICT},
    {"another event, others", .other_event = true, .first = 1, .first_n = 2, .second = 3,
     .second_n = 2, .twice = true, .want = DSN_ITEM_STORED},
};

static void
add_collision(DsnDeposit *deposit, int row, bool second)
{
    DsnSpoolNotice *notice = dsn_test_notice(
        second ? "second" : "first", second ? collisions[row].second : collisions[row].first,
        second ? collisions[row].second_n : collisions[row].first_n);

    for (guint i = 0; second && collisions[row].twice && i < collisions[row].second_n; i++) {
        DsnKey key = g_array_index(notice->keys, DsnKey, i);
        g_array_append_val(notice->keys, key);
    }
    DsnItem *item =
        dsn_test_add_event(deposit, second && collisions[row].other_event ? 2 : 1, notice);
    dsn_test_add_line(item, DSN_RECORD_BOUNCE, second ? "{2}\n" : "{1}\n");
}

static void
check_collision(int row, DsnItemResult result)
{
    static const char *const names[] = {"json", NULL};
    const char *label = collisions[row].label;
    g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(DsnStreamRecord));
    DsnSpoolState state;

    g_array_set_clear_func(records, (GDestroyNotify)dsn_stream_record_clear);
    ck_assert_msg(result == collisions[row].want, "%s: %d", label, result);
    dsn_spool_state(test.spool, &state);
    ck_assert_msg(state.waiting == (result == DSN_ITEM_STORED ? 2 : 1), "%s", label);
    ck_assert_msg(dsn_spool_read_records(test.spool, names[0], 10, 1000, 0, records), "%s", label);
    ck_assert_msg(records->len == (result == DSN_ITEM_STORED ? 2 : 1), "%s", label);
    if (collisions[row].taken)
        return;
    g_autoptr(DsnWaitingNotice) notice = dsn_test_take(test.spool);
    ck_assert_ptr_nonnull(notice);
    dsn_test_compare(__FILE__, __LINE__, g_bytes_get_data(notice->bytes, NULL),
                     g_bytes_get_size(notice->bytes), "first", 5, label);
}

START_TEST(two_items_collide)
{
    static const char *const names[] = {"json", NULL};
    DsnDeposit *deposit = dsn_deposit_new(false);
    guint64 dropped;

    ck_assert(dsn_spool_set_outlets(test.spool, names, &dropped, NULL));
    add_collision(deposit, _i, false);
    ck_assert_int_eq(dsn_test_store(test.spool, deposit), DSN_ITEM_STORED);
    if (collisions[_i].taken)
        dsn_waiting_notice_free(dsn_test_take(test.spool));
    deposit = dsn_deposit_new(false);
    add_collision(deposit, _i, true);
    check_collision(_i, dsn_test_store(test.spool, deposit));
}
END_TEST

START_TEST(two_items_of_one_deposit_collide)
{
    static const char *const names[] = {"json", NULL};
    DsnDeposit *deposit = dsn_deposit_new(false);
    guint64 dropped;

    if (!collisions[_i].taken) {
        ck_assert(dsn_spool_set_outlets(test.spool, names, &dropped, NULL));
        add_collision(deposit, _i, false);
        add_collision(deposit, _i, true);
        check_collision(_i, dsn_test_store(test.spool, deposit));
    } else {
        dsn_deposit_free(deposit);
    }
}
END_TEST

START_TEST(settled_ones_do_not_come_back)
{
    g_autoptr(DsnWaitingNotice) notice = NULL;
    DsnSpoolState state;

    ck_assert_int_eq(dsn_test_store_event(test.spool, 1, dsn_test_notice("x", 1, 1)),
                     DSN_ITEM_STORED);
    notice = dsn_test_take(test.spool);
    dsn_spool_settle(test.spool, notice->entry, DSN_SETTLED_SENT, 0, "250 ok");
    dsn_test_spool_reopen(&test);
    ck_assert_ptr_null(dsn_test_take(test.spool));
    dsn_spool_state(test.spool, &state);
    ck_assert_uint_eq(state.waiting, 0);
    ck_assert_int_eq(state.oldest, 0);
    /* and its key is known */
    ck_assert_int_eq(dsn_test_store_event(test.spool, 2, with_original(dsn_test_notice("x", 1, 1))),
                     DSN_ITEM_CONFLICT);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("spool");
    TCase *tcase = tcase_create("spool");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, everything_is_private);
    tcase_add_test(tcase, an_open_directory_is_refused);
    tcase_add_test(tcase, one_process_at_a_time);
    tcase_add_test(tcase, a_closed_spool_is_one_file);
    tcase_add_test(tcase, an_event_once);
    tcase_add_test(tcase, a_message_once);
    tcase_add_loop_test(tcase, two_items_collide, 0, G_N_ELEMENTS(collisions));
    tcase_add_loop_test(tcase, two_items_of_one_deposit_collide, 0, G_N_ELEMENTS(collisions));
    tcase_add_test(tcase, settled_ones_do_not_come_back);
    suite_add_tcase(suite, tcase);
    return suite;
}
