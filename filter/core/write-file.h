/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * write-file.h - bytes to a descriptor, or to a new file
 *
 * Purpose:   write all or say why not; a file appears under its name only when it is complete.
 * Source:    write(2), renameat2(2).
 * Ownership: everything is borrowed.
 * Errors:    G_FILE_ERROR, without the name of the file.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_WRITE_FILE_H
#define DSN_CORE_WRITE_FILE_H

#include "mime/span.h"

/* Writes all of @bytes. A pipe without a reader is G_FILE_ERROR_PIPE where SIGPIPE is ignored. */
bool dsn_write_all(int fd, DsnSpan bytes, GError **error);

/* Makes the file @name in @directory, readable by its owner alone: notices quote mail. Fails with
 * G_FILE_ERROR_EXIST if there is one of that name, which then stays as it is. */
bool dsn_write_new_file(const char *directory, const char *name, DsnSpan bytes, GError **error);

#endif
