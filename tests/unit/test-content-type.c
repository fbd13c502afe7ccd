/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/content-type.h"
#include "tests/support/unit.h"

/* A NULL in a want_ column means absent. */
static const struct {
    const char *label, *value, *want_type, *want_boundary, *want_charset, *want_report_type;
    bool want_broken;
} rows[] = {
    {"plain", "text/plain", "text/plain", NULL, NULL, NULL, false},
    {"space around it", " text/html \r\n", "text/html", NULL, NULL, NULL, false},
    {"one parameter", " text/plain; charset=utf-8", "text/plain", NULL, "utf-8", NULL, false},
    {"OOB-02 any case", "Multipart/REPORT; Report-Type=Feedback-Report; BOUNDARY=\"aB\"",
     "Multipart/REPORT", "aB", NULL, "Feedback-Report", false},
    {"OOB-02 unknown parameter", "text/plain; format=flowed; charset=x; delsp=yes", "text/plain",
     NULL, "x", NULL, false},
    {"folded", " multipart/report;\r\n\treport-type=delivery-status;\r\n boundary=\"a b\"",
     "multipart/report", "a b", NULL, "delivery-status", false},
    {"space around '='", "text/plain; charset = utf-8", "text/plain", NULL, "utf-8", NULL, false},
    {"trailing ';'", "text/plain; charset=x;", "text/plain", NULL, "x", NULL, false},
    {"only ';'", "text/plain;", "text/plain", NULL, NULL, NULL, false},
    {"doubled ';'", "text/plain;; charset=x", "text/plain", NULL, "x", NULL, false},
    {"no ';'", "multipart/mixed boundary=\"x\"", "multipart/mixed", "x", NULL, NULL, true},
    {"no ';' between parameters", "text/plain; charset=\"x\" boundary=y", "text/plain", "y", "x",
     NULL, true},
    {"backslash in quotes", "multipart/mixed; boundary=\"a\\\"b\\\\c\"", "multipart/mixed",
     "a\"b\\c", NULL, NULL, false},
    {"line break in quotes", "multipart/mixed; boundary=\"a\r\n b\"", "multipart/mixed", "a b",
     NULL, NULL, false},
    {"';' in quotes", "text/x; name=\"a;boundary=b\"; boundary=c", "text/x", "c", NULL, NULL,
     false},
    {"quote not closed", "multipart/mixed; boundary=\"abc; charset=x", "multipart/mixed", "abc",
     "x", NULL, true},
    {"backslash at the very end", "multipart/mixed; boundary=\"abc\\", "multipart/mixed", "abc\\",
     NULL, NULL, true},
    {"'=' unquoted", "multipart/mixed; boundary=----=_Part_1/2:3", "multipart/mixed",
     "----=_Part_1/2:3", NULL, NULL, true},
    {"value with a space", "text/x; name=my file.txt; boundary=b", "text/x", "b", NULL, NULL, true},
    {"8-bit value", "text/plain; charset=\344", "text/plain", NULL, "\344", NULL, true},
    {"word without value", "text/plain; charset", "text/plain", NULL, NULL, NULL, true},
    {"value missing", "text/plain; charset=; boundary=b", "text/plain", "b", "", NULL, true},
    {"name missing", "text/plain; =x; charset=y", "text/plain", NULL, "y", NULL, true},
    {"name is no token", "text/plain; \"a\"=x; charset=y", "text/plain", NULL, "y", NULL, true},
    {"first of two counts", "text/plain; charset=a; charset=b", "text/plain", NULL, "a", NULL,
     true},
    {"comment behind a value", "text/plain; charset=us-ascii (Plain text)", "text/plain", NULL,
     "us-ascii", NULL, false},
    {"comment without a space", "multipart/mixed; boundary=b(c)", "multipart/mixed", "b", NULL,
     NULL, false},
    {"comments everywhere", "(a)text(b)/(c)plain(d);(e)charset(f)=(g)x(h);(i)", "text/plain", NULL,
     "x", NULL, false},
    {"nested comment", "text/plain (a (b \\) c) d); charset=x", "text/plain", NULL, "x", NULL,
     false},
    {"comment not closed", "text/plain; charset=x (a; boundary=b", "text/plain", NULL, "x", NULL,
     true},
    {"closing parenthesis alone", "text/plain; ) charset=x", "text/plain", NULL, "x", NULL, true},
    {"parenthesis in quotes", "multipart/mixed; boundary=\"a(b\"", "multipart/mixed", "a(b", NULL,
     NULL, false},
    {"boundary ends in space", "multipart/mixed; boundary=\"a \"", "multipart/mixed", "a", NULL,
     NULL, false},
    {"empty", "", "text/plain", NULL, NULL, NULL, true},
    {"no subtype", "text", "text/plain", NULL, NULL, NULL, true},
    {"no subtype but parameters", "text; charset=x", "text/plain", NULL, "x", NULL, true},
    {"no type", "/plain", "text/plain", NULL, NULL, NULL, true},
    {"type is no token", "te[xt/plain; charset=x", "text/plain", NULL, "x", NULL, true},
    {"multipart without subtype", "multipart; boundary=b", "multipart/mixed", "b", NULL, NULL,
     true},
    {"multipart with an empty subtype", "multipart/; boundary=b", "multipart/mixed", "b", NULL,
     NULL, true},
    {"two slashes", "text/plain/x", "text/plain", NULL, NULL, NULL, true},
    {"OOB-02 continuations", "multipart/mixed; boundary*0=\"a b\"; boundary*1=c", "multipart/mixed",
     "a bc", NULL, NULL, false},
    {"OOB-02 charset form", "multipart/report; report-type*=us-ascii''feedback%2Dreport",
     "multipart/report", NULL, NULL, "feedback-report", false},
    {"OOB-02 both", "multipart/mixed; charset*0*=utf-8'en'a%20; charset*1=b; boundary=c",
     "multipart/mixed", "c", "a b", NULL, false},
    {"plain form before RFC 2231", "text/plain; charset*=us-ascii''a; charset=b", "text/plain",
     NULL, "b", NULL, false},
    {"RFC 2231 form of others only", "text/plain; name*=utf-8''a; charset=b", "text/plain", NULL,
     "b", NULL, false},
};

