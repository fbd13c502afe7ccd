/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "tests/support/packets.h"

#include <fcntl.h>
#include <unistd.h>

#define PIECES_MAX 256 /* one page each; an unprivileged pipe may have a megabyte */
#define PIECE_MAX ((size_t)4096)

size_t
dsn_packet_min(size_t len)
{
    return len / PIECES_MAX + 1;
}

int
dsn_packets_open(DsnSpan bytes, size_t size)
{
    int ends[2];

    g_assert(size > 0 && size <= PIECE_MAX && size >= dsn_packet_min(bytes.len));
    g_assert_true(pipe2(ends, O_DIRECT | O_CLOEXEC) == 0);
    g_assert_true(fcntl(ends[1], F_SETPIPE_SZ, PIECES_MAX * (int)PIECE_MAX) > 0);
    while (bytes.len > 0) {
        size_t len = MIN(size, bytes.len);

        g_assert_true(write(ends[1], bytes.data, len) == (ssize_t)len);
        bytes = dsn_span_from(bytes, len);
    }
    g_assert_true(close(ends[1]) == 0);
    return ends[0];
}
