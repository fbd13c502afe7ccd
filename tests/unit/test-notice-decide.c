/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/notice.h"
#include "tests/support/unit.h"

/* The base record was made at CREATED, and the event is three seconds later. */
#define CREATED "\"created_time\": \"2026-11-20T09:15:00Z\""
#define AFTER_1_HOUR "\"event_time\": \"2026-11-20T10:15:00Z\""
#define AFTER_5_HOURS "\"event_time\": \"2026-11-20T14:15:00Z\""

#define TRANSIENT "\"type\": \"TransientFailure\", "
#define DELAYED "\"type\": \"Delayed\", "
#define DELIVERY "\"type\": \"Delivery\", "
#define NOTIFY(value) "\"meta\": {\"notify\": \"" value "\"}"
#define ORDINARY "From: news@shop.example\r\nSubject: Your order\r\n\r\n"

static const int64_t thresholds[] = {3600, 14400};

static const DsnMetaKeys keys = {
    .notify = (char *)"notify",
    .action = (char *)"dsn_action",
    .authenticated = (char *)"user",
};

typedef struct Fixture {
    DsnNoticeOptions options;
    DsnPatterns *ignore;
    GString *sender;
    DsnDecision decision;
} Fixture;

static Fixture fixture;

/* All types, everybody is trusted, notices of delay after one hour and four. */
static void
set_up(void)
{
    fixture = (Fixture){
        .options = {.internal = true,
                    .delay_by_default = true,
                    .automatic = DSN_AUTOMATIC_TRUSTED,
                    .trust = DSN_TRUST_ANY,
                    .delay_after = thresholds,
                    .n_delay_after = G_N_ELEMENTS(thresholds),
                    .meta = &keys},
        .sender = g_string_new(NULL),
    };
    for (size_t i = 0; i < DSN_N_RECORD_TYPES; i++)
        fixture.options.enable[i] = true;
}

static void
tear_down(void)
{
    dsn_patterns_free(fixture.ignore);
    (void)g_string_free(fixture.sender, TRUE);
}

/* The base record with the members @changes (a JSON object without its braces). */
static DsnRecord *
changed_record(const char *changes)
{
    g_autofree char *base = dsn_test_read("golden/notice/bounce.json", NULL);
    g_autofree char *text = g_strdup_printf("{%s}", changes);
    json_auto_t *json = json_loads(base, 0, NULL), *update = json_loads(text, 0, NULL);
    g_autoptr(GError) error = NULL;

    ck_assert_msg(update != NULL, "%s", text);
    ck_assert_int_eq(json_object_update(json, update), 0);
    DsnRecord *record = dsn_record_from_json(json, &error);
    ck_assert_msg(record != NULL, "%s: %s", changes, error == NULL ? "" : error->message);
    return record;
}

/* What a look before the wishes says is no other than what is decided with them. */
static void
check_first_look(bool may, DsnReason reason, const char *sender)
{
    bool wishes_or_trust = reason == DSN_REASON_NONE || reason == DSN_REASON_NOTIFY_NEVER ||
                           reason == DSN_REASON_AUTOMATIC ||
                           reason == DSN_REASON_SENDER_NOT_TRUSTED;

    ck_assert(may || !wishes_or_trust);
    ck_assert(!may || wishes_or_trust || reason == DSN_REASON_NOT_ASKED);
    if (reason == DSN_REASON_NONE)
        ck_assert_str_eq(sender, fixture.sender->str);
}

static DsnReason
decide(DsnRecord *record, const char *original, unsigned trust)
{
    g_autoptr(GString) sender = g_string_new(NULL);
    bool may = dsn_notice_may_be_due(&fixture.options, record, dsn_span(original), sender);

    ck_assert_uint_eq(sender->len > 0, may);
    g_string_truncate(fixture.sender, 0);
    dsn_notice_decide(&fixture.options, record, dsn_span(original), trust, fixture.sender,
                      &fixture.decision);
    ck_assert_uint_eq(fixture.sender->len > 0, fixture.decision.reason == DSN_REASON_NONE);
    check_first_look(may, fixture.decision.reason, sender->str);
    return fixture.decision.reason;
}

static DsnReason
decide_changed(const char *changes, const char *original)
{
    g_autoptr(DsnRecord) record = changed_record(changes);

    return decide(record, original, 0);
}

/* ---- what is reported ---- */

