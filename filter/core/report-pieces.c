/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/report-pieces.h"

#include "filter/core/json-writer.h"
#include "filter/core/record-shape.h"
#include "mime/text.h"

#include <stdlib.h>

#define SHORT_TEXT_MAX 1000

static void
put_value(DsnPieces *pieces, DsnSpan text)
{
    if (!dsn_json_string(pieces->json, text))
        pieces->replaced = true;
}

void
dsn_pieces_text(DsnPieces *pieces, const char *key, DsnSpan text)
{
    dsn_json_key(pieces->json, key);
    put_value(pieces, text);
}

void
dsn_pieces_constant(DsnPieces *pieces, const char *key, const char *text)
{
    dsn_json_word(pieces->json, key, text);
}

void
dsn_pieces_short_text(DsnPieces *pieces, const char *key, DsnSpan text)
{
    DsnSpan start = {text.data, MIN(text.len, SHORT_TEXT_MAX)};

    /* No more than three bytes can follow the first one of a character. */
    for (unsigned i = 0; i < 3 && start.len < text.len && (text.data[start.len] & 0xc0) == 0x80;
         i++)
        start.len--;
    dsn_pieces_text(pieces, key, start);
    if (start.len < text.len) {
        g_string_truncate(pieces->json, pieces->json->len - 1);
        g_string_append(pieces->json, "...\"");
    }
}

void
dsn_pieces_date(DsnPieces *pieces, const char *key, int64_t time)
{
    char buffer[DSN_DATE_MAX];

    dsn_pieces_constant(pieces, key,
                        time == DSN_TIME_NONE ? NULL : dsn_date_to_rfc3339(time, 0, buffer));
}

/* True if @text is as put_words() would write it. */
static bool
is_plain(DsnSpan text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        char next = i + 1 < text.len ? text.data[i + 1] : '\0';

        if ((dsn_is_space(c) && (c != ' ' || next == ' ')) || (c == '=' && next == '?'))
            return false;
    }
    return true;
}

void
dsn_pieces_collapse_space(GString *text)
{
    gsize out = 0;

    for (gsize in = 0; in < text->len; in++) {
        char c = dsn_is_space(text->str[in]) ? ' ' : text->str[in];

        if (c != ' ' || out == 0 || text->str[out - 1] != ' ')
            text->str[out++] = c;
    }
    g_string_truncate(text, out);
}

/* A value as KumoMTA's reader of header blocks gives it: encoded words are decoded, and white space
 * of any length is one space. */
static void
put_words(DsnPieces *pieces, DsnSpan text)
{
    if (!dsn_span_present(text) || is_plain(text)) {
        put_value(pieces, text);
        return;
    }
    g_autoptr(GString) words = g_string_new(NULL);
    if (text.len <= DSN_LIMITS_DEFAULT.encoded && memmem(text.data, text.len, "=?", 2) != NULL)
        dsn_text_decode_header(text, &DSN_LIMITS_DEFAULT, words);
    else
        g_string_append_len(words, text.data, (gssize)text.len);
    dsn_pieces_collapse_space(words);
    put_value(pieces, (DsnSpan){words->str, words->len});
}

static void
put_words_at(DsnPieces *pieces, const char *key, DsnSpan text)
{
    dsn_json_key(pieces->json, key);
    put_words(pieces, text);
}

void
dsn_pieces_typed(DsnPieces *pieces, const char *key, DsnTyped typed, const char *type_key,
                 const char *value_key)
{
    dsn_json_key(pieces->json, key);
    if (!dsn_span_present(typed.value)) {
        dsn_json_null(pieces->json);
        return;
    }
    g_string_append_c(pieces->json, '{');
    dsn_pieces_text(pieces, type_key, typed.type);
    put_words_at(pieces, value_key, typed.value);
    g_string_append_c(pieces->json, '}');
}

static void
put_mta(DsnPieces *pieces, const char *key, DsnTyped mta)
{
    dsn_pieces_typed(pieces, key, mta, "mta_type", "name");
}

/* Those who read a record may take names for C strings, so a NUL is not among the octets that a
 * name can have. */
static void
put_name(DsnPieces *pieces, DsnSpan name)
{
    if (name.len == 0 || memchr(name.data, '\0', name.len) == NULL) {
        put_value(pieces, name);
        return;
    }
    g_autoptr(GString) text = g_string_sized_new(name.len);
    for (size_t i = 0; i < name.len; i++)
        g_string_append_c(text, name.data[i] == '\0' ? '\xff' : name.data[i]);
    put_value(pieces, (DsnSpan){text->str, text->len});
}

void
dsn_pieces_name(DsnPieces *pieces, const char *key, DsnSpan name)
{
    dsn_json_key(pieces->json, key);
    put_name(pieces, name);
}

void
dsn_pieces_address(DsnPieces *pieces, const char *key, DsnSpan address)
{
    dsn_pieces_name(pieces, key, dsn_record_bare_address(address));
}

