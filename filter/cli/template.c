/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/cli/template.h"

#include <stdio.h>
#include <string.h>

#include "filter/cli/commands.h"
#include "filter/cli/options.h"
#include "filter/cli/terminal.h"
#include "filter/core/configuration.h"
#include "templates/language.h"
#include "templates/samples.h"

#define COMMAND "template"

bool
dsn_topic_from_string(const char *name, DsnTopic *ret_topic)
{
    for (int topic = 0; topic < DSN_N_TOPICS; topic++) {
        if (g_ascii_strcasecmp(name, dsn_topic_to_string((DsnTopic)topic)) == 0) {
            *ret_topic = (DsnTopic)topic;
            return true;
        }
    }
    return false;
}

/* What a check has seen. */
typedef struct Check {
    bool verbose;
    guint64 texts;    /* rendered */
    GHashTable *said; /* complaints, each made once */
} Check;

static void
complain_once(Check *check, const char *tenant, const char *complaint)
{
    if (!g_hash_table_add(check->said, g_strdup(complaint)))
        return;
    if (tenant == NULL)
        dsn_complain("%s", complaint);
    else
        dsn_complain("tenant %s: %s", tenant, complaint);
}

static void
complain_lines(Check *check, const char *tenant, const GString *faults)
{
    g_auto(GStrv) lines = g_strsplit(faults->str, "\n", -1);

    for (char **line = lines; *line != NULL; line++) {
        if (**line != '\0')
            complain_once(check, tenant, *line);
    }
}

static void
check_sample(Check *check, const DsnCatalog *catalog, const char *tenant, DsnTopic topic,
             DsnFailureClass failure, const char *language, DsnSampleKind kind)
{
    json_auto_t *context = dsn_sample_context(topic, failure, kind);
    json_auto_t *record = dsn_sample_record(topic, failure, kind);
    const DsnTemplateInput input = {context, "log_record", record};
    g_auto(DsnWording) wording = {0};
    g_autoptr(GError) error = NULL;

    dsn_wording_init(&wording);
    check->texts++;
    if (!dsn_catalog_word(catalog, topic, failure, language, true, false, &input, &wording, &error))
        complain_once(check, tenant, error->message);
    else if (wording.fault != NULL)
        complain_once(check, tenant, wording.fault);
}

/* One line for each topic and language, and for a class where it has words of its own. */
static void
show_source(const DsnCatalog *catalog, const char *tenant, DsnTopic topic, DsnFailureClass failure,
            const char *language)
{
    g_autofree char *source = dsn_catalog_source(catalog, topic, failure, language);
    g_autofree char *plain = dsn_catalog_source(catalog, topic, DSN_FAILURE_OTHER, language);
    bool other = failure == DSN_FAILURE_OTHER;

    if (!other && strcmp(source, plain) == 0)
        return;
    (void)printf("%s%s%s%s%s.%s: %s\n", tenant == NULL ? "" : tenant, tenant == NULL ? "" : ": ",
                 dsn_topic_to_string(topic), other ? "" : ".",
                 other ? "" : dsn_failure_to_string(failure), language, source);
}

static void
check_catalog(Check *check, const DsnCatalog *catalog, const char *tenant)
{
    const char *const *languages = dsn_catalog_languages(catalog);

    for (size_t i = 0; languages[i] != NULL; i++) {
        for (int n = 0; n < DSN_N_TOPICS * DSN_N_FAILURES; n++) {
            DsnTopic topic = (DsnTopic)(n / DSN_N_FAILURES);
            DsnFailureClass failure = (DsnFailureClass)(n % DSN_N_FAILURES);

            if (check->verbose)
                show_source(catalog, tenant, topic, failure, languages[i]);
            for (int kind = 0; kind < DSN_N_SAMPLES; kind++)
                check_sample(check, catalog, tenant, topic, failure, languages[i],
                             (DsnSampleKind)kind);
        }
    }
}

/* The texts of the tenants that have some of their own; those of several are checked once. */
static void
check_tenants(Check *check, const DsnConfiguration *configuration, const DsnCatalog *base)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    if (configuration->policy.templates != NULL)
        (void)g_hash_table_add(seen, configuration->policy.templates); /* it is empty */
    for (guint i = 0; i < configuration->tenants->len; i++) {
        const DsnTenantOptions *tenant = configuration->tenants->pdata[i];
        char *directory = tenant->notice.templates;
        g_autoptr(GString) faults = g_string_new(NULL);

        if (directory == NULL || !g_hash_table_add(seen, directory))
            continue;
        g_autoptr(DsnCatalog) catalog =
            dsn_catalog_new_over(base, directory, &configuration->template_limits, faults);
        complain_lines(check, tenant->name, faults);
        check_catalog(check, catalog, tenant->name);
    }
}

