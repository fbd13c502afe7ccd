/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/builtins.h"
#include "templates/objects.h"

#define RANGE_MAX 100000

static bool
function_range(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    int64_t start = 0, stop, step;
    bool one = arguments->at[2].kind == DSN_VALUE_UNDEFINED;
    DsnItems items = {0};
    __int128 count;

    if (!dsn_argument_integer(run, arguments, 1, 0, one ? &stop : &start) ||
        (!one && !dsn_argument_integer(run, arguments, 2, 0, &stop)) ||
        !dsn_argument_integer(run, arguments, 3, 1, &step))
        return false;
    if (step == 0)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "a range cannot have steps of 0");
    count = step > 0 ? ((__int128)stop - start + step - 1) / step
                     : ((__int128)start - stop - step - 1) / -(__int128)step;
    if (count > RANGE_MAX)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "a range of more than %d numbers",
                            RANGE_MAX);
    run->fuel -= (int64_t)MAX(count, 0);
    if (!dsn_run_may_go_on(run))
        return dsn_run_fail_limit(run);
    for (int64_t i = 0; i < (int64_t)count; i++)
        dsn_items_add(run, &items, dsn_value_integer((int64_t)(start + (__int128)i * step)));
    *ret = dsn_items_list(&items);
    return true;
}

/* A map of the one given by position and the arguments given by name. */
static bool
merged_map(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    const DsnPair *pairs = NULL;
    DsnPair *all;
    size_t n = 0;

    if (!dsn_value_is_missing(arguments->at[1]) &&
        !dsn_value_pairs(run, arguments->at[1], &pairs, &n))
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "a map cannot be made of %s",
                            dsn_value_kind_name(arguments->at[1]));
    all = dsn_run_alloc(run, (n + arguments->n_named) * sizeof *all);
    if (n > 0)
        memcpy(all, pairs, n * sizeof *all);
    for (unsigned i = 0; i < arguments->n_named; i++)
        all[n++] = arguments->named[i];
    *ret = dsn_value_map(run, all, n);
    return true;
}

static bool
function_dict(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    return merged_map(run, arguments, ret);
}

static bool
function_namespace(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnNamespace *space;
    DsnValue map;

    if (!merged_map(run, arguments, &map))
        return false;
    space = dsn_run_alloc(run, sizeof *space);
    *space = (DsnNamespace){map.pairs, map.size};
    *ret = (DsnValue){.kind = DSN_VALUE_NAMESPACE, .space = space};
    return true;
}

static bool
function_cycler(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnCycler *cycler = dsn_run_alloc(run, sizeof *cycler);

    *cycler = (DsnCycler){0};
    if (!dsn_argument_items(run, arguments->at[1], &cycler->items, &cycler->n))
        return false;
    if (cycler->n == 0)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "a cycler needs items");
    *ret = (DsnValue){.kind = DSN_VALUE_CYCLER, .cycler = cycler};
    return true;
}

static bool
function_joiner(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnJoiner *joiner = dsn_run_alloc(run, sizeof *joiner);

    joiner->used = false;
    joiner->separator =
        dsn_value_is_missing(arguments->at[1]) ? dsn_value_text(", ", 2) : arguments->at[1];
    *ret = (DsnValue){.kind = DSN_VALUE_JOINER, .joiner = joiner};
    return true;
}

const DsnBuiltin dsn_functions[] = {
    {"cycler", function_cycler, "items", 1, DSN_BUILTIN_KUMO},
    {"dict", function_dict, "map", 0, DSN_BUILTIN_NAMED},
    {"joiner", function_joiner, "separator", 0, DSN_BUILTIN_KUMO},
    {"namespace", function_namespace, "map", 0, DSN_BUILTIN_NAMED},
    {"range", function_range, "start stop step", 1, 0},
    {0},
};
