/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/milter-verdict.h"

/* Whether there are recipients of a kind. */
typedef enum Some { ANY, NONE, SOME } Some;

#define WHOEVER ANY, ANY, ANY
#define TEMPFAIL_AS(counter, status, text)                                                      \
    {                                                                                           \
        "tempfail", SMFIS_TEMPFAIL, false, false, DSN_LOG_WARNING, counter, "451", status, text \
    }
#define TEMPFAIL(status, text) TEMPFAIL_AS(DSN_COUNT_MILTER_FAILED, status, text)
#define DISCARD(counter)                                                                \
    {                                                                                   \
        "discard", SMFIS_DISCARD, false, false, DSN_LOG_INFO, counter, NULL, NULL, NULL \
    }
#define PASS(word, remove, tag, counter)                                         \
    {                                                                            \
        word, SMFIS_ACCEPT, remove, tag, DSN_LOG_INFO, counter, NULL, NULL, NULL \
    }

/* The first row that fits. Once a message is recorded it depends on its recipients: those who are
 * removed, those who want the tag, and those who get it as it came, as others always do. They all
 * share one message, so it is tagged only when everybody who stays wants that. */
static const struct {
    DsnMilterOutcome outcome;
    Some removed, tagged, as_it_came;
    DsnMilterVerdict verdict;
} rows[] = {
    {DSN_MILTER_NOT_OURS, WHOEVER, PASS("accept", false, false, DSN_COUNT_MILTER_OTHER)},
    {DSN_MILTER_TRACED, WHOEVER, PASS("accept", false, false, DSN_COUNT_MILTER_TRACED)},
    {DSN_MILTER_UNTRACED, WHOEVER, PASS("accept", false, false, DSN_COUNT_MILTER_UNTRACED)},
    {DSN_MILTER_NOTICE_PASSED, WHOEVER, PASS("accept", false, false, DSN_COUNT_POSTFIX_PASSED)},
    {DSN_MILTER_NOTICE_REWRITTEN, WHOEVER,
     PASS("rewrite", false, false, DSN_COUNT_POSTFIX_REWRITTEN)},
    {DSN_MILTER_NOTICE_REPLACED, WHOEVER, DISCARD(DSN_COUNT_POSTFIX_REPLACED)},
    {DSN_MILTER_NOTICE_SUPPRESSED, WHOEVER, DISCARD(DSN_COUNT_POSTFIX_SUPPRESSED)},
    {DSN_MILTER_NOTICE_FAILED, WHOEVER,
     TEMPFAIL_AS(DSN_COUNT_POSTFIX_FAILED, "4.3.0", "not taken in, try again later")},
    {DSN_MILTER_CROWDED, WHOEVER, TEMPFAIL("4.5.3", "too many recipients")},
    {DSN_MILTER_NO_ROOM, WHOEVER, TEMPFAIL("4.3.2", "too much mail at the moment")},
    {DSN_MILTER_FAILED, WHOEVER, TEMPFAIL("4.3.0", "not recorded, try again later")},
    {DSN_MILTER_UNTOUCHED, WHOEVER, PASS("accept", false, false, DSN_COUNT_MILTER_PASSED)},
    {DSN_MILTER_RECORDED, SOME, NONE, NONE, DISCARD(DSN_COUNT_MILTER_CONSUMED)},
    {DSN_MILTER_RECORDED, SOME, ANY, SOME, PASS("remove", true, false, DSN_COUNT_MILTER_CONSUMED)},
    {DSN_MILTER_RECORDED, SOME, SOME, NONE, PASS("remove,tag", true, true, DSN_COUNT_MILTER_KEPT)},
    {DSN_MILTER_RECORDED, NONE, SOME, NONE, PASS("tag", false, true, DSN_COUNT_MILTER_KEPT)},
    {DSN_MILTER_RECORDED, NONE, ANY, SOME, PASS("accept", false, false, DSN_COUNT_MILTER_KEPT)},
};

static bool
fits(Some wanted, bool some)
{
    return wanted == ANY || (wanted == SOME) == some;
}

const DsnMilterVerdict *
dsn_milter_verdict(DsnMilterOutcome outcome, const DsnMilterMessage *message)
{
    bool is[] = {[DSN_CONSUMED_DISCARD] = false,
                 [DSN_CONSUMED_ACCEPT] = message->others > 0,
                 [DSN_CONSUMED_TAG] = false};

    for (guint i = 0; i < message->recipients->len; i++) {
        const DsnRole *role = g_array_index(message->recipients, DsnMilterRecipient, i).role;

        is[dsn_role_consumed(role, message->kind)] = true;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].outcome == outcome && fits(rows[i].removed, is[DSN_CONSUMED_DISCARD]) &&
            fits(rows[i].tagged, is[DSN_CONSUMED_TAG]) &&
            fits(rows[i].as_it_came, is[DSN_CONSUMED_ACCEPT]))
            return &rows[i].verdict;
    }
    g_assert_not_reached();
}
