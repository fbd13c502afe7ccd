/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/spool-private.h"
#include "tests/support/spool.h"
#include "tests/support/unit.h"

#include <glib/gstdio.h>

static char *top;
static char *directory;
static char *path;

static void
set_up(void)
{
    top = g_dir_make_tmp("dsnarf-schema-XXXXXX", NULL);
    ck_assert_ptr_nonnull(top);
    directory = g_build_filename(top, "spool", NULL);
    path = g_build_filename(directory, "spool.db", NULL);
    ck_assert_int_eq(g_mkdir(directory, 0700), 0);
    ck_assert(g_file_set_contents(path, "", 0, NULL));
}

static void
tear_down(void)
{
    dsn_test_remove(top);
    g_free(top);
    g_free(directory);
    g_free(path);
}

static DsnDb *
open_db(void)
{
    g_autoptr(GError) error = NULL;
    DsnDb *db = dsn_db_open(path, true, &error);

    ck_assert_msg(db != NULL, "%s", error == NULL ? "" : error->message);
    return db;
}

static int
read_number(DsnDb *db, const char *sql)
{
    sqlite3_stmt *query = NULL;
    int number = -1;

    if (sqlite3_prepare_v2(db->handle, sql, -1, &query, NULL) == SQLITE_OK &&
        sqlite3_step(query) == SQLITE_ROW)
        number = sqlite3_column_int(query, 0);
    (void)sqlite3_finalize(query); /* -1 says that it failed */
    return number;
}

/* A spool as an older program left it, for each step but the last: with data in every table. */
START_TEST(an_older_one_is_migrated)
{
    static const char *const data[] = {
        "INSERT INTO entry(kind, state, taken_in, next_attempt, keys, eight_bit, utf8, "
        "has_original,"
        " size, record_id, recipient) VALUES(0, 0, 1700000000, 0, 1, 1, 0, 0, 3, 'old', 'a@b');"
        "INSERT INTO content VALUES(1, 'old');"
        "INSERT INTO event_key VALUES(1, x'00112233445566778899aabbccddeeff');"
        "INSERT INTO message_key VALUES(x'00112233445566778899aabbccddeeff', 1700000000);"
        "INSERT INTO notice_key VALUES(x'00112233445566778899aabbccddeeff', 1700000000, 1);",
        "INSERT INTO record(type, json) VALUES('Bounce', x'7b7d0a');"
        "INSERT INTO outlet VALUES('old', 0, 'note');",
        "UPDATE entry SET tenant = 'acme', grouping = x'00112233445566778899aabbccddeeff';"
        "INSERT INTO source VALUES(1, '{}');"
        "INSERT INTO history VALUES(1700000000000, x'00112233445566778899aabbccddeeff',"
        " 1700000000000000, '\"event\":\"made\"');"
        "INSERT INTO attempt VALUES(x'00112233445566778899aabbccddeeff', 1700000000, 1700000000,"
        " '{}');"
        "INSERT INTO bucket VALUES('all', 0.5, 1700000000000000);",
        "UPDATE entry SET requiretls = 1;",
        "INSERT INTO history_text VALUES(1 << 20, '1700000000000000 \"event\":\"made\"' || "
        "char(10));"
        "INSERT INTO history_line VALUES(1, x'0011223344556677', 0);",
    };
    DsnSpoolOptions options = {
        .directory = directory, .keep = G_MAXINT32, .max_size = 1 << 30, .large = 1000};
    DsnMetrics metrics = {0};
    DsnKey key = {.time = 300,
                  .digest = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb,
                             0xcc, 0xdd, 0xee, 0xff}};
    int n_steps;
    const char *const *steps = dsn_schema_steps(&n_steps);

    ck_assert_int_eq(n_steps, G_N_ELEMENTS(data) + 1); /* a new step needs a row here */
    DsnDb *db = open_db();
    for (int i = 0; i <= _i; i++) {
        ck_assert(dsn_schema_migrate(db, steps, i + 1, NULL));
        ck_assert_int_eq(read_number(db, "PRAGMA user_version"), i + 1);
        ck_assert(dsn_db_exec(db, data[i], NULL));
    }
    dsn_db_close(db);

    g_autoptr(DsnSpool) spool = dsn_spool_open(&options, &metrics, NULL);
    ck_assert_ptr_nonnull(spool);
    ck_assert_int_eq(dsn_spool_look_message(spool, &key), DSN_SEEN_BEFORE);
    ck_assert_int_eq(dsn_spool_look_notice(spool, &key), DSN_SEEN_BEFORE);
    static const char *const names[] = {"outlet", NULL};
    guint64 dropped;
    ck_assert(dsn_spool_set_outlets(spool, names, &dropped, NULL));
    g_autoptr(DsnWaitingNotice) notice = dsn_test_take(spool);
    ck_assert_ptr_nonnull(notice);
    dsn_assert_bytes(g_bytes_get_data(notice->bytes, NULL), g_bytes_get_size(notice->bytes), "old",
                     3);
    ck_assert(notice->eight_bit);
    ck_assert(notice->requiretls == (_i >= 3));
}
END_TEST

