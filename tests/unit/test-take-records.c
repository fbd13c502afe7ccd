/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "tests/support/pipeline.h"
#include "tests/support/unit.h"

#define ORIGINAL                                                                 \
    "From: news@shop.example\\r\\nTo: jane@customer.example\\r\\nSubject: Your " \
    "order\\r\\n\\r\\nHi\\r\\n"

static DsnTestPipeline test;

static void
set_up(void)
{
    dsn_test_pipeline_init(&test, "", "hourly_sender_rate = 0");
}

static void
tear_down(void)
{
    dsn_test_pipeline_clear(&test);
}

/* Takes records in, and compares the tally. */
static void
take(const char *body, const char *tally, const char *label)
{
    g_autofree char *result = dsn_test_take_records(&test, dsn_span(body));

    ck_assert_msg(strcmp(result, tally) == 0, "%s: %s", label, result);
}

static void
take_changed(const char *changes, const char *tally)
{
    g_autofree char *body = dsn_test_records(&test, changes);

    take(body, tally, changes);
}

static void
check_notices(const char *expected, const char *label)
{
    g_autoptr(GPtrArray) notices = dsn_test_take_notices(&test);
    g_autofree char *text = dsn_test_describe(notices);

    ck_assert_msg(strcmp(text, expected) == 0, "%s: %s", label, text);
}

static guint
count_lines(void)
{
    g_autofree char *lines = dsn_test_read_lines(&test);
    guint count = 0;

    for (const char *c = lines; *c != '\0'; c++)
        count += *c == '\n';
    return count;
}

/* ---- what becomes of one body ---- */

#define NEWS "news@shop.example:"

