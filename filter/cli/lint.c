/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/cli/commands.h"

#include <unistd.h>

#include "filter/cli/jobs.h"
#include "filter/cli/message-jobs.h"
#include "filter/cli/options.h"
#include "filter/cli/terminal.h"
#include "filter/core/configuration.h"
#include "filter/core/json-writer.h"
#include "mime/lint.h"
#include "mime/report-parse.h"
#include "mime/text.h"

/* Bytes of the message that are shown with a finding. */
#define SHOWN 72

/* How often a rule was broken. */
typedef struct Count {
    const char *rule;
    DsnLintLevel level;
    guint64 count;
} Count;

typedef struct Tally {
    GArray *counts; /* of Count; there are no more than rules */
    guint64 messages;
    guint64 skipped; /* that are no reports */
    guint64 broken;  /* that break a MUST */
    guint64 faulty;  /* that break a SHOULD and no MUST */
} Tally;

typedef struct Lint {
    bool json;
    bool all; /* messages that are no reports, too */
    const DsnLimits *limits;
    Tally *total;
} Lint;

typedef struct Worker {
    DsnReportParser *parser;
    DsnReport *report;
    GArray *findings; /* of DsnFinding */
} Worker;

static gpointer
new_worker(gpointer user)
{
    const Lint *lint = user;
    Worker *worker = g_new0(Worker, 1);

    worker->parser = dsn_report_parser_new(lint->limits);
    worker->report = dsn_report_new();
    worker->findings = g_array_new(FALSE, FALSE, sizeof(DsnFinding));
    return worker;
}

static void
free_worker(gpointer data)
{
    Worker *worker = data;

    (void)g_array_unref(worker->findings);
    dsn_report_free(worker->report);
    dsn_report_parser_free(worker->parser);
    g_free(worker);
}

static gpointer
new_tally(void)
{
    Tally *tally = g_new0(Tally, 1);

    tally->counts = g_array_new(FALSE, FALSE, sizeof(Count));
    return tally;
}

static void
free_tally(gpointer data)
{
    Tally *tally = data;

    (void)g_array_unref(tally->counts);
    g_free(tally);
}

static void
count_rule(Tally *tally, const char *rule, DsnLintLevel level, guint64 count)
{
    for (guint i = 0; i < tally->counts->len; i++) {
        Count *known = &g_array_index(tally->counts, Count, i);

        if (known->level == level && strcmp(known->rule, rule) == 0) {
            known->count += count;
            return;
        }
    }

    Count fresh = {.rule = rule, .level = level, .count = count};
    g_array_append_val(tally->counts, fresh);
}

static void
take_tally(gpointer user, gpointer data)
{
    Tally *total = ((Lint *)user)->total, *tally = data;

    for (guint i = 0; i < tally->counts->len; i++) {
        const Count *count = &g_array_index(tally->counts, Count, i);

        count_rule(total, count->rule, count->level, count->count);
    }
    total->messages += tally->messages;
    total->skipped += tally->skipped;
    total->broken += tally->broken;
    total->faulty += tally->faulty;
    g_array_set_size(tally->counts, 0);
    tally->messages = tally->skipped = tally->broken = tally->faulty = 0;
}

/* The line that @where begins in; from @where on when it begins far inside. */
static DsnSpan
line_of(DsnSpan message, DsnSpan where)
{
    size_t before = (size_t)(where.data - message.data);
    const char *feed = before == 0 ? NULL : memrchr(message.data, '\n', before);
    const char *start = feed == NULL ? message.data : feed + 1;

    if (where.data - start > SHOWN / 2)
        start = where.data;
    DsnSpan rest = dsn_span_from(message, (size_t)(start - message.data));
    const char *end = rest.len == 0 ? NULL : memchr(rest.data, '\n', rest.len);
    return end == NULL ? rest : (DsnSpan){rest.data, (size_t)(end - rest.data)};
}

