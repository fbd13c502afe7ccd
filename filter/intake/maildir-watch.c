/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/maildir-watch.h"

#include "filter/core/buffer.h"
#include "filter/core/retry.h"
#include "filter/intake/delivered.h"
#include "filter/intake/files.h"
#include "filter/intake/maildir.h"
#include "filter/intake/message-log.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

/* Files of one pass: as many as are held in memory by name. */
#define PASS_MAX 10000
/* Threads that work off a pass: those that wait for the disk share its commits. */
#define THREADS_MAX 8
/* inotify(7) tells nothing of what other hosts do on a network file system. */
#define RESCAN (30 * G_TIME_SPAN_SECOND)
/* Files come in bursts; and somebody may be writing one in its place. */
#define GATHER (100 * G_TIME_SPAN_MILLISECOND)
#define KEEP_ROOM ((size_t)1 << 20) /* of a buffer, from file to file */

/* IN_CREATE: Postfix links its files into new/. */
#define EVENTS \
    (IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

/* A file that could not be settled. */
typedef struct Trouble {
    DsnRetry retry;
    bool present; /* in this pass */
} Trouble;

struct DsnMaildirWatch {
    DsnPipeline *pipeline;
    char *name;
    char *path;
    int inotify_fd;
    int watch;  /* of new/, -1 without */
    bool blind; /* that it is without was logged */
    int stop_fd;
    GThread *thread;
    gint stopping;
    DsnRetry all; /* with the Maildir itself, or with the spool */
    GMutex lock;
    GHashTable *troubles; /* of files: char * -> Trouble, under @lock */
};

/* A number of files that are worked off. */
typedef struct Pass {
    DsnMaildirWatch *watch;
    DsnPolicy *policy;
    DsnConsumed consumed;
    DsnMaildir maildir;
    GPtrArray *names;
    gint next; /* of @names that nobody has taken */
} Pass;

static void
trouble_free(gpointer data)
{
    Trouble *trouble = data;

    (void)dsn_retry_end(&trouble->retry);
    g_free(trouble);
}

/* ---- one file ---- */

/* Notes that the file @log is about stays in new/. */
static void
meet_trouble(DsnMaildirWatch *watch, DsnMessageLog *log, DsnLogLevel level)
{
    g_mutex_lock(&watch->lock);
    Trouble *trouble = g_hash_table_lookup(watch->troubles, log->file);
    if (trouble == NULL) {
        trouble = g_new0(Trouble, 1);
        trouble->present = true;
        (void)g_hash_table_insert(watch->troubles, g_strdup(log->file), trouble);
    }
    bool news = dsn_retry_later(&trouble->retry, log->error);
    g_mutex_unlock(&watch->lock);
    if (news)
        dsn_message_log(log, level);
}

/* Takes the file out of new/, as is due after @result. */
static bool
settle(const Pass *pass, const char *name, DsnMessageResult result, GError **error)
{
    if (result == DSN_MESSAGE_RECORDED && pass->consumed == DSN_CONSUMED_DISCARD)
        return dsn_maildir_remove(&pass->maildir, name, error);
    return dsn_maildir_move(&pass->maildir, name, result == DSN_MESSAGE_RECORDED, error);
}

static void
count(DsnMaildirWatch *watch, DsnMessageResult result)
{
    static const DsnCounter counters[] = {
        [DSN_MESSAGE_RECORDED] = DSN_COUNT_MAILDIR_CONSUMED,
        [DSN_MESSAGE_UNTOUCHED] = DSN_COUNT_MAILDIR_PASSED,
        [DSN_MESSAGE_FAILED] = DSN_COUNT_MAILDIR_FAILED,
    };

    dsn_metrics_add(dsn_pipeline_metrics(watch->pipeline), counters[result], 1);
}

static void
take_message(const Pass *pass, const char *name, DsnSpan message)
{
    DsnMaildirWatch *watch = pass->watch;
    g_autofree char *sender = NULL;
    g_autofree char *recipient = NULL;
    g_autoptr(GError) error = NULL;
    DsnMessageTaken taken = {.kind = DSN_REPORT_NONE};

    dsn_delivered_envelope(message, &sender, &recipient);
    const DsnSession session = {.sender = sender, .recipient = recipient};
    DsnMessageResult result = dsn_pipeline_take_message(watch->pipeline, pass->policy, message,
                                                        &session, NULL, NULL, &taken, &error);
    DsnMessageLog log = {
        .message = message,
        .size = message.len,
        .maildir = watch->name,
        .file = name,
        .sender = sender,
        .recipient = recipient,
    };

    if (result == DSN_MESSAGE_FAILED) {
        count(watch, result);
        log.verdict = "retry";
        log.error = error->message;
        meet_trouble(watch, &log, DSN_LOG_WARNING);
        return;
    }
    log.taken = &taken;
    if (!settle(pass, name, result, &error)) {
        log.verdict = "stay";
        log.error = error->message;
        meet_trouble(watch, &log, DSN_LOG_ERROR);
        return;
    }
    count(watch, result);
    log.verdict = result == DSN_MESSAGE_UNTOUCHED          ? "deliver"
                  : pass->consumed == DSN_CONSUMED_DISCARD ? "discard"
                                                           : "accept";
    dsn_message_log(&log, DSN_LOG_INFO);
}

static void
take_file(const Pass *pass, const char *name, GString *buffer)
{
    DsnMessageLog log = {.maildir = pass->watch->name, .file = name, .verdict = "skip"};
    g_autoptr(GError) error = NULL;

    /* One byte more than is looked at, so that the pipeline sees that there is more. */
    size_t max = pass->policy->configuration->limits.message + 1;
    if (!dsn_maildir_read(&pass->maildir, name, max, buffer, &error))
        log.error = error->message;
    else if (buffer->len == 0)
        log.error = "is empty";
    else
        take_message(pass, name, (DsnSpan){buffer->str, buffer->len});
    if (log.error != NULL)
        meet_trouble(pass->watch, &log, DSN_LOG_WARNING);
}

/* ---- one pass ---- */

/* What one thread does of a pass. */
static gpointer
work(gpointer data)
{
    Pass *pass = data;
    DsnMaildirWatch *watch = pass->watch;
    g_autoptr(GString) buffer = g_string_new(NULL);

    for (;;) {
        guint next = (guint)g_atomic_int_add(&pass->next, 1);

        if (next >= pass->names->len || g_atomic_int_get(&watch->stopping) != 0 ||
            !dsn_spool_is_ready(dsn_pipeline_spool(watch->pipeline)))
            return NULL;
        dsn_buffer_empty(&buffer, KEEP_ROOM);
        take_file(pass, pass->names->pdata[next], buffer);
    }
}

/* Works off the names, several at the same time when there are several. */
static void
work_off(Pass *pass)
{
    GThread *threads[THREADS_MAX - 1];
    guint n_threads = MIN(pass->names->len, G_N_ELEMENTS(threads) + 1) - 1;

    for (guint i = 0; i < n_threads; i++)
        threads[i] = g_thread_new("maildir", work, pass);
    (void)work(pass);
    for (guint i = 0; i < n_threads; i++)
        (void)g_thread_join(threads[i]);
}

/* Files that gave trouble wait for their time. */
static bool
is_wanted(const char *name, gpointer user)
{
    DsnMaildirWatch *watch = user;
    Trouble *trouble = g_hash_table_lookup(watch->troubles, name);

    if (trouble == NULL)
        return true;
    trouble->present = true;
    return trouble->retry.due <= g_get_monotonic_time();
}

static gboolean
is_gone(gpointer name, gpointer value, gpointer user)
{
    Trouble *trouble = value;
    bool gone = !trouble->present;

    (void)name;
    (void)user;
    trouble->present = false;
    return gone;
}

/* When the next file that gave trouble is due, but no later than the next look at all of them. */
static gint64
next_due(DsnMaildirWatch *watch)
{
    gint64 due = g_get_monotonic_time() + RESCAN;
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, watch->troubles);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        due = MIN(due, ((Trouble *)value)->retry.due);
    return due;
}

