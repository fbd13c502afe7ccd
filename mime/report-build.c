/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/report-build.h"

#include "mime/boundary.h"
#include "mime/delivery-status-build.h"
#include "mime/header.h"
#include "mime/returned-build.h"
#include "mime/text.h"

#define MESSAGE_ID_MAX 400 /* bytes of one message id that are passed on */
#define REFERENCES_MAX 20  /* message ids in References */
#define STATUS_ROOM 512    /* and the fields of one recipient */
#define HEADER_ROOM 4096   /* about what is written beside text, fields and original */

G_DEFINE_QUARK(dsn - build - error - quark, dsn_build_error)

/* The parts before they are joined. */
typedef struct Parts {
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
    if (!dsn_words_have_languages(frame->words, frame->n_words))
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

void
dsn_report_append_threading(DsnSpan header, GString *ret_header)
{
    DsnSpan value = dsn_span_trim(dsn_header_find(header, "Message-ID"));

    if (!is_message_id(value))
        return;

    g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(DsnSpan));
    collect_references(header, ids);
    g_array_append_val(ids, value);
    dsn_header_append("In-Reply-To", value, ret_header);
    g_string_append(ret_header, "References:");
    for (guint i = 0; i < ids->len; i++) {
        const DsnSpan *id = &g_array_index(ids, DsnSpan, i);

        g_string_append(ret_header, i == 0 ? " " : "\r\n ");
        g_string_append_len(ret_header, id->data, (gssize)id->len);
    }
    g_string_append_len(ret_header, "\r\n", 2);
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
    dsn_report_append_threading(parts->returned->header, notice);
    g_string_append(notice, "Auto-Submitted: auto-replied\r\n" /* rule LOOP-05 */
                    DSN_NOTICE_MARK ": delivery-status\r\n"    /* rule LOOP-13 */
                            "MIME-Version: 1.0\r\n");
    g_string_append(notice, parts->global ? "Content-Type: multipart/report; "
                                            "report-type=global-delivery-status;\r\n"
                                          : "Content-Type: multipart/report; "
                                            "report-type=delivery-status;\r\n");
    dsn_boundary_append_parameter(boundary, notice);
}

static bool
has_eight_bit(const Parts *parts)
{
    return (parts->global &&
            !dsn_text_is_ascii((DsnSpan){parts->status->str, parts->status->len})) ||
           g_strcmp0(parts->returned->encoding, "8bit") == 0;
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

/* Writes all; false if a boundary stands where it must not. */
static bool
append_notice(const DsnFrame *frame, const Parts *parts, DsnSpan boundary, GString *notice)
{
    bool third = parts->returned->returned != DSN_RETURN_NOTHING;
    size_t texts = dsn_words_count(frame->words, frame->n_words);
    char made[DSN_BOUNDARY_MADE];
    DsnSpan inner = texts > 1 ? dsn_boundary_make(boundary, made) : DSN_SPAN_ABSENT;

    append_header(frame, parts, boundary, notice);
    if (has_eight_bit(parts))
        g_string_append(notice, "Content-Transfer-Encoding: 8bit\r\n"); /* rule MIME-15 */

    size_t start = notice->len;
    dsn_boundary_append(boundary, "\r\n", notice);
    dsn_words_append(frame->words, frame->n_words, inner, false, notice);
    dsn_boundary_append(boundary, "\r\n", notice);
    append_status_part(parts, notice);
    if (third) {
        dsn_boundary_append(boundary, "\r\n", notice);
        dsn_returned_append(parts->returned, notice);
    }
    dsn_boundary_append(boundary, "--\r\n", notice);

    /* The inner one stands in Content-Type, before each text and behind the last one. */
    DsnSpan body = {notice->str + start, notice->len - start};
    return dsn_boundary_stands(boundary, third ? 4 : 3, body) &&
           (!dsn_span_present(inner) || dsn_boundary_stands(inner, texts + 2, body));
}

bool
dsn_report_build(const DsnReport *report, const DsnFrame *frame, GString *ret_notice,
                 DsnBuilt *ret_built, GError **error)
{
    g_autoptr(GString) status = g_string_sized_new(STATUS_ROOM);
    Parts parts = {.status = status, .global = report->global, .returned = frame->returned};
    bool utf8 = !dsn_text_is_ascii(frame->to) || !dsn_text_is_ascii(frame->from);
    char made[DSN_BOUNDARY_MADE];
    DsnSpan boundary = frame->boundary;
    size_t start = ret_notice->len;

    if (!check_frame(frame, error) || !dsn_delivery_status_build(report, status, error))
        return false;
    g_string_set_size(ret_notice, start + HEADER_ROOM +
                                      dsn_words_room(frame->words, frame->n_words) + status->len +
                                      frame->returned->content.len);
    g_string_truncate(ret_notice, start);
    if (!dsn_boundary_is_good(boundary))
        boundary = dsn_boundary_make((DsnSpan){status->str, status->len}, made);
    while (!append_notice(frame, &parts, boundary, ret_notice)) {
        boundary =
            dsn_boundary_make((DsnSpan){ret_notice->str + start, ret_notice->len - start}, made);
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
