/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http-messages.h - messages that are posted
 *
 * Purpose:   hand a message to the pipeline, and say what was read of it.
 * RFC:       9110 section 15; dsnarf(8), "HTTP"; the answer is that of "parse".
 * Ownership: answers belong to their request.
 * Errors:    false with a GError when the spool fails; all else is an answer.
 * Threads:   those of the work.
 */
#ifndef DSN_INTAKE_HTTP_MESSAGES_H
#define DSN_INTAKE_HTTP_MESSAGES_H

#include "filter/intake/http-request.h"

/* POST /v1/messages: 200 with what "parse" prints, and in Dsnarf-Reason why no record was made now;
 * 400 for no message at all, 413 for one over limits.message. */
bool dsn_http_take_message(DsnPipeline *pipeline, DsnHttpRequest *request, GError **error);

#endif
