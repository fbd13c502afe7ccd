/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/webhook-answer.h"
#include "filter/outlet/webhook-batch.h"
#include "tests/support/unit.h"

#define ck_assert_note(batches, want)                                    \
    do {                                                                 \
        g_autofree char *found_note = dsn_webhook_batches_note(batches); \
        ck_assert_str_eq(found_note, want);                              \
    } while (0)

/* A note, and what is read of it. */
static const struct {
    const char *note, *again;
    int64_t place;
} notes[] = {
    {NULL, "{\"end\":0,\"batches\":[]}", 0},
    {"", "{\"end\":0,\"batches\":[]}", 0},
    {"{\"end\":9}", "{\"end\":9,\"batches\":[]}", 9},
    {"{\"end\":9,\"batches\":[[3,5],[8,9]]}", "{\"end\":9,\"batches\":[[3,5],[8,9]]}", 2},
    {"{\"end\":9,\"batches\":[[8,9],[3,5]]}", "{\"end\":9,\"batches\":[[3,5],[8,9]]}", 2},
    {"{\"end\":9,\"batches\":[[5,3],[8],\"x\",[1,\"2\"]]}", "{\"end\":9,\"batches\":[]}", 9},
    {"[1,2]", "{\"end\":0,\"batches\":[]}", 0},
};

START_TEST(keeps_a_note)
{
    g_autoptr(DsnWebhookBatches) batches = dsn_webhook_batches_new(notes[_i].note);

    ck_assert_note(batches, notes[_i].again);
    ck_assert_int_eq(dsn_webhook_batches_place(batches), notes[_i].place);
}
END_TEST

START_TEST(the_place_is_before_what_is_open)
{
    g_autoptr(DsnWebhookBatches) batches = dsn_webhook_batches_new("{\"end\":10}");

    DsnWebhookBatch *first = dsn_webhook_batches_add(batches, 15);
    ck_assert_int_eq(first->first, 11);
    dsn_webhook_batches_skip(batches, 20);
    DsnWebhookBatch *second = dsn_webhook_batches_add(batches, 25);
    ck_assert_int_eq(second->first, 21);
    ck_assert_int_eq(dsn_webhook_batches_end(batches), 25);
    ck_assert_int_eq(dsn_webhook_batches_place(batches), 10);
    ck_assert_uint_eq(dsn_webhook_batches_count(batches), 2);

    dsn_webhook_batches_done(batches, second, 25);
    ck_assert_int_eq(dsn_webhook_batches_place(batches), 10);
    dsn_webhook_batches_done(batches, first, 12); /* a part of it */
    ck_assert_int_eq(dsn_webhook_batches_place(batches), 12);
    ck_assert_note(batches, "{\"end\":25,\"batches\":[[13,15]]}");
    dsn_webhook_batches_done(batches, first, 15);
    ck_assert_int_eq(dsn_webhook_batches_place(batches), 25);
    ck_assert_uint_eq(dsn_webhook_batches_count(batches), 0);
}
END_TEST

START_TEST(a_part_is_as_if_new)
{
    g_autoptr(DsnWebhookBatches) batches =
        dsn_webhook_batches_new("{\"end\":9,\"batches\":[[1,6],[8,9]]}");
    DsnWebhookBatch *batch = dsn_webhook_batches_next(batches, 0);

    ck_assert_int_eq(batch->first, 1);
    ck_assert(batch->unsure); /* a note does not tell */
    batch->attempts = 3;
    batch->due = 1000;
    batch->failed_since = 5;
    ck_assert(dsn_webhook_batches_have_failed(batches));
    dsn_webhook_batches_split(batches, batch, 2);
    ck_assert_note(batches, "{\"end\":9,\"batches\":[[1,2],[3,6],[8,9]]}");
    ck_assert(!dsn_webhook_batches_have_failed(batches));
    ck_assert(!batch->unsure);
    ck_assert_int_eq(batch->due, 0);
    ck_assert_int_eq(batch->failed_since, 0);
}
END_TEST

START_TEST(what_has_failed_least_is_next)
{
    g_autoptr(DsnWebhookBatches) batches =
        dsn_webhook_batches_new("{\"end\":9,\"batches\":[[1,2],[3,4],[5,6]]}");
    DsnWebhookBatch *all[3];

    ck_assert_int_eq(dsn_webhook_batches_due(batches), 0);
    for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
        all[i] = dsn_webhook_batches_next(batches, 100);
        ck_assert_int_eq(all[i]->first, 2 * (int)i + 1);
        all[i]->on_its_way = true;
    }
    ck_assert_ptr_null(dsn_webhook_batches_next(batches, 100));
    ck_assert_int_eq(dsn_webhook_batches_due(batches), INT64_MAX);
    for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
        all[i]->on_its_way = false;
        all[i]->attempts = 3 - (unsigned)i;
        all[i]->due = 100 * (int64_t)(i + 2);
    }
    ck_assert_int_eq(dsn_webhook_batches_due(batches), 200);
    ck_assert_ptr_null(dsn_webhook_batches_next(batches, 199));
    ck_assert_ptr_eq(dsn_webhook_batches_next(batches, 200), all[0]);
    ck_assert_ptr_eq(dsn_webhook_batches_next(batches, 300), all[1]);
    ck_assert_ptr_eq(dsn_webhook_batches_next(batches, 400), all[2]);
    dsn_webhook_batches_hurry(batches);
    ck_assert_ptr_eq(dsn_webhook_batches_next(batches, 0), all[2]);
}
END_TEST

static const struct {
    long status;
    DsnWebhookVerdict verdict;
} answers[] = {
    {200, DSN_WEBHOOK_DONE},    {204, DSN_WEBHOOK_DONE},    {299, DSN_WEBHOOK_DONE},
    {301, DSN_WEBHOOK_LASTING}, {304, DSN_WEBHOOK_LASTING}, {308, DSN_WEBHOOK_LASTING},
    {400, DSN_WEBHOOK_REFUSED}, {401, DSN_WEBHOOK_LASTING}, {403, DSN_WEBHOOK_LASTING},
    {404, DSN_WEBHOOK_LASTING}, {408, DSN_WEBHOOK_AGAIN},   {409, DSN_WEBHOOK_AGAIN},
    {410, DSN_WEBHOOK_LASTING}, {413, DSN_WEBHOOK_REFUSED}, {415, DSN_WEBHOOK_LASTING},
    {422, DSN_WEBHOOK_REFUSED}, {425, DSN_WEBHOOK_AGAIN},   {429, DSN_WEBHOOK_AGAIN},
    {499, DSN_WEBHOOK_REFUSED}, {500, DSN_WEBHOOK_AGAIN},   {503, DSN_WEBHOOK_AGAIN},
    {599, DSN_WEBHOOK_AGAIN},   {600, DSN_WEBHOOK_LASTING}, {999, DSN_WEBHOOK_LASTING},
};

START_TEST(judges_answers)
{
    ck_assert_msg(dsn_webhook_judge(answers[_i].status) == answers[_i].verdict, "%ld",
                  answers[_i].status);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("webhook-batch");
    TCase *tcase = tcase_create("webhook-batch");

    tcase_add_loop_test(tcase, keeps_a_note, 0, G_N_ELEMENTS(notes));
    tcase_add_test(tcase, the_place_is_before_what_is_open);
    tcase_add_test(tcase, a_part_is_as_if_new);
    tcase_add_test(tcase, what_has_failed_least_is_next);
    tcase_add_loop_test(tcase, judges_answers, 0, G_N_ELEMENTS(answers));
    suite_add_tcase(suite, tcase);
    return suite;
}
