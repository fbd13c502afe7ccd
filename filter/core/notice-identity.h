/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * notice-identity.h - who writes a notice, and to whom
 *
 * Purpose:   the addresses of a notice.
 * RFC:       5322 section 3.6.2, 3834 section 4; rules LOOP-03, MIME-19, MIME-21.
 * Ownership: addresses are appended to the caller's buffer.
 * Errors:    a sender that is no mailbox.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_NOTICE_IDENTITY_H
#define DSN_CORE_NOTICE_IDENTITY_H

#include "filter/core/notice.h"

/* "local@host" */
void dsn_notice_append_at(GString *text, const char *local, DsnSpan host);

/* Appends the author's address, mailer-daemon@ @host unless another was given. Returns the name to
 * it (transfer none). */
DsnSpan dsn_notice_author(const DsnNoticeOptions *options, DsnSpan host, GString *ret_address);

/* Appends whom a notice about @record goes to, as the decision had it. */
bool dsn_notice_sender(const DsnRecord *record, GString *ret_sender, GError **error);

#endif
