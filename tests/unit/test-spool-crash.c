/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "tests/support/spool.h"
#include "tests/support/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILLS 24
#define THREADS 3
#define ITEMS 5
/* Deposits that a thread can make before it is killed. */
#define MAX_DEPOSITS 10000
#define EVENT_TIME 1700000000
/* From the key of a recipient to that of the one that is added. */
#define ADDED ((guint64)1 << 40)

static DsnTestSpool test;

static void
set_up(void)
{
    dsn_test_spool_init(&test);
}

static void
tear_down(void)
{
    dsn_test_spool_clear(&test);
}

/* What the process that will be killed says, in one write. */
typedef struct Report {
    enum { REPORT_STORED, REPORT_REPLACED, REPORT_TAKEN } kind;
    guint64 number; /* of the deposit, or the entry that was taken */
    char text[24];  /* of what was taken */
} Report;

typedef struct Worker {
    int pipe;
    guint64 first; /* deposit */
} Worker;

static void
report(const Worker *worker, const Report *what)
{
    if (write(worker->pipe, what, sizeof *what) != sizeof *what)
        _exit(2);
}

/* Notices "12.3"; every second item of a deposit is large. */
static DsnSpoolNotice *
make_notice(guint64 number, guint index, const char *more)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT ".%u%-*s", number, index,
                                            index % 2 == 0 ? 5 : 200, more);
    guint64 key = number * ITEMS + index;
    DsnSpoolNotice *notice = dsn_test_notice(text, key, 1);

    notice->group = dsn_test_key(key, 0);
    notice->sources = g_bytes_new(text, strlen(text));
    return notice;
}

static DsnDeposit *
make_deposit(guint64 number)
{
    DsnDeposit *deposit = dsn_deposit_new(number % 2 == 0);
    g_autofree char *line = g_strdup_printf("%" G_GUINT64_FORMAT "\n", number);

    for (guint i = 0; i < ITEMS; i++) {
        DsnItem *item = dsn_test_add_event(deposit, number * ITEMS + i, make_notice(number, i, ""));

        item->key.time = EVENT_TIME;
        dsn_test_add_line(item, DSN_RECORD_BOUNCE, line);
    }
    return deposit;
}

/* Notices "12.3 more", for one more recipient, in the place of those that are still open. */
static DsnDeposit *
make_replacement(guint64 number)
{
    DsnDeposit *deposit = dsn_deposit_new(number % 2 == 0);

    for (guint i = 0; i < ITEMS; i++) {
        const guint64 key = number * ITEMS + i;
        const DsnKey group = dsn_test_key(key, 0);
        const DsnKey added = dsn_test_key(key + ADDED, EVENT_TIME);
        g_auto(DsnOpenNotice) open = {0};

        if (!dsn_spool_look_open(test.spool, &group, &open))
            continue;
        DsnSpoolNotice *notice = make_notice(number, i, " more");
        notice->replaces = open.entry;
        notice->version = open.version;
        g_array_append_val(notice->keys, added);
        DsnItem *item = dsn_test_add_event(deposit, key, notice);
        item->key.time = EVENT_TIME;
        item->known = true;
    }
    return deposit;
}

static gpointer
deposit_for_ever(gpointer data)
{
    const Worker *worker = data;

    for (guint64 number = worker->first;; number++)
        for (int again = 0; again < 2; again++) {
            Report what = {.kind = again == 0 ? REPORT_STORED : REPORT_REPLACED, .number = number};
            DsnDeposit *deposit = again == 0 ? make_deposit(number) : make_replacement(number);

            dsn_spool_submit(test.spool, deposit);
            (void)dsn_spool_wait(test.spool, deposit, -1); /* true: it has no end */
            if (deposit->error != NULL)
                _exit(3);
            dsn_deposit_free(deposit);
            report(worker, &what);
        }
    return NULL;
}

