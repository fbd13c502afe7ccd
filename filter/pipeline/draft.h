/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * draft.h - a notice before it is made
 *
 * Purpose:   collect the records of one message that one notice is about, also those of a notice
 *            that waits in the spool, and make the notice of them.
 * Source:    dsnarf(8), "One notice for several recipients"; rule ENV-21.
 * Ownership: a draft owns its records and texts; it borrows the tenant.
 * Errors:    said at each function.
 * Threads:   one thread at a time.
 */
#ifndef DSN_PIPELINE_DRAFT_H
#define DSN_PIPELINE_DRAFT_H

#include "filter/pipeline/event-key.h"
#include "filter/pipeline/policy.h"

/* Recipients in one notice. A record with more of them is alone in its notice. */
#define DSN_DRAFT_RECIPIENTS 100

typedef struct DsnDraft {
    const DsnTenant *tenant;
    DsnSaying saying;
    char *sender;
    DsnKey group;
    GPtrArray *records; /* of DsnRecord */
    size_t n_recipients;
    bool has_original;
    bool cut;                /* only the header of the original is here: the rest is too long to
                              * return, or was not kept */
    GString *original;       /* NULL unless has_original */
    DsnRecord *last_failure; /* of a message that expired; may be NULL */
    int64_t replaces;        /* entry of the open notice that it began as, 0: none */
    int64_t version;
} DsnDraft;

/* An empty draft. */
DsnDraft *dsn_draft_new(const DsnTenant *tenant, const DsnSaying *saying, const char *sender,
                        const DsnKey *group);
void dsn_draft_free(DsnDraft *draft);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnDraft, dsn_draft_free)

/* Makes the empty @draft what @open was made of. False if that cannot be read. */
bool dsn_draft_continue(DsnDraft *draft, const DsnOpenNotice *open);

/* True if there is no room for any recipient: such a notice waits for nobody. */
bool dsn_draft_is_full(const DsnDraft *draft);

/* True if @record can be added: there is room for its recipients. */
bool dsn_draft_has_room(const DsnDraft *draft, const DsnRecord *record);

/* Takes the recipients out of @record that the draft has. False, and all stay, when none is left.
 */
bool dsn_draft_keep_others(const DsnDraft *draft, DsnRecord *record);

/* Takes the record out of @element, and its original if the draft has none; with only the original
 * wanted, the record stays. */
void dsn_draft_add(DsnDraft *draft, DsnElement *element);
void dsn_draft_add_original(DsnDraft *draft, DsnElement *element);

/* Makes the notice (transfer full); it waits until @due, unix microseconds, for more recipients.
 * NULL and @error when it cannot be made. */
DsnSpoolNotice *dsn_draft_make(const DsnDraft *draft, int64_t now, int64_t due,
                               DsnNotice *ret_notice, GError **error);

#endif
