/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/outgoing.h"

#include "filter/core/feedback-id.h"
#include "filter/core/trace-read.h"
#include "mime/header.h"
#include "mime/text.h"
#include "mime/trace.h"

/* Of what the message itself says, so that all of a trace is read when it comes back. */
#define TEXT_MAX ((size_t)256)
#define TEXTS_MAX ((size_t)2000)
#define HEADERS_MAX 16
#define ADDRESS_MAX ((size_t)1024)

/* Fields that an identifier of ours can stand in, and the one that belongs to the second. */
typedef enum Place { PLACE_TRACE, PLACE_CFBL_ID, PLACE_FEEDBACK_ID, N_PLACES } Place;

/* What such a field is that the message has already. */
typedef enum Judgement {
    OF_OTHERS,
    OURS,  /* for this tenant and this recipient */
    FALSE_ /* it names a key of ours, but is for somebody else, too old, or changed */
} Judgement;

typedef struct Found {
    Place place;
    unsigned number;
    Judgement judgement;
} Found;

typedef struct Stamper {
    const DsnTraceKeys *keys;
    const DsnStampOptions *options;
    const DsnLimits *limits;
    const DsnOutgoing *mail;
    const char *tenant;
    int64_t now;
    GString *buffer;
    const char *names[N_PLACES]; /* NULL: the field is not looked at */
    unsigned counts[N_PLACES];
    Found found[N_PLACES * DSN_STAMP_JUDGED];
    size_t n_found;
    bool cfbl_ours, cfbl_others; /* CFBL-Address, with our address and with another one */
    DsnHeaderField campaign;     /* the name is absent: none was found */
    guint campaign_rank;         /* its place in the option */
    json_t *headers;             /* name as in the option -> text; NULL: none */
    size_t text_size;            /* of all in headers */
} Stamper;

/* ---- what the message has ---- */

static bool
is_member(const json_t *trace, const char *name, const char *text)
{
    return dsn_span_same(dsn_trace_member(trace, name), dsn_span(text));
}

static Judgement
judge_part(Stamper *stamper, DsnSpan value)
{
    DsnTraceSeal seal;
    json_auto_t *trace = dsn_trace_read(stamper->keys, value, stamper->now, stamper->buffer, &seal);

    if (trace == NULL || !seal.ours)
        return OF_OTHERS;
    return seal.state == DSN_TRACE_VERIFIED && is_member(trace, "tenant", stamper->tenant) &&
                   is_member(trace, "recipient", stamper->mail->recipient)
               ? OURS
               : FALSE_;
}

/* A trace may be one of the four parts of a Feedback-ID; elsewhere there is no colon in one. */
static Judgement
judge(Stamper *stamper, DsnSpan value)
{
    Judgement judgement = OF_OTHERS;

    for (int i = 0; i < 4 && value.len > 0 && judgement == OF_OTHERS; i++) {
        const char *colon = memchr(value.data, ':', value.len);
        DsnSpan part = value;

        if (colon != NULL)
            part.len = (size_t)(colon - value.data);
        value = dsn_span_from(value, MIN(part.len + 1, value.len));
        judgement = judge_part(stamper, part);
    }
    return judgement;
}

static bool
has(const Stamper *stamper, Place place, Judgement judgement)
{
    for (size_t i = 0; i < stamper->n_found; i++) {
        if (stamper->found[i].place == place && stamper->found[i].judgement == judgement)
            return true;
    }
    return false;
}

static void
find_place(Stamper *stamper, const DsnHeaderField *field)
{
    for (Place place = PLACE_TRACE; place < N_PLACES; place++) {
        if (stamper->names[place] == NULL || !dsn_span_is(field->name, stamper->names[place]))
            continue;
        if (stamper->counts[place]++ >= DSN_STAMP_JUDGED)
            return;
        Judgement judgement = judge(stamper, field->value);
        if (judgement == OURS && has(stamper, place, OURS))
            judgement = FALSE_; /* one is enough */
        stamper->found[stamper->n_found++] = (Found){place, stamper->counts[place], judgement};
        return;
    }
}

/* "fbl@example.com; report=arf" (RFC 9477 section 5.1). */
static void
find_cfbl_address(Stamper *stamper, DsnSpan value)
{
    const char *semicolon = value.len == 0 ? NULL : memchr(value.data, ';', value.len);

    if (semicolon != NULL)
        value.len = (size_t)(semicolon - value.data);
    if (stamper->options->cfbl_address != NULL &&
        dsn_span_is(dsn_span_trim(value), stamper->options->cfbl_address))
        stamper->cfbl_ours = true;
    else
        stamper->cfbl_others = true;
}

