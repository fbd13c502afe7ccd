/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/option-checks.h"

#include "filter/core/configuration.h"
#include "filter/core/number.h"
#include "filter/core/option-value.h"
#include "filter/core/socket-address.h"
#include "mime/address.h"

/* Of the name of a field: its first line is then shorter than 998 bytes whatever stands in it. */
#define TRACE_FIELD_MAX 64

const char *
dsn_option_check_host_name(const char *text)
{
    DsnSpan name = dsn_span(text);

    if (*text != '[' && dsn_text_is_ascii(name) && dsn_address_is_domain(name) &&
        !g_hostname_is_ip_address(text))
        return NULL;
    return "a host name in ASCII such as \"mta1.example.com\"";
}

const char *
dsn_option_check_from(const char *text)
{
    DsnSpan display, address;

    if (dsn_configuration_split(text, &display, &address))
        return NULL;
    return "an address such as \"postmaster@example.com\" or \"Name <postmaster@example.com>\"";
}

const char *
dsn_option_check_mailbox(const char *text)
{
    return dsn_address_is_mailbox(dsn_span(text)) ? NULL
                                                  : "an address such as \"postmaster@example.com\"";
}

/* Mail that is no SMTPUTF8 mail gets it into its header. */
const char *
dsn_option_check_ascii_mailbox(const char *text)
{
    return g_str_is_ascii(text) ? dsn_option_check_mailbox(text) : "an address in ASCII";
}

/* Once a message is so old, its delay is reported. */
const char *
dsn_option_check_delay(const char *text)
{
    GTimeSpan span;

    return dsn_duration_parse(text, &span) && span >= G_TIME_SPAN_MINUTE &&
                   span <= 100 * G_TIME_SPAN_DAY
               ? NULL
               : "a duration such as \"4 hours\" from 1min to 100d";
}

/* RFC 5646 section 2.1: subtags of up to eight letters and digits, the first of letters. */
const char *
dsn_option_check_language(const char *text)
{
    static const char expected[] = "a language tag such as \"de\" or \"pt-BR\"";
    size_t len = 0; /* of the subtag */
    bool first = true;

    for (const char *c = text;; c++) {
        if (*c == '-' || *c == '\0') {
            if (len == 0 || len > 8)
                return expected;
            if (*c == '\0')
                return NULL;
            first = false;
            len = 0;
        } else if (first ? g_ascii_isalpha(*c) : g_ascii_isalnum(*c)) {
            len++;
        } else {
            return expected;
        }
    }
}

/* What the kernel says: a look into the DNS could keep the start waiting. */
const char *
dsn_option_local_host(void)
{
    const char *name = g_get_host_name();

    return dsn_option_check_host_name(name) == NULL ? name : "localhost";
}

/* KumoMTA reads no record whose nodeid is anything else. */
const char *
dsn_option_check_uuid(const char *text)
{
    return g_uuid_string_is_valid(text) ? NULL : "a UUID such as \"" DSN_NIL_UUID "\"";
}

/* Where libmilter listens: its own words, so that they can be copied from other filters. */
const char *
dsn_option_check_milter_socket(const char *text)
{
    static const char expected[] = "\"unix:/path\", \"inet:8890@127.0.0.1\" or \"inet6:8890@::1\"";
    const char *rest = strchr(text, ':');
    guint64 port;

    if (rest++ == NULL)
        return expected;
    if (g_str_has_prefix(text, "unix:") || g_str_has_prefix(text, "local:"))
        return *rest == '/' ? NULL : expected;

    g_autofree char *digits = g_strndup(rest, strcspn(rest, "@"));
    bool named = rest[strlen(digits)] == '@' && rest[strlen(digits) + 1] != '\0';
    return (g_str_has_prefix(text, "inet:") || g_str_has_prefix(text, "inet6:")) && named &&
                   dsn_number_read(digits, 10, 1, 65535, &port)
               ? NULL
               : expected;
}

/* RFC 5321 section 4.1.1.1: a name, or an address in brackets where there is none. */
const char *
dsn_option_check_ehlo(const char *text)
{
    DsnSpan name = dsn_span(text);

    return dsn_text_is_ascii(name) && dsn_address_is_domain(name)
               ? NULL
               : "a host name in ASCII or an address in brackets such as \"[192.0.2.1]\"";
}

