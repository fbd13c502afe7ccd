/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/builtins.h"
#include "templates/text.h"

/* An item and what it is ordered by; @at is where it stood. */
typedef struct Keyed {
    DsnValue key, item;
    size_t at;
} Keyed;

typedef struct Order {
    DsnRun *run;
    bool reverse;
} Order;

static int
compare_keyed(const void *left, const void *right, void *data)
{
    const Order *order = data;
    int result;

    order->run->fuel--;
    result = dsn_value_compare(order->run, ((const Keyed *)left)->key, ((const Keyed *)right)->key);
    return order->reverse ? -result : result;
}

/* Stable in both directions. */
static void
sort_keyed(DsnRun *run, Keyed *keyed, size_t n, bool reverse)
{
    Order order = {run, reverse};

    g_qsort_with_data(keyed, (int)n, sizeof *keyed, compare_keyed, &order);
}

/* @value as it is compared: strings in lower case unless @exact. */
static DsnValue
key_of(DsnRun *run, DsnValue value, bool exact)
{
    return !exact && value.kind == DSN_VALUE_STRING ? dsn_text_lower(run, value) : value;
}

/* The attributes "a,b.c" of @item as a list of keys. */
static bool
attribute_keys(DsnRun *run, DsnValue item, DsnValue attributes, bool exact, DsnValue *ret)
{
    const char *at = attributes.text, *end = at + attributes.size, *comma;
    DsnItems keys = {0};

    do {
        DsnValue value;

        comma = memchr(at, ',', (size_t)(end - at));
        DsnValue path = dsn_value_text(at, (size_t)((comma == NULL ? end : comma) - at));
        path = dsn_text_trim(run, path, DSN_NONE, DSN_TRIM_START | DSN_TRIM_END);
        if (!dsn_run_may_go_on(run))
            return dsn_run_fail_limit(run);
        if (!dsn_value_path(run, item, path, true, &value))
            return false;
        dsn_items_add(run, &keys, key_of(run, value, exact));
        at = comma == NULL ? end : comma + 1;
    } while (comma != NULL);
    *ret = dsn_items_list(&keys);
    return true;
}

/* The items of @value, each with its key: the item itself or what it has under @attribute. */
static bool
key_items(DsnRun *run, DsnValue value, DsnValue attribute, bool exact, Keyed **ret, size_t *ret_n)
{
    const DsnValue *items;

    if (!dsn_argument_items(run, value, &items, ret_n))
        return false;
    *ret = dsn_run_alloc(run, *ret_n * sizeof **ret);
    for (size_t i = 0; i < *ret_n; i++) {
        Keyed *keyed = &(*ret)[i];

        if (!dsn_run_may_go_on(run))
            return dsn_run_fail_limit(run);
        keyed->item = items[i];
        keyed->at = i;
        if (dsn_value_is_missing(attribute))
            keyed->key = key_of(run, items[i], exact);
        else if (attribute.kind == DSN_VALUE_STRING) {
            if (!attribute_keys(run, items[i], attribute, exact, &keyed->key))
                return false;
        } else {
            keyed->key = key_of(run, dsn_value_member(run, items[i], attribute), exact);
        }
    }
    return true;
}

static DsnValue
items_of(DsnRun *run, const Keyed *keyed, size_t n)
{
    DsnValue *items = dsn_run_items(run, n);

    for (size_t i = 0; i < n; i++)
        items[i] = keyed[i].item;
    return dsn_value_list(items, n);
}

static bool
filter_sort(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    bool reverse, exact;
    Keyed *keyed;
    size_t n;

    if (!dsn_argument_truth(run, arguments, 1, false, &reverse) ||
        !dsn_argument_truth(run, arguments, 2, false, &exact) ||
        !key_items(run, arguments->at[0], arguments->at[3], exact, &keyed, &n))
        return false;
    sort_keyed(run, keyed, n, reverse);
    *ret = items_of(run, keyed, n);
    return true;
}

