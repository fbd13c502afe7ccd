/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/cli/jobs.h"
#include "tests/support/unit.h"

#define BATCHES 500

typedef struct Run {
    unsigned filled;
    unsigned delivered;
    unsigned last;    /* fill() ends after this many */
    unsigned stop_at; /* deliver() stops after this many */
    bool in_fill;     /* to see whether two threads are in there */
    bool in_deliver;
    int live_batches;
    int live_workers;
    int most_workers;
} Run;

typedef struct Batch {
    Run *run;
    unsigned number;
    bool worked;
} Batch;

static gpointer
batch_new(gpointer user)
{
    Batch *batch = g_new0(Batch, 1);

    batch->run = user;
    g_atomic_int_inc(&batch->run->live_batches);
    return batch;
}

static void
batch_free(gpointer data)
{
    Batch *batch = data;

    g_atomic_int_add(&batch->run->live_batches, -1);
    g_free(batch);
}

static gpointer
worker_new(gpointer user)
{
    Run *run = user;

    g_atomic_int_inc(&run->most_workers);
    g_atomic_int_inc(&run->live_workers);
    return run;
}

static void
worker_free(gpointer data)
{
    Run *run = data;

    g_atomic_int_add(&run->live_workers, -1);
}

static bool
fill(gpointer user, gpointer data)
{
    Run *run = user;
    Batch *batch = data;

    ck_assert(!run->in_fill);
    run->in_fill = true;
    bool more = run->filled < run->last;
    if (more) {
        batch->number = run->filled++;
        batch->worked = false;
    }
    run->in_fill = false;
    return more;
}

static void
work(gpointer user, gpointer worker, gpointer data)
{
    Batch *batch = data;

    ck_assert_ptr_eq(user, worker);
    /* Some take longer, so that batches are done out of order. */
    g_usleep(batch->number % 7 == 0 ? 1000 : batch->number % 3 * 50);
    batch->worked = true;
}

static bool
deliver(gpointer user, gpointer data)
{
    Run *run = user;
    Batch *batch = data;

    ck_assert(!run->in_deliver);
    run->in_deliver = true;
    ck_assert(batch->worked);
    ck_assert_uint_eq(batch->number, run->delivered);
    run->delivered++;
    run->in_deliver = false;
    return run->delivered != run->stop_at;
}

static const DsnJobs jobs = {batch_new, batch_free, worker_new, worker_free, fill, work, deliver};

static const struct {
    unsigned jobs, last, stop_at, want;
} rows[] = {
    {1, BATCHES, 0, BATCHES},
    {2, BATCHES, 0, BATCHES},
    {3, BATCHES, 0, BATCHES},
    {8, BATCHES, 0, BATCHES},
    {8, 3, 0, 3},
    {2, 0, 0, 0},
    {1, BATCHES, 1, 1},
    {2, BATCHES, 1, 1},
    {8, BATCHES, 77, 77},
    {64, BATCHES, 1, 1},
};

START_TEST(delivers_in_order)
{
    Run run = {.last = rows[_i].last, .stop_at = rows[_i].stop_at};

    dsn_jobs_run(&jobs, rows[_i].jobs, &run);
    ck_assert_uint_eq(run.delivered, rows[_i].want);
    ck_assert_int_eq(run.live_batches, 0);
    ck_assert_int_eq(run.live_workers, 0);
    ck_assert_int_eq(run.most_workers, (int)rows[_i].jobs);
    if (rows[_i].stop_at > 0) /* what was begun is bounded by the number of batches */
        ck_assert_uint_le(run.filled, rows[_i].stop_at + 2 * rows[_i].jobs);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("jobs");
    TCase *tcase = tcase_create("jobs");

    tcase_add_loop_test(tcase, delivers_in_order, 0, G_N_ELEMENTS(rows));
    suite_add_tcase(suite, tcase);
    return suite;
}
