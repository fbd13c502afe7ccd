/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/evaluate.h"

#include "templates/objects.h"
#include "templates/print.h"
#include "templates/text.h"

/* How a row of statements ended. */
typedef enum Flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE, FLOW_FAILED } Flow;

static Flow carry_out(DsnRun *run, const DsnNode *node);

static Flow
flow_of(bool ok)
{
    return ok ? FLOW_ON : FLOW_FAILED;
}

void
dsn_assign(DsnRun *run, unsigned symbol, DsnValue value)
{
    unsigned hops = 0;

    for (DsnBinding *binding = run->scope->first; binding != NULL; binding = binding->next) {
        if (binding->symbol == symbol) {
            binding->value = value;
            return;
        }
        hops++;
    }
    run->fuel -= hops / 16;

    DsnBinding *binding = dsn_run_alloc(run, sizeof *binding);
    *binding = (DsnBinding){run->scope->first, symbol, value};
    run->scope->first = binding;
}

/* Enters a scope of its own; left by giving run->scope its old value back. */
static void
open_scope(DsnRun *run, DsnScope *parent)
{
    DsnScope *scope = dsn_run_alloc(run, sizeof *scope);

    *scope = (DsnScope){parent, NULL};
    run->scope = scope;
}

static bool
assign_target(DsnRun *run, const DsnTarget *target, DsnValue value)
{
    const DsnValue *items;
    size_t n;

    if (target->parts == NULL) {
        dsn_assign(run, target->symbol, value);
        return true;
    }
    if (value.kind != DSN_VALUE_LIST)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "%s cannot be taken apart",
                            dsn_value_kind_name(value));
    (void)dsn_value_items(run, value, &items, &n); /* it is a list */
    if (n != target->n_parts)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION,
                            "there are %u names for a sequence of %zu", target->n_parts, n);
    for (const DsnTarget *part = target->parts; part != NULL; part = part->next) {
        if (!dsn_run_may_go_on(run))
            return dsn_run_fail_limit(run);
        if (!assign_target(run, part, *items++))
            return false;
    }
    return true;
}

static void
print_escaped(DsnRun *run, DsnValue value)
{
    if (value.flags & DSN_VALUE_SAFE || dsn_value_is_number(value) ||
        value.kind <= DSN_VALUE_BOOL) {
        dsn_print(run, value);
        return;
    }
    value = dsn_text_of(run, value);
    if (run->template_->flags & DSN_TEMPLATE_INERT)
        dsn_text_write_inert(run, value.text, value.size);
    else
        dsn_text_write_html(run, value.text, value.size);
}

static bool
print(DsnRun *run, const DsnStep *step)
{
    DsnValue value = DSN_UNDEFINED;

    if (!dsn_evaluate(run, step, &value))
        return false;
    if (run->autoescape)
        print_escaped(run, value);
    else
        dsn_print(run, value);
    return true;
}

/* What @node's body prints, as a value; safe where everything printed is escaped. */
static Flow
capture(DsnRun *run, const DsnNode *node, DsnValue *ret)
{
    size_t mark = dsn_run_mark(run);
    Flow flow = carry_out(run, node);

    if (flow == FLOW_FAILED)
        return flow;
    *ret = dsn_run_take(run, mark);
    if (run->autoescape)
        ret->flags |= DSN_VALUE_SAFE;
    return flow;
}

static Flow
do_if(DsnRun *run, const DsnNode *node)
{
    for (const DsnBranch *branch = node->branches; branch != NULL; branch = branch->next) {
        DsnValue value = dsn_value_bool(true);

        if (branch->condition != NULL && !dsn_evaluate(run, branch->condition, &value))
            return FLOW_FAILED;
        if (dsn_value_truth(value))
            return carry_out(run, branch->body);
    }
    return FLOW_ON;
}

/* Those of the items for which the condition of the loop holds. */
static bool
select_items(DsnRun *run, const DsnNode *node, const DsnValue **items, size_t *n)
{
    DsnScope *scope = run->scope;
    DsnItems kept = {0};

    open_scope(run, scope);
    for (size_t i = 0; i < *n; i++) {
        DsnValue value;

        if (!assign_target(run, node->loop.target, (*items)[i]) ||
            !dsn_evaluate(run, node->loop.condition, &value))
            return false;
        if (dsn_value_truth(value))
            dsn_items_add(run, &kept, (*items)[i]);
    }
    run->scope = scope;
    *items = kept.at;
    *n = kept.n;
    return true;
}

