/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/notice-kumomta.h"
#include "tests/support/unit.h"

static DsnNoticeOptions
stable_options(DsnReturn include)
{
    DsnNoticeOptions options = {
        .include_original = include,
        .reporting_mta = {DSN_SPAN_LITERAL("dns"), DSN_SPAN_LITERAL("mta1.example.com")},
        .limits = &DSN_LIMITS_DEFAULT,
        .stable = true,
    };

    options.enable[DSN_RECORD_BOUNCE] = true;
    options.enable[DSN_RECORD_EXPIRATION] = true;
    return options;
}

static DsnRecord *
read_record(const char *text, size_t len)
{
    g_autoptr(GError) error = NULL;
    DsnRecord *record = dsn_record_parse((DsnSpan){text, len}, G_MAXSIZE, &error);

    ck_assert_msg(record != NULL, "%s", error == NULL ? "" : error->message);
    return record;
}

/* A record with some keys replaced; @changes is a JSON object. */
static DsnRecord *
changed_record(const char *changes)
{
    size_t len = 0;
    g_autofree char *text = dsn_test_read("golden/kumomta/bounce.json", &len);
    json_auto_t *json = json_loadb(text, len, JSON_ALLOW_NUL, NULL);
    json_auto_t *update = json_loads(changes, JSON_ALLOW_NUL, NULL);
    g_autoptr(GError) error = NULL;

    ck_assert_ptr_nonnull(json);
    ck_assert_ptr_nonnull(update);
    ck_assert_int_eq(json_object_update(json, update), 0);
    DsnRecord *record = dsn_record_from_json(json, &error);
    ck_assert_msg(record != NULL, "%s", error == NULL ? "" : error->message);
    return record;
}

static void
assert_golden(const DsnRecord *record, DsnReturn include, const char *original, size_t original_len,
              const char *expected, size_t expected_len, const char *label)
{
    const DsnNoticeOptions options = stable_options(include);
    g_autoptr(GString) notice = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    DsnReason reason = DSN_REASON_NONE;
    DsnNoticeResult result = dsn_notice_make_kumomta(
        &options, record, (DsnSpan){original, original_len}, notice, &reason, &error);

    ck_assert_msg(result == DSN_NOTICE_MADE, "%s: %s", label,
                  error == NULL ? dsn_reason_to_string(reason) : error->message);
    dsn_test_compare(__FILE__, __LINE__, notice->str, notice->len, expected, expected_len, label);
}

typedef struct Golden {
    const char *record;
    const char *original; /* NULL when not at hand */
    DsnReturn include;
    const char *expected;
} Golden;

/* rule QRK-13, the form of kumo.generate_rfc3464_message */
static const Golden GOLDEN[] = {
    {"bounce.json", "original.eml", DSN_RETURN_FULL, "bounce-full.eml"},
    {"bounce.json", "original.eml", DSN_RETURN_HEADERS, "bounce-headers.eml"},
    {"bounce.json", "original.eml", DSN_RETURN_NOTHING, "bounce-nothing.eml"},
    {"bounce.json", NULL, DSN_RETURN_FULL, "bounce-nothing.eml"},
    {"expiration.json", "original.eml", DSN_RETURN_HEADERS, "expiration-headers.eml"},
    {"two-recipients.json", NULL, DSN_RETURN_NOTHING, "two-recipients.eml"},
    {"no-peer.json", NULL, DSN_RETURN_NOTHING, "no-peer.eml"},
    {"japanese.json", NULL, DSN_RETURN_NOTHING, "japanese.eml"},
    {"bounce.json", "preamble.eml", DSN_RETURN_FULL, "preamble.eml.notice"},
};

START_TEST(golden_files)
{
    const Golden *row = &GOLDEN[_i];
    g_autofree char *record_path = g_build_filename("golden/kumomta", row->record, NULL);
    g_autofree char *expected_path = g_build_filename("golden/kumomta", row->expected, NULL);
    size_t record_len = 0, original_len = 0, expected_len = 0;
    g_autofree char *text = dsn_test_read(record_path, &record_len);
    g_autofree char *original = NULL;
    g_autofree char *expected = dsn_test_read(expected_path, &expected_len);
    g_autoptr(DsnRecord) record = read_record(text, record_len);

    if (row->original != NULL) {
        g_autofree char *path = g_build_filename("golden/kumomta", row->original, NULL);
        original = dsn_test_read(path, &original_len);
    }
    assert_golden(record, row->include, original, original_len, expected, expected_len,
                  row->expected);
}
END_TEST

