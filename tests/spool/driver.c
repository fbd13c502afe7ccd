/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver.c - a process that uses a spool, for a test that makes its system calls fail
 *
 * Usage: driver store DIRECTORY COUNT: stores events 1 to COUNT, each with its notice, one after
 * the other; after a failure it waits until the spool is ready again. Prints "stored N" or "failed
 * N: why" for each. driver check DIRECTORY COUNT: prints "there N" for each that is there whole.
 */
#include "config.h"

#include "filter/pipeline/spool.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEADLINE (30 * G_TIME_SPAN_SECOND)

static DsnKey
make_key(guint64 number)
{
    DsnKey key = {.time = 1700000000};

    memcpy(key.digest, &number, sizeof number);
    return key;
}

static DsnDeposit *
make_deposit(guint64 number)
{
    DsnDeposit *deposit = dsn_deposit_new(number % 2 == 0);
    DsnItem item = {.kind = DSN_ITEM_EVENT, .key = make_key(number)};
    DsnKey key = make_key(number);
    g_autofree char *body = g_strnfill(number % 5 == 0 ? 100000 : 3000, 'x');

    item.notice = dsn_spool_notice_new();
    item.notice->record_id = g_strdup_printf("%" G_GUINT64_FORMAT, number);
    item.notice->recipient = g_strdup("to@example.com");
    item.notice->bytes = g_bytes_new(body, strlen(body));
    g_array_append_val(item.notice->keys, key);
    g_array_append_val(deposit->items, item);
    return deposit;
}

static bool
wait_until_ready(DsnSpool *spool)
{
    const int64_t until = g_get_monotonic_time() + DEADLINE;

    while (!dsn_spool_is_ready(spool) && g_get_monotonic_time() < until)
        g_usleep(10000);
    return dsn_spool_is_ready(spool);
}

static bool
store(DsnSpool *spool, guint64 count, bool die)
{
    for (guint64 number = 1; number <= count; number++) {
        g_autoptr(DsnDeposit) deposit = make_deposit(number);

        dsn_spool_submit(spool, deposit);
        (void)dsn_spool_wait(spool, deposit, -1); /* true: it has no end */
        if (deposit->error == NULL)
            printf("stored %" G_GUINT64_FORMAT "\n", number);
        else
            printf("failed %" G_GUINT64_FORMAT ": %s\n", number, deposit->error->message);
        fflush(stdout);
        if (deposit->error != NULL && die)
            (void)raise(SIGKILL); /* it does not return */
        if (!wait_until_ready(spool)) {
            fprintf(stderr, "driver: it does not work again\n");
            return false;
        }
    }
    return true;
}

static bool
print_entry(const DsnQueueEntry *entry, gpointer user)
{
    DsnSpool *spool = user;
    DsnKey key = make_key(g_ascii_strtoull(entry->record_id, NULL, 10));
    g_autoptr(GBytes) content = dsn_spool_content(spool, entry->entry, NULL);

    if (content != NULL && g_bytes_get_size(content) == entry->size &&
        dsn_spool_look_event(spool, &key) != DSN_SEEN_NOT &&
        dsn_spool_look_notice(spool, &key) != DSN_SEEN_NOT)
        printf("there %s\n", entry->record_id);
    else
        printf("half %s\n", entry->record_id);
    return true;
}

int
main(int argc, char **argv)
{
    DsnMetrics metrics = {0};
    g_autoptr(GError) error = NULL;

    if (argc != 4) {
        fprintf(stderr, "usage: driver store|die|check DIRECTORY COUNT\n");
        return EXIT_FAILURE;
    }
    DsnSpoolOptions options = {
        .directory = argv[2], .keep = G_MAXINT32, .max_size = 1 << 30, .large = 65536};
    g_autoptr(DsnSpool) spool = dsn_spool_open(&options, &metrics, &error);
    if (spool == NULL) {
        fprintf(stderr, "driver: %s\n", error->message);
        return EXIT_FAILURE;
    }
    bool good =
        g_str_equal(argv[1], "check")
            ? dsn_spool_list(spool, &(DsnQueueFilter){0}, print_entry, spool, NULL)
            : store(spool, g_ascii_strtoull(argv[3], NULL, 10), g_str_equal(argv[1], "die"));
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
