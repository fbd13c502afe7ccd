/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * outgoing.h - what mail leaves with
 *
 * Purpose:   tell from a message that leaves whose it is and who gets it, so that a report about it
 *            can be believed: which fields are added, and which others give way.
 * Source:    dsnarf-milter(7), "Traces in what is sent"; RFC 9477; rules CFBL-01, CFBL-08, FBL-11.
 * Ownership: a stamp owns its values and borrows from the policy.
 * Errors:    none: what has no form in JSON is left out.
 * Threads:   reentrant.
 */
#ifndef DSN_PIPELINE_OUTGOING_H
#define DSN_PIPELINE_OUTGOING_H

#include "filter/pipeline/policy.h"

/* Of each name; the readers of reports look no further either. */
#define DSN_STAMP_JUDGED 16

/* A message as the MTA shows it; NULL is what is not known. */
typedef struct DsnOutgoing {
    const char *sender;    /* without brackets */
    const char *recipient; /* the only one: each would learn of the others */
    const char *client;    /* address of who submitted it */
    const char *id;        /* queue id */
    DsnSpan header;        /* its fields */
} DsnOutgoing;

/* A field that is put in front of the header. */
typedef struct DsnStampField {
    const char *name;
    char *value; /* folded with CRLF, without the blank that it begins with */
} DsnStampField;

/* One that is taken out: the number of those with its name that end with it. */
typedef struct DsnStampRemoval {
    const char *name;
    unsigned number;
} DsnStampRemoval;

typedef struct DsnStamp {
    const char *tenant;      /* its name; NULL: nobody's */
    bool wanted;             /* false: it is to leave as it came */
    DsnStampField fields[4]; /* the first one goes to the top */
    size_t n_fields;
    DsnStampRemoval removals[3 * DSN_STAMP_JUDGED]; /* of each name from the last to the first */
    size_t n_removals;
} DsnStamp;

/* False for mail that leaves as it came, whatever its header says. */
bool dsn_outgoing_is_stamped(const DsnPolicy *policy, const DsnOutgoing *mail);

/* What @mail lacks: of a message that was here before nothing. @ret_stamp need not be
 * initialised. */
void dsn_stamp_init(DsnStamp *ret_stamp, const DsnPolicy *policy, const DsnOutgoing *mail,
                    int64_t now);
void dsn_stamp_clear(DsnStamp *stamp);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DsnStamp, dsn_stamp_clear)

#endif
