/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/transfer.h"

enum {
    ENCODED_LINE_MAX = 76, /* RFC 2045 sections 6.7 (5) and 6.8 */
    BASE64_LINE_BYTES = ENCODED_LINE_MAX / 4 * 3,
    READABLE_SHARE = 2 /* with half of the octets escaped nobody reads quoted-printable */
};

/* The word at the start of @value, behind white space and comments (RFC 2045 section 6.1). */
static DsnSpan
find_word(DsnSpan value)
{
    size_t start = 0;
    size_t nesting = 0;

    for (; start < value.len; start++) {
        char c = value.data[start];

        if (c == '(')
            nesting++;
        else if (c == ')' && nesting > 0)
            nesting--;
        else if (nesting == 0 && !dsn_is_space(c))
            break;
    }

    size_t end = start;
    while (end < value.len && !dsn_is_space(value.data[end]) && value.data[end] != '(' &&
           value.data[end] != ';')
        end++;
    return (DsnSpan){value.data + start, end - start};
}

DsnTransfer
dsn_transfer_parse(DsnSpan value)
{
    static const struct {
        const char *name;
        DsnTransfer transfer;
    } names[] = {
        {"", DSN_TRANSFER_IDENTITY},
        {"7bit", DSN_TRANSFER_IDENTITY},
        {"8bit", DSN_TRANSFER_IDENTITY},
        {"binary", DSN_TRANSFER_IDENTITY},
        {"quoted-printable", DSN_TRANSFER_QUOTED_PRINTABLE},
        {"base64", DSN_TRANSFER_BASE64},
    };

    if (!dsn_span_present(value))
        return DSN_TRANSFER_IDENTITY;

    DsnSpan word = find_word(value);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (dsn_span_is(word, names[i].name))
            return names[i].transfer;
    }
    return DSN_TRANSFER_UNKNOWN;
}

/* True for base64 that deviates nowhere: the alphabet and white space only, groups of four, padding
 * at the end. */
static bool
is_clean_base64(DsnSpan encoded)
{
    size_t digits = 0;
    size_t pads = 0;
    bool clean = true;

    for (size_t i = 0; i < encoded.len; i++) {
        char c = encoded.data[i];

        if (g_ascii_isalnum(c) || c == '+' || c == '/') {
            digits++;
            clean &= pads == 0;
        } else if (c == '=') {
            pads++;
        } else {
            clean &= dsn_is_space(c);
        }
    }
    return clean && pads <= 2 && (digits + pads) % 4 == 0;
}

/* GLib decodes what stands between the padding. The padding is ours: missing, it must not cost the
 * last bytes, and in excess it must not add any. */
static bool
decode_base64(DsnSpan encoded, GString *bytes)
{
    bool clean = is_clean_base64(encoded);
    size_t before = bytes->len;

    g_string_set_size(bytes, before + (encoded.len / 4 + 1) * 3);
    guchar *to = (guchar *)bytes->str + before;
    while (encoded.len > 0) {
        const char *pad = memchr(encoded.data, '=', encoded.len);
        size_t len = pad == NULL ? encoded.len : (size_t)(pad - encoded.data);
        int state = 0;
        guint save = 0;

        to += g_base64_decode_step(encoded.data, len, to, &state, &save);
        if (state >= 2) /* two digits make one byte, three make two */
            to += g_base64_decode_step("==", 4 - (size_t)state, to, &state, &save);
        encoded = dsn_span_from(encoded, pad == NULL ? len : len + 1);
    }
    g_string_truncate(bytes, (gsize)(to - (guchar *)bytes->str));
    return clean;
}

/* Decodes the "=XX" of @line; a '=' that starts none stays (RFC 2045 section 6.7, note (1)). */
static bool
decode_quoted_line(DsnSpan line, GString *bytes)
{
    const char *equals;
    bool clean = true;

    while (line.len > 0 && (equals = memchr(line.data, '=', line.len)) != NULL) {
        size_t at = (size_t)(equals - line.data);
        int high = line.len - at > 2 ? g_ascii_xdigit_value(equals[1]) : -1;
        int low = high >= 0 ? g_ascii_xdigit_value(equals[2]) : -1;

        g_string_append_len(bytes, line.data, (gssize)at);
        g_string_append_c(bytes, low >= 0 ? (char)(high << 4 | low) : '=');
        clean &= low >= 0;
        line = dsn_span_from(line, at + (low >= 0 ? 3 : 1));
    }
    g_string_append_len(bytes, line.data, (gssize)line.len);
    return clean;
}

/* GMime keeps white space at the end of a line, which transport added and RFC 2045 section 6.7 (3)
 * wants gone, and does not tell a fault. */
static bool
decode_quoted_printable(DsnSpan encoded, GString *bytes)
{
    bool clean = true;

    while (encoded.len > 0) {
        const char *newline = memchr(encoded.data, '\n', encoded.len);
        size_t next = newline == NULL ? encoded.len : (size_t)(newline - encoded.data) + 1;
        size_t end = newline == NULL ? next : next - 1;
        if (newline != NULL && end > 0 && encoded.data[end - 1] == '\r')
            end--;

        size_t len = end;
        while (len > 0 && (encoded.data[len - 1] == ' ' || encoded.data[len - 1] == '\t'))
            len--;
        bool soft = len > 0 && encoded.data[len - 1] == '=';
        clean &= decode_quoted_line((DsnSpan){encoded.data, soft ? len - 1 : len}, bytes);
        if (!soft)
            g_string_append_len(bytes, encoded.data + end, (gssize)(next - end));
        encoded = dsn_span_from(encoded, next);
    }
    return clean;
}

