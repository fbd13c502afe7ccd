/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/socks5.h"

#define VERSION 5
#define LOGIN_VERSION 1
#define NO_METHOD 0x00
#define PASSWORD_METHOD 0x02

/* How an address is given. */
#define IPV4 1
#define NAME 3
#define IPV6 4

/* Version, reply, reserved, form of the address, and its first byte, which of a name is its
 * length. */
#define HEAD ((size_t)5)
#define PORT ((size_t)2)

static void
append_byte(GString *bytes, unsigned value)
{
    g_string_append_c(bytes, (char)value);
}

void
dsn_socks5_greet(GString *bytes, bool with_password)
{
    append_byte(bytes, VERSION);
    append_byte(bytes, with_password ? 2 : 1);
    append_byte(bytes, NO_METHOD);
    if (with_password)
        append_byte(bytes, PASSWORD_METHOD);
}

static void
append_text(GString *bytes, const char *text)
{
    size_t len = MIN(strlen(text), 255);

    append_byte(bytes, (unsigned)len);
    g_string_append_len(bytes, text, (gssize)len);
}

void
dsn_socks5_log_in(GString *bytes, const char *username, const char *password)
{
    append_byte(bytes, LOGIN_VERSION);
    append_text(bytes, username);
    append_text(bytes, password);
}

void
dsn_socks5_request(GString *bytes, DsnSocks5Command command, const DsnSocketAddress *address)
{
    bool v4 = address->any.sa_family == AF_INET;
    in_port_t port = v4 ? address->v4.sin_port : address->v6.sin6_port;

    append_byte(bytes, VERSION);
    append_byte(bytes, command);
    append_byte(bytes, 0);
    append_byte(bytes, v4 ? IPV4 : IPV6);
    if (v4)
        g_string_append_len(bytes, (const char *)&address->v4.sin_addr, 4);
    else
        g_string_append_len(bytes, (const char *)&address->v6.sin6_addr, 16);
    g_string_append_len(bytes, (const char *)&port, sizeof(port));
}

/* RFC 1928 section 6. */
static const char *
refusal(unsigned reply)
{
    static const char *const texts[] = {
        NULL,
        "the proxy failed",
        "the proxy does not allow it",
        "the proxy cannot reach the network",
        "the proxy cannot reach the host",
        "the proxy's connection was refused",
        "the proxy's connection has expired",
        "the proxy does not know this command",
        "the proxy does not know this kind of address",
    };

    return reply < G_N_ELEMENTS(texts) ? texts[reply] : "the proxy refuses, for no known reason";
}

/* The length of the whole answer to a request, as far as @answer tells; 0: it is none. */
static size_t
request_length(DsnSpan answer)
{
    if (answer.len < HEAD)
        return HEAD;
    switch ((unsigned char)answer.data[3]) {
    case IPV4:
        return HEAD - 1 + 4 + PORT;
    case IPV6:
        return HEAD - 1 + 16 + PORT;
    case NAME:
        return HEAD + (unsigned char)answer.data[4] + PORT;
    default:
        return 0;
    }
}

/* A proxy that refuses may say no more than that, and hang up. */
static size_t
missing_of_request(DsnSpan answer, const char **ret_problem)
{
    if (answer.len >= 2 && answer.data[0] == VERSION && answer.data[1] != 0) {
        *ret_problem = refusal((unsigned char)answer.data[1]);
        return 0;
    }
    size_t whole = request_length(answer);
    if (whole == 0 || (answer.len > 0 && answer.data[0] != VERSION)) {
        *ret_problem = "no answer of a SOCKS5 proxy";
        return 0;
    }
    if (answer.len < 2)
        return 2 - answer.len;
    return answer.len < whole ? whole - answer.len : 0;
}

size_t
dsn_socks5_missing(DsnSocks5Step step, DsnSpan answer, const char **ret_problem, bool *ret_login)
{
    *ret_problem = NULL;
    *ret_login = false;
    if (step == DSN_SOCKS5_REQUESTED)
        return missing_of_request(answer, ret_problem);
    if (answer.len < 2)
        return 2 - answer.len;

    unsigned value = (unsigned char)answer.data[1];
    if (answer.data[0] != (step == DSN_SOCKS5_GREETED ? VERSION : LOGIN_VERSION))
        *ret_problem = "no answer of a SOCKS5 proxy";
    else if (step == DSN_SOCKS5_LOGGED_IN && value != 0)
        *ret_problem = "the proxy refuses user name and password";
    else if (step == DSN_SOCKS5_GREETED && value == PASSWORD_METHOD)
        *ret_login = true;
    else if (step == DSN_SOCKS5_GREETED && value != NO_METHOD)
        *ret_problem = "the proxy wants another proof of who we are";
    return 0;
}
