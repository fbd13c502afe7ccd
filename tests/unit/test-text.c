/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/text.h"
#include "tests/support/unit.h"

#define FFFD "\xef\xbf\xbd"
#define A_UML "\xc3\xa4"
#define MAIL "\xf0\x9f\x93\xa7"
#define ADDRESS "mailer-daemon@mx.example"

static const struct {
    const char *label;
    const char *value;
    const char *want;
} decode_rows[] = {
    {"plain", "Earn money", "Earn money"},
    {"empty", "", ""},
    {"trimmed", " \tEarn money \r\n", "Earn money"},
    {"folded", "Earn\r\n money\n\tnow", "Earn money\tnow"},
    {"double spaces stay", "a  b", "a  b"},
    {"quoted-printable word (OOB-22)", "=?utf-8?q?a=C3=A4_b?=", "a" A_UML " b"},
    {"base64 word", "=?UTF-8?B?w6Q=?=", A_UML},
    {"Latin-1", "=?iso-8859-1?Q?=E4?= x", A_UML " x"},
    {"two charsets, space between drops", "=?iso-8859-1?q?=E4?=\r\n =?utf-8?b?w6Q=?=", A_UML A_UML},
    {"space between word and text stays", "a =?utf-8?q?b?= c", "a b c"},
    {"language tag", "=?utf-8*en?q?hi?=", "hi"},
    {"character over two words", "=?utf-8?q?=C3?= =?utf-8?q?=A4?=", A_UML},
    {"padded words in a row", "=?utf-8?b?w6Q=?= =?utf-8?b?YQ==?= =?UTF-8?b?Yg==?=", A_UML "ab"},
    {"padding is missing", "=?utf-8?b?w6Q?= =?utf-8?b?YQ?=", A_UML "a"},
    {"one letter of base64 is nothing", "=?utf-8?b?w?=x", "x"},
    {"not base64", "=?utf-8?b?w6Q!?= =?utf-8?q?a?=", "=?utf-8?b?w6Q!?= a"},
    {"words without space between", "=?utf-8?q?a?==?utf-8?q?b?=", "ab"},
    {"space and ? in a word",
     "=?utf-8?q?how are you?"
     "?=",
     "how are you?"},
    {"= in a word", "=?utf-8?q?=3D=C=?=", "==C="},
    {"empty words",
     "=?utf-8?q?"
     "?=a=?utf-8?b?"
     "?=",
     "a"},
    {"NUL in a word", "=?utf-8?q?a=00b?= c", "a b c"},
    {"quoted", "\"=?utf-8?q?=C3=A4?=\"", "\"" A_UML "\""},
    {"no charset", "=??q?a?=", "=??q?a?="},
    {"space in the charset", "=?utf 8?q?a?=", "=?utf 8?q?a?="},
    {"unknown charset, UTF-8", "=?x-none?q?=C3=A4?=", A_UML},
    {"unknown charset, not UTF-8", "=?x-none?q?=E4?=", A_UML},
    {"not UTF-8 though it says so", "=?utf-8?q?a=E4?=", "a" FFFD},
    {"Latin-1 though it says ASCII", "=?us-ascii?q?a=E4?=", "a" A_UML},
    {"windows-1252 though it says Latin-1", "=?iso-8859-1?q?=80?=", "\xe2\x82\xac"},
    {"character cut in Shift_JIS", "=?shift_jis?b?g1g=?= =?shift_jis?q?=83?=", "\xe3\x82\xb9"},
    {"not Shift_JIS", "=?shift_jis?q?=A0=FF?=", "\xc2\xa0\xc3\xbf"},
    {"UTF-16", "=?utf-16be?b?AGEA5A==?=", "a" A_UML},
    {"Japanese", "=?iso-2022-jp?b?GyRCJTEhPCU5GyhC?=", "\xe3\x82\xb1\xe3\x83\xbc\xe3\x82\xb9"},
    {"unknown encoding stays", "=?utf-8?x?abc?=", "=?utf-8?x?abc?="},
    {"unfinished word stays", "=?utf-8?q?abc", "=?utf-8?q?abc"},
    {"raw UTF-8 (OOB-25)", "M" A_UML "r", "M" A_UML "r"},
    {"raw windows-1252", "\xe4 \x80 \x96", A_UML " \xe2\x82\xac \xe2\x80\x93"},
    {"undefined in windows-1252", "\x81", FFFD},
    {"raw UTF-8 and a word", A_UML " =?utf-8?q?b?=", A_UML " b"},
    {"raw windows-1252 and a word", "\xe4 =?utf-8?q?b?=", A_UML " b"},
    {"controls",
     "a\x01"
     "b\x7f"
     "c\rd\ne",
     "a b c d e"},
    {"C1 control",
     "a\xc2\x85"
     "b\xc2\xa0"
     "c",
     "a b\xc2\xa0"
     "c"},
    {"controls in a word (SEC-01)", "=?utf-8?q?a=0D=0ABcc=3A_b?=", "a  Bcc: b"},
    {"fold in a word", "=?utf-8?q?a=0A_b?=", "a b"},
};

