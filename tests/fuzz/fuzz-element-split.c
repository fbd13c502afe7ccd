/* SPDX-License-Identifier: BSD-2-Clause */
/* No byte is lost or taken twice, and of what is JSON the elements are those that jansson finds. */
#include "config.h"

#include "filter/core/element-split.h"

#include <jansson.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *
load(DsnSpan text, size_t flags)
{
    return json_loadb(text.data, text.len, JSON_ALLOW_NUL | flags, NULL);
}

static void
check_between(DsnSpan text)
{
    for (size_t i = 0; i < text.len; i++)
        g_assert(memchr(" \t\r\n,[]\xef\xbb\xbf", text.data[i], 10) != NULL);
}

static void
check_element(const json_t *tree, size_t index, DsnSpan element)
{
    json_auto_t *found = load(element, JSON_DECODE_ANY);
    const json_t *expected = json_is_array(tree) ? json_array_get(tree, index) : tree;

    g_assert(found != NULL && json_equal(found, expected));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DsnSpan body = {(const char *)data, size}, element;
    DsnElements elements = DSN_ELEMENTS(body);
    json_auto_t *tree = size == 0 ? NULL : load(body, 0);
    size_t count = 0, at = 0;

    while (dsn_elements_next(&elements, &element)) {
        g_assert(element.len > 0 && element.data >= body.data + at);
        check_between((DsnSpan){body.data + at, (size_t)(element.data - body.data) - at});
        at = (size_t)(element.data - body.data) + element.len;
        g_assert(at <= body.len);
        if (tree != NULL)
            check_element(tree, count, element);
        count++;
    }
    check_between(dsn_span_from(body, at));
    g_assert(tree == NULL || count == (json_is_array(tree) ? json_array_size(tree) : 1));
    return 0;
}
