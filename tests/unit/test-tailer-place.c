/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/tailed-file.h"
#include "filter/intake/tailer-place.h"
#include "tests/support/unit.h"

#include <glib/gstdio.h>
#include <string.h>

/* ---- places ---- */

static char *
done_name(unsigned i)
{
    return g_strdup_printf("20260101-%06u", i);
}

START_TEST(a_place_as_text)
{
    g_autoptr(DsnTailerPlace) place = dsn_tailer_place_new("/var/log/x\ny", 1700000000);

    dsn_tailer_place_finish(place, "b");
    dsn_tailer_place_open(place, "c with space")->lines = 12;
    dsn_tailer_place_open(place, "a")->lines = UINT64_C(9000000000);
    dsn_tailer_place_finish(place, "\xff");
    dsn_tailer_place_finish(place, "a0");
    g_autofree char *text = dsn_tailer_place_to_text(place);
    ck_assert_str_eq(text, "dsnarf-place 1\ndirectory /var/log/x?y\nsince 1700000000\ndone a0\n"
                           "done b\ndone \xff\nopen 9000000000 a\nopen 12 c with space\n");
    g_autoptr(DsnTailerPlace) again = dsn_tailer_place_parse(text, NULL);
    ck_assert_ptr_nonnull(again);
    g_autofree char *second = dsn_tailer_place_to_text(again);
    ck_assert_str_eq(second, text);
}
END_TEST

static const char *const faults[] = {
    "",
    "dsnarf-place 2\n",
    "dsnarf-place 1",
    "dsnarf-place 1\nopen 1\n",
    "dsnarf-place 1\nopen x a\n",
    "dsnarf-place 1\nopen -1 a\n",
    "dsnarf-place 1\nopen 1 a/b\n",
    "dsnarf-place 1\nopen 1 \n",
    "dsnarf-place 1\ndone\n",
    "dsnarf-place 1\ndone \n",
    "dsnarf-place 1\nlow a/b\n",
    "dsnarf-place 1\nlow a\nlow b\n",
    "dsnarf-place 1\ndone a\nlow b\n",
    "dsnarf-place 1\nsince soon\n",
    "dsnarf-place 1\nother a\n",
    "dsnarf-place 1\n\n",
};

START_TEST(what_is_no_place)
{
    g_autoptr(GError) error = NULL;
    bool valid = _i == 2; /* the last line is one that was cut off: what is before it counts */

    g_autoptr(DsnTailerPlace) place = dsn_tailer_place_parse(faults[_i], &error);
    ck_assert_msg((place != NULL) == valid, "%s", faults[_i]);
    ck_assert((error == NULL) == valid);
}
END_TEST

START_TEST(what_is_done)
{
    g_autoptr(DsnTailerPlace) place = dsn_tailer_place_new("/", 0);
    const unsigned late = 100, last = late + DSN_TAILER_DONE_MAX;

    g_autofree char *unfinished = done_name(50);
    (void)dsn_tailer_place_open(place, unfinished);
    for (unsigned i = 0; i <= last; i++) {
        g_autofree char *name = done_name(i);
        if (i != 50 && i != last)
            dsn_tailer_place_finish(place, name);
    }
    ck_assert_uint_eq(place->done->len, DSN_TAILER_DONE_MAX);
    ck_assert_str_eq(place->low, "20260101-000099");
    for (unsigned i = 0; i <= last; i++) {
        g_autofree char *name = done_name(i);
        g_autofree char *between = g_strconcat(name, ".5", NULL);
        ck_assert_msg(dsn_tailer_place_is_done(place, name) == (i != 50 && i != last), "%s", name);
        ck_assert_msg(dsn_tailer_place_is_done(place, between) == (i < 99), "%s", between);
    }
    dsn_tailer_place_finish(place, unfinished);
    ck_assert(dsn_tailer_place_is_done(place, unfinished));
    ck_assert_uint_eq(place->open->len, 0);
    ck_assert_uint_eq(place->done->len, DSN_TAILER_DONE_MAX);
}
END_TEST

START_TEST(another_name)
{
    g_autoptr(DsnTailerPlace) place = dsn_tailer_place_new("/", 0);

    dsn_tailer_place_open(place, "a")->lines = 5;
    dsn_tailer_place_rename(place, "a", "b");
    ck_assert_ptr_null(dsn_tailer_place_find(place, "a"));
    ck_assert_uint_eq(dsn_tailer_place_find(place, "b")->lines, 5);
    dsn_tailer_place_rename(place, "nothing", "c");
    ck_assert_ptr_null(dsn_tailer_place_find(place, "c"));
}
END_TEST

START_TEST(described)
{
    g_autoptr(DsnTailerPlace) place = dsn_tailer_place_new("/", 0);
    g_autofree char *nothing = dsn_tailer_place_describe(place);
    ck_assert_str_eq(nothing, "goes on, nothing was read yet");
    dsn_tailer_place_finish(place, "a");
    g_autofree char *behind = dsn_tailer_place_describe(place);
    ck_assert_str_eq(behind, "goes on behind a");
    dsn_tailer_place_open(place, "b")->lines = 7;
    g_autofree char *inside = dsn_tailer_place_describe(place);
    ck_assert_str_eq(inside, "goes on in b behind line 7");
}
END_TEST

