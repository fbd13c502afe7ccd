/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/tailer.h"

#include "filter/core/read-file.h"
#include "filter/core/retry.h"
#include "filter/core/start-time.h"
#include "filter/intake/directory-watch.h"
#include "filter/intake/files.h"
#include "filter/intake/tailed-file.h"
#include "filter/intake/tailer-batch.h"
#include "mime/date.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>

/* Files of one pass: as many as are held in memory by name. */
#define PASS_MAX 10000
/* Readers that are open at the same time, and what they may hold together: one that is closed costs
 * reading its file again from the start, but the decoder of one can need 128 MiB. */
#define READERS_MAX 64
#define READERS_MEMORY ((size_t)512 << 20)
/* inotify(7) tells nothing of what other hosts do on a network file system. */
#define RESCAN (5 * G_TIME_SPAN_SECOND)
/* After so long, the place is kept even if nothing was wanted of what was read. */
#define PLACE_TIME (1 * G_TIME_SPAN_SECOND)
#define LINES_BETWEEN_LOOKS 64 /* at the clock */
#define CHECKPOINT_MAX 65536

/* A file that is open in the place, or is being looked at. */
typedef struct Followed {
    DsnTailedFile *file;
    DsnRetry retry;
    bool touched; /* something has happened to it */
} Followed;

/* A file that may have something to read. */
typedef struct Candidate {
    char *name;
    guint64 bytes; /* that were not read */
    int64_t written;
    dev_t dev;
    ino_t ino;
} Candidate;

struct DsnTailer {
    DsnPipeline *pipeline;
    char *name;
    char *place_name;
    char *directory;
    char *pattern;
    char *start;
    char *checkpoint;
    size_t line_max;
    DsnDirectoryWatch *watch;
    GThread *thread;
    gint stopping;
    guint64 behind; /* atomic, as is: */
    gint64 oldest;
    DsnTailerLag stuck; /* what files have that cannot be read */

    DsnTailerPlace *place; /* NULL: not known yet */
    DsnTailerBatch *batch;
    bool moved;        /* the place is not the one that is kept */
    gint64 kept;       /* when it was, monotonic */
    GHashTable *files; /* name -> Followed */
    guint64 uses;
    bool rescan;
    DsnRetry all;  /* with the directory */
    DsnRetry keep; /* with the spool */
    bool crowded;  /* that there are too many open files was told */
};

static bool
is_stopping(const DsnTailer *tailer)
{
    return g_atomic_int_get(&tailer->stopping) != 0;
}

/* ---- the files that are known ---- */

static void
followed_free(gpointer data)
{
    Followed *followed = data;

    dsn_tailed_file_free(followed->file);
    (void)dsn_retry_end(&followed->retry);
    g_free(followed);
}

static Followed *
find_followed(DsnTailer *tailer, const char *name)
{
    Followed *followed = g_hash_table_lookup(tailer->files, name);

    if (followed == NULL) {
        g_autofree char *path = g_build_filename(tailer->directory, name, NULL);

        followed = g_new0(Followed, 1);
        followed->file =
            dsn_tailed_file_new(path, tailer->name, dsn_pipeline_metrics(tailer->pipeline));
        (void)g_hash_table_insert(tailer->files, g_strdup(name), followed);
    }
    return followed;
}

/* Closes the readers that were not used for the longest time, until there are few enough, and they
 * hold little enough; the one that was used last stays open. */
static void
limit_readers(const DsnTailer *tailer)
{
    for (;;) {
        guint n_readers = 0;
        size_t memory = 0;
        DsnTailedFile *oldest = NULL;
        GHashTableIter iter;
        gpointer value;

        g_hash_table_iter_init(&iter, tailer->files);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
            DsnTailedFile *file = ((Followed *)value)->file;

            if (file->reader == NULL)
                continue;
            n_readers++;
            memory += dsn_segment_reader_memory(file->reader);
            if (oldest == NULL || file->used < oldest->used)
                oldest = file;
        }
        if (n_readers <= 1 || (n_readers <= READERS_MAX && memory <= READERS_MEMORY))
            return;
        dsn_tailed_file_close(oldest);
    }
}

