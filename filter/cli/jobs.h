/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jobs.h - batches done by several threads, delivered in order
 *
 * Purpose:   spread work over processors; what comes out is the same whatever their number.
 * Source:    none.
 * Ownership: batches and workers are made, used and freed through the caller's functions.
 * Errors:    deliver says false to stop.
 * Threads:   fill and deliver are each called by one thread at a time, in the order of the batches,
 *            but by any thread and at the same time as each other; work runs in all of them.
 *
 * A batch should hold about a millisecond of work: handing one over can wake another processor,
 * which costs up to a tenth of that. Memory is bounded by the number of batches, two for each job.
 */
#ifndef DSN_CLI_JOBS_H
#define DSN_CLI_JOBS_H

#include <glib.h>
#include <stdbool.h>

#define DSN_JOBS_MAX 1024

typedef struct DsnJobs {
    gpointer (*batch_new)(gpointer user);
    void (*batch_free)(gpointer batch);
    gpointer (*worker_new)(gpointer user); /* what a thread needs for itself */
    void (*worker_free)(gpointer worker);
    bool (*fill)(gpointer user, gpointer batch); /* false: there is nothing left, @batch is empty */
    void (*work)(gpointer user, gpointer worker, gpointer batch);
    bool (*deliver)(gpointer user, gpointer batch); /* false: stop, deliver nothing more */
} DsnJobs;

/* Runs until there is nothing left or deliver says false. With one job it makes no thread. */
void dsn_jobs_run(const DsnJobs *jobs, unsigned n_jobs, gpointer user);

#endif
