/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * notice-report.h - what a record says, as the report of a notice
 *
 * Purpose:   fill the fields of a delivery status notification from a log record.
 * RFC:       3464 sections 2.2 and 2.3; rules DSN-08, DSN-09, DSN-13, RCPT-04, RCPT-11 to RCPT-21.
 * Ownership: the report keeps copies or borrows from the record, which must outlive it.
 * Errors:    none: what a record does not tell is absent.
 * Threads:   reentrant.
 *
 * Choices: Status is the record's enhanced code; without one, or with one that speaks of success,
 * it is 4.0.0 after a 4yz reply and else 5.0.0. An expiration keeps its 5.4.7 (rule RCPT-12):
 * delivery has been given up for good. Remote-MTA and a Diagnostic-Code of type smtp are there when
 * an SMTP peer took part; any other cause has the type x-dsnarf. Last-Attempt-Date is the time of
 * the event when that was an attempt, which an expiration is not. A recipient that is not ASCII has
 * the type utf-8; the global form is used when the sender, who must have SMTPUTF8 then, is not
 * ASCII either.
 */
#ifndef DSN_CORE_NOTICE_REPORT_H
#define DSN_CORE_NOTICE_REPORT_H

#include "filter/core/record.h"
#include "mime/report.h"

/* Fills the empty @report. */
void dsn_notice_report_fill(DsnReport *report, const DsnRecord *record, DsnTyped reporting_mta);

#endif
