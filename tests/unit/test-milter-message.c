/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/milter-message.h"

#include <glib/gstdio.h>

#include "tests/support/unit.h"

#define LIMIT ((size_t)2048)
#define HEADER_LIMIT ((size_t)1024)

static DsnPolicy *
make_policy(void)
{
    static const char text[] =
        "[file.all]\npath = \"/nowhere\"\n[limits]\nmessage = 2048\nheader = 1024\n"
        "[trace]\nsign = \"a\"\n"
        "[trace.key.a]\nsecret = \"0123456789abcdef\"\n"
        "[milter]\nlisten = \"unix:/nowhere\"\n"
        "outgoing = [\"ORIGINATING\", \"pickup\"]\n"
        "reports = [\"fbl@example.com\", \"bounce+*@example.com\"]\n"
        "[milter.role.other]\ndaemon = \"inbound\"\n"
        "reports = [\"abuse@example.com\", \"fbl@example.com\"]\n"
        "consumed = \"tag\"\n"
        "[milter.role.any]\nreports = [\"abuse@example.com\"]\n"
        "consumed = \"accept\"\n";
    g_autofree char *file = NULL;
    g_autoptr(GError) error = NULL;
    int descriptor = g_file_open_tmp("dsnarf-milter-XXXXXX", &file, NULL);

    ck_assert_int_ge(descriptor, 0);
    g_close(descriptor, NULL);
    ck_assert(g_file_set_contents(file, text, -1, NULL));
    DsnConfiguration *configuration = dsn_configuration_load(file, &error);
    g_remove(file);
    ck_assert_msg(configuration != NULL, "%s", error == NULL ? "" : error->message);
    DsnPolicy *policy = dsn_policy_new(configuration, &error);
    ck_assert_msg(policy != NULL, "%s", error == NULL ? "" : error->message);
    return policy;
}

static void
begin(DsnMilterMessage *message, gsize *held, const char *recipient)
{
    dsn_milter_message_init(message, held);
    dsn_milter_message_begin(message, make_policy(), "<>", false);
    dsn_milter_message_add_recipient(message, recipient, NULL);
}

static void
begin_outgoing_again(DsnMilterMessage *message)
{
    dsn_milter_message_begin(message, make_policy(), "<a@b.example>", false);
    dsn_milter_message_add_recipient(message, "<c@d.example>", "ORIGINATING");
}

static void
begin_outgoing(DsnMilterMessage *message, gsize *held)
{
    dsn_milter_message_init(message, held);
    begin_outgoing_again(message);
}

static const struct {
    const char *path, *address;
} paths[] = {
    {"<a@b.example>", "a@b.example"}, /* smtpd */
    {"a@b.example", "a@b.example"},   /* pickup and bounce */
    {"<>", ""},
    {"", ""},
    {"<", "<"},
    {">", ">"},
    {"<a", "<a"},
    {"<\"<\"@b.example>", "\"<\"@b.example"},
};

START_TEST(strips_brackets)
{
    gsize held = 0;
    DsnMilterMessage message;

    dsn_assert_span(dsn_milter_address(paths[_i].path), paths[_i].address, paths[_i].path);
    dsn_milter_message_init(&message, &held);
    dsn_milter_message_begin(&message, make_policy(), paths[_i].path, false);
    ck_assert_str_eq(message.sender->str, paths[_i].address);
    dsn_milter_message_free_members(&message);
}
END_TEST

static const struct {
    const char *recipient, *daemon;
    int consumed; /* -1: not ours */
} roles[] = {
    {"<fbl@example.com>", NULL, DSN_CONSUMED_DISCARD},
    {"<fbl@example.com>", "", DSN_CONSUMED_DISCARD},
    {"<fbl@example.com>", "inbound", DSN_CONSUMED_TAG},
    {"<fbl@example.com>", "INBOUND", DSN_CONSUMED_DISCARD},
    {"FBL@Example.COM", NULL, DSN_CONSUMED_DISCARD},
    {"<bounce+1@example.com>", "inbound", DSN_CONSUMED_DISCARD},
    {"<abuse@example.com>", "inbound", DSN_CONSUMED_TAG},
    {"<abuse@example.com>", "submission", DSN_CONSUMED_ACCEPT},
    {"<abuse@example.com>", NULL, DSN_CONSUMED_ACCEPT},
    {"<abuse@other.example>", "inbound", -1},
    {"<>", NULL, -1},
    {"", NULL, -1},
};

