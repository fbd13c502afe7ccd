/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/lmtp-session.h"
#include "tests/support/unit.h"

#define LHLO "LHLO client.example\r\n"
#define FROM "MAIL FROM:<s@s.example>\r\n"
#define BEGUN LHLO FROM "RCPT TO:<a@r.example>\r\nDATA\r\n"
#define GREETED "220 250-250-250-250-250-250 "
#define ACCEPTED GREETED "250 250 354 "

/* What the client sends, and what comes of it: the codes of the replies, and each message as
 * "[sender|recipients|bytes]". */
static const struct {
    const char *label, *client, *want;
} dialogues[] = {
    {"greeting", "", "220 "},
    {"LHLO", LHLO, GREETED},
    {"LHLO without a name", "LHLO\r\nLHLO \r\nLHLO a b\r\n", "220 501 501 501 "},
    {"no other hello", "HELO a\r\nEHLO a\r\n", "220 500 500 "},
    {"any case, lone LF", "lhlo a\nnoop\nQuIt\n", GREETED "250 221 end"},
    {"a message", BEGUN "A: b\r\n\r\nc\r\n.\r\n",
     ACCEPTED "[s@s.example|a@r.example|A: b\r\n\r\nc\r\n]250 "},
    {"two messages, all at once",
     BEGUN "1\r\n.\r\n" FROM "RCPT TO:<b@r.example>\r\nDATA\r\n2\r\n.\r\nQUIT\r\nNOOP\r\n",
     ACCEPTED "[s@s.example|a@r.example|1\r\n]250 250 250 354 "
              "[s@s.example|b@r.example|2\r\n]250 221 end"},
    {"a reply for each recipient that was accepted",
     LHLO FROM "RCPT TO:<a@r.example>\r\nRCPT TO:<no@x.example>\r\nRCPT TO:<b@R.EXAMPLE>\r\n"
               "DATA\r\n.\r\n",
     GREETED "250 250 550 250 354 [s@s.example|a@r.example,b@r.example|]250 250 "},
    {"null sender", LHLO "MAIL FROM:<>\r\nRCPT TO:<a@r.example>\r\nDATA\r\n.\r\n",
     GREETED "250 250 354 [|a@r.example|]250 "},
    {"odd addresses",
     LHLO "MAIL FROM: <a..b.@s.example>\r\nRCPT TO: <\"x> y\\\"\"@r.example>\r\n"
          "RCPT TO:<@h.example:a@R.example>\r\nDATA\r\n.\r\n",
     GREETED "250 250 250 354 [a..b.@s.example|\"x> y\\\"\"@r.example,a@r.example|]250 250 "},
    {"no paths",
     LHLO "MAIL\r\nMAIL FROM\r\nMAIL FROM:\r\nMAIL FROM:a@b.example\r\nMAIL FROM:<a@b.example\r\n"
          "MAIL FROM:<a>b\r\nMAIL FROM:<\"a>\r\nMAIL TO:<a@b.example>\r\n",
     GREETED "501 501 501 501 501 501 501 501 "},
    {"no recipient", LHLO FROM "RCPT TO:<>\r\nRCPT TO:< >\r\nRCPT TO:\r\nDATA\r\n",
     GREETED "250 501 501 501 503 "},
    {"out of order", FROM "RCPT TO:<a@r.example>\r\nDATA\r\n" LHLO "DATA\r\n" FROM FROM,
     "220 503 503 503 250-250-250-250-250-250 503 250 503 "},
    {"RSET forgets", LHLO FROM "RCPT TO:<a@r.example>\r\nRSET\r\nDATA\r\n" FROM "DATA\r\n",
     GREETED "250 250 250 503 250 503 "},
    {"LHLO forgets", LHLO FROM "RCPT TO:<a@r.example>\r\n" LHLO "DATA\r\n",
     GREETED "250 250 250-250-250-250-250-250 503 "},
    {"DATA with an argument", LHLO FROM "RCPT TO:<a@r.example>\r\nDATA x\r\n",
     GREETED "250 250 501 "},
    {"VRFY", "VRFY a\r\n", "220 252 "},
    {"unknown", "\r\nBDAT 3\r\nSTARTTLS\r\nEXPN\r\n", "220 500 500 500 500 "},
    {"control characters", "NO\tOP\r\nNO\rOP\r\nNOOP\x7f\r\n", "220 500 500 500 "},
    /* what ends a message and what does not */
    {"dots undone", BEGUN "..\r\n.a\r\n...b\r\nc.\r\n.\r\n",
     ACCEPTED "[s@s.example|a@r.example|.\r\na\r\n..b\r\nc.\r\n]250 "},
    {"LF dot LF", BEGUN "a\n.\nQUIT\r\n.\r\n",
     ACCEPTED "[s@s.example|a@r.example|a\n.\nQUIT\r\n]250 "},
    {"LF dot CRLF", BEGUN "a\n.\r\nQUIT\r\n.\r\n",
     ACCEPTED "[s@s.example|a@r.example|a\n.\r\nQUIT\r\n]250 "},
    {"CR dot CR", BEGUN "a\r.\rQUIT\r\n.\r\n",
     ACCEPTED "[s@s.example|a@r.example|a\r.\rQUIT\r\n]250 "},
    {"CRLF dot LF", BEGUN "a\r\n.\nQUIT\r\n.\r\n",
     ACCEPTED "[s@s.example|a@r.example|a\r\n\nQUIT\r\n]250 "},
    {"CRLF dot CR", BEGUN "a\r\n.\rQUIT\r\n.\r\n",
     ACCEPTED "[s@s.example|a@r.example|a\r\n\rQUIT\r\n]250 "},
    {"CRLF dot CRCRLF", BEGUN "a\r\n.\r\r\nQUIT\r\n.\r\n",
     ACCEPTED "[s@s.example|a@r.example|a\r\n\r\r\nQUIT\r\n]250 "},
    {"CRCRLF dot CRLF", BEGUN "a\r\r\n.\r\n", ACCEPTED "[s@s.example|a@r.example|a\r\r\n]250 "},
    {"no line end before the dot", BEGUN "a.\r\n.\r\n",
     ACCEPTED "[s@s.example|a@r.example|a.\r\n]250 "},
    /* parameters */
    /* ESMTP-13: some and none of those of DSN, of any value */
    {"parameters of MAIL",
     LHLO "MAIL FROM:<> SIZE=100 BODY=8bitmime RET=hdrs ENVID=a+20b SMTPUTF8\r\nRSET\r\n"
          "MAIL FROM:<> RET=FULL\r\nRSET\r\nMAIL FROM:<> ENVID=a+2B(b\r\n",
     GREETED "250 250 250 250 250 "},
    {"larger than can be",
     LHLO "MAIL FROM:<> SIZE=101\r\nMAIL FROM:<> SIZE=99999999999999999999\r\n",
     GREETED "552 552 "},
    {"bad SIZE",
     LHLO "MAIL FROM:<> SIZE\r\nMAIL FROM:<> SIZE=\r\nMAIL FROM:<> SIZE=1x\r\n"
          "MAIL FROM:<> SIZE=-1\r\nMAIL FROM:<> SIZE=111111111111111111111\r\n",
     GREETED "501 501 501 501 501 "},
    {"bad BODY", LHLO "MAIL FROM:<> BODY\r\nMAIL FROM:<> BODY=BINARYMIME\r\n", GREETED "501 501 "},
    {"bad SMTPUTF8", LHLO "MAIL FROM:<> SMTPUTF8=1\r\n", GREETED "501 "},
    {"bad RET", LHLO "MAIL FROM:<> RET=all\r\nMAIL FROM:<> RET\r\n", GREETED "501 501 "},
    {"bad ENVID",
     LHLO "MAIL FROM:<> ENVID\r\nMAIL FROM:<> ENVID=+2\r\nMAIL FROM:<> ENVID=+0A\r\n"
          "MAIL FROM:<> ENVID=a=b\r\n",
     GREETED "501 501 501 501 "},
    /* ESMTP-11, ESMTP-12: so are those above and below */
    {"twice",
     LHLO "MAIL FROM:<> RET=FULL RET=FULL\r\nMAIL FROM:<> ENVID=a RET=FULL ENVID=b\r\n" FROM
          "RCPT TO:<a@r.example> NOTIFY=NEVER NOTIFY=NEVER\r\n"
          "RCPT TO:<a@r.example> ORCPT=rfc822;a ORCPT=rfc822;a\r\n",
     GREETED "501 501 250 501 501 "},
    {"unknown ones", LHLO "MAIL FROM:<> AUTH=<>\r\n" FROM "RCPT TO:<a@r.example> SIZE=1\r\n",
     GREETED "555 250 555 "},
    {"no parameters", LHLO "MAIL FROM:<> -a\r\nMAIL FROM:<> =\r\nMAIL FROM:<> a_b=1\r\n",
     GREETED "501 501 501 "},
    /* ESMTP-13 */
    {"parameters of RCPT",
     LHLO FROM "RCPT TO:<a@r.example> NOTIFY=NEVER ORCPT=rfc822;a+2Bb@c.example\r\n"
               "RCPT TO:<a@r.example> NOTIFY=success,Failure,DELAY\r\n"
               "RCPT TO:<a@r.example> ORCPT=x400;/S+3Da/\r\nRCPT TO:<a@r.example>\r\n",
     GREETED "250 250 250 250 250 "},
    /* I18N-01: in 7 bits and in 8 */
    {"ORCPT in UTF-8",
     LHLO "MAIL FROM:<> SMTPUTF8\r\nRCPT TO:<a@r.example> ORCPT=utf-8;\\x{E4}@c.example\r\n"
          "RCPT TO:<a@r.example> ORCPT=UTF-8;\xc3\xa4\\x{2B}@c.example\r\n"
          "RCPT TO:<a@r.example> ORCPT=utf-8;\xe4@c.example\r\n",
     GREETED "250 250 250 501 "},
    {"bad NOTIFY",
     LHLO FROM "RCPT TO:<a@r.example> NOTIFY\r\nRCPT TO:<a@r.example> NOTIFY=NEVER,DELAY\r\n"
               "RCPT TO:<a@r.example> NOTIFY=DELAY,\r\nRCPT TO:<a@r.example> NOTIFY=x\r\n",
     GREETED "250 501 501 501 501 "},
    {"bad ORCPT",
     LHLO FROM "RCPT TO:<a@r.example> ORCPT\r\nRCPT TO:<a@r.example> ORCPT=a@b.example\r\n"
               "RCPT TO:<a@r.example> ORCPT=rfc822;\r\nRCPT TO:<a@r.example> ORCPT=;a\r\n"
               "RCPT TO:<a@r.example> ORCPT=rfc822;+0A\r\nRCPT TO:<a@r.example> ORCPT=r(c;a\r\n",
     GREETED "250 501 501 501 501 501 501 "},
    {"UTF-8 asked for",
     LHLO "MAIL FROM:<\xc3\xa4@s.example> SMTPUTF8\r\nRCPT TO:<\xc3\xb6@r.example>\r\n"
          "RCPT TO:<\xff@r.example>\r\nDATA\r\n.\r\n",
     GREETED "250 250 501 354 [\xc3\xa4@s.example|\xc3\xb6@r.example|]250 "},
    {"UTF-8 not asked for",
     LHLO "MAIL FROM:<\xc3\xa4@s.example>\r\n" FROM "RCPT TO:<\xc3\xb6@r.example>\r\n",
     GREETED "553 250 553 "},
};

