/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/spool-private.h"
#include "tests/support/spool.h"
#include "tests/support/unit.h"

/* ---- notices that are made again while nobody was handed them ---- */

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

static int64_t
in_five_minutes(void)
{
    return g_get_real_time() + 5 * G_TIME_SPAN_MINUTE;
}

/* A notice of the group @group with the keys from @first on, which is made of its own bytes. */
static DsnSpoolNotice *
grouped(const char *bytes, guint64 group, guint64 first, guint count)
{
    DsnSpoolNotice *notice = dsn_test_notice(bytes, first, count);

    notice->group = dsn_test_key(group, 0);
    notice->sources = g_bytes_new(bytes, strlen(bytes));
    notice->due = in_five_minutes();
    return notice;
}

static DsnItemResult
store(guint64 event, DsnSpoolNotice *notice, bool known)
{
    DsnDeposit *deposit = dsn_deposit_new(false);

    dsn_test_add_event(deposit, event, notice)->known = known;
    return dsn_test_store(test.spool, deposit);
}

/* The open notice of @group, which must be there. */
static DsnOpenNotice
look(guint64 group)
{
    const DsnKey key = dsn_test_key(group, 0);
    DsnOpenNotice open;

    ck_assert(dsn_spool_look_open(test.spool, &key, &open));
    return open;
}

static bool
is_open(guint64 group)
{
    const DsnKey key = dsn_test_key(group, 0);
    g_auto(DsnOpenNotice) open = {0};

    return dsn_spool_look_open(test.spool, &key, &open);
}

/* @notice in the place of the open one of @group. */
static DsnSpoolNotice *
in_place(guint64 group, DsnSpoolNotice *notice)
{
    g_auto(DsnOpenNotice) open = look(group);

    notice->replaces = open.entry;
    notice->version = open.version;
    return notice;
}

#define ck_assert_content(entry, want)                                                           \
    do {                                                                                         \
        g_autoptr(GBytes) content_bytes = dsn_spool_content(test.spool, entry, NULL);            \
        ck_assert_ptr_nonnull(content_bytes);                                                    \
        dsn_assert_bytes(g_bytes_get_data(content_bytes, NULL), g_bytes_get_size(content_bytes), \
                         want, strlen(want));                                                    \
    } while (0)

START_TEST(replaced)
{
    ck_assert_int_eq(store(1, grouped("one", 7, 1, 1), false), DSN_ITEM_STORED);
    g_auto(DsnOpenNotice) open = look(7);
    ck_assert_int_eq(open.entry, 1);
    ck_assert(!open.has_original);
    dsn_assert_bytes(g_bytes_get_data(open.sources, NULL), g_bytes_get_size(open.sources), "one",
                     3);

    DsnSpoolNotice *second = in_place(7, grouped("one two", 7, 1, 2));
    second->has_original = true;
    ck_assert_int_eq(store(2, second, false), DSN_ITEM_STORED);
    ck_assert_content(1, "one two");
    g_auto(DsnOpenNotice) after = look(7);
    ck_assert_int_eq(after.entry, 1);
    ck_assert_int_ne(after.version, open.version);
    ck_assert(after.has_original);
    dsn_assert_bytes(g_bytes_get_data(after.sources, NULL), g_bytes_get_size(after.sources),
                     "one two", 7);
    DsnSpoolState state;
    dsn_spool_state(test.spool, &state);
    ck_assert_uint_eq(state.waiting, 1);
    /* its keys are the notice's now */
    ck_assert_int_eq(store(3, dsn_test_notice("other", 2, 1), false), DSN_ITEM_CONFLICT);
    /* a known event */
    ck_assert_int_eq(store(2, in_place(7, grouped("again", 7, 1, 2)), true), DSN_ITEM_MERGED);
    ck_assert_content(1, "again");
    /* the second does not come twice by itself */
    ck_assert_int_eq(store(2, in_place(7, grouped("no", 7, 1, 2)), false), DSN_ITEM_DUPLICATE);
    ck_assert_content(1, "again");
}
END_TEST

