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
    const DsnHistory row = {g_strdup(subject), g_strdup(text)};

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

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("spool-memory");
    TCase *tcase = tcase_create("memory");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, history_of_a_notice);
    tcase_add_test(tcase, the_last_attempt);
    suite_add_tcase(suite, tcase);
    return suite;
}
