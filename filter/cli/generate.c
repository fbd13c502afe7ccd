/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/cli/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "filter/cli/options.h"
#include "filter/cli/output.h"
#include "filter/cli/progress.h"
#include "filter/cli/terminal.h"
#include "filter/core/configuration.h"
#include "filter/core/notice-kumomta.h"
#include "filter/core/notice.h"
#include "filter/core/write-file.h"
#include "filter/intake/files.h"
#include "filter/intake/json-lines.h"
#include "filter/pipeline/policy.h"

static const char COMMAND[] = "generate";

/* Characters of a record's id that go into a file name. */
#define ID_MAX 64

/* The options as they were given; NULL where one was not. */
typedef struct Arguments {
    char *config;
    char *record;
    char *original;
    char *include_original;
    char *reporting_mta;
    char *enable;
    char *output_dir;
    char *compat;
    gboolean stable;
} Arguments;

static void
clear_arguments(Arguments *arguments)
{
    g_free(arguments->config);
    g_free(arguments->record);
    g_free(arguments->original);
    g_free(arguments->include_original);
    g_free(arguments->reporting_mta);
    g_free(arguments->enable);
    g_free(arguments->output_dir);
    g_free(arguments->compat);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, clear_arguments)

/* What stays the same from record to record. */
typedef struct Generator {
    DsnPolicy *policy;
    DsnNoticeOptions options;
    bool kumomta;
    GString *original; /* the file of --original, for records that bring none; or NULL */
    GString *notice;
    GString *complaints; /* lines for standard error */
} Generator;

static void
clear_generator(Generator *generator)
{
    dsn_policy_unref(generator->policy);
    if (generator->original != NULL)
        (void)g_string_free(generator->original, TRUE);
    (void)g_string_free(generator->notice, TRUE);
    (void)g_string_free(generator->complaints, TRUE);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Generator, clear_generator)

typedef struct Counts {
    guint64 made;
    guint64 not_due[DSN_N_REASONS];
    guint64 failed;
} Counts;

static bool
read_return(const char *text, DsnReturn *ret_return)
{
    static const struct {
        const char *name;
        DsnReturn value;
    } names[] = {
        {"full", DSN_RETURN_FULL}, {"headers", DSN_RETURN_HEADERS}, {"no", DSN_RETURN_NOTHING}};

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(text, names[i].name) == 0) {
            *ret_return = names[i].value;
            return true;
        }
    }
    return false;
}

/* Enables the record type @name. False: there is no such type, or no notice for it. */
static bool
enable(DsnNoticeOptions *options, const char *name)
{
    DsnRecordType type = dsn_record_type_from_string(dsn_span(name));

    if (type != DSN_RECORD_BOUNCE && type != DSN_RECORD_EXPIRATION)
        return false;
    options->enable[type] = true;
    return true;
}

/* "dns; mta1.example.com": it becomes a field value and part of our Message-ID. */
static bool
read_reporting_mta(const char *text, DsnTyped *ret_mta)
{
    DsnTyped mta = dsn_typed_parse(dsn_span(text));

    if (mta.type.len == 0 || mta.value.len == 0)
        return false;
    for (const char *c = text; *c != '\0'; c++) {
        if (!g_ascii_isprint(*c))
            return false;
    }
    *ret_mta = mta;
    return true;
}

/* What the configuration says, before the command line overrules it. */
static bool
configure(Generator *generator, const char *file, GError **error)
{
    generator->policy = dsn_policy_load(file, error);
    if (generator->policy == NULL)
        return false;
    generator->options = dsn_policy_tenant_named(generator->policy, NULL)->notice;
    return true;
}

