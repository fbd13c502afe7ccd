/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/lines.h"

bool
dsn_lines_next(DsnLines *lines, DsnSpan *ret_line)
{
    if (lines->rest.len == 0)
        return false;

    const char *start = lines->rest.data, *end = start + lines->rest.len;
    if (lines->feed == NULL || lines->feed < start) {
        lines->feed = memchr(start, '\n', lines->rest.len);
        if (lines->feed == NULL)
            lines->feed = end;
    }

    const char *feed = lines->feed;
    const char *stop = memchr(start, '\r', (size_t)(feed - start));
    const char *next = feed == end ? end : feed + 1;
    lines->ended = true;
    if (stop == NULL) {
        stop = feed;
        lines->ended = feed != end;
        lines->repaired |= lines->ended;
    } else if (feed == end || feed > stop + 2 || (feed == stop + 2 && stop[1] != '\r')) {
        next = stop + 1; /* a lone CR */
        lines->repaired = true;
    } else if (feed == stop + 2) {
        lines->repaired = true;
    }
    *ret_line = (DsnSpan){start, (size_t)(stop - start)};
    lines->rest = (DsnSpan){next, (size_t)(end - next)};
    return true;
}

DsnLinesSurvey
dsn_lines_survey(DsnSpan text)
{
    DsnLines lines = DSN_LINES(text);
    DsnLinesSurvey found = {
        .nul = text.len > 0 && memchr(text.data, '\0', text.len) != NULL,
        .eight_bit = dsn_span_ascii_prefix(text) < text.len,
    };

    for (DsnSpan line; dsn_lines_next(&lines, &line);)
        found.longest = MAX(found.longest, line.len);
    found.repair = lines.repaired;
    return found;
}

void
dsn_lines_append_repaired(DsnSpan text, GString *ret_text)
{
    DsnLines lines = DSN_LINES(text);
    DsnSpan line;

    while (dsn_lines_next(&lines, &line)) {
        g_string_append_len(ret_text, line.data, (gssize)line.len);
        if (lines.ended)
            g_string_append_len(ret_text, "\r\n", 2);
    }
}
