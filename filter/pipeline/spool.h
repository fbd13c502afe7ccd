/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spool.h - what was taken in and is not done yet, on disk
 *
 * Purpose:   keep notices, records and dead letters between intake and outlet, and the keys by
 *            which a repetition is known.
 * Source:    dsnarf(8), "The spool". SQLite in WAL mode, synchronous=FULL, one writer.
 * Ownership: said at each function; the spool copies what a deposit holds or takes it over.
 * Errors:    DSN_SPOOL_ERROR. After an error of the disk the spool refuses deposits until a commit
 *            works again; dsn_spool_is_ready() tells.
 * Threads:   all functions may be called by any thread; one writer thread commits for all of them.
 *
 * The directory is the daemon's: mode 0700, one process at a time holds the lock in it. Times are
 * unix seconds unless they are GTimeSpan.
 */
#ifndef DSN_PIPELINE_SPOOL_H
#define DSN_PIPELINE_SPOOL_H

#include "filter/core/governor.h"
#include "filter/core/metrics.h"
#include "filter/core/record.h"

typedef struct DsnSpool DsnSpool;

typedef enum DsnSpoolError {
    DSN_SPOOL_ERROR_LOCKED, /* another process has it */
    DSN_SPOOL_ERROR_NEWER,  /* its schema is newer than this program */
    DSN_SPOOL_ERROR_FULL,   /* max_size or min_free is reached */
    DSN_SPOOL_ERROR_DISK,   /* SQLite or the file system failed */
    DSN_SPOOL_ERROR_NONE    /* what is asked for is not there, or its content is lost */
} DsnSpoolError;

#define DSN_SPOOL_ERROR dsn_spool_error_quark()
GQuark dsn_spool_error_quark(void);

typedef struct DsnSpoolOptions {
    const char *directory;
    int64_t keep;         /* seconds that keys are kept */
    int64_t history_keep; /* seconds that history is kept; 0: there is none */
    size_t max_size;
    size_t min_free;
    size_t large;
} DsnSpoolOptions;

/* Makes the directory if need be, locks it, migrates the schema forward, and starts the writer.
 * Notices that another run had handed out are due again. */
DsnSpool *dsn_spool_open(const DsnSpoolOptions *options, DsnMetrics *metrics, GError **error);

/* Commits what was submitted, and stops. No other thread may use the spool any more. */
void dsn_spool_close(DsnSpool *spool);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnSpool, dsn_spool_close)

/* Unix microseconds that do not jump, for all that becomes due or old: a wall clock that is set
 * delays and expires nothing. When it has stayed so for an hour it is believed, and at a start. */
int64_t dsn_spool_now(DsnSpool *spool);

/* False from a failed commit, or a full disk, until one works again, and while one takes far too
 * long: take nothing in. */
bool dsn_spool_is_ready(DsnSpool *spool);

/* Why it is not (transfer full); NULL when it is. */
char *dsn_spool_unready(DsnSpool *spool);

/* ---- keys ---- */

/* The first 16 bytes of a digest. The time of an event key is the event's, which is the same
 * whenever the event comes again. */
typedef struct DsnKey {
    guint8 digest[16];
    int64_t time;
} DsnKey;

typedef enum DsnSeen { DSN_SEEN_NOT, DSN_SEEN_BEFORE } DsnSeen;

/* What a reader sees now; the writer decides when the deposit comes. */
DsnSeen dsn_spool_look_event(DsnSpool *spool, const DsnKey *event);
DsnSeen dsn_spool_look_notice(DsnSpool *spool, const DsnKey *notice);
DsnSeen dsn_spool_look_message(DsnSpool *spool, const DsnKey *message);

/* ---- deposits ---- */

