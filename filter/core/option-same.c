/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/option-table.h"

#include <string.h>

static bool
same_list(const GPtrArray *a, const GPtrArray *b)
{
    bool same = a->len == b->len;

    for (guint i = 0; same && i < a->len; i++)
        same = strcmp(a->pdata[i], b->pdata[i]) == 0;
    return same;
}

static bool
same_map(GHashTable *a, GHashTable *b)
{
    GHashTableIter iterator;
    gpointer key, value;

    g_hash_table_iter_init(&iterator, a);
    while (g_hash_table_iter_next(&iterator, &key, &value)) {
        if (g_strcmp0(g_hash_table_lookup(b, key), value) != 0)
            return false;
    }
    return g_hash_table_size(a) == g_hash_table_size(b);
}

static bool
same_sections(const DsnOptionTable *table, const char *section, const GPtrArray *a,
              const GPtrArray *b)
{
    bool same = a->len == b->len;

    for (guint i = 0; same && i < a->len; i++)
        same = dsn_option_table_same(table, section, a->pdata[i], b->pdata[i]);
    return same;
}

static bool
same_value(const DsnOptionTable *table, const DsnOption *option, const void *a, const void *b)
{
    switch (option->type) {
    case DSN_OPTION_STRING:
    case DSN_OPTION_PATH:
        return g_strcmp0(*(char *const *)a, *(char *const *)b) == 0;
    case DSN_OPTION_BOOL:
        return *(const bool *)a == *(const bool *)b;
    case DSN_OPTION_NUMBER:
    case DSN_OPTION_SIZE:
    case DSN_OPTION_MODE:
        return *(const size_t *)a == *(const size_t *)b;
    case DSN_OPTION_DURATION:
        return *(const GTimeSpan *)a == *(const GTimeSpan *)b;
    case DSN_OPTION_WORD:
        return *(const int *)a == *(const int *)b;
    case DSN_OPTION_LIST:
        return same_list(*(GPtrArray *const *)a, *(GPtrArray *const *)b);
    case DSN_OPTION_MAP:
        return same_map(*(GHashTable *const *)a, *(GHashTable *const *)b);
    case DSN_OPTION_SECTIONS:
        return same_sections(table, option->path, *(GPtrArray *const *)a, *(GPtrArray *const *)b);
    case DSN_OPTION_INCLUDE:
        return true;
    }
    g_assert_not_reached();
}

/* Whether @option is of @section itself: what is in sections below is theirs. */
static bool
is_of(const DsnOption *option, const char *section, size_t len)
{
    const char *rest = option->path + len + 1;

    if (strncmp(option->path, section, len) != 0 || option->path[len] != '.')
        return false;
    const char *star = strchr(rest, '*');
    return star == NULL || star[1] == '\0';
}

bool
dsn_option_table_same(const DsnOptionTable *table, const char *section, const void *a,
                      const void *b)
{
    const size_t len = strlen(section);
    bool same = strcmp(*(char *const *)a, *(char *const *)b) == 0;

    for (size_t i = 0; same && i < table->n_options; i++) {
        const DsnOption *option = &table->options[i];

        if (is_of(option, section, len))
            same = same_value(table, option, (const char *)a + option->offset,
                              (const char *)b + option->offset);
    }
    return same;
}
