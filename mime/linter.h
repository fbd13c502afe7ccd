/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * linter.h - what the two halves of the lint share
 *
 * Purpose:   collect findings; lint.c reads the frame, lint-fields.c the machine-readable part.
 * RFC:       3464, 6533; rules DSN-*, RCPT-*, STAT-*, I18N-*.
 * Ownership: a linter borrows all that it points to.
 * Errors:    none: everything that is wrong is a finding.
 * Threads:   one thread at a time.
 */
#ifndef DSN_MIME_LINTER_H
#define DSN_MIME_LINTER_H

#include "mime/date.h"
#include "mime/lint.h"

typedef struct DsnLinter {
    const DsnLimits *limits; /* no more than limits->defects findings are kept */
    GArray *findings;
    bool broken; /* a MUST is */

    /* What lint-fields.c has seen, for comparison with the other parts. */
    bool none_failed; /* each recipient has an Action, and no Action is failed */
    DsnSpan reporting_name;
    DsnSpan envelope_id;
} DsnLinter;

void dsn_linter_must(DsnLinter *linter, const char *rule, const char *text, DsnSpan where);
void dsn_linter_should(DsnLinter *linter, const char *rule, const char *text, DsnSpan where);

/* Names of fields, of which neither is absent, in any case. */
bool dsn_lint_is_name(DsnSpan a, DsnSpan b);

/* A date-time of RFC 5322 section 3.3, right weekday and numeric zone. */
bool dsn_lint_is_date(DsnSpan value);

/* A domain name without a final dot, or an address literal. */
bool dsn_lint_is_domain(DsnSpan name);

/* Well-formed UTF-8; a NUL is the business of rule SEC-01. */
bool dsn_lint_is_utf8(DsnSpan text);

/* "<left@right>" (RFC 5322 section 3.6.4). */
bool dsn_lint_is_message_id(DsnSpan text);

/* Reads the fields of the machine-readable part, @content, transfer encoding undone. */
void dsn_lint_fields(DsnLinter *linter, DsnSpan content, bool global);

#endif
