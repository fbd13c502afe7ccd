/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * metrics.h - what happened, in numbers
 *
 * Purpose:   counters that every part adds to, as Prometheus text.
 * Source:    the Prometheus text exposition format, version 0.0.4.
 * Ownership: one structure for the life of the daemon; text is appended to the caller's buffer.
 * Errors:    none.
 * Threads:   any; counters are atomic.
 */
#ifndef DSN_CORE_METRICS_H
#define DSN_CORE_METRICS_H

#include "filter/core/reason.h"
#include "mime/defect.h"

#include <glib.h>

/* Rows of one name stand together here and in metrics.c. */
typedef enum DsnCounter {
    DSN_COUNT_RECORDS_ACCEPTED, /* records that were posted */
    DSN_COUNT_RECORDS_DUPLICATE,
    DSN_COUNT_RECORDS_IGNORED,
    DSN_COUNT_RECORDS_REJECTED,
    DSN_COUNT_NOTICES_MADE,
    DSN_COUNT_NOTICES_MERGED, /* made anew because the original came after all */
    DSN_COUNT_NOTICES_MINIMAL,
    DSN_COUNT_NOTICES_TEMPLATE_FAULT,
    DSN_COUNT_NOTICES_SENT,
    DSN_COUNT_NOTICES_DEFERRED,
    DSN_COUNT_NOTICES_DEAD,
    DSN_COUNT_MILTER_CONSUMED, /* messages at report addresses */
    DSN_COUNT_MILTER_KEPT,     /* recorded, and delivered too */
    DSN_COUNT_MILTER_PASSED,   /* no report: delivered as it came */
    DSN_COUNT_MILTER_FAILED,   /* tempfailed */
    DSN_COUNT_MILTER_OTHER,    /* mail for others, not looked at */
    DSN_COUNT_MILTER_TRACED,   /* mail that leaves, with a trace from us */
    DSN_COUNT_MILTER_UNTRACED, /* mail that should have got one, but could not */
    DSN_COUNT_LMTP_CONSUMED,
    DSN_COUNT_LMTP_PASSED,
    DSN_COUNT_LMTP_FAILED,
    DSN_COUNT_MAILDIR_CONSUMED,
    DSN_COUNT_MAILDIR_PASSED,
    DSN_COUNT_MAILDIR_FAILED,
    DSN_COUNT_HTTP_MESSAGE_CONSUMED,
    DSN_COUNT_HTTP_MESSAGE_PASSED,
    DSN_COUNT_HTTP_MESSAGE_FAILED,
    DSN_COUNT_POSTFIX_PASSED, /* notices of Postfix's own */
    DSN_COUNT_POSTFIX_REWRITTEN,
    DSN_COUNT_POSTFIX_REPLACED,
    DSN_COUNT_POSTFIX_SUPPRESSED,
    DSN_COUNT_POSTFIX_FAILED,   /* tempfailed */
    DSN_COUNT_REPORTS_FEEDBACK, /* records that mail made */
    DSN_COUNT_REPORTS_OOB,
    DSN_COUNT_TRACES_UNSIGNED, /* in the order of DsnTraceState; of reports that were recorded */
    DSN_COUNT_TRACES_VERIFIED,
    DSN_COUNT_TRACES_BAD,
    DSN_COUNT_TRACES_EXPIRED,
    DSN_COUNT_HTTP_TOKEN, /* requests refused */
    DSN_COUNT_HTTP_NETWORK,
    DSN_COUNT_HTTP_TOO_LARGE,
    DSN_COUNT_HTTP_BAD,
    DSN_COUNT_HTTP_OVERLOAD,
    DSN_COUNT_HTTP_DEADLINE,
    DSN_COUNT_MILTER_REFUSED, /* connections */
    DSN_COUNT_MAILDIR_ERRORS,
    DSN_COUNT_FILE_LINES,
    DSN_COUNT_FILE_ERRORS,
    DSN_COUNT_SEGMENT_LINES,
    DSN_COUNT_SEGMENT_FAULTS,
    DSN_COUNT_SEGMENT_ERRORS,
    DSN_COUNT_CLASSIFIED, /* responses that were asked for a class */
    DSN_COUNT_UNCATEGORIZED,
    DSN_COUNT_RULES_GIVEN_UP,
    DSN_COUNT_WEBHOOK_SENT, /* records */
    DSN_COUNT_WEBHOOK_DEAD,
    DSN_COUNT_WEBHOOK_ACCEPTED, /* requests */
    DSN_COUNT_WEBHOOK_FAILED,
    DSN_COUNT_WEBHOOK_REFUSED,
    DSN_COUNT_PROGRAM_OK, /* answers of programs */
    DSN_COUNT_PROGRAM_PUT_OFF,
    DSN_COUNT_PROGRAM_DEAD,
    DSN_COUNT_PROGRAM_ENDED,
    DSN_COUNT_TAILER_RECORD, /* lines of log segments that were followed */
    DSN_COUNT_TAILER_NO_RECORD,
    DSN_COUNT_TAILER_TOO_LONG,
    DSN_COUNT_TAILER_CUT_OFF,
    DSN_COUNT_TAILER_DAMAGED,
    DSN_COUNT_TAILER_FILES,
    DSN_COUNT_TAILER_ERRORS,
    DSN_COUNT_RELAY_HOST_FAULTS,
    DSN_COUNT_CAPTURES_KEPT,    /* of mail that left */
    DSN_COUNT_CAPTURES_DROPPED, /* not kept for want of room, or by a fault */
    DSN_COUNT_CAPTURES_FOUND,   /* records for which they were looked at */
    DSN_COUNT_CAPTURES_MISSING,
    DSN_COUNT_SPOOL_COMMITS,
    DSN_COUNT_SPOOL_ERRORS,
    DSN_N_COUNTERS
} DsnCounter;

typedef struct DsnMetrics {
    guint64 counters[DSN_N_COUNTERS];
    guint64 reasons[DSN_N_REASONS];      /* why something was not done */
    guint64 defects[DSN_N_DEFECT_KINDS]; /* reports that had them */
} DsnMetrics;

void dsn_metrics_add(DsnMetrics *metrics, DsnCounter counter, guint64 count);
void dsn_metrics_reason(DsnMetrics *metrics, DsnReason reason, guint64 count);
void dsn_metrics_defects(DsnMetrics *metrics, guint32 kinds); /* of one report: 1 << kind */
guint64 dsn_metrics_get(const DsnMetrics *metrics, DsnCounter counter);

/* Appends all counters, zero or not. */
void dsn_metrics_write(const DsnMetrics *metrics, GString *text);

/* Appends one gauge, for what others know best. @name without "dsnarf_". */
void dsn_metrics_write_gauge(GString *text, const char *name, const char *help, double value);

/* The same of a gauge with a label: first its head, then each value. */
void dsn_metrics_write_gauge_head(GString *text, const char *name, const char *help);
void dsn_metrics_write_gauge_of(GString *text, const char *name, const char *label, const char *of,
                                double value);

#endif
