/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench-spool.c - how fast the spool is
 *
 * Usage: bench-spool [SECONDS]; each row is measured for that long (default 2), by the clock on the
 * wall, in a folder that is made in the current one: the disk under it matters. Prints for each row
 * the rate, the rate to reach, the processor time and what was written to the disk. It never fails
 * on a slow machine.
 */
#include "config.h"

#include "filter/pipeline/spool.h"
#include "tests/bench/common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTICE_SIZE 4096
#define SOURCES_SIZE 1024 /* a record without its original */
#define BATCH 500
#define MANY_KEYS 1000000

/* Of an item: an event alone, with a notice, or with all that the pipeline adds to one. */
typedef enum Content { CONTENT_NONE, CONTENT_NOTICE, CONTENT_STORY } Content;

typedef struct Bench {
    double seconds;
    char *folder;
    DsnMetrics metrics;
    DsnSpool *spool;
    GBytes *bytes;
    GBytes *sources;
    guint64 next_key;
    guint64 tenants; /* whose notices they are, in turn; 0: nobody's */
    int64_t started;
    double cpu_started;
    double written_started;
} Bench;

static void
open_spool(Bench *bench)
{
    g_autoptr(GError) error = NULL;

    bench->folder = g_strdup("bench-spool-XXXXXX");
    if (g_mkdtemp(bench->folder) != NULL) {
        DsnSpoolOptions options = {.directory = bench->folder,
                                   .keep = 14 * 86400,
                                   .history_keep = 14 * 86400,
                                   .max_size = G_MAXINT64,
                                   .large = 1 << 20};
        bench->spool = dsn_spool_open(&options, &bench->metrics, &error);
    }
    if (bench->spool == NULL)
        dsn_bench_fail(bench->folder, error);
}

static void
close_spool(Bench *bench)
{
    g_clear_pointer(&bench->spool, dsn_spool_close);
    dsn_bench_remove(bench->folder);
    g_clear_pointer(&bench->folder, g_free);
}

/* Bytes that the process has had written to the disk. */
static double
read_written(void)
{
    g_autofree char *text = NULL;

    if (!g_file_get_contents("/proc/self/io", &text, NULL, NULL))
        return 0;
    const char *line = strstr(text, "\nwrite_bytes: ");
    return line == NULL ? 0 : g_ascii_strtod(line + strlen("\nwrite_bytes: "), NULL);
}

static void
start(Bench *bench)
{
    bench->started = g_get_monotonic_time();
    bench->cpu_started = dsn_bench_clock(CLOCK_PROCESS_CPUTIME_ID);
    bench->written_started = read_written();
}

static double
elapsed(const Bench *bench)
{
    return (double)(g_get_monotonic_time() - bench->started) / 1e6;
}

static void
print_rate(const Bench *bench, const char *name, guint64 count, const char *wanted)
{
    double n = (double)MAX(count, 1);
    double cpu = (dsn_bench_clock(CLOCK_PROCESS_CPUTIME_ID) - bench->cpu_started) / n * 1e6;
    g_autofree char *rate = g_strdup_printf("%.0f/s", n / elapsed(bench));

    printf("%-60s %14s  %-14s %.1f us, %.1f KB\n", name, rate, wanted, cpu,
           (read_written() - bench->written_started) / n / 1024);
    fflush(stdout);
}

static DsnKey
make_key(Bench *bench)
{
    DsnKey key = {.time = g_get_real_time() / G_USEC_PER_SEC};
    guint64 spread[2] = {++bench->next_key * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15),
                         bench->next_key};

    memcpy(key.digest, spread, sizeof spread);
    return key;
}

static void add_story(Bench *bench, DsnItem *item);

