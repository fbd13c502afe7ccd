/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spool.h - a spool in a temporary folder, and things to put into it
 *
 * Purpose:   what the tests of the spool, and of those who use it, share.
 * RFC:       none.
 * Ownership: the fixture owns the spool; deposits are the caller's.
 * Errors:    fail the running test.
 * Threads:   as the spool.
 */
#ifndef DSN_TESTS_SPOOL_H
#define DSN_TESTS_SPOOL_H

#include "filter/pipeline/spool.h"

typedef struct DsnTestSpool {
    char *top;       /* a temporary folder */
    char *directory; /* "spool" in it */
    DsnSpoolOptions options;
    DsnMetrics metrics;
    DsnSpool *spool;
} DsnTestSpool;

/* Opens a spool that keeps keys for two weeks and contents of up to 64 KiB in the database. */
void dsn_test_spool_init(DsnTestSpool *test);
void dsn_test_spool_reopen(DsnTestSpool *test);
/* Closes it, and removes the folder. */
void dsn_test_spool_clear(DsnTestSpool *test);

/* Waits until it takes things in (again). */
void dsn_test_spool_wait_ready(const DsnTestSpool *test);

/* Writes of this process past @bytes of a file fail, with EFBIG; 0 for no limit. */
void dsn_test_limit_files(size_t bytes);

/* Removes @path and all in it. */
void dsn_test_remove(const char *path);

/* A key made of a number. */
DsnKey dsn_test_key(guint64 number, int64_t time);

/* A notice for "to@example.com" with the keys of the numbers from @first on. */
DsnSpoolNotice *dsn_test_notice(const char *bytes, guint64 first, guint count);

/* Items, appended to @deposit; @notice (transfer full) may be NULL. */
DsnItem *dsn_test_add_event(DsnDeposit *deposit, guint64 event, DsnSpoolNotice *notice);
DsnItem *dsn_test_add_message(DsnDeposit *deposit, guint64 message);
DsnItem *dsn_test_add_rejected(DsnDeposit *deposit, const char *bytes, const char *reason);
void dsn_test_add_line(DsnItem *item, DsnRecordType type, const char *json);

/* Submits @deposit (transfer full), waits for it, and returns the result of its last item. */
DsnItemResult dsn_test_store(DsnSpool *spool, DsnDeposit *deposit);

/* Stores one event with its notice. */
DsnItemResult dsn_test_store_event(DsnSpool *spool, guint64 event, DsnSpoolNotice *notice);

/* Takes one notice that must be due now, or NULL when there is none. */
DsnWaitingNotice *dsn_test_take(DsnSpool *spool);

#endif
