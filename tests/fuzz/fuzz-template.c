/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/template.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const DsnTemplateLimits limits = {
    .source = 1 << 16, .fuel = 20000, .depth = 64, .output = 1 << 16};

static const char context_text[] =
    "{\"id\":\"5f0c\",\"text\":\"Größe <b>&\",\"n\":7,\"f\":-2.5,\"yes\":true,\"nil\":null,"
    "\"big\":9223372036854775807,\"list\":[3,1,2],\"mixed\":[\"a\",1,null,{\"k\":[]}],"
    "\"map\":{\"b\":1,\"a\":{\"c\":2}},\"headers\":{\"X-Id\":\"1\"},"
    "\"rows\":[{\"k\":\"x\",\"v\":1},{\"k\":\"y\",\"v\":2},{\"k\":\"X\"}]}";

static void
check_error(bool ok, const GError *error, const char *prefix)
{
    g_assert(ok == (error == NULL));
    if (error != NULL) {
        g_assert(error->domain == DSN_TEMPLATE_ERROR);
        g_assert(g_str_has_prefix(error->message, prefix));
        g_assert(g_utf8_validate(error->message, -1, NULL));
    }
}

/* A render says the same each time, says only UTF-8, and no more than it may; a fault leaves what
 * was there. */
static void
check_render(const DsnTemplate *template_, const DsnTemplateInput *input)
{
    g_autoptr(GString) first = g_string_new("kept"), second = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    const char *end;
    bool ok = dsn_template_render(template_, input, &limits, first, &error);

    check_error(ok, error, "t:");
    g_assert(first->len >= 4 && memcmp(first->str, "kept", 4) == 0);
    g_assert(first->str[first->len] == '\0');
    g_assert(ok || first->len == 4);
    g_assert(first->len - 4 <= limits.output);
    for (const char *at = first->str;
         !g_utf8_validate_len(at, first->len - (gsize)(at - first->str), &end); at = end + 1)
        g_assert(*end == '\0'); /* NUL is a character here */
    g_assert(dsn_template_render(template_, input, &limits, second, NULL) == ok);
    g_assert(second->len == first->len - 4);
    g_assert(memcmp(second->str, first->str + 4, second->len) == 0);
}

static void
check_test(const char *source, size_t size, DsnTemplateFlags flags, const DsnTemplateInput *input)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) fault = NULL;
    g_autoptr(DsnTemplate) expression =
        dsn_template_compile_expression("e", source, size, flags, &limits, &error);
    bool truth, ok;

    check_error(expression != NULL, error, "e:");
    if (expression == NULL)
        return;
    ok = dsn_template_test(expression, input, &limits, &truth, &fault);
    check_error(ok, fault, "e:");
}

/* The first byte is the flags. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_auto_t *context = json_loads(context_text, 0, NULL);
    DsnTemplateInput input = {context, "log_record", context};
    g_autoptr(GError) error = NULL;
    DsnTemplateFlags flags;

    if (size == 0)
        return 0;
    flags = (DsnTemplateFlags)(data[0] & 3);
    g_autoptr(DsnTemplate) template_ =
        dsn_template_compile("t", 1, (const char *)data + 1, size - 1, flags, &limits, &error);
    check_error(template_ != NULL, error, "t:");
    if (template_ != NULL)
        check_render(template_, &input);
    check_test((const char *)data + 1, size - 1, flags, &input);
    return 0;
}
