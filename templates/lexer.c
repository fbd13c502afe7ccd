/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/lexer.h"

#include "templates/number.h"

void
dsn_lexer_fail(const DsnLexer *lexer, DsnPlace place, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(lexer->error, DSN_TEMPLATE_ERROR, DSN_TEMPLATE_ERROR_SYNTAX, "%s:%u:%u: %s",
                lexer->name, place.line, place.column, text);
}

void
dsn_lexer_init(DsnLexer *lexer, DsnArena *arena, const char *name, DsnPlace first,
               const char *source, size_t length, bool expression, GError **error)
{
    *lexer = (DsnLexer){.arena = arena,
                        .name = name,
                        .at = source,
                        .end = source + length,
                        .counted = source,
                        .place = first,
                        .mode = expression ? DSN_LEXER_EXPRESSION : DSN_LEXER_TEXT,
                        .error = error};
}

/* The place of @to, which is never before the last one that was asked for. */
static DsnPlace
place_at(DsnLexer *lexer, const char *to)
{
    for (; lexer->counted < to; lexer->counted++) {
        if (*lexer->counted == '\n') {
            lexer->place.line++;
            lexer->place.column = 1;
        } else if (((unsigned char)*lexer->counted & 0xc0) != 0x80) {
            lexer->place.column++;
        }
    }
    return lexer->place;
}

static DsnToken
error_at(DsnLexer *lexer, const char *at, const char *message)
{
    DsnToken token = {.kind = DSN_TOKEN_ERROR, .place = place_at(lexer, at), .text = at};

    dsn_lexer_fail(lexer, token.place, "%s", message);
    return token;
}

static DsnToken
make_token(DsnLexer *lexer, DsnTokenKind kind, const char *start, const char *end)
{
    return (DsnToken){.kind = kind,
                      .place = place_at(lexer, start),
                      .text = start,
                      .size = (size_t)(end - start)};
}

static const char *
skip_space(const char *at, const char *end)
{
    while (at < end && g_ascii_isspace(*at))
        at++;
    return at;
}

static const char *
trim_end(const char *start, const char *end)
{
    while (end > start && g_ascii_isspace(end[-1]))
        end--;
    return end;
}

/* The next "{{", "{%" or "{#", or the end. */
static const char *
find_tag(const char *at, const char *end)
{
    while ((at = memchr(at, '{', (size_t)(end - at))) != NULL && at + 1 < end) {
        if (at[1] == '{' || at[1] == '%' || at[1] == '#')
            return at;
        at++;
    }
    return end;
}

/* Whether "{% @word %}" stands at @at; then *@ret_after is behind it. */
static bool
is_tag(const char *at, const char *end, const char *word, bool *ret_trim_before,
       bool *ret_trim_after, const char **ret_after)
{
    size_t size = strlen(word);

    if (end - at < 2 || at[0] != '{' || at[1] != '%')
        return false;
    at += 2;
    *ret_trim_before = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    at = skip_space(at, end);
    if ((size_t)(end - at) < size || memcmp(at, word, size) != 0)
        return false;
    at = skip_space(at + size, end);
    *ret_trim_after = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    if (end - at < 2 || at[0] != '%' || at[1] != '}')
        return false;
    *ret_after = at + 2;
    return true;
}

/* The text of a raw block that begins at @tag; @body is behind its first tag. */
static DsnToken
raw_token(DsnLexer *lexer, const char *tag, const char *body, bool trim_start)
{
    const char *at = body, *after;
    bool trim_before, trim_after;

    for (;; at++) {
        at = find_tag(at, lexer->end);
        if (at == lexer->end)
            return error_at(lexer, tag, "this raw block has no end");
        if (is_tag(at, lexer->end, "endraw", &trim_before, &trim_after, &after))
            break;
    }
    if (trim_start)
        body = skip_space(body, at);
    if (trim_before)
        at = trim_end(body, at);
    lexer->at = after;
    lexer->trim = trim_after;
    return make_token(lexer, DSN_TOKEN_DATA, body, at);
}

static const char *
skip_comment(DsnLexer *lexer, const char *tag)
{
    const char *close = memmem(tag + 2, (size_t)(lexer->end - tag) - 2, "#}", 2);

    if (close == NULL)
        return NULL;
    lexer->trim = close > tag + 2 && close[-1] == '-';
    return close + 2;
}

