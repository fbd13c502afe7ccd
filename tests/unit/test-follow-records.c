/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "tests/support/pipeline.h"
#include "tests/support/unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME "tailer.test"
#define KILLS 16
#define EACH 3 /* records of a batch in the crash test */

static DsnTestPipeline test;

static void
set_up(void)
{
    dsn_test_pipeline_init(&test, "\"Bounce\"", "hourly_sender_rate = 0");
}

static void
tear_down(void)
{
    dsn_test_pipeline_clear(&test);
}

static char *
say_where(size_t offset, gpointer user)
{
    return g_strdup_printf("%s byte %zu", (const char *)user, offset);
}

static bool
try_follow(const char *lines, const char *place, int64_t since, DsnTally *tally, GError **error)
{
    const DsnFollowed followed = {.lines = dsn_span(lines),
                                  .place = {NAME, place},
                                  .since = since,
                                  .where = say_where,
                                  .user = (gpointer)place};

    return dsn_pipeline_follow_records(test.pipeline, test.policy, &followed, tally, error);
}

/* Follows @lines up to @place, and compares the tally. */
static void
follow(const char *lines, const char *place, int64_t since, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_auto(DsnTally) tally;

    dsn_tally_init(&tally);
    ck_assert(try_follow(lines, place, since, &tally, &error));
    ck_assert_ptr_null(error);
    g_autofree char *text = dsn_test_tally(&tally);
    ck_assert_str_eq(text, expected);
    g_autofree char *kept = dsn_spool_place(test.spool.spool, NAME, &error);
    ck_assert_ptr_null(error);
    ck_assert_str_eq(kept, place);
}

/* ---- places ---- */

START_TEST(a_place_and_what_leads_to_it)
{
    g_autofree char *one = dsn_test_record(&test, "{}");
    g_autofree char *other = dsn_test_record(&test, "{\"type\": \"Delivery\"}");
    g_autofree char *two = dsn_test_record(&test, "{\"id\": \"2\"}");
    g_autofree char *lines = g_strdup_printf("%s\n%s\n%s\n", one, other, two);
    g_autoptr(GError) error = NULL;

    ck_assert_ptr_null(dsn_spool_place(test.spool.spool, NAME, &error));
    ck_assert_ptr_null(error);
    follow(lines, "1", 0, "accepted 2, ignored 1");
    follow(lines, "2", 0, "repeated 2, ignored 1");
    follow(other, "3", 0, "ignored 1");
    follow("", "4", 0, "");
    dsn_pipeline_free(test.pipeline);
    dsn_test_spool_reopen(&test.spool);
    test.pipeline = dsn_pipeline_new(test.spool.spool, &test.spool.metrics, test.policy);
    g_autofree char *kept = dsn_spool_place(test.spool.spool, NAME, NULL);
    ck_assert_str_eq(kept, "4");
    ck_assert_ptr_null(dsn_spool_place(test.spool.spool, "tailer.other", NULL));
}
END_TEST

