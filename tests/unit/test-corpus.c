/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mail that others wrote, in $DSNARF_CORPUS: every message must be what expected.jsonl says, also
 * when its lines end in CRLF. Skipped where there is no corpus.
 */
#include "config.h"

#include "mime/report-parse.h"
#include "tests/support/unit.h"

#include <jansson.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_t, json_decref)

typedef struct Case {
    const char *file; /* and the line ends, for messages of the test */
    const json_t *expected;
    const DsnReport *report;
} Case;

/* @text with every line end written as @newline. */
static GString *
convert(const char *text, size_t len, const char *newline)
{
    GString *converted = g_string_sized_new(len + len / 16);

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n')
            g_string_append(converted, newline);
        else if (text[i] != '\r' || i + 1 == len || text[i + 1] != '\n')
            g_string_append_c(converted, text[i]);
    }
    return converted;
}

static void
assert_text(const Case *test, const char *what, DsnSpan span, const json_t *expected)
{
    g_autofree char *label = g_strdup_printf("%s: %s", test->file, what);

    if (json_is_string(expected))
        dsn_test_compare(__FILE__, __LINE__, span.data, span.len, json_string_value(expected),
                         json_string_length(expected), label);
    else
        ck_assert_msg(!dsn_span_present(span), "%s: present", label);
}

static void
assert_fields(const Case *test, const DsnFieldGroup *group, const json_t *expected)
{
    ck_assert_msg(group->count == json_array_size(expected), "%s: %u fields, not %zu", test->file,
                  group->count, json_array_size(expected));
    for (guint i = 0; i < group->count; i++) {
        const DsnField *field = &g_array_index(test->report->fields, DsnField, group->first + i);
        const json_t *pair = json_array_get(expected, i);

        assert_text(test, "field name", field->name, json_array_get(pair, 0));
        assert_text(test, json_string_value(json_array_get(pair, 0)), field->value,
                    json_array_get(pair, 1));
    }
}

/* @text without angle brackets and the like, if it is an address. */
static json_t *
normalised(const json_t *text)
{
    g_autoptr(GString) address = g_string_new(NULL);

    if (!json_is_string(text))
        return json_null();
    if (!dsn_address_normalise(dsn_span(json_string_value(text)), address))
        return json_string(json_string_value(text));
    return json_stringn(address->str, address->len);
}

/* @typed against the field that it was read from, white space apart, as that is where folds were.
 */
static void
assert_typed(const Case *test, const char *what, DsnTyped typed, const json_t *expected)
{
    g_autoptr(GString) got = g_string_new(NULL);
    g_autoptr(GString) want = g_string_new(NULL);

    if (!json_is_string(expected)) {
        ck_assert_msg(!dsn_span_present(typed.value), "%s: %s present", test->file, what);
        return;
    }
    if (dsn_span_present(typed.type)) {
        g_string_append_len(got, typed.type.data, (gssize)typed.type.len);
        g_string_append_c(got, ';');
    }
    g_string_append_len(got, typed.value.data, (gssize)typed.value.len);
    g_string_append(want, json_string_value(expected));
    for (size_t i = 0; i < 4; i++) {
        const char *const spaces[] = {" ", "\t", "\n", "\r"};
        g_string_replace(got, spaces[i], "", 0);
        g_string_replace(want, spaces[i], "", 0);
    }
    dsn_assert_span(((DsnSpan){got->str, got->len}), want->str, what);
}

static void
assert_date(const Case *test, const char *what, int64_t got, const json_t *expected)
{
    int64_t want = DSN_TIME_NONE;
    const char *detail;

    if (json_is_string(expected))
        (void)dsn_date_parse(dsn_span(json_string_value(expected)), &want, &detail);
    ck_assert_msg(got == want, "%s: %s", test->file, what);
}

static void
assert_action(const Case *test, const DsnPerRecipient *recipient, const json_t *expected)
{
    const char *text = json_is_string(expected) ? json_string_value(expected) : "";
    DsnAction want = DSN_ACTION_NONE;

    assert_text(test, "action", recipient->action_text, expected);
    for (int i = DSN_ACTION_FAILED; i <= DSN_ACTION_EXPANDED; i++) {
        if (g_ascii_strcasecmp(text, dsn_action_to_string((DsnAction)i)) == 0)
            want = (DsnAction)i;
    }
    ck_assert_msg(recipient->action == want, "%s: action %d for %s", test->file, recipient->action,
                  text);
}

