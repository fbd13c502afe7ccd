/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench-patterns.c - how fast a file of a million patterns is loaded, and an address is looked for
 *
 * Usage: bench-patterns [SECONDS]; each row of asking is measured for that long (default 2). The
 * file that is loaded is made in the current folder. Prints for each row the time, what is to be
 * reached, and the memory. It never fails on a slow machine.
 */
#include "config.h"

#include "filter/core/address-pattern.h"
#include "tests/bench/common.h"

#include <stdio.h>
#include <stdlib.h>

#define FEW 10
#define MANY 1000000
#define FILE_NAME "bench-patterns.list"

/* Of each kind that is found by its text. */
static void
append(GString *text, unsigned i)
{
    unsigned group = i % 997;

    switch (i % 10) {
    case 7:
        g_string_append_printf(text, "bounce-%u+*@t%u.example\n", i, group);
        break;
    case 8:
        g_string_append_printf(text, "@mail%u.customer%u.example\n", i, group);
        break;
    case 9:
        g_string_append_printf(text, "*.u%u.t%u.example\n", i, group);
        break;
    default:
        g_string_append_printf(text, "fbl-%u@customer%u.example\n", i, group);
    }
}

static DsnPatterns *
load(unsigned count)
{
    g_autoptr(GString) text = g_string_new(NULL), said = g_string_new(NULL);
    g_autoptr(GPtrArray) texts = g_ptr_array_new();

    for (unsigned i = 0; i < count; i++)
        append(text, i);
    if (!g_file_set_contents(FILE_NAME, text->str, (gssize)text->len, NULL))
        exit(EXIT_FAILURE);
    g_ptr_array_add(texts, (gpointer) "file:" FILE_NAME);

    double memory = dsn_bench_mebibytes(), started = dsn_bench_clock(CLOCK_PROCESS_CPUTIME_ID);
    DsnPatterns *patterns = dsn_patterns_new(texts, said);
    printf("  load a file of %u patterns%s\n    %.0f ms, %.1f MiB\n", count,
           count == MANY ? " (to reach: 1 s, 100 MiB)" : "",
           (dsn_bench_clock(CLOCK_PROCESS_CPUTIME_ID) - started) * 1000,
           dsn_bench_mebibytes() - memory);
    if (said->len > 0 || remove(FILE_NAME) != 0) {
        fprintf(stderr, "bench-patterns: %s\n", said->str);
        exit(EXIT_FAILURE);
    }
    return patterns;
}

/* Addresses that lie far from each other. */
static void
ask(const DsnPatterns *patterns, unsigned count, const char *row, const char *local,
    const char *domain, bool listed, double seconds)
{
    g_autoptr(GPtrArray) addresses = g_ptr_array_new_with_free_func(g_free);
    guint64 found = 0, asked = 0;

    for (unsigned i = 0; i < 1000; i++) {
        unsigned number = (unsigned)((guint64)i * 7919 % (count / 10) * 10);

        g_ptr_array_add(addresses,
                        g_strdup_printf("%s%u@%s%u.example", local, number, domain, number % 997));
    }
    double started = dsn_bench_clock(CLOCK_PROCESS_CPUTIME_ID), spent;
    do {
        for (guint i = 0; i < addresses->len; i++)
            found += dsn_patterns_match(patterns, dsn_span(addresses->pdata[i]));
        asked += addresses->len;
        spent = dsn_bench_clock(CLOCK_PROCESS_CPUTIME_ID) - started;
    } while (spent < seconds);
    if (found != (listed ? asked : 0)) {
        fprintf(stderr, "bench-patterns: %s: found %" G_GUINT64_FORMAT "\n", row, found);
        exit(EXIT_FAILURE);
    }
    printf("  %s, among %u\n    %.0f ns\n", row, count, spent / (double)asked * 1e9);
}

int
main(int argc, char **argv)
{
    static const unsigned counts[] = {FEW, MANY};
    double seconds = argc > 1 ? g_ascii_strtod(argv[1], NULL) : 2;

    printf("patterns\n");
    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        g_autoptr(DsnPatterns) patterns = load(counts[i]);

        ask(patterns, counts[i], "an address that is listed", "Fbl-", "customer", true, seconds);
        ask(patterns, counts[i], "another in the same domain", "user-", "customer", false, seconds);
        ask(patterns, counts[i], "one of somebody else", "user.", "others", false, seconds);
    }
    return EXIT_SUCCESS;
}
