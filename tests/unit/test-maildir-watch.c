/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/maildir-watch.h"
#include "tests/support/pipeline.h"
#include "tests/support/unit.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOTH "\"Feedback\", \"OOB\""
#define PATIENCE (60 * G_TIME_SPAN_SECOND)

static DsnTestPipeline test;
static DsnMaildirWatch *watch;
static DsnMaildirIntake options = {.name = (char *)"inbox"};

static void
make_maildir(void)
{
    ck_assert_int_eq(g_mkdir_with_parents("inbox/tmp", 0700), 0);
    ck_assert_int_eq(g_mkdir_with_parents("inbox/new", 0700), 0);
    ck_assert_int_eq(g_mkdir_with_parents("inbox/cur", 0700), 0);
}

static void
configure(const char *consumed)
{
    g_autofree char *text = g_strdup_printf("[maildir.inbox]\npath = \"%s\"\nconsumed = \"%s\"\n",
                                            options.path, consumed);

    dsn_test_configure(&test, BOTH, text);
}

static void
set_up(void)
{
    dsn_test_pipeline_init(&test, BOTH, "");
    options.path = g_build_filename(test.spool.top, "inbox", NULL);
    ck_assert_int_eq(g_chdir(test.spool.top), 0);
    make_maildir();
    configure("discard");
}

static void
tear_down(void)
{
    dsn_maildir_watch_stop(watch);
    ck_assert_int_eq(g_chdir("/"), 0);
    dsn_test_pipeline_clear(&test);
    g_free(options.path);
}

static void
start(void)
{
    g_autoptr(GError) error = NULL;

    watch = dsn_maildir_watch_start(test.pipeline, &options, &error);
    ck_assert_msg(watch != NULL, "%s", error == NULL ? "" : error->message);
}

/* Delivers @text as Postfix does: written to tmp, linked into new. */
static void
deliver(const char *name, const char *text)
{
    g_autofree char *temporary = g_build_filename("inbox/tmp", name, NULL);
    g_autofree char *final = g_build_filename("inbox/new", name, NULL);

    ck_assert(g_file_set_contents(temporary, text, -1, NULL));
    ck_assert_int_eq(link(temporary, final), 0);
    ck_assert_int_eq(g_unlink(temporary), 0);
}

static void
deliver_sample(const char *name, const char *path)
{
    g_autofree char *text = dsn_test_read(path, NULL);

    deliver(name, text);
}

/* A feedback report with a Message-ID of its own. */
static void
deliver_report(unsigned number)
{
    g_autofree char *text = dsn_test_read("data/parse/feedback-abuse.eml", NULL);
    g_autofree char *id = g_strdup_printf("<%u@", number);
    g_autofree char *name = g_strdup_printf("%06u.M1P1.host", number);
    g_autoptr(GString) message = g_string_new(text);

    ck_assert_uint_eq(g_string_replace(message, "<77@", id, 1), 1);
    deliver(name, message->str);
}

static void
wait_gone(const char *path)
{
    gint64 deadline = g_get_monotonic_time() + PATIENCE;

    while (g_access(path, F_OK) == 0) {
        ck_assert_msg(g_get_monotonic_time() < deadline, "%s stays", path);
        g_usleep(2000);
    }
}

static void
wait_count(DsnCounter counter, guint64 count)
{
    gint64 deadline = g_get_monotonic_time() + PATIENCE;

    while (dsn_metrics_get(&test.spool.metrics, counter) < count) {
        ck_assert_msg(g_get_monotonic_time() < deadline, "waited in vain");
        g_usleep(2000);
    }
}

static guint
count_files(const char *directory)
{
    g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
    guint count = 0;

    while (g_dir_read_name(dir) != NULL)
        count++;
    return count;
}

/* How many records there are since the last call. */
static guint
count_records(void)
{
    g_autofree char *lines = dsn_test_read_lines(&test);
    guint count = 0;

    for (const char *at = lines; (at = strchr(at, '\n')) != NULL; at++)
        count++;
    return count;
}

START_TEST(discards_reports)
{
    deliver_report(1); /* before the start */
    start();
    wait_gone("inbox/new/000001.M1P1.host");
    deliver_report(2);
    wait_gone("inbox/new/000002.M1P1.host");
    ck_assert_uint_eq(count_records(), 2);
    deliver_report(2); /* again: no second record, and it goes, too */
    wait_count(DSN_COUNT_MAILDIR_CONSUMED, 3);
    ck_assert_uint_eq(count_records(), 0);
    dsn_maildir_watch_stop(g_steal_pointer(&watch));
    ck_assert_uint_eq(count_files("inbox/new") + count_files("inbox/cur"), 0);
}
END_TEST

