/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/catalog-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "templates/samples.h"
#include "templates/shipped.h"
#include "templates/suggest.h"
#include "templates/tree.h"

#define HTML_FLAGS (DSN_TEMPLATE_KUMO | DSN_TEMPLATE_AUTOESCAPE | DSN_TEMPLATE_INERT)

/* What a file is, by its name. */
typedef enum FileKind {
    FILE_WORDS,
    FILE_LAYOUT_TEXT,
    FILE_LAYOUT_HTML,
    FILE_TEXT,
    FILE_HTML
} FileKind;

typedef struct File {
    FileKind kind;
    DsnFileKey key;
    char *path;
} File;

static void
clear_part(DsnPart *part)
{
    g_clear_pointer(&part->template_, dsn_template_free);
}

static void
file_words_free(DsnFileWords *words)
{
    clear_part(&words->subject);
    clear_part(&words->text);
    clear_part(&words->html);
    g_free(words);
}

static void
file_clear(gpointer data)
{
    File *file = data;

    g_free(file->path);
}

void
dsn_catalog_free(DsnCatalog *catalog)
{
    if (catalog == NULL)
        return;
    g_clear_pointer(&catalog->files, g_hash_table_unref);
    g_clear_pointer(&catalog->phrases, g_hash_table_unref);
    g_clear_pointer(&catalog->languages, g_ptr_array_unref);
    clear_part(&catalog->layout_subject);
    clear_part(&catalog->layout_text);
    clear_part(&catalog->layout_html);
    dsn_catalog_free(catalog->owned);
    g_free(catalog);
}

static guint
hash_key(gconstpointer data)
{
    const DsnFileKey *key = data;

    return g_str_hash(key->tag) * 31 + (guint)key->topic * DSN_N_FAILURES + (guint)key->failure;
}

static gboolean
equal_keys(gconstpointer a, gconstpointer b)
{
    const DsnFileKey *left = a, *right = b;

    return left->topic == right->topic && left->failure == right->failure &&
           strcmp(left->tag, right->tag) == 0;
}

/*
 * Texts.
 */

static bool
fail_at(GError **error, const char *name, unsigned line, const char *message, const char *detail)
{
    g_set_error(error, DSN_TEMPLATE_ERROR, DSN_TEMPLATE_ERROR_SYNTAX, "%s:%u:1: %s%s", name, line,
                message, detail);
    return false;
}

static bool
compile_part(DsnPart *part, const char *name, DsnPlace place, const char *text, size_t length,
             DsnTemplateFlags flags, const char *standard, const DsnTemplateLimits *limits,
             GError **error)
{
    part->template_ = dsn_template_compile_at(name, place, text, length, flags, limits, error);
    if (part->template_ == NULL)
        return false;
    part->wraps = dsn_template_symbol(part->template_, standard) >= 0;
    return true;
}

/* One line of the header; *@at is then behind it. */
static bool
read_header_line(DsnPart *subject, const char *name, unsigned line, const char **at,
                 const char *end, const DsnTemplateLimits *limits, GError **error)
{
    const char *newline = memchr(*at, '\n', (size_t)(end - *at));
    const char *stop = newline == NULL ? end : newline, *value = *at;

    if (stop - *at < 8 || g_ascii_strncasecmp(*at, "Subject:", 8) != 0) {
        g_autofree char *start = g_strndup(*at, (size_t)MIN(stop - *at, 40));
        g_autofree char *clean = g_utf8_make_valid(start, -1);

        return fail_at(error, name, line,
                       "before the empty line stands only \"Subject: ...\", not: ", clean);
    }
    if (subject->template_ != NULL)
        return fail_at(error, name, line, "a second subject", "");
    for (value += 8; value < stop && (*value == ' ' || *value == '\t'); value++)
        ;
    DsnPlace place = {line, (uint32_t)(value - *at) + 1};
    *at = newline == NULL ? end : newline + 1;
    return compile_part(subject, name, place, value, (size_t)(stop - value), DSN_TEMPLATE_KUMO,
                        "default_subject", limits, error);
}

/* Header lines, an empty line, the body. */
static bool
read_text(DsnPart *subject, DsnPart *body, const char *name, const char *text, size_t length,
          const DsnTemplateLimits *limits, GError **error)
{
    const char *at = text, *end = text + length;
    unsigned line = 1;

    for (; at < end && *at != '\n'; line++) {
        if (!read_header_line(subject, name, line, &at, end, limits, error))
            return false;
    }
    if (subject->template_ == NULL)
        return fail_at(error, name, line, "there is no line \"Subject: ...\"", "");
    if (at == end)
        return fail_at(error, name, line, "there is no text behind an empty line", "");
    at++;
    return compile_part(body, name, (DsnPlace){line + 1, 1}, at, (size_t)(end - at),
                        DSN_TEMPLATE_KUMO, "default_text", limits, error);
}

