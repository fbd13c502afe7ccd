/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tailer-batch.h - records of log segments on their way into the pipeline
 *
 * Purpose:   gather what is wanted of the lines of several files, and hand it in with the place
 *            behind it.
 * Source:    dsnarf(8), "Following log segments".
 * Ownership: the batch borrows the pipeline; lines and names are copied.
 * Errors:    those of the pipeline.
 * Threads:   one thread at a time.
 */
#ifndef DSN_INTAKE_TAILER_BATCH_H
#define DSN_INTAKE_TAILER_BATCH_H

#include "filter/intake/tailer-place.h"
#include "filter/pipeline/pipeline.h"

typedef struct DsnTailerBatch DsnTailerBatch;

/* @place_name is under which the spool keeps the place. */
DsnTailerBatch *dsn_tailer_batch_new(DsnPipeline *pipeline, const char *place_name);
void dsn_tailer_batch_free(DsnTailerBatch *batch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnTailerBatch, dsn_tailer_batch_free)

/* Adds the record of line @number in @path, if something here wants it. */
void dsn_tailer_batch_add(DsnTailerBatch *batch, DsnSpan record, const char *path, uint64_t number);

bool dsn_tailer_batch_is_empty(const DsnTailerBatch *batch);
bool dsn_tailer_batch_is_full(const DsnTailerBatch *batch);

/* Hands it in, with @place, and empties it. After a failure it is as it was, to be tried again. */
bool dsn_tailer_batch_flush(DsnTailerBatch *batch, const DsnTailerPlace *place, GError **error);

#endif