static const struct {
    const char *rule, *changes;
    DsnReason reason;
    DsnAction action;
    int64_t threshold;
} due[] = {
    {"ENV-01", "", DSN_REASON_NONE, DSN_ACTION_FAILED, 0},
    {"ENV-01", "\"type\": \"Expiration\"", DSN_REASON_NONE, DSN_ACTION_FAILED, 0},
    {"ENV-01", "\"type\": \"AdminBounce\"", DSN_REASON_NONE, DSN_ACTION_FAILED, 0},
    {"ENV-01", "\"delivery_protocol\": null, \"peer_address\": null", DSN_REASON_NONE,
     DSN_ACTION_FAILED, 0},
    {"", "\"type\": \"Reception\"", DSN_REASON_TYPE_NOT_ENABLED, DSN_ACTION_NONE, 0},
    /* what the relay itself refuses, as spam or a virus */
    {"ENV-14", "\"type\": \"Rejection\"", DSN_REASON_TYPE_NOT_ENABLED, DSN_ACTION_NONE, 0},
    {"", "\"type\": \"Surprise\"", DSN_REASON_TYPE_NOT_ENABLED, DSN_ACTION_NONE, 0},
    {"LOOP-15", "\"type\": \"Feedback\"", DSN_REASON_TYPE_NOT_ENABLED, DSN_ACTION_NONE, 0},
    {"LOOP-15", "\"type\": \"OOB\"", DSN_REASON_TYPE_NOT_ENABLED, DSN_ACTION_NONE, 0},

    /* delays */
    {"ESMTP-27", TRANSIENT CREATED, DSN_REASON_NOT_YET, DSN_ACTION_DELAYED, 0},
    {"ESMTP-27", TRANSIENT CREATED ", \"event_time\": \"2026-11-20T10:14:59.9Z\"",
     DSN_REASON_NOT_YET, DSN_ACTION_DELAYED, 0},
    {"ESMTP-27", TRANSIENT CREATED ", " AFTER_1_HOUR, DSN_REASON_NONE, DSN_ACTION_DELAYED, 3600},
    {"ESMTP-27", DELAYED CREATED ", " AFTER_1_HOUR, DSN_REASON_NONE, DSN_ACTION_DELAYED, 3600},
    {"ESMTP-27", DELAYED CREATED ", " AFTER_5_HOURS, DSN_REASON_NONE, DSN_ACTION_DELAYED, 14400},
    {"ESMTP-27",
     TRANSIENT "\"created_time\": \"2026-11-20T09:15:00Z\", \"event_time\":"
               " \"2025-11-20T09:15:00Z\"",
     DSN_REASON_NOT_YET, DSN_ACTION_DELAYED, 0},
    {"ESMTP-27", TRANSIENT AFTER_1_HOUR ", " NOTIFY("DELAY"), DSN_REASON_NONE, DSN_ACTION_DELAYED,
     3600},
    {"ESMTP-28", TRANSIENT AFTER_1_HOUR ", " NOTIFY("FAILURE,SUCCESS"), DSN_REASON_NOT_ASKED,
     DSN_ACTION_DELAYED, 3600},
    {"ESMTP-22", TRANSIENT AFTER_1_HOUR ", " NOTIFY("NEVER"), DSN_REASON_NOTIFY_NEVER,
     DSN_ACTION_DELAYED, 3600},

    /* failures */
    {"ESMTP-25", "\"meta\": {}", DSN_REASON_NONE, DSN_ACTION_FAILED, 0},
    {"ESMTP-21", NOTIFY("FAILURE"), DSN_REASON_NONE, DSN_ACTION_FAILED, 0},
    {"ESMTP-29", "\"type\": \"Expiration\", " NOTIFY("SUCCESS,FAILURE"), DSN_REASON_NONE,
     DSN_ACTION_FAILED, 0},
    {"ESMTP-30", NOTIFY("DELAY,SUCCESS"), DSN_REASON_NOT_ASKED, DSN_ACTION_FAILED, 0},
    {"ESMTP-22", NOTIFY("NEVER"), DSN_REASON_NOTIFY_NEVER, DSN_ACTION_FAILED, 0},
    {"ESMTP-25", NOTIFY("SELDOM"), DSN_REASON_NONE, DSN_ACTION_FAILED, 0},
    {"ESMTP-31", "\"type\": \"AdminBounce\", " NOTIFY("FAILURE"), DSN_REASON_NONE,
     DSN_ACTION_FAILED, 0},

    /* success */
    {"ESMTP-24", DELIVERY "\"meta\": {}", DSN_REASON_NOT_ASKED, DSN_ACTION_RELAYED, 0},
    {"RCPT-07", DELIVERY NOTIFY("FAILURE,DELAY"), DSN_REASON_NOT_ASKED, DSN_ACTION_RELAYED, 0},
    {"ESMTP-22", DELIVERY NOTIFY("NEVER"), DSN_REASON_NOTIFY_NEVER, DSN_ACTION_RELAYED, 0},
    {"ESMTP-20", DELIVERY NOTIFY("SUCCESS"), DSN_REASON_NONE, DSN_ACTION_RELAYED, 0},
    {"ESMTP-20", DELIVERY "\"delivery_protocol\": null, " NOTIFY("SUCCESS"), DSN_REASON_NONE,
     DSN_ACTION_RELAYED, 0},
    {"ESMTP-26", DELIVERY "\"delivery_protocol\": \"LMTP\", " NOTIFY("SUCCESS"), DSN_REASON_NONE,
     DSN_ACTION_DELIVERED, 0},
    {"ESMTP-26", DELIVERY "\"delivery_protocol\": \"Maildir\", " NOTIFY("SUCCESS"), DSN_REASON_NONE,
     DSN_ACTION_DELIVERED, 0},
    {"ESMTP-26", DELIVERY "\"delivery_protocol\": \"Lua\", " NOTIFY("SUCCESS,FAILURE"),
     DSN_REASON_NONE, DSN_ACTION_DELIVERED, 0},
    {"ESMTP-26", DELIVERY "\"delivery_protocol\": \"Lua\", \"meta\": {}", DSN_REASON_NOT_ASKED,
     DSN_ACTION_DELIVERED, 0},
    {"ESMTP-24", DELIVERY "\"delivery_protocol\": \"HttpInjectionGenerator\", " NOTIFY("SUCCESS"),
     DSN_REASON_PROTOCOL, DSN_ACTION_RELAYED, 0},
    {"ESMTP-33", DELIVERY "\"meta\": {\"notify\": \"SUCCESS\", \"dsn_action\": \"passed\"}",
     DSN_REASON_NOT_ASKED, DSN_ACTION_RELAYED, 0},
    {"ESMTP-34", DELIVERY "\"meta\": {\"notify\": \"SUCCESS\", \"dsn_action\": \"expanded\"}",
     DSN_REASON_NONE, DSN_ACTION_EXPANDED, 0},
    {"ESMTP-34", DELIVERY "\"meta\": {\"dsn_action\": \"expanded\"}", DSN_REASON_NOT_ASKED,
     DSN_ACTION_EXPANDED, 0},
    {"ESMTP-32", DELIVERY "\"meta\": {\"notify\": \"SUCCESS\", \"dsn_action\": \"delivered\"}",
     DSN_REASON_NONE, DSN_ACTION_DELIVERED, 0},
    /* nothing is an alias unless the relay says so */
    {"RCPT-08", DELIVERY "\"recipient\": [\"a@b.example\", \"c@b.example\"], " NOTIFY("SUCCESS"),
     DSN_REASON_NONE, DSN_ACTION_RELAYED, 0},
    {"RCPT-08", "\"meta\": {\"notify\": \"SUCCESS,FAILURE\", \"dsn_action\": \"expanded\"}",
     DSN_REASON_NONE, DSN_ACTION_FAILED, 0},
    {"RCPT-06", DELIVERY "\"meta\": {\"notify\": \"SUCCESS\", \"dsn_action\": \"failed\"}",
     DSN_REASON_NONE, DSN_ACTION_RELAYED, 0},
};

