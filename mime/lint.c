/* SPDX-License-Identifier: BSD-2-Clause */
/* The frame of a message. The lint shares the scanner with the reader, and nothing with the
 * builder. */
#include "config.h"

#include "mime/lint.h"

#include "mime/linter.h"

#define BOUNDARY_MAX 70

static bool
is_inside(DsnSpan outer, DsnSpan inner)
{
    return outer.len > 0 && dsn_span_present(inner) && inner.data >= outer.data &&
           inner.data <= outer.data + outer.len;
}

static void
add(DsnLinter *linter, DsnLintLevel level, const char *rule, const char *text, DsnSpan where)
{
    DsnFinding finding = {.rule = rule, .level = level, .text = text, .where = where};

    if (is_inside(linter->decoded, where))
        finding.where = linter->decoded_from;
    linter->broken |= level == DSN_LINT_MUST;
    if (linter->findings->len < linter->limits->defects)
        g_array_append_val(linter->findings, finding);
}

void
dsn_linter_must(DsnLinter *linter, const char *rule, const char *text, DsnSpan where)
{
    add(linter, DSN_LINT_MUST, rule, text, where);
}

void
dsn_linter_should(DsnLinter *linter, const char *rule, const char *text, DsnSpan where)
{
    add(linter, DSN_LINT_SHOULD, rule, text, where);
}

bool
dsn_lint_is_name(DsnSpan a, DsnSpan b)
{
    return dsn_span_same(a, b);
}

const char *
dsn_lint_date_fault(DsnSpan value)
{
    const char *detail;
    int64_t time;
    DsnDateResult result = dsn_date_parse(value, &time, &detail);

    if (result != DSN_DATE_GOOD)
        return result == DSN_DATE_NONE ? "the value is no date" : detail;

    /* "... hh:mm:ss +hhmm", a comment may follow. */
    const char *open = memchr(value.data, '(', value.len);
    if (open != NULL)
        value.len = (size_t)(open - value.data);
    value = dsn_span_trim(value);

    const char *zone = value.data + value.len - 5;
    bool numeric = value.len > 5 && zone[-1] == ' ' && (zone[0] == '+' || zone[0] == '-');
    for (int i = 1; numeric && i < 5; i++)
        numeric = g_ascii_isdigit(zone[i]);
    return numeric ? NULL : "the zone is not numeric";
}

DsnSpan
dsn_lint_shown(const DsnPart *part)
{
    DsnSpan type = dsn_span_trim(dsn_header_find(part->header, "Content-Type"));

    return dsn_span_present(type) ? type : part->header;
}

bool
dsn_lint_is_domain(DsnSpan name)
{
    bool label = false; /* a label has begun */

    if (name.len > 2 && name.data[0] == '[')
        return name.data[name.len - 1] == ']' && memchr(name.data, ' ', name.len) == NULL;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char byte = (unsigned char)name.data[i];

        if (byte == '.' ? !label
                        : !g_ascii_isalnum(byte) && byte != '-' && byte != '_' && byte < 0x80)
            return false;
        label = byte != '.';
    }
    return label && name.len <= 255;
}

bool
dsn_lint_is_message_id(DsnSpan text)
{
    const char *at = text.len == 0 ? NULL : memchr(text.data, '@', text.len);

    if (at == NULL || text.data[0] != '<' || text.data[text.len - 1] != '>' ||
        at == text.data + 1 || at == text.data + text.len - 2)
        return false;
    for (size_t i = 1; i < text.len - 1; i++)
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f || strchr("<>", text.data[i]) != NULL)
            return false;
    return true;
}

DsnSpan
dsn_lint_not_utf8(DsnSpan text)
{
    const char *stop;

    text = dsn_span_from(text, dsn_span_ascii_prefix(text));
    while (text.len > 0 && !g_utf8_validate_len(text.data, text.len, &stop)) {
        if (*stop != '\0')
            return (DsnSpan){stop, 1};
        text = dsn_span_from(text, (size_t)(stop - text.data) + 1);
    }
    return DSN_SPAN_ABSENT;
}

bool
dsn_lint_is_related(DsnSpan domain, DsnSpan other)
{
    size_t common = MIN(domain.len, other.len);
    const DsnSpan longer = domain.len > other.len ? domain : other;

    return common > 0 &&
           g_ascii_strncasecmp(domain.data + domain.len - common, other.data + other.len - common,
                               common) == 0 &&
           (longer.len == common || longer.data[longer.len - common - 1] == '.');
}

/* RFC 2046 section 5.1.1 (rule MIME-16). */
static bool
is_boundary(DsnSpan boundary)
{
    for (size_t i = 0; i < boundary.len; i++)
        if (!g_ascii_isalnum(boundary.data[i]) &&
            (boundary.data[i] == '\0' || strchr("'()+_,-./:=? ", boundary.data[i]) == NULL))
            return false;
    return boundary.len > 0 && boundary.len <= BOUNDARY_MAX;
}

