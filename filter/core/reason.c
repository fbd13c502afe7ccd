/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/reason.h"

#include <glib.h>

const char *
dsn_reason_to_string(DsnReason reason)
{
    static const char *const tokens[DSN_N_REASONS] = {
        [DSN_REASON_NONE] = "",
        [DSN_REASON_TYPE_NOT_ENABLED] = "type-not-enabled",
        [DSN_REASON_NULL_SENDER] = "null-sender",
        [DSN_REASON_BAD_SENDER] = "bad-sender",
        [DSN_REASON_OWN_TRAFFIC] = "own-traffic",
        [DSN_REASON_NOTIFICATION] = "notification",
        [DSN_REASON_PROTOCOL] = "protocol",
    };

    g_assert((unsigned)reason < DSN_N_REASONS);
    return tokens[reason];
}
