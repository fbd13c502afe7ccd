/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/mbox.h"
#include "tests/support/packets.h"
#include "tests/support/unit.h"

#include <unistd.h>

#define FROM "From a@b.example Thu Jan  1 00:00:00 1970\n"

static const struct {
    const char *label, *mbox, *want; /* messages, each ended by '|' */
} rows[] = {
    {"one message", FROM "A: b\n\ntext\n\n", "A: b\n\ntext\n|"},
    {"two messages", FROM "A: b\n\none\n\n" FROM "C: d\n\ntwo\n\n", "A: b\n\none\n|C: d\n\ntwo\n|"},
    {"no empty line at the end", FROM "A: b\n\ntext\n", "A: b\n\ntext\n|"},
    {"no line end at the end", FROM "A: b\n\ntext", "A: b\n\ntext|"},
    {"CRLF", "From a Thu 00:00\r\nA: b\r\n\r\none\r\n\r\nFrom b Thu 00:01\r\nC: d\r\n\r\n",
     "A: b\r\n\r\none\r\n|C: d\r\n|"},
    {"a message may end with an empty line", FROM "A: b\n\none\n\n\n" FROM "C: d\n",
     "A: b\n\none\n\n|C: d\n|"},
    {"an empty message", FROM "\n" FROM "C: d\n\n", "|C: d\n|"},
    {"an empty message, CRLF", "From a 12:00\r\n\r\nFrom a 12:00\r\n\r\n", "||"},
    {"only a From line", FROM, "|"},
    {"only a From line without end", "From a 12:00", "|"},
    {"From within a paragraph", FROM "A: b\n\none\n" FROM "two\n\n", "A: b\n\none\n" FROM "two\n|"},
    {"From as a word", FROM "A: b\n\nDear B,\n\nFrom the bottom of my heart: 12:3 thanks\n\n",
     "A: b\n\nDear B,\n\nFrom the bottom of my heart: 12:3 thanks\n|"},
    {"other From lines",
     "From - Tue Jun 13 10:00:00 2000\nA: b\n\n"
     "From 1595@xxx Mon Jun 01 05:00:16 +0000 2015\nC: d\n\n"
     "From b@c.example Tue Jun 13 10:00 EDT 2000 remote from d\nE: f\n",
     "A: b\n|C: d\n|E: f\n|"},
    {"quoted", FROM "A: b\n\n>From here\n>>From there\nx >From\n> From\n>From",
     "A: b\n\nFrom here\n>From there\nx >From\n> From\n>From|"},
    {"quoted at the start", FROM ">From here\n", "From here\n|"},
    {"quoted twice in a line", FROM "A: b\n\n>From >From >From \n>From \n",
     "A: b\n\nFrom >From >From \nFrom \n|"},
};

static void
read_all(int fd, size_t max, GString *text)
{
    g_auto(DsnWindow) window = {.fd = -1};
    g_autoptr(GError) error = NULL;

    dsn_window_reset(&window, fd, 0);
    while (dsn_mbox_next(&window, max, text, &error))
        g_string_append_c(text, '|');
    ck_assert_msg(error == NULL, "%s", error == NULL ? "" : error->message);
    (void)close(fd);
}

START_TEST(splits)
{
    DsnSpan mbox = dsn_span(rows[_i].mbox);

    for (size_t size = dsn_packet_min(mbox.len); size <= mbox.len; size++) {
        g_autoptr(GString) text = g_string_new(NULL);

        read_all(dsn_packets_open(mbox, size), 1000, text);
        dsn_assert_span(((DsnSpan){text->str, text->len}), rows[_i].want, rows[_i].label);
    }
}
END_TEST

/* A message over the limit gives one byte more than the limit, one at the limit is whole, and what
 * follows is not touched. */
START_TEST(cuts_long_messages)
{
    g_autoptr(GString) mbox = g_string_new(FROM);
    g_autoptr(GString) want = g_string_new(NULL);
    g_autoptr(GString) text = g_string_new(NULL);
    static const size_t lengths[] = {0, 998, 999, 1000, 1001, 1002, 1003, 5000, 70000, 999};

    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        g_autofree char *message = g_strnfill(lengths[i], 'x');

        g_string_append_printf(mbox, "%s\n\n" FROM, message);
        g_string_append_printf(want, "%.1001s%s|", message, lengths[i] > 1000 ? "" : "\n");
    }
    g_string_append(mbox, ">From last\n");
    g_string_append(want, "From last\n|");
    for (size_t size = dsn_packet_min(mbox->len); size < 4096; size += 41) {
        g_string_truncate(text, 0);
        read_all(dsn_packets_open((DsnSpan){mbox->str, mbox->len}, size), 1000, text);
        dsn_assert_bytes(text->str, text->len, want->str, want->len);
    }
}
END_TEST

static const struct {
    const char *label, *start;
    bool want;
} beginnings[] = {
    {"asctime", FROM, true},
    {"nothing", "", false},
    {"a header", "From: a@b.example\n", false},
    {"no time", "From a@b.example\n", false},
    {"a time in the next line", "From a@b.example\nDate: 12:00\n", false},
    {"half a time", "From a@b.example 12:0", false},
    {"a colon first", "From :00", false},
    {"an empty line first", "\n" FROM, false},
};

START_TEST(begins_or_not)
{
    ck_assert_msg(dsn_mbox_begins(dsn_span(beginnings[_i].start)) == beginnings[_i].want, "%s",
                  beginnings[_i].label);
}
END_TEST

START_TEST(says_why_it_cannot_read)
{
    g_auto(DsnWindow) window = {.fd = -1};
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    dsn_window_reset(&window, -1, 0);
    ck_assert(!dsn_mbox_next(&window, 1000, text, &error));
    ck_assert(g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_BADF));
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("mbox");
    TCase *tcase = tcase_create("mbox");

    tcase_add_loop_test(tcase, splits, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, cuts_long_messages);
    tcase_add_loop_test(tcase, begins_or_not, 0, G_N_ELEMENTS(beginnings));
    tcase_add_test(tcase, says_why_it_cannot_read);
    suite_add_tcase(suite, tcase);
    return suite;
}
