/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/trace-json.h"
#include "mime/report-parse.h"
#include "mime/trace.h"
#include "tests/support/unit.h"

#define NOW G_GINT64_CONSTANT(1795166100)

static DsnTraceKey key = {(char *)"2026a", (char *)"0123456789abcdef"};
static DsnTraceKey foreign = {(char *)"2026a", (char *)"another secret of 16"};
static gpointer key_list[] = {&key}, foreign_list[] = {&foreign};
static GPtrArray our_keys = {key_list, 1}, their_keys = {foreign_list, 1};

/* What a test looks at. */
typedef struct Fixture {
    DsnReportParser *parser;
    DsnReport *report;
    char *message;
    DsnResolution resolution;
    GString *json; /* of "resolved" */
} Fixture;

static Fixture fixture;

static void
set_up(void)
{
    fixture.parser = dsn_report_parser_new(&DSN_LIMITS_DEFAULT);
    fixture.report = dsn_report_new();
    fixture.json = g_string_new(NULL);
}

static void
tear_down(void)
{
    dsn_resolution_clear(&fixture.resolution);
    (void)g_string_free(fixture.json, TRUE);
    dsn_report_free(fixture.report);
    dsn_report_parser_free(fixture.parser);
    g_free(fixture.message);
}

/* A signed trace in base64; with @days of age. */
static char *
dup_token(const char *members, GPtrArray *keys, int days, bool folded)
{
    const DsnTraceOptions options = {.sign = (char *)"2026a", .keys = keys};
    g_autoptr(DsnTraceKeys) signer = dsn_trace_keys_new(&options);
    g_autoptr(GString) text = g_string_new(NULL);
    json_auto_t *json = json_loads(members, 0, NULL);
    GString *value = g_string_new(NULL);

    ck_assert(dsn_trace_sign(signer, json, NOW - days * G_GINT64_CONSTANT(86400), text));
    dsn_trace_encode((DsnSpan){text->str, text->len}, value);
    if (!folded)
        (void)g_string_replace(value, "\r\n\t", "", 0);
    return g_string_free(value, FALSE);
}

/* Reads a report with an own @header, machine-readable @fields and an @original. */
static void
resolve(const char *kind, const char *header, const char *fields, const char *original,
        DsnSpan recipient)
{
    static const char form[] = "MIME-Version: 1.0\n%s"
                               "Content-Type: multipart/report; report-type=%s; boundary=b\n"
                               "\n--b\nContent-Type: text/plain\n\nHello\n"
                               "--b\nContent-Type: message/%s\n\n%s\n"
                               "--b\nContent-Type: message/rfc822\n\n%s\n--b--\n";
    const DsnTraceOptions trace = {.max_age = 90 * G_TIME_SPAN_DAY, .keys = &our_keys};
    g_autoptr(DsnTraceKeys) keys = dsn_trace_keys_new(&trace);
    const DsnResolveOptions options = {.keys = keys, .envelope_recipient = recipient, .now = NOW};
    DsnPieces pieces = {.json = fixture.json};

    fixture.message = g_strdup_printf(form, header, kind, kind, fields, original);
    dsn_report_parse(fixture.parser, dsn_span(fixture.message), fixture.report);
    ck_assert_msg(fixture.report->kind != DSN_REPORT_NONE, "%s", fixture.message);
    dsn_resolution_init(&fixture.resolution, fixture.report, &options);
    dsn_pieces_resolved(&pieces, "resolved", &fixture.resolution);
}

#define DSN_FIELDS                                                                 \
    "Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; final@x.example\n" \
    "Action: failed\nStatus: 5.1.1\n"
#define ARF_FIELDS "Feedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\n"

static void
resolve_dsn(const char *original)
{
    resolve("delivery-status", "", DSN_FIELDS, original, DSN_SPAN_ABSENT);
}

