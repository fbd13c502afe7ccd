/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/record.h"
#include "tests/support/unit.h"

#define MAX_SIZE 100000

static const char BASE[] =
    "{\"type\":\"Bounce\",\"id\":\"1d98\",\"sender\":\"a@s.example\",\"recipient\":\"b@t.example\","
    "\"queue\":\"t.example\",\"site\":\"\",\"size\":0,"
    "\"response\":{\"code\":550,\"enhanced_code\":{\"class\":5,\"subject\":1,\"detail\":1},"
    "\"content\":\"no\",\"command\":null},\"peer_address\":{\"name\":\"mx.t.example.\","
    "\"addr\":\"192.0.2.9\"},\"timestamp\":1057056757,\"created\":1057049557,\"num_attempts\":2,"
    "\"bounce_classification\":\"Uncategorized\",\"egress_pool\":null,\"egress_source\":null,"
    "\"feedback_report\":null,\"meta\":{},\"headers\":{},\"delivery_protocol\":\"ESMTP\","
    "\"reception_protocol\":\"HTTP\",\"nodeid\":\"n\"}";

/* BASE with the members of @changes, and without the key @without, which may be NULL. */
static json_t *
base_with(const char *changes, const char *without)
{
    json_t *base = json_loads(BASE, 0, NULL);
    json_auto_t *update = json_loads(changes, JSON_ALLOW_NUL, NULL);

    ck_assert_ptr_nonnull(base);
    ck_assert_msg(update != NULL, "%s", changes);
    ck_assert_int_eq(json_object_update(base, update), 0);
    if (without != NULL)
        ck_assert_int_eq(json_object_del(base, without), 0);
    return base;
}

static DsnRecord *
record_with(const char *changes)
{
    json_auto_t *json = base_with(changes, NULL);
    g_autoptr(GError) error = NULL;
    DsnRecord *record = dsn_record_from_json(json, &error);

    ck_assert_msg(record != NULL, "%s: %s", changes, error == NULL ? "" : error->message);
    return record;
}

START_TEST(types_have_names)
{
    for (int type = 0; type < DSN_RECORD_OTHER; type++) {
        const char *name = dsn_record_type_to_string((DsnRecordType)type);

        ck_assert_ptr_nonnull(name);
        ck_assert_int_eq(dsn_record_type_from_string(dsn_span(name)), type);
    }
    ck_assert_ptr_null(dsn_record_type_to_string(DSN_RECORD_OTHER));
    ck_assert_int_eq(dsn_record_type_from_string(dsn_span("bounce")), DSN_RECORD_OTHER);
    ck_assert_int_eq(dsn_record_type_from_string(dsn_span("")), DSN_RECORD_OTHER);
    ck_assert_int_eq(dsn_record_type_from_string(DSN_SPAN_ABSENT), DSN_RECORD_OTHER);
}
END_TEST

START_TEST(reads_every_field)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DsnRecord) record = dsn_record_parse(dsn_span(BASE), MAX_SIZE, &error);

    ck_assert_msg(record != NULL, "%s", error == NULL ? "" : error->message);
    ck_assert_int_eq(record->type, DSN_RECORD_BOUNCE);
    ck_assert_str_eq(record->type_name, "Bounce");
    ck_assert_str_eq(record->id, "1d98");
    ck_assert_str_eq(record->sender, "a@s.example");
    ck_assert_uint_eq(record->n_recipients, 1);
    ck_assert_str_eq(record->recipients[0], "b@t.example");
    ck_assert_uint_eq(record->code, 550);
    ck_assert_uint_eq(record->enhanced.class_, 5);
    ck_assert_uint_eq(record->enhanced.subject, 1);
    ck_assert_uint_eq(record->enhanced.detail, 1);
    dsn_assert_span(record->content, "no", "content");
    ck_assert_str_eq(record->peer_name, "mx.t.example");
    ck_assert_str_eq(record->peer_addr, "192.0.2.9");
    ck_assert_int_eq(record->event_time, 1057056757);
    ck_assert_uint_eq(record->event_nanoseconds, 0);
    ck_assert_int_eq(record->created, 1057049557);
    ck_assert_uint_eq(record->created_nanoseconds, 0);
    ck_assert_uint_eq(record->num_attempts, 2);
    ck_assert_str_eq(record->delivery_protocol, "ESMTP");
    ck_assert_str_eq(record->reception_protocol, "HTTP");
    ck_assert_str_eq(record->nodeid, "n");
}
END_TEST

