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
        [DSN_REASON_DUPLICATE] = "duplicate",
        [DSN_REASON_TOO_OLD] = "too-old",
        [DSN_REASON_SENDER_NOT_OURS] = "sender-not-ours",
        [DSN_REASON_SENDER_NOT_BOUND] = "sender-not-bound",
        [DSN_REASON_RATE_LIMITED] = "rate-limited",
        [DSN_REASON_NOTIFY_NEVER] = "notify-never",
        [DSN_REASON_NOT_ASKED] = "not-asked",
        [DSN_REASON_AUTOMATIC] = "automatic",
        [DSN_REASON_SENDER_IGNORED] = "sender-ignored",
        [DSN_REASON_SENDER_NOT_TRUSTED] = "sender-not-trusted",
        [DSN_REASON_INTERNAL] = "internal",
        [DSN_REASON_NOT_YET] = "not-yet",
        [DSN_REASON_NOT_DELAYED] = "not-delayed",
        [DSN_REASON_DRY_RUN] = "dry-run",
        [DSN_REASON_NOT_A_REPORT] = "not-a-report",
        [DSN_REASON_NO_RECORD] = "no-record",
    };

    g_assert((unsigned)reason < DSN_N_REASONS);
    return tokens[reason];
}