/* A finished notice. */
typedef struct DsnSpoolNotice {
    char *record_id; /* of the record it was made from */
    char *record_type;
    char *recipient; /* to whom it goes: the envelope sender of the original */
    GBytes *bytes;
    GArray *keys; /* of DsnKey: one for each failed recipient */
    bool eight_bit;
    bool utf8;
    bool requiretls;   /* as the original was (rule ENV-18) */
    bool has_original; /* made with the original at hand */
    char *relay;       /* name of the relay that takes it; NULL: "default" */
    char *tenant;      /* NULL: none */
    DsnKey group;      /* the message and what is said about it; all zeros: stands alone */
    int64_t due;       /* unix microseconds before which it is not handed out; 0: now */
    GBytes *sources;   /* elements as JSON lines, of which it can be made again; may be NULL */
    int64_t replaces;  /* the open entry that it takes the place of, 0: none; */
    int64_t version;   /* of that entry, when it was looked at */
} DsnSpoolNotice;

/* Of one notice. */
#define DSN_SOURCES_MAX ((size_t)1 << 20)

/* A notice that nobody was handed yet. */
typedef struct DsnOpenNotice {
    int64_t entry;
    int64_t version;
    bool has_original;
    GBytes *sources;
} DsnOpenNotice;

void dsn_open_notice_clear(DsnOpenNotice *open);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DsnOpenNotice, dsn_open_notice_clear)

/* True if there is an open notice of @group, and its sources: more than DSN_SOURCES_MAX are not
 * kept, and what comes later then gets a notice of its own. @ret_open need not be initialised. The
 * writer decides when the deposit comes: an item whose notice replaces an entry that is open no
 * more, or that was replaced meanwhile, is a DSN_ITEM_CONFLICT, and so is one that replaces nothing
 * while an open notice of its group is there. Of its keys those of the entry that it replaces may
 * be there. */
bool dsn_spool_look_open(DsnSpool *spool, const DsnKey *group, DsnOpenNotice *ret_open);

/* ---- what is remembered ---- */

/* One thing that happened to what @subject names: a record's id, or a Message-ID without angle
 * brackets. To an "event" about the subject of lines of its item the spool adds "position", that of
 * the first in the stream, and "last_position" if there are more. */
typedef struct DsnHistory {
    char *subject;
    char *text;  /* members of a JSON object without braces: "\"event\":\"made\",..." */
    guint64 key; /* the spool's */
} DsnHistory;

typedef struct DsnHistoryLine {
    int64_t time; /* unix microseconds */
    char *text;
} DsnHistoryLine;

/* Appends what is known about @subject, oldest first, to @lines (of DsnHistoryLine, cleared by
 * dsn_history_line_clear()). */
bool dsn_spool_history(DsnSpool *spool, const char *subject, GArray *lines, GError **error);
int64_t dsn_spool_history_keep(DsnSpool *spool); /* seconds */
void dsn_history_line_clear(DsnHistoryLine *line);
void dsn_history_clear(DsnHistory *history);

/* What the last attempt of a message said, of DSN_ITEM_ATTEMPT (transfer full): a record as a line
 * of JSON; NULL when nothing is known. @message is dsn_attempt_key(). */
char *dsn_spool_last_attempt(DsnSpool *spool, const DsnKey *message);

/* Appends what the last deposits with buckets left (of DsnBucket, cleared by dsn_bucket_clear()).
 */
bool dsn_spool_load_buckets(DsnSpool *spool, GArray *buckets, GError **error);

DsnSpoolNotice *dsn_spool_notice_new(void);
void dsn_spool_notice_free(DsnSpoolNotice *notice);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnSpoolNotice, dsn_spool_notice_free)

/* One record for the outlets. */
typedef struct DsnSpoolLine {
    DsnRecordType type;
    GBytes *json;     /* one line with its line feed */
    char *subject;    /* the history of this tells of it, NULL: none does */
    guint64 key;      /* the spool's */
    int64_t position; /* the same */
} DsnSpoolLine;

typedef enum DsnItemKind {
    DSN_ITEM_EVENT,    /* a posted record: key, perhaps a notice, perhaps lines */
    DSN_ITEM_MESSAGE,  /* a report that came by mail: key and lines */
    DSN_ITEM_REJECTED, /* what could not be read: straight to the dead letters, no key */
    DSN_ITEM_HISTORY,  /* only its history; no key */
    DSN_ITEM_ATTEMPT   /* an attempt that failed: key of the message, its record; the last counts */
} DsnItemKind;

