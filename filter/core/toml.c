/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/toml.h"

#include <errno.h>
#include <math.h>

G_DEFINE_QUARK(dsn_toml_error, dsn_toml_error)

#define DIGITS "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define BARE LETTERS DIGITS "-_"

/* How a table or an array came to be decides who may add to it later. */
typedef enum Origin {
    IMPLIED, /* a table on the way of a header: may be opened once */
    DOTTED,  /* a table made by dotted keys: the same section may add to it */
    OPENED,  /* [table], or the array of [[table]] */
    CLOSED   /* inline table or array: complete as written */
} Origin;

typedef struct Container {
    Origin origin;
    unsigned section;  /* of DOTTED */
    unsigned depth;    /* 0 is the document */
    GHashTable *lines; /* of a table: key -> line */
} Container;

struct DsnToml {
    json_t *tree;
    GHashTable *containers; /* json_t * -> Container * */
};

typedef struct Parser {
    DsnToml *toml;
    const char *file;
    const char *text;    /* ends in NUL, which stands nowhere else in it */
    const char *at;      /* what is read next */
    const char *counted; /* up to where lines are counted */
    unsigned line;       /* at @counted */
    unsigned items;
    unsigned sections; /* headers and inline tables so far */
    unsigned section;  /* the one whose keys are read */
    GError **error;
} Parser;

static void
container_free(gpointer data)
{
    Container *container = data;

    g_clear_pointer(&container->lines, g_hash_table_unref);
    g_free(container);
}

static Container *
container_of(const Parser *parser, const json_t *json)
{
    return g_hash_table_lookup(parser->toml->containers, json);
}

/* Sets the error for what stands at @at and returns NULL, which is false where a bool is due. */
G_GNUC_PRINTF(3, 4)
static void *
fail(const Parser *parser, const char *at, const char *format, ...)
{
    unsigned line = 1;
    const char *start = parser->text;
    va_list arguments;

    for (const char *end; (end = memchr(start, '\n', (size_t)(at - start))) != NULL; line++)
        start = end + 1;
    long column = g_utf8_strlen(start, at - start) + 1;
    va_start(arguments, format);
    g_autofree char *what = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(parser->error, DSN_TOML_ERROR, 0, "%s:%u:%ld: %s", parser->file, line, column,
                what);
    return NULL;
}

/* The same where @key of @table stands in the way. */
static void *
fail_key(const Parser *parser, const char *at, const json_t *table, const GString *key,
         const char *what)
{
    g_autoptr(GString) quoted = g_string_new(NULL);

    dsn_toml_quote(quoted, key->str);
    return fail(parser, at, "%s was given on line %u, %s", quoted->str,
                dsn_toml_line(parser->toml, table, key->str), what);
}

/* The line of @at, which never goes back: each byte is looked at once. */
static unsigned
line_of(Parser *parser, const char *at)
{
    for (const char *end; parser->counted < at; parser->counted = end + 1) {
        end = memchr(parser->counted, '\n', (size_t)(at - parser->counted));
        if (end == NULL)
            break;
        parser->line++;
    }
    return parser->line;
}

static bool
count_item(Parser *parser)
{
    if (++parser->items > DSN_TOML_MAX_ITEMS)
        return fail(parser, parser->at, "more than %d keys and values", DSN_TOML_MAX_ITEMS);
    return true;
}

/* Keeps the facts about @json, new in @parent; NULL and an error when it lies too deep. */
static Container *
keep(Parser *parser, const json_t *json, const json_t *parent, Origin origin)
{
    unsigned depth = parent == NULL ? 0 : container_of(parser, parent)->depth + 1;

    if (depth > DSN_TOML_MAX_DEPTH) {
        return fail(parser, parser->at, "more than %d tables and arrays inside one another",
                    DSN_TOML_MAX_DEPTH);
    }
    Container *container = g_new0(Container, 1);
    container->origin = origin;
    container->section = parser->section;
    container->depth = depth;
    g_hash_table_insert(parser->toml->containers, (gpointer)json, container);
    return container;
}

static bool
note_line(Parser *parser, const json_t *table, const GString *key, const char *at)
{
    Container *container = container_of(parser, table);

    if (container->lines == NULL)
        container->lines = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_hash_table_insert(container->lines, g_strdup(key->str),
                        GUINT_TO_POINTER(line_of(parser, at)));
    return count_item(parser);
}

