/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.h - reports in tests
 *
 * Purpose:   read a report from text, and say in one line what was odd about it.
 * RFC:       none.
 * Ownership: (transfer full) unless said otherwise.
 * Errors:    none.
 * Threads:   none.
 */
#ifndef DSN_TESTS_REPORT_H
#define DSN_TESTS_REPORT_H

#include "mime/report.h"

/* The report in @message with the default limits; @message must outlive it. */
DsnReport *dsn_test_parse(DsnSpan message);

/* "bad-date:Arrival-Date missing-part": kind and field of each defect, in order. */
char *dsn_test_defects(const DsnReport *report);

#endif
