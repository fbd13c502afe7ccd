/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * webhook-link.h - one connection of a webhook, and the request on it
 *
 * Purpose:   send a request, signed, and say what the answer means.
 * RFC:       9110, 9112 (HTTP/1.1), 1928 (SOCKS5).
 * Source:    libcurl's multi interface.
 * Ownership: the link owns its connection, and the content that it sends; it borrows the multi
 *            handle and options for its life.
 * Errors:    what goes wrong is the answer.
 * Threads:   the one of the multi handle.
 */
#ifndef DSN_OUTLET_WEBHOOK_LINK_H
#define DSN_OUTLET_WEBHOOK_LINK_H

#include "filter/core/configuration.h"
#include "filter/outlet/webhook-answer.h"

#include <curl/curl.h>

/* Of an answer, what is told to the administrator. */
#define DSN_WEBHOOK_TEXT_MAX ((size_t)500)

typedef struct DsnWebhookAnswer {
    DsnWebhookVerdict verdict;
    bool unsure;    /* it was sent, and there is no answer: it may have been accepted */
    GTimeSpan wait; /* that Retry-After asks for; 0: it says nothing */
    char *text;     /* "200 OK: the first bytes", or what went wrong */
    GTimeSpan took;
} DsnWebhookAnswer;

void dsn_webhook_answer_clear(DsnWebhookAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DsnWebhookAnswer, dsn_webhook_answer_clear)

typedef struct DsnWebhookLink DsnWebhookLink;

DsnWebhookLink *dsn_webhook_link_new(CURLM *multi, const DsnWebhookOptions *options);

/* Ends the connection, in the middle of a request, too. */
void dsn_webhook_link_free(DsnWebhookLink *link);

/* True while a request is on its way. */
bool dsn_webhook_link_is_busy(const DsnWebhookLink *link);

/* True if a connection is open, as far as we know. */
bool dsn_webhook_link_is_connected(const DsnWebhookLink *link);

/* Starts a request of @records records with @key. */
void dsn_webhook_link_begin(DsnWebhookLink *link, GBytes *content, const char *key, size_t records);

/* The link whose request is @easy. */
DsnWebhookLink *dsn_webhook_link_of(CURL *easy);

/* The request has ended with @code. @ret_answer is cleared by the caller. */
void dsn_webhook_link_end(DsnWebhookLink *link, CURLcode code, DsnWebhookAnswer *ret_answer);

/* Ends the connection if it was idle for long enough or has done its share. */
void dsn_webhook_link_tidy(DsnWebhookLink *link);

#endif