START_TEST(finds_the_first_role)
{
    DsnMilterMessage message;
    gsize held = 0;
    int consumed = -1;

    dsn_milter_message_init(&message, &held);
    dsn_milter_message_begin(&message, make_policy(), "<a@b.example>", false);
    dsn_milter_message_add_recipient(&message, roles[_i].recipient, roles[_i].daemon);
    if (dsn_milter_message_purpose(&message) == DSN_MILTER_REPORTED) {
        const DsnMilterRecipient *recipient =
            &g_array_index(message.recipients, DsnMilterRecipient, 0);

        consumed = (int)recipient->role->consumption.all;
        ck_assert_str_eq(recipient->given, roles[_i].recipient);
    }
    ck_assert_msg(consumed == roles[_i].consumed, "%s, %s: %d", roles[_i].recipient,
                  roles[_i].daemon, consumed);
    ck_assert_uint_eq(message.others, consumed < 0 ? 1 : 0);
    dsn_milter_message_free_members(&message);
}
END_TEST

static const struct {
    const char *daemon, *recipients[3];
    const char *first, *only; /* of others; NULL: there is none */
    bool leaves;
} outgoing[] = {
    {"ORIGINATING", {"<a@b.example>"}, "a@b.example", "a@b.example", true},
    {"pickup", {"a@b.example"}, "a@b.example", "a@b.example", true},
    {"ORIGINATING", {"<a@b.example>", "<c@d.example>"}, "a@b.example", NULL, true},
    {"ORIGINATING", {"<a@b.example>", "<c@d.example>", "<e@f.example>"}, "a@b.example", NULL, true},
    {"ORIGINATING", {"<a@b.example>", "<fbl@example.com>"}, "a@b.example", "a@b.example", false},
    {"ORIGINATING", {"<fbl@example.com>", "<a@b.example>"}, "a@b.example", "a@b.example", false},
    {"originating", {"<a@b.example>"}, NULL, NULL, false},
    {"mx", {"<a@b.example>"}, NULL, NULL, false},
    {"", {"<a@b.example>"}, NULL, NULL, false},
    {NULL, {"<a@b.example>"}, NULL, NULL, false},
};

/* Nothing is known afterwards of the message before. */
START_TEST(knows_what_leaves)
{
    DsnMilterMessage message;
    gsize held = 0;

    dsn_milter_message_init(&message, &held);
    for (int round = 0; round < 2; round++) {
        dsn_milter_message_begin(&message, make_policy(), "<a@b.example>", false);
        for (size_t i = 0; i < 3 && outgoing[_i].recipients[i] != NULL; i++)
            dsn_milter_message_add_recipient(&message, outgoing[_i].recipients[i],
                                             outgoing[_i].daemon);
        ck_assert_msg((dsn_milter_message_purpose(&message) == DSN_MILTER_LEAVING) ==
                          outgoing[_i].leaves,
                      "%d", _i);
        const char *only = dsn_milter_message_only(&message);
        ck_assert_msg(g_strcmp0(only, outgoing[_i].only) == 0, "%d: %s", _i, only);
        ck_assert_msg(g_strcmp0(message.first_other, outgoing[_i].first) == 0, "%d: %s", _i,
                      message.first_other);
    }
    dsn_milter_message_clear(&message);
    ck_assert_int_eq(dsn_milter_message_purpose(&message), DSN_MILTER_PASSING);
    dsn_milter_message_free_members(&message);
}
END_TEST

static const struct {
    const char *name, *value, *line;
} fields[] = {
    {"Subject", " x", "Subject: x\r\n"},
    {"Subject", "x", "Subject:x\r\n"},
    {"Subject", "", "Subject:\r\n"},
    {"To", " a,\n\tb,\n c", "To: a,\r\n\tb,\r\n c\r\n"},
    {"To", " a,\r\n\tb", "To: a,\r\n\tb\r\n"},
    {"To", " a\rb", "To: a\rb\r\n"},
    {"To", "\n", "To:\r\n\r\n"},
    {"Subject", " \xc3\xa4\xff", "Subject: \xc3\xa4\xff\r\n"},
};

START_TEST(writes_fields_as_on_the_wire)
{
    DsnMilterMessage message;
    gsize held = 0;

    begin(&message, &held, "<fbl@example.com>");
    dsn_milter_message_add_field(&message, fields[_i].name, fields[_i].value);
    dsn_assert_bytes(message.bytes->str, message.bytes->len, fields[_i].line,
                     strlen(fields[_i].line));
    ck_assert_uint_eq(held, message.bytes->len);
    dsn_milter_message_free_members(&message);
    ck_assert_uint_eq(held, 0);
}
END_TEST

