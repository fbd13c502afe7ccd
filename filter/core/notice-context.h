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
 *   tenant          on whose behalf, a name or null
 *   type            "Bounce", "Expiration" and so on, as in the first record
 *   action          "failed", "delayed", "delivered", "relayed" or "expanded"
 *   late            true when it is delivered after a notice of delay, which nobody asked for
 *   arrival_date    when the message came, "Tue, 1 Jul 2003 08:52:37 +0000"
 *   event_date      when the last thing happened that is reported, in the same form
 *   delay           hours between the two, a number
 *   threshold       of a notice of delay: the hours after which it was due; else null
 *   will_retry_until  of a notice of delay: when it is given up, or null
 *   recipients      a list of objects: address; original, the address that the sender wrote, or
 *                   null; status ("5.1.1") and meaning, a phrase for it; remote_mta, a name or
 *                   null; diagnostic, the reply as one line
 *   more_recipients how many are not in the list
 *   last_failure    of an expired message: null, or an object: diagnostic, remote_mta or null, date
 *                   or null, of the last attempt
 *   original        null, or an object: subject, message_id, date, each a text or null
 *   returned        how much of the message is attached: "full", "headers" or "no"
 *   postmaster      the address that the administrator gave for questions, or null
 *   records         the records as they came
 *
 * and the first record under the name log_record. Texts are clean: valid UTF-8 on one line each,
 * encoded words decoded. Words that others wrote (addresses, replies, the subject) are cut so that
 * all together they fill no more than one screen, some of them said twice. When hosts are
 * confidential, records lack what tells about them.
 */
#ifndef DSN_CORE_NOTICE_CONTEXT_H
#define DSN_CORE_NOTICE_CONTEXT_H

#include "filter/core/notice.h"

typedef struct DsnNoticeFacts {
    const DsnNoticeRequest *request;
    DsnReport *report; /* what the notice says in its second part */
    DsnSpan host;      /* in whose name */
    DsnSpan sender;
    const DsnReturnedPlan *returned;
} DsnNoticeFacts;

/* A field of the original's header or, when that is not at hand, what the record has of it; absent
 * when nobody knows it (transfer none). */
DsnSpan dsn_notice_field(const DsnNoticeFacts *facts, const char *name);

/* Returns a new object (transfer full). *@ret_record is the first of its records (transfer none).
 */
json_t *dsn_notice_context_new(const DsnNoticeFacts *facts, json_t **ret_record);

#endif
