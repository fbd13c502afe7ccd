/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/relay-schedule.h"
#include "tests/support/unit.h"

static const struct {
    const char *label;
    GTimeSpan least, most;
    unsigned attempt;
    double random;
    GTimeSpan wanted;
} rows[] = {
    {"first, early", 60, 1800, 1, 0, 60},
    {"first, late", 60, 1800, 1, 0.999999999, 119},
    {"first, between", 60, 1800, 1, 0.5, 90},
    {"second", 60, 1800, 2, 0.5, 150},
    {"third", 60, 1800, 3, 0.5, 270},
    {"fifth, at the end", 60, 1800, 5, 0.5, 930},
    {"hundredth", 60, 1800, 100, 0.5, 930},
    {"hundredth, late", 60, 1800, 100, 0.999999999, 1799},
    {"no attempt", 60, 1800, 0, 0.9, 60},
    {"one time for all", 60, 60, 7, 0.9, 60},
    {"the end is near", 60, 61, 1, 0.999999999, 60},
    {"the end comes first", 60, 10, 3, 0.9, 60},
    {"no overflow", G_MAXINT64 / 2 + 10, G_MAXINT64, 50, 0, G_MAXINT64 / 2 + 10},
};

START_TEST(spreads_attempts)
{
    GTimeSpan delay =
        dsn_relay_delay(rows[_i].least, rows[_i].most, rows[_i].attempt, rows[_i].random);

    ck_assert_msg(delay == rows[_i].wanted, "%s: %" G_GINT64_FORMAT, rows[_i].label, delay);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("relay-schedule");
    TCase *tc = tcase_create("relay-schedule");

    tcase_add_loop_test(tc, spreads_attempts, 0, G_N_ELEMENTS(rows));
    suite_add_tcase(suite, tc);
    return suite;
}
