/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/evaluate.h"

#include "templates/print.h"
#include "templates/text.h"

/* Header names are found in any case of letters, as older KumoMTA wrote them in lower case. */
static DsnValue
found_as(const DsnRun *run, DsnValue value, const char *name, size_t size)
{
    if (size == 7 && value.kind == DSN_VALUE_MAP && value.flags & DSN_VALUE_JSON &&
        run->template_->flags & DSN_TEMPLATE_KUMO && memcmp(name, "headers", 7) == 0)
        value.flags |= DSN_VALUE_CASELESS;
    return value;
}

static DsnValue
look_up_context(DsnRun *run, const DsnSymbol *symbol)
{
    const DsnTemplateInput *input = run->input;
    json_t *json = NULL;

    if (input->context != NULL)
        json = json_object_getn(input->context, symbol->name, symbol->size);
    if (json == NULL && input->global_name != NULL && strcmp(input->global_name, symbol->name) == 0)
        json = input->global;
    return found_as(run, dsn_value_from_json(json), symbol->name, symbol->size);
}

/* A name that is assigned somewhere, or that was not looked up before. */
static DsnValue
look_up(DsnRun *run, unsigned number)
{
    const DsnSymbol *symbol = &g_array_index(run->template_->symbols, DsnSymbol, number);
    unsigned hops = 0;

    if (!symbol->assigned)
        return run->names[number] = look_up_context(run, symbol);
    for (const DsnScope *scope = run->scope; scope != NULL; scope = scope->parent) {
        for (const DsnBinding *binding = scope->first; binding != NULL; binding = binding->next) {
            if (binding->symbol == number) {
                run->fuel -= hops / 16;
                return binding->value;
            }
            hops++;
        }
        hops++;
    }
    run->fuel -= hops / 16;
    return look_up_context(run, symbol);
}

static bool
make_list(DsnRun *run, const DsnStep *step, DsnValue *ret)
{
    DsnValue *items = dsn_run_items(run, step->list.n);

    for (unsigned i = 0; i < step->list.n; i++) {
        if (!dsn_evaluate(run, step->list.items[i], &items[i]))
            return false;
    }
    *ret = dsn_value_list(items, step->list.n);
    return true;
}

static bool
make_map(DsnRun *run, const DsnStep *step, DsnValue *ret)
{
    unsigned n = step->list.n / 2;
    DsnPair *pairs = dsn_run_alloc(run, n * sizeof *pairs);

    for (unsigned i = 0; i < n; i++) {
        if (!dsn_evaluate(run, step->list.items[2 * i], &pairs[i].key) ||
            !dsn_evaluate(run, step->list.items[2 * i + 1], &pairs[i].value))
            return false;
    }
    *ret = dsn_value_map(run, pairs, n);
    return true;
}

static bool
take_attribute(DsnRun *run, const DsnStep *step, DsnValue *value)
{
    DsnValue name = step->constant;

    if (value->kind == DSN_VALUE_UNDEFINED)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_UNDEFINED,
                            "attribute \"%.*s\" of an undefined value", (int)name.size, name.text);
    *value =
        found_as(run, dsn_value_attribute(run, *value, name.text, name.size), name.text, name.size);
    return true;
}

static bool
take_item(DsnRun *run, const DsnStep *step, DsnValue *value)
{
    DsnValue key;

    if (!dsn_evaluate(run, step->operand, &key))
        return false;
    run->place = step->place;
    if (value->kind == DSN_VALUE_UNDEFINED)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_UNDEFINED, "an item of an undefined value");
    *value = dsn_value_member(run, *value, key);
    if (key.kind == DSN_VALUE_STRING)
        *value = found_as(run, *value, key.text, key.size);
    return true;
}

/* A part of a slice; @preset when it is absent or none. */
static bool
slice_part(DsnRun *run, const DsnStep *part, DsnInteger preset, DsnInteger *ret)
{
    DsnValue value = DSN_NONE;

    *ret = preset;
    if (part != NULL && !dsn_evaluate(run, part, &value))
        return false;
    if (value.kind == DSN_VALUE_NONE || dsn_number_to_integer(value, ret))
        return true;
    run->place = part->place;
    return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "a slice is cut at integers, not at %s",
                        dsn_value_kind_name(value));
}

