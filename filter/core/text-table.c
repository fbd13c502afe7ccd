/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/text-table.h"

#define SLOTS_FIRST 64

/* A slot is an entry's place in the block in the low bits, and the high bits of its hash, so that
 * most entries that are not meant need not be looked at. 0 is free: no entry is at 0. */
#define PLACE_BITS 40
#define PLACE_MASK ((UINT64_C(1) << PLACE_BITS) - 1)

/* What stands in the block in front of the text; not aligned there. */
typedef struct Entry {
    uint32_t number;
    uint32_t len;
    uint8_t kind;
} __attribute__((packed)) Entry;

struct DsnTextTable {
    uint64_t *slots;
    size_t n_slots; /* a power of two */
    size_t n_entries;
    char *block;
    size_t len, room;
    size_t counts[DSN_TEXT_KINDS];
    uint64_t lengths[DSN_TEXT_KINDS]; /* a bit for each length of text that there is, modulo 64 */
};

DsnTextTable *
dsn_text_table_new(void)
{
    DsnTextTable *table = g_new0(DsnTextTable, 1);

    table->n_slots = SLOTS_FIRST;
    table->slots = g_new0(uint64_t, table->n_slots);
    table->room = 1024;
    table->block = g_malloc(table->room);
    table->len = 1; /* nothing is at 0 */
    return table;
}

void
dsn_text_table_free(DsnTextTable *table)
{
    if (table == NULL)
        return;
    g_free(table->slots);
    g_free(table->block);
    g_free(table);
}

/* FNV-1a, and a last step that spreads the low bits. What is added is the administrator's own, so
 * that nobody else can make it collide. */
static uint64_t
hash_of(unsigned kind, DsnSpan text)
{
    uint64_t hash = (UINT64_C(14695981039346656037) ^ kind) * UINT64_C(1099511628211);

    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * UINT64_C(1099511628211);
    return hash ^ hash >> 29;
}

static Entry
entry_at(const DsnTextTable *table, uint64_t place)
{
    Entry entry;

    memcpy(&entry, table->block + place, sizeof(entry));
    return entry;
}

static DsnSpan
text_at(const DsnTextTable *table, uint64_t place)
{
    return (DsnSpan){table->block + place + sizeof(Entry), entry_at(table, place).len};
}

/* The slot that @text is in, or the free one where it belongs. */
static uint64_t *
find_slot(const DsnTextTable *table, unsigned kind, DsnSpan text)
{
    uint64_t hash = hash_of(kind, text);
    size_t at = hash & (table->n_slots - 1);

    for (; table->slots[at] != 0; at = (at + 1) & (table->n_slots - 1)) {
        uint64_t slot = table->slots[at];

        if ((slot ^ hash) >> PLACE_BITS == 0 && entry_at(table, slot & PLACE_MASK).kind == kind &&
            dsn_span_equal(text_at(table, slot & PLACE_MASK), text))
            break;
    }
    return &table->slots[at];
}

/* At most three quarters are taken, so that a free one is near. */
static void
make_room(DsnTextTable *table)
{
    if (table->n_entries < table->n_slots / 4 * 3)
        return;

    g_autofree uint64_t *before = table->slots;
    size_t count = table->n_slots;
    table->n_slots *= 2;
    table->slots = g_new0(uint64_t, table->n_slots);
    for (size_t i = 0; i < count; i++) {
        if (before[i] == 0)
            continue;
        uint64_t place = before[i] & PLACE_MASK;
        *find_slot(table, entry_at(table, place).kind, text_at(table, place)) = before[i];
    }
}

static void
append(DsnTextTable *table, const void *bytes, size_t len)
{
    if (table->room - table->len < len) {
        table->room = table->len + len + table->room / 4 + 1024;
        table->block = g_realloc(table->block, table->room);
    }
    memcpy(table->block + table->len, bytes, len);
    table->len += len;
}

uint32_t
dsn_text_table_find(const DsnTextTable *table, unsigned kind, DsnSpan text)
{
    bool possible = (table->lengths[kind] >> text.len % 64 & 1) != 0; /* most lists are short */
    uint64_t slot = possible ? *find_slot(table, kind, text) : 0;

    return slot == 0 ? 0 : entry_at(table, slot & PLACE_MASK).number;
}

uint32_t
dsn_text_table_add(DsnTextTable *table, unsigned kind, DsnSpan text, uint32_t number)
{
    const Entry entry = {number, (uint32_t)text.len, (uint8_t)kind};

    g_assert(kind < DSN_TEXT_KINDS && text.len <= UINT32_MAX && table->len < PLACE_MASK);
    make_room(table);
    uint64_t *slot = find_slot(table, kind, text);
    if (*slot != 0)
        return entry_at(table, *slot & PLACE_MASK).number;
    *slot = (hash_of(kind, text) & ~PLACE_MASK) | table->len;
    append(table, &entry, sizeof(entry));
    append(table, text.data, text.len);
    table->n_entries++;
    table->counts[kind]++;
    table->lengths[kind] |= UINT64_C(1) << text.len % 64;
    return number;
}

size_t
dsn_text_table_count(const DsnTextTable *table, unsigned kind)
{
    return table->counts[kind];
}
