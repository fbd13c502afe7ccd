/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pipeline.h - from what came in to what is kept
 *
 * Purpose:   decide about records and messages, make notices and records of them, and put them into
 *            the spool; every intake ends here.
 * Source:    dsnarf(8); rules ENV-16, ENV-20, ENV-22, LOOP-13 to LOOP-15.
 * Ownership: the pipeline borrows spool and metrics, and takes references of its own to policies.
 * Errors:    said at each function. What is true is on disk.
 * Threads:   all functions may be called by any thread at the same time.
 */
#ifndef DSN_PIPELINE_PIPELINE_H
#define DSN_PIPELINE_PIPELINE_H

#include "filter/pipeline/captures.h"
#include "filter/pipeline/policy.h"
#include "filter/pipeline/spool.h"
#include "mime/report.h"

typedef struct DsnPipeline DsnPipeline;

DsnPipeline *dsn_pipeline_new(DsnSpool *spool, DsnMetrics *metrics, DsnPolicy *policy);
void dsn_pipeline_free(DsnPipeline *pipeline);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnPipeline, dsn_pipeline_free)

/* The policy in force (transfer full). */
DsnPolicy *dsn_pipeline_policy(DsnPipeline *pipeline);
void dsn_pipeline_set_policy(DsnPipeline *pipeline, DsnPolicy *policy);

DsnSpool *dsn_pipeline_spool(DsnPipeline *pipeline);     /* (transfer none) */
DsnMetrics *dsn_pipeline_metrics(DsnPipeline *pipeline); /* (transfer none) */

/* Where it looks for what senders asked for, before it takes anything in; it borrows them. NULL,
 * as at first: nowhere. */
void dsn_pipeline_set_captures(DsnPipeline *pipeline, DsnCaptures *captures);
DsnCaptures *dsn_pipeline_captures(DsnPipeline *pipeline); /* (transfer none) */

/* ---- records ---- */

typedef struct DsnRejection {
    guint64 index; /* of the element, from 0 */
    char *reason;
} DsnRejection;

/* What became of a body. Each accepted record has made a notice, or has one reason. */
typedef struct DsnTally {
    guint64 accepted;  /* new and kept, or made a notice, or refused one for a reason below */
    guint64 duplicate; /* taken before, with or without its original merged */
    guint64 ignored;   /* of a type that nothing here wants */
    guint64 reasons[DSN_N_REASONS]; /* of accepted ones: why no notice is due */
    GArray
        *rejected; /* of DsnRejection; each is a dead letter. After a thousand, the rest is one */
} DsnTally;

void dsn_tally_init(DsnTally *tally);
void dsn_tally_clear(DsnTally *tally);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DsnTally, dsn_tally_clear)

/* Takes a record, an array of elements, or JSON lines, and returns when all of it is durable;
 * @tally was just initialised. False with @error when the spool fails: what came before may have
 * been stored, and is a duplicate when the body comes again.
 *
 * A record that leaves neither a notice nor a record for an outlet is decided anew when it comes
 * again: so a rate or a list of senders can be corrected, and the records posted once more. */
bool dsn_pipeline_take_records(DsnPipeline *pipeline, const DsnPolicy *policy,
                               const DsnPoster *poster, DsnSpan body, DsnTally *tally,
                               GError **error);

/* JSON lines that somebody follows. */
typedef struct DsnFollowed {
    DsnSpan lines;
    DsnPlace place; /* behind them */
    int64_t since;  /* unix seconds: what happened before is ignored; 0: nothing is */
    /* Says where the element at @offset of @lines comes from, for the administrator (transfer
     * full). */
    char *(*where)(size_t offset, gpointer user);
    gpointer user;
} DsnFollowed;

/* The same for them: the place is kept with the last of what they leave, in one commit, and also
 * when they leave nothing. After a failure they can be handed in again, and have one effect. */
bool dsn_pipeline_follow_records(DsnPipeline *pipeline, const DsnPolicy *policy,
                                 const DsnFollowed *followed, DsnTally *tally, GError **error);

/* False if a look at the keys is enough to see that nothing here wants @element, which then need
 * not be handed in. */
bool dsn_policy_wants(const DsnPolicy *policy, DsnSpan element);

/* Makes the notice for one element and keeps nothing, for a caller who sends it. The governor is
 * asked. */
DsnNoticeResult dsn_pipeline_make_notice(DsnPipeline *pipeline, const DsnPolicy *policy,
                                         const DsnPoster *poster, DsnSpan element,
                                         GString *ret_bytes, DsnReason *ret_reason, GError **error);

/* Takes up again the rejected elements that @filter means; those that are read now leave the dead
 * letters. Returns how many, or -1. */
int64_t dsn_pipeline_retry_rejected(DsnPipeline *pipeline, const DsnQueueFilter *filter,
                                    GError **error);

/* ---- messages ---- */

/* How a message came. Texts may be NULL. */
typedef struct DsnSession {
    const char *queue_id;
    const char *sender;    /* "" is the null sender; NULL: not known */
    const char *recipient; /* the first of ours; NULL: there was no session */
    const char *peer_name;
    const char *peer_addr;
    const char *protocol; /* "ESMTP", "LMTP" */
} DsnSession;

typedef enum DsnMessageResult {
    DSN_MESSAGE_RECORDED,  /* on disk, now or before: it can be consumed */
    DSN_MESSAGE_UNTOUCHED, /* see the reason: it is to be delivered as it came */
    DSN_MESSAGE_FAILED     /* the spool failed: it is to be sent again */
} DsnMessageResult;

typedef struct DsnMessageTaken {
    DsnReportKind kind;
    DsnReason reason; /* of UNTOUCHED; DUPLICATE of what was RECORDED before */
    unsigned records;
    DsnTraceState trace; /* of what was read, UNSIGNED also where there is none */
    guint32 defects;     /* of the report: 1 << DsnDefectKind */
    char id[33];         /* of its records: the digest of what the sender sent */
} DsnMessageTaken;

/* Reads @message and keeps the records that it makes. While it waits for the disk it calls
 * @progress (may be NULL) every few seconds. */
DsnMessageResult dsn_pipeline_take_message(DsnPipeline *pipeline, const DsnPolicy *policy,
                                           DsnSpan message, const DsnSession *session,
                                           void (*progress)(gpointer user), gpointer user,
                                           DsnMessageTaken *ret_taken, GError **error);

/* One of many messages, and what became of it. */
typedef struct DsnMail {
    DsnSpan message;
    DsnSession session;
    DsnMessageResult result;
    DsnMessageTaken taken;
} DsnMail;

/* The same for many that nobody waits for at the other end of a line: in one commit, and behind
 * what is more urgent. False with @error when the spool fails: nothing was kept. */
bool dsn_pipeline_take_mails(DsnPipeline *pipeline, const DsnPolicy *policy, DsnMail *mails,
                             size_t n_mails, GError **error);

#endif
