/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/parser.h"
#include "templates/text.h"

/* Statements in a row. */
typedef struct Row {
    DsnNode *first, *last;
} Row;

static bool parse_row(DsnParser *parser, const char *const *ends, DsnPlace open, Row *row);

/*
 * What the halves of the parser share.
 */

bool
dsn_parser_fail(DsnParser *parser, DsnPlace place, const char *format, ...)
{
    va_list arguments;

    if (parser->token.kind == DSN_TOKEN_ERROR)
        return false;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    dsn_lexer_fail(&parser->lexer, place, "%s", text);
    parser->token.kind = DSN_TOKEN_ERROR;
    return false;
}

bool
dsn_parser_unexpected(DsnParser *parser, const char *expected)
{
    const DsnToken *token = &parser->token;

    if (token->kind == DSN_TOKEN_END)
        return dsn_parser_fail(parser, token->place, "the template ends here, expected %s",
                               expected);
    return dsn_parser_fail(parser, token->place, "unexpected \"%.*s\", expected %s",
                           (int)(dsn_text_at(token->text, token->size, 40) - token->text),
                           token->text, expected);
}

void
dsn_parser_next(DsnParser *parser)
{
    parser->token = dsn_lexer_next(&parser->lexer);
}

static bool
at_word(const DsnParser *parser, DsnTokenKind kind, const char *word)
{
    const DsnToken *token = &parser->token;

    return token->kind == kind && strncmp(token->text, word, token->size) == 0 &&
           word[token->size] == '\0';
}

bool
dsn_parser_at_name(const DsnParser *parser, const char *name)
{
    return at_word(parser, DSN_TOKEN_NAME, name);
}

bool
dsn_parser_at_sign(const DsnParser *parser, const char *sign)
{
    return at_word(parser, DSN_TOKEN_SIGN, sign);
}

bool
dsn_parser_accept_name(DsnParser *parser, const char *name)
{
    if (!dsn_parser_at_name(parser, name))
        return false;
    dsn_parser_next(parser);
    return true;
}

bool
dsn_parser_accept_sign(DsnParser *parser, const char *sign)
{
    if (!dsn_parser_at_sign(parser, sign))
        return false;
    dsn_parser_next(parser);
    return true;
}

bool
dsn_parser_expect_sign(DsnParser *parser, const char *sign)
{
    char expected[8];

    if (dsn_parser_accept_sign(parser, sign))
        return true;
    g_snprintf(expected, sizeof expected, "\"%s\"", sign);
    return dsn_parser_unexpected(parser, expected);
}

bool
dsn_parser_enter(DsnParser *parser)
{
    if (parser->depth == 0) {
        GError **error = parser->lexer.error;

        (void)dsn_parser_fail(parser, parser->token.place, "this is nested too deeply");
        if (error != NULL && *error != NULL && parser->token.kind == DSN_TOKEN_ERROR)
            (*error)->code = DSN_TEMPLATE_ERROR_LIMIT;
        return false;
    }
    parser->depth--;
    return true;
}

unsigned
dsn_parser_symbol(DsnParser *parser, const char *text, size_t size)
{
    GArray *symbols = parser->template_->symbols;
    char *name = dsn_parser_alloc(parser, size + 1);
    gpointer known;

    memcpy(name, text, size);
    if (g_hash_table_lookup_extended(parser->symbols, name, NULL, &known))
        return GPOINTER_TO_UINT(known);

    DsnSymbol symbol = {name, size, false};
    g_array_append_val(symbols, symbol);
    g_hash_table_insert(parser->symbols, name, GUINT_TO_POINTER(symbols->len - 1));
    return symbols->len - 1;
}

void
dsn_parser_assigned(DsnParser *parser, unsigned symbol)
{
    g_array_index(parser->template_->symbols, DsnSymbol, symbol).assigned = true;
}

/*
 * Statements.
 */

