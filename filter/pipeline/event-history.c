/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/json-writer.h"
#include "filter/pipeline/pipeline-private.h"
#include "mime/header.h"

#define RECIPIENTS_MAX 20 /* that are named */
#define ALIAS_MAX 998

static void
clear_history(gpointer data)
{
    DsnHistory *history = data;

    g_free(history->subject);
    g_free(history->text);
}

GArray *
dsn_histories_new(void)
{
    GArray *histories = g_array_new(FALSE, FALSE, sizeof(DsnHistory));

    g_array_set_clear_func(histories, clear_history);
    return histories;
}

static void
add(GArray *histories, const char *subject, GString *text)
{
    const DsnHistory history = {.subject = g_strdup(subject), .text = g_string_free(text, FALSE)};

    g_array_append_val(histories, history);
}

static void
put_text(GString *text, const char *key, const char *value)
{
    if (value == NULL)
        return;
    dsn_json_key(text, key);
    (void)dsn_json_string(text, dsn_span(value));
}

static void
put_recipients(GString *text, const DsnRecord *record)
{
    dsn_json_key(text, "recipients");
    g_string_append_c(text, '[');
    for (size_t i = 0; i < MIN(record->n_recipients, RECIPIENTS_MAX); i++) {
        dsn_json_next(text);
        (void)dsn_json_string(text, dsn_span(record->recipients[i]));
    }
    g_string_append_c(text, ']');
    if (record->n_recipients > RECIPIENTS_MAX) {
        dsn_json_key(text, "more_recipients");
        dsn_json_int(text, (int64_t)(record->n_recipients - RECIPIENTS_MAX));
    }
}

void
dsn_history_add_event(GArray *histories, const DsnCase *the_case, const DsnRecord *record,
                      const DsnVerdict *verdict, const char *result, DsnSpan message_id)
{
    GString *text = g_string_new(NULL);

    put_text(text, "event", record->type_name);
    put_text(text, "sender", record->sender);
    put_recipients(text, record);
    put_text(text, "client", the_case->poster->name);
    put_text(text, "tenant", verdict->tenant == NULL ? NULL : verdict->tenant->name);
    put_text(text, "capture", verdict->capture);
    put_text(text, "action", dsn_action_to_string(verdict->decision.action));
    if (verdict->reason != DSN_REASON_NONE)
        put_text(text, "reason", dsn_reason_to_string(verdict->reason));
    put_text(text, "rate", verdict->rate);
    put_text(text, "result", result);
    if (dsn_span_present(message_id)) {
        dsn_json_key(text, "message_id");
        (void)dsn_json_string(text, message_id);
    }
    add(histories, record->id, text);
}

void
dsn_history_add_record(GArray *histories, const DsnCase *the_case, const DsnRecord *record)
{
    GString *text = g_string_new(NULL);

    put_text(text, "event", record->type_name);
    put_text(text, "sender", record->sender);
    put_recipients(text, record);
    put_text(text, "client", the_case->poster->name);
    add(histories, record->id, text);
}

void
dsn_history_add_alias(GArray *histories, DsnSpan alias, const char *id)
{
    alias = dsn_span_trim(alias);
    if (alias.len > 2 && alias.data[0] == '<' && alias.data[alias.len - 1] == '>')
        alias = (DsnSpan){alias.data + 1, alias.len - 2};
    if (alias.len == 0 || alias.len > ALIAS_MAX || memchr(alias.data, '\0', alias.len) != NULL)
        return;

    GString *text = g_string_new(NULL);
    g_autofree char *subject = dsn_span_dup(alias);

    put_text(text, "see", id);
    add(histories, subject, text);
}

void
dsn_history_add_original(GArray *histories, const DsnRecord *record, DsnSpan original)
{
    DsnSpan id = dsn_header_find(original, "Message-ID");

    dsn_history_add_alias(
        histories, dsn_span_present(id) ? id : dsn_record_header(record, "Message-ID"), record->id);
}

void
dsn_history_add_notice(GArray *histories, const DsnNoticeSession *session,
                       const DsnNoticeTaken *taken)
{
    GString *text = g_string_new(NULL);

    put_text(text, "event", "postfix-notice");
    put_text(text, "queue_id", session->queue_id);
    put_text(text, "sender", taken->sender);
    put_text(text, "tenant", taken->tenant);
    put_text(text, "action", dsn_action_to_string(taken->action));
    put_text(text, "reason", dsn_reason_to_string(taken->reason));
    add(histories, taken->queue_id, text);
}

void
dsn_history_add_report(GArray *histories, const DsnSession *session, const DsnMessageTaken *taken)
{
    GString *text = g_string_new(NULL);

    put_text(text, "event", dsn_report_kind_to_string(taken->kind));
    put_text(text, "queue_id", session->queue_id);
    put_text(text, "sender", session->sender);
    put_text(text, "recipient", session->recipient);
    dsn_json_key(text, "records");
    dsn_json_int(text, taken->records);
    add(histories, taken->id, text);
}
