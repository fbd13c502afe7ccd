/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lint.h - does a notice obey the rules
 *
 * Purpose:   a strict reading of a DSN that names each broken rule by its id.
 * RFC:       3464, 6522, 6533, 2045 to 2047, 5322, 3834; rules MIME, DSN, RCPT, STAT, LOOP.
 * Ownership: findings are plain values; their text is constant, the span points into the message.
 * Errors:    none: everything that is wrong is a finding.
 * Threads:   reentrant. GMime must have been initialised.
 */
#ifndef DSN_MIME_LINT_H
#define DSN_MIME_LINT_H

#include "mime/limits.h"
#include "mime/span.h"

typedef enum DsnLintLevel { DSN_LINT_SHOULD, DSN_LINT_MUST } DsnLintLevel;

typedef struct DsnFinding {
    const char *rule; /* id of the broken rule, "MIME-01" */
    DsnLintLevel level;
    const char *text; /* a constant English phrase */
    DsnSpan where;    /* the bytes concerned, absent when it is about something missing */
} DsnFinding;

/* Appends a DsnFinding for each broken rule to @ret_findings. Returns true if no MUST is broken. */
bool dsn_lint_notice(DsnSpan message, const DsnLimits *limits, GArray *ret_findings);

#endif
