/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace-json.h - the trace that a returned message carries
 *
 * Purpose:   decode the X-KumoRef of feedback reports and DSNs, and say how far to believe it.
 * Source:    KumoMTA's supplemental trace header; rules QRK-03, SEC-03.
 * Ownership: the object is a new reference.
 * Errors:    NULL when no candidate is a trace.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_TRACE_JSON_H
#define DSN_CORE_TRACE_JSON_H

#include "mime/report.h"

#include <jansson.h>

/* The first trace in the returned content: its object without the marker (transfer full), or NULL.
 * *@ret_header is the name of the field it stood in, which points into the message. */
json_t *dsn_trace_find(const DsnReport *report, DsnSpan *ret_header);

/* Appends {"supplemental_trace":...,"state":"unsigned","source":"header:X-KumoRef"}; for a @trace
 * of NULL, null. */
void dsn_trace_write(const json_t *trace, DsnSpan header, GString *json);

#endif
