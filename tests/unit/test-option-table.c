/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/option-table.h"

#include "filter/core/toml.h"
#include "tests/support/unit.h"

#include <glib/gstdio.h>
#include <unistd.h>

/* A table with one option of every type, named sections, and sections inside of those. */
typedef struct Leaf {
    char *name;
    char *suffix;
    GTimeSpan age;
} Leaf;

typedef struct Hook {
    char *name;
    char *url;
    char *token;
    GHashTable *headers;
    size_t batch;
    GPtrArray *leaves;
} Hook;

/* What children inherit. */
typedef struct Base {
    char *label;
    GPtrArray *tags;
    size_t depth;
} Base;

typedef struct Child {
    char *name;
    Base base;
    char *own;
    char *secret;
} Child;

typedef struct Values {
    char *name;
    char *path;
    char *computed;
    bool flag;
    size_t number;
    size_t size;
    size_t mode;
    GTimeSpan span;
    int word;
    GPtrArray *list;
    GPtrArray *words;
    GHashTable *map;
    char *secret;
    GPtrArray *hooks;
    Base base;
    GPtrArray *children;
    size_t left;
    GPtrArray *files;
} Values;

static const char *
check_lower(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (!g_ascii_islower(*c))
            return "lower case";
    }
    return *text == '\0' ? "at least a letter" : NULL;
}

/* { one = "a", two = "b" } is "ab". */
static char *
join(const json_t *table, GString *complaint)
{
    const char *one = json_string_value(json_object_get(table, "one"));
    const char *two = json_string_value(json_object_get(table, "two"));

    if (one != NULL && two != NULL)
        return g_strconcat(one, two, NULL);
    g_string_append(complaint, "expected one and two");
    return NULL;
}

static const char *
computed(void)
{
    return "made up";
}

static const char *const colours[] = {"red", "green", "blue", NULL};

#define AT(type, member) .offset = offsetof(type, member)

static const DsnOption options[] = {
    {"include", DSN_OPTION_INCLUDE, .fallback = "\"\"", .help = "files"},
    {"name", DSN_OPTION_STRING, .restart = true, .fallback = "\"$$x\"", AT(Values, name),
     .help = "a name"},
    {"path", DSN_OPTION_PATH, .restart = true, .fallback = "\"\"", AT(Values, path),
     .help = "a path"},
    {"computed", DSN_OPTION_STRING, .fallback = "\"\"", AT(Values, computed), .computed = computed,
     .help = "computed"},
    {"flag", DSN_OPTION_BOOL, .restart = true, .fallback = "true", AT(Values, flag),
     .help = "a flag"},
    {"number", DSN_OPTION_NUMBER, .fallback = "3", AT(Values, number), .min = 1, .max = 9,
     .help = "a number"},
    {"size", DSN_OPTION_SIZE, .fallback = "\"1MiB\"", AT(Values, size), .min = 0,
     .max = INT64_C(1) << 40, .help = "a size"},
    {"mode", DSN_OPTION_MODE, .restart = true, .fallback = "\"640\"", AT(Values, mode),
     .help = "a mode"},
    {"span", DSN_OPTION_DURATION, .restart = true, .fallback = "\"5 minutes\"", AT(Values, span),
     .min = 0, .max = DSN_OPTION_DURATION_MAX, .help = "a duration"},
    {"word", DSN_OPTION_WORD, .restart = true, .fallback = "\"green\"", AT(Values, word),
     .words = colours, .help = "a word"},
    {"list", DSN_OPTION_LIST, .fallback = "[]", AT(Values, list), .check = check_lower,
     .compose = join, .help = "a list"},
    {"words", DSN_OPTION_LIST, .fallback = "[\"red\"]", AT(Values, words), .words = colours,
     .help = "words"},
    {"left", DSN_OPTION_SIZE, .share = true, .fallback = "\"10%\"", AT(Values, left), .min = 0,
     .max = 1 << 20, .help = "what stays free"},
    {"files", DSN_OPTION_LIST, .paths = "", .fallback = "[]", AT(Values, files), .help = "files"},
    {"map", DSN_OPTION_MAP, AT(Values, map), .check = check_lower, .help = "a map"},
    {"section.secret", DSN_OPTION_STRING, .secret = true, .fallback = "\"\"", AT(Values, secret),
     .check = check_lower, .help = "a secret"},
    {"hook.*", DSN_OPTION_SECTIONS, AT(Values, hooks), .size = sizeof(Hook), .help = "hooks"},
    {"hook.*.url", DSN_OPTION_STRING, .fallback = "\"http://x\"", AT(Hook, url), .help = "a URL"},
    {"hook.*.token", DSN_OPTION_STRING, .secret = true, .fallback = "\"\"", AT(Hook, token),
     .help = "a token"},
    {"hook.*.headers", DSN_OPTION_MAP, .secret = true, AT(Hook, headers), .help = "headers"},
    {"hook.*.queue.batch", DSN_OPTION_NUMBER, .fallback = "500", AT(Hook, batch), .min = 1,
     .max = 1000, .help = "a batch"},
    {"hook.*.leaf.*", DSN_OPTION_SECTIONS, AT(Hook, leaves), .size = sizeof(Leaf),
     .help = "leaves"},
    {"hook.*.leaf.*.suffix", DSN_OPTION_STRING, .fallback = "\"\"", AT(Leaf, suffix),
     .help = "a suffix"},
    {"hook.*.leaf.*.age", DSN_OPTION_DURATION, .fallback = "60", AT(Leaf, age),
     .min = G_TIME_SPAN_SECOND, .max = G_TIME_SPAN_DAY, .help = "an age"},
    {"base.label", DSN_OPTION_STRING, .fallback = "\"l\"", AT(Values, base.label),
     .help = "a label"},
    {"base.tags", DSN_OPTION_LIST, .fallback = "[\"t\"]", AT(Values, base.tags), .help = "tags"},
    {"base.depth", DSN_OPTION_NUMBER, .fallback = "7", AT(Values, base.depth), .min = 0, .max = 9,
     .help = "a depth"},
    {"child.*", DSN_OPTION_SECTIONS, AT(Values, children), .size = sizeof(Child),
     .inherits = "base", .help = "children"},
    {"child.*.label", DSN_OPTION_STRING, .fallback = "\"l\"", AT(Child, base.label),
     .help = "a label"},
    {"child.*.tags", DSN_OPTION_LIST, .fallback = "[\"t\"]", AT(Child, base.tags), .help = "tags"},
    {"child.*.depth", DSN_OPTION_NUMBER, .restart = true, .fallback = "7", AT(Child, base.depth),
     .min = 0, .max = 9, .help = "a depth"},
    {"child.*.own", DSN_OPTION_STRING, .fallback = "\"o\"", AT(Child, own), .help = "its own"},
    {"child.*.section.secret", DSN_OPTION_STRING, .secret = true, .fallback = "\"\"",
     AT(Child, secret), .help = "a secret"},
};

