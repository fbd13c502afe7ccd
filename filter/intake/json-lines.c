/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/json-lines.h"

void
dsn_json_lines_clear(DsnJsonLines *lines)
{
    dsn_window_clear(&lines->window);
}

/* Reads the next line, blank or not. */
static DsnLineResult
next_line(DsnJsonLines *lines, DsnSpan *ret_line, GError **error)
{
    DsnWindow *window = &lines->window;
    size_t searched = 0;
    bool long_line = false;

    dsn_window_drop(window, lines->used);
    lines->used = 0;
    for (;;) {
        DsnSpan view = dsn_window_view(window);
        const char *feed = memchr(view.data + searched, '\n', view.len - searched);

        if (feed != NULL || (window->ended && (view.len > 0 || long_line))) {
            size_t len = feed == NULL ? view.len : (size_t)(feed - view.data);

            lines->line++;
            lines->used = feed == NULL ? len : len + 1;
            *ret_line = (DsnSpan){view.data, len};
            return long_line || len > lines->max ? DSN_LINE_TOO_LONG : DSN_LINE_READ;
        }
        if (window->ended)
            return DSN_LINE_END;
        searched = view.len;
        if (searched > lines->max) {
            long_line = true;
            dsn_window_drop(window, searched);
            searched = 0;
        }
        if (!dsn_window_more(window, error))
            return DSN_LINE_FAILED;
    }
}

DsnLineResult
dsn_json_lines_next(DsnJsonLines *lines, DsnSpan *ret_line, GError **error)
{
    DsnLineResult result;

    do {
        result = next_line(lines, ret_line, error);
        *ret_line = result == DSN_LINE_READ ? dsn_span_trim(*ret_line) : DSN_SPAN_ABSENT;
    } while (result == DSN_LINE_READ && ret_line->len == 0);
    return result;
}