static const struct {
    const char *types; /* that an outlet takes */
    const char *more;
    const char *changes;
    const char *tally;
    const char *notices;
    guint lines;
} rows[] = {
    {"", "", "[{}]", "accepted 1", NEWS " jane@customer.example; ", 0},
    {"\"Bounce\"", "", "[{}]", "accepted 1", NEWS " jane@customer.example; ", 1},
    {"", "", "[{\"type\": \"Expiration\"}]", "accepted 1", NEWS " jane@customer.example; ", 0},
    {"", "", "[{\"recipient\": [\"a@x.example\", \"b@x.example\"]}]", "accepted 1",
     NEWS " a@x.example b@x.example; ", 0},
    {"", "", "[{\"sender\": \"News@SHOP.example\"}]", "accepted 1",
     "News@shop.example: jane@customer.example; ", 0},
    /* what nobody wants */
    {"", "", "[{\"type\": \"Delivery\"}, {}, {\"type\": \"NoSuchType\"}]", "accepted 1, ignored 2",
     NEWS " jane@customer.example; ", 0},
    {"", "", "[{\"type\": \"OOB\"}, {\"type\": \"Feedback\"}, {\"type\": \"AdminBounce\"}]",
     "ignored 3", "", 0},
    {"", "enable = []", "[{}]", "ignored 1", "", 0},
    {"", "", "[{\"type\": \"Delivery\", \"message\": \"x\"}]", "ignored 1", "", 0},
    /* what only an outlet wants */
    {"\"Delivery\", \"OOB\"", "", "[{\"type\": \"Delivery\"}, {\"type\": \"OOB\"}]",
     "accepted 2, type-not-enabled 2", "", 2},
    {"\"Bounce\"", "enable = []", "[{}]", "accepted 1, type-not-enabled 1", "", 1},
    /* reasons; the outlet gets its record all the same */
    {"", "", "[{\"sender\": \"\"}]", "accepted 1, null-sender 1", "", 0},
    {"\"Bounce\"", "", "[{\"sender\": \"\"}]", "accepted 1, null-sender 1", "", 1},
    {"\"Bounce\"", "", "[{\"sender\": \"postmaster\"}]", "accepted 1, bad-sender 1", "", 1},
    {"\"Bounce\"", "", "[{\"sender\": \"no address\"}]", "accepted 1, bad-sender 1", "", 1},
    {"\"Bounce\"", "", "[{\"reception_protocol\": \"LogRecord\"}]", "accepted 1, own-traffic 1", "",
     1},
    {"\"Bounce\"", "", "[{\"meta\": {\"log_record\": {}}}]", "accepted 1, own-traffic 1", "", 1},
    {"\"Bounce\"", "", "[{\"message\": \"Content-Type: multipart/report\\n\\nx\"}]",
     "accepted 1, notification 1", "", 1},
    {"\"Bounce\"", "", "[{\"sender\": \"x@other.example\"}]", "accepted 1, sender-not-ours 1", "",
     1},
    {"\"Bounce\"", "senders = []", "[{}]", "accepted 1, sender-not-ours 1", "", 1},
    {"", "senders = [\"*\"]", "[{\"sender\": \"x@other.example\"}]", "accepted 1",
     "x@other.example: jane@customer.example; ", 0},
    {"\"Bounce\"", "", "[{\"ahead\": -1300000}]", "accepted 1, too-old 1", "", 1},
    {"", "", "[{\"ahead\": -1300000}]", "accepted 1, too-old 1", "", 0},
    {"", "", "[{\"ahead\": -1200000}]", "accepted 1", NEWS " jane@customer.example; ", 0},
    {"\"Bounce\"", "hourly_rate = 1", "[{}, {\"id\": \"2\"}, {\"id\": \"3\"}]",
     "accepted 3, rate-limited 2", NEWS " jane@customer.example; ", 3},
    {"", "hourly_sender_rate = 1",
     "[{}, {\"id\": \"2\"}, {\"id\": \"3\", \"sender\": \"x@shop.example\"}]",
     "accepted 3, rate-limited 1",
     NEWS " jane@customer.example; x@shop.example: jane@customer.example; ", 0},
    /* of several reasons the first */
    {"", "", "[{\"sender\": \"x@other.example\", \"ahead\": -1300000}]", "accepted 1, too-old 1",
     "", 0},
    {"", "hourly_rate = 1", "[{\"sender\": \"x@other.example\"}, {}]",
     "accepted 2, sender-not-ours 1", NEWS " jane@customer.example; ", 0},
    /* what cannot be read */
    {"\"Bounce\"", "", "[{\"id\": null}, {}, {\"ahead\": 90000}, {\"recipient\": []}]",
     "accepted 1, rejected 3", NEWS " jane@customer.example; ", 1},
    /* events that are one, and events that are not */
    {"\"Bounce\"", "", "[{}, {}, {}]", "accepted 1, repeated 2", NEWS " jane@customer.example; ",
     1},
    {"\"Bounce\"", "", "[{}, {\"num_attempts\": 1}]", "accepted 2, duplicate 1",
     NEWS " jane@customer.example; ", 2},
    {"", "",
     "[{}, {\"ahead\": 1}, {\"type\": \"Expiration\"}, {\"id\": \"2\"}, {\"nodeid\": \"2\"},"
     " {\"recipient\": \"x@x.example\"}]",
     "accepted 6, duplicate 2",
     NEWS " jane@customer.example x@x.example; " NEWS " jane@customer.example; " NEWS
          " jane@customer.example; ",
     0},
    {"", "",
     "[{\"recipient\": [\"a@x.example\", \"b@x.example\"]},"
     " {\"recipient\": [\"b@x.example\", \"a@x.example\"]}]",
     "accepted 1, repeated 1", NEWS " a@x.example b@x.example; ", 0},
    {"", "",
     "[{\"recipient\": [\"a@x.example\", \"b@x.example\"]},"
     " {\"recipient\": [\"b@x.example\", \"c@x.example\"]}]",
     "accepted 2", NEWS " a@x.example b@x.example c@x.example; ", 0},
    {"", "",
     "[{\"recipient\": [\"a@x.example\", \"b@x.example\"]}, {\"recipient\":"
     " \"a@x.example\"}, {\"recipient\": \"b@x.example\"}]",
     "accepted 3, duplicate 2", NEWS " a@x.example b@x.example; ", 0},
    {"\"Rejection\"", "",
     "[{\"type\": \"Rejection\", \"id\": \"\", \"sender\": \"a@x.example\"},"
     " {\"type\": \"Rejection\", \"id\": \"\", \"sender\": \"b@x.example\"},"
     " {\"type\": \"Rejection\", \"id\": \"\", \"sender\": \"b@x.example\"}]",
     "accepted 2, repeated 1, type-not-enabled 2", "", 2},
};

