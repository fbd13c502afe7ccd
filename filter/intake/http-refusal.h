/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http-refusal.h - what was refused, for the administrator
 *
 * Purpose:   count each refusal, and log it once a minute for each peer and cause.
 * Source:    dsnarf(8), "Logging".
 * Ownership: borrows the metrics.
 * Errors:    none.
 * Threads:   any.
 *
 * The number of peers that are remembered is bounded; those beyond share one line.
 */
#ifndef DSN_INTAKE_HTTP_REFUSAL_H
#define DSN_INTAKE_HTTP_REFUSAL_H

#include "filter/core/metrics.h"

#include <stdint.h>
#include <sys/socket.h>

typedef struct DsnHttpRefusals DsnHttpRefusals;

DsnHttpRefusals *dsn_http_refusals_new(DsnMetrics *metrics);
void dsn_http_refusals_free(DsnHttpRefusals *refusals);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnHttpRefusals, dsn_http_refusals_free)

/* @cause is one of DSN_COUNT_HTTP_*, @detail says more in our words; @now in monotonic
 * microseconds. */
void dsn_http_refused(DsnHttpRefusals *refusals, DsnCounter cause, const struct sockaddr *peer,
                      const char *detail, int64_t now);

/* "192.0.2.1", "2001:db8::1", or "unix" (transfer full). */
char *dsn_http_peer_name(const struct sockaddr *peer);

#endif
