/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/network.h"
#include "tests/support/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

static struct sockaddr_storage
address_of(const char *text)
{
    struct sockaddr_storage address = {.ss_family = AF_UNIX};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;

    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
        address.ss_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
        address.ss_family = AF_INET6;
    return address;
}

static const struct {
    const char *networks, *address;
    bool match;
} rows[] = {
    {"", "192.0.2.1", false},
    {"192.0.2.1", "192.0.2.1", true},
    {"192.0.2.1", "192.0.2.2", false},
    {"192.0.2.1/32", "192.0.2.1", true},
    {"10.0.0.0/8", "10.255.255.255", true},
    {"10.0.0.0/8", "11.0.0.0", false},
    {"192.0.2.128/25", "192.0.2.127", false},
    {"192.0.2.128/25", "192.0.2.255", true},
    {"192.0.2.0/31", "192.0.2.1", true},
    {"192.0.2.0/31", "192.0.2.2", false},
    {"0.0.0.0/0", "255.255.255.255", true},
    {"0.0.0.0/0", "2001:db8::1", false},
    {"192.0.2.1 10.0.0.0/8", "10.1.2.3", true},
    {"::1", "::1", true},
    {"::1", "127.0.0.1", false},
    {"2001:db8::/32", "2001:db8:ffff::1", true},
    {"2001:db8::/32", "2001:db9::1", false},
    {"2001:db8::/33", "2001:db8:8000::", false},
    {"::/0", "2001:db8::1", true},
    /* an IPv4 address in either clothes */
    {"10.0.0.0/8", "::ffff:10.1.2.3", true},
    {"10.0.0.0/8", "::ffff:11.1.2.3", false},
    {"0.0.0.0/0", "::ffff:11.1.2.3", true},
    {"::ffff:10.0.0.0/104", "10.1.2.3", true},
    {"::ffff:10.0.0.0/104", "11.1.2.3", false},
    {"::/0", "192.0.2.1", false},
    {"::/0", "::ffff:192.0.2.1", false},
    {"10.0.0.0/8", "::10.1.2.3", false},
    {"0.0.0.0/0 ::/0", "unix", false},
};

START_TEST(matches_networks)
{
    g_auto(GStrv) pieces = g_strsplit(rows[_i].networks, " ", -1);
    g_autoptr(GPtrArray) texts = g_ptr_array_new();
    const struct sockaddr_storage address = address_of(rows[_i].address);

    for (char **piece = pieces; *piece != NULL; piece++)
        g_ptr_array_add(texts, *piece);
    g_autoptr(DsnNetworks) networks = dsn_networks_new(texts);
    ck_assert_msg(dsn_networks_match(networks, (const struct sockaddr *)&address) == rows[_i].match,
                  "%s: %s", rows[_i].networks, rows[_i].address);
}
END_TEST

static const struct {
    const char *network, *problem;
} checks[] = {
    {"10.0.0.0/8", NULL},
    {"10.0.0.1", NULL},
    {"::/0", NULL},
    {"2001:db8::/32", NULL},
    {"2001:DB8::1/128", NULL},
    {"", "a network such as"},
    {"localhost", "a network such as"},
    {"10.0.0/8", "a network such as"},
    {"10.0.0.0.0/8", "a network such as"},
    {"010.0.0.0/8", "a network such as"},
    {" 10.0.0.0/8", "a network such as"},
    {"fe80::1%lo", "a network such as"},
    {"[::1]", "a network such as"},
    {"10.0.0.0/", "0 to 32 bits"},
    {"10.0.0.0/33", "0 to 32 bits"},
    {"10.0.0.0/-1", "0 to 32 bits"},
    {"10.0.0.0/+8", "0 to 32 bits"},
    {"10.0.0.0/8 ", "0 to 32 bits"},
    {"10.0.0.0/8/8", "0 to 32 bits"},
    {"10.0.0.0/255.0.0.0", "0 to 32 bits"},
    {"10.0.0.0/18446744073709551624", "0 to 32 bits"},
    {"::/129", "0 to 128 bits"},
    {"10.0.0.1/8", "zero behind"},
    {"2001:db8::1/64", "zero behind"},
    {"192.0.2.129/25", "zero behind"},
};

START_TEST(says_what_is_no_network)
{
    const char *problem = dsn_network_check(checks[_i].network);

    if (checks[_i].problem == NULL)
        ck_assert_msg(problem == NULL, "%s: %s", checks[_i].network, problem);
    else
        ck_assert_msg(problem != NULL && strstr(problem, checks[_i].problem) != NULL, "%s: %s",
                      checks[_i].network, problem);
}
END_TEST

static const struct {
    const char *address;
    bool local;
} locals[] = {
    {"127.0.0.1", true},    {"127.255.255.255", true},
    {"128.0.0.1", false},   {"::1", true},
    {"::2", false},         {"::ffff:127.0.0.1", true},
    {"::127.0.0.1", false}, {"::ffff:10.0.0.1", false},
    {"unix", true},
};

START_TEST(knows_the_local_host)
{
    const struct sockaddr_storage address = address_of(locals[_i].address);

    ck_assert_msg(dsn_address_is_local((const struct sockaddr *)&address) == locals[_i].local, "%s",
                  locals[_i].address);
}
END_TEST

START_TEST(knows_only_these_families)
{
    const struct sockaddr other = {.sa_family = AF_UNSPEC};

    ck_assert(!dsn_address_is_local(&other));
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("network");
    TCase *tcase = tcase_create("match");

    tcase_add_loop_test(tcase, matches_networks, 0, G_N_ELEMENTS(rows));
    tcase_add_loop_test(tcase, says_what_is_no_network, 0, G_N_ELEMENTS(checks));
    tcase_add_loop_test(tcase, knows_the_local_host, 0, G_N_ELEMENTS(locals));
    tcase_add_test(tcase, knows_only_these_families);
    suite_add_tcase(suite, tcase);
    return suite;
}
