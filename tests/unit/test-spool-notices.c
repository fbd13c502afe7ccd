/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "tests/support/spool.h"
#include "tests/support/unit.h"

#include <glib/gstdio.h>
#include <signal.h>
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

static void
store(guint64 first, guint count)
{
    for (guint64 i = first; i < first + count; i++) {
        g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, i);

        ck_assert_int_eq(dsn_test_store_event(test.spool, i, dsn_test_notice(text, i, 1)),
                         DSN_ITEM_STORED);
    }
}

static GPtrArray *
take(unsigned max, GTimeSpan wait)
{
    GPtrArray *notices = g_ptr_array_new_with_free_func((GDestroyNotify)dsn_waiting_notice_free);

    ck_assert(dsn_spool_take_notices(test.spool, NULL, max, wait, notices));
    return notices;
}

/* "1 2 3": the bytes of what is due, up to @max. */
static char *
take_text(unsigned max)
{
    g_autoptr(GPtrArray) notices = take(max, 0);
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < notices->len; i++) {
        const DsnWaitingNotice *notice = notices->pdata[i];

        g_string_append_printf(text, "%s%.*s", i == 0 ? "" : " ",
                               (int)g_bytes_get_size(notice->bytes),
                               (const char *)g_bytes_get_data(notice->bytes, NULL));
    }
    return g_string_free(text, FALSE);
}

#define ck_assert_taken(max, want)                    \
    do {                                              \
        g_autofree char *taken_text = take_text(max); \
        ck_assert_str_eq(taken_text, want);           \
    } while (0)

/* Settling does not wait: another commit behind it does. */
static void
settle(int64_t entry, DsnSettled how, int64_t when)
{
    guint64 dropped;
    static const char *const none[] = {NULL};

    dsn_spool_settle(test.spool, entry, how, when, "450 later");
    ck_assert(dsn_spool_set_outlets(test.spool, none, &dropped, NULL));
}

static bool
copy_entry(const DsnQueueEntry *entry, gpointer user)
{
    DsnQueueEntry *copy = user;

    *copy = *entry;
    copy->reason = g_strdup(entry->reason);
    return false;
}

static DsnQueueEntry
look_at(int64_t entry)
{
    DsnQueueFilter filter = {.entry = entry};
    DsnQueueEntry found = {0};

    ck_assert(dsn_spool_list(test.spool, &filter, copy_entry, &found, NULL));
    return found;
}

START_TEST(in_order_and_once)
{
    store(1, 5);
    ck_assert_taken(2, "1 2");
    ck_assert_taken(10, "3 4 5");
    ck_assert_taken(10, "");
    store(6, 1);
    ck_assert_taken(10, "6");
}
END_TEST

START_TEST(given_back_as_it_was)
{
    store(1, 3);
    ck_assert_taken(3, "1 2 3");
    settle(2, DSN_SETTLED_BACK, 0);
    DsnQueueEntry entry = look_at(2);
    ck_assert_uint_eq(entry.attempts, 0);
    ck_assert_ptr_null(entry.reason);
    ck_assert_taken(3, "2");
}
END_TEST

START_TEST(due_again_later)
{
    int64_t soon = g_get_real_time() + 4 * G_TIME_SPAN_SECOND; /* all before is done by then */

    store(1, 2);
    ck_assert_taken(2, "1 2");
    settle(1, DSN_SETTLED_RETRY, soon);
    settle(2, DSN_SETTLED_RETRY, soon + G_TIME_SPAN_HOUR);
    ck_assert_taken(2, "");
    g_autoptr(GPtrArray) notices = take(2, 30 * G_TIME_SPAN_SECOND);
    ck_assert_uint_eq(notices->len, 1);
    ck_assert_int_ge(g_get_real_time(), soon);
    const DsnWaitingNotice *notice = notices->pdata[0];
    ck_assert_int_eq(notice->entry, 1);
    ck_assert_uint_eq(notice->attempts, 1);
    DsnQueueEntry entry = look_at(2);
    ck_assert_str_eq(entry.reason, "450 later");
    ck_assert_str_eq(entry.state, "waiting");
    ck_assert_int_eq(entry.next_attempt, (soon + G_TIME_SPAN_HOUR) / G_USEC_PER_SEC);
    g_free((char *)entry.reason);
}
END_TEST

