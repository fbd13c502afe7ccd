/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/captures.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include "filter/core/log.h"
#include "filter/pipeline/captures-db.h"

/* In one transaction. */
#define BATCH 500
/* What comes together is written together: a commit of its own costs more than a capture. */
#define GATHER (20 * G_TIME_SPAN_MILLISECOND)
/* After a failure; then what waits is tried again. */
#define PAUSE G_TIME_SPAN_SECOND
/* How often the disk's room is looked at; and, while nothing happens, what is too old. */
#define ROOM_INTERVAL G_TIME_SPAN_SECOND
#define IDLE_INTERVAL (30 * G_TIME_SPAN_SECOND)
/* What is dated later comes from a clock that was wrong, and nobody knows when its time is over. */
#define FUTURE G_TIME_SPAN_DAY
/* One line of log. */
#define COMPLAINT_INTERVAL G_TIME_SPAN_MINUTE
/* At the end, for what waits. */
#define LAST_WORK (3 * G_TIME_SPAN_SECOND)

/* Somebody who waits for the writer. */
typedef struct Erasure {
    const char *address;
    guint64 count;
    bool done;
    GError *error;
} Erasure;

struct DsnCaptures {
    char *directory;
    char *path;
    size_t min_free;
    DsnMetrics *metrics;
    DsnCaptureRoom *room;

    GMutex lock; /* guards what follows */
    GCond work;
    GCond erased;
    DsnCaptureOptions options;
    GQueue waiting;  /* of DsnCapture */
    GQueue erasures; /* of Erasure */
    GThread *thread; /* NULL: nothing was ever kept here */
    bool stop;
    bool damaged; /* a reader has found it so */
    bool refused; /* a newer dsnarf wrote the file: it is left alone until a restart */
    bool over;    /* the thread has ended */
    bool there;   /* a file that can be read */
    int64_t complained;
    DsnCapturesState state;

    GMutex reader_lock; /* guards: */
    DsnCapturesDb *reader;

    DsnCapturesDb *writer; /* the thread's own, with what follows */
    int64_t next_tidy;
    int64_t checked_room;
    bool scarce;
};

/* ---- complaints ---- */

/* One line a minute, whatever it is about. */
static void
complain(DsnCaptures *captures, const char *why)
{
    int64_t now = g_get_monotonic_time();

    g_mutex_lock(&captures->lock);
    bool due = captures->complained == 0 || now - captures->complained >= COMPLAINT_INTERVAL;
    if (due)
        captures->complained = now;
    g_mutex_unlock(&captures->lock);
    if (due)
        dsn_log_event(DSN_LOG_WARNING,
                      "capture: what senders ask for is not remembered, mail goes on: %s", why);
}

static void
drop(DsnCaptures *captures, guint64 count, const char *why)
{
    dsn_metrics_add(captures->metrics, DSN_COUNT_CAPTURES_DROPPED, count);
    complain(captures, why);
}

/* ---- the writer ---- */

static void
remove_files(DsnCaptures *captures)
{
    static const char *const endings[] = {"", "-wal", "-shm"};

    for (size_t i = 0; i < G_N_ELEMENTS(endings); i++) {
        g_autofree char *path = g_strconcat(captures->path, endings[i], NULL);

        (void)unlink(path); /* what stays fails again */
    }
}

/* All connections to a file that is broken go, and the file with them: nothing in it is worth more
 * than the mail that could come next, and what it has of people would never be removed. */
static void
begin_anew(DsnCaptures *captures, const char *why)
{
    dsn_log_event(DSN_LOG_ERROR, "capture: %s is begun anew, what was in it is gone: %s",
                  captures->path, why);
    g_clear_pointer(&captures->writer, dsn_captures_db_close);
    g_mutex_lock(&captures->lock);
    captures->there = false;
    g_mutex_unlock(&captures->lock);
    g_mutex_lock(&captures->reader_lock);
    g_clear_pointer(&captures->reader, dsn_captures_db_close);
    remove_files(captures);
    g_mutex_unlock(&captures->reader_lock);
}

static void
refuse(DsnCaptures *captures, const char *why)
{
    g_mutex_lock(&captures->lock);
    bool before = captures->refused;
    captures->refused = true;
    g_mutex_unlock(&captures->lock);
    if (!before)
        dsn_log_event(DSN_LOG_ERROR, "capture: off until a restart: %s", why);
}

