/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "tests/support/spool.h"
#include "tests/support/unit.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOOK "webhook:crm"
#define KILLS 8

static DsnTestSpool test;

static void
set_outlets(const char *first, const char *second)
{
    const char *const names[] = {first, second, NULL};
    guint64 dropped;

    ck_assert(dsn_spool_set_outlets(test.spool, names, &dropped, NULL));
}

static void
set_up(void)
{
    dsn_test_spool_init(&test);
    set_outlets(HOOK, "file:log");
}

static void
tear_down(void)
{
    dsn_test_spool_clear(&test);
}

/* Puts @count records into the stream. */
static void
store(guint64 message, guint count)
{
    DsnDeposit *deposit = dsn_deposit_new(true);
    DsnItem *item = dsn_test_add_message(deposit, message);

    for (guint i = 0; i < count; i++)
        dsn_test_add_line(item, DSN_RECORD_BOUNCE, "{}\n");
    ck_assert_int_eq(dsn_test_store(test.spool, deposit), DSN_ITEM_STORED);
}

/* Hands on up to @position, of which one record of @json (NULL: none) is a letter. */
static bool
hand_on(int64_t position, const char *json, GError **error)
{
    g_autoptr(GArray) letters = g_array_new(FALSE, FALSE, sizeof(DsnSpoolLetter));
    g_autoptr(GBytes) bytes = g_bytes_new(json, json == NULL ? 0 : strlen(json));
    const DsnSpoolLetter letter = {"id-1", "Bounce", bytes, "400 no such customer", 0};

    if (json != NULL)
        g_array_append_val(letters, letter);
    return dsn_spool_hand_on(
        test.spool, HOOK,
        &(const DsnAdvance){.position = position, .note = "note", .letters = letters}, error);
}

static void
count(guint64 want_waiting, guint64 want_dead)
{
    DsnSpoolState state;

    dsn_spool_state(test.spool, &state);
    ck_assert_uint_eq(state.waiting, want_waiting);
    ck_assert_uint_eq(state.dead, want_dead);
}

static bool
append_entry(const DsnQueueEntry *entry, gpointer user)
{
    g_string_append_printf(user, "%s %s %s %s %s %s %zu %u: %s;", entry->kind, entry->state,
                           entry->record_id, entry->record_type,
                           entry->recipient == NULL ? "-" : entry->recipient, entry->relay,
                           entry->size, entry->attempts, entry->reason);
    return true;
}

static char *
list(const DsnQueueFilter *filter)
{
    GString *text = g_string_new(NULL);

    ck_assert(dsn_spool_list(test.spool, filter, append_entry, text, NULL));
    return g_string_free(text, FALSE);
}

#define ck_assert_lists(want)                                       \
    do {                                                            \
        g_autofree char *listed = list(&(const DsnQueueFilter){0}); \
        ck_assert_str_eq(listed, want);                             \
    } while (0)

/* What waits for the outlet now (transfer full), NULL: nothing. */
static DsnWaitingNotice *
take(const char *outlet)
{
    g_autoptr(GPtrArray) notices = g_ptr_array_new();

    ck_assert(dsn_spool_take_notices(test.spool, outlet, 10, 0, notices));
    ck_assert_uint_le(notices->len, 1);
    return notices->len == 0 ? NULL : notices->pdata[0];
}

static guint
count_large_files(void)
{
    g_autofree char *path = g_build_filename(test.directory, "large", NULL);
    g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
    guint number = 0;

    ck_assert_ptr_nonnull(directory);
    while (g_dir_read_name(directory) != NULL)
        number++;
    return number;
}

static void
clear_line(gpointer line)
{
    dsn_history_line_clear(line);
}

/* ---- letters ---- */