/* ---- what is handed in ---- */

/* Hands in what was read, however long the spool takes. False when the tailer is to stop. */
static bool
flush(DsnTailer *tailer)
{
    for (;;) {
        g_autoptr(GError) error = NULL;

        if (is_stopping(tailer))
            return false;
        if (dsn_tailer_batch_flush(tailer->batch, tailer->place, &error))
            break;
        if (dsn_retry_later(&tailer->keep, error->message))
            dsn_log_event(DSN_LOG_WARNING, "tailer %s: waits, for nothing can be kept: %s",
                          tailer->name, error->message);
        if (!dsn_directory_watch_sleep(tailer->watch, tailer->keep.due))
            return false;
    }
    if (dsn_retry_end(&tailer->keep))
        dsn_log_event(DSN_LOG_INFO, "tailer %s: goes on", tailer->name);
    tailer->moved = false;
    tailer->kept = g_get_monotonic_time();
    return true;
}

/* The same, if it is time. */
static bool
flush_if_due(DsnTailer *tailer)
{
    if (dsn_tailer_batch_is_full(tailer->batch) ||
        (tailer->moved && g_get_monotonic_time() - tailer->kept >= PLACE_TIME))
        return flush(tailer);
    return !is_stopping(tailer);
}

/* ---- one file ---- */

static void
meet_file_trouble(DsnTailer *tailer, Followed *followed, const char *text)
{
    dsn_tailed_file_close(followed->file);
    dsn_metrics_add(dsn_pipeline_metrics(tailer->pipeline), DSN_COUNT_TAILER_ERRORS, 1);
    if (dsn_retry_later(&followed->retry, text))
        dsn_log_event(DSN_LOG_WARNING, "tailer %s: %s %s", tailer->name, followed->file->path,
                      text);
}

/* The file is no longer where it was, and its end was not read. It stays open in the place, for it
 * may come back. */
static void
meet_gone(DsnTailer *tailer, const char *name)
{
    const Followed *followed = g_hash_table_lookup(tailer->files, name);
    const DsnTailerFile *open = dsn_tailer_place_find(tailer->place, name);

    dsn_log_event(DSN_LOG_WARNING,
                  "tailer %s: %s was removed before its end was read; %" G_GUINT64_FORMAT
                  " lines of it were",
                  tailer->name, followed->file->path, open == NULL ? 0 : open->lines);
    (void)g_hash_table_remove(tailer->files, name);
}

static void
finish_file(DsnTailer *tailer, const char *name)
{
    dsn_metrics_add(dsn_pipeline_metrics(tailer->pipeline), DSN_COUNT_TAILER_FILES, 1);
    dsn_tailer_place_finish(tailer->place, name);
    tailer->moved = true;
    (void)g_hash_table_remove(tailer->files, name);
}

static void
tell_lag(DsnTailer *tailer, guint64 behind, int64_t oldest)
{
    __atomic_store_n(&tailer->behind, behind, __ATOMIC_RELAXED);
    __atomic_store_n(&tailer->oldest, behind == 0 ? 0 : oldest, __ATOMIC_RELAXED);
}

/* What was left unread of the file, and of those behind it. */
static void
tell_progress(DsnTailer *tailer, guint64 rest, const DsnTailedFile *file)
{
    guint64 offset = dsn_segment_reader_offset(file->reader);
    guint64 size = (guint64)file->seen.st_size;

    tell_lag(tailer, rest + (size > offset ? size - offset : 0), file->seen.st_mtim.tv_sec);
}

/* Adds what came to the batch, and moves the place. */
static void
take_event(DsnTailer *tailer, const char *name, const DsnTailedFile *file, DsnSegmentEvent event,
           DsnSpan record)
{
    uint64_t line = dsn_tailed_file_line(file);
    DsnTailerFile *open = dsn_tailer_place_open(tailer->place, name);

    if (dsn_span_present(record))
        dsn_tailer_batch_add(tailer->batch, record, file->path,
                             event == DSN_SEGMENT_TAIL ? line + 1 : line);
    tailer->moved = tailer->moved || open->lines != line;
    open->lines = line;
}

