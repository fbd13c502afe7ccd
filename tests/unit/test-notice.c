/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/notice.h"
#include "mime/header.h"
#include "tests/support/notice.h"
#include "tests/support/unit.h"

#include <glib/gstdio.h>
#include <stdlib.h>

#define NOW 1795176000 /* 2026-11-20 12:00:00 UTC */

#define ORIGINAL                                                                             \
    "From: Shop <news@shop.example>\r\nTo: jane@customer.example\r\nSubject: Your order\r\n" \
    "Date: Fri, 20 Nov 2026 09:14:58 +0000\r\nMessage-ID: <4711@shop.example>\r\n\r\nDear "  \
    "Jane\r\n"

typedef struct Fixture {
    DsnCatalog *catalog;
    DsnNoticeOptions options;
    GString *bytes;
    GString *sender;
    DsnDecision decision;
    DsnNotice notice;
    GError *error;
} Fixture;

typedef enum Result { MADE, NOT_DUE, FAILED } Result;

/* One hour and four. */
static const int64_t thresholds[] = {3600, 14400};

static const DsnMetaKeys keys = {
    .notify = (char *)"notify",
    .ret = (char *)"ret",
    .envid = (char *)"envid",
    .orcpt = (char *)"orcpt",
    .requiretls = (char *)"requiretls",
    .action = (char *)"action",
};

static Fixture fixture;

static void
set_up(void)
{
    fixture = (Fixture){
        .catalog = dsn_catalog_new(NULL, &DSN_TEMPLATE_LIMITS_DEFAULT, &fixture.error),
        .options =
            {
                .include_original = DSN_RETURN_FULL,
                .return_limit = 100000,
                .reporting_mta = {DSN_SPAN_LITERAL("dns"), DSN_SPAN_LITERAL("mta1.example.com")},
                .limits = &DSN_LIMITS_DEFAULT,
                .internal = true,
                .delay_by_default = true,
                .trust = DSN_TRUST_ANY,
                .delay_after = thresholds,
                .n_delay_after = G_N_ELEMENTS(thresholds),
                .lifetime = 5 * 86400,
                .meta = &keys,
            },
        .bytes = g_string_new(NULL),
        .sender = g_string_new(NULL),
    };
    ck_assert_ptr_nonnull(fixture.catalog);
    fixture.options.catalog = fixture.catalog;
    for (size_t i = 0; i < DSN_N_RECORD_TYPES; i++)
        fixture.options.enable[i] = dsn_notice_has_type((DsnRecordType)i);
}

static void
tear_down(void)
{
    dsn_catalog_free(fixture.catalog);
    g_string_free(fixture.bytes, TRUE);
    g_string_free(fixture.sender, TRUE);
    dsn_notice_clear(&fixture.notice);
    g_clear_error(&fixture.error);
}

/* The base record with some keys replaced; NULL and fixture.error when that is no record. */
static DsnRecord *
try_record(const char *base, json_t *update)
{
    g_autofree char *path = g_build_filename("golden/notice", base, NULL);
    size_t len = 0;
    g_autofree char *text = dsn_test_read(path, &len);
    json_auto_t *json = json_loadb(text, len, 0, NULL);

    ck_assert_ptr_nonnull(json);
    ck_assert_int_eq(json_object_update_recursive(json, update), 0);
    g_clear_error(&fixture.error);
    return dsn_record_from_json(json, &fixture.error);
}

static DsnRecord *
changed_record(const char *changes)
{
    json_auto_t *update = json_loads(changes, 0, NULL);

    ck_assert_msg(update != NULL, "%s", changes);
    DsnRecord *record = try_record("bounce.json", update);
    ck_assert_msg(record != NULL, "%s", fixture.error == NULL ? "" : fixture.error->message);
    return record;
}

/* One notice for all @records, with what was decided about the first. */
static Result
make_of(DsnRecord *const *records, size_t n_records, const DsnRecord *last_failure,
        const char *original)
{
    DsnNoticeRequest request = {
        .options = &fixture.options,
        .records = records,
        .n_records = n_records,
        .original = dsn_span(original),
        .last_failure = last_failure,
        .now = NOW,
    };

    g_string_truncate(fixture.bytes, 0);
    g_string_truncate(fixture.sender, 0);
    dsn_notice_clear(&fixture.notice);
    g_clear_error(&fixture.error);
    for (size_t i = n_records; i > 0; i--) {
        dsn_notice_decide(&fixture.options, records[i - 1], dsn_span(original), 0, fixture.sender,
                          &fixture.decision);
        if (fixture.decision.reason != DSN_REASON_NONE)
            return NOT_DUE;
    }
    request.action = fixture.decision.action;
    request.late = fixture.decision.late;
    request.threshold = fixture.decision.threshold;
    return dsn_notice_build(&request, fixture.bytes, &fixture.notice, &fixture.error) ? MADE
                                                                                      : FAILED;
}

static Result
make(DsnRecord *record, const char *original)
{
    return make_of(&record, 1, NULL, original);
}

static void
check_made(Result result, const char *label)
{
    ck_assert_msg(result == MADE, "%s: %s", label,
                  fixture.error != NULL ? fixture.error->message
                                        : dsn_reason_to_string(fixture.decision.reason));
    ck_assert_msg(!fixture.notice.minimal, "%s: minimal: %s", label, fixture.notice.broken);
    dsn_test_check_notice((DsnSpan){fixture.bytes->str, fixture.bytes->len}, NULL, label);
}

static void
make_good(DsnRecord *record, const char *original, const char *label)
{
    check_made(make(record, original), label);
}

