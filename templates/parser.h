/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parser.h - tokens as a tree
 *
 * Purpose:   what the two halves of the parser share: statements and expressions.
 * Source:    the grammar of Jinja as MiniJinja 2.21 reads it.
 * Ownership: the tree lies in the template's arena.
 * Errors:    false or NULL after the error is set.
 * Threads:   one parser, one thread.
 */
#ifndef DSN_TEMPLATES_PARSER_H
#define DSN_TEMPLATES_PARSER_H

#include "templates/lexer.h"
#include "templates/tree.h"

typedef struct DsnParser {
    DsnLexer lexer;
    DsnToken token; /* the one that comes next */
    DsnTemplate *template_;
    GHashTable *symbols; /* name -> index */
    GArray *called;      /* DsnCalled: names that must be assigned somewhere */
    size_t depth;        /* levels that may still be entered */
    unsigned loops;      /* around this place, for break and continue */
    DsnTemplateFlags flags;
} DsnParser;

typedef struct DsnCalled {
    unsigned symbol;
    DsnPlace place;
    const char *suggestion;
} DsnCalled;

/* A chain of steps while it is made. */
typedef struct DsnChain {
    DsnStep *first, *last;
} DsnChain;

static inline void *
dsn_parser_alloc(DsnParser *parser, size_t size)
{
    void *memory = dsn_arena_alloc(&parser->template_->arena, size);

    return memset(memory, 0, size);
}

/* Reports what is wrong at @place, unless the lexer has already; returns false. */
bool dsn_parser_fail(DsnParser *parser, DsnPlace place, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* "unexpected ..., expected @expected"; returns false. */
bool dsn_parser_unexpected(DsnParser *parser, const char *expected);

void dsn_parser_next(DsnParser *parser);
bool dsn_parser_at_name(const DsnParser *parser, const char *name);
bool dsn_parser_at_sign(const DsnParser *parser, const char *sign);

/* Goes on if the next token is this one. */
bool dsn_parser_accept_name(DsnParser *parser, const char *name);
bool dsn_parser_accept_sign(DsnParser *parser, const char *sign);

/* Goes on if the next token is this one, fails if not. */
bool dsn_parser_expect_sign(DsnParser *parser, const char *sign);

bool dsn_parser_enter(DsnParser *parser);

/* The number of name @text. */
unsigned dsn_parser_symbol(DsnParser *parser, const char *text, size_t size);
void dsn_parser_assigned(DsnParser *parser, unsigned symbol);

bool dsn_parse_expression(DsnParser *parser, DsnChain *chain);

/* Without "a if b else c", whose "if" would be another's. */
bool dsn_parse_condition(DsnParser *parser, DsnChain *chain);

/* The name of a filter, its arguments, and more of them after "|": appended to @chain. */
bool dsn_parse_filters(DsnParser *parser, DsnChain *chain);

#endif
