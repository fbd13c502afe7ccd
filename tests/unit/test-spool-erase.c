/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/spool-private.h"
#include "tests/support/spool.h"
#include "tests/support/unit.h"

#define SHE "Ann.Other@Shop.Example"

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

/* ---- whether an address is named ---- */

static const struct {
    const char *text;
    bool names;
} texts[] = {
    {"", false},
    {"ann@x.example", true},
    {"ANN@x.Example", true},
    {"to <ann@x.example>, with thanks", true},
    {"\"sender\":\"ann@x.example\"", true},
    {"from ann@x.example.", true},
    {"bounces:ann@x.example:25", true},
    {"joann@x.example", false},
    {"jo-ann@x.example", false},
    {"jo.ann@x.example", false},
    {"jo+ann@x.example", false},
    {"\xc3\xa9"
     "ann@x.example",
     false},
    {"ann@x.example.org", false},
    {"ann@x.examples", false},
    {"ann@x.example-2", false},
    {"joann@x.example and ann@x.example", true},
    {"ann@x.exampl", false},
    /* in a JSON string, where what is before it can be an escape */
    {"\"To: b@y.example,\\r\\n\\tann@x.example\"", true},
    {"\"dear\\nann@x.example\\nhello\"", true},
    {"\"\\u003cann@x.example\\u003e\"", true},
    {"\"\\u003Cann@x.example\"", true},
    {"\"\\u0061ann@x.example\"", false},
    {"\"\\u00e9ann@x.example\"", false},
    {"\"back\\\\nann@x.example\"", false},
    {"\"u003cann@x.example\"", false},
};

START_TEST(named_or_not)
{
    ck_assert_msg(dsn_erase_names(dsn_span(texts[_i].text), "Ann@X.example") == texts[_i].names,
                  "%s", texts[_i].text);
}
END_TEST

/* ---- what goes ---- */

static void
add_history(DsnItem *item, const char *subject, const char *text)
{
    const DsnHistory row = {.subject = g_strdup(subject), .text = g_strdup(text)};

    if (item->history == NULL)
        item->history = g_array_new(FALSE, FALSE, sizeof(DsnHistory));
    g_array_append_val(item->history, row);
}

static void
add_attempt(DsnDeposit *deposit, guint64 message, const char *record)
{
    DsnItem item = {.kind = DSN_ITEM_ATTEMPT, .key = dsn_test_key(message, 0)};

    item.attempt = g_bytes_new(record, strlen(record));
    g_array_append_val(deposit->items, item);
}

/* Of each kind one about her and one about another. */
static void
fill(void)
{
    static const char *const outlets[] = {"out", NULL};
    DsnDeposit *deposit = dsn_deposit_new(false);
    DsnSpoolNotice *to_her = dsn_test_notice("Dear secret one", 1, 1);
    guint64 dropped;

    ck_assert(dsn_spool_set_outlets(test.spool, outlets, &dropped, NULL));
    g_free(to_her->recipient);
    to_her->recipient = g_strdup("ann.other@shop.example");
    DsnItem *item = dsn_test_add_event(deposit, 1, to_her);
    dsn_test_add_line(item, DSN_RECORD_BOUNCE, "{\"sender\":\"ann.other@shop.example\"}\n");
    dsn_test_add_line(item, DSN_RECORD_BOUNCE, "{\"sender\":\"joann.other@shop.example\"}\n");
    add_history(item, "record-1",
                "\"event\":\"Bounce\",\"sender\":\"ann.other@shop.example\",\"result\":\"notice\"");
    add_history(item, "record-1", "\"event\":\"sent\",\"reply\":\"250 kept\"");
    (void)dsn_test_add_event(deposit, 2, dsn_test_notice("y", 2, 1));    /* nothing to add to it */
    (void)dsn_test_add_rejected(deposit, "not JSON of " SHE, "no JSON"); /* the same */
    (void)dsn_test_add_rejected(deposit, "not JSON of b@shop.example", "no JSON");
    add_attempt(deposit, 1, "{\"sender\":\"" SHE "\"}");
    add_attempt(deposit, 2, "{\"sender\":\"b@shop.example\"}");
    ck_assert_int_eq(dsn_test_store(test.spool, deposit), DSN_ITEM_STORED);
}

static guint64
count_attempts(void)
{
    guint64 count = 0;

    for (guint64 i = 1; i <= 2; i++) {
        const DsnKey key = dsn_test_key(i, 0);
        g_autofree char *record = dsn_spool_last_attempt(test.spool, &key);

        count += record != NULL;
    }
    return count;
}

