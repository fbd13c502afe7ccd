/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/line-file.h"

#include "filter/core/write-file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* For reading, too: to compare what is there. Non-blocking for a pipe in the file's place. */
#define FLAGS (O_RDWR | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
#define MODE 0640

void
dsn_line_file_init(DsnLineFile *file, const char *path, const DsnLinePlace *place)
{
    *file = (DsnLineFile){.path = g_strdup(path), .fd = -1};
    dsn_line_file_return(file, place);
}

void
dsn_line_file_return(DsnLineFile *file, const DsnLinePlace *place)
{
    file->place = place == NULL ? (DsnLinePlace){0, 0} : *place;
    file->settled = place == NULL;
}

static void
close_file(DsnLineFile *file)
{
    if (file->fd >= 0)
        (void)close(file->fd); /* what mattered was synced */
    file->fd = -1;
}

void
dsn_line_file_clear(DsnLineFile *file)
{
    close_file(file);
    g_clear_pointer(&file->path, g_free);
}

/* Sets @error from errno. */
static bool
failed(const DsnLineFile *file, GError **error)
{
    int code = errno;

    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(code), "%s: %s", file->path,
                g_strerror(code));
    return false;
}

static bool
is_file(const DsnLineFile *file, const struct stat *status, GError **error)
{
    if (S_ISREG(status->st_mode))
        return true;
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: is no regular file", file->path);
    return false;
}

/* ---- what was there before ---- */

/* Looks in the directory for the file with the inode of the place, which a rotation may have given
 * another name. Where we may not look, there is none. */
static bool
find_noted(DsnLineFile *file, GError **error)
{
    g_autofree char *path = g_path_get_dirname(file->path);
    DIR *directory = opendir(path);
    const struct dirent *entry;
    struct stat status;

    if (directory == NULL)
        return errno == EACCES || failed(file, error);
    while (errno = 0, (entry = readdir(directory)) != NULL) {
        if (fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
            status.st_ino != file->place.inode || !S_ISREG(status.st_mode))
            continue;
        file->fd = openat(dirfd(directory), entry->d_name, FLAGS | O_NOFOLLOW);
        break;
    }
    bool good = errno == 0 || failed(file, error);
    (void)closedir(directory);
    return good;
}

/* Opens the file of the place, if there is one. Devices are not compared: their numbers may change
 * when the machine starts, and the content tells whether it is the file. */
static bool
open_noted(DsnLineFile *file, GError **error)
{
    struct stat status;

    if (file->fd >= 0 && fstat(file->fd, &status) == 0 && status.st_ino == file->place.inode)
        return true;
    close_file(file);
    if (stat(file->path, &status) != 0 || status.st_ino != file->place.inode ||
        !S_ISREG(status.st_mode))
        return find_noted(file, error);
    file->fd = open(file->path, FLAGS);
    return file->fd >= 0 || failed(file, error);
}

/* Reads up to @max bytes behind the place. */
static GString *
read_behind(const DsnLineFile *file, size_t max, GError **error)
{
    GString *bytes = g_string_sized_new(max);

    g_string_set_size(bytes, max);
    for (size_t used = 0;;) {
        ssize_t count = pread(file->fd, bytes->str + used, max - used,
                              (off_t)(file->place.offset + (int64_t)used));

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            g_string_set_size(bytes, used);
            if (count == 0)
                return bytes;
            (void)failed(file, error);
            (void)g_string_free(bytes, TRUE);
            return NULL;
        }
        used += (size_t)count;
    }
}

static size_t
common_prefix(DsnSpan a, DsnSpan b)
{
    size_t len = 0;

    while (len < a.len && len < b.len && a.data[len] == b.data[len])
        len++;
    return len;
}

static bool
write_synced(DsnLineFile *file, DsnSpan bytes, GError **error)
{
    file->settled = false;
    if (!dsn_write_all(file->fd, bytes, error)) {
        g_prefix_error(error, "%s: ", file->path);
        return false;
    }
    if (fdatasync(file->fd) == 0)
        return true;
    (void)failed(file, error);
    /* What is in memory need not reach the disk any more: it counts as somebody else's, and the
     * lines are written again. */
    file->settled = true;
    file->place.offset = 0;
    return false;
}

