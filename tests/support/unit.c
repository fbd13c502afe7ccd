/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "tests/support/unit.h"

#include <gmime/gmime.h>
#include <stdio.h>
#include <stdlib.h>

char *
dsn_test_read(const char *path, size_t *ret_length)
{
    g_autofree char *full = g_build_filename(g_getenv("DSNARF_DATA"), path, NULL);
    g_autoptr(GError) error = NULL;
    char *text = NULL;
    gsize length = 0;

    if (!g_file_get_contents(full, &text, &length, &error))
        ck_abort_msg("%s", error->message);
    if (ret_length != NULL)
        *ret_length = length;
    return text;
}

const char *
dsn_test_corpus(void)
{
    const char *corpus = g_getenv("DSNARF_CORPUS");

    if (corpus != NULL && g_file_test(corpus, G_FILE_TEST_IS_DIR))
        return corpus;
    printf("skipped: no corpus in %s\n", corpus == NULL ? "DSNARF_CORPUS" : corpus);
    return NULL;
}

static char *
dup_escaped(const char *text, size_t len)
{
    GString *escaped = g_string_new(NULL);

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c == '\n')
            g_string_append(escaped, "\\n\n");
        else if (c >= ' ' && c < 0x7f)
            g_string_append_c(escaped, (char)c);
        else
            g_string_append_printf(escaped, "\\x%02x", c);
    }
    return g_string_free(escaped, FALSE);
}

void
dsn_test_compare(const char *file, int line, const char *actual, size_t actual_len,
                 const char *expected, size_t expected_len, const char *label)
{
    if (actual != NULL && actual_len == expected_len && memcmp(actual, expected, actual_len) == 0)
        return;

    g_autofree char *got = actual == NULL ? g_strdup("(absent)") : dup_escaped(actual, actual_len);
    g_autofree char *want = dup_escaped(expected, expected_len);
    /* check has a cap on the length of its messages. */
    printf("--- expected (%zu bytes)\n%s\n--- actual (%zu bytes)\n%s\n", expected_len, want,
           actual_len, got);
    fflush(stdout);
    ck_abort_msg("%s:%d: other bytes than expected: %s", file, line, label == NULL ? "" : label);
}

int
main(void)
{
    g_mime_init();

    SRunner *runner = srunner_create(dsn_test_suite());
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    g_mime_shutdown();
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
