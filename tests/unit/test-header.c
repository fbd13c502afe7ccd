/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/header.h"
#include "tests/support/unit.h"

/* Fields as "name=value|", a line that is no field as "-=value|". */
static const struct {
    const char *label;
    DsnSpan block;
    const char *want;
} walks[] = {
    {"empty block", DSN_SPAN_LITERAL(""), ""},
    {"one field", DSN_SPAN_LITERAL("A: b\n"), "A= b|"},
    {"CRLF", DSN_SPAN_LITERAL("A: b\r\nC: d\r\n"), "A= b|C= d|"},
    {"no line end at the end", DSN_SPAN_LITERAL("A: b\nC: d"), "A= b|C= d|"},
    {"lone CR at the end is kept", DSN_SPAN_LITERAL("A: b\r"), "A= b\r|"},
    {"no space after the colon", DSN_SPAN_LITERAL("A:b\n"), "A=b|"},
    {"tab after the colon", DSN_SPAN_LITERAL("A:\tb\n"), "A=\tb|"},
    {"empty value", DSN_SPAN_LITERAL("A:\n"), "A=|"},
    {"OOB-21 space before the colon", DSN_SPAN_LITERAL("Subject : x\n"), "Subject= x|"},
    {"OOB-21 tab before the colon", DSN_SPAN_LITERAL("Subject \t: x\n"), "Subject= x|"},
    {"fold", DSN_SPAN_LITERAL("A: b\n c\n\td\nE: f\n"), "A= b\n c\n\td|E= f|"},
    {"fold of white space only", DSN_SPAN_LITERAL("A: b\r\n  \r\n c\r\nD: e\r\n"),
     "A= b\r\n  \r\n c|D= e|"},
    {"value is all fold", DSN_SPAN_LITERAL("A:\n b\n"), "A=\n b|"},
    {"colon in the value", DSN_SPAN_LITERAL("A: b: c\n"), "A= b: c|"},
    {"colon in a fold only", DSN_SPAN_LITERAL("junk\n b: c\n"), "-=junk\n b: c|"},
    {"no colon", DSN_SPAN_LITERAL("junk\nA: b\n"), "-=junk|A= b|"},
    {"no name", DSN_SPAN_LITERAL(": b\n"), "-=: b|"},
    {"space in the name", DSN_SPAN_LITERAL("From a 12:30\nA: b\n"), "-=From a 12:30|A= b|"},
    {"8-bit name", DSN_SPAN_LITERAL("\303\204: b\n"), "-=\303\204: b|"},
    {"first line is a fold", DSN_SPAN_LITERAL(" x: y\nA: b\n"), "-= x: y|A= b|"},
    {"empty line", DSN_SPAN_LITERAL("A: b\n\nC: d\n"), "A= b|-=|C= d|"},
    {"nothing continues an empty line", DSN_SPAN_LITERAL("\r\n c\nD: e\n"), "-=|-= c|D= e|"},
    {"lone CR ends nothing", DSN_SPAN_LITERAL("A: b\rC: d\n"), "A= b\rC: d|"},
};

START_TEST(walks_a_block)
{
    DsnSpan block = walks[_i].block;
    const char *at = block.data;
    g_autoptr(GString) got = g_string_new(NULL);
    DsnHeaderField field;

    while (dsn_header_next(&block, &field)) {
        ck_assert_msg(field.whole.data == at, "%s: gap before a field", walks[_i].label);
        at += field.whole.len;
        if (dsn_span_present(field.name))
            g_string_append_len(got, field.name.data, (gssize)field.name.len);
        else
            g_string_append_c(got, '-');
        g_string_append_c(got, '=');
        g_string_append_len(got, field.value.data, (gssize)field.value.len);
        g_string_append_c(got, '|');
    }
    ck_assert_msg(at == walks[_i].block.data + walks[_i].block.len, "%s: bytes left over",
                  walks[_i].label);
    ck_assert_msg(strcmp(got->str, walks[_i].want) == 0, "%s: %s", walks[_i].label, got->str);
}
END_TEST

START_TEST(keeps_nul)
{
    DsnSpan block = DSN_SPAN_LITERAL("A: b\0c\r\n d\0\r\nE: f\r\n");
    DsnHeaderField field;
    g_autoptr(GStringChunk) strings = g_string_chunk_new(64);

    ck_assert(dsn_header_next(&block, &field));
    dsn_assert_bytes(field.value.data, field.value.len, " b\0c\r\n d\0", 9);
    DsnSpan unfolded = dsn_header_unfold(field.value, strings);
    dsn_assert_bytes(unfolded.data, unfolded.len, "b\0c d\0", 6);
    ck_assert(dsn_header_next(&block, &field));
    dsn_assert_span(field.name, "E", "the field after NUL");
}
END_TEST

