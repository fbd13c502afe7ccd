/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/date.h"
#include "tests/support/unit.h"

#include <time.h>

#define WEEKDAY "weekday does not match"
#define UNKNOWN "zone not known, taken as UTC"
#define MISSING "zone missing, taken as UTC"
#define MILITARY "military zone, taken as UTC"
#define NAMED "zone name is not of the standard"
#define TRAILING "text after the date"
#define FULL_DAY "weekday is not abbreviated to three letters"
#define FULL_MONTH "month is not abbreviated to three letters"
#define MONTH_FIRST "month before the day"
#define HYPHENS "date is joined with hyphens"
#define ISO "date in the form of ISO 8601"
#define WIDTH "zone is not of four digits"

/* @iso NULL: no date; @doubt NULL: a good one. */
static const struct {
    const char *label;
    const char *text;
    const char *iso;
    const char *doubt;
} rows[] = {
    {"ordinary", "Tue, 1 Jul 2003 08:52:37 +0000", "2003-07-01T08:52:37Z", NULL},
    {"padded day", "Tue, 01 Jul 2003 08:52:37 +0000", "2003-07-01T08:52:37Z", NULL},
    {"east", "Tue, 1 Jul 2003 08:52:37 +0530", "2003-07-01T03:22:37Z", NULL},
    {"west", "Tue, 1 Jul 2003 08:52:37 -0330", "2003-07-01T12:22:37Z", NULL},
    {"zone of another day", "Tue, 1 Jul 2003 23:30:00 -0100", "2003-07-02T00:30:00Z", NULL},
    {"comment at the end", "Mon, 1 Jan 2024 00:00:00 -0500 (EST)", "2024-01-01T05:00:00Z", NULL},
    {"no weekday", "1 Jul 2003 08:52:37 +0000", "2003-07-01T08:52:37Z", NULL},
    {"no seconds", "Tue, 1 Jul 2003 08:52 +0000", "2003-07-01T08:52:00Z", NULL},
    {"case", "tUE, 1 jUL 2003 08:52:37 gmt", "2003-07-01T08:52:37Z", NULL},
    {"folded", "Tue, 1 Jul 2003\r\n 08:52:37\r\n\t+0000\r\n", "2003-07-01T08:52:37Z", NULL},
    {"no spaces", "Tue,1Jul2003 08:52:37+0000", "2003-07-01T08:52:37Z", NULL},
    {"comments everywhere (obsolete)",
     "(a)Tue(b), (c)1(d)Jul(e)2003(f)08(g):(h)52(i):(j)37(k)+0000(l)", "2003-07-01T08:52:37Z",
     NULL},
    {"nested comment", "Tue, 1 Jul 2003 (a(b)\\)(c))08:52:37 +0000", "2003-07-01T08:52:37Z", NULL},
    {"two digits of year (QRK-08)", "Thu, 02 Jul 26 18:55:38 UTC", "2026-07-02T18:55:38Z", NULL},
    {"two digits of the last century", "Fri, 21 Nov 97 09:55:06 -0600", "1997-11-21T15:55:06Z",
     NULL},
    {"year 49", "1 Jan 49 00:00 GMT", "2049-01-01T00:00:00Z", NULL},
    {"year 50", "1 Jan 50 00:00 GMT", "1950-01-01T00:00:00Z", NULL},
    {"three digits of year", "1 Jan 103 00:00 GMT", "2003-01-01T00:00:00Z", NULL},
    {"EDT", "Tue, 8 Mar 2005 14:00:00 EDT", "2005-03-08T18:00:00Z", NULL},
    {"CST is American", "Tue, 8 Mar 2005 14:00:00 CST", "2005-03-08T20:00:00Z", NULL},
    {"Z", "Tue, 8 Mar 2005 14:00:00 Z", "2005-03-08T14:00:00Z", NULL},
    {"UT", "Tue, 8 Mar 2005 14:00:00 UT", "2005-03-08T14:00:00Z", NULL},
    {"-0000", "Tue, 8 Mar 2005 14:00:00 -0000", "2005-03-08T14:00:00Z", NULL},
    {"leap second", "Sat, 31 Dec 2016 23:59:60 +0000", "2017-01-01T00:00:00Z", NULL},
    {"leap day", "Thu, 29 Feb 2024 00:00:00 +0000", "2024-02-29T00:00:00Z", NULL},
    {"leap day of a century", "29 Feb 2000 00:00:00 +0000", "2000-02-29T00:00:00Z", NULL},
    {"first", "Mon, 1 Jan 0001 00:00:00 +0000", "0001-01-01T00:00:00Z", NULL},
    {"last", "Fri, 31 Dec 9999 23:59:59 +0000", "9999-12-31T23:59:59Z", NULL},

    {"weekday of RFC 5965's example", "Thu, 8 Mar 2005 14:00:00 EDT", "2005-03-08T18:00:00Z",
     WEEKDAY},
    {"first deviation counts", "Thursday, 8 Mar 2005 14:00:00 QQQ", "2005-03-08T14:00:00Z",
     FULL_DAY},
    {"unknown zone", "Tue, 8 Mar 2005 14:00:00 QQQ", "2005-03-08T14:00:00Z", UNKNOWN},
    {"ambiguous zone", "Tue, 8 Mar 2005 14:00:00 IST", "2005-03-08T14:00:00Z", UNKNOWN},
    {"J is no zone", "Tue, 8 Mar 2005 14:00:00 J", "2005-03-08T14:00:00Z", UNKNOWN},
    {"military zone", "Tue, 8 Mar 2005 14:00:00 A", "2005-03-08T14:00:00Z", MILITARY},
    {"offset out of range", "Tue, 8 Mar 2005 14:00:00 +0160", "2005-03-08T14:00:00Z", UNKNOWN},
    {"CEST", "Tue, 8 Mar 2005 14:00:00 CEST", "2005-03-08T12:00:00Z", NAMED},
    {"NST", "Tue, 8 Mar 2005 14:00:00 nst", "2005-03-08T17:30:00Z", NAMED},
    {"ACDT", "Tue, 8 Mar 2005 14:00:00 ACDT", "2005-03-08T03:30:00Z", NAMED},
    {"no zone", "Tue, 8 Mar 2005 14:00:00", "2005-03-08T14:00:00Z", MISSING},
    {"colon in the zone", "Tue, 8 Mar 2005 14:00:00 +02:30", "2005-03-08T11:30:00Z", WIDTH},
    {"hours only", "Tue, 8 Mar 2005 14:00:00 -8", "2005-03-08T22:00:00Z", WIDTH},
    {"name and offset", "Tue, 8 Mar 2005 14:00:00 GMT+0200", "2005-03-08T12:00:00Z",
     "zone has a name and an offset"},
    {"fraction", "Tue, 8 Mar 2005 14:00:00.123 +0000", "2005-03-08T14:00:00Z",
     "fraction of a second"},
    {"trailing text", "Tue, 8 Mar 2005 14:00:00 +0000 x", "2005-03-08T14:00:00Z", TRAILING},
    {"trailing semicolon", "Tue, 8 Mar 2005 14:00:00 +0000;", "2005-03-08T14:00:00Z", TRAILING},
    {"comment is open", "Tue, 8 Mar 2005 14:00:00 +0000 (EST", "2005-03-08T14:00:00Z",
     "comment is not closed"},
    {"no comma", "Tue 8 Mar 2005 14:00:00 +0000", "2005-03-08T14:00:00Z",
     "no comma after the weekday"},
    {"full weekday", "Tuesday, 08-Mar-05 14:00:00 GMT", "2005-03-08T14:00:00Z", FULL_DAY},
    {"full month", "Tue, 8 March 2005 14:00:00 +0000", "2005-03-08T14:00:00Z", FULL_MONTH},
    {"Sept", "Tue, 6 Sept. 2005 14:00:00 +0000", "2005-09-06T14:00:00Z", FULL_MONTH},
    {"hyphens", "08-Mar-2005 14:00:00 +0000", "2005-03-08T14:00:00Z", HYPHENS},
    {"comma after the year", "Tue, 8 Mar 2005, 14:00:00 +0000", "2005-03-08T14:00:00Z",
     "comma after the date"},
    {"asctime", "Tue Jan 19 14:32:40 2016", "2016-01-19T14:32:40Z", MONTH_FIRST},
    {"asctime, padded with a space", "Fri Jan  1 14:32:40 2016", "2016-01-01T14:32:40Z",
     MONTH_FIRST},
    {"asctime and zone", "Tue Jan 19 14:32:40 2016 -0100", "2016-01-19T15:32:40Z", MONTH_FIRST},
    {"date(1)", "Tue Jan 19 14:32:40 CET 2016", "2016-01-19T13:32:40Z", MONTH_FIRST},
    {"American", "January 19, 2016 14:32:40 +0000", "2016-01-19T14:32:40Z", MONTH_FIRST},
    {"ISO", "2005-03-08T18:00:00Z", "2005-03-08T18:00:00Z", ISO},
    {"ISO with spaces", "2005-03-08 18:00:00 -0100", "2005-03-08T19:00:00Z", ISO},
    {"ISO with fraction", "2005-03-08T18:00:00.5+01:00", "2005-03-08T17:00:00Z", ISO},
    {"ISO without zone", "2005-03-08T18:00:00", "2005-03-08T18:00:00Z", ISO},

    {"empty", "", NULL, NULL},
    {"spaces", " \r\n ", NULL, NULL},
    {"open comment", "(((((", NULL, NULL},
    {"words", "yesterday at noon", NULL, NULL},
    {"weekday only", "Tue,", NULL, NULL},
    {"number only", "1117823424", NULL, NULL},
    {"date only", "Tue, 8 Mar 2005", NULL, NULL},
    {"German", "Di, 8 M\xc3\xa4r 2005 14:00:00 +0100", NULL, NULL},
    {"French", "mar. 8 mars 2005 14:00:00 +0100", NULL, NULL},
    {"month of two letters", "8 Ma 2005 14:00:00 +0100", NULL, NULL},
    {"month with a tail", "8 Marxx 2005 14:00:00 +0100", NULL, NULL},
    {"one digit of year", "8 Mar 5 14:00:00 +0100", NULL, NULL},
    {"five digits of year", "8 Mar 20050 14:00:00 +0100", NULL, NULL},
    {"year 0", "1 Jan 0000 00:00:00 +0000", NULL, NULL},
    {"before the first", "1 Jan 0001 00:00:00 +0100", NULL, NULL},
    {"after the last", "31 Dec 9999 23:59:59 -0100", NULL, NULL},
    {"day 0", "0 Mar 2005 14:00:00 +0000", NULL, NULL},
    {"day 32", "32 Mar 2005 14:00:00 +0000", NULL, NULL},
    {"31 April", "31 Apr 2005 14:00:00 +0000", NULL, NULL},
    {"no leap day", "29 Feb 2005 14:00:00 +0000", NULL, NULL},
    {"no leap day of a century", "29 Feb 1900 14:00:00 +0000", NULL, NULL},
    {"three digits of day", "008 Mar 2005 14:00:00 +0000", NULL, NULL},
    {"hour 24", "8 Mar 2005 24:00:00 +0000", NULL, NULL},
    {"minute 60", "8 Mar 2005 14:60:00 +0000", NULL, NULL},
    {"second 61", "8 Mar 2005 14:00:61 +0000", NULL, NULL},
    {"one digit of minute", "8 Mar 2005 14:0:00 +0000", NULL, NULL},
    {"half a day", "8 Mar 2005 02:00:00 PM", NULL, NULL},
    {"negative", "-8 Mar 2005 14:00:00 +0000", NULL, NULL},
    {"ISO month 13", "2005-13-08T18:00:00Z", NULL, NULL},
    {"8-bit", "\xff\xfe", NULL, NULL},
};

