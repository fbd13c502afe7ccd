/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relay-host.h - an entry in the list of hosts of a relay
 *
 * Purpose:   read the forms that KumoMTA's mx_list has, and a few more, without a look into the
 *            DNS.
 * Source:    dsnarf.toml(5), [relay.default]; RFC 5321 section 5.1.
 * Ownership: plain values; spans are parts of the text.
 * Errors:    a text that says what is expected.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_RELAY_HOST_H
#define DSN_CORE_RELAY_HOST_H

#include "filter/core/socket-address.h"

#include <jansson.h>

typedef enum DsnRelayHostKind {
    DSN_RELAY_NAME,    /* "mx.example.com", "mx.example.com:25": is to be looked up */
    DSN_RELAY_ADDRESS, /* "192.0.2.1", "[192.0.2.1]:25", "[2001:db8::1]", and with a name in front
                          "mx.example.com[192.0.2.1]:25" */
    DSN_RELAY_MX,      /* "mx:example.com": hosts that the DNS names */
    DSN_RELAY_UNIX     /* "unix:/path" */
} DsnRelayHostKind;

typedef struct DsnRelayHost {
    DsnRelayHostKind kind;
    DsnSpan name;             /* of the host or the domain; an address that has none is its own */
    DsnSocketAddress address; /* of ADDRESS, its port 0 if none is given, and of UNIX */
    unsigned port;            /* of what is looked up; 0: none is given */
} DsnRelayHost;

/* NULL if that worked, else what is expected. */
const char *dsn_relay_host_read(const char *text, DsnRelayHost *ret_host);

/* The same, for the option table. */
const char *dsn_relay_host_check(const char *text);

/* What { name = "mx.example.com", addr = "192.0.2.1" } stands for: "mx.example.com[192.0.2.1]"
 * (transfer full), or NULL and a complaint; for the option table. Members are strings. */
char *dsn_relay_host_compose(const json_t *table, GString *complaint);

#endif
