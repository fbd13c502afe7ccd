/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/classifier.h"
#include "tests/support/unit.h"

#include <glib/gstdio.h>

#define LIMIT 100000

static struct {
    char *folder;
    GPtrArray *files;
    GError *error;
} fixture;

static void
setup(void)
{
    fixture.folder = g_dir_make_tmp("dsnarf-classifier-XXXXXX", NULL);
    ck_assert_ptr_nonnull(fixture.folder);
    fixture.files = g_ptr_array_new_with_free_func(g_free);
    fixture.error = NULL;
}

static void
teardown(void)
{
    for (guint i = 0; i < fixture.files->len; i++)
        (void)g_unlink(fixture.files->pdata[i]);
    ck_assert_int_eq(g_rmdir(fixture.folder), 0);
    g_ptr_array_unref(fixture.files);
    g_free(fixture.folder);
    g_clear_error(&fixture.error);
}

static void
add_file(const char *name, const char *text)
{
    char *path = g_build_filename(fixture.folder, name, NULL);

    ck_assert(g_file_set_contents(path, text, -1, NULL));
    g_ptr_array_add(fixture.files, path);
}

static DsnClassifier *
load(size_t cache)
{
    const DsnClassifierOptions options = {
        .cache = cache, .uncategorized_cache = cache, .match_limit = LIMIT};

    return dsn_classifier_load(fixture.files, &options, &fixture.error);
}

static DsnClassifier *
load_good(size_t cache)
{
    DsnClassifier *classifier = load(cache);

    ck_assert_msg(classifier != NULL, "%s", fixture.error == NULL ? "" : fixture.error->message);
    return classifier;
}

/* ---- what is logged ---- */

static guint lines_logged;

static GLogWriterOutput
keep_line(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user)
{
    for (gsize i = 0; i < n_fields; i++) {
        if (strcmp(fields[i].key, "MESSAGE") != 0)
            continue;
        ck_assert_msg(g_pattern_match_simple(user, fields[i].value), "%s",
                      (const char *)fields[i].value);
        lines_logged++;
    }
    (void)level;
    return G_LOG_WRITER_HANDLED;
}

/* ---- which rule wins ---- */

#define OTHER "{\"rules\": {\"QuotaIssues\": [\"5\\\\.2\\\\.2\"], \"Own\": [\"(?i)GONE$\"]}}"

static const struct {
    const char *response, *class_;
} rows[] = {
    {"550 5.1.1 no such user at shop", "Own"}, /* before ^550, which matches further to the left */
    {"550 5.1.1 no such user", "Zulu"},
    {"452 4.2.2 full", "Zulu"},
    {"452 4.2.2 Full", "-"}, /* case counts */
    {"552 5.2.2 over quota", "QuotaIssues"},
    {"551 he is gone", "Own"},
    {"551 he is gone\n", "-"}, /* "$" is the end, not a line end before it */
    {"", "-"},
};

START_TEST(the_first_rule_wins)
{
    const char *response = rows[_i].response, *class_ = rows[_i].class_;

    add_file("own.toml", "[rules]\nOwn = [\"no such user at shop\"]\nZulu = ['^550 ', 'full']\n");
    add_file("other.json", OTHER);
    g_autoptr(DsnClassifier) classifier = load_good(4);
    if (class_[0] == '-')
        class_ = DSN_UNCATEGORIZED;
    for (unsigned times = 0; times < 3; times++) /* also when it is remembered */
        ck_assert_str_eq(dsn_classifier_find(classifier, dsn_span(response), NULL), class_);
}
END_TEST

