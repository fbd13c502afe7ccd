/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/outgoing.h"

#include <glib/gstdio.h>

#include "filter/core/trace-read.h"
#include "mime/trace.h"
#include "tests/support/unit.h"

#define NOW G_GINT64_CONSTANT(1795166100)
#define DAYS (24 * 60 * 60)

/* @more begins with keys of [trace]. */
static DsnPolicy *
make_policy(const char *more)
{
    g_autofree char *text = g_strconcat("[tenant.shop]\nmatch.sender_domain = [\"shop.example\"]\n"
                                        "[tenant.office]\nmatch.client = [\"192.0.2.0/24\"]\n"
                                        "[trace.key.2026a]\nsecret = \"0123456789abcdef\"\n"
                                        "[trace.key.2025b]\nsecret = \"fedcba9876543210\"\n"
                                        "[trace]\nsign = \"2026a\"\n",
                                        more, NULL);
    g_autofree char *file = NULL;
    g_autoptr(GError) error = NULL;
    int descriptor = g_file_open_tmp("dsnarf-outgoing-XXXXXX", &file, NULL);

    ck_assert_int_ge(descriptor, 0);
    g_close(descriptor, NULL);
    ck_assert(g_file_set_contents(file, text, -1, NULL));
    DsnPolicy *policy = dsn_policy_load(file, &error);
    g_remove(file);
    ck_assert_msg(policy != NULL, "%s", error == NULL ? "" : error->message);
    return policy;
}

/* The value that @mail gets in the field @name, or NULL. */
static const char *
value_of(const DsnStamp *stamp, const char *name)
{
    for (size_t i = 0; i < stamp->n_fields; i++) {
        if (strcmp(stamp->fields[i].name, name) == 0)
            return stamp->fields[i].value;
    }
    return NULL;
}

/* The members of the trace in @value, after a look at its signature (transfer full). */
static json_t *
read_trace(const DsnPolicy *policy, const char *value)
{
    g_autoptr(GString) buffer = g_string_new(NULL);
    DsnTraceSeal seal;

    ck_assert_ptr_nonnull(value);
    json_t *trace = dsn_trace_read(dsn_evidence_resolve_options(policy->evidence).keys,
                                   dsn_span(value), NOW, buffer, &seal);
    ck_assert_ptr_nonnull(trace);
    ck_assert_int_eq(seal.state, DSN_TRACE_VERIFIED);
    dsn_assert_span(seal.key, "2026a", "key");
    ck_assert_int_eq(seal.time, NOW);
    (void)json_object_del(trace, "dsnarf");
    return trace;
}

static void
assert_trace(const DsnPolicy *policy, const char *value, const char *wanted)
{
    json_auto_t *trace = read_trace(policy, value);
    g_autofree char *text = json_dumps(trace, JSON_COMPACT);
    json_auto_t *json = json_loads(wanted, 0, NULL);

    ck_assert_msg(json_equal(trace, json), "%s, wanted %s", text, wanted);
}

#define NO_HEADER \
    {             \
        NULL, 0   \
    }

static const struct {
    DsnOutgoing mail;
    const char *trace; /* NULL: it leaves as it came */
} mails[] = {
    {{"a@shop.example", "j@x.example", NULL, "4Xyz", NO_HEADER},
     "{\"recipient\":\"j@x.example\",\"tenant\":\"shop\",\"id\":\"4Xyz\"}"},
    {{"a@other.example", "j@x.example", "192.0.2.7", NULL, NO_HEADER},
     "{\"recipient\":\"j@x.example\",\"tenant\":\"office\"}"},
    {{"a@shop.example", "j@x.example", "192.0.2.7", NULL, NO_HEADER},
     "{\"recipient\":\"j@x.example\",\"tenant\":\"shop\"}"},
    {{"a@other.example", "j@x.example", "198.51.100.1", NULL, NO_HEADER}, NULL},
    {{"", "j@x.example", NULL, NULL, NO_HEADER}, NULL},
    {{"a@shop.example", NULL, NULL, NULL, NO_HEADER}, "{\"tenant\":\"shop\"}"},
    {{"a@shop.example", "", "", "", NO_HEADER}, "{\"tenant\":\"shop\"}"},
    {{"a@shop.example", "j\xff@x.example", "\xff", "\xff", NO_HEADER}, "{\"tenant\":\"shop\"}"},
    {{"a@shop.example", "j\xc3\xa4@x.example", NULL, NULL, NO_HEADER},
     "{\"recipient\":\"j\xc3\xa4@x.example\",\"tenant\":\"shop\"}"},
    {{"a@shop.example", "j\"\r\n@x.example", NULL, NULL, NO_HEADER},
     "{\"recipient\":\"j\\\"\\r\\n@x.example\",\"tenant\":\"shop\"}"},
};

