/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report-record.h - the log records that a report makes
 *
 * Purpose:   Feedback and OOB records in KumoMTA's shape, our additions under the key "dsnarf".
 * Source:    dsnarf-records(5); rules OOB-06, OOB-07, OOB-11, OOB-12, SEC-03, AUTHF-10.
 * Ownership: appended to the caller's buffer.
 * Errors:    none: what is no report makes no record.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_REPORT_RECORD_H
#define DSN_CORE_REPORT_RECORD_H

#include "filter/core/classification.h"
#include "filter/core/evidence.h"
#include "mime/report.h"

/* How the message came. Absent spans are null in the record, unless said otherwise. */
typedef struct DsnArrival {
    DsnSpan message;   /* its bytes, for size and id */
    DsnSpan id;        /* absent: the digest of the bytes, 32 hex digits */
    DsnSpan sender;    /* envelope sender; absent: the Return-Path, else "" */
    DsnSpan recipient; /* envelope recipient; absent where there was no session */
    DsnSpan peer_name;
    DsnSpan peer_addr;
    DsnSpan reception_protocol;
    DsnSpan nodeid; /* absent: the nil UUID */
    int64_t time;   /* of arrival; without a session only the latest that it can have been */
    uint32_t nanoseconds;
    const DsnEvidenceRules *rules;           /* NULL: nothing proves a report */
    const DsnClassification *classification; /* NULL: nothing gets a class */
    DsnMetrics *metrics;                     /* that classes are counted in; may be NULL */
} DsnArrival;

/* What identifies the original of a report that arrived so. @ret_resolution need not be
 * initialised. */
void dsn_arrival_resolve(const DsnArrival *arrival, const DsnReport *report,
                         DsnResolution *ret_resolution);

/* Appends one line for each record that @report makes, and returns how many (0 for what is neither
 * a feedback report nor a DSN with a failed recipient). *@ret_trace (may be NULL) is the state of
 * the trace in them, DSN_TRACE_UNSIGNED also where there is none. */
unsigned dsn_report_write_records(const DsnReport *report, const DsnArrival *arrival,
                                  GString *ret_lines, DsnTraceState *ret_trace);

#endif