static DsnNode *
add_node(DsnParser *parser, Row *row, DsnNodeKind kind, DsnPlace place)
{
    DsnNode *node = dsn_parser_alloc(parser, sizeof *node);

    node->kind = kind;
    node->place = place;
    if (row->last != NULL)
        row->last->next = node;
    else
        row->first = node;
    row->last = node;
    return node;
}

static bool
expect_block_end(DsnParser *parser)
{
    if (parser->token.kind != DSN_TOKEN_BLOCK_END)
        return dsn_parser_unexpected(parser, "\"%}\"");
    dsn_parser_next(parser);
    return true;
}

/* The statements up to one of @ends; the token is then that name. @open is where the statement
 * began that they belong to. */
static bool
parse_body(DsnParser *parser, const char *const *ends, DsnPlace open, const DsnNode **ret)
{
    Row row = {0};

    if (!expect_block_end(parser) || !dsn_parser_enter(parser) ||
        !parse_row(parser, ends, open, &row))
        return false;
    parser->depth++;
    *ret = row.first;
    return true;
}

/* The same where only @end may end them; goes on behind its tag. */
static bool
parse_whole_body(DsnParser *parser, const char *end, DsnPlace open, const DsnNode **ret)
{
    const char *const ends[] = {end, NULL};

    if (!parse_body(parser, ends, open, ret))
        return false;
    dsn_parser_next(parser);
    return expect_block_end(parser);
}

static bool
is_reserved(const DsnToken *name)
{
    static const char *const words[] = {"true", "True", "false", "False", "none",
                                        "None", "loop", "self",  "and",   "or",
                                        "not",  "is",   "in",    "if",    "else"};

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strlen(words[i]) == name->size && memcmp(words[i], name->text, name->size) == 0)
            return true;
    }
    return false;
}

/* A name that is assigned to. */
static bool
parse_new_name(DsnParser *parser, unsigned *ret_symbol)
{
    DsnToken name = parser->token;

    if (name.kind != DSN_TOKEN_NAME)
        return dsn_parser_unexpected(parser, "a name");
    if (is_reserved(&name))
        return dsn_parser_fail(parser, name.place, "\"%.*s\" is reserved, it cannot be assigned to",
                               (int)name.size, name.text);
    dsn_parser_next(parser);
    *ret_symbol = dsn_parser_symbol(parser, name.text, name.size);
    dsn_parser_assigned(parser, *ret_symbol);
    return true;
}

static bool parse_target(DsnParser *parser, DsnTarget **ret);

/* "a, (b, c), d" up to what is neither a comma nor a target. */
static bool
parse_targets(DsnParser *parser, DsnTarget **ret)
{
    DsnTarget *whole = dsn_parser_alloc(parser, sizeof *whole), *last = NULL;
    bool comma = false;

    for (;;) {
        DsnTarget *part;

        if (!parse_target(parser, &part))
            return false;
        if (last == NULL)
            whole->parts = part;
        else
            last->next = part;
        last = part;
        whole->n_parts++;
        if (!dsn_parser_accept_sign(parser, ","))
            break;
        comma = true;
        if (parser->token.kind != DSN_TOKEN_NAME && !dsn_parser_at_sign(parser, "("))
            break;
    }
    *ret = comma ? whole : whole->parts;
    return true;
}

static bool
parse_target(DsnParser *parser, DsnTarget **ret)
{
    if (dsn_parser_accept_sign(parser, "(")) {
        if (!dsn_parser_enter(parser) || !parse_targets(parser, ret))
            return false;
        parser->depth++;
        return dsn_parser_expect_sign(parser, ")");
    }
    *ret = dsn_parser_alloc(parser, sizeof **ret);
    return parse_new_name(parser, &(*ret)->symbol);
}

static bool
parse_value(DsnParser *parser, const DsnStep **ret)
{
    DsnChain chain = {0};

    if (!dsn_parse_expression(parser, &chain))
        return false;
    *ret = chain.first;
    return true;
}