/* Adds an empty @child (taken over) to @table. Returns it (transfer none), or NULL. */
static json_t *
add_child(Parser *parser, json_t *table, const GString *key, const char *at, json_t *child,
          Origin origin)
{
    if (!note_line(parser, table, key, at) || keep(parser, child, table, origin) == NULL) {
        json_decref(child);
        return NULL;
    }
    json_object_setn_new_nocheck(table, key->str, key->len, child);
    return child;
}

/* ---- white space, keys and strings ---- */

static void
skip_blanks(Parser *parser)
{
    parser->at += strspn(parser->at, " \t");
}

static void
skip_comment(Parser *parser)
{
    if (*parser->at == '#')
        parser->at += strcspn(parser->at, "\n");
}

static void
skip_lines(Parser *parser)
{
    for (;;) {
        parser->at += strspn(parser->at, " \t\n");
        if (*parser->at != '#')
            return;
        skip_comment(parser);
    }
}

/* \uXXXX and \UXXXXXXXX; @parser stands on the letter. */
static bool
read_code_point(Parser *parser, GString *text)
{
    const char *start = parser->at - 1;
    size_t count = *parser->at == 'u' ? 4 : 8;
    gunichar code = 0;

    parser->at++;
    for (size_t i = 0; i < count; i++, parser->at++) {
        if (!g_ascii_isxdigit(*parser->at))
            return fail(parser, start, "\\%c takes %zu hex digits", start[1], count);
        code = code << 4 | (gunichar)g_ascii_xdigit_value(*parser->at);
    }
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return fail(parser, start, "U+%04X is no Unicode character", code);
    g_string_append_unichar(text, code);
    return true;
}

/* A backslash at the end of a line swallows the white space up to the next text. */
static bool
skip_line_end(Parser *parser)
{
    const char *end = parser->at + strspn(parser->at, " \t");

    if (*end != '\n')
        return false;
    parser->at = end + strspn(end, " \t\n");
    return true;
}

static bool
read_escape(Parser *parser, GString *text, bool multiline)
{
    static const char letters[] = "btnfr\"\\", meanings[] = "\b\t\n\f\r\"\\";
    const char *start = parser->at++;
    char letter = *parser->at;
    const char *known = letter == '\0' ? NULL : strchr(letters, letter);

    if (known != NULL) {
        g_string_append_c(text, meanings[known - letters]);
        parser->at++;
        return true;
    }
    if (letter == 'u' || letter == 'U')
        return read_code_point(parser, text);
    if (multiline && skip_line_end(parser))
        return true;
    return fail(parser, start,
                "unknown escape: one of \\b \\t \\n \\f \\r \\\" \\\\ \\uXXXX "
                "\\UXXXXXXXX, or 'single quotes' where \\ is plain");
}

/* Any of the four kinds of string; @parser stands on the opening quote. */
static bool
read_string(Parser *parser, GString *text, bool multiline)
{
    const char *start = parser->at;
    char quote = *start;
    bool literal = quote == '\'';
    const char stops[] = {quote, literal ? quote : '\\', multiline ? quote : '\n', '\0'};

    parser->at += multiline ? 3 : 1;
    if (multiline && *parser->at == '\n')
        parser->at++;
    for (;;) {
        size_t clean = strcspn(parser->at, stops);

        g_string_append_len(text, parser->at, (gssize)clean);
        parser->at += clean;
        if (*parser->at == '\\' && !literal) {
            if (!read_escape(parser, text, multiline))
                return false;
        } else if (*parser->at != quote) {
            return fail(parser, start, "the string that begins here does not end%s",
                        multiline ? "" : " on its line");
        } else if (!multiline) {
            parser->at++;
            return true;
        } else {
            /* Up to two quotes may stand before the three that end it. */
            size_t run = MIN(strspn(parser->at, (char[]){quote, '\0'}), 5);

            g_string_append_len(text, parser->at, (gssize)(run < 3 ? run : run - 3));
            parser->at += run;
            if (run >= 3)
                return true;
        }
    }
}

