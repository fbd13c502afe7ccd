/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whatever the JSON: without the key it is never verified; with it, what was signed comes back
 * verified by way of the field, and not so once anything in it is another.
 */
#include "config.h"

#include "filter/core/trace-sign.h"
#include "mime/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW G_GINT64_CONSTANT(1795166100)

static DsnTraceState
state_of(const DsnTraceKeys *keys, const json_t *trace, int64_t now)
{
    DsnTraceSeal seal;

    dsn_trace_verify(keys, trace, now, &seal);
    g_assert((seal.state == DSN_TRACE_BAD) == (seal.reason != NULL));
    g_assert(seal.state == DSN_TRACE_UNSIGNED || seal.state == DSN_TRACE_BAD ||
             dsn_span_is(seal.key, "k"));
    return seal.state;
}

static void
check_signed(const DsnTraceKeys *keys, const json_t *members)
{
    g_autoptr(GString) text = g_string_new(NULL), value = g_string_new(NULL),
                       decoded = g_string_new(NULL);

    if (!dsn_trace_sign(keys, members, NOW, text)) {
        g_assert(text->len == 0);
        return;
    }
    dsn_trace_encode((DsnSpan){text->str, text->len}, value);
    g_assert(dsn_trace_decode((DsnSpan){value->str, value->len}, decoded));
    g_assert(g_string_equal(decoded, text));
    json_auto_t *trace =
        json_loadb(text->str, text->len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    g_assert(trace != NULL);
    g_assert(state_of(keys, trace, NOW) == DSN_TRACE_VERIFIED);
    g_assert(state_of(keys, trace, NOW + G_GINT64_CONSTANT(7776001)) == DSN_TRACE_EXPIRED);
    g_assert(json_object_set_new(trace, "another member", json_null()) == 0);
    g_assert(state_of(keys, trace, NOW) == DSN_TRACE_BAD);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static DsnTraceKey key = {(char *)"k", (char *)"a secret that nobody knows"};
    static gpointer list[] = {&key};
    static GPtrArray keys_of = {list, 1};
    static const DsnTraceOptions options = {
        .sign = (char *)"k", .max_age = 90 * G_TIME_SPAN_DAY, .keys = &keys_of};
    g_autoptr(DsnTraceKeys) keys = dsn_trace_keys_new(&options);
    json_auto_t *json = json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL);

    if (!json_is_object(json))
        return 0;
    DsnTraceState state = state_of(keys, json, NOW);
    g_assert(state == DSN_TRACE_UNSIGNED || state == DSN_TRACE_BAD);
    (void)json_object_del(json, "another member"); /* it may be there */
    check_signed(keys, json);
    return 0;
}
