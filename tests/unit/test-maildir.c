/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/maildir.h"
#include "tests/support/unit.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char *top; /* a directory for one test, which is a process of its own */
static DsnMaildir maildir;

static void
set_up(void)
{
    top = g_dir_make_tmp("dsnarf-maildir-XXXXXX", NULL);
    ck_assert_ptr_nonnull(top);
    ck_assert_int_eq(g_chdir(top), 0);
    ck_assert_int_eq(g_mkdir("tmp", 0700), 0);
    ck_assert_int_eq(g_mkdir("new", 0700), 0);
    ck_assert_int_eq(g_mkdir("cur", 0700), 0);
    ck_assert(dsn_maildir_open(top, &maildir, NULL));
}

static void
tear_down(void)
{
    static const char *const directories[] = {"tmp", "new", "cur", "."};

    dsn_maildir_close(&maildir);
    for (size_t i = 0; i < G_N_ELEMENTS(directories); i++) {
        g_autoptr(GDir) directory = g_dir_open(directories[i], 0, NULL);
        const char *name;

        while (directory != NULL && (name = g_dir_read_name(directory)) != NULL) {
            g_autofree char *path = g_build_filename(directories[i], name, NULL);

            ck_assert_int_eq(remove(path), 0);
        }
    }
    ck_assert_int_eq(g_chdir("/"), 0);
    ck_assert_int_eq(g_rmdir(top), 0);
    g_free(top);
}

static void
put(const char *path, const char *text)
{
    ck_assert(g_file_set_contents(path, text, -1, NULL));
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in @directory, sorted, with '|' behind each. */
static char *
names_in(const char *directory)
{
    g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    GString *text = g_string_new(NULL);
    const char *name;

    while ((name = g_dir_read_name(dir)) != NULL)
        g_ptr_array_add(names, g_strdup(name));
    g_ptr_array_sort(names, compare_names);
    for (guint i = 0; i < names->len; i++)
        g_string_append_printf(text, "%s|", (const char *)names->pdata[i]);
    return g_string_free(text, FALSE);
}

START_TEST(opens_what_is_whole)
{
    static const char *const parts[] = {"tmp", "new", "cur"};

    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autofree char *want = g_strdup_printf("%s/%s: No such file or directory", top, parts[i]);
        g_autoptr(GError) error = NULL;
        DsnMaildir other;

        ck_assert_int_eq(g_rmdir(parts[i]), 0);
        ck_assert(!dsn_maildir_open(top, &other, &error));
        ck_assert_str_eq(error->message, want);
        ck_assert_int_eq(other.tmp_fd & other.new_fd & other.cur_fd, -1);
        ck_assert_int_eq(g_mkdir(parts[i], 0700), 0);
    }
}
END_TEST

START_TEST(needs_the_right_to_move)
{
    g_autoptr(GError) error = NULL;
    DsnMaildir other;

    if (geteuid() == 0) {
        ck_assert_int_eq(chmod(top, 0755), 0);
        ck_assert_int_eq(seteuid(65534), 0);
    }
    ck_assert(geteuid() == 65534 || chmod("new", 0500) == 0);
    ck_assert(!dsn_maildir_open(top, &other, &error));
    ck_assert_msg(g_str_has_suffix(error->message, ": Permission denied"), "%s", error->message);
    ck_assert_int_eq(seteuid(getuid()), 0);
    ck_assert_int_eq(chmod("new", 0700), 0);
}
END_TEST

static bool
no_odd_ones(const char *name, gpointer user)
{
    (void)user;
    return strchr(name, 'x') == NULL;
}

START_TEST(lists_in_order)
{
    static const struct {
        guint max;
        const char *want;
        bool more;
    } rows[] = {
        {1, "10|", true},
        {2, "10|11|", true},
        {3, "10|11|12|", true},
        {9, "10|11|12|13|14|2|3|4|5|", true},
        {13, "10|11|12|13|14|2|3|4|5|6|7|8|9|", false},
        {100, "10|11|12|13|14|2|3|4|5|6|7|8|9|", false},
    };

    for (unsigned i = 2; i < 15; i++) {
        g_autofree char *path = g_strdup_printf("new/%u", i);
        put(path, "");
    }
    put("new/.hidden", "");
    put("new/0x", "");
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GString) text = g_string_new(NULL);
        bool more;

        ck_assert(dsn_maildir_list(&maildir, rows[i].max, no_odd_ones, NULL, names, &more, NULL));
        for (guint j = 0; j < names->len; j++)
            g_string_append_printf(text, "%s|", (const char *)names->pdata[j]);
        ck_assert_str_eq(text->str, rows[i].want);
        ck_assert(more == rows[i].more);
    }
}
END_TEST

