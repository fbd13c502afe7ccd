/* SPDX-License-Identifier: BSD-2-Clause */
/* The frame of a notice. It shares the scanner with the reader, and nothing with the builder. */
#include "config.h"

#include "mime/lint.h"

#include "mime/address.h"
#include "mime/header.h"
#include "mime/linter.h"
#include "mime/structure.h"

#define LINE_MAX_OCTETS 998
#define LINE_WANTED 78
#define ENCODED_LINE_MAX 76
#define ENCODED_WORD_MAX 75
#define BOUNDARY_MAX 70

static void
add(DsnLinter *linter, DsnLintLevel level, const char *rule, const char *text, DsnSpan where)
{
    DsnFinding finding = {.rule = rule, .level = level, .text = text, .where = where};

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
    return a.len == b.len && g_ascii_strncasecmp(a.data, b.data, a.len) == 0;
}

bool
dsn_lint_is_date(DsnSpan value)
{
    const char *detail;
    int64_t time;

    if (dsn_date_parse(value, &time, &detail) != DSN_DATE_GOOD)
        return false;

    /* "... hh:mm:ss +hhmm", a comment may follow. */
    const char *open = memchr(value.data, '(', value.len);
    if (open != NULL)
        value.len = (size_t)(open - value.data);
    value = dsn_span_trim(value);
    if (value.len < 6)
        return false;

    const char *zone = value.data + value.len - 5;
    bool numeric = zone[-1] == ' ' && (zone[0] == '+' || zone[0] == '-');
    for (int i = 1; i < 5; i++)
        numeric = numeric && g_ascii_isdigit(zone[i]);
    return numeric;
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

bool
dsn_lint_is_utf8(DsnSpan text)
{
    const char *stop;

    while (text.len > 0 && !g_utf8_validate_len(text.data, text.len, &stop)) {
        if (*stop != '\0')
            return false;
        text = dsn_span_from(text, (size_t)(stop - text.data) + 1);
    }
    return true;
}

/* The first line that ends in anything but CRLF and the first that is too long (rules MIME-23,
 * MIME-24); NUL nowhere (rule SEC-01). */
static void
check_lines(DsnLinter *linter, DsnSpan message)
{
    const char *at = message.data, *end = message.data + message.len;
    bool bare = false, lengthy = false;

    if (message.len > 0 && memchr(message.data, '\0', message.len) != NULL)
        dsn_linter_must(linter, "SEC-01", "there is a NUL", DSN_SPAN_ABSENT);
    while (at < end) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        const char *stop = feed == NULL ? end : feed;
        bool crlf = feed > at && feed[-1] == '\r';
        DsnSpan line = {at, (size_t)(stop - at) - (crlf ? 1 : 0)};

        if (!bare && ((feed != NULL && !crlf) ||
                      (line.len > 0 && memchr(line.data, '\r', line.len) != NULL))) {
            dsn_linter_must(linter, "MIME-24", "a CR or LF stands alone", line);
            bare = true;
        }
        if (!lengthy && line.len > LINE_MAX_OCTETS) {
            dsn_linter_must(linter, "MIME-23", "a line has more than 998 octets", line);
            lengthy = true;
        }
        at = feed == NULL ? end : feed + 1;
    }
}

/* Lines that could have been folded, at more than the space behind a name (rule MIME-23, second
 * half). */
static void
check_width(DsnLinter *linter, DsnSpan text)
{
    while (text.len > 0) {
        const char *feed = memchr(text.data, '\n', text.len);
        size_t next = feed == NULL ? text.len : (size_t)(feed - text.data) + 1;
        DsnSpan line = dsn_span_trim((DsnSpan){text.data, next});

        const char *space = line.len > LINE_WANTED ? memchr(line.data, ' ', line.len) : NULL;
        if (space != NULL && space != memrchr(line.data, ' ', line.len)) {
            dsn_linter_should(linter, "MIME-23", "a line has more than 78 characters", line);
            return;
        }
        text = dsn_span_from(text, next);
    }
}

