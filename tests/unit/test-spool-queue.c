/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "tests/support/spool.h"
#include "tests/support/unit.h"

static DsnTestSpool test;

/* 1 waits, 2 (for another recipient) waits for its second attempt, 3 is dead, 4 was rejected, 5 is
 * being sent, 6 waits. */
static void
set_up(void)
{
    static const char *const none[] = {NULL};
    DsnDeposit *rejected = dsn_deposit_new(false);
    guint64 dropped;

    dsn_test_spool_init(&test);
    for (guint64 i = 1; i <= 3; i++) {
        DsnSpoolNotice *notice = dsn_test_notice("notice", i, 1);

        if (i == 2) {
            g_free(notice->recipient);
            notice->recipient = g_strdup("Other@Example.net");
        }
        ck_assert_int_eq(dsn_test_store_event(test.spool, i, notice), DSN_ITEM_STORED);
    }
    (void)dsn_test_add_rejected(rejected, "{broken", "no JSON");
    ck_assert_int_eq(dsn_test_store(test.spool, rejected), DSN_ITEM_STORED);
    ck_assert_int_eq(dsn_test_store_event(test.spool, 5, dsn_test_notice("notice", 5, 1)),
                     DSN_ITEM_STORED);
    for (int i = 0; i < 4; i++)
        dsn_waiting_notice_free(dsn_test_take(test.spool));
    dsn_spool_settle(test.spool, 1, DSN_SETTLED_BACK, 0, NULL);
    dsn_spool_settle(test.spool, 2, DSN_SETTLED_RETRY, g_get_real_time() + G_TIME_SPAN_DAY,
                     "450 full");
    dsn_spool_settle(test.spool, 3, DSN_SETTLED_DEAD, 0, "550 no");
    ck_assert_int_eq(dsn_test_store_event(test.spool, 6, dsn_test_notice("notice", 6, 1)),
                     DSN_ITEM_STORED);
    ck_assert(dsn_spool_set_outlets(test.spool, none, &dropped, NULL)); /* all of it is committed */
}

static void
tear_down(void)
{
    dsn_test_spool_clear(&test);
}

static bool
append_entry(const DsnQueueEntry *entry, gpointer user)
{
    g_string_append_printf(user, "%s%" G_GINT64_FORMAT, ((GString *)user)->len == 0 ? "" : " ",
                           entry->entry);
    return true;
}

static char *
list(const DsnQueueFilter *filter)
{
    GString *text = g_string_new(NULL);

    ck_assert(dsn_spool_list(test.spool, filter, append_entry, text, NULL));
    return g_string_free(text, FALSE);
}

static const struct {
    const char *label;
    DsnQueueFilter filter;
    const char *want;
    int64_t want_retried, want_dropped; /* the one being sent is left alone */
} filters[] = {
    {"all", {0}, "1 2 3 4 5 6", 4, 5},
    {"both", {.dead = true, .waiting = true}, "1 2 3 4 5 6", 4, 5},
    {"dead", {.dead = true}, "3 4", 1, 2},
    {"waiting", {.waiting = true}, "1 2 5 6", 3, 3},
    {"one", {.entry = 2}, "2", 1, 1},
    {"one rejected", {.entry = 4}, "4", 0, 1},
    {"one that is being sent", {.entry = 5}, "5", 0, 0},
    {"none", {.entry = 7}, "", 0, 0},
    {"one, of the other state", {.entry = 2, .dead = true}, "", 0, 0},
    {"recipient", {.recipient = "to@example.com"}, "1 3 5 6", 3, 3},
    {"recipient in other letters", {.recipient = "other@example.NET"}, "2", 1, 1},
    {"nobody's", {.recipient = "other"}, "", 0, 0},
    {"old", {.older_than = 3600}, "", 0, 0},
};

START_TEST(lists_what_is_meant)
{
    g_autofree char *got = list(&filters[_i].filter);

    ck_assert_msg(g_str_equal(got, filters[_i].want), "%s: %s", filters[_i].label, got);
}
END_TEST

