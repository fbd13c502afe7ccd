/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/notice-context.h"
#include "filter/core/notice-report.h"
#include "tests/support/unit.h"

#define HEADER                                                                    \
    "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <4711@shop.example>\r\n" \
    "Date: Fri, 20 Nov 2026 09:14:58 +0000\r\n"

/* The context of bounce.json with @changes (a JSON object). */
static json_t *
make_context(const char *changes, const char *header, DsnReturn returned)
{
    size_t len = 0;
    g_autofree char *text = dsn_test_read("golden/kumomta/bounce.json", &len);
    json_auto_t *json = json_loadb(text, len, 0, NULL);
    json_auto_t *update = json_loads(changes, 0, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(DsnReport) report = dsn_report_new();
    DsnReturnedPlan plan = {.returned = returned, .header = dsn_span(header)};

    ck_assert_ptr_nonnull(update);
    ck_assert_int_eq(json_object_update(json, update), 0);
    g_autoptr(DsnRecord) record = dsn_record_from_json(json, &error);
    ck_assert_msg(record != NULL, "%s", error == NULL ? "" : error->message);
    DsnNoticeOptions options = {
        .reporting_mta = {DSN_SPAN_LITERAL("dns"), DSN_SPAN_LITERAL("mta1.example.com")},
        .postmaster = DSN_SPAN_LITERAL("postmaster@example.com"),
        .limits = &DSN_LIMITS_DEFAULT,
    };
    DsnRecord *const records[] = {record};
    const DsnNoticeRequest request = {
        .options = &options,
        .records = records,
        .n_records = 1,
        .action = DSN_ACTION_FAILED,
    };
    g_auto(DsnWishes) wishes;
    json_t *first;

    dsn_wishes_read(record, NULL, &wishes);
    dsn_notice_report_fill(report, &request, &wishes);
    return dsn_notice_context_new(
        &(DsnNoticeFacts){
            .request = &request,
            .report = report,
            .host = report->per_message.reporting_mta.value,
            .sender = dsn_span(record->sender),
            .returned = &plan,
        },
        &first);
}

static const struct {
    const char *key, *text;
} texts[] = {
    {"hostname", "mta1.example.com"},
    {"sender", "sender@sender.example.com"},
    {"type", "Bounce"},
    {"action", "failed"},
    {"arrival_date", "Tue, 1 Jul 2003 08:52:37 +0000"},
    {"event_date", "Tue, 1 Jul 2003 10:52:37 +0000"},
    {"returned", "full"},
    {"postmaster", "postmaster@example.com"},
};

/* LOOP-12: encoded words of the original come decoded. */
START_TEST(everything_that_a_template_sees)
{
    json_auto_t *changes = json_pack("{s:s, s:i, s:i}", "sender", "sender@sender.example.com",
                                     "created", 1057049557, "timestamp", 1057056757);
    g_autofree char *text = json_dumps(changes, 0);
    json_auto_t *context = make_context(text, HEADER, DSN_RETURN_FULL);
    const json_t *original = json_object_get(context, "original");

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        ck_assert_str_eq(json_string_value(json_object_get(context, texts[i].key)), texts[i].text);
    ck_assert_str_eq(json_string_value(json_object_get(original, "subject")), "Gr\xc3\xbc\xc3\x9f"
                                                                              "e");
    ck_assert_str_eq(json_string_value(json_object_get(original, "message_id")),
                     "<4711@shop.example>");
    ck_assert_str_eq(json_string_value(json_object_get(original, "date")),
                     "Fri, 20 Nov 2026 09:14:58 +0000");
    ck_assert_uint_eq(json_array_size(json_object_get(context, "recipients")), 1);
    ck_assert_int_eq(json_integer_value(json_object_get(context, "more_recipients")), 0);
    ck_assert_uint_eq(json_object_size(context), G_N_ELEMENTS(texts) + 10);
}
END_TEST

static const char *
recipient_text(const json_t *context, size_t index, const char *key)
{
    const json_t *recipient = json_array_get(json_object_get(context, "recipients"), index);

    return json_string_value(json_object_get(recipient, key));
}

START_TEST(a_recipient)
{
    json_auto_t *context = make_context(
        "{\"recipient\": \"r@t.example\", \"peer_address\": {\"name\": \"mx.t.example.\","
        " \"addr\": \"192.0.2.1\"}, \"response\": {\"code\": 550, \"enhanced_code\":"
        " {\"class\": 5, \"subject\": 1, \"detail\": 1}, \"content\": \"no  such\\tuser\","
        " \"command\": null}}",
        "", DSN_RETURN_NOTHING);

    ck_assert_str_eq(recipient_text(context, 0, "address"), "r@t.example");
    ck_assert_str_eq(recipient_text(context, 0, "status"), "5.1.1");
    ck_assert_str_eq(recipient_text(context, 0, "meaning"),
                     dsn_status_code_meaning((DsnStatusCode){5, 1, 1}));
    ck_assert_str_eq(recipient_text(context, 0, "remote_mta"), "mx.t.example");
    ck_assert_str_eq(recipient_text(context, 0, "diagnostic"), "550 5.1.1 no such user");
    ck_assert(json_is_null(json_object_get(context, "original")));
    ck_assert_str_eq(json_string_value(json_object_get(context, "returned")), "no");
}
END_TEST

/* A reply of several lines is one for people: its codes stand once. */
START_TEST(a_reply_of_several_lines)
{
    json_auto_t *context = make_context(
        "{\"peer_address\": {\"name\": \"mx.t.example\", \"addr\": \"192.0.2.1\"}, \"response\":"
        " {\"code\": 550, \"enhanced_code\": {\"class\": 5, \"subject\": 1, \"detail\": 1},"
        " \"content\": \"no such user\\nsee example.com\", \"command\": null}}",
        "", DSN_RETURN_NOTHING);

    ck_assert_str_eq(recipient_text(context, 0, "diagnostic"),
                     "550 5.1.1 no such user see example.com");
}
END_TEST

/* What is said of times, tenants and what the sender wrote. */
START_TEST(what_came_with_more_actions)
{
    json_auto_t *json = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:{s:i, s:s}, s:i, s:i, s:i, s:s, s:{s:s}, s:{}}",
        "type", "Delayed", "id", "1", "sender", "a@b.example", "recipient", "c@d.example", "queue",
        "", "site", "", "size", 0, "response", "code", 400, "content", "Context: busy", "timestamp",
        1795182900, "created", 1795166100, "num_attempts", 1, "bounce_classification", "", "meta",
        "orcpt", "rfc822;C+2BX@d.example", "headers");
    static const DsnMetaKeys keys = {.orcpt = (char *)"orcpt"};
    DsnNoticeOptions options = {
        .reporting_mta = {DSN_SPAN_LITERAL("dns"), DSN_SPAN_LITERAL("mta1.example.com")},
        .from = DSN_SPAN_LITERAL("robot@example.com"),
        .tenant = DSN_SPAN_LITERAL("acme"),
        .lifetime = 86400,
        .meta = &keys,
        .limits = &DSN_LIMITS_DEFAULT,
    };
    g_autoptr(DsnReport) report = dsn_report_new();
    g_autoptr(DsnRecord) record = dsn_record_from_json(json, NULL);
    DsnReturnedPlan plan = {.returned = DSN_RETURN_NOTHING};
    g_auto(DsnWishes) wishes;
    json_t *first;

    ck_assert_ptr_nonnull(record);
    DsnRecord *const records[] = {record};
    const DsnNoticeRequest request = {.options = &options,
                                      .records = records,
                                      .n_records = 1,
                                      .action = DSN_ACTION_DELAYED,
                                      .threshold = 14400,
                                      .now = 1795182900};
    dsn_wishes_read(record, options.meta, &wishes);
    dsn_notice_report_fill(report, &request, &wishes);
    json_auto_t *context =
        dsn_notice_context_new(&(DsnNoticeFacts){.request = &request,
                                                 .report = report,
                                                 .host = DSN_SPAN_LITERAL("mta1.example.com"),
                                                 .sender = DSN_SPAN_LITERAL("a@b.example"),
                                                 .returned = &plan},
                               &first);
    json_auto_t *expected = json_pack(
        "{s:s, s:b, s:i, s:f, s:s, s:s}", "tenant", "acme", "late", 0, "threshold", 4, "delay", 4.6,
        "will_retry_until", "Sat, 21 Nov 2026 09:15:00 +0000", "postmaster", "robot@example.com");
    const char *key;
    json_t *value;

    json_object_foreach(expected, key, value)
    {
        ck_assert_msg(json_equal(json_object_get(context, key), value), "%s", key);
    }
    ck_assert_str_eq(recipient_text(context, 0, "original"), "C+X@d.example");
    ck_assert(json_is_null(json_object_get(context, "last_failure")));
    ck_assert_ptr_eq(json_array_get(json_object_get(context, "records"), 0), record->json);
    ck_assert_ptr_eq(first, record->json);
}
END_TEST

