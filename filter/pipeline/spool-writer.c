/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/spool-private.h"

#include "filter/core/log.h"

#include <sys/statvfs.h>

/* A transaction takes no more once it has this much, but something of each lane. Urgent work goes
 * without bulk, which would make its commit several times as long, but never twice in a row. */
#define MAX_ITEMS 500
#define MAX_TIME (10 * G_TIME_SPAN_MILLISECOND)
/* Pages in the log from which on it is written back: few enough to keep it short, enough to write a
 * page that changes often only once. */
#define CHECKPOINT_PAGES 4000
#define RESTART_PAGES (8 * CHECKPOINT_PAGES)
#define RECOVERY_INTERVAL G_TIME_SPAN_SECOND
/* Bytes that must be free on the file system before it is tried: with less it would fail again at
 * once. */
#define RECOVERY_ROOM (4 << 20)
#define ROOM_INTERVAL G_TIME_SPAN_SECOND
/* Without work for this long the log is written back, and the file is made shorter, in steps of so
 * many pages, when it has more free ones than are soon used again. */
#define IDLE_TIME G_TIME_SPAN_SECOND
#define CHORE_INTERVAL (20 * G_TIME_SPAN_MILLISECOND)
#define KEPT_FREE_PAGES 4096
/* After nothing was left to make room with. */
#define RELIEF_INTERVAL (10 * G_TIME_SPAN_SECOND)
#define VACUUM "PRAGMA incremental_vacuum(500)"

/* ---- what waits ---- */

static void
finish_job(DsnSpool *spool, DsnJob *job)
{
    job->done = true;
    if (job->error == NULL && job->committed != NULL)
        job->committed(spool, job);
    if (job->error != NULL && job->failed != NULL)
        job->failed(spool, job);
    if (job->free != NULL)
        job->free(job);
    else
        g_cond_broadcast(&job->finished);
}

static void
fail_job(DsnSpool *spool, DsnJob *job, const char *text)
{
    job->error = g_error_new_literal(DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_DISK, text);
    finish_job(spool, job);
}

void
dsn_spool_push(DsnSpool *spool, DsnLane lane, DsnJob *job)
{
    if (spool->broken && job->free == NULL) {
        fail_job(spool, job, spool->broken_text);
        return;
    }
    job->link.data = job;
    g_queue_push_tail_link(&spool->lanes[lane], &job->link);
    if (lane == DSN_LANE_BULK)
        spool->bulk_cost += job->cost;
    g_cond_signal(&spool->work);
}

bool
dsn_spool_wait_job(DsnSpool *spool, DsnJob *job, int64_t until)
{
    g_mutex_lock(&spool->lock);
    while (!job->done) {
        if (until < 0)
            g_cond_wait(&job->finished, &spool->lock);
        else if (!g_cond_wait_until(&job->finished, &spool->lock, until))
            break;
    }
    bool done = job->done;
    g_mutex_unlock(&spool->lock);
    return done;
}

bool
dsn_spool_run_job(DsnSpool *spool, DsnLane lane, DsnJob *job, GError **error)
{
    g_cond_init(&job->finished);
    g_mutex_lock(&spool->lock);
    dsn_spool_push(spool, lane, job);
    g_mutex_unlock(&spool->lock);
    (void)dsn_spool_wait_job(spool, job, -1); /* true in the end */
    g_cond_clear(&job->finished);
    if (job->error == NULL)
        return true;
    g_propagate_error(error, g_steal_pointer(&job->error));
    return false;
}

/* ---- room ---- */

static void
set_full(DsnSpool *spool, bool full, const char *why)
{
    if (spool->full == full)
        return;
    spool->full = full;
    spool->full_why = why;
    if (full)
        dsn_log_event(DSN_LOG_ERROR, "spool: full: %s; nothing more is taken in", why);
    else
        dsn_log_event(DSN_LOG_WARNING, "spool: has room again");
}

