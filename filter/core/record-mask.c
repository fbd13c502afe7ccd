/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/record-mask.h"

#include "mime/span.h"

#include <glib.h>

/* Longer local parts are masked where an address stands alone, but not looked for in texts: RFC
 * 5321 section 4.5.3.1.1 has 64. */
#define LOCAL_MAX 256

/* What is looked for, in lower case. */
typedef struct Names {
    GHashTable *locals;    /* a set of local parts */
    GHashTable *variables; /* a set of "local=domain", as VERP has them */
    bool lengths[LOCAL_MAX + 1];
} Names;

/* ---- which ---- */

/* Whether what stands at @key, anywhere in a record, are addresses that are not told: of the
 * recipient, and of whom a report is about. */
static bool
is_told_by(const char *key)
{
    static const char *const keys[] = {"recipient", "original_rcpto_to", "suppress", "redacted"};

    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (strcmp(keys[i], key) == 0)
            return true;
    }
    return false;
}

/* The local part of @text, in angle brackets or not; absent when it is no address. */
static DsnSpan
local_part(DsnSpan address)
{
    const char *at =
        address.len == 0 ? NULL : g_strrstr_len(address.data, (gssize)address.len, "@");

    if (at == NULL)
        return DSN_SPAN_ABSENT;
    if (address.data[0] == '<')
        address = dsn_span_from(address, 1);
    return (DsnSpan){address.data, (size_t)(at - address.data)};
}

static bool
is_domain(char c)
{
    return g_ascii_isalnum(c) || c == '-' || c == '.' || (c & 0x80) != 0;
}

static void
add_address(Names *names, DsnSpan address)
{
    DsnSpan local = local_part(address);

    if (local.len == 0 || local.len > LOCAL_MAX)
        return;
    char *name = g_ascii_strdown(local.data, (gssize)local.len);
    DsnSpan domain = {local.data + local.len + 1, 0};
    while (domain.data + domain.len < address.data + address.len &&
           is_domain(domain.data[domain.len]))
        domain.len++;
    g_autofree char *host = g_ascii_strdown(domain.data, (gssize)domain.len);
    (void)g_hash_table_add(names->variables, g_strconcat(name, "=", host, NULL));
    (void)g_hash_table_add(names->locals, name);
    names->lengths[local.len] = true;
}

/* Adds the addresses in @value. @told: it stands where they do. Trees that were read are no deeper
 * than jansson lets them be. */
static void
add_names(Names *names, const json_t *value, bool told)
{
    const char *key;
    json_t *member;
    size_t i;

    if (json_is_string(value) && told)
        add_address(names, (DsnSpan){json_string_value(value), json_string_length(value)});
    json_array_foreach(value, i, member)
    {
        add_names(names, member, told);
    }
    json_object_foreach((json_t *)value, key, member)
    {
        add_names(names, member, is_told_by(key) || (told && strcmp(key, "value") == 0));
    }
}

/* ---- where ---- */

static bool
is_word(char c)
{
    return g_ascii_isalnum(c) || c == '_' || c == '-' || c == '.' || c == '+' || (c & 0x80) != 0;
}

/* A text that is masked from its start to its end. */
typedef struct Work {
    DsnSpan text;
    char *lower; /* the same, where ends of what is looked up are set to NUL and back */
    size_t done; /* up to here it is in @masked */
    GString *masked;
} Work;

static void
mask(Work *work, size_t start, size_t end)
{
    g_string_append_len(work->masked, work->text.data + work->done, (gssize)(start - work->done));
    g_string_append(work->masked, DSN_MASK);
    work->done = end;
}

static bool
contains(const Work *work, GHashTable *set, size_t start, size_t end)
{
    char before = work->lower[end];

    work->lower[end] = '\0';
    bool found = strlen(work->lower + start) == end - start &&
                 g_hash_table_contains(set, work->lower + start);
    work->lower[end] = before;
    return found;
}

/* Masks the longest local part that ends at @end: in front of "@" as a word, in front of "=" and
 * its domain wherever it begins. */
