/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/option-table.h"

#include "filter/core/read-file.h"
#include "templates/suggest.h"
#include "filter/core/toml.h"

#include <string.h>
#include <sys/stat.h>

/* Lines of complaint; what is wrong beyond is counted. */
#define PROBLEMS_MAX 100

/* Bytes of a key that are repeated in a complaint. */
#define KEY_SHOWN_MAX 80

/* Bytes of the name of a section: it stands in every path below. */
#define NAME_MAX_BYTES 255

typedef struct Loader {
    const DsnOptionTable *table;
    json_t **fallbacks;     /* of each option, or NULL */
    GHashTable *rows;       /* path in the table -> const DsnOption * */
    GHashTable *given;      /* path -> "file:line" where it was given */
    GHashTable *sections;   /* path -> structure of the named section */
    GHashTable *structures; /* row of sections, NULL for the whole -> GArray of Row */
    GPtrArray *files;       /* of Source *: read and yet to be read */
    GString *problems;
    unsigned n_problems;
} Loader;

/* One file, or one that is to be read. */
typedef struct Source {
    char *path;        /* as it stands in messages */
    char *directory;   /* absolute: where relative names start */
    char *included_at; /* "file:line", NULL for the first */
    dev_t device;
    ino_t inode;
    DsnToml *toml;
} Source;

/* A place in a document and what it fills. */
typedef struct Place {
    Source *source;
    const json_t *object;
    const char *pattern; /* the way there in the table: "webhook.*" */
    const char *path;    /* as in the file: "webhook.acme" */
    void *base;          /* the structure that offsets count from */
} Place;

static void
source_free(gpointer data)
{
    Source *source = data;

    g_free(source->path);
    g_free(source->directory);
    g_free(source->included_at);
    dsn_toml_free(source->toml);
    g_free(source);
}

static void *
slot_of(const DsnOption *option, void *base)
{
    return (char *)base + option->offset;
}

/* ---- paths ---- */

/* What of the row's path comes after @pattern and a dot, or NULL if it lies elsewhere. */
static const char *
below(const char *path, const char *pattern)
{
    size_t len = strlen(pattern);

    if (len == 0)
        return path;
    return strncmp(path, pattern, len) == 0 && path[len] == '.' ? path + len + 1 : NULL;
}

/* True if the row's slot lies in the structure that @pattern, "" or "...*", stands for. */
static bool
in_structure(const DsnOption *option, const char *pattern)
{
    const char *rest = below(option->path, pattern);
    const char *star = rest == NULL ? NULL : strchr(rest, '*');

    return rest != NULL && (star == NULL || star[1] == '\0');
}

static char *
join(const char *path, const char *key)
{
    return *path == '\0' ? g_strdup(key) : g_strconcat(path, ".", key, NULL);
}

static char *
join_key(const char *path, const char *key)
{
    g_autoptr(GString) joined = g_string_new(path);

    if (*path != '\0')
        g_string_append_c(joined, '.');
    dsn_toml_write_key(joined, key);
    return g_string_free(g_steal_pointer(&joined), FALSE);
}

static bool
is_section(const DsnOptionTable *table, const char *pattern)
{
    for (size_t i = 0; i < table->n_options; i++) {
        if (below(table->options[i].path, pattern) != NULL)
            return true;
    }
    return false;
}

/* ---- complaints ---- */

/* "file:line" of the key in the object of @place (transfer full). */
static char *
position(const Place *place, const char *key)
{
    return g_strdup_printf("%s:%u", place->source->path,
                           dsn_toml_line(place->source->toml, place->object, key));
}

static void
add_problem(Loader *loader, const char *text)
{
    if (++loader->n_problems <= PROBLEMS_MAX)
        g_string_append_printf(loader->problems, "%s\n", text);
}

/* @path is the key itself in full, as join_key() wrote it. */
static void
complain(Loader *loader, const Place *place, const char *key, const char *path, const char *what)
{
    g_autofree char *where = position(place, key);
    size_t len = strlen(path);
    const char *end =
        len <= KEY_SHOWN_MAX ? path + len : g_utf8_find_prev_char(path, path + KEY_SHOWN_MAX);
    g_autofree char *text = g_strdup_printf("%s: %.*s%s: %s", where, (int)(end - path), path,
                                            *end == '\0' ? "" : "...", what);

    add_problem(loader, text);
}

