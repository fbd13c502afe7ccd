/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "filter/cli/commands.h"
#include "filter/cli/options.h"
#include "filter/cli/terminal.h"
#include "filter/core/configuration.h"
#include "filter/pipeline/policy.h"

#define COMMAND "config"

static int
complain(GError *error)
{
    dsn_complain_lines(error->message);
    g_error_free(error);
    return DSN_EXIT_USAGE;
}

static int
check(const char *file)
{
    GError *error = NULL;
    g_autoptr(DsnPolicy) policy = dsn_policy_load(file, &error);

    if (policy == NULL)
        return complain(error);
    for (guint i = 0; i < policy->warnings->len; i++)
        dsn_complain("warning: %s", (const char *)policy->warnings->pdata[i]);
    (void)printf("%s: ok\n", file); /* main() looks at the state of standard output */
    return DSN_EXIT_DONE;
}

static int
show(const char *file)
{
    GError *error = NULL;
    g_autoptr(DsnConfiguration) configuration = dsn_configuration_load(file, &error);
    g_autoptr(GString) text = g_string_new(NULL);

    if (configuration == NULL)
        return complain(error);
    dsn_configuration_show(configuration, text);
    (void)fwrite(text->str, 1, text->len, stdout);
    return DSN_EXIT_DONE;
}

static int
run(char *const *words, const char *file)
{
    const char *verb = words == NULL ? NULL : words[0];

    if (verb == NULL)
        return dsn_usage_error(COMMAND, "say check or show");
    if (words[1] != NULL)
        return dsn_usage_error(COMMAND, "unexpected argument \"%s\"", words[1]);
    if (strcmp(verb, "check") == 0)
        return check(file == NULL ? DSN_DEFAULT_FILE : file);
    if (strcmp(verb, "show") != 0)
        return dsn_usage_error(COMMAND, "expected check or show, not \"%s\"", verb);
    /* Where nothing is installed the defaults are what is in force. */
    if (file == NULL && g_file_test(DSN_DEFAULT_FILE, G_FILE_TEST_EXISTS))
        file = DSN_DEFAULT_FILE;
    return show(file);
}

int
dsn_cli_config(int argc, char **argv)
{
    g_autofree char *file = NULL;
    g_auto(GStrv) words = NULL;
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &file, "Read FILE instead of " DSN_DEFAULT_FILE,
         "FILE"},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &words, NULL, "check|show"},
        G_OPTION_ENTRY_NULL,
    };
    const DsnUsage usage = {
        .command = COMMAND,
        .summary = "Checks a configuration, with the texts of notices that it names, or shows the "
                   "one in force.",
        .description = "Exit status: 0 in order, 2 wrong use or configuration.",
        .entries = entries,
    };
    int status;

    if (!dsn_options_read(&usage, argc, argv, &status))
        return status;
    return run(words, file);
}
