/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/feedback-id.h"

#include "tests/support/unit.h"

#define FOUR "four parts with \":\" between them, or one"
#define TEXT                                                                                 \
    "a text without spaces such as \"{campaign}:{tenant}:mail:sender\" or \"{trace}\"; the " \
    "placeholders are {campaign}, {tenant} and {trace}"

static const struct {
    const char *form, *expected; /* NULL: it will do */
} forms[] = {
    {"{campaign}:{tenant}:mail:acme01", NULL},
    {"{trace}", NULL},
    {"a:b:c:d", NULL},
    {":::", NULL},
    {"acme", NULL},
    {"a:b:c", FOUR},
    {"a:b:c:d:e", FOUR},
    {"{recipient}", TEXT},
    {"{trace", TEXT},
    {"trace}", TEXT},
    {"a b", TEXT},
    {"a\r\nb", TEXT},
    {"a\x7f", TEXT},
    {"\xc3\xa4", TEXT},
};

START_TEST(has_one_form)
{
    const char *expected = dsn_feedback_id_check(forms[_i].form);

    ck_assert_msg(g_strcmp0(expected, forms[_i].expected) == 0, "%s: %s", forms[_i].form, expected);
}
END_TEST

START_TEST(has_a_length)
{
    g_autofree char *form = g_strnfill(201, 'x');

    ck_assert_ptr_null(dsn_feedback_id_check(form + 1));
    ck_assert_str_eq(dsn_feedback_id_check(form), TEXT);
}
END_TEST

/* Rule SEC-01: no part begins another one, or another line. */
static const struct {
    const char *form;
    DsnFeedbackIdParts parts;
    const char *value;
} values[] = {
    {"{campaign}:{tenant}:mail:acme01", {"spring", "shop", "T"}, "spring:shop:mail:acme01"},
    {"{campaign}:{tenant}:mail:acme01", {NULL, NULL, "T"}, "::mail:acme01"},
    {"{campaign}-{campaign}", {"a:b\r\nc d\xc3\xa4\x01", NULL, "T"}, "a_b__c_d___-a_b__c_d___"},
    {"{tenant}", {NULL, "{trace}", "T"}, "{trace}"},
    {"{trace}:a:b:{tenant}", {NULL, "x", "eyJf\r\n\tQF8"}, "eyJf\r\n\tQF8:a:b:x"},
};

START_TEST(is_written)
{
    g_autoptr(GString) value = g_string_new("before ");

    dsn_feedback_id_write(values[_i].form, &values[_i].parts, value);
    ck_assert_int_eq(strncmp(value->str, "before ", 7), 0);
    ck_assert_str_eq(value->str + 7, values[_i].value);
}
END_TEST

START_TEST(is_short)
{
    g_autofree char *campaign = g_strnfill(1000, 'x');
    g_autofree char *part = g_strnfill(64, 'x');
    const DsnFeedbackIdParts parts = {campaign, NULL, ""};
    g_autoptr(GString) value = g_string_new(NULL);

    dsn_feedback_id_write("{campaign}", &parts, value);
    ck_assert_str_eq(value->str, part);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("feedback-id");
    TCase *tcase = tcase_create("feedback-id");

    tcase_add_loop_test(tcase, has_one_form, 0, G_N_ELEMENTS(forms));
    tcase_add_test(tcase, has_a_length);
    tcase_add_loop_test(tcase, is_written, 0, G_N_ELEMENTS(values));
    tcase_add_test(tcase, is_short);
    suite_add_tcase(suite, tcase);
    return suite;
}
