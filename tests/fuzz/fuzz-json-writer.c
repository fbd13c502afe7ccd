/* SPDX-License-Identifier: BSD-2-Clause */
/* What was written reads back as what went in. */
#include "config.h"

#include "filter/core/json-writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* GLib takes no NUL for valid. */
static bool
is_utf8(const char *text, size_t len)
{
    const char *end = text + len;

    while (text < end) {
        const char *stop;
        if (!g_utf8_validate_len(text, (gsize)(end - text), &stop) && *stop != '\0')
            return false;
        text = stop + 1;
    }
    return true;
}

static json_t *
reload(const GString *json)
{
    json_t *tree = json_loadb(json->str, json->len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

    g_assert(tree != NULL);
    return tree;
}

static void
check_string(DsnSpan text, bool valid)
{
    g_autoptr(GString) json = g_string_new(NULL);

    g_assert(dsn_json_string(json, text) == valid);
    json_auto_t *string = reload(json);
    if (valid)
        g_assert(
            dsn_span_equal(text, (DsnSpan){json_string_value(string), json_string_length(string)}));
    for (size_t i = 0; i < json->len; i++)
        g_assert((uint8_t)json->str[i] >= ' ');
}

static void
check_message_text(DsnSpan text, bool valid)
{
    g_autoptr(GString) json = g_string_new(NULL);
    g_autoptr(GString) expected = g_string_new(NULL);

    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] != '\r' || i + 1 == text.len || text.data[i + 1] != '\n')
            g_string_append_c(expected, text.data[i]);

    dsn_json_message_text(json, text);
    json_auto_t *tree = reload(json);
    if (valid) {
        g_assert(dsn_span_equal((DsnSpan){expected->str, expected->len},
                                (DsnSpan){json_string_value(tree), json_string_length(tree)}));
        return;
    }
    g_assert(json_array_size(tree) == expected->len);
    for (size_t i = 0; i < expected->len; i++)
        g_assert(json_integer_value(json_array_get(tree, i)) == (uint8_t)expected->str[i]);
}

static void
check_tree(DsnSpan text)
{
    json_auto_t *tree = json_loadb(text.data, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    g_autoptr(GString) json = g_string_new(NULL);

    if (tree == NULL)
        return;
    dsn_json_tree(json, tree);
    json_auto_t *again = reload(json);
    g_assert(json_equal(tree, again));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DsnSpan text = {size == 0 ? "" : (const char *)data, size};
    bool valid = is_utf8(text.data, text.len);

    check_string(text, valid);
    check_message_text(text, valid);
    check_tree(text);
    return 0;
}
