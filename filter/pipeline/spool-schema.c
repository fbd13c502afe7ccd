/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/spool-private.h"

/* Each step is final once it was released: a change of the schema is another step behind it. The
 * comments are for whoever opens the file with sqlite3(1); SQLite keeps them. */
static const char *const STEPS[] = {
    /* 1: notices, dead letters, keys */
    "CREATE TABLE entry(\n"
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice: keys and watermark refer to it\n"
    "  kind INTEGER NOT NULL,         -- 0 a notice, 1 rejected: what could not be read\n"
    "  state INTEGER NOT NULL,        -- 0 waiting, 1 dead\n"
    "  taken_in INTEGER NOT NULL,     -- unix seconds\n"
    "  next_attempt INTEGER NOT NULL, -- unix microseconds, 0 before the first attempt\n"
    "  attempts INTEGER NOT NULL DEFAULT 0,\n"
    "  keys INTEGER NOT NULL,         -- how many rows of notice_key are its\n"
    "  eight_bit INTEGER NOT NULL,\n"
    "  utf8 INTEGER NOT NULL,\n"
    "  has_original INTEGER NOT NULL,\n"
    "  size INTEGER NOT NULL,\n"
    "  record_id TEXT,\n"
    "  record_type TEXT,\n"
    "  recipient TEXT,\n"
    "  reason TEXT,                   -- the last reply, or why it is dead\n"
    "  file TEXT                      -- in large/, or NULL: the content is in its table\n"
    ");\n"
    "CREATE INDEX entry_due ON entry(next_attempt) WHERE state = 0;\n"
    "CREATE INDEX entry_age ON entry(taken_in) WHERE state = 0;\n"
    "CREATE INDEX entry_dead ON entry(state) WHERE state = 1;\n"
    "CREATE INDEX entry_file ON entry(file) WHERE file IS NOT NULL;\n"
    /* apart from the entries, so that going through those does not read the contents */
    "CREATE TABLE content(entry INTEGER PRIMARY KEY, bytes BLOB NOT NULL);\n"
    /* The bucket keeps what comes together together: inserts go to the same few pages, and old keys
     * leave whole pages at a time. */
    "CREATE TABLE event_key(\n"
    "  bucket INTEGER NOT NULL,       -- the event's unix time / 300\n"
    "  digest BLOB NOT NULL,\n"
    "  PRIMARY KEY(bucket, digest)\n"
    ") WITHOUT ROWID;\n"
    "CREATE TABLE notice_key(\n"
    "  digest BLOB NOT NULL PRIMARY KEY,\n"
    "  stored INTEGER NOT NULL,       -- unix seconds\n"
    "  entry INTEGER NOT NULL         -- which may be gone\n"
    ") WITHOUT ROWID;\n"
    "CREATE TABLE message_key(\n"
    "  digest BLOB NOT NULL PRIMARY KEY,\n"
    "  stored INTEGER NOT NULL        -- unix seconds\n"
    ") WITHOUT ROWID;\n"
    "CREATE TABLE watermark(\n"
    "  one INTEGER PRIMARY KEY CHECK(one = 1),\n"
    "  entry INTEGER NOT NULL,        -- none above it was ever handed out\n"
    "  probes INTEGER NOT NULL        -- commits that only tried whether the disk works again\n"
    ");\n"
    "INSERT INTO watermark VALUES(1, 0, 0);\n",

    /* 2: the stream of records */
    "CREATE TABLE record(\n"
    "  position INTEGER PRIMARY KEY AUTOINCREMENT,\n"
    "  type TEXT,                     -- NULL: not known here\n"
    "  json BLOB NOT NULL             -- one line\n"
    ");\n"
    "CREATE TABLE outlet(\n"
    "  name TEXT NOT NULL PRIMARY KEY,\n"
    "  position INTEGER NOT NULL,     -- of the last record that it is done with\n"
    "  note TEXT\n"
    ") WITHOUT ROWID;\n",

    /* 3: several relays, notices that are made again, and what is remembered. A due time is in unix
     * microseconds; a grouping is the digest of what may come into one notice, or NULL. */
    "ALTER TABLE entry ADD COLUMN relay TEXT NOT NULL DEFAULT 'default';\n"
    "ALTER TABLE entry ADD COLUMN tenant TEXT;\n"
    "ALTER TABLE entry ADD COLUMN grouping BLOB;\n"
    "ALTER TABLE entry ADD COLUMN due INTEGER NOT NULL DEFAULT 0;\n"
    "ALTER TABLE entry ADD COLUMN version INTEGER NOT NULL DEFAULT 1;\n"
    "DROP INDEX entry_due;\n"
    "CREATE INDEX entry_queue ON entry(relay, next_attempt) WHERE state = 0;\n"
    "CREATE INDEX entry_group ON entry(grouping)\n"
    "  WHERE grouping IS NOT NULL AND state = 0 AND next_attempt = 0;\n"
    /* Gone as soon as the notice is open no more. */
    "CREATE TABLE source(entry INTEGER PRIMARY KEY, lines BLOB NOT NULL);\n"
    /* A bucket has a few minutes or half a megabyte, whatever is less: inserts go to few pages, old
     * rows leave in whole pages, and a look-up asks every bucket. */
    "CREATE TABLE history(\n"
    "  bucket INTEGER NOT NULL,       -- unix milliseconds of its first row\n"
    "  subject BLOB NOT NULL,         -- digest of a record's id, or of a Message-ID\n"
    "  time INTEGER NOT NULL,         -- unix microseconds\n"
    "  text TEXT NOT NULL,            -- members of a JSON object\n"
    "  PRIMARY KEY(bucket, subject, time)\n"
    ") WITHOUT ROWID;\n"
    "CREATE TABLE attempt(\n"
    "  digest BLOB NOT NULL PRIMARY KEY, -- of the message\n"
    "  stored INTEGER NOT NULL,       -- unix seconds\n"
    "  time INTEGER NOT NULL,         -- unix seconds of the event\n"
    "  record BLOB NOT NULL           -- one line of JSON\n"
    ") WITHOUT ROWID;\n"
    "CREATE TABLE bucket(\n"
    "  name TEXT NOT NULL PRIMARY KEY,\n"
    "  tokens REAL NOT NULL,          -- the part of an hour's worth that it held, at:\n"
    "  time INTEGER NOT NULL          -- unix microseconds\n"
    ") WITHOUT ROWID;\n",

    /* 4: notices that ask for REQUIRETLS */
    "ALTER TABLE entry ADD COLUMN requiretls INTEGER NOT NULL DEFAULT 0;\n",

    /* 5: fewer rows and pages for each notice. What an open notice is made of lies beside its
     * content, and goes with it, or once an attempt has failed. */
    "ALTER TABLE content ADD COLUMN sources BLOB;\n"
    "INSERT OR IGNORE INTO content(entry, bytes) SELECT entry, x'' FROM source;\n"
    "UPDATE content SET sources = (SELECT lines FROM source WHERE source.entry = content.entry);\n"
    "DROP TABLE source;\n"
    /* The lines of a transaction are together in one row, or in a few: TIME TEXT, with the time in
     * unix microseconds, as they came. A small table says where those about a subject are. */
    "CREATE TABLE history_text(\n"
    "  id INTEGER PRIMARY KEY,        -- bucket << 20 | number in it\n"
    "  lines BLOB NOT NULL\n"
    ");\n"
    "CREATE TABLE history_line(\n"
    "  bucket INTEGER NOT NULL,       -- unix milliseconds of its first line\n"
    "  subject BLOB NOT NULL,         -- 8 bytes of a record's id's digest, or of a Message-ID's\n"
    "  place INTEGER NOT NULL,        -- number in the bucket << 16 | offset in the lines\n"
    "  PRIMARY KEY(bucket, subject, place)\n"
    ") WITHOUT ROWID;\n"
    "INSERT INTO history_text SELECT (bucket << 20) + row_number() OVER (PARTITION BY bucket\n"
    "  ORDER BY time, subject), CAST(time || ' ' || text || char(10) AS BLOB) FROM history;\n"
    "INSERT INTO history_line SELECT bucket, substr(subject, 1, 8), (row_number() OVER (PARTITION\n"
    "  BY bucket ORDER BY time, subject)) << 16 FROM history;\n"
    "DROP TABLE history;\n",

    /* 6: places of followers, and what outlets have handed on. Of entries of kind 2, records that
     * an outlet could not hand on, the relay is the name of the outlet. */
    "CREATE TABLE place(\n"
    "  name TEXT NOT NULL PRIMARY KEY,\n"
    "  text TEXT NOT NULL\n"
    ") WITHOUT ROWID;\n"
    "CREATE TABLE handed_on(\n"
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
    "  time INTEGER NOT NULL,         -- unix microseconds\n"
    "  outlet TEXT NOT NULL,\n"
    "  first INTEGER NOT NULL,        -- position of a record\n"
    "  last INTEGER NOT NULL,\n"
    "  positions BLOB,                -- how far each is from the one before, as LEB128 numbers;\n"
    "                                 -- NULL: all up to the last\n"
    "  text TEXT NOT NULL             -- members of a JSON object\n"
    ");\n"
    "CREATE INDEX handed_on_last ON handed_on(last);\n"
    "CREATE INDEX entry_letter ON entry(relay) WHERE kind = 2 AND state = 0;\n"
    /* unix seconds; of those that were there, when it is added */
    "ALTER TABLE record ADD COLUMN taken_in INTEGER NOT NULL DEFAULT 0;\n"
    "UPDATE record SET taken_in = CAST(strftime('%s', 'now') AS INTEGER);\n"
    /* Each tenant has a turn: what waits is found by relay and tenant. Both indexes together hold
     * what the one before them held. */
    "DROP INDEX entry_queue;\n"
    "CREATE INDEX entry_fresh ON entry(relay, ifnull(tenant, ''))\n"
    "  WHERE state = 0 AND next_attempt = 0;\n"
    "CREATE INDEX entry_retry ON entry(relay, ifnull(tenant, ''), next_attempt)\n"
    "  WHERE state = 0 AND next_attempt > 0;\n"
    "DROP INDEX entry_age;\n"
    "CREATE INDEX entry_age ON entry(relay, taken_in) WHERE state = 0;\n"
    /* That of table watermark stays for what was handed out before. */
    "CREATE TABLE handed_out(\n"
    "  tenant TEXT NOT NULL PRIMARY KEY, -- '': none\n"
    "  entry INTEGER NOT NULL         -- none of its above it was ever handed out\n"
    ") WITHOUT ROWID;\n",
};