START_TEST(counts_its_own_field)
{
    DsnMilterMessage message;
    gsize held = 0;

    begin(&message, &held, "<fbl@example.com>");
    dsn_milter_message_add_field(&message, "X-Dsnarf-Report", " x");
    dsn_milter_message_add_field(&message, "x-dsnarf-REPORT", " x");
    dsn_milter_message_add_field(&message, "X-Dsnarf-Reports", " x");
    ck_assert_uint_eq(message.tags, 2);
    dsn_milter_message_begin(&message, make_policy(), "<>", false);
    ck_assert_uint_eq(message.tags, 0);
    dsn_milter_message_free_members(&message);
}
END_TEST

START_TEST(keeps_nothing_of_the_mail_of_others)
{
    DsnMilterMessage message;
    gsize held = 0;

    begin(&message, &held, "<somebody@example.com>");
    dsn_milter_message_add_field(&message, "Subject", " x");
    dsn_milter_message_add(&message, DSN_SPAN_LITERAL("body"));
    ck_assert_int_ne(dsn_milter_message_purpose(&message), DSN_MILTER_REPORTED);
    ck_assert_ptr_null(message.bytes);
    ck_assert_uint_eq(held, 0);
    dsn_milter_message_free_members(&message);
}
END_TEST

START_TEST(stops_at_the_limit)
{
    static const char chunk[100] = {'x', '\0', '\xff'};
    DsnMilterMessage message;
    gsize held = 0;

    begin(&message, &held, "<fbl@example.com>");
    for (size_t sent = 0; sent < 3 * LIMIT; sent += sizeof(chunk))
        dsn_milter_message_add(&message, (DsnSpan){chunk, sizeof(chunk)});
    ck_assert_uint_eq(message.bytes->len, LIMIT + 1);
    ck_assert_mem_eq(message.bytes->str + 200, chunk, sizeof(chunk));
    ck_assert_uint_eq(held, LIMIT + 1);
    ck_assert(!message.no_room);
    dsn_milter_message_free_members(&message);
    ck_assert_uint_eq(held, 0);
}
END_TEST

/* One message too many is dropped; the others stay as they are. */
START_TEST(holds_no_more_than_the_room)
{
    static const char chunk[2048];
    DsnMilterMessage messages[DSN_MILTER_ROOM + 1];
    gsize held = 0;

    for (int i = 0; i <= DSN_MILTER_ROOM; i++) {
        begin(&messages[i], &held, "<fbl@example.com>");
        ck_assert_int_eq(dsn_milter_message_has_room(&messages[i]), i < DSN_MILTER_ROOM);
        dsn_milter_message_add(&messages[i], (DsnSpan){chunk, 1});
        dsn_milter_message_add(&messages[i], (DsnSpan){chunk, sizeof(chunk) - 1});
        dsn_milter_message_add(&messages[i], (DsnSpan){chunk, 1});
        ck_assert_int_eq(messages[i].no_room, i == DSN_MILTER_ROOM);
    }
    ck_assert_uint_eq(held, DSN_MILTER_ROOM * (LIMIT + 1));
    ck_assert_uint_eq(messages[0].bytes->len, LIMIT + 1);
    ck_assert_ptr_null(messages[DSN_MILTER_ROOM].bytes);
    for (int i = 0; i <= DSN_MILTER_ROOM; i++)
        dsn_milter_message_free_members(&messages[i]);
    ck_assert_uint_eq(held, 0);
}
END_TEST

/* Of mail that leaves the fields are kept and nothing else. */
START_TEST(keeps_the_header_of_what_leaves)
{
    static const char header[] = "Subject: x\r\nTo: a,\r\n\tb\r\n";
    DsnMilterMessage message;
    gsize held = 0;

    begin_outgoing(&message, &held);
    ck_assert_uint_eq(dsn_milter_message_header(&message).len, 0);
    dsn_milter_message_add_field(&message, "Subject", " x");
    dsn_milter_message_add_field(&message, "To", " a,\n\tb");
    dsn_milter_message_add(&message, DSN_SPAN_LITERAL("\r\nbody"));
    dsn_assert_span(dsn_milter_message_header(&message), header, "header");
    ck_assert_uint_eq(held, strlen(header));
    ck_assert(!message.cut);
    dsn_milter_message_begin(&message, make_policy(), "<>", false);
    ck_assert_uint_eq(dsn_milter_message_header(&message).len, 0);
    dsn_milter_message_free_members(&message);
    ck_assert_uint_eq(held, 0);
}
END_TEST

