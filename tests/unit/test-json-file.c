/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/json-file.h"
#include "tests/support/spool.h"
#include "tests/support/unit.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE (60 * G_TIME_SPAN_SECOND)
#define KILLS 20
#define KILL_LINES 12000

static DsnTestSpool test;
static char *path; /* of the file, in a folder beside the spool */
static DsnFileOutlet options = {.name = (char *)"test"};

static void
set_outlets(DsnSpool *spool)
{
    static const char *const names[] = {"file:test", NULL};
    guint64 dropped;

    ck_assert(dsn_spool_set_outlets(spool, names, &dropped, NULL));
}

static void
set_up(void)
{
    dsn_test_spool_init(&test);
    options.types = g_ptr_array_new();
    g_ptr_array_add(options.types, (gpointer) "Feedback");
    g_ptr_array_add(options.types, (gpointer) "OOB");
    options.path = path = g_build_filename(test.top, "log", "f", NULL);
    ck_assert_int_eq(g_chdir(test.top), 0);
    ck_assert_int_eq(g_mkdir("log", 0700), 0);
    set_outlets(test.spool);
}

static void
tear_down(void)
{
    ck_assert_int_eq(g_chdir("/"), 0);
    dsn_test_spool_clear(&test);
    g_ptr_array_unref(options.types);
    g_free(path);
}

static DsnJsonFile *
start(void)
{
    g_autoptr(GError) error = NULL;
    DsnJsonFile *file = dsn_json_file_start(test.spool, &test.metrics, &options, &error);

    ck_assert_msg(file != NULL, "%s", error == NULL ? "" : error->message);
    return file;
}

static void
store(guint64 number, DsnRecordType type, const char *line)
{
    DsnDeposit *deposit = dsn_deposit_new(false);

    dsn_test_add_line(dsn_test_add_message(deposit, number), type, line);
    (void)dsn_test_store(test.spool, deposit);
}

static void
store_feedback(guint64 number)
{
    g_autofree char *line = g_strdup_printf("{\"n\":%" G_GUINT64_FORMAT "}\n", number);

    store(number, DSN_RECORD_FEEDBACK, line);
}

/* Waits until all records are out of the spool. */
static void
wait_done(void)
{
    gint64 deadline = g_get_monotonic_time() + PATIENCE;
    DsnSpoolState state;

    for (;;) {
        dsn_spool_state(test.spool, &state);
        if (state.records == 0)
            return;
        ck_assert_msg(g_get_monotonic_time() < deadline, "%d records wait in vain",
                      (int)state.records);
        g_usleep(2000);
    }
}

static void
wait_count(DsnCounter counter, guint64 count)
{
    gint64 deadline = g_get_monotonic_time() + PATIENCE;

    while (dsn_metrics_get(&test.metrics, counter) < count) {
        ck_assert_msg(g_get_monotonic_time() < deadline, "waited in vain");
        g_usleep(2000);
    }
}

static void
expect_text(const char *name, const char *want)
{
    g_autofree char *text = NULL;
    gsize length;

    ck_assert_msg(g_file_get_contents(name, &text, &length, NULL), "%s", name);
    dsn_assert_bytes(text, length, want, strlen(want));
}

START_TEST(writes_its_types)
{
    DsnJsonFile *file = start();

    store(1, DSN_RECORD_FEEDBACK, "{\"a\":1}\n");
    store(2, DSN_RECORD_BOUNCE, "{\"b\":1}\n");
    store(3, DSN_RECORD_OOB, "{\"c\":1}\n");
    wait_done();
    dsn_json_file_stop(file);
    expect_text("log/f", "{\"a\":1}\n{\"c\":1}\n");
    ck_assert_uint_eq(dsn_metrics_get(&test.metrics, DSN_COUNT_FILE_LINES), 2);
    ck_assert_uint_eq(dsn_metrics_get(&test.metrics, DSN_COUNT_FILE_ERRORS), 0);
}
END_TEST

/* Each run goes on where the last one stopped, and what comes in between is not lost. */
START_TEST(goes_on)
{
    for (guint64 run = 0; run < 3; run++) {
        store_feedback(2 * run);
        DsnJsonFile *file = start();
        store_feedback(2 * run + 1);
        wait_done();
        dsn_json_file_stop(file);
        dsn_test_spool_reopen(&test);
        set_outlets(test.spool);
    }
    expect_text("log/f", "{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n{\"n\":5}\n");
}
END_TEST

START_TEST(follows_rotation)
{
    DsnJsonFile *file = start();

    store_feedback(1);
    wait_done();
    ck_assert_int_eq(g_rename("log/f", "log/f.1"), 0);
    store_feedback(2);
    wait_done();
    ck_assert_int_eq(truncate("log/f", 0), 0);
    store_feedback(3);
    wait_done();
    dsn_json_file_stop(file);
    expect_text("log/f.1", "{\"n\":1}\n");
    expect_text("log/f", "{\"n\":3}\n");
}
END_TEST

START_TEST(waits_for_the_directory)
{
    ck_assert_int_eq(g_rmdir("log"), 0);
    DsnJsonFile *file = start();
    store_feedback(1);
    store_feedback(2);
    wait_count(DSN_COUNT_FILE_ERRORS, 1);
    ck_assert_int_eq(g_mkdir("log", 0700), 0);
    wait_done();
    dsn_json_file_stop(file);
    expect_text("log/f", "{\"n\":1}\n{\"n\":2}\n");
}
END_TEST

START_TEST(says_what_can_never_work)
{
    g_autoptr(GError) error = NULL;

    ck_assert_int_eq(g_mkdir("log/f", 0700), 0);
    ck_assert_ptr_null(dsn_json_file_start(test.spool, &test.metrics, &options, &error));
    ck_assert_msg(g_str_has_suffix(error->message, "/log/f: is no regular file"), "%s",
                  error->message);
}
END_TEST