START_TEST(what_is_due)
{
    const char *label = due[_i].changes;

    ck_assert_msg(decide_changed(label, ORDINARY) == due[_i].reason, "%s %s: %s", due[_i].rule,
                  label, dsn_reason_to_string(fixture.decision.reason));
    ck_assert_msg(fixture.decision.action == due[_i].action, "%s %s: %d", due[_i].rule, label,
                  (int)fixture.decision.action);
    ck_assert_msg(fixture.decision.threshold == due[_i].threshold, "%s %s", due[_i].rule, label);
    ck_assert(!fixture.decision.late);
}
END_TEST

START_TEST(only_types_that_can_have_a_notice)
{
    static const bool have[DSN_N_RECORD_TYPES] = {
        [DSN_RECORD_DELIVERY] = true,     [DSN_RECORD_BOUNCE] = true,
        [DSN_RECORD_EXPIRATION] = true,   [DSN_RECORD_TRANSIENT_FAILURE] = true,
        [DSN_RECORD_ADMIN_BOUNCE] = true, [DSN_RECORD_DELAYED] = true,
    };

    ck_assert(dsn_notice_has_type((DsnRecordType)_i) == have[_i]);
}
END_TEST

START_TEST(only_types_that_are_enabled)
{
    static const char *const types[] = {"Bounce",           "Expiration", "AdminBounce",
                                        "TransientFailure", "Delayed",    "Delivery"};

    memset(fixture.options.enable, 0, sizeof(fixture.options.enable));
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        g_autofree char *changes = g_strdup_printf(
            "\"type\": \"%s\", " AFTER_1_HOUR ", " NOTIFY("SUCCESS,FAILURE,DELAY"), types[i]);

        ck_assert_int_eq(decide_changed(changes, NULL), DSN_REASON_TYPE_NOT_ENABLED);
        fixture.options.enable[dsn_record_type_from_string(dsn_span(types[i]))] = true;
        ck_assert_int_eq(decide_changed(changes, NULL), DSN_REASON_NONE);
    }
}
END_TEST

