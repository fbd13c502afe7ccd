/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/json-writer.h"
#include "filter/pipeline/taking.h"
#include "mime/header.h"

/* Recipients of one attempt for whom it is remembered. */
#define ATTEMPTS_MAX 100

/* ---- attempts ---- */

void
dsn_taking_add_attempts(DsnTaking *taking, const DsnRecord *record)
{
    GString *line = g_string_sized_new(1024);

    dsn_json_tree(line, record->json);
    g_autoptr(GBytes) bytes = g_string_free_to_bytes(line);
    for (size_t i = 0; i < MIN(record->n_recipients, ATTEMPTS_MAX); i++) {
        const DsnItem item = {.kind = DSN_ITEM_ATTEMPT,
                              .key = dsn_attempt_key(record, record->recipients[i]),
                              .attempt = g_bytes_ref(bytes)};

        g_hash_table_replace(taking->attempts, g_memdup2(&item.key, sizeof(item.key)),
                             g_bytes_ref(bytes));
        dsn_taking_add_unit(taking, &item, dsn_unit_new(), g_bytes_get_size(bytes));
    }
}

/* The last attempt for the first recipient of @record that is known (transfer full), or NULL. */
static DsnRecord *
find_last_failure(const DsnTaking *taking, const DsnRecord *record)
{
    const DsnKey key = dsn_attempt_key(record, record->recipients[0]);
    GBytes *bytes = g_hash_table_lookup(taking->attempts, &key);
    g_autofree char *text = NULL;
    DsnSpan line;

    if (bytes != NULL) {
        line.data = g_bytes_get_data(bytes, &line.len);
    } else {
        text = dsn_spool_last_attempt(taking->the_case.pipeline->spool, &key);
        line = dsn_span(text);
    }
    return dsn_span_present(line) ? dsn_record_parse(line, line.len, NULL) : NULL;
}

bool
dsn_taking_was_delayed(const DsnTaking *taking, const DsnRecord *record, const DsnTenant *tenant)
{
    for (size_t i = 0; i < tenant->notice.n_delay_after; i++) {
        const DsnSaying delay = {.action = DSN_ACTION_DELAYED,
                                 .threshold = tenant->notice.delay_after[i]};

        for (size_t j = 0; j < record->n_recipients; j++) {
            DsnKey key = dsn_notice_key(record, record->recipients[j], &delay);

            if (dsn_spool_look_notice(taking->the_case.pipeline->spool, &key) != DSN_SEEN_NOT)
                return true;
        }
    }
    return false;
}

/* ---- joining a notice ---- */

static bool
has_group(const DsnChunk *chunk, const DsnKey *group)
{
    return chunk != NULL && g_hash_table_contains(chunk->groups, group);
}

static bool
has_event(const DsnItem *item, const DsnKey *event)
{
    bool has = dsn_key_equal(&item->key, event);

    for (guint i = 0; !has && item->also != NULL && i < item->also->len; i++)
        has = dsn_key_equal(&g_array_index(item->also, DsnKey, i), event);
    return has;
}

/* Lets go of what @from holds in favour of *@to. */
static void
move_lines(GArray **to, GArray **from)
{
    if (*from == NULL)
        return;
    if (*to == NULL) {
        *to = g_steal_pointer(from);
        return;
    }
    g_array_append_vals(*to, (*from)->data, (*from)->len);
    g_array_set_clear_func(*from, NULL);
    g_clear_pointer(from, g_array_unref);
}

/* Takes the recipients out of @record that have this notice. False, and all stay, when none is
 * left. */
static bool
keep_recipients(const DsnTaking *taking, DsnRecord *record, const DsnSaying *saying)
{
    g_autofree bool *keep = g_new(bool, record->n_recipients);
    size_t count = 0;

    for (size_t i = 0; i < record->n_recipients; i++) {
        DsnKey key = dsn_notice_key(record, record->recipients[i], saying);

        keep[i] = dsn_spool_look_notice(taking->the_case.pipeline->spool, &key) == DSN_SEEN_NOT;
        count += keep[i];
    }
    if (count > 0 && count < record->n_recipients)
        dsn_record_keep_recipients(record, keep);
    return count > 0 || record->n_recipients == 0;
}

/* The unit of the chunk that @due has its group in, or NULL; *@ret_item is its item. */
static DsnUnit *
find_unit(const DsnTaking *taking, const DsnDue *due, DsnItem **ret_item)
{
    DsnChunk *chunk = taking->chunk;

    if (due->pending->alone || !has_group(chunk, &due->group))
        return NULL;
    guint place = GPOINTER_TO_UINT(g_hash_table_lookup(chunk->groups, &due->group));
    *ret_item = &g_array_index(chunk->deposit->items, DsnItem, place);
    return chunk->units->pdata[place];
}