typedef enum DsnItemResult {
    DSN_ITEM_STORED,
    DSN_ITEM_MERGED,    /* the event was there, its open notice now has this item's bytes */
    DSN_ITEM_DUPLICATE, /* the event or message was there: nothing was stored */
    DSN_ITEM_CONFLICT   /* a notice for one of the recipients was there: look again, nothing was
                           stored of this item */
} DsnItemResult;

/* One piece of work: all of it is stored or nothing. */
typedef struct DsnItem {
    DsnItemKind kind;
    DsnKey key;
    DsnSpoolNotice *notice; /* may be NULL */
    GArray *lines;          /* of DsnSpoolLine; may be NULL */
    GBytes *rejected;       /* of DSN_ITEM_REJECTED: what was handed in */
    char *reason;           /* of DSN_ITEM_REJECTED: why, in words */
    GArray *also;           /* of DsnKey: more events of DSN_ITEM_EVENT, for the same notice; if one
                               of all was there, the item is a CONFLICT. May be NULL */
    bool known;             /* of DSN_ITEM_EVENT: it was there, and its notice is made again */
    GArray *history;        /* of DsnHistory: kept if the item is STORED or MERGED; may be NULL */
    GBytes *attempt;        /* of DSN_ITEM_ATTEMPT: a record as a line of JSON */
    DsnItemResult result;   /* after the commit */
} DsnItem;

/* How far somebody has got who follows something that lasts, such as log segments. */
typedef struct DsnPlace {
    const char *name; /* NULL: there is none */
    const char *text; /* what the follower needs to go on from there */
} DsnPlace;

/* What is committed together. */
typedef struct DsnDeposit {
    GArray *items;   /* of DsnItem */
    GArray *buckets; /* of DsnBucket that have changed; may be NULL */
    bool urgent;     /* end-of-message work, before everything else */
    DsnPlace place;  /* kept with the items, unless one of them is a CONFLICT; borrowed */
    bool placed;     /* after the wait: it was kept */
    GError *error;   /* after the wait: nothing was stored (but if the daemon dies before the disk
                        works again, all of it may turn out to be there) */
} DsnDeposit;

DsnDeposit *dsn_deposit_new(bool urgent);
void dsn_deposit_free(DsnDeposit *deposit);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnDeposit, dsn_deposit_free)

/* Hands @deposit to the writer; it must not be touched before it was waited for. Bulk work waits
 * here while the writer has more than enough before it. */
void dsn_spool_submit(DsnSpool *spool, DsnDeposit *deposit);

/* Waits for a submitted deposit, but no longer than until @until (g_get_monotonic_time(), -1: for
 * ever). True when it is committed or has failed (see its error); false when time ran out. */
bool dsn_spool_wait(DsnSpool *spool, DsnDeposit *deposit, int64_t until);

/* The text of the place @name as it was kept last, NULL if none (transfer full). */
char *dsn_spool_place(DsnSpool *spool, const char *name, GError **error);

/* ---- notices on their way out ---- */

typedef struct DsnWaitingNotice {
    int64_t entry;
    char *record_id;
    char *record_type;
    char *recipient; /* NULL for a record */
    GBytes *bytes;
    bool eight_bit;
    bool utf8;
    bool requiretls;
    unsigned attempts; /* so far */
    int64_t taken_in;  /* when */
} DsnWaitingNotice;

void dsn_waiting_notice_free(DsnWaitingNotice *notice);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnWaitingNotice, dsn_waiting_notice_free)

/* Names the relays that there are, without "default", which there always is and which takes the
 * notices of all others, those that come later too; they stay with it. Until this is called there
 * are all. Returns how many waited for another. */
bool dsn_spool_set_relays(DsnSpool *spool, const char *const *names, guint64 *ret_moved,
                          GError **error);

/* No notice waits longer than this before its first attempt, whatever it says or the clock does. */
#define DSN_HOLD_MAX (10 * G_TIME_SPAN_MINUTE)

/* Appends up to @max due notices of @relay (NULL: "default") to @notices (of DsnWaitingNotice,
 * transfer full), and waits up to @wait for the first. Tenants take turns. First attempts of a
 * tenant are in the order in which the notices came, so that one whose time has not come keeps back
 * those behind it. None is handed out twice before it is settled, and from now on none of them
 * changes any more: that is committed first. False when the disk fails, after @wait; nothing was
 * appended then. A full spool still gives its notices. */
