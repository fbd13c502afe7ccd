/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "tests/support/spool.h"
#include "tests/support/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static DsnTestSpool test;
static int errors_logged; /* atomic; the test is a process of its own */
static int others_logged;

static GLogWriterOutput
count_line(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user)
{
    (void)user;
    for (gsize i = 0; i < n_fields; i++)
        if (g_str_equal(fields[i].key, "MESSAGE") && g_str_has_prefix(fields[i].value, "spool: ")) {
            bool error = strstr(fields[i].value, "works again") == NULL &&
                         strstr(fields[i].value, "has room again") == NULL;
            g_atomic_int_inc(error ? &errors_logged : &others_logged);
        }
    return g_log_writer_default(level, fields, n_fields, user);
}

static void
set_up(void)
{
    g_log_set_writer_func(count_line, NULL, NULL);
    dsn_test_spool_init(&test);
}

static void
tear_down(void)
{
    dsn_test_spool_clear(&test);
}

static void
reopen_with(size_t max_size, size_t min_free)
{
    test.options.max_size = max_size;
    test.options.min_free = min_free;
    dsn_test_spool_reopen(&test);
}

/* Submits a notice of @size bytes; the code of its error, -1 for none. */
static int
try_to_store(guint64 number, size_t size, bool urgent)
{
    g_autofree char *body = g_strnfill(size, 'x');
    g_autoptr(DsnDeposit) deposit = dsn_deposit_new(urgent);

    (void)dsn_test_add_event(deposit, number, dsn_test_notice(body, number, 1));
    dsn_spool_submit(test.spool, deposit);
    ck_assert(dsn_spool_wait(test.spool, deposit, -1));
    if (deposit->error == NULL)
        return -1;
    ck_assert_int_eq(deposit->error->domain, DSN_SPOOL_ERROR);
    ck_assert_ptr_nonnull(strstr(deposit->error->message, test.directory));
    return deposit->error->code;
}

static guint64
count_waiting(void)
{
    DsnSpoolState state;

    dsn_spool_state(test.spool, &state);
    return state.waiting;
}

/* ---- limits ---- */

START_TEST(max_size)
{
    guint64 number = 1;
    int error = -1;

    reopen_with(2 << 20, 0);
    /* half of them in files of their own: those count too */
    while (number < 1000 &&
           (error = try_to_store(number, number % 2 == 0 ? 4096 : 70000, number % 3 == 0)) == -1)
        number++;
    ck_assert_int_eq(error, DSN_SPOOL_ERROR_FULL);
    ck_assert_uint_gt(number, 20);
    ck_assert_uint_lt(number, 60);
    ck_assert(!dsn_spool_is_ready(test.spool));
    ck_assert_int_eq(try_to_store(number, 1, true), DSN_SPOOL_ERROR_FULL);
    ck_assert_int_eq(g_atomic_int_get(&errors_logged), 1);

    /* what is in it still goes out */
    g_autoptr(GPtrArray) notices =
        g_ptr_array_new_with_free_func((GDestroyNotify)dsn_waiting_notice_free);
    ck_assert(dsn_spool_take_notices(test.spool, NULL, 1000, 0, notices));
    ck_assert_uint_eq(notices->len, number - 1);
    for (guint i = 0; i < notices->len; i++)
        dsn_spool_settle(test.spool, ((DsnWaitingNotice *)notices->pdata[i])->entry,
                         DSN_SETTLED_SENT, 0, NULL);
    dsn_test_spool_wait_ready(&test);
    ck_assert_int_eq(try_to_store(number, 1, true), -1);
    ck_assert_int_eq(g_atomic_int_get(&errors_logged), 1);
    ck_assert_int_eq(g_atomic_int_get(&others_logged), 1);
}
END_TEST

START_TEST(what_is_dropped_makes_room)
{
    guint64 number = 1;

    reopen_with(2 << 20, 0);
    while (number < 1000 && try_to_store(number, 4096, false) == -1)
        number++;
    ck_assert(!dsn_spool_is_ready(test.spool));
    ck_assert_int_eq(dsn_spool_drop(test.spool, &(DsnQueueFilter){0}, NULL), (int64_t)number - 1);
    dsn_test_spool_wait_ready(&test);
}
END_TEST

