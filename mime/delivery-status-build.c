/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/delivery-status-build.h"

#include "mime/lines.h"
#include "mime/text.h"

#define LINE_WANTED 78 /* columns; RFC 5322 section 2.1.1 */
#define WORD_MAX 900   /* bytes of one word: with a field's name they stay below 998 on a line */
#define SPACES_MAX 60  /* of one run that are kept */
#define LOCALIZED "Localized-Diagnostic"

typedef struct Writer {
    GString *part;
    bool global;   /* UTF-8 may stand as it is */
    GString *utf8; /* the value that is being written, as UTF-8 */
    GString *text; /* and clean */
} Writer;

static bool
refuse(const char *name, const char *what, GError **error)
{
    g_set_error(error, DSN_BUILD_ERROR, DSN_BUILD_ERROR_REPORT, "%s: %s", name, what);
    return false;
}

/* RFC 3464 section 2.1.2: types are atoms (rule DSN-14). */
static bool
is_atom(DsnSpan type)
{
    for (size_t i = 0; i < type.len; i++)
        if (!g_ascii_isalnum(type.data[i]) && strchr("!#$%&'*+-/=?^_`{|}~", type.data[i]) == NULL)
            return false;
    return type.len > 0 && type.len <= LINE_WANTED && memchr(type.data, '\0', type.len) == NULL;
}

/* Appends @text as UTF-8: controls become spaces, what is ill-formed U+FFFD; in the 7-bit form what
 * is not ASCII becomes \x{HEX}, as RFC 6533 section 3 writes it in addresses (rule RCPT-18). */
static void
append_clean(Writer *writer, DsnSpan text)
{
    if (dsn_span_is_plain(text)) {
        g_string_append_len(writer->text, text.data, (gssize)text.len);
        return;
    }
    g_string_truncate(writer->utf8, 0);
    (void)dsn_text_append_utf8(text, writer->utf8); /* what was replaced shows in the text */

    const char *end = writer->utf8->str + writer->utf8->len;
    for (const char *at = writer->utf8->str; at < end; at = g_utf8_next_char(at)) {
        unsigned char byte = (unsigned char)*at;

        if (byte < ' ' || byte == 0x7f)
            g_string_append_c(writer->text, ' ');
        else if (byte < 0x80)
            g_string_append_c(writer->text, *at);
        else if (writer->global)
            g_string_append_len(writer->text, at, g_utf8_next_char(at) - at);
        else
            g_string_append_printf(writer->text, "\\x{%X}", g_utf8_get_char(at));
    }
}

/* True where a line may not begin: it would be read as the next line of a reply of several. */
static bool
is_reply_line(DsnSpan text)
{
    while (text.len > 0 && text.data[0] == ' ')
        text = dsn_span_from(text, 1);
    return text.len >= 4 && g_ascii_isdigit(text.data[0]) && g_ascii_isdigit(text.data[1]) &&
           g_ascii_isdigit(text.data[2]) && (text.data[3] == ' ' || text.data[3] == '-');
}

/* The end of the character at @at of @text; a backslash and what it quotes, which may be a space,
 * are one. */
static size_t
step(DsnSpan text, size_t at)
{
    size_t end = at + (text.data[at] == '\\' && at + 1 < text.len ? 2 : 1);

    while (end < text.len && ((unsigned char)text.data[end] & 0xc0) == 0x80)
        end++;
    return end;
}

/* The end of the word at @start of @text, if it is less than @max bytes away; else how far a line
 * may go. With a word of a reply goes what may not begin a line. */
static size_t
scan_word(DsnSpan text, size_t start, size_t max, bool reply, bool runs)
{
    size_t end = start;

    for (; end < text.len && end - start < max; end = step(text, end)) {
        bool run = end + 1 < text.len && text.data[end] == ' ' &&
                   (text.data[end + 1] == ' ' || (end > start && text.data[end - 1] == ' '));

        if (text.data[end] == ' ' && (runs || !run) &&
            !(reply && is_reply_line(dsn_span_from(text, end))))
            break;
    }
    return end;
}

/* A run of spaces in a reply belongs to a word if the line can hold it: a reader of folded replies
 * makes one space of it (rule RCPT-18). */
