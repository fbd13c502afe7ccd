/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dsnarf-templates(7) against the engine: whatever can be called is named, examples work, and the
 * limits are those that are in force.
 */
#include "config.h"

#include "templates/builtins.h"
#include "templates/catalog.h"
#include "tests/support/unit.h"

#include <glib/gstdio.h>

#define MANUAL "../packaging/man/dsnarf-templates.7"

static const DsnTemplateLimits *const limits = &DSN_TEMPLATE_LIMITS_DEFAULT;

/* The words of the lines that name things to call. */
static GHashTable *
called_words(const char *manual)
{
    GHashTable *words = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_auto(GStrv) lines = g_strsplit(manual, "\n", -1);

    for (char **line = lines; *line != NULL; line++) {
        if (!g_str_has_prefix(*line, ".Ic ") && !g_str_has_prefix(*line, ".It Ic "))
            continue;
        char **tokens = g_strsplit(*line, " ", -1);
        for (char **token = tokens; *token != NULL; token++)
            g_hash_table_add(words, *token);
        g_free(tokens); /* the words belong to the table */
    }
    return words;
}

START_TEST(names_whatever_can_be_called)
{
    const DsnBuiltin *const tables[] = {dsn_filters_kumo,   dsn_filters_list,  dsn_filters_notice,
                                        dsn_filters_number, dsn_filters_order, dsn_filters_text,
                                        dsn_functions,      dsn_methods,       dsn_tests};
    g_autofree char *manual = dsn_test_read(MANUAL, NULL);
    g_autoptr(GHashTable) words = called_words(manual);

    for (size_t i = 0; i < G_N_ELEMENTS(tables); i++) {
        for (const DsnBuiltin *row = tables[i]; row->name != NULL; row++)
            ck_assert_msg(g_hash_table_contains(words, row->name), "%s is not in the manual",
                          row->name);
    }
}
END_TEST

/* Display number @n of the manual, as it is shown (transfer full). */
static char *
display(const char *manual, unsigned n)
{
    const char *start = manual, *end;

    for (unsigned i = 0; i <= n; i++) {
        start = strstr(start, "\n.Bd -literal");
        ck_assert_msg(start != NULL, "there is no display %u", n);
        start = strchr(start + 1, '\n') + 1;
    }
    end = strstr(start, "\n.Ed\n");
    ck_assert_ptr_nonnull(end);

    g_autofree char *source = g_strndup(start, (gsize)(end - start));
    g_auto(GStrv) pieces = g_strsplit(source, "\\e", -1);
    return g_strjoinv("\\", pieces);
}

/* Files as the manual shows them, in this order. */
static const struct {
    unsigned display;
    const char *name;
} files[] = {
    {0, "failed.en.txt"}, {1, "failed.en.html"}, {2, "en.words"},
    {4, "layout.txt"},    {5, "late.en.txt"},
};

START_TEST(shows_files_that_work)
{
    g_autofree char *manual = dsn_test_read(MANUAL, NULL);
    g_autofree char *directory = g_dir_make_tmp("dsnarf-manual-XXXXXX", NULL);
    g_autoptr(GError) error = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *text = display(manual, files[i].display);
        g_autofree char *path = g_build_filename(directory, files[i].name, NULL);

        ck_assert(g_file_set_contents(path, text, -1, NULL));
    }
    g_autoptr(DsnCatalog) catalog = dsn_catalog_new(directory, limits, &error);
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = g_build_filename(directory, files[i].name, NULL);

        (void)g_remove(path); /* whether it loaded is said below */
    }
    (void)g_rmdir(directory);
    ck_assert_msg(catalog != NULL, "%s", error != NULL ? error->message : "");
}
END_TEST

START_TEST(shows_templates_that_work)
{
    g_autofree char *manual = dsn_test_read(MANUAL, NULL);
    g_autofree char *condition = display(manual, 6);
    g_autoptr(GError) error = NULL;
    g_autoptr(DsnTemplate) expression = dsn_template_compile_expression(
        "manual", condition, strlen(condition), DSN_TEMPLATE_KUMO, limits, &error);

    ck_assert_msg(expression != NULL, "%s", error != NULL ? error->message : "");
    for (unsigned i = 7; i < 10; i++) {
        g_autofree char *source = display(manual, i);
        g_autoptr(DsnTemplate) template_ = dsn_template_compile("manual", 1, source, strlen(source),
                                                                DSN_TEMPLATE_KUMO, limits, &error);

        ck_assert_msg(template_ != NULL, "%s", error != NULL ? error->message : "");
    }
}
END_TEST

START_TEST(says_what_the_limits_are)
{
    g_autofree char *manual = dsn_test_read(MANUAL, NULL);
    g_autofree char *rows = g_strdup_printf(
        ".It %zu MiB\ntext of a template\n.It %zu,%03zu,%03zu\nsteps", limits->source >> 20,
        limits->fuel / 1000000, limits->fuel / 1000 % 1000, limits->fuel % 1000);
    g_autofree char *depth = g_strdup_printf("\n.It %zu\nlevels of nesting", limits->depth);
    g_autofree char *output =
        g_strdup_printf("\n.It %zu MiB\ntext of one render", limits->output >> 20);

    ck_assert_ptr_nonnull(strstr(manual, rows));
    ck_assert_ptr_nonnull(strstr(manual, depth));
    ck_assert_ptr_nonnull(strstr(manual, output));
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("template-manual");
    TCase *tc = tcase_create("core");

    tcase_add_test(tc, names_whatever_can_be_called);
    tcase_add_test(tc, shows_files_that_work);
    tcase_add_test(tc, shows_templates_that_work);
    tcase_add_test(tc, says_what_the_limits_are);
    suite_add_tcase(suite, tc);
    return suite;
}