/* A line that begins with "--" and the boundary, but goes on: a reader may take it for a boundary
 * line all the same (RFC 2046 section 5.1.1). Absent when there is none. */
static DsnSpan
find_lookalike(DsnSpan body, DsnSpan boundary)
{
    const char *end = body.data + body.len, *found;

    for (DsnSpan rest = body; boundary.len > 0 && rest.len > boundary.len &&
                              (found = memmem(rest.data, rest.len, boundary.data, boundary.len));
         rest = (DsnSpan){found + 1, (size_t)(end - found - 1)}) {
        const char *line = found - 2, *after = found + boundary.len;

        if (line < body.data || line[0] != '-' || line[1] != '-' ||
            (line > body.data && line[-1] != '\n'))
            continue;
        if (end - after >= 2 && after[0] == '-' && after[1] == '-')
            after += 2;
        if (after < end && !dsn_is_space(*after))
            return (DsnSpan){line, (size_t)(after + 1 - line)};
    }
    return DSN_SPAN_ABSENT;
}

/* What every multipart obeys. */
static void
check_multipart(DsnLinter *linter, const DsnPart *part)
{
    DsnSpan boundary = part->type.boundary, found;

    if (part->wrong_boundary)
        dsn_linter_must(linter, "MIME-16", "the parts have another boundary", dsn_lint_shown(part));
    else if (dsn_span_present(boundary) && (!is_boundary(boundary) || part->type.broken))
        dsn_linter_must(linter, "MIME-16", "the boundary is not formed or quoted as it must be",
                        dsn_lint_shown(part));
    else if (dsn_span_present(found = find_lookalike(part->body, boundary)))
        dsn_linter_must(linter, "MIME-16", "a line begins like a boundary line", found);
    if (!part->closed)
        dsn_linter_must(linter, "MIME-17", "the closing boundary is missing", dsn_lint_shown(part));
}

static void
check_type(DsnLinter *linter, const DsnPart *top)
{
    const DsnContentType *type = &top->type;
    bool feedback = linter->kind == DSN_REPORT_FEEDBACK;
    const char *rule = feedback ? "ARF-01" : "MIME-01";

    if (!dsn_content_type_is(type, "multipart", "report"))
        dsn_linter_must(linter, rule, "the message is not multipart/report", dsn_lint_shown(top));
    else if (!dsn_span_present(type->report_type) || !dsn_span_present(type->boundary))
        dsn_linter_must(linter, "MIME-02", "report-type or boundary is missing",
                        dsn_lint_shown(top));
    else if (feedback ? !dsn_span_is(type->report_type, "feedback-report")
                      : !dsn_span_is(type->report_type, "delivery-status") &&
                            !dsn_span_is(type->report_type, "global-delivery-status"))
        dsn_linter_must(linter, rule, "the report is of another type", type->report_type);
}

/* The parts of a message, as far as it is a report. */
typedef struct Parts {
    const DsnPart *part[4]; /* the first ones of the report */
    size_t count;
    const DsnStructure *structure;
    GString *buffer;
} Parts;

/* True if @part is the first part of the report, or in it. */
static bool
is_for_people(const Parts *parts, const DsnPart *part)
{
    while (part->parent > 0)
        part = &g_array_index(parts->structure->parts, DsnPart, part->parent);
    return part->parent == 0 && part->order == 0;
}

/* Part 1, in all its languages and forms (rules MIME-31, MIME-32). */
static void
check_words(DsnLinter *linter, const Parts *parts)
{
    unsigned plain = 0;
    const DsnPart *unnamed = NULL; /* a text that does not say its language */

    for (guint i = 1; i < parts->structure->parts->len; i++) {
        const DsnPart *part = &g_array_index(parts->structure->parts, DsnPart, i);

        if (!is_for_people(parts, part) || !dsn_content_type_is(&part->type, "text", NULL))
            continue;
        dsn_lint_text(linter, part, parts->buffer);
        plain += dsn_content_type_is(&part->type, "text", "plain");
        if (unnamed == NULL && !dsn_span_present(dsn_header_find(part->header, "Content-Language")))
            unnamed = part;
    }
    if (plain > 1 && unnamed != NULL)
        dsn_linter_should(linter, "MIME-32", "one of several texts does not say its language",
                          dsn_lint_shown(unnamed));
    if (linter->kind == DSN_REPORT_FEEDBACK && plain == 0 && parts->count > 0)
        dsn_linter_should(linter, "FBL-06", "there is no plain text for people",
                          dsn_lint_shown(parts->part[0]));
}

