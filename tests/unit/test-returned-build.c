/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/returned-build.h"
#include "tests/support/unit.h"

#define HEAD "From: a@b.example\r\nSubject: hi\r\n"
#define UTF8_HEAD "From: a@b.example\r\nSubject: h\xc3\xad\r\n"
#define LATIN_HEAD "From: a@b.example\r\nSubject: h\xed\r\n"
#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define THOUSAND HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED

#define MESSAGE "Content-Type: message/rfc822\r\n\r\n"
#define HEADERS "Content-Type: text/rfc822-headers\r\n\r\n"
#define NEARLY_THOUSAND                                                                         \
    HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED TEN TEN TEN TEN TEN \
        TEN TEN TEN TEN "01234567"
#define MIME "MIME-Version: 1.0\r\n"
#define ENCODED "Content-Transfer-Encoding: quoted-printable\r\n\r\n"

static const struct {
    const char *label;
    DsnReturnRequest request;
    DsnReturn returned;
    const char *reduced;
    const char *part; /* NULL: as long as test-down-convert.c looks at */
} rows[] = {
    {"the whole, as it is",
     {DSN_SPAN_LITERAL(HEAD "\r\nbody\r\n"), DSN_RETURN_FULL, 1000, true, false},
     DSN_RETURN_FULL,
     NULL,
     MESSAGE HEAD "\r\nbody\r\n"},
    {"a body without a line end at its end",
     {DSN_SPAN_LITERAL(HEAD "\r\nbody"), DSN_RETURN_FULL, 1000, true, false},
     DSN_RETURN_FULL,
     NULL,
     MESSAGE HEAD "\r\nbody"},
    {"LF only (MIME-24)",
     {DSN_SPAN_LITERAL("From: a@b.example\n\nbody\n"), DSN_RETURN_FULL, 1000, true, false},
     DSN_RETURN_FULL,
     NULL,
     MESSAGE "From: a@b.example\r\n\r\nbody\r\n"},
    {"lone CR (MIME-24)",
     {DSN_SPAN_LITERAL(HEAD "\r\nbo\rdy\r\n"), DSN_RETURN_FULL, 1000, true, false},
     DSN_RETURN_FULL,
     NULL,
     MESSAGE HEAD "\r\nbo\r\ndy\r\n"},
    {"8-bit body (MIME-11)",
     {DSN_SPAN_LITERAL(HEAD "\r\n\xe9\r\n"), DSN_RETURN_FULL, 1000, true, false},
     DSN_RETURN_FULL,
     NULL,
     "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" HEAD "\r\n\xe9\r\n"},
    {"UTF-8 header, way back unknown (I18N-10)",
     {DSN_SPAN_LITERAL(UTF8_HEAD "\r\nbody\r\n"), DSN_RETURN_FULL, 1000, true, false},
     DSN_RETURN_FULL,
     NULL,
     "Content-Type: message/global\r\n" ENCODED
     "From: a@b.example\r\nSubject: h=C3=AD\r\n\r\nbody\r\n"},
    {"UTF-8 header over SMTPUTF8 (I18N-08)",
     {DSN_SPAN_LITERAL(UTF8_HEAD "\r\nbody\r\n"), DSN_RETURN_FULL, 1000, true, true},
     DSN_RETURN_FULL,
     NULL,
     "Content-Type: message/global\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" UTF8_HEAD
     "\r\nbody\r\n"},
    {"header that is not UTF-8 (MIME-13)",
     {DSN_SPAN_LITERAL(LATIN_HEAD "\r\nbody\r\n"), DSN_RETURN_FULL, 1000, true, true},
     DSN_RETURN_HEADERS,
     "its header holds octets that are not UTF-8",
     "Content-Type: text/rfc822-headers\r\n" ENCODED "From: a@b.example\r\nSubject: h=ED\r\n"},
    {"NUL in the body (MIME-34)",
     {DSN_SPAN_LITERAL(HEAD "\r\na\0b\r\n"), DSN_RETURN_FULL, 1000, true, false},
     DSN_RETURN_FULL,
     NULL,
     MESSAGE HEAD MIME ENCODED "a=00b\r\n"},
    {"NUL and 8-bit",
     {DSN_SPAN_LITERAL(HEAD "\r\na\0b\xe9\r\n"), DSN_RETURN_FULL, 1000, true, false},
     DSN_RETURN_FULL,
     NULL,
     MESSAGE HEAD MIME ENCODED "a=00b=E9\r\n"},
    {"NUL in what is signed",
     {DSN_SPAN_LITERAL(HEAD "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\na\0b\r\n"
                            "--b--\r\n"),
      DSN_RETURN_FULL, 1000, true, false},
     DSN_RETURN_HEADERS,
     "it holds NUL octets, in a place where they cannot be encoded",
     HEADERS HEAD "Content-Type: multipart/signed; boundary=b\r\n"},
    {"NUL under a UTF-8 header",
     {DSN_SPAN_LITERAL(UTF8_HEAD "\r\na\0b\r\n"), DSN_RETURN_FULL, 1000, true, true},
     DSN_RETURN_FULL,
     NULL,
     "Content-Type: message/global\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" UTF8_HEAD MIME
         ENCODED "a=00b\r\n"},
    {"the same, way back unknown",
     {DSN_SPAN_LITERAL(UTF8_HEAD "\r\na\0b\r\n"), DSN_RETURN_FULL, 1000, true, false},
     DSN_RETURN_FULL,
     NULL,
     "Content-Type: message/global\r\n" ENCODED
     "From: a@b.example\r\nSubject: h=C3=AD\r\n" MIME ENCODED "a=3D00b\r\n"},
    {"NUL in the header",
     {DSN_SPAN_LITERAL("From: a@b.example\r\nSubject: a\0b\r\n\r\nbody"), DSN_RETURN_FULL, 1000,
      true, false},
     DSN_RETURN_HEADERS,
     "its header holds NUL octets",
     "Content-Type: text/rfc822-headers\r\n" ENCODED "From: a@b.example\r\nSubject: a=00b\r\n"},
    {"line of 998 octets",
     {DSN_SPAN_LITERAL(HEAD "\r\n" NEARLY_THOUSAND "\r\n"), DSN_RETURN_FULL, 5000, true, false},
     DSN_RETURN_FULL,
     NULL,
     MESSAGE HEAD "\r\n" NEARLY_THOUSAND "\r\n"},
    {"line of a thousand octets, LF (MIME-23, MIME-24)",
     {DSN_SPAN_LITERAL("From: a@b.example\nContent-Type: x/y\nMIME-Version: 1.0\n\n" THOUSAND "\n"),
      DSN_RETURN_FULL, 5000, true, false},
     DSN_RETURN_FULL,
     NULL,
     NULL},
    {"line of a thousand octets outside the parts (MIME-23)",
     {DSN_SPAN_LITERAL(HEAD "Content-Type: multipart/mixed; boundary=b\r\n\r\n" THOUSAND
                            "\r\n--b\r\n\r\n\r\n--b--\r\n"),
      DSN_RETURN_FULL, 5000, true, false},
     DSN_RETURN_HEADERS,
     "it has lines of more than 998 octets, which cannot be encoded",
     HEADERS HEAD "Content-Type: multipart/mixed; boundary=b\r\n"},
    {"header line of a thousand octets (MIME-10, MIME-13, MIME-25)",
     {DSN_SPAN_LITERAL(HEAD "X: " THOUSAND "\r\n\r\nbody\r\n"), DSN_RETURN_FULL, 5000, true, false},
     DSN_RETURN_HEADERS,
     "its header has lines of more than 998 octets",
     NULL},
    {"continued line first (OOB-25)",
     {DSN_SPAN_LITERAL(" x\r\n" HEAD "\r\nbody"), DSN_RETURN_FULL, 1000, true, false},
     DSN_RETURN_HEADERS,
     "its header begins with a continued line",
     HEADERS " x\r\n" HEAD},
    {"none of From, Subject, Date (MIME-35)",
     {DSN_SPAN_LITERAL("To: c@d.example\r\n\r\nbody"), DSN_RETURN_FULL, 1000, true, false},
     DSN_RETURN_HEADERS,
     "it has none of the fields From, Subject and Date",
     HEADERS "To: c@d.example\r\n"},
    {"a field of the body does not count (MIME-35)",
     {DSN_SPAN_LITERAL("To: c@d.example\r\n\r\nFrom: a@b.example\r\n"), DSN_RETURN_FULL, 1000, true,
      false},
     DSN_RETURN_HEADERS,
     "it has none of the fields From, Subject and Date",
     HEADERS "To: c@d.example\r\n"},
    {"no body (MIME-09)",
     {DSN_SPAN_LITERAL(HEAD), DSN_RETURN_FULL, 1000, true, false},
     DSN_RETURN_HEADERS,
     "it has no body",
     HEADERS HEAD},
    {"too large (MIME-06)",
     {DSN_SPAN_LITERAL(HEAD "\r\nbody\r\n"), DSN_RETURN_FULL, 35, true, false},
     DSN_RETURN_HEADERS,
     "it is larger than the limit for returned content",
     HEADERS HEAD},
    {"header too large: cut at a field (MIME-10)",
     {DSN_SPAN_LITERAL(HEAD "X-Long: " HUNDRED "\r\n " HUNDRED "\r\nDate: x\r\n\r\n"),
      DSN_RETURN_HEADERS, 150, true, false},
     DSN_RETURN_HEADERS,
     "its header is larger than the limit for returned content and was cut",
     HEADERS HEAD},
    {"first field too large",
     {DSN_SPAN_LITERAL("X-Long: " HUNDRED "\r\n\r\n"), DSN_RETURN_HEADERS, 50, true, false},
     DSN_RETURN_NOTHING,
     "its header is larger than the limit for returned content",
     NULL},
    {"nothing failed (MIME-07)",
     {DSN_SPAN_LITERAL(HEAD "\r\nbody\r\n"), DSN_RETURN_FULL, 1000, false, false},
     DSN_RETURN_HEADERS,
     "delivery has not failed",
     HEADERS HEAD},
    {"headers asked for (MIME-08)",
     {DSN_SPAN_LITERAL(HEAD "\r\nbody\r\n"), DSN_RETURN_HEADERS, 1000, true, false},
     DSN_RETURN_HEADERS,
     NULL,
     HEADERS HEAD},
    {"headers without a line end",
     {DSN_SPAN_LITERAL("Subject: hi"), DSN_RETURN_HEADERS, 1000, true, false},
     DSN_RETURN_HEADERS,
     NULL,
     HEADERS "Subject: hi"},
    {"UTF-8 headers (I18N-08, I18N-09)",
     {DSN_SPAN_LITERAL(UTF8_HEAD "\r\nbody\r\n"), DSN_RETURN_HEADERS, 1000, true, true},
     DSN_RETURN_HEADERS,
     NULL,
     "Content-Type: message/global-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" UTF8_HEAD},
    {"UTF-8 headers, way back unknown (I18N-10)",
     {DSN_SPAN_LITERAL(UTF8_HEAD "\r\nbody\r\n"), DSN_RETURN_HEADERS, 1000, true, false},
     DSN_RETURN_HEADERS,
     NULL,
     "Content-Type: message/global-headers\r\n" ENCODED
     "From: a@b.example\r\nSubject: h=C3=AD\r\n"},
    {"nothing asked for",
     {DSN_SPAN_LITERAL(HEAD "\r\nbody\r\n"), DSN_RETURN_NOTHING, 1000, true, false},
     DSN_RETURN_NOTHING,
     NULL,
     NULL},
    {"not at hand (MIME-33)",
     {{NULL, 0}, DSN_RETURN_FULL, 1000, true, false},
     DSN_RETURN_NOTHING,
     "it is not at hand",
     NULL},
    {"empty",
     {DSN_SPAN_LITERAL(""), DSN_RETURN_FULL, 1000, true, false},
     DSN_RETURN_NOTHING,
     "it has no header fields",
     NULL},
    {"no header",
     {DSN_SPAN_LITERAL("\r\nbody\r\n"), DSN_RETURN_FULL, 1000, true, false},
     DSN_RETURN_NOTHING,
     "it has no header fields",
     NULL},
    {"lines that are no fields",
     {DSN_SPAN_LITERAL("once upon\r\na time: x\r\n\r\n"), DSN_RETURN_FULL, 1000, true, false},
     DSN_RETURN_NOTHING,
     "it has no header fields",
     NULL},
};