static bool
read_html(DsnPart *body, const char *name, const char *text, size_t length,
          const DsnTemplateLimits *limits, GError **error)
{
    if (length >= 8 && g_ascii_strncasecmp(text, "Subject:", 8) == 0)
        return fail_at(error, name, 1, "the subject stands in the .txt file", "");
    return compile_part(body, name, (DsnPlace){1, 1}, text, length, HTML_FLAGS, "default_html",
                        limits, error);
}

static DsnFileWords *
words_of(DsnCatalog *catalog, const DsnFileKey *key)
{
    DsnFileWords *words;

    if (catalog->files == NULL)
        catalog->files =
            g_hash_table_new_full(hash_key, equal_keys, NULL, (GDestroyNotify)file_words_free);
    words = g_hash_table_lookup(catalog->files, key);
    if (words == NULL) {
        words = g_new0(DsnFileWords, 1);
        words->key = *key;
        g_hash_table_insert(catalog->files, &words->key, words);
    }
    return words;
}

static bool
take_phrases_for(DsnCatalog *catalog, const char *name, const char *tag, const char *text,
                 size_t length, GError **error)
{
    const DsnPhrases *model = dsn_catalog_phrases(catalog, "en");
    DsnPhrases *phrases =
        dsn_phrases_read(name, tag, text, length, model, dsn_catalog_phrases(catalog, tag), error);

    if (phrases == NULL)
        return false;
    if (catalog->phrases == NULL)
        catalog->phrases =
            g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)dsn_phrases_free);
    g_hash_table_replace(catalog->phrases, phrases->tag, phrases);
    return true;
}

/* What "pt" says here stands before what "pt-BR" says below, as a file "failed.pt.txt" does. */
static bool
take_phrases(DsnCatalog *catalog, const char *name, const char *tag, const char *text,
             size_t length, GError **error)
{
    const DsnCatalog *below = catalog->base;
    size_t start = strlen(tag);

    if (!take_phrases_for(catalog, name, tag, text, length, error))
        return false;
    for (size_t i = 0; below != NULL && dsn_catalog_languages(below)[i] != NULL; i++) {
        const char *other = dsn_catalog_languages(below)[i];

        if (strncmp(other, tag, start) == 0 && other[start] == '-' &&
            !take_phrases_for(catalog, name, other, text, length, error))
            return false;
    }
    return true;
}

static bool
take_text(DsnCatalog *catalog, const File *file, const char *text, size_t length, GError **error)
{
    const DsnTemplateLimits *limits = &catalog->limits;

    switch (file->kind) {
    case FILE_WORDS:
        return take_phrases(catalog, file->path, file->key.tag, text, length, error);
    case FILE_LAYOUT_TEXT:
        return read_text(&catalog->layout_subject, &catalog->layout_text, file->path, text, length,
                         limits, error);
    case FILE_LAYOUT_HTML:
        return read_html(&catalog->layout_html, file->path, text, length, limits, error);
    case FILE_TEXT: {
        DsnFileWords *words = words_of(catalog, &file->key);

        return read_text(&words->subject, &words->text, file->path, text, length, limits, error);
    }
    case FILE_HTML:
        break;
    }
    return read_html(&words_of(catalog, &file->key)->html, file->path, text, length, limits, error);
}

/*
 * Files.
 */

static int
find_name(const char *name, const char *(*name_of)(int), int n)
{
    for (int i = 0; i < n; i++) {
        if (g_ascii_strcasecmp(name, name_of(i)) == 0)
            return i;
    }
    return -1;
}

static const char *
topic_name(int topic)
{
    return dsn_topic_to_string((DsnTopic)topic);
}

static const char *
failure_name(int failure)
{
    return dsn_failure_to_string((DsnFailureClass)failure);
}

