/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/field.h"
#include "tests/support/report.h"
#include "tests/support/unit.h"

/* The fields of @report as "name=value|name=value/name=value": '/' between groups. */
static char *
describe(const DsnReport *report)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < report->groups->len; i++) {
        const DsnFieldGroup *group = &g_array_index(report->groups, DsnFieldGroup, i);

        g_string_append(text, i == 0 ? "" : "/");
        for (guint j = group->first; j < group->first + group->count; j++) {
            const DsnField *field = &g_array_index(report->fields, DsnField, j);

            g_string_append_printf(text, "%s%.*s=%.*s", j == group->first ? "" : "|",
                                   (int)field->name.len, field->name.data, (int)field->value.len,
                                   field->value.data);
        }
    }
    return g_string_free(text, FALSE);
}

/* Calls one of the readers under test on @text and checks what came out. */
static void
assert_read(const char *label, const char *text, const DsnLimits *limits, bool joined,
            const char *want, const char *want_defects)
{
    g_autoptr(DsnReport) report = dsn_report_new();
    g_autoptr(GArray) raw = g_array_new(FALSE, FALSE, sizeof(DsnSpan));
    g_autoptr(GString) scratch = g_string_new(NULL);
    DsnFieldReader reader = {report, limits, raw, scratch};

    dsn_field_read_groups(&reader, dsn_span(text), joined);
    g_autofree char *got = describe(report);
    g_autofree char *defects = dsn_test_defects(report);
    dsn_assert_span(dsn_span(got), want, label);
    dsn_assert_span(dsn_span(defects), want_defects, label);
    ck_assert_uint_eq(raw->len, report->fields->len);
}

static const struct {
    const char *label, *text, *want, *defects;
} groups[] = {
    {"one group", "A: 1\nB: 2\n", "A=1|B=2", ""},
    {"two groups, CRLF", "A: 1\r\n\r\nB: 2\r\n", "A=1/B=2", ""},
    {"no line end at the end", "A: 1\n\nB: 2", "A=1/B=2", ""},
    {"blank lines at both ends", "\n\r\n \nA: 1\n\n\n", "A=1", ""},
    {"several blank lines", "A: 1\n\n\nB: 2\n", "A=1/B=2", "empty-group:B"},
    {"a line of white space", "A: 1\n \t\r\nB: 2\n", "A=1/B=2", ""},
    {"white space at the end", "A: 1\n  ", "A=1", ""},
    {"folds keep inner spaces", "A: 1\n   2\r\n\t3\nB: 4\n", "A=1   2\t3|B=4", ""},
    {"a fold in the first line", "A:\n 1\n", "A=1", ""},
    {"a fold, then a blank line", "A: 1\n 2\n \n 3\nB: 4\n", "A=1 2/B=4", "bad-field"},
    {"a fold of nothing", "A: 1\n\n 2\nB: 3\n", "A=1/B=3", "bad-field"},
    {"no field between two blank lines", "A: 1\n\nno field\n\nB: 2\n", "A=1/B=2", "bad-field"},
    {"a byte order mark",
     "\xef\xbb\xbf"
     "A: 1\nB: 2\n",
     "A=1|B=2", ""},
    {"CR CR LF", "A: 1\r\r\n\r\r\nB: 2\r\r\n", "A=1/B=2", ""},
    {"tabs and space around the colon", "A\t:\t1 \nB :2\n", "A=1|B=2", ""},
    {"empty value", "A:\nB: \n", "A=|B=", ""},
    {"a line that is no field", "A: 1\nno field\nB: 2\n", "A=1|B=2", "bad-field"},
    {"no name", ": 1\nA: 2\n", "A=2", "bad-field"},
    {"8-bit value", "A: \xc3\xa9\n", "A=\xc3\xa9", ""},
    {"nothing", "", "", ""},
};

START_TEST(reads_groups)
{
    assert_read(groups[_i].label, groups[_i].text, &DSN_LIMITS_DEFAULT, false, groups[_i].want,
                groups[_i].defects);
}
END_TEST

START_TEST(joins_groups)
{
    assert_read("joined", "A: 1\n\nB: 2\n \n\nC: 3\n", &DSN_LIMITS_DEFAULT, true, "A=1|B=2|C=3",
                "empty-group:B empty-group:C");
}
END_TEST

START_TEST(keeps_the_limits)
{
    DsnLimits limits = {.groups = 2, .fields = 3, .field = 4, .defects = 10};

    assert_read("groups", "A: 1\n\nB: 2\n\nC: 3\n\nD: 4\n", &limits, false, "A=1/B=2",
                "limit:C(groups)");
    assert_read("fields", "A: 1\nB: 2\nC: 3\nD: 4\nE: 5\n", &limits, false, "A=1|B=2|C=3",
                "limit:D(fields)");
    assert_read("field", "A: 12345\nB: 1234\nC: 12\n 45\n", &limits, false, "A=1234|B=1234|C=12",
                "limit:A(field)");
    limits.defects = 1;
    assert_read("defects", "x\nA: 1\ny\n", &limits, false, "A=1", "bad-field");
}
END_TEST

