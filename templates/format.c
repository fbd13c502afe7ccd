/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/format.h"

#include "templates/number.h"
#include "templates/print.h"
#include "templates/text.h"

#include <math.h>

#define PRECISION_MAX 100

/* How one value is to be laid out. */
typedef struct Layout {
    const char *fill; /* one character, what there is room for is filled with it */
    char align;       /* '<', '>', '^' */
    char sign;        /* '+', ' ', or '-': only the minus sign */
    bool prefix;      /* 0x, 0o, 0b */
    bool zeros;       /* between sign and digits */
    bool grouped;     /* 1,000,000 */
    bool braces;      /* by the rules of str.format() */
    size_t width;
    int precision; /* -1: none was given */
    char type;     /* 0: none was given */
} Layout;

static bool
fail_type(DsnRun *run, const Layout *layout, DsnValue value)
{
    return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "%s cannot be formatted as \"%c\"",
                        dsn_value_kind_name(value), layout->type);
}

static void
write_fill(DsnRun *run, const char *fill, size_t n)
{
    for (; n > 0 && dsn_run_may_go_on(run); n--)
        dsn_run_write(run, fill, dsn_text_step(fill));
}

static void
write_aligned(DsnRun *run, const Layout *layout, DsnValue text)
{
    size_t length = layout->width == 0 ? 0 : dsn_text_length(text.text, text.size);
    size_t room = layout->width > length ? layout->width - length : 0;
    size_t before = layout->align == '<' ? 0 : layout->align == '^' ? room / 2 : room;

    write_fill(run, layout->fill, before);
    dsn_run_write(run, text.text, text.size);
    write_fill(run, layout->fill, room - before);
}

/* Appends sign, prefix and digits, with zeros or filling as @layout says. */
static void
write_number(DsnRun *run, const Layout *layout, bool negative, const char *prefix,
             const char *digits)
{
    g_autoptr(GString) text = g_string_new(NULL);
    size_t length = strlen(digits) + strlen(prefix) + (negative || layout->sign != '-');

    if (negative)
        g_string_append_c(text, '-');
    else if (layout->sign != '-')
        g_string_append_c(text, layout->sign);
    g_string_append(text, prefix);
    if (!layout->zeros) {
        g_string_append(text, digits);
        write_aligned(run, layout, dsn_value_text(text->str, text->len));
        return;
    }
    dsn_run_write(run, text->str, text->len);
    write_fill(run, "0", layout->width > length ? layout->width - length : 0);
    dsn_run_write_text(run, digits);
}

/* Puts commas between the groups of three digits before the point. */
static void
group_digits(GString *digits)
{
    const char *point = strpbrk(digits->str, ".e");
    gssize at = point == NULL ? (gssize)digits->len : point - digits->str;

    for (at -= 3; at > 0; at -= 3)
        g_string_insert_c(digits, at, ',');
}

static bool
write_integer(DsnRun *run, const Layout *layout, DsnValue value)
{
    static const char *const lower = "0123456789abcdef", *const upper = "0123456789ABCDEF";
    g_autoptr(GString) digits = g_string_new(NULL);
    unsigned base = 10;
    const char *prefix = "";
    unsigned __int128 rest;
    DsnInteger integer;

    if (value.kind == DSN_VALUE_FLOAT || !dsn_number_to_integer(value, &integer))
        return fail_type(run, layout, value);
    rest = integer < 0 ? -(unsigned __int128)integer : (unsigned __int128)integer;
    if (layout->type == 'x' || layout->type == 'X') {
        base = 16;
        prefix = layout->type == 'x' ? "0x" : "0X";
    } else if (layout->type == 'o' || layout->type == 'b') {
        base = layout->type == 'o' ? 8 : 2;
        prefix = layout->type == 'o' ? "0o" : "0b";
    }
    do {
        g_string_append_c(digits, (layout->type == 'X' ? upper : lower)[(unsigned)(rest % base)]);
        rest /= base;
    } while (rest != 0);
    g_strreverse(digits->str);
    if (layout->grouped)
        group_digits(digits);
    write_number(run, layout, integer < 0, layout->prefix ? prefix : "", digits->str);
    return true;
}

