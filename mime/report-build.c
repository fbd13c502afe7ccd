/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/report-build.h"

#include "mime/delivery-status-build.h"
#include "mime/header.h"
#include "mime/lines.h"
#include "mime/returned-build.h"
#include "mime/text.h"
#include "mime/transfer.h"

#define LINE_WANTED 78                      /* columns; RFC 5322 section 2.1.1 */
#define MESSAGE_ID_MAX 400                  /* bytes of one message id that are passed on */
#define REFERENCES_MAX 20                   /* message ids in References */
#define LANGUAGE_MAX 35                     /* bytes of a language tag, RFC 5646 section 4.4.1 */
#define BOUNDARY_MAX 70                     /* RFC 2046 section 5.1.1 */
#define BOUNDARY_DIGITS 32                  /* of a boundary that was made from the content */
#define BOUNDARY_MADE (2 + BOUNDARY_DIGITS) /* "=_" before them */
#define TEXT_ROOM 2048                      /* about what one text takes */
#define STATUS_ROOM 512                     /* and the fields of one recipient */
#define HEADER_ROOM 4096 /* about what is written beside text, fields and original */

G_DEFINE_QUARK(dsn - build - error - quark, dsn_build_error)

/* One text for people, as it will be sent. */
typedef struct Text {
    const char *subtype;
    DsnSpan language; /* may be absent */
    bool ascii;
    DsnTransfer transfer;
    size_t start, end; /* in Parts.text */
} Text;

/* The parts before they are joined. */
typedef struct Parts {
    GString *text; /* the bytes of all texts */
    GArray *texts; /* of Text, the preferred one last */
    GString *status;
    bool global;
    const DsnReturnedPlan *returned;
} Parts;

static bool
refuse(DsnBuildError code, const char *name, GError **error)
{
    g_set_error(error, DSN_BUILD_ERROR, code, "%s: %s", name,
                code == DSN_BUILD_ERROR_ADDRESS ? "it is no mailbox" : "it cannot be written");
    return false;
}

/* "<left@right>", printable ASCII without white space: no obsolete forms (RFC 5322 section 3.6.4).
 */
static bool
is_message_id(DsnSpan text)
{
    const char *at;

    if (text.len < 5 || text.len > MESSAGE_ID_MAX || text.data[0] != '<' ||
        text.data[text.len - 1] != '>')
        return false;
    for (size_t i = 1; i < text.len - 1; i++)
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f || text.data[i] == '<' ||
            text.data[i] == '>')
            return false;
    at = memchr(text.data, '@', text.len);
    return at != NULL && at > text.data + 1 && at < text.data + text.len - 2;
}

/* RFC 5646 section 2.1, in its outline. */
static bool
is_language_or_absent(DsnSpan tag)
{
    if (!dsn_span_present(tag))
        return true;
    for (size_t i = 0; i < tag.len; i++)
        if (!g_ascii_isalnum(tag.data[i]) && tag.data[i] != '-')
            return false;
    return tag.len > 0 && tag.len <= LANGUAGE_MAX;
}

/* RFC 2046 section 5.1.1; space and '?' are allowed there but not by us: a boundary must not look
 * like an encoded word. */
static bool
is_boundary(DsnSpan text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!g_ascii_isalnum(text.data[i]) &&
            (text.data[i] == '\0' || strchr("'()+_,-./:=", text.data[i]) == NULL))
            return false;
    return text.len > 0 && text.len <= BOUNDARY_MAX;
}

static bool
check_frame(const DsnFrame *frame, GError **error)
{
    if (!dsn_address_is_mailbox(frame->from))
        return refuse(DSN_BUILD_ERROR_ADDRESS, "From", error);
    if (!dsn_address_is_mailbox(frame->to))
        return refuse(DSN_BUILD_ERROR_ADDRESS, "To", error);
    if (!is_message_id(frame->message_id))
        return refuse(DSN_BUILD_ERROR_REPORT, "Message-ID", error);
    if (frame->date < DSN_TIME_MIN || frame->date > DSN_TIME_MAX)
        return refuse(DSN_BUILD_ERROR_REPORT, "Date", error);
    for (size_t i = 0; i < frame->n_words; i++)
        if (!is_language_or_absent(frame->words[i].language))
            return refuse(DSN_BUILD_ERROR_REPORT, "Content-Language", error);
    return true;
}