/* The last two labels of @domain: what belongs to one owner, or to more. */
static DsnSpan
owner_of(DsnSpan domain)
{
    const char *dot = domain.len == 0 ? NULL : memrchr(domain.data, '.', domain.len);

    if (dot != NULL)
        dot = memrchr(domain.data, '.', (size_t)(dot - domain.data));
    return dot == NULL ? domain : dsn_span_from(domain, (size_t)(dot + 1 - domain.data));
}

/* The domain of the Message-ID is one of the reporting host's, or of the author's, who may have a
 * host of their own for it (rule MIME-20). */
static void
check_message_id_domain(DsnLinter *linter, DsnSpan header)
{
    DsnSpan id = dsn_span_trim(dsn_header_find(header, "Message-ID"));
    DsnSpan from = dsn_lint_domain_of(dsn_lint_address(dsn_header_find(header, "From")));

    if (!dsn_lint_is_message_id(id) || linter->reporting_name.len == 0)
        return;

    DsnSpan domain = dsn_lint_domain_of((DsnSpan){id.data, id.len - 1});
    if (!dsn_lint_is_related(domain, owner_of(linter->reporting_name)) &&
        !dsn_lint_is_related(domain, owner_of(from)))
        dsn_linter_should(linter, "MIME-20", "the Message-ID is not of the reporting host", id);
}

/* The parts of a notice in their order (rule MIME-03). */
static void
check_notice(DsnLinter *linter, const DsnPart *top, const Parts *parts)
{
    const DsnPart *status = parts->count > 1 ? parts->part[1] : NULL;
    g_autoptr(GString) fields = g_string_new(NULL);

    if (parts->count < 2 || parts->count > 3)
        dsn_linter_must(linter, "MIME-03", "the report has not two or three parts",
                        dsn_lint_shown(top));
    if (parts->count > 0 && dsn_content_type_is(&parts->part[0]->type, "message", NULL))
        dsn_linter_must(linter, "MIME-03", "the first part is not for people",
                        dsn_lint_shown(parts->part[0]));
    if (status == NULL)
        return;

    bool global = dsn_content_type_is(&status->type, "message", "global-delivery-status");
    if (!global && !dsn_content_type_is(&status->type, "message", "delivery-status")) {
        dsn_linter_must(linter, "MIME-03", "the second part is no delivery status",
                        dsn_lint_shown(status));
        return;
    }
    if (dsn_span_is(top->type.report_type, global ? "delivery-status" : "global-delivery-status"))
        dsn_linter_must(linter, "MIME-02", "report-type is not the type of the second part",
                        top->type.report_type);
    if (status->transfer == DSN_TRANSFER_IDENTITY)
        dsn_lint_width(linter, status->body, 3); /* "Name: type; 550 ..." */

    DsnSpan content = dsn_lint_decode(linter, status, fields);
    if (dsn_span_present(content))
        dsn_lint_fields(linter, content, global);
    check_message_id_domain(linter, top->header);
    if (parts->count > 2 && dsn_lint_is_returned(&parts->part[2]->type))
        dsn_lint_returned(linter, top->header, parts->part[2], parts->buffer);
    else if (parts->count > 2)
        dsn_linter_must(linter, "MIME-03", "the third part is no returned content",
                        dsn_lint_shown(parts->part[2]));
}

/* The parts of a feedback report (RFC 5965 section 2). */
static void
check_feedback(DsnLinter *linter, const DsnPart *top, const Parts *parts)
{
    const DsnPart *fields = parts->count > 1 ? parts->part[1] : NULL;
    const DsnPart *returned = parts->count > 2 ? parts->part[2] : NULL;
    g_autoptr(GString) buffer = g_string_new(NULL);

    if (parts->count > 0 && !dsn_content_type_is(&parts->part[0]->type, "text", NULL) &&
        !dsn_content_type_is(&parts->part[0]->type, "multipart", NULL))
        dsn_linter_must(linter, "ARF-02", "the first part is not for people",
                        dsn_lint_shown(parts->part[0]));
    if (fields == NULL || !dsn_content_type_is(&fields->type, "message", "feedback-report")) {
        dsn_linter_must(linter, "ARF-03", "the second part is no feedback report",
                        dsn_lint_shown(fields == NULL ? top : fields));
    } else {
        DsnSpan content = dsn_lint_decode(linter, fields, buffer);

        if (dsn_span_present(content))
            dsn_lint_feedback_fields(linter, content);
    }
    if (returned != NULL && dsn_lint_is_returned(&returned->type))
        dsn_lint_returned(linter, top->header, returned, parts->buffer);
    else
        dsn_linter_must(linter, linter->auth_failure && returned == NULL ? "AUTHF-03" : "ARF-04",
                        "the third part is no message and no header",
                        dsn_lint_shown(returned == NULL ? top : returned));
    if (parts->count > 3)
        dsn_linter_must(linter, "ARF-05", "there is more than one message",
                        dsn_lint_shown(parts->part[3]));
}

