/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * other-mail.h - automatic mail that is no report about a message
 *
 * Purpose:   tell answers of programs and reports about TLS and DMARC from ordinary mail.
 * RFC:       3834 section 5, 8460 section 5.3, 7489 section 7.2.1; rules OOB-19, LOOP-07.
 * Ownership: nothing is kept.
 * Errors:    none: what is not known is DSN_OTHER_NOTHING.
 * Threads:   reentrant.
 */
#ifndef DSN_MIME_OTHER_MAIL_H
#define DSN_MIME_OTHER_MAIL_H

#include "mime/mail-header.h"
#include "mime/report.h"
#include "mime/structure.h"

/* What the message is whose @header and parts are given, and that is no report. */
DsnOtherMail dsn_other_mail_find(const DsnMailHeader *header, const DsnStructure *structure,
                                 const DsnLimits *limits);

#endif