/* Takes the next message id that can be passed on out of the raw value of a field. */
static bool
next_message_id(DsnSpan *value, DsnSpan *ret_id)
{
    while (value->len > 0) {
        const char *end = value->data + value->len;
        const char *open = memchr(value->data, '<', value->len);
        const char *close = open == NULL ? NULL : memchr(open, '>', (size_t)(end - open));

        if (close == NULL)
            return false;
        *ret_id = (DsnSpan){open, (size_t)(close - open) + 1};
        *value = (DsnSpan){close + 1, (size_t)(end - close) - 1};
        if (is_message_id(*ret_id))
            return true;
    }
    return false;
}

/* RFC 5322 section 3.6.4: the parent's References, or its In-Reply-To if that has one id alone. */
static void
collect_references(DsnSpan header, GArray *ids)
{
    DsnSpan value = dsn_header_find(header, "References");
    bool other = !dsn_span_present(value);

    if (other)
        value = dsn_header_find(header, "In-Reply-To");
    for (DsnSpan id; next_message_id(&value, &id);) {
        if (ids->len >= REFERENCES_MAX - 1) /* the first and the newest ones are kept */
            g_array_remove_index(ids, 1);
        g_array_append_val(ids, id);
    }
    if (other && ids->len > 1)
        g_array_set_size(ids, 0);
}

/* In-Reply-To and References, if the original has a valid Message-ID (rule MIME-30). */
static void
append_threading(DsnSpan header, GString *notice)
{
    DsnSpan value = dsn_span_trim(dsn_header_find(header, "Message-ID"));

    if (!is_message_id(value))
        return;

    g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(DsnSpan));
    collect_references(header, ids);
    g_array_append_val(ids, value);
    dsn_header_append("In-Reply-To", value, notice);
    g_string_append(notice, "References:");
    for (guint i = 0; i < ids->len; i++) {
        const DsnSpan *id = &g_array_index(ids, DsnSpan, i);

        g_string_append(notice, i == 0 ? " " : "\r\n ");
        g_string_append_len(notice, id->data, (gssize)id->len);
    }
    g_string_append_len(notice, "\r\n", 2);
}

static void
append_boundary(DsnSpan boundary, GString *notice)
{
    g_string_append(notice, "\tboundary=\"");
    g_string_append_len(notice, boundary.data, (gssize)boundary.len);
    g_string_append(notice, "\"\r\n");
}

/* RFC 6522 section 3: report-type is the subtype of the second part (rule MIME-02). */
static void
append_header(const DsnFrame *frame, const Parts *parts, DsnSpan boundary, GString *notice)
{
    char date[DSN_DATE_MAX];

    dsn_header_append("Date", dsn_span(dsn_date_to_rfc5322(frame->date, date)), notice);
    dsn_text_append_mailbox("From", frame->from_display, frame->from, notice);
    dsn_text_append_mailbox("To", DSN_SPAN_ABSENT, frame->to, notice);
    dsn_text_append_unstructured("Subject", frame->subject, notice);
    dsn_header_append("Message-ID", frame->message_id, notice);
    append_threading(parts->returned->header, notice);
    g_string_append(notice, "Auto-Submitted: auto-replied\r\n" /* rule LOOP-05 */
                    DSN_NOTICE_MARK ": delivery-status\r\n"    /* rule LOOP-13 */
                            "MIME-Version: 1.0\r\n");
    g_string_append(notice, parts->global ? "Content-Type: multipart/report; "
                                            "report-type=global-delivery-status;\r\n"
                                          : "Content-Type: multipart/report; "
                                            "report-type=delivery-status;\r\n");
    append_boundary(boundary, notice);
}

static bool
has_eight_bit(const Parts *parts)
{
    return (parts->global &&
            !dsn_text_is_ascii((DsnSpan){parts->status->str, parts->status->len})) ||
           g_strcmp0(parts->returned->encoding, "8bit") == 0;
}

/* RFC 2046 section 5.1.1: the line end before a boundary line belongs to it (rule MIME-17). */
static void
append_delimiter(DsnSpan boundary, const char *end, GString *notice)
{
    g_string_append_len(notice, "\r\n--", 4);
    g_string_append_len(notice, boundary.data, (gssize)boundary.len);
    g_string_append(notice, end);
}

