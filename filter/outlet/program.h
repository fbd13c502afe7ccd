/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * program.h - records to a program that answers each
 *
 * Purpose:   keep a program running, give it records as lines of JSON, and do with each what it
 *            says: "OK", "4xx" for later, "5xx" for never.
 * Source:    dsnarf(8), "Programs"; dsnarf.toml(5), [program.NAME].
 * Ownership: the outlet borrows spool, metrics and options until it is stopped.
 * Errors:    at the start: what does not compile; all others are logged, and the program is started
 *            again.
 * Threads:   one.
 *
 * A record is given again until it was answered and the answer is in the spool: at least once. One
 * that the program fails at when it has no other is a dead letter after a few times.
 */
#ifndef DSN_OUTLET_PROGRAM_H
#define DSN_OUTLET_PROGRAM_H

#include "filter/core/configuration.h"
#include "filter/pipeline/spool.h"

typedef struct DsnProgram DsnProgram;

/* The name that the spool knows the outlet by: "program:NAME" (transfer full). */
char *dsn_program_outlet_name(const DsnProgramOptions *options);

/* The spool has to know the outlet (dsn_spool_set_outlets()). */
DsnProgram *dsn_program_start(DsnSpool *spool, DsnMetrics *metrics,
                              const DsnProgramOptions *options, GError **error);

/* Gives it no more records, and lets it answer those that it has. Does not wait. */
void dsn_program_finish(DsnProgram *program);

/* The same, and waits until the program has ended, or was ended. */
void dsn_program_stop(DsnProgram *program);

#endif
