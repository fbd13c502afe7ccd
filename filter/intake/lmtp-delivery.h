/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lmtp-delivery.h - what becomes of a message that came by LMTP
 *
 * Purpose:   record it or deliver it to lmtp.others, and word the reply.
 * RFC:       2033 section 4.2; 5321 section 4.4 (trace fields).
 * Ownership: the reply is the caller's.
 * Errors:    none: they are replies.
 * Threads:   reentrant.
 */
#ifndef DSN_INTAKE_LMTP_DELIVERY_H
#define DSN_INTAKE_LMTP_DELIVERY_H

#include "filter/intake/lmtp-session.h"
#include "filter/pipeline/pipeline.h"

/* Returns the reply for each of the recipients (transfer full) once it is true. @peer is the
 * client's address, NULL on a unix socket. */
char *dsn_lmtp_deliver(DsnPipeline *pipeline, const DsnPolicy *policy,
                       const DsnLmtpEnvelope *envelope, const char *peer);

#endif
