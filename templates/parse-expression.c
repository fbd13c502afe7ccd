/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/parser.h"

/* How tightly an operator binds. */
enum {
    LEVEL_OR,
    LEVEL_AND,
    LEVEL_NOT,
    LEVEL_COMPARE,
    LEVEL_ADD,
    LEVEL_JOIN,
    LEVEL_MULTIPLY,
    LEVEL_POWER,
    LEVEL_UNARY
};

#define ARGUMENTS_MAX 255

static bool parse_binary(DsnParser *parser, int level, DsnChain *chain);
static bool parse_unary(DsnParser *parser, DsnChain *chain, bool filters);

static DsnStep *
append(DsnParser *parser, DsnChain *chain, DsnStepKind kind, DsnPlace place)
{
    DsnStep *step = dsn_parser_alloc(parser, sizeof *step);

    step->kind = kind;
    step->place = place;
    if (chain->last != NULL)
        chain->last->next = step;
    else
        chain->first = step;
    chain->last = step;
    return step;
}

static void
append_constant(DsnParser *parser, DsnChain *chain, DsnPlace place, DsnValue value)
{
    append(parser, chain, DSN_STEP_CONSTANT, place)->constant = value;
}

/* A list of chains that grows; kept in the arena, each time twice as large. */
typedef struct Chains {
    const DsnStep **at;
    unsigned n, allocated;
} Chains;

static void
add_chain(DsnParser *parser, Chains *chains, const DsnStep *step)
{
    if (chains->n == chains->allocated) {
        unsigned allocated = MAX(4, chains->allocated * 2);
        const DsnStep **at = dsn_parser_alloc(parser, allocated * sizeof *at);

        if (chains->n > 0)
            memcpy(at, chains->at, chains->n * sizeof *at);
        chains->at = at;
        chains->allocated = allocated;
    }
    chains->at[chains->n++] = step;
}

static bool
parse_item(DsnParser *parser, Chains *chains)
{
    DsnChain chain = {0};

    if (!dsn_parse_expression(parser, &chain))
        return false;
    add_chain(parser, chains, chain.first);
    return true;
}

/* A list; one whose items are all constants is one too. */
static void
append_list(DsnParser *parser, DsnChain *chain, DsnPlace place, const Chains *chains)
{
    DsnValue *items;

    for (unsigned i = 0; i < chains->n; i++) {
        if (chains->at[i]->kind != DSN_STEP_CONSTANT || chains->at[i]->next != NULL) {
            DsnStep *step = append(parser, chain, DSN_STEP_LIST, place);
            step->list.items = chains->at;
            step->list.n = chains->n;
            return;
        }
    }
    items = dsn_parser_alloc(parser, chains->n * sizeof *items);
    for (unsigned i = 0; i < chains->n; i++)
        items[i] = chains->at[i]->constant;
    append_constant(parser, chain, place, dsn_value_list(items, chains->n));
}

static bool
parse_list(DsnParser *parser, DsnChain *chain, DsnPlace place)
{
    Chains chains = {0};

    while (!dsn_parser_accept_sign(parser, "]")) {
        if (chains.n > 0 && !dsn_parser_expect_sign(parser, ","))
            return false;
        if (chains.n > 0 && dsn_parser_accept_sign(parser, "]"))
            break;
        if (!parse_item(parser, &chains))
            return false;
    }
    append_list(parser, chain, place, &chains);
    return true;
}

static bool
parse_map(DsnParser *parser, DsnChain *chain, DsnPlace place)
{
    Chains chains = {0};
    DsnStep *step;

    while (!dsn_parser_accept_sign(parser, "}")) {
        if (chains.n > 0 && !dsn_parser_expect_sign(parser, ","))
            return false;
        if (chains.n > 0 && dsn_parser_accept_sign(parser, "}"))
            break;
        if (!parse_item(parser, &chains) || !dsn_parser_expect_sign(parser, ":") ||
            !parse_item(parser, &chains))
            return false;
    }
    step = append(parser, chain, DSN_STEP_MAP, place);
    step->list.items = chains.at;
    step->list.n = chains.n;
    return true;
}

