/* SPDX-License-Identifier: BSD-2-Clause */
/* What records say of what proves them, from whole messages. */
#include "config.h"

#include "filter/core/report-record.h"
#include "mime/report-parse.h"
#include "mime/trace.h"
#include "tests/support/unit.h"

#define NOW G_GINT64_CONSTANT(1795166100)
#define DKIM "Authentication-Results: mx.ours.example; dkim=pass header.d=mail.isp.example\n"
#define SPF "Authentication-Results: mx.ours.example; spf=pass smtp.mailfrom=fbl@isp.example\n"
#define FROM "From: Feedback <fbl@isp.example>\n"
#define CFBL "CFBL-Address: fbl@shop.example; report=arf\n"
#define TRACE "@"

static gpointer ids[] = {(gpointer) "mx.ours.example"};
static gpointer reporters[] = {(gpointer) "isp.example", (gpointer) "Staff@mail.web.example"};
static gpointer clients[] = {(gpointer) "192.0.2.0/24", (gpointer) "2001:db8::/32"};
static DsnTraceKey key = {(char *)"2026a", (char *)"0123456789abcdef"};
static gpointer keys[] = {&key};
static GPtrArray id_list = {ids, 1}, reporter_list = {reporters, 2}, client_list = {clients, 2},
                 key_list = {keys, 1}, none = {NULL, 0};

static const DsnConfiguration configuration = {
    .authentication = {&id_list, 1, &client_list, &reporter_list},
    .trace = {.sign = (char *)"2026a",
              .max_age = 90 * G_TIME_SPAN_DAY,
              .return_path = &none,
              .keys = &key_list},
};

static char *
dup_signed_header(void)
{
    g_autoptr(DsnTraceKeys) signer = dsn_trace_keys_new(&configuration.trace);
    json_auto_t *members = json_pack("{s:s, s:s}", "recipient", "jane@x.example", "tenant", "shop");
    g_autoptr(GString) text = g_string_new(NULL);
    GString *header = g_string_new("X-KumoRef: ");

    ck_assert(dsn_trace_sign(signer, members, NOW, text));
    dsn_trace_encode((DsnSpan){text->str, text->len}, header);
    g_string_append(header, "\n");
    return g_string_free(header, FALSE);
}

/* The "dsnarf" member of the one record of a report (transfer full); TRACE in @original is a signed
 * trace of jane@x.example. */
static json_t *
read_report(const char *kind, const char *header, const char *fields, const char *original,
            const char *peer)
{
    static const char form[] = "%sMIME-Version: 1.0\n"
                               "Content-Type: multipart/report; report-type=%s; boundary=b\n"
                               "\n--b\nContent-Type: text/plain\n\nHello\n"
                               "--b\nContent-Type: message/%s\n\n%s\n"
                               "--b\nContent-Type: message/rfc822\n\n%s\n--b--\n";
    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&DSN_LIMITS_DEFAULT);
    g_autoptr(DsnReport) report = dsn_report_new();
    g_autoptr(DsnEvidenceRules) rules = dsn_evidence_rules_new(&configuration);
    g_autoptr(GString) message = g_string_new(NULL), lines = g_string_new(NULL);
    g_autofree char *trace = dup_signed_header();

    g_string_printf(message, form, header, kind, kind, fields, original);
    (void)g_string_replace(message, TRACE "\n", trace, 0);
    const DsnArrival arrival = {
        .message = {message->str, message->len},
        .sender = DSN_SPAN_LITERAL(""),
        .recipient = DSN_SPAN_LITERAL("report@ours.example"),
        .peer_addr = dsn_span(peer),
        .time = NOW,
        .rules = rules,
    };
    dsn_report_parse(parser, arrival.message, report);
    ck_assert_uint_eq(dsn_report_write_records(report, &arrival, lines, NULL), 1);

    json_auto_t *record = json_loads(lines->str, 0, NULL);
    ck_assert_ptr_nonnull(record);
    return json_incref(json_object_get(record, "dsnarf"));
}

static json_t *
read_arf(const char *header, const char *type, const char *recipient, const char *original,
         const char *peer)
{
    g_autofree char *fields =
        g_strdup_printf("Feedback-Type: %s\nUser-Agent: x/1\nVersion: 1\n%s", type, recipient);

    return read_report("feedback-report", header, fields, original, peer);
}

static json_t *
read_dsn(const char *header, const char *recipients, const char *status, const char *original)
{
    g_autofree char *fields = g_strdup_printf(
        "Reporting-MTA: dns; mx.isp.example\n\n%sAction: failed\nStatus: %s\n", recipients, status);

    return read_report("delivery-status", header, fields, original, NULL);
}

