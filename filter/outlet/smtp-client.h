/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * smtp-client.h - notices over one SMTP or LMTP connection
 *
 * Purpose:   hand over messages with the null sender and one recipient each, and tell apart what
 *            is wrong with a message and what is wrong with the host.
 * RFC:       5321, 2033 (LMTP), 2920 (PIPELINING), 6152 (8BITMIME), 6531 (SMTPUTF8), 1870 (SIZE),
 *            3461 (DSN), 8689 (REQUIRETLS); rules ENV-02, ENV-08 to ENV-10, ENV-17 to ENV-19,
 *            LOOP-11, SEC-01, ESMTP-19, MIME-12, I18N-15.
 * Ownership: the client owns its connection and borrows its target, see smtp-link.h; messages are
 *            the caller's.
 * Errors:    DSN_SMTP_ERROR with the answer or what else is wrong with the host.
 * Threads:   one thread at a time; see smtp-link.h.
 */
#ifndef DSN_OUTLET_SMTP_CLIENT_H
#define DSN_OUTLET_SMTP_CLIENT_H

#include "filter/outlet/smtp-link.h"

typedef struct DsnSmtpClient DsnSmtpClient;

typedef enum DsnSmtpOutcome {
    DSN_SMTP_UNTRIED,    /* nothing came of it: as if it had not been given */
    DSN_SMTP_AGAIN,      /* during a run only: the host refused its REQUIRETLS */
    DSN_SMTP_UNSUITABLE, /* it needs 8BITMIME or SMTPUTF8, which this host does not offer, and it
                            cannot be converted */
    DSN_SMTP_SENT,
    DSN_SMTP_TEMPFAIL, /* the host refused it for now */
    DSN_SMTP_PERMFAIL, /* the host refused it for good */
    DSN_SMTP_BROKEN,   /* the host failed in the middle of it, before it could have it */
    DSN_SMTP_UNKNOWN   /* the host failed behind the final dot: it may have it */
} DsnSmtpOutcome;

/* A notice says no more than headers then (rule ENV-18): it goes to a host without REQUIRETLS, or
 * one that refuses it, too (rule ENV-19). */
typedef enum DsnSmtpRequireTls {
    DSN_REQUIRETLS_NO,     /* there is no need */
    DSN_REQUIRETLS_WANTED, /* it was not offered */
    DSN_REQUIRETLS_SENT,
    DSN_REQUIRETLS_REFUSED /* it was offered, and refused */
} DsnSmtpRequireTls;

typedef struct DsnSmtpMessage {
    DsnSpan recipient;
    DsnSpan content; /* lines end in CRLF */
    bool eight_bit;
    bool utf8;
    DsnSmtpRequireTls requiretls; /* NO or WANTED at first */
    DsnSmtpOutcome outcome;
    char *reply;        /* what the outcome rests on; NULL for UNTRIED */
    GString *converted; /* the content in 7 bits, if that is what this host gets; else NULL */
} DsnSmtpMessage;

/* Frees what the client has put into @message. */
void dsn_smtp_message_clear(DsnSmtpMessage *message);

typedef enum DsnSmtpRun {
    DSN_SMTP_RUN_DONE,  /* all but the UNTRIED ones have their outcome; those were not begun because
                           of  a stop */
    DSN_SMTP_RUN_ENDED, /* the connection has done its share, or the server ended it between two
                           messages: the rest may go over another */
    DSN_SMTP_RUN_FAULT  /* the host is at fault */
} DsnSmtpRun;

/* Connects, or says what is wrong with the host. */
DsnSmtpClient *dsn_smtp_client_open(const DsnSmtpTarget *target, GError **error);

/* Takes leave of the server if the connection is in order, and ends it. NULL is fine. */
void dsn_smtp_client_free(DsnSmtpClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnSmtpClient, dsn_smtp_client_free)

/* See dsn_smtp_peer_name() (transfer none). */
const char *dsn_smtp_client_peer(const DsnSmtpClient *client);

/* False if a kept connection is of no use any more. */
bool dsn_smtp_client_is_usable(DsnSmtpClient *client);

/* Called for each message as soon as it has one of the last five outcomes. */
typedef void (*DsnSmtpDone)(DsnSmtpMessage *message, gpointer user);

/* Sends those of @messages that are UNTRIED. Only DONE leaves a client that can be used again;
 * @error is set for FAULT. */
DsnSmtpRun dsn_smtp_client_send(DsnSmtpClient *client, DsnSmtpMessage *messages, size_t count,
                                DsnSmtpDone done, gpointer user, GError **error);

#endif
