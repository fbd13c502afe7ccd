/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rewrite.h - what every notice that was rewritten must pass
 *
 * Purpose:   rewrite a notice, and compare what came of it with what it was.
 * RFC:       rule SEC-06.
 * Ownership: everything is borrowed; what came of it is the caller's.
 * Errors:    a fault ends the program.
 * Threads:   none.
 */
#ifndef DSN_TESTS_REWRITE_H
#define DSN_TESTS_REWRITE_H

#include "filter/core/notice-rewrite.h"

/* A record of what @report tells of its recipients, from @sender; NULL if it tells nothing that a
 * record can say (transfer full). */
DsnRecord *dsn_test_record_of(const DsnReport *report, const char *sender);

/* Rewrites @message, of which @report was read and whose first part is @text, and checks: nothing
 * but that part and the fields that were told of has changed, the part is ASCII, the result reads
 * as the same report, and no MUST is broken more often than before. */
bool dsn_test_rewrite(const DsnNoticeRequest *request, DsnReport *report, DsnSpan message,
                      DsnSpan text, DsnRewritten *ret_rewritten, GError **error);

/* The first part of @message, header included; absent when it has no parts. */
DsnSpan dsn_test_first_part(DsnSpan message);

#endif
