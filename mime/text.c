/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/text.h"

#include "mime/address.h"

#include <gmime/gmime.h>
#include <stdint.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define ELLIPSIS "..."
#define LINE_MAX_COLUMNS 76 /* RFC 2047 section 2, of a line that holds an encoded word */
#define WORD_MAX_COLUMNS 75 /* the same, of the encoded word */
#define NAME_MAX_COLUMNS 40 /* of the header names that we write */
#define WORD_START_B "=?utf-8?b?"
#define WORD_START_Q "=?utf-8?q?"
#define WORD_END "?="

static bool
is_control(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f;
}

/* The length of the character at @text, which is not ASCII; where it is ill-formed, that of its
 * maximal subpart (Unicode 15, section 3.9, table 3-7). */
static size_t
measure_character(DsnSpan text, bool *ret_good)
{
    const unsigned char *octets = (const unsigned char *)text.data;
    unsigned char first = octets[0], low = 0x80, high = 0xbf;
    size_t need = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    size_t at = 1;

    if (first == 0xe0)
        low = 0xa0; /* below it is overlong */
    else if (first == 0xed)
        high = 0x9f; /* above it are surrogates */
    else if (first == 0xf0)
        low = 0x90; /* below it is overlong */
    else if (first == 0xf4)
        high = 0x8f; /* above it there is nothing */

    for (; at < need && at < text.len && octets[at] >= low && octets[at] <= high; at++) {
        low = 0x80;
        high = 0xbf;
    }
    *ret_good = at == need;
    return at;
}

bool
dsn_text_append_utf8(DsnSpan text, GString *ret_text)
{
    size_t from = 0; /* what stands before it is appended */
    bool all_good = true;

    for (size_t at = 0; at < text.len;) {
        bool good = true;

        if ((unsigned char)text.data[at] < 0x80) {
            at += dsn_span_ascii_prefix(dsn_span_from(text, at));
            continue;
        }
        size_t len = measure_character(dsn_span_from(text, at), &good);
        if (!good) {
            g_string_append_len(ret_text, text.data + from, (gssize)(at - from));
            g_string_append_len(ret_text, REPLACEMENT, strlen(REPLACEMENT));
            from = at + len;
            all_good = false;
        }
        at += len;
    }
    if (from < text.len)
        g_string_append_len(ret_text, text.data + from, (gssize)(text.len - from));
    return all_good;
}

/* True for U+0080 to U+009F at @at. */
static bool
is_c1_control(DsnSpan text, size_t at)
{
    return text.data[at] == '\xc2' && at + 1 < text.len && (unsigned char)text.data[at + 1] < 0xa0;
}

/* Shortens what was appended behind @before to @max bytes, dots included. */
static void
cut_line(gsize before, size_t max, GString *ret_text)
{
    size_t dots = max >= strlen(ELLIPSIS) ? strlen(ELLIPSIS) : 0;
    gsize keep = before + max - dots;

    while (keep > before && ((unsigned char)ret_text->str[keep] & 0xc0) == 0x80)
        keep--;
    g_string_truncate(ret_text, keep);
    g_string_append_len(ret_text, ELLIPSIS, (gssize)dots);
}

void
dsn_text_append_line(DsnSpan text, size_t max, GString *ret_text)
{
    gsize before = ret_text->len;
    bool space = false;

    for (size_t at = 0; at < text.len && ret_text->len - before <= max;) {
        size_t start = at;
        bool good = true;

        if (text.data[at] == ' ' || is_control(text.data[at]) || is_c1_control(text, at)) {
            at += text.data[at] == '\xc2' ? 2 : 1;
            space = ret_text->len > before;
            continue;
        }
        if (g_ascii_isgraph(text.data[at])) {
            size_t room = MIN(max, text.len) + 1; /* no need to copy what is cut again */
            while (at < text.len && g_ascii_isgraph(text.data[at]) && at - start < room)
                at++;
        } else {
            at += measure_character(dsn_span_from(text, at), &good);
        }
        if (space)
            g_string_append_c(ret_text, ' ');
        space = false;
        if (good)
            g_string_append_len(ret_text, text.data + start, (gssize)(at - start));
        else
            g_string_append(ret_text, REPLACEMENT);
    }
    if (ret_text->len - before > max)
        cut_line(before, max, ret_text);
}

