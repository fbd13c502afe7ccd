/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/configuration.h"

#include <glib/gstdio.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static DsnConfiguration *
load(const char *file, const char *text, size_t len, GError **error)
{
    FILE *out = g_fopen(file, "wb");

    g_assert(out != NULL && fwrite(text, 1, len, out) == len && fclose(out) == 0);
    return dsn_configuration_load(file, error);
}

/* What is taken is shown so that it is taken again, to the same effect. */
static void
check_shown(const DsnConfiguration *configuration, const char *file)
{
    g_autoptr(GString) first = g_string_new(NULL), second = g_string_new(NULL);

    dsn_configuration_show(configuration, first);
    g_autoptr(GError) error = NULL;
    g_autoptr(DsnConfiguration) again = load(file, first->str, first->len, &error);
    g_assert_no_error(error);
    dsn_configuration_show(again, second);
    g_assert(strcmp(first->str, second->str) == 0);
    g_assert(g_utf8_validate(first->str, -1, NULL));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *file =
        g_strdup_printf("%s/dsnarf-fuzz-%d.toml", g_get_tmp_dir(), (int)getpid());
    g_autoptr(DsnConfiguration) configuration =
        load(file, size == 0 ? "" : (const char *)data, size, &error);

    if (configuration == NULL) {
        g_auto(GStrv) lines = g_strsplit(error->message, "\n", -1);

        for (char **line = lines; *line != NULL; line++)
            g_assert(g_str_has_prefix(*line, file) || g_str_has_prefix(*line, "and "));
    } else {
        check_shown(configuration, file);
    }
    g_remove(file);
    return 0;
}