static void
check_span(DsnSpan span, const char *want, const char *label, const char *what)
{
    g_autofree char *row = g_strdup_printf("%s: %s", label, what);

    if (want == NULL)
        ck_assert_msg(!dsn_span_present(span), "%s is \"%.*s\"", row, (int)span.len, span.data);
    else
        dsn_assert_span(span, want, row);
}

START_TEST(parses_a_value)
{
    g_autoptr(GStringChunk) strings = g_string_chunk_new(64);
    const char *label = rows[_i].label;
    DsnContentType type;

    dsn_content_type_parse(dsn_span(rows[_i].value), &DSN_LIMITS_DEFAULT, strings, &type);
    g_autofree char *got = g_strdup_printf("%.*s/%.*s", (int)type.type.len, type.type.data,
                                           (int)type.subtype.len, type.subtype.data);
    ck_assert_msg(strcmp(got, rows[_i].want_type) == 0, "%s: type %s", label, got);
    check_span(type.boundary, rows[_i].want_boundary, label, "boundary");
    check_span(type.charset, rows[_i].want_charset, label, "charset");
    check_span(type.report_type, rows[_i].want_report_type, label, "report-type");
    ck_assert_msg(type.broken == rows[_i].want_broken, "%s: broken %d", label, type.broken);
    ck_assert_msg(type.given && !type.limited && !type.empty_boundary, "%s: flags", label);
}
END_TEST

START_TEST(absent_is_text_plain)
{
    DsnContentType type;

    dsn_content_type_parse(DSN_SPAN_ABSENT, &DSN_LIMITS_DEFAULT, NULL, &type);
    ck_assert(dsn_content_type_is(&type, "text", "plain"));
    ck_assert(!type.given);
    ck_assert(!type.broken);
}
END_TEST

START_TEST(tells_an_empty_boundary)
{
    static const char *const values[] = {
        "multipart/mixed; boundary=\"\"",
        "multipart/mixed; boundary=\" \"",
        "multipart/mixed; boundary=; charset=x",
        "multipart/mixed; boundary=\"\"; boundary=second",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
        g_autoptr(GStringChunk) strings = g_string_chunk_new(64);
        DsnContentType type;

        dsn_content_type_parse(dsn_span(values[i]), &DSN_LIMITS_DEFAULT, strings, &type);
        ck_assert_msg(type.empty_boundary, "%s", values[i]);
        ck_assert_msg(!dsn_span_present(type.boundary), "%s", values[i]);
    }
}
END_TEST

