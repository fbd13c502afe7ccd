/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/smtp-reply.h"
#include "tests/support/unit.h"

static const struct {
    const char *label;
    const char *diagnostic;
    unsigned code;
    DsnStatusCode enhanced;
    const char *text;
} rows[] = {
    {"one line", "550 5.1.1 no such user", 550, {5, 1, 1}, "no such user"},
    {"no enhanced code", "550 no such user", 550, {0}, "no such user"},
    {"no text", "550", 550, {0}, ""},
    {"codes only", "550 5.1.1", 550, {5, 1, 1}, ""},
    {"spaces around", "\r\n 550  5.1.1   no  such \r\n", 550, {5, 1, 1}, "no  such"},
    {"classes disagree (STAT-02)", "550 4.7.1 later", 550, {4, 7, 1}, "later"},
    {"repeated basic code", "550 550 5.1.1 no such user", 550, {5, 1, 1}, "no such user"},
    {"another number behind it is text", "550 551 5.1.1 no", 550, {0}, "551 5.1.1 no"},
    {"repeated enhanced code", "550 5.1.1 5.1.1 no such user", 550, {5, 1, 1}, "no such user"},
    {"other code behind it is text", "550 5.1.1 5.7.1 no", 550, {5, 1, 1}, "5.7.1 no"},
    {"code later in the text only (STAT-04)", "550 see 5.1.1 there", 550, {0}, "see 5.1.1 there"},
    {"address is no code", "550 5.1.1.1 listed", 550, {0}, "5.1.1.1 listed"},
    {"colons", "550: 5.1.1: no such user", 550, {5, 1, 1}, "no such user"},
    {"IronPort", "550 #5.1.0 Address rejected.", 550, {5, 1, 0}, "Address rejected."},
    {"Yahoo",
     "554 delivery error: dd no such account - mta1",
     554,
     {0},
     "delivery error: dd no such account - mta1"},
    {"success", "250 2.1.5 OK", 250, {2, 1, 5}, "OK"},

    {"folded (OOB-09)", "550-5.1.1 no\r\n 550 5.1.1 such user", 550, {5, 1, 1}, "no\nsuch user"},
    {"line ends of LF", "550-5.1.1 no\n550 5.1.1 such user", 550, {5, 1, 1}, "no\nsuch user"},
    {"folded, code once", "550-5.1.1 no\r\n 550 such user", 550, {5, 1, 1}, "no\nsuch user"},
    {"folded, code in the second line",
     "550-no\r\n 550 5.1.1 such user",
     550,
     {5, 1, 1},
     "no\nsuch user"},
    {"folded inside a line", "550 5.1.1 no\r\n\tsuch\r\n user", 550, {5, 1, 1}, "no such user"},
    {"folded with a space for every separator", "550 a\r\n 550 b", 550, {0}, "a\nb"},
    {"empty lines are dropped", "550-5.1.1\r\n 550-5.1.1 \r\n 550 5.1.1 no", 550, {5, 1, 1}, "no"},
    {"another basic code is text", "550-a\r\n 551 b", 550, {0}, "a 551 b"},

    {"unfolded", "550-5.1.1 a 550-5.1.1 b 550 5.1.1 c", 550, {5, 1, 1}, "a\nb\nc"},
    {"unfolded without enhanced codes", "550-a b 550-c 550 d", 550, {0}, "a b\nc\nd"},
    {"unfolded, a number that is no line",
     "550-5.1.1 all 550 users 550 5.1.1 c",
     550,
     {5, 1, 1},
     "all 550 users\nc"},
    {"the last line ends the reply", "550 5.1.1 a 550 5.1.1 b", 550, {5, 1, 1}, "a 550 5.1.1 b"},
    {"unfolded, number inside a word", "550-a x550 b 550 c", 550, {0}, "a x550 b\nc"},

    {"Postfix",
     "host mx.example[192.0.2.1] said: 550 5.1.1 no (in reply to RCPT TO command)",
     550,
     {5, 1, 1},
     "no"},
    {"Postfix, no enhanced code",
     "host mx.example[192.0.2.1] said: 550 no such user",
     550,
     {0},
     "no such user"},
    {"Postfix, several lines",
     "host m[192.0.2.1] said: 550-5.1.1 a 550 5.1.1 b (in reply to end of DATA command)",
     550,
     {5, 1, 1},
     "a\nb"},
    {"Exim",
     "SMTP error after RCPT TO:<a@b>: host mx.example [192.0.2.1]: 550 no such user",
     550,
     {0},
     "no such user"},
    {"both codes anywhere", "Remote server returned '554 5.4.0 lost", 554, {5, 4, 0}, "lost"},
    {"only one code anywhere is text", "lost 550 messages", 0, {0}, "lost 550 messages"},
    {"classes disagree anywhere", "lost 550 4.7.1 x", 0, {0}, "lost 550 4.7.1 x"},
    {"Exchange",
     "550 5.1.1 RESOLVER.ADR.RecipNotFound; not found",
     550,
     {5, 1, 1},
     "RESOLVER.ADR.RecipNotFound; not found"},
    {"Exchange with #",
     "#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##",
     550,
     {5, 1, 1},
     "RESOLVER.ADR.RecipNotFound; not found"},
    {"Exchange without outer text", "#5.1.1 smtp;550 no", 550, {5, 1, 1}, "no"},
    {"Exchange in brackets", "<#5.1.1 smtp;550 no>", 550, {5, 1, 1}, "no"},
    {"Exchange, both twice", "<#5.1.1 smtp; 550 5.1.1 no>", 550, {5, 1, 1}, "no"},
    {"Exchange with host", "<mx.example #5.1.1 smtp;550 5.1.1 no> #SMTP#", 550, {5, 1, 1}, "no"},
    {"type not taken off", "smtp; 550 no", 550, {0}, "no"},
    {"type in capitals", "SMTP;550 5.1.1 no", 550, {5, 1, 1}, "no"},
    {"bracket of the text stays", "550 5.1.1 <a@b.example>", 550, {5, 1, 1}, "<a@b.example>"},

    {"enhanced code only", "5.1.1 (bad mailbox)", 0, {5, 1, 1}, "(bad mailbox)"},
    {"enhanced code with #", "unknown #5.1.1 (bad mailbox)", 0, {5, 1, 1}, "(bad mailbox)"},
    {"qmail",
     "553 sorry, relaying denied (#5.7.1)",
     553,
     {5, 7, 1},
     "sorry, relaying denied (#5.7.1)"},
    {"qmail without basic code", "sorry, no (#5.1.1)", 0, {5, 1, 1}, "sorry, no (#5.1.1)"},
    {"qmail's form and a code", "550 5.1.0 no (#5.1.1)", 550, {5, 1, 0}, "no (#5.1.1)"},
    {"not quite qmail",
     "550 no (#5.1.1, #1.1.1) (#5.1.1.1)",
     550,
     {0},
     "no (#5.1.1, #1.1.1) (#5.1.1.1)"},
    {"no reply", "Connection timed out", 0, {0}, "Connection timed out"},
    {"no reply, folded", "Connection\r\n timed\n out", 0, {0}, "Connection timed out"},
    {"no such basic code", "650 x", 0, {0}, "650 x"},
    {"code in the hundreds", "150 x", 0, {0}, "150 x"},
    {"a year", "2005 x", 0, {0}, "2005 x"},
    {"empty", "", 0, {0}, ""},
    {"spaces", " \r\n", 0, {0}, ""},
};

