/* SPDX-License-Identifier: BSD-2-Clause */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "config.h"

#include "filter/core/classifier.h"

#include "filter/core/log.h"
#include "filter/core/read-file.h"
#include "filter/core/rule-syntax.h"
#include "filter/core/toml.h"

#include <pcre2.h>

/* A response that is longer is looked at up to here. */
#define RESPONSE_MAX 16384

/* A response that so many rules are given up at gets no class: somebody wants to keep us busy. */
#define GIVEN_UP_MAX 16

typedef struct Rule {
    pcre2_code *code;
    const char *class_; /* interned */
    char *place;        /* "file:line: rules.CLASS[N]" */
    gint told;          /* that it was given up; atomic */
} Rule;

/* Remembered responses are in two tables: when the young one is full the old one is forgotten and
 * the young one becomes the old one. What is found in the old one moves to the young one, so that
 * what is asked for often stays. */
typedef struct Cache {
    size_t max;
    GHashTable *young, *old;
} Cache;

struct DsnClassifier {
    GArray *rules; /* of Rule */
    GHashTable *classes;
    pcre2_match_context *context;
    GMutex lock;          /* of both caches */
    Cache known, unknown; /* responses with a class and without one */
};

G_DEFINE_QUARK(dsn - classifier - error - quark, dsn_classifier_error)

static void
clear_rule(gpointer data)
{
    Rule *rule = data;

    pcre2_code_free(rule->code);
    g_free(rule->place);
}

static GHashTable *
responses_new(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

static Cache
cache_new(size_t max)
{
    return (Cache){max, responses_new(), responses_new()};
}

static void
cache_clear(Cache *cache)
{
    g_hash_table_unref(cache->young);
    g_hash_table_unref(cache->old);
}

/* ---- loading ---- */

static pcre2_code *
compile(const char *rule, pcre2_compile_context *context, GError **error)
{
    const uint32_t flags = PCRE2_UTF | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY | PCRE2_DUPNAMES |
                           PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
    const char *why, *misread = dsn_rule_misread(rule, &why);
    PCRE2_UCHAR message[256];
    PCRE2_SIZE offset;
    int code;

    if (misread != NULL) {
        g_set_error(error, DSN_CLASSIFIER_ERROR, 0, "at offset %zu: %s", (size_t)(misread - rule),
                    why);
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

/* @place and @name, which is interned, say which rule it is. */
static bool
add_rule(DsnClassifier *classifier, const Source *source, const char *place, const char *name,
         const json_t *value, GError **error)
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
    Rule rule = {.code = compile(text, source->context, error), .class_ = name};
    if (rule.code == NULL)
        return false;
    rule.place = g_strdup(place);
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
    if (*key == '\0' || strlen(key) > DSN_CLASSIFIER_NAME_MAX) {
        g_set_error(error, DSN_CLASSIFIER_ERROR, 0, "%s: rules.%.*s: a class has 1 to %d bytes", at,
                    DSN_CLASSIFIER_NAME_MAX, key, DSN_CLASSIFIER_NAME_MAX);
        return false;
    }
    if (!g_hash_table_contains(classifier->classes, key))
        g_hash_table_add(classifier->classes, g_strdup(key));
    const char *name = g_hash_table_lookup(classifier->classes, key);
    json_array_foreach(list, i, value)
    {
        g_autofree char *place = g_strdup_printf("%s: rules.%s[%zu]", at, key, i);

        if (!add_rule(classifier, source, place, name, value, &fault)) {
            g_set_error(error, DSN_CLASSIFIER_ERROR, 0, "%s: %s", place, fault->message);
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
    classifier->known = cache_new(options->cache);
    classifier->unknown = cache_new(options->uncategorized_cache);
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
    cache_clear(&classifier->known);
    cache_clear(&classifier->unknown);
    pcre2_match_context_free(classifier->context);
    g_mutex_clear(&classifier->lock);
    g_free(classifier);
}

/* ---- asking ---- */

/* With the lock held. Takes over @response. */
static void
remember(Cache *cache, char *response, const char *class_)
{
    if (g_hash_table_size(cache->young) >= (cache->max + 1) / 2) {
        g_hash_table_unref(cache->old);
        cache->old = cache->young;
        cache->young = responses_new();
    }
    g_hash_table_insert(cache->young, response, (gpointer)class_);
}

/* With the lock held: what is remembered of @response, or NULL. */
static const char *
recall(Cache *cache, const char *response)
{
    gpointer key, class_ = g_hash_table_lookup(cache->young, response);

    if (class_ == NULL && g_hash_table_steal_extended(cache->old, response, &key, &class_))
        remember(cache, key, class_);
    return class_;
}

/* What is without a class is so by the name of it alone, also where a rule gives that. */
static Cache *
cache_of(DsnClassifier *classifier, const char *class_)
{
    return strcmp(class_, DSN_UNCATEGORIZED) == 0 ? &classifier->unknown : &classifier->known;
}

static void
tell_given_up(Rule *rule)
{
    if (g_atomic_int_compare_and_exchange(&rule->told, 0, 1))
        dsn_log_event(DSN_LOG_WARNING,
                      "classification: %s: takes too many steps at a response, and is taken not to "
                      "match it; said once",
                      rule->place);
}

static bool
rule_matches(DsnClassifier *classifier, Rule *rule, DsnSpan response, pcre2_match_data *data,
             unsigned *given_up)
{
    PCRE2_SPTR text = (PCRE2_SPTR)response.data;
    int result = pcre2_match(rule->code, text, response.len, 0, 0, data, classifier->context);

    if (result == PCRE2_ERROR_JIT_STACKLIMIT) /* the slow way has room on the heap */
        result =
            pcre2_match(rule->code, text, response.len, 0, PCRE2_NO_JIT, data, classifier->context);
    if (result < 0 && result != PCRE2_ERROR_NOMATCH) {
        (*given_up)++;
        tell_given_up(rule);
    }
    return result >= 0;
}

static const char *
match(DsnClassifier *classifier, DsnSpan response, unsigned *given_up)
{
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    const char *class_ = DSN_UNCATEGORIZED;

    for (guint i = 0; i < classifier->rules->len && *given_up < GIVEN_UP_MAX; i++) {
        Rule *rule = &g_array_index(classifier->rules, Rule, i);

        if (rule_matches(classifier, rule, response, data, given_up)) {
            class_ = rule->class_;
            break;
        }
    }
    pcre2_match_data_free(data);
    return class_;
}

const char *
dsn_classifier_find(DsnClassifier *classifier, DsnSpan response, unsigned *ret_given_up)
{
    const DsnSpan start = {response.data, MIN(response.len, RESPONSE_MAX)};
    g_autofree char *text = g_strndup(start.data, start.len);
    unsigned given_up = 0;

    g_mutex_lock(&classifier->lock);
    const char *class_ = recall(&classifier->known, text);
    if (class_ == NULL)
        class_ = recall(&classifier->unknown, text);
    g_mutex_unlock(&classifier->lock);
    if (class_ == NULL) {
        class_ = match(classifier, start, &given_up);
        Cache *cache = cache_of(classifier, class_);

        g_mutex_lock(&classifier->lock);
        if (cache->max > 0)
            remember(cache, g_steal_pointer(&text), class_);
        g_mutex_unlock(&classifier->lock);
    }
    if (ret_given_up != NULL)
        *ret_given_up = given_up;
    return class_;
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