static DsnDeposit *
make_deposit(Bench *bench, unsigned n_items, bool urgent, Content content)
{
    DsnDeposit *deposit = dsn_deposit_new(urgent);

    for (unsigned i = 0; i < n_items; i++) {
        DsnItem item = {.kind = DSN_ITEM_EVENT, .key = make_key(bench)};

        if (content != CONTENT_NONE) {
            DsnKey key = make_key(bench);

            item.notice = dsn_spool_notice_new();
            item.notice->record_id = g_strdup("1d98076abbbc11ed940250ebf67f93bd");
            item.notice->record_type = g_strdup("Bounce");
            item.notice->recipient = g_strdup("somebody@customer.example");
            item.notice->bytes = g_bytes_ref(bench->bytes);
            if (bench->tenants > 0)
                item.notice->tenant = g_strdup_printf("tenant-%" G_GUINT64_FORMAT,
                                                      bench->next_key / 2 % bench->tenants);
            g_array_append_val(item.notice->keys, key);
        }
        if (content == CONTENT_STORY)
            add_story(bench, &item);
        g_array_append_val(deposit->items, item);
    }
    return deposit;
}

/* What the pipeline adds to a notice: its group, what it is made of, and its story under two names.
 */
static void
add_story(Bench *bench, DsnItem *item)
{
    static const char event[] =
        "\"event\":\"Bounce\",\"sender\":\"somebody@customer.example\",\"recipients\":"
        "[\"nobody@remote.example\"],\"action\":\"failed\",\"result\":\"notice\",\"message_id\":"
        "\"e0a2a3d51f2d4e6e9b3fd1c5f7b0a6d1@mta1.customer.example\"";
    g_autofree char *id = g_strdup_printf("%032" G_GINT64_MODIFIER "x", bench->next_key);
    const DsnHistory rows[] = {{.subject = g_strdup(id), .text = g_strdup(event)},
                               {.subject = g_strdup_printf("%s@mta1.customer.example", id),
                                .text = g_strdup_printf("\"see\":\"%s\"", id)}};

    g_free(item->notice->record_id);
    item->notice->record_id = g_steal_pointer(&id);
    item->notice->group = make_key(bench);
    item->notice->sources = g_bytes_ref(bench->sources);
    item->history = g_array_new(FALSE, FALSE, sizeof(DsnHistory));
    g_array_append_vals(item->history, rows, G_N_ELEMENTS(rows));
}

static void
finish_deposit(Bench *bench, DsnDeposit *deposit)
{
    (void)dsn_spool_wait(bench->spool, deposit, -1); /* true: it has no end */
    if (deposit->error != NULL)
        dsn_bench_fail(bench->folder, deposit->error);
    dsn_deposit_free(deposit);
}

/* ---- rows ---- */

/* One deposit after the other. */
static void
bench_deposits(Bench *bench, unsigned n_items, Content content)
{
    g_autofree char *name = g_strdup_printf("4 KB notices%s in, %u a deposit",
                                            content == CONTENT_STORY ? " with story" : "", n_items);
    guint64 count = 0;

    open_spool(bench);
    start(bench);
    for (; elapsed(bench) < bench->seconds; count += n_items) {
        DsnDeposit *deposit = make_deposit(bench, n_items, false, content);

        dsn_spool_submit(bench->spool, deposit);
        finish_deposit(bench, deposit);
    }
    print_rate(bench, name, count, "");
    close_spool(bench);
}

static guint
send_all(Bench *bench, GTimeSpan wait)
{
    g_autoptr(GPtrArray) notices =
        g_ptr_array_new_with_free_func((GDestroyNotify)dsn_waiting_notice_free);

    (void)dsn_spool_take_notices(bench->spool, NULL, BATCH, wait,
                                 notices); /* false: none were added */
    for (guint i = 0; i < notices->len; i++)
        dsn_spool_settle(bench->spool, ((DsnWaitingNotice *)notices->pdata[i])->entry,
                         DSN_SETTLED_SENT, 0, NULL);
    return notices->len;
}

typedef struct Sending {
    Bench *bench;
    int stop; /* atomic */
    guint64 count;
} Sending;

static gpointer
send_in_thread(gpointer data)
{
    Sending *sending = data;
    guint sent;

    while ((sent = send_all(sending->bench, 10 * G_TIME_SPAN_MILLISECOND)) > 0 ||
           !g_atomic_int_get(&sending->stop))
        sending->count += sent;
    return NULL;
}