/* With a small content, and with one in a file. */
START_TEST(letters_are_kept)
{
    const size_t sizes[] = {2, 100000};
    g_autofree char *json = g_strnfill(sizes[_i], 'x');
    g_autofree char *want = g_strdup_printf("record dead id-1 Bounce - " HOOK " %zu 0: "
                                            "400 no such customer;",
                                            sizes[_i]);
    g_autoptr(GArray) lines = g_array_new(FALSE, FALSE, sizeof(DsnHistoryLine));

    store(1, 3);
    ck_assert(hand_on(2, json, NULL));
    ck_assert_lists(want);
    count(0, 1);
    ck_assert_uint_eq(count_large_files(), (guint)_i);
    dsn_test_spool_reopen(&test);
    ck_assert_lists(want);
    count(0, 1);
    g_autoptr(GBytes) content = dsn_spool_content(test.spool, 1, NULL);
    dsn_assert_bytes(g_bytes_get_data(content, NULL), g_bytes_get_size(content), json, sizes[_i]);
    g_autofree char *note = dsn_spool_outlet_note(test.spool, HOOK);
    ck_assert_str_eq(note, "note");

    /* the record leads to it */
    g_array_set_clear_func(lines, clear_line);
    ck_assert(dsn_spool_history(test.spool, "id-1", lines, NULL));
    ck_assert_uint_eq(lines->len, 1);
    ck_assert_str_eq(g_array_index(lines, DsnHistoryLine, 0).text,
                     "\"event\":\"dead\",\"entry\":1,\"outlet\":\"" HOOK
                     "\",\"reply\":\"400 no such customer\"");

    ck_assert_int_eq(dsn_spool_drop(test.spool, &(DsnQueueFilter){.entry = 1}, NULL), 1);
    count(0, 0);
    dsn_test_spool_reopen(&test);
    ck_assert_uint_eq(count_large_files(), 0);
}
END_TEST

static const struct {
    const char *label;
    DsnSettled how;
    const char *want;
    guint64 want_waiting, want_dead;
} outcomes[] = {
    {"sent", DSN_SETTLED_SENT, "", 0, 0},
    {"again", DSN_SETTLED_RETRY, "record waiting id-1 Bounce - " HOOK " 2 1: 503 later;", 1, 0},
    {"dead", DSN_SETTLED_DEAD, "record dead id-1 Bounce - " HOOK " 2 1: 503 later;", 0, 1},
    {"back", DSN_SETTLED_BACK, "record waiting id-1 Bounce - " HOOK " 2 0: 400 no such customer;",
     1, 0},
};

START_TEST(letters_are_retried)
{
    store(1, 1);
    ck_assert(hand_on(1, "{}", NULL));
    ck_assert_ptr_null(take(HOOK));
    ck_assert_int_eq(dsn_spool_retry(test.spool, &(DsnQueueFilter){.entry = 1}, NULL), 1);
    count(1, 0);
    ck_assert_ptr_null(take(NULL));
    ck_assert_ptr_null(take("file:log"));
    g_autoptr(DsnWaitingNotice) letter = take(HOOK);
    ck_assert_ptr_nonnull(letter);
    ck_assert_int_eq(letter->entry, 1);
    ck_assert_str_eq(letter->record_id, "id-1");
    ck_assert_str_eq(letter->record_type, "Bounce");
    ck_assert_ptr_null(letter->recipient);
    dsn_assert_bytes(g_bytes_get_data(letter->bytes, NULL), g_bytes_get_size(letter->bytes), "{}",
                     2);
    dsn_spool_settle(test.spool, 1, outcomes[_i].how, g_get_real_time() + G_TIME_SPAN_DAY,
                     outcomes[_i].how == DSN_SETTLED_BACK ? NULL : "503 later");
    set_outlets(HOOK, "file:log"); /* it is committed */
    ck_assert_lists(outcomes[_i].want);
    count(outcomes[_i].want_waiting, outcomes[_i].want_dead);
}
END_TEST