/* The octets of ISO 8859-1 that are no controls, and Microsoft's characters between them. */
static void
append_windows_1252(DsnSpan text, GString *ret_text)
{
    static const uint16_t upper[32] = {
        0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
        0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd, 0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
        0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178,
    };

    for (size_t at = 0; at < text.len; at++) {
        unsigned char c = (unsigned char)text.data[at];
        g_string_append_unichar(ret_text, c >= 0x80 && c < 0xa0 ? upper[c - 0x80] : c);
    }
}

/* Appends @text, which is valid UTF-8, without line folds; each control that is left, other than a
 * tab, becomes a space. */
static void
append_unfolded(DsnSpan text, GString *ret_text)
{
    for (size_t at = 0; at < text.len;) {
        size_t start = at;
        while (at < text.len && (!is_control(text.data[at]) || text.data[at] == '\t') &&
               !is_c1_control(text, at))
            at++;
        g_string_append_len(ret_text, text.data + start, (gssize)(at - start));
        if (at == text.len)
            break;

        size_t end = at;
        while (end < text.len && (text.data[end] == '\r' || text.data[end] == '\n'))
            end++;
        if (end > at && end < text.len && (text.data[end] == ' ' || text.data[end] == '\t')) {
            at = end;
            continue;
        }
        g_string_append_c(ret_text, ' ');
        at += text.data[at] == '\xc2' ? 2 : 1;
    }
}

/* True for printable ASCII without encoded words, which is nearly every header. */
static bool
is_plain(DsnSpan value)
{
    bool odd = false;

    for (size_t i = 0; i < value.len; i++)
        odd |= (unsigned char)(value.data[i] - ' ') >= 0x7f - ' ' && value.data[i] != '\t';
    return !odd && memmem(value.data, value.len, "=?", 2) == NULL;
}

/* No more than @max bytes of @value, without a part of a UTF-8 character at the end. */
static DsnSpan
cap(DsnSpan value, size_t max)
{
    if (value.len <= max)
        return value;
    value.len = max;
    for (int i = 0; i < 3 && value.len > 0 && ((unsigned char)value.data[value.len] & 0xc0) == 0x80;
         i++)
        value.len--;
    return value;
}

/*
 * Decoding. GMime's decoder is not used: seen with 3.2.13, it drops what follows a padded base64
 * word in a row of words, and all that follows a NUL.
 */

/* "=?charset*language?encoding?text?=" */
typedef struct EncodedWord {
    DsnSpan charset;
    DsnSpan text;
    bool base64;
    size_t len; /* of the whole */
} EncodedWord;

static size_t
measure_charset(DsnSpan text)
{
    size_t at = 0;

    while (at < text.len &&
           (g_ascii_isalnum(text.data[at]) || text.data[at] == '-' || text.data[at] == '_' ||
            text.data[at] == '.' || text.data[at] == ':' || text.data[at] == '+'))
        at++;
    return at;
}

/* Reads the word at @text, which begins with "=?" and holds a "?=" somewhere. The encoded text ends
 * at the first "?=" and may hold spaces and '?', as broken encoders leave them (rule OOB-22). */
static bool
read_encoded_word(DsnSpan text, EncodedWord *ret_word)
{
    DsnSpan rest = dsn_span_from(text, 2);
    size_t charset = measure_charset(rest);
    size_t at = charset;

    if (at < rest.len && rest.data[at] == '*') /* RFC 2231 section 5 */
        at += 1 + measure_charset(dsn_span_from(rest, at + 1));
    if (charset == 0 || rest.len - at < strlen("?q?" WORD_END) || rest.data[at] != '?' ||
        rest.data[at + 2] != '?')
        return false;

    char encoding = g_ascii_tolower(rest.data[at + 1]);
    DsnSpan encoded = dsn_span_from(rest, at + 3);
    const char *end = memmem(encoded.data, encoded.len, WORD_END, strlen(WORD_END));
    if (end == NULL || (encoding != 'b' && encoding != 'q'))
        return false;
    encoded.len = (size_t)(end - encoded.data);
    *ret_word = (EncodedWord){.charset = {rest.data, charset},
                              .text = encoded,
                              .base64 = encoding == 'b',
                              .len = (size_t)(end + strlen(WORD_END) - text.data)};
    return true;
}

/* Missing padding is made up for; false if there is anything but base64. */
static bool
append_base64_decoded(DsnSpan text, GString *bytes)
{
    int state = 0;
    guint save = 0;
    gsize before = bytes->len;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (!g_ascii_isalnum(c) && c != '+' && c != '/' && c != '=' && c != ' ')
            return false;
    }
    while (text.len > 0 && (text.data[text.len - 1] == '=' || text.data[text.len - 1] == ' '))
        text.len--;
    g_string_set_size(bytes, before + text.len + 3);
    guchar *out = (guchar *)bytes->str + before;
    gsize len = g_base64_decode_step(text.data, text.len, out, &state, &save);
    if (state == 2 || state == 3) /* octets that wait for the rest of their quantum */
        len += g_base64_decode_step("==", (gsize)(4 - state), out + len, &state, &save);
    g_string_truncate(bytes, before + len);
    return true;
}