static bool
takes(DsnSpan recipient, gpointer user)
{
    (void)user;
    return recipient.len > 10 &&
           dsn_span_is(dsn_span_from(recipient, recipient.len - 10), "@r.example");
}

static const DsnLmtpOptions options = {"mx.example", 100, takes, NULL};

static void
note_replies(DsnLmtpSession *session, GString *transcript)
{
    GString *replies = dsn_lmtp_session_replies(session);
    const char *at = replies->str;
    const char *end;

    for (; (end = strstr(at, "\r\n")) != NULL; at = end + 2)
        g_string_append_len(transcript, at, 4);
    ck_assert_msg(*at == '\0', "half a reply: %s", at);
    g_string_truncate(replies, 0);
}

static void
note_message(const DsnLmtpEnvelope *envelope, GString *transcript)
{
    g_string_append_printf(transcript, "[%s|", envelope->sender);
    for (guint i = 0; i < envelope->recipients->len; i++)
        g_string_append_printf(transcript, "%s%s", i == 0 ? "" : ",",
                               (const char *)envelope->recipients->pdata[i]);
    g_string_append_c(transcript, '|');
    g_string_append_len(transcript, envelope->message->str, (gssize)envelope->message->len);
    g_string_append_c(transcript, ']');
}

/* Runs @client in pieces of @size; true when the session closed. */
static bool
run(DsnLmtpSession *session, DsnSpan client, size_t size, GString *transcript)
{
    while (client.len > 0) {
        DsnSpan piece = {client.data, MIN(client.len, size)};

        client = dsn_span_from(client, piece.len);
        for (;;) {
            DsnLmtpStep step = dsn_lmtp_session_step(session, &piece);

            note_replies(session, transcript);
            if (step == DSN_LMTP_CLOSE)
                return true;
            if (step == DSN_LMTP_MORE)
                break;
            note_message(dsn_lmtp_session_envelope(session), transcript);
            dsn_lmtp_session_answer(session, "250 2.0.0 Ok");
        }
        ck_assert_uint_eq(piece.len, 0);
    }
    note_replies(session, transcript);
    return false;
}

