/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/spool-private.h"
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

static void
add_history(DsnItem *item, const char *subject, const char *text)
{
    const DsnHistory row = {.subject = g_strdup(subject), .text = g_strdup(text)};

    if (item->history == NULL)
        item->history = g_array_new(FALSE, FALSE, sizeof(DsnHistory));
    g_array_append_val(item->history, row);
}

static DsnItem *
add_item(DsnDeposit *deposit, DsnItemKind kind)
{
    const DsnItem item = {.kind = kind};

    g_array_append_val(deposit->items, item);
    return &g_array_index(deposit->items, DsnItem, deposit->items->len - 1);
}

static void
clear_line(gpointer line)
{
    dsn_history_line_clear(line);
}

/* "text text": what is known about @subject, in its order. */
static char *
history_of(const char *subject)
{
    g_autoptr(GArray) lines = g_array_new(FALSE, FALSE, sizeof(DsnHistoryLine));
    GString *text = g_string_new(NULL);
    int64_t before = 0;

    g_array_set_clear_func(lines, clear_line);
    ck_assert(dsn_spool_history(test.spool, subject, lines, NULL));
    for (guint i = 0; i < lines->len; i++) {
        const DsnHistoryLine *line = &g_array_index(lines, DsnHistoryLine, i);

        g_string_append_printf(text, "%s%s", i == 0 ? "" : " ", line->text);
        ck_assert_int_gt(line->time, before);
        before = line->time;
    }
    return g_string_free(text, FALSE);
}

#define ck_assert_history(subject, want)                   \
    do {                                                   \
        g_autofree char *known_text = history_of(subject); \
        ck_assert_str_eq(known_text, want);                \
    } while (0)

START_TEST(history_of_a_notice)
{
    DsnDeposit *deposit = dsn_deposit_new(false);
    DsnItem *item = dsn_test_add_event(deposit, 1, dsn_test_notice("one", 1, 1));

    add_history(item, "record-1", "\"event\":\"made\"");
    add_history(item, "id@example.com", "\"see\":\"record-1\"");
    ck_assert_int_eq(dsn_test_store(test.spool, deposit), DSN_ITEM_STORED);
    ck_assert_history("record-1", "\"event\":\"made\",\"entry\":1");
    ck_assert_history("id@example.com", "\"see\":\"record-1\",\"entry\":1");
    ck_assert_history("record-2", "");

    /* a repetition leaves nothing */
    deposit = dsn_deposit_new(false);
    item = dsn_test_add_event(deposit, 1, dsn_test_notice("one", 1, 1));
    add_history(item, "record-1", "\"event\":\"twice\"");
    ck_assert_int_eq(dsn_test_store(test.spool, deposit), DSN_ITEM_DUPLICATE);

    g_autoptr(DsnWaitingNotice) notice = dsn_test_take(test.spool);
    dsn_spool_settle(test.spool, notice->entry, DSN_SETTLED_SENT, 0, "250 \"ok\"");
    dsn_test_spool_reopen(&test);
    ck_assert_history("record-1",
                      "\"event\":\"made\",\"entry\":1 \"event\":\"sent\",\"entry\":1,\"relay\":"
                      "\"default\",\"attempts\":1,\"reply\":\"250 \\\"ok\\\"\"");
}
END_TEST

START_TEST(the_last_attempt)
{
    static const struct {
        int64_t time;
        const char *text;
        const char *want;
    } attempts[] = {
        {1000, "first", "first"},
        {2000, "later", "later"},
        {1500, "late", "later"},
        {2000, "same", "same"},
    };
    DsnKey key = dsn_test_key(5, 0);

    ck_assert_ptr_null(dsn_spool_last_attempt(test.spool, &key));
    for (guint i = 0; i < G_N_ELEMENTS(attempts); i++) {
        DsnDeposit *deposit = dsn_deposit_new(false);
        DsnItem *item = add_item(deposit, DSN_ITEM_ATTEMPT);

        item->key = dsn_test_key(5, attempts[i].time);
        item->attempt = g_bytes_new(attempts[i].text, strlen(attempts[i].text));
        ck_assert_int_eq(dsn_test_store(test.spool, deposit), DSN_ITEM_STORED);
        g_autofree char *record = dsn_spool_last_attempt(test.spool, &key);
        ck_assert_str_eq(record, attempts[i].want);
    }
}
END_TEST

