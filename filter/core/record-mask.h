/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record-mask.h - a record that does not tell who the recipients are
 *
 * Purpose:   put "xxxx" where a record has the local part of a recipient, for receivers that may
 *            know the domain only.
 * Source:    what KumoMTA's integrators do by hand, and what it misses.
 * Ownership: the tree is changed in place.
 * Errors:    none.
 * Threads:   one thread a tree.
 */
#ifndef DSN_CORE_RECORD_MASK_H
#define DSN_CORE_RECORD_MASK_H

#include <jansson.h>

#define DSN_MASK "xxxx"

/* Masks the recipients of @record, and the ones that its report or its trace names: each of these
 * addresses wherever a text of the record has it, in any case, also as "local=domain"; and its
 * local part alone where the response or a diagnostic repeats it as a word. What a text has in an
 * encoding (base64) is not looked into. */
void dsn_record_mask(json_t *record);

#endif