START_TEST(a_body_and_what_it_leaves)
{
    dsn_test_configure(&test, rows[_i].types, rows[_i].more);
    take_changed(rows[_i].changes, rows[_i].tally);
    check_notices(rows[_i].notices, rows[_i].changes);
    ck_assert_msg(count_lines() == rows[_i].lines, "%s", rows[_i].changes);
}
END_TEST

/* However a body comes, it is the same events. */
START_TEST(the_same_by_every_road)
{
    g_autofree char *array =
        dsn_test_records(&test, "[{}, {\"id\": \"2\"}, {\"type\": \"Delivery\"}, {\"id\": \"3\"}]");
    g_autofree char *one = dsn_test_record(&test, "{}");
    g_autofree char *two = dsn_test_record(&test, "{\"id\": \"2\"}");
    g_autofree char *lines =
        g_strdup_printf("\xef\xbb\xbf%s\r\n\r\nbroken\n%s\n{\"id\":\n%s", one, two, one);

    take(array, "accepted 3, ignored 1", "array");
    take(lines, "repeated 3, rejected 2", "lines");
    take(one, "repeated 1", "object");
    take("", "", "nothing");
    take(" [ ] ", "", "empty array");
}
END_TEST

/* In batches, null is left out and the keys of meta come in any order. */
START_TEST(the_digest_of_a_rejection)
{
    g_autofree char *text = dsn_test_record(
        &test, "{\"type\": \"Rejection\", \"id\": \"\", \"meta\": {\"a\": 1, \"b\": 2}}");
    json_auto_t *record = json_loads(text, 0, NULL);

    ck_assert_int_eq(json_object_del(record, "egress_pool"), 0);
    g_autofree char *without = json_dumps(record, JSON_SORT_KEYS);
    dsn_test_configure(&test, "\"Rejection\"", "");
    take_changed("[{\"type\": \"Rejection\", \"id\": \"\", \"meta\": {\"a\": 1, \"b\": 2}}]",
                 "accepted 1, type-not-enabled 1");
    take_changed("[{\"id\": \"\", \"meta\": {\"b\": 2, \"a\": 1}, \"type\": \"Rejection\"}]",
                 "repeated 1");
    take(without, "repeated 1", "without null");
    take_changed("[{\"type\": \"Rejection\", \"id\": \"\", \"meta\": {\"a\": 2, \"b\": 1}}]",
                 "accepted 1, type-not-enabled 1");
}
END_TEST

/* What left nothing is decided again, when the administrator has thought better of it. */
START_TEST(a_refusal_can_be_taken_back)
{
    dsn_test_configure(&test, "", "senders = [\"a@shop.example\"]\nhourly_rate = 1");
    take_changed("[{}, {}, {\"sender\": \"a@shop.example\", \"id\": \"2\"},"
                 " {\"sender\": \"a@shop.example\", \"id\": \"3\"}]",
                 "accepted 4, sender-not-ours 2, rate-limited 1");
    dsn_test_configure(&test, "", "hourly_rate = 0");
    take_changed("[{}, {\"sender\": \"a@shop.example\", \"id\": \"2\"},"
                 " {\"sender\": \"a@shop.example\", \"id\": \"3\"}]",
                 "accepted 2, repeated 1");
}
END_TEST

