/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver.c - a process that uses a spool, for a test that makes its system calls fail
 *
 * Usage: driver store DIRECTORY COUNT: stores events 1 to COUNT, each with its notice, one after
 * the other, every third in the place of the one before, for both; after a failure it waits until
 * the spool is ready again. Prints "stored N" or "failed N: why" for each. driver check DIRECTORY
 * COUNT: prints "there N" for each that is there whole. driver story DIRECTORY 0: stores one of
 * each thing that a story can tell.
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

/* The notice that event @number may be put into, if it is still open. */
static void
join(DsnSpool *spool, guint64 number, DsnSpoolNotice *notice)
{
    const DsnKey before = make_key(number - 1);
    g_auto(DsnOpenNotice) open = {0};

    notice->group = make_key(G_MAXUINT32 + (number + 1) / 3);
    notice->sources = g_bytes_ref(notice->bytes);
    if (number % 3 != 0 || !dsn_spool_look_open(spool, &notice->group, &open))
        return;
    g_array_append_val(notice->keys, before);
    notice->replaces = open.entry;
    notice->version = open.version;
}

/* The content of a notice begins with the number of its events. */
static DsnDeposit *
make_deposit(DsnSpool *spool, guint64 number)
{
    DsnDeposit *deposit = dsn_deposit_new(number % 2 == 0);
    DsnItem item = {.kind = DSN_ITEM_EVENT, .key = make_key(number)};
    DsnKey key = make_key(number);
    g_autofree char *body = g_strnfill(number % 5 == 0 ? 100000 : 3000, 'x');

    item.notice = dsn_spool_notice_new();
    item.notice->record_id = g_strdup_printf("%" G_GUINT64_FORMAT, number);
    item.notice->recipient = g_strdup("to@example.com");
    g_array_append_val(item.notice->keys, key);
    item.notice->bytes = g_bytes_new(body, strlen(body));
    if (number % 3 != 1)
        join(spool, number, item.notice);
    body[0] = item.notice->replaces == 0 ? '1' : '2';
    g_bytes_unref(item.notice->bytes);
    item.notice->bytes = g_bytes_new(body, strlen(body));
    g_array_append_val(deposit->items, item);
    return deposit;
}

/* ---- stories ---- */

static void
add_history(DsnItem *item, const char *subject, const char *text)
{
    const DsnHistory row = {.subject = g_strdup(subject), .text = g_strdup(text)};

    if (item->history == NULL)
        item->history = g_array_new(FALSE, FALSE, sizeof(DsnHistory));
    g_array_append_val(item->history, row);
}

static bool
store_deposit(DsnSpool *spool, DsnDeposit *deposit)
{
    dsn_spool_submit(spool, deposit);
    (void)dsn_spool_wait(spool, deposit, -1); /* true: it has no end */
    bool good = deposit->error == NULL;
    dsn_deposit_free(deposit);
    return good;
}

/* A bounce of @id and its notice, by all the names that the story has. */
static bool
store_notice(DsnSpool *spool, guint64 number, const char *id, const char *message_id)
{
    DsnDeposit *deposit = make_deposit(spool, number);
    DsnItem *item = &g_array_index(deposit->items, DsnItem, 0);
    g_autofree char *see = g_strdup_printf("\"see\":\"%s\"", id);

    g_free(item->notice->record_id);
    item->notice->record_id = g_strdup(id);
    item->notice->tenant = g_strdup("acme");
    add_history(
        item, id,
        "\"event\":\"Bounce\",\"sender\":\"from@acme.example\",\"recipients\":[\"a@x.example\","
        "\"b@x.example\"],\"client\":\"mta1\",\"tenant\":\"acme\",\"action\":\"failed\","
        "\"result\":\"notice\",\"message_id\":\"n.1@mta.example\"");
    add_history(item, message_id, see);
    return store_deposit(spool, deposit);
}

static bool
settle_next(DsnSpool *spool, DsnSettled how, const char *reply)
{
    g_autoptr(GPtrArray) notices =
        g_ptr_array_new_with_free_func((GDestroyNotify)dsn_waiting_notice_free);

    if (!dsn_spool_take_notices(spool, NULL, 1, 0, notices) || notices->len == 0)
        return false;
    dsn_spool_settle(spool, ((DsnWaitingNotice *)notices->pdata[0])->entry, how,
                     g_get_real_time() + G_TIME_SPAN_HOUR, reply);
    return true;
}

static bool
store_refused(DsnSpool *spool)
{
    DsnDeposit *deposit = dsn_deposit_new(false);
    const DsnItem item = {.kind = DSN_ITEM_HISTORY};

    g_array_append_val(deposit->items, item);
    add_history(&g_array_index(deposit->items, DsnItem, 0), "refused",
                "\"event\":\"Bounce\",\"sender\":\"\",\"recipients\":[\"a\\u001b[7m@x.example\"],"
                "\"more_recipients\":3,\"action\":\"failed\",\"reason\":\"null-sender\"");
    return store_deposit(spool, deposit);
}

static DsnSpoolLine
make_line(const char *subject)
{
    return (DsnSpoolLine){.type = DSN_RECORD_OOB,
                          .json = g_bytes_new_static("{}\n", 3),
                          .subject = g_strdup(subject)};
}

