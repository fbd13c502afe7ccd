/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/report-record.h"
#include "tests/support/unit.h"

#include <jansson.h>

#define NOON 1795176000 /* 2026-11-20T12:00:00Z */
#define DAY (24 * 60 * 60)

static const DsnArrival from_file = {
    .message = {"x", 1},
    .time = NOON,
    .nanoseconds = 5000000,
};

static const DsnArrival by_smtp = {
    .message = {"xyz", 3},
    .id = {"0123", 4},
    .sender = {"mailer@isp.example", 18},
    .recipient = {"bounce+1@Shop.Example", 21},
    .peer_name = {"helo.isp.example", 16},
    .peer_addr = {"192.0.2.9", 9},
    .reception_protocol = {"ESMTP", 5},
    .nodeid = {"node", 4},
    .time = NOON,
};

/* A DSN with one failed recipient, and the record that it makes. */
typedef struct Bounce {
    DsnReport *report;
    DsnPerRecipient *recipient;
} Bounce;

static Bounce
bounce_new(void)
{
    DsnReport *report = dsn_report_new();
    DsnPerRecipient *recipient = dsn_report_add_recipient(report);

    report->kind = DSN_REPORT_DELIVERY_STATUS;
    recipient->action = DSN_ACTION_FAILED;
    recipient->final_recipient = (DsnTyped){DSN_SPAN_LITERAL("rfc822"), DSN_SPAN_LITERAL("f@x")};
    recipient->status = (DsnStatusCode){5, 1, 1};
    return (Bounce){report, recipient};
}

