/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/milter-work.h"

/* Whether a sender of ours sends it: a tenant by whatever tells one, or one of notice.senders. */
static bool
is_ours(const DsnPolicy *policy, const DsnMilterSession *session)
{
    const char *client_key = policy->configuration->meta.client;
    const char *sender = session->message.sender->str;
    json_auto_t *json = json_object();
    json_t *meta = json_object();
    unsigned trust;

    if (client_key != NULL && session->peer_addr != NULL)
        (void)json_object_set_new(meta, client_key, json_string(session->peer_addr));
    (void)json_object_set_new(json, "meta", meta);
    const DsnRecord record = {.json = json, .sender = sender};
    const DsnTenant *tenant = dsn_policy_tenant(policy, &record, &trust);
    return tenant->name != NULL || dsn_policy_is_ours(policy, tenant, NULL, dsn_span(sender));
}

void
dsn_milter_capture_begin(DsnMilterSession *session, char *const *arguments)
{
    DsnMilterMessage *message = &session->message;
    const DsnPolicy *policy = message->policy;
    DsnCaptures *captures = dsn_pipeline_captures(session->shared->pipeline);
    const DsnCaptureOptions *options = &policy->configuration->capture;

    if (options->mail == DSN_CAPTURED_NOTHING || captures == NULL || message->sender->len == 0 ||
        !dsn_milter_is_outgoing(policy, session->daemon) ||
        (!options->all && !is_ours(policy, session)))
        return;
    message->capture =
        dsn_capture_new(dsn_captures_room(captures), options, dsn_span(message->sender->str));
    if (message->capture != NULL)
        dsn_capture_mail(message->capture, arguments + 1);
}

void
dsn_milter_capture_recipient(DsnMilterSession *session, char *const *arguments)
{
    DsnMilterMessage *message = &session->message;

    if (message->recipients->len > 0) /* a report: what it brings is kept elsewhere */
        g_clear_pointer(&message->capture, dsn_capture_free);
    if (message->capture != NULL)
        dsn_capture_rcpt(message->capture, dsn_milter_address(arguments[0]), arguments + 1);
}

void
dsn_milter_capture_end(SMFICTX *context, DsnMilterSession *session)
{
    DsnMilterMessage *message = &session->message;
    const DsnSubmission submission = {
        .queue_id = dsn_milter_macro(context, "i"),
        .login = dsn_milter_macro(context, "{auth_authen}"),
        .login_type = dsn_milter_macro(context, "{auth_type}"),
        .client = session->peer_addr,
        .client_name = session->peer_name,
    };

    if (message->capture == NULL)
        return;
    (void)dsn_capture_finish(
        message->capture, dsn_milter_message_header(message), message->cut || message->no_room,
        &submission, g_get_real_time() / G_USEC_PER_SEC); /* the store counts what is lost */
    dsn_captures_add(dsn_pipeline_captures(session->shared->pipeline),
                     g_steal_pointer(&message->capture));
}
