/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * milter-verdict.h - what the MTA is told
 *
 * Purpose:   from what became of a message to the answer, what is changed, counted and logged.
 * Source:    dsnarf-milter(7); RFC 5321 section 4.2, RFC 3463.
 * Ownership: constant rows.
 * Errors:    none.
 * Threads:   constant.
 */
#ifndef DSN_INTAKE_MILTER_VERDICT_H
#define DSN_INTAKE_MILTER_VERDICT_H

#include "filter/intake/milter-message.h"
#include "filter/pipeline/pipeline.h"

#include <libmilter/mfapi.h>

typedef enum DsnMilterOutcome {
    DSN_MILTER_NOT_OURS,
    DSN_MILTER_TRACED,        /* mail that leaves, with our trace */
    DSN_MILTER_UNTRACED,      /* the same, without one that it should have */
    DSN_MILTER_NOTICE_PASSED, /* these are about notices of Postfix's own */
    DSN_MILTER_NOTICE_REWRITTEN,
    DSN_MILTER_NOTICE_REPLACED,
    DSN_MILTER_NOTICE_SUPPRESSED,
    DSN_MILTER_NOTICE_FAILED,
    DSN_MILTER_CROWDED,   /* too many recipients of ours */
    DSN_MILTER_NO_ROOM,   /* too much mail at the same time */
    DSN_MILTER_FAILED,    /* DSN_MESSAGE_FAILED, or the MTA did not take a change */
    DSN_MILTER_UNTOUCHED, /* DSN_MESSAGE_UNTOUCHED */
    DSN_MILTER_RECORDED   /* DSN_MESSAGE_RECORDED */
} DsnMilterOutcome;

typedef struct DsnMilterVerdict {
    const char *word; /* for the log */
    sfsistat answer;
    bool remove; /* the recipients whose role is to discard */
    bool tag;
    DsnLogLevel level;
    DsnCounter counter;
    const char *code, *status, *text; /* of the SMTP reply, NULL: none of ours */
} DsnMilterVerdict;

/* What to do with @message (transfer none). */
const DsnMilterVerdict *dsn_milter_verdict(DsnMilterOutcome outcome,
                                           const DsnMilterMessage *message);

#endif
