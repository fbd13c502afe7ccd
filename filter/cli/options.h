/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.h - the options of a subcommand
 *
 * Purpose:   read them, answer --help, and report a wrong one the same way everywhere.
 * Source:    GOptionContext.
 * Ownership: what the entries point to belongs to the caller.
 * Errors:    reported to standard error, with the exit status that follows from it.
 * Threads:   start of the program.
 */
#ifndef DSN_CLI_OPTIONS_H
#define DSN_CLI_OPTIONS_H

#include <glib.h>
#include <stdbool.h>

/* The exit statuses of dsnarf(1). */
typedef enum DsnExit {
    DSN_EXIT_DONE = 0,
    DSN_EXIT_FAILED = 1,
    DSN_EXIT_USAGE = 2,
    DSN_EXIT_NOT_DUE = 3
} DsnExit;

typedef struct DsnUsage {
    const char *command;     /* "parse" */
    const char *arguments;   /* "[PATH|-]...", NULL when there are none */
    const char *summary;     /* one sentence */
    const char *description; /* what --help says below the options, may be NULL */
    const GOptionEntry *entries;
} DsnUsage;

/* Reads options; texts that are no paths are G_OPTION_ARG_FILENAME, too, which keeps their bytes.
 * False: the command is over with *@ret_status, after --help or a wrong option. */
bool dsn_options_read(const DsnUsage *usage, int argc, char **argv, int *ret_status);

/* Reports a wrong use of @command, and returns the exit status for it. */
int dsn_usage_error(const char *command, const char *format, ...) G_GNUC_PRINTF(2, 3);

#endif