/* Reads as far as there is something; @rest is what the files behind it have. False when the tailer
 * is to stop. */
static bool
read_on(DsnTailer *tailer, Followed *followed, const char *name, guint64 rest)
{
    DsnTailedFile *file = followed->file;
    bool uncounted = false; /* what was behind the last line end: the place cannot tell of it */
    guint64 number = 0;

    for (;;) {
        g_autoptr(GError) error = NULL;
        DsnSpan record;
        DsnSegmentEvent event = dsn_tailed_file_next(file, &record, &error);

        if (event == DSN_SEGMENT_FAILED) {
            meet_file_trouble(tailer, followed, error->message);
            return true;
        }
        if (event == DSN_SEGMENT_END) {
            finish_file(tailer, name);
            return flush_if_due(tailer);
        }
        take_event(tailer, name, file, event, record);
        if (event == DSN_SEGMENT_WAIT)
            return true;
        uncounted = event == DSN_SEGMENT_TAIL || (uncounted && event == DSN_SEGMENT_DAMAGED);
        if (uncounted ||
            (number++ % LINES_BETWEEN_LOOKS != 0 && !dsn_tailer_batch_is_full(tailer->batch)))
            continue;
        tell_progress(tailer, rest, file);
        if (!flush_if_due(tailer))
            return false;
    }
}

/* Whether the file that is open is the one that is there, and as long as it was. */
static void
check_reader(const DsnTailer *tailer, DsnTailedFile *file, const struct stat *status)
{
    const char *what = NULL;

    if (file->reader == NULL)
        return;
    if (file->seen.st_ino != status->st_ino || file->seen.st_dev != status->st_dev)
        what = "is another file than before";
    else if ((guint64)status->st_size < dsn_segment_reader_offset(file->reader))
        what = "has become shorter";
    if (what == NULL)
        return;
    dsn_log_event(DSN_LOG_INFO, "tailer %s: %s %s: goes on behind line %" G_GUINT64_FORMAT,
                  tailer->name, file->path, what, dsn_tailed_file_line(file));
    dsn_tailed_file_close(file);
}

static bool
has_changed(const struct stat *a, const struct stat *b)
{
    return a->st_ino != b->st_ino || a->st_dev != b->st_dev || a->st_size != b->st_size ||
           a->st_mode != b->st_mode || a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
           a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

/* True if all in it happened before what is wanted: nobody writes to it any more. */
static bool
is_early(const DsnTailer *tailer, const struct stat *status)
{
    return tailer->place->since != 0 && (status->st_mode & 0222) == 0 &&
           status->st_mtim.tv_sec < tailer->place->since;
}

/* Reads what is new in the file. False when the tailer is to stop. */
static bool
follow_file(DsnTailer *tailer, const char *name, guint64 rest)
{
    Followed *followed = find_followed(tailer, name);
    DsnTailedFile *file = followed->file;
    g_autoptr(GError) error = NULL;
    struct stat status;

    if (followed->retry.due > g_get_monotonic_time())
        return true;
    bool there = lstat(file->path, &status) == 0;
    if (!there && errno != ENOENT) {
        dsn_file_error(&error);
        meet_file_trouble(tailer, followed, error->message);
        return true;
    }
    if (!there && file->reader == NULL) {
        meet_gone(tailer, name);
        return true;
    }
    if (there)
        check_reader(tailer, file, &status);
    if (there && is_early(tailer, &status) && dsn_tailer_place_find(tailer->place, name) == NULL) {
        finish_file(tailer, name);
        return flush_if_due(tailer);
    }
    DsnTailerFile *open = dsn_tailer_place_open(tailer->place, name);
    if (file->reader == NULL && !has_changed(&file->seen, &status))
        return true;
    if (file->reader == NULL &&
        !dsn_tailed_file_open(file, tailer->line_max, &open->lines, &tailer->stopping, &error)) {
        meet_file_trouble(tailer, followed, error->message);
        return true;
    }
    if (dsn_retry_end(&followed->retry))
        dsn_log_event(DSN_LOG_INFO, "tailer %s: %s can be read again", tailer->name, file->path);
    if (there)
        file->seen = status;
    file->used = ++tailer->uses;
    if (!read_on(tailer, followed, name, rest))
        return false;
    if (!g_hash_table_contains(tailer->files, name))
        return true; /* it is done */
    limit_readers(tailer);
    if (!there)
        meet_gone(tailer, name);
    return true;
}

/* ---- all files ---- */

static void
candidate_free(gpointer data)
{
    Candidate *candidate = data;

    g_free(candidate->name);
    g_free(candidate);
}

static int
compare_candidates(gconstpointer a, gconstpointer b)
{
    return strcmp((*(const Candidate *const *)a)->name, (*(const Candidate *const *)b)->name);
}

static bool
is_meant(const DsnTailer *tailer, const char *name)
{
    return name[0] != '.' && dsn_tailer_place_can_name(name) &&
           fnmatch(tailer->pattern, name, FNM_PERIOD) == 0;
}

static void
add_candidate(const DsnTailer *tailer, int fd, const char *name, GPtrArray *candidates)
{
    const Followed *followed = g_hash_table_lookup(tailer->files, name);
    struct stat status;

    if (fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode))
        return; /* what cannot be looked at is gone; a link or a directory is no segment */
    guint64 size = (guint64)status.st_size;
    guint64 read = followed == NULL || followed->file->reader == NULL
                       ? 0
                       : dsn_segment_reader_offset(followed->file->reader);
    Candidate *candidate = g_new(Candidate, 1);
    *candidate = (Candidate){g_strdup(name), size > read ? size - read : 0, status.st_mtim.tv_sec,
                             status.st_dev, status.st_ino};
    g_ptr_array_add(candidates, candidate);
}