/* ---- history ---- */

static void
remember(const char *subject, const char *text)
{
    DsnDeposit *deposit = dsn_deposit_new(false);

    add_history(add_item(deposit, DSN_ITEM_HISTORY), subject, text);
    ck_assert_int_eq(dsn_test_store(test.spool, deposit), DSN_ITEM_STORED);
}

/* Each kind of item can leave some. */
START_TEST(history_of_other_items)
{
    DsnDeposit *deposit = dsn_deposit_new(false);

    dsn_test_add_message(deposit, 1);
    add_history(&g_array_index(deposit->items, DsnItem, 0), "digest", "\"event\":\"feedback\"");
    ck_assert_int_eq(dsn_test_store(test.spool, deposit), DSN_ITEM_STORED);
    deposit = dsn_deposit_new(false);
    dsn_test_add_message(deposit, 1);
    add_history(&g_array_index(deposit->items, DsnItem, 0), "digest", "\"event\":\"twice\"");
    ck_assert_int_eq(dsn_test_store(test.spool, deposit), DSN_ITEM_DUPLICATE);
    ck_assert_history("digest", "\"event\":\"feedback\"");

    for (int i = 1; i <= 3; i++) {
        g_autofree char *text = g_strdup_printf("\"n\":%d", i);
        remember("alone", text);
        dsn_test_spool_reopen(&test); /* and with it the bucket */
    }
    ck_assert_history("alone", "\"n\":1 \"n\":2 \"n\":3");
}
END_TEST

/* What becomes of a notice is found from each of its records. */
START_TEST(history_of_a_shared_notice)
{
    DsnSpoolNotice *notice = dsn_test_notice("one", 1, 1);
    DsnDeposit *deposit = dsn_deposit_new(false);
    g_auto(DsnOpenNotice) open = {0};

    notice->group = dsn_test_key(7, 0);
    notice->sources = g_bytes_new("1", 1);
    add_history(dsn_test_add_event(deposit, 1, notice), "record-1", "\"event\":\"Bounce\"");
    ck_assert_int_eq(dsn_test_store(test.spool, deposit), DSN_ITEM_STORED);

    const DsnKey group = dsn_test_key(7, 0);
    ck_assert(dsn_spool_look_open(test.spool, &group, &open));
    notice = dsn_test_notice("both", 1, 2);
    notice->replaces = open.entry;
    notice->version = open.version;
    deposit = dsn_deposit_new(false);
    DsnItem *item = dsn_test_add_event(deposit, 2, notice);
    add_history(item, "second", "\"event\":\"Bounce\"");
    add_history(item, "id@example.com", "\"see\":\"record-1\"");
    ck_assert_int_eq(dsn_test_store(test.spool, deposit), DSN_ITEM_STORED);
    ck_assert_history("second", "\"event\":\"Bounce\",\"entry\":1,\"see\":\"record-1\"");
    ck_assert_history("id@example.com", "\"see\":\"record-1\",\"entry\":1");
}
END_TEST

static const struct {
    const char *label;
    DsnSettled how;
    const char *want;
} outcomes[] = {
    {"sent", DSN_SETTLED_SENT,
     "\"event\":\"sent\",\"entry\":1,\"relay\":\"default\",\"attempts\":1"},
    {"retry", DSN_SETTLED_RETRY,
     "\"event\":\"retry\",\"entry\":1,\"relay\":\"default\",\"attempts\":1,\"next_attempt\":9"},
    {"dead", DSN_SETTLED_DEAD,
     "\"event\":\"dead\",\"entry\":1,\"relay\":\"default\",\"attempts\":1"},
    {"back", DSN_SETTLED_BACK, ""},
};