static const DsnOptionHint hints[] = {{"hook.*.queue.event", "there is an expression"},
                                      {"event", "none"}};
static const DsnOptionTable table = {options, G_N_ELEMENTS(options), hints, G_N_ELEMENTS(hints)};

/* ---- files ---- */

static char *folder;

static void
set_up(void)
{
    folder = g_dir_make_tmp("dsnarf-options-XXXXXX", NULL);
    ck_assert_ptr_nonnull(folder);
}

static void
remove_all(const char *path)
{
    GDir *entries = g_dir_open(path, 0, NULL);
    const char *name;

    while (entries != NULL && (name = g_dir_read_name(entries)) != NULL) {
        g_autofree char *inner = g_build_filename(path, name, NULL);
        remove_all(inner);
    }
    g_clear_pointer(&entries, g_dir_close);
    ck_assert_int_eq(g_remove(path), 0);
}

static void
tear_down(void)
{
    remove_all(folder);
    g_clear_pointer(&folder, g_free);
}

/* Writes a file below the folder and returns its path (transfer full). */
static char *
put(const char *name, const char *text)
{
    char *path = g_build_filename(folder, name, NULL);
    g_autofree char *directory = g_path_get_dirname(path);

    ck_assert_int_eq(g_mkdir_with_parents(directory, 0700), 0);
    ck_assert(g_file_set_contents(path, text, -1, NULL));
    return path;
}

/* Loads @file; the text has "DIR" in place of the folder (transfer full), NULL when all is well. */
static char *
load(const char *file, Values *values)
{
    g_autoptr(GHashTable) places = NULL;
    char *problems = NULL;

    if (dsn_option_table_load(&table, file, values, &places, &problems)) {
        ck_assert_ptr_null(problems);
        return NULL;
    }
    GString *text = g_string_new(problems);
    g_free(problems);
    g_string_replace(text, folder, "DIR", 0);
    return g_string_free(text, FALSE);
}

static char *
load_text(const char *text, Values *values)
{
    g_autofree char *file = put("x.toml", text);

    return load(file, values);
}

/* ---- values ---- */

START_TEST(sets_the_defaults)
{
    Values values = {0};

    ck_assert_ptr_null(load(NULL, &values));
    ck_assert_str_eq(values.name, "$x");
    ck_assert_ptr_null(values.path);
    ck_assert_str_eq(values.computed, "made up");
    ck_assert(values.flag);
    ck_assert_uint_eq(values.number, 3);
    ck_assert_uint_eq(values.size, 1024 * 1024);
    ck_assert_uint_eq(values.mode, 0640);
    ck_assert_int_eq(values.span, 5 * G_TIME_SPAN_MINUTE);
    ck_assert_int_eq(values.word, 1);
    ck_assert_uint_eq(values.list->len, 0);
    ck_assert_uint_eq(values.words->len, 1);
    ck_assert_uint_eq(g_hash_table_size(values.map), 0);
    ck_assert_ptr_null(values.secret);
    ck_assert_uint_eq(values.hooks->len, 0);
    dsn_option_table_clear(&table, &values);
}
END_TEST

START_TEST(reads_every_type)
{
    Values values = {0};

    g_setenv("DSN_TEST_VARIABLE", "v a l", TRUE);
    ck_assert_ptr_null(
        load_text("name = 'a${DSN_TEST_VARIABLE}b$$c$d$'\n"
                  "path = \"sub/../file\"\n"
                  "computed = \"given\"\n"
                  "flag = false\nnumber = 9\nsize = \"50kB\"\nspan = 1.5\n"
                  "mode = \"07\"\nword = \"blue\"\nlist = [\"a\", \"b\"]\nwords = []\n"
                  "files = [\"sub/../file\", \"/a/./b\"]\nleft = \"7%\"\n"
                  "[map]\nk = \"v\"\n\"x.y\" = \"w\"\n",
                  &values));
    ck_assert_uint_eq(values.left, 7 | DSN_OPTION_SHARE);
    g_autofree char *path = g_build_filename(folder, "file", NULL);
    ck_assert_str_eq(values.name, "av a lb$c$d$");
    ck_assert_str_eq(values.path, path);
    ck_assert_str_eq(values.files->pdata[0], path);
    ck_assert_str_eq(values.files->pdata[1], "/a/b");
    ck_assert_str_eq(values.computed, "given");
    ck_assert(!values.flag);
    ck_assert_uint_eq(values.number, 9);
    ck_assert_uint_eq(values.size, 50000);
    ck_assert_uint_eq(values.mode, 07);
    ck_assert_int_eq(values.span, 1500 * G_TIME_SPAN_MILLISECOND);
    ck_assert_int_eq(values.word, 2);
    ck_assert_uint_eq(values.list->len, 2);
    ck_assert_str_eq(values.list->pdata[1], "b");
    ck_assert_uint_eq(values.words->len, 0);
    ck_assert_str_eq(g_hash_table_lookup(values.map, "x.y"), "w");
    dsn_option_table_clear(&table, &values);
}
END_TEST