static bool
parse_if(DsnParser *parser, Row *row, DsnPlace place)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL};
    DsnNode *node = add_node(parser, row, DSN_NODE_IF, place);
    DsnBranch *last = NULL;
    bool conditional = true;

    do {
        DsnBranch *branch = dsn_parser_alloc(parser, sizeof *branch);
        static const char *const final_ends[] = {"endif", NULL};

        if (last == NULL)
            node->branches = branch;
        else
            last->next = branch;
        last = branch;
        if (conditional && !parse_value(parser, &branch->condition))
            return false;
        if (!parse_body(parser, conditional ? ends : final_ends, place, &branch->body))
            return false;
        conditional = dsn_parser_at_name(parser, "elif");
    } while (dsn_parser_accept_name(parser, "elif") || dsn_parser_accept_name(parser, "else"));
    dsn_parser_next(parser); /* endif */
    return expect_block_end(parser);
}

static bool
parse_for(DsnParser *parser, Row *row, DsnPlace place)
{
    static const char *const ends[] = {"else", "endfor", NULL};
    DsnNode *node = add_node(parser, row, DSN_NODE_FOR, place);
    DsnTarget *target;
    DsnChain items = {0}, condition = {0};

    if (!parse_targets(parser, &target))
        return false;
    node->loop.target = target;
    if (!dsn_parser_accept_name(parser, "in"))
        return dsn_parser_unexpected(parser, "\"in\"");
    if (!dsn_parse_condition(parser, &items))
        return false;
    node->loop.items = items.first;
    if (dsn_parser_accept_name(parser, "if") && !dsn_parse_condition(parser, &condition))
        return false;
    node->loop.condition = condition.first;
    node->loop.recursive = dsn_parser_accept_name(parser, "recursive");
    dsn_parser_assigned(parser, parser->template_->loop_symbol);
    parser->loops++;
    if (!parse_body(parser, ends, place, &node->body))
        return false;
    parser->loops--;
    if (dsn_parser_accept_name(parser, "else"))
        return parse_whole_body(parser, "endfor", place, &node->loop.otherwise);
    dsn_parser_next(parser); /* endfor */
    return expect_block_end(parser);
}

static bool
parse_with(DsnParser *parser, Row *row, DsnPlace place)
{
    DsnNode *node = add_node(parser, row, DSN_NODE_WITH, place);
    DsnAssignment *last = NULL;

    while (parser->token.kind != DSN_TOKEN_BLOCK_END) {
        DsnAssignment *assignment = dsn_parser_alloc(parser, sizeof *assignment);
        DsnTarget *target;

        if (last != NULL && !dsn_parser_expect_sign(parser, ","))
            return false;
        if (!parse_target(parser, &target) || !dsn_parser_expect_sign(parser, "=") ||
            !parse_value(parser, &assignment->value))
            return false;
        assignment->target = target;
        if (last == NULL)
            node->assignments = assignment;
        else
            last->next = assignment;
        last = assignment;
    }
    return parse_whole_body(parser, "endwith", place, &node->body);
}

/* One value, or with commas a list of them. */
static bool
parse_values(DsnParser *parser, const DsnStep **ret)
{
    DsnPlace place = parser->token.place;
    GArray *values;
    DsnStep *list;
    const DsnStep *value;

    if (!parse_value(parser, ret))
        return false;
    if (!dsn_parser_at_sign(parser, ","))
        return true;
    values = g_array_new(FALSE, FALSE, sizeof value);
    g_array_append_val(values, *ret);
    while (dsn_parser_accept_sign(parser, ",") && parser->token.kind != DSN_TOKEN_BLOCK_END) {
        if (!parse_value(parser, &value)) {
            g_array_unref(values);
            return false;
        }
        g_array_append_val(values, value);
    }
    list = dsn_parser_alloc(parser, sizeof *list);
    list->kind = DSN_STEP_LIST;
    list->place = place;
    list->list.n = values->len;
    void *items = dsn_parser_alloc(parser, values->len * sizeof value);
    memcpy(items, values->data, values->len * sizeof value);
    list->list.items = items;
    g_array_unref(values);
    *ret = list;
    return true;
}

