/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/builtins.h"
#include "templates/print.h"
#include "templates/text.h"

static bool
filter_attr(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    if (arguments->at[0].kind == DSN_VALUE_UNDEFINED)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_UNDEFINED,
                            "an attribute of an undefined value");
    *ret = dsn_value_member(run, arguments->at[0], arguments->at[1]);
    return true;
}

static bool
filter_bool(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    (void)run; /* cannot fail */
    *ret = dsn_value_bool(dsn_value_truth(arguments->at[0]));
    return true;
}

static bool
filter_default(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue value = arguments->at[0], other = arguments->at[1];
    bool also_false;

    if (!dsn_argument_truth(run, arguments, 2, false, &also_false))
        return false;
    if (value.kind != DSN_VALUE_UNDEFINED && !(also_false && !dsn_value_truth(value)))
        *ret = value;
    else
        *ret = other.kind == DSN_VALUE_UNDEFINED ? dsn_value_text("", 0) : other;
    return true;
}

/* How many items a batch or how many slices there are to be. */
static bool
count_argument(DsnRun *run, const DsnArguments *arguments, size_t *ret)
{
    int64_t count;

    if (!dsn_argument_integer(run, arguments, 1, 0, &count))
        return false;
    if (count < 1 || count > run->fuel)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "%s parts",
                            count < 1 ? "there cannot be less than one of these"
                                      : "there cannot be so many of these");
    *ret = (size_t)count;
    return true;
}

/* The items @from to @to as a list, with @fill for the @missing ones. */
static DsnValue
part_of(DsnRun *run, const DsnValue *items, size_t from, size_t to, size_t missing, DsnValue fill)
{
    size_t n = to - from, filled = fill.kind == DSN_VALUE_UNDEFINED ? 0 : missing;
    DsnValue *part;

    if (filled == 0)
        return dsn_value_list(items + from, n);
    part = dsn_run_items(run, n + filled);
    if (n > 0)
        memcpy(part, items + from, n * sizeof *part);
    for (size_t i = 0; i < filled; i++)
        part[n + i] = fill;
    return dsn_value_list(part, n + filled);
}

static bool
filter_batch(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    const DsnValue *items;
    DsnItems parts = {0};
    size_t n, count;

    if (!dsn_argument_items(run, arguments->at[0], &items, &n) ||
        !count_argument(run, arguments, &count))
        return false;
    for (size_t from = 0; from < n; from += count) {
        size_t to = MIN(n, from + count);

        dsn_items_add(run, &parts,
                      part_of(run, items, from, to, from + count - to, arguments->at[2]));
    }
    *ret = dsn_items_list(&parts);
    return true;
}

static bool
filter_slice(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    const DsnValue *items;
    DsnItems parts = {0};
    size_t n, count, from = 0;

    if (!dsn_argument_items(run, arguments->at[0], &items, &n) ||
        !count_argument(run, arguments, &count))
        return false;
    /* The first ones get what does not divide evenly. */
    for (size_t i = 0; i < count && dsn_run_may_go_on(run); i++) {
        size_t size = n / count + (i < n % count);
        bool shorter = n % count != 0 && i >= n % count;

        run->fuel--;
        dsn_items_add(run, &parts,
                      part_of(run, items, from, from + size, shorter, arguments->at[2]));
        from += size;
    }
    *ret = dsn_items_list(&parts);
    return true;
}

/* One map of several. */
static bool
merge_maps(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    size_t total = 0, n;
    const DsnPair *pairs;
    DsnPair *all, *to;

    for (unsigned i = 0; i < arguments->n; i++) {
        (void)dsn_value_length(arguments->at[i], &n); /* they are maps */
        total += n;
    }
    all = to = dsn_run_alloc(run, total * sizeof *all);
    for (unsigned i = 0; i < arguments->n; i++) {
        (void)dsn_value_pairs(run, arguments->at[i], &pairs, &n);
        if (n > 0)
            memcpy(to, pairs, n * sizeof *to);
        to += n;
    }
    *ret = dsn_value_map(run, all, total);
    return true;
}

static bool
filter_chain(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnItems all = {0};
    bool maps = true;

    for (unsigned i = 0; i < arguments->n; i++)
        maps = maps && arguments->at[i].kind == DSN_VALUE_MAP;
    if (maps)
        return merge_maps(run, arguments, ret);
    for (unsigned i = 0; i < arguments->n; i++) {
        const DsnValue *items;
        size_t n;

        if (!dsn_argument_items(run, arguments->at[i], &items, &n))
            return false;
        for (size_t j = 0; j < n; j++)
            dsn_items_add(run, &all, items[j]);
    }
    *ret = dsn_items_list(&all);
    return true;
}