START_TEST(says_where_options_are_given)
{
    Values values = {0};
    g_autoptr(GHashTable) places = NULL;
    char *problems = NULL;
    g_autofree char *file = put("x.toml", "flag = false\n\n[hook.\"a b\"]\nurl = \"u\"\n");
    g_autofree char *first = g_strconcat(file, ":1", NULL), *third = g_strconcat(file, ":3", NULL),
                    *fourth = g_strconcat(file, ":4", NULL);

    ck_assert(dsn_option_table_load(&table, file, &values, &places, &problems));
    ck_assert_str_eq(g_hash_table_lookup(places, "flag"), first);
    ck_assert_str_eq(g_hash_table_lookup(places, "hook.\"a b\""), third);
    ck_assert_str_eq(g_hash_table_lookup(places, "hook.\"a b\".url"), fourth);
    ck_assert_ptr_null(g_hash_table_lookup(places, "number"));
    dsn_option_table_clear(&table, &values);
}
END_TEST

START_TEST(reads_named_sections)
{
    Values values = {0};

    ck_assert_ptr_null(load_text("[hook.b]\nurl = \"u\"\nqueue.batch = 7\n"
                                 "headers = {A = \"1\"}\n"
                                 "[hook.b.leaf.x]\nage = \"2h\"\n[hook.b.leaf.y]\n"
                                 "[hook.\"a.*\"]\n",
                                 &values));
    ck_assert_uint_eq(values.hooks->len, 2);

    const Hook *b = values.hooks->pdata[0], *a = values.hooks->pdata[1];
    ck_assert_str_eq(b->name, "b");
    ck_assert_str_eq(b->url, "u");
    ck_assert_uint_eq(b->batch, 7);
    ck_assert_str_eq(g_hash_table_lookup(b->headers, "A"), "1");
    ck_assert_uint_eq(b->leaves->len, 2);
    ck_assert_int_eq(((Leaf *)b->leaves->pdata[0])->age, 2 * G_TIME_SPAN_HOUR);
    ck_assert_int_eq(((Leaf *)b->leaves->pdata[1])->age, G_TIME_SPAN_MINUTE);
    ck_assert_str_eq(a->name, "a.*");
    ck_assert_str_eq(a->url, "http://x");
    ck_assert_uint_eq(a->batch, 500);
    dsn_option_table_clear(&table, &values);
}
END_TEST

static const struct {
    const char *text;
    int64_t bytes;
} sizes[] = {
    {"0", 0},
    {"1024", 1024},
    {"\"0B\"", 0},
    {"\"7B\"", 7},
    {"\"50kB\"", 50000},
    {"\"64 KiB\"", 65536},
    {"\"2MB\"", 2000000},
    {"\"2MiB\"", 2097152},
    {"\"1GB\"", 1000000000},
    {"\"1GiB\"", 1073741824},
    {"-1", -1},
    {"1.0", -1},
    {"\"1\"", -1},
    {"\"MiB\"", -1},
    {"\"1KB\"", -1},
    {"\"1mib\"", -1},
    {"\"1MiB 1B\"", -1},
    {"\"1.5MiB\"", -1},
    {"\"-1B\"", -1},
    {"\" 1B\"", -1},
    {"\"9223372036854775807GiB\"", -1},
    {"\"9999999999999999999B\"", -1},
    {"\"1025GiB\"", -1},
    {"\"\"", -1},
};

START_TEST(reads_sizes)
{
    Values values = {0};
    g_autofree char *text = g_strdup_printf("size = %s", sizes[_i].text);
    g_autofree char *problems = load_text(text, &values);

    ck_assert_msg((problems == NULL) == (sizes[_i].bytes >= 0), "%s: %s", text,
                  problems == NULL ? "taken" : problems);
    if (problems != NULL)
        return;
    ck_assert_int_eq((int64_t)values.size, sizes[_i].bytes);
    dsn_option_table_clear(&table, &values);
}
END_TEST

static const struct {
    const char *text;
    GTimeSpan span;
} spans[] = {
    {"0", 0},
    {"90", 90 * G_TIME_SPAN_SECOND},
    {"0.25", 250000},
    {"\"60s\"", G_TIME_SPAN_MINUTE},
    {"\"5 minutes\"", 5 * G_TIME_SPAN_MINUTE},
    {"\"1min\"", G_TIME_SPAN_MINUTE},
    {"\"500ms\"", 500000},
    {"\"10us\"", 10},
    {"\"1h 30m\"", 90 * G_TIME_SPAN_MINUTE},
    {"\"1h30m 2 secs\"", 90 * G_TIME_SPAN_MINUTE + 2 * G_TIME_SPAN_SECOND},
    {"\"2 days\"", 2 * G_TIME_SPAN_DAY},
    {"\"1w\"", 7 * G_TIME_SPAN_DAY},
    {"\"1M\"", 2630016 * G_TIME_SPAN_SECOND},
    {"\"1y\"", 31557600 * G_TIME_SPAN_SECOND},
    {"\"100 years\"", DSN_OPTION_DURATION_MAX},
    {"\"101 years\"", -1},
    {"3155760001", -1},
    {"1e300", -1},
    {"-1", -1},
    {"-0.1", -1},
    {"\"60\"", -1},
    {"\"s\"", -1},
    {"\"1 fortnight\"", -1},
    {"\"-1s\"", -1},
    {"\"9223372036854775807y\"", -1},
    {"\"200000y 200000y\"", -1},
    {"\"\"", -1},
    {"true", -1},
};

