/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "tests/support/spool.h"
#include "tests/support/unit.h"

static DsnTestSpool test;

static void
set_up(void)
{
    dsn_test_spool_init(&test);
}

static void
tear_down(void)
{
    dsn_test_spool_clear(&test);
}

static guint64
set_outlets(const char *first, const char *second)
{
    const char *const names[] = {first, second, NULL};
    guint64 dropped;

    ck_assert(dsn_spool_set_outlets(test.spool, names, &dropped, NULL));
    return dropped;
}

/* Records "first\n" and so on, two to a message. */
static void
store(guint64 first, guint count)
{
    for (guint64 i = first; i < first + count; i += 2) {
        DsnDeposit *deposit = dsn_deposit_new(true);
        DsnItem *item = dsn_test_add_message(deposit, i);

        for (guint64 n = i; n < MIN(i + 2, first + count); n++) {
            g_autofree char *line = g_strdup_printf("%" G_GUINT64_FORMAT "\n", n);
            dsn_test_add_line(item, n % 2 == 0 ? DSN_RECORD_OOB : DSN_RECORD_OTHER, line);
        }
        ck_assert_int_eq(dsn_test_store(test.spool, deposit), DSN_ITEM_STORED);
    }
}

/* What @name reads: "1 2 3"; the position of the last in @ret_last, if it is not NULL. */
static char *
read_text(const char *name, unsigned max, size_t max_bytes, int64_t *ret_last)
{
    g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(DsnStreamRecord));
    GString *text = g_string_new(NULL);

    g_array_set_clear_func(records, (GDestroyNotify)dsn_stream_record_clear);
    ck_assert(dsn_spool_read_records(test.spool, name, max, max_bytes, 0, records));
    for (guint i = 0; i < records->len; i++) {
        const DsnStreamRecord *record = &g_array_index(records, DsnStreamRecord, i);
        gsize size;
        const char *data = g_bytes_get_data(record->json, &size);

        ck_assert_int_eq(data[size - 1], '\n');
        g_string_append_printf(text, "%s%.*s", i == 0 ? "" : " ", (int)size - 1, data);
        ck_assert_int_eq(record->type, g_ascii_strtoll(data, NULL, 10) % 2 == 0 ? DSN_RECORD_OOB
                                                                                : DSN_RECORD_OTHER);
        if (ret_last != NULL)
            *ret_last = record->position;
    }
    return g_string_free(text, FALSE);
}

#define ck_assert_reads(name, max, max_bytes, want)                            \
    do {                                                                       \
        g_autofree char *read_records = read_text(name, max, max_bytes, NULL); \
        ck_assert_str_eq(read_records, want);                                  \
    } while (0)

static guint64
count_records(void)
{
    DsnSpoolState state;

    dsn_spool_state(test.spool, &state);
    return state.records;
}

START_TEST(nobody_reads)
{
    store(1, 4);
    ck_assert_uint_eq(count_records(), 0);
    set_outlets("a", NULL);
    ck_assert_reads("a", 10, 1000, "");
    store(5, 1);
    ck_assert_reads("a", 10, 1000, "5");
}
END_TEST

START_TEST(each_from_where_it_stands)
{
    int64_t last = 0;

    set_outlets("a", NULL);
    store(1, 2);
    set_outlets("a", "b");
    store(3, 4);
    ck_assert_uint_eq(count_records(), 6);
    g_autofree char *read = read_text("a", 3, 1000, &last);
    ck_assert_str_eq(read, "1 2 3");
    ck_assert_reads("a", 3, 1000, "1 2 3"); /* reading moves nothing */
    ck_assert(dsn_spool_advance(test.spool, "a", last, "note", NULL));
    ck_assert_reads("a", 10, 1000, "4 5 6");
    ck_assert_reads("b", 10, 1000, "3 4 5 6");
    ck_assert_uint_eq(count_records(), 4);

    dsn_test_spool_reopen(&test);
    set_outlets("a", "b");
    ck_assert_reads("a", 10, 1000, "4 5 6");
    ck_assert_reads("b", 10, 1000, "3 4 5 6");
    g_autofree char *note = dsn_spool_outlet_note(test.spool, "a");
    ck_assert_str_eq(note, "note");
    ck_assert_ptr_null(dsn_spool_outlet_note(test.spool, "b"));
    ck_assert_ptr_null(dsn_spool_outlet_note(test.spool, "c"));
}
END_TEST

/* Somebody who has records in hand reads on behind them. */
START_TEST(behind_a_position)
{
    g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(DsnStreamRecord));
    int64_t before = g_get_real_time() / G_TIME_SPAN_SECOND;
    int64_t last = 0;

    g_array_set_clear_func(records, (GDestroyNotify)dsn_stream_record_clear);
    set_outlets("a", NULL);
    store(1, 4);
    g_autofree char *read = read_text("a", 2, 1000, &last);
    ck_assert_str_eq(read, "1 2");
    ck_assert(dsn_spool_read_records_after(test.spool, "a", last, 10, 1000, 0, records));
    ck_assert_uint_eq(records->len, 2);
    const DsnStreamRecord *first = &g_array_index(records, DsnStreamRecord, 0);
    ck_assert_int_eq(first->position, last + 1);
    ck_assert_int_ge(first->taken_in, before);
    ck_assert_int_le(first->taken_in, g_get_real_time() / G_TIME_SPAN_SECOND);

    /* never what it is past */
    ck_assert(dsn_spool_advance(test.spool, "a", last + 1, NULL, NULL));
    g_array_set_size(records, 0);
    ck_assert(dsn_spool_read_records_after(test.spool, "a", last, 10, 1000, 0, records));
    ck_assert_uint_eq(records->len, 1);
    ck_assert_int_eq(g_array_index(records, DsnStreamRecord, 0).position, last + 2);
    g_array_set_size(records, 0);
    ck_assert(dsn_spool_read_records_after(test.spool, "a", last + 2, 10, 1000, 0, records));
    ck_assert_uint_eq(records->len, 0);
}
END_TEST

