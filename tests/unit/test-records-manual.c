/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dsnarf-records(5) against the program. A comment before a display of the manual says what it is:
 *
 *   checked: parse NAME             what is printed for tests/data/parse/NAME.eml
 *   checked: records NAME           the first record of it
 *   checked: part of parse NAME     some keys of it
 *   checked: part of records NAME
 *   checked: record                 something that is read as a record
 *   checked: element                something that is read as an element
 *
 * A text that ends in "..." goes on. And every key and token that there is must be explained.
 */
#include "config.h"

#include "filter/core/record.h"
#include "mime/defect.h"
#include "tests/support/unit.h"

#define MANUAL "../packaging/man/dsnarf-records.5"
#define MARK ".\\\" checked: "
#define MAX_SIZE 10000

typedef struct Example {
    const char *what;
    json_t *json;
} Example;

static void
example_clear(void *example)
{
    json_decref(((Example *)example)->json);
}

/* All checked displays of the manual; @text is changed (transfer full). */
static GArray *
find_examples(char *text)
{
    GArray *examples = g_array_new(FALSE, FALSE, sizeof(Example));

    g_array_set_clear_func(examples, example_clear);
    for (char *mark; (mark = strstr(text, MARK)) != NULL;) {
        char *display = strstr(mark, "\n.Bd -literal\n");
        char *end = display == NULL ? NULL : strstr(display, "\n.Ed\n");
        ck_assert_msg(end != NULL, "%.60s", mark);
        *display = '\0';
        *end = '\0';

        GString *json = g_string_new(display + strlen("\n.Bd -literal\n"));
        (void)g_string_replace(json, "\\e", "\\", 0); /* how mdoc writes a backslash */
        json_error_t fault;
        Example example = {mark + strlen(MARK), json_loadb(json->str, json->len, 0, &fault)};
        ck_assert_msg(example.json != NULL, "%s: line %d: %s", example.what, fault.line,
                      fault.text);
        g_string_free(json, TRUE);
        g_array_append_val(examples, example);
        text = end + 1;
    }
    return examples;
}

static void check_value(const json_t *shown, const json_t *actual, bool part, const char *where);

static void
check_object(const json_t *shown, const json_t *actual, bool part, const char *where)
{
    void *iterator = json_object_iter((json_t *)actual);
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)shown, key, value)
    {
        g_autofree char *below = g_strconcat(where, ".", key, NULL);
        while (part && iterator != NULL && strcmp(json_object_iter_key(iterator), key) != 0)
            iterator = json_object_iter_next((json_t *)actual, iterator);
        ck_assert_msg(iterator != NULL, "%s: not there", below);
        ck_assert_msg(strcmp(json_object_iter_key(iterator), key) == 0, "%s: %s comes first", below,
                      json_object_iter_key(iterator));
        check_value(value, json_object_iter_value(iterator), part, below);
        iterator = json_object_iter_next((json_t *)actual, iterator);
    }
    ck_assert_msg(part || iterator == NULL, "%s: does not show all keys", where);
}

static void
check_string(const json_t *shown, const json_t *actual, const char *where)
{
    const char *text = json_string_value(shown);

    if (g_str_has_suffix(text, "...")) {
        g_autofree char *start = g_strndup(text, strlen(text) - strlen("..."));
        ck_assert_msg(g_str_has_prefix(json_string_value(actual), start), "%s", where);
    } else {
        ck_assert_msg(json_equal(shown, actual), "%s: %s", where, json_string_value(actual));
    }
}

static void
check_value(const json_t *shown, const json_t *actual, bool part, const char *where)
{
    ck_assert_msg(json_typeof(shown) == json_typeof(actual), "%s: other type", where);
    if (json_is_object(shown)) {
        check_object(shown, actual, part, where);
    } else if (json_is_array(shown)) {
        ck_assert_msg(json_array_size(shown) == json_array_size(actual), "%s: other size", where);
        for (size_t i = 0; i < json_array_size(shown); i++)
            check_value(json_array_get(shown, i), json_array_get(actual, i), part, where);
    } else if (json_is_string(shown)) {
        check_string(shown, actual, where);
    } else {
        ck_assert_msg(json_equal(shown, actual), "%s: other value", where);
    }
}

/* Line @number of a golden file, from 0. */
static json_t *
load_line(const char *name, unsigned number)
{
    g_autofree char *path = g_strdup_printf("golden/parse/%s.jsonl", name);
    g_autofree char *text = dsn_test_read(path, NULL);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    ck_assert_msg(g_strv_length(lines) > number, "%s", name);
    json_t *json = json_loads(lines[number], JSON_ALLOW_NUL, NULL);
    ck_assert_msg(json != NULL, "%s", name);
    return json;
}