static void
put_addresses(DsnPieces *pieces, const char *key, const GArray *addresses)
{
    dsn_json_key(pieces->json, key);
    g_string_append_c(pieces->json, '[');
    for (guint i = 0; i < addresses->len; i++) {
        dsn_json_next(pieces->json);
        put_name(pieces, dsn_record_bare_address(g_array_index(addresses, DsnSpan, i)));
    }
    g_string_append_c(pieces->json, ']');
}

static void
put_texts(DsnPieces *pieces, const char *key, const GArray *texts)
{
    dsn_json_key(pieces->json, key);
    g_string_append_c(pieces->json, '[');
    for (guint i = 0; i < texts->len; i++) {
        dsn_json_next(pieces->json);
        put_words(pieces, g_array_index(texts, DsnSpan, i));
    }
    g_string_append_c(pieces->json, ']');
}

typedef struct Extension {
    const DsnField *field;
    guint order;
} Extension;

static int
compare_names(DsnSpan a, DsnSpan b)
{
    int difference = g_ascii_strncasecmp(a.data, b.data, MIN(a.len, b.len));

    return difference != 0 ? difference : (a.len > b.len) - (a.len < b.len);
}

static int
compare_extensions(const void *first, const void *second)
{
    const Extension *a = first;
    const Extension *b = second;
    int difference = compare_names(a->field->name, b->field->name);

    return difference != 0 ? difference : (a->order > b->order) - (a->order < b->order);
}

/* A field name is printable ASCII, but may have a quote or a backslash in it. */
static void
put_lower_key(DsnPieces *pieces, DsnSpan name)
{
    g_autofree char *lower = g_ascii_strdown(name.data, (gssize)name.len);

    dsn_json_next(pieces->json);
    put_value(pieces, dsn_span(lower));
    g_string_append_c(pieces->json, ':');
}

/* {"<name in lower case>":[...]}, sorted by name, values in the order of the report. */
static void
put_extensions(DsnPieces *pieces, const GArray *fields)
{
    dsn_json_key(pieces->json, "extensions");
    g_string_append_c(pieces->json, '{');
    g_autofree Extension *sorted = g_new(Extension, fields->len);
    for (guint i = 0; i < fields->len; i++)
        sorted[i] = (Extension){&g_array_index(fields, DsnField, i), i};
    if (fields->len > 1)
        qsort(sorted, fields->len, sizeof(Extension), compare_extensions);

    for (guint i = 0; i < fields->len; i++) {
        DsnSpan name = sorted[i].field->name;

        if (i == 0 || compare_names(sorted[i - 1].field->name, name) != 0) {
            if (i > 0)
                g_string_append_c(pieces->json, ']');
            put_lower_key(pieces, name);
            g_string_append_c(pieces->json, '[');
        }
        dsn_json_next(pieces->json);
        put_words(pieces, sorted[i].field->value);
    }
    g_string_append(pieces->json, fields->len > 0 ? "]}" : "}");
}

static void
put_incidents(DsnPieces *pieces, int64_t incidents)
{
    dsn_json_key(pieces->json, "incidents");
    if (incidents < 0)
        dsn_json_null(pieces->json);
    else
        dsn_json_int(pieces->json, incidents);
}

void
dsn_pieces_feedback_report(DsnPieces *pieces, const char *key, const DsnReport *report,
                           const json_t *trace)
{
    const DsnFeedback *feedback = &report->feedback;

    dsn_json_key(pieces->json, key);
    g_string_append_c(pieces->json, '{');
    put_words_at(pieces, "feedback_type", feedback->feedback_type);
    put_words_at(pieces, "user_agent", feedback->user_agent);
    put_words_at(pieces, "version", feedback->version);
    dsn_pieces_date(pieces, "arrival_date", feedback->arrival_date);
    put_incidents(pieces, feedback->incidents);
    put_words_at(pieces, "original_envelope_id", feedback->original_envelope_id);
    dsn_pieces_address(pieces, "original_mail_from", feedback->original_mail_from);
    put_mta(pieces, "reporting_mta", feedback->reporting_mta);
    put_words_at(pieces, "source_ip", feedback->source_ip);
    put_texts(pieces, "authentication_results", feedback->authentication_results);
    put_addresses(pieces, "original_rcpto_to", feedback->original_rcpt_to); /* sic: rule QRK-01 */
    put_texts(pieces, "reported_domain", feedback->reported_domain);
    put_texts(pieces, "reported_uri", feedback->reported_uri);
    put_extensions(pieces, feedback->extensions);
    dsn_json_key(pieces->json, "original_message");
    dsn_json_message_text(pieces->json, report->returned.bytes);
    dsn_json_key(pieces->json, "supplemental_trace");
    if (trace == NULL)
        dsn_json_null(pieces->json);
    else
        dsn_json_tree(pieces->json, trace);
    g_string_append_c(pieces->json, '}');
}

