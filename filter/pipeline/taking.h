/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * taking.h - what the files share that take records in
 *
 * Purpose:   the elements of one body on their way into the spool, the notices that they share, and
 *            what becomes of them.
 * Source:    dsnarf(8), "Repetitions" and "One notice for several recipients".
 * Ownership: a taking owns its chunks, a chunk its units, a unit what is pending in it.
 * Errors:    said at each function.
 * Threads:   one thread at a time.
 */
#ifndef DSN_PIPELINE_TAKING_H
#define DSN_PIPELINE_TAKING_H

#include "filter/core/record-plain.h"
#include "filter/pipeline/draft.h"
#include "filter/pipeline/pipeline-private.h"

/* An element on its way into the spool. */
typedef struct DsnPending {
    DsnSpan element;
    guint64 index;
    unsigned tries;
    bool notify;         /* its type is one that notices are made for */
    bool alone;          /* it shares its notice with no other */
    bool known;          /* the event was taken before: the original is what is new */
    DsnReason reason;    /* why it has no notice */
    const char *rate;    /* of RATE_LIMITED, as in DsnVerdict */
    const char *capture; /* the same */
    DsnLogLine line;     /* without text when it is not wanted */
} DsnPending;

/* What belongs to an item of a deposit and is not the spool's. */
typedef struct DsnUnit {
    GArray *pending; /* of DsnPending: one; more where they share a notice; none for an attempt */
    DsnDraft *draft; /* of the notice; NULL: there is none */
    bool admitted;   /* the governor has let it pass */
    DsnNotice notice;
} DsnUnit;

typedef struct DsnChunk {
    DsnDeposit *deposit;
    GPtrArray *units;   /* of DsnUnit, one for each item */
    GHashTable *groups; /* group of a draft -> its unit's place */
    size_t bytes;
} DsnChunk;

/* An element for which the governor had no room. */
typedef struct DsnDeferred {
    DsnSpan text;
    guint64 index;
} DsnDeferred;

/* One body. */
typedef struct DsnTaking {
    DsnCase the_case;
    bool again;              /* the body is a dead letter: what cannot be read stays where it is */
    const DsnManner *manner; /* NULL: the usual one */
    DsnSpan body;
    const DsnFollowed *followed; /* NULL: nobody follows it */
    bool placed;                 /* its place was kept */
    DsnChunk *held;              /* dead letters of what is followed, that go with its place */
    DsnTally *tally;
    guint64 n_rejected;
    DsnChunk *chunk;      /* that is being filled */
    GQueue waiting;       /* of DsnChunk: with the writer */
    GArray *deferred;     /* of DsnDeferred; NULL once they are decided for good */
    GHashTable *attempts; /* what this body says about last attempts: key -> GBytes */
    GString *sender;
    DsnPlainRecord plain; /* for one record at a time */
    GError *error;
} DsnTaking;

/* An element for whom a notice is due, and its item without the notice. */
typedef struct DsnDue {
    DsnElement *element;
    DsnPending *pending;
    DsnItem *item;
    size_t bytes;
    const DsnTenant *tenant;
    const char *sender; /* whom the notice goes to */
    DsnSaying saying;
    DsnKey group;
} DsnDue;

/* ---- taking-outcome.c: units, and what became of them ---- */

void dsn_pending_clear(gpointer pending);
DsnUnit *dsn_unit_new(void);
void dsn_unit_free(gpointer unit);
DsnChunk *dsn_chunk_new(void);
void dsn_chunk_free(DsnChunk *chunk);

/* For tables whose keys are DsnKey. */
guint dsn_key_hash(gconstpointer key);
gboolean dsn_key_equal(gconstpointer a, gconstpointer b);

/* To the chunk that is being filled, which is made if need be; each takes over what the item, @unit
 * and @pending own. @bytes is what the item costs in memory. */
void dsn_taking_add_unit(DsnTaking *taking, const DsnItem *item, DsnUnit *unit, size_t bytes);
void dsn_taking_add_item(DsnTaking *taking, const DsnItem *item, DsnPending *pending, size_t bytes);

void dsn_taking_count_accepted(DsnTaking *taking, DsnPending *pending);
void dsn_taking_count_duplicate(DsnTaking *taking, DsnPending *pending);
void dsn_taking_count_noticed(DsnTaking *taking, DsnUnit *unit, const DsnItem *item);
void dsn_taking_count_rejected(DsnTaking *taking, DsnSpan text, guint64 index, const char *reason);

/* Makes a dead letter of @text. */
void dsn_taking_reject(DsnTaking *taking, DsnSpan text, guint64 index, const char *reason);

/* Tells the governor that the notice of @unit was not made after all. */
void dsn_taking_give_back(DsnTaking *taking, DsnUnit *unit);

/* ---- taking-notice.c: which notice an element belongs to ---- */

/* Remembers what an attempt said, in case the message expires. */
void dsn_taking_add_attempts(DsnTaking *taking, const DsnRecord *record);

/* True if a recipient was told to wait. */
bool dsn_taking_was_delayed(const DsnTaking *taking, const DsnRecord *record,
                            const DsnTenant *tenant);

/* Finds the notice that @due belongs to. With DSN_REASON_NONE all that @due holds was taken over.
 */
DsnReason dsn_taking_join_notice(DsnTaking *taking, DsnDue *due);

/* Makes the notices of @chunk, which is not the one that is being filled any more. */
void dsn_taking_make_notices(DsnTaking *taking, DsnChunk *chunk);

/* ---- take-records.c: one body ---- */

bool dsn_taking_was_seen(const DsnTaking *taking, const DsnKey *event);

/* Waits for the chunk that was handed over first. */
void dsn_taking_finish_chunk(DsnTaking *taking);

/* Takes what @before was about once more; @alone: without sharing a notice. */
void dsn_taking_again(DsnTaking *taking, const DsnPending *before, bool alone);

#endif