static const struct {
    const char *label, *text, *want;
} comments[] = {
    {"none", " abuse ", "abuse"},
    {"behind", "abuse (by hand) x", "abuse"},
    {"before", "(by (a) hand) abuse", "abuse"},
    {"not closed", "(abuse", "(abuse"},
    {"nothing else", "(abuse)", ""},
    {"closed too often", "a) b", "a) b"},
};

START_TEST(strips_comments)
{
    dsn_assert_span(dsn_field_strip_comments(dsn_span(comments[_i].text)), comments[_i].want,
                    comments[_i].label);
}
END_TEST

static const struct {
    const char *label, *text, *type, *value;
} typed[] = {
    {"plain", "dns; mx.example", "dns", "mx.example"},
    {"no space", "smtp;550 no", "smtp", "550 no"},
    {"two semicolons", "smtp; 550 no; sorry", "smtp", "550 no; sorry"},
    {"own type", "x-Unix ;75", "x-Unix", "75"},
    {"no type", "mx.example", NULL, "mx.example"},
    {"no type but a semicolon", "550 no; sorry", NULL, "550 no; sorry"},
    {"empty type", "; mx.example", NULL, "mx.example"},
    {"empty value", "dns;", "dns", ""},
    {"empty", "", NULL, ""},
};

START_TEST(splits_types)
{
    DsnTyped got = dsn_field_split_typed(dsn_span(typed[_i].text));

    if (typed[_i].type == NULL)
        ck_assert_msg(!dsn_span_present(got.type), "%s", typed[_i].label);
    else
        dsn_assert_span(got.type, typed[_i].type, typed[_i].label);
    dsn_assert_span(got.value, typed[_i].value, typed[_i].label);
}
END_TEST

static const struct {
    const char *label, *text, *want; /* want NULL: it is left alone */
} xtexts[] = {
    {"a plus", "maria+2Bnews@isp.example", "maria+news@isp.example"},
    {"an equals sign", "a+3Db@isp.example", "a=b@isp.example"},
    {"nothing encoded", "maria@isp.example", NULL},
    {"a plus of its own", "maria+news@isp.example", NULL},
    {"one of each", "maria+news+2Bx@isp.example", NULL},
    {"a detail that looks like an escape", "maria+20240101@isp.example", NULL},
    {"an equals sign of its own", "a=b+2Bc@isp.example", NULL},
    {"cut", "maria+2", NULL},
};

START_TEST(undoes_xtext_only_when_sure)
{
    g_autoptr(DsnReport) report = dsn_report_new();
    g_autoptr(GString) scratch = g_string_new(NULL);
    DsnFieldReader reader = {report, &DSN_LIMITS_DEFAULT, NULL, scratch};
    DsnSpan got = DSN_SPAN_ABSENT;
    bool undone = dsn_field_undo_xtext(&reader, dsn_span(xtexts[_i].text), &got);

    ck_assert_msg(undone == (xtexts[_i].want != NULL), "%s", xtexts[_i].label);
    if (undone)
        dsn_assert_span(got, xtexts[_i].want, xtexts[_i].label);
}
END_TEST

START_TEST(blank_lines_before_folds_take_linear_time)
{
    g_autoptr(DsnReport) report = dsn_report_new();
    g_autoptr(GArray) raw = g_array_new(FALSE, FALSE, sizeof(DsnSpan));
    g_autoptr(GString) scratch = g_string_new(NULL);
    g_autoptr(GString) text = g_string_new("A: 1\n");
    DsnFieldReader reader = {report, &DSN_LIMITS_DEFAULT, raw, scratch};

    for (int i = 0; i < 500000; i++)
        g_string_append(text, " \n x\n");
    dsn_field_read_groups(&reader, (DsnSpan){text->str, text->len}, false);
    /* Quadratic, this would take longer than a test may. */
    ck_assert_uint_eq(report->fields->len, 1);
    ck_assert_uint_eq(report->defects->len + report->defects_unseen, 500000);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("field");
    TCase *tcase = tcase_create("groups and values");

    tcase_add_loop_test(tcase, reads_groups, 0, G_N_ELEMENTS(groups));
    tcase_add_test(tcase, joins_groups);
    tcase_add_test(tcase, keeps_the_limits);
    tcase_add_test(tcase, blank_lines_before_folds_take_linear_time);
    tcase_add_loop_test(tcase, strips_comments, 0, G_N_ELEMENTS(comments));
    tcase_add_loop_test(tcase, splits_types, 0, G_N_ELEMENTS(typed));
    tcase_add_loop_test(tcase, undoes_xtext_only_when_sure, 0, G_N_ELEMENTS(xtexts));
    suite_add_tcase(suite, tcase);
    return suite;
}
