/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/spool-private.h"

#include "filter/core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

void
dsn_spool_set_file_error(GError **error, const char *what, const char *path)
{
    int code = errno;

    g_set_error(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_DISK, "%s: cannot %s: %s", path, what,
                g_strerror(code));
}

bool
dsn_sync_directory(const char *path, GError **error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;

    if (!good)
        dsn_spool_set_file_error(error, "write the directory", path);
    if (fd >= 0)
        (void)close(fd); /* it was only read */
    return good;
}

char *
dsn_large_path(DsnSpool *spool, const char *name)
{
    return g_build_filename(spool->large_path, name, NULL);
}

static bool
write_synced(const char *path, GBytes *bytes, GError **error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    gsize left;
    const char *data = g_bytes_get_data(bytes, &left);
    bool good = fd >= 0;

    while (good && left > 0) {
        ssize_t count = write(fd, data, left);

        if (count < 0 && errno == EINTR)
            continue;
        good = count >= 0;
        if (good) {
            data += count;
            left -= (size_t)count;
        }
    }
    good = good && fsync(fd) == 0;
    if (!good)
        dsn_spool_set_file_error(error, "write", path);
    if (fd >= 0)
        (void)close(fd); /* everything was synced, or it failed already */
    return good;
}

const char *
dsn_large_name(const char *path)
{
    return path == NULL ? NULL : strrchr(path, '/') + 1;
}

bool
dsn_large_write(DsnSpool *spool, GBytes *bytes, char **ret_path, GError **error)
{
    *ret_path = NULL;
    if (bytes == NULL || g_bytes_get_size(bytes) <= spool->large)
        return true;
    g_autofree char *name = g_uuid_string_random();
    *ret_path = dsn_large_path(spool, name);
    return write_synced(*ret_path, bytes, error);
}

/* What would go into the content of @item's entry. */
static GBytes *
content_of(const DsnItem *item)
{
    return item->kind == DSN_ITEM_REJECTED ? item->rejected
           : item->notice == NULL          ? NULL
                                           : item->notice->bytes;
}

bool
dsn_large_write_deposit(DsnSpool *spool, DsnDepositJob *deposit, GError **error)
{
    const GArray *items = deposit->deposit.items;

    for (guint i = 0; i < items->len; i++) {
        char *path;
        bool good =
            dsn_large_write(spool, content_of(&g_array_index(items, DsnItem, i)), &path, error);

        if (path != NULL && deposit->files == NULL) {
            deposit->files = g_ptr_array_new_with_free_func(g_free);
            g_ptr_array_set_size(deposit->files, (gint)items->len);
        }
        if (path != NULL) /* even if it failed: it is removed with the deposit */
            deposit->files->pdata[i] = path;
        if (!good)
            return false;
    }
    return deposit->files == NULL || dsn_sync_directory(spool->large_path, error);
}

static GBytes *
read_file(DsnSpool *spool, const char *name, size_t size, GError **error)
{
    g_autofree char *path = dsn_large_path(spool, name);
    g_autoptr(GError) failure = NULL;
    char *bytes;
    gsize length;

    if (!g_file_get_contents(path, &bytes, &length, &failure)) {
        bool lost = g_error_matches(failure, G_FILE_ERROR, G_FILE_ERROR_NOENT);

        g_set_error_literal(error, DSN_SPOOL_ERROR,
                            lost ? DSN_SPOOL_ERROR_NONE : DSN_SPOOL_ERROR_DISK, failure->message);
        return NULL;
    }
    if (length != size) {
        g_free(bytes);
        g_set_error(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_NONE, "%s: %zu bytes instead of %zu",
                    path, length, size);
        return NULL;
    }
    return g_bytes_new_take(bytes, length);
}

GBytes *
dsn_content_read(DsnSpool *spool, DsnQuery *query, int column, GError **error)
{
    size_t size = (size_t)sqlite3_column_int64(query, column);
    const char *file = (const char *)sqlite3_column_text(query, column + 1);
    const void *bytes = sqlite3_column_blob(query, column + 2);

    if (file != NULL)
        return read_file(spool, file, size, error);
    if ((size_t)sqlite3_column_bytes(query, column + 2) == size)
        return g_bytes_new(bytes, size);
    g_set_error(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_NONE, "%s: the content is not there",
                spool->path);
    return NULL;
}

bool
dsn_large_sweep(DsnSpool *spool, DsnDb *db, GError **error)
{
    g_autoptr(GDir) directory = g_dir_open(spool->large_path, 0, error);
    const char *name;
    unsigned orphans = 0;

    if (directory == NULL)
        return false;
    while ((name = g_dir_read_name(directory)) != NULL) {
        g_autofree char *path = dsn_large_path(spool, name);
        g_autoptr(GError) failure = NULL;
        g_autoptr(DsnQuery) query = dsn_db_query(db, DSN_SQL_HAS_FILE, DSN_VALUES(dsn_text(name)));
        bool known = dsn_query_next(db, query, &failure);
        struct stat status;

        if (failure != NULL) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return false;
        }
        if (!known)
            orphans += unlink(path) == 0;
        else if (stat(path, &status) == 0)
            spool->large_bytes += status.st_size;
    }
    if (orphans > 0)
        dsn_log_event(DSN_LOG_INFO, "spool: %u files of work that was never committed removed",
                      orphans);
    return true;
}
