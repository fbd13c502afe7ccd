/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/program-answer.h"

#include <string.h>

void
dsn_answer_reader_init(DsnAnswerReader *reader)
{
    *reader = (DsnAnswerReader){g_string_new(NULL), 0};
}

void
dsn_answer_reader_clear(DsnAnswerReader *reader)
{
    (void)g_string_free(reader->input, TRUE);
}

void
dsn_answer_reader_reset(DsnAnswerReader *reader)
{
    g_string_truncate(reader->input, 0);
    reader->used = 0;
}

void
dsn_answer_reader_feed(DsnAnswerReader *reader, DsnSpan bytes)
{
    g_string_erase(reader->input, 0, (gssize)reader->used);
    reader->used = 0;
    g_string_append_len(reader->input, bytes.data, (gssize)bytes.len);
}

static DsnAnswerKind
kind_of(DsnSpan line)
{
    const bool coded =
        line.len >= 3 && g_ascii_isdigit(line.data[1]) && g_ascii_isdigit(line.data[2]);
    const size_t word = coded ? 3 : 2;

    if (line.len < 2 || (line.len > word && line.data[word] != ' '))
        return DSN_ANSWER_NONE;
    if (g_ascii_strncasecmp(line.data, "OK", 2) == 0)
        return DSN_ANSWER_OK;
    if (coded && line.data[0] == '4')
        return DSN_ANSWER_LATER;
    return coded && line.data[0] == '5' ? DSN_ANSWER_NEVER : DSN_ANSWER_NONE;
}

bool
dsn_answer_reader_next(DsnAnswerReader *reader, DsnAnswer *ret_answer)
{
    DsnSpan rest = {reader->input->str + reader->used, reader->input->len - reader->used};
    const char *feed = memchr(rest.data, '\n', rest.len);
    size_t len = feed == NULL ? rest.len : (size_t)(feed - rest.data);

    if (feed == NULL && len <= DSN_ANSWER_MAX)
        return false;
    if (len > DSN_ANSWER_MAX) { /* what follows is of no use any more */
        reader->used = reader->input->len;
        *ret_answer = (DsnAnswer){DSN_ANSWER_NONE, {rest.data, DSN_ANSWER_MAX}};
        return true;
    }
    reader->used += len + 1;
    if (len > 0 && rest.data[len - 1] == '\r')
        len--;
    *ret_answer = (DsnAnswer){kind_of((DsnSpan){rest.data, len}), {rest.data, len}};
    return true;
}
