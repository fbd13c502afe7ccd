/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/reply-reader.h"
#include "tests/support/unit.h"

/* Reads @bytes in pieces of @piece, and says how far the first reply went. */
static DsnReplyState
read_reply(DsnReplyReader *reader, DsnSpan bytes, size_t piece, size_t *ret_used)
{
    DsnReplyState state = DSN_REPLY_MORE;

    *ret_used = 0;
    while (state == DSN_REPLY_MORE && *ret_used < bytes.len) {
        size_t used;

        state = dsn_reply_reader_feed(
            reader, (DsnSpan){bytes.data + *ret_used, MIN(piece, bytes.len - *ret_used)}, &used);
        *ret_used += used;
    }
    return state;
}

static const struct {
    const char *label;
    DsnSpan bytes;
    DsnReplyState state;
    unsigned code;
    const char *text; /* NULL: any */
    size_t used;      /* 0: all */
} rows[] = {
#define ROW(label, bytes, ...)                      \
    {                                               \
        label, DSN_SPAN_LITERAL(bytes), __VA_ARGS__ \
    }
    ROW("one line", "250 2.0.0 Ok\r\n", DSN_REPLY_DONE, 250, "250 2.0.0 Ok", 0),
    ROW("several", "550-5.1.1 a\r\n550-b\r\n550 c\r\n", DSN_REPLY_DONE, 550, "550 5.1.1 a b c", 0),
    ROW("the next one is left", "250 a\r\n421 b\r\n", DSN_REPLY_DONE, 250, "250 a", 7),
    ROW("code alone", "250\r\n", DSN_REPLY_DONE, 250, "250", 0),
    ROW("code and space", "250 \r\n", DSN_REPLY_DONE, 250, "250", 0),
    ROW("code and hyphen", "250-\r\n250 x\r\n", DSN_REPLY_DONE, 250, "250 x", 0),
    ROW("bare LF", "250 Ok\n", DSN_REPLY_DONE, 250, "250 Ok", 0),
    ROW("two CR", "250 Ok\r\r\n", DSN_REPLY_DONE, 250, "250 Ok", 0),
    ROW("outside of the grammar but in use", "571 no\r\n", DSN_REPLY_DONE, 571, "571 no", 0),
    ROW("binary text", "250 a\0\xff\x1b\r\n", DSN_REPLY_DONE, 250, "250 a\\x00\\xff\\x1b", 0),
    ROW("UTF-8", "250 gr\xc3\xbcn\r\n", DSN_REPLY_DONE, 250, "250 gr\xc3\xbcn", 0),
    ROW("unfinished line", "250 Ok", DSN_REPLY_MORE, 0, NULL, 0),
    ROW("unfinished reply", "250-Ok\r\n", DSN_REPLY_MORE, 250, NULL, 0),
    ROW("nothing", "", DSN_REPLY_MORE, 0, NULL, 0),
    ROW("empty line", "\r\n", DSN_REPLY_BAD, 0, "not an SMTP reply: \"\"", 0),
    ROW("words", "hello\r\n", DSN_REPLY_BAD, 0, "not an SMTP reply: \"hello\"", 0),
    ROW("two digits", "25 Ok\r\n", DSN_REPLY_BAD, 0, NULL, 0),
    ROW("four digits", "2500 Ok\r\n", DSN_REPLY_BAD, 0, NULL, 0),
    ROW("1yz", "150 Ok\r\n", DSN_REPLY_BAD, 0, NULL, 0),
    ROW("6yz", "600 Ok\r\n", DSN_REPLY_BAD, 0, NULL, 0),
    ROW("letters in the code", "2a0 Ok\r\n", DSN_REPLY_BAD, 0, NULL, 0),
    ROW("space before", " 250 Ok\r\n", DSN_REPLY_BAD, 0, NULL, 0),
    ROW("two codes", "250-a\r\n251 b\r\n", DSN_REPLY_BAD, 250, "a reply with two codes: \"251 b\"",
        0),
    ROW("NUL behind the code", "250\0Ok\r\n", DSN_REPLY_BAD, 0, "not an SMTP reply: \"250\\x00Ok\"",
        0),
#undef ROW
};