START_TEST(compares_in_any_case)
{
    g_autoptr(GStringChunk) strings = g_string_chunk_new(64);
    DsnContentType type;

    dsn_content_type_parse(dsn_span("MultiPart/Report"), &DSN_LIMITS_DEFAULT, strings, &type);
    ck_assert(dsn_content_type_is(&type, "multipart", "report"));
    ck_assert(dsn_content_type_is(&type, "multipart", NULL));
    ck_assert(!dsn_content_type_is(&type, "multipart", "repor"));
    ck_assert(!dsn_content_type_is(&type, "text", NULL));
}
END_TEST

/* What stands before the cap counts, what stands behind it does not; RFC 2231 forms too. */
START_TEST(stops_at_the_cap)
{
    static const struct {
        const char *before, *after;
    } forms[] = {{"x", "=y; "}, {"x*", "=y; "}, {"=", "; "}, {"x", " "}, {"boundary*", "=y; "}};

    for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
        g_autoptr(GString) value = g_string_new("multipart/mixed; charset=x; ");
        g_autoptr(GStringChunk) strings = g_string_chunk_new(64);
        DsnContentType type;

        for (int n = 0; n < 100000; n++)
            g_string_append_printf(value, "%s%d%s", forms[i].before, n, forms[i].after);
        g_string_append(value, "report-type=z");
        dsn_content_type_parse((DsnSpan){value->str, value->len}, &DSN_LIMITS_DEFAULT, strings,
                               &type);
        ck_assert_msg(type.limited, "form %zu", i);
        dsn_assert_span(type.charset, "x", forms[i].before);
        ck_assert_msg(!dsn_span_present(type.report_type), "form %zu", i);
    }
}
END_TEST

START_TEST(counts_parameters)
{
    DsnLimits limits = DSN_LIMITS_DEFAULT;

    for (limits.parameter = 0; limits.parameter <= 3; limits.parameter++) {
        g_autoptr(GStringChunk) strings = g_string_chunk_new(64);
        DsnContentType type;

        dsn_content_type_parse(dsn_span("multipart/x; a=b; charset=c; boundary=d;"), &limits,
                               strings, &type);
        ck_assert_int_eq(type.limited, limits.parameter < 3);
        ck_assert_int_eq(dsn_span_present(type.charset), limits.parameter >= 2);
        ck_assert_int_eq(dsn_span_present(type.boundary), limits.parameter >= 3);
    }
}
END_TEST

START_TEST(survives_length)
{
    static const struct {
        const char *label, *before, *again, *after;
    } values[] = {
        {"open comments", "text/plain ", "(", ""},
        {"nested comments", "text/plain ", "()(", ""},
        {"white space", "text/plain;", " ", "charset=x"},
        {"semicolons", "text/plain", ";", "charset=x"},
        {"backslashes", "text/plain; boundary=\"", "\\\\", "\""},
        {"backslashes, not closed", "text/plain; boundary=\"", "\\\"", ""},
        {"quotes", "text/plain; a=", "\"", ""},
        {"long value", "text/plain; boundary=", "a", ""},
        {"long RFC 2231 value", "text/plain; boundary*=", "%41", ""},
        {"long type", "text/", "a", ""},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
        g_autoptr(GString) value = g_string_new(values[i].before);
        g_autoptr(GStringChunk) strings = g_string_chunk_new(64);
        DsnContentType type;

        for (int n = 0; n < 1000000; n++)
            g_string_append(value, values[i].again);
        g_string_append(value, values[i].after);
        dsn_content_type_parse((DsnSpan){value->str, value->len}, &DSN_LIMITS_DEFAULT, strings,
                               &type);
        ck_assert_msg(dsn_content_type_is(&type, "text", NULL), "%s", values[i].label);
    }
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("content-type");
    TCase *tcase = tcase_create("values");

    tcase_add_loop_test(tcase, parses_a_value, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, absent_is_text_plain);
    tcase_add_test(tcase, tells_an_empty_boundary);
    tcase_add_test(tcase, compares_in_any_case);
    tcase_add_test(tcase, counts_parameters);
    suite_add_tcase(suite, tcase);

    tcase = tcase_create("hostile");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, stops_at_the_cap);
    tcase_add_test(tcase, survives_length);
    suite_add_tcase(suite, tcase);
    return suite;
}
