/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/http-records.h"
#include "tests/support/unit.h"

static void
clear_rejection(gpointer data)
{
    g_free(((DsnRejection *)data)->reason);
}

START_TEST(writes_what_became_of_elements)
{
    g_autoptr(GString) json = g_string_new(NULL);
    DsnTally tally = {.accepted = 3, .duplicate = 2, .ignored = 1};
    DsnRejection rejections[] = {{0, g_strdup("no JSON: \"\n\"")},
                                 {G_GUINT64_CONSTANT(5000000000), g_strdup("\xff")}};

    tally.rejected = g_array_new(FALSE, FALSE, sizeof(DsnRejection));
    g_array_set_clear_func(tally.rejected, clear_rejection);
    g_array_append_vals(tally.rejected, rejections, G_N_ELEMENTS(rejections));
    tally.reasons[DSN_REASON_NULL_SENDER] = 2;
    tally.reasons[DSN_REASON_RATE_LIMITED] = 1;
    dsn_http_write_tally(json, &tally);
    ck_assert_str_eq(json->str, "{\"accepted\":3,\"duplicate\":2,\"ignored\":1,\"rejected\":["
                                "{\"index\":0,\"reason\":\"no JSON: \\\"\\n\\\"\"},"
                                "{\"index\":5000000000,\"reason\":\"\xef\xbf\xbd\"}],"
                                "\"reasons\":{\"null-sender\":2,\"rate-limited\":1}}");
    g_array_unref(tally.rejected);
}
END_TEST

START_TEST(writes_that_nothing_happened)
{
    g_autoptr(GString) json = g_string_new(NULL);
    DsnTally tally = {.accepted = 0};

    tally.rejected = g_array_new(FALSE, FALSE, sizeof(DsnRejection));
    dsn_http_write_tally(json, &tally);
    ck_assert_str_eq(json->str, "{\"accepted\":0,\"duplicate\":0,\"ignored\":0,\"rejected\":[],"
                                "\"reasons\":{}}");
    g_array_unref(tally.rejected);
}
END_TEST

START_TEST(answers_with_a_reason)
{
    DsnHttpAnswer answer = {.status = 0};

    dsn_http_answer_text(&answer, 200, "text/plain", g_string_new("replaced"));
    answer.field = "X";
    dsn_http_answer_reason(&answer, 422, "a \"reason\"");
    ck_assert_uint_eq(answer.status, 422);
    ck_assert_str_eq(answer.type, "application/json");
    ck_assert_str_eq(answer.text->str, "{\"reason\":\"a \\\"reason\\\"\"}\n");
    ck_assert_ptr_null(answer.field);
    (void)g_string_free(answer.text, TRUE);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("http-records");
    TCase *tcase = tcase_create("http-records");

    tcase_add_test(tcase, writes_what_became_of_elements);
    tcase_add_test(tcase, writes_that_nothing_happened);
    tcase_add_test(tcase, answers_with_a_reason);
    suite_add_tcase(suite, tcase);
    return suite;
}
