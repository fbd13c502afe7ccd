/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/json-writer.h"

#include "filter/core/json-string.h"

/* Text goes out in pieces, so that room for the longest escape of every byte can be set aside at
 * once and nothing has to be checked inside. */
#define PIECE 4096
#define ESCAPE_MAX (sizeof("\\u00ff") - 1)
#define SLACK 32 /* a whole word, and the rest of a character across the end of a piece */

#define REPLACEMENT "\xef\xbf\xbd"

typedef enum TextMode {
    TEXT_AS_IS,
    TEXT_MESSAGE /* CRLF becomes a line feed, and what is not UTF-8 ends the text */
} TextMode;

/* Returns the end of @json, behind which there is room for @room bytes: a line is many short
 * pieces, and GLib's own ways to append one cost more than the piece. */
static inline char *
make_room(GString *json, size_t room)
{
    size_t len = json->len;

    if (json->allocated_len - len <= room) {
        g_string_set_size(json, len + room);
        json->len = len;
    }
    return json->str + len;
}

/* What was written into the room ends at @end. */
static inline void
end_at(GString *json, char *end)
{
    *end = '\0';
    json->len = (size_t)(end - json->str);
}

static inline void
put_bytes(GString *json, const char *bytes, size_t len)
{
    char *out = make_room(json, len);

    memcpy(out, bytes, len);
    end_at(json, out + len);
}

static inline bool
is_comma_due(const GString *json)
{
    char last = json->len == 0 ? '[' : json->str[json->len - 1];

    return last != '{' && last != '[' && last != '\n';
}

void
dsn_json_next(GString *json)
{
    if (is_comma_due(json))
        g_string_append_c(json, ',');
}

void
dsn_json_key(GString *json, const char *key)
{
    size_t len = strlen(key);
    char *out = make_room(json, len + strlen(",\"\":"));

    if (is_comma_due(json))
        *out++ = ',';
    *out++ = '"';
    memcpy(out, key, len);
    out += len;
    *out++ = '"';
    *out++ = ':';
    end_at(json, out);
}

static inline char *
put_escape(char *out, uint8_t c)
{
    static const char letters[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't',
    };
    static const char digits[] = "0123456789abcdef";

    *out++ = '\\';
    if (c >= 0x20) {
        *out++ = (char)c;
    } else if (letters[c] != '\0') {
        *out++ = letters[c];
    } else {
        memcpy(out, "u00", 3);
        out[3] = digits[c >> 4];
        out[4] = digits[c & 0xf];
        out += 5;
    }
    return out;
}

/* Bytes that start a character and those that may follow them (Unicode 15, table 3-7). */
static inline void
second_byte_range(uint8_t first, uint8_t *ret_low, uint8_t *ret_high)
{
    *ret_low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    *ret_high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
}

/* Length of the character at @text, whose first byte is not ASCII. When it is none, *@ret_bad is
 * set and the result is the length of the maximal subpart, which one U+FFFD stands for. */
static inline size_t
character_length(const uint8_t *text, const uint8_t *end, bool *ret_bad)
{
    size_t left = (size_t)(end - text);
    size_t want = text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
    uint8_t low, high;

    *ret_bad = true;
    if (text[0] < 0xc2 || text[0] > 0xf4 || left < 2)
        return 1;
    second_byte_range(text[0], &low, &high);
    if (text[1] < low || text[1] > high)
        return 1;
    for (size_t i = 2; i < want; i++)
        if (i >= left || (text[i] & 0xc0) != 0x80)
            return i;
    *ret_bad = false;
    return want;
}

typedef struct Writer {
    const uint8_t *in;
    const uint8_t *piece_end; /* where no further character is begun */
    const uint8_t *end;
    char *out;
    bool replaced; /* something was not UTF-8 */
} Writer;

static inline void
put_character(Writer *writer)
{
    bool bad;
    size_t length = character_length(writer->in, writer->end, &bad);

    if (bad) {
        memcpy(writer->out, REPLACEMENT, 3);
        writer->out += 3;
        writer->replaced = true;
    } else {
        memcpy(writer->out, writer->in, length);
        writer->out += length;
    }
    writer->in += length;
}

/* The clean bytes from @writer->in on, a word at a time as far as there are whole ones. */
static inline void
put_clean(Writer *writer)
{
    const uint8_t *in = writer->in;
    char *out = writer->out;

    while (in + sizeof(uint64_t) <= writer->piece_end) {
        unsigned clean = dsn_json_clean_bytes(in);
        memcpy(out, in, sizeof(uint64_t)); /* what is too much is written over */
        in += clean;
        out += clean;
        if (clean < sizeof(uint64_t)) {
            writer->in = in;
            writer->out = out;
            return;
        }
    }
    while (in < writer->piece_end && dsn_json_is_clean(*in))
        *out++ = (char)*in++;
    writer->in = in;
    writer->out = out;
}

static void
put_piece(Writer *writer, TextMode mode)
{
    while (writer->in < writer->piece_end) {
        put_clean(writer);
        if (writer->in == writer->piece_end)
            return;

        uint8_t c = *writer->in;
        if (c >= 0x80) {
            do
                put_character(writer); /* seldom alone */
            while (writer->in < writer->piece_end && *writer->in >= 0x80);
            if (writer->replaced && mode == TEXT_MESSAGE)
                return;
        } else {
            writer->in++;
            if (mode == TEXT_AS_IS || c != '\r' || writer->in == writer->end || *writer->in != '\n')
                writer->out = put_escape(writer->out, c);
        }
    }
}

