/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench-pipeline.c - how fast records and reports are taken in durably
 *
 * Usage: bench-pipeline [SECONDS]; each row is measured for that long (default 2), by the clock on
 * the wall, with a spool in a folder that is made in the current one: the disk under it matters.
 * Prints for each row the rate, the rate to reach, the processor time of one, and which libraries
 * it went to. It never fails on a slow machine. DSNARF_EXAMPLES names the folder of the sample
 * input.
 */
#include "config.h"

#include "filter/core/json-writer.h"
#include "filter/pipeline/pipeline.h"
#include "tests/bench/common.h"
#include "tests/bench/shares.h"

#include <gmime/gmime.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH 500
#define ID_DIGITS 32
#define BODIES 4 /* at most so many posters at a time */

typedef struct Bench {
    double seconds;
    char *folder;
    DsnMetrics metrics;
    DsnSpool *spool;
    DsnPolicy *policy;
    DsnPipeline *pipeline;
    guint64 next_id; /* atomic */
} Bench;

/* A body in which every id is overwritten each time it is posted. */
typedef struct Body {
    GString *text;
    GArray *ids; /* of size_t: where they are in it */
} Body;

typedef struct Poster {
    Bench *bench;
    Body body;
    guint64 count;
} Poster;

/* ---- the daemon's parts ---- */

static DsnPolicy *
load_policy(const char *folder, const char *outlet_types)
{
    g_autofree char *path = g_build_filename(folder, "dsnarf.toml", NULL);
    g_autoptr(GString) text =
        g_string_new("hostname = \"mta1.example.com\"\n[notice]\nsenders = [\"*\"]\n"
                     "hourly_rate = 0\nhourly_sender_rate = 0\nhourly_domain_rate = 0\n"
                     "include_original = \"full\"\ntrust = [\"any\"]\ncoalesce = 0\n");
    g_autoptr(GError) error = NULL;
    DsnPolicy *policy = NULL;

    if (*outlet_types != '\0')
        g_string_append_printf(text, "[file.bench]\npath = \"/nonexistent\"\ntypes = [%s]\n",
                               outlet_types);
    if (g_file_set_contents(path, text->str, -1, &error))
        policy = dsn_policy_load(path, &error);
    if (policy == NULL)
        dsn_bench_fail(path, error);
    return policy;
}

static void
bench_open(Bench *bench, const char *outlet_types, bool history)
{
    static const char *const outlets[] = {"bench", NULL};
    g_autoptr(GError) error = NULL;
    guint64 dropped;

    bench->folder = g_strdup("bench-pipeline-XXXXXX");
    if (g_mkdtemp(bench->folder) == NULL)
        dsn_bench_fail(bench->folder, NULL);
    const DsnSpoolOptions options = {
        .directory = bench->folder,
        .keep = 14 * 86400,
        .history_keep = history ? 14 * 86400 : 0,
        .max_size = G_MAXINT64,
        .large = 1 << 20,
    };
    bench->spool = dsn_spool_open(&options, &bench->metrics, &error);
    if (bench->spool == NULL || !dsn_spool_set_outlets(bench->spool, outlets, &dropped, &error))
        dsn_bench_fail(bench->folder, error);
    bench->policy = load_policy(bench->folder, outlet_types);
    bench->pipeline = dsn_pipeline_new(bench->spool, &bench->metrics, bench->policy);
}

static void
bench_close(Bench *bench)
{
    g_clear_pointer(&bench->pipeline, dsn_pipeline_free);
    g_clear_pointer(&bench->policy, dsn_policy_unref);
    g_clear_pointer(&bench->spool, dsn_spool_close);
    dsn_bench_remove(bench->folder);
    g_clear_pointer(&bench->folder, g_free);
}

/* ---- input ---- */

/* The sample bounce of this very moment, in which the id is replaced later. */
static json_t *
make_record(const char *type)
{
    g_autofree char *text = dsn_bench_read_example("bounce.json");
    int64_t now = g_get_real_time() / G_USEC_PER_SEC;
    char buffer[DSN_DATE_MAX];
    json_t *record = json_loads(text, 0, NULL);

    g_assert(record != NULL);
    (void)json_object_set_new(record, "type", json_string(type)); /* replace: cannot fail */
    (void)json_object_set_new(record, "event_time",
                              json_string(dsn_date_to_rfc3339(now, 1000, buffer)));
    (void)json_object_set_new(record, "created_time",
                              json_string(dsn_date_to_rfc3339(now - 3, 0, buffer)));
    return record;
}