START_TEST(what_is_not_known_is_null)
{
    json_auto_t *context = make_context("{\"peer_address\": null, \"delivery_protocol\": null}",
                                        "X-Other: 1\r\n", DSN_RETURN_HEADERS);
    const json_t *recipient = json_array_get(json_object_get(context, "recipients"), 0);
    const json_t *original = json_object_get(context, "original");

    ck_assert(json_is_null(json_object_get(recipient, "remote_mta")));
    ck_assert(json_is_null(json_object_get(recipient, "original")));
    ck_assert(json_is_null(json_object_get(context, "tenant")));
    ck_assert(json_is_null(json_object_get(context, "threshold")));
    ck_assert(json_is_null(json_object_get(context, "will_retry_until")));
    ck_assert(json_is_null(json_object_get(original, "subject")));
    ck_assert(json_is_null(json_object_get(original, "message_id")));
    ck_assert(json_is_null(json_object_get(original, "date")));
}
END_TEST

/* What the relay was told to log stands in for a message that is not at hand, and only then. */
START_TEST(what_the_record_has_of_the_header)
{
    static const char logged[] =
        "{\"headers\": {\"subject\": [\"=?utf-8?q?Gr=C3=BC=C3=9Fe?=\", \"second\"], "
        "\"Message-ID\": \"<1@logged.example>\\r\\nX: y\", \"Date\": 7}}";
    json_auto_t *alone = make_context(logged, "", DSN_RETURN_NOTHING);
    json_auto_t *beside = make_context(logged, "X-Other: 1\r\n", DSN_RETURN_HEADERS);
    json_auto_t *nothing = make_context("{\"headers\": {\"X\": \"y\"}}", "", DSN_RETURN_NOTHING);
    const json_t *original = json_object_get(alone, "original");

    ck_assert_str_eq(json_string_value(json_object_get(original, "subject")), "Grüße");
    ck_assert_str_eq(json_string_value(json_object_get(original, "message_id")),
                     "<1@logged.example> X: y");
    ck_assert(json_is_null(json_object_get(original, "date")));
    ck_assert(json_is_null(json_object_get(json_object_get(beside, "original"), "subject")));
    ck_assert(json_is_null(json_object_get(nothing, "original")));
}
END_TEST