/* What KumoMTA says of its own files, with rules of the same form. */
START_TEST(files_as_KumoMTA_has_them)
{
    static const char *const pairs[][2] = {
        {"552 5.2.2 x", "QuotaIssues"},      {"552 4.2.2 x", "QuotaIssues"},
        {"352 5.2.2 x", DSN_UNCATEGORIZED},  {"525 4.7.13 x", "InactiveMailbox"},
        {"550 5.0.0 x", DSN_UNCATEGORIZED},  {"550 5.7.1 no thanks", "AuthenticationFailed"},
        {"551 5.4.7 late", "MessageExpired"}};

    add_file("iana.toml", "# by status code\n[rules]\n"
                          "QuotaIssues = [\n  \"^[45]\\\\d{2} [45]\\\\.2\\\\.2\\\\s\",\n]\n"
                          "InactiveMailbox = [\"^[45]\\\\d\\\\d [45]\\\\.7\\\\.(?:13|17)\\\\s\"]\n"
                          "MessageExpired = [\"^\\\\d+ \\\\d\\\\.4\\\\.7 \"]\n"
                          "AuthenticationFailed = [\"^[45]\\\\d\\\\d [45]\\\\.7\\\\.1\\\\b\"]\n");
    g_autoptr(DsnClassifier) classifier = load_good(0);
    for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++)
        ck_assert_str_eq(dsn_classifier_find(classifier, dsn_span(pairs[i][0]), NULL), pairs[i][1]);
}
END_TEST

/* As Rust reads them: digits and letters are those of any script. */
START_TEST(expressions_as_in_Rust)
{
    static const char *const rules[][2] = {{"^\\\\d$", "\xd9\xa3"},
                                           {"^\\\\w+$", "\xc3\xa9t\xc3\xa9"},
                                           {"a.b", "a\rb"},
                                           {"(?i)\xc3\x84RGER", "\xc3\xa4rger"},
                                           {"^[[:digit:]x]+$", "1x2"},
                                           {"^[]a-]+$", "]-a"},
                                           {"^[^]]+$", "abc"},
                                           {"(?P<year>2\\\\d)(?P<year>x)?", "26"},
                                           {"^\\\\x{e9}$", "\xc3\xa9"},
                                           {"^\\\\pL+$", "Stra\xc3\x9f"
                                                         "e"}};

    for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
        g_autofree char *text = g_strdup_printf("[rules]\nYes = [\"%s\"]\n", rules[i][0]);

        g_ptr_array_set_size(fixture.files, 0);
        add_file("rule.toml", text);
        g_autoptr(DsnClassifier) classifier = load_good(0);
        ck_assert_msg(
            g_str_equal(dsn_classifier_find(classifier, dsn_span(rules[i][1]), NULL), "Yes"), "%s",
            rules[i][0]);
    }
}
END_TEST

/* ---- faults ---- */

static const struct {
    const char *name, *text, *message; /* without the folder */
} faults[] = {
    {"a.txt", "", "a.txt: ends neither in .toml nor in .json"},
    {"a.toml", "x = 1\n", "a.toml: has no table \"rules\""},
    {"a.json", "[]", "a.json: has no table \"rules\""},
    {"a.toml", "rules = 1\n", "a.toml: has no table \"rules\""},
    {"a.toml", "[rules]\n\nA = 'x'\n", "a.toml:3: rules.A: is no list of texts"},
    {"a.toml", "[rules]\nA = ['x', 1]\n", "a.toml:2: rules.A[1]: is no text without NUL"},
    {"a.toml", "[rules]\nA = ['x', \"y\\u0000\"]\n",
     "a.toml:2: rules.A[1]: is no text without NUL"},
    {"a.toml", "[rules]\nA = ['ok', 'a(b']\n",
     "a.toml:2: rules.A[1]: at offset 3: missing closing parenthesis"},
    {"a.toml", "[rules]\nA = ['x[a-z&&[^b]]']\n",
     "a.toml:2: rules.A[0]: at offset 5: operations on classes are not supported"},
    {"a.toml", "[rules]\nA = ['[a[bc]]']\n",
     "a.toml:2: rules.A[0]: at offset 2: classes inside of classes are not supported"},
    {"a.toml", "[rules]\nA = ['a++']\n",
     "a.toml:2: rules.A[0]: at offset 2: \"+\" behind a repetition would be possessive here"},
    {"a.toml", "[rules]\n\"\" = []\n", "a.toml:2: rules.: a class has 1 to 255 bytes"},
    {"a.json", "{\"rules\": {\"A\": [\"*\"]}}",
     "a.json: rules.A[0]: at offset 0: quantifier does not follow a repeatable item"},
    {"a.json", "{\"rules\": {\"A\": [\"x\"]", "a.json:1:21: '}' expected near end of file"},
    {"a.json", "{\"rules\": {}, \"rules\": {}}", "a.json:1:21: duplicate object key"},
};

