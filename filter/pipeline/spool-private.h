/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spool-private.h - what the files of the spool share
 *
 * Purpose:   the connections, the jobs of the writer, and what is kept in memory.
 * Source:    https://www.sqlite.org/wal.html; see spool.h.
 * Ownership: the spool owns all of it; a job that has "free" is the writer's, any other is the
 *            submitter's.
 * Errors:    DSN_SPOOL_ERROR.
 * Threads:   said at each member of DsnSpool.
 *
 * One thread writes. Everything that changes the database is a job that waits in a lane; the writer
 * runs what waits in one transaction, commits, and tells what waits for it. What is known in memory
 * changes only after a commit, so that a transaction which failed leaves no trace.
 */
#ifndef DSN_PIPELINE_SPOOL_PRIVATE_H
#define DSN_PIPELINE_SPOOL_PRIVATE_H

#include "filter/pipeline/spool.h"

#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

/* ---- spool-db.c: connections ---- */

/* All statements; their text is in spool-db.c. */
typedef enum DsnSql {
    DSN_SQL_BEGIN,
    DSN_SQL_BEGIN_READ,
    DSN_SQL_COMMIT,
    DSN_SQL_PAGES,
    DSN_SQL_FREE_PAGES,
    DSN_SQL_PROBE,
    DSN_SQL_HAS_EVENT,
    DSN_SQL_ADD_EVENT,
    DSN_SQL_EVENT_CHUNK,
    DSN_SQL_EXPIRE_EVENTS_BEFORE,
    DSN_SQL_EXPIRE_EVENTS,
    DSN_SQL_HAS_NOTICE,
    DSN_SQL_ADD_NOTICE,
    DSN_SQL_NOTICE_CHUNK,
    DSN_SQL_EXPIRE_NOTICES,
    DSN_SQL_HAS_MESSAGE,
    DSN_SQL_ADD_MESSAGE,
    DSN_SQL_MESSAGE_CHUNK,
    DSN_SQL_EXPIRE_MESSAGES,
    DSN_SQL_OPEN_OF_GROUP,
    DSN_SQL_LOOK_OPEN,
    DSN_SQL_OPEN_VERSION,
    DSN_SQL_REPLACE_ENTRY,
    DSN_SQL_ADD_ENTRY,
    DSN_SQL_SET_CONTENT,
    DSN_SQL_REMOVE_SOURCES,
    DSN_SQL_REMOVE_ENTRY,
    DSN_SQL_REMOVE_CONTENT,
    DSN_SQL_RETRY_LATER,
    DSN_SQL_MAKE_DEAD,
    DSN_SQL_RETRY_WAITING,
    DSN_SQL_RETRY_DEAD,
    DSN_SQL_NEXT_RELAY,
    DSN_SQL_MOVE_RELAY,
    DSN_SQL_LETTERS,
    DSN_SQL_BURY_LETTER,
    DSN_SQL_SET_WATERMARK,
    DSN_SQL_WATERMARK,
    DSN_SQL_WATERMARKS,
    DSN_SQL_FRESH,
    DSN_SQL_RETRIES,
    DSN_SQL_NEXT_FRESH,
    DSN_SQL_NEXT_RETRIES,
    DSN_SQL_TAKE,
    DSN_SQL_CONTENT,
    DSN_SQL_STATE,
    DSN_SQL_LIST,
    DSN_SQL_LIST_DEAD,
    DSN_SQL_COUNT_WAITING,
    DSN_SQL_COUNT_DEAD,
    DSN_SQL_NEXT_OLDEST,
    DSN_SQL_HAS_FILE,
    DSN_SQL_RECORDS_BEHIND,
    DSN_SQL_ERASE_RECORD,
    DSN_SQL_ATTEMPTS_BEHIND,
    DSN_SQL_ERASE_ATTEMPT,
    DSN_SQL_HISTORY_BEHIND,
    DSN_SQL_ERASE_HISTORY,
    DSN_SQL_ADD_RECORD,
    DSN_SQL_READ_RECORDS,
    DSN_SQL_RECORD_TIME,
    DSN_SQL_REMOVE_RECORDS,
    DSN_SQL_FIRST_RECORD,
    DSN_SQL_LAST_RECORD,
    DSN_SQL_OUTLETS,
    DSN_SQL_ADD_OUTLET,
    DSN_SQL_ADVANCE_OUTLET,
    DSN_SQL_REMOVE_OUTLET,
    DSN_SQL_ADD_HANDED_ON,
    DSN_SQL_HANDED_ON,
    DSN_SQL_EXPIRE_HANDED_ON,
    DSN_SQL_ADD_HISTORY,
    DSN_SQL_ADD_HISTORY_TEXT,
    DSN_SQL_FIRST_HISTORY,
    DSN_SQL_LAST_HISTORY,
    DSN_SQL_NEXT_HISTORY,
    DSN_SQL_HISTORY,
    DSN_SQL_EXPIRE_HISTORY,
    DSN_SQL_EXPIRE_HISTORY_TEXT,
    DSN_SQL_SET_ATTEMPT,
    DSN_SQL_ATTEMPT,
    DSN_SQL_ATTEMPT_CHUNK,
    DSN_SQL_EXPIRE_ATTEMPTS,
    DSN_SQL_REMOVE_ATTEMPTS,
    DSN_SQL_SET_BUCKET,
    DSN_SQL_BUCKETS,
    DSN_SQL_EXPIRE_BUCKETS,
    DSN_SQL_SET_PLACE,
    DSN_SQL_PLACE,
    DSN_N_SQL
} DsnSql;

