/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * window.h - a view that moves along a file
 *
 * Purpose:   look at the bytes of a file or pipe piece by piece, with memory for one piece only.
 * Source:    read(2). Not mmap(2): a file that is truncated meanwhile would kill the process, and
 *            pipes have no map.
 * Ownership: the window owns its buffer and borrows the file descriptor.
 * Errors:    G_FILE_ERROR.
 * Threads:   one thread at a time.
 */
#ifndef DSN_INTAKE_WINDOW_H
#define DSN_INTAKE_WINDOW_H

#include "mime/span.h"

typedef struct DsnWindow {
    int fd;
    char *bytes;
    size_t capacity;
    size_t start; /* the view is bytes[start..end) */
    size_t end;
    guint64 read; /* bytes read so far */
    guint64 size; /* of a regular file: saves the read that says "end"; 0 when not known */
    bool ended;   /* nothing follows the view */
} DsnWindow;

void dsn_window_clear(DsnWindow *window);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DsnWindow, dsn_window_clear)

/* Starts over with another file, at its present position, and keeps the buffer. */
void dsn_window_reset(DsnWindow *window, int fd, guint64 size);

/* The bytes in view; valid until the next call of any other function (transfer none). */
DsnSpan dsn_window_view(const DsnWindow *window);

/* Adds at least a byte to the end of the view, or sets ended. False: @error says why. */
bool dsn_window_more(DsnWindow *window, GError **error);

/* Takes @count bytes from the start of the view. */
void dsn_window_drop(DsnWindow *window, size_t count);

/* How much of the file has been read, from 0 to 1; 0 when its size is not known. */
double dsn_window_fraction(const DsnWindow *window);

#endif
