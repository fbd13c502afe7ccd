/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/pipeline-private.h"

#include "filter/core/trace-read.h"
#include "mime/header.h"

/* ---- whether to ask ---- */

/* A relay that hands on any of them hands on all that there were. */
static bool
has_wishes(const DsnRecord *record, const DsnMetaKeys *keys)
{
    const json_t *meta = json_object_get(record->json, "meta");
    const char *const names[] = {keys->notify, keys->ret, keys->envid, keys->orcpt,
                                 keys->requiretls};

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (names[i] != NULL && json_object_get(meta, names[i]) != NULL)
            return true;
    return false;
}

/* ---- what to ask for ---- */

/* The queue id in a trace of ours in @value, as it was when it was signed (transfer full), or NULL.
 */
static char *
trace_id(const DsnCase *the_case, DsnSpan value)
{
    const DsnTraceKeys *keys = dsn_evidence_resolve_options(the_case->policy->evidence).keys;
    g_autoptr(GString) buffer = g_string_new(NULL);
    DsnTraceSeal seal;

    if (!dsn_span_present(value))
        return NULL;
    json_auto_t *trace = dsn_trace_read(keys, value, the_case->now, buffer, &seal);
    return trace != NULL && seal.state == DSN_TRACE_VERIFIED
               ? dsn_span_dup(dsn_trace_member(trace, "id"))
               : NULL;
}

/* A queue id means something at its own host only. */
static bool
is_of_this_host(const DsnConfiguration *configuration, const DsnRecord *record)
{
    const char *host =
        record->nodeid == NULL ? NULL : g_hash_table_lookup(configuration->nodes, record->nodeid);

    return host == NULL || g_ascii_strcasecmp(host, configuration->hostname) == 0;
}

/* Of the original, or else of what the record has of it. */
static DsnSpan
find_field(const DsnElement *element, const char *name)
{
    DsnSpan body;
    DsnSpan value = dsn_header_find(dsn_header_split(dsn_element_original(element), &body), name);

    return dsn_span_present(value) ? value : dsn_record_header(element->record, name);
}

static DsnSpan
find_message_id(const DsnElement *element)
{
    DsnSpan id = find_field(element, "Message-ID");
    const json_t *meta = json_object_get(element->record->json, "meta");
    const json_t *text = json_object_get(meta, "message_id");

    return dsn_span_present(id) ? id : (DsnSpan){json_string_value(text), json_string_length(text)};
}

static bool
find(const DsnCase *the_case, const DsnTenant *tenant, const DsnElement *element, DsnSpan sender,
     DsnFoundCapture *ret_found)
{
    const DsnRecord *record = element->record;
    const char *field = tenant->stamp->header;
    g_autofree char *trace = field == NULL ? NULL : trace_id(the_case, find_field(element, field));
    const DsnSought sought = {
        .sender = sender,
        .trace_id = dsn_span(trace),
        .queue_id = is_of_this_host(the_case->policy->configuration, record) ? dsn_span(record->id)
                                                                             : DSN_SPAN_ABSENT,
        .message_id = find_message_id(element),
        .recipients = record->recipients,
        .n_recipients = record->n_recipients,
    };

    return dsn_captures_find(the_case->pipeline->captures, &sought, ret_found);
}

/* ---- what is done with it ---- */

/* The object that @record has as its meta, which is made if need be (transfer none). */
static json_t *
meta_of(DsnRecord *record)
{
    json_t *meta = json_object_get(record->json, "meta");

    if (!json_is_object(meta)) {
        meta = json_object();
        (void)json_object_set_new(record->json, "meta", meta);
    }
    return meta;
}

/* Nothing that the record says is changed. */
static void
set_missing(json_t *object, const char *key, json_t *value)
{
    if (key != NULL && value != NULL && object != NULL && json_object_get(object, key) == NULL)
        (void)json_object_set(object, key, value);
}

/* What was said at RCPT under @name becomes the object @key of @meta, for each recipient of which
 * nothing is there. */
static void
set_for_recipients(json_t *meta, const char *key, const json_t *recipients, const char *name,
                   const DsnRecord *record)
{
    json_t *values = key == NULL ? NULL : json_object_get(meta, key);

    if (key == NULL || (values != NULL && !json_is_object(values)))
        return;
    for (size_t i = 0; i < record->n_recipients; i++) {
        g_autofree char *recipient = dsn_capture_recipient(dsn_span(record->recipients[i]));
        json_t *value = json_object_get(json_object_get(recipients, recipient), name);

        if (value != NULL && values == NULL) {
            values = json_object();
            (void)json_object_set_new(meta, key, values);
        }
        set_missing(values, record->recipients[i], value);
    }
}

static void
add_wishes(DsnRecord *record, const DsnMetaKeys *keys, const json_t *about)
{
    const json_t *recipients = json_object_get(about, "recipients");
    json_t *meta = meta_of(record);

    set_missing(meta, keys->envid, json_object_get(about, "envid"));
    set_missing(meta, keys->ret, json_object_get(about, "ret"));
    set_missing(meta, keys->requiretls, json_object_get(about, "requiretls"));
    set_missing(meta, keys->authenticated, json_object_get(about, "login"));
    set_missing(meta, keys->client, json_object_get(about, "client"));
    set_for_recipients(meta, keys->notify, recipients, "notify", record);
    set_for_recipients(meta, keys->orcpt, recipients, "orcpt", record);
}

static void
add_original(DsnElement *element, DsnFoundCapture *found)
{
    if (element->has_original || found->content == NULL)
        return;
    element->original = g_steal_pointer(&found->content);
    element->has_original = true;
    element->only_header = !found->whole;
}

/* Already the reason that a record gets would tell others what @sender has asked for. */
static bool
may_ask(const DsnCase *the_case, const DsnTenant *tenant, DsnSpan sender)
{
    return dsn_policy_is_ours(the_case->policy, tenant, the_case->poster, sender) &&
           dsn_poster_may(the_case->poster, tenant, sender);
}

const char *
dsn_case_recall(const DsnCase *the_case, const DsnTenant *tenant, DsnElement *element)
{
    const DsnMetaKeys *keys = &the_case->policy->configuration->meta;
    DsnCaptures *captures = the_case->pipeline->captures;
    g_autoptr(GString) sender = g_string_new(NULL);
    g_auto(DsnFoundCapture) found = {0};

    if (captures == NULL || !dsn_captures_in_use(captures) ||
        (element->has_original && has_wishes(element->record, keys)) ||
        !dsn_notice_may_be_due(&tenant->notice, element->record, dsn_element_original(element),
                               sender) ||
        !may_ask(the_case, tenant, (DsnSpan){sender->str, sender->len}))
        return NULL;
    bool there = find(the_case, tenant, element, (DsnSpan){sender->str, sender->len}, &found);
    dsn_metrics_add(the_case->pipeline->metrics,
                    there ? DSN_COUNT_CAPTURES_FOUND : DSN_COUNT_CAPTURES_MISSING, 1);
    if (!there)
        return "missing";
    add_wishes(element->record, keys, found.about);
    add_original(element, &found);
    return found.by;
}
