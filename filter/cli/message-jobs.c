/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/cli/message-jobs.h"

#include <unistd.h>

#include "filter/cli/jobs.h"
#include "filter/cli/output.h"
#include "filter/cli/progress.h"
#include "filter/cli/terminal.h"
#include "filter/core/buffer.h"

/* A batch is full with either: about a millisecond of work, see jobs.h. */
#define BATCH_MESSAGES 64
#define BATCH_BYTES ((size_t)256 * 1024)

/* A buffer that a large message has grown beyond this is not kept. */
#define BUFFER_KEPT ((size_t)4 * 1024 * 1024)

typedef struct Run {
    const DsnMessageJobs *jobs;
    gpointer user;
    size_t max;
    DsnMessages *messages;
    DsnOutput *output;
    DsnProgress *progress;
    guint64 count; /* of messages delivered so far */
    bool failed;
} Run;

typedef struct Batch {
    const DsnMessageJobs *jobs;
    GString *bytes;
    GArray *items;   /* of DsnIncoming */
    double fraction; /* of the whole work, when this was filled */
    GString *lines;  /* what goes to standard output */
    GString *complaints;
    guint64 count; /* of messages that could be read */
    gpointer tally;
} Batch;

typedef struct Worker {
    const DsnMessageJobs *jobs;
    gpointer own;
    GString *bytes; /* of a file that the walk left unread */
} Worker;

static void
clear_item(gpointer item)
{
    dsn_incoming_clear(item);
}

static gpointer
new_batch(gpointer user)
{
    const Run *run = user;
    Batch *batch = g_new0(Batch, 1);

    batch->jobs = run->jobs;
    batch->bytes = g_string_new(NULL);
    batch->items = g_array_new(FALSE, FALSE, sizeof(DsnIncoming));
    g_array_set_clear_func(batch->items, clear_item);
    batch->lines = g_string_new(NULL);
    batch->complaints = g_string_new(NULL);
    batch->tally = run->jobs->tally_new();
    return batch;
}

static void
free_batch(gpointer data)
{
    Batch *batch = data;

    batch->jobs->tally_free(batch->tally);
    (void)g_string_free(batch->bytes, TRUE);
    (void)g_array_unref(batch->items);
    (void)g_string_free(batch->lines, TRUE);
    (void)g_string_free(batch->complaints, TRUE);
    g_free(batch);
}

static gpointer
new_worker(gpointer user)
{
    const Run *run = user;
    Worker *worker = g_new0(Worker, 1);

    worker->jobs = run->jobs;
    worker->own = run->jobs->worker_new(run->user);
    worker->bytes = g_string_new(NULL);
    return worker;
}

static void
free_worker(gpointer data)
{
    Worker *worker = data;

    worker->jobs->worker_free(worker->own);
    (void)g_string_free(worker->bytes, TRUE);
    g_free(worker);
}

static bool
fill(gpointer user, gpointer data)
{
    Run *run = user;
    Batch *batch = data;
    DsnIncoming item;

    dsn_buffer_empty(&batch->bytes, BUFFER_KEPT);
    dsn_buffer_empty(&batch->lines, BUFFER_KEPT);
    dsn_buffer_empty(&batch->complaints, BUFFER_KEPT);
    g_array_set_size(batch->items, 0);
    batch->count = 0;
    while (batch->items->len < BATCH_MESSAGES && batch->bytes->len < BATCH_BYTES &&
           dsn_messages_next(run->messages, batch->bytes, &item))
        g_array_append_val(batch->items, item);
    batch->fraction = dsn_messages_fraction(run->messages);
    return batch->items->len > 0;
}

static void
work_on(const Run *run, Worker *worker, Batch *batch, DsnIncoming *item)
{
    GString *bytes = batch->bytes;

    if (item->unread) {
        bytes = worker->bytes;
        dsn_incoming_read(item, run->max, bytes);
    }
    if (item->error != NULL) {
        dsn_append_complaint(batch->complaints, "%s: %s", dsn_input_name(item->file),
                             item->error->message);
        return;
    }

    DsnSpan message = {bytes->str + item->start, item->len};
    run->jobs->read(run->user, worker->own, item, message, batch->lines, batch->tally);
    batch->count++;
    dsn_buffer_empty(&worker->bytes, BUFFER_KEPT);
}

static void
work(gpointer user, gpointer worker, gpointer data)
{
    Batch *batch = data;

    for (guint i = 0; i < batch->items->len; i++)
        work_on(user, worker, batch, &g_array_index(batch->items, DsnIncoming, i));
}

static bool
deliver(gpointer user, gpointer data)
{
    Run *run = user;
    const Batch *batch = data;
    g_autoptr(GError) error = NULL;

    run->count += batch->count;
    run->jobs->take(run->user, batch->tally);
    if (batch->complaints->len > 0) {
        dsn_progress_hide(run->progress);
        dsn_say(batch->complaints);
        run->failed = true;
    }
    dsn_progress_update(run->progress, batch->fraction, run->count);
    if (dsn_output_write(run->output, batch->lines, &error))
        return true;
    run->failed = true;
    dsn_progress_hide(run->progress);
    /* A reader that has seen enough and gone away needs no explanation. */
    if (!g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_PIPE))
        dsn_complain("standard output: %s", error->message);
    return false;
}

bool
dsn_message_jobs_run(const DsnMessageJobs *jobs, const char *const *paths, size_t max,
                     unsigned n_jobs, gpointer user)
{
    static const char *const standard_input[] = {"-", NULL};
    static const DsnJobs threads = {
        .batch_new = new_batch,
        .batch_free = free_batch,
        .worker_new = new_worker,
        .worker_free = free_worker,
        .fill = fill,
        .work = work,
        .deliver = deliver,
    };
    g_autoptr(DsnMessages) messages = dsn_messages_new(paths != NULL ? paths : standard_input, max);
    g_autoptr(DsnOutput) output = dsn_output_new(STDOUT_FILENO);
    g_autoptr(DsnProgress) progress = dsn_progress_new("messages");
    Run run = {
        .jobs = jobs,
        .user = user,
        .max = max,
        .messages = messages,
        .output = output,
        .progress = progress,
    };

    dsn_jobs_run(&threads, n_jobs, &run);
    dsn_progress_hide(progress);
    return !run.failed;
}
