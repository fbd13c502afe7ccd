/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/trace-json.h"

#include "filter/core/json-writer.h"
#include "mime/trace.h"

/* What KumoMTA writes is well under a kilobyte; anybody can write more. */
#define CANDIDATES_MAX 16
#define VALUE_MAX (16 * 1024)
#define NAME_MAX_BYTES 100

#define MARKER_KEY "_@_"
#define MARKER "\\_/"

/* The object in @text if it has the marker, which is taken out (transfer full). */
static json_t *
read_trace(DsnSpan text)
{
    json_auto_t *trace =
        json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    const json_t *marker = json_object_get(trace, MARKER_KEY);

    if (!dsn_span_equal((DsnSpan){json_string_value(marker), json_string_length(marker)},
                        DSN_SPAN_LITERAL(MARKER)))
        return NULL;
    (void)json_object_del(trace, MARKER_KEY); /* it is there */
    return g_steal_pointer(&trace);
}

json_t *
dsn_trace_find(const DsnReport *report, DsnSpan *ret_header)
{
    const GArray *traces = report->returned.traces;

    if (traces->len == 0)
        return NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0; i < MIN(traces->len, CANDIDATES_MAX); i++) {
        const DsnField *field = &g_array_index(traces, DsnField, i);

        g_string_truncate(text, 0);
        if (field->name.len > NAME_MAX_BYTES || field->value.len > VALUE_MAX ||
            !dsn_trace_decode(field->value, text))
            continue;
        json_t *trace = read_trace((DsnSpan){text->str, text->len});
        if (trace != NULL) {
            *ret_header = field->name;
            return trace;
        }
    }
    return NULL;
}

void
dsn_trace_write(const json_t *trace, DsnSpan header, GString *json)
{
    if (trace == NULL) {
        dsn_json_null(json);
        return;
    }
    g_string_append_c(json, '{');
    dsn_json_key(json, "supplemental_trace");
    dsn_json_tree(json, trace);
    dsn_json_key(json, "state");
    (void)dsn_json_string(json, DSN_SPAN_LITERAL("unsigned"));
    g_autofree char *source = g_strdup_printf("header:%.*s", (int)header.len, header.data);
    dsn_json_key(json, "source");
    (void)dsn_json_string(json, dsn_span(source)); /* a field name is ASCII */
    g_string_append_c(json, '}');
}
