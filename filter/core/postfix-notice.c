/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that bounce(8) writes and no setting changes: the frame of the message, its boundary, the
 * descriptions of the parts, and names that must agree in several places. bounce_template_file can
 * change From, Subject and the words, mail_name the "Postfix" in field names, and neither is looked
 * at.
 */
#include "config.h"

#include "filter/core/postfix-notice.h"

#include "mime/content-type.h"
#include "mime/header.h"

#define PREAMBLE "This is a MIME-encapsulated message.\r\n"

/* "<queue id>.<seconds>/<myhostname>" */
typedef struct Boundary {
    DsnSpan queue_id;
    DsnSpan host;
} Boundary;

/* The parts, each with its header. */
typedef struct Frame {
    DsnSpan text;
    DsnSpan status;
    DsnSpan returned;
} Frame;

/* Takes what comes before the first @end off the front of *@text, and @end too. */
static bool
take_until(DsnSpan *text, DsnSpan end, DsnSpan *ret_before)
{
    const char *found = text->len == 0 ? NULL : memmem(text->data, text->len, end.data, end.len);

    if (found == NULL)
        return false;
    *ret_before = (DsnSpan){text->data, (size_t)(found - text->data)};
    *text = dsn_span_from(*text, ret_before->len + end.len);
    return true;
}

/* Takes @wanted off the front, byte for byte. */
static bool
take_literal(DsnSpan *text, DsnSpan wanted)
{
    if (text->len < wanted.len || memcmp(text->data, wanted.data, wanted.len) != 0)
        return false;
    *text = dsn_span_from(*text, wanted.len);
    return true;
}

static bool
has_only(DsnSpan text, gboolean (*kind)(gchar))
{
    for (size_t i = 0; i < text.len; i++)
        if (!kind(text.data[i]))
            return false;
    return text.len > 0;
}

static gboolean
is_alnum(gchar c)
{
    return g_ascii_isalnum(c);
}

static gboolean
is_digit(gchar c)
{
    return g_ascii_isdigit(c);
}

static bool
read_boundary(DsnSpan text, Boundary *ret_boundary)
{
    DsnSpan seconds;

    if (!take_until(&text, DSN_SPAN_LITERAL("."), &ret_boundary->queue_id) ||
        !take_until(&text, DSN_SPAN_LITERAL("/"), &seconds))
        return false;
    ret_boundary->host = text;
    return has_only(ret_boundary->queue_id, is_alnum) && has_only(seconds, is_digit) &&
           text.len > 0 && dsn_span_is_plain(text);
}

/* The first two parts end at the first boundary behind them, the third at the very end: nothing in
 * the original, which its sender has written, can move what stands before it. */
static bool
split_frame(DsnSpan body, DsnSpan boundary, Frame *ret_frame)
{
    g_autofree char *between = g_strdup_printf("\r\n--%.*s\r\n", (int)boundary.len, boundary.data);
    g_autofree char *last = g_strdup_printf("\r\n--%.*s--\r\n", (int)boundary.len, boundary.data);
    DsnSpan middle = {between, boundary.len + 6}, end = {last, boundary.len + 8};

    if (!take_literal(&body, DSN_SPAN_LITERAL(PREAMBLE)) || !take_literal(&body, middle) ||
        !take_until(&body, middle, &ret_frame->text) ||
        !take_until(&body, middle, &ret_frame->status) || body.len < end.len ||
        memcmp(body.data + body.len - end.len, end.data, end.len) != 0)
        return false;
    ret_frame->returned = (DsnSpan){body.data, body.len - end.len};
    return true;
}

/* The value of the only field @name. */
static DsnSpan
only_field(DsnSpan block, const char *name)
{
    DsnSpan value = DSN_SPAN_ABSENT;
    DsnHeaderField field;

    while (dsn_header_next(&block, &field)) {
        if (!dsn_span_is(field.name, name))
            continue;
        if (dsn_span_present(value))
            return DSN_SPAN_ABSENT;
        value = dsn_span_trim(field.value);
    }
    return value;
}

/* A part of this kind; *@ret_body is what it holds. */
static bool
read_part(DsnSpan part, const char *description, const char *type, DsnSpan *ret_body)
{
    DsnSpan header = dsn_header_split(part, ret_body);
    DsnSpan found = only_field(header, "Content-Type");

    return dsn_span_is(only_field(header, "Content-Description"), description) &&
           dsn_span_starts(found, type) &&
           (found.len == strlen(type) || found.data[strlen(type)] == ';');
}

static bool
read_status_part(DsnSpan part, DsnSpan *ret_body)
{
    return read_part(part, "Delivery report", "message/delivery-status", ret_body) ||
           read_part(part, "Delivery report", "message/global-delivery-status", ret_body);
}

/* The "Postfix" of "X-Postfix-Queue-ID". */
static DsnSpan
find_mail_name(DsnSpan group)
{
    const DsnSpan end = DSN_SPAN_LITERAL("-Queue-ID");
    DsnHeaderField field;

    while (dsn_header_next(&group, &field)) {
        DsnSpan name = field.name;

        if (name.len > 2 + end.len && dsn_span_starts(name, "X-") &&
            dsn_span_same(dsn_span_from(name, name.len - end.len), end))
            return (DsnSpan){name.data + 2, name.len - end.len - 2};
    }
    return DSN_SPAN_ABSENT;
}

static DsnSpan
find_own_field(DsnSpan group, DsnSpan mail_name, const char *what)
{
    g_autofree char *name = g_strdup_printf("X-%.*s-%s", (int)mail_name.len, mail_name.data, what);

    return only_field(group, name);
}