/* "layout.txt", "failed.policy.de.html", "de.words". */
static bool
read_name(const char *name, File *ret_file)
{
    g_auto(GStrv) parts = g_strsplit(name, ".", 5);
    guint n = g_strv_length(parts);
    const char *ending = n < 2 ? "" : parts[n - 1];
    bool html = g_ascii_strcasecmp(ending, "html") == 0;
    const char *tag = n < 2 ? "" : parts[n - 2];
    int topic, failure = DSN_FAILURE_OTHER;

    *ret_file = (File){.kind = html ? FILE_HTML : FILE_TEXT};
    if (g_ascii_strcasecmp(ending, "words") == 0) {
        ret_file->kind = FILE_WORDS;
        return n == 2 && dsn_language_read(tag, strlen(tag), ret_file->key.tag);
    }
    if (!html && g_ascii_strcasecmp(ending, "txt") != 0)
        return false;
    if (n == 2) {
        ret_file->kind = html ? FILE_LAYOUT_HTML : FILE_LAYOUT_TEXT;
        return g_ascii_strcasecmp(tag, "layout") == 0;
    }
    topic = find_name(parts[0], topic_name, DSN_N_TOPICS);
    if (n == 4) /* the first class is that without a name in files */
        failure = find_name(parts[1], failure_name, DSN_N_FAILURES);
    if (topic < 0 || n > 4 || (n == 4 && failure <= 0))
        return false;
    ret_file->key.topic = (DsnTopic)topic;
    ret_file->key.failure = (DsnFailureClass)failure;
    return dsn_language_read(tag, strlen(tag), ret_file->key.tag);
}

/* What the name of a file should have been. */
static void
complain_of_name(const char *path, const char *name, GString *faults)
{
    g_autoptr(GPtrArray) known = g_ptr_array_new();
    g_auto(GStrv) parts = g_strsplit(name, ".", 2);

    for (int topic = 0; topic < DSN_N_TOPICS; topic++)
        g_ptr_array_add(known, (gpointer)topic_name(topic));
    g_ptr_array_add(known, NULL);
    const char *meant =
        parts[0] == NULL ? NULL : dsn_suggest(parts[0], (const char *const *)known->pdata);
    g_string_append_printf(
        faults,
        "%s: no notice has this text; names are TOPIC.LANGUAGE.txt, "
        "TOPIC.CLASS.LANGUAGE.txt, layout.txt, the same with .html, and LANGUAGE.words",
        path);
    if (meant != NULL && g_ascii_strcasecmp(meant, parts[0]) != 0)
        g_string_append_printf(faults, "; did you mean \"%s\"?", meant);
    g_string_append_c(faults, '\n');
}

/* Lines that end in CRLF end in LF afterwards. */
static void
drop_carriage_returns(GString *text)
{
    gsize to = 0;

    for (gsize from = 0; from < text->len; from++) {
        if (text->str[from] != '\r' || text->str[from + 1] != '\n')
            text->str[to++] = text->str[from];
    }
    g_string_truncate(text, to);
}

/* What the system says of @path, as all faults are said. */
static bool
fail_to_read(GError **error, const char *path)
{
    int code = errno;

    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(code), "%s: %s", path,
                g_strerror(code));
    return false;
}

/* All of what may be anything: it is no pipe, and what grows may not grow over the limit. */
static bool
read_all(int descriptor, const char *path, size_t max, GString *text, GError **error)
{
    struct stat status;
    char chunk[16 * 1024];
    ssize_t got;

    if (fstat(descriptor, &status) != 0)
        return fail_to_read(error, path);
    if (!S_ISREG(status.st_mode))
        return fail_at(error, path, 1, "this is no plain file", "");
    while (text->len <= max && (got = read(descriptor, chunk, sizeof chunk)) != 0) {
        if (got < 0 && errno != EINTR)
            return fail_to_read(error, path);
        if (got > 0)
            g_string_append_len(text, chunk, got);
    }
    return text->len <= max || fail_at(error, path, 1, "this file is too large", "");
}

static bool
read_file(const char *path, size_t max, GString *text, GError **error)
{
    /* To open a pipe would wait for ever. */
    int descriptor = g_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);

    if (descriptor < 0)
        return fail_to_read(error, path);
    bool done = read_all(descriptor, path, max, text, error);
    g_close(descriptor, NULL);
    return done;
}

static bool
load_file(DsnCatalog *catalog, const File *file, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (!read_file(file->path, catalog->limits.source, text, error))
        return false;
    if (memchr(text->str, '\0', text->len) != NULL)
        return fail_at(error, file->path, 1, "this is no text, it has a zero byte", "");
    drop_carriage_returns(text);
    return take_text(catalog, file, text->str, text->len, error);
}

/* Phrases first, those of "de" before those of "de-AT", then the rest by name. */
static int
compare_files(gconstpointer a, gconstpointer b)
{
    const File *left = a, *right = b;

    if ((left->kind == FILE_WORDS) != (right->kind == FILE_WORDS))
        return left->kind == FILE_WORDS ? -1 : 1;
    return strcmp(left->kind == FILE_WORDS ? left->key.tag : left->path,
                  left->kind == FILE_WORDS ? right->key.tag : right->path);
}

