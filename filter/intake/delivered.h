/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * delivered.h - a message as a delivery agent has stored it
 *
 * Purpose:   find what is known of the envelope of a message that lies in a file.
 * Source:    RFC 5321 section 4.4 (Return-Path); X-Original-To and Delivered-To as Postfix writes
 *            them.
 * Ownership: addresses are new.
 * Errors:    none: what is not there, or no address, is NULL.
 * Threads:   reentrant.
 *
 * The delivery agent writes above the topmost Received field; fields below came with the message,
 * and anybody may have written them.
 */
#ifndef DSN_INTAKE_DELIVERED_H
#define DSN_INTAKE_DELIVERED_H

#include "mime/span.h"

/* "" is the null sender; NULL: not known (transfer full). */
void dsn_delivered_envelope(DsnSpan message, char **ret_sender, char **ret_recipient);

#endif