static bool
write_real(DsnRun *run, const Layout *layout, DsnValue value)
{
    char format[] = "%.100f";
    g_autofree char *text = NULL;
    g_autoptr(GString) digits = NULL;
    double real;

    if (!dsn_number_to_float(value, &real))
        return fail_type(run, layout, value);
    if (isfinite(real)) {
        size_t size = 512;

        text = g_malloc(size);
        g_snprintf(format, sizeof format, "%%.%d%c", layout->precision < 0 ? 6 : layout->precision,
                   layout->type);
        g_ascii_formatd(text, (int)size, format, fabs(real));
    } else {
        text = g_strdup(isnan(real) ? "nan" : "inf");
    }
    digits = g_string_new(text);
    if (layout->grouped)
        group_digits(digits);
    write_number(run, layout, signbit(real) && !isnan(real), "", digits->str);
    return true;
}

static bool
write_character(DsnRun *run, const Layout *layout, DsnValue value)
{
    DsnInteger code;
    char text[8];

    if (value.kind == DSN_VALUE_STRING && dsn_text_length(value.text, value.size) == 1) {
        write_aligned(run, layout, value);
        return true;
    }
    if (value.kind != DSN_VALUE_INTEGER || !dsn_number_to_integer(value, &code) || code < 0 ||
        code > 0x10ffff || !g_unichar_validate((gunichar)code))
        return fail_type(run, layout, value);
    write_aligned(run, layout,
                  dsn_value_text(text, (size_t)g_unichar_to_utf8((gunichar)code, text)));
    return true;
}

static void
write_text(DsnRun *run, const Layout *layout, DsnValue value)
{
    DsnValue text = dsn_text_of(run, value);

    if (layout->precision >= 0) {
        const char *end = dsn_text_at(text.text, text.size, (size_t)layout->precision);
        text.size = (uint32_t)(end - text.text);
    }
    write_aligned(run, layout, text);
}

/* Where no type says how: numbers as numbers, all else as text. */
static bool
write_by_kind(DsnRun *run, Layout *layout, DsnValue value)
{
    /* A width makes true and false the numbers 1 and 0, as in Python. */
    bool number = dsn_value_is_number(value) || (value.kind == DSN_VALUE_BOOL && layout->width > 0);

    if (layout->align == 0)
        layout->align = number ? '>' : '<';
    if (number && value.kind != DSN_VALUE_FLOAT) {
        layout->type = 'd';
        return write_integer(run, layout, value);
    }
    if (number &&
        (layout->precision >= 0 || layout->grouped || layout->zeros || layout->sign != '-')) {
        layout->type = 'g';
        return write_real(run, layout, value);
    }
    write_text(run, layout, value);
    return true;
}

static bool
write_value(DsnRun *run, Layout *layout, DsnValue value)
{
    bool text = layout->type == 's' || layout->type == 'c';

    if (layout->type == 0)
        return write_by_kind(run, layout, value);
    if (layout->align == 0)
        layout->align = layout->braces && text ? '<' : '>';
    if (text)
        layout->zeros = false;
    switch (layout->type) {
    case 's':
        write_text(run, layout, value);
        return true;
    case 'c':
        return write_character(run, layout, value);
    case 'd':
    case 'i':
    case 'x':
    case 'X':
    case 'o':
    case 'b':
        return write_integer(run, layout, value);
    default:
        return write_real(run, layout, value);
    }
}

/* A decimal number; stays at SIZE_MAX / 16 when it is larger. */
static size_t
read_size(const char **at, const char *end)
{
    size_t size = 0;

    for (; *at < end && g_ascii_isdigit(**at); (*at)++)
        size = MIN(size * 10 + (size_t)(**at - '0'), SIZE_MAX / 16);
    return size;
}

/* ".12": a precision; false when it is too large. */
static bool
read_precision(DsnRun *run, const char **at, const char *end, Layout *layout)
{
    if (*at == end || **at != '.')
        return true;
    (*at)++;
    size_t precision = read_size(at, end);
    layout->precision = (int)MIN(precision, (size_t)PRECISION_MAX + 1);
    return layout->precision <= PRECISION_MAX ||
           dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "a precision of more than %d",
                        PRECISION_MAX);
}