START_TEST(reads_durations)
{
    Values values = {0};
    g_autofree char *text = g_strdup_printf("span = %s", spans[_i].text);
    g_autofree char *problems = load_text(text, &values);

    ck_assert_msg((problems == NULL) == (spans[_i].span >= 0), "%s: %s", text,
                  problems == NULL ? "taken" : problems);
    if (problems != NULL)
        return;
    ck_assert_int_eq(values.span, spans[_i].span);
    dsn_option_table_clear(&table, &values);
}
END_TEST

static const struct {
    const char *text;
    guint64 count; /* 0: not a rate */
    GTimeSpan span;
} rates[] = {
    {"1000/s", 1000, G_TIME_SPAN_SECOND},
    {"1,000/sec", 1000, G_TIME_SPAN_SECOND},
    {"1_000_000_000/second", 1000000000, G_TIME_SPAN_SECOND},
    {"10/min", 10, G_TIME_SPAN_MINUTE},
    {"1/hour", 1, G_TIME_SPAN_HOUR},
    {"7/d", 7, G_TIME_SPAN_DAY},
    {"0/s", 0, 0},
    {"1000000001/s", 0, 0},
    {"1/ms", 0, 0},
    {"1/w", 0, 0},
    {"1/", 0, 0},
    {"/s", 0, 0},
    {"1", 0, 0},
    {"", 0, 0},
    {"-1/s", 0, 0},
    {"1 /s", 0, 0},
};

START_TEST(reads_rates)
{
    guint64 count = 0;
    GTimeSpan span = 0;

    ck_assert_msg(dsn_rate_parse(rates[_i].text, &count, &span) == (rates[_i].count > 0), "%s",
                  rates[_i].text);
    if (rates[_i].count == 0)
        return;
    ck_assert_uint_eq(count, rates[_i].count);
    ck_assert_int_eq(span, rates[_i].span);
}
END_TEST

/* ---- complaints ---- */