/* After @error, from the writer's connection. */
static void
break_down(DsnCaptures *captures, const GError *error)
{
    if (g_error_matches(error, DSN_CAPTURES_ERROR, DSN_CAPTURES_ERROR_DAMAGED))
        begin_anew(captures, error->message);
    else if (g_error_matches(error, DSN_CAPTURES_ERROR, DSN_CAPTURES_ERROR_NEWER))
        refuse(captures, error->message);
    else
        complain(captures, error->message);
}

static bool
open_writer(DsnCaptures *captures, GError **error)
{
    g_mutex_lock(&captures->lock);
    bool damaged = captures->damaged;
    captures->damaged = false;
    g_mutex_unlock(&captures->lock);
    if (damaged)
        begin_anew(captures, "a part of it cannot be read");
    if (captures->writer != NULL)
        return true;
    captures->writer = dsn_captures_db_open(captures->path, true, error);
    g_mutex_lock(&captures->lock);
    captures->there = captures->writer != NULL;
    g_mutex_unlock(&captures->lock);
    return captures->writer != NULL;
}

/* What the spool needs is not for captures. */
static bool
is_scarce(DsnCaptures *captures)
{
    int64_t now = g_get_monotonic_time();
    struct statvfs status;

    if (captures->checked_room == 0 || now - captures->checked_room >= ROOM_INTERVAL) {
        captures->checked_room = now;
        captures->scarce = statvfs(captures->directory, &status) == 0 &&
                           (uint64_t)status.f_bavail * status.f_frsize < captures->min_free;
    }
    return captures->scarce;
}

static void
free_all(GQueue *queue)
{
    g_queue_clear_full(queue, (GDestroyNotify)dsn_capture_free);
}

/* Keeps what was taken from the queue, or drops it. False after a failure. */
static bool
keep(DsnCaptures *captures, GQueue *batch)
{
    guint count = batch->length;
    g_autoptr(GError) error = NULL;

    if (count == 0)
        return true;
    bool scarce = is_scarce(captures);
    bool good = !scarce && open_writer(captures, &error) &&
                dsn_captures_db_put(captures->writer, batch, &error);
    free_all(batch);
    if (good)
        dsn_metrics_add(captures->metrics, DSN_COUNT_CAPTURES_KEPT, count);
    else
        drop(captures, count,
             scarce ? "less than spool.min_free is left on the file system" : error->message);
    if (error != NULL)
        break_down(captures, error);
    return good;
}

static bool
erase(DsnCaptures *captures, Erasure *erasure)
{
    int64_t cursor = 0;
    bool more = true;

    if (!open_writer(captures, &erasure->error))
        return false;
    while (more)
        if (!dsn_captures_db_erase(captures->writer, erasure->address, &cursor, &erasure->count,
                                   &more, &erasure->error))
            return false;
    if (!dsn_captures_db_shrink(captures->writer, &erasure->error))
        return false;
    g_mutex_lock(&captures->reader_lock);
    bool good = dsn_captures_db_empty_log(captures->writer, &erasure->error);
    g_mutex_unlock(&captures->reader_lock);
    return good;
}

/* Behind all that was there when somebody asked for it. */
static bool
erase_next(DsnCaptures *captures, Erasure *erasure)
{
    if (erasure == NULL)
        return true;
    bool good = erase(captures, erasure);
    if (!good)
        break_down(captures, erasure->error);
    g_mutex_lock(&captures->lock);
    erasure->done = true;
    g_cond_broadcast(&captures->erased);
    g_mutex_unlock(&captures->lock);
    return good;
}

/* Removes some of what is too old or too much, and looks how things stand. */
static bool
tidy_up(DsnCaptures *captures, bool busy)
{
    int64_t now = g_get_monotonic_time();
    g_autoptr(GError) error = NULL;
    DsnCapturesState state = {0};
    int64_t bytes = 0;
    bool more = false;

    if (!busy && now < captures->next_tidy)
        return true;
    g_mutex_lock(&captures->lock);
    const DsnCaptureOptions options = captures->options;
    g_mutex_unlock(&captures->lock);
    int64_t first = (g_get_real_time() - options.keep) / G_USEC_PER_SEC;
    int64_t last = (g_get_real_time() + FUTURE) / G_USEC_PER_SEC;
    captures->next_tidy = now + IDLE_INTERVAL;
    if (!open_writer(captures, &error) ||
        !dsn_captures_db_trim(captures->writer, first, last, (int64_t)options.max_size, &more,
                              &error) ||
        !dsn_captures_db_measure(captures->writer, &bytes, &state.oldest, &error)) {
        break_down(captures, error);
        return false;
    }
    if (more)
        captures->next_tidy = now;
    state.bytes = (guint64)bytes;
    g_mutex_lock(&captures->lock);
    captures->state = state;
    g_mutex_unlock(&captures->lock);
    return true;
}