/* Something in brackets, or with a comma a list. */
static bool
parse_brackets(DsnParser *parser, DsnChain *chain, DsnPlace place)
{
    DsnChain first = {0};
    Chains chains = {0};

    if (dsn_parser_accept_sign(parser, ")")) {
        append_list(parser, chain, place, &chains);
        return true;
    }
    if (!dsn_parse_expression(parser, &first))
        return false;
    if (dsn_parser_accept_sign(parser, ")")) {
        *chain = first;
        return true;
    }
    add_chain(parser, &chains, first.first);
    while (!dsn_parser_accept_sign(parser, ")")) {
        if (!dsn_parser_expect_sign(parser, ","))
            return false;
        if (dsn_parser_accept_sign(parser, ")"))
            break;
        if (!parse_item(parser, &chains))
            return false;
    }
    append_list(parser, chain, place, &chains);
    return true;
}

/* What an argument list is while it is read. */
typedef struct Arguments {
    Chains values;
    DsnNamed *named;
    unsigned n_named, allocated;
} Arguments;

static void
add_named(DsnParser *parser, Arguments *arguments, DsnValue name, const DsnStep *value)
{
    if (arguments->n_named == arguments->allocated) {
        unsigned allocated = MAX(4, arguments->allocated * 2);
        DsnNamed *named = dsn_parser_alloc(parser, allocated * sizeof *named);

        if (arguments->n_named > 0)
            memcpy(named, arguments->named, arguments->n_named * sizeof *named);
        arguments->named = named;
        arguments->allocated = allocated;
    }
    arguments->named[arguments->n_named++] = (DsnNamed){name, value};
}

/* Whether a name and "=" come next. */
static bool
at_named(DsnParser *parser)
{
    DsnLexer ahead = parser->lexer;

    if (parser->token.kind != DSN_TOKEN_NAME)
        return false;
    ahead.error = NULL; /* what is wrong there is found again when it is read */
    DsnToken token = dsn_lexer_next(&ahead);
    return token.kind == DSN_TOKEN_SIGN && token.size == 1 && *token.text == '=';
}

static bool
parse_argument(DsnParser *parser, Arguments *arguments)
{
    DsnToken token = parser->token;
    DsnChain chain = {0};

    if (dsn_parser_at_sign(parser, "*") || dsn_parser_at_sign(parser, "**"))
        return dsn_parser_fail(parser, token.place,
                               "* and ** do not unpack arguments in these templates");
    if (!at_named(parser)) {
        if (arguments->n_named > 0)
            return dsn_parser_fail(parser, token.place,
                                   "an argument by position after one by name");
        return parse_item(parser, &arguments->values);
    }
    for (unsigned i = 0; i < arguments->n_named; i++) {
        if (arguments->named[i].name.size == token.size &&
            memcmp(arguments->named[i].name.text, token.text, token.size) == 0)
            return dsn_parser_fail(parser, token.place, "argument \"%.*s\" is given twice",
                                   (int)token.size, token.text);
    }
    dsn_parser_next(parser);
    dsn_parser_next(parser); /* the "=" that at_named() saw */
    if (!dsn_parse_expression(parser, &chain))
        return false;
    add_named(parser, arguments, dsn_value_text(token.text, token.size), chain.first);
    return true;
}

/* What stands between "(", which was read, and ")". */
static bool
parse_arguments(DsnParser *parser, Arguments *arguments)
{
    for (unsigned n = 0; !dsn_parser_accept_sign(parser, ")"); n++) {
        if (n > 0 && !dsn_parser_expect_sign(parser, ","))
            return false;
        if (n > 0 && dsn_parser_accept_sign(parser, ")"))
            break;
        if (n == ARGUMENTS_MAX)
            return dsn_parser_fail(parser, parser->token.place, "more than %d arguments",
                                   ARGUMENTS_MAX);
        if (!parse_argument(parser, arguments))
            return false;
    }
    return true;
}

static bool
fail_unknown(DsnParser *parser, DsnPlace place, const char *what, const char *name, size_t size,
             const char *suggestion)
{
    if (suggestion != NULL)
        return dsn_parser_fail(parser, place, "unknown %s \"%.*s\", did you mean \"%s\"?", what,
                               (int)size, name, suggestion);
    return dsn_parser_fail(parser, place, "unknown %s \"%.*s\"", what, (int)size, name);
}