START_TEST(open_until_handed_out)
{
    ck_assert_int_eq(store(1, grouped("one", 7, 1, 1), false), DSN_ITEM_STORED);
    ck_assert_ptr_null(dsn_test_take(test.spool)); /* its time has not come */
    ck_assert(is_open(7));
    DsnSpoolNotice *late = in_place(7, grouped("late", 7, 1, 2));
    ck_assert_int_eq(dsn_spool_retry(test.spool, &(DsnQueueFilter){0}, NULL), 1);
    ck_assert(!is_open(7));
    ck_assert_int_eq(store(2, late, false), DSN_ITEM_CONFLICT);
    g_autoptr(DsnWaitingNotice) notice = dsn_test_take(test.spool);
    dsn_assert_bytes(g_bytes_get_data(notice->bytes, NULL), g_bytes_get_size(notice->bytes), "one",
                     3);
}
END_TEST

/* ---- what does not replace ---- */

static bool
drop_it(void)
{
    return dsn_spool_drop(test.spool, &(DsnQueueFilter){0}, NULL) == 1;
}

static bool
take_it(void)
{
    return dsn_spool_retry(test.spool, &(DsnQueueFilter){0}, NULL) == 1;
}

static bool
replace_it(void)
{
    return store(50, in_place(7, grouped("other", 7, 1, 3)), false) == DSN_ITEM_STORED;
}

static bool
take_its_key(void)
{
    return store(50, dsn_test_notice("other", 3, 1), false) == DSN_ITEM_STORED;
}

/* An open notice of the keys 1 and 2 is looked at, something happens, and the item comes. */
static const struct {
    const char *label;
    bool (*happens)(void);
    guint64 first;
    guint count; /* keys */
    DsnItemResult want;
    const char *content;
} meanwhile[] = {
    {"nothing", NULL, 1, 3, DSN_ITEM_STORED, "new"},
    {"the same keys", NULL, 1, 2, DSN_ITEM_STORED, "new"},
    {"a recipient less", NULL, 1, 1, DSN_ITEM_CONFLICT, "old"},
    {"others", NULL, 2, 2, DSN_ITEM_CONFLICT, "old"},
    {"dropped", drop_it, 1, 3, DSN_ITEM_CONFLICT, NULL},
    {"due", take_it, 1, 3, DSN_ITEM_CONFLICT, "old"},
    {"replaced", replace_it, 1, 3, DSN_ITEM_CONFLICT, "other"},
    {"a new recipient has a notice", take_its_key, 1, 3, DSN_ITEM_CONFLICT, "old"},
};

START_TEST(happens_meanwhile)
{
    DsnKey event = dsn_test_key(2, g_get_real_time() / G_USEC_PER_SEC / 3600 * 3600);

    ck_assert_int_eq(store(1, grouped("old", 7, 1, 2), false), DSN_ITEM_STORED);
    DsnSpoolNotice *notice =
        in_place(7, grouped("new", 7, meanwhile[_i].first, meanwhile[_i].count));
    if (meanwhile[_i].happens != NULL)
        ck_assert(meanwhile[_i].happens());
    ck_assert_msg(store(2, notice, false) == meanwhile[_i].want, "%s", meanwhile[_i].label);
    ck_assert_int_eq(dsn_spool_look_event(test.spool, &event) != DSN_SEEN_NOT,
                     meanwhile[_i].want == DSN_ITEM_STORED);
    if (meanwhile[_i].content != NULL)
        ck_assert_content(1, meanwhile[_i].content);
}
END_TEST

