/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/number.h"

#include <math.h>

#define INTEGER_MAX ((DsnInteger)(((unsigned __int128)1 << 127) - 1))
#define INTEGER_MIN (-INTEGER_MAX - 1)

const char *
dsn_operator_text(DsnOperator op)
{
    static const char *const texts[] = {
        [DSN_OPERATOR_ADD] = "+",           [DSN_OPERATOR_SUBTRACT] = "-",
        [DSN_OPERATOR_MULTIPLY] = "*",      [DSN_OPERATOR_DIVIDE] = "/",
        [DSN_OPERATOR_FLOOR_DIVIDE] = "//", [DSN_OPERATOR_REMAINDER] = "%",
        [DSN_OPERATOR_POWER] = "**",
    };

    return texts[op];
}

DsnValue
dsn_number_from_integer(DsnArena *arena, DsnInteger integer)
{
    if (integer >= INT64_MIN && integer <= INT64_MAX)
        return dsn_value_integer((int64_t)integer);

    DsnInteger *big = dsn_arena_alloc(arena, sizeof *big);
    *big = integer;
    return (DsnValue){.kind = DSN_VALUE_BIG, .big = big};
}

DsnInteger
dsn_number_truncate(double real)
{
    if (real != real)
        return 0;
    if (real >= 0x1p127)
        return INTEGER_MAX;
    return real <= -0x1p127 ? INTEGER_MIN : (DsnInteger)real;
}

bool
dsn_number_to_integer(DsnValue value, DsnInteger *ret)
{
    if (value.kind == DSN_VALUE_INTEGER)
        *ret = value.integer;
    else if (value.kind == DSN_VALUE_BIG)
        *ret = *value.big;
    else if (value.kind == DSN_VALUE_BOOL)
        *ret = value.truth;
    else if (value.kind == DSN_VALUE_FLOAT && value.real == trunc(value.real))
        *ret = dsn_number_truncate(value.real);
    else
        return false;
    return true;
}

bool
dsn_number_to_float(DsnValue value, double *ret)
{
    if (value.kind == DSN_VALUE_INTEGER)
        *ret = (double)value.integer;
    else if (value.kind == DSN_VALUE_BIG)
        *ret = (double)*value.big;
    else if (value.kind == DSN_VALUE_BOOL)
        *ret = value.truth;
    else if (value.kind == DSN_VALUE_FLOAT)
        *ret = value.real;
    else
        return false;
    return true;
}

int
dsn_number_compare(DsnValue left, DsnValue right)
{
    DsnInteger a, b;
    double x = 0, y = 0;

    /* Whole numbers are compared as such: a float does not hold 9007199254740993. */
    if (dsn_number_to_integer(left, &a) && dsn_number_to_integer(right, &b))
        return (a > b) - (a < b);
    (void)dsn_number_to_float(left, &x); /* both are numbers */
    (void)dsn_number_to_float(right, &y);
    if (x != x || y != y) /* not a number comes first, so that there is an order */
        return (y != y) - (x != x);
    return (x > y) - (x < y);
}

/* Quotient and remainder such that the remainder is not negative. */
static bool
divide_integers(DsnInteger a, DsnInteger b, DsnInteger *ret_quotient, DsnInteger *ret_remainder)
{
    if (b == 0 || (a == INTEGER_MIN && b == -1))
        return false;
    *ret_quotient = a / b;
    *ret_remainder = a % b;
    if (*ret_remainder < 0) {
        *ret_quotient -= b > 0 ? 1 : -1;
        *ret_remainder += b > 0 ? b : -b;
    }
    return true;
}

static bool
raise_integer(DsnInteger base, DsnInteger exponent, DsnInteger *ret)
{
    DsnInteger result = 1;

    if (exponent < 0 || exponent > UINT32_MAX)
        return false;
    for (;;) {
        if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result))
            return false;
        exponent >>= 1;
        if (exponent == 0)
            break;
        if (__builtin_mul_overflow(base, base, &base))
            return false;
    }
    *ret = result;
    return true;
}

