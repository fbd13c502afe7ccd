/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/draft.h"

#include "filter/core/number.h"
#include "mime/header.h"
#include "mime/lines.h"

/* Sources begin with a line "F12": whether an original is there ('F' all of it, 'H' its header, 'N'
 * none), whether the last failure is behind the records, and how many records there are. Then the
 * records, a line each, and the bytes of the original. */

DsnDraft *
dsn_draft_new(const DsnTenant *tenant, const DsnSaying *saying, const char *sender,
              const DsnKey *group)
{
    DsnDraft *draft = g_new0(DsnDraft, 1);

    draft->tenant = tenant;
    draft->saying = *saying;
    draft->sender = g_strdup(sender);
    draft->group = *group;
    draft->records = g_ptr_array_new_with_free_func((GDestroyNotify)dsn_record_free);
    return draft;
}

void
dsn_draft_free(DsnDraft *draft)
{
    if (draft == NULL)
        return;
    g_free(draft->sender);
    g_ptr_array_unref(draft->records);
    if (draft->original != NULL)
        (void)g_string_free(draft->original, TRUE);
    dsn_record_free(draft->last_failure);
    g_free(draft);
}

static void
add_record(DsnDraft *draft, DsnRecord *record)
{
    draft->n_recipients += record->n_recipients;
    g_ptr_array_add(draft->records, record);
}

/* ---- sources ---- */

static GBytes *
write_sources(const DsnDraft *draft)
{
    GString *sources = g_string_sized_new(2048);

    g_string_append_printf(sources, "%c%d%u\n",
                           !draft->has_original ? 'N'
                           : draft->cut         ? 'H'
                                                : 'F',
                           draft->last_failure != NULL, draft->records->len);
    for (guint i = 0; i < draft->records->len; i++)
        dsn_record_write(draft->records->pdata[i], sources);
    if (draft->last_failure != NULL)
        dsn_record_write(draft->last_failure, sources);
    if (draft->has_original)
        g_string_append_len(sources, draft->original->str, (gssize)draft->original->len);
    return g_string_free_to_bytes(sources);
}

/* An absent span at the end. */
static DsnSpan
read_line(DsnSpan *text)
{
    const char *feed = text->len == 0 ? NULL : memchr(text->data, '\n', text->len);
    DsnSpan line = {text->data, feed == NULL ? 0 : (size_t)(feed - text->data)};

    if (feed == NULL)
        return DSN_SPAN_ABSENT;
    *text = dsn_span_from(*text, line.len + 1);
    return line;
}

static DsnRecord *
read_record(DsnSpan *text)
{
    DsnSpan line = read_line(text);

    return dsn_record_parse(line, line.len, NULL);
}

bool
dsn_draft_continue(DsnDraft *draft, const DsnOpenNotice *open)
{
    DsnSpan text = DSN_SPAN_ABSENT;
    guint64 n_records = 0;
    DsnRecord *record;

    if (open->sources != NULL)
        text.data = g_bytes_get_data(open->sources, &text.len);
    DsnSpan head = read_line(&text);
    g_autofree char *number = head.len < 3 ? NULL : dsn_span_dup(dsn_span_from(head, 2));
    if (number == NULL || !dsn_number_read(number, 10, 1, DSN_DRAFT_RECIPIENTS, &n_records))
        return false;
    for (guint64 i = 0; i < n_records; i++) {
        if ((record = read_record(&text)) == NULL)
            return false;
        add_record(draft, record);
    }
    if (head.data[1] == '1' && (draft->last_failure = read_record(&text)) == NULL)
        return false;
    draft->has_original = head.data[0] != 'N';
    draft->cut = head.data[0] == 'H';
    if (draft->has_original)
        draft->original = g_string_new_len(text.data, (gssize)text.len);
    draft->replaces = open->entry;
    draft->version = open->version;
    return true;
}

/* ---- collecting ---- */

bool
dsn_draft_is_full(const DsnDraft *draft)
{
    return draft->n_recipients >= DSN_DRAFT_RECIPIENTS;
}

bool
dsn_draft_has_room(const DsnDraft *draft, const DsnRecord *record)
{
    return draft->n_recipients + record->n_recipients <= DSN_DRAFT_RECIPIENTS;
}

