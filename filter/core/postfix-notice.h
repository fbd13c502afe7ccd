/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * postfix-notice.h - what Postfix's bounce(8) writes
 *
 * Purpose:   know a notice of Postfix's own by all that bounce(8) always writes.
 * Source:    bounce(5), bounce(8); RFC 3464; dsnarf-milter(7), "Postfix's own notices".
 * Ownership: spans point into the message or the report.
 * Errors:    none: what is not such a notice is told so.
 * Threads:   reentrant. GMime must have been initialised.
 */
#ifndef DSN_CORE_POSTFIX_NOTICE_H
#define DSN_CORE_POSTFIX_NOTICE_H

#include "mime/report.h"

typedef struct DsnPostfixNotice {
    DsnAction action; /* FAILED, DELAYED, or DELIVERED for each kind of success */
    DsnSpan host;     /* myhostname of the Postfix that wrote it */
    DsnSpan queue_id; /* of the original */
    DsnSpan sender;   /* of the original, without brackets; the notice is to it */
    DsnSpan envid;    /* decoded; absent: none was given */
    DsnSpan text;     /* bytes of the first part, its header included, in the message */
    DsnSpan original; /* what it returns, without the Return-Path that bounce(8) writes in front;
                         absent: nothing */
    bool whole;       /* that is all of the original, not just its header */
    unsigned n_recipients; /* that it names; the report has fewer where its limits cut it */
} DsnPostfixNotice;

/* True if @message, of which @report was read, is what bounce(8) writes for the sender of the
 * original. False for a copy for the postmaster, for what "sendmail -bv" asks for, and for one that
 * tells different things of several recipients, as after "sendmail -v". */
bool dsn_postfix_notice_read(DsnSpan message, const DsnReport *report,
                             DsnPostfixNotice *ret_notice);

#endif
