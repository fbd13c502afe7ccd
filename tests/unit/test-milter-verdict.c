/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/milter-verdict.h"

#include "tests/support/unit.h"

/* A message with recipients of the kinds in @kinds: D, A, T, and O for others; f, o and x tell
 * kinds of reports apart. */
static void
address(DsnMilterMessage *message, gsize *held, const char *kinds)
{
    static const DsnConsumed same = DSN_CONSUMED_AS_ALL, discard = DSN_CONSUMED_DISCARD,
                             accept = DSN_CONSUMED_ACCEPT, tag = DSN_CONSUMED_TAG;
    static const DsnRole roles[] = {
        {.consumption = {discard, same, same}}, {.consumption = {accept, same, same}},
        {.consumption = {tag, same, same}},     {.consumption = {discard, accept, same}},
        {.consumption = {discard, same, tag}},  {.consumption = {accept, discard, discard}},
    };
    static const char letters[] = "DATfox"; /* in the same order */

    dsn_milter_message_init(message, held);
    for (; *kinds != '\0'; kinds++) {
        const char *at = strchr(letters, *kinds);

        if (at == NULL) {
            message->others++;
        } else {
            const DsnMilterRecipient recipient = {g_strdup("<a@b.example>"), &roles[at - letters]};

            g_array_append_val(message->recipients, recipient);
        }
    }
}

static const struct {
    DsnMilterOutcome outcome;
    const char *kinds, *word;
    sfsistat answer;
    bool remove, tag;
    DsnCounter counter;
    const char *status;
} rows[] = {
    {DSN_MILTER_NOT_OURS, "O", "accept", SMFIS_ACCEPT, false, false, DSN_COUNT_MILTER_OTHER, NULL},
    {DSN_MILTER_TRACED, "O", "accept", SMFIS_ACCEPT, false, false, DSN_COUNT_MILTER_TRACED, NULL},
    {DSN_MILTER_UNTRACED, "O", "accept", SMFIS_ACCEPT, false, false, DSN_COUNT_MILTER_UNTRACED,
     NULL},
    {DSN_MILTER_NOTICE_PASSED, "O", "accept", SMFIS_ACCEPT, false, false, DSN_COUNT_POSTFIX_PASSED,
     NULL},
    {DSN_MILTER_NOTICE_REWRITTEN, "O", "rewrite", SMFIS_ACCEPT, false, false,
     DSN_COUNT_POSTFIX_REWRITTEN, NULL},
    {DSN_MILTER_NOTICE_REPLACED, "O", "discard", SMFIS_DISCARD, false, false,
     DSN_COUNT_POSTFIX_REPLACED, NULL},
    {DSN_MILTER_NOTICE_SUPPRESSED, "O", "discard", SMFIS_DISCARD, false, false,
     DSN_COUNT_POSTFIX_SUPPRESSED, NULL},
    {DSN_MILTER_NOTICE_FAILED, "O", "tempfail", SMFIS_TEMPFAIL, false, false,
     DSN_COUNT_POSTFIX_FAILED, "4.3.0"},
    {DSN_MILTER_CROWDED, "D", "tempfail", SMFIS_TEMPFAIL, false, false, DSN_COUNT_MILTER_FAILED,
     "4.5.3"},
    {DSN_MILTER_NO_ROOM, "D", "tempfail", SMFIS_TEMPFAIL, false, false, DSN_COUNT_MILTER_FAILED,
     "4.3.2"},
    {DSN_MILTER_FAILED, "DATO", "tempfail", SMFIS_TEMPFAIL, false, false, DSN_COUNT_MILTER_FAILED,
     "4.3.0"},
    {DSN_MILTER_UNTOUCHED, "DATO", "accept", SMFIS_ACCEPT, false, false, DSN_COUNT_MILTER_PASSED,
     NULL},
    {DSN_MILTER_RECORDED, "D", "discard", SMFIS_DISCARD, false, false, DSN_COUNT_MILTER_CONSUMED,
     NULL},
    {DSN_MILTER_RECORDED, "DO", "remove", SMFIS_ACCEPT, true, false, DSN_COUNT_MILTER_CONSUMED,
     NULL},
    {DSN_MILTER_RECORDED, "DA", "remove", SMFIS_ACCEPT, true, false, DSN_COUNT_MILTER_CONSUMED,
     NULL},
    {DSN_MILTER_RECORDED, "DAO", "remove", SMFIS_ACCEPT, true, false, DSN_COUNT_MILTER_CONSUMED,
     NULL},
    {DSN_MILTER_RECORDED, "DT", "remove,tag", SMFIS_ACCEPT, true, true, DSN_COUNT_MILTER_KEPT,
     NULL},
    {DSN_MILTER_RECORDED, "DTO", "remove", SMFIS_ACCEPT, true, false, DSN_COUNT_MILTER_CONSUMED,
     NULL},
    {DSN_MILTER_RECORDED, "DTA", "remove", SMFIS_ACCEPT, true, false, DSN_COUNT_MILTER_CONSUMED,
     NULL},
    {DSN_MILTER_RECORDED, "DTAO", "remove", SMFIS_ACCEPT, true, false, DSN_COUNT_MILTER_CONSUMED,
     NULL},
    {DSN_MILTER_RECORDED, "T", "tag", SMFIS_ACCEPT, false, true, DSN_COUNT_MILTER_KEPT, NULL},
    {DSN_MILTER_RECORDED, "TO", "accept", SMFIS_ACCEPT, false, false, DSN_COUNT_MILTER_KEPT, NULL},
    {DSN_MILTER_RECORDED, "TA", "accept", SMFIS_ACCEPT, false, false, DSN_COUNT_MILTER_KEPT, NULL},
    {DSN_MILTER_RECORDED, "TAO", "accept", SMFIS_ACCEPT, false, false, DSN_COUNT_MILTER_KEPT, NULL},
    {DSN_MILTER_RECORDED, "A", "accept", SMFIS_ACCEPT, false, false, DSN_COUNT_MILTER_KEPT, NULL},
    {DSN_MILTER_RECORDED, "AO", "accept", SMFIS_ACCEPT, false, false, DSN_COUNT_MILTER_KEPT, NULL},
};