bool
dsn_transfer_decode(DsnSpan encoded, DsnTransfer transfer, const DsnLimits *limits,
                    GString *ret_bytes)
{
    size_t before = ret_bytes->len;
    bool clean = true;

    switch (transfer) {
    case DSN_TRANSFER_QUOTED_PRINTABLE:
        clean = decode_quoted_printable(encoded, ret_bytes);
        break;
    case DSN_TRANSFER_BASE64:
        clean = decode_base64(encoded, ret_bytes);
        break;
    case DSN_TRANSFER_IDENTITY:
    case DSN_TRANSFER_UNKNOWN:
        g_string_append_len(ret_bytes, encoded.data, (gssize)encoded.len);
        break;
    }

    /* Decoding never makes more of it, so that cutting afterwards does. */
    if (ret_bytes->len - before <= limits->decoded)
        return clean;
    g_string_truncate(ret_bytes, before + limits->decoded);
    return false;
}

/* True for a byte that stands for itself anywhere in a line (RFC 2045 section 6.7 (2)). */
static bool
is_literal(char c)
{
    return c > ' ' && c < 0x7f && c != '=';
}

static void
encode_quoted_line(DsnSpan line, GString *encoded)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t column = 0;

    for (size_t i = 0; i < line.len; i++) {
        char c = line.data[i];
        bool last = i + 1 == line.len;
        bool dashes =
            c == '-' && !last && line.data[i + 1] == '-' && column + 1 > ENCODED_LINE_MAX - 1;
        bool literal = (is_literal(c) && !dashes) || (!last && (c == ' ' || c == '\t'));
        size_t width = literal ? 1 : 3;

        /* One column is for the '=' of a soft break, unless the line ends here. */
        if (column + width > ENCODED_LINE_MAX - (last ? 0 : 1)) {
            g_string_append(encoded, "=\r\n");
            column = 0;
        }
        if (literal) {
            g_string_append_c(encoded, c);
        } else {
            const char escape[] = {'=', digits[(guchar)c >> 4], digits[(guchar)c & 0xf]};
            g_string_append_len(encoded, escape, sizeof escape);
        }
        column += width;
    }
}

void
dsn_transfer_encode_quoted_printable(DsnSpan text, GString *ret_encoded)
{
    while (text.len > 0) {
        const char *line_end = memmem(text.data, text.len, "\r\n", 2);
        size_t len = line_end == NULL ? text.len : (size_t)(line_end - text.data);

        encode_quoted_line((DsnSpan){text.data, len}, ret_encoded);
        if (line_end == NULL)
            return;
        g_string_append(ret_encoded, "\r\n");
        text = dsn_span_from(text, len + 2);
    }
}

const char *
dsn_transfer_to_string(DsnTransfer transfer)
{
    switch (transfer) {
    case DSN_TRANSFER_QUOTED_PRINTABLE:
        return "quoted-printable";
    case DSN_TRANSFER_BASE64:
        return "base64";
    case DSN_TRANSFER_IDENTITY:
    case DSN_TRANSFER_UNKNOWN:
        break;
    }
    return "7bit";
}

DsnTransfer
dsn_transfer_choose(DsnSpan text)
{
    size_t escaped = 0;

    for (size_t i = 0; i < text.len; i++)
        escaped += !is_literal(text.data[i]) && !dsn_is_space(text.data[i]);
    return escaped > text.len / READABLE_SHARE ? DSN_TRANSFER_BASE64
                                               : DSN_TRANSFER_QUOTED_PRINTABLE;
}

void
dsn_transfer_encode(DsnSpan text, DsnTransfer transfer, GString *ret_encoded)
{
    if (transfer == DSN_TRANSFER_QUOTED_PRINTABLE)
        dsn_transfer_encode_quoted_printable(text, ret_encoded);
    else if (transfer == DSN_TRANSFER_BASE64)
        dsn_transfer_encode_base64(text, ret_encoded);
    else
        g_string_append_len(ret_encoded, text.data, (gssize)text.len);
}

void
dsn_transfer_encode_base64(DsnSpan bytes, GString *ret_encoded)
{
    while (bytes.len > 0) {
        size_t len = MIN(bytes.len, (size_t)BASE64_LINE_BYTES);
        char line[ENCODED_LINE_MAX + 8]; /* g_base64_encode_step() may need some more */
        int state = 0;
        int save = 0;

        size_t written =
            g_base64_encode_step((const guchar *)bytes.data, len, FALSE, line, &state, &save);
        written += g_base64_encode_close(FALSE, line + written, &state, &save);
        g_string_append_len(ret_encoded, line, (gssize)written);
        g_string_append(ret_encoded, "\r\n");
        bytes = dsn_span_from(bytes, len);
    }
}
