/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/trace-resolve.h"

#include "filter/core/trace-read.h"
#include "mime/address.h"
#include "mime/header.h"

#define CANDIDATES_MAX 16
#define NAME_MAX_BYTES 100
#define VALUE_MAX 4000
#define LEVELS_MAX 3
#define CHUNK 512

G_STATIC_ASSERT(CANDIDATES_MAX + 2 <= DSN_TRACES_MAX);
/* Envelope id, 2 feedback ids and a trace in one, List-Unsubscribe, Message-ID, 1 recipient; 3
 * return paths. */
G_STATIC_ASSERT(CANDIDATES_MAX + 7 + 3 * LEVELS_MAX <= DSN_CLUES_MAX);

typedef struct Resolver {
    DsnResolution *resolution;
    const DsnReport *report;
    const DsnResolveOptions *options;
} Resolver;

static DsnClue *
add_clue(Resolver *resolver, const char *kind, DsnSpan name)
{
    DsnClue *clue = &resolver->resolution->clues[resolver->resolution->n_clues++];

    *clue = (DsnClue){.kind = kind, .name = name};
    return clue;
}

/* Adds a clue that says one thing, if it says it. */
static void
add_value(Resolver *resolver, const char *kind, DsnSpan name, DsnIdentity identity, DsnSpan value)
{
    if (value.len > 0 && value.len <= VALUE_MAX)
        add_clue(resolver, kind, name)->values[identity] = value;
}

/* ---- traces ---- */

/* The members that are called as KumoMTA calls the same things in a message's meta. */
static void
read_members(const json_t *trace, DsnClue *clue)
{
    static const struct {
        const char *member;
        DsnIdentity identity;
    } rows[] = {
        {"recipient", DSN_IDENTITY_RECIPIENT},   {"tenant", DSN_IDENTITY_TENANT},
        {"campaign", DSN_IDENTITY_CAMPAIGN},     {"envelope_id", DSN_IDENTITY_ENVELOPE_ID},
        {"message_id", DSN_IDENTITY_MESSAGE_ID}, {"token", DSN_IDENTITY_TOKEN},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        DsnSpan value = dsn_trace_member(trace, rows[i].member);

        if (value.len > 0 && value.len <= VALUE_MAX)
            clue->values[rows[i].identity] = value;
    }
}

/* Adds the trace in @value, a field of the original named @name; false when it is none. */
static bool
add_trace(Resolver *resolver, DsnSpan name, DsnSpan value, GString *text)
{
    DsnResolution *resolution = resolver->resolution;
    DsnTrace *trace = &resolution->traces[resolution->n_traces];

    if (name.len > NAME_MAX_BYTES)
        return false;
    trace->object =
        dsn_trace_read(resolver->options->keys, value, resolver->options->now, text, &trace->seal);
    if (trace->object == NULL)
        return false;
    trace->header = name;
    resolution->n_traces++;

    DsnClue *clue = add_clue(resolver, "header:", name);
    clue->state = trace->seal.state;
    read_members(trace->object, clue);
    return true;
}

static void
add_traces(Resolver *resolver)
{
    DsnResolution *resolution = resolver->resolution;
    const GArray *traces = resolver->report->returned.traces;

    if (traces->len == 0)
        return;
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0; i < MIN(traces->len, CANDIDATES_MAX); i++) {
        const DsnField *field = &g_array_index(traces, DsnField, i);

        (void)add_trace(resolver, field->name, field->value, text); /* others are there, too */
    }
    if (resolution->n_traces == 0)
        return;
    resolution->supplemental = dsn_resolution_verified(resolution);
    if (resolution->supplemental == NULL)
        resolution->supplemental = &resolution->traces[0];
}

/* Base64 of '{' and a quote: what our own tokens begin with. */
static bool
add_signed_token(Resolver *resolver, DsnSpan name, DsnSpan value)
{
    if (!dsn_span_starts(value, "ey"))
        return false;
    g_autoptr(GString) text = g_string_new(NULL);
    return add_trace(resolver, name, value, text);
}

/* ---- the envelope id ---- */

static DsnSpan
without_brackets(DsnSpan id)
{
    return id.len >= 2 && id.data[0] == '<' && id.data[id.len - 1] == '>'
               ? (DsnSpan){id.data + 1, id.len - 2}
               : id;
}

/* Haraka writes the Message-ID there (rule QRK-12). */
static void
add_envelope_id(Resolver *resolver)
{
    const DsnReport *report = resolver->report;
    DsnSpan id = report->kind == DSN_REPORT_FEEDBACK ? report->feedback.original_envelope_id
                                                     : report->per_message.original_envelope_id;
    DsnSpan bare = without_brackets(id), message_id = without_brackets(report->returned.message_id);
    bool is_message_id = bare.len > 0 && (dsn_span_equal(bare, message_id) ||
                                          (bare.len < id.len && memchr(bare.data, '@', bare.len)));

    add_value(resolver, "field:", DSN_SPAN_LITERAL("Original-Envelope-Id"),
              is_message_id ? DSN_IDENTITY_MESSAGE_ID : DSN_IDENTITY_ENVELOPE_ID, id);
}