/* A time of zero says "before the first attempt" on disk. */
START_TEST(due_again_at_once)
{
    store(1, 1);
    ck_assert_taken(1, "1");
    settle(1, DSN_SETTLED_RETRY, 0);
    ck_assert_taken(1, "1");
    settle(1, DSN_SETTLED_BACK, 0);
    ck_assert_taken(1, "1");
}
END_TEST

START_TEST(neither_waits_for_the_other)
{
    store(1, 4);
    ck_assert_taken(4, "1 2 3 4");
    for (int64_t i = 1; i <= 4; i++)
        settle(i, DSN_SETTLED_RETRY, i);
    store(5, 4);
    ck_assert_taken(4, "1 2 5 6");
    ck_assert_taken(1, "7");
    ck_assert_taken(1, "3");
    ck_assert_taken(1, "8");
    ck_assert_taken(1, "4");
    ck_assert_taken(1, "");
}
END_TEST

START_TEST(dead_ones_stay)
{
    DsnSpoolState state;

    store(1, 1);
    ck_assert_taken(1, "1");
    settle(1, DSN_SETTLED_DEAD, 0);
    ck_assert_taken(1, "");
    dsn_test_spool_reopen(&test);
    ck_assert_taken(1, "");
    dsn_spool_state(test.spool, &state);
    ck_assert_uint_eq(state.waiting, 0);
    ck_assert_uint_eq(state.dead, 1);
    DsnQueueEntry entry = look_at(1);
    ck_assert_str_eq(entry.state, "dead");
    ck_assert_uint_eq(entry.attempts, 1);
    ck_assert_str_eq(entry.reason, "450 later");
    g_free((char *)entry.reason);
}
END_TEST

static gpointer
store_later(gpointer data)
{
    (void)data;
    g_usleep(50000);
    store(1, 1);
    return NULL;
}

START_TEST(waits_for_the_first)
{
    GThread *thread = g_thread_new("store", store_later, NULL);
    g_autoptr(GPtrArray) notices = take(10, 60 * G_TIME_SPAN_SECOND);

    ck_assert_uint_eq(notices->len, 1);
    (void)g_thread_join(thread); /* it returns nothing */
}
END_TEST

static gpointer
wake_later(gpointer data)
{
    (void)data;
    g_usleep(50000);
    dsn_spool_wake(test.spool);
    return NULL;
}

START_TEST(woken)
{
    GThread *thread = g_thread_new("wake", wake_later, NULL);
    g_autoptr(GPtrArray) notices = take(10, 60 * G_TIME_SPAN_SECOND);

    ck_assert_uint_eq(notices->len, 0);
    (void)g_thread_join(thread); /* it returns nothing */
    /* and it stays in force, without keeping anything back */
    g_autoptr(GPtrArray) again = take(10, 60 * G_TIME_SPAN_SECOND);
    ck_assert_uint_eq(again->len, 0);
    store(1, 1);
    ck_assert_taken(10, "1");
}
END_TEST

/* ---- what may still change ---- */

/* A notice of which more may come; its text is its number. */
static void
store_open(guint64 first, guint count)
{
    for (guint64 i = first; i < first + count; i++) {
        g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, i);
        DsnSpoolNotice *notice = dsn_test_notice(text, i, 1);

        notice->group = dsn_test_key(i, 0);
        notice->sources = g_bytes_new(text, strlen(text));
        ck_assert_int_eq(dsn_test_store_event(test.spool, i, notice), DSN_ITEM_STORED);
    }
}