/* A connection with its statements, for one thread at a time. */
typedef struct DsnDb {
    sqlite3 *handle;
    sqlite3_stmt *statements[DSN_N_SQL];
    int log_pages; /* in the log after the last commit of this connection */
} DsnDb;

#define DSN_PAGE_SIZE 4096

#define DSN_DEFAULT_RELAY "default"

/* Opens the database for the writer, who may make it, or for a reader. */
DsnDb *dsn_db_open(const char *path, bool writer, GError **error);
void dsn_db_close(DsnDb *db);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnDb, dsn_db_close)

/* Sets DSN_SPOOL_ERROR_DISK with what SQLite says, and which file it is about. */
void dsn_db_set_error(DsnDb *db, GError **error);

/* Runs plain SQL without values. */
bool dsn_db_exec(DsnDb *db, const char *sql, GError **error);

/* A value for a statement; what it points to is borrowed until the statement was run. */
typedef struct DsnValue {
    enum { DSN_VALUE_INT, DSN_VALUE_REAL, DSN_VALUE_TEXT, DSN_VALUE_BLOB } kind;
    int64_t number;
    double real;
    const void *data; /* NULL is SQL's NULL */
    size_t len;
} DsnValue;

static inline DsnValue
dsn_int(int64_t number)
{
    return (DsnValue){.kind = DSN_VALUE_INT, .number = number};
}

static inline DsnValue
dsn_real(double real)
{
    return (DsnValue){.kind = DSN_VALUE_REAL, .real = real};
}

static inline DsnValue
dsn_text(const char *text)
{
    return (DsnValue){.kind = DSN_VALUE_TEXT, .data = text};
}

static inline DsnValue
dsn_blob(const void *data, size_t len)
{
    return (DsnValue){.kind = DSN_VALUE_BLOB, .data = data, .len = len};
}

/* A statement that runs; going out of scope ends it, and with it its transaction. */
typedef sqlite3_stmt DsnQuery;
void dsn_query_end(DsnQuery *query);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnQuery, dsn_query_end)

/* NULL when it cannot be prepared: dsn_query_next() then says why. */
DsnQuery *dsn_db_query(DsnDb *db, DsnSql sql, const DsnValue *values, size_t n_values);

/* True with a row; false at the end, or with @error. */
bool dsn_query_next(DsnDb *db, DsnQuery *query, GError **error);

/* False for an error only; *@ret_has tells whether there is a row. */
bool dsn_db_has(DsnDb *db, DsnSql sql, const DsnValue *values, size_t n_values, bool *ret_has,
                GError **error);

/* Runs a statement to its end. */
bool dsn_db_run(DsnDb *db, DsnSql sql, const DsnValue *values, size_t n_values, GError **error);

/* The first column of the first row, @fallback when there is none or it is NULL. */
bool dsn_db_number(DsnDb *db, DsnSql sql, int64_t fallback, int64_t *ret_number, GError **error);