/* ---- KumoMTA's checkpoint ---- */

/* "%s" is the directory. */
static const struct {
    const char *text, *error;
} checkpoints[] = {
    {"{\"file\":\"%s/20260101-000000.5\",\"line\":12}", NULL},
    {"{\"line\":12,\"file\":\"%s/./20260101-000000.5\"}\n", NULL},
    {"{\"file\":\"/..%s//20260101-000000.5\",\"line\":12}", NULL},
    {"{\"file\":\"%s/../20260101-000000.5\",\"line\":12}", "is about "},
    {"{\"file\":\"20260101-000000.5\",\"line\":12}%s", "is no checkpoint"},
    {"{\"file\":\"/nonexistent/x%.0s\",\"line\":12}", "is about /nonexistent, not about "},
    {"{\"file\":\"%s/\",\"line\":12}", "names no file"},
    {"{\"file\":\"%s/a\\nb\",\"line\":12}", "names no file"},
    {"{\"file\":\"%s/a\\u0000b\",\"line\":12}", "names no file"},
    {"{\"file\":\"%s/x\",\"line\":-1}", "is no checkpoint"},
    {"{\"file\":\"%s/x\",\"line\":1.5}", "is no checkpoint"},
    {"{\"file\":7,\"line\":1}%.0s", "is no checkpoint"},
    {"%.0s", "is no checkpoint"},
};

START_TEST(a_checkpoint)
{
    g_autofree char *directory = g_dir_make_tmp("dsnarf-tailer-XXXXXX", NULL);
    g_auto(GStrv) parts = g_strsplit(checkpoints[_i].text, "%.0s", 2);
    g_autofree char *without = g_strjoinv("", parts);
    g_auto(GStrv) pieces = g_strsplit(without, "%s", 2);
    g_autofree char *text = g_strjoinv(directory, pieces);
    g_autoptr(GError) error = NULL;
    g_autofree char *given = g_strconcat(directory, "/", NULL);

    g_autoptr(DsnTailerPlace) place = dsn_tailer_place_import(text, strlen(text), given, &error);
    ck_assert_int_eq(g_rmdir(directory), 0);
    if (checkpoints[_i].error != NULL) {
        ck_assert_msg(place == NULL && strstr(error->message, checkpoints[_i].error) != NULL,
                      "%s: %s", text, error == NULL ? "good" : error->message);
        return;
    }
    ck_assert_msg(place != NULL, "%s: %s", text, error == NULL ? "" : error->message);
    ck_assert_uint_eq(dsn_tailer_place_find(place, "20260101-000000.5")->lines, 12);
    ck_assert(dsn_tailer_place_is_done(place, "20260101-000000.4"));
    ck_assert(!dsn_tailer_place_is_done(place, "20260101-000000.5"));
    ck_assert(!dsn_tailer_place_is_done(place, "20260101-000000.6"));
}
END_TEST

/* ---- lines ---- */

static const struct {
    const char *line;
    bool first;
    const char *record; /* NULL: none */
} lines[] = {
    {"{\"type\":\"Bounce\"}", true, "{\"type\":\"Bounce\"}"},
    {" \t{broken", false, "{broken"},
    {"a,b,c", true, NULL},
    {"", false, NULL},
    {"\r", true, NULL},
    {"[{\"type\":\"Bounce\"}]", false, NULL},
    {"a,b,c{\"type\":\"Bounce\"}", true, "{\"type\":\"Bounce\"}"},
    {"a,b,c{\"type\":\"Bounce\"}", false, NULL},
    {"a,{b},c", true, NULL},
    {"# {\"id\":\"1\"}", true, NULL},
    {"# {\"type\":\"Bounce\"", true, NULL},
};

START_TEST(records_among_lines)
{
    DsnSpan record = dsn_tailed_record(dsn_span(lines[_i].line), lines[_i].first);

    ck_assert_msg(dsn_span_present(record) == (lines[_i].record != NULL), "%s", lines[_i].line);
    if (lines[_i].record != NULL)
        dsn_assert_span(record, lines[_i].record, lines[_i].line);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("tailer-place");
    TCase *tcase = tcase_create("places");

    tcase_add_test(tcase, a_place_as_text);
    tcase_add_loop_test(tcase, what_is_no_place, 0, G_N_ELEMENTS(faults));
    tcase_add_test(tcase, what_is_done);
    tcase_add_test(tcase, another_name);
    tcase_add_test(tcase, described);
    tcase_add_loop_test(tcase, a_checkpoint, 0, G_N_ELEMENTS(checkpoints));
    tcase_add_loop_test(tcase, records_among_lines, 0, G_N_ELEMENTS(lines));
    suite_add_tcase(suite, tcase);
    return suite;
}