START_TEST(null_and_absent_are_NULL)
{
    static const char *const keys[] = {
        "peer_address",
        "delivery_protocol",
        "reception_protocol",
        "nodeid",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_autofree char *changes = g_strdup_printf("{\"%s\":null}", keys[i]);
        g_autoptr(DsnRecord) null = record_with(changes);
        json_auto_t *json = base_with("{}", keys[i]);
        g_autoptr(DsnRecord) absent = dsn_record_from_json(json, NULL);

        ck_assert_ptr_nonnull(absent);
        ck_assert_int_eq(null->peer_name == NULL, i == 0);
        ck_assert_int_eq(absent->peer_name == NULL, i == 0);
        ck_assert_int_eq(null->peer_addr == NULL, i == 0);
        ck_assert_int_eq(null->delivery_protocol == NULL, i == 1);
        ck_assert_int_eq(absent->delivery_protocol == NULL, i == 1);
        ck_assert_int_eq(null->reception_protocol == NULL, i == 2);
        ck_assert_int_eq(absent->reception_protocol == NULL, i == 2);
        ck_assert_int_eq(null->nodeid == NULL, i == 3);
        ck_assert_int_eq(absent->nodeid == NULL, i == 3);
    }
}
END_TEST

/* Rule QRK-04: a string or a list, and what Lua makes of an empty list. */
static const struct {
    const char *changes;
    size_t count;
    const char *first, *last;
} recipients[] = {
    {"{\"recipient\":\"a@x.example\"}", 1, "a@x.example", "a@x.example"},
    {"{\"recipient\":\"<a@x.example>\"}", 1, "a@x.example", "a@x.example"},
    {"{\"recipient\":\"\"}", 1, "", ""},
    {"{\"recipient\":[\"a@x.example\"]}", 1, "a@x.example", "a@x.example"},
    {"{\"recipient\":[\"a@x.example\",\"<b@x.example>\"]}", 2, "a@x.example", "b@x.example"},
    {"{\"recipient\":[]}", 0, NULL, NULL},
    {"{\"recipient\":{}}", 0, NULL, NULL},
};

START_TEST(reads_recipients)
{
    g_autoptr(DsnRecord) record = record_with(recipients[_i].changes);

    ck_assert_uint_eq(record->n_recipients, recipients[_i].count);
    if (recipients[_i].count > 0) {
        ck_assert_str_eq(record->recipients[0], recipients[_i].first);
        ck_assert_str_eq(record->recipients[record->n_recipients - 1], recipients[_i].last);
    }
}
END_TEST

static const struct {
    const char *changes;
    const char *keep; /* one digit for each recipient */
    const char *left;
} kept[] = {
    {"{\"recipient\":[\"a@x\",\"b@x\",\"c@x\"]}", "111", "[\"a@x\",\"b@x\",\"c@x\"]"},
    {"{\"recipient\":[\"a@x\",\"b@x\",\"c@x\"]}", "101", "[\"a@x\",\"c@x\"]"},
    {"{\"recipient\":[\"a@x\",\"b@x\",\"c@x\"]}", "001", "\"c@x\""},
    {"{\"recipient\":[\"a@x\",\"b@x\"]}", "00", "[]"},
    {"{\"recipient\":\"a@x\"}", "1", "\"a@x\""},
    {"{\"recipient\":\"a@x\"}", "0", "[]"},
    {"{\"recipient\":[]}", "", "[]"},
};

START_TEST(takes_recipients_out)
{
    g_autoptr(DsnRecord) record = record_with(kept[_i].changes);
    json_auto_t *left = json_loads(kept[_i].left, JSON_DECODE_ANY, NULL);
    size_t count = json_is_array(left) ? json_array_size(left) : 1;
    bool keep[4];

    for (size_t i = 0; i < strlen(kept[_i].keep); i++)
        keep[i] = kept[_i].keep[i] == '1';
    dsn_record_keep_recipients(record, keep);
    ck_assert(json_equal(json_object_get(record->json, "recipient"), left));
    ck_assert_uint_eq(record->n_recipients, count);
    for (size_t i = 0; i < count; i++)
        ck_assert_str_eq(record->recipients[i],
                         json_string_value(json_is_array(left) ? json_array_get(left, i) : left));
}
END_TEST