/* The strings of @array with a space between them (transfer full). */
static char *
dup_joined(const json_t *array)
{
    GString *text = g_string_new(NULL);
    size_t i;
    json_t *value;

    json_array_foreach((json_t *)array, i, value)
        g_string_append_printf(text, "%s%s", i > 0 ? " " : "", json_string_value(value));
    return g_string_free(text, FALSE);
}

static void
check_record(const json_t *own, const char *by, const char *suppress, const char *cfbl,
             const char *label)
{
    g_autofree char *found = dup_joined(json_object_get(own, "verified_by"));

    ck_assert_msg(strcmp(found, by) == 0, "%s: by %s", label, found);
    ck_assert_msg(json_is_true(json_object_get(own, "verified")) == (*by != '\0'), "%s", label);
    ck_assert_msg(g_strcmp0(json_string_value(json_object_get(own, "suppress")), suppress) == 0,
                  "%s: suppress %s", label, json_string_value(json_object_get(own, "suppress")));
    ck_assert_msg(g_strcmp0(json_string_value(json_object_get(own, "cfbl")), cfbl) == 0, "%s: %s",
                  label, json_string_value(json_object_get(own, "cfbl")));
}

#define BY_DKIM "authentication-results:dkim=mail.isp.example"
#define BY_SPF "authentication-results:spf=isp.example"
#define BY_AUTHOR "authentication-results:dkim=Staff@mail.web.example"
#define WEB "Authentication-Results: mx.ours.example; dkim=pass header.d=mail.web.example\n"
#define RCPT "Original-Rcpt-To: <ann@x.example>\n"
#define PLAIN "Subject: x\n"

