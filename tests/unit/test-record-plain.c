/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/record-plain.h"

#include "tests/support/unit.h"

/* A record as KumoMTA writes it, in pieces that the rows below replace. */
#define RESPONSE                                                                                 \
    "{\"code\":250,\"enhanced_code\":{\"class\":2,\"subject\":0,\"detail\":0},\"content\":\"ok " \
    "\xc3\xa9\",\"command\":\".\\r\\n\"}"
#define FEEDBACK                                                                                 \
    "{\"feedback_type\":\"abuse\",\"user_agent\":\"x\",\"version\":\"1\",\"arrival_date\":null," \
    "\"incidents\":null,\"original_envelope_id\":null,\"original_mail_from\":null,"              \
    "\"reporting_mta\":{\"mta_type\":\"dns\",\"name\":\"mx\"},\"source_ip\":null,"               \
    "\"authentication_results\":[\"a\",\"b\"],\"original_rcpto_to\":[],\"reported_domain\":[],"  \
    "\"reported_uri\":[],\"extensions\":{\"x\":[\"y\"]},\"original_message\":\"a\\nb\","         \
    "\"supplemental_trace\":null}"
#define LINE                                                                                       \
    "{\"type\":\"Delivery\",\"id\":\"1d98\",\"sender\":\"a@s.example\",\"recipient\":"             \
    "\"r@t.example\",\"queue\":\"t.example\",\"site\":\"x\",\"size\":1047,\"response\":" RESPONSE  \
    ",\"peer_address\":{\"name\":\"mx.\",\"addr\":\"192.0.2.9\"},\"timestamp\":1757675281,"        \
    "\"event_time\":\"2025-09-12T11:08:01.440526026Z\",\"created\":1757675270,\"created_time\":"   \
    "\"2025-09-12T11:07:50.120Z\",\"num_attempts\":1,\"bounce_classification\":\"Uncategorized\"," \
    "\"egress_pool\":null,\"egress_source\":\"src\",\"source_address\":{\"address\":\"10.0.0.1:1"  \
    "\"},\"feedback_report\":null,\"meta\":{\"a\":[1,-2,{\"b\":true}],\"c\":null},\"headers\":{"   \
    "\"Subject\":\"hi\"},\"delivery_protocol\":\"ESMTP\",\"reception_protocol\":null,\"nodeid\":"  \
    "\"557f3ad4-2c8c-11ee-976e-782d7e12e173\",\"tls_cipher\":\"x\",\"session_id\":\"9bcd\"}"

/* The line with @from replaced by @to. */
static const struct {
    const char *from, *to;
    bool plain;
} rows[] = {
    {"{", "{", true},
    {"null,\"meta\"", FEEDBACK ",\"meta\"", true},
    {"\"r@t.example\"", "[\"r@t.example\",\"b@t.example\"]", true},
    {"\"r@t.example\"", "[]", true},
    {"\"r@t.example\"", "[\"r@t.example\"]", false},
    {"\"r@t.example\"", "\"<r@t.example>\"", false},
    {"\"r@t.example\"", "\"r\\n@t.example\"", false},
    {"\"a@s.example\"", "\"a\\\\@s.example\"", false},
    {"\"a@s.example\"", "\"\"", true},
    {"\"9bcd\"}", "\"9bcd\",\"own\":{\"x\":[]}}", true},
    {"\"9bcd\"}", "\"9bcd\",\"own\":1,\"own\":2}", false},
    {"\"9bcd\"}", "\"9bcd\",\"id\":\"x\"}", false},
    {"\"9bcd\"}", "\"9bcd\",\"log_record\":{}}", false},
    {"\"9bcd\"}", "\"9bcd\"} ", true}, /* white space around it is not the record's */
    {"\"9bcd\"}", "\"9bcd\"},", false},
    {"\"9bcd\"}", "\"9bcd\"", false},
    {"\"9bcd\"}", "\"9bcd\" }", false},
    {"\"id\":\"1d98\",", "", false},
    {"\"id\":\"1d98\",", "\"id\": \"1d98\",", false},
    {"\"type\":\"Delivery\",\"id\":\"1d98\"", "\"id\":\"1d98\",\"type\":\"Delivery\"", false},
    {"1757675281", "1757675282", false},
    {"1757675281", "1757675281.0", false},
    {"01.440526026Z", "01.44Z", false},
    {"01.440526026Z", "01Z", true},
    {"01.440526026Z", "01+00:00", false},
    {",\"event_time\":\"2025-09-12T11:08:01.440526026Z\"", "", false},
    {"\"num_attempts\":1", "\"num_attempts\":01", false},
    {"\"num_attempts\":1", "\"num_attempts\":-0", false},
    {"\"num_attempts\":1", "\"num_attempts\":65536", false},
    {"\"num_attempts\":1", "\"num_attempts\":null", false},
    {"\"tls_cipher\":\"x\"", "\"tls_cipher\":null", false},
    {"\"tls_cipher\":\"x\"", "\"tls_peer_subject_name\":[]", true},
    {"\"tls_cipher\":\"x\"", "\"tls_peer_subject_name\":{}", false},
    {"\"192.0.2.9\"", "\"192.0.2.9\",\"is_secure\":true", true},
    {"\"192.0.2.9\"", "\"192.0.2.9\",\"is_secure\":false", false},
    {"\"meta\":{", "\"meta\":{\"d\":1.5,", false},
    {"\"meta\":{", "\"meta\":{\"a\":1,", false}, /* twice */
    {"\"meta\":{", "\"meta\":{\"d\":123456789012345678,", true},
    {"\"meta\":{", "\"meta\":{\"d\":1234567890123456789,", false},
    {"\"meta\":{\"a\":[1,-2,{\"b\":true}],\"c\":null}", "\"meta\":[]", false},
    {"\"meta\":{\"a\":[1,-2,{\"b\":true}],\"c\":null}", "\"meta\":{}", true},
    {"\"hi\"", "\"\\u001f\\b\\f\\\"\\\\\x7f\"", true},
    {"\"hi\"", "\"\\u001F\"", false},
    {"\"hi\"", "\"\\u000a\"", false},
    {"\"hi\"", "\"\\u0000\"", false},
    {"\"hi\"", "\"\\u00e9\"", false},
    {"\"hi\"", "\"\\/\"", false},
    {"\"hi\"", "\"\xff\"", false},
    {"\"hi\"", "\"\xed\xa0\x80\"", false},
    {"\"hi\"", "\"a\nb\"", false},
    {"\"egress_pool\":null", "\"egress_pool\":true", false},
    {"\"code\":250", "\"code\":\"250\"", false},
    {"\"class\":2,", "", false},
    {",\"headers\"", ",\"headers\" ", false},
};