static bool
parse_set(DsnParser *parser, Row *row, DsnPlace place)
{
    DsnNode *node = add_node(parser, row, DSN_NODE_SET, place);
    DsnTarget *target;
    DsnChain filters = {0};

    if (!parse_targets(parser, &target))
        return false;
    node->set.target = target;
    if (target->parts == NULL && dsn_parser_accept_sign(parser, ".")) {
        if (parser->token.kind != DSN_TOKEN_NAME)
            return dsn_parser_unexpected(parser, "a name");
        node->set.member = dsn_value_text(parser->token.text, parser->token.size);
        dsn_parser_next(parser);
    }
    if (dsn_parser_accept_sign(parser, "="))
        return parse_values(parser, &node->set.value) && expect_block_end(parser);
    if (target->parts != NULL)
        return dsn_parser_unexpected(parser, "\"=\"");
    node->kind = DSN_NODE_SET_BLOCK;
    if (dsn_parser_accept_sign(parser, "|") && !dsn_parse_filters(parser, &filters))
        return false;
    node->set.value = filters.first;
    return parse_whole_body(parser, "endset", place, &node->body);
}

static bool
parse_parameters(DsnParser *parser, DsnNode *node)
{
    DsnParameter *last = NULL;

    while (!dsn_parser_accept_sign(parser, ")")) {
        DsnParameter *parameter = dsn_parser_alloc(parser, sizeof *parameter);

        if (last != NULL && !dsn_parser_expect_sign(parser, ","))
            return false;
        if (last != NULL && dsn_parser_accept_sign(parser, ")"))
            break;
        parameter->name = dsn_value_text(parser->token.text, parser->token.size);
        if (!parse_new_name(parser, &parameter->symbol))
            return false;
        if (dsn_parser_accept_sign(parser, "=")) {
            if (!parse_value(parser, &parameter->preset))
                return false;
        } else if (last != NULL && last->preset != NULL) {
            return dsn_parser_unexpected(parser, "\"=\" as for the parameter before");
        }
        if (last == NULL)
            node->macro.parameters = parameter;
        else
            last->next = parameter;
        last = parameter;
        node->macro.n++;
    }
    return true;
}

/* The body of a macro or call block: no loop is around it. */
static bool
parse_macro_body(DsnParser *parser, const char *end, DsnNode *node)
{
    unsigned loops = parser->loops;

    parser->loops = 0;
    dsn_parser_assigned(parser, parser->template_->caller_symbol);
    if (!parse_whole_body(parser, end, node->place, &node->body))
        return false;
    parser->loops = loops;
    return true;
}

static bool
parse_macro(DsnParser *parser, Row *row, DsnPlace place)
{
    DsnNode *node = add_node(parser, row, DSN_NODE_MACRO, place);

    node->macro.name = dsn_value_text(parser->token.text, parser->token.size);
    return parse_new_name(parser, &node->macro.symbol) && dsn_parser_expect_sign(parser, "(") &&
           parse_parameters(parser, node) && parse_macro_body(parser, "endmacro", node);
}

/* What is called gets the block as an argument "caller"; a name that no template can spell holds
 * it meanwhile. */
