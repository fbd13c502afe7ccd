/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * evaluate.h - a tree becomes text
 *
 * Purpose:   carry out the statements and expressions of a compiled template.
 * Source:    the behaviour of MiniJinja 2.21.
 * Ownership: results live as long as the run, the template and the context.
 * Errors:    false after dsn_run_fail(); the run is then of no more use.
 * Threads:   one run, one thread.
 */
#ifndef DSN_TEMPLATES_EVALUATE_H
#define DSN_TEMPLATES_EVALUATE_H

#include "templates/tree.h"

/* Takes the steps of a chain, starting with *@value where the first step works on one. */
bool dsn_evaluate(DsnRun *run, const DsnStep *step, DsnValue *value);

/* Statements in a row, to the output. */
bool dsn_carry_out(DsnRun *run, const DsnNode *node);

/* Calls a macro, a loop or a joiner. */
bool dsn_call_value(DsnRun *run, DsnValue callee, const DsnValue *values, unsigned n,
                    const DsnPair *named, unsigned n_named, DsnValue *ret);

/* Gives @symbol a value in the innermost scope. */
void dsn_assign(DsnRun *run, unsigned symbol, DsnValue value);

#endif