START_TEST(parses_or_not)
{
    const char *label = rows[_i].label;
    int64_t time = 7;
    const char *detail = NULL;
    char buffer[DSN_DATE_MAX];
    DsnDateResult result = dsn_date_parse(dsn_span(rows[_i].text), &time, &detail);

    if (rows[_i].iso == NULL) {
        ck_assert_msg(result == DSN_DATE_NONE, "%s: %d", label, result);
        ck_assert_msg(time == 7, "%s: time was written", label);
        return;
    }
    ck_assert_msg(result != DSN_DATE_NONE, "%s: no date", label);
    dsn_date_to_rfc3339(time, 0, buffer);
    ck_assert_msg(strcmp(buffer, rows[_i].iso) == 0, "%s: %s", label, buffer);
    if (rows[_i].doubt == NULL) {
        ck_assert_msg(result == DSN_DATE_GOOD, "%s: %s", label, detail);
    } else {
        ck_assert_msg(result == DSN_DATE_DOUBT, "%s: no doubt", label);
        ck_assert_msg(strcmp(detail, rows[_i].doubt) == 0, "%s: %s", label, detail);
    }
}
END_TEST

START_TEST(absent_is_no_date)
{
    int64_t time = 7;
    uint32_t nanoseconds = 7;
    const char *detail = NULL;

    ck_assert_int_eq(dsn_date_parse(DSN_SPAN_ABSENT, &time, &detail), DSN_DATE_NONE);
    ck_assert(!dsn_date_from_rfc3339(DSN_SPAN_ABSENT, &time, &nanoseconds));
    ck_assert_int_eq(time, 7);
}
END_TEST