/* The two samples that KumoMTA publishes, where they are at hand. */
START_TEST(published_samples)
{
    static const Golden samples[] = {
        {"bounce.json", "original.eml", DSN_RETURN_FULL, "bounce-full.eml"},
        {"expiration.json", "original.eml", DSN_RETURN_HEADERS, "expiration-headers.eml"},
    };
    const char *corpus = dsn_test_corpus();
    if (corpus == NULL)
        return;

    for (size_t i = 0; i < G_N_ELEMENTS(samples); i++) {
        const char *names[] = {samples[i].record, samples[i].original, samples[i].expected};
        g_autofree char *texts[3] = {NULL};
        gsize lens[3] = {0};

        for (size_t j = 0; j < 3; j++) {
            g_autofree char *path =
                g_build_filename(corpus, "..", "compat-samples", names[j], NULL);
            ck_assert(g_file_get_contents(path, &texts[j], &lens[j], NULL));
        }
        g_autoptr(DsnRecord) record = read_record(texts[0], lens[0]);
        assert_golden(record, samples[i].include, texts[1], lens[1], texts[2], lens[2], names[2]);
        g_free(texts[1]);
        g_free(texts[2]);
    }
}
END_TEST

typedef struct Refusal {
    const char *name;
    const char *changes;
    DsnReason reason; /* DSN_REASON_NONE: fails instead */
} Refusal;

static const Refusal REFUSALS[] = {
    {"null sender", "{\"sender\": \"\"}", DSN_REASON_NULL_SENDER},
    {"internal bounce", "{\"delivery_protocol\": null}", DSN_REASON_PROTOCOL},
    {"Lua delivery", "{\"delivery_protocol\": \"Lua\"}", DSN_REASON_PROTOCOL},
    {"other type", "{\"type\": \"AdminBounce\"}", DSN_REASON_TYPE_NOT_ENABLED},
    {"transient failure", "{\"type\": \"TransientFailure\"}", DSN_REASON_TYPE_NOT_ENABLED},
    {"sender is no address", "{\"sender\": \"failed to read metadata\"}", DSN_REASON_NONE},
};

START_TEST(refusals)
{
    const Refusal *row = &REFUSALS[_i];
    const DsnNoticeOptions options = stable_options(DSN_RETURN_NOTHING);
    g_autoptr(DsnRecord) record = changed_record(row->changes);
    g_autoptr(GString) notice = g_string_new("before");
    g_autoptr(GError) error = NULL;
    DsnReason reason = DSN_REASON_NONE;
    DsnNoticeResult result =
        dsn_notice_make_kumomta(&options, record, DSN_SPAN_ABSENT, notice, &reason, &error);

    ck_assert_msg(result ==
                      (row->reason == DSN_REASON_NONE ? DSN_NOTICE_FAILED : DSN_NOTICE_NOT_DUE),
                  "%s", row->name);
    ck_assert_int_eq(reason, row->reason);
    ck_assert_str_eq(notice->str, "before");
}
END_TEST

START_TEST(originals_that_kumomta_cannot_return)
{
    static const char *const originals[] = {
        "Subject: caf\xc3\xa9\r\n\r\nhello\r\n",
        " starts with white space\r\nSubject: x\r\n\r\nhello\r\n",
        "Sub\x01ject: x\r\n\r\nhello\r\n",
    };
    const DsnNoticeOptions options = stable_options(DSN_RETURN_FULL);
    g_autoptr(DsnRecord) record = changed_record("{}");

    for (size_t i = 0; i < G_N_ELEMENTS(originals); i++) {
        g_autoptr(GString) notice = g_string_new(NULL);
        g_autoptr(GError) error = NULL;
        DsnReason reason = DSN_REASON_NONE;

        ck_assert_int_eq(dsn_notice_make_kumomta(&options, record, dsn_span(originals[i]), notice,
                                                 &reason, &error),
                         DSN_NOTICE_FAILED);
        ck_assert_ptr_nonnull(error);
        ck_assert_uint_eq(notice->len, 0);
    }
}
END_TEST

/* Not even this form lets a record start a line: it refuses, and names the key. */
START_TEST(line_ends_in_a_recipient)
{
    g_autoptr(DsnRecord) record =
        changed_record("{\"recipient\": \"a@b.example\\r\\nBcc: x@y.example\"}");
    const DsnNoticeOptions options = stable_options(DSN_RETURN_NOTHING);
    g_autoptr(GString) notice = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    DsnReason reason = DSN_REASON_NONE;

    ck_assert_int_eq(
        dsn_notice_make_kumomta(&options, record, DSN_SPAN_ABSENT, notice, &reason, &error),
        DSN_NOTICE_FAILED);
    ck_assert_msg(g_str_has_prefix(error->message, "recipient"), "%s", error->message);
    ck_assert_uint_eq(notice->len, 0);
}
END_TEST

