/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * smtp-link.h - bytes and replies to and from an SMTP server
 *
 * Purpose:   reach a server as far as the answer to EHLO (and AUTH) or LHLO, then carry commands,
 *            contents and replies, each within its time.
 * RFC:       5321 sections 4.2 and 4.5.3.2, 2033 (LMTP), 3207 (STARTTLS), 4954 (AUTH), 8689
 *            section 2 (REQUIRETLS).
 * Ownership: the link owns its connection and buffers, and borrows the target for its life; name
 *            and route of it until it is open.
 * Errors:    DSN_SMTP_ERROR. After an error the link can only be freed.
 * Threads:   one thread at a time; *target->stopping may be set by any. curl_global_init() and
 *            ignoring SIGPIPE are the caller's.
 *
 * libcurl does TLS, EHLO and AUTH (CURLOPT_CONNECT_ONLY) over a socket that is connected.
 */
#ifndef DSN_OUTLET_SMTP_LINK_H
#define DSN_OUTLET_SMTP_LINK_H

#include "filter/core/configuration.h"
#include "filter/outlet/dial.h"

typedef enum DsnSmtpError {
    DSN_SMTP_ERROR_FAULT,  /* the server cannot be reached or talks nonsense, time is up */
    DSN_SMTP_ERROR_CLOSED, /* the connection is gone */
    DSN_SMTP_ERROR_STOPPED /* *stopping says so */
} DsnSmtpError;

#define DSN_SMTP_ERROR dsn_smtp_error_quark()
GQuark dsn_smtp_error_quark(void);

/* RFC 5321 section 4.5.3.2. */
typedef struct DsnSmtpTimes {
    GTimeSpan connect; /* TCP and a proxy; and TLS with the answer to EHLO in it */
    GTimeSpan greeting;
    GTimeSpan command; /* EHLO, AUTH, RSET, MAIL and RCPT */
    GTimeSpan data;    /* the answer to DATA */
    GTimeSpan block;   /* to send what is buffered */
    GTimeSpan dot;
    GTimeSpan quit;
} DsnSmtpTimes;

extern const DsnSmtpTimes DSN_SMTP_TIMES_DEFAULT;

/* What *stopping holds. */
typedef enum DsnSmtpStop {
    DSN_SMTP_GO,
    DSN_SMTP_FINISH, /* open no connection and begin no message any more */
    DSN_SMTP_CUT     /* wait for nothing any more */
} DsnSmtpStop;

typedef struct DsnSmtpTarget {
    const char *name;         /* what the certificate must be for, and the log says */
    DsnSocketAddress address; /* where it is */
    const DsnRoute *route;    /* the way there */
    bool lmtp;                /* LMTP, without TLS and AUTH (RFC 2033) */
    const char *ehlo;
    DsnTls tls;
    const char *tls_ca; /* NULL: the system's */
    const char *user;   /* NULL: no AUTH. With it, TLS is required unless it is disabled. */
    const char *password;
    size_t deliveries; /* messages over one connection */
    DsnSmtpTimes times;
    const gint *stopping; /* a DsnSmtpStop, read atomically */
} DsnSmtpTarget;

/* What the last EHLO offered. */
typedef enum DsnSmtpOffer {
    DSN_SMTP_PIPELINING = 1 << 0,
    DSN_SMTP_8BITMIME = 1 << 1,
    DSN_SMTP_SMTPUTF8 = 1 << 2,
    DSN_SMTP_DSN = 1 << 3,
    DSN_SMTP_SIZE = 1 << 4,
    DSN_SMTP_AUTH = 1 << 5,
    DSN_SMTP_REQUIRETLS = 1 << 6 /* through TLS alone */
} DsnSmtpOffer;

typedef struct DsnSmtpLink DsnSmtpLink;

/* "name[address]:port" or "unix:/path", as the log has it (transfer full). */
char *dsn_smtp_peer_name(const char *name, const DsnSocketAddress *address);

/* Blocks until the server is ready for the first MAIL, or NULL and @error. */
DsnSmtpLink *dsn_smtp_link_open(const DsnSmtpTarget *target, GError **error);

/* Ends the connection without a word. */
void dsn_smtp_link_free(DsnSmtpLink *link);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnSmtpLink, dsn_smtp_link_free)

/* The DsnSmtpOffer that hold. */
unsigned dsn_smtp_link_offers(const DsnSmtpLink *link);

/* See dsn_smtp_peer_name() (transfer none). */
const char *dsn_smtp_link_peer(const DsnSmtpLink *link);

/* True if the server neither closed the connection nor said anything unasked. */
bool dsn_smtp_link_is_quiet(DsnSmtpLink *link);

/* Adds a command with its CRLF to what is to be sent: one answer is due. */
bool dsn_smtp_link_command(DsnSmtpLink *link, const char *command, GError **error);

/* Adds the content of a message, dots stuffed, and the dot that ends it: one answer is due. A
 * @content that does not end in CRLF gets one; an absent one is the dot alone. No answer may be due
 * before. */
bool dsn_smtp_link_content(DsnSmtpLink *link, DsnSpan content, GError **error);

/* True when the dot behind the last content has left, so that the server may have the message. */
bool dsn_smtp_link_dot_left(const DsnSmtpLink *link);

/* Sends what is to be sent and reads the next answer. Returns its code, and its text (transfer
 * none, until the next call); or 0 and @error. An answer of 2yz that was there before the dot had
 * left is an error. */
unsigned dsn_smtp_link_answer(DsnSmtpLink *link, GTimeSpan limit, const char **ret_text,
                              GError **error);

#endif