bool
dsn_spool_is_full(DsnSpool *spool)
{
    uint64_t used = (uint64_t)(spool->database_bytes + spool->large_bytes) + spool->bulk_cost;
    /* Back from full only with some distance, or it would change with every notice that leaves. */
    size_t margin = spool->full ? spool->max_size / 20 : 0;
    struct statvfs status;

    if (used >= spool->max_size - margin) {
        set_full(spool, true, "spool.max_size is reached");
        return spool->full;
    }
    int64_t now = g_get_monotonic_time();
    if (now - spool->checked_room < ROOM_INTERVAL)
        return spool->full;
    spool->checked_room = now;
    uint64_t wanted = spool->min_free + (spool->full ? spool->min_free / 20 : 0);
    if (statvfs(spool->directory, &status) != 0)
        return spool->full; /* the disk speaks up by itself */
    bool scarce = (uint64_t)status.f_bavail * status.f_frsize < wanted;
    set_full(spool, scarce, "less than spool.min_free is left on the file system");
    return spool->full;
}

/* What is kept and its log take up *@ret_bytes. */
static bool
measure_database(DsnDb *db, int64_t *ret_bytes, int64_t *ret_free_pages, GError **error)
{
    int64_t pages;

    if (!dsn_db_number(db, DSN_SQL_PAGES, 0, &pages, error) ||
        !dsn_db_number(db, DSN_SQL_FREE_PAGES, 0, ret_free_pages, error))
        return false;
    *ret_bytes = (pages - *ret_free_pages + db->log_pages) * DSN_PAGE_SIZE;
    return true;
}

/* ---- transactions ---- */

typedef struct Batch {
    GQueue jobs;
    size_t items;
    bool served[DSN_N_LANES];
    bool without_bulk; /* urgent work in it would have to wait for it */
    int64_t started;
} Batch;

/* The next job for the transaction that runs, NULL when it has enough or nothing waits. */
static DsnJob *
next_job(DsnSpool *spool, Batch *batch)
{
    bool enough = batch->items >= MAX_ITEMS || g_get_monotonic_time() - batch->started >= MAX_TIME;
    GList *link = NULL;

    g_mutex_lock(&spool->lock);
    for (int lane = 0; lane < DSN_N_LANES && link == NULL; lane++) {
        if ((enough && batch->served[lane]) || (lane == DSN_LANE_BULK && batch->without_bulk))
            continue;
        link = g_queue_pop_head_link(&spool->lanes[lane]);
        batch->served[lane] = true;
        if (link != NULL && lane == DSN_LANE_URGENT)
            batch->without_bulk = !spool->bulk_waited;
        if (link == NULL || lane != DSN_LANE_BULK)
            continue;
        spool->bulk_cost -= ((DsnJob *)link->data)->cost;
        g_cond_broadcast(&spool->room);
    }
    g_mutex_unlock(&spool->lock);
    if (link == NULL)
        return NULL;
    g_queue_push_tail_link(&batch->jobs, link);
    batch->items += ((DsnJob *)link->data)->items;
    return link->data;
}

static bool
run_batch(DsnSpool *spool, Batch *batch, GError **error)
{
    DsnJob *job;

    batch->started = g_get_monotonic_time();
    if (!dsn_db_run(spool->writer, DSN_SQL_BEGIN, NULL, 0, error))
        return false;
    while ((job = next_job(spool, batch)) != NULL)
        if (!job->run(spool, job, error))
            return false;
    spool->bulk_waited = batch->without_bulk;
    return dsn_history_flush(spool, error) &&
           dsn_db_run(spool->writer, DSN_SQL_COMMIT, NULL, 0, error);
}

static void
batch_committed(DsnSpool *spool, Batch *batch)
{
    GList *link;

    g_mutex_lock(&spool->lock);
    while ((link = g_queue_pop_head_link(&batch->jobs)) != NULL)
        finish_job(spool, link->data);
    g_mutex_unlock(&spool->lock);
    dsn_metrics_add(spool->metrics, DSN_COUNT_SPOOL_COMMITS, 1);
}

