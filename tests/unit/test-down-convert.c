/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/down-convert.h"
#include "mime/lines.h"
#include "mime/report-build.h"
#include "mime/report-parse.h"
#include "mime/structure.h"
#include "tests/support/notice.h"
#include "tests/support/unit.h"

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define THOUSAND HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED
#define E_ACUTE "\xc3\xa9"
#define QP "Content-Transfer-Encoding: quoted-printable\r\n"
#define B64 "Content-Transfer-Encoding: base64\r\n"
#define EIGHT "Content-Transfer-Encoding: 8bit\r\n"
#define MIME "MIME-Version: 1.0\r\n"
#define SUBJECT "Subject: x\r\n"
#define MIXED "Content-Type: multipart/mixed; boundary=b\r\n"
#define SIGNED "Content-Type: multipart/signed; boundary=b\r\n"

/* Messages, and the same in 7 bits; NULL when that cannot be. */
static const struct {
    const char *label;
    DsnSpan message;
    const char *want;
} rows[] = {
    {"7-bit already", DSN_SPAN_LITERAL(SUBJECT "\r\nbody\r\n"), SUBJECT "\r\nbody\r\n"},
    {"header alone", DSN_SPAN_LITERAL(SUBJECT), SUBJECT},
    {"a text, no MIME (MIME-12)",
     DSN_SPAN_LITERAL(SUBJECT "\r\n" E_ACUTE "t" E_ACUTE " = summer\r\n"),
     SUBJECT MIME QP "\r\n=C3=A9t=C3=A9 =3D summer\r\n"},
    {"a text that is hardly ASCII (MIME-26)",
     DSN_SPAN_LITERAL(SUBJECT "\r\n\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\r\n"),
     SUBJECT MIME B64 "\r\n5pel5pys6KqeDQo=\r\n"},
    {"a file", DSN_SPAN_LITERAL(MIME "Content-Type: image/png\r\n" EIGHT "\r\n\xff\xd8\r\n"),
     MIME "Content-Type: image/png\r\n" B64 "\r\n/9gNCg==\r\n"},
    {"NUL", DSN_SPAN_LITERAL(SUBJECT "\r\na\0b"), SUBJECT MIME QP "\r\na=00b"},
    {"no line end", DSN_SPAN_LITERAL(SUBJECT "\r\nr" E_ACUTE "e"), SUBJECT MIME QP "\r\nr=C3=A9e"},
    {"label with a fold and a comment",
     DSN_SPAN_LITERAL(MIME "content-transfer-encoding:\r\n\t(x) 8bit\r\n" SUBJECT "\r\nr" E_ACUTE
                           "e\r\n"),
     MIME SUBJECT QP "\r\nr=C3=A9e\r\n"},
    {"labels that contradict each other",
     DSN_SPAN_LITERAL(MIME EIGHT B64 SUBJECT "\r\nr" E_ACUTE "e\r\n"),
     MIME SUBJECT QP "\r\nr=C3=A9e\r\n"},
    {"broken quoted-printable", DSN_SPAN_LITERAL(MIME QP "\r\na=3D" E_ACUTE "=\r\nb\r\n"),
     MIME QP "\r\na=3D=C3=A9b\r\n"},
    {"broken base64", DSN_SPAN_LITERAL(MIME B64 "\r\nYW" E_ACUTE "Jj\r\n"),
     MIME B64 "\r\nYWJj\r\n"},
    {"an encoding of nobody",
     DSN_SPAN_LITERAL(MIME "Content-Transfer-Encoding: x-uu\r\n\r\n\xff\r\n"), NULL},
    {"UTF-8 in its header stays", DSN_SPAN_LITERAL("Subject: " E_ACUTE "\r\n\r\nr" E_ACUTE "e\r\n"),
     "Subject: " E_ACUTE "\r\n" MIME QP "\r\nr=C3=A9e\r\n"},

    {"parts, one of them 8-bit (MIME-15)",
     DSN_SPAN_LITERAL(MIME MIXED EIGHT "\r\npreamble\r\n--b\r\n\r\nplain\r\n--b\r\n" EIGHT
                                       "\r\nr" E_ACUTE "e\r\n\r\n--b--\r\nepilogue\r\n"),
     MIME MIXED "\r\npreamble\r\n--b\r\n\r\nplain\r\n--b\r\n" QP
                "\r\nr=C3=A9e\r\n\r\n--b--\r\nepilogue\r\n"},
    {"parts of parts",
     DSN_SPAN_LITERAL(MIME MIXED "\r\n--b\r\nContent-Type: multipart/related; boundary=c\r\n" EIGHT
                                 "\r\n--c\r\n\r\nr" E_ACUTE "e\r\n--c--\r\n--b--\r\n"),
     MIME MIXED "\r\n--b\r\nContent-Type: multipart/related; boundary=c\r\n\r\n--c\r\n" QP
                "\r\nr=C3=A9e\r\n--c--\r\n--b--\r\n"},
    {"not closed", DSN_SPAN_LITERAL(MIME MIXED "\r\n--b\r\n\r\n" E_ACUTE "abc"),
     MIME MIXED "\r\n--b\r\n" QP "\r\n=C3=A9abc"},
    {"between the parts",
     DSN_SPAN_LITERAL(MIME MIXED "\r\n" E_ACUTE "\r\n--b\r\n\r\nx\r\n--b--\r\n"), NULL},
    {"in the header of a part",
     DSN_SPAN_LITERAL(MIME MIXED "\r\n--b\r\nContent-Description: " E_ACUTE
                                 "\r\n\r\nx\r\n--b--\r\n"),
     NULL},
    {"by a boundary that was guessed",
     DSN_SPAN_LITERAL(MIME MIXED "\r\n--c\r\nContent-Type: x/y\r\n\r\n" E_ACUTE "\r\n--c--\r\n"),
     NULL},
    {"no boundary at all",
     DSN_SPAN_LITERAL(MIME "Content-Type: multipart/mixed\r\n\r\n" E_ACUTE "\r\n"), NULL},

    {"signed", DSN_SPAN_LITERAL(MIME SIGNED "\r\n--b\r\n\r\n" E_ACUTE "\r\n--b--\r\n"), NULL},
    {"deep in what is signed",
     DSN_SPAN_LITERAL(
         MIME SIGNED
         "\r\n--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\n" E_ACUTE
         "\r\n--c--\r\n--b--\r\n"),
     NULL},
    {"encrypted",
     DSN_SPAN_LITERAL(MIME
                      "Content-Type: multipart/encrypted; boundary=b\r\n\r\n--b\r\n\r\n" E_ACUTE
                      "\r\n--b--\r\n"),
     NULL},
    {"signed and 7-bit, beside a part that is not",
     DSN_SPAN_LITERAL(MIME MIXED
                      "\r\n--b\r\nContent-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n" EIGHT
                      "\r\nx\r\n--s--\r\n--b\r\n\r\nr" E_ACUTE "e\r\n--b--\r\n"),
     MIME MIXED "\r\n--b\r\nContent-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n" EIGHT
                "\r\nx\r\n--s--\r\n--b\r\n" QP "\r\nr=C3=A9e\r\n--b--\r\n"},

    {"a message inside (MIME-11)",
     DSN_SPAN_LITERAL(MIME "Content-Type: message/rfc822\r\n" EIGHT "\r\n" SUBJECT "\r\nr" E_ACUTE
                           "e\r\n"),
     MIME "Content-Type: message/rfc822\r\n\r\n" SUBJECT MIME QP "\r\nr=C3=A9e\r\n"},
    {"a message inside with an 8-bit header",
     DSN_SPAN_LITERAL(MIME "Content-Type: message/rfc822\r\n\r\nSubject: " E_ACUTE "\r\n\r\nx\r\n"),
     NULL},
    {"a message inside that is encoded",
     DSN_SPAN_LITERAL(MIME "Content-Type: message/rfc822\r\n" QP "\r\nSubject: " E_ACUTE
                           "\r\n\r\nx\r\n"),
     NULL},
    {"a message of RFC 6532 inside (I18N-10)",
     DSN_SPAN_LITERAL(MIME "Content-Type: message/global\r\n" EIGHT "\r\nSubject: " E_ACUTE
                           "\r\n\r\nx\r\n"),
     MIME "Content-Type: message/global\r\n" QP "\r\nSubject: =C3=A9\r\n\r\nx\r\n"},
    {"a part of a message",
     DSN_SPAN_LITERAL(MIME "Content-Type: message/partial\r\n\r\n" E_ACUTE "\r\n"), NULL},
    {"a delivery status",
     DSN_SPAN_LITERAL(MIME "Content-Type: message/delivery-status\r\n\r\n\xff\r\n"), NULL},
    {"a digest",
     DSN_SPAN_LITERAL(MIME "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n" SUBJECT
                           "\r\n" E_ACUTE "abc\r\n--b--\r\n"),
     MIME "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n" SUBJECT MIME QP
          "\r\n=C3=A9abc\r\n--b--\r\n"},
};

