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

static const struct {
    const char *where, *host; /* @host NULL: it is refused */
    unsigned port;
} hosts[] = {
    {"mx.example.com:25", "mx.example.com", 25},
    {"localhost:1", "localhost", 1},
    {"192.0.2.1:10026", "192.0.2.1", 10026},
    {"[2001:db8::1]:25", "2001:db8::1", 25},
    {"mx.example.com", NULL, 0},
    {"mx.example.com:0", NULL, 0},
    {"mx.example.com:65536", NULL, 0},
    {"mx.example.com:smtp", NULL, 0},
    {"2001:db8::1:25", NULL, 0},
    {"[mx.example.com]:25", NULL, 0},
    {"[192.0.2.1]:25", NULL, 0},
    {":25", NULL, 0},
    {"", NULL, 0},
    {"m x:25", NULL, 0},
    {"m\xc3\xbcller.example:25", NULL, 0},
};

START_TEST(splits_hosts)
{
    DsnSpan host;
    unsigned port;
    bool split = dsn_host_split(hosts[_i].where, &host, &port);

    ck_assert_msg(split == (hosts[_i].host != NULL), "%s", hosts[_i].where);
    ck_assert((dsn_host_check(hosts[_i].where) == NULL) == split);
    if (split) {
        dsn_assert_span(host, hosts[_i].host, hosts[_i].where);
        ck_assert_uint_eq(port, hosts[_i].port);
    }
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("socket-address");
    TCase *tcase = tcase_create("read");

    tcase_add_loop_test(tcase, reads_addresses, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, bounds_the_path);
    tcase_add_loop_test(tcase, splits_hosts, 0, G_N_ELEMENTS(hosts));
    suite_add_tcase(suite, tcase);
    return suite;
}