/* A folder with one template, failed.en.txt; removed by the caller. */
static char *
make_templates(const char *text)
{
    char *folder = g_dir_make_tmp("dsnarf-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(folder, "failed.en.txt", NULL);

    ck_assert(g_file_set_contents(file, text, -1, NULL));
    return folder;
}

static void
remove_templates(char *folder)
{
    g_autofree char *file = g_build_filename(folder, "failed.en.txt", NULL);

    ck_assert_int_eq(g_remove(file), 0);
    ck_assert_int_eq(g_rmdir(folder), 0);
    g_free(folder);
}

static DsnReturn
return_named(const char *name)
{
    static const char *const names[] = {
        [DSN_RETURN_NOTHING] = "no", [DSN_RETURN_HEADERS] = "headers", [DSN_RETURN_FULL] = "full"};

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (strcmp(names[i], name) == 0)
            return (DsnReturn)i;
    ck_abort_msg("%s", name);
}

static const char *
text_of(const json_t *row, const char *key)
{
    return json_string_value(json_object_get(row, key));
}

/* The record of @row with @changes, which may be NULL. */
static DsnRecord *
golden_record(const json_t *row, json_t *changes)
{
    json_auto_t *nothing = json_object();
    DsnRecord *record = try_record(text_of(row, "record"), changes == NULL ? nothing : changes);

    ck_assert_msg(record != NULL, "%s", fixture.error == NULL ? "" : fixture.error->message);
    return record;
}

static void
free_record(gpointer record)
{
    dsn_record_free(record);
}

static void
make_golden(const json_t *row, const char *original)
{
    g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func(free_record);
    json_t *failure = json_object_get(row, "last_failure"), *changes;
    const json_t *options = json_object_get(row, "options");
    g_autoptr(DsnRecord) last_failure = failure == NULL ? NULL : golden_record(row, failure);
    size_t index;

    g_ptr_array_add(records, golden_record(row, json_object_get(row, "changes")));
    json_array_foreach(json_object_get(row, "more"), index, changes)
    {
        g_ptr_array_add(records, golden_record(row, changes));
    }
    fixture.options.include_original = return_named(text_of(row, "include"));
    fixture.options.delivered_late = json_is_true(json_object_get(options, "delivered_late"));
    fixture.options.confidential = json_is_true(json_object_get(options, "confidential"));
    check_made(make_of((DsnRecord *const *)records->pdata, records->len, last_failure, original),
               text_of(row, "expected"));
}

static void
check_golden(const json_t *row)
{
    const char *expected_name = text_of(row, "expected"), *original_name = text_of(row, "original");
    g_autofree char *expected_path = g_build_filename("golden/notice", expected_name, NULL);
    g_autofree char *original = NULL;
    size_t expected_len = 0;

    if (original_name != NULL) {
        g_autofree char *path = g_build_filename("golden/notice", original_name, NULL);
        original = dsn_test_read(path, NULL);
    }
    fixture.options.stable = true;
    make_golden(row, original);
    ck_assert_int_eq(fixture.notice.built.returned, return_named(text_of(row, "returned")));

    /* DSNARF_UPDATE names a folder that the notices are written to instead, for a person to look at
     * and to copy. */
    const char *update = g_getenv("DSNARF_UPDATE");
    if (update != NULL) {
        g_autofree char *path = g_build_filename(update, expected_name, NULL);
        ck_assert(g_file_set_contents(path, fixture.bytes->str, (gssize)fixture.bytes->len, NULL));
        return;
    }
    g_autofree char *expected = dsn_test_read(expected_path, &expected_len);
    dsn_test_compare(__FILE__, __LINE__, fixture.bytes->str, fixture.bytes->len, expected,
                     expected_len, expected_name);
}

/* What cases.json lists; tests/golden/check-notices reads the same files in its own way. */
START_TEST(golden_files)
{
    size_t len = 0, index;
    g_autofree char *text = dsn_test_read("golden/notice/cases.json", &len);
    json_auto_t *cases = json_loadb(text, len, 0, NULL);
    json_t *row;

    ck_assert_uint_gt(json_array_size(cases), 0);
    json_array_foreach(cases, index, row)
    {
        check_golden(row);
    }
}
END_TEST

#define DELAYED_2_HOURS                                                           \
    "{\"type\": \"TransientFailure\", \"event_time\": \"2026-11-20T11:59:00Z\", " \
    "\"response\": {\"code\": 451, \"enhanced_code\": null}"
#define DELAYED_5_HOURS                                                           \
    "{\"type\": \"TransientFailure\", \"event_time\": \"2026-11-20T14:15:00Z\", " \
    "\"response\": {\"code\": 451, \"enhanced_code\": null}"
#define SUCCESS_BY(protocol)                                                                \
    "{\"type\": \"Delivery\", \"meta\": {\"notify\": \"SUCCESS\"}, \"delivery_protocol\": " \
    "\"" protocol "\", \"response\": {\"code\": 250, \"enhanced_code\": null}"

/* What a record says, and a line that then stands in the notice; with "!" one that does not. */
static const struct {
    const char *rule, *changes, *line;
} fields[] = {
    {"RCPT-11", "{\"response\": {\"enhanced_code\": null}}", "Status: 5.0.0"},
    {"RCPT-11", "{\"response\": {\"code\": 452, \"enhanced_code\": null}}", "Status: 4.0.0"},
    {"STAT-02", "{\"response\": {\"enhanced_code\": {\"class\": 2}}}", "Status: 5.0.0"},
    {"STAT-06", "{\"response\": {\"enhanced_code\": {\"subject\": 999}}}", "Status: 5.999.1"},
    {"RCPT-12",
     "{\"type\": \"Expiration\", \"response\": {\"code\": 551, \"enhanced_code\": {\"subject\": 4,"
     " \"detail\": 7}}}",
     "Status: 5.4.7"},
    {"RCPT-20", "{\"type\": \"Expiration\"}", "!Last-Attempt-Date"},
    {"RCPT-20", "{\"delivery_protocol\": null}", "!Last-Attempt-Date"},
    {"RCPT-20", "{}", "Last-Attempt-Date: Fri, 20 Nov 2026 09:15:03 +0000"},
    {"RCPT-13", "{\"peer_address\": {\"name\": \"MX.customer.example.\"}}",
     "Remote-MTA: dns; MX.customer.example"},
    {"RCPT-13", "{\"peer_address\": {\"name\": \"\", \"addr\": \"198.51.100.25:25\"}}",
     "Remote-MTA: dns; [198.51.100.25]"},
    {"RCPT-13", "{\"peer_address\": {\"name\": \"\", \"addr\": \"[2001:db8::1]:25\"}}",
     "Remote-MTA: dns; [IPv6:2001:db8::1]"},
    {"RCPT-13", "{\"peer_address\": {\"name\": \"\", \"addr\": \"2001:db8::1\"}}",
     "Remote-MTA: dns; [IPv6:2001:db8::1]"},
    {"RCPT-13", "{\"peer_address\": {\"name\": \"\", \"addr\": \"/run/lmtp\"}}",
     "Remote-MTA: x-local-hostname; unknown"},
    {"RCPT-13", "{\"peer_address\": {\"name\": \"not a name\", \"addr\": \"\"}}",
     "Remote-MTA: x-local-hostname; not a name"},
    {"RCPT-14", "{\"peer_address\": null}", "!Remote-MTA"},
    {"RCPT-16", "{\"peer_address\": null}", "Diagnostic-Code: x-dsnarf; 550 5.1.1 no such user"},
    {"RCPT-16", "{\"delivery_protocol\": \"Lua\"}", "!Remote-MTA"},
    {"RCPT-15", "{\"response\": {\"content\": \"\"}}", "Diagnostic-Code: smtp; 550 5.1.1"},
    {"RCPT-18", "{\"response\": {\"content\": \"two  spaces\"}}",
     "Diagnostic-Code: smtp; 550 5.1.1 two  spaces"},
    {"RCPT-21", "{\"id\": \"\"}", "!Final-Log-ID"},
    {"RCPT-21", "{}", "Final-Log-ID: 1d98076abbbc11ed940250ebf67f93bd"},
    {"RCPT-04", "{\"recipient\": \"Jane+x@Customer.example\"}",
     "Final-Recipient: rfc822; Jane+x@Customer.example"},
    {"RCPT-05", "{\"recipient\": \"A..B.@Customer.Example\"}",
     "Final-Recipient: rfc822; A..B.@Customer.Example"},
    {"RCPT-05", "{\"recipient\": \"\\\"O'Neil \\\\\\\" x\\\"@[192.0.2.1]\"}",
     "Final-Recipient: rfc822; \"O'Neil \\\" x\"@[192.0.2.1]"},
    {"DSN-06", "{}", "!Original-Envelope-Id"},
    {"RCPT-03", "{}", "!Original-Recipient"},
    {"DSN-13", "{}", "Arrival-Date: Fri, 20 Nov 2026 09:15:00 +0000"},
    {"ENV-11", "{\"sender\": \"@a.example,@b.example:news@shop.example\"}",
     "To: news@shop.example"},
    {"MIME-21", "{}", "From: Mail Delivery System <mailer-daemon@mta1.example.com>"},
    {"LOOP-05", "{}", "Auto-Submitted: auto-replied"},
    {"LOOP-13", "{}", "X-Dsnarf-Notice: delivery-status"},
    {"MIME-30", "{}", "In-Reply-To: <4711@shop.example>"},
    {"MIME-19", "{}", "Date: Fri, 20 Nov 2026 12:00:00 +0000"},

    /* what the sender asked for */
    {"DSN-05", "{\"meta\": {\"envid\": \"QQ+2B314+20x\"}}", "Original-Envelope-Id: QQ+314 x"},
    {"DSN-06", "{\"meta\": {\"envid\": \"QQ=314\"}}", "!Original-Envelope-Id"},
    {"DSN-07", "{\"meta\": {\"envid\": \"MixedCase\"}}", "Original-Envelope-Id: MixedCase"},
    {"RCPT-02", "{\"meta\": {\"orcpt\": \"rfc822;Jane+2BX@Shop.example\"}}",
     "Original-Recipient: rfc822; Jane+X@Shop.example"},
    {"RCPT-02", "{\"meta\": {\"orcpt\": \"x400;/C+3DDE/O+3DShop/\"}}",
     "Original-Recipient: x400; /C=DE/O=Shop/"},
    {"RCPT-02", "{\"meta\": {\"orcpt\": \"utf-8;j\\\\x{E4}ne@b.example\"}}",
     "Original-Recipient: utf-8; j\\x{E4}ne@b.example"},
    {"RCPT-02", "{\"meta\": {\"orcpt\": {\"jane@customer.example\": \"rfc822;a@b.example\"}}}",
     "Original-Recipient: rfc822; a@b.example"},
    {"RCPT-03", "{\"meta\": {\"orcpt\": {\"joe@customer.example\": \"rfc822;a@b.example\"}}}",
     "!Original-Recipient"},
    {"RCPT-03", "{\"meta\": {\"orcpt\": \"rfc822;a=b\"}}", "!Original-Recipient"},
    {"I18N-07", "{\"meta\": {\"orcpt\": \"utf-8;\\\\x{D800}@b.example\"}}", "!Original-Recipient"},
    {"I18N-07",
     "{\"sender\": \"j\\u00e4ne@shop.example\", \"recipient\": \"j\\u00e4ne@b.example\","
     " \"meta\": {\"orcpt\": \"utf-8;\\\\x{D800}@b.example\"}}",
     "Original-Recipient: utf-8; \\x{D800}@b.example"},

    /* delays */
    {"RCPT-22", DELAYED_2_HOURS "}", "Will-Retry-Until: Wed, 25 Nov 2026 09:15:00 +0000"},
    {"RCPT-06", DELAYED_2_HOURS "}", "Action: delayed"},
    {"RCPT-11", DELAYED_2_HOURS "}", "Status: 4.0.0"},
    {"RCPT-11",
     "{\"type\": \"TransientFailure\", \"event_time\": \"2026-11-20T11:59:00Z\", \"response\":"
     " {\"code\": 451, \"enhanced_code\": {\"class\": 4}}}",
     "Status: 4.1.1"},
    {"STAT-02",
     "{\"type\": \"TransientFailure\", \"event_time\": \"2026-11-20T11:59:00Z\", \"response\":"
     " {\"code\": 552, \"enhanced_code\": {\"class\": 5, \"subject\": 5, \"detail\": 3}}}",
     "Status: 4.5.3"},
    {"STAT-02", "{\"response\": {\"code\": 452}}", "Status: 4.1.1"},
    {"RCPT-22", "{\"type\": \"Delayed\", \"created_time\": \"2026-10-20T09:15:00Z\"}",
     "!Will-Retry-Until"},
    {"RCPT-20", "{\"type\": \"Delayed\", \"event_time\": \"2026-11-20T11:15:00Z\"}",
     "!Last-Attempt-Date"},
    {"RCPT-22", "{\"type\": \"Expiration\"}", "!Will-Retry-Until"},

    /* success */
    {"RCPT-06", SUCCESS_BY("ESMTP") "}", "Action: relayed"},
    {"RCPT-06", SUCCESS_BY("LMTP") "}", "Action: delivered"},
    {"RCPT-06", SUCCESS_BY("Lua") "}", "Action: delivered"},
    {"RCPT-11", SUCCESS_BY("ESMTP") "}", "Status: 2.0.0"},
    {"RCPT-11",
     "{\"type\": \"Delivery\", \"meta\": {\"notify\": \"SUCCESS\"}, \"response\": {\"code\": 250,"
     " \"enhanced_code\": {\"class\": 2}}}",
     "Status: 2.1.1"},
    {"RCPT-13", SUCCESS_BY("LMTP") "}", "Remote-MTA: dns; mx.customer.example"},
    {"RCPT-14", SUCCESS_BY("Maildir") "}", "!Remote-MTA"},
    {"RCPT-22", SUCCESS_BY("ESMTP") "}", "!Will-Retry-Until"},

    /* administrators */
    {"RCPT-14", "{\"type\": \"AdminBounce\"}", "!Remote-MTA"},
    {"RCPT-16", "{\"type\": \"AdminBounce\"}", "Diagnostic-Code: x-dsnarf; 550 5.1.1 no such user"},
    {"ESMTP-31", "{\"type\": \"AdminBounce\"}", "Action: failed"},
    {"RCPT-17", "{\"response\": {\"content\": \"one\\ntwo\"}}",
     "Diagnostic-Code: smtp; 550-5.1.1 one\r\n 550 5.1.1 two"},
};

START_TEST(what_the_record_says_stands_in_the_notice)
{
    g_autoptr(DsnRecord) record = changed_record(fields[_i].changes);
    const char *line = fields[_i].line;

    make_good(record, ORIGINAL, fields[_i].rule);
    if (*line == '!') {
        ck_assert_msg(strstr(fixture.bytes->str, line + 1) == NULL, "%s %s:\n%s", fields[_i].rule,
                      line, fixture.bytes->str);
    } else {
        g_autofree char *whole = g_strconcat("\n", line, "\r\n", NULL);
        g_autofree char *all = g_strconcat("\n", fixture.bytes->str, NULL);

        ck_assert_msg(strstr(all, whole) != NULL, "%s %s:\n%s", fields[_i].rule, line, all);
    }
}
END_TEST

/* How much is returned, by option, wish, REQUIRETLS and action (rules MIME-05 to MIME-08, ENV-18).
 */
static const struct {
    const char *rule;
    DsnReturn option;
    const char *changes;
    DsnReturn returned;
} returns[] = {
    {"MIME-05", DSN_RETURN_FULL, "{}", DSN_RETURN_FULL},
    {"MIME-05", DSN_RETURN_HEADERS, "{}", DSN_RETURN_HEADERS},
    {"MIME-06", DSN_RETURN_HEADERS, "{\"meta\": {\"ret\": \"FULL\"}}", DSN_RETURN_FULL},
    {"MIME-08", DSN_RETURN_FULL, "{\"meta\": {\"ret\": \"HDRS\"}}", DSN_RETURN_HEADERS},
    {"MIME-08", DSN_RETURN_FULL, "{\"meta\": {\"ret\": \"hdrs\"}}", DSN_RETURN_HEADERS},
    {"ESMTP-09", DSN_RETURN_FULL, "{\"meta\": {\"ret\": \"NONE\"}}", DSN_RETURN_FULL},
    {"MIME-06", DSN_RETURN_NOTHING, "{\"meta\": {\"ret\": \"FULL\"}}", DSN_RETURN_NOTHING},
    {"MIME-08", DSN_RETURN_NOTHING, "{\"meta\": {\"ret\": \"HDRS\"}}", DSN_RETURN_NOTHING},
    {"MIME-07", DSN_RETURN_FULL, DELAYED_2_HOURS ", \"meta\": {\"ret\": \"FULL\"}}",
     DSN_RETURN_HEADERS},
    {"MIME-07", DSN_RETURN_FULL, SUCCESS_BY("ESMTP") "}", DSN_RETURN_HEADERS},
    {"MIME-07", DSN_RETURN_FULL, SUCCESS_BY("Maildir") "}", DSN_RETURN_HEADERS},
    {"ENV-18", DSN_RETURN_FULL, "{\"meta\": {\"ret\": \"FULL\", \"requiretls\": true}}",
     DSN_RETURN_HEADERS},
    {"ENV-18", DSN_RETURN_NOTHING, "{\"meta\": {\"requiretls\": true}}", DSN_RETURN_NOTHING},
};

START_TEST(how_much_is_returned)
{
    g_autoptr(DsnRecord) record = changed_record(returns[_i].changes);

    fixture.options.include_original = returns[_i].option;
    make_good(record, ORIGINAL, returns[_i].changes);
    ck_assert_msg(fixture.notice.built.returned == returns[_i].returned, "%s: %s", returns[_i].rule,
                  returns[_i].changes);
    ck_assert_msg(fixture.notice.requiretls == (strstr(returns[_i].changes, "requiretls") != NULL),
                  "ENV-18: %s", returns[_i].changes);
}
END_TEST

/* Rule MIME-06: above the cap, the header alone. */
START_TEST(the_whole_up_to_the_cap)
{
    g_autoptr(DsnRecord) record = changed_record("{\"meta\": {\"ret\": \"FULL\"}}");

    fixture.options.return_limit = strlen(ORIGINAL) - 1;
    make_good(record, ORIGINAL, "over the cap");
    ck_assert_int_eq(fixture.notice.built.returned, DSN_RETURN_HEADERS);
    ck_assert_ptr_nonnull(fixture.notice.built.reduced);
}
END_TEST

/* ---- several records ---- */

static bool
has_line(const char *line)
{
    g_autofree char *whole = g_strconcat("\r\n", line, "\r\n", NULL);

    return strstr(fixture.bytes->str, whole) != NULL;
}

/* Rule ENV-21: one notice about one message, and each of its recipients as its record has it. */
START_TEST(several_records)
{
    g_autoptr(DsnRecord) jane = changed_record("{\"meta\": {\"envid\": \"e1\"}}");
    g_autoptr(DsnRecord) joe = changed_record(
        "{\"recipient\": [\"joe@b.example\", \"jim@b.example\"], \"peer_address\": {\"name\":"
        " \"mx.b.example.\"}, \"response\": {\"code\": 552, \"content\": \"full\","
        " \"enhanced_code\": {\"class\": 5, \"subject\": 2, \"detail\": 2}},"
        " \"event_time\": \"2026-11-20T09:16:00Z\"}");
    g_autoptr(DsnRecord) again = changed_record("{\"response\": {\"code\": 551}}");
    DsnRecord *const records[] = {jane, joe, again};
    DsnRecord *const other_order[] = {joe, jane, again};

    check_made(make_of(records, G_N_ELEMENTS(records), NULL, ORIGINAL), "three records");
    ck_assert(has_line("Original-Envelope-Id: e1"));
    ck_assert(has_line("Final-Recipient: rfc822; jane@customer.example"));
    ck_assert(has_line("Diagnostic-Code: smtp; 551 5.1.1 no such user")); /* the last one counts */
    ck_assert(!has_line("Diagnostic-Code: smtp; 550 5.1.1 no such user"));
    ck_assert(has_line("Final-Recipient: rfc822; joe@b.example"));
    ck_assert(has_line("Final-Recipient: rfc822; jim@b.example"));
    ck_assert(has_line("Status: 5.2.2"));
    ck_assert(has_line("Remote-MTA: dns; mx.b.example"));
    ck_assert(has_line("Last-Attempt-Date: Fri, 20 Nov 2026 09:16:00 +0000"));

    g_auto(GStrv) groups = g_strsplit(fixture.bytes->str, "\r\nFinal-Recipient: ", -1);
    ck_assert_uint_eq(g_strv_length(groups), 4); /* rule ENV-20: three, nobody twice */

    g_autofree char *id = dsn_span_dup(
        dsn_header_find((DsnSpan){fixture.bytes->str, fixture.bytes->len}, "Message-ID"));
    check_made(make_of(other_order, G_N_ELEMENTS(other_order), NULL, ORIGINAL), "other order");
    dsn_assert_span(
        dsn_header_find((DsnSpan){fixture.bytes->str, fixture.bytes->len}, "Message-ID"), id,
        "MIME-20");
}
END_TEST

/* Rules RCPT-12 to RCPT-16, RCPT-20: what the last attempt said stands in the fields; where there
 * was no peer, or no code, those of the expiration remain. */
static const struct {
    const char *rule, *changes, *line;
} attempts[] = {
    {"RCPT-12", "{}", "Status: 4.2.2"},
    {"RCPT-13", "{}", "Remote-MTA: dns; mx.customer.example"},
    {"RCPT-15", "{}", "Diagnostic-Code: smtp; 452 4.2.2 full"},
    {"RCPT-20", "{}", "Last-Attempt-Date: Fri, 20 Nov 2026 09:00:00 +0000"},
    {"RCPT-12", "{\"response\": {\"enhanced_code\": null}}", "Status: 4.4.7"},
    {"RCPT-14", "{\"peer_address\": null}", "!Remote-MTA"},
    {"RCPT-16", "{\"peer_address\": null}", "Diagnostic-Code: x-dsnarf; 452 4.2.2 full"},
    {"RCPT-20", "{\"delivery_protocol\": null}", "!Last-Attempt-Date"},
};

START_TEST(why_it_expired)
{
    json_auto_t *update = json_loads(
        "{\"type\": \"TransientFailure\", \"event_time\": \"2026-11-20T09:00:00Z\", \"response\":"
        " {\"code\": 452, \"content\": \"full\", \"enhanced_code\": {\"class\": 4, \"subject\": 2,"
        " \"detail\": 2}}}",
        0, NULL);
    json_auto_t *changes = json_loads(attempts[_i].changes, 0, NULL), *nothing = json_object();
    g_autoptr(DsnRecord) expiration = try_record("expiration.json", nothing);
    const char *line = attempts[_i].line;

    ck_assert_int_eq(json_object_update_recursive(update, changes), 0);
    g_autoptr(DsnRecord) failure = try_record("bounce.json", update);
    ck_assert_msg(failure != NULL, "%s", fixture.error == NULL ? "" : fixture.error->message);
    check_made(make_of(&expiration, 1, failure, ORIGINAL), attempts[_i].changes);
    ck_assert_msg(line[0] == '!' ? strstr(fixture.bytes->str, line + 1) == NULL : has_line(line),
                  "%s: %s:\n%s", attempts[_i].rule, line, fixture.bytes->str);
}
END_TEST

/* Rules RCPT-24, ESMTP-35, SEC-05: neither fields nor words tell who was spoken to, or what that
 * host said; not even an administrator's template could. */
START_TEST(confidential)
{
    g_autoptr(DsnRecord) record = changed_record(
        "{\"site\": \"src->secret.example\", \"provider_name\": \"secret\", \"response\":"
        " {\"content\": \"said secret.example\", \"command\": \"RCPT TO:<a@secret.example>\"},"
        " \"peer_address\": {\"name\": \"mx.secret.example.\", \"addr\": \"198.51.100.25\"}}");
    g_autoptr(DsnRecord) expiration = changed_record("{\"type\": \"Expiration\"}");
    g_autoptr(GString) faults = g_string_new(NULL);
    char *folder = make_templates("Subject: mine\n\n{{ log_record }} {{ records }}"
                                  " {{ recipients }} {{ last_failure }}\n");
    g_autoptr(DsnCatalog) catalog =
        dsn_catalog_new_over(NULL, folder, &DSN_TEMPLATE_LIMITS_DEFAULT, faults);

    ck_assert_str_eq(faults->str, "");
    for (size_t own = 0; own < 2; own++) {
        if (own == 1)
            fixture.options.catalog = catalog;
        fixture.options.confidential = true;
        make_good(record, ORIGINAL, "confidential");
        ck_assert_ptr_null(strstr(fixture.bytes->str, "secret"));
        ck_assert(has_line("Diagnostic-Code: smtp; 550 5.1.1"));
        check_made(make_of(&expiration, 1, record, ORIGINAL), "confidential expiration");
        ck_assert_ptr_null(strstr(fixture.bytes->str, "secret"));
        fixture.options.confidential = false;
        make_good(record, ORIGINAL, "open");
        ck_assert_ptr_nonnull(strstr(fixture.bytes->str, "secret"));
    }
    remove_templates(folder);
}
END_TEST

/* ---- languages ---- */

START_TEST(languages)
{
    static const char *const wanted[] = {"de", "fr", NULL};
    g_autoptr(DsnRecord) record = changed_record("{}");

    make_good(record, "Accept-Language: fr, de;q=0.5\r\n" ORIGINAL, "as the original");
    ck_assert_str_eq(fixture.notice.language, "fr");
    make_good(record, "Content-Language: it\r\n" ORIGINAL, "as its content");
    ck_assert_str_eq(fixture.notice.language, "it");
    make_good(record, "Accept-Language: xx\r\nContent-Language: pl\r\n" ORIGINAL, "as written");
    ck_assert_str_eq(fixture.notice.language, "pl");
    g_autoptr(DsnRecord) logged = changed_record("{\"headers\": {\"content-language\": \"nl\"}}");
    make_good(logged, "", "as the record says");
    ck_assert_str_eq(fixture.notice.language, "nl");
    fixture.options.languages = wanted;
    make_good(record, ORIGINAL, "the first");
    ck_assert_str_eq(fixture.notice.language, "de");
    ck_assert(has_line("Content-Language: de"));
    make_good(record, "Accept-Language: fr\r\n" ORIGINAL, "the one that fits");
    ck_assert_str_eq(fixture.notice.language, "fr");
    ck_assert(!has_line("Content-Language: de"));

    /* Rules MIME-04, MIME-32: several languages and HTML are alternatives, each with its tag. */
    fixture.options.all_languages = true;
    fixture.options.html = true;
    make_good(record, "Accept-Language: fr\r\n" ORIGINAL, "all");
    ck_assert_str_eq(fixture.notice.language, "fr");
    ck_assert(has_line("Content-Language: de"));
    ck_assert(has_line("Content-Language: fr"));
    ck_assert_ptr_nonnull(strstr(fixture.bytes->str, "\r\nContent-Type: multipart/alternative"));
    ck_assert_ptr_nonnull(strstr(fixture.bytes->str, "\r\nContent-Type: text/html"));
}
END_TEST

/* Design: the notice of an event has one Message-ID, however often it is made (rule MIME-20). */
static char *
dup_message_id(const char *changes)
{
    g_autoptr(DsnRecord) record = changed_record(changes);
    const char *id, *end;

    make_good(record, ORIGINAL, changes);
    id = strstr(fixture.bytes->str, "\nMessage-ID: ");
    ck_assert_ptr_nonnull(id);
    end = strchr(id + 1, '\r');
    return g_strndup(id + 13, (size_t)(end - id) - 13);
}

START_TEST(a_notice_made_again_is_the_same)
{
    g_autofree char *first = dup_message_id("{}");
    g_autofree char *bytes = g_strdup(fixture.bytes->str);
    g_autofree char *again = dup_message_id("{}");

    ck_assert_str_eq(first, again);
    ck_assert_str_eq(bytes, fixture.bytes->str);
    ck_assert(g_str_has_suffix(first, "@mta1.example.com>"));
}
END_TEST

START_TEST(another_event_has_another_message_id)
{
    static const char *const changes[] = {
        "{}",
        "{\"id\": \"x\"}",
        "{\"nodeid\": \"x\"}",
        "{\"created_time\": \"2026-11-20T09:15:00.5Z\"}",
        "{\"recipient\": \"joe@customer.example\"}",
        "{\"recipient\": [\"joe@customer.example\", \"jane@customer.example\"]}",
        DELAYED_2_HOURS "}", /* another action */
        DELAYED_5_HOURS "}", /* another threshold */
    };
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++)
        ck_assert_msg(g_hash_table_add(seen, dup_message_id(changes[i])), "%s", changes[i]);

    g_autofree char *other_order =
        dup_message_id("{\"recipient\": [\"jane@customer.example\", \"joe@customer.example\"]}");
    ck_assert(g_hash_table_contains(seen, other_order));
}
END_TEST