static size_t
text_length(const json_t *value)
{
    const char *key;
    json_t *member;
    size_t index, sum = json_string_length(value);

    json_object_foreach((json_t *)value, key, member)
    {
        sum += text_length(member);
    }
    json_array_foreach(value, index, member)
    {
        sum += text_length(member);
    }
    return sum;
}

/* No more than a screen of other people's words (24 lines of 80), whatever they wrote. */
START_TEST(foreign_words_fill_one_screen)
{
    g_autoptr(GString) changes = g_string_new("{\"response\": {\"code\": 550, \"enhanced_code\":"
                                              " null, \"command\": null, \"content\": \"");
    g_autoptr(GString) header = g_string_new("Subject: ");

    for (int i = 0; i < 20000; i++) {
        g_string_append(changes, "spam ");
        g_string_append(header, "spam ");
    }
    g_string_append(changes, "\"}, \"recipient\": [\"a@b.example\"");
    for (int i = 0; i < 500; i++)
        g_string_append_printf(changes, ", \"recipient%d@b.example\"", i);
    g_string_append(changes, "]}");
    g_string_append(header, "\r\n");

    json_auto_t *context = make_context(changes->str, header->str, DSN_RETURN_FULL);
    const json_t *recipients = json_object_get(context, "recipients");
    ck_assert_int_eq(json_object_del(context, "records"),
                     0); /* whole: the shipped texts have none */
    size_t ours =
        json_array_size(recipients) * 200 + 300; /* status, meaning; dates, host, sender */
    ck_assert_uint_le(text_length(context), 24 * 80 + ours);
    ck_assert_uint_ge(json_array_size(recipients), 1);
    ck_assert_int_eq(json_integer_value(json_object_get(context, "more_recipients")),
                     501 - (json_int_t)json_array_size(recipients));
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("notice-context");
    TCase *tcase = tcase_create("context");

    tcase_add_test(tcase, everything_that_a_template_sees);
    tcase_add_test(tcase, a_recipient);
    tcase_add_test(tcase, a_reply_of_several_lines);
    tcase_add_test(tcase, what_came_with_more_actions);
    tcase_add_test(tcase, what_is_not_known_is_null);
    tcase_add_test(tcase, what_the_record_has_of_the_header);
    tcase_add_test(tcase, foreign_words_fill_one_screen);
    suite_add_tcase(suite, tcase);
    return suite;
}
