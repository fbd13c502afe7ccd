/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/span.h"
#include "tests/support/unit.h"

/* Each byte compares with each other as in GLib. */
START_TEST(compares_letters_in_either_case)
{
    for (int a = 0; a < 256; a++) {
        for (int b = 0; b < 256; b++) {
            const char left[] = {'x', (char)a}, right[] = {'X', (char)b};
            bool same = g_ascii_tolower((char)a) == g_ascii_tolower((char)b);

            ck_assert_msg(dsn_same_letters(left, right, 2) == same, "%d and %d", a, b);
        }
    }
    ck_assert(dsn_span_same(DSN_SPAN_LITERAL("Subject"), DSN_SPAN_LITERAL("SUBJECT")));
    ck_assert(!dsn_span_same(DSN_SPAN_LITERAL("Subject"), DSN_SPAN_LITERAL("Subjects")));
    ck_assert(dsn_span_same(DSN_SPAN_ABSENT, DSN_SPAN_LITERAL("")));
    ck_assert(dsn_span_starts(DSN_SPAN_LITERAL("MAILTO:x"), "mailto:"));
    ck_assert(!dsn_span_starts(DSN_SPAN_LITERAL("MAIL"), "mailto:"));
}
END_TEST

/* Each byte at each place of a text that is a little longer than two words. */
START_TEST(tells_printable_ascii)
{
    for (int byte = 0; byte < 256; byte++) {
        for (size_t at = 0; at < 19; at++) {
            char text[19];

            memset(text, at % 2 == 0 ? ' ' : '~', sizeof(text));
            text[at] = (char)byte;
            ck_assert_msg(dsn_span_is_plain((DsnSpan){text, sizeof(text)}) ==
                              (byte >= ' ' && byte <= '~'),
                          "%d at %zu", byte, at);
        }
    }
    ck_assert(dsn_span_is_plain(DSN_SPAN_ABSENT));
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("span");
    TCase *tcase = tcase_create("bytes");

    tcase_add_test(tcase, compares_letters_in_either_case);
    tcase_add_test(tcase, tells_printable_ascii);
    suite_add_tcase(suite, tcase);
    return suite;
}