static const struct {
    const char *toml, *problems;
} faults[] = {
    {"name = 1", "1: name: expected a string, got 1"},
    {"path = true", "1: path: expected a path as a string, got true"},
    {"flag = \"yes\"", "1: flag: expected true or false, got \"yes\""},
    {"number = 10", "1: number: expected a whole number from 1 to 9, got 10"},
    {"number = \"5\"", "1: number: expected a whole number from 1 to 9, got \"5\""},
    {"size = \"2TiB\"",
     "1: size: expected a size such as \"64KiB\" or \"50kB\" from 0B to 1024GiB, "
     "got \"2TiB\""},
    {"mode = 640", "1: mode: expected rights in octal such as \"660\", got 640"},
    {"mode = \"680\"", "1: mode: expected rights in octal such as \"660\", got \"680\""},
    {"mode = \"1777\"", "1: mode: expected rights in octal such as \"660\", got \"1777\""},
    {"mode = \"\"", "1: mode: expected rights in octal such as \"660\", got \"\""},
    {"hook.a.leaf.b.age = 0.5",
     "1: hook.a.leaf.b.age: expected a duration such as \"5 minutes\" or "
     "\"90s\" from 1s to 1d, got 0.5"},
    {"word = \"gren\"", "1: word: expected one of \"red\", \"green\", \"blue\", got \"gren\", did "
                        "you mean \"green\"?"},
    {"word = \"\"", "1: word: expected one of \"red\", \"green\", \"blue\", got \"\""},
    {"list = \"a\"", "1: list: expected a list of strings, got \"a\""},
    {"list = [\"a\",\n[]]", "1: list: expected a list of strings, got a list"},
    {"list = [\"A\"]", "1: list: expected lower case, got \"A\""},
    {"list = [{ one = \"a\", two = \"B\" }]", "1: list: expected lower case, got \"aB\""},
    {"list = [{ one = \"a\" }]", "1: list: expected one and two"},
    {"list = [{ one = 1 }]", "1: list: expected a table of strings, got 1"},
    {"list = [{ one = \"${DSN_TEST_UNSET}\" }]",
     "1: list: the environment variable DSN_TEST_UNSET is not set"},
    {"words = [{ one = \"a\" }]",
     "1: words: expected a list of \"red\", \"green\", \"blue\", got a table"},
    {"list = [\"\"]", "1: list: expected at least a letter, got \"\""},
    {"words = [\"red\", \"pink\"]",
     "1: words: expected a list of \"red\", \"green\", \"blue\", got \"pink\""},
    {"map = 1", "1: map: expected a section of this name, got a value"},
    {"[map]\na = 1", "2: map.a: expected a string, got 1"},
    {"[map]\na = \"b\"\n\"c d\" = \"X\"", "3: map.\"c d\": expected lower case, got \"X\""},
    {"[map]\na = \"\"", "2: map.a: expected at least a letter, got \"\""},
    {"[map]\n\"\" = \"a\"", "2: map.\"\": a name cannot be empty or hold U+0000 here"},
    {"section = 1", "1: section: expected a section of this name, got a value"},
    {"[name]\na = 1", "1: name: expected a string, got a table"},
    {"hook = 1", "1: hook: expected a section of this name, got a value"},
    {"hook.a = 1", "1: hook.a: expected a section of this name, got a value"},
    {"[hook.\"\"]", "1: hook.\"\": the name of a section has 1 to 255 bytes"},
    {"numbr = 1", "1: numbr: unknown option, did you mean `number`?"},
    {"[hoook.a]", "1: hoook: unknown section, did you mean `hook`?"},
    {"[section]\nsecret_fil = \"x\"",
     "2: section.secret_fil: unknown option, did you mean `secret_file`?"},
    {"[section]\ntoken = \"x\"", "2: section.token: unknown option"},
    {"[hook.a]\nbatch = 1", "2: hook.a.batch: unknown option, did you mean `hook.*.queue.batch`?"},
    {"batch = 1", "1: batch: unknown option"},
    {"[hook.a.queue]\nevent = \"x\"",
     "2: hook.a.queue.event: unknown option: there is an expression"},
    {"event.x = 1", "1: event: unknown option: none"},
    {"[hook.a]\nevent = 1", "2: hook.a.event: unknown option"},
    {"files = [\"a\\nb\"]", "1: files: a path cannot hold control characters"},
    {"left = \"101%\"",
     "1: left: expected a size such as \"64KiB\" or \"50kB\" from 0B to 1MiB, or a share such as "
     "\"10%\", got \"101%\""},
    {"size = \"10%\"",
     "1: size: expected a size such as \"64KiB\" or \"50kB\" from 0B to 1024GiB, got \"10%\""},
    {"zzzzzz = 1", "1: zzzzzz: unknown option"},
    {"\"section.secret\" = \"x\"", "1: \"section.secret\": unknown option"},
    {"\"hook.*\".url = \"x\"", "1: \"hook.*\": unknown section, did you mean `hook`?"},
    {"\"*\" = 1", "1: \"*\": unknown option"},
    {"name_file = \"x\"", "1: name_file: unknown option"},
    {"name = \"${DSN_TEST_UNSET}\"", "1: name: the environment variable DSN_TEST_UNSET is not set"},
    {"list = [\"${DSN_TEST_UNSET}\"]",
     "1: list: the environment variable DSN_TEST_UNSET is not set"},
    {"span = \"${DSN_TEST_UNSET}\"", "1: span: the environment variable DSN_TEST_UNSET is not set"},
    {"name = \"${a-b}\"", "1: name: \"${\" begins the name of an environment variable, as in "
                          "${HOME}; a plain \"$\" is written \"$$\""},
    {"name = \"a\\u0000b\"", "1: name: a string cannot hold U+0000 here"},
    {"\"na\\u0000\" = 1", "1: na: a key cannot hold U+0000 here"},
    {"name = [\n", "1:8: the array that begins here does not end"},
    {"section.secret = \"GEHEIM\"", "1: section.secret: expected lower case, got another string"},
    {"section.secret = \"********\"",
     "1: section.secret: the mask that hides a secret was given in its place"},
    {"[hook.a.headers]\nA_file = 1", "2: hook.a.headers.A_file: expected a string, got 1"},
    {"[hook.a.headers]\nA_file = \"none\"",
     "2: hook.a.headers.A_file: DIR/none: No such file or directory"},
    {"[hook.a.headers]\nA = \"a\"\nA_file = \"b\"",
     "3: hook.a.headers.A_file: was already given at DIR/x.toml:2"},
    {"[hook.a.headers]\n_file = \"b\"",
     "2: hook.a.headers._file: a name cannot be empty or hold U+0000 here"},
    {"section.secret_file = 1", "1: section.secret_file: expected a path as a string, got 1"},
    {"section.secret_file = \"\"", "1: section.secret_file: expected a path as a string, got \"\""},
    {"section.secret_file = \"none\"",
     "1: section.secret_file: DIR/none: No such file or directory"},
    {"section.secret = \"a\"\nsection.secret_file = \"b\"",
     "2: section.secret_file: was already given at DIR/x.toml:1"},
    {"path = \"a\\nb\"", "1: path: a path cannot hold control characters"},
    {"include = \"a\\nb\"", "1: include: a path cannot hold control characters"},
    {"\"a\\nb\" = 1", "1: \"a\\nb\": unknown option"},
    {"include = 1", "1: include: expected the name of a file, or a pattern, as a string, got 1"},
    {"include = \"no/*.toml\"", "1: include: Error opening directory \xe2\x80\x9c"
                                "DIR/no/\xe2\x80\x9d: No such file or directory"},
    {"include = \"no.toml\"", "1: include: DIR/no.toml: No such file or directory"},
    {"include = \"*.none\"\nflag = 1", "2: flag: expected true or false, got 1"},
    {"include = \"x.toml\"", "1: include: DIR/x.toml: this file is included twice"},
};

START_TEST(says_what_is_wrong)
{
    Values values = {0};
    g_autofree char *want = g_strconcat("DIR/x.toml:", faults[_i].problems, NULL);
    g_autofree char *problems = load_text(faults[_i].toml, &values);

    ck_assert_msg(problems != NULL, "%s: taken", faults[_i].toml);
    ck_assert_str_eq(problems, want);
}
END_TEST

START_TEST(says_all_that_is_wrong)
{
    Values values = {0};
    g_autofree char *problems = load_text("name = 1\nflag = 2\n[hook.a]\nx = 1\ny = 2\n", &values);
    g_autoptr(GString) many = g_string_new(NULL);

    ck_assert_str_eq(problems, "DIR/x.toml:1: name: expected a string, got 1\n"
                               "DIR/x.toml:2: flag: expected true or false, got 2\n"
                               "DIR/x.toml:4: hook.a.x: unknown option\n"
                               "DIR/x.toml:5: hook.a.y: unknown option");
    for (int i = 0; i < 250; i++)
        g_string_append_printf(many, "unknown%d = 1\n", i);
    g_autofree char *cut = load_text(many->str, &values);
    g_auto(GStrv) lines = g_strsplit(cut, "\n", -1);
    ck_assert_uint_eq(g_strv_length(lines), 101);
    ck_assert_str_eq(lines[100], "and 150 more");
}
END_TEST