/* The next name in the path of a row below @pattern (transfer full), or NULL. */
static char *
name_below(const DsnOption *option, const char *pattern)
{
    const char *rest = below(option->path, pattern);

    if (rest == NULL || *rest == '*')
        return NULL;
    return g_strndup(rest, strcspn(rest, "."));
}

/* What the key was probably meant to be (transfer full), or NULL: a name like it in the same place,
 * or the same in a section whose path begins with the same word: elsewhere it is another option. */
static char *
suggestion(const Loader *loader, const Place *place, const char *key)
{
    g_autofree char *word = g_strndup(place->pattern, strcspn(place->pattern, "."));
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

    for (size_t i = 0; i < loader->table->n_options; i++) {
        const DsnOption *option = &loader->table->options[i];
        char *name = name_below(option, place->pattern);

        if (name == NULL)
            continue;
        g_ptr_array_add(names, name);
        if (option->secret && option->type == DSN_OPTION_STRING)
            g_ptr_array_add(names, g_strconcat(name, "_file", NULL));
    }
    g_ptr_array_add(names, NULL);

    const char *near = dsn_suggest(key, (const char *const *)names->pdata);
    if (near != NULL)
        return g_strdup(near);
    for (size_t i = 0; i < loader->table->n_options; i++) {
        const DsnOption *option = &loader->table->options[i];
        const char *name = strrchr(option->path, '.');

        if (name != NULL && strcmp(name + 1, key) == 0 && *word != '\0' &&
            below(option->path, word) != NULL && option->type != DSN_OPTION_SECTIONS)
            return g_strdup(option->path);
    }
    return NULL;
}

static void
complain_unknown(Loader *loader, const Place *place, const char *key, const char *path,
                 const json_t *value)
{
    /* Looking for what was meant is the expensive part: not for what is only counted. */
    g_autofree char *meant =
        loader->n_problems < PROBLEMS_MAX ? suggestion(loader, place, key) : NULL;
    g_autofree char *pattern = join(place->pattern, key);
    const DsnOptionHint *hint = loader->table->hints, *end = hint + loader->table->n_hints;

    while (hint < end && strcmp(hint->path, pattern) != 0)
        hint++;
    g_autofree char *what =
        hint < end
            ? g_strdup_printf("unknown option: %s", hint->instead)
            : g_strdup_printf("unknown %s%s%s%s", json_is_object(value) ? "section" : "option",
                              meant == NULL ? "" : ", did you mean `", meant == NULL ? "" : meant,
                              meant == NULL ? "" : "`?");

    complain(loader, place, key, path, what);
}

/* ---- defaults ---- */

/* Defaults stand in the table: one that cannot be read is our own mistake. */
static json_t *
read_fallback(const DsnOption *option)
{
    if (option->fallback == NULL)
        return NULL;

    g_autofree char *text = g_strconcat("x = ", option->fallback, NULL);
    g_autoptr(DsnToml) toml = dsn_toml_parse(option->path, dsn_span(text), NULL);
    g_assert(toml != NULL);
    return json_incref(json_object_get(dsn_toml_tree(toml), "x"));
}

static void
set_fallback(const DsnOption *option, const json_t *fallback, void *slot)
{
    g_autoptr(GString) complaint = g_string_new(NULL);

    if (option->type == DSN_OPTION_MAP) {
        *(GHashTable **)slot = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    } else if (option->type == DSN_OPTION_SECTIONS) {
        *(GPtrArray **)slot = g_ptr_array_new();
    } else if (option->type != DSN_OPTION_INCLUDE) {
        bool read = dsn_option_read(option, fallback, "/", slot, complaint);
        g_assert(read);
    }
}

/* ---- the rows of one structure ---- */

/* An option in a structure, and the one that its value comes from when it is not given, or NULL. */
typedef struct Row {
    const DsnOption *option, *from;
} Row;

/* The row that @option, in the section of @sections, has its value from when it is not given, or
 * NULL. */
