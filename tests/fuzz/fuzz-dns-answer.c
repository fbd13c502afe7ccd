/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/dns-answer.h"

#include <stdint.h>

/* Whatever a server answers, records are few, and names such as can stand in a URL. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const DsnDnsType types[] = {DSN_DNS_A, DSN_DNS_AAAA, DSN_DNS_MX};

    for (size_t type = 0; type < G_N_ELEMENTS(types); type++) {
        g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(DsnDnsRecord));
        guint32 ttl;

        (void)dsn_dns_answer_read((DsnSpan){(const char *)data, size}, types[type], records, &ttl);
        g_assert(records->len <= DSN_DNS_RECORDS_MAX);
        for (guint i = 0; i < records->len; i++) {
            const DsnDnsRecord *record = &g_array_index(records, DsnDnsRecord, i);

            if (types[type] == DSN_DNS_MX) {
                g_assert(memchr(record->name, '\0', sizeof(record->name)) != NULL);
                g_assert(record->name[strspn(record->name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS
                                             "-_.")] == '\0');
                g_assert(!record->bad || *record->name == '\0');
            } else {
                g_assert(record->address.len == (types[type] == DSN_DNS_A
                                                     ? sizeof(struct sockaddr_in)
                                                     : sizeof(struct sockaddr_in6)));
                g_assert(dsn_socket_address_port(&record->address) == 0);
            }
        }
    }
    return 0;
}