START_TEST(cuts_what_it_quotes)
{
    Values values = {0};
    g_autofree char *a = g_strnfill(500, 'a');
    g_autofree char *text = g_strdup_printf("number = \"%s\xc3\xa4\"\n%s = 1\n[hook.%s]", a, a, a);
    g_autofree char *problems = load_text(text, &values);
    g_auto(GStrv) lines = g_strsplit(problems, "\n", -1);

    ck_assert_uint_eq(g_strv_length(lines), 3);
    for (char **line = lines; *line != NULL; line++)
        ck_assert_msg(strlen(*line) < 250 && strstr(*line, "...") != NULL, "%s", *line);
}
END_TEST

/* ---- files ---- */

START_TEST(says_which_file_cannot_be_read)
{
    Values values = {0};
    g_autofree char *none = g_build_filename(folder, "none.toml", NULL);
    g_autofree char *missing = load(none, &values);
    g_autofree char *directory = load(folder, &values);
    g_autofree char *filler = g_strnfill(DSN_TOML_MAX_BYTES + 1, '#');
    g_autofree char *large = load_text(filler, &values);

    ck_assert_str_eq(missing, "DIR/none.toml: No such file or directory");
    ck_assert_str_eq(directory, "DIR: Is a directory");
    ck_assert_str_eq(large, "DIR/x.toml: larger than 67108864 bytes");
    g_autofree char *link = g_build_filename(folder, "loop", NULL);
    ck_assert_int_eq(symlink("loop", link), 0);
    g_autofree char *loop = load(link, &values);
    ck_assert_str_eq(loop, "DIR/loop: Too many levels of symbolic links");
}
END_TEST

START_TEST(includes_files_in_order)
{
    Values values = {0};

    g_free(put("conf.d/b.toml", "[hook.b]\n[hook.a]\nqueue.batch = 2\n[map]\nm = \"b\""));
    g_free(put("conf.d/a.toml", "path = \"here\"\n[hook.a]\nurl = \"a\"\n[map]\nk = \"a\""));
    g_free(put("conf.d/.hidden.toml", "broken"));
    g_free(put("conf.d/other", "broken"));
    g_free(put("single.toml", "flag = false"));
    g_free(put("conf.d/c.toml", "include = \"../single.toml\""));
    ck_assert_ptr_null(load_text("include = \"conf.d/*.toml\"\n[map]\nx = \"y\"", &values));

    g_autofree char *here = g_build_filename(folder, "conf.d", "here", NULL);
    ck_assert_str_eq(values.path, here);
    ck_assert(!values.flag);
    ck_assert_uint_eq(g_hash_table_size(values.map), 3);
    ck_assert_uint_eq(values.hooks->len, 2);
    const Hook *a = values.hooks->pdata[0];
    ck_assert_str_eq(a->name, "a");
    ck_assert_str_eq(a->url, "a");
    ck_assert_uint_eq(a->batch, 2);
    dsn_option_table_clear(&table, &values);
}
END_TEST

START_TEST(an_empty_folder_includes_nothing)
{
    Values values = {0};
    g_autofree char *empty = g_build_filename(folder, "conf.d", NULL);

    ck_assert_int_eq(g_mkdir(empty, 0700), 0);
    ck_assert_ptr_null(load_text("include = \"conf.d/*.toml\"", &values));
    dsn_option_table_clear(&table, &values);
}
END_TEST

START_TEST(a_key_in_two_files_is_an_error)
{
    Values values = {0};

    g_free(put("conf.d/a.toml", "\nflag = true\n[hook.h]\nurl = \"2\"\n[map]\nk = \"v\""));
    g_autofree char *problems = load_text(
        "include = \"conf.d/?.toml\"\nflag = false\nhook.h.url = \"1\"\nmap.k = \"w\"\n", &values);
    ck_assert_str_eq(problems,
                     "DIR/conf.d/a.toml:2: flag: was already given at DIR/x.toml:2\n"
                     "DIR/conf.d/a.toml:4: hook.h.url: was already given at DIR/x.toml:3\n"
                     "DIR/conf.d/a.toml:6: map.k: was already given at DIR/x.toml:4");
}
END_TEST

START_TEST(a_circle_of_includes_ends)
{
    Values values = {0};

    g_free(put("a.toml", "include = \"b.toml\""));
    g_free(put("b.toml", "include = \"./x.toml\""));
    g_autofree char *problems = load_text("include = \"a.toml\"", &values);
    ck_assert_str_eq(problems, "DIR/b.toml:1: include: DIR/./x.toml: this file is included twice");
}
END_TEST

START_TEST(says_what_is_wrong_in_every_file)
{
    Values values = {0};

    g_free(put("a.toml", "flag = 1"));
    g_autofree char *problems = load_text("include = \"a.toml\"\nnumber = 0", &values);
    ck_assert_str_eq(problems, "DIR/x.toml:2: number: expected a whole number from 1 to 9, got 0\n"
                               "DIR/a.toml:1: flag: expected true or false, got 1");
}
END_TEST

/* ---- secrets ---- */

static const struct {
    const char *label, *content, *secret, *problem;
} secret_files[] = {
    {"as it is", "abc", "abc", NULL},
    {"a line feed ends it", "abc\n", "abc", NULL},
    {"CRLF ends it", "abc\r\n", "abc", NULL},
    {"one line feed only", "a\n\n", NULL, "expected lower case"},
    {"empty", "", NULL, "expected a secret, it is empty"},
    {"not UTF-8", "\xff", NULL, "expected text in UTF-8"},
    {"not expanded", "${HOME}", NULL, "expected lower case"},
};

