/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * KumoMTA's form, its faults included: text after the status, a charset and a transfer encoding on
 * the delivery status, no Date, and a preamble that it does not copy faithfully.
 */
#include "config.h"

#include "filter/core/notice-kumomta.h"

#include "mime/header.h"
#include "mime/structure.h"

#define QUOTED_LINE 76  /* columns of quoted-printable */
#define HEADER_LINE 75  /* columns of a header value, its name not counted */
#define HEADER_WORD 900 /* columns of one word of it */
#define ENCODED_TEXT 60 /* columns of text in one encoded word */

typedef struct Writer {
    const DsnNoticeOptions *options;
    const DsnRecord *record;
    DsnSpan peer_name; /* as logged, with its final dot */
    GString *response; /* the reply on one line */
    GString *content;  /* its text alone */
    char *boundary;
    GString *out;
} Writer;

static bool
refuse(const char *what, GError **error)
{
    g_set_error_literal(error, DSN_BUILD_ERROR, DSN_BUILD_ERROR_REPORT, what);
    return false;
}

/* CRLF, CR and LF each become one space. */
static void
append_flat(GString *text, DsnSpan content)
{
    for (size_t i = 0; i < content.len; i++) {
        char byte = content.data[i];

        if (byte == '\r' && i + 1 < content.len && content.data[i + 1] == '\n')
            i++;
        g_string_append_c(text, byte == '\r' || byte == '\n' ? ' ' : byte);
    }
}

/* Quoted-printable as the library that KumoMTA uses writes it: it breaks a line when the next piece
 * would pass the limit, or reach it with more to come. */
static void
append_quoted_line(GString *out, DsnSpan line)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t column = 0;

    for (size_t i = 0; i < line.len; i++) {
        unsigned char byte = (unsigned char)line.data[i];
        bool last = i + 1 == line.len;
        bool literal =
            byte == '\t' || byte == ' ' ? !last : byte > ' ' && byte < 0x7f && byte != '=';
        const char token[] = {literal ? (char)byte : '=', digits[byte >> 4], digits[byte & 15]};
        size_t width = literal ? 1 : sizeof(token);

        if (column + width > QUOTED_LINE || (column + width == QUOTED_LINE && !last)) {
            g_string_append(out, "=\r\n");
            column = 0;
        }
        g_string_append_len(out, token, (gssize)width);
        column += width;
    }
}

static void
append_quoted(GString *out, DsnSpan text)
{
    const char *end;

    while (text.len > 0 && (end = memmem(text.data, text.len, "\r\n", 2)) != NULL) {
        append_quoted_line(out, (DsnSpan){text.data, (size_t)(end - text.data)});
        g_string_append(out, "\r\n");
        text = dsn_span_from(text, (size_t)(end - text.data) + 2);
    }
    append_quoted_line(out, text);
}

/* A part of text: plain if quoted-printable changes nothing, else the shorter of the encodings. */
static void
append_text_part(Writer *writer, const char *type, const GString *text)
{
    DsnSpan body = {text->str, text->len};
    g_autoptr(GString) quoted = g_string_sized_new(text->len + 64);
    g_autoptr(GString) base64 = g_string_new(NULL);
    const char *encoding = NULL;

    append_quoted(quoted, body);
    if (!dsn_span_equal((DsnSpan){quoted->str, quoted->len}, body)) {
        dsn_transfer_encode_base64(body, base64);
        encoding = quoted->len <= base64->len ? "quoted-printable" : "base64";
        body = quoted->len <= base64->len ? (DsnSpan){quoted->str, quoted->len}
                                          : (DsnSpan){base64->str, base64->len};
    }
    g_string_append_printf(
        writer->out, "--%s\r\nContent-Type: %s;\r\n\tcharset=\"%s\"\r\n", writer->boundary, type,
        dsn_text_is_ascii((DsnSpan){text->str, text->len}) ? "us-ascii" : "utf-8");
    if (encoding != NULL)
        g_string_append_printf(writer->out, "Content-Transfer-Encoding: %s\r\n", encoding);
    g_string_append(writer->out, "\r\n");
    g_string_append_len(writer->out, body.data, (gssize)body.len);
}

