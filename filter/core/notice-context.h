/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * notice-context.h - what the template of a notice sees
 *
 * Purpose:   the names and values for the words of a notice.
 * RFC:       3834 section 3.2, 2047 section 6; rules LOOP-12, MIME-22.
 * Ownership: the tree is the caller's.
 * Errors:    none: what is not known is null.
 * Threads:   reentrant.
 *
 *   hostname        the reporting host
 *   sender          who gets the notice
 *   type            "Bounce" or "Expiration", as in the record
 *   action          "failed"
 *   arrival_date    when the message came, "Tue, 1 Jul 2003 08:52:37 +0000"
 *   event_date      when it was given up, in the same form
 *   recipients      a list of objects: address; status ("5.1.1") and meaning, a phrase for it;
 *                   remote_mta, a name or null; diagnostic, the reply as one line
 *   more_recipients how many are not in the list
 *   original        null, or an object: subject, message_id, date, each a text or null
 *   returned        how much of the message is attached: "full", "headers" or "no"
 *   postmaster      the address that the administrator gave for questions, or null
 *
 * and the record itself under the name log_record. Texts are clean: valid UTF-8 on one line each,
 * encoded words decoded. Words that others wrote (addresses, replies, the subject) are cut so that
 * all together they fill no more than one screen, some of them said twice.
 */
#ifndef DSN_CORE_NOTICE_CONTEXT_H
#define DSN_CORE_NOTICE_CONTEXT_H

#include "filter/core/record.h"
#include "mime/report.h"
#include "mime/returned-build.h"

typedef struct DsnNoticeFacts {
    const DsnRecord *record;
    const DsnReport *report; /* made from it */
    DsnSpan sender;
    DsnSpan postmaster; /* may be absent */
    const DsnReturnedPlan *returned;
    const DsnLimits *limits;
} DsnNoticeFacts;

/* Returns a new object (transfer full). */
json_t *dsn_notice_context_new(const DsnNoticeFacts *facts);

#endif
