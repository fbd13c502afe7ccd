/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/cli/commands.h"

#include <stdio.h>
#include <string.h>

#include "filter/cli/ask.h"
#include "filter/cli/options.h"
#include "filter/cli/terminal.h"
#include "filter/core/clean-text.h"
#include "filter/core/number.h"
#include "filter/core/option-value.h"

static const char COMMAND[] = "queue";

/* The options as they were given; NULL and FALSE where one was not. */
typedef struct Arguments {
    char *config;
    char *spool;
    char *recipient;
    char *sender;
    char *older_than;
    gboolean all;
    gboolean dead;
    gboolean waiting;
    gboolean content;
    gboolean json;
    char **words; /* the verb and its entries */
} Arguments;

static void
clear_arguments(Arguments *arguments)
{
    g_free(arguments->config);
    g_free(arguments->spool);
    g_free(arguments->recipient);
    g_free(arguments->sender);
    g_free(arguments->older_than);
    g_strfreev(arguments->words);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, clear_arguments)

/* Has @request carried out. Returns what is done (transfer full), or NULL with *@ret_status after a
 * complaint. */
static json_t *
ask(const Arguments *arguments, const json_t *request, DsnPrintLine print, int *ret_status)
{
    const DsnAsk ask = {COMMAND, arguments->config, arguments->spool, arguments->json};

    return dsn_ask(&ask, request, print, ret_status);
}

/* ---- what people read ---- */

/* "failed 3 times, next 2026-11-21 10:05:00: 450 4.2.0 later" */
static void
append_fate(const json_t *entry, GString *text)
{
    gint64 attempts = dsn_ask_number(entry, "attempts");
    const char *reason = dsn_ask_text(entry, "reason");

    if (attempts == 0 && reason == NULL)
        return;
    g_string_append_printf(text, "%10s", "");
    if (attempts > 0)
        g_string_append_printf(text, "%" G_GINT64_FORMAT " attempt%s", attempts,
                               attempts == 1 ? "" : "s");
    if (attempts > 0 && dsn_ask_number(entry, "next_attempt") > 0) {
        g_string_append(text, ", next ");
        dsn_append_time(text, dsn_ask_number(entry, "next_attempt"));
    }
    if (reason != NULL) {
        g_string_append(text, attempts > 0 ? ": " : "");
        dsn_append_clean(text, dsn_span(reason));
    }
    g_string_append_c(text, '\n');
}

/* "  (tenant acme, relay eu)", where there is more than one; "  (outlet webhook:crm)". */
static void
append_belonging(const json_t *entry, GString *text)
{
    static const char *const keys[] = {"tenant", "relay", "outlet"};
    bool any = false;

    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        const char *name = dsn_ask_text(entry, keys[i]);

        if (name == NULL || strcmp(name, "default") == 0)
            continue;
        g_string_append_printf(text, "%s%s ", any ? ", " : "  (", keys[i]);
        dsn_append_clean(text, dsn_span(name));
        any = true;
    }
    if (any)
        g_string_append_c(text, ')');
}

/* Whom a notice goes to, or which record it is. */
static void
append_what(const json_t *entry, GString *text)
{
    const char *recipient = dsn_ask_text(entry, "recipient");
    const char *type = dsn_ask_text(entry, "record_type");
    const char *id = dsn_ask_text(entry, "record_id");

    if (g_strcmp0(dsn_ask_text(entry, "kind"), "record") != 0) {
        dsn_append_clean(text, dsn_span(recipient == NULL ? "-" : recipient));
        return;
    }
    dsn_append_clean(text, dsn_span(type == NULL ? "record" : type));
    g_string_append_c(text, ' ');
    dsn_append_clean(text, dsn_span(id == NULL ? "-" : id));
}

static void
print_row(const json_t *entry, GString *text)
{
    const char *state = dsn_ask_text(entry, "state");

    if (g_strcmp0(dsn_ask_text(entry, "kind"), "rejected") == 0) /* it could not be read */
        state = "rejected";
    g_string_append_printf(text, "%8" G_GINT64_FORMAT "  %-8s %9" G_GINT64_FORMAT "  ",
                           dsn_ask_number(entry, "entry"), state, dsn_ask_number(entry, "size"));
    dsn_append_time(text, dsn_ask_number(entry, "taken_in"));
    g_string_append(text, "  ");
    append_what(entry, text);
    append_belonging(entry, text);
    g_string_append_c(text, '\n');
    append_fate(entry, text);
}

