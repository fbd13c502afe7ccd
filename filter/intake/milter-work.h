/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * milter-work.h - what becomes of one message at its end
 *
 * Purpose:   one file for each kind of mail: reports, Postfix's own notices, and what leaves.
 * Source:    dsnarf-milter(7); libmilter's page xxfi_eom.
 * Ownership: the session owns what is known of the connection, and the message.
 * Errors:    a failure becomes the answer to the MTA.
 * Threads:   one at a time for each session; what sessions share is changed atomically.
 */
#ifndef DSN_INTAKE_MILTER_WORK_H
#define DSN_INTAKE_MILTER_WORK_H

#include "filter/intake/milter-message.h"
#include "filter/intake/milter-verdict.h"

/* What all sessions share. libmilter's callbacks carry no pointer of ours. */
typedef struct DsnMilterShared {
    DsnPipeline *pipeline;
    gsize held;             /* bytes of all messages that are being collected */
    gint inside;            /* callbacks that use the pipeline */
    gint ended;             /* none may any more */
    gint shut;              /* no connection is taken any more */
    gint taken;             /* connections so far, */
    gint closed;            /* and those that have ended; both wrap around */
    gint connections;       /* that have negotiated and are open */
    size_t max_connections; /* of those */
    int max_descriptor;     /* connections have none that is as high */
    int64_t last_answer;    /* monotonic time at which an end of message returned */
    int64_t last_complaint; /* monotonic times of a line about room, */
    int64_t last_refusal;   /* about connections that were refused, */
    int64_t last_shortage;  /* and about what the system lacks */
} DsnMilterShared;

/* NULL before the milter's life. */
DsnMilterShared *dsn_milter_shared(void);

/* One connection of the MTA. */
typedef struct DsnMilterSession {
    DsnMilterShared *shared;
    char *daemon; /* {daemon_name} of the MTA; these three are NULL when not known */
    char *peer_name;
    char *peer_addr;
    bool sends_data;  /* the MTA tells of DATA */
    bool takes_body;  /* the MTA lets us change it */
    bool keeps_blank; /* the blank that a field's value begins with is ours to write */
    DsnMilterMessage message;
} DsnMilterSession;

/* @value, which begins with a blank, without it where the MTA writes that itself. */
static inline char *
dsn_milter_value(const DsnMilterSession *session, char *value)
{
    return value + (session->keeps_blank || *value != ' ' ? 0 : 1);
}

/* A macro that the MTA has sent, or NULL (transfer none). */
const char *dsn_milter_macro(SMFICTX *context, const char *name);

/* The answer of @verdict, which ends the message. */
sfsistat dsn_milter_answer(SMFICTX *context, DsnMilterSession *session,
                           const DsnMilterVerdict *verdict);

/* ---- milter-report.c: mail to the addresses of roles ---- */

/* A report of ours that is not to be read: there is no room, or it has too many recipients. */
sfsistat dsn_milter_turn_away(SMFICTX *context, DsnMilterSession *session,
                              DsnMilterOutcome outcome);
sfsistat dsn_milter_end_report(SMFICTX *context, DsnMilterSession *session);

/* ---- milter-notice.c: what Postfix itself tells a sender ---- */

sfsistat dsn_milter_end_notice(SMFICTX *context, DsnMilterSession *session);

/* ---- milter-outgoing.c: mail of senders of ours ---- */

/* Whether its header is to be read; it can be asked before that comes. */
bool dsn_milter_is_read(const DsnMilterSession *session);
sfsistat dsn_milter_end_outgoing(SMFICTX *context, DsnMilterSession *session);

/* ---- milter-capture.c: what their senders ask for ---- */

/* At MAIL and RCPT, with the arguments of libmilter; and when such mail is let go. */
void dsn_milter_capture_begin(DsnMilterSession *session, char *const *arguments);
void dsn_milter_capture_recipient(DsnMilterSession *session, char *const *arguments);
void dsn_milter_capture_end(SMFICTX *context, DsnMilterSession *session);

#endif
