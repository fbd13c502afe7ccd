/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/cli/commands.h"

#include <stdio.h>
#include <string.h>

#include "filter/cli/ask.h"
#include "filter/cli/options.h"
#include "filter/cli/terminal.h"
#include "filter/core/clean-text.h"
#include "filter/core/reason.h"

static const char COMMAND[] = "why";

/* The options as they were given; NULL and FALSE where one was not. */
typedef struct Arguments {
    char *config;
    char *spool;
    gboolean json;
    char **words;
} Arguments;

static void
clear_arguments(Arguments *arguments)
{
    g_free(arguments->config);
    g_free(arguments->spool);
    g_strfreev(arguments->words);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, clear_arguments)

/* ---- what people read ---- */

/* Appends @before and the member @key of @line, if it has one. */
static void
append_member(const json_t *line, const char *before, const char *key, GString *text)
{
    const char *value = dsn_ask_text(line, key);

    if (value == NULL)
        return;
    g_string_append(text, before);
    dsn_append_clean(text, dsn_span(value));
}

/* "2026-11-21T10:05:00.25Z" as local time. */
static void
append_when(const json_t *line, GString *text)
{
    const char *given = dsn_ask_text(line, "time");
    g_autoptr(GDateTime) time = given == NULL ? NULL : g_date_time_new_from_iso8601(given, NULL);

    if (time != NULL)
        dsn_append_time(text, g_date_time_to_unix(time));
    g_string_append(text, "  ");
}

static void
append_attempts(const json_t *line, GString *text)
{
    gint64 attempts = dsn_ask_number(line, "attempts");

    g_string_append_printf(text, "%" G_GINT64_FORMAT " attempt%s", attempts,
                           attempts == 1 ? "" : "s");
}

/* "outlet webhook:crm"; false for what is about a notice. */
static bool
append_outlet(const json_t *line, GString *text)
{
    append_member(line, "outlet ", "outlet", text);
    return dsn_ask_text(line, "outlet") != NULL;
}

static void
append_sent(const json_t *line, GString *text)
{
    if (append_outlet(line, text)) {
        g_string_append(text, " has the record");
        append_member(line, ", in ", "file", text);
        append_member(line, ": ", "reply", text);
        return;
    }
    append_member(line, "the notice was taken by relay ", "relay", text);
    g_string_append(text, ", after ");
    append_attempts(line, text);
    append_member(line, ": ", "reply", text);
}

static void
append_retry(const json_t *line, GString *text)
{
    append_member(line, "relay ", "relay", text);
    g_string_append(text, append_outlet(line, text) ? " could not hand on the record, after "
                                                    : " did not take the notice, after ");
    append_attempts(line, text);
    g_string_append(text, "; again at ");
    dsn_append_time(text, dsn_ask_number(line, "next_attempt"));
    append_member(line, ": ", "reply", text);
}

static void
append_dead(const json_t *line, GString *text)
{
    bool record = append_outlet(line, text);

    append_member(line, "relay ", "relay", text);
    g_string_append(text, record ? " could not hand on the record, which is a dead letter now"
                                 : " did not take the notice, which is a dead letter now");
    if (dsn_ask_number(line, "attempts") > 0) { /* 0: it was none from the start */
        g_string_append(text, ", after ");
        append_attempts(line, text);
    }
    append_member(line, ": ", "reply", text);
}

static void
append_retried(const json_t *line, GString *text)
{
    (void)line; /* it has nothing more to say */
    g_string_append(text, "an administrator had it tried again");
}

static void
append_erased(const json_t *line, GString *text)
{
    (void)line; /* that says nothing any more */
    g_string_append(text, "what was remembered here was erased");
}

static void
append_dropped(const json_t *line, GString *text)
{
    (void)line; /* it has nothing more to say */
    g_string_append(text, "an administrator dropped it");
}

static void
append_recipients(const json_t *line, GString *text)
{
    const json_t *recipients = json_object_get(line, "recipients");
    gint64 more = dsn_ask_number(line, "more_recipients");
    const json_t *recipient;
    size_t i;

    json_array_foreach(recipients, i, recipient)
    {
        const char *address = json_string_value(recipient);

        g_string_append(text, i == 0 ? " for " : ", ");
        dsn_append_clean(text, dsn_span(address == NULL ? "?" : address));
    }
    if (more > 0)
        g_string_append_printf(text, " and %" G_GINT64_FORMAT " more", more);
}

/* The null sender as it is in SMTP. */
static void
append_sender(const json_t *line, GString *text)
{
    if (g_strcmp0(dsn_ask_text(line, "sender"), "") == 0)
        g_string_append(text, " from <>");
    else
        append_member(line, " from ", "sender", text);
}

/* Why there is no notice, in words and by its token. */
static void
append_reason(const json_t *line, GString *text)
{
    const char *reason = dsn_ask_text(line, "reason");
    const char *words = reason == NULL ? NULL : dsn_reason_in_words(reason);

    if (reason == NULL)
        return;
    g_string_append(text, "; no notice: ");
    g_string_append(text, words == NULL ? "" : words);
    append_member(line, words == NULL ? "" : " (", "reason", text);
    append_member(line, ", ", "rate", text);
    g_string_append(text, words == NULL ? "" : ")");
}

static void
append_result(const json_t *line, GString *text)
{
    const char *result = dsn_ask_text(line, "result");

    if (result == NULL)
        return;
    if (strcmp(result, "notice") == 0)
        g_string_append(text, "; a notice was made");
    else if (strcmp(result, "merged") == 0)
        g_string_append(text, "; it went into the notice that waited");
    else
        append_member(line, "; ", "result", text);
    append_member(line, ", Message-ID ", "message_id", text);
}

