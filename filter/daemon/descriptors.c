/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/daemon/descriptors.h"

#include <sys/resource.h>

/* The daemon itself: its log, spool, control socket, who works on that, and files that are open for
 * a moment. */
#define OF_ITSELF 192

/* Of a named section, beside its connections: sockets to a resolver, pipes, a directory and a file
 * in it. */
#define OF_A_SECTION 8

/* Connections of the milter that are about to be refused. */
#define REFUSED 64

void
dsn_descriptors_raise(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* it is as good as before then */
    }
}

size_t
dsn_descriptors_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > G_MAXINT)
        return G_MAXINT;
    return (size_t)limit.rlim_cur;
}

/* The most that all parts but the milter have at once. */
static size_t
count_others(const DsnConfiguration *configuration)
{
    const GPtrArray *sections[] = {
        configuration->relays,  configuration->webhooks, configuration->programs,
        configuration->files,   configuration->segments, configuration->maildirs,
        configuration->tailers,
    };
    size_t count = OF_ITSELF + configuration->relay.connections;

    if (configuration->http.listen != NULL)
        count += configuration->http.connections;
    if (configuration->lmtp.listen != NULL)
        count += configuration->lmtp.connections;
    for (size_t i = 0; i < G_N_ELEMENTS(sections); i++)
        count += sections[i]->len * OF_A_SECTION;
    for (guint i = 0; i < configuration->relays->len; i++)
        count += ((const DsnRelayOptions *)configuration->relays->pdata[i])->connections;
    for (guint i = 0; i < configuration->webhooks->len; i++)
        count += ((const DsnWebhookOptions *)configuration->webhooks->pdata[i])->connection_limit;
    return count;
}

/* A connection that is one too many is taken before it is refused. */
int
dsn_descriptors_of_milter(const DsnConfiguration *configuration)
{
    size_t others = count_others(configuration), limit = dsn_descriptors_limit();

    return (int)MIN(others + configuration->milter.connections + REFUSED,
                    limit - MIN(others, limit / 2));
}

char *
dsn_descriptors_warning(const DsnConfiguration *configuration, size_t limit)
{
    size_t others = count_others(configuration);
    size_t milter = configuration->milter.listen == NULL ? 0 : configuration->milter.connections;

    if (others + milter <= limit)
        return NULL;
    return g_strdup_printf("%zu files and connections may be open, and the options ask for %zu%s: "
                           "raise LimitNOFILE, or lower http.connections, lmtp.connections%s",
                           limit, others + milter,
                           milter == 0 ? "" : ", those of the milter among them",
                           milter == 0 ? "" : " or milter.connections");
}