static int
apply_arguments(Generator *generator, const Arguments *arguments)
{
    DsnNoticeOptions *options = &generator->options;

    options->stable = arguments->stable;
    if (arguments->include_original != NULL &&
        !read_return(arguments->include_original, &options->include_original))
        return dsn_usage_error(COMMAND, "--include-original takes full, headers or no");
    if (arguments->reporting_mta != NULL) {
        if (!read_reporting_mta(arguments->reporting_mta, &options->reporting_mta))
            return dsn_usage_error(COMMAND, "--reporting-mta takes 'TYPE; NAME' such as "
                                            "'dns; mta1.example.com'");
        options->nodes = NULL; /* what is said here is meant for every node */
    }
    if (arguments->compat != NULL && strcmp(arguments->compat, "kumomta") != 0)
        return dsn_usage_error(COMMAND, "--compat takes kumomta");
    generator->kumomta = arguments->compat != NULL;
    if (arguments->enable != NULL) {
        g_auto(GStrv) types = g_strsplit(arguments->enable, ",", -1);

        memset(options->enable, 0, sizeof(options->enable));
        for (char **type = types; *type != NULL; type++) {
            if (!enable(options, g_strstrip(*type)))
                return dsn_usage_error(COMMAND, "--enable takes Bounce and Expiration, not \"%s\"",
                                       *type);
        }
    }
    return DSN_EXIT_DONE;
}

/* Opens @path or standard input. -1 after a complaint. */
static int
open_input(const char *path, struct stat *ret_status)
{
    g_autoptr(GError) error = NULL;
    int fd = STDIN_FILENO;

    if (strcmp(path, "-") != 0)
        fd = dsn_file_open(path, ret_status, &error);
    else if (fstat(fd, ret_status) != 0)
        dsn_file_error(&error);
    if (error != NULL)
        dsn_complain("%s: %s", dsn_input_name(path), error->message);
    return error == NULL ? fd : -1;
}

static void
close_input(int fd)
{
    if (fd > STDIN_FILENO)
        (void)close(fd); /* read only: nothing can be lost */
}

/* Reads @path whole, but no more than @max bytes. NULL after a complaint. */
static GString *
read_input(const char *path, size_t max)
{
    g_autoptr(GError) error = NULL;
    struct stat status;

    int fd = open_input(path, &status);
    if (fd < 0)
        return NULL;
    GString *text = g_string_new(NULL);
    if (!dsn_fd_read_all(fd, (size_t)status.st_size, max, text, &error) ||
        !dsn_file_is_plain((DsnSpan){text->str, text->len}, &error)) {
        dsn_complain("%s: %s", dsn_input_name(path), error->message);
        (void)g_string_free(text, TRUE);
        text = NULL;
    }
    close_input(fd);
    return text;
}

/* Of an original over the limit for messages a notice has the headers at most; KumoMTA's form knows
 * no such way out. */
static bool
read_original(Generator *generator, const char *path)
{
    size_t max = generator->policy->configuration->limits.message;

    generator->original = read_input(path, max + 1);
    if (generator->original == NULL)
        return false;
    generator->options.return_limit = MIN(generator->options.return_limit, max);
    if (generator->original->len <= max || !generator->kumomta)
        return true;
    dsn_complain("%s: larger than %zu bytes (limits.message)", dsn_input_name(path), max);
    return false;
}

/* One line for each thing that is not as it was asked for. @where is "file" or "file:line". */
static void
append_warnings(GString *complaints, const char *where, DsnReturn wanted, const DsnNotice *notice)
{
    if (notice->template_fault != NULL)
        dsn_append_complaint(complaints,
                             "%s: warning: the shipped text is used instead of the template: %s",
                             where, notice->template_fault);
    if (notice->minimal)
        dsn_append_complaint(complaints,
                             "%s: warning: a minimal notice was made, the full one broke rule %s",
                             where, notice->broken == NULL ? "of its form" : notice->broken);
    if (notice->built.reduced != NULL)
        dsn_append_complaint(
            complaints, "%s: warning: %s of the original is returned instead of %s: %s", where,
            notice->built.returned == DSN_RETURN_HEADERS ? "the header" : "nothing",
            wanted == DSN_RETURN_FULL ? "all" : "the header", notice->built.reduced);
}

