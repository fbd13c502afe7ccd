/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mail as the systems of the world write it, each message made for this test in the form that one
 * of them has: what is read from it stands in data/world/expected.jsonl, and no damage to it does
 * harm.
 */
#include "config.h"

#include "filter/core/report-json.h"
#include "mime/report-parse.h"
#include "tests/support/report.h"
#include "tests/support/unit.h"

#include <jansson.h>

#define FOLDER "data/world"
/* Messages are cut at the end of each line, and behind each of so many bytes. */
#define CUT_EVERY 97

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_t, json_decref)

/* Null, {} and [] say that nothing was there; so do those that hold nothing else. */
static bool
is_empty(const json_t *value)
{
    return json_is_null(value) || (json_is_object(value) && json_object_size(value) == 0) ||
           (json_is_array(value) && json_array_size(value) == 0);
}

/* Takes out of @value what is empty. */
static void
prune(json_t *value)
{
    const char *key;
    json_t *inner;
    void *next;
    size_t i;

    json_object_foreach_safe(value, next, key, inner)
    {
        prune(inner);
        if (is_empty(inner))
            ck_assert_int_eq(json_object_del(value, key), 0);
    }
    json_array_foreach(value, i, inner) prune(inner);
}

/* Takes @key out of @from (transfer full); NULL when it is not there. */
static json_t *
take(json_t *from, const char *key)
{
    json_t *value = json_object_get(from, key);

    return value == NULL ? NULL : json_incref(value);
}

/* What was read, without what is empty and without the original: its Message-ID stands for it. */
static json_t *
summarise(const char *file, const DsnReport *report)
{
    g_autoptr(GString) line = g_string_new(NULL);
    g_autofree char *defects = dsn_test_defects(report);

    dsn_report_write(report, NULL, line);
    g_autoptr(json_t) whole = json_loads(line->str, 0, NULL);
    ck_assert_msg(whole != NULL, "%s: not JSON: %s", file, line->str);
    json_t *status = json_object_get(whole, "delivery_status");
    json_t *feedback = json_object_get(whole, "feedback_report");
    if (feedback != NULL)
        (void)json_object_del(feedback, "original_message");
    json_t *summary = json_pack(
        "{s:s,s:s,s:o*,s:o*,s:o*,s:o*,s:o*,s:s}", "file", file, "kind",
        dsn_report_kind_to_string(report->kind), "other", take(whole, "other"), "per_message",
        take(status, "per_message"), "per_recipient", take(status, "per_recipient"),
        "feedback_report", take(whole, "feedback_report"), "message_id",
        take(json_object_get(whole, "original"), "message_id"), "defects", defects);
    ck_assert_ptr_nonnull(summary);
    prune(summary);
    return summary;
}

/* @message with all its lines ended by @newline; in some they are mixed, which is what they are
 * about (transfer full). */
static GString *
convert(DsnSpan message, const char *newline)
{
    GString *converted = g_string_new_len(message.data, (gssize)message.len);

    g_string_replace(converted, "\r\r\n", "\n", 0);
    g_string_replace(converted, "\r\n", "\n", 0);
    g_string_replace(converted, "\n", newline, 0);
    return converted;
}

/* Reads @message and compares it with @expected. Where other line ends were made, the defect that
 * says that they were mixed is gone. */
static void
check(const json_t *expected, DsnSpan message, bool converted)
{
    const char *file = json_string_value(json_object_get(expected, "file"));
    g_autoptr(json_t) want = json_deep_copy(expected);
    g_autoptr(DsnReport) report = dsn_test_parse(message);
    g_autoptr(json_t) got = summarise(file, report);

    if (converted && strcmp(json_string_value(json_object_get(want, "defects")), "line-ends") == 0)
        ck_assert_int_eq(json_object_set_new(want, "defects", json_string("")), 0);
    if (json_equal(got, want))
        return;
    g_autofree char *text = json_dumps(got, JSON_COMPACT);
    g_autofree char *other = json_dumps(want, JSON_COMPACT);
    ck_abort_msg("%s\n got %s\nwant %s", file, text, other);
}

/* Calls @use for each message of the folder. */
static void
for_each_message(void (*use)(const json_t *expected, DsnSpan message))
{
    size_t len = 0;
    g_autofree char *index = dsn_test_read(FOLDER "/expected.jsonl", &len);
    g_auto(GStrv) lines = g_strsplit(index, "\n", -1);
    g_autofree char *path = g_build_filename(g_getenv("DSNARF_DATA"), FOLDER, NULL);
    g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
    unsigned messages = 0;

    for (char **line = lines; **line != '\0'; line++, messages++) {
        g_autoptr(json_t) expected = json_loads(*line, 0, NULL);
        ck_assert_msg(expected != NULL, "not JSON: %s", *line);
        g_autofree char *name =
            g_strconcat(FOLDER "/", json_string_value(json_object_get(expected, "file")), NULL);
        g_autofree char *text = dsn_test_read(name, &len);
        use(expected, (DsnSpan){text, len});
    }
    ck_assert_ptr_nonnull(directory);
    unsigned files = 0;
    while (g_dir_read_name(directory) != NULL)
        files++;
    ck_assert_uint_eq(files, messages + 1); /* and the index */
}

