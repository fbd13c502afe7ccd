/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/cli/progress.h"

#include <unistd.h>

#include "filter/cli/terminal.h"

#define PATIENCE G_USEC_PER_SEC
#define INTERVAL (G_USEC_PER_SEC / 10)
#define BAR_WIDTH 30U

struct DsnProgress {
    const char *unit;
    bool enabled;
    bool colour;
    bool shown;
    gint64 started; /* monotonic microseconds */
    gint64 drawn;
};

DsnProgress *
dsn_progress_new_alone(const char *unit)
{
    DsnProgress *progress = g_new0(DsnProgress, 1);

    progress->unit = unit;
    progress->enabled = dsn_is_terminal(STDERR_FILENO) && g_strcmp0(g_getenv("TERM"), "dumb") != 0;
    progress->colour = dsn_wants_colour(STDERR_FILENO);
    progress->started = g_get_monotonic_time();
    progress->drawn = progress->started + PATIENCE - INTERVAL;
    return progress;
}

DsnProgress *
dsn_progress_new(const char *unit)
{
    DsnProgress *progress = dsn_progress_new_alone(unit);

    progress->enabled = progress->enabled && !dsn_is_terminal(STDOUT_FILENO);
    return progress;
}

void
dsn_progress_free(DsnProgress *progress)
{
    if (progress == NULL)
        return;
    dsn_progress_hide(progress);
    g_free(progress);
}

static void
append_bar(GString *line, double fraction, unsigned width, bool colour)
{
    unsigned full = (unsigned)(fraction * width + 0.5);

    g_string_append_c(line, '[');
    g_string_append(line, colour ? "\033[32m" : "");
    for (unsigned i = 0; i < width; i++)
        g_string_append_c(line, i < full ? '#' : '.');
    g_string_append(line, colour ? "\033[0m" : "");
    g_string_append_c(line, ']');
}

/* "12,345 messages, 6,789/s, 0:42 left" */
static void
append_numbers(GString *text, const DsnProgress *progress, double fraction, guint64 count,
               gint64 now)
{
    double seconds = (double)(now - progress->started) / G_USEC_PER_SEC;

    dsn_append_count(text, count);
    g_string_append_printf(text, " %s, ", progress->unit);
    dsn_append_count(text, (guint64)((double)count / seconds));
    g_string_append(text, "/s");
    if (fraction > 0.001) {
        guint64 left = (guint64)(seconds / fraction * (1 - fraction) + 0.5);

        g_string_append_printf(text, ", %" G_GUINT64_FORMAT ":%02u left", left / 60,
                               (unsigned)(left % 60));
    }
}

void
dsn_progress_update(DsnProgress *progress, double fraction, guint64 count)
{
    gint64 now = g_get_monotonic_time();

    if (!progress->enabled || now - progress->drawn < INTERVAL)
        return;

    g_autoptr(GString) numbers = g_string_new(NULL);
    append_numbers(numbers, progress, fraction, count, now);

    /* "\r 45 % [####....] numbers", one column short of the edge, where some terminals wrap. */
    unsigned columns = dsn_terminal_width(STDERR_FILENO);
    unsigned around = (unsigned)numbers->len + sizeof(" 45 % [] ");
    unsigned room = columns > around ? columns - around : 0;
    g_autoptr(GString) line = g_string_new("\r");
    g_string_append_printf(line, "%3u %% ", (unsigned)(fraction * 100));
    if (room > 1)
        append_bar(line, fraction, MIN(room, BAR_WIDTH), progress->colour);
    g_string_append_printf(line, " %.*s\033[K", (int)columns - 7, numbers->str);
    dsn_say(line);
    progress->drawn = now;
    progress->shown = true;
}

void
dsn_progress_hide(DsnProgress *progress)
{
    if (progress->shown) {
        g_autoptr(GString) wipe = g_string_new("\r\033[K");

        dsn_say(wipe);
        progress->shown = false;
    }
}
