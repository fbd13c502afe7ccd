/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jinja-lines.c - renders templates that come as JSON lines on standard input
 *
 * A line is an object with "template" and perhaps "context", "kumo" and "autoescape"; the context
 * is also the global "log_record". The answer is a line too: {"output": text} or
 * {"error": message, "kind": "syntax", "undefined", "operation" or "limit"}.
 */
#include "config.h"

#include "templates/template.h"

#include <stdio.h>
#include <stdlib.h>

static json_t *
render(const json_t *row)
{
    static const char *const kinds[] = {[DSN_TEMPLATE_ERROR_SYNTAX] = "syntax",
                                        [DSN_TEMPLATE_ERROR_UNDEFINED] = "undefined",
                                        [DSN_TEMPLATE_ERROR_OPERATION] = "operation",
                                        [DSN_TEMPLATE_ERROR_LIMIT] = "limit"};
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
    return json_pack("{s:s, s:s}", "error", error->message, "kind", kinds[error->code]);
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
            fprintf(stderr, "jinja-lines: %s\n", problem.text);
            return EXIT_FAILURE;
        }
        json_auto_t *answer = render(row);
        json_dumpf(answer, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
        putchar('\n');
        (void)fflush(stdout); /* the reader sees a broken pipe as a missing answer */
    }
    g_free(line);
    return EXIT_SUCCESS;
}