static json_t *
with_original(json_t *record, size_t size)
{
    static const char prose[] = "The quick brown fox jumps over the lazy dog, again and again.\r\n";
    g_autofree char *original = dsn_bench_read_example("original.eml");
    g_autoptr(GString) message = g_string_new(original);

    while (message->len < size)
        g_string_append(message, prose);
    return json_pack("{s:o, s:s#}", "log_record", record, "message", message->str,
                     (int)message->len);
}

/* @n_bounces of a batch are bounces, all others deliveries; with originals or without. */
static void
body_init(Body *body, unsigned n_bounces, size_t original)
{
    json_t *batch = json_array();

    for (unsigned i = 0; i < BATCH; i++) {
        bool bounce = i * n_bounces / BATCH != (i + 1) * n_bounces / BATCH;
        json_t *record = make_record(bounce ? "Bounce" : "Delivery");

        if (original > 0)
            record = with_original(record, original);
        (void)json_array_append_new(batch, record); /* an array: cannot fail */
    }
    body->text = g_string_new(NULL);
    dsn_json_tree(body->text, batch);
    json_decref(batch);
    body->ids = g_array_new(FALSE, FALSE, sizeof(size_t));
    for (const char *at = body->text->str; (at = strstr(at, "\"id\":\"")) != NULL; at++) {
        const size_t place = (size_t)(at - body->text->str) + strlen("\"id\":\"");
        g_array_append_val(body->ids, place);
    }
    g_assert(body->ids->len == BATCH);
}

static void
body_clear(Body *body)
{
    (void)g_string_free(body->text, TRUE);
    g_array_unref(body->ids);
}

static void
write_id(Bench *bench, char *place)
{
    char id[ID_DIGITS + 1];

    (void)g_snprintf(id, sizeof(id), "%032" G_GINT64_MODIFIER "x",
                     __atomic_add_fetch(&bench->next_id, 1, __ATOMIC_RELAXED));
    memcpy(place, id, ID_DIGITS);
}

/* ---- work ---- */

static guint64
post_batch(Poster *poster)
{
    static const DsnPoster nobody;
    Bench *bench = poster->bench;
    g_autoptr(GError) error = NULL;
    g_auto(DsnTally) tally;

    for (guint i = 0; i < BATCH; i++)
        write_id(bench, poster->body.text->str + g_array_index(poster->body.ids, size_t, i));
    dsn_tally_init(&tally);
    if (!dsn_pipeline_take_records(bench->pipeline, bench->policy, &nobody,
                                   (DsnSpan){poster->body.text->str, poster->body.text->len},
                                   &tally, &error))
        dsn_bench_fail("a batch", error);
    g_assert(tally.accepted + tally.ignored == BATCH);
    return BATCH;
}

static guint64
send_message(Poster *poster)
{
    const DsnSession session = {.sender = "", .recipient = "fbl@example.com", .protocol = "ESMTP"};
    Bench *bench = poster->bench;
    g_autoptr(GError) error = NULL;
    DsnMessageTaken taken;

    write_id(bench, poster->body.text->str + g_array_index(poster->body.ids, size_t, 0));
    if (dsn_pipeline_take_message(bench->pipeline, bench->policy,
                                  (DsnSpan){poster->body.text->str, poster->body.text->len},
                                  &session, NULL, NULL, &taken, &error) != DSN_MESSAGE_RECORDED)
        dsn_bench_fail("a message", error);
    g_assert(taken.records == 1);
    return 1;
}

typedef struct Run {
    Poster *poster;
    guint64 (*work)(Poster *poster);
    int64_t until;
} Run;

static gpointer
run_in_thread(gpointer data)
{
    const Run *run = data;

    while (g_get_monotonic_time() < run->until)
        run->poster->count += run->work(run->poster);
    return NULL;
}