static bool
convert(DsnSpan message, GString *result)
{
    return dsn_message_down_convert(message, &DSN_LIMITS_DEFAULT, result);
}

START_TEST(messages_in_seven_bits)
{
    g_autoptr(GString) result = g_string_new("before ");
    bool good = convert(rows[_i].message, result);

    ck_assert_msg(good == (rows[_i].want != NULL), "%s: %s", rows[_i].label, result->str);
    dsn_assert_span(dsn_span(result->str + strlen("before ")),
                    rows[_i].want == NULL ? "" : rows[_i].want, rows[_i].label);
    ck_assert_msg(g_str_has_prefix(result->str, "before "), "%s", rows[_i].label);
    if (!good)
        return;

    g_autoptr(GString) again = g_string_new(NULL); /* there is nothing left to do */
    ck_assert(convert(dsn_span(rows[_i].want), again));
    dsn_assert_span(dsn_span(again->str), rows[_i].want, rows[_i].label);
}
END_TEST

/* The octets of a leaf come back as they were, whatever they are (MIME-25, MIME-26, MIME-34). */
START_TEST(octets_stay)
{
    static const char *const headers[] = {"Content-Type: text/plain\r\n", "Content-Type: x/y\r\n",
                                          ""};
    g_autoptr(GRand) random = g_rand_new_with_seed(1 + (guint32)_i);

    for (unsigned round = 0; round < 200; round++) {
        g_autoptr(GString) message = g_string_new(MIME);
        g_autoptr(GString) result = g_string_new(NULL);
        g_autoptr(GString) decoded = g_string_new(NULL);
        g_autoptr(DsnStructure) structure = dsn_structure_new();
        gint32 len = g_rand_int_range(random, 0, 3000);
        static const char often[] = "\0\xc3\xa9 -=.\t\r\n--b";
        bool noise = g_rand_boolean(random);

        g_string_append_printf(message, "%s\r\n", headers[_i]);
        size_t start = message->len;
        while (len-- > 0)
            g_string_append_c(message, noise ? (char)g_rand_int_range(random, 0, 256)
                                             : often[g_rand_int_range(random, 0, sizeof(often))]);
        g_autoptr(GString) repaired = g_string_new(NULL);
        dsn_lines_append_repaired((DsnSpan){message->str, message->len}, repaired);
        ck_assert(convert((DsnSpan){repaired->str, repaired->len}, result));
        dsn_structure_scan(structure, (DsnSpan){result->str, result->len}, &DSN_LIMITS_DEFAULT);

        const DsnPart *part = &g_array_index(structure->parts, DsnPart, 0);
        DsnLinesSurvey found = dsn_lines_survey((DsnSpan){result->str, result->len});
        ck_assert(!found.nul && !found.eight_bit && !found.repair && found.longest <= DSN_LINE_MAX);
        ck_assert(dsn_transfer_decode(part->body, part->transfer, &DSN_LIMITS_DEFAULT, decoded));
        dsn_assert_bytes(decoded->str, decoded->len, repaired->str + start, repaired->len - start);
    }
}
END_TEST

