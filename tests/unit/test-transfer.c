/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/transfer.h"
#include "tests/support/unit.h"

static const struct {
    const char *value;
    DsnTransfer want;
} names[] = {
    {"7bit", DSN_TRANSFER_IDENTITY},
    {" 8BIT ", DSN_TRANSFER_IDENTITY},
    {"binary", DSN_TRANSFER_IDENTITY},
    {"", DSN_TRANSFER_IDENTITY},
    {" \r\n ", DSN_TRANSFER_IDENTITY},
    {"(comment only)", DSN_TRANSFER_IDENTITY},
    {" Quoted-Printable", DSN_TRANSFER_QUOTED_PRINTABLE},
    {"\r\n\tbase64\r\n", DSN_TRANSFER_BASE64},
    {"(a (b) c) base64 (d)", DSN_TRANSFER_BASE64},
    {"base64(d)", DSN_TRANSFER_BASE64},
    {"base64;", DSN_TRANSFER_BASE64},
    {"base64x", DSN_TRANSFER_UNKNOWN},
    {"x-uuencode", DSN_TRANSFER_UNKNOWN},
};

START_TEST(knows_the_names)
{
    ck_assert_msg(dsn_transfer_parse(dsn_span(names[_i].value)) == names[_i].want, "%s",
                  names[_i].value);
}
END_TEST

START_TEST(absent_is_identity)
{
    ck_assert_int_eq(dsn_transfer_parse(DSN_SPAN_ABSENT), DSN_TRANSFER_IDENTITY);
}
END_TEST

static const struct {
    const char *label;
    DsnTransfer transfer;
    const char *encoded, *want;
    bool want_clean;
} decodes[] = {
    {"identity", DSN_TRANSFER_IDENTITY, "a=3D\r\n", "a=3D\r\n", true},
    {"unknown", DSN_TRANSFER_UNKNOWN, "a=3D\r\n", "a=3D\r\n", true},
    {"empty", DSN_TRANSFER_BASE64, "", "", true},
    {"empty quoted", DSN_TRANSFER_QUOTED_PRINTABLE, "", "", true},

    {"no padding", DSN_TRANSFER_BASE64, "QUJD", "ABC", true},
    {"one pad", DSN_TRANSFER_BASE64, "QUI=", "AB", true},
    {"two pads", DSN_TRANSFER_BASE64, "QQ==", "A", true},
    {"lines", DSN_TRANSFER_BASE64, "QUJD\r\n RA==\n\t\n", "ABCD", true},
    {"OOB-22 two pads missing", DSN_TRANSFER_BASE64, "QUJDRA", "ABCD", false},
    {"OOB-22 one of two pads missing", DSN_TRANSFER_BASE64, "QUJDRA=", "ABCD", false},
    {"OOB-22 one pad missing", DSN_TRANSFER_BASE64, "QUJDREU", "ABCDE", false},
    {"OOB-22 too many pads", DSN_TRANSFER_BASE64, "QUJD==", "ABC", false},
    {"OOB-22 a whole group of pads", DSN_TRANSFER_BASE64, "QUJD====", "ABC", false},
    {"OOB-22 one digit too many", DSN_TRANSFER_BASE64, "QUJDR", "ABC", false},
    {"OOB-22 one digit and a pad", DSN_TRANSFER_BASE64, "QUJDR=", "ABC", false},
    {"OOB-22 more behind the padding", DSN_TRANSFER_BASE64, "QQ==QUJD", "AABC", false},
    {"OOB-22 stray characters", DSN_TRANSFER_BASE64, "Q*U-J\nD!", "ABC", false},
    {"OOB-22 pads only", DSN_TRANSFER_BASE64, "==", "", false},

    {"text", DSN_TRANSFER_QUOTED_PRINTABLE, "abc\r\ndef\n", "abc\r\ndef\n", true},
    {"escapes", DSN_TRANSFER_QUOTED_PRINTABLE, "=41=3D=0Ax=C3=A4", "A=\nx\303\244", true},
    {"lower case", DSN_TRANSFER_QUOTED_PRINTABLE, "=3d=c3", "=\303", true},
    {"soft break", DSN_TRANSFER_QUOTED_PRINTABLE, "ab=\r\ncd=\nef", "abcdef", true},
    {"soft break, white space behind", DSN_TRANSFER_QUOTED_PRINTABLE, "ab= \t\r\ncd", "abcd", true},
    {"space before a soft break", DSN_TRANSFER_QUOTED_PRINTABLE, "ab =\ncd", "ab cd", true},
    {"OOB-22 soft break at the end", DSN_TRANSFER_QUOTED_PRINTABLE, "ab=", "ab", true},
    {"soft break only", DSN_TRANSFER_QUOTED_PRINTABLE, "=\n", "", true},
    {"white space at the end of a line", DSN_TRANSFER_QUOTED_PRINTABLE, "ab \t\r\ncd ", "ab\r\ncd",
     true},
    {"encoded space at the end", DSN_TRANSFER_QUOTED_PRINTABLE, "ab=20\n", "ab \n", true},
    {"OOB-22 bare '='", DSN_TRANSFER_QUOTED_PRINTABLE, "a=b\n", "a=b\n", false},
    {"OOB-22 one digit", DSN_TRANSFER_QUOTED_PRINTABLE, "=4\n", "=4\n", false},
    {"OOB-22 no digits", DSN_TRANSFER_QUOTED_PRINTABLE, "=XY=41", "=XYA", false},
    {"OOB-22 two '=' at the end", DSN_TRANSFER_QUOTED_PRINTABLE, "a==\nb", "a=b", false},
    {"OOB-22 '=' at the very end", DSN_TRANSFER_QUOTED_PRINTABLE, "=4", "=4", false},
};

