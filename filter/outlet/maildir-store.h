/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * maildir-store.h - notices into a Maildir
 *
 * Purpose:   store a message as a delivery agent does, under a name that tells if it is there.
 * Source:    https://cr.yp.to/proto/maildir.html; RFC 5321 section 4.4 (Return-Path).
 * Ownership: everything is borrowed.
 * Errors:    G_FILE_ERROR, with the name of the file or directory.
 * Threads:   reentrant; two threads must not store the same name.
 */
#ifndef DSN_OUTLET_MAILDIR_STORE_H
#define DSN_OUTLET_MAILDIR_STORE_H

#include "mime/span.h"

/* Stores @message, whose lines end in CRLF, for @recipient, a mailbox, as new/@name of the Maildir
 * @path. What is there under that name already is the message: it was stored before. The Maildir is
 * made, but not the directory that it lies in. On true it is on disk. */
bool dsn_maildir_store(const char *path, const char *name, const char *recipient, DsnSpan message,
                       GError **error);

/* The name of a message, unlike that of any other, which @time (unix seconds) begins: what it is
 * made from is the same after a crash (transfer full). */
char *dsn_maildir_store_name(int64_t time, int64_t entry, const char *id, const char *recipient,
                             DsnSpan message);

#endif