START_TEST(outcome)
{
    ck_assert_int_eq(dsn_test_store_event(test.spool, 1, dsn_test_notice("x", 1, 1)),
                     DSN_ITEM_STORED);
    g_autoptr(DsnWaitingNotice) notice = dsn_test_take(test.spool);
    dsn_spool_settle(test.spool, notice->entry, outcomes[_i].how, 9 * G_USEC_PER_SEC, NULL);
    dsn_test_spool_reopen(&test);
    g_autofree char *known = history_of("record-1");
    ck_assert_msg(g_str_equal(known, outcomes[_i].want), "%s: %s", outcomes[_i].label, known);
}
END_TEST

START_TEST(what_an_administrator_does)
{
    ck_assert_int_eq(dsn_test_store_event(test.spool, 1, dsn_test_notice("x", 1, 1)),
                     DSN_ITEM_STORED);
    ck_assert_int_eq(dsn_spool_retry(test.spool, &(DsnQueueFilter){0}, NULL), 1);
    ck_assert_int_eq(dsn_spool_drop(test.spool, &(DsnQueueFilter){0}, NULL), 1);
    ck_assert_history("record-1",
                      "\"event\":\"retried\",\"entry\":1 \"event\":\"dropped\",\"entry\":1");
}
END_TEST

START_TEST(no_history_at_all)
{
    test.options.history_keep = 0;
    dsn_test_spool_reopen(&test);
    remember("subject", "\"event\":\"x\"");
    ck_assert_history("subject", "");
}
END_TEST

/* A long text stays JSON, and keeps what it is about. */
START_TEST(long_texts_are_shortened)
{
    g_autofree char *ones = g_strnfill(5000, '1');
    g_autoptr(GString) odd = g_string_new("x");
    g_autoptr(GString) list = g_string_new("\"event\":\"e\",\"list\":[0");

    for (int i = 0; i < 3000; i++) {
        g_string_append(odd, "\xc3\xbc"); /* two bytes: the limit is inside of one */
        g_string_append(list, ",1");
    }
    g_string_append_c(list, ']');
    g_autofree char *reply = g_strdup_printf("\"event\":\"e\",\"reply\":\"%s\",\"n\":1", ones);
    g_autofree char *text = g_strdup_printf("\"event\":\"e\",\"reply\":\"%s\"", odd->str);
    remember("reply", reply);
    remember("odd", text);
    remember("list", list->str);
    g_autofree char *short_ones = g_strnfill(500, '1');
    g_autofree char *want = g_strdup_printf("\"event\":\"e\",\"reply\":\"%s\",\"n\":1", short_ones);
    ck_assert_history("reply", want);
    g_string_truncate(odd, 499);
    g_autofree char *want_odd = g_strdup_printf("\"event\":\"e\",\"reply\":\"%s\"", odd->str);
    ck_assert_history("odd", want_odd);
    ck_assert_history("list", "\"event\":\"e\"");
}
END_TEST

/* ---- what goes ---- */

static void
change_closed(const char *sql)
{
    g_autofree char *path = g_build_filename(test.directory, "spool.db", NULL);

    g_clear_pointer(&test.spool, dsn_spool_close);
    DsnDb *db = dsn_db_open(path, true, NULL);
    ck_assert(dsn_db_exec(db, sql, NULL));
    dsn_db_close(db);
    dsn_test_spool_reopen(&test);
}

