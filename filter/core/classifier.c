/* SPDX-License-Identifier: BSD-2-Clause */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "config.h"

#include "filter/core/classifier.h"

#include "filter/core/read-file.h"
#include "filter/core/toml.h"

#include <pcre2.h>

/* A response that is longer is looked at up to here. */
#define RESPONSE_MAX 16384

typedef struct Rule {
    pcre2_code *code;
    const char *class_; /* interned */
} Rule;

/* Remembered responses are in two tables: when the young one is full the old one is forgotten and
 * the young one becomes the old one. What is found in the old one moves to the young one, so that
 * what is asked for often stays. */
struct DsnClassifier {
    GArray *rules; /* of Rule */
    GHashTable *classes;
    pcre2_match_context *context;
    size_t cache;
    GMutex lock; /* of what follows */
    GHashTable *young, *old;
    uint64_t given_up;
};

G_DEFINE_QUARK(dsn - classifier - error - quark, dsn_classifier_error)

static void
clear_rule(gpointer data)
{
    pcre2_code_free(((Rule *)data)->code);
}

static GHashTable *
responses_new(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

/* ---- loading ---- */

/* Inside a class Rust knows classes and set operations, which PCRE2 takes for plain characters.
 * The first of them, or NULL. */
static const char *
find_misread(const char *rule)
{
    bool inside = false;

    for (const char *c = rule; *c != '\0'; c++) {
        if (*c == '\\' && c[1] != '\0') {
            c++;
        } else if (!inside && *c == '[') {
            inside = true;
            c += c[1] == '^';
            c += c[1] == ']'; /* a plain one */
        } else if (inside && *c == ']') {
            inside = false;
        } else if (inside && *c == '[' && c[1] == ':') {
            const char *end = strstr(c, ":]");
            c = end == NULL ? c : end + 1;
        } else if (inside && (*c == '[' || ((*c == '&' || *c == '-' || *c == '~') && c[1] == *c))) {
            return c;
        }
    }
    return NULL;
}

static pcre2_code *
compile(const char *rule, pcre2_compile_context *context, GError **error)
{
    const uint32_t flags = PCRE2_UTF | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY | PCRE2_DUPNAMES |
                           PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
    const char *misread = find_misread(rule);
    PCRE2_UCHAR message[256];
    PCRE2_SIZE offset;
    int code;

    if (misread != NULL) {
        g_set_error(error, DSN_CLASSIFIER_ERROR, 0,
                    "at offset %zu: classes inside of classes are not supported",
                    (size_t)(misread - rule));
        return NULL;
    }
    pcre2_code *compiled =
        pcre2_compile((PCRE2_SPTR)rule, strlen(rule), flags, &code, &offset, context);
    if (compiled == NULL) {
        (void)pcre2_get_error_message(code, message, sizeof(message));
        g_set_error(error, DSN_CLASSIFIER_ERROR, 0, "at offset %zu: %s", (size_t)offset, message);
        return NULL;
    }
    (void)pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE); /* else it is but slower */
    return compiled;
}

/* Where rules come from. */
typedef struct Source {
    const char *file;
    const DsnToml *toml; /* NULL: the file is JSON */
    json_t *rules;
    pcre2_compile_context *context;
} Source;

static bool
add_rule(DsnClassifier *classifier, const Source *source, const char *name, const json_t *value,
         GError **error)
{
    const char *text = json_string_value(value);

    if (text == NULL || strlen(text) != json_string_length(value)) {
        g_set_error(error, DSN_CLASSIFIER_ERROR, 0, "is no text without NUL");
        return false;
    }
    if (classifier->rules->len >= DSN_CLASSIFIER_RULES_MAX) {
        g_set_error(error, DSN_CLASSIFIER_ERROR, 0, "more than %d rules", DSN_CLASSIFIER_RULES_MAX);
        return false;
    }
    const Rule rule = {compile(text, source->context, error), name};
    if (rule.code == NULL)
        return false;
    g_array_append_val(classifier->rules, rule);
    return true;
}

