/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * configuration-table.h - every option of the configuration
 *
 * Purpose:   the one list that loading, checking, display, manual and sample agree with.
 * Source:    dsnarf.toml(5).
 * Ownership: constant.
 * Errors:    none.
 * Threads:   constant.
 */
#ifndef DSN_CORE_CONFIGURATION_TABLE_H
#define DSN_CORE_CONFIGURATION_TABLE_H

#include "filter/core/option-table.h"

/* The slots lie in a DsnConfiguration. */
extern const DsnOptionTable DSN_CONFIGURATION_TABLE;

#endif
