/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/wishes.h"
#include "tests/support/unit.h"

/* ---- one parameter at a time ---- */

#define SUCCESS DSN_NOTIFY_SUCCESS
#define FAILURE DSN_NOTIFY_FAILURE
#define DELAY DSN_NOTIFY_DELAY

/* Rules ESMTP-04 (NEVER alone, or a list) and ESMTP-05 (any case); 0 is an error. */
static const struct {
    const char *rule, *value;
    unsigned notify;
} notifies[] = {
    {"ESMTP-04", "NEVER", DSN_NOTIFY_NEVER},
    {"ESMTP-04", "SUCCESS", SUCCESS},
    {"ESMTP-04", "FAILURE,DELAY", FAILURE | DELAY},
    {"ESMTP-04", "SUCCESS,FAILURE,DELAY", SUCCESS | FAILURE | DELAY},
    {"ESMTP-04", "DELAY,DELAY", DELAY},
    {"ESMTP-05", "never", DSN_NOTIFY_NEVER},
    {"ESMTP-05", "Success,fAILURE", SUCCESS | FAILURE},
    {"ESMTP-04", "", 0},
    {"ESMTP-04", "NEVER,SUCCESS", 0},
    {"ESMTP-04", "SUCCESS,NEVER", 0},
    {"ESMTP-04", "SUCCESS,", 0},
    {"ESMTP-04", ",SUCCESS", 0},
    {"ESMTP-04", "SUCCESS, FAILURE", 0},
    {"ESMTP-04", "SUCCESS FAILURE", 0},
    {"ESMTP-03", "(comment)SUCCESS", 0},
    {"ESMTP-04", "ALWAYS", 0},
};

START_TEST(notify)
{
    unsigned bits = 0;
    bool good = dsn_notify_parse(dsn_span(notifies[_i].value), &bits);

    ck_assert_msg(good == (notifies[_i].notify != 0) && bits == notifies[_i].notify,
                  "%s: %s gives %#x", notifies[_i].rule, notifies[_i].value, bits);
}
END_TEST

/* Rule ESMTP-09. DSN_RETURN_NOTHING stands for an error. */
static const struct {
    const char *value;
    DsnReturn ret;
} rets[] = {
    {"FULL", DSN_RETURN_FULL},     {"HDRS", DSN_RETURN_HEADERS},
    {"full", DSN_RETURN_FULL},     {"Hdrs", DSN_RETURN_HEADERS},
    {"", DSN_RETURN_NOTHING},      {"HEADERS", DSN_RETURN_NOTHING},
    {"FULL ", DSN_RETURN_NOTHING}, {"FULL,HDRS", DSN_RETURN_NOTHING},
};

START_TEST(ret)
{
    DsnReturn value = DSN_RETURN_NOTHING;
    bool good = dsn_ret_parse(dsn_span(rets[_i].value), &value);

    ck_assert_msg(good == (rets[_i].ret != DSN_RETURN_NOTHING) && value == rets[_i].ret,
                  "ESMTP-09: %s", rets[_i].value);
}
END_TEST

#define HUNDRED                                                                                   \
    "1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901" \
    "234567890"

/* Rules ESMTP-01, ESMTP-10, DSN-07. */
static const struct {
    const char *rule, *value, *envid;
} envids[] = {
    {"ESMTP-10", "QQ314159", "QQ314159"},
    {"DSN-07", "MixedCase", "MixedCase"},
    {"ESMTP-01", "a+2Bb+3Dc", "a+b=c"},
    {"ESMTP-10", "with+20space", "with space"},
    {"ESMTP-03", "(a", "(a"},
    {"ESMTP-10", HUNDRED, HUNDRED},
    {"ESMTP-10", HUNDRED "1", NULL},
    {"ESMTP-10", "", NULL},
    {"ESMTP-10", "+20", NULL},
    {"ESMTP-01", "a+2bb", NULL},
    {"ESMTP-01", "a+2", NULL},
    {"ESMTP-01", "a=b", NULL},
    {"ESMTP-01", "a b", NULL},
    {"ESMTP-10", "a+0D+0ABcc:x", NULL},
    {"ESMTP-10", "a+00", NULL},
    {"ESMTP-10", "a+E4", NULL},
    {"ESMTP-01", "\xc3\xa4", NULL},
};

START_TEST(envid)
{
    g_autoptr(GString) text = g_string_new("before ");
    bool good = dsn_envid_parse(dsn_span(envids[_i].value), text);
    g_autofree char *expected =
        g_strconcat("before ", envids[_i].envid == NULL ? "" : envids[_i].envid, NULL);

    ck_assert_msg(good == (envids[_i].envid != NULL), "%s: %s", envids[_i].rule, envids[_i].value);
    ck_assert_str_eq(text->str, expected);
}
END_TEST