static const DsnOption *
inherited(const DsnOptionTable *table, const DsnOption *sections, const DsnOption *option)
{
    const char *name = below(option->path, sections->path);

    if (sections->inherits == NULL || name == NULL)
        return NULL;
    const char *prefix = strchr(name, '.') == NULL ? sections->inherits : "";
    for (size_t i = 0; i < table->n_options; i++) {
        const char *other = below(table->options[i].path, prefix);

        if (other != NULL && strcmp(other, name) == 0)
            return &table->options[i];
    }
    return NULL;
}

/* Of the structure of @sections, NULL for that of the whole (transfer full). */
static GArray *
list_rows(const DsnOptionTable *table, const DsnOption *sections)
{
    GArray *rows = g_array_new(FALSE, FALSE, sizeof(Row));

    for (size_t i = 0; i < table->n_options; i++) {
        const DsnOption *option = &table->options[i];

        if (!in_structure(option, sections == NULL ? "" : sections->path))
            continue;
        const Row row = {option, sections == NULL ? NULL : inherited(table, sections, option)};
        g_array_append_val(rows, row);
    }
    return rows;
}

/* The same, listed once: there may be thousands of sections (transfer none). */
static const GArray *
rows_of(const Loader *loader, const DsnOption *sections)
{
    GArray *rows = g_hash_table_lookup(loader->structures, sections);

    if (rows == NULL) {
        rows = list_rows(loader->table, sections);
        g_hash_table_insert(loader->structures, (gpointer)sections, rows);
    }
    return rows;
}

/* What is inherited comes when all is read. */
static void
set_fallbacks(const Loader *loader, const DsnOption *sections, void *base)
{
    const GArray *rows = rows_of(loader, sections);

    for (guint i = 0; i < rows->len; i++) {
        const Row *row = &g_array_index(rows, Row, i);

        if (row->from == NULL)
            set_fallback(row->option, loader->fallbacks[row->option - loader->table->options],
                         slot_of(row->option, base));
    }
}

/* Gives @structure, which is called @path, what it does not say itself. */
static void
inherit_structure(const Loader *loader, const DsnOption *sections, GString *path, void *structure,
                  void *values)
{
    const GArray *rows = rows_of(loader, sections);
    size_t len = path->len;

    for (guint i = 0; i < rows->len; i++) {
        const Row *row = &g_array_index(rows, Row, i);

        if (row->from == NULL)
            continue;
        g_string_append(path, row->option->path + strlen(sections->path));
        if (!g_hash_table_contains(loader->given, path->str))
            dsn_option_copy(row->option, slot_of(row->from, values),
                            slot_of(row->option, structure));
        g_string_truncate(path, len);
    }
}

static void
inherit(const Loader *loader, void *values)
{
    g_autoptr(GString) path = g_string_new(NULL);

    for (size_t i = 0; i < loader->table->n_options; i++) {
        const DsnOption *sections = &loader->table->options[i];

        if (sections->inherits == NULL)
            continue;
        const GPtrArray *structures = *(GPtrArray **)slot_of(sections, values);
        for (guint j = 0; j < structures->len; j++) {
            g_string_assign(path, sections->path);
            g_string_truncate(path, path->len - strlen("*"));
            dsn_toml_write_key(path, *(char **)structures->pdata[j]);
            inherit_structure(loader, sections, path, structures->pdata[j], values);
        }
    }
}

/* ---- files ---- */

static void
add_source(Loader *loader, const char *path, const char *included_at)
{
    Source *source = g_new0(Source, 1);

    source->path = g_strdup(path);
    g_autofree char *directory = g_path_get_dirname(path);
    source->directory = g_canonicalize_filename(directory, NULL);
    source->included_at = g_strdup(included_at);
    g_ptr_array_add(loader->files, source);
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in @directory that match @pattern, in order; NULL and @error if it cannot be read. */
static GPtrArray *
matching_names(const char *directory, const char *pattern, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) entries = g_dir_open(directory, 0, error);
    g_autoptr(GPatternSpec) spec = g_pattern_spec_new(pattern);
    const char *name;

    if (entries == NULL)
        return NULL;
    while ((name = g_dir_read_name(entries)) != NULL) {
        if ((*name != '.' || *pattern == '.') && g_pattern_spec_match_string(spec, name))
            g_ptr_array_add(names, g_strdup(name));
    }
    g_ptr_array_sort(names, compare_names);
    return g_steal_pointer(&names);
}

