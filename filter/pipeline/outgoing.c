/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/outgoing.h"

#include "mime/trace.h"

static void
set_text(json_t *object, const char *key, const char *text)
{
    json_t *value = text == NULL || *text == '\0' ? NULL : json_string(text);

    if (value != NULL) /* NULL also where it is not UTF-8 */
        (void)json_object_set_new(object, key, value);
}

/* The name of the tenant that a record of this message would have, or NULL. */
static const char *
find_tenant(const DsnPolicy *policy, const DsnOutgoing *mail)
{
    const char *client_key = policy->configuration->meta.client;
    json_auto_t *json = json_object();
    json_t *meta = json_object();
    unsigned trust;

    if (client_key != NULL)
        set_text(meta, client_key, mail->client);
    (void)json_object_set_new(json, "meta", meta);
    const DsnRecord record = {.json = json, .sender = mail->sender};
    return dsn_policy_tenant(policy, &record, &trust)->name;
}

void
dsn_outgoing_trace(const DsnPolicy *policy, const DsnOutgoing *mail, int64_t now,
                   GString *ret_value)
{
    const DsnTraceKeys *keys = dsn_evidence_resolve_options(policy->evidence).keys;
    g_autoptr(GString) text = g_string_new(NULL);
    json_auto_t *members = json_object();

    set_text(members, "recipient", mail->recipient);
    set_text(members, "tenant", find_tenant(policy, mail));
    set_text(members, "id", mail->id);
    (void)dsn_trace_sign(keys, members, now, text); /* texts can be signed */
    dsn_trace_encode((DsnSpan){text->str, text->len}, ret_value);
}
