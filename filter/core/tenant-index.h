/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tenant-index.h - whose mail it is
 *
 * Purpose:   find the tenant that has claimed the queue, a meta value, the sender, the client or
 *            the envelope id of a message, however many tenants and senders there are.
 * RFC:       5321 sections 2.3.11 and 2.4, 5890 section 2.3.2.1, 4632 section 3.1, 3461 section
 *            4.4.
 * Ownership: the index owns copies of all that was claimed.
 * Errors:    what cannot be claimed is refused with a text; what another has claimed, with its
 *            number.
 * Threads:   constant once all is claimed.
 *
 * A tenant is a number from 1, nobody is 0. A claim of a sender takes about 50 bytes. Letters of
 * ASCII compare in either case, a domain in its own letters is the one in ASCII ("xn--..."), as in
 * dsn_address_normalise().
 */
#ifndef DSN_CORE_TENANT_INDEX_H
#define DSN_CORE_TENANT_INDEX_H

#include "mime/span.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct DsnTenantIndex DsnTenantIndex;

DsnTenantIndex *dsn_tenant_index_new(void);
void dsn_tenant_index_free(DsnTenantIndex *index);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnTenantIndex, dsn_tenant_index_free)

/* ---- claims: return 0, or the other tenant that has it already ---- */

uint32_t dsn_tenant_index_add_queue(DsnTenantIndex *index, const char *name, uint32_t tenant);
uint32_t dsn_tenant_index_add_meta(DsnTenantIndex *index, const char *key, const char *value,
                                   uint32_t tenant);

/* What an envelope id begins with; was checked by dsn_envid_start_check(). */
uint32_t dsn_tenant_index_add_envid(DsnTenantIndex *index, const char *start, uint32_t tenant);

/* An address, a domain or "*.domain"; was checked by dsn_sender_check(). */
uint32_t dsn_tenant_index_add_sender(DsnTenantIndex *index, DsnSpan sender, uint32_t tenant);

/* Was checked by dsn_network_check(). */
uint32_t dsn_tenant_index_add_client(DsnTenantIndex *index, const char *network, uint32_t tenant);

/* NULL if it will do, else what is expected. */
const char *dsn_sender_check(DsnSpan text);
const char *dsn_sender_domain_check(const char *text); /* a domain or "*.domain" */
const char *dsn_sender_address_check(const char *text);
const char *dsn_queue_tenant_check(const char *text);
const char *dsn_envid_start_check(const char *text);

/* ---- who: 0 for nobody ---- */

/* @queue is the whole name, "campaign:tenant@domain!routing". */
uint32_t dsn_tenant_index_find_queue(const DsnTenantIndex *index, DsnSpan queue);

/* The keys that values are claimed of, in the order of their first claim (of char *). */
const GPtrArray *dsn_tenant_index_meta_keys(const DsnTenantIndex *index);
uint32_t dsn_tenant_index_find_meta(const DsnTenantIndex *index, const char *key, DsnSpan value);

/* By the longest beginning. @envid is decoded. */
uint32_t dsn_tenant_index_find_envid(const DsnTenantIndex *index, DsnSpan envid);

/* By the address, then its domain, then the longest "*.domain". */
uint32_t dsn_tenant_index_find_sender(const DsnTenantIndex *index, DsnSpan address);

/* By the longest network. @client is an address, perhaps with a port: "192.0.2.1",
 * "[2001:db8::1]:25". */
uint32_t dsn_tenant_index_find_client(const DsnTenantIndex *index, DsnSpan client);

/* The tenant in the name of a queue: what of "campaign:tenant@domain!routing" stands in front of
 * the first "@", behind a ":" if there is one; absent if there is none. */
DsnSpan dsn_queue_tenant(DsnSpan queue);

#endif