static bool
read_type(DsnRun *run, const char **at, const char *end, const char *types, Layout *layout)
{
    if (*at < end && **at != '\0' && strchr(types, **at) != NULL) {
        layout->type = *(*at)++;
        return true;
    }
    return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "\"%.*s\" is no conversion",
                        *at < end ? (int)dsn_text_step(*at) : 0, *at);
}

/*
 * printf style.
 */

/* What "%" arguments are taken from. */
typedef struct Source {
    const DsnArguments *arguments;
    unsigned next;
} Source;

/* "(name)" */
static bool
named_value(DsnRun *run, Source *source, const char **at, const char *end, DsnValue *ret)
{
    const char *close = memchr(*at, ')', (size_t)(end - *at));
    const DsnArguments *arguments = source->arguments;
    DsnValue name, found = DSN_UNDEFINED;

    if (close == NULL)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "\"(\" without \")\" in a format");
    name = dsn_value_text(*at + 1, (size_t)(close - *at) - 1);
    for (unsigned i = 0; i < arguments->n_named; i++) {
        if (dsn_value_equal(run, arguments->named[i].key, name))
            found = arguments->named[i].value;
    }
    if (arguments->n == 2 && arguments->n_named == 0)
        found = dsn_value_member(run, arguments->at[1], name);
    if (found.kind == DSN_VALUE_UNDEFINED)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "nothing is named \"%.*s\"",
                            (int)MIN(name.size, 40), name.text);
    *at = close + 1;
    *ret = found;
    return true;
}

static bool
read_percent(DsnRun *run, const char **at, const char *end, Layout *layout)
{
    for (; *at < end; (*at)++) {
        if (**at == '-')
            layout->align = '<';
        else if (**at == '0')
            layout->zeros = true;
        else if (**at == '+' || (**at == ' ' && layout->sign != '+'))
            layout->sign = **at;
        else if (**at == '#')
            layout->prefix = true;
        else if (**at != ' ')
            break;
    }
    layout->width = read_size(at, end);
    if (!read_precision(run, at, end, layout))
        return false;
    while (*at < end &&
           (**at == 'h' || **at == 'l' || **at == 'L')) /* C's sizes say nothing here */
        (*at)++;
    if (!read_type(run, at, end, "dioxXeEfFgGcs", layout))
        return false;
    if (layout->align == '<')
        layout->zeros = false;
    return true;
}

/* One conversion; *@at is behind the "%". */
static bool
convert_percent(DsnRun *run, Source *source, const char **at, const char *end)
{
    Layout layout = {.fill = " ", .sign = '-', .precision = -1};
    DsnValue value = DSN_UNDEFINED;
    bool named = *at < end && **at == '(';

    if (*at < end && **at == '%') {
        dsn_run_write(run, (*at)++, 1);
        return true;
    }
    if ((named && !named_value(run, source, at, end, &value)) ||
        !read_percent(run, at, end, &layout))
        return false;
    if (!named) {
        if (source->next >= source->arguments->n)
            return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION,
                                "there are fewer arguments than conversions");
        value = source->arguments->at[source->next++];
    }
    return write_value(run, &layout, value);
}

bool
dsn_format_percent(DsnRun *run, DsnValue format, const DsnArguments *arguments, DsnValue *ret)
{
    const char *at = format.text, *end = at + format.size, *percent;
    Source source = {arguments, 1};
    size_t mark = dsn_run_mark(run);

    while ((percent = memchr(at, '%', (size_t)(end - at))) != NULL) {
        run->fuel--;
        dsn_run_write(run, at, (size_t)(percent - at));
        at = percent + 1;
        if (!convert_percent(run, &source, &at, end))
            return false;
    }
    dsn_run_write(run, at, (size_t)(end - at));
    *ret = dsn_run_take(run, mark);
    return true;
}

/*
 * str.format().
 */

/* "0", "name" or nothing: the next one. */
static bool
field_value(DsnRun *run, Source *source, const char *name, size_t size, DsnValue *ret)
{
    const DsnArguments *arguments = source->arguments;
    DsnInteger position;

    if (size == 0) {
        position = source->next++;
    } else if (dsn_number_parse_integer(name, size, 10, &position)) {
        if (source->next > 1)
            return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION,
                                "numbered fields after fields without a number");
        position++;
    } else {
        for (unsigned i = 0; i < arguments->n_named; i++) {
            if (!dsn_value_equal(run, arguments->named[i].key, dsn_value_text(name, size)))
                continue;
            *ret = arguments->named[i].value;
            return true;
        }
        position = arguments->n;
    }
    if (position >= arguments->n)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "there is no argument \"%.*s\"",
                            (int)MIN(size, 40), name);
    *ret = arguments->at[position];
    return true;
}

