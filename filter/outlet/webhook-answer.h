/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * webhook-answer.h - what the answer to a webhook's request means
 *
 * Purpose:   tell apart what is wrong with records, what passes, and what somebody has to mend.
 * RFC:       9110 section 15, 6585 (429), 8470 (425).
 * Ownership: plain values.
 * Errors:    none.
 * Threads:   reentrant.
 */
#ifndef DSN_OUTLET_WEBHOOK_ANSWER_H
#define DSN_OUTLET_WEBHOOK_ANSWER_H

typedef enum DsnWebhookVerdict {
    DSN_WEBHOOK_DONE,
    DSN_WEBHOOK_AGAIN,   /* it may pass */
    DSN_WEBHOOK_LASTING, /* the server or our options have to be changed; tried again as well */
    DSN_WEBHOOK_REFUSED  /* what is in the records does not suit it */
} DsnWebhookVerdict;

/* Of an answer that came to its end. */
DsnWebhookVerdict dsn_webhook_judge(long status);

#endif