/* ---- the return path ---- */

static void
add_return_path(Resolver *resolver, DsnSpan place, DsnSpan address)
{
    DsnReturnPath path;

    for (unsigned level = 0; level < LEVELS_MAX && address.len > 0; level++) {
        if (!dsn_return_path_read(resolver->options->paths, address, &resolver->resolution->strings,
                                  &path))
            return;
        DsnClue *clue = add_clue(resolver, "return-path:", dsn_span(path.form));
        clue->place = place;
        clue->values[DSN_IDENTITY_RECIPIENT] = path.recipient;
        clue->values[DSN_IDENTITY_SENDER] = path.sender;
        clue->values[DSN_IDENTITY_TENANT] = path.tenant;
        clue->values[DSN_IDENTITY_CAMPAIGN] = path.campaign;
        clue->values[DSN_IDENTITY_ENVELOPE_ID] = path.envelope_id;
        clue->values[DSN_IDENTITY_TOKEN] = path.token;
        clue->values[DSN_IDENTITY_HASH] = path.hash;
        address = path.sender;
    }
}

/* The address in the raw value of a header field; absent when it holds none. */
static DsnSpan
read_mailbox(Resolver *resolver, DsnSpan value)
{
    DsnResolution *resolution = resolver->resolution;
    g_autoptr(GString) address = g_string_new(NULL);

    value = dsn_span_trim(value);
    if (value.len == 0 || value.len > VALUE_MAX)
        return DSN_SPAN_ABSENT;
    const char *open = memrchr(value.data, '<', value.len);
    if (open != NULL)
        value = dsn_span_from(value, (size_t)(open - value.data));
    if (!dsn_address_normalise(value, address))
        return DSN_SPAN_ABSENT;
    if (resolution->strings == NULL)
        resolution->strings = g_string_chunk_new(CHUNK);
    return (DsnSpan){
        g_string_chunk_insert_len(resolution->strings, address->str, (gssize)address->len),
        address->len};
}

/* A DSN is sent to the return path of its original (RFC 3464 section 2). Without a session the host
 * that delivered it may have noted where to; else its author has said so. */
static DsnSpan
find_destination(Resolver *resolver, DsnSpan *ret_place)
{
    static const char *const names[] = {"Delivered-To", "X-Original-To", "Envelope-To", "To"};
    DsnSpan block = resolver->report->envelope.block;
    DsnHeaderField field;
    DsnSpan value = DSN_SPAN_ABSENT;

    *ret_place = DSN_SPAN_LITERAL("envelope");
    if (dsn_span_present(resolver->options->envelope_recipient))
        return resolver->options->envelope_recipient;
    while (dsn_header_next(&block, &field)) {
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
            bool last = i + 1 == G_N_ELEMENTS(names);

            if (!dsn_span_is(field.name, names[i]) || (last && dsn_span_present(value)))
                continue;
            value = field.value;
            *ret_place = dsn_span(names[i]);
            if (!last)
                return read_mailbox(resolver, value);
        }
    }
    return read_mailbox(resolver, value);
}

/* What the original itself has is more reliable than what a feedback report says (rule ARF-07), but
 * not than where a DSN was sent. */
static void
add_return_paths(Resolver *resolver)
{
    const DsnReport *report = resolver->report;
    DsnSpan original = report->returned.return_path, claimed = DSN_SPAN_ABSENT, place;

    if (report->kind == DSN_REPORT_FEEDBACK) {
        claimed = report->feedback.original_mail_from;
    } else {
        DsnSpan destination = find_destination(resolver, &place);

        add_return_path(resolver, place, destination);
        if (dsn_span_equal(original, destination))
            return;
    }
    add_return_path(resolver, DSN_SPAN_LITERAL("Return-Path"), original);
    if (!dsn_span_equal(original, claimed))
        add_return_path(resolver, DSN_SPAN_LITERAL("Original-Mail-From"), claimed);
}

/* ---- identifiers in the header of the original ---- */

/* Cuts @text at colons; returns into how many parts, and puts the first four into @ret_parts. */
static size_t
split_at_colons(DsnSpan text, DsnSpan ret_parts[4])
{
    size_t n_parts = 0;

    for (bool more = true; more; n_parts++) {
        const char *colon = text.len == 0 ? NULL : memchr(text.data, ':', text.len);
        DsnSpan part = text;

        more = colon != NULL;
        if (more) {
            part.len = (size_t)(colon - text.data);
            text = dsn_span_from(text, part.len + 1);
        }
        if (n_parts < 4)
            ret_parts[n_parts] = dsn_span_trim(part);
    }
    return n_parts;
}