static const struct {
    const char *label, *header, *type, *recipient, *original, *peer;
    const char *by, *suppress, *cfbl;
} complaints[] = {
    {"SEC-04: nobody", FROM, "abuse", RCPT, PLAIN, "198.51.100.1", "", NULL, NULL},
    {"ARF-23: DKIM", DKIM FROM, "abuse", RCPT, PLAIN, NULL, BY_DKIM, "ann@x.example", NULL},
    {"ARF-23: SPF", SPF FROM, "abuse", RCPT, PLAIN, NULL, BY_SPF, "ann@x.example", NULL},
    {"ARF-23: not listed",
     "Authentication-Results: mx.ours.example; dkim=pass header.d=evil.example\n" FROM, "abuse",
     RCPT, PLAIN, NULL, "", NULL, NULL},
    {"ARF-23: failed",
     "Authentication-Results: mx.ours.example; dkim=fail header.d=isp.example\n" FROM, "abuse",
     RCPT, PLAIN, NULL, "", NULL, NULL},
    {"ARF-23: forged", "Authentication-Results: mx.evil.example; dkim=pass header.d=isp.example\n",
     "abuse", RCPT, PLAIN, NULL, "", NULL, NULL},
    /* an author, who shares the domain with others */
    {"ARF-23: an author", WEB "From: staff@mail.web.example\n", "abuse", RCPT, PLAIN, NULL,
     BY_AUTHOR, "ann@x.example", NULL},
    {"ARF-23: an author in words", WEB "From: \"a@b.example\" <STAFF@Mail.Web.Example>\n", "abuse",
     RCPT, PLAIN, NULL, BY_AUTHOR, "ann@x.example", NULL},
    {"ARF-23: signed above",
     "Authentication-Results: mx.ours.example; dkim=pass header.d=web.example\n"
     "From: staff@mail.web.example\n",
     "abuse", RCPT, PLAIN, NULL, BY_AUTHOR, "ann@x.example", NULL},
    {"ARF-23: signed below",
     "Authentication-Results: mx.ours.example; dkim=pass header.d=x.mail.web.example\n"
     "From: staff@mail.web.example\n",
     "abuse", RCPT, PLAIN, NULL, "", NULL, NULL},
    {"ARF-23: another author", WEB "From: user@mail.web.example\n", "abuse", RCPT, PLAIN, NULL, "",
     NULL, NULL},
    {"ARF-23: one of two authors", WEB "From: staff@mail.web.example, user@mail.web.example\n",
     "abuse", RCPT, PLAIN, NULL, "", NULL, NULL},
    {"ARF-23: two From fields",
     WEB "From: staff@mail.web.example\nSubject: x\nFrom: user@mail.web.example\n", "abuse", RCPT,
     PLAIN, NULL, "", NULL, NULL},
    {"ARF-23: the name of an author", WEB "From: \"staff@mail.web.example\" <u@mail.web.example>\n",
     "abuse", RCPT, PLAIN, NULL, "", NULL, NULL},
    {"ARF-23: an author by SPF alone",
     "Authentication-Results: mx.ours.example; spf=pass smtp.mailfrom=staff@mail.web.example\n"
     "From: staff@mail.web.example\n",
     "abuse", RCPT, PLAIN, NULL, "", NULL, NULL},
    {"a client", FROM, "abuse", RCPT, PLAIN, "192.0.2.7", "client:192.0.2.0/24", "ann@x.example",
     NULL},
    {"a client by IPv6", FROM, "abuse", RCPT, PLAIN, "2001:db8::1", "client:2001:db8::/32",
     "ann@x.example", NULL},
    {"no address", FROM, "abuse", RCPT, PLAIN, "unix:", "", NULL, NULL},
    {"ARF-23: our trace", FROM, "abuse", RCPT, TRACE "\n" PLAIN, "198.51.100.1", "trace:2026a",
     "jane@x.example", NULL},
    {"all", DKIM FROM, "abuse", RCPT, TRACE "\n" PLAIN, "192.0.2.7",
     "trace:2026a " BY_DKIM " client:192.0.2.0/24", "jane@x.example", NULL},
    /* who complains cannot put others off */
    {"FBL-11: an unsigned trace", DKIM FROM, "abuse", "",
     "X-KumoRef: eyJfQF8iOiJcXF8vIiwicmVjaXBpZW50IjoidGVzdEBleGFtcGxlLmNvbSJ9\n" PLAIN, NULL,
     BY_DKIM, NULL, NULL},
    {"ARF-25: redacted", DKIM FROM, "abuse", "Original-Rcpt-To: redacted@x.example\n", PLAIN, NULL,
     BY_DKIM, NULL, NULL},
    {"FBL-11: redacted, with our trace", FROM, "abuse", "Original-Rcpt-To: redacted@x.example\n",
     TRACE "\n" PLAIN, NULL, "trace:2026a", "jane@x.example", NULL},
    {"two recipients", DKIM FROM, "abuse", RCPT "Original-Rcpt-To: b@x.example\n", PLAIN, NULL,
     BY_DKIM, NULL, NULL},
    /* other types */
    {"asks to be taken off", DKIM FROM, "opt-out", RCPT, PLAIN, NULL, BY_DKIM, "ann@x.example",
     NULL},
    {"ARF-22: not spam", DKIM FROM, "not-spam", RCPT, TRACE "\n" PLAIN, NULL,
     "trace:2026a " BY_DKIM, NULL, NULL},
    {"AUTHF-10", DKIM FROM, "auth-failure", RCPT, TRACE "\n" PLAIN, NULL, "trace:2026a " BY_DKIM,
     NULL, NULL},
    {"fraud", DKIM FROM, "fraud", RCPT, PLAIN, NULL, BY_DKIM, NULL, NULL},
    /* RFC 9477 */
    {"CFBL-05: aligned", DKIM FROM, "abuse", RCPT, CFBL PLAIN, NULL, BY_DKIM, "ann@x.example",
     "aligned"},
    {"CFBL-05: another author", DKIM "From: x@other.example\n", "abuse", RCPT,
     CFBL TRACE "\n" PLAIN, NULL, "trace:2026a " BY_DKIM, NULL, "unaligned"},
    {"CFBL-05: no signature", SPF FROM, "abuse", RCPT, CFBL PLAIN, NULL, BY_SPF, NULL, "unaligned"},
    {"CFBL-05: two authors", DKIM "From: a@isp.example, b@isp.example\n", "abuse", RCPT, CFBL PLAIN,
     NULL, BY_DKIM, NULL, "unaligned"},
    {"CFBL-05: two From fields", DKIM "From: a@isp.example\nFrom: b@other.example\n", "abuse", RCPT,
     CFBL PLAIN, NULL, BY_DKIM, NULL, "unaligned"},
    {"CFBL-05: no author", DKIM, "abuse", RCPT, CFBL PLAIN, NULL, BY_DKIM, NULL, "unaligned"},
    {"CFBL-05: nobody says", FROM, "abuse", RCPT, CFBL TRACE "\n" PLAIN, NULL, "trace:2026a",
     "jane@x.example", "unknown"},
};

START_TEST(complaints_and_their_proofs)
{
    json_auto_t *own =
        read_arf(complaints[_i].header, complaints[_i].type, complaints[_i].recipient,
                 complaints[_i].original, complaints[_i].peer);

    check_record(own, complaints[_i].by, complaints[_i].suppress, complaints[_i].cfbl,
                 complaints[_i].label);
}
END_TEST

#define JANE "Final-Recipient: rfc822; jane@x.example\n"
#define FINAL "Final-Recipient: rfc822; final@x.example\n"

