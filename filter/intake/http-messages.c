/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/http-messages.h"

#include <microhttpd.h>

#include "filter/core/report-json.h"
#include "filter/intake/http-records.h"
#include "filter/intake/message-log.h"
#include "mime/report-parse.h"

/* One line, as of a file: an HTTP request says nothing about how the message came. */
static GString *
write_line(const DsnPolicy *policy, DsnSpan message)
{
    const DsnConfiguration *configuration = policy->configuration;
    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&configuration->limits);
    g_autoptr(DsnReport) report = dsn_report_new();
    const DsnArrival arrival = {
        .message = message,
        .nodeid = dsn_span(configuration->nodeid),
        .time = g_get_real_time() / G_USEC_PER_SEC,
        .rules = policy->evidence,
    };
    GString *line = g_string_sized_new(4096);

    dsn_report_parse(parser, message, report);
    dsn_report_write_arrived(report, &arrival, NULL, line);
    return line;
}

static void
count_and_log(DsnPipeline *pipeline, DsnMessageLog *log, DsnCounter counter, const char *verdict)
{
    log->verdict = verdict;
    dsn_message_log(log, counter == DSN_COUNT_HTTP_MESSAGE_FAILED ? DSN_LOG_WARNING : DSN_LOG_INFO);
    dsn_metrics_add(dsn_pipeline_metrics(pipeline), counter, 1);
}

/* True if @message is one that can be taken; else the answer is set. */
static bool
check_size(DsnPipeline *pipeline, DsnHttpRequest *request, DsnMessageLog *log)
{
    if (log->size == 0) {
        dsn_http_answer_reason(&request->answer, MHD_HTTP_BAD_REQUEST,
                               "there is no message in the body");
        return false;
    }
    if (log->size <= request->policy->configuration->limits.message)
        return true;
    log->error = "larger than limits.message";
    dsn_http_answer_reason(&request->answer, MHD_HTTP_CONTENT_TOO_LARGE,
                           "the message is larger than limits.message");
    count_and_log(pipeline, log, DSN_COUNT_HTTP_MESSAGE_FAILED, "reject");
    return false;
}

bool
dsn_http_take_message(DsnPipeline *pipeline, DsnHttpRequest *request, GError **error)
{
    static const DsnSession no_session = {.sender = NULL};
    DsnSpan message = {request->body.data, request->body.len};
    DsnMessageTaken taken;
    g_autofree char *peer = dsn_http_peer_name(dsn_http_connection_peer(request->connection));
    DsnMessageLog log = {
        .message = message, .size = message.len, .peer = peer, .client = request->poster->name};

    if (!check_size(pipeline, request, &log))
        return true;
    DsnMessageResult result = dsn_pipeline_take_message(pipeline, request->policy, message,
                                                        &no_session, NULL, NULL, &taken, error);
    if (result == DSN_MESSAGE_FAILED)
        return false; /* it is tried again, or refused as overload */

    dsn_http_answer_text(&request->answer, MHD_HTTP_OK, "application/json",
                         write_line(request->policy, message));
    if (taken.reason != DSN_REASON_NONE) {
        request->answer.field = "Dsnarf-Reason";
        request->answer.value = dsn_reason_to_string(taken.reason);
    }
    log.taken = &taken;
    if (result == DSN_MESSAGE_RECORDED)
        count_and_log(pipeline, &log, DSN_COUNT_HTTP_MESSAGE_CONSUMED, "accept");
    else
        count_and_log(pipeline, &log, DSN_COUNT_HTTP_MESSAGE_PASSED, "ignore");
    return true;
}
