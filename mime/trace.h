/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace.h - the supplemental trace header (X-KumoRef)
 *
 * Purpose:   recognise and undo the outer form of a trace header; the JSON in it is for the caller.
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

#endif
