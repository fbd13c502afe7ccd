/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/trace.h"
#include "tests/support/unit.h"

static const struct {
    const char *label, *header;
    bool want;
} candidates[] = {
    {"KumoMTA's", "X-KumoRef: eyJfQF8iOiJcXF8vIn0=\n", true},
    {"another name, lower case", "x-trace: eyJfQF8iOiJcXF8vIn0=\n", true},
    {"folded right after the colon", "X-KumoRef:\r\n\teyJfQF8iOiJcXF8vIn0=\r\n", true},
    {"a line feed after the brace", "X-KumoRef: ewogIl9A\n", true},
    {"name without X-", "Trace: eyJfQF8iOiJcXF8vIn0=\n", false},
    {"nothing but X-", "X-: eyJfQF8iOiJcXF8vIn0=\n", false},
    {"no object", "X-Spam: yes\n", false},
    {"an array", "X-KumoRef: W10=\n", false},
    {"too short", "X-KumoRef: ey\n", false},
    {"empty", "X-KumoRef:\n", false},
};

START_TEST(candidate_or_not)
{
    DsnSpan block = dsn_span(candidates[_i].header);
    DsnHeaderField field;

    ck_assert(dsn_header_next(&block, &field));
    ck_assert_msg(dsn_trace_is_candidate(&field) == candidates[_i].want, "%s",
                  candidates[_i].label);
}
END_TEST

static const struct {
    const char *label, *value, *want; /* want NULL: it is no trace */
} values[] = {
    {"one line", "eyJfQF8iOiJcXF8vIn0=", "{\"_@_\":\"\\\\_/\"}"},
    {"folded", "eyJfQF8i\r\n\tOiJcXF8v\n In0=", "{\"_@_\":\"\\\\_/\"}"},
    {"padding missing", "eyJfQF8iOiJcXF8vIn0", "{\"_@_\":\"\\\\_/\"}"},
    {"empty object", "e30=", "{}"},
    {"a digit too many", "eyJfQF8iOiJcXF8vIn0=A", NULL},
    {"a digit alone in the last group", "eyJfQ", NULL},
    {"three pads", "e30===", NULL},
    {"not base64", "e30=.e30=", NULL},
    {"no object", "W10=", NULL},
    {"no end of an object", "eyJfQF8i", NULL},
    {"empty", "", NULL},
};

START_TEST(decodes_or_not)
{
    g_autoptr(GString) json = g_string_new("before");
    bool decoded = dsn_trace_decode(dsn_span(values[_i].value), json);

    ck_assert_msg(decoded == (values[_i].want != NULL), "%s", values[_i].label);
    g_autofree char *want =
        g_strconcat("before", values[_i].want == NULL ? "" : values[_i].want, NULL);
    dsn_assert_span(((DsnSpan){json->str, json->len}), want, values[_i].label);
}
END_TEST

/* As KumoMTA folds: rule QRK-03. */
static const struct {
    size_t len; /* of the JSON */
    const char *lengths;
} folds[] = {{0, "0"}, {56, "75 1"}, {54, "72"}, {57, "75 1"}, {112, "75 75 2"}, {113, "75 75 2"}};

START_TEST(folds_as_KumoMTA_does)
{
    g_autofree char *json = g_strnfill(folds[_i].len, '{');
    g_autoptr(GString) value = g_string_new(NULL), lengths = g_string_new(NULL);

    dsn_trace_encode(dsn_span(json), value);
    g_auto(GStrv) lines = g_strsplit(value->str, "\r\n\t", -1);
    for (char **line = lines; *line != NULL; line++)
        g_string_append_printf(lengths, "%s%zu", line == lines ? "" : " ", strlen(*line));
    ck_assert_str_eq(lengths->len == 0 ? "0" : lengths->str, folds[_i].lengths);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("trace");
    TCase *tcase = tcase_create("header");

    tcase_add_loop_test(tcase, candidate_or_not, 0, G_N_ELEMENTS(candidates));
    tcase_add_loop_test(tcase, decodes_or_not, 0, G_N_ELEMENTS(values));
    tcase_add_loop_test(tcase, folds_as_KumoMTA_does, 0, G_N_ELEMENTS(folds));
    suite_add_tcase(suite, tcase);
    return suite;
}
