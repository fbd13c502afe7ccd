/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tree.h - a compiled template
 *
 * Purpose:   the form between parser and evaluation. A statement is a node. An expression is a
 *            chain of steps that work on one value: "a.b | upper ~ c" is the name a, its attribute
 *            b, the filter upper, and c appended; so only what stands at the right of an operator
 *            or in brackets is a chain of its own, and long chains need no recursion.
 * Source:    none.
 * Ownership: everything lies in the template's arena, constants included.
 * Errors:    none.
 * Threads:   constant once compiled.
 */
#ifndef DSN_TEMPLATES_TREE_H
#define DSN_TEMPLATES_TREE_H

#include "templates/builtins.h"
#include "templates/number.h"
#include "templates/run.h"

typedef enum DsnStepKind {
    /* Where a chain begins. */
    DSN_STEP_CONSTANT,
    DSN_STEP_NAME,
    DSN_STEP_LIST,
    DSN_STEP_MAP,
    DSN_STEP_FUNCTION,
    /* What is done with the value so far. */
    DSN_STEP_ATTRIBUTE,
    DSN_STEP_ITEM,
    DSN_STEP_SLICE,
    DSN_STEP_BUILTIN, /* a filter, test or method */
    DSN_STEP_CALL,    /* of a macro or another value */
    DSN_STEP_NOT,
    DSN_STEP_NEGATE,
    DSN_STEP_ARITHMETIC,
    DSN_STEP_CONCATENATE,
    DSN_STEP_COMPARE,
    DSN_STEP_AND,
    DSN_STEP_OR,
    DSN_STEP_CHOOSE /* A if this else B */
} DsnStepKind;

typedef enum DsnComparison {
    DSN_COMPARE_EQUAL,
    DSN_COMPARE_UNEQUAL,
    DSN_COMPARE_LESS,
    DSN_COMPARE_LESS_EQUAL,
    DSN_COMPARE_GREATER,
    DSN_COMPARE_GREATER_EQUAL,
    DSN_COMPARE_IN,
    DSN_COMPARE_NOT_IN
} DsnComparison;

typedef struct DsnStep DsnStep;

/* a < b <= c: each operand is compared with the one before. */
typedef struct DsnCompared DsnCompared;
struct DsnCompared {
    DsnCompared *next;
    DsnComparison comparison;
    const DsnStep *operand;
};

typedef struct DsnNamed {
    DsnValue name;
    const DsnStep *value;
} DsnNamed;

typedef struct DsnCall {
    const DsnBuiltin *builtin;    /* NULL: what is called is known only when it happens */
    const DsnStep *const *values; /* by position; NULL for one that is absent */
    unsigned n;
    const DsnNamed *named; /* those that have no position */
    unsigned n_named;
} DsnCall;

struct DsnStep {
    DsnStep *next;
    DsnPlace place;
    DsnStepKind kind;
    DsnOperator op; /* of ARITHMETIC */
    union {
        DsnValue constant; /* also the name of ATTRIBUTE */
        unsigned symbol;
        const DsnStep *operand; /* of ITEM, ARITHMETIC, CONCATENATE, AND, OR */
        const DsnCompared *compared;
        const DsnCall *call;
        struct {
            const DsnStep *const *items; /* of MAP: key, value, key, value */
            unsigned n;
        } list;
        struct {
            const DsnStep *start, *stop, *step; /* each may be NULL */
        } slice;
        struct {
            const DsnStep *yes, *no; /* no may be NULL */
        } choice;
    };
};

typedef enum DsnNodeKind {
    DSN_NODE_TEXT,
    DSN_NODE_PRINT,
    DSN_NODE_IF,
    DSN_NODE_FOR,
    DSN_NODE_WITH,
    DSN_NODE_SET,
    DSN_NODE_SET_BLOCK,
    DSN_NODE_FILTER,
    DSN_NODE_AUTOESCAPE,
    DSN_NODE_MACRO,
    DSN_NODE_CALL,
    DSN_NODE_DO,
    DSN_NODE_BREAK,
    DSN_NODE_CONTINUE
} DsnNodeKind;

typedef struct DsnNode DsnNode;

/* One name, or names that a sequence is taken apart into. */
typedef struct DsnTarget DsnTarget;
struct DsnTarget {
    DsnTarget *next;
    DsnTarget *parts; /* NULL: a single name */
    unsigned n_parts;
    unsigned symbol;
};

typedef struct DsnBranch DsnBranch;
struct DsnBranch {
    DsnBranch *next;
    const DsnStep *condition; /* NULL for else */
    const DsnNode *body;
};

typedef struct DsnParameter DsnParameter;
struct DsnParameter {
    DsnParameter *next;
    unsigned symbol;
    DsnValue name;
    const DsnStep *preset; /* NULL: undefined when not given */
};

/* A name and its value, of "with". */
typedef struct DsnAssignment DsnAssignment;
struct DsnAssignment {
    DsnAssignment *next;
    const DsnTarget *target;
    const DsnStep *value;
};

struct DsnNode {
    DsnNode *next;
    DsnPlace place;
    DsnNodeKind kind;
    const DsnNode *body; /* of the statements that have one */
    union {
        DsnValue text;
        const DsnStep *value; /* of PRINT, DO, AUTOESCAPE and FILTER (there: applied to the body) */
        const DsnBranch *branches;
        struct {
            const DsnTarget *target;
            const DsnStep *items, *condition; /* condition may be NULL */
            const DsnNode *otherwise;
            bool recursive;
        } loop;
        const DsnAssignment *assignments;
        struct {
            const DsnTarget *target;
            DsnValue member;      /* of a namespace, or undefined: target itself */
            const DsnStep *value; /* of a block: the filters, or NULL */
        } set;
        struct {
            DsnValue name;
            unsigned symbol;
            const DsnParameter *parameters;
            unsigned n;
            const DsnStep *call; /* of CALL: what is called, with this as its caller */
        } macro;
    };
};

typedef struct DsnSymbol {
    const char *name;
    size_t size;
    bool assigned; /* somewhere in the template; else only the context can have it */
} DsnSymbol;

struct DsnTemplate {
    DsnArena arena;
    char *name;
    DsnTemplateFlags flags;
    const DsnNode *body;       /* of a template */
    const DsnStep *expression; /* of an expression */
    GArray *symbols;           /* DsnSymbol */
    unsigned loop_symbol, caller_symbol;
};

/* Compiles into @template_, whose arena and flags are ready. */
bool dsn_tree_parse(DsnTemplate *template_, DsnPlace first, const char *source, size_t length,
                    bool expression, const DsnTemplateLimits *limits, GError **error);

/* As dsn_template_compile(), for a source that does not begin at the start of a line. */
DsnTemplate *dsn_template_compile_at(const char *name, DsnPlace first, const char *source,
                                     size_t length, DsnTemplateFlags flags,
                                     const DsnTemplateLimits *limits, GError **error);

/* The number of @name in @template_, or -1 when it does not occur there. */
int dsn_template_symbol(const DsnTemplate *template_, const char *name);

/* As dsn_template_render(), where @name (NULL: none) is @value whatever the context says. */
bool dsn_template_render_given(const DsnTemplate *template_, const DsnTemplateInput *input,
                               const DsnTemplateLimits *limits, const char *name, DsnValue value,
                               GString *output, GError **error);

#endif