/* Of a field that has no room nothing is kept, nor of what follows it. */
START_TEST(cuts_a_header_between_fields)
{
    g_autofree char *value = g_strnfill(HEADER_LIMIT - strlen("A:b\r\n") - strlen("C:\r\n"), 'x');
    DsnMilterMessage message;
    gsize held = 0;

    begin_outgoing(&message, &held);
    dsn_milter_message_add_field(&message, "A", "b");
    dsn_milter_message_add_field(&message, "C", value);
    ck_assert(message.cut);
    dsn_milter_message_add_field(&message, "D", "e");
    dsn_assert_span(dsn_milter_message_header(&message), "A:b\r\n", "header");
    ck_assert_uint_eq(held, strlen("A:b\r\n"));

    dsn_milter_message_clear(&message);
    begin_outgoing_again(&message);
    dsn_milter_message_add_field(&message, "A", "b");
    dsn_milter_message_add_field(&message, "C", value + 1);
    ck_assert(!message.cut);
    ck_assert_uint_eq(dsn_milter_message_header(&message).len, HEADER_LIMIT - 1);
    dsn_milter_message_add_field(&message, "D", "");
    ck_assert(message.cut);
    ck_assert_uint_eq(held, HEADER_LIMIT - 1);
    dsn_milter_message_free_members(&message);
    ck_assert_uint_eq(held, 0);
}
END_TEST

START_TEST(drops_a_header_that_has_no_room)
{
    DsnMilterMessage message;
    gsize held = DSN_MILTER_ROOM * (LIMIT + 1) - 4;

    begin_outgoing(&message, &held);
    dsn_milter_message_add_field(&message, "A", "b");
    ck_assert(message.no_room);
    dsn_milter_message_add_field(&message, "A", "");
    ck_assert_uint_eq(dsn_milter_message_header(&message).len, 0);
    ck_assert_uint_eq(held, DSN_MILTER_ROOM * (LIMIT + 1) - 4);
    dsn_milter_message_free_members(&message);
}
END_TEST

START_TEST(keeps_a_bounded_number_of_recipients)
{
    g_autofree char *tail = g_strnfill(60000, 'x');
    g_autofree char *large = g_strdup_printf("<bounce+%s@example.com>", tail);
    DsnMilterMessage message;
    gsize held = 0;

    begin(&message, &held, "<fbl@example.com>");
    for (int i = 1; i < 10000; i++)
        dsn_milter_message_add_recipient(&message, "<bounce+1@example.com>", NULL);
    ck_assert(!message.crowded);
    dsn_milter_message_add_recipient(&message, "<somebody@example.com>", NULL);
    ck_assert(message.others == 1 && !message.crowded);
    dsn_milter_message_add_recipient(&message, "<fbl@example.com>", NULL);
    ck_assert(message.crowded);
    ck_assert_uint_eq(message.recipients->len, 10000);

    dsn_milter_message_begin(&message, make_policy(), "<>", false);
    ck_assert(!message.crowded && message.others == 0);
    for (int i = 0; i < 20; i++)
        dsn_milter_message_add_recipient(&message, large, NULL);
    ck_assert(message.crowded);
    ck_assert_uint_le(message.address_size, 1 << 20);
    dsn_milter_message_free_members(&message);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("milter-message");
    TCase *tcase = tcase_create("milter-message");

    tcase_add_loop_test(tcase, strips_brackets, 0, G_N_ELEMENTS(paths));
    tcase_add_loop_test(tcase, knows_what_leaves, 0, G_N_ELEMENTS(outgoing));
    tcase_add_loop_test(tcase, finds_the_first_role, 0, G_N_ELEMENTS(roles));
    tcase_add_loop_test(tcase, writes_fields_as_on_the_wire, 0, G_N_ELEMENTS(fields));
    tcase_add_test(tcase, counts_its_own_field);
    tcase_add_test(tcase, keeps_nothing_of_the_mail_of_others);
    tcase_add_test(tcase, stops_at_the_limit);
    tcase_add_test(tcase, holds_no_more_than_the_room);
    tcase_add_test(tcase, keeps_the_header_of_what_leaves);
    tcase_add_test(tcase, cuts_a_header_between_fields);
    tcase_add_test(tcase, drops_a_header_that_has_no_room);
    tcase_add_test(tcase, keeps_a_bounded_number_of_recipients);
    suite_add_tcase(suite, tcase);
    return suite;
}
