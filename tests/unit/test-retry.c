/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/retry.h"

#include "tests/support/unit.h"

START_TEST(ever_later)
{
    static const int seconds[] = {1, 2, 4, 8, 16, 30, 30};
    DsnRetry retry = {.problem = NULL};

    for (size_t i = 0; i < G_N_ELEMENTS(seconds); i++) {
        gint64 before = g_get_monotonic_time();

        ck_assert_int_eq(dsn_retry_later(&retry, "no space"), i == 0);
        ck_assert_int_eq(retry.delay, seconds[i] * G_TIME_SPAN_SECOND);
        ck_assert_int_ge(retry.due, before + retry.delay);
        ck_assert_int_le(retry.due, g_get_monotonic_time() + retry.delay);
    }
    ck_assert(dsn_retry_end(&retry));
    ck_assert_int_eq(retry.due, 0);
    ck_assert(dsn_retry_later(&retry, "no space"));
    ck_assert_int_eq(retry.delay, G_TIME_SPAN_SECOND);
    ck_assert(dsn_retry_end(&retry));
}
END_TEST

START_TEST(told_once)
{
    DsnRetry retry = {.problem = NULL};

    ck_assert(!dsn_retry_end(&retry));
    ck_assert(dsn_retry_later(&retry, "no space"));
    ck_assert(!dsn_retry_later(&retry, "no space"));
    ck_assert(dsn_retry_later(&retry, "no disk"));
    ck_assert_str_eq(retry.problem, "no disk");
    ck_assert_int_eq(retry.delay, 4 * G_TIME_SPAN_SECOND);
    ck_assert(dsn_retry_end(&retry));
    ck_assert(!dsn_retry_end(&retry));
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("retry");
    TCase *tcase = tcase_create("retry");

    tcase_add_test(tcase, ever_later);
    tcase_add_test(tcase, told_once);
    suite_add_tcase(suite, tcase);
    return suite;
}
