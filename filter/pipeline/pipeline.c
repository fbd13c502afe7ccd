/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/pipeline-private.h"

static void
clear_bucket(gpointer data)
{
    dsn_bucket_clear(data);
}

/* What was admitted before the start counts on. */
static void
restore_buckets(DsnPipeline *pipeline)
{
    g_autoptr(GArray) buckets = g_array_new(FALSE, FALSE, sizeof(DsnBucket));
    g_autoptr(GError) error = NULL;

    g_array_set_clear_func(buckets, clear_bucket);
    if (dsn_spool_load_buckets(pipeline->spool, buckets, &error))
        dsn_governor_restore(pipeline->governor, buckets);
    else
        dsn_log_event(DSN_LOG_WARNING, "rates of notices start anew: %s", error->message);
}

/* Deposits carry them once a second: this is the rest. */
static void
save_buckets(DsnPipeline *pipeline)
{
    g_autoptr(DsnDeposit) deposit = dsn_deposit_new(true);

    deposit->buckets = dsn_governor_changed(pipeline->governor, 0);
    if (deposit->buckets == NULL)
        return;
    dsn_spool_submit(pipeline->spool, deposit);
    (void)dsn_spool_wait(pipeline->spool, deposit, -1);
    if (deposit->error != NULL)
        dsn_log_event(DSN_LOG_WARNING, "rates of notices are not kept: %s",
                      deposit->error->message);
}

DsnPipeline *
dsn_pipeline_new(DsnSpool *spool, DsnMetrics *metrics, DsnPolicy *policy)
{
    DsnPipeline *pipeline = g_new0(DsnPipeline, 1);

    pipeline->spool = spool;
    pipeline->metrics = metrics;
    pipeline->governor = dsn_governor_new();
    g_mutex_init(&pipeline->lock);
    pipeline->policy = dsn_policy_ref(policy);
    restore_buckets(pipeline);
    return pipeline;
}

void
dsn_pipeline_free(DsnPipeline *pipeline)
{
    if (pipeline == NULL)
        return;
    save_buckets(pipeline);
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

void
dsn_pipeline_set_captures(DsnPipeline *pipeline, DsnCaptures *captures)
{
    pipeline->captures = captures;
}

DsnCaptures *
dsn_pipeline_captures(DsnPipeline *pipeline)
{
    return pipeline->captures;
}

static void
clear_line(gpointer data)
{
    DsnSpoolLine *line = data;

    g_bytes_unref(line->json);
    g_free(line->subject);
}

GArray *
dsn_lines_new(void)
{
    GArray *lines = g_array_new(FALSE, FALSE, sizeof(DsnSpoolLine));

    g_array_set_clear_func(lines, clear_line);
    return lines;
}