static int
check(const DsnTemplateArguments *arguments, bool verbose)
{
    g_autoptr(GHashTable) said = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GString) faults = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    Check state = {.verbose = verbose, .said = said};
    g_autoptr(DsnConfiguration) configuration = dsn_configuration_load(arguments->config, &error);

    if (configuration == NULL) {
        dsn_complain_lines(error->message);
        return DSN_EXIT_USAGE;
    }
    const char *directory =
        arguments->directory != NULL ? arguments->directory : configuration->policy.templates;
    g_autoptr(DsnCatalog) base =
        dsn_catalog_new_over(NULL, directory, &configuration->template_limits, faults);
    complain_lines(&state, NULL, faults);
    check_catalog(&state, base, NULL);
    if (arguments->directory == NULL)
        check_tenants(&state, configuration, base);
    if (g_hash_table_size(said) > 0)
        return DSN_EXIT_FAILED;
    (void)printf("ok: %" G_GUINT64_FORMAT " texts in %u languages\n", state.texts,
                 g_strv_length((char **)dsn_catalog_languages(base)));
    return DSN_EXIT_DONE;
}

static int
run(DsnTemplateArguments *arguments, char *const *words, bool verbose, const char *output)
{
    const char *verb = words == NULL ? NULL : words[0];
    bool import = verb != NULL && strcmp(verb, "import") == 0;
    char tag[DSN_LANGUAGE_MAX] = "en";

    if (verb == NULL)
        return dsn_usage_error(COMMAND, "say check, preview or import");
    if (words[1] != NULL && words[2] != NULL)
        return dsn_usage_error(COMMAND, "unexpected argument \"%s\"", words[2]);
    if (arguments->language != NULL &&
        !dsn_language_read(arguments->language, strlen(arguments->language), tag))
        return dsn_usage_error(COMMAND, "--language takes a tag such as de or pt-BR");
    if (import && (words[1] == NULL || output == NULL))
        return dsn_usage_error(COMMAND, "import takes a file, and --output-dir DIR");
    if (import)
        return dsn_template_import(words[1], output, tag);
    arguments->directory = words[1];
    /* Where nothing is installed the defaults are what is in force. */
    if (arguments->config == NULL && g_file_test(DSN_DEFAULT_FILE, G_FILE_TEST_EXISTS))
        arguments->config = DSN_DEFAULT_FILE;
    if (strcmp(verb, "check") == 0)
        return check(arguments, verbose);
    if (strcmp(verb, "preview") == 0)
        return dsn_template_preview(arguments);
    return dsn_usage_error(COMMAND, "expected check, preview or import, not \"%s\"", verb);
}

static const char DESCRIPTION[] =
    "check renders every topic, class of failure, language and tenant over samples.\n"
    "preview shows a notice, in every language that there is.\n"
    "import makes texts from a bounce.cf of Postfix.\n"
    "DIRECTORY has texts that are looked at instead of those of the configuration.\n\n"
    "Exit status: 0 in order, 1 something is wrong with a text, 2 wrong use or configuration.";

int
dsn_cli_template(int argc, char **argv)
{
    g_autofree char *config = NULL, *tenant = NULL, *language = NULL, *topic = NULL;
    g_autofree char *status = NULL, *record = NULL, *original = NULL, *format = NULL;
    g_autofree char *output = NULL;
    gboolean verbose = FALSE;
    g_auto(GStrv) words = NULL;
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &config, "Read FILE instead of " DSN_DEFAULT_FILE,
         "FILE"},
        {"verbose", 'v', 0, G_OPTION_ARG_NONE, &verbose, "check: Say which file is used for what",
         NULL},
        {"tenant", 0, 0, G_OPTION_ARG_FILENAME, &tenant, "preview: For the tenant NAME", "NAME"},
        {"language", 0, 0, G_OPTION_ARG_FILENAME, &language,
         "preview: Only in this language; import: Of this one, not en", "TAG"},
        {"topic", 0, 0, G_OPTION_ARG_FILENAME, &topic,
         "preview: failed, expired, delayed, delivered, relayed, expanded, late or all", "TOPIC"},
        {"status", 0, 0, G_OPTION_ARG_FILENAME, &status,
         "preview: With this status code, or all, one of each class of failure", "CODE"},
        {"record", 0, 0, G_OPTION_ARG_FILENAME, &record,
         "preview: Of the log record in FILE instead of a sample", "FILE"},
        {"original", 0, 0, G_OPTION_ARG_FILENAME, &original,
         "preview: About the message in FILE instead of a sample", "FILE"},
        {"format", 0, 0, G_OPTION_ARG_FILENAME, &format, "preview: text, html or message",
         "FORMAT"},
        {"output-dir", 0, 0, G_OPTION_ARG_FILENAME, &output, "import: Write the texts to DIR",
         "DIR"},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &words, NULL,
         "check|preview [DIRECTORY] | import FILE"},
        G_OPTION_ENTRY_NULL,
    };
    const DsnUsage usage = {
        .command = COMMAND,
        .summary = "Checks the texts of notices, shows what they become, or brings them over.",
        .description = DESCRIPTION,
        .entries = entries,
    };
    int result;

    if (!dsn_options_read(&usage, argc, argv, &result))
        return result;
    DsnTemplateArguments arguments = {
        .config = config,
        .tenant = tenant,
        .language = language,
        .topic = topic,
        .status = status,
        .record = record,
        .original = original,
        .format = format,
    };
    return run(&arguments, words, verbose, output);
}