/* Header fields of the message that may stand so often, and the rule that says so. */
static const struct Occurrence {
    DsnSpan name;
    const char *rule;
    unsigned min, max;
} occurrences[] = {
    {DSN_SPAN_LITERAL("Date"), "MIME-19", 1, 1},
    {DSN_SPAN_LITERAL("From"), "MIME-19", 1, 1},
    {DSN_SPAN_LITERAL("Sender"), "MIME-19", 0, 1},
    {DSN_SPAN_LITERAL("Reply-To"), "MIME-19", 0, 1},
    {DSN_SPAN_LITERAL("To"), "MIME-19", 0, 1}, /* that there is one is rule LOOP-04 */
    {DSN_SPAN_LITERAL("Cc"), "MIME-19", 0, 1},
    {DSN_SPAN_LITERAL("Bcc"), "MIME-19", 0, 1},
    {DSN_SPAN_LITERAL("Subject"), "MIME-19", 0, 1},
    {DSN_SPAN_LITERAL("Message-ID"), "MIME-19", 0, 1},
    {DSN_SPAN_LITERAL("In-Reply-To"), "MIME-19", 0, 1},
    {DSN_SPAN_LITERAL("References"), "MIME-19", 0, 1},
    {DSN_SPAN_LITERAL("MIME-Version"), "MIME-18", 1, 1},
    {DSN_SPAN_LITERAL("Content-Type"), "MIME-01", 1, 1},
    {DSN_SPAN_LITERAL("Content-Transfer-Encoding"), "MIME-15", 0, 1},
    {DSN_SPAN_LITERAL("Auto-Submitted"), "LOOP-06", 0, 1},
    {DSN_SPAN_LITERAL("Disposition-Notification-To"), "MDN-03", 0, 0},
};

