/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines, transfer encodings, and texts. */
#include "config.h"

#include "mime/linter.h"

#include "mime/address.h"

#define LINE_MAX_OCTETS 998
#define LINE_WANTED 78
#define ENCODED_LINE_MAX 76

void
dsn_lint_lines(DsnLinter *linter, DsnSpan message)
{
    const char *at = message.data, *end = message.data + message.len;
    bool bare = false, lengthy = false;
    bool local =
        linter->stored && message.len > 0 && memmem(message.data, message.len, "\r\n", 2) == NULL;

    const char *nul = message.len == 0 ? NULL : memchr(message.data, '\0', message.len);
    if (nul != NULL)
        dsn_linter_must(linter, "SEC-01", "there is a NUL", (DsnSpan){nul, 1});
    while (at < end) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        const char *stop = feed == NULL ? end : feed;
        bool crlf = feed > at && feed[-1] == '\r';
        DsnSpan line = {at, (size_t)(stop - at) - (crlf ? 1 : 0)};

        if (!bare && ((feed != NULL && !crlf && !local) ||
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

/* The length in UTF-8 of the first @count characters of @line, or its whole length. */
static size_t
front(DsnSpan line, size_t count)
{
    for (size_t i = 0; i < line.len; i++)
        if (((unsigned char)line.data[i] & 0xc0) != 0x80 && count-- == 0)
            return i;
    return line.len;
}

/* Where a line can be folded: at no space that a backslash quotes. Readers of replies make one
 * space of more, and take what begins with a code for the next line of one. */
static bool
is_fold(DsnSpan line, size_t at)
{
    DsnSpan next = dsn_span_from(line, at + 1);

    return line.data[at] == ' ' && line.data[at - 1] != ' ' && line.data[at - 1] != '\\' &&
           next.data[0] != ' ' &&
           !(next.len >= 4 && g_ascii_isdigit(next.data[0]) && g_ascii_isdigit(next.data[1]) &&
             g_ascii_isdigit(next.data[2]) && (next.data[3] == '-' || next.data[3] == ' '));
}

/* A line is too long if it could have been folded in time: at a space behind the first @fixed ones,
 * which stand where nobody folds, as behind the name of a field. */
void
dsn_lint_width(DsnLinter *linter, DsnSpan text, unsigned fixed)
{
    while (text.len > 0) {
        const char *feed = memchr(text.data, '\n', text.len);
        size_t next = feed == NULL ? text.len : (size_t)(feed - text.data) + 1;
        DsnSpan line = dsn_span_trim((DsnSpan){text.data, next});
        size_t width = line.len > LINE_WANTED ? front(line, LINE_WANTED) : line.len;
        unsigned spaces = 0;

        for (size_t i = 1; width < line.len && i < width; i++)
            spaces += is_fold(line, i);
        if (spaces > fixed) {
            dsn_linter_should(linter, "MIME-23", "a line has more than 78 characters", line);
            return;
        }
        text = dsn_span_from(text, next);
    }
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

DsnSpan
dsn_lint_encoding_of(const DsnPart *part)
{
    DsnSpan value = dsn_header_find(part->header, "Content-Transfer-Encoding");

    return dsn_span_present(value) ? dsn_span_trim(value) : DSN_SPAN_LITERAL("7bit");
}

bool
dsn_lint_leaf(DsnLinter *linter, const DsnPart *part)
{
    DsnSpan encoding = dsn_lint_encoding_of(part);
    bool eight_bit = !dsn_text_is_ascii(part->body);
    bool status = dsn_content_type_is(&part->type, "message", "delivery-status");
    DsnHeaderField field;

    if (part->parent >= 0) /* the message's own header is for lint-header.c */
        for (DsnSpan rest = part->header; dsn_header_next(&rest, &field);)
            dsn_lint_encoded_words(linter, &field);
    if (part->parent >= 0 && !dsn_text_is_ascii(part->header))
        dsn_linter_must(linter, "I18N-14", "the header of a part is not ASCII",
                        dsn_lint_shown(part));
    if (status &&
        (eight_bit || !dsn_span_is(encoding, "7bit") || dsn_span_present(part->type.charset)))
        dsn_linter_must(linter, "MIME-14", "the fields are not plain 7bit without a charset",
                        dsn_lint_shown(part));
    else if (dsn_content_type_is(&part->type, "message", "feedback-report") &&
             (eight_bit || !dsn_span_is(encoding, "7bit")))
        dsn_linter_must(linter, "ARF-21", "the fields are not plain 7bit", dsn_lint_shown(part));
    else if (part->transfer == DSN_TRANSFER_UNKNOWN)
        dsn_linter_must(linter, "MIME-12", "the transfer encoding is not known", encoding);
    else if (eight_bit && dsn_span_is(encoding, "7bit"))
        dsn_linter_must(linter, "MIME-12", "8-bit octets in a 7bit part", dsn_lint_shown(part));
    if (dsn_content_type_is(&part->type, "message", "rfc822"))
        return eight_bit; /* it has no encoding, rule MIME-11 */
    if (part->transfer == DSN_TRANSFER_QUOTED_PRINTABLE && !is_quoted_printable(part->body))
        dsn_linter_must(linter, "MIME-25", "the part is not proper quoted-printable",
                        dsn_lint_shown(part));
    if (part->transfer == DSN_TRANSFER_BASE64 && !is_base64(part->body))
        dsn_linter_must(linter, "MIME-26", "the part is not proper base64", dsn_lint_shown(part));
    if (dsn_span_starts(part->type.subtype, "global") && dsn_span_present(part->type.charset) &&
        dsn_content_type_is(&part->type, "message", NULL))
        dsn_linter_must(linter, "I18N-09", "a global part has no charset", part->type.charset);
    return eight_bit;
}

DsnSpan
dsn_lint_decode(DsnLinter *linter, const DsnPart *part, GString *buffer)
{
    if (part->transfer == DSN_TRANSFER_IDENTITY || part->transfer == DSN_TRANSFER_UNKNOWN)
        return part->body;
    g_string_truncate(buffer, 0);
    if (!dsn_transfer_decode(part->body, part->transfer, linter->limits, buffer))
        return DSN_SPAN_ABSENT;
    linter->decoded = (DsnSpan){buffer->str, buffer->len};
    linter->decoded_from = dsn_lint_shown(part);
    return linter->decoded;
}

void
dsn_lint_text(DsnLinter *linter, const DsnPart *part, GString *buffer)
{
    DsnSpan text = dsn_lint_decode(linter, part, buffer);
    DsnSpan charset = part->type.charset;
    const char *word;
    size_t len;

    if (part->transfer == DSN_TRANSFER_IDENTITY)
        dsn_lint_width(linter, text, 1);
    if (linter->word == NULL && (len = dsn_lint_find_encoded_word(text, &word)) > 0)
        linter->word = g_strndup(word, len);
    if (dsn_text_is_ascii(text)) /* an absent one too */
        return;
    if (!dsn_span_present(charset) || dsn_span_is(charset, "us-ascii"))
        dsn_linter_should(linter, "MIME-31", "the text is not in its charset",
                          dsn_lint_shown(part));
    else if (dsn_span_is(charset, "utf-8") && dsn_span_present(dsn_lint_not_utf8(text)))
        dsn_linter_should(linter, "MIME-31", "the text is not UTF-8", dsn_lint_shown(part));
}