static size_t
find_word_end(DsnSpan text, size_t start, bool reply)
{
    size_t end = scan_word(text, start, LINE_WANTED - 1, reply, !reply);

    if (end < text.len && end - start >= LINE_WANTED - 1)
        end = scan_word(text, start, WORD_MAX, reply, true);
    return end;
}

/* Appends @text, which starts at @column, breaking lines before white space only, so that dropping
 * the line ends gives the text again. A word that no line can hold is broken all the same. */
static void
append_folded(GString *part, size_t column, DsnSpan text, bool reply)
{
    size_t at = 0;

    if (text.len <= SPACES_MAX && column + text.len <= LINE_WANTED) {
        g_string_append_len(part, text.data, (gssize)text.len);
        return;
    }
    while (at < text.len) {
        size_t word = at;

        while (word < text.len && text.data[word] == ' ')
            word++;

        size_t end = find_word_end(text, word, reply);
        size_t spaces = MIN(word - at, SPACES_MAX);
        size_t len = spaces + (end - word);
        bool broken = at > 0 && spaces == 0;
        if (broken || (at > 0 && column + len > LINE_WANTED)) {
            g_string_append(part, broken ? "\r\n " : "\r\n");
            column = broken ? 1 : 0;
        }
        g_string_append_len(part, text.data + word - spaces, (gssize)len);
        column += len;
        at = end;
    }
}

/* Appends "name: text", folded, for a text that is clean. */
static void
append_field(GString *part, const char *name, DsnSpan text)
{
    size_t start = part->len;

    g_string_append(part, name);
    g_string_append_len(part, ": ", 2);
    append_folded(part, part->len - start, text, false);
    g_string_append_len(part, "\r\n", 2);
}

static void
append_text(Writer *writer, const char *name, DsnSpan value)
{
    g_string_truncate(writer->text, 0);
    append_clean(writer, value);

    DsnSpan text = dsn_span_trim((DsnSpan){writer->text->str, writer->text->len});
    if (text.len > 0)
        append_field(writer->part, name, text);
}

/* A pair of parentheses is a comment, so one that has no partner is quoted (RFC 3464 section 2.1.1,
 * rule DSN-04). */
static void
quote_lone_parentheses(GString *text)
{
    if (strpbrk(text->str, "()") == NULL)
        return;

    g_autoptr(GArray) open = g_array_new(FALSE, FALSE, sizeof(size_t));
    g_autofree bool *lone = g_new0(bool, text->len);
    for (size_t i = 0; i < text->len; i++) {
        if (text->str[i] == '\\') {
            i++; /* what follows is quoted as it is */
        } else if (text->str[i] == '(') {
            lone[i] = true;
            g_array_append_val(open, i);
        } else if (text->str[i] == ')' && open->len > 0) {
            lone[g_array_index(open, size_t, open->len - 1)] = false;
            g_array_set_size(open, open->len - 1);
        } else if (text->str[i] == ')') {
            lone[i] = true;
        }
    }

    g_autoptr(GString) quoted = g_string_sized_new(text->len + 16);
    for (size_t i = 0; i < text->len; i++) {
        if (lone[i])
            g_string_append_c(quoted, '\\');
        g_string_append_c(quoted, text->str[i]);
    }
    g_string_assign(text, quoted->str);
}

/* RFC 3464 section 2.1.2: a name of the DNS; a comment may follow (rule DSN-12). */
static bool
is_host(DsnSpan value)
{
    const char *comment = memmem(value.data, value.len, " (", 2);
    size_t len = comment == NULL ? value.len : (size_t)(comment - value.data);

    return dsn_address_is_domain((DsnSpan){value.data, len});
}

/* "type; name" of a host; nothing when there is no name. */
static bool
append_host(Writer *writer, const char *name, DsnTyped typed, GError **error)
{
    if (!dsn_span_present(typed.value))
        return true;
    if (!is_atom(typed.type))
        return refuse(name, "its type is no atom", error);
    g_string_truncate(writer->text, 0);
    g_string_append_len(writer->text, typed.type.data, (gssize)typed.type.len);
    g_string_append_len(writer->text, "; ", 2);

    size_t start = writer->text->len;
    append_clean(writer, typed.value);
    quote_lone_parentheses(writer->text);

    DsnSpan text = dsn_span_trim((DsnSpan){writer->text->str, writer->text->len});
    if (text.len < start)
        return refuse(name, "it has no value", error);
    if (dsn_span_is(typed.type, "dns") && !is_host(dsn_span_from(text, start)))
        return refuse(name, "it is no domain name", error);
    append_field(writer->part, name, text);
    return true;
}

