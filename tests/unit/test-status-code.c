/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/status-code.h"
#include "tests/support/unit.h"

static const struct {
    const char *label;
    const char *text;
    size_t length;
    DsnStatusCode code;
} parse_rows[] = {
    {"alone", "5.1.1", 5, {5, 1, 1}},
    {"text follows", "4.2.2 mailbox full", 5, {4, 2, 2}},
    {"success", "2.0.0", 5, {2, 0, 0}},
    {"longest", "5.999.999", 9, {5, 999, 999}},
    {"comment follows (OOB-08)", "5.1.10(null MX)", 6, {5, 1, 10}},
    {"colon follows", "5.1.1: no", 5, {5, 1, 1}},
    {"bracket follows", "5.1.1>", 5, {5, 1, 1}},
    {"tab follows", "5.7.26\tx", 6, {5, 7, 26}},
    {"leading zero is read (STAT-01)", "5.01.001", 8, {5, 1, 1}},
    {"empty", "", 0, {0}},
    {"too short", "5.1.", 0, {0}},
    {"two parts", "5.1 x", 0, {0}},
    {"class 3", "3.1.1", 0, {0}},
    {"class 1", "1.1.1", 0, {0}},
    {"class of two digits", "55.1.1", 0, {0}},
    {"subject of four digits", "5.1000.1", 0, {0}},
    {"detail of four digits", "5.1.1000", 0, {0}},
    {"no subject", "5..1 ", 0, {0}},
    {"no detail", "5.1. x", 0, {0}},
    {"an IP address", "5.1.1.1", 0, {0}},
    {"a version", "5.1.1a", 0, {0}},
    {"space before", " 5.1.1", 0, {0}},
    {"space inside (RCPT-09)", "5. 1.1", 0, {0}},
    {"basic code", "550 5.1.1", 0, {0}},
};

START_TEST(parses_or_not)
{
    DsnStatusCode code = {9, 9, 9};
    size_t length = dsn_status_code_parse(dsn_span(parse_rows[_i].text), &code);

    ck_assert_msg(length == parse_rows[_i].length, "%s: length %zu", parse_rows[_i].label, length);
    DsnStatusCode want = length > 0 ? parse_rows[_i].code : (DsnStatusCode){9, 9, 9};
    ck_assert_msg(code.class_ == want.class_ && code.subject == want.subject &&
                      code.detail == want.detail,
                  "%s: %d.%d.%d", parse_rows[_i].label, code.class_, code.subject, code.detail);
}
END_TEST

START_TEST(looks_at_its_bytes_only)
{
    DsnStatusCode code;

    ck_assert_uint_eq(dsn_status_code_parse((DsnSpan){"5.1.10", 5}, &code), 5);
    ck_assert_uint_eq(code.detail, 1);
    ck_assert_uint_eq(dsn_status_code_parse((DsnSpan){"5.1.\0", 5}, &code), 0);
    ck_assert_uint_eq(dsn_status_code_parse((DsnSpan){"5.1.1\0", 6}, &code), 5);
    ck_assert_uint_eq(dsn_status_code_parse(DSN_SPAN_ABSENT, &code), 0);
}
END_TEST

START_TEST(prints_what_it_read)
{
    char buffer[DSN_STATUS_CODE_MAX];
    DsnStatusCode code;

    ck_assert_str_eq(dsn_status_code_to_string((DsnStatusCode){5, 1, 1}, buffer), "5.1.1");
    ck_assert_str_eq(dsn_status_code_to_string((DsnStatusCode){0, 0, 0}, buffer), "0.0.0");
    for (uint16_t i = 0; i <= 999; i++) {
        const char *text = dsn_status_code_to_string((DsnStatusCode){4, i, 999 - i}, buffer);
        ck_assert_uint_eq(dsn_status_code_parse(dsn_span(text), &code), strlen(text));
        ck_assert_uint_eq(code.subject, i);
        ck_assert_uint_eq(code.detail, 999 - i);
    }
}
END_TEST

