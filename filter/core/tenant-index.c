/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/tenant-index.h"

#include "filter/core/network.h"
#include "filter/core/text-table.h"
#include "filter/core/wishes.h"
#include "mime/address.h"

/* Bytes of a text that is looked up; no claim of a sender or a client is longer. */
#define LOOKED_UP_MAX 1024

#define V6_BITS 128
#define V6_BYTES (V6_BITS / 8)
#define MAPPED_BITS 96

typedef enum Kind {
    KIND_QUEUE,
    KIND_META,    /* key, NUL, value */
    KIND_ENVID,   /* what an envelope id begins with */
    KIND_ADDRESS, /* in lower case, the domain in ASCII */
    KIND_DOMAIN,  /* the same */
    KIND_BELOW,   /* a domain: those below it */
    KIND_CLIENT   /* an address, zero behind the bits of its network, and their number */
} Kind;

struct DsnTenantIndex {
    DsnTextTable *claims;
    bool widths[V6_BITS + 1]; /* of networks that are claimed */
    GPtrArray *meta_keys;
    GString *scratch; /* for claims */
};

DsnTenantIndex *
dsn_tenant_index_new(void)
{
    DsnTenantIndex *index = g_new0(DsnTenantIndex, 1);

    index->claims = dsn_text_table_new();
    index->meta_keys = g_ptr_array_new_with_free_func(g_free);
    index->scratch = g_string_new(NULL);
    return index;
}

void
dsn_tenant_index_free(DsnTenantIndex *index)
{
    if (index == NULL)
        return;
    dsn_text_table_free(index->claims);
    g_ptr_array_unref(index->meta_keys);
    g_string_free(index->scratch, TRUE);
    g_free(index);
}

static uint32_t
find(const DsnTenantIndex *index, Kind kind, DsnSpan text)
{
    return dsn_text_table_find(index->claims, kind, text);
}

static uint32_t
claim(DsnTenantIndex *index, Kind kind, DsnSpan text, uint32_t tenant)
{
    uint32_t other = dsn_text_table_add(index->claims, kind, text, tenant);

    return other == tenant ? 0 : other;
}

/* ---- queues and meta ---- */

DsnSpan
dsn_queue_tenant(DsnSpan queue)
{
    const char *at = queue.len == 0 ? NULL : memchr(queue.data, '@', queue.len);

    if (at == NULL)
        return DSN_SPAN_ABSENT;

    DsnSpan tenant = {queue.data, (size_t)(at - queue.data)};
    if (memchr(tenant.data, '!', tenant.len) != NULL) /* of what routes "domain!..." */
        return DSN_SPAN_ABSENT;
    const char *colon = memchr(tenant.data, ':', tenant.len);
    if (colon != NULL)
        tenant = dsn_span_from(tenant, (size_t)(colon + 1 - tenant.data));
    return tenant.len == 0 ? DSN_SPAN_ABSENT : tenant;
}

const char *
dsn_queue_tenant_check(const char *text)
{
    g_autofree char *queue = g_strconcat(":", text, "@x", NULL);

    return *text != '\0' && dsn_span_equal(dsn_queue_tenant(dsn_span(queue)), dsn_span(text))
               ? NULL
               : "a tenant's name, which is never empty and has no \"@\" or \"!\"";
}

uint32_t
dsn_tenant_index_add_queue(DsnTenantIndex *index, const char *name, uint32_t tenant)
{
    return claim(index, KIND_QUEUE, dsn_span(name), tenant);
}

uint32_t
dsn_tenant_index_find_queue(const DsnTenantIndex *index, DsnSpan queue)
{
    DsnSpan tenant = dsn_queue_tenant(queue);

    return dsn_span_present(tenant) ? find(index, KIND_QUEUE, tenant) : 0;
}

static DsnSpan
meta_text(GString *text, const char *key, DsnSpan value)
{
    g_string_assign(text, key);
    g_string_append_c(text, '\0');
    g_string_append_len(text, value.data, (gssize)value.len);
    return (DsnSpan){text->str, text->len};
}

uint32_t
dsn_tenant_index_add_meta(DsnTenantIndex *index, const char *key, const char *value,
                          uint32_t tenant)
{
    if (!g_ptr_array_find_with_equal_func(index->meta_keys, key, g_str_equal, NULL))
        g_ptr_array_add(index->meta_keys, g_strdup(key));
    return claim(index, KIND_META, meta_text(index->scratch, key, dsn_span(value)), tenant);
}

