/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * builtins.h - filters, tests, functions and methods
 *
 * Purpose:   the tables of what a template can call, found by name when it is compiled.
 * Source:    the standard set of MiniJinja 2.21, and what KumoMTA adds to it.
 * Ownership: static tables.
 * Errors:    a builtin returns false after dsn_run_fail().
 * Threads:   constant.
 */
#ifndef DSN_TEMPLATES_BUILTINS_H
#define DSN_TEMPLATES_BUILTINS_H

#include "templates/run.h"

typedef enum DsnBuiltinKind {
    DSN_BUILTIN_FILTER,
    DSN_BUILTIN_TEST,
    DSN_BUILTIN_FUNCTION,
    DSN_BUILTIN_METHOD
} DsnBuiltinKind;

typedef enum DsnBuiltinFlags {
    DSN_BUILTIN_KUMO = 1 << 0,         /* known only under DSN_TEMPLATE_KUMO */
    DSN_BUILTIN_REST = 1 << 1,         /* takes any number of arguments by position */
    DSN_BUILTIN_NAMED = 1 << 2,        /* takes any argument by name */
    DSN_BUILTIN_NAMES_FILTER = 1 << 3, /* the first argument names a filter */
    DSN_BUILTIN_NAMES_TEST = 1 << 4,   /* the first argument names a test */
    DSN_BUILTIN_TESTS_MEMBER = 1 << 5, /* the second argument names a test */
    DSN_BUILTIN_UNESCAPES = 1 << 6     /* not known under DSN_TEMPLATE_INERT */
} DsnBuiltinFlags;

/* What a builtin is called with. */
typedef struct DsnArguments {
    const DsnValue *at; /* first what is filtered or tested, then the parameters; one that was not
                           given is undefined */
    unsigned n;         /* how many there are, the first included */
    const DsnPair *named;
    unsigned n_named; /* only with DSN_BUILTIN_NAMED */
} DsnArguments;

typedef bool (*DsnBuiltinCall)(DsnRun *run, const DsnArguments *arguments, DsnValue *ret);

typedef struct DsnBuiltin {
    const char *name;
    DsnBuiltinCall call;
    const char *parameters; /* their names, a blank between two; what is filtered is not one */
    uint8_t required;       /* how many of them must be given */
    uint8_t flags;
} DsnBuiltin;

/* NULL when there is none of that name; *@ret_suggestion is then a name like it, or NULL. */
const DsnBuiltin *dsn_builtin_find(DsnBuiltinKind kind, const char *name, size_t size,
                                   DsnTemplateFlags flags, const char **ret_suggestion);

/* How many parameters have a name. */
unsigned dsn_builtin_parameters(const DsnBuiltin *builtin);

/* The position of parameter @name, counted from 0, or -1. */
int dsn_builtin_position(const DsnBuiltin *builtin, const char *name, size_t size);

/* The same at run time: fails when there is none. */
const DsnBuiltin *dsn_builtin_named(DsnRun *run, DsnBuiltinKind kind, DsnValue name);

/* Calls @builtin for @subject; @rest are arguments by position, @named those by name. */
bool dsn_builtin_invoke(DsnRun *run, const DsnBuiltin *builtin, DsnValue subject,
                        const DsnValue *rest, unsigned n_rest, const DsnPair *named,
                        unsigned n_named, DsnValue *ret);

/* The tables, each ended by a row without a name. */
extern const DsnBuiltin dsn_filters_text[];
extern const DsnBuiltin dsn_filters_list[];
extern const DsnBuiltin dsn_filters_number[];
extern const DsnBuiltin dsn_filters_order[];
extern const DsnBuiltin dsn_filters_kumo[];
extern const DsnBuiltin dsn_filters_notice[];
extern const DsnBuiltin dsn_tests[];
extern const DsnBuiltin dsn_functions[];
extern const DsnBuiltin dsn_methods[];

/* Reads argument @i: @preset when it was not given or is none. */
bool dsn_argument_integer(DsnRun *run, const DsnArguments *arguments, unsigned i, int64_t preset,
                          int64_t *ret);
bool dsn_argument_truth(DsnRun *run, const DsnArguments *arguments, unsigned i, bool preset,
                        bool *ret);

/* Argument @i, or the subject for 0, if it is a string; a failure otherwise. */
bool dsn_argument_string(DsnRun *run, const DsnArguments *arguments, unsigned i, DsnValue *ret);

/* What can be gone through, as dsn_value_items(); a failure when @value cannot. */
bool dsn_argument_items(DsnRun *run, DsnValue value, const DsnValue **ret_items, size_t *ret_n);

/* What the items of @list print, with @joiner (a string) between them. */
bool dsn_argument_join(DsnRun *run, DsnValue list, DsnValue joiner, DsnValue *ret);

/* What was given under @name, or undefined. */
DsnValue dsn_argument_named(const DsnArguments *arguments, const char *name);

#endif
