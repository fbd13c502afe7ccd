/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/spool-private.h"

#include "filter/core/json-writer.h"

/* ---- keys ---- */

static int
compare_keys(gconstpointer a, gconstpointer b)
{
    return memcmp(((const DsnKey *)a)->digest, ((const DsnKey *)b)->digest, 16);
}

/* Sorts @keys and takes out what is there twice: that they are a set is relied on below. */
static void
make_set(GArray *keys)
{
    guint kept = 0;

    g_array_sort(keys, compare_keys);
    for (guint i = 0; i < keys->len; i++) {
        DsnKey *all = (DsnKey *)(void *)keys->data;

        if (kept == 0 || compare_keys(&all[kept - 1], &all[i]) != 0)
            all[kept++] = all[i];
    }
    g_array_set_size(keys, kept);
}

/* The entry that @key belongs to; 0 when it is not stored. */
static bool
find_key(DsnSpool *spool, const DsnKey *key, int64_t *ret_entry, GError **error)
{
    g_autoptr(GError) failure = NULL;
    g_autoptr(DsnQuery) query =
        dsn_db_query(spool->writer, DSN_SQL_HAS_NOTICE, DSN_VALUES(dsn_blob(key->digest, 16)));

    *ret_entry =
        dsn_query_next(spool->writer, query, &failure) ? sqlite3_column_int64(query, 0) : 0;
    if (failure == NULL)
        return true;
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

/* True with *@ret_found if one of @keys is stored. */
static bool
find_any(DsnSpool *spool, const GArray *keys, bool *ret_found, GError **error)
{
    int64_t entry = 0;

    for (guint i = 0; i < keys->len && entry == 0; i++)
        if (!find_key(spool, &g_array_index(keys, DsnKey, i), &entry, error))
            return false;
    *ret_found = entry != 0;
    return true;
}

/* ---- contents ---- */

/* @bytes is NULL for what is in a file, @sources for what is not made again. */
static bool
set_content(DsnSpool *spool, int64_t entry, GBytes *bytes, GBytes *sources, GError **error)
{
    gsize size = 0;
    gsize sources_size = 0;
    const void *data = bytes == NULL ? NULL : g_bytes_get_data(bytes, &size);
    const void *lines = sources == NULL ? NULL : g_bytes_get_data(sources, &sources_size);

    return dsn_db_run(spool->writer, DSN_SQL_SET_CONTENT,
                      DSN_VALUES(dsn_int(entry), dsn_blob(data == NULL ? "" : data, size),
                                 dsn_blob(lines, sources_size)),
                      error);
}

/* The name of the file that holds the content of item @index; NULL for none. */
static const char *
file_of(const DsnDepositJob *deposit, guint index)
{
    return deposit->files == NULL ? NULL : dsn_large_name(deposit->files->pdata[index]);
}

/* From now on the file is the spool's. */
static void
keep_file(DsnDepositJob *deposit, guint index, GBytes *bytes)
{
    if (file_of(deposit, index) == NULL)
        return;
    deposit->large += (int64_t)g_bytes_get_size(bytes);
    g_ptr_array_add(deposit->kept, g_steal_pointer(&deposit->files->pdata[index]));
}

/* ---- notices that may be made again ---- */

static bool
has_group(const DsnSpoolNotice *notice)
{
    static const guint8 none[16];

    return notice->sources != NULL && g_bytes_get_size(notice->sources) > 0 &&
           g_bytes_get_size(notice->sources) <= DSN_SOURCES_MAX &&
           memcmp(notice->group.digest, none, sizeof none) != 0;
}

/* The group as it is stored. */
static DsnValue
group_of(const DsnSpoolNotice *notice)
{
    return has_group(notice) ? dsn_blob(notice->group.digest, 16) : dsn_text(NULL);
}

/* The content of @notice, unless it is in @file, and what it can be made again of. */
static bool
set_notice_content(DsnSpool *spool, int64_t entry, const DsnSpoolNotice *notice, const char *file,
                   GError **error)
{
    GBytes *sources = has_group(notice) ? notice->sources : NULL;

    if (file == NULL || sources != NULL)
        return set_content(spool, entry, file == NULL ? notice->bytes : NULL, sources, error);
    return notice->replaces == 0 ||
           dsn_db_run(spool->writer, DSN_SQL_REMOVE_CONTENT, DSN_VALUES(dsn_int(entry)), error);
}

/* True with *@ret_open if a notice of the same group is there that @notice could have replaced. */
static bool
find_open(DsnSpool *spool, const DsnSpoolNotice *notice, bool *ret_open, GError **error)
{
    *ret_open = false;
    if (!has_group(notice))
        return true;

    g_autoptr(GError) failure = NULL;
    g_autoptr(DsnQuery) query =
        dsn_db_query(spool->writer, DSN_SQL_OPEN_OF_GROUP, DSN_VALUES(group_of(notice)));
    *ret_open = dsn_query_next(spool->writer, query, &failure) &&
                sqlite3_column_int64(query, 0) >
                    dsn_spool_watermark(spool, (const char *)sqlite3_column_text(query, 1));
    if (failure == NULL)
        return true;
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

/* What is to be replaced. */
typedef struct Replaced {
    bool open;
    guint keys;
    int64_t size;
    char *file;
    char *record_id;
} Replaced;

static void
replaced_clear(Replaced *replaced)
{
    g_free(replaced->file);
    g_free(replaced->record_id);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Replaced, replaced_clear)

static bool
find_replaced(DsnSpool *spool, const DsnSpoolNotice *notice, Replaced *ret_replaced, GError **error)
{
    g_autoptr(GError) failure = NULL;
    g_autoptr(DsnQuery) query =
        dsn_db_query(spool->writer, DSN_SQL_OPEN_VERSION,
                     DSN_VALUES(dsn_int(notice->replaces), dsn_int(notice->version)));

    *ret_replaced = (Replaced){
        .open = dsn_query_next(spool->writer, query, &failure) &&
                notice->replaces >
                    dsn_spool_watermark(spool, (const char *)sqlite3_column_text(query, 4))};
    if (failure != NULL) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
    }
    if (!ret_replaced->open)
        return true;
    ret_replaced->keys = (guint)sqlite3_column_int(query, 0);
    ret_replaced->size = sqlite3_column_int64(query, 1);
    ret_replaced->file = g_strdup((const char *)sqlite3_column_text(query, 2));
    ret_replaced->record_id = g_strdup((const char *)sqlite3_column_text(query, 3));
    return true;
}

static bool
add_key(DsnSpool *spool, const DsnKey *key, int64_t entry, int64_t now, GError **error)
{
    return dsn_db_run(spool->writer, DSN_SQL_ADD_NOTICE,
                      DSN_VALUES(dsn_blob(key->digest, 16), dsn_int(now), dsn_int(entry)), error);
}

/* The keys of @notice that are not stored yet (transfer full), if those that are belong to the
 * entry that it replaces and are all of it has; else *@ret_fits is false: somebody's notice would
 * vanish. */
static bool
find_new_keys(DsnSpool *spool, const DsnSpoolNotice *notice, guint had, GArray **ret_keys,
              bool *ret_fits, GError **error)
{
    guint own = 0;

    *ret_keys = g_array_new(FALSE, FALSE, sizeof(DsnKey));
    *ret_fits = true;
    for (guint i = 0; i < notice->keys->len; i++) {
        const DsnKey *key = &g_array_index(notice->keys, DsnKey, i);
        int64_t entry;

        if (!find_key(spool, key, &entry, error))
            return false;
        if (entry == 0)
            g_array_append_vals(*ret_keys, key, 1);
        else if (entry == notice->replaces)
            own++;
        else
            *ret_fits = false;
    }
    *ret_fits = *ret_fits && own == had;
    return true;
}

static bool
write_replacement(DsnSpool *spool, DsnDepositJob *deposit, guint index, const GArray *new_keys,
                  int64_t now, GError **error)
{
    const DsnSpoolNotice *notice = g_array_index(deposit->deposit.items, DsnItem, index).notice;
    const char *file = file_of(deposit, index);

    if (!dsn_db_run(spool->writer, DSN_SQL_REPLACE_ENTRY,
                    DSN_VALUES(dsn_int(notice->replaces), dsn_int(notice->eight_bit),
                               dsn_int(notice->utf8), dsn_int(notice->has_original),
                               dsn_int((int64_t)g_bytes_get_size(notice->bytes)), dsn_text(file),
                               dsn_int(notice->keys->len), group_of(notice),
                               dsn_int(notice->requiretls)),
                    error) ||
        !set_notice_content(spool, notice->replaces, notice, file, error))
        return false;
    for (guint i = 0; i < new_keys->len; i++)
        if (!add_key(spool, &g_array_index(new_keys, DsnKey, i), notice->replaces, now, error))
            return false;
    return true;
}

/* Puts the notice of an item in the place of an open one. *@ret_record_id (transfer full) is the
 * record of that one; NULL when it is open no more, or not as it was. */
static bool
replace(DsnSpool *spool, DsnDepositJob *deposit, guint index, int64_t now, char **ret_record_id,
        GError **error)
{
    const DsnSpoolNotice *notice = g_array_index(deposit->deposit.items, DsnItem, index).notice;
    g_auto(Replaced) replaced = {.open = false};
    g_autoptr(GArray) new_keys = NULL;
    bool fits;

    *ret_record_id = NULL;
    if (!find_replaced(spool, notice, &replaced, error))
        return false;
    if (!replaced.open)
        return true;
    if (!find_new_keys(spool, notice, replaced.keys, &new_keys, &fits, error))
        return false;
    if (!fits)
        return true;
    if (!write_replacement(spool, deposit, index, new_keys, now, error))
        return false;
    if (replaced.file != NULL) {
        g_ptr_array_add(deposit->replaced, dsn_large_path(spool, replaced.file));
        deposit->large -= replaced.size;
    }
    keep_file(deposit, index, notice->bytes);
    *ret_record_id =
        replaced.record_id == NULL ? g_strdup("") : g_steal_pointer(&replaced.record_id);
    return true;
}

static bool
add_notice(DsnSpool *spool, DsnDepositJob *deposit, guint index, int64_t now, int64_t *ret_entry,
           GError **error)
{
    const DsnSpoolNotice *notice = g_array_index(deposit->deposit.items, DsnItem, index).notice;
    const char *file = file_of(deposit, index);

    if (!dsn_db_run(spool->writer, DSN_SQL_ADD_ENTRY,
                    DSN_VALUES(dsn_int(DSN_ENTRY_NOTICE), dsn_int(0), dsn_int(now),
                               dsn_int(notice->keys->len), dsn_int(notice->eight_bit),
                               dsn_int(notice->utf8), dsn_int(notice->has_original),
                               dsn_int((int64_t)g_bytes_get_size(notice->bytes)),
                               dsn_text(notice->record_id), dsn_text(notice->record_type),
                               dsn_text(notice->recipient), dsn_text(NULL), dsn_text(file),
                               dsn_text(dsn_spool_relay_of(spool, notice->relay)),
                               dsn_text(notice->tenant), group_of(notice),
                               dsn_int(MIN(notice->due, now * G_USEC_PER_SEC + DSN_HOLD_MAX)),
                               dsn_int(notice->requiretls)),
                    error))
        return false;
    int64_t entry = sqlite3_last_insert_rowid(spool->writer->handle);
    if (!set_notice_content(spool, entry, notice, file, error))
        return false;
    for (guint i = 0; i < notice->keys->len; i++)
        if (!add_key(spool, &g_array_index(notice->keys, DsnKey, i), entry, now, error))
            return false;
    keep_file(deposit, index, notice->bytes);
    *ret_entry = entry;
    deposit->notices++;
    return true;
}

/* Where the lines about the subject of @row are in the stream. */
static void
put_positions(GString *text, const GArray *lines, const DsnHistory *row)
{
    int64_t first = 0, last = 0;

    for (guint i = 0; lines != NULL && i < lines->len; i++) {
        const DsnSpoolLine *line = &g_array_index(lines, DsnSpoolLine, i);

        if (line->subject == NULL || line->key != row->key || line->position == 0)
            continue;
        first = first == 0 ? line->position : first;
        last = line->position;
    }
    if (first == 0)
        return;
    dsn_json_key(text, "position");
    dsn_json_int(text, first);
    if (last == first)
        return;
    dsn_json_key(text, "last_position");
    dsn_json_int(text, last);
}

/* Adds what is remembered of an item; @entry is that of its notice (0: it has none) and @record_id
 * the record that the notice is known by. A row about another record says which one that is, so
 * that what becomes of the notice is found. */
static bool
add_history(DsnSpool *spool, const DsnItem *item, int64_t entry, const char *record_id,
            GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; item->history != NULL && i < item->history->len; i++) {
        const DsnHistory *row = &g_array_index(item->history, DsnHistory, i);

        g_string_assign(text, row->text);
        if (g_str_has_prefix(row->text, "\"event\":"))
            put_positions(text, item->lines, row);
        if (entry != 0) {
            dsn_json_key(text, "entry");
            dsn_json_int(text, entry);
        }
        if (entry != 0 && !g_str_equal(row->subject, record_id) &&
            !g_str_has_prefix(row->text, "\"see\":")) {
            dsn_json_key(text, "see");
            (void)dsn_json_string(text, dsn_span(record_id)); /* what is not UTF-8 is replaced */
        }
        if (!dsn_history_add(spool, row->key, text->str, error))
            return false;
    }
    return true;
}