START_TEST(answers)
{
    static const size_t sizes[] = {SIZE_MAX, 1, 2, 3, 7};

    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autoptr(DsnLmtpSession) session = dsn_lmtp_session_new(&options);
        g_autoptr(GString) transcript = g_string_new(NULL);

        if (run(session, dsn_span(dialogues[_i].client), sizes[i], transcript))
            g_string_append(transcript, "end");
        dsn_assert_span(((DsnSpan){transcript->str, transcript->len}), dialogues[_i].want,
                        dialogues[_i].label);
    }
}
END_TEST

/* Runs @client at once. */
static GString *
transcript_of(DsnSpan client)
{
    g_autoptr(DsnLmtpSession) session = dsn_lmtp_session_new(&options);
    GString *transcript = g_string_new(NULL);

    if (run(session, client, SIZE_MAX, transcript))
        g_string_append(transcript, "end");
    return transcript;
}

/* ESMTP-40: what is delivered here ends here, and DSN is not offered. */
START_TEST(announces)
{
    g_autoptr(DsnLmtpSession) session = dsn_lmtp_session_new(&options);
    DsnSpan client = DSN_SPAN_LITERAL(LHLO);

    ck_assert_int_eq(dsn_lmtp_session_step(session, &client), DSN_LMTP_MORE);
    ck_assert_str_eq(dsn_lmtp_session_replies(session)->str,
                     "220 mx.example LMTP dsnarf\r\n"
                     "250-mx.example\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n"
                     "250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 100\r\n");
}
END_TEST