/* True if all that we write and read of @time is what the C library says. The C locale, in which
 * check runs, has the names of RFC 5322. */
static bool
agrees(int64_t time)
{
    char ours[DSN_DATE_MAX], day[8], month[8];
    struct tm parts;
    time_t library = (time_t)time;
    int64_t from_iso = 0, from_mail = 0;
    uint32_t nanoseconds = 1;
    const char *detail = NULL;

    if (gmtime_r(&library, &parts) == NULL || strftime(day, sizeof(day), "%a", &parts) == 0 ||
        strftime(month, sizeof(month), "%b", &parts) == 0)
        return false;
    g_autofree char *clock =
        g_strdup_printf("%02d:%02d:%02d", parts.tm_hour, parts.tm_min, parts.tm_sec);
    g_autofree char *iso = g_strdup_printf("%04d-%02d-%02dT%sZ", parts.tm_year + 1900,
                                           parts.tm_mon + 1, parts.tm_mday, clock);
    g_autofree char *mail = g_strdup_printf("%s, %d %s %04d %s +0000", day, parts.tm_mday, month,
                                            parts.tm_year + 1900, clock);
    return strcmp(dsn_date_to_rfc3339(time, 0, ours), iso) == 0 &&
           strcmp(dsn_date_to_rfc5322(time, ours), mail) == 0 &&
           dsn_date_from_rfc3339(dsn_span(iso), &from_iso, &nanoseconds) && from_iso == time &&
           nanoseconds == 0 && timegm(&parts) == time &&
           dsn_date_parse(dsn_span(mail), &from_mail, &detail) == DSN_DATE_GOOD &&
           from_mail == time;
}