static gpointer
take_for_ever(gpointer data)
{
    const Worker *worker = data;

    for (;;) {
        g_autoptr(GPtrArray) notices =
            g_ptr_array_new_with_free_func((GDestroyNotify)dsn_waiting_notice_free);

        (void)dsn_spool_take_notices(test.spool, NULL, 2, 1000,
                                     notices); /* false: none were added */
        for (guint i = 0; i < notices->len; i++) {
            const DsnWaitingNotice *notice = notices->pdata[i];
            Report what = {.kind = REPORT_TAKEN, .number = (guint64)notice->entry};

            memcpy(what.text, g_bytes_get_data(notice->bytes, NULL),
                   MIN(sizeof what.text - 1, g_bytes_get_size(notice->bytes)));
            report(worker, &what);
        }
    }
    return NULL;
}

/* Works until it is killed. */
static void
work(int pipe, guint64 first)
{
    static const char *const names[] = {"json", NULL};
    Worker workers[THREADS];
    guint64 dropped;

    dsn_test_spool_reopen(&test);
    if (!dsn_spool_set_outlets(test.spool, names, &dropped, NULL))
        _exit(4);
    for (guint i = 0; i < THREADS; i++) {
        workers[i] = (Worker){.pipe = pipe, .first = first + i * MAX_DEPOSITS};
        g_thread_unref(g_thread_new("deposit", deposit_for_ever, &workers[i]));
    }
    (void)take_for_ever(&workers[0]); /* it never returns */
}

/* What is there, by deposit. */
typedef struct Found {
    guint items[THREADS][MAX_DEPOSITS];
    guint lines[THREADS][MAX_DEPOSITS];
    guint64 first;
    guint replaced;
} Found;

static guint *
slot_of(guint counts[THREADS][MAX_DEPOSITS], guint64 first, guint64 number)
{
    ck_assert(number >= first && number < first + THREADS * MAX_DEPOSITS);
    return &counts[(number - first) / MAX_DEPOSITS][(number - first) % MAX_DEPOSITS];
}

/* A notice is there with its content, its sources as long as it is open, and the key of the
 * recipient that was added: all as they were or all as they are now. */
static bool
check_entry(guint64 key, const DsnQueueEntry *entry)
{
    const DsnKey group = dsn_test_key(key, 0);
    const DsnKey added = dsn_test_key(key + ADDED, 0);
    g_autoptr(GBytes) content = dsn_spool_content(test.spool, entry->entry, NULL);
    g_auto(DsnOpenNotice) open = {0};

    ck_assert_ptr_nonnull(content);
    bool more = memmem(g_bytes_get_data(content, NULL), g_bytes_get_size(content), " more", 5);
    ck_assert_int_eq(dsn_spool_look_notice(test.spool, &added) != DSN_SEEN_NOT, more);
    if (dsn_spool_look_open(test.spool, &group, &open)) {
        ck_assert_int_eq(open.entry, entry->entry);
        ck_assert_int_eq(open.version, more ? 2 : 1);
        ck_assert(g_bytes_equal(open.sources, content));
    }
    return more;
}

static bool
count_entry(const DsnQueueEntry *entry, gpointer user)
{
    Found *found = user;
    guint64 key = g_ascii_strtoull(entry->record_id + strlen("record-"), NULL, 10);

    if (key / ITEMS < found->first)
        return true;
    ++*slot_of(found->items, found->first, key / ITEMS);
    found->replaced += check_entry(key, entry);
    return true;
}

static void
count_lines(Found *found)
{
    for (;;) {
        g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(DsnStreamRecord));

        g_array_set_clear_func(records, (GDestroyNotify)dsn_stream_record_clear);
        ck_assert(dsn_spool_read_records(test.spool, "json", 1000, 1 << 20, 0, records));
        if (records->len == 0)
            break;
        for (guint i = 0; i < records->len; i++) {
            GBytes *json = g_array_index(records, DsnStreamRecord, i).json;
            g_autofree char *text = g_strndup(g_bytes_get_data(json, NULL), g_bytes_get_size(json));

            ++*slot_of(found->lines, found->first, g_ascii_strtoull(text, NULL, 10));
        }
        ck_assert(dsn_spool_advance(
            test.spool, "json", g_array_index(records, DsnStreamRecord, records->len - 1).position,
            NULL, NULL));
    }
}