START_TEST(retries_what_is_meant)
{
    g_autofree char *before = list(&(DsnQueueFilter){0});
    g_autoptr(GPtrArray) due =
        g_ptr_array_new_with_free_func((GDestroyNotify)dsn_waiting_notice_free);
    DsnSpoolState state;
    int64_t retried = dsn_spool_retry(test.spool, &filters[_i].filter, NULL);
    g_autofree char *after = list(&(DsnQueueFilter){0});

    ck_assert_msg(retried == filters[_i].want_retried, "%s: %d", filters[_i].label, (int)retried);
    ck_assert_str_eq(before, after);
    /* 1 and 6 are due anyway */
    bool second = strchr(filters[_i].want, '2') != NULL;
    bool third = strchr(filters[_i].want, '3') != NULL;
    ck_assert(dsn_spool_take_notices(test.spool, NULL, 10, 0, due));
    ck_assert_msg(due->len == (guint)(2 + second + third), "%s: %u due", filters[_i].label,
                  due->len);
    for (guint i = 0; i < due->len; i++) {
        const DsnWaitingNotice *notice = due->pdata[i];
        ck_assert_uint_eq(notice->attempts, notice->entry == 2 ? 1 : 0);
    }
    dsn_spool_state(test.spool, &state);
    ck_assert_uint_eq(state.waiting, third ? 5 : 4);
    ck_assert_uint_eq(state.dead, third ? 1 : 2);
}
END_TEST

START_TEST(drops_what_is_meant)
{
    DsnSpoolState before;
    DsnSpoolState after;

    dsn_spool_state(test.spool, &before);
    int64_t dropped = dsn_spool_drop(test.spool, &filters[_i].filter, NULL);
    ck_assert_msg(dropped == filters[_i].want_dropped, "%s: %d", filters[_i].label, (int)dropped);
    dsn_spool_state(test.spool, &after);
    ck_assert_int_eq((int64_t)(before.waiting + before.dead - after.waiting - after.dead), dropped);

    g_autofree char *left = list(&filters[_i].filter);
    ck_assert_str_eq(left, strchr(filters[_i].want, '5') != NULL ? "5" : "");
    /* its key stays, so that it is not made anew */
    for (guint64 i = 1; i <= 3; i++)
        ck_assert_int_ne(dsn_test_store_event(test.spool, i, dsn_test_notice("again", i, 1)),
                         DSN_ITEM_STORED);
}
END_TEST

typedef struct Seen {
    DsnQueueEntry entries[6];
    guint count;
} Seen;

static bool
see_entry(const DsnQueueEntry *entry, gpointer user)
{
    Seen *seen = user;
    DsnQueueEntry *copy = &seen->entries[seen->count++];

    *copy = *entry;
    copy->record_id = g_strdup(entry->record_id);
    copy->record_type = g_strdup(entry->record_type);
    copy->recipient = g_strdup(entry->recipient);
    copy->reason = g_strdup(entry->reason);
    return seen->count < 4;
}

START_TEST(says_what_there_is)
{
    static const struct {
        const char *kind, *state, *record_id, *recipient, *reason;
        size_t size;
        unsigned attempts;
    } want[] = {
        {"notice", "waiting", "record-1", "to@example.com", NULL, 6, 0},
        {"notice", "waiting", "record-2", "Other@Example.net", "450 full", 6, 1},
        {"notice", "dead", "record-3", "to@example.com", "550 no", 6, 1},
        {"rejected", "dead", NULL, NULL, "no JSON", 7, 0},
    };
    int64_t now = g_get_real_time() / G_USEC_PER_SEC;
    Seen seen = {.count = 0};

    ck_assert(dsn_spool_list(test.spool, &(DsnQueueFilter){0}, see_entry, &seen, NULL));
    ck_assert_uint_eq(seen.count, 4); /* and then it said stop */
    for (guint i = 0; i < seen.count; i++) {
        DsnQueueEntry *entry = &seen.entries[i];

        ck_assert_int_eq(entry->entry, i + 1);
        ck_assert_str_eq(entry->kind, want[i].kind);
        ck_assert_str_eq(entry->state, want[i].state);
        ck_assert_pstr_eq(entry->record_id, want[i].record_id);
        ck_assert_pstr_eq(entry->record_type, want[i].record_id == NULL ? NULL : "Bounce");
        ck_assert_pstr_eq(entry->recipient, want[i].recipient);
        ck_assert_pstr_eq(entry->reason, want[i].reason);
        ck_assert_uint_eq(entry->size, want[i].size);
        ck_assert_uint_eq(entry->attempts, want[i].attempts);
        ck_assert(entry->taken_in <= now && entry->taken_in > now - 60);
        ck_assert_int_ge(entry->next_attempt, i == 1 ? now + 86400 - 60 : 0);
        ck_assert_int_le(entry->next_attempt, i == 1 ? now + 86400 : 0);
        g_free((char *)entry->record_id);
        g_free((char *)entry->record_type);
        g_free((char *)entry->recipient);
        g_free((char *)entry->reason);
    }
}
END_TEST