START_TEST(reads_replies)
{
    const char *label = rows[_i].label;
    g_autoptr(GString) text = g_string_new("before ");
    DsnSmtpReply reply = dsn_smtp_reply_parse(dsn_span(rows[_i].diagnostic), text);

    ck_assert_msg(reply.code == rows[_i].code, "%s: %u", label, reply.code);
    ck_assert_msg(reply.enhanced.class_ == rows[_i].enhanced.class_ &&
                      reply.enhanced.subject == rows[_i].enhanced.subject &&
                      reply.enhanced.detail == rows[_i].enhanced.detail,
                  "%s: %u.%u.%u", label, reply.enhanced.class_, reply.enhanced.subject,
                  reply.enhanced.detail);
    ck_assert_msg(g_str_has_prefix(text->str, "before "), "%s", label);
    dsn_assert_span(dsn_span(text->str + strlen("before ")), rows[_i].text, label);
}
END_TEST

START_TEST(absent_has_no_reply)
{
    g_autoptr(GString) text = g_string_new(NULL);
    DsnSmtpReply reply = dsn_smtp_reply_parse(DSN_SPAN_ABSENT, text);

    ck_assert_uint_eq(reply.code, 0);
    ck_assert_uint_eq(reply.enhanced.class_, 0);
    ck_assert_uint_eq(text->len, 0);
}
END_TEST

START_TEST(keeps_nul_and_8_bit)
{
    static const char diagnostic[] = "550 5.1.1 a\0b\xff c";
    g_autoptr(GString) text = g_string_new(NULL);

    (void)dsn_smtp_reply_parse((DsnSpan){diagnostic, sizeof(diagnostic) - 1}, text);
    dsn_assert_bytes(text->str, text->len, "a\0b\xff c", 6);
}
END_TEST

/* Each would take minutes if it were read anew from many of its bytes. */
static const char *const repeated[] = {"5.1.1 ",     "550 ",      "550-5.1.1 ", " ",      "\r\n ",
                                       "550-\r\n 5", "said: ",    "#5.1.1 ",    "x #",    "smtp;",
                                       " (in reply", "(1.1.1]: ", "<#",         "(#5.1.1"};

START_TEST(long_input_takes_no_long_time)
{
    g_autoptr(GString) diagnostic = g_string_new("x");
    g_autoptr(GString) text = g_string_new(NULL);

    while (diagnostic->len < 500000)
        g_string_append(diagnostic, repeated[_i]);
    g_string_append(diagnostic, " command)");
    (void)dsn_smtp_reply_parse((DsnSpan){diagnostic->str, diagnostic->len}, text);
    ck_assert_uint_le(text->len, diagnostic->len);
    (void)dsn_smtp_reply_parse((DsnSpan){diagnostic->str + 1, diagnostic->len - 1}, text);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("smtp-reply");
    TCase *tcase = tcase_create("smtp-reply");

    tcase_add_loop_test(tcase, reads_replies, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, absent_has_no_reply);
    tcase_add_test(tcase, keeps_nul_and_8_bit);
    tcase_add_loop_test(tcase, long_input_takes_no_long_time, 0, G_N_ELEMENTS(repeated));
    suite_add_tcase(suite, tcase);
    return suite;
}