/* Rules ESMTP-07, ESMTP-08, I18N-02, I18N-07. */
static const struct {
    const char *rule, *value, *type, *address;
} orcpts[] = {
    {"ESMTP-07", "rfc822;Jane@customer.example", "rfc822", "Jane@customer.example"},
    {"ESMTP-07", "RFC822;jane", "RFC822", "jane"},
    {"ESMTP-08", "rfc822;no+20address+40all", "rfc822", "no address@all"},
    {"ESMTP-08", "x400;/S=Jane/", NULL, NULL},
    {"ESMTP-08", "x400;/S+3DJane/", "x400", "/S=Jane/"},
    {"ESMTP-08", "x-unknown;a;b", "x-unknown", "a;b"},
    {"ESMTP-01", "rfc822;a+2Btag@b.example", "rfc822", "a+tag@b.example"},
    {"I18N-02", "utf-8;\\x{E4}@b.example", "utf-8", "\xc3\xa4@b.example"},
    {"I18N-02", "utf-8;\xc3\xa4@b.example", "utf-8", "\xc3\xa4@b.example"},
    {"I18N-02", "UTF-8;a\\x{2B}b@b.example", "UTF-8", "a+b@b.example"},
    {"I18N-07", "utf-8;\\x{D800}@b.example", "utf-8", "\\x{D800}@b.example"},
    {"I18N-07", "utf-8;\xc3\xa4 nobody", "utf-8", "\xc3\xa4 nobody"},
    {"I18N-16", "utf-8;\xff@b.example", NULL, NULL},
    {"I18N-16", "utf-8;\xc3\xa4\r\nBcc: x", NULL, NULL},
    {"ESMTP-08", "rfc822;a+E4@b.example", NULL, NULL},
    {"ESMTP-08", "rfc822;a+0D+0Ab@b.example", NULL, NULL},
    {"ESMTP-08", "rfc822;+20+20", NULL, NULL},
    {"ESMTP-07", "jane@customer.example", NULL, NULL},
    {"ESMTP-07", ";jane@customer.example", NULL, NULL},
    {"ESMTP-07", "rfc822;", NULL, NULL},
    {"ESMTP-07", "utf-8;", NULL, NULL},
    {"ESMTP-07", "rfc 822;jane", NULL, NULL},
    {"ESMTP-07", "rfc822; jane", NULL, NULL},
    {"ESMTP-07", "", NULL, NULL},
    {"ESMTP-07", "rfc822;" HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED, NULL, NULL},
};

START_TEST(orcpt)
{
    g_autoptr(GString) type = g_string_new(NULL);
    g_autoptr(GString) address = g_string_new(NULL);
    bool good = dsn_orcpt_parse(dsn_span(orcpts[_i].value), type, address);

    ck_assert_msg(good == (orcpts[_i].type != NULL), "%s: %s", orcpts[_i].rule, orcpts[_i].value);
    ck_assert_str_eq(type->str, good ? orcpts[_i].type : "");
    ck_assert_str_eq(address->str, good ? orcpts[_i].address : "");
}
END_TEST

/* ---- from a record ---- */

static const DsnMetaKeys keys = {
    .notify = (char *)"notify",
    .ret = (char *)"ret",
    .envid = (char *)"envid",
    .orcpt = (char *)"orcpt",
    .requiretls = (char *)"requiretls",
};

/* The wishes of the base record with @meta and the recipients @recipients, as JSON. */
static DsnWishes
read_wishes(const char *recipients, const char *meta)
{
    g_autofree char *path = g_strdup("golden/notice/bounce.json");
    size_t len = 0;
    g_autofree char *text = dsn_test_read(path, &len);
    json_auto_t *json = json_loadb(text, len, 0, NULL);
    g_autoptr(GError) error = NULL;
    DsnWishes wishes;

    json_object_set_new(json, "recipient", json_loads(recipients, JSON_DECODE_ANY, NULL));
    json_object_set_new(json, "meta", json_loads(meta, 0, NULL));
    g_autoptr(DsnRecord) record = dsn_record_from_json(json, &error);
    ck_assert_msg(record != NULL, "%s: %s", meta, error == NULL ? "" : error->message);
    dsn_wishes_read(record, &keys, &wishes);
    return wishes;
}

#define ONE "\"a@b.example\""
#define TWO "[\"a@b.example\", \"c@b.example\"]"

/* What is said of the message; with how many wishes that break their syntax. */
static const struct {
    const char *meta;
    int ret; /* -1: none */
    const char *envid;
    bool requiretls;
    unsigned broken;
} messages[] = {
    {"{}", -1, NULL, false, 0},
    {"{\"ret\": \"HDRS\", \"envid\": \"a+2Bb\"}", DSN_RETURN_HEADERS, "a+b", false, 0},
    {"{\"ret\": \"FULL\"}", DSN_RETURN_FULL, NULL, false, 0},
    {"{\"ret\": null, \"envid\": null, \"requiretls\": null}", -1, NULL, false, 0},
    {"{\"ret\": \"half\", \"envid\": \"a=b\"}", -1, NULL, false, 2},
    {"{\"ret\": 1, \"envid\": [], \"notify\": true, \"orcpt\": 2}", -1, NULL, false, 4},
    {"{\"requiretls\": true}", -1, NULL, true, 0},
    {"{\"requiretls\": \"yes\"}", -1, NULL, true, 0},
    {"{\"requiretls\": false}", -1, NULL, false, 0},
    {"{\"requiretls\": \"No\"}", -1, NULL, false, 0},
    {"{\"requiretls\": \"\"}", -1, NULL, false, 0},
};

