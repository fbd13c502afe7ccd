/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/cli/options.h"

#include <stdio.h>
#include <string.h>

#include "filter/cli/terminal.h"

int
dsn_usage_error(const char *command, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    dsn_complain("%s: %s", command, text);
    dsn_complain("\"dsnarf help %s\" lists what can be given", command);
    return DSN_EXIT_USAGE;
}

/* GOptionContext has its own --help, which prints and ends the process. */
static GOptionContext *
new_context(const DsnUsage *usage, const GOptionEntry *help)
{
    GOptionContext *context = g_option_context_new(usage->arguments);

    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_set_summary(context, usage->summary);
    g_option_context_set_description(context, usage->description);
    g_option_context_add_main_entries(context, usage->entries, NULL);
    g_option_context_add_main_entries(context, help, NULL);
    return context;
}

bool
dsn_options_read(const DsnUsage *usage, int argc, char **argv, int *ret_status)
{
    gboolean help = FALSE;
    const GOptionEntry help_entry[] = {
        {"help", 'h', 0, G_OPTION_ARG_NONE, &help, "Show this help", NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = new_context(usage, help_entry);
    g_autoptr(GError) error = NULL;
    g_autofree char **rest = g_memdup2(argv, ((size_t)argc + 1) * sizeof(*argv));
    g_autofree char *name = g_strdup_printf("dsnarf %s", usage->command);

    g_set_prgname(name);
    if (!g_option_context_parse(context, &argc, &rest, &error)) {
        *ret_status = dsn_usage_error(usage->command, "%s", error->message);
        return false;
    }
    if (help) {
        g_autofree char *text = g_option_context_get_help(context, TRUE, NULL);
        (void)fputs(text, stdout); /* main() looks at the state of standard output */
        *ret_status = DSN_EXIT_DONE;
        return false;
    }
    if (argc > 1) {
        *ret_status = dsn_usage_error(usage->command, "unexpected argument \"%s\"", rest[1]);
        return false;
    }
    return true;
}