static void
append_q_decoded(DsnSpan text, GString *bytes)
{
    for (size_t at = 0; at < text.len; at++) {
        char c = text.data[at];

        if (c == '=' && text.len - at > 2 && g_ascii_isxdigit(text.data[at + 1]) &&
            g_ascii_isxdigit(text.data[at + 2])) {
            c = (char)(g_ascii_xdigit_value(text.data[at + 1]) << 4 |
                       g_ascii_xdigit_value(text.data[at + 2]));
            at += 2;
        } else if (c == '_') {
            c = ' ';
        }
        g_string_append_c(bytes, c);
    }
}

/* False if the word cannot be decoded. */
static bool
append_word_bytes(const EncodedWord *word, GString *bytes)
{
    if (word->base64)
        return append_base64_decoded(word->text, bytes);
    append_q_decoded(word->text, bytes);
    return true;
}

/* As UTF-8, else as windows-1252. */
static void
append_raw(DsnSpan text, GString *ret_text)
{
    gsize before = ret_text->len;

    if (!dsn_text_append_utf8(text, ret_text)) {
        g_string_truncate(ret_text, before);
        append_windows_1252(text, ret_text);
    }
}

void
dsn_text_append_charset(DsnSpan raw, DsnSpan charset, GString *ret_text)
{
    gsize read = 0, written = 0;

    if (dsn_span_present(charset) && dsn_span_is(charset, "utf-8")) {
        (void)dsn_text_append_utf8(raw, ret_text); /* U+FFFD says what was wrong */
        return;
    }
    if (charset.len == 0 || dsn_span_is(charset, "us-ascii") ||
        dsn_span_is(charset, "iso-8859-1")) {
        append_raw(raw, ret_text); /* what calls itself so is often windows-1252 */
        return;
    }
    g_autofree char *name =
        dsn_span_is(charset, "unicode-1-1-utf-7") ? g_strdup("utf-7") : dsn_span_dup(charset);
    g_autofree char *text = g_convert(raw.data, (gssize)raw.len, "UTF-8",
                                      g_mime_charset_iconv_name(name), &read, &written, NULL);
    if (text == NULL)
        append_raw(raw, ret_text);
    else
        (void)dsn_text_append_utf8((DsnSpan){text, written}, ret_text); /* it is valid */
}

/* Appends @text, which is valid UTF-8, with its encoded words decoded. The bytes of words in a row
 * are converted together: some encoders cut in the middle of a character. */
static void
append_words_decoded(DsnSpan text, GString *ret_text)
{
    g_autoptr(GString) row = g_string_new(NULL); /* bytes of the words that came last */
    g_autoptr(GString) bytes = g_string_new(NULL);
    DsnSpan charset = DSN_SPAN_ABSENT; /* of @row; absent as long as there is none */
    const char *last_end = g_strrstr_len(text.data, (gssize)text.len, WORD_END);
    const char *end = text.data + text.len;
    const char *from = text.data; /* what stands before it is done with */
    const char *at = text.data;

    while ((at = memmem(at, (size_t)(end - at), "=?", 2)) != NULL && at < last_end) {
        EncodedWord word;
        if (!read_encoded_word((DsnSpan){at, (size_t)(end - at)}, &word)) {
            at += 2;
            continue;
        }
        DsnSpan between = {from, (size_t)(at - from)};
        at += word.len;
        g_string_truncate(bytes, 0);
        if (!append_word_bytes(&word, bytes))
            continue;

        bool in_row = dsn_span_present(charset) && dsn_span_trim(between).len == 0;
        if (dsn_span_present(charset) && !(in_row && dsn_span_same(charset, word.charset))) {
            dsn_text_append_charset((DsnSpan){row->str, row->len}, charset, ret_text);
            g_string_truncate(row, 0);
        }
        if (!in_row)
            g_string_append_len(ret_text, between.data, (gssize)between.len);
        g_string_append_len(row, bytes->str, (gssize)bytes->len);
        charset = word.charset;
        from = at;
    }
    if (dsn_span_present(charset))
        dsn_text_append_charset((DsnSpan){row->str, row->len}, charset, ret_text);
    g_string_append_len(ret_text, from, end - from);
}