#define DSN_VALUES(...) \
    (const DsnValue[]){__VA_ARGS__}, sizeof((const DsnValue[]){__VA_ARGS__}) / sizeof(DsnValue)

/* A connection for reading, to be handed back; waits for one while all are in use. */
DsnDb *dsn_spool_reader(DsnSpool *spool, GError **error);

/* With @failure (may be NULL) the connection is not used again, and the failure is logged. */
void dsn_spool_reader_done(DsnSpool *spool, DsnDb *db, const GError *failure);

/* ---- spool-schema.c ---- */

/* Brings the database to the state after @n_steps, which is its user_version; each step is one
 * transaction. DSN_SPOOL_ERROR_NEWER when it is past that. */
bool dsn_schema_migrate(DsnDb *db, const char *const *steps, int n_steps, GError **error);

/* The steps of this program. */
const char *const *dsn_schema_steps(int *ret_n_steps);

/* ---- spool-writer.c: jobs ---- */

typedef struct DsnJob DsnJob;

struct DsnJob {
    /* Changes the database, in the writer's thread. False fails the whole transaction. */
    bool (*run)(DsnSpool *spool, DsnJob *job, GError **error);
    /* Changes what is in memory after the commit, under the lock; may be NULL. */
    void (*committed)(DsnSpool *spool, DsnJob *job);
    /* After a transaction that failed, under the lock; may be NULL. */
    void (*failed)(DsnSpool *spool, DsnJob *job);
    /* Not NULL: nobody waits for it, and a failure only delays it. */
    void (*free)(DsnJob *job);
    size_t items; /* how much it is */
    size_t cost;  /* bytes of memory that it holds while it waits */
    GError *error;
    GCond finished;
    bool done; /* under the lock */
    GList link;
};

/* In the order in which they are served. */
typedef enum DsnLane { DSN_LANE_URGENT, DSN_LANE_WORK, DSN_LANE_BULK, DSN_N_LANES } DsnLane;

/* How many bytes of bulk work wait before its submitters have to. */
#define DSN_SPOOL_WAITING_BYTES ((size_t)64 << 20)

/* Under the lock. Fails the job at once while the disk fails, unless nobody waits for it. */
void dsn_spool_push(DsnSpool *spool, DsnLane lane, DsnJob *job);

/* Waits until a job is done. */
bool dsn_spool_wait_job(DsnSpool *spool, DsnJob *job, int64_t until);

/* Both, for a job on the caller's stack; takes its error. */
bool dsn_spool_run_job(DsnSpool *spool, DsnLane lane, DsnJob *job, GError **error);

bool dsn_spool_start_writer(DsnSpool *spool, GError **error);
void dsn_spool_stop_writer(DsnSpool *spool);

/* Under the lock: true if nothing more may be taken in. */
bool dsn_spool_is_full(DsnSpool *spool);

/* ---- spool-keys.c ---- */

/* Where the writer is in looking for keys to expire. */
typedef struct DsnSweep {
    unsigned table;    /* which of them */
    guint8 cursor[16]; /* the last digest that was looked at */
    size_t cursor_len; /* 0: at the start */
    int64_t next;      /* when to go on, monotonic */
} DsnSweep;

#define DSN_KEY_BUCKET 300 /* seconds */

static inline int64_t
dsn_key_bucket(const DsnKey *key)
{
    return key->time / DSN_KEY_BUCKET;
}

/* One small step, in a transaction of the writer. */
bool dsn_spool_sweep(DsnSpool *spool, GError **error);

/* ---- spool-memory.c: what is remembered, in the writer's thread ---- */

/* Under which something is remembered about @subject; any thread makes it. Eight bytes of a SHA-256
 * are enough: nobody finds another subject for one that is given. */
guint64 dsn_subject_key(const char *subject);

/* Adds a line; @text is cut down if it is too long. */
bool dsn_history_add(DsnSpool *spool, guint64 subject, const char *text, GError **error);

/* Lines are gathered, and stored before the commit, or forgotten with a transaction that failed. */
bool dsn_history_flush(DsnSpool *spool, GError **error);
void dsn_history_forget(DsnSpool *spool);