/* Writes a string whose opening quote is there. Returns false if something was not UTF-8; in
 * TEXT_MESSAGE the string is then not finished. */
static bool
write_rest(GString *json, DsnSpan text, TextMode mode)
{
    Writer writer = {
        .in = (const uint8_t *)text.data,
        .end = (const uint8_t *)text.data + text.len,
    };

    while (writer.in < writer.end && !(writer.replaced && mode == TEXT_MESSAGE)) {
        size_t piece = MIN((size_t)(writer.end - writer.in), PIECE);

        writer.piece_end = writer.in + piece;
        writer.out = make_room(json, piece * ESCAPE_MAX + SLACK);
        put_piece(&writer, mode);
        end_at(json, writer.out);
    }
    g_string_append_c(json, '"');
    return !writer.replaced;
}

bool
dsn_json_string(GString *json, DsnSpan text)
{
    if (!dsn_span_present(text)) {
        dsn_json_null(json);
        return true;
    }
    g_string_append_c(json, '"');
    return write_rest(json, text, TEXT_AS_IS);
}

bool
dsn_json_prefixed(GString *json, const char *prefix, DsnSpan text)
{
    size_t len = strlen(prefix);
    char *out = make_room(json, len + 1);

    *out = '"';
    memcpy(out + 1, prefix, len);
    end_at(json, out + len + 1);
    return write_rest(json, text, TEXT_AS_IS);
}

void
dsn_json_word(GString *json, const char *key, const char *word)
{
    dsn_json_key(json, key);
    if (word == NULL) {
        dsn_json_null(json);
        return;
    }
    size_t len = strlen(word);
    char *out = make_room(json, len + strlen("\"\""));

    *out = '"';
    memcpy(out + 1, word, len);
    out[len + 1] = '"';
    end_at(json, out + len + 2);
}

static void
write_byte_numbers(GString *json, DsnSpan text)
{
    g_string_append_c(json, '[');
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\r' && i + 1 < text.len && text.data[i + 1] == '\n')
            continue;
        dsn_json_next(json);
        dsn_json_int(json, (uint8_t)text.data[i]);
    }
    g_string_append_c(json, ']');
}

void
dsn_json_message_text(GString *json, DsnSpan text)
{
    size_t start = json->len;

    if (!dsn_span_present(text)) {
        dsn_json_null(json);
        return;
    }
    g_string_append_c(json, '"');
    if (!write_rest(json, text, TEXT_MESSAGE)) {
        g_string_truncate(json, start);
        write_byte_numbers(json, text);
    }
}

void
dsn_json_int(GString *json, int64_t number)
{
    char digits[sizeof("-9223372036854775808")];
    char *first = digits + sizeof(digits);
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;

    do
        *--first = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (number < 0)
        *--first = '-';
    put_bytes(json, first, (size_t)(digits + sizeof(digits) - first));
}

void
dsn_json_bool(GString *json, bool truth)
{
    put_bytes(json, truth ? "true" : "false", truth ? 4 : 5);
}

void
dsn_json_null(GString *json)
{
    put_bytes(json, "null", 4);
}

/* The shortest digits that read back as @number; jansson would write 0.1 as 0.10000000000000001.
 * 15 digits are exact whenever so few are enough (DBL_DIG), 17 always are. */
static void
write_real(GString *json, double number)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    for (int digits = 15; digits <= 17; digits++) {
        char format[] = "%.15g";
        format[3] = (char)('0' + digits % 10);
        g_ascii_formatd(text, sizeof(text), format, number);
        if (g_ascii_strtod(text, NULL) == number)
            break;
    }

    /* "1e+20" is 1e20 and "1e-07" 1e-7; a whole number stays a real: 1.0. */
    char *exponent = strchr(text, 'e');
    g_string_append_len(json, text, exponent == NULL ? -1 : exponent - text);
    if (exponent != NULL) {
        g_string_append_c(json, 'e');
        dsn_json_int(json, g_ascii_strtoll(exponent + 1, NULL, 10));
    } else if (strchr(text, '.') == NULL) {
        g_string_append_len(json, ".0", 2);
    }
}

static void
write_object(GString *json, const json_t *object)
{
    const char *key;
    size_t key_length;
    json_t *value;

    g_string_append_c(json, '{');
    json_object_keylen_foreach((json_t *)object, key, key_length, value)
    {
        dsn_json_next(json);
        (void)dsn_json_string(json, (DsnSpan){key, key_length}); /* jansson holds only UTF-8 */
        g_string_append_c(json, ':');
        dsn_json_tree(json, value);
    }
    g_string_append_c(json, '}');
}

/* Recurses as deep as the tree goes; jansson reads no more than 2,048 levels. */
void
dsn_json_tree(GString *json, const json_t *tree)
{
    switch (json_typeof(tree)) {
    case JSON_OBJECT:
        write_object(json, tree);
        break;
    case JSON_ARRAY:
        g_string_append_c(json, '[');
        for (size_t i = 0; i < json_array_size(tree); i++) {
            dsn_json_next(json);
            dsn_json_tree(json, json_array_get(tree, i));
        }
        g_string_append_c(json, ']');
        break;
    case JSON_STRING:
        (void)dsn_json_string(json, (DsnSpan){json_string_value(tree), json_string_length(tree)});
        break;
    case JSON_INTEGER:
        dsn_json_int(json, json_integer_value(tree));
        break;
    case JSON_REAL:
        write_real(json, json_real_value(tree));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        dsn_json_bool(json, json_is_true(tree));
        break;
    case JSON_NULL:
        dsn_json_null(json);
        break;
    }
}
