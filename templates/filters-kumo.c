/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/builtins.h"
#include "templates/number.h"
#include "templates/text.h"

#include <math.h>

/* The ending for one, or for several. */
static bool
filter_pluralize(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue value = arguments->at[0], one = arguments->at[1], several = arguments->at[2];
    DsnInteger number;
    size_t length;
    bool single;

    if (dsn_value_length(value, &length))
        single = length == 1;
    else if (dsn_number_to_integer(value, &number))
        single = number == 1;
    else
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "%s is no number of things",
                            dsn_value_kind_name(value));
    if (single)
        *ret = dsn_value_is_missing(one) ? dsn_value_text("", 0) : one;
    else
        *ret = dsn_value_is_missing(several) ? dsn_value_text("s", 1) : several;
    return true;
}

static bool
filter_truncate(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue text = arguments->at[0], end = arguments->at[3];
    int64_t length, leeway, size;
    const char *cut;
    bool words;

    if (!dsn_argument_integer(run, arguments, 1, 255, &length) ||
        !dsn_argument_truth(run, arguments, 2, false, &words) ||
        !dsn_argument_integer(run, arguments, 4, 5, &leeway))
        return false;
    if (dsn_value_is_missing(text))
        text = dsn_value_text("", 0);
    if (dsn_value_is_missing(end))
        end = dsn_value_text("...", 3);
    if (text.kind != DSN_VALUE_STRING || end.kind != DSN_VALUE_STRING)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "%s where a string is needed",
                            dsn_value_kind_name(text.kind != DSN_VALUE_STRING ? text : end));
    size = (int64_t)dsn_text_length(end.text, end.size);
    if (length < size || leeway < 0)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "a length too short for the end");
    dsn_run_scan(run, text.size);
    *ret = dsn_value_text(text.text, text.size);
    if ((int64_t)dsn_text_length(text.text, text.size) - leeway <= length)
        return true;
    cut = dsn_text_at(text.text, text.size, (size_t)(length - size));
    if (!words) {
        const char *blank = memrchr(text.text, ' ', (size_t)(cut - text.text));
        cut = blank != NULL ? blank : cut;
    }

    size_t mark = dsn_run_mark(run);
    dsn_run_write(run, text.text, (size_t)(cut - text.text));
    dsn_run_write(run, end.text, end.size);
    *ret = dsn_run_take(run, mark);
    return true;
}

static bool
filter_wordcount(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue text = arguments->at[0];
    int64_t count = 0;
    bool inside = false;

    *ret = dsn_value_integer(0);
    if (text.kind != DSN_VALUE_STRING)
        return true;
    run->fuel -= text.size / 8;
    for (const char *at = text.text, *end = at + text.size; at < end; at += dsn_text_step(at)) {
        gunichar c = g_utf8_get_char(at);
        bool word = g_unichar_isalnum(c) || c == '_';

        count += word && !inside;
        inside = word;
    }
    *ret = dsn_value_integer(count);
    return true;
}

/* What wordwrap was asked for. */
typedef struct Wrap {
    size_t width;
    DsnValue newline;
    bool break_words, break_hyphens;
    size_t column; /* characters on the line so far */
} Wrap;

static void
break_line(DsnRun *run, Wrap *wrap)
{
    dsn_run_write(run, wrap->newline.text, wrap->newline.size);
    wrap->column = 0;
}

/* A word that is longer than a line, cut into lines. */
static void
write_long_word(DsnRun *run, Wrap *wrap, const char *word, const char *end)
{
    while (word < end && dsn_run_may_go_on(run)) {
        const char *cut = dsn_text_at(word, (size_t)(end - word), wrap->width);

        dsn_run_write(run, word, (size_t)(cut - word));
        wrap->column = dsn_text_length(word, (size_t)(cut - word));
        word = cut;
        if (word < end)
            break_line(run, wrap);
    }
}

