/* SPDX-License-Identifier: BSD-2-Clause */
/* The header of a message. */
#include "config.h"

#include "mime/linter.h"

#include "mime/address.h"
#include "mime/field.h"
#include "mime/transfer.h"

#define ENCODED_LINE_MAX 76
#define ENCODED_WORD_MAX 75

/* Whose fields they are. */
typedef enum Scope { EVERY_MESSAGE, REPORTS } Scope;

/* Header fields that may stand so often, and the rule that says so. */
static const struct Occurrence {
    DsnSpan name;
    const char *rule;
    unsigned min, max;
    Scope scope; /* of min and of a max of 0; in other messages it may be missing, or stand there */
} occurrences[] = {
    {DSN_SPAN_LITERAL("Date"), "MIME-19", 1, 1, EVERY_MESSAGE},
    {DSN_SPAN_LITERAL("From"), "MIME-19", 1, 1, EVERY_MESSAGE},
    {DSN_SPAN_LITERAL("Sender"), "MIME-19", 0, 1, EVERY_MESSAGE},
    {DSN_SPAN_LITERAL("Reply-To"), "MIME-19", 0, 1, EVERY_MESSAGE},
    {DSN_SPAN_LITERAL("To"), "MIME-19", 0, 1, EVERY_MESSAGE}, /* that there is one: LOOP-04 */
    {DSN_SPAN_LITERAL("Cc"), "MIME-19", 0, 1, EVERY_MESSAGE},
    {DSN_SPAN_LITERAL("Bcc"), "MIME-19", 0, 1, EVERY_MESSAGE},
    {DSN_SPAN_LITERAL("Subject"), "MIME-19", 0, 1, EVERY_MESSAGE},
    {DSN_SPAN_LITERAL("Message-ID"), "MIME-19", 0, 1, EVERY_MESSAGE},
    {DSN_SPAN_LITERAL("In-Reply-To"), "MIME-19", 0, 1, EVERY_MESSAGE},
    {DSN_SPAN_LITERAL("References"), "MIME-19", 0, 1, EVERY_MESSAGE},
    {DSN_SPAN_LITERAL("MIME-Version"), "MIME-18", 1, 1, REPORTS},
    {DSN_SPAN_LITERAL("Content-Type"), "MIME-01", 1, 1, REPORTS},
    {DSN_SPAN_LITERAL("Content-Transfer-Encoding"), "MIME-15", 0, 1, EVERY_MESSAGE},
    {DSN_SPAN_LITERAL("Auto-Submitted"), "LOOP-06", 0, 1, EVERY_MESSAGE},
    {DSN_SPAN_LITERAL("Disposition-Notification-To"), "MDN-03", 0, 0, REPORTS},
};

static bool
is_among(const char *const *names, DsnSpan name)
{
    for (; *names != NULL; names++)
        if (dsn_span_is(name, *names))
            return true;
    return false;
}

/* Fields in which an encoded word stands in comments only (RFC 2047 section 5, rule MIME-28). */
static bool
is_structured(DsnSpan name)
{
    static const char *const names[] = {
        "Date",         "Message-ID",          "In-Reply-To",    "References",
        "MIME-Version", "Content-Type",        "Auto-Submitted", "Content-Transfer-Encoding",
        "Received",     "Content-Disposition", "Return-Path",    NULL,
    };

    return is_among(names, name);
}

/* Fields in which quotes make a string that holds no encoded words. */
static bool
has_addresses(DsnSpan name)
{
    static const char *const names[] = {"From", "Sender", "Reply-To", "To", "Cc", "Bcc", NULL};

    return is_among(names, name);
}

typedef enum Place { IN_TEXT, IN_COMMENT, IN_QUOTES } Place;

/* How far a structured value was read. */
typedef struct Reading {
    size_t at;
    size_t comments; /* that are open */
    bool quoted;
} Reading;

/* Reads @value on to @end, and says what stands there is in. */
static Place
read_to(Reading *reading, DsnSpan value, size_t end)
{
    for (; reading->at < end; reading->at++) {
        char byte = value.data[reading->at];

        if (byte == '\\' && (reading->quoted || reading->comments > 0))
            reading->at++;
        else if (byte == '"' && reading->comments == 0)
            reading->quoted = !reading->quoted;
        else if (!reading->quoted && byte == '(')
            reading->comments++;
        else if (!reading->quoted && byte == ')' && reading->comments > 0)
            reading->comments--;
    }
    return reading->quoted ? IN_QUOTES : reading->comments > 0 ? IN_COMMENT : IN_TEXT;
}

/* The encoded word at the start of @text: its length, the encoding letter and the text in it; 0
 * when there is none (RFC 2047 section 2). */
