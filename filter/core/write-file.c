/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/write-file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <unistd.h>

static void
set_error(GError **error)
{
    int code = errno;

    g_set_error_literal(error, G_FILE_ERROR, (gint)g_file_error_from_errno(code), g_strerror(code));
}

bool
dsn_write_all(int fd, DsnSpan bytes, GError **error)
{
    while (bytes.len > 0) {
        ssize_t count = write(fd, bytes.data, bytes.len);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            set_error(error);
            return false;
        }
        bytes = dsn_span_from(bytes, (size_t)count);
    }
    return true;
}

/* Not every file system can rename without replacing; all but the simplest can link. */
static bool
move_to_new(const char *from, const char *to, GError **error)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return true;
    if ((errno == EINVAL || errno == ENOSYS) && link(from, to) == 0) {
        (void)g_unlink(from); /* a second name that stays does no harm */
        return true;
    }
    set_error(error);
    return false;
}

bool
dsn_write_new_file(const char *directory, const char *name, DsnSpan bytes, GError **error)
{
    g_autofree char *final = g_build_filename(directory, name, NULL);
    g_autofree char *temporary = g_build_filename(directory, ".dsnarf-XXXXXX", NULL);

    int fd = g_mkstemp_full(temporary, O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0) {
        set_error(error);
        return false;
    }
    bool good = dsn_write_all(fd, bytes, error);
    if (close(fd) != 0 && good) { /* NFS and quotas speak up only here */
        set_error(error);
        good = false;
    }
    good = good && move_to_new(temporary, final, error);
    if (!good)
        (void)g_unlink(temporary); /* the first error is the one that matters */
    return good;
}
