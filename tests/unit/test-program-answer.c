/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/program-answer.h"
#include "tests/support/unit.h"

/* "kind line|kind line" of what was said in pieces of @piece. */
static char *
read_all(DsnSpan bytes, size_t piece)
{
    static const char *const kinds[] = {"ok", "later", "never", "none"};
    GString *text = g_string_new(NULL);
    DsnAnswerReader reader;
    DsnAnswer answer;

    dsn_answer_reader_init(&reader);
    for (size_t at = 0; at < bytes.len; at += piece) {
        dsn_answer_reader_feed(&reader, (DsnSpan){bytes.data + at, MIN(piece, bytes.len - at)});
        while (dsn_answer_reader_next(&reader, &answer)) {
            g_autofree char *line = dsn_span_dup(answer.line);
            g_string_append_printf(text, "%s%s %s", text->len == 0 ? "" : "|", kinds[answer.kind],
                                   line);
        }
    }
    dsn_answer_reader_clear(&reader);
    return g_string_free(text, FALSE);
}

static const struct {
    const char *label, *bytes, *want;
} rows[] = {
    {"OK", "OK\n", "ok OK"},
    {"with a text", "OK queued as 12\n", "ok OK queued as 12"},
    {"in other letters", "ok\nOk yes\n", "ok ok|ok Ok yes"},
    {"CR LF", "OK\r\n", "ok OK"},
    {"later", "450\n451 4.3.0 wait\n499 x\n", "later 450|later 451 4.3.0 wait|later 499 x"},
    {"never", "550\n554 5.6.0 no\n599 \n", "never 550|never 554 5.6.0 no|never 599 "},
    {"several", "OK\n450 a\n550 b\n", "ok OK|later 450 a|never 550 b"},
    {"half a line", "OK\nO", "ok OK"},
    {"a code alone with more", "4500\n450-x\n450x\n", "none 4500|none 450-x|none 450x"},
    {"other codes", "250 OK\n350 a\n650 a\n", "none 250 OK|none 350 a|none 650 a"},
    {"no code", "45\n4x0 a\n4 50\n", "none 45|none 4x0 a|none 4 50"},
    {"other words", "OKAY\nO K\nyes\n", "none OKAY|none O K|none yes"},
    {"nothing", "\n\r\n", "none |none "},
    {"a space first", " OK\n", "none  OK"},
};

START_TEST(answers_are_understood)
{
    DsnSpan bytes = dsn_span(rows[_i].bytes);

    for (size_t piece = 1; piece <= bytes.len; piece++) {
        g_autofree char *got = read_all(bytes, piece);
        ck_assert_msg(g_str_equal(got, rows[_i].want), "%s, %zu: %s", rows[_i].label, piece, got);
    }
}
END_TEST

START_TEST(lines_have_an_end)
{
    const size_t lengths[] = {DSN_ANSWER_MAX, DSN_ANSWER_MAX + 1, 20 * DSN_ANSWER_MAX};
    g_autofree char *text = g_strnfill(lengths[_i], 'x');
    g_autoptr(GString) bytes = g_string_new("OK ");
    DsnAnswerReader reader;
    DsnAnswer answer;

    g_string_append_len(bytes, text, (gssize)lengths[_i] - 3);
    dsn_answer_reader_init(&reader);
    dsn_answer_reader_feed(&reader, (DsnSpan){bytes->str, bytes->len});
    bool fits = lengths[_i] <= DSN_ANSWER_MAX;
    ck_assert_int_eq(dsn_answer_reader_next(&reader, &answer), !fits);
    if (fits) {
        dsn_answer_reader_feed(&reader, DSN_SPAN_LITERAL("\n"));
        ck_assert(dsn_answer_reader_next(&reader, &answer));
    }
    ck_assert_int_eq(answer.kind, fits ? DSN_ANSWER_OK : DSN_ANSWER_NONE);
    ck_assert_uint_eq(answer.line.len, DSN_ANSWER_MAX);
    ck_assert(!dsn_answer_reader_next(&reader, &answer));
    dsn_answer_reader_feed(&reader, DSN_SPAN_LITERAL("OK"));
    dsn_answer_reader_reset(&reader);
    dsn_answer_reader_feed(&reader, DSN_SPAN_LITERAL("450\n"));
    ck_assert(dsn_answer_reader_next(&reader, &answer));
    dsn_assert_span(answer.line, "450", "after a reset");
    dsn_answer_reader_clear(&reader);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("program-answer");
    TCase *tcase = tcase_create("answers");

    tcase_add_loop_test(tcase, answers_are_understood, 0, G_N_ELEMENTS(rows));
    tcase_add_loop_test(tcase, lines_have_an_end, 0, 3);
    suite_add_tcase(suite, tcase);
    return suite;
}