void
dsn_text_decode_header(DsnSpan value, const DsnLimits *limits, GString *ret_text)
{
    value = cap(dsn_span_trim(value), limits->encoded);
    if (value.len == 0)
        return;
    if (is_plain(value)) {
        g_string_append_len(ret_text, value.data, (gssize)value.len);
        return;
    }

    g_autoptr(GString) text = g_string_sized_new(value.len + 16);
    g_autoptr(GString) decoded = g_string_sized_new(value.len + 16);
    append_raw(value, text);
    append_unfolded((DsnSpan){text->str, text->len}, decoded);
    g_string_truncate(text, 0);
    append_words_decoded((DsnSpan){decoded->str, decoded->len}, text);
    append_unfolded((DsnSpan){text->str, text->len}, ret_text);
}

/*
 * Encoding. GMime's encoder is not used: seen with 3.2.13, it makes encoded words longer than 75
 * columns of text without spaces, and lets ASCII text pass that looks like an encoded word.
 */

/* A header field being written. */
typedef struct Writer {
    GString *header;
    size_t column; /* of the line that is being written */
    bool empty;    /* nothing stands behind the colon yet, so no fold there */
} Writer;

static Writer
begin_field(const char *name, GString *ret_header)
{
    g_assert(strlen(name) <= NAME_MAX_COLUMNS);
    g_string_append(ret_header, name);
    g_string_append_c(ret_header, ':');
    return (Writer){.header = ret_header, .column = strlen(name) + 1, .empty = true};
}

/* Columns that are left for a word behind a space, on this line. */
static size_t
room_left(const Writer *writer)
{
    return writer->column + 1 < LINE_MAX_COLUMNS ? LINE_MAX_COLUMNS - writer->column - 1 : 0;
}

/* Columns that a word may have, with a fold before it if need be. */
static size_t
room_for_word(const Writer *writer)
{
    return writer->empty ? room_left(writer) : LINE_MAX_COLUMNS - 1;
}

/* Appends a space, folded if @word does not fit, and @word. */
static void
put_word(Writer *writer, DsnSpan word)
{
    if (!writer->empty && word.len > room_left(writer)) {
        g_string_append(writer->header, "\r\n");
        writer->column = 0;
    }
    g_string_append_c(writer->header, ' ');
    g_string_append_len(writer->header, word.data, (gssize)word.len);
    writer->column += 1 + word.len;
    writer->empty = false;
}

/* May stand for itself in the "Q" encoding everywhere, phrases included (RFC 2047 section 5 (3)).
 */
static bool
is_q_safe(char c)
{
    return g_ascii_isalnum(c) || c == '!' || c == '*' || c == '+' || c == '-' || c == '/';
}

static size_t
q_columns(DsnSpan text)
{
    size_t columns = 0;

    for (size_t i = 0; i < text.len; i++)
        columns += is_q_safe(text.data[i]) || text.data[i] == ' ' ? 1 : 3;
    return columns;
}

static size_t
b_columns(size_t bytes)
{
    return (bytes + 2) / 3 * 4;
}

/* How many bytes of @text, whole characters (rule MIME-29), can be encoded in @room columns. */
static size_t
measure_chunk(DsnSpan text, size_t room, bool base64)
{
    size_t at = 0, columns = 0;

    while (at < text.len) {
        size_t len = (size_t)(g_utf8_next_char(text.data + at) - (text.data + at));
        columns += q_columns((DsnSpan){text.data + at, len});
        if ((base64 ? b_columns(at + len) : columns) > room)
            break;
        at += len;
    }
    return at;
}

static void
append_encoded_word(DsnSpan text, bool base64, GString *word)
{
    if (base64) {
        g_autofree char *encoded = g_base64_encode((const guchar *)text.data, text.len);
        g_string_append(word, WORD_START_B);
        g_string_append(word, encoded);
    } else {
        g_string_append(word, WORD_START_Q);
        for (size_t i = 0; i < text.len; i++) {
            if (is_q_safe(text.data[i]))
                g_string_append_c(word, text.data[i]);
            else if (text.data[i] == ' ')
                g_string_append_c(word, '_');
            else
                g_string_append_printf(word, "=%02X", (unsigned char)text.data[i]);
        }
    }
    g_string_append(word, WORD_END);
}

