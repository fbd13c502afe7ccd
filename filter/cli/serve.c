/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/cli/commands.h"
#include "filter/cli/options.h"
#include "filter/cli/terminal.h"
#include "filter/daemon/daemon.h"

int
dsn_cli_serve(int argc, char **argv)
{
    g_autofree char *file = NULL;
    g_autoptr(GError) error = NULL;
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &file, "Read FILE instead of " DSN_DEFAULT_FILE,
         "FILE"},
        G_OPTION_ENTRY_NULL,
    };
    const DsnUsage usage = {
        .command = "serve",
        .summary = "Runs the daemon, in the foreground.",
        .description = "SIGTERM and SIGINT end it when all that is in flight is done, SIGUSR1 and "
                       "SIGHUP make it\nread its configuration again; see dsnarf(8).\n\n"
                       "Exit status: 0 after a signal to end, 1 something could not be started or "
                       "ended by\nitself, 2 wrong use or configuration.",
        .entries = entries,
    };
    int status;

    if (!dsn_options_read(&usage, argc, argv, &status))
        return status;
    const char *path = file == NULL ? DSN_DEFAULT_FILE : file;
    g_autoptr(DsnPolicy) policy = dsn_policy_load(path, &error);
    if (policy == NULL) {
        dsn_complain_lines(error->message);
        return DSN_EXIT_USAGE;
    }
    g_autofree char *absolute = g_canonicalize_filename(path, NULL);
    return dsn_daemon_run(absolute, policy) ? DSN_EXIT_DONE : DSN_EXIT_FAILED;
}