/* Where a slice ends or begins among @length items, for steps of one direction or the other. */
static DsnInteger
clamp(DsnInteger at, DsnInteger length, bool backwards)
{
    if (at < 0)
        at += length;
    if (at < 0)
        return backwards ? -1 : 0;
    if (at >= length)
        return backwards ? length - 1 : length;
    return at;
}

static DsnValue
cut(DsnRun *run, DsnValue value, DsnInteger start, DsnInteger stop, DsnInteger stride)
{
    const DsnValue *items;
    DsnItems kept = {0};
    size_t n;

    if (value.kind == DSN_VALUE_STRING && stride == 1) {
        if (start >= stop)
            return dsn_value_text(value.text, 0);
        const char *from = dsn_text_at(value.text, value.size, (size_t)start);
        const char *end = value.text + value.size;
        const char *to = dsn_text_at(from, (size_t)(end - from), (size_t)(stop - start));
        return dsn_value_text(from, (size_t)(to - from));
    }
    (void)dsn_value_items(run, value, &items, &n); /* it is a list or string */
    for (; stride > 0 ? start < stop : start > stop; start += stride) {
        dsn_items_add(run, &kept, items[start]);
        run->fuel--;
    }
    if (value.kind == DSN_VALUE_LIST)
        return dsn_items_list(&kept);

    size_t mark = dsn_run_mark(run);
    for (size_t i = 0; i < kept.n; i++)
        dsn_run_write(run, kept.at[i].text, kept.at[i].size);
    return dsn_run_take(run, mark);
}

static bool
take_slice(DsnRun *run, const DsnStep *step, DsnValue *value)
{
    DsnInteger start, stop, stride;
    size_t length = 0;

    if (dsn_value_is_missing(*value))
        *value = dsn_value_list(NULL, 0);
    if (value->kind != DSN_VALUE_LIST && value->kind != DSN_VALUE_STRING)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "%s cannot be sliced",
                            dsn_value_kind_name(*value));
    (void)dsn_value_length(*value, &length); /* both have one */
    if (value->kind == DSN_VALUE_STRING)
        dsn_run_scan(run, value->size);
    if (!slice_part(run, step->slice.step, 1, &stride))
        return false;
    if (stride == 0)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION, "a slice cannot have steps of 0");
    bool backwards = stride < 0;
    if (!slice_part(run, step->slice.start, backwards ? (DsnInteger)length : 0, &start) ||
        !slice_part(run, step->slice.stop, backwards ? -(DsnInteger)length - 1 : (DsnInteger)length,
                    &stop))
        return false;
    run->place = step->place;
    start = clamp(start, (DsnInteger)length, backwards);
    stop = clamp(stop, (DsnInteger)length, backwards);
    stride = CLAMP(stride, -(DsnInteger)length - 1, (DsnInteger)length + 1);
    *value = cut(run, *value, start, stop, stride);
    return true;
}

/* Evaluates the arguments that have no position into pairs. */
static bool
named_arguments(DsnRun *run, const DsnCall *call, const DsnPair **ret)
{
    DsnPair *pairs = NULL;

    if (call->n_named > 0)
        pairs = dsn_run_alloc(run, call->n_named * sizeof *pairs);
    for (unsigned i = 0; i < call->n_named; i++) {
        pairs[i].key = call->named[i].name;
        if (!dsn_evaluate(run, call->named[i].value, &pairs[i].value))
            return false;
    }
    *ret = pairs;
    return true;
}

/* Evaluates the arguments by position into @values, which has room for them. */
static bool
positional_arguments(DsnRun *run, const DsnCall *call, DsnValue *values)
{
    for (unsigned i = 0; i < call->n; i++) {
        values[i] = DSN_UNDEFINED;
        if (call->values[i] != NULL && !dsn_evaluate(run, call->values[i], &values[i]))
            return false;
    }
    return true;
}

static bool
call_builtin(DsnRun *run, const DsnStep *step, DsnValue *value)
{
    const DsnCall *call = step->call;
    DsnValue few[4], *values = few;
    DsnArguments arguments = {.n = call->n + 1, .n_named = call->n_named};

    if (arguments.n > G_N_ELEMENTS(few))
        values = dsn_run_items(run, arguments.n);
    values[0] = *value;
    if (!positional_arguments(run, call, values + 1) ||
        !named_arguments(run, call, &arguments.named))
        return false;
    arguments.at = values;
    run->place = step->place;
    return call->builtin->call(run, &arguments, value);
}

