/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench-tailer.c - how fast log segments are followed
 *
 * Usage: bench-tailer [SECONDS]; the first row is measured for that long (default 2), by the time
 * of one processor; the others read a number of records, into a spool in a folder that is made in
 * the current one, by the clock on the wall. Records have 1.6 KB; of ten, one is a bounce or an
 * expiration, and the others are wanted by nobody. It never fails on a slow machine.
 * DSNARF_EXAMPLES names the folder of the sample input.
 */
#include "config.h"

#include "filter/core/record.h"
#include "filter/intake/tailed-file.h"
#include "filter/intake/tailer.h"
#include "tests/bench/common.h"

#include <glib/gstdio.h>
#include <gmime/gmime.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define RECORD_SIZE 1600
#define NOISE 230
#define RECORDS 40000 /* of a frame: 64 MB */
#define FRAMES 16     /* of the large segment: 1 GB */
#define LINE_MAX_BYTES ((size_t)16 << 20)

/* ---- what is followed ---- */

static const char *
type_of(unsigned i)
{
    return i % 20 == 0    ? "Bounce"
           : i % 20 == 10 ? "Expiration"
           : i % 2 == 0   ? "Reception"
                          : "Delivery";
}

/* The sample bounce as a line of RECORD_SIZE bytes. */
static void
add_record(json_t *record, unsigned i, GRand *noise, GString *lines)
{
    g_autofree char *id = g_strdup_printf("%032x", i);
    g_autofree char *recipient = g_strdup_printf("user%u@d%u.example", i * 7919 % 100000, i % 97);
    char time[DSN_DATE_MAX];
    size_t start = lines->len;

    (void)dsn_date_to_rfc3339(g_get_real_time() / G_USEC_PER_SEC, i, time);
    /* in place of what is there: these cannot fail */
    (void)json_object_set_new(record, "type", json_string(type_of(i)));
    (void)json_object_set_new(record, "id", json_string(id));
    (void)json_object_set_new(record, "recipient", json_string(recipient));
    (void)json_object_set_new(record, "event_time", json_string(time));
    (void)json_object_set_new(record, "created_time", json_string(time));
    g_autofree char *text = json_dumps(record, JSON_COMPACT);
    g_string_append_len(lines, text, (gssize)strlen(text) - 1);
    g_string_append(lines, ",\"filling\":\"");
    for (int n = 0; n < NOISE; n++) /* so that zstd makes an eighth of it, as of real ones */
        g_string_append_c(lines, (char)('0' + g_rand_int_range(noise, 0, 32)));
    while (lines->len - start < RECORD_SIZE - 3)
        g_string_append_c(lines, '.');
    g_string_append(lines, "\"}\n");
}

/* A frame as KumoMTA writes it, of RECORDS records. */
static GBytes *
make_frame(void)
{
    g_autofree char *example = dsn_bench_read_example("bounce.json");
    json_auto_t *record = json_loads(example, 0, NULL);
    g_autoptr(GString) lines = g_string_new(NULL);
    g_autoptr(GRand) noise = g_rand_new_with_seed(1);

    g_assert(record != NULL);
    for (unsigned i = 0; i < RECORDS; i++)
        add_record(record, i, noise, lines);
    size_t room = ZSTD_compressBound(lines->len);
    char *packed = g_malloc(room);
    size_t size = ZSTD_compress(packed, room, lines->str, lines->len, 3);
    if (ZSTD_isError(size))
        dsn_bench_fail("zstd", NULL);
    printf("%u records, %zu bytes, of which zstd makes %zu\n", RECORDS, lines->len, size);
    return g_bytes_new_take(packed, size);
}

static char *
write_segment(const char *folder, const char *name, GBytes *frame, unsigned times)
{
    char *path = g_build_filename(folder, name, NULL);
    FILE *file = fopen(path, "wbe");

    for (unsigned i = 0; i < times && file != NULL; i++)
        if (fwrite(g_bytes_get_data(frame, NULL), g_bytes_get_size(frame), 1, file) != 1)
            dsn_bench_fail(path, NULL);
    if (file == NULL || fclose(file) != 0 || chmod(path, 0400) != 0)
        dsn_bench_fail(path, NULL);
    return path;
}

static DsnPolicy *
load_policy(const char *folder)
{
    g_autofree char *path = g_build_filename(folder, "dsnarf.toml", NULL);
    g_autofree char *logs = g_build_filename(folder, "logs", NULL);
    g_autofree char *text = g_strdup_printf(
        "hostname = \"mta1.example.com\"\n[notice]\nenable = [\"Bounce\", \"Expiration\"]\n"
        "senders = [\"*\"]\ntrust = [\"any\"]\nhourly_sender_rate = 0\n"
        "[tailer.bench]\ndirectory = \"logs\"\nstart = \"beginning\"\n");
    g_autoptr(GError) error = NULL;
    DsnPolicy *policy = NULL;

    if (g_mkdir_with_parents(logs, 0700) == 0 && g_file_set_contents(path, text, -1, &error))
        policy = dsn_policy_load(path, &error);
    if (policy == NULL)
        dsn_bench_fail(path, error);
    return policy;
}

/* ---- rows ---- */

