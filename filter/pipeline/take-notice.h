/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * take-notice.h - what becomes of a notice of Postfix's own
 *
 * Purpose:   find whose it is, and rewrite, replace, suppress or pass it, and make records of it.
 * Source:    dsnarf-milter(7), "Postfix's own notices"; dsnarf.toml(5), notice.postfix_notices.
 * Ownership: what came of it owns its texts, and borrows the tenant's name from the policy.
 * Errors:    a notice for which nothing can be done passes as it came, with a GError that says why;
 *            where the spool is needed and fails, it is to be made again.
 * Threads:   any.
 */
#ifndef DSN_PIPELINE_TAKE_NOTICE_H
#define DSN_PIPELINE_TAKE_NOTICE_H

#include "filter/core/notice-rewrite.h"
#include "filter/pipeline/pipeline.h"

/* How it came. Texts may be NULL where they are not known. */
typedef struct DsnNoticeSession {
    const char *queue_id;            /* of the notice */
    const char *recipient;           /* the only one, without brackets */
    const char *host;                /* what the MTA calls itself */
    bool rewritable;                 /* the MTA takes a new body */
    void (*progress)(gpointer user); /* is called every few seconds of a wait */
    gpointer user;
} DsnNoticeSession;

typedef enum DsnNoticeFate {
    DSN_FATE_FOREIGN,    /* no notice of this Postfix: ordinary mail */
    DSN_FATE_PASSED,     /* see the reason, and the error if there is one */
    DSN_FATE_REWRITTEN,  /* see what changes */
    DSN_FATE_REPLACED,   /* ours is on disk, or there is a reason why none is due: to be dropped */
    DSN_FATE_SUPPRESSED, /* to be dropped */
    DSN_FATE_FAILED      /* the spool failed: to be made again */
} DsnNoticeFate;

/* "passed" and so on (transfer none). */
const char *dsn_notice_fate_to_string(DsnNoticeFate fate);

typedef struct DsnNoticeTaken {
    DsnReason reason;
    DsnAction action;
    char *queue_id;         /* of the original */
    char *sender;           /* of the original */
    const char *tenant;     /* NULL: nobody's */
    unsigned n_recipients;  /* that it tells about */
    unsigned records;       /* that outlets get, now or before */
    DsnRewritten rewritten; /* of REWRITTEN, else empty */
} DsnNoticeTaken;

void dsn_notice_taken_clear(DsnNoticeTaken *taken);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DsnNoticeTaken, dsn_notice_taken_clear)

/* Decides about @message, header and body with CRLF. The same notice made again has no second
 * effect. @ret_taken need not be initialised, and is to be cleared in any case. */
DsnNoticeFate dsn_pipeline_take_notice(DsnPipeline *pipeline, const DsnPolicy *policy,
                                       DsnSpan message, const DsnNoticeSession *session,
                                       DsnNoticeTaken *ret_taken, GError **error);

#endif