bool dsn_spool_take_notices(DsnSpool *spool, const char *relay, unsigned max, GTimeSpan wait,
                            GPtrArray *notices);

/* Ends the wait of all who wait for notices or records, as before a stop. Stays in force. */
void dsn_spool_wake(DsnSpool *spool);

/* What came of an attempt. */
typedef enum DsnSettled {
    DSN_SETTLED_SENT,
    DSN_SETTLED_RETRY, /* counts an attempt; due again at @when */
    DSN_SETTLED_BACK,  /* no attempt was made after all: as it was */
    DSN_SETTLED_DEAD   /* counts an attempt */
} DsnSettled;

/* Submits the outcome of a taken notice; does not wait. @reply is the last answer, for the
 * administrator; @when in unix microseconds. */
void dsn_spool_settle(DsnSpool *spool, int64_t entry, DsnSettled how, int64_t when,
                      const char *reply);

/* ---- records on their way out ---- */

/* An outlet reads the stream of records from where it stands. The first call for a new @name sets
 * it to the end of the stream. Names that are not among @names lose their place: returns how many
 * records that lets go of. Records that were retried for them are dead letters again. */
bool dsn_spool_set_outlets(DsnSpool *spool, const char *const *names, guint64 *ret_dropped,
                           GError **error);

typedef struct DsnStreamRecord {
    int64_t position;
    DsnRecordType type;
    int64_t taken_in; /* when */
    GBytes *json;
} DsnStreamRecord;

/* Appends records after @name's place, all types, in order, up to @max and @max_bytes (at least
 * one), to @records (of DsnStreamRecord, cleared by dsn_stream_record_clear()); waits up to @wait
 * for the first. False when the disk fails, or @name is no outlet. */
bool dsn_spool_read_records(DsnSpool *spool, const char *name, unsigned max, size_t max_bytes,
                            GTimeSpan wait, GArray *records);

/* The same after @position, or after the place if that is farther. */
bool dsn_spool_read_records_after(DsnSpool *spool, const char *name, int64_t position, unsigned max,
                                  size_t max_bytes, GTimeSpan wait, GArray *records);
void dsn_stream_record_clear(DsnStreamRecord *record);

/* The note that was left with the last advance of @name, NULL if none (transfer full). */
char *dsn_spool_outlet_note(DsnSpool *spool, const char *name);

/* Moves @name's place behind @position and keeps @note with it, in one commit, which it waits for.
 * Records that all outlets are past are removed. After an error nothing has moved. */
bool dsn_spool_advance(DsnSpool *spool, const char *name, int64_t position, const char *note,
                       GError **error);

/* A record that an outlet could not hand on: a dead letter of kind "record", or, with @retry_at,
 * one that waits until then after its first attempt. It gets in when the spool is full, too. */
typedef struct DsnSpoolLetter {
    const char *record_id;   /* NULL: none is known */
    const char *record_type; /* the same */
    GBytes *json;
    const char *reason;
    int64_t retry_at; /* unix microseconds; 0: it is dead */
} DsnSpoolLetter;

/* Records that an outlet has handed on together, for "dsnarf why"; kept as long as history is. */
typedef struct DsnHandedOn {
    const int64_t *positions; /* rising */
    size_t n_positions;
    const char *text; /* members of a JSON object, as in DsnHistory */
} DsnHandedOn;

/* What comes with an advance. */
typedef struct DsnAdvance {
    int64_t position;
    const char *note;
    const GArray *letters;   /* of DsnSpoolLetter; may be NULL */
    const GArray *handed_on; /* of DsnHandedOn; may be NULL */
} DsnAdvance;

/* dsn_spool_advance() with all of it, in one commit. */
bool dsn_spool_hand_on(DsnSpool *spool, const char *name, const DsnAdvance *advance,
                       GError **error);

/* Appends what outlets have said of the record at @position, oldest first, to @lines (of
 * DsnHistoryLine, cleared by dsn_history_line_clear()), with "outlet" as the first member. */