/* One that may work later waits at once, after its first attempt. */
START_TEST(letters_may_wait)
{
    const int64_t now = g_get_real_time();
    g_autoptr(GArray) letters = g_array_new(FALSE, FALSE, sizeof(DsnSpoolLetter));
    g_autoptr(GBytes) bytes = g_bytes_new_static("{}", 2);
    const DsnSpoolLetter due = {"id-1", "Bounce", bytes, "450 not now", now};
    const DsnSpoolLetter later = {"id-2", "Bounce", bytes, "450 not now", now + G_TIME_SPAN_DAY};

    g_array_append_val(letters, due);
    g_array_append_val(letters, later);
    store(1, 2);
    ck_assert_ptr_null(take(HOOK)); /* somebody has looked before */
    ck_assert(dsn_spool_hand_on(test.spool, HOOK,
                                &(const DsnAdvance){.position = 2, .letters = letters}, NULL));
    count(2, 0);
    ck_assert_lists("record waiting id-1 Bounce - " HOOK " 2 1: 450 not now;"
                    "record waiting id-2 Bounce - " HOOK " 2 1: 450 not now;");
    g_autoptr(DsnWaitingNotice) letter = take(HOOK);
    ck_assert_ptr_nonnull(letter);
    ck_assert_str_eq(letter->record_id, "id-1");
    ck_assert_uint_eq(letter->attempts, 1);
    dsn_spool_settle(test.spool, letter->entry, DSN_SETTLED_SENT, 0, "OK");
    set_outlets(HOOK, "file:log"); /* it is committed */
    count(1, 0);
    dsn_test_spool_reopen(&test);
    count(1, 0);
}
END_TEST

/* A record never goes to a relay, as a notice does whose relay is gone. */
START_TEST(relays_do_not_get_them)
{
    static const char *const relays[] = {"eu", NULL};
    guint64 moved;

    store(1, 1);
    ck_assert(hand_on(1, "{}", NULL));
    ck_assert_int_eq(dsn_spool_retry(test.spool, &(DsnQueueFilter){0}, NULL), 1);
    ck_assert(dsn_spool_set_relays(test.spool, relays, &moved, NULL));
    ck_assert_uint_eq(moved, 0);
    ck_assert_ptr_null(take(NULL));
    g_autoptr(DsnWaitingNotice) letter = take(HOOK);
    ck_assert_ptr_nonnull(letter);
    dsn_spool_settle(test.spool, 1, DSN_SETTLED_BACK, 0, NULL);
}
END_TEST

#define GONE                                                                                   \
    "record dead id-1 Bounce - " HOOK " 2 0: the outlet that it waited for is not configured " \
    "any more;"

START_TEST(the_outlet_is_gone)
{
    store(1, 1);
    ck_assert(hand_on(1, "{}", NULL));
    ck_assert_int_eq(dsn_spool_retry(test.spool, &(DsnQueueFilter){0}, NULL), 1);
    set_outlets("file:log", NULL);
    ck_assert_lists(GONE);
    count(0, 1);
    ck_assert_int_eq(dsn_spool_retry(test.spool, &(DsnQueueFilter){0}, NULL), 0);
    ck_assert_lists(GONE);
    dsn_test_spool_reopen(&test);
    count(0, 1);
    /* and it is there again */
    set_outlets("file:log", HOOK);
    ck_assert_int_eq(dsn_spool_retry(test.spool, &(DsnQueueFilter){0}, NULL), 1);
    g_autoptr(DsnWaitingNotice) letter = take(HOOK);
    ck_assert_ptr_nonnull(letter);
    dsn_spool_settle(test.spool, 1, DSN_SETTLED_SENT, 0, "200 OK");
    set_outlets("file:log", HOOK); /* it is committed */
    count(0, 0);
}
END_TEST