static bool
add_lines(DsnSpool *spool, DsnDepositJob *deposit, const GArray *lines, GError **error)
{
    const int64_t now = dsn_spool_now(spool) / G_TIME_SPAN_SECOND;

    if (spool->outlets->len == 0) /* only this thread changes them */
        return true;
    for (guint i = 0; lines != NULL && i < lines->len; i++) {
        DsnSpoolLine *line = &g_array_index(lines, DsnSpoolLine, i);
        gsize size;
        const void *data = g_bytes_get_data(line->json, &size);

        if (!dsn_db_run(spool->writer, DSN_SQL_ADD_RECORD,
                        DSN_VALUES(dsn_text(dsn_record_type_to_string(line->type)),
                                   dsn_blob(data == NULL ? "" : data, size), dsn_int(now)),
                        error))
            return false;
        line->position = sqlite3_last_insert_rowid(spool->writer->handle);
        deposit->last_line = line->position;
    }
    return true;
}

static bool
has_event(DsnSpool *spool, const DsnKey *key, bool *ret_seen, GError **error)
{
    return dsn_db_has(spool->writer, DSN_SQL_HAS_EVENT,
                      DSN_VALUES(dsn_int(dsn_key_bucket(key)), dsn_blob(key->digest, 16)), ret_seen,
                      error);
}

