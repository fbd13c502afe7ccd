/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/relay-connect.h"

#include "filter/core/log.h"
#include "filter/core/relay-host.h"
#include "filter/outlet/dns.h"

/* How long an address that failed is tried behind the others. */
#define SHUN_TIME (5 * G_TIME_SPAN_MINUTE)

/* How long the hosts of an MX are looked up. */
#define LOOKUP_TIME (30 * G_TIME_SPAN_SECOND)

/* Addresses that are shunned at the same time; when there are more, all are forgiven. */
#define SHUN_MAX 1000

struct DsnRelayFinder {
    char *label; /* in the log */
    DsnDns *dns;
    DsnRoute route; /* its texts are owned */
    DsnIpLookup lookup;
    unsigned port;
    GMutex lock;
    GHashTable *shunned; /* peer -> int64_t *, until when (monotonic) */
};

/* Where to connect to. */
typedef struct Place {
    char *name;
    DsnSocketAddress address;
} Place;

static void
place_clear(gpointer data)
{
    g_free(((Place *)data)->name);
}

/* The options were checked. */
static void
read_address(const char *text, DsnSocketAddress *ret_address)
{
    if (text != NULL && !dsn_ip_address_read(text, ret_address))
        (void)dsn_socket_address_read(text, ret_address);
}

DsnRelayFinder *
dsn_relay_finder_new(const DsnRelayOptions *options)
{
    DsnRelayFinder *finder = g_new0(DsnRelayFinder, 1);
    DsnSocketAddress server = {.len = 0};

    finder->label =
        options->name == NULL ? g_strdup("relay") : g_strconcat("relay ", options->name, NULL);
    read_address(options->resolver, &server);
    finder->dns = dsn_dns_new(&server);
    finder->lookup = options->lookup;
    finder->port = (unsigned)options->port;
    read_address(options->source_address, &finder->route.source);
    read_address(options->socks5_proxy_server, &finder->route.proxy);
    read_address(options->socks5_proxy_source_address, &finder->route.proxy_source);
    finder->route.proxy_username = g_strdup(options->socks5_proxy_username);
    finder->route.proxy_password = g_strdup(options->socks5_proxy_password);
    g_mutex_init(&finder->lock);
    finder->shunned = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return finder;
}

void
dsn_relay_finder_free(DsnRelayFinder *finder)
{
    if (finder == NULL)
        return;
    g_free(finder->label);
    dsn_dns_free(finder->dns);
    g_free((char *)finder->route.proxy_username);
    g_free((char *)finder->route.proxy_password);
    g_hash_table_unref(finder->shunned);
    g_mutex_clear(&finder->lock);
    g_free(finder);
}

/* ---- addresses that failed ---- */

void
dsn_relay_shun(DsnRelayFinder *finder, const char *peer)
{
    int64_t *until = g_new(int64_t, 1);

    *until = g_get_monotonic_time() + SHUN_TIME;
    g_mutex_lock(&finder->lock);
    if (g_hash_table_size(finder->shunned) >= SHUN_MAX)
        g_hash_table_remove_all(finder->shunned);
    g_hash_table_insert(finder->shunned, g_strdup(peer), until);
    g_mutex_unlock(&finder->lock);
}

static void
forgive(DsnRelayFinder *finder, const char *peer)
{
    g_mutex_lock(&finder->lock);
    g_hash_table_remove(finder->shunned, peer);
    g_mutex_unlock(&finder->lock);
}

static bool
is_shunned(DsnRelayFinder *finder, const char *peer)
{
    g_mutex_lock(&finder->lock);
    const int64_t *until = g_hash_table_lookup(finder->shunned, peer);
    bool shunned = until != NULL && *until > g_get_monotonic_time();
    g_mutex_unlock(&finder->lock);
    return shunned;
}

/* ---- where a host is ---- */

static void
add_place(const DsnRelayFinder *finder, const char *name, const DsnSocketAddress *address,
          unsigned port, GArray *places)
{
    Place place = {.address = *address};

    if (places->len == DSN_RELAY_PLACES_MAX || !dsn_route_fits(&finder->route, address))
        return;
    dsn_socket_address_set_port(&place.address, port == 0 ? finder->port : port);
    place.name = g_strdup(name);
    g_array_append_val(places, place);
}

static bool
find_name(DsnRelayFinder *finder, const char *name, unsigned port, GArray *places, GError **error)
{
    g_autoptr(GArray) addresses = g_array_new(FALSE, FALSE, sizeof(DsnSocketAddress));
    guint before = places->len;

    if (!dsn_dns_addresses(finder->dns, name, finder->lookup, addresses, error))
        return false;
    for (guint i = 0; i < addresses->len; i++)
        add_place(finder, name, &g_array_index(addresses, DsnSocketAddress, i), port, places);
    if (places->len > before)
        return true;
    g_set_error(error, DSN_SMTP_ERROR, DSN_SMTP_ERROR_FAULT,
                "%s: no address of the family of the source address", name);
    return false;
}