/* ---- its thread ---- */

typedef struct Turn {
    GQueue batch;
    Erasure *erasure;
    bool stop;
} Turn;

/* Waits with the lock held until there is something to do. */
static void
wait_for_work(DsnCaptures *captures, int64_t paused)
{
    while (!captures->stop && g_get_monotonic_time() < paused)
        (void)g_cond_wait_until(&captures->work, &captures->lock, paused);
    while (!captures->stop && captures->waiting.length == 0 && captures->erasures.length == 0 &&
           g_get_monotonic_time() < captures->next_tidy)
        (void)g_cond_wait_until(&captures->work, &captures->lock, captures->next_tidy);

    int64_t until = g_get_monotonic_time() + GATHER;
    while (!captures->stop && captures->waiting.length > 0 && captures->waiting.length < BATCH &&
           captures->erasures.length == 0 && g_get_monotonic_time() < until)
        (void)g_cond_wait_until(&captures->work, &captures->lock, until);
}

static Turn
next_turn(DsnCaptures *captures, int64_t paused)
{
    Turn turn = {.batch = G_QUEUE_INIT};
    GList *link;

    g_mutex_lock(&captures->lock);
    wait_for_work(captures, paused);
    while (turn.batch.length < BATCH && (link = g_queue_pop_head_link(&captures->waiting)) != NULL)
        g_queue_push_tail_link(&turn.batch, link);
    if (captures->waiting.length == 0)
        turn.erasure = g_queue_pop_head(&captures->erasures);
    turn.stop = captures->stop && captures->waiting.length == 0 && captures->erasures.length == 0;
    g_mutex_unlock(&captures->lock);
    return turn;
}

/* Nothing is kept any more: who waits for it is told, and what waits is dropped. */
static void
give_up(DsnCaptures *captures)
{
    Erasure *erasure;

    g_mutex_lock(&captures->lock);
    guint count = captures->waiting.length;
    free_all(&captures->waiting);
    while ((erasure = g_queue_pop_head(&captures->erasures)) != NULL) {
        erasure->done = true;
        g_set_error(&erasure->error, DSN_CAPTURES_ERROR, DSN_CAPTURES_ERROR_DISK,
                    "%s: it is not open", captures->path);
    }
    captures->over = true;
    g_cond_broadcast(&captures->erased);
    g_mutex_unlock(&captures->lock);
    if (count > 0)
        drop(captures, count, "the store of captures was closed");
}

/* Does what is there to be done. False when that was the last of it. */
static bool
take_turn(DsnCaptures *captures, int64_t *paused, int64_t *ends)
{
    Turn turn = next_turn(captures, *paused);
    bool busy = turn.batch.length > 0;
    bool good = keep(captures, &turn.batch);

    good = erase_next(captures, turn.erasure) && good;
    if (turn.stop)
        return false;
    good = tidy_up(captures, busy) && good;
    *paused = good ? 0 : g_get_monotonic_time() + PAUSE;
    g_mutex_lock(&captures->lock);
    if (captures->stop && *ends == 0)
        *ends = g_get_monotonic_time() + LAST_WORK;
    bool over = captures->refused || (captures->stop && (!good || g_get_monotonic_time() > *ends));
    g_mutex_unlock(&captures->lock);
    return !over;
}

static gpointer
write_captures(gpointer user)
{
    DsnCaptures *captures = user;
    int64_t paused = 0, ends = 0;

    while (take_turn(captures, &paused, &ends))
        continue;
    give_up(captures);
    return NULL;
}

/* With the lock held, or before anybody else knows of it. */
static void
start_thread(DsnCaptures *captures)
{
    if (captures->thread == NULL)
        captures->thread = g_thread_new("captures", write_captures, captures);
}

/* ---- life ---- */

