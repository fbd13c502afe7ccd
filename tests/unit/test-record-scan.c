/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/record.h"
#include "tests/support/unit.h"

static const struct {
    const char *line;
    bool plain;
    const char *type; /* NULL: absent */
    const char *id;
} rows[] = {
    {"{\"type\":\"Bounce\",\"id\":\"1d98\"}", true, "Bounce", "1d98"},
    {" { \"id\" : \"1d98\" , \"type\"\t:\r\n\"Bounce\" } \n", true, "Bounce", "1d98"},
    {"{\"id\":\"\",\"x\":{\"type\":\"No\",\"id\":\"no\"},\"type\":\"OOB\"}", true, "OOB", ""},
    {"{\"x\":[{\"type\":\"No\"},\"}\",\"{\"],\"type\":\"OOB\"}", true, "OOB", NULL},
    {"{\"x\":\"type\",\"y\":\"id\",\"type\":\"type\"}", true, "type", NULL},
    {"{\"Type\":\"x\",\"typ\":\"x\",\"types\":\"x\",\"i\":1}", true, NULL, NULL},
    {"{\"x\":{\"y\":\"a\\\"b\\\\\"},\"type\":\"Bounce\"}", true, "Bounce", NULL},
    {"{\"x\":[\"\\\\\\\"}]\"],\"id\":\"\xc3\xa9\"}", true, NULL, "\xc3\xa9"},
    {"{}", true, NULL, NULL},
    {"{\"type\":\"a\",\"type\":\"b\"}", false, NULL, NULL},
    {"{\"id\":\"a\",\"id\":\"a\"}", false, NULL, NULL},
    {"{\"type\":null}", false, NULL, NULL},
    {"{\"type\":1}", false, NULL, NULL},
    {"{\"type\":{\"type\":\"x\"}}", false, NULL, NULL},
    {"{\"type\":[\"x\"]}", false, NULL, NULL},
    {"{\"type\":\"Boun\\u0063e\"}", false, NULL, NULL},
    {"{\"typ\\u0065\":\"Bounce\"}", false, NULL, NULL},
    {"{\"sender\":\"\\\"a b\\\"@x\",\"type\":\"Bounce\"}", false, NULL, NULL},
    {"{\"type\":\"Bounce\"", false, NULL, NULL},
    {"{\"type\":\"Bounce", false, NULL, NULL},
    {"{\"type\":", false, NULL, NULL},
    {"{\"type\"", false, NULL, NULL},
    {"{\"type\":\"a\"}}", false, NULL, NULL},
    {"{\"type\":\"a\"} {}", false, NULL, NULL},
    {"{\"type\":\"a\"} x", false, NULL, NULL},
    {"{\"type\":\"a\"}\"", false, NULL, NULL},
    {"[{\"type\":\"a\"}]", false, NULL, NULL},
    {"\"type\"", false, NULL, NULL},
    {"\xef\xbb\xbf{}", false, NULL, NULL},
    {"", false, NULL, NULL},
    {"  ", false, NULL, NULL},
};

static void
check_key(DsnSpan key, const char *expected, const char *label)
{
    ck_assert_msg(dsn_span_present(key) == (expected != NULL), "%s", label);
    if (expected != NULL)
        dsn_assert_span(key, expected, label);
}

START_TEST(finds_the_keys)
{
    DsnRecordKeys keys;
    bool plain = dsn_record_scan(dsn_span(rows[_i].line), &keys);

    ck_assert_msg(plain == rows[_i].plain, "%s", rows[_i].line);
    if (plain) {
        check_key(keys.type, rows[_i].type, rows[_i].line);
        check_key(keys.id, rows[_i].id, rows[_i].line);
    }
}
END_TEST

/* The line is looked at in blocks: every row with its keys shifted through all places of one. */
START_TEST(blocks_have_no_seams)
{
    for (size_t shift = 0; shift < 140; shift++) {
        g_autofree char *filler = g_strnfill(shift, '{');
        g_autofree char *line = g_strdup_printf(
            "{\"a\":\"%s\",\"b\":{\"c\":\"\\\\\\\"\\\\\"},\"type\":\"Bounce\",\"d\":[\"\\\"]\"],"
            "\"id\":\"1d98\",\"e\":{\"f\":{}}}",
            filler);
        g_autofree char *exact = g_memdup2(line, strlen(line)); /* for AddressSanitizer: no NUL */
        g_autofree char *cut = g_memdup2(line, strlen(line) - 1);
        DsnRecordKeys keys;

        ck_assert_msg(dsn_record_scan((DsnSpan){exact, strlen(line)}, &keys), "%s", line);
        dsn_assert_span(keys.type, "Bounce", line);
        dsn_assert_span(keys.id, "1d98", line);
        ck_assert_msg(!dsn_record_scan((DsnSpan){cut, strlen(line) - 1}, &keys), "%s", line);
    }
}
END_TEST

START_TEST(leaves_the_keys_alone_when_in_doubt)
{
    DsnRecordKeys keys = {DSN_SPAN_LITERAL("before"), DSN_SPAN_ABSENT};

    ck_assert(!dsn_record_scan(dsn_span("{\"type\":\"a\"} x"), &keys));
    dsn_assert_span(keys.type, "before", "type");
    ck_assert(!dsn_record_scan(DSN_SPAN_ABSENT, &keys));
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("record-scan");
    TCase *tcase = tcase_create("scan");

    tcase_add_loop_test(tcase, finds_the_keys, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, blocks_have_no_seams);
    tcase_add_test(tcase, leaves_the_keys_alone_when_in_doubt);
    suite_add_tcase(suite, tcase);
    return suite;
}
