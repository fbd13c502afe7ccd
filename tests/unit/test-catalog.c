/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/catalog.h"
#include "tests/support/unit.h"

#include <glib/gstdio.h>

static const DsnTemplateLimits *const limits = &DSN_TEMPLATE_LIMITS_DEFAULT;

/* A directory that holds one file and goes with the test. */
typedef struct Directory {
    char *path, *file;
} Directory;

static void
directory_clear(Directory *directory)
{
    (void)g_remove(directory->file); /* nothing is left to do when it is not there */
    (void)g_rmdir(directory->path);
    g_free(directory->path);
    g_free(directory->file);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Directory, directory_clear)

static void
make_directory(Directory *directory, const char *name, const char *text)
{
    directory->path = g_dir_make_tmp("dsnarf-catalog-XXXXXX", NULL);
    ck_assert_ptr_nonnull(directory->path);
    directory->file = g_build_filename(directory->path, name, NULL);
    ck_assert(g_file_set_contents(directory->file, text, -1, NULL));
}

/* A failed delivery as a notice sees it; @sparse: what need not be known is not. */
static json_t *
make_context(bool sparse)
{
    json_t *recipient = json_pack(
        "{s:s, s:s, s:s, s:s?, s:s}", "address", "bob@example.net", "status", "5.1.1", "meaning",
        "the mailbox does not exist", "remote_mta", sparse ? NULL : "mx.example.net", "diagnostic",
        sparse ? "" : "550 5.1.1 <bob@example.net>: Recipient address rejected: User unknown");
    json_t *original = sparse ? json_null()
                              : json_pack("{s:s, s:s, s:n}", "subject", "Dinner?", "message_id",
                                          "<1@example.org>", "date");

    return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s?, s:[o], s:i, s:o, s:s}", "hostname",
                     "mta1.example.com", "sender", "ann@example.org", "type", "Bounce", "action",
                     "failed", "arrival_date", sparse ? NULL : "Tue, 1 Jul 2003 08:52:37 +0000",
                     "event_date", sparse ? NULL : "Tue, 1 Jul 2003 08:53:01 +0000", "recipients",
                     recipient, "more_recipients", sparse ? 0 : 3, "original", original, "returned",
                     sparse ? "no" : "headers");
}

static DsnCatalog *
load(const char *name, const char *text, GError **error)
{
    g_auto(Directory) directory = {0};

    make_directory(&directory, name, text);
    return dsn_catalog_new(directory.path, limits, error);
}

/* Every text of ours: an address and a phrase may be long, nothing of ours is. */
static void
check_shape(const char *body)
{
    g_auto(GStrv) lines = g_strsplit(body, "\n", -1);

    ck_assert_msg(g_str_has_suffix(body, "\n") && !g_str_has_suffix(body, "\n\n"), "%s", body);
    ck_assert_ptr_null(strstr(body, "\n\n\n"));
    ck_assert_ptr_null(strstr(body, "undefined"));
    ck_assert_ptr_null(strstr(body, "none"));
    for (char **line = lines; *line != NULL; line++) {
        ck_assert_msg(g_utf8_strlen(*line, -1) <= 72, "more than 72 columns: %s", *line);
        ck_assert_msg(!g_str_has_suffix(*line, " "), "a blank at the end: \"%s\"", *line);
    }
}

static const struct {
    DsnOccasion occasion;
    bool sparse;
    const char *subject;
    const char *golden;
} shipped[] = {
    {DSN_OCCASION_BOUNCE, false, "Not delivered: Dinner?", "golden/templates/failed.txt"},
    {DSN_OCCASION_BOUNCE, true, "Not delivered: your message",
     "golden/templates/failed-sparse.txt"},
    {DSN_OCCASION_EXPIRATION, false, "Not delivered in time: Dinner?",
     "golden/templates/expired.txt"},
    {DSN_OCCASION_EXPIRATION, true, "Not delivered in time: your message",
     "golden/templates/expired-sparse.txt"},
};

