/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/report-parse.h"

#include "mime/delivery-status.h"
#include "mime/feedback-report.h"
#include "mime/header.h"
#include "mime/heuristic-bounce.h"
#include "mime/lines.h"
#include "mime/mail-header.h"
#include "mime/other-mail.h"
#include "mime/part-text.h"
#include "mime/quirk.h"
#include "mime/returned-content.h"
#include "mime/structure.h"

struct DsnReportParser {
    DsnStructure *structure;
    DsnFieldReader fields;
    DsnMailHeader header; /* of the message itself */
};

/* A media type that a report is made of. */
typedef struct Media {
    const char *type;
    const char *subtype;
    DsnReportKind kind;       /* of which it is the machine-readable part */
    DsnReturnedKind returned; /* what it returns of the original */
    bool encoded; /* it may have a transfer encoding (RFC 6533 section 4, RFC 6522 section 4) */
    bool global;
} Media;

static const Media media[] = {
    {"message", "feedback-report", DSN_REPORT_FEEDBACK, DSN_RETURNED_NOTHING, false, false},
    {"message", "delivery-status", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_NOTHING, false, false},
    {"message", "x-delivery-status", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_NOTHING, false,
     false},
    {"message", "xdelivery-status", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_NOTHING, false, false},
    {"message", "global-delivery-status", DSN_REPORT_DELIVERY_STATUS, DSN_RETURNED_NOTHING, true,
     true},
    {"message", "disposition-notification", DSN_REPORT_DISPOSITION_NOTIFICATION,
     DSN_RETURNED_NOTHING, false, false},
    {"message", "global-disposition-notification", DSN_REPORT_DISPOSITION_NOTIFICATION,
     DSN_RETURNED_NOTHING, true, true},
    {"message", "rfc822", DSN_REPORT_NONE, DSN_RETURNED_MESSAGE, false, false},
    {"message", "global", DSN_REPORT_NONE, DSN_RETURNED_MESSAGE, true, true},
    {"message", "global-headers", DSN_REPORT_NONE, DSN_RETURNED_HEADERS, true, true},
    {"text", "rfc822-headers", DSN_REPORT_NONE, DSN_RETURNED_HEADERS, true, false},
    /* As senders write it who mean one of the others (rule CFBL-09). */
    {"text", "rfc822", DSN_REPORT_NONE, DSN_RETURNED_MESSAGE, true, false},
    {"text", "rfc822-header", DSN_REPORT_NONE, DSN_RETURNED_HEADERS, true, false},
    {"message", "rfc822-headers", DSN_REPORT_NONE, DSN_RETURNED_HEADERS, true, false},
};

DsnReportParser *
dsn_report_parser_new(const DsnLimits *limits)
{
    DsnReportParser *parser = g_new0(DsnReportParser, 1);

    parser->structure = dsn_structure_new();
    parser->fields.limits = limits;
    parser->fields.raw = g_array_new(FALSE, FALSE, sizeof(DsnSpan));
    parser->fields.scratch = g_string_new(NULL);
    return parser;
}

void
dsn_report_parser_free(DsnReportParser *parser)
{
    if (parser == NULL)
        return;
    dsn_structure_free(parser->structure);
    g_array_unref(parser->fields.raw);
    g_string_free(parser->fields.scratch, TRUE);
    g_free(parser);
}

static void
add_defect(DsnReportParser *parser, DsnDefectKind kind, const char *detail)
{
    dsn_report_add_defect(parser->fields.report, parser->fields.limits, kind, DSN_SPAN_ABSENT,
                          DSN_SPAN_ABSENT, detail);
}

static const DsnPart *
part_at(const DsnReportParser *parser, int index)
{
    return index < 0 ? NULL : &g_array_index(parser->structure->parts, DsnPart, index);
}

/* NULL when @part is of no interest. */
static const Media *
find_media(const DsnPart *part)
{
    for (size_t i = 0; i < G_N_ELEMENTS(media); i++) {
        if (dsn_content_type_is(&part->type, media[i].type, media[i].subtype))
            return &media[i];
    }
    return NULL;
}

static bool
is_report_multipart(const DsnPart *part)
{
    return part != NULL && dsn_content_type_is(&part->type, "multipart", "report");
}