/* The turns of a loop share one scope: what one assigns the next one still sees. */
static Flow
do_turns(DsnRun *run, const DsnNode *node, DsnLoop *loop)
{
    bool named =
        g_array_index(run->template_->symbols, DsnSymbol, run->template_->loop_symbol).assigned;
    DsnValue self = {.kind = DSN_VALUE_LOOP, .loop = loop};
    Flow flow = FLOW_ON;

    open_scope(run, loop->scope);
    if (named)
        dsn_assign(run, run->template_->loop_symbol, self);
    for (; loop->index < loop->n && flow != FLOW_BREAK; loop->index++) {
        run->fuel--;
        run->place = node->place;
        if (!assign_target(run, node->loop.target, loop->items[loop->index]))
            return FLOW_FAILED;
        flow = carry_out(run, node->body);
        if (flow == FLOW_FAILED)
            return flow;
    }
    run->scope = loop->scope;
    return FLOW_ON;
}

static Flow
do_loop(DsnRun *run, const DsnNode *node, DsnValue value, size_t depth)
{
    const DsnValue *items;
    DsnLoop *loop;
    size_t n;

    run->place = node->place;
    if (!dsn_value_items(run, value, &items, &n))
        return flow_of(dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "%s cannot be gone through",
                                    dsn_value_kind_name(value)));
    if (node->loop.condition != NULL && !select_items(run, node, &items, &n))
        return FLOW_FAILED;
    if (n == 0)
        return carry_out(run, node->loop.otherwise);
    loop = dsn_run_alloc(run, sizeof *loop);
    *loop = (DsnLoop){.node = node,
                      .scope = run->scope,
                      .items = items,
                      .n = n,
                      .depth = depth,
                      .changed = {.kind = DSN_VALUE_UNRESOLVED}};
    return do_turns(run, node, loop);
}

static Flow
do_for(DsnRun *run, const DsnNode *node)
{
    DsnValue value;

    if (!dsn_evaluate(run, node->loop.items, &value))
        return FLOW_FAILED;
    return do_loop(run, node, value, 0);
}

static Flow
do_with(DsnRun *run, const DsnNode *node)
{
    DsnScope *scope = run->scope;

    open_scope(run, scope);
    for (const DsnAssignment *next = node->assignments; next != NULL; next = next->next) {
        DsnValue value;

        if (!dsn_evaluate(run, next->value, &value) || !assign_target(run, next->target, value))
            return FLOW_FAILED;
    }
    Flow flow = carry_out(run, node->body);
    run->scope = scope;
    return flow;
}

static bool
set_member(DsnRun *run, const DsnNode *node, DsnValue value)
{
    /* The name is read as any other, so that an outer namespace is found. */
    DsnStep name = {
        .place = node->place, .kind = DSN_STEP_NAME, .symbol = node->set.target->symbol};
    DsnValue space = DSN_UNDEFINED;

    if (!dsn_evaluate(run, &name, &space))
        return false;
    if (space.kind != DSN_VALUE_NAMESPACE)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION,
                            "a member can be set in a namespace, not in %s",
                            dsn_value_kind_name(space));
    dsn_namespace_set(run, space.space, node->set.member, value);
    return true;
}

static bool
set_value(DsnRun *run, const DsnNode *node, DsnValue value)
{
    if (node->set.member.kind == DSN_VALUE_STRING)
        return set_member(run, node, value);
    return assign_target(run, node->set.target, value);
}

static Flow
do_set(DsnRun *run, const DsnNode *node)
{
    DsnValue value;

    if (!dsn_evaluate(run, node->set.value, &value))
        return FLOW_FAILED;
    run->place = node->place;
    return flow_of(set_value(run, node, value));
}

static Flow
do_set_block(DsnRun *run, const DsnNode *node)
{
    DsnValue value;
    Flow flow = capture(run, node->body, &value);

    if (flow != FLOW_ON)
        return flow;
    if (node->set.value != NULL && !dsn_evaluate(run, node->set.value, &value))
        return FLOW_FAILED;
    return flow_of(set_value(run, node, value));
}