/* The highest registered detail of each subject (rule STAT-07); none between is missing. */
static const uint16_t last_detail[] = {0, 10, 4, 6, 8, 6, 10, 30};

START_TEST(every_registered_code_has_a_meaning_of_its_own)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (uint16_t subject = 0; subject < G_N_ELEMENTS(last_detail); subject++) {
        for (uint16_t detail = 0; detail <= last_detail[subject]; detail++) {
            const char *text = dsn_status_code_meaning((DsnStatusCode){5, subject, detail});

            /* 6.10 is the deprecated twin of 6.8. */
            ck_assert_msg(g_hash_table_add(seen, (gpointer)text) || (subject == 6 && detail == 10),
                          "x.%d.%d: %s", subject, detail, text);
        }
    }
}
END_TEST

START_TEST(meanings_fit_into_a_sentence)
{
    for (uint16_t subject = 0; subject < G_N_ELEMENTS(last_detail); subject++) {
        for (uint16_t detail = 0; detail <= last_detail[subject]; detail++) {
            const char *text = dsn_status_code_meaning((DsnStatusCode){4, subject, detail});
            size_t length = strlen(text);

            ck_assert_msg(g_ascii_islower(text[0]), "%s", text);
            ck_assert_msg(g_ascii_isalpha(text[length - 1]) || text[length - 1] == ')' ||
                              g_str_has_suffix(text, "IPv4"),
                          "%s", text);
            ck_assert_msg(length <= 80 && strchr(text, '%') == NULL, "%s", text);
        }
    }
}
END_TEST

static const struct {
    const char *label;
    DsnStatusCode code;
    DsnStatusCode same;
} fallback_rows[] = {
    {"unknown detail", {5, 1, 11}, {5, 1, 0}},
    {"highest detail", {5, 7, 999}, {5, 7, 0}},
    {"unknown subject", {5, 8, 1}, {5, 0, 0}},
    {"highest subject", {4, 999, 999}, {4, 0, 0}},
    {"unknown detail of the subject 0", {5, 0, 1}, {5, 0, 0}},
    {"classes 4 and 5 alike", {4, 2, 2}, {5, 2, 2}},
    {"no problem with success", {2, 1, 1}, {2, 0, 0}},
    {"no problem with unknown success", {2, 99, 1}, {2, 0, 0}},
};

START_TEST(falls_back) /* STAT-03 */
{
    ck_assert_msg(dsn_status_code_meaning(fallback_rows[_i].code) ==
                      dsn_status_code_meaning(fallback_rows[_i].same),
                  "%s: %s", fallback_rows[_i].label,
                  dsn_status_code_meaning(fallback_rows[_i].code));
}
END_TEST

START_TEST(success_is_no_problem)
{
    ck_assert_str_eq(dsn_status_code_meaning((DsnStatusCode){2, 0, 0}), "there was no problem");
    ck_assert_str_eq(dsn_status_code_meaning((DsnStatusCode){2, 1, 5}),
                     dsn_status_code_meaning((DsnStatusCode){5, 1, 5}));
    ck_assert_str_eq(dsn_status_code_meaning((DsnStatusCode){5, 1, 1}),
                     "the mailbox does not exist");
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("status-code");
    TCase *tcase = tcase_create("status-code");

    tcase_add_loop_test(tcase, parses_or_not, 0, G_N_ELEMENTS(parse_rows));
    tcase_add_test(tcase, looks_at_its_bytes_only);
    tcase_add_test(tcase, prints_what_it_read);
    tcase_add_test(tcase, every_registered_code_has_a_meaning_of_its_own);
    tcase_add_test(tcase, meanings_fit_into_a_sentence);
    tcase_add_loop_test(tcase, falls_back, 0, G_N_ELEMENTS(fallback_rows));
    tcase_add_test(tcase, success_is_no_problem);
    suite_add_tcase(suite, tcase);
    return suite;
}
