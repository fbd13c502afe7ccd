/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http-records.h - what requests are for, and their answers
 *
 * Purpose:   hand bodies to the pipeline, and say what came of it.
 * RFC:       9110 section 15, 8259; design of the answers: dsnarf(8), "HTTP".
 * Ownership: answers belong to their request.
 * Errors:    false with a GError when the spool fails; all else is an answer.
 * Threads:   those of the work.
 */
#ifndef DSN_INTAKE_HTTP_RECORDS_H
#define DSN_INTAKE_HTTP_RECORDS_H

#include "filter/intake/http-request.h"

/* POST /v1/records: 200 with what became of the elements. What cannot be read is one of them, not
 * an error: KumoMTA's stock senders drop the record on any answer but 2xx. */
bool dsn_http_take_records(DsnPipeline *pipeline, DsnHttpRequest *request, GError **error);

/* POST /v1/notice: 200 with the notice, 204 with the reason why none is due, 422 for what cannot be
 * read. Cannot fail. */
bool dsn_http_make_notice(DsnPipeline *pipeline, DsnHttpRequest *request, GError **error);

/* Sets the answer: {"reason":"..."}. */
void dsn_http_answer_reason(DsnHttpAnswer *answer, unsigned status, const char *reason);

/* Sets the answer to @text, which is taken over. */
void dsn_http_answer_text(DsnHttpAnswer *answer, unsigned status, const char *type, GString *text);

/* Appends what became of elements, as /v1/records answers it. */
void dsn_http_write_tally(GString *json, const DsnTally *tally);

#endif