/* A filter or test that an argument names is known now if the argument is a constant. */
static bool
check_names(DsnParser *parser, const DsnBuiltin *builtin, const DsnStep *const *values, unsigned n)
{
    bool filter = (builtin->flags & DSN_BUILTIN_NAMES_FILTER) != 0;
    unsigned at = builtin->flags & DSN_BUILTIN_TESTS_MEMBER ? 1 : 0;
    const char *suggestion;

    if (!filter && !(builtin->flags & (DSN_BUILTIN_NAMES_TEST | DSN_BUILTIN_TESTS_MEMBER)))
        return true;
    if (at >= n || values[at] == NULL || values[at]->kind != DSN_STEP_CONSTANT ||
        values[at]->next != NULL || values[at]->constant.kind != DSN_VALUE_STRING)
        return true;
    DsnValue name = values[at]->constant;
    if (dsn_builtin_find(filter ? DSN_BUILTIN_FILTER : DSN_BUILTIN_TEST, name.text, name.size,
                         parser->flags, &suggestion) != NULL)
        return true;
    return fail_unknown(parser, values[at]->place, filter ? "filter" : "test", name.text, name.size,
                        suggestion);
}

/* Gives every argument of a builtin its place: by position, then by name. */
static bool
bind_arguments(DsnParser *parser, DsnPlace place, const DsnBuiltin *builtin,
               const Arguments *arguments, DsnCall *call)
{
    unsigned parameters = dsn_builtin_parameters(builtin), n = arguments->values.n;
    unsigned slots = MAX(parameters, n);
    const DsnStep **values = dsn_parser_alloc(parser, slots * sizeof *values);
    DsnNamed *rest = dsn_parser_alloc(parser, arguments->n_named * sizeof *rest);

    if (n > parameters && !(builtin->flags & DSN_BUILTIN_REST))
        return dsn_parser_fail(parser, place, "too many arguments for %s", builtin->name);
    for (unsigned i = 0; i < n; i++)
        values[i] = arguments->values.at[i];
    for (unsigned i = 0; i < arguments->n_named; i++) {
        DsnValue name = arguments->named[i].name;
        int position = dsn_builtin_position(builtin, name.text, name.size);

        if (position >= 0 && values[position] != NULL)
            return dsn_parser_fail(parser, place, "argument \"%.*s\" of %s is given twice",
                                   (int)name.size, name.text, builtin->name);
        if (position >= 0)
            values[position] = arguments->named[i].value;
        else if (builtin->flags & DSN_BUILTIN_NAMED)
            rest[call->n_named++] = arguments->named[i];
        else
            return dsn_parser_fail(parser, place, "%s has no argument \"%.*s\"", builtin->name,
                                   (int)name.size, name.text);
    }
    for (unsigned i = 0; i < builtin->required; i++) {
        if (i >= slots || values[i] == NULL)
            return dsn_parser_fail(parser, place, "missing argument for %s", builtin->name);
    }
    if (!check_names(parser, builtin, values, slots))
        return false;
    call->builtin = builtin;
    call->values = values;
    call->n = builtin->flags & DSN_BUILTIN_REST ? n : slots;
    call->named = rest;
    return true;
}

static bool
append_builtin(DsnParser *parser, DsnChain *chain, DsnPlace place, DsnStepKind kind,
               const DsnBuiltin *builtin, const Arguments *arguments)
{
    DsnCall *call = dsn_parser_alloc(parser, sizeof *call);

    if (!bind_arguments(parser, place, builtin, arguments, call))
        return false;
    append(parser, chain, kind, place)->call = call;
    return true;
}

static bool
parse_filter(DsnParser *parser, DsnChain *chain)
{
    DsnToken name = parser->token;
    Arguments arguments = {0};
    const char *suggestion;

    if (name.kind != DSN_TOKEN_NAME)
        return dsn_parser_unexpected(parser, "the name of a filter");
    const DsnBuiltin *builtin =
        dsn_builtin_find(DSN_BUILTIN_FILTER, name.text, name.size, parser->flags, &suggestion);
    if (builtin == NULL)
        return fail_unknown(parser, name.place, "filter", name.text, name.size, suggestion);
    dsn_parser_next(parser);
    if (dsn_parser_accept_sign(parser, "(") && !parse_arguments(parser, &arguments))
        return false;
    return append_builtin(parser, chain, name.place, DSN_STEP_BUILTIN, builtin, &arguments);
}

