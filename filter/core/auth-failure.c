/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/auth-failure.h"

#include "filter/core/json-writer.h"
#include "mime/field.h"
#include "mime/transfer.h"

/* The next field @name from *@at on; absent when there is none. */
static DsnSpan
next_value(const DsnFeedback *feedback, const char *name, guint *at)
{
    while (*at < feedback->extensions->len) {
        const DsnField *field = &g_array_index(feedback->extensions, DsnField, (*at)++);

        if (dsn_span_is(field->name, name))
            return field->value;
    }
    return DSN_SPAN_ABSENT;
}

static DsnSpan
first_value(const DsnFeedback *feedback, const char *name)
{
    guint at = 0;

    return next_value(feedback, name, &at);
}

/* The same without comments. */
static DsnSpan
first_words(const DsnFeedback *feedback, const char *name)
{
    DsnSpan value = first_value(feedback, name);

    return dsn_span_present(value) ? dsn_field_strip_comments(value) : value;
}

static void
put_text(DsnPieces *pieces, const char *key, const DsnFeedback *feedback, const char *name)
{
    dsn_pieces_text(pieces, key, first_value(feedback, name));
}

static void
put_words(DsnPieces *pieces, const char *key, const DsnFeedback *feedback, const char *name)
{
    dsn_pieces_text(pieces, key, first_words(feedback, name));
}

/* What the verifier made of the message before it hashed it: base64 that may be folded (rule
 * AUTHF-07). */
static void
put_decoded(DsnPieces *pieces, const char *key, const DsnFeedback *feedback, const char *name)
{
    DsnSpan value = first_value(feedback, name);
    g_autoptr(GString) bytes = g_string_new(NULL);

    dsn_json_key(pieces->json, key);
    if (dsn_span_present(value) &&
        dsn_transfer_decode(value, DSN_TRANSFER_BASE64, &DSN_LIMITS_DEFAULT, bytes))
        dsn_json_message_text(pieces->json, (DsnSpan){bytes->str, bytes->len});
    else
        dsn_json_null(pieces->json);
}

/* A word for programs: in lower case, without comments. */
static void
put_token(DsnPieces *pieces, const char *key, const DsnFeedback *feedback, const char *name)
{
    DsnSpan value = first_words(feedback, name);
    g_autofree char *lower =
        dsn_span_present(value) ? g_ascii_strdown(value.data, (gssize)value.len) : NULL;

    dsn_pieces_text(pieces, key, (DsnSpan){lower, value.len});
}

static void
put_all(DsnPieces *pieces, const char *key, const DsnFeedback *feedback, const char *name)
{
    guint at = 0;

    dsn_json_key(pieces->json, key);
    g_string_append_c(pieces->json, '[');
    for (DsnSpan value; dsn_span_present(value = next_value(feedback, name, &at));) {
        dsn_json_next(pieces->json);
        pieces->replaced |= !dsn_json_string(pieces->json, value);
    }
    g_string_append_c(pieces->json, ']');
}

/* "none", or names with commas, or only spaces, between them (rule AUTHF-09). */
static void
put_alignment(DsnPieces *pieces, const DsnFeedback *feedback)
{
    DsnSpan value = first_words(feedback, "Identity-Alignment");

    dsn_json_key(pieces->json, "identity_alignment");
    if (!dsn_span_present(value)) {
        dsn_json_null(pieces->json);
        return;
    }
    g_autofree char *lower = g_ascii_strdown(value.data, (gssize)value.len);
    g_auto(GStrv) names = g_strsplit_set(lower, ", \t", -1);
    g_string_append_c(pieces->json, '[');
    for (char **name = names; *name != NULL; name++) {
        if (**name == '\0' || strcmp(*name, "none") == 0)
            continue;
        dsn_json_next(pieces->json);
        pieces->replaced |= !dsn_json_string(pieces->json, dsn_span(*name));
    }
    g_string_append_c(pieces->json, ']');
}

void
dsn_auth_failure_write(DsnPieces *pieces, const char *key, const DsnFeedback *feedback)
{
    dsn_json_key(pieces->json, key);
    if (!dsn_span_is(feedback->feedback_type, "auth-failure") &&
        !dsn_span_present(first_value(feedback, "Auth-Failure"))) {
        dsn_json_null(pieces->json);
        return;
    }
    g_string_append_c(pieces->json, '{');
    put_token(pieces, "auth_failure", feedback, "Auth-Failure");
    put_token(pieces, "delivery_result", feedback, "Delivery-Result");
    put_token(pieces, "dkim_domain", feedback, "DKIM-Domain");
    put_words(pieces, "dkim_identity", feedback, "DKIM-Identity");
    put_words(pieces, "dkim_selector", feedback, "DKIM-Selector");
    put_text(pieces, "dkim_selector_dns", feedback, "DKIM-Selector-DNS");
    put_text(pieces, "dkim_adsp_dns", feedback, "DKIM-ADSP-DNS");
    put_decoded(pieces, "dkim_canonicalized_header", feedback, "DKIM-Canonicalized-Header");
    put_decoded(pieces, "dkim_canonicalized_body", feedback, "DKIM-Canonicalized-Body");
    put_all(pieces, "spf_dns", feedback, "SPF-DNS");
    put_alignment(pieces, feedback);
    g_string_append_c(pieces->json, '}');
}
