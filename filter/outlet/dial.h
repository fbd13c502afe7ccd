/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dial.h - a connection to one address
 *
 * Purpose:   connect from the wanted local address, directly or through a SOCKS5 proxy.
 * RFC:       1928, 1929 (see socks5.h).
 * Ownership: the descriptor is the caller's.
 * Errors:    DSN_SMTP_ERROR.
 * Threads:   reentrant; *stopping may be set by any thread.
 */
#ifndef DSN_OUTLET_DIAL_H
#define DSN_OUTLET_DIAL_H

#include "filter/core/socket-address.h"

/* How connections are made. An address without length is none. */
typedef struct DsnRoute {
    DsnSocketAddress source;       /* local, its port 0 */
    DsnSocketAddress proxy;        /* a SOCKS5 server */
    DsnSocketAddress proxy_source; /* that it is to connect from, its port 0 */
    const char *proxy_username;    /* NULL: none */
    const char *proxy_password;
} DsnRoute;

/* Whether @to and the addresses of @route are of one family, as far as that must be. */
bool dsn_route_fits(const DsnRoute *route, const DsnSocketAddress *to);

/* Returns a connected socket that does not block, or -1 and @error. *@stopping holds a DsnSmtpStop.
 */
int dsn_dial(const DsnSocketAddress *to, const DsnRoute *route, GTimeSpan limit,
             const gint *stopping, GError **error);

#endif