bool
dsn_parse_filters(DsnParser *parser, DsnChain *chain)
{
    do {
        if (!parse_filter(parser, chain))
            return false;
    } while (dsn_parser_accept_sign(parser, "|"));
    return true;
}

/* Whether an argument without brackets follows the name of a test. */
static bool
at_test_argument(const DsnParser *parser)
{
    static const char *const words[] = {"and", "or", "not", "else", "is", "in", "if", "recursive"};

    if (parser->token.kind == DSN_TOKEN_CONSTANT)
        return true;
    if (parser->token.kind == DSN_TOKEN_SIGN)
        return dsn_parser_at_sign(parser, "[") || dsn_parser_at_sign(parser, "{") ||
               dsn_parser_at_sign(parser, "-");
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (dsn_parser_at_name(parser, words[i]))
            return false;
    }
    return parser->token.kind == DSN_TOKEN_NAME;
}

static bool
parse_test(DsnParser *parser, DsnChain *chain)
{
    bool negated = dsn_parser_accept_name(parser, "not");
    DsnToken name = parser->token;
    Arguments arguments = {0};
    const char *suggestion;

    if (name.kind != DSN_TOKEN_NAME)
        return dsn_parser_unexpected(parser, "the name of a test");
    const DsnBuiltin *builtin =
        dsn_builtin_find(DSN_BUILTIN_TEST, name.text, name.size, parser->flags, &suggestion);
    if (builtin == NULL)
        return fail_unknown(parser, name.place, "test", name.text, name.size, suggestion);
    dsn_parser_next(parser);
    if (dsn_parser_accept_sign(parser, "(")) {
        if (!parse_arguments(parser, &arguments))
            return false;
    } else if (at_test_argument(parser)) {
        DsnChain argument = {0};

        if (!dsn_parser_enter(parser) || !parse_unary(parser, &argument, false))
            return false;
        parser->depth++;
        add_chain(parser, &arguments.values, argument.first);
    }
    if (!append_builtin(parser, chain, name.place, DSN_STEP_BUILTIN, builtin, &arguments))
        return false;
    if (negated)
        append(parser, chain, DSN_STEP_NOT, name.place);
    return true;
}

/* A method of the value so far; "(" is read. */
static bool
parse_method(DsnParser *parser, DsnChain *chain, DsnToken name)
{
    Arguments arguments = {0};
    const char *suggestion;
    const DsnBuiltin *builtin =
        dsn_builtin_find(DSN_BUILTIN_METHOD, name.text, name.size, parser->flags, &suggestion);

    if (builtin == NULL)
        return fail_unknown(parser, name.place, "method", name.text, name.size, suggestion);
    return parse_arguments(parser, &arguments) &&
           append_builtin(parser, chain, name.place, DSN_STEP_BUILTIN, builtin, &arguments);
}

static bool
parse_attribute(DsnParser *parser, DsnChain *chain)
{
    DsnToken name = parser->token;
    DsnChain index = {0};

    if (name.kind == DSN_TOKEN_CONSTANT && name.constant.kind == DSN_VALUE_INTEGER) {
        dsn_parser_next(parser);
        append_constant(parser, &index, name.place, name.constant);
        append(parser, chain, DSN_STEP_ITEM, name.place)->operand = index.first;
        return true;
    }
    if (name.kind != DSN_TOKEN_NAME)
        return dsn_parser_unexpected(parser, "a name or an index");
    dsn_parser_next(parser);
    if (dsn_parser_accept_sign(parser, "("))
        return parse_method(parser, chain, name);
    append(parser, chain, DSN_STEP_ATTRIBUTE, name.place)->constant =
        dsn_value_text(name.text, name.size);
    return true;
}

/* One of the up to three parts of a slice; *@ret stays NULL for an absent one. */
static bool
parse_slice_part(DsnParser *parser, const DsnStep **ret)
{
    DsnChain chain = {0};

    if (dsn_parser_at_sign(parser, ":") || dsn_parser_at_sign(parser, "]"))
        return true;
    if (!dsn_parse_expression(parser, &chain))
        return false;
    *ret = chain.first;
    return true;
}

