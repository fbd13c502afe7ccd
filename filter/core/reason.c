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
        [DSN_REASON_SUPPRESSED] = "suppressed",
        [DSN_REASON_NOT_REWRITTEN] = "not-rewritten",
        [DSN_REASON_NOT_REPLACED] = "not-replaced",
        [DSN_REASON_TOO_LARGE] = "too-large",
        [DSN_REASON_NO_ROOM] = "no-room",
    };

    g_assert((unsigned)reason < DSN_N_REASONS);
    return tokens[reason];
}

const char *
dsn_reason_in_words(const char *reason)
{
    static const char *const words[DSN_N_REASONS] = {
        [DSN_REASON_TYPE_NOT_ENABLED] = "notice.enable does not list this type of record",
        [DSN_REASON_NULL_SENDER] = "the original has the null sender, and so nobody to tell",
        [DSN_REASON_BAD_SENDER] = "the sender is no address that a notice can go to",
        [DSN_REASON_OWN_TRAFFIC] = "the original is a notice of ours",
        [DSN_REASON_NOTIFICATION] = "the original is a notification itself",
        [DSN_REASON_PROTOCOL] = "it went to another part of the mail relay, not to a recipient",
        [DSN_REASON_DUPLICATE] = "it was taken before, or its recipients have their notice",
        [DSN_REASON_TOO_OLD] = "the event is older than dedup.keep",
        [DSN_REASON_SENDER_NOT_OURS] = "neither notice.senders nor its tenant has the sender",
        [DSN_REASON_SENDER_NOT_BOUND] = "the token of who posted it is not for this sender",
        [DSN_REASON_RATE_LIMITED] = "there were too many notices in an hour",
        [DSN_REASON_NOTIFY_NEVER] = "the sender asked for none (NOTIFY=NEVER)",
        [DSN_REASON_NOT_ASKED] = "the sender did not ask to be told about this",
        [DSN_REASON_AUTOMATIC] = "the original was sent by a program, or to a list",
        [DSN_REASON_SENDER_IGNORED] = "notice.ignore lists the sender",
        [DSN_REASON_SENDER_NOT_TRUSTED] = "nothing says that the sender is who it says",
        [DSN_REASON_INTERNAL] = "no remote host has refused it, and notice.internal is off",
        [DSN_REASON_NOT_YET] = "it is not delayed for as long as notice.delay_after says",
        [DSN_REASON_NOT_DELAYED] = "it was delivered, and nobody was told that it was late",
        [DSN_REASON_DRY_RUN] = "notice.dry_run is on: it would have been sent",
        [DSN_REASON_NOT_A_REPORT] = "mail at a report address that is no report",
        [DSN_REASON_NO_RECORD] = "a report in which nothing has failed",
        [DSN_REASON_SUPPRESSED] = "postfix_notices says that Postfix's notices are dropped",
        [DSN_REASON_NOT_REWRITTEN] = "Postfix's notice could not be put into our words",
        [DSN_REASON_NOT_REPLACED] = "no notice of ours could be made in place of Postfix's",
        [DSN_REASON_TOO_LARGE] =
            "Postfix's notice has more than limits.message or limits.groups allow",
        [DSN_REASON_NO_ROOM] = "too much mail at the same time to look at Postfix's notice",
    };

    for (DsnReason i = DSN_REASON_NONE + 1; i < DSN_N_REASONS; i++)
        if (g_str_equal(reason, dsn_reason_to_string(i)))
            return words[i];
    return NULL;
}
