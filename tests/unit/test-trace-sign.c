/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/trace-sign.h"
#include "mime/trace.h"
#include "tests/support/unit.h"

#define NOW G_GINT64_CONSTANT(1795166100)
#define DAY G_GINT64_CONSTANT(86400)
#define MEMBERS "{\"recipient\":\"jane@customer.example\",\"tenant\":\"shop\"}"

/* hmac.new(b"0123456789abcdef", canonical, sha256) of Python, where canonical is
 * json.dumps(trace, sort_keys=True, separators=(",", ":"), ensure_ascii=False). */
#define SIGNED                                                           \
    "{\"_@_\":\"\\\\_/\",\"dsnarf\":{\"k\":\"2026a\",\"s\":\"" SIGNATURE \
    "\",\"t\":1795166100},\"recipient\":\"jane@customer.example\",\"tenant\":\"shop\"}"
#define SIGNATURE "8ZLi93PvOCbxl5GRSarTEkeTR6VM_2c3x_kz_iYnIHk"

static DsnTraceKey current = {(char *)"2026a", (char *)"0123456789abcdef"};
static DsnTraceKey old = {(char *)"2025", (char *)"fedcba9876543210"};
static DsnTraceKey empty = {(char *)"none", NULL};
static gpointer list[] = {&current, &old, &empty};
static GPtrArray all = {list, G_N_ELEMENTS(list)}, none = {NULL, 0};

static DsnTraceOptions
options_of(const char *sign, GPtrArray *keys)
{
    return (DsnTraceOptions){.sign = (char *)sign, .max_age = 90 * G_TIME_SPAN_DAY, .keys = keys};
}

static char *
dup_signed(const char *sign, const char *members, int64_t time)
{
    DsnTraceOptions options = options_of(sign, &all);
    g_autoptr(DsnTraceKeys) keys = dsn_trace_keys_new(&options);
    json_auto_t *json = json_loads(members, JSON_ALLOW_NUL, NULL);
    GString *text = g_string_new(NULL);

    ck_assert_msg(dsn_trace_sign(keys, json, time, text), "%s", members);
    return g_string_free(text, FALSE);
}

static DsnTraceSeal
verify(const char *text, GPtrArray *key_list, int64_t now)
{
    DsnTraceOptions options = options_of("2026a", key_list);
    g_autoptr(DsnTraceKeys) keys = dsn_trace_keys_new(&options);
    json_auto_t *json = json_loads(text, JSON_ALLOW_NUL, NULL);
    DsnTraceSeal seal;

    ck_assert_msg(json != NULL, "%s", text);
    dsn_trace_verify(keys, json, now, &seal);
    seal.key = DSN_SPAN_ABSENT; /* in @json */
    return seal;
}

static void
check_state(const char *text, GPtrArray *key_list, int64_t now, DsnTraceState state,
            const char *reason, const char *label)
{
    DsnTraceSeal seal = verify(text, key_list, now);

    ck_assert_msg(seal.state == state, "%s: %s", label, dsn_trace_state_to_string(seal.state));
    ck_assert_msg(g_strcmp0(seal.reason, reason) == 0, "%s: %s", label, seal.reason);
}

/* The form that others make is made here, to the byte. */
START_TEST(signs_as_the_manual_says)
{
    g_autofree char *text = dup_signed("2026a", MEMBERS, NOW);

    ck_assert_str_eq(text, SIGNED);
    check_state(text, &all, NOW, DSN_TRACE_VERIFIED, NULL, "again");
}
END_TEST

START_TEST(without_a_key_it_is_what_KumoMTA_writes)
{
    g_autofree char *text = dup_signed(NULL, MEMBERS, NOW);

    ck_assert_str_eq(text, "{\"_@_\":\"\\\\_/\",\"recipient\":\"jane@customer.example\","
                           "\"tenant\":\"shop\"}");
    check_state(text, &all, NOW, DSN_TRACE_UNSIGNED, NULL, "SEC-03");
}
END_TEST

static const struct {
    const char *label, *from, *to; /* what is changed in SIGNED */
    const char *reason;            /* NULL: nothing is wrong with it */
} changes[] = {
    {"as it is", "", "", NULL},
    {"the marker is gone", "\"_@_\":\"\\\\_/\",", "", NULL},
    {"white space and order", "\"tenant\":\"shop\"}", "\"tenant\" : \"shop\" }", NULL},
    {"another recipient", "jane", "john", "signature"},
    {"another tenant", "shop", "mall", "signature"},
    {"another time", "1795166100", "1795166101", "signature"},
    {"a member more", "{\"_@_\"", "{\"x\":1,\"_@_\"", "signature"},
    {"a member less", ",\"tenant\":\"shop\"", "", "signature"},
    {"another key", "2026a", "2025", "signature"},
    {"a key that is gone", "2026a", "2024", "unknown-key"},
    {"a key without secret", "2026a", "none", "unknown-key"},
    {"more in the seal", "\"t\":", "\"u\":1,\"t\":", "signature"},
    {"no signature", "\"s\":", "\"x\":", "malformed"},
    {"no time", "\"t\":", "\"x\":", "malformed"},
    {"no key", "\"k\":", "\"x\":", "malformed"},
    {"negative time", "\"t\":1795166100", "\"t\":-9223372036854775808", "malformed"},
    {"time of no calendar", "\"t\":1795166100", "\"t\":9223372036854775807", "malformed"},
    {"time as text", "\"t\":1795166100", "\"t\":\"1795166100\"", "malformed"},
    {"short signature", "\"s\":\"", "\"s\":\"\",\"x\":\"", "signature"},
    {"longer signature", "\",\"t\"", "=\",\"t\"", "signature"},
    {"a fraction", "\"shop\"", "1.5", "signature"},
};