/* The value as one or more encoded words, addresses too. */
static void
append_encoded_words(GString *out, DsnSpan value)
{
    size_t column = 0;
    const char *end = value.data + value.len;

    g_string_append(out, "=?UTF-8?q?");
    for (const char *at = value.data; at < end; at = g_utf8_next_char(at)) {
        size_t len = (size_t)(g_utf8_next_char(at) - at);
        bool literal = len == 1 && (g_ascii_isgraph(*at) || *at == ' ') && *at != '?' && *at != '=';
        size_t width = literal ? 1 : 3 * len;

        if (column + width > ENCODED_TEXT) {
            g_string_append(out, "?=\r\n\t=?UTF-8?q?");
            column = 0;
        }
        column += width;
        if (literal)
            g_string_append_c(out, *at == ' ' ? '_' : *at);
        for (size_t i = 0; !literal && i < len; i++)
            g_string_append_printf(out, "=%02X", (unsigned char)at[i]);
    }
    g_string_append(out, "?=");
}

/* "Name: value", wrapped at white space; a word that no line can hold is cut. */
static void
append_header(GString *out, const char *name, const char *value)
{
    g_auto(GStrv) words = g_strsplit(value, " ", -1);
    size_t column = 0;

    g_string_append_printf(out, "%s: ", name);
    if (!dsn_text_is_ascii(dsn_span(value))) {
        append_encoded_words(out, dsn_span(value));
        g_string_append(out, "\r\n");
        return;
    }
    for (char **word = words; *word != NULL; word++) {
        DsnSpan rest = dsn_span(*word);

        for (bool first = true; first || rest.len > 0; first = false) {
            size_t len = MIN(rest.len, HEADER_WORD);

            if (column > 0 && (!first || column + 1 + len > HEADER_LINE)) {
                g_string_append(out, "\r\n\t");
                column = 0;
            } else if (column > 0) {
                g_string_append_c(out, ' ');
                column++;
            }
            g_string_append_len(out, rest.data, (gssize)len);
            column += len;
            rest = dsn_span_from(rest, len);
        }
    }
    g_string_append(out, "\r\n");
}

static void
append_headers(Writer *writer)
{
    DsnSpan name = writer->options->reporting_mta.value;
    g_autofree char *uuid = writer->options->stable ? g_strdup("UUID") : g_uuid_string_random();
    g_autofree char *message_id = g_strdup_printf("<%s@%.*s>", uuid, (int)name.len, name.data);
    g_autofree char *from =
        g_strdup_printf("Mail Delivery Subsystem <mailer-daemon@%.*s>", (int)name.len, name.data);

    g_string_append_printf(writer->out,
                           "Content-Type: multipart/report;\r\n\tboundary=\"%s\";\r\n"
                           "\treport-type=\"delivery-status\"\r\n"
                           "Subject: Returned mail\r\nMime-Version: 1.0\r\n",
                           writer->boundary);
    append_header(writer->out, "Message-ID", message_id);
    append_header(writer->out, "To", writer->record->sender);
    append_header(writer->out, "From", from);
    g_string_append(writer->out, "\r\n");
}

static void
append_text(Writer *writer)
{
    const DsnRecord *record = writer->record;
    g_autoptr(GString) text = g_string_new(NULL);
    char date[DSN_DATE_MAX];

    g_string_append_printf(text, "The message was received at %s\r\nfrom %s and addressed to ",
                           dsn_date_to_rfc5322(record->created, date), record->sender);
    for (size_t i = 0; i < record->n_recipients; i++)
        g_string_append_printf(text, "%s%s", i == 0 ? "" : ", ", record->recipients[i]);
    g_string_append(text, ".\r\n");
    if (record->type == DSN_RECORD_BOUNCE && dsn_span_present(writer->peer_name))
        g_string_append_printf(text, "While communicating with %.*s (%s):\r\nResponse: %s\r\n",
                               (int)writer->peer_name.len, writer->peer_name.data,
                               record->peer_addr == NULL ? "" : record->peer_addr,
                               writer->response->str);
    else
        g_string_append_printf(text, "Status: %s\r\n", writer->response->str);
    if (record->type == DSN_RECORD_BOUNCE)
        g_string_append(text, "\r\n");
    g_string_append(text, "The message will be deleted from the queue.\r\n"
                          "No further attempts will be made to deliver it.\r\n");
    append_text_part(writer, "text/plain", text);
}

static DsnStatusCode
status_of(const DsnRecord *record)
{
    if (record->enhanced.class_ != 0)
        return record->enhanced;
    if (record->code >= 500)
        return (DsnStatusCode){5, 0, 0};
    return (DsnStatusCode){record->code >= 200 && record->code < 300 ? 2 : 4, 0, 0};
}

