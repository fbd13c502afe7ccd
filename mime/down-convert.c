/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/down-convert.h"

#include "mime/header.h"
#include "mime/lines.h"
#include "mime/structure.h"

/* Messages inside messages. Each is walked over once more than the one around it. */
#define NESTING_MAX 8

#define TRANSFER_FIELD "Content-Transfer-Encoding"

static bool
is_seven_bit(DsnSpan text)
{
    DsnLinesSurvey found = dsn_lines_survey(text);

    return !found.eight_bit && !found.nul && found.longest <= DSN_LINE_MAX;
}

static const DsnPart *
part_at(const DsnStructure *structure, int index)
{
    return &g_array_index(structure->parts, DsnPart, index);
}

/* True if nothing may change in @part, or no reader would find it where our scanner did: a
 * signature or a cipher is over the octets as they stand (RFC 1847 section 2.1). */
static bool
is_untouchable(const DsnStructure *structure, const DsnPart *part)
{
    for (int i = part->parent; i >= 0; i = part_at(structure, i)->parent) {
        const DsnPart *owner = part_at(structure, i);

        if (owner->wrong_boundary || dsn_content_type_is(&owner->type, "multipart", "signed") ||
            dsn_content_type_is(&owner->type, "multipart", "encrypted"))
            return true;
    }
    return false;
}

/* Appends the header of @part with another transfer encoding: that of RFC 2045 counts in a message
 * that says it is MIME only. */
static void
append_header(const DsnPart *part, DsnTransfer transfer, GString *message)
{
    DsnSpan rest = part->header;
    DsnHeaderField field;
    bool is_mime = part->parent >= 0;

    while (dsn_header_next(&rest, &field)) {
        if (dsn_span_present(field.name) && dsn_span_is(field.name, TRANSFER_FIELD))
            continue;
        is_mime = is_mime || dsn_span_is(field.name, "MIME-Version");
        g_string_append_len(message, field.whole.data, (gssize)field.whole.len);
    }
    if (transfer == DSN_TRANSFER_IDENTITY)
        return;
    if (!is_mime)
        g_string_append(message, "MIME-Version: 1.0\r\n");
    g_string_append_printf(message, TRANSFER_FIELD ": %s\r\n", dsn_transfer_to_string(transfer));
}

/* Appends the body of @part as @transfer has it; one that is encoded already, if badly, is first
 * decoded, as any reader does. */
static void
append_encoded(const DsnPart *part, DsnTransfer transfer, const DsnLimits *limits, GString *message)
{
    if (part->transfer == DSN_TRANSFER_IDENTITY) {
        dsn_transfer_encode(part->body, transfer, message);
        return;
    }

    g_autoptr(GString) decoded = g_string_sized_new(part->body.len);
    /* What does not decode is left out by all who read it. */
    (void)dsn_transfer_decode(part->body, part->transfer, limits, decoded);
    dsn_transfer_encode((DsnSpan){decoded->str, decoded->len}, transfer, message);
}

/* RFC 2045 section 6.4 and RFC 2046 section 5.2: of the messages only those of RFC 6532 and 6533
 * may be encoded. */
static bool
may_be_encoded(const DsnPart *part)
{
    return part->transfer != DSN_TRANSFER_UNKNOWN &&
           !dsn_content_type_is(&part->type, "multipart", NULL) &&
           (!dsn_content_type_is(&part->type, "message", NULL) ||
            dsn_span_starts(part->type.subtype, "global"));
}

static DsnTransfer
choose_transfer(const DsnPart *part)
{
    if (part->transfer != DSN_TRANSFER_IDENTITY)
        return part->transfer;
    if (dsn_content_type_is(&part->type, "text", NULL) ||
        dsn_content_type_is(&part->type, "message", NULL))
        return dsn_transfer_choose(part->body);
    return DSN_TRANSFER_BASE64;
}

static bool append_message(DsnSpan message, const DsnLimits *limits, unsigned nesting,
                           GString *ret_message);

