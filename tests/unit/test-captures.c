/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/captures.h"

#include <glib/gstdio.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/unit.h"

#define PATIENCE (120 * G_TIME_SPAN_SECOND)

#define HEADER "Message-ID: <1@shop.example>\r\nTo: ann@x.example\r\n"

static char *directory;
static DsnMetrics metrics;
static DsnCaptureOptions options;
static DsnCaptures *captures;

static char *
file_name(void)
{
    return g_build_filename(directory, DSN_CAPTURES_FILE, NULL);
}

static void
reopen(void)
{
    dsn_captures_free(captures);
    captures = dsn_captures_new(directory, 0, &options, &metrics);
}

static void
set_up(void)
{
    directory = g_dir_make_tmp("dsnarf-captures-XXXXXX", NULL);
    ck_assert_ptr_nonnull(directory);
    options = (DsnCaptureOptions){
        .mail = DSN_CAPTURED_MESSAGE,
        .keep = 7 * G_TIME_SPAN_DAY,
        .max_size = 64 << 20,
        .max_message = 65536,
        .queue = 32 << 20,
    };
    reopen();
}

static void
tear_down(void)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    g_autofree char *file = file_name();

    dsn_captures_free(captures);
    captures = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(endings); i++) {
        g_autofree char *path = g_strconcat(file, endings[i], NULL);
        (void)g_unlink(path);
    }
    (void)g_rmdir(directory);
    g_free(directory);
}

/* A message, as the milter sees one. */
typedef struct Mail {
    const char *sender, *header, *body, *queue_id;
    const char *mail[4];
    struct {
        const char *path, *parameters[3];
    } rcpt[3];
    int64_t age; /* seconds */
} Mail;

static DsnCapture *
capture_of(const Mail *mail)
{
    const DsnSubmission submission = {.queue_id = mail->queue_id,
                                      .login = "shop",
                                      .login_type = "PLAIN",
                                      .client = "192.0.2.7",
                                      .client_name = "[192.0.2.7]"};
    DsnCapture *capture =
        dsn_capture_new(dsn_captures_room(captures), &options, dsn_span(mail->sender));

    ck_assert_ptr_nonnull(capture);
    dsn_capture_mail(capture, (char *const *)mail->mail);
    for (size_t i = 0; i < G_N_ELEMENTS(mail->rcpt) && mail->rcpt[i].path != NULL; i++)
        dsn_capture_rcpt(capture, dsn_span(mail->rcpt[i].path),
                         (char *const *)mail->rcpt[i].parameters);
    dsn_capture_body(capture, DSN_SPAN_LITERAL("\r\n"));
    dsn_capture_body(capture, dsn_span(mail->body));
    ck_assert(dsn_capture_finish(capture, dsn_span(mail->header), false, &submission,
                                 g_get_real_time() / G_USEC_PER_SEC - mail->age));
    return capture;
}

static void
wait_for_count(DsnCounter counter, guint64 count)
{
    int64_t until = g_get_monotonic_time() + PATIENCE;

    while (dsn_metrics_get(&metrics, counter) < count) {
        ck_assert_int_lt(g_get_monotonic_time(), until);
        g_usleep(1000);
    }
    ck_assert_uint_eq(dsn_metrics_get(&metrics, counter), count);
}

static void
add(const Mail *mail)
{
    guint64 before = dsn_metrics_get(&metrics, DSN_COUNT_CAPTURES_KEPT);

    dsn_captures_add(captures, capture_of(mail));
    wait_for_count(DSN_COUNT_CAPTURES_KEPT, before + 1);
}

static bool
find(const DsnSought *sought, DsnFoundCapture *found)
{
    return dsn_captures_find(captures, sought, found);
}

static bool
is_there(const char *sender, const char *queue_id)
{
    const DsnSought sought = {.sender = dsn_span(sender), .queue_id = dsn_span(queue_id)};
    g_auto(DsnFoundCapture) found;

    return find(&sought, &found);
}

static const Mail one = {
    .sender = "<News@SHOP.example>",
    .header = HEADER,
    .body = "Hello\r\n",
    .queue_id = "4Xyz",
    .mail = {"ENVID=QQ314159", "RET=HDRS", "BODY=8BITMIME"},
    .rcpt = {{"<Ann@x.example>", {"NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;Ann+2Bx@x.example"}}},
};

