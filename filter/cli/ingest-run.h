/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ingest-run.h - everything under some paths, through the pipeline once
 *
 * Purpose:   read, bring, count and remember how far it went.
 * Source:    dsnarf(1), "ingest".
 * Ownership: borrows what its options name.
 * Errors:    told on standard error; the outcome says whether there were any.
 * Threads:   as many as there are seats but two; see DSN_INGEST_SEATS.
 *
 * Messages are brought by all threads at the same time: they are independent of each other. Records
 * are brought one piece after another, because one can say what became of an earlier one; each
 * piece and the place behind it are one commit.
 */
#ifndef DSN_CLI_INGEST_RUN_H
#define DSN_CLI_INGEST_RUN_H

#include <stdio.h>

#include "filter/core/configuration.h"
#include "filter/daemon/ingest-client.h"

/* Seats that @n_jobs need: one for records, and one for places. */
#define DSN_INGEST_SEATS(n_jobs) ((n_jobs) + 2)

/* What files are. */
typedef enum DsnIngestKind {
    DSN_INGEST_ANY,
    DSN_INGEST_MESSAGES,
    DSN_INGEST_RECORDS
} DsnIngestKind;

typedef struct DsnIngestOptions {
    DsnIngestClient *client;
    const DsnConfiguration *configuration;
    const char *const *paths;
    DsnIngestKind kind;
    bool again;   /* places of earlier runs do not count */
    bool dry_run; /* what becomes of each item is printed */
    unsigned n_jobs;
    FILE *aside;      /* JSON lines for what could not be taken; NULL: none */
    const gint *stop; /* not 0: take nothing more (atomic) */
} DsnIngestOptions;

/* What became of all. */
typedef struct DsnIngestOutcome {
    DsnIngested messages;
    DsnIngested elements;
    guint64 n_messages; /* read */
    guint64 rejected;   /* elements */
    guint64 troubles;
    guint64 resumed; /* files that were read on */
    bool failed;     /* it ended too early; why was said */
} DsnIngestOutcome;

void dsn_ingest_outcome_clear(DsnIngestOutcome *outcome);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DsnIngestOutcome, dsn_ingest_outcome_clear)

void dsn_ingest_run(const DsnIngestOptions *options, DsnIngestOutcome *ret_outcome);

#endif
