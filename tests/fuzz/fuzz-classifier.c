/* SPDX-License-Identifier: BSD-2-Clause */
/* A file of rules, and behind the first NUL a response that they are asked about. The first byte
 * says which kind of file it is. */
#include "config.h"

#include "filter/core/classifier.h"

#include <glib/gstdio.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static GLogWriterOutput
ignore(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user)
{
    (void)level;
    (void)fields;
    (void)n_fields;
    (void)user;
    return G_LOG_WRITER_HANDLED;
}

/* One that is as it was when it is asked about again, and one that is not remembered. */
static void
ask(const GPtrArray *files, DsnSpan response)
{
    const DsnClassifierOptions remembers = {2, 2, 1000}, forgets = {0, 0, 1000};
    g_autoptr(GError) error = NULL;
    g_autoptr(DsnClassifier) one = dsn_classifier_load(files, &remembers, &error);
    g_autoptr(DsnClassifier) other = dsn_classifier_load(files, &forgets, NULL);
    unsigned given_up;

    g_assert((one == NULL) == (error != NULL) && (one == NULL) == (other == NULL));
    if (one == NULL) {
        g_assert(g_str_has_prefix(error->message, files->pdata[0]));
        return;
    }
    g_autoptr(GString) line = g_string_new(NULL);
    dsn_classifier_line(550, (DsnStatusCode){5, 1, 1}, response, line);
    g_assert(strlen(line->str) == line->len && strpbrk(line->str, "\r\n") == NULL);
    const char *class_ = dsn_classifier_find(one, (DsnSpan){line->str, line->len}, &given_up);
    g_assert(given_up <= 16 && strlen(class_) >= 1 && strlen(class_) <= DSN_CLASSIFIER_NAME_MAX);
    g_assert(dsn_classifier_find(one, (DsnSpan){line->str, line->len}, &given_up) == class_);
    g_assert(given_up == 0);
    g_assert_cmpstr(dsn_classifier_find(other, (DsnSpan){line->str, line->len}, NULL), ==, class_);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static gsize silenced;
    const uint8_t *end = size == 0 ? NULL : memchr(data, '\0', size);
    g_autofree char *path = NULL;
    g_autoptr(GPtrArray) files = g_ptr_array_new();

    if (g_once_init_enter(&silenced)) { /* rules that are given up */
        g_log_set_writer_func(ignore, NULL, NULL);
        g_once_init_leave(&silenced, 1);
    }
    if (end == NULL || end == data)
        return 0;
    path = g_strdup_printf("%s/dsnarf-fuzz-classifier-%d.%s", g_get_tmp_dir(), (int)getpid(),
                           data[0] == '{' ? "json" : "toml");
    g_assert(g_file_set_contents_full(path, (const char *)data, end - data,
                                      G_FILE_SET_CONTENTS_NONE, 0600, NULL));
    g_ptr_array_add(files, path);
    ask(files, (DsnSpan){(const char *)end + 1, (size_t)(data + size - end - 1)});
    g_assert(g_unlink(path) == 0);
    return 0;
}
