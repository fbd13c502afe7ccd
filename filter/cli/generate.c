/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/cli/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "filter/cli/generator.h"
#include "filter/cli/options.h"
#include "filter/cli/output.h"
#include "filter/cli/progress.h"
#include "filter/cli/terminal.h"
#include "filter/core/write-file.h"
#include "filter/intake/files.h"
#include "filter/intake/json-lines.h"
#include "mime/lines.h"

static const char COMMAND[] = "generate";

/* Characters of a record's id that go into a file name. */
#define ID_MAX 64

/* Bytes of a language tag, RFC 5646 section 4.4.1. */
#define LANGUAGE_MAX 35

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
    char *tenant;
    char *language;
    gboolean stable;
    gboolean coalesce;
    gboolean dry_run;
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
    g_free(arguments->tenant);
    g_free(arguments->language);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, clear_arguments)

/* What stays the same from record to record, and what its options point to. */
typedef struct Session {
    DsnGenerator generator;
    DsnReturn include_original;
    bool enable[DSN_N_RECORD_TYPES];
    bool dry_run;
    GString *complaints; /* lines for standard error */
} Session;

static void
clear_session(Session *session)
{
    dsn_policy_unref(session->generator.policy);
    if (session->generator.original != NULL)
        (void)g_string_free(session->generator.original, TRUE);
    (void)g_string_free(session->complaints, TRUE);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Session, clear_session)

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