static void
append_pair(GString *text, const char *key, const char *value)
{
    if (value == NULL)
        return;
    g_string_append_printf(text, "%s: ", key);
    dsn_append_clean(text, dsn_span(value));
    g_string_append_c(text, '\n');
}

static void
append_time_pair(GString *text, const char *key, gint64 seconds)
{
    if (seconds <= 0)
        return;
    g_string_append_printf(text, "%s: ", key);
    dsn_append_time(text, seconds);
    g_string_append_c(text, '\n');
}

static void
append_number_pair(GString *text, const char *key, gint64 number)
{
    g_string_append_printf(text, "%s: %" G_GINT64_FORMAT "\n", key, number);
}

static void
append_content(GString *text, const char *base64, bool raw)
{
    gsize len;
    g_autofree guchar *bytes = g_base64_decode(base64, &len);
    DsnSpan content = {(const char *)bytes, len};

    while (!raw && content.len > 0) {
        const char *feed = memchr(content.data, '\n', content.len);
        size_t line = feed == NULL ? content.len : (size_t)(feed - content.data);
        size_t shown = feed != NULL && line > 0 && feed[-1] == '\r' ? line - 1 : line;

        dsn_append_clean(text, (DsnSpan){content.data, shown});
        if (feed != NULL)
            g_string_append_c(text, '\n');
        content = dsn_span_from(content, feed == NULL ? line : line + 1);
    }
    if (raw)
        g_string_append_len(text, content.data, (gssize)content.len);
}

static void
print_entry(const json_t *line, GString *text)
{
    const char *content = dsn_ask_text(line, "content");

    if (content != NULL) {
        append_content(text, content, false);
        return;
    }
    append_number_pair(text, "entry", dsn_ask_number(line, "entry"));
    append_pair(text, "kind", dsn_ask_text(line, "kind"));
    append_pair(text, "state", dsn_ask_text(line, "state"));
    append_pair(text, "record", dsn_ask_text(line, "record_id"));
    append_pair(text, "type", dsn_ask_text(line, "record_type"));
    append_pair(text, "recipient", dsn_ask_text(line, "recipient"));
    append_pair(text, "tenant", dsn_ask_text(line, "tenant"));
    append_pair(text, "relay", dsn_ask_text(line, "relay"));
    append_pair(text, "outlet", dsn_ask_text(line, "outlet"));
    append_number_pair(text, "size", dsn_ask_number(line, "size"));
    append_time_pair(text, "taken in", dsn_ask_number(line, "taken_in"));
    append_number_pair(text, "attempts", dsn_ask_number(line, "attempts"));
    append_time_pair(text, "next attempt", dsn_ask_number(line, "next_attempt"));
    append_pair(text, "reason", dsn_ask_text(line, "reason"));
    g_string_append_c(text, '\n');
}

static void
print_content(const json_t *line, GString *text)
{
    const char *content = dsn_ask_text(line, "content");

    if (content != NULL)
        append_content(text, content, true);
}

/* ---- verbs ---- */

static void
set_if(json_t *request, const char *key, bool value)
{
    if (value)
        json_object_set_new(request, key, json_true());
}

/* A request with the filter that was given (transfer full). */
static json_t *
request_of(const char *command, const Arguments *arguments)
{
    json_t *request = json_pack("{s:s}", "command", command);

    set_if(request, "dead", arguments->dead);
    set_if(request, "waiting", arguments->waiting);
    if (arguments->recipient != NULL)
        json_object_set_new(request, "recipient", json_string(arguments->recipient));
    return request;
}

/* Adds the numbers in @words to @request. False after a complaint. */
static bool
add_entries(json_t *request, char *const *words)
{
    json_t *entries = json_array();

    json_object_set_new(request, "entries", entries);
    for (; *words != NULL; words++) {
        guint64 entry;

        if (!dsn_number_read(*words, 10, 1, G_MAXINT64, &entry)) {
            (void)dsn_usage_error(COMMAND, "an entry is a number as \"list\" shows it, not \"%s\"",
                                  *words);
            return false;
        }
        json_array_append_new(entries, json_integer((json_int_t)entry));
    }
    return true;
}

static int
run_list(const Arguments *arguments)
{
    json_auto_t *request = request_of("list", arguments);
    int status;

    if (arguments->words[1] != NULL)
        return dsn_usage_error(COMMAND, "unexpected argument \"%s\"", arguments->words[1]);
    json_auto_t *done = ask(arguments, request, print_row, &status);
    if (done == NULL)
        return status;
    gint64 count = dsn_ask_number(done, "count");
    if (!arguments->json && count == 0)
        (void)printf("The queue is empty.\n");
    else if (!arguments->json)
        (void)printf("-- %" G_GINT64_FORMAT " entr%s\n", count, count == 1 ? "y" : "ies");
    return DSN_EXIT_DONE;
}

