/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/start-time.h"

#include "mime/date.h"

#include <string.h>

const char *
dsn_start_check(const char *text)
{
    if (strcmp(text, "now") == 0 || strcmp(text, "beginning") == 0 || dsn_start_time(text, 0) != 0)
        return NULL;
    return "\"now\", \"beginning\" or a time such as \"2026-01-31T12:00:00Z\"";
}

int64_t
dsn_start_time(const char *text, int64_t now)
{
    uint32_t nanoseconds;
    int64_t time;

    if (strcmp(text, "now") == 0)
        return now;
    return dsn_date_from_rfc3339(dsn_span(text), &time, &nanoseconds) ? time : 0;
}
