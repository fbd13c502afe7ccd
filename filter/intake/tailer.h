/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tailer.h - log segments that are followed as they are written
 *
 * Purpose:   read the records in the files of a directory into the pipeline, each once.
 * Source:    dsnarf(8), "Following log segments"; KumoMTA's configure_local_logs and its tailers.
 * Ownership: the tailer borrows the pipeline until it is stopped.
 * Errors:    none at the start: whatever is wrong is logged and tried again.
 * Threads:   one of its own.
 *
 * How far it has read is kept in the spool, in the same commit as what the records have left there.
 * A file that is wrong is in no other's way.
 */
#ifndef DSN_INTAKE_TAILER_H
#define DSN_INTAKE_TAILER_H

#include "filter/pipeline/pipeline.h"

typedef struct DsnTailer DsnTailer;

DsnTailer *dsn_tailer_start(DsnPipeline *pipeline, const DsnTailerOptions *options);
void dsn_tailer_stop(DsnTailer *tailer);

/* How far it is behind, as of its last look at the directory. */
typedef struct DsnTailerLag {
    guint64 bytes;  /* that were not read, as they lie on disk */
    int64_t oldest; /* when the first file with such bytes was written to, unix seconds; 0: none */
} DsnTailerLag;

void dsn_tailer_lag(const DsnTailer *tailer, DsnTailerLag *ret_lag);

#endif