START_TEST(stable_notices)
{
    g_autoptr(DsnRecord) record = changed_record("{}");

    fixture.options.stable = true;
    make_good(record, ORIGINAL, "stable");
    ck_assert_ptr_nonnull(
        strstr(fixture.bytes->str, "\r\nMessage-ID: <UUID@mta1.example.com>\r\n"));
    ck_assert_ptr_nonnull(strstr(fixture.bytes->str, "boundary=\"report-boundary\""));
    ck_assert(g_str_has_prefix(fixture.bytes->str, "Date: Fri, 20 Nov 2026 09:15:03 +0000\r\n"));
}
END_TEST

/* ENV-04, QRK-14: To names the one that the notice is sent to, letter by letter. */
static const char *const addressees[] = {
    "news@shop.example",
    "News+Bounce=42@Shop.example",
    "@relay.example:news@shop.example",
    "\"the news\"@shop.example",
    "news@[192.0.2.1]",
    "n\xc3\xa9ws@shop.example",
};

START_TEST(to_whom_it_is_sent)
{
    json_auto_t *update = json_pack("{s:s}", "sender", addressees[_i]);
    g_autoptr(DsnRecord) record = try_record("bounce.json", update);

    ck_assert_ptr_nonnull(record);
    make_good(record, ORIGINAL, addressees[_i]);
    DsnSpan to = dsn_header_find((DsnSpan){fixture.bytes->str, fixture.bytes->len}, "To");
    ck_assert_ptr_nonnull(strchr(fixture.sender->str, '@'));
    dsn_assert_span(dsn_span_trim(to), fixture.sender->str, addressees[_i]);
}
END_TEST

