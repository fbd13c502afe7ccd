/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/segment-file.h"
#include "tests/support/unit.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOON (INT64_C(1795262400) * G_USEC_PER_SEC) /* 2026-11-21T12:00:00Z */
#define SECOND G_TIME_SPAN_SECOND

static struct {
    char *folder;
    DsnSegmentOptions options;
    DsnSegmentFile *file;
    GError *error;
} test;

static void
setup(void)
{
    test.folder = g_dir_make_tmp("dsnarf-segments-XXXXXX", NULL);
    ck_assert_ptr_nonnull(test.folder);
    test.options = (DsnSegmentOptions){.log_dir = g_build_filename(test.folder, "logs", NULL),
                                       .suffix = g_strdup(""),
                                       .max_file_size = 100};
    test.file = dsn_segment_file_new(&test.options);
    test.error = NULL;
}

static void
teardown(void)
{
    const char *argv[] = {"rm", "-r", "-f", test.folder, NULL};

    dsn_segment_file_free(test.file);
    ck_assert(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                           NULL, NULL));
    g_free(test.options.log_dir);
    g_free(test.options.suffix);
    g_free(test.folder);
    g_clear_error(&test.error);
}

static const char *test_header; /* each test is a process of its own */

static void
append(const char *lines, int64_t now)
{
    ck_assert(dsn_segment_file_open(test.file, now, test_header, &test.error));
    ck_assert_msg(dsn_segment_file_append(test.file, dsn_span(lines), &test.error), "%s",
                  test.error == NULL ? "" : test.error->message);
}

static char *
path_of(const char *name)
{
    return g_build_filename(test.options.log_dir, name, NULL);
}

/* What the zstd program makes of the file. */
static void
check_content(const char *name, const char *expected)
{
    g_autofree char *path = path_of(name), *text = NULL;
    const char *argv[] = {"zstd", "-dcq", path, NULL};
    int status;

    ck_assert(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &text, NULL,
                           &status, NULL));
    ck_assert_int_eq(status, 0);
    ck_assert_str_eq(text, expected);
}

static bool
is_finished(const char *name)
{
    g_autofree char *path = path_of(name);
    GStatBuf status;

    ck_assert_int_eq(g_stat(path, &status), 0);
    return (status.st_mode & 0222) == 0;
}

/* ---- names ---- */

static const struct {
    int64_t now;
    const char *suffix, *name;
} names[] = {
    {NOON, "", "20261121-120000.000000"},
    {NOON + 26000, "_a", "20261121-120000.026000_a"},
    {NOON + 26490, "", "20261121-120000.026490"},
    {NOON + 999999, "_fbl.zst", "20261121-120000.999999_fbl.zst"},
    {NOON, "/by/type.zst", "20261121-120000.000000/by/type.zst"},
};

START_TEST(names_are_times)
{
    int64_t length;

    g_free(test.options.suffix);
    test.options.suffix = g_strdup(names[_i].suffix);
    ck_assert_ptr_null(dsn_segment_file_place(test.file, &length));
    append("a\n", names[_i].now);
    ck_assert_str_eq(dsn_segment_file_place(test.file, &length), names[_i].name);
    check_content(names[_i].name, "a\n");
}
END_TEST

START_TEST(two_files_of_one_moment)
{
    append("a\n", NOON);
    ck_assert(dsn_segment_file_turn(test.file, NOON, true, NULL));
    append("b\n", NOON);
    check_content("20261121-120000.000000", "a\n");
    check_content("20261121-120000.000001", "b\n");
}
END_TEST

/* Nobody sees an empty file. */
START_TEST(hidden_until_there_is_something)
{
    g_autofree char *path = path_of("20261121-120000.000000"),
                    *hidden = path_of(".20261121-120000.000000");

    ck_assert(dsn_segment_file_open(test.file, NOON, NULL, NULL));
    ck_assert(!g_file_test(path, G_FILE_TEST_EXISTS));
    ck_assert(
        dsn_segment_file_settle(test.options.log_dir, "20261121-120000.000000", 0, &test.error));
    ck_assert(!g_file_test(hidden, G_FILE_TEST_EXISTS));
}
END_TEST

