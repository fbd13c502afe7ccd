/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * auth-failure.h - what an authentication failure report adds to a feedback report
 *
 * Purpose:   the fields of RFC 6591 as typed JSON members; KumoMTA has them as extensions only.
 * RFC:       6591 section 3, 7489 section 7.3; rules AUTHF-02, AUTHF-05 to AUTHF-09.
 * Ownership: appended to the buffer of DsnPieces.
 * Errors:    none: what is absent or cannot be read becomes null.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_AUTH_FAILURE_H
#define DSN_CORE_AUTH_FAILURE_H

#include "filter/core/report-pieces.h"

/* {"auth_failure":"bodyhash",...}, or null if @feedback is about something else. */
void dsn_auth_failure_write(DsnPieces *pieces, const char *key, const DsnFeedback *feedback);

#endif