static bool
filter_zip(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    const DsnValue **columns = dsn_run_alloc(run, arguments->n * sizeof *columns);
    size_t shortest = SIZE_MAX;
    DsnItems rows = {0};

    for (unsigned i = 0; i < arguments->n; i++) {
        size_t n;

        if (!dsn_argument_items(run, arguments->at[i], &columns[i], &n))
            return false;
        shortest = MIN(shortest, n);
    }
    for (size_t row = 0; row < shortest && dsn_run_may_go_on(run); row++) {
        DsnValue *items = dsn_run_items(run, arguments->n);

        for (unsigned i = 0; i < arguments->n; i++)
            items[i] = columns[i][row];
        dsn_items_add(run, &rows, dsn_value_list(items, arguments->n));
    }
    *ret = dsn_items_list(&rows);
    return true;
}

static bool
filter_length(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue value = arguments->at[0];
    size_t length;

    if (!dsn_value_length(value, &length))
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "%s has no length",
                            dsn_value_kind_name(value));
    if (value.kind == DSN_VALUE_STRING)
        dsn_run_scan(run, value.size);
    *ret = dsn_value_integer((int64_t)length);
    return true;
}

static bool
filter_first(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue value = arguments->at[0];
    const DsnValue *items;
    size_t n;

    if (value.kind == DSN_VALUE_STRING || value.kind == DSN_VALUE_LIST) {
        *ret = dsn_value_member(run, value, dsn_value_integer(0));
        return true;
    }
    if (dsn_value_is_missing(value) || !dsn_value_items(run, value, &items, &n))
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "%s has no first item",
                            dsn_value_kind_name(value));
    *ret = n == 0 ? DSN_UNDEFINED : items[0];
    return true;
}

static bool
filter_last(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue value = arguments->at[0];

    if (value.kind != DSN_VALUE_STRING && value.kind != DSN_VALUE_LIST)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "%s has no last item",
                            dsn_value_kind_name(value));
    *ret = dsn_value_member(run, value, dsn_value_integer(-1));
    return true;
}

static bool
filter_list(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    const DsnValue *items;
    size_t n;

    if (!dsn_argument_items(run, arguments->at[0], &items, &n))
        return false;
    *ret = dsn_value_list(items, n);
    return true;
}

static bool
filter_items(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    const DsnPair *pairs;
    DsnValue *items;
    size_t n;

    if (!dsn_value_pairs(run, arguments->at[0], &pairs, &n))
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "%s has no pairs",
                            dsn_value_kind_name(arguments->at[0]));
    items = dsn_run_items(run, n);
    for (size_t i = 0; i < n; i++)
        items[i] = dsn_value_list(&pairs[i].key, 2); /* key and value lie side by side */
    *ret = dsn_value_list(items, n);
    return true;
}

static bool
filter_join(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue joiner = dsn_value_is_missing(arguments->at[1]) ? dsn_value_text("", 0)
                                                             : dsn_text_of(run, arguments->at[1]);

    return dsn_argument_join(run, arguments->at[0], joiner, ret);
}

static bool
filter_reverse(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue value = arguments->at[0];
    const DsnValue *items;
    DsnValue *reversed;
    size_t n;

    *ret = value;
    if (dsn_value_is_missing(value))
        return true;
    if (value.kind == DSN_VALUE_STRING) {
        *ret = dsn_text_reverse(run, value);
        return true;
    }
    if (!dsn_argument_items(run, value, &items, &n))
        return false;
    reversed = dsn_run_items(run, n);
    for (size_t i = 0; i < n; i++)
        reversed[i] = items[n - 1 - i];
    *ret = dsn_value_list(reversed, n);
    return true;
}

/* The smallest item, or with @sign -1 the greatest. */
static bool
extreme(DsnRun *run, const DsnArguments *arguments, int sign, DsnValue *ret)
{
    const DsnValue *items;
    size_t n;

    if (!dsn_argument_items(run, arguments->at[0], &items, &n))
        return false;
    *ret = n == 0 ? DSN_UNDEFINED : items[0];
    for (size_t i = 1; i < n && dsn_run_may_go_on(run); i++) {
        run->fuel--;
        if (sign * dsn_value_compare(run, items[i], *ret) < 0)
            *ret = items[i];
    }
    return true;
}

static bool
filter_min(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    return extreme(run, arguments, 1, ret);
}

static bool
filter_max(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    return extreme(run, arguments, -1, ret);
}

