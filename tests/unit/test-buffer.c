/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/buffer.h"

#include "tests/support/unit.h"

#define KEPT 1000

START_TEST(room_is_kept_up_to_a_limit)
{
    GString *buffer = g_string_new("small");
    const char *room = buffer->str;

    dsn_buffer_empty(&buffer, KEPT);
    ck_assert_uint_eq(buffer->len, 0);
    ck_assert_ptr_eq(buffer->str, room);
    g_string_set_size(buffer, KEPT + 1);
    dsn_buffer_empty(&buffer, KEPT);
    ck_assert_uint_eq(buffer->len, 0);
    ck_assert_uint_le(buffer->allocated_len, KEPT);
    (void)g_string_free(buffer, TRUE);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("buffer");
    TCase *tcase = tcase_create("buffer");

    tcase_add_test(tcase, room_is_kept_up_to_a_limit);
    suite_add_tcase(suite, tcase);
    return suite;
}