START_TEST(decodes_leniently)
{
    g_autoptr(GString) bytes = g_string_new("kept:");
    bool clean = dsn_transfer_decode(dsn_span(decodes[_i].encoded), decodes[_i].transfer,
                                     &DSN_LIMITS_DEFAULT, bytes);
    g_autofree char *want = g_strconcat("kept:", decodes[_i].want, NULL);

    dsn_test_compare(__FILE__, __LINE__, bytes->str, bytes->len, want, strlen(want),
                     decodes[_i].label);
    ck_assert_msg(clean == decodes[_i].want_clean, "%s: clean %d", decodes[_i].label, clean);
}
END_TEST

START_TEST(decodes_nul)
{
    g_autoptr(GString) bytes = g_string_new(NULL);

    ck_assert(
        dsn_transfer_decode(dsn_span("AGEA"), DSN_TRANSFER_BASE64, &DSN_LIMITS_DEFAULT, bytes));
    dsn_assert_bytes(bytes->str, bytes->len, "\0a\0", 3);
    g_string_truncate(bytes, 0);
    ck_assert(dsn_transfer_decode(DSN_SPAN_LITERAL("a\0=00\n"), DSN_TRANSFER_QUOTED_PRINTABLE,
                                  &DSN_LIMITS_DEFAULT, bytes));
    dsn_assert_bytes(bytes->str, bytes->len, "a\0\0\n", 4);
}
END_TEST