static bool
add_event(DsnSpool *spool, const DsnKey *key, GError **error)
{
    return dsn_db_run(spool->writer, DSN_SQL_ADD_EVENT,
                      DSN_VALUES(dsn_int(dsn_key_bucket(key)), dsn_blob(key->digest, 16)), error);
}

/* What cannot be decided by the item alone: *@ret_result is STORED when nothing speaks against it.
 */
static bool
check_event(DsnSpool *spool, const DsnItem *item, bool *ret_seen, DsnItemResult *ret_result,
            GError **error)
{
    bool found = false;
    bool also = false;
    bool open = false;

    if (!has_event(spool, &item->key, ret_seen, error))
        return false;
    for (guint i = 0; item->also != NULL && i < item->also->len && !also; i++)
        if (!has_event(spool, &g_array_index(item->also, DsnKey, i), &also, error))
            return false;
    bool several = item->also != NULL && item->also->len > 0;
    if (also || (*ret_seen && several && !item->known)) {
        *ret_result = DSN_ITEM_CONFLICT;
        return true;
    }
    *ret_result = *ret_seen && !item->known ? DSN_ITEM_DUPLICATE : DSN_ITEM_STORED;
    if (*ret_result != DSN_ITEM_STORED || item->notice == NULL || item->notice->replaces != 0)
        return true;
    if (!find_any(spool, item->notice->keys, &found, error) ||
        (!found && !find_open(spool, item->notice, &open, error)))
        return false;
    if (found || open)
        *ret_result = DSN_ITEM_CONFLICT;
    return true;
}