static bool
read_key(Parser *parser, GString *key)
{
    g_string_truncate(key, 0);
    if (*parser->at == '"' || *parser->at == '\'')
        return read_string(parser, key, false);

    size_t len = strspn(parser->at, BARE);
    if (len == 0) {
        return fail(parser, parser->at,
                    "expected a key: letters, digits, - and _, or a string in quotes");
    }
    g_string_append_len(key, parser->at, (gssize)len);
    parser->at += len;
    return true;
}

/* ---- the way to a table ---- */

/* Goes from @table down to its member @key, which stood at @at; NULL and an error if it may not. */
typedef json_t *Descend(Parser *parser, json_t *table, const GString *key, const char *at);

static json_t *
descend_header(Parser *parser, json_t *table, const GString *key, const char *at)
{
    json_t *child = json_object_getn(table, key->str, key->len);

    if (child == NULL)
        return add_child(parser, table, key, at, json_object(), IMPLIED);
    if (!json_is_object(child) && !json_is_array(child))
        return fail_key(parser, at, table, key, "it is no table");
    if (container_of(parser, child)->origin == CLOSED)
        return fail_key(parser, at, table, key, "nothing can be added to it");
    return json_is_object(child) ? child : json_array_get(child, json_array_size(child) - 1);
}

static json_t *
descend_dotted(Parser *parser, json_t *table, const GString *key, const char *at)
{
    json_t *child = json_object_getn(table, key->str, key->len);

    if (child == NULL)
        return add_child(parser, table, key, at, json_object(), DOTTED);

    Container *container = json_is_object(child) ? container_of(parser, child) : NULL;
    if (container != NULL && container->origin == IMPLIED) {
        container->origin = DOTTED;
        container->section = parser->section;
    }
    if (container == NULL || container->origin != DOTTED || container->section != parser->section)
        return fail_key(parser, at, table, key, "a dotted key cannot add to it");
    return child;
}

/* Reads "a.b.c", goes down through all but the last key and leaves that in @key, its place in
 * *@ret_at. */
static json_t *
read_path(Parser *parser, json_t *table, Descend *descend, GString *key, const char **ret_at)
{
    for (;;) {
        *ret_at = parser->at;
        if (!read_key(parser, key))
            return NULL;
        skip_blanks(parser);
        if (*parser->at != '.')
            return table;
        parser->at++;
        skip_blanks(parser);
        table = descend(parser, table, key, *ret_at);
        if (table == NULL)
            return NULL;
    }
}

/* ---- values ---- */

static json_t *read_value(Parser *parser, const json_t *parent);

/* key = value, into @table or a table below it. */
static bool
read_pair(Parser *parser, json_t *table)
{
    g_autoptr(GString) key = g_string_new(NULL);
    const char *at;

    table = read_path(parser, table, descend_dotted, key, &at);
    if (table == NULL)
        return false;
    if (*parser->at != '=')
        return fail(parser, parser->at, "expected '=' after the key");
    if (json_object_getn(table, key->str, key->len) != NULL)
        return fail_key(parser, at, table, key, "it cannot be given again");
    if (!note_line(parser, table, key, at))
        return false;
    parser->at++;
    skip_blanks(parser);

    json_t *value = read_value(parser, table);
    if (value == NULL)
        return false;
    json_object_setn_new_nocheck(table, key->str, key->len, value);
    return true;
}

static json_t *
read_array(Parser *parser, const json_t *parent)
{
    json_auto_t *array = json_array();
    const char *start = parser->at++;

    if (keep(parser, array, parent, CLOSED) == NULL)
        return NULL;
    for (;;) {
        skip_lines(parser);
        if (*parser->at == ']')
            break;
        if (*parser->at == '\0')
            return fail(parser, start, "the array that begins here does not end");

        json_t *value = count_item(parser) ? read_value(parser, array) : NULL;
        if (value == NULL)
            return NULL;
        json_array_append_new(array, value);
        skip_lines(parser);
        if (*parser->at == ',')
            parser->at++;
        else if (*parser->at != ']' && *parser->at != '\0')
            return fail(parser, parser->at, "expected ',' or ']' in the array");
    }
    parser->at++;
    return json_incref(array);
}

