/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/metrics.h"
#include "tests/support/unit.h"

/* Of one metric all lines stand together, behind its HELP and TYPE. */
START_TEST(the_text_is_in_order)
{
    DsnMetrics metrics = {0};
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GHashTable) series = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autofree char *name = NULL;

    dsn_metrics_write(&metrics, text);
    g_auto(GStrv) lines = g_strsplit(text->str, "\n", -1);
    for (char **line = lines; **line != '\0'; line++) {
        if (g_str_has_prefix(*line, "# HELP ")) {
            g_auto(GStrv) words = g_strsplit(*line, " ", 4);

            g_free(name);
            name = g_strdup(words[2]);
            ck_assert_msg(g_hash_table_add(names, g_strdup(name)), "%s stands apart", name);
            line++;
            ck_assert(g_str_has_prefix(*line, "# TYPE ") && strstr(*line, name) != NULL);
            continue;
        }
        ck_assert_msg(g_str_has_prefix(*line, name), "%s under %s", *line, name);
        ck_assert_msg(g_str_has_suffix(*line, " 0"), "%s", *line);
        ck_assert_msg(g_hash_table_add(series, *line), "%s twice", *line);
    }
    ck_assert_uint_eq(g_hash_table_size(series),
                      DSN_N_COUNTERS + DSN_N_REASONS - 1 + DSN_N_DEFECT_KINDS);
}
END_TEST

START_TEST(counts)
{
    DsnMetrics metrics = {0};
    g_autoptr(GString) text = g_string_new(NULL);

    dsn_metrics_add(&metrics, DSN_COUNT_NOTICES_SENT, 2);
    dsn_metrics_add(&metrics, DSN_COUNT_NOTICES_SENT, 3);
    dsn_metrics_reason(&metrics, DSN_REASON_NULL_SENDER, 7);
    dsn_metrics_write(&metrics, text);
    dsn_metrics_defects(&metrics, 1u << DSN_DEFECT_BAD_DATE | 1u << DSN_DEFECT_LIMIT);
    g_string_truncate(text, 0);
    dsn_metrics_write(&metrics, text);
    ck_assert_ptr_nonnull(strstr(text->str, "\ndsnarf_defects_total{kind=\"bad-date\"} 1\n"));
    ck_assert_ptr_nonnull(strstr(text->str, "\ndsnarf_defects_total{kind=\"bad-field\"} 0\n"));
    ck_assert_ptr_nonnull(strstr(text->str, "\ndsnarf_defects_total{kind=\"limit\"} 1\n"));
    dsn_metrics_write_gauge_head(text, "ages", "Ages");
    dsn_metrics_write_gauge_of(text, "ages", "of", "a\"b\\c\nd", 2);
    ck_assert(g_str_has_suffix(text->str, "\ndsnarf_ages{of=\"a\\\"b\\\\c\\nd\"} 2\n"));
    dsn_metrics_write_gauge(text, "entries", "Entries", 1.5);
    ck_assert_uint_eq(dsn_metrics_get(&metrics, DSN_COUNT_NOTICES_SENT), 5);
    ck_assert_ptr_nonnull(strstr(text->str, "\ndsnarf_notices_total{event=\"sent\"} 5\n"));
    ck_assert_ptr_nonnull(strstr(text->str, "{reason=\"null-sender\"} 7\n"));
    ck_assert(g_str_has_suffix(
        text->str,
        "# HELP dsnarf_entries Entries\n# TYPE dsnarf_entries gauge\ndsnarf_entries 1.5\n"));
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("metrics");
    TCase *tcase = tcase_create("metrics");

    tcase_add_test(tcase, the_text_is_in_order);
    tcase_add_test(tcase, counts);
    suite_add_tcase(suite, tcase);
    return suite;
}
