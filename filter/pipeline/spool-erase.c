/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/spool-private.h"

/* Rows that are looked at between two transactions. */
#define CHUNK 256
/* What a line of history says instead. */
#define ERASED "\"event\":\"erased\""

/* ---- whether it is named ---- */

/* What an address can go on with: "ann@x.example" is not named by "joann@x.example", nor by
 * "ann@x.example.org". Letters beyond ASCII can stand in both parts. */
static bool
goes_on(char byte)
{
    return g_ascii_isalnum(byte) || (byte & 0x80) != 0 ||
           (byte != '\0' && strchr("_-+", byte) != NULL);
}

/* True if text[at] is a backslash that is not itself behind one. */
static bool
escapes(const char *text, size_t at)
{
    size_t first = at + 1;

    while (first > 0 && text[first - 1] == '\\')
        first--;
    return (at + 1 - first) % 2 == 1;
}

/* What stands before @start, also where it is written as in a JSON string (RFC 8259 section 7). */
static char
byte_before(const char *text, size_t start)
{
    if (start >= 2 && strchr("bfnrt", text[start - 1]) != NULL && escapes(text, start - 2))
        return '\n';
    if (start >= 6 && text[start - 5] == 'u' && escapes(text, start - 6)) {
        unsigned code = 0;

        for (size_t i = start - 4; i < start; i++) {
            if (!g_ascii_isxdigit(text[i]))
                return text[start - 1];
            code = code << 4 | (unsigned)g_ascii_xdigit_value(text[i]);
        }
        return code < 0x80 ? (char)code : (char)0x80;
    }
    return text[start - 1];
}

static bool
ends_before(const char *text, size_t start)
{
    char byte = start == 0 ? ' ' : byte_before(text, start);

    return !goes_on(byte) && byte != '.';
}

/* A full stop behind it can be that of a sentence. */
static bool
ends_at(const char *text, size_t len, size_t end)
{
    if (end < len && text[end] == '.')
        end++;
    return end >= len || !goes_on(text[end]);
}

bool
dsn_erase_names(DsnSpan text, const char *address)
{
    const size_t size = strlen(address);
    const char first[] = {g_ascii_tolower(*address), g_ascii_toupper(*address), '\0'};

    for (size_t i = 0; i + size <= text.len; i++) {
        if (text.data[i] != first[0] && text.data[i] != first[1])
            continue;
        if (g_ascii_strncasecmp(text.data + i, address, size) == 0 && ends_before(text.data, i) &&
            ends_at(text.data, text.len, i + size))
            return true;
    }
    return false;
}

static DsnSpan
column_span(DsnQuery *query, int column)
{
    const char *bytes = sqlite3_column_blob(query, column);

    return (DsnSpan){bytes == NULL ? "" : bytes, (size_t)sqlite3_column_bytes(query, column)};
}

/* ---- what is done with it ---- */

/* One row: its number or digest, and the text that it gets, NULL where it goes. */
typedef struct Victim {
    int64_t number;
    guint8 digest[16];
    GString *text;
} Victim;

static void
clear_victim(gpointer data)
{
    Victim *victim = data;

    if (victim->text != NULL)
        (void)g_string_free(victim->text, TRUE);
}

/* A table that is gone through. */
typedef struct Table {
    DsnSql read;  /* key and text of up to ?2 rows behind ?1 */
    DsnSql erase; /* of ?1 */
    bool digests; /* are its keys */
    guint (*rewrite)(DsnSpan text, const char *address, GString *ret_text); /* NULL: rows go */
} Table;

typedef struct EraseJob {
    DsnJob job;
    const Table *table;
    const GArray *victims;
} EraseJob;