static bool
parse_call_block(DsnParser *parser, Row *row, DsnPlace place)
{
    DsnNode *node = add_node(parser, row, DSN_NODE_CALL, place);
    DsnChain chain = {0};

    if (dsn_parser_accept_sign(parser, "(") && !parse_parameters(parser, node))
        return false;
    place = parser->token.place;
    if (!dsn_parse_expression(parser, &chain))
        return false;
    if (chain.last->kind != DSN_STEP_CALL)
        return dsn_parser_fail(parser, place, "only a macro can be called with a block");
    node->macro.call = chain.first;
    node->macro.name = dsn_value_text("caller", 6);
    node->macro.symbol = dsn_parser_symbol(parser, " caller", 7);
    dsn_parser_assigned(parser, node->macro.symbol);

    DsnStep *caller = dsn_parser_alloc(parser, sizeof *caller);
    caller->kind = DSN_STEP_NAME;
    caller->place = place;
    caller->symbol = node->macro.symbol;

    DsnCall *call = dsn_parser_alloc(parser, sizeof *call);
    *call = *chain.last->call;
    DsnNamed *named = dsn_parser_alloc(parser, (call->n_named + 1) * sizeof *named);
    if (call->n_named > 0)
        memcpy(named, call->named, call->n_named * sizeof *named);
    named[call->n_named++] = (DsnNamed){node->macro.name, caller};
    call->named = named;
    chain.last->call = call;
    return parse_macro_body(parser, "endcall", node);
}

static bool
parse_filter_block(DsnParser *parser, Row *row, DsnPlace place)
{
    DsnNode *node = add_node(parser, row, DSN_NODE_FILTER, place);
    DsnChain filters = {0};

    if (!dsn_parse_filters(parser, &filters))
        return false;
    node->value = filters.first;
    return parse_whole_body(parser, "endfilter", place, &node->body);
}

static bool
parse_autoescape(DsnParser *parser, Row *row, DsnPlace place)
{
    DsnNode *node = add_node(parser, row, DSN_NODE_AUTOESCAPE, place);

    if (parser->flags & DSN_TEMPLATE_INERT)
        return dsn_parser_fail(parser, place,
                               "everything is escaped here, autoescape is not known");
    return parse_value(parser, &node->value) &&
           parse_whole_body(parser, "endautoescape", place, &node->body);
}

static bool
parse_do(DsnParser *parser, Row *row, DsnPlace place)
{
    DsnNode *node = add_node(parser, row, DSN_NODE_DO, place);

    return parse_value(parser, &node->value) && expect_block_end(parser);
}

static bool
parse_jump(DsnParser *parser, Row *row, DsnPlace place, DsnNodeKind kind, const char *name)
{
    if (parser->loops == 0)
        return dsn_parser_fail(parser, place, "%s stands in no loop", name);
    add_node(parser, row, kind, place);
    return expect_block_end(parser);
}

static bool
parse_break(DsnParser *parser, Row *row, DsnPlace place)
{
    return parse_jump(parser, row, place, DSN_NODE_BREAK, "break");
}

static bool
parse_continue(DsnParser *parser, Row *row, DsnPlace place)
{
    return parse_jump(parser, row, place, DSN_NODE_CONTINUE, "continue");
}

static bool
parse_foreign(DsnParser *parser, Row *row, DsnPlace place)
{
    (void)row; /* nothing comes of it */
    return dsn_parser_fail(parser, place,
                           "a template stands alone here: there is no block, "
                           "extends, from, import or include");
}

static bool
parse_statement(DsnParser *parser, Row *row)
{
    static const struct {
        const char *name;
        bool (*parse)(DsnParser *parser, Row *row, DsnPlace place);
    } statements[] = {
        {"if", parse_if},
        {"for", parse_for},
        {"set", parse_set},
        {"with", parse_with},
        {"macro", parse_macro},
        {"call", parse_call_block},
        {"filter", parse_filter_block},
        {"autoescape", parse_autoescape},
        {"do", parse_do},
        {"break", parse_break},
        {"continue", parse_continue},
        {"block", parse_foreign},
        {"extends", parse_foreign},
        {"from", parse_foreign},
        {"import", parse_foreign},
        {"include", parse_foreign},
    };
    DsnPlace place = parser->token.place;

    for (size_t i = 0; i < G_N_ELEMENTS(statements); i++) {
        if (dsn_parser_accept_name(parser, statements[i].name))
            return statements[i].parse(parser, row, place);
    }
    return dsn_parser_unexpected(parser, "a statement");
}

