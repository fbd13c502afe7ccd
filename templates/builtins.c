/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/builtins.h"

#include "templates/number.h"
#include "templates/print.h"
#include "templates/suggest.h"
#include "templates/tree.h"

/* The tables in which names of a kind are found, ended by NULL. */
static const DsnBuiltin *const *
tables_of(DsnBuiltinKind kind)
{
    static const DsnBuiltin *const filters[] = {dsn_filters_text,
                                                dsn_filters_list,
                                                dsn_filters_number,
                                                dsn_filters_order,
                                                dsn_filters_kumo,
                                                dsn_filters_notice,
                                                NULL};
    static const DsnBuiltin *const tests[] = {dsn_tests, NULL};
    static const DsnBuiltin *const functions[] = {dsn_functions, NULL};
    static const DsnBuiltin *const methods[] = {dsn_methods, NULL};

    switch (kind) {
    case DSN_BUILTIN_FILTER:
        return filters;
    case DSN_BUILTIN_TEST:
        return tests;
    case DSN_BUILTIN_FUNCTION:
        return functions;
    case DSN_BUILTIN_METHOD:
        break;
    }
    return methods;
}

const DsnBuiltin *
dsn_builtin_find(DsnBuiltinKind kind, const char *name, size_t size, DsnTemplateFlags flags,
                 const char **ret_suggestion)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autofree char *word = g_strndup(name, size);

    *ret_suggestion = NULL;
    for (const DsnBuiltin *const *table = tables_of(kind); *table != NULL; table++) {
        for (const DsnBuiltin *row = *table; row->name != NULL; row++) {
            if ((row->flags & DSN_BUILTIN_KUMO && !(flags & DSN_TEMPLATE_KUMO)) ||
                (row->flags & DSN_BUILTIN_UNESCAPES && flags & DSN_TEMPLATE_INERT))
                continue;
            if (strlen(row->name) == size && memcmp(row->name, name, size) == 0)
                return row;
            g_ptr_array_add(names, (gpointer)row->name);
        }
    }
    g_ptr_array_add(names, NULL);
    *ret_suggestion = dsn_suggest(word, (const char *const *)names->pdata);
    return NULL;
}

const DsnBuiltin *
dsn_builtin_named(DsnRun *run, DsnBuiltinKind kind, DsnValue name)
{
    const char *what = kind == DSN_BUILTIN_FILTER ? "filter" : "test", *suggestion;
    const DsnBuiltin *found;

    if (name.kind != DSN_VALUE_STRING) {
        dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "the name of a %s is a string, not %s",
                     what, dsn_value_kind_name(name));
        return NULL;
    }
    found = dsn_builtin_find(kind, name.text, name.size, run->template_->flags, &suggestion);
    if (found == NULL)
        dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "unknown %s \"%.*s\"", what,
                     (int)MIN(name.size, 40), name.text);
    return found;
}

unsigned
dsn_builtin_parameters(const DsnBuiltin *builtin)
{
    unsigned n = 0;

    for (const char *at = builtin->parameters; *at != '\0'; at++)
        n += at == builtin->parameters || at[-1] == ' ';
    return n;
}

int
dsn_builtin_position(const DsnBuiltin *builtin, const char *name, size_t size)
{
    const char *at = builtin->parameters;

    for (int position = 0; *at != '\0'; position++) {
        size_t length = strcspn(at, " ");

        if (length == size && memcmp(at, name, size) == 0)
            return position;
        at += length;
        at += *at == ' ';
    }
    return -1;
}