/* Reads the lines {"n":NUMBER...} of all files in log/, and counts each number. */
static void
count_lines(guint8 *counts, guint64 max)
{
    g_autoptr(GDir) directory = g_dir_open("log", 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(directory)) != NULL) {
        g_autofree char *full = g_build_filename("log", name, NULL);
        g_autofree char *text = NULL;
        gsize length;

        ck_assert(g_file_get_contents(full, &text, &length, NULL));
        ck_assert_msg(length == 0 || text[length - 1] == '\n', "%s ends within a line", name);
        for (char *line = text; *line != '\0';) {
            char *feed = strchr(line, '\n');
            char *end;

            ck_assert_msg(g_str_has_prefix(line, "{\"n\":"), "%s: %.100s", name, line);
            guint64 number = g_ascii_strtoull(line + strlen("{\"n\":"), &end, 10);
            ck_assert_msg(number < max && feed[-1] == '}', "%s: %.100s", name, line);
            counts[number]++;
            line = feed + 1;
        }
    }
}

/* Lines of quite different lengths. */
static void
add_long_line(DsnDeposit *deposit, guint64 number)
{
    g_autofree char *filler = g_strnfill((number * 7919) % 1000, 'x');
    g_autofree char *line =
        g_strdup_printf("{\"n\":%" G_GUINT64_FORMAT ",\"x\":\"%s\"}\n", number, filler);

    dsn_test_add_line(dsn_test_add_message(deposit, number), DSN_RECORD_FEEDBACK, line);
}

/* Stores all lines from @first on, @count at a time. */
static void
store_long_lines(guint64 first, guint64 count)
{
    while (first < KILL_LINES) {
        guint64 end = MIN(first + count, KILL_LINES);
        DsnDeposit *deposit = dsn_deposit_new(false);

        for (; first < end; first++)
            add_long_line(deposit, first);
        (void)dsn_test_store(test.spool, deposit);
    }
}

static void
expect_each_once(void)
{
    guint8 counts[KILL_LINES] = {0};

    count_lines(counts, KILL_LINES);
    for (guint i = 0; i < KILL_LINES; i++)
        ck_assert_msg(counts[i] == 1, "line %u is there %u times", i, counts[i]);
}

/* A full file system: half a line may be there; it is completed when there is room again. */
START_TEST(waits_for_room)
{
    DsnSpoolState state;

    if (mount("tmpfs", "log", "tmpfs", 0, "size=512k") != 0) {
        printf("skipped: no right to mount a file system that can be filled\n");
        return;
    }
    DsnJsonFile *file = start();
    store_long_lines(0, 100);
    wait_count(DSN_COUNT_FILE_ERRORS, 1);
    dsn_spool_state(test.spool, &state);
    ck_assert_uint_gt(state.records, 0);
    ck_assert_int_eq(mount("tmpfs", "log", "tmpfs", MS_REMOUNT, "size=64m"), 0);
    wait_done();
    dsn_json_file_stop(file);
    expect_each_once();
    ck_assert_int_eq(umount("log"), 0);
}
END_TEST

/* Opens the spool, and returns the number of the first line that is not in it. */
static guint64
reopen(void)
{
    guint64 first = 0;
    DsnKey key = dsn_test_key(first, 0);

    dsn_test_spool_reopen(&test);
    set_outlets(test.spool);
    while (first < KILL_LINES && dsn_spool_look_message(test.spool, &key) != DSN_SEEN_NOT)
        key = dsn_test_key(++first, 0);
    return first;
}

/* Writes a byte to @ready_fd when it is under way. */
static void
run_until_killed(int ready_fd)
{
    guint64 first = reopen();

    (void)start(); /* nobody stops it */
    ck_assert_int_eq(write(ready_fd, "", 1), 1);
    store_long_lines(first, 10);
    for (;;)
        (void)pause();
}

/* A moment while @child works. */
static void
wait_somewhat(int milliseconds)
{
    g_usleep((gulong)g_random_int_range(0, milliseconds * 1000));
}

/* Starts a child, rotates the file under it in every other run, and kills it. */
static void
run_and_kill(unsigned run)
{
    g_autofree char *old = g_strdup_printf("log/f.%u", run);
    int ready[2];
    char byte;

    ck_assert_int_eq(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0)
        run_until_killed(ready[1]);
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    wait_somewhat(20);
    if (run % 2 == 1) {
        (void)g_rename("log/f", old); /* it may not be there yet */
        wait_somewhat(8);
    }
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    (void)close(ready[0]);
    (void)close(ready[1]);
}

/* Killed at any moment, and rotated now and then: each line is there once. */
START_TEST(survives_kills)
{
    g_clear_pointer(&test.spool, dsn_spool_close); /* no threads in who forks */
    for (unsigned run = 0; run < KILLS; run++)
        run_and_kill(run);
    guint64 first = reopen();
    printf("%d kills within %d of %d lines\n", KILLS, (int)first, KILL_LINES);
    DsnJsonFile *file = start();
    store_long_lines(first, 100);
    wait_done();
    dsn_json_file_stop(file);
    expect_each_once();
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("json-file");
    TCase *tcase = tcase_create("json-file");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, writes_its_types);
    tcase_add_test(tcase, goes_on);
    tcase_add_test(tcase, follows_rotation);
    tcase_add_test(tcase, waits_for_the_directory);
    tcase_add_test(tcase, says_what_can_never_work);
    tcase_add_test(tcase, waits_for_room);
    tcase_add_test(tcase, survives_kills);
    suite_add_tcase(suite, tcase);
    return suite;
}
