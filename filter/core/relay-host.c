/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/relay-host.h"

#include "filter/core/number.h"
#include "filter/core/toml.h"
#include "mime/address.h"

#include <arpa/inet.h>

#define MX_PREFIX "mx:"
#define EXPECTED                                                                       \
    "a host such as \"mx.example.com\", \"mx.example.com:25\", \"[2001:db8::1]:25\", " \
    "\"mx.example.com[192.0.2.1]\", \"mx:example.com\" or \"unix:/path\""

static const char *
check_name(DsnSpan name)
{
    const char *dot = name.len == 0 ? NULL : memrchr(name.data, '.', name.len);
    DsnSpan last = dot == NULL ? name : dsn_span_from(name, (size_t)(dot + 1 - name.data));
    bool digits = true;

    if (!dsn_text_is_ascii(name))
        return "a host name in ASCII, an internationalised one in its form with \"xn--\"";
    for (size_t i = 0; i < last.len; i++)
        digits = digits && g_ascii_isdigit(last.data[i]);
    /* what looks like half an address would be taken for one later: "10.1" */
    return !digits && *name.data != '[' && dsn_address_is_domain(name) ? NULL : EXPECTED;
}

/* Takes ":port" from the end of *@text. False if what is there is none. */
static bool
take_port(DsnSpan *text, unsigned *ret_port)
{
    const char *colon = text->len == 0 ? NULL : memrchr(text->data, ':', text->len);
    const char *bracket = text->len == 0 ? NULL : memrchr(text->data, ']', text->len);
    guint64 port;

    *ret_port = 0;
    if (colon == NULL || (bracket != NULL && bracket > colon))
        return true;
    g_autofree char *digits = g_strndup(colon + 1, text->len - (size_t)(colon + 1 - text->data));
    if (!dsn_number_read(digits, 10, 1, 65535, &port))
        return false;
    text->len = (size_t)(colon - text->data);
    *ret_port = (unsigned)port;
    return true;
}

static const char *
read_domain(DsnSpan text, DsnRelayHost *ret_host)
{
    if (!take_port(&text, &ret_host->port))
        return EXPECTED;
    ret_host->kind = DSN_RELAY_MX;
    ret_host->name = text;
    return check_name(text);
}

/* "[address]" or "name[address]". */
static const char *
read_bracketed(DsnSpan text, DsnRelayHost *ret_host)
{
    const char *open = memchr(text.data, '[', text.len);
    size_t before = (size_t)(open - text.data);

    if (text.data[text.len - 1] != ']')
        return EXPECTED;
    g_autofree char *address = g_strndup(open + 1, text.len - before - 2);
    if (!dsn_ip_address_read(address, &ret_host->address))
        return "an address between the brackets, as in \"[192.0.2.1]\" or \"[2001:db8::1]:25\"";
    ret_host->name = before > 0 ? (DsnSpan){text.data, before} : (DsnSpan){open + 1, text.len - 2};
    return before > 0 ? check_name(ret_host->name) : NULL;
}

const char *
dsn_relay_host_read(const char *text, DsnRelayHost *ret_host)
{
    DsnSpan rest = dsn_span(text);
    const char *problem = NULL;

    *ret_host = (DsnRelayHost){.kind = DSN_RELAY_UNIX, .name = rest};
    if (g_str_has_prefix(text, "unix:"))
        return dsn_socket_address_read(text, &ret_host->address);
    if (g_str_has_prefix(text, MX_PREFIX))
        return read_domain(dsn_span_from(rest, strlen(MX_PREFIX)), ret_host);
    if (dsn_ip_address_read(text, &ret_host->address) &&
        ret_host->address.any.sa_family == AF_INET6)
        return "brackets around an IPv6 address, as in \"[2001:db8::1]:25\"";
    if (!take_port(&rest, &ret_host->port))
        return EXPECTED;
    g_autofree char *host = dsn_span_dup(rest);
    ret_host->kind = DSN_RELAY_ADDRESS;
    ret_host->name = rest;
    if (strchr(host, '[') != NULL) {
        problem = read_bracketed(rest, ret_host);
    } else if (!dsn_ip_address_read(host, &ret_host->address)) {
        ret_host->kind = DSN_RELAY_NAME;
        return check_name(rest);
    }
    dsn_socket_address_set_port(&ret_host->address, ret_host->port);
    return problem;
}

const char *
dsn_relay_host_check(const char *text)
{
    DsnRelayHost unused;

    return dsn_relay_host_read(text, &unused);
}

char *
dsn_relay_host_compose(const json_t *table, GString *complaint)
{
    const char *name = json_string_value(json_object_get(table, "name"));
    const char *addr = json_string_value(json_object_get(table, "addr"));
    DsnSocketAddress v6;
    DsnRelayHost host;

    if (name == NULL || addr == NULL || json_object_size(table) != 2) {
        g_string_append(complaint, "expected a table with the keys name and addr and no others");
        return NULL;
    }
    if (check_name(dsn_span(name)) != NULL) {
        g_string_append(complaint, "name: expected a host name in ASCII, got ");
        dsn_toml_quote(complaint, name);
        return NULL;
    }
    if (dsn_ip_address_read(addr, &v6))
        return g_strdup_printf("%s[%s]", name, addr);
    if (dsn_relay_host_read(addr, &host) == NULL && host.kind == DSN_RELAY_ADDRESS) {
        g_autofree char *own = dsn_socket_address_host(&host.address);
        g_autofree char *port = host.port == 0 ? NULL : g_strdup_printf(":%u", host.port);

        return g_strdup_printf("%s[%s]%s", name, own, port == NULL ? "" : port);
    }
    g_string_append(complaint, "addr: expected an address such as \"192.0.2.1\" or "
                               "\"[2001:db8::1]:25\", got ");
    dsn_toml_quote(complaint, addr);
    return NULL;
}
