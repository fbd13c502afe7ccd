/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_time(int64_t time)
{
    char buffer[DSN_DATE_MAX];
    int64_t again = DSN_TIME_NONE;
    uint32_t nanoseconds = 0;
    const char *detail = NULL;

    g_assert_cmpint(time, >=, DSN_TIME_MIN);
    g_assert_cmpint(time, <=, DSN_TIME_MAX);
    DsnSpan text = dsn_span(dsn_date_to_rfc5322(time, buffer));
    g_assert_cmpint(dsn_date_parse(text, &again, &detail), ==, DSN_DATE_GOOD);
    g_assert_cmpint(again, ==, time);
    text = dsn_span(dsn_date_to_rfc3339(time, 0, buffer));
    g_assert_true(dsn_date_from_rfc3339(text, &again, &nanoseconds));
    g_assert_cmpint(again, ==, time);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DsnSpan text = {(const char *)data, size};
    int64_t time = DSN_TIME_NONE, strict = DSN_TIME_NONE;
    uint32_t nanoseconds = 0;
    const char *detail = NULL;
    DsnDateResult result = dsn_date_parse(text, &time, &detail);

    g_assert_true((result == DSN_DATE_NONE) == (time == DSN_TIME_NONE));
    g_assert_true((result == DSN_DATE_DOUBT) == (detail != NULL));
    if (result != DSN_DATE_NONE)
        check_time(time);
    if (dsn_date_from_rfc3339(text, &strict, &nanoseconds)) {
        g_assert_cmpuint(nanoseconds, <=, 999999999);
        g_assert_cmpint(strict, ==, time); /* what is strictly right is read leniently too */
    }
    return 0;
}