static void
assert_status(const Case *test, DsnStatusCode status, const json_t *expected)
{
    char buffer[DSN_STATUS_CODE_MAX];

    if (status.class_ == 0)
        ck_assert_msg(json_is_null(expected), "%s: no status", test->file);
    else
        assert_text(test, "status", dsn_span(dsn_status_code_to_string(status, buffer)), expected);
}

static void
assert_recipient(const Case *test, guint i)
{
    const DsnPerRecipient *recipient =
        &g_array_index(test->report->per_recipient, DsnPerRecipient, i);
    const json_t *expected = test->expected;
    g_autoptr(json_t) final =
        normalised(json_array_get(json_object_get(expected, "recipients"), i));
    g_autoptr(json_t) original =
        normalised(json_array_get(json_object_get(expected, "original_recipients"), i));

    assert_text(test, "final recipient", recipient->final_recipient.value, final);
    assert_text(test, "address type", recipient->final_recipient.type,
                json_array_get(json_object_get(expected, "recipient_types"), i));
    assert_text(test, "original recipient", recipient->original_recipient.value, original);
    assert_action(test, recipient, json_array_get(json_object_get(expected, "action"), i));
    assert_status(test, recipient->status, json_array_get(json_object_get(expected, "status"), i));
    assert_typed(test, "remote MTA", recipient->remote_mta,
                 json_array_get(json_object_get(expected, "remote_mta"), i));
    assert_typed(test, "diagnostic code", recipient->diagnostic_code,
                 json_array_get(json_object_get(expected, "diagnostic_code"), i));
    assert_date(test, "last attempt date", recipient->last_attempt_date,
                json_array_get(json_object_get(expected, "last_attempt_date"), i));
    assert_date(test, "will retry until", recipient->will_retry_until,
                json_array_get(json_object_get(expected, "will_retry_until"), i));
}

static void
assert_delivery_status(const Case *test)
{
    const DsnPerMessage *message = &test->report->per_message;
    const json_t *expected = test->expected;
    const json_t *groups = json_object_get(expected, "groups");

    if (strcmp(json_string_value(json_object_get(expected, "verified")), "none") == 0)
        return;
    ck_assert_msg(test->report->groups->len == json_array_size(groups), "%s: %u groups", test->file,
                  test->report->groups->len);
    for (guint i = 0; i < test->report->groups->len; i++)
        assert_fields(test, &g_array_index(test->report->groups, DsnFieldGroup, i),
                      json_array_get(groups, i));

    assert_typed(test, "reporting MTA", message->reporting_mta,
                 json_object_get(expected, "reporting_mta"));
    assert_typed(test, "received-from MTA", message->received_from_mta,
                 json_object_get(expected, "received_from_mta"));
    assert_text(test, "original envelope id", message->original_envelope_id,
                json_object_get(expected, "original_envelope_id"));
    assert_date(test, "arrival date", message->arrival_date,
                json_object_get(expected, "arrival_date"));
    ck_assert_msg(test->report->per_recipient->len ==
                      json_array_size(json_object_get(expected, "recipients")),
                  "%s: %u recipients", test->file, test->report->per_recipient->len);
    for (guint i = 0; i < test->report->per_recipient->len; i++)
        assert_recipient(test, i);
}

static void
assert_list(const Case *test, const char *what, const GArray *got, bool addresses)
{
    const json_t *expected = json_object_get(test->expected, what);

    ck_assert_msg(got->len == json_array_size(expected), "%s: %u of %s", test->file, got->len,
                  what);
    for (guint i = 0; i < got->len; i++) {
        json_t *text = json_array_get(expected, i);
        g_autoptr(json_t) want = addresses ? normalised(text) : json_incref(text);

        assert_text(test, what, g_array_index(got, DsnSpan, i), want);
    }
}

