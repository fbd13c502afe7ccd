/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/date.h"

#define SECONDS_OF_DAY 86400

static const char month_names[12][10] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
static const char day_names[7][10] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                      "Thursday", "Friday", "Saturday"};

typedef struct Civil {
    int64_t year;
    int month; /* 1 to 12 */
    int day;
    int hour;
    int minute;
    int second;  /* 60 in a leap second */
    int offset;  /* minutes east of UTC */
    int weekday; /* 0 is Sunday, -1 not given */
} Civil;

/* What is left to read, and the first deviation that was met. */
typedef struct Reader {
    const char *at;
    const char *end;
    const char *doubt;
} Reader;

static void
note(Reader *reader, const char *doubt)
{
    if (reader->doubt == NULL)
        reader->doubt = doubt;
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar. Years begin in March here, so that the
 * leap day is the last of its year; an era has 400 of them. */
static int64_t
days_from_civil(int64_t year, int month, int day)
{
    if (month <= 2)
        year--;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void
civil_from_days(int64_t days, Civil *civil)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month = (int)((5 * day_of_year + 2) / 153);

    civil->day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
    civil->month = month < 10 ? month + 3 : month - 9;
    civil->year = year_of_era + era * 400 + (civil->month <= 2);
}

static int
weekday_from_days(int64_t days)
{
    return (int)(((days + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
}

/* A weekday that is given must fit; its zone does not matter, it goes with the date as written. */
static bool
civil_to_time(const Civil *civil, Reader *reader, int64_t *ret_time)
{
    static const uint8_t month_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year = civil->year;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    if (year < 1 || year > 9999 || civil->month < 1 || civil->month > 12 || civil->day < 1 ||
        civil->day > month_days[civil->month - 1] + (leap && civil->month == 2) ||
        civil->hour > 23 || civil->minute > 59 || civil->second > 60)
        return false;

    int64_t days = days_from_civil(year, civil->month, civil->day);
    int64_t time = days * SECONDS_OF_DAY + civil->hour * 3600 +
                   (civil->minute - (int64_t)civil->offset) * 60 + civil->second;
    if (time < DSN_TIME_MIN || time > DSN_TIME_MAX)
        return false;
    if (civil->weekday >= 0 && civil->weekday != weekday_from_days(days))
        note(reader, "weekday does not match");
    *ret_time = time;
    return true;
}

/* Nested comments are counted, not followed by recursion; an open one goes up to the end. */
static void
skip_comment(Reader *reader)
{
    size_t depth = 0;

    while (reader->at < reader->end) {
        char c = *reader->at++;

        if (c == '\\' && reader->at < reader->end)
            reader->at++;
        else if (c == '(')
            depth++;
        else if (c == ')' && --depth == 0)
            return;
    }
    note(reader, "comment is not closed");
}

static void
skip_space(Reader *reader)
{
    while (reader->at < reader->end) {
        if (*reader->at == '(')
            skip_comment(reader);
        else if (dsn_is_space(*reader->at))
            reader->at++;
        else
            return;
    }
}

static bool
skip_char(Reader *reader, char c)
{
    if (reader->at == reader->end || *reader->at != c)
        return false;
    reader->at++;
    return true;
}

/* The digits at the reader, no more than @max; returns how many there are, 0 if none or more. */
static int
read_digits(Reader *reader, int max, int *ret_number)
{
    const char *at = reader->at;
    int digits = 0, number = 0;

    for (; at < reader->end && g_ascii_isdigit(*at); at++) {
        if (digits++ == max)
            return 0;
        number = number * 10 + (*at - '0');
    }
    if (digits == 0)
        return 0;
    reader->at = at;
    *ret_number = number;
    return digits;
}

static bool
read_exact(Reader *reader, int want, int *ret_number)
{
    return read_digits(reader, want, ret_number) == want;
}

static DsnSpan
read_word(Reader *reader)
{
    const char *start = reader->at;

    while (reader->at < reader->end && g_ascii_isalpha(*reader->at))
        reader->at++;
    return (DsnSpan){start, (size_t)(reader->at - start)};
}

/* The index of the name that @word is, or begins with three letters or more; -1 if none. */
static int
find_name(DsnSpan word, const char names[][10], int count)
{
    for (int i = 0; word.len >= 3 && i < count; i++) {
        if (((word.data[0] ^ names[i][0]) & ~0x20) == 0 && word.len <= strlen(names[i]) &&
            dsn_same_letters(word.data, names[i], word.len))
            return i;
    }
    return -1;
}

static int
read_month(Reader *reader)
{
    DsnSpan word = read_word(reader);
    int month = find_name(word, month_names, 12) + 1;

    if (word.len > 3) {
        note(reader, "month is not abbreviated to three letters");
        (void)skip_char(reader, '.'); /* "Sept." */
    }
    return month;
}

/* RFC 5322 section 4.3 tells what two and three digits mean. */
static bool
read_year(Reader *reader, int64_t *ret_year)
{
    int year = 0;
    int digits = read_digits(reader, 4, &year);

    if (digits < 2)
        return false;
    if (digits == 2)
        year += year < 50 ? 2000 : 1900;
    else if (digits == 3)
        year += 1900;
    *ret_year = year;
    return true;
}

static bool
read_time(Reader *reader, Civil *civil)
{
    if (read_digits(reader, 2, &civil->hour) == 0)
        return false;
    skip_space(reader);
    if (!skip_char(reader, ':'))
        return false;
    skip_space(reader);
    if (!read_exact(reader, 2, &civil->minute))
        return false;
    skip_space(reader);
    if (skip_char(reader, ':')) {
        skip_space(reader);
        if (!read_exact(reader, 2, &civil->second))
            return false;
        if (reader->at < reader->end && *reader->at == '.') {
            note(reader, "fraction of a second");
            for (reader->at++; reader->at < reader->end && g_ascii_isdigit(*reader->at);)
                reader->at++;
        }
    }
    return true;
}

/* "+0200" at the reader; other widths and a colon are deviations. */
static bool
read_offset(Reader *reader, int *ret_offset)
{
    Reader ahead = *reader;
    bool west = ahead.at < ahead.end && *ahead.at == '-';
    int number = 0, hours = 0, minutes = 0;

    if (!skip_char(&ahead, '+') && !skip_char(&ahead, '-'))
        return false;
    int digits = read_digits(&ahead, 4, &number);
    if (digits == 4) {
        hours = number / 100;
        minutes = number % 100;
    } else if (digits == 1 || digits == 2) {
        hours = number;
        if (skip_char(&ahead, ':') && !read_exact(&ahead, 2, &minutes))
            return false;
        note(&ahead, "zone is not of four digits");
    } else {
        return false;
    }
    if (minutes > 59)
        return false;
    *ret_offset = (hours * 60 + minutes) * (west ? -1 : 1);
    *reader = ahead;
    return true;
}

typedef struct Zone {
    char name[5];
    int16_t offset; /* as written: +0930 is 930 */
    bool standard;  /* in RFC 5322 section 4.3, or its everyday synonym UTC */
} Zone;

/* Names that stand for one offset by common agreement. Ambiguous ones (IST) are left out. */
static const Zone zones[] = {
    {"GMT", 0, true},      {"UTC", 0, true},      {"UT", 0, true},       {"Z", 0, true},
    {"EST", -500, true},   {"EDT", -400, true},   {"CST", -600, true},   {"CDT", -500, true},
    {"MST", -700, true},   {"MDT", -600, true},   {"PST", -800, true},   {"PDT", -700, true},
    {"ACDT", 1030, false}, {"ACST", 930, false},  {"ADT", -300, false},  {"AEDT", 1100, false},
    {"AEST", 1000, false}, {"AKDT", -800, false}, {"AKST", -900, false}, {"AST", -400, false},
    {"AWST", 800, false},  {"BST", 100, false},   {"CAT", 200, false},   {"CEST", 200, false},
    {"CET", 100, false},   {"CHST", 1000, false}, {"EAT", 300, false},   {"EEST", 300, false},
    {"EET", 200, false},   {"HDT", -900, false},  {"HKT", 800, false},   {"HST", -1000, false},
    {"IDT", 300, false},   {"JST", 900, false},   {"KST", 900, false},   {"MSK", 300, false},
    {"NDT", -230, false},  {"NST", -330, false},  {"NZDT", 1300, false}, {"NZST", 1200, false},
    {"PKT", 500, false},   {"SAST", 200, false},  {"SST", -1100, false}, {"WAT", 100, false},
    {"WEST", 100, false},  {"WET", 0, false},     {"WIB", 700, false},   {"WIT", 900, false},
    {"WITA", 800, false},
};

static int
zone_by_name(DsnSpan name, Reader *reader)
{
    for (size_t i = 0; i < G_N_ELEMENTS(zones); i++) {
        if (dsn_span_is(name, zones[i].name)) {
            if (!zones[i].standard)
                note(reader, "zone name is not of the standard");
            return zones[i].offset / 100 * 60 + zones[i].offset % 100;
        }
    }
    /* RFC 5322 section 4.3: what the military letters meant was told wrongly in RFC 822. */
    note(reader, name.len == 1 && g_ascii_toupper(name.data[0]) != 'J'
                     ? "military zone, taken as UTC"
                     : "zone not known, taken as UTC");
    return 0;
}

/* False only for "AM" and "PM": a time of twelve hours would be misread. */
static bool
read_zone(Reader *reader, Civil *civil)
{
    if (reader->at == reader->end) {
        note(reader, "zone missing, taken as UTC");
        return true;
    }
    if (read_offset(reader, &civil->offset))
        return true;

    DsnSpan name = read_word(reader);
    if (name.len == 0) {
        note(reader, "zone not known, taken as UTC");
        return true;
    }
    if (dsn_span_is(name, "AM") || dsn_span_is(name, "PM"))
        return false;
    civil->offset = zone_by_name(name, reader);
    if (dsn_span_is(name, "GMT") || dsn_span_is(name, "UTC")) {
        if (read_offset(reader, &civil->offset))
            note(reader, "zone has a name and an offset");
    }
    return true;
}

/* "2005-03-08T18:00:00.123Z". With @lenient, a space for "T", spaces before the zone, and other
 * forms of it or none. The fraction is left to the caller, in @ret_fraction. */
static bool
read_iso(Reader *reader, bool lenient, Civil *civil, DsnSpan *ret_fraction)
{
    int year = 0;

    if (!read_exact(reader, 4, &year) || !skip_char(reader, '-') ||
        !read_exact(reader, 2, &civil->month) || !skip_char(reader, '-') ||
        !read_exact(reader, 2, &civil->day))
        return false;
    civil->year = year;
    if (!skip_char(reader, 'T') && !skip_char(reader, 't') && !skip_char(reader, ' '))
        return false;
    if (!read_exact(reader, 2, &civil->hour) || !skip_char(reader, ':') ||
        !read_exact(reader, 2, &civil->minute) || !skip_char(reader, ':') ||
        !read_exact(reader, 2, &civil->second))
        return false;

    *ret_fraction = DSN_SPAN_ABSENT;
    if (skip_char(reader, '.')) {
        const char *start = reader->at;
        while (reader->at < reader->end && g_ascii_isdigit(*reader->at))
            reader->at++;
        *ret_fraction = (DsnSpan){start, (size_t)(reader->at - start)};
        if (ret_fraction->len == 0)
            return false;
    }
    if (lenient) {
        skip_space(reader);
        return read_zone(reader, civil);
    }
    if (skip_char(reader, 'Z') || skip_char(reader, 'z'))
        return true;

    bool west = reader->at < reader->end && *reader->at == '-';
    int hours = 0, minutes = 0;
    if ((!skip_char(reader, '+') && !skip_char(reader, '-')) || !read_exact(reader, 2, &hours) ||
        !skip_char(reader, ':') || !read_exact(reader, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    civil->offset = (hours * 60 + minutes) * (west ? -1 : 1);
    return true;
}

/* "8 Mar 2005 14:00:00 -0500", the reader at the day; '-' between the parts of the date is a habit
 * of Usenet and IMAP. */
static bool
read_rfc5322(Reader *reader, Civil *civil)
{
    if (read_digits(reader, 2, &civil->day) == 0)
        return false;
    skip_space(reader);
    bool dashed = skip_char(reader, '-');
    skip_space(reader);
    civil->month = read_month(reader);
    skip_space(reader);
    if (skip_char(reader, '-') || dashed)
        note(reader, "date is joined with hyphens");
    skip_space(reader);
    if (!read_year(reader, &civil->year))
        return false;
    if (skip_char(reader, ','))
        note(reader, "comma after the date");
    skip_space(reader);
    if (!read_time(reader, civil))
        return false;
    skip_space(reader);
    return read_zone(reader, civil);
}

/* "Jan 19 14:32:40 2016" as of asctime(), with a zone before the year as of date(1), or "Jan 19,
 * 2016 14:32:40 +0000"; the reader at the month. */
static bool
read_month_first(Reader *reader, Civil *civil)
{
    note(reader, "month before the day");
    civil->month = read_month(reader);
    skip_space(reader);
    if (read_digits(reader, 2, &civil->day) == 0)
        return false;
    (void)skip_char(reader, ',');
    skip_space(reader);

    Reader ahead = *reader;
    int number = 0;
    if (read_digits(&ahead, 4, &number) > 2) {
        civil->year = number;
        *reader = ahead;
        skip_space(reader);
        if (!read_time(reader, civil))
            return false;
        skip_space(reader);
        return read_zone(reader, civil);
    }
    if (!read_time(reader, civil))
        return false;
    skip_space(reader);
    bool zone = reader->at < reader->end && !g_ascii_isdigit(*reader->at);
    if (zone && !read_zone(reader, civil))
        return false;
    skip_space(reader);
    if (!read_year(reader, &civil->year))
        return false;
    skip_space(reader);
    return zone || read_zone(reader, civil);
}

/* It may be missing. */
static void
read_weekday(Reader *reader, Civil *civil)
{
    Reader ahead = *reader;
    DsnSpan word = read_word(&ahead);

    civil->weekday = find_name(word, day_names, 7);
    if (civil->weekday < 0)
        return;
    *reader = ahead;
    if (word.len > 3)
        note(reader, "weekday is not abbreviated to three letters");
    (void)skip_char(reader, '.');
    skip_space(reader);
    bool comma = skip_char(reader, ',');
    skip_space(reader);
    if (!comma && reader->at < reader->end && g_ascii_isdigit(*reader->at))
        note(reader, "no comma after the weekday");
}

static bool
read_date(Reader *reader, Civil *civil)
{
    DsnSpan fraction;

    skip_space(reader);
    read_weekday(reader, civil);
    if (reader->at < reader->end && g_ascii_isalpha(*reader->at))
        return read_month_first(reader, civil);
    if (reader->end - reader->at > 4 && reader->at[4] == '-' && g_ascii_isdigit(reader->at[3])) {
        note(reader, "date in the form of ISO 8601");
        return read_iso(reader, true, civil, &fraction);
    }
    return read_rfc5322(reader, civil);
}

DsnDateResult
dsn_date_parse(DsnSpan text, int64_t *ret_time, const char **ret_detail)
{
    if (!dsn_span_present(text))
        return DSN_DATE_NONE;

    Reader reader = {.at = text.data, .end = text.data + text.len};
    Civil civil = {.weekday = -1};

    if (!read_date(&reader, &civil))
        return DSN_DATE_NONE;
    skip_space(&reader);
    if (reader.at < reader.end)
        note(&reader, "text after the date");
    if (!civil_to_time(&civil, &reader, ret_time))
        return DSN_DATE_NONE;
    if (reader.doubt == NULL)
        return DSN_DATE_GOOD;
    *ret_detail = reader.doubt;
    return DSN_DATE_DOUBT;
}

bool
dsn_date_from_rfc3339(DsnSpan text, int64_t *ret_time, uint32_t *ret_nanoseconds)
{
    if (!dsn_span_present(text))
        return false;

    Reader reader = {.at = text.data, .end = text.data + text.len};
    Civil civil = {.weekday = -1};
    DsnSpan fraction;

    if (!read_iso(&reader, false, &civil, &fraction) || reader.at < reader.end ||
        !civil_to_time(&civil, &reader, ret_time))
        return false;

    uint32_t nanoseconds = 0; /* further digits are cut */
    for (size_t i = 0; i < 9; i++)
        nanoseconds =
            nanoseconds * 10 + (i < fraction.len ? (uint32_t)(fraction.data[i] - '0') : 0);
    *ret_nanoseconds = nanoseconds;
    return true;
}

static void
civil_from_time(int64_t time, Civil *civil)
{
    g_assert(time >= DSN_TIME_MIN && time <= DSN_TIME_MAX);

    /* Counted from a day before DSN_TIME_MIN, so that nothing is negative. */
    const int64_t shift = -(DSN_TIME_MIN / SECONDS_OF_DAY);
    int64_t days = (time - DSN_TIME_MIN) / SECONDS_OF_DAY - shift;
    int second = (int)((time - DSN_TIME_MIN) % SECONDS_OF_DAY);

    civil_from_days(days, civil);
    civil->weekday = weekday_from_days(days);
    civil->hour = second / 3600;
    civil->minute = second / 60 % 60;
    civil->second = second % 60;
}

/* Writes @number in @width digits and returns what follows. */
static char *
put_number(char *at, uint32_t number, int width)
{
    for (int i = width - 1; i >= 0; i--, number /= 10)
        at[i] = (char)('0' + number % 10);
    return at + width;
}

static char *
put_name(char *at, const char *name)
{
    memcpy(at, name, 3);
    return at + 3;
}

static char *
put_time(char *at, const Civil *civil)
{
    at = put_number(at, (uint32_t)civil->hour, 2);
    *at++ = ':';
    at = put_number(at, (uint32_t)civil->minute, 2);
    *at++ = ':';
    return put_number(at, (uint32_t)civil->second, 2);
}

const char *
dsn_date_to_rfc5322(int64_t time, char *buffer)
{
    static const char zone[] = " +0000";
    Civil civil;
    char *at = buffer;

    civil_from_time(time, &civil);
    at = put_name(at, day_names[civil.weekday]);
    *at++ = ',';
    *at++ = ' ';
    at = put_number(at, (uint32_t)civil.day, civil.day < 10 ? 1 : 2);
    *at++ = ' ';
    at = put_name(at, month_names[civil.month - 1]);
    *at++ = ' ';
    at = put_number(at, (uint32_t)civil.year, 4);
    *at++ = ' ';
    at = put_time(at, &civil);
    memcpy(at, zone, sizeof(zone));
    return buffer;
}

const char *
dsn_date_to_rfc3339(int64_t time, uint32_t nanoseconds, char *buffer)
{
    Civil civil;
    char *at = buffer;

    g_assert(nanoseconds <= 999999999);
    civil_from_time(time, &civil);
    at = put_number(at, (uint32_t)civil.year, 4);
    *at++ = '-';
    at = put_number(at, (uint32_t)civil.month, 2);
    *at++ = '-';
    at = put_number(at, (uint32_t)civil.day, 2);
    *at++ = 'T';
    at = put_time(at, &civil);
    if (nanoseconds > 0) {
        *at++ = '.';
        if (nanoseconds % 1000000 == 0)
            at = put_number(at, nanoseconds / 1000000, 3);
        else if (nanoseconds % 1000 == 0)
            at = put_number(at, nanoseconds / 1000, 6);
        else
            at = put_number(at, nanoseconds, 9);
    }
    *at++ = 'Z';
    *at = '\0';
    return buffer;
}
