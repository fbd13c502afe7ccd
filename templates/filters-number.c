/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/builtins.h"
#include "templates/number.h"

#include <math.h>

static bool
filter_abs(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue value = arguments->at[0];
    DsnInteger integer;

    if (!dsn_value_is_number(value))
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "%s has no absolute value",
                            dsn_value_kind_name(value));
    if (value.kind == DSN_VALUE_FLOAT) {
        *ret = dsn_value_float(fabs(value.real));
        return true;
    }
    (void)dsn_number_to_integer(value, &integer); /* it is one */
    *ret = value;
    return integer >= 0 || dsn_number_negate(run, value, ret);
}

/* The number that @text spells, as a float; a sign in front, no white space. */
static bool
read_number(DsnRun *run, DsnValue text, double *ret)
{
    dsn_run_scan(run, text.size);
    return dsn_number_parse_float(text.text, text.size, ret) ||
           dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "\"%.*s\" is no number",
                        (int)MIN(text.size, 40), text.text);
}

static bool
read_integer(DsnValue text, DsnInteger *ret)
{
    size_t sign = text.size > 0 && (*text.text == '-' || *text.text == '+') ? 1 : 0;

    if (memchr(text.text, '_', text.size) != NULL ||
        !dsn_number_parse_integer(text.text + sign, text.size - sign, 10, ret))
        return false;
    if (sign == 1 && *text.text == '-')
        *ret = -*ret;
    return true;
}

static bool
filter_int(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue value = arguments->at[0];
    DsnInteger integer = 0;
    double real;

    if (value.kind == DSN_VALUE_STRING) {
        if (!read_integer(value, &integer)) {
            if (!read_number(run, value, &real))
                return false;
            integer = dsn_number_truncate(real);
        }
    } else if (value.kind == DSN_VALUE_FLOAT) {
        integer = dsn_number_truncate(value.real);
    } else if (!dsn_value_is_missing(value) && !dsn_number_to_integer(value, &integer)) {
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "%s is no integer",
                            dsn_value_kind_name(value));
    }
    *ret = dsn_number_from_integer(&run->arena, integer);
    return true;
}

static bool
filter_float(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue value = arguments->at[0];
    double real = 0;

    if (value.kind == DSN_VALUE_STRING) {
        if (!read_number(run, value, &real))
            return false;
    } else if (!dsn_value_is_missing(value) && !dsn_number_to_float(value, &real)) {
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "%s is no number",
                            dsn_value_kind_name(value));
    }
    *ret = dsn_value_float(real);
    return true;
}

static bool
filter_round(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    DsnValue value = arguments->at[0];
    int64_t precision;
    double scale, scaled;

    if (!dsn_value_is_number(value))
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "%s cannot be rounded",
                            dsn_value_kind_name(value));
    if (!dsn_argument_integer(run, arguments, 1, 0, &precision))
        return false;
    *ret = value;
    if (value.kind != DSN_VALUE_FLOAT)
        return true;
    scale = pow(10, (double)CLAMP(precision, -400, 400));
    scaled = value.real * scale;
    if (scale != 0 && isfinite(scaled) && isfinite(scale)) /* else there is nothing to round */
        *ret = dsn_value_float(round(scaled) / scale);
    return true;
}

static bool
filter_sum(DsnRun *run, const DsnArguments *arguments, DsnValue *ret)
{
    const DsnValue *items;
    size_t n;

    if (!dsn_argument_items(run, arguments->at[0], &items, &n))
        return false;
    *ret = dsn_value_integer(0);
    for (size_t i = 0; i < n; i++) {
        run->fuel--;
        if (!dsn_value_is_number(items[i]))
            return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION,
                                "numbers can be summed up, %s cannot",
                                dsn_value_kind_name(items[i]));
        if (!dsn_number_operate(run, DSN_OPERATOR_ADD, *ret, items[i], ret))
            return false;
    }
    return true;
}

const DsnBuiltin dsn_filters_number[] = {
    {"abs", filter_abs, "", 0, 0}, {"float", filter_float, "", 0, 0},
    {"int", filter_int, "", 0, 0}, {"round", filter_round, "precision", 0, 0},
    {"sum", filter_sum, "", 0, 0}, {0},
};