/* The files that are not done, in the order of names; if there are more, the first of them. */
static bool
list_files(const DsnTailer *tailer, GPtrArray *candidates, bool *ret_more, GError **error)
{
    DIR *directory = opendir(tailer->directory);
    struct dirent *entry;

    *ret_more = false;
    if (directory == NULL) {
        dsn_file_error(error);
        return false;
    }
    while (errno = 0, (entry = readdir(directory)) != NULL) {
        if (is_meant(tailer, entry->d_name) &&
            !dsn_tailer_place_is_done(tailer->place, entry->d_name))
            add_candidate(tailer, dirfd(directory), entry->d_name, candidates);
        if (candidates->len >= 2 * PASS_MAX) { /* so that a name costs no more than log(max) */
            g_ptr_array_sort(candidates, compare_candidates);
            g_ptr_array_set_size(candidates, PASS_MAX);
            *ret_more = true;
        }
    }
    bool good = errno == 0;
    if (!good)
        dsn_file_error(error);
    (void)closedir(directory);
    g_ptr_array_sort(candidates, compare_candidates);
    if (candidates->len > PASS_MAX) {
        g_ptr_array_set_size(candidates, PASS_MAX);
        *ret_more = true;
    }
    return good;
}

/* A file that is open may have got another name: that is no other file. */
static void
meet_new_name(DsnTailer *tailer, const Candidate *candidate)
{
    GHashTableIter iter;
    gpointer key, value;
    struct stat status;

    if (g_hash_table_contains(tailer->files, candidate->name))
        return;
    g_hash_table_iter_init(&iter, tailer->files);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        DsnTailedFile *file = ((Followed *)value)->file;

        if (file->reader == NULL || file->seen.st_ino != candidate->ino ||
            file->seen.st_dev != candidate->dev || lstat(file->path, &status) == 0)
            continue;
        dsn_log_event(DSN_LOG_INFO, "tailer %s: %s is now %s", tailer->name, file->path,
                      candidate->name);
        g_hash_table_iter_steal(&iter);
        dsn_tailer_place_rename(tailer->place, key, candidate->name);
        g_free(key);
        g_free(file->path);
        file->path = g_build_filename(tailer->directory, candidate->name, NULL);
        (void)g_hash_table_insert(tailer->files, g_strdup(candidate->name), value);
        tailer->moved = true;
        return;
    }
}