/* MIME-16: no line that seems to be a boundary comes into being where a long line is broken. */
START_TEST(no_boundary_is_made_by_a_soft_break)
{
    for (size_t before = 60; before < 90; before++) {
        g_autofree char *text = g_strnfill(before, 'x');
        g_autofree char *message =
            g_strdup_printf(MIME MIXED "\r\n--b\r\n\r\n" E_ACUTE "\r\n%s--b\r\n--b--\r\n", text);
        g_autoptr(GString) result = g_string_new(NULL);
        g_autoptr(DsnStructure) structure = dsn_structure_new();

        ck_assert(convert(dsn_span(message), result));
        dsn_structure_scan(structure, (DsnSpan){result->str, result->len}, &DSN_LIMITS_DEFAULT);
        ck_assert_msg(structure->parts->len == 2, "%s", result->str);
        ck_assert_msg(strstr(result->str, "=\r\n--") == NULL, "%s", result->str);
    }
}
END_TEST

START_TEST(messages_in_messages_are_followed_so_far)
{
    for (unsigned depth = 0; depth < 20; depth++) {
        g_autoptr(GString) message = g_string_new(NULL);
        g_autoptr(GString) result = g_string_new(NULL);

        for (unsigned i = 0; i < depth; i++)
            g_string_append(message, MIME "Content-Type: message/rfc822\r\n\r\n");
        g_string_append(message, SUBJECT "\r\nr" E_ACUTE "e\r\n");
        bool good = convert((DsnSpan){message->str, message->len}, result);
        ck_assert_msg(good == (depth <= 8), "%u", depth);
        ck_assert_uint_eq(result->len > 0, good);
    }
}
END_TEST