static bool
at_one_of(const DsnParser *parser, const char *const *names)
{
    for (; names != NULL && *names != NULL; names++) {
        if (dsn_parser_at_name(parser, *names))
            return true;
    }
    return false;
}

static bool
parse_print(DsnParser *parser, Row *row)
{
    DsnNode *node = add_node(parser, row, DSN_NODE_PRINT, parser->token.place);

    dsn_parser_next(parser);
    if (!parse_value(parser, &node->value))
        return false;
    if (parser->token.kind != DSN_TOKEN_PRINT_END)
        return dsn_parser_unexpected(parser, "\"}}\"");
    dsn_parser_next(parser);
    return true;
}

/* With @ends NULL to the end of the template. */
static bool
parse_row(DsnParser *parser, const char *const *ends, DsnPlace open, Row *row)
{
    for (;;) {
        DsnTokenKind kind = parser->token.kind;

        if (kind == DSN_TOKEN_DATA) {
            add_node(parser, row, DSN_NODE_TEXT, parser->token.place)->text =
                dsn_value_text(parser->token.text, parser->token.size);
            dsn_parser_next(parser);
        } else if (kind == DSN_TOKEN_PRINT_BEGIN) {
            if (!parse_print(parser, row))
                return false;
        } else if (kind == DSN_TOKEN_BLOCK_BEGIN) {
            dsn_parser_next(parser);
            if (at_one_of(parser, ends))
                return true;
            if (!parse_statement(parser, row))
                return false;
        } else if (kind == DSN_TOKEN_END) {
            if (ends == NULL)
                return true;
            return dsn_parser_fail(parser, open, "this statement is not closed by \"%s\"",
                                   ends[g_strv_length((char **)ends) - 1]);
        } else {
            return dsn_parser_unexpected(parser, "text or a tag");
        }
    }
}

static bool
check_called(DsnParser *parser)
{
    for (unsigned i = 0; i < parser->called->len; i++) {
        const DsnCalled *called = &g_array_index(parser->called, DsnCalled, i);
        const DsnSymbol *symbol =
            &g_array_index(parser->template_->symbols, DsnSymbol, called->symbol);

        if (symbol->assigned)
            continue;
        if (called->suggestion != NULL)
            return dsn_parser_fail(parser, called->place,
                                   "unknown function \"%s\", did you mean \"%s\"?", symbol->name,
                                   called->suggestion);
        return dsn_parser_fail(parser, called->place, "unknown function \"%s\"", symbol->name);
    }
    return true;
}

static bool
parse_all(DsnParser *parser, bool expression)
{
    Row row = {0};

    dsn_parser_next(parser);
    if (expression) {
        if (!parse_value(parser, &parser->template_->expression))
            return false;
        if (parser->token.kind != DSN_TOKEN_END)
            return dsn_parser_unexpected(parser, "the end of the expression");
    } else if (!parse_row(parser, NULL, parser->token.place, &row)) {
        return false;
    }
    parser->template_->body = row.first;
    return check_called(parser);
}

bool
dsn_tree_parse(DsnTemplate *template_, DsnPlace first, const char *source, size_t length,
               bool expression, const DsnTemplateLimits *limits, GError **error)
{
    DsnParser parser = {.template_ = template_, .depth = limits->depth, .flags = template_->flags};

    parser.symbols = g_hash_table_new(g_str_hash, g_str_equal);
    parser.called = g_array_new(FALSE, FALSE, sizeof(DsnCalled));
    dsn_lexer_init(&parser.lexer, &template_->arena, template_->name, first, source, length,
                   expression, error);
    template_->loop_symbol = dsn_parser_symbol(&parser, "loop", 4);
    template_->caller_symbol = dsn_parser_symbol(&parser, "caller", 6);

    bool ok = parse_all(&parser, expression);
    g_hash_table_unref(parser.symbols);
    g_array_unref(parser.called);
    return ok;
}
