/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fields to values, in single steps. Whole messages are in test-report-parse.c.
 */
#include "config.h"

#include "mime/feedback-report.h"
#include "tests/support/report.h"
#include "tests/support/unit.h"

/* The report whose machine-readable part is the required fields and @fields, without the defects
 * that come from its being the message itself. */
static DsnReport *
read_fields(const char *fields, GString *message)
{
    g_string_printf(message,
                    "Date: Thu, 2 Jul 2026 09:15:01 +0000\n"
                    "Content-Type: message/feedback-report\n\n"
                    "Feedback-Type: abuse\nUser-Agent: X/1\nVersion: 1\n%s",
                    fields);

    DsnReport *report = dsn_test_parse((DsnSpan){message->str, message->len});
    if (report->defects->len > 0)
        g_array_remove_index(report->defects, 0);
    if (report->defects->len > 0)
        g_array_set_size(report->defects, report->defects->len - 1);
    return report;
}

static const struct {
    const char *label, *field, *want, *defects; /* want NULL: absent */
} addresses[] = {
    {"plain", "192.0.2.1", "192.0.2.1", ""},
    {"comment", "192.0.2.1 (mx.example)", "192.0.2.1", ""},
    {"brackets", "[192.0.2.1]", "192.0.2.1", ""},
    {"IPv6", "2001:db8::1", "2001:db8::1", ""},
    {"prefix", "IPv6:2001:db8::1", "2001:db8::1", ""},
    {"prefix in brackets", "[ipv6:2001:db8::1]", "2001:db8::1", ""},
    {"hidden", "x.x.x.x", "x.x.x.x", "bad-value:Source-IP"},
    {"empty", "", "", "bad-value:Source-IP"},
    {"far too long", "1111:2222:3333:4444:5555:6666:7777:8888:1111:2222:3333:4444:5555:6666",
     "1111:2222:3333:4444:5555:6666:7777:8888:1111:2222:3333:4444:5555:6666",
     "bad-value:Source-IP"},
};

START_TEST(reads_source_ip)
{
    g_autoptr(GString) message = g_string_new(NULL);
    g_autofree char *fields = g_strconcat("Source-IP: ", addresses[_i].field, "\n", NULL);
    g_autoptr(DsnReport) report = read_fields(fields, message);
    g_autofree char *defects = dsn_test_defects(report);

    dsn_assert_span(report->feedback.source_ip, addresses[_i].want, addresses[_i].label);
    dsn_assert_span(dsn_span(defects), addresses[_i].defects, addresses[_i].label);
}
END_TEST

static const struct {
    const char *label, *field;
    int64_t want;
} incidents[] = {
    {"one", "1", 1},
    {"none", "0", 0},
    {"the greatest", "4294967295", G_MAXUINT32},
    {"with a comment", "12 (today)", 12},
    {"one more", "4294967296", -1},
    {"far more", "99999999999999999999999999", -1},
    {"negative", "-1", -1},
    {"text", "many", -1},
    {"digits, then text", "1x", -1},
    {"empty", "", -1},
};

START_TEST(reads_incidents)
{
    g_autoptr(GString) message = g_string_new(NULL);
    g_autofree char *fields = g_strconcat("Incidents: ", incidents[_i].field, "\n", NULL);
    g_autoptr(DsnReport) report = read_fields(fields, message);
    g_autofree char *defects = dsn_test_defects(report);

    ck_assert_msg(report->feedback.incidents == incidents[_i].want, "%s", incidents[_i].label);
    dsn_assert_span(dsn_span(defects), incidents[_i].want < 0 ? "bad-value:Incidents" : "",
                    incidents[_i].label);
}
END_TEST

#define NINE "Thu, 2 Jul 2026 09:00:00 +0000"
#define TEN "Thu, 2 Jul 2026 10:00:00 +0000"
#define NINE_TIME G_GINT64_CONSTANT(1782982800)
#define TEN_TIME G_GINT64_CONSTANT(1782986400)

