/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/dns.h"

#include <errno.h>
#include <netdb.h>
#include <resolv.h>
#include <sys/socket.h>

#include "filter/outlet/smtp-link.h"

/* How long an answer is remembered, in seconds, whatever its TTL says. */
#define TTL_MIN 5
#define TTL_MAX 3600

/* Answers that are remembered; when there are more, all are forgotten. */
#define CACHE_MAX 1000

/* No address family. */
#define NONE (-1)

/* Seconds that a server has to answer before it is asked again. */
#define PATIENCE 3

/* Of a message over TCP. */
#define MESSAGE_MAX ((size_t)65535)

struct DsnDns {
    DsnSocketAddress server; /* without length: the system's */
    GMutex lock;
    GHashTable *cache; /* "type name" -> Cached */
};

typedef struct Cached {
    GArray *records; /* of DsnDnsRecord */
    int64_t until;   /* monotonic */
} Cached;

static void
cached_free(gpointer data)
{
    Cached *cached = data;

    g_array_unref(cached->records);
    g_free(cached);
}

DsnDns *
dsn_dns_new(const DsnSocketAddress *server)
{
    DsnDns *dns = g_new0(DsnDns, 1);

    dns->server = *server;
    g_mutex_init(&dns->lock);
    dns->cache = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, cached_free);
    return dns;
}

void
dsn_dns_free(DsnDns *dns)
{
    g_hash_table_unref(dns->cache);
    g_mutex_clear(&dns->lock);
    g_free(dns);
}

static bool
fail(GError **error, const char *name, const char *what)
{
    g_set_error(error, DSN_SMTP_ERROR, DSN_SMTP_ERROR_FAULT, "%s: %s", name, what);
    return false;
}

/* ---- questions ---- */

/* What is known already (transfer full), or NULL. */
static GArray *
recall(DsnDns *dns, const char *key)
{
    g_mutex_lock(&dns->lock);
    const Cached *cached = g_hash_table_lookup(dns->cache, key);
    bool fresh = cached != NULL && cached->until > g_get_monotonic_time();
    GArray *records = fresh ? g_array_ref(cached->records) : NULL;
    g_mutex_unlock(&dns->lock);
    return records;
}

static void
remember(DsnDns *dns, const char *key, GArray *records, guint32 ttl)
{
    Cached *cached = g_new(Cached, 1);

    *cached = (Cached){
        .records = g_array_ref(records),
        .until = g_get_monotonic_time() + CLAMP(ttl, TTL_MIN, TTL_MAX) * G_TIME_SPAN_SECOND,
    };
    g_mutex_lock(&dns->lock);
    if (g_hash_table_size(dns->cache) >= CACHE_MAX)
        g_hash_table_remove_all(dns->cache);
    g_hash_table_insert(dns->cache, g_strdup(key), cached);
    g_mutex_unlock(&dns->lock);
}

/* @name as it is, without the domains that the system would add. Returns the length of the answer
 * in @message, or -1 and *@ret_why, as h_errno has it. */
static int
query(const DsnDns *dns, const char *name, DsnDnsType type, unsigned char *message, int *ret_why)
{
    struct __res_state state = {.options = 0};

    if (res_ninit(&state) != 0) {
        *ret_why = NO_RECOVERY;
        return -1;
    }
    state.retrans = MIN(state.retrans, PATIENCE);
    if (dns->server.len > 0) {
        state.nscount = 1;
        state.nsaddr_list[0] = dns->server.v4;
    }
    int len = res_nquery(&state, name, ns_c_in, (int)type, message, (int)MESSAGE_MAX);
    *ret_why = state.res_h_errno;
    res_nclose(&state);
    return MIN(len, (int)MESSAGE_MAX);
}

/* The records of @name, maybe none (transfer full), or NULL and @error. That there are none is
 * remembered for the shortest time. */
static GArray *
ask(DsnDns *dns, const char *name, DsnDnsType type, GError **error)
{
    g_autofree char *key = g_strdup_printf("%d %s", (int)type, name);
    g_autofree unsigned char *message = NULL;
    GArray *records = recall(dns, key);
    guint32 ttl;
    int why;

    if (records != NULL)
        return records;
    message = g_malloc(MESSAGE_MAX);
    records = g_array_new(FALSE, FALSE, sizeof(DsnDnsRecord));
    int len = query(dns, name, type, message, &why);
    if (len >= 0 &&
        dsn_dns_answer_read((DsnSpan){(char *)message, (size_t)len}, type, records, &ttl)) {
        remember(dns, key, records, records->len == 0 ? 0 : ttl);
        return records;
    }
    if (len < 0 && (why == NO_DATA || why == HOST_NOT_FOUND)) {
        remember(dns, key, records, 0);
        return records;
    }
    g_array_unref(records);
    (void)fail(error, name,
               len >= 0           ? "the answer of the DNS server cannot be read"
               : why == TRY_AGAIN ? "no DNS server answers"
                                  : "the DNS server cannot answer");
    return NULL;
}

