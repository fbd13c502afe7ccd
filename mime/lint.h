/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lint.h - does a report obey the rules
 *
 * Purpose:   a strict reading of a message that names each broken rule by its id.
 * RFC:       3464, 6522, 6533, 5965, 6591, 9477, 2045 to 2047, 5322, 3834; all rules that a message
 *            alone can show, see dsnarf-rules(7).
 * Ownership: findings are plain values; their text is constant, the span points into the message or
 *            to a constant.
 * Errors:    none: everything that is wrong is a finding.
 * Threads:   reentrant. GMime must have been initialised.
 */
#ifndef DSN_MIME_LINT_H
#define DSN_MIME_LINT_H

#include "mime/limits.h"
#include "mime/report.h"
#include "mime/structure.h"

typedef enum DsnLintLevel { DSN_LINT_SHOULD, DSN_LINT_MUST } DsnLintLevel;

typedef struct DsnFinding {
    const char *rule; /* id of the broken rule, "MIME-01" */
    DsnLintLevel level;
    const char *text; /* a constant English phrase */
    DsnSpan where;    /* the bytes concerned; the constant name of what is missing; or absent */
} DsnFinding;

/* "MUST", "SHOULD" (transfer none). */
const char *dsn_lint_level_to_string(DsnLintLevel level);

/* Appends a DsnFinding for each broken rule to @ret_findings. Returns true if no MUST is broken.
 * @message is a notice that is about to leave. */
bool dsn_lint_notice(DsnSpan message, const DsnLimits *limits, GArray *ret_findings);

/* The same where @structure is what dsn_structure_scan() found in @message; NULL: nobody scanned.
 */
bool dsn_lint_scanned_notice(DsnSpan message, const DsnStructure *structure,
                             const DsnLimits *limits, GArray *ret_findings);

/* The same for a message of @kind that was stored in a file, where LF alone may end all lines. Of a
 * delivery status and a feedback report all rules are looked at, of any other message those that
 * are about every one. */
bool dsn_lint_message(DsnSpan message, DsnReportKind kind, const DsnLimits *limits,
                      GArray *ret_findings);

/* The line of @message that @where begins in, counted from 1; 0 when it is no part of it. */
size_t dsn_lint_line(DsnSpan message, DsnSpan where);

#endif
