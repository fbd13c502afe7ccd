/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * governor.h - how many notices may go out
 *
 * Purpose:   limit the rate of notices to one sender, for one poster, and overall.
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
    size_t poster;
} DsnRates;

/* Takes one notice to @sender by @poster (may be NULL) out of every bucket, or, when one is empty,
 * out of none and says false. @now in monotonic microseconds. */
bool dsn_governor_admit(DsnGovernor *governor, const DsnRates *rates, DsnSpan sender,
                        const char *poster, int64_t now);

/* Gives back what was admitted for a notice that was not made in the end. */
void dsn_governor_return(DsnGovernor *governor, const DsnRates *rates, DsnSpan sender,
                         const char *poster);

#endif
