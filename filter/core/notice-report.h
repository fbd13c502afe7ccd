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
 * Choices: each record gives the fields of its recipients; of a recipient that several name, the
 * last one counts. What is said about an attempt comes from the record, or for an Expiration or
 * Delayed record, which are none, from the last attempt that failed, if that is known: its peer as
 * Remote-MTA, its reply as Diagnostic-Code, its time, and as Status its enhanced code, the last
 * real one, or 4.4.7 when it had none (rule RCPT-12). Else an expiration keeps its 5.4.7: delivery
 * has been given up for good. Status is an enhanced code of a class that fits the action and the
 * reply (rule STAT-02); without one, 4.0.0 or 5.0.0 for a failure, by the reply's class, 4.0.0 for
 * a delay and 2.0.0 for a success (rule RCPT-11).
 * Remote-MTA and a Diagnostic-Code of type smtp are there when an SMTP or LMTP peer took part; any
 * other cause has the type x-dsnarf. Last-Attempt-Date is the time of an attempt. When hosts are
 * confidential, no Remote-MTA is there and of the replies only the codes (rule RCPT-24).
 * Will-Retry-Until is there as long as it is in the future. A recipient that is not ASCII has the
 * type utf-8; the global form is used when the sender, who must have SMTPUTF8 then, is not ASCII
 * either. A broken utf-8 ORCPT stands as it is in the global form alone (rule I18N-07).
 */
#ifndef DSN_CORE_NOTICE_REPORT_H
#define DSN_CORE_NOTICE_REPORT_H

#include "filter/core/notice.h"
#include "filter/core/wishes.h"

/* Fills the empty @report. @wishes has those of each record. */
void dsn_notice_report_fill(DsnReport *report, const DsnNoticeRequest *request,
                            const DsnWishes *wishes);

/* The host that reports about @record. */
DsnTyped dsn_notice_reporting_mta(const DsnNoticeOptions *options, const DsnRecord *record);

/* The record that tells about the last attempt for the recipients of @record. */
const DsnRecord *dsn_notice_attempt(const DsnNoticeRequest *request, const DsnRecord *record);

/* Its peer and its reply, as the fields have them; kept in @report. */
DsnTyped dsn_notice_remote_mta(DsnReport *report, const DsnRecord *record);
DsnTyped dsn_notice_diagnostic(DsnReport *report, const DsnRecord *record, bool confidential);

#endif
