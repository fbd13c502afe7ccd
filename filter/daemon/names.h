/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * names.h - whether the hosts that notices come from can be found
 *
 * Purpose:   warn of names in Reporting-MTA that are not in the DNS.
 * RFC:       3461 section 9.3, 3464 section 2.2.2; rule DSN-10.
 * Ownership: copies the names.
 * Errors:    none: a DNS that does not answer says nothing about a name.
 * Threads:   that of the main loop, which hears the answers.
 */
#ifndef DSN_DAEMON_NAMES_H
#define DSN_DAEMON_NAMES_H

#include "filter/pipeline/policy.h"

typedef struct DsnNames DsnNames;

/* Asks for the names in @policy, but not for more than some dozens; a warning is logged for each
 * that does not exist. Does not wait. */
DsnNames *dsn_names_look_up(const DsnPolicy *policy);

/* Gives up what was not answered yet. NULL is fine. */
void dsn_names_free(DsnNames *names);

#endif
