/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/program-answer.h"

#include <stdint.h>
#include <string.h>

/* Writes down what is understood of @bytes, up to the first line that is no answer: nobody reads on
 * behind that. */
static GString *
read_all(DsnSpan bytes, size_t piece)
{
    GString *all = g_string_new(NULL);
    bool good = true;
    DsnAnswerReader reader;
    DsnAnswer answer;

    dsn_answer_reader_init(&reader);
    for (size_t at = 0; at < bytes.len && good; at += piece) {
        dsn_answer_reader_feed(&reader, (DsnSpan){bytes.data + at, MIN(piece, bytes.len - at)});
        while (good && dsn_answer_reader_next(&reader, &answer)) {
            g_assert(answer.line.len <= DSN_ANSWER_MAX);
            g_assert(memchr(answer.line.data, '\n', answer.line.len) == NULL);
            good = answer.kind != DSN_ANSWER_NONE;
            g_assert(!good || answer.line.len >= 2);
            g_string_append_printf(all, "%d ", (int)answer.kind);
            g_string_append_len(all, answer.line.data, (gssize)answer.line.len);
            g_string_append_c(all, '\n');
        }
        g_assert(!good || reader.input->len - reader.used <= DSN_ANSWER_MAX);
    }
    dsn_answer_reader_clear(&reader);
    return all;
}

/* However the bytes arrive, the answers are the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;

    DsnSpan bytes = {(const char *)data + 1, size - 1};
    g_autoptr(GString) pieces = read_all(bytes, 1 + data[0] % 32);
    g_autoptr(GString) whole = read_all(bytes, bytes.len);

    g_assert(g_string_equal(pieces, whole));
    return 0;
}
