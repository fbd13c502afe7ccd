/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/json-lines.h"
#include "tests/support/packets.h"

#include <stdint.h>
#include <unistd.h>

#define LINE_MAX_BYTES ((size_t)200)

/* Reads all lines into one text: number, line or nothing for one that is too long, line feed. */
static GString *
read_all(DsnSpan input, size_t piece)
{
    int fd = dsn_packets_open(input, piece);
    g_auto(DsnJsonLines) lines = {.max = LINE_MAX_BYTES};
    g_autoptr(GError) error = NULL;
    GString *text = g_string_new(NULL);
    DsnLineResult result;
    guint64 last = 0;
    DsnSpan line;

    dsn_window_reset(&lines.window, fd, 0);
    while ((result = dsn_json_lines_next(&lines, &line, &error)) < DSN_LINE_END) {
        g_assert(lines.line > last);
        last = lines.line;
        g_assert(dsn_span_present(line) == (result == DSN_LINE_READ));
        g_assert(line.len <= LINE_MAX_BYTES && (line.len > 0 || result == DSN_LINE_TOO_LONG));
        g_assert(line.len == 0 || memchr(line.data, '\n', line.len) == NULL);
        g_string_append_printf(text, "%" G_GUINT64_FORMAT ":", lines.line);
        g_string_append_len(text, line.data, (gssize)line.len);
        g_string_append_c(text, '\n');
    }
    g_assert_no_error(error);
    g_assert(result == DSN_LINE_END);
    (void)close(fd);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* However the bytes arrive, the lines are the same. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 100000)
        return 0;

    DsnSpan input = {(const char *)data + 1, size - 1};
    g_autoptr(GString) pieces = read_all(input, dsn_packet_min(input.len) + data[0] % 64);
    g_autoptr(GString) larger = read_all(input, 4096);

    g_assert(g_string_equal(pieces, larger));
    return 0;
}