static bool
call_value(DsnRun *run, const DsnStep *step, DsnValue *value)
{
    const DsnCall *call = step->call;
    DsnValue *values = dsn_run_items(run, call->n);
    const DsnPair *named;

    if (!positional_arguments(run, call, values) || !named_arguments(run, call, &named))
        return false;
    run->place = step->place;
    return dsn_call_value(run, *value, values, call->n, named, call->n_named, value);
}

static bool
repeat(DsnRun *run, DsnValue value, DsnValue times, DsnValue *ret)
{
    DsnInteger n;

    if (times.kind == DSN_VALUE_FLOAT || !dsn_number_to_integer(times, &n) || n < 0)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_OPERATION,
                            "%s is repeated a whole number of times", dsn_value_kind_name(value));
    if (value.kind == DSN_VALUE_STRING) {
        size_t mark = dsn_run_mark(run);

        if (value.size > 0 && n > (DsnInteger)(run->room / value.size))
            return dsn_run_fail(run, DSN_TEMPLATE_ERROR_LIMIT, "the text is too long");
        for (; n > 0 && value.size > 0; n--)
            dsn_run_write(run, value.text, value.size);
        *ret = dsn_run_take(run, mark);
        return true;
    }

    const DsnValue *items;
    DsnValue *all;
    size_t size;
    (void)dsn_value_items(run, value, &items, &size); /* it is a list */
    if (size > 0 && n > run->fuel / (DsnInteger)size)
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_LIMIT, "the list is too long");
    n = size == 0 ? 0 : n;
    all = dsn_run_items(run, (size_t)n * size);
    for (size_t i = 0; i < (size_t)n; i++)
        memcpy(all + i * size, items, size * sizeof *all);
    *ret = dsn_value_list(all, (size_t)n * size);
    return true;
}

static DsnValue
add_lists(DsnRun *run, DsnValue left, DsnValue right)
{
    const DsnValue *a, *b;
    DsnValue *all;
    size_t n_a, n_b;

    (void)dsn_value_items(run, left, &a, &n_a); /* both are lists */
    (void)dsn_value_items(run, right, &b, &n_b);
    all = dsn_run_items(run, n_a + n_b);
    if (n_a > 0)
        memcpy(all, a, n_a * sizeof *all);
    if (n_b > 0)
        memcpy(all + n_a, b, n_b * sizeof *all);
    return dsn_value_list(all, n_a + n_b);
}

static DsnValue
concatenate(DsnRun *run, DsnValue left, DsnValue right)
{
    size_t mark = dsn_run_mark(run);

    dsn_print(run, left);
    dsn_print(run, right);
    return dsn_run_take(run, mark);
}

static bool
calculate(DsnRun *run, const DsnStep *step, DsnValue *value)
{
    DsnValue left = *value, right;

    if (!dsn_evaluate(run, step->operand, &right))
        return false;
    run->place = step->place;
    if (step->kind == DSN_STEP_CONCATENATE) {
        *value = concatenate(run, left, right);
        return true;
    }
    if (step->op == DSN_OPERATOR_ADD && left.kind == right.kind) {
        if (left.kind == DSN_VALUE_STRING)
            *value = concatenate(run, left, right);
        else if (left.kind == DSN_VALUE_LIST)
            *value = add_lists(run, left, right);
        else
            return dsn_number_operate(run, step->op, left, right, value);
        return true;
    }
    if (step->op == DSN_OPERATOR_MULTIPLY) {
        if (left.kind == DSN_VALUE_STRING || left.kind == DSN_VALUE_LIST)
            return repeat(run, left, right, value);
        if (right.kind == DSN_VALUE_STRING || right.kind == DSN_VALUE_LIST)
            return repeat(run, right, left, value);
    }
    return dsn_number_operate(run, step->op, left, right, value);
}