/* ---- merging ---- */

START_TEST(an_original_that_comes_later)
{
    g_autoptr(GPtrArray) notices = NULL;

    take_changed("[{}]", "accepted 1");
    take_changed("[{}]", "repeated 1");
    take_changed("[{\"message\": \"" ORIGINAL "\"}]", "repeated 1");
    take_changed("[{\"message\": \"Subject: too late\\n\\n\"}]", "repeated 1");
    ck_assert_uint_eq(dsn_metrics_get(&test.spool.metrics, DSN_COUNT_NOTICES_MERGED), 1);
    ck_assert_uint_eq(dsn_metrics_get(&test.spool.metrics, DSN_COUNT_NOTICES_MADE), 1);

    notices = dsn_test_take_notices(&test);
    ck_assert_uint_eq(notices->len, 1);
    const DsnWaitingNotice *notice = notices->pdata[0];
    gsize len;
    const char *bytes = g_bytes_get_data(notice->bytes, &len);
    ck_assert_ptr_nonnull(g_strstr_len(bytes, (gssize)len, "Subject: Your order\r\n"));
    ck_assert_ptr_null(g_strstr_len(bytes, (gssize)len, "too late"));
}
END_TEST

START_TEST(an_original_that_comes_too_late)
{
    take_changed("[{}]", "accepted 1");
    check_notices(NEWS " jane@customer.example; ", "first");
    take_changed("[{\"message\": \"" ORIGINAL "\"}]", "repeated 1");
    check_notices("", "second");
    ck_assert_uint_eq(dsn_metrics_get(&test.spool.metrics, DSN_COUNT_NOTICES_MERGED), 0);
}
END_TEST

/* Merging makes no notice more, so it takes nothing from the budget. */
START_TEST(merging_is_not_limited)
{
    dsn_test_configure(&test, "\"Bounce\"", "hourly_rate = 1");
    take_changed("[{}, {\"message\": \"" ORIGINAL "\"}]", "accepted 1, repeated 1");
    take_changed("[{\"message\": \"" ORIGINAL "\"}]", "repeated 1");
    ck_assert_uint_eq(count_lines(), 1);
}
END_TEST

/* The outlets have had the record when it came first. */
START_TEST(merging_hands_nothing_on)
{
    dsn_test_configure(&test, "\"Bounce\"", "");
    take_changed("[{}]", "accepted 1");
    take_changed("[{\"message\": \"" ORIGINAL "\"}]", "repeated 1");
    ck_assert_uint_eq(dsn_metrics_get(&test.spool.metrics, DSN_COUNT_NOTICES_MERGED), 1);
    ck_assert_uint_eq(count_lines(), 1);
}
END_TEST

START_TEST(no_original_is_wanted)
{
    dsn_test_configure(&test, "", "include_original = \"no\"");
    take_changed("[{}]", "accepted 1");
    take_changed("[{\"message\": \"" ORIGINAL "\"}]", "repeated 1");
    ck_assert_uint_eq(dsn_metrics_get(&test.spool.metrics, DSN_COUNT_NOTICES_MERGED), 0);
}
END_TEST

/* The notice that waits is about one of two recipients: the other one has had his. */
START_TEST(merging_keeps_to_the_recipients)
{
    take_changed("[{\"recipient\": \"a@x.example\"}]", "accepted 1");
    check_notices(NEWS " a@x.example; ", "first");
    take_changed("[{\"recipient\": [\"a@x.example\", \"b@x.example\"]}]", "accepted 1");
    take_changed("[{\"recipient\": [\"a@x.example\", \"b@x.example\"], \"message\": \"" ORIGINAL
                 "\"}]",
                 "repeated 1");
    ck_assert_uint_eq(dsn_metrics_get(&test.spool.metrics, DSN_COUNT_NOTICES_MERGED), 1);
    check_notices(NEWS " b@x.example; ", "second");
}
END_TEST

