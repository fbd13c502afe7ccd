/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/builtins.h"
#include "templates/format.h"
#include "templates/objects.h"
#include "templates/print.h"
#include "templates/text.h"

static bool
fail_method(DsnRun *run, const DsnArguments *arguments, const char *name)
{
    return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "%s has no method \"%s\"",
                        dsn_value_kind_name(arguments->at[0]), name);
}

/* The string whose method @name is called. */
static bool
string_of(DsnRun *run, const DsnArguments *arguments, const char *name, DsnValue *ret)
{
    *ret = arguments->at[0];
    if (ret->kind != DSN_VALUE_STRING)
        return fail_method(run, arguments, name);
    ret->flags = 0;
    return true;
}

/*
 * Strings.
 */

#define CHANGE_METHOD(name, change)                                                      \
    static bool string_##name(DsnRun *run, const DsnArguments *arguments, DsnValue *ret) \
    {                                                                                    \
        DsnValue text;                                                                   \
                                                                                         \
        if (!string_of(run, arguments, #name, &text))                                    \
            return false;                                                                \
        *ret = change(run, text);                                                        \
        return true;                                                                     \
    }

CHANGE_METHOD(capitalize, dsn_text_capitalize)
CHANGE_METHOD(lower, dsn_text_lower)
CHANGE_METHOD(title, dsn_text_title)
CHANGE_METHOD(upper, dsn_text_upper)

#define CLASS_METHOD(name, class)                                                        \
    static bool string_##name(DsnRun *run, const DsnArguments *arguments, DsnValue *ret) \
    {                                                                                    \
        DsnValue text;                                                                   \
                                                                                         \
        if (!string_of(run, arguments, #name, &text))                                    \
            return false;                                                                \
        *ret = dsn_value_bool(dsn_text_only(run, text, class));                          \
        return true;                                                                     \
    }

CLASS_METHOD(isalnum, DSN_TEXT_ALPHANUMERIC)
CLASS_METHOD(isalpha, DSN_TEXT_ALPHABETIC)
CLASS_METHOD(isascii, DSN_TEXT_ASCII)
CLASS_METHOD(isdigit, DSN_TEXT_NUMERIC)
CLASS_METHOD(islower, DSN_TEXT_LOWER)
CLASS_METHOD(isspace, DSN_TEXT_SPACE)
CLASS_METHOD(isupper, DSN_TEXT_UPPER)

#define STRIP_METHOD(name, ends)                                                         \
    static bool string_##name(DsnRun *run, const DsnArguments *arguments, DsnValue *ret) \
    {                                                                                    \
        DsnValue text;                                                                   \
                                                                                         \
        if (!string_of(run, arguments, #name, &text))                                    \
            return false;                                                                \
        *ret = dsn_text_trim(run, text, arguments->at[1], ends);                         \
        return true;                                                                     \
    }

STRIP_METHOD(strip, DSN_TRIM_START | DSN_TRIM_END)
STRIP_METHOD(lstrip, DSN_TRIM_START)
STRIP_METHOD(rstrip, DSN_TRIM_END)

static bool
string_replace(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue text, from, to;
    int64_t most;

    if (!string_of(run, arguments, "replace", &text) ||
        !dsn_argument_string(run, arguments, 1, &from) ||
        !dsn_argument_string(run, arguments, 2, &to) ||
        !dsn_argument_integer(run, arguments, 3, -1, &most))
        return false;
    *ret = dsn_text_replace(run, text, from, to, most < 0 ? SIZE_MAX : (size_t)most);
    return true;
}

static bool
string_split(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue text, separator = arguments->at[1];
    int64_t most;

    if (!string_of(run, arguments, "split", &text) ||
        (!dsn_value_is_missing(separator) && !dsn_argument_string(run, arguments, 1, &separator)) ||
        !dsn_argument_integer(run, arguments, 2, -1, &most))
        return false;
    *ret = dsn_text_split(run, text, separator, most < 0 ? SIZE_MAX : (size_t)most);
    return true;
}

static bool
string_splitlines(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue text;
    bool keep;

    if (!string_of(run, arguments, "splitlines", &text) ||
        !dsn_argument_truth(run, arguments, 1, false, &keep))
        return false;
    *ret = dsn_text_lines(run, text, keep);
    return true;
}

static bool
string_find(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue text, what;
    const char *found;

    if (!string_of(run, arguments, "find", &text) || !dsn_argument_string(run, arguments, 1, &what))
        return false;
    dsn_run_scan(run, text.size);
    found = memmem(text.text, text.size, what.text, what.size);
    *ret = dsn_value_integer(
        found == NULL ? -1 : (int64_t)dsn_text_length(text.text, (size_t)(found - text.text)));
    return true;
}

static bool
string_rfind(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue text, what;
    const char *found = NULL;

    if (!string_of(run, arguments, "rfind", &text) ||
        !dsn_argument_string(run, arguments, 1, &what))
        return false;
    run->fuel -= text.size / 8;
    if (what.size <= text.size)
        found = text.text + (text.size - what.size);
    while (found != NULL && memcmp(found, what.text, what.size) != 0)
        found = found == text.text ? NULL : found - 1;
    *ret = dsn_value_integer(
        found == NULL ? -1 : (int64_t)dsn_text_length(text.text, (size_t)(found - text.text)));
    return true;
}

/* Whether the string has @part at one of its ends. */
static bool
has_end(DsnValue text, DsnValue part, bool at_start)
{
    return part.size <= text.size &&
           memcmp(at_start ? text.text : text.text + text.size - part.size, part.text, part.size) ==
               0;
}

/* Argument 1 is a string, or several of which one must match. */
static bool
match_end(DsnRun *run, const DsnArguments *arguments, const char *name, bool at_start,
          DsnValue *ret)
{
    DsnValue text, part = arguments->at[1];
    const DsnValue *parts = &part;
    size_t n = 1;
    bool found = false;

    if (!string_of(run, arguments, name, &text))
        return false;
    if (part.kind == DSN_VALUE_LIST)
        (void)dsn_value_items(run, part, &parts, &n); /* it is a list */
    for (size_t i = 0; i < n && !found; i++) {
        run->fuel--;
        if (parts[i].kind != DSN_VALUE_STRING)
            return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "%s needs a string, not %s",
                                name, dsn_value_kind_name(parts[i]));
        found = has_end(text, parts[i], at_start);
    }
    *ret = dsn_value_bool(found);
    return true;
}

static bool
string_startswith(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    return match_end(run, arguments, "startswith", true, ret);
}

static bool
string_endswith(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    return match_end(run, arguments, "endswith", false, ret);
}

static bool
string_join(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue joiner;

    return string_of(run, arguments, "join", &joiner) &&
           dsn_argument_join(run, arguments->at[1], joiner, ret);
}

static bool
string_format(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue text;

    return string_of(run, arguments, "format", &text) &&
           dsn_format_braces(run, text, arguments, ret);
}

/*
 * Strings and lists.
 */

static int64_t
count_text(DsnRun *run, DsnValue text, DsnValue what)
{
    const char *at = text.text, *end = at + text.size;
    int64_t count = 0;

    dsn_run_scan(run, text.size);
    if (what.size == 0) /* between all characters, before the first and behind the last */
        return (int64_t)dsn_text_length(text.text, text.size) + 1;
    while ((at = memmem(at, (size_t)(end - at), what.text, what.size)) != NULL) {
        count++;
        at += what.size;
        run->fuel--;
    }
    return count;
}

static bool
method_count(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue what = arguments->at[1];
    const DsnValue *items;
    int64_t count = 0;
    size_t n;

    if (arguments->at[0].kind == DSN_VALUE_STRING) {
        if (!dsn_argument_string(run, arguments, 1, &what))
            return false;
        count = count_text(run, arguments->at[0], what);
    } else if (arguments->at[0].kind == DSN_VALUE_LIST) {
        (void)dsn_value_items(run, arguments->at[0], &items, &n); /* it is a list */
        for (size_t i = 0; i < n && dsn_run_may_go_on(run); i++) {
            run->fuel--;
            count += dsn_value_equal(run, items[i], what);
        }
    } else {
        return fail_method(run, arguments, "count");
    }
    *ret = dsn_value_integer(count);
    return true;
}

/*
 * Maps.
 */

/* A list of the keys, of the values, or of both in pairs. */
static bool
list_map(DsnRun *run, const DsnArguments *arguments, const char *name, DsnValue *ret)
{
    const DsnPair *pairs;
    DsnValue *items;
    size_t n;

    if (!dsn_value_pairs(run, arguments->at[0], &pairs, &n))
        return fail_method(run, arguments, name);
    items = dsn_run_items(run, n);
    for (size_t i = 0; i < n; i++) {
        if (*name == 'i')
            items[i] = dsn_value_list(&pairs[i].key, 2); /* key and value lie side by side */
        else
            items[i] = *name == 'k' ? pairs[i].key : pairs[i].value;
    }
    *ret = dsn_value_list(items, n);
    return true;
}

static bool
map_items(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    return list_map(run, arguments, "items", ret);
}

static bool
map_keys(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    return list_map(run, arguments, "keys", ret);
}

static bool
map_values(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    return list_map(run, arguments, "values", ret);
}

static bool
map_get(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue map = arguments->at[0], other = arguments->at[2];

    if (map.kind != DSN_VALUE_MAP && map.kind != DSN_VALUE_NAMESPACE)
        return fail_method(run, arguments, "get");
    *ret = dsn_value_member(run, map, arguments->at[1]);
    if (ret->kind == DSN_VALUE_UNDEFINED)
        *ret = other.kind == DSN_VALUE_UNDEFINED ? DSN_NONE : other;
    return true;
}

/*
 * Loops and cyclers.
 */

static bool
loop_cycle(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    if (arguments->at[0].kind != DSN_VALUE_LOOP)
        return fail_method(run, arguments, "cycle");
    if (arguments->n < 2)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "cycle needs something to choose");
    *ret = arguments->at[1 + arguments->at[0].loop->index % (arguments->n - 1)];
    return true;
}

static bool
loop_changed(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue seen;
    DsnLoop *loop;

    if (arguments->at[0].kind != DSN_VALUE_LOOP)
        return fail_method(run, arguments, "changed");
    /* A copy: the arguments do not outlive the call. */
    DsnValue *items = dsn_run_items(run, arguments->n - 1);
    if (arguments->n > 1)
        memcpy(items, arguments->at + 1, (arguments->n - 1) * sizeof *items);
    seen = dsn_value_list(items, arguments->n - 1);
    loop = arguments->at[0].loop;
    *ret = dsn_value_bool(loop->changed.kind == DSN_VALUE_UNRESOLVED ||
                          !dsn_value_equal(run, loop->changed, seen));
    loop->changed = seen;
    return true;
}

static bool
cycler_next(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnCycler *cycler = arguments->at[0].cycler;

    if (arguments->at[0].kind != DSN_VALUE_CYCLER)
        return fail_method(run, arguments, "next");
    *ret = cycler->items[cycler->next];
    cycler->next = (cycler->next + 1) % cycler->n;
    return true;
}

const DsnBuiltin dsn_methods[] = {
    {"capitalize", string_capitalize, "", 0, DSN_BUILTIN_KUMO},
    {"changed", loop_changed, "", 0, DSN_BUILTIN_REST},
    {"count", method_count, "what", 1, DSN_BUILTIN_KUMO},
    {"cycle", loop_cycle, "", 0, DSN_BUILTIN_REST},
    {"endswith", string_endswith, "text", 1, DSN_BUILTIN_KUMO},
    {"find", string_find, "what", 1, DSN_BUILTIN_KUMO},
    {"format", string_format, "", 0, DSN_BUILTIN_KUMO | DSN_BUILTIN_REST | DSN_BUILTIN_NAMED},
    {"get", map_get, "key other", 1, DSN_BUILTIN_KUMO},
    {"isalnum", string_isalnum, "", 0, DSN_BUILTIN_KUMO},
    {"isalpha", string_isalpha, "", 0, DSN_BUILTIN_KUMO},
    {"isascii", string_isascii, "", 0, DSN_BUILTIN_KUMO},
    {"isdigit", string_isdigit, "", 0, DSN_BUILTIN_KUMO},
    {"islower", string_islower, "", 0, DSN_BUILTIN_KUMO},
    {"isnumeric", string_isdigit, "", 0, DSN_BUILTIN_KUMO},
    {"isspace", string_isspace, "", 0, DSN_BUILTIN_KUMO},
    {"isupper", string_isupper, "", 0, DSN_BUILTIN_KUMO},
    {"items", map_items, "", 0, DSN_BUILTIN_KUMO},
    {"join", string_join, "items", 1, DSN_BUILTIN_KUMO},
    {"keys", map_keys, "", 0, DSN_BUILTIN_KUMO},
    {"lower", string_lower, "", 0, DSN_BUILTIN_KUMO},
    {"lstrip", string_lstrip, "characters", 0, DSN_BUILTIN_KUMO},
    {"next", cycler_next, "", 0, DSN_BUILTIN_KUMO},
    {"replace", string_replace, "from to most", 2, DSN_BUILTIN_KUMO},
    {"rfind", string_rfind, "what", 1, DSN_BUILTIN_KUMO},
    {"rstrip", string_rstrip, "characters", 0, DSN_BUILTIN_KUMO},
    {"split", string_split, "separator most", 0, DSN_BUILTIN_KUMO},
    {"splitlines", string_splitlines, "keep", 0, DSN_BUILTIN_KUMO},
    {"startswith", string_startswith, "text", 1, DSN_BUILTIN_KUMO},
    {"strip", string_strip, "characters", 0, DSN_BUILTIN_KUMO},
    {"title", string_title, "", 0, DSN_BUILTIN_KUMO},
    {"upper", string_upper, "", 0, DSN_BUILTIN_KUMO},
    {"values", map_values, "", 0, DSN_BUILTIN_KUMO},
    {0},
};