/* True if the multipart around @part says that it is a report of that kind. */
static bool
is_announced(const DsnReportParser *parser, const DsnPart *part, const Media *of)
{
    const DsnPart *parent = part_at(parser, part->parent);

    /* report-type is the subtype (RFC 6522 section 3); of a global part it may be the older name.
     */
    return is_report_multipart(parent) && dsn_span_present(parent->type.report_type) &&
           (dsn_span_is(parent->type.report_type, dsn_report_kind_to_string(of->kind)) ||
            dsn_span_is(parent->type.report_type, of->subtype));
}

/* True if @part says that it is a report of a kind that is read here. */
static bool
promises_report(const DsnPart *part)
{
    if (!is_report_multipart(part) || !dsn_span_present(part->type.report_type))
        return false;
    for (int kind = DSN_REPORT_FEEDBACK; kind <= DSN_REPORT_DISPOSITION_NOTIFICATION; kind++) {
        if (dsn_span_is(part->type.report_type, dsn_report_kind_to_string((DsnReportKind)kind)))
            return true;
    }
    return false;
}

static bool
has_known_field(DsnReportKind kind, DsnSpan text)
{
    switch (kind) {
    case DSN_REPORT_FEEDBACK:
        return dsn_feedback_report_is_in(text);
    case DSN_REPORT_DELIVERY_STATUS:
        return dsn_delivery_status_is_in(text);
    case DSN_REPORT_DISPOSITION_NOTIFICATION:
        return dsn_span_present(dsn_header_find(text, "Disposition"));
    case DSN_REPORT_HEURISTIC_BOUNCE:
    case DSN_REPORT_NONE:
        break;
    }
    return false;
}

/* The machine-readable part, NULL when there is none: one that is announced goes before others, one
 * with fields before one without, the first before later ones. */
static const DsnPart *
find_machine_part(DsnReportParser *parser, const Media **ret_media)
{
    const GArray *parts = parser->structure->parts;
    const DsnPart *best = NULL;
    int best_rank = -1;
    unsigned count = 0;

    for (guint i = 0; i < parts->len; i++) {
        const DsnPart *part = &g_array_index(parts, DsnPart, i);
        const Media *of = find_media(part);

        if (of == NULL || of->kind == DSN_REPORT_NONE)
            continue;
        int rank = (is_announced(parser, part, of) ? 2 : 0) +
                   (has_known_field(of->kind, part->body) ? 1 : 0);
        if (rank > best_rank) {
            best = part;
            best_rank = rank;
            *ret_media = of;
        }
        count++;
    }
    if (count > 1)
        add_defect(parser, DSN_DEFECT_MISPLACED_PART, "more than one machine-readable part");
    return best;
}

/* What is odd about where the machine-readable @part stands. */
static void
check_place(DsnReportParser *parser, const DsnPart *part, const Media *of)
{
    const DsnPart *parent = part_at(parser, part->parent);

    if (!is_report_multipart(parent)) {
        add_defect(parser, DSN_DEFECT_MISPLACED_PART, "a report outside multipart/report");
        return;
    }
    if (!dsn_span_present(parent->type.report_type))
        add_defect(parser, DSN_DEFECT_INFERRED_TYPE, "no report-type");
    else if (!is_announced(parser, part, of))
        add_defect(parser, DSN_DEFECT_INFERRED_TYPE, "report-type is not what the part is");
    if (part->order != 1)
        add_defect(parser, DSN_DEFECT_MISPLACED_PART,
                   "the machine-readable part is not the second");
}

