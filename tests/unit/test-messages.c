/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/messages.h"
#include "tests/support/unit.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MBOX "From a 12:00\nA: 1\n\nFrom b 12:01\nA: 2\n"

static char *top; /* a directory for one test, which is a process of its own */

static void
set_up(void)
{
    top = g_dir_make_tmp("dsnarf-messages-XXXXXX", NULL);
    ck_assert_ptr_nonnull(top);
    ck_assert_int_eq(g_chdir(top), 0);
}

static void
tear_down(void)
{
    const char *const remove[] = {"rm", "-rf", top, NULL};

    ck_assert(g_spawn_sync("/", (char **)remove, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                           NULL, NULL));
    g_free(top);
}

/* Makes the file @path of the test, and the directories above it. */
static void
put(const char *path, const char *text)
{
    g_autofree char *directory = g_path_get_dirname(path);

    ck_assert_int_eq(g_mkdir_with_parents(directory, 0700), 0);
    ck_assert(g_file_set_contents(path, text, -1, NULL));
}

static void
make_maildir(const char *path)
{
    static const char *const folders[] = {"cur", "new", "tmp"};

    for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_autofree char *folder = g_build_filename(path, folders[i], NULL);
        ck_assert_int_eq(g_mkdir_with_parents(folder, 0700), 0);
    }
}

/* All that is found, as "file=bytes|", or "file!error|" where there is one. */
static void
check(const char *label, const char *const *paths, size_t max, const char *want)
{
    g_autoptr(DsnMessages) messages = dsn_messages_new(paths, max);
    g_autoptr(GString) found = g_string_new(NULL);
    g_autoptr(GString) buffer = g_string_new(NULL);
    g_autoptr(GString) own = g_string_new(NULL);
    DsnIncoming item;
    double last = 0;

    while (dsn_messages_next(messages, buffer, &item)) {
        GString *bytes = buffer;

        if (item.unread) {
            bytes = own;
            g_string_truncate(own, 0);
            dsn_incoming_read(&item, max, own);
        }
        if (item.error != NULL) {
            g_string_append_printf(found, "%s!%s|", item.file, item.error->message);
        } else {
            g_string_append_printf(found, "%s=%.*s|", item.file, (int)item.len,
                                   bytes->str + item.start);
            ck_assert_int_gt(item.time, 0);
        }
        dsn_incoming_clear(&item);

        double fraction = dsn_messages_fraction(messages);
        ck_assert_msg(fraction >= last && fraction <= 1, "%s: %f after %f", label, fraction, last);
        last = fraction;
    }
    ck_assert(!dsn_messages_next(messages, buffer, &item));
    ck_assert(dsn_messages_fraction(messages) > 0.999);
    dsn_assert_span(((DsnSpan){found->str, found->len}), want, label);
}

#define CHECK(label, want, ...) check(label, (const char *const[]){__VA_ARGS__, NULL}, 1000, want)

START_TEST(files)
{
    put("one.eml", "A: 1\n");
    put("empty", "");
    put("box", MBOX);
    CHECK("one after another", "one.eml=A: 1\n|box#1=A: 1\n|box#2=A: 2\n|empty=|one.eml=A: 1\n|",
          "one.eml", "box", "empty", "one.eml");
    CHECK("what is not there", "none!No such file or directory|one.eml=A: 1\n|", "none", "one.eml");
    ck_assert_int_eq(symlink("one.eml", "link"), 0);
    CHECK("a link", "link=A: 1\n|", "link");
}
END_TEST

START_TEST(directories)
{
    put("d/b.eml", "A: b\n");
    put("d/a/z.eml", "A: z\n");
    put("d/a/box", MBOX);
    put("d/.hidden", "A: hidden\n");
    put("d/.git/x", "A: x\n");
    put("d/\xff\n.eml", "A: odd\n");
    ck_assert_int_eq(g_mkdir("d/empty", 0700), 0);
    ck_assert_int_eq(symlink("b.eml", "d/link"), 0);
    ck_assert_int_eq(symlink(".", "d/loop"), 0);
    ck_assert_int_eq(symlink("..", "d/a/up"), 0);
    ck_assert_int_eq(symlink("nowhere", "d/broken"), 0);
    ck_assert_int_eq(mkfifo("d/fifo", 0600), 0);
    CHECK("sorted, hidden ones left out, loops not followed",
          "d/a/box#1=A: 1\n|d/a/box#2=A: 2\n|d/a/z.eml=A: z\n|d/b.eml=A: b\n|"
          "d/broken!No such file or directory|d/link=A: b\n|d/\xff\n.eml=A: odd\n|",
          "d");
    CHECK("a slash more", "d/a/box#1=A: 1\n|d/a/box#2=A: 2\n|d/a/z.eml=A: z\n|", "d/a/");
    CHECK("a link on the command line", "d/a/up/b.eml=A: b\n|", "d/a/up/b.eml");
}
END_TEST

START_TEST(maildirs)
{
    make_maildir("m");
    put("m/cur/2:2,S", "A: 2\n");
    put("m/new/1", "A: 1\n");
    put("m/tmp/3", "A: 3\n");
    put("m/cur/.hidden", "A: hidden\n");
    put("m/cur/sub/5", "A: 5\n");
    put("m/dovecot-uidlist", "3 V1\n");
    make_maildir("m/.Sent");
    put("m/.Sent/cur/4", "From a 12:00\nnot an mbox\n");
    make_maildir("m/Archive");
    put("m/Archive/new/6", "A: 6\n");
    put("m/courier/7", "A: 7\n");
    CHECK("cur and new, subfolders in both forms",
          "m/.Sent/cur/4=From a 12:00\nnot an mbox\n|m/Archive/new/6=A: 6\n|"
          "m/cur/2:2,S=A: 2\n|m/new/1=A: 1\n|",
          "m");
    put("home/x/note", "A: note\n");
    ck_assert_int_eq(g_rename("m", "home/x/Maildir"), 0);
    CHECK("within a directory",
          "home/x/Maildir/.Sent/cur/4=From a 12:00\nnot an mbox\n|"
          "home/x/Maildir/Archive/new/6=A: 6\n|home/x/Maildir/cur/2:2,S=A: 2\n|"
          "home/x/Maildir/new/1=A: 1\n|home/x/note=A: note\n|",
          "home");
}
END_TEST