const char *
dsn_option_check_resolver(const char *text)
{
    DsnSocketAddress address;

    return dsn_socket_address_read(text, &address) == NULL && address.any.sa_family == AF_INET
               ? NULL
               : "an IPv4 address with a port such as \"127.0.0.1:53\"";
}

const char *
dsn_option_check_proxy(const char *text)
{
    DsnSocketAddress address;

    return dsn_socket_address_read(text, &address) == NULL && address.any.sa_family != AF_UNIX
               ? NULL
               : "an address with a port such as \"192.0.2.1:1080\" or \"[2001:db8::1]:1080\"";
}

/* RFC 1929 section 2. */
const char *
dsn_option_check_socks5_text(const char *text)
{
    return strlen(text) <= 255 ? NULL : "up to 255 bytes";
}

/* A token stands in a header field as it is. */
const char *
dsn_option_check_token(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (!g_ascii_isgraph(*c))
            return "a token of visible ASCII characters without spaces";
    }
    return NULL;
}

const char *
dsn_option_check_field_name(const char *text)
{
    return dsn_field_name_is_valid(text) ? NULL
                                         : "the name of a header field such as \"Authorization\"";
}

/* Where KumoMTA and we look for traces. */
const char *
dsn_option_check_trace_field(const char *text)
{
    return dsn_field_name_is_valid(text) && strchr(text, '-') == text + 1 && text[2] != '\0' &&
                   (*text == 'X' || *text == 'x') && strlen(text) <= TRACE_FIELD_MAX
               ? NULL
               : "the name of a header field that begins with \"X-\"";
}

/* Compared with what stands in a field, where anything can be quoted. */
const char *
dsn_option_check_authserv_id(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c <= ' ' || *c == 0x7f || strchr("();\"\\", *c) != NULL)
            return "the name in front of the results, such as \"mx.example.com\"";
    }
    return *text != '\0' ? NULL : "the name in front of the results, such as \"mx.example.com\"";
}

static const char *
check_domain(const char *text)
{
    return dsn_address_is_domain(dsn_span(text)) && *text != '['
               ? NULL
               : "a domain such as \"example.com\"";
}

const char *
dsn_option_check_reporter(const char *text)
{
    return check_domain(text) == NULL || dsn_address_is_mailbox(dsn_span(text))
               ? NULL
               : "a domain such as \"fbl.example.com\", or an address";
}

/* RFC 9110 section 5.5, without octets that few can read. */
const char *
dsn_option_check_field_value(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (!g_ascii_isgraph(*c) && (*c != ' ' || c == text || c[1] == '\0'))
            return "visible ASCII characters, and spaces only between them";
    }
    return NULL;
}

/* Where requests go to. What is secret does not belong into it: it stands in log lines. */
const char *
dsn_option_check_url(const char *text)
{
    static const char expected[] =
        "an address such as \"https://app.example/events\", without a user's name or \"#\"";
    g_autoptr(GUri) url = g_uri_parse(text, G_URI_FLAGS_ENCODED, NULL);
    const char *scheme = url == NULL ? "" : g_uri_get_scheme(url);
    const char *host = url == NULL ? NULL : g_uri_get_host(url);

    for (const char *c = text; *c != '\0'; c++) {
        if (!g_ascii_isgraph(*c))
            return expected;
    }
    return (strcmp(scheme, "https") == 0 || strcmp(scheme, "http") == 0) && host != NULL &&
                   *host != '\0' && g_uri_get_userinfo(url) == NULL &&
                   g_uri_get_fragment(url) == NULL
               ? NULL
               : expected;
}

const char *
dsn_option_check_proxy_url(const char *text)
{
    g_autoptr(GUri) proxy = g_uri_parse(text, G_URI_FLAGS_ENCODED, NULL);
    const char *host = proxy == NULL ? NULL : g_uri_get_host(proxy);

    return host != NULL && *host != '\0' && strcmp(g_uri_get_scheme(proxy), "socks5") == 0 &&
                   g_uri_get_port(proxy) > 0 && *g_uri_get_path(proxy) == '\0'
               ? NULL
               : "a SOCKS5 proxy such as \"socks5://10.0.0.1:1080\"";
}

const char *
dsn_option_check_rate(const char *text)
{
    guint64 count;
    GTimeSpan span;

    return dsn_rate_parse(text, &count, &span) ? NULL : "a rate such as \"1000/s\" or \"10/min\"";
}