/* Opens @directory and sorts what is in it; NULL after a line in @faults. */
static GArray *
list_files(const char *directory, GString *faults)
{
    g_autoptr(GError) error = NULL;
    DIR *dir = opendir(directory);
    const struct dirent *entry;
    GArray *files;

    if (dir == NULL) {
        (void)fail_to_read(&error, directory);
        g_string_append_printf(faults, "%s\n", error->message);
        return NULL;
    }
    files = g_array_new(FALSE, FALSE, sizeof(File));
    g_array_set_clear_func(files, file_clear);
    while ((entry = readdir(dir)) != NULL) {
        g_autofree char *path = g_build_filename(directory, entry->d_name, NULL);
        File file;

        if (entry->d_name[0] == '.')
            continue;
        if (!read_name(entry->d_name, &file)) {
            complain_of_name(path, entry->d_name, faults);
            continue;
        }
        file.path = g_steal_pointer(&path);
        g_array_append_val(files, file);
    }
    (void)closedir(dir);
    g_array_sort(files, compare_files);
    return files;
}

/*
 * Trying.
 */

static bool
try_choice(const DsnCatalog *catalog, const DsnChoice *choice, DsnTopic topic,
           DsnFailureClass failure, GError **error)
{
    g_auto(DsnWording) wording = {0};
    bool done = true;

    dsn_wording_init(&wording);
    for (int kind = 0; done && kind < DSN_N_SAMPLES; kind++) {
        json_auto_t *context = dsn_sample_context(topic, failure, (DsnSampleKind)kind);
        json_auto_t *record = dsn_sample_record(topic, failure, (DsnSampleKind)kind);
        const DsnTemplateInput input = {context, "log_record", record};

        done = dsn_catalog_render_choice(catalog, choice, topic, failure, true, &input, &wording,
                                         error);
    }
    return done;
}

/* Whether a file of ours can be used: it has a text, and that renders. */
static bool
try_words(const DsnCatalog *catalog, DsnFileWords *words, GString *faults)
{
    g_autoptr(GError) error = NULL;
    const DsnPhrases *phrases = dsn_catalog_phrases(catalog, words->key.tag);
    DsnChoice choice = {.tag = words->key.tag, .file = words};

    choice.phrases = phrases != NULL ? phrases : dsn_catalog_phrases(catalog, "en");
    if (words->text.template_ == NULL) {
        const char *class_name = dsn_failure_to_string(words->key.failure);
        bool other = words->key.failure == DSN_FAILURE_OTHER;

        /* A text that could not be read has been told of, but then nothing of it is here. */
        if (words->html.template_ != NULL)
            g_string_append_printf(faults,
                                   "%s%s%s.%s.html: there is no .txt beside it that can be used\n",
                                   dsn_topic_to_string(words->key.topic), other ? "" : ".",
                                   other ? "" : class_name, words->key.tag);
        return false;
    }
    if (try_choice(catalog, &choice, words->key.topic, words->key.failure, &error))
        return true;
    g_string_append_printf(faults, "%s\n", error->message);
    return false;
}

static void
try_files(DsnCatalog *catalog, GString *faults)
{
    GHashTableIter iter;
    gpointer value;

    if (catalog->files == NULL)
        return;
    g_hash_table_iter_init(&iter, catalog->files);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        if (!try_words(catalog, value, faults))
            g_hash_table_iter_remove(&iter);
    }
}

static bool
try_layouts(const DsnCatalog *catalog, GError **error)
{
    bool done = true;

    for (int i = 0; done && i < DSN_N_TOPICS + DSN_N_FAILURES; i++) {
        DsnTopic topic = i < DSN_N_TOPICS ? (DsnTopic)i : DSN_TOPIC_FAILED;
        DsnFailureClass failure =
            i < DSN_N_TOPICS ? DSN_FAILURE_OTHER : (DsnFailureClass)(i - DSN_N_TOPICS);
        DsnChoice choice = {.tag = "en",
                            .phrases = dsn_catalog_phrases(catalog, "en"),
                            .text = catalog,
                            .html = catalog};

        while (choice.text->layout_text.template_ == NULL)
            choice.text = choice.text->base;
        while (choice.html->layout_html.template_ == NULL)
            choice.html = choice.html->base;
        done = try_choice(catalog, &choice, topic, failure, error);
    }
    return done;
}