static DsnToken
next_in_text(DsnLexer *lexer)
{
    for (;;) {
        const char *start = lexer->trim ? skip_space(lexer->at, lexer->end) : lexer->at;
        const char *tag = find_tag(start, lexer->end), *stop = tag, *after;
        bool trim_before, trim_after;

        if (tag == lexer->end && start == tag)
            return make_token(lexer, DSN_TOKEN_END, start, start);
        if (tag + 2 < lexer->end && tag[2] == '-')
            stop = trim_end(start, tag);
        lexer->trim = false;
        lexer->at = tag;
        if (stop > start)
            return make_token(lexer, DSN_TOKEN_DATA, start, stop);
        if (tag[1] == '#') {
            lexer->at = skip_comment(lexer, tag);
            if (lexer->at == NULL)
                return error_at(lexer, tag, "this comment has no end");
            continue;
        }
        if (is_tag(tag, lexer->end, "raw", &trim_before, &trim_after, &after)) {
            DsnToken token = raw_token(lexer, tag, after, trim_after);
            if (token.kind == DSN_TOKEN_ERROR || token.size > 0)
                return token;
            continue;
        }
        lexer->at = tag + 2;
        if (lexer->at < lexer->end && (*lexer->at == '-' || *lexer->at == '+'))
            lexer->at++;
        lexer->mode = tag[1] == '{' ? DSN_LEXER_PRINT : DSN_LEXER_BLOCK;
        lexer->brackets = 0;
        lexer->after_dot = false;
        return make_token(lexer, tag[1] == '{' ? DSN_TOKEN_PRINT_BEGIN : DSN_TOKEN_BLOCK_BEGIN, tag,
                          lexer->at);
    }
}