/* More than one transaction buries them; what waits for others stays. */
START_TEST(many_are_buried)
{
    g_autoptr(GArray) letters = g_array_new(FALSE, FALSE, sizeof(DsnSpoolLetter));
    g_autoptr(GBytes) bytes = g_bytes_new_static("{}", 2);
    const DsnSpoolLetter letter = {NULL, NULL, bytes, "no", 0};

    for (int i = 0; i < 1500; i++)
        g_array_append_val(letters, letter);
    store(1, 2);
    ck_assert(dsn_spool_hand_on(test.spool, HOOK,
                                &(const DsnAdvance){.position = 1, .letters = letters}, NULL));
    g_array_set_size(letters, 1);
    ck_assert(dsn_spool_hand_on(test.spool, "file:log",
                                &(const DsnAdvance){.position = 1, .letters = letters}, NULL));
    ck_assert_int_eq(dsn_spool_retry(test.spool, &(DsnQueueFilter){0}, NULL), 1501);
    count(1501, 0);
    set_outlets("file:log", NULL);
    count(1, 1500);
}
END_TEST

START_TEST(no_such_outlet)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *json = g_strnfill(100000, 'x');

    set_outlets("file:log", NULL);
    ck_assert(!hand_on(1, json, &error));
    ck_assert(g_error_matches(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_NONE));
    count(0, 0);
    ck_assert_uint_eq(count_large_files(), 0);
}
END_TEST

/* ---- what was handed on ---- */

/* "outlet text|outlet text" of one record. */
static char *
handed_on(int64_t position)
{
    g_autoptr(GArray) lines = g_array_new(FALSE, FALSE, sizeof(DsnHistoryLine));
    GString *text = g_string_new(NULL);

    g_array_set_clear_func(lines, clear_line);
    ck_assert(dsn_spool_handed_on(test.spool, position, lines, NULL));
    for (guint i = 0; i < lines->len; i++)
        g_string_append_printf(text, "%s%s", i == 0 ? "" : "|",
                               g_array_index(lines, DsnHistoryLine, i).text);
    return g_string_free(text, FALSE);
}

/* @name has handed on the records from @first to @last, each @step positions behind the other. */
static void
hand_on_some(const char *name, int64_t first, int64_t last, int64_t step, const char *text)
{
    g_autoptr(GArray) positions = g_array_new(FALSE, FALSE, sizeof(int64_t));
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(DsnHandedOn));

    for (int64_t position = first; position <= last; position += step)
        g_array_append_val(positions, position);
    const DsnHandedOn one = {(const int64_t *)(const void *)positions->data, positions->len, text};
    g_array_append_val(all, one);
    ck_assert(dsn_spool_hand_on(test.spool, name,
                                &(const DsnAdvance){.position = last, .handed_on = all}, NULL));
}

#define ck_assert_handed_on(position, want)                \
    do {                                                   \
        g_autofree char *found_text = handed_on(position); \
        ck_assert_str_eq(found_text, want);                \
    } while (0)

START_TEST(tells_what_was_handed_on)
{
    static const struct {
        const char *label;
        int64_t first, last, step;
    } rows[] = {
        {"one", 7, 7, 1},           {"all", 1, 500, 1},        {"every third", 10, 100, 3},
        {"far apart", 5, 905, 300}, {"in rows", 1, 100000, 1}, {"far", 1, 1998971, 16385},
    };
    const int64_t first = rows[_i].first, last = rows[_i].last, step = rows[_i].step;

    hand_on_some(HOOK, first, last, step, "\"reply\":\"200 OK\"");
    hand_on_some("file:log", last, last, 1, "\"file\":\"a\"");
    for (int64_t position = MAX(first - 2, 1); position <= last + 2;
         position += MAX(1, (last - first) / 500)) {
        g_autofree char *got = handed_on(position);
        bool hook = position >= first && position <= last && (position - first) % step == 0;
        bool file = position == last;
        g_autofree char *want = g_strconcat(
            hook ? "\"outlet\":\"" HOOK "\",\"reply\":\"200 OK\"" : "", hook && file ? "|" : "",
            file ? "\"outlet\":\"file:log\",\"file\":\"a\"" : "", NULL);

        ck_assert_msg(strcmp(got, want) == 0, "%s: %d: %s", rows[_i].label, (int)position, got);
    }
    dsn_test_spool_reopen(&test);
    ck_assert_handed_on(last, "\"outlet\":\"" HOOK "\",\"reply\":\"200 OK\"|"
                              "\"outlet\":\"file:log\",\"file\":\"a\"");
}
END_TEST