/* What was needed once, as when the relay host was down, is given back to the file system. */
START_TEST(the_file_gets_shorter)
{
    const int64_t until = g_get_monotonic_time() + 60 * G_TIME_SPAN_SECOND;
    g_autofree char *path = g_build_filename(test.directory, "spool.db", NULL);
    DsnDeposit *deposit = dsn_deposit_new(false);
    g_autofree char *body = g_strnfill(60000, 'x');
    struct stat status;

    for (guint64 i = 1; i <= 600; i++) /* 36 MB */
        (void)dsn_test_add_event(deposit, i, dsn_test_notice(body, i, 1));
    ck_assert_int_eq(dsn_test_store(test.spool, deposit), DSN_ITEM_STORED);
    ck_assert_int_eq(dsn_spool_drop(test.spool, &(DsnQueueFilter){0}, NULL), 600);
    do
        g_usleep(50000);
    while (stat(path, &status) == 0 && status.st_size > 20 << 20 && g_get_monotonic_time() < until);
    ck_assert_int_lt(status.st_size, 20 << 20);
    ck_assert_int_eq(try_to_store(1000, 1000, true), -1);
}
END_TEST

START_TEST(min_free)
{
    reopen_with((size_t)1 << 40, (size_t)1 << 60);
    ck_assert(!dsn_spool_is_ready(test.spool));
    ck_assert_int_eq(try_to_store(1, 1, true), DSN_SPOOL_ERROR_FULL);
    reopen_with((size_t)1 << 40, 0);
    ck_assert(dsn_spool_is_ready(test.spool));
    ck_assert_int_eq(try_to_store(1, 1, true), -1);
}
END_TEST

/* ---- writes that fail ---- */

/* With the disk not writable from now on: what the spool says, and what is left when it works
 * again. */
static void
check_failing(void)
{
    static const char *const names[] = {"json", NULL};
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) notices = g_ptr_array_new();
    g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(DsnStreamRecord));
    guint64 dropped;

    ck_assert_int_eq(try_to_store(100, 60000, true), DSN_SPOOL_ERROR_DISK);
    ck_assert(!dsn_spool_is_ready(test.spool));
    ck_assert_int_eq(try_to_store(101, 1, true), DSN_SPOOL_ERROR_DISK);
    ck_assert_int_eq(try_to_store(102, 100000, false), DSN_SPOOL_ERROR_DISK);
    ck_assert(!dsn_spool_take_notices(test.spool, NULL, 1, 0, notices));
    ck_assert_uint_eq(notices->len, 0);
    ck_assert(!dsn_spool_read_records(test.spool, "json", 1, 1, 0, records));
    ck_assert(!dsn_spool_set_outlets(test.spool, names, &dropped, &error));
    ck_assert(g_error_matches(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_DISK));
    g_clear_error(&error);
    ck_assert_int_eq(dsn_spool_drop(test.spool, &(DsnQueueFilter){0}, &error), -1);
    ck_assert(g_error_matches(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_DISK));
    ck_assert_int_eq(g_atomic_int_get(&errors_logged), 1);
    ck_assert_uint_eq(dsn_metrics_get(&test.metrics, DSN_COUNT_SPOOL_ERRORS), 1);
}

/* One notice is being sent when the disk fails, and its outcome comes while it does. */
static void
fail_and_recover(void (*spoil)(void), void (*repair)(void))
{
    g_autoptr(GPtrArray) notices =
        g_ptr_array_new_with_free_func((GDestroyNotify)dsn_waiting_notice_free);

    for (guint64 i = 1; i <= 3; i++)
        ck_assert_int_eq(try_to_store(i, 100, true), -1);
    ck_assert(dsn_spool_take_notices(test.spool, NULL, 2, 0, notices));
    ck_assert_uint_eq(notices->len, 2);
    dsn_spool_settle(test.spool, 1, DSN_SETTLED_BACK, 0, NULL);
    spoil();
    check_failing();
    dsn_spool_settle(test.spool, 2, DSN_SETTLED_SENT, 0, "250 ok");
    repair();
    dsn_test_spool_wait_ready(&test);
    ck_assert_int_eq(g_atomic_int_get(&others_logged), 1);

    /* nothing of what failed is there, nothing of what was stored is missing */
    ck_assert_int_eq(try_to_store(100, 60000, true), -1);
    ck_assert_int_eq(try_to_store(102, 100000, false), -1);
    g_autoptr(DsnWaitingNotice) first = dsn_test_take(test.spool);
    ck_assert_int_eq(first->entry, 1);
    ck_assert_uint_eq(count_waiting(), 4);
    dsn_test_spool_reopen(&test);
    ck_assert_uint_eq(count_waiting(), 4);
    ck_assert_ptr_null(dsn_spool_content(test.spool, 2, NULL)); /* it was sent */
}

static void
forbid_growth(void)
{
    dsn_test_limit_files(4096);
}

static void
allow_growth(void)
{
    dsn_test_limit_files(0);
}

START_TEST(no_write_works)
{
    fail_and_recover(forbid_growth, allow_growth);
}
END_TEST