static bool
operate_integers(DsnOperator op, DsnInteger a, DsnInteger b, DsnInteger *ret)
{
    DsnInteger other;

    switch (op) {
    case DSN_OPERATOR_ADD:
        return !__builtin_add_overflow(a, b, ret);
    case DSN_OPERATOR_SUBTRACT:
        return !__builtin_sub_overflow(a, b, ret);
    case DSN_OPERATOR_MULTIPLY:
        return !__builtin_mul_overflow(a, b, ret);
    case DSN_OPERATOR_FLOOR_DIVIDE:
        return divide_integers(a, b, ret, &other);
    case DSN_OPERATOR_REMAINDER:
        return divide_integers(a, b, &other, ret);
    case DSN_OPERATOR_POWER:
        return raise_integer(a, b, ret);
    case DSN_OPERATOR_DIVIDE: /* always of floats */
        break;
    }
    return false;
}

static double
operate_floats(DsnOperator op, double a, double b)
{
    double quotient;

    switch (op) {
    case DSN_OPERATOR_ADD:
        return a + b;
    case DSN_OPERATOR_SUBTRACT:
        return a - b;
    case DSN_OPERATOR_MULTIPLY:
        return a * b;
    case DSN_OPERATOR_DIVIDE:
        return a / b;
    case DSN_OPERATOR_FLOOR_DIVIDE:
        quotient = trunc(a / b);
        if (fmod(a, b) < 0)
            quotient -= b > 0 ? 1 : -1;
        return quotient;
    case DSN_OPERATOR_REMAINDER:
        return fmod(a, b);
    case DSN_OPERATOR_POWER:
        break;
    }
    return pow(a, b);
}

bool
dsn_number_operate(DsnRun *run, DsnOperator op, DsnValue left, DsnValue right, DsnValue *ret)
{
    DsnInteger a, b, result;
    double x, y;

    if (!dsn_number_to_float(left, &x) || !dsn_number_to_float(right, &y))
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION,
                            "operator %s does not take %s and %s", dsn_operator_text(op),
                            dsn_value_kind_name(left), dsn_value_kind_name(right));
    if (op == DSN_OPERATOR_DIVIDE || left.kind == DSN_VALUE_FLOAT ||
        right.kind == DSN_VALUE_FLOAT) {
        *ret = dsn_value_float(operate_floats(op, x, y));
        return true;
    }
    (void)dsn_number_to_integer(left, &a); /* neither is a float */
    (void)dsn_number_to_integer(right, &b);
    if (!operate_integers(op, a, b, &result))
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION,
                            "operator %s has no result for these numbers", dsn_operator_text(op));
    *ret = dsn_number_from_integer(&run->arena, result);
    return true;
}

bool
dsn_number_negate(DsnRun *run, DsnValue value, DsnValue *ret)
{
    if (!dsn_value_is_number(value))
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "%s has no negative",
                            dsn_value_kind_name(value));
    if (value.kind == DSN_VALUE_FLOAT) {
        *ret = dsn_value_float(-value.real);
        return true;
    }
    return dsn_number_operate(run, DSN_OPERATOR_SUBTRACT, dsn_value_integer(0), value, ret);
}

void
dsn_number_write_integer(DsnRun *run, DsnInteger integer)
{
    char digits[40]; /* 39 and a sign */
    char *end = digits + sizeof digits, *at = end;
    unsigned __int128 rest = integer < 0 ? -(unsigned __int128)integer : (unsigned __int128)integer;

    while (rest > UINT64_MAX) {
        *--at = (char)('0' + (unsigned)(rest % 10));
        rest /= 10;
    }
    uint64_t low = (uint64_t)rest;
    do {
        *--at = (char)('0' + low % 10);
        low /= 10;
    } while (low != 0);
    if (integer < 0)
        *--at = '-';
    dsn_run_write(run, at, (size_t)(end - at));
}

/* The shortest decimal digits that read back as @real, which is finite and positive; returns where
 * the point is, counted from the first digit. */