static size_t
take_encoded_word(DsnSpan text, DsnSpan *ret_charset, char *ret_encoding, DsnSpan *ret_text)
{
    const char *end = text.data + text.len;
    const char *charset = text.data + 2;
    const char *mark = text.len < 6 ? NULL : memchr(charset, '?', (size_t)(end - charset));

    if (mark == NULL || mark == charset || end - mark < 5 || strchr("BbQq", mark[1]) == NULL ||
        mark[1] == '\0' || mark[2] != '?')
        return 0;
    for (const char *at = charset; at < mark; at++)
        if (*at <= ' ' || *at >= 0x7f)
            return 0;

    const char *close = mark + 3;
    while (close < end - 1 && *close != ' ' && *close != '\r' && *close != '\n' &&
           !(close[0] == '?' && close[1] == '='))
        close++;
    if (close >= end - 1 || *close != '?')
        return 0;
    *ret_charset = (DsnSpan){charset, (size_t)(mark - charset)};
    *ret_encoding = g_ascii_toupper(mark[1]);
    *ret_text = (DsnSpan){mark + 3, (size_t)(close - mark - 3)};
    return (size_t)(close + 2 - text.data);
}

/* The next word in @text; its length, 0 when there is none. */
static size_t
next_encoded_word(DsnSpan text, const char **ret_start, DsnSpan *ret_charset, char *ret_encoding,
                  DsnSpan *ret_text)
{
    const char *start;

    while (text.len > 0 && (start = memchr(text.data, '=', text.len)) != NULL) {
        text = dsn_span_from(text, (size_t)(start - text.data));
        bool begun = text.len > 1 && start[1] == '?';
        size_t len = begun ? take_encoded_word(text, ret_charset, ret_encoding, ret_text) : 0;
        if (len > 0) {
            *ret_start = start;
            return len;
        }
        text = dsn_span_from(text, begun ? 2 : 1);
    }
    return 0;
}

size_t
dsn_lint_find_encoded_word(DsnSpan text, const char **ret_start)
{
    DsnSpan charset, inner;
    char encoding;

    return next_encoded_word(text, ret_start, &charset, &encoding, &inner);
}

/* Whole characters of the charset (rule MIME-29); one that is not known is not looked into. */
static bool
holds_whole_characters(DsnSpan charset, const GString *decoded)
{
    g_autoptr(GError) error = NULL;
    const char *language = memchr(charset.data, '*', charset.len); /* RFC 2231 section 5 */

    if (language != NULL)
        charset.len = (size_t)(language - charset.data);
    if (dsn_span_is(charset, "utf-8"))
        return g_utf8_validate_len(decoded->str, decoded->len, NULL);

    g_autofree char *from = dsn_span_dup(charset);
    g_autofree char *utf8 =
        g_convert(decoded->str, (gssize)decoded->len, "UTF-8", from, NULL, NULL, &error);
    return utf8 != NULL ||
           !(g_error_matches(error, G_CONVERT_ERROR, G_CONVERT_ERROR_PARTIAL_INPUT) ||
             g_error_matches(error, G_CONVERT_ERROR, G_CONVERT_ERROR_ILLEGAL_SEQUENCE));
}

static void
check_content(DsnLinter *linter, DsnSpan word, DsnSpan charset, char encoding, DsnSpan text)
{
    g_autoptr(GString) decoded = g_string_new(NULL);
    bool base64 = encoding == 'B';

    if (!dsn_transfer_decode(text, base64 ? DSN_TRANSFER_BASE64 : DSN_TRANSFER_QUOTED_PRINTABLE,
                             linter->limits, decoded))
        dsn_linter_must(linter, base64 ? "MIME-26" : "MIME-25", "an encoded word does not decode",
                        word);
    else if (!holds_whole_characters(charset, decoded))
        dsn_linter_must(linter, "MIME-29", "an encoded word holds no whole characters", word);
}

/* Space, or the parenthesis of a comment (RFC 2047 section 5). */
static bool
stands_apart(DsnSpan value, DsnSpan word)
{
    size_t before = (size_t)(word.data - value.data), after = before + word.len;

    return (before == 0 || dsn_is_space(value.data[before - 1]) || value.data[before - 1] == '(') &&
           (after == value.len || dsn_is_space(value.data[after]) || value.data[after] == ')');
}

static bool
may_stand(DsnSpan name, Place place)
{
    if (is_structured(name))
        return place == IN_COMMENT && !dsn_span_is(name, "Received");
    return !has_addresses(name) || place != IN_QUOTES;
}

