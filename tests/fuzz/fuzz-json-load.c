/* SPDX-License-Identifier: BSD-2-Clause */
/* The same texts are read as jansson reads, and become the same trees. */
#include "config.h"

#include "filter/core/json-load.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DsnSpan text = {(const char *)data, size};
    json_auto_t *tree = dsn_json_load(text, NULL);
    json_auto_t *expected =
        json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

    g_assert((tree == NULL) == (expected == NULL));
    if (tree != NULL) {
        g_autofree char *found = json_dumps(tree, JSON_COMPACT);
        g_autofree char *wanted = json_dumps(expected, JSON_COMPACT);
        g_assert(json_equal(tree, expected));
        g_assert_cmpstr(found, ==, wanted);
    }
    return 0;
}