/* Rules CFBL-08 and FBL-11. */
START_TEST(says_whose_mail_it_is_and_who_gets_it)
{
    g_autoptr(DsnPolicy) policy = make_policy("");
    g_auto(DsnStamp) stamp;

    dsn_stamp_init(&stamp, policy, &mails[_i].mail, NOW);
    ck_assert_uint_eq(stamp.n_removals, 0);
    ck_assert_int_eq(stamp.wanted, mails[_i].trace != NULL);
    ck_assert_int_eq(dsn_outgoing_is_stamped(policy, &mails[_i].mail), stamp.wanted);
    ck_assert_uint_eq(stamp.n_fields, mails[_i].trace == NULL ? 0 : 1);
    if (mails[_i].trace != NULL)
        assert_trace(policy, value_of(&stamp, "X-KumoRef"), mails[_i].trace);
}
END_TEST

START_TEST(knows_no_client_without_a_key_for_it)
{
    g_autoptr(DsnPolicy) policy = make_policy("without_tenant = true\n[meta]\nclient = \"\"\n");
    const DsnOutgoing mail = {"a@other.example", "j@x.example", "192.0.2.7", NULL, NO_HEADER};
    g_auto(DsnStamp) stamp;

    dsn_stamp_init(&stamp, policy, &mail, NOW);
    assert_trace(policy, value_of(&stamp, "X-KumoRef"), "{\"recipient\":\"j@x.example\"}");
}
END_TEST

/* Rule SEC-01: each line of the field is short, and no value can begin another one. */
START_TEST(is_folded)
{
    g_autoptr(DsnPolicy) policy = make_policy("");
    g_autofree char *recipient = g_strnfill(1000, 'x');
    const DsnOutgoing mail = {"a@shop.example", recipient, NULL, "\r\nX-Evil: 1", NO_HEADER};
    g_auto(DsnStamp) stamp;

    dsn_stamp_init(&stamp, policy, &mail, NOW);
    g_auto(GStrv) lines = g_strsplit(value_of(&stamp, "X-KumoRef"), "\r\n\t", -1);
    ck_assert_uint_gt(g_strv_length(lines), 18);
    for (char **line = lines; *line != NULL; line++) {
        ck_assert_uint_le(strlen(*line), 75);
        ck_assert_uint_eq(strspn(*line, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                        "0123456789+/="),
                          strlen(*line));
    }
}
END_TEST

/* ---- what it is made of ---- */

#define CAMPAIGNS "campaign = [\"X-Campaign\", \"Feedback-ID\", \"List-Id\"]\n"

static const struct {
    const char *header, *campaign; /* NULL: none */
} campaigns[] = {
    {"Subject: x\r\n", NULL},
    {"x-campaign: spring\r\n", "spring"},
    {"Feedback-ID: a:b:c:d\r\nX-Campaign: spring\r\nX-Campaign: autumn\r\n", "spring"},
    {"List-Id: News <news.shop.example>\r\nFeedback-ID: a:b:c:d\r\n", "a"},
    {"Feedback-ID: abc\r\n", "abc"},
    {"List-Id: \"<x>\" <news.shop.example>\r\n", "news.shop.example"},
    {"List-Id: news.shop.example\r\n", "news.shop.example"},
    {"List-Id: <news.shop.example\r\n", "news.shop.example"},
    {"List-Id: <\r\n", NULL},
    {"Feedback-ID: :b:c:d\r\n", NULL},
    {"X-Campaign:\r\n", NULL},
    {"X-Campaign: =?utf-8?q?fr=C3=BChling?=\r\n", "fr\xc3\xbchling"},
    {"X-Campaign: fr\xfchling\r\n", "fr\xc3\xbchling"},
    {"X-Campaign: a\r\n\tb\x01\x7f\r\n", "a\tb"},
};