/* ---- addresses ---- */

static bool
add_asked(DsnDns *dns, const char *name, DsnDnsType type, GArray *addresses, GError **error)
{
    g_autoptr(GArray) records = ask(dns, name, type, error);

    if (records == NULL)
        return false;
    for (guint i = 0; i < records->len; i++)
        g_array_append_val(addresses, g_array_index(records, DsnDnsRecord, i).address);
    return true;
}

static bool
add_from_system(const char *name, int family, GArray *addresses, GError **error)
{
    const struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;

    int code = getaddrinfo(name, NULL, &hints, &list);
    if (code == EAI_NONAME || code == EAI_NODATA || code == EAI_ADDRFAMILY)
        return true;
    if (code != 0)
        return fail(error, name, code == EAI_SYSTEM ? g_strerror(errno) : gai_strerror(code));
    for (const struct addrinfo *info = list; info != NULL; info = info->ai_next) {
        DsnSocketAddress address = {.len = info->ai_addrlen};

        if (info->ai_addrlen > sizeof(address.v6))
            continue;
        memcpy(&address.any, info->ai_addr, info->ai_addrlen);
        g_array_append_val(addresses, address);
    }
    freeaddrinfo(list);
    return true;
}

/* What is found of @family, AF_UNSPEC for both; false if nothing could be found out. */
static bool
add_family(DsnDns *dns, const char *name, int family, GArray *addresses, GError **error)
{
    if (dns->server.len == 0)
        return add_from_system(name, family, addresses, error);
    if (family == AF_INET)
        return add_asked(dns, name, DSN_DNS_A, addresses, error);
    if (family == AF_INET6)
        return add_asked(dns, name, DSN_DNS_AAAA, addresses, error);
    /* One that cannot be found out does not matter as long as there is the other. */
    g_autoptr(GError) v6_error = NULL;
    g_autoptr(GError) v4_error = NULL;
    bool v6 = add_asked(dns, name, DSN_DNS_AAAA, addresses, &v6_error);
    bool v4 = add_asked(dns, name, DSN_DNS_A, addresses, &v4_error);
    if ((v6 && v4) || addresses->len > 0)
        return true;
    g_propagate_error(error, v6 ? g_steal_pointer(&v4_error) : g_steal_pointer(&v6_error));
    return false;
}

bool
dsn_dns_addresses(DsnDns *dns, const char *name, DsnIpLookup lookup, GArray *addresses,
                  GError **error)
{
    static const int families[][2] = {
        [DSN_IP_BOTH] = {AF_UNSPEC, NONE},         [DSN_IP_V4_ONLY] = {AF_INET, NONE},
        [DSN_IP_V6_ONLY] = {AF_INET6, NONE},       [DSN_IP_V6_THEN_V4] = {AF_INET6, AF_INET},
        [DSN_IP_V4_THEN_V6] = {AF_INET, AF_INET6},
    };
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(DsnSocketAddress));

    for (size_t i = 0; i < 2 && families[lookup][i] != NONE && found->len == 0; i++) {
        if (!add_family(dns, name, families[lookup][i], found, error))
            return false;
    }
    g_array_append_vals(addresses, found->data, found->len);
    return found->len > 0 || fail(error, name, "no such host, or no address of it");
}

/* ---- mail exchangers ---- */

static int
compare_preferences(gconstpointer a, gconstpointer b)
{
    unsigned left = ((const DsnDnsRecord *)a)->preference;
    unsigned right = ((const DsnDnsRecord *)b)->preference;

    return left < right ? -1 : left > right;
}

/* Every order is as likely as another. */
static void
shuffle(GArray *records)
{
    for (guint i = records->len; i > 1; i--) {
        DsnDnsRecord *last = &g_array_index(records, DsnDnsRecord, i - 1);
        DsnDnsRecord *other =
            &g_array_index(records, DsnDnsRecord, (guint)g_random_int_range(0, (gint32)i));
        DsnDnsRecord saved = *last;

        *last = *other;
        *other = saved;
    }
}

bool
dsn_dns_exchangers(DsnDns *dns, const char *domain, GPtrArray *names, GError **error)
{
    g_autoptr(GArray) records = ask(dns, domain, DSN_DNS_MX, error);
    bool null = false;

    if (records == NULL)
        return false;
    if (records->len == 0) { /* RFC 5321 section 5.1 */
        g_ptr_array_add(names, g_strdup(domain));
        return true;
    }
    g_autoptr(GArray) order = g_array_copy(records);
    shuffle(order);
    g_array_sort(order, compare_preferences); /* is stable */
    for (guint i = 0; i < order->len; i++) {
        const DsnDnsRecord *record = &g_array_index(order, DsnDnsRecord, i);

        null = null || (!record->bad && *record->name == '\0');
        if (*record->name != '\0')
            g_ptr_array_add(names, g_strdup(record->name));
    }
    if (names->len > 0)
        return true;
    return fail(error, domain,
                null ? "takes no mail, its MX says (RFC 7505)" : "no MX of it is a host name");
}