static bool
read_inline_pairs(Parser *parser, json_t *table)
{
    const char *start = parser->at++;

    skip_blanks(parser);
    if (*parser->at == '}') {
        parser->at++;
        return true;
    }
    for (;;) {
        if (!read_pair(parser, table))
            return false;
        skip_blanks(parser);
        char next = *parser->at;
        if (next != '\0')
            parser->at++;
        if (next == '}')
            return true;
        if (next == '\0' || next == '\n' || next == '#')
            return fail(parser, start, "the inline table that begins here ends on another line");
        if (next != ',')
            return fail(parser, parser->at - 1, "expected ',' or '}' in the inline table");
        skip_blanks(parser);
        if (*parser->at == '}')
            return fail(parser, parser->at, "no ',' before the '}' of an inline table");
    }
}

static json_t *
read_inline_table(Parser *parser, const json_t *parent)
{
    json_auto_t *table = json_object();
    unsigned outer = parser->section;

    if (keep(parser, table, parent, CLOSED) == NULL)
        return NULL;
    parser->section = ++parser->sections;
    bool read = read_inline_pairs(parser, table);
    parser->section = outer;
    return read ? json_incref(table) : NULL;
}

/* The length of digits of @set with single underscores between them. */
static size_t
digits_length(const char *text, const char *set)
{
    size_t len = strspn(text, set);

    while (len > 0 && text[len] == '_') {
        size_t more = strspn(text + len + 1, set);
        if (more == 0)
            break;
        len += 1 + more;
    }
    return len;
}

/* The length of "1", "+1.5", "-1e10" at the start of @text, or 0; *@ret_float for the latter two.*/
static size_t
decimal_length(const char *text, bool *ret_float)
{
    size_t len = *text == '+' || *text == '-';
    size_t digits = text[len] == '0' ? 1 : digits_length(text + len, DIGITS);

    if (digits == 0)
        return 0;
    len += digits;
    *ret_float = text[len] == '.' || text[len] == 'e' || text[len] == 'E';
    if (text[len] == '.') {
        digits = digits_length(text + len + 1, DIGITS);
        if (digits == 0)
            return 0;
        len += 1 + digits;
    }
    if (text[len] == 'e' || text[len] == 'E') {
        size_t sign = text[len + 1] == '+' || text[len + 1] == '-';

        digits = digits_length(text + len + 1 + sign, DIGITS);
        if (digits == 0)
            return 0;
        len += 1 + sign + digits;
    }
    return len;
}

static bool
is_date_time(const char *text)
{
    size_t digits = strspn(text, DIGITS);

    return (digits == 4 && text[4] == '-') || (digits == 2 && text[2] == ':');
}

static json_t *
refuse_word(Parser *parser, const char *word)
{
    const char *number = word + (*word == '+' || *word == '-');

    if (is_date_time(word))
        return fail(parser, parser->at, "dates and times are not supported, write a string");
    if (strcmp(number, "inf") == 0 || strcmp(number, "nan") == 0)
        return fail(parser, parser->at, "\"%s\" is not supported, write a finite number", word);
    if (number[0] == '0' && g_ascii_isdigit(number[1]))
        return fail(parser, parser->at, "a number cannot begin with 0 (octal is 0o17)");
    if (strspn(word, LETTERS) > 0)
        return fail(parser, parser->at, "expected a value: text stands in \"quotes\"");
    return fail(parser, parser->at, "expected a value");
}

static json_t *
convert_number(Parser *parser, const char *digits, guint base, bool is_float)
{
    errno = 0;
    if (is_float) {
        double real = g_ascii_strtod(digits, NULL);

        if (!isfinite(real))
            return fail(parser, parser->at, "the number is out of range");
        return json_real(real);
    }
    gint64 integer = g_ascii_strtoll(digits, NULL, base);
    if (errno == ERANGE)
        return fail(parser, parser->at, "the integer does not fit into 64 bits");
    return json_integer(integer);
}