/* Names new/ again: it may be another directory by now. */
static void
watch_directory(DsnMaildirWatch *watch)
{
    g_autofree char *path = g_build_filename(watch->path, "new", NULL);
    int known = watch->watch;

    watch->watch = inotify_add_watch(watch->inotify_fd, path, EVENTS);
    bool blind = watch->watch < 0 && errno != ENOENT; /* of what is not there the pass speaks */
    if (blind && !watch->blind)
        dsn_log_event(DSN_LOG_WARNING,
                      "maildir %s: %s: cannot be watched (%s), so it is looked at every %d seconds",
                      watch->name, path, g_strerror(errno), (int)(RESCAN / G_TIME_SPAN_SECOND));
    watch->blind = blind;
    if (known >= 0 && known != watch->watch)
        (void)inotify_rm_watch(watch->inotify_fd, known); /* the kernel did if it is gone */
}

/* What a reload may have changed. */
static DsnConsumed
find_consumed(const DsnMaildirWatch *watch, const DsnPolicy *policy)
{
    const GPtrArray *maildirs = policy->configuration->maildirs;

    for (guint i = 0; i < maildirs->len; i++) {
        const DsnMaildirIntake *maildir = maildirs->pdata[i];

        if (strcmp(maildir->name, watch->name) == 0)
            return maildir->consumed;
    }
    return DSN_CONSUMED_ACCEPT; /* it is gone from the file: remove nothing until the restart */
}