/* Batches in flight together end in any order. */
START_TEST(rows_may_overlap)
{
    hand_on_some(HOOK, 1, 99, 2, "\"a\":1");
    hand_on_some(HOOK, 2, 60, 2, "\"b\":1");
    ck_assert_handed_on(51, "\"outlet\":\"" HOOK "\",\"a\":1");
    ck_assert_handed_on(52, "\"outlet\":\"" HOOK "\",\"b\":1");
    ck_assert_handed_on(62, "");
}
END_TEST

static void
reopen_keeping(int64_t seconds)
{
    test.options.history_keep = seconds;
    dsn_test_spool_reopen(&test);
    set_outlets(HOOK, "file:log");
}

START_TEST(leaves_with_the_history)
{
    const int64_t until = g_get_monotonic_time() + 60 * G_TIME_SPAN_SECOND;

    hand_on_some(HOOK, 1, 50000, 1, "\"a\":1");
    hand_on_some(HOOK, 1, 9999, 2, "\"b\":1");
    reopen_keeping(3600);
    ck_assert_handed_on(6001, "\"outlet\":\"" HOOK "\",\"a\":1|\"outlet\":\"" HOOK "\",\"b\":1");
    test.options.keep = 32; /* so that it is swept every second */
    reopen_keeping(0);
    for (;;) {
        g_autofree char *left = handed_on(6001);

        if (*left == '\0')
            break;
        ck_assert_int_lt(g_get_monotonic_time(), until);
        g_usleep(10000);
    }
    hand_on_some(HOOK, 50001, 50002, 1, "\"c\":1");
    ck_assert_handed_on(50001, "");
}
END_TEST

/* ---- all or nothing ---- */

/* Where the outlet is now: the position of the next record. */
static int64_t
next_position(void)
{
    g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(DsnStreamRecord));

    g_array_set_clear_func(records, (GDestroyNotify)(void (*)(void))dsn_stream_record_clear);
    ck_assert(dsn_spool_read_records(test.spool, HOOK, 1, 1, 0, records));
    return records->len == 0 ? 0 : g_array_index(records, DsnStreamRecord, 0).position;
}

/* Neither the file of a large letter can be written, nor the database. */
START_TEST(no_write_works)
{
    g_autofree char *json = g_strnfill(_i == 0 ? 100000 : 60000, 'x');
    g_autoptr(GError) error = NULL;

    store(1, 3);
    dsn_test_limit_files(4096);
    ck_assert(!hand_on(2, json, &error));
    ck_assert(g_error_matches(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_DISK));
    dsn_test_limit_files(0);
    dsn_test_spool_wait_ready(&test);
    ck_assert_int_eq(next_position(), 1);
    count(0, 0);
    ck_assert_lists("");
    ck_assert_uint_eq(count_large_files(), 0);
    ck_assert(hand_on(2, json, NULL));
    ck_assert_int_eq(next_position(), 3);
    count(0, 1);
}
END_TEST

/* Dead letters need room, too, and an outlet that could not go on would keep it full for ever. */
START_TEST(a_full_spool_takes_letters)
{
    store(1, 3);
    test.options.min_free = (size_t)1 << 60;
    dsn_test_spool_reopen(&test);
    ck_assert(!dsn_spool_is_ready(test.spool));
    ck_assert(hand_on(2, "{}", NULL));
    count(0, 1);
}
END_TEST

