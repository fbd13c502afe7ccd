/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/dns-answer.h"

#include <arpa/nameser.h>
#include <resolv.h>

/* Names go into URLs, log lines and further questions. An underscore is against the rules, and in
 * use. */
static bool
is_host_name(const char *name)
{
    if (*name == '.')
        return false;
    for (const char *c = name; *c != '\0'; c++) {
        if (!g_ascii_isalnum(*c) && *c != '-' && *c != '_' && (*c != '.' || c[1] == '.'))
            return false;
    }
    return true;
}

/* The name at @data, which ends at @end: its last dot goes, so that the root is "". */
static bool
read_host_name(const ns_msg *message, const unsigned char *data, const unsigned char *end,
               char name[NS_MAXDNAME])
{
    int len = dn_expand(ns_msg_base(*message), ns_msg_end(*message), data, name, NS_MAXDNAME);

    if (len < 0 || data + len != end)
        return false;
    size_t last = strlen(name);
    if (last > 0 && name[last - 1] == '.')
        name[last - 1] = '\0';
    return is_host_name(name);
}

static void
read_exchanger(const ns_msg *message, const ns_rr *rr, DsnDnsRecord *ret_record)
{
    const unsigned char *data = ns_rr_rdata(*rr);
    const unsigned char *end = data + ns_rr_rdlen(*rr);
    char name[NS_MAXDNAME];

    ret_record->bad = true;
    if (ns_rr_rdlen(*rr) <= NS_INT16SZ)
        return;
    ret_record->preference = ns_get16(data);
    if (!read_host_name(message, data + NS_INT16SZ, end, name) ||
        strlen(name) >= sizeof(ret_record->name))
        return;
    ret_record->bad = false;
    (void)g_strlcpy(ret_record->name, name, sizeof(ret_record->name));
}

static bool
read_record(const ns_msg *message, const ns_rr *rr, DsnDnsType type, DsnDnsRecord *ret_record)
{
    DsnSocketAddress *address = &ret_record->address;

    switch (type) {
    case DSN_DNS_MX:
        read_exchanger(message, rr, ret_record);
        return true;
    case DSN_DNS_A:
        if (ns_rr_rdlen(*rr) != NS_INADDRSZ)
            return false;
        address->v4.sin_family = AF_INET;
        address->len = sizeof(address->v4);
        memcpy(&address->v4.sin_addr, ns_rr_rdata(*rr), NS_INADDRSZ);
        return true;
    case DSN_DNS_AAAA:
        if (ns_rr_rdlen(*rr) != NS_IN6ADDRSZ)
            return false;
        address->v6.sin6_family = AF_INET6;
        address->len = sizeof(address->v6);
        memcpy(&address->v6.sin6_addr, ns_rr_rdata(*rr), NS_IN6ADDRSZ);
        return true;
    }
    g_assert_not_reached();
}

bool
dsn_dns_answer_read(DsnSpan message, DsnDnsType type, GArray *records, guint32 *ret_ttl)
{
    ns_msg handle;
    ns_rr rr;

    *ret_ttl = G_MAXUINT32;
    if (message.len > G_MAXUINT16 ||
        ns_initparse((const unsigned char *)message.data, (int)message.len, &handle) != 0)
        return false;
    unsigned count = MIN(ns_msg_count(handle, ns_s_an), DSN_DNS_RECORDS_MAX);
    for (unsigned i = 0; i < count; i++) {
        DsnDnsRecord record = {.preference = 0};

        if (ns_parserr(&handle, ns_s_an, (int)i, &rr) != 0)
            return false;
        if (ns_rr_class(rr) != ns_c_in)
            continue;
        *ret_ttl = MIN(*ret_ttl, ns_rr_ttl(rr));
        if ((unsigned)ns_rr_type(rr) == (unsigned)type && read_record(&handle, &rr, type, &record))
            g_array_append_val(records, record);
    }
    return true;
}