/* Enables the record types in the list @names alone. */
static bool
enable(Session *session, const char *names)
{
    g_auto(GStrv) types = g_strsplit(names, ",", -1);

    for (char **name = types; *name != NULL; name++) {
        DsnRecordType type = dsn_record_type_from_string(dsn_span(g_strstrip(*name)));

        if (!dsn_notice_has_type(type)) {
            (void)dsn_usage_error(COMMAND,
                                  "--enable takes Delivery, Bounce, TransientFailure, Expiration, "
                                  "AdminBounce and Delayed, not \"%s\"",
                                  *name); /* the caller returns the status */
            return false;
        }
        session->enable[type] = true;
    }
    session->generator.enable = session->enable;
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

/* RFC 5646 section 2.1, in its outline. */
static bool
is_language(const char *tag)
{
    size_t len = strspn(tag, "0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    return g_ascii_isalpha(tag[0]) && tag[len] == '\0' && len <= LANGUAGE_MAX;
}

static bool
read_tenant(Session *session, const char *name)
{
    session->generator.tenant = dsn_policy_tenant_named(session->generator.policy, name);
    if (session->generator.tenant == NULL)
        (void)dsn_usage_error(COMMAND, "--tenant: the configuration has no [tenant.%s]",
                              name); /* the caller returns the status */
    return session->generator.tenant != NULL;
}

/* KumoMTA's form knows nothing of what is ours. */
static bool
check_compat(const Arguments *arguments)
{
    const struct {
        const char *name;
        bool given;
    } ours[] = {
        {"tenant", arguments->tenant != NULL},
        {"language", arguments->language != NULL},
        {"coalesce", arguments->coalesce},
        {"dry-run", arguments->dry_run},
    };

    if (strcmp(arguments->compat, "kumomta") != 0) {
        (void)dsn_usage_error(COMMAND, "--compat takes kumomta"); /* the caller returns it */
        return false;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(ours); i++) {
        if (ours[i].given) {
            (void)dsn_usage_error(COMMAND, "--compat=kumomta goes without --%s",
                                  ours[i].name); /* as above */
            return false;
        }
    }
    return true;
}

static int
apply_arguments(Session *session, const Arguments *arguments)
{
    DsnGenerator *generator = &session->generator;

    generator->stable = arguments->stable;
    generator->language = arguments->language;
    generator->kumomta = arguments->compat != NULL;
    session->dry_run = arguments->dry_run;
    if (arguments->include_original != NULL) {
        if (!read_return(arguments->include_original, &session->include_original))
            return dsn_usage_error(COMMAND, "--include-original takes full, headers or no");
        generator->include_original = &session->include_original;
    }
    if (arguments->reporting_mta != NULL &&
        !read_reporting_mta(arguments->reporting_mta, &generator->reporting_mta))
        return dsn_usage_error(COMMAND, "--reporting-mta takes 'TYPE; NAME' such as "
                                        "'dns; mta1.example.com'");
    if (arguments->language != NULL && !is_language(arguments->language))
        return dsn_usage_error(COMMAND, "--language takes a tag such as de or pt-BR");
    if (arguments->coalesce && arguments->output_dir != NULL)
        return dsn_usage_error(COMMAND, "--coalesce makes one notice, and --output-dir many");
    if ((arguments->compat != NULL && !check_compat(arguments)) ||
        (arguments->tenant != NULL && !read_tenant(session, arguments->tenant)) ||
        (arguments->enable != NULL && !enable(session, arguments->enable)))
        return DSN_EXIT_USAGE;
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
read_original(DsnGenerator *generator, const char *path)
{
    size_t max = generator->policy->configuration->limits.message;

    generator->original = read_input(path, max + 1);
    if (generator->original == NULL)
        return false;
    if (generator->original->len <= max || !generator->kumomta)
        return true;
    dsn_complain("%s: larger than %zu bytes (limits.message)", dsn_input_name(path), max);
    return false;
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

static int
write_output(const GString *bytes)
{
    g_autoptr(GError) error = NULL;

    if (dsn_write_all(STDOUT_FILENO, (DsnSpan){bytes->str, bytes->len}, &error))
        return DSN_EXIT_DONE;
    if (!g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_PIPE))
        dsn_complain("standard output: %s", error->message);
    return DSN_EXIT_FAILED;
}

/* One notice for @elements, or what would be done, to standard output. */
static int
generate_one(Session *session, const char *where, const DsnElement *elements, size_t n_elements)
{
    g_auto(DsnGenerated) generated;
    g_autoptr(GString) line = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    dsn_generated_init(&generated);
    dsn_generator_make(&session->generator, elements, n_elements, &generated, &error);
    dsn_generated_warn(&generated, where, session->complaints);
    dsn_say(session->complaints);
    if (generated.result == DSN_NOTICE_FAILED) {
        dsn_complain("%s: %s", where, error->message);
        return DSN_EXIT_FAILED;
    }
    if (session->dry_run) {
        dsn_generated_describe(&generated, elements[0].record, line);
        return write_output(line);
    }
    if (generated.result == DSN_NOTICE_NOT_DUE) {
        dsn_complain("no notice is due: %s", dsn_reason_to_string(generated.reason));
        return DSN_EXIT_NOT_DUE;
    }
    return write_output(generated.bytes);
}

/* One record. */
static int
generate_record(Session *session, const char *path)
{
    size_t max = session->generator.policy->configuration->intake.record;
    const char *where = dsn_input_name(path);
    g_auto(DsnElement) element = {.record = NULL};
    g_autoptr(GError) error = NULL;

    g_autoptr(GString) text = read_input(path, max + 1);
    if (text == NULL)
        return DSN_EXIT_FAILED;
    DsnSpan span = {text->str, text->len};
    if (dsn_element_parse(span, max, &element, &error))
        return generate_one(session, where, &element, 1);
    if (is_json_lines(span, max))
        return dsn_usage_error(COMMAND,
                               "%s holds several records, which takes --output-dir, --dry-run or "
                               "--coalesce",
                               where);
    dsn_complain("%s: %s", where, error->message);
    return DSN_EXIT_FAILED;
}

static void
clear_element(gpointer element)
{
    dsn_element_clear(element);
}

/* The records of one message, one a line. */
static int
generate_coalesced(Session *session, const char *path)
{
    size_t max = session->generator.policy->configuration->intake.record;
    const char *where = dsn_input_name(path);
    g_autoptr(GArray) elements = g_array_new(FALSE, TRUE, sizeof(DsnElement));
    g_autoptr(GString) text = read_input(path, max + 1);
    g_autoptr(GError) error = NULL;
    unsigned number = 0;

    if (text == NULL)
        return DSN_EXIT_FAILED;
    if (text->len > max) {
        dsn_complain("%s: larger than %zu bytes (limits.record)", where, max);
        return DSN_EXIT_FAILED;
    }
    g_array_set_clear_func(elements, clear_element);
    DsnLines lines = DSN_LINES(((DsnSpan){text->str, text->len}));
    for (DsnSpan line; dsn_lines_next(&lines, &line);) {
        DsnElement element = {.record = NULL};

        number++;
        if (dsn_span_trim(line).len == 0)
            continue;
        if (!dsn_element_parse(line, max, &element, &error)) {
            dsn_complain("%s:%u: %s", where, number, error->message);
            return DSN_EXIT_FAILED;
        }
        g_array_append_val(elements, element);
    }
    if (elements->len == 0) {
        dsn_complain("%s: there is no record", where);
        return DSN_EXIT_FAILED;
    }
    return generate_one(session, where, (const DsnElement *)(const void *)elements->data,
                        elements->len);
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

/* Where the notices of many records go. */
typedef struct Many {
    const char *directory; /* NULL: nowhere, they are described on standard output */
    guint64 line;
    Counts counts;
    bool fatal; /* the next record cannot fare better */
} Many;

/* Puts away what was made of @record. */
static bool
put(Session *session, Many *many, const DsnGenerated *generated, const DsnRecord *record)
{
    g_autofree char *name = file_name(many->line, record->id);
    g_autoptr(GError) error = NULL;

    if (many->directory == NULL) {
        g_autoptr(GString) line = g_string_new(NULL);

        dsn_generated_describe(generated, record, line);
        many->fatal = write_output(line) != DSN_EXIT_DONE;
    } else if (generated->result == DSN_NOTICE_MADE &&
               !dsn_write_new_file(many->directory, name,
                                   (DsnSpan){generated->bytes->str, generated->bytes->len},
                                   &error)) {
        dsn_append_complaint(session->complaints, "%s/%s: %s", many->directory, name,
                             error->message);
        many->fatal = !g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_EXIST);
        return false;
    }
    return !many->fatal;
}

/* False after a complaint. */
static bool
generate_line(Session *session, Many *many, DsnSpan text, const char *where)
{
    g_auto(DsnElement) element = {.record = NULL};
    g_auto(DsnGenerated) generated;
    g_autoptr(GError) error = NULL;

    dsn_generated_init(&generated);
    if (dsn_element_parse(text, session->generator.policy->configuration->intake.record, &element,
                          &error)) {
        dsn_generator_make(&session->generator, &element, 1, &generated, &error);
        dsn_generated_warn(&generated, where, session->complaints);
    }
    if (error != NULL) {
        dsn_append_complaint(session->complaints, "%s: %s", where, error->message);
        return false;
    }
    if (!put(session, many, &generated, element.record))
        return false;
    if (generated.result == DSN_NOTICE_NOT_DUE)
        many->counts.not_due[generated.reason]++;
    else
        many->counts.made++;
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

/* Goes through the lines. */
static void
read_lines(Session *session, Many *many, const char *path, DsnJsonLines *lines, GError **error)
{
    g_autoptr(DsnProgress) progress = dsn_progress_new("records");
    DsnLineResult result;
    guint64 done = 0;
    DsnSpan text;

    while (!many->fatal && (result = dsn_json_lines_next(lines, &text, error)) < DSN_LINE_END) {
        g_autofree char *where =
            g_strdup_printf("%s:%" G_GUINT64_FORMAT, dsn_input_name(path), lines->line);

        many->line = lines->line;
        g_string_truncate(session->complaints, 0);
        if (result == DSN_LINE_TOO_LONG)
            dsn_append_complaint(session->complaints, "%s: longer than %zu bytes (limits.record)",
                                 where, lines->max);
        if (result == DSN_LINE_TOO_LONG || !generate_line(session, many, text, where))
            many->counts.failed++;
        if (session->complaints->len > 0) {
            dsn_progress_hide(progress);
            dsn_say(session->complaints);
        }
        dsn_progress_update(progress, dsn_window_fraction(&lines->window), ++done);
    }
    dsn_progress_hide(progress);
}

/* Reads on until a line has ended, or with @all until the end, but no more than @max bytes. */
static bool
read_on(DsnWindow *window, bool all, size_t max, GError **error)
{
    for (;;) {
        DsnSpan view = dsn_span_trim(dsn_window_view(window));

        if (window->ended || view.len > max ||
            (!all && view.len > 0 && memchr(view.data, '\n', view.len) != NULL))
            return true;
        if (!dsn_window_more(window, error))
            return false;
    }
}

/* True if what @window shows is one record over several lines, which is then in *@ret_element. */
static bool
is_one_record(DsnWindow *window, size_t max, DsnElement *ret_element)
{
    DsnSpan view = dsn_span_trim(dsn_window_view(window));
    const char *feed = view.len == 0 ? NULL : memchr(view.data, '\n', view.len);
    DsnElement first = {.record = NULL};

    if (feed == NULL ||
        (dsn_element_parse((DsnSpan){view.data, (size_t)(feed - view.data)}, max, &first, NULL))) {
        dsn_element_clear(&first);
        return false;
    }
    return read_on(window, true, max, NULL) && window->ended &&
           dsn_element_parse(dsn_window_view(window), max, ret_element, NULL);
}

/* JSON lines: a file for each notice, or with @directory NULL, a line for each record, of which
 * there can also be one over several lines. */
static int
generate_many(Session *session, const char *path, const char *directory)
{
    size_t max = session->generator.policy->configuration->intake.record;
    g_auto(DsnJsonLines) lines = {.max = max};
    g_auto(DsnElement) element = {.record = NULL};
    g_autoptr(GError) error = NULL;
    Many many = {.directory = directory};
    struct stat status;

    if (directory != NULL && g_mkdir(directory, 0777) != 0 && errno != EEXIST) {
        dsn_complain("%s: %s", directory, g_strerror(errno));
        return DSN_EXIT_FAILED;
    }
    int fd = open_input(path, &status);
    if (fd < 0)
        return DSN_EXIT_FAILED;
    dsn_window_reset(&lines.window, fd, S_ISREG(status.st_mode) ? (guint64)status.st_size : 0);
    /* Logs are kept compressed: better one complaint than one for each line. */
    many.fatal = !dsn_window_more(&lines.window, &error) ||
                 !dsn_file_is_plain(dsn_window_view(&lines.window), &error) ||
                 !read_on(&lines.window, false, max, &error);
    if (!many.fatal && directory == NULL && is_one_record(&lines.window, max, &element)) {
        close_input(fd);
        return generate_one(session, dsn_input_name(path), &element, 1);
    }
    read_lines(session, &many, path, &lines, &error);
    close_input(fd);
    if (error != NULL)
        dsn_complain("%s: %s", dsn_input_name(path), error->message);
    say_summary(&many.counts);
    return many.counts.failed > 0 || error != NULL ? DSN_EXIT_FAILED : DSN_EXIT_DONE;
}

/* What is made of what is asked for. */
static int
generate_from(Session *session, const Arguments *arguments, const char *record)
{
    if (arguments->coalesce)
        return generate_coalesced(session, record);
    if (arguments->output_dir != NULL && !arguments->dry_run)
        return generate_many(session, record, arguments->output_dir);
    if (arguments->dry_run)
        return generate_many(session, record, NULL);
    return generate_record(session, record);
}

static int
generate(const Arguments *arguments)
{
    const char *record = arguments->record == NULL ? "-" : arguments->record;
    g_autoptr(GError) error = NULL;
    g_auto(Session) session = {.complaints = g_string_new(NULL)};

    if (strcmp(record, "-") == 0 && g_strcmp0(arguments->original, "-") == 0)
        return dsn_usage_error(COMMAND,
                               "standard input can be the record or the original, not both");
    if (arguments->record == NULL && dsn_is_terminal(STDIN_FILENO))
        return dsn_usage_error(COMMAND, "no --record is given, and standard input is a terminal");
    session.generator.policy = dsn_policy_load(arguments->config, &error);
    if (session.generator.policy == NULL) {
        dsn_complain_lines(error->message);
        return DSN_EXIT_USAGE;
    }
    for (guint i = 0; i < session.generator.policy->warnings->len; i++)
        dsn_complain("warning: %s", (const char *)session.generator.policy->warnings->pdata[i]);
    int status = apply_arguments(&session, arguments);
    if (status != DSN_EXIT_DONE)
        return status;
    if (arguments->original != NULL && !read_original(&session.generator, arguments->original))
        return DSN_EXIT_FAILED;
    return generate_from(&session, arguments, record);
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
         "The record types that a notice is made for: Delivery, Bounce, TransientFailure, "
         "Expiration, AdminBounce, Delayed",
         "TYPE,..."},
        {"output-dir", 0, 0, G_OPTION_ARG_FILENAME, &arguments.output_dir,
         "Read many records, one a line, and write a file in DIR for each notice", "DIR"},
        {"stable", 0, 0, G_OPTION_ARG_NONE, &arguments.stable,
         "Fixed boundary, Message-ID and Date, for tests", NULL},
        {"compat", 0, 0, G_OPTION_ARG_FILENAME, &arguments.compat,
         "Make exactly the bytes that KumoMTA makes", "kumomta"},
        {"tenant", 0, 0, G_OPTION_ARG_FILENAME, &arguments.tenant,
         "On behalf of this tenant, whatever the record says", "NAME"},
        {"language", 0, 0, G_OPTION_ARG_FILENAME, &arguments.language,
         "The language of its words, such as de", "TAG"},
        {"coalesce", 0, 0, G_OPTION_ARG_NONE, &arguments.coalesce,
         "Read several records of one message, one a line, and make one notice", NULL},
        {"dry-run", 0, 0, G_OPTION_ARG_NONE, &arguments.dry_run,
         "Print what would be done, a line of JSON for each record", NULL},
        G_OPTION_ENTRY_NULL,
    };
    const DsnUsage usage = {
        .command = COMMAND,
        .summary = "Makes the delivery status notification that a log record calls for.",
        .description =
            "Exit status: 0 made, 1 failed, 2 wrong use or configuration, 3 no notice is "
            "due (but with --output-dir and --dry-run, that is 0, too).",
        .entries = entries,
    };
    int status;

    if (!dsn_options_read(&usage, argc, argv, &status))
        return status;
    return generate(&arguments);
}