START_TEST(options_of_failures_and_delays)
{
    fixture.options.internal = false;
    ck_assert_int_eq(decide_changed("\"delivery_protocol\": null, \"peer_address\": null", NULL),
                     DSN_REASON_INTERNAL);
    ck_assert_int_eq(decide_changed("", NULL), DSN_REASON_NONE);
    ck_assert_int_eq(decide_changed("\"type\": \"Expiration\", \"delivery_protocol\": null,"
                                    " \"peer_address\": null",
                                    NULL),
                     DSN_REASON_NONE);
    fixture.options.delay_by_default = false; /* rule ESMTP-06: the one setting */
    ck_assert_int_eq(decide_changed(TRANSIENT AFTER_1_HOUR, NULL), DSN_REASON_NOT_ASKED);
    ck_assert_int_eq(decide_changed(TRANSIENT AFTER_1_HOUR ", " NOTIFY("DELAY"), NULL),
                     DSN_REASON_NONE);
    fixture.options.n_delay_after = 0;
    ck_assert_int_eq(decide_changed(TRANSIENT AFTER_1_HOUR ", " NOTIFY("DELAY"), NULL),
                     DSN_REASON_NOT_YET);
}
END_TEST

/* ---- delivered after a notice of delay ---- */

static const struct {
    const char *changes;
    DsnReason reason;
    bool late;
} lates[] = {
    {DELIVERY AFTER_1_HOUR, DSN_REASON_NONE, true},
    {DELIVERY AFTER_1_HOUR ", " NOTIFY("DELAY,FAILURE"), DSN_REASON_NONE, true},
    {DELIVERY AFTER_1_HOUR ", " NOTIFY("SUCCESS"), DSN_REASON_NONE, false},
    {DELIVERY AFTER_1_HOUR ", " NOTIFY("FAILURE"), DSN_REASON_NOT_ASKED, false},
    {DELIVERY AFTER_1_HOUR ", " NOTIFY("NEVER"), DSN_REASON_NOTIFY_NEVER, false},
    {DELIVERY CREATED, DSN_REASON_NOT_ASKED, false}, /* nobody was told of a delay */
    {AFTER_1_HOUR, DSN_REASON_NONE, false},          /* it has failed */
};

START_TEST(late)
{
    fixture.options.delivered_late = true;
    ck_assert_msg(decide_changed(lates[_i].changes, ORDINARY) == lates[_i].reason, "%s: %s",
                  lates[_i].changes, dsn_reason_to_string(fixture.decision.reason));
    ck_assert_msg(fixture.decision.late == lates[_i].late, "%s", lates[_i].changes);
}
END_TEST

START_TEST(late_by_option_only)
{
    ck_assert_int_eq(decide_changed(DELIVERY AFTER_1_HOUR, NULL), DSN_REASON_NOT_ASKED);
    fixture.options.delivered_late = true;
    fixture.options.delay_by_default = false;
    ck_assert_int_eq(decide_changed(DELIVERY AFTER_1_HOUR, NULL), DSN_REASON_NOT_ASKED);
}
END_TEST

/* ---- who is told ---- */

#define THREE "\"recipient\": [\"a@b.example\", \"c@b.example\", \"d@b.example\"], "
#define EACH(a, c, d)                                                           \
    "\"meta\": {\"notify\": {\"a@b.example\": \"" a "\", \"c@b.example\": \"" c \
    "\", \"d@b.example\": \"" d "\"}}"

/* Rule ESMTP-36: recipients for whom nothing is due are not listed, with words for those who are.
 */
