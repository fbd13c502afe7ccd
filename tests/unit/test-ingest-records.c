/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/cli/ingest-records.h"
#include "tests/support/unit.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

/* A file and what is read of it. */
typedef struct Reading {
    char *path;
    int fd;
    DsnWindow window;
    GString *got; /* for each piece "line:bytes|", and troubles */
    char *place;
    bool resumed;
} Reading;

static void
begin(Reading *reading, const char *text)
{
    g_autoptr(GError) error = NULL;

    *reading = (Reading){.got = g_string_new(NULL)};
    reading->fd = g_file_open_tmp("dsnarf-test-XXXXXX", &reading->path, &error);
    g_assert_no_error(error);
    ck_assert_int_eq(write(reading->fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void
end(Reading *reading)
{
    (void)g_unlink(reading->path);
    (void)close(reading->fd);
    dsn_window_clear(&reading->window);
    g_free(reading->path);
    g_free(reading->place);
    (void)g_string_free(reading->got, TRUE);
}

/* Reads all from where @place (NULL: the beginning) says, pieces of up to @max elements. */
static void
read_all(Reading *reading, unsigned max, const char *place)
{
    g_autoptr(GArray) troubles = g_array_new(FALSE, FALSE, sizeof(DsnTrouble));
    g_autoptr(GString) body = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    DsnFilePlace from;
    bool more = true;

    g_array_set_clear_func(troubles, dsn_trouble_clear);
    g_string_truncate(reading->got, 0);
    ck_assert_int_eq(lseek(reading->fd, 0, SEEK_SET), 0);
    dsn_window_reset(&reading->window, reading->fd, (guint64)lseek(reading->fd, 0, SEEK_END));
    ck_assert_int_eq(lseek(reading->fd, 0, SEEK_SET), 0);
    if (reading->window.size > 0)
        ck_assert(dsn_window_more(&reading->window, &error));
    (void)dsn_file_place_from_text(place, reading->fd, &from);
    g_autoptr(DsnRecordFile) records =
        dsn_record_file_open("f", &reading->window, 20, &from, &reading->resumed, &error);
    g_assert_no_error(error);
    while (more) {
        ck_assert(dsn_record_file_next(records, max, body, troubles, &more, &error));
        ck_assert_uint_le(troubles->len, max);
        for (guint i = 0; i < troubles->len; i++)
            g_string_append_printf(reading->got, "%s|",
                                   g_array_index(troubles, DsnTrouble, i).text);
        g_array_set_size(troubles, 0);
        if (body->len > 0)
            g_string_append_printf(reading->got, "%u:%s|", (unsigned)dsn_record_file_line(records),
                                   body->str);
    }
    g_free(reading->place);
    reading->place = dsn_record_file_place(records);
}

static void
check(const Reading *reading, const char *want, const char *label)
{
    dsn_assert_span(((DsnSpan){reading->got->str, reading->got->len}), want, label);
}

#define TOO_LONG "{\"a\":\"12345678901234567890\"}\n"

static const struct {
    const char *label, *text;
    unsigned max;
    const char *want;
} rows[] = {
    {"lines", "{1}\n{2}\n{3}\n", 2, "1:{1}\n{2}|3:{3}|"},
    {"no line end", "{1}\n{2}", 5, "1:{1}\n{2}|"},
    {"blank lines are counted", "\n{1}\n\n \n{2}\n", 5, "2:{1}\n\n\n{2}|"},
    {"CRLF", "{\"a\":1}\r\n{\"a\":2}\r\n", 5, "1:{\"a\":1}\n{\"a\":2}|"},
    {"too long", "{\"a\":1}\n" TOO_LONG "{\"a\":2}\n", 5,
     "f, line 2: is longer than limits.record allows|1:{\"a\":1}\n\n{\"a\":2}|"},
    {"many that are too long", TOO_LONG TOO_LONG "{1}\n", 1,
     "f, line 1: is longer than limits.record allows|"
     "f, line 2: is longer than limits.record allows|3:{1}|"},
    {"a list", "[\n{\"a\":1},\n{\"a\":2}\n]\n", 1, "1:[\n{\"a\":1},\n{\"a\":2}\n]\n|"},
    {"an object on several lines", "\n{\n\"a\":1\n}\n", 1, "2:{\n\"a\":1\n}\n|"},
    {"a list on one line", "[{\"a\":1}]\n[]\n", 1, "1:[{\"a\":1}]|2:[]|"},
    {"what is no JSON", "text\n{\"a\":1}\n", 5, "1:text\n{\"a\":1}|"},
    {"nothing", "", 5, ""},
    {"nothing but lines", "\n\n", 5, ""},
};

START_TEST(reads)
{
    Reading reading;

    begin(&reading, rows[_i].text);
    read_all(&reading, rows[_i].max, NULL);
    check(&reading, rows[_i].want, rows[_i].label);
    ck_assert(!reading.resumed);
    end(&reading);
}
END_TEST

START_TEST(goes_on)
{
    Reading reading;

    begin(&reading, "{\"a\":1}\n{\"a\":2}");
    read_all(&reading, 5, NULL);
    g_autofree char *place = g_strdup(reading.place);
    read_all(&reading, 5, place);
    check(&reading, "2:{\"a\":2}|", "a line without an end comes again");
    ck_assert(reading.resumed);
    ck_assert_int_eq(lseek(reading.fd, 0, SEEK_END), 15);
    ck_assert_int_eq(write(reading.fd, "\n{\"a\":3}\n", 9), 9);
    read_all(&reading, 5, place);
    check(&reading, "2:{\"a\":2}\n{\"a\":3}|", "what is new");
    g_autofree char *all = g_strdup(reading.place);
    read_all(&reading, 5, all);
    check(&reading, "", "nothing is new");
    ck_assert_str_eq(reading.place, all);
    end(&reading);
}
END_TEST

START_TEST(another_file_is_read_from_its_beginning)
{
    static const char *const others[] = {"{\"b\":1}\n{\"a\":2}\n{\"a\":3}\n", "{\"a\":1}\n", "",
                                         "{\"a\":1}\n{\"a\":2,\"b\":1}\n{\"a\":3}\n"};
    Reading first, other;

    begin(&first, "{\"a\":1}\n{\"a\":2}\n");
    read_all(&first, 5, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        begin(&other, others[i]);
        read_all(&other, 5, first.place);
        ck_assert_msg(!other.resumed, "%s", others[i]);
        end(&other);
    }
    end(&first);
}
END_TEST

START_TEST(a_list_has_no_place)
{
    Reading reading;

    begin(&reading, "[\n{\"a\":1}\n]\n");
    read_all(&reading, 5, NULL);
    ck_assert_ptr_null(reading.place);
    end(&reading);
}
END_TEST

static const struct {
    const char *label, *text;
} bad_places[] = {
    {"nothing", ""},
    {"words", "a b c d"},
    {"too few", "8 1 8"},
    {"too much of the start", "8 1 5000 00"},
    {"another digest", "8 1 8 00"},
    {"negative", "-8 1 8 00"},
};

START_TEST(odd_places_are_none)
{
    Reading reading;

    begin(&reading, "{\"a\":1}\n{\"a\":2}\n");
    read_all(&reading, 5, bad_places[_i].text);
    ck_assert_msg(!reading.resumed, "%s", bad_places[_i].label);
    check(&reading, "1:{\"a\":1}\n{\"a\":2}|", bad_places[_i].label);
    end(&reading);
}
END_TEST

START_TEST(names_files_by_their_real_path)
{
    g_autofree char *none = dsn_file_place_name("-");
    g_autofree char *nowhere = dsn_file_place_name("/nonexistent/file");
    g_autofree char *root = dsn_file_place_name("/../.");

    ck_assert_ptr_null(none);
    ck_assert_ptr_null(nowhere);
    ck_assert_str_eq(root, "ingest:/");
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("ingest-records");
    TCase *tcase = tcase_create("ingest-records");

    tcase_add_loop_test(tcase, reads, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, goes_on);
    tcase_add_test(tcase, another_file_is_read_from_its_beginning);
    tcase_add_test(tcase, a_list_has_no_place);
    tcase_add_loop_test(tcase, odd_places_are_none, 0, G_N_ELEMENTS(bad_places));
    tcase_add_test(tcase, names_files_by_their_real_path);
    suite_add_tcase(suite, tcase);
    return suite;
}