/* An address with a quoted 'x' and a brace, which would be read as the notation for a character. */
static bool
looks_escaped(DsnSpan address)
{
    return memmem(address.data, address.len, "\\x{", strlen("\\x{")) != NULL &&
           dsn_address_is_mailbox(address);
}

/* An address is copied as it is (rule RCPT-05), but for controls; one that is not ASCII has the
 * type utf-8 and, in the 7-bit form, the notation for it (RFC 6533 section 3, rules I18N-04,
 * I18N-06). Of that type one that is no address is copied too, but only the global form can hold
 * it (rule I18N-07). */
static bool
append_address(Writer *writer, const char *name, DsnTyped typed, GError **error)
{
    bool final = strcmp(name, "Final-Recipient") == 0;
    g_autoptr(GString) address = g_string_sized_new(typed.value.len);
    GString *text = writer->text;

    if (!is_atom(typed.type))
        return refuse(name, "its type is no atom", error);
    for (size_t i = 0; i < typed.value.len; i++)
        if ((unsigned char)typed.value.data[i] >= ' ' && typed.value.data[i] != 0x7f)
            g_string_append_c(address, typed.value.data[i]);

    DsnSpan clean = dsn_span_trim((DsnSpan){address->str, address->len});
    bool utf8 = dsn_span_is(typed.type, "utf-8");
    if (final && !utf8 && !dsn_span_is(typed.type, "rfc822"))
        return refuse(name, "its type is neither rfc822 nor utf-8", error); /* rule RCPT-04 */
    if (!dsn_text_is_ascii(clean)) {
        if (!utf8)
            return refuse(name, "an address that is not ASCII has the type utf-8", error);
        if (!g_utf8_validate_len(clean.data, clean.len, NULL))
            return refuse(name, "it is not UTF-8", error);
    }
    if (utf8 && !writer->global && !dsn_address_is_mailbox(clean))
        return refuse(name, "it is no address that the 7-bit form can hold", error);
    g_string_truncate(text, 0);
    g_string_append_len(text, typed.type.data, (gssize)typed.type.len);
    g_string_append_len(text, "; ", 2);
    if (utf8 && (!writer->global || looks_escaped(clean)))
        dsn_utf8_address_encode_xtext(clean, text);
    else
        g_string_append_len(text, clean.data, (gssize)clean.len);
    if (clean.len == 0)
        return refuse(name, "it has no value", error);
    if (text->len > WORD_MAX)
        return refuse(name, "it is too long", error);
    append_field(writer->part, name, (DsnSpan){text->str, text->len});
    return true;
}

static bool
append_date(Writer *writer, const char *name, int64_t date, GError **error)
{
    char buffer[DSN_DATE_MAX];

    if (date == DSN_TIME_NONE)
        return true;
    if (date < DSN_TIME_MIN || date > DSN_TIME_MAX)
        return refuse(name, "it is no date", error);
    append_field(writer->part, name, dsn_span(dsn_date_to_rfc5322(date, buffer)));
    return true;
}

/* Appends a line of a reply to the line of @part that begins at @start. Of its code and the text
 * behind that neither stands on a line alone. */
static void
append_reply_line(GString *part, size_t start, DsnSpan line)
{
    size_t code = is_reply_line(line) ? strlen("550 ") : 0;
    size_t word = find_word_end(line, code, true);

    if (part->len > start && part->len - start + 1 + word > LINE_WANTED) {
        g_string_append_len(part, "\r\n", 2);
        start = part->len;
    }
    g_string_append_c(part, ' ');
    g_string_append_len(part, line.data, (gssize)code);
    append_folded(part, part->len - start, dsn_span_from(line, code), true);
    g_string_append_len(part, "\r\n", 2);
}

/* Each line of a reply after the first stands on a line of its own behind one space (RFC 3461
 * section 9.2, rule RCPT-17). */