/* ---- the governor ---- */

/* Of what turns out to be a duplicate only when it is written, nothing is charged. */
START_TEST(duplicates_cost_nothing)
{
    dsn_test_configure(&test, "", "hourly_rate = 3");
    take_changed("[{}, {}, {\"ahead\": 1}]", "accepted 2, repeated 1, duplicate 1");
    take_changed("[{\"id\": \"2\"}, {\"id\": \"3\"}, {\"id\": \"4\"}]",
                 "accepted 3, rate-limited 1");
}
END_TEST

/* Nor does anybody else have to stand back for them while they are not known yet. */
START_TEST(duplicates_are_in_nobodys_way)
{
    g_autoptr(GString) changes = g_string_new("[");

    for (int i = 0; i < 900; i++)
        g_string_append(changes, "{}, ");
    for (int i = 0; i < 600; i++)
        g_string_append_printf(changes, "{\"id\": \"%d\"}%s", i, i < 599 ? ", " : "]");
    dsn_test_configure(&test, "", "hourly_rate = 610");
    take_changed(changes->str, "accepted 601, repeated 899");
    take_changed(changes->str, "repeated 1500");
}
END_TEST

START_TEST(posters_are_bound)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new();
    g_autoptr(DsnPatterns) senders = NULL;

    g_ptr_array_add(texts, (gpointer) "b@shop.example");
    senders = dsn_patterns_new(texts, NULL);
    test.poster = (DsnPoster){.name = "b", .senders = senders, .hourly_rate = 1};
    take_changed("[{}, {\"sender\": \"b@shop.example\"}, {\"sender\": \"b@other.example\"},"
                 " {\"sender\": \"b@shop.example\", \"id\": \"2\"}]",
                 "accepted 4, sender-not-ours 1, sender-not-bound 1, rate-limited 1");
    check_notices("b@shop.example: jane@customer.example; ", "bound");
}
END_TEST

/* ---- dead letters ---- */

START_TEST(a_batch_with_poison)
{
    g_autoptr(GString) body = g_string_new("[\n");
    g_auto(DsnTally) tally;

    for (int i = 0; i < 1200; i++) {
        g_autofree char *change = g_strdup_printf("{\"id\": \"%d\"}", i);
        g_autofree char *record = dsn_test_record(&test, i % 100 == 7 ? "{\"id\": 7}" : change);

        if (i % 100 == 50)
            record[strlen(record) - 1] = ' ';
        g_string_append_printf(body, "%s,\n", record);
    }
    dsn_tally_init(&tally);
    ck_assert(dsn_pipeline_take_records(test.pipeline, test.policy, &test.poster,
                                        (DsnSpan){body->str, body->len}, &tally, NULL));
    ck_assert_uint_eq(tally.accepted, 1176);
    ck_assert_uint_eq(tally.rejected->len, 24);
    for (guint i = 0; i < tally.rejected->len; i++) {
        const DsnRejection *rejection = &g_array_index(tally.rejected, DsnRejection, i);

        ck_assert_uint_eq(rejection->index, i / 2 * 100 + (i % 2 == 0 ? 7 : 50));
        ck_assert_ptr_nonnull(
            strstr(rejection->reason, i % 2 == 0 ? "id: expected a string" : "column"));
    }
    g_autoptr(GPtrArray) notices = dsn_test_take_notices(&test);
    ck_assert_uint_eq(notices->len, 1176);
    ck_assert_uint_eq(dsn_metrics_get(&test.spool.metrics, DSN_COUNT_RECORDS_ACCEPTED), 1176);
    ck_assert_uint_eq(dsn_metrics_get(&test.spool.metrics, DSN_COUNT_RECORDS_REJECTED), 24);
    ck_assert_uint_eq(dsn_metrics_get(&test.spool.metrics, DSN_COUNT_NOTICES_MADE), 1176);
}
END_TEST

