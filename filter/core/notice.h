/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * notice.h - from a record and an original to a notice
 *
 * Purpose:   decide whether a notice is due, say what it says, and write it.
 * RFC:       3464, 3461 section 5.2, 3834, 5321 section 6.1; rules ENV-*, LOOP-*, SEC-06.
 * Ownership: the maker borrows its options; the notice is appended to the caller's buffer.
 * Errors:    DSN_NOTICE_FAILED with a GError; DSN_NOTICE_NOT_DUE with a reason is no error.
 * Threads:   a maker is constant; records and originals are for one thread each.
 */
#ifndef DSN_CORE_NOTICE_H
#define DSN_CORE_NOTICE_H

#include "filter/core/reason.h"
#include "filter/core/record.h"
#include "mime/report-build.h"
#include "templates/catalog.h"

typedef struct DsnNoticeOptions {
    bool enable[DSN_N_RECORD_TYPES]; /* only BOUNCE and EXPIRATION can be enabled */
    DsnReturn include_original;
    size_t return_limit;    /* bytes of original above which only headers are returned */
    DsnTyped reporting_mta; /* "dns", "mta1.example.com" */
    GHashTable *nodes;      /* nodeid -> host name that replaces reporting_mta's; may be NULL */
    DsnSpan from_display;
    DsnSpan from; /* mailer-daemon@ the reporting host when absent */
    const DsnCatalog *catalog;
    const DsnLimits *limits;
    bool stable; /* fixed boundary and Message-ID, the record's event time as Date */
} DsnNoticeOptions;

typedef enum DsnNoticeResult {
    DSN_NOTICE_MADE,
    DSN_NOTICE_NOT_DUE,
    DSN_NOTICE_FAILED
} DsnNoticeResult;

/* What came of it. */
typedef struct DsnNotice {
    DsnReason reason; /* of DSN_NOTICE_NOT_DUE */
    DsnBuilt built;
    bool minimal;         /* the full notice broke a rule, a minimal one was made instead */
    const char *broken;   /* then: the id of the rule, or NULL */
    char *template_fault; /* an administrator's template failed and the shipped one was used: why */
} DsnNotice;

void dsn_notice_clear(DsnNotice *notice);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DsnNotice, dsn_notice_clear)

/* Why none is due for @record, or DSN_REASON_NONE; then the address that it goes to is appended to
 * @ret_sender, without angle brackets. */
DsnReason dsn_notice_reason(const DsnNoticeOptions *options, const DsnRecord *record,
                            DsnSpan original, GString *ret_sender);

/* Makes the notice for @record; @original is absent when not at hand; @now is the time of making,
 * unix seconds. The finished notice has passed our own strict parser and lint (rule SEC-06); if the
 * full one would not, a minimal one is made. Message-ID and boundary are digests of nodeid, id,
 * creation time, recipients and action: the same event made into a notice again gives the same
 * Message-ID. Its To is the record's sender as dsn_address_normalise() has it, and that is also
 * whom it goes to. */
DsnNoticeResult dsn_notice_make(const DsnNoticeOptions *options, const DsnRecord *record,
                                DsnSpan original, int64_t now, GString *ret_bytes,
                                DsnNotice *ret_notice, GError **error);

#endif
