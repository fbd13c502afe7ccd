/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/read-file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdbool.h>
#include <unistd.h>

static char *
fail(GError **error)
{
    int code = errno;

    g_set_error_literal(error, G_FILE_ERROR, (gint)g_file_error_from_errno(code), g_strerror(code));
    return NULL;
}

/* Appends up to @max bytes. */
static bool
read_some(int descriptor, size_t max, GByteArray *text)
{
    guint8 chunk[16 * 1024];

    while (text->len < max) {
        ssize_t got = read(descriptor, chunk, MIN(sizeof(chunk), max - text->len));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0)
            break;
        g_byte_array_append(text, chunk, (guint)got);
    }
    return true;
}

char *
dsn_read_file(const char *path, size_t max, size_t *ret_length, GError **error)
{
    int descriptor = g_open(path, O_RDONLY | O_CLOEXEC, 0);

    if (descriptor < 0)
        return fail(error);

    g_autoptr(GByteArray) text = g_byte_array_new();
    bool read = read_some(descriptor, max + 1, text);
    int code = errno;
    g_close(descriptor, NULL);
    errno = code;
    if (!read)
        return fail(error);
    if (text->len > max) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "larger than %zu bytes", max);
        return NULL;
    }
    *ret_length = text->len;
    g_byte_array_append(text, (const guint8 *)"", 1);
    return (char *)g_byte_array_free(g_steal_pointer(&text), FALSE);
}
