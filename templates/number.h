/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * number.h - arithmetic
 *
 * Purpose:   operators over numbers, their text, and texts as numbers.
 * Source:    the behaviour of MiniJinja 2.21: integers up to 128 bits, division is real, // and %
 *            of integers round so that the remainder is not negative.
 * Ownership: big integers live in the run's arena.
 * Errors:    DSN_TEMPLATE_ERROR_OPERATION for an operand that is no number or a result that has
 *            no place.
 * Threads:   reentrant.
 */
#ifndef DSN_TEMPLATES_NUMBER_H
#define DSN_TEMPLATES_NUMBER_H

#include "templates/run.h"

typedef enum DsnOperator {
    DSN_OPERATOR_ADD,
    DSN_OPERATOR_SUBTRACT,
    DSN_OPERATOR_MULTIPLY,
    DSN_OPERATOR_DIVIDE,
    DSN_OPERATOR_FLOOR_DIVIDE,
    DSN_OPERATOR_REMAINDER,
    DSN_OPERATOR_POWER
} DsnOperator;

/* "+", "//", ... (transfer none). */
const char *dsn_operator_text(DsnOperator op);

/* @op over two numbers or booleans. */
bool dsn_number_operate(DsnRun *run, DsnOperator op, DsnValue left, DsnValue right, DsnValue *ret);
bool dsn_number_negate(DsnRun *run, DsnValue value, DsnValue *ret);

/* As INTEGER where it fits, else as BIG in @arena. */
DsnValue dsn_number_from_integer(DsnArena *arena, DsnInteger integer);

/* A float without its fraction; beyond 128 bits the nearest that there is. */
DsnInteger dsn_number_truncate(double real);

/* An integer, a boolean, or a float without fraction; false for anything else. */
bool dsn_number_to_integer(DsnValue value, DsnInteger *ret);

/* A number or boolean as a float; false for anything else. */
bool dsn_number_to_float(DsnValue value, double *ret);

int dsn_number_compare(DsnValue left, DsnValue right);

/* Appends digits. */
void dsn_number_write_integer(DsnRun *run, DsnInteger integer);

/* Appends the shortest text that reads back as the same number. Without @exponents as MiniJinja
 * prints it, with all zeros; with them as JSON has it. */
void dsn_number_write_float(DsnRun *run, double real, bool exponents);

/* Digits in @base into @ret; underscores are skipped. False when there are none, or too many. */
bool dsn_number_parse_integer(const char *text, size_t size, unsigned base, DsnInteger *ret);

/* Decimal, with fraction, exponent, sign, "inf" or "nan"; the whole of @text. */
bool dsn_number_parse_float(const char *text, size_t size, double *ret);

#endif