static void
resolve_arf(const char *fields, const char *original)
{
    g_autofree char *all = g_strconcat(ARF_FIELDS, fields, NULL);

    resolve("feedback-report", "To: fbl+1@relay.example\n", all, original,
            DSN_SPAN_LITERAL("fbl+1@relay.example"));
}

static void
check_holds(const char *part)
{
    ck_assert_msg(strstr(fixture.json->str, part) != NULL, "%s\nis not in %s", part,
                  fixture.json->str);
}

static void
check_lacks(const char *part)
{
    ck_assert_msg(strstr(fixture.json->str, part) == NULL, "%s\nis in %s", part, fixture.json->str);
}

static void
check_chosen(const char *name, const char *value, const char *source, const char *state)
{
    g_autofree char *part = g_strdup_printf(
        "\"%s\":{\"value\":\"%s\",\"source\":\"%s\",\"state\":\"%s\"}", name, value, source, state);

    check_holds(part);
}

/* Whether clues with these sources follow each other so. */
static void
check_order(const char *const *sources)
{
    const char *rest = strstr(fixture.json->str, "\"clues\":");
    unsigned count = 0;

    for (; sources[count] != NULL; count++) {
        g_autofree char *part = g_strdup_printf("{\"source\":\"%s\"", sources[count]);

        rest = strstr(rest, part);
        ck_assert_msg(rest != NULL, "%s\nis not where it should be in %s", part, fixture.json->str);
    }
    ck_assert_uint_eq(fixture.resolution.n_clues, count);
}

#define UNSIGNED "eyJfQF8iOiJcXF8vIiwicmVjaXBpZW50IjoidGVzdEBleGFtcGxlLmNvbSJ9"
#define ALL_HEADERS                                                                         \
    "Message-ID: <1@shop.example>\nList-Unsubscribe: <https://shop.example/u?t=tok3>\n"     \
    "Feedback-ID: camp:shop:news:sender\nCFBL-Feedback-ID: tok2\nX-KumoRef: " UNSIGNED "\n" \
    "From: a@shop.example\n"

/* Rules OOB-11 to OOB-13. */
START_TEST(the_order_of_a_DSN)
{
    static const char *const sources[] = {
        "header:X-KumoRef",        "field:Original-Envelope-Id", "return-path:verp",
        "header:CFBL-Feedback-ID", "header:Feedback-ID",         "header:List-Unsubscribe",
        "header:Message-ID",       "field:Original-Recipient",   NULL};

    resolve("delivery-status", "",
            "Reporting-MTA: dns; mx.example\nOriginal-Envelope-Id: env7\n\n"
            "Original-Recipient: rfc822; orig@x.example\n"
            "Final-Recipient: rfc822; final@x.example\nAction: failed\nStatus: 5.1.1\n",
            ALL_HEADERS, DSN_SPAN_LITERAL("bounce+test=example.com@relay.example"));
    check_order(sources);
    check_chosen("recipient", "test@example.com", "header:X-KumoRef", "unsigned");
    check_chosen("envelope_id", "env7", "field:Original-Envelope-Id", "unsigned");
    check_chosen("message_id", "<1@shop.example>", "header:Message-ID", "unsigned");
    check_chosen("tenant", "shop", "header:Feedback-ID", "unsigned");
    check_chosen("campaign", "camp", "header:Feedback-ID", "unsigned");
    check_chosen("token", "tok2", "header:CFBL-Feedback-ID", "unsigned");
    check_holds("\"sender\":null");
    check_holds("\"differ\":[\"recipient\"]"); /* orig@x.example is another one */
    check_holds("\"mail_type\":\"news\",\"sender_id\":\"sender\"");
    check_holds("\"place\":\"envelope\"");
}
END_TEST