static json_t *
read_number(Parser *parser)
{
    static const struct {
        const char *prefix, *digits;
        guint base;
    } bases[] = {{"0x", DIGITS "ABCDEFabcdef", 16}, {"0o", "01234567", 8}, {"0b", "01", 2}};
    size_t len = strspn(parser->at, BARE "+.:");
    g_autofree char *word = g_strndup(parser->at, len);
    const char *digits = word;
    guint base = 10;
    bool is_float = false;
    size_t valid = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(bases); i++) {
        if (g_str_has_prefix(word, bases[i].prefix)) {
            base = bases[i].base;
            digits = word + 2;
            valid = digits_length(digits, bases[i].digits);
        }
    }
    if (base == 10)
        valid = decimal_length(word, &is_float);
    if (valid == 0 || digits[valid] != '\0')
        return refuse_word(parser, word);

    char *plain = word;
    for (const char *c = digits; *c != '\0'; c++) {
        if (*c != '_')
            *plain++ = *c;
    }
    *plain = '\0';
    json_t *number = convert_number(parser, word, base, is_float);
    parser->at += len;
    return number;
}

static json_t *
read_string_value(Parser *parser)
{
    g_autoptr(GString) text = g_string_new(NULL);
    bool multiline = parser->at[1] == parser->at[0] && parser->at[2] == parser->at[0];

    if (!read_string(parser, text, multiline))
        return NULL;
    return json_stringn_nocheck(text->str, text->len);
}

static json_t *
read_value(Parser *parser, const json_t *parent)
{
    switch (*parser->at) {
    case '"':
    case '\'':
        return read_string_value(parser);
    case '[':
        return read_array(parser, parent);
    case '{':
        return read_inline_table(parser, parent);
    case 't':
    case 'f': {
        size_t len = strspn(parser->at, BARE);
        bool truth = len == 4 && strncmp(parser->at, "true", 4) == 0;

        if (!truth && !(len == 5 && strncmp(parser->at, "false", 5) == 0))
            return read_number(parser);
        parser->at += len;
        return json_boolean(truth);
    }
    default:
        return read_number(parser);
    }
}

/* ---- headers ---- */

static json_t *
open_table(Parser *parser, json_t *parent, const GString *key, const char *at)
{
    json_t *table = json_object_getn(parent, key->str, key->len);

    if (table == NULL)
        return add_child(parser, parent, key, at, json_object(), OPENED);

    Container *container = json_is_object(table) ? container_of(parser, table) : NULL;
    if (container == NULL || container->origin != IMPLIED)
        return fail_key(parser, at, parent, key, "it cannot be given again");
    container->origin = OPENED;
    return note_line(parser, parent, key, at) ? table : NULL;
}

static json_t *
open_element(Parser *parser, json_t *parent, const GString *key, const char *at)
{
    json_t *array = json_object_getn(parent, key->str, key->len);

    if (array == NULL)
        array = add_child(parser, parent, key, at, json_array(), OPENED);
    else if (!json_is_array(array) || container_of(parser, array)->origin == CLOSED)
        return fail_key(parser, at, parent, key, "it is no array of tables");
    if (array == NULL || !count_item(parser))
        return NULL;

    json_auto_t *table = json_object();
    if (keep(parser, table, array, OPENED) == NULL)
        return NULL;
    json_array_append(array, table);
    return table;
}

/* [table] or [[array of tables]]; returns the table that now is open (transfer none). */
static json_t *
read_header(Parser *parser)
{
    g_autoptr(GString) key = g_string_new(NULL);
    const char *end = parser->at[1] == '[' ? "]]" : "]";
    const char *at;

    parser->section = ++parser->sections;
    parser->at += strlen(end);
    skip_blanks(parser);
    json_t *parent = read_path(parser, parser->toml->tree, descend_header, key, &at);
    if (parent == NULL)
        return NULL;
    if (!g_str_has_prefix(parser->at, end))
        return fail(parser, parser->at, "expected '%s' after the name of the table", end);
    parser->at += strlen(end);
    return end[1] == '\0' ? open_table(parser, parent, key, at)
                          : open_element(parser, parent, key, at);
}

static bool
read_document(Parser *parser)
{
    json_t *table = parser->toml->tree;

    for (;;) {
        skip_lines(parser);
        if (*parser->at == '\0')
            return true;
        if (*parser->at == '[') {
            table = read_header(parser);
            if (table == NULL)
                return false;
        } else if (!read_pair(parser, table)) {
            return false;
        }
        skip_blanks(parser);
        skip_comment(parser);
        if (*parser->at != '\n' && *parser->at != '\0')
            return fail(parser, parser->at, "expected the end of the line");
    }
}