/* A word, behind @gap blanks or on a new line. */
static void
write_word(DsnRun *run, Wrap *wrap, size_t gap, const char *word, const char *end)
{
    size_t length = dsn_text_length(word, (size_t)(end - word));

    if (wrap->column > 0 && wrap->column + gap + length > wrap->width) {
        break_line(run, wrap);
        gap = 0;
    }
    for (size_t i = 0; i < gap && dsn_run_may_go_on(run); i++)
        dsn_run_write_char(run, ' ');
    wrap->column += gap;
    if (length > wrap->width && wrap->break_words && wrap->break_hyphens) {
        write_long_word(run, wrap, word, end);
    } else {
        dsn_run_write(run, word, (size_t)(end - word));
        wrap->column += length;
    }
}

/* Where the piece of a word ends that may stand at the end of a line: behind a hyphen between
 * letters or digits. */
static const char *
piece_end(const Wrap *wrap, const char *word, const char *end)
{
    for (const char *at = word + 1; wrap->break_hyphens && at + 1 < end; at++) {
        if (*at == '-' && at[-1] != '-' && at[1] != '-')
            return at + 1;
    }
    return end;
}

static void
wrap_line(DsnRun *run, Wrap *wrap, const char *at, const char *end)
{
    wrap->column = 0;
    while (at < end && dsn_run_may_go_on(run)) {
        const char *word = at, *stop;

        while (word < end && *word == ' ')
            word++;
        if (word == end)
            break;
        stop = memchr(word, ' ', (size_t)(end - word));
        stop = stop == NULL ? end : stop;
        for (size_t gap = (size_t)(word - at); word < stop; gap = 0) {
            const char *piece = piece_end(wrap, word, stop);

            run->fuel--;
            write_word(run, wrap, gap, word, piece);
            word = piece;
        }
        at = stop;
    }
}

static bool
filter_wordwrap(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue text = arguments->at[0];
    Wrap wrap = {.newline = arguments->at[3]};
    const char *at, *end;
    int64_t width;
    size_t mark;

    if (!dsn_argument_integer(run, arguments, 1, 79, &width) ||
        !dsn_argument_truth(run, arguments, 2, true, &wrap.break_words) ||
        !dsn_argument_truth(run, arguments, 4, true, &wrap.break_hyphens))
        return false;
    if (width < 1)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "lines need a width of at least 1");
    if (dsn_value_is_missing(wrap.newline))
        wrap.newline = dsn_value_text("\n", 1);
    else if (!dsn_argument_string(run, arguments, 3, &wrap.newline))
        return false;
    *ret = dsn_value_text("", 0);
    if (text.kind != DSN_VALUE_STRING)
        return true;
    wrap.width = (size_t)width;
    at = text.text;
    end = at + text.size;
    mark = dsn_run_mark(run);
    while (at < end && dsn_run_may_go_on(run)) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline == NULL ? end : newline;

        if (at > text.text)
            dsn_run_write(run, wrap.newline.text, wrap.newline.size);
        wrap_line(run, &wrap, at, stop);
        at = newline == NULL ? end : newline + 1;
    }
    *ret = dsn_run_take(run, mark);
    return true;
}

static bool
filter_filesizeformat(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    static const char *const binary_units[] = {"KiB", "MiB", "GiB", "TiB",
                                               "PiB", "EiB", "ZiB", "YiB"};
    static const char *const decimal_units[] = {"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
    size_t mark = dsn_run_mark(run), unit = 0;
    char text[512];
    double size, base;
    bool binary;

    if (!dsn_argument_truth(run, arguments, 1, false, &binary))
        return false;
    if (!dsn_value_is_number(arguments->at[0]) || !dsn_number_to_float(arguments->at[0], &size))
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "%s is no size",
                            dsn_value_kind_name(arguments->at[0]));
    base = binary ? 1024 : 1000;
    if (fabs(size) < base) {
        if (size == trunc(size))
            dsn_number_write_integer(run, (DsnInteger)size);
        else
            dsn_number_write_float(run, size, false);
        dsn_run_write_text(run, size == 1 ? " Byte" : " Bytes");
    } else {
        for (size /= base; fabs(size) >= base && unit + 1 < G_N_ELEMENTS(decimal_units); unit++)
            size /= base;
        g_ascii_formatd(text, sizeof text, "%.1f", size);
        dsn_run_write_text(run, text);
        dsn_run_write_char(run, ' ');
        dsn_run_write_text(run, binary ? binary_units[unit] : decimal_units[unit]);
    }
    *ret = dsn_run_take(run, mark);
    return true;
}

/*
 * striptags
 */

