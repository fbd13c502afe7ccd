/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench-outlets.c - how fast records are classified, formed and written to log segments
 *
 * Usage: bench-outlets [SECONDS]; each row but the last ones is measured for that long (default 2),
 * by the time of one processor. Log segments are written from a spool in a folder that is made in
 * the current one, by the clock on the wall: the disk under it matters. It never fails on a slow
 * machine. DSNARF_EXAMPLES names the folder of the sample input.
 */
#include "config.h"

#include "filter/core/classifier.h"
#include "filter/core/record-form.h"
#include "filter/outlet/segments.h"
#include "filter/pipeline/pipeline.h"
#include "tests/bench/common.h"

#include <gmime/gmime.h>
#include <stdio.h>
#include <stdlib.h>

#define CLASSES 30
#define RULES_OF_CLASS 10
#define RESPONSES 5000
#define STREAMED 100000
#define OUTLET "segments:bench"

/* The sample bounce as one line, with an id of its own. */
static void
add_record(const char *example, guint64 id, GString *lines)
{
    json_auto_t *record = json_loads(example, 0, NULL);
    char buffer[DSN_DATE_MAX];
    g_autofree char *name = g_strdup_printf("%032" G_GINT64_MODIFIER "x", id);

    g_assert(record != NULL);
    int64_t now = g_get_real_time() / G_USEC_PER_SEC;
    (void)dsn_date_to_rfc3339(now, 0, buffer);
    (void)json_object_set_new(record, "id", json_string(name)); /* replace: cannot fail */
    (void)json_object_set_new(record, "timestamp", json_integer(now));
    (void)json_object_set_new(record, "created", json_integer(now));
    (void)json_object_set_new(record, "event_time", json_string(buffer));
    (void)json_object_set_new(record, "created_time", json_string(buffer));
    g_autofree char *text = json_dumps(record, JSON_COMPACT);
    g_string_append_printf(lines, "%s\n", text);
}

/* ---- classes ---- */

/* Half of the rules ask for a code, half for words; none matches before the last class. */
static char *
write_rules(const char *folder)
{
    g_autoptr(GString) text = g_string_new("[rules]\n");
    g_autoptr(GError) error = NULL;
    char *path = g_build_filename(folder, "rules.toml", NULL);

    for (unsigned i = 0; i < CLASSES; i++) {
        g_string_append_printf(text, "Class%u = [", i);
        for (unsigned j = 0; j < RULES_OF_CLASS; j++)
            g_string_append_printf(text,
                                   j % 2 == 0 ? "'^[45]\\d\\d [45]\\.%u\\.%u\\s',"
                                              : "'(?i)(?:mailbox|account) number%u.*closed%u',",
                                   10 + i, j);
        g_string_append(text, "]\n");
    }
    g_string_append(text, "Last = ['over its quota$']\n");
    if (!g_file_set_contents(path, text->str, -1, &error))
        dsn_bench_fail(path, error);
    return path;
}

static void
bench_classes(const char *folder, double seconds)
{
    g_autofree char *path = write_rules(folder);
    g_autoptr(GPtrArray) files = g_ptr_array_new();
    g_autoptr(GError) error = NULL;
    char response[120];

    g_ptr_array_add(files, path);
    for (unsigned cached = 0; cached < 2; cached++) {
        const DsnClassifierOptions options = {.cache = cached == 0 ? 0 : 2 * RESPONSES,
                                              .match_limit = 100000};
        g_autoptr(DsnClassifier) classifier = dsn_classifier_load(files, &options, &error);
        double elapsed = 0, start = 0;
        unsigned count = 0;

        if (classifier == NULL)
            dsn_bench_fail(path, error);
        for (unsigned i = 0; elapsed < seconds; i++) {
            if (i == RESPONSES) { /* all are remembered now, if any are */
                start = dsn_bench_clock(CLOCK_THREAD_CPUTIME_ID);
                count = 0;
            }
            (void)g_snprintf(response, sizeof(response),
                             "552 5.2.2 The mailbox of user%u is over its quota", i % RESPONSES);
            const char *class_ = dsn_classifier_find(classifier, dsn_span(response), NULL);
            g_assert(strcmp(class_, "Last") == 0);
            count++;
            if (i >= RESPONSES && i % 100 == 0)
                elapsed = dsn_bench_clock(CLOCK_THREAD_CPUTIME_ID) - start;
        }
        dsn_bench_print_rate(cached == 0 ? "response -> class by the last of 301 rules"
                                         : "the same, remembered among 5,000",
                             count / elapsed);
    }
}

/* ---- forms ---- */

static const struct {
    const char *label, *headers, *filter, *template_;
    bool mask;
} forms[] = {
    {"record -> line, as it is", "*", NULL, NULL, false},
    {"  with a filter", "*", "type in ['Bounce', 'OOB']", NULL, false},
    {"  with headers selected", "Subject", NULL, NULL, false},
    {"  with masks", "*", NULL, NULL, true},
    {"  by a template", "*", NULL, "{{ id }},{{ recipient }},{{ response.code }}", false},
};

