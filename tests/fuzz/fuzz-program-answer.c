/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/program-answer.h"
#include "tests/fuzz/pieces.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dsn_fuzz_in_pieces(data, size, read_all);
    return 0;
}
