/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * retry.h - something that could not be done, and is tried again
 *
 * Purpose:   say when it is tried again, and tell once what is wrong.
 * Source:    none.
 * Ownership: all zeros mean that nothing is wrong; what is wrong is owned until it ends.
 * Errors:    none.
 * Threads:   one thread at a time.
 */
#ifndef DSN_CORE_RETRY_H
#define DSN_CORE_RETRY_H

#include <glib.h>
#include <stdbool.h>

typedef struct DsnRetry {
    char *problem; /* NULL: nothing is wrong */
    GTimeSpan delay;
    gint64 due; /* g_get_monotonic_time() */
} DsnRetry;

/* It failed: says when to try again, at ever longer intervals. True if there is something to tell:
 * the problem is new, or another. */
bool dsn_retry_later(DsnRetry *retry, const char *problem);

/* It is done, or given up. True if something was wrong. */
bool dsn_retry_end(DsnRetry *retry);

#endif