START_TEST(stops_at_the_cap)
{
    DsnLimits limits = DSN_LIMITS_DEFAULT;
    static const struct {
        DsnTransfer transfer;
        const char *encoded;
    } rows[] = {
        {DSN_TRANSFER_IDENTITY, "ABCDEF"},
        {DSN_TRANSFER_BASE64, "QUJDREVG"},
        {DSN_TRANSFER_QUOTED_PRINTABLE, "=41BCDE=46"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (limits.decoded = 0; limits.decoded <= 6; limits.decoded++) {
            g_autoptr(GString) bytes = g_string_new("x");
            bool clean =
                dsn_transfer_decode(dsn_span(rows[i].encoded), rows[i].transfer, &limits, bytes);

            ck_assert_int_eq(clean, limits.decoded == 6);
            dsn_assert_bytes(bytes->str, bytes->len, "xABCDEF", limits.decoded + 1);
        }
    }
}
END_TEST

#define TEN "0123456789"
#define SEVENTY TEN TEN TEN TEN TEN TEN TEN

static const struct {
    const char *label, *text, *want;
} quoted[] = {
    {"empty", "", ""},
    {"clean", "abc def\r\n", "abc def\r\n"},
    {"no line end at the end", "abc", "abc"},
    {"MIME-25 '=' and 8-bit, upper case", "a=b \303\274\r\n", "a=3Db =C3=BC\r\n"},
    {"MIME-25 space at the end of a line", "a \r\nb\t\r\n \r\n", "a=20\r\nb=09\r\n=20\r\n"},
    {"MIME-25 space at the end of the text", "a ", "a=20"},
    {"empty lines", "\r\n\r\n", "\r\n\r\n"},
    {"lone CR and LF", "a\rb\nc\r\n", "a=0Db=0Ac\r\n"},
    {"control", "a\033b", "a=1Bb"},
    {"MIME-25 76 columns pass", SEVENTY "012345\r\n", SEVENTY "012345\r\n"},
    {"MIME-25 77 columns", SEVENTY "0123456\r\n", SEVENTY "01234=\r\n56\r\n"},
    {"MIME-25 an escape is not cut", SEVENTY "012=4\r\n", SEVENTY "012=\r\n=3D4\r\n"},
    {"MIME-25 an escape fills the line", SEVENTY "012=\r\n", SEVENTY "012=3D\r\n"},
    {"MIME-25 an escape fills a soft line", SEVENTY "01=45\r\n", SEVENTY "01=3D=\r\n45\r\n"},
    {"space before a soft break", SEVENTY "0123 567\r\n", SEVENTY "0123 =\r\n567\r\n"},
};

START_TEST(encodes_quoted_printable)
{
    g_autoptr(GString) got = g_string_new(NULL);

    dsn_transfer_encode_quoted_printable(dsn_span(quoted[_i].text), got);
    dsn_test_compare(__FILE__, __LINE__, got->str, got->len, quoted[_i].want,
                     strlen(quoted[_i].want), quoted[_i].label);
}
END_TEST

START_TEST(encodes_base64)
{
    g_autoptr(GString) got = g_string_new(NULL);

    dsn_transfer_encode_base64(DSN_SPAN_LITERAL(""), got);
    ck_assert_uint_eq(got->len, 0);
    dsn_transfer_encode_base64(DSN_SPAN_LITERAL("A\0"), got);
    dsn_assert_bytes(got->str, got->len, "QQA=\r\n", 6);
}
END_TEST

/* MIME-25, MIME-26: any bytes come back, in lines that are legal. */
START_TEST(comes_back)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(5322);

    for (size_t len = 0; len < 300; len++) {
        g_autoptr(GString) text = g_string_new(NULL);
        for (size_t i = 0; i < len; i++)
            g_string_append_c(text, (char)(g_rand_boolean(rand) ? g_rand_int_range(rand, 0, 256)
                                                                : " \t\r\n=a"[len % 6]));

        for (int base64 = 0; base64 < 2; base64++) {
            DsnSpan bytes = {text->str, text->len};
            g_autoptr(GString) encoded = g_string_new(NULL);
            g_autoptr(GString) decoded = g_string_new(NULL);

            if (base64)
                dsn_transfer_encode_base64(bytes, encoded);
            else
                dsn_transfer_encode_quoted_printable(bytes, encoded);
            ck_assert(
                dsn_transfer_decode((DsnSpan){encoded->str, encoded->len},
                                    base64 ? DSN_TRANSFER_BASE64 : DSN_TRANSFER_QUOTED_PRINTABLE,
                                    &DSN_LIMITS_DEFAULT, decoded));
            dsn_assert_bytes(decoded->str, decoded->len, text->str, text->len);

            g_auto(GStrv) lines = g_strsplit(encoded->str, "\r\n", -1);
            for (char **line = lines; *line != NULL; line++) {
                ck_assert_uint_le(strlen(*line), 76);
                ck_assert(strpbrk(*line, "\r\n") == NULL);
                ck_assert(!g_str_has_suffix(*line, " ") && !g_str_has_suffix(*line, "\t"));
            }
        }
    }
}
END_TEST

START_TEST(survives_length)
{
    static const char *const pieces[] = {"=", "=\n", " ", " =", "\n", "=4", "a \r", "(", "Q="};

    for (size_t i = 0; i < G_N_ELEMENTS(pieces); i++) {
        g_autoptr(GString) text = g_string_new(NULL);
        g_autoptr(GString) out = g_string_new(NULL);

        for (int n = 0; n < 1000000; n++)
            g_string_append(text, pieces[i]);

        DsnSpan span = {text->str, text->len};
        (void)dsn_transfer_decode(span, DSN_TRANSFER_BASE64, &DSN_LIMITS_DEFAULT, out);
        ck_assert_uint_le(out->len, text->len);
        g_string_truncate(out, 0);
        (void)dsn_transfer_decode(span, DSN_TRANSFER_QUOTED_PRINTABLE, &DSN_LIMITS_DEFAULT, out);
        ck_assert_uint_le(out->len, text->len);
        (void)dsn_transfer_parse(span);
        g_string_truncate(out, 0);
        dsn_transfer_encode_quoted_printable(span, out);
        ck_assert_uint_ge(out->len, text->len);
    }
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("transfer");
    TCase *tcase = tcase_create("encodings");

    tcase_add_loop_test(tcase, knows_the_names, 0, G_N_ELEMENTS(names));
    tcase_add_test(tcase, absent_is_identity);
    tcase_add_loop_test(tcase, decodes_leniently, 0, G_N_ELEMENTS(decodes));
    tcase_add_test(tcase, decodes_nul);
    tcase_add_test(tcase, stops_at_the_cap);
    tcase_add_loop_test(tcase, encodes_quoted_printable, 0, G_N_ELEMENTS(quoted));
    tcase_add_test(tcase, encodes_base64);
    tcase_add_test(tcase, comes_back);
    suite_add_tcase(suite, tcase);

    tcase = tcase_create("hostile");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, survives_length);
    suite_add_tcase(suite, tcase);
    return suite;
}
