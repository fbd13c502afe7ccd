/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/pipeline-private.h"

DsnPipeline *
dsn_pipeline_new(DsnSpool *spool, DsnMetrics *metrics, DsnPolicy *policy)
{
    DsnPipeline *pipeline = g_new0(DsnPipeline, 1);

    pipeline->spool = spool;
    pipeline->metrics = metrics;
    pipeline->governor = dsn_governor_new();
    g_mutex_init(&pipeline->lock);
    pipeline->policy = dsn_policy_ref(policy);
    return pipeline;
}

void
dsn_pipeline_free(DsnPipeline *pipeline)
{
    if (pipeline == NULL)
        return;
    dsn_governor_free(pipeline->governor);
    dsn_policy_unref(pipeline->policy);
    g_mutex_clear(&pipeline->lock);
    g_free(pipeline);
}

DsnPolicy *
dsn_pipeline_policy(DsnPipeline *pipeline)
{
    g_mutex_lock(&pipeline->lock);
    DsnPolicy *policy = dsn_policy_ref(pipeline->policy);
    g_mutex_unlock(&pipeline->lock);
    return policy;
}

void
dsn_pipeline_set_policy(DsnPipeline *pipeline, DsnPolicy *policy)
{
    dsn_policy_ref(policy);
    g_mutex_lock(&pipeline->lock);
    DsnPolicy *old = pipeline->policy;
    pipeline->policy = policy;
    g_mutex_unlock(&pipeline->lock);
    dsn_policy_unref(old); /* outside of the lock: it may be a lot to free */
}

DsnSpool *
dsn_pipeline_spool(DsnPipeline *pipeline)
{
    return pipeline->spool;
}

DsnMetrics *
dsn_pipeline_metrics(DsnPipeline *pipeline)
{
    return pipeline->metrics;
}

static void
clear_line(gpointer data)
{
    g_bytes_unref(((DsnSpoolLine *)data)->json);
}

GArray *
dsn_lines_new(void)
{
    GArray *lines = g_array_new(FALSE, FALSE, sizeof(DsnSpoolLine));

    g_array_set_clear_func(lines, clear_line);
    return lines;
}