static const struct {
    const char *changes, *left;
    DsnReason reason;
} kept[] = {
    {THREE "\"meta\": {}", "a@b.example c@b.example d@b.example", DSN_REASON_NONE},
    {THREE EACH("NEVER", "FAILURE", "SUCCESS"), "c@b.example", DSN_REASON_NONE},
    {THREE "\"meta\": {\"notify\": {\"a@b.example\": \"NEVER\"}}", "c@b.example d@b.example",
     DSN_REASON_NONE},
    {DELIVERY THREE EACH("SUCCESS", "FAILURE", "SUCCESS"), "a@b.example d@b.example",
     DSN_REASON_NONE},
    {THREE EACH("NEVER", "SUCCESS", "DELAY"), "a@b.example c@b.example d@b.example",
     DSN_REASON_NOT_ASKED},
    {THREE EACH("NEVER", "NEVER", "NEVER"), "a@b.example c@b.example d@b.example",
     DSN_REASON_NOTIFY_NEVER},
    {"\"recipient\": [], " NOTIFY("NEVER"), "", DSN_REASON_NONE},
};

START_TEST(recipients)
{
    g_autoptr(DsnRecord) record = changed_record(kept[_i].changes);
    g_autoptr(GString) left = g_string_new(NULL);

    ck_assert_msg(decide(record, NULL, 0) == kept[_i].reason, "ESMTP-36: %s: %s", kept[_i].changes,
                  dsn_reason_to_string(fixture.decision.reason));
    for (size_t i = 0; i < record->n_recipients; i++)
        g_string_append_printf(left, "%s%s", i == 0 ? "" : " ", record->recipients[i]);
    ck_assert_str_eq(left->str, kept[_i].left);
}
END_TEST

START_TEST(broken_wishes_are_counted)
{
    (void)decide_changed(NOTIFY("SELDOM"), NULL);
    ck_assert_uint_eq(fixture.decision.broken_wishes, 1);
    (void)decide_changed(NOTIFY("FAILURE"), NULL);
    ck_assert_uint_eq(fixture.decision.broken_wishes, 0);
}
END_TEST

/* ---- the sender ---- */

static const struct {
    const char *rule, *sender, *told;
    DsnReason reason;
} senders[] = {
    {"ENV-03", "news@shop.example", "news@shop.example", DSN_REASON_NONE},
    {"ENV-11", "@a.example,@b.example:news@shop.example", "news@shop.example", DSN_REASON_NONE},
    {"ENV-05", "", "", DSN_REASON_NULL_SENDER},
    {"LOOP-02", "<>", "", DSN_REASON_NULL_SENDER},
    {"ENV-03", "failed to read", "", DSN_REASON_BAD_SENDER},
    {"ENV-03", "Postmaster", "", DSN_REASON_BAD_SENDER},
    {"ENV-03", "a@b.example\\r\\nX: y", "", DSN_REASON_BAD_SENDER},
};

/* Rules ENV-03, LOOP-03: the notice goes to the sender in the envelope and to nobody else, whatever
 * the header says. */
START_TEST(to_whom)
{
    g_autofree char *changes = g_strdup_printf("\"sender\": \"%s\"", senders[_i].sender);
    DsnReason reason =
        decide_changed(changes, "From: other@a.example\r\nReply-To: third@a.example\r\n"
                                "Sender: fourth@a.example\r\nErrors-To: fifth@a.example\r\n\r\n");

    ck_assert_msg(reason == senders[_i].reason, "%s: %s", senders[_i].rule, senders[_i].sender);
    ck_assert_str_eq(fixture.sender->str, senders[_i].told);
}
END_TEST

START_TEST(ignored_senders) /* rule LOOP-09 */
{
    const char *const texts[] = {"owner-*@*", "*-request@*", "MAILER-DAEMON@*", "postmaster@*"};
    const char *const ignored[] = {"owner-list@a.example", "list-request@a.example",
                                   "mailer-daemon@b.example", "Postmaster@c.example"};
    g_autoptr(GPtrArray) patterns = g_ptr_array_new();

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        g_ptr_array_add(patterns, (gpointer)texts[i]);
    fixture.ignore = dsn_patterns_new(patterns, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(ignored); i++) {
        g_autofree char *changes = g_strdup_printf("\"sender\": \"%s\"", ignored[i]);

        fixture.options.ignore = NULL;
        ck_assert_int_eq(decide_changed(changes, NULL), DSN_REASON_NONE);
        fixture.options.ignore = fixture.ignore;
        ck_assert_int_eq(decide_changed(changes, NULL), DSN_REASON_SENDER_IGNORED);
    }
    ck_assert_int_eq(decide_changed("", NULL), DSN_REASON_NONE);
}
END_TEST

