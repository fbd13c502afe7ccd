/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pieces.h - bytes that come in pieces
 *
 * Purpose:   what a reader of a stream understands does not depend on how the bytes arrive.
 * RFC:       none.
 * Ownership: what the reader returns is freed here.
 * Errors:    end the fuzz target.
 * Threads:   one.
 */
#ifndef DSN_TESTS_FUZZ_PIECES_H
#define DSN_TESTS_FUZZ_PIECES_H

#include "mime/span.h"

#include <glib.h>
#include <stdint.h>

/* @read_all writes down what it understands of bytes that come @piece at a time; the first byte of
 * @data says how large the pieces are. */
static inline void
dsn_fuzz_in_pieces(const uint8_t *data, size_t size, GString *(*read_all)(DsnSpan, size_t piece))
{
    if (size < 2)
        return;

    DsnSpan bytes = {(const char *)data + 1, size - 1};
    g_autoptr(GString) pieces = read_all(bytes, 1 + data[0] % 32);
    g_autoptr(GString) whole = read_all(bytes, bytes.len);

    g_assert(g_string_equal(pieces, whole));
}

#endif
