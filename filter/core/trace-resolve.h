/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace-resolve.h - which message a report is about, and how we know
 *
 * Purpose:   gather from everywhere in a report what identifies the original, in one fixed order.
 * Source:    dsnarf-records(5), "What the report is about"; rules OOB-11 to OOB-14, ARF-07, ARF-25,
 *            CFBL-06, CFBL-08, QRK-03, QRK-12, FBL-10, SEC-03.
 * Ownership: a resolution borrows from the report and owns the rest.
 * Errors:    none: what cannot be read is no clue.
 * Threads:   one thread at a time.
 *
 * The order of clues: supplemental traces, the envelope id, the return path (a configured pattern,
 * VERP, SRS, BATV, a token behind "+"), CFBL-Feedback-ID, Feedback-ID, List-Unsubscribe and
 * Message-ID of the original, and at last the recipient that the report itself names. What clues
 * say differently stays visible. Verified clues win over all others, bad ones never count.
 */
#ifndef DSN_CORE_TRACE_RESOLVE_H
#define DSN_CORE_TRACE_RESOLVE_H

#include "filter/core/return-path.h"
#include "filter/core/trace-sign.h"
#include "mime/report.h"

#define DSN_TRACES_MAX 18
#define DSN_CLUES_MAX 32

typedef enum DsnIdentity {
    DSN_IDENTITY_RECIPIENT, /* of the original */
    DSN_IDENTITY_SENDER,    /* of the original, where its return path was rewritten */
    DSN_IDENTITY_TENANT,
    DSN_IDENTITY_CAMPAIGN,
    DSN_IDENTITY_ENVELOPE_ID,
    DSN_IDENTITY_MESSAGE_ID,
    DSN_IDENTITY_TOKEN, /* whatever it means to the sending system */
    DSN_N_RESOLVED,
    /* these are told, but not chosen from */
    DSN_IDENTITY_HASH = DSN_N_RESOLVED, /* of SRS, not checked */
    DSN_IDENTITY_MAIL_TYPE,             /* of Feedback-ID, like the next one */
    DSN_IDENTITY_SENDER_ID,
    DSN_IDENTITY_REDACTED, /* what stands in place of a recipient (RFC 6590) */
    DSN_N_IDENTITIES
} DsnIdentity;

/* A supplemental trace, without its marker. */
typedef struct DsnTrace {
    json_t *object;
    DsnSpan header; /* name of the field that it stood in */
    DsnTraceSeal seal;
} DsnTrace;

typedef struct DsnClue {
    const char *kind; /* "header:", "field:", "return-path:" */
    DsnSpan name;     /* of the field, or of the form: with the kind it is the source */
    DsnSpan place;    /* of a return path: "envelope", or the field that it stood in */
    DsnTraceState state;
    DsnSpan values[DSN_N_IDENTITIES];
} DsnClue;

typedef struct DsnResolution {
    DsnTrace traces[DSN_TRACES_MAX]; /* in the order of the header, then of feedback ids */
    size_t n_traces;
    const DsnTrace *supplemental; /* the first verified one in an X- field, or the first; or NULL */
    DsnClue clues[DSN_CLUES_MAX];
    size_t n_clues;
    GStringChunk *strings; /* NULL: none was needed */
} DsnResolution;

/* What is known beforehand. */
typedef struct DsnResolveOptions {
    const DsnTraceKeys *keys;    /* may be NULL */
    const DsnReturnPaths *paths; /* may be NULL */
    DsnSpan envelope_recipient;  /* of the report; absent where there was no session */
    int64_t now;                 /* unix seconds */
} DsnResolveOptions;

/* @ret_resolution need not be initialised. */
void dsn_resolution_init(DsnResolution *ret_resolution, const DsnReport *report,
                         const DsnResolveOptions *options);
void dsn_resolution_clear(DsnResolution *resolution);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DsnResolution, dsn_resolution_clear)

/* The clue whose value of @identity counts, or NULL (transfer none). */
const DsnClue *dsn_resolution_find(const DsnResolution *resolution, DsnIdentity identity);

/* True if another clue that counts says something else than @chosen. Tokens are each of a kind of
 * its own. */
bool dsn_resolution_differs(const DsnResolution *resolution, DsnIdentity identity,
                            const DsnClue *chosen);

/* The first trace that is verified, or NULL (transfer none). */
const DsnTrace *dsn_resolution_verified(const DsnResolution *resolution);

/* True for an address that stands for one that was taken out: no local part, or one that says so
 * (RFC 6590, RFC 6650 section 4.4). */
bool dsn_recipient_is_redacted(DsnSpan recipient);

#endif