/* Two of a message at the same time: the second has to look again. */
START_TEST(one_of_a_group)
{
    ck_assert_int_eq(store(1, grouped("one", 7, 1, 1), false), DSN_ITEM_STORED);
    ck_assert_int_eq(store(2, grouped("two", 7, 2, 1), false), DSN_ITEM_CONFLICT);
    ck_assert_int_eq(store(3, grouped("another", 8, 3, 1), false), DSN_ITEM_STORED);
    DsnSpoolNotice *alone = grouped("alone", 0, 4, 1);
    alone->group = (DsnKey){.time = 0};
    ck_assert_int_eq(store(4, alone, false), DSN_ITEM_STORED);
    ck_assert_int_eq(dsn_spool_retry(test.spool, &(DsnQueueFilter){.entry = 1}, NULL), 1);
    ck_assert_int_eq(store(2, grouped("two", 7, 2, 1), false), DSN_ITEM_STORED);
}
END_TEST

static DsnItemResult
store_also(guint64 event, guint64 also, DsnSpoolNotice *notice)
{
    const int64_t time = g_get_real_time() / G_USEC_PER_SEC / 3600 * 3600;
    DsnDeposit *deposit = dsn_deposit_new(false);
    DsnItem *item = dsn_test_add_event(deposit, event, notice);
    const DsnKey keys[] = {dsn_test_key(also, time), dsn_test_key(also, time)};

    item->also = g_array_new(FALSE, FALSE, sizeof(DsnKey));
    g_array_append_vals(item->also, keys, 2); /* twice is once */
    return dsn_test_store(test.spool, deposit);
}

START_TEST(several_events)
{
    ck_assert_int_eq(store_also(1, 2, dsn_test_notice("one", 1, 2)), DSN_ITEM_STORED);
    ck_assert_int_eq(store(2, NULL, false), DSN_ITEM_DUPLICATE);
    ck_assert_int_eq(store_also(3, 2, dsn_test_notice("x", 3, 1)), DSN_ITEM_CONFLICT);
    ck_assert_int_eq(store_also(1, 3, dsn_test_notice("x", 3, 1)), DSN_ITEM_CONFLICT);
    ck_assert_int_eq(store(3, dsn_test_notice("x", 3, 1), false), DSN_ITEM_STORED);
}
END_TEST

/* ---- sizes ---- */

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

static DsnSpoolNotice *
of_size(char letter, size_t size, size_t sources)
{
    g_autofree char *body = g_strnfill(size, letter);
    DsnSpoolNotice *notice = grouped(body, 7, 1, 1);

    g_bytes_unref(notice->sources);
    notice->sources = g_bytes_new_take(g_strnfill(sources, letter), sources);
    return notice;
}

static const struct {
    const char *label;
    size_t first, second;
    guint files;
} sizes[] = {
    {"file to file", 100000, 100001, 1},
    {"row to file", 10, 100000, 1},
    {"file to row", 100000, 10, 0},
    {"row to row", 10, 10000, 0},
};

START_TEST(any_size)
{
    g_autofree char *folder = g_build_filename(test.directory, "large", NULL);
    g_autofree char *want = g_strnfill(sizes[_i].second, 'b');
    guint files = 0;

    ck_assert_int_eq(store(1, of_size('a', sizes[_i].first, 5), false), DSN_ITEM_STORED);
    ck_assert_int_eq(store(2, in_place(7, of_size('b', sizes[_i].second, 70000)), false),
                     DSN_ITEM_STORED);
    ck_assert_content(1, want);
    for (int i = 0; i < 1000; i++) { /* what is replaced goes after the commit */
        g_autoptr(GDir) directory = g_dir_open(folder, 0, NULL);

        for (files = 0; g_dir_read_name(directory) != NULL;)
            files++;
        if (files == sizes[_i].files)
            break;
        g_usleep(10000);
    }
    ck_assert_msg(files == sizes[_i].files, "%s", sizes[_i].label);
}
END_TEST

#define SOURCES "content WHERE sources IS NOT NULL"

