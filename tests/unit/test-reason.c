/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/reason.h"
#include "tests/support/unit.h"

START_TEST(every_reason_has_its_own_token)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    ck_assert_str_eq(dsn_reason_to_string(DSN_REASON_NONE), "");
    for (int reason = DSN_REASON_NONE + 1; reason < DSN_N_REASONS; reason++) {
        const char *token = dsn_reason_to_string((DsnReason)reason);

        ck_assert_msg(*token != '\0', "reason %d", reason);
        ck_assert_msg(g_hash_table_add(seen, (gpointer)token), "%s stands twice", token);
        for (const char *c = token; *c != '\0'; c++)
            ck_assert_msg(g_ascii_islower(*c) || *c == '-', "%s", token);
        ck_assert_msg(dsn_reason_in_words(token) != NULL, "%s has no words", token);
    }
    ck_assert_ptr_null(dsn_reason_in_words(""));
    ck_assert_ptr_null(dsn_reason_in_words("another"));
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("reason");
    TCase *tcase = tcase_create("tokens");

    tcase_add_test(tcase, every_reason_has_its_own_token);
    suite_add_tcase(suite, tcase);
    return suite;
}