/* The bytes of @path that name its folder, with the last slash. */
static size_t
folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? 0 : (size_t)(slash + 1 - path);
}

/* Adds the files that @pattern names; '*' and '?' stand in its last part only. False and a
 * complaint if there is nothing to look into. */
static bool
include_pattern(Loader *loader, const Place *place, const char *pattern, const char *included_at,
                GString *complaint)
{
    const char *from = place->source->path;
    size_t len = g_path_is_absolute(pattern) ? 0 : folder_length(from);
    g_autofree char *path = g_strdup_printf("%.*s%s", (int)len, from, pattern);
    g_autofree char *folder = g_strndup(path, folder_length(path));
    const char *name = path + folder_length(path);
    g_autoptr(GError) error = NULL;

    if (strpbrk(name, "*?") == NULL) {
        add_source(loader, path, included_at);
        return true;
    }
    g_autoptr(GPtrArray) names = matching_names(*folder == '\0' ? "." : folder, name, &error);
    if (names == NULL) {
        g_string_append(complaint, error->message);
        return false;
    }
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *match = g_strconcat(folder, names->pdata[i], NULL);

        add_source(loader, match, included_at);
    }
    return true;
}

static bool
include(Loader *loader, const Place *place, const DsnOption *option, const char *key,
        const json_t *value, GString *complaint)
{
    g_autofree char *pattern = NULL;

    if (!dsn_option_read(option, value, place->source->directory, &pattern, complaint))
        return false;
    if (pattern == NULL)
        return true;
    g_autofree char *included_at = position(place, key);
    return include_pattern(loader, place, pattern, included_at, complaint);
}

/* ---- the walk ---- */

static void load_object(Loader *loader, const Place *place);

/* Notes that @path is given here; false and a complaint if it was given before. */
static bool
give(Loader *loader, const Place *place, const char *key, const char *path, GString *complaint)
{
    const char *before = g_hash_table_lookup(loader->given, path);

    if (before != NULL) {
        g_string_append_printf(complaint, "was already given at %s", before);
        return false;
    }
    g_hash_table_insert(loader->given, g_strdup(path), position(place, key));
    return true;
}

static void
load_map(Loader *loader, const Place *place, const DsnOption *option)
{
    const char *key;
    json_t *value;
    size_t len;

    json_object_keylen_foreach((json_t *)place->object, key, len, value)
    {
        bool in_file = option->secret && g_str_has_suffix(key, "_file");
        g_autofree char *name = g_strndup(key, strlen(key) - (in_file ? strlen("_file") : 0));
        g_autofree char *path = join_key(place->path, key);
        g_autofree char *given = join_key(place->path, name);
        g_autoptr(GString) complaint = g_string_new(NULL);

        if (*name == '\0' || strlen(key) != len)
            g_string_append(complaint, "a name cannot be empty or hold U+0000 here");
        else if (give(loader, place, key, given, complaint))
            (void)dsn_option_read_entry(option, name, value, in_file, place->source->directory,
                                        slot_of(option, place->base), complaint);
        if (complaint->len > 0)
            complain(loader, place, key, path, complaint->str);
    }
}

/* The structure of the section at @path, new unless another file has begun it (transfer none). */
static void *
section_structure(Loader *loader, const DsnOption *option, const char *name, const char *path,
                  const Place *place)
{
    void *structure = g_hash_table_lookup(loader->sections, path);

    if (structure == NULL) {
        structure = g_malloc0(option->size);
        *(char **)structure = g_strdup(name);
        set_fallbacks(loader, option, structure);
        g_hash_table_insert(loader->sections, g_strdup(path), structure);
        g_hash_table_insert(loader->given, g_strdup(path), position(place, name));
        g_ptr_array_add(*(GPtrArray **)slot_of(option, place->base), structure);
    }
    return structure;
}