static void
append_text(const Parts *parts, const Text *text, GString *notice)
{
    g_string_append(notice, "Content-Type: text/");
    g_string_append(notice, text->subtype);
    g_string_append(notice, text->ascii ? "; charset=us-ascii\r\n"
                                        : "; charset=utf-8\r\n"); /* rule MIME-31 */
    if (dsn_span_present(text->language))                         /* rule MIME-32 */
        dsn_header_append("Content-Language", text->language, notice);
    if (text->transfer != DSN_TRANSFER_IDENTITY)
        dsn_header_append("Content-Transfer-Encoding",
                          dsn_span(dsn_transfer_to_string(text->transfer)), notice);
    g_string_append_len(notice, "\r\n", 2);
    g_string_append_len(notice, parts->text->str + text->start, (gssize)(text->end - text->start));
}

/* The first part: the text, or all of them as alternatives (rule MIME-04). */
static void
append_text_part(const Parts *parts, DsnSpan inner_boundary, GString *notice)
{
    if (parts->texts->len == 1) {
        append_text(parts, &g_array_index(parts->texts, Text, 0), notice);
        return;
    }
    g_string_append(notice, "Content-Type: multipart/alternative;\r\n");
    append_boundary(inner_boundary, notice);
    for (guint i = 0; i < parts->texts->len; i++) {
        append_delimiter(inner_boundary, "\r\n", notice);
        append_text(parts, &g_array_index(parts->texts, Text, i), notice);
    }
    append_delimiter(inner_boundary, "--", notice);
}

static void
append_status_part(const Parts *parts, GString *notice)
{
    g_string_append(notice, parts->global ? "Content-Type: message/global-delivery-status\r\n"
                                          : "Content-Type: message/delivery-status\r\n");
    if (parts->global)
        g_string_append(notice, "Content-Transfer-Encoding: 8bit\r\n"); /* rule I18N-08 */
    g_string_append_len(notice, "\r\n", 2);
    g_string_append_len(notice, parts->status->str, (gssize)parts->status->len);
}

/* A boundary made of the digest of @bytes: nobody can have written it into them. "=_" occurs in no
 * quoted-printable or base64 text. */
static DsnSpan
make_boundary(DsnSpan bytes, char *boundary)
{
    g_autofree char *digest =
        g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)bytes.data, bytes.len);

    memcpy(boundary, "=_", 2);
    memcpy(boundary + 2, digest, BOUNDARY_DIGITS);
    return (DsnSpan){boundary, BOUNDARY_MADE};
}

/* True if @boundary stands @wanted times in @body: nowhere but where it was put. Any other place
 * counts, not only the start of a line: careless readers look there too. */
static bool
stands_only(DsnSpan boundary, size_t wanted, DsnSpan body)
{
    const char *at = body.data, *end = body.data + body.len;
    size_t seen = 0;

    while (seen <= wanted &&
           (at = memmem(at, (size_t)(end - at), boundary.data, boundary.len)) != NULL) {
        at += boundary.len;
        seen++;
    }
    return seen == wanted;
}

/* Writes all; false if a boundary stands where it must not. */
static bool
append_notice(const DsnFrame *frame, const Parts *parts, DsnSpan boundary, GString *notice)
{
    bool third = parts->returned->returned != DSN_RETURN_NOTHING;
    char made[BOUNDARY_MADE];
    DsnSpan inner = parts->texts->len > 1 ? make_boundary(boundary, made) : DSN_SPAN_ABSENT;

    append_header(frame, parts, boundary, notice);
    if (has_eight_bit(parts))
        g_string_append(notice, "Content-Transfer-Encoding: 8bit\r\n"); /* rule MIME-15 */

    size_t start = notice->len;
    append_delimiter(boundary, "\r\n", notice);
    append_text_part(parts, inner, notice);
    append_delimiter(boundary, "\r\n", notice);
    append_status_part(parts, notice);
    if (third) {
        append_delimiter(boundary, "\r\n", notice);
        dsn_returned_append(parts->returned, notice);
    }
    append_delimiter(boundary, "--\r\n", notice);

    /* The inner one stands in Content-Type, before each text and behind the last one. */
    DsnSpan body = {notice->str + start, notice->len - start};
    return stands_only(boundary, third ? 4 : 3, body) &&
           (!dsn_span_present(inner) || stands_only(inner, parts->texts->len + 2, body));
}