static int
shortest_digits(double real, char digits[18], int *ret_n)
{
    static const char *const formats[] = {"%.14e", "%.15e", "%.16e"};
    char text[32];
    int n = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_ascii_formatd(text, sizeof text, formats[i], real);
        if (g_ascii_strtod(text, NULL) == real)
            break;
    }
    char *exponent = strchr(text, 'e');
    for (const char *at = text; at < exponent; at++) {
        if (*at != '.')
            digits[n++] = *at;
    }
    while (n > 1 && digits[n - 1] == '0')
        n--;
    *ret_n = n;
    return (int)g_ascii_strtoll(exponent + 1, NULL, 10) + 1;
}

static void
write_zeros(DsnRun *run, int n)
{
    for (; n > 0; n--)
        dsn_run_write_char(run, '0');
}

void
dsn_number_write_float(DsnRun *run, double real, bool exponents)
{
    char digits[18] = "0";
    int n = 1, point = 1;

    if (real != real) {
        dsn_run_write_text(run, "NaN");
        return;
    }
    if (signbit(real))
        dsn_run_write_char(run, '-');
    real = fabs(real);
    if (isinf(real)) {
        dsn_run_write_text(run, "inf");
        return;
    }
    if (real != 0)
        point = shortest_digits(real, digits, &n);
    if (exponents && (point > 16 || point < -4)) {
        dsn_run_write(run, digits, 1);
        if (n > 1)
            dsn_run_write_char(run, '.');
        dsn_run_write(run, digits + 1, (size_t)n - 1);
        dsn_run_write_text(run, point > 0 ? "e+" : "e");
        dsn_number_write_integer(run, point - 1);
    } else if (point <= 0) {
        dsn_run_write_text(run, "0.");
        write_zeros(run, -point);
        dsn_run_write(run, digits, (size_t)n);
    } else if (point >= n) {
        dsn_run_write(run, digits, (size_t)n);
        write_zeros(run, point - n);
        dsn_run_write_text(run, ".0");
    } else {
        dsn_run_write(run, digits, (size_t)point);
        dsn_run_write_char(run, '.');
        dsn_run_write(run, digits + point, (size_t)(n - point));
    }
}

bool
dsn_number_parse_integer(const char *text, size_t size, unsigned base, DsnInteger *ret)
{
    DsnInteger result = 0;
    bool any = false;

    for (size_t i = 0; i < size; i++) {
        int digit = g_ascii_xdigit_value(text[i]);

        if (text[i] == '_')
            continue;
        if (digit < 0 || (unsigned)digit >= base ||
            __builtin_mul_overflow(result, (DsnInteger)base, &result) ||
            __builtin_add_overflow(result, (DsnInteger)digit, &result))
            return false;
        any = true;
    }
    *ret = result;
    return any;
}

/* digits [. digits] [e [sign] digits], with a digit before or after the point */
static bool
is_decimal(const char *at, const char *end)
{
    size_t digits = 0;

    for (; at < end && g_ascii_isdigit(*at); at++)
        digits++;
    if (at < end && *at == '.') {
        for (at++; at < end && g_ascii_isdigit(*at); at++)
            digits++;
    }
    if (digits == 0)
        return false;
    if (at == end)
        return true;
    if (*at != 'e' && *at != 'E')
        return false;
    at++;
    if (at < end && (*at == '+' || *at == '-'))
        at++;
    if (at == end)
        return false;
    while (at < end && g_ascii_isdigit(*at))
        at++;
    return at == end;
}

bool
dsn_number_parse_float(const char *text, size_t size, double *ret)
{
    const char *start = text, *end = text + size;

    if (start < end && (*start == '+' || *start == '-'))
        start++;

    size_t left = (size_t)(end - start);
    bool word = (left == 3 && (g_ascii_strncasecmp(start, "inf", 3) == 0 ||
                               g_ascii_strncasecmp(start, "nan", 3) == 0)) ||
                (left == 8 && g_ascii_strncasecmp(start, "infinity", 8) == 0);
    if (!word && !is_decimal(start, end))
        return false;

    g_autofree char *copy = g_strndup(text, size);
    *ret = g_ascii_strtod(copy, NULL);
    return true;
}