static bool
run_erase(DsnSpool *spool, DsnJob *job, GError **error)
{
    const EraseJob *erase = (EraseJob *)job;
    bool good = dsn_db_exec(spool->writer, "PRAGMA secure_delete = ON", error);

    spool->empty_log = true; /* what was there before is in it */
    for (guint i = 0; i < erase->victims->len && good; i++) {
        const Victim *victim = &g_array_index(erase->victims, Victim, i);
        const DsnValue key =
            erase->table->digests ? dsn_blob(victim->digest, 16) : dsn_int(victim->number);

        good = victim->text == NULL
                   ? dsn_db_run(spool->writer, erase->table->erase, DSN_VALUES(key), error)
                   : dsn_db_run(spool->writer, erase->table->erase,
                                DSN_VALUES(key, dsn_blob(victim->text->str, victim->text->len)),
                                error);
    }
    return good && dsn_db_exec(spool->writer, "PRAGMA secure_delete = FAST", error);
}

/* Where the next chunk begins. */
typedef struct Cursor {
    int64_t number;
    guint8 digest[16];
    size_t digest_len;
} Cursor;

/* Looks at one chunk. Returns how many lines or rows @victims has more, or -1. */
static int64_t
find_victims(DsnSpool *spool, const Table *table, const char *address, Cursor *cursor,
             GArray *victims, guint *ret_rows, GError **error)
{
    g_autoptr(GError) failure = NULL;
    const DsnValue behind =
        table->digests ? dsn_blob(cursor->digest, cursor->digest_len) : dsn_int(cursor->number);
    int64_t count = 0;
    DsnDb *db = dsn_spool_reader(spool, error);

    if (db == NULL)
        return -1;
    DsnQuery *query = dsn_db_query(db, table->read, DSN_VALUES(behind, dsn_int(CHUNK)));
    for (*ret_rows = 0; dsn_query_next(db, query, &failure); ++*ret_rows) {
        Victim victim = {.number = sqlite3_column_int64(query, 0)};
        const DsnSpan text = column_span(query, 1);

        if (table->digests) {
            const DsnSpan digest = column_span(query, 0);

            memcpy(victim.digest, digest.data, MIN(digest.len, sizeof victim.digest));
            memcpy(cursor->digest, victim.digest, sizeof cursor->digest);
            cursor->digest_len = sizeof cursor->digest;
        }
        cursor->number = victim.number;
        if (!dsn_erase_names(text, address))
            continue;
        victim.text = table->rewrite == NULL ? NULL : g_string_sized_new(text.len);
        count += table->rewrite == NULL ? 1 : table->rewrite(text, address, victim.text);
        g_array_append_val(victims, victim);
    }
    dsn_query_end(query);
    dsn_spool_reader_done(spool, db, failure);
    if (failure == NULL)
        return count;
    g_propagate_error(error, g_steal_pointer(&failure));
    return -1;
}

static bool
erase_in(DsnSpool *spool, const Table *table, const char *address, guint64 *ret_count,
         GError **error)
{
    g_autoptr(GArray) victims = g_array_new(FALSE, FALSE, sizeof(Victim));
    Cursor cursor = {0};
    guint rows;

    g_array_set_clear_func(victims, clear_victim);
    do {
        EraseJob job = {
            .job = {.run = run_erase, .items = CHUNK},
            .table = table,
            .victims = victims,
        };
        int64_t count = find_victims(spool, table, address, &cursor, victims, &rows, error);

        if (count < 0 ||
            (victims->len > 0 && !dsn_spool_run_job(spool, DSN_LANE_WORK, &job.job, error)))
            return false;
        *ret_count += (guint64)count;
        g_array_set_size(victims, 0);
    } while (rows == CHUNK);
    return true;
}

/* The lines with those that name @address made as good as empty. Each stays as long as it was, for
 * the others are found by where they begin. Returns how many those are. */
