/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/cli/ask.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "filter/cli/commands.h"
#include "filter/cli/options.h"
#include "filter/cli/terminal.h"
#include "filter/core/configuration.h"
#include "filter/daemon/control-client.h"
#include "filter/daemon/queue-commands.h"
#include "filter/intake/json-lines.h"

/* The spool's directory as it was given or configured (transfer full), NULL after a complaint. Only
 * the option counts: a daemon can be asked when the rest of its configuration is wrong. */
static char *
spool_directory(const DsnAsk *ask)
{
    const char *file = ask->config == NULL ? DSN_DEFAULT_FILE : ask->config;
    g_autoptr(GError) error = NULL;

    if (ask->spool != NULL)
        return g_canonicalize_filename(ask->spool, NULL);
    g_autoptr(DsnConfiguration) configuration = dsn_configuration_load(file, &error);
    if (configuration == NULL) {
        dsn_complain_lines(error->message);
        dsn_complain("%s: --spool DIRECTORY does without the configuration", ask->command);
        return NULL;
    }
    return g_strdup(configuration->spool.directory);
}

/* Prints what @lines hold but the last, which it returns (transfer full). */
static json_t *
read_answer(DsnJsonLines *lines, const DsnAsk *ask, DsnPrintLine print, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    DsnSpan line;

    while (dsn_json_lines_next(lines, &line, error) == DSN_LINE_READ) {
        json_auto_t *json = json_loadb(line.data, line.len, 0, NULL);

        if (json_object_get(json, "done") != NULL || json_object_get(json, "error") != NULL)
            return g_steal_pointer(&json);
        g_string_truncate(text, 0);
        if (ask->json) {
            g_string_append_len(text, line.data, (gssize)line.len);
            g_string_append_c(text, '\n');
        } else if (print != NULL) {
            print(json, text);
        }
        (void)fwrite(text->str, 1, text->len, stdout); /* main() looks at its state */
    }
    if (error != NULL && *error == NULL)
        g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "the answer is cut short");
    return NULL;
}

json_t *
dsn_ask(const DsnAsk *ask, const json_t *request, DsnPrintLine print, int *ret_status)
{
    g_autofree char *compact = json_dumps(request, JSON_COMPACT);
    g_autofree char *line = g_strconcat(compact, "\n", NULL);
    g_auto(DsnJsonLines) lines = {.max = DSN_QUEUE_LINE_MAX};
    g_autoptr(GError) error = NULL;

    if (strlen(line) > DSN_QUEUE_REQUEST_MAX) {
        *ret_status = dsn_usage_error(ask->command, "too many entries at once");
        return NULL;
    }
    g_autofree char *directory = spool_directory(ask);
    *ret_status = directory == NULL ? DSN_EXIT_USAGE : DSN_EXIT_FAILED;
    if (directory == NULL)
        return NULL;
    int fd = dsn_control_request(directory, line, &error);
    if (fd >= 0)
        dsn_window_reset(&lines.window, fd, 0);
    json_auto_t *last = fd < 0 ? NULL : read_answer(&lines, ask, print, &error);
    if (fd >= 0)
        (void)close(fd); /* nothing was written */
    const char *problem =
        error != NULL ? error->message : json_string_value(json_object_get(last, "error"));
    if (problem == NULL)
        return json_incref(json_object_get(last, "done"));
    dsn_complain("%s: %s", ask->command, problem);
    return NULL;
}

/* ---- what people read ---- */

const char *
dsn_ask_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

gint64
dsn_ask_number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

void
dsn_append_time(GString *text, gint64 seconds)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(seconds);
    g_autofree char *shown = time == NULL ? g_strdup("?") : g_date_time_format(time, "%F %T");

    g_string_append(text, shown);
}