/* One host of many that cannot be found does not matter. */
static bool
find_exchangers(DsnRelayFinder *finder, const char *domain, unsigned port, const gint *stopping,
                GArray *places, GError **error)
{
    int64_t until = g_get_monotonic_time() + LOOKUP_TIME;
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) last = NULL;

    if (!dsn_dns_exchangers(finder->dns, domain, names, error))
        return false;
    for (guint i = 0; i < names->len && places->len < DSN_RELAY_PLACES_MAX; i++) {
        if (i > 0 && (g_get_monotonic_time() >= until || g_atomic_int_get(stopping) != DSN_SMTP_GO))
            break;
        g_clear_error(&last);
        (void)find_name(finder, names->pdata[i], port, places, &last);
    }
    if (places->len > 0)
        return true;
    g_propagate_error(error, g_steal_pointer(&last));
    return false;
}

static bool
find(DsnRelayFinder *finder, const DsnRelayHost *host, const gint *stopping, GArray *places,
     GError **error)
{
    g_autofree char *name = dsn_span_dup(host->name);

    switch (host->kind) {
    case DSN_RELAY_NAME:
        return find_name(finder, name, host->port, places, error);
    case DSN_RELAY_MX:
        return find_exchangers(finder, name, host->port, stopping, places, error);
    case DSN_RELAY_ADDRESS:
    case DSN_RELAY_UNIX:
        add_place(finder, name, &host->address, dsn_socket_address_port(&host->address), places);
        if (places->len > 0)
            return true;
        g_set_error_literal(error, DSN_SMTP_ERROR, DSN_SMTP_ERROR_FAULT,
                            "not of the family of the source address");
        return false;
    }
    g_assert_not_reached();
}

/* ---- connections ---- */

static DsnSmtpClient *
try_place(DsnRelayFinder *finder, const Place *place, DsnSmtpTarget *target, const char *peer,
          GError **error)
{
    target->name = place->name;
    target->address = place->address;
    target->route = &finder->route;
    DsnSmtpClient *client = dsn_smtp_client_open(target, error);
    target->name = NULL; /* these were for the opening alone */
    target->route = NULL;
    if (client != NULL)
        forgive(finder, peer);
    else if (!g_error_matches(*error, DSN_SMTP_ERROR, DSN_SMTP_ERROR_STOPPED))
        dsn_relay_shun(finder, peer);
    return client;
}

/* Those that failed lately come last. */
static GPtrArray *
order_places(DsnRelayFinder *finder, const GArray *places)
{
    GPtrArray *order = g_ptr_array_new();
    g_autoptr(GPtrArray) last = g_ptr_array_new();

    for (guint i = 0; i < places->len; i++) {
        Place *place = &g_array_index(places, Place, i);
        g_autofree char *peer = dsn_smtp_peer_name(place->name, &place->address);

        g_ptr_array_add(is_shunned(finder, peer) ? last : order, place);
    }
    g_ptr_array_extend(order, last, NULL, NULL);
    return order;
}

/* False if there is no use in another address. The fault of one is told if another is tried. */
static bool
go_on(const DsnRelayFinder *finder, const char *peer, bool last, GError **fault, GError **error)
{
    if (last || g_error_matches(*fault, DSN_SMTP_ERROR, DSN_SMTP_ERROR_STOPPED)) {
        g_propagate_error(error, g_steal_pointer(fault));
        return false;
    }
    dsn_log_event(DSN_LOG_INFO, "%s: %s: %s; another address is tried", finder->label, peer,
                  (*fault)->message);
    return true;
}

DsnSmtpClient *
dsn_relay_connect(DsnRelayFinder *finder, const char *host, DsnSmtpTarget *target, GError **error)
{
    g_autoptr(GArray) places = g_array_new(FALSE, FALSE, sizeof(Place));
    DsnRelayHost entry;

    g_array_set_clear_func(places, place_clear);
    if (dsn_relay_host_read(host, &entry) != NULL) { /* was checked before */
        g_set_error_literal(error, DSN_SMTP_ERROR, DSN_SMTP_ERROR_FAULT, "not a host");
        return NULL;
    }
    if (!find(finder, &entry, target->stopping, places, error))
        return NULL;

    bool looked_up = entry.kind == DSN_RELAY_NAME || entry.kind == DSN_RELAY_MX;
    g_autoptr(GPtrArray) order = order_places(finder, places);
    for (guint i = 0; i < order->len; i++) {
        const Place *place = order->pdata[i];
        g_autofree char *peer = dsn_smtp_peer_name(place->name, &place->address);
        g_autoptr(GError) fault = NULL;
        DsnSmtpClient *client = try_place(finder, place, target, peer, &fault);

        if (client != NULL)
            return client;
        bool last = i + 1 == order->len;
        if (last && looked_up)
            g_prefix_error(&fault, "%s: ", peer);
        if (!go_on(finder, peer, last, &fault, error))
            return NULL;
    }
    g_assert_not_reached();
}
