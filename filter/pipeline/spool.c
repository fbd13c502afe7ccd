/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/spool-private.h"

#include "filter/core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/file.h>
#include <sys/stat.h>

/* ---- the directory ---- */

/* Makes a private directory, or checks that the one that is there is private: files in it may hold
 * anybody's mail. */
static bool
prepare_directory(const char *path, GError **error)
{
    struct stat status;

    if (g_mkdir(path, 0700) == 0) {
        g_autofree char *parent = g_path_get_dirname(path);
        return dsn_sync_directory(parent, error);
    }
    if (errno != EEXIST || stat(path, &status) != 0) {
        dsn_spool_set_file_error(error, "make the directory", path);
        return false;
    }
    if (status.st_uid == geteuid() && (status.st_mode & 077) == 0)
        return true;
    g_set_error(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_DISK,
                "%s: must belong to user %u with mode 0700, and belongs to user %u with mode %04o",
                path, (unsigned)geteuid(), (unsigned)status.st_uid,
                (unsigned)status.st_mode & 07777);
    return false;
}

static void
set_locked(GError **error, const char *path, int fd)
{
    char pid[24];
    ssize_t length = pread(fd, pid, sizeof pid - 1, 0);

    pid[MAX(length, 0)] = '\0';
    g_set_error(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_LOCKED, "%s: in use by process %s", path,
                length > 0 ? g_strchomp(pid) : "(unknown)");
}

/* The lock goes with the file descriptor, so that a crash leaves none behind. */
static bool
take_lock(DsnSpool *spool, GError **error)
{
    g_autofree char *path = g_build_filename(spool->directory, "lock", NULL);
    g_autofree char *pid = g_strdup_printf("%ld\n", (long)getpid());

    spool->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (spool->lock_fd < 0) {
        dsn_spool_set_file_error(error, "open", path);
        return false;
    }
    if (flock(spool->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            set_locked(error, path, spool->lock_fd);
        else
            dsn_spool_set_file_error(error, "lock", path);
        return false;
    }
    if (ftruncate(spool->lock_fd, 0) != 0 ||
        pwrite(spool->lock_fd, pid, strlen(pid), 0) != (ssize_t)strlen(pid)) {
        dsn_spool_set_file_error(error, "write", path);
        return false;
    }
    return true;
}

/* SQLite gives its log the mode of the database: so that is made here, with ours. */
static bool
make_files(DsnSpool *spool, GError **error)
{
    int fd = open(spool->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0) {
        dsn_spool_set_file_error(error, "open", spool->path);
        return false;
    }
    (void)close(fd); /* nothing was written */
    return prepare_directory(spool->large_path, error) &&
           dsn_sync_directory(spool->directory, error);
}

/* ---- open and close ---- */

static bool
load(DsnSpool *spool, GError **error)
{
    int64_t waiting;
    int64_t dead;

    if (!dsn_db_number(spool->writer, DSN_SQL_WATERMARK, 0, &spool->watermark, error) ||
        !dsn_db_number(spool->writer, DSN_SQL_COUNT_WAITING, 0, &waiting, error) ||
        !dsn_db_number(spool->writer, DSN_SQL_COUNT_DEAD, 0, &dead, error))
        return false;
    spool->waiting = (guint64)waiting;
    spool->dead = (guint64)dead;
    return dsn_spool_load_watermarks(spool, spool->writer, error) &&
           dsn_spool_load_outlets(spool, spool->writer, error) &&
           dsn_large_sweep(spool, spool->writer, error);
}

static DsnSpool *
new_spool(const DsnSpoolOptions *options, DsnMetrics *metrics)
{
    DsnSpool *spool = g_new0(DsnSpool, 1);

    spool->directory = g_strdup(options->directory);
    spool->path = g_build_filename(options->directory, "spool.db", NULL);
    spool->large_path = g_build_filename(options->directory, "large", NULL);
    spool->keep = options->keep;
    spool->history_keep = options->history_keep;
    spool->max_size = options->max_size;
    spool->min_free = options->min_free;
    spool->large = options->large;
    spool->metrics = metrics;
    spool->lock_fd = -1;
    spool->stuck_after = DSN_SPOOL_STUCK_AFTER;
    spool->settle_after = G_TIME_SPAN_HOUR;
    spool->epoch = g_get_real_time() - g_get_monotonic_time();
    g_mutex_init(&spool->lock);
    g_mutex_init(&spool->take_lock);
    g_mutex_init(&spool->readers_lock);
    g_cond_init(&spool->reader_free);
    g_cond_init(&spool->work);
    g_cond_init(&spool->room);
    g_cond_init(&spool->arrived);
    spool->history_lines = g_string_new(NULL);
    spool->readers = g_ptr_array_new_with_free_func((GDestroyNotify)dsn_db_close);
    spool->doubtful = g_ptr_array_new_with_free_func(g_free);
    spool->to_remove = g_ptr_array_new_with_free_func(g_free);
    spool->taken =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, (GDestroyNotify)dsn_taken_free);
    spool->watermarks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    spool->lines =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)dsn_relay_line_free);
    spool->outlets = g_ptr_array_new_with_free_func((GDestroyNotify)dsn_outlet_free);
    return spool;
}

DsnSpool *
dsn_spool_open(const DsnSpoolOptions *options, DsnMetrics *metrics, GError **error)
{
    g_autoptr(DsnSpool) spool = new_spool(options, metrics);
    int n_steps;
    const char *const *steps = dsn_schema_steps(&n_steps);

    /* Counting memory costs a lock at each allocation. Where SQLite runs already, nothing changes.
     */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    if (!prepare_directory(spool->directory, error) || !take_lock(spool, error) ||
        !make_files(spool, error))
        return NULL;
    spool->writer = dsn_db_open(spool->path, true, error);
    if (spool->writer == NULL || !dsn_schema_migrate(spool->writer, steps, n_steps, error) ||
        !load(spool, error) || !dsn_spool_start_writer(spool, error))
        return NULL;
    return g_steal_pointer(&spool);
}

void
dsn_spool_close(DsnSpool *spool)
{
    if (spool == NULL)
        return;
    dsn_spool_stop_writer(spool);
    g_ptr_array_unref(spool->readers);
    dsn_db_close(spool->writer); /* the last one: it writes its log back and removes it */
    if (spool->lock_fd >= 0)
        (void)close(spool->lock_fd); /* nothing is read from it */
    (void)g_string_free(spool->history_lines, TRUE);
    g_ptr_array_unref(spool->doubtful);
    g_ptr_array_unref(spool->to_remove);
    g_hash_table_unref(spool->taken);
    g_hash_table_unref(spool->watermarks);
    g_hash_table_unref(spool->lines);
    g_strfreev(spool->relays);
    g_ptr_array_unref(spool->outlets);
    g_mutex_clear(&spool->lock);
    g_mutex_clear(&spool->take_lock);
    g_mutex_clear(&spool->readers_lock);
    g_cond_clear(&spool->reader_free);
    g_cond_clear(&spool->work);
    g_cond_clear(&spool->room);
    g_cond_clear(&spool->arrived);
    g_free(spool->broken_text);
    g_free(spool->directory);
    g_free(spool->path);
    g_free(spool->large_path);
    g_free(spool);
}

int64_t
dsn_spool_now(DsnSpool *spool)
{
    return __atomic_load_n(&spool->epoch, __ATOMIC_RELAXED) + g_get_monotonic_time();
}

int64_t
dsn_spool_safe_now(DsnSpool *spool)
{
    return MIN(dsn_spool_now(spool), g_get_real_time());
}