static void
measure(Bench *bench, const char *name, const char *wanted, Poster *posters, guint n_posters,
        guint64 (*work)(Poster *poster))
{
    g_autofree Run *runs = g_new0(Run, n_posters);
    g_autofree GThread **threads = g_new0(GThread *, n_posters);
    g_autoptr(GString) shares = g_string_new(NULL);
    guint64 count = 0;

    (void)work(&posters[0]); /* warm caches; it does not count */
    dsn_shares_start();
    double cpu = dsn_bench_clock(CLOCK_PROCESS_CPUTIME_ID);
    int64_t start = g_get_monotonic_time();
    for (guint i = 0; i < n_posters; i++) {
        runs[i] = (Run){&posters[i], work, start + (int64_t)(bench->seconds * 1e6)};
        threads[i] = g_thread_new("poster", run_in_thread, &runs[i]);
    }
    for (guint i = 0; i < n_posters; i++) {
        (void)g_thread_join(threads[i]); /* its result is in posters[i] */
        count += posters[i].count;
    }
    double elapsed = (double)(g_get_monotonic_time() - start) / 1e6;
    cpu = dsn_bench_clock(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    dsn_shares_stop(shares);

    g_autofree char *rate = g_strdup_printf("%.0f/s", (double)count / elapsed);
    printf("%-58s %10s  %-9s %7.1f us  %s\n", name, rate, wanted, cpu / (double)count * 1e6,
           shares->str);
    fflush(stdout);
}

static void
bench_records(double seconds, const char *name, const char *wanted, const char *outlet_types,
              bool history, unsigned n_bounces, size_t original, guint n_posters)
{
    Bench bench = {.seconds = seconds};
    Poster posters[BODIES] = {0};

    bench_open(&bench, outlet_types, history);
    for (guint i = 0; i < n_posters; i++) {
        posters[i].bench = &bench;
        body_init(&posters[i].body, n_bounces, original);
    }
    measure(&bench, name, wanted, posters, n_posters, post_batch);
    for (guint i = 0; i < n_posters; i++)
        body_clear(&posters[i].body);
    bench_close(&bench);
}

static void
bench_messages(double seconds, const char *name, guint n_posters)
{
    static const char header[] = "Message-ID: <00000000000000000000000000000000@isp.example>\n";
    g_autofree char *sample = dsn_bench_read_example("feedback.eml");
    g_autofree Poster *posters = g_new0(Poster, n_posters);
    const size_t place = strlen("Message-ID: <");
    Bench bench = {.seconds = seconds};

    bench_open(&bench, "\"Feedback\"", false);
    for (guint i = 0; i < n_posters; i++) {
        posters[i].bench = &bench;
        posters[i].body.text = g_string_new(header);
        posters[i].body.ids = g_array_new(FALSE, FALSE, sizeof(size_t));
        g_string_append(posters[i].body.text, sample);
        g_array_append_val(posters[i].body.ids, place);
    }
    measure(&bench, name, "", posters, n_posters, send_message);
    for (guint i = 0; i < n_posters; i++)
        body_clear(&posters[i].body);
    bench_close(&bench);
}

int
main(int argc, char **argv)
{
    double seconds = argc > 1 ? g_ascii_strtod(argv[1], NULL) : 2;

    g_mime_init();
    dsn_log_open(DSN_LOG_STDERR, DSN_LOG_WARNING);
    printf("bench-pipeline: %s seconds a row, by the clock on the wall, durable\n",
           argc > 1 ? argv[1] : "2");
    printf("%-58s %10s  %-9s %10s  %s\n", "work", "rate", "to reach", "cpu of one",
           "time spent in");
    bench_records(seconds, "batches of 500 records, 10 % notices", "30000/s", "", false, 50, 0, 1);
    bench_records(seconds, "the same, two posters", "", "", false, 50, 0, 2);
    bench_records(seconds, "the same, all types to a file too", "", "\"Bounce\", \"Delivery\"",
                  false, 50, 0, 2);
    bench_records(seconds, "the same, with a history", "", "\"Bounce\", \"Delivery\"", true, 50, 0,
                  2);
    bench_records(seconds, "batches of 500 bounces with originals of 3 KB", "", "", false, BATCH,
                  3000, 1);
    bench_records(seconds, "the same, two posters", "5000/s", "", false, BATCH, 3000, 2);
    bench_messages(seconds, "feedback reports by mail, one at a time", 1);
    bench_messages(seconds, "the same, 20 at a time", 20);
    g_mime_shutdown();
    return EXIT_SUCCESS;
}