static Flow
do_filter(DsnRun *run, const DsnNode *node)
{
    DsnValue value;
    Flow flow = capture(run, node->body, &value);

    if (flow != FLOW_ON)
        return flow;
    if (!dsn_evaluate(run, node->value, &value))
        return FLOW_FAILED;
    if (run->autoescape)
        print_escaped(run, value);
    else
        dsn_print(run, value);
    return FLOW_ON;
}

static Flow
do_autoescape(DsnRun *run, const DsnNode *node)
{
    bool before = run->autoescape;
    DsnValue value;

    if (!dsn_evaluate(run, node->value, &value))
        return FLOW_FAILED;
    run->place = node->place;
    if (value.kind == DSN_VALUE_BOOL)
        run->autoescape = value.truth;
    else if (dsn_value_is(value, "html") || dsn_value_is(value, "none"))
        run->autoescape = dsn_value_is(value, "html");
    else
        return flow_of(dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION,
                                    "autoescape takes true, false, \"html\" or \"none\""));
    Flow flow = carry_out(run, node->body);
    run->autoescape = before;
    return flow;
}

static DsnValue
make_macro(DsnRun *run, const DsnNode *node)
{
    DsnMacro *macro = dsn_run_alloc(run, sizeof *macro);

    *macro = (DsnMacro){node, run->scope};
    return (DsnValue){.kind = DSN_VALUE_MACRO, .macro = macro};
}

static Flow
do_call(DsnRun *run, const DsnNode *node)
{
    DsnScope *scope = run->scope;
    DsnValue block = make_macro(run, node), value = DSN_UNDEFINED;

    open_scope(run, scope);
    dsn_assign(run, node->macro.symbol, block);
    if (!dsn_evaluate(run, node->macro.call, &value))
        return FLOW_FAILED;
    run->scope = scope;
    dsn_print(run, value); /* what a macro printed is escaped already */
    return FLOW_ON;
}

static Flow
carry_out_one(DsnRun *run, const DsnNode *node)
{
    DsnValue value;

    switch (node->kind) {
    case DSN_NODE_TEXT:
        dsn_run_write(run, node->text.text, node->text.size);
        return FLOW_ON;
    case DSN_NODE_PRINT:
        return flow_of(print(run, node->value));
    case DSN_NODE_IF:
        return do_if(run, node);
    case DSN_NODE_FOR:
        return do_for(run, node);
    case DSN_NODE_WITH:
        return do_with(run, node);
    case DSN_NODE_SET:
        return do_set(run, node);
    case DSN_NODE_SET_BLOCK:
        return do_set_block(run, node);
    case DSN_NODE_FILTER:
        return do_filter(run, node);
    case DSN_NODE_AUTOESCAPE:
        return do_autoescape(run, node);
    case DSN_NODE_MACRO:
        dsn_assign(run, node->macro.symbol, make_macro(run, node));
        return FLOW_ON;
    case DSN_NODE_CALL:
        return do_call(run, node);
    case DSN_NODE_DO:
        return flow_of(dsn_evaluate(run, node->value, &value));
    case DSN_NODE_BREAK:
        return FLOW_BREAK;
    case DSN_NODE_CONTINUE:
        break;
    }
    return FLOW_CONTINUE;
}

static Flow
carry_out(DsnRun *run, const DsnNode *node)
{
    Flow flow = FLOW_ON;

    if (node == NULL)
        return FLOW_ON;
    if (run->depth == 0) {
        run->place = node->place;
        return flow_of(
            dsn_run_fail(run, DSN_TEMPLATE_ERROR_LIMIT, "statements are nested too deeply"));
    }
    run->depth--;
    for (; node != NULL && flow == FLOW_ON; node = node->next) {
        run->place = node->place;
        flow = carry_out_one(run, node);
        if (--run->fuel < 0 && flow != FLOW_FAILED)
            return flow_of(dsn_run_fail_limit(run));
    }
    run->depth++;
    return flow;
}

bool
dsn_carry_out(DsnRun *run, const DsnNode *node)
{
    return carry_out(run, node) != FLOW_FAILED;
}