START_TEST(what_is_wanted)
{
    static const struct {
        const char *element;
        bool wanted;
    } rows[] = {
        {"{\"type\":\"Bounce\"}", true},       {"{\"type\":\"Delivery\"}", false},
        {"{\"type\":\"NoSuch\"}", false},      {"{\"id\":\"1\"}", true}, /* to be refused */
        {"{\"type\":\"Delivery\"", true},      {"", true},
        {"{\"ty\\u0070e\":\"Bounce\"}", true},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        ck_assert_msg(dsn_policy_wants(test.policy, dsn_span(rows[i].element)) == rows[i].wanted,
                      "%s", rows[i].element);
}
END_TEST

START_TEST(what_happened_before)
{
    g_autofree char *early = dsn_test_record(&test, "{\"ahead\": -10, \"id\": \"2\"}");
    g_autofree char *late = dsn_test_record(&test, "{}");
    g_autofree char *lines = g_strdup_printf("%s\n%s\n", early, late);

    follow(lines, "1", test.now, "accepted 1, ignored 1");
    follow(lines, "2", test.now - 10, "accepted 1, repeated 1");
}
END_TEST

/* More than one chunk, some of them refused, and some that the governor has no room for: it has
 * room for one more every three minutes. */
START_TEST(a_long_batch)
{
    GString *lines = g_string_new(NULL);

    dsn_test_configure(&test, "\"Bounce\"", "hourly_rate = 20");
    for (int i = 0; i < 1700; i++) {
        g_autofree char *changes = g_strdup_printf("{\"id\": \"%d\"}", i);
        g_autofree char *record = dsn_test_record(&test, changes);
        g_string_append_printf(lines, "%s\n", i % 17 == 0 ? "{\"id\": 1}" : record);
    }
    follow(lines->str, "all", 0, "accepted 1600, rejected 100, rate-limited 1580");
    follow(lines->str, "again", 0, "repeated 1600, rejected 100");
    (void)g_string_free(lines, TRUE);
}
END_TEST

START_TEST(dead_letters_say_where)
{
    g_autofree char *record = dsn_test_record(&test, "{}");
    g_autofree char *lines = g_strdup_printf("{\"id\": 1}\n%s\n{\"type\"\n", record);

    follow(lines, "1", 0, "accepted 1, rejected 2");
    g_autofree char *list = dsn_test_list(&test);
    ck_assert_ptr_nonnull(strstr(list, "rejected dead 1 byte 0: type: missing"));
    g_autofree char *last = g_strdup_printf("rejected dead 1 byte %zu: ", strlen(record) + 11);
    ck_assert_msg(strstr(list, last) != NULL, "%s", list);
}
END_TEST

START_TEST(a_full_spool_keeps_the_place)
{
    g_autofree char *record = dsn_test_record(&test, "{}");
    g_autofree char *lines = g_strdup_printf("{\"id\": 1}\n%s\n", record);
    g_autoptr(GError) error = NULL;
    g_auto(DsnTally) tally;

    follow("", "0", 0, "");
    test.spool.options.max_size = 1;
    dsn_pipeline_free(test.pipeline);
    dsn_test_spool_reopen(&test.spool);
    test.pipeline = dsn_pipeline_new(test.spool.spool, &test.spool.metrics, test.policy);
    for (int i = 0; i < 3; i++) {
        dsn_tally_init(&tally);
        g_clear_error(&error);
        ck_assert(!try_follow(lines, "1", 0, &tally, &error));
        ck_assert(g_error_matches(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_FULL));
        dsn_tally_clear(&tally);
    }
    dsn_tally_init(&tally);
    g_autofree char *kept = dsn_spool_place(test.spool.spool, NAME, NULL);
    ck_assert_str_eq(kept, "0");
    test.spool.options.max_size = 1 << 30;
    dsn_pipeline_free(test.pipeline);
    dsn_test_spool_reopen(&test.spool);
    test.pipeline = dsn_pipeline_new(test.spool.spool, &test.spool.metrics, test.policy);
    follow(lines, "1", 0, "accepted 1, rejected 1");
}
END_TEST

/* What is in conflict is decided again, and the place waits for that. */
START_TEST(no_place_beside_a_conflict)
{
    DsnSpool *spool = test.spool.spool;

    ck_assert_int_eq(dsn_test_store_event(spool, 1, dsn_test_notice("one", 1, 1)), DSN_ITEM_STORED);
    for (guint64 i = 0; i < 2; i++) {
        g_autoptr(DsnDeposit) deposit = dsn_deposit_new(false);

        (void)dsn_test_add_event(deposit, 10 + i, dsn_test_notice("two", 10 + i, 1));
        (void)dsn_test_add_event(deposit, 20 + i, dsn_test_notice("other", 1 + 19 * i, 1));
        deposit->place = (DsnPlace){NAME, "2"};
        dsn_spool_submit(spool, deposit);
        ck_assert(dsn_spool_wait(spool, deposit, -1));
        ck_assert_ptr_null(deposit->error);
        ck_assert_int_eq(g_array_index(deposit->items, DsnItem, 0).result, DSN_ITEM_STORED);
        ck_assert_int_eq(g_array_index(deposit->items, DsnItem, 1).result,
                         i == 0 ? DSN_ITEM_CONFLICT : DSN_ITEM_STORED);
        ck_assert_int_eq(deposit->placed, i == 1);
        g_autofree char *kept = dsn_spool_place(spool, NAME, NULL);
        ck_assert_str_eq(kept == NULL ? "none" : kept, i == 0 ? "none" : "2");
    }
}
END_TEST

/* ---- crashes ---- */

/* "{...}" for the failures of a batch: whoever tells first, the notice is for both. */
static char *
make_record(guint64 batch, guint i, char who)
{
    g_autofree char *changes =
        g_strdup_printf("{\"id\": \"%" G_GUINT64_FORMAT
                        "-%u\", \"recipient\": \"%c%" G_GUINT64_FORMAT "-%u@x.example\"}",
                        batch, i, who, batch, i);

    return dsn_test_record(&test, changes);
}

static void
append_batch(GString *text, guint64 batch, char who)
{
    for (guint i = 0; i < EACH; i++) {
        g_autofree char *record = make_record(batch, i, who);
        g_string_append_printf(text, "%s\n", record);
    }
}

static guint64
read_place(void)
{
    g_autofree char *place = dsn_spool_place(test.spool.spool, NAME, NULL);

    return place == NULL ? 0 : g_ascii_strtoull(place, NULL, 10);
}

/* Posts about the same messages as those that are followed, to be in conflict with them. */
static gpointer
post_for_ever(gpointer data)
{
    (void)data;
    for (guint64 batch = read_place() + 1;; batch++) {
        g_autoptr(GString) text = g_string_new(NULL);
        g_auto(DsnTally) tally;

        dsn_tally_init(&tally);
        append_batch(text, batch, 'p');
        if (!dsn_pipeline_take_records(test.pipeline, test.policy, &test.poster,
                                       (DsnSpan){text->str, text->len}, &tally, NULL))
            _exit(3);
    }
    return NULL;
}

/* Works until it is killed, and tells of each batch. */
static void
work(int told)
{
    dsn_test_spool_reopen(&test.spool);
    test.pipeline = dsn_pipeline_new(test.spool.spool, &test.spool.metrics, test.policy);
    g_thread_unref(g_thread_new("post", post_for_ever, NULL));
    for (guint64 batch = read_place() + 1;; batch++) {
        g_autoptr(GString) text = g_string_new(NULL);
        g_autofree char *place = g_strdup_printf("%" G_GUINT64_FORMAT, batch);
        g_auto(DsnTally) tally;

        dsn_tally_init(&tally);
        append_batch(text, batch, 'f');
        g_string_append_printf(text, "{\"batch\": %s}\n", place);
        if (!try_follow(text->str, place, 0, &tally, NULL) || write(told, "", 1) != 1)
            _exit(4);
    }
}

/* Counts what is between @before and @after, wherever that is in @text. */
static void
count(GHashTable *counts, const char *text, const char *before, char after)
{
    for (const char *at = text; (at = strstr(at, before)) != NULL;) {
        at += strlen(before);
        char *key = g_strndup(at, strcspn(at, (const char[]){after, '\n', '\0'}));
        guint n = GPOINTER_TO_UINT(g_hash_table_lookup(counts, key));
        (void)g_hash_table_replace(counts, key, GUINT_TO_POINTER(n + 1));
    }
}

static void
check_once(GHashTable *counts, const char *what, guint64 batch, int i, guint64 place)
{
    g_autofree char *key = i < 0 ? g_strdup_printf("%" G_GUINT64_FORMAT, batch)
                                 : g_strdup_printf("%" G_GUINT64_FORMAT "-%d", batch, i);
    guint n = GPOINTER_TO_UINT(g_hash_table_lookup(counts, key));
    /* a dead letter comes with the place, other effects may come before */
    bool good = batch <= place ? n == 1 : n == 0 || (i >= 0 && n == 1);

    ck_assert_msg(good, "%s %s is there %u times; the place is %d", what, key, n, (int)place);
}

START_TEST(killed_at_any_moment)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    g_autoptr(GHashTable) lines = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) letters = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (int i = 0; i < KILLS; i++) {
        int status, ends[2];
        char byte;

        g_clear_pointer(&test.pipeline, dsn_pipeline_free);
        g_clear_pointer(&test.spool.spool, dsn_spool_close);
        ck_assert_int_eq(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0)
            work(ends[1]);
        ck_assert_int_eq(close(ends[1]), 0);
        ck_assert_int_eq(read(ends[0], &byte, 1), 1);
        g_usleep((gulong)g_rand_int_range(rand, 0, 50000));
        ck_assert_int_eq(kill(child, SIGKILL), 0);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(WIFSIGNALED(status), "status %x", status);
        ck_assert_int_eq(close(ends[0]), 0);
        dsn_test_spool_reopen(&test.spool);
        test.pipeline = dsn_pipeline_new(test.spool.spool, &test.spool.metrics, test.policy);
    }
    g_autofree char *read = dsn_test_read_lines(&test);
    g_autofree char *list = dsn_test_list(&test);
    g_autoptr(GPtrArray) notices = dsn_test_take_notices(&test);
    g_autofree char *described = dsn_test_describe(notices);
    guint64 place = read_place();
    count(lines, read, "\"recipient\":\"f", '@');
    count(letters, list, "rejected dead ", ' ');
    count(told, described, " f", '@');
    ck_assert_uint_ge(place, KILLS);
    for (guint64 batch = 1; batch <= place + 1; batch++) {
        check_once(letters, "dead letter", batch, -1, place);
        for (int i = 0; i < EACH; i++) {
            check_once(lines, "record", batch, i, place);
            check_once(told, "recipient", batch, i, place);
        }
    }
    printf("%d batches were followed, in %d lives\n", (int)place, KILLS);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("follow-records");
    TCase *tcase = tcase_create("follow");
    TCase *crash = tcase_create("crash");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_place_and_what_leads_to_it);
    tcase_add_test(tcase, what_is_wanted);
    tcase_add_test(tcase, what_happened_before);
    tcase_add_test(tcase, a_long_batch);
    tcase_add_test(tcase, dead_letters_say_where);
    tcase_add_test(tcase, a_full_spool_keeps_the_place);
    tcase_add_test(tcase, no_place_beside_a_conflict);
    suite_add_tcase(suite, tcase);
    tcase_set_timeout(crash, 600);
    tcase_add_checked_fixture(crash, set_up, tear_down);
    tcase_add_test(crash, killed_at_any_moment);
    suite_add_tcase(suite, crash);
    return suite;
}
