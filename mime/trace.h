/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace.h - the supplemental trace header (X-KumoRef)
 *
 * Purpose:   recognise, undo and make the outer form of a trace; the JSON in it is for the caller.
 * RFC:       none; rules QRK-03, SEC-03.
 * Ownership: output goes to the caller's buffer.
 * Errors:    false when the value cannot be a trace.
 * Threads:   reentrant.
 */
#ifndef DSN_MIME_TRACE_H
#define DSN_MIME_TRACE_H

#include "mime/header.h"

/* True if @field is named X-... and its value may be base64 of a JSON object. Cheap. */
bool dsn_trace_is_candidate(const DsnHeaderField *field);

/* Appends the decoded bytes of @value (base64, folded or not, padding may be missing); false if it
 * is not base64 or does not begin with '{' and end with '}'. */
bool dsn_trace_decode(DsnSpan value, GString *ret_json);

/* Appends @json in base64, folded as KumoMTA does: CRLF TAB behind each 75 characters, so that the
 * lines behind the first one have no more than 78 (RFC 5322 section 2.1.1). */
void dsn_trace_encode(DsnSpan json, GString *ret_value);

#endif
