/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/cli/template.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "filter/cli/options.h"
#include "filter/cli/terminal.h"
#include "filter/core/read-file.h"
#include "filter/core/write-file.h"

#define FILE_MAX 1048576

/* What Postfix writes behind the text of a template: whom it is about, and why. */
static const char RECIPIENTS[] =
    "{% for r in recipients %}\n"
    "{{ (\"<\" ~ r.address ~ \">: \" ~ (r.diagnostic or r.meaning)) | fill(76, \"\", \"    \") }}\n"
    "{% endfor %}";

/* The templates of bounce(5), and what they are used for here. */
static const struct {
    const char *name;
    DsnTopic topics[4];
    size_t n_topics;
} templates[] = {
    {"failure_template", {DSN_TOPIC_FAILED, DSN_TOPIC_EXPIRED}, 2},
    {"delay_template", {DSN_TOPIC_DELAYED}, 1},
    {"success_template",
     {DSN_TOPIC_DELIVERED, DSN_TOPIC_RELAYED, DSN_TOPIC_EXPANDED, DSN_TOPIC_LATE},
     4},
};

/* The units of time that a parameter can end in. */
static const struct {
    const char *suffix;
    unsigned seconds;
} units[] = {
    {"_seconds", 1}, {"_minutes", 60}, {"_hours", 3600}, {"_days", 86400}, {"_weeks", 604800},
};

typedef struct Import {
    const char *file, *directory, *language;
    unsigned line; /* being read */
    unsigned written;
    bool good;
} Import;

static void complain(Import *import, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void
complain(Import *import, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    dsn_complain("%s:%u: %s", import->file, import->line, text);
}

/* "delay_warning_time_hours" with its name before the unit; 0 when it is another parameter. */
static unsigned
unit_of(const char *name, const char *parameter)
{
    size_t length = strlen(parameter);

    for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
        if (strncmp(name, parameter, length) == 0 && strcmp(name + length, units[i].suffix) == 0)
            return units[i].seconds;
    }
    return 0;
}

static void
append_parameter(Import *import, GString *text, const char *name)
{
    unsigned delay = unit_of(name, "delay_warning_time");
    unsigned lifetime = unit_of(name, "maximal_queue_lifetime");

    if (strcmp(name, "myhostname") == 0) {
        g_string_append(text, "{{ hostname }}");
    } else if (strcmp(name, "mydomain") == 0) {
        g_string_append(text, "{{ hostname | split(\".\", 1) | last }}");
    } else if (delay > 0) {
        g_string_append_printf(text, "{{ (threshold or delay or 0) * 3600 // %u }}", delay);
    } else if (lifetime > 0) {
        g_string_append_printf(text, "%u", 5 * 86400 / lifetime);
        complain(import, "$%s became %u, Postfix's default; notice.lifetime says what holds", name,
                 5 * 86400 / lifetime);
    } else {
        g_string_append_printf(text, "$%s", name);
        complain(import, "$%s is not known here and stands as it was", name);
        import->good = false;
    }
}

/* One character of text that is none of Postfix's. What would begin a tag here is quoted. */
static const char *
append_plain(GString *text, const char *at)
{
    if (*at == '{' && at[1] != '\0' && strchr("{%#", at[1]) != NULL) {
        g_string_append_printf(text, "{{ \"%.2s\" }}", at);
        return at + 2;
    }
    g_string_append_c(text, *at);
    return at + 1;
}

/* A line of text: "$$", "$name", "${name}", "$(name)". */
static void
append_line(Import *import, GString *text, const char *at)
{
    while (*at != '\0') {
        if (*at != '$') {
            at = append_plain(text, at);
            continue;
        }
        const char *name = at + 1;
        char close = *name == '{' ? '}' : *name == '(' ? ')' : '\0';
        size_t length = strspn(name + (close != '\0'), G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "_");

        if (close != '\0')
            name++;
        if (*name == '$' || length == 0 || (close != '\0' && name[length] != close)) {
            g_string_append_c(text, '$');
            at += *name == '$' && close == '\0' ? 2 : 1;
            continue;
        }
        g_autofree char *word = g_strndup(name, length);
        append_parameter(import, text, word);
        at = name + length + (close != '\0');
    }
    g_string_append_c(text, '\n');
}

/* One header line of a template. */
static void
read_header(Import *import, const char *line, GString *subject, char **charset)
{
    const char *colon = strchr(line, ':');
    g_autofree char *value = g_strstrip(g_strdup(colon == NULL ? "" : colon + 1));

    if (g_ascii_strncasecmp(line, "Subject:", 8) == 0) {
        g_string_truncate(subject, 0);
        for (const char *at = value; *at != '\0';)
            at = append_plain(subject, at);
    } else if (g_ascii_strncasecmp(line, "Charset:", 8) == 0) {
        g_free(*charset);
        *charset = g_steal_pointer(&value);
    } else if (g_ascii_strncasecmp(line, "From:", 5) == 0) {
        complain(import, "who the notices are from is said by notice.from: %s", value);
    } else if (g_ascii_strncasecmp(line, "Postmaster-Subject:", 19) != 0) {
        complain(import, "this header has no meaning");
        import->good = false;
    }
}

