/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "tests/support/spool.h"

#include "tests/support/unit.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

static int
remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

void
dsn_test_spool_wait_ready(const DsnTestSpool *test)
{
    const int64_t until = g_get_monotonic_time() + 60 * G_TIME_SPAN_SECOND;

    while (!dsn_spool_is_ready(test->spool) && g_get_monotonic_time() < until)
        g_usleep(10000);
    ck_assert(dsn_spool_is_ready(test->spool));
}

void
dsn_test_limit_files(size_t bytes)
{
    struct rlimit limit;

    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes == 0 ? limit.rlim_max : bytes;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    (void)signal(SIGXFSZ, SIG_IGN); /* it has no other failure than a bad number */
}

void
dsn_test_remove(const char *path)
{
    ck_assert_int_eq(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void
dsn_test_spool_reopen(DsnTestSpool *test)
{
    g_autoptr(GError) error = NULL;

    dsn_spool_close(test->spool);
    test->spool = dsn_spool_open(&test->options, &test->metrics, &error);
    ck_assert_msg(test->spool != NULL, "%s", error == NULL ? "" : error->message);
}

void
dsn_test_spool_init(DsnTestSpool *test)
{
    *test = (DsnTestSpool){.top = g_strdup("/dev/shm/dsnarf-spool-XXXXXX")};
    /* in memory: a process that is killed leaves the same there, and nobody waits for the disk */
    if (g_mkdtemp(test->top) == NULL) {
        g_free(test->top);
        test->top = g_dir_make_tmp("dsnarf-spool-XXXXXX", NULL);
    }
    ck_assert_ptr_nonnull(test->top);
    test->directory = g_build_filename(test->top, "spool", NULL);
    test->options = (DsnSpoolOptions){
        .directory = test->directory,
        .keep = 14 * 86400,
        .history_keep = 14 * 86400,
        .max_size = (size_t)1 << 30,
        .large = 65536,
    };
    dsn_test_spool_reopen(test);
}

void
dsn_test_spool_clear(DsnTestSpool *test)
{
    g_clear_pointer(&test->spool, dsn_spool_close);
    dsn_test_remove(test->top);
    g_free(test->directory);
    g_free(test->top);
}

DsnKey
dsn_test_key(guint64 number, int64_t time)
{
    DsnKey key = {.time = time};
    /* Spread as digests are. */
    guint64 spread[2] = {number * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15), number};

    G_STATIC_ASSERT(sizeof spread == sizeof key.digest);
    memcpy(key.digest, spread, sizeof spread);
    return key;
}

DsnSpoolNotice *
dsn_test_notice(const char *bytes, guint64 first, guint count)
{
    DsnSpoolNotice *notice = dsn_spool_notice_new();

    notice->record_id = g_strdup_printf("record-%" G_GUINT64_FORMAT, first);
    notice->record_type = g_strdup("Bounce");
    notice->recipient = g_strdup("to@example.com");
    notice->bytes = g_bytes_new(bytes, strlen(bytes));
    for (guint i = 0; i < count; i++) {
        DsnKey key = dsn_test_key(first + i, g_get_real_time() / G_USEC_PER_SEC);
        g_array_append_val(notice->keys, key);
    }
    return notice;
}

static DsnItem *
add_item(DsnDeposit *deposit, const DsnItem *item)
{
    g_array_append_vals(deposit->items, item, 1);
    return &g_array_index(deposit->items, DsnItem, deposit->items->len - 1);
}

DsnItem *
dsn_test_add_event(DsnDeposit *deposit, guint64 event, DsnSpoolNotice *notice)
{
    DsnItem item = {.kind = DSN_ITEM_EVENT,
                    .key = dsn_test_key(event, g_get_real_time() / G_USEC_PER_SEC / 3600 * 3600),
                    .notice = notice};

    return add_item(deposit, &item);
}

DsnItem *
dsn_test_add_message(DsnDeposit *deposit, guint64 message)
{
    DsnItem item = {.kind = DSN_ITEM_MESSAGE, .key = dsn_test_key(message, 0)};

    return add_item(deposit, &item);
}

DsnItem *
dsn_test_add_rejected(DsnDeposit *deposit, const char *bytes, const char *reason)
{
    DsnItem item = {.kind = DSN_ITEM_REJECTED,
                    .rejected = g_bytes_new(bytes, strlen(bytes)),
                    .reason = g_strdup(reason)};

    return add_item(deposit, &item);
}

void
dsn_test_add_line(DsnItem *item, DsnRecordType type, const char *json)
{
    DsnSpoolLine line = {.type = type, .json = g_bytes_new(json, strlen(json))};

    if (item->lines == NULL)
        item->lines = g_array_new(FALSE, FALSE, sizeof(DsnSpoolLine));
    g_array_append_val(item->lines, line);
}

DsnItemResult
dsn_test_store(DsnSpool *spool, DsnDeposit *deposit)
{
    dsn_spool_submit(spool, deposit);
    ck_assert(dsn_spool_wait(spool, deposit, -1));
    ck_assert_msg(deposit->error == NULL, "%s",
                  deposit->error == NULL ? "" : deposit->error->message);
    DsnItemResult result = g_array_index(deposit->items, DsnItem, deposit->items->len - 1).result;
    dsn_deposit_free(deposit);
    return result;
}

DsnItemResult
dsn_test_store_event(DsnSpool *spool, guint64 event, DsnSpoolNotice *notice)
{
    DsnDeposit *deposit = dsn_deposit_new(false);

    (void)dsn_test_add_event(deposit, event, notice); /* nothing to add to it */
    return dsn_test_store(spool, deposit);
}

DsnWaitingNotice *
dsn_test_take(DsnSpool *spool)
{
    g_autoptr(GPtrArray) notices = g_ptr_array_new();

    ck_assert(dsn_spool_take_notices(spool, NULL, 1, 0, notices));
    return notices->len == 0 ? NULL : notices->pdata[0];
}
