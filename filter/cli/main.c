/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <gmime/gmime.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "filter/cli/commands.h"
#include "filter/cli/options.h"
#include "filter/cli/terminal.h"
#include "templates/suggest.h"

static const DsnCommand commands[] = {
    {"config", "check a configuration, or show the effective one", dsn_cli_config},
    {"generate", "make a delivery status notification from a log record", dsn_cli_generate},
    {"ingest", "take messages and records from files, once", dsn_cli_ingest},
    {"lint", "check notices and reports against the rules", dsn_cli_lint},
    {"parse", "turn feedback reports and bounces into JSON", dsn_cli_parse},
    {"queue", "look at what waits in the spool, and act on it", dsn_cli_queue},
    {"serve", "run the daemon", dsn_cli_serve},
    {"template", "check, show and import the texts of notices", dsn_cli_template},
    {"why", "tell what happened to a message", dsn_cli_why},
};

static const DsnCommand *
find_command(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static void
print_help(FILE *file)
{
    (void)fprintf(file, "Usage: dsnarf COMMAND [OPTION...] [ARGUMENT...]\n\n"
                        "Reads and writes reports about undelivered and unwanted mail.\n\n");
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        (void)fprintf(file, "  %-10s %s\n", commands[i].name, commands[i].summary);
    (void)fprintf(file, "\n\"dsnarf help COMMAND\" explains a command; see also dsnarf(1).\n");
}

static int
unknown_command(const char *name)
{
    const char *names[G_N_ELEMENTS(commands) + 1] = {NULL};

    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        names[i] = commands[i].name;
    const char *meant = dsn_suggest(name, names);
    if (meant != NULL)
        dsn_complain("there is no command \"%s\"; did you mean \"%s\"?", name, meant);
    else
        dsn_complain("there is no command \"%s\"; \"dsnarf help\" lists them", name);
    return DSN_EXIT_USAGE;
}

static bool
asks_for_help(const char *word)
{
    return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int
run(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return DSN_EXIT_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        (void)printf("dsnarf %s\n", PACKAGE_VERSION);
        return DSN_EXIT_DONE;
    }

    bool help = asks_for_help(word);
    if (help && (argc < 3 || asks_for_help(argv[2]))) {
        print_help(stdout);
        return DSN_EXIT_DONE;
    }
    const DsnCommand *command = find_command(help ? argv[2] : word);
    if (command == NULL)
        return unknown_command(help ? argv[2] : word);
    if (help)
        return command->run(2, (char *[]){argv[2], (char[]){"--help"}, NULL});
    return command->run(argc - 1, argv + 1);
}

/* GMime starts GPGME, which ignores SIGPIPE from then on; but whoever reads from us may stop. */
static void
start_gmime(void)
{
    struct sigaction before;

    (void)sigaction(SIGPIPE, NULL, &before);
    g_mime_init();
    (void)sigaction(SIGPIPE, &before, NULL);
}

int
main(int argc, char **argv)
{
    start_gmime();
    int status = run(argc, argv);
    g_mime_shutdown();

    /* Diagnostics went out as they came; data that could not be written must not
     * pass for done. */
    if (fflush(stdout) != 0 || ferror(stdout)) {
        dsn_complain("standard output: %s", g_strerror(errno));
        return status == DSN_EXIT_DONE ? DSN_EXIT_FAILED : status;
    }
    return status;
}