/* DSN-09: the host that a node is, not the one that writes the notice. */
START_TEST(the_node_and_the_author)
{
    g_autoptr(GHashTable) nodes = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(DsnRecord) record = changed_record("{\"nodeid\": \"n-2\"}");
    g_autoptr(DsnRecord) other = changed_record("{\"nodeid\": \"n-3\"}");

    g_hash_table_insert(nodes, (gpointer) "n-2", (gpointer) "mta2.example.com");
    fixture.options.nodes = nodes;
    fixture.options.from = DSN_SPAN_LITERAL("postmaster@shop.example");
    make_good(record, ORIGINAL, "known node");
    ck_assert_ptr_nonnull(
        strstr(fixture.bytes->str, "\r\nReporting-MTA: dns; mta2.example.com\r\n"));
    ck_assert_ptr_nonnull(strstr(fixture.bytes->str, "\r\nFrom: postmaster@shop.example\r\n"));
    fixture.options.from_display = dsn_span("Sh\xc3\xb6p");
    make_good(other, ORIGINAL, "other node");
    ck_assert_ptr_nonnull(
        strstr(fixture.bytes->str, "\r\nReporting-MTA: dns; mta1.example.com\r\n"));
    ck_assert_ptr_nonnull(strstr(fixture.bytes->str, "<postmaster@shop.example>\r\n"));
}
END_TEST