/* Record after record becomes a letter, and was handed on, until this process is killed. */
static void
hand_on_for_ever(int pipe)
{
    dsn_test_spool_reopen(&test);
    for (int64_t position = next_position();; position++) {
        g_autofree char *json = g_strnfill(position % 3 == 0 ? 70000 : 10, 'x');
        g_autofree char *id = g_strdup_printf("%d", (int)position);
        g_autoptr(GBytes) bytes = g_bytes_new(json, strlen(json));
        const DsnSpoolLetter letter = {id, "Bounce", bytes, "no", 0};
        const DsnHandedOn one = {&position, 1, "\"a\":1"};
        g_autoptr(GArray) letters = g_array_new(FALSE, FALSE, sizeof letter);
        g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof one);

        g_array_append_val(letters, letter);
        g_array_append_val(all, one);
        const DsnAdvance advance = {position, NULL, letters, all};
        if (!dsn_spool_hand_on(test.spool, HOOK, &advance, NULL) ||
            write(pipe, &position, sizeof position) != sizeof position)
            _exit(2);
    }
}

static bool
check_letter(const DsnQueueEntry *entry, gpointer user)
{
    int64_t *number = user;
    g_autofree char *id = g_strdup_printf("%d", (int)++*number);
    g_autoptr(GBytes) content = dsn_spool_content(test.spool, entry->entry, NULL);

    ck_assert_str_eq(entry->record_id, id);
    ck_assert_uint_eq(g_bytes_get_size(content), *number % 3 == 0 ? 70000 : 10);
    ck_assert_handed_on(*number, "\"outlet\":\"" HOOK "\",\"a\":1");
    return true;
}

START_TEST(killed_at_any_moment)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);

    store(1, 100000);
    for (int i = 0; i < KILLS; i++) {
        int64_t reported = 0, number = 0;
        int status;
        int ends[2];

        g_clear_pointer(&test.spool, dsn_spool_close);
        ck_assert_int_eq(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0)
            hand_on_for_ever(ends[1]);
        ck_assert_int_eq(read(ends[0], &reported, sizeof reported), sizeof reported);
        g_usleep((gulong)g_rand_int_range(rand, 1000, 20000));
        ck_assert_int_eq(kill(child, SIGKILL), 0);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(WIFSIGNALED(status), "status %x", status);
        ck_assert_int_eq(close(ends[1]), 0);
        while (read(ends[0], &reported, sizeof reported) == sizeof reported)
            continue;
        ck_assert_int_eq(close(ends[0]), 0);
        dsn_test_spool_reopen(&test);
        ck_assert(dsn_spool_list(test.spool, &(DsnQueueFilter){0}, check_letter, &number, NULL));
        ck_assert_int_ge(number, reported);
        ck_assert_int_eq(next_position(), number + 1);
        count(0, (guint64)number);
        ck_assert_uint_eq(count_large_files(), (guint)(number / 3));
        ck_assert_handed_on(number + 1, "");
    }
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("spool-hand-on");
    TCase *tcase = tcase_create("hand on");

    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, letters_are_kept, 0, 2);
    tcase_add_loop_test(tcase, letters_are_retried, 0, G_N_ELEMENTS(outcomes));
    tcase_add_test(tcase, letters_may_wait);
    tcase_add_test(tcase, relays_do_not_get_them);
    tcase_add_test(tcase, the_outlet_is_gone);
    tcase_add_test(tcase, many_are_buried);
    tcase_add_test(tcase, no_such_outlet);
    tcase_add_loop_test(tcase, tells_what_was_handed_on, 0, 6);
    tcase_add_test(tcase, rows_may_overlap);
    tcase_add_test(tcase, leaves_with_the_history);
    tcase_add_loop_test(tcase, no_write_works, 0, 2);
    tcase_add_test(tcase, a_full_spool_takes_letters);
    tcase_add_test(tcase, killed_at_any_moment);
    suite_add_tcase(suite, tcase);
    return suite;
}
