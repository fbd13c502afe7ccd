/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench-captures.c - how fast mail that leaves is remembered, and found again
 *
 * Usage: bench-captures [SECONDS]; each row is measured for that long (default 2), by the clock on
 * the wall, in a folder that is made in the current one: the disk under it matters. Prints for each
 * row the rate and the processor time for one. It never fails on a slow machine.
 */
#include "config.h"

#include "filter/pipeline/captures.h"
#include "tests/bench/common.h"

#include <stdio.h>
#include <stdlib.h>

#define HEADER                                                             \
    "From: Shop News <news@shop.example>\r\nTo: Jane <jane@x.example>\r\n" \
    "Subject: Your order has been shipped\r\nMIME-Version: 1.0\r\n"        \
    "Date: Fri, 20 Nov 2026 09:14:58 +0000\r\nX-Campaign: autumn\r\n"      \
    "Content-Type: text/plain; charset=utf-8\r\n"

typedef struct Bench {
    double seconds;
    char *folder;
    DsnMetrics metrics;
    DsnCaptureOptions options;
    DsnCaptures *captures;
    guint64 next;
} Bench;

static void
add(Bench *bench, const char *body)
{
    static char *const mail[] = {(char *)"ENVID=QQ314159", (char *)"RET=HDRS", NULL};
    static char *const rcpt[] = {(char *)"NOTIFY=SUCCESS,FAILURE", NULL};
    char queue_id[32], header[sizeof(HEADER) + 64];
    const DsnSubmission submission = {queue_id, NULL, NULL, "192.0.2.7", "app7.shop.example"};
    DsnCapture *capture = dsn_capture_new(dsn_captures_room(bench->captures), &bench->options,
                                          DSN_SPAN_LITERAL("<news@shop.example>"));

    g_snprintf(queue_id, sizeof(queue_id), "4%" G_GINT64_MODIFIER "x", bench->next);
    g_snprintf(header, sizeof(header),
               HEADER "Message-ID: <%" G_GUINT64_FORMAT "@shop.example>\r\n", bench->next++);
    dsn_capture_mail(capture, mail);
    dsn_capture_rcpt(capture, DSN_SPAN_LITERAL("<jane@x.example>"), rcpt);
    dsn_capture_body(capture, dsn_span(body));
    (void)dsn_capture_finish(capture, dsn_span(header), false, &submission,
                             g_get_real_time() / G_USEC_PER_SEC); /* or it counts as dropped */
    dsn_captures_add(bench->captures, capture);
}

static guint64
settled(const Bench *bench)
{
    return dsn_metrics_get(&bench->metrics, DSN_COUNT_CAPTURES_KEPT) +
           dsn_metrics_get(&bench->metrics, DSN_COUNT_CAPTURES_DROPPED);
}

static void
print(const char *row, double count, double started, double cpu_started)
{
    double taken = dsn_bench_clock(CLOCK_MONOTONIC) - started;

    printf("  %s\n    %.0f /s, processor time %.1f us\n", row, count / taken,
           (dsn_bench_clock(CLOCK_PROCESS_CPUTIME_ID) - cpu_started) / count * 1e6);
}

/* As fast as the writer goes, with what waits bounded. */
static void
remember(Bench *bench, const char *row, size_t size)
{
    g_autofree char *body = g_strnfill(size, 'x');
    double started = dsn_bench_clock(CLOCK_MONOTONIC);
    double cpu_started = dsn_bench_clock(CLOCK_PROCESS_CPUTIME_ID);
    guint64 first = bench->next;

    do {
        while (bench->next - settled(bench) > 1000)
            g_usleep(100);
        add(bench, body);
    } while (dsn_bench_clock(CLOCK_MONOTONIC) - started < bench->seconds);
    while (settled(bench) < bench->next)
        g_usleep(100);
    print(row, (double)(bench->next - first), started, cpu_started);
}

/* Far from each other, by the last of the ids that they are looked for by. */
static void
find(Bench *bench, const char *row, bool there)
{
    static const char *const recipients[] = {"jane@x.example"};
    double started = dsn_bench_clock(CLOCK_MONOTONIC);
    double cpu_started = dsn_bench_clock(CLOCK_PROCESS_CPUTIME_ID);
    guint64 count = 0, found = 0;

    do {
        char id[64];
        const guint64 number = count * 7919 % bench->next + (there ? 0 : bench->next);
        const DsnSought sought = {
            .sender = DSN_SPAN_LITERAL("news@shop.example"),
            .queue_id = DSN_SPAN_LITERAL("0123456789abcdef0123456789abcdef"),
            .message_id = {id, (size_t)g_snprintf(id, sizeof(id),
                                                  "<%" G_GUINT64_FORMAT "@shop.example>", number)},
            .recipients = recipients,
            .n_recipients = 1,
        };
        g_auto(DsnFoundCapture) capture;

        found += dsn_captures_find(bench->captures, &sought, &capture);
        count++;
    } while (dsn_bench_clock(CLOCK_MONOTONIC) - started < bench->seconds);
    print(row, (double)count, started, cpu_started);
    if (found != (there ? count : 0))
        printf("    %" G_GUINT64_FORMAT " of them were found\n", found);
}

int
main(int argc, char **argv)
{
    Bench bench = {
        .seconds = argc > 1 ? g_ascii_strtod(argv[1], NULL) : 2,
        .folder = g_strdup("bench-captures-XXXXXX"),
        .options = {.mail = DSN_CAPTURED_MESSAGE,
                    .keep = G_TIME_SPAN_DAY,
                    .max_size = (size_t)1 << 40,
                    .max_message = 1 << 20,
                    .queue = (size_t)1 << 30},
    };

    if (g_mkdtemp(bench.folder) == NULL)
        dsn_bench_fail(bench.folder, NULL);
    bench.captures = dsn_captures_new(bench.folder, 0, &bench.options, &bench.metrics);
    printf("captures\n");
    bench.options.mail = DSN_CAPTURED_HEADERS;
    remember(&bench, "wishes and header", 0);
    find(&bench, "found by its Message-ID", true);
    find(&bench, "not found", false);
    bench.options.mail = DSN_CAPTURED_MESSAGE;
    remember(&bench, "a message of 20 KB", 20000);
    dsn_captures_free(bench.captures);
    dsn_bench_remove(bench.folder);
    g_free(bench.folder);
    return EXIT_SUCCESS;
}
