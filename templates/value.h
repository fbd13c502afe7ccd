/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * value.h - what a template computes with
 *
 * Purpose:   one small type for all values, copied freely; texts and lists are never copied.
 * Source:    the behaviour of MiniJinja 2.21 (order of kinds, equality, truth).
 * Ownership: what a value points to belongs to an arena, to the template or to the context.
 * Errors:    none here; work that grows is paid for from DsnRun's fuel.
 * Threads:   values of a compiled template are constant; no reference count is touched.
 */
#ifndef DSN_TEMPLATES_VALUE_H
#define DSN_TEMPLATES_VALUE_H

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct DsnRun DsnRun;

/* In the order in which values of different kinds sort. */
typedef enum DsnValueKind {
    DSN_VALUE_UNDEFINED,
    DSN_VALUE_NONE,
    DSN_VALUE_BOOL,
    DSN_VALUE_INTEGER,
    DSN_VALUE_BIG, /* an integer beyond 64 bits; never one that INTEGER could hold */
    DSN_VALUE_FLOAT,
    DSN_VALUE_STRING,
    DSN_VALUE_LIST,
    DSN_VALUE_MAP,
    DSN_VALUE_NAMESPACE,
    DSN_VALUE_LOOP,
    DSN_VALUE_MACRO,
    DSN_VALUE_CYCLER,
    DSN_VALUE_JOINER,
    DSN_VALUE_UNRESOLVED /* only in DsnRun: a name that was not looked up yet */
} DsnValueKind;

typedef enum DsnValueFlags {
    DSN_VALUE_SAFE = 1 << 0,     /* a string that is not to be escaped */
    DSN_VALUE_JSON = 1 << 1,     /* a list or map that is still a jansson value */
    DSN_VALUE_CASELESS = 1 << 2, /* a map whose keys are found in any case of letters */
    DSN_VALUE_GROUP = 1 << 3     /* a pair that groupby made: has grouper and list */
} DsnValueFlags;

typedef __int128 DsnInteger;
typedef struct DsnPair DsnPair;

typedef struct DsnValue {
    uint8_t kind;  /* DsnValueKind */
    uint8_t flags; /* DsnValueFlags */
    uint32_t size; /* of a string, in bytes; of a list or map that is not JSON */
    union {
        bool truth;
        int64_t integer;
        const DsnInteger *big;
        double real;
        const char *text;
        const struct DsnValue *items;
        const DsnPair *pairs; /* sorted by key, keys unique */
        json_t *json;
        struct DsnNamespace *space;
        struct DsnLoop *loop;
        const struct DsnMacro *macro;
        struct DsnCycler *cycler;
        struct DsnJoiner *joiner;
    };
} DsnValue;

struct DsnPair {
    DsnValue key, value;
};

typedef struct DsnNamespace {
    const DsnPair *pairs; /* sorted by key; never changed, but replaced */
    unsigned size;
} DsnNamespace;

#define DSN_UNDEFINED ((DsnValue){.kind = DSN_VALUE_UNDEFINED})
#define DSN_NONE ((DsnValue){.kind = DSN_VALUE_NONE})

static inline DsnValue
dsn_value_bool(bool truth)
{
    return (DsnValue){.kind = DSN_VALUE_BOOL, .truth = truth};
}

static inline DsnValue
dsn_value_integer(int64_t integer)
{
    return (DsnValue){.kind = DSN_VALUE_INTEGER, .integer = integer};
}

static inline DsnValue
dsn_value_float(double real)
{
    return (DsnValue){.kind = DSN_VALUE_FLOAT, .real = real};
}

/* Borrows @text; a longer text than 32 bits can count does not come past DsnTemplateLimits. */
static inline DsnValue
dsn_value_text(const char *text, size_t size)
{
    return (DsnValue){.kind = DSN_VALUE_STRING, .size = (uint32_t)size, .text = text};
}

static inline DsnValue
dsn_value_list(const DsnValue *items, size_t size)
{
    return (DsnValue){.kind = DSN_VALUE_LIST, .size = (uint32_t)size, .items = items};
}

static inline bool
dsn_value_is_number(DsnValue value)
{
    return value.kind >= DSN_VALUE_INTEGER && value.kind <= DSN_VALUE_FLOAT;
}

static inline bool
dsn_value_is_missing(DsnValue value)
{
    return value.kind <= DSN_VALUE_NONE;
}

static inline bool
dsn_value_is(DsnValue value, const char *text)
{
    return value.kind == DSN_VALUE_STRING && strlen(text) == value.size &&
           memcmp(value.text, text, value.size) == 0;
}

/* Borrows @json, which may be NULL: undefined. */
DsnValue dsn_value_from_json(json_t *json);

/* "a string", "an undefined value", ... for messages (transfer none). */
const char *dsn_value_kind_name(DsnValue value);

bool dsn_value_truth(DsnValue value);

/* An order over all values: kinds as listed above, numbers by size, texts by bytes. */
int dsn_value_compare(DsnRun *run, DsnValue left, DsnValue right);

/* What == answers: as the order, but true is 1 and false is 0. */
bool dsn_value_equal(DsnRun *run, DsnValue left, DsnValue right);

/* The items of a list, the keys of a map, the characters of a text; none and undefined have no
 * items. False when @value is none of these. The items live as long as @run. */
bool dsn_value_items(DsnRun *run, DsnValue value, const DsnValue **ret_items, size_t *ret_n);

/* The pairs of a map or namespace in the order of their keys; false when @value is neither. */
bool dsn_value_pairs(DsnRun *run, DsnValue value, const DsnPair **ret_pairs, size_t *ret_n);

/* Sorts @n pairs by key and drops all but the last of those with equal keys; returns the map. */
DsnValue dsn_value_map(DsnRun *run, DsnPair *pairs, size_t n);

/* How many items, keys or characters; false for what has no length. */
bool dsn_value_length(DsnValue value, size_t *ret_length);

/* What @value holds under @key, undefined when nothing: a name, a key or an index. */
DsnValue dsn_value_member(DsnRun *run, DsnValue value, DsnValue key);
DsnValue dsn_value_attribute(DsnRun *run, DsnValue value, const char *name, size_t size);

/* What "in" answers; fails for a @container that is none. */
bool dsn_value_contains(DsnRun *run, DsnValue container, DsnValue item, bool *ret);

/* Along a path "a.b.0". An attribute of something undefined is an error, or undefined if
 * @lenient. */
bool dsn_value_path(DsnRun *run, DsnValue value, DsnValue path, bool lenient, DsnValue *ret);

/* Adds to a namespace, or replaces what it has. */
void dsn_namespace_set(DsnRun *run, DsnNamespace *space, DsnValue key, DsnValue value);

#endif