/* What is odd about the frame: the multiparts, and the types of their parts. */
static void
check_structure(DsnReportParser *parser)
{
    const DsnStructure *structure = parser->structure;

    if (structure->mixed_line_ends)
        add_defect(parser, DSN_DEFECT_LINE_ENDS, "mixed line ends");
    if (structure->lone_cr)
        add_defect(parser, DSN_DEFECT_LINE_ENDS, "a CR that ends no line");
    for (guint i = 0; i < structure->parts->len; i++) {
        const DsnPart *part = &g_array_index(structure->parts, DsnPart, i);

        if (part->type.broken)
            dsn_report_add_defect(parser->fields.report, parser->fields.limits,
                                  DSN_DEFECT_BAD_CONTENT_TYPE, DSN_SPAN_LITERAL("Content-Type"),
                                  dsn_field_unfold(&parser->fields,
                                                   DSN_SPAN_LITERAL("Content-Type"),
                                                   dsn_header_find(part->header, "Content-Type")),
                                  NULL);
        if (!dsn_content_type_is(&part->type, "multipart", NULL))
            continue;
        if (part->wrong_boundary)
            add_defect(parser, DSN_DEFECT_BOUNDARY_MISMATCH,
                       "the body uses another boundary than the header names");
        if (part->type.boundary.len == 0)
            add_defect(parser, DSN_DEFECT_MISSING_BOUNDARY, "a multipart without a boundary");
        else if (!part->closed)
            add_defect(parser, DSN_DEFECT_MISSING_BOUNDARY, "a multipart that is not closed");
    }
}

static bool
is_text_or_file(const DsnPart *part)
{
    return dsn_content_type_is(&part->type, "text", NULL) ||
           dsn_content_type_is(&part->type, "application", "octet-stream");
}

/* True if @text begins with a field, and has one of such a report. */
static bool
starts_with_fields(DsnReportKind kind, DsnSpan text)
{
    DsnHeaderField field;

    text = dsn_span_trim(text);
    DsnSpan rest = text;
    return dsn_header_next(&rest, &field) && field.name.len > 0 && has_known_field(kind, text);
}

/* The machine-readable part that is announced, but that a gateway labelled as something else; NULL
 * when there is none. The first part is for people, and may quote fields. */
static const DsnPart *
find_mislabelled_part(DsnReportParser *parser, const Media **ret_media)
{
    const GArray *parts = parser->structure->parts;

    for (guint i = 0; i < parts->len; i++) {
        const DsnPart *part = &g_array_index(parts, DsnPart, i);

        if (part->order == 0 || find_media(part) != NULL ||
            dsn_content_type_is(&part->type, "multipart", NULL))
            continue;
        for (const Media *of = media; of->kind != DSN_REPORT_NONE; of++) {
            if (!is_announced(parser, part, of) ||
                !starts_with_fields(of->kind, dsn_part_text(&parser->fields, part, true)))
                continue;
            add_defect(parser, DSN_DEFECT_BAD_CONTENT_TYPE,
                       "machine-readable part labelled as something else");
            *ret_media = of;
            return part;
        }
    }
    return NULL;
}

/* The text of the machine-readable @part, each line end one that fields know. */
static DsnSpan
read_lines(DsnReportParser *parser, const DsnPart *part, const Media *of)
{
    DsnSpan text = dsn_part_text(&parser->fields, part, of->encoded);

    if (!parser->structure->lone_cr || text.len == 0 || memchr(text.data, '\r', text.len) == NULL)
        return text;
    g_autoptr(GString) repaired = g_string_sized_new(text.len);
    dsn_lines_append_repaired(text, repaired);
    return dsn_report_keep(parser->fields.report, (DsnSpan){repaired->str, repaired->len});
}

/* Other parts of the same kind behind @part in the same multipart, which some senders make of each
 * recipient; no recipient is dropped (rule OOB-06). */
static void
read_further_parts(DsnReportParser *parser, const DsnPart *part, const Media *of)
{
    const GArray *parts = parser->structure->parts;

    for (guint i = 0; i < parts->len; i++) {
        const DsnPart *other = &g_array_index(parts, DsnPart, i);

        if (other->parent != part->parent || other->order <= part->order)
            continue;
        const Media *media_of = find_media(other);
        if (media_of != NULL && media_of->kind == of->kind)
            dsn_field_read_groups(&parser->fields, read_lines(parser, other, media_of), false);
    }
}

/* False when @part has not one field of its format: it is no report then, whatever it is called. */
static bool
read_machine_part(DsnReportParser *parser, const DsnPart *part, const Media *of)
{
    DsnFieldReader *fields = &parser->fields;
    DsnSpan body = read_lines(parser, part, of);
    /* The header of the message itself has fields of its own. */
    bool in_header = part->parent >= 0 && has_known_field(of->kind, part->header);

    if (!in_header && !has_known_field(of->kind, body))
        return false;
    if (in_header)
        dsn_field_read_header(fields, part->header);
    dsn_field_read_groups(fields, body, of->kind != DSN_REPORT_DELIVERY_STATUS);
    if (of->kind == DSN_REPORT_FEEDBACK) {
        dsn_feedback_report_read(fields);
    } else if (of->kind == DSN_REPORT_DELIVERY_STATUS) {
        if (part->parent >= 0)
            read_further_parts(parser, part, of);
        dsn_delivery_status_read(fields);
    }
    return true;
}