/* The keys, the lines and the history of an item of which the notice is stored. */
static bool
finish_event(DsnSpool *spool, DsnDepositJob *deposit, const DsnItem *item, bool seen, int64_t entry,
             const char *record_id, GError **error)
{
    if (!seen && !add_event(spool, &item->key, error))
        return false;
    for (guint i = 0; item->also != NULL && i < item->also->len; i++)
        if (!add_event(spool, &g_array_index(item->also, DsnKey, i), error))
            return false;
    return add_lines(spool, deposit, item->lines, error) &&
           add_history(spool, item, entry, record_id, error);
}

static bool
store_event(DsnSpool *spool, DsnDepositJob *deposit, guint index, int64_t now, GError **error)
{
    DsnItem *item = &g_array_index(deposit->deposit.items, DsnItem, index);
    const DsnSpoolNotice *notice = item->notice;
    g_autofree char *record_id = NULL;
    int64_t entry = 0;
    bool seen;

    if (notice != NULL)
        make_set(notice->keys);
    if (item->also != NULL)
        make_set(item->also);
    if (!check_event(spool, item, &seen, &item->result, error))
        return false;
    if (item->result != DSN_ITEM_STORED)
        return true;
    if (notice != NULL && notice->replaces != 0) {
        if (!replace(spool, deposit, index, now, &record_id, error))
            return false;
        entry = notice->replaces;
        item->result = record_id == NULL ? DSN_ITEM_CONFLICT
                       : seen            ? DSN_ITEM_MERGED
                                         : DSN_ITEM_STORED;
        if (record_id == NULL)
            return true;
    } else if (notice != NULL) {
        record_id = g_strdup(notice->record_id);
        if (!add_notice(spool, deposit, index, now, &entry, error))
            return false;
    }
    return finish_event(spool, deposit, item, seen, entry, record_id, error);
}