bool dsn_attempt_store(DsnSpool *spool, const DsnKey *message, GBytes *record, int64_t now,
                       GError **error);
bool dsn_buckets_store(DsnSpool *spool, const GArray *buckets, GError **error);

/* Removes some of the history from before @before, and of token buckets that are full again. */
bool dsn_history_expire(DsnSpool *spool, int64_t before, bool *ret_done, GError **error);
bool dsn_buckets_expire(DsnSpool *spool, GError **error);

/* Removes some of the history, or else of the attempts, however young. */
bool dsn_memory_relieve(DsnSpool *spool, bool *ret_done, GError **error);

/* ---- spool-deposit.c ---- */

bool dsn_deposit_run(DsnSpool *spool, DsnJob *job, GError **error);
void dsn_deposit_committed(DsnSpool *spool, DsnJob *job);
void dsn_deposit_failed(DsnSpool *spool, DsnJob *job);

/* A deposit as the writer sees it. */
typedef struct DsnDepositJob {
    DsnDeposit deposit; /* first: it is what the caller knows */
    DsnJob job;
    bool submitted;
    GPtrArray *files; /* paths of contents, one or NULL for each item; NULL when there are none */
    /* what it did */
    guint64 notices, dead;
    int64_t last_line;   /* position of its last record, 0: none */
    int64_t large;       /* bytes of large contents, more or less than before */
    GPtrArray *kept;     /* paths of those that entries refer to now */
    GPtrArray *replaced; /* paths of those that none refers to any more */
} DsnDepositJob;

/* ---- spool-store.c: items ---- */

/* Stores one item of a deposit, or says in it why not. */
bool dsn_item_store(DsnSpool *spool, DsnDepositJob *deposit, guint index, int64_t now,
                    GError **error);

/* ---- spool-large.c: contents in files of their own ---- */

/* Writes @bytes to a new file if they are large: *@ret_path (transfer full) is that, else NULL. It
 * is set when writing fails, too. The directory still is to be synchronised. */
bool dsn_large_write(DsnSpool *spool, GBytes *bytes, char **ret_path, GError **error);

/* Makes what the commit of a deposit refers to. */
bool dsn_large_write_deposit(DsnSpool *spool, DsnDepositJob *deposit, GError **error);
char *dsn_large_path(DsnSpool *spool, const char *name);

/* The name of the file at @path, under which an entry refers to it; NULL for NULL. */
const char *dsn_large_name(const char *path);

/* The content of an entry (transfer full), from the columns "size, file, bytes" of @query that
 * start at @column; DSN_SPOOL_ERROR_NONE when it is lost. */
GBytes *dsn_content_read(DsnSpool *spool, DsnQuery *query, int column, GError **error);

/* Removes files that no entry knows, and adds up the others. */
bool dsn_large_sweep(DsnSpool *spool, DsnDb *db, GError **error);

bool dsn_sync_directory(const char *path, GError **error);
void dsn_spool_set_file_error(GError **error, const char *what, const char *path);

/* ---- spool-turns.c: whose turn it is; all under the lock ---- */

/* Tenants of which something waits, in a ring: each gives some, and goes behind the others. One of
 * which nothing is due yet is apart until its time; one of which nothing waits is in neither. */
typedef struct DsnTurns {
    GHashTable *all; /* of DsnTurn, by tenant */
    GQueue ring;
    GSequence *later; /* by their times */
} DsnTurns;

typedef struct DsnTurn DsnTurn;

void dsn_turns_init(DsnTurns *turns);
void dsn_turns_clear(DsnTurns *turns);

/* That of @tenant (NULL or "": nobody's), which is made if need be and lasts as long as the turns.
 */
DsnTurn *dsn_turn(DsnTurns *turns, const char *tenant);
const char *dsn_turn_tenant(const DsnTurn *turn);

/* Something may be due now, or at @at (monotonic) at the latest. */
void dsn_turn_ready(DsnTurn *turn);
void dsn_turn_later(DsnTurn *turn, int64_t at);

/* When something may be due: 0 for now, G_MAXINT64 for never. */
int64_t dsn_turns_next_time(const DsnTurns *turns);

/* How many may have something at @now. */
guint dsn_turns_ready(DsnTurns *turns, int64_t now);