/* Reads all of the segment, and parses what is wanted. */
static guint64
read_segment(const char *path, const DsnPolicy *policy, DsnMetrics *metrics)
{
    DsnTailedFile *file = dsn_tailed_file_new(path, "bench", metrics);
    g_autoptr(GError) error = NULL;
    const gint stopping = 0;
    uint64_t skipped = 0;
    guint64 wanted = 0;
    DsnSegmentEvent event;
    DsnSpan record;

    if (!dsn_tailed_file_open(file, LINE_MAX_BYTES, &skipped, &stopping, &error))
        dsn_bench_fail(path, error);
    while ((event = dsn_tailed_file_next(file, &record, &error)) != DSN_SEGMENT_END) {
        g_auto(DsnElement) element = {.record = NULL};

        if (event != DSN_SEGMENT_LINE)
            dsn_bench_fail(path, error);
        if (!dsn_policy_wants(policy, record))
            continue;
        if (!dsn_element_parse(record, policy->configuration->intake.record, &element, &error))
            dsn_bench_fail(path, error);
        wanted++;
    }
    dsn_tailed_file_free(file);
    return wanted;
}

static void
bench_reading(const char *path, const DsnPolicy *policy, double seconds)
{
    DsnMetrics metrics = {.counters = {0}};
    double start = dsn_bench_clock(CLOCK_PROCESS_CPUTIME_ID), now;
    guint64 records = 0;

    do {
        guint64 wanted = read_segment(path, policy, &metrics);
        g_assert(wanted == RECORDS / 10);
        records += RECORDS;
        now = dsn_bench_clock(CLOCK_PROCESS_CPUTIME_ID);
    } while (now - start < seconds);
    dsn_bench_print_rate("segment stream, only Bounce and Expiration wanted",
                         (double)records / (now - start));
}

/* Follows what is in the folder, with a tailer of its own. */
static void
bench_following(const char *folder, DsnPolicy *policy, guint64 records, const char *name)
{
    g_autofree char *spool_path = g_build_filename(folder, "spool", NULL);
    const DsnSpoolOptions options = {
        .directory = spool_path, .keep = 86400, .max_size = G_MAXINT64, .large = 1 << 20};
    DsnMetrics metrics = {.counters = {0}};
    g_autoptr(GError) error = NULL;
    g_autoptr(DsnSpool) spool = dsn_spool_open(&options, &metrics, &error);

    if (spool == NULL)
        dsn_bench_fail(spool_path, error);
    g_autoptr(DsnPipeline) pipeline = dsn_pipeline_new(spool, &metrics, policy);
    double start = dsn_bench_clock(CLOCK_MONOTONIC),
           cpu = dsn_bench_clock(CLOCK_PROCESS_CPUTIME_ID);
    DsnTailer *tailer = dsn_tailer_start(pipeline, policy->configuration->tailers->pdata[0]);
    while (dsn_metrics_get(&metrics, DSN_COUNT_TAILER_FILES) == 0)
        g_usleep(1000);
    dsn_bench_print_rate(name, (double)records / (dsn_bench_clock(CLOCK_MONOTONIC) - start));
    dsn_bench_print_rate("  by processor time",
                         (double)records / (dsn_bench_clock(CLOCK_PROCESS_CPUTIME_ID) - cpu));
    dsn_tailer_stop(tailer);
    g_assert(dsn_metrics_get(&metrics, DSN_COUNT_TAILER_RECORD) == records);
    dsn_bench_remove(spool_path);
}

/* From now on the peak is a new one, as far as the kernel can do that. */
static void
forget_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "we");

    if (file == NULL)
        return;
    (void)fputs("5", file); /* else it is that of all that was done before */
    (void)fclose(file);
}

static void
print_peak(const char *what)
{
    g_autofree char *status = NULL;

    if (!g_file_get_contents("/proc/self/status", &status, NULL, NULL))
        return;
    const char *peak = strstr(status, "VmHWM:");
    if (peak != NULL)
        printf("%-58s %10ld KiB\n", what, strtol(peak + strlen("VmHWM:"), NULL, 10));
}

int
main(int argc, char **argv)
{
    double seconds = argc > 1 ? g_ascii_strtod(argv[1], NULL) : 2;
    g_autofree char *folder = g_strdup("bench-tailer-XXXXXX");

    if (g_mkdtemp(folder) == NULL)
        dsn_bench_fail(folder, NULL);
    g_mime_init();
    g_autoptr(DsnPolicy) policy = load_policy(folder);
    g_autoptr(GBytes) frame = make_frame();
    g_autofree char *path = write_segment(folder, "logs/1", frame, 1);
    bench_reading(path, policy, seconds);
    forget_peak();
    bench_following(folder, policy, RECORDS, "segment -> spool, one record in ten makes a notice");
    print_peak("  peak memory");
    if (g_unlink(path) != 0)
        dsn_bench_fail(path, NULL);
    g_free(write_segment(folder, "logs/2", frame, FRAMES));
    forget_peak();
    bench_following(folder, policy, (guint64)RECORDS * FRAMES,
                    "1 GB segment of them -> spool, each 16 times");
    print_peak("  peak memory");
    g_mime_shutdown();
    dsn_bench_remove(folder);
    return EXIT_SUCCESS;
}