START_TEST(reads_files_only)
{
    static const struct {
        const char *name, *want;
    } rows[] = {
        {"link", "is a symbolic link"},        {"dangling", "is a symbolic link"},
        {"directory", "is a directory"},       {"pipe", "is no regular file"},
        {"gone", "No such file or directory"},
    };
    g_autoptr(GString) buffer = g_string_new(">");

    put("new/file", "0123456789");
    ck_assert_int_eq(symlink("file", "new/link"), 0);
    ck_assert_int_eq(symlink("nothing", "new/dangling"), 0);
    ck_assert_int_eq(g_mkdir("new/directory", 0700), 0);
    ck_assert_int_eq(mkfifo("new/pipe", 0600), 0);
    ck_assert(dsn_maildir_read(&maildir, "file", 100, buffer, NULL));
    ck_assert_str_eq(buffer->str, ">0123456789");
    ck_assert(dsn_maildir_read(&maildir, "file", 3, buffer, NULL));
    ck_assert_str_eq(buffer->str, ">0123456789012");
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;

        ck_assert(!dsn_maildir_read(&maildir, rows[i].name, 100, buffer, &error));
        ck_assert_str_eq(error->message, rows[i].want);
    }
}
END_TEST

START_TEST(removes)
{
    g_autoptr(GError) error = NULL;

    put("new/a", "");
    ck_assert(dsn_maildir_remove(&maildir, "a", NULL));
    ck_assert_int_eq(g_access("new/a", F_OK), -1);
    ck_assert(dsn_maildir_remove(&maildir, "a", NULL));
    ck_assert_int_eq(g_mkdir("new/d", 0700), 0);
    ck_assert(!dsn_maildir_remove(&maildir, "d", &error));
    ck_assert_ptr_nonnull(error);
}
END_TEST

static const struct {
    const char *name;
    bool seen;
    const char *want;
} moves[] = {
    {"a", false, "a:2,"},        {"a", true, "a:2,S"},        {"a:2,", true, "a:2,S"},
    {"a:2,FT", true, "a:2,FST"}, {"a:2,T", true, "a:2,ST"},   {"a:2,F", true, "a:2,FS"},
    {"a:2,FS", true, "a:2,FS"},  {"a:2,FT", false, "a:2,FT"}, {"a:1,x", true, "a:2,S"},
    {"a:b", false, "a:2,"},
};

START_TEST(moves_with_flags)
{
    g_autofree char *from = g_build_filename("new", moves[_i].name, NULL);
    g_autofree char *want = g_strconcat(moves[_i].want, "|", NULL);

    put(from, "x");
    ck_assert(dsn_maildir_move(&maildir, moves[_i].name, moves[_i].seen, NULL));
    g_autofree char *in_cur = names_in("cur");
    g_autofree char *in_new = names_in("new");
    ck_assert_str_eq(in_cur, want);
    ck_assert_str_eq(in_new, "");
}
END_TEST

START_TEST(moves_replace_nothing)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;

    put("cur/a:2,S", "first");
    put("cur/a-1:2,S", "second");
    put("new/a", "third");
    ck_assert(dsn_maildir_move(&maildir, "a", true, NULL));
    g_autofree char *in_cur = names_in("cur");
    ck_assert_str_eq(in_cur, "a-1:2,S|a-2:2,S|a:2,S|");
    ck_assert(g_file_get_contents("cur/a:2,S", &first, NULL, NULL));
    ck_assert_str_eq(first, "first");
    ck_assert(g_file_get_contents("cur/a-2:2,S", &second, NULL, NULL));
    ck_assert_str_eq(second, "third");
    ck_assert(!dsn_maildir_move(&maildir, "a", true, &error));
    ck_assert(g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT));
}
END_TEST