/* Rules OOB-13 and FBL-10: the same for feedback reports. */
START_TEST(the_order_of_a_feedback_report)
{
    static const char *const sources[] = {"header:X-KumoRef",        "field:Original-Envelope-Id",
                                          "return-path:verp",        "return-path:token",
                                          "header:CFBL-Feedback-ID", "header:Feedback-ID",
                                          "header:List-Unsubscribe", "header:Message-ID",
                                          "field:Original-Rcpt-To",  NULL};

    resolve_arf("Original-Envelope-Id: env7\nOriginal-Mail-From: <b+t@shop.example>\n"
                "Original-Rcpt-To: <TEST@example.com>\n",
                "Return-Path: <b+test=example.com@shop.example>\n" ALL_HEADERS);
    check_order(sources);
    check_holds("\"place\":\"Return-Path\",\"recipient\":\"test@example.com\"}");
    check_holds("\"place\":\"Original-Mail-From\",\"token\":\"t\"}"); /* rule ARF-07: behind it */
    check_holds("\"differ\":[]"); /* letters compare in either case */
}
END_TEST

/* Rule OOB-14: nothing of the report's own header is taken for the original's. */
START_TEST(the_own_header_says_nothing_of_the_original)
{
    resolve("delivery-status",
            "Message-ID: <own@mx.example>\nX-KumoRef: " UNSIGNED "\n"
            "Feedback-ID: 1:2:3:4\n",
            DSN_FIELDS, "Subject: x\n", DSN_SPAN_ABSENT);
    check_lacks("own@mx.example");
    check_lacks("X-KumoRef");
    check_lacks("Feedback-ID");
    check_chosen("recipient", "final@x.example", "field:Final-Recipient", "unsigned");
}
END_TEST

/* Where there was no session. */
static const struct {
    const char *header, *place; /* NULL: none is read */
} destinations[] = {
    {"To: <b+t@relay.example>\n", "To"},
    {"To: \"A, <x@y>\" <b+t@relay.example>\n", "To"},
    {"To: b+t@relay.example\n", "To"},
    {"To: other@relay.example\nDelivered-To: b+t@relay.example\n", "Delivered-To"},
    {"X-Original-To: b+t@relay.example\nDelivered-To: box@relay.example\n", "X-Original-To"},
    {"Envelope-to: b+t@relay.example\n", "Envelope-To"},
    {"Delivered-To: box@relay.example\nTo: b+t@relay.example\n", NULL},
    {"To: undisclosed\n", NULL},
    {"", NULL},
};

START_TEST(where_a_DSN_went)
{
    resolve("delivery-status", destinations[_i].header, DSN_FIELDS, "Subject: x\n",
            DSN_SPAN_ABSENT);
    if (destinations[_i].place == NULL) {
        check_lacks("return-path");
        return;
    }
    g_autofree char *part = g_strdup_printf("{\"source\":\"return-path:token\",\"state\":"
                                            "\"unsigned\",\"place\":\"%s\",\"token\":\"t\"}",
                                            destinations[_i].place);
    check_holds(part);
}
END_TEST

/* A DSN to a BATV address of a VERP address tells both. */
START_TEST(addresses_inside_of_addresses)
{
    resolve("delivery-status", "", DSN_FIELDS, "Subject: x\n",
            DSN_SPAN_LITERAL("prvs=0123456789=b+jane=x.example@relay.example"));
    check_chosen("sender", "b+jane=x.example@relay.example", "return-path:batv", "unsigned");
    check_chosen("recipient", "jane@x.example", "return-path:verp", "unsigned");
    check_holds("\"differ\":[\"recipient\"]");
}
END_TEST

/* ---- signatures ---- */

#define JANE "{\"recipient\":\"jane@x.example\",\"tenant\":\"shop\",\"campaign\":\"c1\"}"

/* Rule OOB-13: what is verified wins over what is not, wherever it stands. */
START_TEST(verified_traces_win)
{
    g_autofree char *token = dup_token(JANE, &our_keys, 0, true);
    g_autofree char *original =
        g_strconcat("X-Forged: " UNSIGNED "\nX-KumoRef: ", token, "\nMessage-ID: <1@x>\n", NULL);

    resolve_dsn(original);
    check_chosen("recipient", "jane@x.example", "header:X-KumoRef", "verified");
    check_chosen("tenant", "shop", "header:X-KumoRef", "verified");
    check_chosen("message_id", "<1@x>", "header:Message-ID", "unsigned");
    check_holds("\"differ\":[\"recipient\"]");
    ck_assert_ptr_eq(dsn_resolution_verified(&fixture.resolution), &fixture.resolution.traces[1]);
    ck_assert_ptr_eq(fixture.resolution.supplemental, &fixture.resolution.traces[1]);
}
END_TEST