/* Rule ENV-23: the bits that suffice, those that the caller knows of, and what the record says. */
static const struct {
    unsigned wanted, known;
    const char *changes;
    unsigned held;
    bool trusted;
} trusts[] = {
    {DSN_TRUST_ANY, 0, "", 0, true},
    {0, 0, "", 0, false},
    {0, DSN_TRUST_TOKEN, "", DSN_TRUST_TOKEN, false},
    {0, DSN_TRUST_ANY, "", DSN_TRUST_ANY, true},
    {DSN_TRUST_TOKEN | DSN_TRUST_SPF, DSN_TRUST_SPF, "", DSN_TRUST_SPF, true},
    {DSN_TRUST_TOKEN | DSN_TRUST_SPF, DSN_TRUST_DKIM, "", DSN_TRUST_DKIM, false},
    {DSN_TRUST_AUTHENTICATED, 0, "", 0, false},
    {DSN_TRUST_AUTHENTICATED, 0, "\"reception_protocol\": \"HTTP\"", DSN_TRUST_AUTHENTICATED, true},
    {DSN_TRUST_AUTHENTICATED, 0, "\"meta\": {\"user\": \"jane\"}", DSN_TRUST_AUTHENTICATED, true},
    {DSN_TRUST_AUTHENTICATED, 0, "\"meta\": {\"user\": \"\"}", 0, false},
    {DSN_TRUST_AUTHENTICATED, 0, "\"meta\": {\"user\": null}", 0, false},
};

START_TEST(senders_that_are_trusted)
{
    g_autoptr(DsnRecord) record = changed_record(trusts[_i].changes);
    DsnReason reason;

    fixture.options.trust = trusts[_i].wanted;
    reason = decide(record, NULL, trusts[_i].known);
    ck_assert_msg(reason == (trusts[_i].trusted ? DSN_REASON_NONE : DSN_REASON_SENDER_NOT_TRUSTED),
                  "ENV-23: %d: %s", _i, dsn_reason_to_string(reason));
    ck_assert_uint_eq(fixture.decision.trust, trusts[_i].held);
}
END_TEST

/* Rule ENV-23: an SPF or DKIM pass that a host of ours has seen. */
START_TEST(a_field_of_our_own_host_is_trusted)
{
    static gpointer ids[] = {(gpointer) "mx.ours.example"};
    GPtrArray list = {ids, 1};
    const DsnAuthenticationOptions authentication = {.authserv_ids = &list, .received = 1};
    const char *forged = "Authentication-Results: mx.evil.example; "
                         "dkim=pass header.d=shop.example\r\n" ORDINARY;
    const char *ours = "Authentication-Results: mx.ours.example; "
                       "dkim=pass header.d=shop.example\r\n" ORDINARY;

    fixture.options.trust = DSN_TRUST_DKIM;
    ck_assert_int_eq(decide_changed("", ours), DSN_REASON_SENDER_NOT_TRUSTED);
    fixture.options.authentication = &authentication;
    ck_assert_int_eq(decide_changed("", forged), DSN_REASON_SENDER_NOT_TRUSTED);
    ck_assert_int_eq(decide_changed("", NULL), DSN_REASON_SENDER_NOT_TRUSTED);
    ck_assert_int_eq(decide_changed("\"sender\": \"a@other.example\"", ours),
                     DSN_REASON_SENDER_NOT_TRUSTED);
    ck_assert_int_eq(decide_changed("", ours), DSN_REASON_NONE);
    ck_assert_uint_eq(fixture.decision.trust, DSN_TRUST_DKIM);
}
END_TEST

/* ---- loops and machines ---- */

/* ENV-15: a notice that comes back in whatever way makes no other. */
static const struct {
    const char *rule, *changes, *original;
    DsnReason reason;
} loops[] = {
    {"LOOP-14", "\"reception_protocol\": \"LogRecord\"", ORDINARY, DSN_REASON_OWN_TRAFFIC},
    {"LOOP-14", "\"meta\": {\"log_record\": {}}", ORDINARY, DSN_REASON_OWN_TRAFFIC},
    {"LOOP-13", "\"headers\": {\"x-dsnarf-notice\": \"delivery-status\"}", NULL,
     DSN_REASON_OWN_TRAFFIC},
    {"LOOP-13", "", "Subject: x\r\nX-Dsnarf-Notice: delivery-status\r\n\r\n",
     DSN_REASON_OWN_TRAFFIC},
    {"ENV-07", "",
     "Content-Type: Multipart/Report; report-type=delivery-status; boundary=x\r\n\r\n",
     DSN_REASON_NOTIFICATION},
    {"ENV-07", "", "Content-Type: (why) multipart/report; boundary=x\r\n\r\n",
     DSN_REASON_NOTIFICATION},
    {"ENV-07", "", "Content-Type:\r\n multipart/report;\r\n boundary=x\r\n\r\n",
     DSN_REASON_NOTIFICATION},
    {"ENV-07", "\"headers\": {\"Content-Type\": \"multipart/report; boundary=x\"}", NULL,
     DSN_REASON_NOTIFICATION},
    {"ENV-07", "\"headers\": {\"Content-Type\": [\"message/delivery-status\", \"text/plain\"]}",
     NULL, DSN_REASON_NOTIFICATION},
    {"MDN-04", "", "Content-Type: message/disposition-notification\r\n\r\n",
     DSN_REASON_NOTIFICATION},
    {"LOOP-15", "",
     "Content-Type: multipart/report; report-type=feedback-report; boundary=x\r\n\r\n",
     DSN_REASON_NOTIFICATION},
    {"ENV-07", "", "Content-Type: multipart/reporting; boundary=x\r\n\r\n", DSN_REASON_NONE},
    {"ENV-07", "", "Content-Type: multipart/mixed; x=\"multipart/report\"\r\n\r\n",
     DSN_REASON_NONE},
    {"ENV-07", "", ORDINARY "Content-Type: multipart/report\r\n", DSN_REASON_NONE},
};