/* A response is flattened where its record is read. */
START_TEST(line_ends_in_a_response)
{
    g_autoptr(DsnRecord) record =
        changed_record("{\"response\": {\"code\": 550, \"enhanced_code\": null,"
                       " \"content\": \"no\\r\\n\\r\\nAction: delivered\", \"command\": null}}");
    const DsnNoticeOptions options = stable_options(DSN_RETURN_NOTHING);
    g_autoptr(GString) notice = g_string_new(NULL);
    DsnReason reason = DSN_REASON_NONE;

    ck_assert_int_eq(
        dsn_notice_make_kumomta(&options, record, DSN_SPAN_ABSENT, notice, &reason, NULL),
        DSN_NOTICE_MADE);
    ck_assert_ptr_null(strstr(notice->str, "\nAction: delivered"));
    ck_assert_ptr_nonnull(strstr(notice->str, "Response: 550 no  Action: delivered"));
}
END_TEST

START_TEST(other_bytes_each_time_unless_stable)
{
    DsnNoticeOptions options = stable_options(DSN_RETURN_NOTHING);
    g_autoptr(DsnRecord) record = changed_record("{}");
    g_autoptr(GString) first = g_string_new(NULL);
    g_autoptr(GString) second = g_string_new(NULL);
    DsnReason reason = DSN_REASON_NONE;

    options.stable = false;
    ck_assert_int_eq(
        dsn_notice_make_kumomta(&options, record, DSN_SPAN_ABSENT, first, &reason, NULL),
        DSN_NOTICE_MADE);
    ck_assert_int_eq(
        dsn_notice_make_kumomta(&options, record, DSN_SPAN_ABSENT, second, &reason, NULL),
        DSN_NOTICE_MADE);
    ck_assert_str_ne(first->str, second->str);
    ck_assert_ptr_null(strstr(first->str, "report-boundary"));
}
END_TEST

/* Details of the form that are seen only in odd cases. */
static const struct {
    const char *label, *changes, *name, *original, *expected;
} DETAILS[] = {
    {"sender that is not ASCII", "{\"sender\": \"us\u00e9r@example.com\"}", "mta1.example.com",
     NULL, "\r\nTo: =?UTF-8?q?us=C3=A9r@example.com?=\r\nFrom: "},
    {"value of 76 columns", "{}", "a234567890123456789012345678.example", NULL,
     "\r\nFrom: Mail Delivery Subsystem\r\n"
     "\t<mailer-daemon@a234567890123456789012345678.example>\r\n"},
    {"value of 75 columns", "{}", "a23456789012345678901234567.example", NULL,
     "\r\nFrom: Mail Delivery Subsystem <mailer-daemon@a23456789012345678901234567.example>\r\n"},
    {"final dot of the peer",
     "{\"peer_address\": {\"name\": \"mx.t.example.\", \"addr\": \"1.2.3.4\"}}", "mta1.example.com",
     NULL, "\r\nRemote-MTA: dns; mx.t.example.\r\n"},
    {"no enhanced code",
     "{\"response\": {\"code\": 499, \"enhanced_code\": null, \"content\": \"x\", \"command\": "
     "null}}",
     "mta1.example.com", NULL, "\r\nStatus: 4.0.0 x\r\n"},
    {"original without a final line end", "{}", "mta1.example.com", "Subject: x\r\n\r\nhello",
     "\r\nhello--report-boundary--\r\n"},
    {"preamble between LF", "{}", "mta1.example.com",
     "Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n\nx\n--b--\n",
     "boundary=b\n\n\npreamble\n--b\n"},
};

START_TEST(details)
{
    DsnNoticeOptions options = stable_options(DSN_RETURN_FULL);
    g_autoptr(DsnRecord) record = changed_record(DETAILS[_i].changes);
    g_autoptr(GString) notice = g_string_new(NULL);
    DsnReason reason = DSN_REASON_NONE;

    options.reporting_mta.value = dsn_span(DETAILS[_i].name);
    ck_assert_int_eq(dsn_notice_make_kumomta(&options, record, dsn_span(DETAILS[_i].original),
                                             notice, &reason, NULL),
                     DSN_NOTICE_MADE);
    ck_assert_msg(strstr(notice->str, DETAILS[_i].expected) != NULL, "%s:\n%s", DETAILS[_i].label,
                  notice->str);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("notice-kumomta");
    TCase *tcase = tcase_create("bytes");

    tcase_add_loop_test(tcase, golden_files, 0, G_N_ELEMENTS(GOLDEN));
    tcase_add_test(tcase, published_samples);
    tcase_add_loop_test(tcase, details, 0, G_N_ELEMENTS(DETAILS));
    tcase_add_loop_test(tcase, refusals, 0, G_N_ELEMENTS(REFUSALS));
    tcase_add_test(tcase, originals_that_kumomta_cannot_return);
    tcase_add_test(tcase, line_ends_in_a_recipient);
    tcase_add_test(tcase, line_ends_in_a_response);
    tcase_add_test(tcase, other_bytes_each_time_unless_stable);
    suite_add_tcase(suite, tcase);
    return suite;
}