/* Something came in: a record, or mail. */
static void
append_intake(const json_t *line, GString *text)
{
    const json_t *records = json_object_get(line, "records");

    append_member(line, "", "event", text);
    append_recipients(line, text);
    append_member(line, " for ", "recipient", text);
    append_sender(line, text);
    append_member(line, ", tenant ", "tenant", text);
    append_member(line, ", posted by ", "client", text);
    append_member(line, ", queue id ", "queue_id", text);
    append_member(line, ", capture ", "capture", text);
    append_member(line, "; action ", "action", text);
    append_reason(line, text);
    append_result(line, text);
    if (records != NULL)
        g_string_append_printf(text, "; records made: %" JSON_INTEGER_FORMAT,
                               json_integer_value(records));
}

static void
append_fate(const json_t *line, const char *state, GString *text)
{
    gint64 attempts = dsn_ask_number(line, "attempts");
    gint64 next = dsn_ask_number(line, "next_attempt");

    if (json_object_get(line, "entry") == NULL) { /* in the stream */
        g_string_append_printf(text, "%-19s  the record waits for ", "now");
        (void)append_outlet(line, text); /* it has one */
        g_string_append_c(text, '\n');
        return;
    }
    g_string_append_printf(text, "%-19s  entry %" G_GINT64_FORMAT " ", "now",
                           dsn_ask_number(line, "entry"));
    if (strcmp(state, "gone") == 0) {
        g_string_append(text, "is not in the queue any more\n");
        return;
    }
    g_string_append(text, strcmp(state, "dead") == 0 ? "is a dead letter" : "waits in the queue");
    append_member(line, " for relay ", "relay", text);
    append_member(line, " for outlet ", "outlet", text);
    append_member(line, " to ", "recipient", text);
    if (attempts > 0) {
        g_string_append(text, ", after ");
        append_attempts(line, text);
    }
    if (next > 0) {
        g_string_append(text, ", next ");
        dsn_append_time(text, next);
    }
    append_member(line, ": ", "reason", text);
    g_string_append_c(text, '\n');
}

static const struct {
    const char *event;
    void (*append)(const json_t *line, GString *text);
} events[] = {
    {"dead", append_dead},       {"dropped", append_dropped}, {"erased", append_erased},
    {"retried", append_retried}, {"retry", append_retry},     {"sent", append_sent},
};

static void
print_line(const json_t *line, GString *text)
{
    const char *event = dsn_ask_text(line, "event");
    const char *state = dsn_ask_text(line, "state");
    void (*append)(const json_t *line, GString *text) = append_intake;

    if (state != NULL) {
        append_fate(line, state, text);
        return;
    }
    if (event == NULL) /* another name, which is followed */
        return;
    for (size_t i = 0; i < G_N_ELEMENTS(events); i++)
        if (strcmp(event, events[i].event) == 0)
            append = events[i].append;
    append_when(line, text);
    append(line, text);
    g_string_append_c(text, '\n');
}

/* ---- the command ---- */

static void
complain_unknown(const char *id, gint64 keep)
{
    static const struct {
        gint64 seconds;
        const char *name;
    } units[] = {{86400, "days"}, {3600, "hours"}, {60, "minutes"}, {1, "seconds"}};
    size_t i = 0;

    if (keep <= 0) { /* only the daemon knows how long */
        dsn_complain("why: nothing is known about %s; what happens is remembered for history.keep",
                     id);
        return;
    }
    while (keep % units[i].seconds != 0)
        i++;
    dsn_complain("why: nothing is known about %s; what happens is remembered for %" G_GINT64_FORMAT
                 " %s (history.keep)",
                 id, keep / units[i].seconds, units[i].name);
}

static int
run(const Arguments *arguments)
{
    const DsnAsk ask = {COMMAND, arguments->config, arguments->spool, arguments->json};
    const char *id = arguments->words == NULL ? NULL : arguments->words[0];
    int status;

    if (id == NULL || *id == '\0' || arguments->words[1] != NULL)
        return dsn_usage_error(COMMAND, "expected one id of a record or report, or a Message-ID");
    if (!g_utf8_validate(id, -1, NULL))
        return dsn_usage_error(COMMAND, "the id is no text in UTF-8");
    json_auto_t *request = json_pack("{s:s,s:s}", "command", COMMAND, "id", id);
    json_auto_t *done = dsn_ask(&ask, request, print_line, &status);
    if (done == NULL)
        return status;
    if (dsn_ask_number(done, "count") > 0)
        return DSN_EXIT_DONE;
    complain_unknown(id, dsn_ask_number(done, "keep"));
    return DSN_EXIT_FAILED;
}

int
dsn_cli_why(int argc, char **argv)
{
    g_auto(Arguments) arguments = {.config = NULL};
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &arguments.config,
         "Find the spool in FILE instead of " DSN_DEFAULT_FILE, "FILE"},
        {"spool", 0, 0, G_OPTION_ARG_FILENAME, &arguments.spool,
         "The directory of the spool, whatever the configuration says", "DIRECTORY"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &arguments.json, "Print JSON lines", NULL},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &arguments.words, NULL, NULL},
        G_OPTION_ENTRY_NULL,
    };
    const DsnUsage usage = {
        .command = COMMAND,
        .arguments = "ID",
        .summary = "Tells what happened to a message: what was taken in, why a notice was made or "
                   "not, and what became of it.",
        .description = "ID is the id of a record, the id in the records of a report, or the "
                       "Message-ID of a\nnotice or of an original.\n\n"
                       "Exit status: 0 done, 1 failed or nothing is known, 2 wrong use or "
                       "configuration.",
        .entries = entries,
    };
    int status;

    if (!dsn_options_read(&usage, argc, argv, &status))
        return status;
    return run(&arguments);
}