/* The value of @parameter: the next by position, or by name, or its preset. */
static bool
parameter_value(DsnRun *run, const DsnParameter *parameter, const DsnValue *positional,
                const DsnPair *named, unsigned n_named, unsigned *used, DsnValue *ret)
{
    for (unsigned i = 0; i < n_named; i++) {
        if (!dsn_value_equal(run, named[i].key, parameter->name))
            continue;
        if (positional != NULL)
            return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION,
                                "argument \"%.*s\" is given twice", (int)parameter->name.size,
                                parameter->name.text);
        *ret = named[i].value;
        (*used)++;
        return true;
    }
    *ret = DSN_UNDEFINED;
    if (positional != NULL)
        *ret = *positional;
    else if (parameter->preset != NULL)
        return dsn_evaluate(run, parameter->preset, ret);
    return true;
}

static bool
bind_parameters(DsnRun *run, const DsnMacro *macro, const DsnValue *values, unsigned n,
                const DsnPair *named, unsigned n_named, DsnScope *caller)
{
    DsnScope *inner = run->scope;
    unsigned i = 0, used = 0;

    if (n > macro->node->macro.n)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "too many arguments");
    for (const DsnParameter *next = macro->node->macro.parameters; next != NULL;
         next = next->next, i++) {
        DsnValue value;

        /* What is preset is read where the macro stands. */
        run->scope = macro->scope;
        if (!dsn_run_may_go_on(run))
            return dsn_run_fail_limit(run);
        if (!parameter_value(run, next, i < n ? &values[i] : NULL, named, n_named, &used, &value))
            return false;
        run->scope = inner;
        dsn_assign(run, next->symbol, value);
    }
    for (i = 0; i < n_named; i++) {
        if (dsn_value_is(named[i].key, "caller") && named[i].value.kind == DSN_VALUE_MACRO) {
            dsn_assign(run, run->template_->caller_symbol, named[i].value);
            used++;
        }
    }
    run->scope = caller;
    return used == n_named ||
           dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "an argument that the macro has not");
}

static bool
call_macro(DsnRun *run, const DsnMacro *macro, const DsnValue *values, unsigned n,
           const DsnPair *named, unsigned n_named, DsnValue *ret)
{
    DsnScope *caller = run->scope, *inner;

    open_scope(run, macro->scope);
    inner = run->scope;
    if (!bind_parameters(run, macro, values, n, named, n_named, caller))
        return false;
    run->scope = inner;
    if (capture(run, macro->node->body, ret) == FLOW_FAILED)
        return false;
    run->scope = caller;
    return true;
}

/* {{ loop(items) }} in a recursive loop. */
static bool
call_loop(DsnRun *run, const DsnLoop *loop, DsnValue items, DsnValue *ret)
{
    DsnScope *caller = run->scope;
    size_t mark = dsn_run_mark(run);

    if (!loop->node->loop.recursive)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "this loop is not recursive");
    if (run->depth == 0)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_LIMIT, "this is nested too deeply");
    run->depth--;
    run->scope = loop->scope;
    if (do_loop(run, loop->node, items, loop->depth + 1) == FLOW_FAILED)
        return false;
    run->scope = caller;
    run->depth++;
    *ret = dsn_run_take(run, mark);
    if (run->autoescape)
        ret->flags |= DSN_VALUE_SAFE;
    return true;
}

bool
dsn_call_value(DsnRun *run, DsnValue callee, const DsnValue *values, unsigned n,
               const DsnPair *named, unsigned n_named, DsnValue *ret)
{
    if (callee.kind == DSN_VALUE_MACRO)
        return call_macro(run, callee.macro, values, n, named, n_named, ret);
    if (callee.kind == DSN_VALUE_LOOP && n == 1 && n_named == 0)
        return call_loop(run, callee.loop, values[0], ret);
    if (callee.kind == DSN_VALUE_JOINER && n == 0 && n_named == 0) {
        *ret = callee.joiner->used ? callee.joiner->separator : dsn_value_text("", 0);
        callee.joiner->used = true;
        return true;
    }
    return dsn_run_fail(
        run, DSN_TEMPLATE_ERROR_OPERATION, "%s cannot be called%s", dsn_value_kind_name(callee),
        callee.kind == DSN_VALUE_LOOP || callee.kind == DSN_VALUE_JOINER ? " with these arguments"
                                                                         : "");
}