static void
write_text(DsnSpan message, const char *file, const DsnFinding *finding, GString *lines)
{
    size_t line = dsn_lint_line(message, finding->where);

    dsn_text_append_line(dsn_span(file), G_MAXSIZE, lines);
    g_string_append_printf(lines, ": %s %s: %s", finding->rule,
                           dsn_lint_level_to_string(finding->level), finding->text);
    if (line > 0) {
        g_string_append_printf(lines, ", line %" G_GSIZE_FORMAT ": ", line);
        dsn_text_append_line(line_of(message, finding->where), SHOWN, lines);
    } else if (dsn_span_present(finding->where)) {
        g_string_append(lines, ": ");
        dsn_text_append_line(finding->where, SHOWN, lines);
    }
    g_string_append_c(lines, '\n');
}

static void
write_json_finding(DsnSpan message, const DsnFinding *finding, GString *json)
{
    size_t line = dsn_lint_line(message, finding->where);
    g_autoptr(GString) shown = g_string_new(NULL);

    dsn_json_next(json);
    g_string_append_c(json, '{');
    dsn_json_key(json, "rule");
    (void)dsn_json_string(json, dsn_span(finding->rule));
    dsn_json_key(json, "level");
    (void)dsn_json_string(json, dsn_span(dsn_lint_level_to_string(finding->level)));
    dsn_json_key(json, "text");
    (void)dsn_json_string(json, dsn_span(finding->text));
    dsn_json_key(json, "line");
    if (line > 0)
        dsn_json_int(json, (int64_t)line);
    else
        dsn_json_null(json);
    dsn_json_key(json, "where");
    if (dsn_span_present(finding->where))
        dsn_text_append_line(line > 0 ? line_of(message, finding->where) : finding->where, SHOWN,
                             shown);
    (void)dsn_json_string(json, dsn_span_present(finding->where) ? (DsnSpan){shown->str, shown->len}
                                                                 : DSN_SPAN_ABSENT);
    g_string_append_c(json, '}');
}

static void
write_json(DsnSpan message, const char *file, const Worker *worker, bool looked, GString *json)
{
    g_string_append_c(json, '{');
    dsn_json_key(json, "file");
    (void)dsn_json_string(json, dsn_span(file));
    dsn_json_key(json, "kind");
    (void)dsn_json_string(json, dsn_span(dsn_report_kind_to_string(worker->report->kind)));
    dsn_json_key(json, "findings");
    if (looked) {
        g_string_append_c(json, '[');
        for (guint i = 0; i < worker->findings->len; i++)
            write_json_finding(message, &g_array_index(worker->findings, DsnFinding, i), json);
        g_string_append_c(json, ']');
    } else {
        dsn_json_null(json);
    }
    g_string_append(json, "}\n");
}

static void
count_findings(const GArray *findings, bool good, Tally *tally)
{
    tally->broken += !good;
    tally->faulty += good && findings->len > 0;
    for (guint i = 0; i < findings->len; i++) {
        const DsnFinding *finding = &g_array_index(findings, DsnFinding, i);

        count_rule(tally, finding->rule, finding->level, 1);
    }
}

static void
read_message(gpointer user, gpointer data, const DsnIncoming *item, DsnSpan message, GString *lines,
             gpointer tally)
{
    const Lint *lint = user;
    Worker *worker = data;

    g_array_set_size(worker->findings, 0);
    dsn_report_parse(worker->parser, message, worker->report);

    DsnReportKind kind = worker->report->kind;
    bool looked = lint->all || kind == DSN_REPORT_DELIVERY_STATUS || kind == DSN_REPORT_FEEDBACK;
    ((Tally *)tally)->messages++;
    if (looked) {
        bool good = dsn_lint_message(message, kind, lint->limits, worker->findings);

        count_findings(worker->findings, good, tally);
    } else {
        ((Tally *)tally)->skipped++;
    }
    if (lint->json) {
        write_json(message, item->file, worker, looked, lines);
    } else if (!looked) {
        dsn_text_append_line(dsn_span(item->file), G_MAXSIZE, lines);
        g_string_append(lines, ": no report\n");
    } else {
        for (guint i = 0; i < worker->findings->len; i++)
            write_text(message, item->file, &g_array_index(worker->findings, DsnFinding, i), lines);
    }
}

static int
compare_counts(gconstpointer a, gconstpointer b)
{
    const Count *one = a, *other = b;
    int order = strcmp(one->rule, other->rule);

    return order != 0 ? order : (int)other->level - (int)one->level;
}