START_TEST(finds_the_campaign)
{
    g_autoptr(DsnPolicy) policy = make_policy(CAMPAIGNS);
    const DsnOutgoing mail = {.sender = "a@shop.example", .header = dsn_span(campaigns[_i].header)};
    g_auto(DsnStamp) stamp;

    dsn_stamp_init(&stamp, policy, &mail, NOW);
    json_auto_t *trace = read_trace(policy, value_of(&stamp, "X-KumoRef"));
    const char *found = json_string_value(json_object_get(trace, "campaign"));
    ck_assert_msg(g_strcmp0(found, campaigns[_i].campaign) == 0, "%s: %s", campaigns[_i].header,
                  found);
}
END_TEST

START_TEST(repeats_fields)
{
    g_autoptr(DsnPolicy) policy = make_policy("headers = [\"Subject\", \"X-Kind\"]\n");
    const DsnOutgoing mail = {
        .sender = "a@shop.example",
        .header = DSN_SPAN_LITERAL("X-KIND: =?utf-8?b?w6Q=?=\r\n one\r\nX-Other: 1\r\n"
                                   "no field\r\nX-Kind: 2\r\nsubject:\r\n"),
    };
    g_auto(DsnStamp) stamp;

    dsn_stamp_init(&stamp, policy, &mail, NOW);
    assert_trace(policy, value_of(&stamp, "X-KumoRef"),
                 "{\"tenant\":\"shop\",\"headers\":{\"X-Kind\":\"\xc3\xa4 one\"}}");
}
END_TEST

/* However much there is, the trace can be read when it comes back. */
START_TEST(repeats_a_bounded_part_of_them)
{
    g_autoptr(GString) more = g_string_new("headers = [\"X-0\"");
    g_autoptr(GString) header = g_string_new(NULL);
    g_autofree char *value = g_strnfill(1000, '"');
    g_autofree char *recipient = g_strnfill(1024, '\x01');

    for (int i = 1; i < 30; i++)
        g_string_append_printf(more, ", \"X-%d\"", i);
    g_string_append(more, "]\n");
    for (int i = 0; i < 30; i++)
        g_string_append_printf(header, "X-%d: \xc3\xa4%s\r\n", i, value);
    g_autoptr(DsnPolicy) policy = make_policy(more->str);
    const DsnOutgoing mail = {
        .sender = "a@shop.example", .recipient = recipient, .header = {header->str, header->len}};
    g_auto(DsnStamp) stamp;
    dsn_stamp_init(&stamp, policy, &mail, NOW);
    json_auto_t *trace = read_trace(policy, value_of(&stamp, "X-KumoRef"));
    const json_t *headers = json_object_get(trace, "headers");
    ck_assert_uint_eq(json_object_size(headers), 7);
    ck_assert_uint_eq(json_string_length(json_object_get(headers, "X-0")), 256);
    ck_assert_uint_eq(json_string_length(json_object_get(trace, "recipient")), 1024);

    g_string_truncate(header, 0);
    for (int i = 0; i < 30; i++)
        g_string_append_printf(header, "X-%d: x\r\n", i);
    const DsnOutgoing small = {.sender = "a@shop.example", .header = {header->str, header->len}};
    dsn_stamp_clear(&stamp);
    dsn_stamp_init(&stamp, policy, &small, NOW);
    json_auto_t *many = read_trace(policy, value_of(&stamp, "X-KumoRef"));
    ck_assert_uint_eq(json_object_size(json_object_get(many, "headers")), 16);
}
END_TEST

