/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/message-identity.h"
#include "tests/support/unit.h"

#define AUTHOR                                                                 \
    "From: fbl@isp.example\nTo: fbl@example.com\nSubject: complaint\n about\n" \
    "MIME-Version: 1.0\nContent-Type: multipart/report; boundary=b\n"
#define DATE "Date: Fri, 20 Nov 2026 09:15:00 +0000\n"
#define LATER "Date: Fri, 20 Nov 2026 09:16:40 +0000\n"
#define ID "Message-ID: <1@isp.example>\n"
#define BODY "\n--b\n\none\n\n--b--\n"
#define QUEUE_ID "4bX1Z20abc"
#define MADE "Message-Id: <20261120091500." QUEUE_ID "@mx.example.com>\n"
#define OTHER_QUEUE_ID "4bX1ZF0xyz"
#define OTHER_MADE "Message-Id: <20261120091640." OTHER_QUEUE_ID "@mx.example.com>\n"
#define RECEIVED                                                                                 \
    "Received: from isp.example (isp.example [192.0.2.1] (may be id forged))\n\tby "             \
    "mx.example.com (Postfix) with ESMTPS id " QUEUE_ID "\n\tfor <fbl@example.com>; Fri, 20 Nov" \
    " 2026 09:15:00 +0000 (UTC)\n"
#define OTHER_RECEIVED                                                                         \
    "Received: by mx.example.com (Postfix) id " OTHER_QUEUE_ID "; Fri, 20 Nov 2026 09:16:40\n" \
    " +0000\n"

static char *
identity(const char *message, const char *queue_id)
{
    g_autofree char *exact = g_memdup2(message, strlen(message));
    char *digest = dsn_message_identity((DsnSpan){exact, strlen(message)}, dsn_span(queue_id));

    ck_assert_uint_eq(strlen(digest), DSN_IDENTITY_DIGITS);
    ck_assert_uint_eq(strspn(digest, "0123456789abcdef"), DSN_IDENTITY_DIGITS);
    return digest;
}

