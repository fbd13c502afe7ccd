/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * files.h - files as they lie on disk
 *
 * Purpose:   open and read what may be a mail file, and refuse what is none.
 * Source:    open(2), read(2).
 * Ownership: see each function.
 * Errors:    G_FILE_ERROR, without the name of the file.
 * Threads:   reentrant.
 */
#ifndef DSN_INTAKE_FILES_H
#define DSN_INTAKE_FILES_H

#include "mime/span.h"

#include <sys/stat.h>

/* Sets @error from errno. */
void dsn_file_error(GError **error);

/* read(2), repeated when a signal interrupts it. -1: @error says why. */
gssize dsn_fd_read(int fd, char *buffer, size_t size, GError **error);

/* Appends what follows in @fd, no more than @max bytes of it. @size is the number of bytes to
 * expect: it saves a read when it is right and costs nothing when it is wrong. */
bool dsn_fd_read_all(int fd, size_t size, size_t max, GString *buffer, GError **error);

/* Opens a regular file or a pipe. Returns the descriptor (transfer full), or -1 and @error. */
int dsn_file_open(const char *path, struct stat *ret_status, GError **error);

/* Reads the regular file @path, no more than @max bytes of it, into @buffer (appended). */
bool dsn_file_read(const char *path, size_t max, GString *buffer, struct stat *ret_status,
                   GError **error);

/* False and an @error when @start, the first bytes of a file, says that the file is compressed. */
bool dsn_file_is_plain(DsnSpan start, GError **error);

#endif