START_TEST(records_that_no_notice_can_be_made_of)
{
    g_autoptr(DsnRecord) nobody = changed_record("{\"recipient\": []}");
    g_autofree char *local = g_strnfill(2000, 'x');
    g_autofree char *changes = g_strdup_printf("{\"recipient\": \"%s@b.example\"}", local);
    g_autoptr(DsnRecord) lengthy = changed_record(changes);

    ck_assert_int_eq(make(nobody, ORIGINAL), FAILED);
    ck_assert_str_eq(fixture.error->message, "recipient: there is none");
    ck_assert_int_eq(make(lengthy, ORIGINAL), FAILED);
    ck_assert_msg(g_str_has_prefix(fixture.error->message, "Final-Recipient"), "%s",
                  fixture.error->message);
    ck_assert_uint_eq(fixture.bytes->len, 0);
}
END_TEST

START_TEST(options_that_make_no_notice)
{
    g_autoptr(DsnRecord) record = changed_record("{}");

    fixture.options.reporting_mta.value = DSN_SPAN_LITERAL("not a host");
    ck_assert_int_eq(make(record, ORIGINAL), FAILED);
    ck_assert_msg(g_str_has_prefix(fixture.error->message, "From"), "%s", fixture.error->message);
    ck_assert_uint_eq(fixture.bytes->len, 0);
}
END_TEST