static void
join_unit(DsnTaking *taking, DsnDue *due, DsnUnit *unit, DsnItem *item)
{
    if (item->also == NULL)
        item->also = g_array_new(FALSE, FALSE, sizeof(DsnKey));
    g_array_append_val(item->also, due->item->key);
    move_lines(&item->lines, &due->item->lines);
    dsn_draft_add(unit->draft, due->element);
    g_array_append_vals(unit->pending, due->pending, 1);
    *due->pending = (DsnPending){.index = 0};
    taking->chunk->bytes += due->bytes;
}

static void
start_unit(DsnTaking *taking, DsnDue *due, DsnDraft *draft, bool admitted)
{
    DsnUnit *unit = dsn_unit_new();

    unit->draft = draft;
    unit->admitted = admitted;
    if (due->pending->known) {
        dsn_draft_add_original(draft, due->element);
        g_clear_pointer(&due->item->lines, g_array_unref); /* the outlets have them from before */
    } else {
        dsn_draft_add(draft, due->element);
    }
    due->item->known = due->pending->known;
    g_array_append_vals(unit->pending, due->pending, 1);
    *due->pending = (DsnPending){.index = 0};
    dsn_taking_add_unit(taking, due->item, unit, due->bytes);
    due->item->lines = NULL;
}

/* To a notice that waits in the spool. False if none does, or if it has no room; *@ret_there tells.
 */
static bool
join_open(DsnTaking *taking, DsnDue *due, bool *ret_there)
{
    g_auto(DsnOpenNotice) open = {.entry = 0};

    *ret_there = dsn_spool_look_open(taking->the_case.pipeline->spool, &due->group, &open);
    if (!*ret_there || (due->pending->known && open.has_original))
        return false;
    g_autoptr(DsnDraft) draft = dsn_draft_new(due->tenant, &due->saying, due->sender, &due->group);
    if (!dsn_draft_continue(draft, &open) ||
        (!due->pending->known && !dsn_draft_has_room(draft, due->element->record)))
        return false;
    start_unit(taking, due, g_steal_pointer(&draft), false);
    return true;
}

/* A notice of its own; it stands alone if there is one that it has no room in, but others may. */
static DsnReason
start_notice(DsnTaking *taking, DsnDue *due, bool alone)
{
    static const DsnKey none;
    DsnRecord *record = due->element->record;
    DsnDraft *draft;

    due->pending->rate = dsn_case_admit(&taking->the_case, due->tenant, due->sender);
    if (due->pending->rate != NULL)
        return DSN_REASON_RATE_LIMITED;
    draft = dsn_draft_new(due->tenant, &due->saying, due->sender, alone ? &none : &due->group);
    if (due->saying.action == DSN_ACTION_FAILED && record->type == DSN_RECORD_EXPIRATION)
        draft->last_failure = find_last_failure(taking, record);
    start_unit(taking, due, draft, true);
    return DSN_REASON_NONE;
}

static bool
brings_original(const DsnDue *due)
{
    return due->element->has_original && due->tenant->notice.include_original != DSN_RETURN_NOTHING;
}

/* What the writer has not committed cannot be looked up. */
static void
finish_group(DsnTaking *taking, const DsnKey *group)
{
    for (GList *link = taking->waiting.head; link != NULL;) {
        if (has_group(link->data, group)) {
            dsn_taking_finish_chunk(taking); /* those before it, too */
            link = taking->waiting.head;
        } else {
            link = link->next;
        }
    }
}

/* An event that came before can only bring the original that was missing. */
static DsnReason
join_again(DsnTaking *taking, DsnDue *due, DsnUnit *unit)
{
    bool there;

    if (!brings_original(due))
        return DSN_REASON_DUPLICATE;
    if (unit == NULL)
        return join_open(taking, due, &there) ? DSN_REASON_NONE : DSN_REASON_DUPLICATE;
    dsn_draft_add_original(unit->draft, due->element);
    return DSN_REASON_DUPLICATE;
}

DsnReason
dsn_taking_join_notice(DsnTaking *taking, DsnDue *due)
{
    bool apart = false;
    DsnItem *item = NULL;

    finish_group(taking, &due->group);
    DsnUnit *unit = find_unit(taking, due, &item);
    /* It may be this very event that somebody else has brought in the meantime. */
    due->pending->known |= (unit != NULL && has_event(item, &due->item->key)) ||
                           dsn_taking_was_seen(taking, &due->item->key);
    if (due->pending->known)
        return join_again(taking, due, unit);
    if (!keep_recipients(taking, due->element->record, &due->saying) ||
        (unit != NULL && !dsn_draft_keep_others(unit->draft, due->element->record)))
        return DSN_REASON_DUPLICATE;
    if (unit != NULL && dsn_draft_has_room(unit->draft, due->element->record)) {
        join_unit(taking, due, unit, item);
        return DSN_REASON_NONE;
    }
    if (!due->pending->alone && unit == NULL && join_open(taking, due, &apart))
        return DSN_REASON_NONE;
    if (unit != NULL)
        apart = !dsn_draft_is_full(unit->draft);
    return start_notice(taking, due, due->pending->alone || apart);
}

