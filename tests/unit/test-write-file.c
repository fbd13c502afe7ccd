/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/write-file.h"
#include "tests/support/unit.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char *top; /* a directory for one test, which is a process of its own */

static void
set_up(void)
{
    top = g_dir_make_tmp("dsnarf-write-XXXXXX", NULL);
    ck_assert_ptr_nonnull(top);
    ck_assert_int_eq(g_chdir(top), 0);
}

static void
tear_down(void)
{
    (void)g_unlink("f");
    ck_assert_int_eq(g_chdir("/"), 0);
    ck_assert_int_eq(g_rmdir(top), 0); /* and so nothing temporary may be left */
    g_free(top);
}

START_TEST(makes_a_private_file)
{
    struct stat status;
    g_autofree char *text = NULL;
    gsize length;

    ck_assert(dsn_write_new_file(top, "f", DSN_SPAN_LITERAL("a\0b"), NULL));
    ck_assert(g_file_get_contents("f", &text, &length, NULL));
    dsn_assert_bytes(text, length, "a\0b", 3);
    ck_assert_int_eq(stat("f", &status), 0);
    ck_assert_int_eq(status.st_mode & 0777, 0600);
}
END_TEST

START_TEST(keeps_what_is_there)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    ck_assert(dsn_write_new_file(top, "f", DSN_SPAN_LITERAL("first"), NULL));
    ck_assert(!dsn_write_new_file(top, "f", DSN_SPAN_LITERAL("second"), &error));
    ck_assert(g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_EXIST));
    ck_assert(g_file_get_contents("f", &text, NULL, NULL));
    ck_assert_str_eq(text, "first");
}
END_TEST

START_TEST(no_such_directory)
{
    g_autoptr(GError) error = NULL;

    ck_assert(!dsn_write_new_file("none", "f", DSN_SPAN_LITERAL("x"), &error));
    ck_assert(g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT));
}
END_TEST

START_TEST(leaves_nothing_half_written)
{
    const struct rlimit limit = {.rlim_cur = 10, .rlim_max = 10};
    g_autofree char *text = g_strnfill(100, 'x');
    g_autoptr(GError) error = NULL;

    (void)signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert(!dsn_write_new_file(top, "f", dsn_span(text), &error));
    ck_assert_msg(strcmp(error->message, "File too large") == 0, "%s", error->message);
    ck_assert_int_eq(g_access("f", F_OK), -1);
}
END_TEST

START_TEST(full_device)
{
    g_autoptr(GError) error = NULL;
    int fd = open("/dev/full", O_WRONLY);

    ck_assert(!dsn_write_all(fd, DSN_SPAN_LITERAL("x"), &error));
    ck_assert(g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC));
    (void)close(fd);
}
END_TEST

START_TEST(reader_has_gone)
{
    g_autoptr(GError) error = NULL;
    int ends[2];

    (void)signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq(pipe(ends), 0);
    (void)close(ends[0]);
    ck_assert(!dsn_write_all(ends[1], DSN_SPAN_LITERAL("x"), &error));
    ck_assert(g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_PIPE));
    (void)close(ends[1]);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("write-file");
    TCase *tcase = tcase_create("write-file");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, makes_a_private_file);
    tcase_add_test(tcase, keeps_what_is_there);
    tcase_add_test(tcase, no_such_directory);
    tcase_add_test(tcase, leaves_nothing_half_written);
    tcase_add_test(tcase, full_device);
    tcase_add_test(tcase, reader_has_gone);
    suite_add_tcase(suite, tcase);
    return suite;
}