static const struct {
    const char *label, *header, *recipients, *status, *original, *by, *suppress;
} bounces[] = {
    {"OOB-17: unverified", "", JANE, "5.1.1", PLAIN, "", NULL},
    {"OOB-17: verified", "", JANE, "5.1.1", TRACE "\n" PLAIN, "trace:2026a", "jane@x.example"},
    {"letters in another case", "", "Final-Recipient: rfc822; Jane@X.example\n", "5.1.1",
     TRACE "\n" PLAIN, "trace:2026a", "jane@x.example"},
    /* nobody knows who else is behind jane@ */
    {"SEC-04: another mailbox", "", FINAL, "5.1.1", TRACE "\n" PLAIN, "trace:2026a", NULL},
    {"SEC-04: an alias", "", "Original-Recipient: rfc822; jane@x.example\n" FINAL, "5.1.1",
     TRACE "\n" PLAIN, "trace:2026a", NULL},
    {"SEC-04: an alias at a reporter", DKIM, "Original-Recipient: rfc822; jane@x.example\n" FINAL,
     "5.1.1", PLAIN, BY_DKIM, NULL},
    {"no address", "", "Final-Recipient: unknown; j\n", "5.1.1", TRACE "\n" PLAIN, "trace:2026a",
     NULL},
    {"OOB-17: a reporter", DKIM, FINAL, "5.1.1", PLAIN, BY_DKIM, "final@x.example"},
    {"OOB-11: both are the same", DKIM, "Original-Recipient: rfc822; FINAL@x.example\n" FINAL,
     "5.1.1", PLAIN, BY_DKIM, "FINAL@x.example"},
    {"no host", DKIM, FINAL, "5.1.2", PLAIN, BY_DKIM, "final@x.example"},
    {"no mail", DKIM, FINAL, "5.1.10", PLAIN, BY_DKIM, "final@x.example"},
    {"disabled", DKIM, FINAL, "5.2.1", PLAIN, BY_DKIM, "final@x.example"},
    {"later perhaps", DKIM, FINAL, "4.1.1", PLAIN, BY_DKIM, NULL},
    {"full", DKIM, FINAL, "5.2.2", PLAIN, BY_DKIM, NULL},
    {"policy", DKIM, FINAL, "5.7.1", PLAIN, BY_DKIM, NULL},
    {"the sender's address", DKIM, FINAL, "5.1.8", PLAIN, BY_DKIM, NULL},
    {"vague", DKIM, FINAL, "5.0.0", PLAIN, BY_DKIM, NULL},
};

START_TEST(bounces_and_their_proofs)
{
    json_auto_t *own = read_dsn(bounces[_i].header, bounces[_i].recipients, bounces[_i].status,
                                bounces[_i].original);

    check_record(own, bounces[_i].by, bounces[_i].suppress, NULL, bounces[_i].label);
}
END_TEST

/* Rule OOB-17: null sender, SPF and DKIM are in the record. */
START_TEST(what_was_found_is_told)
{
    json_auto_t *own = read_dsn("Authentication-Results: mx.ours.example;\n spf=none; dkim=pass "
                                "header.d=isp.example;\n dkim=fail header.d=b.example; dmarc=pass "
                                "header.from=isp.example\n",
                                FINAL, "5.1.1", PLAIN);
    g_autofree char *found = json_dumps(json_object_get(own, "authentication"), JSON_COMPACT);

    ck_assert_str_eq(found, "{\"authserv_id\":\"mx.ours.example\","
                            "\"spf\":{\"result\":\"none\",\"domain\":null},"
                            "\"dkim\":[{\"result\":\"pass\",\"domain\":\"isp.example\"},"
                            "{\"result\":\"fail\",\"domain\":\"b.example\"}],"
                            "\"dmarc\":{\"result\":\"pass\",\"domain\":\"isp.example\"}}");
    ck_assert(json_is_true(json_object_get(own, "null_sender")));
}
END_TEST

/* Rule SEC-03: the state of a trace is told, with the key and the time of a signed one. */
START_TEST(the_seal_is_told)
{
    json_auto_t *own = read_arf(FROM, "abuse", RCPT, TRACE "\n" PLAIN, NULL);
    const json_t *trace = json_object_get(own, "trace");

    ck_assert_str_eq(json_string_value(json_object_get(trace, "state")), "verified");
    ck_assert_str_eq(json_string_value(json_object_get(trace, "source")), "header:X-KumoRef");
    ck_assert_str_eq(json_string_value(json_object_get(trace, "key")), "2026a");
    ck_assert_str_eq(json_string_value(json_object_get(trace, "time")), "2026-11-20T09:15:00Z");
    ck_assert_ptr_null(json_object_get(trace, "reason"));
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("evidence");
    TCase *tcase = tcase_create("records");

    tcase_add_loop_test(tcase, complaints_and_their_proofs, 0, G_N_ELEMENTS(complaints));
    tcase_add_loop_test(tcase, bounces_and_their_proofs, 0, G_N_ELEMENTS(bounces));
    tcase_add_test(tcase, what_was_found_is_told);
    tcase_add_test(tcase, the_seal_is_told);
    suite_add_tcase(suite, tcase);
    return suite;
}
