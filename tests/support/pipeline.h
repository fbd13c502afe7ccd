/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pipeline.h - a pipeline over a spool in a temporary folder, and records for it
 *
 * Purpose:   what the tests of the pipeline share.
 * RFC:       none.
 * Ownership: the fixture owns what is in it.
 * Errors:    fail the running test.
 * Threads:   none, unless the pipeline says otherwise.
 */
#ifndef DSN_TESTS_PIPELINE_H
#define DSN_TESTS_PIPELINE_H

#include "filter/pipeline/pipeline.h"
#include "tests/support/spool.h"

typedef struct DsnTestPipeline {
    DsnTestSpool spool;
    DsnPolicy *policy;
    DsnPipeline *pipeline;
    DsnPoster poster; /* bound to nothing */
    int64_t now;      /* of its records, unix seconds */
} DsnTestPipeline;

/* Notices go to senders at shop.example, whoever posts, and at once; and an outlet takes records of
 * the types that
 * @outlet_types lists as TOML ("\"Bounce\", \"OOB\"", "" for no outlet). @more is TOML that goes on
 * in [notice]. */
void dsn_test_pipeline_init(DsnTestPipeline *test, const char *outlet_types, const char *more);
void dsn_test_pipeline_clear(DsnTestPipeline *test);

/* Another policy from now on. */
void dsn_test_configure(DsnTestPipeline *test, const char *outlet_types, const char *more);

/* A Bounce of a minute ago as one line, changed by the JSON object @changes (transfer full). */
char *dsn_test_record(const DsnTestPipeline *test, const char *changes);

/* A record for each object in the array @changes, as an array (transfer full). */
char *dsn_test_records(const DsnTestPipeline *test, const char *changes);

/* Takes @body in, which must not fail. "accepted 2, rejected 1, null-sender 1": what is not 0
 * (transfer full). */
char *dsn_test_take_records(DsnTestPipeline *test, DsnSpan body);
char *dsn_test_tally(const DsnTally *tally);

/* All notices that are due, in order (transfer full). */
GPtrArray *dsn_test_take_notices(DsnTestPipeline *test);

/* "to@a: b@c d@e; ": whom each of @notices goes to, and its recipients that failed (transfer full).
 */
char *dsn_test_describe(const GPtrArray *notices);

/* The records for the outlet since the last call (transfer full). */
char *dsn_test_read_lines(DsnTestPipeline *test);

/* "kind state reason\n" for each entry (transfer full). */
char *dsn_test_list(DsnTestPipeline *test);

#endif