static void
append_delivery_status(Writer *writer)
{
    const DsnRecord *record = writer->record;
    DsnTyped mta = writer->options->reporting_mta;
    DsnStatusCode status = status_of(record);
    g_autoptr(GString) text = g_string_new(NULL);
    char arrival[DSN_DATE_MAX], attempt[DSN_DATE_MAX];

    dsn_date_to_rfc5322(record->created, arrival);
    dsn_date_to_rfc5322(record->event_time, attempt);
    g_string_append_printf(text, "Reporting-MTA: %.*s; %.*s\r\nArrival-Date: %s\r\n\r\n",
                           (int)mta.type.len, mta.type.data, (int)mta.value.len, mta.value.data,
                           arrival);
    for (size_t i = 0; i < record->n_recipients; i++) {
        g_string_append_printf(text,
                               "Final-Recipient: rfc822;%s\r\nAction: failed\r\n"
                               "Status: %u.%u.%u %s\r\n",
                               record->recipients[i], status.class_, status.subject, status.detail,
                               writer->content->str);
        if (dsn_span_present(writer->peer_name))
            g_string_append_printf(text, "Remote-MTA: dns; %.*s\r\n", (int)writer->peer_name.len,
                                   writer->peer_name.data);
        g_string_append_printf(text, "Diagnostic-Code: smtp; %s\r\nLast-Attempt-Date: %s\r\n\r\n",
                               writer->response->str, attempt);
    }
    append_text_part(writer, "message/delivery-status", text);
}

/* What KumoMTA's parser refuses, whether the original is to be returned or not. */
static bool
check_original(const DsnStructure *structure, GError **error)
{
    for (guint i = 0; i < structure->parts->len; i++) {
        DsnSpan header = g_array_index(structure->parts, DsnPart, i).header;
        DsnHeaderField field;

        if (header.len > 0 && (header.data[0] == ' ' || header.data[0] == '\t'))
            return refuse("original: a header begins with white space", error);
        while (dsn_header_next(&header, &field)) {
            if (field.whole.data[0] == '\r')
                return refuse("original: a lone CR at the start of a line", error);
            for (size_t at = 0; at < field.whole.len && field.whole.data[at] != ':'; at++)
                if (!dsn_is_space(field.whole.data[at]) && !g_ascii_isgraph(field.whole.data[at]))
                    return refuse("original: a byte that cannot stand in the name of a field",
                                  error);
        }
    }
    return true;
}

/* Where the line of the delimiter before @first begins. */
static const char *
delimiter_line(const DsnPart *first)
{
    const char *at = first->header.data - 1; /* the LF that ends the delimiter */

    while (at[-1] != '\n')
        at--;
    return at;
}

/* The original as KumoMTA writes it again: the preamble of a multipart is taken one byte too early,
 * so that a LF comes before it, and after CRLF lines the LF before the delimiter is missing. */
static void
append_message(Writer *writer, const DsnStructure *structure, DsnSpan original)
{
    const GArray *parts = structure->parts;
    const char *at = original.data;

    for (guint i = 0; i + 1 < parts->len; i++) {
        const DsnPart *part = &g_array_index(parts, DsnPart, i), *first = part + 1;
        const char *start = part->body.data;

        if (!dsn_content_type_is(&part->type, "multipart", NULL) || first->parent != (int)i ||
            part->wrong_boundary)
            continue;

        const char *line = delimiter_line(first);
        if (line <= start)
            continue; /* no preamble */
        bool crlf = line - start >= 2 && line[-2] == '\r';
        g_string_append_len(writer->out, at, start - at);
        g_string_append_c(writer->out, '\n');
        g_string_append_len(writer->out, start, line - start - (crlf ? 1 : 0));
        at = line;
    }
    g_string_append_len(writer->out, at, original.data + original.len - at);
}

static bool
append_original(Writer *writer, DsnSpan original, GError **error)
{
    DsnReturn wanted = writer->options->include_original;
    g_autoptr(DsnStructure) structure = NULL;
    DsnSpan body;
    DsnSpan header = dsn_header_split(original, &body);

    if (!dsn_span_present(original))
        return true;
    structure = dsn_structure_new();
    dsn_structure_scan(structure, original, writer->options->limits);
    if (!check_original(structure, error))
        return false;
    if (wanted == DSN_RETURN_NOTHING)
        return true;
    if (!dsn_text_is_ascii(wanted == DSN_RETURN_FULL ? original : header))
        return refuse("original: 8-bit found when 7-bit is required", error);
    g_string_append_printf(writer->out, "--%s\r\nContent-Type: %s\r\n\r\n", writer->boundary,
                           wanted == DSN_RETURN_FULL ? "message/rfc822" : "text/rfc822-headers");
    if (wanted == DSN_RETURN_FULL) {
        append_message(writer, structure, original);
        return true;
    }
    g_string_append_len(writer->out, header.data, (gssize)header.len);
    if (header.len > 0 && header.data[header.len - 1] != '\n')
        g_string_append(writer->out, "\r\n");
    return true;
}

