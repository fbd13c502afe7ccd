/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lmtp-session.h - the server's side of an LMTP dialogue, without a socket
 *
 * Purpose:   bytes of the client in, replies and messages out.
 * RFC:       2033; 5321 sections 4.1, 4.2, 4.5.2, 4.5.3; 1870, 2034, 2920, 3461, 6152, 6531; rules
 *            ESMTP-01 to ESMTP-12, ESMTP-38.
 * Ownership: the session owns the envelope and the replies, and borrows its options.
 * Errors:    none: what is wrong is answered.
 * Threads:   one thread at a time.
 *
 * Only CRLF "." CRLF ends a message. A lone CR or LF in it is content, and so is a dot behind one:
 * no peer that sees line ends elsewhere can hide a second message in a first. A command may end in
 * a lone LF, for those who type it.
 */
#ifndef DSN_INTAKE_LMTP_SESSION_H
#define DSN_INTAKE_LMTP_SESSION_H

#include "mime/span.h"

/* With CRLF; RFC 3461 section 5.4 wants 1,036 at least. */
#define DSN_LMTP_LINE_MAX ((size_t)2048)
/* RFC 5321 section 4.5.3.1.8 wants 100 at least; a client sends the others after these. */
#define DSN_LMTP_RECIPIENTS_MAX ((guint)100)

/* May change between two steps. */
typedef struct DsnLmtpOptions {
    const char *hostname;
    size_t message_max; /* bytes of a message, see SIZE */
    bool (*takes)(DsnSpan recipient, gpointer user);
    gpointer user;
} DsnLmtpOptions;

typedef struct DsnLmtpEnvelope {
    char *client;          /* the name in LHLO */
    char *sender;          /* without brackets; "" is the null sender */
    GPtrArray *recipients; /* of char *, the same way; none is empty */
    GString *message;      /* with CRLF as it came, dots undone; cut if it is too large */
    size_t size;           /* of the whole message */
    bool utf8;             /* sent with SMTPUTF8 */
} DsnLmtpEnvelope;

typedef enum DsnLmtpStep {
    DSN_LMTP_MORE,    /* all bytes are used up: send the replies, and read on */
    DSN_LMTP_MESSAGE, /* a message is complete: dsn_lmtp_session_answer() is due */
    DSN_LMTP_CLOSE    /* send the replies, and close */
} DsnLmtpStep;

typedef struct DsnLmtpSession DsnLmtpSession;

/* The greeting is the first of the replies. */
DsnLmtpSession *dsn_lmtp_session_new(const DsnLmtpOptions *options);
void dsn_lmtp_session_free(DsnLmtpSession *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnLmtpSession, dsn_lmtp_session_free)

/* Takes bytes off the front of *@input until something is due. */
DsnLmtpStep dsn_lmtp_session_step(DsnLmtpSession *session, DsnSpan *input);

/* What the message came with (transfer none). */
const DsnLmtpEnvelope *dsn_lmtp_session_envelope(const DsnLmtpSession *session);

/* Gives the message back: @reply ("250 2.0.0 text") for each of its recipients. */
void dsn_lmtp_session_answer(DsnLmtpSession *session, const char *reply);

/* Appends a last reply; the caller closes. */
void dsn_lmtp_session_end(DsnLmtpSession *session, const char *reply);

/* True between 354 and the end of the message. */
bool dsn_lmtp_session_in_data(const DsnLmtpSession *session);

/* What is to be sent; the caller takes off what it has sent (transfer none). */
GString *dsn_lmtp_session_replies(DsnLmtpSession *session);

#endif
