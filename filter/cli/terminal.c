/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "filter/core/clean-text.h"
#include "filter/core/write-file.h"

G_GNUC_PRINTF(2, 0)
static void
append_complaint(GString *lines, const char *format, va_list arguments)
{
    g_autofree char *text = g_strdup_vprintf(format, arguments);

    g_string_append(lines, "dsnarf: ");
    dsn_append_clean(lines, dsn_span(text));
    g_string_append_c(lines, '\n');
}

void
dsn_append_complaint(GString *lines, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    append_complaint(lines, format, arguments);
    va_end(arguments);
}

void
dsn_complain(const char *format, ...)
{
    g_autoptr(GString) line = g_string_new(NULL);
    va_list arguments;

    va_start(arguments, format);
    append_complaint(line, format, arguments);
    va_end(arguments);
    dsn_say(line);
}

void
dsn_complain_lines(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (char **line = lines; *line != NULL; line++) {
        if (**line != '\0')
            dsn_complain("%s", *line);
    }
}

const char *
dsn_input_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

void
dsn_say(const GString *lines)
{
    /* Where nobody can be told there is nobody to tell that. */
    (void)dsn_write_all(STDERR_FILENO, (DsnSpan){lines->str, lines->len}, NULL);
}

void
dsn_append_count(GString *text, guint64 count)
{
    size_t start = text->len;

    g_string_append_printf(text, "%" G_GUINT64_FORMAT, count);
    for (size_t i = text->len; i > start + 3;) {
        i -= 3;
        g_string_insert_c(text, (gssize)i, ',');
    }
}

bool
dsn_is_terminal(int fd)
{
    return isatty(fd) == 1;
}

bool
dsn_wants_colour(int fd)
{
    const char *declined = g_getenv("NO_COLOR");

    return dsn_is_terminal(fd) && (declined == NULL || *declined == '\0') &&
           g_strcmp0(g_getenv("TERM"), "dumb") != 0;
}

unsigned
dsn_terminal_width(int fd)
{
    struct winsize size;

    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}
