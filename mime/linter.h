/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * linter.h - what the pieces of the lint share
 *
 * Purpose:   collect findings; lint.c reads the frame, the others a header, a body, the
 *            machine-readable part or what is returned.
 * RFC:       3464, 6533, 5965, 6591, 9477; rules MIME-*, DSN-*, RCPT-*, STAT-*, I18N-*, ARF-*.
 * Ownership: a linter borrows all that it points to.
 * Errors:    none: everything that is wrong is a finding.
 * Threads:   one thread at a time.
 */
#ifndef DSN_MIME_LINTER_H
#define DSN_MIME_LINTER_H

#include "mime/date.h"
#include "mime/header.h"
#include "mime/lint.h"
#include "mime/structure.h"

typedef struct DsnLinter {
    const DsnLimits *limits; /* no more than limits->defects findings are kept */
    GArray *findings;
    DsnReportKind kind; /* whose rules: a notice's, a feedback report's, or those of any message */
    bool stored;        /* the message lies in a file: LF alone may be how its lines end there */
    bool broken;        /* a MUST is */

    /* A piece of the message that was decoded to be read, and what shows the part that it is the
     * body of: what is found in the copy is shown by that. */
    DsnSpan decoded;
    DsnSpan decoded_from;

    /* What lint-fields.c has seen, for comparison with the other parts. */
    bool none_failed; /* each recipient has an Action, and no Action is failed */
    DsnSpan gateway;  /* the field DSN-Gateway */
    bool translated;  /* an address is of another kind of mail */
    DsnSpan reporting_name;
    DsnSpan envelope_id;

    bool auth_failure; /* what lint-feedback.c has seen: the report is of RFC 6591 */
    char *word;        /* the first encoded word in what people read; owned by lint.c */
} DsnLinter;

void dsn_linter_must(DsnLinter *linter, const char *rule, const char *text, DsnSpan where);
void dsn_linter_should(DsnLinter *linter, const char *rule, const char *text, DsnSpan where);

/* Names of fields, of which neither is absent, in any case. */
bool dsn_lint_is_name(DsnSpan a, DsnSpan b);

/* Why @value is no date-time of RFC 5322 section 3.3, with the right weekday and a numeric zone;
 * NULL when it is one. */
const char *dsn_lint_date_fault(DsnSpan value);

/* What shows @part in findings about the whole of it: its Content-Type, else its header. */
DsnSpan dsn_lint_shown(const DsnPart *part);

/* A domain name without a final dot, or an address literal. */
bool dsn_lint_is_domain(DsnSpan name);

/* The first octet of @text that is no part of UTF-8; absent when there is none. A NUL is the
 * business of rule SEC-01. */
DsnSpan dsn_lint_not_utf8(DsnSpan text);

/* "<left@right>" (RFC 5322 section 3.6.4). */
bool dsn_lint_is_message_id(DsnSpan text);

/* @domain is @other, or above or below it. */
bool dsn_lint_is_related(DsnSpan domain, DsnSpan other);

/* The one address of From or To: what stands in angle brackets, or the whole without comments.
 * Absent when there is none, or more than one. */
DsnSpan dsn_lint_address(DsnSpan value);

/* What follows the last '@' of @address; absent when nothing does. */
DsnSpan dsn_lint_domain_of(DsnSpan address);

/* ---- lint-header.c ---- */

/* The header of the message itself. */
void dsn_lint_header(DsnLinter *linter, DsnSpan header);

/* Where encoded words stand in @field and how they are made (rules MIME-27 to MIME-29). */
void dsn_lint_encoded_words(DsnLinter *linter, const DsnHeaderField *field);

/* The length of the first encoded word in @text (RFC 2047 section 2), 0 when there is none; it
 * begins at *@ret_start. */
size_t dsn_lint_find_encoded_word(DsnSpan text, const char **ret_start);

/* ---- lint-body.c ---- */

/* Line ends and lengths of the whole message (rules MIME-23, MIME-24, SEC-01). */
void dsn_lint_lines(DsnLinter *linter, DsnSpan message);

/* Lines that could have been folded (rule MIME-23, second half), but not at the first @fixed spaces
 * of one. */
void dsn_lint_width(DsnLinter *linter, DsnSpan text, unsigned fixed);

/* What every part that is no multipart obeys. Returns whether its body has 8-bit octets. */
bool dsn_lint_leaf(DsnLinter *linter, const DsnPart *part);

/* The name of the part's transfer encoding; "7bit" when none is given. */
DsnSpan dsn_lint_encoding_of(const DsnPart *part);

/* The body of @part, transfer encoding undone; @buffer may be what holds it. Absent if it does not
 * decode, of which the rule of that encoding has told. */
DsnSpan dsn_lint_decode(DsnLinter *linter, const DsnPart *part, GString *buffer);

/* A text that people read is in the charset that it says (rule MIME-31), and short in its lines. */
void dsn_lint_text(DsnLinter *linter, const DsnPart *part, GString *buffer);

/* ---- lint-returned.c ---- */

/* Types that the third part can have. */
bool dsn_lint_is_returned(const DsnContentType *type);

/* The third part of a report with @header (RFC 6522 section 4). */
void dsn_lint_returned(DsnLinter *linter, DsnSpan header, const DsnPart *part, GString *buffer);

/* ---- lint-complaint.c ---- */

/* CFBL-Address in the @header of a message, and whether its signatures cover it (rules CFBL-01 to
 * CFBL-03). */
void dsn_lint_complaint_address(DsnLinter *linter, DsnSpan header);

/* A report with @header about a message with @original (rules CFBL-05, CFBL-06). */
void dsn_lint_complaint_report(DsnLinter *linter, DsnSpan header, DsnSpan original);

/* ---- lint-fields.c ---- */

/* Reads the fields of a delivery status, @content, transfer encoding undone. */
void dsn_lint_fields(DsnLinter *linter, DsnSpan content, bool global);

/* ---- lint-feedback.c ---- */

/* Reads the fields of a feedback report. */
void dsn_lint_feedback_fields(DsnLinter *linter, DsnSpan content);

#endif