/* The next of those, out of the ring now; NULL when there is none. */
DsnTurn *dsn_turns_next(DsnTurns *turns);

/* Where to look from on: no untaken entry is up to there. */
int64_t dsn_turn_begin(DsnTurn *turn);
void dsn_turn_pass(DsnTurn *turn, int64_t entry);
void dsn_turn_give_back(DsnTurn *turn, int64_t entry);
void dsn_turns_forget(DsnTurns *turns);

/* ---- spool-notices.c ---- */

/* What waits for one relay. */
typedef struct DsnRelayLine {
    DsnSpool *spool;
    char *name;
    DsnTurns fresh;   /* for their first attempt */
    DsnTurns retries; /* for another one */
    bool known;       /* the turns were filled from the database */
    bool is_relay;    /* or else an outlet */
    int64_t oldest;   /* when that which waits for longest was taken in, 0: none waits */
    guint64 changes;
    GCond due; /* who takes notices waits for it */
    bool retries_first;
} DsnRelayLine;

void dsn_relay_line_free(DsnRelayLine *line);

/* Under the lock: the line of the relay of that name (NULL: "default"), which is made if need be.
 */
DsnRelayLine *dsn_spool_line(DsnSpool *spool, const char *relay);

/* In the writer's thread: the relay that takes the notices of @relay, see dsn_spool_set_relays().
 */
const char *dsn_spool_relay_of(DsnSpool *spool, const char *relay);

/* A notice that is being sent, or that the administrator's job works on. */
typedef struct DsnTaken {
    int64_t entry;
    DsnRelayLine *line;
    const char *tenant; /* the line's */
    char *file;         /* name of its content's file, may be NULL */
    size_t size;
    bool record;     /* of an outlet, no notice */
    bool known;      /* by the id of a record: */
    guint64 subject; /* what is remembered is about that */
    bool sources;    /* beside its content, which could be read */
    unsigned attempts;
} DsnTaken;

DsnTaken *dsn_taken_new(int64_t entry, DsnRelayLine *line, const char *tenant);
void dsn_taken_free(DsnTaken *taken);

/* Under the lock: the entry may be taken again. */
void dsn_spool_release(DsnSpool *spool, int64_t entry);

/* Under the lock, or in the writer's thread: no entry of @tenant (NULL: nobody's) above it was ever
 * handed out for its first attempt. */
int64_t dsn_spool_watermark(DsnSpool *spool, const char *tenant);
bool dsn_spool_load_watermarks(DsnSpool *spool, DsnDb *db, GError **error);

/* Under the lock: notices became due, or came. */
void dsn_spool_tell_due(DsnRelayLine *line, guint64 count);
void dsn_spool_tell_all_due(DsnSpool *spool);

/* ---- spool-erase.c ---- */

/* Whether @address, in any letters, stands in @text and not as a part of another one. */
bool dsn_erase_names(DsnSpan text, const char *address);

/* ---- spool.c ---- */

/* The time by which nothing is removed too early: where two clocks differ, one is wrong. */
int64_t dsn_spool_safe_now(DsnSpool *spool);

/* ---- spool-state.c ---- */

/* A commit that takes longer than this is the disk's fault. */
#define DSN_SPOOL_STUCK_AFTER (30 * G_TIME_SPAN_SECOND)

/* In the writer's thread: notes how things stand, once in a while. */
bool dsn_spool_look(DsnSpool *spool, GError **error);

/* ---- spool-records.c ---- */

typedef struct DsnOutlet {
    char *name;
    int64_t position; /* behind which it reads on */
    int64_t oldest;   /* when the record behind that was taken in; 0: there was none */
    char *note;
} DsnOutlet;

void dsn_outlet_free(DsnOutlet *outlet);

/* Under the lock, or in the writer's thread: NULL when there is none of that name. */
DsnOutlet *dsn_spool_outlet(DsnSpool *spool, const char *name);
bool dsn_spool_load_outlets(DsnSpool *spool, DsnDb *db, GError **error);

/* Under the lock: the last record that all outlets are past. */
int64_t dsn_spool_all_past(DsnSpool *spool);

/* Removes some of the records that all outlets are past; the writer's. */
bool dsn_spool_trim_records(DsnSpool *spool, int64_t *ret_first, GError **error);