/* Fails what waits in @queue, but keeps what nobody waits for. */
static void
fail_queue(DsnSpool *spool, GQueue *queue, const char *text)
{
    GQueue kept = G_QUEUE_INIT;
    GList *link;

    while ((link = g_queue_pop_head_link(queue)) != NULL) {
        DsnJob *job = link->data;

        if (job->free != NULL)
            g_queue_push_tail_link(&kept, link);
        else
            fail_job(spool, job, text);
    }
    *queue = kept;
}

/* Everything that came to the writer fails with @error, the outcomes of attempts wait on, and
 * nothing is taken in until recover() has made it good. */
static void
break_down(DsnSpool *spool, Batch *batch, const GError *error)
{
    int code = sqlite3_errcode(spool->writer->handle) & 0xff; /* without the details */
    GList *link;

    if (sqlite3_get_autocommit(spool->writer->handle) == 0)
        (void)dsn_db_exec(spool->writer, "ROLLBACK", NULL); /* fails only where none is needed */
    dsn_history_forget(spool);
    spool->damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
    dsn_metrics_add(spool->metrics, DSN_COUNT_SPOOL_ERRORS, 1);
    dsn_log_event(DSN_LOG_ERROR, "spool: nothing is taken in, nothing is sent%s: %s",
                  spool->damaged ? " until a restart" : "", error->message);
    g_mutex_lock(&spool->lock);
    spool->broken = true;
    spool->broken_text = g_strdup(error->message);
    if (batch != NULL) {
        fail_queue(spool, &batch->jobs, error->message);
        while ((link = g_queue_pop_tail_link(&batch->jobs)) != NULL)
            g_queue_push_head_link(&spool->lanes[DSN_LANE_WORK], link);
    }
    for (int lane = 0; lane < DSN_N_LANES; lane++)
        fail_queue(spool, &spool->lanes[lane], error->message);
    spool->bulk_cost = 0;
    g_cond_broadcast(&spool->room);
    dsn_spool_tell_all_due(spool);
    g_cond_broadcast(&spool->arrived);
    g_mutex_unlock(&spool->lock);
}

/* ---- recovery ---- */

static void
remove_files(GPtrArray *paths)
{
    for (guint i = 0; i < paths->len; i++)
        (void)unlink(paths->pdata[i]); /* what stays is swept at the next start */
}

/* The log written back and emptied, which makes room, and a commit that works. The connection
 * stays: closing the last one ends what is known of the log, and opening it anew would find the
 * commit that failed in it, as good as the others. */
static bool
try_to_recover(DsnSpool *spool)
{
    struct statvfs status;

    return !spool->damaged && /* else every write could make it worse */
           dsn_db_exec(spool->writer, "PRAGMA wal_checkpoint(TRUNCATE)", NULL) &&
           statvfs(spool->directory, &status) == 0 &&
           (uint64_t)status.f_bavail * status.f_frsize >= RECOVERY_ROOM &&
           dsn_db_run(spool->writer, DSN_SQL_PROBE, NULL, 0, NULL);
}

static void
recover(DsnSpool *spool)
{
    if (!try_to_recover(spool))
        return;
    g_mutex_lock(&spool->lock);
    spool->broken = false;
    g_clear_pointer(&spool->broken_text, g_free);
    /* Only now: what the commit that failed left in the log is overwritten, and no crash can bring
     * it back. */
    g_autoptr(GPtrArray) doubtful = g_steal_pointer(&spool->doubtful);
    spool->doubtful = g_ptr_array_new_with_free_func(g_free);
    dsn_spool_tell_all_due(spool);
    g_cond_broadcast(&spool->arrived);
    g_mutex_unlock(&spool->lock);
    remove_files(doubtful);
    dsn_log_event(DSN_LOG_WARNING, "spool: works again");
}

/* ---- between the transactions ---- */

static bool
is_idle(const DsnSpool *spool)
{
    return g_get_monotonic_time() - spool->idle_since >= IDLE_TIME;
}

static bool
shorten_file(DsnSpool *spool, int64_t free_pages, GError **error)
{
    if (free_pages <= KEPT_FREE_PAGES || !is_idle(spool))
        return true;
    spool->next_chore = g_get_monotonic_time() + CHORE_INTERVAL;
    return dsn_db_exec(spool->writer, VACUUM, error);
}

