/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/text-table.h"
#include "tests/support/unit.h"

START_TEST(finds_what_was_added)
{
    g_autoptr(DsnTextTable) table = dsn_text_table_new();

    ck_assert_uint_eq(dsn_text_table_find(table, 0, DSN_SPAN_LITERAL("a")), 0);
    ck_assert_uint_eq(dsn_text_table_add(table, 0, DSN_SPAN_LITERAL("a"), 7), 7);
    ck_assert_uint_eq(dsn_text_table_add(table, 0, DSN_SPAN_LITERAL("a"), 8), 7); /* it stays */
    ck_assert_uint_eq(dsn_text_table_add(table, 1, DSN_SPAN_LITERAL("a"), 9), 9);
    ck_assert_uint_eq(dsn_text_table_add(table, 0, DSN_SPAN_LITERAL(""), 1), 1);
    ck_assert_uint_eq(dsn_text_table_add(table, 0, DSN_SPAN_LITERAL("a\0b"), 2), 2);
    ck_assert_uint_eq(dsn_text_table_find(table, 0, DSN_SPAN_LITERAL("a")), 7);
    ck_assert_uint_eq(dsn_text_table_find(table, 1, DSN_SPAN_LITERAL("a")), 9);
    ck_assert_uint_eq(dsn_text_table_find(table, 2, DSN_SPAN_LITERAL("a")), 0);
    ck_assert_uint_eq(dsn_text_table_find(table, 0, DSN_SPAN_ABSENT), 1);
    ck_assert_uint_eq(dsn_text_table_find(table, 0, DSN_SPAN_LITERAL("a\0b")), 2);
    ck_assert_uint_eq(dsn_text_table_find(table, 0, DSN_SPAN_LITERAL("a\0c")), 0);
    ck_assert_uint_eq(dsn_text_table_count(table, 0), 3);
    ck_assert_uint_eq(dsn_text_table_count(table, 1), 1);
    ck_assert_uint_eq(dsn_text_table_count(table, 7), 0);
}
END_TEST

START_TEST(grows)
{
    g_autoptr(DsnTextTable) table = dsn_text_table_new();

    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 1; i <= 100000; i++) {
            g_autofree char *text = g_strdup_printf("text %u", i);
            uint32_t found = round == 0 ? dsn_text_table_add(table, i % 8, dsn_span(text), i)
                                        : dsn_text_table_find(table, i % 8, dsn_span(text));

            ck_assert_uint_eq(found, i);
        }
    }
    ck_assert_uint_eq(dsn_text_table_count(table, 3), 12500);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("text-table");
    TCase *tcase = tcase_create("table");

    tcase_add_test(tcase, finds_what_was_added);
    tcase_add_test(tcase, grows);
    suite_add_tcase(suite, tcase);
    return suite;
}
