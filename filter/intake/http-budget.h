/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http-budget.h - memory that all requests share
 *
 * Purpose:   keep the bodies of all requests together under http.memory.
 * Source:    dsnarf(8), "Overload".
 * Ownership: a lease belongs to one request and is given back as a whole.
 * Errors:    none: there is memory, or there is not.
 * Threads:   any.
 *
 * Requests grow while others do, so all could stand half read and wait for each other for ever.
 * Against that, room for one request of the largest size is set aside: the first that finds the
 * rest used up gets it, and as it will come to its end, so will all.
 */
#ifndef DSN_INTAKE_HTTP_BUDGET_H
#define DSN_INTAKE_HTTP_BUDGET_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct DsnHttpBudget DsnHttpBudget;

DsnHttpBudget *dsn_http_budget_new(void);
void dsn_http_budget_free(DsnHttpBudget *budget);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnHttpBudget, dsn_http_budget_free)

/* From now on: @limit bytes for all, of which @largest are set aside. */
void dsn_http_budget_set(DsnHttpBudget *budget, size_t limit, size_t largest);

/* What one request has. */
typedef struct DsnHttpLease {
    DsnHttpBudget *budget;
    size_t bytes; /* that count */
} DsnHttpLease;

/* Takes @bytes more; while there are none it waits until @until (g_get_monotonic_time(), 0: not at
 * all). */
bool dsn_http_lease_take(DsnHttpLease *lease, size_t bytes, int64_t until);

/* Gives back all but @keep bytes. */
void dsn_http_lease_shrink(DsnHttpLease *lease, size_t keep);

/* Gives back everything. */
void dsn_http_lease_end(DsnHttpLease *lease);

#endif