START_TEST(gives_the_content)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) notice = dsn_spool_content(test.spool, 1, NULL);
    g_autoptr(GBytes) rejected = dsn_spool_content(test.spool, 4, NULL);

    ck_assert_ptr_nonnull(notice);
    dsn_assert_bytes(g_bytes_get_data(notice, NULL), g_bytes_get_size(notice), "notice", 6);
    ck_assert_ptr_nonnull(rejected);
    dsn_assert_bytes(g_bytes_get_data(rejected, NULL), g_bytes_get_size(rejected), "{broken", 7);
    ck_assert_ptr_null(dsn_spool_content(test.spool, 99, &error));
    ck_assert(g_error_matches(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_NONE));
}
END_TEST

/* Neither the address nor the content is left in the database, not even in its free pages. */
START_TEST(erases)
{
    static const char *const words[] = {"forget-this-text", "Forget@Example.org"};
    g_autofree char *path = g_build_filename(test.directory, "spool.db", NULL);
    g_autofree char *padding = g_strnfill(20000, 'x');
    g_autofree char *text = g_strconcat(words[0], padding, words[0], NULL);
    DsnSpoolNotice *notice = dsn_test_notice(text, 77, 1);

    g_free(notice->recipient);
    notice->recipient = g_strdup(words[1]);
    ck_assert_int_eq(dsn_test_store_event(test.spool, 77, notice), DSN_ITEM_STORED);
    for (int dropped = 0; dropped < 2; dropped++) {
        g_autofree char *bytes = NULL;
        gsize length;

        if (dropped == 1)
            ck_assert_int_eq(
                dsn_spool_drop(test.spool, &(DsnQueueFilter){.recipient = words[1]}, NULL), 1);
        dsn_test_spool_reopen(&test); /* the log is written back */
        ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
        for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
            bool found = memmem(bytes, length, words[i], strlen(words[i])) != NULL;
            ck_assert_msg(found == (dropped == 0), "%s, %d", words[i], dropped);
        }
    }
}
END_TEST

/* More than one chunk of everything. */
START_TEST(many)
{
    DsnDeposit *deposit = dsn_deposit_new(false);

    for (guint64 i = 100; i < 1400; i++)
        (void)dsn_test_add_event(deposit, i, dsn_test_notice("x", i, 1));
    ck_assert_int_eq(dsn_test_store(test.spool, deposit), DSN_ITEM_STORED);
    g_autofree char *all = list(&(DsnQueueFilter){0});
    g_auto(GStrv) words = g_strsplit(all, " ", -1);
    ck_assert_uint_eq(g_strv_length(words), 1306);
    ck_assert_int_eq(dsn_spool_retry(test.spool, &(DsnQueueFilter){0}, NULL), 1304);
    ck_assert_int_eq(dsn_spool_drop(test.spool, &(DsnQueueFilter){.dead = true}, NULL), 1);
    ck_assert_int_eq(dsn_spool_drop(test.spool, &(DsnQueueFilter){0}, NULL), 1304);
    g_autofree char *left = list(&(DsnQueueFilter){0});
    ck_assert_str_eq(left, "5");
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("spool-queue");
    TCase *tcase = tcase_create("queue");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, lists_what_is_meant, 0, G_N_ELEMENTS(filters));
    tcase_add_loop_test(tcase, retries_what_is_meant, 0, G_N_ELEMENTS(filters));
    tcase_add_loop_test(tcase, drops_what_is_meant, 0, G_N_ELEMENTS(filters));
    tcase_add_test(tcase, says_what_there_is);
    tcase_add_test(tcase, gives_the_content);
    tcase_add_test(tcase, erases);
    tcase_add_test(tcase, many);
    suite_add_tcase(suite, tcase);
    return suite;
}
