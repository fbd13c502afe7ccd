/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * directory-watch.h - what happens to the files of a directory
 *
 * Purpose:   tell which files were written to, and when all have to be looked at.
 * Source:    inotify(7).
 * Ownership: the watch owns its descriptors.
 * Errors:    none: without inotify, the caller looks from time to time.
 * Threads:   one thread, but for the stop.
 */
#ifndef DSN_INTAKE_DIRECTORY_WATCH_H
#define DSN_INTAKE_DIRECTORY_WATCH_H

#include <glib.h>
#include <stdbool.h>

typedef struct DsnDirectoryWatch DsnDirectoryWatch;

typedef enum DsnFileChange {
    DSN_FILE_CAME,    /* it was made here, or moved to here */
    DSN_FILE_CHANGED, /* it was written to, its mode has changed, or it has gone */
    DSN_FILES_LOST    /* nobody knows: look at all of them */
} DsnFileChange;

DsnDirectoryWatch *dsn_directory_watch_new(const char *path);
void dsn_directory_watch_free(DsnDirectoryWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnDirectoryWatch, dsn_directory_watch_free)

/* Watches what is at the path now, which may be another directory than before. True if there is
 * something to say: from now on it cannot be watched, for a reason that errno has. */
bool dsn_directory_watch_renew(DsnDirectoryWatch *watch);

/* Waits until @due (g_get_monotonic_time()), or until something happens and then somewhat longer,
 * for things come in bursts. Calls @each for what has happened; @name is NULL for FILES_LOST. False
 * when it was stopped. */
bool dsn_directory_watch_wait(DsnDirectoryWatch *watch, gint64 due,
                              void (*each)(DsnFileChange change, const char *name, gpointer user),
                              gpointer user);

/* Waits until @due. False when it was stopped. */
bool dsn_directory_watch_sleep(DsnDirectoryWatch *watch, gint64 due);

/* Ends all waits, from any thread. */
void dsn_directory_watch_stop(DsnDirectoryWatch *watch);

#endif