bool dsn_spool_handed_on(DsnSpool *spool, int64_t position, GArray *lines, GError **error);

/* The names of the outlets that have not come to @position yet (of char *, transfer full). */
GPtrArray *dsn_spool_outlets_before(DsnSpool *spool, int64_t position);

/* A dead letter of kind "record" that was retried waits for the outlet that it is of, and is taken
 * with dsn_spool_take_notices() under the outlet's name and settled like a notice. While there is
 * no such outlet it stays dead. */

/* ---- what an administrator sees and does ---- */

/* What is meant; absent members mean all. */
typedef struct DsnQueueFilter {
    int64_t entry;         /* 0: any */
    bool dead, waiting;    /* neither: both */
    const char *recipient; /* whom a notice goes to */
    int64_t older_than;    /* seconds in the queue, 0: any */
} DsnQueueFilter;

/* One entry as it is listed: no content. */
typedef struct DsnQueueEntry {
    int64_t entry;
    const char *kind;                                /* "notice", "rejected", "record" */
    const char *state;                               /* "waiting", "dead" */
    const char *record_id, *record_type, *recipient; /* NULL for what is not known */
    const char *relay;                               /* of a record: the outlet */
    const char *tenant;                              /* NULL: none */
    const char *reason; /* last reply, or why it is dead; may be NULL */
    size_t size;
    unsigned attempts;
    int64_t taken_in;
    int64_t next_attempt; /* 0 for dead ones */
} DsnQueueEntry;

/* Calls @each for the entries that @filter means, oldest first, until it says false; in the calling
 * thread, with borrowed texts. */
bool dsn_spool_list(DsnSpool *spool, const DsnQueueFilter *filter,
                    bool (*each)(const DsnQueueEntry *entry, gpointer user), gpointer user,
                    GError **error);

/* The bytes of one entry (transfer full), or NULL and @error. */
GBytes *dsn_spool_content(DsnSpool *spool, int64_t entry, GError **error);

/* Makes waiting and dead notices due now, their age starting again for dead ones; what was rejected
 * is left alone, see dsn_pipeline_retry(). Waits for the commit. Returns how many, or -1. */
int64_t dsn_spool_retry(DsnSpool *spool, const DsnQueueFilter *filter, GError **error);

/* Removes entries (a notice that is being sent right now is skipped). Keys stay, so that the event
 * makes no notice again. Returns how many, or -1. */
int64_t dsn_spool_drop(DsnSpool *spool, const DsnQueueFilter *filter, GError **error);

/* What was erased. */
typedef struct DsnErased {
    guint64 entries;  /* notices, elements that could not be read, records not handed on */
    guint64 records;  /* of the stream */
    guint64 attempts; /* that were remembered */
    guint64 history;  /* lines */
} DsnErased;

/* Removes notices to @address, and whatever else is kept and names it; of history, what the lines
 * say. Freed pages are overwritten, and the log is emptied soon. What is taken in meanwhile may
 * stay, a notice that is being sent does. */
bool dsn_spool_erase(DsnSpool *spool, const char *address, DsnErased *ret_erased, GError **error);

/* How things stand, for metrics; what had to be looked up is up to some seconds old. */
typedef struct DsnSpoolState {
    guint64 waiting, dead; /* entries */
    guint64 records;       /* not read by all outlets yet */
    int64_t oldest;        /* when the oldest waiting entry was taken in; 0: none */
    guint64 bytes;         /* on disk */
    guint64 free;          /* on its file system */
    guint64 max_size, min_free;
} DsnSpoolState;

void dsn_spool_state(DsnSpool *spool, DsnSpoolState *ret_state);

/* @records that an outlet has not read, 0 for a relay; and when the oldest of what waits was taken
 * in, 0: nothing waits. Under a lock: it must not wait, nor ask the spool anything. */
typedef void (*DsnSpoolEach)(const char *name, guint64 records, int64_t oldest, gpointer user);

void dsn_spool_each_relay(DsnSpool *spool, DsnSpoolEach each, gpointer user);
void dsn_spool_each_outlet(DsnSpool *spool, DsnSpoolEach each, gpointer user);

#endif