static void
drop_bad_layouts(DsnCatalog *catalog, GString *faults)
{
    g_autoptr(GError) error = NULL;

    if (catalog->layout_text.template_ == NULL)
        clear_part(&catalog->layout_subject); /* of a file whose body is bad */
    if ((catalog->layout_text.template_ == NULL && catalog->layout_html.template_ == NULL) ||
        try_layouts(catalog, &error))
        return;
    g_string_append_printf(faults, "%s\n", error->message);
    clear_part(&catalog->layout_subject);
    clear_part(&catalog->layout_text);
    clear_part(&catalog->layout_html);
}

/*
 * Catalogs.
 */

static void
add_language(GPtrArray *languages, const char *tag)
{
    for (guint i = 0; i < languages->len; i++) {
        if (strcmp(languages->pdata[i], tag) == 0)
            return;
    }
    g_ptr_array_add(languages, g_strdup(tag));
}

static int
compare_tags(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* English first, then the others of the base in their order, then our own. */
static void
list_languages(DsnCatalog *catalog)
{
    g_autoptr(GPtrArray) own = g_ptr_array_new();
    GPtrArray *languages = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter iter;
    gpointer key;

    for (size_t i = 0; catalog->base != NULL && dsn_catalog_languages(catalog->base)[i] != NULL;
         i++)
        add_language(languages, dsn_catalog_languages(catalog->base)[i]);
    if (catalog->base == NULL)
        add_language(languages, "en");
    if (catalog->phrases != NULL) {
        g_hash_table_iter_init(&iter, catalog->phrases);
        while (g_hash_table_iter_next(&iter, &key, NULL))
            g_ptr_array_add(own, key);
    }
    if (catalog->files != NULL) {
        g_hash_table_iter_init(&iter, catalog->files);
        while (g_hash_table_iter_next(&iter, &key, NULL))
            g_ptr_array_add(own, ((DsnFileKey *)key)->tag);
    }
    g_ptr_array_sort(own, compare_tags);
    for (guint i = 0; i < own->len; i++)
        add_language(languages, own->pdata[i]);
    g_ptr_array_add(languages, NULL);
    catalog->languages = languages;
}

/* The texts that come with the program, which the limits of nobody are too small for. */
static DsnCatalog *
shipped_new(const DsnTemplateLimits *limits)
{
    const DsnTemplateLimits *least = &DSN_TEMPLATE_LIMITS_DEFAULT;
    DsnCatalog *catalog = g_new0(DsnCatalog, 1);

    catalog->limits = (DsnTemplateLimits){
        .source = MAX(limits->source, least->source),
        .fuel = MAX(limits->fuel, least->fuel),
        .depth = MAX(limits->depth, least->depth),
        .output = MAX(limits->output, least->output),
    };
    for (const DsnShippedText *text = dsn_shipped_texts; text->name != NULL; text++) {
        g_autoptr(GError) error = NULL;
        File file;
        bool named = read_name(text->name, &file);

        g_assert(named);
        file.path = (char *)text->name;
        bool taken = take_text(catalog, &file, text->text, strlen(text->text), &error);
        if (!taken)
            g_error("%s", error->message);
    }
    list_languages(catalog);
    return catalog;
}

DsnCatalog *
dsn_catalog_new_over(const DsnCatalog *base, const char *directory, const DsnTemplateLimits *limits,
                     GString *ret_faults)
{
    DsnCatalog *catalog, *owned = base == NULL ? shipped_new(limits) : NULL;

    if (base == NULL && directory == NULL)
        return owned;
    catalog = g_new0(DsnCatalog, 1);
    catalog->base = base == NULL ? owned : base;
    catalog->owned = owned;
    catalog->limits = *limits;
    if (directory == NULL)
        return catalog;

    g_autoptr(GArray) files = list_files(directory, ret_faults);
    for (guint i = 0; files != NULL && i < files->len; i++) {
        const File *file = &g_array_index(files, File, i);
        g_autoptr(GError) error = NULL;

        if (!load_file(catalog, file, &error))
            g_string_append_printf(ret_faults, "%s\n", error->message);
    }
    drop_bad_layouts(catalog, ret_faults);
    try_files(catalog, ret_faults);
    list_languages(catalog);
    return catalog;
}

DsnCatalog *
dsn_catalog_new(const char *directory, const DsnTemplateLimits *limits, GError **error)
{
    g_autoptr(GString) faults = g_string_new(NULL);
    g_autoptr(DsnCatalog) catalog = dsn_catalog_new_over(NULL, directory, limits, faults);

    if (faults->len == 0)
        return g_steal_pointer(&catalog);
    g_set_error_literal(error, DSN_TEMPLATE_ERROR, DSN_TEMPLATE_ERROR_SYNTAX,
                        g_strchomp(faults->str));
    return NULL;
}
