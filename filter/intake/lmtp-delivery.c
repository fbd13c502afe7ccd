/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/lmtp-delivery.h"

#include "filter/intake/maildir.h"
#include "filter/intake/message-log.h"
#include "mime/address.h"
#include "mime/date.h"

/* What is done, and what is said about it. */
typedef struct Outcome {
    DsnCounter counter;
    DsnLogLevel level;
    const char *verdict;
    char *reply;
} Outcome;

/* The name that the client gave itself where it is one, for a trace field. */
static const char *
trace_name(const DsnLmtpEnvelope *envelope)
{
    return dsn_address_is_domain(dsn_span(envelope->client)) ? envelope->client : "unknown";
}

/* The fields that a final delivery adds on top (RFC 5321 section 4.4). Addresses hold no control
 * characters: they were read from a command. */
static GString *
trace_fields(const DsnPolicy *policy, const DsnLmtpEnvelope *envelope, const char *peer)
{
    GString *top = g_string_new(NULL);
    char date[DSN_DATE_MAX];

    g_string_append_printf(top, "Return-Path: <%s>\r\n", envelope->sender);
    for (guint i = 0; i < envelope->recipients->len; i++)
        g_string_append_printf(top, "Delivered-To: %s\r\n",
                               (const char *)envelope->recipients->pdata[i]);
    g_string_append_printf(top, "Received: from %s", trace_name(envelope));
    if (peer != NULL)
        g_string_append_printf(top, " ([%s%s])", strchr(peer, ':') == NULL ? "" : "IPv6:", peer);
    g_string_append_printf(top, "\r\n\tby %s (dsnarf) with %s;\r\n\t%s\r\n",
                           policy->configuration->hostname, envelope->utf8 ? "UTF8LMTP" : "LMTP",
                           dsn_date_to_rfc5322(g_get_real_time() / G_USEC_PER_SEC, date));
    return top;
}

/* What is no report goes where the administrator said, or back. */
static Outcome
pass_on(const DsnPolicy *policy, const DsnLmtpEnvelope *envelope, const char *peer,
        const DsnMessageTaken *taken, GError **error)
{
    const char *others = policy->configuration->lmtp.others;

    if (others == NULL)
        return (Outcome){DSN_COUNT_LMTP_PASSED, DSN_LOG_INFO, "reject",
                         g_strdup_printf("550 5.7.1 Only reports are taken here: %s",
                                         dsn_reason_to_string(taken->reason))};

    g_auto(DsnMaildir) maildir = DSN_MAILDIR_CLOSED;
    g_autoptr(GString) top = trace_fields(policy, envelope, peer);
    DsnSpan message = {envelope->message->str, envelope->message->len};
    if (dsn_maildir_open(others, &maildir, error) &&
        dsn_maildir_deliver(&maildir, (DsnSpan){top->str, top->len}, message, error))
        return (Outcome){DSN_COUNT_LMTP_PASSED, DSN_LOG_INFO, "deliver",
                         g_strdup("250 2.0.0 Delivered to a mailbox")};
    return (Outcome){DSN_COUNT_LMTP_FAILED, DSN_LOG_ERROR, "tempfail",
                     g_strdup("451 4.3.0 Not delivered, try again later")};
}

static Outcome
take(DsnPipeline *pipeline, const DsnPolicy *policy, const DsnLmtpEnvelope *envelope,
     const char *peer, DsnMessageTaken *ret_taken, GError **error)
{
    const DsnSession session = {
        .sender = envelope->sender,
        .recipient = envelope->recipients->pdata[0],
        .peer_name = envelope->client,
        .peer_addr = peer,
        .protocol = "LMTP",
    };
    DsnSpan message = {envelope->message->str, envelope->message->len};

    if (message.len < envelope->size) {
        g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "larger than limits.message");
        return (Outcome){DSN_COUNT_LMTP_FAILED, DSN_LOG_WARNING, "reject",
                         g_strdup("552 5.3.4 Message too large")};
    }
    switch (dsn_pipeline_take_message(pipeline, policy, message, &session, NULL, NULL, ret_taken,
                                      error)) {
    case DSN_MESSAGE_RECORDED:
        return (Outcome){DSN_COUNT_LMTP_CONSUMED, DSN_LOG_INFO, "discard",
                         g_strdup_printf("250 2.0.0 Recorded as %s", ret_taken->id)};
    case DSN_MESSAGE_UNTOUCHED:
        return pass_on(policy, envelope, peer, ret_taken, error);
    case DSN_MESSAGE_FAILED:
        break;
    }
    return (Outcome){DSN_COUNT_LMTP_FAILED, DSN_LOG_WARNING, "tempfail",
                     g_strdup("451 4.3.0 Not recorded, try again later")};
}

char *
dsn_lmtp_deliver(DsnPipeline *pipeline, const DsnPolicy *policy, const DsnLmtpEnvelope *envelope,
                 const char *peer)
{
    DsnMessageTaken taken = {.kind = DSN_REPORT_NONE};
    g_autoptr(GError) error = NULL;
    DsnMessageLog log = {
        .message = {envelope->message->str, envelope->message->len},
        .size = envelope->size,
        .sender = envelope->sender,
        .recipient = envelope->recipients->pdata[0],
        .recipients = envelope->recipients->len,
    };
    Outcome outcome = take(pipeline, policy, envelope, peer, &taken, &error);

    log.taken = outcome.counter == DSN_COUNT_LMTP_FAILED ? NULL : &taken;
    log.verdict = outcome.verdict;
    log.error = error == NULL ? NULL : error->message;
    dsn_message_log(&log, outcome.level);
    dsn_metrics_add(dsn_pipeline_metrics(pipeline), outcome.counter, 1);
    return outcome.reply;
}