/* ---- content ---- */

/* It can be read to its end after each append. */
START_TEST(whole_at_any_time)
{
    test_header = "time,id\n";
    append("a\n", NOON);
    check_content("20261121-120000.000000", "time,id\na\n");
    append("b\nc\n", NOON + 1);
    check_content("20261121-120000.000000", "time,id\na\nb\nc\n");
    ck_assert(!is_finished("20261121-120000.000000"));
}
END_TEST

START_TEST(full_or_old)
{
    g_autofree char *line = g_strnfill(99, 'x');

    test.options.max_duration = 10 * SECOND;
    ck_assert_int_eq(dsn_segment_file_due(test.file), INT64_MAX);
    line[98] = '\n';
    append(line, NOON);
    ck_assert_int_eq(dsn_segment_file_due(test.file), NOON + 10 * SECOND);
    ck_assert(dsn_segment_file_turn(test.file, NOON + 9 * SECOND, false, NULL));
    ck_assert(!is_finished("20261121-120000.000000"));
    append("\n", NOON + 9 * SECOND); /* 100 bytes */
    ck_assert(dsn_segment_file_turn(test.file, NOON + 9 * SECOND, false, NULL));
    ck_assert(is_finished("20261121-120000.000000"));
    append("b\n", NOON + 9 * SECOND);
    ck_assert(dsn_segment_file_turn(test.file, NOON + 19 * SECOND, false, NULL));
    ck_assert(is_finished("20261121-120009.000000"));
    append("c\n", NOON + 30 * SECOND);
    ck_assert(dsn_segment_file_turn(test.file, NOON, false, NULL)); /* the clock went back */
    ck_assert(is_finished("20261121-120030.000000"));
}
END_TEST

/* ---- after a crash ---- */

START_TEST(back_to_the_place_that_was_kept)
{
    int64_t length;

    append("a\n", NOON);
    g_autofree char *name = g_strdup(dsn_segment_file_place(test.file, &length));
    append("b\n", NOON);
    dsn_segment_file_free(test.file);
    test.file = dsn_segment_file_new(&test.options);
    ck_assert(dsn_segment_file_settle(test.options.log_dir, name, length, &test.error));
    check_content(name, "a\n");
    ck_assert(is_finished(name));
    ck_assert(dsn_segment_file_settle(test.options.log_dir, name, length, &test.error));
    ck_assert(dsn_segment_file_settle(test.options.log_dir, "none", 5, &test.error));
    ck_assert(dsn_segment_file_settle(test.options.log_dir, name, 0, &test.error));
    g_autofree char *path = path_of(name);
    ck_assert(!g_file_test(path, G_FILE_TEST_EXISTS));
}
END_TEST

static void
put_file(const char *name)
{
    g_autofree char *path = path_of(name), *folder = g_path_get_dirname(path);

    ck_assert_int_eq(g_mkdir_with_parents(folder, 0700), 0);
    ck_assert(g_file_set_contents(path, "x", 1, NULL));
}

/* Whoever logs to /var/log finds what others have there as it was. */
START_TEST(only_what_can_be_ours_is_finished)
{
    static const char *const ours[] = {"20261121-110000.000001_x/in/y", "20261120-235959_x/in/y",
                                       "20261120-235959.123456789_x/in/y"};
    static const char *const others[] = {
        "mail.log",          "20261121-110000.000001_x",   "20261121-110000.000001_x/in/z",
        "20261121-110000/y", "20261321-110000.1_x/in/y",   "2026112-1100000_x/in/y",
        ".tailer",           ".20261121-110000.000001_xy", "20261120-235959._x/in/y"};
    g_autofree char *hidden = path_of("20261121-110000.000009_x/in/.y");

    g_free(test.options.suffix);
    test.options.suffix = g_strdup("_x/in/y");
    put_file("20261121-110000.000009_x/in/.y");
    for (size_t i = 0; i < G_N_ELEMENTS(ours); i++)
        put_file(ours[i]);
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
        if (i != 1) /* a folder by now */
            put_file(others[i]);
    ck_assert(dsn_segment_file_recover(test.file, &test.error));
    for (size_t i = 0; i < G_N_ELEMENTS(ours); i++)
        ck_assert_msg(is_finished(ours[i]), "%s", ours[i]);
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
        ck_assert_msg(!is_finished(others[i]), "%s", others[i]);
    ck_assert(!g_file_test(hidden, G_FILE_TEST_EXISTS));
    g_free(test.options.log_dir);
    test.options.log_dir = g_strdup("/nonexistent");
    ck_assert(dsn_segment_file_recover(test.file, &test.error));
}
END_TEST

