/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/builtins.h"
#include "templates/text.h"

#define WIDTH 76

/*
 * fill: lines by the columns that they take on a screen.
 */

typedef struct Fill {
    size_t width;
    DsnValue lead, hang; /* before the first line, and before the others */
    size_t column;       /* columns taken on this line */
    bool begun;          /* something stands on it behind its lead */
} Fill;

/* Columns of @c. What the ranges before the tables of GLib decide is most of any text. */
static size_t
columns_of(gunichar c)
{
    if (c < 0x300)
        return 1;
    if ((c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3041 && c <= 0x3096))
        return 2;
    return g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
}

static bool
is_wide(gunichar c)
{
    return c >= 0x1100 && columns_of(c) == 2;
}

static size_t
columns(const char *at, const char *end)
{
    size_t sum = 0;

    for (; at < end; at = g_utf8_next_char(at))
        sum += (signed char)*at >= 0 ? 1 : columns_of(g_utf8_get_char(at));
    return sum;
}

/* What may not begin a line of Chinese or Japanese (JIS X 4051): closing marks, marks of length
 * and repetition, small kana. */
static bool
may_not_begin(gunichar c)
{
    switch (c) {
    case 0x3001: /* comma, stop */
    case 0x3002:
    case 0xff0c:
    case 0xff0e:
    case 0xff1a:
    case 0xff1b:
    case 0xff1f:
    case 0xff01:
    case 0x300d: /* brackets and quotation marks that close */
    case 0x300f:
    case 0x300b:
    case 0x3009:
    case 0x3011:
    case 0x3015:
    case 0xff09:
    case 0xff3d:
    case 0xff5d:
    case 0x201d:
    case 0x2019:
    case 0x30fb: /* middle dot, length, repetition */
    case 0x30fc:
    case 0x3005:
    case 0x309d:
    case 0x309e:
    case 0x30fd:
    case 0x30fe:
    case 0x3041: /* small hiragana */
    case 0x3043:
    case 0x3045:
    case 0x3047:
    case 0x3049:
    case 0x3063:
    case 0x3083:
    case 0x3085:
    case 0x3087:
    case 0x308e:
    case 0x30a1: /* small katakana */
    case 0x30a3:
    case 0x30a5:
    case 0x30a7:
    case 0x30a9:
    case 0x30c3:
    case 0x30e3:
    case 0x30e5:
    case 0x30e7:
    case 0x30ee:
    case 0x30f5:
    case 0x30f6:
    case 0x2026:
        return true;
    default:
        return c < 0x80 && strchr("),.:;?!]}%", (int)c) != NULL;
    }
}

/* What may not end a line: opening marks. */
static bool
may_not_end(gunichar c)
{
    switch (c) {
    case 0x300c:
    case 0x300e:
    case 0x300a:
    case 0x3008:
    case 0x3010:
    case 0x3014:
    case 0xff08:
    case 0xff3b:
    case 0xff5b:
    case 0x201c:
    case 0x2018:
        return true;
    default:
        return c < 0x80 && strchr("([{", (int)c) != NULL;
    }
}

/* Whether a line may end between two characters of which none is a blank: where either is wide. */
static bool
may_part(gunichar before, gunichar after)
{
    return (is_wide(before) || is_wide(after)) && columns_of(after) > 0 && after != 0xa0 &&
           before != 0xa0 && !may_not_begin(after) && !may_not_end(before);
}

/* Where the piece that begins at @at ends: before a blank, or where a line may end without one. */
static const char *
piece_end(const char *at, const char *end, size_t *ret_columns)
{
    const char *start = at;
    size_t sum = 0;

    while (at < end && (signed char)*at > ' ')
        at++;
    if (at == end || *at == ' ') { /* all ASCII */
        *ret_columns = (size_t)(at - start);
        return at;
    }
    if (at > start)
        at--; /* between it and what follows a line may end */
    sum = (size_t)(at - start);
    while (at < end && *at != ' ') {
        gunichar c = g_utf8_get_char(at);

        sum += columns_of(c);
        at = g_utf8_next_char(at);
        if (at < end && *at != ' ' && may_part(c, g_utf8_get_char(at)))
            break;
    }
    *ret_columns = sum;
    return at;
}

static void
begin_line(DsnRun *run, Fill *fill, DsnValue lead)
{
    dsn_run_write(run, lead.text, lead.size);
    fill->column = columns(lead.text, lead.text + lead.size);
    fill->begun = false;
}

static void
next_line(DsnRun *run, Fill *fill)
{
    dsn_run_write_char(run, '\n');
    begin_line(run, fill, fill->hang);
}

/* A piece of more than a line, cut where lines end. */
static void
write_long(DsnRun *run, Fill *fill, const char *at, const char *end)
{
    while (at < end && dsn_run_may_go_on(run)) {
        const char *stop = at;

        for (; stop < end; stop = g_utf8_next_char(stop)) {
            size_t wide = columns_of(g_utf8_get_char(stop));

            if (fill->begun && fill->column + wide > fill->width)
                break;
            fill->column += wide;
            fill->begun = true;
        }
        dsn_run_write(run, at, (size_t)(stop - at));
        at = stop;
        if (at < end)
            next_line(run, fill);
    }
}