START_TEST(decodes_headers)
{
    g_autoptr(GString) text = g_string_new("before ");

    dsn_text_decode_header(dsn_span(decode_rows[_i].value), &DSN_LIMITS_DEFAULT, text);
    ck_assert_msg(g_str_has_prefix(text->str, "before "), "%s", decode_rows[_i].label);
    dsn_assert_span(dsn_span(text->str + strlen("before ")), decode_rows[_i].want,
                    decode_rows[_i].label);
}
END_TEST

START_TEST(decodes_nul_and_absence)
{
    g_autoptr(GString) text = g_string_new(NULL);

    dsn_text_decode_header((DsnSpan){"a\0=?utf-8?q?b?=", 15}, &DSN_LIMITS_DEFAULT, text);
    ck_assert_str_eq(text->str, "a b");
    dsn_text_decode_header(DSN_SPAN_ABSENT, &DSN_LIMITS_DEFAULT, text);
    ck_assert_str_eq(text->str, "a b");
}
END_TEST

START_TEST(decodes_up_to_the_limit)
{
    DsnLimits limits = DSN_LIMITS_DEFAULT;
    g_autoptr(GString) text = g_string_new(NULL);

    /* The character that the limit cuts is dropped; what is left must not turn into windows-1252.
     */
    for (limits.encoded = 0; limits.encoded <= 7; limits.encoded++) {
        static const char *const want[] = {"",  "a",      "a",          "a",
                                           "a", "a" MAIL, "a" MAIL "b", "a" MAIL "b"};

        g_string_truncate(text, 0);
        dsn_text_decode_header(DSN_SPAN_LITERAL("a" MAIL "b"), &limits, text);
        ck_assert_str_eq(text->str, want[limits.encoded]);
    }
}
END_TEST

