/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/event-key.h"
#include "tests/support/unit.h"

#define BASE                                                                                   \
    "{\"type\":\"Bounce\",\"id\":\"1d98\",\"sender\":\"a@s.example\",\"recipient\":[\"b@t\","  \
    "\"c@t\"],\"queue\":\"\",\"site\":\"\",\"size\":0,\"response\":{\"code\":550,\"content\":" \
    "\"no\"},\"timestamp\":1795166103,\"event_time\":\"2026-11-20T09:15:03.000000001Z\","      \
    "\"created\":1795166100,\"created_time\":\"2026-11-20T09:15:00.5Z\",\"num_attempts\":2,"   \
    "\"bounce_classification\":\"\",\"meta\":{},\"headers\":{},\"nodeid\":\"n\"}"

static DsnRecord *
read_changed(const char *changes)
{
    g_autoptr(GError) error = NULL;
    json_auto_t *json = json_loads(BASE, 0, NULL);
    json_auto_t *update = json_loads(changes, 0, NULL);

    ck_assert(json != NULL && update != NULL);
    ck_assert_int_eq(json_object_update(json, update), 0);
    DsnRecord *record = dsn_record_from_json(json, &error);
    ck_assert_msg(record != NULL, "%s: %s", changes, error == NULL ? "" : error->message);
    return record;
}

static const DsnSaying failed = {.action = DSN_ACTION_FAILED};

static DsnKey
notice_key(const DsnRecord *record, const char *recipient)
{
    return dsn_notice_key(record, recipient, &failed);
}

static bool
same(DsnKey a, DsnKey b)
{
    return memcmp(a.digest, b.digest, sizeof(a.digest)) == 0;
}

/* What makes another event, and what makes another notice for its recipient "b@t". */
static const struct {
    const char *changes;
    bool event, notice;
} rows[] = {
    {"{}", false, false},
    {"{\"nodeid\":\"m\"}", true, true},
    {"{\"type\":\"Expiration\"}", true, false},
    {"{\"id\":\"1d99\"}", true, true},
    {"{\"recipient\":[\"c@t\",\"b@t\"]}", false, false},
    {"{\"recipient\":\"b@t\"}", true, false},
    {"{\"recipient\":[\"b@t\",\"c@t\",\"d@t\"]}", true, false},
    {"{\"recipient\":[\"b@tc@t\"]}", true, false},
    {"{\"event_time\":\"2026-11-20T09:15:03.000000002Z\"}", true, false},
    {"{\"event_time\":\"2026-11-20T09:15:04.000000001Z\"}", true, false},
    {"{\"event_time\":\"2026-11-20T10:15:03.000000001+01:00\"}", false, false},
    {"{\"num_attempts\":3}", true, false},
    {"{\"created_time\":\"2026-11-20T09:15:00.6Z\"}", false, true},
    {"{\"sender\":\"x@s.example\",\"meta\":{\"x\":1},\"size\":7}", false, false},
};

START_TEST(what_counts)
{
    g_autoptr(DsnRecord) base = read_changed("{}");
    g_autoptr(DsnRecord) changed = read_changed(rows[_i].changes);
    DsnKey event = dsn_event_key(changed);

    ck_assert_msg(same(dsn_event_key(base), event) != rows[_i].event, "%s", rows[_i].changes);
    ck_assert_msg(same(notice_key(base, "b@t"), notice_key(changed, "b@t")) != rows[_i].notice,
                  "%s", rows[_i].changes);
    ck_assert_int_eq(event.time, changed->event_time);
    ck_assert(!same(event, notice_key(changed, "b@t")));
    ck_assert(!same(notice_key(changed, "c@t"), notice_key(changed, "b@t")));
}
END_TEST

/* What is final is one (ENV-20); each threshold of a delay is another. */
static const struct {
    DsnSaying saying;
    bool final;
    bool group;
} sayings[] = {
    {{DSN_ACTION_FAILED, false, 0}, true, true},
    {{DSN_ACTION_DELIVERED, false, 0}, true, false},
    {{DSN_ACTION_RELAYED, false, 0}, true, false},
    {{DSN_ACTION_EXPANDED, false, 0}, true, false},
    {{DSN_ACTION_RELAYED, true, 0}, false, false},
    {{DSN_ACTION_DELAYED, false, 3600}, false, false},
    {{DSN_ACTION_DELAYED, false, 7200}, false, false},
};

