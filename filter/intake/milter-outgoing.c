/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/milter-work.h"

#include "filter/intake/milter-connections.h"
#include "filter/pipeline/outgoing.h"

/* False if the MTA did not take a change. Each field goes to the top, so that the first one stands
 * there in the end: a trace of somebody else's that is in the message stands behind ours. */
static bool
apply(SMFICTX *context, const DsnMilterSession *session, const DsnStamp *stamp)
{
    for (size_t i = 0; i < stamp->n_removals; i++) {
        const DsnStampRemoval *removal = &stamp->removals[i];

        if (smfi_chgheader(context, (char *)removal->name, (int)removal->number, NULL) !=
            MI_SUCCESS)
            return false;
    }
    for (size_t i = stamp->n_fields; i > 0; i--) {
        const DsnStampField *field = &stamp->fields[i - 1];
        g_autoptr(GString) value = g_string_new(" ");

        g_string_append(value, field->value);
        (void)g_string_replace(value, "\r\n", "\n", 0); /* as libmilter wants it */
        if (smfi_insheader(context, 0, (char *)field->name,
                           dsn_milter_value(session, value->str)) != MI_SUCCESS)
            return false;
    }
    return true;
}

/* What was taken out is gone, and somebody may ask for it. */
static void
log_removals(const DsnMilterMessage *message, const char *queue_id, const DsnStamp *stamp)
{
    g_autofree char *from = g_strdup_printf("<%s>", message->sender->str);
    g_autofree char *to = g_strdup_printf("<%s>", message->first_other);
    DsnLogLine line;

    dsn_log_begin(&line, queue_id);
    dsn_log_text(&line, "from", from);
    dsn_log_text(&line, "to", to);
    if (message->others > 1)
        dsn_log_number(&line, "recipients", message->others);
    dsn_log_text(&line, "tenant", stamp->tenant);
    dsn_log_number(&line, "removed_traces", stamp->n_removals);
    dsn_log_end(&line, DSN_LOG_INFO);
}

bool
dsn_milter_is_read(const DsnMilterSession *session)
{
    const DsnMilterMessage *message = &session->message;
    const DsnOutgoing mail = {.sender = message->sender->str, .client = session->peer_addr};

    return message->capture != NULL || dsn_outgoing_is_stamped(message->policy, &mail);
}

static DsnMilterOutcome
stamp_message(SMFICTX *context, const DsnMilterSession *session, const char *queue_id)
{
    const DsnMilterMessage *message = &session->message;
    const DsnOutgoing mail = {
        .sender = message->sender->str,
        .recipient = dsn_milter_message_only(message),
        .client = session->peer_addr,
        .id = queue_id,
        .header = dsn_milter_message_header(message),
    };
    g_auto(DsnStamp) stamp;

    dsn_stamp_init(&stamp, message->policy, &mail, g_get_real_time() / G_USEC_PER_SEC);
    if (!stamp.wanted)
        return DSN_MILTER_NOT_OURS;
    if (message->no_room) {
        if (dsn_milter_may_complain(&session->shared->last_complaint))
            dsn_log_event(DSN_LOG_WARNING,
                          "milter: %s leaves without a trace: too much mail at the moment",
                          queue_id == NULL ? "a message" : queue_id);
        return DSN_MILTER_UNTRACED;
    }
    if (!apply(context, session, &stamp)) {
        dsn_log_event(DSN_LOG_WARNING, "milter: %s leaves without a trace: the MTA took no change",
                      queue_id == NULL ? "a message" : queue_id);
        return DSN_MILTER_UNTRACED;
    }
    if (stamp.n_removals > 0)
        log_removals(message, queue_id, &stamp);
    return DSN_MILTER_TRACED;
}

/* Without a trace the mail can still be sent, so that no failure stops it. */
sfsistat
dsn_milter_end_outgoing(SMFICTX *context, DsnMilterSession *session)
{
    DsnMilterOutcome outcome = stamp_message(context, session, dsn_milter_macro(context, "i"));

    dsn_milter_capture_end(context, session);
    return dsn_milter_answer(context, session, dsn_milter_verdict(outcome, &session->message));
}
