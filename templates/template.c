/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "templates/template.h"

#include "templates/evaluate.h"

G_DEFINE_QUARK(dsn - template - error - quark, dsn_template_error)

const DsnTemplateLimits DSN_TEMPLATE_LIMITS_DEFAULT = {
    .source = 1 << 20,
    .fuel = 1000000,
    .depth = 128,
    .output = 4 << 20,
};

/* Where a source that is not UTF-8 stops being so. */
static DsnTemplate *
fail_utf8(const char *name, DsnPlace place, const char *source, const char *bad, GError **error)
{
    for (; source < bad; source++) {
        place.column += ((unsigned char)*source & 0xc0) != 0x80;
        if (*source == '\n') {
            place.line++;
            place.column = 1;
        }
    }
    g_set_error(error, DSN_TEMPLATE_ERROR, DSN_TEMPLATE_ERROR_SYNTAX,
                "%s:%u:%u: this is not UTF-8 text", name, place.line, place.column);
    return NULL;
}

/* As g_utf8_validate(), but NUL is a character like others. */
static bool
is_utf8(const char *text, size_t length, const char **ret_bad)
{
    const char *end = text + length;

    while (!g_utf8_validate_len(text, (gsize)(end - text), &text)) {
        if (*text != '\0') {
            *ret_bad = text;
            return false;
        }
        text++;
    }
    return true;
}

static DsnTemplate *
compile(const char *name, DsnPlace first, const char *source, size_t length, bool expression,
        DsnTemplateFlags flags, const DsnTemplateLimits *limits, GError **error)
{
    const char *bad;

    if (length > limits->source) {
        g_set_error(error, DSN_TEMPLATE_ERROR, DSN_TEMPLATE_ERROR_LIMIT,
                    "%s:%u:%u: a template of %zu bytes, more than %zu", name, first.line,
                    first.column, length, limits->source);
        return NULL;
    }
    if (!is_utf8(source, length, &bad))
        return fail_utf8(name, first, source, bad, error);

    g_autoptr(DsnTemplate) template_ = g_new0(DsnTemplate, 1);
    dsn_arena_init(&template_->arena, NULL, 0);
    template_->name = g_strdup(name);
    template_->flags = flags;
    template_->symbols = g_array_new(FALSE, FALSE, sizeof(DsnSymbol));

    /* Texts of the tree are pieces of this copy. */
    char *copy = dsn_arena_alloc(&template_->arena, length + 1);
    memcpy(copy, source, length);
    if (!expression && length > 0 && copy[length - 1] == '\n') {
        length--;
        if (length > 0 && copy[length - 1] == '\r')
            length--;
    }
    if (!dsn_tree_parse(template_, first, copy, length, expression, limits, error))
        return NULL;
    return g_steal_pointer(&template_);
}

DsnTemplate *
dsn_template_compile_at(const char *name, DsnPlace first, const char *source, size_t length,
                        DsnTemplateFlags flags, const DsnTemplateLimits *limits, GError **error)
{
    return compile(name, first, source, length, false, flags, limits, error);
}

DsnTemplate *
dsn_template_compile(const char *name, unsigned first_line, const char *source, size_t length,
                     DsnTemplateFlags flags, const DsnTemplateLimits *limits, GError **error)
{
    return dsn_template_compile_at(name, (DsnPlace){first_line, 1}, source, length, flags, limits,
                                   error);
}

DsnTemplate *
dsn_template_compile_expression(const char *name, const char *source, size_t length,
                                DsnTemplateFlags flags, const DsnTemplateLimits *limits,
                                GError **error)
{
    return compile(name, (DsnPlace){1, 1}, source, length, true, flags, limits, error);
}

void
dsn_template_free(DsnTemplate *template_)
{
    if (template_ == NULL)
        return;
    dsn_arena_clear(&template_->arena);
    g_array_unref(template_->symbols);
    g_free(template_->name);
    g_free(template_);
}

/* Makes @run ready; its arena begins with @first, so that a short render never asks the heap. */
static void
begin(DsnRun *run, const DsnTemplate *template_, const DsnTemplateInput *input,
      const DsnTemplateLimits *limits, GString *out, void *first, size_t size, GError **error)
{
    DsnScope *scope;

    *run = (DsnRun){.template_ = template_,
                    .input = input,
                    .out = out,
                    .room = limits->output,
                    .fuel = (int64_t)MIN(limits->fuel, (size_t)INT64_MAX),
                    .depth = limits->depth,
                    .autoescape = (template_->flags & DSN_TEMPLATE_AUTOESCAPE) != 0,
                    .place = {1, 1},
                    .error = error};
    dsn_arena_init(&run->arena, first, size);
    run->names = dsn_arena_alloc(&run->arena, template_->symbols->len * sizeof *run->names);
    for (unsigned i = 0; i < template_->symbols->len; i++)
        run->names[i].kind = DSN_VALUE_UNRESOLVED;
    scope = dsn_arena_alloc(&run->arena, sizeof *scope);
    *scope = (DsnScope){NULL, NULL};
    run->scope = scope;
}

#define FIRST_BLOCK 4096

int
dsn_template_symbol(const DsnTemplate *template_, const char *name)
{
    for (unsigned i = 0; i < template_->symbols->len; i++) {
        if (strcmp(g_array_index(template_->symbols, DsnSymbol, i).name, name) == 0)
            return (int)i;
    }
    return -1;
}

bool
dsn_template_render(const DsnTemplate *template_, const DsnTemplateInput *input,
                    const DsnTemplateLimits *limits, GString *output, GError **error)
{
    return dsn_template_render_given(template_, input, limits, NULL, DSN_UNDEFINED, output, error);
}

bool
dsn_template_render_given(const DsnTemplate *template_, const DsnTemplateInput *input,
                          const DsnTemplateLimits *limits, const char *name, DsnValue value,
                          GString *output, GError **error)
{
    int symbol = name == NULL ? -1 : dsn_template_symbol(template_, name);
    _Alignas(16) char first[FIRST_BLOCK];
    size_t start = output->len;
    DsnRun run;

    begin(&run, template_, input, limits, output, first, sizeof first, error);
    if (symbol >= 0)
        run.names[symbol] = value;
    bool ok = dsn_carry_out(&run, template_->body);
    dsn_arena_clear(&run.arena);
    if (!ok)
        g_string_truncate(output, start);
    return ok;
}

bool
dsn_template_test(const DsnTemplate *expression, const DsnTemplateInput *input,
                  const DsnTemplateLimits *limits, bool *ret_truth, GError **error)
{
    _Alignas(16) char first[FIRST_BLOCK];
    g_autoptr(GString) scratch = g_string_new(NULL);
    DsnValue value = DSN_UNDEFINED;
    DsnRun run;

    begin(&run, expression, input, limits, scratch, first, sizeof first, error);
    bool ok = dsn_evaluate(&run, expression->expression, &value) &&
              (dsn_run_may_go_on(&run) || dsn_run_fail_limit(&run));
    if (ok)
        *ret_truth = dsn_value_truth(value);
    dsn_arena_clear(&run.arena);
    return ok;
}