/* At uneven steps over all the years that there are. */
START_TEST(agrees_with_the_c_library)
{
    for (int64_t time = DSN_TIME_MIN; time <= DSN_TIME_MAX; time += 86400 * 37 + 3607) {
        if (!agrees(time))
            ck_abort_msg("%" G_GINT64_FORMAT, time);
    }
}
END_TEST

START_TEST(prints)
{
    char buffer[DSN_DATE_MAX];

    ck_assert_str_eq(dsn_date_to_rfc5322(1057049557, buffer), "Tue, 1 Jul 2003 08:52:37 +0000");
    ck_assert_str_eq(dsn_date_to_rfc5322(0, buffer), "Thu, 1 Jan 1970 00:00:00 +0000");
    ck_assert_str_eq(dsn_date_to_rfc5322(-1, buffer), "Wed, 31 Dec 1969 23:59:59 +0000");
    ck_assert_str_eq(dsn_date_to_rfc5322(DSN_TIME_MIN, buffer), "Mon, 1 Jan 0001 00:00:00 +0000");
    ck_assert_str_eq(dsn_date_to_rfc5322(DSN_TIME_MAX, buffer), "Fri, 31 Dec 9999 23:59:59 +0000");
    ck_assert_str_eq(dsn_date_to_rfc3339(0, 120000000, buffer), "1970-01-01T00:00:00.120Z");
    ck_assert_str_eq(dsn_date_to_rfc3339(0, 1000, buffer), "1970-01-01T00:00:00.000001Z");
    ck_assert_str_eq(dsn_date_to_rfc3339(0, 440526026, buffer), "1970-01-01T00:00:00.440526026Z");
    ck_assert_str_eq(dsn_date_to_rfc3339(DSN_TIME_MAX, 999999999, buffer),
                     "9999-12-31T23:59:59.999999999Z");
}
END_TEST