bool
dsn_line_file_settle(DsnLineFile *file, DsnSpan lines, size_t *ret_done, GError **error)
{
    struct stat status;

    *ret_done = 0;
    if (file->settled)
        return true;
    if (!open_noted(file, error))
        return false;
    if (file->fd < 0 || fstat(file->fd, &status) != 0 || status.st_nlink == 0) {
        close_file(file); /* whatever it had, nobody will read it */
        file->settled = true;
        return true;
    }

    g_autoptr(GString) behind = read_behind(file, lines.len + 1, error);
    if (behind == NULL)
        return false;
    size_t same = common_prefix(lines, (DsnSpan){behind->str, behind->len});
    const char *feed = same > 0 ? memrchr(lines.data, '\n', same) : NULL;
    size_t whole = feed == NULL ? 0 : (size_t)(feed - lines.data) + 1;
    DsnSpan rest = {NULL, 0};
    if (same > whole && same == behind->len) { /* the file ends within a line */
        feed = memchr(lines.data + same, '\n', lines.len - same);
        whole = feed == NULL ? lines.len : (size_t)(feed - lines.data) + 1;
        rest = (DsnSpan){lines.data + same, whole - same};
    }
    if (whole > 0 && !write_synced(file, rest, error))
        return false;
    file->place.offset += (int64_t)whole;
    file->settled = whole < lines.len || behind->len <= lines.len;
    *ret_done = whole;
    return true;
}

/* ---- appending ---- */

/* Links are followed, so that the file can lie elsewhere; but not a link that another user made in
 * a directory that we share. */
static bool
is_link_trusted(const DsnLineFile *file, GError **error)
{
    struct stat status;

    if (lstat(file->path, &status) != 0 || !S_ISLNK(status.st_mode) || status.st_uid == 0 ||
        status.st_uid == geteuid())
        return true;
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_LOOP, "%s: is a symbolic link of another user",
                file->path);
    return false;
}

/* A new file gets its rights whatever the umask: others have to read it. */
static int
open_or_make(const char *path)
{
    int fd = open(path, FLAGS | O_CREAT | O_EXCL, MODE);

    if (fd < 0 && errno == EEXIST) /* also a link to what is not there yet */
        return open(path, FLAGS | O_CREAT, MODE);
    if (fd >= 0)
        (void)fchmod(fd, MODE); /* fails where there are no rights */
    return fd;
}

/* Opens the path, and makes sure that a new file's name is on disk. */
static bool
open_path(DsnLineFile *file, struct stat *ret_status, GError **error)
{
    g_autofree char *directory = g_path_get_dirname(file->path);

    close_file(file);
    if (!is_link_trusted(file, error))
        return false;
    file->fd = open_or_make(file->path);
    if (file->fd < 0 || fstat(file->fd, ret_status) != 0) {
        (void)failed(file, error);
        close_file(file);
        return false;
    }
    int directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = is_file(file, ret_status, error);
    if (good && directory_fd >= 0 && fsync(directory_fd) != 0)
        good = failed(file, error);
    if (directory_fd >= 0)
        (void)close(directory_fd);
    if (!good)
        close_file(file);
    return good;
}

/* The file at the path, whatever was done to it since. */
static bool
follow_path(DsnLineFile *file, struct stat *ret_status, GError **error)
{
    struct stat there;

    if (file->fd >= 0 && fstat(file->fd, ret_status) == 0 && stat(file->path, &there) == 0 &&
        there.st_ino == ret_status->st_ino && there.st_dev == ret_status->st_dev)
        return true;
    return open_path(file, ret_status, error);
}

/* A line feed at the end if the file does not have one: behind what others wrote. */
static bool
end_last_line(DsnLineFile *file, int64_t *size, GError **error)
{
    char last = '\n';

    if (*size > 0 && pread(file->fd, &last, 1, (off_t)(*size - 1)) < 0)
        return failed(file, error);
    if (last == '\n')
        return true;
    if (!dsn_write_all(file->fd, DSN_SPAN_LITERAL("\n"), error)) {
        g_prefix_error(error, "%s: ", file->path);
        return false;
    }
    *size += 1;
    return true;
}

bool
dsn_line_file_prepare(DsnLineFile *file, GError **error)
{
    struct stat status;

    if (!follow_path(file, &status, error))
        return false;

    int64_t size = (int64_t)status.st_size;
    if (status.st_ino == file->place.inode && size == file->place.offset)
        return true;
    /* Another file; or it was cut (logrotate's copytruncate); or others write into it. */
    if (!end_last_line(file, &size, error))
        return false;
    file->place = (DsnLinePlace){(guint64)status.st_ino, size};
    return true;
}

bool
dsn_line_file_append(DsnLineFile *file, DsnSpan lines, GError **error)
{
    if (!write_synced(file, lines, error))
        return false;
    file->place.offset += (int64_t)lines.len;
    file->settled = true;
    return true;
}
