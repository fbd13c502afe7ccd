/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/record-form.h"

#include "filter/core/json-load.h"
#include "filter/core/record-mask.h"
#include "filter/core/record-shape.h"
#include "templates/template.h"

#define TEMPLATE_FLAGS DSN_TEMPLATE_KUMO
#define ANY "Any"

struct DsnForm {
    bool enable[DSN_N_RECORD_TYPES];
    DsnTemplate *templates[DSN_N_RECORD_TYPES]; /* "Any" may stand at several of them */
    GPtrArray *owned;                           /* of DsnTemplate */
    DsnTemplate *filter;
    DsnTemplateLimits limits;
    GPtrArray *headers, *meta; /* of char *; NULL: all */
    bool mask;
    bool as_it_is; /* a record without a template is not changed */
};

/* ---- compiling ---- */

static void
free_template(gpointer data)
{
    dsn_template_free(data);
}

/* NULL if they mean all. */
static GPtrArray *
copy_names(const GPtrArray *names)
{
    g_autoptr(GPtrArray) copy = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; names != NULL && i < names->len; i++) {
        if (strcmp(names->pdata[i], "*") == 0)
            return NULL;
        g_ptr_array_add(copy, g_strdup(names->pdata[i]));
    }
    return names == NULL ? NULL : g_steal_pointer(&copy);
}

/* Sets what @given says of @type, NULL for the default. */
static bool
set_type(DsnForm *form, const DsnFormOptions *options, const char *type, const DsnTypeForm *given,
         DsnTemplate **ret_template, bool *ret_enable, GError **error)
{
    g_autofree char *name = g_strdup_printf("%s.per_record.%s.template", options->name, type);

    *ret_template = NULL;
    *ret_enable = given == NULL ? options->enable : given->enable;
    if (given == NULL || given->template_ == NULL || *given->template_ == '\0')
        return true;
    *ret_template = dsn_template_compile(name, 1, given->template_, strlen(given->template_),
                                         TEMPLATE_FLAGS, &form->limits, error);
    if (*ret_template == NULL)
        return false;
    g_ptr_array_add(form->owned, *ret_template);
    return true;
}

static bool
set_types(DsnForm *form, const DsnFormOptions *options, GError **error)
{
    const DsnTypeForm *given =
        options->types == NULL ? NULL : g_hash_table_lookup(options->types, ANY);
    DsnTemplate *any;
    bool enable;

    if (!set_type(form, options, ANY, given, &any, &enable, error))
        return false;
    for (size_t i = 0; i < DSN_N_RECORD_TYPES; i++) {
        const char *type = dsn_record_type_to_string((DsnRecordType)i);

        given = type == NULL || options->types == NULL ? NULL
                                                       : g_hash_table_lookup(options->types, type);
        form->templates[i] = any;
        form->enable[i] = enable;
        if (given != NULL &&
            !set_type(form, options, type, given, &form->templates[i], &form->enable[i], error))
            return false;
    }
    return true;
}

static bool
set_filter(DsnForm *form, const DsnFormOptions *options, GError **error)
{
    g_autofree char *name = g_strconcat(options->name, ".filter", NULL);

    if (options->filter == NULL || *options->filter == '\0')
        return true;
    form->filter = dsn_template_compile_expression(name, options->filter, strlen(options->filter),
                                                   TEMPLATE_FLAGS, &form->limits, error);
    return form->filter != NULL;
}

DsnForm *
dsn_form_new(const DsnFormOptions *options, GError **error)
{
    g_autoptr(DsnForm) form = g_new0(DsnForm, 1);

    form->owned = g_ptr_array_new_with_free_func(free_template);
    form->headers = copy_names(options->headers);
    form->meta = copy_names(options->meta);
    form->limits = options->limits == NULL ? DSN_TEMPLATE_LIMITS_DEFAULT : *options->limits;
    form->mask = options->mask;
    form->as_it_is = form->headers == NULL && form->meta == NULL && !form->mask;
    if (!set_types(form, options, error) || !set_filter(form, options, error))
        return NULL;
    return g_steal_pointer(&form);
}