/* The part that returns the original: the last one beside and behind the machine-readable part,
 * else the last one anywhere. */
static const DsnPart *
find_returned_part(const DsnReportParser *parser, const DsnPart *machine, const Media **ret_media)
{
    const GArray *parts = parser->structure->parts;
    const DsnPart *best = NULL;
    bool best_beside = false;

    for (guint i = 0; i < parts->len; i++) {
        const DsnPart *part = &g_array_index(parts, DsnPart, i);
        const Media *of = find_media(part);
        bool beside = part->parent == machine->parent && part->order > machine->order;

        if (of == NULL || of->returned == DSN_RETURNED_NOTHING || (best_beside && !beside))
            continue;
        best = part;
        best_beside = beside;
        *ret_media = of;
    }
    return best;
}

/* Reads a part behind the machine-readable one that is a message in fact, but is labelled as text
 * or as a file (rule OOB-15). */
static void
read_mislabelled_content(DsnReportParser *parser, const DsnPart *machine)
{
    const GArray *parts = parser->structure->parts;

    for (guint i = parts->len; i-- > 0;) {
        const DsnPart *part = &g_array_index(parts, DsnPart, i);

        if (part->parent != machine->parent || part->order <= machine->order ||
            !is_text_or_file(part))
            continue;
        DsnSpan bytes = dsn_part_bytes(&parser->fields, part, true);
        if (!dsn_returned_content_is_in(bytes))
            continue;
        add_defect(parser, DSN_DEFECT_BAD_CONTENT_TYPE,
                   "returned content labelled as something else");
        dsn_returned_content_read(&parser->fields, DSN_RETURNED_MESSAGE, bytes);
        return;
    }
}

static void
read_returned_content(DsnReportParser *parser, const DsnPart *machine, DsnReportKind kind)
{
    const Media *of = NULL;
    const DsnPart *part = find_returned_part(parser, machine, &of);

    if (part != NULL)
        dsn_returned_content_read(&parser->fields, of->returned,
                                  dsn_part_bytes(&parser->fields, part, of->encoded));
    else
        read_mislabelled_content(parser, machine);
    if (parser->fields.report->returned.kind == DSN_RETURNED_NOTHING && kind == DSN_REPORT_FEEDBACK)
        add_defect(parser, DSN_DEFECT_MISSING_PART, "no returned content"); /* rule ARF-04 */
}

/* The value of the field @name of the report message itself, whose @raw value is present. */
static DsnField
unfold_own_field(DsnReportParser *parser, const char *name, DsnSpan raw)
{
    DsnSpan span = dsn_span(name);

    return (DsnField){span, dsn_field_unfold(&parser->fields, span, raw)};
}

/* The fields of the report message itself that say where it comes from. */
static void
read_envelope_header(DsnReportParser *parser)
{
    DsnEnvelopeHeader *envelope = &parser->fields.report->envelope;
    const DsnMailHeader *header = &parser->header;
    DsnField field;

    envelope->block = part_at(parser, 0)->header;
    if (dsn_span_present(header->return_path)) {
        field = unfold_own_field(parser, "Return-Path", header->return_path);
        envelope->return_path = dsn_field_read_address(&parser->fields, &field, field.value);
    }
    if (dsn_span_present(header->date)) {
        field = unfold_own_field(parser, "Date", header->date);
        dsn_field_set_date(&parser->fields, &field, &envelope->date);
    }
    if (dsn_span_present(header->message_id))
        envelope->message_id = unfold_own_field(parser, "Message-ID", header->message_id).value;
    envelope->auto_submitted = dsn_span_present(header->auto_submitted) &&
                               dsn_mail_header_is_automatic(header->auto_submitted);
}

/* Scans @message; one whose lines all end in CR alone is not mail as it stands, and is read as if
 * they ended in CRLF. */