/* Would take hours if any of it were looked at again and again. */
START_TEST(hostile_structures_take_no_long_time)
{
    static const char *const pieces[] = {
        "--b\r\n",
        "--b\r\n\r\n\xff\r\n",
        "--b\r\nContent-Type: message/rfc822\r\n\r\n\xff\r\n",
        "--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n",
        "\xff\r\n",
        "Content-Type: x/y\r\n",
        ("--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--d\r\n"
         "Content-Type: x/y\r\n\r\n\xff\r\n"),
    };
    g_autoptr(GString) message = g_string_new(MIME MIXED "\r\n");
    g_autoptr(GString) result = g_string_new(NULL);

    while (message->len < 4 * 1024 * 1024)
        g_string_append(message, pieces[_i]);
    if (convert((DsnSpan){message->str, message->len}, result))
        ck_assert(!dsn_lines_survey((DsnSpan){result->str, result->len}).eight_bit);
    else
        ck_assert_uint_eq(result->len, 0);
}
END_TEST

/* What a notice returns of an original, and what is left of it in 7 bits. */
static const struct {
    const char *label;
    bool global;
    DsnSpan original;
    DsnReturnedKind kind;
    const char *part; /* what stands in the notice */
} notices[] = {
    {"nothing to do", false, DSN_SPAN_LITERAL("From: a@b.example\r\n\r\nplain\r\n"),
     DSN_RETURNED_MESSAGE,
     "Content-Type: message/rfc822\r\n\r\nFrom: a@b.example\r\n\r\nplain\r\n\r\n--b1--"},
    {"8-bit body (MIME-12)", false, DSN_SPAN_LITERAL("From: a@b.example\r\n\r\nr" E_ACUTE "e\r\n"),
     DSN_RETURNED_MESSAGE,
     "Content-Type: message/rfc822\r\n\r\nFrom: a@b.example\r\n" MIME QP
     "\r\nr=C3=A9e\r\n\r\n--b1--"},
    {"signed 8-bit body", false,
     DSN_SPAN_LITERAL("From: a@b.example\r\n" MIME SIGNED "\r\n--b\r\n\r\n" E_ACUTE
                      "\r\n--b--\r\n"),
     DSN_RETURNED_HEADERS,
     "Content-Type: text/rfc822-headers\r\n\r\nFrom: a@b.example\r\n" MIME SIGNED "\r\n--b1--"},
    {"UTF-8 header (I18N-10)", true,
     DSN_SPAN_LITERAL("From: a@b.example\r\nSubject: " E_ACUTE "\r\n\r\nr" E_ACUTE "e\r\n"),
     DSN_RETURNED_MESSAGE,
     "Content-Type: message/global\r\n" QP
     "\r\nFrom: a@b.example\r\nSubject: =C3=A9\r\n\r\nr=C3=A9e\r\n\r\n--b1--"},
    {"UTF-8 fields (I18N-08)", true, DSN_SPAN_LITERAL("From: a@b.example\r\n\r\nx\r\n"),
     DSN_RETURNED_MESSAGE,
     "Content-Type: message/global-delivery-status\r\n" QP
     "\r\nReporting-MTA: dns; mta1.example.com\r\n"
     "\r\nFinal-Recipient: utf-8; jos=C3=A9@customer.example\r\n"},
};