/* Appends @text as encoded words, "Q" or "B", whichever is shorter. */
static void
put_encoded(Writer *writer, DsnSpan text)
{
    const size_t frame = strlen(WORD_START_Q WORD_END);
    const size_t least = frame + strlen("=F0=9F=93=A7"); /* any one character */
    bool base64 = b_columns(text.len) < q_columns(text);
    g_autoptr(GString) word = g_string_sized_new(WORD_MAX_COLUMNS + 1);

    while (text.len > 0) {
        size_t room = room_left(writer) < least ? room_for_word(writer) : room_left(writer);
        size_t len = measure_chunk(text, MIN(room, WORD_MAX_COLUMNS) - frame, base64);

        g_string_truncate(word, 0);
        append_encoded_word((DsnSpan){text.data, len}, base64, word);
        put_word(writer, (DsnSpan){word->str, word->len});
        text = dsn_span_from(text, len);
    }
}

static bool
is_plain_word(DsnSpan word, size_t room)
{
    return word.len <= room && dsn_text_is_ascii(word) &&
           memmem(word.data, word.len, "=?", 2) == NULL;
}

/* The first word of @text, up to a space. */
static DsnSpan
first_word(DsnSpan text)
{
    const char *space = memchr(text.data, ' ', text.len);

    return space == NULL ? text : (DsnSpan){text.data, (size_t)(space - text.data)};
}

/* Words that can stand as they are do; all from the first to the last of those in a row that cannot
 * is encoded together, because a decoder drops the spaces between encoded words. @text is one clean
 * line. */
static void
put_unstructured(Writer *writer, DsnSpan text)
{
    while (text.len > 0) {
        DsnSpan word = first_word(text);
        size_t len = word.len;

        if (is_plain_word(word, room_for_word(writer))) {
            put_word(writer, word);
        } else {
            while (len < text.len) {
                DsnSpan next = first_word(dsn_span_from(text, len + 1));
                if (is_plain_word(next, LINE_MAX_COLUMNS - 1))
                    break;
                len += 1 + next.len;
            }
            put_encoded(writer, (DsnSpan){text.data, len});
        }
        text = dsn_span_from(text, MIN(len + 1, text.len));
    }
}

void
dsn_text_append_unstructured(const char *name, DsnSpan value, GString *ret_header)
{
    g_autoptr(GString) line = g_string_sized_new(value.len + 1);
    Writer writer = begin_field(name, ret_header);

    dsn_text_append_line(value, G_MAXSIZE, line);
    put_unstructured(&writer, (DsnSpan){line->str, line->len});
    g_string_append(ret_header, "\r\n");
}

/* An atom, or more than one with spaces between (RFC 5322 section 3.2.3). */
static bool
is_atoms(DsnSpan text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (!g_ascii_isalnum(c) && (c == '\0' || strchr(" !#$%&'*+-/=?^_`{|}~", c) == NULL))
            return false;
    }
    return true;
}

/* Appends a display name, one clean line: atoms or a quoted string if it is short ASCII, else
 * encoded words (RFC 5322 section 3.4, RFC 2047 section 5 (3)). */
static void
put_phrase(Writer *writer, DsnSpan display)
{
    g_autoptr(GString) phrase = g_string_sized_new(display.len + 2);

    if (!is_plain_word(display, room_left(writer))) {
        put_encoded(writer, display);
        return;
    }
    if (is_atoms(display)) {
        put_word(writer, display);
        return;
    }
    g_string_append_c(phrase, '"');
    for (size_t i = 0; i < display.len; i++) {
        if (display.data[i] == '"' || display.data[i] == '\\')
            g_string_append_c(phrase, '\\');
        g_string_append_c(phrase, display.data[i]);
    }
    g_string_append_c(phrase, '"');
    if (phrase->len <= room_left(writer))
        put_word(writer, (DsnSpan){phrase->str, phrase->len});
    else
        put_encoded(writer, display);
}

void
dsn_text_append_mailbox(const char *name, DsnSpan display, DsnSpan address, GString *ret_header)
{
    g_autoptr(GString) line = g_string_new(NULL);
    g_autoptr(GString) angle = g_string_sized_new(address.len + 2);
    Writer writer = begin_field(name, ret_header);

    g_assert(dsn_address_is_mailbox(address));
    dsn_text_append_line(display, G_MAXSIZE, line);
    if (line->len == 0) {
        put_word(&writer, address);
    } else {
        put_phrase(&writer, (DsnSpan){line->str, line->len});
        g_string_append_c(angle, '<');
        g_string_append_len(angle, address.data, (gssize)address.len);
        g_string_append_c(angle, '>');
        put_word(&writer, (DsnSpan){angle->str, angle->len});
    }
    g_string_append(ret_header, "\r\n");
}