/* Appends what stands between header and body of @part, and the body, which is not in 7 bits. */
static bool
append_leaf(const DsnPart *part, const DsnLimits *limits, unsigned nesting, GString *message)
{
    bool inner = dsn_content_type_is(&part->type, "message", "rfc822");
    const char *end = part->header.data + part->header.len;

    if (inner ? part->transfer != DSN_TRANSFER_IDENTITY || nesting == 0 : !may_be_encoded(part))
        return false;

    DsnTransfer transfer = inner ? DSN_TRANSFER_IDENTITY : choose_transfer(part);
    append_header(part, transfer, message);
    g_string_append_len(message, end, part->body.data - end);
    if (inner)
        return append_message(part->body, limits, nesting - 1, message);
    append_encoded(part, transfer, limits, message);
    return true;
}

/* A multipart that says it is more than 7bit, which it will not be (rule MIME-15). */
static bool
is_label_due(const DsnPart *part)
{
    return dsn_content_type_is(&part->type, "multipart", NULL) &&
           part->transfer == DSN_TRANSFER_IDENTITY &&
           dsn_span_present(dsn_header_find(part->header, TRANSFER_FIELD));
}

static bool
append_message(DsnSpan message, const DsnLimits *limits, unsigned nesting, GString *ret_message)
{
    g_autoptr(DsnStructure) structure = dsn_structure_new();
    const char *done = message.data;

    dsn_structure_scan(structure, message, limits);
    if (structure->limit != NULL)
        return false;
    for (guint i = 0; i < structure->parts->len; i++) {
        const DsnPart *part = part_at(structure, (int)i);
        bool leaf = !dsn_content_type_is(&part->type, "multipart", NULL);
        bool untouchable = is_untouchable(structure, part);

        if (leaf ? is_seven_bit(part->body) : untouchable || !is_label_due(part))
            continue;
        if (untouchable)
            return false;
        g_string_append_len(ret_message, done, part->header.data - done);
        done = part->header.data + part->header.len;
        if (!leaf)
            append_header(part, DSN_TRANSFER_IDENTITY, ret_message);
        else if (append_leaf(part, limits, nesting, ret_message))
            done = part->body.data + part->body.len;
        else
            return false;
    }
    g_string_append_len(ret_message, done, message.data + message.len - done);
    return true;
}

bool
dsn_message_down_convert(DsnSpan message, const DsnLimits *limits, GString *ret_message)
{
    size_t start = ret_message->len;
    DsnSpan body;

    if (append_message(message, limits, NESTING_MAX, ret_message)) {
        (void)dsn_header_split((DsnSpan){ret_message->str + start, ret_message->len - start},
                               &body);
        if (is_seven_bit(body))
            return true;
    }
    g_string_truncate(ret_message, start);
    return false;
}

/* Appends @notice with the header alone of the message that it returns. False when it returns none
 * or none with a header. */
static bool
append_with_header(DsnSpan notice, const DsnLimits *limits, GString *ret_notice)
{
    g_autoptr(DsnStructure) structure = dsn_structure_new();

    dsn_structure_scan(structure, notice, limits);
    for (guint i = 0; i < structure->parts->len; i++) {
        const DsnPart *part = part_at(structure, (int)i);
        DsnSpan body, header;

        if (part->parent != 0 || !dsn_content_type_is(&part->type, "message", "rfc822"))
            continue;
        header = dsn_header_split(part->body, &body);
        if (header.len == 0)
            return false;
        g_string_append_len(ret_notice, notice.data, part->header.data - notice.data);
        g_string_append(ret_notice, "Content-Type: text/rfc822-headers\r\n\r\n");
        g_string_append_len(ret_notice, header.data, (gssize)header.len);
        g_string_append_len(ret_notice, part->body.data + part->body.len,
                            notice.data + notice.len - (part->body.data + part->body.len));
        return true;
    }
    return false;
}

bool
dsn_notice_down_convert(DsnSpan notice, const DsnLimits *limits, GString *ret_notice)
{
    DsnSpan body, header = dsn_header_split(notice, &body);
    DsnLimits own = *limits; /* that our own output may reach, and what it becomes */

    if (!is_seven_bit(header))
        return false;
    own.message = MAX(own.message, notice.len);
    own.decoded = MAX(own.decoded, notice.len);
    if (dsn_message_down_convert(notice, &own, ret_notice))
        return true;

    g_autoptr(GString) reduced = g_string_sized_new(notice.len);
    return append_with_header(notice, &own, reduced) &&
           dsn_message_down_convert((DsnSpan){reduced->str, reduced->len}, &own, ret_notice);
}
