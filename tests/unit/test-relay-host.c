/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/relay-host.h"

#include "tests/support/unit.h"

#define REFUSED ((DsnRelayHostKind)-1)

static const struct {
    const char *text;
    DsnRelayHostKind kind;
    const char *name, *address; /* @address NULL: there is none */
    unsigned port;
} rows[] = {
    {"mx.example.com", DSN_RELAY_NAME, "mx.example.com", NULL, 0},
    {"mx.example.com:2525", DSN_RELAY_NAME, "mx.example.com", NULL, 2525},
    {"localhost:1", DSN_RELAY_NAME, "localhost", NULL, 1},
    {"xn--mller-kva.example", DSN_RELAY_NAME, "xn--mller-kva.example", NULL, 0},
    {"192.0.2.1", DSN_RELAY_ADDRESS, "192.0.2.1", "192.0.2.1", 0},
    {"192.0.2.1:10026", DSN_RELAY_ADDRESS, "192.0.2.1", "192.0.2.1", 10026},
    {"[192.0.2.1]", DSN_RELAY_ADDRESS, "192.0.2.1", "192.0.2.1", 0},
    {"[192.0.2.1]:25", DSN_RELAY_ADDRESS, "192.0.2.1", "192.0.2.1", 25},
    {"[2001:db8::1]", DSN_RELAY_ADDRESS, "2001:db8::1", "2001:db8::1", 0},
    {"[2001:db8::1]:25", DSN_RELAY_ADDRESS, "2001:db8::1", "2001:db8::1", 25},
    {"mx.example.com[10.0.0.1]", DSN_RELAY_ADDRESS, "mx.example.com", "10.0.0.1", 0},
    {"mx.example.com[::1]:65535", DSN_RELAY_ADDRESS, "mx.example.com", "::1", 65535},
    {"mx:example.com", DSN_RELAY_MX, "example.com", NULL, 0},
    {"mx:example.com:2525", DSN_RELAY_MX, "example.com", NULL, 2525},
    {"unix:/run/lmtp", DSN_RELAY_UNIX, "unix:/run/lmtp", "/run/lmtp", 0},
    {"", REFUSED, NULL, NULL, 0},
    {":25", REFUSED, NULL, NULL, 0},
    {"[]", REFUSED, NULL, NULL, 0},
    {"[", REFUSED, NULL, NULL, 0},
    {"]", REFUSED, NULL, NULL, 0},
    {"mx.example.com:", REFUSED, NULL, NULL, 0},
    {"mx.example.com:0", REFUSED, NULL, NULL, 0},
    {"mx.example.com:65536", REFUSED, NULL, NULL, 0},
    {"mx.example.com:smtp", REFUSED, NULL, NULL, 0},
    {"mx.example.com[10.0.0.1", REFUSED, NULL, NULL, 0},
    {"mx.example.com[10.0.0.1]x", REFUSED, NULL, NULL, 0},
    {"mx.example.com[10.0.0.1]25", REFUSED, NULL, NULL, 0},
    {"mx.example.com[]", REFUSED, NULL, NULL, 0},
    {"mx.example.com:25[10.0.0.1]", REFUSED, NULL, NULL, 0},
    {"2001:db8::1", REFUSED, NULL, NULL, 0},
    {"2001:db8::1:25", REFUSED, NULL, NULL, 0},
    {"[mx.example.com]:25", REFUSED, NULL, NULL, 0},
    {"10.1", REFUSED, NULL, NULL, 0},
    {"300.1.1.1:25", REFUSED, NULL, NULL, 0},
    {"m x:25", REFUSED, NULL, NULL, 0},
    {"-mx.example.com", REFUSED, NULL, NULL, 0},
    {"mx..example.com", REFUSED, NULL, NULL, 0},
    {"m\xc3\xbcller.example:25", REFUSED, NULL, NULL, 0},
    {"mx:", REFUSED, NULL, NULL, 0},
    {"mx:192.0.2.1", REFUSED, NULL, NULL, 0},
    {"mx:[192.0.2.1]", REFUSED, NULL, NULL, 0},
    {"unix:lmtp", REFUSED, NULL, NULL, 0},
    {"unix:", REFUSED, NULL, NULL, 0},
};

