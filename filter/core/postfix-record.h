/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * postfix-record.h - a notice of Postfix's own as log records
 *
 * Purpose:   say in KumoMTA's shape what bounce(8) has said, one record for each recipient.
 * Source:    dsnarf-records(5); RFC 3464; rules OOB-09, ESMTP-20.
 * Ownership: (transfer full) for what is made.
 * Errors:    none: octets that are no UTF-8 are replaced.
 * Threads:   reentrant. GMime must have been initialised.
 */
#ifndef DSN_CORE_POSTFIX_RECORD_H
#define DSN_CORE_POSTFIX_RECORD_H

#include "filter/core/configuration.h"
#include "filter/core/postfix-notice.h"

#include <jansson.h>

typedef struct DsnPostfixRecordOptions {
    const DsnMetaKeys *keys; /* under which wishes stand */
    GHashTable *fields;      /* key of meta -> field of the original; may be NULL */
    const char *nodeid;
    int64_t now; /* unix seconds */
} DsnPostfixRecordOptions;

/* The records of @notice, which was read of @report (of json_t). The event time is the notice's
 * Date, which changes when Postfix makes it again; id, type, recipient and created stay. */
GPtrArray *dsn_postfix_notice_records(const DsnPostfixNotice *notice, const DsnReport *report,
                                      const DsnPostfixRecordOptions *options);

#endif