static void
check_as_it_stands(const json_t *expected, DsnSpan message)
{
    check(expected, message, false);
}

static void
check_with_other_line_ends(const json_t *expected, DsnSpan message)
{
    g_autoptr(GString) crlf = convert(message, "\r\n");
    g_autoptr(GString) lf = convert(message, "\n");

    check(expected, (DsnSpan){crlf->str, crlf->len}, true);
    check(expected, (DsnSpan){lf->str, lf->len}, true);
}

/* Rules OOB-01, OOB-04, OOB-06 to OOB-09, OOB-15, OOB-16, OOB-19, OOB-23, OOB-25, ARF-09, ARF-13,
 * ARF-16, ARF-17, ARF-20, AUTHF-02, MDN-01, QRK-06, QRK-08 and QRK-11, in the words of those who
 * made them necessary. */
START_TEST(is_read_as_it_was_meant)
{
    for_each_message(check_as_it_stands);
}
END_TEST

/* Rule OOB-23. */
START_TEST(is_the_same_with_other_line_ends)
{
    for_each_message(check_with_other_line_ends);
}
END_TEST

static void
parse_damaged(DsnReportParser *parser, DsnReport *report, DsnSpan message, guint recipients)
{
    g_autofree char *copy = g_memdup2(message.data, message.len); /* its end is checked by ASan */
    g_autoptr(GString) line = g_string_new(NULL);

    dsn_report_parse(parser, (DsnSpan){copy, message.len}, report);
    ck_assert_msg(report->per_recipient->len <= recipients, "%u recipients, not %u: %.*s",
                  report->per_recipient->len, recipients, (int)message.len, copy);
    dsn_report_write(report, NULL, line);
    g_autoptr(json_t) json = json_loads(line->str, 0, NULL);
    ck_assert_ptr_nonnull(json);
}

/* Rule OOB-15: a message that was cut anywhere says no more than the whole one, but that it may
 * name somebody in the last line whose address goes on. */
static void
cut(const json_t *expected, DsnSpan message)
{
    guint recipients = (guint)json_array_size(json_object_get(expected, "per_recipient")) + 1;
    g_autoptr(DsnReport) report = dsn_report_new();
    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&DSN_LIMITS_DEFAULT);

    for (size_t at = 1; at <= message.len; at++) {
        if (at % CUT_EVERY == 0 || message.data[at - 1] == '\n')
            parse_damaged(parser, report, (DsnSpan){message.data, at}, recipients);
    }
}

START_TEST(may_be_cut_anywhere)
{
    for_each_message(cut);
}
END_TEST

/* Rules OOB-23 and OOB-26: each delimiter in turn is missing, another one, or there twice; what is
 * read is still JSON, and of a kind. */
static void
damage_delimiters(const json_t *expected, DsnSpan message)
{
    static const char *const instead[] = {"", "--other\n", "--\n", "----\n", "\n\n"};
    g_autoptr(DsnReport) report = dsn_report_new();
    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&DSN_LIMITS_DEFAULT);

    (void)expected;
    for (const char *at = message.data, *end = at + message.len; at < end;) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        const char *next = feed == NULL ? end : feed + 1;

        for (size_t i = 0; next - at > 2 && at[0] == '-' && at[1] == '-' && i <= 5; i++) {
            g_autoptr(GString) damaged = g_string_new_len(message.data, at - message.data);

            if (i < G_N_ELEMENTS(instead)) {
                g_string_append(damaged, instead[i]);
            } else {
                g_string_append_len(damaged, at, next - at);
                g_string_append_len(damaged, at, next - at);
            }
            g_string_append_len(damaged, next, end - next);
            parse_damaged(parser, report, (DsnSpan){damaged->str, damaged->len}, G_MAXUINT);
        }
        at = next;
    }
}

START_TEST(delimiters_may_be_damaged)
{
    for_each_message(damage_delimiters);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("world");
    TCase *tcase = tcase_create("messages");

    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, is_read_as_it_was_meant);
    tcase_add_test(tcase, is_the_same_with_other_line_ends);
    tcase_add_test(tcase, may_be_cut_anywhere);
    tcase_add_test(tcase, delimiters_may_be_damaged);
    suite_add_tcase(suite, tcase);
    return suite;
}
