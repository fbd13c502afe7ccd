/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * toml-json.c - reads TOML documents from standard input, answers each with a line
 *
 * A document is its length in decimal, a line feed, and its bytes. The answer is "= " and the tree
 * as JSON, or "! " and the error.
 */
#include "config.h"

#include "filter/core/toml.h"

#include <stdio.h>
#include <stdlib.h>

static void
answer(DsnSpan text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DsnToml) toml = dsn_toml_parse("input", text, &error);

    if (toml == NULL) {
        printf("! %s\n", error->message);
    } else {
        printf("= ");
        json_dumpf(dsn_toml_tree(toml), stdout,
                   JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(17));
        printf("\n");
    }
    (void)fflush(stdout); /* the reader sees a broken pipe as a missing answer */
}

int
main(void)
{
    char line[32];

    while (fgets(line, sizeof(line), stdin) != NULL) {
        size_t len = (size_t)g_ascii_strtoull(line, NULL, 10);
        g_autofree char *text = g_malloc(len + 1);

        if (fread(text, 1, len, stdin) != len)
            return EXIT_FAILURE;
        answer((DsnSpan){text, len});
    }
    return EXIT_SUCCESS;
}