static bool
has_recipient(const DsnDraft *draft, const char *recipient)
{
    for (guint i = 0; i < draft->records->len; i++) {
        const DsnRecord *record = draft->records->pdata[i];

        for (size_t j = 0; j < record->n_recipients; j++)
            if (strcmp(record->recipients[j], recipient) == 0)
                return true;
    }
    return false;
}

bool
dsn_draft_keep_others(const DsnDraft *draft, DsnRecord *record)
{
    g_autofree bool *keep = g_new(bool, record->n_recipients);
    size_t count = 0;

    for (size_t i = 0; i < record->n_recipients; i++) {
        keep[i] = !has_recipient(draft, record->recipients[i]);
        count += keep[i];
    }
    if (count > 0 && count < record->n_recipients)
        dsn_record_keep_recipients(record, keep);
    return count > 0;
}

void
dsn_draft_add_original(DsnDraft *draft, DsnElement *element)
{
    DsnSpan body;

    if (draft->has_original || !element->has_original)
        return;
    draft->has_original = true;
    draft->cut = element->only_header;
    draft->original = g_steal_pointer(&element->original);
    element->has_original = false;
    /* No more is kept than can be returned, and not for long. */
    if (draft->original->len <= draft->tenant->notice.return_limit)
        return;
    (void)dsn_header_split((DsnSpan){draft->original->str, draft->original->len}, &body);
    draft->cut = true;
    g_string_truncate(draft->original, draft->original->len - body.len);
}

void
dsn_draft_add(DsnDraft *draft, DsnElement *element)
{
    dsn_draft_add_original(draft, element);
    add_record(draft, g_steal_pointer(&element->record));
}

/* ---- making ---- */

static GArray *
keys_of(const DsnDraft *draft)
{
    GArray *keys = g_array_new(FALSE, FALSE, sizeof(DsnKey));

    for (guint i = 0; i < draft->records->len; i++) {
        const DsnRecord *record = draft->records->pdata[i];

        for (size_t j = 0; j < record->n_recipients; j++) {
            const DsnKey key = dsn_notice_key(record, record->recipients[j], &draft->saying);
            g_array_append_val(keys, key);
        }
    }
    return keys;
}

/* More may come: other recipients, or the original. */
static bool
can_grow(const DsnDraft *draft, int64_t due)
{
    return !dsn_draft_is_full(draft) && (due > 0 || !draft->has_original);
}

DsnSpoolNotice *
dsn_draft_make(const DsnDraft *draft, int64_t now, int64_t due, DsnNotice *ret_notice,
               GError **error)
{
    const DsnRecord *first = draft->records->pdata[0];
    DsnNoticeOptions options = draft->tenant->notice;
    g_autoptr(GString) bytes = g_string_sized_new(8192);
    DsnNoticeRequest request = {
        .options = &options,
        .records = (DsnRecord *const *)draft->records->pdata,
        .n_records = draft->records->len,
        .original = draft->has_original ? (DsnSpan){draft->original->str, draft->original->len}
                                        : DSN_SPAN_ABSENT,
        .action = draft->saying.action,
        .late = draft->saying.late,
        .threshold = draft->saying.threshold,
        .last_failure = draft->last_failure,
        .now = now,
    };

    if (draft->cut && draft->original->len > 0) /* so that the header never passes for all of it */
        options.return_limit = draft->original->len - 1;
    if (!dsn_notice_build(&request, bytes, ret_notice, error))
        return NULL;

    DsnSpoolNotice *notice = dsn_spool_notice_new();
    notice->record_id = g_strdup(first->id);
    notice->record_type = g_strdup(first->type_name);
    notice->recipient = g_strdup(draft->sender);
    notice->bytes = g_string_free_to_bytes(g_steal_pointer(&bytes));
    g_array_unref(notice->keys);
    notice->keys = keys_of(draft);
    notice->eight_bit = ret_notice->built.eight_bit;
    notice->requiretls = ret_notice->requiretls;
    notice->utf8 = ret_notice->built.utf8;
    notice->has_original = draft->has_original;
    notice->relay = g_strdup(draft->tenant->policy->relay);
    notice->tenant = g_strdup(draft->tenant->name);
    notice->due = due;
    if (can_grow(draft, due)) {
        notice->group = draft->group;
        notice->sources = write_sources(draft);
    }
    notice->replaces = draft->replaces;
    notice->version = draft->version;
    return notice;
}
