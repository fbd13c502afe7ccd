/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * template.h - text from data
 *
 * Purpose:   compile a Jinja template once, render it many times over JSON values.
 * Source:    the behaviour of MiniJinja 2.21; see dsnarf-templates(7).
 * Ownership: a template owns its compiled form; contexts are borrowed.
 * Errors:    DSN_TEMPLATE_ERROR with "name:line:column: what is wrong".
 * Threads:   a compiled template is constant and may be rendered by many threads at once.
 */
#ifndef DSN_TEMPLATES_TEMPLATE_H
#define DSN_TEMPLATES_TEMPLATE_H

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct DsnTemplate DsnTemplate;

typedef enum DsnTemplateError {
    DSN_TEMPLATE_ERROR_SYNTAX,    /* at compile time; unknown filters, tests and functions too */
    DSN_TEMPLATE_ERROR_UNDEFINED, /* an attribute of something undefined */
    DSN_TEMPLATE_ERROR_OPERATION, /* a type that an operator or filter does not take */
    DSN_TEMPLATE_ERROR_LIMIT      /* fuel, depth or output */
} DsnTemplateError;

#define DSN_TEMPLATE_ERROR dsn_template_error_quark()
GQuark dsn_template_error_quark(void);

typedef enum DsnTemplateFlags {
    DSN_TEMPLATE_PLAIN = 0,
    DSN_TEMPLATE_AUTOESCAPE = 1 << 0, /* HTML: every printed value is escaped unless marked safe */
    DSN_TEMPLATE_KUMO = 1 << 1,       /* also what KumoMTA adds: string methods, contrib filters */
    DSN_TEMPLATE_INERT = 1 << 2       /* with AUTOESCAPE: it cannot be left, and what is printed is
                                         broken where a reader's program would make a link of it */
} DsnTemplateFlags;

typedef struct DsnTemplateLimits {
    size_t source; /* bytes of template text */
    size_t fuel;   /* steps of one render */
    size_t depth;  /* nesting, of the template text and of values */
    size_t output; /* bytes of one render, intermediate texts included */
} DsnTemplateLimits;

/* The documented defaults. */
extern const DsnTemplateLimits DSN_TEMPLATE_LIMITS_DEFAULT;

/* Compiles @source (UTF-8, may hold any bytes; ill-formed UTF-8 is an error). @name stands in
 * messages; @first_line is the line number that its first line has there. Returns a new template
 * (transfer full), or NULL and @error. */
DsnTemplate *dsn_template_compile(const char *name, unsigned first_line, const char *source,
                                  size_t length, DsnTemplateFlags flags,
                                  const DsnTemplateLimits *limits, GError **error);

/* Compiles @source as one expression, for dsn_template_test(). */
DsnTemplate *dsn_template_compile_expression(const char *name, const char *source, size_t length,
                                             DsnTemplateFlags flags,
                                             const DsnTemplateLimits *limits, GError **error);

void dsn_template_free(DsnTemplate *template_);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnTemplate, dsn_template_free)

/* The names that a template sees: the members of @context, then @global under @global_name (both
 * may be NULL). Neither is changed, and no reference count is
 * touched. Their texts are valid UTF-8, as jansson keeps them. */
typedef struct DsnTemplateInput {
    json_t *context;
    const char *global_name;
    json_t *global;
} DsnTemplateInput;

/* Appends the text to @output; on false @output is as it was and @error says where and why. */
bool dsn_template_render(const DsnTemplate *template_, const DsnTemplateInput *input,
                         const DsnTemplateLimits *limits, GString *output, GError **error);

/* The truth of an expression; false in *@ret_truth's place is an answer, false returned an error.
 */
bool dsn_template_test(const DsnTemplate *expression, const DsnTemplateInput *input,
                       const DsnTemplateLimits *limits, bool *ret_truth, GError **error);

#endif