/* Fields in which an encoded word has no place (RFC 2047 section 5, rule MIME-28). */
static bool
is_structured(DsnSpan name)
{
    static const char *const names[] = {
        "Date",           "Message-ID",   "In-Reply-To",
        "References",     "Received",     "MIME-Version",
        "Auto-Submitted", "Content-Type", "Content-Transfer-Encoding",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (dsn_span_is(name, names[i]))
            return true;
    return false;
}

/* The encoded word at the start of @text: its length, the encoding letter and the text in it; 0
 * when there is none (RFC 2047 section 2). */
static size_t
take_encoded_word(DsnSpan text, DsnSpan *ret_charset, char *ret_encoding, DsnSpan *ret_text)
{
    const char *end = text.data + text.len;
    const char *charset = text.data + 2;
    const char *mark = text.len < 6 ? NULL : memchr(charset, '?', (size_t)(end - charset));

    if (mark == NULL || end - mark < 5 || mark[2] != '?')
        return 0;

    const char *close = mark + 3;
    while (close < end - 1 && *close != ' ' && *close != '\r' &&
           !(close[0] == '?' && close[1] == '='))
        close++;
    if (close >= end - 1 || *close != '?')
        return 0;
    *ret_charset = (DsnSpan){charset, (size_t)(mark - charset)};
    *ret_encoding = g_ascii_toupper(mark[1]);
    *ret_text = (DsnSpan){mark + 3, (size_t)(close - mark - 3)};
    return (size_t)(close + 2 - text.data);
}

/* Whole characters in each word (rule MIME-29); looked into for UTF-8 only. */
static bool
holds_whole_characters(DsnLinter *linter, char encoding, DsnSpan text)
{
    g_autoptr(GString) decoded = g_string_new(NULL);
    bool good = dsn_transfer_decode(
        text, encoding == 'B' ? DSN_TRANSFER_BASE64 : DSN_TRANSFER_QUOTED_PRINTABLE, linter->limits,
        decoded);

    return good && g_utf8_validate_len(decoded->str, decoded->len, NULL);
}

static void
check_encoded_words(DsnLinter *linter, const DsnHeaderField *field)
{
    DsnSpan rest = field->value;
    const char *start;

    while (rest.len > 0 && (start = memmem(rest.data, rest.len, "=?", 2)) != NULL) {
        DsnSpan charset, text;
        char encoding;

        rest = dsn_span_from(rest, (size_t)(start - rest.data));
        size_t len = take_encoded_word(rest, &charset, &encoding, &text);
        if (len == 0) {
            rest = dsn_span_from(rest, 2);
            continue;
        }

        DsnSpan word = {rest.data, len};
        const char *line = memrchr(field->whole.data, '\n', (size_t)(start - field->whole.data));
        line = line == NULL ? field->whole.data : line + 1;
        if (is_structured(field->name))
            dsn_linter_must(linter, "MIME-28", "an encoded word stands where none may", word);
        else if (len > ENCODED_WORD_MAX || start + len > line + ENCODED_LINE_MAX)
            dsn_linter_must(linter, "MIME-27", "an encoded word or its line is too long", word);
        else if (dsn_span_is(charset, "utf-8") && !holds_whole_characters(linter, encoding, text))
            dsn_linter_must(linter, "MIME-29", "an encoded word holds no whole characters", word);
        rest = dsn_span_from(rest, len);
    }
}

/* The one address of From or To: what stands in angle brackets, or the whole. Absent when there is
 * none, or more than one. Quoted strings and comments are skipped. */
static DsnSpan
single_address(DsnSpan value)
{
    DsnSpan address = value = dsn_span_trim(value);
    size_t comment = 0;
    bool quoted = false;

    for (size_t i = 0; i < value.len; i++) {
        char byte = value.data[i];

        if (byte == '\\' && (quoted || comment > 0)) {
            i++;
        } else if (byte == '"' && comment == 0) {
            quoted = !quoted;
        } else if (!quoted && byte == '(') {
            comment++;
        } else if (!quoted && byte == ')' && comment > 0) {
            comment--;
        } else if (quoted || comment > 0) {
            continue;
        } else if (byte == '<') {
            address = dsn_span_from(value, i + 1);
        } else if (byte == '>') {
            address.len = (size_t)(value.data + i - address.data);
        } else if (byte == ',' || byte == ';') {
            return DSN_SPAN_ABSENT;
        }
    }
    return dsn_span_trim(address);
}

static void
check_address(DsnLinter *linter, DsnSpan value, const char *rule, const char *text)
{
    DsnSpan address = single_address(value);

    if (address.len > 0 && memmem(address.data, address.len, "=?", 2) != NULL)
        dsn_linter_must(linter, "MIME-28", "an encoded word stands in an address", address);
    else if (!dsn_address_is_mailbox(address))
        dsn_linter_must(linter, rule, text, value);
}

/* RFC 3834 section 5: a keyword, then parameters (rules LOOP-05, LOOP-06). */
static void
check_auto_submitted(DsnLinter *linter, DsnSpan value)
{
    size_t len = 0;

    value = dsn_span_trim(value);
    while (len < value.len && (g_ascii_isalnum(value.data[len]) || value.data[len] == '-'))
        len++;

    DsnSpan keyword = {value.data, len}, after = dsn_span_trim(dsn_span_from(value, len));
    if (dsn_span_is(keyword, "auto-generated"))
        dsn_linter_must(linter, "LOOP-05", "a notice answers a message", value);
    else if (len == 0 || (after.len > 0 && strchr(";(", after.data[0]) == NULL))
        dsn_linter_must(linter, "LOOP-06", "the value is no keyword with parameters", value);
}

/* "1.0", comments apart. */
static bool
is_mime_version(DsnSpan value)
{
    value = dsn_span_trim(value);
    return dsn_span_starts(value, "1.0") &&
           (value.len == 3 || dsn_is_space(value.data[3]) || value.data[3] == '(');
}

static void
check_values(DsnLinter *linter, DsnSpan header)
{
    DsnSpan date = dsn_header_find(header, "Date");
    DsnSpan from = dsn_header_find(header, "From");
    DsnSpan version = dsn_header_find(header, "MIME-Version");
    DsnSpan message_id = dsn_header_find(header, "Message-ID");
    DsnSpan submitted = dsn_header_find(header, "Auto-Submitted");

    if (dsn_span_present(date) && !dsn_lint_is_date(date))
        dsn_linter_must(linter, "MIME-19", "the date is not one with a numeric zone", date);
    if (dsn_span_present(from))
        check_address(linter, from, "MIME-19", "From is not one mailbox");
    check_address(linter, dsn_header_find(header, "To"), "LOOP-04", "To is not one address");
    if (dsn_span_present(version) && !is_mime_version(version))
        dsn_linter_must(linter, "MIME-18", "the version is not 1.0", version);
    if (!dsn_lint_is_message_id(dsn_span_trim(message_id)))
        dsn_linter_should(linter, "MIME-20", "there is no good Message-ID", message_id);
    if (dsn_span_present(submitted))
        check_auto_submitted(linter, submitted);
}

static void
check_header(DsnLinter *linter, DsnSpan header)
{
    unsigned counts[G_N_ELEMENTS(occurrences)] = {0};
    DsnHeaderField field;

    for (DsnSpan rest = header; dsn_header_next(&rest, &field);) {
        if (!dsn_span_present(field.name))
            dsn_linter_must(linter, "MIME-19", "a line is no field", field.whole);
        for (size_t i = 0; i < G_N_ELEMENTS(occurrences); i++)
            if (dsn_lint_is_name(field.name, occurrences[i].name))
                counts[i]++;
        check_encoded_words(linter, &field);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(occurrences); i++) {
        if (counts[i] < occurrences[i].min)
            dsn_linter_must(linter, occurrences[i].rule, "a required field is missing",
                            occurrences[i].name);
        else if (counts[i] > occurrences[i].max)
            dsn_linter_must(linter, occurrences[i].rule, "a field stands too often",
                            occurrences[i].name);
    }
    check_values(linter, header);
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

/* Returns whether the parts are worth a look. */
static bool
check_type(DsnLinter *linter, const DsnPart *top)
{
    const DsnContentType *type = &top->type;

    if (!dsn_content_type_is(type, "multipart", "report")) {
        dsn_linter_must(linter, "MIME-01", "the message is not multipart/report", DSN_SPAN_ABSENT);
        return false;
    }
    if (!dsn_span_present(type->report_type) || !dsn_span_present(type->boundary))
        dsn_linter_must(linter, "MIME-02", "report-type or boundary is missing", DSN_SPAN_ABSENT);
    else if (!dsn_span_is(type->report_type, "delivery-status") &&
             !dsn_span_is(type->report_type, "global-delivery-status"))
        dsn_linter_must(linter, "MIME-01", "the report is of another type", type->report_type);
    if (dsn_span_present(type->boundary) && (!is_boundary(type->boundary) || type->broken))
        dsn_linter_must(linter, "MIME-16", "the boundary is not formed or quoted as it must be",
                        type->boundary);
    if (!top->closed)
        dsn_linter_must(linter, "MIME-17", "the closing boundary is missing", DSN_SPAN_ABSENT);
    if (top->wrong_boundary)
        dsn_linter_must(linter, "MIME-16", "the parts have another boundary", DSN_SPAN_ABSENT);
    return true;
}

/* RFC 2045 section 6.7 (rule MIME-25). */
static bool
is_quoted_printable(DsnSpan body)
{
    while (body.len > 0) {
        const char *feed = memchr(body.data, '\n', body.len);
        size_t next = feed == NULL ? body.len : (size_t)(feed - body.data) + 1;
        size_t len = feed == NULL ? next : next - 1;

        if (feed != NULL && len > 0 && body.data[len - 1] == '\r')
            len--;
        if (len > ENCODED_LINE_MAX ||
            (len > 0 && (body.data[len - 1] == ' ' || body.data[len - 1] == '\t')))
            return false;
        for (size_t i = 0; i < len; i++) {
            unsigned char byte = (unsigned char)body.data[i];

            if ((byte < ' ' && byte != '\t') || byte >= 0x7f)
                return false;
            if (byte != '=' || i + 1 == len)
                continue;
            if (i + 2 >= len || !g_ascii_isxdigit(body.data[i + 1]) ||
                !g_ascii_isxdigit(body.data[i + 2]) || g_ascii_islower(body.data[i + 1]) ||
                g_ascii_islower(body.data[i + 2]))
                return false;
        }
        body = dsn_span_from(body, next);
    }
    return true;
}

/* RFC 2045 section 6.8 (rule MIME-26). */
static bool
is_base64(DsnSpan body)
{
    size_t digits = 0, pads = 0, column = 0;

    for (size_t i = 0; i < body.len; i++) {
        char byte = body.data[i];

        if (byte == '\n') {
            column = 0;
        } else if (byte != '\r') {
            if (byte == '=')
                pads++;
            else if (pads > 0 || (!g_ascii_isalnum(byte) && byte != '+' && byte != '/'))
                return false;
            digits++;
            if (++column > ENCODED_LINE_MAX)
                return false;
        }
    }
    return pads <= 2 && digits % 4 == 0;
}

/* The name of the part's transfer encoding; "7bit" when none is given. */
static DsnSpan
encoding_of(const DsnPart *part)
{
    DsnSpan value = dsn_header_find(part->header, "Content-Transfer-Encoding");

    return dsn_span_present(value) ? dsn_span_trim(value) : DSN_SPAN_LITERAL("7bit");
}

static bool
says_eight_bit(DsnSpan encoding)
{
    return dsn_span_is(encoding, "8bit") || dsn_span_is(encoding, "binary");
}

/* What every part that is no multipart obeys. Returns whether its body has 8-bit octets. */
static bool
check_leaf(DsnLinter *linter, const DsnPart *part)
{
    DsnSpan encoding = encoding_of(part);
    bool eight_bit = !dsn_text_is_ascii(part->body);
    bool status = dsn_content_type_is(&part->type, "message", "delivery-status");

    if (!dsn_text_is_ascii(part->header))
        dsn_linter_must(linter, "I18N-14", "the header of a part is not ASCII", part->header);
    if (status &&
        (eight_bit || !dsn_span_is(encoding, "7bit") || dsn_span_present(part->type.charset)))
        dsn_linter_must(linter, "MIME-14", "the fields are not plain 7bit without a charset",
                        part->header);
    else if (part->transfer == DSN_TRANSFER_UNKNOWN)
        dsn_linter_must(linter, "MIME-12", "the transfer encoding is not known", encoding);
    else if (eight_bit && dsn_span_is(encoding, "7bit"))
        dsn_linter_must(linter, "MIME-12", "8-bit octets in a 7bit part", part->header);
    if (dsn_content_type_is(&part->type, "message", "rfc822"))
        return eight_bit; /* it has no encoding, rule MIME-11 */
    if (part->transfer == DSN_TRANSFER_QUOTED_PRINTABLE && !is_quoted_printable(part->body))
        dsn_linter_must(linter, "MIME-25", "the part is not proper quoted-printable", part->header);
    if (part->transfer == DSN_TRANSFER_BASE64 && !is_base64(part->body))
        dsn_linter_must(linter, "MIME-26", "the part is not proper base64", part->header);
    if (dsn_span_starts(part->type.subtype, "global") && dsn_span_present(part->type.charset) &&
        dsn_content_type_is(&part->type, "message", NULL))
        dsn_linter_must(linter, "I18N-09", "a global part has no charset", part->type.charset);
    return eight_bit;
}

/* The body of @part, transfer encoding undone; @buffer may be what holds it. Absent if it does not
 * decode, of which the rule of that encoding has told. */
static DsnSpan
decoded_body(DsnLinter *linter, const DsnPart *part, GString *buffer)
{
    if (part->transfer == DSN_TRANSFER_IDENTITY || part->transfer == DSN_TRANSFER_UNKNOWN)
        return part->body;
    g_string_truncate(buffer, 0);
    if (!dsn_transfer_decode(part->body, part->transfer, linter->limits, buffer))
        return DSN_SPAN_ABSENT;
    return (DsnSpan){buffer->str, buffer->len};
}

/* RFC 2045 section 5.2 (rule MIME-31): what a text says it is. */
static void
check_text(DsnLinter *linter, const DsnPart *part, GString *buffer)
{
    DsnSpan text = decoded_body(linter, part, buffer);
    DsnSpan charset = part->type.charset;

    if (part->transfer == DSN_TRANSFER_IDENTITY)
        check_width(linter, text);
    if (dsn_text_is_ascii(text)) /* an absent one too */
        return;
    if (!dsn_span_present(charset) || dsn_span_is(charset, "us-ascii"))
        dsn_linter_should(linter, "MIME-31", "the text is not in its charset", part->header);
    else if (dsn_span_is(charset, "utf-8") && !dsn_lint_is_utf8(text))
        dsn_linter_should(linter, "MIME-31", "the text is not UTF-8", part->header);
}

/* In-Reply-To and References name the original (rule MIME-30), Original-Envelope-Id does not (rule
 * DSN-06), and the Message-ID is of the host that reports or of the author (rule MIME-20). */
static void
check_identities(DsnLinter *linter, DsnSpan header, DsnSpan original_header)
{
    DsnSpan original = dsn_span_trim(dsn_header_find(original_header, "Message-ID"));
    DsnSpan envelope_id = linter->envelope_id;

    if (!dsn_lint_is_message_id(original))
        return;
    if (!dsn_span_equal(dsn_span_trim(dsn_header_find(header, "In-Reply-To")), original))
        dsn_linter_should(linter, "MIME-30", "In-Reply-To does not name the original",
                          DSN_SPAN_ABSENT);

    DsnSpan references = dsn_header_find(header, "References");
    if (references.len == 0 ||
        memmem(references.data, references.len, original.data, original.len) == NULL)
        dsn_linter_should(linter, "MIME-30", "References do not name the original",
                          DSN_SPAN_ABSENT);
    if (dsn_span_present(envelope_id) &&
        (dsn_span_equal(envelope_id, original) ||
         dsn_span_equal(envelope_id, (DsnSpan){original.data + 1, original.len - 2})))
        dsn_linter_must(linter, "DSN-06", "the envelope id is the Message-ID", envelope_id);
}

/* The third part (RFC 6522 section 4). */
static void
check_returned(DsnLinter *linter, DsnSpan header, const DsnPart *part, GString *buffer)
{
    const DsnContentType *type = &part->type;
    bool global = dsn_span_starts(type->subtype, "global");
    bool whole = dsn_content_type_is(type, "message", "rfc822") ||
                 dsn_content_type_is(type, "message", "global");
    DsnSpan content = decoded_body(linter, part, buffer), original, body;

    if (dsn_content_type_is(type, "message", "rfc822") && part->transfer != DSN_TRANSFER_IDENTITY) {
        dsn_linter_must(linter, "MIME-11", "message/rfc822 is encoded", part->header);
        return;
    }
    if (!dsn_span_present(content))
        return;
    original = dsn_header_split(content, &body);
    if (whole && original.len == content.len)
        dsn_linter_should(linter, "MIME-09", "a header alone is labelled as a message",
                          part->header);
    if (!whole && body.len > 0)
        dsn_linter_should(linter, "MIME-10", "there is more than a header", body);
    if (whole && !dsn_span_present(dsn_header_find(original, "From")) &&
        !dsn_span_present(dsn_header_find(original, "Subject")) &&
        !dsn_span_present(dsn_header_find(original, "Date")))
        dsn_linter_must(linter, "MIME-35", "the message has no From, Subject or Date",
                        part->header);
    if (!dsn_text_is_ascii(original) && part->transfer == DSN_TRANSFER_IDENTITY &&
        (!global || !dsn_lint_is_utf8(original)))
        dsn_linter_must(linter, "I18N-14", "the returned header is not what its type allows",
                        part->header);
    if (whole && linter->none_failed)
        dsn_linter_should(linter, "MIME-07", "a whole message although nothing failed",
                          part->header);
    check_identities(linter, header, original);
}

static bool
is_returned_type(const DsnContentType *type)
{
    return dsn_content_type_is(type, "message", "rfc822") ||
           dsn_content_type_is(type, "text", "rfc822-headers") ||
           dsn_content_type_is(type, "message", "global") ||
           dsn_content_type_is(type, "message", "global-headers");
}

/* The parts of the report in their order (rule MIME-03). */
static void
check_report(DsnLinter *linter, const DsnPart *top, const DsnPart *const *parts, size_t count)
{
    g_autoptr(GString) buffer = g_string_new(NULL);
    const DsnPart *status = count > 1 ? parts[1] : NULL;

    if (count < 2 || count > 3)
        dsn_linter_must(linter, "MIME-03", "the report has not two or three parts",
                        DSN_SPAN_ABSENT);
    if (count > 0 && dsn_content_type_is(&parts[0]->type, "message", NULL))
        dsn_linter_must(linter, "MIME-03", "the first part is not for people", parts[0]->header);
    else if (count > 0 && dsn_content_type_is(&parts[0]->type, "text", NULL))
        check_text(linter, parts[0], buffer);
    if (status != NULL) {
        bool global = dsn_content_type_is(&status->type, "message", "global-delivery-status");

        if (!global && !dsn_content_type_is(&status->type, "message", "delivery-status")) {
            dsn_linter_must(linter, "MIME-03", "the second part is no delivery status",
                            status->header);
            return;
        }
        if (dsn_span_is(top->type.report_type,
                        global ? "delivery-status" : "global-delivery-status"))
            dsn_linter_must(linter, "MIME-02", "report-type is not the type of the second part",
                            top->type.report_type);
        if (status->transfer == DSN_TRANSFER_IDENTITY)
            check_width(linter, status->body);

        g_autoptr(GString) fields = g_string_new(NULL);
        DsnSpan content = decoded_body(linter, status, fields);
        if (dsn_span_present(content))
            dsn_lint_fields(linter, content, global);
        if (count > 2 && is_returned_type(&parts[2]->type))
            check_returned(linter, top->header, parts[2], buffer);
        else if (count > 2)
            dsn_linter_must(linter, "MIME-03", "the third part is no returned content",
                            parts[2]->header);
    }
}

/* The domain of the Message-ID is the reporting host's, or above or below it (rule MIME-20). */
static void
check_message_id_domain(DsnLinter *linter, DsnSpan header)
{
    DsnSpan id = dsn_span_trim(dsn_header_find(header, "Message-ID"));
    DsnSpan host = linter->reporting_name;

    if (!dsn_lint_is_message_id(id) || host.len == 0)
        return;

    const char *at = memrchr(id.data, '@', id.len);
    DsnSpan domain = {at + 1, (size_t)(id.data + id.len - 1 - (at + 1))};
    size_t common = MIN(domain.len, host.len);
    const DsnSpan longer = domain.len > host.len ? domain : host;
    if (g_ascii_strncasecmp(domain.data + domain.len - common, host.data + host.len - common,
                            common) != 0 ||
        (longer.len > common && longer.data[longer.len - common - 1] != '.'))
        dsn_linter_should(linter, "MIME-20", "the Message-ID is not of the reporting host", id);
}

bool
dsn_lint_notice(DsnSpan message, const DsnLimits *limits, GArray *ret_findings)
{
    DsnLinter linter = {.limits = limits, .findings = ret_findings};
    g_autoptr(DsnStructure) structure = dsn_structure_new();
    const DsnPart *report[4];
    size_t count = 0;
    bool eight_bit = false, encoded = false;

    if (!dsn_span_present(message))
        message = DSN_SPAN_LITERAL("");
    check_lines(&linter, message);
    dsn_structure_scan(structure, message, limits);

    const DsnPart *top = &g_array_index(structure->parts, DsnPart, 0);
    check_header(&linter, top->header);
    check_width(&linter, top->header);
    if (!dsn_lint_is_utf8(top->header))
        dsn_linter_must(&linter, "I18N-14", "the header is not UTF-8", DSN_SPAN_ABSENT);
    if (!check_type(&linter, top))
        return !linter.broken;
    if (structure->limit != NULL)
        dsn_linter_must(&linter, "OOB-20", "a limit was met, the message was not read to its end",
                        dsn_span(structure->limit));
    encoded = top->transfer != DSN_TRANSFER_IDENTITY;
    for (guint i = 1; i < structure->parts->len; i++) {
        const DsnPart *part = &g_array_index(structure->parts, DsnPart, i);

        if (dsn_content_type_is(&part->type, "multipart", NULL))
            encoded |= part->transfer != DSN_TRANSFER_IDENTITY;
        else
            eight_bit |= check_leaf(&linter, part);
        if (part->parent == 0 && count < G_N_ELEMENTS(report))
            report[count++] = part;
    }
    if (encoded || (eight_bit && !says_eight_bit(encoding_of(top))))
        dsn_linter_must(&linter, "MIME-15", "the multipart is not labelled as its parts demand",
                        DSN_SPAN_ABSENT);
    check_report(&linter, top, report, count);
    check_message_id_domain(&linter, top->header);
    return !linter.broken;
}