static void
scan_lines(DsnReportParser *parser, DsnSpan message)
{
    if (message.len > 0 && memchr(message.data, '\n', message.len) == NULL &&
        memchr(message.data, '\r', message.len) != NULL) {
        g_autoptr(GString) repaired = g_string_sized_new(message.len + message.len / 16);

        message.len = MIN(message.len, parser->fields.limits->message);
        dsn_lines_append_repaired(message, repaired);
        message = dsn_report_keep(parser->fields.report, (DsnSpan){repaired->str, repaired->len});
        add_defect(parser, DSN_DEFECT_LINE_ENDS, "lines that end in CR alone");
    }
    dsn_structure_scan(parser->structure, message, parser->fields.limits);
}

/* Scans @message. A multipart may not have a transfer encoding of its own (RFC 2045 section 6.4);
 * one that has, and whose parts do not stand open, is scanned again without. */
static void
scan(DsnReportParser *parser, DsnSpan message)
{
    scan_lines(parser, message);

    const DsnPart *top = part_at(parser, 0);
    if (parser->structure->parts->len > 1 || !dsn_content_type_is(&top->type, "multipart", NULL) ||
        (top->transfer != DSN_TRANSFER_BASE64 && top->transfer != DSN_TRANSFER_QUOTED_PRINTABLE))
        return;
    DsnSpan body = dsn_part_bytes(&parser->fields, top, false);
    g_autoptr(GString) plain = g_string_sized_new(top->header.len + 2 + body.len);
    g_string_append_len(plain, top->header.data, (gssize)top->header.len);
    g_string_append(plain, "\r\n");
    g_string_append_len(plain, body.data, (gssize)body.len);
    dsn_structure_scan(parser->structure,
                       dsn_report_keep(parser->fields.report, (DsnSpan){plain->str, plain->len}),
                       parser->fields.limits);
    parser->structure->mixed_line_ends = false; /* header and body need not agree any more */
}

/* The message has no machine-readable part that can be read. */
static void
read_without_machine_part(DsnReportParser *parser)
{
    DsnReport *report = parser->fields.report;

    if (dsn_heuristic_bounce_read(&parser->fields, &parser->header, parser->structure))
        report->kind = DSN_REPORT_HEURISTIC_BOUNCE;
    else
        report->other =
            dsn_other_mail_find(&parser->header, parser->structure, parser->fields.limits);
}

/* Notes what is odd about the frame of a message that is a report or says so, and reads its
 * @machine part; false when there is none that can be read. */
static bool
read_report(DsnReportParser *parser, const DsnPart *machine, const Media *of)
{
    DsnReport *report = parser->fields.report;

    check_structure(parser);
    if (machine == NULL) {
        add_defect(parser, DSN_DEFECT_MISSING_PART, "no machine-readable part");
        return false;
    }
    check_place(parser, machine, of);
    if (!read_machine_part(parser, machine, of)) {
        add_defect(parser, DSN_DEFECT_MISSING_PART, "no field in the machine-readable part");
        return false;
    }
    report->kind = of->kind;
    report->global = of->global;
    read_returned_content(parser, machine, of->kind);
    dsn_quirk_find(report, parser->fields.limits, parser->structure, machine);
    return true;
}

void
dsn_report_parse(DsnReportParser *parser, DsnSpan message, DsnReport *report)
{
    const Media *of = NULL;

    dsn_report_clear(report);
    g_array_set_size(parser->fields.raw, 0);
    parser->fields.report = report;
    scan(parser, message);
    if (parser->structure->limit != NULL)
        add_defect(parser, DSN_DEFECT_LIMIT, parser->structure->limit);
    dsn_mail_header_read(part_at(parser, 0)->header, &parser->header);
    read_envelope_header(parser);

    const DsnPart *machine = find_machine_part(parser, &of);
    if (machine == NULL)
        machine = find_mislabelled_part(parser, &of);
    bool claims = machine != NULL || promises_report(part_at(parser, 0));
    if (!claims || !read_report(parser, machine, of))
        read_without_machine_part(parser);
}

const DsnStructure *
dsn_report_parser_structure(const DsnReportParser *parser, DsnSpan message)
{
    return part_at(parser, 0)->header.data == message.data ? parser->structure : NULL;
}
