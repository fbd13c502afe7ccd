/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lmtp.h - reports that the mail system delivers by LMTP
 *
 * Purpose:   listen at lmtp.listen, and answer for each message once it is durable.
 * RFC:       2033; 5321 section 4.5.3.2 (time-outs); rule ENV-16.
 * Ownership: the server borrows the pipeline until it is stopped.
 * Errors:    G_FILE_ERROR with the name of the socket, or of the Maildir lmtp.others.
 * Threads:   one that accepts, and one for each connection.
 *
 * A message is in memory while it comes: at most lmtp.connections times limits.message bytes.
 */
#ifndef DSN_INTAKE_LMTP_H
#define DSN_INTAKE_LMTP_H

#include "filter/pipeline/pipeline.h"

typedef struct DsnLmtp DsnLmtp;

DsnLmtp *dsn_lmtp_start(DsnPipeline *pipeline, GError **error);

/* Answers the messages that are complete; the other connections end with 421. */
void dsn_lmtp_stop(DsnLmtp *lmtp);

#endif
