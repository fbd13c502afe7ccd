/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * random-case.h - everything that a notice is made of, at random
 *
 * Purpose:   records, originals, wishes and tenants of every kind, wild ones among them.
 * RFC:       none.
 * Ownership: a case owns all that its request points to, but for the catalog.
 * Errors:    none.
 * Threads:   a case is for one thread; the same number gives the same case, by one compiler.
 */
#ifndef DSN_TESTS_RANDOM_CASE_H
#define DSN_TESTS_RANDOM_CASE_H

#include "filter/core/notice.h"

#define DSN_RANDOM_RECORDS_MAX 4

typedef struct DsnRandomCase {
    DsnNoticeRequest request;
    bool writable; /* the sender and all recipients are addresses that a notice can hold */

    DsnNoticeOptions options;
    DsnRecord *records[DSN_RANDOM_RECORDS_MAX];
    DsnRecord *last_failure;
    GString *original;
    GPtrArray *texts; /* of char *: what the options point to */
    const char *languages[4];
} DsnRandomCase;

DsnRandomCase *dsn_random_case_new(const DsnCatalog *catalog, guint64 number);
void dsn_random_case_free(DsnRandomCase *random);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnRandomCase, dsn_random_case_free)

#endif
