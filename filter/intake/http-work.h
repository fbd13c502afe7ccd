/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http-work.h - requests that do not concern the network for a while
 *
 * Purpose:   a pool of threads for complete requests, and a place for those that are held.
 * Source:    dsnarf(8), "Overload".
 * Ownership: borrows everything, requests too, until it resumes them.
 * Errors:    none: they become answers, or no answer.
 * Threads:   any. Requests are resumed by other threads, each exactly once.
 *
 * KumoMTA's stock senders drop a record on any answer but 2xx, and send it again when the
 * connection is closed without one. So what cannot be done now is held for a while and then closed,
 * unless http.overload says that senders understand a 503.
 */
#ifndef DSN_INTAKE_HTTP_WORK_H
#define DSN_INTAKE_HTTP_WORK_H

#include "filter/intake/http-request.h"

typedef struct DsnHttpWork DsnHttpWork;

/* @resume is called for a request whose stage or answer has changed. */
DsnHttpWork *dsn_http_work_new(DsnPipeline *pipeline, DsnHttpBudget *budget,
                               DsnHttpRefusals *refusals, DsnHttpConnections *connections,
                               void (*resume)(DsnHttpRequest *request));

/* Gives @request, of a poster who is known now, its turn. */
void dsn_http_work_enter(DsnHttpWork *work, DsnHttpRequest *request);

/* True if the body of @request may be received now, for which memory was taken. If not, and it may
 * be held, dsn_http_work_hold() does that; else it was given up, and is told so by its stage. */
bool dsn_http_work_admit(DsnHttpWork *work, DsnHttpRequest *request);
void dsn_http_work_hold(DsnHttpWork *work, DsnHttpRequest *request);

/* Overload: @request is closed, or answered with 503 if the configuration says so. */
void dsn_http_work_give_up(DsnHttpWork *work, DsnHttpRequest *request, const char *why);

/* Does what the complete @request is for. */
void dsn_http_work_do(DsnHttpWork *work, DsnHttpRequest *request);

/* Something has changed: a connection came, or memory was given back. */
void dsn_http_work_wake(DsnHttpWork *work);

/* From now on nothing is held. */
void dsn_http_work_finish(DsnHttpWork *work);

/* Nothing may be held or worked on any more. */
void dsn_http_work_free(DsnHttpWork *work);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnHttpWork, dsn_http_work_free)

#endif
