/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ingest-place.h - how far a file was read
 *
 * Purpose:   go on in a large file where an earlier run ended, if it is still that file.
 * Source:    dsnarf(1), "ingest".
 * Ownership: said at each function.
 * Errors:    none: a place that does not fit the file is none.
 * Threads:   reentrant.
 *
 * A file is known by its path and its first bytes: one that was rotated away, or that a mail
 * program has written anew, is read from its beginning. What was read before is found to be a
 * duplicate then.
 */
#ifndef DSN_CLI_INGEST_PLACE_H
#define DSN_CLI_INGEST_PLACE_H

#include <glib.h>
#include <stdbool.h>

typedef struct DsnFilePlace {
    guint64 at;     /* where what follows begins: bytes, or lines in a compressed file */
    guint64 number; /* of messages or lines before */
} DsnFilePlace;

/* Under which name the place of @file is kept; NULL for what has none, such as standard input
 * (transfer full). */
char *dsn_file_place_name(const char *file);

/* The place @place of the file @fd of which at least the first @read bytes were read, as it is kept
 * (transfer full). */
char *dsn_file_place_to_text(const DsnFilePlace *place, int fd, guint64 read);

/* The place that @text says (NULL: none), if @fd begins as that file did. */
bool dsn_file_place_from_text(const char *text, int fd, DsnFilePlace *ret_place);

/* True if @expected, of @len bytes, stands at @offset of @fd. */
bool dsn_file_has(int fd, guint64 offset, const char *expected, gsize len);

#endif