/* A piece of @size columns, behind a blank if @gap. */
static void
write_piece(DsnRun *run, Fill *fill, bool gap, const char *at, const char *end, size_t size)
{
    if (fill->begun && fill->column + gap + size > fill->width) {
        next_line(run, fill);
    } else if (fill->begun && gap) {
        dsn_run_write_char(run, ' ');
        fill->column++;
    }
    if (fill->column + size > fill->width) {
        write_long(run, fill, at, end);
        return;
    }
    dsn_run_write(run, at, (size_t)(end - at));
    fill->column += size;
    fill->begun = true;
}

/* Where the words end that stand at @at with one blank between them, are ASCII, and all have room
 * on this line: nearly all of most texts is written so, a line at once. @at if there are none. */
static const char *
words_end(const Fill *fill, bool gap, const char *at, const char *end)
{
    size_t taken = fill->column + (fill->begun && gap);
    size_t room = fill->width > taken ? fill->width - taken : 0;
    const char *limit = (size_t)(end - at) > room ? at + room : end, *stop = at;

    while (at < limit && (signed char)*at > ' ') {
        while (at < limit && (signed char)*at > ' ')
            at++;
        if (at < end && *at != ' ')
            break;
        stop = at++;
    }
    return stop;
}

static void
fill_line(DsnRun *run, Fill *fill, const char *at, const char *end)
{
    bool gap = false;

    dsn_run_scan(run, (size_t)(end - at));
    while (at < end && dsn_run_may_go_on(run)) {
        size_t size;

        if (*at == ' ') {
            gap = true;
            at++;
            continue;
        }
        const char *stop = words_end(fill, gap, at, end);
        size = (size_t)(stop - at);
        if (size == 0)
            stop = piece_end(at, end, &size);
        write_piece(run, fill, gap, at, stop, size);
        gap = false;
        at = stop;
    }
}

static bool
filter_fill(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    Fill fill = {.lead = arguments->at[2], .hang = arguments->at[3]};
    DsnValue text = arguments->at[0];
    int64_t width;

    if (!dsn_argument_integer(run, arguments, 1, WIDTH, &width))
        return false;
    if (width < 2)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "lines need a width of at least 2");
    fill.width = (size_t)width;
    if (dsn_value_is_missing(fill.lead))
        fill.lead = dsn_value_text("", 0);
    else if (!dsn_argument_string(run, arguments, 2, &fill.lead))
        return false;
    if (dsn_value_is_missing(fill.hang))
        fill.hang = fill.lead;
    else if (!dsn_argument_string(run, arguments, 3, &fill.hang))
        return false;
    *ret = text;
    if (text.kind != DSN_VALUE_STRING)
        return true;

    const char *at = text.text, *end = at + text.size;
    size_t mark = dsn_run_mark(run);
    begin_line(run, &fill, fill.lead);
    for (;;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));

        fill_line(run, &fill, at, newline == NULL ? end : newline);
        if (newline == NULL || !dsn_run_may_go_on(run))
            break;
        next_line(run, &fill);
        at = newline + 1;
    }
    *ret = dsn_run_take(run, mark);
    return true;
}

/*
 * numeric_date: a date that is read the same in every language.
 */

/* Whether @at is like @shape, in which 0 is a digit, a a letter, and others are themselves. */
static bool
is_like(const char *at, const char *end, const char *shape)
{
    for (; *shape != '\0'; shape++, at++) {
        if (at == end || (*shape == '0'   ? !g_ascii_isdigit(*at)
                          : *shape == 'a' ? !g_ascii_isalpha(*at)
                                          : *shape != *at))
            return false;
    }
    return true;
}

/* "Tue, 1 Jul 2003 08:52:37 +0000" as "2003-07-01 08:52:37 UTC" (ISO 8601 with a blank). */
static bool
filter_numeric_date(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    DsnValue text = arguments->at[0];
    char number[] = "2003-07-01 08:52:37 ", zone[] = "+0000";

    *ret = text;
    if (text.kind != DSN_VALUE_STRING || text.size == 0)
        return true;

    const char *at = text.text, *end = at + text.size;
    if (is_like(at, end, "aaa, "))
        at += 5;
    bool long_day = is_like(at, end, "00 ");
    number[8] = long_day ? at[0] : '0';
    if (!long_day && !is_like(at, end, "0 "))
        return true;
    number[9] = at[long_day];
    at += long_day ? 3 : 2;
    if (end - at != 23 || !is_like(at, end, "aaa 0000 00:00:00 "))
        return true;

    const char *month = months;
    while (*month != '\0' && memcmp(month, at, 3) != 0)
        month += 3;
    if (*month == '\0')
        return true;
    int count = (int)(month - months) / 3 + 1;
    memcpy(number, at + 4, 4);
    number[5] = (char)('0' + count / 10);
    number[6] = (char)('0' + count % 10);
    memcpy(number + 11, at + 9, 8);
    memcpy(zone, at + 18, 5);
    size_t mark = dsn_run_mark(run);
    dsn_run_write_text(run, number);
    dsn_run_write_text(run, strcmp(zone, "+0000") == 0 ? "UTC" : zone);
    *ret = dsn_run_take(run, mark);
    return true;
}

const DsnBuiltin dsn_filters_notice[] = {
    {"fill", filter_fill, "width lead hang", 0, DSN_BUILTIN_KUMO},
    {"numeric_date", filter_numeric_date, "", 0, DSN_BUILTIN_KUMO},
    {0},
};