/* "campaign:customer:mail type:sender id", as Gmail asks for, of which one part may be a trace;
 * what has another form is a token. */
static void
add_feedback_id(Resolver *resolver)
{
    static const DsnSpan name = DSN_SPAN_LITERAL("Feedback-ID");
    DsnSpan id = resolver->report->returned.feedback_id, parts[4];

    if (id.len == 0 || id.len > VALUE_MAX || add_signed_token(resolver, name, id))
        return;
    if (split_at_colons(id, parts) != 4) {
        add_value(resolver, "header:", name, DSN_IDENTITY_TOKEN, id);
        return;
    }

    static const DsnIdentity identities[] = {DSN_IDENTITY_CAMPAIGN, DSN_IDENTITY_TENANT,
                                             DSN_IDENTITY_MAIL_TYPE, DSN_IDENTITY_SENDER_ID};
    bool traced = false;
    for (size_t i = 0; i < G_N_ELEMENTS(parts) && !traced; i++) {
        traced = add_signed_token(resolver, name, parts[i]);
        if (traced)
            parts[i] = DSN_SPAN_ABSENT;
    }
    DsnClue *clue = add_clue(resolver, "header:", name);
    for (size_t i = 0; i < G_N_ELEMENTS(identities); i++) {
        if (parts[i].len > 0)
            clue->values[identities[i]] = parts[i];
    }
}

static void
add_cfbl_feedback_id(Resolver *resolver)
{
    static const DsnSpan name = DSN_SPAN_LITERAL("CFBL-Feedback-ID");
    DsnSpan id = resolver->report->returned.cfbl_feedback_id;

    if (!add_signed_token(resolver, name, id))
        add_value(resolver, "header:", name, DSN_IDENTITY_TOKEN, id);
}

/* What is between the last @separator and the end, absent when there is none. */
static DsnSpan
behind_last(DsnSpan text, char separator)
{
    const char *at = text.len == 0 ? NULL : memrchr(text.data, separator, text.len);

    return at == NULL ? DSN_SPAN_ABSENT : dsn_span_from(text, (size_t)(at - text.data) + 1);
}

/* Of "https://x/u?t=TOKEN" the value, of "https://x/u/TOKEN" the last step, of
 * "mailto:unsubscribe+TOKEN@x" what stands behind "+"; of "mailto:x?subject=TOKEN" the subject. */
static DsnSpan
find_token(DsnSpan uri)
{
    const char *query = memchr(uri.data, '?', uri.len);
    DsnSpan path = {uri.data, query == NULL ? uri.len : (size_t)(query - uri.data)};
    DsnSpan rest = query == NULL ? DSN_SPAN_ABSENT : dsn_span_from(uri, path.len + 1);
    const char *at = memchr(path.data, '@', path.len);

    if (dsn_span_starts(uri, "mailto:") && at != NULL) {
        DsnSpan local = {path.data, (size_t)(at - path.data)};
        const char *plus = memchr(local.data, '+', local.len);

        if (plus != NULL)
            return dsn_span_from(local, (size_t)(plus - local.data) + 1);
        return dsn_span_starts(rest, "subject=") ? dsn_span_from(rest, strlen("subject="))
                                                 : DSN_SPAN_ABSENT;
    }
    if (rest.len == 0)
        return behind_last(path, '/');
    /* Of several parameters nobody knows which one it is. */
    DsnSpan value =
        memchr(rest.data, '&', rest.len) == NULL ? behind_last(rest, '=') : DSN_SPAN_ABSENT;
    return dsn_span_present(value) ? value : rest;
}

/* The token of the first URI that has one; nothing is ever fetched from there (rule CFBL-10). */
static void
add_list_unsubscribe(Resolver *resolver)
{
    DsnSpan rest = resolver->report->returned.list_unsubscribe;
    DsnSpan token = DSN_SPAN_ABSENT;

    rest.len = MIN(rest.len, VALUE_MAX);
    while (rest.len > 0 && token.len == 0) {
        const char *open = memchr(rest.data, '<', rest.len);
        const char *close =
            open == NULL ? NULL : memchr(open, '>', rest.len - (size_t)(open - rest.data));

        if (close == NULL)
            return;
        token = find_token((DsnSpan){open + 1, (size_t)(close - open - 1)});
        rest = dsn_span_from(rest, (size_t)(close - rest.data) + 1);
    }
    add_value(resolver, "header:", DSN_SPAN_LITERAL("List-Unsubscribe"), DSN_IDENTITY_TOKEN, token);
}

/* ---- what the report itself says ---- */