START_TEST(renders_the_shipped_texts)
{
    json_auto_t *context = make_context(shipped[_i].sparse);
    DsnTemplateInput input = {context, "log_record", NULL};
    g_autoptr(GString) subject = g_string_new(NULL), body = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(DsnCatalog) catalog = dsn_catalog_new(NULL, limits, &error);
    size_t length;
    g_autofree char *golden = dsn_test_read(shipped[_i].golden, &length);

    ck_assert_msg(catalog != NULL, "%s", error != NULL ? error->message : "");
    ck_assert(dsn_catalog_render(catalog, shipped[_i].occasion, &input, subject, body, &error));
    ck_assert_str_eq(subject->str, shipped[_i].subject);
    check_shape(body->str);
    dsn_assert_bytes(body->str, body->len, golden, length);
}
END_TEST

static const struct {
    const char *label, *name, *text;
    const char *message; /* how it ends */
} bad[] = {
    {"no subject", "failed.en.txt", "\nbody",
     "/failed.en.txt:1:1: there is no line \"Subject: ...\""},
    {"empty file", "failed.en.txt", "", "/failed.en.txt:1:1: there is no line \"Subject: ...\""},
    {"no body", "failed.en.txt", "Subject: x\n",
     "/failed.en.txt:2:1: there is no text behind an empty line"},
    {"another header", "expired.en.txt", "Subject: x\nFrom: y\n\nbody",
     "/expired.en.txt:2:1: before the empty line stands only \"Subject: ...\", not: From: y"},
    {"two subjects", "failed.en.txt", "Subject: x\nSubject: y\n\nbody",
     "/failed.en.txt:2:1: a second subject"},
    {"fault in the subject", "failed.en.txt", "Subject:  a{{ b | uper }}\n\nbody",
     "/failed.en.txt:1:19: unknown filter \"uper\", did you mean \"upper\"?"},
    {"fault in the body", "failed.en.txt", "Subject: x\n\na\n{{ b | uper }}",
     "/failed.en.txt:4:8: unknown filter \"uper\", did you mean \"upper\"?"},
    {"fault only when rendered", "failed.en.txt", "Subject: x\n\n{{ nosuch.name }}",
     "/failed.en.txt:3:11: attribute \"name\" of an undefined value"},
    {"fault only where little is known", "failed.en.txt",
     "Subject: x\n\n{{ original.subject | length }}",
     "/failed.en.txt:3:23: an undefined value has no length"},
    {"misspelt name", "fialed.en.txt", "Subject: x\n\nbody",
     "/fialed.en.txt: no notice has this text; the names are failed.en.txt and expired.en.txt"},
};

START_TEST(refuses_bad_files)
{
    g_autoptr(GError) error = NULL;

    ck_assert_msg(load(bad[_i].name, bad[_i].text, &error) == NULL, "%s", bad[_i].label);
    ck_assert_msg(g_str_has_suffix(error->message, bad[_i].message), "%s: %s", bad[_i].label,
                  error->message);
}
END_TEST

START_TEST(refuses_a_directory_that_is_not_there)
{
    g_autoptr(GError) error = NULL;

    ck_assert_ptr_null(dsn_catalog_new("/nonexistent/templates", limits, &error));
    ck_assert(error->domain == G_FILE_ERROR);
}
END_TEST

START_TEST(takes_the_file_of_a_directory)
{
    json_auto_t *context = make_context(false);
    DsnTemplateInput input = {context, NULL, NULL};
    g_autoptr(GString) subject = g_string_new("s:"), body = g_string_new("b:");
    g_autoptr(GString) other = g_string_new(NULL), text = g_string_new(NULL);
    g_autoptr(DsnCatalog) catalog =
        load("failed.en.txt", "subject: To {{ sender }}\r\n\r\nHello\r\n{{ hostname }}\r\n", NULL);

    ck_assert_ptr_nonnull(catalog);
    ck_assert(dsn_catalog_render(catalog, DSN_OCCASION_BOUNCE, &input, subject, body, NULL));
    ck_assert_str_eq(subject->str, "s:To ann@example.org");
    ck_assert_str_eq(body->str, "b:Hello\nmta1.example.com\n");
    ck_assert(dsn_catalog_render(catalog, DSN_OCCASION_EXPIRATION, &input, other, text, NULL));
    ck_assert_str_eq(other->str, "Not delivered in time: Dinner?");
    g_string_truncate(other, 0);
    ck_assert(dsn_catalog_render_shipped(catalog, DSN_OCCASION_BOUNCE, &input, other, text, NULL));
    ck_assert_str_eq(other->str, "Not delivered: Dinner?");
}
END_TEST