/* A character is not cut. */
START_TEST(cuts_between_characters)
{
    g_autoptr(DsnPolicy) policy = make_policy(CAMPAIGNS);
    g_autofree char *value = g_strnfill(255, 'x');
    g_autofree char *header = g_strconcat("X-Campaign: ", value, "\xe2\x82\xac\r\n", NULL);
    const DsnOutgoing mail = {.sender = "a@shop.example", .header = dsn_span(header)};
    g_auto(DsnStamp) stamp;

    dsn_stamp_init(&stamp, policy, &mail, NOW);
    json_auto_t *trace = read_trace(policy, value_of(&stamp, "X-KumoRef"));
    ck_assert_str_eq(json_string_value(json_object_get(trace, "campaign")), value);
}
END_TEST

#define ALL_FIELDS                                      \
    "cfbl_address = \"fbl@relay.example\"\n"            \
    "feedback_id = \"{campaign}:{tenant}:{trace}:s\"\n" \
    "headers = [\"Subject\"]\n" CAMPAIGN_OF_ONE
#define CAMPAIGN_OF_ONE "campaign = [\"X-Campaign\"]\n"

/* Rules CFBL-01, CFBL-08: each alone tells tenant and recipient; only the first one has room for
 * more. */
START_TEST(fills_each_field)
{
    g_autoptr(DsnPolicy) policy = make_policy(ALL_FIELDS);
    const DsnOutgoing mail = {
        .sender = "a@shop.example",
        .recipient = "j@x.example",
        .header = DSN_SPAN_LITERAL("Subject: s\r\nX-Campaign: spring:1\r\n"),
    };
    static const char members[] =
        "{\"recipient\":\"j@x.example\",\"tenant\":\"shop\",\"campaign\":\"spring:1\"}";
    g_auto(DsnStamp) stamp;

    dsn_stamp_init(&stamp, policy, &mail, NOW);
    ck_assert_uint_eq(stamp.n_fields, 4);
    ck_assert_str_eq(stamp.fields[0].name, "X-KumoRef");
    assert_trace(policy, stamp.fields[0].value,
                 "{\"recipient\":\"j@x.example\",\"tenant\":\"shop\",\"campaign\":\"spring:1\","
                 "\"headers\":{\"Subject\":\"s\"}}");
    ck_assert_str_eq(value_of(&stamp, "CFBL-Address"), "fbl@relay.example; report=arf");
    assert_trace(policy, value_of(&stamp, "CFBL-Feedback-ID"), members);
    g_auto(GStrv) parts = g_strsplit(value_of(&stamp, "Feedback-ID"), ":", -1);
    ck_assert_uint_eq(g_strv_length(parts), 4);
    ck_assert_str_eq(parts[0], "spring_1");
    ck_assert_str_eq(parts[1], "shop");
    assert_trace(policy, parts[2], members);
    ck_assert_str_eq(parts[3], "s");
}
END_TEST

START_TEST(adds_no_empty_field)
{
    g_autoptr(DsnPolicy) policy = make_policy("feedback_id = \"{campaign}\"\n" CAMPAIGN_OF_ONE);
    const DsnOutgoing mail = {.sender = "a@shop.example"};
    g_auto(DsnStamp) stamp;

    dsn_stamp_init(&stamp, policy, &mail, NOW);
    ck_assert_uint_eq(stamp.n_fields, 1);
}
END_TEST

/* Each tenant has its own; what it does not say is as for all. */
START_TEST(goes_by_the_tenant)
{
    g_autoptr(DsnPolicy) policy =
        make_policy("cfbl_address = \"fbl@relay.example\"\n"
                    "[tenant.shop.trace]\nheader = \"X-Shop\"\ncfbl_address = \"\"\n"
                    "[tenant.office.trace]\nheader = \"\"\ncfbl_address = \"\"\n"
                    "[tenant.third]\nmatch.sender = [\"c@d.example\"]\n");
    DsnOutgoing mail = {.sender = "a@shop.example"};
    g_auto(DsnStamp) stamp;

    dsn_stamp_init(&stamp, policy, &mail, NOW);
    ck_assert_uint_eq(stamp.n_fields, 1);
    ck_assert_str_eq(stamp.fields[0].name, "X-Shop");
    dsn_stamp_clear(&stamp);
    mail = (DsnOutgoing){.sender = "x@y.example", .client = "192.0.2.1"};
    dsn_stamp_init(&stamp, policy, &mail, NOW);
    ck_assert(!stamp.wanted);
    ck_assert_str_eq(stamp.tenant, "office");
    mail = (DsnOutgoing){.sender = "c@d.example"};
    dsn_stamp_init(&stamp, policy, &mail, NOW);
    ck_assert_uint_eq(stamp.n_fields, 3);
}
END_TEST