/* Behind the tag or comment at @at. */
static const char *
skip_tag(const char *at, const char *end)
{
    const char *close;

    if (end - at >= 4 && memcmp(at, "<!--", 4) == 0) {
        close = memmem(at + 4, (size_t)(end - at) - 4, "-->", 3);
        return close == NULL ? end : close + 3;
    }
    close = memchr(at, '>', (size_t)(end - at));
    return close == NULL ? end : close + 1;
}

/* The character that the entity at @at stands for, or 0; *@ret_after is behind it. */
static gunichar
read_entity(const char *at, const char *end, const char **ret_after)
{
    static const struct {
        const char *name;
        gunichar c;
    } entities[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    const char *close = memchr(at, ';', (size_t)MIN(end - at, 12));
    size_t size;
    DsnInteger code;
    bool hex;

    if (close == NULL)
        return 0;
    at++;
    size = (size_t)(close - at);
    *ret_after = close + 1;
    for (size_t i = 0; i < G_N_ELEMENTS(entities); i++) {
        if (strlen(entities[i].name) == size && memcmp(at, entities[i].name, size) == 0)
            return entities[i].c;
    }
    if (size < 2 || *at != '#')
        return 0;
    hex = at[1] == 'x' || at[1] == 'X';
    at += hex ? 2 : 1;
    if (!dsn_number_parse_integer(at, (size_t)(close - at), hex ? 16 : 10, &code) || code <= 0 ||
        code > 0x10ffff || !g_unichar_validate((gunichar)code))
        return 0;
    return (gunichar)code;
}

/* Appends a character of the text; white space becomes one blank, none at the start. */
static void
write_squeezed(DsnRun *run, const char *at, size_t step, size_t mark, bool *blank)
{
    if (step == 1 && g_ascii_isspace(*at)) {
        *blank = dsn_run_mark(run) > mark;
        return;
    }
    if (*blank)
        dsn_run_write_char(run, ' ');
    *blank = false;
    dsn_run_write(run, at, step);
}

static bool
filter_striptags(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue text = dsn_text_of(run, arguments->at[0]);
    const char *at = text.text, *end = at + text.size;
    size_t mark = dsn_run_mark(run);
    bool blank = false;

    run->fuel -= text.size / 8;
    while (at < end) {
        const char *after = at + dsn_text_step(at);
        char character[8];
        gunichar entity;

        if (*at == '<') {
            at = skip_tag(at, end);
            continue;
        }
        entity = *at == '&' ? read_entity(at, end, &after) : 0;
        if (entity != 0) {
            write_squeezed(run, character, (size_t)g_unichar_to_utf8(entity, character), mark,
                           &blank);
        } else {
            after = at + dsn_text_step(at);
            write_squeezed(run, at, (size_t)(after - at), mark, &blank);
        }
        at = after;
    }
    *ret = dsn_run_take(run, mark);
    return true;
}

/*
 * Dates.
 */

/* Unix seconds, or a text as in RFC 3339, which keeps its offset; without one it is in UTC. A date
 * alone is its midnight. */
static bool
read_time(DsnRun *run, DsnValue value, GDateTime **ret)
{
    double seconds;

    *ret = NULL;
    if (dsn_value_is_number(value) && dsn_number_to_float(value, &seconds) &&
        fabs(seconds) < 253402300800.0) /* the year 10000 */
        *ret = g_date_time_new_from_unix_utc((gint64)floor(seconds));
    if (value.kind == DSN_VALUE_STRING && value.size <= 64) {
        g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
        g_autofree char *text = value.size == 10 ? g_strdup_printf("%.10sT00:00:00Z", value.text)
                                                 : g_strndup(value.text, value.size);

        *ret = g_date_time_new_from_iso8601(text, utc);
    }
    return *ret != NULL || dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION,
                                        "this is no time: neither seconds nor RFC 3339");
}

static const char *
month_name(GDateTime *time)
{
    static const char *const names[] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};

    return names[g_date_time_get_month(time) - 1];
}

static const char *
weekday_name(GDateTime *time)
{
    static const char *const names[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                        "Friday", "Saturday", "Sunday"};

    return names[g_date_time_get_day_of_week(time) - 1];
}