/* What cannot be settled any more is not lost, but sent again. */
START_TEST(closed_while_it_fails)
{
    ck_assert_int_eq(try_to_store(1, 100, true), -1);
    g_autoptr(DsnWaitingNotice) notice = dsn_test_take(test.spool);
    forbid_growth();
    ck_assert_int_eq(try_to_store(2, 30000, true), DSN_SPOOL_ERROR_DISK);
    dsn_spool_settle(test.spool, notice->entry, DSN_SETTLED_SENT, 0, "250 ok");
    g_clear_pointer(&test.spool, dsn_spool_close);
    ck_assert_int_eq(g_atomic_int_get(&errors_logged), 2); /* the failure, and what it costs */
    allow_growth();
    dsn_test_spool_reopen(&test);
    g_autoptr(DsnWaitingNotice) again = dsn_test_take(test.spool);
    ck_assert_ptr_nonnull(again);
    ck_assert_int_eq(again->entry, notice->entry);
}
END_TEST

/* ---- a file system that is full ---- */

static char *filler;

static void
fill_disk(void)
{
    static const char zeros[65536];
    int fd = open(filler, O_WRONLY | O_CREAT, 0600);
    struct statvfs status;

    ck_assert_int_ge(fd, 0);
    for (size_t size = sizeof zeros; size > 0; size /= 2)
        while (write(fd, zeros, size) == (ssize_t)size)
            ;
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(statvfs(filler, &status), 0);
    ck_assert_uint_eq(status.f_bavail, 0);
}

static void
free_disk(void)
{
    ck_assert_int_eq(g_unlink(filler), 0);
}

/* In a mount namespace of this process, which is gone with it. */
static bool
mount_small(const char *path)
{
    if ((unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) &&
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
        mount("small", path, "tmpfs", 0, "size=24m,mode=0700") == 0)
        return true;
    printf("skipped: no file system of a fixed size: %s\n", g_strerror(errno));
    return false;
}

START_TEST(no_space_left)
{
    g_clear_pointer(&test.spool, dsn_spool_close);
    if (mount_small(test.directory)) {
        filler = g_build_filename(test.directory, "filler", NULL);
        dsn_test_spool_reopen(&test);
        dsn_test_spool_reopen(&test); /* without the log of its making, which has room */
        fail_and_recover(fill_disk, free_disk);
        g_clear_pointer(&test.spool, dsn_spool_close);
        g_free(filler);
        ck_assert_int_eq(umount2(test.directory, MNT_DETACH), 0);
    }
}
END_TEST

/* ---- a database that is damaged ---- */

static void
damage_database(void)
{
    g_autofree char *path = g_build_filename(test.directory, "spool.db", NULL);
    g_autofree char *noise = g_strnfill(4096, 'x');
    int fd = open(path, O_RDWR);
    struct stat status;

    ck_assert_int_eq(fstat(fd, &status), 0);
    /* all but the first pages, which opening reads */
    for (off_t at = (off_t)28 * 4096; at < status.st_size; at += 4096)
        ck_assert_int_eq(pwrite(fd, noise, 4096, at), 4096);
    ck_assert_int_eq(close(fd), 0);
}

START_TEST(damaged)
{
    g_autoptr(GPtrArray) notices = g_ptr_array_new();

    for (guint64 i = 1; i <= 50; i++)
        ck_assert_int_eq(try_to_store(i, 10000, true), -1);
    g_clear_pointer(&test.spool, dsn_spool_close);
    damage_database();
    dsn_test_spool_reopen(&test);
    ck_assert(!dsn_spool_take_notices(test.spool, NULL, 50, 0, notices));
    ck_assert_uint_eq(notices->len, 0);
    ck_assert_int_eq(g_atomic_int_get(&errors_logged), 2); /* what, and which entry */
    ck_assert_uint_eq(dsn_metrics_get(&test.metrics, DSN_COUNT_SPOOL_ERRORS), 1);

    /* once the writer has met it, nothing is written any more */
    ck_assert_int_eq(try_to_store(100, 10000, true), DSN_SPOOL_ERROR_DISK);
    ck_assert_int_eq(try_to_store(101, 1, true), DSN_SPOOL_ERROR_DISK);
    g_usleep(1500000);
    ck_assert(!dsn_spool_is_ready(test.spool));
    ck_assert_int_eq(g_atomic_int_get(&others_logged), 0);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("spool-disk");
    TCase *tcase = tcase_create("disk");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, max_size);
    tcase_add_test(tcase, what_is_dropped_makes_room);
    tcase_add_test(tcase, the_file_gets_shorter);
    tcase_add_test(tcase, min_free);
    tcase_add_test(tcase, no_write_works);
    tcase_add_test(tcase, closed_while_it_fails);
    tcase_add_test(tcase, no_space_left);
    tcase_add_test(tcase, damaged);
    suite_add_tcase(suite, tcase);
    return suite;
}