DsnCaptures *
dsn_captures_new(const char *directory, size_t min_free, const DsnCaptureOptions *options,
                 DsnMetrics *metrics)
{
    DsnCaptures *captures = g_new0(DsnCaptures, 1);
    g_autoptr(GError) error = NULL;

    captures->directory = g_strdup(directory);
    captures->path = g_build_filename(directory, DSN_CAPTURES_FILE, NULL);
    captures->min_free = min_free;
    captures->metrics = metrics;
    captures->room = g_atomic_rc_box_new0(DsnCaptureRoom);
    g_mutex_init(&captures->lock);
    g_mutex_init(&captures->reader_lock);
    g_cond_init(&captures->work);
    g_cond_init(&captures->erased);
    dsn_captures_configure(captures, options);
    if (access(captures->path, F_OK) == 0) {
        if (!open_writer(captures, &error)) /* so that all is found from now on */
            break_down(captures, error);
        start_thread(captures);
    }
    return captures;
}

void
dsn_captures_free(DsnCaptures *captures)
{
    if (captures == NULL)
        return;
    g_mutex_lock(&captures->lock);
    captures->stop = true;
    g_cond_signal(&captures->work);
    g_mutex_unlock(&captures->lock);
    if (captures->thread != NULL)
        (void)g_thread_join(captures->thread); /* it returns nothing */
    dsn_captures_db_close(captures->reader);
    dsn_captures_db_close(captures->writer);
    g_cond_clear(&captures->erased);
    g_cond_clear(&captures->work);
    g_mutex_clear(&captures->reader_lock);
    g_mutex_clear(&captures->lock);
    g_atomic_rc_box_release(captures->room);
    g_free(captures->path);
    g_free(captures->directory);
    g_free(captures);
}

void
dsn_captures_configure(DsnCaptures *captures, const DsnCaptureOptions *options)
{
    g_mutex_lock(&captures->lock);
    captures->options = *options;
    g_mutex_unlock(&captures->lock);
    __atomic_store_n(&captures->room->most, options->queue, __ATOMIC_RELAXED);
}

DsnCaptureRoom *
dsn_captures_room(DsnCaptures *captures)
{
    return captures->room;
}

void
dsn_captures_add(DsnCaptures *captures, DsnCapture *capture)
{
    const char *why = capture == NULL || capture->lost ? "capture.queue is full" : NULL;

    g_mutex_lock(&captures->lock);
    if (captures->over || captures->stop)
        why = "the store of captures is closed";
    if (why == NULL) {
        g_queue_push_tail(&captures->waiting, capture);
        start_thread(captures);
        if (captures->waiting.length == 1 || captures->waiting.length == BATCH)
            g_cond_signal(&captures->work); /* it gathers those between by itself */
    }
    g_mutex_unlock(&captures->lock);
    if (why == NULL)
        return;
    dsn_capture_free(capture);
    drop(captures, 1, why);
}

bool
dsn_captures_erase(DsnCaptures *captures, const char *address, guint64 *ret_count, GError **error)
{
    Erasure erasure = {.address = address};

    *ret_count = 0;
    g_mutex_lock(&captures->lock);
    bool there = captures->thread != NULL;
    if (there && captures->over) {
        erasure.done = true;
        g_set_error(&erasure.error, DSN_CAPTURES_ERROR, DSN_CAPTURES_ERROR_DISK,
                    "%s: it is not open", captures->path);
    } else if (there) {
        g_queue_push_tail(&captures->erasures, &erasure);
        g_cond_signal(&captures->work);
    }
    while (there && !erasure.done)
        g_cond_wait(&captures->erased, &captures->lock);
    g_mutex_unlock(&captures->lock);
    *ret_count = erasure.count;
    if (erasure.error == NULL)
        return true;
    g_propagate_error(error, erasure.error);
    return false;
}

void
dsn_captures_state(DsnCaptures *captures, DsnCapturesState *ret_state)
{
    g_mutex_lock(&captures->lock);
    *ret_state = captures->state;
    g_mutex_unlock(&captures->lock);
}

/* ---- finding ---- */

bool
dsn_captures_in_use(DsnCaptures *captures)
{
    g_mutex_lock(&captures->lock);
    bool used = captures->there && !captures->over;
    g_mutex_unlock(&captures->lock);
    return used;
}

void
dsn_found_capture_clear(DsnFoundCapture *found)
{
    json_decref(found->about);
    if (found->content != NULL)
        (void)g_string_free(found->content, TRUE);
    *found = (DsnFoundCapture){0};
}

