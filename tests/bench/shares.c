/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "tests/bench/shares.h"

#include <dlfcn.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>

#define SAMPLES_MAX 65536
#define SAMPLE_MICROSECONDS 1000

static void *samples[SAMPLES_MAX];
static volatile sig_atomic_t n_samples;

static void
take_sample(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    const ucontext_t *state = context;
    void *counter = NULL;

#if defined(__x86_64__)
    counter = (void *)state->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    counter = (void *)state->uc_mcontext.pc;
#else
    (void)state;
#endif
    if (n_samples < SAMPLES_MAX)
        samples[n_samples++] = counter;
}

static void
set_timer(long microseconds)
{
    const struct itimerval timer = {{0, microseconds}, {0, microseconds}};

    (void)setitimer(ITIMER_PROF, &timer, NULL); /* without a timer there are no samples */
}

void
dsn_shares_start(void)
{
    struct sigaction action = {.sa_sigaction = take_sample, .sa_flags = SA_SIGINFO | SA_RESTART};

    n_samples = 0;
    (void)sigaction(SIGPROF, &action, NULL);
    set_timer(SAMPLE_MICROSECONDS);
}

/* "libjansson.so.4" to "jansson"; the program itself is dsnarf's own code. */
static char *
dup_object_name(const void *address)
{
    Dl_info info;

    if (dladdr(address, &info) == 0 || info.dli_fname == NULL)
        return g_strdup("other");
    g_autofree char *base = g_path_get_basename(info.dli_fname);
    char *so = strstr(base, ".so");
    if (so == NULL)
        return g_strdup("dsnarf");
    *so = '\0';
    return g_strdup(g_str_has_prefix(base, "lib") ? base + strlen("lib") : base);
}

static gint
compare_counts(gconstpointer a, gconstpointer b, gpointer counts)
{
    return GPOINTER_TO_INT(g_hash_table_lookup(counts, b)) -
           GPOINTER_TO_INT(g_hash_table_lookup(counts, a));
}

void
dsn_shares_stop(GString *ret_text)
{
    set_timer(0);
    int total = n_samples;
    g_autoptr(GHashTable) counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (int i = 0; i < total; i++) {
        char *name = dup_object_name(samples[i]);
        int count = GPOINTER_TO_INT(g_hash_table_lookup(counts, name));
        g_hash_table_replace(counts, name, GINT_TO_POINTER(count + 1));
    }

    g_autoptr(GList) names =
        g_list_sort_with_data(g_hash_table_get_keys(counts), compare_counts, counts);
    const char *comma = "";
    for (GList *name = names; name != NULL; name = name->next) {
        int percent = GPOINTER_TO_INT(g_hash_table_lookup(counts, name->data)) * 100 / total;
        if (percent < 1)
            break;
        g_string_append_printf(ret_text, "%s%s %d %%", comma, (const char *)name->data, percent);
        comma = ", ";
    }
}
