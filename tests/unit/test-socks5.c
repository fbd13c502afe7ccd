/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/socks5.h"

#include "tests/support/unit.h"

#define BYTES(text)            \
    {                          \
        text, sizeof(text) - 1 \
    }

static const struct {
    const char *label;
    DsnSocks5Step step;
    DsnSpan answer;
    size_t missing;
    const char *problem; /* a part of it; NULL: none */
    bool login;
} rows[] = {
    {"nothing yet", DSN_SOCKS5_GREETED, BYTES(""), 2, NULL, false},
    {"half a greeting", DSN_SOCKS5_GREETED, BYTES("\x05"), 1, NULL, false},
    {"no proof needed", DSN_SOCKS5_GREETED, BYTES("\x05\x00"), 0, NULL, false},
    {"a password", DSN_SOCKS5_GREETED, BYTES("\x05\x02"), 0, NULL, true},
    {"another proof", DSN_SOCKS5_GREETED, BYTES("\x05\x01"), 0, "another proof", false},
    {"no method", DSN_SOCKS5_GREETED, BYTES("\x05\xff"), 0, "another proof", false},
    {"SOCKS4", DSN_SOCKS5_GREETED, BYTES("\x00\x5a"), 0, "no answer of a SOCKS5", false},
    {"HTTP", DSN_SOCKS5_GREETED, BYTES("HT"), 0, "no answer of a SOCKS5", false},
    {"a good login", DSN_SOCKS5_LOGGED_IN, BYTES("\x01\x00"), 0, NULL, false},
    {"a bad login", DSN_SOCKS5_LOGGED_IN, BYTES("\x01\x01"), 0, "refuses user name", false},
    {"no login", DSN_SOCKS5_LOGGED_IN, BYTES("\x05\x00"), 0, "no answer of a SOCKS5", false},
    {"nothing of a reply", DSN_SOCKS5_REQUESTED, BYTES(""), 2, NULL, false},
    {"a head without a length", DSN_SOCKS5_REQUESTED, BYTES("\x05\x00"), 3, NULL, false},
    {"IPv4 begun", DSN_SOCKS5_REQUESTED, BYTES("\x05\x00\x00\x01\x7f"), 5, NULL, false},
    {"IPv4", DSN_SOCKS5_REQUESTED, BYTES("\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x19"), 0, NULL,
     false},
    {"IPv6 begun", DSN_SOCKS5_REQUESTED, BYTES("\x05\x00\x00\x04\x20"), 17, NULL, false},
    {"a name begun", DSN_SOCKS5_REQUESTED, BYTES("\x05\x00\x00\x03\x05"), 7, NULL, false},
    {"the longest name", DSN_SOCKS5_REQUESTED, BYTES("\x05\x00\x00\x03\xff"), 257, NULL, false},
    {"a name", DSN_SOCKS5_REQUESTED, BYTES("\x05\x00\x00\x03\x01x\x00\x19"), 0, NULL, false},
    {"no name", DSN_SOCKS5_REQUESTED, BYTES("\x05\x00\x00\x03\x00\x00\x19"), 0, NULL, false},
    {"an unknown form", DSN_SOCKS5_REQUESTED, BYTES("\x05\x00\x00\x02\x00"), 0,
     "no answer of a SOCKS5", false},
    {"another version", DSN_SOCKS5_REQUESTED, BYTES("\x04\x00"), 0, "no answer of a SOCKS5", false},
    {"a failure", DSN_SOCKS5_REQUESTED, BYTES("\x05\x01"), 0, "the proxy failed", false},
    {"not allowed", DSN_SOCKS5_REQUESTED, BYTES("\x05\x02"), 0, "does not allow", false},
    {"refused", DSN_SOCKS5_REQUESTED, BYTES("\x05\x05\x00\x01"), 0, "connection was refused",
     false},
    {"the last known", DSN_SOCKS5_REQUESTED, BYTES("\x05\x08"), 0, "this kind of address", false},
    {"an unknown refusal", DSN_SOCKS5_REQUESTED, BYTES("\x05\x09"), 0, "no known reason", false},
};

START_TEST(reads_answers)
{
    const char *problem;
    bool login;
    size_t missing = dsn_socks5_missing(rows[_i].step, rows[_i].answer, &problem, &login);

    ck_assert_msg(missing == rows[_i].missing, "%s: %zu", rows[_i].label, missing);
    ck_assert_msg((problem == NULL) == (rows[_i].problem == NULL), "%s: %s", rows[_i].label,
                  problem);
    ck_assert_msg(problem == NULL || strstr(problem, rows[_i].problem) != NULL, "%s: %s",
                  rows[_i].label, problem);
    ck_assert_msg(login == rows[_i].login, "%s", rows[_i].label);
}
END_TEST

START_TEST(writes_what_is_asked)
{
    g_autoptr(GString) bytes = g_string_new(NULL);
    DsnSocketAddress address;

    dsn_socks5_greet(bytes, false);
    dsn_assert_bytes(bytes->str, bytes->len, "\x05\x01\x00", 3);
    g_string_truncate(bytes, 0);
    dsn_socks5_greet(bytes, true);
    dsn_assert_bytes(bytes->str, bytes->len, "\x05\x02\x00\x02", 4);
    g_string_truncate(bytes, 0);
    dsn_socks5_log_in(bytes, "user", "pw");
    dsn_assert_bytes(bytes->str, bytes->len,
                     "\x01\x04"
                     "user\x02pw",
                     9);
    g_string_truncate(bytes, 0);
    ck_assert(dsn_socket_address_read("192.0.2.1:25", &address) == NULL);
    dsn_socks5_request(bytes, DSN_SOCKS5_CONNECT, &address);
    dsn_assert_bytes(bytes->str, bytes->len, "\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x19", 10);
    g_string_truncate(bytes, 0);
    ck_assert(dsn_ip_address_read("2001:db8::1", &address));
    dsn_socks5_request(bytes, DSN_SOCKS5_BIND, &address);
    dsn_assert_bytes(bytes->str, bytes->len,
                     "\x05\x02\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\0\0", 22);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("socks5");
    TCase *tcase = tcase_create("socks5");

    tcase_add_loop_test(tcase, reads_answers, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, writes_what_is_asked);
    suite_add_tcase(suite, tcase);
    return suite;
}