static const struct {
    const char *changes;
    int64_t time;
    uint32_t nanoseconds;
    const char *text;
} times[] = {
    {"{\"timestamp\":1057056757}", 1057056757, 0, "2003-07-01T10:52:37Z"},
    {"{\"timestamp\":1057056757.0}", 1057056757, 0, "2003-07-01T10:52:37Z"},
    {"{\"timestamp\":0}", 0, 0, "1970-01-01T00:00:00Z"},
    {"{\"timestamp\":-1}", -1, 0, "1969-12-31T23:59:59Z"},
    {"{\"event_time\":null}", 1057056757, 0, "2003-07-01T10:52:37Z"},
    {"{\"event_time\":\"2003-07-01T10:52:38Z\"}", 1057056758, 0, "2003-07-01T10:52:38Z"},
    {"{\"event_time\":\"2003-07-01T10:52:38.5Z\"}", 1057056758, 500000000,
     "2003-07-01T10:52:38.500Z"},
    {"{\"event_time\":\"2003-07-01T10:52:38.000001Z\"}", 1057056758, 1000,
     "2003-07-01T10:52:38.000001Z"},
    {"{\"event_time\":\"2003-07-01T10:52:38.123456789Z\"}", 1057056758, 123456789,
     "2003-07-01T10:52:38.123456789Z"},
    {"{\"event_time\":\"2003-07-01T12:52:38+02:00\"}", 1057056758, 0, "2003-07-01T10:52:38Z"},
};

START_TEST(the_precise_time_wins)
{
    g_autoptr(DsnRecord) record = record_with(times[_i].changes);

    ck_assert_int_eq(record->event_time, times[_i].time);
    ck_assert_uint_eq(record->event_nanoseconds, times[_i].nanoseconds);
    ck_assert_str_eq(json_string_value(json_object_get(record->json, "event_time")),
                     times[_i].text);
    ck_assert_int_eq(json_integer_value(json_object_get(record->json, "timestamp")),
                     times[_i].time);
}
END_TEST

START_TEST(only_codes_of_RFC_3463_count)
{
    static const char *const none[] = {
        "{\"response\":{\"code\":550,\"content\":\"\"}}",
        "{\"response\":{\"code\":550,\"content\":\"\",\"enhanced_code\":null}}",
        "{\"response\":{\"code\":550,\"content\":\"\",\"enhanced_code\":"
        "{\"class\":3,\"subject\":1,\"detail\":1}}}",
        "{\"response\":{\"code\":550,\"content\":\"\",\"enhanced_code\":"
        "{\"class\":5,\"subject\":1000,\"detail\":1}}}",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(none); i++) {
        g_autoptr(DsnRecord) record = record_with(none[i]);
        ck_assert_uint_eq(record->enhanced.class_, 0);
    }
}
END_TEST

START_TEST(texts_may_hold_anything)
{
    g_autoptr(DsnRecord) record =
        record_with("{\"response\":{\"code\":550,\"content\":\"a\\u0000b\\r\\n\\u00e9\"},"
                    "\"sender\":\"error: cannot read\"}");

    dsn_assert_bytes(record->content.data, record->content.len, "a\0b\r\n\xc3\xa9", 7);
    ck_assert_str_eq(record->sender, "error: cannot read");
}
END_TEST