static bool
trim_records(DsnSpool *spool, GError **error)
{
    int64_t first;

    g_mutex_lock(&spool->lock);
    bool due = spool->first_record <= dsn_spool_all_past(spool);
    g_mutex_unlock(&spool->lock);
    if (!due)
        return true;
    spool->next_chore = g_get_monotonic_time() + CHORE_INTERVAL;
    if (!dsn_spool_trim_records(spool, &first, error))
        return false;
    g_mutex_lock(&spool->lock);
    spool->first_record = first;
    g_mutex_unlock(&spool->lock);
    return true;
}

/* When three quarters of max_size are used. Back from it only with some distance. On a disk that
 * others fill it would not help. */
static bool
is_crowded(DsnSpool *spool)
{
    g_mutex_lock(&spool->lock);
    uint64_t used = (uint64_t)(spool->database_bytes + spool->large_bytes);
    bool crowded = used >= spool->max_size / 4 * 3 - (spool->crowded ? spool->max_size / 20 : 0);
    g_mutex_unlock(&spool->lock);
    return crowded;
}

/* Makes room with what is only remembered, as long as there is any. */
static bool
relieve(DsnSpool *spool, GError **error)
{
    int64_t now = g_get_monotonic_time();
    bool crowded = is_crowded(spool);
    bool done = true;

    if (!crowded)
        spool->crowded = false;
    if (!crowded || (spool->relieved != 0 && now - spool->relieved < RELIEF_INTERVAL))
        return true;
    if (!dsn_memory_relieve(spool, &done, error))
        return false;
    spool->relieved = done ? now : 0;
    if (done)
        return true;
    if (!spool->crowded)
        dsn_log_event(DSN_LOG_WARNING, "spool: three quarters full: history is removed before its "
                                       "time to make room");
    spool->crowded = true;
    spool->next_chore = now + CHORE_INTERVAL;
    return true;
}

/* Writes the log back, when it is long or there is time. It starts again from its beginning once
 * nobody reads in it; where that never happens by itself, readers are waited for, which are short.
 */
static bool
check_log(DsnSpool *spool, GError **error)
{
    DsnDb *db = spool->writer;
    const bool long_log = db->log_pages >= RESTART_PAGES;
    const bool empty = spool->empty_log;
    int pages;
    int written_back;

    if (!empty && db->log_pages < (is_idle(spool) ? 1 : spool->next_checkpoint))
        return true;
    int result = sqlite3_wal_checkpoint_v2(db->handle, NULL,
                                           empty      ? SQLITE_CHECKPOINT_TRUNCATE
                                           : long_log ? SQLITE_CHECKPOINT_RESTART
                                                      : SQLITE_CHECKPOINT_PASSIVE,
                                           &pages, &written_back);
    spool->empty_log = empty && result != SQLITE_OK;
    if (result == SQLITE_OK && pages == written_back)
        db->log_pages = 0; /* the next commit starts it again */
    spool->next_checkpoint = db->log_pages + CHECKPOINT_PAGES;
    if (result == SQLITE_OK || result == SQLITE_BUSY)
        return true;
    dsn_db_set_error(db, error);
    return false;
}

/* What nobody waits for, a little at a time. */
static bool
tidy_up(DsnSpool *spool, GError **error)
{
    int64_t bytes;
    int64_t free_pages;

    g_mutex_lock(&spool->lock);
    g_autoptr(GPtrArray) to_remove = g_steal_pointer(&spool->to_remove);
    spool->to_remove = g_ptr_array_new_with_free_func(g_free);
    g_mutex_unlock(&spool->lock);
    remove_files(to_remove);

    spool->next_chore = g_get_monotonic_time() + G_TIME_SPAN_SECOND;
    if (!dsn_spool_look(spool, error) || !trim_records(spool, error) ||
        !dsn_spool_sweep(spool, error) || !relieve(spool, error) || !check_log(spool, error) ||
        !measure_database(spool->writer, &bytes, &free_pages, error) ||
        !shorten_file(spool, free_pages, error))
        return false;
    spool->next_chore = MIN(spool->next_chore, spool->sweep.next);
    g_mutex_lock(&spool->lock);
    spool->database_bytes = bytes;
    (void)dsn_spool_is_full(spool); /* so that it is logged when it changes */
    g_mutex_unlock(&spool->lock);
    return true;
}