START_TEST(no_loops)
{
    DsnReason reason = decide_changed(loops[_i].changes, loops[_i].original);

    ck_assert_msg(reason == loops[_i].reason, "%s: %d: %s", loops[_i].rule, _i,
                  dsn_reason_to_string(reason));
}
END_TEST

/* Header fields by which machines and lists are known (rules LOOP-07, LOOP-10). */
static const struct {
    const char *rule, *header;
    bool automatic, bulk;
} marks[] = {
    {"LOOP-07", "Subject: x", false, false},
    {"LOOP-07", "Auto-Submitted: auto-generated", true, false},
    {"LOOP-07", "auto-submitted: (x) Auto-Replied; owner-email=a@b.example", true, false},
    {"LOOP-07", "Auto-Submitted: x-unknown", true, false},
    {"LOOP-07", "Auto-Submitted: no", false, false},
    {"LOOP-07", "Auto-Submitted: (a \\) b) NO (really)", false, false},
    {"LOOP-07", "Auto-Submitted: (a (b) c) no", false, false},
    {"LOOP-07", "Auto-Submitted: no; a=b", false, false},
    {"LOOP-07", "Auto-Submitted:", false, false},
    {"LOOP-07", "Auto-Submitted: (", false, false},
    {"LOOP-10", "Precedence: bulk", false, true},
    {"LOOP-10", "Precedence: List", false, true},
    {"LOOP-10", "precedence: junk", false, true},
    {"LOOP-10", "Precedence: first-class", false, false},
    {"LOOP-10", "List-Id: <list.a.example>", false, true},
    {"LOOP-10", "List-Unsubscribe: <mailto:a@b.example>", false, true},
    {"LOOP-10", "X-Auto-Response-Suppress: DR, AutoReply", false, true},
    {"LOOP-10", "X-Auto-Response-Suppress: None", false, false},
};

static DsnReason
with_mark(const char *changes, const char *mark, DsnAutomatic automatic, unsigned trust)
{
    g_autofree char *original = g_strdup_printf("From: a@b.example\r\n%s\r\n\r\nx", mark);
    g_autoptr(DsnRecord) record = changed_record(changes);

    fixture.options.automatic = automatic;
    return decide(record, original, trust);
}

/* Rules LOOP-08, LOOP-10: who is told of a failure of automatic mail is a setting; notices of delay
 * never are for machines and lists. */
START_TEST(automatic_mail)
{
    const char *mark = marks[_i].header, *rule = marks[_i].rule;
    bool automatic = marks[_i].automatic, any = automatic || marks[_i].bulk;
    DsnReason no = DSN_REASON_AUTOMATIC, yes = DSN_REASON_NONE;

    ck_assert_msg(with_mark("", mark, DSN_AUTOMATIC_NOTIFY, 0) == yes, "%s: %s", rule, mark);
    ck_assert_msg(with_mark("", mark, DSN_AUTOMATIC_TRUSTED, 0) == (automatic ? no : yes), "%s: %s",
                  rule, mark);
    ck_assert_msg(with_mark("", mark, DSN_AUTOMATIC_TRUSTED, DSN_TRUST_TOKEN) == yes, "%s: %s",
                  rule, mark);
    ck_assert_msg(with_mark("", mark, DSN_AUTOMATIC_IGNORE, DSN_TRUST_TOKEN) == (any ? no : yes),
                  "%s: %s", rule, mark);
    ck_assert_msg(with_mark(TRANSIENT AFTER_1_HOUR, mark, DSN_AUTOMATIC_NOTIFY, DSN_TRUST_TOKEN) ==
                      (any ? no : yes),
                  "%s: %s", rule, mark);
    ck_assert_msg(with_mark(DELIVERY NOTIFY("SUCCESS"), mark, DSN_AUTOMATIC_NOTIFY, 0) == yes,
                  "%s: %s", rule, mark);
    fixture.options.delivered_late = true;
    ck_assert_msg(with_mark(DELIVERY AFTER_1_HOUR, mark, DSN_AUTOMATIC_NOTIFY, 0) ==
                      (any ? no : yes),
                  "%s: %s", rule, mark);
}
END_TEST

