/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/mbox.h"
#include "tests/support/packets.h"

#include <stdint.h>
#include <unistd.h>

#define MESSAGE_MAX ((size_t)300)

/* Reads all messages into one text, each ended by a NUL. */
static GString *
read_all(DsnSpan mbox, size_t piece)
{
    g_auto(DsnWindow) window = {.fd = -1};
    g_autoptr(GError) error = NULL;
    GString *text = g_string_new(NULL);
    int fd = dsn_packets_open(mbox, piece);
    size_t start = 0;

    dsn_window_reset(&window, fd, 0);
    while (dsn_mbox_next(&window, MESSAGE_MAX, text, &error)) {
        g_assert(text->len - start <= MESSAGE_MAX + 1);
        g_string_append_c(text, '\0');
        start = text->len;
    }
    g_assert_no_error(error);
    g_assert(start == text->len);
    g_assert(window.ended && dsn_window_view(&window).len == 0);
    (void)close(fd);
    return text;
}

/* However the bytes arrive, the messages are the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 100000)
        return 0;

    DsnSpan mbox = {(const char *)data + 1, size - 1};
    size_t least = dsn_packet_min(mbox.len);
    g_autoptr(GString) pieces = read_all(mbox, least + data[0] % 64);
    g_autoptr(GString) larger = read_all(mbox, 4096);

    g_assert(pieces->len == larger->len);
    g_assert(memcmp(pieces->str, larger->str, larger->len) == 0);
    return 0;
}