static bool
has_room(DsnTailer *tailer, const char *name)
{
    bool room = tailer->place->open->len < DSN_TAILER_OPEN_MAX ||
                dsn_tailer_place_find(tailer->place, name) != NULL;

    if (!room && !tailer->crowded)
        dsn_log_event(DSN_LOG_ERROR,
                      "tailer %s: %d files in %s are not finished or cannot be read: %s and those "
                      "behind it wait",
                      tailer->name, DSN_TAILER_OPEN_MAX, tailer->directory, name);
    tailer->crowded = tailer->crowded || !room;
    return room;
}

/* What was not read although all of it was tried. */
static void
find_stuck(DsnTailer *tailer, const GPtrArray *candidates)
{
    tailer->stuck = (DsnTailerLag){.bytes = 0};
    for (guint i = candidates->len; i-- > 0;) {
        const Candidate *candidate = candidates->pdata[i];
        const Followed *followed = g_hash_table_lookup(tailer->files, candidate->name);
        bool done = dsn_tailer_place_is_done(tailer->place, candidate->name);

        if (done || (followed != NULL && followed->retry.problem == NULL))
            continue;
        tailer->stuck.bytes += candidate->bytes;
        tailer->stuck.oldest = candidate->written;
    }
    tell_lag(tailer, tailer->stuck.bytes, tailer->stuck.oldest);
}

static bool
follow_all(DsnTailer *tailer, const GPtrArray *candidates)
{
    guint64 rest = 0;
    bool room = true;

    for (guint i = 0; i < candidates->len; i++)
        rest += ((const Candidate *)candidates->pdata[i])->bytes;
    for (guint i = 0; i < candidates->len && room; i++) {
        const Candidate *candidate = candidates->pdata[i];

        tell_lag(tailer, rest, candidate->written);
        rest -= candidate->bytes;
        meet_new_name(tailer, candidate);
        room = has_room(tailer, candidate->name);
        if (room && !follow_file(tailer, candidate->name, rest))
            return false;
    }
    tailer->crowded = !room;
    find_stuck(tailer, candidates);
    return true;
}

/* Files that are known and not in the directory any more. Those that are old enough are known no
 * longer. */
static void
follow_gone(DsnTailer *tailer, const GPtrArray *candidates)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GHashTable) present = g_hash_table_new(g_str_hash, g_str_equal);
    GHashTableIter iter;
    gpointer key;

    for (guint i = 0; i < candidates->len; i++)
        (void)g_hash_table_add(present, ((Candidate *)candidates->pdata[i])->name);
    g_hash_table_iter_init(&iter, tailer->files);
    while (g_hash_table_iter_next(&iter, &key, NULL))
        if (!g_hash_table_contains(present, key))
            g_ptr_array_add(names, g_strdup(key));
    for (guint i = 0; i < names->len && follow_file(tailer, names->pdata[i], 0); i++)
        continue;
    for (guint i = tailer->place->open->len; i-- > 0;) {
        const DsnTailerFile *file = tailer->place->open->pdata[i];

        if (tailer->place->low != NULL && strcmp(file->name, tailer->place->low) <= 0 &&
            !g_hash_table_contains(present, file->name))
            dsn_tailer_place_finish(tailer->place, file->name);
    }
}

/* ---- where it begins ---- */

/* What [tailer.NAME] says of that. */
static DsnTailerPlace *
first_place(const DsnTailer *tailer, GError **error)
{
    const int64_t now = g_get_real_time() / G_USEC_PER_SEC;

    if (tailer->checkpoint != NULL) {
        size_t len;
        g_autofree char *text = dsn_read_file(tailer->checkpoint, CHECKPOINT_MAX, &len, error);
        DsnTailerPlace *place =
            text == NULL ? NULL : dsn_tailer_place_import(text, len, tailer->directory, error);
        if (place == NULL)
            g_prefix_error(error, "checkpoint %s: ", tailer->checkpoint);
        return place;
    }
    return dsn_tailer_place_new(tailer->directory, dsn_start_time(tailer->start, now));
}

