/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reason.h - why something was not done
 *
 * Purpose:   the fixed tokens by which diagnostics and summaries say why.
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
    DSN_N_REASONS
} DsnReason;

/* "null-sender" and so on; "" for DSN_REASON_NONE (transfer none). */
const char *dsn_reason_to_string(DsnReason reason);

#endif