/* Calls a filter for each item, or takes an attribute of each. */
static bool
filter_map(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue attribute = dsn_argument_named(arguments, "attribute");
    DsnValue preset = dsn_argument_named(arguments, "default");
    bool lenient = preset.kind != DSN_VALUE_UNDEFINED;
    const DsnBuiltin *filter = NULL;
    const DsnValue *items;
    DsnValue *mapped;
    size_t n;

    if (!dsn_argument_items(run, arguments->at[0], &items, &n))
        return false;
    if (attribute.kind == DSN_VALUE_UNDEFINED) {
        if (arguments->n < 2)
            return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION,
                                "map needs the name of a filter or an attribute");
        filter = dsn_builtin_named(run, DSN_BUILTIN_FILTER, arguments->at[1]);
        if (filter == NULL)
            return false;
    } else if (arguments->n > 1) {
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION,
                            "map takes a filter or an attribute, not both");
    }
    mapped = dsn_run_items(run, n);
    for (size_t i = 0; i < n; i++) {
        if (!dsn_run_may_go_on(run))
            return dsn_run_fail_limit(run);
        if (filter != NULL) {
            if (!dsn_builtin_invoke(run, filter, items[i], arguments->at + 2, arguments->n - 2,
                                    arguments->named, arguments->n_named, &mapped[i]))
                return false;
        } else {
            if (!dsn_value_path(run, items[i], attribute, lenient, &mapped[i]))
                return false;
            if (mapped[i].kind == DSN_VALUE_UNDEFINED)
                mapped[i] = preset;
        }
    }
    *ret = dsn_value_list(mapped, n);
    return true;
}

/* The items, or those with an attribute, that pass a test, or do not. Argument @first is the name
 * of the test; without one the truth decides. */
static bool
choose(DsnRun *run, const DsnArguments *arguments, unsigned first, DsnValue attribute, bool wanted,
       DsnValue *ret)
{
    const DsnBuiltin *test = NULL;
    const DsnValue *items;
    DsnItems kept = {0};
    size_t n;

    if (!dsn_argument_items(run, arguments->at[0], &items, &n))
        return false;
    if (arguments->n > first) {
        test = dsn_builtin_named(run, DSN_BUILTIN_TEST, arguments->at[first]);
        if (test == NULL)
            return false;
    }
    for (size_t i = 0; i < n; i++) {
        DsnValue value = items[i];

        run->fuel--;
        if (!dsn_run_may_go_on(run))
            return dsn_run_fail_limit(run);
        if (attribute.kind != DSN_VALUE_UNDEFINED &&
            !dsn_value_path(run, items[i], attribute, false, &value))
            return false;
        if (test != NULL && !dsn_builtin_invoke(run, test, value, arguments->at + first + 1,
                                                arguments->n - first - 1, NULL, 0, &value))
            return false;
        if (dsn_value_truth(value) == wanted)
            dsn_items_add(run, &kept, items[i]);
    }
    *ret = dsn_items_list(&kept);
    return true;
}

static bool
filter_select(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    return choose(run, arguments, 1, DSN_UNDEFINED, true, ret);
}

static bool
filter_reject(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    return choose(run, arguments, 1, DSN_UNDEFINED, false, ret);
}

static bool
filter_selectattr(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    return choose(run, arguments, 2, arguments->at[1], true, ret);
}

static bool
filter_rejectattr(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    return choose(run, arguments, 2, arguments->at[1], false, ret);
}

const DsnBuiltin dsn_filters_list[] = {
    {"attr", filter_attr, "name", 1, 0},
    {"batch", filter_batch, "count fill_with", 1, 0},
    {"bool", filter_bool, "", 0, 0},
    {"chain", filter_chain, "", 0, DSN_BUILTIN_REST},
    {"count", filter_length, "", 0, 0},
    {"d", filter_default, "other boolean", 0, 0},
    {"default", filter_default, "other boolean", 0, 0},
    {"first", filter_first, "", 0, 0},
    {"items", filter_items, "", 0, 0},
    {"join", filter_join, "joiner", 0, 0},
    {"last", filter_last, "", 0, 0},
    {"length", filter_length, "", 0, 0},
    {"list", filter_list, "", 0, 0},
    {"map", filter_map, "", 0, DSN_BUILTIN_REST | DSN_BUILTIN_NAMED | DSN_BUILTIN_NAMES_FILTER},
    {"max", filter_max, "", 0, 0},
    {"min", filter_min, "", 0, 0},
    {"reject", filter_reject, "", 0, DSN_BUILTIN_REST | DSN_BUILTIN_NAMES_TEST},
    {"rejectattr", filter_rejectattr, "attribute", 1, DSN_BUILTIN_REST | DSN_BUILTIN_TESTS_MEMBER},
    {"reverse", filter_reverse, "", 0, 0},
    {"select", filter_select, "", 0, DSN_BUILTIN_REST | DSN_BUILTIN_NAMES_TEST},
    {"selectattr", filter_selectattr, "attribute", 1, DSN_BUILTIN_REST | DSN_BUILTIN_TESTS_MEMBER},
    {"slice", filter_slice, "count fill_with", 1, 0},
    {"zip", filter_zip, "", 0, DSN_BUILTIN_REST},
    {0},
};
