/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/log.h"

#include <syslog.h>
#include <unistd.h>

#include "filter/core/clean-text.h"

/* What the writer was opened with: target in the low byte, level above; -1 before that. Log lines
 * come from callbacks and libraries that carry no pointer of ours. */
static gint opened = -1;

static const struct {
    GLogLevelFlags flag;
    int priority;
    const char *word;
} levels[] = {
    [DSN_LOG_ERROR] = {G_LOG_LEVEL_WARNING, LOG_ERR, "error: "},
    [DSN_LOG_WARNING] = {G_LOG_LEVEL_MESSAGE, LOG_WARNING, "warning: "},
    [DSN_LOG_INFO] = {G_LOG_LEVEL_INFO, LOG_INFO, ""},
    [DSN_LOG_DEBUG] = {G_LOG_LEVEL_DEBUG, LOG_DEBUG, "debug: "},
};

static DsnLogLevel
level_of(GLogLevelFlags flags)
{
    if ((flags & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING)) != 0)
        return DSN_LOG_ERROR;
    if ((flags & G_LOG_LEVEL_MESSAGE) != 0)
        return DSN_LOG_WARNING;
    return (flags & G_LOG_LEVEL_INFO) != 0 ? DSN_LOG_INFO : DSN_LOG_DEBUG;
}

static DsnLogTarget
opened_target(void)
{
    return (DsnLogTarget)(g_atomic_int_get(&opened) & 0xff);
}

bool
dsn_log_wanted(DsnLogLevel level)
{
    gint how = g_atomic_int_get(&opened);

    return how < 0 || (gint)level <= how >> 8;
}

/* systemd sets JOURNAL_STREAM for what it connects to the journal, which knows the time and reads
 * the priority from "<6>" (sd-daemon(3)). */
static void
write_stderr(DsnLogLevel level, const char *text)
{
    g_autoptr(GString) line = g_string_new(NULL);

    if (g_getenv("JOURNAL_STREAM") != NULL) {
        g_string_append_printf(line, "<%d>", levels[level].priority);
    } else {
        g_autoptr(GDateTime) now = g_date_time_new_now_local();
        g_autofree char *time = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S.%f%:z ");

        g_string_append(line, time);
    }
    g_string_append_printf(line, "dsnarf[%ld]: %s%s\n", (long)getpid(), levels[level].word, text);
    (void)!write(STDERR_FILENO, line->str, line->len); /* there is nowhere else to say it */
}

static GLogWriterOutput
write_line(GLogLevelFlags flags, const GLogField *fields, gsize n_fields, gpointer user)
{
    DsnLogLevel level = level_of(flags);

    (void)user;
    if (!dsn_log_wanted(level))
        return G_LOG_WRITER_HANDLED;
    for (gsize i = 0; i < n_fields; i++) {
        if (strcmp(fields[i].key, "MESSAGE") != 0)
            continue;

        const char *message = fields[i].value;
        g_autoptr(GString) clean = g_string_new(NULL);

        dsn_append_clean(clean, fields[i].length < 0
                                    ? dsn_span(message)
                                    : (DsnSpan){message, (size_t)fields[i].length});
        if (opened_target() == DSN_LOG_SYSLOG)
            syslog(levels[level].priority, "%s%s", levels[level].word, clean->str);
        else
            write_stderr(level, clean->str);
    }
    return G_LOG_WRITER_HANDLED;
}

void
dsn_log_open(DsnLogTarget target, DsnLogLevel level)
{
    bool first = g_atomic_int_get(&opened) < 0;

    if (target == DSN_LOG_SYSLOG)
        openlog("dsnarf", LOG_PID | LOG_NDELAY, LOG_MAIL);
    g_atomic_int_set(&opened, (gint)level << 8 | (gint)target);
    if (first) /* GLib takes a writer only once */
        g_log_set_writer_func(write_line, NULL, NULL);
}

static void
emit(DsnLogLevel level, const GString *text)
{
    const GLogField field = {"MESSAGE", text->str, (gssize)text->len};

    g_log_structured_array(levels[level].flag, &field, 1);
}

void
dsn_log_begin(DsnLogLine *line, const char *id)
{
    line->text = g_string_sized_new(256);
    if (id != NULL && *id != '\0') {
        dsn_append_clean(line->text, (DsnSpan){id, strnlen(id, DSN_LOG_VALUE_MAX)});
        g_string_append_c(line->text, ':');
    }
}

/* A value that a reader could take for something else is quoted. */
static bool
needs_quotes(DsnSpan value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] == ' ' || value.data[i] == '"' || value.data[i] == '=')
            return true;
    }
    return value.len == 0;
}

void
dsn_log_span(DsnLogLine *line, const char *key, DsnSpan value)
{
    g_autoptr(GString) clean = NULL;
    bool cut = value.len > DSN_LOG_VALUE_MAX;

    if (!dsn_span_present(value))
        return;
    clean = g_string_new(NULL);
    dsn_append_clean(clean, (DsnSpan){value.data, MIN(value.len, DSN_LOG_VALUE_MAX)});
    if (cut)
        g_string_append(clean, "...");
    if (line->text->len > 0)
        g_string_append_c(line->text, ' ');
    g_string_append(line->text, key);
    g_string_append_c(line->text, '=');
    if (needs_quotes((DsnSpan){clean->str, clean->len})) {
        (void)g_string_replace(clean, "\"", "'", 0);
        g_string_append_printf(line->text, "\"%s\"", clean->str);
    } else {
        g_string_append_len(line->text, clean->str, (gssize)clean->len);
    }
}

void
dsn_log_text(DsnLogLine *line, const char *key, const char *value)
{
    dsn_log_span(line, key, dsn_span(value));
}

void
dsn_log_number(DsnLogLine *line, const char *key, int64_t value)
{
    char text[24];

    (void)g_snprintf(text, sizeof(text), "%" G_GINT64_FORMAT, value);
    dsn_log_text(line, key, text);
}

void
dsn_log_end(DsnLogLine *line, DsnLogLevel level)
{
    if (dsn_log_wanted(level))
        emit(level, line->text);
    (void)g_string_free(g_steal_pointer(&line->text), TRUE);
}

void
dsn_log_event(DsnLogLevel level, const char *format, ...)
{
    g_autoptr(GString) text = NULL;
    va_list arguments;

    if (!dsn_log_wanted(level))
        return;
    text = g_string_new(NULL);
    va_start(arguments, format);
    g_string_append_vprintf(text, format, arguments);
    va_end(arguments);
    emit(level, text);
}