START_TEST(bad_traces_never_count)
{
    g_autofree char *token = dup_token(JANE, &their_keys, 0, true);
    g_autofree char *original = g_strconcat("X-KumoRef: ", token, "\nSubject: x\n", NULL);

    resolve_dsn(original);
    check_chosen("recipient", "final@x.example", "field:Final-Recipient", "unsigned");
    check_holds("\"tenant\":null");
    check_holds("\"differ\":[]");
    check_holds(
        "{\"source\":\"header:X-KumoRef\",\"state\":\"bad\",\"recipient\":\"jane@x.example\"");
    ck_assert_ptr_null(dsn_resolution_verified(&fixture.resolution));
}
END_TEST

START_TEST(expired_traces_say_so)
{
    g_autofree char *token = dup_token(JANE, &our_keys, 91, true);
    g_autofree char *original = g_strconcat("X-KumoRef: ", token, "\nSubject: x\n", NULL);

    resolve_dsn(original);
    check_chosen("recipient", "jane@x.example", "header:X-KumoRef", "expired");
    ck_assert_ptr_null(dsn_resolution_verified(&fixture.resolution));
}
END_TEST

/* Rules CFBL-06 to CFBL-08: white space in it does not count, and its HMAC is checked. */
START_TEST(the_feedback_id_can_be_signed)
{
    g_autofree char *token = dup_token(JANE, &our_keys, 0, true);
    g_autofree char *original =
        g_strconcat("CFBL-Feedback-ID: ", token, "\nMessage-ID: <1@x>\n", NULL);

    resolve_arf("", original);
    check_chosen("recipient", "jane@x.example", "header:CFBL-Feedback-ID", "verified");
    check_chosen("message_id", "<1@x>", "header:Message-ID", "unsigned");
    ck_assert_ptr_null(fixture.resolution.supplemental);
}
END_TEST

START_TEST(so_can_that_of_Gmail)
{
    g_autofree char *token = dup_token(JANE, &our_keys, 0, false);
    g_autofree char *original = g_strconcat("Feedback-ID: ", token, "\nSubject: x\n", NULL);

    resolve_arf("", original);
    check_chosen("campaign", "c1", "header:Feedback-ID", "verified");
}
END_TEST

/* One of the four parts, folded as we send it; the others are still what they are. */
START_TEST(so_can_a_part_of_it)
{
    g_autofree char *token = dup_token(JANE, &our_keys, 0, true);
    g_autofree char *folded = g_strdup_printf("%.75s\n\t%s", token, token + 75);
    g_autofree char *original =
        g_strconcat("Feedback-ID: a:other:", folded, ":s\nSubject: x\n", NULL);

    resolve_arf("", original);
    check_chosen("recipient", "jane@x.example", "header:Feedback-ID", "verified");
    check_chosen("campaign", "c1", "header:Feedback-ID", "verified");
    check_holds("\"tenant\":\"other\",\"campaign\":\"a\",\"sender_id\":\"s\"}");
    ck_assert_ptr_nonnull(dsn_resolution_verified(&fixture.resolution));
}
END_TEST

START_TEST(of_several_recipients_none_is_meant)
{
    g_autofree char *two =
        dup_token("{\"recipient\":[\"a@x.example\",\"b@x.example\"]}", &our_keys, 0, true);
    g_autofree char *one = dup_token("{\"recipient\":[\"c@x.example\"]}", &our_keys, 0, true);
    g_autofree char *original = g_strconcat("X-A: ", two, "\nX-B: ", one, "\nSubject: x\n", NULL);

    resolve_arf("", original);
    check_chosen("recipient", "c@x.example", "header:X-B", "verified");
}
END_TEST