/* A key that must be a table: a section, a named section or a map. */
static void
load_table(Loader *loader, const Place *inner, const Place *place, const DsnOption *option,
           const char *key)
{
    if (!json_is_object(inner->object)) {
        complain(loader, place, key, inner->path, "expected a section of this name, got a value");
    } else if (option != NULL && option->type == DSN_OPTION_MAP) {
        load_map(loader, inner, option);
    } else {
        load_object(loader, inner);
    }
}

/* The secret whose companion for a file @key is, or NULL. */
static const DsnOption *
find_file_secret(const Loader *loader, const char *pattern, const char *key)
{
    size_t len = strlen(key);

    if (!g_str_has_suffix(key, "_file"))
        return NULL;
    g_autofree char *stem = g_strndup(key, len - strlen("_file"));
    g_autofree char *path = join(pattern, stem);
    const DsnOption *option = g_hash_table_lookup(loader->rows, path);
    return option != NULL && option->secret && option->type == DSN_OPTION_STRING ? option : NULL;
}

/* Reads the value of @option, or of the file that holds it. */
static void
load_option(Loader *loader, const Place *place, const DsnOption *option, const char *key,
            const json_t *value, bool in_file)
{
    g_autoptr(GString) complaint = g_string_new(NULL);
    g_autofree char *path = join_key(place->path, key);
    /* A secret is given once, by itself or by its file. */
    size_t len = strlen(path) - (in_file ? strlen("_file") : 0);
    g_autofree char *given = g_strndup(path, len);
    const char *directory = place->source->directory;
    void *slot = slot_of(option, place->base);

    /* What goes wrong says so in the complaint. */
    if (option->type == DSN_OPTION_INCLUDE)
        (void)include(loader, place, option, key, value, complaint);
    else if (give(loader, place, key, given, complaint))
        (void)(in_file ? dsn_option_read_file : dsn_option_read)(option, value, directory, slot,
                                                                 complaint);
    if (complaint->len > 0)
        complain(loader, place, key, path, complaint->str);
}

static void
load_member(Loader *loader, const Place *place, const char *key, const json_t *value)
{
    g_autofree char *pattern = join(place->pattern, key);
    g_autofree char *named = join(place->pattern, "*");
    g_autofree char *path = join_key(place->path, key);
    const DsnOption *sections = g_hash_table_lookup(loader->rows, named);
    /* A key with a dot or a star in it is no way into the table. */
    bool plain = strpbrk(key, ".*") == NULL && *key != '\0';
    const DsnOption *option = plain ? g_hash_table_lookup(loader->rows, pattern) : NULL;
    const DsnOption *secret = plain ? find_file_secret(loader, place->pattern, key) : NULL;
    Place inner = {place->source, value, pattern, path, place->base};

    if (option != NULL && option->type != DSN_OPTION_MAP) {
        load_option(loader, place, option, key, value, false);
    } else if (secret != NULL) {
        load_option(loader, place, secret, key, value, true);
    } else if (option != NULL || (plain && is_section(loader->table, pattern))) {
        load_table(loader, &inner, place, option, key);
    } else if (sections != NULL && (*key == '\0' || strlen(key) > NAME_MAX_BYTES)) {
        complain(loader, place, key, path, "the name of a section has 1 to 255 bytes");
    } else if (sections != NULL) {
        inner.pattern = named;
        if (json_is_object(value))
            inner.base = section_structure(loader, sections, key, path, place);
        load_table(loader, &inner, place, NULL, key);
    } else {
        complain_unknown(loader, place, key, path, value);
    }
}

static void
load_object(Loader *loader, const Place *place)
{
    const char *key;
    json_t *value;
    size_t len;

    json_object_keylen_foreach((json_t *)place->object, key, len, value)
    {
        if (strlen(key) == len) {
            load_member(loader, place, key, value);
        } else {
            g_autofree char *path = join_key(place->path, key);
            complain(loader, place, key, path, "a key cannot hold U+0000 here");
        }
    }
}

