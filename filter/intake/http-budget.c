/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/http-budget.h"

struct DsnHttpBudget {
    GMutex lock;
    GCond given;
    size_t shared; /* what is not set aside */
    size_t used;
    const DsnHttpLease *favoured; /* has what is set aside; NULL: nobody */
};

DsnHttpBudget *
dsn_http_budget_new(void)
{
    DsnHttpBudget *budget = g_new0(DsnHttpBudget, 1);

    g_mutex_init(&budget->lock);
    g_cond_init(&budget->given);
    return budget;
}

void
dsn_http_budget_free(DsnHttpBudget *budget)
{
    if (budget == NULL)
        return;
    g_mutex_clear(&budget->lock);
    g_cond_clear(&budget->given);
    g_free(budget);
}

void
dsn_http_budget_set(DsnHttpBudget *budget, size_t limit, size_t largest)
{
    g_mutex_lock(&budget->lock);
    budget->shared = limit > largest ? limit - largest : 0;
    g_mutex_unlock(&budget->lock);
}

static bool
take_now(DsnHttpBudget *budget, DsnHttpLease *lease, size_t bytes)
{
    if (budget->used <= budget->shared && bytes <= budget->shared - budget->used) {
        budget->used += bytes;
        lease->bytes += bytes;
        return true;
    }
    if (budget->favoured == NULL)
        budget->favoured = lease;
    return budget->favoured == lease;
}

bool
dsn_http_lease_take(DsnHttpLease *lease, size_t bytes, int64_t until)
{
    DsnHttpBudget *budget = lease->budget;
    bool taken;

    g_mutex_lock(&budget->lock);
    do
        taken = take_now(budget, lease, bytes);
    while (!taken && until != 0 && g_cond_wait_until(&budget->given, &budget->lock, until));
    g_mutex_unlock(&budget->lock);
    return taken;
}

static void
give(DsnHttpLease *lease, size_t keep, bool end)
{
    DsnHttpBudget *budget = lease->budget;

    g_mutex_lock(&budget->lock);
    if (lease->bytes > keep) {
        budget->used -= lease->bytes - keep;
        lease->bytes = keep;
    }
    if (end && budget->favoured == lease)
        budget->favoured = NULL;
    g_cond_broadcast(&budget->given);
    g_mutex_unlock(&budget->lock);
}

void
dsn_http_lease_shrink(DsnHttpLease *lease, size_t keep)
{
    give(lease, keep, false);
}

void
dsn_http_lease_end(DsnHttpLease *lease)
{
    give(lease, 0, true);
}