static bool
compare_two(DsnRun *run, DsnComparison comparison, DsnValue left, DsnValue right, bool *ret)
{
    switch (comparison) {
    case DSN_COMPARE_EQUAL:
        *ret = dsn_value_equal(run, left, right);
        return true;
    case DSN_COMPARE_UNEQUAL:
        *ret = !dsn_value_equal(run, left, right);
        return true;
    case DSN_COMPARE_LESS:
        *ret = dsn_value_compare(run, left, right) < 0;
        return true;
    case DSN_COMPARE_LESS_EQUAL:
        *ret = dsn_value_compare(run, left, right) <= 0;
        return true;
    case DSN_COMPARE_GREATER:
        *ret = dsn_value_compare(run, left, right) > 0;
        return true;
    case DSN_COMPARE_GREATER_EQUAL:
        *ret = dsn_value_compare(run, left, right) >= 0;
        return true;
    case DSN_COMPARE_IN:
        return dsn_value_contains(run, right, left, ret);
    case DSN_COMPARE_NOT_IN:
        break;
    }
    if (!dsn_value_contains(run, right, left, ret))
        return false;
    *ret = !*ret;
    return true;
}

/* a < b < c is "a < b and b < c", with b evaluated once. */
static bool
compare(DsnRun *run, const DsnStep *step, DsnValue *value)
{
    bool holds = true;

    for (const DsnCompared *next = step->compared; next != NULL && holds; next = next->next) {
        DsnValue right;

        if (!dsn_evaluate(run, next->operand, &right))
            return false;
        run->place = step->place;
        if (!compare_two(run, next->comparison, *value, right, &holds))
            return false;
        *value = right;
    }
    *value = dsn_value_bool(holds);
    return true;
}

static bool
choose(DsnRun *run, const DsnStep *step, DsnValue *value)
{
    const DsnStep *chosen = dsn_value_truth(*value) ? step->choice.yes : step->choice.no;

    *value = DSN_UNDEFINED;
    return chosen == NULL || dsn_evaluate(run, chosen, value);
}

static bool
take_step(DsnRun *run, const DsnStep *step, DsnValue *value)
{
    switch (step->kind) {
    case DSN_STEP_CONSTANT:
        *value = step->constant;
        return true;
    case DSN_STEP_NAME:
        *value = run->names[step->symbol];
        if (value->kind == DSN_VALUE_UNRESOLVED)
            *value = look_up(run, step->symbol);
        return true;
    case DSN_STEP_LIST:
        return make_list(run, step, value);
    case DSN_STEP_MAP:
        return make_map(run, step, value);
    case DSN_STEP_FUNCTION:
        *value = DSN_UNDEFINED;
        return call_builtin(run, step, value);
    case DSN_STEP_ATTRIBUTE:
        return take_attribute(run, step, value);
    case DSN_STEP_ITEM:
        return take_item(run, step, value);
    case DSN_STEP_SLICE:
        return take_slice(run, step, value);
    case DSN_STEP_BUILTIN:
        return call_builtin(run, step, value);
    case DSN_STEP_CALL:
        return call_value(run, step, value);
    case DSN_STEP_NOT:
        *value = dsn_value_bool(!dsn_value_truth(*value));
        return true;
    case DSN_STEP_NEGATE:
        return dsn_number_negate(run, *value, value);
    case DSN_STEP_ARITHMETIC:
    case DSN_STEP_CONCATENATE:
        return calculate(run, step, value);
    case DSN_STEP_COMPARE:
        return compare(run, step, value);
    case DSN_STEP_AND:
        return !dsn_value_truth(*value) || dsn_evaluate(run, step->operand, value);
    case DSN_STEP_OR:
        return dsn_value_truth(*value) || dsn_evaluate(run, step->operand, value);
    case DSN_STEP_CHOOSE:
        break;
    }
    return choose(run, step, value);
}

bool
dsn_evaluate(DsnRun *run, const DsnStep *step, DsnValue *value)
{
    if (run->depth == 0) {
        run->place = step->place;
        return dsn_run_fail(run, DSN_TEMPLATE_ERROR_LIMIT, "this is nested too deeply");
    }
    run->depth--;
    for (; step != NULL; step = step->next) {
        run->place = step->place;
        if (--run->fuel < 0)
            return dsn_run_fail_limit(run);
        if (!take_step(run, step, value))
            return false;
    }
    run->depth++;
    return true;
}