/* Reads the bytes of the file at @index; NULL and a complaint if that fails or was done before. */
static char *
read_source(Loader *loader, guint index, size_t *ret_length)
{
    Source *source = loader->files->pdata[index];
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    const char *problem = NULL;
    struct stat facts = {0};

    if (stat(source->path, &facts) == 0) {
        source->device = facts.st_dev;
        source->inode = facts.st_ino;
        for (guint i = 0; i < index; i++) {
            const Source *other = loader->files->pdata[i];

            if (source->device == other->device && source->inode == other->inode)
                problem = "this file is included twice";
        }
    }
    if (problem == NULL) {
        text = dsn_read_file(source->path, DSN_TOML_MAX_BYTES, ret_length, &error);
        problem = text == NULL ? error->message : NULL;
    }
    if (problem != NULL) {
        const char *where = source->included_at;
        g_autofree char *line =
            g_strdup_printf("%s%s%s: %s", where == NULL ? "" : where,
                            where == NULL ? "" : ": include: ", source->path, problem);
        add_problem(loader, line);
    }
    return g_steal_pointer(&text);
}

static void
load_source(Loader *loader, guint index, void *values)
{
    Source *source = loader->files->pdata[index];
    g_autoptr(GError) error = NULL;
    size_t len;
    g_autofree char *text = read_source(loader, index, &len);

    if (text == NULL)
        return;
    source->toml = dsn_toml_parse(source->path, (DsnSpan){text, len}, &error);
    if (source->toml == NULL) {
        add_problem(loader, error->message);
        return;
    }
    const Place top = {source, dsn_toml_tree(source->toml), "", "", values};
    load_object(loader, &top);
    g_clear_pointer(&source->toml, dsn_toml_free);
}

/* ---- the structure as a whole ---- */

static void
free_rows(gpointer data)
{
    g_array_unref(data);
}

static Loader
loader_new(const DsnOptionTable *table)
{
    Loader loader = {.table = table};

    loader.fallbacks = g_new0(json_t *, table->n_options);
    loader.rows = g_hash_table_new(g_str_hash, g_str_equal);
    for (size_t i = 0; i < table->n_options; i++) {
        loader.fallbacks[i] = read_fallback(&table->options[i]);
        g_hash_table_insert(loader.rows, (gpointer)table->options[i].path,
                            (gpointer)&table->options[i]);
    }
    loader.given = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    loader.sections = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    loader.structures = g_hash_table_new_full(NULL, NULL, NULL, free_rows);
    loader.files = g_ptr_array_new_with_free_func(source_free);
    loader.problems = g_string_new(NULL);
    return loader;
}

static void
loader_clear(Loader *loader)
{
    for (size_t i = 0; i < loader->table->n_options; i++)
        json_decref(loader->fallbacks[i]);
    g_free(loader->fallbacks);
    g_hash_table_unref(loader->rows);
    g_hash_table_unref(loader->given);
    g_hash_table_unref(loader->sections);
    g_hash_table_unref(loader->structures);
    g_ptr_array_unref(loader->files);
    g_string_free(loader->problems, TRUE);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Loader, loader_clear)

bool
dsn_option_table_load(const DsnOptionTable *table, const char *file, void *values,
                      GHashTable **ret_places, char **ret_problems)
{
    g_auto(Loader) loader = loader_new(table);

    set_fallbacks(&loader, NULL, values);
    if (file != NULL)
        add_source(&loader, file, NULL);
    /* Includes are added at the end: a queue, so that no file can make us recurse. */
    for (guint i = 0; i < loader.files->len; i++)
        load_source(&loader, i, values);
    if (loader.n_problems == 0) {
        inherit(&loader, values);
        *ret_places = g_hash_table_ref(loader.given);
        return true;
    }
    dsn_option_table_clear(table, values);
    if (loader.n_problems > PROBLEMS_MAX)
        g_string_append_printf(loader.problems, "and %u more\n", loader.n_problems - PROBLEMS_MAX);
    *ret_problems = g_strndup(loader.problems->str, loader.problems->len - 1);
    return false;
}

static void
clear_structure(const DsnOptionTable *table, const char *pattern, void *base)
{
    for (size_t i = 0; i < table->n_options; i++) {
        const DsnOption *option = &table->options[i];

        if (!in_structure(option, pattern))
            continue;
        GPtrArray *sections =
            option->type == DSN_OPTION_SECTIONS ? *(GPtrArray **)slot_of(option, base) : NULL;
        for (guint j = 0; sections != NULL && j < sections->len; j++) {
            clear_structure(table, option->path, sections->pdata[j]);
            g_free(*(char **)sections->pdata[j]);
            g_free(sections->pdata[j]);
        }
        dsn_option_clear(option, slot_of(option, base));
    }
}

