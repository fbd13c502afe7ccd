/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy.h - the configuration made ready for use
 *
 * Purpose:   compile patterns, networks, texts and options once; swap all of it at a reload.
 * Source:    dsnarf.toml(5).
 * Ownership: shared by reference; constant after it was made.
 * Errors:    DSN_CONFIGURATION_ERROR: a line for each thing that is wrong, as the configuration
 *            has them; nothing takes effect then.
 * Threads:   any.
 */
#ifndef DSN_PIPELINE_POLICY_H
#define DSN_PIPELINE_POLICY_H

#include "filter/core/address-pattern.h"
#include "filter/core/classification.h"
#include "filter/core/configuration.h"
#include "filter/core/evidence.h"
#include "filter/core/governor.h"
#include "filter/core/network.h"
#include "filter/core/notice.h"
#include "filter/pipeline/tenants.h"

/* A role of the milter: whose mail it reads, and what becomes of it. */
typedef struct DsnRole {
    const char *daemon; /* NULL: any */
    DsnPatterns *reports;
    DsnConsumption consumption;
} DsnRole;

/* Somebody who may post. */
typedef struct DsnPoster {
    const char *name;     /* of [http.client.NAME]; NULL: the holder of http.token, or local */
    const char *token;    /* NULL: none is needed */
    DsnPatterns *senders; /* NULL: not bound to any */
    GHashTable *tenants;  /* a set of const DsnTenant *; the same */
    size_t hourly_rate;
} DsnPoster;

typedef struct DsnPolicy {
    const DsnConfiguration *configuration;
    DsnTenants *tenants;
    DsnPatterns *senders; /* that notices may go to, whoever the tenant is */
    GArray *roles;        /* of DsnRole, in the order in which they are asked */
    DsnPatterns *lmtp;
    GPtrArray *posters; /* of DsnPoster */
    DsnNetworks *trusted;
    DsnEvidenceRules *evidence; /* what proves a report */
    DsnClassification *classification;
    bool wanted[DSN_N_RECORD_TYPES];  /* by an outlet */
    bool noticed[DSN_N_RECORD_TYPES]; /* by [notice] or a tenant */
    GPtrArray *warnings;              /* of char *: what is wrong and was got around */
} DsnPolicy;

/* Takes over @configuration, also on failure. Checks what one option cannot know of another, and
 * reads nothing but the texts of notices, lists of senders and rules of classes. */
DsnPolicy *dsn_policy_new(DsnConfiguration *configuration, GError **error);

/* The same from @file (NULL: the defaults). */
DsnPolicy *dsn_policy_load(const char *file, GError **error);

DsnPolicy *dsn_policy_ref(DsnPolicy *policy);
void dsn_policy_unref(DsnPolicy *policy);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnPolicy, dsn_policy_unref)

/* The tenant of @record, by the queue's name, then meta, then the sender's address, its domain, a
 * wildcard (the longest), then the client's network (the longest), then what the envelope id begins
 * with (the longest); never NULL (transfer none). *@ret_trust has DSN_TRUST_TENANT if it was found
 * by queue, meta or client. */
const DsnTenant *dsn_policy_tenant(const DsnPolicy *policy, const DsnRecord *record,
                                   unsigned *ret_trust);

/* The one of that name, or NULL (transfer none). */
const DsnTenant *dsn_policy_tenant_named(const DsnPolicy *policy, const char *name);

/* Whether @sender, without angle brackets, is somebody whom a notice of @tenant may go to. If
 * notice.senders does not say so, it is a sender that @tenant, which was found for the record, and
 * nobody else has claimed. A tenant that claims no senders, but is known by queue, meta or client,
 * takes the word of a @poster (may be NULL) that is bound to it for senders whom nobody claims. */
bool dsn_policy_is_ours(const DsnPolicy *policy, const DsnTenant *tenant, const DsnPoster *poster,
                        DsnSpan sender);

/* What becomes of a report of @kind, once it is recorded, for a recipient of @role. */
DsnConsumed dsn_role_consumed(const DsnRole *role, DsnReportKind kind);

/* Whether @poster is bound to senders or tenants, and then whether this one is among them: with
 * both it must be among both. */
bool dsn_poster_is_bound(const DsnPoster *poster);
bool dsn_poster_may(const DsnPoster *poster, const DsnTenant *tenant, DsnSpan sender);

#endif
