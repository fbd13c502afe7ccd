/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unit.h - what every unit test shares
 *
 * Purpose:   run one check suite, read test data, compare bytes with a readable difference.
 * RFC:       none.
 * Ownership: (transfer full) unless said otherwise.
 * Errors:    a file that cannot be read fails the running test.
 * Threads:   none.
 */
#ifndef DSN_TESTS_UNIT_H
#define DSN_TESTS_UNIT_H

#include "mime/span.h"

#include <check.h>
#include <glib.h>

/* Each test program defines this; it returns the suite of its module (transfer full). */
Suite *dsn_test_suite(void);

/* "tests/@path" of the source tree, read whole; *@ret_length may be NULL. */
char *dsn_test_read(const char *path, size_t *ret_length);

/* The directory of the third-party corpus, or NULL after a line that says it was skipped (transfer
 * none). */
const char *dsn_test_corpus(void);

/* Fails the running test, showing both texts escaped, unless they are the same bytes. */
#define dsn_assert_bytes(actual, actual_len, expected, expected_len) \
    dsn_test_compare(__FILE__, __LINE__, actual, actual_len, expected, expected_len, NULL)

/* The same for a span against a string; @label names the row of a table. */
#define dsn_assert_span(span, text, label) \
    dsn_test_compare(__FILE__, __LINE__, (span).data, (span).len, text, strlen(text), label)

void dsn_test_compare(const char *file, int line, const char *actual, size_t actual_len,
                      const char *expected, size_t expected_len, const char *label);

#endif
