/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/trace-json.h"
#include "tests/support/unit.h"

/* {"_@_":"\\_/","recipient":"test@example.com"} */
#define TRACE "eyJfQF8iOiJcXF8vIiwicmVjaXBpZW50IjoidGVzdEBleGFtcGxlLmNvbSJ9"

static void
add_trace(DsnReport *report, const char *name, const char *json)
{
    g_autofree char *base64 = g_base64_encode((const guchar *)json, strlen(json));
    DsnField field = {
        dsn_report_keep(report, dsn_span(name)),
        dsn_report_keep(report, dsn_span(base64)),
    };

    g_array_append_val(report->returned.traces, field);
}

static void
check_written(const DsnReport *report, const char *expected, const char *label)
{
    const DsnResolveOptions options = {.now = 0};
    g_auto(DsnResolution) resolution;
    g_autoptr(GString) json = g_string_new(NULL);
    DsnPieces pieces = {.json = json};
    g_autofree char *member = g_strdup_printf("\"trace\":%s", expected);

    dsn_resolution_init(&resolution, report, &options);
    dsn_pieces_trace(&pieces, "trace", &resolution);
    dsn_test_compare(__FILE__, __LINE__, json->str, json->len, member, strlen(member), label);
}

#define WRITTEN(trace) \
    "{\"supplemental_trace\":" trace ",\"state\":\"unsigned\",\"source\":\"header:X-KumoRef\"}"

static const struct {
    const char *json;
    const char *written; /* "null": not taken for a trace */
} rows[] = {
    {"{\"_@_\":\"\\\\_/\",\"recipient\":\"a@b\"}", WRITTEN("{\"recipient\":\"a@b\"}")},
    {"{\"Z\":null,\"_@_\":\"\\\\_/\",\"b\":{\"d\":1,\"c\":[]},\"a\":0.1}",
     WRITTEN("{\"Z\":null,\"b\":{\"d\":1,\"c\":[]},\"a\":0.1}")},
    {"{\"_@_\":\"\\\\_/\"}", WRITTEN("{}")},
    {"{\"_@_\":\"\\\\_/\",\"x\":\"\\u0000\\n\"}", WRITTEN("{\"x\":\"\\u0000\\n\"}")},
    {"{\"recipient\":\"a@b\"}", "null"},
    {"{\"_@_\":\"other\"}", "null"},
    {"{\"_@_\":\"\\\\_/x\"}", "null"},
    {"{\"_@_\":1}", "null"},
    {"{\"_@_\":\"\\\\_/\",\"_@_\":\"\\\\_/\"}", "null"},
    {"{\"a\":{\"_@_\":\"\\\\_/\"}}", "null"},
    {"{\"_@_\":\"\\\\_/\",\"x\":\"\xff\"}", "null"},
    {"{\"_@_\":\"\\\\_/\"} }", "null"},
    {"{}", "null"},
};

START_TEST(the_marker_makes_a_trace)
{
    g_autoptr(DsnReport) report = dsn_report_new();

    add_trace(report, "X-KumoRef", rows[_i].json);
    check_written(report, rows[_i].written, rows[_i].json);
}
END_TEST

START_TEST(the_example_of_the_manual_of_KumoMTA)
{
    g_autoptr(DsnReport) report = dsn_report_new();
    DsnField field = {DSN_SPAN_LITERAL("X-KumoRef"), DSN_SPAN_LITERAL(TRACE)};

    check_written(report, "null", "none");
    g_array_append_val(report->returned.traces, field);
    check_written(report, WRITTEN("{\"recipient\":\"test@example.com\"}"), "one");
}
END_TEST

/* Rule QRK-03: the field may have any name, and others may be there. */
START_TEST(the_first_trace_counts)
{
    g_autoptr(DsnReport) report = dsn_report_new();

    add_trace(report, "X-Other", "{\"a\":1}");
    add_trace(report, "X-\"Mine\"", "{\"_@_\":\"\\\\_/\",\"n\":1}");
    add_trace(report, "X-KumoRef", "{\"_@_\":\"\\\\_/\",\"n\":2}");
    check_written(report,
                  "{\"supplemental_trace\":{\"n\":1},\"state\":\"unsigned\","
                  "\"source\":\"header:X-\\\"Mine\\\"\"}",
                  "first");
}
END_TEST

START_TEST(few_and_short_candidates_are_tried)
{
    g_autoptr(DsnReport) many = dsn_report_new(), longer = dsn_report_new(),
                         name = dsn_report_new();
    g_autofree char *filler = g_strnfill(16 * 1024, 'x');
    g_autofree char *json = g_strdup_printf("{\"_@_\":\"\\\\_/\",\"x\":\"%s\"}", filler);
    g_autofree char *field = g_strdup_printf("X-%.200s", filler);

    for (int i = 0; i < 16; i++)
        add_trace(many, "X-Other", "{\"a\":1}");
    add_trace(many, "X-KumoRef", "{\"_@_\":\"\\\\_/\"}");
    check_written(many, "null", "the 17th");
    add_trace(longer, "X-KumoRef", json);
    check_written(longer, "null", "a long value");
    add_trace(name, field, "{\"_@_\":\"\\\\_/\"}");
    check_written(name, "null", "a long name");
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("trace-json");
    TCase *tcase = tcase_create("trace");

    tcase_add_loop_test(tcase, the_marker_makes_a_trace, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, the_example_of_the_manual_of_KumoMTA);
    tcase_add_test(tcase, the_first_trace_counts);
    tcase_add_test(tcase, few_and_short_candidates_are_tried);
    suite_add_tcase(suite, tcase);
    return suite;
}