static void
find_campaign(Stamper *stamper, const DsnHeaderField *field)
{
    const GPtrArray *names = stamper->options->campaign;
    guint end = dsn_span_present(stamper->campaign.name) ? stamper->campaign_rank : names->len;

    for (guint i = 0; i < end; i++) {
        if (dsn_span_is(field->name, names->pdata[i])) {
            stamper->campaign = *field;
            stamper->campaign_rank = i;
            return;
        }
    }
}

/* Of @value, no more than TEXT_MAX bytes in whole characters; NULL: nothing is left (transfer
 * full). */
static char *
dup_text(const Stamper *stamper, DsnSpan value)
{
    g_autoptr(GString) text = g_string_new(NULL);

    value.len = MIN(value.len, 8 * TEXT_MAX); /* of encoded words */
    dsn_text_decode_header(value, stamper->limits, text);
    if (text->len > TEXT_MAX) {
        gsize len = TEXT_MAX;

        while (((unsigned char)text->str[len] & 0xc0) == 0x80)
            len--;
        g_string_truncate(text, len);
    }
    g_strchomp(text->str);
    return *text->str == '\0' ? NULL : g_strdup(text->str);
}

/* The first field of each name. */
static void
find_header(Stamper *stamper, const DsnHeaderField *field)
{
    const GPtrArray *names = stamper->options->headers;

    for (guint i = 0; i < names->len; i++) {
        if (!dsn_span_is(field->name, names->pdata[i]) ||
            json_object_get(stamper->headers, names->pdata[i]) != NULL ||
            json_object_size(stamper->headers) >= HEADERS_MAX)
            continue;
        g_autofree char *text = dup_text(stamper, field->value);
        size_t len = text == NULL ? 0 : strlen(text);
        if (len == 0 || len > TEXTS_MAX - stamper->text_size)
            return;
        if (stamper->headers == NULL)
            stamper->headers = json_object();
        stamper->text_size += len;
        (void)json_object_set_new(stamper->headers, names->pdata[i],
                                  json_string(text)); /* it is UTF-8 */
        return;
    }
}

static void
look_through(Stamper *stamper)
{
    DsnSpan block = stamper->mail->header;
    DsnHeaderField field;

    while (dsn_header_next(&block, &field)) {
        if (!dsn_span_present(field.name))
            continue;
        find_place(stamper, &field);
        if (dsn_span_is(field.name, "CFBL-Address"))
            find_cfbl_address(stamper, field.value);
        find_campaign(stamper, &field);
        find_header(stamper, &field);
    }
}

/* What stands in the field: the first part of a Feedback-ID, the identifier of a List-Id (RFC 2919
 * section 2), or else all of it (transfer full); NULL without one. */
static char *
dup_campaign(const Stamper *stamper)
{
    DsnSpan value = stamper->campaign.value, name = stamper->campaign.name;

    if (value.len == 0)
        return NULL;
    const char *colon = memchr(value.data, ':', value.len);
    const char *open = memrchr(value.data, '<', value.len);
    if (dsn_span_is(name, "Feedback-ID") && colon != NULL) {
        value.len = (size_t)(colon - value.data);
    } else if (dsn_span_is(name, "List-Id") && open != NULL) {
        value = dsn_span_from(value, (size_t)(open - value.data) + 1);
        const char *close = value.len == 0 ? NULL : memchr(value.data, '>', value.len);
        if (close != NULL)
            value.len = (size_t)(close - value.data);
    }
    return dup_text(stamper, value);
}

/* ---- what it gets ---- */

static void
set_text(json_t *object, const char *key, const char *text)
{
    json_t *value =
        text == NULL || *text == '\0' || strlen(text) > ADDRESS_MAX ? NULL : json_string(text);

    if (value != NULL) /* NULL also where it is not UTF-8 */
        (void)json_object_set_new(object, key, value);
}

/* The trace in base64, folded (transfer full). */
static char *
dup_trace(const Stamper *stamper, const json_t *members)
{
    g_autoptr(GString) text = g_string_new(NULL);
    GString *value = g_string_new(NULL);

    (void)dsn_trace_sign(stamper->keys, members, stamper->now, text); /* texts can be signed */
    dsn_trace_encode((DsnSpan){text->str, text->len}, value);
    return g_string_free(value, FALSE);
}

static void
add_field(DsnStamp *stamp, const char *name, char *value)
{
    stamp->fields[stamp->n_fields++] = (DsnStampField){name, value};
}

/* RFC 9477 section 3: reports go where the author wants them. An address of the author's own is
 * left alone, with its id; an id without an address is nobody's. */