/* ---- the thread ---- */

typedef enum Turn { TURN_WORK, TURN_CHORES, TURN_STOP } Turn;

static Turn
wait_for_turn(DsnSpool *spool)
{
    const int64_t until =
        spool->broken ? g_get_monotonic_time() + RECOVERY_INTERVAL : spool->next_chore;
    bool waiting = false;
    bool in_time = true;

    g_mutex_lock(&spool->lock);
    for (;;) {
        for (int lane = 0; lane < DSN_N_LANES; lane++)
            waiting |= spool->lanes[lane].length > 0;
        if (spool->stopping || (waiting && !spool->broken) || !in_time)
            break;
        in_time = g_cond_wait_until(&spool->work, &spool->lock, until);
    }
    bool stopping = spool->stopping;
    g_mutex_unlock(&spool->lock);
    return waiting ? TURN_WORK : stopping ? TURN_STOP : TURN_CHORES;
}

static void
set_busy(DsnSpool *spool, int64_t since)
{
    g_mutex_lock(&spool->lock);
    spool->busy_since = since;
    g_mutex_unlock(&spool->lock);
}

static void
work_once(DsnSpool *spool, Turn turn)
{
    g_autoptr(GError) error = NULL;
    Batch batch = {.jobs = G_QUEUE_INIT};

    if (turn == TURN_WORK) {
        if (!run_batch(spool, &batch, &error)) {
            break_down(spool, &batch, error);
            return;
        }
        batch_committed(spool, &batch);
        spool->idle_since = g_get_monotonic_time();
    }
    if (!tidy_up(spool, &error))
        break_down(spool, NULL, error);
}

/* At a stop with a disk that does not work: what is lost is that some notices were settled. */
static void
give_up(DsnSpool *spool)
{
    unsigned lost = 0;
    GList *link;

    for (int lane = 0; lane < DSN_N_LANES; lane++)
        while ((link = g_queue_pop_head_link(&spool->lanes[lane])) != NULL) {
            DsnJob *job = link->data;

            job->free(job);
            lost++;
        }
    if (lost > 0)
        dsn_log_event(
            DSN_LOG_ERROR,
            "spool: the outcome of %u attempts could not be written: after the next start "
            "these notices are sent again",
            lost);
}

static bool
is_stopping(DsnSpool *spool)
{
    g_mutex_lock(&spool->lock);
    bool stopping = spool->stopping;
    g_mutex_unlock(&spool->lock);
    return stopping;
}

static gpointer
write_in_thread(gpointer data)
{
    DsnSpool *spool = data;
    Turn turn;

    while ((turn = wait_for_turn(spool)) != TURN_STOP) {
        if (spool->broken) /* only this thread changes it */
            recover(spool);
        if (spool->broken && is_stopping(spool))
            break;
        if (!spool->broken) {
            set_busy(spool, g_get_monotonic_time());
            work_once(spool, turn);
            set_busy(spool, 0);
        }
    }
    give_up(spool);
    return NULL;
}

bool
dsn_spool_start_writer(DsnSpool *spool, GError **error)
{
    int64_t free_pages;

    if (!measure_database(spool->writer, &spool->database_bytes, &free_pages, error) ||
        !dsn_spool_look(spool, error))
        return false;
    spool->thread = g_thread_new("spool", write_in_thread, spool);
    return true;
}

void
dsn_spool_stop_writer(DsnSpool *spool)
{
    if (spool->thread == NULL)
        return;
    g_mutex_lock(&spool->lock);
    spool->stopping = true;
    g_cond_signal(&spool->work);
    g_mutex_unlock(&spool->lock);
    (void)g_thread_join(spool->thread); /* it returns nothing */
    remove_files(spool->to_remove);
}