void
dsn_lint_encoded_words(DsnLinter *linter, const DsnHeaderField *field)
{
    DsnSpan rest = field->value, charset, text;
    const char *start, *line = field->whole.data, *seen = line;
    Reading reading = {0};
    char encoding;
    size_t len;

    while ((len = next_encoded_word(rest, &start, &charset, &encoding, &text)) > 0) {
        DsnSpan word = {start, len};
        Place place = read_to(&reading, field->value, (size_t)(start - field->value.data));
        const char *feed = memrchr(seen, '\n', (size_t)(start - seen));

        line = feed == NULL ? line : feed + 1;
        seen = start;
        if (!may_stand(field->name, place))
            dsn_linter_must(linter, "MIME-28", "an encoded word stands where none may", word);
        else if (!stands_apart(field->value, word))
            dsn_linter_must(linter, "MIME-28", "an encoded word does not stand apart", word);
        else if (len > ENCODED_WORD_MAX || start + len > line + ENCODED_LINE_MAX)
            dsn_linter_must(linter, "MIME-27", "an encoded word or its line is too long", word);
        else
            check_content(linter, word, charset, encoding, text);
        rest = dsn_span_from(rest, (size_t)(start + len - rest.data));
    }
}

DsnSpan
dsn_lint_address(DsnSpan value)
{
    DsnSpan address = value = dsn_span_trim(value);
    size_t comment = 0;
    bool quoted = false, bracketed = false, commented = false;

    for (size_t i = 0; i < value.len; i++) {
        char byte = value.data[i];

        if (byte == '\\' && (quoted || comment > 0)) {
            i++;
        } else if (byte == '"' && comment == 0) {
            quoted = !quoted;
        } else if (!quoted && byte == '(') {
            comment++;
            commented = true;
        } else if (!quoted && byte == ')' && comment > 0) {
            comment--;
        } else if (quoted || comment > 0) {
            continue;
        } else if (byte == '<') {
            address = dsn_span_from(value, i + 1);
            bracketed = true;
        } else if (byte == '>') {
            address.len = (size_t)(value.data + i - address.data);
        } else if ((byte == ',' || byte == ';') && !bracketed) {
            return DSN_SPAN_ABSENT;
        }
    }
    return commented && !bracketed ? dsn_field_strip_comments(value) : dsn_span_trim(address);
}

DsnSpan
dsn_lint_domain_of(DsnSpan address)
{
    const char *at = address.len == 0 ? NULL : memrchr(address.data, '@', address.len);

    return at == NULL ? DSN_SPAN_ABSENT : dsn_span_from(address, (size_t)(at + 1 - address.data));
}

static void
check_address(DsnLinter *linter, DsnSpan value, const char *rule, const char *text)
{
    DsnSpan address = dsn_lint_address(value);
    const char *word;

    if (dsn_lint_find_encoded_word(address, &word) > 0)
        dsn_linter_must(linter, "MIME-28", "an encoded word stands in an address", address);
    else if (address.len > 0 && address.data[0] == '@')
        dsn_linter_must(linter, "ENV-11", "the address has a source route", value);
    else if (!dsn_address_is_mailbox(address))
        dsn_linter_must(linter, rule, text,
                        dsn_span_present(value) ? value : DSN_SPAN_LITERAL("To"));
}

/* Nobody reads the mail for such an address, or no mail can reach it (rule MIME-21). */
static void
check_person(DsnLinter *linter, DsnSpan from)
{
    static const char *const silent[] = {"noreply",    "no-reply",     "no_reply",
                                         "donotreply", "do-not-reply", "do_not_reply",
                                         "nobody",     "devnull",      NULL};
    DsnSpan address = dsn_lint_address(from), domain = dsn_lint_domain_of(address);

    if (!dsn_address_is_mailbox(address))
        return; /* of which rule MIME-19 has told */

    DsnSpan local = {address.data, (size_t)(domain.data - 1 - address.data)};
    if (is_among(silent, local))
        dsn_linter_should(linter, "MIME-21", "nobody reads what is sent to From", from);
    else if (domain.data[0] != '[' && memchr(domain.data, '.', domain.len) == NULL)
        dsn_linter_should(linter, "MIME-21", "From has no domain that others can reach", from);
}