static bool
add_class(DsnClassifier *classifier, const Source *source, const char *key, const json_t *list,
          GError **error)
{
    g_autoptr(GError) fault = NULL;
    unsigned line = source->toml == NULL ? 0 : dsn_toml_line(source->toml, source->rules, key);
    g_autofree char *at =
        line == 0 ? g_strdup(source->file) : g_strdup_printf("%s:%u", source->file, line);
    const json_t *value;
    size_t i;

    if (!json_is_array(list)) {
        g_set_error(error, DSN_CLASSIFIER_ERROR, 0, "%s: rules.%s: is no list of texts", at, key);
        return false;
    }
    if (!g_hash_table_contains(classifier->classes, key))
        g_hash_table_add(classifier->classes, g_strdup(key));
    const char *name = g_hash_table_lookup(classifier->classes, key);
    json_array_foreach(list, i, value)
    {
        if (!add_rule(classifier, source, name, value, &fault)) {
            g_set_error(error, DSN_CLASSIFIER_ERROR, 0, "%s: rules.%s[%zu]: %s", at, key, i,
                        fault->message);
            return false;
        }
    }
    return true;
}

static bool
add_rules(DsnClassifier *classifier, Source *source, const json_t *tree, GError **error)
{
    const char *key;
    json_t *list;

    source->rules = json_object_get(tree, "rules");
    if (!json_is_object(source->rules)) {
        g_set_error(error, DSN_CLASSIFIER_ERROR, 0, "%s: has no table \"rules\"", source->file);
        return false;
    }
    json_object_foreach(source->rules, key, list)
    {
        if (!add_class(classifier, source, key, list, error))
            return false;
    }
    return true;
}

static bool
add_text(DsnClassifier *classifier, const char *file, DsnSpan text, pcre2_compile_context *context,
         GError **error)
{
    Source source = {.file = file, .context = context};

    if (g_str_has_suffix(file, ".toml")) {
        g_autoptr(DsnToml) toml = dsn_toml_parse(file, text, error);

        source.toml = toml;
        return toml != NULL && add_rules(classifier, &source, dsn_toml_tree(toml), error);
    }
    json_error_t fault;
    json_auto_t *tree = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, &fault);
    if (tree != NULL)
        return add_rules(classifier, &source, tree, error);
    g_set_error(error, DSN_CLASSIFIER_ERROR, 0, "%s:%d:%d: %s", file, fault.line, fault.column,
                fault.text);
    return false;
}

static bool
add_file(DsnClassifier *classifier, const char *file, pcre2_compile_context *context,
         GError **error)
{
    g_autoptr(GError) fault = NULL;
    size_t len;

    if (!g_str_has_suffix(file, ".toml") && !g_str_has_suffix(file, ".json")) {
        g_set_error(error, DSN_CLASSIFIER_ERROR, 0, "%s: ends neither in .toml nor in .json", file);
        return false;
    }
    g_autofree char *text = dsn_read_file(file, DSN_CLASSIFIER_FILE_MAX, &len, &fault);
    if (text == NULL) {
        g_set_error(error, DSN_CLASSIFIER_ERROR, 0, "%s: %s", file, fault->message);
        return false;
    }
    return add_text(classifier, file, (DsnSpan){text, len}, context, error);
}

DsnClassifier *
dsn_classifier_load(const GPtrArray *files, const DsnClassifierOptions *options, GError **error)
{
    g_autoptr(DsnClassifier) classifier = g_new0(DsnClassifier, 1);
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    bool good = true;

    classifier->rules = g_array_new(FALSE, FALSE, sizeof(Rule));
    g_array_set_clear_func(classifier->rules, clear_rule);
    classifier->classes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    classifier->context = pcre2_match_context_create(NULL);
    (void)pcre2_set_match_limit(classifier->context, options->match_limit);
    classifier->cache = options->cache;
    classifier->young = responses_new();
    classifier->old = responses_new();
    g_mutex_init(&classifier->lock);
    (void)pcre2_set_newline(context, PCRE2_NEWLINE_LF); /* the only thing that "." is not */
    for (guint i = 0; good && i < files->len; i++)
        good = add_file(classifier, files->pdata[i], context, error);
    pcre2_compile_context_free(context);
    return good ? g_steal_pointer(&classifier) : NULL;
}