START_TEST(of_the_message)
{
    g_auto(DsnWishes) wishes = read_wishes(ONE, messages[_i].meta);

    ck_assert_msg((wishes.has_ret ? (int)wishes.ret : -1) == messages[_i].ret, "ESMTP-09: %s",
                  messages[_i].meta);
    ck_assert_msg(g_strcmp0(wishes.envid, messages[_i].envid) == 0, "ESMTP-10: %s",
                  messages[_i].meta);
    ck_assert_msg(wishes.requiretls == messages[_i].requiretls, "ENV-18: %s", messages[_i].meta);
    ck_assert_msg(wishes.broken == messages[_i].broken, "%s: %u", messages[_i].meta, wishes.broken);
}
END_TEST

/* What is said of each recipient, one value for all or an object. */
static const struct {
    const char *recipients, *meta;
    unsigned notify[2];
    const char *orcpt[2];
    unsigned broken;
} each[] = {
    {ONE, "{\"notify\": \"NEVER\"}", {DSN_NOTIFY_NEVER, 0}, {NULL, NULL}, 0},
    {TWO, "{\"notify\": \"SUCCESS,DELAY\"}", {SUCCESS | DELAY, SUCCESS | DELAY}, {NULL, NULL}, 0},
    {TWO,
     "{\"notify\": {\"c@b.example\": \"FAILURE\", \"x@b.example\": \"NEVER\"}}",
     {0, FAILURE},
     {NULL, NULL},
     0},
    {TWO, "{\"notify\": {\"a@b.example\": null, \"c@b.example\": \"\"}}", {0, 0}, {NULL, NULL}, 1},
    {TWO, "{\"notify\": \"sometimes\"}", {0, 0}, {NULL, NULL}, 1},
    {ONE, "{\"orcpt\": \"rfc822;A@x.example\"}", {0, 0}, {"A@x.example", NULL}, 0},
    {TWO, "{\"orcpt\": \"rfc822;A@x.example\"}", {0, 0}, {NULL, NULL}, 0},
    {TWO,
     "{\"orcpt\": {\"a@b.example\": \"rfc822;A@x.example\", \"c@b.example\": \"broken\"}}",
     {0, 0},
     {"A@x.example", NULL},
     1},
    {"[]", "{\"notify\": \"NEVER\", \"orcpt\": \"rfc822;a\"}", {0, 0}, {NULL, NULL}, 0},
};

START_TEST(of_each_recipient)
{
    g_auto(DsnWishes) wishes = read_wishes(each[_i].recipients, each[_i].meta);

    for (guint i = 0; i < wishes.recipients->len; i++) {
        const DsnRecipientWishes *recipient =
            &g_array_index(wishes.recipients, DsnRecipientWishes, i);

        ck_assert_msg(recipient->notify == each[_i].notify[i], "ESMTP-04: %s: %u: %#x",
                      each[_i].meta, i, recipient->notify);
        ck_assert_msg(g_strcmp0(recipient->orcpt, each[_i].orcpt[i]) == 0, "ESMTP-07: %s: %u",
                      each[_i].meta, i);
        ck_assert((recipient->orcpt == NULL) == (recipient->orcpt_type == NULL));
    }
    ck_assert_msg(wishes.broken == each[_i].broken, "%s: %u", each[_i].meta, wishes.broken);
}
END_TEST

START_TEST(without_keys_nothing_is_read)
{
    g_autofree char *text = dsn_test_read("golden/notice/bounce.json", NULL);
    g_autoptr(DsnRecord) record = dsn_record_parse(dsn_span(text), G_MAXSIZE, NULL);
    static const DsnMetaKeys none = {.notify = NULL};
    const DsnMetaKeys *const given[] = {NULL, &none};

    json_object_set_new(json_object_get(record->json, "meta"), "notify", json_string("NEVER"));
    for (size_t i = 0; i < G_N_ELEMENTS(given); i++) {
        g_auto(DsnWishes) wishes;

        dsn_wishes_read(record, given[i], &wishes);
        ck_assert_uint_eq(wishes.recipients->len, 1);
        ck_assert_uint_eq(g_array_index(wishes.recipients, DsnRecipientWishes, 0).notify, 0);
    }
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("wishes");
    TCase *tcase = tcase_create("parameters");

    tcase_add_loop_test(tcase, notify, 0, G_N_ELEMENTS(notifies));
    tcase_add_loop_test(tcase, ret, 0, G_N_ELEMENTS(rets));
    tcase_add_loop_test(tcase, envid, 0, G_N_ELEMENTS(envids));
    tcase_add_loop_test(tcase, orcpt, 0, G_N_ELEMENTS(orcpts));
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("records");
    tcase_add_loop_test(tcase, of_the_message, 0, G_N_ELEMENTS(messages));
    tcase_add_loop_test(tcase, of_each_recipient, 0, G_N_ELEMENTS(each));
    tcase_add_test(tcase, without_keys_nothing_is_read);
    suite_add_tcase(suite, tcase);
    return suite;
}
