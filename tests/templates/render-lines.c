/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Renders templates that come as JSON lines, for tests that compare with another engine: each line
 * is an object with "template" and perhaps "context", "kumo", "autoescape"; for each one line goes
 * out, {"output": text} or {"error": message}. The context is also the global "log_record".
 */
#include "config.h"

#include "templates/template.h"

#include <stdio.h>
#include <stdlib.h>

static json_t *
render(const json_t *row)
{
    const DsnTemplateLimits *limits = &DSN_TEMPLATE_LIMITS_DEFAULT;
    const char *source = json_string_value(json_object_get(row, "template"));
    DsnTemplateFlags flags = DSN_TEMPLATE_PLAIN;
    json_t *context = json_object_get(row, "context");
    DsnTemplateInput input = {context, "log_record", context};
    g_autoptr(GString) output = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    if (json_is_true(json_object_get(row, "kumo")))
        flags |= DSN_TEMPLATE_KUMO;
    if (json_is_true(json_object_get(row, "autoescape")))
        flags |= DSN_TEMPLATE_AUTOESCAPE;
    g_autoptr(DsnTemplate) template_ =
        dsn_template_compile("t", 1, source, json_string_length(json_object_get(row, "template")),
                             flags, limits, &error);
    if (template_ != NULL && dsn_template_render(template_, &input, limits, output, &error))
        return json_pack("{s:s%}", "output", output->str, output->len);
    return json_pack("{s:s}", "error", error->message);
}

int
main(void)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    json_error_t problem;

    while ((length = getline(&line, &size, stdin)) > 0) {
        json_auto_t *row = json_loadb(line, (size_t)length, 0, &problem);

        if (row == NULL) {
            fprintf(stderr, "render-lines: %s\n", problem.text);
            return EXIT_FAILURE;
        }
        json_auto_t *answer = render(row);
        json_dumpf(answer, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
        putchar('\n');
    }
    g_free(line);
    return EXIT_SUCCESS;
}
