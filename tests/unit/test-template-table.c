/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The language, row by row: tests/data/templates/ says what each template gives for context.json,
 * or the kind of its error. The answers are those of MiniJinja 2.21 but where a row says "differs".
 */
#include "config.h"

#include "templates/template.h"
#include "tests/support/unit.h"

#include <stdio.h>

static const char *const kinds[] = {[DSN_TEMPLATE_ERROR_SYNTAX] = "syntax",
                                    [DSN_TEMPLATE_ERROR_UNDEFINED] = "undefined",
                                    [DSN_TEMPLATE_ERROR_OPERATION] = "operation",
                                    [DSN_TEMPLATE_ERROR_LIMIT] = "limit"};

static json_t *
load(const char *text, size_t length)
{
    json_error_t problem;
    json_t *json = json_loadb(text, length, 0, &problem);

    ck_assert_msg(json != NULL, "line %d: %s", problem.line, problem.text);
    return json;
}

static json_t *
load_file(const char *path)
{
    size_t length;
    g_autofree char *text = dsn_test_read(path, &length);

    return load(text, length);
}

/* Renders @source for @context, which is also log_record; the error is in @error. */
static char *
render(const char *source, size_t length, json_t *context, DsnTemplateFlags flags, GError **error)
{
    const DsnTemplateLimits *limits = &DSN_TEMPLATE_LIMITS_DEFAULT;
    DsnTemplateInput input = {context, "log_record", context};
    g_autoptr(GString) output = g_string_new("before");
    g_autoptr(DsnTemplate) template_ =
        dsn_template_compile("table", 1, source, length, flags, limits, error);

    if (template_ == NULL || !dsn_template_render(template_, &input, limits, output, error)) {
        ck_assert_msg(*error != NULL, "failed without an error: %s", source);
        ck_assert_str_eq(output->str, "before");
        return NULL;
    }
    return g_strdup(output->str + strlen("before"));
}

static void
check_row(const json_t *row, json_t *context)
{
    const char *name = json_string_value(json_object_get(row, "name"));
    const json_t *source = json_object_get(row, "template");
    const char *expected = json_string_value(json_object_get(row, "output"));
    const char *kind = json_string_value(json_object_get(row, "error"));
    DsnTemplateFlags flags = DSN_TEMPLATE_PLAIN;
    g_autoptr(GError) error = NULL;

    if (json_is_true(json_object_get(row, "kumo")))
        flags |= DSN_TEMPLATE_KUMO;
    if (json_is_true(json_object_get(row, "autoescape")))
        flags |= DSN_TEMPLATE_AUTOESCAPE;
    ck_assert_msg((expected == NULL) != (kind == NULL), "%s: neither output nor error", name);

    g_autofree char *output =
        render(json_string_value(source), json_string_length(source), context, flags, &error);
    if (expected != NULL) {
        ck_assert_msg(output != NULL, "%s: %s", name, error != NULL ? error->message : "");
        dsn_test_compare(__FILE__, __LINE__, output, strlen(output), expected, strlen(expected),
                         name);
        return;
    }
    ck_assert_msg(output == NULL, "%s: no error but: %s", name, output);
    ck_assert_msg(error->domain == DSN_TEMPLATE_ERROR, "%s: another domain", name);
    ck_assert_msg(strcmp(kinds[error->code], kind) == 0, "%s: %s, expected %s: %s", name,
                  kinds[error->code], kind, error->message);
    ck_assert_msg(g_str_has_prefix(error->message, "table:"), "%s: %s", name, error->message);
}

static const struct {
    const char *file;
    size_t rows; /* at least */
} tables[] = {
    {"autoescape", 13}, {"expressions", 120}, {"filters", 138},
    {"kumo", 57},       {"statements", 104},  {"tests", 42},
};

START_TEST(gives_what_the_table_says)
{
    json_auto_t *context = load_file("data/templates/context.json");
    g_autofree char *path = g_strdup_printf("data/templates/%s.jsonl", tables[_i].file);
    g_autofree char *text = dsn_test_read(path, NULL);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    size_t n = 0;

    for (char **line = lines; **line != '\0'; line++) {
        json_auto_t *row = load(*line, strlen(*line));

        check_row(row, context);
        n++;
    }
    ck_assert_msg(n >= tables[_i].rows, "%s has only %zu rows", path, n);
}
END_TEST

/* Where a row of the reference is an artefact of Rust: there a lazy iterator has no text. */
static const struct {
    const char *text, *ours;
} artefacts[] = {
    {"<iterator> [\"x\", 1.5, none, true] xxx", "[\"a\", \"b\"] [\"x\", 1.5, none, true] xxx"},
    {"<iterator> <iterator> <iterator> [\"a\", \"b\"]",
     "[\"a\", \"b\", \"c\"] [\"a\", \"b\", \"c\"] [\"a\", \"b,c\"] [\"a\", \"b\"]"},
};

static const char *
without_artefacts(const char *expected)
{
    for (size_t i = 0; i < G_N_ELEMENTS(artefacts); i++) {
        if (strcmp(artefacts[i].text, expected) == 0)
            return artefacts[i].ours;
    }
    return expected;
}

/* The kind of an error of ours that corresponds to one of MiniJinja. */
static const char *
kind_of(const char *message)
{
    if (g_str_has_prefix(message, "undefined value"))
        return "undefined";
    return g_str_has_prefix(message, "invalid operation") ? "operation" : "syntax";
}

static void
check_probe(const json_t *row, json_t *context)
{
    const char *source = json_string_value(json_object_get(row, "template"));
    const char *expected = json_string_value(json_object_get(row, "output"));
    const char *message = json_string_value(json_object_get(row, "error"));
    g_autoptr(GError) error = NULL;
    g_autofree char *output = render(source, strlen(source), context, DSN_TEMPLATE_PLAIN, &error);

    if (expected != NULL) {
        ck_assert_msg(output != NULL, "%s: %s", source, error != NULL ? error->message : "");
        ck_assert_msg(strcmp(output, without_artefacts(expected)) == 0, "%s\n%s\n%s", source,
                      output, expected);
    } else {
        ck_assert_msg(output == NULL, "%s: no error but: %s", source, output);
        ck_assert_msg(strcmp(kinds[error->code], kind_of(message)) == 0, "%s: %s, expected %s",
                      source, error->message, message);
    }
}

START_TEST(answers_as_the_reference_did)
{
    const char *corpus = dsn_test_corpus();
    g_autofree char *probes = NULL, *record = NULL, *text = NULL, *record_text = NULL;

    if (corpus == NULL)
        return;
    probes = g_build_filename(corpus, "..", "jinja", "probes.jsonl", NULL);
    record = g_build_filename(corpus, "..", "jinja", "record.json", NULL);
    if (!g_file_get_contents(probes, &text, NULL, NULL) ||
        !g_file_get_contents(record, &record_text, NULL, NULL)) {
        printf("skipped: no %s\n", probes);
        return;
    }
    json_auto_t *context = load(record_text, strlen(record_text));
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; **line != '\0'; line++) {
        json_auto_t *row = load(*line, strlen(*line));

        check_probe(row, context);
    }
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("template-table");
    TCase *tc = tcase_create("core");

    tcase_add_loop_test(tc, gives_what_the_table_says, 0, G_N_ELEMENTS(tables));
    tcase_add_test(tc, answers_as_the_reference_did);
    suite_add_tcase(suite, tc);
    return suite;
}