/* From Unicode 15, section 3.9, tables 3-8 to 3-11, and beyond. */
static const struct {
    const char *label;
    const char *text;
    const char *want;
    bool good;
} utf8_rows[] = {
    {"empty", "", "", true},
    {"ASCII", "abc\r\n\x01\x7f", "abc\r\n\x01\x7f", true},
    {"two, three, four", A_UML "\xe2\x82\xac" MAIL, A_UML "\xe2\x82\xac" MAIL, true},
    {"noncharacter", "\xef\xbf\xbf", "\xef\xbf\xbf", true},
    {"last", "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf", true},
    {"a replaced one", FFFD, FFFD, true},
    {"lone continuation",
     "a\x80"
     "b",
     "a" FFFD "b", false},
    {"overlong of two", "\xc0\xaf", FFFD FFFD, false},
    {"overlong of three", "\xe0\x80\xbf", FFFD FFFD FFFD, false},
    {"overlong of four", "\xf0\x81\x82\x41", FFFD FFFD FFFD "A", false},
    {"surrogates", "\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41",
     FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A", false},
    {"beyond Unicode", "\xf4\x91\x92\x93\xff\x41\x80\xbf\x42",
     FFFD FFFD FFFD FFFD FFFD "A" FFFD FFFD "B", false},
    {"truncated", "\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", FFFD FFFD FFFD FFFD "A", false},
    {"truncated at the end", "a\xf0\x9f\x93", "a" FFFD, false},
    {"Latin-1", "M\xe4r", "M" FFFD "r", false},
};

START_TEST(appends_utf8) /* I18N-16 */
{
    g_autoptr(GString) text = g_string_new("before ");

    ck_assert_msg(dsn_text_append_utf8(dsn_span(utf8_rows[_i].text), text) == utf8_rows[_i].good,
                  "%s", utf8_rows[_i].label);
    ck_assert_msg(g_str_has_prefix(text->str, "before "), "%s", utf8_rows[_i].label);
    dsn_assert_span(dsn_span(text->str + strlen("before ")), utf8_rows[_i].want,
                    utf8_rows[_i].label);
}
END_TEST

START_TEST(appends_utf8_with_nul)
{
    g_autoptr(GString) text = g_string_new(NULL);

    ck_assert(dsn_text_append_utf8((DsnSpan){"\0a\0\0" A_UML "\0", 7}, text));
    dsn_assert_bytes(text->str, text->len, "\0a\0\0" A_UML "\0", 7);
    ck_assert(!dsn_text_append_utf8((DsnSpan){"\xc3\0", 2}, text));
    dsn_assert_bytes(text->str + 7, text->len - 7, FFFD "\0", 4);
    ck_assert(dsn_text_append_utf8(DSN_SPAN_ABSENT, text));
}
END_TEST

static const struct {
    const char *label;
    const char *text;
    size_t max;
    const char *want;
} line_rows[] = {
    {"plain", "one line", 100, "one line"},
    {"empty", "", 100, ""},
    {"controls", "a\r\n\t\x01\x7f  b", 100, "a b"},
    {"C1 controls",
     "a\xc2\x80\xc2\x9f"
     "b",
     100, "a b"},
    {"at both ends", " \r\na b\n", 100, "a b"},
    {"only controls", "\r\n", 100, ""},
    {"UTF-8", A_UML " " MAIL, 100, A_UML " " MAIL},
    {"not UTF-8",
     "a\xe4"
     "b\xf0\x9f\x93",
     100, "a" FFFD "b" FFFD},
    {"fits", "abcdef", 6, "abcdef"},
    {"cut", "abcdefg", 6, "abc..."},
    {"cut at a character", "ab" MAIL "cd", 7, "ab..."},
    {"cut behind a character", "a" A_UML "cdef", 6, "a" A_UML "..."},
    {"what is cut may be space", "abc    \n", 3, "abc"},
    {"no room for dots", "abc", 2, "ab"},
    {"no room for a character", MAIL, 2, ""},
    {"no room", "abc", 0, ""},
};

START_TEST(appends_a_line) /* SEC-01 */
{
    g_autoptr(GString) text = g_string_new(A_UML " ");

    dsn_text_append_line(dsn_span(line_rows[_i].text), line_rows[_i].max, text);
    ck_assert_msg(g_str_has_prefix(text->str, A_UML " "), "%s", line_rows[_i].label);
    dsn_assert_span(dsn_span(text->str + 3), line_rows[_i].want, line_rows[_i].label);
}
END_TEST

static const struct {
    const char *label;
    const char *value;
    const char *want;
} unstructured_rows[] = {
    {"plain", "Returned mail", "Subject: Returned mail\r\n"},
    {"empty", "", "Subject:\r\n"},
    {"header injection (MIME-22)", "x\r\nBcc: y", "Subject: x Bcc: y\r\n"},
    {"one word", "f" A_UML "llt aus", "Subject: =?utf-8?b?ZsOkbGx0?= aus\r\n"},
    {"space between two encoded words", A_UML " " A_UML " b",
     "Subject: =?utf-8?b?w6Qgw6Q=?= b\r\n"},
    {"Q when shorter", "Beschr" A_UML "nkung", "Subject: =?utf-8?q?Beschr=C3=A4nkung?=\r\n"},
    {"looks like an encoded word", "=?utf-8?q?a?= b",
     "Subject: =?utf-8?b?PT91dGYtOD9xP2E/PQ==?= b\r\n"},
    {"75 columns stay, on a line of their own",
     "a aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     "Subject: a\r\n "
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"},
    {"76 columns are encoded",
     "a aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     "Subject: a =?utf-8?q?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?=\r\n"
     " =?utf-8?q?aaaaaaaaaaaaaaaaaaaaaaa?=\r\n"},
};

START_TEST(writes_unstructured_fields)
{
    g_autoptr(GString) header = g_string_new("A: b\r\n");

    dsn_text_append_unstructured("Subject", dsn_span(unstructured_rows[_i].value), header);
    ck_assert_msg(g_str_has_prefix(header->str, "A: b\r\n"), "%s", unstructured_rows[_i].label);
    dsn_assert_span(dsn_span(header->str + 6), unstructured_rows[_i].want,
                    unstructured_rows[_i].label);
}
END_TEST

static const struct {
    const char *label;
    const char *display; /* NULL: absent */
    const char *want;
} mailbox_rows[] = {
    {"no name", NULL, "From: " ADDRESS "\r\n"},
    {"empty name", " \r\n", "From: " ADDRESS "\r\n"},
    {"atoms", "Mail Delivery", "From: Mail Delivery <" ADDRESS ">\r\n"},
    {"dot needs quotes", "J. Doe", "From: \"J. Doe\" <" ADDRESS ">\r\n"},
    {"quotes and backslashes", "a\"b\\", "From: \"a\\\"b\\\\\" <" ADDRESS ">\r\n"},
    {"address in the name", "x@y.example <z>, q", "From: \"x@y.example <z>, q\" <" ADDRESS ">\r\n"},
    {"header injection (MIME-22)", "x\r\nBcc: y", "From: \"x Bcc: y\" <" ADDRESS ">\r\n"},
    {"8-bit", "M" A_UML "rz, J.", "From: =?utf-8?b?TcOkcnosIEou?= <" ADDRESS ">\r\n"},
    {"looks like an encoded word",
     "=?utf-8?q?a?=", "From: =?utf-8?b?PT91dGYtOD9xP2E/PQ==?= <" ADDRESS ">\r\n"},
    {"not UTF-8", "\xe4", "From: =?utf-8?b?77+9?= <" ADDRESS ">\r\n"},
    {"address on its own line", "Mail Delivery Subsystem of the example company in town",
     "From: Mail Delivery Subsystem of the example company in town\r\n <" ADDRESS ">\r\n"},
};

START_TEST(writes_mailboxes)
{
    g_autoptr(GString) header = g_string_new(NULL);

    dsn_text_append_mailbox("From", dsn_span(mailbox_rows[_i].display), dsn_span(ADDRESS), header);
    dsn_assert_span(dsn_span(header->str), mailbox_rows[_i].want, mailbox_rows[_i].label);
}
END_TEST

/* MIME-23, MIME-24, MIME-27, MIME-29. */
static void
check_field(const GString *header, size_t longest_line, const char *label)
{
    ck_assert_msg(g_str_has_suffix(header->str, "\r\n"), "%s", label);
    ck_assert_msg(strlen(header->str) == header->len, "%s: NUL", label);

    g_auto(GStrv) lines = g_strsplit(header->str, "\r\n", -1);
    for (guint i = 0; i + 1 < g_strv_length(lines); i++) {
        ck_assert_msg(strpbrk(lines[i], "\r\n\t") == NULL, "%s: %s", label, lines[i]);
        ck_assert_msg(strlen(lines[i]) <= longest_line, "%s: %s", label, lines[i]);
        ck_assert_msg(i == 0 || lines[i][0] == ' ', "%s: %s", label, lines[i]);
        ck_assert_msg(strspn(lines[i], " ") < strlen(lines[i]), "%s: blank", label);

        g_auto(GStrv) words = g_strsplit(lines[i], " ", -1);
        for (guint j = 0; words[j] != NULL; j++) {
            if (!g_str_has_prefix(words[j], "=?"))
                continue;
            ck_assert_msg(g_str_has_suffix(words[j], "?=") && strlen(words[j]) <= 75, "%s: %s",
                          label, words[j]);
            g_autoptr(GString) text = g_string_new(NULL);
            dsn_text_decode_header(dsn_span(words[j]), &DSN_LIMITS_DEFAULT, text);
            ck_assert_msg(text->len > 0 && strstr(text->str, FFFD) == NULL, "%s: %s", label,
                          words[j]);
        }
    }
}

/* Texts that once broke some encoder. The first half is clean and must come back unchanged. */
static const char *const hard_texts[] = {
    "f" A_UML "llt",
    A_UML " b " A_UML " c",
    "?= =? " A_UML,
    "a =?utf-8?q?b?= c",
    "=?utf-8?q?a?= =?utf-8?q?b?=",
    "=?utf-8?b?" A_UML "?=",
    MAIL " " MAIL MAIL,
    "_ = ? \" \\ < > ( ) @ , ; : . [ ]",
    "\"",
    "\\",
    "a",
};

START_TEST(what_is_written_can_be_read)
{
    DsnLimits limits = DSN_LIMITS_DEFAULT;
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GString) header = g_string_new(NULL);
    g_autoptr(GString) again = g_string_new(NULL);

    limits.encoded = G_MAXSIZE;
    for (int repeat = 1; repeat <= 60; repeat++) {
        if (repeat > 1 && repeat % 2 == 0)
            g_string_append_c(text, ' ');
        g_string_append(text, hard_texts[_i]);

        g_string_truncate(header, 0);
        dsn_text_append_unstructured("Subject", (DsnSpan){text->str, text->len}, header);
        check_field(header, 76, hard_texts[_i]);
        g_string_truncate(again, 0);
        dsn_text_decode_header((DsnSpan){header->str + 8, header->len - 8}, &limits, again);
        dsn_assert_bytes(again->str, again->len, text->str, text->len);

        g_string_truncate(header, 0);
        dsn_text_append_mailbox("From", (DsnSpan){text->str, text->len}, dsn_span(ADDRESS), header);
        check_field(header, 76, hard_texts[_i]);
        ck_assert(g_str_has_suffix(header->str, " <" ADDRESS ">\r\n"));
    }
}
END_TEST

START_TEST(every_length_is_folded_right)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GString) header = g_string_new(NULL);
    static const char *const units[] = {"a",  A_UML,     "\xe2\x82\xac", MAIL,
                                        "a ", "a" A_UML, "ab" MAIL " "};

    for (size_t unit = 0; unit < G_N_ELEMENTS(units); unit++) {
        g_string_truncate(text, 0);
        for (size_t prefix = 0; prefix < 80; prefix++) {
            g_string_insert_c(text, 0, 'x');
            for (size_t i = 0; prefix == 0 && i < 100; i++)
                g_string_append(text, units[unit]);
            g_string_truncate(header, 0);
            dsn_text_append_unstructured("X-Forty-Columns-Are-The-Longest-Name-Of",
                                         (DsnSpan){text->str, text->len}, header);
            check_field(header, 76, units[unit]);
        }
    }
}
END_TEST

