/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

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

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("spool-open");
    TCase *tcase = tcase_create("open");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, replaced);
    tcase_add_test(tcase, open_until_handed_out);
    suite_add_tcase(suite, tcase);
    return suite;
}