void
dsn_classifier_free(DsnClassifier *classifier)
{
    if (classifier == NULL)
        return;
    g_array_unref(classifier->rules);
    g_hash_table_unref(classifier->classes);
    g_hash_table_unref(classifier->young);
    g_hash_table_unref(classifier->old);
    pcre2_match_context_free(classifier->context);
    g_mutex_clear(&classifier->lock);
    g_free(classifier);
}

/* ---- asking ---- */

/* With the lock held. Takes over @response. */
static void
remember(DsnClassifier *classifier, char *response, const char *class_)
{
    if (g_hash_table_size(classifier->young) >= (classifier->cache + 1) / 2) {
        g_hash_table_unref(classifier->old);
        classifier->old = classifier->young;
        classifier->young = responses_new();
    }
    g_hash_table_insert(classifier->young, response, (gpointer)class_);
}

/* What is remembered of @response, or NULL. */
static const char *
recall(DsnClassifier *classifier, const char *response)
{
    gpointer key, class_;

    g_mutex_lock(&classifier->lock);
    class_ = g_hash_table_lookup(classifier->young, response);
    if (class_ == NULL && g_hash_table_steal_extended(classifier->old, response, &key, &class_))
        remember(classifier, key, class_);
    g_mutex_unlock(&classifier->lock);
    return class_;
}

static const char *
match(DsnClassifier *classifier, DsnSpan response, uint64_t *given_up)
{
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    const char *class_ = DSN_UNCATEGORIZED;

    for (guint i = 0; i < classifier->rules->len; i++) {
        const Rule *rule = &g_array_index(classifier->rules, Rule, i);
        int result = pcre2_match(rule->code, (PCRE2_SPTR)response.data, response.len, 0, 0, data,
                                 classifier->context);

        if (result >= 0) {
            class_ = rule->class_;
            break;
        }
        *given_up += result != PCRE2_ERROR_NOMATCH;
    }
    pcre2_match_data_free(data);
    return class_;
}

const char *
dsn_classifier_find(DsnClassifier *classifier, DsnSpan response)
{
    const DsnSpan start = {response.data, MIN(response.len, RESPONSE_MAX)};
    g_autofree char *text = g_strndup(start.data, start.len);
    uint64_t given_up = 0;
    const char *class_ = classifier->cache == 0 ? NULL : recall(classifier, text);

    if (class_ != NULL)
        return class_;
    class_ = match(classifier, start, &given_up);
    g_mutex_lock(&classifier->lock);
    classifier->given_up += given_up;
    if (classifier->cache > 0)
        remember(classifier, g_steal_pointer(&text), class_);
    g_mutex_unlock(&classifier->lock);
    return class_;
}

uint64_t
dsn_classifier_given_up(DsnClassifier *classifier)
{
    g_mutex_lock(&classifier->lock);
    uint64_t given_up = classifier->given_up;
    g_mutex_unlock(&classifier->lock);
    return given_up;
}

void
dsn_classifier_line(unsigned code, DsnStatusCode enhanced, DsnSpan content, GString *line)
{
    char status[DSN_STATUS_CODE_MAX];

    g_string_append_printf(line, "%u ", code);
    if (enhanced.class_ != 0)
        g_string_append_printf(line, "%s ", dsn_status_code_to_string(enhanced, status));
    for (size_t i = 0; i < content.len; i++) {
        char c = content.data[i];

        if (c == '\r' && i + 1 < content.len && content.data[i + 1] == '\n')
            continue;
        g_string_append_c(line, c == '\r' || c == '\n' || c == '\0' ? ' ' : c);
    }
}

bool
dsn_classifier_has_type(DsnRecordType type)
{
    static const bool has[DSN_N_RECORD_TYPES] = {
        [DSN_RECORD_BOUNCE] = true,     [DSN_RECORD_TRANSIENT_FAILURE] = true,
        [DSN_RECORD_EXPIRATION] = true, [DSN_RECORD_ADMIN_BOUNCE] = true,
        [DSN_RECORD_OOB] = true,        [DSN_RECORD_FEEDBACK] = true,
        [DSN_RECORD_REJECTION] = true,
    };

    return has[type];
}