/* Rules CFBL-08 and ARF-23: whatever is changed is noticed. */
START_TEST(what_is_signed_cannot_be_changed)
{
    const char *at = strstr(SIGNED, changes[_i].from);
    g_autoptr(GString) text = g_string_new(SIGNED);

    ck_assert_msg(at != NULL, "%s", changes[_i].label);
    (void)g_string_replace(text, changes[_i].from, changes[_i].to, 1);
    check_state(text->str, &all, NOW,
                changes[_i].reason == NULL ? DSN_TRACE_VERIFIED : DSN_TRACE_BAD, changes[_i].reason,
                changes[_i].label);
}
END_TEST

START_TEST(time_passes)
{
    check_state(SIGNED, &all, NOW + 90 * DAY, DSN_TRACE_VERIFIED, NULL, "the last second");
    check_state(SIGNED, &all, NOW + 90 * DAY + 1, DSN_TRACE_EXPIRED, NULL, "too late");
    check_state(SIGNED, &all, NOW - DAY, DSN_TRACE_VERIFIED, NULL, "a clock that is late");
    check_state(SIGNED, &all, NOW - DAY - 1, DSN_TRACE_BAD, "future", "too early");
}
END_TEST

/* An old key still verifies what it signed; with no key at all nobody can tell. */
START_TEST(keys_rotate)
{
    g_autofree char *before = dup_signed("2025", MEMBERS, NOW);
    gpointer rest[] = {&current};
    GPtrArray only_current = {rest, 1};

    check_state(before, &all, NOW, DSN_TRACE_VERIFIED, NULL, "kept");
    check_state(before, &only_current, NOW, DSN_TRACE_BAD, "unknown-key", "removed");
    check_state(before, &none, NOW, DSN_TRACE_UNSIGNED, NULL, "no keys");
}
END_TEST

static const char *const signable[] = {
    "{}",
    "{\"recipient\":[\"a@x.example\",\"b@x.example\"],\"n\":null,\"b\":true}",
    "{\"o\":{\"z\":1,\"a\":[]}}",
    "{\"recipient\":\"j\\u00f6rg@x.example\",\"c\":\"\\u0000\\u001f\\u007f\\n\\\"\\\\/\"}",
    "{\"B\":1,\"a\":2,\"_\":3,\"\\u00e9\":4,\"aa\":5}",
};

START_TEST(all_kinds_of_members_go_there_and_back)
{
    g_autofree char *text = dup_signed("2026a", signable[_i], NOW);
    g_autoptr(GString) value = g_string_new(NULL), decoded = g_string_new(NULL);

    check_state(text, &all, NOW, DSN_TRACE_VERIFIED, NULL, signable[_i]);
    dsn_trace_encode(dsn_span(text), value);
    ck_assert(dsn_trace_decode((DsnSpan){value->str, value->len}, decoded));
    ck_assert_str_eq(decoded->str, text);
}
END_TEST

static const char *const refused[] = {
    "{\"recipient\":\"a@x.example\",\"n\":0.5}",
    "{\"recipient\":\"a@x.example\",\"dsnarf\":{}}",
    "{\"n\":[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]}",
    "[]",
};

START_TEST(some_members_cannot_be_signed)
{
    DsnTraceOptions options = options_of("2026a", &all);
    g_autoptr(DsnTraceKeys) keys = dsn_trace_keys_new(&options);
    json_auto_t *json = json_loads(refused[_i], 0, NULL);
    g_autoptr(GString) text = g_string_new("before");

    ck_assert_msg(!dsn_trace_sign(keys, json, NOW, text), "%s", refused[_i]);
    ck_assert_str_eq(text->str, "before");
}
END_TEST

START_TEST(secrets_are_long)
{
    ck_assert_ptr_nonnull(dsn_trace_secret_check("0123456789abcde"));
    ck_assert_ptr_null(dsn_trace_secret_check("0123456789abcdef"));
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("trace-sign");
    TCase *tcase = tcase_create("signature");

    tcase_add_test(tcase, signs_as_the_manual_says);
    tcase_add_test(tcase, without_a_key_it_is_what_KumoMTA_writes);
    tcase_add_loop_test(tcase, what_is_signed_cannot_be_changed, 0, G_N_ELEMENTS(changes));
    tcase_add_test(tcase, time_passes);
    tcase_add_test(tcase, keys_rotate);
    tcase_add_loop_test(tcase, all_kinds_of_members_go_there_and_back, 0, G_N_ELEMENTS(signable));
    tcase_add_loop_test(tcase, some_members_cannot_be_signed, 0, G_N_ELEMENTS(refused));
    tcase_add_test(tcase, secrets_are_long);
    suite_add_tcase(suite, tcase);
    return suite;
}