const GPtrArray *
dsn_tenant_index_meta_keys(const DsnTenantIndex *index)
{
    return index->meta_keys;
}

uint32_t
dsn_tenant_index_find_meta(const DsnTenantIndex *index, const char *key, DsnSpan value)
{
    g_autoptr(GString) text = g_string_new(NULL);

    return value.len > LOOKED_UP_MAX ? 0 : find(index, KIND_META, meta_text(text, key, value));
}

/* ---- envelope ids ---- */

uint32_t
dsn_tenant_index_add_envid(DsnTenantIndex *index, const char *start, uint32_t tenant)
{
    return claim(index, KIND_ENVID, dsn_span(start), tenant);
}

uint32_t
dsn_tenant_index_find_envid(const DsnTenantIndex *index, DsnSpan envid)
{
    uint32_t tenant = 0;

    if (dsn_text_table_count(index->claims, KIND_ENVID) == 0)
        return 0;
    for (size_t len = MIN(envid.len, DSN_ENVID_MAX); len > 0 && tenant == 0; len--)
        tenant = find(index, KIND_ENVID, (DsnSpan){envid.data, len});
    return tenant;
}

const char *
dsn_envid_start_check(const char *text)
{
    bool good = *text != '\0' && strlen(text) <= DSN_ENVID_MAX;

    for (const char *c = text; *c != '\0'; c++)
        good = good && (g_ascii_isgraph(*c) || *c == ' ');
    return good ? NULL : "what an envelope id begins with, up to 100 characters of ASCII";
}

/* ---- senders ---- */

/* Appends @domain as all of its spellings are kept. False if its letters have no form in ASCII. */
static bool
append_domain(GString *text, DsnSpan domain)
{
    size_t start = text->len;

    if (dsn_text_is_ascii(domain)) {
        g_string_append_len(text, domain.data, (gssize)domain.len);
    } else {
        g_autofree char *letters = g_strndup(domain.data, domain.len);
        g_autofree char *ascii = g_hostname_to_ascii(letters);

        if (ascii == NULL)
            return false;
        g_string_append(text, ascii);
    }
    for (size_t i = start; i < text->len; i++)
        text->str[i] = g_ascii_tolower(text->str[i]);
    return true;
}

/* Appends the address, and says how many bytes its domain has at the end; 0: it has none. False for
 * what is no address. */
static bool
append_address(GString *text, DsnSpan address, size_t *ret_domain)
{
    const char *at = address.len == 0 ? NULL : memrchr(address.data, '@', address.len);

    *ret_domain = 0;
    if (at == NULL)
        return false;
    size_t local = (size_t)(at + 1 - address.data);
    for (size_t i = 0; i < local; i++)
        g_string_append_c(text, g_ascii_tolower(address.data[i]));
    size_t start = text->len;
    if (!append_domain(text, dsn_span_from(address, local)))
        return false;
    *ret_domain = text->len - start;
    return true;
}

/* A star may stand in an address, but whoever writes one here means a pattern. */
static bool
is_claimable_address(DsnSpan text)
{
    g_autoptr(GString) written = g_string_new(NULL);
    size_t unused;

    return dsn_address_is_mailbox(text) && memchr(text.data, '*', text.len) == NULL &&
           append_address(written, text, &unused);
}

static bool
is_claimable_domain(DsnSpan text)
{
    g_autoptr(GString) written = g_string_new(NULL);
    DsnSpan domain = dsn_span_starts(text, "*.") ? dsn_span_from(text, 2) : text;

    return dsn_address_is_domain(domain) && domain.data[0] != '[' && append_domain(written, domain);
}

const char *
dsn_sender_check(DsnSpan text)
{
    bool address = text.len > 0 && memchr(text.data, '@', text.len) != NULL;

    return (address ? is_claimable_address(text) : is_claimable_domain(text))
               ? NULL
               : "an address such as \"user@example.com\", a domain, or \"*.example.com\" for "
                 "those "
                 "below it";
}

const char *
dsn_sender_domain_check(const char *text)
{
    return strchr(text, '@') == NULL && dsn_sender_check(dsn_span(text)) == NULL
               ? NULL
               : "a domain such as \"example.com\", or \"*.example.com\" for those below it";
}

const char *
dsn_sender_address_check(const char *text)
{
    return is_claimable_address(dsn_span(text)) ? NULL : "an address such as \"user@example.com\"";
}