START_TEST(a_newer_one_is_refused)
{
    DsnSpoolOptions options = {.directory = directory, .keep = 1, .max_size = 1 << 30};
    DsnMetrics metrics = {0};
    g_autoptr(GError) error = NULL;
    DsnDb *db = open_db();

    ck_assert(dsn_db_exec(db, "CREATE TABLE entry(x); PRAGMA user_version = 1000", NULL));
    dsn_db_close(db);
    ck_assert_ptr_null(dsn_spool_open(&options, &metrics, &error));
    ck_assert(g_error_matches(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_NEWER));
    ck_assert_ptr_nonnull(strstr(error->message, "spool.db has schema 1000"));
    db = open_db();
    ck_assert_int_eq(read_number(db, "PRAGMA user_version"), 1000);
    dsn_db_close(db);
}
END_TEST

/* A step that fails leaves the version before it, and nothing of itself. */
START_TEST(a_step_is_all_or_nothing)
{
    static const char *const bad[] = {
        "CREATE TABLE a(x); INSERT INTO a VALUES(1);",
        "UPDATE a SET x = 2; CREATE TABLE b(x); INSERT INTO nowhere VALUES(1);",
    };
    static const char *const good[] = {
        "this is never run again",
        "UPDATE a SET x = x + 10; CREATE TABLE b(x);",
    };
    g_autoptr(DsnDb) db = open_db();
    g_autoptr(GError) error = NULL;

    ck_assert(!dsn_schema_migrate(db, bad, 2, &error));
    ck_assert(g_error_matches(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_DISK));
    ck_assert_ptr_nonnull(strstr(error->message, "nowhere"));
    ck_assert_int_eq(read_number(db, "PRAGMA user_version"), 1);
    ck_assert_int_eq(read_number(db, "SELECT x FROM a"), 1);
    ck_assert_int_eq(read_number(db, "SELECT count(*) FROM b"), -1);
    ck_assert(dsn_schema_migrate(db, good, 2, NULL));
    ck_assert_int_eq(read_number(db, "PRAGMA user_version"), 2);
    ck_assert_int_eq(read_number(db, "SELECT x FROM a"), 11);
    ck_assert_int_eq(read_number(db, "SELECT count(*) FROM b"), 0);
    ck_assert(dsn_schema_migrate(db, good, 2, NULL));
    ck_assert_int_eq(read_number(db, "SELECT x FROM a"), 11);
}
END_TEST

START_TEST(not_a_database)
{
    DsnSpoolOptions options = {.directory = directory, .keep = 1, .max_size = 1 << 30};
    DsnMetrics metrics = {0};
    g_autoptr(GError) error = NULL;
    g_autofree char *noise = g_strnfill(8192, 'x');

    ck_assert(g_file_set_contents(path, noise, 8192, NULL));
    ck_assert_ptr_null(dsn_spool_open(&options, &metrics, &error));
    ck_assert(g_error_matches(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_DISK));
    ck_assert_ptr_nonnull(strstr(error->message, "spool.db"));
}
END_TEST

/* The indexes are used, and nothing is sorted: with a million entries everybody would notice. A
 * SCAN is of the index alone. */
