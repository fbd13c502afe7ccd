/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report-build.h - from a report to a notice
 *
 * Purpose:   write a delivery status notification as the bytes that leave us.
 * RFC:       3464, 6522, 6533, 3834, 2045 to 2047, 5322; rules MIME-*, DSN-*, RCPT-*, LOOP-*.
 * Ownership: the notice is appended to the caller's buffer; inputs are borrowed.
 * Errors:    DSN_BUILD_ERROR, and the buffer is as it was.
 * Threads:   reentrant. GMime must have been initialised.
 */
#ifndef DSN_MIME_REPORT_BUILD_H
#define DSN_MIME_REPORT_BUILD_H

#include "mime/report.h"
#include "mime/returned-build.h"
#include "mime/words-build.h"

/* The header field that marks our notices, so that they are known when they come back (LOOP-13). */
#define DSN_NOTICE_MARK "X-Dsnarf-Notice"

/* What stands around the machine-readable part. Text is UTF-8. */
typedef struct DsnFrame {
    DsnSpan from_display; /* may be absent */
    DsnSpan from;         /* a mailbox */
    DsnSpan to;           /* the original's envelope sender, a mailbox */
    DsnSpan subject;
    DsnSpan message_id; /* with angle brackets */
    int64_t date;
    DsnSpan boundary;      /* a proposal; another one is made if it occurs in a part */
    const DsnWords *words; /* part 1, the preferred language first; at least one */
    size_t n_words;
    const DsnReturnedPlan *returned; /* part 3 */
} DsnFrame;

typedef enum DsnBuildError {
    DSN_BUILD_ERROR_ADDRESS, /* From or To is no mailbox */
    DSN_BUILD_ERROR_REPORT   /* a required field is absent or cannot be written */
} DsnBuildError;

#define DSN_BUILD_ERROR dsn_build_error_quark()
GQuark dsn_build_error_quark(void);

/* What was returned of the original in the end, why not more, and what the notice asks of SMTP. */
typedef struct DsnBuilt {
    DsnReturn returned;
    const char *reduced; /* a constant phrase when less than @wanted was returned, else NULL */
    bool eight_bit;      /* the notice has 8-bit content: BODY=8BITMIME */
    bool utf8;           /* the notice needs SMTPUTF8 (a header or address is not ASCII) */
} DsnBuilt;

/* Appends In-Reply-To and References of an answer to the message with @header, if that has a valid
 * Message-ID (RFC 5322 section 3.6.4, rule MIME-30). */
void dsn_report_append_threading(DsnSpan header, GString *ret_header);

/* Appends the finished notice, CRLF line ends. @report holds per_message and per_recipient; an
 * original recipient of type utf-8 that is no address needs the global form (rule I18N-07), and
 * only that form holds Localized-Diagnostic, which is one of a recipient's extensions. */
bool dsn_report_build(const DsnReport *report, const DsnFrame *frame, GString *ret_notice,
                      DsnBuilt *ret_built, GError **error);

#endif
