/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A notice in Postfix's words is better than none: what cannot be done lets it pass as it came. It
 * is made again later only where something that must not be lost could not be kept, or where the
 * MTA has taken one half of the changes.
 */
#include "config.h"

#include "filter/intake/milter-work.h"

#include "filter/pipeline/take-notice.h"
#include "mime/header.h"

static void
report_progress(gpointer context)
{
    (void)smfi_progress(context); /* if the MTA is gone, there is nobody to tell */
}

static void
log_notice(const DsnMilterSession *session, const char *queue_id, const DsnMilterVerdict *verdict,
           DsnNoticeFate fate, const DsnNoticeTaken *taken, const char *failure)
{
    const DsnRewritten *rewritten = &taken->rewritten;
    g_autofree char *to = g_strdup_printf("<%s>", session->message.first_other);
    bool odd = failure != NULL || rewritten->minimal || rewritten->template_fault != NULL ||
               taken->reason == DSN_REASON_TOO_LARGE || taken->reason == DSN_REASON_NO_ROOM;
    DsnLogLine line;

    dsn_log_begin(&line, queue_id);
    dsn_log_text(&line, "to", to);
    dsn_log_text(&line, "original", taken->queue_id);
    dsn_log_text(&line, "action", dsn_action_to_string(taken->action));
    if (taken->n_recipients > 1)
        dsn_log_number(&line, "recipients", taken->n_recipients);
    dsn_log_text(&line, "tenant", taken->tenant);
    if (taken->records > 0)
        dsn_log_number(&line, "records", taken->records);
    dsn_log_text(&line, "language", rewritten->language);
    dsn_log_text(&line, "notice", dsn_notice_fate_to_string(fate));
    dsn_log_text(&line, "verdict", verdict->word);
    if (taken->reason != DSN_REASON_NONE)
        dsn_log_text(&line, "reason", dsn_reason_to_string(taken->reason));
    if (rewritten->minimal)
        dsn_log_text(&line, "minimal", rewritten->broken == NULL ? "form" : rewritten->broken);
    dsn_log_text(&line, "template_fault", rewritten->template_fault);
    dsn_log_text(&line, "error", failure);
    dsn_log_end(&line, odd ? DSN_LOG_WARNING : verdict->level);
}

/* ---- changes ---- */

static bool
change_field(SMFICTX *context, const DsnMilterSession *session, const DsnFieldChange *change)
{
    const GString *bytes = session->message.bytes;
    DsnSpan body, header = dsn_header_split((DsnSpan){bytes->str, bytes->len}, &body);
    char *value = dsn_milter_value(session, change->value);

    return dsn_span_present(dsn_header_find(header, change->name))
               ? smfi_chgheader(context, change->name, 1, value) == MI_SUCCESS
               : smfi_addheader(context, change->name, value) == MI_SUCCESS;
}

static bool
apply(SMFICTX *context, const DsnMilterSession *session, const DsnRewritten *rewritten)
{
    GString *message = rewritten->message;

    for (guint i = 0; i < rewritten->fields->len; i++)
        if (!change_field(context, session, &g_array_index(rewritten->fields, DsnFieldChange, i)))
            return false;
    return smfi_replacebody(context, (unsigned char *)message->str + rewritten->body,
                            (int)(message->len - rewritten->body)) == MI_SUCCESS;
}

/* ---- the end of the message ---- */

/* It was not read to its end. */
static DsnNoticeFate
leave_alone(const DsnMilterSession *session, DsnReason reason, DsnNoticeTaken *ret_taken)
{
    *ret_taken = (DsnNoticeTaken){.reason = reason};
    dsn_metrics_reason(dsn_pipeline_metrics(session->shared->pipeline), reason, 1);
    return DSN_FATE_PASSED;
}

static DsnNoticeFate
take(SMFICTX *context, const DsnMilterSession *session, const char *queue_id,
     DsnNoticeTaken *ret_taken, GError **error)
{
    const DsnMilterMessage *message = &session->message;
    const DsnNoticeSession how = {
        .queue_id = queue_id,
        .recipient = message->first_other,
        .host = dsn_milter_macro(context, "j"),
        .rewritable = session->takes_body,
        .progress = report_progress,
        .user = context,
    };

    if (message->no_room || message->bytes == NULL)
        return leave_alone(session, DSN_REASON_NO_ROOM, ret_taken);
    if (message->bytes->len > message->policy->configuration->limits.message)
        return leave_alone(session, DSN_REASON_TOO_LARGE, ret_taken);
    return dsn_pipeline_take_notice(session->shared->pipeline, message->policy,
                                    (DsnSpan){message->bytes->str, message->bytes->len}, &how,
                                    ret_taken, error);
}

sfsistat
dsn_milter_end_notice(SMFICTX *context, DsnMilterSession *session)
{
    static const DsnMilterOutcome outcomes[] = {
        [DSN_FATE_FOREIGN] = DSN_MILTER_NOT_OURS,
        [DSN_FATE_PASSED] = DSN_MILTER_NOTICE_PASSED,
        [DSN_FATE_REWRITTEN] = DSN_MILTER_NOTICE_REWRITTEN,
        [DSN_FATE_REPLACED] = DSN_MILTER_NOTICE_REPLACED,
        [DSN_FATE_SUPPRESSED] = DSN_MILTER_NOTICE_SUPPRESSED,
        [DSN_FATE_FAILED] = DSN_MILTER_NOTICE_FAILED,
    };
    const char *queue_id = dsn_milter_macro(context, "i");
    g_auto(DsnNoticeTaken) taken = {.reason = DSN_REASON_NONE};
    g_autoptr(GError) error = NULL;

    DsnNoticeFate fate = take(context, session, queue_id, &taken, &error);
    const char *failure = error == NULL ? NULL : error->message;
    if (fate == DSN_FATE_REWRITTEN && !apply(context, session, &taken.rewritten)) {
        fate = DSN_FATE_FAILED;
        failure = "the MTA took no changes";
    }
    const DsnMilterVerdict *verdict = dsn_milter_verdict(outcomes[fate], &session->message);
    if (fate != DSN_FATE_FOREIGN)
        log_notice(session, queue_id, verdict, fate, &taken, failure);
    return dsn_milter_answer(context, session, verdict);
}
