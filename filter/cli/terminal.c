/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "filter/outlet/write-file.h"

/* Line and paragraph separators print, but some viewers of logs begin a line there. */
static bool
is_harmless(gunichar c)
{
    return g_unichar_isprint(c) && c != 0x2028 && c != 0x2029;
}

void
dsn_append_clean(GString *line, const char *text)
{
    const char *end = text + strlen(text);

    while (text < end) {
        gunichar c = g_utf8_get_char_validated(text, end - text);
        bool valid = c != (gunichar)-1 && c != (gunichar)-2;
        size_t len = valid ? (size_t)(g_utf8_next_char(text) - text) : 1;

        if (valid && is_harmless(c))
            g_string_append_len(line, text, (gssize)len);
        else
            for (size_t i = 0; i < len; i++)
                g_string_append_printf(line, "\\x%02x", (unsigned char)text[i]);
        text += len;
    }
}

G_GNUC_PRINTF(2, 0)
static void
append_complaint(GString *lines, const char *format, va_list arguments)
{
    g_autofree char *text = g_strdup_vprintf(format, arguments);

    g_string_append(lines, "dsnarf: ");
    dsn_append_clean(lines, text);
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