static const struct {
    const char *label, *fields;
    int64_t want;
    guint extensions;
    const char *defects;
} dates[] = {
    {"Arrival-Date", "Arrival-Date: " NINE "\n", NINE_TIME, 0, ""},
    {"Received-Date", "Received-Date: " TEN "\n", TEN_TIME, 0, ""},
    {"both", "Arrival-Date: " NINE "\nReceived-Date: " TEN "\n", NINE_TIME, 1,
     "duplicate-field:Received-Date"},
    {"both, the other way round", "Received-Date: " TEN "\nArrival-Date: " NINE "\n", NINE_TIME, 1,
     "duplicate-field:Received-Date"},
    {"Arrival-Date is unreadable", "Arrival-Date: today\nReceived-Date: " TEN "\n", TEN_TIME, 0,
     "bad-date:Arrival-Date"},
    {"twice", "Arrival-Date: " NINE "\nArrival-Date: " TEN "\n", NINE_TIME, 0,
     "duplicate-field:Arrival-Date"},
    {"wrong weekday", "Arrival-Date: Fri, 2 Jul 2026 09:00:00 +0000\n", NINE_TIME, 0,
     "bad-date:Arrival-Date"},
    {"none", "Source-Port: 25\n", DSN_TIME_NONE, 1, ""},
};

START_TEST(reads_dates)
{
    g_autoptr(GString) message = g_string_new(NULL);
    g_autoptr(DsnReport) report = read_fields(dates[_i].fields, message);
    g_autofree char *defects = dsn_test_defects(report);

    ck_assert_msg(report->feedback.arrival_date == dates[_i].want, "%s", dates[_i].label);
    ck_assert_msg(report->feedback.extensions->len == dates[_i].extensions, "%s", dates[_i].label);
    dsn_assert_span(dsn_span(defects), dates[_i].defects, dates[_i].label);
}
END_TEST

START_TEST(repeatable_fields_keep_their_order_and_their_limit)
{
    g_autoptr(GString) message = g_string_new(NULL);
    g_autoptr(GString) fields = g_string_new(NULL);
    guint limit = (guint)DSN_LIMITS_DEFAULT.occurrences;

    for (guint i = 0; i < limit + 2; i++)
        g_string_append_printf(fields, "Original-Rcpt-To: <u%u@isp.example>\n", i);
    g_autoptr(DsnReport) report = read_fields(fields->str, message);
    g_autofree char *defects = dsn_test_defects(report);
    const GArray *got = report->feedback.original_rcpt_to;

    ck_assert_uint_eq(got->len, limit);
    dsn_assert_span(g_array_index(got, DsnSpan, 0), "u0@isp.example", NULL);
    dsn_assert_span(g_array_index(got, DsnSpan, limit - 1), "u999@isp.example", NULL);
    dsn_assert_span(dsn_span(defects), "limit:Original-Rcpt-To(occurrences)", NULL);
}
END_TEST

START_TEST(a_single_value_counts_once)
{
    g_autoptr(GString) message = g_string_new(NULL);
    g_autoptr(DsnReport) report = read_fields("Feedback-Type: fraud\n", message);
    g_autofree char *defects = dsn_test_defects(report);

    dsn_assert_span(report->feedback.feedback_type, "abuse", NULL);
    dsn_assert_span(dsn_span(defects), "duplicate-field:Feedback-Type", NULL);
    ck_assert_uint_eq(report->fields->len, 4);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("feedback-report");
    TCase *tcase = tcase_create("values");

    tcase_add_loop_test(tcase, reads_source_ip, 0, G_N_ELEMENTS(addresses));
    tcase_add_loop_test(tcase, reads_incidents, 0, G_N_ELEMENTS(incidents));
    tcase_add_loop_test(tcase, reads_dates, 0, G_N_ELEMENTS(dates));
    tcase_add_test(tcase, repeatable_fields_keep_their_order_and_their_limit);
    tcase_add_test(tcase, a_single_value_counts_once);
    suite_add_tcase(suite, tcase);
    return suite;
}
