/* SPDX-License-Identifier: BSD-2-Clause */
/* An element is what jansson makes of it, also where it was not asked. */
#include "config.h"

#include "filter/core/json-string.h"
#include "filter/core/record.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes as what stands between two quotes. */
static void
check_string(DsnSpan raw)
{
    g_autoptr(GString) quoted = g_string_new("[\"");
    g_autoptr(GString) text = g_string_new(NULL);

    g_string_append_len(quoted, raw.data, (gssize)raw.len);
    g_string_append(quoted, "\"]");
    json_auto_t *list = json_loadb(quoted->str, quoted->len, JSON_ALLOW_NUL, NULL);
    const json_t *string = json_array_get(list, 0);
    bool expected = json_array_size(list) == 1 && json_is_string(string);

    /* With a quote in it there are several, or none. */
    g_assert(dsn_json_unescape(raw, text) == expected);
    g_assert(!expected ||
             dsn_span_equal((DsnSpan){text->str, text->len},
                            (DsnSpan){json_string_value(string), json_string_length(string)}));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DsnSpan text = {(const char *)data, size};
    g_auto(DsnElement) element = {.record = NULL};
    g_autoptr(GError) error = NULL;

    check_string(text);
    json_auto_t *tree =
        size == 0 ? NULL
                  : json_loadb(text.data, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    bool parsed = dsn_element_parse(text, size, &element, &error);

    g_assert(parsed == (error == NULL));
    if (!parsed)
        return 0;
    const json_t *inner = json_object_get(tree, "log_record");
    const json_t *message = json_object_get(tree, "message");
    g_assert(json_is_object(tree));
    if (inner != NULL && json_is_string(message))
        g_assert(
            dsn_span_equal((DsnSpan){element.original->str, element.original->len},
                           (DsnSpan){json_string_value(message), json_string_length(message)}));
    if (inner == NULL)
        g_assert(message == NULL ||
                 json_equal(message, json_object_get(element.record->json, "message")));
    return 0;
}