void
dsn_option_table_clear(const DsnOptionTable *table, void *values)
{
    clear_structure(table, "", values);
}

/* The one that is called @name, or NULL. */
static const void *
find_section(const GPtrArray *sections, const char *name)
{
    for (guint i = 0; i < sections->len; i++) {
        if (strcmp(*(char **)sections->pdata[i], name) == 0)
            return sections->pdata[i];
    }
    return NULL;
}

static void
keep_option(const DsnOption *option, const char *path, void *slot, const void *before,
            GString *ret_keys)
{
    g_autoptr(GString) was = g_string_new(NULL), is = g_string_new(NULL);

    dsn_option_write(option, before, was);
    dsn_option_write(option, slot, is);
    if (g_string_equal(was, is))
        return;
    dsn_option_copy(option, before, slot);
    g_string_append_printf(ret_keys, "%s%s", ret_keys->len > 0 ? ", " : "", path);
}

static bool
has_restart(const DsnOptionTable *table, const char *pattern)
{
    for (size_t i = 0; i < table->n_options; i++) {
        if (table->options[i].restart && below(table->options[i].path, pattern) != NULL)
            return true;
    }
    return false;
}

/* For the structure at @path in the file, of a section of the same name before. */
static void
keep_structure(const DsnOptionTable *table, const char *pattern, const char *path, void *base,
               const void *before, GString *ret_keys)
{
    for (size_t i = 0; i < table->n_options; i++) {
        const DsnOption *option = &table->options[i];
        const void *old = (const char *)before + option->offset;

        if (!in_structure(option, pattern))
            continue;
        const char *rest = below(option->path, pattern);
        g_autofree char *inner = join(path, rest);
        if (option->restart)
            keep_option(option, inner, slot_of(option, base), old, ret_keys);
        if (option->type != DSN_OPTION_SECTIONS || !has_restart(table, option->path))
            continue;
        const GPtrArray *sections = *(GPtrArray **)slot_of(option, base);
        inner[strlen(inner) - strlen(".*")] = '\0';
        for (guint j = 0; j < sections->len; j++) {
            const char *name = *(char **)sections->pdata[j];
            const void *same = find_section(*(GPtrArray *const *)old, name);
            g_autofree char *section = join_key(inner, name);

            if (same != NULL)
                keep_structure(table, option->path, section, sections->pdata[j], same, ret_keys);
        }
    }
}

void
dsn_option_table_keep(const DsnOptionTable *table, void *values, const void *before,
                      GString *ret_keys)
{
    keep_structure(table, "", "", values, before, ret_keys);
}

/* ---- display ---- */

/* True if the slot holds what it holds when nothing is given. */
static bool
is_default(const DsnOption *option, const char *written)
{
    union {
        void *pointer;
        size_t number;
        GTimeSpan span;
        int word;
        bool truth;
    } slot = {0};
    json_auto_t *fallback = read_fallback(option);
    g_autoptr(GString) text = g_string_new(NULL);

    set_fallback(option, fallback, &slot);
    dsn_option_write(option, &slot, text);
    dsn_option_clear(option, &slot);
    return strcmp(text->str, written) == 0;
}

/* What is shown, and where to. */
typedef struct Show {
    const DsnOptionTable *table;
    void *values;
    GString *toml;
} Show;

/* The row that @option inherits from, or NULL. */
static const DsnOption *
find_source(const DsnOptionTable *table, const DsnOption *option)
{
    for (size_t i = 0; i < table->n_options; i++) {
        const DsnOption *from = inherited(table, &table->options[i], option);

        if (from != NULL)
            return from;
    }
    return NULL;
}

/* Says where the value comes from when it need not have been given. */
static void
show_origin(const Show *show, const DsnOption *option, const char *written)
{
    const DsnOption *from = find_source(show->table, option);
    g_autoptr(GString) value = g_string_new(NULL);

    if (from == NULL) {
        g_string_append(show->toml, is_default(option, written) ? " # default" : "");
        return;
    }
    dsn_option_write(from, slot_of(from, show->values), value);
    if (strcmp(value->str, written) == 0)
        g_string_append_printf(show->toml, " # as %s", from->path);
}