static const struct {
    const char *label;
    unsigned max;
    size_t max_bytes;
    const char *want;
} amounts[] = {
    {"all", 100, 1000, "1 2 3 4 5"}, {"by number", 2, 1000, "1 2"}, {"by bytes", 100, 5, "1 2"},
    {"exactly", 100, 6, "1 2 3"},    {"at least one", 100, 1, "1"},
};

START_TEST(as_much_as_asked)
{
    set_outlets("a", NULL);
    store(1, 5);
    g_autofree char *read = read_text("a", amounts[_i].max, amounts[_i].max_bytes, NULL);
    ck_assert_msg(g_str_equal(read, amounts[_i].want), "%s: %s", amounts[_i].label, read);
}
END_TEST

START_TEST(never_back_and_never_beyond)
{
    set_outlets("a", NULL);
    store(1, 3);
    ck_assert(dsn_spool_advance(test.spool, "a", 2, NULL, NULL));
    ck_assert(dsn_spool_advance(test.spool, "a", 1, "again", NULL));
    ck_assert_reads("a", 10, 1000, "3");
    g_autofree char *note = dsn_spool_outlet_note(test.spool, "a");
    ck_assert_str_eq(note, "again");
    ck_assert(dsn_spool_advance(test.spool, "a", 1000, NULL, NULL));
    store(4, 1);
    ck_assert_reads("a", 10, 1000, "4");
}
END_TEST

START_TEST(no_such_outlet)
{
    g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(DsnStreamRecord));
    g_autoptr(GError) error = NULL;

    ck_assert(!dsn_spool_advance(test.spool, "x", 1, NULL, &error));
    ck_assert(g_error_matches(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_NONE));
    ck_assert(!dsn_spool_read_records(test.spool, "x", 1, 1, 0, records));
}
END_TEST

/* An outlet that was far behind is gone: its records are told and removed, a little at a time. */
START_TEST(one_goes)
{
    set_outlets("a", "b");
    for (guint64 message = 1; message <= 3; message++) {
        DsnDeposit *deposit = dsn_deposit_new(true);
        DsnItem *item = dsn_test_add_message(deposit, message);

        for (int i = 0; i < 4000; i++)
            dsn_test_add_line(item, DSN_RECORD_OOB, "x\n");
        ck_assert_int_eq(dsn_test_store(test.spool, deposit), DSN_ITEM_STORED);
    }
    ck_assert(dsn_spool_advance(test.spool, "b", 11999, NULL, NULL));
    ck_assert_uint_eq(set_outlets("b", NULL), 12000);
    ck_assert_uint_eq(count_records(), 1);
    ck_assert_uint_eq(set_outlets("b", NULL), 0);
    ck_assert(dsn_spool_advance(test.spool, "b", 12000, NULL, NULL));
    ck_assert_uint_eq(set_outlets(NULL, NULL), 0);
    /* nothing of them is left in the end; positions go on */
    dsn_test_spool_reopen(&test);
    set_outlets("c", NULL);
    store(4, 1);
    int64_t last = 0;
    g_autofree char *read = read_text("c", 10, 1000, &last);
    ck_assert_str_eq(read, "4");
    ck_assert_int_eq(last, 12001);
}
END_TEST

static gpointer
store_later(gpointer data)
{
    (void)data;
    g_usleep(50000);
    store(2, 1);
    return NULL;
}

static gpointer
wake_later(gpointer data)
{
    (void)data;
    g_usleep(50000);
    dsn_spool_wake(test.spool);
    return NULL;
}

START_TEST(waits_for_the_first)
{
    g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(DsnStreamRecord));

    g_array_set_clear_func(records, (GDestroyNotify)dsn_stream_record_clear);
    set_outlets("a", NULL);
    GThread *thread = g_thread_new("later", _i == 0 ? store_later : wake_later, NULL);
    ck_assert(dsn_spool_read_records(test.spool, "a", 10, 1000, 60 * G_TIME_SPAN_SECOND, records));
    ck_assert_uint_eq(records->len, _i == 0 ? 1 : 0);
    (void)g_thread_join(thread); /* it returns nothing */
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("spool-records");
    TCase *tcase = tcase_create("records");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, nobody_reads);
    tcase_add_test(tcase, each_from_where_it_stands);
    tcase_add_test(tcase, behind_a_position);
    tcase_add_loop_test(tcase, as_much_as_asked, 0, G_N_ELEMENTS(amounts));
    tcase_add_test(tcase, never_back_and_never_beyond);
    tcase_add_test(tcase, no_such_outlet);
    tcase_add_test(tcase, one_goes);
    tcase_add_loop_test(tcase, waits_for_the_first, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}
