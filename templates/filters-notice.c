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

/* Columns of the character at @at, and where it ends. */
static size_t
columns_of(const char *at, const char **ret_next)
{
    if ((signed char)*at >= 0) {
        *ret_next = at + 1;
        return 1;
    }
    gunichar c = g_utf8_get_char(at);
    *ret_next = g_utf8_next_char(at);
    return g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
}

static size_t
columns(const char *at, const char *end)
{
    size_t sum = 0;

    while (at < end)
        sum += columns_of(at, &at);
    return sum;
}

/* What may not begin a line of Chinese or Japanese (JIS X 4051): closing marks, marks of length
 * and repetition, small kana. */
static bool
may_not_begin(gunichar c)
{
    static const gunichar marks[] = {
        0x3001, 0x3002, 0xff0c, 0xff0e, 0xff1a, 0xff1b, 0xff1f, 0xff01, 0x300d, 0x300f,
        0x300b, 0x3009, 0x3011, 0x3015, 0xff09, 0xff3d, 0xff5d, 0x201d, 0x2019, 0x30fb,
        0x30fc, 0x3005, 0x309d, 0x309e, 0x30fd, 0x30fe, 0x3041, 0x3043, 0x3045, 0x3047,
        0x3049, 0x3063, 0x3083, 0x3085, 0x3087, 0x308e, 0x30a1, 0x30a3, 0x30a5, 0x30a7,
        0x30a9, 0x30c3, 0x30e3, 0x30e5, 0x30e7, 0x30ee, 0x30f5, 0x30f6, 0x2026, ')',
        ',',    '.',    ':',    ';',    '?',    '!',    ']',    '}',    '%'};

    for (size_t i = 0; i < G_N_ELEMENTS(marks); i++) {
        if (marks[i] == c)
            return true;
    }
    return false;
}

/* What may not end a line: opening marks. */
static bool
may_not_end(gunichar c)
{
    static const gunichar marks[] = {0x300c, 0x300e, 0x300a, 0x3008, 0x3010, 0x3014, 0xff08,
                                     0xff3b, 0xff5b, 0x201c, 0x2018, '(',    '[',    '{'};

    for (size_t i = 0; i < G_N_ELEMENTS(marks); i++) {
        if (marks[i] == c)
            return true;
    }
    return false;
}

/* Whether a line may end between two characters of which none is a blank: where either is wide. */
static bool
may_part(gunichar before, gunichar after)
{
    if (before < 0x80 && after < 0x80)
        return false;
    return (g_unichar_iswide(before) || g_unichar_iswide(after)) && !g_unichar_iszerowidth(after) &&
           after != 0xa0 && before != 0xa0 && !may_not_begin(after) && !may_not_end(before);
}

/* Where the piece that begins at @at ends: before a blank, or where a line may end without one. */
static const char *
piece_end(const char *at, const char *end)
{
    while (at < end && *at != ' ') {
        const char *next = g_utf8_next_char(at);

        if (((signed char)*at < 0 || (next < end && (signed char)*next < 0)) && next < end &&
            *next != ' ' && may_part(g_utf8_get_char(at), g_utf8_get_char(next)))
            return next;
        at = next;
    }
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

/* A piece, behind a blank if @gap, that is cut where it takes more than a line. */
static void
write_piece(DsnRun *run, Fill *fill, bool gap, const char *at, const char *end)
{
    size_t size = columns(at, end);

    if (fill->begun && fill->column + gap + size > fill->width)
        next_line(run, fill);
    else if (fill->begun && gap) {
        dsn_run_write_char(run, ' ');
        fill->column++;
    }
    while (at < end && dsn_run_may_go_on(run)) {
        const char *stop = at, *next = at;

        for (size_t wide; stop < end; stop = next) {
            wide = columns_of(stop, &next);
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

static void
fill_line(DsnRun *run, Fill *fill, const char *at, const char *end)
{
    bool gap = false;

    while (at < end && dsn_run_may_go_on(run)) {
        if (*at == ' ') {
            gap = true;
            at++;
            continue;
        }
        const char *stop = piece_end(at, end);
        dsn_run_scan(run, (size_t)(stop - at));
        write_piece(run, fill, gap, at, stop);
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

/* "Tue, 1 Jul 2003 08:52:37 +0000" as "2003-07-01 08:52:37 UTC" (ISO 8601 with a blank). */
static bool
filter_numeric_date(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    DsnValue text = arguments->at[0];

    *ret = text;
    if (text.kind != DSN_VALUE_STRING || text.size > 64)
        return true;
    g_autofree char *copy = g_strndup(text.text, text.size);
    const char *comma = strstr(copy, ", ");
    g_auto(GStrv) words = g_strsplit(comma == NULL ? copy : comma + 2, " ", 6);
    if (g_strv_length(words) != 5 || strlen(words[1]) != 3)
        return true;
    const char *month = strstr(months, words[1]);
    if (month == NULL || (month - months) % 3 != 0)
        return true;
    for (const char *digit = words[0]; *digit != '\0'; digit++) {
        if (!g_ascii_isdigit(*digit))
            return true;
    }

    g_autofree char *number =
        g_strdup_printf("%s-%02d-%s%s %s %s", words[2], (int)(month - months) / 3 + 1,
                        words[0][1] == '\0' ? "0" : "", words[0], words[3],
                        strcmp(words[4], "+0000") == 0 ? "UTC" : words[4]);
    size_t mark = dsn_run_mark(run);
    dsn_run_write_text(run, number);
    *ret = dsn_run_take(run, mark);
    return true;
}

const DsnBuiltin dsn_filters_notice[] = {
    {"fill", filter_fill, "width lead hang", 0, DSN_BUILTIN_KUMO},
    {"numeric_date", filter_numeric_date, "", 0, DSN_BUILTIN_KUMO},
    {0},
};