/* A notice as the relay gets it: for a path that is 8-bit clean. */
static bool
build(DsnReport *report, DsnFrame *frame, DsnSpan original, GString *notice, DsnBuilt *built)
{
    DsnPerRecipient *recipient = dsn_report_add_recipient(report);
    DsnReturnedPlan plan;

    report->kind = DSN_REPORT_DELIVERY_STATUS;
    report->per_message.reporting_mta =
        (DsnTyped){DSN_SPAN_LITERAL("dns"), DSN_SPAN_LITERAL("mta1.example.com")};
    recipient->final_recipient =
        report->global
            ? (DsnTyped){DSN_SPAN_LITERAL("utf-8"),
                         DSN_SPAN_LITERAL("jos" E_ACUTE "@customer.example")}
            : (DsnTyped){DSN_SPAN_LITERAL("rfc822"), DSN_SPAN_LITERAL("jane@customer.example")};
    recipient->action = DSN_ACTION_FAILED;
    recipient->status = (DsnStatusCode){5, 1, 1};
    dsn_returned_plan(&(DsnReturnRequest){.original = original,
                                          .wanted = DSN_RETURN_FULL,
                                          .limit = 10000000,
                                          .failed = true,
                                          .utf8_path = report->global},
                      &plan);
    frame->returned = &plan;
    return dsn_report_build(report, frame, notice, built, NULL);
}

static DsnFrame
make_frame(void)
{
    static const DsnWords words = {
        .language = DSN_SPAN_LITERAL("de"),
        .text = DSN_SPAN_LITERAL(
            "Ihre Nachricht wurde nicht zugestellt, tut uns leid f\xc3\xbcr Sie.\n")};

    return (DsnFrame){
        .from = DSN_SPAN_LITERAL("mailer-daemon@mta1.example.com"),
        .to = DSN_SPAN_LITERAL("news@shop.example"),
        .subject = DSN_SPAN_LITERAL("Unzustellbar: Gr\xc3\xbc\xc3\x9f"
                                    "e"),
        .message_id = DSN_SPAN_LITERAL("<1@mta1.example.com>"),
        .date = 1057056757,
        .boundary = DSN_SPAN_LITERAL("b1"),
        .words = &words,
        .n_words = 1,
    };
}