static int
run_show(const Arguments *arguments)
{
    json_auto_t *request = request_of("show", arguments);
    json_auto_t *done = NULL;
    int status;

    if (arguments->words[1] == NULL || arguments->words[2] != NULL)
        return dsn_usage_error(COMMAND, "show takes one entry");
    if (!add_entries(request, arguments->words + 1))
        return DSN_EXIT_USAGE;
    json_object_set(request, "entry", json_array_get(json_object_get(request, "entries"), 0));
    done = ask(arguments, request, arguments->content ? print_content : print_entry, &status);
    if (done == NULL)
        return status;
    if (dsn_ask_number(done, "count") > 0)
        return DSN_EXIT_DONE;
    dsn_complain("queue: there is no entry %s", arguments->words[1]);
    return DSN_EXIT_FAILED;
}

/* Complains about each of @entries. */
static int
complain_entries(const json_t *entries, const char *what)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(entries, i, entry)
    {
        dsn_complain("queue: entry %" JSON_INTEGER_FORMAT " %s", json_integer_value(entry), what);
    }
    return json_array_size(entries) > 0 ? DSN_EXIT_FAILED : DSN_EXIT_DONE;
}

/* Has @request carried out, and says what came of it. */
static int
change(const Arguments *arguments, json_t *request, const char *changed, const char *unchanged)
{
    int status;
    json_auto_t *done = ask(arguments, request, NULL, &status);

    if (done == NULL)
        return status;
    gint64 count = dsn_ask_number(done, "count");
    (void)printf("%" G_GINT64_FORMAT " entr%s %s\n", count, count == 1 ? "y" : "ies", changed);
    int unknown = complain_entries(json_object_get(done, "unknown"), "does not exist");
    int left = complain_entries(json_object_get(done, "unchanged"), unchanged);
    if (json_is_true(json_object_get(done, "needs_daemon")))
        dsn_complain("queue: what was rejected stays: the daemon takes it up again when it runs");
    return MAX(unknown, left);
}

static int
run_retry(const Arguments *arguments)
{
    json_auto_t *request = request_of("retry", arguments);
    bool entries = arguments->words[1] != NULL;

    if (entries == (arguments->all != FALSE))
        return dsn_usage_error(COMMAND, "retry takes entries, or --all");
    if (entries && (arguments->dead || arguments->waiting || arguments->recipient != NULL))
        return dsn_usage_error(COMMAND, "retry takes entries, or what is meant with --all");
    if (entries && !add_entries(request, arguments->words + 1))
        return DSN_EXIT_USAGE;
    return change(arguments, request, "retried",
                  "stays as it is: it is being sent right now, was rejected again, or its outlet "
                  "is not configured");
}

/* Has all that is kept about a sender removed. */
static int
erase(const Arguments *arguments, json_t *request)
{
    int status;

    json_object_set_new(request, "sender", json_string(arguments->sender));
    json_auto_t *done = ask(arguments, request, NULL, &status);
    if (done == NULL)
        return status;
    gint64 count = dsn_ask_number(done, "count");
    (void)printf("%" G_GINT64_FORMAT " entr%s dropped\n"
                 "erased: %" G_GINT64_FORMAT " records, %" G_GINT64_FORMAT
                 " lines of history, %" G_GINT64_FORMAT " attempts, %" G_GINT64_FORMAT
                 " captures\n",
                 count, count == 1 ? "y" : "ies", dsn_ask_number(done, "records"),
                 dsn_ask_number(done, "history"), dsn_ask_number(done, "attempts"),
                 dsn_ask_number(done, "captures"));
    return DSN_EXIT_DONE;
}

static int
run_drop(const Arguments *arguments)
{
    json_auto_t *request = request_of("drop", arguments);
    bool entries = arguments->words[1] != NULL;

    if (entries + (arguments->recipient != NULL) + (arguments->sender != NULL) != 1)
        return dsn_usage_error(COMMAND, "drop takes entries, --recipient, or --sender");
    if (arguments->sender != NULL && (arguments->dead || arguments->waiting))
        return dsn_usage_error(COMMAND, "with --sender drop removes everything");
    if (arguments->sender != NULL)
        return erase(arguments, request);
    if (entries && (arguments->dead || arguments->waiting))
        return dsn_usage_error(COMMAND, "drop takes entries, or what is meant with --recipient");
    if (entries && !add_entries(request, arguments->words + 1))
        return DSN_EXIT_USAGE;
    return change(arguments, request, "dropped", "stays: it is being sent right now");
}