/* A report with two records that no outlet has yet. */
static bool
store_report(DsnSpool *spool)
{
    DsnDeposit *deposit = dsn_deposit_new(false);
    DsnItem item = {.kind = DSN_ITEM_MESSAGE, .key = make_key(100)};
    const DsnSpoolLine lines[] = {make_line("other"), make_line("report"), make_line("report")};

    item.lines = g_array_new(FALSE, FALSE, sizeof(DsnSpoolLine));
    g_array_append_vals(item.lines, lines, G_N_ELEMENTS(lines));
    add_history(&item, "report", "\"event\":\"OOB\",\"records\":2");
    g_array_append_val(deposit->items, item);
    return store_deposit(spool, deposit);
}

/* The second record is written to a file, and is a dead letter of a webhook, of which the third was
 * taken, and of which another webhook has none. */
static bool
store_records(DsnSpool *spool)
{
    static const char *const names[] = {"file:all", "webhook:crm", "webhook:slow", NULL};
    static const int64_t written[] = {2, 3}, taken[] = {3};
    const DsnHandedOn in_file = {written, 2, "\"event\":\"sent\",\"file\":\"/log\""};
    const DsnHandedOn at_hook = {taken, 1, "\"event\":\"sent\",\"reply\":\"200 OK\""};
    g_autoptr(GArray) letters = g_array_new(FALSE, FALSE, sizeof(DsnSpoolLetter));
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(DsnHandedOn));
    g_autoptr(GBytes) json = g_bytes_new_static("{}\n", 3);
    const DsnSpoolLetter letter = {"report", "OOB", json, "422 what is that?", 0};
    guint64 dropped;

    g_array_append_val(all, in_file);
    if (!dsn_spool_set_outlets(spool, names, &dropped, NULL) || !store_report(spool) ||
        !dsn_spool_hand_on(spool, "file:all", &(const DsnAdvance){.position = 3, .handed_on = all},
                           NULL))
        return false;
    g_array_set_size(all, 0);
    g_array_append_val(all, at_hook);
    g_array_append_val(letters, letter);
    return dsn_spool_hand_on(
        spool, "webhook:crm",
        &(const DsnAdvance){.position = 3, .letters = letters, .handed_on = all}, NULL);
}

/* Notices that were sent, that wait after an attempt, and that are dead; one refused, and a report
 * whose records went to outlets. */
static bool
store_stories(DsnSpool *spool)
{
    return store_notice(spool, 1, "sent", "n.1@mta.example") &&
           settle_next(spool, DSN_SETTLED_SENT, "250 2.0.0 taken") &&
           store_notice(spool, 2, "later", "n.2@mta.example") &&
           settle_next(spool, DSN_SETTLED_RETRY, "450 4.2.0 later") &&
           store_notice(spool, 3, "dead", "n.3@mta.example") &&
           settle_next(spool, DSN_SETTLED_DEAD, "550 5.1.1 no") && store_refused(spool) &&
           store_records(spool);
}

/* ---- failures ---- */

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
        g_autoptr(DsnDeposit) deposit = make_deposit(spool, number);

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
is_there(DsnSpool *spool, guint64 number)
{
    const DsnKey key = make_key(number);

    return dsn_spool_look_event(spool, &key) != DSN_SEEN_NOT &&
           dsn_spool_look_notice(spool, &key) != DSN_SEEN_NOT;
}

static bool
print_entry(const DsnQueueEntry *entry, gpointer user)
{
    DsnSpool *spool = user;
    guint64 first = g_ascii_strtoull(entry->record_id, NULL, 10);
    g_autoptr(GBytes) content = dsn_spool_content(spool, entry->entry, NULL);
    bool whole = content != NULL && g_bytes_get_size(content) == entry->size;
    guint64 count = whole && *(const char *)g_bytes_get_data(content, NULL) == '2' ? 2 : 1;

    for (guint64 number = first; number < first + count; number++)
        printf("%s %" G_GUINT64_FORMAT "\n", whole && is_there(spool, number) ? "there" : "half",
               number);
    return true;
}

int
main(int argc, char **argv)
{
    DsnMetrics metrics = {0};
    g_autoptr(GError) error = NULL;

    if (argc != 4) {
        fprintf(stderr, "usage: driver store|die|check|story DIRECTORY COUNT\n");
        return EXIT_FAILURE;
    }
    DsnSpoolOptions options = {.directory = argv[2],
                               .keep = G_MAXINT32,
                               .history_keep = G_MAXINT32,
                               .max_size = 1 << 30,
                               .large = 65536};
    g_autoptr(DsnSpool) spool = dsn_spool_open(&options, &metrics, &error);
    if (spool == NULL) {
        fprintf(stderr, "driver: %s\n", error->message);
        return EXIT_FAILURE;
    }
    bool good =
        g_str_equal(argv[1], "story") ? store_stories(spool)
        : g_str_equal(argv[1], "check")
            ? dsn_spool_list(spool, &(DsnQueueFilter){0}, print_entry, spool, NULL)
            : store(spool, g_ascii_strtoull(argv[3], NULL, 10), g_str_equal(argv[1], "die"));
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
