/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz-tenant-index.c - lists of senders, names of queues, and who is found
 *
 * Whatever passes the check can be claimed, and is then found; whatever does not harms nobody.
 */
#include "config.h"

#include "filter/core/senders-file.h"
#include "filter/core/tenant-index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_queue(const DsnTenantIndex *index, DsnSpan queue)
{
    DsnSpan tenant = dsn_queue_tenant(queue);

    g_assert(dsn_tenant_index_find_queue(index, queue) == 0);
    if (!dsn_span_present(tenant))
        return;
    g_assert(tenant.len > 0 && tenant.data >= queue.data && tenant.len < queue.len);
    g_assert(tenant.data[tenant.len] == '@');
    g_assert(memchr(tenant.data, '@', tenant.len) == NULL);
}

/* Somebody whom @sender means. */
static char *
member_of(DsnSpan sender)
{
    bool below = dsn_span_starts(sender, "*.");
    g_autofree char *text = g_strndup(sender.data, sender.len);

    return strchr(text, '@') != NULL
               ? g_strdup(text)
               : g_strconcat("user@", below ? "x." : "", text + (below ? 2 : 0), NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DsnSpan text = {(const char *)data, size};
    g_autoptr(DsnTenantIndex) index = dsn_tenant_index_new();
    DsnSendersFile file = dsn_senders_file(text);
    uint64_t line = 0;
    DsnSpan sender;

    check_queue(index, text);
    while (dsn_senders_file_next(&file, &sender)) {
        g_assert(sender.len > 0 && file.line > line);
        g_assert(memchr(sender.data, '\n', sender.len) == NULL);
        line = file.line;
        (void)dsn_tenant_index_find_sender(index, sender); /* anything may be asked for */
        (void)dsn_tenant_index_find_client(index, sender);
        if (dsn_sender_check(sender) != NULL)
            continue;
        g_assert(dsn_tenant_index_add_sender(index, sender, 1) == 0);
        g_assert(dsn_tenant_index_add_sender(index, sender, 2) == 1);
        g_autofree char *member = member_of(sender);
        /* With "user@" in front, or because of its form in ASCII, it may be longer than an address
         * can be. */
        if (strlen(member) < 200)
            g_assert(dsn_tenant_index_find_sender(index, dsn_span(member)) == 1);
    }
    return 0;
}