const char *const *
dsn_schema_steps(int *ret_n_steps)
{
    *ret_n_steps = G_N_ELEMENTS(STEPS);
    return STEPS;
}

static bool
read_version(DsnDb *db, int *ret_version, GError **error)
{
    sqlite3_stmt *query = NULL;
    bool good =
        sqlite3_prepare_v2(db->handle, "PRAGMA user_version", -1, &query, NULL) == SQLITE_OK &&
        sqlite3_step(query) == SQLITE_ROW;

    if (good)
        *ret_version = sqlite3_column_int(query, 0);
    else
        dsn_db_set_error(db, error);
    (void)sqlite3_finalize(query); /* repeats the error of the step */
    return good;
}

bool
dsn_schema_migrate(DsnDb *db, const char *const *steps, int n_steps, GError **error)
{
    int version;

    if (!read_version(db, &version, error))
        return false;
    if (version > n_steps) {
        g_set_error(error, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_NEWER,
                    "%s has schema %d, and this program knows them up to %d: it was written by a "
                    "newer dsnarf",
                    sqlite3_db_filename(db->handle, "main"), version, n_steps);
        return false;
    }
    for (; version < n_steps; version++) {
        g_autofree char *step = g_strdup_printf("BEGIN IMMEDIATE;\n%sPRAGMA user_version = %d;\n"
                                                "COMMIT;",
                                                steps[version], version + 1);
        if (!dsn_db_exec(db, step, error)) {
            (void)dsn_db_exec(db, "ROLLBACK", NULL); /* the error of the step is the one to tell */
            return false;
        }
    }
    return true;
}