/* Puts another one in the place of entry @number, as it was looked at before it was handed out. */
static DsnItemResult
replace(guint64 number)
{
    DsnSpoolNotice *notice = dsn_test_notice("replaced", number, 1);

    notice->replaces = (int64_t)number;
    notice->version = 1;
    return dsn_test_store_event(test.spool, 100 + number, notice);
}

static bool
is_open(guint64 number)
{
    const DsnKey group = dsn_test_key(number, 0);
    g_auto(DsnOpenNotice) open = {0};

    return dsn_spool_look_open(test.spool, &group, &open);
}

START_TEST(not_after_it_was_handed_out)
{
    store_open(1, 3);
    ck_assert_taken(2, "1 2");
    settle(2, DSN_SETTLED_BACK, 0);
    ck_assert(!is_open(1) && !is_open(2) && is_open(3));
    ck_assert_int_eq(replace(2), DSN_ITEM_CONFLICT);
    ck_assert_int_eq(replace(3), DSN_ITEM_STORED);
    dsn_test_spool_reopen(&test);
    ck_assert_int_eq(replace(1), DSN_ITEM_CONFLICT);
    ck_assert_taken(5, "1 2 replaced");
}
END_TEST

/* The parent sees what a process that was killed had handed out. */
START_TEST(not_after_a_crash)
{
    g_clear_pointer(&test.spool, dsn_spool_close);
    pid_t child = fork();
    if (child == 0) {
        dsn_test_spool_reopen(&test);
        store_open(1, 3);
        g_autofree char *taken = take_text(2);
        (void)kill(getpid(), g_str_equal(taken, "1 2") ? SIGKILL : SIGTERM);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    dsn_test_spool_reopen(&test);
    ck_assert_int_eq(replace(1), DSN_ITEM_CONFLICT);
    ck_assert_int_eq(replace(2), DSN_ITEM_CONFLICT);
    ck_assert_int_eq(replace(3), DSN_ITEM_STORED);
    ck_assert_taken(5, "1 2 replaced");
}
END_TEST

/* ---- large contents ---- */

static guint
count_large(void)
{
    g_autofree char *path = g_build_filename(test.directory, "large", NULL);
    g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
    guint count = 0;

    ck_assert_ptr_nonnull(directory);
    while (g_dir_read_name(directory) != NULL)
        count++;
    return count;
}

static DsnSpoolNotice *
large_notice(char letter, guint64 number)
{
    g_autofree char *body = g_strnfill(100000, letter);

    return dsn_test_notice(body, number, 1);
}

/* Waits for what the writer does after a commit. */
static void
wait_for_large(guint want)
{
    for (int i = 0; i < 1000 && count_large() != want; i++)
        g_usleep(10000);
    ck_assert_uint_eq(count_large(), want);
}

START_TEST(a_large_one_has_a_file)
{
    DsnSpoolState state;
    DsnSpoolState after;

    ck_assert_int_eq(dsn_test_store_event(test.spool, 1, large_notice('a', 1)), DSN_ITEM_STORED);
    ck_assert_uint_eq(count_large(), 1);
    dsn_spool_state(test.spool, &state);
    ck_assert_uint_ge(state.bytes, 100000);
    dsn_test_spool_reopen(&test);
    dsn_spool_state(test.spool, &after);
    ck_assert_uint_ge(after.bytes, 100000);
    g_autoptr(DsnWaitingNotice) notice = dsn_test_take(test.spool);
    g_autofree char *want = g_strnfill(100000, 'a');
    dsn_assert_bytes(g_bytes_get_data(notice->bytes, NULL), g_bytes_get_size(notice->bytes), want,
                     100000);
    settle(notice->entry, DSN_SETTLED_SENT, 0);
    wait_for_large(0);
    dsn_spool_state(test.spool, &state);
    ck_assert_uint_lt(state.bytes, after.bytes);
}
END_TEST

START_TEST(what_was_not_stored_leaves_no_file)
{
    ck_assert_int_eq(dsn_test_store_event(test.spool, 1, large_notice('a', 1)), DSN_ITEM_STORED);
    ck_assert_int_eq(dsn_test_store_event(test.spool, 1, large_notice('b', 1)), DSN_ITEM_DUPLICATE);
    ck_assert_int_eq(dsn_test_store_event(test.spool, 2, large_notice('c', 1)), DSN_ITEM_CONFLICT);
    ck_assert_uint_eq(count_large(), 1);
}
END_TEST

START_TEST(orphans_are_swept)
{
    g_autofree char *path = g_build_filename(test.directory, "large", "orphan", NULL);

    ck_assert_int_eq(dsn_test_store_event(test.spool, 1, large_notice('a', 1)), DSN_ITEM_STORED);
    ck_assert(g_file_set_contents(path, "x", 1, NULL));
    dsn_test_spool_reopen(&test);
    ck_assert_uint_eq(count_large(), 1);
    ck_assert(!g_file_test(path, G_FILE_TEST_EXISTS));
}
END_TEST

/* A file that somebody removed, or that is not whole, costs that notice and no other. */
START_TEST(a_lost_file_is_a_dead_letter)
{
    g_autofree char *folder = g_build_filename(test.directory, "large", NULL);
    g_autoptr(GError) error = NULL;

    ck_assert_int_eq(dsn_test_store_event(test.spool, 1, large_notice('a', 1)), DSN_ITEM_STORED);
    store(2, 1);
    {
        g_autoptr(GDir) directory = g_dir_open(folder, 0, NULL);
        g_autofree char *path = g_build_filename(folder, g_dir_read_name(directory), NULL);

        if (_i == 0)
            ck_assert_int_eq(g_unlink(path), 0);
        else
            ck_assert_int_eq(truncate(path, 50000), 0);
    }
    ck_assert_ptr_null(dsn_spool_content(test.spool, 1, &error));
    ck_assert(g_error_matches(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_NONE));
    ck_assert_taken(5, "2");
    settle(2, DSN_SETTLED_SENT, 0);
    DsnQueueEntry entry = look_at(1);
    ck_assert_str_eq(entry.state, "dead");
    ck_assert_ptr_nonnull(strstr(entry.reason, "large/"));
    g_free((char *)entry.reason);
    ck_assert_taken(5, "");
}
END_TEST

/* No more than a part of the memory at a time, whatever is asked for. */
START_TEST(not_too_much_at_a_time)
{
    const size_t size = 12 << 20;
    g_autofree char *body = g_strnfill(size, 'x');

    for (guint64 i = 1; i <= 5; i++)
        ck_assert_int_eq(dsn_test_store_event(test.spool, i, dsn_test_notice(body, i, 1)),
                         DSN_ITEM_STORED);
    g_autoptr(GPtrArray) first = take(100, 0);
    ck_assert_uint_eq(first->len, 3);
    g_autoptr(GPtrArray) second = take(100, 0);
    ck_assert_uint_eq(second->len, 2);
    ck_assert_int_eq(((DsnWaitingNotice *)second->pdata[0])->entry, 4);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("spool-notices");
    TCase *tcase = tcase_create("notices");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, in_order_and_once);
    tcase_add_test(tcase, given_back_as_it_was);
    tcase_add_test(tcase, due_again_later);
    tcase_add_test(tcase, due_again_at_once);
    tcase_add_test(tcase, neither_waits_for_the_other);
    tcase_add_test(tcase, dead_ones_stay);
    tcase_add_test(tcase, waits_for_the_first);
    tcase_add_test(tcase, woken);
    tcase_add_test(tcase, not_after_it_was_handed_out);
    tcase_add_test(tcase, not_after_a_crash);
    tcase_add_test(tcase, a_large_one_has_a_file);
    tcase_add_test(tcase, what_was_not_stored_leaves_no_file);
    tcase_add_test(tcase, orphans_are_swept);
    tcase_add_loop_test(tcase, a_lost_file_is_a_dead_letter, 0, 2);
    tcase_add_test(tcase, not_too_much_at_a_time);
    suite_add_tcase(suite, tcase);
    return suite;
}
