/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * governor.h - how many notices may go out
 *
 * Purpose:   limit the rate of notices to one sender, to one domain, for one poster, and overall.
 * Source:    rule ENV-22.
 * Ownership: the governor owns its buckets.
 * Errors:    none.
 * Threads:   any; one lock, held for a look-up.
 *
 * Each limit is a token bucket that holds an hour's worth and fills evenly. The number of buckets
 * is bounded: full ones are forgotten, since a new one is full too, and then the fullest. Addresses
 * that differ only in the case of letters are one sender.
 */
#ifndef DSN_CORE_GOVERNOR_H
#define DSN_CORE_GOVERNOR_H

#include "mime/span.h"

#include <stdint.h>

typedef struct DsnGovernor DsnGovernor;

DsnGovernor *dsn_governor_new(void);
void dsn_governor_free(DsnGovernor *governor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnGovernor, dsn_governor_free)

/* Notices an hour; 0: no limit. */
typedef struct DsnRates {
    size_t overall;
    size_t sender;
    size_t domain; /* to all addresses of one domain */
    size_t poster;
} DsnRates;

/* A bucket as it is kept beyond the life of the process. */
typedef struct DsnBucket {
    char *name;
    double tokens; /* the part of an hour's worth that it held, from 0 to 1 */
    int64_t time;  /* when, in unix microseconds */
} DsnBucket;

void dsn_bucket_clear(DsnBucket *bucket);

/* The buckets that have changed since this was last asked (of DsnBucket, which it clears; transfer
 * full), NULL for none, or when that was less than @interval ago. */
GArray *dsn_governor_changed(DsnGovernor *governor, GTimeSpan interval);

/* Takes over @buckets (of DsnBucket) of an earlier process, before anything is admitted. What is
 * from the future, by a clock that was set since, is from now. */
void dsn_governor_restore(DsnGovernor *governor, const GArray *buckets);

/* Takes one notice to @sender by @poster (may be NULL) out of every bucket and returns NULL, or,
 * when one is empty, out of none and returns the option that is its rate (transfer none). @now in
 * monotonic microseconds. */
const char *dsn_governor_admit(DsnGovernor *governor, const DsnRates *rates, DsnSpan sender,
                               const char *poster, int64_t now);

/* Gives back what was admitted for a notice that was not made in the end. */
void dsn_governor_return(DsnGovernor *governor, const DsnRates *rates, DsnSpan sender,
                         const char *poster);

#endif
