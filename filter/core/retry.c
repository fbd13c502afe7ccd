/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/retry.h"

#define DELAY_FIRST (1 * G_TIME_SPAN_SECOND)
#define DELAY_MAX (30 * G_TIME_SPAN_SECOND)

bool
dsn_retry_later(DsnRetry *retry, const char *problem)
{
    bool news = g_strcmp0(retry->problem, problem) != 0;

    if (news) {
        g_free(retry->problem);
        retry->problem = g_strdup(problem);
    }
    retry->delay = retry->delay == 0 ? DELAY_FIRST : MIN(2 * retry->delay, DELAY_MAX);
    retry->due = g_get_monotonic_time() + retry->delay;
    return news;
}

bool
dsn_retry_end(DsnRetry *retry)
{
    bool had = retry->problem != NULL;

    g_free(retry->problem);
    *retry = (DsnRetry){.problem = NULL};
    return had;
}