/* "2023-11-14", "Nov 14 2023", "November 14 2023", "Tuesday, November 14 2023" */
static void
write_date(GString *text, GDateTime *time, const char *format)
{
    int year = g_date_time_get_year(time), day = g_date_time_get_day_of_month(time);

    if (strcmp(format, "short") == 0 || strcmp(format, "iso") == 0) {
        g_string_append_printf(text, "%04d-%02d-%02d", year, g_date_time_get_month(time), day);
        return;
    }
    if (strcmp(format, "full") == 0)
        g_string_append_printf(text, "%s, ", weekday_name(time));
    g_string_append_printf(text, "%.*s %d %04d", strcmp(format, "medium") == 0 ? 3 : 9,
                           month_name(time), day, year);
}

/* "22:13", "22:13:20", "22:13:20.0" */
static void
write_clock(GString *text, GDateTime *time, const char *format)
{
    g_string_append_printf(text, "%02d:%02d", g_date_time_get_hour(time),
                           g_date_time_get_minute(time));
    if (strcmp(format, "short") == 0 || strcmp(format, "medium") == 0)
        return;
    g_string_append_printf(text, ":%02d%s", g_date_time_get_second(time),
                           strcmp(format, "full") == 0 ? ".0" : "");
}

typedef enum TimeParts { PART_DATE = 1 << 0, PART_CLOCK = 1 << 1 } TimeParts;

static bool
format_time(DsnRun *run, const DsnArguments *arguments, TimeParts parts, DsnValue *ret)
{
    static const char *const formats[] = {"short", "medium", "long", "full", "iso", "unix"};
    g_autoptr(GDateTime) time = NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    const char *format = "medium";
    size_t mark = dsn_run_mark(run);

    if (!read_time(run, arguments->at[0], &time))
        return false;
    if (!dsn_value_is_missing(arguments->at[1])) {
        format = NULL;
        for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
            if (dsn_value_is(arguments->at[1], formats[i]))
                format = formats[i];
        }
    }
    if (format == NULL)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION,
                            "a format of time is short, medium, long, full, iso or unix");
    if (strcmp(format, "unix") == 0) {
        g_string_append_printf(text, "%" G_GINT64_FORMAT, g_date_time_to_unix(time));
    } else if (strcmp(format, "iso") == 0 && parts & PART_CLOCK) {
        write_date(text, time, format);
        g_string_append_c(text, 'T');
        write_clock(text, time, format);
        g_autofree char *offset = g_date_time_format(time, "%:z");
        g_string_append(text, offset);
    } else {
        if (parts & PART_DATE)
            write_date(text, time, format);
        if (parts == (PART_DATE | PART_CLOCK))
            g_string_append_c(text, ' ');
        if (parts & PART_CLOCK)
            write_clock(text, time, format);
    }
    dsn_run_write(run, text->str, text->len);
    *ret = dsn_run_take(run, mark);
    return true;
}

static bool
filter_datetimeformat(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    return format_time(run, arguments, PART_DATE | PART_CLOCK, ret);
}

static bool
filter_dateformat(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    return format_time(run, arguments, PART_DATE, ret);
}

static bool
filter_timeformat(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    return format_time(run, arguments, PART_CLOCK, ret);
}

const DsnBuiltin dsn_filters_kumo[] = {
    {"dateformat", filter_dateformat, "format", 0, DSN_BUILTIN_KUMO},
    {"datetimeformat", filter_datetimeformat, "format", 0, DSN_BUILTIN_KUMO},
    {"filesizeformat", filter_filesizeformat, "binary", 0, DSN_BUILTIN_KUMO},
    {"pluralize", filter_pluralize, "singular plural", 0, DSN_BUILTIN_KUMO},
    {"striptags", filter_striptags, "", 0, DSN_BUILTIN_KUMO},
    {"timeformat", filter_timeformat, "format", 0, DSN_BUILTIN_KUMO},
    {"truncate", filter_truncate, "length killwords end leeway", 0, DSN_BUILTIN_KUMO},
    {"wordcount", filter_wordcount, "", 0, DSN_BUILTIN_KUMO},
    {"wordwrap", filter_wordwrap, "width break_long_words wrapstring break_on_hyphens", 0,
     DSN_BUILTIN_KUMO},
    {0},
};