static void
log_start(const DsnTailer *tailer, bool first)
{
    g_autofree char *where = dsn_tailer_place_describe(tailer->place);
    char time[DSN_DATE_MAX];

    if (first && tailer->checkpoint != NULL)
        dsn_log_event(DSN_LOG_INFO, "tailer %s: following %s: %s, as %s says", tailer->name,
                      tailer->directory, where, tailer->checkpoint);
    else if (first && tailer->place->since != 0)
        dsn_log_event(DSN_LOG_INFO, "tailer %s: following %s: begins with what happens from %s on",
                      tailer->name, tailer->directory,
                      dsn_date_to_rfc3339(tailer->place->since, 0, time));
    else if (first)
        dsn_log_event(DSN_LOG_INFO, "tailer %s: following %s: begins with the first file",
                      tailer->name, tailer->directory);
    else if (strcmp(tailer->place->directory, tailer->directory) != 0)
        dsn_log_event(DSN_LOG_WARNING,
                      "tailer %s: following %s: %s, as files of that name were "
                      "read in %s",
                      tailer->name, tailer->directory, where, tailer->place->directory);
    else
        dsn_log_event(DSN_LOG_INFO, "tailer %s: following %s: %s", tailer->name, tailer->directory,
                      where);
}

/* Takes up the place that is kept, or begins. */
static bool
find_place(DsnTailer *tailer, GError **error)
{
    g_autoptr(GError) failure = NULL;
    g_autofree char *text =
        dsn_spool_place(dsn_pipeline_spool(tailer->pipeline), tailer->place_name, &failure);

    if (failure != NULL) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
    }
    tailer->place = text == NULL ? first_place(tailer, error) : dsn_tailer_place_parse(text, error);
    if (tailer->place == NULL)
        return false;
    log_start(tailer, text == NULL);
    g_free(tailer->place->directory);
    tailer->place->directory = g_strdelimit(g_strdup(tailer->directory), "\n", '?');
    /* What begins now must not begin later, after a crash. */
    return text != NULL || flush(tailer);
}

/* ---- the thread ---- */

static void
meet_change(DsnFileChange change, const char *name, gpointer user)
{
    DsnTailer *tailer = user;
    Followed *followed = name == NULL ? NULL : g_hash_table_lookup(tailer->files, name);

    if (followed != NULL) {
        followed->touched = true;
        followed->retry.due = 0;
        tailer->rescan = tailer->rescan || change == DSN_FILE_CAME;
    } else if (name == NULL) {
        tailer->rescan = true;
    } else if (change == DSN_FILE_CAME && is_meant(tailer, name)) {
        tailer->rescan = true;
        if (tailer->place != NULL && tailer->place->low != NULL &&
            strcmp(name, tailer->place->low) < 0)
            dsn_log_event(DSN_LOG_WARNING,
                          "tailer %s: %s/%s came after %d files with later names were done, and is "
                          "not read",
                          tailer->name, tailer->directory, name, DSN_TAILER_DONE_MAX);
    }
}

/* Looks at what has changed. */
static void
follow_touched(DsnTailer *tailer)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter iter;
    gpointer key, value;

    g_hash_table_iter_init(&iter, tailer->files);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        Followed *followed = value;

        if (followed->touched)
            g_ptr_array_add(names, g_strdup(key));
        followed->touched = false;
    }
    for (guint i = 0; i < names->len && follow_file(tailer, names->pdata[i], 0); i++)
        continue;
    tell_lag(tailer, tailer->stuck.bytes, tailer->stuck.oldest);
}

static bool
look_at_all(DsnTailer *tailer, bool *ret_more, GError **error)
{
    g_autoptr(GPtrArray) candidates = g_ptr_array_new_with_free_func(candidate_free);

    if (dsn_directory_watch_renew(tailer->watch))
        dsn_log_event(DSN_LOG_WARNING,
                      "tailer %s: %s cannot be watched (%s), so it is looked at every %d seconds",
                      tailer->name, tailer->directory, g_strerror(errno),
                      (int)(RESCAN / G_TIME_SPAN_SECOND));
    if (!list_files(tailer, candidates, ret_more, error)) {
        g_prefix_error(error, "%s: ", tailer->directory);
        return false;
    }
    if (follow_all(tailer, candidates) && !*ret_more)
        follow_gone(tailer, candidates);
    return true;
}