START_TEST(limits)
{
    const char *const file[] = {"f", NULL};
    const char *const folder[] = {"m", NULL};

    put("f", "0123456789");
    make_maildir("m");
    put("m/new/f", "0123456789");
    check("at the limit", file, 10, "f=0123456789|");
    check("over the limit", file, 9, "f=0123456789|");
    check("far over the limit", file, 3, "f=0123|");
    check("in a Maildir, at the limit", folder, 10, "m/new/f=0123456789|");
    check("in a Maildir, far over", folder, 3, "m/new/f=0123|");
    put("f", "From a 12:00\n0123456789\n\nFrom b 12:00\n01234\n");
    check("in an mbox", file, 6, "f#1=0123456|f#2=01234\n|");
}
END_TEST

START_TEST(large_files)
{
    g_autofree char *body = g_strnfill(1000 * 1000, 'x');
    const char *const paths[] = {"f", NULL};

    put("f", body);
    g_autofree char *want = g_strdup_printf("f=%s|", body);
    check("larger than one read", paths, 1000 * 1000, want);
    g_autofree char *cut = g_strdup_printf("f=%.500001s|", body);
    check("and over the limit", paths, 500 * 1000, cut);
}
END_TEST

/* Nobody reads a device or a socket by accident, and nothing is done to it. */
START_TEST(special_files)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    CHECK("refused",
          "socket!is neither a file, a directory nor a pipe|"
          "/dev/zero!is neither a file, a directory nor a pipe|",
          "socket", "/dev/zero");
    (void)close(fd);
}
END_TEST

START_TEST(compressed_files)
{
    put("a.gz", "\x1f\x8b\x08x");
    put("b.zst", "\x28\xb5\x2f\xfdx");
    put("c.xz", "\xfd"
                "7zXZx");
    put("d.bz2", "BZh9x");
    make_maildir("m");
    put("m/cur/e", "\x1f\x8b\x08x");
    CHECK("said so",
          "a.gz!is compressed; \"gzip -dc FILE\" gives what can be read here|"
          "b.zst!is compressed; \"zstd -dc FILE\" gives what can be read here|"
          "c.xz!is compressed; \"xz -dc FILE\" gives what can be read here|"
          "d.bz2!is compressed; \"bzip2 -dc FILE\" gives what can be read here|"
          "m/cur/e!is compressed; \"gzip -dc FILE\" gives what can be read here|",
          "a.gz", "b.zst", "c.xz", "d.bz2", "m");
}
END_TEST

START_TEST(unread_files_can_change)
{
    const char *const paths[] = {"m", NULL};
    g_autoptr(GString) buffer = g_string_new(NULL);
    DsnIncoming item;

    make_maildir("m");
    put("m/new/1", "A: 1\n");
    put("m/new/2", "A: 2\n");
    g_autoptr(DsnMessages) messages = dsn_messages_new(paths, 1000);
    ck_assert(dsn_messages_next(messages, buffer, &item));
    ck_assert_int_eq(g_unlink("m/new/1"), 0);
    dsn_incoming_read(&item, 1000, buffer);
    ck_assert(g_error_matches(item.error, G_FILE_ERROR, G_FILE_ERROR_NOENT));
    dsn_incoming_clear(&item);

    ck_assert(dsn_messages_next(messages, buffer, &item));
    ck_assert_int_eq(g_unlink("m/new/2"), 0);
    ck_assert_int_eq(mkfifo("m/new/2", 0600), 0);
    dsn_incoming_read(&item, 1000, buffer); /* must not wait for a writer */
    ck_assert(g_error_matches(item.error, G_FILE_ERROR, G_FILE_ERROR_INVAL));
    ck_assert_uint_eq(buffer->len, 0);
    dsn_incoming_clear(&item);
}
END_TEST

START_TEST(time_of_a_file)
{
    const char *const paths[] = {"f", NULL};
    const struct timespec times[2] = {{.tv_sec = 5}, {.tv_sec = 1057049557, .tv_nsec = 123456789}};
    g_autoptr(GString) buffer = g_string_new(NULL);
    DsnIncoming item;

    put("f", MBOX);
    ck_assert_int_eq(utimensat(AT_FDCWD, "f", times, 0), 0);
    g_autoptr(DsnMessages) messages = dsn_messages_new(paths, 1000);
    for (int i = 0; i < 2; i++) {
        ck_assert(dsn_messages_next(messages, buffer, &item));
        ck_assert_int_eq(item.time, 1057049557);
        ck_assert_uint_eq(item.nanoseconds, 123456789);
        dsn_incoming_clear(&item);
    }
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("messages");
    TCase *tcase = tcase_create("messages");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, files);
    tcase_add_test(tcase, directories);
    tcase_add_test(tcase, maildirs);
    tcase_add_test(tcase, limits);
    tcase_add_test(tcase, large_files);
    tcase_add_test(tcase, special_files);
    tcase_add_test(tcase, compressed_files);
    tcase_add_test(tcase, unread_files_can_change);
    tcase_add_test(tcase, time_of_a_file);
    suite_add_tcase(suite, tcase);
    return suite;
}