/* Polls: the log is emptied behind the commit. */
static bool
is_on_disk(const char *what)
{
    static const char *const names[] = {"spool.db", "spool.db-wal"};
    bool found = false;

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(test.directory, names[i], NULL);
        g_autofree char *bytes = NULL;
        gsize len = 0;

        if (g_file_get_contents(path, &bytes, &len, NULL))
            found |= memmem(bytes, len, what, strlen(what)) != NULL;
    }
    return found;
}

START_TEST(all_of_it)
{
    const int64_t until = g_get_monotonic_time() + 30 * G_TIME_SPAN_SECOND;
    g_autoptr(GArray) lines = g_array_new(FALSE, FALSE, sizeof(DsnHistoryLine));
    g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(DsnStreamRecord));
    DsnSpoolState state;
    DsnErased erased;

    g_array_set_clear_func(lines, (GDestroyNotify)(void (*)(void))dsn_history_line_clear);
    g_array_set_clear_func(records, (GDestroyNotify)(void (*)(void))dsn_stream_record_clear);
    fill();
    ck_assert(is_on_disk("Dear secret one"));
    ck_assert(dsn_spool_erase(test.spool, SHE, &erased, NULL));
    ck_assert_uint_eq(erased.entries, 2);
    ck_assert_uint_eq(erased.records, 1);
    ck_assert_uint_eq(erased.attempts, 1);
    ck_assert_uint_eq(erased.history, 1);
    dsn_spool_state(test.spool, &state);
    ck_assert_uint_eq(state.waiting, 1);
    ck_assert_uint_eq(state.dead, 1);
    ck_assert_uint_eq(count_attempts(), 1);
    while ((is_on_disk("Dear secret one") || is_on_disk("\"ann.other@shop.example")) &&
           g_get_monotonic_time() < until)
        g_usleep(10000);
    ck_assert(!is_on_disk("Dear secret one"));
    ck_assert(!is_on_disk("\"ann.other@shop.example"));
    ck_assert(is_on_disk("joann.other@shop.example"));

    /* the lines around it are where they were */
    ck_assert(dsn_spool_history(test.spool, "record-1", lines, NULL));
    ck_assert_uint_eq(lines->len, 3); /* and that the notice was dropped */
    ck_assert(
        g_str_has_prefix(g_array_index(lines, DsnHistoryLine, 0).text, "\"event\":\"erased\" "));
    ck_assert(g_str_has_prefix(g_array_index(lines, DsnHistoryLine, 1).text,
                               "\"event\":\"sent\",\"reply\":\"250 kept\""));

    /* and an outlet goes on behind the gap */
    ck_assert(dsn_spool_read_records(test.spool, "out", 10, 1000, 0, records));
    ck_assert_uint_eq(records->len, 1);
    ck_assert_int_eq(g_array_index(records, DsnStreamRecord, 0).position, 2);
    ck_assert(dsn_spool_erase(test.spool, SHE, &erased, NULL));
    ck_assert_uint_eq(erased.entries + erased.records + erased.attempts + erased.history, 0);
}
END_TEST

/* More than one chunk of each. */
START_TEST(very_many)
{
    static const char *const outlets[] = {"out", NULL};
    DsnDeposit *deposit = dsn_deposit_new(false);
    guint64 dropped;
    DsnErased erased;

    ck_assert(dsn_spool_set_outlets(test.spool, outlets, &dropped, NULL));
    for (guint i = 0; i < 1000; i++) {
        const char *sender = i % 2 == 0 ? "ann.other@shop.example" : "b@shop.example";
        g_autofree char *record = g_strdup_printf("{\"sender\":\"%s\"}", sender);

        DsnItem *item = dsn_test_add_event(deposit, i, NULL);
        dsn_test_add_line(item, DSN_RECORD_BOUNCE, record);
        add_attempt(deposit, i, record);
    }
    ck_assert_int_eq(dsn_test_store(test.spool, deposit), DSN_ITEM_STORED);
    ck_assert(dsn_spool_erase(test.spool, SHE, &erased, NULL));
    ck_assert_uint_eq(erased.records, 500);
    ck_assert_uint_eq(erased.attempts, 500);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("spool-erase");
    TCase *tcase = tcase_create("erase");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, named_or_not, 0, G_N_ELEMENTS(texts));
    tcase_add_test(tcase, all_of_it);
    tcase_add_test(tcase, very_many);
    suite_add_tcase(suite, tcase);
    return suite;
}