START_TEST(plans_and_writes)
{
    DsnReturnedPlan plan;

    dsn_returned_plan(&rows[_i].request, &plan);
    ck_assert_msg(plan.returned == rows[_i].returned, "%s: returned %d", rows[_i].label,
                  plan.returned);
    ck_assert_msg(g_strcmp0(plan.reduced, rows[_i].reduced) == 0, "%s: reduced: %s", rows[_i].label,
                  plan.reduced);
    if (rows[_i].part == NULL)
        return;

    g_autoptr(GString) part = g_string_new(NULL);
    dsn_returned_append(&plan, part);
    dsn_test_compare(__FILE__, __LINE__, part->str, part->len, rows[_i].part, strlen(rows[_i].part),
                     rows[_i].label);
}
END_TEST

START_TEST(the_header_is_told_whatever_is_returned)
{
    DsnReturnRequest request = {.original = DSN_SPAN_LITERAL(HEAD "\r\nFrom: body\r\n")};
    DsnReturnedPlan plan;

    dsn_returned_plan(&request, &plan);
    dsn_assert_span(plan.header, HEAD, "header");
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("returned-build");
    TCase *tcase = tcase_create("returned content");

    tcase_add_loop_test(tcase, plans_and_writes, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, the_header_is_told_whatever_is_returned);
    suite_add_tcase(suite, tcase);
    return suite;
}