static const struct {
    const char *label;
    const char *one, *one_queue_id;
    const char *other, *other_queue_id;
    bool same;
} pairs[] = {
    {"the same", AUTHOR ID BODY, NULL, AUTHOR ID BODY, NULL, true},
    {"hosts on the way", AUTHOR ID BODY, NULL,
     "Return-Path: <>\nX-Original-To: x@example.com\nDelivered-To: x@example.com\n" RECEIVED
     "Authentication-Results: mx.example.com; spf=pass\nX-Spam: no\n" AUTHOR
     "Content-Length: 17\nStatus: RO\n" ID BODY,
     NULL, true},
    {"received twice", RECEIVED AUTHOR ID BODY, QUEUE_ID, OTHER_RECEIVED RECEIVED AUTHOR ID BODY,
     OTHER_QUEUE_ID, true},
    {"the line of a mailbox file", AUTHOR ID BODY, NULL,
     "From fbl@isp.example Fri Nov 20 09:15:00 2026\n" AUTHOR ID BODY, NULL, true},
    {"sent again with another date", AUTHOR ID DATE BODY, NULL, AUTHOR ID LATER BODY, NULL, true},
    {"empty lines at the end", AUTHOR ID BODY, NULL, AUTHOR ID BODY "\n\r\n\n", NULL, true},
    {"no line end at the end", AUTHOR ID "\nbody", NULL, AUTHOR ID "\nbody\n", NULL, true},
    {"folds", AUTHOR ID BODY, NULL,
     "From:fbl@isp.example\nTO: \tfbl@example.com \nSubject: complaint\r\n about\n"
     "MIME-Version: 1.0\nContent-Type: multipart/report; boundary=b\n" ID BODY,
     NULL, true},
    {"converted twice", AUTHOR ID "\none\r\n\r\ntwo\r\n", NULL, AUTHOR ID "\none\r\r\n\r\r\ntwo",
     NULL, true},
    {"empty line converted twice", AUTHOR ID "\none\n", NULL, AUTHOR ID "\r\r\none\r\r\n", NULL,
     true},

    {"a Message-ID made here", AUTHOR MADE LATER BODY, QUEUE_ID, AUTHOR BODY, QUEUE_ID, true},
    {"made here each time anew", AUTHOR MADE DATE BODY, QUEUE_ID, AUTHOR OTHER_MADE LATER BODY,
     OTHER_QUEUE_ID, true},
    {"made here, read after delivery", AUTHOR MADE DATE BODY, QUEUE_ID,
     RECEIVED AUTHOR MADE DATE BODY, NULL, true},
    {"made here, read after delivery, empty queue id", AUTHOR MADE DATE BODY, QUEUE_ID,
     RECEIVED AUTHOR MADE DATE BODY, "", true},
    {"made here, with the sender's date", DATE AUTHOR MADE BODY, QUEUE_ID,
     DATE AUTHOR OTHER_MADE BODY, OTHER_QUEUE_ID, true},
    {"made here, with another of the sender's dates", DATE AUTHOR MADE BODY, QUEUE_ID,
     LATER AUTHOR MADE BODY, QUEUE_ID, false},
    {"made elsewhere", AUTHOR MADE DATE BODY, OTHER_QUEUE_ID, AUTHOR OTHER_MADE DATE BODY,
     OTHER_QUEUE_ID, false},
    {"made at another hop", OTHER_RECEIVED RECEIVED AUTHOR MADE BODY, NULL,
     OTHER_RECEIVED RECEIVED AUTHOR BODY, NULL, false},
    {"the queue id as a part of another", AUTHOR MADE BODY, "0abc", AUTHOR BODY, "0abc", false},
    {"no Message-ID, no date", AUTHOR BODY, NULL, AUTHOR BODY, QUEUE_ID, true},
    {"no Message-ID, another date", AUTHOR DATE BODY, NULL, AUTHOR LATER BODY, NULL, false},
    {"an empty Message-ID is none", AUTHOR "Message-ID: \n" DATE BODY, NULL,
     AUTHOR "Message-ID: \n" LATER BODY, NULL, false},

    {"another Message-ID", AUTHOR ID BODY, NULL, AUTHOR "Message-ID: <2@isp.example>\n" BODY, NULL,
     false},
    {"another body", AUTHOR ID BODY, NULL, AUTHOR ID "\n--b\n\ntwo\n\n--b--\n", NULL, false},
    {"an empty line within", AUTHOR ID "\na\nb\n", NULL, AUTHOR ID "\na\n\nb\n", NULL, false},
    {"empty lines at the start", AUTHOR ID "\na\n", NULL, AUTHOR ID "\n\na\n", NULL, false},
    {"a space at the end", AUTHOR ID "\na\n", NULL, AUTHOR ID "\na \n", NULL, false},
    {"a lone CR", AUTHOR ID "\na\rb\n", NULL, AUTHOR ID "\na\nb\n", NULL, false},
    {"another subject", AUTHOR ID BODY, NULL, "Subject: x\n" AUTHOR ID BODY, NULL, false},
    {"another type", AUTHOR ID BODY, NULL, AUTHOR "Content-Disposition: inline\n" ID BODY, NULL,
     false},
    {"header or body", AUTHOR ID "\nTo: x\n", NULL, AUTHOR ID "To: x\n\n", NULL, false},
    {"field or value", "From: a\nTo: b\n\n", NULL, "From: a\n to:b\n\n", NULL, false},
    {"what is no field belongs to the body", AUTHOR "no field\nTo: x\n\none", NULL,
     AUTHOR "no field\nTo: y\n\none", NULL, false},
    {"as Postfix separates it", AUTHOR "no field\nTo: x\n\none", NULL,
     AUTHOR "\nno field\nTo: x\n\none", NULL, true},
    {"nothing", "", NULL, "\n\n", NULL, true},
    {"nothing and something", "", NULL, "\nx", NULL, false},
    {"less than a field", "From", NULL, "Fro", NULL, false},
};

