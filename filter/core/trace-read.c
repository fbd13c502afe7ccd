/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/trace-read.h"

#include "filter/core/json-load.h"
#include "mime/trace.h"

static DsnSpan
text_of(const json_t *value)
{
    return (DsnSpan){json_string_value(value), json_string_length(value)};
}

/* The object in @text if it has the marker, which is taken out (transfer full). */
static json_t *
load(DsnSpan text)
{
    json_auto_t *trace = dsn_json_load(text, NULL);

    if (!dsn_span_equal(text_of(json_object_get(trace, DSN_TRACE_MARKER_KEY)),
                        DSN_SPAN_LITERAL(DSN_TRACE_MARKER)))
        return NULL;
    (void)json_object_del(trace, DSN_TRACE_MARKER_KEY); /* it is there */
    return g_steal_pointer(&trace);
}

json_t *
dsn_trace_read(const DsnTraceKeys *keys, DsnSpan value, int64_t now, GString *buffer,
               DsnTraceSeal *ret_seal)
{
    g_string_truncate(buffer, 0);
    if (value.len > DSN_TRACE_MAX || !dsn_trace_decode(value, buffer))
        return NULL;

    json_t *trace = load((DsnSpan){buffer->str, buffer->len});
    if (trace != NULL)
        dsn_trace_verify(keys, trace, now, ret_seal);
    return trace;
}

DsnSpan
dsn_trace_member(const json_t *trace, const char *name)
{
    const json_t *value = json_object_get(trace, name);

    return text_of(json_array_size(value) == 1 ? json_array_get(value, 0) : value);
}