static const struct {
    const char *changes;
    const char *without;
    const char *message;
} faults[] = {
    {"{}", "type", "type: missing"},
    {"{}", "id", "id: missing"},
    {"{}", "sender", "sender: missing"},
    {"{}", "recipient", "recipient: missing"},
    {"{}", "queue", "queue: missing"},
    {"{}", "site", "site: missing"},
    {"{}", "size", "size: missing"},
    {"{}", "response", "response: missing"},
    {"{}", "timestamp", "timestamp: missing"},
    {"{}", "created", "created: missing"},
    {"{}", "num_attempts", "num_attempts: missing"},
    {"{}", "bounce_classification", "bounce_classification: missing"},
    {"{}", "meta", "meta: missing"},
    {"{}", "headers", "headers: missing"},
    {"{\"type\":null}", NULL, "type: expected a string without NUL, got null"},
    {"{\"id\":\"a\\u0000\"}", NULL, "id: expected a string without NUL, got a string"},
    {"{\"sender\":\"a\\u0000@x\"}", NULL, "sender: expected an address without NUL, got a string"},
    {"{\"sender\":[]}", NULL, "sender: expected an address without NUL, got an array"},
    {"{\"recipient\":[1]}", NULL,
     "recipient: expected an address or an array of addresses, got an array"},
    {"{\"recipient\":{\"a\":1}}", NULL,
     "recipient: expected an address or an array of addresses, got an object"},
    {"{\"response\":\"550\"}", NULL, "response: expected an object, got a string"},
    {"{\"response\":{}}", NULL, "response.code: missing"},
    {"{\"response\":{\"code\":\"550\",\"content\":\"\"}}", NULL,
     "response.code: expected an integer from 0 to 65535, got a string"},
    {"{\"response\":{\"code\":65536,\"content\":\"\"}}", NULL,
     "response.code: expected an integer from 0 to 65535, got 65536"},
    {"{\"response\":{\"code\":-1,\"content\":\"\"}}", NULL,
     "response.code: expected an integer from 0 to 65535, got -1"},
    {"{\"response\":{\"code\":550.5,\"content\":\"\"}}", NULL,
     "response.code: expected an integer from 0 to 65535, got 550.5"},
    {"{\"response\":{\"code\":true,\"content\":\"\"}}", NULL,
     "response.code: expected an integer from 0 to 65535, got a boolean"},
    {"{\"response\":{\"code\":550}}", NULL, "response.content: missing"},
    {"{\"response\":{\"code\":550,\"content\":\"\",\"enhanced_code\":{\"class\":5}}}", NULL,
     "response.enhanced_code.subject: missing"},
    {"{\"peer_address\":{\"name\":\"x\"}}", NULL, "peer_address.addr: missing"},
    {"{\"timestamp\":253402300800}", NULL,
     "timestamp: expected an integer from -62135596800 to 253402300799, got 253402300800"},
    {"{\"size\":1e300}", NULL, "size: expected an integer from 0 to 9007199254740992, got 1e300"},
    {"{\"event_time\":\"yesterday\"}", NULL,
     "event_time: expected a time in the form of RFC 3339, got a string"},
    {"{\"num_attempts\":65536}", NULL,
     "num_attempts: expected an integer from 0 to 65535, got 65536"},
    {"{\"meta\":[1]}", NULL, "meta: expected an object, got an array"},
    {"{\"feedback_report\":{\"incidents\":\"1\"}}", NULL,
     "feedback_report.incidents: expected an integer from 0 to 4294967295, got a string"},
    {"{\"feedback_report\":{\"original_message\":[256]}}", NULL,
     "feedback_report.original_message: expected a string or an array of byte numbers, got an "
     "array"},
    {"{\"feedback_report\":{\"extensions\":{\"x\":1}}}", NULL,
     "feedback_report.extensions: expected an object of arrays of strings, got an object"},
    {"{\"tls_peer_subject_name\":[1]}", NULL,
     "tls_peer_subject_name: expected an array of strings, got an array"},
};

START_TEST(a_fault_names_its_key)
{
    json_auto_t *json = base_with(faults[_i].changes, faults[_i].without);
    g_autoptr(GError) error = NULL;
    g_autoptr(DsnRecord) record = dsn_record_from_json(json, &error);

    ck_assert_ptr_null(record);
    ck_assert(g_error_matches(error, DSN_RECORD_ERROR, DSN_RECORD_ERROR_KEY));
    ck_assert_str_eq(error->message, faults[_i].message);
}
END_TEST

static const struct {
    const char *label;
    const char *text;
    const char *start; /* of the message */
} broken[] = {
    {"empty", "", "line 1, column 0: "},
    {"no value", "{\"a\":\n  }", "line 2, column 3: "},
    {"not an object", "[]", "expected an object, got an array"},
    {"trailing garbage", "{} x", "line 1, column 4: "},
    {"two objects", "{}{}", "line 1, column 3: "},
    {"duplicate key", "{\"a\":1,\"a\":2}", "line 1, column "},
    {"lone surrogate", "{\"a\":\"\\ud800\"}", "line 1, column "},
    {"invalid UTF-8", "{\"a\":\"\xff\"}", "line 1, column "},
    {"control in a string", "{\"a\":\"\x01\"}", "line 1, column "},
    {"integer too big", "{\"a\":9223372036854775808}", "line 1, column "},
    {"NUL in a key", "{\"\\u0000\":1}", "line 1, column "},
};