static bool
store_message(DsnSpool *spool, DsnDepositJob *deposit, guint index, int64_t now, GError **error)
{
    DsnItem *item = &g_array_index(deposit->deposit.items, DsnItem, index);
    bool seen;

    if (!dsn_db_has(spool->writer, DSN_SQL_HAS_MESSAGE, DSN_VALUES(dsn_blob(item->key.digest, 16)),
                    &seen, error))
        return false;
    item->result = seen ? DSN_ITEM_DUPLICATE : DSN_ITEM_STORED;
    return seen || (dsn_db_run(spool->writer, DSN_SQL_ADD_MESSAGE,
                               DSN_VALUES(dsn_blob(item->key.digest, 16), dsn_int(now)), error) &&
                    add_lines(spool, deposit, item->lines, error) &&
                    add_history(spool, item, 0, NULL, error));
}

static bool
store_rejected(DsnSpool *spool, DsnDepositJob *deposit, guint index, int64_t now, GError **error)
{
    DsnItem *item = &g_array_index(deposit->deposit.items, DsnItem, index);
    const char *file = file_of(deposit, index);

    if (!dsn_db_run(spool->writer, DSN_SQL_ADD_ENTRY,
                    DSN_VALUES(dsn_int(DSN_ENTRY_REJECTED), dsn_int(1), dsn_int(now), dsn_int(0),
                               dsn_int(0), dsn_int(0), dsn_int(0),
                               dsn_int((int64_t)g_bytes_get_size(item->rejected)), dsn_text(NULL),
                               dsn_text(NULL), dsn_text(NULL), dsn_text(item->reason),
                               dsn_text(file), dsn_text(DSN_DEFAULT_RELAY), dsn_text(NULL),
                               dsn_text(NULL), dsn_int(0), dsn_int(0)),
                    error) ||
        (file == NULL && !set_content(spool, sqlite3_last_insert_rowid(spool->writer->handle),
                                      item->rejected, NULL, error)))
        return false;
    keep_file(deposit, index, item->rejected);
    deposit->dead++;
    item->result = DSN_ITEM_STORED;
    return add_history(spool, item, 0, NULL, error);
}

static bool
store_memory(DsnSpool *spool, DsnDepositJob *deposit, guint index, int64_t now, GError **error)
{
    DsnItem *item = &g_array_index(deposit->deposit.items, DsnItem, index);

    item->result = DSN_ITEM_STORED;
    return (item->attempt == NULL ||
            dsn_attempt_store(spool, &item->key, item->attempt, now, error)) &&
           add_lines(spool, deposit, item->lines, error) &&
           add_history(spool, item, 0, NULL, error);
}

bool
dsn_item_store(DsnSpool *spool, DsnDepositJob *deposit, guint index, int64_t now, GError **error)
{
    switch (g_array_index(deposit->deposit.items, DsnItem, index).kind) {
    case DSN_ITEM_EVENT:
        return store_event(spool, deposit, index, now, error);
    case DSN_ITEM_MESSAGE:
        return store_message(spool, deposit, index, now, error);
    case DSN_ITEM_HISTORY:
    case DSN_ITEM_ATTEMPT:
        return store_memory(spool, deposit, index, now, error);
    case DSN_ITEM_REJECTED:
    default:
        return store_rejected(spool, deposit, index, now, error);
    }
}