/* ---- single fields ---- */

/* Rule QRK-12. */
static const struct {
    const char *id, *original, *name; /* NULL: there is none */
} envelope_ids[] = {
    {"env7", "Message-ID: <1@x>\n", "envelope_id"}, {"<1@x>", "Message-ID: <1@x>\n", "message_id"},
    {"1@x", "Message-ID: <1@x>\n", "message_id"},   {"<2@x>", "Subject: x\n", "message_id"},
    {"2@x", "Subject: x\n", "envelope_id"},         {"<>", "Subject: x\n", "envelope_id"},
    {"<x>", "Subject: x\n", "envelope_id"},
};

START_TEST(message_ids_in_the_envelope_id)
{
    g_autofree char *fields =
        g_strdup_printf("Original-Envelope-Id: %s\n" DSN_FIELDS, envelope_ids[_i].id);
    g_autofree char *part =
        g_strdup_printf("{\"source\":\"field:Original-Envelope-Id\",\"state\":\"unsigned\",\"%s\":",
                        envelope_ids[_i].name);

    resolve("delivery-status", "", fields, envelope_ids[_i].original, DSN_SPAN_ABSENT);
    check_holds(part);
    check_lacks("\"differ\":[\"");
}
END_TEST

/* Rule CFBL-10. */
static const struct {
    const char *value, *token; /* NULL: none */
} unsubscribe[] = {
    {"<https://x.example/u?t=abc>", "abc"},
    {"<https://x.example/u?abc>", "abc"},
    {"<https://x.example/u?a=1&b=2>", "a=1&b=2"},
    {"<https://x.example/u/abc>", "abc"},
    {"<https://x.example/u/>, <mailto:u+tok@x.example>", "tok"},
    {"<mailto:u+tok@x.example?subject=y>, <https://x.example/u/z>", "tok"},
    {"<mailto:u@x.example?subject=tok>", "tok"},
    {"<mailto:u@x.example?body=tok>", NULL},
    {"<mailto:u@x.example>", NULL},
    {"<mailto:>", NULL},
    {"<>", NULL},
    {"<https://x.example/u?t=abc", NULL},
    {"https://x.example/u?t=abc", NULL},
    {"<?>", NULL},
    {"<?=>", NULL},
};

START_TEST(tokens_of_list_unsubscribe)
{
    g_autofree char *original =
        g_strdup_printf("Subject: x\nList-Unsubscribe: %s\n", unsubscribe[_i].value);

    resolve_arf("", original);
    if (unsubscribe[_i].token == NULL)
        check_lacks("List-Unsubscribe");
    else
        check_chosen("token", unsubscribe[_i].token, "header:List-Unsubscribe", "unsigned");
}
END_TEST

static const struct {
    const char *value, *expected;
} feedback_ids[] = {
    {"a:b:c:d", "\"tenant\":\"b\",\"campaign\":\"a\",\"mail_type\":\"c\",\"sender_id\":\"d\"}"},
    {"a : b : c : d",
     "\"tenant\":\"b\",\"campaign\":\"a\",\"mail_type\":\"c\",\"sender_id\":\"d\"}"},
    {":::d", "\"state\":\"unsigned\",\"sender_id\":\"d\"}"},
    {"a:b:c", "\"token\":\"a:b:c\"}"},
    {"a:b:c:d:e", "\"token\":\"a:b:c:d:e\"}"},
    {"a", "\"token\":\"a\"}"},
    {"eyJhIjoxfQ==", "\"token\":\"eyJhIjoxfQ==\"}"},
};

START_TEST(forms_of_feedback_ids)
{
    g_autofree char *original =
        g_strdup_printf("Subject: x\nFeedback-ID: %s\n", feedback_ids[_i].value);

    resolve_arf("", original);
    check_holds(feedback_ids[_i].expected);
}
END_TEST