START_TEST(keeps_reports)
{
    configure("accept");
    start();
    deliver_report(1);
    wait_gone("inbox/new/000001.M1P1.host");
    ck_assert_int_eq(g_access("inbox/cur/000001.M1P1.host:2,S", F_OK), 0);
    ck_assert_uint_eq(count_records(), 1);
    configure("discard"); /* a reload */
    deliver_report(2);
    wait_count(DSN_COUNT_MAILDIR_CONSUMED, 2);
    ck_assert_uint_eq(count_files("inbox/cur"), 1);
}
END_TEST

START_TEST(leaves_mail_to_its_owner)
{
    start();
    deliver_sample("a", "data/parse/ordinary.eml");
    deliver_sample("b", "data/parse/mdn.eml");
    deliver_sample("c", "data/reports/dsn-delayed.eml");
    wait_count(DSN_COUNT_MAILDIR_PASSED, 3);
    dsn_maildir_watch_stop(g_steal_pointer(&watch));
    ck_assert_int_eq(g_access("inbox/cur/a:2,", F_OK), 0);
    ck_assert_int_eq(g_access("inbox/cur/b:2,", F_OK), 0);
    ck_assert_int_eq(g_access("inbox/cur/c:2,", F_OK), 0);
    ck_assert_uint_eq(count_records(), 0);
}
END_TEST

/* What the delivery agent wrote above the first Received field, and what others wrote below it. */
static const struct {
    const char *label, *top, *sender, *recipient;
} envelopes[] = {
    {"Postfix",
     "Return-Path: <fbl@ISP.example>\nX-Original-To: fbl@example.com\nDelivered-To: x@example.com\n"
     "Received: by a id 1; date\n",
     "fbl@isp.example", "fbl@example.com"},
    {"only Delivered-To", "Return-Path: <>\nDelivered-To: x@example.com\nReceived: by a; date\n",
     "", "x@example.com"},
    {"the topmost", "X-Original-To: a@b.example\nX-Original-To: c@d.example\n", "", "a@b.example"},
    {"below, from others: as from any file, the sender is what it says, and nobody is named",
     "Received: by a; date\nReturn-Path: <f@g.example>\nX-Original-To: f@g.example\n",
     "f@g.example", NULL},
};

START_TEST(knows_the_envelope)
{
    g_autofree char *text = dsn_test_read("data/parse/feedback-abuse.eml", NULL);
    g_autofree char *message =
        g_strconcat(envelopes[_i].top, strchr(text, '\n') + 1, NULL); /* without Return-Path */

    start();
    deliver("a", message);
    wait_gone("inbox/new/a");
    g_autofree char *lines = dsn_test_read_lines(&test);
    json_auto_t *record = json_loads(lines, 0, NULL);
    ck_assert_ptr_nonnull(record);
    ck_assert_msg(g_strcmp0(json_string_value(json_object_get(record, "sender")),
                            envelopes[_i].sender) == 0 &&
                      g_strcmp0(json_string_value(json_object_get(record, "recipient")),
                                envelopes[_i].recipient) == 0,
                  "%s: %s", envelopes[_i].label, lines);
}
END_TEST

/* More than one thread works them off. */
START_TEST(takes_a_flood)
{
    enum { BEFORE = 150, FILES = 400 };

    for (unsigned i = 0; i < BEFORE; i++)
        deliver_report(i);
    start();
    for (unsigned i = BEFORE; i < FILES; i++)
        deliver_report(i);
    wait_count(DSN_COUNT_MAILDIR_CONSUMED, FILES);
    dsn_maildir_watch_stop(g_steal_pointer(&watch));
    ck_assert_uint_eq(count_files("inbox/new") + count_files("inbox/cur"), 0);
    ck_assert_uint_eq(count_records(), FILES);
}
END_TEST

/* Lines that were logged; the watch logs from its thread. */
static GString *logged;
static GMutex log_lock;