bool
dsn_recipient_is_redacted(DsnSpan recipient)
{
    static const char *const words[] = {"redacted", "removed", "undisclosed"};
    const char *at = recipient.len == 0 ? NULL : memrchr(recipient.data, '@', recipient.len);
    DsnSpan local = {recipient.data, at == NULL ? recipient.len : (size_t)(at - recipient.data)};
    size_t masked = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (dsn_span_is(local, words[i]) ||
            (local.len > 2 && dsn_span_is((DsnSpan){local.data + 1, local.len - 2}, words[i])))
            return true;
    }
    while (masked < local.len &&
           (local.data[masked] == '*' || local.data[masked] == 'x' || local.data[masked] == 'X'))
        masked++;
    return local.len == 0 || (masked == local.len && masked > 2) ||
           memchr(local.data, '*', local.len) != NULL;
}

static void
add_recipient(Resolver *resolver, const char *name, DsnSpan recipient)
{
    DsnIdentity identity = DSN_IDENTITY_RECIPIENT;

    if (recipient.len == 0)
        return;
    if (memchr(recipient.data, '@', recipient.len) == NULL || dsn_recipient_is_redacted(recipient))
        identity = DSN_IDENTITY_REDACTED;
    add_value(resolver, "field:", dsn_span(name), identity, recipient);
}

/* One recipient only: of several nobody knows which one the other clues are about. */
static void
add_reported_recipient(Resolver *resolver)
{
    const DsnReport *report = resolver->report;
    const GArray *recipients = report->feedback.original_rcpt_to;

    if (report->kind == DSN_REPORT_FEEDBACK) {
        if (recipients->len == 1)
            add_recipient(resolver, "Original-Rcpt-To", g_array_index(recipients, DsnSpan, 0));
        return;
    }
    if (report->per_recipient->len != 1)
        return;
    const DsnPerRecipient *only = &g_array_index(report->per_recipient, DsnPerRecipient, 0);
    if (dsn_span_present(only->original_recipient.value)) /* rule OOB-11 */
        add_recipient(resolver, "Original-Recipient", only->original_recipient.value);
    else
        add_recipient(resolver, "Final-Recipient", only->final_recipient.value);
}

void
dsn_resolution_init(DsnResolution *ret_resolution, const DsnReport *report,
                    const DsnResolveOptions *options)
{
    Resolver resolver = {ret_resolution, report, options};

    ret_resolution->n_traces = 0;
    ret_resolution->supplemental = NULL;
    ret_resolution->n_clues = 0;
    ret_resolution->strings = NULL;

    add_traces(&resolver);
    add_envelope_id(&resolver);
    add_return_paths(&resolver);
    add_cfbl_feedback_id(&resolver);
    add_feedback_id(&resolver);
    add_list_unsubscribe(&resolver);
    add_value(&resolver, "header:", DSN_SPAN_LITERAL("Message-ID"), DSN_IDENTITY_MESSAGE_ID,
              report->returned.message_id);
    add_reported_recipient(&resolver);
}

void
dsn_resolution_clear(DsnResolution *resolution)
{
    for (size_t i = 0; i < resolution->n_traces; i++)
        json_decref(resolution->traces[i].object);
    if (resolution->strings != NULL)
        g_string_chunk_free(resolution->strings);
    resolution->n_traces = 0;
    resolution->n_clues = 0;
    resolution->supplemental = NULL;
    resolution->strings = NULL;
}

/* ---- choosing ---- */

const DsnClue *
dsn_resolution_find(const DsnResolution *resolution, DsnIdentity identity)
{
    const DsnClue *best = NULL;

    for (size_t i = 0; i < resolution->n_clues; i++) {
        const DsnClue *clue = &resolution->clues[i];

        if (!dsn_span_present(clue->values[identity]))
            continue;
        if (clue->state == DSN_TRACE_VERIFIED)
            return clue;
        if (best == NULL && clue->state != DSN_TRACE_BAD)
            best = clue;
    }
    return best;
}

/* Letters compare in either case: hosts change that of addresses. */
static bool
says_the_same(DsnSpan a, DsnSpan b)
{
    return dsn_span_same(without_brackets(a), without_brackets(b));
}

bool
dsn_resolution_differs(const DsnResolution *resolution, DsnIdentity identity, const DsnClue *chosen)
{
    for (size_t i = 0; i < resolution->n_clues && identity != DSN_IDENTITY_TOKEN; i++) {
        const DsnClue *clue = &resolution->clues[i];

        if (clue->state != DSN_TRACE_BAD && dsn_span_present(clue->values[identity]) &&
            !says_the_same(clue->values[identity], chosen->values[identity]))
            return true;
    }
    return false;
}

const DsnTrace *
dsn_resolution_verified(const DsnResolution *resolution)
{
    for (size_t i = 0; i < resolution->n_traces; i++) {
        if (resolution->traces[i].seal.state == DSN_TRACE_VERIFIED)
            return &resolution->traces[i];
    }
    return NULL;
}