/* Takes what lies in new/. False if nothing, or not all of it, could be tried. */
static bool
try_pass(Pass *pass, bool *ret_more, GError **error)
{
    DsnMaildirWatch *watch = pass->watch;

    if (!dsn_maildir_open(watch->path, &pass->maildir, error))
        return false;
    if (!dsn_maildir_list(&pass->maildir, PASS_MAX, is_wanted, watch, pass->names, ret_more,
                          error)) {
        g_prefix_error(error, "%s: ", watch->path);
        return false;
    }
    if (pass->names->len > 0)
        work_off(pass);
    (void)g_hash_table_foreach_remove(watch->troubles, is_gone, NULL);
    if (dsn_spool_is_ready(dsn_pipeline_spool(watch->pipeline)))
        return true;
    g_set_error_literal(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_DISK,
                        "waits until the spool works again");
    return false;
}

/* Returns when to come again. */
static gint64
run_pass(DsnMaildirWatch *watch)
{
    g_autoptr(DsnPolicy) policy = dsn_pipeline_policy(watch->pipeline);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    Pass pass = {watch, policy, find_consumed(watch, policy), DSN_MAILDIR_CLOSED, names, 0};
    bool more = false;

    watch_directory(watch);
    bool good = try_pass(&pass, &more, &error);
    dsn_maildir_close(&pass.maildir);
    if (!good) {
        dsn_metrics_add(dsn_pipeline_metrics(watch->pipeline), DSN_COUNT_MAILDIR_ERRORS, 1);
        if (dsn_retry_later(&watch->all, error->message))
            dsn_log_event(DSN_LOG_ERROR, "maildir %s: %s", watch->name, error->message);
        return watch->all.due;
    }
    if (dsn_retry_end(&watch->all))
        dsn_log_event(DSN_LOG_INFO, "maildir %s: works again", watch->name);
    return more ? 0 : next_due(watch);
}

/* ---- the thread ---- */

/* Waits until @due, or until something is in new/; false when the watch is to stop. */
static bool
wait_until(DsnMaildirWatch *watch, gint64 due)
{
    struct pollfd fds[] = {{.fd = watch->stop_fd, .events = POLLIN},
                           {.fd = watch->inotify_fd, .events = POLLIN}};
    char events[4096];

    for (nfds_t n_fds = G_N_ELEMENTS(fds);;) {
        gint64 left = MAX(due - g_get_monotonic_time(), 0);
        int ready = poll(fds, n_fds, (int)((left + 999) / 1000));

        if (g_atomic_int_get(&watch->stopping) != 0)
            return false;
        if (ready > 0 && n_fds == G_N_ELEMENTS(fds)) {
            due = MIN(due, g_get_monotonic_time() + GATHER);
            n_fds = 1;
            continue;
        }
        if (ready == 0)
            break;
    }
    /* Which files they are the pass will see; as it does when there were too many events. */
    while (read(watch->inotify_fd, events, sizeof(events)) > 0)
        continue;
    return true;
}

static gpointer
run(gpointer data)
{
    DsnMaildirWatch *watch = data;

    while (wait_until(watch, run_pass(watch)))
        continue;
    return NULL;
}

DsnMaildirWatch *
dsn_maildir_watch_start(DsnPipeline *pipeline, const DsnMaildirIntake *options, GError **error)
{
    g_auto(DsnMaildir) maildir = DSN_MAILDIR_CLOSED;
    DsnMaildirWatch *watch = g_new0(DsnMaildirWatch, 1);

    watch->pipeline = pipeline;
    watch->name = g_strdup(options->name);
    watch->path = g_strdup(options->path);
    watch->watch = -1;
    watch->troubles = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, trouble_free);
    g_mutex_init(&watch->lock);
    watch->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    watch->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watch->stop_fd < 0 || watch->inotify_fd < 0)
        dsn_file_error(error);
    else if (dsn_maildir_open(watch->path, &maildir, error))
        watch->thread = g_thread_new("maildir", run, watch);
    if (watch->thread == NULL) {
        g_prefix_error(error, "maildir %s: ", watch->name);
        dsn_maildir_watch_stop(g_steal_pointer(&watch));
    }
    return watch;
}

void
dsn_maildir_watch_stop(DsnMaildirWatch *watch)
{
    if (watch == NULL)
        return;
    if (watch->thread != NULL) {
        g_atomic_int_set(&watch->stopping, 1);
        (void)eventfd_write(watch->stop_fd, 1); /* fails only at 2^64 */
        (void)g_thread_join(watch->thread);
    }
    if (watch->inotify_fd >= 0)
        (void)close(watch->inotify_fd);
    if (watch->stop_fd >= 0)
        (void)close(watch->stop_fd);
    g_hash_table_unref(watch->troubles);
    g_mutex_clear(&watch->lock);
    (void)dsn_retry_end(&watch->all);
    g_free(watch->path);
    g_free(watch->name);
    g_free(watch);
}