START_TEST(a_bad_file_says_where)
{
    add_file(faults[_i].name, faults[_i].text);
    ck_assert_ptr_null(load(0));
    ck_assert_msg(g_str_has_prefix(fixture.error->message, fixture.folder), "%s",
                  fixture.error->message);
    const char *message = fixture.error->message + strlen(fixture.folder) + 1;
    ck_assert_msg(g_str_has_prefix(message, faults[_i].message), "%s", message);
}
END_TEST

START_TEST(a_file_that_is_not_there)
{
    g_ptr_array_add(fixture.files, g_build_filename(fixture.folder, "none.toml", NULL));
    ck_assert_ptr_null(load(0));
    ck_assert_msg(g_str_has_suffix(fixture.error->message, "none.toml: No such file or directory"),
                  "%s", fixture.error->message);
}
END_TEST

/* ---- hostile input, many threads ---- */

START_TEST(an_evil_rule_is_given_up)
{
    static const char response[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!";

    add_file("evil.toml", "[rules]\nEvil = ['^(a+)+$']\nGood = ['^a']\n");
    g_autoptr(DsnClassifier) classifier = load_good(0);
    unsigned given_up;

    lines_logged = 0;
    g_log_set_writer_func(keep_line, (gpointer) "*evil.toml:2: rules.Evil[0]: takes too many*",
                          NULL);
    for (unsigned times = 0; times < 3; times++) {
        ck_assert_str_eq(dsn_classifier_find(classifier, dsn_span(response), &given_up), "Good");
        ck_assert_uint_eq(given_up, 1);
    }
    ck_assert_uint_eq(lines_logged, 1);
    ck_assert_str_eq(dsn_classifier_find(classifier, dsn_span("b"), &given_up), DSN_UNCATEGORIZED);
    ck_assert_uint_eq(given_up, 0);
}
END_TEST

/* However many rules are evil, they get no more than their share. */
START_TEST(many_evil_rules)
{
    g_autoptr(GString) rules = g_string_new("[rules]\nEvil = [");
    g_autofree char *response = g_strnfill(5000, 'a');
    unsigned given_up;

    for (unsigned i = 0; i < 200; i++)
        g_string_append_printf(rules, "'^(a|a%u|a+)+$',", i);
    g_string_append(rules, "]\nGood = ['^a']\n");
    add_file("evil.toml", rules->str);
    response[4999] = '!';
    lines_logged = 0;
    g_log_set_writer_func(keep_line, (gpointer) "*: rules.Evil*takes too many steps*", NULL);
    g_autoptr(DsnClassifier) classifier = load_good(4);
    ck_assert_str_eq(dsn_classifier_find(classifier, dsn_span(response), &given_up),
                     DSN_UNCATEGORIZED);
    ck_assert_uint_eq(given_up, 16);
    ck_assert_uint_eq(lines_logged, 16);
    (void)dsn_classifier_find(classifier, dsn_span(response), &given_up); /* it is remembered */
    ck_assert_uint_eq(given_up, 0);
}
END_TEST

/* Groups that repeat for long need more room than the compiled form of a rule has. */
START_TEST(a_long_repetition)
{
    g_autofree char *text = g_strnfill(16000, 'a');

    add_file("long.toml", "[rules]\nLong = ['^(?:a|b)*$']\n");
    g_autoptr(DsnClassifier) classifier = load_good(0);
    ck_assert_str_eq(dsn_classifier_find(classifier, dsn_span(text), NULL), "Long");
}
END_TEST

/* A flood of responses that no rule knows leaves the others remembered: a rule that was given up
 * tells whether it was asked again. */
START_TEST(two_caches)
{
    static const char response[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!";
    unsigned given_up;

    add_file("evil.toml", "[rules]\nEvil = ['^(a+)+$']\nGood = ['^a']\n");
    lines_logged = 0;
    g_log_set_writer_func(keep_line, (gpointer) "*takes too many steps*", NULL);
    g_autoptr(DsnClassifier) classifier = load_good(2);
    ck_assert_str_eq(dsn_classifier_find(classifier, dsn_span(response), &given_up), "Good");
    ck_assert_uint_eq(given_up, 1);
    for (unsigned i = 0; i < 100; i++) {
        g_autofree char *unknown = g_strdup_printf("b%u", i);
        ck_assert_str_eq(dsn_classifier_find(classifier, dsn_span(unknown), NULL),
                         DSN_UNCATEGORIZED);
    }
    ck_assert_str_eq(dsn_classifier_find(classifier, dsn_span(response), &given_up), "Good");
    ck_assert_uint_eq(given_up, 0);
}
END_TEST

static gpointer
ask_much(gpointer data)
{
    for (unsigned i = 0; i < 3000; i++) {
        g_autofree char *response = g_strdup_printf("55%u 5.1.1 %u", i % 5, i % 40);
        const char *class_ = dsn_classifier_find(data, dsn_span(response), NULL);

        ck_assert_str_eq(class_, i % 5 == 0 ? "Zero" : DSN_UNCATEGORIZED);
    }
    return NULL;
}

START_TEST(many_threads_one_small_cache)
{
    GThread *threads[4];

    add_file("zero.toml", "[rules]\nZero = ['^550']\n");
    g_autoptr(DsnClassifier) classifier = load_good(_i == 0 ? 1 : 16);
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("ask", ask_much, classifier);
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        (void)g_thread_join(threads[i]);
}
END_TEST

/* ---- the line ---- */

static const struct {
    unsigned code;
    DsnStatusCode enhanced;
    DsnSpan content;
    const char *line;
} lines[] = {
    {550, {5, 1, 1}, DSN_SPAN_LITERAL("no"), "550 5.1.1 no"},
    {550, {0, 0, 0}, DSN_SPAN_LITERAL(""), "550 "},
    {421, {4, 7, 0}, DSN_SPAN_LITERAL("a\r\nb\rc\nd\n"), "421 4.7.0 a b c d "},
    {250, {0, 0, 0}, {"a\0b", 3}, "250 a b"},
};

START_TEST(the_line)
{
    g_autoptr(GString) line = g_string_new(NULL);

    dsn_classifier_line(lines[_i].code, lines[_i].enhanced, lines[_i].content, line);
    ck_assert_str_eq(line->str, lines[_i].line);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("classifier");
    TCase *tcase = tcase_create("classifier");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, the_first_rule_wins, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, files_as_KumoMTA_has_them);
    tcase_add_test(tcase, expressions_as_in_Rust);
    tcase_add_loop_test(tcase, a_bad_file_says_where, 0, G_N_ELEMENTS(faults));
    tcase_add_test(tcase, a_file_that_is_not_there);
    tcase_add_test(tcase, an_evil_rule_is_given_up);
    tcase_add_test(tcase, many_evil_rules);
    tcase_add_test(tcase, a_long_repetition);
    tcase_add_test(tcase, two_caches);
    tcase_add_loop_test(tcase, many_threads_one_small_cache, 0, 2);
    tcase_add_loop_test(tcase, the_line, 0, G_N_ELEMENTS(lines));
    suite_add_tcase(suite, tcase);
    return suite;
}