static char *
replaced(const char *from, const char *to)
{
    const char *at = strstr(LINE, from);

    ck_assert_msg(at != NULL, "%s", from);
    return g_strdup_printf("%.*s%s%s", (int)(at - LINE), LINE, to, at + strlen(from));
}

/* What is plain is what the tree would give, and the rest is no loss but of time. */
START_TEST(plain_or_not)
{
    g_autofree char *text = replaced(rows[_i].from, rows[_i].to);
    g_autoptr(GString) line = g_string_new(NULL);
    DsnPlainRecord plain;

    dsn_plain_record_init(&plain);
    bool found = dsn_plain_record_read(dsn_span(text), 10000, &plain);
    ck_assert_msg(found == rows[_i].plain, "%s for %s", rows[_i].to, rows[_i].from);
    if (found) {
        const DsnRecord *one = &plain.record;
        g_autoptr(DsnRecord) record = dsn_record_parse(dsn_span(text), 10000, NULL);

        ck_assert_ptr_nonnull(record);
        dsn_record_write(record, line);
        ck_assert_uint_eq(line->len, plain.text.len + 1);
        ck_assert(memcmp(line->str, plain.text.data, plain.text.len) == 0);
        ck_assert_int_eq(one->type, record->type);
        ck_assert_str_eq(one->type_name, record->type_name);
        ck_assert_str_eq(one->id, record->id);
        ck_assert_str_eq(one->sender, record->sender);
        ck_assert_str_eq(one->nodeid, record->nodeid);
        ck_assert_uint_eq(one->num_attempts, record->num_attempts);
        ck_assert_int_eq(one->event_time, record->event_time);
        ck_assert_uint_eq(one->event_nanoseconds, record->event_nanoseconds);
        ck_assert_uint_eq(one->n_recipients, record->n_recipients);
        for (size_t i = 0; i < one->n_recipients; i++)
            ck_assert_str_eq(one->recipients[i], record->recipients[i]);
    }
    dsn_plain_record_clear(&plain);
}
END_TEST

/* Nothing is read behind the end, wherever that is. */
START_TEST(cut_anywhere)
{
    DsnPlainRecord plain;

    dsn_plain_record_init(&plain);
    for (size_t len = 0; len < strlen(LINE); len++) {
        g_autofree char *exact = g_memdup2(LINE, len);
        ck_assert(!dsn_plain_record_read((DsnSpan){exact, len}, 10000, &plain));
    }
    ck_assert(!dsn_plain_record_read(dsn_span(LINE), strlen(LINE) - 1, &plain));
    ck_assert(dsn_plain_record_read(dsn_span(LINE), strlen(LINE), &plain));
    dsn_plain_record_clear(&plain);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("record-plain");
    TCase *tcase = tcase_create("plain");

    tcase_add_loop_test(tcase, plain_or_not, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, cut_anywhere);
    suite_add_tcase(suite, tcase);
    return suite;
}