static bool
parse_subscript(DsnParser *parser, DsnChain *chain, DsnPlace place)
{
    const DsnStep *start = NULL, *stop = NULL, *stride = NULL;
    DsnStep *step;

    if (!parse_slice_part(parser, &start))
        return false;
    if (!dsn_parser_accept_sign(parser, ":")) {
        if (start == NULL)
            return dsn_parser_unexpected(parser, "an index or a key");
        append(parser, chain, DSN_STEP_ITEM, place)->operand = start;
        return dsn_parser_expect_sign(parser, "]");
    }
    if (!parse_slice_part(parser, &stop))
        return false;
    if (dsn_parser_accept_sign(parser, ":") && !parse_slice_part(parser, &stride))
        return false;
    step = append(parser, chain, DSN_STEP_SLICE, place);
    step->slice.start = start;
    step->slice.stop = stop;
    step->slice.step = stride;
    return dsn_parser_expect_sign(parser, "]");
}

/* A call of the value so far; "(" is read. */
static bool
parse_call(DsnParser *parser, DsnChain *chain, DsnPlace place)
{
    Arguments arguments = {0};
    DsnCall *call = dsn_parser_alloc(parser, sizeof *call);

    if (!parse_arguments(parser, &arguments))
        return false;
    call->values = arguments.values.at;
    call->n = arguments.values.n;
    call->named = arguments.named;
    call->n_named = arguments.n_named;
    append(parser, chain, DSN_STEP_CALL, place)->call = call;
    return true;
}

/* A name, and if "(" follows a call: of a function of ours unless the template assigns the name. */
static bool
parse_name(DsnParser *parser, DsnChain *chain, DsnToken name)
{
    unsigned symbol = dsn_parser_symbol(parser, name.text, name.size);
    Arguments arguments = {0};
    const char *suggestion;

    if (dsn_parser_at_sign(parser, "(") &&
        !g_array_index(parser->template_->symbols, DsnSymbol, symbol).assigned) {
        const DsnBuiltin *builtin = dsn_builtin_find(DSN_BUILTIN_FUNCTION, name.text, name.size,
                                                     parser->flags, &suggestion);
        if (builtin != NULL) {
            dsn_parser_next(parser);
            return parse_arguments(parser, &arguments) &&
                   append_builtin(parser, chain, name.place, DSN_STEP_FUNCTION, builtin,
                                  &arguments);
        }
        DsnCalled called = {symbol, name.place, suggestion};
        g_array_append_val(parser->called, called);
    }
    append(parser, chain, DSN_STEP_NAME, name.place)->symbol = symbol;
    return true;
}

/* A string goes on in the strings that follow it directly. */
static DsnValue
join_strings(DsnParser *parser, DsnValue value)
{
    g_autoptr(GString) joined = NULL;

    while (parser->token.kind == DSN_TOKEN_CONSTANT &&
           parser->token.constant.kind == DSN_VALUE_STRING) {
        DsnValue more = parser->token.constant;

        if (joined == NULL)
            joined = g_string_new_len(value.text, value.size);
        g_string_append_len(joined, more.text, more.size);
        dsn_parser_next(parser);
    }
    if (joined == NULL)
        return value;
    char *text = dsn_parser_alloc(parser, joined->len + 1);
    memcpy(text, joined->str, joined->len);
    return dsn_value_text(text, joined->len);
}

static bool
parse_word(DsnParser *parser, DsnChain *chain, DsnToken name)
{
    static const struct {
        const char *word;
        DsnValue value;
    } words[] = {
        {"true", {.kind = DSN_VALUE_BOOL, .truth = true}},
        {"True", {.kind = DSN_VALUE_BOOL, .truth = true}},
        {"false", {.kind = DSN_VALUE_BOOL, .truth = false}},
        {"False", {.kind = DSN_VALUE_BOOL, .truth = false}},
        {"none", {.kind = DSN_VALUE_NONE}},
        {"None", {.kind = DSN_VALUE_NONE}},
    };
    static const char *const operators[] = {"and", "or", "not", "is", "in", "if", "else"};

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (dsn_parser_accept_name(parser, words[i].word)) {
            append_constant(parser, chain, name.place, words[i].value);
            return true;
        }
    }
    for (size_t i = 0; i < G_N_ELEMENTS(operators); i++) {
        if (dsn_parser_at_name(parser, operators[i]))
            return dsn_parser_unexpected(parser, "an expression");
    }
    dsn_parser_next(parser);
    return parse_name(parser, chain, name);
}