START_TEST(dead_letters_say_why)
{
    g_autofree char *record = dsn_test_record(&test, "{\"timestamp\": 4102444800,"
                                                     " \"event_time\": \"2100-01-01T00:00:00Z\"}");
    g_autofree char *list = NULL;

    take(record, "rejected 1", "future");
    list = dsn_test_list(&test);
    ck_assert_str_eq(list,
                     "rejected dead event_time: 2100-01-01T00:00:00Z is more than a day ahead\n");
}
END_TEST

/* Memory is bounded: behind a thousand of them the rest is one. */
START_TEST(nothing_but_poison)
{
    g_autoptr(GString) body = g_string_new(NULL);
    g_autofree char *good = dsn_test_record(&test, "{}");
    const DsnQueueFilter all = {.entry = 0};
    g_autofree char *list = NULL;

    for (int i = 0; i < 1500; i++)
        g_string_append(body, "x\n");
    g_string_append(body, good);
    take(body->str, "rejected 1001", "poison");
    list = dsn_test_list(&test);
    ck_assert(g_str_has_suffix(list, "nothing was looked at\n"));
    ck_assert_int_eq(dsn_pipeline_retry_rejected(test.pipeline, &all, NULL), 0);
    check_notices(NEWS " jane@customer.example; ", "from the rest");
}
END_TEST

START_TEST(dead_letters_are_taken_up_again)
{
    g_autofree char *padding = g_strnfill(4000, 'x');
    g_autofree char *change = g_strdup_printf("[{\"queue\": \"%s\"}, {\"id\": 1}]", padding);
    const DsnQueueFilter all = {.entry = 0}, waiting = {.waiting = true};
    g_autofree char *list = NULL;

    dsn_test_configure(&test, "", "[limits]\nrecord = \"2KiB\"");
    take_changed(change, "rejected 2");
    ck_assert_int_eq(dsn_pipeline_retry_rejected(test.pipeline, &all, NULL), 0);
    dsn_test_configure(&test, "", "");
    ck_assert_int_eq(dsn_pipeline_retry_rejected(test.pipeline, &waiting, NULL), 0);
    ck_assert_int_eq(dsn_pipeline_retry_rejected(test.pipeline, &all, NULL), 1);
    ck_assert_int_eq(dsn_pipeline_retry_rejected(test.pipeline, &all, NULL), 0);
    check_notices(NEWS " jane@customer.example; ", "again");
    list = dsn_test_list(&test);
    ck_assert_ptr_nonnull(strstr(list, "rejected dead id: expected a string"));
    ck_assert_ptr_null(strstr(list, "limit"));
    ck_assert_uint_eq(dsn_metrics_get(&test.spool.metrics, DSN_COUNT_RECORDS_REJECTED), 2);
}
END_TEST

/* ---- when the spool fails ---- */

START_TEST(a_full_spool_takes_nothing)
{
    g_autofree char *body = dsn_test_record(&test, "{}");
    g_autoptr(GError) error = NULL;
    g_auto(DsnTally) tally;

    dsn_test_configure(&test, "", "hourly_rate = 1");
    test.spool.options.max_size = 1;
    dsn_pipeline_free(test.pipeline);
    dsn_test_spool_reopen(&test.spool);
    test.pipeline = dsn_pipeline_new(test.spool.spool, &test.spool.metrics, test.policy);
    for (int i = 0; i < 3; i++) { /* nothing is charged for what is not kept */
        dsn_tally_init(&tally);
        g_clear_error(&error);
        ck_assert(!dsn_pipeline_take_records(test.pipeline, test.policy, &test.poster,
                                             dsn_span(body), &tally, &error));
        ck_assert(g_error_matches(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_FULL));
        ck_assert_uint_eq(tally.accepted, 0);
        dsn_tally_clear(&tally);
    }
    g_autoptr(GString) bytes = g_string_new(NULL);
    DsnReason reason;
    ck_assert_int_eq(dsn_pipeline_make_notice(test.pipeline, test.policy, &test.poster,
                                              dsn_span(body), bytes, &reason, NULL),
                     DSN_NOTICE_MADE);
    dsn_tally_init(&tally);
}
END_TEST