START_TEST(finds_the_first)
{
    DsnSpan block = DSN_SPAN_LITERAL("To: a\nSUBJECT : one\nSubject: two\nEmpty:\n");

    dsn_assert_span(dsn_header_find(block, "subject"), " one", "any case, the first");
    dsn_assert_span(dsn_header_find(block, "Empty"), "", "present and empty");
    ck_assert(dsn_span_present(dsn_header_find(block, "Empty")));
    ck_assert(!dsn_span_present(dsn_header_find(block, "Subj")));
    ck_assert(!dsn_span_present(dsn_header_find(DSN_SPAN_ABSENT, "To")));
}
END_TEST

static const struct {
    const char *label, *value, *want;
    bool copied;
} unfolds[] = {
    {"nothing to do", "abc", "abc", false},
    {"trimmed in place", " \t abc \r\n", "abc", false},
    {"OOB-04 the white space stays", "one\r\n  two\n\tthree", "one  two\tthree", true},
    {"break behind a space", "one \n two", "one  two", true},
    {"fold of white space only", "one\n \n two", "one  two", true},
    {"break before the first word", "\r\n one", "one", false},
    {"lone CR stays", "one\r two\n three", "one\r two three", true},
    {"CR CR LF", "one\r\r\n two", "one\r two", true},
    {"white space only", " \r\n \t", "", false},
};

START_TEST(unfolds_a_value)
{
    g_autoptr(GStringChunk) strings = g_string_chunk_new(64);
    DsnSpan value = dsn_span(unfolds[_i].value);
    DsnSpan got = dsn_header_unfold(value, strings);

    dsn_assert_span(got, unfolds[_i].want, unfolds[_i].label);
    bool inside = got.data >= value.data && got.data <= value.data + value.len;
    ck_assert_msg(inside != unfolds[_i].copied, "%s: copied or not", unfolds[_i].label);
}
END_TEST

static const struct {
    const char *label, *text, *want_header, *want_body;
} splits[] = {
    {"LF", "A: b\n\nbody\n", "A: b\n", "body\n"},
    {"CRLF", "A: b\r\n\r\nbody\r\n", "A: b\r\n", "body\r\n"},
    {"mixed", "A: b\r\n\nbody", "A: b\r\n", "body"},
    {"no header", "\nbody", "", "body"},
    {"no body", "A: b\n\n", "A: b\n", ""},
    {"no empty line", "A: b\nC: d", "A: b\nC: d", ""},
    {"white space is no empty line", "A: b\n \nC: d\n\ne", "A: b\n \nC: d\n", "e"},
    {"nothing", "", "", ""},
    {"the first empty line counts", "A: b\n\n\nC", "A: b\n", "\nC"},
    {"lone CR is no line end", "A: b\r\rC", "A: b\r\rC", ""},
};

START_TEST(splits_at_the_empty_line)
{
    DsnSpan body;
    DsnSpan header = dsn_header_split(dsn_span(splits[_i].text), &body);

    dsn_assert_span(header, splits[_i].want_header, splits[_i].label);
    dsn_assert_span(body, splits[_i].want_body, splits[_i].label);
    ck_assert_msg(dsn_span_present(body), "%s: body is absent", splits[_i].label);
}
END_TEST

START_TEST(folds_without_end)
{
    g_autoptr(GString) block = g_string_new("A: b\n");
    g_autoptr(GStringChunk) strings = g_string_chunk_new(64);
    enum { FOLDS = 1000000 };

    for (int i = 0; i < FOLDS; i++)
        g_string_append(block, " c\n");

    DsnSpan rest = {block->str, block->len};
    DsnHeaderField field;
    ck_assert(dsn_header_next(&rest, &field));
    ck_assert_uint_eq(rest.len, 0);
    ck_assert_uint_eq(dsn_header_unfold(field.value, strings).len, 1 + 2 * FOLDS);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("header");
    TCase *tcase = tcase_create("fields");

    tcase_add_loop_test(tcase, walks_a_block, 0, G_N_ELEMENTS(walks));
    tcase_add_test(tcase, keeps_nul);
    tcase_add_test(tcase, finds_the_first);
    tcase_add_loop_test(tcase, unfolds_a_value, 0, G_N_ELEMENTS(unfolds));
    tcase_add_loop_test(tcase, splits_at_the_empty_line, 0, G_N_ELEMENTS(splits));
    tcase_add_test(tcase, folds_without_end);
    suite_add_tcase(suite, tcase);
    return suite;
}