START_TEST(reads_a_secret_from_a_file)
{
    Values values = {0};

    g_free(put("keys/s", secret_files[_i].content));
    g_autofree char *problems = load_text("section.secret_file = \"keys/s\"", &values);
    if (secret_files[_i].problem != NULL) {
        g_autofree char *want = g_strdup_printf("DIR/x.toml:1: section.secret_file: DIR/keys/s: %s",
                                                secret_files[_i].problem);
        ck_assert_str_eq(problems, want);
        return;
    }
    ck_assert_msg(problems == NULL, "%s: %s", secret_files[_i].label, problems);
    ck_assert_str_eq(values.secret, secret_files[_i].secret);
    dsn_option_table_clear(&table, &values);
}
END_TEST

/* ---- display ---- */

START_TEST(shows_what_loads_again)
{
    Values values = {0}, again = {0};
    g_autoptr(GString) first = g_string_new(NULL), second = g_string_new(NULL);

    g_free(put("y.toml", "flag = false"));
    ck_assert_ptr_null(load_text("include = \"y.toml\"\n"
                                 "name = \"$${a} \\\" \\\\ \\n \xc3\xa4\"\npath = \"p\"\n"
                                 "size = 50000\nleft = \"33%\"\nfiles = [\"f\"]\nmode = "
                                 "\"007\"\nspan = 90.5\nword = \"red\"\nlist = [\"a\", "
                                 "{ one = \"b\", two = \"c\" }]\n"
                                 "map = {\"b c\" = \"x\", a = \"y\"}\n"
                                 "[hook.\"x y\"]\nurl = \"u\"\n[hook.\"x y\".leaf.\"\\t\"]\n"
                                 "suffix = \"$\"\n[hook.b]\n",
                                 &values));
    dsn_option_table_show(&table, &values, first);
    ck_assert_ptr_null(load_text(first->str, &again));
    dsn_option_table_show(&table, &again, second);
    ck_assert_str_eq(first->str, second->str);
    ck_assert_str_eq(again.name, values.name);
    ck_assert_str_eq(again.path, values.path);
    ck_assert_uint_eq(again.left, 33 | DSN_OPTION_SHARE);
    ck_assert_str_eq(again.files->pdata[0], values.files->pdata[0]);
    ck_assert_int_eq(again.span, values.span);
    ck_assert_uint_eq(again.list->len, 2);
    ck_assert_str_eq(again.list->pdata[1], "bc");
    dsn_option_table_clear(&table, &values);
    dsn_option_table_clear(&table, &again);
}
END_TEST

START_TEST(keeps_what_needs_a_restart)
{
    Values before = {0}, values = {0};
    g_autoptr(GString) keys = g_string_new(NULL);

    ck_assert_ptr_null(load_text("name = \"a\"\nflag = false\nnumber = 4\nspan = 9", &before));
    ck_assert_ptr_null(load_text("name = \"b\"\nnumber = 5\nword = \"red\"\nsize = 7", &values));
    dsn_option_table_keep(&table, &values, &before, keys);
    ck_assert_str_eq(keys->str, "name, flag, span, word");
    ck_assert_str_eq(values.name, "a");
    ck_assert(!values.flag);
    ck_assert_int_eq(values.span, 9 * G_TIME_SPAN_SECOND);
    ck_assert_int_eq(values.word, 1);
    ck_assert_uint_eq(values.number, 5);
    ck_assert_uint_eq(values.size, 7);

    g_string_truncate(keys, 0);
    dsn_option_table_keep(&table, &values, &before, keys);
    ck_assert_str_eq(keys->str, "");
    dsn_option_table_clear(&table, &before);
    dsn_option_table_clear(&table, &values);
}
END_TEST

static const Child *
child_of(const Values *values, guint i)
{
    ck_assert_uint_lt(i, values->children->len);
    return values->children->pdata[i];
}

START_TEST(inherits_what_is_not_given)
{
    Values values = {0};

    g_free(put("y.toml", "[base]\nlabel = \"late\"\n[child.\"c d\"]\nown = \"mine\"\n"));
    ck_assert_ptr_null(load_text("include = \"y.toml\"\n"
                                 "child.a = {label = \"\", depth = 7}\n"
                                 "[base]\ntags = [\"x\", \"y\"]\ndepth = 3\n"
                                 "[child.b]\ntags = []\nlabel = \"b\"\n"
                                 "[child.\"c d\"]\ndepth = 4\n[child.\"c d\".section]\n"
                                 "secret = \"\"\n[child.b.section]\nsecret = \"two\"\n"
                                 "[section]\nsecret = \"one\"\n",
                                 &values));
    const Child *a = child_of(&values, 0), *b = child_of(&values, 1), *c = child_of(&values, 2);

    ck_assert_ptr_null(a->base.label); /* an empty one is given, too */
    ck_assert_uint_eq(a->base.depth, 7);
    ck_assert_ptr_eq(a->base.tags, values.base.tags);
    ck_assert_str_eq(a->own, "o");
    ck_assert_str_eq(b->base.label, "b");
    ck_assert_uint_eq(b->base.depth, 3);
    ck_assert_uint_eq(b->base.tags->len, 0);
    ck_assert_str_eq(c->base.label, "late");
    ck_assert_uint_eq(c->base.depth, 4);
    ck_assert_uint_eq(c->base.tags->len, 2);
    ck_assert_str_eq(c->own, "mine");
    ck_assert_str_eq(a->secret, "one"); /* of the section beside base that is called the same */
    ck_assert_str_eq(b->secret, "two");
    ck_assert_ptr_null(c->secret);
    dsn_option_table_clear(&table, &values);
}
END_TEST

