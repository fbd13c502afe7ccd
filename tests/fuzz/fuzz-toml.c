/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/toml.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every key has a line of the document, every text is UTF-8, and nothing lies too deep. */
static void
check_tree(const DsnToml *toml, const json_t *tree, unsigned lines, unsigned depth)
{
    const char *key;
    json_t *value;
    size_t i;

    g_assert(depth <= DSN_TOML_MAX_DEPTH + 1);
    if (json_is_string(tree))
        g_assert(g_utf8_validate(json_string_value(tree), -1, NULL));
    json_array_foreach(tree, i, value)
    {
        check_tree(toml, value, lines, depth + 1);
    }
    json_object_foreach((json_t *)tree, key, value)
    {
        unsigned line = dsn_toml_line(toml, tree, key);

        g_assert(line >= 1 && line <= lines);
        g_assert(g_utf8_validate(key, -1, NULL));
        check_tree(toml, value, lines, depth + 1);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const DsnSpan text = {size == 0 ? "" : (const char *)data, size};
    g_autoptr(GError) error = NULL;
    g_autoptr(DsnToml) toml = dsn_toml_parse("file", text, &error);
    unsigned lines = 1;

    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    if (toml == NULL) {
        g_assert(g_str_has_prefix(error->message, "file:"));
        g_assert(g_utf8_validate(error->message, -1, NULL));
    } else {
        g_assert(error == NULL);
        check_tree(toml, dsn_toml_tree(toml), lines, 0);
    }
    return 0;
}