static void
add_cfbl(const Stamper *stamper, DsnStamp *stamp, const char *trace)
{
    if (stamper->options->cfbl_address == NULL || stamper->cfbl_others)
        return;
    if (!stamper->cfbl_ours)
        add_field(stamp, "CFBL-Address",
                  g_strconcat(stamper->options->cfbl_address, "; report=arf", NULL));
    if (!has(stamper, PLACE_CFBL_ID, OURS) &&
        !(stamper->cfbl_ours && has(stamper, PLACE_CFBL_ID, OF_OTHERS)))
        add_field(stamp, "CFBL-Feedback-ID", g_strdup(trace));
}

/* Gmail wants one field. */
static void
add_feedback_id(const Stamper *stamper, DsnStamp *stamp, const DsnFeedbackIdParts *parts)
{
    if (stamper->options->feedback_id == NULL || has(stamper, PLACE_FEEDBACK_ID, OURS) ||
        has(stamper, PLACE_FEEDBACK_ID, OF_OTHERS))
        return;

    GString *value = g_string_new(NULL);
    dsn_feedback_id_write(stamper->options->feedback_id, parts, value);
    if (value->len == 0)
        (void)g_string_free(value, TRUE);
    else
        add_field(stamp, "Feedback-ID", g_string_free(value, FALSE));
}

static void
add_fields(const Stamper *stamper, DsnStamp *stamp)
{
    json_auto_t *members = json_object();
    g_autofree char *campaign = dup_campaign(stamper);

    set_text(members, "recipient", stamper->mail->recipient);
    set_text(members, "tenant", stamper->tenant);
    set_text(members, "campaign", campaign);
    set_text(members, "id", stamper->mail->id);
    g_autofree char *trace = dup_trace(stamper, members);
    const DsnFeedbackIdParts parts = {campaign, stamper->tenant, trace};

    if (stamper->headers != NULL)
        (void)json_object_set(members, "headers", stamper->headers);
    if (stamper->options->header != NULL && !has(stamper, PLACE_TRACE, OURS))
        add_field(stamp, stamper->options->header,
                  stamper->headers == NULL ? g_strdup(trace) : dup_trace(stamper, members));
    add_cfbl(stamper, stamp, trace);
    add_feedback_id(stamper, stamp, &parts);
}

static void
remove_fields(const Stamper *stamper, DsnStamp *stamp)
{
    bool orphaned =
        stamper->options->cfbl_address != NULL && !stamper->cfbl_ours && !stamper->cfbl_others;

    for (size_t i = stamper->n_found; i > 0; i--) {
        const Found *found = &stamper->found[i - 1];

        if (found->judgement == FALSE_ ||
            (found->judgement == OF_OTHERS && found->place == PLACE_CFBL_ID && orphaned))
            stamp->removals[stamp->n_removals++] =
                (DsnStampRemoval){stamper->names[found->place], found->number};
    }
}

/* ---- whose it is ---- */

/* The tenant that a record of this message would have. */
static const DsnTenant *
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
    return dsn_policy_tenant(policy, &record, &trust);
}

static bool
is_stamped(const DsnPolicy *policy, const DsnTenant *tenant)
{
    const DsnStampOptions *options = tenant->stamp;

    return policy->configuration->trace.sign != NULL &&
           (tenant->name != NULL || policy->configuration->trace.without_tenant) &&
           (options->header != NULL || options->cfbl_address != NULL ||
            options->feedback_id != NULL);
}

bool
dsn_outgoing_is_stamped(const DsnPolicy *policy, const DsnOutgoing *mail)
{
    return is_stamped(policy, find_tenant(policy, mail));
}

void
dsn_stamp_init(DsnStamp *ret_stamp, const DsnPolicy *policy, const DsnOutgoing *mail, int64_t now)
{
    const DsnTenant *tenant = find_tenant(policy, mail);
    const DsnStampOptions *options = tenant->stamp;

    ret_stamp->tenant = tenant->name;
    ret_stamp->n_fields = ret_stamp->n_removals = 0;
    ret_stamp->wanted = is_stamped(policy, tenant);
    if (!ret_stamp->wanted)
        return;

    g_autoptr(GString) buffer = g_string_new(NULL);
    Stamper stamper = {
        .keys = dsn_evidence_resolve_options(policy->evidence).keys,
        .options = options,
        .limits = &policy->configuration->limits,
        .mail = mail,
        .tenant = tenant->name,
        .now = now,
        .buffer = buffer,
        .names = {[PLACE_TRACE] = options->header,
                  [PLACE_CFBL_ID] = "CFBL-Feedback-ID",
                  [PLACE_FEEDBACK_ID] = "Feedback-ID"},
    };
    look_through(&stamper);
    add_fields(&stamper, ret_stamp);
    remove_fields(&stamper, ret_stamp);
    json_decref(stamper.headers);
}

void
dsn_stamp_clear(DsnStamp *stamp)
{
    for (size_t i = 0; i < stamp->n_fields; i++)
        g_free(stamp->fields[i].value);
    stamp->n_fields = stamp->n_removals = 0;
}