/* Records that one transaction removes at most: of an outlet that was far behind and is gone there
 * may be millions. */
#define DSN_TRIM_RECORDS 5000

/* ---- spool-hand-on.c ---- */

/* Kinds of entries. */
enum { DSN_ENTRY_NOTICE, DSN_ENTRY_REJECTED, DSN_ENTRY_RECORD };

/* Makes letters dead that wait for an outlet which is not among @names; *@ret_count is how many, up
 * to DSN_BURY_CHUNK, after which there may be more. */
bool dsn_spool_bury_letters(DsnSpool *spool, const char *const *names, unsigned *ret_count,
                            GError **error);
#define DSN_BURY_CHUNK 1000

/* Removes some of what is older than @before (unix seconds), or from a clock that was wrong. */
bool dsn_handed_on_expire(DsnSpool *spool, int64_t before, bool *ret_done, GError **error);

/* ---- the spool ---- */

struct DsnSpool {
    /* constant */
    char *directory;
    char *path;       /* of the database */
    char *large_path; /* of the directory of large contents */
    int64_t keep;
    int64_t history_keep;
    size_t max_size;
    size_t min_free;
    size_t large;
    DsnMetrics *metrics;
    int64_t epoch;        /* when the monotonic clock was 0, see dsn_spool_now(); tests set it */
    int64_t settle_after; /* so long another wall clock is not believed */
    int lock_fd;
    GThread *thread;

    /* the writer's */
    DsnDb *writer;
    DsnSweep sweep;
    GStrv relays;            /* that are configured; NULL: nobody has said */
    int64_t history_bucket;  /* that lines go to now, 0: none */
    int64_t history_started; /* monotonic */
    size_t history_bytes;    /* in it */
    int64_t history_number;  /* in it, of the next row of lines */
    GString *history_lines;  /* that will be in it */
    int64_t history_time;    /* of the last line */
    int64_t relieved;        /* when nothing was left to make room with, monotonic; 0: never */
    bool crowded;            /* room is made with what is remembered */
    bool bulk_left;
    bool empty_log;      /* it is to be written back and emptied as soon as that can be */
    bool damaged;        /* what is in the database is not what was written */
    bool bulk_waited;    /* it was left out of the last transaction */
    int64_t idle_since;  /* monotonic */
    int64_t next_chore;  /* monotonic */
    int64_t looked;      /* how things stand, monotonic; 0: never */
    int64_t clock_set;   /* when the wall clock was, monotonic; 0: it was not */
    int64_t clock_off;   /* by so much */
    int next_checkpoint; /* at so many pages of the log */

    GMutex readers_lock;
    GCond reader_free;
    GPtrArray *readers;   /* of DsnDb, not in use */
    unsigned n_readers;   /* that are open */
    int64_t read_failure; /* when one was logged, monotonic; 0: never */

    GMutex take_lock; /* one thread at a time chooses notices; before the lock */

    GMutex lock;   /* guards all below */
    GCond work;    /* the writer waits for it */
    GCond room;    /* submitters of bulk work do */
    GCond arrived; /* who reads records */
    GQueue lanes[DSN_N_LANES];
    size_t bulk_cost;
    bool stopping;
    bool woken;
    bool broken; /* the last transaction failed */
    char *broken_text;
    int64_t busy_since;  /* the writer, with a transaction or a chore, monotonic; 0: it is not */
    int64_t stuck_after; /* microseconds */
    guint64 free_bytes;  /* on the file system */
    bool full;
    const char *full_why;
    int64_t checked_room; /* monotonic */
    GPtrArray *doubtful;  /* files of deposits whose commit failed */
    GPtrArray *to_remove; /* files that no entry refers to any more */

    GHashTable *taken;      /* of DsnTaken, by entry */
    GHashTable *lines;      /* of DsnRelayLine, by name */
    GHashTable *watermarks; /* of int64_t, by tenant; only the writer changes it */
    int64_t watermark;      /* of all tenants, from before they had their own */
    guint64 waiting, dead;
    int64_t database_bytes; /* with its log */
    int64_t large_bytes;
    GPtrArray *outlets;                /* of DsnOutlet */
    int64_t first_record, last_record; /* first: the first that may still be there */
};

#endif
