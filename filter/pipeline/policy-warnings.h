/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy-warnings.h - what is allowed and hardly meant
 *
 * Purpose:   name the options of notices that cannot have the effect that they are given for.
 * Source:    dsnarf.toml(5).
 * Ownership: nothing is kept.
 * Errors:    none.
 * Threads:   one at a time.
 */
#ifndef DSN_PIPELINE_POLICY_WARNINGS_H
#define DSN_PIPELINE_POLICY_WARNINGS_H

#include "filter/pipeline/tenants.h"

/* Appends a line (char *) for each to @warnings: at the section that gives the option, not at the
 * tenants that have it from [notice]. */
void dsn_policy_warn(const DsnConfiguration *configuration, const DsnTenants *tenants,
                     GPtrArray *warnings);

#endif