/* QRK-15: nobody is ever refused. */
START_TEST(answers)
{
    DsnMilterMessage message;
    gsize held = 0;

    address(&message, &held, rows[_i].kinds);
    const DsnMilterVerdict *verdict = dsn_milter_verdict(rows[_i].outcome, &message);
    const char *label = rows[_i].kinds;
    ck_assert_msg(strcmp(verdict->word, rows[_i].word) == 0, "%s: %s", label, verdict->word);
    ck_assert_msg(verdict->answer == rows[_i].answer, "%s: answer %d", label, verdict->answer);
    ck_assert_msg(verdict->answer != SMFIS_REJECT, "%s: refused", label);
    ck_assert_msg(verdict->remove == rows[_i].remove, "%s: remove", label);
    ck_assert_msg(verdict->tag == rows[_i].tag, "%s: tag", label);
    ck_assert_msg(verdict->counter == rows[_i].counter, "%s: counter", label);
    ck_assert_msg(g_strcmp0(verdict->status, rows[_i].status) == 0, "%s: status", label);
    if (verdict->status != NULL) { /* what smfi_setreply() takes */
        ck_assert_str_eq(verdict->code, "451");
        ck_assert_ptr_null(strpbrk(verdict->text, "%\r\n"));
    }
    dsn_milter_message_free_members(&message);
}
END_TEST

static const struct {
    const char *kinds, *feedback, *bounce;
} differences[] = {
    {"D", "discard", "discard"},    {"f", "accept", "discard"},  {"o", "discard", "tag"},
    {"fo", "remove", "remove,tag"}, {"foO", "remove", "remove"}, {"fT", "accept", "remove,tag"},
    {"oA", "remove", "accept"},     {"x", "discard", "discard"}, {"xA", "remove", "remove"},
};

START_TEST(tells_kinds_of_reports_apart)
{
    DsnMilterMessage message;
    gsize held = 0;

    address(&message, &held, differences[_i].kinds);
    message.kind = DSN_REPORT_FEEDBACK;
    ck_assert_str_eq(dsn_milter_verdict(DSN_MILTER_RECORDED, &message)->word,
                     differences[_i].feedback);
    message.kind = DSN_REPORT_DELIVERY_STATUS;
    ck_assert_str_eq(dsn_milter_verdict(DSN_MILTER_RECORDED, &message)->word,
                     differences[_i].bounce);
    dsn_milter_message_free_members(&message);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("milter-verdict");
    TCase *tcase = tcase_create("milter-verdict");

    tcase_add_loop_test(tcase, answers, 0, G_N_ELEMENTS(rows));
    tcase_add_loop_test(tcase, tells_kinds_of_reports_apart, 0, G_N_ELEMENTS(differences));
    suite_add_tcase(suite, tcase);
    return suite;
}