typedef struct Look {
    const DsnSought *sought;
    bool by_recipient;
    DsnFoundCapture *found;
} Look;

static bool
has_recipient(const json_t *about, const DsnSought *sought)
{
    const json_t *recipients = json_object_get(about, "recipients");

    for (size_t i = 0; i < sought->n_recipients; i++) {
        g_autofree char *name = dsn_capture_recipient(dsn_span(sought->recipients[i]));

        if (json_object_get(recipients, name) != NULL)
            return true;
    }
    return false;
}

/* The keys are digests that could be the same by chance, and tenants never see one another. */
static bool
look_at(const DsnKept *kept, gpointer user)
{
    const Look *look = user;
    json_auto_t *about = json_loadb(kept->about.data, kept->about.len, 0, NULL);
    const json_t *sender = json_object_get(about, "sender");

    if (!dsn_span_equal((DsnSpan){json_string_value(sender), json_string_length(sender)},
                        look->sought->sender) ||
        (look->by_recipient && !has_recipient(about, look->sought)))
        return false;
    look->found->about = json_incref(about);
    look->found->whole = kept->whole;
    if (dsn_span_present(kept->content))
        look->found->content = g_string_new_len(kept->content.data, (gssize)kept->content.len);
    return true;
}

static bool
find_one(DsnCapturesDb *db, DsnCaptureKey kind, int64_t key, const char *by, Look *look,
         GError **error)
{
    bool found = false;

    look->by_recipient = kind == DSN_CAPTURE_MESSAGE;
    if (!dsn_captures_db_find(db, kind, key, look_at, look, &found, error) || !found)
        return false;
    look->found->by = by;
    return true;
}

static bool
find_message(DsnCapturesDb *db, Look *look, GError **error)
{
    const DsnSought *sought = look->sought;
    g_autofree char *first =
        sought->n_recipients == 0 ? NULL : dsn_capture_recipient(dsn_span(sought->recipients[0]));
    int64_t keys[] = {
        dsn_capture_message_key(sought->sender, sought->message_id, dsn_span(first)),
        dsn_capture_message_key(sought->sender, sought->message_id, DSN_SPAN_ABSENT),
    };
    bool found = false;

    for (size_t i = 0; i < G_N_ELEMENTS(keys) && !found && *error == NULL; i++)
        found = find_one(db, DSN_CAPTURE_MESSAGE, keys[i], "message-id", look, error);
    return found;
}

static bool
find_any(DsnCapturesDb *db, Look *look, GError **error)
{
    const DsnSought *sought = look->sought;
    const struct {
        DsnSpan id;
        const char *by;
    } queues[] = {{sought->trace_id, "trace"}, {sought->queue_id, "queue-id"}};
    bool found = false;

    for (size_t i = 0; i < G_N_ELEMENTS(queues) && !found && *error == NULL; i++)
        if (dsn_span_present(queues[i].id))
            found =
                find_one(db, DSN_CAPTURE_QUEUE, dsn_capture_queue_key(sought->sender, queues[i].id),
                         queues[i].by, look, error);
    if (!found && *error == NULL && dsn_span_present(sought->message_id))
        found = find_message(db, look, error);
    return found;
}

bool
dsn_captures_find(DsnCaptures *captures, const DsnSought *sought, DsnFoundCapture *ret_found)
{
    Look look = {.sought = sought, .found = ret_found};
    g_autoptr(GError) error = NULL;
    bool found = false;

    *ret_found = (DsnFoundCapture){0};
    if (!dsn_captures_in_use(captures))
        return false;
    g_mutex_lock(&captures->reader_lock);
    if (captures->reader == NULL)
        captures->reader = dsn_captures_db_open(captures->path, false, &error);
    if (captures->reader != NULL)
        found = find_any(captures->reader, &look, &error);
    if (error != NULL)
        g_clear_pointer(&captures->reader, dsn_captures_db_close);
    g_mutex_unlock(&captures->reader_lock);
    if (error == NULL)
        return found;
    complain(captures, error->message);
    if (g_error_matches(error, DSN_CAPTURES_ERROR, DSN_CAPTURES_ERROR_DAMAGED)) {
        g_mutex_lock(&captures->lock);
        captures->damaged = true;
        g_mutex_unlock(&captures->lock);
    }
    return false;
}