static guint
rewrite_lines(DsnSpan lines, const char *address, GString *ret_text)
{
    guint count = 0;

    for (size_t start = 0; start < lines.len;) {
        const char *line = lines.data + start;
        const char *feed = memchr(line, '\n', lines.len - start);
        const size_t len = feed == NULL ? lines.len - start : (size_t)(feed - line);
        const char *space = memchr(line, ' ', len); /* behind the time */
        const size_t before = space == NULL ? 0 : (size_t)(space + 1 - line);

        if (dsn_erase_names((DsnSpan){line, len}, address)) {
            const char *event = len - before < strlen(ERASED) ? "" : ERASED;

            count++;
            g_string_append_len(ret_text, line, (gssize)before);
            g_string_append(ret_text, event);
            for (size_t i = before + strlen(event); i < len; i++)
                g_string_append_c(ret_text, ' ');
        } else {
            g_string_append_len(ret_text, line, (gssize)len);
        }
        if (feed != NULL)
            g_string_append_c(ret_text, '\n');
        start += len + (feed == NULL ? 0 : 1);
    }
    return count;
}

/* ---- entries ---- */

typedef struct Search {
    DsnSpool *spool;
    const char *address;
    GArray *entries; /* of int64_t */
    GError *error;
} Search;

/* What could not be read, and records that an outlet could not hand on. */
static bool
look_at_entry(const DsnQueueEntry *entry, gpointer user)
{
    Search *search = user;
    g_autoptr(GError) lost = NULL;

    if (g_str_equal(entry->kind, "notice"))
        return true;
    g_autoptr(GBytes) content = dsn_spool_content(search->spool, entry->entry, &lost);
    if (content == NULL) {
        if (!g_error_matches(lost, DSN_SPOOL_ERROR, DSN_SPOOL_ERROR_NONE))
            g_propagate_error(&search->error, g_steal_pointer(&lost));
        return search->error == NULL;
    }
    gsize len;
    const char *bytes = g_bytes_get_data(content, &len);
    if (dsn_erase_names((DsnSpan){bytes == NULL ? "" : bytes, len}, search->address))
        g_array_append_val(search->entries, entry->entry);
    return true;
}

static bool
erase_entries(DsnSpool *spool, const char *address, guint64 *ret_count, GError **error)
{
    g_autoptr(GArray) entries = g_array_new(FALSE, FALSE, sizeof(int64_t));
    Search search = {spool, address, entries, NULL};
    const DsnQueueFilter all = {0};
    const DsnQueueFilter to_it = {.recipient = address};
    int64_t count = dsn_spool_drop(spool, &to_it, error);

    if (count < 0)
        return false;
    *ret_count += (guint64)count;
    if (!dsn_spool_list(spool, &all, look_at_entry, &search, error))
        return false;
    if (search.error != NULL) {
        g_propagate_error(error, search.error);
        return false;
    }
    for (guint i = 0; i < entries->len; i++) {
        const DsnQueueFilter one = {.entry = g_array_index(entries, int64_t, i)};

        count = dsn_spool_drop(spool, &one, error);
        if (count < 0)
            return false;
        *ret_count += (guint64)count;
    }
    return true;
}

bool
dsn_spool_erase(DsnSpool *spool, const char *address, DsnErased *ret_erased, GError **error)
{
    static const Table records = {.read = DSN_SQL_RECORDS_BEHIND, .erase = DSN_SQL_ERASE_RECORD};
    static const Table attempts = {
        .read = DSN_SQL_ATTEMPTS_BEHIND, .erase = DSN_SQL_ERASE_ATTEMPT, .digests = true};
    static const Table history = {
        .read = DSN_SQL_HISTORY_BEHIND, .erase = DSN_SQL_ERASE_HISTORY, .rewrite = rewrite_lines};

    *ret_erased = (DsnErased){0};
    /* history last: what is dropped is noted there */
    return erase_entries(spool, address, &ret_erased->entries, error) &&
           erase_in(spool, &records, address, &ret_erased->records, error) &&
           erase_in(spool, &attempts, address, &ret_erased->attempts, error) &&
           erase_in(spool, &history, address, &ret_erased->history, error);
}
