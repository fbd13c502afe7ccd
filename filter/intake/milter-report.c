/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/milter-connections.h"

/* Fields with the name of our tag that are removed from one message; each is a packet, and work for
 * the MTA. */
#define MAX_TAGS 100

static void
log_message(const DsnMilterSession *session, const char *queue_id, const DsnMilterVerdict *verdict,
            const DsnMessageTaken *taken, const char *failure)
{
    const DsnMilterMessage *message = &session->message;
    const DsnMilterRecipient *first = &g_array_index(message->recipients, DsnMilterRecipient, 0);
    g_autofree char *from = g_strdup_printf("<%s>", message->sender->str);
    DsnSpan to = dsn_milter_address(first->given);
    g_autofree char *bracketed = g_strdup_printf("<%.*s>", (int)to.len, to.data);
    DsnLogLine line;

    dsn_log_begin(&line, queue_id);
    dsn_log_text(&line, "from", from);
    dsn_log_text(&line, "to", bracketed);
    if (message->recipients->len > 1)
        dsn_log_number(&line, "recipients", message->recipients->len);
    if (taken != NULL)
        dsn_log_text(&line, "report", dsn_report_kind_to_string(taken->kind));
    if (taken != NULL && (taken->records > 0 || taken->reason == DSN_REASON_DUPLICATE)) {
        dsn_log_text(&line, "id", taken->id);
        dsn_log_number(&line, "records", taken->records);
    }
    if (taken != NULL && taken->trace != DSN_TRACE_UNSIGNED)
        dsn_log_text(&line, "trace", dsn_trace_state_to_string(taken->trace));
    dsn_log_text(&line, "verdict", verdict->word);
    if (taken != NULL && taken->reason != DSN_REASON_NONE)
        dsn_log_text(&line, "reason", dsn_reason_to_string(taken->reason));
    dsn_log_text(&line, "error", failure);
    dsn_log_end(&line, verdict->level);
}

/* Ours, but not to be read. */
sfsistat
dsn_milter_turn_away(SMFICTX *context, DsnMilterSession *session, DsnMilterOutcome outcome)
{
    const DsnMilterVerdict *verdict = dsn_milter_verdict(outcome, &session->message);

    if (outcome != DSN_MILTER_NO_ROOM || dsn_milter_may_complain(&session->shared->last_complaint))
        log_message(session, dsn_milter_macro(context, "i"), verdict, NULL, verdict->text);
    return dsn_milter_answer(context, session, verdict);
}

static bool
remove_recipients(SMFICTX *context, const DsnMilterMessage *message)
{
    for (guint i = 0; i < message->recipients->len; i++) {
        const DsnMilterRecipient *recipient =
            &g_array_index(message->recipients, DsnMilterRecipient, i);

        if (dsn_role_consumed(recipient->role, message->kind) == DSN_CONSUMED_DISCARD &&
            smfi_delrcpt(context, recipient->given) != MI_SUCCESS)
            return false;
    }
    return true;
}

/* From the last field with our name to the first: so the numbers are right whether the MTA counts
 * those that were removed or not. */
static bool
tag_message(SMFICTX *context, const DsnMilterSession *session, const DsnMessageTaken *taken)
{
    g_autofree char *value =
        g_strdup_printf(" %s; id=%s", dsn_report_kind_to_string(taken->kind), taken->id);

    for (size_t i = MIN(session->message.tags, MAX_TAGS); i > 0; i--) {
        if (smfi_chgheader(context, (char *)DSN_MILTER_TAG, (int)i, NULL) != MI_SUCCESS)
            return false;
    }
    return smfi_addheader(context, (char *)DSN_MILTER_TAG, dsn_milter_value(session, value)) ==
           MI_SUCCESS;
}

static void
report_progress(gpointer context)
{
    (void)smfi_progress(context); /* if the MTA is gone, there is nobody to tell */
}

static DsnMilterOutcome
take(SMFICTX *context, const DsnMilterSession *session, const char *queue_id,
     DsnMessageTaken *ret_taken, GError **error)
{
    static const DsnMilterOutcome outcomes[] = {
        [DSN_MESSAGE_RECORDED] = DSN_MILTER_RECORDED,
        [DSN_MESSAGE_UNTOUCHED] = DSN_MILTER_UNTOUCHED,
        [DSN_MESSAGE_FAILED] = DSN_MILTER_FAILED,
    };
    const DsnMilterMessage *message = &session->message;
    const DsnMilterRecipient *first = &g_array_index(message->recipients, DsnMilterRecipient, 0);
    DsnSpan address = dsn_milter_address(first->given);
    g_autofree char *recipient = dsn_span_dup(address);
    const DsnSession how = {
        .queue_id = queue_id,
        .sender = message->sender->str,
        .recipient = recipient,
        .peer_name = session->peer_name,
        .peer_addr = session->peer_addr,
        .protocol = "ESMTP",
    };
    DsnSpan bytes = {message->bytes->str, message->bytes->len};

    return outcomes[dsn_pipeline_take_message(session->shared->pipeline, message->policy, bytes,
                                              &how, report_progress, context, ret_taken, error)];
}

sfsistat
dsn_milter_end_report(SMFICTX *context, DsnMilterSession *session)
{
    const char *queue_id = dsn_milter_macro(context, "i");
    DsnMilterMessage *message = &session->message;
    DsnMessageTaken taken = {0};
    g_autoptr(GError) error = NULL;

    dsn_milter_message_add(message, DSN_SPAN_LITERAL("")); /* so that there are bytes, if none */
    DsnMilterOutcome outcome = take(context, session, queue_id, &taken, &error);
    message->kind = taken.kind;
    const DsnMilterVerdict *verdict = dsn_milter_verdict(outcome, message);
    const char *failure = error == NULL ? NULL : error->message;
    if ((verdict->remove && !remove_recipients(context, message)) ||
        (verdict->tag && !tag_message(context, session, &taken))) {
        verdict = dsn_milter_verdict(DSN_MILTER_FAILED, message);
        failure = "the MTA took no changes; recorded all the same";
    }
    log_message(session, queue_id, verdict, &taken, failure);
    return dsn_milter_answer(context, session, verdict);
}