static bool
append_diagnostic(Writer *writer, DsnTyped diagnostic, GError **error)
{
    static const char name[] = "Diagnostic-Code";
    g_autoptr(GString) text = g_string_new(NULL);
    DsnLines lines = DSN_LINES(diagnostic.value);

    if (!dsn_span_present(diagnostic.value))
        return true;
    if (!is_atom(diagnostic.type))
        return refuse(name, "its type is no atom", error);
    for (DsnSpan line; dsn_lines_next(&lines, &line);) {
        g_string_truncate(writer->text, 0);
        append_clean(writer, line);

        DsnSpan clean = dsn_span_trim((DsnSpan){writer->text->str, writer->text->len});
        if (clean.len > 0 && text->len > 0)
            g_string_append_c(text, '\n');
        g_string_append_len(text, clean.data, (gssize)clean.len);
    }
    if (text->len == 0)
        return refuse(name, "it has no value", error);
    quote_lone_parentheses(text);

    size_t start = writer->part->len;
    g_string_append(writer->part, name);
    g_string_append_len(writer->part, ": ", 2);
    g_string_append_len(writer->part, diagnostic.type.data, (gssize)diagnostic.type.len);
    g_string_append_c(writer->part, ';');
    lines = DSN_LINES(((DsnSpan){text->str, text->len}));
    for (DsnSpan line; dsn_lines_next(&lines, &line); start = writer->part->len)
        append_reply_line(writer->part, start, line);
    return true;
}

static bool
is_localized(const DsnField *field)
{
    return dsn_span_present(field->name) && dsn_span_is(field->name, LOCALIZED);
}

/* True if one of the first @count of @extensions says the same thing in the language @tag. */
static bool
is_said_in(const GArray *extensions, guint count, DsnSpan tag)
{
    for (guint i = 0; i < count; i++) {
        const DsnField *field = &g_array_index(extensions, DsnField, i);
        DsnSpan other = dsn_typed_parse(field->value).type;

        if (is_localized(field) && dsn_span_same(other, tag))
            return true;
    }
    return false;
}

/* What the diagnostic code says, in other languages: each once, directly behind it (RFC 6533
 * section 4.1, rule I18N-11). The 7-bit form does not have these fields. */
static bool
append_localized(Writer *writer, const GArray *extensions, GError **error)
{
    for (guint i = 0; writer->global && i < extensions->len; i++) {
        const DsnField *field = &g_array_index(extensions, DsnField, i);
        DsnTyped typed;

        if (!is_localized(field))
            continue;
        typed = dsn_typed_parse(field->value);
        if (!is_atom(typed.type) || typed.value.len == 0)
            return refuse(LOCALIZED, "it is no language tag and text", error);
        if (is_said_in(extensions, i, typed.type))
            return refuse(LOCALIZED, "a language stands twice", error);
        append_text(writer, LOCALIZED, field->value);
    }
    return true;
}

static bool
append_extensions(Writer *writer, const GArray *extensions, GError **error)
{
    for (guint i = 0; i < extensions->len; i++) {
        const DsnField *field = &g_array_index(extensions, DsnField, i);
        g_autofree char *name = dsn_span_dup(field->name);

        if (is_localized(field))
            continue; /* it has its place */
        if (!is_atom(field->name) || !dsn_span_starts(field->name, "X-"))
            return refuse(name == NULL ? "" : name, "no extension field of ours", error);
        append_text(writer, name, field->value);
    }
    return true;
}

/* RFC 3464 section 2.2, in the order of its grammar (rule DSN-02). There is never a DSN-Gateway,
 * since nothing is translated from another kind of mail (rule DSN-11). */
static bool
append_per_message(Writer *writer, const DsnPerMessage *message, GError **error)
{
    if (!dsn_span_present(message->reporting_mta.value))
        return refuse("Reporting-MTA", "it is required", error);
    append_text(writer, "Original-Envelope-Id", message->original_envelope_id);
    return append_host(writer, "Reporting-MTA", message->reporting_mta, error) &&
           append_host(writer, "Received-From-MTA", message->received_from_mta, error) &&
           append_date(writer, "Arrival-Date", message->arrival_date, error) &&
           append_extensions(writer, message->extensions, error);
}

