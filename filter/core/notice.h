/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * notice.h - from a record and an original to a notice
 *
 * Purpose:   decide whether a notice is due, say what it says, and write it.
 * RFC:       3464, 3461 section 5.2, 3834, 5321 section 6.1; rules ENV-*, LOOP-*, SEC-06.
 * Ownership: the maker borrows its options; the notice is appended to the caller's buffer.
 * Errors:    a GError where a notice cannot be made; that none is due is no error, but a reason.
 * Threads:   a maker is constant; records and originals are for one thread each.
 */
#ifndef DSN_CORE_NOTICE_H
#define DSN_CORE_NOTICE_H

#include "filter/core/address-pattern.h"
#include "filter/core/configuration.h"
#include "filter/core/reason.h"
#include "filter/core/record.h"
#include "mime/report-build.h"
#include "templates/catalog.h"

typedef struct DsnNoticeOptions {
    bool enable[DSN_N_RECORD_TYPES]; /* see dsn_notice_has_type() */
    bool internal;
    bool delivered_late;
    bool delay_by_default;
    bool confidential;
    bool all_languages;
    bool html;
    DsnAutomatic automatic;
    unsigned trust;             /* bits of DsnTrust that suffice */
    const DsnPatterns *ignore;  /* may be NULL */
    const int64_t *delay_after; /* seconds, rising */
    size_t n_delay_after;
    int64_t lifetime; /* seconds */
    DsnReturn include_original;
    size_t return_limit;    /* bytes of original above which only headers are returned */
    DsnTyped reporting_mta; /* "dns", "mta1.example.com" */
    GHashTable *nodes;      /* nodeid -> host name that replaces reporting_mta's; may be NULL */
    DsnSpan from_display;
    DsnSpan from;                 /* mailer-daemon@ the reporting host when absent */
    DsnSpan postmaster;           /* may be absent */
    DsnSpan tenant;               /* its name; absent: none */
    const char *const *languages; /* NULL-terminated; may be NULL */
    const DsnMetaKeys *meta;      /* may be NULL: the records' meta says nothing of wishes */
    const DsnAuthenticationOptions *authentication; /* may be NULL: no field is believed */
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
    DsnBuilt built;
    bool minimal;         /* the full notice broke a rule, a minimal one was made instead */
    const char *broken;   /* then: the id of the rule, or NULL */
    const char *language; /* the preferred one of its words, a tag that the catalog owns */
    bool requiretls;      /* the original was for TLS alone, and so is the notice (rule ENV-18) */
    char *template_fault; /* an administrator's template failed and the shipped one was used: why */
} DsnNotice;

void dsn_notice_clear(DsnNotice *notice);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DsnNotice, dsn_notice_clear)

/* True for the types of record that a notice can be enabled for. */
bool dsn_notice_has_type(DsnRecordType type);

/* What is to be said about one record, and to whom. */
typedef struct DsnDecision {
    DsnReason reason; /* DSN_REASON_NONE: a notice is due */
    DsnAction action;
    bool late;         /* delivered or relayed after a notice of delay, which nobody asked for */
    int64_t threshold; /* seconds, of a delayed notice: the greatest of delay_after that is past */
    unsigned trust;    /* bits of DsnTrust that hold */
    unsigned broken_wishes; /* of the sender, which were left aside */
} DsnDecision;

/* Decides by what @record, its original (absent when not at hand) and the sender's wishes say;
 * @trust are the bits that the caller knows of, DSN_TRUST_ANY if it vouches itself. Takes the
 * recipients out of @record for whom nothing is due, unless that leaves none. With DSN_REASON_NONE
 * the address that the notice goes to is appended to @ret_sender, without angle brackets. */
void dsn_notice_decide(const DsnNoticeOptions *options, DsnRecord *record, DsnSpan original,
                       unsigned trust, GString *ret_sender, DsnDecision *ret_decision);

/* True if what @record and its original (absent when not at hand) say by themselves lets a notice
 * be made, whatever the sender wishes and whoever he is. Then the address that it would go to is
 * appended to @ret_sender. */
bool dsn_notice_may_be_due(const DsnNoticeOptions *options, const DsnRecord *record,
                           DsnSpan original, GString *ret_sender);

/* What one notice is made of. */
typedef struct DsnNoticeRequest {
    const DsnNoticeOptions *options;
    DsnRecord *const *records; /* of one message, for which the same was decided; at least one */
    size_t n_records;
    DsnSpan original; /* absent when not at hand */
    DsnAction action;
    bool late;
    int64_t threshold;
    const DsnRecord *last_failure; /* of an expired message: its last TransientFailure, or NULL */
    const char *language;          /* instead of what the options and the original say, or NULL */
    int64_t now;                   /* the time of making, unix seconds */
} DsnNoticeRequest;

/* Makes the notice. The finished notice has passed our own strict parser and lint (rule SEC-06); if
 * the full one would not, a minimal one is made. Message-ID and boundary are digests of nodeid, id,
 * creation time, recipients, action and threshold: the same events made into a notice again give
 * the same Message-ID. Its To is the sender as dsn_address_normalise() has it, and that is also
 * whom it goes to. False with @error; the buffer is then as it was. */
bool dsn_notice_build(const DsnNoticeRequest *request, GString *ret_bytes, DsnNotice *ret_notice,
                      GError **error);

#endif