/* ---- bytes ---- */

/* Copies @text with line feeds for CRLF, or fails: everything that TOML allows nowhere is refused
 * here, so that what comes after needs not look for it. */
static GString *
clean(Parser *parser, DsnSpan text)
{
    const char *valid;
    bool utf8 = g_utf8_validate_len(text.data, text.len, &valid);
    g_autoptr(GString) copy = g_string_sized_new(text.len + 1);
    const char *start = text.data;

    if (dsn_span_starts(text, "\xef\xbb\xbf")) {
        return fail(parser, text.data,
                    "the file begins with a byte order mark (U+FEFF), save it without");
    }
    for (const char *c = text.data; c < valid; c++) {
        if (((unsigned char)*c >= ' ' && *c != '\x7f') || *c == '\t' || *c == '\n')
            continue;
        if (*c != '\r' || c + 1 == valid || c[1] != '\n')
            return fail(parser, c, "control character U+%04X, write \"\\u%04X\"", *c, *c);
        g_string_append_len(copy, start, c - start);
        start = c + 1;
    }
    if (!utf8 && *valid == '\0')
        return fail(parser, valid, "control character U+0000, write \"\\u0000\"");
    if (!utf8)
        return fail(parser, valid, "not UTF-8: byte 0x%02X", (unsigned char)*valid);
    g_string_append_len(copy, start, valid - start);
    return g_steal_pointer(&copy);
}

DsnToml *
dsn_toml_parse(const char *file, DsnSpan text, GError **error)
{
    g_autoptr(DsnToml) toml = g_new0(DsnToml, 1);
    Parser parser = {.toml = toml, .file = file, .text = text.data, .line = 1, .error = error};

    toml->tree = json_object();
    toml->containers = g_hash_table_new_full(NULL, NULL, NULL, container_free);
    if (text.len > DSN_TOML_MAX_BYTES) {
        g_set_error(error, DSN_TOML_ERROR, 0, "%s: larger than %zu bytes", file,
                    DSN_TOML_MAX_BYTES);
        return NULL;
    }
    g_autoptr(GString) copy = clean(&parser, text);
    if (copy == NULL)
        return NULL;
    parser.text = parser.at = parser.counted = copy->str;
    keep(&parser, toml->tree, NULL, OPENED);
    return read_document(&parser) ? g_steal_pointer(&toml) : NULL;
}

void
dsn_toml_free(DsnToml *toml)
{
    if (toml == NULL)
        return;
    json_decref(toml->tree);
    g_clear_pointer(&toml->containers, g_hash_table_unref);
    g_free(toml);
}

json_t *
dsn_toml_tree(const DsnToml *toml)
{
    return toml->tree;
}

unsigned
dsn_toml_line(const DsnToml *toml, const json_t *table, const char *key)
{
    const Container *container = g_hash_table_lookup(toml->containers, table);

    if (container == NULL || container->lines == NULL)
        return 0;
    return GPOINTER_TO_UINT(g_hash_table_lookup(container->lines, key));
}

/* ---- writing ---- */

void
dsn_toml_write_string(GString *toml, const char *text)
{
    g_string_append_c(toml, '"');
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            g_string_append_c(toml, '\\');
        if (*c == '\n')
            g_string_append(toml, "\\n");
        else if ((unsigned char)*c < ' ' || *c == '\x7f')
            g_string_append_printf(toml, "\\u%04X", *c);
        else
            g_string_append_c(toml, *c);
    }
    g_string_append_c(toml, '"');
}

void
dsn_toml_quote(GString *message, const char *text)
{
    size_t len = strlen(text);

    if (len > DSN_TOML_QUOTED)
        len = (size_t)(g_utf8_find_prev_char(text, text + DSN_TOML_QUOTED) - text);
    g_autofree char *start = g_strndup(text, len);
    dsn_toml_write_string(message, start);
    if (text[len] != '\0')
        g_string_append(message, "...");
}

void
dsn_toml_write_key(GString *toml, const char *key)
{
    size_t bare = strspn(key, BARE);

    if (bare > 0 && key[bare] == '\0')
        g_string_append(toml, key);
    else
        dsn_toml_write_string(toml, key);
}
