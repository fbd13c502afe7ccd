/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/log.h"

#include <unistd.h>

#include "tests/support/unit.h"

/* What @make writes to standard error at the level that was opened. */
static char *
capture(DsnLogLevel level, void (*make)(void))
{
    int ends[2];
    static char buffer[8192];

    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    (void)close(ends[1]);
    g_setenv("JOURNAL_STREAM", "1:2", TRUE);
    dsn_log_open(DSN_LOG_STDERR, level);
    make();
    (void)close(STDERR_FILENO);
    ssize_t length = read(ends[0], buffer, sizeof(buffer) - 1);
    ck_assert_int_ge(length, 0);
    buffer[length] = '\0';
    return buffer;
}

static void
make_line(void)
{
    g_autofree char *long_value = g_strnfill(DSN_LOG_VALUE_MAX + 50, 'x');
    DsnLogLine line;

    dsn_log_begin(&line, "4bX1Z2");
    dsn_log_text(&line, "report", "delivery-status");
    dsn_log_text(&line, "absent", NULL);
    dsn_log_text(&line, "sender", "");
    dsn_log_text(&line, "reply", "550 \"no\"\r\nforged: line");
    dsn_log_span(&line, "nul", DSN_SPAN_LITERAL("a\0b"));
    dsn_log_number(&line, "size", -7);
    dsn_log_text(&line, "long", long_value);
    dsn_log_end(&line, DSN_LOG_INFO);
    dsn_log_begin(&line, NULL);
    dsn_log_text(&line, "a", "b");
    dsn_log_end(&line, DSN_LOG_DEBUG);
}

START_TEST(a_line_cannot_be_forged)
{
    char *text = capture(DSN_LOG_INFO, make_line);
    g_autofree char *xs = g_strnfill(DSN_LOG_VALUE_MAX, 'x');
    g_autofree char *want =
        g_strdup_printf("<6>dsnarf[%ld]: 4bX1Z2: report=delivery-status sender=\"\" reply=\"550 "
                        "'no'\\x0d\\x0aforged: line\" nul=a\\x00b size=-7 long=%s...\n",
                        (long)getpid(), xs);

    ck_assert_str_eq(text, want);
}
END_TEST

static void
make_events(void)
{
    dsn_log_event(DSN_LOG_ERROR, "spool: %s", "full\n");
    dsn_log_event(DSN_LOG_WARNING, "a");
    dsn_log_event(DSN_LOG_INFO, "b");
    g_warning("from a library");
}

START_TEST(levels_are_kept)
{
    char *text = capture(DSN_LOG_ERROR, make_events);
    g_autofree char *want = g_strdup_printf("<3>dsnarf[%ld]: error: spool: full\\x0a\n"
                                            "<3>dsnarf[%ld]: error: from a library\n",
                                            (long)getpid(), (long)getpid());

    ck_assert_str_eq(text, want);
    ck_assert(dsn_log_wanted(DSN_LOG_ERROR));
    ck_assert(!dsn_log_wanted(DSN_LOG_WARNING));
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("log");
    TCase *tcase = tcase_create("log");

    tcase_add_test(tcase, a_line_cannot_be_forged);
    tcase_add_test(tcase, levels_are_kept);
    suite_add_tcase(suite, tcase);
    return suite;
}