static void
mask_before(Work *work, const Names *names, size_t end, bool variable)
{
    size_t behind = end;

    if (variable)
        for (behind++; behind < work->text.len && is_domain(work->text.data[behind]);)
            behind++;
    for (size_t len = MIN(end - work->done, LOCAL_MAX); len > 0; len--) {
        size_t start = end - len;

        if (!names->lengths[len] || (!variable && start > 0 && is_word(work->text.data[start - 1])))
            continue;
        if (variable ? contains(work, names->variables, start, behind)
                     : contains(work, names->locals, start, end)) {
            mask(work, start, end);
            return;
        }
    }
}

/* Masks the word that begins at @start, and returns where it ends. */
static size_t
mask_word(Work *work, const Names *names, size_t start)
{
    size_t end = start, len;

    while (end < work->text.len && is_word(work->text.data[end]))
        end++;
    for (len = end - start; len > 0 && work->text.data[start + len - 1] == '.';)
        len--; /* of a sentence */
    if (len > 0 && len <= LOCAL_MAX && names->lengths[len] &&
        (end == work->text.len || work->text.data[end] != '@') &&
        contains(work, names->locals, start, start + len))
        mask(work, start, start + len);
    return end;
}

/* A text may hold NUL, at which g_ascii_strdown() would end. */
static char *
dup_lower(DsnSpan text)
{
    char *lower = g_malloc(text.len + 1);

    for (size_t i = 0; i < text.len; i++)
        lower[i] = g_ascii_tolower(text.data[i]);
    lower[text.len] = '\0';
    return lower;
}

/* With @alone, words that are local parts are masked, too. */
static void
mask_text(json_t *value, const Names *names, bool alone)
{
    DsnSpan text = {json_string_value(value), json_string_length(value)};
    g_autoptr(GString) masked = g_string_sized_new(text.len);
    g_autofree char *lower = dup_lower(text);
    Work work = {text, lower, 0, masked};

    for (size_t at = 0; at < text.len;) {
        if (alone && is_word(text.data[at])) {
            at = mask_word(&work, names, at);
        } else {
            if (text.data[at] == '@' || text.data[at] == '=')
                mask_before(&work, names, at, text.data[at] == '=');
            at++;
        }
    }
    if (work.done == 0)
        return;
    g_string_append_len(masked, text.data + work.done, (gssize)(text.len - work.done));
    (void)json_string_setn_nocheck(value, masked->str, masked->len);
}

/* An address that is all of a text needs not be looked for. */
static void
mask_address(json_t *value)
{
    DsnSpan text = {json_string_value(value), json_string_length(value)};
    DsnSpan local = local_part(text);
    g_autoptr(GString) masked = g_string_sized_new(text.len);

    if (local.len == 0)
        return;
    g_string_append_len(masked, text.data, local.data - text.data);
    g_string_append(masked, DSN_MASK);
    g_string_append_len(masked, local.data + local.len,
                        text.data + text.len - (local.data + local.len));
    (void)json_string_setn_nocheck(value, masked->str, masked->len);
}

/* Members whose key is an address; of two that become the same, one stays. */
static void
mask_keys(json_t *object, const Names *names)
{
    const char *key;
    json_t *member;
    void *next;

    json_object_foreach_safe(object, next, key, member)
    {
        if (strchr(key, '@') == NULL)
            continue;
        json_auto_t *text = json_string_nocheck(key);
        mask_text(text, names, false);
        if (strcmp(json_string_value(text), key) == 0)
            continue;
        json_object_set_nocheck(object, json_string_value(text), member);
        json_object_del(object, key);
    }
}

/* All texts in @value. */
static void
mask_all(json_t *value, const Names *names, bool told, bool alone)
{
    const char *key;
    json_t *member;
    size_t i;

    if (json_is_string(value) && told)
        mask_address(value);
    else if (json_is_string(value))
        mask_text(value, names, alone);
    json_array_foreach(value, i, member)
    {
        mask_all(member, names, told, alone);
    }
    if (json_is_object(value))
        mask_keys(value, names);
    json_object_foreach(value, key, member)
    {
        mask_all(member, names, is_told_by(key) || (told && strcmp(key, "value") == 0),
                 strcmp(key, "content") == 0 || strcmp(key, "diagnostic") == 0);
    }
}

void
dsn_record_mask(json_t *record)
{
    Names names = {g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
                   g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
                   {false}};

    add_names(&names, record, false);
    mask_all(record, &names, false, false);
    g_hash_table_unref(names.locals);
    g_hash_table_unref(names.variables);
}