/* Unpadded base64 of 16 random bytes. */
static char *
dup_boundary(bool stable)
{
    g_autofree char *uuid = NULL;
    guchar bytes[16];
    size_t digits = 0;

    if (stable)
        return g_strdup("report-boundary");
    uuid = g_uuid_string_random();
    memset(bytes, 0, sizeof(bytes));
    for (const char *at = uuid; *at != '\0'; at++) {
        if (*at == '-')
            continue;
        bytes[digits / 2] = (guchar)(bytes[digits / 2] << 4 | (guchar)g_ascii_xdigit_value(*at));
        digits++;
    }

    char *boundary = g_base64_encode(bytes, sizeof(bytes));
    *strchr(boundary, '=') = '\0';
    return boundary;
}

static DsnReason
find_reason(const DsnNoticeOptions *options, const DsnRecord *record)
{
    if (record->sender[0] == '\0')
        return DSN_REASON_NULL_SENDER;
    if ((record->type != DSN_RECORD_BOUNCE && record->type != DSN_RECORD_EXPIRATION) ||
        !options->enable[record->type])
        return DSN_REASON_TYPE_NOT_ENABLED;
    if (record->type == DSN_RECORD_BOUNCE && g_strcmp0(record->delivery_protocol, "ESMTP") != 0)
        return DSN_REASON_PROTOCOL;
    return DSN_REASON_NONE;
}

/* The peer's name before record.c took its final dot away; absent when there is no peer. */
static DsnSpan
logged_peer_name(const DsnRecord *record)
{
    const json_t *peer = json_object_get(record->json, "peer_address");
    const char *name = json_string_value(json_object_get(peer, "name"));

    return record->peer_name == NULL ? DSN_SPAN_ABSENT
                                     : dsn_span(name == NULL ? record->peer_name : name);
}

static bool
has_control(DsnSpan text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f)
            return true;
    return false;
}

/* KumoMTA never logs these; a record made by hand could start fields of its own with them. */
static bool
check_record(const Writer *writer, GError **error)
{
    const DsnRecord *record = writer->record;

    if (!dsn_address_is_mailbox(dsn_span(record->sender)))
        return refuse("sender: it is no address", error);
    for (size_t i = 0; i < record->n_recipients; i++)
        if (has_control(dsn_span(record->recipients[i])))
            return refuse("recipient: a control character", error);
    if (has_control(writer->peer_name) || has_control(dsn_span(record->peer_addr)))
        return refuse("peer_address: a control character", error);
    if (record->created < DSN_TIME_MIN || record->created > DSN_TIME_MAX)
        return refuse("created: it is no date", error);
    if (record->event_time < DSN_TIME_MIN || record->event_time > DSN_TIME_MAX)
        return refuse("timestamp: it is no date", error);
    return true;
}

DsnNoticeResult
dsn_notice_make_kumomta(const DsnNoticeOptions *options, const DsnRecord *record, DsnSpan original,
                        GString *ret_bytes, DsnReason *ret_reason, GError **error)
{
    g_autoptr(GString) response = g_string_new(NULL);
    g_autoptr(GString) content = g_string_new(NULL);
    g_autofree char *boundary = dup_boundary(options->stable);
    Writer writer = {.options = options,
                     .record = record,
                     .peer_name = logged_peer_name(record),
                     .response = response,
                     .content = content,
                     .boundary = boundary,
                     .out = ret_bytes};
    size_t start = ret_bytes->len;

    *ret_reason = find_reason(options, record);
    if (*ret_reason != DSN_REASON_NONE)
        return DSN_NOTICE_NOT_DUE;
    if (!check_record(&writer, error))
        return DSN_NOTICE_FAILED;
    append_flat(content, record->content);
    g_string_append_printf(response, "%u ", record->code);
    if (record->enhanced.class_ != 0)
        g_string_append_printf(response, "%u.%u.%u ", record->enhanced.class_,
                               record->enhanced.subject, record->enhanced.detail);
    g_string_append_len(response, content->str, (gssize)content->len);
    append_headers(&writer);
    append_text(&writer);
    append_delivery_status(&writer);
    if (!append_original(&writer, original, error)) {
        g_string_truncate(ret_bytes, start);
        return DSN_NOTICE_FAILED;
    }
    g_string_append_printf(ret_bytes, "--%s--\r\n", boundary);
    return DSN_NOTICE_MADE;
}