static bool
filter_dictsort(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    bool exact, by_value = dsn_value_is(arguments->at[2], "value"), reverse;
    const DsnPair *pairs;
    Keyed *keyed;
    size_t n;

    if (!dsn_argument_truth(run, arguments, 1, false, &exact) ||
        !dsn_argument_truth(run, arguments, 3, false, &reverse))
        return false;
    if (!dsn_value_is_missing(arguments->at[2]) && !by_value &&
        !dsn_value_is(arguments->at[2], "key"))
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION,
                            "dictsort sorts by \"key\" or \"value\"");
    if (!dsn_value_pairs(run, arguments->at[0], &pairs, &n))
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "%s has no pairs",
                            dsn_value_kind_name(arguments->at[0]));
    keyed = dsn_run_alloc(run, n * sizeof *keyed);
    for (size_t i = 0; i < n; i++) {
        keyed[i].item = dsn_value_list(&pairs[i].key, 2); /* key and value lie side by side */
        keyed[i].key = key_of(run, by_value ? pairs[i].value : pairs[i].key, exact);
    }
    sort_keyed(run, keyed, n, reverse);
    *ret = items_of(run, keyed, n);
    return true;
}

static int
compare_places(const void *left, const void *right, void *data)
{
    size_t a = ((const Keyed *)left)->at, b = ((const Keyed *)right)->at;

    (void)data; /* not needed */
    return (a > b) - (a < b);
}

/* The first of the items that are equal, in the order in which they stood. */
static bool
filter_unique(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    size_t n, kept = 0;
    Keyed *keyed;
    bool exact;

    if (!dsn_argument_truth(run, arguments, 1, false, &exact) ||
        !key_items(run, arguments->at[0], arguments->at[2], exact, &keyed, &n))
        return false;
    sort_keyed(run, keyed, n, false);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || dsn_value_compare(run, keyed[kept - 1].key, keyed[i].key) != 0)
            keyed[kept++] = keyed[i];
    }
    g_qsort_with_data(keyed, (int)kept, sizeof *keyed, compare_places, NULL);
    *ret = items_of(run, keyed, kept);
    return true;
}

/* Lists of the items that have the same attribute, each after what it is. */
static bool
filter_groupby(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue attribute = arguments->at[1], preset = arguments->at[2];
    DsnItems groups = {0};
    const DsnValue *items;
    Keyed *keyed;
    bool exact;
    size_t n;

    if (!dsn_argument_truth(run, arguments, 3, false, &exact) ||
        !dsn_argument_items(run, arguments->at[0], &items, &n))
        return false;
    /* What was looked up, before it is changed for comparing, stays in names. */
    DsnValue *names = dsn_run_items(run, n);
    keyed = dsn_run_alloc(run, n * sizeof *keyed);
    for (size_t i = 0; i < n; i++) {
        if (!dsn_run_may_go_on(run))
            return dsn_run_fail_limit(run);
        if (!dsn_value_path(run, items[i], attribute, true, &names[i]))
            return false;
        if (names[i].kind == DSN_VALUE_UNDEFINED)
            names[i] = preset;
        keyed[i] = (Keyed){key_of(run, names[i], exact), items[i], i};
    }
    sort_keyed(run, keyed, n, false);
    for (size_t from = 0, to; from < n; from = to) {
        DsnValue *pair = dsn_run_items(run, 2);

        for (to = from + 1; to < n; to++) {
            if (dsn_value_compare(run, keyed[from].key, keyed[to].key) != 0)
                break;
        }
        pair[0] = names[keyed[from].at];
        pair[1] = items_of(run, keyed + from, to - from);
        DsnValue group = dsn_value_list(pair, 2);
        group.flags |= DSN_VALUE_GROUP;
        dsn_items_add(run, &groups, group);
    }
    *ret = dsn_items_list(&groups);
    return true;
}

const DsnBuiltin dsn_filters_order[] = {
    {"dictsort", filter_dictsort, "case_sensitive by reverse", 0, 0},
    {"groupby", filter_groupby, "attribute default case_sensitive", 1, 0},
    {"sort", filter_sort, "reverse case_sensitive attribute", 0, 0},
    {"unique", filter_unique, "case_sensitive attribute", 0, 0},
    {0},
};