START_TEST(tells_messages_apart)
{
    g_autofree char *one = identity(pairs[_i].one, pairs[_i].one_queue_id);
    g_autofree char *other = identity(pairs[_i].other, pairs[_i].other_queue_id);

    ck_assert_msg((strcmp(one, other) == 0) == pairs[_i].same, "%s", pairs[_i].label);
}
END_TEST

/* How lines end is up to the road by which the message came. */
START_TEST(line_ends_do_not_count)
{
    g_auto(GStrv) lines = g_strsplit(pairs[_i].one, "\n", -1);
    g_autofree char *converted = g_strjoinv("\r\n", lines);
    g_autofree char *one = identity(pairs[_i].one, pairs[_i].one_queue_id);
    g_autofree char *other = identity(converted, pairs[_i].one_queue_id);

    ck_assert_msg(strcmp(one, other) == 0, "%s", pairs[_i].label);
}
END_TEST

/* Ids stay the same from release to release: records out there bear them. */
START_TEST(is_fixed)
{
    g_autofree char *digest = identity(AUTHOR ID BODY, NULL);
    g_autofree char *expected = g_compute_checksum_for_string(
        G_CHECKSUM_SHA256,
        "from:fbl@isp.example\nto:fbl@example.com\nsubject:complaint about\nmime-version:1.0\n"
        "content-type:multipart/report; boundary=b\nmessage-id:<1@isp.example>\n\n"
        "--b\r\n\r\none\r\n\r\n--b--\r\n",
        -1);

    expected[DSN_IDENTITY_DIGITS] = '\0';
    ck_assert_str_eq(digest, expected);
}
END_TEST

/* Each is repeated to eight megabytes: whatever takes more than linear time would take hours. */
static const char *const hostile[] = {
    "Message-ID: <1@x>\n",
    "Message-ID: <.4bX1Z20abc@x>\n",
    "Received: x id (\n",
    "From: a\n b\n",
    "\n",
    "\r",
    "\n\r\n",
    " \n",
    "X:\n \n",
    "a b\n",
    "From ",
};

START_TEST(takes_linear_time)
{
    g_autoptr(GString) message = g_string_new(NULL);

    while (message->len < (size_t)8 << 20)
        g_string_append(message, hostile[_i]);
    g_autofree char *one = identity(message->str, QUEUE_ID);
    g_string_append(message, "x\n\nx");
    g_autofree char *other = identity(message->str, QUEUE_ID);
    ck_assert_str_ne(one, other);
}
END_TEST

static const struct {
    const char *label, *message, *want;
} queue_ids[] = {
    {"Postfix",
     "Return-Path: <>\nReceived: from a (b [192.0.2.1])\n\tby c (Postfix) with LMTP id "
     "4bX1Z2\n\tfor <d@e.example>; Thu, 1 Jan 1970 00:00:00 +0000\nReceived: by f id 2\n",
     "4bX1Z2"},
    {"in a comment", "Received: by a (id 1) with ESMTP (b id 2) id 3; date\n", "3"},
    {"the topmost has none", "Received: by a; date\nReceived: by b id 2; date\n", NULL},
    {"no such field", "Subject: id 1\n\nReceived: by a id 2; date\n", NULL},
    {"nothing", "", NULL},
};

START_TEST(finds_the_queue_id)
{
    DsnSpan id = dsn_message_queue_id(dsn_span(queue_ids[_i].message));

    if (queue_ids[_i].want == NULL)
        ck_assert_msg(!dsn_span_present(id), "%s", queue_ids[_i].label);
    else
        dsn_assert_span(id, queue_ids[_i].want, queue_ids[_i].label);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("message-identity");
    TCase *tcase = tcase_create("digest");

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, tells_messages_apart, 0, G_N_ELEMENTS(pairs));
    tcase_add_loop_test(tcase, line_ends_do_not_count, 0, G_N_ELEMENTS(pairs));
    tcase_add_test(tcase, is_fixed);
    tcase_add_loop_test(tcase, takes_linear_time, 0, G_N_ELEMENTS(hostile));
    tcase_add_loop_test(tcase, finds_the_queue_id, 0, G_N_ELEMENTS(queue_ids));
    suite_add_tcase(suite, tcase);
    return suite;
}