/* ---- threads ---- */

typedef struct Worker {
    const char *body;
    DsnTally tally;
} Worker;

static gpointer
take_in_thread(gpointer data)
{
    Worker *worker = data;
    bool taken = dsn_pipeline_take_records(test.pipeline, test.policy, &test.poster,
                                           dsn_span(worker->body), &worker->tally, NULL);

    return GINT_TO_POINTER(taken);
}

/* Events for recipients that they share, from four threads: one notice for each message. */
START_TEST(one_notice_each)
{
    g_autoptr(GString) changes = g_string_new("[");
    GThread *threads[4];
    Worker workers[4];
    guint64 accepted = 0, duplicate = 0;

    for (int i = 0; i < 300; i++)
        g_string_append_printf(changes,
                               "%s{\"id\": \"%d\", \"recipient\": [\"a@x.example\", "
                               "\"b@x.example\"]}, {\"id\": \"%d\", \"recipient\": "
                               "[\"b@x.example\", \"c@x.example\"]}",
                               i == 0 ? "" : ", ", i, i);
    g_string_append(changes, "]");
    g_autofree char *body = dsn_test_records(&test, changes->str);
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++) {
        workers[i].body = body;
        dsn_tally_init(&workers[i].tally);
        threads[i] = g_thread_new("take", take_in_thread, &workers[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++) {
        ck_assert(GPOINTER_TO_INT(g_thread_join(threads[i])));
        accepted += workers[i].tally.accepted;
        duplicate += workers[i].tally.duplicate;
        dsn_tally_clear(&workers[i].tally);
    }
    ck_assert_uint_eq(accepted, 600);
    ck_assert_uint_eq(duplicate, 1800);

    g_autoptr(GPtrArray) notices = dsn_test_take_notices(&test);
    g_autofree char *text = dsn_test_describe(notices);
    g_auto(GStrv) words = g_strsplit_set(text, " ;", -1);
    guint recipients = 0;
    for (char **word = words; *word != NULL; word++)
        recipients += g_str_has_suffix(*word, "@x.example");
    ck_assert_uint_eq(notices->len, 300);
    ck_assert_uint_eq(recipients, 900);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("take-records");
    TCase *tcase = tcase_create("records");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, a_body_and_what_it_leaves, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, the_same_by_every_road);
    tcase_add_test(tcase, the_digest_of_a_rejection);
    tcase_add_test(tcase, a_refusal_can_be_taken_back);
    tcase_add_test(tcase, an_original_that_comes_later);
    tcase_add_test(tcase, an_original_that_comes_too_late);
    tcase_add_test(tcase, merging_is_not_limited);
    tcase_add_test(tcase, merging_hands_nothing_on);
    tcase_add_test(tcase, no_original_is_wanted);
    tcase_add_test(tcase, merging_keeps_to_the_recipients);
    tcase_add_test(tcase, duplicates_cost_nothing);
    tcase_add_test(tcase, duplicates_are_in_nobodys_way);
    tcase_add_test(tcase, posters_are_bound);
    tcase_add_test(tcase, a_batch_with_poison);
    tcase_add_test(tcase, dead_letters_say_why);
    tcase_add_test(tcase, nothing_but_poison);
    tcase_add_test(tcase, dead_letters_are_taken_up_again);
    tcase_add_test(tcase, a_full_spool_takes_nothing);
    tcase_add_test(tcase, one_notice_each);
    suite_add_tcase(suite, tcase);
    return suite;
}
