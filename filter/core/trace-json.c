/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/trace-json.h"

#include "filter/core/json-writer.h"

static const char *const names[] = {
    [DSN_IDENTITY_RECIPIENT] = "recipient",
    [DSN_IDENTITY_SENDER] = "sender",
    [DSN_IDENTITY_TENANT] = "tenant",
    [DSN_IDENTITY_CAMPAIGN] = "campaign",
    [DSN_IDENTITY_ENVELOPE_ID] = "envelope_id",
    [DSN_IDENTITY_MESSAGE_ID] = "message_id",
    [DSN_IDENTITY_TOKEN] = "token",
    [DSN_IDENTITY_HASH] = "hash",
    [DSN_IDENTITY_MAIL_TYPE] = "mail_type",
    [DSN_IDENTITY_SENDER_ID] = "sender_id",
    [DSN_IDENTITY_REDACTED] = "redacted",
};
G_STATIC_ASSERT(G_N_ELEMENTS(names) == DSN_N_IDENTITIES);

/* "kind:name" */
static void
put_source(DsnPieces *pieces, const char *kind, DsnSpan name)
{
    dsn_json_key(pieces->json, "source");
    (void)dsn_json_prefixed(pieces->json, kind, name); /* the name of a field is ASCII */
}

void
dsn_pieces_trace(DsnPieces *pieces, const char *key, const DsnResolution *resolution)
{
    const DsnTrace *trace = resolution->supplemental;
    char buffer[DSN_DATE_MAX];

    dsn_json_key(pieces->json, key);
    if (trace == NULL) {
        dsn_json_null(pieces->json);
        return;
    }
    g_string_append_c(pieces->json, '{');
    dsn_json_key(pieces->json, "supplemental_trace");
    dsn_json_tree(pieces->json, trace->object);
    dsn_pieces_constant(pieces, "state", dsn_trace_state_to_string(trace->seal.state));
    put_source(pieces, "header:", trace->header);
    if (dsn_span_present(trace->seal.key)) {
        dsn_pieces_short_text(pieces, "key", trace->seal.key);
        dsn_pieces_constant(pieces, "time", dsn_date_to_rfc3339(trace->seal.time, 0, buffer));
    }
    if (trace->seal.reason != NULL)
        dsn_pieces_constant(pieces, "reason", trace->seal.reason);
    g_string_append_c(pieces->json, '}');
}

/* Source and state are what a value is worth. */
static void
put_provenance(DsnPieces *pieces, const DsnClue *clue)
{
    put_source(pieces, clue->kind, clue->name);
    dsn_pieces_constant(pieces, "state", dsn_trace_state_to_string(clue->state));
}

static void
put_clue(DsnPieces *pieces, const DsnClue *clue)
{
    dsn_json_next(pieces->json);
    g_string_append_c(pieces->json, '{');
    put_provenance(pieces, clue);
    if (dsn_span_present(clue->place))
        dsn_pieces_text(pieces, "place", clue->place);
    for (size_t i = 0; i < DSN_N_IDENTITIES; i++) {
        if (dsn_span_present(clue->values[i]))
            dsn_pieces_short_text(pieces, names[i], clue->values[i]);
    }
    g_string_append_c(pieces->json, '}');
}

static void
put_chosen(DsnPieces *pieces, DsnIdentity identity, const DsnClue *clue)
{
    if (clue == NULL) {
        dsn_json_key(pieces->json, names[identity]);
        dsn_json_null(pieces->json);
        return;
    }
    dsn_json_key(pieces->json, names[identity]);
    g_string_append_c(pieces->json, '{');
    dsn_pieces_short_text(pieces, "value", clue->values[identity]);
    put_provenance(pieces, clue);
    g_string_append_c(pieces->json, '}');
}

void
dsn_pieces_resolved(DsnPieces *pieces, const char *key, const DsnResolution *resolution)
{
    bool differs[DSN_N_RESOLVED];

    dsn_json_key(pieces->json, key);
    if (resolution->n_clues == 0) {
        dsn_json_null(pieces->json);
        return;
    }
    g_string_append_c(pieces->json, '{');
    for (size_t i = 0; i < DSN_N_RESOLVED; i++) {
        const DsnClue *clue = dsn_resolution_find(resolution, (DsnIdentity)i);

        put_chosen(pieces, (DsnIdentity)i, clue);
        differs[i] = clue != NULL && dsn_resolution_differs(resolution, (DsnIdentity)i, clue);
    }
    dsn_json_key(pieces->json, "differ");
    g_string_append_c(pieces->json, '[');
    for (size_t i = 0; i < DSN_N_RESOLVED; i++) {
        if (differs[i]) {
            dsn_json_next(pieces->json);
            (void)dsn_json_string(pieces->json, dsn_span(names[i]));
        }
    }
    g_string_append(pieces->json, "]");
    dsn_json_key(pieces->json, "clues");
    g_string_append_c(pieces->json, '[');
    for (size_t i = 0; i < resolution->n_clues; i++)
        put_clue(pieces, &resolution->clues[i]);
    g_string_append(pieces->json, "]}");
}
