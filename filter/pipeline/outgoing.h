/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * outgoing.h - the trace that mail takes with it
 *
 * Purpose:   tell from a message that leaves who gets it and whose it is, so that a report about it
 *            can be believed.
 * Source:    dsnarf-records(5), "Signed traces"; rules CFBL-08, FBL-11.
 * Ownership: everything is borrowed.
 * Errors:    none: what has no form in JSON is left out.
 * Threads:   reentrant.
 */
#ifndef DSN_PIPELINE_OUTGOING_H
#define DSN_PIPELINE_OUTGOING_H

#include "filter/pipeline/policy.h"

/* A message as the MTA shows it; NULL is what is not known. */
typedef struct DsnOutgoing {
    const char *sender;    /* without brackets */
    const char *recipient; /* the only one: each would learn of the others */
    const char *client;    /* address of who submitted it */
    const char *id;        /* queue id */
} DsnOutgoing;

/* Appends the trace of @mail in base64, folded, signed with trace.sign. */
void dsn_outgoing_trace(const DsnPolicy *policy, const DsnOutgoing *mail, int64_t now,
                        GString *ret_value);

#endif