/* Rule SEC-06: what our own reader does not take is not sent; here since it may not read four
 * parts, which the minimal notice does not have. */
START_TEST(a_minimal_notice_goes_instead)
{
    g_autoptr(DsnRecord) record = changed_record("{}");
    DsnLimits limits = DSN_LIMITS_DEFAULT;

    limits.parts = 3;
    fixture.options.limits = &limits;
    g_string_assign(fixture.bytes, "");
    ck_assert_int_eq(make(record, ORIGINAL), MADE);
    ck_assert(fixture.notice.minimal);
    ck_assert_ptr_nonnull(fixture.notice.broken);
    ck_assert_int_eq(fixture.notice.built.returned, DSN_RETURN_NOTHING);
    dsn_test_check_notice((DsnSpan){fixture.bytes->str, fixture.bytes->len}, NULL, "minimal");
    ck_assert_ptr_null(strstr(fixture.bytes->str, "4711@shop.example"));

    limits.parts = 2;
    ck_assert_int_eq(make(record, ORIGINAL), FAILED);
    ck_assert_ptr_nonnull(fixture.error);
    ck_assert_uint_eq(fixture.bytes->len, 0);
}
END_TEST

START_TEST(more_recipients_than_the_caps_of_reports)
{
    g_autoptr(GString) changes = g_string_new("{\"recipient\": [\"a@b.example\"");
    DsnLimits limits = DSN_LIMITS_DEFAULT;

    for (int i = 0; i < 3000; i++)
        g_string_append_printf(changes, ", \"r%d@b.example\"", i);
    g_string_append(changes, "]}");
    limits.groups = 10;
    limits.message = 1000;
    fixture.options.limits = &limits;

    g_autoptr(DsnRecord) record = changed_record(changes->str);
    ck_assert_int_eq(make(record, ORIGINAL), MADE);
    ck_assert_msg(!fixture.notice.minimal, "%s", fixture.notice.broken);
    ck_assert_ptr_nonnull(strstr(fixture.bytes->str, "r2999@b.example"));
}
END_TEST

