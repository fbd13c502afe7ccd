/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * notice.h - what every notice that a test makes must pass
 *
 * Purpose:   read a notice back with the strict parser and the lint, compare it with its report.
 * RFC:       rule SEC-06.
 * Ownership: everything is borrowed.
 * Errors:    a fault fails the running test.
 * Threads:   none.
 */
#ifndef DSN_TESTS_NOTICE_H
#define DSN_TESTS_NOTICE_H

#include "mime/report.h"

/* No rule broken, not even a SHOULD; no defect but in returned content; the report read back is
 * @report, or with @report NULL any delivery status, whose addresses may be none. */
void dsn_test_check_notice(DsnSpan notice, const DsnReport *report, const char *label);

/* The same, but what is returned may be a report itself. */
void dsn_test_check_notice_about_anything(DsnSpan notice, const DsnReport *report,
                                          const char *label);

/* The ids of the broken rules, each once, sorted and joined with spaces (transfer full). */
char *dsn_test_lint(DsnSpan notice, bool *ret_good);

/* The same for a stored message of @kind. */
char *dsn_test_lint_as(DsnSpan message, DsnReportKind kind, bool *ret_good);

#endif