START_TEST(notices_in_seven_bits)
{
    g_autoptr(DsnReport) report = dsn_report_new();
    g_autoptr(DsnReport) read = dsn_report_new();
    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&DSN_LIMITS_DEFAULT);
    g_autoptr(GString) notice = g_string_new(NULL);
    g_autoptr(GString) result = g_string_new(NULL);
    g_autoptr(GString) again = g_string_new(NULL);
    DsnFrame frame = make_frame();
    DsnBuilt built;

    report->global = notices[_i].global;
    ck_assert(build(report, &frame, notices[_i].original, notice, &built));
    ck_assert(!built.utf8); /* I18N-15: its own addresses are ASCII */
    ck_assert(
        dsn_notice_down_convert((DsnSpan){notice->str, notice->len}, &DSN_LIMITS_DEFAULT, result));
    ck_assert_msg(dsn_text_is_ascii((DsnSpan){result->str, result->len}), "%s", result->str);
    ck_assert_msg(strstr(result->str, notices[_i].part) != NULL, "%s:\n%s", notices[_i].label,
                  result->str);
    ck_assert_ptr_null(strstr(result->str, EIGHT)); /* MIME-15 */
    dsn_test_check_notice((DsnSpan){result->str, result->len}, report, notices[_i].label);
    dsn_report_parse(parser, (DsnSpan){result->str, result->len}, read);
    ck_assert_msg(read->returned.kind == notices[_i].kind, "%s", notices[_i].label);
    if (!built.eight_bit)
        dsn_assert_span(dsn_span(result->str), notice->str, notices[_i].label);

    /* The same bytes each time, and once is enough. */
    ck_assert(
        dsn_notice_down_convert((DsnSpan){notice->str, notice->len}, &DSN_LIMITS_DEFAULT, again));
    dsn_assert_span(dsn_span(again->str), result->str, notices[_i].label);
    g_string_truncate(again, 0);
    ck_assert(
        dsn_notice_down_convert((DsnSpan){result->str, result->len}, &DSN_LIMITS_DEFAULT, again));
    dsn_assert_span(dsn_span(again->str), result->str, notices[_i].label);
}
END_TEST

/* I18N-15: only what has UTF-8 in its own header really needs SMTPUTF8. */
START_TEST(a_notice_to_a_utf8_address_cannot_be_converted)
{
    g_autoptr(DsnReport) report = dsn_report_new();
    g_autoptr(GString) notice = g_string_new(NULL);
    g_autoptr(GString) result = g_string_new("before");
    DsnFrame frame = make_frame();
    DsnBuilt built;

    frame.to = DSN_SPAN_LITERAL("n" E_ACUTE "ws@shop.example");
    ck_assert(
        build(report, &frame, DSN_SPAN_LITERAL("From: a@b.example\r\n\r\nx\r\n"), notice, &built));
    ck_assert(built.utf8 && built.eight_bit);
    ck_assert(
        !dsn_notice_down_convert((DsnSpan){notice->str, notice->len}, &DSN_LIMITS_DEFAULT, result));
    ck_assert_str_eq(result->str, "before");
}
END_TEST

/* Caps are for what comes from outside: a large notice of ours is converted whole. */
START_TEST(large_notices_are_converted)
{
    g_autoptr(DsnReport) report = dsn_report_new();
    g_autoptr(GString) original = g_string_new("From: a@b.example\r\n\r\n");
    g_autoptr(GString) notice = g_string_new(NULL);
    g_autoptr(GString) result = g_string_new(NULL);
    DsnLimits limits = DSN_LIMITS_DEFAULT;
    DsnFrame frame = make_frame();
    DsnBuilt built;

    limits.message = limits.decoded = 1000;
    while (original->len < 3 * 1000 * 1000)
        g_string_append(original, "na"
                                  "\xc3\xaf"
                                  "ve\r\n");
    ck_assert(build(report, &frame, (DsnSpan){original->str, original->len}, notice, &built));
    ck_assert(dsn_notice_down_convert((DsnSpan){notice->str, notice->len}, &limits, result));
    ck_assert(dsn_text_is_ascii((DsnSpan){result->str, result->len}));
    ck_assert_uint_gt(result->len, original->len);
    dsn_test_check_notice((DsnSpan){result->str, result->len}, report, "large");
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("down-convert");
    TCase *tcase = tcase_create("seven bits");

    tcase_add_loop_test(tcase, messages_in_seven_bits, 0, G_N_ELEMENTS(rows));
    tcase_add_loop_test(tcase, octets_stay, 0, 3);
    tcase_add_test(tcase, no_boundary_is_made_by_a_soft_break);
    tcase_add_test(tcase, messages_in_messages_are_followed_so_far);
    tcase_add_loop_test(tcase, hostile_structures_take_no_long_time, 0, 7);
    tcase_add_loop_test(tcase, notices_in_seven_bits, 0, G_N_ELEMENTS(notices));
    tcase_add_test(tcase, a_notice_to_a_utf8_address_cannot_be_converted);
    tcase_add_test(tcase, large_notices_are_converted);
    suite_add_tcase(suite, tcase);
    return suite;
}
