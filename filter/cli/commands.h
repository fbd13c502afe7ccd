/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * commands.h - the subcommands
 *
 * Purpose:   one function for each; main.c has the table.
 * Source:    dsnarf(1).
 * Ownership: arguments are borrowed; argv[0] is the name of the subcommand.
 * Errors:    reported to standard error; the answer is the exit status.
 * Threads:   called once, from main().
 */
#ifndef DSN_CLI_COMMANDS_H
#define DSN_CLI_COMMANDS_H

/* What is read where no other file is named. */
#define DSN_DEFAULT_FILE SYSCONFDIR "/dsnarf/dsnarf.toml"

typedef struct DsnCommand {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
} DsnCommand;

int dsn_cli_config(int argc, char **argv);
int dsn_cli_generate(int argc, char **argv);
int dsn_cli_ingest(int argc, char **argv);
int dsn_cli_lint(int argc, char **argv);
int dsn_cli_parse(int argc, char **argv);
int dsn_cli_queue(int argc, char **argv);
int dsn_cli_serve(int argc, char **argv);
int dsn_cli_template(int argc, char **argv);
int dsn_cli_why(int argc, char **argv);

#endif