/* More than that is not kept: then it is as if the notice was not open. */
START_TEST(too_much_to_be_made_of)
{
    ck_assert_int_eq(store(1, of_size('a', 10, DSN_SOURCES_MAX), false), DSN_ITEM_STORED);
    ck_assert(is_open(7));
    ck_assert_int_eq(store(2, in_place(7, of_size('b', 10, DSN_SOURCES_MAX + 1)), false),
                     DSN_ITEM_STORED);
    ck_assert(!is_open(7));
    ck_assert_int_eq(count_rows(SOURCES), 0);
    ck_assert_int_eq(store(3, grouped("two", 7, 2, 1), false), DSN_ITEM_STORED);
}
END_TEST

/* What a notice was made of is kept no longer than until an attempt has failed. */
static const DsnSettled settled[] = {DSN_SETTLED_SENT, DSN_SETTLED_RETRY, DSN_SETTLED_DEAD};

START_TEST(sources_go)
{
    DsnSpoolNotice *due = grouped("due", 1, 1, 1);

    due->due = 0;
    ck_assert_int_eq(store(1, due, false), DSN_ITEM_STORED);
    for (guint64 i = 2; i <= 4; i++)
        ck_assert_int_eq(store(i, grouped("held", i, i, 1), false), DSN_ITEM_STORED);
    ck_assert_int_eq(count_rows(SOURCES), 4);
    g_autoptr(DsnWaitingNotice) notice = dsn_test_take(test.spool);
    ck_assert_int_eq(notice->entry, 1);
    dsn_spool_settle(test.spool, 1, settled[_i], G_MAXINT64, NULL);
    dsn_test_spool_reopen(&test);
    ck_assert_int_eq(count_rows(SOURCES), 3);
    ck_assert_int_eq(dsn_spool_drop(test.spool, &(DsnQueueFilter){.entry = 2}, NULL), 1);
    ck_assert_int_eq(count_rows(SOURCES), 2);
    ck_assert_int_eq(dsn_spool_retry(test.spool, &(DsnQueueFilter){.entry = 3}, NULL), 1);
}
END_TEST

/* ---- when it is due ---- */

static void
store_due(guint64 number, const char *relay, int64_t due)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, number);
    DsnSpoolNotice *notice = grouped(text, number, number, 1);

    notice->due = due;
    notice->relay = g_strdup(relay);
    ck_assert_int_eq(store(number, notice, false), DSN_ITEM_STORED);
}

/* "1 2": what @relay can take now. */
static char *
take_for(const char *relay, GTimeSpan wait)
{
    g_autoptr(GPtrArray) notices =
        g_ptr_array_new_with_free_func((GDestroyNotify)dsn_waiting_notice_free);
    GString *text = g_string_new(NULL);

    ck_assert(dsn_spool_take_notices(test.spool, relay, 10, wait, notices));
    for (guint i = 0; i < notices->len; i++)
        g_string_append_printf(text, "%s%" G_GINT64_FORMAT, i == 0 ? "" : " ",
                               ((DsnWaitingNotice *)notices->pdata[i])->entry);
    return g_string_free(text, FALSE);
}

#define ck_assert_takes(relay, wait, want)                   \
    do {                                                     \
        g_autofree char *taken_text = take_for(relay, wait); \
        ck_assert_str_eq(taken_text, want);                  \
    } while (0)

START_TEST(held_until_its_time)
{
    const int64_t due = g_get_real_time() + 5 * G_TIME_SPAN_SECOND; /* time for all before it */

    store_due(1, NULL, due);
    store_due(2, NULL, due + G_TIME_SPAN_HOUR);
    store_due(3, NULL, 0); /* what would be due waits behind it */
    ck_assert_takes(NULL, 0, "");
    dsn_test_spool_reopen(&test); /* that starts no new time */
    ck_assert_takes(NULL, 0, "");
    ck_assert_takes(NULL, 30 * G_TIME_SPAN_SECOND, "1");
    ck_assert_int_ge(g_get_real_time(), due);
    ck_assert(is_open(2) && is_open(3));
    /* an administrator need not wait */
    ck_assert_int_eq(dsn_spool_retry(test.spool, &(DsnQueueFilter){.entry = 3}, NULL), 1);
    ck_assert_takes(NULL, 0, "3");
    ck_assert(is_open(2));
    ck_assert_int_eq(dsn_spool_retry(test.spool, &(DsnQueueFilter){.entry = 2}, NULL), 1);
    ck_assert_takes(NULL, 0, "2");
}
END_TEST