START_TEST(wraps_the_shipped_text)
{
    json_auto_t *context = make_context(true);
    DsnTemplateInput input = {context, NULL, NULL};
    g_autoptr(GString) subject = g_string_new(NULL), body = g_string_new(NULL);
    g_autoptr(GString) shipped_body = g_string_new(NULL);
    g_autoptr(DsnCatalog) catalog =
        load("failed.en.txt", "Subject: x\n\nFirst.\n{{ default_text }}Last.\n", NULL);

    ck_assert_ptr_nonnull(catalog);
    ck_assert(dsn_catalog_render(catalog, DSN_OCCASION_BOUNCE, &input, subject, body, NULL));
    ck_assert(dsn_catalog_render_shipped(catalog, DSN_OCCASION_BOUNCE, &input, subject,
                                         shipped_body, NULL));
    g_autofree char *expected = g_strdup_printf("First.\n%sLast.\n", shipped_body->str);
    ck_assert_str_eq(body->str, expected);
}
END_TEST

START_TEST(makes_the_subject_one_line)
{
    json_auto_t *context = make_context(false);
    DsnTemplateInput input = {context, NULL, NULL};
    g_autoptr(GString) subject = g_string_new(NULL), body = g_string_new(NULL);
    g_autoptr(DsnCatalog) catalog =
        load("failed.en.txt", "Subject: \n\n{{ original.subject }}{% set x = 1 %}", NULL);
    g_autoptr(DsnCatalog) folded = load(
        "failed.en.txt",
        "Subject: {{ '\\r\\n a\\n\\tb\\r\\nX-Evil: 1\\u2028\\u0085c\\u0007 ' }}\n\nbody", NULL);

    ck_assert_ptr_nonnull(catalog);
    ck_assert(dsn_catalog_render(catalog, DSN_OCCASION_BOUNCE, &input, subject, body, NULL));
    ck_assert_str_eq(subject->str, "");
    ck_assert_ptr_nonnull(folded);
    ck_assert(dsn_catalog_render(folded, DSN_OCCASION_BOUNCE, &input, subject, body, NULL));
    ck_assert_str_eq(subject->str, "a b X-Evil: 1 c");
}
END_TEST

START_TEST(leaves_both_buffers_alone_on_failure)
{
    json_auto_t *context = json_pack("{s:s}", "recipients", "none of these");
    DsnTemplateInput input = {context, NULL, NULL};
    g_autoptr(GString) subject = g_string_new("s"), body = g_string_new("b");
    g_autoptr(GError) error = NULL;
    g_autoptr(DsnCatalog) catalog =
        load("failed.en.txt", "Subject: x\n\ntext {{ original.subject }}", NULL);

    ck_assert_ptr_nonnull(catalog);
    ck_assert(!dsn_catalog_render(catalog, DSN_OCCASION_BOUNCE, &input, subject, body, &error));
    ck_assert(g_error_matches(error, DSN_TEMPLATE_ERROR, DSN_TEMPLATE_ERROR_UNDEFINED));
    ck_assert_str_eq(subject->str, "s");
    ck_assert_str_eq(body->str, "b");
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("catalog");
    TCase *tc = tcase_create("core");

    tcase_add_loop_test(tc, renders_the_shipped_texts, 0, G_N_ELEMENTS(shipped));
    tcase_add_loop_test(tc, refuses_bad_files, 0, G_N_ELEMENTS(bad));
    tcase_add_test(tc, refuses_a_directory_that_is_not_there);
    tcase_add_test(tc, takes_the_file_of_a_directory);
    tcase_add_test(tc, wraps_the_shipped_text);
    tcase_add_test(tc, makes_the_subject_one_line);
    tcase_add_test(tc, leaves_both_buffers_alone_on_failure);
    suite_add_tcase(suite, tc);
    return suite;
}
