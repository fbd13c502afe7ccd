/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lines of "parse" and the log records, from whole messages. tests/data/parse/X.eml must give
 * tests/golden/parse/X.jsonl: the line of "parse", then the records as of a fixed arrival.
 */
#include "config.h"

#include "filter/core/record.h"
#include "filter/core/report-json.h"
#include "filter/core/report-record.h"
#include "mime/report-parse.h"
#include "tests/support/unit.h"

#define ARRIVAL 1795170700 /* 2026-11-20T10:31:40Z */

static void
append_lines(DsnSpan message, const char *name, GString *lines)
{
    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&DSN_LIMITS_DEFAULT);
    g_autoptr(DsnReport) report = dsn_report_new();
    DsnArrival arrival = {.message = message, .time = ARRIVAL, .nanoseconds = 250000000};

    dsn_report_parse(parser, message, report);
    dsn_report_write(report, name, lines);
    (void)dsn_report_write_records(report, &arrival, lines, NULL); /* the lines are what counts */
}

/* Every line is one JSON object without a key that stands twice; records can be read again, and are
 * in the form in which we write them ourselves. */
static void
check_lines(const GString *lines, const char *name)
{
    const char *line = lines->str;
    const char *end;

    for (unsigned i = 0; (end = strchr(line, '\n')) != NULL; i++, line = end + 1) {
        size_t length = (size_t)(end - line) + 1;
        json_error_t fault;
        json_auto_t *tree =
            json_loadb(line, length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &fault);
        ck_assert_msg(json_is_object(tree), "%s: line %u: %s", name, i, fault.text);
        if (i == 0)
            continue;

        g_autoptr(GError) error = NULL;
        g_autoptr(DsnRecord) record = dsn_record_from_json(tree, &error);
        g_autoptr(GString) again = g_string_new(NULL);
        ck_assert_msg(record != NULL, "%s: %s", name, error == NULL ? "" : error->message);
        dsn_record_write(record, again);
        dsn_test_compare(__FILE__, __LINE__, again->str, again->len, line, length, name);
    }
    ck_assert_str_eq(line, "");
}

static char *
read_sample(const char *folder, const char *name, size_t *ret_length)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);

    return dsn_test_read(path, ret_length);
}

START_TEST(samples_give_their_lines)
{
    g_autofree char *path = g_build_filename(g_getenv("DSNARF_DATA"), "data/parse", NULL);
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
    unsigned count = 0;

    ck_assert_ptr_nonnull(folder);
    for (const char *name; (name = g_dir_read_name(folder)) != NULL; count++) {
        size_t length, golden_length;
        g_autofree char *message = read_sample("data/parse", name, &length);
        g_autofree char *stem = g_strndup(name, strlen(name) - strlen(".eml"));
        g_autofree char *golden_name = g_strconcat(stem, ".jsonl", NULL);
        g_autofree char *golden = read_sample("golden/parse", golden_name, &golden_length);
        g_autoptr(GString) lines = g_string_new(NULL);

        append_lines((DsnSpan){message, length}, name, lines);
        check_lines(lines, name);
        dsn_test_compare(__FILE__, __LINE__, lines->str, lines->len, golden, golden_length, name);
    }
    ck_assert_uint_ge(count, 8);
}
END_TEST

/* Whatever mail there is, the lines keep their form. */
static void
check_folder(const char *path)
{
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);

    ck_assert_msg(folder != NULL, "%s", path);
    for (const char *name; (name = g_dir_read_name(folder)) != NULL;) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        g_autofree char *message = NULL;
        gsize length = 0;
        g_autoptr(GString) lines = g_string_new(NULL);

        if (!g_str_has_suffix(name, ".eml"))
            continue;
        ck_assert_msg(g_file_get_contents(file, &message, &length, NULL), "%s", file);
        append_lines((DsnSpan){message, length}, name, lines);
        check_lines(lines, name);
    }
}

START_TEST(all_samples_keep_the_form)
{
    g_autofree char *path = g_build_filename(g_getenv("DSNARF_DATA"), "data/reports", NULL);

    check_folder(path);
}
END_TEST

START_TEST(the_corpus_keeps_the_form)
{
    static const char *const folders[] = {"arf", "dsn", "negative"};
    const char *corpus = dsn_test_corpus();

    for (size_t i = 0; corpus != NULL && i < G_N_ELEMENTS(folders); i++) {
        g_autofree char *path = g_build_filename(corpus, folders[i], NULL);
        check_folder(path);
    }
}
END_TEST

START_TEST(without_a_file_there_is_no_key)
{
    static const char expected[] = "{\"kind\":\"none\",\"defects\":[]}\n";
    g_autoptr(DsnReport) report = dsn_report_new();
    g_autoptr(GString) line = g_string_new(NULL);

    dsn_report_write(report, NULL, line);
    dsn_assert_bytes(line->str, line->len, expected, strlen(expected));
}
END_TEST

