/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the scan is sure of itself, jansson must come to the same. */
#include "config.h"

#include "filter/core/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_key(const json_t *object, const char *name, DsnSpan found)
{
    const json_t *value = json_object_get(object, name);

    g_assert(json_is_string(value) == dsn_span_present(found));
    g_assert(json_is_string(value) == (value != NULL));
    g_assert(dsn_span_equal(found, (DsnSpan){json_string_value(value), json_string_length(value)}));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DsnRecordKeys keys;

    if (!dsn_record_scan((DsnSpan){(const char *)data, size}, &keys))
        return 0;
    json_auto_t *tree = json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL);
    if (tree == NULL)
        return 0; /* the scan does not look at all of the grammar */
    g_assert(json_is_object(tree));
    check_key(tree, "type", keys.type);
    check_key(tree, "id", keys.id);
    return 0;
}