static void
show_option(const Show *show, const DsnOption *option, const void *slot)
{
    g_autoptr(GString) value = g_string_new(NULL);
    const char *dot = strrchr(option->path, '.');

    dsn_option_write(option, slot, value);
    g_string_append_printf(show->toml, "# %s\n%s = %s", option->help,
                           dot == NULL ? option->path : dot + 1, value->str);
    show_origin(show, option, value->str);
    g_string_append_c(show->toml, '\n');
}

static void
show_map(const DsnOption *option, GHashTable *map, const char *path, GString *toml)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    GHashTableIter iterator;
    gpointer name;

    g_hash_table_iter_init(&iterator, map);
    while (g_hash_table_iter_next(&iterator, &name, NULL))
        g_ptr_array_add(names, name);
    g_ptr_array_sort(names, compare_names);
    g_string_append_printf(toml, "\n# %s\n[%s]%s\n", option->help, path,
                           names->len == 0 ? " # default" : "");
    for (guint i = 0; i < names->len; i++) {
        dsn_toml_write_key(toml, names->pdata[i]);
        g_string_append(toml, " = ");
        dsn_option_write_text(option, g_hash_table_lookup(map, names->pdata[i]), toml);
        g_string_append_c(toml, '\n');
    }
}

static void show_object(const Show *show, const char *pattern, const char *path, void *base);

static void
show_sections(const Show *show, const DsnOption *option, const GPtrArray *sections,
              const char *path)
{
    for (guint i = 0; i < sections->len; i++) {
        g_autofree char *name = join_key(path, *(char **)sections->pdata[i]);

        g_string_append_printf(show->toml, "\n[%s]\n", name);
        show_object(show, option->path, name, sections->pdata[i]);
    }
}

/* What lies in sections below @pattern, each section at its first row. */
static void
show_tables(const Show *show, const char *pattern, const char *path, void *base)
{
    const DsnOptionTable *table = show->table;
    g_autofree char *last = NULL;

    for (size_t i = 0; i < table->n_options; i++) {
        const DsnOption *option = &table->options[i];
        const char *rest = below(option->path, pattern);

        if (rest == NULL || (strchr(rest, '.') == NULL && option->type != DSN_OPTION_MAP &&
                             option->type != DSN_OPTION_SECTIONS))
            continue;
        if (strcmp(rest, "*") == 0) {
            show_sections(show, option, *(GPtrArray **)slot_of(option, base), path);
            continue;
        }
        g_autofree char *name = name_below(option, pattern);
        if (name == NULL || g_strcmp0(name, last) == 0)
            continue;
        g_autofree char *inner_pattern = join(pattern, name);
        g_autofree char *inner_path = join(path, name);
        g_free(last);
        last = g_steal_pointer(&name);
        if (option->type == DSN_OPTION_MAP && strchr(rest, '.') == NULL)
            show_map(option, *(GHashTable **)slot_of(option, base), inner_path, show->toml);
        else
            show_object(show, inner_pattern, inner_path, base);
    }
}

/* The options right below @pattern, under a header if they need one, then the sections. */
static void
show_object(const Show *show, const char *pattern, const char *path, void *base)
{
    const DsnOptionTable *table = show->table;
    bool headed = *pattern == '\0' || g_str_has_suffix(pattern, "*");

    for (size_t i = 0; i < table->n_options; i++) {
        const DsnOption *option = &table->options[i];
        const char *rest = below(option->path, pattern);

        if (rest == NULL || strpbrk(rest, ".*") != NULL || option->type == DSN_OPTION_MAP ||
            option->type == DSN_OPTION_INCLUDE)
            continue;
        if (!headed)
            g_string_append_printf(show->toml, "\n[%s]\n", path);
        headed = true;
        show_option(show, option, slot_of(option, base));
    }
    show_tables(show, pattern, path, base);
}

void
dsn_option_table_show(const DsnOptionTable *table, const void *values, GString *toml)
{
    const Show show = {table, (void *)values, toml};

    show_object(&show, "", "", show.values);
}
