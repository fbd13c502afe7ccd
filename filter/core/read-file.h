/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * read-file.h - a small file, whole
 *
 * Purpose:   read configuration and secrets without trusting their size.
 * Source:    none.
 * Ownership: the text is the caller's.
 * Errors:    G_FILE_ERROR with a text without the file's name.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_READ_FILE_H
#define DSN_CORE_READ_FILE_H

#include <glib.h>
#include <stddef.h>

/* Reads @path, a file, pipe or device of no more than @max bytes. Returns the text (transfer full),
 * its length in *@ret_length and a NUL behind it, or NULL and @error. */
char *dsn_read_file(const char *path, size_t max, size_t *ret_length, GError **error);

#endif
