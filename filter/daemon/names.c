/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/daemon/names.h"

#include <gio/gio.h>

#include "filter/core/log.h"

/* Thousands of tenants are no reason to flood a DNS server at each reload. */
#define NAMES_MAX 50

struct DsnNames {
    GCancellable *cancellable;
};

static void
on_answer(GObject *resolver, GAsyncResult *result, gpointer data)
{
    g_autofree char *name = data;
    g_autoptr(GError) error = NULL;
    GList *addresses = g_resolver_lookup_by_name_finish(G_RESOLVER(resolver), result, &error);

    if (g_error_matches(error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND))
        dsn_log_event(DSN_LOG_WARNING,
                      "hostname %s is not in the DNS: others may not believe notices that come "
                      "from it, and cannot write to its postmaster",
                      name);
    g_resolver_free_addresses(addresses);
}

/* A name without a dot is not said to be in the DNS (rule DSN-08). */
static void
ask(DsnNames *names, GResolver *resolver, GHashTable *asked, const char *name)
{
    if (name == NULL || strchr(name, '.') == NULL || g_hash_table_size(asked) >= NAMES_MAX ||
        !g_hash_table_add(asked, (gpointer)name))
        return;
    g_resolver_lookup_by_name_async(resolver, name, names->cancellable, on_answer, g_strdup(name));
}

DsnNames *
dsn_names_look_up(const DsnPolicy *policy)
{
    const DsnConfiguration *configuration = policy->configuration;
    DsnNames *names = g_new0(DsnNames, 1);
    g_autoptr(GResolver) resolver = g_resolver_get_default();
    g_autoptr(GHashTable) asked = g_hash_table_new(g_str_hash, g_str_equal);

    names->cancellable = g_cancellable_new();
    ask(names, resolver, asked, configuration->hostname);
    ask(names, resolver, asked, configuration->policy.hostname);
    for (guint i = 0; i < configuration->tenants->len; i++)
        ask(names, resolver, asked,
            ((const DsnTenantOptions *)configuration->tenants->pdata[i])->notice.hostname);
    return names;
}

void
dsn_names_free(DsnNames *names)
{
    if (names == NULL)
        return;
    g_cancellable_cancel(names->cancellable); /* who still hears of it says nothing */
    g_object_unref(names->cancellable);
    g_free(names);
}