static void
append_part(GString *line, guint64 count, const char *words)
{
    if (count == 0)
        return;
    g_string_append(line, ", ");
    dsn_append_count(line, count);
    g_string_append_printf(line, " %s", words);
}

/* "dsnarf: 12 messages, 3 that break a MUST, 1 that breaks a SHOULD", and with @rules how often
 * each is broken. */
static void
say_summary(const Tally *tally, bool rules)
{
    g_autoptr(GString) text = g_string_new(NULL);

    g_array_sort(tally->counts, compare_counts);
    for (guint i = 0; rules && i < tally->counts->len; i++) {
        const Count *count = &g_array_index(tally->counts, Count, i);

        g_string_append_printf(text, "%8" G_GUINT64_FORMAT " %s %s\n", count->count, count->rule,
                               dsn_lint_level_to_string(count->level));
    }
    g_string_append(text, "dsnarf: ");
    dsn_append_count(text, tally->messages);
    g_string_append(text, tally->messages == 1 ? " message" : " messages");
    append_part(text, tally->broken, "with a MUST broken");
    append_part(text, tally->faulty, "with a SHOULD alone");
    append_part(text, tally->skipped, "no reports");
    g_string_append_c(text, '\n');
    dsn_say(text);
}

static int
lint_paths(Lint *lint, const char *const *paths, unsigned n_jobs, bool summary)
{
    static const DsnMessageJobs jobs = {
        .worker_new = new_worker,
        .worker_free = free_worker,
        .tally_new = new_tally,
        .tally_free = free_tally,
        .read = read_message,
        .take = take_tally,
    };

    lint->total = new_tally();
    bool done = dsn_message_jobs_run(&jobs, paths, lint->limits->message, n_jobs, lint);
    if (summary || dsn_is_terminal(STDERR_FILENO))
        say_summary(lint->total, summary);
    bool good = lint->total->broken == 0;
    free_tally(lint->total);
    return done && good ? DSN_EXIT_DONE : DSN_EXIT_FAILED;
}

int
dsn_cli_lint(int argc, char **argv)
{
    gboolean json = FALSE, all = FALSE, summary = FALSE;
    gint n_jobs = (gint)MIN(g_get_num_processors(), DSN_JOBS_MAX);
    g_autofree char *file = NULL;
    g_auto(GStrv) paths = NULL;
    const GOptionEntry entries[] = {
        {"all", 0, 0, G_OPTION_ARG_NONE, &all,
         "Check messages that are no reports, too, by the rules for every message", NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "Print one JSON object for each message", NULL},
        {"summary", 0, 0, G_OPTION_ARG_NONE, &summary,
         "Tell on standard error how often each rule is broken", NULL},
        {"jobs", 0, 0, G_OPTION_ARG_INT, &n_jobs,
         "Use N processors instead of all; the output is the same", "N"},
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &file, "Read limits from FILE", "FILE"},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &paths, NULL, NULL},
        G_OPTION_ENTRY_NULL,
    };
    const DsnUsage usage = {
        .command = "lint",
        .arguments = "[PATH|-]...",
        .summary = "Checks notices and feedback reports, and prints each rule that one breaks.",
        .description = "PATH is a message, an mbox, a Maildir or a directory; \"-\", or no PATH at "
                       "all, is standard input. The exit status is 1 if a MUST is broken; "
                       "dsnarf-rules(7) lists the rules.",
        .entries = entries,
    };
    g_autoptr(GError) error = NULL;
    int status;

    if (!dsn_options_read(&usage, argc, argv, &status))
        return status;
    if (n_jobs < 1 || n_jobs > DSN_JOBS_MAX)
        return dsn_usage_error("lint", "--jobs takes a number from 1 to %d", DSN_JOBS_MAX);
    if (paths == NULL && dsn_is_terminal(STDIN_FILENO))
        return dsn_usage_error("lint", "no PATH is given, and standard input is a terminal");

    g_autoptr(DsnConfiguration) configuration = dsn_configuration_load(file, &error);
    if (configuration == NULL) {
        dsn_complain_lines(error->message);
        return DSN_EXIT_USAGE;
    }

    Lint lint = {.json = json != FALSE, .all = all != FALSE, .limits = &configuration->limits};
    return lint_paths(&lint, (const char *const *)paths, (unsigned)n_jobs, summary != FALSE);
}