bool
dsn_builtin_invoke(DsnRun *run, const DsnBuiltin *builtin, DsnValue subject, const DsnValue *rest,
                   unsigned n_rest, const DsnPair *named, unsigned n_named, DsnValue *ret)
{
    unsigned parameters = dsn_builtin_parameters(builtin), slots = MAX(parameters, n_rest);
    DsnValue *values = dsn_run_items(run, slots + 1);
    DsnPair *left = dsn_run_alloc(run, n_named * sizeof *left);
    DsnArguments arguments = {.at = values, .n = slots + 1, .named = left};

    if (n_rest > parameters && !(builtin->flags & DSN_BUILTIN_REST))
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "too many arguments for %s",
                            builtin->name);
    values[0] = subject;
    for (unsigned i = 0; i < slots; i++)
        values[i + 1] = i < n_rest ? rest[i] : DSN_UNDEFINED;
    for (unsigned i = 0; i < n_named; i++) {
        int position = dsn_builtin_position(builtin, named[i].key.text, named[i].key.size);

        if (position >= 0)
            values[position + 1] = named[i].value;
        else if (builtin->flags & DSN_BUILTIN_NAMED)
            left[arguments.n_named++] = named[i];
        else
            return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "%s has no such argument",
                                builtin->name);
    }
    for (unsigned i = 0; i < builtin->required; i++) {
        if (values[i + 1].kind == DSN_VALUE_UNDEFINED)
            return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "missing argument for %s",
                                builtin->name);
    }
    if (builtin->flags & DSN_BUILTIN_REST)
        arguments.n = n_rest + 1;
    run->fuel--;
    return builtin->call(run, &arguments, ret);
}

bool
dsn_argument_integer(DsnRun *run, const DsnArguments *arguments, unsigned i, int64_t preset,
                     int64_t *ret)
{
    DsnInteger integer;

    *ret = preset;
    if (i >= arguments->n || dsn_value_is_missing(arguments->at[i]))
        return true;
    if (!dsn_number_to_integer(arguments->at[i], &integer))
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "%s where an integer is needed",
                            dsn_value_kind_name(arguments->at[i]));
    *ret = (int64_t)CLAMP(integer, (DsnInteger)INT64_MIN, (DsnInteger)INT64_MAX);
    return true;
}

bool
dsn_argument_truth(DsnRun *run, const DsnArguments *arguments, unsigned i, bool preset, bool *ret)
{
    *ret = preset;
    if (i >= arguments->n || dsn_value_is_missing(arguments->at[i]))
        return true;
    if (arguments->at[i].kind != DSN_VALUE_BOOL)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "%s where true or false is needed",
                            dsn_value_kind_name(arguments->at[i]));
    *ret = arguments->at[i].truth;
    return true;
}

bool
dsn_argument_string(DsnRun *run, const DsnArguments *arguments, unsigned i, DsnValue *ret)
{
    if (arguments->at[i].kind != DSN_VALUE_STRING)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "%s where a string is needed",
                            dsn_value_kind_name(arguments->at[i]));
    *ret = arguments->at[i];
    return true;
}

bool
dsn_argument_items(DsnRun *run, DsnValue value, const DsnValue **ret_items, size_t *ret_n)
{
    return dsn_value_items(run, value, ret_items, ret_n) ||
           dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "%s cannot be gone through",
                        dsn_value_kind_name(value));
}

bool
dsn_argument_join(DsnRun *run, DsnValue list, DsnValue joiner, DsnValue *ret)
{
    const DsnValue *items;
    size_t n;

    if (!dsn_argument_items(run, list, &items, &n))
        return false;
    size_t mark = dsn_run_mark(run);
    for (size_t i = 0; i < n && dsn_run_may_go_on(run); i++) {
        run->fuel--;
        if (i > 0)
            dsn_run_write(run, joiner.text, joiner.size);
        dsn_print(run, items[i]);
    }
    *ret = dsn_run_take(run, mark);
    return true;
}

DsnValue
dsn_argument_named(const DsnArguments *arguments, const char *name)
{
    for (unsigned i = 0; i < arguments->n_named; i++) {
        if (dsn_value_is(arguments->named[i].key, name))
            return arguments->named[i].value;
    }
    return DSN_UNDEFINED;
}
