/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tenants.h - on whose behalf mail is sent
 *
 * Purpose:   compile what [notice] and each [tenant.NAME] say, and find the tenant of a record.
 * Source:    dsnarf.toml(5); rule LOOP-09 and dsnarf(8) for what the compiled options mean.
 * Ownership: the tenants borrow the configuration and own what is compiled of it.
 * Errors:    what is wrong is added to the checks; of tenants' texts, to the warnings.
 * Threads:   constant after they were made.
 */
#ifndef DSN_PIPELINE_TENANTS_H
#define DSN_PIPELINE_TENANTS_H

#include "filter/core/governor.h"
#include "filter/core/notice.h"
#include "filter/pipeline/policy-check.h"

/* On whose behalf the relay sent: whose words, identity and rules are used. */
typedef struct DsnTenant {
    const char *name; /* NULL: nobody's: [notice] alone */
    uint32_t number;  /* from 1 in the order of the file; 0: nobody's */
    bool has_senders; /* it claims addresses or domains */
    DsnNoticeOptions notice;
    const DsnNoticePolicy *policy;
    const DsnStampOptions *stamp; /* what its mail leaves with */
    DsnRates rates;               /* without that of a poster */
} DsnTenant;

typedef struct DsnTenants DsnTenants;

/* Of the configuration that @checks are about. Tenants with a directory of texts in common share
 * them; each fault in them is a warning (of char *), but in those of [notice]. */
DsnTenants *dsn_tenants_new(DsnChecks *checks, GPtrArray *warnings);
void dsn_tenants_free(DsnTenants *tenants);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnTenants, dsn_tenants_free)

/* See dsn_policy_tenant() and dsn_policy_tenant_named(). */
const DsnTenant *dsn_tenants_find(const DsnTenants *tenants, const DsnRecord *record,
                                  unsigned *ret_trust);
const DsnTenant *dsn_tenants_named(const DsnTenants *tenants, const char *name);

/* The number of the tenant that claims @sender, 0 for nobody. */
uint32_t dsn_tenants_owner(const DsnTenants *tenants, DsnSpan sender);

#endif