START_TEST(a_file_name_is_no_defect_of_the_message)
{
    static const char expected[] =
        "{\"file\":\"a\xef\xbf\xbd\\n\",\"kind\":\"none\",\"defects\":[]}\n";
    g_autoptr(DsnReport) report = dsn_report_new();
    g_autoptr(GString) line = g_string_new(NULL);

    dsn_report_write(report, "a\xff\n", line);
    dsn_assert_bytes(line->str, line->len, expected, strlen(expected));
}
END_TEST

/* Value of a defect and what is written of it: 1,000 bytes, whole characters, then dots. */
START_TEST(long_texts_are_cut_at_a_character)
{
    static const struct {
        size_t ascii; /* 'x' before as many two-byte characters as go into 2,000 bytes */
        size_t kept;
    } rows[] = {{0, 1000}, {1, 999}, {2000, 1000}};

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(DsnReport) report = dsn_report_new();
        g_autoptr(GString) value = g_string_new(NULL), line = g_string_new(NULL);
        for (size_t j = 0; j < rows[i].ascii; j++)
            g_string_append_c(value, 'x');
        while (value->len < 2000)
            g_string_append(value, "\xc3\xa9");

        dsn_report_add_defect(report, &DSN_LIMITS_DEFAULT, DSN_DEFECT_BAD_VALUE,
                              DSN_SPAN_LITERAL("X"), (DsnSpan){value->str, value->len}, NULL);
        dsn_report_write(report, NULL, line);
        json_auto_t *tree = json_loadb(line->str, line->len, 0, NULL);
        const json_t *defects = json_object_get(tree, "defects");
        ck_assert_uint_eq(json_array_size(defects), 1); /* no invalid-utf8 from the cut */
        g_string_truncate(value, rows[i].kept);
        g_string_append(value, "...");
        ck_assert_str_eq(json_string_value(json_object_get(json_array_get(defects, 0), "value")),
                         value->str);
    }
}
END_TEST

START_TEST(defects_that_are_not_listed_are_counted)
{
    g_autoptr(DsnReport) report = dsn_report_new();
    g_autoptr(GString) line = g_string_new(NULL);
    DsnLimits limits = DSN_LIMITS_DEFAULT;

    limits.defects = 1;
    for (int i = 0; i < 3; i++)
        dsn_report_add_defect(report, &limits, DSN_DEFECT_LIMIT, DSN_SPAN_ABSENT, DSN_SPAN_ABSENT,
                              "groups");
    dsn_report_write(report, NULL, line);
    ck_assert_str_eq(line->str,
                     "{\"kind\":\"none\",\"defects\":[{\"kind\":\"limit\",\"field\":null,"
                     "\"value\":null,\"detail\":\"groups\"}],\"defects_unseen\":2}\n");
}
END_TEST

/* As KumoMTA's reader gives values: any white space is one space, encoded words are decoded. */
static const struct {
    const char *field;
    const char *json;
} words[] = {
    {"a b", "a b"},
    {"a  b", "a b"},
    {"a\tb", "a b"},
    {"a\n b", "a b"},
    {"=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Gr\xc3\xbc\xc3\x9f"
                                    "e"},
    {"=?utf-8?q?a?= =?utf-8?q?b?=", "ab"},
    {"a=?b", "a=?b"},
    {"", ""},
};

START_TEST(values_are_words)
{
    g_autoptr(DsnReport) report = dsn_report_new();
    g_autoptr(GString) line = g_string_new(NULL);
    DsnField extension = {DSN_SPAN_LITERAL("X-A"), dsn_span(words[_i].field)};

    report->kind = DSN_REPORT_FEEDBACK;
    report->feedback.user_agent = dsn_span(words[_i].field);
    g_array_append_val(report->feedback.extensions, extension);
    dsn_report_write(report, NULL, line);

    json_auto_t *tree = json_loadb(line->str, line->len, 0, NULL);
    const json_t *feedback = json_object_get(tree, "feedback_report");
    const json_t *values = json_object_get(json_object_get(feedback, "extensions"), "x-a");
    ck_assert_str_eq(json_string_value(json_object_get(feedback, "user_agent")), words[_i].json);
    ck_assert_str_eq(json_string_value(json_array_get(values, 0)), words[_i].json);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("report-json");
    TCase *whole = tcase_create("whole");
    TCase *pieces = tcase_create("pieces");

    tcase_set_timeout(whole, 300);
    tcase_add_test(whole, samples_give_their_lines);
    tcase_add_test(whole, all_samples_keep_the_form);
    tcase_add_test(whole, the_corpus_keeps_the_form);
    tcase_add_test(pieces, without_a_file_there_is_no_key);
    tcase_add_test(pieces, a_file_name_is_no_defect_of_the_message);
    tcase_add_test(pieces, long_texts_are_cut_at_a_character);
    tcase_add_test(pieces, defects_that_are_not_listed_are_counted);
    tcase_add_loop_test(pieces, values_are_words, 0, G_N_ELEMENTS(words));
    suite_add_tcase(suite, whole);
    suite_add_tcase(suite, pieces);
    return suite;
}