static json_t *
record_of(const DsnReport *report, const DsnArrival *arrival)
{
    g_autoptr(GString) lines = g_string_new(NULL);

    ck_assert_uint_eq(dsn_report_write_records(report, arrival, lines, NULL), 1);
    json_t *record = json_loadb(lines->str, lines->len, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_msg(json_is_object(record), "%s", lines->str);
    return record;
}

/* The value at @path, keys joined by dots, as compact JSON (transfer full). */
static char *
dup_at(const json_t *value, const char *path)
{
    g_auto(GStrv) keys = g_strsplit(path, ".", -1);

    for (char **key = keys; *key != NULL; key++)
        value = json_object_get(value, *key);
    ck_assert_msg(value != NULL, "%s", path);
    return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}

static void
check_at(const json_t *record, const char *path, const char *expected)
{
    g_autofree char *json = dup_at(record, path);

    ck_assert_msg(strcmp(json, expected) == 0, "%s: %s, expected %s", path, json, expected);
}

typedef struct Expected {
    const char *path;
    const char *json;
} Expected;

static void
check_all(const json_t *record, const Expected *expected, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_at(record, expected[i].path, expected[i].json);
}

START_TEST(a_bounce_by_smtp)
{
    static const Expected expected[] = {
        {"type", "\"OOB\""},
        {"id", "\"0123\""},
        {"sender", "\"bounce+1@Shop.Example\""},
        {"recipient", "\"o@x\""}, /* rule OOB-11 */
        {"queue", "\"shop.example\""},
        {"site", "\"\""},
        {"size", "0"},
        {"peer_address", "{\"name\":\"mx.isp.example\",\"addr\":\"192.0.2.9\"}"},
        {"timestamp", "1795176000"},
        {"created", "1795176000"},
        {"num_attempts", "0"},
        {"feedback_report", "null"},
        {"delivery_protocol", "null"},
        {"reception_protocol", "\"ESMTP\""},
        {"nodeid", "\"node\""},
        {"dsnarf.verified", "false"},
        {"dsnarf.null_sender", "false"}, /* rule OOB-18 */
        {"dsnarf.original_envelope_id", "\"e1\""},
        {"dsnarf.per_recipient.final_recipient.recipient", "\"f@x\""},
        {"dsnarf.per_recipient.original_recipient.recipient", "\"o@x\""},
    };
    Bounce bounce = bounce_new();
    g_autoptr(DsnReport) report = bounce.report;
    bounce.recipient->original_recipient.value = DSN_SPAN_LITERAL("o@x");
    report->per_message.original_envelope_id = DSN_SPAN_LITERAL("e1");
    report->per_message.reporting_mta =
        (DsnTyped){DSN_SPAN_LITERAL("dns"), DSN_SPAN_LITERAL("mx.isp.example")};
    json_auto_t *record = record_of(report, &by_smtp);

    check_all(record, expected, G_N_ELEMENTS(expected));
}
END_TEST

START_TEST(a_bounce_from_a_file)
{
    static const Expected expected[] = {
        {"id", "\"2d711642b726b04401627ca9fbac32f5\""}, /* sha256sum of "x" */
        {"sender", "\"\""},
        {"recipient", "\"f@x\""},
        {"queue", "\"\""},
        {"peer_address", "null"},
        {"event_time", "\"2026-11-20T12:00:00.005Z\""},
        {"reception_protocol", "null"},
        {"nodeid", "\"00000000-0000-0000-0000-000000000000\""},
        {"dsnarf.null_sender", "null"},
    };
    Bounce bounce = bounce_new();
    g_autoptr(DsnReport) report = bounce.report;
    json_auto_t *record = record_of(report, &from_file);

    check_all(record, expected, G_N_ELEMENTS(expected));
}
END_TEST

START_TEST(a_feedback_report)
{
    static const Expected smtp[] = {
        {"type", "\"Feedback\""},
        {"sender", "\"mailer@isp.example\""},
        {"recipient", "\"bounce+1@Shop.Example\""},
        {"queue", "\"shop.example\""},
        {"size", "3"},
        {"response", "{\"code\":250,\"enhanced_code\":null,\"content\":\"\",\"command\":null}"},
        {"peer_address", "{\"name\":\"helo.isp.example\",\"addr\":\"192.0.2.9\"}"},
        {"feedback_report.feedback_type", "\"abuse\""},
        {"dsnarf.authentication_failure", "null"},
    };
    static const Expected file[] = {
        {"sender", "\"r@x\""},
        {"recipient", "[]"},
        {"queue", "\"\""},
        {"peer_address", "null"},
        {"dsnarf.null_sender", "false"},
    };
    g_autoptr(DsnReport) report = dsn_report_new();
    report->kind = DSN_REPORT_FEEDBACK;
    report->feedback.feedback_type = DSN_SPAN_LITERAL("abuse");
    report->envelope.return_path = DSN_SPAN_LITERAL("r@x");
    json_auto_t *by_session = record_of(report, &by_smtp);
    json_auto_t *by_path = record_of(report, &from_file);

    check_all(by_session, smtp, G_N_ELEMENTS(smtp));
    check_all(by_path, file, G_N_ELEMENTS(file));
}
END_TEST

static const struct {
    const char *diagnostic; /* NULL: none */
    DsnStatusCode status;
    const char *response;
} responses[] = {
    {"550 no such user", {5, 1, 1}, "550,[5,1,1],no such user"},
    {"550 5.1.1 no such user", {5, 1, 1}, "550,[5,1,1],no such user"},
    {"550 5.1.1  no \t such user", {5, 1, 1}, "550,[5,1,1],no such user"},
    {"550 5.1.1 =?utf-8?Q?no_such_user?=", {5, 1, 1}, "550,[5,1,1],no such user"},
    {"=?utf-8?Q?552_5.2.2_full?=", {5, 0, 0}, "552,[5,2,2],full"},
    {"550-5.1.1 no\n550 5.1.1 such user", {5, 1, 1}, "550,[5,1,1],no such user"},
    {"host x said: 554 5.7.1 spam", {5, 0, 0}, "554,[5,7,1],spam"}, /* rule QRK-10 */
    {"550 5.1.1 gone", {5, 2, 1}, "550,[5,2,1],gone"},
    {"550 5.1.1 gone", {0, 0, 0}, "550,[5,1,1],gone"},
    {"450 4.2.2 full", {5, 0, 0}, "450,[5,0,0],full"},
    {"user unknown", {5, 1, 1}, "550,[5,1,1],user unknown"},
    {NULL, {5, 1, 1}, "550,[5,1,1],"},
    {NULL, {0, 0, 0}, "550,null,"},
};

START_TEST(the_response_is_in_the_diagnostic)
{
    Bounce bounce = bounce_new();
    g_autoptr(DsnReport) report = bounce.report;
    bounce.recipient->diagnostic_code.value = dsn_span(responses[_i].diagnostic);
    bounce.recipient->status = responses[_i].status;
    json_auto_t *record = record_of(report, &by_smtp);
    const json_t *response = json_object_get(record, "response");
    const json_t *enhanced = json_object_get(response, "enhanced_code");
    g_autoptr(GString) text = g_string_new(NULL);

    g_string_printf(text, "%d,", (int)json_integer_value(json_object_get(response, "code")));
    if (json_is_object(enhanced))
        g_string_append_printf(text, "[%d,%d,%d]",
                               (int)json_integer_value(json_object_get(enhanced, "class")),
                               (int)json_integer_value(json_object_get(enhanced, "subject")),
                               (int)json_integer_value(json_object_get(enhanced, "detail")));
    else
        g_string_append(text, "null");
    g_string_append_printf(text, ",%s", json_string_value(json_object_get(response, "content")));
    ck_assert_str_eq(text->str, responses[_i].response);
}
END_TEST

/* An untrusted date counts only near the arrival. */
static const struct {
    int64_t attempt;
    int64_t event;
    bool defect;
} attempts[] = {
    {DSN_TIME_NONE, NOON, false},
    {NOON - 60, NOON - 60, false},
    {NOON - 30 * DAY, NOON - 30 * DAY, false},
    {NOON - 30 * DAY - 1, NOON, true},
    {NOON + DAY, NOON + DAY, false},
    {NOON + DAY + 1, NOON, true},
    {0, NOON, true},
    {DSN_TIME_MIN, NOON, true},
    {DSN_TIME_MAX, NOON, true},
};

START_TEST(the_last_attempt_is_the_event)
{
    Bounce bounce = bounce_new();
    g_autoptr(DsnReport) report = bounce.report;
    bounce.recipient->last_attempt_date = attempts[_i].attempt;
    json_auto_t *record = record_of(report, &by_smtp);
    const json_t *defects = json_object_get(json_object_get(record, "dsnarf"), "defects");

    ck_assert_int_eq(json_integer_value(json_object_get(record, "timestamp")), attempts[_i].event);
    ck_assert_int_eq(json_integer_value(json_object_get(record, "created")), NOON);
    ck_assert_uint_eq(json_array_size(defects), attempts[_i].defect ? 1 : 0);
}
END_TEST

/* The Date is the arrival where there was no session, unless it is still to come. */
static const struct {
    int64_t date;
    int64_t from_file;
} dates[] = {
    {DSN_TIME_NONE, NOON}, {NOON, NOON}, {NOON - 1, NOON - 1}, {NOON + 1, NOON}, {0, 0},
};

START_TEST(the_arrival_from_a_file_is_the_date)
{
    Bounce bounce = bounce_new();
    g_autoptr(DsnReport) report = bounce.report;
    report->envelope.date = dates[_i].date;
    json_auto_t *file = record_of(report, &from_file);
    json_auto_t *smtp = record_of(report, &by_smtp);

    ck_assert_int_eq(json_integer_value(json_object_get(file, "created")), dates[_i].from_file);
    ck_assert_int_eq(json_integer_value(json_object_get(smtp, "created")), NOON);
}
END_TEST

/* Rule OOB-07: what is no failure is no bounce. */
START_TEST(only_failures_make_records)
{
    static const DsnAction actions[] = {
        DSN_ACTION_DELAYED,  DSN_ACTION_FAILED, DSN_ACTION_DELIVERED, DSN_ACTION_RELAYED,
        DSN_ACTION_EXPANDED, DSN_ACTION_NONE,   DSN_ACTION_FAILED,
    };
    g_autoptr(DsnReport) report = dsn_report_new();
    g_autoptr(GString) lines = g_string_new(NULL);

    report->kind = DSN_REPORT_DELIVERY_STATUS;
    for (size_t i = 0; i < G_N_ELEMENTS(actions); i++)
        dsn_report_add_recipient(report)->action = actions[i];
    ck_assert_uint_eq(dsn_report_write_records(report, &from_file, lines, NULL), 2);

    g_string_truncate(lines, 0);
    report->kind = DSN_REPORT_DISPOSITION_NOTIFICATION; /* rule MDN-02 */
    ck_assert_uint_eq(dsn_report_write_records(report, &from_file, lines, NULL), 0);
    report->kind = DSN_REPORT_NONE;
    ck_assert_uint_eq(dsn_report_write_records(report, &from_file, lines, NULL), 0);
    ck_assert_uint_eq(lines->len, 0);
}
END_TEST

/* What stands in the record of each recipient must not be large. */
START_TEST(a_thousand_recipients_make_no_flood)
{
    g_autoptr(DsnReport) report = dsn_report_new();
    g_autoptr(GString) lines = g_string_new(NULL);
    g_autofree char *filler = g_strnfill(64 * 1024, 'x');
    DsnSpan text = dsn_span(filler);

    report->kind = DSN_REPORT_DELIVERY_STATUS;
    for (int i = 0; i < 1000; i++)
        dsn_report_add_recipient(report)->action = DSN_ACTION_FAILED;
    for (int i = 0; i < 100; i++)
        g_array_append_vals(report->per_message.extensions, &(DsnField){text, text}, 1);
    for (int i = 0; i < 10; i++)
        dsn_report_add_defect(report, &DSN_LIMITS_DEFAULT, DSN_DEFECT_BAD_FIELD, text, text, NULL);
    report->per_message.reporting_mta = (DsnTyped){text, text};
    report->per_message.original_envelope_id = text;
    report->returned.subject = report->returned.message_id = report->returned.list_id = text;
    report->returned.bytes = text;
    ck_assert_uint_eq(dsn_report_write_records(report, &by_smtp, lines, NULL), 1000);
    ck_assert_uint_lt(lines->len, 1000 * 32 * 1024);
}
END_TEST

typedef struct Extension {
    const char *name;
    const char *value;
} Extension;

static const struct {
    const char *feedback_type;
    Extension extensions[4];
    Expected expected[4];
} failures[] = {
    {"auth-failure",
     {{"Auth-Failure", "BodyHash (comment)"}, {"DKIM-Selector", "s1"}},
     {{"auth_failure", "\"bodyhash\""},
      {"dkim_selector", "\"s1\""},
      {"dkim_domain", "null"},
      {"spf_dns", "[]"}}},
    {"Auth-Failure", {{0}}, {{"auth_failure", "null"}, {"identity_alignment", "null"}}},
    {"abuse",
     {{"auth-failure", "SPF"}, {"SPF-DNS", "a"}, {"spf-dns", "b"}, {"Delivery-Result", "Reject"}},
     {{"auth_failure", "\"spf\""},
      {"spf_dns", "[\"a\",\"b\"]"},
      {"delivery_result", "\"reject\""}}},
    {"auth-failure", {{"Identity-Alignment", "none"}}, {{"identity_alignment", "[]"}}},
    {"auth-failure",
     {{"Identity-Alignment", "DKIM, spf"}},
     {{"identity_alignment", "[\"dkim\",\"spf\"]"}}},
    {"auth-failure",
     {{"Identity-Alignment", "dkim spf"}},
     {{"identity_alignment", "[\"dkim\",\"spf\"]"}}},
    {"auth-failure",
     {{"Auth-Failure", "dmarc"}, {"Auth-Failure", "spf"}},
     {{"auth_failure", "\"dmarc\""}}},
};

START_TEST(authentication_failures_are_typed)
{
    g_autoptr(DsnReport) report = dsn_report_new();

    report->kind = DSN_REPORT_FEEDBACK;
    report->feedback.feedback_type = dsn_span(failures[_i].feedback_type);
    for (const Extension *extension = failures[_i].extensions;
         extension < failures[_i].extensions + 4 && extension->name != NULL; extension++)
        g_array_append_vals(report->feedback.extensions,
                            &(DsnField){dsn_span(extension->name), dsn_span(extension->value)}, 1);

    json_auto_t *record = record_of(report, &from_file);
    const json_t *failure =
        json_object_get(json_object_get(record, "dsnarf"), "authentication_failure");
    for (const Expected *expected = failures[_i].expected;
         expected < failures[_i].expected + 4 && expected->path != NULL; expected++)
        check_at(failure, expected->path, expected->json);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("report-record");
    TCase *tcase = tcase_create("records");

    tcase_add_test(tcase, a_bounce_by_smtp);
    tcase_add_test(tcase, a_bounce_from_a_file);
    tcase_add_test(tcase, a_feedback_report);
    tcase_add_loop_test(tcase, the_response_is_in_the_diagnostic, 0, G_N_ELEMENTS(responses));
    tcase_add_loop_test(tcase, the_last_attempt_is_the_event, 0, G_N_ELEMENTS(attempts));
    tcase_add_loop_test(tcase, the_arrival_from_a_file_is_the_date, 0, G_N_ELEMENTS(dates));
    tcase_add_test(tcase, only_failures_make_records);
    tcase_add_test(tcase, a_thousand_recipients_make_no_flood);
    tcase_add_loop_test(tcase, authentication_failures_are_typed, 0, G_N_ELEMENTS(failures));
    suite_add_tcase(suite, tcase);
    return suite;
}