/* A deposit is there with all of its items, keys and lines, or not at all. */
static guint
check_whole(const Found *found)
{
    guint stored = 0;

    for (guint i = 0; i < THREADS; i++)
        for (guint j = 0; j < MAX_DEPOSITS; j++) {
            guint items = found->items[i][j];

            ck_assert_msg(items == 0 || items == ITEMS, "%u items", items);
            ck_assert_uint_eq(found->lines[i][j], items);
            for (guint k = 0; k < ITEMS && (items > 0 || j < 10); k++) {
                guint64 number = (found->first + i * MAX_DEPOSITS + j) * ITEMS + k;
                DsnKey key = dsn_test_key(number, EVENT_TIME);

                ck_assert_int_eq(dsn_spool_look_event(test.spool, &key) != DSN_SEEN_NOT, items > 0);
                ck_assert_int_eq(dsn_spool_look_notice(test.spool, &key) != DSN_SEEN_NOT,
                                 items > 0);
            }
            stored += items > 0;
        }
    return stored;
}

/* What was reported is there, and what was handed out has not changed since. */
static void
check_reports(int pipe, const Found *found, guint *ret_stored, guint *ret_taken)
{
    Report what;

    while (read(pipe, &what, sizeof what) == sizeof what) {
        if (what.kind == REPORT_TAKEN) {
            g_autoptr(GBytes) bytes = dsn_spool_content(test.spool, (int64_t)what.number, NULL);

            ck_assert_ptr_nonnull(bytes);
            ck_assert_mem_eq(g_bytes_get_data(bytes, NULL), what.text, strlen(what.text));
            ++*ret_taken;
        } else {
            guint items = *slot_of(((Found *)found)->items, found->first, what.number);
            ck_assert_msg(items == ITEMS, "deposit %d was lost", (int)what.number);
            ++*ret_stored;
        }
    }
}

/* Nothing in the middle of a commit, a checkpoint, a replacement or the removal of a file may
 * matter. It goes on until there was enough of each. */
START_TEST(killed_at_any_moment)
{
    guint reported = 0;
    guint stored = 0;
    guint taken = 0;
    guint replaced = 0;
    static const char *const names[] = {"json", NULL};
    guint64 dropped;
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    gulong slowness = 1; /* of the machine */

    test.options.large = 100;
    test.options.keep = G_MAXINT32;
    /* so that it is there even if the first one is killed before it gets so far */
    ck_assert(dsn_spool_set_outlets(test.spool, names, &dropped, NULL));
    for (int i = 0; i < KILLS || reported <= KILLS || taken <= KILLS || replaced <= KILLS; i++) {
        g_autofree Found *found = g_new0(Found, 1);
        int status;
        int ends[2];

        found->first = (guint64)(i + 1) * 1000000;
        g_clear_pointer(&test.spool, dsn_spool_close);
        ck_assert_int_eq(pipe(ends), 0);
        ck_assert_int_gt(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20), 0);
        pid_t child = fork();
        if (child == 0)
            work(ends[1], found->first);
        g_usleep(slowness * (gulong)g_rand_int_range(rand, 5000, 60000));
        ck_assert_int_eq(kill(child, SIGKILL), 0);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(WIFSIGNALED(status), "status %x", status);
        ck_assert_int_eq(close(ends[1]), 0);
        dsn_test_spool_reopen(&test);
        ck_assert(dsn_spool_list(test.spool, &(DsnQueueFilter){0}, count_entry, found, NULL));
        replaced += found->replaced;
        count_lines(found);
        stored += check_whole(found);
        check_reports(ends[0], found, &reported, &taken);
        if (reported <= (guint)i && slowness < 32) /* too little is done between two kills */
            slowness *= 2;
        ck_assert_int_eq(close(ends[0]), 0);
        /* what is left of it would only make the next round slow */
        ck_assert_int_ge(dsn_spool_drop(test.spool, &(DsnQueueFilter){0}, NULL), 0);
    }
    printf("%u deposits were there with %u notices replaced, %u results and %u notices were "
           "reported\n",
           stored, replaced, reported, taken);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("spool-crash");
    TCase *tcase = tcase_create("crash");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, killed_at_any_moment);
    suite_add_tcase(suite, tcase);
    return suite;
}