static bool
read_next_attempt(const DsnQueueEntry *entry, gpointer user)
{
    *(int64_t *)user = entry->next_attempt;
    return false;
}

static void
set_due(int64_t due)
{
    g_autofree char *path = g_build_filename(test.directory, "spool.db", NULL);
    g_autofree char *sql = g_strdup_printf("UPDATE entry SET due = %" G_GINT64_FORMAT, due);

    g_clear_pointer(&test.spool, dsn_spool_close);
    DsnDb *db = dsn_db_open(path, true, NULL);
    ck_assert(dsn_db_exec(db, sql, NULL));
    dsn_db_close(db);
    dsn_test_spool_reopen(&test);
}

/* However far ahead it is: and when the clock was set back since, it would be far. */
START_TEST(never_held_for_long)
{
    const int64_t now = g_get_real_time();
    int64_t next = 0;

    store_due(1, NULL, now + 24 * G_TIME_SPAN_HOUR);
    ck_assert_takes(NULL, 0, "");
    ck_assert(dsn_spool_list(test.spool, &(DsnQueueFilter){0}, read_next_attempt, &next, NULL));
    ck_assert_int_le(next, g_get_real_time() / G_USEC_PER_SEC + 600);
    ck_assert_int_ge(next, now / G_USEC_PER_SEC + 600 - 1);
    set_due(now + 9 * G_TIME_SPAN_MINUTE);
    ck_assert_takes(NULL, 0, "");
    set_due(now + 20 * G_TIME_SPAN_MINUTE);
    ck_assert_takes(NULL, 0, "1");
}
END_TEST

/* ---- relays ---- */

START_TEST(each_relay_its_own)
{
    store_due(1, "a", 0);
    store_due(2, "b", 0);
    store_due(3, NULL, 0);
    store_due(4, "a", 0);
    store_due(5, "default", 0);
    ck_assert_takes("c", 0, "");
    ck_assert_takes("a", 0, "1 4");
    ck_assert_takes(NULL, 0, "3 5");
    dsn_spool_settle(test.spool, 4, DSN_SETTLED_BACK, 0, NULL);
    ck_assert_takes("a", G_TIME_SPAN_SECOND, "4");
    dsn_spool_settle(test.spool, 1, DSN_SETTLED_RETRY, 1, "450 later");
    ck_assert_takes("a", G_TIME_SPAN_SECOND, "1");
    ck_assert_takes("default", 0, "");
    /* one that takes nothing keeps nobody from anything; but what it has is as old */
    ck_assert_takes("b", 0, "2");
}
END_TEST

typedef struct Taker {
    const char *relay;
    char *taken;
} Taker;

static gpointer
take_in_thread(gpointer data)
{
    Taker *taker = data;

    taker->taken = take_for(taker->relay, 60 * G_TIME_SPAN_SECOND);
    return NULL;
}

/* Who waits is told of what is its own. */
START_TEST(each_relay_is_told)
{
    Taker takers[] = {{"a", NULL}, {"b", NULL}, {NULL, NULL}};
    GThread *threads[G_N_ELEMENTS(takers)];

    for (guint i = 0; i < G_N_ELEMENTS(takers); i++)
        threads[i] = g_thread_new("take", take_in_thread, &takers[i]);
    for (guint i = G_N_ELEMENTS(takers); i > 0; i--)
        store_due(i, takers[i - 1].relay, 0);
    for (guint i = 0; i < G_N_ELEMENTS(takers); i++) {
        (void)g_thread_join(threads[i]); /* it returns nothing */
        g_autofree char *want = g_strdup_printf("%u", (guint)G_N_ELEMENTS(takers) - i);
        ck_assert_str_eq(takers[i].taken, want);
        g_free(takers[i].taken);
    }
}
END_TEST