/* Makes the notice for @element in generator->notice. */
static DsnNoticeResult
make(Generator *generator, const char *where, const DsnElement *element, DsnReason *ret_reason,
     GError **error)
{
    g_auto(DsnNotice) notice = {.reason = DSN_REASON_NONE};
    DsnSpan original = DSN_SPAN_ABSENT;
    DsnNoticeResult result;

    if (element->has_original)
        original = (DsnSpan){element->original->str, element->original->len};
    else if (generator->original != NULL)
        original = (DsnSpan){generator->original->str, generator->original->len};
    g_string_truncate(generator->notice, 0);
    if (generator->kumomta)
        return dsn_notice_make_kumomta(&generator->options, element->record, original,
                                       generator->notice, ret_reason, error);

    result = dsn_notice_make(&generator->options, element->record, original,
                             g_get_real_time() / G_USEC_PER_SEC, generator->notice, &notice, error);
    *ret_reason = notice.reason;
    if (!dsn_span_present(original))
        notice.built.reduced = NULL; /* nobody could expect it to be returned */
    append_warnings(generator->complaints, where, generator->options.include_original, &notice);
    return result;
}

/* True if the first line of @text is a record by itself and more follows. */
static bool
is_json_lines(DsnSpan text, size_t max)
{
    DsnElement element = {.record = NULL};

    text = dsn_span_trim(text);
    const char *feed = memchr(text.data, '\n', text.len);
    if (feed == NULL ||
        !dsn_element_parse((DsnSpan){text.data, (size_t)(feed - text.data)}, max, &element, NULL))
        return false;
    dsn_element_clear(&element);
    return true;
}

/* One record, a notice to standard output. */
static int
generate_one(Generator *generator, const char *path)
{
    size_t max = generator->policy->configuration->intake.record;
    g_autoptr(GError) error = NULL;
    DsnReason reason = DSN_REASON_NONE;
    DsnElement element = {.record = NULL};

    g_autoptr(GString) text = read_input(path, max + 1);
    if (text == NULL)
        return DSN_EXIT_FAILED;
    DsnSpan span = {text->str, text->len};
    if (!dsn_element_parse(span, max, &element, &error)) {
        if (is_json_lines(span, max))
            return dsn_usage_error(COMMAND, "%s holds several records, which takes --output-dir",
                                   dsn_input_name(path));
        dsn_complain("%s: %s", dsn_input_name(path), error->message);
        return DSN_EXIT_FAILED;
    }
    DsnNoticeResult result = make(generator, dsn_input_name(path), &element, &reason, &error);
    dsn_element_clear(&element);
    dsn_say(generator->complaints);

    if (result == DSN_NOTICE_NOT_DUE) {
        dsn_complain("no notice is due: %s", dsn_reason_to_string(reason));
        return DSN_EXIT_NOT_DUE;
    }
    if (result == DSN_NOTICE_FAILED) {
        dsn_complain("%s: %s", dsn_input_name(path), error->message);
        return DSN_EXIT_FAILED;
    }
    DsnSpan notice = {generator->notice->str, generator->notice->len};
    if (dsn_write_all(STDOUT_FILENO, notice, &error))
        return DSN_EXIT_DONE;
    if (!g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_PIPE))
        dsn_complain("standard output: %s", error->message);
    return DSN_EXIT_FAILED;
}

/* "000017-d23f0824128b2f330c5c7fd0a6a3a450.eml": the line makes it unique, and of the id only what
 * is safe in any file system is kept. */
