/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/part-text.h"

#include "mime/header.h"

DsnSpan
dsn_part_bytes(DsnFieldReader *reader, const DsnPart *part, bool may_be_encoded)
{
    static const DsnSpan name = DSN_SPAN_LITERAL("Content-Transfer-Encoding");
    const DsnLimits *limits = reader->limits;
    DsnReport *report = reader->report;

    if (part->transfer == DSN_TRANSFER_IDENTITY)
        return part->body;

    DsnSpan value = dsn_field_unfold(reader, name, dsn_header_find(part->header, name.data));
    if (part->transfer == DSN_TRANSFER_UNKNOWN) {
        dsn_report_add_defect(report, limits, DSN_DEFECT_BAD_ENCODING, name, value,
                              "not known, read as it stands");
        return part->body;
    }
    if (!may_be_encoded)
        dsn_report_add_defect(report, limits, DSN_DEFECT_UNEXPECTED_ENCODING, name, value, NULL);

    g_autoptr(GString) decoded = g_string_sized_new(part->body.len + 4);
    if (!dsn_transfer_decode(part->body, part->transfer, limits, decoded)) {
        bool limited = decoded->len >= limits->decoded;
        dsn_report_add_defect(report, limits, limited ? DSN_DEFECT_LIMIT : DSN_DEFECT_BAD_ENCODING,
                              name, value, limited ? "decoded" : "does not decode");
    }
    return dsn_report_keep(report, (DsnSpan){decoded->str, decoded->len});
}

typedef enum Order { NOT_UTF16, LITTLE_ENDIAN_FIRST, BIG_ENDIAN_FIRST } Order;

/* Fields begin with ASCII, so without a mark the place of the first NUL tells the order. The
 * charset alone does not count: many a gateway declares one and sends another. */
static Order
find_order(DsnSpan text, DsnSpan charset)
{
    if (text.len < 2)
        return NOT_UTF16;
    if (memcmp(text.data, "\xff\xfe", 2) == 0)
        return LITTLE_ENDIAN_FIRST;
    if (memcmp(text.data, "\xfe\xff", 2) == 0)
        return BIG_ENDIAN_FIRST;
    if (!dsn_span_present(charset) || !dsn_span_starts(charset, "utf-16"))
        return NOT_UTF16;
    if (text.data[0] == '\0')
        return BIG_ENDIAN_FIRST;
    return text.data[1] == '\0' ? LITTLE_ENDIAN_FIRST : NOT_UTF16;
}

static gunichar
unit_at(DsnSpan text, size_t at, Order order)
{
    unsigned char first = (unsigned char)text.data[at];
    unsigned char second = (unsigned char)text.data[at + 1];

    return order == BIG_ENDIAN_FIRST ? (gunichar)first << 8 | second
                                     : (gunichar)second << 8 | first;
}

/* Appends @text as UTF-8; half a pair, and an odd byte at the end, become U+FFFD. */
static void
append_utf16(DsnSpan text, Order order, GString *ret_text)
{
    size_t at = 0;

    for (; at + 2 <= text.len; at += 2) {
        gunichar c = unit_at(text, at, order);

        if (c == 0xfeff && at == 0)
            continue;
        if ((c & 0xfc00) == 0xd800 && at + 4 <= text.len) {
            gunichar low = unit_at(text, at + 2, order);
            if ((low & 0xfc00) == 0xdc00) {
                c = 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
                at += 2;
            }
        }
        g_string_append_unichar(ret_text, (c & 0xfffff800) == 0xd800 ? 0xfffd : c);
    }
    if (at < text.len)
        g_string_append_unichar(ret_text, 0xfffd);
}

DsnSpan
dsn_part_text(DsnFieldReader *reader, const DsnPart *part, bool may_be_encoded)
{
    DsnSpan text = dsn_part_bytes(reader, part, may_be_encoded);
    Order order = find_order(text, part->type.charset);

    if (order == NOT_UTF16)
        return text;
    dsn_report_add_defect(reader->report, reader->limits, DSN_DEFECT_UNEXPECTED_ENCODING,
                          DSN_SPAN_LITERAL("Content-Type"), part->type.charset,
                          "UTF-16, read as UTF-8");
    if (text.len > reader->limits->decoded) {
        text.len = reader->limits->decoded;
        dsn_field_note_limit(reader, DSN_SPAN_LITERAL("Content-Type"), "decoded");
    }
    g_autoptr(GString) utf8 = g_string_sized_new(text.len);
    append_utf16(text, order, utf8);
    return dsn_report_keep(reader->report, (DsnSpan){utf8->str, utf8->len});
}