uint32_t
dsn_tenant_index_add_sender(DsnTenantIndex *index, DsnSpan sender, uint32_t tenant)
{
    GString *text = index->scratch;
    Kind kind = memchr(sender.data, '@', sender.len) != NULL ? KIND_ADDRESS
                : dsn_span_starts(sender, "*.")              ? KIND_BELOW
                                                             : KIND_DOMAIN;
    size_t unused;

    g_string_truncate(text, 0);
    bool good = kind == KIND_ADDRESS
                    ? append_address(text, sender, &unused)
                    : append_domain(text, dsn_span_from(sender, kind == KIND_BELOW ? 2 : 0));
    g_assert(good);
    return claim(index, kind, (DsnSpan){text->str, text->len}, tenant);
}

uint32_t
dsn_tenant_index_find_sender(const DsnTenantIndex *index, DsnSpan address)
{
    g_autoptr(GString) plain = g_string_new(NULL), text = g_string_new(NULL);
    size_t len;

    if (address.len > LOOKED_UP_MAX || !dsn_address_normalise(address, plain) ||
        !append_address(text, (DsnSpan){plain->str, plain->len}, &len))
        return 0;

    DsnSpan domain = {text->str + text->len - len, len};
    uint32_t tenant = find(index, KIND_ADDRESS, (DsnSpan){text->str, text->len});
    if (tenant == 0)
        tenant = find(index, KIND_DOMAIN, domain);
    while (tenant == 0 && dsn_text_table_count(index->claims, KIND_BELOW) > 0) {
        const char *dot = memchr(domain.data, '.', domain.len);

        if (dot == NULL)
            break;
        domain = dsn_span_from(domain, (size_t)(dot + 1 - domain.data));
        tenant = find(index, KIND_BELOW, domain);
    }
    return tenant;
}

/* ---- clients ---- */

/* @text has room for an address and a width. */
static DsnSpan
network_text(char *text, const struct in6_addr *address, unsigned bits)
{
    for (unsigned i = 0; i < V6_BYTES; i++) {
        unsigned kept = bits <= i * 8 ? 0 : MIN(bits - i * 8, 8);
        text[i] = (char)(address->s6_addr[i] & (0xff00 >> kept));
    }
    text[V6_BYTES] = (char)bits;
    return (DsnSpan){text, V6_BYTES + 1};
}

uint32_t
dsn_tenant_index_add_client(DsnTenantIndex *index, const char *network, uint32_t tenant)
{
    DsnNetwork read;
    char text[V6_BYTES + 1];
    const char *problem = dsn_network_read(network, &read);

    g_assert(problem == NULL);
    index->widths[read.bits] = true;
    return claim(index, KIND_CLIENT, network_text(text, &read.address, read.bits), tenant);
}

/* "192.0.2.1", "192.0.2.1:25", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:25". */
static bool
read_client(DsnSpan client, struct in6_addr *ret_address)
{
    char text[INET6_ADDRSTRLEN];
    DsnSpan host = client;

    if (client.len == 0)
        return false;
    const char *colon = memchr(client.data, ':', client.len);
    if (client.data[0] == '[') {
        const char *end = memchr(client.data, ']', client.len);

        if (end == NULL)
            return false;
        host = (DsnSpan){client.data + 1, (size_t)(end - client.data - 1)};
    } else if (colon != NULL && colon == memrchr(client.data, ':', client.len)) {
        host.len = (size_t)(colon - client.data);
    }
    if (host.len >= sizeof(text) || memchr(host.data, '/', host.len) != NULL)
        return false;
    memcpy(text, host.data, host.len);
    text[host.len] = '\0';
    DsnNetwork network;
    if (strlen(text) != host.len || dsn_network_read(text, &network) != NULL)
        return false;
    *ret_address = network.address;
    return true;
}

uint32_t
dsn_tenant_index_find_client(const DsnTenantIndex *index, DsnSpan client)
{
    struct in6_addr address;
    char text[V6_BYTES + 1];

    if (dsn_text_table_count(index->claims, KIND_CLIENT) == 0 || !read_client(client, &address))
        return 0;
    /* "::/0" is all of IPv6, and mapped addresses do not belong there. */
    unsigned least = IN6_IS_ADDR_V4MAPPED(&address) ? MAPPED_BITS : 0;
    for (unsigned bits = V6_BITS + 1; bits-- > least;) {
        uint32_t tenant =
            index->widths[bits] ? find(index, KIND_CLIENT, network_text(text, &address, bits)) : 0;
        if (tenant != 0)
            return tenant;
    }
    return 0;
}
