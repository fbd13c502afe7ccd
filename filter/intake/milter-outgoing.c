/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/milter-work.h"

#include "filter/pipeline/outgoing.h"
#include "mime/trace.h"

/* In front of all other fields: a trace of somebody else's that is in the message stands behind it.
 * Without one the mail can still be sent, so that no failure stops it. */
sfsistat
dsn_milter_end_outgoing(SMFICTX *context, DsnMilterSession *session)
{
    const DsnMilterMessage *message = &session->message;
    const char *queue_id = dsn_milter_macro(context, "i");
    const DsnOutgoing mail = {
        .sender = message->sender->str,
        .recipient = message->only,
        .client = session->peer_addr,
        .id = queue_id,
    };
    g_autoptr(GString) value = g_string_new(" ");
    DsnMilterOutcome outcome = DSN_MILTER_TRACED;

    dsn_outgoing_trace(message->policy, &mail, g_get_real_time() / G_USEC_PER_SEC, value);
    (void)g_string_replace(value, "\r\n", "\n", 0); /* as libmilter wants it */
    if (smfi_insheader(context, 0, (char *)DSN_TRACE_FIELD, value->str) != MI_SUCCESS) {
        dsn_log_event(DSN_LOG_WARNING, "milter: %s leaves without a trace: the MTA took no field",
                      queue_id == NULL ? "a message" : queue_id);
        outcome = DSN_MILTER_NOT_OURS;
    }
    return dsn_milter_answer(context, session, dsn_milter_verdict(outcome, message));
}
