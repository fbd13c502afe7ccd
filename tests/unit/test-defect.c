/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/defect.h"
#include "tests/support/unit.h"

START_TEST(every_kind_has_its_own_token)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (int kind = 0; kind <= DSN_DEFECT_UNEXPECTED_ENCODING; kind++) {
        const char *token = dsn_defect_kind_to_string((DsnDefectKind)kind);

        ck_assert_msg(g_hash_table_add(seen, (gpointer)token), "%s stands twice", token);
        for (const char *c = token; *c != '\0'; c++)
            ck_assert_msg(g_ascii_islower(*c) || g_ascii_isdigit(*c) || *c == '-', "%s", token);
    }
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("defect");
    TCase *tcase = tcase_create("tokens");

    tcase_add_test(tcase, every_kind_has_its_own_token);
    suite_add_tcase(suite, tcase);
    return suite;
}
