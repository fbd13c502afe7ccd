/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz-transfer.c - decoding never grows and keeps the cap; what we encode is legal and comes back
 */
#include "config.h"

#include "mime/transfer.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_decode(DsnSpan encoded, DsnTransfer transfer)
{
    DsnLimits limits = DSN_LIMITS_DEFAULT;
    g_autoptr(GString) all = g_string_new(NULL);
    g_autoptr(GString) some = g_string_new(NULL);

    (void)dsn_transfer_decode(encoded, transfer, &limits, all); /* a fault is no failure here */
    g_assert(all->len <= encoded.len);
    limits.decoded = encoded.len / 2;
    bool clean = dsn_transfer_decode(encoded, transfer, &limits, some);
    g_assert(some->len == MIN(all->len, limits.decoded));
    g_assert(memcmp(some->str, all->str, some->len) == 0);
    g_assert(!clean || some->len == all->len);
}

static void
check_round_trip(DsnSpan bytes, DsnTransfer transfer)
{
    g_autoptr(GString) encoded = g_string_new(NULL);
    g_autoptr(GString) decoded = g_string_new(NULL);

    if (transfer == DSN_TRANSFER_BASE64)
        dsn_transfer_encode_base64(bytes, encoded);
    else
        dsn_transfer_encode_quoted_printable(bytes, encoded);
    DsnSpan text = {encoded->str, encoded->len};
    g_assert(dsn_transfer_decode(text, transfer, &DSN_LIMITS_DEFAULT, decoded));
    g_assert(dsn_span_equal((DsnSpan){decoded->str, decoded->len}, bytes));

    size_t column = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\r') {
            g_assert(text.data[i + 1] == '\n' &&
                     (i == 0 || strchr(" \t", text.data[i - 1]) == NULL));
            i++;
            column = 0;
            continue;
        }
        g_assert(g_ascii_isprint(text.data[i]) || text.data[i] == '\t');
        g_assert(++column <= 76);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DsnSpan bytes = {(const char *)data, size};

    for (int transfer = DSN_TRANSFER_IDENTITY; transfer <= DSN_TRANSFER_UNKNOWN; transfer++)
        check_decode(bytes, (DsnTransfer)transfer);
    check_round_trip(bytes, DSN_TRANSFER_QUOTED_PRINTABLE);
    check_round_trip(bytes, DSN_TRANSFER_BASE64);
    DsnTransfer named = dsn_transfer_parse(bytes);
    g_assert(named >= DSN_TRANSFER_IDENTITY && named <= DSN_TRANSFER_UNKNOWN);
    return 0;
}