/* @text in UTF-8; NULL after a complaint. */
static char *
to_utf8(Import *import, const char *text, const char *charset)
{
    g_autoptr(GError) error = NULL;
    char *converted =
        g_convert(text, -1, "UTF-8", charset == NULL ? "US-ASCII" : charset, NULL, NULL, &error);

    if (converted == NULL)
        complain(import, "%s", error->message);
    return converted;
}

static void
write_texts(Import *import, size_t which, const char *text)
{
    for (size_t i = 0; i < templates[which].n_topics; i++) {
        g_autofree char *name = g_strdup_printf(
            "%s.%s.txt", dsn_topic_to_string(templates[which].topics[i]), import->language);
        g_autoptr(GError) error = NULL;

        if (dsn_write_new_file(import->directory, name, dsn_span(text), &error)) {
            import->written++;
            continue;
        }
        dsn_complain("%s/%s: %s", import->directory, name, error->message);
        import->good = false;
    }
}

/* The lines of one template, up to its end mark; returns the line behind it. */
static char **
read_template(Import *import, const char *name, char **lines, const char *mark)
{
    g_autoptr(GString) subject = g_string_new("{{ default_subject }}"), body = g_string_new(NULL);
    g_autofree char *charset = NULL;
    unsigned first = import->line;
    size_t which = 0;
    bool header = true;

    while (which < G_N_ELEMENTS(templates) && strcmp(templates[which].name, name) != 0)
        which++;
    for (; *lines != NULL && strcmp(*lines, mark) != 0; lines++) {
        import->line++;
        if (which == G_N_ELEMENTS(templates))
            continue;
        header = header && **lines != '\0' && strchr(*lines, ':') != NULL && **lines != ' ';
        if (header)
            read_header(import, *lines, subject, &charset);
        else if (body->len > 0 || **lines != '\0')
            append_line(import, body, *lines);
    }
    if (*lines == NULL || which == G_N_ELEMENTS(templates)) {
        unsigned last = import->line;

        import->line = first;
        if (*lines == NULL)
            complain(import, "the text of %s has no end \"%s\"", name, mark);
        else
            complain(import, "%s has no use here", name);
        import->line = last;
        import->good = import->good && *lines != NULL;
    } else {
        g_autofree char *whole =
            g_strdup_printf("Subject: %s\n\n%s%s\n", subject->str, body->str, RECIPIENTS);
        g_autofree char *text = to_utf8(import, whole, charset);

        if (text != NULL)
            write_texts(import, which, text);
        import->good = import->good && text != NULL;
    }
    import->line++;
    return *lines == NULL ? lines : lines + 1;
}

static void
read_file(Import *import, char **lines)
{
    while (*lines != NULL) {
        g_autofree char *line = g_strstrip(g_strdup(*lines));
        g_auto(GStrv) sides = g_strsplit(line, "=", 2);

        import->line++;
        lines++;
        if (*line == '\0' || *line == '#')
            continue;
        const char *mark = sides[1] == NULL ? "" : g_strstrip(sides[1]);
        if (!g_str_has_prefix(mark, "<<")) {
            complain(import, "this is no \"name_template = <<EOF\"");
            import->good = false;
            continue;
        }
        g_autofree char *word = g_strstrip(g_strdup(mark + 2));
        lines = read_template(import, g_strstrip(sides[0]), lines, word);
    }
}

int
dsn_template_import(const char *file, const char *directory, const char *language)
{
    Import import = {.file = file, .directory = directory, .language = language, .good = true};
    g_autoptr(GError) error = NULL;
    gsize length;
    g_autofree char *text = dsn_read_file(file, FILE_MAX, &length, &error);

    if (text == NULL) {
        dsn_complain("%s: %s", file, error->message);
        return DSN_EXIT_FAILED;
    }
    if (g_access(directory, W_OK | X_OK) != 0) {
        dsn_complain("%s: %s", directory, g_strerror(errno));
        return DSN_EXIT_FAILED;
    }
    if (memchr(text, '\0', length) != NULL) {
        dsn_complain("%s: this is no text", file);
        return DSN_EXIT_FAILED;
    }
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line != NULL; line++)
        (void)g_strchomp(*line); /* Postfix shows no blanks at the ends of lines either */
    read_file(&import, lines);
    if (import.written == 0) {
        dsn_complain("%s: no text of a notice was written", file);
        return DSN_EXIT_FAILED;
    }
    (void)printf("%u texts in %s; \"dsnarf template check %s\" tries them\n", import.written,
                 directory, directory);
    return import.good ? DSN_EXIT_DONE : DSN_EXIT_FAILED;
}
