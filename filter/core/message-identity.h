/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * message-identity.h - what a message is known by when it comes again
 *
 * Purpose:   one digest for what the sender sent, by whatever road and however often it arrives.
 * RFC:       5322 section 3.6.
 * Ownership: (transfer full).
 * Errors:    none.
 * Threads:   reentrant.
 *
 * The digest is over the author's fields (From, To, Subject, Message-ID, or without one Date,
 * MIME-Version, Content-* but Content-Length) unfolded, and the body with CRLF line ends and
 * without empty lines at its end. Fields that hosts on the way add do not count. A Message-ID that
 * was made at this host for a message without one, and the Date behind it, differ each time the
 * message is sent again, so they do not count either: it is known by the queue id in it.
 */
#ifndef DSN_CORE_MESSAGE_IDENTITY_H
#define DSN_CORE_MESSAGE_IDENTITY_H

#include "mime/span.h"

#define DSN_IDENTITY_DIGITS 32

/* 32 hexadecimal digits and NUL. @queue_id is this host's for @message; absent: the id in the
 * topmost Received field. */
char *dsn_message_identity(DsnSpan message, DsnSpan queue_id);

/* The id in the topmost Received field, which our own mail system wrote; absent if there is none.
 */
DsnSpan dsn_message_queue_id(DsnSpan message);

#endif
