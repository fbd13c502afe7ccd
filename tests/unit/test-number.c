/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/number.h"
#include "tests/support/unit.h"

#include <sys/wait.h>
#include <unistd.h>

#define KEPT 4711

static const struct {
    const char *text;
    unsigned base;
    uint64_t least, most, number; /* KEPT: it is none */
} texts[] = {
    {"0", 10, 0, 9, 0},
    {"1", 10, 1, 65535, 1},
    {"65535", 10, 1, 65535, 65535},
    {"007", 10, 0, 9, 7},
    {"660", 8, 0, 0777, 0660},
    {"18446744073709551615", 10, 0, UINT64_MAX, UINT64_MAX},
    {"18446744073709551616", 10, 0, UINT64_MAX, KEPT},
    {"99999999999999999999999", 10, 0, UINT64_MAX, KEPT},
    {"65536", 10, 1, 65535, KEPT},
    {"0", 10, 1, 65535, KEPT},
    {"8", 8, 0, 0777, KEPT},
    {"", 10, 0, 9, KEPT},
    {" 1", 10, 0, 9, KEPT},
    {"+1", 10, 0, 9, KEPT},
    {"-1", 10, 0, 9, KEPT},
    {"1 ", 10, 0, 9, KEPT},
    {"1\n", 10, 0, 9, KEPT},
    {"a", 10, 0, 9, KEPT},
    {"1\xff", 10, 0, 99, KEPT},
};

START_TEST(digits_and_nothing_else)
{
    uint64_t number = KEPT;
    bool read =
        dsn_number_read(texts[_i].text, texts[_i].base, texts[_i].least, texts[_i].most, &number);

    ck_assert_uint_eq(number, texts[_i].number);
    ck_assert_int_eq(read, texts[_i].number != KEPT);
}
END_TEST

static gint started;

static gpointer
read_port(gpointer user)
{
    uint64_t port = 0;

    (void)user;
    while (g_atomic_int_get(&started) == 0)
        continue;
    return dsn_number_read("43473", 10, 1, 65535, &port) && port == 43473 ? NULL : &started;
}

static int
read_together(void)
{
    GThread *threads[4];
    int failures = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("reader", read_port, NULL);
    g_atomic_int_set(&started, 1);
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        failures += g_thread_join(threads[i]) != NULL;
    return failures;
}

/* What a library sets up at its first call is set up by one thread while the others wait: in each
 * of these processes it is the first call. */
START_TEST(the_first_of_many_threads)
{
    for (int i = 0; i < 200; i++) {
        pid_t child = fork();
        int status = -1;

        if (child == 0)
            _exit(read_together());
        ck_assert_int_gt(child, 0);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_int_eq(status, 0);
    }
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("number");
    TCase *tcase = tcase_create("number");

    tcase_add_loop_test(tcase, digits_and_nothing_else, 0, G_N_ELEMENTS(texts));
    tcase_add_test(tcase, the_first_of_many_threads);
    suite_add_tcase(suite, tcase);
    return suite;
}