/* Tailers read files in the order of their names. */
static const struct {
    const char *before; /* a file that is there when it starts; NULL: none */
    int64_t first, second;
    const char *first_name, *second_name;
} clocks[] = {
    {NULL, NOON, NOON - SECOND, "20261121-120000.000000", "20261121-120000.000001"},
    {NULL, NOON, NOON, "20261121-120000.000000", "20261121-120000.000001"},
    {NULL, NOON, NOON + 1, "20261121-120000.000000", "20261121-120000.000001"},
    {NULL, NOON, NOON - 25 * 3600 * SECOND, "20261121-120000.000000", "20261120-110000.000000"},
    {"20261121-123000.000007", NOON, NOON + 1800 * SECOND, "20261121-123000.000008",
     "20261121-123000.000009"},
    {"20261121-120000", NOON, NOON + 5, "20261121-120000.000001", "20261121-120000.000005"},
    {"20261121-120000.0000059", NOON, NOON + 7, "20261121-120000.000006", "20261121-120000.000007"},
    {"20381121-120000.000007", NOON, NOON - 1, "20261121-120000.000000", "20261121-120000.000001"},
};

START_TEST(later_names_are_behind)
{
    if (clocks[_i].before != NULL)
        put_file(clocks[_i].before);
    ck_assert(dsn_segment_file_recover(test.file, &test.error));
    append("a\n", clocks[_i].first);
    check_content(clocks[_i].first_name, "a\n");
    ck_assert(dsn_segment_file_turn(test.file, clocks[_i].first, true, NULL));
    append("b\n", clocks[_i].second);
    check_content(clocks[_i].second_name, "b\n");
}
END_TEST

START_TEST(room)
{
    ck_assert_uint_eq(dsn_segment_file_room(test.file), 100);
    append("a\n", NOON);
    ck_assert_uint_eq(dsn_segment_file_room(test.file), 98);
    g_autofree char *line = g_strnfill(200, '\n');
    append(line, NOON);
    ck_assert_uint_eq(dsn_segment_file_room(test.file), 0);
    ck_assert(dsn_segment_file_turn(test.file, NOON, false, NULL));
    ck_assert_uint_eq(dsn_segment_file_room(test.file), 100);
}
END_TEST

START_TEST(a_folder_that_cannot_be)
{
    g_free(test.options.log_dir);
    test.options.log_dir = g_strdup("/dev/null/logs");
    ck_assert(!dsn_segment_file_open(test.file, NOON, NULL, &test.error));
    ck_assert_str_eq(test.error->message,
                     "/dev/null/logs: the folder cannot be made: Not a directory");
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("segment-file");
    TCase *tcase = tcase_create("segments");

    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, names_are_times, 0, G_N_ELEMENTS(names));
    tcase_add_test(tcase, two_files_of_one_moment);
    tcase_add_test(tcase, hidden_until_there_is_something);
    tcase_add_test(tcase, whole_at_any_time);
    tcase_add_test(tcase, full_or_old);
    tcase_add_test(tcase, back_to_the_place_that_was_kept);
    tcase_add_test(tcase, only_what_can_be_ours_is_finished);
    tcase_add_loop_test(tcase, later_names_are_behind, 0, G_N_ELEMENTS(clocks));
    tcase_add_test(tcase, room);
    tcase_add_test(tcase, a_folder_that_cannot_be);
    suite_add_tcase(suite, tcase);
    return suite;
}