/* Reads a duration as the configuration has it. */
static bool
read_duration(const char *text, GTimeSpan *ret_span)
{
    static const DsnOption option = {
        .path = "older-than", .type = DSN_OPTION_DURATION, .max = DSN_OPTION_DURATION_MAX};
    json_auto_t *value = json_string(text);
    g_autoptr(GString) complaint = g_string_new(NULL);

    if (value != NULL && dsn_option_read(&option, value, "/", ret_span, complaint))
        return true;
    (void)dsn_usage_error(COMMAND, "--older-than: %s",
                          complaint->len == 0 ? "expected a duration" : complaint->str);
    return false;
}

static int
run_purge(const Arguments *arguments)
{
    json_auto_t *request = request_of("purge", arguments);
    GTimeSpan span = 0;

    if (arguments->words[1] != NULL)
        return dsn_usage_error(COMMAND, "unexpected argument \"%s\"; \"drop\" takes entries",
                               arguments->words[1]);
    if (arguments->older_than != NULL && !read_duration(arguments->older_than, &span))
        return DSN_EXIT_USAGE;
    json_object_set_new(request, "older_than", json_integer(span / G_TIME_SPAN_SECOND));
    return change(arguments, request, "purged", "");
}

static int
run_status(const Arguments *arguments)
{
    json_auto_t *request = request_of("status", arguments);
    g_autoptr(GString) text = g_string_new(NULL);
    int status;

    if (arguments->words[1] != NULL)
        return dsn_usage_error(COMMAND, "unexpected argument \"%s\"", arguments->words[1]);
    json_auto_t *done = ask(arguments, request, NULL, &status);
    if (done == NULL)
        return status;
    if (arguments->json) {
        g_autofree char *line = json_dumps(done, JSON_COMPACT);

        (void)printf("%s\n", line);
        return DSN_EXIT_DONE;
    }
    if (dsn_ask_number(done, "pid") == 0) {
        g_string_append(text, "daemon: does not run\n");
    } else {
        const char *why = json_string_value(json_object_get(done, "unready"));

        g_string_append_printf(text, "daemon: %s, process %" G_GINT64_FORMAT ", since ",
                               why == NULL ? "ready" : "not ready", dsn_ask_number(done, "pid"));
        dsn_append_time(text, dsn_ask_number(done, "started"));
        g_string_append_c(text, '\n');
        if (why != NULL)
            g_string_append_printf(text, "not ready: %s\n", why);
    }
    append_number_pair(text, "waiting notices", dsn_ask_number(done, "waiting"));
    append_time_pair(text, "oldest taken in", dsn_ask_number(done, "oldest"));
    append_number_pair(text, "dead letters", dsn_ask_number(done, "dead"));
    append_number_pair(text, "records to be written", dsn_ask_number(done, "records"));
    append_number_pair(text, "bytes", dsn_ask_number(done, "bytes"));
    if (dsn_ask_number(done, "capture_bytes") > 0) {
        append_number_pair(text, "bytes of captures", dsn_ask_number(done, "capture_bytes"));
        append_time_pair(text, "oldest capture", dsn_ask_number(done, "oldest_capture"));
    }
    (void)fwrite(text->str, 1, text->len, stdout);
    return DSN_EXIT_DONE;
}

/* What a verb takes besides --config and --spool. */
enum {
    TAKES_ALL = 1,
    TAKES_STATE = 2, /* --dead, --waiting */
    TAKES_RECIPIENT = 4,
    TAKES_JSON = 8,
    TAKES_CONTENT = 16,
    TAKES_OLDER_THAN = 32,
    TAKES_SENDER = 64
};

static const struct {
    const char *name;
    int takes;
    int (*run)(const Arguments *arguments);
} verbs[] = {
    {"drop", TAKES_STATE | TAKES_RECIPIENT | TAKES_SENDER, run_drop},
    {"list", TAKES_STATE | TAKES_RECIPIENT | TAKES_JSON, run_list},
    {"purge", TAKES_OLDER_THAN, run_purge},
    {"retry", TAKES_ALL | TAKES_STATE | TAKES_RECIPIENT, run_retry},
    {"show", TAKES_CONTENT, run_show},
    {"status", TAKES_JSON, run_status},
};