/* True for one comment and nothing else (RFC 5322 section 3.2.2). */
static bool
is_comment(DsnSpan text)
{
    size_t depth = 0;

    if (text.len == 0 || text.data[0] != '(')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\\')
            i++;
        else if (text.data[i] == '(')
            depth++;
        else if (text.data[i] == ')' && --depth == 0)
            return i + 1 == text.len;
    }
    return false;
}

/* The code, and in a comment what else is to be said (rules RCPT-09, RCPT-10). */
static void
append_status(Writer *writer, DsnStatusCode status, DsnSpan comment)
{
    g_autoptr(GString) text = g_string_new(NULL);
    char code[DSN_STATUS_CODE_MAX];

    g_string_append(text, dsn_status_code_to_string(status, code));
    g_string_truncate(writer->text, 0);
    append_clean(writer, comment);

    DsnSpan clean = dsn_span_trim((DsnSpan){writer->text->str, writer->text->len});
    if (is_comment(clean)) {
        g_string_append_c(text, ' ');
        g_string_append_len(text, clean.data, (gssize)clean.len);
    } else if (clean.len > 0) {
        g_string_append(text, " (");
        for (size_t i = 0; i < clean.len; i++) {
            if (strchr("()\\", clean.data[i]) != NULL)
                g_string_append_c(text, '\\');
            g_string_append_c(text, clean.data[i]);
        }
        g_string_append_c(text, ')');
    }
    append_field(writer->part, "Status", (DsnSpan){text->str, text->len});
}

/* RFC 3463 section 2 (rule STAT-01). */
static bool
is_status(DsnStatusCode status)
{
    return (status.class_ == 2 || status.class_ == 4 || status.class_ == 5) &&
           status.subject <= 999 && status.detail <= 999;
}

/* RFC 3464 section 2.3, in the order of its grammar (rule RCPT-01). */
static bool
append_per_recipient(Writer *writer, const DsnPerRecipient *recipient, GError **error)
{
    if (!dsn_span_present(recipient->final_recipient.value))
        return refuse("Final-Recipient", "it is required", error);
    if (recipient->action == DSN_ACTION_NONE)
        return refuse("Action", "it is required", error);
    if (!is_status(recipient->status))
        return refuse("Status", "it is no status code", error);
    if (dsn_span_present(recipient->original_recipient.value) &&
        !append_address(writer, "Original-Recipient", recipient->original_recipient, error))
        return false;
    if (!append_address(writer, "Final-Recipient", recipient->final_recipient, error))
        return false;
    append_field(writer->part, "Action", dsn_span(dsn_action_to_string(recipient->action)));
    append_status(writer, recipient->status, recipient->status_comment);
    if (!append_host(writer, "Remote-MTA", recipient->remote_mta, error) ||
        !append_diagnostic(writer, recipient->diagnostic_code, error) ||
        !append_localized(writer, recipient->extensions, error) ||
        !append_date(writer, "Last-Attempt-Date", recipient->last_attempt_date, error))
        return false;
    append_text(writer, "Final-Log-ID", recipient->final_log_id);
    /* rule RCPT-22 */
    if (recipient->action == DSN_ACTION_DELAYED &&
        !append_date(writer, "Will-Retry-Until", recipient->will_retry_until, error))
        return false;
    return append_extensions(writer, recipient->extensions, error);
}

bool
dsn_delivery_status_build(const DsnReport *report, GString *ret_part, GError **error)
{
    g_autoptr(GString) utf8 = g_string_new(NULL);
    g_autoptr(GString) text = g_string_new(NULL);
    Writer writer = {.part = ret_part, .global = report->global, .utf8 = utf8, .text = text};
    size_t start = ret_part->len;
    bool done = append_per_message(&writer, &report->per_message, error);

    if (done && report->per_recipient->len == 0)
        done = refuse("Final-Recipient", "it is required", error);
    for (guint i = 0; done && i < report->per_recipient->len; i++) {
        g_string_append_len(ret_part, "\r\n", 2);
        done = append_per_recipient(
            &writer, &g_array_index(report->per_recipient, DsnPerRecipient, i), error);
    }
    if (!done)
        g_string_truncate(ret_part, start);
    return done;
}
