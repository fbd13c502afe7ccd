/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/builtins.h"
#include "templates/number.h"
#include "templates/text.h"
#include "templates/tree.h"

#include <math.h>

static bool
answer(DsnValue *ret, bool truth)
{
    *ret = dsn_value_bool(truth);
    return true;
}

/* Tests of the kind of a value. */
#define KIND_TEST(name, condition)                                                     \
    static bool test_##name(DsnRun *run, const DsnArguments *arguments, DsnValue *ret) \
    {                                                                                  \
        DsnValue value = arguments->at[0];                                             \
                                                                                       \
        (void)run; /* cannot fail */                                                   \
        return answer(ret, condition);                                                 \
    }

KIND_TEST(undefined, value.kind == DSN_VALUE_UNDEFINED)
KIND_TEST(defined, value.kind != DSN_VALUE_UNDEFINED)
KIND_TEST(none, value.kind == DSN_VALUE_NONE)
KIND_TEST(boolean, value.kind == DSN_VALUE_BOOL)
KIND_TEST(true, value.kind == DSN_VALUE_BOOL && value.truth)
KIND_TEST(false, value.kind == DSN_VALUE_BOOL && !value.truth)
KIND_TEST(number, dsn_value_is_number(value))
KIND_TEST(integer, value.kind == DSN_VALUE_INTEGER || value.kind == DSN_VALUE_BIG)
KIND_TEST(float, value.kind == DSN_VALUE_FLOAT)
KIND_TEST(string, value.kind == DSN_VALUE_STRING)
KIND_TEST(safe, value.kind == DSN_VALUE_STRING && (value.flags & DSN_VALUE_SAFE) != 0)
KIND_TEST(sequence, value.kind == DSN_VALUE_LIST)
KIND_TEST(mapping, value.kind == DSN_VALUE_MAP || value.kind == DSN_VALUE_NAMESPACE)
KIND_TEST(iterable, value.kind <= DSN_VALUE_NONE ||
                        (value.kind >= DSN_VALUE_STRING && value.kind <= DSN_VALUE_NAMESPACE))

static bool
test_odd(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnInteger integer;

    (void)run; /* cannot fail */
    return answer(ret, dsn_number_to_integer(arguments->at[0], &integer) && (integer & 1) != 0);
}

static bool
test_even(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnInteger integer;

    (void)run; /* cannot fail */
    return answer(ret, dsn_number_to_integer(arguments->at[0], &integer) && (integer & 1) == 0);
}

static bool
test_divisibleby(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnInteger a, b;
    double x, y;

    if (dsn_number_to_integer(arguments->at[0], &a) && dsn_number_to_integer(arguments->at[1], &b))
        return b != 0 ? answer(ret, b == -1 || a % b == 0)
                      : dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "nothing is divided by 0");
    return answer(ret, dsn_number_to_float(arguments->at[0], &x) &&
                           dsn_number_to_float(arguments->at[1], &y) && fmod(x, y) == 0);
}

/* Comparisons under their names and signs. */
#define COMPARE_TEST(name, condition)                                                  \
    static bool test_##name(DsnRun *run, const DsnArguments *arguments, DsnValue *ret) \
    {                                                                                  \
        DsnValue left = arguments->at[0], right = arguments->at[1];                    \
                                                                                       \
        return answer(ret, condition);                                                 \
    }

COMPARE_TEST(eq, dsn_value_equal(run, left, right))
COMPARE_TEST(ne, !dsn_value_equal(run, left, right))
COMPARE_TEST(lt, dsn_value_compare(run, left, right) < 0)
COMPARE_TEST(le, dsn_value_compare(run, left, right) <= 0)
COMPARE_TEST(gt, dsn_value_compare(run, left, right) > 0)
COMPARE_TEST(ge, dsn_value_compare(run, left, right) >= 0)
COMPARE_TEST(sameas, left.kind == right.kind && dsn_value_equal(run, left, right))