/* From the first deposit until the last notice was settled. */
static void
bench_through(Bench *bench, Content content)
{
    g_autofree char *name = g_strdup_printf("4 KB notices%s in, taken and settled, 500 a deposit",
                                            content == CONTENT_STORY ? " with story" : "");

    Sending sending = {.bench = bench};
    DsnDeposit *before = NULL;

    open_spool(bench);
    start(bench);
    GThread *thread = g_thread_new("send", send_in_thread, &sending);
    while (elapsed(bench) < bench->seconds) { /* two at a time, as several posters make them */
        DsnDeposit *deposit = make_deposit(bench, BATCH, false, content);

        dsn_spool_submit(bench->spool, deposit);
        if (before != NULL)
            finish_deposit(bench, before);
        before = deposit;
    }
    if (before != NULL)
        finish_deposit(bench, before);
    g_atomic_int_set(&sending.stop, 1);
    (void)g_thread_join(thread); /* its result is in sending */
    print_rate(bench, name, sending.count, "20000/s");
    close_spool(bench);
}

/* ---- urgent work ---- */

static gpointer
deposit_in_thread(gpointer data)
{
    Sending *sending = data;

    while (!g_atomic_int_get(&sending->stop)) {
        DsnDeposit *deposit = make_deposit(sending->bench, BATCH, false, CONTENT_NOTICE);

        dsn_spool_submit(sending->bench->spool, deposit);
        finish_deposit(sending->bench, deposit);
    }
    return NULL;
}

static int
compare_times(gconstpointer a, gconstpointer b)
{
    return *(const double *)a < *(const double *)b ? -1 : 1;
}

static void
bench_urgent(Bench *bench, unsigned n_bulk)
{
    g_autoptr(GArray) times = g_array_new(FALSE, FALSE, sizeof(double));
    Bench others[4];
    Sending bulk[4];
    GThread *threads[4];

    open_spool(bench);
    for (unsigned i = 0; i < n_bulk; i++) {
        others[i] = *bench;
        others[i].next_key = (guint64)(i + 1) << 40;
        bulk[i] = (Sending){.bench = &others[i]};
        threads[i] = g_thread_new("bulk", deposit_in_thread, &bulk[i]);
    }
    start(bench);
    while (elapsed(bench) < bench->seconds) {
        DsnDeposit *deposit = make_deposit(bench, 1, true, CONTENT_NONE);
        int64_t submitted = g_get_monotonic_time();

        dsn_spool_submit(bench->spool, deposit);
        finish_deposit(bench, deposit);
        double time = (double)(g_get_monotonic_time() - submitted) / 1000;
        g_array_append_val(times, time);
        g_usleep(2000);
    }
    for (unsigned i = 0; i < n_bulk; i++)
        g_atomic_int_set(&bulk[i].stop, 1);
    for (unsigned i = 0; i < n_bulk; i++)
        (void)g_thread_join(threads[i]); /* it returns nothing */
    close_spool(bench);
    g_array_sort(times, compare_times);
    g_autofree char *name =
        g_strdup_printf("urgent deposit while %u threads bring 500 at a time", n_bulk);
    g_autofree char *median =
        g_strdup_printf("%.1f ms", g_array_index(times, double, times->len / 2));
    printf("%-60s %14s  %-14s 99 %%: %.1f ms\n", name, median, "",
           g_array_index(times, double, times->len - 1 - times->len / 100));
}

/* ---- keys ---- */