/* Finds the parts of the report, and checks each as what it is. */
static void
check_parts(DsnLinter *linter, Parts *parts)
{
    const DsnPart *top = &g_array_index(parts->structure->parts, DsnPart, 0);
    DsnSpan encoding = dsn_lint_encoding_of(top);
    bool eight_bit = false, encoded = false;

    for (guint i = 0; i < parts->structure->parts->len; i++) {
        const DsnPart *part = &g_array_index(parts->structure->parts, DsnPart, i);

        if (dsn_content_type_is(&part->type, "multipart", NULL)) {
            check_multipart(linter, part);
            encoded |= part->transfer != DSN_TRANSFER_IDENTITY;
        } else {
            eight_bit |= dsn_lint_leaf(linter, part);
        }
        if (part->parent == 0 && parts->count < G_N_ELEMENTS(parts->part))
            parts->part[parts->count++] = part;
    }
    if (encoded || (eight_bit && parts->structure->parts->len > 1 &&
                    !dsn_span_is(encoding, "8bit") && !dsn_span_is(encoding, "binary")))
        dsn_linter_must(linter, "MIME-15", "the multipart is not labelled as its parts demand",
                        dsn_lint_shown(top));
}

static void
check_message(DsnLinter *linter, DsnSpan message, const DsnStructure *structure)
{
    g_autoptr(GString) buffer = g_string_new(NULL);
    Parts parts = {.structure = structure, .buffer = buffer};

    dsn_lint_lines(linter, message);

    const DsnPart *top = &g_array_index(structure->parts, DsnPart, 0);
    dsn_lint_header(linter, top->header);
    dsn_lint_width(linter, top->header, 1);

    DsnSpan odd = dsn_lint_not_utf8(top->header);
    if (dsn_span_present(odd))
        dsn_linter_must(linter, "I18N-14", "the header is not UTF-8", odd);
    if (structure->limit != NULL)
        dsn_linter_must(linter, "OOB-20", "a limit was met, the message was not read to its end",
                        dsn_span(structure->limit));
    if (linter->kind != DSN_REPORT_NONE)
        check_type(linter, top);
    check_parts(linter, &parts);
    if (linter->kind == DSN_REPORT_NONE) {
        dsn_lint_complaint_address(linter, top->header);
        return;
    }
    check_words(linter, &parts);
    if (linter->kind == DSN_REPORT_FEEDBACK)
        check_feedback(linter, top, &parts);
    else
        check_notice(linter, top, &parts);
}

static bool
run(DsnLinter *linter, DsnSpan message, const DsnStructure *structure)
{
    g_autoptr(DsnStructure) own = NULL;

    if (!dsn_span_present(message))
        message = DSN_SPAN_LITERAL("");
    if (structure == NULL) {
        structure = own = dsn_structure_new();
        dsn_structure_scan(own, message, linter->limits);
    }
    check_message(linter, message, structure);
    g_free(linter->word);
    return !linter->broken;
}

bool
dsn_lint_notice(DsnSpan message, const DsnLimits *limits, GArray *ret_findings)
{
    return dsn_lint_scanned_notice(message, NULL, limits, ret_findings);
}

bool
dsn_lint_scanned_notice(DsnSpan message, const DsnStructure *structure, const DsnLimits *limits,
                        GArray *ret_findings)
{
    DsnLinter linter = {
        .limits = limits, .findings = ret_findings, .kind = DSN_REPORT_DELIVERY_STATUS};

    return run(&linter, message, structure);
}

bool
dsn_lint_message(DsnSpan message, DsnReportKind kind, const DsnLimits *limits, GArray *ret_findings)
{
    bool report = kind == DSN_REPORT_DELIVERY_STATUS || kind == DSN_REPORT_FEEDBACK;
    DsnLinter linter = {
        .limits = limits,
        .findings = ret_findings,
        .kind = report ? kind : DSN_REPORT_NONE,
        .stored = true,
    };

    return run(&linter, message, NULL);
}

const char *
dsn_lint_level_to_string(DsnLintLevel level)
{
    return level == DSN_LINT_MUST ? "MUST" : "SHOULD";
}

size_t
dsn_lint_line(DsnSpan message, DsnSpan where)
{
    size_t line = 1;

    if (!is_inside(message, where))
        return 0;
    for (const char *at = message.data, *feed;
         (feed = memchr(at, '\n', (size_t)(where.data - at))) != NULL; at = feed + 1)
        line++;
    return line;
}