static const struct {
    DsnSql sql;
    const char *want;
    const char *then;
} plans[] = {
    {DSN_SQL_FRESH, "SEARCH entry USING INDEX entry_fresh (relay=? AND <expr>=? AND rowid>?)",
     NULL},
    {DSN_SQL_RETRIES,
     "SEARCH entry USING INDEX entry_retry (relay=? AND <expr>=? AND next_attempt>?)", NULL},
    {DSN_SQL_NEXT_FRESH, "SEARCH entry USING INDEX entry_fresh (relay=? AND <expr>>?)", NULL},
    {DSN_SQL_NEXT_RETRIES, "SEARCH entry USING INDEX entry_retry (relay=? AND <expr>>?)", NULL},
    {DSN_SQL_NEXT_RELAY, "SEARCH entry USING INDEX entry_age (relay>?)", NULL},
    {DSN_SQL_OPEN_OF_GROUP, "SEARCH entry USING INDEX entry_group", NULL},
    {DSN_SQL_FIRST_HISTORY, "SEARCH history_text", NULL},
    {DSN_SQL_LAST_HISTORY, "SEARCH history_text", NULL},
    {DSN_SQL_NEXT_HISTORY, "SEARCH history_line USING PRIMARY KEY", NULL},
    {DSN_SQL_HISTORY, "SEARCH history_line USING PRIMARY KEY",
     "SEARCH history_text USING INTEGER PRIMARY KEY"},
    {DSN_SQL_EXPIRE_HISTORY, "SEARCH history_line USING PRIMARY KEY", NULL},
    {DSN_SQL_EXPIRE_HISTORY_TEXT, "SEARCH history_text USING INTEGER PRIMARY KEY", NULL},
    {DSN_SQL_LOOK_OPEN, "SEARCH entry USING INDEX entry_group",
     "SEARCH content USING INTEGER PRIMARY KEY"},
    {DSN_SQL_EXPIRE_ATTEMPTS, "SEARCH attempt USING PRIMARY KEY", NULL},
    {DSN_SQL_NEXT_OLDEST, "SEARCH entry USING INDEX entry_age (relay>?)", NULL},
    {DSN_SQL_RECORD_TIME, "SEARCH record USING INTEGER PRIMARY KEY (rowid>?)", NULL},
    {DSN_SQL_HAS_FILE, "SEARCH entry USING COVERING INDEX entry_file", NULL},
    {DSN_SQL_LIST, "SEARCH entry USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)", NULL},
    {DSN_SQL_LIST_DEAD, "SEARCH entry USING INDEX entry_dead", NULL},
    {DSN_SQL_EXPIRE_EVENTS_BEFORE, "SEARCH event_key USING PRIMARY KEY", NULL},
    {DSN_SQL_EXPIRE_EVENTS, "SEARCH event_key USING PRIMARY KEY", NULL},
    {DSN_SQL_EXPIRE_NOTICES, "SEARCH notice_key USING PRIMARY KEY", NULL},
    {DSN_SQL_COUNT_WAITING, "SCAN entry USING INDEX entry_", NULL},
};

START_TEST(finds_by_index)
{
    int n_steps;
    const char *const *steps = dsn_schema_steps(&n_steps);
    g_autoptr(DsnDb) db = open_db();
    sqlite3_stmt *query = NULL;

    ck_assert(dsn_schema_migrate(db, steps, n_steps, NULL));
    DsnQuery *statement = dsn_db_query(db, plans[_i].sql, NULL, 0);
    ck_assert_ptr_nonnull(statement);
    g_autofree char *sql = g_strconcat("EXPLAIN QUERY PLAN ", sqlite3_sql(statement), NULL);
    ck_assert_int_eq(sqlite3_prepare_v2(db->handle, sql, -1, &query, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(query), SQLITE_ROW);
    const char *plan = (const char *)sqlite3_column_text(query, 3);
    ck_assert_msg(g_str_has_prefix(plan, plans[_i].want), "%s: %s", sql, plan);
    if (plans[_i].then != NULL) {
        ck_assert_int_eq(sqlite3_step(query), SQLITE_ROW);
        plan = (const char *)sqlite3_column_text(query, 3);
        ck_assert_msg(g_str_has_prefix(plan, plans[_i].then), "%s: %s", sql, plan);
    }
    ck_assert_msg(sqlite3_step(query) == SQLITE_DONE, "%s: %s and %s", sql, plans[_i].want,
                  (const char *)sqlite3_column_text(query, 3));
    (void)sqlite3_finalize(query); /* it did not fail */
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("spool-schema");
    TCase *tcase = tcase_create("schema");
    int n_steps;

    (void)dsn_schema_steps(&n_steps); /* their number is what counts */
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, an_older_one_is_migrated, 0, n_steps - 1);
    tcase_add_test(tcase, a_newer_one_is_refused);
    tcase_add_test(tcase, a_step_is_all_or_nothing);
    tcase_add_test(tcase, not_a_database);
    tcase_add_loop_test(tcase, finds_by_index, 0, G_N_ELEMENTS(plans));
    suite_add_tcase(suite, tcase);
    return suite;
}