/* The value of the @digits hexadecimal digits at @at, or -1. */
static int
hexadecimal(const char *at, const char *end, int digits)
{
    int value = 0;

    if (end - at < digits)
        return -1;
    for (; digits > 0; digits--) {
        int digit = g_ascii_xdigit_value(*at++);

        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* Reads \uXXXX, a pair of surrogates too; @at is behind the "u". 0 when it is none. */
static gunichar
read_unicode(const char **at, const char *end)
{
    int high = hexadecimal(*at, end, 4), low;

    if (high < 0)
        return 0;
    *at += 4;
    if (high < 0xd800 || high > 0xdfff)
        return (gunichar)high;
    if (high > 0xdbff || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
        return 0;
    low = hexadecimal(*at + 2, end, 4);
    if (low < 0xdc00 || low > 0xdfff)
        return 0;
    *at += 6;
    return 0x10000 + ((gunichar)(high - 0xd800) << 10) + (gunichar)(low - 0xdc00);
}

/* Undoes the escape at @*at, behind the backslash; appends to @to. False if it is a bad one. */
static bool
unescape(const char **at, const char *end, char **to)
{
    static const char letters[] = "ntrbf", values[] = "\n\t\r\b\f";
    char c = *(*at)++;
    const char *letter = c == '\0' ? NULL : strchr(letters, c);
    int value;
    gunichar character;

    if (letter != NULL) {
        *(*to)++ = values[letter - letters];
    } else if (c == '\\' || c == '"' || c == '\'' || c == '/') {
        *(*to)++ = c;
    } else if (c == 'u') {
        character = read_unicode(at, end);
        if (character == 0)
            return false;
        *to += g_unichar_to_utf8(character, *to);
    } else if (c == 'x') {
        value = hexadecimal(*at, end, 2);
        if (value < 0)
            return false;
        *at += 2;
        *to += g_unichar_to_utf8((gunichar)value, *to);
    } else if (c >= '0' && c <= '7') {
        value = c - '0';
        for (int i = 1; i < 3 && *at < end && **at >= '0' && **at <= '7'; i++)
            value = value << 3 | (*(*at)++ - '0');
        *to += g_unichar_to_utf8((gunichar)value, *to);
    } else {
        *(*to)++ = '\\';
        *(*to)++ = c;
    }
    return true;
}

static DsnToken
string_token(DsnLexer *lexer)
{
    const char *start = lexer->at, *at = start + 1;
    bool escaped = false;

    while (at < lexer->end && *at != *start) {
        if (*at == '\\') {
            escaped = true;
            at++;
        }
        at++;
    }
    if (at >= lexer->end)
        return error_at(lexer, start, "this string has no end");
    lexer->at = at + 1;

    DsnToken token = make_token(lexer, DSN_TOKEN_CONSTANT, start, lexer->at);
    token.constant = dsn_value_text(start + 1, (size_t)(at - start) - 1);
    if (escaped) {
        /* No escape is shorter than what it stands for. */
        char *text = dsn_arena_alloc(lexer->arena, token.size), *to = text;
        const char *end = at;

        at = start + 1;
        while (at < end) {
            const char *backslash = at;

            if (*at != '\\') {
                *to++ = *at++;
                continue;
            }
            at++;
            if (!unescape(&at, end, &to))
                return error_at(lexer, backslash, "bad escape in a string");
        }
        token.constant = dsn_value_text(text, (size_t)(to - text));
    }
    return token;
}

static const char *
skip_digits(const char *at, const char *end)
{
    while (at < end && (g_ascii_isdigit(*at) || *at == '_'))
        at++;
    return at;
}

/* The number at @at as a float; underscores are left out. */
static bool
read_float(const char *at, const char *end, double *ret)
{
    g_autoptr(GString) plain = g_string_sized_new((gsize)(end - at));

    for (; at < end; at++) {
        if (*at != '_')
            g_string_append_c(plain, *at);
    }
    return dsn_number_parse_float(plain->str, plain->len, ret);
}

static DsnToken
number_token(DsnLexer *lexer)
{
    const char *start = lexer->at, *digits = start, *at, *end = lexer->end;
    bool is_float = false, ok;
    unsigned base = 10;
    DsnInteger integer = 0;
    double real = 0;

    if (*start == '0' && start + 1 < end && !lexer->after_dot) {
        char c = g_ascii_tolower(start[1]);
        base = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 10;
    }
    if (base != 10) {
        digits = at = start + 2;
        while (at < end && (g_ascii_isxdigit(*at) || *at == '_'))
            at++;
    } else {
        at = skip_digits(start, end);
        if (!lexer->after_dot && at < end && *at == '.' &&
            !(at + 1 < end && (g_ascii_isalpha(at[1]) || at[1] == '_' || at[1] == '.'))) {
            is_float = true;
            at = skip_digits(at + 1, end);
        }
        if (!lexer->after_dot && at < end && (*at == 'e' || *at == 'E')) {
            is_float = true;
            at++;
            if (at < end && (*at == '+' || *at == '-'))
                at++;
            at = skip_digits(at, end);
        }
    }
    lexer->at = at;

    DsnToken token = make_token(lexer, DSN_TOKEN_CONSTANT, start, at);
    if (is_float) {
        ok = read_float(start, at, &real);
        token.constant = dsn_value_float(real);
    } else {
        ok = dsn_number_parse_integer(digits, (size_t)(at - digits), base, &integer);
        token.constant = dsn_number_from_integer(lexer->arena, integer);
    }
    return ok ? token : error_at(lexer, at, "this is no number, or one too large");
}

static DsnToken
sign_token(DsnLexer *lexer)
{
    static const char pairs[][2] = {{'*', '*'}, {'/', '/'}, {'=', '='},
                                    {'!', '='}, {'<', '='}, {'>', '='}};
    const char *start = lexer->at;

    lexer->at++;
    for (size_t i = 0; lexer->at < lexer->end && i < G_N_ELEMENTS(pairs); i++) {
        if (memcmp(start, pairs[i], 2) == 0) {
            lexer->at++;
            return make_token(lexer, DSN_TOKEN_SIGN, start, lexer->at);
        }
    }
    if (*start == '\0' || strchr("+-*/%~()[]{},.:|=<>", *start) == NULL)
        return error_at(lexer, start, "unexpected character");
    if (*start == '(' || *start == '[' || *start == '{')
        lexer->brackets++;
    else if ((*start == ')' || *start == ']' || *start == '}') && lexer->brackets > 0)
        lexer->brackets--;
    lexer->after_dot = *start == '.';
    return make_token(lexer, DSN_TOKEN_SIGN, start, lexer->at);
}

/* Whether the tag ends at @at, perhaps with a sign before; then *@ret_after is behind it. */
static bool
ends_tag(const DsnLexer *lexer, const char *at, const char **ret_after)
{
    char first = lexer->mode == DSN_LEXER_PRINT ? '}' : '%';

    if (lexer->mode == DSN_LEXER_EXPRESSION || lexer->brackets > 0)
        return false;
    if (*at == '-' || *at == '+')
        at++;
    if (lexer->end - at < 2 || at[0] != first || at[1] != '}')
        return false;
    *ret_after = at + 2;
    return true;
}

DsnToken
dsn_lexer_next(DsnLexer *lexer)
{
    const char *start, *after;

    if (lexer->mode == DSN_LEXER_TEXT)
        return next_in_text(lexer);
    start = lexer->at = skip_space(lexer->at, lexer->end);
    if (start == lexer->end)
        return make_token(lexer, DSN_TOKEN_END, start, start);
    if (ends_tag(lexer, start, &after)) {
        DsnTokenKind kind =
            lexer->mode == DSN_LEXER_PRINT ? DSN_TOKEN_PRINT_END : DSN_TOKEN_BLOCK_END;

        lexer->trim = *start == '-';
        lexer->mode = DSN_LEXER_TEXT;
        lexer->at = after;
        return make_token(lexer, kind, start, after);
    }
    if (g_ascii_isdigit(*start)) {
        DsnToken token = number_token(lexer);

        lexer->after_dot = false;
        return token;
    }
    if (*start == '\'' || *start == '"')
        return string_token(lexer);
    if (!g_ascii_isalpha(*start) && *start != '_')
        return sign_token(lexer);
    while (lexer->at < lexer->end && (g_ascii_isalnum(*lexer->at) || *lexer->at == '_'))
        lexer->at++;
    lexer->after_dot = false;
    return make_token(lexer, DSN_TOKEN_NAME, start, lexer->at);
}
