/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "tests/bench/common.h"

#include <errno.h>
#include <ftw.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

void
dsn_bench_fail(const char *what, const GError *error)
{
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what,
            error == NULL ? "failed" : error->message);
    exit(EXIT_FAILURE);
}

char *
dsn_bench_read_example(const char *name)
{
    const char *folder = g_getenv("DSNARF_EXAMPLES");
    g_autofree char *path = g_build_filename(folder == NULL ? "." : folder, name, NULL);
    g_autoptr(GError) error = NULL;
    char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, &error))
        dsn_bench_fail(path, error);
    return text;
}

double
dsn_bench_clock(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now); /* cannot fail for the clocks used here */
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double
dsn_bench_mebibytes(void)
{
    const struct mallinfo2 info = mallinfo2();

    return (double)(info.uordblks + info.hblkhd) / 1048576;
}

void
dsn_bench_print_rate(const char *name, double rate)
{
    printf("%-58s %10.0f/s\n", name, rate);
    (void)fflush(stdout);
}

static int
remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

void
dsn_bench_remove(const char *folder)
{
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
