/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/files.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

void
dsn_file_error(GError **error)
{
    int code = errno;

    g_set_error_literal(error, G_FILE_ERROR, (gint)g_file_error_from_errno(code), g_strerror(code));
}

gssize
dsn_fd_read(int fd, char *buffer, size_t size, GError **error)
{
    gssize count;

    do
        count = read(fd, buffer, size);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        dsn_file_error(error);
    return count;
}

bool
dsn_fd_read_all(int fd, size_t size, size_t max, GString *buffer, GError **error)
{
    size_t start = buffer->len;
    size_t room = MIN(size, max);

    while (buffer->len - start < max) {
        size_t used = buffer->len - start;
        if (used >= room)
            room = MIN(max, MAX(2 * room, 64 * 1024));
        g_string_set_size(buffer, start + room);

        gssize count = dsn_fd_read(fd, buffer->str + start + used, room - used, error);
        g_string_set_size(buffer, start + used + (count > 0 ? (size_t)count : 0));
        if (count < 0)
            return false;
        if (count == 0 || used + (size_t)count == size)
            break;
    }
    return true;
}

/* @pipes: a named pipe will do, too. */
static bool
is_readable_kind(mode_t mode, bool pipes, GError **error)
{
    if (S_ISREG(mode) || (pipes && S_ISFIFO(mode)))
        return true;
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s",
                S_ISDIR(mode) ? "is a directory" : "is neither a file, a directory nor a pipe");
    return false;
}

/* The kind is looked at before the file is opened, because opening a device can act on it, and
 * again after, because the file can be another one by then. */
static int
open_kind(const char *path, int flags, bool pipes, struct stat *ret_status, GError **error)
{
    struct stat status;

    int fd = g_open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | flags, 0);
    if (fd < 0 || fstat(fd, &status) != 0)
        dsn_file_error(error);
    else if (is_readable_kind(status.st_mode, pipes, error)) {
        *ret_status = status;
        return fd;
    }
    if (fd >= 0)
        (void)close(fd); /* read only: nothing can be lost */
    return -1;
}

int
dsn_file_open(const char *path, struct stat *ret_status, GError **error)
{
    struct stat status;

    if (stat(path, &status) != 0) {
        dsn_file_error(error);
        return -1;
    }
    if (!is_readable_kind(status.st_mode, true, error))
        return -1;
    return open_kind(path, 0, true, ret_status, error);
}

bool
dsn_file_is_plain(DsnSpan start, GError **error)
{
    static const struct {
        DsnSpan magic;
        const char *program;
    } formats[] = {
        {DSN_SPAN_LITERAL("\x1f\x8b"), "gzip"},
        {DSN_SPAN_LITERAL("\x28\xb5\x2f\xfd"), "zstd"},
        {DSN_SPAN_LITERAL("\xfd"
                          "7zXZ"),
         "xz"},
        {DSN_SPAN_LITERAL("BZh"), "bzip2"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        DsnSpan magic = formats[i].magic;

        if (start.len < magic.len || memcmp(start.data, magic.data, magic.len) != 0)
            continue;
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "is compressed; \"%s -dc FILE\" gives what can be read here",
                    formats[i].program);
        return false;
    }
    return true;
}

bool
dsn_file_read(const char *path, size_t max, GString *buffer, struct stat *ret_status,
              GError **error)
{
    size_t start = buffer->len;
    struct stat status;

    /* O_NONBLOCK: a pipe that took the file's name must not hold us. */
    int fd = open_kind(path, O_NONBLOCK, false, &status, error);
    if (fd < 0)
        return false;
    bool good = dsn_fd_read_all(fd, (size_t)status.st_size, max, buffer, error) &&
                dsn_file_is_plain((DsnSpan){buffer->str + start, buffer->len - start}, error);
    (void)close(fd); /* read only: nothing can be lost */
    if (good)
        *ret_status = status;
    else
        g_string_truncate(buffer, start);
    return good;
}
