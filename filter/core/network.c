/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/network.h"

#include "filter/core/number.h"

#include <arpa/inet.h>
#include <string.h>

#define V6_BITS 128
#define MAPPED_BITS 96

struct DsnNetworks {
    GArray *networks; /* of DsnNetwork */
};

static struct in6_addr
map(struct in_addr v4)
{
    struct in6_addr v6 = {.s6_addr = {[10] = 0xff, [11] = 0xff}};

    memcpy(v6.s6_addr + MAPPED_BITS / 8, &v4, sizeof(v4));
    return v6;
}

/* True if the first @bits of both are the same. */
static bool
same_bits(const struct in6_addr *a, const struct in6_addr *b, unsigned bits)
{
    unsigned rest = bits % 8;

    if (memcmp(a->s6_addr, b->s6_addr, bits / 8) != 0)
        return false;
    return rest == 0 || (a->s6_addr[bits / 8] ^ b->s6_addr[bits / 8]) >> (8 - rest) == 0;
}

const char *
dsn_network_read(const char *text, DsnNetwork *ret_network)
{
    const char *slash = strchr(text, '/');
    g_autofree char *host = g_strndup(text, strcspn(text, "/"));
    struct in_addr v4;
    bool short_form = inet_pton(AF_INET, host, &v4) == 1;
    guint64 most = short_form ? V6_BITS - MAPPED_BITS : V6_BITS, bits = most;

    if (short_form)
        ret_network->address = map(v4);
    else if (inet_pton(AF_INET6, host, &ret_network->address) != 1)
        return "a network such as \"10.0.0.0/8\", \"2001:db8::/32\" or \"::1\"";
    if (slash != NULL && !dsn_number_read(slash + 1, 10, 0, most, &bits))
        return short_form ? "0 to 32 bits behind the \"/\"" : "0 to 128 bits behind the \"/\"";
    ret_network->bits = (unsigned)bits + (short_form ? MAPPED_BITS : 0);

    for (unsigned i = ret_network->bits; i < V6_BITS; i++) {
        if ((ret_network->address.s6_addr[i / 8] & (0x80 >> i % 8)) != 0)
            return "an address that is zero behind the bits of its network";
    }
    return NULL;
}

const char *
dsn_network_check(const char *network)
{
    DsnNetwork unused;

    return dsn_network_read(network, &unused);
}

DsnNetworks *
dsn_networks_new(const GPtrArray *texts)
{
    DsnNetworks *networks = g_new(DsnNetworks, 1);

    networks->networks = g_array_new(FALSE, FALSE, sizeof(DsnNetwork));
    for (guint i = 0; i < texts->len; i++) {
        DsnNetwork network;
        const char *problem = dsn_network_read(texts->pdata[i], &network);

        g_assert(problem == NULL);
        g_array_append_val(networks->networks, network);
    }
    return networks;
}

void
dsn_networks_free(DsnNetworks *networks)
{
    if (networks == NULL)
        return;
    g_array_unref(networks->networks);
    g_free(networks);
}

/* False for other families than the internet's two. */
static bool
read_address(const struct sockaddr *address, struct in6_addr *ret_v6)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;

        memcpy(&v4, address, sizeof(v4));
        *ret_v6 = map(v4.sin_addr);
        return true;
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;

        memcpy(&v6, address, sizeof(v6));
        *ret_v6 = v6.sin6_addr;
        return true;
    }
    return false;
}

bool
dsn_networks_match(const DsnNetworks *networks, const struct sockaddr *address)
{
    struct in6_addr v6;

    if (!read_address(address, &v6))
        return false;
    for (guint i = 0; i < networks->networks->len; i++) {
        const DsnNetwork *network = &g_array_index(networks->networks, DsnNetwork, i);

        /* "::/0" is all of IPv6, and mapped addresses do not belong there. */
        if (same_bits(&v6, &network->address, network->bits) &&
            (network->bits >= MAPPED_BITS || !IN6_IS_ADDR_V4MAPPED(&v6)))
            return true;
    }
    return false;
}

bool
dsn_address_is_local(const struct sockaddr *address)
{
    struct in6_addr v6;

    if (address->sa_family == AF_UNIX)
        return true;
    if (!read_address(address, &v6))
        return false;
    return IN6_IS_ADDR_LOOPBACK(&v6) ||
           (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[MAPPED_BITS / 8] == 127);
}