START_TEST(takes_nul_in_data_only)
{
    g_autoptr(GString) command = transcript_of(DSN_SPAN_LITERAL("NOOP\0\r\n"));
    g_autoptr(GString) data = transcript_of(DSN_SPAN_LITERAL(BEGUN "a\0b\xff\r\n.\r\n"));

    ck_assert_str_eq(command->str, "220 500 ");
    static const char want[] = ACCEPTED "[s@s.example|a@r.example|a\0b\xff\r\n]250 ";
    dsn_assert_bytes(data->str, data->len, want, sizeof(want) - 1);
}
END_TEST

/* A line of 2,048 octets with its CRLF is taken, however it is cut; one octet more is not, and what
 * follows is a command again. */
START_TEST(caps_lines)
{
    for (size_t extra = 0; extra < 2; extra++) {
        g_autofree char *filler = g_strnfill(DSN_LMTP_LINE_MAX - strlen("NOOP \r\n") + extra, 'x');
        g_autofree char *client = g_strdup_printf("NOOP %s\r\nVRFY\r\n", filler);

        for (size_t size = 1; size <= 4096; size += 1365) {
            g_autoptr(DsnLmtpSession) session = dsn_lmtp_session_new(&options);
            g_autoptr(GString) transcript = g_string_new(NULL);

            ck_assert(!run(session, dsn_span(client), size, transcript));
            ck_assert_str_eq(transcript->str, extra == 0 ? "220 250 252 " : "220 500 252 ");
        }
    }
}
END_TEST

/* Rule ESMTP-38. */
START_TEST(takes_the_longest_parameters)
{
    g_autofree char *envid = g_strnfill(100, 'x');
    g_autofree char *orcpt = g_strnfill(500 - strlen("rfc822;"), 'x');
    g_autofree char *client =
        g_strdup_printf(LHLO "MAIL FROM:<> RET=HDRS ENVID=%s\r\nRCPT TO:<a@r.example> "
                             "NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;%s\r\n"
                             "RCPT TO:<a@r.example> ORCPT=rfc822;%sx\r\nRSET\r\n"
                             "MAIL FROM:<> ENVID=%sx\r\n",
                        envid, orcpt, orcpt, envid);
    g_autoptr(GString) transcript = transcript_of(dsn_span(client));

    ck_assert_str_eq(transcript->str, GREETED "250 250 501 250 501 ");
}
END_TEST

