/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * progress.h - how far long work is
 *
 * Purpose:   a line with a bar on standard error, redrawn in place.
 * Source:    dsnarf(1): only on a terminal, only after a second.
 * Ownership: the progress owns nothing but itself.
 * Errors:    none.
 * Threads:   one thread at a time.
 */
#ifndef DSN_CLI_PROGRESS_H
#define DSN_CLI_PROGRESS_H

#include <glib.h>

typedef struct DsnProgress DsnProgress;

/* @unit is the plural of what is counted. Draws nothing unless standard error is a terminal that
 * can move its cursor; nor if standard output is one, where the data themselves show the progress.
 */
DsnProgress *dsn_progress_new(const char *unit);

/* The same for a command that prints nothing else meanwhile: on any such terminal. */
DsnProgress *dsn_progress_new_alone(const char *unit);
void dsn_progress_free(DsnProgress *progress);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnProgress, dsn_progress_free)

/* @fraction from 0 to 1 is done, and @count things so far. Draws at most ten times a second. */
void dsn_progress_update(DsnProgress *progress, double fraction, guint64 count);

/* Wipes the line, before something else is written there or when the work is done. */
void dsn_progress_hide(DsnProgress *progress);

#endif
