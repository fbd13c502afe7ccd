/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * message-jobs.h - something done with every message under some paths
 *
 * Purpose:   read messages, hand each to one of several threads, print in the order of input.
 * Source:    dsnarf(1), "parse" and "lint".
 * Ownership: workers and tallies are made, used and freed through the caller's functions.
 * Errors:    what cannot be read or written is told on standard error, and the run has failed.
 * Threads:   read runs in all threads, each with its own worker; take in one at a time.
 */
#ifndef DSN_CLI_MESSAGE_JOBS_H
#define DSN_CLI_MESSAGE_JOBS_H

#include "filter/intake/messages.h"

typedef struct DsnMessageJobs {
    gpointer (*worker_new)(gpointer user); /* what a thread needs for itself */
    void (*worker_free)(gpointer worker);
    gpointer (*tally_new)(void); /* what is counted of some messages */
    void (*tally_free)(gpointer tally);

    /* Does its work with one message: whole lines for standard output are appended to @lines. */
    void (*read)(gpointer user, gpointer worker, const DsnIncoming *item, DsnSpan message,
                 GString *lines, gpointer tally);

    /* Adds @tally to what @user has, and empties it; in order of input. */
    void (*take)(gpointer user, gpointer tally);
} DsnMessageJobs;

/* Does it with all messages under @paths (standard input when NULL), no more than @max bytes of
 * each. False if something failed. */
bool dsn_message_jobs_run(const DsnMessageJobs *jobs, const char *const *paths, size_t max,
                          unsigned n_jobs, gpointer user);

#endif