DsnForm *
dsn_form_of(const char *section, const char *name, const DsnSelection *selection, GError **error)
{
    g_autoptr(GHashTable) types = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    g_autofree char *outlet = g_strconcat(section, ".", name, NULL);

    for (guint i = 0; i < selection->records->len; i++) {
        const DsnPerRecord *record = selection->records->pdata[i];
        const DsnTypeForm form = {record->enable, record->template_};

        g_hash_table_insert(types, record->name, g_memdup2(&form, sizeof(form)));
    }
    return dsn_form_new(&(DsnFormOptions){.name = outlet,
                                          .headers = selection->headers,
                                          .meta = selection->meta,
                                          .filter = selection->filter,
                                          .mask = selection->mask,
                                          .limits = selection->limits,
                                          .types = types,
                                          .enable = true},
                        error);
}

void
dsn_form_free(DsnForm *form)
{
    if (form == NULL)
        return;
    g_ptr_array_unref(form->owned);
    dsn_template_free(form->filter);
    g_clear_pointer(&form->headers, g_ptr_array_unref);
    g_clear_pointer(&form->meta, g_ptr_array_unref);
    g_free(form);
}

bool
dsn_form_has_type(const DsnForm *form, DsnRecordType type)
{
    return form->enable[type];
}

/* ---- writing ---- */

/* Whether @name is meant by one of @patterns; *@ret_exact is false if only one with "*" does. */
static bool
is_selected(const GPtrArray *patterns, const char *name, bool any_case, bool *ret_exact)
{
    bool found = false;

    *ret_exact = false;
    for (guint i = 0; i < patterns->len; i++) {
        const char *pattern = patterns->pdata[i];
        bool prefix = g_str_has_suffix(pattern, "*");
        size_t len = strlen(pattern) - prefix;

        if ((!prefix && strlen(name) != len) ||
            (any_case ? g_ascii_strncasecmp(name, pattern, len) : strncmp(name, pattern, len)) != 0)
            continue;
        found = true;
        *ret_exact |= !prefix;
    }
    return found;
}

/* Takes the members of @object out that are not selected. An exact name leaves a null out, as
 * KumoMTA has it for meta. */
static void
select_members(json_t *object, const GPtrArray *patterns, bool any_case)
{
    const char *name;
    json_t *value;
    void *next;
    bool exact;

    if (patterns == NULL || !json_is_object(object))
        return;
    json_object_foreach_safe(object, next, name, value)
    {
        if (!is_selected(patterns, name, any_case, &exact) || (exact && json_is_null(value)))
            (void)json_object_del(object, name);
    }
}

/* Appends @record, which is still as in @line if nothing changes it. */
static bool
write_record(const DsnForm *form, DsnRecordType type, json_t *record, DsnSpan line, GString *output,
             GError **error)
{
    const DsnTemplateInput input = {record, "log_record", record};
    gsize start = output->len;

    if (form->templates[type] != NULL) {
        if (!dsn_template_render(form->templates[type], &input, &form->limits, output, error))
            return false;
    } else if (form->as_it_is) {
        g_string_append_len(output, line.data, (gssize)line.len);
    } else {
        dsn_record_shape_write(record, output);
    }
    if (output->len == start || output->str[output->len - 1] != '\n')
        g_string_append_c(output, '\n');
    return true;
}

DsnFormed
dsn_form_write(const DsnForm *form, DsnRecordType type, DsnSpan line, GString *output,
               GError **error)
{
    bool passes = true;

    if (!form->enable[type])
        return DSN_FORMED_FILTERED;
    if (form->templates[type] == NULL && form->filter == NULL && form->as_it_is) {
        g_string_append_len(output, line.data, (gssize)line.len);
        return DSN_FORMED;
    }
    json_auto_t *record = dsn_json_load(line, NULL);
    g_assert(record != NULL); /* our own writing */
    const DsnTemplateInput input = {record, "log_record", record};
    if (form->filter != NULL &&
        !dsn_template_test(form->filter, &input, &form->limits, &passes, error))
        return DSN_FORMED_FAILED;
    if (!passes)
        return DSN_FORMED_FILTERED;
    select_members(json_object_get(record, "headers"), form->headers, true);
    select_members(json_object_get(record, "meta"), form->meta, false);
    if (form->mask)
        dsn_record_mask(record);
    return write_record(form, type, record, line, output, error) ? DSN_FORMED : DSN_FORMED_FAILED;
}