/* A name, and attributes of what it names: "a.b[c]". */
static bool
read_field(DsnRun *run, Source *source, const char **at, const char *end, DsnValue *ret)
{
    const char *start = *at;

    while (*at < end && strchr(".[:}!", **at) == NULL)
        (*at)++;
    if (!field_value(run, source, start, (size_t)(*at - start), ret))
        return false;
    while (*at < end && (**at == '.' || **at == '[')) {
        bool bracket = *(*at)++ == '[';
        DsnInteger index;

        start = *at;
        while (*at < end && strchr(bracket ? "]" : ".[:}!", **at) == NULL)
            (*at)++;
        size_t size = (size_t)(*at - start);
        if (bracket && *at < end)
            (*at)++;
        if (bracket && dsn_number_parse_integer(start, size, 10, &index) && index <= INT32_MAX)
            *ret = dsn_value_member(run, *ret, dsn_value_integer((int64_t)index));
        else
            *ret = dsn_value_attribute(run, *ret, start, size);
    }
    return true;
}

static bool
is_align(char c)
{
    return c == '<' || c == '>' || c == '^';
}

/* [[fill]align][sign][#][0][width][,][.precision][type] */
static bool
read_braces(DsnRun *run, const char **at, const char *end, Layout *layout)
{
    size_t step = *at < end ? dsn_text_step(*at) : 0;

    if ((size_t)(end - *at) > step && is_align((*at)[step])) {
        layout->fill = *at;
        layout->align = (*at)[step];
        *at += step + 1;
    } else if (*at < end && is_align(**at)) {
        layout->align = *(*at)++;
    }
    if (*at < end && (**at == '+' || **at == '-' || **at == ' '))
        layout->sign = *(*at)++;
    if (*at < end && **at == '#') {
        layout->prefix = true;
        (*at)++;
    }
    if (*at < end && **at == '0') {
        layout->zeros = layout->align == 0;
        (*at)++;
    }
    layout->width = read_size(at, end);
    if (*at < end && **at == ',') {
        layout->grouped = true;
        (*at)++;
    }
    if (!read_precision(run, at, end, layout))
        return false;
    return *at == end || **at == '}' || read_type(run, at, end, "bcdeEfFgGosxX", layout);
}

/* One field; *@at is behind the "{". */
static bool
convert_braces(DsnRun *run, Source *source, const char **at, const char *end)
{
    Layout layout = {.fill = " ", .sign = '-', .braces = true, .precision = -1};
    DsnValue value;

    if (!read_field(run, source, at, end, &value))
        return false;
    if (*at < end && **at == ':') {
        (*at)++;
        if (!read_braces(run, at, end, &layout))
            return false;
    }
    if (*at == end || **at != '}')
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "\"{\" without \"}\" in a format");
    (*at)++;
    return write_value(run, &layout, value);
}

bool
dsn_format_braces(DsnRun *run, DsnValue format, const DsnArguments *arguments, DsnValue *ret)
{
    const char *at = format.text, *end = at + format.size;
    Source source = {arguments, 1};
    size_t mark = dsn_run_mark(run);

    while (at < end && dsn_run_may_go_on(run)) {
        const char *clean = at;

        while (at < end && *at != '{' && *at != '}')
            at++;
        dsn_run_write(run, clean, (size_t)(at - clean));
        if (at == end)
            break;
        run->fuel--;
        if (end - at > 1 && at[1] == at[0]) { /* "{{" and "}}" are the brackets themselves */
            dsn_run_write(run, at, 1);
            at += 2;
            continue;
        }
        if (*at == '}')
            return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION,
                                "\"}\" without \"{\" in a format");
        at++;
        if (!convert_braces(run, &source, &at, end))
            return false;
    }
    *ret = dsn_run_take(run, mark);
    return true;
}
