/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/socket-address.h"
#include "tests/support/unit.h"

#include <arpa/inet.h>

static const struct {
    const char *where;
    int family; /* AF_UNSPEC: it is refused */
    unsigned port;
} rows[] = {
    {"127.0.0.1:8025", AF_INET, 8025},
    {"0.0.0.0:0", AF_INET, 0},
    {"[::1]:8025", AF_INET6, 8025},
    {"[::]:65535", AF_INET6, 65535},
    {"unix:/run/x.sock", AF_UNIX, 0},
    {"", AF_UNSPEC, 0},
    {":", AF_UNSPEC, 0},
    {":8025", AF_UNSPEC, 0},
    {"8025", AF_UNSPEC, 0},
    {"localhost:8025", AF_UNSPEC, 0},
    {"127.0.0.1", AF_UNSPEC, 0},
    {"127.0.0.1:", AF_UNSPEC, 0},
    {"127.0.0.1:65536", AF_UNSPEC, 0},
    {"127.0.0.1:-1", AF_UNSPEC, 0},
    {"127.0.0.1: 1", AF_UNSPEC, 0},
    {"127.0.0.1:1:2", AF_UNSPEC, 0},
    {"::1:8025", AF_UNSPEC, 0},
    {"[::1:8025", AF_UNSPEC, 0},
    {"[]:8025", AF_UNSPEC, 0},
    {"]:8025", AF_UNSPEC, 0},
    {"[127.0.0.1]:8025", AF_UNSPEC, 0},
    {"unix:", AF_UNSPEC, 0},
    {"unix:run/x.sock", AF_UNSPEC, 0},
    {"/run/x.sock", AF_UNSPEC, 0},
};

START_TEST(reads_addresses)
{
    DsnSocketAddress address;
    const char *problem = dsn_socket_address_read(rows[_i].where, &address);

    ck_assert_msg((problem == NULL) == (rows[_i].family != AF_UNSPEC), "%s", rows[_i].where);
    ck_assert((dsn_socket_address_check(rows[_i].where) == NULL) == (problem == NULL));
    if (problem != NULL)
        return;
    ck_assert_int_eq(address.any.sa_family, rows[_i].family);
    if (rows[_i].family == AF_UNIX)
        ck_assert_str_eq(address.local.sun_path, rows[_i].where + strlen("unix:"));
    if (rows[_i].family == AF_INET)
        ck_assert_uint_eq(ntohs(address.v4.sin_port), rows[_i].port);
    if (rows[_i].family == AF_INET6)
        ck_assert_uint_eq(ntohs(address.v6.sin6_port), rows[_i].port);
}
END_TEST

START_TEST(bounds_the_path)
{
    g_autoptr(GString) where = g_string_new("unix:/");
    DsnSocketAddress address;

    while (where->len < strlen("unix:") + sizeof(address.local.sun_path) - 1)
        g_string_append_c(where, 'x');
    ck_assert_ptr_null(dsn_socket_address_read(where->str, &address));
    ck_assert_str_eq(address.local.sun_path, where->str + strlen("unix:"));
    g_string_append_c(where, 'x');
    ck_assert_ptr_nonnull(dsn_socket_address_read(where->str, &address));
}
END_TEST

START_TEST(reads_addresses_without_a_port)
{
    DsnSocketAddress address;
    g_autofree char *text = NULL;

    ck_assert(dsn_ip_address_read("192.0.2.1", &address));
    ck_assert_int_eq(address.any.sa_family, AF_INET);
    dsn_socket_address_set_port(&address, 2525);
    ck_assert_uint_eq(dsn_socket_address_port(&address), 2525);

    ck_assert(dsn_ip_address_read("2001:DB8::1", &address));
    ck_assert_int_eq(address.any.sa_family, AF_INET6);
    dsn_socket_address_set_port(&address, 65535);
    ck_assert_uint_eq(dsn_socket_address_port(&address), 65535);
    text = dsn_socket_address_host(&address);
    ck_assert_str_eq(text, "2001:db8::1");

    ck_assert(dsn_ip_address_check("192.0.2.1") == NULL);
    for (const char *const *bad = (const char *const[]){"", "192.0.2", "192.0.2.1:25", "[::1]",
                                                        "mx.example.com", "::1%eth0", NULL};
         *bad != NULL; bad++)
        ck_assert_msg(dsn_ip_address_check(*bad) != NULL, "%s", *bad);
}
END_TEST

START_TEST(a_unix_socket_has_no_port)
{
    DsnSocketAddress address;
    g_autofree char *text = NULL;

    ck_assert_ptr_null(dsn_socket_address_read("unix:/run/lmtp", &address));
    dsn_socket_address_set_port(&address, 25);
    ck_assert_uint_eq(dsn_socket_address_port(&address), 0);
    text = dsn_socket_address_host(&address);
    ck_assert_str_eq(text, "/run/lmtp");
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("socket-address");
    TCase *tcase = tcase_create("read");

    tcase_add_loop_test(tcase, reads_addresses, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, bounds_the_path);
    tcase_add_test(tcase, reads_addresses_without_a_port);
    tcase_add_test(tcase, a_unix_socket_has_no_port);
    suite_add_tcase(suite, tcase);
    return suite;
}
