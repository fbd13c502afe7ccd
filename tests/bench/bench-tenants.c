/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench-tenants.c - how fast the tenant of a record is found, and many tenants are loaded
 *
 * Usage: bench-tenants [SECONDS]; each row of finding is measured for that long (default 2). The
 * files that are loaded are made in a folder in the current one. Prints for each row the time, what
 * is to be reached, and the memory. It never fails on a slow machine.
 */
#include "config.h"

#include "filter/pipeline/policy.h"
#include "tests/bench/common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEW 10
#define MANY 1000000
#define TENANTS 10000

static void
fail(const char *what, const char *why)
{
    fprintf(stderr, "bench-tenants: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static void
put(const char *folder, const char *name, const GString *text)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autoptr(GError) error = NULL;

    if (!g_file_set_contents(path, text->str, (gssize)text->len, &error))
        fail(path, error->message);
}

/* Loads what @text says, and prints how long that took. */
static DsnPolicy *
load(const char *folder, const char *row, const GString *text)
{
    g_autofree char *path = g_build_filename(folder, "dsnarf.toml", NULL);
    g_autoptr(GError) error = NULL;

    put(folder, "dsnarf.toml", text);
    double memory = dsn_bench_mebibytes(), started = dsn_bench_clock(CLOCK_PROCESS_CPUTIME_ID);
    DsnPolicy *policy = dsn_policy_load(path, &error);
    if (policy == NULL)
        fail(path, error->message);
    printf("  %s\n    %.0f ms, %.0f MiB\n", row,
           (dsn_bench_clock(CLOCK_PROCESS_CPUTIME_ID) - started) * 1000,
           dsn_bench_mebibytes() - memory);
    return policy;
}

/* The sample with a sender of its own. */
static DsnRecord *
read_record(const char *sender)
{
    const char *folder = g_getenv("DSNARF_EXAMPLES");
    g_autofree char *path =
        g_build_filename(folder == NULL ? "packaging/examples" : folder, "bounce.json", NULL);
    json_error_t error;
    json_auto_t *json = json_load_file(path, 0, &error);
    g_autoptr(GError) problem = NULL;

    if (json == NULL)
        fail(path, error.text);
    (void)json_object_set_new(json, "sender", json_string(sender));
    DsnRecord *record = dsn_record_from_json(json, &problem);
    if (record == NULL)
        fail(path, problem->message);
    return record;
}

/* One of the senders in the file (transfer full). */
static char *
dup_listed(guint64 number)
{
    return g_strdup_printf("user%" G_GUINT64_FORMAT "@customer%u.example", number,
                           (unsigned)(number % 997));
}

/* Any sender in the domain of a tenant (transfer full). */
static char *
dup_in_domain(guint64 number)
{
    return g_strdup_printf("somebody@mail.t%" G_GUINT64_FORMAT ".example", number);
}

/* Finds the tenant of senders that lie far from each other. */
static void
find(const DsnPolicy *policy, const char *row, unsigned count, char *(*dup)(guint64 number),
     double seconds)
{
    enum { SAMPLE = 1000 };
    g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func((GDestroyNotify)dsn_record_free);
    guint64 found = 0, asked = 0;

    for (unsigned i = 0; i < SAMPLE; i++) {
        g_autofree char *sender = dup((guint64)i * 7919 % count);

        g_ptr_array_add(records, read_record(sender));
    }
    double started = dsn_bench_clock(CLOCK_PROCESS_CPUTIME_ID), spent;
    do {
        for (guint i = 0; i < records->len; i++) {
            unsigned trust;

            found += dsn_policy_tenant(policy, records->pdata[i], &trust)->number != 0;
        }
        asked += records->len;
        spent = dsn_bench_clock(CLOCK_PROCESS_CPUTIME_ID) - started;
    } while (spent < seconds);
    if (found != asked)
        fail("a sender", "was not found");
    printf("  match %s\n    %.0f ns, %.0f/s\n", row, spent / (double)asked * 1e9,
           (double)asked / spent);
}

static void
bench_senders(const char *folder, unsigned count, double seconds)
{
    g_autoptr(GString) senders = g_string_new(NULL), text = g_string_new(NULL);
    g_autofree char *row = g_strdup_printf("load a file of %u senders", count);
    g_autofree char *match = g_strdup_printf("among %u senders", count);

    for (unsigned i = 0; i < count; i++)
        g_string_append_printf(senders, "user%u@customer%u.example\n", i, i % 997);
    put(folder, "senders", senders);
    g_string_append(text, "[tenant.acme]\nmatch.senders_file = \"senders\"\n");
    g_autoptr(DsnPolicy) policy = load(folder, row, text);
    find(policy, match, count, dup_listed, seconds);
}

/* The file of senders is there from the row before. */
static void
bench_both(const char *folder, GString *tenants, double seconds)
{
    g_string_append(tenants, "[tenant.acme]\nmatch.senders_file = \"senders\"\n");
    g_autoptr(DsnPolicy) policy =
        load(folder, "load 10,000 tenants and a million senders", tenants);

    find(policy, "one of the million senders", MANY, dup_listed, seconds);
    find(policy, "a sender by the domain of its tenant", TENANTS, dup_in_domain, seconds);
}

static void
bench_tenants(const char *folder, double seconds)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (unsigned i = 0; i < TENANTS; i++)
        g_string_append_printf(text,
                               "[tenant.t%u]\n"
                               "match.sender_domain = [\"t%u.example\", \"*.t%u.example\"]\n"
                               "match.queue = [\"t%u\"]\n"
                               "hostname = \"bounces.t%u.example\"\n"
                               "from = \"Tenant %u <postmaster@t%u.example>\"\n"
                               "languages = [\"de\", \"en\"]\n",
                               i, i, i, i, i, i, i);
    dsn_policy_unref(load(folder, "load 10,000 tenants (to reach: 1 s, aim 0.3 s)", text));
    bench_both(folder, text, seconds);
}

int
main(int argc, char **argv)
{
    double seconds = argc > 1 ? g_ascii_strtod(argv[1], NULL) : 2;
    g_autofree char *folder = g_strdup("bench-tenants-XXXXXX");

    if (g_mkdtemp(folder) == NULL)
        fail(folder, "cannot be made");
    printf("tenants\n");
    bench_senders(folder, FEW, seconds);
    bench_senders(folder, MANY, seconds);
    bench_tenants(folder, seconds);
    dsn_bench_remove(folder);
    return EXIT_SUCCESS;
}