START_TEST(a_template_that_fails_costs_its_words_only)
{
    char *folder = make_templates("Subject: mine\n\n"
                                  "{% if recipients[0].address == 'jane@customer.example' %}"
                                  "{{ nothing.at.all }}{% endif %}mine\n");
    g_autoptr(DsnRecord) jane = changed_record("{}");
    g_autoptr(DsnRecord) joe = changed_record("{\"recipient\": \"joe@customer.example\"}");
    DsnCatalog *catalog = dsn_catalog_new(folder, &DSN_TEMPLATE_LIMITS_DEFAULT, &fixture.error);

    ck_assert_msg(catalog != NULL, "%s", fixture.error == NULL ? "" : fixture.error->message);
    fixture.options.catalog = catalog;
    make_good(joe, ORIGINAL, "joe");
    ck_assert_ptr_nonnull(strstr(fixture.bytes->str, "\r\nSubject: mine\r\n"));
    ck_assert_ptr_null(fixture.notice.template_fault);
    make_good(jane, ORIGINAL, "jane");
    ck_assert_ptr_null(strstr(fixture.bytes->str, "\r\nSubject: mine\r\n"));
    ck_assert_ptr_nonnull(strstr(fixture.notice.template_fault, "failed.en.txt"));
    dsn_catalog_free(catalog);
    remove_templates(folder);
}
END_TEST

START_TEST(a_template_cannot_inject_either)
{
    char *folder = make_templates(
        "Subject: {{ log_record.response.content }}\n\n{{ log_record.response.content }}\n");
    g_autoptr(DsnRecord) record = changed_record(
        "{\"response\": {\"content\": \"a\\r\\nX-Injected: yes\\r\\n\\r\\n--b\\r\\n\\u0001\"}}");
    DsnCatalog *catalog = dsn_catalog_new(folder, &DSN_TEMPLATE_LIMITS_DEFAULT, &fixture.error);

    ck_assert_msg(catalog != NULL, "%s", fixture.error == NULL ? "" : fixture.error->message);
    fixture.options.catalog = catalog;
    make_good(record, ORIGINAL, "foreign words");
    const char *empty = strstr(fixture.bytes->str, "\r\n\r\n");
    const char *injected = strstr(fixture.bytes->str, "\nX-Injected");
    ck_assert(injected == NULL || injected > empty); /* part 1 may say what it likes */
    dsn_catalog_free(catalog);
    remove_templates(folder);
}
END_TEST

