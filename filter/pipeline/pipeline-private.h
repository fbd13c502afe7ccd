/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pipeline-private.h - what the files of the pipeline share
 *
 * Purpose:   the parts of the pipeline, and the decision about one notice.
 * Source:    dsnarf(8); rules ENV-20, ENV-22, LOOP-13 to LOOP-15.
 * Ownership: a case borrows all that it names.
 * Errors:    said at each function.
 * Threads:   a case and an element are used by one thread at a time.
 */
#ifndef DSN_PIPELINE_PIPELINE_PRIVATE_H
#define DSN_PIPELINE_PIPELINE_PRIVATE_H

#include "filter/pipeline/pipeline.h"

struct DsnPipeline {
    DsnSpool *spool;
    DsnMetrics *metrics;
    DsnGovernor *governor;
    GMutex lock; /* guards the policy */
    DsnPolicy *policy;
};

/* Of DsnSpoolLine, which it owns (transfer full). */
GArray *dsn_lines_new(void);

/* Whose elements are taken, and by which rules. */
typedef struct DsnCase {
    DsnPipeline *pipeline;
    const DsnPolicy *policy;
    const DsnPoster *poster;
    DsnRates rates;
    int64_t now; /* unix seconds */
} DsnCase;

DsnCase dsn_case(DsnPipeline *pipeline, const DsnPolicy *policy, const DsnPoster *poster);

/* Why no notice is due for @element by what it says and by who asks for it. Otherwise the address
 * that it goes to is appended to @ret_sender. */
DsnReason dsn_case_reason(const DsnCase *the_case, const DsnElement *element, GString *ret_sender);

/* Asks the governor for a notice to @sender, and tells it that none was made after all. */
bool dsn_case_admit(const DsnCase *the_case, const char *sender);
void dsn_case_return(const DsnCase *the_case, const char *sender);

/* dsn_notice_make() with what the case knows. */
DsnNoticeResult dsn_case_make(const DsnCase *the_case, const DsnElement *element,
                              GString *ret_bytes, DsnNotice *ret_notice, GError **error);

/* Starts a line about @record. */
void dsn_case_log_begin(const DsnCase *the_case, const DsnRecord *record, DsnLogLine *ret_line);

/* Adds the Message-ID of a notice that was made, and what was wrong with making it. */
void dsn_case_log_notice(DsnLogLine *line, DsnSpan bytes, const DsnNotice *notice);

/* A notice that was not made as it should have been is worth a warning, and is counted. */
DsnLogLevel dsn_notice_level(const DsnNotice *notice);
void dsn_notice_count(const DsnNotice *notice, DsnMetrics *metrics);

#endif