static guint64
set_relays(const char *const *names)
{
    guint64 moved;

    ck_assert(dsn_spool_set_relays(test.spool, names, &moved, NULL));
    return moved;
}

/* What waits for a relay that is configured no more is taken by "default", whatever state it was
 * in, and stays with it. */
START_TEST(a_relay_goes)
{
    static const char *const both[] = {"a", "b", NULL};
    static const char *const only_b[] = {"b", NULL};

    ck_assert_uint_eq(set_relays(both), 0);
    store_due(1, "a", 0);
    store_due(2, "a", 0);
    store_due(3, "b", 0);
    store_due(4, "a", 0);
    store_due(5, NULL, 0);
    ck_assert_takes("a", 0, "1 2 4");
    ck_assert_takes(NULL, 0, "5");
    dsn_spool_settle(test.spool, 2, DSN_SETTLED_DEAD, 0, "550 no");
    dsn_spool_settle(test.spool, 4, DSN_SETTLED_BACK, 0, NULL);
    ck_assert_uint_eq(set_relays(only_b), 2); /* 1 is being sent right now */
    ck_assert_takes("a", 0, "");
    ck_assert_takes(NULL, 0, "4");
    dsn_spool_settle(test.spool, 1, DSN_SETTLED_BACK, 0, NULL);
    ck_assert_takes(NULL, G_TIME_SPAN_SECOND, "1");
    store_due(6, "a", 0);
    ck_assert_takes(NULL, 0, "6");
    ck_assert_int_eq(dsn_spool_retry(test.spool, &(DsnQueueFilter){.entry = 2}, NULL), 1);
    ck_assert_takes(NULL, 0, "2");
    ck_assert_uint_eq(set_relays(both), 0);
    ck_assert_takes("b", 0, "3");
}
END_TEST

START_TEST(many_are_moved)
{
    static const char *const none[] = {NULL};
    DsnDeposit *deposit = dsn_deposit_new(false);
    g_autoptr(GPtrArray) notices =
        g_ptr_array_new_with_free_func((GDestroyNotify)dsn_waiting_notice_free);

    for (guint64 i = 1; i <= 2500; i++) {
        DsnSpoolNotice *notice = dsn_test_notice("x", i, 1);

        notice->relay = g_strdup(i % 2 == 0 ? "a" : "b");
        (void)dsn_test_add_event(deposit, i, notice); /* nothing to add to it */
    }
    ck_assert_int_eq(dsn_test_store(test.spool, deposit), DSN_ITEM_STORED);
    ck_assert_uint_eq(set_relays(none), 2500);
    ck_assert(dsn_spool_take_notices(test.spool, NULL, 5000, 0, notices));
    ck_assert_uint_eq(notices->len, 2500);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("spool-open");
    TCase *tcase = tcase_create("open");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, replaced);
    tcase_add_test(tcase, open_until_handed_out);
    tcase_add_loop_test(tcase, happens_meanwhile, 0, G_N_ELEMENTS(meanwhile));
    tcase_add_test(tcase, one_of_a_group);
    tcase_add_test(tcase, several_events);
    tcase_add_loop_test(tcase, any_size, 0, G_N_ELEMENTS(sizes));
    tcase_add_test(tcase, too_much_to_be_made_of);
    tcase_add_loop_test(tcase, sources_go, 0, G_N_ELEMENTS(settled));
    tcase_add_test(tcase, held_until_its_time);
    tcase_add_test(tcase, never_held_for_long);
    tcase_add_test(tcase, each_relay_its_own);
    tcase_add_test(tcase, each_relay_is_told);
    tcase_add_test(tcase, a_relay_goes);
    tcase_add_test(tcase, many_are_moved);
    suite_add_tcase(suite, tcase);
    return suite;
}
