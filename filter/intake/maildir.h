/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * maildir.h - the files of a Maildir
 *
 * Purpose:   read and settle what is in new/, and deliver into it.
 * Source:    https://cr.yp.to/proto/maildir.html
 * Ownership: said at each function.
 * Errors:    G_FILE_ERROR: with the directory's path where that is wrong, without the file's name
 *            where the file is.
 * Threads:   an open Maildir may be used by several threads at the same time.
 */
#ifndef DSN_INTAKE_MAILDIR_H
#define DSN_INTAKE_MAILDIR_H

#include "mime/span.h"

typedef struct DsnMaildir {
    int tmp_fd;
    int new_fd;
    int cur_fd;
} DsnMaildir;

#define DSN_MAILDIR_CLOSED ((DsnMaildir){-1, -1, -1})

/* Opens the Maildir at @path, in which files can be renamed and removed. */
bool dsn_maildir_open(const char *path, DsnMaildir *ret_maildir, GError **error);
void dsn_maildir_close(DsnMaildir *maildir);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DsnMaildir, dsn_maildir_close)

/* Appends the names of @max files in new/ that @wanted says yes to, those that sort first, sorted
 * (of char *, transfer full). *@ret_more: there are others. Files with a dot before their names are
 * nobody's. */
bool dsn_maildir_list(const DsnMaildir *maildir, guint max,
                      bool (*wanted)(const char *name, gpointer user), gpointer user,
                      GPtrArray *ret_names, bool *ret_more, GError **error);

/* Appends up to @max bytes of new/@name to @buffer. Only regular files are read, links are not
 * followed: who may write here might otherwise have us read, and say, what is in other files. */
bool dsn_maildir_read(const DsnMaildir *maildir, const char *name, size_t max, GString *buffer,
                      GError **error);

/* Removes new/@name; no error if it is not there any more. */
bool dsn_maildir_remove(const DsnMaildir *maildir, const char *name, GError **error);

/* Moves new/@name to cur/, with the flag of a message that was read if it is @seen. Flags that it
 * has stay, and so does whatever has the same name there. */
bool dsn_maildir_move(const DsnMaildir *maildir, const char *name, bool seen, GError **error);

/* Delivers @top and @message (CRLF becomes LF) to new/, and returns when that is on disk. */
bool dsn_maildir_deliver(const DsnMaildir *maildir, DsnSpan top, DsnSpan message, GError **error);

#endif