/* Does what is to be done now; returns when to come again. */
static gint64
run_pass(DsnTailer *tailer, gint64 *next_rescan)
{
    g_autoptr(GError) error = NULL;
    gint64 now = g_get_monotonic_time();
    bool more = false;

    if (tailer->place == NULL && !find_place(tailer, &error) && error == NULL)
        return now; /* it is to stop */
    if (error == NULL && (tailer->rescan || now >= *next_rescan)) {
        tailer->rescan = false;
        (void)look_at_all(tailer, &more, &error);
        *next_rescan = g_get_monotonic_time() + RESCAN;
    } else if (error == NULL) {
        follow_touched(tailer);
    }
    if (error != NULL) {
        if (dsn_retry_later(&tailer->all, error->message))
            dsn_log_event(DSN_LOG_ERROR, "tailer %s: %s", tailer->name, error->message);
        *next_rescan = tailer->all.due;
        return tailer->all.due;
    }
    if (dsn_retry_end(&tailer->all))
        dsn_log_event(DSN_LOG_INFO, "tailer %s: works again", tailer->name);
    if (!dsn_tailer_batch_is_empty(tailer->batch))
        (void)flush(tailer); /* that it is to stop is seen below */
    tailer->rescan = tailer->rescan || (more && !tailer->crowded);
    return tailer->rescan  ? 0
           : tailer->moved ? MIN(*next_rescan, tailer->kept + PLACE_TIME)
                           : *next_rescan;
}

static gpointer
run(gpointer data)
{
    DsnTailer *tailer = data;
    gint64 next_rescan = 0, due = 0;

    while (!is_stopping(tailer) &&
           dsn_directory_watch_wait(tailer->watch, due, meet_change, tailer)) {
        due = run_pass(tailer, &next_rescan);
        if (tailer->place != NULL && tailer->moved && !flush_if_due(tailer))
            break;
    }
    return NULL;
}

DsnTailer *
dsn_tailer_start(DsnPipeline *pipeline, const DsnTailerOptions *options)
{
    DsnTailer *tailer = g_new0(DsnTailer, 1);

    tailer->pipeline = pipeline;
    tailer->name = g_strdup(options->name);
    tailer->place_name = g_strconcat("tailer.", options->name, NULL);
    tailer->directory = g_strdup(options->directory);
    tailer->pattern = g_strdup(options->pattern == NULL ? "*" : options->pattern);
    tailer->start = g_strdup(options->start == NULL ? "now" : options->start);
    tailer->checkpoint = g_strdup(options->checkpoint);
    tailer->line_max = options->line_max;
    tailer->watch = dsn_directory_watch_new(options->directory);
    tailer->batch = dsn_tailer_batch_new(pipeline, tailer->place_name);
    tailer->files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, followed_free);
    tailer->rescan = true;
    tailer->thread = g_thread_new("tailer", run, tailer);
    return tailer;
}

void
dsn_tailer_stop(DsnTailer *tailer)
{
    if (tailer == NULL)
        return;
    g_atomic_int_set(&tailer->stopping, 1);
    dsn_directory_watch_stop(tailer->watch);
    (void)g_thread_join(tailer->thread);
    dsn_directory_watch_free(tailer->watch);
    dsn_tailer_batch_free(tailer->batch);
    dsn_tailer_place_free(tailer->place);
    g_hash_table_unref(tailer->files);
    (void)dsn_retry_end(&tailer->all);
    (void)dsn_retry_end(&tailer->keep);
    g_free(tailer->checkpoint);
    g_free(tailer->start);
    g_free(tailer->pattern);
    g_free(tailer->directory);
    g_free(tailer->place_name);
    g_free(tailer->name);
    g_free(tailer);
}

void
dsn_tailer_lag(const DsnTailer *tailer, DsnTailerLag *ret_lag)
{
    *ret_lag = (DsnTailerLag){__atomic_load_n(&tailer->behind, __ATOMIC_RELAXED),
                              __atomic_load_n(&tailer->oldest, __ATOMIC_RELAXED)};
}