/* Rule ARF-25: what was taken out is data, but no recipient. */
static const struct {
    const char *recipient;
    bool redacted;
} recipients[] = {
    {"jane@x.example", false},
    {"redacted@x.example", true},
    {"Redacted", true},
    {"[redacted]@x.example", true},
    {"removed@x.example", true},
    {"***@x.example", true},
    {"j***@x.example", true},
    {"xxxxx@x.example", true},
    {"xx@x.example", false},
    {"xavier@x.example", false},
    {"redactedly@x.example", false},
    {"@x.example", true},
    {"", true},
};

START_TEST(redacted_recipients)
{
    ck_assert_msg(dsn_recipient_is_redacted(dsn_span(recipients[_i].recipient)) ==
                      recipients[_i].redacted,
                  "%s", recipients[_i].recipient);
}
END_TEST

START_TEST(a_redacted_recipient_is_told_as_such)
{
    resolve_arf("Original-Rcpt-To: redacted@x.example\n", "X-KumoRef: " UNSIGNED "\nSubject: x\n");
    check_chosen("recipient", "test@example.com", "header:X-KumoRef", "unsigned");
    check_holds("\"redacted\":\"redacted@x.example\"}");
    check_holds("\"differ\":[]");
}
END_TEST

/* ---- caps ---- */

START_TEST(many_traces)
{
    g_autoptr(GString) original = g_string_new(NULL);

    for (int i = 0; i < 100; i++)
        g_string_append_printf(original, "X-%d: " UNSIGNED "\n", i);
    g_string_append(original, "Feedback-ID: " UNSIGNED "\nCFBL-Feedback-ID: " UNSIGNED "\n");
    resolve_arf("Original-Envelope-Id: e\nOriginal-Rcpt-To: a@b.example\n"
                "Original-Mail-From: prvs=0123456789=b+jane=x.example@relay.example\n",
                original->str);
    ck_assert_uint_eq(fixture.resolution.n_traces, 18);
    ck_assert_uint_eq(fixture.resolution.n_clues, 18 + 1 + 2 + 1);
}
END_TEST

START_TEST(nothing_to_tell)
{
    resolve_arf("", "Subject: x\n");
    ck_assert_str_eq(fixture.json->str, "\"resolved\":null");
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("trace-resolve");
    TCase *tcase = tcase_create("clues");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, the_order_of_a_DSN);
    tcase_add_test(tcase, the_order_of_a_feedback_report);
    tcase_add_test(tcase, the_own_header_says_nothing_of_the_original);
    tcase_add_loop_test(tcase, where_a_DSN_went, 0, G_N_ELEMENTS(destinations));
    tcase_add_test(tcase, addresses_inside_of_addresses);
    tcase_add_test(tcase, verified_traces_win);
    tcase_add_test(tcase, bad_traces_never_count);
    tcase_add_test(tcase, expired_traces_say_so);
    tcase_add_test(tcase, the_feedback_id_can_be_signed);
    tcase_add_test(tcase, so_can_that_of_Gmail);
    tcase_add_test(tcase, so_can_a_part_of_it);
    tcase_add_test(tcase, of_several_recipients_none_is_meant);
    tcase_add_loop_test(tcase, message_ids_in_the_envelope_id, 0, G_N_ELEMENTS(envelope_ids));
    tcase_add_loop_test(tcase, tokens_of_list_unsubscribe, 0, G_N_ELEMENTS(unsubscribe));
    tcase_add_loop_test(tcase, forms_of_feedback_ids, 0, G_N_ELEMENTS(feedback_ids));
    tcase_add_loop_test(tcase, redacted_recipients, 0, G_N_ELEMENTS(recipients));
    tcase_add_test(tcase, a_redacted_recipient_is_told_as_such);
    tcase_add_test(tcase, many_traces);
    tcase_add_test(tcase, nothing_to_tell);
    suite_add_tcase(suite, tcase);
    return suite;
}
