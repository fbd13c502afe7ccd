/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/reply-reader.h"
#include "tests/fuzz/pieces.h"

#include <stdint.h>

/* Reads replies until the bytes end or one is bad, and writes down what was read. */
static GString *
read_all(DsnSpan bytes, size_t piece)
{
    GString *all = g_string_new(NULL);
    DsnReplyState state = DSN_REPLY_MORE;
    DsnReplyReader reader;
    size_t used;

    dsn_reply_reader_init(&reader);
    for (size_t at = 0; at < bytes.len && state != DSN_REPLY_BAD; at += used) {
        DsnSpan some = {bytes.data + at, MIN(piece, bytes.len - at)};

        state = dsn_reply_reader_feed(&reader, some, &used);
        g_assert(used > 0 && used <= some.len);
        g_assert(state != DSN_REPLY_MORE || used == some.len);
        g_assert(reader.line->len <= DSN_REPLY_LINE_MAX);
        g_assert(reader.text->len <= 4 * DSN_REPLY_TEXT_MAX + 4);
        g_assert(g_utf8_validate(reader.text->str, (gssize)reader.text->len, NULL));
        if (state == DSN_REPLY_MORE)
            continue;
        g_string_append_printf(all, "%d %u %s\n", (int)state, reader.code, reader.text->str);
        if (state == DSN_REPLY_DONE) {
            g_assert(reader.code >= 200 && reader.code <= 599);
            g_assert(reader.lines > 0 && reader.lines <= DSN_REPLY_LINES_MAX);
            dsn_reply_reader_reset(&reader);
        }
    }
    dsn_reply_reader_clear(&reader);
    return all;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dsn_fuzz_in_pieces(data, size, read_all);
    return 0;
}
