/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/window.h"

#include "filter/intake/files.h"

/* Large enough that a read costs little beside what it brings, small enough for the cache. */
#define CHUNK ((size_t)128 * 1024)

void
dsn_window_clear(DsnWindow *window)
{
    g_free(window->bytes);
    *window = (DsnWindow){.fd = -1};
}

void
dsn_window_reset(DsnWindow *window, int fd, guint64 size)
{
    window->fd = fd;
    window->start = window->end = 0;
    window->read = 0;
    window->size = size;
    window->ended = false;
}

DsnSpan
dsn_window_view(const DsnWindow *window)
{
    if (window->bytes == NULL)
        return DSN_SPAN_LITERAL("");
    return (DsnSpan){window->bytes + window->start, window->end - window->start};
}

/* Makes room for a chunk behind the view. A view that had to be moved is followed by at least a
 * chunk of new bytes or by a doubled buffer, so the moves stay linear. */
static void
make_room(DsnWindow *window)
{
    if (window->start > 0) {
        memmove(window->bytes, window->bytes + window->start, window->end - window->start);
        window->end -= window->start;
        window->start = 0;
    }
    if (window->capacity - window->end < MAX(CHUNK, window->end)) {
        window->capacity = MAX(2 * CHUNK, 2 * window->capacity);
        window->bytes = g_realloc(window->bytes, window->capacity);
    }
}

bool
dsn_window_more(DsnWindow *window, GError **error)
{
    if (window->capacity - window->end < CHUNK)
        make_room(window);

    gssize count =
        dsn_fd_read(window->fd, window->bytes + window->end, window->capacity - window->end, error);
    if (count < 0)
        return false;
    window->end += (size_t)count;
    window->read += (guint64)count;
    window->ended = count == 0 || window->read == window->size;
    return true;
}

void
dsn_window_drop(DsnWindow *window, size_t count)
{
    g_assert(count <= window->end - window->start);
    window->start += count;
}

double
dsn_window_fraction(const DsnWindow *window)
{
    return window->size == 0 ? 0 : MIN(1, (double)window->read / (double)window->size);
}