/* Rule ESMTP-38: what was given is kept as it was given. */
START_TEST(keeps_what_was_said)
{
    const char *const recipients[] = {"ann@x.example"};
    const DsnSought sought = {
        .sender = DSN_SPAN_LITERAL("News@shop.example"),
        .message_id = DSN_SPAN_LITERAL("1@shop.example"),
        .recipients = recipients,
        .n_recipients = 1,
    };
    g_auto(DsnFoundCapture) found;
    json_auto_t *wanted =
        json_loads("{\"envid\":\"QQ314159\",\"ret\":\"HDRS\",\"body\":\"8BITMIME\","
                   "\"sender\":\"News@shop.example\",\"queue_id\":\"4Xyz\",\"login\":\"shop\","
                   "\"login_type\":\"PLAIN\",\"client\":\"192.0.2.7\","
                   "\"client_name\":\"[192.0.2.7]\",\"recipients\":{\"ann@x.example\":"
                   "{\"notify\":\"SUCCESS,FAILURE\",\"orcpt\":\"rfc822;Ann+2Bx@x.example\"}}}",
                   0, NULL);
    g_autofree char *file = file_name();
    struct stat status;

    ck_assert(!dsn_captures_in_use(captures));
    ck_assert_int_ne(g_stat(file, &status), 0); /* not before there is something */
    add(&one);
    ck_assert(dsn_captures_in_use(captures));
    ck_assert_int_eq(g_stat(file, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0600);
    ck_assert(find(&sought, &found));
    ck_assert_str_eq(found.by, "message-id");
    ck_assert(json_equal(found.about, wanted));
    ck_assert(found.whole);
    ck_assert_str_eq(found.content->str, HEADER "\r\nHello\r\n");
    ck_assert_uint_eq(dsn_captures_room(captures)->held, 0);
}
END_TEST

static const struct {
    const char *label, *sender, *trace, *queue, *message, *recipient;
    const char *by; /* NULL: it is not found */
} ways[] = {
    {"trace", "a@shop.example", "Q2", "Q1", NULL, "ann@x.example", "trace"},
    {"queue id", "a@shop.example", NULL, "Q2", NULL, "ann@x.example", "queue-id"},
    {"a trace of another", "a@shop.example", "Q9", "Q2", NULL, "ann@x.example", "queue-id"},
    {"Message-ID", "a@shop.example", NULL, "Q9", "<1@shop.example>", "ann@x.example", "message-id"},
    {"the other recipient", "a@shop.example", NULL, NULL, "<2@shop.example>", "BOB@X.example",
     "message-id"},
    {"no recipient of it", "a@shop.example", NULL, NULL, "<2@shop.example>", "eve@x.example", NULL},
    {"nor of one alone", "a@shop.example", NULL, NULL, "<1@shop.example>", "bob@x.example", NULL},
    {"another sender", "b@shop.example", "Q2", "Q2", "<2@shop.example>", "ann@x.example", NULL},
    {"nothing to go by", "a@shop.example", NULL, NULL, NULL, "ann@x.example", NULL},
};

START_TEST(is_found_by_sender_and_id)
{
    const Mail first = {.sender = "a@shop.example",
                        .header = HEADER,
                        .body = "",
                        .queue_id = "Q1",
                        .rcpt = {{"ann@x.example", {NULL}}}};
    const Mail second = {.sender = "a@shop.example",
                         .header = "Message-ID: <2@shop.example>\r\n",
                         .body = "",
                         .queue_id = "Q2",
                         .rcpt = {{"ann@x.example", {NULL}}, {"bob@x.example", {NULL}}}};
    const char *const recipients[] = {ways[_i].recipient};
    const DsnSought sought = {
        .sender = dsn_span(ways[_i].sender),
        .trace_id = dsn_span(ways[_i].trace),
        .queue_id = dsn_span(ways[_i].queue),
        .message_id = dsn_span(ways[_i].message),
        .recipients = recipients,
        .n_recipients = 1,
    };
    g_auto(DsnFoundCapture) found;

    add(&first);
    add(&second);
    ck_assert_int_eq(find(&sought, &found), ways[_i].by != NULL);
    if (ways[_i].by != NULL)
        ck_assert_str_eq(found.by, ways[_i].by);
    reopen();
    g_auto(DsnFoundCapture) later;
    ck_assert_msg(find(&sought, &later) == (ways[_i].by != NULL), "%s", ways[_i].label);
}
END_TEST

/* Of one Message-ID that went to each recipient for themselves, that recipient's. */
START_TEST(tells_copies_apart)
{
    const char *const recipients[] = {"r7@x.example"};
    const DsnSought sought = {
        .sender = DSN_SPAN_LITERAL("a@shop.example"),
        .message_id = DSN_SPAN_LITERAL("<1@shop.example>"),
        .recipients = recipients,
        .n_recipients = 1,
    };
    g_auto(DsnFoundCapture) found;

    for (unsigned i = 0; i < 300; i++) {
        g_autofree char *path = g_strdup_printf("<r%u@x.example>", i);
        g_autofree char *envid = g_strdup_printf("ENVID=%u", i);
        const Mail mail = {.sender = "a@shop.example",
                           .header = HEADER,
                           .body = "",
                           .mail = {envid},
                           .rcpt = {{path, {NULL}}}};
        dsn_captures_add(captures, capture_of(&mail));
    }
    wait_for_count(DSN_COUNT_CAPTURES_KEPT, 300);
    ck_assert(find(&sought, &found));
    ck_assert_str_eq(json_string_value(json_object_get(found.about, "envid")), "7");
}
END_TEST

/* ---- how much of a message ---- */

START_TEST(keeps_the_header_of_what_is_too_long)
{
    g_autofree char *body = g_strnfill(options.max_message, 'x');
    const Mail mail = {.sender = "a@shop.example",
                       .header = HEADER,
                       .body = body,
                       .rcpt = {{"ann@x.example", {NULL}}}};
    g_autoptr(DsnCapture) capture = capture_of(&mail);

    ck_assert_str_eq(capture->content->str, HEADER);
    ck_assert(!capture->whole);
}
END_TEST

START_TEST(keeps_the_header_alone)
{
    options.mail = DSN_CAPTURED_HEADERS;
    g_autoptr(DsnCapture) capture = capture_of(&one);
    ck_assert_str_eq(capture->content->str, HEADER);
    ck_assert(!capture->whole);
    ck_assert_int_ne(capture->message_key, 0);
}
END_TEST

START_TEST(keeps_no_part_of_a_header)
{
    options.max_message = 20;
    g_autoptr(DsnCapture) capture = capture_of(&one);
    ck_assert_ptr_null(capture->content);
    ck_assert_int_ne(capture->message_key, 0);
}
END_TEST

static const struct {
    const char *given, *kept; /* about MAIL, as JSON */
} parameters[] = {
    {"ENVID=a+3Db", "{\"envid\":\"a+3Db\"}"},
    {"envid=x", "{\"envid\":\"x\"}"},
    {"ENVID", "{}"},
    {"ENVIDX=1", "{}"},
    {"SMTPUTF8", "{\"smtputf8\":true}"},
    {"SMTPUTF8=yes", "{}"},
    {"REQUIRETLS", "{\"requiretls\":true}"},
    {"RET=FULLEST!!", "{}"}, /* more than 8 characters */
    {"SIZE=1000", "{}"},
    {"", "{}"},
    {"=", "{}"},
};

/* Rule ENV-18: that TLS is required is one of them. */
START_TEST(reads_parameters)
{
    static char *const none[] = {NULL};
    char *const given[] = {(char *)parameters[_i].given, NULL};
    g_autoptr(DsnCapture) capture =
        dsn_capture_new(dsn_captures_room(captures), &options, DSN_SPAN_LITERAL("a@shop.example"));

    dsn_capture_mail(capture, given);
    dsn_capture_rcpt(capture, DSN_SPAN_LITERAL("b@x.example"), none);
    ck_assert(dsn_capture_finish(capture, DSN_SPAN_LITERAL(""), false, &(DsnSubmission){0}, 1));
    json_auto_t *about = json_loads(capture->about->str, 0, NULL);
    json_auto_t *kept = json_loads(parameters[_i].kept, 0, NULL);
    ck_assert_ptr_nonnull(about);
    (void)json_object_del(about, "sender");
    (void)json_object_del(about, "recipients");
    ck_assert_msg(json_equal(about, kept), "%s", capture->about->str);
}
END_TEST

START_TEST(keeps_nothing_without_a_sender)
{
    static const char *const senders[] = {"", "<>", "<postmaster>", "no address"};

    for (size_t i = 0; i < G_N_ELEMENTS(senders); i++)
        ck_assert_ptr_null(
            dsn_capture_new(dsn_captures_room(captures), &options, dsn_span(senders[i])));
}
END_TEST

/* The first recipients are known, and there is no end of them. */
START_TEST(bounds_recipients)
{
    static char *const none[] = {NULL};
    g_autoptr(DsnCapture) capture =
        dsn_capture_new(dsn_captures_room(captures), &options, DSN_SPAN_LITERAL("a@shop.example"));

    for (unsigned i = 0; i < 100000; i++) {
        g_autofree char *path = g_strdup_printf("<recipient-%u@x.example>", i);
        dsn_capture_rcpt(capture, dsn_span(path), none);
    }
    ck_assert_uint_lt(capture->people->len, 300000);
    ck_assert_uint_eq(capture->n_others, 99999);
}
END_TEST

/* ---- room ---- */

START_TEST(is_lost_without_room)
{
    static char *const none[] = {NULL};
    DsnCaptureRoom *room = dsn_captures_room(captures);
    g_autofree char *body = g_strnfill(30000, 'x');

    room->most = 50000;
    DsnCapture *capture = dsn_capture_new(room, &options, DSN_SPAN_LITERAL("a@shop.example"));
    dsn_capture_rcpt(capture, DSN_SPAN_LITERAL("b@x.example"), none);
    dsn_capture_body(capture, dsn_span(body));
    ck_assert(!capture->lost);
    dsn_capture_body(capture, dsn_span(body));
    ck_assert(capture->lost);
    ck_assert_uint_eq(room->held, 0);
    ck_assert_uint_lt(capture->body->allocated_len, 1000); /* nor is the memory */
    dsn_capture_rcpt(capture, DSN_SPAN_LITERAL("c@x.example"), none);
    dsn_capture_body(capture, DSN_SPAN_LITERAL("more"));
    ck_assert(!dsn_capture_finish(capture, dsn_span(HEADER), false, &(DsnSubmission){0}, 1));
    ck_assert_uint_eq(room->held, 0);
    dsn_captures_add(captures, capture);
    wait_for_count(DSN_COUNT_CAPTURES_DROPPED, 1);
}
END_TEST

/* A connection of the MTA that is still there when the daemon stops. */
START_TEST(may_outlive_the_store)
{
    static char *const none[] = {NULL};
    DsnCapture *capture =
        dsn_capture_new(dsn_captures_room(captures), &options, DSN_SPAN_LITERAL("a@shop.example"));

    dsn_captures_free(captures);
    captures = NULL;
    dsn_capture_rcpt(capture, DSN_SPAN_LITERAL("b@x.example"), none);
    dsn_capture_body(capture, DSN_SPAN_LITERAL("more"));
    ck_assert(!capture->lost);
    dsn_capture_free(capture);
}
END_TEST

/* Somebody else has the file: nobody waits, what has no room is dropped, the rest is kept later. */
START_TEST(does_not_wait_for_the_writer)
{
    g_autofree char *file = file_name();
    sqlite3 *other;
    guint64 n = 0;

    add(&one);
    ck_assert_int_eq(sqlite3_open(file, &other), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    dsn_captures_room(captures)->most = 200000;
    for (; n < 1000; n++) { /* 3 MB */
        DsnCapture *capture = dsn_capture_new(dsn_captures_room(captures), &options,
                                              DSN_SPAN_LITERAL("a@shop.example"));
        if (!capture->lost) {
            dsn_capture_free(capture);
            capture = capture_of(&one);
        }
        dsn_captures_add(captures, capture);
    }
    ck_assert_uint_ge(dsn_metrics_get(&metrics, DSN_COUNT_CAPTURES_DROPPED), 800);
    ck_assert_uint_le(dsn_captures_room(captures)->held, 200000);
    ck_assert(is_there("News@shop.example", "4Xyz")); /* readers go on */
    ck_assert_int_eq(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    int64_t until = g_get_monotonic_time() + PATIENCE;
    while (dsn_metrics_get(&metrics, DSN_COUNT_CAPTURES_KEPT) +
               dsn_metrics_get(&metrics, DSN_COUNT_CAPTURES_DROPPED) <
           n + 1) {
        ck_assert_int_lt(g_get_monotonic_time(), until);
        g_usleep(1000);
    }
    ck_assert_uint_eq(dsn_captures_room(captures)->held, 0);
    add(&one);
}
END_TEST

START_TEST(leaves_the_disk_to_the_spool)
{
    dsn_captures_free(captures);
    captures = dsn_captures_new(directory, (size_t)1 << 60, &options, &metrics);
    dsn_captures_add(captures, capture_of(&one));
    wait_for_count(DSN_COUNT_CAPTURES_DROPPED, 1);
    ck_assert_uint_eq(dsn_metrics_get(&metrics, DSN_COUNT_CAPTURES_KEPT), 0);
}
END_TEST

/* ---- retention ---- */

static void
wait_until_gone(const char *sender, const char *queue_id)
{
    int64_t until = g_get_monotonic_time() + PATIENCE;

    while (is_there(sender, queue_id)) {
        ck_assert_int_lt(g_get_monotonic_time(), until);
        g_usleep(1000);
    }
}

START_TEST(forgets_after_a_time)
{
    Mail old = one, new = one;

    old.queue_id = "old";
    old.age = 8 * 86400;
    for (unsigned i = 0; i < 1200; i++)
        dsn_captures_add(captures, capture_of(&old));
    wait_for_count(DSN_COUNT_CAPTURES_KEPT, 1200);
    new.queue_id = "new";
    new.age = 6 * 86400;
    add(&new);
    reopen(); /* at the start */
    wait_until_gone("News@shop.example", "old");
    ck_assert(is_there("News@shop.example", "new"));
}
END_TEST

/* The clock was wrong for a while: what it dated is in nobody's way. */
START_TEST(forgets_what_comes_from_the_future)
{
    Mail mail = one;

    mail.queue_id = "odd";
    mail.age = -365 * 86400;
    for (unsigned i = 0; i < 1200; i++)
        dsn_captures_add(captures, capture_of(&mail));
    wait_for_count(DSN_COUNT_CAPTURES_KEPT, 1200);
    mail.queue_id = "old";
    mail.age = 8 * 86400;
    add(&mail);
    mail.queue_id = "new";
    mail.age = -3600;
    add(&mail);
    wait_until_gone("News@shop.example", "old");
    ck_assert(!is_there("News@shop.example", "odd"));
    ck_assert(is_there("News@shop.example", "new"));
}
END_TEST

START_TEST(forgets_the_oldest_over_a_size)
{
    g_autofree char *body = g_strnfill(50000, 'x');
    DsnCapturesState state = {0};
    int64_t until = g_get_monotonic_time() + PATIENCE;
    Mail mail = one;

    options.max_size = 4 << 20;
    dsn_captures_configure(captures, &options);
    mail.body = body;
    for (unsigned i = 0; i < 600; i++) { /* 30 MB, which are all kept first */
        g_autofree char *id = g_strdup_printf("q%u", i);

        mail.queue_id = id;
        dsn_captures_add(captures, capture_of(&mail));
        if (i % 100 == 99)
            wait_for_count(DSN_COUNT_CAPTURES_KEPT, i + 1);
    }
    wait_until_gone("News@shop.example", "q0");
    do {
        ck_assert_int_lt(g_get_monotonic_time(), until);
        g_usleep(1000);
        dsn_captures_state(captures, &state);
    } while (state.bytes == 0 || state.bytes > options.max_size);
    ck_assert(is_there("News@shop.example", "q599")); /* and no more goes than has to */
    ck_assert(is_there("News@shop.example", "q550"));
}
END_TEST

/* ---- faults ---- */

START_TEST(begins_anew_after_damage)
{
    g_autofree char *file = file_name();

    add(&one);
    dsn_captures_free(captures);
    captures = NULL;
    ck_assert(
        g_file_set_contents(file, "This is no database, and was never meant to be one.", -1, NULL));
    reopen();
    int64_t until = g_get_monotonic_time() + PATIENCE;
    guint64 kept = dsn_metrics_get(&metrics, DSN_COUNT_CAPTURES_KEPT);
    while (dsn_metrics_get(&metrics, DSN_COUNT_CAPTURES_KEPT) == kept) {
        ck_assert_int_lt(g_get_monotonic_time(), until);
        dsn_captures_add(captures, capture_of(&one));
        g_usleep(10000);
    }
    ck_assert(is_there("News@shop.example", "4Xyz"));
}
END_TEST

/* The first column of the only row. */
static int
ask(const char *query)
{
    g_autofree char *file = file_name();
    sqlite3_stmt *statement;
    sqlite3 *db;

    ck_assert_int_eq(sqlite3_open(file, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db, query, -1, &statement, NULL), SQLITE_OK);
    int number = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int(statement, 0) : -1;
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return number;
}

START_TEST(leaves_a_newer_schema_alone)
{
    guint64 count;

    add(&one);
    dsn_captures_free(captures);
    captures = NULL;
    (void)ask("PRAGMA user_version = 99");
    reopen();
    dsn_captures_add(captures, capture_of(&one));
    wait_for_count(DSN_COUNT_CAPTURES_DROPPED, 1);
    int64_t until = g_get_monotonic_time() + PATIENCE;
    while (dsn_captures_in_use(captures)) {
        ck_assert_int_lt(g_get_monotonic_time(), until);
        g_usleep(1000);
    }
    dsn_captures_add(captures, capture_of(&one));
    wait_for_count(DSN_COUNT_CAPTURES_DROPPED, 2);
    ck_assert(!dsn_captures_erase(captures, "ann@x.example", &count, NULL));
    dsn_captures_free(captures);
    captures = NULL;
    ck_assert_int_eq(ask("PRAGMA user_version"), 99);
    ck_assert_int_eq(ask("SELECT count(*) FROM capture"), 1);
}
END_TEST

/* ---- erasing ---- */

static bool
file_has(const char *ending, const char *text)
{
    g_autofree char *file = file_name();
    g_autofree char *path = g_strconcat(file, ending, NULL);
    g_autofree char *bytes = NULL;
    gsize len = 0;

    return g_file_get_contents(path, &bytes, &len, NULL) &&
           memmem(bytes, len, text, strlen(text)) != NULL;
}

START_TEST(erases_an_address)
{
    guint64 count = 99;
    Mail mail = one;

    ck_assert(dsn_captures_erase(captures, "ann@x.example", &count, NULL));
    ck_assert_uint_eq(count, 0); /* there is nothing yet */
    for (unsigned i = 0; i < 700; i++) {
        g_autofree char *id = g_strdup_printf("q%u", i);
        g_autofree char *path = g_strdup_printf("<r%u@x.example>", i % 7);
        g_autofree char *header = g_strdup_printf("Message-ID: <%u@s.example>\r\n", i);

        mail.queue_id = id;
        mail.header = header;
        mail.rcpt[0].path = path;
        dsn_captures_add(captures, capture_of(&mail));
    }
    ck_assert(dsn_captures_erase(captures, "R3@X.example", &count, NULL)); /* behind them */
    ck_assert_uint_eq(count, 100);
    ck_assert(is_there("News@shop.example", "q2"));
    ck_assert(!is_there("News@shop.example", "q3"));
    ck_assert(!file_has("", "r3@x.example"));
    ck_assert(!file_has("-wal", "r3@x.example"));
    ck_assert(file_has("", "r4@x.example"));

    mail = one;
    add(&mail); /* named in its header alone */
    ck_assert(dsn_captures_erase(captures, "ann@x.example", &count, NULL));
    ck_assert_uint_eq(count, 1);
    ck_assert(dsn_captures_erase(captures, "news@shop.example", &count, NULL));
    ck_assert_uint_eq(count, 600);
}
END_TEST

/* Of what was forgotten before, too. */
START_TEST(erases_what_is_gone_already)
{
    g_autofree char *body = g_strnfill(50000, 'x');
    g_autofree char *named = g_strconcat(body, " zoe@x.example ", body, NULL);
    Mail old = one;
    guint64 count;

    options.max_message = 1 << 20;
    old.queue_id = "old";
    old.age = 8 * 86400;
    old.body = named;
    add(&old);
    wait_until_gone("News@shop.example", "old");
    add(&one);
    ck_assert(dsn_captures_erase(captures, "zoe@x.example", &count, NULL));
    ck_assert_uint_eq(count, 0);
    ck_assert(!file_has("", "zoe@x.example"));
    ck_assert(!file_has("-wal", "zoe@x.example"));
    ck_assert(file_has("", "ann@x.example"));
}
END_TEST

/* Somebody who reads keeps the log from being emptied: whoever erases is told. */
START_TEST(tells_what_it_could_not_erase)
{
    g_autofree char *file = file_name();
    sqlite3 *reader = NULL;
    guint64 count;

    add(&one);
    ck_assert_int_eq(sqlite3_open(file, &reader), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM capture", NULL, NULL, NULL),
                     SQLITE_OK);
    ck_assert(!dsn_captures_erase(captures, "ann@x.example", &count, NULL));
    ck_assert_int_eq(sqlite3_close(reader), SQLITE_OK);
    ck_assert(dsn_captures_erase(captures, "ann@x.example", &count, NULL));
    ck_assert(!file_has("", "ann@x.example"));
    ck_assert(!file_has("-wal", "ann@x.example"));
}
END_TEST

/* ---- threads ---- */

static gpointer
add_many(gpointer user)
{
    for (unsigned i = 0; i < 500; i++) {
        g_autofree char *id = g_strdup_printf("%s-%u", (const char *)user, i);
        Mail mail = one;

        mail.queue_id = id;
        dsn_captures_add(captures, capture_of(&mail));
        (void)is_there("News@shop.example", id);
    }
    return NULL;
}

START_TEST(serves_many_threads)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    GThread *threads[G_N_ELEMENTS(names)];
    guint64 count;

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        threads[i] = g_thread_new(names[i], add_many, (gpointer)names[i]);
    ck_assert(dsn_captures_erase(captures, "nobody@x.example", &count, NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        (void)g_thread_join(threads[i]);
    wait_for_count(DSN_COUNT_CAPTURES_KEPT, 2000);
    ck_assert(is_there("News@shop.example", "d-499"));
    ck_assert_uint_eq(dsn_captures_room(captures)->held, 0);
}
END_TEST

/* What waits when it is closed is kept. */
START_TEST(keeps_what_waits_at_the_end)
{
    for (unsigned i = 0; i < 300; i++)
        dsn_captures_add(captures, capture_of(&one));
    reopen();
    ck_assert_uint_eq(dsn_metrics_get(&metrics, DSN_COUNT_CAPTURES_KEPT), 300);
    ck_assert(is_there("News@shop.example", "4Xyz"));
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("captures");
    TCase *tcase = tcase_create("captures");

    tcase_set_timeout(tcase, 240);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, keeps_what_was_said);
    tcase_add_loop_test(tcase, is_found_by_sender_and_id, 0, G_N_ELEMENTS(ways));
    tcase_add_test(tcase, tells_copies_apart);
    tcase_add_test(tcase, keeps_the_header_of_what_is_too_long);
    tcase_add_test(tcase, keeps_the_header_alone);
    tcase_add_test(tcase, keeps_no_part_of_a_header);
    tcase_add_loop_test(tcase, reads_parameters, 0, G_N_ELEMENTS(parameters));
    tcase_add_test(tcase, keeps_nothing_without_a_sender);
    tcase_add_test(tcase, bounds_recipients);
    tcase_add_test(tcase, is_lost_without_room);
    tcase_add_test(tcase, may_outlive_the_store);
    tcase_add_test(tcase, does_not_wait_for_the_writer);
    tcase_add_test(tcase, leaves_the_disk_to_the_spool);
    tcase_add_test(tcase, forgets_after_a_time);
    tcase_add_test(tcase, forgets_what_comes_from_the_future);
    tcase_add_test(tcase, forgets_the_oldest_over_a_size);
    tcase_add_test(tcase, begins_anew_after_damage);
    tcase_add_test(tcase, leaves_a_newer_schema_alone);
    tcase_add_test(tcase, erases_an_address);
    tcase_add_test(tcase, erases_what_is_gone_already);
    tcase_add_test(tcase, tells_what_it_could_not_erase);
    tcase_add_test(tcase, serves_many_threads);
    tcase_add_test(tcase, keeps_what_waits_at_the_end);
    suite_add_tcase(suite, tcase);
    return suite;
}
