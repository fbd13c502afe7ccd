/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/http-records.h"

#include <microhttpd.h>

#include "filter/core/json-writer.h"
#include "filter/core/log.h"

#define JSON "application/json"

void
dsn_http_answer_text(DsnHttpAnswer *answer, unsigned status, const char *type, GString *text)
{
    if (answer->text != NULL)
        (void)g_string_free(answer->text, TRUE);
    *answer = (DsnHttpAnswer){.status = status, .text = text, .type = type};
}

void
dsn_http_answer_reason(DsnHttpAnswer *answer, unsigned status, const char *reason)
{
    GString *json = g_string_new("{");

    dsn_json_key(json, "reason");
    (void)dsn_json_string(json, dsn_span(reason));
    g_string_append(json, "}\n");
    dsn_http_answer_text(answer, status, JSON, json);
}

static void
write_count(GString *json, const char *key, guint64 count)
{
    dsn_json_key(json, key);
    dsn_json_int(json, (int64_t)count);
}

void
dsn_http_write_tally(GString *json, const DsnTally *tally)
{
    g_string_append_c(json, '{');
    write_count(json, "accepted", tally->accepted);
    write_count(json, "duplicate", tally->duplicate);
    write_count(json, "ignored", tally->ignored);
    dsn_json_key(json, "rejected");
    g_string_append_c(json, '[');
    for (guint i = 0; i < tally->rejected->len; i++) {
        const DsnRejection *rejection = &g_array_index(tally->rejected, DsnRejection, i);

        dsn_json_next(json);
        g_string_append_c(json, '{');
        write_count(json, "index", rejection->index);
        dsn_json_key(json, "reason");
        (void)dsn_json_string(json, dsn_span(rejection->reason));
        g_string_append_c(json, '}');
    }
    g_string_append_c(json, ']');
    dsn_json_key(json, "reasons");
    g_string_append_c(json, '{');
    for (int i = DSN_REASON_NONE + 1; i < DSN_N_REASONS; i++) {
        if (tally->reasons[i] > 0)
            write_count(json, dsn_reason_to_string((DsnReason)i), tally->reasons[i]);
    }
    g_string_append(json, "}}");
}

static void
log_tally(const DsnHttpRequest *request, const DsnTally *tally)
{
    DsnLogLine line;

    if (!dsn_log_wanted(DSN_LOG_DEBUG))
        return;

    g_autofree char *peer = dsn_http_peer_name(dsn_http_connection_peer(request->connection));
    dsn_log_begin(&line, "http");
    dsn_log_text(&line, "peer", peer);
    dsn_log_text(&line, "client", request->poster->name);
    dsn_log_number(&line, "bytes", (int64_t)request->body.len);
    dsn_log_number(&line, "accepted", (int64_t)tally->accepted);
    dsn_log_number(&line, "duplicate", (int64_t)tally->duplicate);
    dsn_log_number(&line, "ignored", (int64_t)tally->ignored);
    dsn_log_number(&line, "rejected", tally->rejected->len);
    dsn_log_end(&line, DSN_LOG_DEBUG);
}

bool
dsn_http_take_records(DsnPipeline *pipeline, DsnHttpRequest *request, GError **error)
{
    g_auto(DsnTally) tally;
    GString *json;

    dsn_tally_init(&tally);
    if (!dsn_pipeline_take_records(pipeline, request->policy, request->poster,
                                   (DsnSpan){request->body.data, request->body.len}, &tally, error))
        return false;
    log_tally(request, &tally);
    json = g_string_new(NULL);
    dsn_http_write_tally(json, &tally);
    g_string_append_c(json, '\n');
    dsn_http_answer_text(&request->answer, MHD_HTTP_OK, JSON, json);
    return true;
}

bool
dsn_http_make_notice(DsnPipeline *pipeline, DsnHttpRequest *request, GError **error)
{
    g_autoptr(GString) bytes = g_string_new(NULL);
    g_autoptr(GError) fault = NULL;
    DsnReason reason = DSN_REASON_NONE;

    (void)error;
    switch (dsn_pipeline_make_notice(pipeline, request->policy, request->poster,
                                     (DsnSpan){request->body.data, request->body.len}, bytes,
                                     &reason, &fault)) {
    case DSN_NOTICE_MADE:
        dsn_http_answer_text(&request->answer, MHD_HTTP_OK, "message/rfc822",
                             g_steal_pointer(&bytes));
        break;
    case DSN_NOTICE_NOT_DUE:
        dsn_http_answer_text(&request->answer, MHD_HTTP_NO_CONTENT, NULL, NULL);
        request->answer.field = "Dsnarf-Reason";
        request->answer.value = dsn_reason_to_string(reason);
        break;
    case DSN_NOTICE_FAILED:
        dsn_http_answer_reason(&request->answer, MHD_HTTP_UNPROCESSABLE_CONTENT, fault->message);
        break;
    }
    return true;
}