/* Killed between link and unlink, where the file system knows no better. */
START_TEST(finishes_a_move)
{
    put("new/a", "x");
    ck_assert_int_eq(link("new/a", "cur/a:2,"), 0);
    ck_assert(dsn_maildir_move(&maildir, "a", false, NULL));
    g_autofree char *in_cur = names_in("cur");
    g_autofree char *in_new = names_in("new");
    ck_assert_str_eq(in_cur, "a:2,|");
    ck_assert_str_eq(in_new, "");
}
END_TEST

START_TEST(moves_the_longest_name)
{
    g_autofree char *name = g_strnfill(255, 'n');
    g_autofree char *from = g_build_filename("new", name, NULL);

    ck_assert_int_eq(close(g_creat(from, 0600)), 0);
    ck_assert(dsn_maildir_move(&maildir, name, true, NULL));
    g_autofree char *in_new = names_in("new");
    ck_assert_str_eq(in_new, "");
}
END_TEST

/* The text of the only file in new/ (transfer full). */
static char *
read_only_one(void)
{
    g_autofree char *names = names_in("new");
    char *text = NULL;
    struct stat status;

    names[strlen(names) - 1] = '\0';
    ck_assert_ptr_null(strchr(names, '|'));
    g_autofree char *path = g_build_filename("new", names, NULL);
    ck_assert(g_file_get_contents(path, &text, NULL, NULL));
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_eq(status.st_mode & 0777, 0600);
    return text;
}

START_TEST(delivers)
{
    ck_assert(dsn_maildir_deliver(&maildir, DSN_SPAN_LITERAL("A: b\r\n"),
                                  DSN_SPAN_LITERAL("C: d\r\n\r\ra\nb\r\r\n\rc\r"), NULL));
    g_autofree char *text = read_only_one();
    g_autofree char *in_tmp = names_in("tmp");
    ck_assert_str_eq(text, "A: b\nC: d\n\r\ra\nb\r\n\rc\r");
    ck_assert_str_eq(in_tmp, "");
}
END_TEST

/* Line ends at and around the ends of pieces. */
START_TEST(delivers_large_ones)
{
    g_autoptr(GString) message = g_string_new(NULL);
    g_autoptr(GString) want = g_string_new(NULL);

    for (size_t len = (64 << 10) - 3; len <= (64 << 10) + 3; len++) {
        g_autofree char *line = g_strnfill(len, 'x');

        g_string_append_printf(message, "%s\r\n", line);
        g_string_append_printf(want, "%s\n", line);
    }
    ck_assert(dsn_maildir_deliver(&maildir, DSN_SPAN_LITERAL(""),
                                  (DsnSpan){message->str, message->len}, NULL));
    g_autofree char *text = read_only_one();
    dsn_assert_bytes(text, strlen(text), want->str, want->len);
}
END_TEST

START_TEST(delivers_all_or_nothing)
{
    g_autoptr(GError) error = NULL;

    ck_assert_int_eq(g_rmdir("new"), 0); /* open, but nothing can be made in it any more */
    ck_assert(!dsn_maildir_deliver(&maildir, DSN_SPAN_LITERAL(""), DSN_SPAN_LITERAL("x"), &error));
    g_autofree char *in_tmp = names_in("tmp");
    ck_assert_str_eq(in_tmp, "");
    ck_assert_ptr_nonnull(error);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("maildir");
    TCase *tcase = tcase_create("maildir");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, opens_what_is_whole);
    tcase_add_test(tcase, needs_the_right_to_move);
    tcase_add_test(tcase, lists_in_order);
    tcase_add_test(tcase, reads_files_only);
    tcase_add_test(tcase, removes);
    tcase_add_loop_test(tcase, moves_with_flags, 0, G_N_ELEMENTS(moves));
    tcase_add_test(tcase, moves_replace_nothing);
    tcase_add_test(tcase, finishes_a_move);
    tcase_add_test(tcase, moves_the_longest_name);
    tcase_add_test(tcase, delivers);
    tcase_add_test(tcase, delivers_large_ones);
    tcase_add_test(tcase, delivers_all_or_nothing);
    suite_add_tcase(suite, tcase);
    return suite;
}