static unsigned
count_recipients(DsnSpan groups)
{
    DsnHeaderField field;
    unsigned count = 0;

    while (groups.len > 0)
        for (DsnSpan group = dsn_header_split(groups, &groups); dsn_header_next(&group, &field);)
            count += dsn_span_is(field.name, "Final-Recipient");
    return count;
}

/* What the machine-readable part says of the message, which must agree with @boundary. */
static bool
read_status(DsnSpan part, const Boundary *boundary, DsnPostfixNotice *notice)
{
    DsnSpan body, rest;

    if (!read_status_part(part, &body))
        return false;
    DsnSpan group = dsn_header_split(body, &rest);
    DsnTyped mta = dsn_typed_parse(only_field(group, "Reporting-MTA"));
    DsnSpan mail_name = find_mail_name(group);
    if (!dsn_span_present(mail_name))
        return false;
    DsnTyped sender = dsn_typed_parse(find_own_field(group, mail_name, "Sender"));
    notice->n_recipients = count_recipients(rest);
    notice->sender = sender.value;
    notice->host = mta.value;
    notice->queue_id = find_own_field(group, mail_name, "Queue-ID");
    return dsn_span_is(mta.type, "dns") && dsn_span_equal(notice->host, boundary->host) &&
           dsn_span_equal(notice->queue_id, boundary->queue_id) &&
           (dsn_span_is(sender.type, "rfc822") || dsn_span_is(sender.type, "utf-8")) &&
           sender.value.len > 0;
}

/* What all recipients have in common; DSN_ACTION_NONE if that is nothing. */
static DsnAction
common_action(const DsnReport *report)
{
    DsnAction common = DSN_ACTION_NONE;

    for (guint i = 0; i < report->per_recipient->len; i++) {
        const DsnPerRecipient *recipient =
            &g_array_index(report->per_recipient, DsnPerRecipient, i);
        DsnAction action = recipient->action;

        if (recipient->final_recipient.value.len == 0)
            return DSN_ACTION_NONE; /* bounce(8) names each */
        if (action == DSN_ACTION_RELAYED || action == DSN_ACTION_EXPANDED)
            action = DSN_ACTION_DELIVERED;
        if (action == DSN_ACTION_NONE || (i > 0 && action != common))
            return DSN_ACTION_NONE;
        common = action;
    }
    return common;
}

static bool
read_returned(DsnSpan part, DsnPostfixNotice *notice)
{
    static const struct {
        bool whole;
        const char *what;
        const char *type;
    } forms[] = {
        {true, "Message", "message/rfc822"},
        {true, "Message", "message/global"},
        {false, "Message Headers", "text/rfc822-headers"},
        {false, "Message Headers", "message/global-headers"},
    };
    const char *prefix = notice->action == DSN_ACTION_DELIVERED ? "" : "Undelivered ";
    DsnSpan body = DSN_SPAN_ABSENT;

    for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
        g_autofree char *description = g_strconcat(prefix, forms[i].what, NULL);

        if (!read_part(part, description, forms[i].type, &body))
            continue;
        notice->whole = forms[i].whole;
        if (dsn_span_starts(body, "\t--- Undelivered message unavailable ---"))
            return true;
        notice->original = body;
        return take_literal(&notice->original, DSN_SPAN_LITERAL("Return-Path: <")) &&
               take_literal(&notice->original, notice->sender) &&
               take_literal(&notice->original, DSN_SPAN_LITERAL(">\r\n"));
    }
    return false;
}

/* cleanup(8) may have put the address in another form, not another address. */
static bool
is_same_address(DsnSpan a, DsnSpan b)
{
    g_autoptr(GString) one = g_string_new(NULL);
    g_autoptr(GString) other = g_string_new(NULL);

    return dsn_address_normalise(a, one) && dsn_address_normalise(b, other) &&
           g_string_equal(one, other);
}

static bool
read_header(DsnSpan header, GStringChunk *strings, DsnSpan *ret_boundary)
{
    DsnContentType type;

    dsn_content_type_parse(only_field(header, "Content-Type"), &DSN_LIMITS_DEFAULT, strings, &type);
    *ret_boundary = type.boundary;
    /* copies for the postmaster are "auto-generated" */
    return dsn_content_type_is(&type, "multipart", "report") &&
           dsn_span_is(type.report_type, "delivery-status") && type.boundary.len > 0 &&
           dsn_span_is(only_field(header, "Auto-Submitted"), "auto-replied") &&
           dsn_span_is(only_field(header, "MIME-Version"), "1.0");
}

bool
dsn_postfix_notice_read(DsnSpan message, const DsnReport *report, DsnPostfixNotice *ret_notice)
{
    g_autoptr(GStringChunk) strings = g_string_chunk_new(256);
    DsnSpan body, boundary, header = dsn_header_split(message, &body);
    Boundary names;
    Frame frame;

    *ret_notice = (DsnPostfixNotice){.action = DSN_ACTION_NONE};
    if (report->kind != DSN_REPORT_DELIVERY_STATUS || !read_header(header, strings, &boundary) ||
        !read_boundary(boundary, &names) || !split_frame(body, boundary, &frame) ||
        !read_part(frame.text, "Notification", "text/plain", &body) ||
        !read_status(frame.status, &names, ret_notice))
        return false;
    ret_notice->action = common_action(report);
    ret_notice->text = frame.text;
    ret_notice->envid = report->per_message.original_envelope_id;
    if (ret_notice->action == DSN_ACTION_NONE || !read_returned(frame.returned, ret_notice) ||
        !is_same_address(only_field(header, "To"), ret_notice->sender))
        return false;
    return true;
}