/* ---- what is there already ---- */

/* Appends a trace in the field @name, signed with @key at @time, for @recipient of @tenant. */
static void
put_trace(GString *header, const char *name, const char *key, int64_t time, const char *tenant,
          const char *recipient)
{
    static const char other[] = "0000000000000000";
    DsnTraceKey a = {(char *)"2026a", (char *)"0123456789abcdef"};
    DsnTraceKey b = {(char *)"2025b", (char *)"fedcba9876543210"};
    DsnTraceKey gone = {(char *)"gone", (char *)other}, wrong = {(char *)"2026a", (char *)other};
    DsnTraceKey *all[] = {&a, &b, &gone, &wrong};
    g_autoptr(GPtrArray) keys = g_ptr_array_new();
    g_autoptr(GString) json = g_string_new(NULL), value = g_string_new(NULL);
    json_auto_t *members = json_pack("{s:s*,s:s*}", "tenant", tenant, "recipient", recipient);
    bool is_wrong = strcmp(key, "wrong") == 0;
    const DsnTraceOptions options = {.sign = is_wrong ? (char *)"2026a" : (char *)key,
                                     .keys = keys};

    for (size_t i = is_wrong ? 3 : 0; i < G_N_ELEMENTS(all); i++)
        g_ptr_array_add(keys, all[i]);
    g_autoptr(DsnTraceKeys) signer = dsn_trace_keys_new(&options);
    ck_assert(dsn_trace_sign(signer, members, time, json));
    dsn_trace_encode((DsnSpan){json->str, json->len}, value);
    g_string_append_printf(header, "%s: %s\r\n", name, value->str);
}

static const struct {
    const char *label, *key;
    int64_t time;
    const char *tenant, *recipient;
    bool kept;   /* as our own: nothing is added */
    bool stands; /* as somebody else's: ours is added in front */
} traces[] = {
    {"ours", "2026a", NOW - 5, "shop", "j@x.example", true, false},
    {"ours, with a host in other letters", "2026a", NOW, "shop", "j@X.example", true, false},
    {"of the key before", "2025b", NOW - 5, "shop", "j@x.example", true, false},
    {"for another recipient", "2026a", NOW - 5, "shop", "k@x.example", false, false},
    {"for several recipients", "2026a", NOW - 5, "shop", NULL, false, false},
    {"for another tenant", "2026a", NOW - 5, "office", "j@x.example", false, false},
    {"for no tenant", "2026a", NOW - 5, NULL, "j@x.example", false, false},
    {"too old", "2026a", NOW - 91 * DAYS, "shop", "j@x.example", false, false},
    {"from the future", "2026a", NOW + 2 * DAYS, "shop", "j@x.example", false, false},
    {"with a key of ours, but not by us", "wrong", NOW, "shop", "j@x.example", false, false},
    {"of somebody else's key", "gone", NOW, "shop", "j@x.example", false, true},
};

