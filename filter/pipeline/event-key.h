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

/* An event is (nodeid, type, id, sorted recipients, event time, attempts). A Rejection has no id,
 * and so it is all that its record says. */
DsnKey dsn_event_key(const DsnRecord *record);

/* A notice is (nodeid, id, created, recipient, action), of which the action is "failed". */
DsnKey dsn_notice_key(const DsnRecord *record, const char *recipient);

/* @digits are 32 hexadecimal digits. */
DsnKey dsn_message_key(const char *digits, int64_t now);

#endif