START_TEST(broken_JSON_names_its_place)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DsnRecord) record = dsn_record_parse(dsn_span(broken[_i].text), MAX_SIZE, &error);

    ck_assert_msg(record == NULL, "%s", broken[_i].label);
    ck_assert(g_error_matches(error, DSN_RECORD_ERROR, DSN_RECORD_ERROR_JSON));
    ck_assert_msg(g_str_has_prefix(error->message, broken[_i].start), "%s: %s", broken[_i].label,
                  error->message);
    ck_assert_msg(g_utf8_validate(error->message, -1, NULL), "%s", broken[_i].label);
    for (const char *c = error->message; *c != '\0'; c++)
        ck_assert_msg(!g_ascii_iscntrl(*c), "%s: %s", broken[_i].label, error->message);
}
END_TEST

START_TEST(size_and_depth_are_capped)
{
    g_autoptr(GError) size = NULL, depth = NULL;
    g_autofree char *brackets = g_strnfill(50000, '[');
    g_autofree char *deep = g_strconcat("{\"a\":", brackets, NULL);

    ck_assert_ptr_null(dsn_record_parse(dsn_span(BASE), strlen(BASE) - 1, &size));
    g_autofree char *expected =
        g_strdup_printf("%zu bytes are more than the limit of %zu", strlen(BASE), strlen(BASE) - 1);
    ck_assert_str_eq(size->message, expected);
    g_autoptr(DsnRecord) record = dsn_record_parse(dsn_span(BASE), strlen(BASE), NULL);
    ck_assert_ptr_nonnull(record);

    ck_assert_ptr_null(dsn_record_parse(dsn_span(deep), MAX_SIZE, &depth));
    ck_assert(g_error_matches(depth, DSN_RECORD_ERROR, DSN_RECORD_ERROR_JSON));
    ck_assert_ptr_null(dsn_record_parse(DSN_SPAN_ABSENT, MAX_SIZE, NULL));
}
END_TEST

/* The tree of a text can take a hundred times its memory; a text that is one string cannot. */
/* Rule QRK-05: an original of more bytes than that, each a number. */
START_TEST(byte_numbers_are_not_capped)
{
    static const struct {
        const char *before, *after;
        bool capped;
    } rows[] = {
        {"{\"original_message\":[0", "]}", false},
        {"{\"original_message\" : [ 34 ", " ]}", false},
        {"{\"original_message\":[195,169", ",10]}", false},
        {"{\"a\":{\"original_message\":[92", "]}}", false},
        {"{\"original_message\":[195", "]}", true}, /* not UTF-8 */
        {"{\"original_message\":[256", "]}", true},
        {"{\"original_message\":[1000", "]}", true},
        {"{\"original_message\":[065", "]}", true},
        {"{\"original_message\":[-1", "]}", true},
        {"{\"original_message\":[1.0", "]}", true},
        {"{\"original_message\":[", "]}", true},
        {"{\"original_message\":[1", ",]}", true},
        {"{\"original_message\":[1", "", true},
        {"{\"original_message\":[1", "}", true},
        {"{\"original_message\":[\"a\"", "]}", true},
        {"{\"original_message\":{\"a\":[1", "]}}", true},
        {"{\"original_message\",[1", "]}", true},
        {"{\"original_message\":[1]},[1", "]", true},
        {"{\"x\\\"original_message\":[1", "]}", true},
        {"[1", ",\"original_message\"", true},
        {"[1", ",\"original_message\":", true},
    };
    g_autoptr(GString) numbers = g_string_new(NULL);

    for (size_t n = 0; n < 1100000; n++)
        g_string_append(numbers, ",65");
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = g_strconcat(rows[i].before, numbers->str, rows[i].after, NULL);
        g_autoptr(GError) error = NULL;

        ck_assert_ptr_null(dsn_record_parse(dsn_span(text), G_MAXSIZE, &error));
        ck_assert_msg((strstr(error->message, "more than 1000000 values") != NULL) ==
                          rows[i].capped,
                      "%s...%s: %s", rows[i].before, rows[i].after, error->message);
    }
}
END_TEST

