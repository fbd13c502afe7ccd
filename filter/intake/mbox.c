/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/mbox.h"

#include <stdint.h>

static const char FROM[] = "From ";
#define FROM_LEN (sizeof(FROM) - 1)

/* Everybody writes the date after the address, but in too many forms to name them all; what they
 * share is the time, and a sentence that begins with "From" seldom has one. */
static bool
is_from_line(DsnSpan line)
{
    if (line.len < FROM_LEN || memcmp(line.data, FROM, FROM_LEN) != 0)
        return false;

    const char *end = line.data + MIN(line.len, DSN_MBOX_LOOK);
    const char *from = line.data + FROM_LEN;
    const char *colon;
    while ((colon = memchr(from, ':', (size_t)(end - from))) != NULL) {
        if (colon + 2 < end && g_ascii_isdigit(colon[-1]) && g_ascii_isdigit(colon[1]) &&
            g_ascii_isdigit(colon[2]))
            return true;
        from = colon + 1;
    }
    return false;
}

static DsnSpan
first_line(DsnSpan text)
{
    const char *feed = memchr(text.data, '\n', text.len);

    return (DsnSpan){text.data, feed == NULL ? text.len : (size_t)(feed - text.data)};
}

bool
dsn_mbox_begins(DsnSpan start)
{
    return is_from_line(first_line(start));
}

/* The start of the line end at @feed if that ends an empty line, else SIZE_MAX. */
static size_t
empty_line(DsnSpan view, size_t feed)
{
    size_t end = feed > 0 && view.data[feed - 1] == '\r' ? feed - 1 : feed;

    return end == 0 || view.data[end - 1] == '\n' ? end : SIZE_MAX;
}

/* Looks for a "From " line after an empty one. Found: *ret_end is where the message ends,
 * *ret_next where the line begins. Else *searched is how far the search needs not be repeated. */
static bool
find_separator(const DsnWindow *window, size_t *searched, size_t *ret_end, size_t *ret_next)
{
    DsnSpan view = dsn_window_view(window);

    for (;;) {
        const char *found =
            memmem(view.data + *searched, view.len - *searched, "\nFrom ", 1 + FROM_LEN);
        if (found == NULL) {
            *searched = MAX(*searched, view.len - MIN(view.len, FROM_LEN));
            return false;
        }

        size_t feed = (size_t)(found - view.data);
        DsnSpan line = first_line(dsn_span_from(view, feed + 1));
        *searched = feed;
        if (feed + 1 + line.len == view.len && line.len < DSN_MBOX_LOOK && !window->ended)
            return false; /* the line may go on */
        *ret_end = empty_line(view, feed);
        *ret_next = feed + 1;
        if (*ret_end != SIZE_MAX && is_from_line(line))
            return true;
        *searched = feed + 1;
    }
}

static void
append_unquoted(GString *buffer, DsnSpan text)
{
    static const char quoted[] = ">From ";
    const char *end = text.data + text.len;
    const char *done = text.data;
    const char *from = done;
    const char *found;

    while ((found = memmem(from, (size_t)(end - from), quoted, sizeof(quoted) - 1)) != NULL) {
        from = found + sizeof(quoted) - 1;
        while (found > done && found[-1] == '>')
            found--;
        if (found > text.data && found[-1] != '\n')
            continue;
        g_string_append_len(buffer, done, found - done);
        done = found + 1;
    }
    g_string_append_len(buffer, done, end - done);
}

/* Takes a line from the window. False: there is none, or @error is set. */
static bool
drop_line(DsnWindow *window, GError **error)
{
    bool begun = false;

    for (;;) {
        DsnSpan view = dsn_window_view(window);
        DsnSpan line = first_line(view);

        if (line.len < view.len) {
            dsn_window_drop(window, line.len + 1);
            return true;
        }
        dsn_window_drop(window, view.len);
        begun = begun || view.len > 0;
        if (window->ended)
            return begun;
        if (!dsn_window_more(window, error))
            return false;
    }
}

/* The last message ends with the empty line that would stand before the next one. */
static DsnSpan
without_last_empty_line(DsnSpan text)
{
    if (text.len > 0 && text.data[text.len - 1] == '\n') {
        size_t end = empty_line(text, text.len - 1);

        if (end != SIZE_MAX)
            text.len = end;
    }
    return text;
}

bool
dsn_mbox_next(DsnWindow *window, size_t max, GString *buffer, GError **error)
{
    size_t searched = 0;
    bool cut = false;

    if (!drop_line(window, error))
        return false;
    for (;;) {
        size_t end, next;
        bool found = find_separator(window, &searched, &end, &next);
        DsnSpan view = dsn_window_view(window);

        if (!found && window->ended) {
            end = without_last_empty_line(view).len;
            next = view.len;
            found = true;
        }
        /* Short of a separator, what was searched may end with an empty line and be that much less.
         */
        if (!cut && (found ? end > max : searched > max + 2)) {
            g_string_append_len(buffer, view.data, (gssize)(max + 1));
            cut = true;
        }
        if (found) {
            if (!cut)
                append_unquoted(buffer, (DsnSpan){view.data, end});
            dsn_window_drop(window, next);
            return true;
        }
        if (cut && searched > 2) { /* two bytes tell whether an empty line came before */
            dsn_window_drop(window, searched - 2);
            searched = 2;
        }
        if (!dsn_window_more(window, error))
            return false;
    }
}