/* A trace in each of the fields by itself, with the two that are not about it. */
START_TEST(knows_its_own)
{
    static const char *const names[] = {"X-KumoRef", "CFBL-Feedback-ID", "Feedback-ID"};
    g_autoptr(DsnPolicy) policy = make_policy(ALL_FIELDS);

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GString) header = g_string_new("CFBL-Address: <x>\r\nReceived: 1\r\n");
        g_auto(DsnStamp) stamp;

        if (i == 1)
            g_string_assign(header, "cfbl-address: FBL@relay.example ;report=arf\r\n");
        put_trace(header, names[i], traces[_i].key, traces[_i].time, traces[_i].tenant,
                  traces[_i].recipient);
        const DsnOutgoing mail = {
            "a@shop.example", "j@x.example", NULL, NULL, {header->str, header->len}};
        dsn_stamp_init(&stamp, policy, &mail, NOW);
        bool added = value_of(&stamp, names[i]) != NULL;
        bool removed = !traces[_i].kept && !traces[_i].stands;
        bool one_only = i > 0; /* of them somebody else's is the only one, too */
        ck_assert_msg(added == (removed || (traces[_i].stands && !one_only)), "%s: %s", names[i],
                      traces[_i].label);
        ck_assert_msg(stamp.n_removals == (removed ? 1 : 0), "%s: %s", names[i], traces[_i].label);
        if (removed) {
            ck_assert_str_eq(stamp.removals[0].name, names[i]);
            ck_assert_uint_eq(stamp.removals[0].number, 1);
        }
        ck_assert_ptr_null(value_of(&stamp, "CFBL-Address"));
    }
}
END_TEST

/* What the first pass added is all that the second one finds. */
START_TEST(adds_nothing_twice)
{
    g_autoptr(DsnPolicy) policy = make_policy(ALL_FIELDS);
    g_autoptr(GString) header = g_string_new("Subject: s\r\n");
    const char *recipients[] = {"j@x.example", NULL};

    for (size_t i = 0; i < G_N_ELEMENTS(recipients); i++) {
        DsnOutgoing mail = {
            "a@shop.example", recipients[i], NULL, "4A", {header->str, header->len}};
        g_auto(DsnStamp) stamp, second;

        dsn_stamp_init(&stamp, policy, &mail, NOW);
        g_autoptr(GString) stamped = g_string_new(NULL);
        for (size_t j = 0; j < stamp.n_fields; j++)
            g_string_append_printf(stamped, "%s: %s\r\n", stamp.fields[j].name,
                                   stamp.fields[j].value);
        g_string_append(stamped, header->str);
        mail.header = (DsnSpan){stamped->str, stamped->len};
        mail.id = "4B";
        dsn_stamp_init(&second, policy, &mail, NOW + 60);
        ck_assert(second.wanted);
        ck_assert_uint_eq(stamp.n_fields, 4);
        ck_assert_uint_eq(second.n_fields, 0);
        ck_assert_uint_eq(second.n_removals, 0);
    }
}
END_TEST

static const struct {
    const char *header;
    const char *added, *removed; /* names in their order, and numbers */
} authors[] = {
    /* the author's own address and id */
    {"CFBL-Address: me@shop.example\r\nCFBL-Feedback-ID: 1\r\nFeedback-ID: a:b:c:d\r\n",
     "X-KumoRef", ""},
    {"CFBL-Address: me@shop.example\r\nFeedback-ID: a\r\n", "X-KumoRef", ""},
    {"CFBL-Address: fbl@relay.example\r\nCFBL-Address: me@shop.example\r\nFeedback-ID: a\r\n",
     "X-KumoRef", ""},
    /* our address, named by the author */
    {"CFBL-Address: fbl@relay.example\r\nFeedback-ID: a\r\n", "X-KumoRef CFBL-Feedback-ID", ""},
    {"CFBL-Address: fbl@relay.example\r\nCFBL-Feedback-ID: 1\r\nFeedback-ID: a\r\n", "X-KumoRef",
     ""},
    /* an id without an address */
    {"CFBL-Feedback-ID: 1\r\nCFBL-Feedback-ID: 2\r\nFeedback-ID: a\r\n",
     "X-KumoRef CFBL-Address CFBL-Feedback-ID", "CFBL-Feedback-ID:2 CFBL-Feedback-ID:1"},
    /* KumoMTA's own, and no trace at all */
    {"X-KumoRef: eyJfQF8iOiJcXF8vIiwicmVjaXBpZW50IjoiYUBiIn0=\r\nX-KumoRef: x\r\nX-KumoRef:\r\n"
     "CFBL-Address: x\r\nFeedback-ID:\r\n",
     "X-KumoRef", ""},
};