static void
check_readable(const Example *example, bool bare)
{
    g_autofree char *text = json_dumps(example->json, 0);
    g_autoptr(GError) error = NULL;
    g_auto(DsnElement) element = {0};

    ck_assert_msg(dsn_element_parse(dsn_span(text), MAX_SIZE, &element, &error), "%s: %s",
                  example->what, error == NULL ? "" : error->message);
    ck_assert_msg(element.has_original != bare, "%s", example->what);
}

START_TEST(examples_are_true)
{
    g_autofree char *manual = dsn_test_read(MANUAL, NULL);
    g_autoptr(GArray) examples = find_examples(manual);
    unsigned compared = 0, read = 0;

    for (guint i = 0; i < examples->len; i++) {
        const Example *example = &g_array_index(examples, Example, i);
        bool part = g_str_has_prefix(example->what, "part of ");
        const char *what = example->what + (part ? strlen("part of ") : 0);
        bool records = g_str_has_prefix(what, "records ");

        if (strcmp(what, "record") == 0 || strcmp(what, "element") == 0) {
            check_readable(example, strcmp(what, "record") == 0);
            read++;
            continue;
        }
        ck_assert_msg(records || g_str_has_prefix(what, "parse "), "%s", example->what);
        json_auto_t *actual = load_line(strchr(what, ' ') + 1, records ? 1 : 0);
        check_value(example->json, actual, part, example->what);
        compared++;
    }
    ck_assert_uint_ge(compared, 7);
    ck_assert_uint_ge(read, 3);
}
END_TEST

/* The words in ".It Cm" and ".Cm" lines of the manual. */
static GHashTable *
find_words(char *manual)
{
    GHashTable *words = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_auto(GStrv) lines = g_strsplit(manual, "\n", -1);

    for (char **line = lines; *line != NULL; line++) {
        if (strstr(*line, "Cm ") == NULL && !g_str_has_prefix(*line, ".Pq "))
            continue;
        g_auto(GStrv) names = g_strsplit_set(*line, " ,", -1);
        for (char **name = names; *name != NULL; name++)
            (void)g_hash_table_add(words, g_strdup(*name));
    }
    return words;
}

/* Keys of our own making; what is below these is whatever mail or relay put there. */
static bool
is_free(const char *key)
{
    return strcmp(key, "extensions") == 0 || strcmp(key, "supplemental_trace") == 0 ||
           strcmp(key, "meta") == 0 || strcmp(key, "headers") == 0;
}

static void
check_explained(const json_t *value, GHashTable *words)
{
    const char *key;
    json_t *member;

    for (size_t i = 0; i < json_array_size(value); i++)
        check_explained(json_array_get(value, i), words);
    json_object_foreach((json_t *)value, key, member)
    {
        ck_assert_msg(g_hash_table_contains(words, key), "%s is not explained", key);
        if (!is_free(key))
            check_explained(member, words);
    }
}

START_TEST(every_key_is_explained)
{
    static const char *const names[] = {
        "feedback-abuse", "feedback-auth", "feedback-odd", "dsn-failed", "mdn", "ordinary",
    };
    g_autofree char *manual = dsn_test_read(MANUAL, NULL);
    g_autoptr(GHashTable) words = find_words(manual);
    g_autofree char *newest = dsn_test_read("golden/records/bounce-newest.json", NULL);
    json_auto_t *record = json_loads(newest, 0, NULL);

    ck_assert_ptr_nonnull(record);
    check_explained(record, words);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_strdup_printf("golden/parse/%s.jsonl", names[i]);
        g_autofree char *text = dsn_test_read(path, NULL);
        for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
            json_auto_t *json = json_loads(line, JSON_ALLOW_NUL | JSON_DISABLE_EOF_CHECK, NULL);
            ck_assert_msg(json != NULL, "%s", names[i]);
            check_explained(json, words);
        }
    }
}
END_TEST

START_TEST(every_token_is_explained)
{
    g_autofree char *manual = dsn_test_read(MANUAL, NULL);
    g_autoptr(GHashTable) words = find_words(manual);

    for (int kind = 0; kind <= DSN_DEFECT_UNEXPECTED_ENCODING; kind++) {
        const char *token = dsn_defect_kind_to_string((DsnDefectKind)kind);
        ck_assert_msg(g_hash_table_contains(words, token), "%s is not explained", token);
    }
    for (int type = 0; type < DSN_RECORD_OTHER; type++) {
        const char *name = dsn_record_type_to_string((DsnRecordType)type);
        ck_assert_msg(g_hash_table_contains(words, name), "%s is not explained", name);
    }
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("records-manual");
    TCase *tcase = tcase_create("manual");

    tcase_add_test(tcase, examples_are_true);
    tcase_add_test(tcase, every_key_is_explained);
    tcase_add_test(tcase, every_token_is_explained);
    suite_add_tcase(suite, tcase);
    return suite;
}
