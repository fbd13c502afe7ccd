/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reason.h - why something was not done
 *
 * Purpose:   the fixed tokens by which diagnostics, log lines, answers and counters say why.
 * RFC:       none.
 * Ownership: plain values.
 * Errors:    none.
 * Threads:   constant.
 */
#ifndef DSN_CORE_REASON_H
#define DSN_CORE_REASON_H

typedef enum DsnReason {
    DSN_REASON_NONE,
    DSN_REASON_TYPE_NOT_ENABLED, /* a record type that no notice is wanted for */
    DSN_REASON_NULL_SENDER,
    DSN_REASON_BAD_SENDER,   /* the sender is no address that mail can go to */
    DSN_REASON_OWN_TRAFFIC,  /* a record about a log record or about our own notice */
    DSN_REASON_NOTIFICATION, /* the original is a report itself */
    DSN_REASON_PROTOCOL,     /* compatibility mode: a bounce by another protocol than ESMTP */
    DSN_REASON_DUPLICATE,    /* this event was taken before, or its recipients have their notice */
    DSN_REASON_TOO_OLD,      /* the event is older than keys are kept */
    DSN_REASON_SENDER_NOT_OURS,    /* notice.senders does not list the sender */
    DSN_REASON_SENDER_NOT_BOUND,   /* the poster's token is not for this sender */
    DSN_REASON_RATE_LIMITED,       /* too many notices to the sender, for the poster, or at all */
    DSN_REASON_NOTIFY_NEVER,       /* the sender wants none (RFC 3461 section 4.1) */
    DSN_REASON_NOT_ASKED,          /* NOTIFY does not list this, or success was not asked for */
    DSN_REASON_AUTOMATIC,          /* the original was sent by a program, or to a list */
    DSN_REASON_SENDER_IGNORED,     /* notice.ignore lists the sender */
    DSN_REASON_SENDER_NOT_TRUSTED, /* nothing says that the sender is who it says */
    DSN_REASON_INTERNAL,           /* no remote host has refused it, and notice.internal is off */
    DSN_REASON_NOT_YET,            /* delayed, but not for as long as notice.delay_after says */
    DSN_REASON_NOT_DELAYED,        /* delivered, and no notice had said that it was late */
    DSN_REASON_DRY_RUN,            /* it would have been sent */
    DSN_REASON_NOT_A_REPORT,       /* mail at a report address that is none */
    DSN_REASON_NO_RECORD,          /* a report that no record is made of: nothing in it failed */
    DSN_REASON_SUPPRESSED,         /* a notice of Postfix's own: nothing is to go */
    DSN_REASON_NOT_REWRITTEN,      /* the same: it could not be put into our words */
    DSN_REASON_NOT_REPLACED,       /* the same: ours could not be made */
    DSN_REASON_TOO_LARGE,          /* the same: limits.message or limits.groups */
    DSN_REASON_NO_ROOM,            /* the same: all mail that is looked at is too much */
    DSN_N_REASONS
} DsnReason;

/* "null-sender" and so on; "" for DSN_REASON_NONE (transfer none). */
const char *dsn_reason_to_string(DsnReason reason);

/* What the token @reason means, for people; NULL for one that is not known (transfer none). */
const char *dsn_reason_in_words(const char *reason);

#endif