static void
append_clean(DsnSpan line, GString *text)
{
    size_t start = text->len;

    (void)dsn_text_append_utf8(line, text); /* what was replaced shows in the text */
    for (size_t i = start; i < text->len; i++) {
        unsigned char byte = (unsigned char)text->str[i];

        if ((byte < ' ' && byte != '\t') || byte == 0x7f)
            text->str[i] = ' ';
    }
}

/* Text for people: controls go, what is not UTF-8 becomes U+FFFD; encoded unless it is short lines
 * of ASCII (rules MIME-22 to MIME-26). */
static void
add_text(Parts *parts, const char *subtype, DsnSpan language, DsnSpan source)
{
    g_autoptr(GString) clean = g_string_sized_new(source.len + 2);
    Text text = {.subtype = subtype, .language = language, .start = parts->text->len};
    DsnLines lines = DSN_LINES(source);
    bool plain = true;

    for (DsnSpan line; dsn_lines_next(&lines, &line);) {
        size_t start = clean->len;

        if (dsn_span_is_plain(line))
            g_string_append_len(clean, line.data, (gssize)line.len);
        else
            append_clean(line, clean);
        plain = plain && clean->len - start <= LINE_WANTED;
        g_string_append_len(clean, "\r\n", 2);
    }

    DsnSpan cleaned = {clean->str, clean->len};
    text.ascii = dsn_text_is_ascii(cleaned);
    text.transfer = plain && text.ascii ? DSN_TRANSFER_IDENTITY : dsn_transfer_choose(cleaned);
    dsn_transfer_encode(cleaned, text.transfer, parts->text);
    text.end = parts->text->len;
    g_array_append_val(parts->texts, text);
}

/* In each language the text, then the HTML, and the preferred language last: a reader shows the
 * last one that it can (RFC 2046 section 5.1.4). */
static void
add_texts(const DsnFrame *frame, Parts *parts)
{
    g_assert(frame->n_words > 0);
    for (size_t i = frame->n_words; i-- > 0;) {
        const DsnWords *words = &frame->words[i];

        add_text(parts, "plain", words->language, words->text);
        if (dsn_span_present(words->html))
            add_text(parts, "html", words->language, words->html);
    }
}

bool
dsn_report_build(const DsnReport *report, const DsnFrame *frame, GString *ret_notice,
                 DsnBuilt *ret_built, GError **error)
{
    g_autoptr(GString) text = g_string_sized_new(TEXT_ROOM);
    g_autoptr(GArray) texts = g_array_new(FALSE, FALSE, sizeof(Text));
    g_autoptr(GString) status = g_string_sized_new(STATUS_ROOM);
    Parts parts = {.text = text,
                   .texts = texts,
                   .status = status,
                   .global = report->global,
                   .returned = frame->returned};
    bool utf8 = !dsn_text_is_ascii(frame->to) || !dsn_text_is_ascii(frame->from);
    char made[BOUNDARY_MADE];
    DsnSpan boundary = frame->boundary;
    size_t start = ret_notice->len;

    if (!check_frame(frame, error) || !dsn_delivery_status_build(report, status, error))
        return false;
    add_texts(frame, &parts);
    g_string_set_size(ret_notice,
                      start + HEADER_ROOM + text->len + status->len + frame->returned->content.len);
    g_string_truncate(ret_notice, start);
    if (!is_boundary(boundary))
        boundary = make_boundary((DsnSpan){status->str, status->len}, made);
    while (!append_notice(frame, &parts, boundary, ret_notice)) {
        boundary = make_boundary((DsnSpan){ret_notice->str + start, ret_notice->len - start}, made);
        g_string_truncate(ret_notice, start);
    }
    *ret_built = (DsnBuilt){
        .returned = frame->returned->returned,
        .reduced = frame->returned->reduced,
        .eight_bit = utf8 || has_eight_bit(&parts),
        .utf8 = utf8,
    };
    return true;
}