static char *
file_name(guint64 line, const char *id)
{
    g_autofree char *safe = g_strndup(id == NULL ? "" : id, ID_MAX);

    (void)g_strcanon(safe, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz-", '_');
    return g_strdup_printf("%06" G_GUINT64_FORMAT "-%s.eml", line, safe);
}

/* What a line of records came to, with *@ret_fatal when the next one cannot fare better. */
static bool
generate_line(Generator *generator, const char *directory, DsnSpan text, guint64 line,
              const char *where, Counts *counts, bool *ret_fatal)
{
    DsnElement element = {.record = NULL};
    DsnReason reason = DSN_REASON_NONE;
    g_autoptr(GError) error = NULL;

    if (!dsn_element_parse(text, generator->policy->configuration->intake.record, &element,
                           &error)) {
        dsn_append_complaint(generator->complaints, "%s: %s", where, error->message);
        return false;
    }
    DsnNoticeResult result = make(generator, where, &element, &reason, &error);
    g_autofree char *name = file_name(line, element.record->id);
    dsn_element_clear(&element);

    if (result == DSN_NOTICE_NOT_DUE) {
        counts->not_due[reason]++;
        return true;
    }
    if (result == DSN_NOTICE_FAILED) {
        dsn_append_complaint(generator->complaints, "%s: %s", where, error->message);
        return false;
    }
    DsnSpan notice = {generator->notice->str, generator->notice->len};
    if (!dsn_write_new_file(directory, name, notice, &error)) {
        dsn_append_complaint(generator->complaints, "%s/%s: %s", directory, name, error->message);
        *ret_fatal = !g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_EXIST);
        return false;
    }
    counts->made++;
    return true;
}

/* "12 records: 9 notices, 2 not due (null-sender 2), 1 failed" */
static void
say_summary(const Counts *counts)
{
    g_autoptr(GString) reasons = g_string_new(NULL);
    g_autoptr(GString) line = g_string_new("dsnarf: ");
    guint64 not_due = 0;

    for (size_t i = 0; i < DSN_N_REASONS; i++) {
        not_due += counts->not_due[i];
        if (counts->not_due[i] > 0) {
            g_string_append_printf(reasons, "%s%s ", reasons->len > 0 ? ", " : "",
                                   dsn_reason_to_string((DsnReason)i));
            dsn_append_count(reasons, counts->not_due[i]);
        }
    }
    guint64 all = counts->made + not_due + counts->failed;
    dsn_append_count(line, all);
    g_string_append(line, all == 1 ? " record: " : " records: ");
    dsn_append_count(line, counts->made);
    g_string_append(line, counts->made == 1 ? " notice" : " notices");
    if (not_due > 0) {
        g_string_append(line, ", ");
        dsn_append_count(line, not_due);
        g_string_append_printf(line, " not due (%s)", reasons->str);
    }
    if (counts->failed > 0) {
        g_string_append(line, ", ");
        dsn_append_count(line, counts->failed);
        g_string_append(line, " failed");
    }
    g_string_append_c(line, '\n');
    dsn_say(line);
}

/* JSON lines, a file for each notice. */
static int
generate_many(Generator *generator, const char *path, const char *directory)
{
    g_auto(DsnJsonLines) lines = {.max = generator->policy->configuration->intake.record};
    g_autoptr(DsnProgress) progress = dsn_progress_new("records");
    g_autoptr(GError) error = NULL;
    DsnLineResult result;
    struct stat status;
    Counts counts = {0};
    guint64 done = 0;
    bool fatal = false;
    DsnSpan text;

    if (g_mkdir(directory, 0777) != 0 && errno != EEXIST) {
        dsn_complain("%s: %s", directory, g_strerror(errno));
        return DSN_EXIT_FAILED;
    }
    int fd = open_input(path, &status);
    if (fd < 0)
        return DSN_EXIT_FAILED;
    dsn_window_reset(&lines.window, fd, S_ISREG(status.st_mode) ? (guint64)status.st_size : 0);
    /* Logs are kept compressed: better one complaint than one for each line. */
    fatal = !dsn_window_more(&lines.window, &error) ||
            !dsn_file_is_plain(dsn_window_view(&lines.window), &error);
    while (!fatal && (result = dsn_json_lines_next(&lines, &text, &error)) < DSN_LINE_END) {
        g_autofree char *where =
            g_strdup_printf("%s:%" G_GUINT64_FORMAT, dsn_input_name(path), lines.line);

        g_string_truncate(generator->complaints, 0);
        if (result == DSN_LINE_TOO_LONG)
            dsn_append_complaint(generator->complaints, "%s: longer than %zu bytes (limits.record)",
                                 where, lines.max);
        if (result == DSN_LINE_TOO_LONG ||
            !generate_line(generator, directory, text, lines.line, where, &counts, &fatal))
            counts.failed++;
        if (generator->complaints->len > 0) {
            dsn_progress_hide(progress);
            dsn_say(generator->complaints);
        }
        dsn_progress_update(progress, dsn_window_fraction(&lines.window), ++done);
    }
    close_input(fd);
    dsn_progress_hide(progress);
    if (error != NULL)
        dsn_complain("%s: %s", dsn_input_name(path), error->message);
    say_summary(&counts);
    return counts.failed > 0 || error != NULL ? DSN_EXIT_FAILED : DSN_EXIT_DONE;
}