START_TEST(hostile_text_cannot_break_out) /* SEC-01 */
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GString) header = g_string_new(NULL);
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    static const char *const pieces[] = {"\r\n", "\r", "\n",       "=?utf-8?q?", "?=", "Bcc: y",
                                         "\"",   "\\", "<",        ">",          " ",  "\x80",
                                         A_UML,  MAIL, "\xf0\x9f", "x",          "=",  "_"};

    for (int run = 0; run < 2000; run++) {
        g_string_truncate(text, 0);
        for (int i = g_rand_int_range(random, 0, 60); i > 0; i--) {
            guint piece = (guint)g_rand_int_range(random, 0, G_N_ELEMENTS(pieces) + 1);
            if (piece == G_N_ELEMENTS(pieces))
                g_string_append_c(text, '\0');
            else
                g_string_append(text, pieces[piece]);
        }
        DsnSpan value = {text->str, text->len};
        g_string_truncate(header, 0);
        dsn_text_append_unstructured("Subject", value, header);
        ck_assert(strlen(header->str) == header->len);
        g_auto(GStrv) lines = g_strsplit(header->str, "\r\n", -1);
        for (guint i = 1; i + 1 < g_strv_length(lines); i++)
            ck_assert_msg(lines[i][0] == ' ' && strpbrk(lines[i], "\r\n") == NULL, "%s", lines[i]);

        g_string_truncate(header, 0);
        dsn_text_append_mailbox("From", value, dsn_span(ADDRESS), header);
        g_auto(GStrv) more = g_strsplit(header->str, "\r\n", -1);
        for (guint i = 1; i + 1 < g_strv_length(more); i++)
            ck_assert_msg(more[i][0] == ' ' && strpbrk(more[i], "\r\n") == NULL, "%s", more[i]);
    }
}
END_TEST