START_TEST(shows_what_is_inherited)
{
    Values values = {0}, again = {0};
    g_autoptr(GString) text = g_string_new(NULL), second = g_string_new(NULL);

    ck_assert_ptr_null(load_text("base.depth = 3\nchild.a.label = \"x\"", &values));
    dsn_option_table_show(&table, &values, text);
    ck_assert_str_eq(strstr(text->str, "\n[child.a]"), "\n[child.a]\n"
                                                       "# a label\nlabel = \"x\"\n"
                                                       "# tags\ntags = [\"t\"] # as base.tags\n"
                                                       "# a depth\ndepth = 3 # as base.depth\n"
                                                       "# its own\nown = \"o\" # default\n\n"
                                                       "[child.a.section]\n"
                                                       "# a secret\nsecret = \"\" "
                                                       "# as section.secret\n");
    ck_assert_ptr_null(load_text(text->str, &again));
    dsn_option_table_show(&table, &again, second);
    ck_assert_str_eq(second->str, text->str);
    dsn_option_table_clear(&table, &values);
    dsn_option_table_clear(&table, &again);
}
END_TEST

/* A section that is new starts with what it says. */
START_TEST(keeps_what_needs_a_restart_in_sections)
{
    Values before = {0}, values = {0};
    g_autoptr(GString) keys = g_string_new(NULL);

    ck_assert_ptr_null(
        load_text("child.\"a b\".depth = 1\nchild.c.depth = 2\nchild.gone.depth = 3", &before));
    ck_assert_ptr_null(load_text("child.new.depth = 4\nchild.c.depth = 2\nchild.\"a b\".depth = 5\n"
                                 "child.c.own = \"x\"",
                                 &values));
    dsn_option_table_keep(&table, &values, &before, keys);
    ck_assert_str_eq(keys->str, "child.\"a b\".depth");
    ck_assert_uint_eq(child_of(&values, 0)->base.depth, 4);
    ck_assert_uint_eq(child_of(&values, 1)->base.depth, 2);
    ck_assert_uint_eq(child_of(&values, 2)->base.depth, 1);
    ck_assert_str_eq(child_of(&values, 1)->own, "x");
    dsn_option_table_clear(&table, &before);
    dsn_option_table_clear(&table, &values);
}
END_TEST

START_TEST(shows_defaults_as_such)
{
    Values values = {0};
    g_autoptr(GString) text = g_string_new(NULL);

    ck_assert_ptr_null(load_text("flag = true\nnumber = 4\nsection.secret = \"geheim\"\n"
                                 "hook.a = {token = \"geheim\", headers = {A = \"geheim\"}}",
                                 &values));
    dsn_option_table_show(&table, &values, text);
    ck_assert_str_eq(text->str,
                     "# a name\nname = \"$$x\" # default\n"
                     "# a path\npath = \"\" # default\n"
                     "# computed\ncomputed = \"made up\" # default\n"
                     "# a flag\nflag = true # default\n"
                     "# a number\nnumber = 4\n"
                     "# a size\nsize = \"1MiB\" # default\n"
                     "# a mode\nmode = \"640\" # default\n"
                     "# a duration\nspan = \"5min\" # default\n"
                     "# a word\nword = \"green\" # default\n"
                     "# a list\nlist = [] # default\n"
                     "# words\nwords = [\"red\"] # default\n"
                     "# what stays free\nleft = \"10%\" # default\n# files\nfiles = [] # default\n"
                     "\n# a map\n[map] # default\n"
                     "\n[section]\n"
                     "# a secret\nsecret = \"********\"\n"
                     "\n[hook.a]\n"
                     "# a URL\nurl = \"http://x\" # default\n"
                     "# a token\ntoken = \"********\"\n"
                     "\n# headers\n[hook.a.headers]\n"
                     "A = \"********\"\n"
                     "\n[hook.a.queue]\n"
                     "# a batch\nbatch = 500 # default\n"
                     "\n[base]\n"
                     "# a label\nlabel = \"l\" # default\n"
                     "# tags\ntags = [\"t\"] # default\n"
                     "# a depth\ndepth = 7 # default\n");
    dsn_option_table_clear(&table, &values);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("option-table");
    TCase *tcase = tcase_create("load");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, sets_the_defaults);
    tcase_add_test(tcase, reads_every_type);
    tcase_add_test(tcase, says_where_options_are_given);
    tcase_add_test(tcase, reads_named_sections);
    tcase_add_loop_test(tcase, reads_sizes, 0, G_N_ELEMENTS(sizes));
    tcase_add_loop_test(tcase, reads_durations, 0, G_N_ELEMENTS(spans));
    tcase_add_loop_test(tcase, reads_rates, 0, G_N_ELEMENTS(rates));
    tcase_add_loop_test(tcase, says_what_is_wrong, 0, G_N_ELEMENTS(faults));
    tcase_add_test(tcase, says_all_that_is_wrong);
    tcase_add_test(tcase, cuts_what_it_quotes);
    tcase_add_test(tcase, says_which_file_cannot_be_read);
    tcase_add_test(tcase, includes_files_in_order);
    tcase_add_test(tcase, an_empty_folder_includes_nothing);
    tcase_add_test(tcase, a_key_in_two_files_is_an_error);
    tcase_add_test(tcase, a_circle_of_includes_ends);
    tcase_add_test(tcase, says_what_is_wrong_in_every_file);
    tcase_add_loop_test(tcase, reads_a_secret_from_a_file, 0, G_N_ELEMENTS(secret_files));
    tcase_add_test(tcase, shows_what_loads_again);
    tcase_add_test(tcase, keeps_what_needs_a_restart);
    tcase_add_test(tcase, keeps_what_needs_a_restart_in_sections);
    tcase_add_test(tcase, inherits_what_is_not_given);
    tcase_add_test(tcase, shows_what_is_inherited);
    tcase_add_test(tcase, shows_defaults_as_such);
    suite_add_tcase(suite, tcase);
    return suite;
}
