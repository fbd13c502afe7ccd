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
#include "filter/pipeline/take-notice.h"

struct DsnPipeline {
    DsnSpool *spool;
    DsnMetrics *metrics;
    DsnGovernor *governor;
    DsnCaptures *captures; /* may be NULL */
    GMutex lock;           /* guards the policy */
    DsnPolicy *policy;
};

/* Of DsnSpoolLine and of DsnHistory, which they own (transfer full). */
GArray *dsn_lines_new(void);
GArray *dsn_histories_new(void);

/* What is done with records that are about notices of somebody else's. */
typedef struct DsnManner {
    bool notices; /* one of ours is made, where it is due; the sender is trusted */
    bool records; /* outlets get them */
    void (*progress)(gpointer user); /* is called every few seconds of the wait; may be NULL */
    gpointer user;
} DsnManner;

/* dsn_pipeline_take_records() for them. An event is known again whatever its time is. */
bool dsn_pipeline_take_in_manner(DsnPipeline *pipeline, const DsnPolicy *policy,
                                 const DsnManner *manner, DsnSpan body, DsnTally *tally,
                                 GError **error);

/* How long a caller can go without a sign of life: Postfix gives a milter 300 seconds at the end of
 * a message, and an LMTP client 10 minutes after the dot (RFC 5321 section 4.5.3.2.6). */
#define DSN_PROGRESS_INTERVAL (5 * G_TIME_SPAN_SECOND)

/* Waits for @deposit, and calls @progress (may be NULL) meanwhile. */
void dsn_pipeline_wait(DsnPipeline *pipeline, DsnDeposit *deposit, void (*progress)(gpointer user),
                       gpointer user);

/* ---- deciding ---- */

/* Whose elements are taken, and by which rules. */
typedef struct DsnCase {
    DsnPipeline *pipeline;
    const DsnPolicy *policy;
    const DsnPoster *poster;
    unsigned trust; /* bits of DsnTrust that hold for all of it */
    int64_t now;    /* unix seconds */
} DsnCase;

DsnCase dsn_case(DsnPipeline *pipeline, const DsnPolicy *policy, const DsnPoster *poster);

/* What was found out about an element. */
typedef struct DsnVerdict {
    const DsnTenant *tenant;
    DsnDecision decision;
    DsnReason reason;    /* NONE: a notice is due, as far as the element and its poster tell */
    const char *rate;    /* of RATE_LIMITED: the option that says how much is too much */
    const char *capture; /* what was captured was looked for: by what it was found, or "missing" */
} DsnVerdict;

/* The original of @element, absent when it has none. */
DsnSpan dsn_element_original(const DsnElement *element);

/* Adds what was captured of the original to @element, as far as that says nothing of it itself,
 * when a notice by the rules of @tenant may be due. Returns as in DsnVerdict, or NULL. */
const char *dsn_case_recall(const DsnCase *the_case, const DsnTenant *tenant, DsnElement *element);

/* Decides about @element; recipients for whom nothing is due are taken out of its record. If a
 * notice is due, the address that it goes to is appended to @ret_sender. */
DsnVerdict dsn_case_decide(const DsnCase *the_case, DsnElement *element, GString *ret_sender);

/* Asks the governor for a notice to @sender; a refusal is the option that is the rate. And tells it
 * that none was made after all. */
const char *dsn_case_admit(const DsnCase *the_case, const DsnTenant *tenant, const char *sender);
void dsn_case_return(const DsnCase *the_case, const DsnTenant *tenant, const char *sender);

/* Starts a line about @record, with what is known of it so far. */
void dsn_case_log_begin(const DsnCase *the_case, const DsnRecord *record, const DsnVerdict *verdict,
                        DsnLogLine *ret_line);

/* Adds the Message-ID of a notice that was made, and what was wrong with making it. */
void dsn_case_log_notice(DsnLogLine *line, DsnSpan bytes, const DsnNotice *notice);

/* A notice that was not made as it should have been is worth a warning, and is counted. */
DsnLogLevel dsn_notice_level(const DsnNotice *notice);
void dsn_notice_count(const DsnNotice *notice, DsnMetrics *metrics);

/* ---- what "dsnarf why" tells; each appends to an array of DsnHistory ---- */

/* The event of @record had no notice, or a notice: then @message_id (without angle brackets) and
 * @result name it. */
void dsn_history_add_event(GArray *histories, const DsnCase *the_case, const DsnRecord *record,
                           const DsnVerdict *verdict, const char *result, DsnSpan message_id);

/* Whoever asks for @alias is told about @id. Angle brackets are taken off; what is no id adds
 * nothing. */
/* That @record came, of which there is no more to say than what outlets do with it. */
void dsn_history_add_record(GArray *histories, const DsnCase *the_case, const DsnRecord *record);

void dsn_history_add_alias(GArray *histories, DsnSpan alias, const char *id);

/* Whoever asks for the original, by the Message-ID in its header, or in what the record has of it
 * when that is not at hand (absent), is told about @record. */
void dsn_history_add_original(GArray *histories, const DsnRecord *record, DsnSpan original);

/* A notice of Postfix's own was dropped. */
void dsn_history_add_notice(GArray *histories, const DsnNoticeSession *session,
                            const DsnNoticeTaken *taken);

/* A report was recorded. */
void dsn_history_add_report(GArray *histories, const DsnSession *session,
                            const DsnMessageTaken *taken);

#endif