void
dsn_pieces_per_message(DsnPieces *pieces, const DsnPerMessage *message)
{
    g_string_append_c(pieces->json, '{');
    put_words_at(pieces, "original_envelope_id", message->original_envelope_id);
    put_mta(pieces, "reporting_mta", message->reporting_mta);
    put_mta(pieces, "dsn_gateway", message->dsn_gateway);
    put_mta(pieces, "received_from_mta", message->received_from_mta);
    dsn_pieces_date(pieces, "arrival_date", message->arrival_date);
    put_extensions(pieces, message->extensions);
    g_string_append_c(pieces->json, '}');
}

static void
put_status(DsnPieces *pieces, DsnStatusCode status, DsnSpan comment)
{
    dsn_json_key(pieces->json, "status");
    if (status.class_ == 0) {
        dsn_json_null(pieces->json);
        return;
    }
    g_string_append_c(pieces->json, '{');
    dsn_json_key(pieces->json, "class");
    dsn_json_int(pieces->json, status.class_);
    dsn_json_key(pieces->json, "subject");
    dsn_json_int(pieces->json, status.subject);
    dsn_json_key(pieces->json, "detail");
    dsn_json_int(pieces->json, status.detail);
    put_words_at(pieces, "comment", comment);
    g_string_append_c(pieces->json, '}');
}

static void
put_recipient(DsnPieces *pieces, const char *key, DsnTyped recipient)
{
    dsn_pieces_typed(pieces, key, recipient, "recipient_type", "recipient");
}

void
dsn_pieces_per_recipient(DsnPieces *pieces, const DsnPerRecipient *recipient)
{
    g_string_append_c(pieces->json, '{');
    put_recipient(pieces, "final_recipient", recipient->final_recipient);
    dsn_pieces_constant(pieces, "action", dsn_action_to_string(recipient->action));
    put_status(pieces, recipient->status, recipient->status_comment);
    put_recipient(pieces, "original_recipient", recipient->original_recipient);
    put_mta(pieces, "remote_mta", recipient->remote_mta);
    dsn_pieces_typed(pieces, "diagnostic_code", recipient->diagnostic_code, "diagnostic_type",
                     "diagnostic");
    dsn_pieces_date(pieces, "last_attempt_date", recipient->last_attempt_date);
    put_words_at(pieces, "final_log_id", recipient->final_log_id);
    dsn_pieces_date(pieces, "will_retry_until", recipient->will_retry_until);
    put_extensions(pieces, recipient->extensions);
    g_string_append_c(pieces->json, '}');
}

void
dsn_pieces_original(DsnPieces *pieces, const char *key, const DsnReturned *returned)
{
    dsn_json_key(pieces->json, key);
    g_string_append_c(pieces->json, '{');
    dsn_pieces_short_text(pieces, "message_id", returned->message_id);
    dsn_pieces_short_text(pieces, "return_path", returned->return_path);
    dsn_pieces_short_text(pieces, "subject", returned->subject);
    dsn_pieces_short_text(pieces, "list_id", returned->list_id);
    dsn_pieces_short_text(pieces, "list_unsubscribe", returned->list_unsubscribe);
    dsn_pieces_short_text(pieces, "list_unsubscribe_post", returned->list_unsubscribe_post);
    dsn_pieces_short_text(pieces, "feedback_id", returned->feedback_id);
    dsn_pieces_short_text(pieces, "cfbl_feedback_id", returned->cfbl_feedback_id);
    g_string_append_c(pieces->json, '}');
}

void
dsn_pieces_defect(DsnPieces *pieces, const DsnDefect *defect)
{
    dsn_json_next(pieces->json);
    g_string_append_c(pieces->json, '{');
    dsn_pieces_constant(pieces, "kind", dsn_defect_kind_to_string(defect->kind));
    dsn_pieces_short_text(pieces, "field", defect->field);
    dsn_pieces_short_text(pieces, "value", defect->value);
    dsn_pieces_text(pieces, "detail", dsn_span(defect->detail));
    g_string_append_c(pieces->json, '}');
}

void
dsn_pieces_open_defects(DsnPieces *pieces, const DsnReport *report)
{
    dsn_json_key(pieces->json, "defects");
    g_string_append_c(pieces->json, '[');
    for (guint i = 0; i < report->defects->len; i++)
        dsn_pieces_defect(pieces, &g_array_index(report->defects, DsnDefect, i));
}

void
dsn_pieces_close_defects(DsnPieces *pieces, const DsnReport *report)
{
    if (pieces->replaced)
        dsn_pieces_defect(pieces, &(DsnDefect){
                                      .kind = DSN_DEFECT_INVALID_UTF8,
                                      .detail = "octets that are not UTF-8 became U+FFFD",
                                  });
    g_string_append_c(pieces->json, ']');
    if (report->defects_unseen > 0) {
        dsn_json_key(pieces->json, "defects_unseen");
        dsn_json_int(pieces->json, report->defects_unseen);
    }
}
