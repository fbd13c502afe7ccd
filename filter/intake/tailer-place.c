/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/tailer-place.h"

#include "filter/core/json-load.h"
#include "filter/core/number.h"

#include <string.h>
#include <sys/stat.h>

#define VERSION "dsnarf-place 1"

static void
file_free(gpointer data)
{
    DsnTailerFile *file = data;

    g_free(file->name);
    g_free(file);
}

DsnTailerPlace *
dsn_tailer_place_new(const char *directory, int64_t since)
{
    DsnTailerPlace *place = g_new0(DsnTailerPlace, 1);

    place->directory = g_strdelimit(g_strdup(directory), "\n", '?');
    place->since = since;
    place->done = g_ptr_array_new_with_free_func(g_free);
    place->open = g_ptr_array_new_with_free_func(file_free);
    return place;
}

void
dsn_tailer_place_free(DsnTailerPlace *place)
{
    if (place == NULL)
        return;
    g_free(place->directory);
    g_free(place->low);
    g_ptr_array_unref(place->done);
    g_ptr_array_unref(place->open);
    g_free(place);
}

bool
dsn_tailer_place_can_name(const char *name)
{
    return *name != '\0' && strpbrk(name, "\n/") == NULL;
}

/* ---- sorted lists ---- */

/* Where the name is, or should be, in a list; @name_of says what an element is called. */
static guint
find_name(const GPtrArray *list, const char *(*name_of)(const void *element), const char *name,
          bool *ret_found)
{
    guint from = 0, to = list->len;

    while (from < to) {
        guint middle = from + (to - from) / 2;

        if (strcmp(name_of(list->pdata[middle]), name) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    *ret_found = from < list->len && strcmp(name_of(list->pdata[from]), name) == 0;
    return from;
}

static const char *
done_name(const void *element)
{
    return element;
}

static const char *
open_name(const void *element)
{
    return ((const DsnTailerFile *)element)->name;
}

DsnTailerFile *
dsn_tailer_place_find(const DsnTailerPlace *place, const char *name)
{
    bool found;
    guint at = find_name(place->open, open_name, name, &found);

    return found ? place->open->pdata[at] : NULL;
}

DsnTailerFile *
dsn_tailer_place_open(DsnTailerPlace *place, const char *name)
{
    bool found;
    guint at = find_name(place->open, open_name, name, &found);

    if (!found) {
        DsnTailerFile *file = g_new0(DsnTailerFile, 1);
        file->name = g_strdup(name);
        g_ptr_array_insert(place->open, (gint)at, file);
    }
    return place->open->pdata[at];
}

static bool
is_below(const DsnTailerPlace *place, const char *name)
{
    return place->low != NULL && strcmp(name, place->low) <= 0;
}

bool
dsn_tailer_place_is_done(const DsnTailerPlace *place, const char *name)
{
    bool found;

    if (dsn_tailer_place_find(place, name) != NULL)
        return false;
    if (is_below(place, name))
        return true;
    (void)find_name(place->done, done_name, name, &found);
    return found;
}

void
dsn_tailer_place_finish(DsnTailerPlace *place, const char *name)
{
    g_autofree char *own = g_strdup(name); /* it may be the file's */
    bool found;
    guint at = find_name(place->open, open_name, own, &found);

    if (found)
        (void)g_ptr_array_remove_index(place->open, at);
    at = find_name(place->done, done_name, own, &found);
    if (found || is_below(place, own))
        return;
    g_ptr_array_insert(place->done, (gint)at, g_steal_pointer(&own));
    if (place->done->len > DSN_TAILER_DONE_MAX) {
        g_free(place->low);
        place->low = g_ptr_array_steal_index(place->done, 0);
    }
}

void
dsn_tailer_place_rename(DsnTailerPlace *place, const char *name, const char *to)
{
    bool found;
    guint at = find_name(place->open, open_name, name, &found);

    if (!found)
        return;
    uint64_t lines = ((const DsnTailerFile *)place->open->pdata[at])->lines;
    (void)g_ptr_array_remove_index(place->open, at);
    dsn_tailer_place_open(place, to)->lines = lines;
}

/* ---- as text ---- */

char *
dsn_tailer_place_to_text(const DsnTailerPlace *place)
{
    GString *text = g_string_new(VERSION "\n");

    g_string_append_printf(text, "directory %s\nsince %" G_GINT64_FORMAT "\n", place->directory,
                           place->since);
    if (place->low != NULL)
        g_string_append_printf(text, "low %s\n", place->low);
    for (guint i = 0; i < place->done->len; i++)
        g_string_append_printf(text, "done %s\n", (const char *)place->done->pdata[i]);
    for (guint i = 0; i < place->open->len; i++) {
        const DsnTailerFile *file = place->open->pdata[i];
        g_string_append_printf(text, "open %" G_GUINT64_FORMAT " %s\n", file->lines, file->name);
    }
    return g_string_free(text, FALSE);
}

/* "12 NAME" */
static bool
read_open(DsnTailerPlace *place, const char *text)
{
    const char *space = strchr(text, ' ');
    guint64 lines;

    if (space == NULL || !dsn_tailer_place_can_name(space + 1))
        return false;
    g_autofree char *number = g_strndup(text, (gsize)(space - text));
    if (!dsn_number_read(number, 10, 0, G_MAXINT64, &lines))
        return false;
    dsn_tailer_place_open(place, space + 1)->lines = lines;
    return place->open->len <= 2 * DSN_TAILER_OPEN_MAX; /* some may have come in between */
}

static bool
read_line(DsnTailerPlace *place, const char *line)
{
    if (g_str_has_prefix(line, "open "))
        return read_open(place, line + strlen("open "));
    if (g_str_has_prefix(line, "since "))
        return g_ascii_string_to_signed(line + strlen("since "), 10, G_MININT64, G_MAXINT64,
                                        &place->since, NULL);
    if (g_str_has_prefix(line, "directory ")) {
        g_free(place->directory);
        place->directory = g_strdup(line + strlen("directory "));
        return true;
    }
    const char *name = line + strcspn(line, " ");
    if (*name == '\0' || !dsn_tailer_place_can_name(name + 1))
        return false;
    if (g_str_has_prefix(line, "low ")) {
        bool first = place->low == NULL && place->done->len == 0;
        if (first)
            place->low = g_strdup(name + 1);
        return first;
    }
    if (!g_str_has_prefix(line, "done ") || place->done->len == DSN_TAILER_DONE_MAX)
        return false;
    dsn_tailer_place_finish(place, name + 1);
    return true;
}

DsnTailerPlace *
dsn_tailer_place_parse(const char *text, GError **error)
{
    g_autoptr(DsnTailerPlace) place = dsn_tailer_place_new("", 0);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    bool good = lines[0] != NULL && strcmp(lines[0], VERSION) == 0;

    for (guint i = 1; good && lines[i] != NULL && lines[i + 1] != NULL; i++)
        good = read_line(place, lines[i]);
    if (good)
        return g_steal_pointer(&place);
    g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                        "the place that is kept cannot be understood");
    return NULL;
}

/* ---- KumoMTA's checkpoint ---- */

static bool
is_same_directory(const char *a, const char *b)
{
    struct stat one, other;

    if (stat(a, &one) == 0 && stat(b, &other) == 0)
        return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
    g_autofree char *first = g_canonicalize_filename(a, "/");
    g_autofree char *second = g_canonicalize_filename(b, "/");
    return strcmp(first, second) == 0;
}

DsnTailerPlace *
dsn_tailer_place_import(const char *text, size_t len, const char *directory, GError **error)
{
    json_auto_t *root = dsn_json_load((DsnSpan){text, len}, NULL);
    const char *file = json_string_value(json_object_get(root, "file"));
    const json_t *line = json_object_get(root, "line");

    if (file == NULL || !json_is_integer(line) || json_integer_value(line) < 0) {
        g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                            "is no checkpoint such as {\"file\":\"/path\",\"line\":12}");
        return NULL;
    }
    g_autofree char *where = g_path_get_dirname(file);
    const char *slash = strrchr(file, '/');
    const char *name = slash == NULL ? file : slash + 1;
    if (!dsn_tailer_place_can_name(name) ||
        strlen(file) != json_string_length(json_object_get(root, "file"))) {
        g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "names no file");
        return NULL;
    }
    if (!is_same_directory(where, directory)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "is about %s, not about %s", where,
                    directory);
        return NULL;
    }
    DsnTailerPlace *place = dsn_tailer_place_new(directory, 0);
    place->low = g_strdup(name);
    dsn_tailer_place_open(place, name)->lines = (uint64_t)json_integer_value(line);
    return place;
}

char *
dsn_tailer_place_describe(const DsnTailerPlace *place)
{
    if (place->open->len > 0) {
        const DsnTailerFile *file = place->open->pdata[0];
        return g_strdup_printf("goes on in %s behind line %" G_GUINT64_FORMAT, file->name,
                               file->lines);
    }
    const char *last = place->done->len > 0 ? place->done->pdata[place->done->len - 1] : place->low;
    return last == NULL ? g_strdup("goes on, nothing was read yet")
                        : g_strdup_printf("goes on behind %s", last);
}