static void
bench_forms(const char *example, double seconds)
{
    g_autoptr(GString) line = g_string_new(NULL), output = g_string_new(NULL);

    add_record(example, 1, line);
    for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
        g_autoptr(GPtrArray) headers = g_ptr_array_new();
        g_autoptr(GHashTable) types = g_hash_table_new(g_str_hash, g_str_equal);
        DsnTypeForm any = {true, forms[i].template_};
        g_autoptr(GError) error = NULL;
        double elapsed = 0, start = dsn_bench_clock(CLOCK_THREAD_CPUTIME_ID);
        unsigned count = 0;

        g_ptr_array_add(headers, (gpointer)forms[i].headers);
        g_hash_table_insert(types, (gpointer) "Any", &any);
        g_autoptr(DsnForm) form = dsn_form_new(&(DsnFormOptions){.name = "bench",
                                                                 .headers = headers,
                                                                 .filter = forms[i].filter,
                                                                 .mask = forms[i].mask,
                                                                 .types = types},
                                               &error);
        if (form == NULL)
            dsn_bench_fail(forms[i].label, error);
        while (elapsed < seconds) {
            g_string_truncate(output, 0);
            DsnFormed formed = dsn_form_write(form, DSN_RECORD_BOUNCE,
                                              (DsnSpan){line->str, line->len}, output, &error);
            g_assert(formed == DSN_FORMED);
            if (++count % 100 == 0)
                elapsed = dsn_bench_clock(CLOCK_THREAD_CPUTIME_ID) - start;
        }
        dsn_bench_print_rate(forms[i].label, count / elapsed);
    }
}

/* ---- log segments ---- */

static DsnPolicy *
load_policy(const char *folder)
{
    g_autofree char *path = g_build_filename(folder, "dsnarf.toml", NULL);
    g_autoptr(GError) error = NULL;
    DsnPolicy *policy = NULL;
    static const char text[] = "hostname = \"mta1.example.com\"\nnotice.enable = []\n"
                               "[segments.bench]\nlog_dir = \"logs\"\nmin_free_space = 0\n";

    if (g_file_set_contents(path, text, -1, &error))
        policy = dsn_policy_load(path, &error);
    if (policy == NULL)
        dsn_bench_fail(path, error);
    return policy;
}

static void
fill(DsnPipeline *pipeline, const DsnPolicy *policy, const char *example)
{
    static const DsnPoster nobody;
    g_autoptr(GString) lines = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    for (guint64 id = 0; id < STREAMED; id++)
        add_record(example, id, lines);
    double start = dsn_bench_clock(CLOCK_MONOTONIC),
           cpu = dsn_bench_clock(CLOCK_PROCESS_CPUTIME_ID);
    g_auto(DsnTally) tally;
    dsn_tally_init(&tally);
    if (!dsn_pipeline_take_records(pipeline, policy, &nobody, (DsnSpan){lines->str, lines->len},
                                   &tally, &error))
        dsn_bench_fail("the spool", error);
    g_assert(tally.accepted == STREAMED);
    dsn_bench_print_rate("records -> spool, 100,000 in one body",
                         STREAMED / (dsn_bench_clock(CLOCK_MONOTONIC) - start));
    dsn_bench_print_rate("  by processor time",
                         STREAMED / (dsn_bench_clock(CLOCK_PROCESS_CPUTIME_ID) - cpu));
}

static void
bench_segments(const char *folder, const char *example)
{
    static const char *const outlets[] = {OUTLET, NULL};
    const DsnSpoolOptions options = {
        .directory = folder, .keep = 86400, .max_size = G_MAXINT64, .large = 1 << 20};
    DsnMetrics metrics = {.counters = {0}};
    g_autoptr(GError) error = NULL;
    guint64 dropped;
    g_autoptr(DsnSpool) spool = dsn_spool_open(&options, &metrics, &error);

    if (spool == NULL || !dsn_spool_set_outlets(spool, outlets, &dropped, &error))
        dsn_bench_fail(folder, error);
    g_autoptr(DsnPolicy) policy = load_policy(folder);
    g_autoptr(DsnPipeline) pipeline = dsn_pipeline_new(spool, &metrics, policy);
    fill(pipeline, policy, example);
    double start = dsn_bench_clock(CLOCK_MONOTONIC),
           cpu = dsn_bench_clock(CLOCK_PROCESS_CPUTIME_ID);
    DsnSegments *segments =
        dsn_segments_start(spool, &metrics, policy->configuration->segments->pdata[0], &error);
    if (segments == NULL)
        dsn_bench_fail(folder, error);
    while (dsn_metrics_get(&metrics, DSN_COUNT_SEGMENT_LINES) < STREAMED)
        g_usleep(1000);
    dsn_bench_print_rate("records of the spool -> log segments, on the disk",
                         STREAMED / (dsn_bench_clock(CLOCK_MONOTONIC) - start));
    dsn_bench_print_rate("  by processor time",
                         STREAMED / (dsn_bench_clock(CLOCK_PROCESS_CPUTIME_ID) - cpu));
    dsn_segments_stop(segments);
}

int
main(int argc, char **argv)
{
    double seconds = argc > 1 ? g_ascii_strtod(argv[1], NULL) : 2;
    g_autofree char *folder = g_strdup("bench-outlets-XXXXXX");
    g_autofree char *example = dsn_bench_read_example("bounce.json");

    if (g_mkdtemp(folder) == NULL)
        dsn_bench_fail(folder, NULL);
    g_mime_init();
    bench_classes(folder, seconds);
    bench_forms(example, seconds);
    bench_segments(folder, example);
    g_mime_shutdown();
    dsn_bench_remove(folder);
    return EXIT_SUCCESS;
}