static bool
test_in(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    bool found;

    return dsn_value_contains(run, arguments->at[1], arguments->at[0], &found) &&
           answer(ret, found);
}

static bool
test_startingwith(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue text = dsn_text_of(run, arguments->at[0]);
    DsnValue start = dsn_text_of(run, arguments->at[1]);

    return answer(ret, text.size >= start.size && memcmp(text.text, start.text, start.size) == 0);
}

static bool
test_endingwith(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue text = dsn_text_of(run, arguments->at[0]);
    DsnValue end = dsn_text_of(run, arguments->at[1]);

    return answer(ret, text.size >= end.size &&
                           memcmp(text.text + text.size - end.size, end.text, end.size) == 0);
}

/* Whether changing the case of its letters leaves @text as it is. */
static bool
test_lower(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue text;

    return dsn_argument_string(run, arguments, 0, &text) &&
           answer(ret, dsn_text_only(run, text, DSN_TEXT_LOWER));
}

static bool
test_upper(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue text;

    return dsn_argument_string(run, arguments, 0, &text) &&
           answer(ret, dsn_text_only(run, text, DSN_TEXT_UPPER));
}

static bool
is_known(DsnRun *run, DsnBuiltinKind kind, DsnValue name)
{
    const char *suggestion;

    return name.kind == DSN_VALUE_STRING &&
           dsn_builtin_find(kind, name.text, name.size, run->template_->flags, &suggestion) != NULL;
}

static bool
test_filter(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    return answer(ret, is_known(run, DSN_BUILTIN_FILTER, arguments->at[0]));
}

static bool
test_test(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    return answer(ret, is_known(run, DSN_BUILTIN_TEST, arguments->at[0]));
}

const DsnBuiltin dsn_tests[] = {
    {"!=", test_ne, "other", 1, 0},
    {"<", test_lt, "other", 1, 0},
    {"<=", test_le, "other", 1, 0},
    {"==", test_eq, "other", 1, 0},
    {">", test_gt, "other", 1, 0},
    {">=", test_ge, "other", 1, 0},
    {"boolean", test_boolean, "", 0, 0},
    {"defined", test_defined, "", 0, 0},
    {"divisibleby", test_divisibleby, "number", 1, 0},
    {"endingwith", test_endingwith, "text", 1, 0},
    {"eq", test_eq, "other", 1, 0},
    {"equalto", test_eq, "other", 1, 0},
    {"escaped", test_safe, "", 0, 0},
    {"even", test_even, "", 0, 0},
    {"false", test_false, "", 0, 0},
    {"filter", test_filter, "", 0, 0},
    {"float", test_float, "", 0, 0},
    {"ge", test_ge, "other", 1, 0},
    {"greaterthan", test_gt, "other", 1, 0},
    {"gt", test_gt, "other", 1, 0},
    {"in", test_in, "container", 1, 0},
    {"int", test_integer, "", 0, 0},
    {"integer", test_integer, "", 0, 0},
    {"iterable", test_iterable, "", 0, 0},
    {"le", test_le, "other", 1, 0},
    {"lessthan", test_lt, "other", 1, 0},
    {"lower", test_lower, "", 0, 0},
    {"lt", test_lt, "other", 1, 0},
    {"mapping", test_mapping, "", 0, 0},
    {"ne", test_ne, "other", 1, 0},
    {"none", test_none, "", 0, 0},
    {"number", test_number, "", 0, 0},
    {"odd", test_odd, "", 0, 0},
    {"safe", test_safe, "", 0, 0},
    {"sameas", test_sameas, "other", 1, 0},
    {"sequence", test_sequence, "", 0, 0},
    {"startingwith", test_startingwith, "text", 1, 0},
    {"string", test_string, "", 0, 0},
    {"test", test_test, "", 0, 0},
    {"true", test_true, "", 0, 0},
    {"undefined", test_undefined, "", 0, 0},
    {"upper", test_upper, "", 0, 0},
    {0},
};