static int
generate(const Arguments *arguments)
{
    const char *record = arguments->record == NULL ? "-" : arguments->record;
    g_autoptr(GError) error = NULL;
    g_auto(Generator) generator = {
        .notice = g_string_new(NULL),
        .complaints = g_string_new(NULL),
    };

    if (strcmp(record, "-") == 0 && g_strcmp0(arguments->original, "-") == 0)
        return dsn_usage_error(COMMAND,
                               "standard input can be the record or the original, not both");
    if (arguments->record == NULL && dsn_is_terminal(STDIN_FILENO))
        return dsn_usage_error(COMMAND, "no --record is given, and standard input is a terminal");
    if (!configure(&generator, arguments->config, &error)) {
        dsn_complain_lines(error->message);
        return DSN_EXIT_USAGE;
    }
    int status = apply_arguments(&generator, arguments);
    if (status != DSN_EXIT_DONE)
        return status;
    if (arguments->original != NULL && !read_original(&generator, arguments->original))
        return DSN_EXIT_FAILED;
    if (arguments->output_dir != NULL)
        return generate_many(&generator, record, arguments->output_dir);
    return generate_one(&generator, record);
}

int
dsn_cli_generate(int argc, char **argv)
{
    g_auto(Arguments) arguments = {.config = NULL};
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &arguments.config,
         "Read the configuration from FILE; without it the defaults hold", "FILE"},
        {"record", 0, 0, G_OPTION_ARG_FILENAME, &arguments.record,
         "The log record; by default, and as \"-\", standard input", "FILE"},
        {"original", 0, 0, G_OPTION_ARG_FILENAME, &arguments.original,
         "The message that the record is about", "FILE"},
        {"include-original", 0, 0, G_OPTION_ARG_FILENAME, &arguments.include_original,
         "How much of it is returned: full, headers or no", "HOW"},
        {"reporting-mta", 0, 0, G_OPTION_ARG_FILENAME, &arguments.reporting_mta,
         "Who reports, such as 'dns; mta1.example.com'", "'TYPE; NAME'"},
        {"enable", 0, 0, G_OPTION_ARG_FILENAME, &arguments.enable,
         "The record types that a notice is made for", "TYPE,..."},
        {"output-dir", 0, 0, G_OPTION_ARG_FILENAME, &arguments.output_dir,
         "Read many records, one a line, and write a file in DIR for each notice", "DIR"},
        {"stable", 0, 0, G_OPTION_ARG_NONE, &arguments.stable,
         "Fixed boundary, Message-ID and Date, for tests", NULL},
        {"compat", 0, 0, G_OPTION_ARG_FILENAME, &arguments.compat,
         "Make exactly the bytes that KumoMTA makes", "kumomta"},
        G_OPTION_ENTRY_NULL,
    };
    const DsnUsage usage = {
        .command = COMMAND,
        .summary = "Makes the delivery status notification that a log record calls for.",
        .description =
            "Exit status: 0 made, 1 failed, 2 wrong use or configuration, 3 no notice is "
            "due.",
        .entries = entries,
    };
    int status;

    if (!dsn_options_read(&usage, argc, argv, &status))
        return status;
    return generate(&arguments);
}
