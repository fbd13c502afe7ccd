/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/classification.h"

#include <glib/gstdio.h>

#include "tests/support/unit.h"

#define RULES                                                 \
    "[rules]\n"                                               \
    "InvalidRecipient = ['^5\\d\\d 5\\.1\\.1 ']\n"            \
    "Complaint = ['^250 $']\n"                                \
    "\"Owner \\\"quoted\\\" \xc3\xa4\" = ['in two lines$']\n" \
    "Expired = ['^551 5\\.4\\.7 Next delivery']\n"

static struct {
    char *path;
    DsnMetrics metrics;
} fixture;

static void
setup(void)
{
    int fd = g_file_open_tmp("dsnarf-XXXXXX.toml", &fixture.path, NULL);

    ck_assert_int_ge(fd, 0);
    ck_assert(g_close(fd, NULL));
    ck_assert(g_file_set_contents(fixture.path, RULES, -1, NULL));
    fixture.metrics = (DsnMetrics){.reasons = {0}};
}

static void
teardown(void)
{
    ck_assert_int_eq(g_unlink(fixture.path), 0);
    g_free(fixture.path);
}

/* @types are separated by spaces. */
static DsnClassification *
load(const char *types, bool with_rules, bool replace)
{
    g_autoptr(GPtrArray) files = g_ptr_array_new();
    g_autoptr(GPtrArray) list = g_ptr_array_new();
    g_auto(GStrv) words = g_strsplit(types, " ", -1);
    g_autoptr(GError) error = NULL;

    for (char **word = words; *word != NULL; word++)
        g_ptr_array_add(list, *word);
    if (with_rules)
        g_ptr_array_add(files, fixture.path);
    DsnClassification *classification =
        dsn_classification_new(&(DsnClassificationOptions){.files = files,
                                                           .types = list,
                                                           .replace = replace,
                                                           .cache_size = 10,
                                                           .match_limit = 100000},
                               &error);
    ck_assert_msg(classification != NULL, "%s", error == NULL ? "" : error->message);
    return classification;
}

static const struct {
    const char *type, *response, *before;
    const char *types;
    bool replace;
    const char *after;
    unsigned asked;
} rows[] = {
    {"OOB", "550,\"enhanced_code\":{\"class\":5,\"subject\":1,\"detail\":1},\"content\":\"no\"",
     "Uncategorized", "OOB Feedback", false, "InvalidRecipient", 1},
    {"OOB", "550,\"enhanced_code\":null,\"content\":\"5.1.1 no\"", "Uncategorized", "OOB", false,
     "InvalidRecipient", 1},
    {"Feedback", "250,\"content\":\"\"", "", "OOB Feedback", false, "Complaint", 1},
    {"Feedback", "250,\"content\":\"\"", "Uncategorized", "OOB", false, "Uncategorized", 0},
    {"Bounce", "554,\"content\":\"it says\\r\\nin two lines\"", "Uncategorized", "Bounce", false,
     "Owner \"quoted\" \xc3\xa4", 1},
    {"Bounce", "250,\"content\":\"\"", "SpamBlock", "Bounce", false, "SpamBlock", 0},
    {"Bounce", "250,\"content\":\"\"", "SpamBlock", "Bounce", true, "Complaint", 1},
    {"Bounce", "555,\"content\":\"who knows\"", "SpamBlock", "Bounce", true, "Uncategorized", 1},
    {"Expiration",
     "551,\"enhanced_code\":{\"class\":5,\"subject\":4,\"detail\":7},\"content\":\"Next delivery\"",
     "", "Expiration", false, "Expired", 1},
};

START_TEST(a_record_gets_its_class)
{
    g_autoptr(DsnClassification) classification = load(rows[_i].types, true, rows[_i].replace);
    g_autofree char *json = g_strdup_printf(
        "{\"type\":\"%s\",\"id\":\"1\",\"sender\":\"\",\"recipient\":\"r@c.example\",\"queue\":"
        "\"\",\"site\":\"\",\"size\":0,\"response\":{\"code\":%s},\"timestamp\":1,\"created\":1,"
        "\"num_attempts\":0,\"bounce_classification\":\"%s\",\"meta\":{},\"headers\":{}}",
        rows[_i].type, rows[_i].response, rows[_i].before);
    g_autoptr(GError) error = NULL;
    g_autoptr(DsnRecord) record = dsn_record_parse(dsn_span(json), 10000, &error);

    ck_assert_msg(record != NULL, "%s", error == NULL ? "" : error->message);
    dsn_classification_apply(classification, record, &fixture.metrics);
    ck_assert_str_eq(json_string_value(json_object_get(record->json, "bounce_classification")),
                     rows[_i].after);
    bool none = strcmp(rows[_i].after, "Uncategorized") == 0;
    ck_assert_uint_eq(dsn_metrics_get(&fixture.metrics, DSN_COUNT_CLASSIFIED),
                      none ? 0 : rows[_i].asked);
    ck_assert_uint_eq(dsn_metrics_get(&fixture.metrics, DSN_COUNT_UNCATEGORIZED),
                      none ? rows[_i].asked : 0);
}
END_TEST

START_TEST(without_rules_nothing_is_touched)
{
    g_autoptr(DsnClassification) classification = load("OOB", false, true);
    const char *class_ =
        dsn_classification_find(classification, DSN_RECORD_OOB, 550, (DsnStatusCode){5, 1, 1},
                                dsn_span("no"), &fixture.metrics);

    ck_assert_str_eq(class_, "Uncategorized");
    class_ = dsn_classification_find(NULL, DSN_RECORD_OOB, 550, (DsnStatusCode){5, 1, 1},
                                     dsn_span("no"), NULL);
    ck_assert_str_eq(class_, "Uncategorized");
    ck_assert_uint_eq(dsn_metrics_get(&fixture.metrics, DSN_COUNT_UNCATEGORIZED), 0);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("classification");
    TCase *tcase = tcase_create("classification");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, a_record_gets_its_class, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, without_rules_nothing_is_touched);
    suite_add_tcase(suite, tcase);
    return suite;
}