START_TEST(what_is_said)
{
    g_autoptr(DsnRecord) record = read_changed("{}");
    DsnKey key = dsn_notice_key(record, "b@t", &sayings[_i].saying);
    DsnKey group = dsn_group_key(record, "a@s.example", NULL, &sayings[_i].saying);

    ck_assert(same(key, notice_key(record, "b@t")) == sayings[_i].final);
    ck_assert(same(group, dsn_group_key(record, "a@s.example", NULL, &failed)) ==
              sayings[_i].group);
    ck_assert(!same(group, dsn_group_key(record, "a@s.example", "t", &sayings[_i].saying)));
    ck_assert(!same(group, dsn_group_key(record, "b@s.example", NULL, &sayings[_i].saying)));
    for (size_t i = 0; i < G_N_ELEMENTS(sayings); i++) {
        DsnKey other = dsn_notice_key(record, "b@t", &sayings[i].saying);

        ck_assert(same(key, other) == (i == (size_t)_i || (sayings[i].final && sayings[_i].final)));
    }
}
END_TEST

START_TEST(attempts_are_of_a_recipient)
{
    g_autoptr(DsnRecord) failure =
        read_changed("{\"type\":\"TransientFailure\",\"num_attempts\":1}");
    g_autoptr(DsnRecord) expiration =
        read_changed("{\"type\":\"Expiration\",\"event_time\":\"2026-11-21T09:15:03Z\"}");

    ck_assert(same(dsn_attempt_key(failure, "b@t"), dsn_attempt_key(expiration, "b@t")));
    ck_assert(!same(dsn_attempt_key(failure, "b@t"), dsn_attempt_key(failure, "c@t")));
}
END_TEST

START_TEST(fields_do_not_run_into_each_other)
{
    g_autoptr(DsnRecord) one = read_changed("{\"nodeid\":\"ab\",\"id\":\"c\"}");
    g_autoptr(DsnRecord) other = read_changed("{\"nodeid\":\"a\",\"id\":\"bc\"}");

    ck_assert(!same(notice_key(one, "b@t"), notice_key(other, "b@t")));
    ck_assert(!same(dsn_event_key(one), dsn_event_key(other)));
}
END_TEST

/* Of a Rejection, which has no id, everything counts; not how it was written. */
START_TEST(a_rejection_is_all_that_it_says)
{
    g_autoptr(DsnRecord) one = read_changed("{\"type\":\"Rejection\",\"meta\":{\"a\":1,\"b\":2}}");
    g_autoptr(DsnRecord) same_one =
        read_changed("{\"type\":\"Rejection\",\"meta\":{\"b\":2,\"a\":1},\"peer_address\":null}");
    g_autoptr(DsnRecord) other =
        read_changed("{\"type\":\"Rejection\",\"meta\":{\"a\":1,\"b\":2},\"size\":1}");

    ck_assert(same(dsn_event_key(one), dsn_event_key(same_one)));
    ck_assert(!same(dsn_event_key(one), dsn_event_key(other)));
}
END_TEST

START_TEST(reads_digits)
{
    static const guint8 expected[16] = {0x00, 0x01, 0x9f, 0xAB, 0xff};
    DsnKey key = dsn_message_key("00019fABff0000000000000000000000", 7);

    ck_assert_mem_eq(key.digest, expected, sizeof(expected));
    ck_assert_int_eq(key.time, 7);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("event-key");
    TCase *tcase = tcase_create("keys");

    tcase_add_loop_test(tcase, what_counts, 0, G_N_ELEMENTS(rows));
    tcase_add_loop_test(tcase, what_is_said, 0, G_N_ELEMENTS(sayings));
    tcase_add_test(tcase, attempts_are_of_a_recipient);
    tcase_add_test(tcase, fields_do_not_run_into_each_other);
    tcase_add_test(tcase, a_rejection_is_all_that_it_says);
    tcase_add_test(tcase, reads_digits);
    suite_add_tcase(suite, tcase);
    return suite;
}