/* RFC 3834 section 5: a keyword, then parameters (rules LOOP-05 to LOOP-07). */
static void
check_auto_submitted(DsnLinter *linter, DsnSpan value)
{
    size_t len = 0;

    value = dsn_span_trim(value);
    while (len < value.len && (g_ascii_isalnum(value.data[len]) || value.data[len] == '-'))
        len++;

    DsnSpan keyword = {value.data, len}, after = dsn_span_trim(dsn_span_from(value, len));
    if (linter->kind == DSN_REPORT_DELIVERY_STATUS && dsn_span_is(keyword, "auto-generated"))
        dsn_linter_must(linter, "LOOP-05", "a notice is not auto-generated, but replies", value);
    else if (linter->kind == DSN_REPORT_DELIVERY_STATUS && dsn_span_is(keyword, "no"))
        dsn_linter_should(linter, "LOOP-07", "a notice is written by a program", value);
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

/* "<>", or the name that some hosts write in its place when they deliver. */
static bool
may_be_null(DsnSpan return_path)
{
    DsnSpan address = dsn_lint_address(return_path), domain = dsn_lint_domain_of(address);

    if (dsn_span_present(domain))
        address.len = (size_t)(domain.data - 1 - address.data);
    return address.len == 0 || dsn_span_is(address, "MAILER-DAEMON");
}

/* What is true of notices only. */
static void
check_notice(DsnLinter *linter, DsnSpan header)
{
    DsnSpan from = dsn_header_find(header, "From");
    DsnSpan return_path = dsn_header_find(header, "Return-Path");

    if (dsn_span_present(from)) {
        check_address(linter, from, "MIME-19", "From is not one mailbox");
        check_person(linter, from);
    }
    check_address(linter, dsn_header_find(header, "To"), "LOOP-04", "To is not one address");
    if (dsn_span_present(return_path) && !may_be_null(dsn_field_strip_comments(return_path)))
        dsn_linter_must(linter, "ENV-02", "the envelope sender is not null", return_path);
}

static void
check_values(DsnLinter *linter, DsnSpan header)
{
    DsnSpan date = dsn_header_find(header, "Date");
    DsnSpan version = dsn_header_find(header, "MIME-Version");
    DsnSpan message_id = dsn_header_find(header, "Message-ID");
    DsnSpan submitted = dsn_header_find(header, "Auto-Submitted");

    const char *fault = dsn_span_present(date) ? dsn_lint_date_fault(date) : NULL;

    if (fault != NULL)
        dsn_linter_must(linter, "MIME-19", fault, date);
    if (dsn_span_present(version) && !is_mime_version(version))
        dsn_linter_must(linter, "MIME-18", "the version is not 1.0", version);
    else if (!dsn_span_present(version) && linter->kind == DSN_REPORT_NONE &&
             dsn_span_present(dsn_header_find(header, "Content-Type")))
        dsn_linter_must(linter, "MIME-18", "a required field is missing",
                        DSN_SPAN_LITERAL("MIME-Version"));
    if (!dsn_lint_is_message_id(dsn_span_trim(message_id)))
        dsn_linter_should(linter, "MIME-20", "there is no good Message-ID",
                          dsn_span_present(message_id) ? message_id
                                                       : DSN_SPAN_LITERAL("Message-ID"));
    if (dsn_span_present(submitted))
        check_auto_submitted(linter, submitted);
    if (linter->kind == DSN_REPORT_DELIVERY_STATUS)
        check_notice(linter, header);
}

static bool
has_control(DsnSpan value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char byte = (unsigned char)value.data[i];

        if ((byte < ' ' && !dsn_is_space((char)byte) && byte != '\0') || byte == 0x7f)
            return true;
    }
    return false;
}

/* True if what @rule says of its field is about a message of this kind. */
static bool
concerns(const DsnLinter *linter, const struct Occurrence *rule)
{
    return rule->scope == EVERY_MESSAGE || linter->kind != DSN_REPORT_NONE;
}

void
dsn_lint_header(DsnLinter *linter, DsnSpan header)
{
    unsigned counts[G_N_ELEMENTS(occurrences)] = {0};
    DsnHeaderField field;

    for (DsnSpan rest = header; dsn_header_next(&rest, &field);) {
        if (!dsn_span_present(field.name))
            dsn_linter_must(linter, "MIME-19", "a line is no field", field.whole);
        for (size_t i = 0; i < G_N_ELEMENTS(occurrences); i++) {
            const struct Occurrence *rule = &occurrences[i];

            if (!dsn_lint_is_name(field.name, rule->name))
                continue;
            if (++counts[i] == rule->max + 1 && (rule->max > 0 || concerns(linter, rule)))
                dsn_linter_must(linter, rule->rule, "a field stands too often", field.whole);
        }
        if (has_control(field.value))
            dsn_linter_should(linter, "MIME-22", "a control character in a field", field.whole);
        dsn_lint_encoded_words(linter, &field);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(occurrences); i++) {
        if (counts[i] < occurrences[i].min && concerns(linter, &occurrences[i]))
            dsn_linter_must(linter, occurrences[i].rule, "a required field is missing",
                            occurrences[i].name);
    }
    check_values(linter, header);
}