START_TEST(the_number_of_values_is_capped)
{
    static const struct {
        const char *unit;
        size_t count;
        bool capped;
    } rows[] = {
        {"{},", 450000, false}, {"{},", 550000, true},     {"1,", 900000, false},
        {"1,", 1100000, true},  {"\"a\",", 1100000, true}, {"[", 1100000, true},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) text = g_string_new("{\"a\":[");
        g_autoptr(GError) error = NULL;

        for (size_t n = 0; n < rows[i].count; n++)
            g_string_append(text, rows[i].unit);
        g_string_append(text, "0]}");
        ck_assert_ptr_null(dsn_record_parse((DsnSpan){text->str, text->len}, G_MAXSIZE, &error));
        ck_assert_msg((strstr(error->message, "more than 1000000 values") != NULL) ==
                          rows[i].capped,
                      "%s: %s", rows[i].unit, error->message);
    }
    g_autofree char *commas = g_strnfill(1100000, ',');
    g_autofree char *changes = g_strconcat("{\"site\":\"", commas, "\"}", NULL);
    g_autoptr(DsnRecord) record = record_with(changes);
    g_autoptr(GString) line = g_string_new(NULL);
    dsn_record_write(record, line);
    g_autoptr(DsnRecord) again = dsn_record_parse((DsnSpan){line->str, line->len}, G_MAXSIZE, NULL);
    ck_assert_ptr_nonnull(again);
}
END_TEST

START_TEST(a_value_is_no_record)
{
    json_auto_t *string = json_string("x");
    g_autoptr(GError) error = NULL;

    ck_assert_ptr_null(dsn_record_from_json(string, &error));
    ck_assert(g_error_matches(error, DSN_RECORD_ERROR, DSN_RECORD_ERROR_JSON));
}
END_TEST

/* tests/data/records/X.json must give tests/golden/records/X.json, and that itself once more. */
static void
check_golden(const char *name)
{
    g_autofree char *in_path = g_build_filename("data/records", name, NULL);
    g_autofree char *out_path = g_build_filename("golden/records", name, NULL);
    size_t in_length, golden_length;
    g_autofree char *in = dsn_test_read(in_path, &in_length);
    g_autofree char *golden = dsn_test_read(out_path, &golden_length);
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) first = g_string_new(NULL), second = g_string_new(NULL);

    g_autoptr(DsnRecord) record = dsn_record_parse((DsnSpan){in, in_length}, MAX_SIZE, &error);
    ck_assert_msg(record != NULL, "%s: %s", name, error == NULL ? "" : error->message);
    dsn_record_write(record, first);
    dsn_test_compare(__FILE__, __LINE__, first->str, first->len, golden, golden_length, name);

    g_autoptr(DsnRecord) again =
        dsn_record_parse((DsnSpan){first->str, first->len}, MAX_SIZE, NULL);
    ck_assert_msg(again != NULL, "%s", name);
    dsn_record_write(again, second);
    dsn_assert_bytes(second->str, second->len, first->str, first->len);
}

START_TEST(older_forms_are_written_in_the_newest)
{
    g_autofree char *path = g_build_filename(g_getenv("DSNARF_DATA"), "data/records", NULL);
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
    unsigned count = 0;

    ck_assert_ptr_nonnull(folder);
    for (const char *name; (name = g_dir_read_name(folder)) != NULL; count++)
        check_golden(name);
    ck_assert_uint_ge(count, 9);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("record");
    TCase *read = tcase_create("read");
    TCase *refuse = tcase_create("refuse");
    TCase *write = tcase_create("write");

    tcase_add_test(read, types_have_names);
    tcase_add_test(read, reads_every_field);
    tcase_add_test(read, null_and_absent_are_NULL);
    tcase_add_loop_test(read, reads_recipients, 0, G_N_ELEMENTS(recipients));
    tcase_add_loop_test(read, takes_recipients_out, 0, G_N_ELEMENTS(kept));
    tcase_add_loop_test(read, the_precise_time_wins, 0, G_N_ELEMENTS(times));
    tcase_add_test(read, only_codes_of_RFC_3463_count);
    tcase_add_test(read, texts_may_hold_anything);
    tcase_add_loop_test(refuse, a_fault_names_its_key, 0, G_N_ELEMENTS(faults));
    tcase_add_loop_test(refuse, broken_JSON_names_its_place, 0, G_N_ELEMENTS(broken));
    tcase_add_test(refuse, size_and_depth_are_capped);
    tcase_add_test(refuse, the_number_of_values_is_capped);
    tcase_add_test(refuse, byte_numbers_are_not_capped);
    tcase_add_test(refuse, a_value_is_no_record);
    tcase_add_test(write, older_forms_are_written_in_the_newest);
    suite_add_tcase(suite, read);
    suite_add_tcase(suite, refuse);
    suite_add_tcase(suite, write);
    return suite;
}