START_TEST(long_address_stays_whole) /* MIME-28 */
{
    g_autofree char *local = g_strnfill(254 - strlen("@example.com"), 'a');
    g_autofree char *address = g_strconcat(local, "@example.com", NULL);
    g_autofree char *want = g_strconcat("To: =?utf-8?b?w6Q=?=\r\n <", address, ">\r\n", NULL);
    g_autoptr(GString) header = g_string_new(NULL);

    dsn_text_append_mailbox("To", dsn_span(A_UML), dsn_span(address), header);
    ck_assert_str_eq(header->str, want);
    g_string_truncate(header, 0);
    dsn_text_append_mailbox("To", DSN_SPAN_ABSENT, dsn_span(address), header);
    ck_assert_str_eq(header->str + 4 + 254, "\r\n");
}
END_TEST

/* Each would take minutes if it were read anew from many of its bytes. */
static const char *const repeated[] = {
    "a",          "a ",    A_UML, A_UML " ", "\x80", "=?", "=?utf-8?q?a?= ", "=?utf-8?q?a?=",
    "=?utf-8?b?", "\r\n ", " ",   "\xc2"};

START_TEST(long_input_takes_no_long_time)
{
    DsnLimits limits = DSN_LIMITS_DEFAULT;
    g_autoptr(GString) value = g_string_new(NULL);
    g_autoptr(GString) text = g_string_new(NULL);

    limits.encoded = G_MAXSIZE;
    while (value->len < 1000000)
        g_string_append(value, repeated[_i]);
    DsnSpan span = {value->str, value->len};
    dsn_text_append_unstructured("Subject", span, text);
    dsn_text_append_mailbox("From", span, dsn_span(ADDRESS), text);
    dsn_text_append_line(span, 1000, text);
    (void)dsn_text_append_utf8(span, text);
    dsn_text_decode_header(span, &limits, text);
    ck_assert(g_utf8_validate_len(text->str, text->len, NULL));
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("text");
    TCase *tcase = tcase_create("text");

    tcase_add_loop_test(tcase, decodes_headers, 0, G_N_ELEMENTS(decode_rows));
    tcase_add_test(tcase, decodes_nul_and_absence);
    tcase_add_test(tcase, decodes_up_to_the_limit);
    tcase_add_loop_test(tcase, appends_utf8, 0, G_N_ELEMENTS(utf8_rows));
    tcase_add_test(tcase, appends_utf8_with_nul);
    tcase_add_loop_test(tcase, appends_a_line, 0, G_N_ELEMENTS(line_rows));
    tcase_add_loop_test(tcase, writes_unstructured_fields, 0, G_N_ELEMENTS(unstructured_rows));
    tcase_add_loop_test(tcase, writes_mailboxes, 0, G_N_ELEMENTS(mailbox_rows));
    tcase_add_loop_test(tcase, what_is_written_can_be_read, 0, G_N_ELEMENTS(hard_texts));
    tcase_add_test(tcase, every_length_is_folded_right);
    tcase_add_test(tcase, hostile_text_cannot_break_out);
    tcase_add_test(tcase, long_address_stays_whole);
    tcase_add_loop_test(tcase, long_input_takes_no_long_time, 0, G_N_ELEMENTS(repeated));
    suite_add_tcase(suite, tcase);
    return suite;
}
