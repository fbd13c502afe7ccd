/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/cli/jobs.h"

#define BATCHES_PER_JOB 2

/* Batches go round: idle -> filled -> done -> delivered -> idle. A batch that is done waits in
 * @done until all before it are; whoever completes the row delivers it. */
typedef struct Ring {
    const DsnJobs *jobs;
    gpointer user;
    unsigned n_batches;
    GMutex fill_lock; /* taken before @lock, never after */
    GMutex lock;      /* of all that follows */
    GCond idle_changed;
    gpointer *idle;
    unsigned n_idle;
    gpointer *done;    /* batch number modulo n_batches */
    guint64 filled;    /* batches filled so far */
    guint64 delivered; /* batches delivered so far */
    bool delivering;   /* some thread is in deliver() */
    bool stopped;
} Ring;

/* Takes an idle batch, waiting for one if need be; NULL when there is no more to do. */
static gpointer
take_idle(Ring *ring)
{
    gpointer batch = NULL;

    g_mutex_lock(&ring->lock);
    while (ring->n_idle == 0 && !ring->stopped)
        g_cond_wait(&ring->idle_changed, &ring->lock);
    if (!ring->stopped)
        batch = ring->idle[--ring->n_idle];
    g_mutex_unlock(&ring->lock);
    return batch;
}

static void
give_back(Ring *ring, gpointer batch)
{
    ring->idle[ring->n_idle++] = batch;
    g_cond_signal(&ring->idle_changed);
}

/* Fills the next batch; NULL when there is no more to do. */
static gpointer
next_batch(Ring *ring, guint64 *ret_number)
{
    g_mutex_lock(&ring->fill_lock);
    gpointer batch = take_idle(ring);
    bool filled = batch != NULL && ring->jobs->fill(ring->user, batch);
    *ret_number = ring->filled;
    if (filled)
        ring->filled++;
    g_mutex_unlock(&ring->fill_lock);

    if (batch != NULL && !filled) {
        g_mutex_lock(&ring->lock);
        give_back(ring, batch);
        g_mutex_unlock(&ring->lock);
        return NULL;
    }
    return batch;
}

/* Delivers the batches that are done and whose turn has come. */
static void
put_done(Ring *ring, guint64 number, gpointer batch)
{
    g_mutex_lock(&ring->lock);
    ring->done[number % ring->n_batches] = batch;
    while (!ring->delivering && (batch = ring->done[ring->delivered % ring->n_batches]) != NULL) {
        bool stopped = ring->stopped;

        ring->done[ring->delivered % ring->n_batches] = NULL;
        ring->delivering = true;
        g_mutex_unlock(&ring->lock);
        if (!stopped)
            stopped = !ring->jobs->deliver(ring->user, batch);
        g_mutex_lock(&ring->lock);
        ring->delivering = false;
        ring->delivered++;
        if (stopped && !ring->stopped) {
            ring->stopped = true;
            g_cond_broadcast(&ring->idle_changed);
        }
        give_back(ring, batch);
    }
    g_mutex_unlock(&ring->lock);
}

static gpointer
run_worker(gpointer data)
{
    Ring *ring = data;
    gpointer worker = ring->jobs->worker_new(ring->user);
    gpointer batch;
    guint64 number;

    while ((batch = next_batch(ring, &number)) != NULL) {
        ring->jobs->work(ring->user, worker, batch);
        put_done(ring, number, batch);
    }
    ring->jobs->worker_free(worker);
    return NULL;
}

void
dsn_jobs_run(const DsnJobs *jobs, unsigned n_jobs, gpointer user)
{
    g_assert(n_jobs > 0 && n_jobs <= DSN_JOBS_MAX);

    Ring ring = {
        .jobs = jobs, .user = user, .n_batches = n_jobs == 1 ? 1 : n_jobs * BATCHES_PER_JOB};
    g_mutex_init(&ring.fill_lock);
    g_mutex_init(&ring.lock);
    g_cond_init(&ring.idle_changed);
    ring.idle = g_new0(gpointer, ring.n_batches);
    ring.done = g_new0(gpointer, ring.n_batches);
    while (ring.n_idle < ring.n_batches)
        ring.idle[ring.n_idle++] = jobs->batch_new(user);

    /* The calling thread is a worker, too. */
    GThread **threads = g_new0(GThread *, n_jobs);
    for (unsigned i = 1; i < n_jobs; i++)
        threads[i] = g_thread_new("worker", run_worker, &ring);
    (void)run_worker(&ring);
    for (unsigned i = 1; i < n_jobs; i++)
        (void)g_thread_join(threads[i]);

    for (unsigned i = 0; i < ring.n_batches; i++)
        jobs->batch_free(ring.idle[i]);
    g_free(threads);
    g_free(ring.done);
    g_free(ring.idle);
    g_mutex_clear(&ring.fill_lock);
    g_mutex_clear(&ring.lock);
    g_cond_clear(&ring.idle_changed);
}