START_TEST(caps_recipients)
{
    g_autoptr(GString) client = g_string_new(LHLO FROM);
    g_autoptr(GString) want = g_string_new(GREETED "250 ");

    for (guint i = 0; i <= DSN_LMTP_RECIPIENTS_MAX; i++) {
        g_string_append_printf(client, "RCPT TO:<a%u@r.example>\r\n", i);
        g_string_append(want, i < DSN_LMTP_RECIPIENTS_MAX ? "250 " : "452 ");
    }
    g_autoptr(GString) transcript = transcript_of((DsnSpan){client->str, client->len});
    ck_assert_str_eq(transcript->str, want->str);
}
END_TEST

START_TEST(drops_who_talks_nonsense)
{
    g_autoptr(GString) client = g_string_new(NULL);
    g_autoptr(GString) want = g_string_new("220 ");

    for (unsigned i = 1; i <= 30; i++) {
        g_string_append(client, "GET / HTTP/1.1\r\n");
        if (i <= 20)
            g_string_append(want, i < 20 ? "500 " : "421 ");
    }
    g_string_append(want, "end");
    g_autoptr(GString) transcript = transcript_of((DsnSpan){client->str, client->len});
    ck_assert_str_eq(transcript->str, want->str);
}
END_TEST

/* A message at the limit is whole; of a larger one the size is known, and the session goes on. */
START_TEST(caps_messages)
{
    for (size_t size = 98; size <= 5000; size = size < 103 ? size + 1 : size + 1217) {
        g_autoptr(DsnLmtpSession) session = dsn_lmtp_session_new(&options);
        const DsnLmtpEnvelope *envelope = dsn_lmtp_session_envelope(session);
        g_autofree char *filler = g_strnfill(size - 2, 'x');
        g_autofree char *client = g_strdup_printf(BEGUN "%s\r\n.\r\nNOOP\r\n", filler);
        DsnSpan input = dsn_span(client);

        ck_assert(!dsn_lmtp_session_in_data(session));
        while (input.len > strlen("NOOP\r\n")) {
            DsnSpan piece = {input.data, 1};

            bool message = dsn_lmtp_session_step(session, &piece) == DSN_LMTP_MESSAGE;
            input = dsn_span_from(input, 1);
            ck_assert(message == (input.len == strlen("NOOP\r\n")));
        }
        ck_assert_uint_eq(envelope->size, size);
        ck_assert((envelope->message->len == size) == (size <= 100));
        ck_assert_uint_eq(envelope->message->len, MIN(size, 100));
        dsn_lmtp_session_answer(session, "552 5.3.4 Message too large");
        g_string_truncate(dsn_lmtp_session_replies(session), 0);
        ck_assert_int_eq(dsn_lmtp_session_step(session, &input), DSN_LMTP_MORE);
        ck_assert_str_eq(dsn_lmtp_session_replies(session)->str, "250 2.0.0 Ok\r\n");
    }
}
END_TEST

/* A limit that is raised while a message comes makes no hole in it. */
START_TEST(keeps_no_message_with_a_hole)
{
    DsnLmtpOptions changing = options;
    g_autoptr(DsnLmtpSession) session = dsn_lmtp_session_new(&changing);
    const DsnLmtpEnvelope *envelope = dsn_lmtp_session_envelope(session);
    g_autofree char *filler = g_strnfill(150, 'x');
    g_autofree char *start = g_strdup_printf(BEGUN "%s", filler);
    DsnSpan first = dsn_span(start);
    DsnSpan rest = DSN_SPAN_LITERAL("\r\nmore\r\n.\r\n");

    ck_assert_int_eq(dsn_lmtp_session_step(session, &first), DSN_LMTP_MORE);
    ck_assert(dsn_lmtp_session_in_data(session));
    changing.message_max = 1000;
    ck_assert_int_eq(dsn_lmtp_session_step(session, &rest), DSN_LMTP_MESSAGE);
    ck_assert_uint_eq(envelope->size, 158);
    ck_assert_uint_eq(envelope->message->len, 100);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("lmtp-session");
    TCase *tcase = tcase_create("lmtp-session");

    tcase_add_loop_test(tcase, answers, 0, G_N_ELEMENTS(dialogues));
    tcase_add_test(tcase, announces);
    tcase_add_test(tcase, takes_nul_in_data_only);
    tcase_add_test(tcase, caps_lines);
    tcase_add_test(tcase, takes_the_longest_parameters);
    tcase_add_test(tcase, caps_recipients);
    tcase_add_test(tcase, drops_who_talks_nonsense);
    tcase_add_test(tcase, caps_messages);
    tcase_add_test(tcase, keeps_no_message_with_a_hole);
    suite_add_tcase(suite, tcase);
    return suite;
}