static bool
parse_primary(DsnParser *parser, DsnChain *chain)
{
    DsnToken token = parser->token;

    if (token.kind == DSN_TOKEN_NAME)
        return parse_word(parser, chain, token);
    if (token.kind == DSN_TOKEN_CONSTANT) {
        dsn_parser_next(parser);
        if (token.constant.kind == DSN_VALUE_STRING)
            token.constant = join_strings(parser, token.constant);
        append_constant(parser, chain, token.place, token.constant);
        return true;
    }
    if (dsn_parser_accept_sign(parser, "("))
        return parse_brackets(parser, chain, token.place);
    if (dsn_parser_accept_sign(parser, "["))
        return parse_list(parser, chain, token.place);
    if (dsn_parser_accept_sign(parser, "{"))
        return parse_map(parser, chain, token.place);
    return dsn_parser_unexpected(parser, "an expression");
}

/* Attributes, subscripts, calls; then with @filters also filters and tests, behind which there are
 * no more of the former. "-" belongs to the name itself: -a.b is (-a).b, as in MiniJinja. */
static bool
parse_unary(DsnParser *parser, DsnChain *chain, bool filters)
{
    DsnPlace place = parser->token.place;
    unsigned minus = 0;

    while (dsn_parser_accept_sign(parser, "-"))
        minus++;
    if (!parse_primary(parser, chain))
        return false;
    for (; minus > 0; minus--)
        append(parser, chain, DSN_STEP_NEGATE, place);
    for (;;) {
        place = parser->token.place;
        bool ok;

        if (dsn_parser_accept_sign(parser, "."))
            ok = parse_attribute(parser, chain);
        else if (dsn_parser_accept_sign(parser, "["))
            ok = parse_subscript(parser, chain, place);
        else if (dsn_parser_accept_sign(parser, "("))
            ok = parse_call(parser, chain, place);
        else
            break;
        if (!ok)
            return false;
    }
    while (filters) {
        bool ok;

        if (dsn_parser_accept_sign(parser, "|"))
            ok = parse_filter(parser, chain);
        else if (dsn_parser_accept_name(parser, "is"))
            ok = parse_test(parser, chain);
        else
            break;
        if (!ok)
            return false;
    }
    return true;
}

/* "not in" is two words: the second is seen only ahead of the lexer. */
static bool
at_not_in(DsnParser *parser)
{
    DsnLexer ahead = parser->lexer;

    if (!dsn_parser_at_name(parser, "not"))
        return false;
    ahead.error = NULL; /* what is wrong there is found again when it is read */
    DsnToken token = dsn_lexer_next(&ahead);
    return token.kind == DSN_TOKEN_NAME && token.size == 2 && memcmp(token.text, "in", 2) == 0;
}

static bool
accept_comparison(DsnParser *parser, DsnComparison *ret)
{
    static const struct {
        const char *sign;
        DsnComparison comparison;
    } signs[] = {
        {"==", DSN_COMPARE_EQUAL},  {"!=", DSN_COMPARE_UNEQUAL},
        {"<", DSN_COMPARE_LESS},    {"<=", DSN_COMPARE_LESS_EQUAL},
        {">", DSN_COMPARE_GREATER}, {">=", DSN_COMPARE_GREATER_EQUAL},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(signs); i++) {
        if (dsn_parser_accept_sign(parser, signs[i].sign)) {
            *ret = signs[i].comparison;
            return true;
        }
    }
    if (at_not_in(parser)) {
        dsn_parser_next(parser);
        dsn_parser_next(parser);
        *ret = DSN_COMPARE_NOT_IN;
        return true;
    }
    *ret = DSN_COMPARE_IN;
    return dsn_parser_accept_name(parser, "in");
}

static bool
parse_comparisons(DsnParser *parser, DsnChain *chain)
{
    DsnPlace place = parser->token.place;
    DsnComparison comparison;
    DsnCompared *last = NULL;

    while (accept_comparison(parser, &comparison)) {
        DsnCompared *compared = dsn_parser_alloc(parser, sizeof *compared);
        DsnChain operand = {0};

        if (!parse_binary(parser, LEVEL_ADD, &operand))
            return false;
        compared->comparison = comparison;
        compared->operand = operand.first;
        if (last == NULL)
            append(parser, chain, DSN_STEP_COMPARE, place)->compared = compared;
        else
            last->next = compared;
        last = compared;
    }
    return true;
}