static char *
list_removals(const DsnStamp *stamp)
{
    GString *text = g_string_new(NULL);

    for (size_t i = 0; i < stamp->n_removals; i++)
        g_string_append_printf(text, "%s%s:%u", i > 0 ? " " : "", stamp->removals[i].name,
                               stamp->removals[i].number);
    return g_string_free(text, FALSE);
}

START_TEST(lets_the_author_decide)
{
    g_autoptr(DsnPolicy) policy = make_policy(ALL_FIELDS);
    const DsnOutgoing mail = {.sender = "a@shop.example", .header = dsn_span(authors[_i].header)};
    g_autoptr(GString) added = g_string_new(NULL);
    g_auto(DsnStamp) stamp;

    dsn_stamp_init(&stamp, policy, &mail, NOW);
    for (size_t i = 0; i < stamp.n_fields; i++)
        g_string_append_printf(added, "%s%s", i > 0 ? " " : "", stamp.fields[i].name);
    g_autofree char *removed = list_removals(&stamp);
    ck_assert_str_eq(added->str, authors[_i].added);
    ck_assert_str_eq(removed, authors[_i].removed);
}
END_TEST

/* From the last to the first, so that the numbers stay right. */
START_TEST(removes_a_bounded_number)
{
    g_autoptr(DsnPolicy) policy = make_policy("");
    g_autoptr(GString) header = g_string_new("X-KumoRef: x\r\n");

    put_trace(header, "x-kumoref", "2026a", NOW, "shop", "j@x.example");
    put_trace(header, "X-KUMOREF", "2026a", NOW, "shop", "j@x.example");
    put_trace(header, "X-KumoRef", "wrong", NOW, "shop", "j@x.example");
    DsnOutgoing mail = {"a@shop.example", "j@x.example", NULL, NULL, {header->str, header->len}};
    g_auto(DsnStamp) stamp;
    dsn_stamp_init(&stamp, policy, &mail, NOW);
    g_autofree char *few = list_removals(&stamp);
    ck_assert_str_eq(few, "X-KumoRef:4 X-KumoRef:3");
    ck_assert_uint_eq(stamp.n_fields, 0);
    dsn_stamp_clear(&stamp);

    for (int i = 0; i < 1000; i++)
        put_trace(header, "X-KumoRef", "wrong", NOW, "shop", "j@x.example");
    mail.header = (DsnSpan){header->str, header->len};
    dsn_stamp_init(&stamp, policy, &mail, NOW);
    ck_assert_uint_eq(stamp.n_removals, DSN_STAMP_JUDGED - 2);
    ck_assert_uint_eq(stamp.removals[0].number, DSN_STAMP_JUDGED);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("outgoing");
    TCase *tcase = tcase_create("trace");

    tcase_add_loop_test(tcase, says_whose_mail_it_is_and_who_gets_it, 0, G_N_ELEMENTS(mails));
    tcase_add_test(tcase, knows_no_client_without_a_key_for_it);
    tcase_add_test(tcase, is_folded);
    tcase_add_loop_test(tcase, finds_the_campaign, 0, G_N_ELEMENTS(campaigns));
    tcase_add_test(tcase, repeats_fields);
    tcase_add_test(tcase, repeats_a_bounded_part_of_them);
    tcase_add_test(tcase, cuts_between_characters);
    tcase_add_test(tcase, fills_each_field);
    tcase_add_test(tcase, adds_no_empty_field);
    tcase_add_test(tcase, goes_by_the_tenant);
    tcase_add_loop_test(tcase, knows_its_own, 0, G_N_ELEMENTS(traces));
    tcase_add_test(tcase, adds_nothing_twice);
    tcase_add_loop_test(tcase, lets_the_author_decide, 0, G_N_ELEMENTS(authors));
    tcase_add_test(tcase, removes_a_bounded_number);
    suite_add_tcase(suite, tcase);
    return suite;
}
