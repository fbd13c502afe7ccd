/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * evidence.h - whether a report may be believed
 *
 * Purpose:   weigh what proves a report: our own signature in what it returns, or who sent it.
 * Source:    dsnarf-records(5), "What proves a report"; RFC 9477 section 3; rules OOB-17, ARF-23,
 *            SEC-04, CFBL-05, AUTHF-10, ARF-22, FBL-11.
 * Ownership: rules borrow their configuration; evidence borrows rules, report and resolution.
 * Errors:    none: what cannot be read proves nothing.
 * Threads:   rules are constant; evidence is for one thread at a time.
 */
#ifndef DSN_CORE_EVIDENCE_H
#define DSN_CORE_EVIDENCE_H

#include "filter/core/authentication.h"
#include "filter/core/report-pieces.h"
#include "filter/core/trace-resolve.h"

/* [trace] and [authentication], ready for use. */
typedef struct DsnEvidenceRules DsnEvidenceRules;

DsnEvidenceRules *dsn_evidence_rules_new(const DsnConfiguration *configuration);
void dsn_evidence_rules_free(DsnEvidenceRules *rules);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnEvidenceRules, dsn_evidence_rules_free)

/* What a resolution needs of @rules (NULL: nothing is known). */
DsnResolveOptions dsn_evidence_resolve_options(const DsnEvidenceRules *rules);

/* Whether a report by RFC 9477 is signed by its author's domain, as it must be. */
typedef enum DsnCfbl {
    DSN_CFBL_NONE,      /* the original does not ask for such reports */
    DSN_CFBL_UNKNOWN,   /* no host that we trust has said anything */
    DSN_CFBL_ALIGNED,   /* signed by the domain of From, or one above or below it */
    DSN_CFBL_UNALIGNED, /* not signed so: nothing may be done because of it */
} DsnCfbl;

typedef struct DsnEvidence {
    const DsnReport *report;
    const DsnResolution *resolution;
    DsnAuthentication authentication;
    DsnCfbl cfbl;
    const DsnTrace *trace; /* verified; NULL: none is */
    DsnAuthentic sender;   /* "dkim" or "spf", and the domain that passed or the listed author */
    const char *client;    /* the listed network that it came from, or NULL */
} DsnEvidence;

/* @client is the address of who sent the report by SMTP, absent when it is not known. @rules may be
 * NULL. @ret_evidence need not be initialised. */
void dsn_evidence_init(DsnEvidence *ret_evidence, const DsnEvidenceRules *rules,
                       const DsnReport *report, const DsnResolution *resolution, DsnSpan client);
void dsn_evidence_clear(DsnEvidence *evidence);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DsnEvidence, dsn_evidence_clear)

/* The report is proven by one or the other. */
bool dsn_evidence_is_verified(const DsnEvidence *evidence);

/* The address that should get no more mail because of a complaint, or because of the bounce of
 * @recipient (NULL: a feedback report), which failed with @status; absent when that does not follow
 * from the report. Only what is verified can say so. */
DsnSpan dsn_evidence_suppress(const DsnEvidence *evidence, const DsnPerRecipient *recipient,
                              DsnStatusCode status);

/* "verified", "verified_by", "suppress" (as above), "authentication" and "cfbl". */
void dsn_pieces_evidence(DsnPieces *pieces, const DsnEvidence *evidence, DsnSpan suppress);

#endif
