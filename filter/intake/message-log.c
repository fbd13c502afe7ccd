/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/message-log.h"

#include "filter/core/message-identity.h"

static void
add_address(DsnLogLine *line, const char *key, const char *address)
{
    g_autofree char *bracketed = address == NULL ? NULL : g_strdup_printf("<%s>", address);

    dsn_log_text(line, key, bracketed);
}

static void
add_taken(DsnLogLine *line, const DsnMessageTaken *taken)
{
    if (taken->reason != DSN_REASON_DUPLICATE) /* else it was not read again */
        dsn_log_text(line, "report", dsn_report_kind_to_string(taken->kind));
    if (taken->id[0] != '\0')
        dsn_log_text(line, "id", taken->id);
    if (taken->records > 0)
        dsn_log_number(line, "records", taken->records);
    if (taken->trace != DSN_TRACE_UNSIGNED)
        dsn_log_text(line, "trace", dsn_trace_state_to_string(taken->trace));
}

void
dsn_message_log(const DsnMessageLog *log, DsnLogLevel level)
{
    g_autofree char *queue_id = dsn_span_dup(dsn_message_queue_id(log->message));
    DsnLogLine line;

    dsn_log_begin(&line, queue_id);
    dsn_log_text(&line, "maildir", log->maildir);
    dsn_log_text(&line, "file", log->file);
    dsn_log_text(&line, "peer", log->peer);
    dsn_log_text(&line, "client", log->client);
    add_address(&line, "from", log->sender);
    add_address(&line, "to", log->recipient);
    if (log->recipients > 1)
        dsn_log_number(&line, "recipients", log->recipients);
    dsn_log_number(&line, "size", (int64_t)log->size);
    if (log->taken != NULL)
        add_taken(&line, log->taken);
    dsn_log_text(&line, "verdict", log->verdict);
    if (log->taken != NULL && log->taken->reason != DSN_REASON_NONE)
        dsn_log_text(&line, "reason", dsn_reason_to_string(log->taken->reason));
    dsn_log_text(&line, "error", log->error);
    dsn_log_end(&line, level);
}
