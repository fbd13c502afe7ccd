/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/segment-reader.h"

#include <glib.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_BYTES ((size_t)1000)

/* Appends what the reader has, up to a wait or the end, which it returns. */
static DsnSegmentEvent
read_on(DsnSegmentReader *reader, GString *text)
{
    g_autoptr(GError) error = NULL;
    uint64_t lines, offset = 0;
    DsnSegmentEvent event;
    DsnSpan line;

    do {
        lines = dsn_segment_reader_lines(reader);
        event = dsn_segment_reader_next(reader, &line, &error);
        g_assert_no_error(error);
        bool whole = event == DSN_SEGMENT_LINE;
        bool tail = event == DSN_SEGMENT_TAIL;
        g_assert(dsn_span_present(line) == (whole || tail));
        g_assert(line.len <= LINE_MAX_BYTES || tail);
        g_assert(!whole || memchr(line.data, '\n', line.len) == NULL);
        lines = dsn_segment_reader_lines(reader) - lines;
        g_assert(lines == (whole ? 1 : lines) && lines <= 1);
        g_assert(lines == 0 || whole || event == DSN_SEGMENT_TOO_LONG);
        g_assert(dsn_segment_reader_offset(reader) >= offset);
        offset = dsn_segment_reader_offset(reader);
        g_string_append_len(text, line.data, (gssize)line.len);
        if (event != DSN_SEGMENT_WAIT)
            g_string_append_printf(text, "<%d>", (int)event);
    } while (event != DSN_SEGMENT_WAIT && event != DSN_SEGMENT_END);
    return event;
}

/* Reads the bytes as they come in pieces, or all at once; then the file is finished. */
static GString *
read_file(const uint8_t *data, size_t size, size_t piece)
{
    g_autoptr(GError) error = NULL;
    GString *text = g_string_new(NULL);
    int fd = memfd_create("segment", MFD_CLOEXEC);
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);

    g_assert(fd >= 0);
    g_autoptr(DsnSegmentReader) reader = dsn_segment_reader_open(path, LINE_MAX_BYTES, &error);
    g_assert_no_error(error);
    for (size_t at = 0; at < size; at += piece) {
        size_t len = MIN(piece, size - at);
        g_assert(write(fd, data + at, len) == (ssize_t)len);
        g_assert(read_on(reader, text) == DSN_SEGMENT_WAIT);
    }
    g_assert(fchmod(fd, 0444) == 0);
    g_assert(read_on(reader, text) == DSN_SEGMENT_END);
    g_assert(dsn_segment_reader_offset(reader) <= size);
    (void)close(fd);
    return text;
}

/* However a file grows, its lines are the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 20000)
        return 0;

    size_t piece = MAX(size / 50, 1) + data[0] % 32;
    g_autoptr(GString) pieces = read_file(data + 1, size - 1, piece);
    g_autoptr(GString) whole = read_file(data + 1, size - 1, size);

    g_assert(pieces->len == whole->len);
    g_assert(memcmp(pieces->str, whole->str, whole->len) == 0);
    return 0;
}