START_TEST(reads_every_form)
{
    DsnRelayHost host;
    bool read = dsn_relay_host_read(rows[_i].text, &host) == NULL;

    ck_assert_msg(read == (rows[_i].kind != REFUSED), "%s", rows[_i].text);
    ck_assert((dsn_relay_host_check(rows[_i].text) == NULL) == read);
    if (!read)
        return;
    ck_assert_int_eq(host.kind, rows[_i].kind);
    dsn_assert_span(host.name, rows[_i].name, rows[_i].text);
    ck_assert_uint_eq(host.port, rows[_i].port);
    if (rows[_i].address != NULL) {
        g_autofree char *address = dsn_socket_address_host(&host.address);

        ck_assert_str_eq(address, rows[_i].address);
        ck_assert_uint_eq(dsn_socket_address_port(&host.address), rows[_i].port);
    }
}
END_TEST

START_TEST(says_what_is_wrong)
{
    ck_assert(strstr(dsn_relay_host_check("2001:db8::1"), "brackets") != NULL);
    ck_assert(strstr(dsn_relay_host_check("m\xc3\xbcller.example"), "xn--") != NULL);
    ck_assert(strstr(dsn_relay_host_check("[mx.example.com]"), "an address") != NULL);
    ck_assert(strstr(dsn_relay_host_check("m x"), "mx.example.com:25") != NULL);
}
END_TEST

static const struct {
    const char *name, *addr;
    const char *text; /* NULL: it is refused, and the complaint says @word */
    const char *word;
} tables[] = {
    {"mx.example.com", "10.0.0.1", "mx.example.com[10.0.0.1]", NULL},
    {"mx.example.com", "10.0.0.1:2525", "mx.example.com[10.0.0.1]:2525", NULL},
    {"mx.example.com", "2001:db8::1", "mx.example.com[2001:db8::1]", NULL},
    {"mx.example.com", "[2001:db8::1]", "mx.example.com[2001:db8::1]", NULL},
    {"mx.example.com", "[2001:db8::1]:26", "mx.example.com[2001:db8::1]:26", NULL},
    {"mx.example.com", NULL, NULL, "the keys name and addr"},
    {NULL, "10.0.0.1", NULL, "the keys name and addr"},
    {"mx.example.com:25", "10.0.0.1", NULL, "name: expected"},
    {"10.0.0.1", "10.0.0.1", NULL, "name: expected"},
    {"mx.example.com", "mx.example.com", NULL, "addr: expected an address"},
    {"mx.example.com", "unix:/x", NULL, "addr: expected an address"},
    {"mx.example.com", "", NULL, "addr: expected an address"},
};

START_TEST(makes_text_of_a_table)
{
    json_auto_t *table = json_object();
    g_autoptr(GString) complaint = g_string_new(NULL);

    if (tables[_i].name != NULL)
        json_object_set_new(table, "name", json_string(tables[_i].name));
    if (tables[_i].addr != NULL)
        json_object_set_new(table, "addr", json_string(tables[_i].addr));
    g_autofree char *text = dsn_relay_host_compose(table, complaint);
    ck_assert_msg(g_strcmp0(text, tables[_i].text) == 0, "%s: %s", tables[_i].addr, text);
    if (text != NULL)
        ck_assert_ptr_null(dsn_relay_host_check(text));
    else
        ck_assert_msg(strstr(complaint->str, tables[_i].word) != NULL, "%s", complaint->str);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("relay-host");
    TCase *tcase = tcase_create("read");

    tcase_add_loop_test(tcase, reads_every_form, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, says_what_is_wrong);
    tcase_add_loop_test(tcase, makes_text_of_a_table, 0, G_N_ELEMENTS(tables));
    suite_add_tcase(suite, tcase);
    return suite;
}