START_TEST(marks_in_the_record_alone)
{
    static const char *const changes[] = {
        TRANSIENT AFTER_1_HOUR ", \"headers\": {\"Precedence\": \"bulk\"}",
        TRANSIENT AFTER_1_HOUR ", \"headers\": {\"list-id\": \"<a>\"}",
        TRANSIENT AFTER_1_HOUR ", \"headers\": {\"Auto-Submitted\": [\"auto-replied\", \"no\"]}",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++)
        ck_assert_msg(decide_changed(changes[i], NULL) == DSN_REASON_AUTOMATIC, "LOOP-10: %s",
                      changes[i]);
}
END_TEST

/* The first check that says no gives the reason: each row has all faults of the rows below it, too.
 */
START_TEST(the_order_of_the_checks)
{
    static const struct {
        const char *fault;
        DsnReason reason;
    } rows[] = {
        {"{\"type\": \"Reception\"}", DSN_REASON_TYPE_NOT_ENABLED},
        {"{\"reception_protocol\": \"LogRecord\"}", DSN_REASON_OWN_TRAFFIC},
        {"{\"sender\": \"\"}", DSN_REASON_NULL_SENDER},
        {"{\"headers\": {\"Content-Type\": \"multipart/report\"}}", DSN_REASON_NOTIFICATION},
        {"{\"delivery_protocol\": null, \"peer_address\": null}", DSN_REASON_INTERNAL},
        {"{" NOTIFY("NEVER") "}", DSN_REASON_NOTIFY_NEVER},
        {"{\"headers\": {\"Auto-Submitted\": \"auto-generated\"}}", DSN_REASON_AUTOMATIC},
        {"{}", DSN_REASON_SENDER_NOT_TRUSTED},
    };
    json_auto_t *faults = json_object();

    fixture.options.internal = false;
    fixture.options.trust = 0;
    for (size_t i = G_N_ELEMENTS(rows); i > 0; i--) {
        json_auto_t *fault = json_loads(rows[i - 1].fault, 0, NULL);
        g_autofree char *all = NULL;

        ck_assert_int_eq(json_object_update_recursive(faults, fault), 0);
        all = json_dumps(faults, 0);
        all[strlen(all) - 1] = '\0'; /* without its braces */
        ck_assert_msg(decide_changed(all + 1, NULL) == rows[i - 1].reason, "%s: %s", all,
                      dsn_reason_to_string(fixture.decision.reason));
    }
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("notice-decide");
    TCase *tcase = tcase_create("decide");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, what_is_due, 0, G_N_ELEMENTS(due));
    tcase_add_loop_test(tcase, only_types_that_can_have_a_notice, 0, DSN_N_RECORD_TYPES);
    tcase_add_test(tcase, only_types_that_are_enabled);
    tcase_add_test(tcase, options_of_failures_and_delays);
    tcase_add_loop_test(tcase, late, 0, G_N_ELEMENTS(lates));
    tcase_add_test(tcase, late_by_option_only);
    tcase_add_loop_test(tcase, recipients, 0, G_N_ELEMENTS(kept));
    tcase_add_test(tcase, broken_wishes_are_counted);
    tcase_add_loop_test(tcase, to_whom, 0, G_N_ELEMENTS(senders));
    tcase_add_test(tcase, ignored_senders);
    tcase_add_loop_test(tcase, senders_that_are_trusted, 0, G_N_ELEMENTS(trusts));
    tcase_add_test(tcase, a_field_of_our_own_host_is_trusted);
    tcase_add_loop_test(tcase, no_loops, 0, G_N_ELEMENTS(loops));
    tcase_add_loop_test(tcase, automatic_mail, 0, G_N_ELEMENTS(marks));
    tcase_add_test(tcase, marks_in_the_record_alone);
    tcase_add_test(tcase, the_order_of_the_checks);
    suite_add_tcase(suite, tcase);
    return suite;
}