/* ---- notices ---- */

/* What can be asked for later: the events, the notice by its Message-ID, and the original by its.
 */
static GArray *
make_history(const DsnTaking *taking, const DsnUnit *unit, DsnSpan message_id)
{
    const DsnDraft *draft = unit->draft;
    const DsnRecord *first = draft->records->pdata[0];
    DsnVerdict verdict = {.tenant = draft->tenant, .decision = {.action = draft->saying.action}};
    GArray *histories = dsn_histories_new();
    guint n_new = 0, at;

    for (guint i = 0; i < unit->pending->len; i++)
        n_new += !g_array_index(unit->pending, DsnPending, i).known;
    at = draft->records->len - n_new;
    for (guint i = 0; i < unit->pending->len; i++) {
        const DsnPending *pending = &g_array_index(unit->pending, DsnPending, i);

        verdict.capture = pending->capture;
        if (!pending->known)
            dsn_history_add_event(histories, &taking->the_case, draft->records->pdata[at++],
                                  &verdict, draft->replaces == 0 ? "notice" : "merged", message_id);
    }
    if (n_new == 0)
        dsn_history_add_event(histories, &taking->the_case, first, &verdict, "merged", message_id);
    dsn_history_add_alias(histories, message_id, first->id);
    dsn_history_add_original(histories, first,
                             draft->has_original
                                 ? (DsnSpan){draft->original->str, draft->original->len}
                                 : DSN_SPAN_ABSENT);
    return histories;
}

/* Message-ID without angle brackets. */
static DsnSpan
message_id_of(GBytes *notice)
{
    gsize len;
    const char *data = g_bytes_get_data(notice, &len);
    DsnSpan id = dsn_span_trim(dsn_header_find((DsnSpan){data, len}, "Message-ID"));

    return id.len < 2 ? id : (DsnSpan){id.data + 1, id.len - 2};
}

static void
log_notice(const DsnTaking *taking, DsnUnit *unit, DsnSpan bytes)
{
    DsnPending *first = &g_array_index(unit->pending, DsnPending, 0);
    const DsnVerdict verdict = {.tenant = unit->draft->tenant};

    if (first->line.text == NULL && dsn_log_wanted(dsn_notice_level(&unit->notice)))
        dsn_case_log_begin(&taking->the_case, unit->draft->records->pdata[0], &verdict,
                           &first->line); /* worth a warning */
    for (guint i = 0; i < unit->pending->len; i++) {
        DsnPending *pending = &g_array_index(unit->pending, DsnPending, i);

        if (pending->line.text != NULL)
            dsn_case_log_notice(&pending->line, bytes, &unit->notice);
    }
}

static bool
make_notice(DsnTaking *taking, DsnUnit *unit, DsnItem *item, GError **error)
{
    GTimeSpan coalesce = taking->the_case.policy->configuration->coalesce;
    gsize len;

    item->notice = dsn_draft_make(
        unit->draft, taking->the_case.now,
        coalesce == 0 ? 0 : dsn_spool_now(taking->the_case.pipeline->spool) + coalesce,
        &unit->notice, error);
    if (item->notice == NULL)
        return false;
    const char *data = g_bytes_get_data(item->notice->bytes, &len);
    item->history = make_history(taking, unit, message_id_of(item->notice->bytes));
    log_notice(taking, unit, (DsnSpan){data, len});
    return true;
}

/* The records of @unit make no notice. What one of them spoils, the others may do without it. */
static void
take_apart(DsnTaking *taking, DsnUnit *unit, const char *why)
{
    bool several = unit->pending->len > 1 || unit->draft->replaces != 0;

    dsn_taking_give_back(taking, unit);
    for (guint i = 0; i < unit->pending->len; i++) {
        const DsnPending *pending = &g_array_index(unit->pending, DsnPending, i);

        if (several)
            dsn_taking_again(taking, pending, true);
        else
            dsn_taking_reject(taking, pending->element, pending->index, why);
    }
}

void
dsn_taking_make_notices(DsnTaking *taking, DsnChunk *chunk)
{
    for (guint i = 0; i < chunk->units->len;) {
        DsnUnit *unit = chunk->units->pdata[i];
        g_autoptr(GError) error = NULL;

        if (unit->draft == NULL ||
            make_notice(taking, unit, &g_array_index(chunk->deposit->items, DsnItem, i), &error)) {
            i++;
            continue;
        }
        g_hash_table_remove(chunk->groups, &unit->draft->group);
        (void)g_ptr_array_steal_index(chunk->units, i);
        g_array_remove_index(chunk->deposit->items, i);
        take_apart(taking, unit, error->message);
        dsn_unit_free(unit);
    }
}