/* Fills for no longer than twenty times a row's time: fewer keys are told, not hidden. */
static void
bench_looks(Bench *bench)
{
    guint64 first = bench->next_key;
    guint64 count = 0;

    open_spool(bench);
    start(bench);
    while (bench->next_key - first < MANY_KEYS && elapsed(bench) < 20 * bench->seconds) {
        DsnDeposit *deposit = make_deposit(bench, BATCH, false, CONTENT_NONE);

        dsn_spool_submit(bench->spool, deposit);
        finish_deposit(bench, deposit);
    }
    guint64 keys = bench->next_key - first;
    print_rate(bench, "events without notice in, 500 a deposit", keys, "");
    int64_t now = g_get_real_time() / G_USEC_PER_SEC;
    start(bench);
    for (; elapsed(bench) < bench->seconds; count++) {
        guint64 number = first + 1 + count * 7919 % keys;
        guint64 spread[2] = {number * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15), number};
        DsnKey key = {.time = now};

        memcpy(key.digest, spread, sizeof spread);
        (void)dsn_spool_look_event(bench->spool, &key); /* the bucket may have passed: no matter */
    }
    g_autofree char *name = g_strdup_printf("look for an event among %" G_GUINT64_FORMAT, keys);
    print_rate(bench, name, count, "");
    close_spool(bench);
}

/* What it costs to start, and to send, with so much before it. */
static void
bench_backlog(Bench *bench, guint64 tenants)
{
    guint64 count = 0;

    bench->tenants = tenants;
    open_spool(bench);
    start(bench);
    while (count < MANY_KEYS && elapsed(bench) < 10 * bench->seconds) {
        DsnDeposit *deposit = make_deposit(bench, BATCH, false, CONTENT_NOTICE);

        dsn_spool_submit(bench->spool, deposit);
        finish_deposit(bench, deposit);
        count += BATCH;
    }
    g_autofree char *in = g_strdup_printf("4 KB notices in, up to %" G_GUINT64_FORMAT, count);
    print_rate(bench, in, count, "");
    guint64 sent = 0;
    start(bench);
    while (elapsed(bench) < bench->seconds && sent < count)
        sent += send_all(bench, 0);
    g_autofree char *out = g_strdup_printf("taken and settled, of %" G_GUINT64_FORMAT
                                           " of %" G_GUINT64_FORMAT " tenants",
                                           count, MAX(tenants, 1));
    print_rate(bench, out, sent, "");

    DsnSpoolState state;
    g_clear_pointer(&bench->spool, dsn_spool_close);
    start(bench);
    DsnSpoolOptions options = {
        .directory = bench->folder, .keep = 14 * 86400, .max_size = G_MAXINT64, .large = 1 << 20};
    bench->spool = dsn_spool_open(&options, &bench->metrics, NULL);
    g_assert(bench->spool != NULL);
    dsn_spool_state(bench->spool, &state);
    g_autofree char *name =
        g_strdup_printf("opened with %" G_GUINT64_FORMAT " waiting", state.waiting);
    g_autofree char *time = g_strdup_printf("%.1f ms", elapsed(bench) * 1000);
    printf("%-60s %14s\n", name, time);
    close_spool(bench);
}

int
main(int argc, char **argv)
{
    Bench bench = {.seconds = argc > 1 ? g_ascii_strtod(argv[1], NULL) : 2};
    g_autofree char *body = g_strnfill(NOTICE_SIZE, 'x');

    bench.bytes = g_bytes_new(body, NOTICE_SIZE);
    bench.sources = g_bytes_new(body, SOURCES_SIZE);
    printf("bench-spool: %s seconds a row, by the clock on the wall\n", argc > 1 ? argv[1] : "2");
    printf("%-60s %14s  %-14s %s\n", "work", "rate", "to reach", "of one: processor time, written");
    bench_deposits(&bench, 1, CONTENT_NOTICE);
    bench_deposits(&bench, 10, CONTENT_NOTICE);
    bench_deposits(&bench, 100, CONTENT_NOTICE);
    bench_deposits(&bench, 500, CONTENT_NOTICE);
    bench_deposits(&bench, 500, CONTENT_STORY);
    bench_through(&bench, CONTENT_NOTICE);
    bench_through(&bench, CONTENT_STORY);
    bench_urgent(&bench, 1);
    bench_urgent(&bench, 4);
    bench_looks(&bench);
    bench_backlog(&bench, 0);
    bench_backlog(&bench, 10000);
    g_bytes_unref(bench.bytes);
    g_bytes_unref(bench.sources);
    return EXIT_SUCCESS;
}