static void
assert_feedback(const Case *test)
{
    const DsnFeedback *feedback = &test->report->feedback;
    const json_t *expected = test->expected;
    const json_t *date = json_object_get(expected, "arrival_date");
    g_autoptr(json_t) mail_from = normalised(json_object_get(expected, "original_mail_from"));

    ck_assert_msg(test->report->groups->len == 1, "%s: %u groups", test->file,
                  test->report->groups->len);
    assert_fields(test, &g_array_index(test->report->groups, DsnFieldGroup, 0),
                  json_object_get(expected, "fields"));
    assert_text(test, "feedback type", feedback->feedback_type,
                json_object_get(expected, "feedback_type"));
    assert_text(test, "user agent", feedback->user_agent, json_object_get(expected, "user_agent"));
    assert_text(test, "version", feedback->version, json_object_get(expected, "version"));
    assert_text(test, "source IP", feedback->source_ip, json_object_get(expected, "source_ip"));
    assert_text(test, "envelope id", feedback->original_envelope_id,
                json_object_get(expected, "original_envelope_id"));
    assert_text(test, "mail from", feedback->original_mail_from, mail_from);
    assert_date(test, "arrival date", feedback->arrival_date,
                date == NULL ? json_object_get(expected, "received_date") : date);
    assert_list(test, "original_rcpt_to", feedback->original_rcpt_to, true);
    assert_list(test, "reported_domain", feedback->reported_domain, false);
    assert_list(test, "reported_uri", feedback->reported_uri, false);
    assert_list(test, "authentication_results", feedback->authentication_results, false);
    ck_assert_msg(test->report->returned.kind != DSN_RETURNED_NOTHING, "%s: nothing returned",
                  test->file);
}

static void
assert_expected(const Case *test)
{
    const char *kind = json_string_value(json_object_get(test->expected, "kind"));
    const json_t *category = json_object_get(test->expected, "category");
    DsnReportKind want = DSN_REPORT_NONE;

    if (strcmp(kind, "arf") == 0)
        want = DSN_REPORT_FEEDBACK;
    else if (strcmp(kind, "dsn") == 0)
        want = DSN_REPORT_DELIVERY_STATUS;
    else if (strcmp(json_string_value(category), "mdn") == 0)
        want = DSN_REPORT_DISPOSITION_NOTIFICATION;
    else if (strcmp(json_string_value(category), "nonstandard-bounce") == 0 ||
             strcmp(json_string_value(category), "claims-dsn-no-part") == 0 ||
             strcmp(json_string_value(category), "headers-lost") == 0)
        want = DSN_REPORT_HEURISTIC_BOUNCE;
    ck_assert_msg(test->report->kind == want, "%s: %s", test->file,
                  dsn_report_kind_to_string(test->report->kind));
    if (want == DSN_REPORT_FEEDBACK)
        assert_feedback(test);
    else if (want == DSN_REPORT_DELIVERY_STATUS)
        assert_delivery_status(test);
}

/* Calls @check for each message of the corpus; lines end in @newline, or as they are if NULL. */
static void
for_each_message(const char *newline, void (*check)(const Case *test))
{
    const char *corpus = dsn_test_corpus();
    g_autofree char *index = NULL;
    g_autoptr(DsnReport) report = dsn_report_new();
    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&DSN_LIMITS_DEFAULT);

    if (corpus == NULL)
        return;
    g_autofree char *path = g_build_filename(corpus, "expected.jsonl", NULL);
    ck_assert_msg(g_file_get_contents(path, &index, NULL, NULL), "%s", path);

    g_auto(GStrv) lines = g_strsplit(index, "\n", -1);
    unsigned count = 0;
    for (size_t i = 0; lines[i] != NULL && lines[i][0] != '\0'; i++, count++) {
        g_autoptr(json_t) expected = json_loads(lines[i], 0, NULL);
        const char *file = json_string_value(json_object_get(expected, "file"));
        g_autofree char *full = g_build_filename(corpus, file, NULL);
        g_autofree char *text = NULL;
        gsize len = 0;

        ck_assert_msg(g_file_get_contents(full, &text, &len, NULL), "%s", full);
        g_autoptr(GString) bytes =
            newline == NULL ? g_string_new_len(text, (gssize)len) : convert(text, len, newline);
        dsn_report_parse(parser, (DsnSpan){bytes->str, bytes->len}, report);
        check(&(Case){file, expected, report});
    }
    ck_assert_uint_eq(count, 181);
}

START_TEST(as_it_came)
{
    for_each_message(NULL, assert_expected);
}
END_TEST

START_TEST(with_crlf)
{
    for_each_message("\r\n", assert_expected);
}
END_TEST

START_TEST(with_lf)
{
    for_each_message("\n", assert_expected);
}
END_TEST

/* What a Macintosh of old saves. */
START_TEST(with_bare_cr)
{
    for_each_message("\r", assert_expected);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("corpus");
    TCase *tcase = tcase_create("messages");

    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, as_it_came);
    tcase_add_test(tcase, with_crlf);
    tcase_add_test(tcase, with_lf);
    tcase_add_test(tcase, with_bare_cr);
    suite_add_tcase(suite, tcase);
    return suite;
}