/* Where a hostile text is put into the record. */
static const char *const places[] = {
    "{\"id\": %s}",
    "{\"sender\": %s}",
    "{\"recipient\": %s}",
    "{\"recipient\": [\"a@b.example\", %s]}",
    "{\"queue\": %s, \"site\": %s}",
    "{\"response\": {\"content\": %s}}",
    "{\"response\": {\"command\": %s}}",
    "{\"peer_address\": {\"name\": %s}}",
    "{\"peer_address\": {\"name\": \"\", \"addr\": %s}}",
    "{\"nodeid\": %s, \"bounce_classification\": %s}",
    "{\"delivery_protocol\": %s}",
    "{\"reception_protocol\": %s}",
    "{\"event_time\": %s}",
    "{\"meta\": {\"x\": %s}, \"headers\": {\"Subject\": %s}}",
};

static const char *const hostile[] = {
    "\r\nX-Injected: yes",
    "a@b.example\r\nX-Injected: yes",
    "\"a\r\nX-Injected: yes\"@b.example",
    "x\n\n--report-boundary\nX-Injected: yes",
    "x\rX-Injected: yes",
    "\x01\x7f\x1b[31m",
    "caf\xc3\xa9\xe2\x80\xa8\xc2\x85X-Injected: yes",
    "jos\xc3\xa9@b.example",
    "=?utf-8?q?=0D=0AX-Injected:_yes?=",
    "((((\\\"",
    "",
    " ",
};

static const char *const originals[] = {
    NULL,
    ORIGINAL,
    "Subject: x\r\nMessage-ID: <a\r\nX-Injected: yes@b>\r\nReferences: \xff "
    "<\r\n\r\n--report-boundary",
    "\xff\xfe: x\nSubject: \xe9\n\n\rX-Injected: yes\r\r\n--report-boundary--\r\n",
};

/* Either an error with a text, or a reason, or a correct notice without the line. */
static void
try_hostile(json_t *text, const char *place, const char *label)
{
    g_autofree char *value = json_dumps(text, JSON_ENCODE_ANY);
    g_auto(GStrv) pieces = g_strsplit(place, "%s", -1);
    g_autofree char *changes = g_strjoinv(value, pieces);
    json_auto_t *update = json_loads(changes, JSON_ALLOW_NUL, NULL);

    ck_assert_msg(update != NULL, "%s", changes);
    g_autoptr(DsnRecord) record = try_record("bounce.json", update);
    if (record == NULL) {
        ck_assert_msg(fixture.error != NULL && *fixture.error->message != '\0', "%s", label);
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(originals); i++) {
        switch (make(record, originals[i])) {
        case MADE:
            ck_assert_msg(!fixture.notice.minimal, "%s: minimal: %s", label, fixture.notice.broken);
            dsn_test_check_notice((DsnSpan){fixture.bytes->str, fixture.bytes->len}, NULL, label);
            const char *empty = strstr(fixture.bytes->str, "\r\n\r\n");
            const char *injected = strstr(fixture.bytes->str, "\nX-Injected");
            ck_assert_msg(injected == NULL || injected > empty, "%s", label);
            break;
        case NOT_DUE:
            ck_assert_msg(fixture.decision.reason != DSN_REASON_NONE, "%s", label);
            break;
        case FAILED:
            ck_assert_msg(strchr(fixture.error->message, ':') != NULL, "%s: %s", label,
                          fixture.error->message);
            ck_assert_uint_eq(fixture.bytes->len, 0);
            break;
        }
    }
}

START_TEST(hostile_records)
{
    static const DsnReturn wishes[] = {DSN_RETURN_NOTHING, DSN_RETURN_HEADERS, DSN_RETURN_FULL};
    const char *place = places[_i];
    g_autofree char *lengthy = g_strnfill(5000, 'x');
    g_autofree char *address = g_strconcat(lengthy, "@b.example", NULL);

    fixture.options.stable = true;
    for (size_t w = 0; w < G_N_ELEMENTS(wishes); w++) {
        fixture.options.include_original = wishes[w];
        for (size_t h = 0; h < G_N_ELEMENTS(hostile); h++) {
            g_autofree char *label = g_strdup_printf("%s, value %zu", place, h);
            json_auto_t *text = json_string(hostile[h]);

            ck_assert_ptr_nonnull(text);
            try_hostile(text, place, label);
        }
        json_auto_t *nul = json_stringn("a\0b@c.example", 13);
        json_auto_t *long_text = json_string(lengthy);
        json_auto_t *long_address = json_string(address);
        try_hostile(nul, place, "NUL");
        try_hostile(long_text, place, "long text");
        try_hostile(long_address, place, "long address");
    }
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("notice");
    TCase *tcase = tcase_create("notices");

    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, golden_files);
    tcase_add_loop_test(tcase, what_the_record_says_stands_in_the_notice, 0, G_N_ELEMENTS(fields));
    tcase_add_loop_test(tcase, how_much_is_returned, 0, G_N_ELEMENTS(returns));
    tcase_add_test(tcase, the_whole_up_to_the_cap);
    tcase_add_test(tcase, several_records);
    tcase_add_loop_test(tcase, why_it_expired, 0, G_N_ELEMENTS(attempts));
    tcase_add_test(tcase, confidential);
    tcase_add_test(tcase, languages);
    tcase_add_test(tcase, a_notice_made_again_is_the_same);
    tcase_add_test(tcase, another_event_has_another_message_id);
    tcase_add_test(tcase, stable_notices);
    tcase_add_loop_test(tcase, to_whom_it_is_sent, 0, G_N_ELEMENTS(addressees));
    tcase_add_test(tcase, the_node_and_the_author);
    tcase_add_test(tcase, records_that_no_notice_can_be_made_of);
    tcase_add_test(tcase, options_that_make_no_notice);
    tcase_add_test(tcase, a_minimal_notice_goes_instead);
    tcase_add_test(tcase, more_recipients_than_the_caps_of_reports);
    tcase_add_test(tcase, a_template_that_fails_costs_its_words_only);
    tcase_add_test(tcase, a_template_cannot_inject_either);
    tcase_add_loop_test(tcase, hostile_records, 0, G_N_ELEMENTS(places));
    suite_add_tcase(suite, tcase);
    return suite;
}