static GLogWriterOutput
keep_line(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user)
{
    (void)level;
    (void)user;
    g_mutex_lock(&log_lock);
    for (gsize i = 0; i < n_fields; i++) {
        if (strcmp(fields[i].key, "MESSAGE") == 0)
            g_string_append_printf(logged, "%.*s\n", (int)fields[i].length,
                                   (const char *)fields[i].value);
    }
    g_mutex_unlock(&log_lock);
    return G_LOG_WRITER_HANDLED;
}

static guint
count_logged(const char *text)
{
    guint count = 0;

    g_mutex_lock(&log_lock);
    for (const char *at = logged->str; (at = strstr(at, text)) != NULL; at++)
        count++;
    g_mutex_unlock(&log_lock);
    return count;
}

static void
wait_logged(const char *text)
{
    gint64 deadline = g_get_monotonic_time() + PATIENCE;

    while (count_logged(text) == 0) {
        ck_assert_msg(g_get_monotonic_time() < deadline, "%s is not in\n%s", text, logged->str);
        g_usleep(2000);
    }
}

static void
keep_log(void)
{
    logged = g_string_new(NULL);
    g_log_set_writer_func(keep_line, NULL, NULL);
}

START_TEST(leaves_odd_files)
{
    keep_log();
    ck_assert_int_eq(g_mkdir("inbox/new/directory", 0700), 0);
    ck_assert_int_eq(mkfifo("inbox/new/pipe", 0600), 0);
    ck_assert_int_eq(symlink("/etc/passwd", "inbox/new/link"), 0);
    ck_assert(g_file_set_contents("inbox/new/empty", "", 0, NULL));
    start();
    wait_logged("maildir=inbox file=directory size=0 verdict=skip error=\"is a directory\"");
    wait_logged("maildir=inbox file=pipe size=0 verdict=skip error=\"is no regular file\"");
    wait_logged("maildir=inbox file=link size=0 verdict=skip error=\"is a symbolic link\"");
    wait_logged("maildir=inbox file=empty size=0 verdict=skip error=\"is empty\"");

    /* Somebody goes on writing, and it is tried again in a second; the others are not spoken of
     * again. */
    g_autofree char *text = dsn_test_read("data/parse/feedback-abuse.eml", NULL);
    FILE *file = g_fopen("inbox/new/empty", "a");
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    wait_gone("inbox/new/empty");
    wait_logged("verdict=discard");
    ck_assert_uint_eq(count_logged("verdict=skip"), 4);
    ck_assert_uint_eq(count_files("inbox/new"), 3);
    dsn_maildir_watch_stop(g_steal_pointer(&watch));
    (void)g_string_free(logged, TRUE);
}
END_TEST

START_TEST(waits_for_the_maildir)
{
    keep_log();
    start();
    deliver_report(1);
    wait_gone("inbox/new/000001.M1P1.host");
    ck_assert_int_eq(g_rename("inbox/new", "away"), 0);
    wait_logged("/inbox/new: No such file or directory\n");
    make_maildir();
    deliver_report(2);
    wait_gone("inbox/new/000002.M1P1.host");
    wait_logged("maildir inbox: works again\n");
    deliver_report(3); /* the new directory is watched, too */
    wait_gone("inbox/new/000003.M1P1.host");
    ck_assert_uint_eq(count_logged("No such file"), 1);
    dsn_maildir_watch_stop(g_steal_pointer(&watch));
    (void)g_string_free(logged, TRUE);
}
END_TEST

START_TEST(says_what_is_missing)
{
    g_autoptr(GError) error = NULL;

    ck_assert_int_eq(g_rmdir("inbox/new"), 0);
    ck_assert_ptr_null(dsn_maildir_watch_start(test.pipeline, &options, &error));
    ck_assert_msg(g_pattern_match_simple("maildir inbox: */inbox/new: No such file or directory",
                                         error->message),
                  "%s", error->message);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("maildir-watch");
    TCase *tcase = tcase_create("maildir-watch");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, discards_reports);
    tcase_add_test(tcase, keeps_reports);
    tcase_add_test(tcase, leaves_mail_to_its_owner);
    tcase_add_loop_test(tcase, knows_the_envelope, 0, G_N_ELEMENTS(envelopes));
    tcase_add_test(tcase, takes_a_flood);
    tcase_add_test(tcase, leaves_odd_files);
    tcase_add_test(tcase, waits_for_the_maildir);
    tcase_add_test(tcase, says_what_is_missing);
    suite_add_tcase(suite, tcase);
    return suite;
}