static const struct {
    const char *label;
    const char *text;
    bool good;
    int64_t time;
    uint32_t nanoseconds;
} iso_rows[] = {
    {"plain", "2025-09-12T11:08:01Z", true, 1757675281, 0},
    {"nanoseconds", "2025-09-12T11:08:01.440526026Z", true, 1757675281, 440526026},
    {"milliseconds", "2025-09-12T11:08:01.120Z", true, 1757675281, 120000000},
    {"one digit", "2025-09-12T11:08:01.5Z", true, 1757675281, 500000000},
    {"more than nine digits", "2025-09-12T11:08:01.1234567899999Z", true, 1757675281, 123456789},
    {"zone", "2025-09-12T13:08:01+02:00", true, 1757675281, 0},
    {"zone to the west", "2025-09-12T07:38:01.5-03:30", true, 1757675281, 500000000},
    {"small letters", "2025-09-12t11:08:01z", true, 1757675281, 0},
    {"space for T", "2025-09-12 11:08:01Z", true, 1757675281, 0},
    {"leap second", "2016-12-31T23:59:60Z", true, 1483228800, 0},
    {"no zone", "2025-09-12T11:08:01", false, 0, 0},
    {"zone without colon", "2025-09-12T11:08:01+0200", false, 0, 0},
    {"zone too large", "2025-09-12T11:08:01+24:00", false, 0, 0},
    {"space before", " 2025-09-12T11:08:01Z", false, 0, 0},
    {"space after", "2025-09-12T11:08:01Z ", false, 0, 0},
    {"point without digits", "2025-09-12T11:08:01.Z", false, 0, 0},
    {"no seconds", "2025-09-12T11:08Z", false, 0, 0},
    {"date only", "2025-09-12", false, 0, 0},
    {"no such day", "2025-09-31T11:08:01Z", false, 0, 0},
    {"year 0", "0000-01-01T00:00:00Z", false, 0, 0},
    {"five digits of year", "12025-09-12T11:08:01Z", false, 0, 0},
    {"RFC 5322", "Tue, 1 Jul 2003 08:52:37 +0000", false, 0, 0},
    {"empty", "", false, 0, 0},
};

START_TEST(reads_rfc3339)
{
    int64_t time = 7;
    uint32_t nanoseconds = 7;
    bool good = dsn_date_from_rfc3339(dsn_span(iso_rows[_i].text), &time, &nanoseconds);

    ck_assert_msg(good == iso_rows[_i].good, "%s", iso_rows[_i].label);
    ck_assert_msg(time == (good ? iso_rows[_i].time : 7), "%s: %ld", iso_rows[_i].label,
                  (long)time);
    ck_assert_msg(nanoseconds == (good ? iso_rows[_i].nanoseconds : 7), "%s: %u",
                  iso_rows[_i].label, nanoseconds);
}
END_TEST

START_TEST(long_input_takes_no_long_time)
{
    g_autoptr(GString) text = g_string_new("Tue, 8 Mar 2005 14:00:00 +0000 ");
    int64_t time = 0;
    const char *detail = NULL;

    for (int i = 0; i < 1000000; i++)
        g_string_append_c(text, '(');
    ck_assert_int_eq(dsn_date_parse((DsnSpan){text->str, text->len}, &time, &detail),
                     DSN_DATE_DOUBT);
    for (int i = 0; i < 1000000; i++)
        g_string_append_c(text, ')');
    ck_assert_int_eq(dsn_date_parse((DsnSpan){text->str, text->len}, &time, &detail),
                     DSN_DATE_GOOD);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("date");
    TCase *tcase = tcase_create("date");

    tcase_add_loop_test(tcase, parses_or_not, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, absent_is_no_date);
    tcase_add_test(tcase, agrees_with_the_c_library);
    tcase_add_test(tcase, prints);
    tcase_add_loop_test(tcase, reads_rfc3339, 0, G_N_ELEMENTS(iso_rows));
    tcase_add_test(tcase, long_input_takes_no_long_time);
    suite_add_tcase(suite, tcase);
    return suite;
}
