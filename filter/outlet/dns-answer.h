/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dns-answer.h - what a DNS server answers
 *
 * Purpose:   read addresses and mail exchangers from a message.
 * RFC:       1035 section 4, 3596 (AAAA), 5321 section 5.1, 7505 (null MX).
 * Ownership: the caller owns the records.
 * Errors:    false.
 * Threads:   reentrant.
 */
#ifndef DSN_OUTLET_DNS_ANSWER_H
#define DSN_OUTLET_DNS_ANSWER_H

#include "filter/core/socket-address.h"

/* Records of one answer that are kept; more are not looked at. */
#define DSN_DNS_RECORDS_MAX 100

typedef enum DsnDnsType { DSN_DNS_A = 1, DSN_DNS_MX = 15, DSN_DNS_AAAA = 28 } DsnDnsType;

typedef struct DsnDnsRecord {
    DsnSocketAddress address; /* of A and AAAA, its port 0 */
    unsigned preference;      /* of MX */
    char name[256];           /* of MX: a host name without a dot at its end; "" is the null MX */
    bool bad;                 /* of MX: it cannot be read, or names what no host can be called */
} DsnDnsRecord;

/* Appends those of @type to @records (of DsnDnsRecord). *@ret_ttl is that of
 * the record that ends first, of aliases too. False if the message cannot be read. */
bool dsn_dns_answer_read(DsnSpan message, DsnDnsType type, GArray *records, guint32 *ret_ttl);

#endif