typedef struct Infix {
    const char *text;
    int level;
    DsnStepKind kind;
    DsnOperator op;
} Infix;

static const Infix *
at_infix(const DsnParser *parser)
{
    static const Infix infixes[] = {
        {"or", LEVEL_OR, DSN_STEP_OR, 0},
        {"and", LEVEL_AND, DSN_STEP_AND, 0},
        {"+", LEVEL_ADD, DSN_STEP_ARITHMETIC, DSN_OPERATOR_ADD},
        {"-", LEVEL_ADD, DSN_STEP_ARITHMETIC, DSN_OPERATOR_SUBTRACT},
        {"~", LEVEL_JOIN, DSN_STEP_CONCATENATE, 0},
        {"*", LEVEL_MULTIPLY, DSN_STEP_ARITHMETIC, DSN_OPERATOR_MULTIPLY},
        {"/", LEVEL_MULTIPLY, DSN_STEP_ARITHMETIC, DSN_OPERATOR_DIVIDE},
        {"//", LEVEL_MULTIPLY, DSN_STEP_ARITHMETIC, DSN_OPERATOR_FLOOR_DIVIDE},
        {"%", LEVEL_MULTIPLY, DSN_STEP_ARITHMETIC, DSN_OPERATOR_REMAINDER},
        {"**", LEVEL_POWER, DSN_STEP_ARITHMETIC, DSN_OPERATOR_POWER},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(infixes); i++) {
        if (dsn_parser_at_sign(parser, infixes[i].text) ||
            dsn_parser_at_name(parser, infixes[i].text))
            return &infixes[i];
    }
    return NULL;
}

/* Operators that bind at least as tightly as @level; all of them group from the left. */
static bool
parse_binary(DsnParser *parser, int level, DsnChain *chain)
{
    DsnPlace place = parser->token.place;
    const Infix *infix;
    unsigned nots = 0;

    while (level <= LEVEL_NOT && dsn_parser_accept_name(parser, "not"))
        nots++;
    if (nots > 0 ? !parse_binary(parser, LEVEL_COMPARE, chain) : !parse_unary(parser, chain, true))
        return false;
    for (; nots > 0; nots--)
        append(parser, chain, DSN_STEP_NOT, place);
    for (;;) {
        infix = at_infix(parser);
        if (infix == NULL || infix->level < level) {
            if (level > LEVEL_COMPARE || infix != NULL)
                return true;

            const DsnStep *last = chain->last;
            if (!parse_comparisons(parser, chain))
                return false;
            if (chain->last == last)
                return true;
            continue;
        }

        DsnChain operand = {0};
        place = parser->token.place;
        dsn_parser_next(parser);
        if (!parse_binary(parser, infix->level + 1, &operand))
            return false;
        DsnStep *step = append(parser, chain, infix->kind, place);
        step->op = infix->op;
        step->operand = operand.first;
    }
}

bool
dsn_parse_condition(DsnParser *parser, DsnChain *chain)
{
    if (!dsn_parser_enter(parser) || !parse_binary(parser, LEVEL_OR, chain))
        return false;
    parser->depth++;
    return true;
}

bool
dsn_parse_expression(DsnParser *parser, DsnChain *chain)
{
    if (!dsn_parser_enter(parser) || !parse_binary(parser, LEVEL_OR, chain))
        return false;
    while (dsn_parser_at_name(parser, "if")) {
        DsnPlace place = parser->token.place;
        DsnChain condition = {0}, otherwise = {0};

        dsn_parser_next(parser);
        if (!parse_binary(parser, LEVEL_OR, &condition))
            return false;
        if (dsn_parser_accept_name(parser, "else") && !dsn_parse_expression(parser, &otherwise))
            return false;
        DsnStep *step = append(parser, &condition, DSN_STEP_CHOOSE, place);
        step->choice.yes = chain->first;
        step->choice.no = otherwise.first;
        *chain = condition;
    }
    parser->depth++;
    return true;
}