/* An option that was given and that a verb which takes @takes does not know, or NULL. */
static const char *
misplaced(const Arguments *arguments, int takes)
{
    const struct {
        const char *name;
        bool given;
        int needs;
    } options[] = {
        {"--all", arguments->all, TAKES_ALL},
        {"--dead", arguments->dead, TAKES_STATE},
        {"--waiting", arguments->waiting, TAKES_STATE},
        {"--recipient", arguments->recipient != NULL, TAKES_RECIPIENT},
        {"--sender", arguments->sender != NULL, TAKES_SENDER},
        {"--json", arguments->json, TAKES_JSON},
        {"--content", arguments->content, TAKES_CONTENT},
        {"--older-than", arguments->older_than != NULL, TAKES_OLDER_THAN},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        if (options[i].given && (takes & options[i].needs) == 0)
            return options[i].name;
    }
    return NULL;
}

static int
run(const Arguments *arguments)
{
    const char *verb = arguments->words == NULL ? NULL : arguments->words[0];

    if (verb == NULL)
        return dsn_usage_error(COMMAND, "say list, show, retry, drop, purge or status");
    if (arguments->recipient != NULL && !g_utf8_validate(arguments->recipient, -1, NULL))
        return dsn_usage_error(COMMAND, "--recipient is no text in UTF-8");
    if (arguments->sender != NULL && !g_utf8_validate(arguments->sender, -1, NULL))
        return dsn_usage_error(COMMAND, "--sender is no text in UTF-8");
    for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++) {
        if (strcmp(verb, verbs[i].name) != 0)
            continue;
        const char *option = misplaced(arguments, verbs[i].takes);
        return option == NULL ? verbs[i].run(arguments)
                              : dsn_usage_error(COMMAND, "%s does not take %s", verb, option);
    }
    return dsn_usage_error(COMMAND, "expected list, show, retry, drop, purge or status, not \"%s\"",
                           verb);
}

int
dsn_cli_queue(int argc, char **argv)
{
    g_auto(Arguments) arguments = {.config = NULL};
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &arguments.config,
         "Find the spool in FILE instead of " DSN_DEFAULT_FILE, "FILE"},
        {"spool", 0, 0, G_OPTION_ARG_FILENAME, &arguments.spool,
         "The directory of the spool, whatever the configuration says", "DIRECTORY"},
        {"dead", 0, 0, G_OPTION_ARG_NONE, &arguments.dead, "Only dead letters", NULL},
        {"waiting", 0, 0, G_OPTION_ARG_NONE, &arguments.waiting, "Only what waits", NULL},
        {"recipient", 0, 0, G_OPTION_ARG_FILENAME, &arguments.recipient, "Only notices to ADDRESS",
         "ADDRESS"},
        {"sender", 0, 0, G_OPTION_ARG_FILENAME, &arguments.sender,
         "Drop all that is kept about mail from ADDRESS", "ADDRESS"},
        {"all", 0, 0, G_OPTION_ARG_NONE, &arguments.all, "Retry all that is meant", NULL},
        {"older-than", 0, 0, G_OPTION_ARG_FILENAME, &arguments.older_than,
         "Purge what is older, such as \"7 days\"", "DURATION"},
        {"content", 0, 0, G_OPTION_ARG_NONE, &arguments.content,
         "Show the bytes of the content and nothing else", NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &arguments.json, "Print JSON lines", NULL},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &arguments.words, NULL, NULL},
        G_OPTION_ENTRY_NULL,
    };
    const DsnUsage usage = {
        .command = COMMAND,
        .arguments = "list|show|retry|drop|purge|status [ENTRY]...",
        .summary = "Shows what waits in the spool and what could not be delivered, tries it again, "
                   "or removes it.",
        .description = "  list              what waits, and dead letters\n"
                       "  show ENTRY        one entry with its content\n"
                       "  retry ENTRY...    try again now; with --all all, with --dead these\n"
                       "  drop ENTRY...     remove; with --recipient all notices to an address,\n"
                       "                    with --sender all that is kept about it\n"
                       "  purge             remove dead letters\n"
                       "  status            how things stand\n\n"
                       "Exit status: 0 done, 1 failed or no such entry, 2 wrong use or "
                       "configuration.",
        .entries = entries,
    };
    int status;

    if (!dsn_options_read(&usage, argc, argv, &status))
        return status;
    return run(&arguments);
}
