/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/maildir-store.h"

#include "tests/support/unit.h"

#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define MESSAGE DSN_SPAN_LITERAL("Subject: x\r\n\r\n\r\n.\r\na\rb\nc\r\nend")
#define STORED "Return-Path: <>\nDelivered-To: a@example.com\nSubject: x\n\n\n.\na\rb\nc\nend"

static char *folder, *path;

static void
set_up(void)
{
    folder = g_dir_make_tmp("dsnarf-maildir-XXXXXX", NULL);
    path = g_build_filename(folder, "Maildir", NULL);
}

static void
remove_all(const char *name)
{
    g_autoptr(GDir) dir =
        g_file_test(name, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(name, 0, NULL);
    const char *entry;

    while (dir != NULL && (entry = g_dir_read_name(dir)) != NULL) {
        g_autofree char *inside = g_build_filename(name, entry, NULL);

        remove_all(inside);
    }
    ck_assert_int_eq(g_remove(name), 0);
}

static void
tear_down(void)
{
    remove_all(folder);
    g_clear_pointer(&folder, g_free);
    g_clear_pointer(&path, g_free);
}

static guint
count_files(const char *sub)
{
    g_autofree char *name = g_build_filename(path, sub, NULL);
    g_autoptr(GDir) dir = g_dir_open(name, 0, NULL);
    guint count = 0;

    while (g_dir_read_name(dir) != NULL)
        count++;
    return count;
}

START_TEST(stores_as_a_delivery_agent_does)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    gsize len;
    struct stat status;

    ck_assert(dsn_maildir_store(path, "1.D2.host", "a@example.com", MESSAGE, &error));
    g_autofree char *file = g_build_filename(path, "new", "1.D2.host", NULL);
    ck_assert(g_file_get_contents(file, &text, &len, NULL));
    dsn_assert_bytes(text, len, STORED, strlen(STORED));
    ck_assert_int_eq(stat(file, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0600);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0700);
    ck_assert_uint_eq(count_files("tmp"), 0);
    ck_assert_uint_eq(count_files("cur"), 0);
}
END_TEST

/* What a crash left in tmp is no message, and what it left in new is one already. */
START_TEST(stores_once)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    ck_assert(dsn_maildir_store(path, "first", "a@example.com", MESSAGE, &error));
    g_autofree char *left = g_build_filename(path, "tmp", "second", NULL);
    g_autofree char *there = g_build_filename(path, "new", "first", NULL);
    g_autofree char *second = g_build_filename(path, "new", "second", NULL);
    ck_assert(g_file_set_contents(left,
                                  "a longer text than that which follows it here, so that "
                                  "what is left of it would be seen behind the message",
                                  -1, NULL));
    ck_assert(g_file_set_contents(there, "marked", -1, NULL));

    ck_assert(dsn_maildir_store(path, "first", "a@example.com", MESSAGE, &error));
    ck_assert(g_file_get_contents(there, &text, NULL, NULL));
    ck_assert_str_eq(text, "marked");
    g_clear_pointer(&text, g_free);
    ck_assert(dsn_maildir_store(path, "second", "a@example.com", MESSAGE, &error));
    ck_assert(g_file_get_contents(second, &text, NULL, NULL));
    ck_assert_str_eq(text, STORED);
    ck_assert_uint_eq(count_files("new"), 2);
    ck_assert_uint_eq(count_files("tmp"), 0);
}
END_TEST

START_TEST(says_what_it_cannot_do)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *deep = g_build_filename(path, "deep", NULL);

    ck_assert(!dsn_maildir_store(deep, "x", "a@example.com", MESSAGE, &error));
    ck_assert_msg(strstr(error->message, "deep: No such file or directory") != NULL, "%s",
                  error->message);
    g_clear_error(&error);

    ck_assert_int_eq(g_mkdir(path, 0700), 0);
    g_autofree char *new = g_build_filename(path, "new", NULL);
    ck_assert(g_file_set_contents(new, "", -1, NULL));
    ck_assert(!dsn_maildir_store(path, "x", "a@example.com", MESSAGE, &error));
    ck_assert_msg(strstr(error->message, "Maildir/new: Not a directory") != NULL, "%s",
                  error->message);
    g_clear_error(&error);

    /* nobody leads us elsewhere through tmp */
    ck_assert_int_eq(g_remove(new), 0);
    g_autofree char *link = g_build_filename(path, "tmp", "x", NULL);
    g_autofree char *target = g_build_filename(folder, "target", NULL);
    ck_assert_int_eq(symlink(target, link), 0);
    ck_assert(!dsn_maildir_store(path, "x", "a@example.com", MESSAGE, &error));
    ck_assert_msg(strstr(error->message, "Maildir/tmp/x: ") != NULL, "%s", error->message);
    ck_assert(!g_file_test(target, G_FILE_TEST_EXISTS));
}
END_TEST

START_TEST(names_tell_messages_apart)
{
    g_autofree char *one = dsn_maildir_store_name(17, 1, "id", "a@example.com", MESSAGE);
    g_autofree char *same = dsn_maildir_store_name(17, 1, "id", "a@example.com", MESSAGE);
    g_autofree char *entry = dsn_maildir_store_name(17, 2, "id", "a@example.com", MESSAGE);
    g_autofree char *id = dsn_maildir_store_name(17, 1, "id2", "a@example.com", MESSAGE);
    g_autofree char *to = dsn_maildir_store_name(17, 1, "id", "b@example.com", MESSAGE);
    g_autofree char *other =
        dsn_maildir_store_name(17, 1, "id", "a@example.com", DSN_SPAN_LITERAL("x"));

    ck_assert_str_eq(one, same);
    ck_assert(g_str_has_prefix(one, "17.D"));
    ck_assert(strpbrk(one, ":/\n ") == NULL);
    ck_assert_str_ne(one, entry);
    ck_assert_str_ne(one, id);
    ck_assert_str_ne(one, to);
    ck_assert_str_ne(one, other);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("maildir-store");
    TCase *tcase = tcase_create("maildir-store");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, stores_as_a_delivery_agent_does);
    tcase_add_test(tcase, stores_once);
    tcase_add_test(tcase, says_what_it_cannot_do);
    tcase_add_test(tcase, names_tell_messages_apart);
    suite_add_tcase(suite, tcase);
    return suite;
}
