/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay.c - runs a fuzz target over its seeds, one after the other
 *
 * Usage: fuzz-<module> [FILE...]; without a file, every seed of tests/fuzz/corpus/<module>/.
 */
#include "config.h"

#include <glib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
replay_file(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    gsize length = 0;

    if (!g_file_get_contents(path, &text, &length, &error)) {
        fprintf(stderr, "%s\n", error->message);
        exit(EXIT_FAILURE);
    }
    /* An exact copy, so that AddressSanitizer sees a read past the end. */
    g_autofree uint8_t *copy = g_memdup2(text, length);
    (void)LLVMFuzzerTestOneInput(copy, length); /* the result is for the engine only */
}

static unsigned
replay_seeds(const char *program)
{
    const char *name = strrchr(program, '/');
    name = name == NULL ? program : name + 1;
    g_assert(g_str_has_prefix(name, "fuzz-"));

    g_autofree char *directory =
        g_build_filename(g_getenv("DSNARF_DATA"), "fuzz", "corpus", name + strlen("fuzz-"), NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) seeds = g_dir_open(directory, 0, &error);
    if (seeds == NULL) {
        fprintf(stderr, "%s\n", error->message);
        exit(EXIT_FAILURE);
    }

    unsigned count = 0;
    for (const char *seed; (seed = g_dir_read_name(seeds)) != NULL; count++) {
        g_autofree char *path = g_build_filename(directory, seed, NULL);
        replay_file(path);
    }
    return count;
}

int
main(int argc, char **argv)
{
    unsigned count = (unsigned)argc - 1;

    for (int i = 1; i < argc; i++)
        replay_file(argv[i]);
    if (argc == 1)
        count = replay_seeds(argv[0]);
    printf("%u seeds replayed\n", count);
    return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
