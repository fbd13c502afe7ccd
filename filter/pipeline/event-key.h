/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * event-key.h - what an event and a notice are known by
 *
 * Purpose:   one key for what happened, however often and by whatever road its record comes.
 * Source:    dsnarf(8), "Repetitions"; rule ENV-20.
 * Ownership: plain values.
 * Errors:    none.
 * Threads:   reentrant.
 */
#ifndef DSN_PIPELINE_EVENT_KEY_H
#define DSN_PIPELINE_EVENT_KEY_H

#include "filter/pipeline/spool.h"
#include "mime/report.h"

/* An event is (nodeid, type, id, sorted recipients, event time, attempts). A Rejection has no id,
 * and so it is all that its record says. */
DsnKey dsn_event_key(const DsnRecord *record);

/* The same for what happens once to a recipient of a message, and is told again with another time:
 * (nodeid, type, id, recipients, created). */
DsnKey dsn_single_event_key(const DsnRecord *record);

/* What a notice says: the action, and how long the message was delayed. */
typedef struct DsnSaying {
    DsnAction action;
    bool late;         /* delivered after a notice of delay */
    int64_t threshold; /* seconds, of a delay */
} DsnSaying;

/* A notice is (nodeid, id, created, recipient, what it says), where all that is final is one: a
 * recipient whose failure or delivery was told about is done with (rule ENV-20). */
DsnKey dsn_notice_key(const DsnRecord *record, const char *recipient, const DsnSaying *saying);

/* What notices of one message have in common that can be one: (nodeid, id, created, sender, tenant,
 * what they say). @tenant may be NULL. Never all zeros. */
DsnKey dsn_group_key(const DsnRecord *record, const char *sender, const char *tenant,
                     const DsnSaying *saying);

/* Where the last attempt for a recipient of a message is kept: (nodeid, id, recipient). */
DsnKey dsn_attempt_key(const DsnRecord *record, const char *recipient);

/* @digits are 32 hexadecimal digits. */
DsnKey dsn_message_key(const char *digits, int64_t now);

#endif
