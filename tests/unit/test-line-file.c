/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/line-file.h"
#include "tests/support/spool.h"
#include "tests/support/unit.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char *top; /* a directory for one test, which is a process of its own */
static char *path;

static void
set_up(void)
{
    top = g_dir_make_tmp("dsnarf-lines-XXXXXX", NULL);
    ck_assert_ptr_nonnull(top);
    path = g_build_filename(top, "f", NULL);
    ck_assert_int_eq(g_chdir(top), 0);
}

static void
tear_down(void)
{
    ck_assert_int_eq(g_chdir("/"), 0);
    dsn_test_remove(top);
    g_free(path);
    g_free(top);
}

static void
put(const char *name, const char *text)
{
    FILE *file = g_fopen(name, "a"); /* in its place: the inode stays */

    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static void
expect_text(const char *name, const char *want, const char *label)
{
    g_autofree char *text = NULL;
    gsize length;

    ck_assert_msg(g_file_get_contents(name, &text, &length, NULL), "%s: %s", label, name);
    dsn_assert_span(((DsnSpan){text, length}), want, label);
}

static DsnLinePlace
end_of(const char *name)
{
    struct stat status;

    ck_assert_int_eq(stat(name, &status), 0);
    return (DsnLinePlace){(guint64)status.st_ino, (int64_t)status.st_size};
}

/* What the outlet does with lines that are due. Returns how many bytes were found to be there. */
static size_t
write_lines(DsnLineFile *file, const char *lines)
{
    g_autoptr(GError) error = NULL;
    size_t done;

    if (!dsn_line_file_settle(file, dsn_span(lines), &done, &error) ||
        (done < strlen(lines) && (!dsn_line_file_prepare(file, &error) ||
                                  !dsn_line_file_append(file, dsn_span(lines + done), &error))))
        ck_abort_msg("%s", error->message);
    return done;
}

/* A new run that knows the place that was kept. */
static size_t
resume(const DsnLinePlace *place, const char *lines)
{
    DsnLineFile file;

    dsn_line_file_init(&file, path, place);
    size_t done = write_lines(&file, lines);
    ck_assert(file.settled);
    dsn_line_file_clear(&file);
    return done;
}

/* What lies behind the place when the lines are due again, and the file when they are written. */
static const struct {
    const char *label, *kept, *behind, *lines, *want;
    size_t done;
} crashes[] = {
    {"nothing", "1\n", "", "2\n3\n", "1\n2\n3\n", 0},
    {"all", "1\n", "2\n3\n", "2\n3\n", "1\n2\n3\n", 4},
    {"the first", "1\n", "2\n", "2\n3\n", "1\n2\n3\n", 2},
    {"half a line", "1\n", "22", "2222\n3\n", "1\n2222\n3\n", 5},
    {"a line without its end", "1\n", "2\n33", "2\n33\n44\n", "1\n2\n33\n44\n", 5},
    {"all but the last end", "", "2\n33", "2\n33\n", "2\n33\n", 5},
    {"others", "1\n", "x\n", "2\n3\n", "1\nx\n2\n3\n", 0},
    {"others without an end", "1\n", "x", "2\n3\n", "1\nx\n2\n3\n", 0},
    {"others behind ours", "1\n", "2\nx\n", "2\n3\n", "1\n2\nx\n3\n", 2},
    {"others behind half a line", "1\n", "22x\n", "2222\n3\n", "1\n22x\n2222\n3\n", 0},
    {"others behind all of ours", "1\n", "2\n3\nx", "2\n3\n", "1\n2\n3\nx", 4},
};

START_TEST(takes_up_after_a_crash)
{
    const char *label = crashes[_i].label;
    DsnLineFile file;

    put("f", crashes[_i].kept);
    DsnLinePlace place = end_of("f");
    put("f", crashes[_i].behind);
    dsn_line_file_init(&file, path, &place);
    ck_assert_msg(write_lines(&file, crashes[_i].lines) == crashes[_i].done, "%s", label);
    expect_text("f", crashes[_i].want, label);
    (void)write_lines(&file, "next\n");
    dsn_line_file_clear(&file);

    g_autofree char *text = NULL;
    ck_assert(g_file_get_contents("f", &text, NULL, NULL));
    ck_assert_msg(g_str_has_suffix(text, "\nnext\n"), "%s", label);
}
END_TEST

/* More of ours is there than is due at once. */
START_TEST(takes_up_in_pieces)
{
    DsnLineFile file;

    put("f", "1\n");
    DsnLinePlace place = end_of("f");
    put("f", "2\n3\n4");
    dsn_line_file_init(&file, path, &place);
    ck_assert_uint_eq(write_lines(&file, "2\n"), 2);
    ck_assert(!file.settled);
    ck_assert_uint_eq(write_lines(&file, "3\n"), 2);
    ck_assert(!file.settled);
    ck_assert_uint_eq(write_lines(&file, "444\n5\n"), 4);
    ck_assert(file.settled);
    dsn_line_file_clear(&file);
    expect_text("f", "1\n2\n3\n444\n5\n", "pieces");
}
END_TEST

START_TEST(makes_the_file)
{
    struct stat status;

    (void)umask(0077);
    ck_assert_uint_eq(resume(NULL, "1\n"), 0);
    expect_text("f", "1\n", "new");
    ck_assert_int_eq(stat("f", &status), 0);
    ck_assert_int_eq(status.st_mode & 07777, 0640);
    ck_assert_uint_eq(resume(NULL, "2\n"), 0);
    expect_text("f", "1\n2\n", "no place kept: behind what is there");
}
END_TEST

START_TEST(follows_a_rename)
{
    DsnLineFile file;

    dsn_line_file_init(&file, path, NULL);
    (void)write_lines(&file, "1\n");
    ck_assert_int_eq(g_rename("f", "f.1"), 0);
    (void)write_lines(&file, "2\n");
    put("g", "x\n");
    ck_assert_int_eq(g_rename("g", "f"), 0); /* logrotate's "create" */
    (void)write_lines(&file, "3\n");
    ck_assert_int_eq(g_unlink("f"), 0);
    (void)write_lines(&file, "4\n");
    dsn_line_file_clear(&file);
    expect_text("f.1", "1\n", "renamed");
    expect_text("f", "4\n", "removed");
}
END_TEST

START_TEST(follows_a_truncation)
{
    DsnLineFile file;

    dsn_line_file_init(&file, path, NULL);
    (void)write_lines(&file, "1\n2\n");
    DsnLinePlace place = file.place;
    ck_assert_int_eq(truncate("f", 0), 0);
    (void)write_lines(&file, "3\n");
    dsn_line_file_clear(&file);
    expect_text("f", "3\n", "truncated");

    ck_assert_uint_eq(resume(&place, "4\n"), 0);
    expect_text("f", "3\n4\n", "truncated before the place that was kept");
}
END_TEST

START_TEST(leaves_others_lines_alone)
{
    DsnLineFile file;

    dsn_line_file_init(&file, path, NULL);
    (void)write_lines(&file, "1\n");
    put("f", "x");
    ck_assert(dsn_line_file_prepare(&file, NULL));
    ck_assert_int_eq(file.place.offset, 4); /* behind "1\nx\n" */
    (void)write_lines(&file, "2\n");
    dsn_line_file_clear(&file);
    expect_text("f", "1\nx\n2\n", "others");
}
END_TEST

/* Rotated between a crash and the next start. */
START_TEST(finishes_in_the_renamed_file)
{
    put("f", "1\n");
    DsnLinePlace place = end_of("f");
    put("f", "2\n33");
    ck_assert_int_eq(g_rename("f", "f.1"), 0);
    put("f", "");
    ck_assert_uint_eq(resume(&place, "2\n3333\n4\n"), 7);
    expect_text("f.1", "1\n2\n3333\n", "renamed");
    expect_text("f", "4\n", "new");
}
END_TEST

START_TEST(repeats_when_the_file_is_gone)
{
    put("f", "1\n");
    DsnLinePlace place = end_of("f");
    put("f", "2\n");
    ck_assert_int_eq(g_rename("f", "g"), 0);
    ck_assert_int_eq(g_mkdir("away", 0700), 0);
    ck_assert_int_eq(g_rename("g", "away/f"), 0);
    ck_assert_uint_eq(resume(&place, "2\n3\n"), 0);
    expect_text("f", "2\n3\n", "gone");
}
END_TEST

/* Not mounted, perhaps: that does not mean that nothing was written. */
START_TEST(waits_for_the_directory)
{
    g_autofree char *deep = g_build_filename(top, "d", "f", NULL);
    g_autoptr(GError) error = NULL;
    DsnLineFile file;
    size_t done;

    ck_assert_int_eq(g_mkdir("d", 0700), 0);
    put("d/f", "1\n");
    DsnLinePlace place = end_of("d/f");
    put("d/f", "2\n");
    ck_assert_int_eq(g_rename("d", "e"), 0);
    dsn_line_file_init(&file, deep, &place);
    ck_assert(!dsn_line_file_settle(&file, DSN_SPAN_LITERAL("2\n"), &done, &error));
    ck_assert_msg(g_str_has_suffix(error->message, "/d/f: No such file or directory"), "%s",
                  error->message);
    ck_assert_int_eq(g_rename("e", "d"), 0);
    ck_assert_uint_eq(write_lines(&file, "2\n"), 2);
    dsn_line_file_clear(&file);
    expect_text("d/f", "1\n2\n", "mounted");
}
END_TEST

/* What a full disk cuts is completed, also when the file was renamed meanwhile; a file that was
 * removed to make room had nothing. */
START_TEST(completes_what_was_cut)
{
    static const char lines[] = "11111\n22222\n33333\n";
    struct rlimit limit;

    (void)signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    for (int i = 0; i < 3; i++) {
        g_autoptr(GError) error = NULL;
        DsnLineFile file;

        dsn_line_file_init(&file, path, NULL);
        ck_assert(dsn_line_file_prepare(&file, NULL));
        limit.rlim_cur = 8;
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
        ck_assert(!dsn_line_file_append(&file, dsn_span(lines), &error));
        ck_assert_msg(g_str_has_suffix(error->message, "/f: File too large"), "%s", error->message);
        limit.rlim_cur = limit.rlim_max;
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
        expect_text("f", "11111\n22", "cut");
        ck_assert(i != 1 || g_rename("f", "f.1") == 0);
        ck_assert(i != 2 || g_unlink("f") == 0);
        ck_assert_uint_eq(write_lines(&file, lines), i == 2 ? 0 : 12);
        dsn_line_file_clear(&file);
        if (i == 1)
            expect_text("f.1", "11111\n22222\n", "renamed");
        expect_text("f", i == 1 ? "33333\n" : lines, "completed");
        ck_assert_int_eq(g_unlink("f"), 0);
    }
}
END_TEST

/* What came after the place that was kept is looked at again. */
START_TEST(returns)
{
    DsnLineFile file;

    dsn_line_file_init(&file, path, NULL);
    (void)write_lines(&file, "1\n");
    DsnLinePlace place = file.place;
    (void)write_lines(&file, "2\n3\n");
    dsn_line_file_return(&file, &place);
    ck_assert(!file.settled);
    ck_assert_uint_eq(write_lines(&file, "2\n3\n4\n"), 4);
    dsn_line_file_clear(&file);
    expect_text("f", "1\n2\n3\n4\n", "returned");
}
END_TEST

START_TEST(refuses_what_is_no_file)
{
    static const struct {
        const char *label, *want;
        uid_t owner;
    } links[] = {{"own", NULL, 0}, {"other", "/f: is a symbolic link of another user", 65534}};
    g_autoptr(GError) error = NULL;
    DsnLineFile file;

    ck_assert_int_eq(mkfifo("f", 0600), 0);
    dsn_line_file_init(&file, path, NULL);
    ck_assert(!dsn_line_file_prepare(&file, &error));
    ck_assert_msg(g_str_has_suffix(error->message, "/f: is no regular file"), "%s", error->message);
    for (size_t i = 0; i < (geteuid() == 0 ? 2 : 1); i++) {
        g_autoptr(GError) refusal = NULL;

        ck_assert_int_eq(g_unlink("f"), 0);
        ck_assert_int_eq(symlink("target", "f"), 0);
        ck_assert(links[i].owner == 0 || lchown("f", links[i].owner, links[i].owner) == 0);
        bool good = dsn_line_file_prepare(&file, &refusal);
        ck_assert_msg(good == (links[i].want == NULL), "%s", links[i].label);
        if (!good)
            ck_assert(g_str_has_suffix(refusal->message, links[i].want));
        dsn_line_file_clear(&file);
        dsn_line_file_init(&file, path, NULL);
    }
    dsn_line_file_clear(&file);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("line-file");
    TCase *tcase = tcase_create("line-file");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, takes_up_after_a_crash, 0, G_N_ELEMENTS(crashes));
    tcase_add_test(tcase, takes_up_in_pieces);
    tcase_add_test(tcase, makes_the_file);
    tcase_add_test(tcase, follows_a_rename);
    tcase_add_test(tcase, follows_a_truncation);
    tcase_add_test(tcase, leaves_others_lines_alone);
    tcase_add_test(tcase, finishes_in_the_renamed_file);
    tcase_add_test(tcase, repeats_when_the_file_is_gone);
    tcase_add_test(tcase, waits_for_the_directory);
    tcase_add_test(tcase, completes_what_was_cut);
    tcase_add_test(tcase, returns);
    tcase_add_test(tcase, refuses_what_is_no_file);
    suite_add_tcase(suite, tcase);
    return suite;
}