START_TEST(reads_one_reply)
{
    static const size_t pieces[] = {1, 2, 3, 7, 1000};

    for (size_t i = 0; i < G_N_ELEMENTS(pieces); i++) {
        DsnReplyReader reader;
        size_t used;

        dsn_reply_reader_init(&reader);
        DsnReplyState state = read_reply(&reader, rows[_i].bytes, pieces[i], &used);
        ck_assert_msg(state == rows[_i].state, "%s: state %d", rows[_i].label, (int)state);
        ck_assert_msg(reader.code == rows[_i].code, "%s: code %u", rows[_i].label, reader.code);
        size_t wanted = rows[_i].used == 0 ? rows[_i].bytes.len : rows[_i].used;
        ck_assert_msg(used == wanted, "%s: %zu bytes", rows[_i].label, used);
        if (rows[_i].text != NULL)
            ck_assert_msg(strcmp(reader.text->str, rows[_i].text) == 0, "%s: %s", rows[_i].label,
                          reader.text->str);
        dsn_reply_reader_clear(&reader);
    }
}
END_TEST

START_TEST(memory_and_time_are_bounded)
{
    g_autoptr(GString) line = g_string_new("250-");
    DsnReplyReader reader;
    size_t used, fed = 0;
    DsnReplyState state = DSN_REPLY_MORE;

    while (line->len < 900)
        g_string_append_c(line, 'x');
    g_string_append(line, "\r\n");
    dsn_reply_reader_init(&reader);
    for (unsigned i = 0; state == DSN_REPLY_MORE; i++) {
        ck_assert_uint_le(i, DSN_REPLY_LINES_MAX);
        state = dsn_reply_reader_feed(&reader, (DsnSpan){line->str, line->len}, &used);
    }
    ck_assert_int_eq(state, DSN_REPLY_BAD);
    ck_assert_str_eq(reader.text->str, "a reply of too many lines");
    ck_assert_uint_eq(reader.lines, DSN_REPLY_LINES_MAX + 1);

    dsn_reply_reader_reset(&reader);
    for (state = DSN_REPLY_MORE; state == DSN_REPLY_MORE; fed += used) {
        ck_assert_uint_le(fed, DSN_REPLY_BYTES_MAX);
        state = dsn_reply_reader_feed(&reader, DSN_SPAN_LITERAL("250 never ending "), &used);
        ck_assert_uint_le(reader.line->len, DSN_REPLY_LINE_MAX);
    }
    ck_assert_int_eq(state, DSN_REPLY_BAD);
    ck_assert_str_eq(reader.text->str, "a reply without end");
    dsn_reply_reader_clear(&reader);
}
END_TEST

START_TEST(a_reset_reader_is_as_new)
{
    DsnReplyReader reader;
    size_t used;

    dsn_reply_reader_init(&reader);
    ck_assert_int_eq(read_reply(&reader, DSN_SPAN_LITERAL("550-a\r\n55"), 3, &used),
                     DSN_REPLY_MORE);
    dsn_reply_reader_reset(&reader);
    ck_assert_int_eq(read_reply(&reader, DSN_SPAN_LITERAL("250 b\r\n"), 3, &used), DSN_REPLY_DONE);
    ck_assert_str_eq(reader.text->str, "250 b");
    dsn_reply_reader_clear(&reader);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("reply-reader");
    TCase *tc = tcase_create("reply-reader");

    tcase_add_loop_test(tc, reads_one_reply, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tc, memory_and_time_are_bounded);
    tcase_add_test(tc, a_reset_reader_is_as_new);
    suite_add_tcase(suite, tc);
    return suite;
}