static gint64
count_rows(const char *table)
{
    g_autofree char *path = g_build_filename(test.directory, "spool.db", NULL);
    g_autofree char *sql = g_strdup_printf("SELECT count(*) FROM %s", table);
    g_autoptr(DsnDb) db = dsn_db_open(path, false, NULL);
    sqlite3_stmt *query = NULL;

    ck_assert_int_eq(sqlite3_prepare_v2(db->handle, sql, -1, &query, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(query), SQLITE_ROW);
    gint64 count = sqlite3_column_int64(query, 0);
    (void)sqlite3_finalize(query); /* it did not fail */
    return count;
}

static void
wait_for_rows(const char *table, gint64 want)
{
    for (int i = 0; i < 1000 && count_rows(table) != want; i++)
        g_usleep(10000);
    ck_assert_msg(count_rows(table) == want, "%s", table);
}

static void
attempt(guint64 message, const char *text)
{
    DsnDeposit *deposit = dsn_deposit_new(false);
    DsnItem *item = add_item(deposit, DSN_ITEM_ATTEMPT);

    item->key = dsn_test_key(message, 1000);
    item->attempt = g_bytes_new(text, strlen(text));
    ck_assert_int_eq(dsn_test_store(test.spool, deposit), DSN_ITEM_STORED);
}

/* AUTHF-11: what is remembered of people goes after its time. */
START_TEST(old_rows_go)
{
    g_autofree char *sql = NULL;
    const int64_t now = g_get_real_time() / G_USEC_PER_SEC;

    test.options.keep = 3600;
    test.options.history_keep = 7200;
    remember("new", "\"event\":\"new\"");
    attempt(1, "old");
    attempt(2, "new");
    /* the second bucket has rows that are not old yet: it can have begun five minutes before */
    sql = g_strdup_printf(
        "INSERT INTO history_line SELECT column1, subject, 0 FROM history_line,"
        " (VALUES(%1$" G_GINT64_FORMAT "), (%2$" G_GINT64_FORMAT "));"
        "INSERT INTO history_text VALUES(%1$" G_GINT64_FORMAT " << 20, x'3120610a'),"
        " (%1$" G_GINT64_FORMAT " << 20 | 0xfffff, x'3120610a'),"
        " (%2$" G_GINT64_FORMAT " << 20, CAST('2 late' || char(10) AS BLOB));"
        "INSERT INTO bucket VALUES('sfull', 0.5, %3$" G_GINT64_FORMAT ");"
        "INSERT INTO bucket VALUES('shalf', 0.5, %4$" G_GINT64_FORMAT ");"
        "UPDATE attempt SET stored = %5$" G_GINT64_FORMAT " WHERE record = x'6f6c64'",
        (now - 7200 - 400) * 1000, (now - 7200 - 100) * 1000, (now - 1801) * G_USEC_PER_SEC,
        (now - 1700) * G_USEC_PER_SEC, now - 3601);
    change_closed(sql);
    wait_for_rows("bucket", 1);
    wait_for_rows("history_line", 2);
    wait_for_rows("history_text", 2);
    wait_for_rows("attempt", 1);
    ck_assert_history("new", "late \"event\":\"new\"");
}
END_TEST

static void
fill(guint64 *number, int64_t until)
{
    g_autofree char *body = g_strnfill(4096, 'x');
    DsnSpoolState state;

    do {
        ++*number;
        ck_assert_int_eq(
            dsn_test_store_event(test.spool, *number, dsn_test_notice(body, *number, 1)),
            DSN_ITEM_STORED);
        dsn_spool_state(test.spool, &state);
    } while ((int64_t)state.bytes < until);
}

/* What is remembered must not keep mail out. */
START_TEST(goes_first_when_room_is_short)
{
    g_autofree char *text = g_strnfill(4000, 'x');
    guint64 number = 0;

    test.options.max_size = 4 << 20;
    dsn_test_spool_reopen(&test);
    for (int i = 0; i < 100; i++) {
        g_autofree char *subject = g_strdup_printf("%d", i);
        remember(subject, text);
    }
    attempt(1, text);
    fill(&number, 2 << 20);
    ck_assert_int_eq(count_rows("history_line"), 100);
    while (count_rows("attempt") > 0 && dsn_spool_is_ready(test.spool))
        fill(&number, 0);
    ck_assert_int_eq(count_rows("history_line"), 0); /* before the attempts */
    ck_assert(dsn_spool_is_ready(test.spool));
    ck_assert_int_eq(count_rows("entry"), (gint64)number);
}
END_TEST

/* No bucket is so large that its rows are spread over much. */
START_TEST(buckets_are_bounded)
{
    g_autofree char *text = g_strnfill(4000, 'x');
    DsnDeposit *deposit = dsn_deposit_new(false);
    DsnItem *item = add_item(deposit, DSN_ITEM_HISTORY);

    for (int i = 0; i < 1200; i++) { /* 4.8 MB */
        g_autofree char *subject = g_strdup_printf("%d", i);
        add_history(item, subject, text);
    }
    ck_assert_int_eq(dsn_test_store(test.spool, deposit), DSN_ITEM_STORED);
    ck_assert_int_eq(count_rows("(SELECT DISTINCT bucket FROM history_line)"), 3);
    ck_assert_int_eq(count_rows("history_text WHERE length(lines) > 70000"), 0);
    ck_assert_int_ge(count_rows("history_text"), 4800000 / 70000);
    for (int i = 0; i < 1200; i++) {
        g_autofree char *subject = g_strdup_printf("%d", i);
        ck_assert_history(subject, text);
    }
}
END_TEST

/* ---- token buckets ---- */

static void
add_bucket(GArray **buckets, const char *name, double tokens, int64_t time)
{
    const DsnBucket bucket = {g_strdup(name), tokens, time};

    if (*buckets == NULL)
        *buckets = g_array_new(FALSE, FALSE, sizeof(DsnBucket));
    g_array_append_val(*buckets, bucket);
}

START_TEST(token_buckets)
{
    const int64_t now = g_get_real_time();
    g_autoptr(GArray) loaded = g_array_new(FALSE, FALSE, sizeof(DsnBucket));
    DsnDeposit *deposit = dsn_deposit_new(true); /* without items, as at a stop */

    add_bucket(&deposit->buckets, "sa@example.com", 0.5, now - 10);
    add_bucket(&deposit->buckets, "o", 0.25, now);
    dsn_spool_submit(test.spool, deposit);
    ck_assert(dsn_spool_wait(test.spool, deposit, -1));
    ck_assert_ptr_null(deposit->error);
    dsn_deposit_free(deposit);
    deposit = dsn_deposit_new(false);
    (void)dsn_test_add_event(deposit, 1, NULL); /* nothing to add to it */
    add_bucket(&deposit->buckets, "o", 0.125, now + 1);
    ck_assert_int_eq(dsn_test_store(test.spool, deposit), DSN_ITEM_STORED);

    dsn_test_spool_reopen(&test);
    ck_assert(dsn_spool_load_buckets(test.spool, loaded, NULL));
    ck_assert_uint_eq(loaded->len, 2);
    DsnBucket *first = &g_array_index(loaded, DsnBucket, 0);
    DsnBucket *second = &g_array_index(loaded, DsnBucket, 1);
    ck_assert_str_eq(first->name, "o");
    ck_assert_double_eq(first->tokens, 0.125);
    ck_assert_int_eq(first->time, now + 1);
    ck_assert_str_eq(second->name, "sa@example.com");
    ck_assert_double_eq(second->tokens, 0.5);
    dsn_bucket_clear(first);
    dsn_bucket_clear(second);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("spool-memory");
    TCase *tcase = tcase_create("memory");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, history_of_a_notice);
    tcase_add_test(tcase, the_last_attempt);
    tcase_add_test(tcase, history_of_other_items);
    tcase_add_test(tcase, history_of_a_shared_notice);
    tcase_add_loop_test(tcase, outcome, 0, G_N_ELEMENTS(outcomes));
    tcase_add_test(tcase, what_an_administrator_does);
    tcase_add_test(tcase, no_history_at_all);
    tcase_add_test(tcase, long_texts_are_shortened);
    tcase_add_test(tcase, old_rows_go);
    tcase_add_test(tcase, goes_first_when_room_is_short);
    tcase_add_test(tcase, buckets_are_bounded);
    tcase_add_test(tcase, token_buckets);
    suite_add_tcase(suite, tcase);
    return suite;
}
